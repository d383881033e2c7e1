//! NTFS 3.0 and 3.1.
//!
//! In: the bytes of a volume. Out: the tree of its files, junctions and symbolic links as links;
//! files compressed by NTFS (LZNT1) or by CompactOS (XPRESS, LZX) read as what they hold. The log is
//! not replayed, but it is told when it was in use: see [`Health::stale`]. Encrypted files and other filters' reparse points are named,
//! not read. Each structure's file names its source.

mod attribute;
mod attribute_list;
mod bitmap;
mod bits;
mod boot_sector;
mod file_record;
mod fixup;
mod index;
mod log_file;
pub(crate) mod lznt1;
pub(crate) mod lzx;
mod reparse;
mod runs;
mod stream;
mod upcase;
mod volume;
mod wof;
pub(crate) mod xpress;

use std::ops::ControlFlow;
use std::sync::Arc;

use self::attribute::kind;
use self::file_record::{FileRecord, Reference};
use self::index::Index;
use self::log_file::LogState;
use self::reparse::Reparse;
use self::stream::Units;
use self::upcase::UpCase;
use self::volume::Volume;
use self::wof::Wof;
use super::budget::Budget;
use super::health::{self, Health, Shutdown, Space};
use super::{DirEntry, FileSystem, FileType, MAX_SYMLINK, Metadata, NodeId};
use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::structure::Structure;

/// File records of the system's own files.
const LOG_FILE: u64 = 2;
const VOLUME: u64 = 3;
const ROOT: u64 = 5;
const BITMAP: u64 = 6;
const UPCASE: u64 = 10;

/// Records below this are the system's; the root directory alone is shown.
const FIRST_USER: u64 = 16;

/// Seconds from 1601-01-01 to 1970-01-01.
const UNIX_EPOCH: i64 = 11_644_473_600;

/// `FILE_ATTRIBUTE_READONLY`, `FILE_ATTRIBUTE_REPARSE_POINT`, and the mark of a directory in an
/// index entry.
const READ_ONLY: u32 = 0x1;
const REPARSE_POINT: u32 = 0x400;
const DIRECTORY: u32 = 0x1000_0000;

/// What the volume says of its own health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct State {
    /// It was not unmounted cleanly, or is due for `chkdsk`.
    pub dirty: bool,
    /// Version of the format: 3, 1 for Windows XP and later.
    pub version: (u8, u8),
}

/// An NTFS volume.
pub struct Ntfs {
    volume: Volume,
    upcase: UpCase,
    state: State,
    /// Byte of the record with the volume's information.
    information_at: u64,
}

impl Ntfs {
    /// Reads the boot sector, the map of the master file table, and the system's files.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when one of them contradicts itself.
    pub fn open(bytes: Arc<dyn Bytes>) -> Result<Self> {
        Self::open_within(bytes, Arc::new(Budget::unlimited()))
    }

    /// As [`Ntfs::open`]; file records and index blocks that are read are counted in `budget`.
    ///
    /// # Errors
    /// As [`Ntfs::open`]; once the budget is spent, [`Error::Limit`] from every look for a file.
    pub fn open_within(bytes: Arc<dyn Bytes>, budget: Arc<Budget>) -> Result<Self> {
        let volume = Volume::open(bytes, budget)?;
        let record = volume.record(Reference::any(UPCASE))?;
        let table = stream::open(&volume, &record, kind::DATA, &[])?;
        let table = table.ok_or_else(|| record.corrupt("$DATA of $UpCase", "none"))?;
        let upcase = UpCase::read(&*table)?;
        let (state, information_at) = state(&volume)?;
        Ok(Self { volume, upcase, state, information_at })
    }

    /// What the volume says of its own health.
    pub fn state(&self) -> State {
        self.state
    }

    /// Serial number of the volume, as Windows and udev print it (16 hexadecimal digits).
    pub fn serial(&self) -> String {
        format!("{:016X}", self.volume.boot.serial)
    }

    fn record(&self, node: NodeId) -> Result<FileRecord> {
        let record = self.volume.record(Reference(node.0))?;
        match record.base {
            Some(base) => {
                let found = format!("an extension of record {}", base.number());
                Err(record.corrupt("a base record", found))
            }
            None => Ok(record),
        }
    }

    fn reparse(&self, record: &FileRecord) -> Result<Option<Reparse>> {
        let point = stream::open(&self.volume, record, kind::REPARSE_POINT, &[])?;
        point.map(|point| Reparse::read(&*point, record.reference.number())).transpose()
    }

    /// The unnamed stream of one of the system's own files, and the byte at which its record stands.
    fn system_file(&self, number: u64) -> Result<(Arc<dyn Bytes>, u64)> {
        let record = self.record(NodeId(number))?;
        let data = self.data(&record)?.ok_or_else(|| record.corrupt("$DATA", "none"))?;
        Ok((data, record.structure().offset))
    }

