//! One structure after another of small guests is damaged: no check may crash, take long or much
//! memory, or say that something holds which it can no longer read.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::Log;
use super::report::Checker;
use super::structures::{self, Structure};
use crate::bench::measure::peak;
use crate::guest::debian::Debian;
use crate::guest::disk::{GIB, MIB};
use crate::guest::grub::Devices;
use crate::guest::identity::ROOT_UUID;
use crate::guest::layout::{BOOT, Layout, ROOT_AT, SIZE, Source};
use crate::guest::mount::{Loop, Mount};
use crate::testdata::small::Tree;
use crate::tool::Tool;
use crate::workspace;

/// The most private memory of a check, in bytes.
const MEMORY: u64 = 256 << 20;

/// The longest that a check may take.
const TIME: Duration = Duration::from_secs(5);

/// When a check that does not end is stopped.
const GIVE_UP: Duration = Duration::from_secs(60);

/// The files and directories that are damaged, and the rules that cannot hold when the kernel does
/// not read them any more. A directory whose names cannot be listed may still lead to its files
/// (Btrfs keeps names for both in different leaves), so that of directories only those count that a
/// rule lists.
pub const PATHS: &[(&str, &[&str])] = &[
    ("/", &[]),
    ("/etc", &[]),
    ("/etc/fstab", &["fstab-uuid", "fstab-uuid-exists", "fstab-no-nonsystem-mounts"]),
    ("/etc/passwd", &["root-account-usable"]),
    ("/etc/shadow", &["root-account-usable"]),
    ("/etc/cloud", &[]),
    ("/etc/cloud/cloud.cfg", &["cloud-init-datasource-openstack"]),
    ("/etc/cloud/cloud.cfg.d", &["cloud-init-datasource-openstack"]),
    ("/usr/lib/os-release", &["os-supported"]),
    ("/boot", &[]),
    ("/boot/grub", &[]),
    ("/boot/grub/grub.cfg", &["grub-root-uuid"]),
    ("/boot/vmlinuz", &["boot-chain-complete"]),
    ("/boot/initrd.img", &["initramfs-virtio-storage", "initramfs-ide", "initramfs-xen-pv"]),
];

/// A file system of a guest: where, and its kind to the kernel.
pub struct Target {
    pub start: u64,
    pub size: u64,
    pub kind: &'static str,
    /// Where the guest mounts it.
    pub mounted: &'static str,
    /// The directory on it that is the root of what is mounted.
    pub root: &'static str,
}

impl Target {
    /// `path` of the guest below the root of this file system; none when it lies on another.
    pub fn path(&self, path: &str, others: &[Self]) -> Option<String> {
        let below = |mount: &str| path == mount || path.starts_with(&format!("{mount}/"));
        if self.mounted == "/" {
            let elsewhere = others.iter().any(|other| other.mounted != "/" && below(other.mounted));
            return (!elsewhere).then(|| format!("{}{path}", self.root));
        }
        below(self.mounted)
            .then(|| format!("/{}", path.get(self.mounted.len() + 1..).unwrap_or("")))
    }

    fn options(&self) -> &'static str {
        match self.kind {
            "ext4" => "ro,noload",
            "xfs" => "ro,norecovery,nouuid",
            _ => "ro,subvolid=5",
        }
    }

    pub fn mount(&self, image: &Path) -> Result<Mount> {
        let device = Loop::read_only(image, self.start, self.size)?;
        Mount::of(vec![device], self.options())
    }
}

fn targets(layout: Layout) -> Vec<Target> {
    let root = |kind, root| Target {
        start: ROOT_AT,
        size: SIZE - ROOT_AT - 2 * MIB,
        kind,
        mounted: "/",
        root,
    };
    match layout {
        Layout::GptXfs => vec![
            root("xfs", ""),
            Target { start: BOOT.0, size: BOOT.1, kind: "ext4", mounted: "/boot", root: "" },
        ],
        Layout::Btrfs => vec![root("btrfs", "/@")],
        // Behind the superblock of the array and the metadata of the group, 1 MiB each.
        Layout::LvmOnMd => {
            vec![Target { start: ROOT_AT + 2 * MIB, size: 12 * GIB, ..root("ext4", "") }]
        }
        _ => vec![root("ext4", "")],
    }
}

