//! The system IDs by which LVM in the guest tells the volume groups that it may use.
//!
//! Source: lvmsystemid(7), lvm.conf(5) (`global/system_id_source`, `local/system_id`,
//! `local/extra_system_ids`).

use crate::disk::facts::DiskFacts;
use crate::error::Result;
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::tree::Tree;

const CONFIGURATION: &str = "/etc/lvm/lvm.conf";
const LOCAL: &str = "/etc/lvm/lvmlocal.conf";

/// Longest file that is read; Fedora's `lvm.conf` has 110 KiB.
const MAX_FILE: u64 = 1 << 20;

/// Most system IDs that are kept.
const MAX_IDS: usize = 64;

/// The IDs, where a group on the disk has one; with none, the guest uses no such group. Unknown where the
/// ID comes of what another machine may have differently.
pub(super) fn find(tree: &Tree, disk: &DiskFacts) -> Fact<Vec<Evidence>> {
    if disk.volume_groups.iter().all(|group| group.system_id.is_none()) {
        return Fact::Known(Vec::new());
    }
    let (general, local) = match (settings(tree, CONFIGURATION), settings(tree, LOCAL)) {
        (Ok(general), Ok(local)) => (general, local),
        (Err(unread), _) | (_, Err(unread)) => return Fact::Unknown(unread),
    };
    // What stands in lvmlocal.conf is stronger.
    let stronger = |key: &str| general.iter().chain(&local).rfind(|set| set.key == key);
    let mut ids: Vec<Evidence> = match stronger("system_id_source") {
        None => Vec::new(),
        Some(set) => match set.values.first().map(String::as_str) {
            None | Some("none") => Vec::new(),
            Some("lvmlocal") => stronger("system_id").map(Set::ids).unwrap_or_default(),
            Some(source) => {
                let reason = format!("LVM's system ID comes of {source}, which is not followed");
                return Fact::Unknown(Unread::new(set.place.clone(), reason));
            }
        },
    };
    ids.extend(stronger("extra_system_ids").map(Set::ids).unwrap_or_default());
    ids.truncate(MAX_IDS);
    Fact::Known(ids)
}

/// A line that sets a value.
struct Set {
    key: String,
    values: Vec<String>,
    place: String,
}

impl Set {
    fn ids(&self) -> Vec<Evidence> {
        let values = self.values.iter().filter(|value| !value.is_empty());
        values.map(|value| Evidence::new(self.place.clone(), value.clone())).collect()
    }
}

/// The settings of system IDs in a file; none where it is not there.
fn settings(tree: &Tree, path: &str) -> std::result::Result<Vec<Set>, Unread> {
    let text: Result<String> = tree.read_text(path, MAX_FILE);
    let text = match text {
        Ok(text) => text,
        Err(error) if error.is_absent() => String::new(),
        Err(error) => return Err(Unread::from((path, &error))),
    };
    let mut found = Vec::new();
    for (line, content) in (1_usize..).zip(text.lines()) {
        let Some((key, value)) = content.split_once('=') else { continue };
        let key = key.trim().rsplit('/').next().unwrap_or_default();
        if !["system_id_source", "system_id", "extra_system_ids"].contains(&key) {
            continue;
        }
        // `"host"`, or `[ "host1", "host2" ]`: what stands between quotes.
        let values = value.split('"').skip(1).step_by(2).map(str::to_owned).collect();
        found.push(Set { key: key.to_owned(), values, place: format!("{path}:{line}") });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::facts::VolumeGroupFacts;
    use crate::filesystem::memory::MemoryFs;

    fn ids(fs: MemoryFs) -> Fact<Vec<Evidence>> {
        let mut disk = crate::guest::linux::device::tests::disk();
        disk.volume_groups.push(VolumeGroupFacts {
            name: "system".to_owned(),
            uuid: String::new(),
            seqno: 1,
            exported: false,
            system_id: Some("otherhost".to_owned()),
            physical_volumes: Vec::new(),
            logical_volumes: Vec::new(),
            notes: Vec::new(),
        });
        find(&fs.tree(), &disk)
    }

    fn with(general: &str, local: &str) -> Fact<Vec<String>> {
        let fs = MemoryFs::new()
            .file(
                CONFIGURATION,
                format!("global {{\n\t# system_id_source = \"x\"\n{general}\n}}\n"),
            )
            .file(LOCAL, format!("local {{\n{local}\n}}\n"));
        ids(fs)
            .map(|ids| ids.into_iter().map(|id| format!("{} {}", id.location, id.detail)).collect())
    }

    /// lvmsystemid(7).
    #[test]
    fn the_ids_are_those_that_lvm_takes() {
        let none = Fact::Known(Vec::new());
        assert_eq!(ids(MemoryFs::new()), Fact::Known(Vec::new()));
        assert_eq!(with("", "system_id = \"a\""), none);
        assert_eq!(with("system_id_source = \"none\"", "system_id = \"a\""), none);
        let local = "\tsystem_id_source = \"lvmlocal\"";
        let id = |place: &str| Fact::Known(vec![place.to_owned()]);
        assert_eq!(with(local, "\tsystem_id = \"a\""), id("/etc/lvm/lvmlocal.conf:2 a"));
        assert_eq!(with(local, "# system_id = \"a\""), none);
        assert_eq!(
            with("", "extra_system_ids = [ \"a\", \"b\" ]"),
            Fact::Known(vec![
                "/etc/lvm/lvmlocal.conf:2 a".to_owned(),
                "/etc/lvm/lvmlocal.conf:2 b".to_owned()
            ])
        );
        let unread = with("system_id_source = \"uname\"", "").unread().cloned().unwrap();
        assert_eq!(unread.location, "/etc/lvm/lvm.conf:3");
        let torn = MemoryFs::new().file(LOCAL, "x").unreadable(LOCAL);
        assert_eq!(ids(torn).unread().unwrap().location, LOCAL);
    }
}
