//! `root-account-usable`

use super::account_open::closed;
use super::cloud_init_ready::{Readiness, readiness};
use super::scope::{Decision, known, linux_only, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, shell};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{Facts, LinuxFacts, PasswordState};
use crate::text;

/// Root can log in.
pub(super) struct RootAccountUsable;

static DOC: Doc = Doc {
    title: Fixed::new("root has a password and can log in", "镜像包含可正常登录的root用户和密码"),
    why: Fixed::new(
        "The platform, and you on the console, may have to log in as root while the image is set up. A locked root is normal for cloud images; then cloud-init must be in order, so that a password can be set at the first start.",
        "在创建镜像过程中，平台或您可能需要以root登录进行配置。云镜像中root被锁定属于正常情况，但此时cloud-init必须可用，以便首次启动时设置密码。",
    ),
    decided: Fixed::new(
        "/etc/passwd and /etc/shadow: the first account with uid 0 has a login shell, a password hash (never shown) and has not expired. A locked root warns when cloud-init is in order and fails otherwise.",
        "检查/etc/passwd和/etc/shadow：第一个uid为0的账户具有可登录的shell、密码哈希（不会显示）且未过期。root被锁定时，若cloud-init可用则告警，否则判为失败。",
    ),
    remedy: Fixed::new(
        "passwd root; for an expired account: chage -E -1 root; for a shell that lets nobody in: usermod -s /bin/bash root",
        "passwd root；账户过期时：chage -E -1 root；shell无法登录时：usermod -s /bin/bash root",
    ),
    source: "制作镜像 (ims_03_0603), Linux list item 6",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for RootAccountUsable {
    fn id(&self) -> &'static str {
        "root-account-usable"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Required)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, context: &Context) -> Outcome {
        settle(decide(facts, context))
    }
}

fn decide(facts: &Facts, context: &Context) -> Decision {
    let linux = linux_only(facts)?;
    let accounts = known(&linux.accounts)?;
    let Some(root) = accounts.accounts.iter().find(|account| account.uid == 0) else {
        if let Some(unread) = accounts.unread.first() {
            return Err(Box::new(undecided(unread)));
        }
        return Ok(Outcome::broken(
            text!("There is no account with uid 0.", "没有uid为0的账户。"),
            vec![Evidence::new("/etc/passwd", "no account with uid 0")],
        ));
    };
    let name = &root.name;
    let quoted = shell::quote(name);
    let place = root.password_location.clone().unwrap_or_else(|| "/etc/shadow".to_owned());
    if let Some(seen) = closed(root, context.today) {
        let what = seen.detail.clone();
        return Ok(Outcome::broken(
            text!("The account {name} is closed: {what}.", "账户{name}已失效：{what}。"),
            vec![seen],
        )
        .remedy(text!(
            "chage -E -1 -I -1 -M 99999 {quoted}",
            "chage -E -1 -I -1 -M 99999 {quoted}"
        )));
    }
    if root.shell_usable == Fact::Known(false) {
        let shell = &root.shell;
        return Ok(Outcome::broken(
            text!(
                "The shell of {name}, {shell}, lets nobody log in.",
                "{name}的shell（{shell}）无法登录。"
            ),
            vec![Evidence::new(root.location.clone(), shell.clone())],
        )
        .remedy(text!("usermod -s /bin/bash {quoted}", "usermod -s /bin/bash {quoted}")));
    }
    let state = match known(&root.password)? {
        PasswordState::Set(scheme) => {
            known(&root.shell_usable)?;
            let mut evidence = vec![
                Evidence::new(place, format!("password set ({scheme})")),
                Evidence::new(root.location.clone(), root.shell.clone()),
            ];
            // The console lets it in all the same.
            evidence.extend(linux.sshd.refuses_root_password().map(|mut refusal| {
                refusal.detail = format!("{} (not over SSH)", refusal.detail);
                refusal
            }));
            return Ok(Outcome::holds(
                text!(
                    "{name} has a password ({scheme}) and a login shell.",
                    "{name}已设置密码（{scheme}）且shell可登录。"
                ),
                evidence,
            ));
        }
        PasswordState::Empty => Fixed::new("empty", "为空"),
        PasswordState::Locked => return locked(linux, name, place),
        PasswordState::Absent => Fixed::new("not set anywhere", "未设置"),
        PasswordState::Invalid => Fixed::new("no valid hash", "不是有效的哈希"),
    };
    let Fixed { en, zh } = state;
    Ok(Outcome::broken(
        text!("The password of {name} is {en}.", "{name}的密码{zh}。"),
        vec![Evidence::new(place, format!("password {en}"))],
    )
    .remedy(text!("passwd {quoted}", "passwd {quoted}")))
}

