//! Remote Desktop: whether it is on, its port, and whether the firewall lets it in.
//!
//! Sources: Microsoft, "fDenyTSConnections" and "PortNumber"; the policy of that name; MS-GPFAS 2.2.2
//! (firewall rules and profiles in the registry); for Windows XP and Server 2003
//! "Windows Firewall registry keys" (GloballyOpenPorts).

mod rule;

use self::rule::{Effect, FirewallRule};
use super::hklm::{Hklm, Place, fact};
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{FirewallVerdict, RemoteDesktop, Seen, ServiceFacts, StartType};

const SERVER: &str = r"Control\Terminal Server";

/// The port where nothing says another.
const PORT: u32 = 3389;

/// Most rules looked at; Windows has some hundreds.
const MAX_RULES: usize = 16_384;

/// Remote Desktop; `services` are those that are known.
pub(super) fn find(hklm: &Hklm<'_>, services: &Fact<Vec<ServiceFacts>>) -> RemoteDesktop {
    let port = fact(SERVER, port(hklm));
    let firewall = match (&port, services) {
        (Fact::Known(port), Fact::Known(services)) => {
            fact("FirewallPolicy", firewall(hklm, services, port.value))
        }
        (Fact::Unknown(unread), _) | (_, Fact::Unknown(unread)) => Fact::Unknown(unread.clone()),
    };
    RemoteDesktop { deny: fact(SERVER, deny(hklm)), port, firewall }
}

fn deny(hklm: &Hklm<'_>) -> Result<Option<Seen<u32>>> {
    const POLICY: &str = r"Policies\Microsoft\Windows NT\Terminal Services";
    let policy = hklm.software(POLICY)?.dword("fDenyTSConnections")?;
    match policy {
        Some(policy) => Ok(Some(policy)),
        None => hklm.control_set(SERVER)?.dword("fDenyTSConnections"),
    }
}

fn port(hklm: &Hklm<'_>) -> Result<Seen<u32>> {
    let place = hklm.control_set(&format!(r"{SERVER}\WinStations\RDP-Tcp"))?;
    let default = || Seen::new(PORT, Evidence::new(place.path.clone(), "no PortNumber"));
    Ok(place.dword("PortNumber")?.unwrap_or_else(default))
}

fn firewall(hklm: &Hklm<'_>, services: &[ServiceFacts], port: u32) -> Result<FirewallVerdict> {
    let policy = hklm.control_set(r"Services\SharedAccess\Parameters\FirewallPolicy")?;
    let rules = policy.at("FirewallRules")?;
    // Windows Vista and later: the service MpsSvc, rules, and the profile of unknown networks.
    let is_new = rules.exists();
    let (service, profile) =
        if is_new { ("MpsSvc", "PublicProfile") } else { ("SharedAccess", "StandardProfile") };
    let service = services.iter().find(|found| found.name.eq_ignore_ascii_case(service));
    match service {
        Some(service) if service.start == Some(StartType::Disabled) => {
            return Ok(FirewallVerdict::Off(service.evidence.clone()));
        }
        None if !is_new => {
            return Ok(FirewallVerdict::Off(Evidence::new(policy.path, "no firewall service")));
        }
        _ => {}
    }
    let by_policy = hklm.software(&format!(r"Policies\Microsoft\WindowsFirewall\{profile}"))?;
    let local = policy.at(profile)?;
    // The policy's settings come before those of the machine.
    let setting = |name: &str| match by_policy.dword(name)? {
        Some(found) => Ok(Some(found)),
        None => local.dword(name),
    };
    if let Some(enabled) = setting("EnableFirewall")?
        && enabled.value == 0
    {
        return Ok(FirewallVerdict::Off(enabled.evidence));
    }
    if let Some(none) = setting("DoNotAllowExceptions")?
        && none.value == 1
    {
        return Ok(FirewallVerdict::Closed(none.evidence));
    }
    if !is_new {
        return old_ports(&[&local, &by_policy], port);
    }
    let policy_rules = hklm.software(r"Policies\Microsoft\WindowsFirewall\FirewallRules")?;
    let mut open = None;
    for place in [&policy_rules, &rules] {
        let values = place.values()?;
        if values.len() > MAX_RULES {
            let limit = u64::try_from(MAX_RULES).unwrap_or(u64::MAX);
            return Err(Error::Limit { structure: "FirewallRules", limit, unit: "rules" });
        }
        for value in values {
            let Some(text) = value.text() else { continue };
            let seen = || Evidence::new(format!(r"{}\{}", place.path, value.name), text.clone());
            match FirewallRule::parse(&text).effect(port) {
                // A rule that blocks comes before all that allow.
                Some(Effect::Blocks) => return Ok(FirewallVerdict::Closed(seen())),
                Some(Effect::Allows) if open.is_none() => open = Some(seen()),
                Some(Effect::Allows) | None => {}
            }
        }
    }
    // NET_FW_ACTION_ALLOW is 0 there.
    if let Some(default) = setting("DefaultInboundAction")?
        && default.value == 0
    {
        return Ok(FirewallVerdict::Open(default.evidence));
    }
    Ok(open.map_or_else(
        || {
            let detail = format!("no active rule for port {port} and public networks");
            FirewallVerdict::Closed(Evidence::new(rules.path.clone(), detail))
        },
        FirewallVerdict::Open,
    ))
}

