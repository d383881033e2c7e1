//! `image-preflight registry`.

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

use super::Failure;
use super::args::RegistryArgs;
use super::ls;
use crate::disk::facts::{DiskFacts, PartitionRole};
use crate::filesystem::tree::Tree;
use crate::guest::Files;
use crate::guest::windows::registry::{self, Hive, HiveState, Key, Registry, Value, ValueType};
use crate::report::escape::for_terminal;

/// The hives of `HKEY_LOCAL_MACHINE` that lie beside one another, under their files' names.
const MACHINE: [&str; 6] = ["SYSTEM", "SOFTWARE", "SAM", "SECURITY", "DRIVERS", "COMPONENTS"];

/// The boot configuration in `HKEY_LOCAL_MACHINE`.
const BCD: &str = "BCD00000000";

/// The boot configuration's file on an EFI system partition, and on others.
const BCD_FILES: [&str; 2] = ["/EFI/Microsoft/Boot/BCD", "/Boot/BCD"];

/// Names of the default user in `HKEY_USERS`.
const DEFAULT_USER: [&str; 2] = [".DEFAULT", "S-1-5-18"];

/// The control set in use, which is in no file: `Select\Default` has its number.
const CURRENT: &str = "CurrentControlSet";

/// 1970-01-01 as FILETIME, in seconds since 1601-01-01.
const EPOCH: u64 = 11_644_473_600;

/// FILETIME counts 100 nanoseconds.
const PER_SECOND: u64 = 10_000_000;

pub(super) fn run(args: &RegistryArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let name = KeyName::parse(&args.key)?;
    let (path, hive) = open(args, &name)?;
    show(&name, &path, &hive, out).map_err(|failure| match failure {
        // A key or cell alone does not say where it was looked for, and a hive that was not written in
        // full may contradict itself for that alone.
        Failure::Said(sentence) => Failure::Said(match hive.state() {
            HiveState::Clean => format!("{path}: {sentence}"),
            state => format!("{path}, {}: {sentence}", describe(state).0),
        }),
        output @ Failure::Output(_) => output,
    })?;
    Ok(0)
}

fn show(name: &KeyName, path: &str, hive: &Hive, out: &mut dyn Write) -> Result<(), Failure> {
    let key = find(hive, name)?;
    let mut shown = String::new();
    let (state, remarks) = describe(hive.state());
    line(&mut shown, "hive", &format!("{path}, {state}"));
    remarks.iter().for_each(|remark| line(&mut shown, "", remark));
    if let Some(resolved) = &key.resolved {
        line(&mut shown, "control set", resolved);
    }
    line(&mut shown, "last written", &time(key.key.last_written()));
    if let Some(class) = key.key.class()? {
        line(&mut shown, "class", &class);
    }
    if key.key.is_link() {
        line(&mut shown, "link", "to what SymbolicLinkValue names");
    }
    let full = name.full();
    let _ = write!(shown, "\n{}\n", for_terminal(&full));
    out.write_all(shown.as_bytes())?;
    for value in key.key.values()? {
        writeln!(out, "{}", described(&value))?;
    }
    writeln!(out)?;
    for subkey in key.key.subkeys()? {
        writeln!(out, "{}\\{}", for_terminal(&full), for_terminal(subkey.name()))?;
    }
    Ok(())
}

/// Adds a line of what is known besides the key's content.
fn line(shown: &mut String, what: &str, text: &str) {
    let _ = writeln!(shown, "{what:<14} {}", for_terminal(text));
}

/// A key as Windows names it.
struct KeyName {
    /// `HKEY_LOCAL_MACHINE` or `HKEY_USERS`.
    root: &'static str,
    /// The hive's name below it.
    hive: String,
    /// The path in the hive.
    path: String,
}

