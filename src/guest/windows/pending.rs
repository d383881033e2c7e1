//! What the next start would finish: updates, renames of files, a transaction of the component store.
//!
//! Sources: Microsoft, "Component Based Servicing" (`RebootPending`, `pending.xml`), "Windows Update
//! Agent" (`RebootRequired`), `MoveFileEx` with `MOVEFILE_DELAY_UNTIL_REBOOT`
//! (`PendingFileRenameOperations`: pairs of names, the second one empty to delete, with `!` before it to
//! replace).

use super::hklm::{Hklm, fact};
use super::registry::Value;
use super::system_root::SystemRoot;
use crate::fact::{Evidence, Fact};
use crate::filesystem::tree::Tree;
use crate::guest::facts::PendingFacts;

const SESSION_MANAGER: &str = r"Control\Session Manager";

/// Both values are carried out, the second one last.
const RENAMES: [&str; 2] = ["PendingFileRenameOperations", "PendingFileRenameOperations2"];

/// Most operations told one by one: an installer leaves some hundred at most.
const MAX_RENAMES: usize = 256;

/// What the next start would finish.
pub(super) fn find(tree: &Tree, root: &SystemRoot, hklm: &Hklm<'_>) -> PendingFacts {
    PendingFacts {
        updates: updates(hklm),
        renames: renames(hklm),
        servicing: servicing(tree, root),
    }
}

