//! Header extensions (QEMU `docs/interop/qcow2.rst`, Header extensions).

use nom::IResult;
use nom::number::complete::{be_u32, be_u64};

use crate::bytes::Bytes;
use crate::error::{Error, Result};
use crate::image::format::up_to;
use crate::image::qcow2::address::HostOffset;
use crate::image::qcow2::header::Header;

const EXTENSION: &str = "qcow2 header extension";

const END: u32 = 0;
const BACKING_FORMAT: u32 = 0xe279_2aca;
const FEATURE_NAMES: u32 = 0x6803_f857;
const ENCRYPTION: u32 = 0x0537_be77;
const DATA_FILE_NAME: u32 = 0x4441_5441;
const BITMAPS: u32 = 0x2385_2875;

/// Length of an entry of the feature name table.
const FEATURE_NAME_LEN: usize = 48;
/// A name for each of 64 bits of three kinds is all that the table can usefully hold.
const MAX_FEATURE_NAMES: usize = 3 * 64;
/// Longest name of a backing file's format that QEMU opens (`backing_format` of its
/// `BlockDriverState` holds 16 bytes, the last of them NUL).
const MAX_BACKING_FORMAT: usize = 15;
/// As long as a backing file's name may be; longer strings are cut.
const MAX_TEXT: usize = 1023;
/// The feature name table's type for incompatible bits.
const INCOMPATIBLE: u8 = 0;

/// What the header extensions say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct HeaderExtensions {
    pub(super) backing_format: Option<String>,
    pub(super) data_file_name: Option<String>,
    /// Byte at which the pointer to the full disk encryption header stands.
    pub(super) encryption_at: Option<u64>,
    /// Where that header is.
    pub(super) encryption: Option<EncryptionHeader>,
    pub(super) bitmaps: Option<BitmapsExtension>,
    /// What is wrong with an extension, besides a length that nobody can pass over.
    pub(super) faults: Vec<Error>,
    /// Names of incompatible features, by bit.
    pub(super) incompatible_names: Vec<(u8, String)>,
}

/// The full disk encryption header pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EncryptionHeader {
    pub(super) offset: HostOffset,
    /// Bytes.
    pub(super) length: u64,
}

/// The bitmaps extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BitmapsExtension {
    /// Byte at which the extension's data stands.
    pub(super) at: u64,
    pub(super) nb_bitmaps: u32,
    /// Must be zero.
    pub(super) reserved: u32,
    /// Bytes.
    pub(super) directory_size: u64,
    pub(super) directory_offset: HostOffset,
}

impl HeaderExtensions {
    /// Reads the extensions behind the header. They end at type 0, at the backing file's name, or
    /// at the end of the first cluster. Unknown ones are passed over, as the specification asks.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for an extension that is longer than the room there is.
    pub(super) fn read(bytes: &dyn Bytes, header: &Header) -> Result<Self> {
        let mut found = Self::default();
        let whole = header.geometry.cluster_len();
        let cluster = up_to(bytes, 0, whole);
        let end = match usize::try_from(header.backing_file_offset) {
            Ok(name @ 1..) => name.min(cluster.len()),
            _ => cluster.len(),
        };
        let mut at = usize::try_from(header.header_length).unwrap_or(usize::MAX);
        // Each turn moves on by 8 bytes or more within one cluster.
        while let Some(rest) = cluster.get(at..end) {
            let place = u64::try_from(at).unwrap_or(u64::MAX);
            let Ok((data, (kind, length))) = extension_header(rest) else {
                // A file may end behind its last extension; a name or the cluster may not.
                if !rest.is_empty() && (end < cluster.len() || cluster.len() == whole) {
                    found.faults.push(Error::corrupt(
                        EXTENSION,
                        place,
                        "an extension of 8 bytes or more",
                        format!("room for {}", rest.len()),
                    ));
                }
                break;
            };
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if kind == END && length <= data.len() {
                break;
            }
            let Some(data) = data.get(..length) else {
                return Err(Error::corrupt(
                    EXTENSION,
                    place,
                    format!("a length up to {}", data.len()),
                    length.to_string(),
                ));
            };
            found.take(kind, place, data);
            // Rounded up to a multiple of 8; the bounds above keep this far from overflow.
            at = at.saturating_add(8).saturating_add(length.saturating_add(7) & !7);
        }
        Ok(found)
    }

    /// Each type appears once; of several the first counts.
    fn take(&mut self, kind: u32, place: u64, data: &[u8]) {
        match kind {
            BACKING_FORMAT => {
                if data.len() > MAX_BACKING_FORMAT {
                    self.wrong_length(place, &format!("up to {MAX_BACKING_FORMAT}"), data);
                }
                self.backing_format.get_or_insert_with(|| text(data));
            }
            DATA_FILE_NAME => {
                self.data_file_name.get_or_insert_with(|| text(data));
            }
            ENCRYPTION => {
                self.encryption_at.get_or_insert(place);
                match encryption_header(data) {
                    Ok(([], header)) => {
                        self.encryption.get_or_insert(header);
                    }
                    _ => self.wrong_length(place, "16", data),
                }
            }
            BITMAPS => match bitmaps(place, data) {
                Ok(([], extension)) => {
                    self.bitmaps.get_or_insert(extension);
                }
                _ => self.wrong_length(place, "24", data),
            },
            FEATURE_NAMES if self.incompatible_names.is_empty() => {
                self.incompatible_names = data
                    .chunks_exact(FEATURE_NAME_LEN)
                    .take(MAX_FEATURE_NAMES)
                    .filter_map(|entry| match entry {
                        [INCOMPATIBLE, bit @ 0..64, name @ ..] => Some((*bit, text(name))),
                        _ => None,
                    })
                    .collect();
            }
            // Unknown types may be passed over.
            _ => {}
        }
    }

    fn wrong_length(&mut self, place: u64, expected: &str, data: &[u8]) {
        self.faults.push(Error::corrupt(
            EXTENSION,
            place,
            format!("a length of {expected}"),
            data.len().to_string(),
        ));
    }

    /// The file's own name for incompatible feature `bit`.
    pub(super) fn name_of(&self, bit: u8) -> Option<&str> {
        self.incompatible_names.iter().find(|(named, _)| *named == bit).map(|(_, name)| &**name)
    }
}

fn extension_header(input: &[u8]) -> IResult<&[u8], (u32, u32)> {
    let (input, kind) = be_u32(input)?;
    let (input, length) = be_u32(input)?;
    Ok((input, (kind, length)))
}

fn encryption_header(input: &[u8]) -> IResult<&[u8], EncryptionHeader> {
    let (input, offset) = be_u64(input)?;
    let (input, length) = be_u64(input)?;
    Ok((input, EncryptionHeader { offset: HostOffset(offset), length }))
}

fn bitmaps(place: u64, input: &[u8]) -> IResult<&[u8], BitmapsExtension> {
    let (input, nb_bitmaps) = be_u32(input)?;
    let (input, reserved) = be_u32(input)?;
    let (input, directory_size) = be_u64(input)?;
    let (input, offset) = be_u64(input)?;
    let extension = BitmapsExtension {
        at: place.saturating_add(8),
        nb_bitmaps,
        reserved,
        directory_size,
        directory_offset: HostOffset(offset),
    };
    Ok((input, extension))
}

/// A string, up to the first NUL: padding can make it look terminated.
pub(super) fn text(data: &[u8]) -> String {
    let data = data.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(data.get(..MAX_TEXT).unwrap_or(data)).into_owned()
}
