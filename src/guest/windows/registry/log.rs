//! Transaction logs: what they have for the hive bins is read in its place, and copied nowhere.
//!
//! Source: regf, "Format of transaction log files", "Dirty state of a hive" and "Multiple transaction
//! log files".

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use super::base_block::{BaseBlock, FileType};
use super::bins::place;
use super::cache::Cached;
use super::state::{HiveState, Replay};
use super::{new_log, old_log};
use crate::bytes::Bytes;
use crate::error::{Error, Result};

/// Longest transaction log in bytes that is looked into; its entries are hashed as a whole. Windows
/// writes the hive and begins the log anew long before.
pub const MAX_LOG: u64 = 32 << 20;

/// Dirty pages are a multiple of this many bytes.
pub(super) const PAGE: u32 = 512;

/// Which 512 bytes of the hive bins lie in a log, and where.
#[derive(Default)]
pub(super) struct Pages {
    logs: Vec<Cached>,
    /// By page: index of the log, and the offset in it.
    places: HashMap<u32, (usize, u64)>,
}

impl Pages {
    /// Adds a log; gives its index.
    fn log(&mut self, bytes: Arc<dyn Bytes>) -> usize {
        self.logs.push(Cached::new(bytes));
        self.logs.len().saturating_sub(1)
    }

    fn put(&mut self, log: usize, pages: &[DirtyPage]) {
        for page in pages {
            for part in 0..page.len.div_euclid(PAGE) {
                let offset = page.log_offset.saturating_add(u64::from(part.saturating_mul(PAGE)));
                let number = page.offset.div_euclid(PAGE).saturating_add(part);
                self.places.insert(number, (log, offset));
            }
        }
    }

    fn bytes(&self) -> u64 {
        let pages = u64::try_from(self.places.len()).unwrap_or(u64::MAX);
        pages.saturating_mul(u64::from(PAGE))
    }

    /// Fills `buf` from byte `offset` of the hive bins on: from the logs, and from `file` what they do
    /// not have.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] when neither has it; when it cannot be read.
    pub(super) fn read_over(&self, file: &Cached, offset: u32, buf: &mut [u8]) -> Result<()> {
        if self.places.is_empty() {
            return file.read_at(place(offset), buf);
        }
        let mut offset = offset;
        let mut rest = buf;
        while !rest.is_empty() {
            let within = offset.rem_euclid(PAGE);
            let left = usize::try_from(PAGE.saturating_sub(within)).unwrap_or(1);
            let count = left.min(rest.len());
            let Some((now, later)) = rest.split_at_mut_checked(count) else { break };
            let found = self.places.get(&offset.div_euclid(PAGE));
            match found.and_then(|(log, at)| Some((self.logs.get(*log)?, at))) {
                Some((log, at)) => log.read_at(at.saturating_add(u64::from(within)), now)?,
                None => file.read_at(place(offset), now)?,
            }
            offset = offset.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
            rest = later;
        }
        Ok(())
    }
}

/// A part of the hive bins that a log has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DirtyPage {
    /// Where it begins in the hive bins, a multiple of [`PAGE`].
    pub(super) offset: u32,
    /// Its length in bytes, a multiple of [`PAGE`].
    pub(super) len: u32,
    /// Where it begins in the log.
    pub(super) log_offset: u64,
}

/// A hive as it is after recovery.
pub(super) struct Recovered {
    pub(super) base: BaseBlock,
    pub(super) pages: Pages,
    pub(super) state: HiveState,
}

/// A transaction log whose base block holds.
struct Log {
    name: String,
    base: BaseBlock,
    bytes: Arc<dyn Bytes>,
}

/// Recovers a hive from its logs, as far as it needs and they allow. Each log comes with the name by
/// which it is to be spoken of, or with the reason why it cannot be read.
///
/// # Errors
/// When the hive's base block does not hold, and no log has one.
pub(super) fn recover(
    file: &dyn Bytes,
    logs: Vec<(String, Result<Arc<dyn Bytes>>)>,
) -> Result<Recovered> {
    let own = BaseBlock::read(file).and_then(|base| match base.file_type {
        FileType::Primary => Ok(base),
        FileType::OldLog | FileType::NewLog => {
            let (expected, found) = ("a hive", "a transaction log");
            Err(Error::corrupt("registry base block", 0x1c, expected, found))
        }
    });
    let why = match &own {
        Ok(base) if base.primary == base.secondary => {
            let state = HiveState::Clean;
            return Ok(Recovered { base: base.clone(), pages: Pages::default(), state });
        }
        Ok(BaseBlock { primary, secondary, .. }) => {
            format!("sequence numbers {primary} and {secondary} of its base block differ")
        }
        Err(error @ Error::Corrupt { .. }) => error.to_string(),
        Err(error) => return Err(error.clone()),
    };
    let mut remarks = Vec::new();
    let mut usable = Vec::new();
    for (name, log) in logs {
        match log.and_then(|bytes| open(&name, bytes)) {
            Ok(log) => usable.push(log),
            Err(error) => remarks.push(format!("{name}: {error}")),
        }
    }
    let (new, old): (Vec<_>, Vec<_>) =
        usable.into_iter().partition(|log| log.base.file_type == FileType::NewLog);
    let mut replay = Replaying { base: own.clone().ok(), ..Replaying::default() };
    replay.remarks = remarks;
    // A guest has logs of one format: that of the Windows which wrote the hive last.
    if new.is_empty() {
        replay.apply_old(file, old)
    } else {
        replay.apply_new(new)
    }
    let Replaying { base, pages, entries, mut remarks } = replay;
    let Some(base) = base else {
        return Err(own.err().unwrap_or(Error::corrupt("registry base block", 0, "one", "none")));
    };
    let state = if entries == 0 {
        remarks.insert(0, why);
        HiveState::Dirty { reasons: remarks }
    } else {
        HiveState::Replayed(Replay { why, entries, bytes: pages.bytes(), remarks })
    };
    Ok(Recovered { base, pages, state })
}

