use super::*;
use crate::disk::facts::{PartitionRole, SignatureKind};
use crate::guest::facts::FirmwareFacts;
use crate::guest::linux::boot::firmware;

fn facts(fake: &FakeMachine) -> FirmwareFacts {
    firmware(&fake.machine()).known().expect("decided").clone()
}

fn esp(fs: FakeFs) -> FakeMachine {
    FakeMachine::new(TableKind::Gpt).partition("AAAA-0001", fs).role(1, PartitionRole::Esp)
}

#[test]
fn grub_with_its_core_image_lets_bios_boot() {
    let found = facts(&with_config(""));
    assert_eq!(found.bios.len(), 2);
    assert!(found.uefi.is_empty());
    let mut broken = grub2_code(None, None);
    if let Some(Fact::Known(core)) = &mut broken.grub_core {
        core.intact = Fact::unknown("byte 512", "zeroes");
    }
    assert!(facts(&with_config("").boot_code(broken)).bios.is_empty());
}

#[test]
fn other_boot_code_needs_an_active_partition_with_a_boot_record() {
    for kind in [BootCodeKind::Windows, BootCodeKind::Generic, BootCodeKind::Syslinux] {
        let fake =
            FakeMachine::new(TableKind::Mbr).partition(UUID, FakeFs::new()).boot_code(code(kind));
        assert!(facts(&fake).bios.is_empty());
        let fake = fake.active(1, None);
        assert!(facts(&fake).bios.is_empty());
        let fake = fake.active(1, Some(BootCodeKind::Windows));
        assert_eq!(facts(&fake).bios.len(), 2);
    }
}

#[test]
fn code_that_is_not_recognised_is_not_decided() {
    let fake = FakeMachine::new(TableKind::Mbr)
        .partition(UUID, FakeFs::new())
        .boot_code(code(BootCodeKind::Unrecognised));
    assert!(firmware(&fake.machine()).unread().is_some());
}

#[test]
fn loaders_on_the_efi_system_partition_let_uefi_boot() {
    let fs = FakeFs::fat()
        .file("/EFI/debian/shimx64.efi", "MZ")
        .file("/efi/README", "x")
        .file("/EFI/debian/grub.cfg", "x")
        .file("/EFI/empty/x.efi", "");
    let found = facts(&esp(fs));
    let places: Vec<_> = found.uefi.iter().map(|seen| seen.location.as_str()).collect();
    assert_eq!(places, ["MBR, byte 446", "/EFI/debian/shimx64.efi"]);
    assert!(found.uefi_fallback.is_empty() && found.bios.is_empty());
    let found = facts(&esp(FakeFs::fat().file("/EFI/BOOT/bootx64.efi", "MZ")));
    assert_eq!(found.uefi_fallback.len(), 1);
    assert!(facts(&esp(FakeFs::fat())).uefi.is_empty());
}

#[test]
fn any_fat_volume_counts_for_the_removable_media_path_only() {
    let fat = |path: &str| {
        FakeMachine::new(TableKind::Mbr).partition("AAAA-0001", FakeFs::fat().file(path, "MZ"))
    };
    assert_eq!(facts(&fat("/EFI/BOOT/BOOTAA64.EFI")).uefi.len(), 1);
    assert!(facts(&fat("/EFI/vendor/x.efi")).uefi.is_empty());
}

#[test]
fn an_unreadable_efi_system_partition_is_decided_only_by_bios() {
    let unread = |fake: FakeMachine| {
        fake.volume("AAAA-0001", SignatureKind::Fat32, Fact::unknown("partition", "FAT32 lies"))
    };
    let fake = unread(FakeMachine::new(TableKind::Gpt)).role(1, PartitionRole::Esp);
    assert!(firmware(&fake.machine()).unread().is_some());
    let fake = unread(with_config("")).role(2, PartitionRole::Esp);
    assert_eq!(facts(&fake).bios.len(), 2);
}

#[test]
fn boot_code_that_was_not_read_leaves_everything_undecided() {
    let mut fake = esp(FakeFs::fat().file("/EFI/BOOT/BOOTX64.EFI", "MZ"));
    fake.disk.boot_code = Fact::unknown("sector 0", "not read");
    assert!(firmware(&fake.machine()).unread().is_some());
}

#[test]
fn what_a_gpt_marks_counts_for_code_that_reads_a_gpt() {
    let bios = |table, kind| {
        let fake = FakeMachine::new(table).partition(UUID, FakeFs::new());
        let fake = fake.boot_code(code(kind)).active(1, Some(BootCodeKind::Windows));
        firmware(&fake.machine()).map(|found| found.bios.len())
    };
    assert_eq!(bios(TableKind::Gpt, BootCodeKind::Syslinux), Fact::Known(2));
    for kind in [BootCodeKind::Windows, BootCodeKind::Generic] {
        assert_eq!(bios(TableKind::Gpt, kind), Fact::Known(0));
        assert!(bios(TableKind::HybridGpt, kind).unread().is_some());
    }
}
