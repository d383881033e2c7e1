//! The network's configuration, of every program that the checker reads.

use super::drivers::file_of;
use super::{Case, Plan, boot, comment_out, set};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{
    Addressing, InterfaceConfig, InterfaceKind, LinuxFacts, NetworkProgram, NicName,
};
use crate::remedy::step::{Edit, METHOD, Step};
use crate::rules::nic::{Family, family_of};
use crate::rules::shell::{file_and_line, quote_in_script, quote_path_in_script};
use crate::rules::{nic_dhcp, nic_mac_bound};
use crate::text;

const UDEV_RULES: &str = "/etc/udev/rules.d/";
const SUSE_DHCP: &str = "/etc/sysconfig/network/dhcp";

pub(super) fn of(case: &Case<'_>) -> Option<Plan> {
    Some(match case.rule() {
        "udev-persistent-net" => Plan::steps(rule_files(case.evidence())),
        "centos6-net-generator-stub" => {
            Plan::one(Step::Empty("/etc/udev/rules.d/75-persistent-net-generator.rules".to_owned()))
        }
        "nic-dhcp" => dhcp(case),
        "nic-mac-bound" => mac(case),
        "nic-name-mismatch" => name(case),
        "os-not-hardware-bound" => hardware(case),
        "dhcp-persistent-client" => persistent(case),
        "suse-dhclient-set-hostname" => first(case, |seen| {
            set(seen, SUSE_DHCP, "DHCLIENT_SET_HOSTNAME", "DHCLIENT_SET_HOSTNAME=\"no\"")
        }),
        "el-nozeroconf" => {
            first(case, |seen| set(seen, "/etc/sysconfig/network", "NOZEROCONF", "NOZEROCONF=yes"))
        }
        _ => return None,
    })
}

fn first(case: &Case<'_>, step: impl Fn(&Evidence) -> Step) -> Plan {
    Plan::steps(case.evidence().first().map(step).into_iter().collect())
}

/// The files of udev's rules that the evidence shows.
fn rule_files(evidence: &[Evidence]) -> Vec<Step> {
    let files = evidence.iter().map(|seen| file_of(&seen.location));
    let mut steps: Vec<Step> = files
        .filter(|file| file.starts_with(UDEV_RULES))
        .map(|file| Step::Delete(file.to_owned()))
        .collect();
    steps.dedup();
    steps
}

fn interfaces(linux: &LinuxFacts) -> &[InterfaceConfig] {
    linux.network.interfaces.known().map_or(&[], Vec::as_slice)
}

fn is_keyfile(config: &InterfaceConfig) -> bool {
    config.program == NetworkProgram::NetworkManager && !config.location.contains("/ifcfg-")
}

/// Configurations with a static address turn to DHCP; what is switched off is switched on; where
/// there is none, one is written.
fn dhcp(case: &Case<'_>) -> Plan {
    let shown = |seen: &Evidence| case.evidence().contains(seen);
    let fixed = interfaces(case.linux)
        .iter()
        .filter(|config| config.ipv4 == Addressing::Static && shown(&config.ipv4_at));
    let steps: Vec<Step> = fixed.flat_map(to_dhcp).collect();
    if !steps.is_empty() {
        return Plan::steps(steps);
    }
    // Netplan has bridges and bonds under other keys than those of cards.
    let mut known = interfaces(case.linux).iter().filter(|config| {
        config.program != NetworkProgram::Netplan || config.kind == InterfaceKind::Ethernet
    });
    let idle = known.find_map(|config| {
        let why = config.idle.known()?.as_ref().filter(|why| shown(why))?;
        wake(config, why).or_else(|| {
            let start = nic_dhcp::start_program(case.linux, config, why);
            start.map(|command| vec![Step::run(command)])
        })
    });
    match idle {
        Some(steps) => Plan::steps(steps),
        None => configure(case),
    }
}

