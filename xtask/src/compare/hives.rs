//! Registry hives as the library reads them, against hivex; dirty ones after their logs were written into
//! a copy. The crate `regf` 0.2 is no second opinion on logs: its seed of Marvin32 is none that Windows
//! uses, so it takes each entry for torn.
//!
//! hivex applies no logs and knows no classes, and loses up to four bytes of big data whose last segment
//! fills its cell: no hive of `testdata/registry` has such data.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use image_preflight::bytes::Bytes;
use image_preflight::guest::windows::registry::{Hive, HiveState, Key};

use super::Log;
use crate::tool::Tool;
use crate::workspace;

/// How transaction logs are named behind their hive.
const LOGS: [&str; 3] = [".log1", ".log2", ".log"];

/// Most differing lines of one hive that are told.
const MAX_TOLD: usize = 10;

/// A hive's file and its logs, compressed.
#[derive(Default)]
struct Files {
    hive: Option<PathBuf>,
    logs: Vec<PathBuf>,
}

/// Compares the hives of `testdata/registry`, and of `dir` when there is one.
pub fn compare(dir: Option<&Path>, log: &mut Log) -> Result<()> {
    let own = workspace::root().join("testdata/registry");
    for dir in [Some(own.as_path()), dir].into_iter().flatten() {
        for (name, files) in files(dir)? {
            let Some(hive) = files.hive else { continue };
            let logs: Vec<_> = files.logs.iter().map(|log| unpack(log)).collect::<Result<_>>()?;
            let wrong = differences(&unpack(&hive)?, &logs).with_context(|| name.clone())?;
            log.note(&format!("hive {name}"), wrong);
        }
    }
    Ok(())
}

/// The hives of a directory by their names in lower case.
fn files(dir: &Path) -> Result<BTreeMap<String, Files>> {
    let mut found: BTreeMap<String, Files> = BTreeMap::new();
    for entry in std::fs::read_dir(dir).with_context(|| dir.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let Some(name) = name.strip_suffix(".xz").or(name.strip_suffix(".zst")) else { continue };
        if name.ends_with(".list") {
            continue;
        }
        match LOGS.iter().find_map(|log| name.strip_suffix(log)) {
            Some(hive) => found.entry(hive.to_owned()).or_default().logs.push(path),
            None => found.entry(name.to_owned()).or_default().hive = Some(path),
        }
    }
    found.values_mut().for_each(|files| files.logs.sort());
    Ok(found)
}

fn unpack(path: &Path) -> Result<Vec<u8>> {
    let is_xz = path.extension().is_some_and(|extension| extension == "xz");
    let tool = Tool::new(if is_xz { "xz" } else { "zstd" });
    let output = tool.words("-d -q -c").arg(path).output(b"")?;
    ensure!(output.status.success(), "{}: {}", path.display(), output.status);
    Ok(output.stdout)
}

fn differences(hive: &[u8], logs: &[Vec<u8>]) -> Result<Vec<String>> {
    let shared: Vec<Arc<dyn Bytes>> =
        logs.iter().map(|log| Arc::new(log.clone()) as Arc<dyn Bytes>).collect();
    let ours = Hive::open(Arc::new(hive.to_vec()), &shared)?;
    let mut listed = String::new();
    list(&ours.root()?, "", &mut listed)?;
    let theirs = match ours.state() {
        HiveState::Clean => hivex(hive)?,
        HiveState::Replayed(_) => hivex(&replayed(hive, logs)?)?,
        HiveState::Dirty { reasons } => return Ok(reasons.clone()),
    };
    let mut wrong = Vec::new();
    let (mut ours, mut theirs) = (listed.lines(), theirs.lines());
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => break,
            (ours, theirs) if ours == theirs => {}
            (ours, theirs) => {
                let cut = |line: Option<&str>| {
                    line.unwrap_or("nothing").chars().take(160).collect::<String>()
                };
                wrong.push(format!("{} instead of {}", cut(ours), cut(theirs)));
            }
        }
        if wrong.len() >= MAX_TOLD {
            break;
        }
    }
    Ok(wrong)
}

