//! `nic-mac-bound`

use super::scope::{Decision, known, linux_only, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, Text, shell};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{CloudInitNetwork, Facts, InterfaceConfig, NetworkProgram};
use crate::text;

/// Most files that are named as looked at where nothing is bound; the rest is like them.
const MAX_LOOKED_AT: usize = 8;

/// No network configuration is for one MAC address.
pub(super) struct NicMacBound;

static DOC: Doc = Doc {
    title: Fixed::new(
        "No network configuration is bound to a MAC address",
        "网络配置未绑定MAC地址",
    ),
    why: Fixed::new(
        "Each server has its own MAC address. A configuration for the old one does not start the new card, so the server has no network and no password is injected; one that sets the old address is shut out by the cloud's port security.",
        "每台云服务器的MAC地址都不同。绑定原MAC地址的配置无法启动新网卡，云服务器没有网络，密码无法注入；将网卡改为原MAC地址的配置会被云平台的端口安全机制拦截。",
    ),
    decided: Fixed::new(
        "HWADDR, MACADDR and LLADDR in ifcfg files, match: macaddress: and macaddress: in netplan, mac-address and cloned-mac-address in NetworkManager's profiles, MACAddress= in .network and .link files, hwaddress in /etc/network/interfaces, where the program that reads them runs at boot. Files that cloud-init writes anew on a new instance warn.",
        "检查开机启动的网络服务所读取的配置：ifcfg文件中的HWADDR、MACADDR、LLADDR，netplan中的match: macaddress:和macaddress:，NetworkManager配置中的mac-address和cloned-mac-address，.network和.link文件中的MACAddress=，/etc/network/interfaces中的hwaddress。cloud-init会在新实例上重新生成的文件仅告警。",
    ),
    remedy: Fixed::new(
        "Comment out the lines: sed -i 's/^HWADDR=/#&/;s/^MACADDR=/#&/' /etc/sysconfig/network-scripts/ifcfg-*; take match: macaddress: out of netplan's files.",
        "注释相关行：sed -i 's/^HWADDR=/#&/;s/^MACADDR=/#&/' /etc/sysconfig/network-scripts/ifcfg-*；删除netplan配置中的match: macaddress:。",
    ),
    source: "FAQ (OTC 0132216287)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for NicMacBound {
    fn id(&self) -> &'static str {
        "nic-mac-bound"
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
    let network = &linux_only(facts)?.network;
    let interfaces = known(&network.interfaces)?;
    let links = known(&network.link_macs)?;
    let used = |config: &&InterfaceConfig| !matches!(config.idle, Fact::Known(Some(_)));
    let bound: Vec<&InterfaceConfig> =
        interfaces.iter().filter(used).filter(|config| !config.macs.is_empty()).collect();
    if bound.is_empty() && links.is_empty() {
        let looked_at = interfaces.iter().map(|config| config.location.clone());
        let looked_at = looked_at.take(MAX_LOOKED_AT).collect::<Vec<_>>().join(", ");
        let place = if looked_at.is_empty() { "network configuration" } else { &looked_at };
        return Ok(Outcome::holds(
            text!("No MAC address in the network configuration.", "网络配置中没有MAC地址。"),
            vec![Evidence::new(place, "no MAC address")],
        ));
    }
    // Not whether they are used, but what they are: that is known.
    let lines: Vec<Evidence> =
        bound.iter().flat_map(|config| &config.macs).chain(links).cloned().collect();
    let (place, what) = match lines.first() {
        Some(first) => (first.location.clone(), first.detail.clone()),
        None => (String::new(), String::new()),
    };
    let generated = links.is_empty() && bound.iter().all(|config| config.by_cloud_init);
    if generated && matches!(known(&network.cloud_init)?, CloudInitNetwork::Writes(_)) {
        return Ok(Outcome::doubtful(
            text!(
                "A file of cloud-init's, which it will write anew, names the old MAC address: {place}: {what}.",
                "cloud-init生成的文件中包含原MAC地址，新实例上会重新生成：{place}：{what}。"
            ),
            lines,
        )
        .remedy(text!("cloud-init clean", "cloud-init clean")));
    }
    Ok(Outcome::broken(
        text!(
            "The network configuration is bound to a MAC address: {place}: {what}.",
            "网络配置绑定了MAC地址：{place}：{what}。"
        ),
        lines,
    )
    .remedy(unbind(&bound, links)))
}

/// The commands that free a card of netplan's, by the name that it has there, quoted.
pub(crate) fn netplan(name: &str) -> String {
    format!(
        "netplan set ethernets.{name}.set-name=null && netplan set ethernets.{name}.macaddress=null && netplan set ethernets.{name}.match=null && netplan set ethernets.{name}.match='{{name: \"e*\"}}'"
    )
}

/// The name for eth0 of a file of SUSE's that is named by an address (`ifcfg-eth-id-00:11:22:33:44:55`).
pub(crate) fn unnamed(file: &str) -> Option<String> {
    let (directory, name) = file.rsplit_once('/')?;
    name.starts_with("ifcfg-eth-id-").then(|| format!("{directory}/ifcfg-eth0"))
}

