//! The mount table.

use super::{Case, Plan};
use crate::disk::facts::{DiskFacts, SignatureKind};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{FstabEntry, LinuxFacts, Resolution};
use crate::remedy::step::{Edit, Step};
use crate::rules::shell::file_and_line;
use crate::rules::{Text, system_mounts, volumes};

pub(super) fn of(case: &Case<'_>) -> Option<Plan> {
    Some(match case.rule() {
        "fstab-no-nonsystem-mounts" => taken_out(case),
        "fstab-uuid" => by_uuid(case),
        "fstab-uuid-exists" => existing(case),
        "boot-and-system-same-disk" if case.is_broken("fstab-uuid-exists") => existing(case),
        _ => return None,
    })
}

/// The entries that the finding shows.
fn shown<'a>(case: &'a Case<'_>) -> Vec<&'a FstabEntry> {
    let entries = case.linux.fstab.known().map_or(&[][..], |fstab| &fstab.entries);
    let is_shown = |entry: &&FstabEntry| entry_of(case.evidence(), entry);
    entries.iter().filter(is_shown).collect()
}

fn entry_of(evidence: &[Evidence], entry: &FstabEntry) -> bool {
    let own = entry.evidence();
    evidence.iter().any(|seen| seen.location == own.location && seen.detail == own.detail)
}

/// The places of entries that the finding shows otherwise than they are, and of no entry: a finding
/// cuts a line that is very long.
fn cut(case: &Case<'_>) -> Vec<String> {
    let found = shown(case);
    let is_entry = |seen: &&Evidence| {
        let (file, _) = file_and_line(&seen.location).unwrap_or_default();
        file == "/etc/fstab" || file.starts_with("/etc/systemd/system/")
    };
    let lacks =
        |seen: &&Evidence| !found.iter().any(|entry| entry.evidence().location == seen.location);
    let left = case.evidence().iter().filter(is_entry).filter(lacks);
    left.map(|seen| seen.location.clone()).collect()
}

/// The entry plays no part in the start any more.
fn take_out(entry: &FstabEntry) -> Vec<Step> {
    let Some(unit) = &entry.unit else {
        let (line, seen) = (entry.line, entry.text.clone());
        return vec![Step::edit("/etc/fstab", Edit::CommentOut { line, seen })];
    };
    let path = format!("/etc/systemd/system/{}", unit.name);
    let mut steps = Vec::new();
    // The link would take the place of the user's own file.
    if unit.path == path {
        steps.push(Step::Rename { from: path.clone(), to: format!("{path}.disabled") });
    }
    // As `systemctl mask`: whatever starts it.
    steps.push(Step::Link { path, target: "/dev/null".to_owned() });
    steps
}

fn taken_out(case: &Case<'_>) -> Plan {
    finish(case, shown(case).into_iter().flat_map(take_out).collect(), &[])
}

/// The entry names its device by this UUID.
pub(super) fn name_by(entry: &FstabEntry, uuid: &str) -> Step {
    let spec = entry.text.split_whitespace().next().unwrap_or_default();
    match &entry.unit {
        None => Step::edit(
            "/etc/fstab",
            Edit::Replace {
                line: entry.line,
                seen: entry.text.clone(),
                new: entry.text.replacen(spec, &format!("UUID={uuid}"), 1),
            },
        ),
        Some(unit) => Step::edit(
            &unit.path,
            Edit::Replace {
                line: entry.line,
                seen: entry.text.clone(),
                new: format!("What=/dev/disk/by-uuid/{uuid}"),
            },
        ),
    }
}

/// Entries with a device name get the UUID of what the name leads to.
fn by_uuid(case: &Case<'_>) -> Plan {
    let Fact::Known(disk) = &case.facts.disk else { return Plan::ByHand(super::no_step()) };
    let (mut steps, mut left) = (Vec::new(), Vec::new());
    for entry in shown(case) {
        match by_uuid_of(entry, case.linux, disk) {
            Some(step) => steps.push(step),
            None => left.push(entry.evidence().location),
        }
    }
    finish(case, steps, &left)
}

pub(super) fn by_uuid_of(entry: &FstabEntry, linux: &LinuxFacts, disk: &DiskFacts) -> Option<Step> {
    if let Resolution::Volume(index) = entry.source.resolution {
        return Some(name_by(entry, volumes::uuid(disk, index)?));
    }
    existing_uuid(entry, linux, disk).map(|uuid| name_by(entry, uuid))
}

