//! Foreign formats as QEMU writes them (`testdata/image/make.sh`), archives as their tools write
//! them, and raw disks that look like something else.
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::cast_possible_truncation)]

use std::sync::Arc;

use crate::image::Image;
use crate::image::facts::{Format, ImageFacts};
use crate::image::qcow2::fixture_tests::{fixture, image};

const SIZE: u64 = 4 << 20;

fn facts_of(bytes: Vec<u8>) -> ImageFacts {
    Image::of_bytes("image".to_owned(), Arc::new(bytes)).facts().clone()
}

fn assert_format(name: &str, format: Format, variant: Option<&str>, size: Option<u64>) {
    let image = image(name);
    let facts = image.facts();
    assert_eq!(facts.format, format, "{name}");
    assert_eq!(facts.variant.as_deref(), variant, "{name}");
    assert_eq!(facts.virtual_size, size, "{name}");
    assert!(facts.content.known().is_none(), "{name}");
    assert!(image.disk().is_err(), "{name}");
}

#[test]
fn vmdk_is_told_with_its_create_type_and_size() {
    let size = Some(SIZE);
    let sparse = Some("monolithicSparse");
    assert_format("monolithic-sparse.vmdk", Format::Vmdk, sparse, size);
    assert_format("stream-optimized.vmdk", Format::Vmdk, Some("streamOptimized"), size);
    let flat = Some("monolithicFlat descriptor");
    assert_format("monolithic-flat.vmdk", Format::Vmdk, flat, size);
    let split = Some("twoGbMaxExtentSparse descriptor");
    assert_format("split-sparse.vmdk", Format::Vmdk, split, size);
    let extent = Some("sparse extent without a descriptor");
    assert_format("split-sparse-s001.vmdk", Format::Vmdk, extent, size);
}

#[test]
fn a_vmdk_delta_is_told() {
    let text = "# Disk DescriptorFile\nversion=1\nCID=123a\nparentCID=fffa\n\
                createType=\"vmfsSparse\"\nRW 2048 VMFSSPARSE \"a-delta.vmdk\"\n";
    let facts = facts_of(text.into());
    assert_eq!(facts.format, Format::Vmdk);
    let variant = Some("vmfsSparse descriptor, delta of a parent disk");
    assert_eq!(facts.variant.as_deref(), variant);
    assert_eq!(facts.virtual_size, Some(1 << 20));
}

#[test]
fn esxi_extents_are_told() {
    let mut cow = b"COWD\x01\0\0\0\x03\0\0\0\0\x08\0\0".to_vec();
    cow.resize(2048, 0);
    assert_eq!(facts_of(cow.clone()).format, Format::Vmdk);
    assert_eq!(facts_of(cow).virtual_size, Some(1 << 20));
    let mut sesparse = 0xcafe_babe_u64.to_le_bytes().to_vec();
    sesparse.extend(0x2_0000_0001_u64.to_le_bytes());
    sesparse.extend(2048_u64.to_le_bytes());
    sesparse.resize(4096, 0);
    assert_eq!(facts_of(sesparse.clone()).format, Format::Vmdk);
    assert_eq!(facts_of(sesparse).virtual_size, Some(1 << 20));
}

#[test]
fn vhd_is_told_by_its_footer() {
    // QEMU rounds the size up to whole cylinders of its geometry, and does so in "current size".
    let size = image("fixed.vhd").facts().file_size - 512;
    assert_format("fixed.vhd", Format::Vhd, Some("fixed"), Some(size));
    assert_format("dynamic.vhd", Format::Vhd, Some("dynamic"), Some(size));
}

#[test]
fn a_vhd_cookie_without_its_checksum_is_guest_data() {
    let mut bytes = fixture("fixed.vhd");
    let at = bytes.len() - 512 + 20;
    bytes[at] ^= 1;
    assert_eq!(facts_of(bytes).format, Format::Raw);
}

