//! `win-cloudbase-init`

use super::scope::{Decision, known, settle, windows_only};
use super::win_cloudbase::{deviations, obstacle, starts};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Evidence;
use crate::guest::facts::Facts;
use crate::text;

/// Cloudbase-Init is installed and set up for the platform.
pub(super) struct WinCloudbaseInit;

static DOC: Doc = Doc {
    title: Fixed::new("Cloudbase-Init is installed and set up for the platform", "已安装Cloudbase-Init并按平台要求配置"),
    why: Fixed::new("Without it the password, the name and the user data that are given when a server is created never reach it.", "未安装或未正确配置时，创建云服务器时设置的密码、主机名和用户数据无法注入。"),
    decided: Fixed::new("The service cloudbase-init starts by itself, or is started by setup where the next start goes through it (a command of the answer file or of \\Windows\\Setup\\Scripts\\SetupComplete.cmd); its program is there; it does not run as LocalSystem, and a local account that it runs as is there and enabled; the file that its command line names (--config-file, otherwise conf\\cloudbase-init.conf) sets username=Administrator and netbios_host_name_compatibility=false, asks the HTTP metadata service and lets the password be set.", "cloudbase-init服务为自动启动，或下次启动需经过系统安装流程时由应答文件或\\Windows\\Setup\\Scripts\\SetupComplete.cmd中的命令启动；服务程序存在；服务不以LocalSystem身份运行，所用本地账户存在且已启用；其命令行中--config-file指定的文件（否则为conf\\cloudbase-init.conf）中设置了username=Administrator和netbios_host_name_compatibility=false，使用HTTP元数据服务，并允许注入密码。"),
    remedy: Fixed::new("Install Cloudbase-Init 1.1.2 (user name Administrator, log port COM1, not as LocalSystem, no Sysprep at the end), then in cloudbase-init.conf:
username=Administrator
metadata_services=cloudbaseinit.metadata.services.httpservice.HttpService
netbios_host_name_compatibility=false", "安装Cloudbase-Init 1.1.2（用户名Administrator，日志串口COM1，不勾选以LocalSystem运行，安装结束时不执行Sysprep），并在cloudbase-init.conf中设置：
username=Administrator
metadata_services=cloudbaseinit.metadata.services.httpservice.HttpService
netbios_host_name_compatibility=false"),
    source: "安装并配置Cloudbase-Init工具 (OTC 0030730602)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for WinCloudbaseInit {
    fn id(&self) -> &'static str {
        "win-cloudbase-init"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Recommended)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, context: &Context) -> Outcome {
        settle(decide(facts, context.today))
    }
}