fn to_dhcp(config: &InterfaceConfig) -> Vec<Step> {
    let file = file_of(&config.ipv4_at.location);
    let line = file_and_line(&config.ipv4_at.location).map(|(_, line)| line);
    let keys =
        |range: &str, keys| Step::edit(file, Edit::CommentKeys { range: range.to_owned(), keys });
    let script = |script: &str| Step::edit(file, Edit::Script(script.to_owned()));
    match (config.program, line) {
        // YAML is changed by netplan's own program; the rule says how.
        (NetworkProgram::Netplan, _) => vec![Step::run(nic_dhcp::one_to_dhcp(config))],
        (NetworkProgram::Ifupdown, Some(line)) => {
            let words = config.ipv4_at.detail.split_ascii_whitespace().map(str::to_owned);
            let words: Vec<String> = words.collect();
            let is_static = words.get(METHOD).is_some_and(|word| word == "static");
            let edit = is_static.then(|| Step::edit(file, Edit::ToDhcp { line, words }));
            edit.into_iter().collect()
        }
        (NetworkProgram::Networkd, _) => vec![
            keys("", "Address\\|Gateway\\|DHCP"),
            script("s/^\\[Network\\][[:space:]]*$/&\\nDHCP=yes/"),
        ],
        _ if is_keyfile(config) => vec![
            keys("/^\\[ipv4\\]/,/^\\[/", "address\\|addresses\\|gateway\\|route\\|method"),
            script("s/^\\[ipv4\\][[:space:]]*$/&\\nmethod=auto/"),
        ],
        _ => vec![
            keys("", "IPADDR\\|NETMASK\\|PREFIX\\|PREFIXLEN\\|GATEWAY\\|BOOTPROTO"),
            Step::append(file, "BOOTPROTO=dhcp"),
        ],
    }
}

/// What starts a configuration that is switched off by the line that was seen.
fn wake(config: &InterfaceConfig, why: &Evidence) -> Option<Vec<Step>> {
    let Some((file, line)) = file_and_line(&why.location) else {
        // Owner and mode of the file itself; the rule says how.
        return nic_dhcp::wake(config, why).map(|command| vec![Step::run(command)]);
    };
    let set = |key: &str, new: &str| {
        Some(vec![Step::edit(file, Edit::Set { line, key: key.to_owned(), new: new.to_owned() })])
    };
    match config.program {
        NetworkProgram::NetworkScripts | NetworkProgram::NetworkManager
            if why.detail.contains("ONBOOT") =>
        {
            set("ONBOOT", "ONBOOT=yes")
        }
        NetworkProgram::Wicked if why.detail.contains("STARTMODE=") => {
            set("STARTMODE", "STARTMODE='auto'")
        }
        NetworkProgram::NetworkManager if why.detail.contains("autoconnect") => {
            set("autoconnect", "autoconnect=true")
        }
        NetworkProgram::NetworkScripts if why.detail.starts_with("NETWORKING=") => {
            set("NETWORKING", "NETWORKING=yes")
        }
        NetworkProgram::NetworkScripts if why.detail.contains("carriage return") => {
            Some(vec![Step::edit(file, Edit::Script("s/\\r$//".to_owned()))])
        }
        NetworkProgram::Networkd if why.detail.starts_with("Unmanaged") => {
            Some(vec![comment_out(why)?])
        }
        NetworkProgram::Ifupdown if why.detail.contains("_INTERFACES=") => {
            Some(vec![comment_out(why)?])
        }
        NetworkProgram::Ifupdown if why.detail.starts_with("no auto") => {
            Some(vec![Step::append(file, &format!("auto {}", config.name))])
        }
        _ => None,
    }
}

