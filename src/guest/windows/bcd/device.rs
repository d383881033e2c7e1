//! A device as an element of boot configuration data keeps it.
//!
//! | byte | what |
//! |---|---|
//! | 0 | GUID of an object with further options, or zero |
//! | 16 | type: 0 block device, 5 boot device, 6 partition, 8 locate |
//! | 20 | flags |
//! | 24 | size from byte 16 on |
//! | 32 | type 6: first byte (MBR) or GUID (GPT) of the partition; type 0: what kind of block device |
//! | 48 | type 6: the disk: 0 hard disk, 3 memory, 5 file, 6 virtual disk |
//! | 52 | type 6: its table: 0 GPT, 1 MBR |
//! | 56 | type 6: disk GUID (GPT) or disk signature (MBR) |
//!
//! A file's path, where there is one, stands at the end in UTF-16.
//!
//! Sources: G. Chappell, "BCD Elements: devices"; Microsoft, `BcdDeviceData` of the BCD WMI provider
//! for the kinds of devices; compared with the store of a machine that boots by UEFI.

use crate::error::{Error, Result};
use crate::guest::facts::BcdTarget;

const STRUCTURE: &str = "boot configuration device";

/// Bytes before what depends on the type.
const HEADER: usize = 32;

/// Longest path that is taken from the end, in characters.
const MAX_PATH: usize = 4096;

/// What the device in `data` leads to.
///
/// # Errors
/// [`Error::Corrupt`] when it is shorter than its type needs, or its size reaches beyond it.
pub(super) fn parse(data: &[u8]) -> Result<BcdTarget> {
    let u32_at = |at: u64| Ok::<u32, Error>(u32::from_le_bytes(field(data, at)?));
    let kind = u32_at(16)?;
    let size = u64::from(u32_at(24)?);
    let len = u64::try_from(data.len()).unwrap_or(u64::MAX);
    if data.len() < HEADER || size.saturating_add(16) > len {
        let found = format!("{size} bytes from byte 16 on, of {len}");
        return Err(Error::corrupt(STRUCTURE, 24, "a size within the element", found));
    }
    let block_device = |kind: u32| match kind {
        3 => BcdTarget::Ramdisk(trailing_path(data)),
        5 => BcdTarget::File(trailing_path(data)),
        6 => BcdTarget::VirtualDisk(trailing_path(data)),
        other => BcdTarget::Other(other),
    };
    Ok(match kind {
        0 => block_device(u32_at(32)?),
        5 => BcdTarget::Boot,
        6 => match (u32_at(48)?, u32_at(52)?) {
            (0, 0) => BcdTarget::Gpt { disk: guid(data, 56)?, partition: guid(data, 32)? },
            (0, 1) => BcdTarget::Mbr {
                signature: format!("{:08x}", u32_at(56)?),
                offset: u64::from_le_bytes(field(data, 32)?),
            },
            (0, _) => BcdTarget::Other(kind),
            (disk, _) => block_device(disk),
        },
        8 => BcdTarget::Locate,
        other => BcdTarget::Other(other),
    })
}

/// The device in words.
pub(in crate::guest::windows) fn describe(target: &BcdTarget) -> String {
    let path = |path: &Option<String>| path.clone().unwrap_or_else(|| "a file".to_owned());
    match target {
        BcdTarget::Mbr { signature, offset } => {
            format!("the partition at byte {offset} of the disk with signature {signature}")
        }
        BcdTarget::Gpt { disk, partition } => format!("partition {partition} of disk {disk}"),
        BcdTarget::Boot => "the partition of the boot manager".to_owned(),
        BcdTarget::Locate => "the partition that has the file".to_owned(),
        BcdTarget::Ramdisk(file) => format!("memory, loaded from {}", path(file)),
        BcdTarget::VirtualDisk(file) => format!("the virtual disk {}", path(file)),
        BcdTarget::File(file) => format!("the file {}", path(file)),
        BcdTarget::Other(kind) => format!("a device of type {kind}"),
    }
}

fn field<const N: usize>(data: &[u8], at: u64) -> Result<[u8; N]> {
    let start = usize::try_from(at).unwrap_or(usize::MAX);
    let bytes = start.checked_add(N).and_then(|end| data.get(start..end));
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| {
        let found = format!("{} bytes", data.len());
        Error::corrupt(STRUCTURE, at, "all fields of its type", found)
    })
}

/// A GUID: its first three fields are little-endian.
fn guid(data: &[u8], at: u64) -> Result<String> {
    let bytes: [u8; 16] = field(data, at)?;
    let [a, b, c, d, e, f, g, h, rest @ ..] = bytes;
    let [i, j, tail @ ..] = rest;
    let first = u32::from_le_bytes([a, b, c, d]);
    let (second, third) = (u16::from_le_bytes([e, f]), u16::from_le_bytes([g, h]));
    let tail: String = tail.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{first:08x}-{second:04x}-{third:04x}-{i:02x}{j:02x}-{tail}"))
}

/// The text that ends the bytes, NUL behind it, from its first backslash on.
fn trailing_path(data: &[u8]) -> Option<String> {
    // Nothing before it keeps to even offsets: count from the end.
    let units: Vec<u16> = data
        .rchunks_exact(2)
        .map(|unit| {
            u16::from_le_bytes([
                unit.first().copied().unwrap_or(0),
                unit.last().copied().unwrap_or(0),
            ])
        })
        .skip_while(|unit| *unit == 0)
        .take_while(|unit| *unit != 0)
        .take(MAX_PATH)
        .collect();
    let text: String = char::decode_utf16(units.into_iter().rev())
        .map(|char| char.unwrap_or('\u{fffd}'))
        .collect();
    let start = text.find('\\')?;
    text.get(start..).map(str::to_owned)
}
