//! `win-rdp-enabled`

use super::scope::{Decision, known, settle, windows_only};
use super::win_drivers::SERVICES;
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Evidence;
use crate::guest::facts::{Facts, FirewallVerdict};
use crate::text;

/// Remote Desktop lets one in.
pub(super) struct WinRdpEnabled;

static DOC: Doc = Doc {
    title: Fixed::new("Remote Desktop is enabled and let through the firewall", "已启用远程桌面，且防火墙放行"),
    why: Fixed::new("A Windows server is used by Remote Desktop. Where it is off only the console of the platform is left; servers with a GPU need it.", "登录Windows云服务器需使用远程桌面。未启用时只能通过管理控制台的VNC登录；GPU优化型云服务器必须启用。"),
    decided: Fixed::new("fDenyTSConnections is 0, of the policy (SOFTWARE\\Policies\\Microsoft\\Windows NT\\Terminal Services) where there is one, otherwise of Control\\Terminal Server; the service TermService is not disabled; the listener RDP-Tcp is there and not disabled (fEnableWinStation); the edition is none of the Home editions, which host no Remote Desktop; and the Windows firewall is off for public networks or has an active rule that lets the port of Remote Desktop in from anywhere, and none that blocks it (the machine's own rules only where the policy merges them).", "组策略（SOFTWARE\\Policies\\Microsoft\\Windows NT\\Terminal Services）或Control\\Terminal Server中的fDenyTSConnections为0；TermService服务未被禁用；RDP-Tcp侦听器存在且未被禁用（fEnableWinStation）；不是不支持远程桌面主机的家庭版；Windows防火墙在公用网络上关闭，或存在对所有来源放行远程桌面端口的有效规则且没有阻止规则（仅当组策略允许合并时才计入本机规则）。"),
    remedy: Fixed::new("reg add \"HKLM\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\" /v fDenyTSConnections /t REG_DWORD /d 0 /f
netsh advfirewall firewall set rule group=\"@FirewallAPI.dll,-28752\" new enable=Yes", "reg add \"HKLM\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\" /v fDenyTSConnections /t REG_DWORD /d 0 /f
netsh advfirewall firewall set rule group=\"@FirewallAPI.dll,-28752\" new enable=Yes"),
    source: "开启远程桌面连接功能 (OTC 0030713155)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for WinRdpEnabled {
    fn id(&self) -> &'static str {
        "win-rdp-enabled"
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
    let windows = windows_only(facts)?;
    let remote = &windows.remote_desktop;
    let mut evidence = Vec::new();
    match known(&remote.deny)? {
        Some(deny) if deny.value == 0 => evidence.push(deny.evidence.clone()),
        Some(deny) => return Ok(off(vec![deny.evidence.clone()])),
        None => {
            return Ok(off(vec![Evidence::new(
                r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server",
                "no fDenyTSConnections",
            )]));
        }
    }
    let services = known(&windows.services)?;
    let service = services.iter().find(|it| it.name.eq_ignore_ascii_case("TermService"));
    match service {
        Some(service) if service.may_start() => evidence.push(service.evidence.clone()),
        Some(service) => {
            return Ok(Outcome::broken(
                text!(
                    "The service of Remote Desktop (TermService) is disabled.",
                    "远程桌面服务（TermService）已被禁用。"
                ),
                vec![service.evidence.clone()],
            )
            .remedy(text!(
                "sc config TermService start= demand",
                "sc config TermService start= demand"
            )));
        }
        None => {
            return Ok(Outcome::broken(
                text!(
                    "There is no service of Remote Desktop (TermService).",
                    "没有远程桌面服务（TermService）。"
                ),
                vec![Evidence::new(SERVICES, "no TermService")],
            ));
        }
    }
    if let Some(disabled) = known(&remote.listener_off)? {
        let command = "reg add \"HKLM\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp\" /v fEnableWinStation /t REG_DWORD /d 1 /f";
        return Ok(Outcome::broken(
            text!(
                "Remote Desktop is enabled, but nothing waits for its connections.",
                "已启用远程桌面，但没有侦听连接的侦听器。"
            ),
            vec![disabled.clone()],
        )
        .remedy(text!("{command}", "{command}")));
    }
    if let Some(home) = windows.os.known().filter(|os| is_home(os.edition.as_deref())) {
        let (name, edition) = (&home.name, home.edition.as_deref().unwrap_or_default());
        let seen = Evidence::new(home.evidence.location.clone(), format!("EditionID={edition}"));
        return Ok(Outcome::broken(
            text!(
                "{name} hosts no Remote Desktop, whatever its settings say.",
                "{name}不支持作为远程桌面主机，与设置无关。"
            ),
            vec![seen],
        )
        .remedy(text!(
            "Use an edition that hosts Remote Desktop: Pro, Enterprise, Education or Server.",
            "请使用支持远程桌面主机的版本：专业版、企业版、教育版或服务器版。"
        )));
    }
    let port = known(&remote.port)?.value;
    match known(&remote.firewall)? {
        FirewallVerdict::Off(seen) | FirewallVerdict::Open(seen) => {
            evidence.push(seen.clone());
            Ok(Outcome::holds(
                text!(
                    "Remote Desktop is enabled (port {port}) and let in.",
                    "已启用远程桌面（端口{port}）且防火墙放行。"
                ),
                evidence,
            ))
        }
        FirewallVerdict::Closed(seen) => {
            let command = format!(
                "netsh advfirewall firewall add rule name=\"Remote Desktop {port}\" dir=in action=allow protocol=TCP localport={port}"
            );
            Ok(Outcome::broken(
                text!(
                    "Remote Desktop is enabled, but the firewall does not let port {port} in from public networks.",
                    "已启用远程桌面，但防火墙在公用网络上未放行端口{port}。"
                ),
                vec![seen.clone()],
            )
            .remedy(text!("{command}", "{command}")))
        }
    }
}

