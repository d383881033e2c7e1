//! `graceful-shutdown`

mod windows;

use super::scope::{Decision, disk, settle, some_guest, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, shell};
use crate::disk::facts::SignatureKind;
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::Shutdown;
use crate::guest::facts::{Facts, Guest};
use crate::text;

/// The machine was shut down before its disk was taken.
pub(super) struct GracefulShutdown;

static DOC: Doc = Doc {
    title: Fixed::new(
        "The virtual machine was shut down before the image was taken",
        "导出镜像前虚拟机已正常关机",
    ),
    why: Fixed::new(
        "A disk taken from a running or broken-off machine is as after a power cut: files may be lost, and servers made from it may hang or come up in a rescue shell. A hibernated one would go on with the memory of another machine.",
        "从运行中或异常断电的虚拟机导出的磁盘相当于断电现场：文件可能丢失，由其创建的云服务器可能无法启动或进入救援模式。处于休眠状态的系统会尝试恢复另一台机器的内存。",
    ),
    decided: Fixed::new(
        "The file systems of the guest's tree: ext by needs_recovery and s_state, XFS by the last record of its log, Btrfs by its log tree, FAT by its mark; and a swap area with the signature of a hibernation (S1SUSPEND). Windows: the dirty bit and the log ($LogFile) of its NTFS volumes, registry hives that were not written to their end, and hiberfil.sys with the memory of a hibernated machine (HIBR; fast start-up leaves it, too); updates and renames that wait for the next start are told.",
        "检查系统所用的文件系统：ext看needs_recovery和s_state，XFS看日志的最后一条记录，Btrfs看日志树，FAT看使用标记；另外检查交换分区是否带有休眠签名（S1SUSPEND）。Windows：检查NTFS卷的脏标志和日志（$LogFile）、未写完的注册表配置单元，以及hiberfil.sys中是否有休眠内存（HIBR，快速启动也会留下）；待下次启动完成的更新和重命名操作会列出。",
    ),
    remedy: Fixed::new(
        "Start the virtual machine once, run 'shutdown -h now' (Windows: shutdown /s /t 0) in it, wait until it is off, and take the image again.",
        "启动一次该虚拟机，在系统内执行shutdown -h now（Windows：shutdown /s /t 0），待其完全关机后重新导出镜像。",
    ),
    source: "准备镜像文件（Linux） (ims_01_0209), （Windows） (ims_01_0204)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for GracefulShutdown {
    fn id(&self) -> &'static str {
        "graceful-shutdown"
    }

    fn level(&self, profile: Profile) -> Option<Level> {
        Some(match profile {
            Profile::Huaweicloud => Level::Required,
            Profile::ImsClassic | Profile::Otc => Level::Recommended,
        })
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

/// Linux sets FAT's mark when it mounts and leaves one that was set before: it may be the trace of
/// any earlier use (Linux fs/fat/inode.c, `fat_set_state`).
const KEEPS_OLD_MARKS: &str = "vfat";

fn decide(facts: &Facts) -> Decision {
    let guest = some_guest(facts)?;
    let disk = disk(facts)?;
    if let Guest::Windows(windows) = guest {
        return windows::decide(facts, windows);
    }
    let mut clean = Vec::new();
    let mut unclean = Vec::new();
    let mut marked = Vec::new();
    let mut unread: Option<&Unread> = None;
    for found in facts.used_filesystems() {
        match found.health.known().map(|health| &health.shutdown) {
            Some(Fact::Known((Shutdown::Clean, seen))) => clean.push(seen.clone()),
            Some(Fact::Known((Shutdown::Unclean, seen))) if found.kind == KEEPS_OLD_MARKS => {
                marked.push(seen.clone());
            }
            Some(Fact::Known((Shutdown::Unclean, seen))) => unclean.push(seen.clone()),
            Some(Fact::Unknown(reason)) => {
                unread.get_or_insert(reason);
            }
            None => unread = unread.or(found.health.unread()),
        }
    }
    let mut suspended = Vec::new();
    for volume in &disk.volumes {
        match &volume.signatures {
            Fact::Known(_) => {}
            Fact::Unknown(reason) => {
                unread.get_or_insert(reason);
            }
        }
        if let Some(signature) =
            volume.signature().filter(|found| found.kind == SignatureKind::SwapSuspended)
        {
            let place = format!("{}, byte {}", volume.name, signature.offset);
            suspended.push((Evidence::new(place, "S1SUSPEND"), signature.uuid.as_deref()));
        }
    }
    if let Some((_, uuid)) = suspended.first() {
        let device = device(*uuid);
        let mut evidence: Vec<_> = suspended.iter().map(|(seen, _)| seen.clone()).collect();
        evidence.extend(unclean);
        return Ok(Outcome::doubtful(
            text!(
                "The machine was hibernated, not shut down: its memory lies in the swap area.",
                "虚拟机处于休眠状态而非关机状态：交换分区中保存着其内存内容。"
            ),
            evidence,
        )
        .remedy(text!(
            "Start the virtual machine once and run 'shutdown -h now' in it; or give up the saved memory from a rescue system with\nmkswap --uuid {device}",
            "启动一次该虚拟机并在系统内执行shutdown -h now；或在救援系统中放弃所保存的内存内容：\nmkswap --uuid {device}"
        )));
    }
    if !unclean.is_empty() {
        unclean.extend(marked);
        return Ok(Outcome::doubtful(
            text!(
                "The machine was not shut down: its file systems were in use when the image was taken.",
                "虚拟机未正常关机：导出镜像时文件系统仍在使用。"
            ),
            unclean,
        ));
    }
    if let Some(unread) = unread {
        return Err(Box::new(undecided(unread)));
    }
    if !marked.is_empty() {
        marked.extend(clean);
        return Ok(Outcome::noted(
            text!(
                "A FAT file system bears the mark of having been in use; this may be from long ago, as nothing but a check removes it.",
                "FAT文件系统带有使用中标记；该标记可能是很久以前留下的，只有执行检查才会清除。"
            ),
            marked,
        ));
    }
    if clean.is_empty() {
        let reason = "none of its file systems could be looked at";
        return Err(Box::new(undecided(&Unread::new("guest", reason))));
    }
    Ok(Outcome::holds(
        text!("All file systems of the guest were unmounted.", "系统的全部文件系统均已正常卸载。"),
        clean,
    ))
}

/// The arguments that make a swap area again what it was.
fn device(uuid: Option<&str>) -> String {
    match uuid {
        Some(uuid) => {
            let device = shell::quote(&format!("/dev/disk/by-uuid/{uuid}"));
            format!("{} {device}", shell::quote(uuid))
        }
        None => "UUID DEVICE".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn unclean(facts: &mut Facts, volume: usize) {
        let seen = Evidence::new("partition 2: ext superblock, byte 1120", "needs_recovery");
        health_mut(facts, volume).shutdown = Fact::Known((Shutdown::Unclean, seen));
    }

    #[test]
    fn a_machine_that_was_shut_down_passes() {
        let finding = expect(&GracefulShutdown, &good_linux(), Status::Pass, "s_state valid");
        assert_eq!(finding.evidence.len(), 2);
    }

    #[test]
    fn a_file_system_that_was_in_use_warns_in_every_profile() {
        let mut facts = good_linux();
        unclean(&mut facts, 1);
        for profile in [Profile::ImsClassic, Profile::Huaweicloud, Profile::Otc] {
            expect_in(profile, &GracefulShutdown, &facts, Status::Warn, "needs_recovery");
        }
        // One that the guest does not use says nothing of the guest.
        facts.filesystems[1].volume = 2;
        expect(&GracefulShutdown, &facts, Status::Pass, "s_state valid");
    }

    #[test]
    fn an_old_mark_of_fat_is_no_warning() {
        let mut facts = good_linux();
        unclean(&mut facts, 0);
        facts.filesystems[0].kind = "vfat".to_owned();
        expect(&GracefulShutdown, &facts, Status::Info, "FAT");
        unclean(&mut facts, 1);
        assert_eq!(status(&GracefulShutdown, &facts), Status::Warn);
    }

    #[test]
    fn a_hibernated_machine_warns_with_the_command_for_its_swap() {
        let mut facts = good_linux();
        let Fact::Known(signatures) = &mut disk_mut(&mut facts).volumes[2].signatures else {
            panic!()
        };
        signatures[0].kind = SignatureKind::SwapSuspended;
        signatures[0].uuid = Some("a b".to_owned());
        let finding = expect(&GracefulShutdown, &facts, Status::Warn, "S1SUSPEND");
        assert!(remedy(&finding).ends_with("mkswap --uuid 'a b' '/dev/disk/by-uuid/a b'"));
    }

    #[test]
    fn a_log_that_cannot_be_read_is_unverified() {
        let mut facts = good_linux();
        health_mut(&mut facts, 0).shutdown = Fact::unknown("partition 1: xfs log", "torn record");
        expect(&GracefulShutdown, &facts, Status::Unverified, "torn record");
        facts.filesystems[0].health = Fact::unknown("partition 1", "damaged superblock");
        expect(&GracefulShutdown, &facts, Status::Unverified, "damaged superblock");
        // What was seen counts before what was not.
        unclean(&mut facts, 1);
        assert_eq!(status(&GracefulShutdown, &facts), Status::Warn);
    }

    #[test]
    fn guests_that_are_not_looked_into_are_unverified() {
        assert_eq!(status(&GracefulShutdown, &windows()), Status::Unverified);
        assert_eq!(status(&GracefulShutdown, &no_guest()), Status::NotApplicable);
        expect(&GracefulShutdown, &unread(), Status::Unverified, "it was torn");
    }
}