/// A configuration by DHCP where there is none.
fn configure(case: &Case<'_>) -> Plan {
    let runs = |program| case.linux.network.programs.iter().any(|found| found.program == program);
    if let Some(command) = nic_dhcp::keyfile(case.linux)
        && family_of(case.linux) == Some(Family::RedHat)
    {
        return Plan::one(Step::run(command));
    }
    let plan = Plan::steps(match family_of(case.linux) {
        Some(Family::RedHat) => vec![Step::write(
            "/etc/sysconfig/network-scripts/ifcfg-eth0",
            &["DEVICE=eth0", "TYPE=Ethernet", "BOOTPROTO=dhcp", "ONBOOT=yes"],
        )],
        Some(Family::Suse) => vec![Step::write(
            "/etc/sysconfig/network/ifcfg-eth0",
            &["BOOTPROTO='dhcp'", "STARTMODE='auto'"],
        )],
        Some(Family::Debian) if runs(NetworkProgram::Netplan) => vec![Step::write(
            "/etc/netplan/60-cloud-dhcp.yaml",
            &[
                "network:",
                "  version: 2",
                "  ethernets:",
                "    all:",
                "      match: {name: \"e*\"}",
                "      dhcp4: true",
            ],
        )],
        Some(Family::Debian) if runs(NetworkProgram::Ifupdown) => {
            let card = match case.linux.network.nic_name.known() {
                Some((NicName::Exactly(name), _)) => name.as_str(),
                _ => "eth0",
            };
            let mut steps = vec![
                Step::append("/etc/network/interfaces", &format!("auto {card}")),
                Step::append("/etc/network/interfaces", &format!("iface {card} inet dhcp")),
                Step::Enable("networking.service".to_owned()),
            ];
            steps.extend(kernel_names(case));
            steps
        }
        _ => return Plan::ByHand(super::no_step()),
    });
    match &plan {
        // It does not do, for a reason that is the user's to see.
        Plan::Steps(steps, _)
            if steps
                .iter()
                .any(|step| matches!(step, Step::Write { file, .. } if is_there(case, file))) =>
        {
            Plan::ByHand(super::no_step())
        }
        _ => plan,
    }
}

/// Whether some interface is configured in this file.
fn is_there(case: &Case<'_>, file: &str) -> bool {
    interfaces(case.linux).iter().any(|config| file_of(&config.location) == file)
}

/// The kernel's own names for cards, where the image does not tell which other one they would get.
fn kernel_names(case: &Case<'_>) -> Vec<Step> {
    match case.linux.network.nic_name.known() {
        Some((NicName::ByPlace, _)) => boot::add_words(case.linux, "net.ifnames=0 biosdevname=0"),
        _ => Vec::new(),
    }
}

/// MAC addresses go out of the configuration.
fn mac(case: &Case<'_>) -> Plan {
    let lines = case.evidence();
    let steps = unbind(case, lines);
    if steps.is_empty() { Plan::ByHand(super::no_step()) } else { Plan::steps(steps) }
}

fn unbind(case: &Case<'_>, lines: &[Evidence]) -> Vec<Step> {
    let mut steps = Vec::new();
    for config in interfaces(case.linux) {
        for seen in config.macs.iter().filter(|seen| lines.contains(seen)) {
            match config.program {
                // It is written anew for each new instance.
                _ if config.by_cloud_init => {
                    steps.push(Step::Delete(file_of(&seen.location).to_owned()));
                }
                NetworkProgram::Netplan => {
                    let name = quote_in_script(&config.name);
                    steps.push(Step::run(nic_mac_bound::netplan(&name)));
                }
                // Without its only condition a .network file would be for every interface.
                NetworkProgram::Networkd if config.matches.by_mac => {
                    if let Some((file, line)) = file_and_line(&seen.location) {
                        let (key, new) = ("MACAddress".to_owned(), "Name=e*".to_owned());
                        steps.push(Step::edit(file, Edit::Set { line, key, new }));
                    }
                }
                _ => match nic_mac_bound::unnamed(file_of(&seen.location)) {
                    Some(new) => {
                        let (old, new) = (
                            quote_path_in_script(file_of(&seen.location)),
                            quote_path_in_script(&new),
                        );
                        steps.push(Step::run(format!("mv {old} {new}")));
                    }
                    None => steps.extend(comment_out(seen)),
                },
            }
        }
    }
    let links = case.linux.network.link_macs.known().into_iter().flatten();
    for seen in links.filter(|seen| lines.contains(seen)) {
        steps.push(Step::Delete(file_of(&seen.location).to_owned()));
    }
    steps.dedup();
    steps
}

