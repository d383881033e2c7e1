//! Remote Desktop: whether it is on, its port, and whether the firewall lets it in.
//!
//! Sources: Microsoft, "fDenyTSConnections" and "PortNumber"; the policy of that name; "Remote Desktop
//! isn't working on an Azure virtual machine" (fEnableWinStation); MS-GPFAS 2.2.2 and 2.2.3 (firewall
//! rules and profiles in the registry); for Windows XP and Server 2003
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
    let listener_off = fact(SERVER, listener_off(hklm));
    RemoteDesktop { deny: fact(SERVER, deny(hklm)), port, listener_off, firewall }
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

/// What says that no listener waits for connections.
fn listener_off(hklm: &Hklm<'_>) -> Result<Option<Evidence>> {
    let stations = hklm.control_set(&format!(r"{SERVER}\WinStations"))?;
    let listener = stations.at("RDP-Tcp")?;
    if listener.exists() {
        let enabled = listener.dword("fEnableWinStation")?;
        return Ok(enabled.filter(|enabled| enabled.value == 0).map(|enabled| enabled.evidence));
    }
    let mut others = stations.below()?.into_iter();
    match others.find(|other| !other.name().eq_ignore_ascii_case("Console")) {
        Some(other) => Err(Error::Unreadable {
            path: other.path,
            reason: "there is no listener RDP-Tcp, and what this one serves is not looked at"
                .to_owned(),
        }),
        None => Ok(Some(Evidence::new(listener.path, "the key is not there"))),
    }
}