/// Whether an edition (`EditionID`) is one that hosts no Remote Desktop (Microsoft, "How to use Remote
/// Desktop": Home editions; for Windows 7 and Vista Starter, Home Basic and Home Premium).
fn is_home(edition: Option<&str>) -> bool {
    const HOME: [&str; 10] = [
        "Core",
        "CoreN",
        "CoreSingleLanguage",
        "CoreCountrySpecific",
        "Starter",
        "StarterN",
        "HomeBasic",
        "HomeBasicN",
        "HomePremium",
        "HomePremiumN",
    ];
    edition.is_some_and(|edition| HOME.iter().any(|home| home.eq_ignore_ascii_case(edition)))
}

fn off(evidence: Vec<Evidence>) -> Outcome {
    Outcome::broken(text!("Remote Desktop is not enabled.", "未启用远程桌面。"), evidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::fact::Fact;
    use crate::guest::facts::{Seen, StartType, WindowsIdentity};
    use crate::rules::Status;
    use crate::rules::testing::windows::*;
    use crate::rules::testing::*;

    const RULE: WinRdpEnabled = WinRdpEnabled;

    #[test]
    fn an_enabled_remote_desktop_passes() {
        expect(&RULE, &good_windows(), Status::Pass, "RemoteDesktop-UserMode-In-TCP");
    }

    #[test]
    fn a_disabled_one_warns() {
        let mut facts = good_windows();
        let deny = Seen::new(1, Evidence::new("policy", "fDenyTSConnections=1"));
        windows_mut(&mut facts).remote_desktop.deny = Fact::Known(Some(deny));
        expect(&RULE, &facts, Status::Warn, "fDenyTSConnections=1");
        windows_mut(&mut facts).remote_desktop.deny = Fact::Known(None);
        expect(&RULE, &facts, Status::Warn, "no fDenyTSConnections");
        let mut facts = good_windows();
        service_mut(&mut facts, "TermService").start = Some(StartType::Disabled);
        expect(&RULE, &facts, Status::Warn, "TermService");
    }

    #[test]
    fn one_that_nothing_listens_for_warns() {
        let mut facts = good_windows();
        let disabled = Evidence::new("RDP-Tcp", "fEnableWinStation=0");
        windows_mut(&mut facts).remote_desktop.listener_off = Fact::Known(Some(disabled));
        let finding = expect(&RULE, &facts, Status::Warn, "fEnableWinStation=0");
        assert!(remedy(&finding).ends_with("/v fEnableWinStation /t REG_DWORD /d 1 /f"));
        windows_mut(&mut facts).remote_desktop.listener_off = Fact::unknown("ICA-Tcp", "unread");
        expect(&RULE, &facts, Status::Unverified, "ICA-Tcp");
    }

    #[test]
    fn home_editions_host_none() {
        let mut facts = good_windows();
        let mut with = |edition: &str, status| {
            let home = WindowsIdentity { edition: Some(edition.to_owned()), ..identity() };
            windows_mut(&mut facts).os = Fact::Known(home);
            expect(&RULE, &facts, status, "");
        };
        with("Core", Status::Warn);
        with("HomePremium", Status::Warn);
        with("Professional", Status::Pass);
        with("ServerDatacenterCor", Status::Pass);
    }

    #[test]
    fn a_closed_firewall_warns_with_the_rule() {
        let mut facts = good_windows();
        let closed = FirewallVerdict::Closed(Evidence::new("FirewallRules", "no rule"));
        let remote = &mut windows_mut(&mut facts).remote_desktop;
        remote.firewall = Fact::Known(closed);
        remote.port = Fact::Known(Seen::new(13389, Evidence::new("RDP-Tcp", "PortNumber=13389")));
        let finding = expect(&RULE, &facts, Status::Warn, "13389");
        assert!(remedy(&finding).ends_with("localport=13389"));
    }

    #[test]
    fn what_cannot_be_read_is_unverified() {
        expect(&RULE, &windows_unread(), Status::Unverified, "it was torn");
        let mut facts = good_windows();
        windows_mut(&mut facts).remote_desktop.firewall = Fact::unknown("rules", "torn value");
        expect(&RULE, &facts, Status::Unverified, "torn value");
        expect(&RULE, &good_linux(), Status::NotApplicable, "Linux");
    }
}
