//! Whether sshd has host keys at the first start.

use super::cloud_init_ready::{Readiness, readiness};
use crate::fact::{Evidence, Fact, Unread};
use crate::guest::facts::{LinuxFacts, UnitState};

/// Where the host keys of a new server come from.
pub(super) enum HostKeys {
    /// The image has some.
    There,
    /// They are made, by what the evidence shows.
    Made(Evidence),
    /// Nothing makes them: sshd does not start.
    Nobody,
    /// That is not known.
    Unclear(Unread),
}

pub(super) fn host_keys(linux: &LinuxFacts) -> HostKeys {
    match linux.leftovers.host_keys.as_result() {
        Ok(keys) if keys.is_empty() => {}
        Ok(_) => return HostKeys::There,
        Err(unread) => return HostKeys::Unclear(unread.clone()),
    }
    if let Fact::Known(Some(maker)) = &linux.sshd.host_key_maker {
        return HostKeys::Made(maker.clone());
    }
    let cloud_init = &linux.cloud_init;
    match readiness(cloud_init) {
        // cloud-init's cc_ssh, for each new instance.
        Readiness::Ready(evidence) => {
            let ready = || Evidence::new("cloud-init", "in order");
            return HostKeys::Made(evidence.into_iter().next().unwrap_or_else(ready));
        }
        Readiness::Undecided(unread) => return HostKeys::Unclear(unread),
        Readiness::NotReady(obstacle) => {
            let off = cloud_init.installed == Fact::Known(None)
                || cloud_init.disabled_by.known().is_some_and(|by| !by.is_empty())
                || cloud_init.units.iter().any(|unit| {
                    unit.state.known().is_some_and(|state| *state != UnitState::Enabled)
                });
            if !off {
                let reason =
                    format!("{}: whether it makes host keys is not known", obstacle.detail);
                return HostKeys::Unclear(Unread::new(obstacle.location, reason));
            }
        }
    }
    match &linux.sshd.host_key_maker {
        Fact::Known(_) => HostKeys::Nobody,
        Fact::Unknown(unread) => HostKeys::Unclear(unread.clone()),
    }
}