    /// Counts the free clusters.
    fn space(&self) -> Result<Space> {
        let boot = &self.volume.boot;
        let (map, at) = self.system_file(BITMAP)?;
        // Each read of the map counts.
        self.volume.spend(map.len().min(boot.clusters.div_ceil(8)))?;
        let free = bitmap::free_clusters(&*map, boot)?;
        let (clusters, size) = (boot.clusters, boot.cluster_size);
        Ok(Space {
            total: clusters.saturating_mul(size),
            free: free.saturating_mul(size),
            inodes: None,
            evidence: Evidence::new(
                health::place("NTFS $Bitmap, file record", at),
                format!("{free} of {clusters} clusters of {size} bytes"),
            ),
        })
    }

    /// The unnamed stream: what a file holds, as it is stored.
    fn data(&self, record: &FileRecord) -> Result<Option<Arc<dyn Bytes>>> {
        stream::open(&self.volume, record, kind::DATA, &[])
    }
}

fn state(volume: &Volume) -> Result<(State, u64)> {
    let record = volume.record(Reference::any(VOLUME))?;
    let information = stream::open(volume, &record, kind::VOLUME_INFORMATION, &[])?
        .ok_or_else(|| record.corrupt("$VOLUME_INFORMATION", "none"))?;
    let raw: [u8; 12] = information.array(0)?;
    let at = record.structure().offset;
    let s = Structure::new("NTFS volume information", at, &raw);
    // VOLUME_IS_DIRTY, VOLUME_RESIZE_LOG_FILE, VOLUME_MODIFIED_BY_CHKDSK are bits 0, 1, 15.
    Ok((State { dirty: s.u16(10)? & 1 != 0, version: (s.u8(8)?, s.u8(9)?) }, at))
}