fn open(name: &str, bytes: Arc<dyn Bytes>) -> Result<Log> {
    if bytes.len() > MAX_LOG {
        return Err(Error::Limit { structure: "transaction log", limit: MAX_LOG, unit: "bytes" });
    }
    let base = BaseBlock::read(bytes.as_ref())?;
    let corrupt = |expected, found: String| {
        Err(Error::corrupt("base block of a transaction log", 0, expected, found))
    };
    if base.file_type == FileType::Primary {
        return corrupt("a transaction log", "a hive".to_owned());
    }
    if base.primary != base.secondary {
        return corrupt(
            "two sequence numbers that are the same",
            format!("{} and {}", base.primary, base.secondary),
        );
    }
    Ok(Log { name: name.to_owned(), base, bytes })
}

#[derive(Default)]
struct Replaying {
    /// The hive's own, or what a log has of it.
    base: Option<BaseBlock>,
    pages: Pages,
    entries: u32,
    remarks: Vec<String>,
}

impl Replaying {
    /// Applies the log of the old format that was written for this state of the hive.
    fn apply_old(&mut self, file: &dyn Bytes, logs: Vec<Log>) {
        for log in logs {
            // Only a log that was written together with this base block; where that is gone, the
            // first bin keeps its time.
            let written = match &self.base {
                Some(base) => base.last_written,
                None => match first_bin_time(file) {
                    Ok(time) => time,
                    Err(error) => return self.remarks.push(format!("{}: {error}", log.name)),
                },
            };
            if log.base.last_written != written {
                let remark = "written at another time than the hive, not applied";
                self.remarks.push(format!("{}: {remark}", log.name));
                continue;
            }
            match old_log::pages(log.bytes.as_ref(), &log.base) {
                Ok(pages) => {
                    let index = self.pages.log(log.bytes);
                    self.pages.put(index, &pages);
                    self.base = Some(log.base);
                    self.entries = 1;
                    return;
                }
                Err(error) => self.remarks.push(format!("{}: {error}", log.name)),
            }
        }
    }

    /// Applies the entries of the logs in the order of their sequence numbers, from the first that
    /// is not in the hive yet.
    fn apply_new(&mut self, mut logs: Vec<Log>) {
        logs.sort_by(|a, b| sequence_order(a.base.primary, b.base.primary));
        if self.base.is_none() {
            // Which entries are in a hive without a base block is not known: Windows takes the log
            // written last, whose base block is the newest.
            for log in logs.drain(..logs.len().saturating_sub(1)) {
                self.remarks.push(format!("{}: older than the other log", log.name));
            }
        }
        let Some(mut base) = self.base.clone().or(logs.last().map(|log| log.base.clone())) else {
            return;
        };
        let mut expected = base.secondary;
        for log in logs {
            let mut index = None;
            let mut at = SECOND_SECTOR;
            let mut sequence = log.base.primary;
            loop {
                let is_applied = |sequence| sequence_order(sequence, expected) == Ordering::Less;
                let entry = match new_log::Entry::read(log.bytes.as_ref(), at, is_applied) {
                    // Behind the last entry lies what earlier ones left there.
                    Ok(Some(entry)) if entry.sequence == sequence => entry,
                    Ok(_) => break,
                    Err(error) => {
                        self.remarks.push(format!("{}: {error}", log.name));
                        break;
                    }
                };
                match sequence_order(entry.sequence, expected) {
                    // Applied already, before the hive was written.
                    Ordering::Less => {}
                    Ordering::Equal => {
                        let index =
                            *index.get_or_insert_with(|| self.pages.log(Arc::clone(&log.bytes)));
                        self.pages.put(index, &entry.pages);
                        base = BaseBlock {
                            root: log.base.root,
                            minor: log.base.minor,
                            last_written: log.base.last_written,
                            bins_len: entry.bins_len,
                            ..base
                        };
                        self.entries = self.entries.saturating_add(1);
                        expected = expected.wrapping_add(1);
                    }
                    Ordering::Greater => {
                        let found = entry.sequence;
                        self.remarks.push(format!(
                            "{}: begins with entry {found}, but {expected} is the next; not applied",
                            log.name
                        ));
                        break;
                    }
                }
                at = entry.end;
                sequence = sequence.wrapping_add(1);
            }
        }
        if self.entries > 0 {
            self.base = Some(base);
        }
    }
}

/// The order of two sequence numbers, which begin anew after the last.
fn sequence_order(a: u32, b: u32) -> Ordering {
    match a.wrapping_sub(b) {
        0 => Ordering::Equal,
        1..=0x7fff_ffff => Ordering::Greater,
        _ => Ordering::Less,
    }
}

/// The time in the first bin's header, a copy of the base block's.
fn first_bin_time(file: &dyn Bytes) -> Result<u64> {
    let mut raw = [0; 28];
    file.read_at(place(0), &mut raw)?;
    let s = crate::filesystem::structure::Structure::new("registry hive bin", place(0), &raw);
    if s.bytes(0, 4)? != b"hbin" {
        return Err(s.corrupt(0, "\"hbin\"", "another signature"));
    }
    s.u64(20)
}

/// Where what follows the base block of a log begins: the second sector. It is of 512 bytes whatever
/// the disk has; Windows writes no clustering factor but 1.
pub(super) const SECOND_SECTOR: u64 = 512;
