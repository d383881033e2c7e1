//! `cloud-init-root-login`

use super::cloud_init_settings::{configured, module_names, setting, switch};
use super::scope::{Decision, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, Text};
use crate::fact::Evidence;
use crate::guest::facts::{CloudInitFacts, Facts};
use crate::text;

/// cloud-init lets root log in, or keeps it out, as the platform wants it.
pub(super) struct CloudInitRootLogin;

static DOC: Doc = Doc {
    title: Fixed::new(
        "cloud-init treats root's login as the platform expects",
        "Cloud-init对root登录的设置符合平台要求",
    ),
    why: Fixed::new(
        "Huawei Cloud injects the password of a new server for root: with disable_root or a locked password it cannot be used. Open Telekom Cloud asks for the opposite, a normal user with sudo.",
        "华为云为新云服务器的root用户注入密码：设置了disable_root或锁定密码时该密码无法使用。Open Telekom Cloud则相反，要求使用具有sudo权限的普通用户。",
    ),
    decided: Fixed::new(
        "In the merged configuration: a list of modules has set-passwords, disable_root is false (absent means true), ssh_pwauth is true, and users (or the default user) has root with lock_passwd false. Under the profile otc: disable_root is not false, and ssh_pwauth is not true.",
        "检查合并后的配置：模块列表包含set-passwords，disable_root为false（未设置时为true），ssh_pwauth为true，且users（或默认用户）中root的lock_passwd为false。otc配置下：disable_root不为false，且ssh_pwauth不为true。",
    ),
    remedy: Fixed::new(
        "printf 'users:\\n- name: root\\n  lock_passwd: false\\ndisable_root: false\\nssh_pwauth: true\\n' > /etc/cloud/cloud.cfg.d/99-root-login.cfg (Open Telekom Cloud: take these settings out)",
        "printf 'users:\\n- name: root\\n  lock_passwd: false\\ndisable_root: false\\nssh_pwauth: true\\n' > /etc/cloud/cloud.cfg.d/99-root-login.cfg（Open Telekom Cloud：删除这些设置）",
    ),
    source: "配置Cloud-Init工具 (OTC 0122876047)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for CloudInitRootLogin {
    fn id(&self) -> &'static str {
        "cloud-init-root-login"
    }

    fn level(&self, profile: Profile) -> Option<Level> {
        Some(match profile {
            // The injected password needs it.
            Profile::Huaweicloud => Level::Required,
            // The source document does not ask for it; on Open Telekom Cloud it is hardening.
            Profile::ImsClassic | Profile::Otc => Level::Recommended,
        })
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, context: &Context) -> Outcome {
        settle(decide(facts, context))
    }
}

fn decide(facts: &Facts, context: &Context) -> Decision {
    let (cloud_init, _) = configured(facts)?;
    let disable_root = setting(cloud_init, "disable_root");
    let ssh_pwauth = setting(cloud_init, "ssh_pwauth");
    let mut wrong = Vec::new();
    if context.profile == Profile::Otc {
        wrong.extend((disable_root.switch() == Some(false)).then(|| disable_root.state()));
        wrong.extend((ssh_pwauth.switch() == Some(true)).then(|| ssh_pwauth.state()));
        let evidence = vec![disable_root.evidence(), ssh_pwauth.evidence()];
        return Ok(match joined(&wrong) {
            None => Outcome::holds(
                text!(
                    "cloud-init keeps root and passwords out of SSH.",
                    "cloud-init不允许root和密码通过SSH登录。"
                ),
                evidence,
            ),
            Some(Text { en, zh }) => Outcome::broken(
                text!(
                    "{en}: root or passwords are let in over SSH.",
                    "{zh}：允许root或密码通过SSH登录。"
                ),
                evidence,
            )
            .remedy(text!(
                "printf 'disable_root: true\\nssh_pwauth: false\\n' > /etc/cloud/cloud.cfg.d/99-no-root-login.cfg",
                "printf 'disable_root: true\\nssh_pwauth: false\\n' > /etc/cloud/cloud.cfg.d/99-no-root-login.cfg"
            )),
        });
    }
    let users = setting(cloud_init, "users");
    let default_user = setting(cloud_init, "system_info.default_user");
    // cloud-init disables root unless it is told not to, and locks each account that it makes unless
    // told not to (`cc_ssh.py`, `cc_users_groups.py`).
    wrong.extend((disable_root.switch() != Some(false)).then(|| disable_root.state()));
    wrong.extend((ssh_pwauth.switch() != Some(true)).then(|| ssh_pwauth.state()));
    let mut evidence = vec![disable_root.evidence(), ssh_pwauth.evidence()];
    let lacking = without_set_passwords(cloud_init);
    if let Some(lists) = lacking.clone() {
        wrong.push(text!("no list of modules has set-passwords", "模块列表中没有set-passwords"));
        evidence.push(lists);
    }
    if root_unlocked(default_user.value) {
        evidence.push(default_user.evidence());
    } else {
        let listed = users.value.and_then(serde_json::Value::as_array);
        let unlocked =
            listed.is_some_and(|users| users.iter().any(|user| root_unlocked(Some(user))));
        let seen = users.evidence();
        if !unlocked {
            let place = &seen.location;
            wrong.push(text!(
                "users has no root with lock_passwd: false ({place})",
                "users中没有lock_passwd为false的root（{place}）"
            ));
        }
        evidence.push(seen);
    }
    Ok(match joined(&wrong) {
        None => Outcome::holds(
            text!(
                "cloud-init lets root log in with the injected password.",
                "cloud-init允许root使用注入的密码登录。"
            ),
            evidence,
        ),
        Some(Text { en, zh }) => {
            let outcome = Outcome::broken(
                text!(
                    "{en}: root cannot log in with the injected password.",
                    "{zh}：root无法使用注入的密码登录。"
                ),
                evidence,
            );
            match lacking {
                Some(Evidence { location, .. }) if wrong.len() == 1 => outcome.remedy(text!(
                    "Put set-passwords into the list cloud_config_modules in {location}",
                    "在{location}的cloud_config_modules列表中加入set-passwords"
                )),
                _ => outcome,
            }
        }
    })
}