impl FileSystem for Ntfs {
    fn kind(&self) -> &'static str {
        "ntfs"
    }

    fn root(&self) -> NodeId {
        NodeId(ROOT)
    }

    fn health(&self) -> Health {
        let space = Fact::from_result("NTFS $Bitmap", self.space());
        let place = health::place("NTFS volume information", self.information_at);
        let log = self.system_file(LOG_FILE).and_then(|(log, _)| log_file::state(&*log));
        let dirty = self.state.dirty.then(|| Evidence::new(place.clone(), "VOLUME_IS_DIRTY"));
        let (shutdown, stale) = match (dirty, log) {
            (Some(dirty), _) => {
                let reason =
                    "the volume is marked in use or due for chkdsk, and its log is not replayed";
                (Ok((Shutdown::Unclean, dirty)), Some(Unread::new(place, reason)))
            }
            (None, Ok(LogState::InUse(at))) => {
                let place = health::place("NTFS log restart area", at);
                let reason = "the volume was in use, and its log is not replayed";
                let mark = Evidence::new(place.clone(), "a client has the log open");
                (Ok((Shutdown::Unclean, mark)), Some(Unread::new(place, reason)))
            }
            (None, Ok(state)) => {
                let log = if state == LogState::Empty { "empty" } else { "closed" };
                let mark = Evidence::new(place, format!("not dirty, log {log}"));
                (Ok((Shutdown::Clean, mark)), None)
            }
            (None, Err(error)) => {
                let stale = Unread::new("NTFS $LogFile", error.to_string());
                (Err(error), Some(stale))
            }
        };
        let shutdown = Fact::from_result("NTFS $LogFile", shutdown);
        let (errors, needs) = (Vec::new(), Vec::new());
        Health { shutdown, stale, unchecked: None, errors, needs, space }
    }

    /// Owners and rights are not read: modes say only what is a directory or read-only.
    fn metadata(&self, node: NodeId) -> Result<Metadata> {
        let record = self.record(node)?;
        let number = record.reference.number();
        let standard = stream::open(&self.volume, &record, kind::STANDARD_INFORMATION, &[])?
            .ok_or_else(|| record.corrupt("$STANDARD_INFORMATION", "none"))?;
        let raw: [u8; 0x24] = standard.array(0)?;
        let s = Structure::new("NTFS standard information", number, &raw);
        let ticks = s.u64(8)?.checked_div(10_000_000).unwrap_or(0);
        let mtime = i64::try_from(ticks).unwrap_or(i64::MAX).saturating_sub(UNIX_EPOCH);
        let flags = s.u32(0x20)?;
        let reparse = if flags & REPARSE_POINT != 0 { self.reparse(&record)? } else { None };
        let target = match &reparse {
            Some(Reparse::Link(target) | Reparse::Elsewhere(target)) => Some(target),
            _ => None,
        };
        let file_type = match target {
            Some(_) => FileType::Symlink,
            None if record.is_directory => FileType::Directory,
            None => FileType::Regular,
        };
        let len = match (target, file_type) {
            (Some(target), _) => u64::try_from(target.len()).unwrap_or(u64::MAX),
            (None, FileType::Directory) => 0,
            // Also of a file that CompactOS compressed: its unnamed stream is one hole.
            _ => self.data(&record)?.map_or(0, |data| data.len()),
        };
        let read_only = flags & READ_ONLY != 0 && !record.is_directory;
        Ok(Metadata {
            file_type,
            len,
            mode: if read_only { 0o555 } else { 0o777 },
            uid: 0,
            gid: 0,
            links: u32::from(record.links),
            mtime,
        })
    }

    /// The short names that only DOS sees, and the system's own files, are not given.
    fn read_dir(
        &self,
        dir: NodeId,
        visit: &mut dyn FnMut(DirEntry) -> ControlFlow<()>,
    ) -> Result<()> {
        let record = self.directory(dir)?;
        let index = Index::open(&self.volume, &record)?;
        let _ = index.walk(&mut |entry| {
            if entry.is_dos_only || entry.reference.number() < FIRST_USER {
                return ControlFlow::Continue(());
            }
            let file_type = match entry.flags {
                // A link, or some filter's file: the record knows.
                flags if flags & REPARSE_POINT != 0 => None,
                flags if flags & DIRECTORY != 0 => Some(FileType::Directory),
                _ => Some(FileType::Regular),
            };
            let node = NodeId(entry.reference.0);
            visit(DirEntry { name: wtf8(entry.name), node, file_type })
        })?;
        Ok(())
    }

    /// Long and short names are found, without case.
    fn lookup(&self, dir: NodeId, name: &[u8]) -> Result<Option<NodeId>> {
        let record = self.directory(dir)?;
        let Ok(name) = std::str::from_utf8(name) else { return Ok(None) };
        let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let found = Index::open(&self.volume, &record)?.find(&name, &self.upcase)?;
        Ok(found.map(|reference| NodeId(reference.0)))
    }

    fn read_link(&self, node: NodeId) -> Result<Vec<u8>> {
        let record = self.record(node)?;
        let number = record.reference.number();
        match self.reparse(&record)? {
            Some(Reparse::Link(target)) if target.len() <= MAX_SYMLINK => Ok(target.into_bytes()),
            Some(Reparse::Link(_)) => {
                Err(Error::too_much("NTFS reparse point", MAX_SYMLINK, "bytes"))
            }
            Some(Reparse::Elsewhere(target)) => Err(Error::unsupported(
                "NTFS reparse point",
                number,
                format!("the link to {target}, which leaves this volume,"),
            )),
            _ => Err(Error::unsupported("NTFS file record", number, "no symbolic link: it")),
        }
    }

    fn open(&self, node: NodeId) -> Result<Arc<dyn Bytes>> {
        let record = self.record(node)?;
        let number = record.reference.number();
        if record.is_directory {
            return Err(Error::NotAFile { path: format!("NTFS file record {number}") });
        }
        let data = self.data(&record)?.unwrap_or_else(|| Arc::new(Vec::new()));
        match self.reparse(&record)? {
            None => Ok(data),
            Some(Reparse::Wof(algorithm, chunk)) => {
                let stored = stream::open(&self.volume, &record, kind::DATA, wof::STREAM)?;
                let stored =
                    stored.ok_or_else(|| record.corrupt("a stream WofCompressedData", "none"))?;
                let chunks = Units::new(chunk, &self.volume.budget);
                Ok(Arc::new(Wof::new(stored, data.len(), algorithm, chunks)))
            }
            Some(Reparse::Link(_) | Reparse::Elsewhere(_)) => {
                Err(Error::NotAFile { path: format!("NTFS file record {number}") })
            }
            Some(Reparse::Other(tag)) => Err(Error::unsupported(
                "NTFS reparse point",
                number,
                format!("a file behind the filter {tag:#010x}"),
            )),
        }
    }

    /// Compressed by NTFS itself or by CompactOS, encrypted by EFS.
    fn stored_as(&self, node: NodeId) -> Result<Option<&'static str>> {
        let record = self.record(node)?;
        if matches!(self.reparse(&record)?, Some(Reparse::Wof(..))) {
            return Ok(Some("compressed"));
        }
        stream::stored_as(&self.volume, &record, kind::DATA, &[])
    }
}

impl Ntfs {
    fn directory(&self, dir: NodeId) -> Result<FileRecord> {
        let record = self.record(dir)?;
        if record.is_directory {
            return Ok(record);
        }
        let number = record.reference.number();
        Err(Error::NotADirectory { path: format!("NTFS file record {number}") })
    }
}

/// A name in UTF-8; surrogates that stand alone as three bytes each (WTF-8), so that names that
/// differ stay different.
fn wtf8(name: &[u8]) -> Vec<u8> {
    let (units, _) = name.as_chunks::<2>();
    let mut text = Vec::with_capacity(name.len());
    for unit in char::decode_utf16(units.iter().copied().map(u16::from_le_bytes)) {
        match unit {
            Ok(unit) => text.extend_from_slice(unit.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(lone) => {
                let [low, high] = lone.unpaired_surrogate().to_le_bytes();
                let middle = high << 2 & 0x3f | low >> 6;
                text.extend_from_slice(&[0xe0 | high >> 4, 0x80 | middle, 0x80 | low & 0x3f]);
            }
        }
    }
    text
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::cast_possible_truncation)]
mod tests;
