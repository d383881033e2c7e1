//! `image-preflight inspect`.

use std::io::Write;

use super::Failure;
use super::args::{InspectArgs, InspectFormatArg};
use crate::disk::facts::{DiskFacts, VolumeFacts};
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::Shutdown;
use crate::guest::facts::{
    DriverSignature, Facts, FileSystemFacts, FirewallVerdict, Guest, HiveSync, LinuxFacts,
    WindowsAccount, WindowsFacts, WindowsPassword,
};
use crate::image::facts::ImageFacts;
use crate::report::escape::for_terminal;

pub(super) fn run(args: &InspectArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let facts = crate::inspect(&args.image)?.facts;
    match args.format {
        InspectFormatArg::Json => {
            crate::report::json::write_value(&facts, out)?;
        }
        InspectFormatArg::Human => human(&facts, out)?,
    }
    Ok(0)
}

fn human(facts: &Facts, out: &mut dyn Write) -> Result<(), Failure> {
    image(&facts.image, out)?;
    match &facts.disk {
        Fact::Known(found) => {
            disk(found, out)?;
            for filesystem in &facts.filesystems {
                let volume = found.volumes.get(filesystem.volume);
                let name = volume.map_or("volume", |volume| volume.name.as_str());
                row(out, "file system", &format!("{name}: {}", health(filesystem)))?;
            }
        }
        Fact::Unknown(unread) => row(out, "disk", &unknown(unread))?,
    }
    match &facts.firmware {
        Fact::Known(firmware) => {
            for (name, evidence) in [("bios", &firmware.bios), ("uefi", &firmware.uefi)] {
                for seen in evidence {
                    row(out, name, &format!("{}: {}", seen.location, seen.detail))?;
                }
            }
        }
        Fact::Unknown(unread) => row(out, "firmware", &unknown(unread))?,
    }
    match &facts.guest {
        Fact::Known(Guest::Linux(found)) => linux(found, out),
        Fact::Known(Guest::Windows(found)) => windows(found, out),
        Fact::Known(Guest::Absent(_)) => row(out, "guest", "no operating system"),
        Fact::Unknown(unread) => row(out, "guest", &unknown(unread)),
    }
}

fn image(image: &ImageFacts, out: &mut dyn Write) -> Result<(), Failure> {
    row(out, "file", &image.path)?;
    let variant = image.variant.as_ref().map_or(String::new(), |variant| format!(" ({variant})"));
    let format = image.format.name();
    row(out, "format", &format!("{format}{variant}, {} bytes", image.file_size))?;
    if let Some(size) = image.virtual_size {
        row(out, "disk size", &format!("{size} bytes"))?;
    }
    match &image.qcow2 {
        Some(Fact::Known(qcow2)) => {
            row(
                out,
                "qcow2",
                &format!(
                    "version {}, {}-byte clusters, {} snapshots, {} pieces of damage",
                    qcow2.version, qcow2.cluster_size, qcow2.snapshot_count, qcow2.problem_count
                ),
            )?;
            if let Some(name) = &qcow2.backing_file {
                row(out, "backing file", name)?;
            }
            if let Some(name) = &qcow2.data_file_name {
                row(out, "data file", name)?;
            }
        }
        Some(Fact::Unknown(unread)) => row(out, "qcow2", &unknown(unread))?,
        None => {}
    }
    match &image.content {
        Fact::Known(()) => Ok(()),
        Fact::Unknown(unread) => row(out, "content", &unknown(unread)),
    }
}

fn disk(disk: &DiskFacts, out: &mut dyn Write) -> Result<(), Failure> {
    let table = serde_json::to_value(disk.table).unwrap_or_default();
    let table = table.as_str().unwrap_or_default();
    row(out, "table", &format!("{table}, {}-byte sectors", disk.sector_size))?;
    if let Fact::Known(code) = &disk.boot_code {
        let kind = serde_json::to_value(code.kind).unwrap_or_default();
        row(out, "boot code", kind.as_str().unwrap_or_default())?;
        match &code.grub_core {
            Some(Fact::Known(core)) => {
                let prefix = core.prefix.known().and_then(Option::as_deref).unwrap_or("?");
                let place = format!("byte {} ({}), prefix {prefix}", core.offset, core.place);
                row(out, "grub core", &place)?;
            }
            Some(Fact::Unknown(unread)) => row(out, "grub core", &unknown(unread))?,
            None => {}
        }
    }
    for volume in &disk.volumes {
        let role = disk.partitions.iter().find(|found| Some(found.number) == volume.partition);
        let active = if role.is_some_and(|partition| partition.active) { ", active" } else { "" };
        let kind = role.map_or(String::new(), |partition| format!(", type {}", partition.type_id));
        let start = volume.start.map_or(String::new(), |start| format!(" at {start}"));
        row(
            out,
            &volume.name,
            &format!("{} bytes{start}{kind}{active}, {}", volume.size, content(volume)),
        )?;
    }
    for problem in &disk.problems {
        let evidence = &problem.evidence;
        row(out, "flaw", &format!("{}: {}", evidence.location, evidence.detail))?;
    }
    Ok(())
}

