//! What the rules about network cards share: which configuration counts, and for which card.

use super::Outcome;
use super::scope::{Decision, known, undecided};
use crate::fact::{Evidence, Fact, Unread};
use crate::guest::facts::{
    CloudInitNetwork, InterfaceConfig, InterfaceKind, LinuxFacts, NetworkFacts, NicName,
    OsIdentity, Reach,
};
use crate::text;

/// Families of distributions by how they set up the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    RedHat,
    Suse,
    Debian,
}

/// The family; `None` for others.
pub(super) fn family(os: &OsIdentity) -> Option<Family> {
    const RED_HAT: [&str; 9] =
        ["rhel", "fedora", "centos", "ol", "scientific", "euleros", "openeuler", "hce", "rocky"];
    let is = |name: &str| os.id == name || os.id_like.iter().any(|like| like == name);
    if is("debian") || is("ubuntu") {
        Some(Family::Debian)
    } else if is("suse") || os.id.starts_with("sle") || os.id.starts_with("opensuse") {
        Some(Family::Suse)
    } else if RED_HAT.iter().any(|name| is(name)) {
        Some(Family::RedHat)
    } else {
        None
    }
}

/// The family for a remedy, where not knowing it only makes the remedy longer.
pub(crate) fn family_of(linux: &LinuxFacts) -> Option<Family> {
    linux.os.known().and_then(Option::as_ref).and_then(family)
}

/// First number of the version.
pub(super) fn major(os: &OsIdentity) -> Option<u32> {
    os.version.as_deref()?.split('.').next()?.parse().ok()
}

/// The distribution, for a rule that concerns one family.
pub(super) fn of_family(linux: &LinuxFacts, wanted: Family) -> Decision<&OsIdentity> {
    let os = known(&linux.os)?.as_ref();
    match os {
        Some(os) if family(os) == Some(wanted) => Ok(os),
        other => {
            let name = other.map_or("an unknown distribution", |os| os.name.as_str());
            Err(Box::new(Outcome::not_applicable(match wanted {
                Family::RedHat => text!(
                    "The guest is {name}; this rule concerns CentOS, RHEL and EulerOS.",
                    "镜像中的操作系统为{name}，本规则仅适用于CentOS、RHEL和EulerOS。"
                ),
                Family::Suse => text!(
                    "The guest is {name}; this rule concerns SUSE.",
                    "镜像中的操作系统为{name}，本规则仅适用于SUSE。"
                ),
                Family::Debian => text!(
                    "The guest is {name}; this rule concerns Debian.",
                    "镜像中的操作系统为{name}，本规则仅适用于Debian。"
                ),
            })))
        }
    }
}

/// The network of the guest, as far as all of it is known.
pub(super) struct Network<'a> {
    facts: &'a NetworkFacts,
    interfaces: &'a [InterfaceConfig],
    /// The name of the new machine's card, and what decides it.
    pub(super) name: &'a NicName,
    pub(super) name_at: &'a Evidence,
}

impl<'a> Network<'a> {
    pub(super) fn of(linux: &'a LinuxFacts) -> Decision<Self> {
        let facts = &linux.network;
        let interfaces = known(&facts.interfaces)?;
        let (name, name_at) = known(&facts.nic_name)?;
        Ok(Self { facts, interfaces, name, name_at })
    }

    /// What makes cloud-init write the configuration of a new instance.
    pub(super) fn cloud_init(&self) -> Decision<Option<&'a Evidence>> {
        Ok(match known(&self.facts.cloud_init)? {
            CloudInitNetwork::Writes(evidence) => Some(evidence),
            CloudInitNetwork::Off(_) => None,
        })
    }

    /// What gives a card DHCP that no configuration is for.
    pub(super) fn automatic(&self) -> Decision<Option<&'a Evidence>> {
        Ok(known(&self.facts.automatic)?.first())
    }

    /// Configurations of network cards, and of bridges and bonds over them, in which nothing keeps
    /// them from being used; without those that cloud-init will write anew.
    pub(super) fn used(&self) -> Vec<&'a InterfaceConfig> {
        let cards = self.interfaces.iter().filter(|config| config.kind != InterfaceKind::Other);
        let used = cards.filter(|config| config.idle == Fact::Known(None));
        used.filter(|config| !(config.by_cloud_init && self.is_rewritten())).collect()
    }

    fn is_rewritten(&self) -> bool {
        matches!(self.facts.cloud_init, Fact::Known(CloudInitNetwork::Writes(_)))
    }

    /// Configurations of network cards of which nothing comes, with the reason.
    pub(super) fn idle(&self) -> Vec<(&'a InterfaceConfig, &'a Evidence)> {
        let cards = self.interfaces.iter().filter(|config| config.kind == InterfaceKind::Ethernet);
        cards.filter_map(|config| Some((config, config.idle.known()?.as_ref()?))).collect()
    }

    /// The first configuration of which it is not known whether it is used.
    pub(super) fn unknown(&self) -> Option<&'a Unread> {
        let cards = self.interfaces.iter().filter(|config| config.kind != InterfaceKind::Other);
        cards.filter_map(|config| config.idle.unread()).next()
    }

    /// Whether a configuration is for the new machine's card, directly or as what joins it.
    pub(super) fn reach(&self, config: &InterfaceConfig) -> Reach {
        if config.kind != InterfaceKind::Master {
            return config.reach(self.name);
        }
        let port = |name: &String| {
            let known = self
                .interfaces
                .iter()
                .find(|other| other.kind == InterfaceKind::Ethernet && other.name == *name);
            match known {
                Some(port) => port.reach(self.name),
                None => self.name.reached_by(std::slice::from_ref(name)),
            }
        };
        // Red Hat's ports name their bridge; which they are is not followed.
        config.ports.iter().map(port).max().unwrap_or(Reach::Maybe)
    }

    /// Those that are for the card.
    pub(super) fn sure(&self) -> Vec<&'a InterfaceConfig> {
        let mut sure = self.used();
        sure.retain(|config| self.reach(config) == Reach::Yes);
        sure
    }

    /// As a person would call the card's name, in both languages.
    pub(super) fn called(&self) -> super::Text {
        match self.name {
            NicName::Exactly(name) => text!("{name}", "{name}"),
            NicName::ByPlace => text!(
                "named by its place on the bus (ens3, enp0s3, …)",
                "按总线位置命名（ens3、enp0s3等）"
            ),
        }
    }
}

/// Undecided when there is something that is not known.
pub(super) fn settled(unknown: Option<&Unread>) -> Decision<()> {
    match unknown {
        Some(unread) => Err(Box::new(undecided(unread))),
        None => Ok(()),
    }
}
