//! `ipv6-dhcp`

use super::nic::{Network, settled};
use super::scope::{Decision, linux_only, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Evidence;
use crate::guest::facts::{Addressing, Facts, Reach};
use crate::text;

/// The card gets an IPv6 address by itself.
pub(super) struct Ipv6Dhcp;

static DOC: Doc = Doc {
    title: Fixed::new("Network cards get an IPv6 address by themselves", "网卡可自动获取IPv6地址"),
    why: Fixed::new(
        "In a network with IPv6 the server gets its second address only if the system asks for it. It is an option.",
        "在支持IPv6的网络中，系统主动获取时云服务器才会有IPv6地址。该特性可选。",
    ),
    decided: Fixed::new(
        "A configuration that may be for the card of a new machine asks for IPv6 by DHCP or takes router advertisements, and ipv6.disable=1 is not on the kernel command line.",
        "可能适用于新机器网卡的配置通过DHCP或路由通告获取IPv6地址，且内核命令行中没有ipv6.disable=1。",
    ),
    remedy: Fixed::new(
        "CentOS, RHEL: IPV6INIT=yes and DHCPV6C=yes in ifcfg-eth0. Debian: iface eth0 inet6 dhcp. netplan: dhcp6: true. NetworkManager: ipv6.method auto.",
        "CentOS、RHEL：在ifcfg-eth0中设置IPV6INIT=yes和DHCPV6C=yes。Debian：iface eth0 inet6 dhcp。netplan：dhcp6: true。NetworkManager：ipv6.method auto。",
    ),
    source: "准备镜像文件（Linux） (ims_01_0209)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for Ipv6Dhcp {
    fn id(&self) -> &'static str {
        "ipv6-dhcp"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Informational)
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
    let entry = linux.boot.default_entry.known().and_then(Option::as_ref);
    if let Some(entry) = entry
        && entry.command_line.split_ascii_whitespace().any(|word| word == "ipv6.disable=1")
    {
        let evidence = Evidence::new(entry.command_line_location.clone(), "ipv6.disable=1");
        return Ok(Outcome::noted(
            text!("IPv6 is switched off on the kernel command line.", "内核命令行禁用了IPv6。"),
            vec![evidence],
        ));
    }
    let network = Network::of(linux)?;
    let reached = network.used().into_iter().filter(|config| network.reach(config) != Reach::No);
    let reached: Vec<_> = reached.collect();
    let asks =
        |addressing| matches!(addressing, Addressing::Dhcp | Addressing::RouterAdvertisement);
    if let Some(config) = reached.iter().find(|config| asks(config.ipv6)) {
        let place = &config.location;
        return Ok(Outcome::holds(
            text!(
                "The card gets an IPv6 address where the network offers one: {place}.",
                "网络提供IPv6时网卡会自动获取IPv6地址：{place}。"
            ),
            vec![Evidence::new(place.clone(), "IPv6 by DHCP or router advertisements")],
        ));
    }
    settled(network.unknown())?;
    let evidence = match reached.first() {
        Some(config) => Evidence::new(config.location.clone(), "nothing about IPv6"),
        None => Evidence::new("network configuration", "no configuration for the card"),
    };
    Ok(Outcome::noted(
        text!(
            "No configuration asks for an IPv6 address (only needed in a network with IPv6).",
            "没有获取IPv6地址的配置（仅在使用IPv6网络时需要）。"
        ),
        vec![evidence],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::guest::facts::InterfaceConfig;
    use crate::rules::Status;
    use crate::rules::testing::network::ifcfg_eth0;
    use crate::rules::testing::*;

    #[test]
    fn a_card_that_asks_for_ipv6_passes() {
        expect(&Ipv6Dhcp, &good_linux(), Status::Pass, "ifcfg-eth0");
    }

    #[test]
    fn no_ipv6_is_worth_knowing() {
        let mut facts = good_linux();
        let config = InterfaceConfig { ipv6: Addressing::None, ..ifcfg_eth0() };
        linux_mut(&mut facts).network.interfaces = Fact::Known(vec![config]);
        expect(&Ipv6Dhcp, &facts, Status::Info, "nothing about IPv6");
        let mut facts = good_linux();
        entry_mut(&mut facts).command_line.push_str(" ipv6.disable=1");
        expect(&Ipv6Dhcp, &facts, Status::Info, "ipv6.disable=1");
    }

    #[test]
    fn an_unreadable_configuration_is_unverified() {
        expect(&Ipv6Dhcp, &unread_inside(), Status::Unverified, "it was torn");
    }
}