fn updates(hklm: &Hklm<'_>) -> Fact<Vec<Evidence>> {
    const KEYS: [&str; 2] = [
        r"Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending",
        r"Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired",
    ];
    let read = || {
        let mut found = Vec::new();
        for key in KEYS {
            let place = hklm.software(key)?;
            if place.exists() {
                found.push(Evidence::new(place.path, "there"));
            }
        }
        Ok(found)
    };
    fact(r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion", read())
}

fn renames(hklm: &Hklm<'_>) -> Fact<Vec<Evidence>> {
    let read = || {
        let place = hklm.control_set(SESSION_MANAGER)?;
        let mut found = Vec::new();
        for name in RENAMES {
            let Some(value) = place.value(name)? else { continue };
            let location = format!(r"{}\{name}", place.path);
            found.extend(told(&value).into_iter().map(|it| Evidence::new(location.clone(), it)));
        }
        Ok(found)
    };
    fact(SESSION_MANAGER, read())
}

/// What a value asks for, operation by operation.
fn told(value: &Value) -> Vec<String> {
    let texts = match value.texts() {
        Ok(Some(texts)) => texts,
        Ok(None) => return vec!["there, but no list of names".to_owned()],
        // That something is pending is certain.
        Err(_) => return vec![format!("a list of {} bytes", value.data.len())],
    };
    let mut operations: Vec<String> = texts.chunks(2).filter_map(operation).collect();
    let left = operations.len().saturating_sub(MAX_RENAMES);
    operations.truncate(MAX_RENAMES);
    operations.extend((left > 0).then(|| format!("{left} more")));
    operations
}

/// What a pair of names asks for. The list's reader drops empty texts at its end, among them the second
/// name of a last file to be deleted.
fn operation(pair: &[String]) -> Option<String> {
    let name = |name: &str| name.strip_prefix(r"\??\").unwrap_or(name).to_owned();
    let (from, to) = match pair {
        [from, to] => (from, to.strip_prefix('!').unwrap_or(to)),
        [from] => (from, ""),
        _ => return None,
    };
    if from.is_empty() {
        return None;
    }
    Some(if to.is_empty() {
        format!("deletes {}", name(from))
    } else {
        format!("renames {} to {}", name(from), name(to))
    })
}

fn servicing(tree: &Tree, root: &SystemRoot) -> Fact<Option<Evidence>> {
    const FILE: &str = "WinSxS/pending.xml";
    let place = root.shown(FILE);
    let len = match tree.metadata(&root.path(FILE)) {
        Err(error) if error.is_absent() => return Fact::Known(None),
        found => found.map(|found| found.len),
    };
    let seen = len.map(|len| Some(Evidence::new(place.clone(), format!("{len} bytes"))));
    Fact::from_result(place, seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::windows::fixture::guest;
    use crate::guest::windows::registry::ValueType;

    const KEY: &str = r"ControlSet001\Control\Session Manager";
    const CURRENT: &str = r"Microsoft\Windows\CurrentVersion";

    #[test]
    fn what_the_next_start_would_finish_is_told() {
        let none = guest().look(find);
        assert_eq!(none.all().count(), 0);
        assert_eq!(none.servicing, Fact::Known(None));
        let renames = [r"\??\C:\a.new", r"!\??\C:\a.sys", r"\??\C:\b.tmp", ""];
        let pending = guest()
            .system(|hive| {
                hive.key(KEY).texts(RENAMES[0], &renames).texts(RENAMES[1], &renames[2..])
            })
            .software(|hive| {
                let servicing = format!(r"{CURRENT}\Component Based Servicing\RebootPending");
                let update = format!(r"{CURRENT}\WindowsUpdate\Auto Update\RebootRequired");
                hive.key(&servicing).key(&update)
            })
            .files(|files| files.file("/Windows/WinSxS/pending.xml", "<xml/>"))
            .look(find);
        let told: Vec<String> =
            pending.all().map(|seen| format!("{}: {}", seen.location, seen.detail)).collect();
        let key = format!(r"HKLM\SYSTEM\{KEY}");
        assert_eq!(
            told,
            [
                format!(r"HKLM\SOFTWARE\{CURRENT}\Component Based Servicing\RebootPending: there"),
                format!(r"HKLM\SOFTWARE\{CURRENT}\WindowsUpdate\Auto Update\RebootRequired: there"),
                r"\Windows\WinSxS\pending.xml: 6 bytes".to_owned(),
                format!(r"{key}\{}: renames C:\a.new to C:\a.sys", RENAMES[0]),
                format!(r"{key}\{}: deletes C:\b.tmp", RENAMES[0]),
                format!(r"{key}\{}: deletes C:\b.tmp", RENAMES[1]),
            ]
        );
    }

    #[test]
    fn a_list_that_is_none_and_a_long_one_are_told_too() {
        let names: Vec<String> = (0..MAX_RENAMES * 2 + 6).map(|i| format!("{i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let pending = guest()
            .system(|hive| hive.key(KEY).texts(RENAMES[0], &names).dword(RENAMES[1], 1))
            .look(find);
        let renames = pending.renames.known().unwrap();
        assert_eq!(renames.len(), MAX_RENAMES + 2);
        assert_eq!(renames[MAX_RENAMES].detail, "3 more");
        assert_eq!(renames[MAX_RENAMES + 1].detail, "there, but no list of names");
        let data = b"a\0\0\0".repeat(70_000);
        let long = Value { name: String::new(), kind: ValueType::MultiSz, data };
        assert_eq!(told(&long), ["a list of 280000 bytes"]);
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        let pending = guest()
            .files(|files| {
                files.file("/Windows/WinSxS/pending.xml", "<xml/>").unreadable("/Windows/WinSxS")
            })
            .look(find);
        assert!(pending.servicing.unread().is_some());
        assert_eq!(pending.updates, Fact::Known(Vec::new()));
    }

    #[test]
    fn what_was_put_off_is_told_file_by_file() {
        let pair = |from: &str, to: &str| operation(&[from.to_owned(), to.to_owned()]);
        let told = pair(r"\??\C:\a.tmp", "");
        assert_eq!(told.as_deref(), Some(r"deletes C:\a.tmp"));
        assert_eq!(operation(&[r"\??\C:\a.tmp".to_owned()]), told);
        let told = pair(r"\??\C:\a.new", r"!\??\C:\a.sys");
        assert_eq!(told.as_deref(), Some(r"renames C:\a.new to C:\a.sys"));
        assert_eq!(pair("", ""), None);
    }
}
