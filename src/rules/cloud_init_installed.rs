//! `cloud-init-installed`

use super::scope::{Decision, known, linux_only, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Evidence;
use crate::guest::facts::Facts;
use crate::text;

/// cloud-init is there.
pub(super) struct CloudInitInstalled;

static DOC: Doc = Doc {
    title: Fixed::new("cloud-init is installed", "已安装Cloud-init"),
    why: Fixed::new(
        "Without it passwords, keys and user data that are given when a server is created never reach it.",
        "未安装时，创建云服务器时设置的密码、密钥和用户数据无法注入。",
    ),
    decided: Fixed::new(
        "/usr/bin/cloud-init exists. In /usr/local/bin (installed by pip) it warns, because the service units look in /usr/bin.",
        "/usr/bin/cloud-init存在。位于/usr/local/bin（通过pip安装）时告警，因为服务单元只查找/usr/bin。",
    ),
    remedy: Fixed::new(
        "yum install cloud-init, zypper install cloud-init or apt install cloud-init",
        "yum install cloud-init、zypper install cloud-init或apt install cloud-init",
    ),
    source: "安装Cloud-Init工具 (OTC 0030730603); 准备镜像文件（Linux） (ims_01_0209)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for CloudInitInstalled {
    fn id(&self) -> &'static str {
        "cloud-init-installed"
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
    let Some(installed) = known(&linux.cloud_init.installed)? else {
        return Ok(Outcome::broken(
            text!("cloud-init is not installed.", "未安装cloud-init。"),
            vec![Evidence::new("/usr/bin/cloud-init", "no such file")],
        ));
    };
    let path = &installed.path;
    let version = installed.version.as_deref().unwrap_or("?");
    let evidence = vec![Evidence::new(path.clone(), version), installed.evidence.clone()];
    Ok(if path.starts_with("/usr/local/") {
        Outcome::doubtful(
            text!(
                "cloud-init {version} is in {path}, where its service units do not look.",
                "cloud-init {version}位于{path}，其服务单元不会在此查找。"
            ),
            evidence,
        )
        .remedy(text!(
            "Install the distribution's package, or: ln -s /usr/local/bin/cloud-init /usr/bin/cloud-init",
            "安装发行版的软件包，或执行：ln -s /usr/local/bin/cloud-init /usr/bin/cloud-init"
        ))
    } else {
        Outcome::holds(
            text!("cloud-init {version} is installed.", "已安装cloud-init {version}。"),
            evidence,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn an_installed_cloud_init_passes() {
        expect(&CloudInitInstalled, &good_linux(), Status::Pass, "22.4");
    }

    #[test]
    fn without_it_and_in_an_odd_place_it_warns() {
        let mut facts = good_linux();
        let Fact::Known(Some(installed)) = &mut linux_mut(&mut facts).cloud_init.installed else {
            panic!()
        };
        installed.path = "/usr/local/bin/cloud-init".to_owned();
        expect(&CloudInitInstalled, &facts, Status::Warn, "/usr/local/bin");
        linux_mut(&mut facts).cloud_init.installed = Fact::Known(None);
        expect(&CloudInitInstalled, &facts, Status::Warn, "not installed");
    }

    #[test]
    fn an_unreadable_tree_is_unverified() {
        expect(&CloudInitInstalled, &unread_inside(), Status::Unverified, "it was torn");
        assert_eq!(status(&CloudInitInstalled, &windows()), Status::NotApplicable);
    }
}
