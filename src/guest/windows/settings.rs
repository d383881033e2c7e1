//! Single settings: disks that come online, policies, the domain, the platform's version
//! files, hibernation.

use super::hklm::{Hklm, fact};
use super::system_root::shown;
use crate::bytes::BytesExt;
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact};
use crate::filesystem::tree::Tree;
use crate::guest::facts::{Seen, ServiceFacts, StartType};

/// Longest version file in bytes: one line.
const MAX_VERSION_FILE: u64 = 4096;

/// `SanPolicy` of the partition manager (VDS_SAN_POLICY).
pub(super) fn san_policy(hklm: &Hklm<'_>) -> Fact<Option<Seen<u32>>> {
    const PARAMETERS: &str = r"Services\partmgr\Parameters";
    fact(PARAMETERS, hklm.control_set(PARAMETERS).and_then(|place| place.dword("SanPolicy")))
}

/// Policies that keep devices from being installed.
pub(super) fn driver_policies(hklm: &Hklm<'_>) -> Fact<Vec<Evidence>> {
    const RESTRICTIONS: &str = r"Policies\Microsoft\Windows\DeviceInstall\Restrictions";
    const POLICIES: [&str; 4] =
        ["DenyUnspecified", "DenyDeviceIDs", "DenyDeviceClasses", "DenyInstanceIDs"];
    let read = || {
        let place = hklm.software(RESTRICTIONS)?;
        let mut found = Vec::new();
        for name in POLICIES {
            found.extend(
                place.dword(name)?.filter(|policy| policy.value != 0).map(|policy| policy.evidence),
            );
        }
        Ok(found)
    };
    fact(RESTRICTIONS, read())
}

/// The domain of a member: only members start Netlogon by themselves, and a DNS suffix alone makes
/// none.
pub(super) fn domain(
    hklm: &Hklm<'_>,
    services: &Fact<Vec<ServiceFacts>>,
) -> Fact<Option<Seen<String>>> {
    let services = match services {
        Fact::Known(services) => services,
        Fact::Unknown(unread) => return Fact::Unknown(unread.clone()),
    };
    let is_member = services.iter().any(|service| {
        service.name.eq_ignore_ascii_case("Netlogon") && service.start == Some(StartType::Automatic)
    });
    if !is_member {
        return Fact::Known(None);
    }
    const PARAMETERS: &str = r"Services\Tcpip\Parameters";
    fact(PARAMETERS, hklm.control_set(PARAMETERS).and_then(|place| place.text("Domain")))
}

/// The version file of the platform's tools or of its Xen drivers, in `directory` of either folder of
/// programs.
pub(super) fn version_file(tree: &Tree, directory: &str) -> Fact<Option<Seen<String>>> {
    for programs in ["Program Files (x86)", "Program Files"] {
        let path = format!("/{programs}/{directory}/bin/version");
        let read = tree.read_text(&path, MAX_VERSION_FILE);
        match Fact::from_lookup(shown(&path), read) {
            Fact::Known(None) => {}
            Fact::Known(Some(text)) => {
                let line = text.trim_start_matches('\u{feff}').trim().lines().next();
                let line = line.unwrap_or_default().to_owned();
                let evidence = Evidence::new(shown(&path), line.clone());
                return Fact::Known(Some(Seen::new(line, evidence)));
            }
            Fact::Unknown(unread) => return Fact::Unknown(unread),
        }
    }
    Fact::Known(None)
}

/// A hibernation file that the boot loader would resume: `hibr` or `HIBR` (Windows 8 and later); once
/// resumed it begins with `wake` or is cleared (J. Metz, "Windows Hibernation File format").
pub(super) fn hibernated(tree: &Tree) -> Fact<Option<Evidence>> {
    const PATH: &str = "/hiberfil.sys";
    let read = || {
        let file = match tree.open(PATH) {
            Err(error) if error.is_absent() => return Ok(None),
            opened => opened?,
        };
        if file.len() < 4 {
            return Ok(None);
        }
        let signature: [u8; 4] = file.array(0)?;
        let is_set = signature.eq_ignore_ascii_case(b"hibr");
        let text = String::from_utf8_lossy(&signature).into_owned();
        Ok::<_, Error>(is_set.then(|| Evidence::new(r"\hiberfil.sys, byte 0", text)))
    };
    let found: Result<Option<Evidence>> = read();
    Fact::from_result(r"\hiberfil.sys", found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::windows::fixture::{Guest, guest};
    use crate::guest::windows::services;

    #[test]
    fn the_domain_of_a_member_is_told_and_a_suffix_alone_makes_none() {
        let of = |start: u32| {
            let found = guest().system(|hive| {
                let hive = hive.key(r"ControlSet001\Services\Netlogon").dword("Start", start);
                let hive = hive.key(r"ControlSet001\Services\Tcpip\Parameters");
                hive.text("Domain", "corp.example")
            });
            found.look(|tree, root, hklm| domain(hklm, &services::find(tree, root, hklm)))
        };
        assert_eq!(of(3), Fact::Known(None));
        assert_eq!(of(2).known().unwrap().as_ref().unwrap().value, "corp.example");
    }

    #[test]
    fn a_policy_counts_when_it_is_set_and_not_zero() {
        let key = r"Policies\Microsoft\Windows\DeviceInstall\Restrictions";
        let found = guest()
            .software(|hive| hive.key(key).dword("DenyUnspecified", 1).dword("DenyDeviceIDs", 0));
        let found = found.look(|_, _, hklm| driver_policies(hklm));
        let [policy] = found.known().unwrap().as_slice() else { panic!("{found:?}") };
        assert_eq!(policy.detail, "DenyUnspecified=1");
    }

    #[test]
    fn hibernation_and_versions_are_read_from_their_files() {
        let state = |bytes: &'static [u8]| {
            let guest = guest().files(|files| files.file("/hiberfil.sys", bytes));
            guest.look(|tree, _, _| hibernated(tree).known().unwrap().is_some())
        };
        assert_eq!(
            [state(b"HIBR____"), state(b"hibr"), state(b"wake"), state(b"")],
            [true, true, false, false]
        );
        let version = |guest: Guest| guest.look(|tree, _, _| version_file(tree, "virtio"));
        assert_eq!(version(guest()), Fact::Known(None));
        let path = "/Program Files (x86)/virtio/bin/version";
        let found = version(guest().files(|files| files.file(path, "\u{feff}2.5.0.156\r\nx\r\n")));
        assert_eq!(found.known().unwrap().as_ref().unwrap().value, "2.5.0.156");
        let torn = guest().files(|files| files.file(path, "2").unreadable(path));
        assert!(version(torn).unread().is_some());
    }
}
