//! Network interfaces: how they get their addresses, and cards whose MAC address is set by hand.
//!
//! Source: Microsoft, "TCP/IP and NBT configuration parameters" (KB314053); "Keywords not displayed
//! in the user interface" (NetworkAddress).

use super::hklm::{Hklm, Place, fact};
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{FixedMac, WindowsInterface};

/// The class of network cards.
const CLASS: &str = "{4D36E972-E325-11CE-BFC1-08002BE10318}";

/// Most interfaces looked at: machines that dial or use containers leave hundreds.
const MAX_INTERFACES: usize = 1024;

/// Most addresses of one interface that are told.
const MAX_ADDRESSES: usize = 64;

/// Longest address that is told: an IPv6 address with a zone has some 60 letters.
const MAX_ADDRESS: usize = 64;

/// The interfaces.
pub(super) fn interfaces(hklm: &Hklm<'_>) -> Fact<Vec<WindowsInterface>> {
    const INTERFACES: &str = r"Services\Tcpip\Parameters\Interfaces";
    let read = || {
        let connections = hklm.control_set(&format!(r"Control\Network\{CLASS}"))?;
        let interfaces = hklm.control_set(INTERFACES)?.below()?;
        if interfaces.len() > MAX_INTERFACES {
            return Err(Error::too_much("Tcpip", MAX_INTERFACES, "interfaces"));
        }
        interfaces.iter().map(|place| interface(place, &connections)).collect()
    };
    fact(r"HKLM\SYSTEM\CurrentControlSet\Services\Tcpip", read())
}

/// The first addresses of a card, and how many more there are.
fn first(addresses: impl Iterator<Item = String>) -> Vec<String> {
    let mut addresses = addresses.map(|address| address.chars().take(MAX_ADDRESS).collect());
    let mut found: Vec<String> = addresses.by_ref().take(MAX_ADDRESSES).collect();
    let left = addresses.count();
    found.extend((left > 0).then(|| format!("{left} more")));
    found
}

fn interface(place: &Place<'_>, connections: &Place<'_>) -> Result<WindowsInterface> {
    let connection = connections.at(&format!(r"{}\Connection", place.name()))?;
    let text = |name| Ok::<_, Error>(connection.text(name)?.map(|seen| seen.value));
    let dhcp = place.dword("EnableDHCP")?.map(|seen| seen.value != 0);
    let addresses = place.texts("IPAddress")?.into_iter();
    let addresses = first(addresses.filter(|address| address != "0.0.0.0"));
    let servers = place.text("NameServer")?.map(|seen| seen.value).unwrap_or_default();
    let servers = servers.split([',', ' ']).filter(|server| !server.is_empty());
    let name_servers = first(servers.map(str::to_owned));
    let mut detail = match dhcp {
        Some(dhcp) => format!("EnableDHCP={}", u32::from(dhcp)),
        None => "no EnableDHCP".to_owned(),
    };
    for (name, values) in [("IPAddress", &addresses), ("NameServer", &name_servers)] {
        if !values.is_empty() {
            detail.push_str(&format!(", {name}={}", values.join(",")));
        }
    }
    Ok(WindowsInterface {
        guid: place.name().to_owned(),
        name: text("Name")?,
        device: text("PnpInstanceID")?,
        // Without any connections there is nothing to tell by.
        leftover: connections.exists() && !connection.exists(),
        dhcp,
        addresses,
        name_servers,
        evidence: Evidence::new(place.path.clone(), detail),
    })
}