/// How a file system was left, its room and its marks of errors.
fn health(filesystem: &FileSystemFacts) -> String {
    let kind = &filesystem.kind;
    let health = match &filesystem.health {
        Fact::Known(health) => health,
        Fact::Unknown(unread) => return format!("{kind}, {}", unknown(unread)),
    };
    let shutdown = match &health.shutdown {
        Fact::Known((Shutdown::Clean, _)) => "unmounted cleanly".to_owned(),
        Fact::Known((Shutdown::Unclean, seen)) => format!("not unmounted ({})", seen.detail),
        Fact::Unknown(unread) => unknown(unread),
    };
    let stale = health.stale.as_ref().map_or(String::new(), |unread| {
        format!(", log not replayed ({}: {})", unread.location, unread.reason)
    });
    let space = match &health.space {
        Fact::Known(space) => format!(", {} of {} bytes free", space.free, space.total),
        Fact::Unknown(_) => String::new(),
    };
    let errors = match health.errors.first() {
        Some(first) => format!(", {} marks of errors ({})", health.errors.len(), first.detail),
        None => String::new(),
    };
    format!("{kind}, {shutdown}{stale}{space}{errors}")
}

fn content(volume: &VolumeFacts) -> String {
    match &volume.signatures {
        Fact::Unknown(unread) => unknown(unread),
        Fact::Known(found) => found.first().map_or("no signature".to_owned(), |signature| {
            let tag = |name: &str, value: &Option<String>| {
                value.as_ref().map_or(String::new(), |value| format!(" {name}={value:?}"))
            };
            format!(
                "{}{}{}",
                signature.kind.name(),
                tag("UUID", &signature.uuid),
                tag("LABEL", &signature.label)
            )
        }),
    }
}

fn linux(linux: &LinuxFacts, out: &mut dyn Write) -> Result<(), Failure> {
    match &linux.os {
        Fact::Known(Some(os)) => {
            let version = os.version.as_deref().unwrap_or("?");
            row(out, "guest", &format!("{} (id {}, version {version})", os.name, os.id))?;
        }
        Fact::Known(None) => row(out, "guest", "Linux without a release file")?,
        Fact::Unknown(unread) => row(out, "guest", &unknown(unread))?,
    }
    for mount in &linux.mounts {
        let what = match &mount.readable {
            Fact::Known(()) => mount.kind.clone().unwrap_or_default(),
            Fact::Unknown(unread) => unknown(unread),
        };
        row(out, "mount", &format!("{} {what} ({})", mount.path, mount.evidence.location))?;
    }
    match &linux.boot.default_entry {
        Fact::Known(Some(entry)) => {
            row(out, "boots", &format!("{} ({})", entry.title, entry.location))?;
            row(out, "command line", &entry.command_line)?;
        }
        Fact::Known(None) => row(out, "boots", "no boot entry found")?,
        Fact::Unknown(unread) => row(out, "boots", &unknown(unread))?,
    }
    if let Fact::Known(kernels) = &linux.kernels {
        for kernel in kernels {
            let default = if kernel.is_default { ", default" } else { "" };
            row(out, "kernel", &format!("{}{default}", kernel.release))?;
        }
    }
    match &linux.cloud_init.installed {
        Fact::Known(Some(found)) => {
            let version = found.version.as_deref().unwrap_or("of unknown version");
            row(out, "cloud-init", &format!("{version} ({})", found.path))
        }
        Fact::Known(None) => row(out, "cloud-init", "not installed"),
        Fact::Unknown(unread) => row(out, "cloud-init", &unknown(unread)),
    }
}

