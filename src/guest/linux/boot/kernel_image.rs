//! Kernel images by their headers: x86 (Linux: Documentation/arch/x86/boot.rst), arm64
//! (Documentation/arch/arm64/booting.rst), EFI stubs.

use super::gzip;
use super::portable_executable::sections;
use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};

/// Offset of the 0x55AA signature of the x86 boot sector.
const BOOT_FLAG: u64 = 0x1fe;

/// Offset of `HdrS` in the x86 setup header.
const HEADER_MAGIC: u64 = 0x202;

/// Offset of the pointer to the version text, itself counted from 0x200.
const KERNEL_VERSION: u64 = 0x20e;

/// Offset of `ARM\x64` in the arm64 header.
const ARM64_MAGIC: u64 = 56;

/// Offset of the number of setup sectors (`setup_sects`) in the x86 boot sector; 0 stands for 4.
const SETUP_SECTORS: u64 = 0x1f1;

/// Offset of the size of the protected-mode code (`syssize`), in units of 16 bytes.
const PROTECTED_MODE_SIZE: u64 = 0x1f4;

/// Offset of the boot protocol's version.
const PROTOCOL: u64 = 0x206;

/// The first protocol whose `syssize` has 32 bits. Before it has 16, "and therefore cannot be trusted
/// for the size of a kernel if the LOAD_HIGH flag is set" (boot.rst).
const PROTOCOL_WITH_SIZE: u16 = 0x0204;

/// Offset of `loadflags`, whose lowest bit says that the protected-mode code goes to 1 MiB
/// (`LOADED_HIGH`): the kernel is a `bzImage` and not a `zImage`.
const LOAD_FLAGS: u64 = 0x211;

/// How a gzip file begins (RFC 1952, 2.3.1).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Longest version text that is read. The kernel's own (release, builder, date) has under 200.
const MAX_VERSION: usize = 256;

