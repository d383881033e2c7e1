//! Network interfaces: how they get their addresses, and cards whose MAC address is set by hand.
//!
//! Source: Microsoft, "TCP/IP and NBT configuration parameters" (KB314053); "Keywords not displayed
//! in the user interface" (NetworkAddress).

use super::hklm::{Hklm, Place, fact};
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::WindowsInterface;

/// The class of network cards.
const CLASS: &str = "{4D36E972-E325-11CE-BFC1-08002BE10318}";

/// Most interfaces looked at: machines that dial or use containers leave hundreds.
const MAX_INTERFACES: usize = 4096;

/// The interfaces.
pub(super) fn interfaces(hklm: &Hklm<'_>) -> Fact<Vec<WindowsInterface>> {
    const INTERFACES: &str = r"Services\Tcpip\Parameters\Interfaces";
    let read = || {
        let connections = hklm.control_set(&format!(r"Control\Network\{CLASS}"))?;
        let interfaces = hklm.control_set(INTERFACES)?.below()?;
        if interfaces.len() > MAX_INTERFACES {
            let limit = u64::try_from(MAX_INTERFACES).unwrap_or(u64::MAX);
            return Err(Error::Limit { structure: "Tcpip", limit, unit: "interfaces" });
        }
        interfaces.iter().map(|place| interface(place, &connections)).collect()
    };
    fact(r"HKLM\SYSTEM\CurrentControlSet\Services\Tcpip", read())
}

fn interface(place: &Place<'_>, connections: &Place<'_>) -> Result<WindowsInterface> {
    let connection = connections.at(&format!(r"{}\Connection", place.name()))?;
    let text = |name| Ok::<_, Error>(connection.text(name)?.map(|seen| seen.value));
    let dhcp = place.dword("EnableDHCP")?.map(|seen| seen.value != 0);
    let mut addresses = place.texts("IPAddress")?;
    addresses.retain(|address| address != "0.0.0.0");
    let servers = place.text("NameServer")?.map(|seen| seen.value).unwrap_or_default();
    let name_servers: Vec<_> =
        servers.split([',', ' ']).filter(|server| !server.is_empty()).map(str::to_owned).collect();
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
pub(super) fn fixed_macs(hklm: &Hklm<'_>) -> Fact<Vec<Evidence>> {
    let read = || {
        let mut found = Vec::new();
        for place in hklm.control_set(&format!(r"Control\Class\{CLASS}"))?.below()? {
            // Beside the cards, by number, lies what is for all of them.
            if place.name().parse::<u32>().is_err() {
                continue;
            }
            let Some(address) = place.text("NetworkAddress")? else { continue };
            let device = place.text("MatchingDeviceId")?;
            let on_bus = device.is_some_and(|device| {
                let device = device.value.to_ascii_lowercase();
                ["pci\\", "xen", "vmbus\\", "usb\\"].iter().any(|bus| device.starts_with(bus))
            });
            if on_bus {
                found.push(address.evidence);
            }
        }
        Ok(found)
    };
    fact(r"HKLM\SYSTEM\CurrentControlSet\Control\Class", read())
}
