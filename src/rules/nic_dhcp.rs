//! `nic-dhcp`

use super::nic::{Family, Network, family_of, settled};
use super::scope::{Decision, linux_only, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, Text, shell, start};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{
    Addressing, Facts, InterfaceConfig, LinuxFacts, NO_START_LINK, NetworkLack, NetworkProgram,
    ProgramFacts, Reach, UnitFacts, UnitState, not_installed,
};
use crate::text;

/// The network card gets its address by DHCP.
pub(super) struct NicDhcp;

static DOC: Doc = Doc {
    title: Fixed::new("Network cards get their addresses by DHCP", "网卡通过DHCP获取IP地址"),
    why: Fixed::new(
        "The cloud gives each server its address by DHCP. With the address of the old network, or none at all, the server cannot be reached and finds no metadata service, so no password and no key arrive either.",
        "云平台通过DHCP为云服务器分配IP地址。使用原网络的静态地址或未配置地址时，云服务器无法访问，也无法连接元数据服务，密码和密钥均无法注入。",
    ),
    decided: Fixed::new(
        "The configuration of the programs that run at boot (network scripts, wicked, NetworkManager, netplan, ifupdown, systemd-networkd) is read, and which of it is for the card of a new machine. DHCP there, NetworkManager's automatic connection, or cloud-init that writes the configuration of a new instance holds; a static address for that card, or for every configured one, is broken, and so is no DHCP at all. With a file that netplan or ifup refuses it is not decided.",
        "读取开机启动的网络服务（network脚本、wicked、NetworkManager、netplan、ifupdown、systemd-networkd）的配置，判断哪些适用于新机器的网卡。该网卡使用DHCP、NetworkManager自动连接或由cloud-init为新实例生成网络配置时满足；该网卡或所有已配置网卡均为静态地址，或完全没有DHCP时不满足。存在netplan或ifup不接受的文件时无法判定。",
    ),
    remedy: Fixed::new(
        "CentOS, RHEL, EulerOS: BOOTPROTO=dhcp and ONBOOT=yes in /etc/sysconfig/network-scripts/ifcfg-eth0, without IPADDR. SUSE: BOOTPROTO='dhcp' and STARTMODE='auto' in /etc/sysconfig/network/ifcfg-eth0. Debian: auto eth0 and iface eth0 inet dhcp in /etc/network/interfaces. Ubuntu: dhcp4: true in /etc/netplan.",
        "CentOS、RHEL、EulerOS：在/etc/sysconfig/network-scripts/ifcfg-eth0中设置BOOTPROTO=dhcp和ONBOOT=yes，并删除IPADDR。SUSE：在/etc/sysconfig/network/ifcfg-eth0中设置BOOTPROTO='dhcp'和STARTMODE='auto'。Debian：在/etc/network/interfaces中设置auto eth0和iface eth0 inet dhcp。Ubuntu：在/etc/netplan中设置dhcp4: true。",
    ),
    source: "设置网卡属性为DHCP (ims_01_0303); 准备镜像文件（Linux） (ims_01_0209)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for NicDhcp {
    fn id(&self) -> &'static str {
        "nic-dhcp"
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
    let network = Network::of(linux)?;
    let of = |configs: &[&InterfaceConfig], addressing| -> Vec<Evidence> {
        let found = configs.iter().filter(|config| config.ipv4 == addressing);
        found.map(|config| config.ipv4_at.clone()).collect()
    };
    let sure = network.sure();
    let dhcp = of(&sure, Addressing::Dhcp);
    if let Some(first) = dhcp.first() {
        let (place, card) = (&first.location, network.called());
        let (en, zh) = (card.en, card.zh);
        return Ok(Outcome::holds(
            text!(
                "The card of a new machine ({en}) is set to DHCP: {place}.",
                "新机器的网卡（{zh}）使用DHCP：{place}。"
            ),
            dhcp,
        ));
    }
    settled(network.unknown())?;
    let used = network.used();
    let fixed = of(&sure, Addressing::Static);
    if let Some(first) = fixed.first() {
        let (place, what) = (&first.location, &first.detail);
        let (place_zh, what_zh) = first.in_chinese();
        let message = text!(
            "The network card has a static address: {place}: {what}.",
            "网卡使用静态地址：{place_zh}：{what_zh}。"
        );
        let remedy = to_dhcp(&sure);
        return Ok(Outcome::broken(message, fixed).remedy(remedy));
    }
    let dhcp = of(&used, Addressing::Dhcp);
    if let Some(first) = dhcp.first() {
        let place = &first.location;
        return Ok(Outcome::holds(
            text!(
                "DHCP is configured: {place} (whether for the card of a new machine: see nic-name-mismatch and nic-mac-bound).",
                "已配置DHCP：{place}（是否适用于新机器的网卡，参见nic-name-mismatch和nic-mac-bound）。"
            ),
            dhcp,
        ));
    }
    let cloud_init = network.cloud_init()?;
    let automatic = if cloud_init.is_none() { network.automatic()? } else { None };
    let fixed = of(&used, Addressing::Static);
    if let Some(first) = fixed.first() {
        let (place, what) = (&first.location, &first.detail);
        let (place_zh, what_zh) = first.in_chinese();
        let message = text!(
            "Only static addresses are configured: {place}: {what}.",
            "仅配置了静态地址：{place_zh}：{what_zh}。"
        );
        let remedy = to_dhcp(&used);
        let outcome = match cloud_init.or(automatic) {
            // The card of another name gets DHCP all the same, from what writes it.
            Some(evidence) => {
                Outcome::doubtful(message, fixed.into_iter().chain([evidence.clone()]).collect())
            }
            None => Outcome::broken(message, fixed),
        };
        return Ok(outcome.remedy(remedy));
    }
    if let Some(evidence) = cloud_init {
        return Ok(Outcome::holds(
            text!(
                "cloud-init writes the network configuration of a new instance: DHCP where the datasource says nothing else.",
                "cloud-init会为新实例生成网络配置，数据源未指定时使用DHCP。"
            ),
            vec![evidence.clone()],
        ));
    }
    if let Some(evidence) = automatic {
        let place = &evidence.location;
        return Ok(Outcome::holds(
            text!(
                "A card without a configuration gets DHCP by itself: {place}.",
                "未配置的网卡会自动使用DHCP：{place}。"
            ),
            vec![evidence.clone()],
        ));
    }
    Ok(nothing(linux, &network))
}

