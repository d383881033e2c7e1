//! `image-preflight registry`.

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

use super::args::RegistryArgs;
use super::inspect::Rows;
use super::{Call, Failure, ls, place_and_reason, words_in};
use crate::disk::facts::{DiskFacts, PartitionRole};
use crate::error::Error;
use crate::fact::Fact;
use crate::filesystem::tree::Tree;
use crate::guest::Files;
use crate::guest::windows;
use crate::guest::windows::registry::{self, Hive, HiveState, Key, Registry, Value, ValueType};
use crate::report::escape::for_terminal;
use crate::rules::{Fixed, Lang, Text};
use crate::text;

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

pub(super) fn run(args: &RegistryArgs, call: &Call, out: &mut dyn Write) -> Result<u8, Failure> {
    let lang = call.lang;
    let name = KeyName::parse(&args.key, lang)?;
    let (path, hive) = open(args, &name, lang)?;
    show(&name, &path, &hive, lang, out).map_err(|failure| match failure {
        // A key or cell alone does not say where it was looked for, and a hive that was not written in
        // full may contradict itself for that alone.
        Failure::Said(sentence) => {
            let (path, sentence) = (words_in(&path, lang), words_in(&sentence, lang));
            said(
                match hive.state() {
                    HiveState::Clean => text!("{path}: {sentence}", "{path}：{sentence}"),
                    state => {
                        let state = describe(state).0.get(lang).to_owned();
                        text!("{path}, {state}: {sentence}", "{path}，{state}：{sentence}")
                    }
                },
                lang,
            )
        }
        output @ Failure::Output(_) => output,
    })?;
    Ok(0)
}

fn said(text: Text, lang: Lang) -> Failure {
    Failure::Said(text.get(lang).to_owned())
}

