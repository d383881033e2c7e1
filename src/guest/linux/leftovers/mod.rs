//! What an earlier life of the guest left behind: an identity, logs, tools of another hypervisor.
//!
//! In: the guest's tree and the units that its boot starts. Out: [`LeftoverFacts`]. Of files only
//! names and lengths are told, never content.

mod logs;
mod tools;

use super::systemd_unit::BootUnits;
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::FileType;
use crate::filesystem::tree::Tree;
use crate::guest::facts::{FileSize, LeftoverFacts, MachineId};

const MACHINE_ID: &str = "/etc/machine-id";
const DBUS_MACHINE_ID: &str = "/var/lib/dbus/machine-id";

/// Longest machine id read: 32 digits and a line end, or `uninitialized`.
const MAX_MACHINE_ID: u64 = 4096;

/// Most directories of `/home` looked into.
const MAX_HOMES: usize = 1024;

/// Histories by their names in a home directory (bash(1), zsh's usual HISTFILE, ash, mysql(1),
/// psql(1)): they hold commands with passwords in them.
const HISTORIES: [&str; 6] = [
    ".bash_history",
    ".zsh_history",
    ".ash_history",
    ".sh_history",
    ".mysql_history",
    ".psql_history",
];

/// Looks for what is left behind.
pub fn find(tree: &Tree, units: &BootUnits<'_>) -> LeftoverFacts {
    LeftoverFacts {
        machine_id: Fact::from_result(MACHINE_ID, machine_id(tree)),
        host_keys: Fact::from_result("/etc/ssh", host_keys(tree)),
        logs: logs::find(tree),
        histories: histories(tree),
        hypervisor_tools: tools::find(tree, units),
        xorg_conf: size_of(tree, "/etc/X11/xorg.conf"),
        rainbow_log: size_of(tree, "/var/log/rainbow_modification_record.log"),
        reset_plugin: Fact::from_result("/", reset_plugin(tree)),
    }
}

fn size_of(tree: &Tree, path: &str) -> Fact<Option<Evidence>> {
    Fact::from_lookup(path, tree.metadata(path))
        .map(|found| found.map(|metadata| Evidence::new(path, format!("{} bytes", metadata.len))))
}

