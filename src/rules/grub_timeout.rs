//! `grub-timeout`

use super::scope::{Decision, known, linux_only, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Unread;
use crate::guest::facts::Facts;
use crate::text;

/// The boot menu does not hold up the start.
pub(super) struct GrubTimeout;

static DOC: Doc = Doc {
    title: Fixed::new("The boot menu waits at most 10 seconds", "引导菜单等待时间不超过10秒"),
    why: Fixed::new(
        "The menu's timeout is added to each start of each server; nobody sits at its console.",
        "引导菜单的等待时间会延长每台云服务器的每次启动，而通常无人在控制台操作。",
    ),
    decided: Fixed::new(
        "The timeout in the boot loader's configuration; more than 10 seconds, or waiting for ever, is reported.",
        "读取引导配置中的超时时间；超过10秒或无限等待时给出提示。",
    ),
    remedy: Fixed::new(
        "Set GRUB_TIMEOUT=0 in /etc/default/grub, then update-grub or grub2-mkconfig -o /boot/grub2/grub.cfg",
        "在/etc/default/grub中设置GRUB_TIMEOUT=0，然后执行update-grub或grub2-mkconfig -o /boot/grub2/grub.cfg",
    ),
    source: "OTC 0117142739",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for GrubTimeout {
    fn id(&self) -> &'static str {
        "grub-timeout"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Informational)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

/// Longest wait in seconds that is not worth a word.
const LONGEST: i64 = 10;

fn decide(facts: &Facts) -> Decision {
    let linux = linux_only(facts)?;
    let Some((seconds, evidence)) = &linux.boot.timeout else {
        known(&linux.boot.default_entry)?;
        let Some((_, evidence)) = known(&linux.boot.loader)? else {
            return Err(Box::new(Outcome::not_applicable(text!(
                "There is no boot loader configuration.",
                "没有引导配置。"
            ))));
        };
        let place = evidence.location.clone();
        return Err(Box::new(undecided(&Unread::new(place, "its timeout is not decided"))));
    };
    let evidence = vec![evidence.clone()];
    let message = if *seconds < 0 {
        text!("The boot menu waits for a key for ever.", "引导菜单会一直等待按键。")
    } else {
        text!("The boot menu waits {seconds} seconds.", "引导菜单等待{seconds}秒。")
    };
    Ok(if (0..=LONGEST).contains(seconds) {
        Outcome::holds(message, evidence)
    } else {
        Outcome::broken(message, evidence)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Evidence;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn of(seconds: i64) -> Facts {
        let mut facts = good_linux();
        linux_mut(&mut facts).boot.timeout =
            Some((seconds, Evidence::new("/boot/grub2/grub.cfg:60", format!("timeout={seconds}"))));
        facts
    }

    #[test]
    fn a_short_wait_passes() {
        expect(&GrubTimeout, &of(10), Status::Pass, "grub.cfg:60");
    }

    #[test]
    fn a_long_wait_is_worth_knowing() {
        expect(&GrubTimeout, &of(30), Status::Info, "timeout=30");
        expect(&GrubTimeout, &of(-1), Status::Info, "for ever");
    }

    #[test]
    fn a_timeout_that_is_not_decided_is_unverified() {
        let mut facts = good_linux();
        linux_mut(&mut facts).boot.timeout = None;
        expect(&GrubTimeout, &facts, Status::Unverified, "/boot/grub2/grub.cfg");
    }

    #[test]
    fn an_unreadable_configuration_is_unverified() {
        expect(&GrubTimeout, &unread_inside(), Status::Unverified, "it was torn");
        assert_eq!(status(&GrubTimeout, &windows()), Status::NotApplicable);
    }
}
