//! Registry hives as the library reads them, against hivex; dirty ones after a replay by `regf`.
//!
//! hivex applies no logs and knows no classes, and loses up to four bytes of big data whose last segment
//! fills its cell: no hive of `testdata/registry` has such data.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use image_preflight::bytes::Bytes;
use image_preflight::guest::windows::registry::{Hive, HiveState, Key};
use regf::TransactionLog;

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

/// The hive after the logs were applied as `regf` reads them.
fn replayed(hive: &[u8], logs: &[Vec<u8>]) -> Result<Vec<u8>> {
    let mut whole = hive.to_vec();
    let number = |whole: &[u8], at: usize| -> Result<u32> {
        let field = whole.get(at..at + 4).context("no base block")?;
        Ok(u32::from_le_bytes(field.try_into()?))
    };
    let mut write = |offset: u32, data: &[u8], len: u32| {
        let end = 4096 + len as usize;
        if whole.len() < end {
            whole.resize(end, 0);
        }
        let at = 4096 + offset as usize;
        whole[at..at + data.len()].copy_from_slice(data);
        whole[40..44].copy_from_slice(&len.to_le_bytes());
    };
    let mut entries = Vec::new();
    for log in logs {
        match TransactionLog::parse(Cursor::new(log))? {
            TransactionLog::Old(old) => {
                for page in &old.dirty_pages {
                    write(page.offset, &page.data, old.base_block.hive_bins_data_size);
                }
            }
            TransactionLog::New(new) => entries.extend(new.log_entries),
        }
    }
    let mut next = number(hive, 8)?;
    while let Some(entry) = entries.iter().find(|entry| entry.sequence_number == next) {
        for (page, data) in entry.page_references.iter().zip(&entry.dirty_pages) {
            write(page.offset, data, entry.hive_bins_data_size);
        }
        next = next.wrapping_add(1);
    }
    // hivex wants a base block whose sum holds.
    let mut sum = 0;
    for at in (0..508).step_by(4) {
        sum ^= number(&whole, at)?;
    }
    if whole.len() < 4096 {
        bail!("no base block");
    }
    whole[508..512].copy_from_slice(&u32::to_le_bytes(sum));
    Ok(whole)
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