/// No configuration asks for DHCP.
fn nothing(linux: &LinuxFacts, network: &Network<'_>) -> Outcome {
    let idle = network.idle();
    let asleep = idle.iter().find(|(config, _)| network.reach(config) != Reach::No);
    if let Some((config, why)) = asleep.or(idle.first()) {
        let (name, place, what) = (&config.name, &why.location, &why.detail);
        let (place_zh, what_zh) = why.in_chinese();
        let outcome = Outcome::broken(
            text!(
                "Nothing brings a network card up: {name} is configured but not used: {place}: {what}.",
                "没有网卡会被启用：{name}已配置但未生效：{place_zh}：{what_zh}。"
            ),
            idle.iter().map(|(_, why)| (*why).clone()).collect(),
        );
        let command = wake(config, why).or_else(|| start_program(linux, config, why));
        return match command {
            Some(command) => outcome.remedy(text!("{command}", "{command}")),
            None => outcome.remedy(configure(linux)),
        };
    }
    let mut evidence = vec![Evidence::new(
        "network configuration",
        "no interface with DHCP, no automatic connection, no cloud-init that writes one",
    )];
    evidence.extend(linux.network.programs.iter().map(|program| program.evidence.clone()));
    Outcome::broken(
        text!(
            "Nothing asks for an address by DHCP: no network card is configured, and nothing configures one by itself.",
            "没有任何DHCP配置：网卡未配置，也没有程序会自动配置网卡。"
        ),
        evidence,
    )
    .remedy(configure(linux))
}

