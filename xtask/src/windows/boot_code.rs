//! What stands where a real machine has Microsoft's boot code. It does not run: it has only the
//! marks by which that code is recognised, and a loop.

/// The code of sector 0, up to the disk signature.
pub fn mbr() -> Vec<u8> {
    // Clears segment registers and sets up a stack, as the code since Windows Vista begins.
    let mut code = vec![
        0x33, 0xc0, 0x8e, 0xd0, 0xbc, 0x00, 0x7c, 0x8e, 0xc0, 0x8e, 0xd8, 0xbe, 0x00, 0x7c, 0xbf,
        0x00, 0x06, 0xeb, 0xfe,
    ];
    code.resize(0x163, 0);
    code.extend(
        b"Invalid partition table\0Error loading operating system\0Missing operating system\0",
    );
    code.resize(440, 0);
    code
}

/// Where the code of an NTFS boot sector begins.
pub const RECORD_AT: u64 = 0x54;

/// The code of an NTFS boot sector, up to its signature, with the message that names the file which
/// it loads.
pub fn boot_record() -> Vec<u8> {
    let mut code = vec![0xeb, 0xfe];
    code.resize(0x18a - 0x54, 0);
    code.extend(b"\r\nBOOTMGR is missing\0");
    code.resize(510 - 0x54, 0);
    code
}
