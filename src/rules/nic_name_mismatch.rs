//! `nic-name-mismatch`

use super::nic::{Network, settled};
use super::scope::{Decision, linux_only, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, Text, shell};
use crate::fact::Evidence;
use crate::guest::facts::{Facts, InterfaceConfig, InterfaceKind, NetworkProgram, NicName, Reach};
use crate::text;

/// The configuration is for the name that the card will have.
pub(super) struct NicNameMismatch;

static DOC: Doc = Doc {
    title: Fixed::new(
        "The network configuration is for the name that the card will have",
        "网络配置中的网卡名与新机器上的网卡名一致",
    ),
    why: Fixed::new(
        "On another bus the card gets another name. A configuration for ens33 or enp0s3 alone is then for a card that is not there, and the server has no network.",
        "总线变化后网卡名也会变化。如果只配置了ens33或enp0s3，则新机器上没有对应的网卡，云服务器将没有网络。",
    ),
    decided: Fixed::new(
        "The card is called eth0 where nothing renames it (net.ifnames=0, no or masked udev rules, .link files), as a rule in /etc/udev/rules.d or a .link file names it, and by its place on the bus otherwise. A configuration that matches that name, any name, or a pattern such as e* holds, and so do cloud-init's own configuration and NetworkManager's automatic connection. Configurations for other names only warn.",
        "未启用重命名时（net.ifnames=0、udev规则不存在或被屏蔽、.link文件）网卡名为eth0；/etc/udev/rules.d中的规则或.link文件指定名称时以其为准；否则按总线位置命名。配置与该名称、任意名称或e*等模式匹配时满足，由cloud-init生成配置或NetworkManager自动连接时也满足。仅有其他名称的配置时告警。",
    ),
    remedy: Fixed::new(
        "Let the card be called eth0 (net.ifnames=0 biosdevname=0 in GRUB_CMDLINE_LINUX) and configure eth0, or match any card: name: \"e*\" in netplan, Name=e* in systemd-networkd.",
        "将网卡名固定为eth0（在GRUB_CMDLINE_LINUX中添加net.ifnames=0 biosdevname=0）并配置eth0，或匹配任意网卡：netplan使用name: \"e*\"，systemd-networkd使用Name=e*。",
    ),
    source: "镜像制作前的初始化操作 (ims_01_0209); engineering knowledge (systemd.net-naming-scheme(7))",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for NicNameMismatch {
    fn id(&self) -> &'static str {
        "nic-name-mismatch"
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
    let network = Network::of(linux_only(facts)?)?;
    let called = network.called();
    let (en, zh) = (called.en, called.zh);
    if let Some(config) = network.sure().first() {
        let place = &config.location;
        return Ok(Outcome::holds(
            text!(
                "The card of a new machine ({en}) has a configuration: {place}.",
                "新机器的网卡（{zh}）有对应的配置：{place}。"
            ),
            vec![network.name_at.clone(), Evidence::new(place.clone(), config.name.clone())],
        ));
    }
    settled(network.unknown())?;
    let by_itself = match network.cloud_init()? {
        Some(evidence) => Some(evidence),
        None => network.automatic()?,
    };
    if let Some(evidence) = by_itself {
        let place = &evidence.location;
        return Ok(Outcome::holds(
            text!(
                "A card of any name is configured by itself: {place}.",
                "任意名称的网卡都会被自动配置：{place}。"
            ),
            vec![evidence.clone()],
        ));
    }
    let by_name: Vec<_> = network
        .used()
        .into_iter()
        .filter(|config| config.kind == InterfaceKind::Ethernet && !config.matches.by_mac)
        .collect();
    let Some(first) = by_name.first() else {
        return Ok(Outcome::not_applicable(text!(
            "No configuration that is used is for a card by its name (see nic-dhcp and nic-mac-bound).",
            "没有按名称配置的网卡（参见nic-dhcp和nic-mac-bound）。"
        )));
    };
    let name = by_name.iter().map(|config| config.name.as_str()).collect::<Vec<_>>().join(", ");
    let mut evidence: Vec<Evidence> = by_name
        .iter()
        .map(|config| {
            let detail = format!("for {}", config.matches.names.join(", "));
            Evidence::new(config.location.clone(), detail)
        })
        .collect();
    evidence.push(network.name_at.clone());
    let maybe = by_name.iter().any(|config| network.reach(config) == Reach::Maybe);
    let message = if maybe {
        text!(
            "Only {name} is configured, but the card of a new machine is {en}: that name may be another.",
            "仅配置了{name}，而新机器的网卡{zh}，名称可能不同。"
        )
    } else {
        text!(
            "Only {name} is configured, but the card of a new machine is {en}.",
            "仅配置了{name}，而新机器的网卡为{zh}。"
        )
    };
    Ok(Outcome::broken(message, evidence).remedy(rename(first, network.name)))
}

/// Makes a configuration fit the card.
fn rename(config: &InterfaceConfig, nic: &NicName) -> Text {
    let file = config.location.rsplit_once(':').filter(|(_, line)| line.parse::<u32>().is_ok());
    let file = file.map_or(config.location.as_str(), |(file, _)| file);
    let (old, name) = (shell::quote_path(file), shell::quote(&config.name));
    let target = match nic {
        NicName::Exactly(name) => name.as_str(),
        NicName::ByPlace => "eth0",
    };
    let mut command = match config.program {
        NetworkProgram::Netplan => {
            let command = format!("netplan set ethernets.{name}.match='{{name: \"e*\"}}'");
            return text!("{command}", "{command}");
        }
        NetworkProgram::Networkd => {
            return text!(
                "sed -i 's/^Name=.*/Name=e*/' {old}",
                "sed -i 's/^Name=.*/Name=e*/' {old}"
            );
        }
        NetworkProgram::NetworkManager if !file.contains("/ifcfg-") => {
            let command = format!("nmcli connection modify {name} connection.interface-name ''");
            return text!("{command}", "{command}");
        }
        program => {
            let (Some(from), Some(to)) = (shell::sed_word(&config.name), shell::sed_word(target))
            else {
                let target = shell::quote(target);
                return text!(
                    "Make the configuration of {name} in {old} one of {target}.",
                    "将{old}中{name}的配置改为{target}的配置。"
                );
            };
            let mut command = format!("sed -i 's/\\b{from}\\b/{to}/g' {old}");
            if program != NetworkProgram::Ifupdown {
                let directory = file.rsplit_once('/').map_or("", |(directory, _)| directory);
                let new = shell::quote_path(&format!("{directory}/ifcfg-{to}"));
                command.push_str(&format!(" && mv {old} {new}"));
            }
            command
        }
    };
    if *nic == NicName::ByPlace {
        command.push_str(
            "\nsed -i 's/^GRUB_CMDLINE_LINUX=\"/&net.ifnames=0 biosdevname=0 /' /etc/default/grub && { update-grub || grub2-mkconfig -o /boot/grub2/grub.cfg; }",
        );
    }
    text!("{command}", "{command}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::guest::facts::{CloudInitNetwork, InterfaceMatch};
    use crate::rules::Status;
    use crate::rules::testing::network::ifcfg_eth0;
    use crate::rules::testing::*;

    fn only(name: &str) -> Facts {
        let mut facts = good_linux();
        let matches = InterfaceMatch { names: vec![name.to_owned()], ..InterfaceMatch::default() };
        let location = format!("/etc/sysconfig/network-scripts/ifcfg-{name}");
        let config = InterfaceConfig { name: name.to_owned(), matches, location, ..ifcfg_eth0() };
        linux_mut(&mut facts).network.interfaces = Fact::Known(vec![config]);
        facts
    }

    fn by_place(facts: &mut Facts) {
        let at = Evidence::new("/usr/lib/systemd/network/99-default.link:14", "NamePolicy=slot");
        linux_mut(facts).network.nic_name = Fact::Known((NicName::ByPlace, at));
    }

    #[test]
    fn a_configuration_for_the_card_passes() {
        expect(&NicNameMismatch, &good_linux(), Status::Pass, "ifcfg-eth0");
        let mut facts = only("en*");
        by_place(&mut facts);
        assert_eq!(status(&NicNameMismatch, &facts), Status::Pass);
    }

    #[test]
    fn a_configuration_for_another_name_warns() {
        let facts = only("ens33");
        let finding = expect(&NicNameMismatch, &facts, Status::Warn, "Only ens33");
        let folder = "/etc/sysconfig/network-scripts";
        assert_eq!(
            remedy(&finding),
            format!(
                "sed -i 's/\\bens33\\b/eth0/g' {folder}/ifcfg-ens33 && mv {folder}/ifcfg-ens33 {folder}/ifcfg-eth0"
            )
        );
        let mut facts = only("eth0");
        by_place(&mut facts);
        let finding = expect(&NicNameMismatch, &facts, Status::Warn, "99-default.link");
        assert!(remedy(&finding).contains("net.ifnames=0"));
        let mut facts = only("ens3");
        by_place(&mut facts);
        expect(&NicNameMismatch, &facts, Status::Warn, "may be another");
    }

    #[test]
    fn no_name_of_an_image_gets_into_a_shell() {
        // Each is a name that systemd and udev let a card have.
        for name in ["x`reboot`x", "x$(reboot)x", "x'x", "x;reboot"] {
            let mut facts = only("ens33");
            let at = Evidence::new("/etc/systemd/network/1.link:4", format!("Name={name}"));
            let named = NicName::Exactly(name.to_owned());
            linux_mut(&mut facts).network.nic_name = Fact::Known((named, at));
            let finding = expect(&NicNameMismatch, &facts, Status::Warn, "Only ens33");
            assert!(remedy(&finding).starts_with("Make the configuration of ens33 in /etc/"));
            let finding = expect(&NicNameMismatch, &only(name), Status::Warn, name);
            assert!(!remedy(&finding).contains("sed"), "{}", remedy(&finding));
        }
    }

    #[test]
    fn what_configures_any_card_passes() {
        let mut facts = only("ens33");
        let evidence = Evidence::new("/usr/bin/cloud-init", "writes");
        linux_mut(&mut facts).network.cloud_init = Fact::Known(CloudInitNetwork::Writes(evidence));
        expect(&NicNameMismatch, &facts, Status::Pass, "/usr/bin/cloud-init");
        let mut facts = only("ens33");
        linux_mut(&mut facts).network.interfaces = Fact::Known(Vec::new());
        assert_eq!(status(&NicNameMismatch, &facts), Status::NotApplicable);
    }

    #[test]
    fn what_is_not_known_is_unverified() {
        expect(&NicNameMismatch, &unread_inside(), Status::Unverified, "it was torn");
        let mut facts = only("ens33");
        linux_mut(&mut facts).network.automatic = Fact::unknown("/etc/NetworkManager", "torn");
        expect(&NicNameMismatch, &facts, Status::Unverified, "/etc/NetworkManager");
        assert_eq!(status(&NicNameMismatch, &windows()), Status::NotApplicable);
    }
}