pub fn compare(checker: &Checker, log: &mut Log) -> Result<()> {
    let debian = Debian::build()?;
    let devices = Devices { partition_map: "msdos", root: (1, ROOT_UUID), boot: None };
    let tree = Tree::small(&debian, &devices, false)?;
    // Names that do not change with the kernel's version.
    for name in ["vmlinuz", "initrd.img"] {
        let real = tree.path(&format!("boot/{name}-{}", debian.kernel));
        fs::hard_link(real, tree.path(&format!("boot/{name}")))?;
    }
    let image = workspace::cache()?.join("damage.raw");
    for layout in [Layout::Plain, Layout::GptXfs, Layout::Btrfs, Layout::LvmOnMd] {
        layout.write(&Source { debian: &debian, tree: tree.root() }, &image)?;
        let ended = one(checker, layout, &image, log);
        fs::remove_file(&image)?;
        ended.with_context(|| layout.what())?;
    }
    Ok(())
}

fn one(checker: &Checker, layout: Layout, image: &Path, log: &mut Log) -> Result<()> {
    let targets = targets(layout);
    let sound = run(checker, image)?;
    let sound_statuses = sound.statuses.clone().context("no report of the sound guest")?;
    let structures = structures::of(layout, image, &targets)?;
    let truth: Vec<_> = targets.iter().map(|target| content(image, target, &targets)).collect();
    let file = OpenOptions::new().read(true).write(true).open(image)?;
    let (mut mutants, mut wrong, mut slowest, mut largest) = (0, Vec::new(), Duration::ZERO, 0);
    for (number, structure) in structures.iter().enumerate() {
        for zeroed in [false, true] {
            mutants += 1;
            let before = structure.read(&file)?;
            structure.damage(&file, number, zeroed)?;
            let how = if zeroed { "zeroed" } else { "a byte flipped" };
            let name = format!("{}, {how}", structure.name);
            let outcome = run(checker, image)?;
            slowest = slowest.max(outcome.time);
            largest = largest.max(outcome.memory);
            wrong.extend(outcome.wrong.iter().map(|line| format!("{name}: {line}")));
            let statuses = outcome.statuses.unwrap_or_default();
            for (rule, status) in &statuses {
                let was = sound_statuses.get(rule).map_or("not there", String::as_str);
                if status == "pass" && was != "pass" {
                    wrong.push(format!("{name}: {rule} passes, and was {was} before"));
                }
            }
            if let Some(index) = structure.target.filter(|_| zeroed) {
                let (target, truth) = (targets.get(index), truth.get(index));
                let (target, truth) = target.zip(truth).context("no target")?;
                // What the kernel does not mount at all says nothing of the single file.
                let read = content(image, target, &targets);
                let mounted = read.values().any(Option::is_some);
                for (path, rules) in PATHS {
                    let held = structure.holds.is_some_and(|above| {
                        above == "/"
                            || above == *path
                            || path.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
                    });
                    let lost = mounted
                        && held
                        && truth.get(path).is_some_and(Option::is_some)
                        && read.get(path).is_none_or(Option::is_none);
                    for rule in rules.iter().filter(|_| lost) {
                        if statuses.get(*rule).is_some_and(|status| status == "pass") {
                            wrong.push(format!("{name}: {rule} passes, and {path} cannot be read"));
                        }
                    }
                }
            }
            structure.restore(&file, &before)?;
        }
    }
    let after = run(checker, image)?.statuses;
    if after.as_ref() != Some(&sound_statuses) {
        wrong.push("the damage was not undone".to_owned());
    }
    log.note(
        &format!(
            "damage: {}: {mutants} mutants, {:.0} ms and {:.1} MiB at the most",
            layout.what(),
            slowest.as_secs_f64() * 1e3,
            largest as f64 / f64::from(1 << 20)
        ),
        wrong,
    );
    Ok(())
}

/// What the kernel reads of each path: nothing when it cannot.
fn content(image: &Path, target: &Target, all: &[Target]) -> BTreeMap<&'static str, Option<u64>> {
    let mount = target.mount(image).ok();
    let read = |path: &str| -> Option<u64> {
        let place = mount.as_ref()?.join(&target.path(path, all)?);
        let metadata = fs::metadata(&place).ok()?;
        if metadata.is_dir() {
            return u64::try_from(
                fs::read_dir(&place).ok()?.collect::<Result<Vec<_>, _>>().ok()?.len(),
            )
            .ok();
        }
        fs::read(&place).ok()?;
        Some(metadata.size())
    };
    PATHS.iter().map(|(path, _)| (*path, read(path))).collect()
}

