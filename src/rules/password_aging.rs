//! `password-aging`

use super::day::date;
use super::scope::{Decision, known, linux_only, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, shell};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{Facts, PasswordState};
use crate::text;

/// Passwords do not run out while the image waits to be used.
pub(super) struct PasswordAging;

static DOC: Doc = Doc {
    title: Fixed::new("Passwords do not run out", "密码不会过期"),
    why: Fixed::new(
        "An image is used long after it was made. A password that ran out meanwhile must be changed at the first login, where a script or a key login stops, and the account may be closed altogether.",
        "镜像往往在制作很久之后才被使用。期间过期的密码会在首次登录时要求修改，导致脚本或密钥登录中断，账户甚至可能被停用。",
    ),
    decided: Fixed::new(
        "Fields 3 and 5 of /etc/shadow for root and the accounts that may become root, where a password is set: valid for 9,999 days or more, and no change forced at the next login.",
        "检查/etc/shadow中root及可提权账户（已设置密码）的第3、5个字段：有效期不少于9999天，且未强制下次登录时修改密码。",
    ),
    remedy: Fixed::new(
        "chage -M 99999 root (and each account that is named); for a change that is forced: chage -d $(date +%F) root",
        "chage -M 99999 root（及所列出的其他账户）；取消强制修改：chage -d $(date +%F) root",
    ),
    source: "配置Cloud-Init工具 (OTC 0122876047)",
    predicts: &[],
    repaired_by_platform: false,
};

/// Days after which a password counts as one that never runs out: 27 years. useradd's own default is
/// 99999.
const NEVER: i64 = 9_999;

impl Rule for PasswordAging {
    fn id(&self) -> &'static str {
        "password-aging"
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
    let linux = linux_only(facts)?;
    let accounts = known(&linux.accounts)?;
    let (mut lasting, mut ending, mut repairs) = (Vec::new(), Vec::new(), Vec::new());
    let mut unread = None;
    for account in &accounts.accounts {
        match &account.password {
            Fact::Known(PasswordState::Set(_)) => {}
            Fact::Known(_) => continue,
            Fact::Unknown(reason) => {
                unread.get_or_insert(reason);
                continue;
            }
        }
        if account.shell_usable == Fact::Known(false) {
            continue;
        }
        let (name, quoted) = (&account.name, shell::quote(&account.name));
        let place = account.password_location.as_ref().unwrap_or(&account.location);
        let days = account.max_days.filter(|days| *days < NEVER);
        if account.changed == Some(0) {
            let what =
                format!("{name}: the password must be changed at the next login (field 3 is 0)");
            ending.push(Evidence::new(place.clone(), what));
            repairs.push(format!("chage -d $(date +%F) {quoted}"));
        }
        match days {
            Some(days) => {
                let end = account.changed.filter(|changed| *changed > 0);
                let end = end.map(|changed| date(changed.saturating_add(days)));
                let end = end.map(|date| format!(", until {date}")).unwrap_or_default();
                let what = format!("{name}: valid for {days} days (field 5){end}");
                ending.push(Evidence::new(place.clone(), what));
                repairs.push(format!("chage -M 99999 {quoted}"));
            }
            None => {
                let days = account.max_days.map_or("without limit".to_owned(), |d| d.to_string());
                lasting
                    .push(Evidence::new(place.clone(), format!("{name}: valid for days: {days}")));
            }
        }
    }
    if let Some(first) = ending.first() {
        let (place, what) = (first.location.clone(), first.detail.clone());
        let (place_zh, what_zh) = first.in_chinese();
        let repairs = repairs.join("\n");
        return Ok(Outcome::broken(
            text!(
                "A password runs out ({place}: {what}).",
                "密码会过期（{place_zh}：{what_zh}）。"
            ),
            ending,
        )
        .remedy(text!("{repairs}", "{repairs}")));
    }
    if let Some(unread) = unread.or(accounts.unread.first()) {
        return Err(Box::new(undecided(unread)));
    }
    if lasting.is_empty() {
        return Ok(Outcome::not_applicable(text!(
            "No account that may log in has a password.",
            "没有可登录的账户设置了密码。"
        )));
    }
    Ok(Outcome::holds(text!("No password runs out.", "密码均不会过期。"), lasting))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn a_password_without_end_passes() {
        expect(&PasswordAging, &good_linux(), Status::Pass, "/etc/shadow:1");
        let mut facts = good_linux();
        root_mut(&mut facts).max_days = None;
        assert_eq!(status(&PasswordAging, &facts), Status::Pass);
    }

    #[test]
    fn ninety_days_or_a_forced_change_warn() {
        let mut facts = good_linux();
        root_mut(&mut facts).max_days = Some(90);
        // 19000 + 90 days: 2022-04-08.
        let finding = expect(&PasswordAging, &facts, Status::Warn, "until 2022-04-08");
        assert_eq!(remedy(&finding), "chage -M 99999 root");
        let mut facts = good_linux();
        root_mut(&mut facts).changed = Some(0);
        expect(&PasswordAging, &facts, Status::Warn, "field 3 is 0");
    }

    #[test]
    fn a_locked_account_has_no_password_to_run_out() {
        let mut facts = good_linux();
        let root = root_mut(&mut facts);
        (root.password, root.max_days) = (Fact::Known(PasswordState::Locked), Some(90));
        assert_eq!(status(&PasswordAging, &facts), Status::NotApplicable);
    }

    #[test]
    fn what_could_not_be_read_is_unverified() {
        expect(&PasswordAging, &unread_inside(), Status::Unverified, "it was torn");
        let mut facts = good_linux();
        root_mut(&mut facts).password = Fact::unknown("/etc/shadow", "torn");
        expect(&PasswordAging, &facts, Status::Unverified, "/etc/shadow");
        assert_eq!(status(&PasswordAging, &windows()), Status::NotApplicable);
    }
}