/// The list in which the module that sets passwords stands as packages ship it (`cc_set_passwords.py`),
/// when neither it nor another has it.
fn without_set_passwords(cloud_init: &CloudInitFacts) -> Option<Evidence> {
    let lists = ["cloud_init_modules", "cloud_config_modules", "cloud_final_modules"]
        .map(|key| setting(cloud_init, key));
    let [_, usual, _] = &lists;
    usual.value?;
    let mut names = lists.iter().filter_map(|list| list.value).filter_map(module_names).flatten();
    let missing = names.all(|name| name != "set_passwords");
    missing.then(|| Evidence::new(usual.evidence().location, "no set-passwords"))
}

fn root_unlocked(user: Option<&serde_json::Value>) -> bool {
    let field = |name: &str| user.and_then(|user| user.get(name));
    field("name").and_then(serde_json::Value::as_str) == Some("root")
        && field("lock_passwd").and_then(switch) == Some(false)
}

fn joined(states: &[Text]) -> Option<Text> {
    let join = |part: fn(&Text) -> &str, with: &str| {
        states.iter().map(part).collect::<Vec<_>>().join(with)
    };
    (!states.is_empty())
        .then(|| Text { en: join(|text| &text.en, ", "), zh: join(|text| &text.zh, "，") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Fact, Unread};
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn with(config: serde_json::Value) -> Facts {
        let mut facts = good_linux();
        linux_mut(&mut facts).cloud_init.config = config;
        facts
    }

    #[test]
    fn a_root_that_is_let_in_passes_and_under_otc_warns() {
        expect(&CloudInitRootLogin, &good_linux(), Status::Pass, "/etc/cloud/cloud.cfg:4");
        let rule = &CloudInitRootLogin;
        expect_in(Profile::Otc, rule, &good_linux(), Status::Warn, "disable_root is false");
        let default = with(serde_json::json!({
            "disable_root": 0, "ssh_pwauth": 1, "users": ["default"],
            "system_info": {"default_user": {"name": "root", "lock_passwd": false}},
        }));
        assert_eq!(status(rule, &default), Status::Pass);
    }

    #[test]
    fn a_usual_cloud_image_fails_where_the_password_is_injected_and_passes_under_otc() {
        let mut facts = with(serde_json::json!({"disable_root": true, "users": ["default"]}));
        let rule = &CloudInitRootLogin;
        let finding =
            expect_in(Profile::Huaweicloud, rule, &facts, Status::Fail, "ssh_pwauth is absent");
        assert!(finding.message.en.contains("disable_root is true (/etc/cloud/cloud.cfg:4)"));
        linux_mut(&mut facts).cloud_init.places.clear();
        assert_eq!(status(rule, &facts), Status::Warn);
        expect_in(Profile::Otc, rule, &facts, Status::Pass, "disable_root: true");
    }

    #[test]
    fn without_the_module_that_sets_passwords_the_injected_one_is_not_set() {
        let mut facts = good_linux();
        let config = &mut linux_mut(&mut facts).cloud_init.config;
        config["cloud_config_modules"] = serde_json::json!(["runcmd"]);
        let rule = &CloudInitRootLogin;
        let finding = expect(rule, &facts, Status::Warn, "no list of modules has set-passwords");
        let place = "the list cloud_config_modules in /etc/cloud/cloud.cfg";
        assert!(remedy(&finding).ends_with(place), "{finding:#?}");
        for entry in
            [serde_json::json!("set_passwords"), serde_json::json!(["set-passwords", "always"])]
        {
            let config = &mut linux_mut(&mut facts).cloud_init.config;
            config["cloud_config_modules"] = serde_json::json!(["runcmd", entry]);
            assert_eq!(status(rule, &facts), Status::Pass);
        }
    }

    #[test]
    fn an_unreadable_configuration_is_unverified_and_no_cloud_init_not_concerned() {
        let mut facts = good_linux();
        linux_mut(&mut facts).cloud_init.unread = vec![Unread::new("/etc/cloud/cloud.cfg", "torn")];
        expect(&CloudInitRootLogin, &facts, Status::Unverified, "torn");
        linux_mut(&mut facts).cloud_init.installed = Fact::Known(None);
        assert_eq!(status(&CloudInitRootLogin, &facts), Status::NotApplicable);
    }
}
