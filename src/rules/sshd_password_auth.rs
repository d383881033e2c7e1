//! `sshd-password-auth`

use super::cloud_init_settings::{configured, setting, version};
use super::scope::{Decision, known, linux_only, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, shell};
use crate::fact::{Evidence, Unread};
use crate::guest::facts::{Facts, SshdConditional, SshdFacts};
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
        "sshd_config with its Includes, the first value wins: PasswordAuthentication, and keyboard-interactive with PAM, which asks for passwords, too. cloud-init's ssh_pwauth sets it at the first start, where its file (50-cloud-init.conf, or sshd_config) comes before the line that counts now. Where passwords are wanted, AuthenticationMethods must do without a key. A Match block for everybody or for root counts; those for others are told and not judged.",
        "按首个值生效的规则解析sshd_config及其Include：PasswordAuthentication，以及同样会询问密码的PAM键盘交互认证。Cloud-init的ssh_pwauth会在首次启动时设置该项，前提是其写入的文件（50-cloud-init.conf或sshd_config）先于当前生效的行。需要密码登录时，AuthenticationMethods不得要求密钥。针对所有用户或root的Match块会计入，针对其他用户的只列出，不作判断。",
    ),
    remedy: Fixed::new(
        "sed -i '1i PasswordAuthentication yes' /etc/ssh/sshd_config; on Open Telekom Cloud: sed -i '1i PasswordAuthentication no' /etc/ssh/sshd_config (the first value counts)",
        "sed -i '1i PasswordAuthentication yes' /etc/ssh/sshd_config；Open Telekom Cloud：sed -i '1i PasswordAuthentication no' /etc/ssh/sshd_config（首个值生效）",
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
    evidence.extend(sshd.conditional.iter().map(SshdConditional::evidence));
    if let Some(evidence_of_cloud_init) = set_at_start(facts, wanted) {
        evidence.push(evidence_of_cloud_init.clone());
        let counts = match password == wanted {
            true => false,
            false => {
                cloud_init_counts(facts, sshd).map_err(|unread| Box::new(undecided(&unread)))?
            }
        };
        if counts {
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
        let Some((file, line)) = file else {
            // It is set nowhere: the first line counts.
            return Ok(match sshd.files.first().map(String::as_str) {
                Some("/etc/ssh/sshd_config") => outcome.remedy(text!(
                    "sed -i '1i PasswordAuthentication {value}' /etc/ssh/sshd_config",
                    "sed -i '1i PasswordAuthentication {value}' /etc/ssh/sshd_config"
                )),
                _ => outcome.remedy(text!(
                    "printf 'PasswordAuthentication {value}\\n' > /etc/ssh/sshd_config.d/00-passwords.conf; sshd -T | grep -i passwordauthentication",
                    "printf 'PasswordAuthentication {value}\\n' > /etc/ssh/sshd_config.d/00-passwords.conf; sshd -T | grep -i passwordauthentication"
                )),
            });
        };
        let file = shell::quote_path(file);
        return Ok(outcome.remedy(text!(
            "sed -i '{line}s/.*/PasswordAuthentication {value}/' {file}",
            "sed -i '{line}s/.*/PasswordAuthentication {value}/' {file}"
        )));
    }
    if wanted && let Some(refusal) = refuses_passwords(sshd) {
        let (place, detail) = (refusal.location.clone(), refusal.detail.clone());
        evidence.insert(0, refusal);
        let outcome = Outcome::broken(
            text!(
                "{place}: {detail}: a password alone lets nobody in.",
                "{place}：{detail}：仅凭密码无法登录。"
            ),
            evidence,
        );
        let Some((file, line)) = shell::file_and_line(&place) else { return Ok(outcome) };
        let file = shell::quote_path(file);
        return Ok(
            outcome.remedy(text!("sed -i '{line}s/^/#/' {file}", "sed -i '{line}s/^/#/' {file}"))
        );
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

/// cloud-init's own file among those that sshd_config includes (`ssh_util.py`, `update_ssh_config`).
const CLOUD_INIT_FILE: &str = "50-cloud-init.conf";

/// The first upstream version that surely writes that file, and the last that surely does not but
/// edits `/etc/ssh/sshd_config`; in between distributions brought the change into older versions.
const WRITES_OWN_FILE: (u32, u32) = (22, 4);
const EDITS_MAIN_FILE: (u32, u32) = (21, 4);

/// Whether what cloud-init writes at the first start counts, and not the line that counts now.
fn cloud_init_counts(facts: &Facts, sshd: &SshdFacts) -> Result<bool, Unread> {
    let Some(now) = sshd.options.get("passwordauthentication") else { return Ok(true) };
    let Some((file, line)) = shell::file_and_line(&now.evidence.location) else { return Ok(true) };
    let name = file.strip_prefix("/etc/ssh/sshd_config.d/");
    let (by_own_file, by_edit) = match (name, &sshd.drop_ins) {
        (Some(name), Some(_)) => (name >= CLOUD_INIT_FILE && !now.in_match, false),
        (Some(_), None) => (false, false),
        (None, Some(include)) if file == "/etc/ssh/sshd_config" => {
            let before = shell::file_and_line(&include.location).is_some_and(|(_, at)| at < line);
            (before && !now.in_match, true)
        }
        (None, _) => (true, true),
    };
    let version = configured(facts).ok().and_then(|(_, installed)| version(installed));
    match version {
        _ if by_own_file == by_edit => Ok(by_edit),
        Some(version) if version >= WRITES_OWN_FILE => Ok(by_own_file),
        Some(version) if version <= EDITS_MAIN_FILE => Ok(by_edit),
        _ => Err(Unread::new(
            now.evidence.location.clone(),
            "whether this version of cloud-init writes 50-cloud-init.conf is not known",
        )),
    }
}

/// What lets nobody in, or not root, by a password alone.
fn refuses_passwords(sshd: &SshdFacts) -> Option<Evidence> {
    let root = ["root".to_owned()];
    let of_root = |keyword: &str| {
        let mut found = sshd.conditional.iter().filter(|option| option.keyword == keyword);
        found.find(|option| option.is_for("root", &root) == Some(true))
    };
    if let Some(option) = of_root("passwordauthentication")
        && option.option.value.eq_ignore_ascii_case("no")
    {
        return Some(option.evidence());
    }
    let methods = match of_root("authenticationmethods") {
        Some(option) => &option.option,
        None => sshd.options.get("authenticationmethods")?,
    };
    let asks = |method: &str| {
        method == "any" || method == "password" || method.starts_with("keyboard-interactive")
    };
    let enough = methods.value.split(' ').any(|list| list.split(',').all(asks));
    (!enough).then(|| methods.evidence.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::guest::facts::SshdOption;
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
    fn what_is_set_nowhere_is_set_in_the_first_line() {
        let unset = without_cloud_init(None);
        let rule = &SshdPasswordAuth;
        let finding = expect_in(Profile::Otc, rule, &unset, Status::Warn, "default yes");
        let command = "sed -i '1i PasswordAuthentication no' /etc/ssh/sshd_config";
        assert_eq!(remedy(&finding), command);
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

    /// `PasswordAuthentication no` there, with cloud-init's `ssh_pwauth: true` and the usual Include.
    fn no_at(place: &str, version: &str, in_match: bool) -> Facts {
        let mut facts = good_linux();
        let linux = linux_mut(&mut facts);
        let Fact::Known(Some(installed)) = &mut linux.cloud_init.installed else { panic!() };
        installed.version = Some(version.to_owned());
        let include = "Include /etc/ssh/sshd_config.d/*.conf";
        linux.sshd.drop_ins = Some(Evidence::new("/etc/ssh/sshd_config:12", include));
        let evidence = Evidence::new(place, "PasswordAuthentication no");
        let option = SshdOption { value: "no".to_owned(), evidence, in_match };
        linux.sshd.options.insert("passwordauthentication".to_owned(), option);
        facts
    }

    #[test]
    fn what_comes_before_cloud_init_s_file_stands() {
        // update_ssh_config of 22.4.2 writes sshd_config.d/50-cloud-init.conf, that of 21.1 edits
        // sshd_config.
        let (early, late) =
            ("/etc/ssh/sshd_config.d/10-hardening.conf:1", "/etc/ssh/sshd_config.d/60-x.conf:1");
        let own = "/etc/ssh/sshd_config.d/50-cloud-init.conf:1";
        let (above, below) = ("/etc/ssh/sshd_config:3", "/etc/ssh/sshd_config:57");
        for (place, version, in_match, expected) in [
            (early, "22.4.2-1+deb12u4", false, Status::Warn),
            (early, "21.1-1", false, Status::Warn),
            (own, "22.4.2", false, Status::Pass),
            (late, "22.4.2", false, Status::Pass),
            (late, "21.1-1", false, Status::Warn),
            (late, "22.1-5.el9", false, Status::Unverified),
            (below, "22.4.2", false, Status::Pass),
            (below, "21.1-1", false, Status::Pass),
            (above, "22.4.2", false, Status::Warn),
            (above, "21.1-1", false, Status::Pass),
            (below, "22.4.2", true, Status::Warn),
            (below, "21.1-1", true, Status::Pass),
        ] {
            let facts = no_at(place, version, in_match);
            expect(&SshdPasswordAuth, &facts, expected, place);
        }
        let mut facts = no_at(above, "22.4.2", false);
        linux_mut(&mut facts).sshd.drop_ins = None;
        expect(&SshdPasswordAuth, &facts, Status::Pass, "ssh_pwauth: true");
    }

    #[test]
    fn methods_that_ask_for_a_key_let_no_password_in() {
        for (value, expected) in [
            ("publickey", Status::Warn),
            ("publickey,password", Status::Warn),
            ("publickey,password password", Status::Pass),
            ("publickey keyboard-interactive:pam", Status::Pass),
            ("any", Status::Pass),
        ] {
            let mut facts = good_linux();
            let option = sshd::option(70, "AuthenticationMethods", value);
            linux_mut(&mut facts).sshd.options.insert("authenticationmethods".to_owned(), option);
            assert_eq!(status(&SshdPasswordAuth, &facts), expected, "{value}");
        }
    }

    #[test]
    fn a_match_block_for_root_counts() {
        for (criteria, expected) in
            [("User root", Status::Warn), ("User bob", Status::Pass), ("Address ::1", Status::Pass)]
        {
            let mut facts = good_linux();
            linux_mut(&mut facts).sshd.conditional = vec![SshdConditional {
                criteria: criteria.to_owned(),
                keyword: "passwordauthentication".to_owned(),
                option: sshd::option(99, "PasswordAuthentication", "no"),
            }];
            expect(&SshdPasswordAuth, &facts, expected, criteria);
        }
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
