//! How much lies in `/var/log`.

use crate::error::Error;
use crate::fact::{Fact, Unread};
use crate::filesystem::FileType;
use crate::filesystem::tree::Tree;
use crate::guest::facts::{FileSize, LogFacts};

const LOGS: &str = "/var/log";

/// Most entries of directories counted; a busy server has some thousand logs.
const MAX_ENTRIES: usize = 20_000;

/// Directories in one another; `/var/log/journal/<id>` has two.
const MAX_DEPTH: usize = 8;

/// The largest files that are told.
const MAX_LARGEST: usize = 8;

/// Records by user id (lastlog(8), faillog(8), pam_tally2(8)): as long as the largest id asks for,
/// mostly holes, and no history of anything.
const BY_USER_ID: [&str; 3] = ["/var/log/lastlog", "/var/log/faillog", "/var/log/tallylog"];

pub(super) fn find(tree: &Tree) -> Fact<LogFacts> {
    match tree.exists(LOGS) {
        Ok(true) => {}
        Ok(false) => return Fact::Known(LogFacts::default()),
        Err(error) => return Fact::Unknown(Unread::from((LOGS, &error))),
    }
    let mut facts = LogFacts::default();
    let mut entries = 0_usize;
    let mut ahead = vec![(LOGS.to_owned(), 0_usize)];
    while let Some((directory, depth)) = ahead.pop() {
        let listed = match tree.list(&directory) {
            Ok(listed) => listed,
            Err(error) => {
                doubt(&mut facts, &directory, &error);
                continue;
            }
        };
        for entry in listed {
            entries = entries.saturating_add(1);
            if entries > MAX_ENTRIES {
                doubt(&mut facts, &directory, &limit(MAX_ENTRIES, "entries"));
                return Fact::Known(facts);
            }
            let path = format!("{directory}/{}", String::from_utf8_lossy(&entry.name));
            match entry.metadata {
                Ok((metadata, _)) if metadata.file_type == FileType::Regular => {
                    count(&mut facts, path, metadata.len);
                }
                Ok((metadata, _)) if metadata.file_type == FileType::Directory => {
                    if depth < MAX_DEPTH {
                        ahead.push((path, depth.saturating_add(1)));
                    } else {
                        doubt(&mut facts, &path, &limit(MAX_DEPTH, "directories in one another"));
                    }
                }
                Ok(_) => {}
                Err(error) => doubt(&mut facts, &path, &error),
            }
        }
    }
    Fact::Known(facts)
}

fn limit(limit: usize, unit: &'static str) -> Error {
    Error::Limit { structure: LOGS, limit: u64::try_from(limit).unwrap_or(u64::MAX), unit }
}

fn doubt(facts: &mut LogFacts, place: &str, error: &Error) {
    facts.unread.get_or_insert_with(|| Unread::from((place, error)));
}

fn count(facts: &mut LogFacts, path: String, size: u64) {
    if BY_USER_ID.contains(&path.as_str()) {
        return;
    }
    facts.files = facts.files.saturating_add(1);
    facts.bytes = facts.bytes.saturating_add(size);
    let at = facts.largest.partition_point(|file| file.size >= size);
    if size > 0 && at < MAX_LARGEST {
        facts.largest.insert(at, FileSize { path, size });
        facts.largest.truncate(MAX_LARGEST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;

    #[test]
    fn the_largest_come_first_and_records_by_user_id_do_not_count() {
        let tree = MemoryFs::new()
            .file("/var/log/lastlog", vec![0; 5000])
            .file("/var/log/a", vec![0; 10])
            .file("/var/log/journal/id/system.journal", vec![0; 100])
            .symlink("/var/log/loop", "/var/log")
            .file("/var/log/empty", "")
            .tree();
        let facts = find(&tree);
        let facts = facts.known().unwrap();
        assert_eq!((facts.files, facts.bytes), (3, 110));
        let largest: Vec<_> = facts.largest.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(largest, ["/var/log/journal/id/system.journal", "/var/log/a"]);
        assert_eq!(facts.unread, None);
    }

    #[test]
    fn a_torn_or_deep_directory_is_told_and_the_rest_is_counted() {
        let deep = format!("/var/log{}/x", "/d".repeat(MAX_DEPTH + 2));
        let tree = MemoryFs::new().file("/var/log/a", "12").file(&deep, "3").tree();
        let facts = find(&tree);
        assert_eq!(facts.known().unwrap().bytes, 2);
        assert!(facts.known().unwrap().unread.is_some());
        let torn = MemoryFs::new().file("/var/log/a", "12").dir("/var/log/b");
        let facts = find(&torn.unreadable("/var/log/b").tree());
        assert_eq!(facts.known().unwrap().unread.as_ref().unwrap().location, "/var/log/b");
        assert_eq!(facts.known().unwrap().bytes, 2);
    }
}
