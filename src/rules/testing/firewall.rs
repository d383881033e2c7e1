//! The good machine: firewall.

use super::why;
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{EnabledFirewall, FirewallFacts, SshAccess};

/// As the good machine has it: firewalld with its own default zone.
pub(super) fn good() -> FirewallFacts {
    let unit = Evidence::new(
        "/etc/systemd/system/multi-user.target.wants/firewalld.service",
        "link to /usr/lib/systemd/system/firewalld.service",
    );
    let open = Evidence::new("/usr/lib/firewalld/zones/public.xml", "service ssh");
    FirewallFacts {
        looked_at: vec![Evidence::new("firewalld.service", "started at boot")],
        enabled: vec![EnabledFirewall {
            name: "firewalld".to_owned(),
            evidence: unit,
            ssh: Fact::Known(SshAccess::Open(open)),
        }],
        unread: Vec::new(),
    }
}

/// Nothing of it could be read.
pub(super) fn unread() -> FirewallFacts {
    FirewallFacts { looked_at: Vec::new(), enabled: Vec::new(), unread: vec![why()] }
}
