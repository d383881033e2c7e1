//! `free-space`

use super::scope::{Decision, disk, known, settle, some_guest, undecided, without_guest};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::{Evidence, Unread};
use crate::filesystem::Space;
use crate::guest::facts::{Facts, Guest, LinuxFacts, WindowsFacts};
use crate::text;

/// There is room for what the platform or a repair writes.
pub(super) struct FreeSpace;

static DOC: Doc = Doc {
    title: Fixed::new(
        "There is room for drivers and a rebuilt initramfs",
        "有足够空间写入驱动和重新生成的initramfs",
    ),
    why: Fixed::new(
        "The platform's automatic configuration and each repair of this report write into the image: drivers, packages, an initramfs beside the old one. On a full file system they fail half-way.",
        "平台的自动配置以及本报告的修复操作都会向镜像写入内容：驱动、软件包、与旧文件并存的initramfs。空间不足时会中途失败。",
    ),
    decided: Fixed::new(
        "Free bytes and inodes as the file systems count them: 256 MiB and 1,000 inodes in /, and in a separate /boot one and a half times the default entry's initramfs; on the volume of Windows 1 GiB.",
        "根据文件系统自身的计数：/需有256 MiB和1000个inode空闲；/boot独立时需有默认引导项initramfs大小的1.5倍空闲；Windows系统卷需有1 GiB空闲。",
    ),
    remedy: Fixed::new(
        "Make room: remove old kernels and package caches (dnf clean all, yum clean all, apt-get clean, zypper clean), or grow the file system.",
        "请释放空间：删除旧内核和软件包缓存（dnf clean all、yum clean all、apt-get clean、zypper clean），或扩大文件系统。",
    ),
    source: "Engineering knowledge",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for FreeSpace {
    fn id(&self) -> &'static str {
        "free-space"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Recommended)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

const MIB: u64 = 1 << 20;

/// Least room in `/`, in bytes: drivers, a package or two and what their installation unpacks.
const ROOT_BYTES: u64 = 256 * MIB;

/// Least free inodes: a kernel's modules are some thousand files at most.
const INODES: u64 = 1_000;

/// The initramfs in `/boot` of a guest, in bytes.
fn initramfs(linux: &LinuxFacts) -> Decision<Option<u64>> {
    let Some(entry) = known(&linux.boot.default_entry)? else { return Ok(None) };
    // Microcode comes before the one that is rebuilt.
    let Some(file) = entry.initrds.last() else { return Ok(None) };
    Ok(known(&file.resolved)?.as_ref().map(|file| file.size))
}

/// What a mount point needs and has.
fn space<'a>(facts: &'a Facts, linux: &LinuxFacts, path: &str) -> Decision<Option<&'a Space>> {
    // A later mount at the same place covers the earlier one.
    let Some(mount) = linux.mounts.iter().rev().find(|mount| mount.path == path) else {
        return Ok(None);
    };
    known(&mount.readable)?;
    let found = facts.filesystems.iter().find(|found| Some(found.volume) == mount.volume);
    let Some(found) = found else {
        let unread = Unread::new(path, "the state of its file system is not known");
        return Err(Box::new(undecided(&unread)));
    };
    Ok(Some(known(&known(&found.health)?.space)?))
}

fn decide(facts: &Facts) -> Decision {
    let guest = some_guest(facts)?;
    disk(facts)?;
    match guest {
        Guest::Linux(linux) => of_linux(facts, linux),
        Guest::Windows(windows) => of_windows(facts, windows),
        Guest::Absent(_) => Err(Box::new(without_guest())),
    }
}

/// Least room on the volume of Windows, in bytes: drivers, tools and what their installers unpack.
const WINDOWS_BYTES: u64 = 1024 * MIB;

fn of_windows(facts: &Facts, windows: &WindowsFacts) -> Decision {
    let found = facts.filesystems.iter().find(|found| Some(found.volume) == windows.volume);
    let Some(found) = found else {
        let unread = Unread::new("guest", "the volume of Windows could not be read");
        return Err(Box::new(undecided(&unread)));
    };
    let space = known(&known(&found.health)?.space)?;
    let evidence = vec![space.evidence.clone()];
    let needed = WINDOWS_BYTES.div_ceil(MIB);
    Ok(if space.free < WINDOWS_BYTES {
        Outcome::broken(
            text!(
                "There is too little room for drivers on the volume of Windows; needed: {needed} MiB.",
                "Windows系统卷空闲空间不足以写入驱动；需要{needed} MiB。"
            ),
            evidence,
        )
        .remedy(text!("cleanmgr, or extend the volume in diskmgmt.msc", "运行cleanmgr清理磁盘，或在diskmgmt.msc中扩展卷"))
    } else {
        Outcome::holds(
            text!("There is room on the volume of Windows.", "Windows系统卷有足够的空闲空间。"),
            evidence,
        )
    })
}

