//! `password-complexity`

use super::scope::{Decision, guest, settle, without_guest};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{Account, Facts, Guest, PasswordState};
use crate::text;

/// The initial password is a strong one.
pub(super) struct PasswordComplexity;

static DOC: Doc = Doc {
    title: Fixed::new(
        "The initial password has all four kinds of characters",
        "初始密码包含4种字符",
    ),
    why: Fixed::new(
        "A server with a weak password on the Internet is broken into within hours.",
        "公网上使用弱密码的云服务器很快就会被攻破。",
    ),
    decided: Fixed::new(
        "A hash does not tell which characters the password has: a checklist line. An empty password fails; a hash of an obsolete scheme (DES, MD5) warns.",
        "密码哈希无法反映字符种类，因此列为人工确认项。空密码判为失败；过时的哈希算法（DES、MD5）告警。",
    ),
    remedy: Fixed::new(
        "passwd root, with a password that has upper-case and lower-case letters, digits and special characters (!@$%^-_=+[{}]:,./?)",
        "执行passwd root，设置包含大写字母、小写字母、数字和特殊字符（!@$%^-_=+[{}]:,./?）的密码",
    ),
    source: "制作镜像 (ims_03_0603), Windows list item 10, Linux list item 7",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for PasswordComplexity {
    fn id(&self) -> &'static str {
        "password-complexity"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Required)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

fn decide(facts: &Facts) -> Decision {
    let manual = Outcome::manual(text!(
        "Make sure that the initial password has upper-case and lower-case letters, digits and special characters; the image does not tell.",
        "请确认初始密码包含大写字母、小写字母、数字和特殊字符；无法从镜像内容判断。"
    ));
    let linux = match guest(facts) {
        Ok(Guest::Linux(linux)) => linux,
        Ok(Guest::Absent(_)) => return Err(Box::new(without_guest())),
        Ok(_) | Err(_) => return Ok(manual),
    };
    let Fact::Known(accounts) = &linux.accounts else { return Ok(manual) };
    let open = |account: &&Account| account.shell_usable != Fact::Known(false);
    let at = |account: &Account, what: &str| {
        let place = account.password_location.as_ref().unwrap_or(&account.location);
        Evidence::new(place.clone(), format!("{}: {what}", account.name))
    };
    let (mut empty, mut weak, mut set) = (Vec::new(), Vec::new(), Vec::new());
    for account in accounts.accounts.iter().filter(open) {
        match account.password.known() {
            Some(PasswordState::Empty) => empty.push(at(account, "empty password")),
            Some(PasswordState::Set(scheme)) if is_obsolete(scheme) => {
                weak.push(at(account, scheme))
            }
            Some(PasswordState::Set(scheme)) => set.push(at(account, scheme)),
            _ => {}
        }
    }
    if let Some(first) = empty.first() {
        let place = first.location.clone();
        return Ok(Outcome::broken(
            text!("An account has an empty password ({place}).", "存在空密码账户（{place}）。"),
            empty,
        ));
    }
    if let Some(first) = weak.first() {
        let (place, what) = (first.location.clone(), first.detail.clone());
        return Ok(Outcome::doubtful(
            text!(
                "A password is hashed by an obsolete scheme ({place}: {what}); whether it has all four kinds of characters the image does not tell.",
                "存在使用过时算法的密码哈希（{place}：{what}）；无法判断密码是否包含4种字符。"
            ),
            weak,
        ));
    }
    Ok(Outcome { evidence: set, ..manual })
}

/// Schemes that a stolen hash does not withstand (crypt(5): `descrypt`, `md5crypt` and older).
fn is_obsolete(scheme: &str) -> bool {
    let scheme = scheme.to_ascii_lowercase();
    ["des", "md5", "bsdi", "bigcrypt", "nthash"].iter().any(|old| scheme.starts_with(old))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn with(password: PasswordState) -> Facts {
        let mut facts = good_linux();
        root_mut(&mut facts).password = Fact::Known(password);
        facts
    }

    #[test]
    fn a_set_password_is_left_to_a_person() {
        expect(&PasswordComplexity, &good_linux(), Status::Manual, "/etc/shadow:1");
        assert_eq!(status(&PasswordComplexity, &windows()), Status::Manual);
    }

    #[test]
    fn an_empty_password_fails() {
        expect(&PasswordComplexity, &with(PasswordState::Empty), Status::Fail, "/etc/shadow:1");
    }

    #[test]
    fn an_obsolete_hash_warns() {
        let facts = with(PasswordState::Set("md5-crypt".to_owned()));
        expect(&PasswordComplexity, &facts, Status::Warn, "md5-crypt");
    }

    #[test]
    fn unread_accounts_are_never_a_pass() {
        assert_eq!(status(&PasswordComplexity, &unread()), Status::Manual);
        assert_eq!(status(&PasswordComplexity, &unread_inside()), Status::Manual);
        assert_eq!(status(&PasswordComplexity, &no_guest()), Status::NotApplicable);
    }
}
