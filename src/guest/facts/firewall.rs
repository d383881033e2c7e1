//! The firewall that is set up in the guest.

use serde::{Deserialize, Serialize};

use crate::fact::{Evidence, Fact, Unread};

/// The firewall that is set up in the guest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FirewallFacts {
    /// Each firewall's service that was looked for, with what was seen of it.
    pub looked_at: Vec<Evidence>,
    /// The firewalls that the boot starts.
    pub enabled: Vec<EnabledFirewall>,
    /// Services of which it is not known whether the boot starts them.
    pub unread: Vec<Unread>,
}

/// A firewall that the boot starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EnabledFirewall {
    /// `firewalld`, `iptables`, `nftables`, `ufw`, ….
    pub name: String,
    /// What starts it.
    pub evidence: Evidence,
    /// Whether a new TCP connection over IPv4 from anywhere reaches sshd's port.
    pub ssh: Fact<SshAccess>,
}

/// Whether SSH comes through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SshAccess {
    /// It does, by this rule or policy.
    Open(Evidence),
    /// It does not, by this rule or policy.
    Closed(Evidence),
}
