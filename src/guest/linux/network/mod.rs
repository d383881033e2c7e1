//! How the guest sets up its network: which programs do it at boot, what they are told, and what of
//! it is for the network card of another machine.
//!
//! In: the guest's tree, its boot facts and those of cloud-init. Out: [`NetworkFacts`]. Nothing is
//! run: a line that a shell would have to expand leaves unknown what hangs on it.

mod cloud_init;
pub(in crate::guest::linux) mod files;
mod ifcfg;
mod ifupdown;
mod naming;
mod netplan;
mod network_manager;
mod networkd;
mod programs;
#[cfg(test)]
mod tests;
pub(in crate::guest::linux) mod udev_rules;
pub(in crate::guest::linux) mod zones;

use self::files::{Files, assignments};
use self::network_manager::Settings;
use self::programs::Programs;
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::tree::Tree;
use crate::guest::facts::{
    BootFacts, CloudInitFacts, InterfaceConfig, NetworkFacts, NetworkProgram, NicName, Reach,
    Setting, UnitState,
};
use crate::guest::linux::systemd_unit::BootUnits;

/// A line of a `.link` file that picks a card by its MAC address.
pub struct LinkMac {
    /// The line.
    pub evidence: Evidence,
    /// Whether cloud-init wrote the file.
    pub by_cloud_init: bool,
}

/// The configuration as it stands in the guest's files.
pub struct Configuration {
    /// Interfaces, in the order in which each program looks at them.
    pub interfaces: Vec<InterfaceConfig>,
    /// `.link` files that pick a card by its MAC address.
    pub links: Vec<LinkMac>,
    /// The first file that could not be read.
    pub unread: Option<Unread>,
    unevaluated: Option<Unread>,
    programs: Programs,
    settings: Settings,
    /// Tiny Cloud, which writes the interfaces of a first boot.
    tiny_cloud: Result<Option<Evidence>, Unread>,
    nic_name: Fact<(NicName, Evidence)>,
}

impl Configuration {
    /// Reads the configuration of every program, whether it runs or not.
    pub fn read(tree: &Tree, boot: &Fact<Option<(String, String)>>, units: &BootUnits<'_>) -> Self {
        let mut files = Files::new(tree);
        let programs = Programs::find(&mut files, units);
        let settings = Settings::read(&mut files);
        let mut links = Vec::new();
        let line = boot.known().and_then(Option::as_ref).map(|(line, _)| line.as_str());
        let nic_name = naming::find(&mut files, boot, &mut links);
        let mut interfaces = Vec::new();
        let found = &mut interfaces;
        ifcfg::red_hat(&mut files, &programs, &settings.no_ifcfg, found);
        ifcfg::suse(&mut files, &programs, found);
        network_manager::keyfiles(&mut files, &programs, found);
        netplan::find(&mut files, &programs, found);
        networkd::networks(&mut files, &programs, &nic_name, line, found);
        ifupdown::find(&mut files, &programs, found);
        if let Fact::Known((name, _)) = &nic_name
            && let Some(evidence) = settings.leaves_alone(name)
        {
            let profiles = interfaces.iter_mut().filter(|interface| {
                interface.program == NetworkProgram::NetworkManager
                    && interface.idle == Fact::Known(None)
            });
            for profile in profiles {
                profile.idle = Fact::Known(Some(evidence.clone()));
            }
        }
        let tiny_cloud = tiny_cloud(tree, &programs, units);
        let (unread, unevaluated) = (files.unread, files.unevaluated);
        Self { interfaces, links, unread, unevaluated, programs, settings, tiny_cloud, nic_name }
    }

    fn automatic(&self, tree: &Tree) -> Fact<Vec<Evidence>> {
        let mut found = Vec::new();
        let programs = self.programs.facts.iter();
        for facts in programs.filter(|facts| facts.program == NetworkProgram::DhcpClient) {
            match &facts.state {
                Fact::Known(UnitState::Enabled) => found.push(facts.evidence.clone()),
                Fact::Known(_) => {}
                Fact::Unknown(unread) => return Fact::Unknown(unread.clone()),
            }
        }
        for writer in [cloud_ifupdown_helper(tree), self.tiny_cloud.clone()] {
            match writer {
                Ok(writer) => found.extend(writer),
                Err(unread) => return Fact::Unknown(unread),
            }
        }
        match self.programs.idle(&[NetworkProgram::NetworkManager]) {
            Fact::Known(None) => {}
            Fact::Known(Some(_)) => return Fact::Known(found),
            Fact::Unknown(unread) => return Fact::Unknown(unread),
        }
        let name = match &self.nic_name {
            Fact::Known((name, _)) => name,
            Fact::Unknown(unread) => return Fact::Unknown(unread.clone()),
        };
        if let Some(unread) = self.unread.as_ref().or(self.unevaluated.as_ref()) {
            return Fact::Unknown(unread.clone());
        }
        // A profile for the card, even one that does not start by itself, is in its way.
        let profile = self.interfaces.iter().any(|interface| {
            let read = interface.program == NetworkProgram::NetworkManager
                || (interface.location.starts_with(ifcfg::RED_HAT) && self.settings.reads_ifcfg());
            read && interface.reach(name) != Reach::No && !is_passed_over(interface)
        });
        if !profile
            && self.settings.leaves_alone(name).is_none()
            && let Ok(evidence) = self.settings.automatic(name)
        {
            found.push(evidence);
        }
        Fact::Known(found)
    }

