//! Formats that one structure at one place tells.

use super::found;
use crate::bytes::{Bytes, BytesExt};
use crate::disk::facts::{Signature, SignatureKind};
use crate::disk::record::Record;
use crate::error::Result;

/// ISO 9660 (ECMA-119, section 8.4): the primary volume descriptor in sector 16 of 2048 bytes.
pub(super) fn iso9660(volume: &dyn Bytes) -> Result<Option<Signature>> {
    const DESCRIPTOR: u64 = 16 << 11;
    let bytes: [u8; 882] = volume.array(DESCRIPTOR)?;
    let descriptor = Record(&bytes);
    if !descriptor.has(0, b"\x01CD001\x01") {
        return Ok(None);
    }
    let mut signature = found(SignatureKind::Iso9660, DESCRIPTOR);
    signature.label = descriptor.text(40, 32);
    signature.size = Some(u64::from(descriptor.u32(80)).saturating_mul(descriptor.u16(128).into()));
    // blkid makes the UUID of the time of modification, else of creation.
    signature.uuid = [830, 813].into_iter().find_map(|at| {
        let digits = descriptor.bytes(at, 16);
        let set = digits.iter().all(u8::is_ascii_digit) && digits.iter().any(|&d| d != b'0');
        let part =
            |from, len| String::from_utf8_lossy(Record(digits).bytes(from, len)).into_owned();
        let fields = [(0, 4), (4, 2), (6, 2), (8, 2), (10, 2), (12, 2), (14, 2)];
        set.then(|| fields.map(|(from, len)| part(from, len)).join("-"))
    });
    Ok(Some(signature))
}

/// Squashfs 4 (Linux, `fs/squashfs/squashfs_fs.h`).
pub(super) fn squashfs(volume: &dyn Bytes) -> Result<Option<Signature>> {
    let bytes: [u8; 96] = volume.array(0)?;
    let sb = Record(&bytes);
    let (major, minor) = (sb.u16(28), sb.u16(30));
    if !sb.has(0, b"hsqs") || major != 4 || 1_u32.checked_shl(sb.u16(22).into()) != Some(sb.u32(12))
    {
        return Ok(None);
    }
    let mut signature = found(SignatureKind::Squashfs, 0);
    signature.version = Some(format!("{major}.{minor}"));
    signature.size = Some(sb.u64(40));
    Ok(Some(signature))
}

/// EROFS (Linux, `fs/erofs/erofs_fs.h`).
pub(super) fn erofs(volume: &dyn Bytes) -> Result<Option<Signature>> {
    const SUPERBLOCK: u64 = 1024;
    let bytes: [u8; 128] = volume.array(SUPERBLOCK)?;
    let sb = Record(&bytes);
    let block_bits = sb.u8(12);
    if sb.u32(0) != 0xe0f5_e1e2 || !(9..=16).contains(&block_bits) {
        return Ok(None);
    }
    let mut signature = found(SignatureKind::Erofs, SUPERBLOCK);
    signature.uuid = sb.uuid(48);
    signature.label = sb.text(64, 16);
    signature.size = Some(u64::from(sb.u32(36)).saturating_mul(1 << block_bits.min(16)));
    Ok(Some(signature))
}

/// F2FS (Linux, `include/linux/f2fs_fs.h`).
pub(super) fn f2fs(volume: &dyn Bytes) -> Result<Option<Signature>> {
    const SUPERBLOCK: u64 = 1024;
    let bytes: [u8; 1152] = volume.array(SUPERBLOCK)?;
    let sb = Record(&bytes);
    let block_bits = sb.u32(16);
    if sb.u32(0) != 0xf2f5_2010 || !(12..=16).contains(&block_bits) {
        return Ok(None);
    }
    let mut signature = found(SignatureKind::F2fs, SUPERBLOCK);
    signature.version = Some(format!("{}.{}", sb.u16(4), sb.u16(6)));
    signature.uuid = sb.uuid(108);
    signature.label = sb.text_utf16(124, 512);
    signature.size = Some(sb.u64(36).saturating_mul(1 << block_bits.min(16)));
    Ok(Some(signature))
}