fn show(
    name: &KeyName,
    path: &str,
    hive: &Hive,
    lang: Lang,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let key = find(hive, name, lang)?;
    // Nothing is printed of a key that cannot be read in full.
    let mut shown = Vec::new();
    let mut rows = Rows { out: &mut shown, lang };
    let (state, remarks) = describe(hive.state());
    let (path, state) = (rows.read(path), state.get(lang).to_owned());
    let words = rows.say(text!("{path}, {state}", "{path}，{state}"));
    rows.row(Fixed::new("hive", "注册表文件"), &words)?;
    for remark in remarks {
        let remark = rows.read(remark);
        rows.row(Fixed::new("", ""), &remark)?;
    }
    if let Some(resolved) = &key.resolved {
        rows.row(Fixed::new("control set", "控制集"), resolved)?;
    }
    let time = rows.say(time(key.key.last_written()));
    rows.row(Fixed::new("last written", "最后写入"), &time)?;
    if let Some(class) = key.key.class()? {
        rows.row(Fixed::new("class", "类"), &class)?;
    }
    if key.key.is_link() {
        let to =
            rows.say(text!("to what SymbolicLinkValue names", "指向SymbolicLinkValue所指的项"));
        rows.row(Fixed::new("link", "链接"), &to)?;
    }
    let full = name.full();
    writeln!(shown, "\n{}", for_terminal(&full))?;
    out.write_all(&shown)?;
    for value in key.key.values()? {
        writeln!(out, "{}", described(&value))?;
    }
    writeln!(out)?;
    for subkey in key.key.subkeys()? {
        writeln!(out, "{}\\{}", for_terminal(&full), for_terminal(subkey.name()))?;
    }
    Ok(())
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
    fn parse(key: &str, lang: Lang) -> Result<Self, Failure> {
        let mut parts = key.split('\\').filter(|part| !part.is_empty());
        let root = match parts.next().map(str::to_ascii_uppercase).as_deref() {
            Some("HKLM" | "HKEY_LOCAL_MACHINE") => "HKEY_LOCAL_MACHINE",
            Some("HKU" | "HKEY_USERS") => "HKEY_USERS",
            _ => {
                let words = text!(
                    r"{key}: a key begins with HKLM\ or HKU\ (the hives that lie in files)",
                    r"{key}：注册表项应以HKLM\或HKU\开头（以文件形式存放的部分）"
                );
                return Err(said(words, lang));
            }
        };
        let hive = parts.next().unwrap_or_default();
        let known: Vec<&str> = match root {
            "HKEY_LOCAL_MACHINE" => MACHINE.into_iter().chain([BCD]).collect(),
            _ => DEFAULT_USER.to_vec(),
        };
        let Some(hive) = known.iter().find(|known| known.eq_ignore_ascii_case(hive)) else {
            let known = known.join(", ");
            let words = text!(
                "{key}: the hives below {root} are {known}",
                "{key}：{root}之下的注册表文件有{known}"
            );
            return Err(said(words, lang));
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
fn open(args: &RegistryArgs, name: &KeyName, lang: Lang) -> Result<(String, Hive), Failure> {
    if name.hive == BCD {
        return boot_configuration(&args.image, args.volume.as_deref(), lang);
    }
    let files = crate::files(&args.image)?;
    // The installation that the checks judge, unless a volume was asked for.
    let chosen =
        files.windows_directory.as_deref().filter(|_| args.volume.is_none()).map(windows::hives);
    let tree = ls::tree_of(files, &args.image, args.volume.as_deref(), lang)?;
    let directory = chosen.unwrap_or_else(|| Registry::directory(&tree).to_owned());
    let file = if name.root == "HKEY_USERS" { "DEFAULT" } else { &name.hive };
    let path = format!("{directory}/{file}");
    let hive =
        registry::open(&tree, &path).map_err(|error| of_error(&name.full(), &error, lang))?;
    Ok((path, hive))
}

/// The boot configuration: on the EFI system partition, on the active one, or on any.
fn boot_configuration(
    image: &Path,
    volume: Option<&str>,
    lang: Lang,
) -> Result<(String, Hive), Failure> {
    // What could not be read may hold it.
    let mut unread = Vec::new();
    let trees: Vec<(String, Tree)> = match volume {
        Some(name) => {
            let is_number = name.parse::<u32>().is_ok();
            let place = if is_number { format!("partition {name}") } else { name.to_owned() };
            vec![(place, ls::tree(image, volume, lang)?)]
        }
        None => {
            let Files { disk, filesystems, .. } = crate::files(image)?;
            let disk = disk.as_result().map_err(|unread| {
                let (image, why) = (image.display(), place_and_reason(unread, lang));
                said(text!("{image}: {why}", "{image}：{why}"), lang)
            })?;
            let mut found = Vec::new();
            for (index, (volume, filesystem)) in disk.volumes.iter().zip(filesystems).enumerate() {
                match filesystem {
                    Fact::Known(Some(filesystem)) => {
                        let tree = Tree::new(filesystem, index);
                        found.push((rank(disk, index), volume.name.clone(), tree));
                    }
                    Fact::Known(None) => {}
                    Fact::Unknown(why) => unread.push(why),
                }
            }
            found.sort_by_key(|(rank, ..)| *rank);
            found.into_iter().map(|(_, name, tree)| (name, tree)).collect()
        }
    };
    for (volume, tree) in trees {
        for path in BCD_FILES {
            let place = format!("{volume}: {path}");
            match registry::open(&tree, path) {
                Ok(hive) => return Ok((place, hive)),
                Err(error) if error.is_absent() => {}
                Err(error) => return Err(of_error(&place, &error, lang)),
            }
        }
    }
    let (image, files) = (image.display(), BCD_FILES.join(", "));
    Err(said(
        match unread.first() {
            None => text!(
                "{image}: no boot configuration ({files})",
                "{image}：没有启动配置（{files}）"
            ),
            Some(unread) => {
                let why = place_and_reason(unread, lang);
                text!(
                    "{image}: no boot configuration ({files}) in what could be read; not read: {why}",
                    "{image}：可读取的部分没有启动配置（{files}）；未读取：{why}"
                )
            }
        },
        lang,
    ))
}

/// An error with the place at which it was met.
fn of_error(place: &str, error: &Error, lang: Lang) -> Failure {
    let (place, error) = (words_in(place, lang), error.to_string());
    let error = words_in(&error, lang);
    said(text!("{place}: {error}", "{place}：{error}"), lang)
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

fn find<'a>(hive: &'a Hive, name: &KeyName, lang: Lang) -> Result<Found<'a>, Failure> {
    let full = name.full();
    let absent = || said(text!("{full}: no such key", "{full}：没有该注册表项"), lang);
    let (first, rest) = name.path.split_once('\\').unwrap_or((&name.path, ""));
    if name.hive == "SYSTEM" && first.eq_ignore_ascii_case(CURRENT) {
        let set = registry::control_set(hive)?;
        let resolved = Some(set.name().to_owned());
        return Ok(Found { key: set.subkey(rest)?.ok_or_else(absent)?, resolved });
    }
    Ok(Found { key: hive.key(&name.path)?.ok_or_else(absent)?, resolved: None })
}

fn describe(state: &HiveState) -> (Text, &[String]) {
    match state {
        HiveState::Clean => (text!("written in full", "已完整写入"), &[]),
        HiveState::Replayed(replay) => {
            let entries = replay.entries;
            let words = text!(
                "not written in full, {entries} log entries applied",
                "未完整写入，已应用{entries}条日志"
            );
            (words, &replay.remarks)
        }
        HiveState::Dirty { reasons } => (
            text!(
                "not written in full, and no log could be applied",
                "未完整写入，且没有可应用的日志"
            ),
            reasons,
        ),
    }
}

/// FILETIME as a date.
fn time(filetime: u64) -> Text {
    let seconds = filetime.div_euclid(PER_SECOND);
    let Some(since) = seconds.checked_sub(EPOCH) else {
        return match filetime {
            0 => text!("never", "从未"),
            _ => text!("FILETIME {filetime}", "FILETIME {filetime}"),
        };
    };
    let day = i64::try_from(since.div_euclid(86_400)).unwrap_or(i64::MAX);
    let of_day = since.rem_euclid(86_400);
    let (hour, minute) = (of_day.div_euclid(3600), of_day.div_euclid(60).rem_euclid(60));
    let (date, second) = (crate::rules::day::date(day), of_day.rem_euclid(60));
    let time = format!("{date} {hour:02}:{minute:02}:{second:02} UTC");
    text!("{time}", "{time}")
}

/// A value as `reg query` prints it, but several texts one a line.
fn described(value: &Value) -> String {
    let name = if value.name.is_empty() { "(Default)" } else { &value.name };
    let kind = match value.kind {
        ValueType::Other(number) => format!("{number:#x}"),
        known => known.name().unwrap_or_default().to_owned(),
    };
    let begin = format!("    {}    {kind}    ", for_terminal(name));
    // More texts than are listed are told as they are stored.
    if let Ok(Some(texts)) = value.texts() {
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
        let en = |filetime| time(filetime).en;
        // `w32tm /ntte 132223104000000000`
        assert_eq!(en(132_223_104_000_000_000), "2020-01-01 00:00:00 UTC");
        assert_eq!(en(132_223_104_000_000_000 + 864_000_000_000 - 1), "2020-01-01 23:59:59 UTC");
        assert_eq!(en(0), "never");
        assert!(en(u64::MAX).ends_with("UTC"));
        assert_eq!(en(1), "FILETIME 1");
    }

    #[test]
    fn keys_are_named_as_windows_names_them() {
        let full = |key: &str| KeyName::parse(key, Lang::En).map(|name| name.full()).ok();
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