#[test]
fn vhdx_vdi_qed_and_qcow_are_told_with_their_sizes() {
    assert_format("dynamic.vhdx", Format::Vhdx, Some("dynamic"), Some(SIZE));
    assert_format("fixed.vhdx", Format::Vhdx, Some("fixed"), Some(SIZE));
    assert_format("dynamic.vdi", Format::Vdi, Some("dynamic"), Some(SIZE));
    assert_format("disk.qed", Format::Qed, None, Some(SIZE));
    assert_format("disk.qcow", Format::Qcow, None, Some(SIZE));
}

/// The header that `zvhdinitializefooter` writes, with its checksum.
fn zvhd_header(cookie: &[u8; 8]) -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..8].copy_from_slice(cookie);
    header[8..12].copy_from_slice(&2_u32.to_le_bytes());
    header[12..16].copy_from_slice(&0x1_0000_u32.to_le_bytes());
    header[16..24].fill(0xFF);
    header[28..31].copy_from_slice(b"tap");
    header[32..36].copy_from_slice(&0x1_0004_u32.to_le_bytes());
    header[40..48].copy_from_slice(&(5_u64 << 20).to_le_bytes());
    header[48..56].copy_from_slice(&(1_u64 << 30).to_le_bytes());
    header[60..64].copy_from_slice(&4_u32.to_le_bytes());
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[64..68].copy_from_slice(&(!sum).to_le_bytes());
    header.resize(8192, 0);
    header
}

#[test]
fn zvhd_and_zvhd2_are_told_by_cookie_and_checksum() {
    let zvhd = facts_of(zvhd_header(b"stream\0\0"));
    assert_eq!((zvhd.format, zvhd.virtual_size), (Format::Zvhd, Some(1 << 30)));
    let zvhd2 = facts_of(zvhd_header(b"z2strm\0\0"));
    assert_eq!((zvhd2.format, zvhd2.virtual_size), (Format::Zvhd2, Some(1 << 30)));
    assert_eq!(zvhd2.variant, None);
    let mut wrong = zvhd_header(b"stream\0\0");
    wrong[100] = 1;
    assert_eq!(facts_of(wrong.clone()).format, Format::Raw);
    wrong[4096..4108].copy_from_slice(b"hwstream bg\0");
    assert_eq!(facts_of(wrong).format, Format::Zvhd);
}

/// A tar member's header after POSIX.1-1988, with its checksum.
fn tar_header(name: &str, size: usize) -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

#[test]
fn a_tar_with_an_ovf_is_an_ova_package() {
    let mut tar = tar_header("readme", 600);
    assert_eq!(facts_of(tar.clone()).format, Format::Tar);
    assert_eq!(facts_of(tar.clone()).variant, None);
    tar.resize(512 + 1024, b'x');
    tar.extend(tar_header("machine.ovf", 10));
    tar.resize(tar.len() + 512, 0);
    let facts = facts_of(tar);
    assert_eq!(facts.variant.as_deref(), Some("OVA package"));
    assert_eq!(facts.format_evidence.location, "byte 257");
    assert_eq!(facts.format_evidence.detail, "ustar");
}

#[test]
fn boot_code_that_says_ustar_is_not_a_tar() {
    let mut disk = vec![0; 4096];
    disk[257..262].copy_from_slice(b"ustar");
    disk[510..512].copy_from_slice(&[0x55, 0xAA]);
    assert_eq!(facts_of(disk).format, Format::Raw);
}

#[test]
fn boot_code_with_the_vdi_signature_is_not_a_vdi() {
    let mut disk = vec![0x90; 4096];
    disk[0x40..0x44].copy_from_slice(&0xbeda_107f_u32.to_le_bytes());
    assert_eq!(facts_of(disk).format, Format::Raw);
}

