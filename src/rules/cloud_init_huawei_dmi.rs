//! `cloud-init-huawei-dmi`

use super::cloud_init_settings::{version, with_cloud_init};
use super::scope::{Decision, known, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, shell};
use crate::fact::{Evidence, Unread};
use crate::guest::facts::{Architecture, DsIdentifyWay, Facts, PlatformTags};
use crate::text;

/// cloud-init knows the platform by its chassis asset tag.
pub(super) struct CloudInitHuaweiDmi;

static DOC: Doc = Doc {
    title: Fixed::new(
        "cloud-init knows the platform's chassis asset tag",
        "Cloud-init能通过机箱资产标签识别云平台",
    ),
    why: Fixed::new(
        "Versions 18.3 to 22.3 use the OpenStack data source only on machines whose DMI names they know. Where the tag is missing the data source is passed over, and passwords and keys are not injected, without any error.",
        "18.3至22.3版本的Cloud-init仅在识别出DMI信息后才使用OpenStack数据源。缺少该标签时数据源会被跳过，密码和密钥无法注入，且没有任何错误提示。",
    ),
    decided: Fixed::new(
        "The version is between 18.3 and 22.3, and DataSourceOpenStack.py does not have HUAWEICLOUD (on Open Telekom Cloud: OpenTelekomCloud), or ds-identify, where it searches at boot, does not. The files are asked because distributions bring the tag into older versions. Only x86 machines are told by DMI; on others cloud-init uses the data source without a look.",
        "版本在18.3与22.3之间，且DataSourceOpenStack.py（或启动时执行搜索的ds-identify）中没有HUAWEICLOUD（Open Telekom Cloud为OpenTelekomCloud）。由于发行版会将该标签回移到旧版本，因此直接检查文件内容。仅x86机器通过DMI识别；其他架构上Cloud-init不检查即使用该数据源。",
    ),
    remedy: Fixed::new(
        "Upgrade cloud-init to 22.4 or later, or add \"HUAWEICLOUD\" to VALID_DMI_ASSET_TAGS in DataSourceOpenStack.py",
        "将Cloud-init升级到22.4或更高版本，或在DataSourceOpenStack.py的VALID_DMI_ASSET_TAGS中添加\"HUAWEICLOUD\"",
    ),
    source: "安装Cloud-Init工具 (OTC 0030730603); canonical/cloud-init#1689",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for CloudInitHuaweiDmi {
    fn id(&self) -> &'static str {
        "cloud-init-huawei-dmi"
    }

    fn level(&self, profile: Profile) -> Option<Level> {
        Some(match profile {
            // The source document does not ask for it.
            Profile::ImsClassic => Level::Recommended,
            Profile::Huaweicloud | Profile::Otc => Level::Required,
        })
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, context: &Context) -> Outcome {
        settle(decide(facts, context))
    }
}

/// The versions that look at the machine and do not know the tag by themselves.
const FIRST: (u32, u32) = (18, 3);
const LAST: (u32, u32) = (22, 3);

