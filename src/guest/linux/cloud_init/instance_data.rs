//! What an earlier life of cloud-init left behind.
//!
//! Source: `cloudinit/cmd/clean.py` (everything below `/var/lib/cloud` but the seeds, and the logs) and
//! `cloudinit/helpers.py` (`Paths`): packages bring the directories, only a run fills them.

use crate::error::Result;
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::FileType;
use crate::filesystem::tree::Tree;

const INSTANCE: &str = "/var/lib/cloud/instance";

/// Directories that a run fills.
const FILLED: [&str; 3] = ["/var/lib/cloud/instances", "/var/lib/cloud/sem", "/var/lib/cloud/data"];

const LOGS: &str = "/var/log";

/// Most names told of one directory.
const MAX_SHOWN: usize = 4;

const PASSWD: &str = "/etc/passwd";

/// Longest `/etc/passwd` read, as for the accounts.
const MAX_PASSWD: u64 = 1 << 20;

/// What is left of an earlier run; empty when there was none.
pub(super) fn find(tree: &Tree) -> Fact<Vec<Evidence>> {
    match all(tree) {
        Ok(found) => Fact::Known(found),
        Err(unread) => Fact::Unknown(unread),
    }
}

fn all(tree: &Tree) -> Result<Vec<Evidence>, Unread> {
    let mut found = Vec::new();
    match tree.symlink_metadata(INSTANCE) {
        Ok(metadata) => {
            let what = match metadata.file_type {
                FileType::Symlink => {
                    let target = tree.read_link(INSTANCE);
                    format!("link to {}", target.unwrap_or_default())
                }
                _ => "exists".to_owned(),
            };
            found.push(Evidence::new(INSTANCE, what));
        }
        Err(error) if error.is_absent() => {}
        Err(error) => return Err(Unread::from((INSTANCE, &error))),
    }
    for directory in FILLED {
        let names = names(tree, directory)?;
        if !names.is_empty() {
            let shown: Vec<_> = names.iter().take(MAX_SHOWN).map(String::as_str).collect();
            let more = if names.len() > MAX_SHOWN { ", …" } else { "" };
            found.push(Evidence::new(directory, format!("{}{more}", shown.join(", "))));
        }
    }
    let logs = names(tree, LOGS)?;
    for name in logs.iter().filter(|name| name.starts_with("cloud-init")).take(MAX_SHOWN) {
        let path = format!("{LOGS}/{name}");
        match tree.metadata(&path) {
            Ok(metadata) if metadata.file_type == FileType::Regular && metadata.len > 0 => {
                found.push(Evidence::new(path, format!("{} bytes", metadata.len)));
            }
            Ok(_) => {}
            Err(error) if error.is_absent() => {}
            Err(error) => return Err(Unread::from((path.as_str(), &error))),
        }
    }
    Ok(found)
}

fn names(tree: &Tree, directory: &str) -> Result<Vec<String>, Unread> {
    match tree.read_dir(directory) {
        Ok(entries) => {
            let names = entries.iter().map(|entry| String::from_utf8_lossy(&entry.name));
            Ok(names.filter(|name| name != "." && name != "..").map(Into::into).collect())
        }
        Err(error) if error.is_absent() => Ok(Vec::new()),
        Err(error) => Err(Unread::from((directory, &error))),
    }
}

/// The account `linux`, which some of the platform's templates and older images bring.
pub(super) fn linux_user(tree: &Tree) -> Fact<Option<Evidence>> {
    let text = Fact::<String>::from_lookup(PASSWD, tree.read_text(PASSWD, MAX_PASSWD));
    text.map(|text| {
        let text = text.unwrap_or_default();
        (1_usize..).zip(text.lines()).find_map(|(line, content)| {
            let mut fields = content.split(':');
            (fields.next() == Some("linux")).then(|| {
                let uid = fields.nth(1).unwrap_or_default();
                Evidence::new(format!("{PASSWD}:{line}"), format!("linux, uid {uid}"))
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;

    #[test]
    fn the_directories_of_the_package_are_no_leftovers_and_what_a_run_fills_is() {
        let clean = || {
            MemoryFs::new()
                .dir("/var/lib/cloud/instances")
                .dir("/var/lib/cloud/scripts/per-boot")
                .file("/var/lib/cloud/seed/nocloud-net/meta-data", "x")
                .file("/var/log/cloud-init.log", "")
        };
        assert_eq!(find(&clean().tree()), Fact::Known(Vec::new()));
        let used = clean()
            .symlink("/var/lib/cloud/instance", "/var/lib/cloud/instances/i-1")
            .file("/var/lib/cloud/instances/i-1/user-data.txt", "x")
            .file("/var/log/cloud-init-output.log", "x");
        let places: Vec<_> =
            find(&used.tree()).known().unwrap().iter().map(|seen| seen.location.clone()).collect();
        let expected = [
            "/var/lib/cloud/instance",
            "/var/lib/cloud/instances",
            "/var/log/cloud-init-output.log",
        ];
        assert_eq!(places, expected);
        let torn = clean().unreadable("/var/lib/cloud/instances");
        assert!(find(&torn.tree()).unread().is_some());
    }

    #[test]
    fn an_account_named_linux_is_found_with_its_line() {
        let passwd = "root:x:0:0::/root:/bin/sh\nlinuxx:x:1:1::/:/bin/sh\nlinux:x:1000:1000::/home/linux:/bin/sh\n";
        let tree = MemoryFs::new().file(PASSWD, passwd).tree();
        assert_eq!(
            linux_user(&tree).known().unwrap().as_ref().unwrap(),
            &Evidence::new("/etc/passwd:3", "linux, uid 1000")
        );
    }
}
