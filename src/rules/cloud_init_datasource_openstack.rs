//! `cloud-init-datasource-openstack`

use super::cloud_init_ready::names_openstack;
use super::cloud_init_settings::taken_away;
use super::scope::{Decision, known, linux_only, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Evidence;
use crate::guest::facts::Facts;
use crate::text;

/// cloud-init looks for the platform.
pub(super) struct CloudInitDatasourceOpenstack;

static DOC: Doc = Doc {
    title: Fixed::new(
        "cloud-init's datasource_list has OpenStack",
        "Cloud-init的datasource_list包含OpenStack",
    ),
    why: Fixed::new(
        "The platform gives metadata as OpenStack does. With another list cloud-init finds no data source, and nothing is injected; with none it tries every one in turn, which takes minutes.",
        "平台以OpenStack方式提供元数据。列表中没有OpenStack时，cloud-init找不到数据源，无法注入任何信息；未设置列表时会逐个尝试所有数据源，耗时较长。",
    ),
    decided: Fixed::new(
        "/etc/cloud/cloud.cfg and cloud.cfg.d/*.cfg are merged in their order; a list without OpenStack fails (Ec2 alone does not count), none warns. What binds cloud-init to another data source fails, too: /etc/cloud/ds-identify.cfg or ci.ds= on the kernel command line names one, or NoCloud comes first and has a seed below /var/lib/cloud/seed.",
        "按顺序合并/etc/cloud/cloud.cfg和cloud.cfg.d/*.cfg；列表不包含OpenStack判为失败（仅有Ec2不算），未设置列表时告警。cloud-init被绑定到其他数据源时同样判为失败：/etc/cloud/ds-identify.cfg或内核命令行的ci.ds=指定了其他数据源，或NoCloud排在前面且/var/lib/cloud/seed中有其种子数据。",
    ),
    remedy: Fixed::new(
        "printf 'datasource_list: [ OpenStack ]\\ndatasource:\\n  OpenStack:\\n    metadata_urls: [ \"http://169.254.169.254\" ]\\n    max_wait: 120\\n    timeout: 5\\n' > /etc/cloud/cloud.cfg.d/zz-openstack.cfg",
        "printf 'datasource_list: [ OpenStack ]\\ndatasource:\\n  OpenStack:\\n    metadata_urls: [ \"http://169.254.169.254\" ]\\n    max_wait: 120\\n    timeout: 5\\n' > /etc/cloud/cloud.cfg.d/zz-openstack.cfg",
    ),
    source: "配置Cloud-Init工具 (OTC 0122876047)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for CloudInitDatasourceOpenstack {
    fn id(&self) -> &'static str {
        "cloud-init-datasource-openstack"
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

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

fn decide(facts: &Facts) -> Decision {
    let linux = linux_only(facts)?;
    let cloud_init = &linux.cloud_init;
    if known(&cloud_init.installed)?.is_none() {
        return Ok(Outcome::not_applicable(text!(
            "cloud-init is not installed (see cloud-init-installed).",
            "未安装cloud-init（参见cloud-init-installed）。"
        )));
    }

    if let Some(unread) = cloud_init.unread.first() {
        return Err(Box::new(undecided(unread)));
    }
    if let Some(bound) = known(&cloud_init.bound_elsewhere)? {
        let (place, what) = (&bound.location, &bound.detail);
        let (place_zh, what_zh) = bound.in_chinese();
        return Ok(Outcome::broken(
            text!(
                "cloud-init is bound to another data source: {place}: {what}.",
                "cloud-init被绑定到其他数据源：{place_zh}：{what_zh}。"
            ),
            vec![bound.clone()],
        )
        .remedy(taken_away(bound)));
    }
    let Some((list, evidence)) = known(&cloud_init.datasource_list)? else {
        return Ok(Outcome::doubtful(
            text!(
                "datasource_list is not set; cloud-init tries every data source in turn.",
                "未设置datasource_list，cloud-init会逐个尝试所有数据源。"
            ),
            cloud_init
                .files
                .iter()
                .map(|file| Evidence::new(file.clone(), "no datasource_list"))
                .collect(),
        ));
    };
    let shown = list.join(", ");
    let place = &evidence.location;
    let evidence = vec![evidence.clone()];
    Ok(if names_openstack(list) {
        Outcome::holds(
            text!(
                "datasource_list is [{shown}] ({place}).",
                "datasource_list为[{shown}]（{place}）。"
            ),
            evidence,
        )
    } else {
        Outcome::broken(
            text!(
                "datasource_list is [{shown}] ({place}), without OpenStack.",
                "datasource_list为[{shown}]（{place}），不包含OpenStack。"
            ),
            evidence,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Fact, Unread};
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn with(list: &[&str]) -> Facts {
        let mut facts = good_linux();
        let names = list.iter().map(|&name| name.to_owned()).collect();
        let evidence = Evidence::new("/etc/cloud/cloud.cfg:3", format!("{list:?}"));
        linux_mut(&mut facts).cloud_init.datasource_list = Fact::Known(Some((names, evidence)));
        facts
    }

    #[test]
    fn the_remedy_s_file_is_merged_behind_any_usual_one() {
        let remedy = DOC.remedy.en;
        let (_, name) = remedy.rsplit_once('/').expect("a file");
        assert!(name > "cloud-init.cfg" && name.ends_with(".cfg"));
    }

    #[test]
    fn a_list_with_openstack_passes() {
        expect(&CloudInitDatasourceOpenstack, &good_linux(), Status::Pass, "OpenStack, None");
    }

    #[test]
    fn a_list_without_it_fails_and_no_list_warns() {
        let mut facts = with(&["NoCloud", "Ec2"]);
        let profile = Profile::Huaweicloud;
        let rule = &CloudInitDatasourceOpenstack;
        expect_in(profile, rule, &facts, Status::Fail, "/etc/cloud/cloud.cfg:3");
        assert_eq!(status(rule, &facts), Status::Warn);
        linux_mut(&mut facts).cloud_init.datasource_list = Fact::Known(None);
        expect_in(profile, rule, &facts, Status::Warn, "not set");
    }

    #[test]
    fn what_binds_it_to_another_data_source_fails() {
        for (location, detail, command) in [
            (
                "/etc/cloud/ds-identify.cfg:1",
                "datasource: NoCloud",
                "sed -i '1s/^/#/' /etc/cloud/ds-identify.cfg",
            ),
            (
                "/var/lib/cloud/seed/nocloud/meta-data",
                "a seed",
                "rm -f /var/lib/cloud/seed/nocloud/meta-data",
            ),
            ("kernel command line", "ci.ds=NoCloud", "--remove-args=ci.ds=NoCloud)"),
        ] {
            let mut facts = good_linux();
            linux_mut(&mut facts).cloud_init.bound_elsewhere =
                Fact::Known(Some(Evidence::new(location, detail)));
            let rule = &CloudInitDatasourceOpenstack;
            let finding = expect_in(Profile::Huaweicloud, rule, &facts, Status::Fail, location);
            assert!(remedy(&finding).ends_with(command), "{finding:#?}");
        }
    }

    #[test]
    fn an_unreadable_file_is_unverified_whatever_the_others_say() {
        let mut facts = good_linux();
        linux_mut(&mut facts).cloud_init.unread =
            vec![Unread::new("/etc/cloud/cloud.cfg.d/99.cfg", "bad YAML")];
        expect(&CloudInitDatasourceOpenstack, &facts, Status::Unverified, "bad YAML");
        expect(&CloudInitDatasourceOpenstack, &unread_inside(), Status::Unverified, "it was torn");
    }
}