/// bcache (Linux, `drivers/md/bcache/bcache_ondisk.h`).
pub(super) fn bcache(volume: &dyn Bytes) -> Result<Option<Signature>> {
    const SUPERBLOCK: u64 = 4096;
    const MAGIC: [u8; 16] = [
        0xc6, 0x85, 0x73, 0xf6, 0x4e, 0x1a, 0x45, 0xca, 0x82, 0x65, 0xf5, 0x7f, 0x48, 0xba, 0x6d,
        0x81,
    ];
    let bytes: [u8; 104] = volume.array(SUPERBLOCK)?;
    let sb = Record(&bytes);
    if !sb.has(24, &MAGIC) || sb.u64(8) != SUPERBLOCK >> 9 {
        return Ok(None);
    }
    let mut signature = found(SignatureKind::Bcache, SUPERBLOCK.saturating_add(24));
    signature.uuid = sb.uuid(40);
    signature.label = sb.text(72, 32);
    Ok(Some(signature))
}

/// ReiserFS (Linux until 6.12, `fs/reiserfs/reiserfs.h`): at 64 KiB, formats before 3.5.5 at 8 KiB.
pub(super) fn reiserfs(volume: &dyn Bytes) -> Result<Option<Signature>> {
    for offset in [0x1_0000, 0x2000] {
        let bytes: [u8; 116] = match super::detail(volume.array(offset).map(Some))? {
            Some(bytes) => bytes,
            None => continue,
        };
        let sb = Record(&bytes);
        let version = match sb.bytes(52, 9) {
            b"ReIsEr2Fs" => "3.6",
            b"ReIsEr3Fs" => "JR",
            magic if magic.starts_with(b"ReIsErFs") => "3.5",
            _ => continue,
        };
        let block_size = sb.u16(44);
        if !block_size.is_power_of_two() || block_size < 512 {
            continue;
        }
        let mut signature = found(SignatureKind::Reiserfs, u64::saturating_add(offset, 52));
        signature.version = Some(version.to_owned());
        if version != "3.5" {
            signature.uuid = sb.uuid(84);
            signature.label = sb.text(100, 16);
        }
        signature.size = Some(u64::from(sb.u32(0)).saturating_mul(block_size.into()));
        return Ok(Some(signature));
    }
    Ok(None)
}

/// JFS (Linux, `fs/jfs/jfs_superblock.h`).
pub(super) fn jfs(volume: &dyn Bytes) -> Result<Option<Signature>> {
    const SUPERBLOCK: u64 = 0x8000;
    let bytes: [u8; 184] = volume.array(SUPERBLOCK)?;
    let sb = Record(&bytes);
    let (block_size, sector_size) = (sb.u32(16), sb.u32(24));
    if !sb.has(0, b"JFS1")
        || 1_u32.checked_shl(sb.u16(20).into()) != Some(block_size)
        || 1_u32.checked_shl(sb.u16(28).into()) != Some(sector_size)
    {
        return Ok(None);
    }
    let mut signature = found(SignatureKind::Jfs, SUPERBLOCK);
    signature.version = Some(sb.u32(4).to_string());
    signature.uuid = sb.uuid(136);
    signature.label = sb.text(152, 16);
    signature.size = Some(sb.u64(8).saturating_mul(sector_size.into()));
    Ok(Some(signature))
}

/// VDO (dm-vdo, `drivers/md/dm-vdo/encodings.h`: the geometry block).
pub(super) fn vdo(volume: &dyn Bytes) -> Result<Option<Signature>> {
    let bytes: [u8; 64] = volume.array(0)?;
    let geometry = Record(&bytes);
    Ok(geometry.has(0, b"dmvdo001").then(|| {
        let mut signature = found(SignatureKind::Vdo, 0);
        signature.uuid = geometry.uuid(40);
        signature
    }))
}

/// Stratis (*Stratis Software Design*, "Signature block"): in sector 1, and again in sector 9.
pub(super) fn stratis(volume: &dyn Bytes) -> Result<Option<Signature>> {
    for offset in [512, 9 << 9] {
        let bytes: [u8; 512] = volume.array(offset)?;
        let block = Record(&bytes);
        if !block.has(4, b"!Stra0tis\x86\xff\x02^\x41rh")
            || block.u32(0) != crc32c::crc32c(block.bytes(4, 508))
        {
            continue;
        }
        let mut signature = found(SignatureKind::Stratis, u64::saturating_add(offset, 4));
        signature.uuid = block.text(64, 32).map(|id| dashed(&id));
        return Ok(Some(signature));
    }
    Ok(None)
}

/// 32 hex digits as 8-4-4-4-12.
fn dashed(id: &str) -> String {
    let mut text = String::with_capacity(36);
    for (index, character) in id.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(character);
    }
    text
}
