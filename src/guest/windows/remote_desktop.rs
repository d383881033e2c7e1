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
