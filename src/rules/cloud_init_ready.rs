//! Whether cloud-init would set up the first login of a new server.

use crate::fact::{Evidence, Unread};
use crate::guest::facts::{CloudInitFacts, UnitState};

/// Whether cloud-init is installed, started, and looks for the platform's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Readiness {
    /// It is, as the evidence shows.
    Ready(Vec<Evidence>),
    /// It is not; the evidence shows the first thing that is in the way.
    NotReady(Evidence),
    /// It could not be determined.
    Undecided(Unread),
}

/// Ready means: installed; not disabled; every boot stage enabled; and `datasource_list` either not
/// set (then cloud-init's own list holds, which has OpenStack) or with `OpenStack` in it. `Ec2` alone
/// does not count: the platform's pages ask for OpenStack, and only there the password arrives. Nothing
/// else binds it to another data source.
pub(super) fn readiness(cloud_init: &CloudInitFacts) -> Readiness {
    settle(cloud_init).unwrap_or_else(|readiness| readiness)
}

fn settle(cloud_init: &CloudInitFacts) -> Result<Readiness, Readiness> {
    // What is surely in the way comes before what is not known.
    let mut undecided = None;
    let mut seen = Vec::new();
    match cloud_init.installed.as_result() {
        Ok(Some(installed)) => seen.push(installed.evidence.clone()),
        Ok(None) => {
            let evidence = Evidence::new("/usr/bin/cloud-init", "not installed");
            return Err(Readiness::NotReady(evidence));
        }
        Err(unread) => undecided = undecided.or(Some(unread.clone())),
    }
    match cloud_init.disabled_by.as_result() {
        Ok(disabled_by) => {
            if let Some(evidence) = disabled_by.first() {
                return Err(Readiness::NotReady(evidence.clone()));
            }
        }
        Err(unread) => undecided = undecided.or(Some(unread.clone())),
    }
    for unit in &cloud_init.units {
        match unit.state.as_result() {
            Ok(UnitState::Enabled) => seen.push(unit.evidence.clone()),
            Ok(_) => return Err(Readiness::NotReady(unit.evidence.clone())),
            Err(unread) => undecided = undecided.or(Some(unread.clone())),
        }
    }
    if cloud_init.units.is_empty() {
        let unread = Unread::new("cloud-init", "none of its boot stages was looked at");
        undecided = undecided.or(Some(unread));
    }
    match cloud_init.datasource_list.as_result() {
        Ok(Some((list, evidence))) => {
            if !names_openstack(list) {
                return Err(Readiness::NotReady(evidence.clone()));
            }
            seen.push(evidence.clone());
        }
        Ok(None) => {}
        Err(unread) => undecided = undecided.or(Some(unread.clone())),
    }
    match cloud_init.bound_elsewhere.as_result() {
        Ok(Some(evidence)) => return Err(Readiness::NotReady(evidence.clone())),
        Ok(None) => {}
        Err(unread) => undecided = undecided.or(Some(unread.clone())),
    }
    undecided = undecided.or_else(|| cloud_init.unread.first().cloned());
    undecided.map_or(Ok(Readiness::Ready(seen)), |unread| Err(Readiness::Undecided(unread)))
}

/// Whether the list has the OpenStack data source.
pub(super) fn names_openstack(list: &[String]) -> bool {
    list.iter().any(|name| name == "OpenStack")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::rules::testing::{good_linux, linux_mut};

    fn of(change: impl FnOnce(&mut CloudInitFacts)) -> Readiness {
        let mut facts = good_linux();
        change(&mut linux_mut(&mut facts).cloud_init);
        readiness(&linux_mut(&mut facts).cloud_init)
    }

    #[test]
    fn the_good_machine_is_ready() {
        assert!(matches!(of(|_| {}), Readiness::Ready(_)));
        assert!(matches!(of(|c| c.datasource_list = Fact::Known(None)), Readiness::Ready(_)));
    }

    #[test]
    fn what_is_surely_in_the_way_counts_before_what_is_not_known() {
        let readiness = of(|cloud_init| {
            cloud_init.datasource_list = Fact::unknown("/etc/cloud/cloud.cfg", "bad YAML");
            cloud_init.units[2].state = Fact::Known(UnitState::Masked);
        });
        assert!(matches!(readiness, Readiness::NotReady(_)), "{readiness:?}");
    }

    #[test]
    fn an_unreadable_part_leaves_it_undecided() {
        let readiness = of(|c| c.unread = vec![Unread::new("/etc/cloud/cloud.cfg", "bad YAML")]);
        assert!(matches!(readiness, Readiness::Undecided(u) if u.reason == "bad YAML"));
        assert!(matches!(of(|c| c.units.clear()), Readiness::Undecided(_)));
    }

    #[test]
    fn what_binds_it_to_another_datasource_is_in_the_way() {
        let seen = Evidence::new("/etc/cloud/ds-identify.cfg:1", "datasource: NoCloud");
        let readiness = of(|c| c.bound_elsewhere = Fact::Known(Some(seen.clone())));
        assert_eq!(readiness, Readiness::NotReady(seen));
    }

    #[test]
    fn another_datasource_alone_is_not_enough() {
        let list = (vec!["Ec2".to_owned()], Evidence::new("/etc/cloud/cloud.cfg:3", "[ Ec2 ]"));
        assert!(matches!(
            of(|c| c.datasource_list = Fact::Known(Some(list))),
            Readiness::NotReady(_)
        ));
    }
}