struct Run {
    statuses: Option<BTreeMap<String, String>>,
    wrong: Vec<String>,
    time: Duration,
    memory: u64,
}

/// One check, watched. One that takes too long is tried again: the machine may be busy.
fn run(checker: &Checker, image: &Path) -> Result<Run> {
    let first = once(checker, image)?;
    let mut run = if first.time > TIME { once(checker, image)? } else { first };
    if run.time > TIME {
        run.wrong.push(format!("{:.1} s", run.time.as_secs_f64()));
    }
    Ok(run)
}

fn once(checker: &Checker, image: &Path) -> Result<Run> {
    let started = Instant::now();
    // A limit that nothing escapes, and a look at how far it was from that.
    let child = Command::new("prlimit")
        .arg(format!("--data={MEMORY}"))
        .arg(&checker.binary)
        .args(["check", "--format", "json"])
        .arg(image)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let id = child.id();
    let (ended, watched) = std::sync::mpsc::channel::<()>();
    let memory =
        std::thread::spawn(move || peak(&format!("/proc/{id}/status"), Duration::from_micros(200)));
    let watch = std::thread::spawn(move || {
        if watched.recv_timeout(GIVE_UP).is_err() {
            let _ = Tool::new("kill").arg("-9").arg(id.to_string()).run();
        }
    });
    let output = child.wait_with_output()?;
    let time = started.elapsed();
    let _ = ended.send(());
    let memory = memory.join().unwrap_or_default();
    let _ = watch.join();
    let mut wrong = Vec::new();
    match output.status.code() {
        Some(0..=3) => {}
        _ => wrong.push(format!("{}", output.status)),
    }
    for text in [&output.stdout, &output.stderr] {
        let text = String::from_utf8_lossy(text);
        if text.contains("panicked") || text.contains("stack backtrace") {
            wrong
                .push(text.lines().find(|line| line.contains("panicked")).unwrap_or("").to_owned());
        }
    }
    if memory > MEMORY {
        wrong.push(format!("{memory} bytes of private memory"));
    }
    let document: Option<serde_json::Value> = serde_json::from_slice(&output.stdout).ok();
    let findings = document
        .as_ref()
        .and_then(|document| document.get("reports")?.get(0)?.get("findings")?.as_array());
    let statuses = findings.map(|findings| {
        let text = |finding: &serde_json::Value, key: &str| -> String {
            finding.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
        };
        findings.iter().map(|finding| (text(finding, "rule"), text(finding, "status"))).collect()
    });
    if statuses.is_none() {
        wrong.push("no report".to_owned());
    }
    Ok(Run { statuses, wrong, time, memory })
}

impl Structure {
    fn read(&self, file: &File) -> Result<Vec<Vec<u8>>> {
        let read = |start: &u64| {
            let mut bytes = vec![0; self.len as usize];
            file.read_exact_at(&mut bytes, *start)?;
            Ok(bytes)
        };
        self.places.iter().map(read).collect()
    }

    fn restore(&self, file: &File, before: &[Vec<u8>]) -> Result<()> {
        for (start, bytes) in self.places.iter().zip(before) {
            file.write_all_at(bytes, *start)?;
        }
        Ok(())
    }

    /// Zeroes all copies, or flips a bit of a byte that is the same in two runs, and another one
    /// for another structure.
    fn damage(&self, file: &File, number: usize, zeroed: bool) -> Result<()> {
        for (start, mut bytes) in self.places.iter().zip(self.read(file)?) {
            if zeroed {
                bytes.fill(0);
            } else {
                let used: Vec<usize> = (0..bytes.len())
                    .filter(|at| bytes.get(*at).is_some_and(|byte| *byte != 0))
                    .collect();
                let len = used.len().max(1);
                let at =
                    used.get(number * 7919 % len).copied().unwrap_or(number % bytes.len().max(1));
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << (number % 8);
                }
            }
            file.write_all_at(&bytes, *start)?;
        }
        Ok(())
    }
}