/// What hivex reads of a hive, as `list.pl` prints it.
fn hivex(hive: &[u8]) -> Result<String> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), hive)?;
    let script = workspace::root().join("testdata/registry/list.pl");
    Tool::new("perl").arg(script).arg(file.path()).run()
}

/// The hive with what its logs have written into it, hashes unread.
fn replayed(hive: &[u8], logs: &[Vec<u8>]) -> Result<Vec<u8>> {
    let mut whole = hive.to_vec();
    let mut next = number(hive, 8)?;
    let is_new = |log: &&Vec<u8>| number(log, 28).is_ok_and(|kind| kind == 6);
    if let Some(log) = logs.iter().find(|log| !is_new(log)) {
        let len = number(log, 40)?;
        let bits = log.get(516..).context("no dirty vector")?;
        let mut at = (516 + len as usize / 4096).next_multiple_of(512);
        for page in 0..len as usize / 512 {
            if bits[page / 8] >> (page % 8) & 1 == 1 {
                write(&mut whole, page * 512, log.get(at..at + 512).context("log cut")?, len)?;
                at += 512;
            }
        }
    }
    // Each entry's bytes by its sequence number; the first of a number counts.
    let mut entries: BTreeMap<u32, &[u8]> = BTreeMap::new();
    for log in logs.iter().filter(is_new) {
        let mut at = 512;
        while log.get(at..at + 4) == Some(b"HvLE") {
            let entry = &log[at..];
            entries.entry(number(entry, 12)?).or_insert(entry);
            at += number(entry, 4)?.max(512) as usize;
        }
    }
    while let Some(entry) = entries.get(&next) {
        let (len, count) = (number(entry, 16)?, number(entry, 20)? as usize);
        let mut at = 40 + 8 * count;
        for reference in 0..count {
            let offset = number(entry, 40 + 8 * reference)? as usize;
            let end = at + number(entry, 44 + 8 * reference)? as usize;
            write(&mut whole, offset, entry.get(at..end).context("entry cut")?, len)?;
            at = end;
        }
        next = next.wrapping_add(1);
    }
    // hivex wants a base block whose sum holds.
    let mut sum = 0;
    for at in (0..508).step_by(4) {
        sum ^= number(&whole, at)?;
    }
    whole[508..512].copy_from_slice(&u32::to_le_bytes(sum));
    Ok(whole)
}

fn number(bytes: &[u8], at: usize) -> Result<u32> {
    let field = bytes.get(at..at + 4).context("a number is cut")?;
    Ok(u32::from_le_bytes(field.try_into()?))
}

/// Writes a page at byte `offset` of the hive bins, which are `len` bytes from now on.
fn write(whole: &mut Vec<u8>, offset: usize, data: &[u8], len: u32) -> Result<()> {
    let end = whole.len().max(4096 + len as usize);
    whole.resize(end, 0);
    let at = 4096 + offset;
    whole.get_mut(at..at + data.len()).context("a page beyond the hive")?.copy_from_slice(data);
    whole[40..44].copy_from_slice(&len.to_le_bytes());
    Ok(())
}

/// What `list.pl` prints.
fn list(key: &Key<'_>, path: &str, out: &mut String) -> Result<()> {
    writeln!(out, "K\t{path}\t{}", key.last_written())?;
    for value in key.values()? {
        let mut data = String::new();
        for byte in &value.data {
            write!(data, "{byte:02x}")?;
        }
        writeln!(out, "V\t{path}\t{}\t{}\t{data}", quote(&value.name), value.kind.number())?;
    }
    for subkey in key.subkeys()? {
        list(&subkey, &format!("{path}\\{}", quote(subkey.name())), out)?;
    }
    Ok(())
}

/// As Python's `urllib.parse.quote`, with `\` safe.
fn quote(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' | b'\\' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