#[test]
fn compressed_wrappers_are_told_by_their_magic() {
    for (format, head) in [
        (Format::Gzip, &b"\x1f\x8b\x08\x00\0\0\0\0\0\x03"[..]),
        (Format::Xz, b"\xfd7zXZ\0\0\x04"),
        (Format::Zstd, b"\x28\xb5\x2f\xfd\x04\x58"),
        (Format::Bzip2, b"BZh91AY&SY\0\0"),
        (Format::SevenZip, b"7z\xbc\xaf\x27\x1c\0\x04"),
        (Format::Zip, b"PK\x03\x04\x14\0"),
    ] {
        let facts = facts_of(head.to_vec());
        assert_eq!(facts.format, format);
        assert!(facts.content.known().is_none());
    }
    let packed = zstd::encode_all(&b"disk"[..], 1).unwrap();
    assert_eq!(facts_of(packed).format, Format::Zstd);
    assert_eq!(facts_of(b"BZh9 no block".to_vec()).format, Format::Raw);
}

#[test]
fn an_ovf_descriptor_is_told_by_its_root_element() {
    let ovf = "<?xml version=\"1.0\"?>\n<Envelope ovf:version=\"1.0\" \
               xmlns=\"http://schemas.dmtf.org/ovf/envelope/1\">";
    assert_eq!(facts_of(ovf.into()).format, Format::Ovf);
    assert_eq!(facts_of(b"<?xml version=\"1.0\"?><domain/>".to_vec()).format, Format::Raw);
}

fn iso() -> Vec<u8> {
    let mut iso = vec![0; 40 << 10];
    iso[32768..32775].copy_from_slice(b"\x01CD001\x01");
    iso
}

fn partition(disk: &mut [u8], kind: u8, start: u32, count: u32) {
    disk[510..512].copy_from_slice(&[0x55, 0xAA]);
    disk[446 + 4] = kind;
    disk[446 + 8..446 + 12].copy_from_slice(&start.to_le_bytes());
    disk[446 + 12..446 + 16].copy_from_slice(&count.to_le_bytes());
}

#[test]
fn an_installation_medium_is_an_iso_with_or_without_an_mbr() {
    let facts = facts_of(iso());
    assert_eq!((facts.format, facts.variant), (Format::Iso, None));
    let mut hybrid = iso();
    partition(&mut hybrid, 0x17, 0, 80);
    assert_eq!(facts_of(hybrid).variant.as_deref(), Some("hybrid"));
    let mut hybrid = iso();
    partition(&mut hybrid, 0xEE, 1, 79);
    hybrid[1024] = 1;
    hybrid[1024 + 32] = 64;
    hybrid[1024 + 40] = 79;
    assert_eq!(facts_of(hybrid).variant.as_deref(), Some("hybrid"));
}

#[test]
fn a_disk_with_the_remains_of_an_iso_is_a_disk() {
    for (kind, start) in [(0x83, 2048), (0x07, 63), (0xEE, 1)] {
        let mut disk = iso();
        partition(&mut disk, kind, start, 1 << 20);
        let image = Image::of_bytes("disk".to_owned(), Arc::new(disk));
        assert_eq!(image.facts().format, Format::Raw);
        assert!(image.disk().is_ok());
    }
}

#[test]
fn an_empty_file_is_empty_and_anything_else_is_raw() {
    assert_eq!(facts_of(Vec::new()).format, Format::Empty);
    let raw = facts_of(vec![0xEB; 100]);
    assert_eq!((raw.format, raw.virtual_size), (Format::Raw, Some(100)));
    assert!(raw.content.known().is_some());
    for len in 1..600 {
        assert_eq!(facts_of(vec![0; len]).format, Format::Raw);
    }
}

#[test]
fn truncated_foreign_headers_are_told_or_raw_but_never_panic() {
    for name in [
        "monolithic-sparse.vmdk",
        "stream-optimized.vmdk",
        "monolithic-flat.vmdk",
        "dynamic.vhd",
        "dynamic.vdi",
        "disk.qed",
        "disk.qcow",
        "dynamic.vhdx",
    ] {
        let whole = fixture(name);
        for len in (0..whole.len().min(4096)).chain([192 << 10, 192 << 10 | 40, 2 << 20 | 40]) {
            let _ = facts_of(whole[..len.min(whole.len())].to_vec());
        }
    }
}
