//! The hive BCD: boot manager, one loader, the memory test.
//!
//! Object and element identifiers after Microsoft, "BCD Elements" (`bcdedit` reference and the WMI
//! provider's `BcdBootMgrElementTypes`, `BcdLibraryElementTypes`, `BcdOSLoaderElementTypes`).

use super::text::{binary, dword, key, multi, text};

pub const BOOT_MANAGER: &str = "{9dea862c-5cdd-4e70-acc1-f32b344d4795}";
pub const LOADER: &str = "{6e1f0001-0a1b-11ee-8c5d-7e8a4b6c9d0e}";
const MEMORY_TEST: &str = "{b2721d73-1db4-4c62-bf78-c548a880142d}";

/// A partition as the store names it.
#[derive(Clone, Copy)]
pub enum Partition {
    /// Disk signature of the MBR, and the partition's first byte.
    Mbr(u32, u64),
    /// GUIDs of disk and partition, as text.
    Gpt(&'static str, &'static str),
}

/// The bytes of a GUID as they are kept: the first three fields little-endian.
pub fn guid(text: &str) -> Vec<u8> {
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let bytes: Vec<u8> = (0..16)
        .filter_map(|at| u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok())
        .collect();
    const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    ORDER.iter().filter_map(|at| bytes.get(*at).copied()).collect()
}

impl Partition {
    /// An element of kind "device" (88 bytes): no options, a device of type 6 (qualified partition).
    pub fn element(self) -> Vec<u8> {
        let mut bytes = vec![0; 16];
        for word in [6_u32, 0, 0x48, 0] {
            bytes.extend(word.to_le_bytes());
        }
        let (partition, table, disk) = match self {
            Self::Mbr(signature, start) => {
                (start.to_le_bytes().to_vec(), 1_u32, signature.to_le_bytes().to_vec())
            }
            Self::Gpt(disk, partition) => (guid(partition), 0, guid(disk)),
        };
        bytes.extend(partition);
        bytes.resize(48, 0);
        bytes.extend(0_u32.to_le_bytes()); // a hard disk
        bytes.extend(table.to_le_bytes());
        bytes.extend(disk);
        bytes.resize(88, 0);
        bytes
    }
}

/// An element of an object.
pub fn element(object: &str, id: u32, value: String) -> String {
    key(&format!("Objects\\{object}\\Elements\\{id:08x}"), &[("Element", value)])
}

fn object(id: &str, kind: u32) -> String {
    key(&format!("Objects\\{id}\\Description"), &[("Type", dword(kind))])
}

/// The store of a machine whose boot files lie on `system` and whose Windows lies on `windows`.
pub fn store(system: Partition, windows: Partition, is_uefi: bool, name: &str) -> String {
    let mut out = key(
        "Description",
        &[("KeyName", text("BCD00000000")), ("System", dword(1)), ("TreatAsSystem", dword(1))],
    );
    let loader = if is_uefi { "winload.efi" } else { "winload.exe" };
    out += &object(BOOT_MANAGER, 0x1010_0002);
    out += &element(BOOT_MANAGER, 0x1100_0001, binary(&system.element()));
    if is_uefi {
        out += &element(BOOT_MANAGER, 0x1200_0002, text("\\EFI\\Microsoft\\Boot\\bootmgfw.efi"));
    }
    out += &element(BOOT_MANAGER, 0x1200_0004, text("Windows Boot Manager"));
    out += &element(BOOT_MANAGER, 0x2300_0003, text(LOADER));
    out += &element(BOOT_MANAGER, 0x2400_0001, multi(&[LOADER]));
    out += &element(BOOT_MANAGER, 0x2400_0010, multi(&[MEMORY_TEST]));
    out += &element(BOOT_MANAGER, 0x2500_0004, binary(&30_u64.to_le_bytes()));
    out += &object(LOADER, 0x1020_0003);
    out += &element(LOADER, 0x1100_0001, binary(&windows.element()));
    out += &element(LOADER, 0x1200_0002, text(&format!("\\Windows\\system32\\{loader}")));
    out += &element(LOADER, 0x1200_0004, text(name));
    out += &element(LOADER, 0x2100_0001, binary(&windows.element()));
    out += &element(LOADER, 0x2200_0002, text("\\Windows"));
    out += &element(LOADER, 0x2500_0020, binary(&0_u64.to_le_bytes()));
    out += &object(MEMORY_TEST, 0x1020_0005);
    out += &element(MEMORY_TEST, 0x1100_0001, binary(&system.element()));
    out += &element(MEMORY_TEST, 0x1200_0002, text("\\boot\\memtest.exe"));
    out
}
