//! The base block: where the hive's root is, how long its bins are, and whether it was written in full.
//!
//! Source: regf, "Base block" and "Format of transaction log files".

use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};
use crate::filesystem::structure::Structure;

/// Length of the base block of a primary file in bytes; the hive bins follow it.
pub(super) const LEN: u64 = 4096;

/// Length of what the checksum covers and of what a transaction log keeps of the base block, in
/// bytes.
const SECTOR: usize = 512;

/// Largest hive bins data in bytes. Bit 31 of a cell's offset tells volatile cells, which are in no
/// file, from others.
const MAX_BINS: u32 = 0x7fff_f000;

/// What kind of file a base block begins (regf, "File type").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileType {
    /// A hive.
    Primary,
    /// A transaction log with a dirty vector (Windows 8 and older).
    OldLog,
    /// A transaction log with log entries (Windows 8.1 and newer).
    NewLog,
}

/// What the base block says.
#[derive(Debug, Clone)]
pub(super) struct BaseBlock {
    /// Counted up before the hive is written.
    pub(super) primary: u32,
    /// Counted up after the hive was written.
    pub(super) secondary: u32,
    /// When the hive was last written, as FILETIME.
    pub(super) last_written: u64,
    /// Minor version of the format, 3 to 6.
    pub(super) minor: u32,
    /// What kind of file this is.
    pub(super) file_type: FileType,
    /// The root's cell, from the start of the hive bins.
    pub(super) root: u32,
    /// Length of all hive bins in bytes, a multiple of 4096.
    pub(super) bins_len: u32,
}

impl BaseBlock {
    /// Reads the first sector of a hive or of a transaction log.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when its checksum does not hold, or when it contradicts the format;
    /// [`Error::Unsupported`] for versions before 1.3 and after 1.6.
    pub(super) fn read(bytes: &dyn Bytes) -> Result<Self> {
        if bytes.len() < u64::try_from(SECTOR).unwrap_or(u64::MAX) {
            let (expected, found) = ("a sector", format!("{} bytes", bytes.len()));
            return Err(Error::corrupt("registry base block", 0, expected, found));
        }
        let raw: [u8; SECTOR] = bytes.array(0)?;
        let s = Structure::new("registry base block", 0, &raw);
        let signature = s.bytes(0, 4)?;
        if signature != b"regf" {
            let found = String::from_utf8_lossy(signature).into_owned();
            return Err(s.corrupt(0, "\"regf\"", format!("{found:?}")));
        }
        let (stored, computed) = (s.u32(0x1fc)?, checksum(&raw));
        if !crate::checksum::holds(stored, computed) {
            return Err(s.corrupt(
                0x1fc,
                format!("checksum {computed:#010x}"),
                format!("{stored:#010x}"),
            ));
        }
        let (major, minor) = (s.u32(0x14)?, s.u32(0x18)?);
        if major != 1 || !(3..=6).contains(&minor) {
            return Err(s.unsupported(0x14, format!("a hive of version {major}.{minor}")));
        }
        let file_type = match s.u32(0x1c)? {
            0 => FileType::Primary,
            1 | 2 => FileType::OldLog,
            6 => FileType::NewLog,
            other => return Err(s.unsupported(0x1c, format!("a file of type {other}"))),
        };
        let format = s.u32(0x20)?;
        if format != 1 {
            return Err(s.unsupported(0x20, format!("a hive of form {format}")));
        }
        let bins_len = s.u32(0x28)?;
        check_bins_len(&s, 0x28, bins_len)?;
        Ok(Self {
            primary: s.u32(4)?,
            secondary: s.u32(8)?,
            last_written: s.u64(0x0c)?,
            minor,
            file_type,
            root: s.u32(0x24)?,
            bins_len,
        })
    }
}

/// Checks a length of hive bins that stands at byte `at` of `s`.
///
/// # Errors
/// [`Error::Corrupt`] when no hive can have it.
pub(super) fn check_bins_len(s: &Structure<'_>, at: usize, len: u32) -> Result<()> {
    if len == 0 || len > MAX_BINS || !len.is_multiple_of(4096) {
        return Err(s.corrupt(at, "hive bins of a multiple of 4096 bytes, below 2 GiB", len));
    }
    Ok(())
}

/// The checksum of the first 508 bytes: all of them as numbers of 32 bits, XOR. Windows keeps neither
/// 0 nor 0xffffffff as a checksum.
fn checksum(raw: &[u8; SECTOR]) -> u32 {
    let (words, _) = raw.as_chunks::<4>();
    let covered = words.iter().take(127);
    match covered.fold(0, |sum, word| sum ^ u32::from_le_bytes(*word)) {
        0 => 1,
        u32::MAX => u32::MAX ^ 1,
        sum => sum,
    }
}
