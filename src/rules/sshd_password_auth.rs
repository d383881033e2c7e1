//! `sshd-password-auth`

use super::cloud_init_settings::{configured, setting};
use super::scope::{Decision, known, linux_only, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, shell};
use crate::fact::Evidence;
use crate::guest::facts::Facts;
use crate::text;

/// The SSH server takes passwords, or does not, as the platform wants it.
pub(super) struct SshdPasswordAuth;

static DOC: Doc = Doc {
    title: Fixed::new(
        "The SSH server treats passwords as the platform expects",
        "SSH服务对密码登录的设置符合平台要求",
    ),
    why: Fixed::new(
        "Huawei Cloud's injected password is used over SSH, so the server must take passwords. Open Telekom Cloud asks for keys only.",
        "华为云注入的密码需通过SSH使用，因此SSH服务必须允许密码登录。Open Telekom Cloud要求仅使用密钥。",
    ),
    decided: Fixed::new(
        "sshd_config with its Includes, the first value wins: PasswordAuthentication, and keyboard-interactive with PAM, which asks for passwords, too. cloud-init's ssh_pwauth overrides it at the first start. Match blocks for some users are told and not judged.",
        "按首个值生效的规则解析sshd_config及其Include：PasswordAuthentication，以及同样会询问密码的PAM键盘交互认证。Cloud-init的ssh_pwauth会在首次启动时覆盖该设置。仅针对部分用户的Match块只列出，不作判断。",
    ),
    remedy: Fixed::new(
        "sed -i 's/^#\\?PasswordAuthentication.*/PasswordAuthentication yes/' /etc/ssh/sshd_config (Open Telekom Cloud: no)",
        "sed -i 's/^#\\?PasswordAuthentication.*/PasswordAuthentication yes/' /etc/ssh/sshd_config（Open Telekom Cloud：no）",
    ),
    source: "配置Cloud-Init工具 (OTC 0122876047)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for SshdPasswordAuth {
    fn id(&self) -> &'static str {
        "sshd-password-auth"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Recommended)
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
    let sshd = &linux.sshd;
    if known(&sshd.program)?.is_none() {
        return Ok(Outcome::not_applicable(text!(
            "There is no OpenSSH server (see sshd-enabled).",
            "没有OpenSSH服务（参见sshd-enabled）。"
        )));
    }
    if let Some(unread) = sshd.unread.first() {
        return Err(Box::new(undecided(unread)));
    }
    let wanted = context.profile != Profile::Otc;
    let value = if wanted { "yes" } else { "no" };
    let (password, at) = sshd.switch("passwordauthentication", true);
    let (interactive, interactive_at) = sshd.switch("kbdinteractiveauthentication", true);
    let (pam, _) = sshd.switch("usepam", false);
    let (place, detail) = (at.location.clone(), at.detail.clone());
    let (_, detail_zh) = at.in_chinese();
    let mut evidence = vec![at];
    evidence.extend(sshd.conditional.iter().cloned());
    if let Some(evidence_of_cloud_init) = set_at_start(facts, wanted) {
        evidence.push(evidence_of_cloud_init.clone());
        if password != wanted {
            let cloud_init = &evidence_of_cloud_init.location;
            return Ok(Outcome::holds(
                text!(
                    "{place}: {detail}; cloud-init sets it to {value} at the first start ({cloud_init}).",
                    "{place}：{detail_zh}；cloud-init会在首次启动时将其设为{value}（{cloud_init}）。"
                ),
                evidence,
            ));
        }
    }
    if password != wanted {
        let file = shell::file_and_line(&place);
        let outcome = Outcome::broken(
            text!(
                "{place}: {detail}; the platform asks for PasswordAuthentication {value}.",
                "{place}：{detail_zh}；平台要求PasswordAuthentication为{value}。"
            ),
            evidence,
        );
        let Some((file, line)) = file else { return Ok(outcome) };
        let file = shell::quote_path(file);
        return Ok(outcome.remedy(text!(
            "sed -i '{line}s/.*/PasswordAuthentication {value}/' {file}",
            "sed -i '{line}s/.*/PasswordAuthentication {value}/' {file}"
        )));
    }
    if !wanted && interactive && pam {
        let place = interactive_at.location.clone();
        evidence.push(interactive_at);
        return Ok(Outcome::doubtful(
            text!(
                "PasswordAuthentication is no, but keyboard-interactive authentication with PAM still asks for passwords ({place}).",
                "PasswordAuthentication为no，但PAM键盘交互认证仍会询问密码（{place}）。"
            ),
            evidence,
        )
        .remedy(text!(
            "Set ChallengeResponseAuthentication no (since OpenSSH 8.7 KbdInteractiveAuthentication no) in /etc/ssh/sshd_config",
            "在/etc/ssh/sshd_config中设置ChallengeResponseAuthentication no（OpenSSH 8.7及以上为KbdInteractiveAuthentication no）"
        )));
    }
    Ok(Outcome::holds(text!("{place}: {detail}.", "{place}：{detail_zh}。"), evidence))
}