/// The entries left over are told.
fn finish(case: &Case<'_>, steps: Vec<Step>, left: &[String]) -> Plan {
    let cut = cut(case).join(", ");
    let places = left.join(", ");
    let (mut en, mut zh) = (Vec::new(), Vec::new());
    if !places.is_empty() {
        en.push(format!("Left to you, because which volume is meant is not certain: {places}."));
        zh.push(format!("以下各处无法确定所指的卷，请自行处理：{places}。"));
    }
    if !cut.is_empty() {
        en.push(format!("Left to you, because the line is too long for a script: {cut}."));
        zh.push(format!("以下各行过长，无法写入脚本，请自行处理：{cut}。"));
    }
    let note = (!en.is_empty()).then(|| Text { en: en.join(" "), zh: zh.concat() });
    Plan::Steps(steps, note)
}

/// Entries with an identifier that nothing has get the one of the only volume that can be meant.
fn existing(case: &Case<'_>) -> Plan {
    let Fact::Known(disk) = &case.facts.disk else { return Plan::ByHand(super::no_step()) };
    let (mut steps, mut left) = (Vec::new(), Vec::new());
    for entry in shown(case) {
        if let Resolution::Volume(index) = entry.source.resolution {
            let found = disk.volumes.get(index).and_then(|volume| volume.signature());
            match found.map(|found| with_type(entry, found.kind)) {
                Some(Some(step)) => steps.push(step),
                _ => left.push(entry.evidence().location),
            }
            continue;
        }
        match existing_uuid(entry, case.linux, disk) {
            Some(uuid) => steps.push(name_by(entry, uuid)),
            None if system_mounts::is_swap(entry) || system_mounts::is_optional(entry) => {
                steps.extend(take_out(entry));
            }
            None => left.push(entry.evidence().location),
        }
    }
    finish(case, steps, &left)
}

/// The third field says what the volume holds.
fn with_type(entry: &FstabEntry, kind: SignatureKind) -> Option<Step> {
    let text = &entry.text;
    let third = text.split_whitespace().nth(2).filter(|_| entry.unit.is_none())?;
    // Where the third word begins; the same word may stand in front of it.
    let mut rest = text.as_str();
    for _ in 0..2 {
        rest = rest.trim_start();
        rest = rest.get(rest.find(char::is_whitespace)?..)?;
    }
    let rest = rest.trim_start();
    let before = text.get(..text.len().checked_sub(rest.len())?)?;
    let new = format!("{before}{}{}", kind.name(), rest.strip_prefix(third)?);
    Some(Step::edit("/etc/fstab", Edit::Replace { line: entry.line, seen: text.clone(), new }))
}

/// The UUID of the volume that an entry means whose own identifier leads nowhere, when only one can
/// be meant: for `/` the root that the boot entry starts, for `/boot` where its kernel lies; else the
/// only volume of its kind that no entry names.
fn existing_uuid<'a>(
    entry: &FstabEntry,
    linux: &LinuxFacts,
    disk: &'a DiskFacts,
) -> Option<&'a str> {
    let root = linux.mounts.iter().find(|mount| mount.path == "/").and_then(|mount| mount.volume);
    if entry.mount_point == "/" {
        return volumes::uuid(disk, root?);
    }
    if entry.mount_point == "/boot" {
        let boot = linux.boot.default_entry.known().and_then(Option::as_ref);
        let kernel = boot.and_then(|boot| boot.kernel.as_ref()?.resolved.known()?.as_ref());
        let volume = kernel.map(|kernel| kernel.volume).filter(|volume| Some(*volume) != root);
        return volumes::uuid(disk, volume?);
    }
    let named = |index: usize| {
        let entries = linux.fstab.known().into_iter().flat_map(|fstab| &fstab.entries);
        Some(index) == root
            || entries.into_iter().any(|e| e.source.resolution == Resolution::Volume(index))
    };
    let mut candidates = disk.volumes.iter().enumerate().filter(|(index, volume)| {
        let kind = volume.signature().map(|signature| signature.kind.name());
        kind == Some(entry.fs_type.as_str()) && !named(*index)
    });
    let (index, _) = candidates.next()?;
    if candidates.next().is_some() { None } else { volumes::uuid(disk, index) }
}
