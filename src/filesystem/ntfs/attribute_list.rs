//! `$ATTRIBUTE_LIST`: where the attributes of a file are that needs several records.
//!
//! Source: Microsoft, *Master File Table*: `ATTRIBUTE_LIST_ENTRY`.

use super::attribute::{Form, kind};
use super::file_record::{FileRecord, Reference};
use super::runs::Runs;
use super::stream::Content;
use super::volume::Volume;
use crate::bytes::BytesExt;
use crate::error::{Error, Result};
use crate::filesystem::structure::Structure;

/// Longest list in bytes (Windows: 256 KiB).
const MAX_LIST: u64 = 256 << 10;

/// An entry of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    kind: u32,
    name: Vec<u8>,
    /// First cluster that the named record maps.
    pub(super) lowest_vcn: u64,
    /// The file record that holds the attribute record.
    pub(super) reference: Reference,
    /// Number of the attribute record in the file.
    pub(super) instance: u16,
}

impl Entry {
    /// Whether it is of an attribute with that type and name (UTF-16, little-endian).
    pub(super) fn is(&self, kind: u32, name: &[u8]) -> bool {
        self.kind == kind && self.name == name
    }
}

/// The list of a base record; `None` when its attributes all stand in the record itself.
///
/// # Errors
/// [`Error::Corrupt`] when it contradicts itself; [`Error::Limit`] when it is too long.
pub(super) fn read(volume: &Volume, record: &FileRecord) -> Result<Option<Vec<Entry>>> {
    for attribute in record.attributes() {
        let attribute = attribute?;
        if attribute.kind != kind::ATTRIBUTE_LIST {
            continue;
        }
        let list = match attribute.form {
            Form::Resident(value) => value.to_vec(),
            Form::NonResident(header) => {
                if header.data_size > MAX_LIST {
                    let (structure, unit) = ("NTFS attribute list", "bytes");
                    return Err(Error::Limit { structure, limit: MAX_LIST, unit });
                }
                let mut runs = Runs::default();
                runs.extend(&volume.boot, &attribute.s, &header)?;
                volume.spend(header.data_size)?;
                let len = usize::try_from(header.data_size).unwrap_or(0);
                Content::plain(volume, runs, &header).vec(0, len)?
            }
        };
        return parse(&list, attribute.s.offset).map(Some);
    }
    Ok(None)
}

fn parse(list: &[u8], offset: u64) -> Result<Vec<Entry>> {
    let s = Structure::new("NTFS attribute list", offset, list);
    let mut entries = Vec::new();
    let mut at = 0_usize;
    while at < list.len() {
        let field = |by: usize| at.saturating_add(by);
        let len = usize::from(s.u16(field(4))?);
        if len < 26 || len > list.len().saturating_sub(at) {
            return Err(s.corrupt(field(4), "a length of at least 26", len.to_string()));
        }
        let name_len = usize::from(s.u8(field(6))?).saturating_mul(2);
        entries.push(Entry {
            kind: s.u32(at)?,
            name: s.bytes(field(usize::from(s.u8(field(7))?)), name_len)?.to_vec(),
            lowest_vcn: s.u64(field(8))?,
            reference: Reference(s.u64(field(16))?),
            instance: s.u16(field(24))?,
        });
        at = field(len);
    }
    Ok(entries)
}
