//! `filesystem-sound`

use super::scope::{Decision, disk, settle, some_guest, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, Text, shell};
use crate::disk::facts::DiskFacts;
use crate::fact::{Fact, Unread};
use crate::guest::facts::{Facts, FileSystemFacts, Guest};
use crate::text;

/// The file systems that the guest needs bear no mark of errors.
pub(super) struct FilesystemSound;

static DOC: Doc = Doc {
    title: Fixed::new(
        "The file systems that the guest needs bear no mark of errors",
        "系统所需的文件系统没有错误标记",
    ),
    why: Fixed::new(
        "A file system that has seen errors may be mounted read-only or not at all, or be checked at each start, and files may be damaged already.",
        "出现过错误的文件系统可能被只读挂载或无法挂载，或在每次启动时被检查，其中的文件也可能已经损坏。",
    ),
    decided: Fixed::new(
        "Marks of errors in the superblocks: ext by s_state and the error records, XFS by needsrepair, Btrfs by its flags, FAT by the mark of disk errors; damage met in superblocks and logs; and what the kernel does not mount a file system for: an end behind that of the volume, damaged headers of XFS allocation groups, missing Btrfs devices, blocks larger than the kernel's pages of memory.",
        "检查超级块中的错误标记：ext看s_state和错误记录，XFS看needsrepair，Btrfs看标志位，FAT看磁盘错误标记；读取超级块和日志时遇到的损坏；以及会使内核拒绝挂载的情况：文件系统超出卷的末尾、XFS分配组头损坏、缺少Btrfs设备、块大于内核的内存页。",
    ),
    remedy: Fixed::new(
        "Check the file system from a rescue system (e2fsck -f, xfs_repair, btrfs check), then start and shut down the machine once and take the image again.",
        "在救援系统中检查文件系统（e2fsck -f、xfs_repair、btrfs check），然后正常启动并关机一次，重新导出镜像。",
    ),
    source: "Engineering knowledge; ext4 super.rst, XFS Algorithms & Data Structures, Btrfs on-disk format",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for FilesystemSound {
    fn id(&self) -> &'static str {
        "filesystem-sound"
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

fn decide(facts: &Facts) -> Decision {
    some_guest(facts)?;
    let disk = disk(facts)?;
    let mut marks = Vec::new();
    let mut commands = Vec::new();
    let mut looked_at = Vec::new();
    let mut unread: Option<&Unread> = None;
    for found in facts.used_filesystems() {
        if let (Ok(health), Fact::Known(Guest::Linux(linux))) =
            (found.health.as_result(), &facts.guest)
        {
            // A mount option that names the log's device is its line's own business.
            marks.extend(linux.refusal(health, disk, std::iter::once("logdev=")));
        }
        match found.health.as_result() {
            Ok(health) if health.errors.is_empty() => {
                let seen = health.shutdown.known().map(|(_, seen)| seen.clone());
                looked_at.extend(seen);
            }
            Ok(health) => {
                marks.extend(health.errors.iter().cloned());
                commands.extend(check_command(disk, found));
            }
            Err(reason) => {
                unread.get_or_insert(reason);
            }
        }
    }
    if !marks.is_empty() {
        let outcome = Outcome::broken(
            text!(
                "A file system that the guest needs bears marks of errors.",
                "系统所需的文件系统带有错误标记。"
            ),
            marks,
        );
        let commands = commands.join("\n");
        return Ok(match commands.as_str() {
            "" => outcome,
            _ => outcome.remedy(Text { en: commands.clone(), zh: commands }),
        });
    }
    if let Some(unread) = unread {
        return Err(Box::new(undecided(unread)));
    }
    if looked_at.is_empty() {
        let reason = "none of its file systems could be looked at";
        return Err(Box::new(undecided(&Unread::new("guest", reason))));
    }
    Ok(Outcome::holds(
        text!(
            "None of the guest's file systems bears a mark of errors.",
            "系统的文件系统均没有错误标记。"
        ),
        looked_at,
    ))
}

/// The command that checks it, to be run where it is not mounted.
fn check_command(disk: &DiskFacts, found: &FileSystemFacts) -> Option<String> {
    let uuid = disk.volumes.get(found.volume)?.signature()?.uuid.as_ref()?;
    let device = shell::quote(&format!("/dev/disk/by-uuid/{uuid}"));
    Some(match found.kind.as_str() {
        "ext2" | "ext3" | "ext4" => format!("e2fsck -f {device}"),
        "xfs" => format!("xfs_repair {device}"),
        "btrfs" => format!("btrfs check {device}"),
        "vfat" => format!("fsck.vfat -a {device}"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Evidence;
    use crate::filesystem::{Need, NeedKind};
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn file_systems_without_marks_pass() {
        expect(&FilesystemSound, &good_linux(), Status::Pass, "partition 2: ext superblock");
    }

    #[test]
    fn a_mark_of_errors_warns_with_the_command_that_checks() {
        let mut facts = good_linux();
        let mark = Evidence::new("partition 2: ext superblock, byte 1082", "error bit");
        health_mut(&mut facts, 1).errors.push(mark);
        let finding = expect(&FilesystemSound, &facts, Status::Warn, "error bit");
        assert_eq!(remedy(&finding), format!("e2fsck -f /dev/disk/by-uuid/{ROOT_UUID}"));
        facts.filesystems[1].kind = "xfs".to_owned();
        let finding = judged(&FilesystemSound, &facts, Profile::Huaweicloud);
        assert!(remedy(&finding).starts_with("xfs_repair "));
    }

    #[test]
    fn blocks_larger_than_the_kernels_pages_warn() {
        let mut facts = good_linux();
        let evidence = Evidence::new("partition 2: ext superblock, byte 1048", "blocks of 65536");
        let kind = NeedKind::LargePages(6, 19);
        health_mut(&mut facts, 1).needs.push(Need { kind, evidence });
        expect(&FilesystemSound, &facts, Status::Warn, "does not mount it");
        kernel_mut(&mut facts).release = "6.19.0-1-amd64".to_owned();
        assert_eq!(status(&FilesystemSound, &facts), Status::Pass);
    }

    #[test]
    fn a_mark_on_a_disk_that_the_guest_does_not_use_is_not_its_own() {
        let mut facts = good_linux();
        health_mut(&mut facts, 1).errors.push(Evidence::new("x", "y"));
        facts.filesystems[1].volume = 2;
        assert_eq!(status(&FilesystemSound, &facts), Status::Pass);
    }

    #[test]
    fn a_file_system_that_was_not_opened_is_unverified() {
        let mut facts = good_linux();
        facts.filesystems[0].health = Fact::unknown("partition 1", "checksum of the superblock");
        expect(&FilesystemSound, &facts, Status::Unverified, "checksum of the superblock");
        expect(&FilesystemSound, &unread_inside(), Status::Unverified, "it was torn");
        assert_eq!(status(&FilesystemSound, &windows()), Status::Pass);
        assert_eq!(status(&FilesystemSound, &no_guest()), Status::NotApplicable);
    }
}