/// machine-id(5): empty, `uninitialized` and absent are set at the next boot; then an id that D-Bus
/// has already is taken over (systemd, `machine-id-setup.c`).
fn machine_id(tree: &Tree) -> Result<MachineId> {
    let own = match tree.read_text(MACHINE_ID, MAX_MACHINE_ID) {
        Ok(text) => Some(text),
        Err(error) if error.is_absent() => None,
        Err(error) => return Err(error),
    };
    let is_set = |text: &str| {
        let text = text.trim();
        text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    if own.as_deref().is_some_and(is_set) {
        return Ok(MachineId::Set(Evidence::new(MACHINE_ID, "an id is set")));
    }
    // A link to /etc/machine-id, as it is usually, says nothing of its own.
    let dbus = match tree.symlink_metadata(DBUS_MACHINE_ID) {
        Ok(metadata) if metadata.file_type == FileType::Regular => {
            Some(tree.read_text(DBUS_MACHINE_ID, MAX_MACHINE_ID)?)
        }
        Ok(_) => None,
        Err(error) if error.is_absent() => None,
        Err(error) => return Err(error),
    };
    if dbus.as_deref().is_some_and(is_set) {
        return Ok(MachineId::Set(Evidence::new(
            DBUS_MACHINE_ID,
            "an id is set, which the next boot takes over",
        )));
    }
    Ok(match own {
        None => MachineId::Absent,
        Some(text) => {
            let what = if text.trim().is_empty() { "empty" } else { "holds no id" };
            MachineId::Unset(Evidence::new(MACHINE_ID, what))
        }
    })
}

pub(in crate::guest::linux) fn host_keys(tree: &Tree) -> Result<Vec<String>> {
    let entries = match tree.read_dir("/etc/ssh") {
        Ok(entries) => entries,
        Err(error) if error.is_absent() => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let names = entries.iter().map(|entry| String::from_utf8_lossy(&entry.name));
    let keys = names.filter(|name| name.starts_with("ssh_host_") && name.ends_with("_key"));
    let mut found = Vec::new();
    for name in keys {
        let path = format!("/etc/ssh/{name}");
        match tree.metadata(&path) {
            // sshd makes an empty one anew no more than none, but it is no key either.
            Ok(metadata) if metadata.len > 0 => found.push(path),
            Ok(_) => {}
            Err(error) if error.is_absent() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

fn histories(tree: &Tree) -> Fact<Vec<FileSize>> {
    let mut homes = vec!["/root".to_owned()];
    match tree.read_dir("/home") {
        Ok(entries) if entries.len() > MAX_HOMES => {
            let error = Error::too_much("/home", MAX_HOMES, "directories");
            return Fact::Unknown(Unread::from(("/home", &error)));
        }
        Ok(entries) => homes.extend(
            entries
                .iter()
                .filter_map(|entry| std::str::from_utf8(&entry.name).ok())
                .map(|name| format!("/home/{name}")),
        ),
        Err(error) if error.is_absent() => {}
        Err(error) => return Fact::Unknown(Unread::from(("/home", &error))),
    }
    let mut found = Vec::new();
    for path in homes.iter().flat_map(|home| HISTORIES.map(|name| format!("{home}/{name}"))) {
        // What leads elsewhere (`/dev/null`) keeps no history.
        match tree.symlink_metadata(&path) {
            Ok(metadata) if metadata.file_type == FileType::Regular && metadata.len > 0 => {
                found.push(FileSize { path, size: metadata.len });
            }
            Ok(_) => {}
            Err(error) if error.is_absent() => {}
            Err(error) => return Fact::Unknown(Unread::from((path.as_str(), &error))),
        }
    }
    Fact::Known(found)
}

fn reset_plugin(tree: &Tree) -> Result<Vec<String>> {
    let entries = tree.read_dir("/")?;
    let names = entries.iter().map(|entry| String::from_utf8_lossy(&entry.name));
    Ok(names
        .filter(|name| name.starts_with("Cloud") && name.contains("Reset"))
        .map(|name| format!("/{name}"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;

    fn found(fs: MemoryFs) -> LeftoverFacts {
        let tree = fs.tree();
        find(&tree, &BootUnits::walk(&tree))
    }

    const ID: &str = "0123456789abcdef0123456789abcdef\n";

    #[test]
    fn an_id_counts_wherever_the_next_boot_would_take_it_from() {
        let id = |fs: MemoryFs| found(fs).machine_id.known().unwrap().clone();
        assert_eq!(id(MemoryFs::new()), MachineId::Absent);
        assert!(matches!(id(MemoryFs::new().file(MACHINE_ID, ID)), MachineId::Set(_)));
        for unset in ["", "\n", "uninitialized\n"] {
            let fs = MemoryFs::new().file(MACHINE_ID, unset).symlink(DBUS_MACHINE_ID, MACHINE_ID);
            assert!(matches!(id(fs), MachineId::Unset(_)));
        }
        let dbus = MemoryFs::new().file(MACHINE_ID, "").file(DBUS_MACHINE_ID, ID);
        assert!(matches!(id(dbus), MachineId::Set(seen) if seen.location == DBUS_MACHINE_ID));
        let torn = MemoryFs::new().file(MACHINE_ID, ID).unreadable(MACHINE_ID);
        assert!(found(torn).machine_id.unread().is_some());
    }

    #[test]
    fn keys_histories_and_the_platforms_own_traces_are_found() {
        let facts = found(
            MemoryFs::new()
                .file("/etc/ssh/ssh_host_rsa_key", "k")
                .file("/etc/ssh/ssh_host_rsa_key.pub", "k")
                .file("/etc/ssh/ssh_host_empty_key", "")
                .file("/root/.bash_history", "ls\n")
                .symlink("/home/a/.bash_history", "/dev/null")
                .file("/home/b/.mysql_history", "x")
                .file("/home/b/.bash_history", "")
                .file("/etc/X11/xorg.conf", "Section")
                .file("/var/log/rainbow_modification_record.log", "done")
                .dir("/CloudrResetPwdAgent")
                .dir("/CloudX"),
        );
        assert_eq!(facts.host_keys.known().unwrap(), &["/etc/ssh/ssh_host_rsa_key"]);
        let paths: Vec<_> =
            facts.histories.known().unwrap().iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["/root/.bash_history", "/home/b/.mysql_history"]);
        assert!(facts.xorg_conf.known().unwrap().is_some());
        assert!(facts.rainbow_log.known().unwrap().is_some());
        assert_eq!(facts.reset_plugin.known().unwrap(), &["/CloudrResetPwdAgent"]);
    }

    #[test]
    fn a_torn_home_is_unknown_and_an_empty_guest_has_nothing() {
        let torn = MemoryFs::new().dir("/home").unreadable("/home");
        assert_eq!(found(torn).histories.unread().unwrap().location, "/home");
        let nothing = found(MemoryFs::new());
        assert_eq!(nothing.histories, Fact::Known(vec![]));
        assert_eq!(nothing.host_keys, Fact::Known(vec![]));
        assert_eq!(nothing.hypervisor_tools, Fact::Known(vec![]));
        assert_eq!(nothing.xorg_conf, Fact::Known(None));
        assert_eq!(nothing.logs.known().unwrap().files, 0);
    }
}