impl KeyName {
    fn parse(key: &str) -> Result<Self, Failure> {
        let mut parts = key.split('\\').filter(|part| !part.is_empty());
        let root = match parts.next().map(str::to_ascii_uppercase).as_deref() {
            Some("HKLM" | "HKEY_LOCAL_MACHINE") => "HKEY_LOCAL_MACHINE",
            Some("HKU" | "HKEY_USERS") => "HKEY_USERS",
            _ => {
                let expected = r"a key begins with HKLM\ or HKU\ (the hives that lie in files)";
                return Err(Failure::Said(format!("{key}: {expected}")));
            }
        };
        let hive = parts.next().unwrap_or_default();
        let known: Vec<&str> = match root {
            "HKEY_LOCAL_MACHINE" => MACHINE.into_iter().chain([BCD]).collect(),
            _ => DEFAULT_USER.to_vec(),
        };
        let Some(hive) = known.iter().find(|known| known.eq_ignore_ascii_case(hive)) else {
            let known = known.join(", ");
            return Err(Failure::Said(format!("{key}: the hives below {root} are {known}")));
        };
        let path: Vec<_> = parts.collect();
        Ok(Self { root, hive: (*hive).to_owned(), path: path.join("\\") })
    }

    /// The whole name, as `reg query` prints it.
    fn full(&self) -> String {
        let Self { root, hive, path } = self;
        if path.is_empty() { format!("{root}\\{hive}") } else { format!("{root}\\{hive}\\{path}") }
    }
}

/// The hive that the key lies in, and the path of its file.
fn open(args: &RegistryArgs, name: &KeyName) -> Result<(String, Hive), Failure> {
    if name.hive == BCD {
        return boot_configuration(&args.image, args.volume);
    }
    let tree = ls::tree(&args.image, args.volume)?;
    let file = if name.root == "HKEY_USERS" { "DEFAULT" } else { &name.hive };
    let path = format!("{}/{file}", Registry::directory(&tree));
    let hive = registry::open(&tree, &path)
        .map_err(|error| Failure::Said(format!("{}: {error}", name.full())))?;
    Ok((path, hive))
}

/// The boot configuration: on the EFI system partition, on the active one, or on any.
fn boot_configuration(image: &Path, volume: Option<u32>) -> Result<(String, Hive), Failure> {
    let missing = || {
        let files = BCD_FILES.join(", ");
        Failure::Said(format!("{}: no boot configuration ({files})", image.display()))
    };
    let trees: Vec<(String, Tree)> = match volume {
        Some(number) => vec![(format!("partition {number}"), ls::tree(image, volume)?)],
        None => {
            let Files { disk, filesystems, .. } = crate::files(image)?;
            let disk = disk.known().ok_or_else(missing)?;
            let mut found = Vec::new();
            for (index, (volume, filesystem)) in disk.volumes.iter().zip(filesystems).enumerate() {
                if let Some(Some(filesystem)) = filesystem.known() {
                    let tree = Tree::new(filesystem.clone(), index);
                    found.push((rank(disk, index), volume.name.clone(), tree));
                }
            }
            found.sort_by_key(|(rank, ..)| *rank);
            found.into_iter().map(|(_, name, tree)| (name, tree)).collect()
        }
    };
    for (volume, tree) in trees {
        for path in BCD_FILES {
            match registry::open(&tree, path) {
                Ok(hive) => return Ok((format!("{volume}: {path}"), hive)),
                Err(error) if error.is_absent() => {}
                Err(error) => return Err(Failure::Said(format!("{volume}: {path}: {error}"))),
            }
        }
    }
    Err(missing())
}

/// Which volumes are looked at first.
fn rank(disk: &DiskFacts, volume: usize) -> u8 {
    match disk.partitions.iter().find(|partition| partition.volume == Some(volume)) {
        Some(partition) if partition.role == PartitionRole::Esp => 0,
        Some(partition) if partition.active => 1,
        _ => 2,
    }
}

/// The key, and what `CurrentControlSet` stands for.
struct Found<'a> {
    key: Key<'a>,
    resolved: Option<String>,
}

fn find<'a>(hive: &'a Hive, name: &KeyName) -> Result<Found<'a>, Failure> {
    let absent = || Failure::Said(format!("{}: no such key", name.full()));
    let (first, rest) = name.path.split_once('\\').unwrap_or((&name.path, ""));
    if name.hive == "SYSTEM" && first.eq_ignore_ascii_case(CURRENT) {
        let set = registry::control_set(hive)?;
        let resolved = Some(set.name().to_owned());
        return Ok(Found { key: set.subkey(rest)?.ok_or_else(absent)?, resolved });
    }
    Ok(Found { key: hive.key(&name.path)?.ok_or_else(absent)?, resolved: None })
}