/// What starts a configuration that is switched off by the line that was seen.
pub(crate) fn wake(config: &InterfaceConfig, why: &Evidence) -> Option<String> {
    if why.location == config.location {
        let file = shell::quote_path(&why.location);
        match config.program {
            NetworkProgram::NetworkManager if why.detail.starts_with("NetworkManager loads") => {
                return Some(format!("chown root:root {file} && chmod 600 {file}"));
            }
            NetworkProgram::Networkd if why.detail.contains("cannot read it") => {
                return Some(format!("chmod 644 {file}"));
            }
            _ => {}
        }
    }
    let setting = match config.lacks {
        Some(NetworkLack::Device) => Some(format!("DEVICE={}", shell::quote(&config.name))),
        Some(NetworkLack::Settings) => Some("NETWORKING=yes".to_owned()),
        None => None,
    };
    if let Some(setting) = setting {
        return Some(format!("echo {setting} >> {}", shell::quote_path(&why.location)));
    }
    // chkconfig(8) links what it turns on into runlevels 2 to 5.
    if why.location.ends_with("/init.d/network")
        && ["2", "3", "4", "5"]
            .iter()
            .any(|level| why.detail.starts_with(&format!("{NO_START_LINK} {level}")))
    {
        return Some("chkconfig network on".to_owned());
    }
    let (file, line) = shell::file_and_line(&why.location)?;
    let file = shell::quote_path(file);
    let name = shell::quote(&config.name);
    match config.program {
        NetworkProgram::NetworkScripts | NetworkProgram::NetworkManager
            if why.detail.contains("ONBOOT") =>
        {
            Some(format!("sed -i '{line}s/.*/ONBOOT=yes/' {file}"))
        }
        NetworkProgram::NetworkScripts if why.detail.starts_with("NETWORKING=") => {
            Some(format!("sed -i '{line}s/.*/NETWORKING=yes/' {file}"))
        }
        NetworkProgram::NetworkScripts if why.detail.contains("carriage return") => {
            Some(format!("sed -i 's/\\r$//' {file}"))
        }
        NetworkProgram::Networkd if why.detail.starts_with("Unmanaged") => {
            Some(format!("sed -i '{line}s/^/#/' {file}"))
        }
        NetworkProgram::Ifupdown if why.detail.contains("_INTERFACES=") => {
            Some(format!("sed -i '{line}s/^/#/' {file}"))
        }
        NetworkProgram::Wicked if why.detail.contains("STARTMODE=") => {
            Some(format!("sed -i \"{line}s/.*/STARTMODE='auto'/\" {file}"))
        }
        NetworkProgram::NetworkManager if why.detail.contains("autoconnect") => {
            Some(format!("sed -i '{line}s/.*/autoconnect=true/' {file}"))
        }
        NetworkProgram::Ifupdown if why.detail.starts_with("no auto") => {
            Some(format!("sed -i '{line}i auto '{name} {file}"))
        }
        _ => None,
    }
}

/// What starts the program that would read a configuration, where its service is off or not installed.
pub(crate) fn start_program(
    linux: &LinuxFacts,
    config: &InterfaceConfig,
    why: &Evidence,
) -> Option<String> {
    if config.program == NetworkProgram::Netplan
        && why.detail == not_installed(&[NetworkProgram::NetworkManager])
    {
        // An interface's own renderer is stronger than any other (netplan(5)).
        let name = shell::quote(&config.name);
        return Some(format!("netplan set ethernets.{name}.renderer=networkd"));
    }
    let facts = linux.network.programs.iter().find(|facts| facts.evidence == *why)?;
    let unit = service(facts)?;
    if unit.mask_word().is_some() {
        return None;
    }
    matches!(unit.state.known(), Some(UnitState::Disabled | UnitState::Masked))
        .then(|| start::command(linux, &[&unit]))
}

