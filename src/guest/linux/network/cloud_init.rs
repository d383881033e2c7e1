//! Whether cloud-init writes the network configuration of a new instance.
//!
//! Source: `cloudinit/stages.py` (`_find_networking_config`, `apply_network_config`): the kernel
//! command line, the datasource, the configuration, and last a fallback, DHCP on the first card. It
//! is turned off by `network: {config: disabled}`. Fallbacks are written since 0.7.7.

use serde_json::Value;

use crate::fact::{Evidence, Fact};
use crate::guest::facts::{CloudInitFacts, CloudInitNetwork, UnitState};

/// The first version that writes a configuration without being given one.
const FIRST: [u32; 3] = [0, 7, 7];

pub(super) fn find(facts: &CloudInitFacts, command_line: Option<&str>) -> Fact<CloudInitNetwork> {
    let off = |evidence: Evidence| Fact::Known(CloudInitNetwork::Off(evidence));
    let installed = match &facts.installed {
        Fact::Known(Some(installed)) => installed,
        Fact::Known(None) => return off(Evidence::new("/usr/bin/cloud-init", "not installed")),
        Fact::Unknown(unread) => return Fact::Unknown(unread.clone()),
    };
    match &facts.disabled_by {
        Fact::Known(switches) => {
            if let Some(switch) = switches.first() {
                return off(switch.clone());
            }
        }
        Fact::Unknown(unread) => return Fact::Unknown(unread.clone()),
    }
    // It is the local stage that writes it, and since 24.3 the main process for it.
    for unit in &facts.units {
        if !matches!(unit.name.as_str(), "cloud-init-local" | "cloud-init-main") {
            continue;
        }
        match &unit.state {
            Fact::Known(UnitState::Enabled) => {}
            Fact::Known(_) => return off(unit.evidence.clone()),
            Fact::Unknown(unread) => return Fact::Unknown(unread.clone()),
        }
    }
    let words = command_line.unwrap_or_default().split_ascii_whitespace();
    if let Some(word) = words.rev().find(|word| word.starts_with("network-config="))
        && word.ends_with("=disabled")
    {
        return off(Evidence::new("kernel command line", word));
    }
    let place = facts.files.join(", ");
    match facts.config.get("network").and_then(|network| network.get("config")) {
        Some(Value::String(text)) if text == "disabled" => {
            return off(Evidence::new(place, "network: {config: disabled}"));
        }
        _ => {}
    }
    let Evidence { location, detail, .. } = &installed.evidence;
    let Some(version) = installed.version.as_deref() else {
        return Fact::unknown(location.clone(), detail.clone());
    };
    if numbers(version) < FIRST {
        let detail = format!("cloud-init {version} writes none by itself");
        return off(Evidence::new(location.clone(), detail));
    }
    // A file that was not understood may say so, too.
    if let Some(unread) = facts.unread.first() {
        return Fact::Unknown(unread.clone());
    }
    match facts.config.get("network") {
        Some(network @ Value::Object(_)) if !asks_for_dhcp(network) => {
            Fact::unknown(place, "network: in cloud-init's own configuration, without DHCP")
        }
        _ => Fact::Known(CloudInitNetwork::Writes(Evidence::new(
            installed.path.clone(),
            "writes the network configuration of a new instance",
        ))),
    }
}

/// `dhcp4: true` of version 2, `type: dhcp4` of version 1, anywhere in it.
fn asks_for_dhcp(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, value)| match key.as_str() {
            "dhcp4" => value == &Value::Bool(true),
            "type" => value.as_str().is_some_and(|kind| kind.starts_with("dhcp")),
            _ => asks_for_dhcp(value),
        }),
        Value::Array(items) => items.iter().any(asks_for_dhcp),
        _ => false,
    }
}

/// The first three numbers of a version.
fn numbers(version: &str) -> [u32; 3] {
    let mut parts =
        version.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    [(); 3].map(|()| parts.next().unwrap_or(0))
}

#[test]
fn versions_compare_by_their_numbers() {
    assert!(numbers("0.7.5-10.el6") < FIRST);
    assert!(numbers("0.7.9-24.el7") > FIRST);
    assert!(numbers("22.4.2-1+deb12u4") > FIRST);
}

#[test]
fn what_a_version_that_is_not_known_writes_is_not_known() {
    use crate::filesystem::memory::MemoryFs;
    use crate::guest::linux::cloud_init;

    let guest = || {
        MemoryFs::new()
            .file("/usr/bin/cloud-init", "#!/usr/bin/python3\n")
            .file("/usr/lib/systemd/system/cloud-init-local.service", "[Unit]\n")
    };
    let writes = |guest: MemoryFs| {
        let tree = guest.tree();
        let (packages, units) =
            (crate::guest::linux::package::find(&tree), super::BootUnits::of_entry(&tree, None));
        let mut facts = cloud_init::find(&tree, None, &packages, &units);
        facts.units.clear();
        find(&facts, None)
    };
    let module = "/usr/lib/python2.7/dist-packages/cloudinit/version.py";
    let old = guest().file(module, "__VERSION__ = \"0.7.5\"\n");
    assert!(matches!(writes(old).known(), Some(CloudInitNetwork::Off(_))));
    let new = guest().file(module, "__VERSION__ = \"22.1\"\n");
    assert!(matches!(writes(new).known(), Some(CloudInitNetwork::Writes(_))));
    assert_eq!(writes(guest()).unread().unwrap().location, "/usr/bin/cloud-init");
    let disabled = guest().file("/etc/cloud/cloud.cfg", "network: {config: disabled}\n");
    assert!(matches!(writes(disabled).known(), Some(CloudInitNetwork::Off(_))));
}
