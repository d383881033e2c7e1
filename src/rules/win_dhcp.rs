//! `win-dhcp`

use super::scope::{Decision, known, settle, windows_only};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, shell};
use crate::fact::Evidence;
use crate::guest::facts::{Facts, ServiceFacts, StartType, WindowsFacts, WindowsInterface};
use crate::text;

/// Network cards get their addresses by DHCP.
pub(super) struct WinDhcp;

static DOC: Doc = Doc {
    title: Fixed::new(
        "Windows' network cards get their addresses by DHCP",
        "Windows网卡通过DHCP获取IP地址",
    ),
    why: Fixed::new(
        "A server with a fixed address of another network cannot be reached, and gets no password from the metadata service. The automatic configuration restores DHCP.",
        "使用其他网络静态IP地址的云服务器无法访问，也无法从元数据服务获取密码。自动配置会恢复DHCP。",
    ),
    decided: Fixed::new(
        "Each key below Tcpip\\Parameters\\Interfaces whose connection is a card on a bus (PCI, Xen, VMBus, USB): EnableDHCP=0 is broken; name servers set by hand warn. The service Dhcp, where its key is there, is broken when it is disabled, and warns when nothing starts it by itself. Tunnels, virtual switches and keys that no connection has any more are not judged.",
        "检查Tcpip\\Parameters\\Interfaces下对应总线网卡（PCI、Xen、VMBus、USB）的每个接口：EnableDHCP=0时判为不满足；手工设置DNS服务器时告警。Dhcp服务（若有服务项）被禁用时判为不满足，不会自动启动时告警。不判断隧道、虚拟交换机以及已无对应连接的残留项。",
    ),
    remedy: Fixed::new(
        "netsh interface ipv4 set address name=\"NAME\" source=dhcp
netsh interface ipv4 set dnsservers name=\"NAME\" source=dhcp
ipconfig /release",
        "netsh interface ipv4 set address name=\"NAME\" source=dhcp
netsh interface ipv4 set dnsservers name=\"NAME\" source=dhcp
ipconfig /release",
    ),
    source: "设置网卡属性为DHCP（Windows） (OTC 0030713152); OTC 0032307025",
    predicts: &[],
    repaired_by_platform: true,
};