fn decide(facts: &Facts, context: &Context) -> Decision {
    let (linux, installed) = with_cloud_init(facts)?;
    let cloud_init = &linux.cloud_init;
    // `DataSourceOpenStack.py`, `ds_detect`: "Non-Intel cpus don't properly report dmi product names";
    // `tools/ds-identify`, `dscheck_OpenStack`, likewise.
    if let Some((arch, seen)) = linux.arch.known()
        && !matches!(arch, Architecture::X86_64 | Architecture::I386)
    {
        let name = arch.name();
        let mut outcome = Outcome::not_applicable(text!(
            "On {name} cloud-init does not look for the tag.",
            "在{name}上Cloud-init不检查该标签。"
        ));
        outcome.evidence = vec![seen.clone()];
        return Ok(outcome);
    }
    let tag = match context.profile {
        Profile::Otc => "OpenTelekomCloud",
        Profile::ImsClassic | Profile::Huaweicloud => "HUAWEICLOUD",
    };
    let knows = |program: &PlatformTags| program.tags.iter().any(|known| known == tag);
    let shown = installed.version.as_deref().unwrap_or("?");
    let version = version(installed);
    if let Some(version) = version.filter(|version| !(FIRST..=LAST).contains(version)) {
        let evidence = vec![installed.evidence.clone()];
        return Ok(Outcome::holds(
            if version < FIRST {
                text!(
                    "cloud-init {shown} does not look at the machine before it uses the data source.",
                    "cloud-init {shown}在使用数据源前不检查机器信息。"
                )
            } else {
                text!("cloud-init {shown} knows the platform.", "cloud-init {shown}能识别云平台。")
            },
            evidence,
        ));
    }
    let Some(source) = known(&cloud_init.openstack_source)? else {
        let reason = "DataSourceOpenStack.py was not found";
        return Err(Box::new(undecided(&Unread::new(installed.path.clone(), reason))));
    };
    let found = Evidence::new(source.path.clone(), format!("has {tag}"));
    let lacking = if !knows(source) {
        Some(&source.path)
    } else {
        let ds_identify = known(&cloud_init.ds_identify)?.as_ref();
        ds_identify
            .filter(|program| program.way == DsIdentifyWay::Search && !knows(&program.program))
            .map(|program| &program.program.path)
    };
    let Some(path) = lacking else {
        return Ok(Outcome::holds(
            text!("cloud-init {shown} knows the tag {tag}.", "cloud-init {shown}能识别标签{tag}。"),
            vec![found, installed.evidence.clone()],
        ));
    };
    known(&linux.arch)?;
    if version.is_none() {
        let reason = format!("no {tag} in it, and the version of cloud-init is not known");
        return Err(Box::new(undecided(&Unread::new(path.clone(), reason))));
    }
    let quoted = shell::quote_path(path);
    let remedy = if path.ends_with(".py") {
        text!(
            "Upgrade cloud-init to 22.4 or later, or: sed -i 's/^VALID_DMI_ASSET_TAGS *= *\\[*/&\"{tag}\", /' {quoted} (look at the line afterwards), and delete its compiled copies in __pycache__",
            "将cloud-init升级到22.4或更高版本，或执行：sed -i 's/^VALID_DMI_ASSET_TAGS *= *\\[*/&\"{tag}\", /' {quoted}（执行后请检查该行），并删除__pycache__中的编译文件"
        )
    } else {
        text!(
            "Upgrade cloud-init to 22.4 or later, or name the data source, so that {quoted} does not search: printf 'datasource_list: [ OpenStack ]\\n' > /etc/cloud/cloud.cfg.d/zz-openstack.cfg",
            "将cloud-init升级到22.4或更高版本，或直接指定数据源，使{quoted}不再搜索：printf 'datasource_list: [ OpenStack ]\\n' > /etc/cloud/cloud.cfg.d/zz-openstack.cfg"
        )
    };
    Ok(Outcome::broken(
        text!(
            "cloud-init {shown} does not know the tag {tag} ({path}): it may pass over the platform's data source.",
            "cloud-init {shown}不识别标签{tag}（{path}），可能会跳过云平台的数据源。"
        ),
        vec![Evidence::new(path.clone(), format!("no {tag}")), installed.evidence.clone()],
    )
    .remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::guest::facts::DsIdentify;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn with(version: &str, tags: &[&str]) -> Facts {
        let mut facts = good_linux();
        let cloud_init = &mut linux_mut(&mut facts).cloud_init;
        if let Fact::Known(Some(installed)) = &mut cloud_init.installed {
            installed.version = Some(version.to_owned());
        }
        if let Fact::Known(Some(source)) = &mut cloud_init.openstack_source {
            source.tags = tags.iter().map(|&tag| tag.to_owned()).collect();
        }
        facts
    }

    #[test]
    fn a_version_that_does_not_look_or_knows_the_tag_passes() {
        expect(&CloudInitHuaweiDmi, &good_linux(), Status::Pass, "22.4");
        expect(&CloudInitHuaweiDmi, &with("0.7.9-24.el7", &[]), Status::Pass, "does not look");
        let brought = with("19.4-7.el7", &["HUAWEICLOUD"]);
        expect(&CloudInitHuaweiDmi, &brought, Status::Pass, "has HUAWEICLOUD");
    }

    #[test]
    fn an_older_version_without_the_tag_fails_where_it_is_asked_for() {
        let facts = with("19.4-7.el7", &["OpenTelekomCloud"]);
        let rule = &CloudInitHuaweiDmi;
        let finding = expect_in(Profile::Huaweicloud, rule, &facts, Status::Fail, "no HUAWEICLOUD");
        assert!(remedy(&finding).contains("DataSourceOpenStack.py"));
        assert_eq!(status(rule, &facts), Status::Warn);
        expect_in(Profile::Otc, rule, &facts, Status::Pass, "OpenTelekomCloud");
    }

    #[test]
    fn only_x86_is_told_by_dmi() {
        let rule = &CloudInitHuaweiDmi;
        let mut facts = with("19.4-7.oe1", &[]);
        let seen = Evidence::new("/bin/sh", "ELF 64-bit, e_machine 183");
        linux_mut(&mut facts).arch = Fact::Known((Architecture::Aarch64, seen));
        expect_in(Profile::Huaweicloud, rule, &facts, Status::NotApplicable, "aarch64");
        linux_mut(&mut facts).arch = Fact::unknown("/bin/sh", "torn");
        expect_in(Profile::Huaweicloud, rule, &facts, Status::Unverified, "torn");
    }

    #[test]
    fn a_ds_identify_without_the_tag_counts_only_where_it_searches() {
        let mut facts = with("22.2-64", &["HUAWEICLOUD"]);
        let mut ds_identify = DsIdentify {
            program: PlatformTags {
                path: "/usr/lib/cloud-init/ds-identify".to_owned(),
                tags: Vec::new(),
            },
            way: DsIdentifyWay::Search,
            evidence: Evidence::new("/etc/cloud/cloud.cfg:3", "two sources"),
        };
        linux_mut(&mut facts).cloud_init.ds_identify = Fact::Known(Some(ds_identify.clone()));
        expect(&CloudInitHuaweiDmi, &facts, Status::Warn, "/usr/lib/cloud-init/ds-identify");
        ds_identify.way = DsIdentifyWay::Given("OpenStack".to_owned());
        linux_mut(&mut facts).cloud_init.ds_identify = Fact::Known(Some(ds_identify));
        assert_eq!(status(&CloudInitHuaweiDmi, &facts), Status::Pass);
    }

    #[test]
    fn what_cannot_be_read_is_unverified() {
        let mut facts = with("19.4", &[]);
        linux_mut(&mut facts).cloud_init.openstack_source =
            Fact::Unknown(Unread::new("/usr/lib", "torn"));
        expect(&CloudInitHuaweiDmi, &facts, Status::Unverified, "torn");
        expect(&CloudInitHuaweiDmi, &with("devel", &[]), Status::Unverified, "version");
        assert_eq!(status(&CloudInitHuaweiDmi, &unread_inside()), Status::Unverified);
    }
}