fn describe(state: &HiveState) -> (String, &[String]) {
    match state {
        HiveState::Clean => ("written in full".to_owned(), &[]),
        HiveState::Replayed(replay) => (
            format!("not written in full, {} log entries applied", replay.entries),
            &replay.remarks,
        ),
        HiveState::Dirty { reasons } => {
            ("not written in full, and no log could be applied".to_owned(), reasons)
        }
    }
}

/// FILETIME as a date.
fn time(filetime: u64) -> String {
    let seconds = filetime.div_euclid(PER_SECOND);
    let Some(since) = seconds.checked_sub(EPOCH) else {
        return if filetime == 0 { "never".to_owned() } else { format!("FILETIME {filetime}") };
    };
    let day = i64::try_from(since.div_euclid(86_400)).unwrap_or(i64::MAX);
    let of_day = since.rem_euclid(86_400);
    let (hour, minute) = (of_day.div_euclid(3600), of_day.div_euclid(60).rem_euclid(60));
    let date = crate::rules::day::date(day);
    format!("{date} {hour:02}:{minute:02}:{:02} UTC", of_day.rem_euclid(60))
}

/// A value as `reg query` prints it, but several texts one a line.
fn described(value: &Value) -> String {
    let name = if value.name.is_empty() { "(Default)" } else { &value.name };
    let kind = match value.kind {
        ValueType::Other(number) => format!("{number:#x}"),
        known => known.name().unwrap_or_default().to_owned(),
    };
    let begin = format!("    {}    {kind}    ", for_terminal(name));
    if let Some(texts) = value.texts() {
        let texts: Vec<_> = texts.iter().map(|text| for_terminal(text)).collect();
        // One below the other.
        let indent = unicode_width::UnicodeWidthStr::width(begin.as_str());
        return begin + &texts.join(&format!("\n{:indent$}", ""));
    }
    let data = match (value.text(), value.dword(), value.qword()) {
        (Some(text), ..) => for_terminal(&text).into_owned(),
        (_, Some(number), _) => format!("{number:#x}"),
        (_, _, Some(number)) => format!("{number:#x}"),
        _ => hex(&value.data),
    };
    (begin + &data).trim_end().to_owned()
}

fn hex(data: &[u8]) -> String {
    let mut text = String::new();
    for byte in data {
        let _ = write!(text, "{byte:02X}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates() {
        // `w32tm /ntte 132223104000000000`
        assert_eq!(time(132_223_104_000_000_000), "2020-01-01 00:00:00 UTC");
        assert_eq!(time(132_223_104_000_000_000 + 864_000_000_000 - 1), "2020-01-01 23:59:59 UTC");
        assert_eq!(time(0), "never");
        assert!(time(u64::MAX).ends_with("UTC"));
        assert_eq!(time(1), "FILETIME 1");
    }

    #[test]
    fn keys_are_named_as_windows_names_them() {
        let full = |key: &str| KeyName::parse(key).map(|name| name.full()).ok();
        let system = r"HKEY_LOCAL_MACHINE\SYSTEM";
        assert_eq!(full(r"hklm\system").unwrap(), system);
        assert_eq!(full(r"HKEY_LOCAL_MACHINE\System\").unwrap(), system);
        let select = full(r"HKLM\SYSTEM\\Select").unwrap();
        assert_eq!(select, r"HKEY_LOCAL_MACHINE\SYSTEM\Select");
        assert_eq!(full(r"HKU\.default\X").unwrap(), r"HKEY_USERS\.DEFAULT\X");
        for unknown in ["", "HKLM", r"HKLM\HARDWARE", r"HKCU\x", "SYSTEM", r"HKU\SAM", "/etc"] {
            assert_eq!(full(unknown), None, "{unknown}");
        }
    }
}
