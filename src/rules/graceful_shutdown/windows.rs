//! Windows: its volumes, its hives and its hibernation file.

use super::KEEPS_OLD_MARKS;
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::Shutdown;
use crate::guest::facts::{Facts, HiveSync, WindowsFacts};
use crate::rules::Outcome;
use crate::rules::scope::{Decision, undecided};
use crate::text;

/// How Windows left its disk.
pub(super) fn decide(facts: &Facts, windows: &WindowsFacts) -> Decision {
    let mut unread: Option<&Unread> = None;
    let (mut clean, mut unclean) = (Vec::new(), Vec::new());
    for found in facts.used_filesystems() {
        match found.health.known().map(|health| &health.shutdown) {
            Some(Fact::Known((Shutdown::Clean, seen))) => clean.push(seen.clone()),
            // Windows mounts the EFI system partition only when it writes to it.
            Some(Fact::Known((Shutdown::Unclean, _))) if found.kind == KEEPS_OLD_MARKS => {}
            Some(Fact::Known((Shutdown::Unclean, seen))) => unclean.push(seen.clone()),
            Some(Fact::Unknown(reason)) => unread = unread.or(Some(reason)),
            None => unread = unread.or(found.health.unread()),
        }
    }
    for hive in &windows.hives {
        match &hive.sync {
            Fact::Known(HiveSync::Clean) => {}
            Fact::Known(HiveSync::Replayed(seen)) => unclean.push(seen.clone()),
            Fact::Known(HiveSync::Torn(seen)) => {
                unclean.push(Evidence::new(seen.location.clone(), seen.reason.clone()));
            }
            Fact::Unknown(reason) => unread = unread.or(Some(reason)),
        }
    }
    match &windows.hibernated {
        Fact::Known(Some(seen)) => {
            return Ok(Outcome::broken(
                text!(
                    "Windows was hibernated, or shut down with fast start-up: its memory lies in hiberfil.sys.",
                    "Windows处于休眠状态或以快速启动方式关机：hiberfil.sys中保存着其内存内容。"
                ),
                std::iter::once(seen.clone()).chain(unclean).collect(),
            )
            .remedy(text!(
                "In Windows, in an elevated prompt:\npowercfg /h off\nshutdown /s /t 0\nThen take the image again.",
                "在Windows管理员命令提示符中执行：\npowercfg /h off\nshutdown /s /t 0\n然后重新导出镜像。"
            )));
        }
        Fact::Known(None) => {}
        Fact::Unknown(reason) => unread = unread.or(Some(reason)),
    }
    if !unclean.is_empty() {
        return Ok(Outcome::doubtful(
            text!(
                "Windows was not shut down: its volumes or its registry were in use when the image was taken.",
                "Windows未正常关机：导出镜像时卷或注册表仍在使用。"
            ),
            unclean,
        )
        .remedy(text!(
            "Start the virtual machine once, run 'shutdown /s /t 0' in it, wait until it is off, and take the image again; where a volume stays marked, run 'chkdsk C: /f' first.",
            "启动一次该虚拟机，在系统内执行shutdown /s /t 0，待其完全关机后重新导出镜像；若卷仍带有标记，请先执行chkdsk C: /f。"
        )));
    }
    if let Some(unread) = unread {
        return Err(Box::new(undecided(unread)));
    }
    let pending: Vec<Evidence> = windows.pending.all().cloned().collect();
    if !pending.is_empty() {
        return Ok(Outcome::noted(
            text!(
                "Windows was shut down in order, but updates or renames of files wait for the next start to be finished.",
                "Windows已正常关机，但有更新或文件重命名操作需要在下次启动时完成。"
            ),
            pending.into_iter().chain(clean).collect(),
        )
        .remedy(text!(
            "Start the virtual machine once, let Windows finish, run 'shutdown /s /t 0' in it, and take the image again; otherwise each server made from it finishes them at its first start.",
            "启动一次该虚拟机，待Windows完成上述操作后执行shutdown /s /t 0关机并重新导出镜像；否则由其创建的每台云服务器都会在首次启动时执行这些操作。"
        )));
    }
    if clean.is_empty() {
        let reason = "none of its file systems could be looked at";
        return Err(Box::new(undecided(&Unread::new("guest", reason))));
    }
    Ok(Outcome::holds(
        text!(
            "Windows was shut down: its volumes and its registry were closed.",
            "Windows已正常关机：卷和注册表均已正常关闭。"
        ),
        clean,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::graceful_shutdown::GracefulShutdown;
    use crate::rules::testing::windows::*;
    use crate::rules::testing::*;
    use crate::rules::{Profile, Status};

    #[test]
    fn windows_that_was_shut_down_passes() {
        expect(&GracefulShutdown, &good_windows(), Status::Pass, "not dirty");
        let mut facts = good_windows();
        let pending = Evidence::new("Component Based Servicing", "RebootPending");
        windows_mut(&mut facts).pending.updates = Fact::Known(vec![pending]);
        expect(&GracefulShutdown, &facts, Status::Info, "RebootPending");
        let mut facts = good_windows();
        let renamed = Evidence::new("Session Manager", r"deletes C:\a.tmp");
        windows_mut(&mut facts).pending.renames = Fact::Known(vec![renamed]);
        expect(&GracefulShutdown, &facts, Status::Info, "deletes");
        let mut facts = good_windows();
        let servicing = Evidence::new(r"\Windows\WinSxS\pending.xml", "9 bytes");
        windows_mut(&mut facts).pending.servicing = Fact::Known(Some(servicing));
        expect(&GracefulShutdown, &facts, Status::Info, "pending.xml");
    }

    #[test]
    fn a_hibernated_windows_is_broken() {
        let mut facts = good_windows();
        let seen = Evidence::new(r"\hiberfil.sys, byte 0", "HIBR");
        windows_mut(&mut facts).hibernated = Fact::Known(Some(seen));
        let huaweicloud = Profile::Huaweicloud;
        let finding = expect_in(huaweicloud, &GracefulShutdown, &facts, Status::Fail, "HIBR");
        assert!(remedy(&finding).contains("powercfg /h off"));
        expect(&GracefulShutdown, &facts, Status::Warn, "HIBR");
    }

    #[test]
    fn a_volume_or_hive_in_use_warns() {
        let mut facts = good_windows();
        let seen = Evidence::new("partition 2: NTFS", "VOLUME_IS_DIRTY");
        health_mut(&mut facts, 1).shutdown = Fact::Known((Shutdown::Unclean, seen));
        let huaweicloud = Profile::Huaweicloud;
        expect_in(huaweicloud, &GracefulShutdown, &facts, Status::Warn, "VOLUME_IS_DIRTY");
        let mut facts = good_windows();
        let seen = Evidence::new(r"\Windows\System32\config\SYSTEM.LOG1", "2 entries replayed");
        windows_mut(&mut facts).hives[0].sync = Fact::Known(HiveSync::Replayed(seen));
        expect_in(huaweicloud, &GracefulShutdown, &facts, Status::Warn, "2 entries replayed");
    }

    #[test]
    fn a_torn_hive_lets_nothing_pass_that_rests_on_it() {
        let mut facts = good_windows();
        let torn = Unread::new(r"\Windows\System32\config\SYSTEM", "no log holds the rest");
        windows_mut(&mut facts).hives[0].sync = Fact::Known(HiveSync::Torn(torn));
        expect(&GracefulShutdown, &facts, Status::Warn, "no log holds the rest");
        let rule = crate::rules::rule("win-rdp-enabled").unwrap();
        expect(rule, &facts, Status::Unverified, "no log holds the rest");
    }

    #[test]
    fn what_cannot_be_read_is_unverified() {
        let mut facts = good_windows();
        windows_mut(&mut facts).hibernated = Fact::unknown(r"\hiberfil.sys", "torn file");
        expect(&GracefulShutdown, &facts, Status::Unverified, "torn file");
        let mut facts = good_windows();
        windows_mut(&mut facts).hives[2].sync = Fact::unknown("SAM", "torn hive");
        expect(&GracefulShutdown, &facts, Status::Unverified, "torn hive");
    }
}