/// Whether the bytes begin as a Linux kernel that a boot loader starts: an x86 `bzImage`, an arm64
/// `Image` (gzip-compressed as well), or an EFI executable.
///
/// # Errors
/// When the bytes cannot be read.
pub fn is_kernel(bytes: &dyn Bytes) -> Result<bool> {
    let begins = |offset: u64, magic: &[u8]| -> Result<bool> {
        match bytes.vec(offset, magic.len()) {
            Ok(found) => Ok(found == magic),
            Err(Error::OutOfBounds { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    };
    Ok(begins(BOOT_FLAG, &[0x55, 0xaa])? && begins(HEADER_MAGIC, b"HdrS")?
        || begins(ARM64_MAGIC, b"ARM\x64")?
        || begins(0, b"MZ")?
        || begins(0, &GZIP_MAGIC)?)
}

/// What shows that a file does not have all of its kernel; `None` when nothing does.
///
/// A gzip file is unpacked to its end, where its checksum stands. Others say how long they are, in
/// their header or by their sections; arm64 without EFI and x86 before boot protocol 2.04 do not, or
/// not in full.
///
/// # Errors
/// When the bytes cannot be read, or unpack to more than a kernel has.
pub fn defect(bytes: &dyn Bytes) -> Result<Option<String>> {
    let is_gzip = bytes.len() >= 2 && bytes.array(0)? == GZIP_MAGIC;
    if is_gzip && !has_setup_header(bytes)? {
        return gzip::defect(bytes);
    }
    let needed = needed_length(bytes)?.filter(|needed| *needed > bytes.len());
    Ok(needed.map(|needed| format!("cut short: {} of {needed} bytes", bytes.len())))
}

/// Whether a boot loader under BIOS starts what [`is_kernel`] takes for a kernel: it goes by the x86
/// setup header (GRUB: `grub-core/loader/i386/linux.c`; SYSLINUX: `com32/lib/syslinux/load_linux.c`),
/// of a gzip file by that of its content, which is not looked at.
///
/// # Errors
/// When the bytes cannot be read.
pub fn starts_under_bios(bytes: &dyn Bytes) -> Result<bool> {
    Ok(has_setup_header(bytes)? || bytes.len() >= 2 && bytes.array(0)? == GZIP_MAGIC)
}

fn has_setup_header(bytes: &dyn Bytes) -> Result<bool> {
    Ok(bytes.len() >= PROTOCOL.saturating_add(2) && bytes.array(HEADER_MAGIC)? == *b"HdrS")
}

/// The length in bytes that a kernel has at the least: an x86 `bzImage` by its setup header (boot
/// sector, setup sectors, protected-mode code; the last is not known of one before protocol 2.04), an
/// EFI executable, as those of arm64 are, by its sections. `None` for others: the header of an arm64
/// `Image` has in `image_size` the memory that it takes, with what the file does not have (booting.rst).
///
/// # Errors
/// When the bytes cannot be read.
fn needed_length(bytes: &dyn Bytes) -> Result<Option<u64>> {
    if !has_setup_header(bytes)? {
        return needed_by_sections(bytes);
    }
    let sectors = match bytes.array::<1>(SETUP_SECTORS)? {
        [0] => 4,
        [sectors] => u64::from(sectors),
    };
    let setup = sectors.saturating_add(1).saturating_mul(512);
    let paragraphs = if u16::from_le_bytes(bytes.array(PROTOCOL)?) >= PROTOCOL_WITH_SIZE {
        u32::from_le_bytes(bytes.array(PROTECTED_MODE_SIZE)?)
    } else if is_loaded_high(bytes)? {
        0
    } else {
        u16::from_le_bytes(bytes.array(PROTECTED_MODE_SIZE)?).into()
    };
    Ok(Some(setup.saturating_add(u64::from(paragraphs).saturating_mul(16))))
}

fn is_loaded_high(bytes: &dyn Bytes) -> Result<bool> {
    if bytes.len() <= LOAD_FLAGS {
        return Ok(false);
    }
    let [flags] = bytes.array(LOAD_FLAGS)?;
    Ok(flags & 1 != 0)
}

fn needed_by_sections(bytes: &dyn Bytes) -> Result<Option<u64>> {
    let sections = match sections(bytes) {
        Ok(sections) if bytes.array(0)? == *b"MZ" => sections,
        Ok(_) | Err(Error::Corrupt { .. } | Error::OutOfBounds { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let stored = sections.iter().filter(|section| section.stored > 0);
    Ok(stored.map(|section| section.start.saturating_add(section.stored.into())).max())
}

/// The release (`6.1.0-18-amd64`) of an x86 kernel by its setup header; `None` for other images,
/// and when the header names none or cannot be read.
pub fn kernel_release(bytes: &dyn Bytes) -> Option<String> {
    if bytes.array::<4>(HEADER_MAGIC).ok()? != *b"HdrS" {
        return None;
    }
    let pointer = u16::from_le_bytes(bytes.array(KERNEL_VERSION).ok()?);
    if pointer == 0 {
        return None;
    }
    let offset = u64::from(pointer).checked_add(0x200)?;
    let rest = usize::try_from(bytes.len().checked_sub(offset)?).unwrap_or(usize::MAX);
    let text = bytes.vec(offset, rest.min(MAX_VERSION)).ok()?;
    let text = text.split(|byte| *byte == 0).next()?;
    let release = std::str::from_utf8(text).ok()?.split_ascii_whitespace().next()?;
    release.starts_with(|c: char| c.is_ascii_digit()).then(|| release.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::linux::boot::fake::kernel;

    #[test]
    fn a_bzimage_is_a_kernel_and_tells_its_release() {
        assert!(is_kernel(&kernel()).unwrap());
        assert_eq!(kernel_release(&kernel()).as_deref(), Some("6.1.0-18-amd64"));
    }

    #[test]
    fn arm64_and_efi_images_are_kernels_without_a_release() {
        let mut arm = vec![0_u8; 64];
        arm[56..60].copy_from_slice(b"ARM\x64");
        assert!(is_kernel(&arm).unwrap());
        assert!(is_kernel(&b"MZ\0\0".to_vec()).unwrap());
        assert!(is_kernel(&vec![0x1f, 0x8b, 8, 0]).unwrap());
        assert_eq!(kernel_release(&arm), None);
    }

    #[test]
    fn zeroes_and_texts_are_no_kernels() {
        assert!(!is_kernel(&vec![0_u8; 4096]).unwrap());
        assert!(!is_kernel(&b"version https://git-lfs".to_vec()).unwrap());
        assert!(!is_kernel(&Vec::new()).unwrap());
    }

    #[test]
    fn a_bzimage_tells_how_long_it_is() {
        let mut image = kernel();
        // Debian's 6.1.0-56-amd64: a file of 8247232 bytes.
        image[0x1f1] = 39;
        image[0x1f4..0x1f8].copy_from_slice(&0x0007_d820_u32.to_le_bytes());
        assert_eq!(needed_length(&image).unwrap(), Some(8_245_760));
        assert_eq!(needed_length(&b"MZ".to_vec()).unwrap(), None);
    }

    #[test]
    fn before_protocol_2_04_only_one_that_is_loaded_low_tells_all_its_length() {
        let mut image = kernel();
        image[0x206..0x208].copy_from_slice(&0x0203_u16.to_le_bytes());
        image[0x1f1] = 10;
        // The upper half is another field there, which means nothing any more.
        image[0x1f4..0x1f8].copy_from_slice(&0x0301_7000_u32.to_le_bytes());
        image[0x211] = 0;
        assert_eq!(needed_length(&image).unwrap(), Some(11 * 512 + 0x7000 * 16));
        image[0x211] = 0x81;
        assert_eq!(needed_length(&image).unwrap(), Some(11 * 512));
        image.resize(11 * 512, 0);
        assert_eq!(defect(&image).unwrap(), None);
        image.truncate(11 * 512 - 1);
        assert_eq!(defect(&image).unwrap().as_deref(), Some("cut short: 5631 of 5632 bytes"));
    }

    #[test]
    fn a_compressed_kernel_is_whole_when_its_stream_is() {
        use crate::guest::linux::boot::gzip::tests::ARM64_IMAGE;
        assert_eq!(defect(&ARM64_IMAGE.to_vec()).unwrap(), None);
        let cut = defect(&ARM64_IMAGE[..40].to_vec()).unwrap();
        assert_eq!(cut.as_deref(), Some("cut short: its gzip stream has no end in 40 bytes"));
    }

    #[test]
    fn an_efi_executable_is_as_long_as_its_sections() {
        use crate::guest::linux::boot::unified_kernel_image::tests::image;
        let mut arm = image(&[(b".text\0\0\0", "code"), (b".data\0\0\0", "some data")]);
        arm[56..60].copy_from_slice(b"ARM\x64");
        let len = u64::try_from(arm.len()).unwrap();
        assert_eq!(needed_length(&arm).unwrap(), Some(len));
        arm.truncate(0x402);
        assert_eq!(needed_length(&arm).unwrap(), Some(len));
        arm.truncate(0x90);
        assert_eq!(needed_length(&arm).unwrap(), None);
        assert_eq!(needed_length(&vec![0; 4096]).unwrap(), None);
    }

    #[test]
    fn a_version_pointer_beyond_the_end_gives_no_release() {
        let mut image = kernel();
        image[0x20e..0x210].copy_from_slice(&[0xff, 0xff]);
        assert_eq!(kernel_release(&image), None);
        image[0x20e..0x210].copy_from_slice(&0xdff_u16.to_le_bytes());
        assert_eq!(kernel_release(&image), None);
    }
}