impl Rule for WinDhcp {
    fn id(&self) -> &'static str {
        "win-dhcp"
    }

    fn level(&self, profile: Profile) -> Option<Level> {
        Some(match profile {
            // Only the newer pages ask for it.
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

/// The repair of the service.
const START_DHCP: &str =
    r"reg add HKLM\SYSTEM\CurrentControlSet\Services\Dhcp /v Start /t REG_DWORD /d 2 /f";

fn decide(facts: &Facts) -> Decision {
    let windows = windows_only(facts)?;
    let interfaces = known(&windows.interfaces)?;
    let (mut fixed, mut servers, mut good) = (Vec::new(), Vec::new(), Vec::new());
    let service = dhcp_client(windows);
    if let Ok(Some(service)) = &service
        && service.start == Some(StartType::Disabled)
    {
        return Ok(Outcome::broken(
            text!(
                "The DHCP client is disabled: no network card gets an address.",
                "DHCP客户端服务（Dhcp）已被禁用，网卡无法获取IP地址。"
            ),
            vec![service.evidence.clone()],
        )
        .remedy(text!("{START_DHCP}", "{START_DHCP}")));
    }
    for interface in interfaces.iter().filter(|interface| interface.is_card()) {
        if interface.dhcp == Some(false) {
            fixed.push(interface);
        } else if !interface.name_servers.is_empty() {
            servers.push(interface);
        } else {
            good.push(interface.evidence.clone());
        }
    }
    let seen = |list: &[&WindowsInterface]| list.iter().map(|it| it.evidence.clone()).collect();
    if let Some(first) = fixed.first() {
        let (name, addresses) = (shown(first), first.addresses.join(", "));
        let commands = commands(fixed.iter().chain(&servers), true);
        let what = match addresses.is_empty() {
            true => text!(
                "“{name}” does not get its address by DHCP, and has none.",
                "“{name}”未启用DHCP，也没有IP地址。"
            ),
            false => text!(
                "“{name}” has a fixed address ({addresses}).",
                "“{name}”使用静态IP地址（{addresses}）。"
            ),
        };
        let outcome = Outcome::broken(what, seen(&fixed));
        return Ok(outcome.remedy(text!("{commands}", "{commands}")));
    }
    if let Some(service) = service?
        && !matches!(service.start, Some(StartType::Automatic))
    {
        return Ok(Outcome::doubtful(
            text!(
                "The DHCP client does not start by itself: network cards may get no address.",
                "DHCP客户端服务（Dhcp）不会自动启动，网卡可能无法获取IP地址。"
            ),
            vec![service.evidence.clone()],
        )
        .remedy(text!("{START_DHCP}", "{START_DHCP}")));
    }
    if let Some(first) = servers.first() {
        let (name, addresses) = (shown(first), first.name_servers.join(", "));
        let commands = commands(servers.iter(), false);
        return Ok(Outcome::doubtful(
            text!(
                "“{name}” has name servers that were set by hand ({addresses}).",
                "“{name}”手工设置了DNS服务器（{addresses}）。"
            ),
            seen(&servers),
        )
        .remedy(text!("{commands}", "{commands}")));
    }
    if good.is_empty() {
        good.push(Evidence::new(
            r"HKLM\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters\Interfaces",
            "no card has a setting",
        ));
    }
    Ok(Outcome::holds(
        text!("The network cards get their addresses by DHCP.", "网卡通过DHCP获取IP地址。"),
        good,
    ))
}

/// The service that asks for addresses. That it is not there is not judged: nothing is then known of
/// what does its work.
fn dhcp_client(windows: &WindowsFacts) -> Decision<Option<&ServiceFacts>> {
    Ok(known(&windows.services)?.iter().find(|it| it.name.eq_ignore_ascii_case("Dhcp")))
}

fn shown(interface: &WindowsInterface) -> &str {
    interface.name.as_deref().unwrap_or(&interface.guid)
}

fn commands<'a>(
    interfaces: impl Iterator<Item = &'a &'a WindowsInterface>,
    address: bool,
) -> String {
    let mut lines = Vec::new();
    for interface in interfaces {
        let name = shell::quote_cmd(shown(interface)).unwrap_or_else(|| "NAME".to_owned());
        if address {
            lines.push(format!("netsh interface ipv4 set address name={name} source=dhcp"));
        }
        lines.push(format!("netsh interface ipv4 set dnsservers name={name} source=dhcp"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::fact::Fact;
    use crate::guest::facts::SoftwareKind;
    use crate::rules::Status;
    use crate::rules::testing::windows::*;
    use crate::rules::testing::*;

    const RULE: WinDhcp = WinDhcp;

    fn with(change: impl Fn(&mut WindowsInterface)) -> Facts {
        let mut facts = good_windows();
        let mut interface = interface();
        change(&mut interface);
        windows_mut(&mut facts).interfaces = Fact::Known(vec![interface]);
        facts
    }

    #[test]
    fn a_card_with_dhcp_passes() {
        expect_in(Profile::Otc, &RULE, &good_windows(), Status::Pass, "EnableDHCP=1");
    }

    #[test]
    fn a_fixed_address_fails_with_the_command() {
        let facts = with(|it| {
            it.dhcp = Some(false);
            it.addresses = vec!["192.168.1.5".to_owned()];
            it.name = Some("本地连接 2".to_owned());
        });
        let finding = expect_in(Profile::Huaweicloud, &RULE, &facts, Status::Fail, "192.168.1.5");
        assert!(finding.repaired_by_platform);
        assert!(remedy(&finding).contains("set address name=\"本地连接 2\" source=dhcp"));
        expect(&RULE, &facts, Status::Warn, "192.168.1.5");
    }

    #[test]
    fn neither_dhcp_nor_an_address_fails() {
        let facts = with(|it| {
            it.dhcp = Some(false);
            it.evidence.detail = "EnableDHCP=0".to_owned();
        });
        let finding = expect_in(Profile::Otc, &RULE, &facts, Status::Fail, "EnableDHCP=0");
        assert!(finding.message.en.contains("has none"), "{}", finding.message.en);
    }

    #[test]
    fn without_its_client_there_is_no_dhcp() {
        let mut facts = good_windows();
        add_service(&mut facts, service("Dhcp", SoftwareKind::Windows));
        expect_in(Profile::Otc, &RULE, &facts, Status::Pass, "EnableDHCP=1");
        let set = |facts: &mut Facts, start, detail: &str| {
            let dhcp = service_mut(facts, "Dhcp");
            (dhcp.start, dhcp.evidence.detail) = (Some(start), detail.to_owned());
        };
        set(&mut facts, StartType::Disabled, "Start=4");
        let finding = expect_in(Profile::Otc, &RULE, &facts, Status::Fail, "Start=4");
        assert!(remedy(&finding).ends_with("/d 2 /f"));
        set(&mut facts, StartType::Manual, "Start=3");
        expect_in(Profile::Otc, &RULE, &facts, Status::Warn, "Start=3");
    }

    #[test]
    fn name_servers_of_its_own_warn() {
        let facts = with(|it| it.name_servers = vec!["10.0.0.2".to_owned()]);
        expect_in(Profile::Huaweicloud, &RULE, &facts, Status::Warn, "10.0.0.2");
    }

    #[test]
    fn what_is_no_card_is_not_judged() {
        let fixed = |device: Option<&str>| {
            let device = device.map(str::to_owned);
            with(|it| {
                it.dhcp = Some(false);
                it.addresses = vec!["172.17.0.1".to_owned()];
                it.device = device.clone();
                it.leftover = device.is_none();
            })
        };
        for device in [Some(r"ROOT\VMS_MP\0000"), Some(r"SWD\Wintun\{1}"), None] {
            let facts = fixed(device);
            expect_in(Profile::Otc, &RULE, &facts, Status::Pass, "no card has a setting");
        }
        let facts = fixed(Some(r"VMBUS\{F8615163}\{1}"));
        expect_in(Profile::Otc, &RULE, &facts, Status::Fail, "172.17.0.1");
    }

    #[test]
    fn what_cannot_be_read_is_unverified() {
        expect(&RULE, &windows_unread(), Status::Unverified, "it was torn");
        expect(&RULE, &good_linux(), Status::NotApplicable, "Linux");
    }
}
