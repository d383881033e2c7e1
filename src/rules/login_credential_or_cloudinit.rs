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
        "root or an account that may become root has a login shell, has not expired, and has a password hash or an authorized_keys file with a key that the SSH server accepts (it is started at boot; PubkeyAuthentication, AuthenticationMethods, PermitRootLogin, AllowUsers and the like, UsePAM with a locked password, StrictModes with owner and mode of the files); an account that becomes root by sudo can do so with what it has. Or cloud-init is installed, started at boot, not disabled, its datasource_list is not set or names OpenStack, and nothing binds it to another data source.",
        "root或可提权的账户具有可登录的shell、未过期，且设置了密码，或authorized_keys中有SSH服务接受的密钥（SSH服务开机启动；PubkeyAuthentication、AuthenticationMethods、PermitRootLogin、AllowUsers等设置，UsePAM与密码锁定，StrictModes与文件的属主和权限）；通过sudo提权的账户能够满足sudo的要求。或cloud-init已安装、开机启动、未被禁用，datasource_list未设置或包含OpenStack，且未绑定到其他数据源。",
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
            tried.extend(accounts.refused_sudoers.iter().cloned());
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
            "No account that is root or may become root has a usable password or key, and cloud-init is not in order: nobody can log in as root or become root.",
            "root或可提权的账户均没有可用的密码或密钥，且cloud-init不可用：无法以root登录或提权。"
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
    let keys = match account.accepted_keys.as_result() {
        Ok(keys) => keys.as_slice(),
        Err(unread) => {
            unknown.get_or_insert_with(|| unread.clone());
            &[]
        }
    };
    tried.extend(account.refused_keys.iter().cloned());
    if keys.is_empty() {
        return;
    }
    match becomes_root(account) {
        Ok(None) => ways.extend(keys.iter().cloned()),
        Ok(Some(obstacle)) => tried.push(obstacle),
        Err(unread) => {
            unknown.get_or_insert(unread);
        }
    }
}

/// What keeps an account that is logged in by key from becoming root: sudo asks for a password that
/// it does not have.
fn becomes_root(account: &Account) -> Result<Option<Evidence>, Unread> {
    let name = &account.name;
    let Some(by) = account.admin_by.as_ref() else { return Ok(None) };
    let password = account.password.as_result();
    match (account.sudo_asks.as_result(), password) {
        (Ok(false), _) | (_, Ok(PasswordState::Set(_))) => Ok(None),
        (Ok(true), Ok(PasswordState::Empty)) => Err(Unread::new(
            by.location.clone(),
            format!(
                "sudo asks {name} for a password, and whether it takes the empty one is not known"
            ),
        )),
        (Ok(true), Ok(_)) => {
            let what = format!("{name}: sudo asks for a password, and it has none ({})", by.detail);
            Ok(Some(Evidence::new(by.location.clone(), what)))
        }
        (Ok(true), Err(unread)) | (Err(unread), _) => Err(unread.clone()),
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
        root_mut(&mut facts).accepted_keys = Fact::Known(keys);
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
    fn keys_that_the_server_refuses_are_no_way_in() {
        let mut facts = closed_machine();
        let root = root_mut(&mut facts);
        let keys = vec![Evidence::new("/root/.ssh/authorized_keys", "1 key")];
        root.authorized_keys = Fact::Known(keys);
        root.refused_keys = vec![Evidence::new("/etc/ssh/sshd_config:3", "PermitRootLogin no")];
        let rule = &LoginCredentialOrCloudinit;
        expect(rule, &facts, Status::Fail, "PermitRootLogin no");
        root_mut(&mut facts).accepted_keys = Fact::unknown("/etc/ssh/sshd_config", "torn");
        expect(rule, &facts, Status::Unverified, "torn");
    }

    #[test]
    fn a_key_of_a_sudoer_counts_where_sudo_lets_it_become_root() {
        let rule = &LoginCredentialOrCloudinit;
        let mut facts = closed_machine();
        let root = root_mut(&mut facts);
        (root.uid, root.name) = (1000, "alice".to_owned());
        root.admin_by = Some(Evidence::new("/etc/sudoers:5", "alice ALL=(ALL) ALL"));
        root.accepted_keys =
            Fact::Known(vec![Evidence::new("/home/alice/.ssh/authorized_keys", "")]);
        expect(rule, &facts, Status::Pass, "/home/alice");
        root_mut(&mut facts).sudo_asks = Fact::Known(true);
        expect(rule, &facts, Status::Fail, "/etc/sudoers:5");
        root_mut(&mut facts).password = Fact::Known(PasswordState::Empty);
        expect(rule, &facts, Status::Unverified, "the empty one");
        root_mut(&mut facts).sudo_asks = Fact::unknown("/etc/pam.d/sudo:2", "agent");
        expect(rule, &facts, Status::Unverified, "agent");
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
