//! The chain as a whole, over disks in memory.

mod btrfs;
mod chain;
mod firmware;
mod grub2;
mod hostile;
mod legacy;
mod stored;
mod syslinux;
mod systemd_boot;

use super::fake::{FakeFs, FakeMachine, kernel};
use super::{StoredFileSystems, follow_with};
use crate::disk::facts::{BootCodeFacts, BootCodeKind, GrubCoreFacts, GrubLegacyFacts, TableKind};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{BootEntry, BootFacts, LinkKind, LinkState};

const UUID: &str = "0b0c0d0e-1111-4222-8333-444455556666";
const BOOT_UUID: &str = "b0070b00-1111-4222-8333-444455556666";

fn follow(fake: &FakeMachine) -> BootFacts {
    let machine = fake.machine();
    follow_with(&machine, &StoredFileSystems::of(&machine), &|spec| fake.device_ref(spec))
}

fn default_entry(facts: &BootFacts) -> &BootEntry {
    facts.default_entry.known().expect("decided").as_ref().expect("there is one")
}

fn undecided(facts: &BootFacts) -> &str {
    &facts.default_entry.unread().expect("undecided").reason
}

fn state(facts: &BootFacts, kind: LinkKind) -> Option<&LinkState> {
    let mut links = facts.chain.iter().filter(|link| link.kind == kind);
    let link = links.next();
    assert!(links.next().is_none(), "{kind:?} twice");
    link.map(|link| &link.state)
}

fn all_found(facts: &BootFacts) {
    for link in &facts.chain {
        assert!(matches!(link.state, LinkState::Found | LinkState::NotNeeded), "{link:?}");
    }
}

/// Enough for any prefix.
const CORE_MODULES: [&str; 13] = [
    "search",
    "search_fs_uuid",
    "search_label",
    "biosdisk",
    "part_msdos",
    "part_gpt",
    "diskfilter",
    "lvm",
    "mdraid1x",
    "fshelp",
    "ext2",
    "fat",
    "btrfs",
];

fn grub2_code(prefix: Option<&str>, embedded: Option<&str>) -> BootCodeFacts {
    BootCodeFacts {
        kind: BootCodeKind::Grub2,
        signature: true,
        evidence: Evidence::new("MBR, byte 388", "GRUB"),
        grub_legacy: None,
        grub_core: Some(Fact::Known(GrubCoreFacts {
            offset: 512,
            place: "gap before partition 1".to_owned(),
            size: 30_000,
            intact: Fact::Known(()),
            prefix: Fact::Known(prefix.map(str::to_owned)),
            embedded_config: Fact::Known(embedded.map(str::to_owned)),
            modules: Fact::Known(CORE_MODULES.map(str::to_owned).to_vec()),
            btrfs_relative_path: Some(true),
        })),
    }
}

fn code(kind: BootCodeKind) -> BootCodeFacts {
    let evidence = Evidence::new("MBR, byte 0", "code");
    BootCodeFacts { kind, signature: true, evidence, grub_core: None, grub_legacy: None }
}

/// A file system with GRUB's modules, two kernels and their initramfs under `/boot`.
fn debian(config: &str) -> FakeFs {
    FakeFs::new()
        .file("/boot/grub/i386-pc/normal.mod", "\x7fELF")
        .file("/boot/grub/grub.cfg", config)
        .file("/boot/vmlinuz-6.1.0-18-amd64", kernel())
        .file("/boot/initrd.img-6.1.0-18-amd64", "cpio")
        .file("/boot/vmlinuz-6.1.0-9-amd64", kernel())
        .file("/boot/initrd.img-6.1.0-9-amd64", "cpio")
}

/// A BIOS disk whose GRUB reads that configuration.
fn with_config(config: &str) -> FakeMachine {
    with_filesystem(debian(config))
}

fn with_filesystem(fs: FakeFs) -> FakeMachine {
    FakeMachine::new(TableKind::Mbr)
        .partition(UUID, fs)
        .boot_code(grub2_code(Some("(,msdos1)/boot/grub"), None))
}

/// The command line that a configuration gives by default.
fn command_line(config: &str) -> String {
    default_entry(&follow(&with_config(config))).command_line.clone()
}
