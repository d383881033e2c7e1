//! Images made by mingw-w64; the expected values are `windres`' input and what `objdump -p` says.

use super::*;

const X86: &[u8] = include_bytes!("../../../../testdata/windows/pe/driver-x86.sys");
const X64: &[u8] = include_bytes!("../../../../testdata/windows/pe/driver-x64.sys");
const EFI: &[u8] = include_bytes!("../../../../testdata/windows/pe/loader-x64.efi");
const WITHOUT: &[u8] = include_bytes!("../../../../testdata/windows/pe/no-version.exe");

fn of(bytes: &[u8]) -> Result<PeFacts> {
    read(&bytes.to_vec())
}

#[test]
fn drivers_of_both_sizes_tell_machine_and_version() {
    let x86 = of(X86).unwrap();
    assert_eq!((x86.machine, x86.is_64_bit), (0x14c, false));
    assert_eq!(x86.architecture(), Architecture::I386);
    assert_eq!(x86.subsystem, Subsystem::Native);
    assert_eq!(x86.version.unwrap().to_string(), "6.1.7601.17514");
    let x64 = of(X64).unwrap();
    assert_eq!((x64.machine, x64.is_64_bit), (0x8664, true));
    assert_eq!(x64.architecture(), Architecture::X86_64);
    assert_eq!(x64.version, Some(FileVersion([100, 94, 104, 24000])));
}

#[test]
fn a_loader_for_efi_is_told_from_a_driver() {
    let loader = of(EFI).unwrap();
    assert_eq!(loader.subsystem, Subsystem::EfiApplication);
    assert_eq!(loader.version.unwrap().to_string(), "10.0.17763.65535");
}

#[test]
fn an_image_without_resources_has_no_version() {
    let program = of(WITHOUT).unwrap();
    assert_eq!(program.subsystem, Subsystem::WindowsConsole);
    assert_eq!(program.version, None);
}

/// As a signing tool leaves a file: the certificates behind all sections, and where they lie in the
/// fifth data directory ("PE Format", "The Attribute Certificate Table").
#[test]
fn a_certificate_table_is_seen_where_the_file_has_one() {
    assert!(!of(X64).unwrap().has_certificates);
    for (image, directories) in [(X64, 24 + 112), (X86, 24 + 96)] {
        let mut signed = image.to_vec();
        let pe = u32::from_le_bytes(signed[0x3c..0x40].try_into().unwrap());
        let entry = usize::try_from(pe).unwrap() + directories + 4 * 8;
        let len = u32::try_from(signed.len()).unwrap();
        signed[entry..entry + 4].copy_from_slice(&len.to_le_bytes());
        signed[entry + 4..entry + 8].copy_from_slice(&8_u32.to_le_bytes());
        assert!(!of(&signed).unwrap().has_certificates, "cut off");
        signed.extend([8, 0, 0, 0, 0, 2, 2, 0]);
        assert!(of(&signed).unwrap().has_certificates);
    }
}

#[test]
fn an_image_is_whole_to_the_end_of_its_last_section() {
    let flaw = |bytes: &[u8]| flaw(&bytes.to_vec()).unwrap();
    for whole in [X86, X64, EFI, WITHOUT] {
        assert_eq!(flaw(whole), None);
        assert!(flaw(&whole[..1024]).unwrap().starts_with("damaged: section table"));
        assert!(flaw(&whole[..100]).unwrap().starts_with("damaged: "));
    }
    assert!(flaw(b"").unwrap().starts_with("damaged: it is empty"));
}

#[test]
fn other_files_are_no_images() {
    for bytes in [&b""[..], b"M", b"\x7fELF", b"MZ", &[0; 4096]] {
        assert!(matches!(of(bytes), Err(Error::Corrupt { .. })), "{bytes:?}");
    }
    // A program of MS-DOS: the header without anything behind it.
    let mut dos = b"MZ".to_vec();
    dos.resize(64, 0);
    assert!(matches!(of(&dos), Err(Error::Corrupt { structure: "PE signature", .. })));
}

#[test]
fn a_cut_image_is_damaged_and_never_a_panic() {
    for len in 0..X64.len() {
        match of(&X64[..len]) {
            Ok(read) => assert_eq!(read.version, of(X64).unwrap().version),
            Err(error) => assert!(matches!(error, Error::Corrupt { .. }), "{len}: {error}"),
        }
    }
}

/// `objdump -h driver-x64.sys`: the last section, .rsrc, has 0x180 bytes at 0x800.
const LAST_BYTE_USED: usize = 0x800 + 0x180 - 1;

#[test]
fn an_image_is_loadable_when_its_sections_lie_within_the_file() {
    let loadable = |bytes: &[u8]| loadable(&bytes.to_vec()).unwrap();
    assert_eq!(loadable(X64), Ok(Architecture::X86_64));
    assert_eq!(loadable(X86), Ok(Architecture::I386));
    assert_eq!(loadable(EFI), Ok(Architecture::X86_64));
    assert_eq!(loadable(b""), Err("it is empty".to_owned()));
    for cut in [1, 600, LAST_BYTE_USED] {
        assert!(loadable(&X64[..cut]).is_err(), "{cut}");
    }
    assert_eq!(loadable(&X64[..=LAST_BYTE_USED]), Ok(Architecture::X86_64));
    assert!(loadable(&[b'x'; 4096]).unwrap_err().contains("expected MZ, found 78 78"));
}

#[test]
fn no_byte_that_is_otherwise_makes_it_panic() {
    for at in 0..X64.len() {
        for value in [0, 0x7f, 0xff] {
            let mut bytes = X64.to_vec();
            bytes[at] = value;
            let _ = (read(&bytes), loadable(&bytes));
        }
    }
}