/// What in cloud-init's configuration sets it so at the first start (`cc_set_passwords.py`).
fn set_at_start(facts: &Facts, wanted: bool) -> Option<Evidence> {
    let (cloud_init, _) = configured(facts).ok()?;
    let off = cloud_init.disabled_by.known().is_none_or(|disabled_by| !disabled_by.is_empty());
    let ssh_pwauth = setting(cloud_init, "ssh_pwauth");
    (!off && ssh_pwauth.switch() == Some(wanted)).then(|| ssh_pwauth.evidence())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Fact, Unread};
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn without_cloud_init(value: Option<&str>) -> Facts {
        let mut facts = good_linux();
        let linux = linux_mut(&mut facts);
        linux.cloud_init.installed = Fact::Known(None);
        match value {
            Some(value) => {
                let option = sshd::option(65, "PasswordAuthentication", value);
                linux.sshd.options.insert("passwordauthentication".to_owned(), option);
            }
            None => {
                linux.sshd.options.remove("passwordauthentication");
            }
        }
        facts
    }

    #[test]
    fn passwords_pass_where_they_are_injected_and_warn_under_otc() {
        let rule = &SshdPasswordAuth;
        expect(rule, &good_linux(), Status::Pass, "/etc/ssh/sshd_config:65");
        expect(rule, &without_cloud_init(None), Status::Pass, "default yes");
        let yes = without_cloud_init(Some("yes"));
        let finding = expect_in(Profile::Otc, rule, &yes, Status::Warn, "sshd_config:65");
        assert_eq!(
            remedy(&finding),
            "sed -i '65s/.*/PasswordAuthentication no/' /etc/ssh/sshd_config"
        );
    }

    #[test]
    fn a_server_without_passwords_warns_unless_cloud_init_lets_them_in() {
        let rule = &SshdPasswordAuth;
        let mut facts = without_cloud_init(Some("no"));
        expect(rule, &facts, Status::Warn, "PasswordAuthentication no");
        expect_in(Profile::Otc, rule, &facts, Status::Pass, "PasswordAuthentication no");
        linux_mut(&mut facts).cloud_init = linux_mut(&mut good_linux()).cloud_init.clone();
        expect(rule, &facts, Status::Pass, "ssh_pwauth: true");
    }

    #[test]
    fn keyboard_interactive_with_pam_still_asks_for_passwords() {
        let mut facts = without_cloud_init(Some("no"));
        linux_mut(&mut facts).sshd.options.remove("kbdinteractiveauthentication");
        expect_in(Profile::Otc, &SshdPasswordAuth, &facts, Status::Warn, "kbdinteractive");
    }

    #[test]
    fn an_unreadable_configuration_is_unverified() {
        let mut facts = good_linux();
        linux_mut(&mut facts).sshd.unread = vec![Unread::new("/etc/ssh/sshd_config", "torn")];
        expect(&SshdPasswordAuth, &facts, Status::Unverified, "torn");
        linux_mut(&mut facts).sshd.program = Fact::Known(None);
        assert_eq!(status(&SshdPasswordAuth, &facts), Status::NotApplicable);
    }
}