/// Takes the addresses out.
fn unbind(bound: &[&InterfaceConfig], links: &[Evidence]) -> Text {
    let mut commands = Vec::new();
    for config in bound {
        if config.program == NetworkProgram::Netplan {
            let name = shell::quote(&config.name);
            commands.push(netplan(&name));
            continue;
        }
        for (file, line) in config.macs.iter().filter_map(|mac| shell::file_and_line(&mac.location))
        {
            if let Some(new) = unnamed(file) {
                let (file, new) = (shell::quote_path(file), shell::quote_path(&new));
                commands.push(format!("mv {file} {new}"));
                continue;
            }
            let file = shell::quote_path(file);
            // Without its only condition a .network file would be for every interface.
            let change = match config.program {
                NetworkProgram::Networkd if config.matches.by_mac => "s/.*/Name=e*/",
                _ => "s/^/#/",
            };
            commands.push(format!("sed -i '{line}{change}' {file}"));
        }
    }
    for (file, _) in links.iter().filter_map(|mac| shell::file_and_line(&mac.location)) {
        commands.push(format!("rm -f {}", shell::quote_path(file)));
    }
    commands.dedup();
    let commands = commands.join("\n");
    text!("{commands}", "{commands}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::network::ifcfg_eth0;
    use crate::rules::testing::*;

    const FILE: &str = "/etc/sysconfig/network-scripts/ifcfg-eth0";

    fn bound() -> InterfaceConfig {
        let line = Evidence::new(format!("{FILE}:2"), "HWADDR=00:0c:29:1a:2b:3c");
        InterfaceConfig { macs: vec![line], ..ifcfg_eth0() }
    }

    fn with(config: InterfaceConfig) -> Facts {
        let mut facts = good_linux();
        linux_mut(&mut facts).network.interfaces = Fact::Known(vec![config]);
        facts
    }

    #[test]
    fn a_configuration_without_addresses_passes() {
        expect(&NicMacBound, &good_linux(), Status::Pass, "ifcfg-eth0");
    }

    #[test]
    fn an_address_fails_and_the_remedy_names_its_line() {
        let facts = with(bound());
        let finding =
            expect_in(Profile::Otc, &NicMacBound, &facts, Status::Fail, "HWADDR=00:0c:29");
        assert_eq!(remedy(&finding), format!("sed -i '2s/^/#/' {FILE}"));
        assert_eq!(status(&NicMacBound, &facts), Status::Warn);
        let mut facts = good_linux();
        let line =
            Evidence::new("/etc/systemd/network/10-lan.link:2", "MACAddress=00:0c:29:1a:2b:3c");
        linux_mut(&mut facts).network.link_macs = Fact::Known(vec![line]);
        let finding = expect(&NicMacBound, &facts, Status::Warn, "10-lan.link:2");
        assert_eq!(remedy(&finding), "rm -f /etc/systemd/network/10-lan.link");
    }

    /// SUSE up to 10 named the file by the address: nothing in it is to be taken out.
    #[test]
    fn a_file_that_is_named_by_an_address_gets_another_name() {
        let file = "/etc/sysconfig/network/ifcfg-eth-id-00:0c:29:1a:2b:3c";
        let line = Evidence::new(format!("{file}:1"), "named by 00:0c:29:1a:2b:3c");
        let facts = with(InterfaceConfig { macs: vec![line], ..ifcfg_eth0() });
        let finding = expect(&NicMacBound, &facts, Status::Warn, "named by");
        assert_eq!(remedy(&finding), format!("mv {file} /etc/sysconfig/network/ifcfg-eth0"));
    }

    #[test]
    fn what_nobody_reads_or_cloud_init_writes_anew_weighs_less() {
        let why = Evidence::new(FILE, "ONBOOT=no");
        let idle = with(InterfaceConfig { idle: Fact::Known(Some(why)), ..bound() });
        assert_eq!(status(&NicMacBound, &idle), Status::Pass);
        let mut facts = with(InterfaceConfig { by_cloud_init: true, ..bound() });
        expect_in(Profile::Otc, &NicMacBound, &facts, Status::Fail, "HWADDR");
        let evidence = Evidence::new("/usr/bin/cloud-init", "writes");
        linux_mut(&mut facts).network.cloud_init = Fact::Known(CloudInitNetwork::Writes(evidence));
        expect_in(Profile::Otc, &NicMacBound, &facts, Status::Warn, "HWADDR");
    }

    #[test]
    fn what_is_not_known_is_unverified() {
        expect(&NicMacBound, &unread_inside(), Status::Unverified, "it was torn");
        let mut facts = with(InterfaceConfig { by_cloud_init: true, ..bound() });
        linux_mut(&mut facts).network.cloud_init = Fact::unknown("/etc/cloud", "torn");
        expect(&NicMacBound, &facts, Status::Unverified, "/etc/cloud");
    }
}
