//! `win-cloudbase-init`

use super::scope::{Decision, known, settle, windows_only};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Evidence;
use crate::guest::facts::{CloudbaseInitConf, Facts, StartType};
use crate::text;

/// Cloudbase-Init is installed and set up for the platform.
pub(super) struct WinCloudbaseInit;

static DOC: Doc = Doc {
    title: Fixed::new("Cloudbase-Init is installed and set up for the platform", "已安装Cloudbase-Init并按平台要求配置"),
    why: Fixed::new("Without it the password, the name and the user data that are given when a server is created never reach it.", "未安装或未正确配置时，创建云服务器时设置的密码、主机名和用户数据无法注入。"),
    decided: Fixed::new("The service cloudbase-init starts by itself and does not run as LocalSystem; the file that its command line names (--config-file, otherwise conf\\cloudbase-init.conf) sets username=Administrator and netbios_host_name_compatibility=false, asks the HTTP metadata service and lets the password be set.", "cloudbase-init服务为自动启动且不以LocalSystem身份运行；其命令行中--config-file指定的文件（否则为conf\\cloudbase-init.conf）中设置了username=Administrator和netbios_host_name_compatibility=false，使用HTTP元数据服务，并允许注入密码。"),
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

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

/// The metadata service that answers on the platform.
const HTTP_SERVICE: &str = "httpservice.httpservice";

/// The plugin that sets the password.
const PASSWORD_PLUGIN: &str = "setuserpassword";

fn decide(facts: &Facts) -> Decision {
    let cloudbase = &windows_only(facts)?.cloudbase_init;
    let Some(service) = known(&cloudbase.service)? else {
        return Ok(Outcome::broken(
            text!("Cloudbase-Init is not installed.", "未安装Cloudbase-Init。"),
            vec![Evidence::new(r"HKLM\SYSTEM\CurrentControlSet\Services", "no cloudbase-init")],
        ));
    };
    if service.start != Some(StartType::Automatic) {
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
    let mut evidence: Vec<_> = wrong.iter().map(|(_, seen)| seen.clone()).collect();
    let lines = wrong.iter().map(|(line, _)| *line).collect::<Vec<_>>();
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
    evidence.extend([
        service.evidence.clone(),
        Evidence::new(conf.path.clone(), "the settings that the platform needs"),
    ]);
    Ok(Outcome::holds(
        text!("Cloudbase-Init is installed and set up.", "已安装并配置Cloudbase-Init。"),
        evidence,
    ))
}

/// The lines that should stand in the configuration, and what stands there instead.
fn deviations(conf: &CloudbaseInitConf) -> Vec<(&'static str, Evidence)> {
    let mut wrong = Vec::new();
    let mut look = |name: &str, line, fits: &dyn Fn(Option<&str>) -> bool| {
        let found = conf.option("default", name);
        if !fits(found.as_ref().map(|(value, _)| *value)) {
            let absent = || Evidence::new(conf.path.clone(), format!("no {name}"));
            wrong.push((line, found.map_or_else(absent, |(_, seen)| seen)));
        }
    };
    // What is not set has Cloudbase-Init's own default: the user is "Admin", names are cut to 15
    // characters, the HTTP service is among the services, the password is set.
    look("username", "username=Administrator", &|value| {
        value.is_some_and(|name| name.eq_ignore_ascii_case("Administrator"))
    });
    look("netbios_host_name_compatibility", "netbios_host_name_compatibility=false", &|value| {
        value.is_some_and(|value| !is_true(value))
    });
    let service = "metadata_services=cloudbaseinit.metadata.services.httpservice.HttpService";
    look("metadata_services", service, &|value| {
        value.is_none_or(|value| value.to_ascii_lowercase().contains(HTTP_SERVICE))
    });
    look("inject_user_password", "inject_user_password=true", &|value| value.is_none_or(is_true));
    let plugin = "plugins=…,cloudbaseinit.plugins.common.setuserpassword.SetUserPasswordPlugin";
    look("plugins", plugin, &|value| {
        value.is_none_or(|value| value.to_ascii_lowercase().contains(PASSWORD_PLUGIN))
    });
    wrong
}

/// What oslo.config takes for true.
fn is_true(value: &str) -> bool {
    ["true", "1", "on", "yes"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::fact::Fact;
    use crate::guest::facts::ConfValue;
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

    #[test]
    fn what_cannot_be_read_is_unverified() {
        expect(&RULE, &windows_unread(), Status::Unverified, "it was torn");
        expect(&RULE, &good_linux(), Status::NotApplicable, "Linux");
    }
}
