//! The snapshot table (QEMU `docs/interop/qcow2.rst`, Snapshots).

use nom::IResult;
use nom::bytes::complete::take;
use nom::number::complete::{be_u16, be_u32, be_u64};

use crate::bytes::Bytes;
use crate::error::{Error, Result};
use crate::image::format::up_to;
use crate::image::qcow2::address::HostOffset;
use crate::image::qcow2::header::Header;
use crate::image::qcow2::header_extension::text;

const SNAPSHOT_TABLE: &str = "qcow2 snapshot table";

/// How many snapshots are listed by name; the header's own count says how many there are.
pub const MAX_LISTED_SNAPSHOTS: usize = 64;

/// Extra data that QEMU accepts (`QCOW_MAX_SNAPSHOT_EXTRA_DATA`).
const MAX_EXTRA_DATA: u32 = 1024;

/// Longest entry: the fixed fields, the extra data, and two strings of 16-bit lengths.
const MAX_ENTRY: usize = 40 + 1024 + 2 * 65_535;

/// An entry of the snapshot table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) entry_at: HostOffset,
    pub(super) l1_table_offset: HostOffset,
    pub(super) l1_size: u32,
    pub(super) id: String,
    pub(super) name: String,
}

/// The first [`MAX_LISTED_SNAPSHOTS`] snapshots.
///
/// # Errors
/// [`Error::Corrupt`] when the table leaves the file or an entry its bounds.
pub(super) fn read(bytes: &dyn Bytes, header: &Header) -> Result<Vec<Snapshot>> {
    let count = usize::try_from(header.nb_snapshots).unwrap_or(usize::MAX);
    let mut at = header.snapshots_offset;
    if count > 0 && header.geometry.within_cluster(at.0) != 0 {
        return Err(Error::corrupt(
            SNAPSHOT_TABLE,
            at.0,
            "an offset that is a multiple of the cluster size",
            format!("{:#x}", at.0),
        ));
    }
    let mut snapshots = Vec::new();
    for _ in 0..count.min(MAX_LISTED_SNAPSHOTS) {
        let data = up_to(bytes, at.0, MAX_ENTRY);
        let (rest, snapshot) = entry(&data, at).map_err(|_| {
            Error::corrupt(
                SNAPSHOT_TABLE,
                at.0,
                "a whole entry inside the file",
                format!("{} bytes", data.len()),
            )
        })?;
        let length = data.len().saturating_sub(rest.len());
        let padded = length.saturating_add(7) & !7;
        at = at.after(u64::try_from(padded).unwrap_or(u64::MAX));
        snapshots.push(snapshot);
    }
    Ok(snapshots)
}

fn entry(input: &[u8], entry_at: HostOffset) -> IResult<&[u8], Snapshot> {
    let (input, l1_table_offset) = be_u64(input)?;
    let (input, l1_size) = be_u32(input)?;
    let (input, id_length) = be_u16(input)?;
    let (input, name_length) = be_u16(input)?;
    // Times, and the size of the machine's state.
    let (input, _) = take(20_usize)(input)?;
    let (input, extra_length) = be_u32(input)?;
    if extra_length > MAX_EXTRA_DATA {
        return Err(nom::Err::Failure(nom::error::Error::new(
            input,
            nom::error::ErrorKind::TooLarge,
        )));
    }
    let (input, _) = take(extra_length)(input)?;
    let (input, id) = take(id_length)(input)?;
    let (input, name) = take(name_length)(input)?;
    let snapshot = Snapshot {
        entry_at,
        l1_table_offset: HostOffset(l1_table_offset),
        l1_size,
        id: text(id),
        name: text(name),
    };
    Ok((input, snapshot))
}