/// Windows XP and Server 2003: `3389:TCP` = `3389:TCP:*:Enabled:@xpsp2res.dll,-22009`.
fn old_ports(profiles: &[&Place<'_>], port: u32) -> Result<FirewallVerdict> {
    let name = format!("{port}:TCP");
    let mut looked_at = Vec::new();
    for profile in profiles {
        let list = profile.at(r"GloballyOpenPorts\List")?;
        if let Some(entry) = list.text(&name)?
            && entry
                .value
                .split(':')
                .nth(3)
                .is_some_and(|word| word.eq_ignore_ascii_case("enabled"))
        {
            return Ok(FirewallVerdict::Open(entry.evidence));
        }
        looked_at.push(list.path);
    }
    Ok(FirewallVerdict::Closed(Evidence::new(looked_at.join(", "), format!("no {name}"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::windows::fixture::{Guest, Hive, guest};
    use crate::guest::windows::services;

    const POLICY: &str = r"ControlSet001\Services\SharedAccess\Parameters\FirewallPolicy";
    const ALLOWS: &str = "v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|";
    const BLOCKS: &str = "v2.10|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=3389|";

    fn found(guest: Guest) -> RemoteDesktop {
        guest.look(|tree, root, hklm| find(hklm, &services::find(tree, root, hklm)))
    }

    /// How the firewall of that guest ends: its first word.
    fn verdict(guest: Guest) -> &'static str {
        match found(guest).firewall {
            Fact::Known(FirewallVerdict::Off(_)) => "off",
            Fact::Known(FirewallVerdict::Open(_)) => "open",
            Fact::Known(FirewallVerdict::Closed(_)) => "closed",
            Fact::Unknown(_) => "unknown",
        }
    }

    fn with_rules(rules: &[(&str, &str)]) -> Guest {
        let key = format!(r"{POLICY}\FirewallRules");
        guest().system(|hive| {
            rules.iter().fold(hive.key(&key), |hive, (name, rule)| hive.text(name, rule))
        })
    }

    #[test]
    fn the_policy_comes_before_the_setting_and_the_port_may_be_another() {
        let server = |hive: Hive| hive.key(&format!(r"ControlSet001\{SERVER}"));
        let of = || guest().system(|hive| server(hive).dword("fDenyTSConnections", 1));
        let deny = |guest: Guest| found(guest).deny.known().unwrap().as_ref().map(|it| it.value);
        assert_eq!(deny(guest()), None);
        assert_eq!(deny(of()), Some(1));
        let policy = r"Policies\Microsoft\Windows NT\Terminal Services";
        let policy = of().software(|hive| hive.key(policy).dword("fDenyTSConnections", 0));
        assert_eq!(deny(policy), Some(0));
        assert_eq!(found(guest()).port.known().unwrap().value, PORT);
        let other = guest().system(|hive| {
            let key = format!(r"ControlSet001\{SERVER}\WinStations\RDP-Tcp");
            hive.key(&key).dword("PortNumber", 3390)
        });
        assert_eq!(found(other).port.known().unwrap().value, 3390);
    }

    #[test]
    fn a_rule_that_blocks_comes_before_one_that_allows() {
        assert_eq!(verdict(with_rules(&[])), "closed");
        assert_eq!(verdict(with_rules(&[("a", ALLOWS)])), "open");
        assert_eq!(verdict(with_rules(&[("a", ALLOWS), ("b", BLOCKS)])), "closed");
    }

    #[test]
    fn a_firewall_that_is_off_closes_nothing_and_a_profile_may_close_all() {
        let profile = |name: &'static str, value: u32| {
            with_rules(&[("a", ALLOWS)])
                .system(|hive| hive.key(&format!(r"{POLICY}\PublicProfile")).dword(name, value))
        };
        assert_eq!(verdict(profile("EnableFirewall", 0)), "off");
        assert_eq!(verdict(profile("DoNotAllowExceptions", 1)), "closed");
        let disabled = with_rules(&[])
            .system(|hive| hive.key(r"ControlSet001\Services\MpsSvc").dword("Start", 4));
        assert_eq!(verdict(disabled), "off");
        let allows_all = with_rules(&[]).system(|hive| {
            hive.key(&format!(r"{POLICY}\PublicProfile")).dword("DefaultInboundAction", 0)
        });
        assert_eq!(verdict(allows_all), "open");
    }

    #[test]
    fn windows_xp_lists_open_ports() {
        let xp = |entry: Option<&'static str>| {
            guest().system(|hive| {
                let hive = hive.key(r"ControlSet001\Services\SharedAccess").dword("Start", 2);
                let list = format!(r"{POLICY}\StandardProfile\GloballyOpenPorts\List");
                let hive = hive.key(&list);
                entry.iter().fold(hive, |hive, entry| hive.text("3389:TCP", entry))
            })
        };
        assert_eq!(verdict(xp(None)), "closed");
        assert_eq!(verdict(xp(Some("3389:TCP:*:Enabled:@xpsp2res.dll,-22009"))), "open");
        assert_eq!(verdict(xp(Some("3389:TCP:*:Disabled:@xpsp2res.dll,-22009"))), "closed");
        assert_eq!(verdict(guest()), "off");
    }
}