    /// The facts, of the configuration and of what lies around it.
    pub fn facts(self, tree: &Tree, cloud_init: &CloudInitFacts, boot: &BootFacts) -> NetworkFacts {
        let entry = boot.default_entry.known().and_then(Option::as_ref);
        let command_line = entry.map(|entry| entry.command_line.as_str());
        let automatic = self.automatic(tree);
        let dhcp = format!("{}/dhcp", ifcfg::SUSE);
        let unread = self.unread.clone();
        NetworkFacts {
            automatic,
            cloud_init: cloud_init::find(cloud_init, command_line),
            no_ifcfg: self.settings.no_ifcfg.known().cloned().flatten(),
            persistent_rules: udev_rules::persistent(tree),
            rule_generator: udev_rules::generator(tree),
            network_scripts: program(tree, &["/etc/sysconfig/network-scripts/ifup-eth"]),
            dhclient: program(tree, &["/usr/sbin/dhclient", "/sbin/dhclient"]),
            nozeroconf: setting(tree, "/etc/sysconfig/network", "NOZEROCONF"),
            set_hostname: setting(tree, &dhcp, "DHCLIENT_SET_HOSTNAME"),
            use_last_lease: setting(tree, &dhcp, "DHCLIENT_USE_LAST_LEASE"),
            link_macs: match &unread {
                Some(unread) => Fact::Unknown(unread.clone()),
                None => Fact::Known(self.links.into_iter().map(|link| link.evidence).collect()),
            },
            interfaces: match unread.or(self.unevaluated) {
                Some(unread) => Fact::Unknown(unread),
                None => Fact::Known(self.interfaces),
            },
            programs: self.programs.facts,
            nic_name: self.nic_name,
        }
    }
}

/// Whether the program does not even load the file, for what the file is.
fn is_passed_over(config: &InterfaceConfig) -> bool {
    let why = config.idle.known().and_then(Option::as_ref);
    why.is_some_and(|why| why.location == config.location)
}

/// The default boot entry's command line with its place.
pub fn command_line(boot: &BootFacts) -> Fact<Option<(String, String)>> {
    boot.default_entry
        .clone()
        .map(|entry| entry.map(|entry| (entry.command_line, entry.command_line_location)))
}

/// Debian's cloud images up to 11 set up each card by a udev rule that asks for DHCP.
fn cloud_ifupdown_helper(tree: &Tree) -> Result<Option<Evidence>, Unread> {
    const RULE: &str = "/etc/udev/rules.d/75-cloud-ifupdown.rules";
    const HELPER: &str = "/etc/network/cloud-ifupdown-helper";
    for path in [HELPER, RULE] {
        match tree.exists(path) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => return Err(Unread::from((path, &error))),
        }
    }
    Ok(Some(Evidence::new(RULE, HELPER)))
}

/// Alpine's Tiny Cloud, which at the first boot writes an `/etc/network/interfaces` with DHCP for each
/// card when there is none (lib/tiny-cloud/init, `init__set_default_interfaces`).
fn tiny_cloud(
    tree: &Tree,
    programs: &Programs,
    units: &BootUnits<'_>,
) -> Result<Option<Evidence>, Unread> {
    const SERVICES: [&str; 2] = ["tiny-cloud-boot.service", "tiny-cloud-early.service"];
    const IN_ITS_WAY: [&str; 2] = ["/etc/network/interfaces", "/var/lib/cloud/.bootstrap-complete"];
    let started = SERVICES.iter().map(|service| units.unit(service));
    let started = started.into_iter().find(|unit| unit.state == Fact::Known(UnitState::Enabled));
    let Some(started) = started.filter(|_| programs.runs(NetworkProgram::Ifupdown)) else {
        return Ok(None);
    };
    for path in IN_ITS_WAY {
        match tree.exists(path) {
            Ok(false) => {}
            Ok(true) => return Ok(None),
            Err(error) => return Err(Unread::from((path, &error))),
        }
    }
    Ok(Some(Evidence::new(started.evidence.location, "Tiny Cloud writes /etc/network/interfaces")))
}

/// The first of the paths that leads to something.
fn program(tree: &Tree, paths: &[&str]) -> Fact<Option<Evidence>> {
    for path in paths {
        match tree.exists(path) {
            Ok(true) => return Fact::Known(Some(Evidence::new(*path, "there"))),
            Ok(false) => {}
            Err(error) => return Fact::unknown(*path, error.to_string()),
        }
    }
    Fact::Known(None)
}

/// A variable of a file that a shell sources; the last assignment counts.
fn setting(tree: &Tree, path: &str, key: &str) -> Fact<Option<Setting>> {
    let mut files = Files::new(tree);
    let file = files.file(path);
    let found = file.as_ref().and_then(|file| {
        let last = assignments(&mut files, file, |name| name == key).pop()?;
        let evidence = file.setting(last.line, last.text);
        Some(Setting { value: last.value, evidence })
    });
    match files.unread.or(files.unevaluated) {
        Some(unread) => Fact::Unknown(unread),
        None => Fact::Known(found),
    }
}