/// The service of a program.
fn service(facts: &ProgramFacts) -> Option<UnitFacts> {
    let name = match facts.program {
        NetworkProgram::NetworkScripts => "network",
        NetworkProgram::Wicked => "wicked",
        NetworkProgram::NetworkManager => "NetworkManager",
        NetworkProgram::Ifupdown => "networking",
        NetworkProgram::Networkd => "systemd-networkd",
        NetworkProgram::Netplan | NetworkProgram::DhcpClient => return None,
    };
    let (state, evidence) = (facts.state.clone(), facts.evidence.clone());
    Some(UnitFacts { name: name.to_owned(), state, evidence })
}

/// A keyfile for any card, which NetworkManager loads only with mode 0600.
const KEYFILE: &str = "printf '[connection]\\nid=dhcp\\ntype=ethernet\\n\\n[ipv4]\\nmethod=auto\\n' > /etc/NetworkManager/system-connections/dhcp.nmconnection && chmod 600 /etc/NetworkManager/system-connections/dhcp.nmconnection";

/// The command that gives NetworkManager a connection by DHCP, where it is what sets up the network and
/// reads no ifcfg files.
pub(crate) fn keyfile(linux: &LinuxFacts) -> Option<&'static str> {
    let has = |program| linux.network.programs.iter().any(|found| found.program == program);
    let keyfile = linux.network.no_ifcfg.is_some()
        && has(NetworkProgram::NetworkManager)
        && !has(NetworkProgram::NetworkScripts);
    keyfile.then_some(KEYFILE)
}

/// A configuration by DHCP where there is none.
fn configure(linux: &LinuxFacts) -> Text {
    let program = |wanted| linux.network.programs.iter().find(|facts| facts.program == wanted);
    let debian;
    let command = match family_of(linux) {
        Some(Family::RedHat) if keyfile(linux).is_some() => KEYFILE,
        Some(Family::RedHat) => {
            "printf 'DEVICE=eth0\\nTYPE=Ethernet\\nBOOTPROTO=dhcp\\nONBOOT=yes\\n' > /etc/sysconfig/network-scripts/ifcfg-eth0"
        }
        Some(Family::Suse) => {
            "printf \"BOOTPROTO='dhcp'\\nSTARTMODE='auto'\\n\" > /etc/sysconfig/network/ifcfg-eth0"
        }
        Some(Family::Debian) if program(NetworkProgram::Netplan).is_some() => {
            "netplan set 'ethernets.all={match: {name: \"e*\"}, dhcp4: true}'"
        }
        Some(Family::Debian) => {
            let (write, by) = match (
                program(NetworkProgram::Ifupdown),
                program(NetworkProgram::Networkd),
            ) {
                (None, Some(networkd)) => (
                    "printf '[Match]\\nName=e*\\n\\n[Network]\\nDHCP=yes\\n' > /etc/systemd/network/80-dhcp.network",
                    Some(networkd),
                ),
                (ifupdown, _) => (
                    "printf 'auto eth0\\niface eth0 inet dhcp\\n' >> /etc/network/interfaces",
                    ifupdown,
                ),
            };
            let off =
                by.and_then(service).filter(|unit| unit.state != Fact::Known(UnitState::Enabled));
            debian = match off {
                Some(unit) => format!("{write} && {{ {}; }}", start::command(linux, &[&unit])),
                None => write.to_owned(),
            };
            debian.as_str()
        }
        None => return DOC.remedy.text(),
    };
    text!("{command}", "{command}")
}

/// Turns the configurations that have a static address over to DHCP.
fn to_dhcp(configs: &[&InterfaceConfig]) -> Text {
    let fixed = configs.iter().filter(|config| config.ipv4 == Addressing::Static);
    let command = fixed.map(|config| one_to_dhcp(config)).collect::<Vec<_>>().join("\n");
    text!("{command}", "{command}")
}