/// A configuration for a card of another name is made to fit.
fn name(case: &Case<'_>) -> Plan {
    let at = case.evidence().first().map(|seen| &seen.location);
    let config = interfaces(case.linux)
        .iter()
        .find(|config| config.kind == InterfaceKind::Ethernet && Some(&config.location) == at);
    let Some(config) = config else { return Plan::ByHand(super::no_step()) };
    let file = file_of(&config.location);
    let target = match case.linux.network.nic_name.known() {
        Some((NicName::Exactly(name), _)) => name.clone(),
        _ => "eth0".to_owned(),
    };
    let script = |script: String| Step::edit(file, Edit::Script(script));
    let plain = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    if !plain(&config.name) || !plain(&target) {
        return Plan::ByHand(super::no_step());
    }
    let old = config.name.replace('.', "\\.");
    let renamed = format!("s/\\b{old}\\b/{target}/g");
    let mut steps = match config.program {
        NetworkProgram::Netplan => vec![Step::run(case.remedy())],
        NetworkProgram::Networkd => vec![script("s/^Name=.*/Name=e*/".to_owned())],
        _ if is_keyfile(config) => vec![Step::edit(
            file,
            Edit::CommentKeys { range: String::new(), keys: "interface-name" },
        )],
        NetworkProgram::Ifupdown => vec![script(renamed)],
        _ => {
            let directory = file.rsplit_once('/').map_or("", |(directory, _)| directory);
            let to = format!("{directory}/ifcfg-{target}");
            if is_there(case, &to) {
                return Plan::ByHand(super::no_step());
            }
            vec![script(renamed), Step::Rename { from: file.to_owned(), to }]
        }
    };
    let fits_any = matches!(config.program, NetworkProgram::Netplan | NetworkProgram::Networkd)
        || is_keyfile(config);
    if !fits_any {
        steps.extend(kernel_names(case));
    }
    Plan::steps(steps)
}

/// Each tie by the step that the rule about it would take.
fn hardware(case: &Case<'_>) -> Plan {
    let mut steps = rule_files(case.evidence());
    steps.extend(unbind(case, case.evidence()));
    let mut files = case.evidence().iter().map(|seen| file_of(&seen.location));
    let devices = files.find(|file| file.starts_with("/etc/lvm/devices/"));
    steps.extend(devices.map(|file| Step::Delete(file.to_owned())));
    let (entries, disk) = (case.linux.fstab.known(), case.facts.disk.known());
    let mut left = Vec::new();
    for seen in case.evidence() {
        if let (Some(fstab), Some(disk)) = (entries, disk)
            && let Some(entry) =
                fstab.entries.iter().find(|entry| entry.evidence().location == seen.location)
        {
            match super::fstab::by_uuid_of(entry, case.linux, disk) {
                Some(step) => steps.push(step),
                None => left.push(seen.location.clone()),
            }
        } else if seen.detail.starts_with("root=") {
            match boot::root(case) {
                Plan::Steps(more, _) => steps.extend(more),
                Plan::ByHand(_) => left.push(seen.location.clone()),
            }
        }
    }
    if steps.is_empty() {
        return Plan::ByHand(super::no_step());
    }
    let places = left.join(", ");
    let note =
        (!left.is_empty()).then(|| text!("Left to you: {places}.", "请自行处理：{places}。"));
    Plan::Steps(steps, note)
}

fn persistent(case: &Case<'_>) -> Plan {
    if family_of(case.linux) == Some(Family::Suse) {
        return first(case, |seen| {
            set(seen, SUSE_DHCP, "DHCLIENT_USE_LAST_LEASE", "DHCLIENT_USE_LAST_LEASE=\"no\"")
        });
    }
    let steps = case
        .evidence()
        .iter()
        .map(|seen| set(seen, &seen.location, "PERSISTENT_DHCLIENT", "PERSISTENT_DHCLIENT=\"y\""));
    Plan::steps(steps.collect())
}

/// Whether some configuration of the image's own gives the card an address by DHCP.
pub(super) fn has_own_dhcp(linux: &LinuxFacts) -> bool {
    let own = |config: &InterfaceConfig| {
        config.ipv4 == Addressing::Dhcp
            && !config.by_cloud_init
            && config.idle == Fact::Known(None)
            && config.kind != InterfaceKind::Other
    };
    interfaces(linux).iter().any(own)
        || linux.network.automatic.known().is_some_and(|by| !by.is_empty())
}
