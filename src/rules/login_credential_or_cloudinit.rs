//! `login-credential-or-cloudinit`

use super::account_open::closed;
use super::cloud_init_ready::{Readiness, readiness};
use super::scope::{Decision, linux_only, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::{Evidence, Fact, Unread};
use crate::guest::facts::{Account, Facts, PasswordState};
use crate::text;

/// There is some way in.
pub(super) struct LoginCredentialOrCloudinit;

static DOC: Doc = Doc {
    title: Fixed::new(
        "A password or key is in the image, or cloud-init is installed and configured",
        "镜像中包含登录密码或证书，或已安装并配置Cloud-init",
    ),
    why: Fixed::new(
        "Without one of these nobody can ever log in to a server made from the image.",
        "两者都没有时，使用该镜像创建的云服务器将无法登录。",
    ),
    decided: Fixed::new(
        "root or an account that may become root has a login shell, has not expired, and has a password hash or an authorized_keys file with a key; or cloud-init is installed, started at boot, not disabled, and its datasource_list is not set or names OpenStack.",
        "root或可提权的账户具有可登录的shell、未过期，且设置了密码或authorized_keys中有密钥；或cloud-init已安装、开机启动、未被禁用，且datasource_list未设置或包含OpenStack。",
    ),
    remedy: Fixed::new(
        "passwd root, or install and configure cloud-init: yum install cloud-init (apt install cloud-init), then systemctl enable cloud-init-local cloud-init cloud-config cloud-final and datasource_list: [ OpenStack ] in /etc/cloud/cloud.cfg",
        "执行passwd root；或安装并配置cloud-init：yum install cloud-init（apt install cloud-init），然后执行systemctl enable cloud-init-local cloud-init cloud-config cloud-final，并在/etc/cloud/cloud.cfg中设置datasource_list: [ OpenStack ]",
    ),
    source: "制作镜像 (ims_03_0603), Linux list item 4",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for LoginCredentialOrCloudinit {
    fn id(&self) -> &'static str {
        "login-credential-or-cloudinit"
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
    let (mut ways, mut tried, mut unknown) = (Vec::new(), Vec::new(), None);
    match linux.accounts.as_result() {
        Ok(accounts) => {
            for account in &accounts.accounts {
                match &accounts.nologin {
                    Fact::Known(Some(seen)) if account.uid != 0 => {
                        let what = format!("{}: {}", account.name, seen.detail);
                        tried.push(Evidence::new(seen.location.clone(), what));
                        continue;
                    }
                    Fact::Unknown(unread) if account.uid != 0 => {
                        unknown.get_or_insert_with(|| unread.clone());
                        continue;
                    }
                    Fact::Known(_) | Fact::Unknown(_) => {}
                }
                way_in(account, context, &mut ways, &mut tried, &mut unknown);
            }
            unknown = unknown.or_else(|| accounts.unread.first().cloned());
        }
        Err(unread) => unknown = Some(unread.clone()),
    }
    if let Some(first) = ways.first() {
        let (place, what) = (first.location.clone(), first.detail.clone());
        let (place_zh, what_zh) = first.in_chinese();
        return Ok(Outcome::holds(
            text!(
                "There is a way to log in: {place}: {what}.",
                "可以登录：{place_zh}：{what_zh}。"
            ),
            ways,
        ));
    }
    match readiness(&linux.cloud_init) {
        Readiness::Ready(evidence) => {
            return Ok(Outcome::holds(
                text!(
                    "No account can log in yet, but cloud-init is in order and sets up the first login.",
                    "当前没有可登录的账户，但cloud-init可用，会在首次启动时设置登录方式。"
                ),
                evidence,
            ));
        }
        Readiness::Undecided(unread) => unknown = unknown.or(Some(unread)),
        Readiness::NotReady(obstacle) => tried.push(obstacle),
    }
    if let Some(unread) = unknown {
        return Err(Box::new(undecided(&unread)));
    }
    Ok(Outcome::broken(
        text!(
            "No account has a usable password or key, and cloud-init is not in order: nobody can log in.",
            "没有可用的账户密码或密钥，且cloud-init不可用：无法登录。"
        ),
        tried,
    ))
}

/// What lets someone in by this account, what does not, and what is not known.
fn way_in(
    account: &Account,
    context: &Context,
    ways: &mut Vec<Evidence>,
    tried: &mut Vec<Evidence>,
    unknown: &mut Option<Unread>,
) {
    let name = &account.name;
    if let Some(seen) = closed(account, context.today) {
        tried.push(Evidence::new(seen.location, format!("{name}: {}", seen.detail)));
        return;
    }
    match account.shell_usable.as_result() {
        Ok(true) => {}
        Ok(false) => {
            let what = format!("{name}: shell {}", account.shell);
            tried.push(Evidence::new(account.location.clone(), what));
            return;
        }
        Err(unread) => {
            unknown.get_or_insert_with(|| unread.clone());
            return;
        }
    }
    let place = account.password_location.as_ref().unwrap_or(&account.location);
    match account.password.as_result() {
        Ok(PasswordState::Set(scheme)) => {
            ways.push(Evidence::new(place.clone(), format!("{name}: password set ({scheme})")));
        }
        Ok(state) => {
            let what = match state {
                PasswordState::Empty => "empty",
                PasswordState::Locked => "locked",
                PasswordState::Absent => "not set",
                PasswordState::Set(_) | PasswordState::Invalid => "no valid hash",
            };
            tried.push(Evidence::new(place.clone(), format!("{name}: password {what}")));
        }
        Err(unread) => {
            unknown.get_or_insert_with(|| unread.clone());
        }
    }
    match account.authorized_keys.as_result() {
        Ok(keys) => ways.extend(keys.iter().cloned()),
        Err(unread) => {
            unknown.get_or_insert_with(|| unread.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn closed_machine() -> Facts {
        let mut facts = good_linux();
        root_mut(&mut facts).password = Fact::Known(PasswordState::Locked);
        linux_mut(&mut facts).cloud_init.installed = Fact::Known(None);
        facts
    }

    #[test]
    fn a_password_a_key_or_cloud_init_is_enough() {
        expect(&LoginCredentialOrCloudinit, &good_linux(), Status::Pass, "/etc/shadow:1");
        let mut facts = closed_machine();
        let keys = vec![Evidence::new("/root/.ssh/authorized_keys", "1 key")];
        root_mut(&mut facts).authorized_keys = Fact::Known(keys);
        expect(&LoginCredentialOrCloudinit, &facts, Status::Pass, "authorized_keys");
        let mut facts = good_linux();
        root_mut(&mut facts).password = Fact::Known(PasswordState::Locked);
        expect(&LoginCredentialOrCloudinit, &facts, Status::Pass, "/usr/bin/cloud-init");
    }

    #[test]
    fn without_any_way_in_it_fails_and_names_what_was_tried() {
        let finding =
            expect(&LoginCredentialOrCloudinit, &closed_machine(), Status::Fail, "password locked");
        assert!(finding.evidence.iter().any(|seen| seen.detail == "not installed"));
    }

    #[test]
    fn an_expired_account_or_a_closed_shell_is_no_way_in() {
        let mut facts = closed_machine();
        let root = root_mut(&mut facts);
        root.password = Fact::Known(PasswordState::Set("yescrypt".to_owned()));
        root.expires = Some(TODAY - 1);
        expect(&LoginCredentialOrCloudinit, &facts, Status::Fail, "root: expired");
        let root = root_mut(&mut facts);
        root.expires = None;
        root.shell_usable = Fact::Known(false);
        expect(&LoginCredentialOrCloudinit, &facts, Status::Fail, "root: shell");
    }

    #[test]
    fn nologin_closes_the_way_of_all_but_root() {
        let mut facts = closed_machine();
        let mut user = root_mut(&mut facts).clone();
        (user.uid, user.name) = (1000, "alice".to_owned());
        user.password = Fact::Known(PasswordState::Set("yescrypt".to_owned()));
        let Fact::Known(accounts) = &mut linux_mut(&mut facts).accounts else { panic!() };
        accounts.accounts.push(user);
        expect(&LoginCredentialOrCloudinit, &facts, Status::Pass, "alice: password set");
        let Fact::Known(accounts) = &mut linux_mut(&mut facts).accounts else { panic!() };
        accounts.nologin = Fact::Known(Some(Evidence::new("/etc/nologin", "there")));
        expect(&LoginCredentialOrCloudinit, &facts, Status::Fail, "/etc/nologin");
        let Fact::Known(accounts) = &mut linux_mut(&mut facts).accounts else { panic!() };
        accounts.nologin = Fact::unknown("/etc/nologin", "torn");
        expect(&LoginCredentialOrCloudinit, &facts, Status::Unverified, "torn");
    }

    #[test]
    fn an_unreadable_shadow_file_is_unverified_unless_another_way_is_proven() {
        let mut facts = closed_machine();
        root_mut(&mut facts).password = Fact::unknown("/etc/shadow", "torn");
        expect(&LoginCredentialOrCloudinit, &facts, Status::Unverified, "/etc/shadow");
        let mut facts = good_linux();
        linux_mut(&mut facts).accounts = Fact::unknown("/etc/shadow", "torn");
        expect(&LoginCredentialOrCloudinit, &facts, Status::Pass, "/usr/bin/cloud-init");
        assert_eq!(status(&LoginCredentialOrCloudinit, &windows()), Status::NotApplicable);
    }
}
