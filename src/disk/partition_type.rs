//! What partition types mean.
//!
//! Sources: util-linux `include/pt-mbr-partnames.h` and `include/pt-gpt-partnames.h` (names only);
//! the Discoverable Partitions Specification (UAPI group); UEFI 2.10 §5.3.3; Microsoft,
//! `PARTITION_INFORMATION_GPT`.

use super::facts::PartitionRole;

/// The role of an MBR type.
pub(super) fn mbr(kind: u8) -> PartitionRole {
    match kind {
        0x05 | 0x0f | 0x85 => PartitionRole::Extended,
        0x82 => PartitionRole::Swap,
        0x83 => PartitionRole::LinuxFilesystem,
        0x8e => PartitionRole::Lvm,
        0xfd => PartitionRole::Raid,
        0x01 | 0x04 | 0x06 | 0x07 | 0x0b | 0x0c | 0x0e => PartitionRole::WindowsData,
        0x27 => PartitionRole::WindowsRecovery,
        0x42 => PartitionRole::Ldm,
        0xee => PartitionRole::Protective,
        0xef => PartitionRole::Esp,
        _ => PartitionRole::Other,
    }
}

/// The role of a GPT type, in upper case.
pub(super) fn gpt(guid: &str) -> PartitionRole {
    GPT.iter().find(|(known, _)| *known == guid).map_or(PartitionRole::Other, |(_, role)| *role)
}

const GPT: &[(&str, PartitionRole)] = &[
    ("C12A7328-F81F-11D2-BA4B-00A0C93EC93B", PartitionRole::Esp),
    ("21686148-6449-6E6F-744E-656564454649", PartitionRole::BiosBoot),
    // Linux file system data.
    ("0FC63DAF-8483-4772-8E79-3D69D8477DE4", PartitionRole::LinuxFilesystem),
    // Root: x86, x86-64, ARM, ARM64, RISC-V 64, LoongArch 64, IBM POWER little endian, S/390X.
    ("44479540-F297-41B2-9AF7-D131D5F0458A", PartitionRole::LinuxFilesystem),
    ("4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709", PartitionRole::LinuxFilesystem),
    ("69DAD710-2CE4-4E3C-B16C-21A1D49ABED3", PartitionRole::LinuxFilesystem),
    ("B921B045-1DF0-41C3-AF44-4C6F280D3FAE", PartitionRole::LinuxFilesystem),
    ("72EC70A6-CF74-40E6-BD49-4BDA08E8F224", PartitionRole::LinuxFilesystem),
    ("77055800-792C-4F94-B39A-98C91B762BB6", PartitionRole::LinuxFilesystem),
    ("C31C45E6-3F39-412E-80FB-4809C4980599", PartitionRole::LinuxFilesystem),
    ("5EEAD9A9-FE09-4A1E-A1D7-520D00531306", PartitionRole::LinuxFilesystem),
    // /usr: x86, x86-64, ARM, ARM64.
    ("75250D76-8CC6-458E-BD66-BD47CC81A812", PartitionRole::LinuxFilesystem),
    ("8484680C-9521-48C6-9C11-B0720656F69E", PartitionRole::LinuxFilesystem),
    ("7D0359A3-02B3-4F0A-865C-654403E70625", PartitionRole::LinuxFilesystem),
    ("B0E01050-EE5F-4390-949A-9101B17104E9", PartitionRole::LinuxFilesystem),
    // /home, /srv, /var, /var/tmp, extended boot loader.
    ("933AC7E1-2EB4-4F13-B844-0E14E2AEF915", PartitionRole::LinuxFilesystem),
    ("3B8F8425-20E0-4F3B-907F-1A25A76F98E8", PartitionRole::LinuxFilesystem),
    ("4D21B016-B534-45C2-A9FB-5C16E091FD2D", PartitionRole::LinuxFilesystem),
    ("7EC6F557-3BC5-4ACA-B293-16EF5DF639D1", PartitionRole::LinuxFilesystem),
    ("BC13C2FF-59E6-4262-A352-B275FD6F7172", PartitionRole::LinuxFilesystem),
    ("0657FD6D-A4AB-43C4-84E5-0933C84B4F4F", PartitionRole::Swap),
    ("E6D6D379-F507-44C2-A23C-238F2A3DF928", PartitionRole::Lvm),
    ("A19D880F-05FC-4D3B-A006-743F0F84911E", PartitionRole::Raid),
    ("EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", PartitionRole::WindowsData),
    ("DE94BBA4-06D1-4D40-A16A-BFD50179D6AC", PartitionRole::WindowsRecovery),
    ("E3C9E316-0B5C-4DB8-817D-F92DF00215AE", PartitionRole::MicrosoftReserved),
    ("5808C8AA-7E8F-42E0-85D2-E1E90434CFB3", PartitionRole::Ldm),
    ("AF9B60A0-1431-4F62-BC68-3311714A69AD", PartitionRole::Ldm),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gpt_type_stands_in_the_table_once_and_in_upper_case() {
        for (index, (guid, _)) in GPT.iter().enumerate() {
            assert_eq!(guid.len(), 36);
            assert_eq!(*guid, guid.to_uppercase());
            assert!(GPT.iter().skip(index + 1).all(|(other, _)| other != guid), "{guid}");
        }
    }
}