fn windows(windows: &WindowsFacts, out: &mut dyn Write) -> Result<(), Failure> {
    for seen in &windows.evidence {
        row(out, "windows", &format!("{}: {}", seen.location, seen.detail))?;
    }
    each(out, "guest", &windows.os, |os| {
        let arch = windows.arch.known().map_or("?", |(arch, _)| arch.name());
        vec![format!("{} ({}, {arch})", os.name, os.number())]
    })?;
    for hive in &windows.hives {
        let state = match &hive.sync {
            Fact::Known(HiveSync::Clean) => "written to its end".to_owned(),
            Fact::Known(HiveSync::Replayed(seen)) => format!("replayed ({})", seen.detail),
            Fact::Known(HiveSync::Torn(unread)) | Fact::Unknown(unread) => unknown(unread),
        };
        row(out, "hive", &format!("{}: {state}", hive.name))?;
    }
    each(out, "account", &windows.accounts, |found| found.accounts.iter().map(account).collect())?;
    each(out, "service", &windows.services, |services| {
        let shown = services.iter().map(|service| {
            let version = service.file_version.as_ref().map_or(String::new(), |v| format!(", {v}"));
            let signature = match service.signature {
                Some(DriverSignature::Embedded) => ", signature embedded",
                Some(DriverSignature::NotEmbedded) => {
                    ", no signature embedded (catalogues not looked at)"
                }
                None => "",
            };
            let file = match &service.file {
                Fact::Known(Some(_)) => "file there",
                Fact::Known(None) => "file not there",
                Fact::Unknown(_) => "file not looked at",
            };
            format!("{}: {}, {file}{version}{signature}", service.name, service.evidence.detail)
        });
        shown.collect()
    })?;
    each(out, "device", &windows.bindings, |bindings| {
        bindings.iter().map(|it| format!("{}: {}", it.device, it.driver)).collect()
    })?;
    each(out, "interface", &windows.interfaces, |interfaces| {
        let cards = interfaces.iter().filter(|interface| interface.is_card());
        let name = |name: &Option<String>| name.clone().unwrap_or_default();
        cards.map(|it| format!("{} {}: {}", it.guid, name(&it.name), it.evidence.detail)).collect()
    })?;
    each(out, "remote desktop", &windows.remote_desktop.deny, |deny| {
        vec![deny.as_ref().map_or_else(|| "not set".to_owned(), |it| it.evidence.detail.clone())]
    })?;
    each(out, "firewall", &windows.remote_desktop.firewall, |verdict| {
        let (what, seen) = match verdict {
            FirewallVerdict::Off(seen) => ("off", seen),
            FirewallVerdict::Open(seen) => ("lets remote desktop in", seen),
            FirewallVerdict::Closed(seen) => ("keeps remote desktop out", seen),
        };
        vec![format!("{what} ({}: {})", seen.location, seen.detail)]
    })?;
    each(out, "setup", &windows.sysprep.image_state, |state| {
        state.iter().map(|state| state.value.clone()).collect()
    })?;
    each(out, "hibernation", &windows.hibernated, |seen| seen.iter().map(said).collect())?;
    for pending in [&windows.pending.updates, &windows.pending.renames] {
        each(out, "pending", pending, |pending| pending.iter().map(said).collect())?;
    }
    each(out, "pending", &windows.pending.servicing, |seen| seen.iter().map(said).collect())?;
    each(out, "directory", &windows.directory, |database| database.iter().map(said).collect())?;
    each(out, "cloudbase-init", &windows.cloudbase_init.conf, |conf| {
        vec![conf.as_ref().map_or_else(|| "no configuration".to_owned(), |conf| conf.path.clone())]
    })
}

fn said(seen: &Evidence) -> String {
    format!("{}: {}", seen.location, seen.detail)
}

fn account(account: &WindowsAccount) -> String {
    let mut words = vec![match &account.password {
        Fact::Known(WindowsPassword::Set) => "has a password",
        Fact::Known(WindowsPassword::Empty) => "has no password",
        Fact::Unknown(_) => "whether it has a password is unknown",
    }];
    for (is, word) in [(account.disabled, "disabled"), (account.locked, "locked")] {
        words.extend(is.then_some(word));
    }
    words.extend((account.administrator == Fact::Known(true)).then_some("administrator"));
    format!("{} ({}): {}", account.name, account.rid, words.join(", "))
}

/// A row for each line of a fact, or one that says why it is not known.
fn each<T>(
    out: &mut dyn Write,
    name: &str,
    fact: &Fact<T>,
    lines: impl FnOnce(&T) -> Vec<String>,
) -> Result<(), Failure> {
    match fact {
        Fact::Known(value) => lines(value).iter().try_for_each(|line| row(out, name, line)),
        Fact::Unknown(unread) => row(out, name, &unknown(unread)),
    }
}

fn unknown(unread: &Unread) -> String {
    format!("unknown: {}: {}", unread.location, unread.reason)
}

fn row(out: &mut dyn Write, name: &str, value: &str) -> Result<(), Failure> {
    writeln!(out, "{:14} {}", for_terminal(name), for_terminal(value))?;
    Ok(())
}
