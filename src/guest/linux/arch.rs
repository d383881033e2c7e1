//! The architecture of the guest's programs, from an ELF header (System V gABI, "ELF Header").

use crate::bytes::BytesExt;
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact};
use crate::filesystem::tree::Tree;
use crate::guest::facts::Architecture;

/// Programs of which every system has at least one.
const PROGRAMS: &[&str] = &[
    "/bin/sh",
    "/bin/bash",
    "/sbin/init",
    "/lib/systemd/systemd",
    "/usr/lib/systemd/systemd",
    "/bin/busybox",
];

/// The architecture, with the program that told it.
pub fn find(tree: &Tree) -> Fact<(Architecture, Evidence)> {
    let mut unread = None;
    for path in PROGRAMS {
        match read(tree, path) {
            Ok((architecture, detail)) => {
                return Fact::Known((architecture, Evidence::new(*path, detail)));
            }
            Err(error) if error.is_absent() => {}
            Err(error) => unread = unread.or(Some(Fact::unknown(*path, error.to_string()))),
        }
    }
    unread.unwrap_or_else(|| Fact::unknown("/bin/sh", "no program to tell the architecture by"))
}

fn read(tree: &Tree, path: &str) -> Result<(Architecture, String)> {
    let header: [u8; 20] = tree.open(path)?.array(0)?;
    let [0x7f, b'E', b'L', b'F', class, data, ..] = header else {
        return Err(Error::corrupt(
            "ELF header",
            0,
            "7f 45 4c 46",
            format!("{:02x?}", &header[..4]),
        ));
    };
    let [.., low, high] = header;
    let machine =
        if data == 2 { u16::from_be_bytes([low, high]) } else { u16::from_le_bytes([low, high]) };
    // e_machine values: System V gABI, "Machine" table.
    let architecture = match machine {
        3 => Architecture::I386,
        62 => Architecture::X86_64,
        183 => Architecture::Aarch64,
        40 => Architecture::Arm,
        243 => Architecture::Riscv64,
        21 => Architecture::Ppc64,
        22 => Architecture::S390x,
        _ => Architecture::Other,
    };
    let bits = if class == 1 { 32 } else { 64 };
    Ok((architecture, format!("ELF {bits}-bit, e_machine {machine}")))
}
