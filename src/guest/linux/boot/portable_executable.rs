//! The sections of an EFI executable (PE format, "Overview", "Section Table").

use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};

/// Offset of the pointer to the PE header ("MS-DOS Stub").
pub(super) const PE_POINTER: u64 = 0x3c;

/// Name of the header in errors.
pub(super) const HEADER: &str = "PE header";

/// Length of the PE signature and the COFF header behind it.
const COFF_HEADER: u64 = 24;

/// Length of a section's header.
const SECTION_HEADER: u64 = 40;

/// Most sections that are looked at (the Windows loader takes 96).
const MAX_SECTIONS: u16 = 96;

/// Where a section lies in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) name: [u8; 8],
    /// `PointerToRawData` and `SizeOfRawData`.
    pub(super) start: u64,
    pub(super) stored: u32,
    /// Bytes without padding: the smaller of that and `VirtualSize`.
    pub(super) len: u32,
}

/// The sections of an executable.
///
/// # Errors
/// [`Error::Corrupt`] for what is no PE file; when its bytes cannot be read.
pub(super) fn sections(bytes: &dyn Bytes) -> Result<Vec<Section>> {
    let half = |at: u64| Ok::<_, Error>(u16::from_le_bytes(bytes.array(at)?));
    let word = |at: u64| Ok::<_, Error>(u32::from_le_bytes(bytes.array(at)?));
    let at = u64::from(word(PE_POINTER)?);
    let magic: [u8; 4] = bytes.array(at)?;
    if magic != *b"PE\0\0" {
        return Err(Error::corrupt(HEADER, at, "PE", format!("{magic:02x?}")));
    }
    let count = half(at.saturating_add(6))?;
    if count > MAX_SECTIONS {
        let limit = MAX_SECTIONS.into();
        return Err(Error::Limit { structure: "PE section table", limit, unit: "sections" });
    }
    let optional = u64::from(half(at.saturating_add(20))?);
    let mut header = at.saturating_add(COFF_HEADER).saturating_add(optional);
    let mut sections = Vec::new();
    for _ in 0..count {
        let stored = word(header.saturating_add(16))?;
        sections.push(Section {
            name: bytes.array(header)?,
            start: word(header.saturating_add(20))?.into(),
            stored,
            len: stored.min(word(header.saturating_add(8))?),
        });
        header = header.saturating_add(SECTION_HEADER);
    }
    Ok(sections)
}