fn decide(facts: &Facts, today: i64) -> Decision {
    let windows = windows_only(facts)?;
    let cloudbase = &windows.cloudbase_init;
    let Some(service) = known(&cloudbase.service)? else {
        return Ok(Outcome::broken(
            text!("Cloudbase-Init is not installed.", "未安装Cloudbase-Init。"),
            vec![Evidence::new(r"HKLM\SYSTEM\CurrentControlSet\Services", "no cloudbase-init")],
        ));
    };
    let Some(starts) = starts(windows, service)? else {
        return Ok(Outcome::broken(
            text!(
                "The service cloudbase-init does not start by itself.",
                "cloudbase-init服务不会自动启动。"
            ),
            vec![service.evidence.clone()],
        )
        .remedy(text!(
            "sc config cloudbase-init start= auto",
            "sc config cloudbase-init start= auto"
        )));
    };
    if let Some((message, seen)) = obstacle(windows, service, today)? {
        return Ok(Outcome::broken(message, vec![service.evidence.clone(), seen]));
    }
    let Some(conf) = known(&cloudbase.conf)? else {
        return Ok(Outcome::broken(
            text!("Cloudbase-Init has no configuration file.", "Cloudbase-Init没有配置文件。"),
            vec![service.evidence.clone()],
        ));
    };
    let wrong = deviations(conf);
    let system =
        service.account.as_deref().is_none_or(|name| name.eq_ignore_ascii_case("LocalSystem"));
    let mut evidence: Vec<_> = wrong.iter().map(|it| it.seen.clone()).collect();
    let lines = wrong.iter().map(|it| it.line).collect::<Vec<_>>();
    if !lines.is_empty() {
        let path = &conf.path;
        let (listed, lines) = (lines.join(", "), lines.join("\n"));
        return Ok(Outcome::broken(
            text!(
                "Cloudbase-Init is not set up for the platform; it needs {listed}.",
                "Cloudbase-Init未按平台要求配置，需要：{listed}。"
            ),
            evidence,
        )
        .remedy(text!(
            "In {path}, below [DEFAULT]:\n{lines}",
            "在{path}的[DEFAULT]下设置：\n{lines}"
        )));
    }
    if system {
        return Ok(Outcome::doubtful(
            text!(
                "Cloudbase-Init runs as LocalSystem; the platform's guide asks for an account of its own.",
                "Cloudbase-Init以LocalSystem身份运行；平台文档要求使用单独的账户。"
            ),
            vec![service.evidence.clone()],
        ));
    }
    evidence.extend(starts);
    evidence.push(Evidence::new(conf.path.clone(), "the settings that the platform needs"));
    Ok(Outcome::holds(
        text!("Cloudbase-Init is installed and set up.", "已安装并配置Cloudbase-Init。"),
        evidence,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::fact::Fact;
    use crate::guest::facts::{ConfValue, Seen, StartType};
    use crate::rules::Status;
    use crate::rules::testing::windows::*;
    use crate::rules::testing::*;

    const RULE: WinCloudbaseInit = WinCloudbaseInit;

    fn set(facts: &mut Facts, name: &str, value: &str) {
        let Fact::Known(Some(conf)) = &mut windows_mut(facts).cloudbase_init.conf else { panic!() };
        let value = ConfValue { value: value.to_owned(), line: 9 };
        conf.options.insert(format!("default.{name}"), value);
    }

    fn service(facts: &mut Facts) -> &mut crate::guest::facts::ServiceFacts {
        match &mut windows_mut(facts).cloudbase_init.service {
            Fact::Known(Some(service)) => service,
            _ => panic!(),
        }
    }

    #[test]
    fn one_set_up_as_the_guide_says_passes() {
        expect(&RULE, &good_windows(), Status::Pass, "cloudbase-init.conf");
        let mut facts = good_windows();
        let Fact::Known(Some(conf)) = &mut windows_mut(&mut facts).cloudbase_init.conf else {
            panic!()
        };
        // Its default has the HTTP service.
        conf.options.remove("default.metadata_services");
        expect(&RULE, &facts, Status::Pass, "cloudbase-init.conf");
    }

    #[test]
    fn a_missing_or_stopped_one_warns() {
        let mut facts = good_windows();
        windows_mut(&mut facts).cloudbase_init.service = Fact::Known(None);
        expect(&RULE, &facts, Status::Warn, "not installed");
        let mut facts = good_windows();
        service(&mut facts).start = Some(StartType::Manual);
        expect(&RULE, &facts, Status::Warn, "does not start by itself");
        let mut facts = good_windows();
        windows_mut(&mut facts).cloudbase_init.conf = Fact::Known(None);
        expect(&RULE, &facts, Status::Warn, "no configuration file");
    }

    #[test]
    fn each_setting_that_keeps_the_password_away_warns_with_the_line() {
        for (name, value, line) in [
            ("username", "Admin", "username=Administrator"),
            ("netbios_host_name_compatibility", "True", "netbios_host_name_compatibility=false"),
            ("metadata_services", "a.configdrive.ConfigDriveService", "HttpService"),
            ("inject_user_password", "false", "inject_user_password=true"),
            ("plugins", "cloudbaseinit.plugins.windows.extendvolumes.X", "SetUserPasswordPlugin"),
        ] {
            let mut facts = good_windows();
            set(&mut facts, name, value);
            let finding = expect(&RULE, &facts, Status::Warn, "cloudbase-init.conf:9");
            assert!(remedy(&finding).contains(line), "{name}");
        }
    }

    #[test]
    fn one_that_runs_as_local_system_warns() {
        let mut facts = good_windows();
        service(&mut facts).account = Some("localSystem".to_owned());
        expect(&RULE, &facts, Status::Warn, "LocalSystem");
    }

    /// As `bin\\SetSetupComplete.cmd` of Cloudbase-Init leaves it before Sysprep.
    #[test]
    fn one_that_setup_starts_passes_while_setup_is_still_to_come() {
        let mut facts = good_windows();
        service(&mut facts).start = Some(StartType::Manual);
        let script = Evidence::new(r"\Windows\Setup\Scripts\SetupComplete.cmd:1", "a command");
        let starts = Seen::new(StartType::Automatic, script);
        windows_mut(&mut facts).sysprep.starts_cloudbase_init = Fact::Known(Some(starts));
        expect(&RULE, &facts, Status::Warn, "does not start by itself");
        let state = "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE".to_owned();
        let state = Seen::new(state, Evidence::new("State", "ImageState"));
        windows_mut(&mut facts).sysprep.image_state = Fact::Known(Some(state));
        expect(&RULE, &facts, Status::Pass, "SetupComplete.cmd:1");
        account_mut(&mut facts, "cloudbase-init").disabled = true;
        expect(&RULE, &facts, Status::Unverified, "what setup makes of it");
        windows_mut(&mut facts).sysprep.starts_cloudbase_init =
            Fact::unknown("SetupComplete.cmd", "what it calls is not followed");
        expect(&RULE, &facts, Status::Unverified, "not followed");
        windows_mut(&mut facts).sysprep.starts_cloudbase_init = Fact::Known(None);
        expect(&RULE, &facts, Status::Warn, "does not start by itself");
    }

    #[test]
    fn one_without_its_program_or_its_account_warns() {
        let mut facts = good_windows();
        service(&mut facts).file = Fact::Known(None);
        expect(&RULE, &facts, Status::Warn, "program of the service");
        service(&mut facts).file = Fact::unknown("ImagePath", "drive D: is not looked into");
        expect(&RULE, &facts, Status::Unverified, "drive D:");
        let mut facts = good_windows();
        service(&mut facts).account = Some(r".\agent".to_owned());
        expect(&RULE, &facts, Status::Warn, r"ObjectName=.\agent");
        let mut facts = good_windows();
        account_mut(&mut facts, "cloudbase-init").disabled = true;
        expect(&RULE, &facts, Status::Warn, "disabled");
        windows_mut(&mut facts).accounts = Fact::unknown("SAM", "torn hive");
        expect(&RULE, &facts, Status::Unverified, "torn hive");
        service(&mut facts).account = Some("LocalSystem".to_owned());
        expect(&RULE, &facts, Status::Warn, "LocalSystem");
    }

    #[test]
    fn what_cannot_be_read_is_unverified() {
        expect(&RULE, &windows_unread(), Status::Unverified, "it was torn");
        expect(&RULE, &good_linux(), Status::NotApplicable, "Linux");
    }
}
