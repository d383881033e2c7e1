//! `cloud-init-network-disabled`

use super::cloud_init_settings::{configured, setting, version};
use super::scope::{Decision, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, Text};
use crate::fact::{Evidence, Unread};
use crate::guest::facts::Facts;
use crate::text;

/// cloud-init leaves the network alone.
pub(super) struct CloudInitNetworkDisabled;

static DOC: Doc = Doc {
    title: Fixed::new(
        "cloud-init leaves the network configuration alone",
        "Cloud-init不接管网络配置",
    ),
    why: Fixed::new(
        "Otherwise cloud-init writes the network configuration anew from metadata on each new server, over the DHCP configuration of the image.",
        "否则Cloud-init会在每台新云服务器上根据元数据重写网络配置，覆盖镜像中的DHCP配置。",
    ),
    decided: Fixed::new(
        "The merged configuration has network: {config: disabled}, or (since 18.3) apply_network_config: false for the OpenStack data source. Versions before 0.7.9 do not write networks.",
        "合并后的配置中有network: {config: disabled}，或（18.3及以上版本）OpenStack数据源设置了apply_network_config: false。0.7.9之前的版本不接管网络。",
    ),
    remedy: Fixed::new(
        "Where cloud-init alone sets up the network, first give the card a DHCP configuration of the image's own (see nic-dhcp), or the server comes up without network. Then:\nprintf 'network: {config: disabled}\\n' > /etc/cloud/cloud.cfg.d/99-disable-network-config.cfg",
        "若网络仅由cloud-init配置，请先为网卡写入镜像自身的DHCP配置（见nic-dhcp），否则云服务器启动后将没有网络。然后执行：\nprintf 'network: {config: disabled}\\n' > /etc/cloud/cloud.cfg.d/99-disable-network-config.cfg",
    ),
    source: "配置Cloud-Init工具 (OTC 0122876047)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for CloudInitNetworkDisabled {
    fn id(&self) -> &'static str {
        "cloud-init-network-disabled"
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
    let (cloud_init, installed) = configured(facts)?;
    let old = installed.version.as_deref().is_some_and(|version| {
        version.starts_with("0.7.") && !version.starts_with("0.7.9") || version.starts_with("0.6.")
    });
    if old {
        let version = installed.version.as_deref().unwrap_or("?");
        return Ok(Outcome::not_applicable(text!(
            "cloud-init {version} does not write network configurations from metadata.",
            "cloud-init {version}不会根据元数据写入网络配置。"
        )));
    }
    let network = setting(cloud_init, "network.config");
    if network.value.and_then(serde_json::Value::as_str) == Some("disabled") {
        let Text { en, zh } = network.state();
        return Ok(Outcome::holds(text!("{en}.", "{zh}。"), vec![network.evidence()]));
    }
    let apply = setting(cloud_init, "datasource.OpenStack.apply_network_config");
    if installed.version.is_none() {
        let Evidence { location, detail, .. } = installed.evidence.clone();
        return Err(Box::new(undecided(&Unread::new(location, detail))));
    }
    if apply.switch() == Some(false) && version(installed).is_none_or(|found| found >= (18, 3)) {
        let Text { en, zh } = apply.state();
        return Ok(Outcome::holds(text!("{en}.", "{zh}。"), vec![apply.evidence()]));
    }
    let whole = setting(cloud_init, "network");
    let shown = if network.value.is_some() || whole.value.is_none() { network } else { whole };
    let Text { en, zh } = shown.state();
    Ok(Outcome::broken(
        text!(
            "{en}: cloud-init writes the network configuration of each new server itself.",
            "{zh}：cloud-init会在每台新云服务器上自行写入网络配置。"
        ),
        vec![shown.evidence()],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn a_disabled_network_passes_either_way() {
        expect(&CloudInitNetworkDisabled, &good_linux(), Status::Pass, "/etc/cloud/cloud.cfg:7");
        let mut facts = good_linux();
        linux_mut(&mut facts).cloud_init.config =
            serde_json::json!({"datasource": {"OpenStack": {"apply_network_config": false}}});
        expect(&CloudInitNetworkDisabled, &facts, Status::Pass, "apply_network_config: false");
    }

    #[test]
    fn a_network_that_cloud_init_writes_warns() {
        let mut facts = good_linux();
        let cloud_init = &mut linux_mut(&mut facts).cloud_init;
        cloud_init.config = serde_json::json!({});
        cloud_init.places.clear();
        expect(&CloudInitNetworkDisabled, &facts, Status::Warn, "network.config is absent");
    }

    #[test]
    fn a_version_that_is_not_known_leaves_it_open_unless_the_network_is_disabled_in_any() {
        let mut facts = good_linux();
        let cloud_init = &mut linux_mut(&mut facts).cloud_init;
        let Fact::Known(Some(installed)) = &mut cloud_init.installed else { panic!() };
        installed.version = None;
        installed.evidence = Evidence::new("/usr/lib", "no version found");
        expect(&CloudInitNetworkDisabled, &facts, Status::Pass, "/etc/cloud/cloud.cfg:7");
        let cloud_init = &mut linux_mut(&mut facts).cloud_init;
        cloud_init.config = serde_json::json!({});
        cloud_init.places.clear();
        expect(&CloudInitNetworkDisabled, &facts, Status::Unverified, "no version found");
    }

    #[test]
    fn an_unreadable_configuration_is_unverified_and_no_cloud_init_not_concerned() {
        let mut facts = good_linux();
        linux_mut(&mut facts).cloud_init.unread = vec![Unread::new("/etc/cloud/cloud.cfg", "torn")];
        expect(&CloudInitNetworkDisabled, &facts, Status::Unverified, "torn");
        linux_mut(&mut facts).cloud_init.installed = Fact::Known(None);
        assert_eq!(status(&CloudInitNetworkDisabled, &facts), Status::NotApplicable);
    }
}