fn of_linux(facts: &Facts, linux: &LinuxFacts) -> Decision {
    let mut short = Vec::new();
    let mut enough = Vec::new();
    let mut look = |path: &str, space: &Space, bytes: u64| {
        let Evidence { location, detail, .. } = &space.evidence;
        let seen = Evidence::new(location.clone(), format!("{path}: {detail}"));
        let inodes = space.inodes.is_none_or(|(_, free)| free >= INODES);
        if space.free >= bytes && inodes { enough.push(seen) } else { short.push((seen, bytes)) }
    };
    let root = space(facts, linux, "/").and_then(|found| {
        found.ok_or_else(|| Box::new(undecided(&Unread::new("/", "it is not in the mount table"))))
    });
    let root = root.map(|space| look("/", space, ROOT_BYTES));
    let boot = space(facts, linux, "/boot").and_then(|found| {
        let Some(found) = found else { return Ok(()) };
        if let Some(size) = initramfs(linux)? {
            // One file more: inodes never decide there.
            let space = Space { inodes: None, ..found.clone() };
            look("/boot", &space, size.saturating_add(size / 2));
        }
        Ok(())
    });
    if short.is_empty() {
        // What is short is short, whatever could not be looked at beside it.
        root?;
        boot?;
        return Ok(Outcome::holds(
            text!("There is room in the guest's file systems.", "系统的文件系统有足够的空闲空间。"),
            enough,
        ));
    }
    let needed = short.iter().map(|(seen, bytes)| {
        let path = seen.detail.split(':').next().unwrap_or_default();
        format!("{path} {} MiB", bytes.div_ceil(MIB))
    });
    let needed = needed.collect::<Vec<_>>().join(", ");
    Ok(Outcome::broken(
        text!(
            "There is too little room for drivers or a rebuilt initramfs; needed: {needed} and {INODES} inodes.",
            "空闲空间不足以写入驱动或重新生成initramfs；需要：{needed}以及{INODES}个inode。"
        ),
        short.into_iter().map(|(seen, _)| seen).collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::rules::Status;
    use crate::rules::testing::windows::*;
    use crate::rules::testing::*;

    fn space_mut(facts: &mut Facts, volume: usize) -> &mut Space {
        match &mut health_mut(facts, volume).space {
            Fact::Known(space) => space,
            Fact::Unknown(_) => panic!("not known"),
        }
    }

    #[test]
    fn file_systems_with_room_pass() {
        let finding = expect(&FreeSpace, &good_linux(), Status::Pass, "partition 2");
        assert_eq!(finding.evidence.len(), 2);
    }

    #[test]
    fn a_root_with_less_than_256_mib_warns() {
        let mut facts = good_linux();
        space_mut(&mut facts, 1).free = ROOT_BYTES - 1;
        expect(&FreeSpace, &facts, Status::Warn, "needed: / 256 MiB");
        space_mut(&mut facts, 1).free = ROOT_BYTES;
        expect(&FreeSpace, &facts, Status::Pass, "/");
    }

    #[test]
    fn a_root_without_inodes_warns_and_one_that_makes_them_does_not() {
        let mut facts = good_linux();
        space_mut(&mut facts, 1).inodes = Some((65_536, 999));
        expect(&FreeSpace, &facts, Status::Warn, "inodes");
        space_mut(&mut facts, 1).inodes = None;
        expect(&FreeSpace, &facts, Status::Pass, "/");
    }

    #[test]
    fn a_boot_without_room_for_one_and_a_half_initramfs_warns() {
        let mut facts = good_linux();
        // The initramfs has 6,000,000 bytes.
        space_mut(&mut facts, 0).free = 8_999_999;
        expect(&FreeSpace, &facts, Status::Warn, "/boot 9 MiB");
        space_mut(&mut facts, 0).free = 9_000_000;
        space_mut(&mut facts, 0).inodes = Some((128, 100));
        expect(&FreeSpace, &facts, Status::Pass, "/boot");
    }

    #[test]
    fn a_boot_directory_in_the_root_is_not_counted_apart() {
        let mut facts = good_linux();
        space_mut(&mut facts, 0).free = 0;
        linux_mut(&mut facts).mounts.pop();
        expect(&FreeSpace, &facts, Status::Pass, "/:");
    }

    #[test]
    fn room_that_is_not_counted_or_an_unknown_initramfs_is_unverified() {
        let mut facts = good_linux();
        health_mut(&mut facts, 1).space = Fact::unknown("partition 2", "not counted");
        expect(&FreeSpace, &facts, Status::Unverified, "not counted");
        let mut facts = good_linux();
        linux_mut(&mut facts).boot.default_entry = Fact::unknown("/boot/grub2/grub.cfg", "torn");
        expect(&FreeSpace, &facts, Status::Unverified, "torn");
        space_mut(&mut facts, 1).free = 0;
        assert_eq!(status(&FreeSpace, &facts), Status::Warn);
        assert_eq!(status(&FreeSpace, &windows()), Status::Unverified);
        assert_eq!(status(&FreeSpace, &no_guest()), Status::NotApplicable);
    }

    #[test]
    fn windows_needs_a_gibibyte_on_its_volume() {
        let mut facts = good_windows();
        expect(&FreeSpace, &facts, Status::Pass, "partition 2");
        space_mut(&mut facts, 1).free = WINDOWS_BYTES - 1;
        expect(&FreeSpace, &facts, Status::Warn, "1024 MiB");
        windows_mut(&mut facts).volume = None;
        expect(&FreeSpace, &facts, Status::Unverified, "volume of Windows");
    }
}
