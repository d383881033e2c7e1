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

/// Most system IDs that are kept; a host has its own, and those of the few whose disks it takes over.
const MAX_IDS: usize = 64;

/// The IDs, where a group on the disk has one; with none, the guest uses no such group. Unknown where the
/// ID is taken from what another machine may have differently.
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
                let reason =
                    format!("LVM takes its system ID from {source}, which is not followed");
                return Fact::Unknown(Unread::new(set.place.clone(), reason));
            }
        },
    };
    ids.extend(stronger("extra_system_ids").map(Set::ids).unwrap_or_default());
    match ids.get(MAX_IDS) {
        Some(id) => Fact::unknown(id.location.clone(), format!("more than {MAX_IDS} system IDs")),
        None => Fact::Known(ids),
    }
}

/// What sets a value, from the line `place` on.
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
    let mut lines = (1_usize..).zip(text.lines());
    while let Some((line, content)) = lines.next() {
        let content = up_to(content, '#').0;
        let Some((key, mut part)) = content.split_once('=') else { continue };
        // `local/system_id`, or `local { system_id`.
        let key = key.trim_end().rsplit(['/', '{', ' ', '\t']).next().unwrap_or_default();
        if !["system_id_source", "system_id", "extra_system_ids"].contains(&key) {
            continue;
        }
        let place = format!("{path}:{line}");
        let mut next_line = || {
            let unread = || Unread::new(place.clone(), "the value that begins there has no end");
            lines.next().map(|(_, next)| up_to(next, '#').0).ok_or_else(unread)
        };
        while part.trim().is_empty() {
            part = next_line()?;
        }
        let mut values = values(part);
        // An array may go over several lines.
        if part.trim_start().starts_with('[') {
            while !up_to(part, ']').1 {
                part = next_line()?;
                values.extend(self::values(part));
            }
        }
        found.push(Set { key: key.to_owned(), values, place });
    }
    Ok(found)
}

/// The part of a line that ends before a character which stands in no string, and whether there is one.
fn up_to(line: &str, end: char) -> (&str, bool) {
    let mut quote = None;
    for (at, c) in line.char_indices() {
        match quote {
            None if c == end => return (line.get(..at).unwrap_or_default(), true),
            None if is_quote(c) => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ => {}
        }
    }
    (line, false)
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'')
}

/// The strings of a value, with quotes or without: `"host"`, `[ "host1", host2 ]`.
fn values(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = up_to(text, ']').0;
    while let Some(start) = rest.find(|c: char| !c.is_ascii_whitespace() && !"[,}".contains(c)) {
        rest = rest.get(start..).unwrap_or_default();
        let (value, behind) = match rest.strip_prefix(is_quote) {
            Some(inside) => {
                let quote = if rest.starts_with('"') { '"' } else { '\'' };
                inside.split_once(quote).unwrap_or((inside, ""))
            }
            None => {
                let ends = |c: char| c.is_ascii_whitespace() || ",}".contains(c);
                rest.split_at(rest.find(ends).unwrap_or(rest.len()))
            }
        };
        found.push(value.to_owned());
        rest = behind;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::facts::VolumeGroupFacts;
    use crate::filesystem::memory::MemoryFs;
    use crate::guest::linux::device::tests::{disk, group};

    fn ids(fs: MemoryFs) -> Fact<Vec<Evidence>> {
        let mut disk = disk();
        disk.volume_groups
            .push(VolumeGroupFacts { system_id: Some("otherhost".to_owned()), ..group() });
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

    const OWN: &str = "/etc/lvm/lvmlocal.conf:2 a";

    /// lvmsystemid(7).
    #[test]
    fn the_ids_are_those_that_lvm_takes() {
        let none = Fact::Known(Vec::new());
        assert_eq!(ids(MemoryFs::new()), Fact::Known(Vec::new()));
        assert_eq!(with("", "system_id = \"a\""), none);
        assert_eq!(with("system_id_source = \"none\"", "system_id = \"a\""), none);
        let local = "\tsystem_id_source = \"lvmlocal\"";
        let id = |place: &str| Fact::Known(vec![place.to_owned()]);
        assert_eq!(with(local, "\tsystem_id = \"a\""), id(OWN));
        assert_eq!(with(local, "# system_id = \"a\""), none);
        assert_eq!(
            with("", "extra_system_ids = [ \"a\", \"b\" ]"),
            Fact::Known(vec![
                "/etc/lvm/lvmlocal.conf:2 a".to_owned(),
                "/etc/lvm/lvmlocal.conf:2 b".to_owned()
            ])
        );
        assert_eq!(with("system_id_source = lvmlocal", "system_id = 'a' # \"b\""), id(OWN));
        assert_eq!(with(local, "} local { system_id = \"a\" }"), id(OWN));
        let unread = with("system_id_source = \"uname\"", "").unread().cloned().unwrap();
        assert_eq!(unread.location, "/etc/lvm/lvm.conf:3");
        let torn = MemoryFs::new().file(LOCAL, "x").unreadable(LOCAL);
        assert_eq!(ids(torn).unread().unwrap().location, LOCAL);
    }

    /// lvm.conf(5): an array is a list between brackets, over as many lines as it takes.
    #[test]
    fn a_list_may_have_several_lines() {
        let ids = |text: &str| {
            with("", text).known().map(|ids| {
                ids.iter().map(|id| id.replace("/etc/lvm/lvmlocal.conf:", "")).collect::<Vec<_>>()
            })
        };
        let both = Some(vec!["2 a".to_owned(), "2 b]".to_owned()]);
        for text in [
            "extra_system_ids = [\n\t\"a\", # \"c\" ]\n\t\"b]\",\n]\nx = [ \"d\" ]",
            "extra_system_ids =\n[ \"a\",\n\"b]\" ]",
            "extra_system_ids = [ \"a\",\n# ]\n\"b]\" ]",
        ] {
            assert_eq!(ids(text), both, "{text}");
        }
        assert_eq!(ids("extra_system_ids = []"), Some(Vec::new()));
        let open = with("", "extra_system_ids = [ \"a\",");
        assert_eq!(open.unread().unwrap().location, "/etc/lvm/lvmlocal.conf:2");
    }

    #[test]
    fn more_ids_than_are_kept_leave_it_open() {
        let list = |count: usize| {
            let ids: Vec<_> = (0..count).map(|at| format!("\"host{at}\"")).collect();
            with("", &format!("extra_system_ids = [ {} ]", ids.join(", ")))
        };
        assert_eq!(list(MAX_IDS).known().unwrap().len(), MAX_IDS);
        let unread = list(MAX_IDS + 1).unread().cloned().unwrap();
        assert_eq!(unread.location, "/etc/lvm/lvmlocal.conf:2");
    }
}
