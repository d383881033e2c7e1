//! Reparse points: symbolic links, junctions, and files compressed by the Windows Overlay Filter.
//!
//! Source: \[MS-FSCC\] 2.1.2; the WOF data is `WOF_EXTERNAL_INFO` and `FILE_PROVIDER_EXTERNAL_INFO`
//! of the Windows Driver Kit (`wofapi`, `ntifs.h`); the link of WSL is the Linux kernel's `ntfs3`.

use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};
use crate::filesystem::structure::Structure;

/// Longest reparse data in bytes (`MAXIMUM_REPARSE_DATA_BUFFER_SIZE`).
const MAX_REPARSE: u64 = 16 << 10;

const TAG_MOUNT_POINT: u32 = 0xa000_0003;
const TAG_SYMLINK: u32 = 0xa000_000c;
const TAG_LX_SYMLINK: u32 = 0xa000_001d;
const TAG_WOF: u32 = 0x8000_0017;

/// How a file of the Windows Overlay Filter is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Xpress,
    Lzx,
}

/// What a reparse point says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reparse {
    /// Another path: with `/`, absolute when it begins with one.
    Link(String),
    /// The path leaves the volume, as it stands.
    Elsewhere(String),
    /// The content is compressed in chunks of that many bytes.
    Wof(Algorithm, u64),
    /// Some other filter's.
    Other(u32),
}

impl Reparse {
    /// Parses the value of a `$REPARSE_POINT`, which belongs to file record `number`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when it contradicts itself; [`Error::Limit`] when it is too long.
    pub(super) fn read(value: &dyn Bytes, number: u64) -> Result<Self> {
        if value.len() > MAX_REPARSE {
            let (structure, unit) = ("NTFS reparse point", "bytes");
            return Err(Error::Limit { structure, limit: MAX_REPARSE, unit });
        }
        let raw = value.vec(0, usize::try_from(value.len()).unwrap_or(0))?;
        let s = Structure::new("NTFS reparse point", number, &raw);
        let path = |buffer: usize| -> Result<String> {
            let at = buffer.saturating_add(usize::from(s.u16(8)?));
            let (units, _) = s.bytes(at, usize::from(s.u16(10)?))?.as_chunks::<2>();
            Ok(String::from_utf16_lossy(
                &units.iter().copied().map(u16::from_le_bytes).collect::<Vec<_>>(),
            ))
        };
        Ok(match s.u32(0)? {
            TAG_MOUNT_POINT => target(&path(16)?),
            TAG_SYMLINK if s.u32(16)? & 1 == 1 => Self::Link(path(20)?.replace('\\', "/")),
            TAG_SYMLINK => target(&path(20)?),
            TAG_LX_SYMLINK => {
                let text = s.bytes(12, raw.len().saturating_sub(12))?;
                Self::Link(String::from_utf8_lossy(text).into_owned())
            }
            TAG_WOF => match (s.u32(8)?, s.u32(12)?, s.u32(20)?) {
                (1, 2, 0) => Self::Wof(Algorithm::Xpress, 4 << 10),
                (1, 2, 1) => Self::Wof(Algorithm::Lzx, 32 << 10),
                (1, 2, 2) => Self::Wof(Algorithm::Xpress, 8 << 10),
                (1, 2, 3) => Self::Wof(Algorithm::Xpress, 16 << 10),
                _ => Self::Other(TAG_WOF),
            },
            tag => Self::Other(tag),
        })
    }
}

/// A path of the object manager: `\??\C:\Users`. The drive is taken to be the one that the link is
/// on, as it is where Windows itself makes such links.
fn target(path: &str) -> Reparse {
    let plain = path.strip_prefix(r"\??\").unwrap_or(path);
    match plain.split_once(':') {
        Some((drive, rest)) if drive.len() == 1 && (rest.is_empty() || rest.starts_with('\\')) => {
            Reparse::Link(format!("/{}", rest.trim_start_matches('\\').replace('\\', "/")))
        }
        _ => Reparse::Elsewhere(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount_point(path: &str) -> Vec<u8> {
        let text: Vec<u8> = path.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let len = u16::try_from(text.len()).unwrap().to_le_bytes();
        let mut raw = TAG_MOUNT_POINT.to_le_bytes().to_vec();
        raw.extend([0; 4]);
        raw.extend([[0, 0], len, len, [0, 0]].concat());
        raw.extend(text);
        raw
    }

    #[test]
    fn a_junction_leads_to_a_path_of_its_own_volume() {
        let raw = mount_point(r"\??\C:\Users\All Users");
        assert_eq!(Reparse::read(&raw, 40), Ok(Reparse::Link("/Users/All Users".to_owned())));
    }

    #[test]
    fn a_volume_mount_point_leads_elsewhere() {
        let path = r"\??\Volume{01020304-0506-0708-0910-111213141516}\";
        let raw = mount_point(path);
        assert_eq!(Reparse::read(&raw, 40), Ok(Reparse::Elsewhere(path.to_owned())));
    }

    #[test]
    fn a_path_behind_the_data_is_damage() {
        let mut raw = mount_point(r"\??\C:\x");
        raw[10] = 0xff;
        assert!(matches!(Reparse::read(&raw, 40), Err(Error::Corrupt { .. })));
    }
}
