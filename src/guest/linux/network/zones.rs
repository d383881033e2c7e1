//! Zones of firewalld in which connections are put.
//!
//! Sources: firewalld.zones(5), nm-settings-keyfile(5), Red Hat's `sysconfig.txt` (`ZONE=`).

use super::files::{Files, assignments, ini};
use super::{ifcfg, network_manager};
use crate::fact::{Evidence, Unread};
use crate::filesystem::tree::Tree;

/// The zones that connections name, each with its line.
pub(in crate::guest::linux) fn find(tree: &Tree) -> Result<Vec<(String, Evidence)>, Unread> {
    let mut files = Files::new(tree);
    let mut found = Vec::new();
    for file in files.files(ifcfg::RED_HAT, ifcfg::is_ifcfg) {
        let set = assignments(&mut files, &file, |key| key == "ZONE");
        found.extend(set.into_iter().map(|set| (set.value, file.setting(set.line, set.text))));
    }
    for file in files.files(network_manager::CONNECTIONS[0], |name| !name.starts_with('.')) {
        let lines = ini(&file);
        let zones = lines.iter().filter(|line| line.section == "connection" && line.key == "zone");
        found.extend(zones.map(|line| (line.value.to_owned(), line.evidence())));
    }
    match files.unread.or(files.unevaluated) {
        Some(unread) => Err(unread),
        None => Ok(found),
    }
}
