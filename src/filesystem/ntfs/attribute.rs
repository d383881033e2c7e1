//! Attribute record headers.
//!
//! Source: Microsoft, *Master File Table*: `ATTRIBUTE_RECORD_HEADER`.

use crate::error::Result;
use crate::filesystem::structure::Structure;

/// Types of attributes (`ATTRIBUTE_TYPE_CODE`).
pub(super) mod kind {
    pub(in super::super) const STANDARD_INFORMATION: u32 = 0x10;
    pub(in super::super) const ATTRIBUTE_LIST: u32 = 0x20;
    pub(in super::super) const VOLUME_INFORMATION: u32 = 0x70;
    pub(in super::super) const DATA: u32 = 0x80;
    pub(in super::super) const INDEX_ROOT: u32 = 0x90;
    pub(in super::super) const INDEX_ALLOCATION: u32 = 0xa0;
    pub(in super::super) const REPARSE_POINT: u32 = 0xc0;
    const END: u32 = 0xffff_ffff;

    pub(super) fn is_end(kind: u32) -> bool {
        kind == END
    }
}

/// An attribute record in a file record.
#[derive(Clone, Copy)]
pub(super) struct Attribute<'a> {
    /// Its type.
    pub(super) kind: u32,
    /// Its name in UTF-16, little-endian.
    pub(super) name: &'a [u8],
    /// Its number in the file.
    pub(super) instance: u16,
    pub(super) form: Form<'a>,
    /// The record.
    pub(super) s: Structure<'a>,
}

/// Where an attribute's value is.
#[derive(Clone, Copy)]
pub(super) enum Form<'a> {
    /// In the record.
    Resident(&'a [u8]),
    /// In clusters.
    NonResident(NonResident<'a>),
}

/// The header of an attribute whose value lies in clusters.
#[derive(Clone, Copy)]
pub(super) struct NonResident<'a> {
    /// First cluster of the value that this record maps.
    pub(super) lowest_vcn: u64,
    /// Last cluster of the value that this record maps; one less than the lowest when none.
    pub(super) highest_vcn: u64,
    /// Length of the value in bytes.
    pub(super) data_size: u64,
    /// Bytes of it that were ever written; the rest reads as zero.
    pub(super) valid_data_length: u64,
    /// The value is compressed in units of two to this many clusters.
    pub(super) compression_unit: Option<u8>,
    /// The value is encrypted.
    pub(super) encrypted: bool,
    /// The encoded runs, and where they begin in the record.
    pub(super) mapping_pairs: (&'a [u8], usize),
}

/// The attribute records of a file record, of which `used` bytes from `first` on are in use.
pub(super) struct Attributes<'a> {
    s: Structure<'a>,
    at: usize,
    end: usize,
}

impl<'a> Attributes<'a> {
    pub(super) fn new(s: Structure<'a>, first: usize, used: usize) -> Self {
        Self { s, at: first, end: used.min(s.raw.len()) }
    }

    fn parse(&mut self) -> Result<Option<Attribute<'a>>> {
        let kind = self.s.u32(self.at)?;
        if kind::is_end(kind) {
            return Ok(None);
        }
        let len = usize::try_from(self.s.u32(self.at.saturating_add(4))?).unwrap_or(usize::MAX);
        let left = self.end.saturating_sub(self.at);
        if len < 24 || len > left || !len.is_multiple_of(8) {
            let at = self.at.saturating_add(4);
            return Err(self.s.corrupt(at, format!("a length of 24 to {left}"), len.to_string()));
        }
        let offset = self.s.offset.saturating_add(u64::try_from(self.at).unwrap_or(u64::MAX));
        let s = Structure::new("NTFS attribute record", offset, self.s.bytes(self.at, len)?);
        self.at = self.at.saturating_add(len);
        Attribute::parse(s, kind).map(Some)
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.end {
            return None;
        }
        let next = self.parse().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.at = self.end;
        }
        next
    }
}

impl<'a> Attribute<'a> {
    fn parse(s: Structure<'a>, kind: u32) -> Result<Self> {
        let name_len = usize::from(s.u8(9)?).saturating_mul(2);
        let name = s.bytes(usize::from(s.u16(0x0a)?), name_len)?;
        let flags = s.u16(0x0c)?;
        let form = if s.u8(8)? == 0 {
            let len = usize::try_from(s.u32(0x10)?).unwrap_or(usize::MAX);
            Form::Resident(s.bytes(usize::from(s.u16(0x14)?), len)?)
        } else {
            let pairs = usize::from(s.u16(0x20)?);
            let lowest_vcn = s.u64(0x10)?;
            let unit = s.u8(0x22)?;
            // Sizes stand only where the value begins.
            let first = lowest_vcn == 0;
            let sizes = |at| if first { s.u64(at) } else { Ok(0) };
            Form::NonResident(NonResident {
                lowest_vcn,
                highest_vcn: s.u64(0x18)?,
                data_size: sizes(0x30)?,
                valid_data_length: sizes(0x38)?,
                compression_unit: (flags & 0x00ff != 0).then_some(unit),
                encrypted: flags & 0x4000 != 0,
                mapping_pairs: (s.bytes(pairs, s.raw.len().saturating_sub(pairs))?, pairs),
            })
        };
        Ok(Self { kind, name, instance: s.u16(0x0e)?, form, s })
    }

    /// Whether it has that type and name (UTF-16, little-endian).
    pub(super) fn is(&self, kind: u32, name: &[u8]) -> bool {
        self.kind == kind && self.name == name
    }
}