/// Cards on a bus whose MAC address is set by hand.
pub(super) fn fixed_macs(hklm: &Hklm<'_>) -> Fact<Vec<FixedMac>> {
    let read = || {
        let mut found = Vec::new();
        for place in hklm.control_set(&format!(r"Control\Class\{CLASS}"))?.below()? {
            // Beside the cards, by number, lies what is for all of them.
            if place.name().parse::<u32>().is_err() {
                continue;
            }
            let Some(address) = place.text("NetworkAddress")? else { continue };
            let Some(device) = place.text("MatchingDeviceId")? else { continue };
            let device = device.value.to_ascii_lowercase();
            if ["pci\\", "xen", "vmbus\\", "usb\\"].iter().any(|bus| device.starts_with(bus)) {
                if found.len() >= MAX_INTERFACES {
                    return Err(Error::too_much("Class", MAX_INTERFACES, "cards"));
                }
                found.push(FixedMac { device, evidence: address.evidence });
            }
        }
        Ok(found)
    };
    fact(r"HKLM\SYSTEM\CurrentControlSet\Control\Class", read())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::windows::fixture::guest;

    const CARD: &str = "{5B7E1A0C-0000-4000-8000-000000000001}";
    const OLD: &str = "{5B7E1A0C-0000-4000-8000-000000000002}";

    #[test]
    fn an_interface_is_told_with_its_card_and_without_placeholders() {
        let key =
            |guid: &str| format!(r"ControlSet001\Services\Tcpip\Parameters\Interfaces\{guid}");
        let connection = format!(r"ControlSet001\Control\Network\{CLASS}\{CARD}\Connection");
        let device = r"PCI\VEN_15AD&DEV_07B0\1";
        let found = guest().system(|hive| {
            let hive = hive.key(&key(CARD)).dword("EnableDHCP", 0);
            let hive = hive.texts("IPAddress", &["10.3.58.5", "0.0.0.0"]);
            let hive = hive.text("NameServer", "10.3.58.2,10.3.58.3 8.8.8.8").key(&key(OLD));
            hive.key(&connection).text("Name", "Ethernet").text("PnpInstanceID", device)
        });
        let found = found.look(|_, _, hklm| interfaces(hklm));
        let [card, old] = found.known().unwrap().as_slice() else { panic!("{found:?}") };
        assert_eq!((card.dhcp, card.leftover, card.is_card()), (Some(false), false, true));
        assert_eq!(card.addresses, ["10.3.58.5"]);
        assert_eq!(card.name_servers, ["10.3.58.2", "10.3.58.3", "8.8.8.8"]);
        let detail = "EnableDHCP=0, IPAddress=10.3.58.5, NameServer=10.3.58.2,10.3.58.3,8.8.8.8";
        assert_eq!(card.evidence.detail, detail);
        assert_eq!((old.dhcp, old.leftover, old.is_card()), (None, true, false));
    }

    #[test]
    fn of_more_addresses_than_any_card_has_the_first_are_told() {
        let key = format!(r"ControlSet001\Services\Tcpip\Parameters\Interfaces\{CARD}");
        let with = |list: String| {
            let found = guest().system(|hive| hive.key(&key).text("NameServer", &list));
            found.look(|_, _, hklm| interfaces(hklm))
        };
        let many = |count: usize| {
            let found = with(vec!["::1"; count].join(","));
            found.known().unwrap()[0].name_servers.clone()
        };
        assert_eq!(many(MAX_ADDRESSES), vec!["::1"; MAX_ADDRESSES]);
        assert_eq!(many(MAX_ADDRESSES + 3).last().unwrap(), "3 more");
        let reason = with("a".repeat(5000)).unread().unwrap().reason.clone();
        assert!(reason.ends_with("more than 8192 bytes"), "{reason}");
    }

    #[test]
    fn only_a_card_on_a_bus_has_a_mac_address_of_its_own() {
        let key = |name: &str| format!(r"ControlSet001\Control\Class\{CLASS}\{name}");
        let found = guest().system(|hive| {
            let cards =
                [("0001", r"pci\ven_8086"), ("0002", r"root\kdnic"), ("Properties", r"pci\x")];
            cards.iter().fold(hive, |hive, (name, device)| {
                let hive = hive.key(&key(name)).text("MatchingDeviceId", device);
                hive.text("NetworkAddress", "005056000001")
            })
        });
        let found = found.look(|_, _, hklm| fixed_macs(hklm));
        let [mac] = found.known().unwrap().as_slice() else { panic!("{found:?}") };
        assert!(mac.evidence.location.ends_with(r"\0001"), "{}", mac.evidence.location);
        assert_eq!(mac.device, r"pci\ven_8086");
    }

    #[test]
    fn a_value_of_another_type_leaves_them_unknown() {
        let key = format!(r"ControlSet001\Services\Tcpip\Parameters\Interfaces\{CARD}");
        let found = guest().system(|hive| hive.key(&key).text("EnableDHCP", "1"));
        let found = found.look(|_, _, hklm| interfaces(hklm));
        assert!(found.unread().unwrap().location.ends_with("EnableDHCP"));
    }
}