/// A locked root is in order where cloud-init sets up the first login.
fn locked(linux: &LinuxFacts, name: &str, place: String) -> Decision {
    let mut evidence = vec![Evidence::new(place, "password locked")];
    match readiness(&linux.cloud_init) {
        Readiness::Ready(seen) => {
            evidence.extend(seen);
            Ok(Outcome::doubtful(
                text!(
                    "{name} is locked; cloud-init is in order and can set a password at the first start.",
                    "{name}已锁定；cloud-init可用，可在首次启动时设置密码。"
                ),
                evidence,
            ))
        }
        Readiness::NotReady(obstacle) => {
            let (place, what) = (obstacle.location.clone(), obstacle.detail.clone());
            let (place_zh, what_zh) = obstacle.in_chinese();
            evidence.push(obstacle);
            Ok(Outcome::broken(
                text!(
                    "{name} is locked, and cloud-init is not in order either ({place}: {what}).",
                    "{name}已锁定，且cloud-init不可用（{place_zh}：{what_zh}）。"
                ),
                evidence,
            ))
        }
        Readiness::Undecided(unread) => Err(Box::new(undecided(&unread))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::facts::Accounts;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn with(password: PasswordState) -> Facts {
        let mut facts = good_linux();
        root_mut(&mut facts).password = Fact::Known(password);
        facts
    }

    #[test]
    fn a_root_with_a_password_passes() {
        expect(&RootAccountUsable, &good_linux(), Status::Pass, "/etc/shadow:1");
    }

    #[test]
    fn it_is_told_when_the_ssh_server_refuses_the_password() {
        let mut facts = good_linux();
        linux_mut(&mut facts).sshd.permit_root_login =
            Fact::Known(sshd::option(33, "PermitRootLogin", "prohibit-password"));
        expect(&RootAccountUsable, &facts, Status::Pass, "prohibit-password (not over SSH)");
    }

    #[test]
    fn a_locked_root_warns_with_cloud_init_and_fails_without() {
        let mut facts = with(PasswordState::Locked);
        expect(&RootAccountUsable, &facts, Status::Warn, "/usr/bin/cloud-init");
        linux_mut(&mut facts).cloud_init.installed = Fact::Known(None);
        expect(&RootAccountUsable, &facts, Status::Fail, "not installed");
        linux_mut(&mut facts).cloud_init.installed = Fact::unknown("/usr/bin", "torn");
        expect(&RootAccountUsable, &facts, Status::Unverified, "torn");
    }

    #[test]
    fn an_empty_password_an_expired_account_and_a_closed_shell_fail() {
        expect(&RootAccountUsable, &with(PasswordState::Empty), Status::Fail, "password empty");
        expect(&RootAccountUsable, &with(PasswordState::Invalid), Status::Fail, "no valid hash");
        let mut facts = good_linux();
        root_mut(&mut facts).expires = Some(TODAY);
        let finding = expect(&RootAccountUsable, &facts, Status::Fail, "expired on 2026-01-01");
        assert_eq!(remedy(&finding), "chage -E -1 -I -1 -M 99999 root");
        root_mut(&mut facts).expires = Some(TODAY + 1);
        assert_eq!(status(&RootAccountUsable, &facts), Status::Pass);
        let root = root_mut(&mut facts);
        root.shell = "/sbin/nologin".to_owned();
        root.shell_usable = Fact::Known(false);
        expect(&RootAccountUsable, &facts, Status::Fail, "/sbin/nologin");
    }

    #[test]
    fn a_password_that_was_not_changed_in_time_closes_the_account() {
        let mut facts = good_linux();
        let root = root_mut(&mut facts);
        (root.changed, root.max_days, root.inactive_days) = (Some(TODAY - 100), Some(90), Some(9));
        let seen = "closed on 2025-12-31";
        expect(&RootAccountUsable, &facts, Status::Fail, seen);
        root_mut(&mut facts).inactive_days = None;
        assert_eq!(status(&RootAccountUsable, &facts), Status::Pass);
        let root = root_mut(&mut facts);
        (root.changed, root.inactive_days) = (Some(0), Some(0));
        assert_eq!(status(&RootAccountUsable, &facts), Status::Pass);
    }

    #[test]
    fn an_unreadable_shadow_file_is_unverified_and_no_root_fails() {
        let mut facts = good_linux();
        root_mut(&mut facts).password = Fact::unknown("/etc/shadow", "torn");
        expect(&RootAccountUsable, &facts, Status::Unverified, "/etc/shadow");
        let empty = Accounts {
            accounts: Vec::new(),
            unread: Vec::new(),
            other_keys: Fact::Known(Vec::new()),
            nologin: Fact::Known(None),
            refused_sudoers: Vec::new(),
        };
        linux_mut(&mut facts).accounts = Fact::Known(empty);
        expect(&RootAccountUsable, &facts, Status::Fail, "no account with uid 0");
        assert_eq!(status(&RootAccountUsable, &windows()), Status::NotApplicable);
    }
}
