//! The snapshot table (QEMU `docs/interop/qcow2.rst`, Snapshots).

use nom::IResult;
use nom::bytes::complete::take;
use nom::number::complete::{be_u16, be_u32, be_u64};

use crate::bytes::Bytes;
use crate::error::{Error, Result};
use crate::image::qcow2::address::HostOffset;
use crate::image::qcow2::header::Header;
use crate::image::qcow2::header_extension::text;

pub(super) const SNAPSHOT_TABLE: &str = "qcow2 snapshot table";

/// How many snapshots are listed by name; the header's own count says how many there are.
pub const MAX_LISTED_SNAPSHOTS: usize = 64;

/// Most snapshots (QEMU `QCOW_MAX_SNAPSHOTS`).
pub(super) const MAX_SNAPSHOTS: u32 = 65_536;

/// 64 MiB (QEMU `QCOW_MAX_SNAPSHOTS_SIZE`, 1 KiB a snapshot).
const MAX_TABLE_BYTES: u64 = 1024 * 65_536;

/// Extra data that QEMU accepts (`QCOW_MAX_SNAPSHOT_EXTRA_DATA`).
const MAX_EXTRA_DATA: u32 = 1024;

/// Extra data that version 3 asks for: the size of the machine's state and of the disk.
const V3_EXTRA_DATA: u32 = 16;

/// Longest entry: the fixed fields, the extra data, and two strings of 16-bit lengths.
const MAX_ENTRY: usize = 40 + 1024 + 2 * 65_535;

/// An entry of the snapshot table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Snapshot<'a> {
    pub(super) entry_at: HostOffset,
    /// One past its last byte; the next entry begins at a multiple of 8.
    pub(super) entry_end: HostOffset,
    pub(super) l1_table_offset: HostOffset,
    pub(super) l1_size: u32,
    extra_data_size: u32,
    id: &'a [u8],
    name: &'a [u8],
}

impl Snapshot<'_> {
    /// Number and name.
    pub(super) fn label(&self) -> String {
        format!("{} {}", text(self.id), text(self.name))
    }

    /// Length of its L1 table in bytes.
    pub(super) fn l1_bytes(&self) -> u64 {
        u64::from(self.l1_size).saturating_mul(8)
    }

    /// Whether the extra data that the version asks for is missing.
    pub(super) fn lacks_extra_data(&self, version: u32) -> bool {
        version >= 3 && self.extra_data_size < V3_EXTRA_DATA
    }
}

/// The labels of the first [`MAX_LISTED_SNAPSHOTS`] snapshots.
///
/// # Errors
/// [`Error::Corrupt`] when the table leaves the file or an entry its bounds.
pub(super) fn labels(bytes: &dyn Bytes, header: &Header) -> Result<Vec<String>> {
    entries(bytes, header)
        .take(MAX_LISTED_SNAPSHOTS)
        .map(|snapshot| snapshot.map(|snapshot| snapshot.label()))
        .collect()
}

/// All entries; ends behind the first error.
pub(super) fn entries<'a>(
    bytes: &'a dyn Bytes,
    header: &Header,
) -> impl Iterator<Item = Result<Snapshot<'a>>> {
    let start = header.snapshots_offset;
    let aligned = header.geometry.within_cluster(start.0) == 0;
    let mut next = Some(start);
    (0..header.nb_snapshots).map_while(move |_| {
        let at = next?;
        let found = if aligned {
            read(bytes, at)
        } else {
            Err(Error::corrupt(
                SNAPSHOT_TABLE,
                at.0,
                "an offset that is a multiple of the cluster size",
                format!("{:#x}", at.0),
            ))
        };
        next = found
            .as_ref()
            .ok()
            .and_then(|snapshot| snapshot.entry_end.0.checked_next_multiple_of(8).map(HostOffset));
        let len = next.map_or(0, |next| next.0.saturating_sub(start.0));
        if len > MAX_TABLE_BYTES {
            return Some(Err(Error::corrupt(
                SNAPSHOT_TABLE,
                start.0,
                format!("a table of up to {MAX_TABLE_BYTES} bytes"),
                format!("{len} or more"),
            )));
        }
        Some(found)
    })
}

/// The entry at `at`.
fn read(bytes: &dyn Bytes, at: HostOffset) -> Result<Snapshot<'_>> {
    let rest = usize::try_from(bytes.len().saturating_sub(at.0)).unwrap_or(usize::MAX);
    let data = bytes.slice(at.0, rest.min(MAX_ENTRY)).unwrap_or_default();
    let (behind, snapshot) = entry(data, at).map_err(|_| {
        Error::corrupt(
            SNAPSHOT_TABLE,
            at.0,
            "a whole entry inside the file",
            format!("{} bytes", data.len()),
        )
    })?;
    let length = u64::try_from(data.len().saturating_sub(behind.len())).unwrap_or(u64::MAX);
    Ok(Snapshot { entry_end: at.after(length), ..snapshot })
}

fn entry(input: &[u8], entry_at: HostOffset) -> IResult<&[u8], Snapshot<'_>> {
    let (input, l1_table_offset) = be_u64(input)?;
    let (input, l1_size) = be_u32(input)?;
    let (input, id_length) = be_u16(input)?;
    let (input, name_length) = be_u16(input)?;
    // Times, and the size of the machine's state.
    let (input, _) = take(20_usize)(input)?;
    let (input, extra_data_size) = be_u32(input)?;
    if extra_data_size > MAX_EXTRA_DATA {
        return Err(nom::Err::Failure(nom::error::Error::new(
            input,
            nom::error::ErrorKind::TooLarge,
        )));
    }
    let (input, _) = take(extra_data_size)(input)?;
    let (input, id) = take(id_length)(input)?;
    let (input, name) = take(name_length)(input)?;
    let snapshot = Snapshot {
        entry_at,
        entry_end: entry_at,
        l1_table_offset: HostOffset(l1_table_offset),
        l1_size,
        extra_data_size,
        id,
        name,
    };
    Ok((input, snapshot))
}