/// The command that turns one configuration over.
pub(crate) fn one_to_dhcp(config: &InterfaceConfig) -> String {
    let at = &config.ipv4_at.location;
    let (file, line) = shell::file_and_line(at).unwrap_or((at, 1));
    let file = shell::quote_path(file);
    match config.program {
        NetworkProgram::NetworkManager if !config.location.contains("/ifcfg-") => {
            let name = shell::quote(&config.name);
            format!(
                "nmcli connection modify {name} ipv4.method auto ipv4.gateway '' ipv4.addresses ''"
            )
        }
        NetworkProgram::Netplan => {
            let name = shell::quote(&config.name);
            format!(
                "netplan set ethernets.{name}.addresses=null && netplan set ethernets.{name}.routes=null && netplan set ethernets.{name}.gateway4=null && netplan set ethernets.{name}.dhcp4=true"
            )
        }
        // Just this stanza (interfaces(5)), and no line of the file gets another number.
        NetworkProgram::Ifupdown => format!(
            "sed -i -e '{line}s/\\(inet[[:space:]]*\\)static/\\1dhcp/' -e '{line},/^[[:space:]]*\\(iface\\|auto\\|allow-\\|no-\\|mapping\\|source\\|rename\\)/s/^[[:space:]]*\\(address\\|netmask\\|network\\|broadcast\\|gateway\\)[[:space:]]/#&/' {file}"
        ),
        NetworkProgram::Networkd => format!(
            "sed -i -e '/^\\(Address\\|Gateway\\|DHCP\\)=/d' -e 's/^\\[Network\\]/&\\nDHCP=yes/' {file}"
        ),
        _ => format!(
            "sed -i -e '/^\\(IPADDR\\|NETMASK\\|PREFIX\\|PREFIXLEN\\|GATEWAY\\|BOOTPROTO\\)[0-9_]*=/d' {file} && echo BOOTPROTO=dhcp >> {file}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::facts::{CloudInitNetwork, IN_NO_RUNLEVEL, InterfaceMatch, NicName};
    use crate::rules::Status;
    use crate::rules::testing::network::ifcfg_eth0;
    use crate::rules::testing::*;

    fn with(interfaces: Vec<InterfaceConfig>) -> Facts {
        let mut facts = good_linux();
        linux_mut(&mut facts).network.interfaces = Fact::Known(interfaces);
        facts
    }

    fn fixed() -> InterfaceConfig {
        let at = Evidence::new("/etc/sysconfig/network-scripts/ifcfg-eth0:4", "IPADDR=10.0.0.5");
        InterfaceConfig { ipv4: Addressing::Static, ipv4_at: at, ..ifcfg_eth0() }
    }

    fn cloud_init(facts: &mut Facts) {
        let evidence = Evidence::new("/usr/bin/cloud-init", "writes");
        linux_mut(facts).network.cloud_init = Fact::Known(CloudInitNetwork::Writes(evidence));
    }

    #[test]
    fn dhcp_for_the_card_passes() {
        expect(&NicDhcp, &good_linux(), Status::Pass, "BOOTPROTO=dhcp");
    }

    #[test]
    fn a_static_address_of_the_card_fails_even_beside_cloud_init() {
        let mut facts = with(vec![fixed()]);
        cloud_init(&mut facts);
        let finding =
            expect_in(Profile::Huaweicloud, &NicDhcp, &facts, Status::Fail, "IPADDR=10.0.0.5");
        assert!(remedy(&finding).contains("echo BOOTPROTO=dhcp >>"), "{finding:#?}");
        assert_eq!(status(&NicDhcp, &facts), Status::Warn);
    }

    #[test]
    fn the_printed_command_turns_just_the_stanza_to_dhcp() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("interfaces");
        let before = "auto lo ens3\niface lo inet loopback\n\niface ens3 inet  static\n\taddress 10.0.0.5/24\n\tgateway 10.0.0.1\n\tmtu 1400\niface ens4 inet static\n\taddress 10.0.1.5/24\n";
        let after = "auto lo ens3\niface lo inet loopback\n\niface ens3 inet  dhcp\n#\taddress 10.0.0.5/24\n#\tgateway 10.0.0.1\n\tmtu 1400\niface ens4 inet static\n\taddress 10.0.1.5/24\n";
        std::fs::write(&file, before).unwrap();
        let at = Evidence::new(format!("{}:4", file.display()), "iface ens3 inet static");
        let config = InterfaceConfig {
            program: NetworkProgram::Ifupdown,
            ipv4: Addressing::Static,
            ipv4_at: at,
            ..ifcfg_eth0()
        };
        let command = one_to_dhcp(&config);
        let ended = std::process::Command::new("sh").args(["-c", &command]).status().unwrap();
        assert!(ended.success(), "{command}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), after);
    }

    #[test]
    fn what_cloud_init_will_write_anew_does_not_count() {
        let mut facts = with(vec![InterfaceConfig { by_cloud_init: true, ..fixed() }]);
        assert_eq!(status(&NicDhcp, &facts), Status::Warn);
        cloud_init(&mut facts);
        expect(&NicDhcp, &facts, Status::Pass, "/usr/bin/cloud-init");
    }

    #[test]
    fn a_static_address_of_another_card_fails_unless_one_has_dhcp() {
        let other = || {
            let names = vec!["ens33".to_owned()];
            let matches = InterfaceMatch { names, ..InterfaceMatch::default() };
            InterfaceConfig { matches, ..fixed() }
        };
        let facts = with(vec![other()]);
        expect_in(Profile::Otc, &NicDhcp, &facts, Status::Fail, "Only static addresses");
        expect(&NicDhcp, &with(vec![other(), ifcfg_eth0()]), Status::Pass, "BOOTPROTO=dhcp");
        let mut facts = with(vec![other()]);
        cloud_init(&mut facts);
        expect_in(Profile::Otc, &NicDhcp, &facts, Status::Warn, "Only static addresses");
    }

    #[test]
    fn a_bridge_over_the_card_counts_in_its_place() {
        let port = InterfaceConfig { ipv4: Addressing::None, ..ifcfg_eth0() };
        let bridge = |ipv4| InterfaceConfig {
            name: "br0".to_owned(),
            kind: crate::guest::facts::InterfaceKind::Master,
            ports: vec!["eth0".to_owned()],
            ipv4,
            ..fixed()
        };
        let facts = with(vec![port.clone(), bridge(Addressing::Static)]);
        expect(&NicDhcp, &facts, Status::Warn, "IPADDR=10.0.0.5");
        assert_eq!(status(&NicDhcp, &with(vec![port, bridge(Addressing::Dhcp)])), Status::Pass);
    }

    #[test]
    fn no_configuration_fails_unless_something_configures_by_itself() {
        let facts = with(Vec::new());
        let finding =
            expect_in(Profile::Huaweicloud, &NicDhcp, &facts, Status::Fail, "Nothing asks");
        assert!(remedy(&finding).contains("ifcfg-eth0"));
        let mut facts = with(Vec::new());
        let main = Evidence::new("/etc/NetworkManager/NetworkManager.conf", "no no-auto-default");
        linux_mut(&mut facts).network.automatic = Fact::Known(vec![main]);
        expect(&NicDhcp, &facts, Status::Pass, "NetworkManager.conf");
        cloud_init(&mut facts);
        expect(&NicDhcp, &facts, Status::Pass, "cloud-init");
    }

    #[test]
    fn network_manager_without_its_plugin_gets_a_keyfile() {
        let mut facts = with(Vec::new());
        let linux = linux_mut(&mut facts);
        linux.network.programs[0].program = NetworkProgram::NetworkManager;
        linux.network.no_ifcfg = Some(Evidence::new("/usr/lib64/NetworkManager", "without"));
        let finding = expect(&NicDhcp, &facts, Status::Warn, "Nothing asks");
        let command = remedy(&finding);
        assert!(!command.contains("ifcfg"), "{command}");
        // What the shell writes, with the modes that NetworkManager asks for.
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().to_str().unwrap();
        let command = command.replace("/etc/NetworkManager/system-connections", folder);
        let ended = std::process::Command::new("sh").args(["-c", &command]).status().unwrap();
        assert!(ended.success(), "{command}");
        let written = std::fs::read_to_string(format!("{folder}/dhcp.nmconnection")).unwrap();
        assert_eq!(written, "[connection]\nid=dhcp\ntype=ethernet\n\n[ipv4]\nmethod=auto\n");
    }

    #[test]
    fn an_interface_that_does_not_start_is_shown_with_its_switch() {
        let why = Evidence::new("/etc/sysconfig/network-scripts/ifcfg-eth0:6", "ONBOOT=no");
        let facts = with(vec![InterfaceConfig { idle: Fact::Known(Some(why)), ..ifcfg_eth0() }]);
        let finding = expect(&NicDhcp, &facts, Status::Warn, "ONBOOT=no");
        let file = "/etc/sysconfig/network-scripts/ifcfg-eth0";
        assert_eq!(remedy(&finding), format!("sed -i '6s/.*/ONBOOT=yes/' {file}"));
    }

    #[test]
    fn what_keeps_a_file_from_being_used_is_taken_away() {
        let keyfile = "/etc/NetworkManager/system-connections/lan.nmconnection";
        let networkd = "/etc/systemd/network/80-dhcp.network";
        let scripts = "/etc/sysconfig/network-scripts/ifcfg-eth0";
        for (program, location, at, detail, command) in [
            (
                NetworkProgram::NetworkManager,
                keyfile,
                keyfile.to_owned(),
                "NetworkManager loads only keyfiles of root with mode 0600: mode 0644",
                format!("chown root:root {keyfile} && chmod 600 {keyfile}"),
            ),
            (
                NetworkProgram::Networkd,
                networkd,
                networkd.to_owned(),
                "systemd-networkd runs without root's rights and cannot read it: mode 0600",
                format!("chmod 644 {networkd}"),
            ),
            (
                NetworkProgram::Networkd,
                networkd,
                format!("{networkd}:4"),
                "Unmanaged=yes",
                format!("sed -i '4s/^/#/' {networkd}"),
            ),
            (
                NetworkProgram::Ifupdown,
                "/etc/network/interfaces:6",
                "/etc/default/networking:5".to_owned(),
                "EXCLUDE_INTERFACES=eth0",
                "sed -i '5s/^/#/' /etc/default/networking".to_owned(),
            ),
            (
                NetworkProgram::NetworkManager,
                scripts,
                "/etc/rc.d/init.d/network".to_owned(),
                format!("{NO_START_LINK} 3 (/etc/inittab:1)").as_str(),
                "chkconfig network on".to_owned(),
            ),
            (
                NetworkProgram::NetworkScripts,
                scripts,
                "/etc/sysconfig/network:2".to_owned(),
                "NETWORKING=no",
                "sed -i '2s/.*/NETWORKING=yes/' /etc/sysconfig/network".to_owned(),
            ),
            (
                NetworkProgram::NetworkScripts,
                scripts,
                "/etc/sysconfig/network".to_owned(),
                "without it they do nothing",
                "echo NETWORKING=yes >> /etc/sysconfig/network".to_owned(),
            ),
            (
                NetworkProgram::NetworkScripts,
                scripts,
                scripts.to_owned(),
                "for no card",
                format!("echo DEVICE=eth0 >> {scripts}"),
            ),
            (
                NetworkProgram::NetworkScripts,
                scripts,
                format!("{scripts}:1"),
                "the network scripts take the carriage return at the line's end into the value",
                format!("sed -i 's/\\r$//' {scripts}"),
            ),
        ] {
            let idle = Fact::Known(Some(Evidence::new(at, detail)));
            let location = location.to_owned();
            let lacks = match detail {
                "without it they do nothing" => Some(NetworkLack::Settings),
                "for no card" => Some(NetworkLack::Device),
                _ => None,
            };
            let config = InterfaceConfig { program, location, idle, lacks, ..ifcfg_eth0() };
            let facts = with(vec![config]);
            let finding = expect(&NicDhcp, &facts, Status::Warn, detail);
            assert_eq!(remedy(&finding), command);
        }
    }

    #[test]
    fn what_does_not_run_is_started_by_its_own_command() {
        let netplan = || InterfaceConfig {
            program: NetworkProgram::Netplan,
            location: "/etc/netplan/01.yaml:5".to_owned(),
            ..ifcfg_eth0()
        };
        let idle_for = |why: &Evidence| Fact::Known(Some(why.clone()));
        let why = Evidence::new("services", not_installed(&[NetworkProgram::NetworkManager]));
        let facts = with(vec![InterfaceConfig { idle: idle_for(&why), ..netplan() }]);
        let finding = expect(&NicDhcp, &facts, Status::Warn, "not installed");
        assert_eq!(remedy(&finding), "netplan set ethernets.eth0.renderer=networkd");
        let masked = "/etc/systemd/system/systemd-networkd.service";
        for (program, location, detail, state, command) in [
            (
                NetworkProgram::Networkd,
                masked,
                "link to /dev/null",
                UnitState::Masked,
                "systemctl unmask systemd-networkd; systemctl enable systemd-networkd",
            ),
            (
                NetworkProgram::Ifupdown,
                "/etc/init.d/networking",
                IN_NO_RUNLEVEL,
                UnitState::Disabled,
                "rc-update add networking boot",
            ),
        ] {
            let why = Evidence::new(location, detail);
            let mut facts = with(vec![InterfaceConfig { idle: idle_for(&why), ..netplan() }]);
            linux_mut(&mut facts).network.programs =
                vec![ProgramFacts { program, state: Fact::Known(state), evidence: why }];
            let finding = expect(&NicDhcp, &facts, Status::Warn, location);
            assert_eq!(remedy(&finding), command);
        }
    }

    #[test]
    fn debian_without_ifupdown_is_set_up_by_networkd() {
        let mut facts = with(Vec::new());
        os_mut(&mut facts).id = "debian".to_owned();
        linux_mut(&mut facts).network.programs = vec![ProgramFacts {
            program: NetworkProgram::Networkd,
            state: Fact::Known(UnitState::Disabled),
            evidence: Evidence::new("/usr/lib/systemd/system/systemd-networkd.service", "off"),
        }];
        let finding = expect(&NicDhcp, &facts, Status::Warn, "Nothing asks");
        assert_eq!(
            remedy(&finding),
            "printf '[Match]\\nName=e*\\n\\n[Network]\\nDHCP=yes\\n' > /etc/systemd/network/80-dhcp.network \
             && { systemctl unmask systemd-networkd; systemctl enable systemd-networkd; }"
        );
    }

    #[test]
    fn what_is_not_known_is_unverified() {
        expect(&NicDhcp, &unread_inside(), Status::Unverified, "it was torn");
        let idle = Fact::unknown("/etc/systemd/system", "torn");
        let facts = with(vec![InterfaceConfig { idle, ..fixed() }]);
        expect(&NicDhcp, &facts, Status::Unverified, "torn");
        let mut facts = with(Vec::new());
        linux_mut(&mut facts).network.cloud_init = Fact::unknown("/etc/cloud", "torn");
        expect(&NicDhcp, &facts, Status::Unverified, "/etc/cloud");
        let mut facts = with(vec![fixed()]);
        let at = Evidence::new("/etc/systemd/network/99-default.link:4", "NamePolicy=slot");
        linux_mut(&mut facts).network.nic_name = Fact::Known((NicName::ByPlace, at));
        assert_eq!(status(&NicDhcp, &facts), Status::Warn);
        assert_eq!(status(&NicDhcp, &windows()), Status::NotApplicable);
    }
}