fn firewall(hklm: &Hklm<'_>, services: &[ServiceFacts], port: u32) -> Result<FirewallVerdict> {
    let policy = hklm.control_set(r"Services\SharedAccess\Parameters\FirewallPolicy")?;
    let rules = policy.at("FirewallRules")?;
    // Windows Vista and later: the service MpsSvc, rules, and the profile of unknown networks.
    let is_new = rules.exists();
    let (service, profile) =
        if is_new { ("MpsSvc", "PublicProfile") } else { ("SharedAccess", STANDARD) };
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
    let policies = hklm.software(r"Policies\Microsoft\WindowsFirewall")?;
    let by_policy = Policy::of(&policies, is_new)?;
    let local = policy.at(profile)?;
    if let Some(enabled) = by_policy.or_local(&local, "EnableFirewall")?
        && enabled.value == 0
    {
        return Ok(FirewallVerdict::Off(enabled.evidence));
    }
    // Here what closes wins, whichever of the two says it.
    for profile in [&by_policy.profile, &local] {
        if let Some(none) = profile.dword("DoNotAllowExceptions")?
            && none.value == 1
        {
            return Ok(FirewallVerdict::Closed(none.evidence));
        }
    }
    let mut open = None;
    match by_policy.exception(port)? {
        Some((Effect::Blocks, seen)) => return Ok(FirewallVerdict::Closed(seen)),
        Some((Effect::Allows, seen)) => open = Some(seen),
        None => {}
    }
    if !is_new {
        return match open {
            Some(seen) => Ok(FirewallVerdict::Open(seen)),
            None => old_ports(&by_policy, &local, port),
        };
    }
    let policy_rules = policies.at("FirewallRules")?;
    let merged = by_policy.local_rules_off()?;
    let places = [Some(&policy_rules), merged.is_none().then_some(&rules)];
    for place in places.into_iter().flatten() {
        let values = place.values()?;
        if values.len() > MAX_RULES {
            return Err(Error::too_much("FirewallRules", MAX_RULES, "rules"));
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
    if let Some(default) = by_policy.or_local(&local, "DefaultInboundAction")?
        && default.value == 0
    {
        return Ok(FirewallVerdict::Open(default.evidence));
    }
    let none = || {
        let detail = format!("no active rule for port {port} and public networks");
        match merged {
            Some(Evidence { location, detail: off, .. }) => {
                let detail = format!("{off}: local rules do not count; {detail}");
                Evidence::new(location, detail)
            }
            None => Evidence::new(rules.path.clone(), detail),
        }
    };
    Ok(open.map_or_else(|| FirewallVerdict::Closed(none()), FirewallVerdict::Open))
}

/// The profile of Windows XP for all networks but the domain's.
const STANDARD: &str = "StandardProfile";

/// The policy's settings for networks that are not known.
struct Policy<'a> {
    profile: Place<'a>,
    /// Whether they are those of Windows XP, which know of fewer things.
    is_standard: bool,
}

impl<'a> Policy<'a> {
    /// Windows Vista and later take StandardProfile for public networks, too, as long as the policy has
    /// neither PrivateProfile nor PublicProfile (MS-GPFAS 2.2.3).
    fn of(policies: &Place<'a>, is_new: bool) -> Result<Self> {
        let public = policies.at("PublicProfile")?;
        let is_standard = !is_new || !(public.exists() || policies.at("PrivateProfile")?.exists());
        let profile = if is_standard { policies.at(STANDARD)? } else { public };
        Ok(Self { profile, is_standard })
    }

    /// A setting of the policy, otherwise of the machine (MS-FASP 2.2.38, merge laws of
    /// FW_PROFILE_CONFIG_ENABLE_FW and FW_PROFILE_CONFIG_DEFAULT_INBOUND_ACTION).
    fn or_local(&self, local: &Place<'_>, name: &str) -> Result<Option<Seen<u32>>> {
        match self.profile.dword(name)? {
            // StandardProfile must not have it (MS-GPFAS 2.2.3.17).
            Some(_) if self.is_standard && name == "DefaultInboundAction" => local.dword(name),
            Some(found) => Ok(Some(found)),
            None => local.dword(name),
        }
    }

    /// What says that the machine's own rules do not count: of the policy alone (MS-FASP 2.2.38,
    /// FW_PROFILE_CONFIG_ALLOW_LOCAL_POLICY_MERGE).
    fn local_rules_off(&self) -> Result<Option<Evidence>> {
        if self.is_standard {
            return Ok(None);
        }
        let merge = self.profile.dword("AllowLocalPolicyMerge")?;
        Ok(merge.filter(|merge| merge.value == 0).map(|merge| merge.evidence))
    }

    /// What the policy's own exceptions say of the port: "Allow inbound Remote Desktop exceptions"
    /// (windowsfirewall.admx), which is for 3389, and the list of ports.
    fn exception(&self, port: u32) -> Result<Option<(Effect, Evidence)>> {
        let service = self.profile.at(r"Services\RemoteDesktop")?;
        if let Some(enabled) = service.dword("Enabled")?.filter(|_| port == PORT) {
            if enabled.value == 0 {
                return Ok(Some((Effect::Blocks, enabled.evidence)));
            }
            let from = service.text("RemoteAddresses")?;
            if let Some(from) = from.filter(|from| is_anywhere(&from.value)) {
                return Ok(Some((Effect::Allows, from.evidence)));
            }
        }
        listed(&self.profile, port)
    }
}

/// Whether a list of addresses has all of them.
fn is_anywhere(addresses: &str) -> bool {
    addresses.split(',').any(|address| address.trim() == "*")
}

/// What a list of open ports says of one: `3389:TCP` = `3389:TCP:*:Enabled:@xpsp2res.dll,-22009`, with
/// the addresses that it is for in the third place. One for less than all neither opens nor blocks.
fn listed(profile: &Place<'_>, port: u32) -> Result<Option<(Effect, Evidence)>> {
    let list = profile.at(r"GloballyOpenPorts\List")?;
    let Some(entry) = list.text(&format!("{port}:TCP"))? else { return Ok(None) };
    let mut words = entry.value.split(':').skip(2);
    let (from, state) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if state.eq_ignore_ascii_case("disabled") {
        return Ok(Some((Effect::Blocks, entry.evidence)));
    }
    let opens = state.eq_ignore_ascii_case("enabled") && is_anywhere(from);
    Ok(opens.then_some((Effect::Allows, entry.evidence)))
}

/// Windows XP and Server 2003, whose own list counts unless the policy forbids it.
fn old_ports(policy: &Policy<'_>, local: &Place<'_>, port: u32) -> Result<FirewallVerdict> {
    let ports = policy.profile.at("GloballyOpenPorts")?;
    if let Some(merge) = ports.dword("AllowUserPrefMerge")?
        && merge.value == 0
    {
        return Ok(FirewallVerdict::Closed(merge.evidence));
    }
    Ok(match listed(local, port)? {
        Some((Effect::Allows, seen)) => FirewallVerdict::Open(seen),
        Some((Effect::Blocks, seen)) => FirewallVerdict::Closed(seen),
        None => {
            let list = |profile: &Place<'_>| format!(r"{}\GloballyOpenPorts\List", profile.path);
            let lists = format!("{}, {}", list(local), list(&policy.profile));
            let detail = format!("no {port}:TCP that is open to all");
            FirewallVerdict::Closed(Evidence::new(lists, detail))
        }
    })
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
        assert_eq!(
            verdict(xp(Some("3389:TCP:LocalSubNet:Enabled:@xpsp2res.dll,-22009"))),
            "closed"
        );
        assert_eq!(verdict(xp(Some("3389:TCP:10.0.0.0/8,*:Enabled:x"))), "open");
        let list = format!(r"{GPO}\StandardProfile\GloballyOpenPorts");
        let open = || xp(Some("3389:TCP:*:Enabled:x"));
        let merge_off = open().software(|hive| hive.key(&list).dword("AllowUserPrefMerge", 0));
        assert_eq!(verdict(merge_off), "closed");
        let list = format!(r"{list}\List");
        let by_policy = |entry: &str| {
            let entry = entry.to_owned();
            open().software(|hive| hive.key(&list).text("3389:TCP", &entry))
        };
        assert_eq!(verdict(by_policy("3389:TCP:*:disabled:x")), "closed");
        let key = format!(r"{GPO}\StandardProfile\Services\RemoteDesktop");
        let exception = xp(None)
            .software(|hive| hive.key(&key).dword("Enabled", 1).text("RemoteAddresses", "*"));
        assert_eq!(verdict(exception), "open");
        assert_eq!(verdict(guest()), "off");
    }

    const GPO: &str = r"Policies\Microsoft\WindowsFirewall";

    /// Lets Remote Desktop in, with a policy below the key of that name.
    fn with_policy(rules: &[(&str, &str)], key: &str, edit: impl FnOnce(Hive) -> Hive) -> Guest {
        let key = format!(r"{GPO}\{key}");
        with_rules(rules).software(|hive| edit(hive.key(&key)))
    }

    /// MS-GPFAS 2.2.3.13: STIG's baseline for servers sets it.
    #[test]
    fn local_rules_count_only_where_the_policy_merges_them() {
        let merge = |rules: &[(&str, &str)], value: u32| {
            with_policy(rules, "PublicProfile", |hive| hive.dword("AllowLocalPolicyMerge", value))
        };
        assert_eq!(verdict(merge(&[("a", ALLOWS)], 1)), "open");
        assert_eq!(verdict(merge(&[("a", ALLOWS)], 0)), "closed");
        // Nor does what the machine blocks.
        let by_policy = merge(&[("a", BLOCKS)], 0)
            .software(|hive| hive.key(&format!(r"{GPO}\FirewallRules")).text("r", ALLOWS));
        assert_eq!(verdict(by_policy), "open");
        // Of the machine it is not read.
        let local = with_rules(&[("a", ALLOWS)]).system(|hive| {
            hive.key(&format!(r"{POLICY}\PublicProfile")).dword("AllowLocalPolicyMerge", 0)
        });
        assert_eq!(verdict(local), "open");
    }

    /// MS-GPFAS 2.2.3: while the policy has neither of the two profiles of Vista.
    #[test]
    fn the_policy_of_windows_xp_still_counts() {
        let off = |hive: Hive| hive.dword("EnableFirewall", 0);
        assert_eq!(verdict(with_policy(&[], "StandardProfile", off)), "off");
        let with_private = with_policy(&[], "StandardProfile", off)
            .software(|hive| hive.key(&format!(r"{GPO}\PrivateProfile")));
        assert_eq!(verdict(with_private), "closed");
        let service = r"StandardProfile\Services\RemoteDesktop";
        let allowed = with_policy(&[("a", ALLOWS)], service, |hive| hive.dword("Enabled", 0));
        assert_eq!(verdict(allowed), "closed");
        let from = |from: &'static str| {
            let edit = |hive: Hive| hive.dword("Enabled", 1).text("RemoteAddresses", from);
            with_policy(&[], service, edit)
        };
        assert_eq!(verdict(from("*")), "open");
        assert_eq!(verdict(from("localsubnet,10.0.0.1")), "closed");
    }

    /// MS-FASP 2.2.38, FW_PROFILE_CONFIG_SHIELDED: "let on values win".
    #[test]
    fn a_machine_that_allows_no_exception_is_not_opened_by_its_policy() {
        let guest = with_policy(&[("a", ALLOWS)], "PublicProfile", |hive| {
            hive.dword("DoNotAllowExceptions", 0)
        });
        let shielded = guest.system(|hive| {
            hive.key(&format!(r"{POLICY}\PublicProfile")).dword("DoNotAllowExceptions", 1)
        });
        assert_eq!(verdict(shielded), "closed");
    }

    #[test]
    fn nothing_listens_without_an_enabled_listener() {
        let with = |name: &str, edit: fn(Hive) -> Hive| {
            let key = format!(r"ControlSet001\{SERVER}\WinStations\{name}");
            guest().system(|hive| edit(hive.key(&key)))
        };
        let off = |guest: Guest| found(guest).listener_off.map(|off| off.map(|off| off.detail));
        assert_eq!(off(with("RDP-Tcp", |hive| hive)), Fact::Known(None));
        let enabled = with("RDP-Tcp", |hive| hive.dword("fEnableWinStation", 1));
        assert_eq!(off(enabled), Fact::Known(None));
        let disabled = with("RDP-Tcp", |hive| hive.dword("fEnableWinStation", 0));
        assert_eq!(off(disabled), Fact::Known(Some("fEnableWinStation=0".to_owned())));
        let missing = Fact::Known(Some("the key is not there".to_owned()));
        assert_eq!(off(with("Console", |hive| hive)), missing);
        assert!(off(with("rdp-sxs", |hive| hive)).unread().is_some());
    }
}
