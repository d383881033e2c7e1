//! Against databases that rpm 4.18, Berkeley DB 5.3 and SQLite wrote (`testdata/packages`).

use std::path::PathBuf;

use super::find;
use crate::filesystem::memory::MemoryFs;
use crate::guest::facts::PackageFacts;

fn testdata(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/packages").join(name);
    let bytes = std::fs::read(path).unwrap();
    if name.ends_with(".zst") { zstd::decode_all(bytes.as_slice()).unwrap() } else { bytes }
}

/// What `rpm -qa` said: `name epoch:version-release arch`, sorted.
fn expected() -> Vec<String> {
    String::from_utf8(testdata("expected.txt")).unwrap().lines().map(str::to_owned).collect()
}

fn listed(facts: &PackageFacts) -> Vec<String> {
    assert_eq!(facts.unread, []);
    let mut lines: Vec<_> = facts
        .packages
        .iter()
        .map(|package| {
            let epoch = if package.version.contains(':') { "" } else { "0:" };
            let arch = package.arch.as_deref().unwrap_or("(none)");
            format!("{} {epoch}{} {arch}", package.name, package.version)
        })
        .collect();
    lines.sort();
    lines
}

fn with(path: &str, name: &str) -> MemoryFs {
    MemoryFs::new().file(path, testdata(name))
}

#[test]
fn each_form_of_rpm_s_database_has_the_packages_that_rpm_lists() {
    for (path, name) in [
        ("/var/lib/rpm/Packages", "Packages.le.zst"),
        ("/var/lib/rpm/Packages", "Packages.be.zst"),
        ("/usr/lib/sysimage/rpm/Packages.db", "Packages.db.zst"),
        ("/var/lib/rpm/rpmdb.sqlite", "rpmdb.sqlite.zst"),
    ] {
        let facts = find(&with(path, name).tree());
        assert_eq!(listed(&facts), expected(), "{name}");
        assert_eq!(facts.databases[0].location, path);
        let manager = facts.find("NetworkManager").known().unwrap().unwrap().clone();
        assert_eq!(manager.version, "1:1.18.8-2.el7_9", "{name}");
    }
}

#[test]
fn what_was_committed_to_the_write_ahead_log_counts_and_what_was_not_does_not() {
    let fs = with("/var/lib/rpm/rpmdb.sqlite", "rpmdb.sqlite.zst")
        .file("/var/lib/rpm/rpmdb.sqlite-wal", testdata("wal.sqlite-wal.zst"));
    let facts = find(&fs.tree());
    assert_eq!(facts.unread, []);
    // Package 1 was removed and one was added; twenty more were never committed.
    assert_eq!(facts.packages.len(), expected().len());
    assert!(facts.packages.iter().all(|package| !package.location.ends_with(", package 1")));
    assert!(facts.find("late-22").known().unwrap().is_some());
}

#[test]
fn a_link_from_one_place_to_the_other_is_one_database() {
    let fs = with("/usr/lib/sysimage/rpm/rpmdb.sqlite", "rpmdb.sqlite.zst")
        .symlink("/var/lib/rpm", "../../usr/lib/sysimage/rpm");
    assert_eq!(listed(&find(&fs.tree())), expected());
}

#[test]
fn no_database_is_known_and_an_unreadable_one_is_not() {
    let facts = find(&MemoryFs::new().dir("/etc").tree());
    assert_eq!(facts.find("cloud-init").known(), Some(&None));
    for path in ["/var/lib/rpm/Packages", "/var/lib/rpm/rpmdb.sqlite", "/var/lib/rpm/Packages.db"] {
        let facts = find(&MemoryFs::new().file(path, [0x55; 5000]).tree());
        assert!(facts.find("cloud-init").unread().is_some(), "{path}");
    }
    let facts = find(
        &MemoryFs::new()
            .file("/var/lib/dpkg/status", "x")
            .unreadable("/var/lib/dpkg/status")
            .tree(),
    );
    assert!(facts.find("cloud-init").unread().is_some());
}

#[test]
fn a_hot_journal_leaves_the_content_unknown() {
    let fs = with("/var/lib/rpm/rpmdb.sqlite", "rpmdb.sqlite.zst").file(
        "/var/lib/rpm/rpmdb.sqlite-journal",
        [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7, 0, 0, 0, 1],
    );
    assert!(find(&fs.tree()).find("cloud-init").unread().is_some());
}

#[test]
fn damage_ends_in_an_error_and_never_in_a_panic() {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % u64::try_from(below).unwrap()).unwrap()
    };
    for (path, name) in [
        ("/var/lib/rpm/Packages", "Packages.le.zst"),
        ("/var/lib/rpm/Packages.db", "Packages.db.zst"),
        ("/var/lib/rpm/rpmdb.sqlite", "rpmdb.sqlite.zst"),
    ] {
        let sound = testdata(name);
        for round in 0..150 {
            let mut bytes = sound.clone();
            // The structures are mostly in the first pages.
            let reach = if round % 2 == 0 { 600 } else { bytes.len() };
            for _ in 0..=next(6) {
                let at = next(reach);
                bytes[at] = [0, 0xff, 0x7f, 0x80, 1][next(5)];
            }
            if round % 5 == 0 {
                bytes.truncate(next(sound.len()));
            }
            find(&MemoryFs::new().file(path, bytes).tree());
        }
    }
}

#[test]
fn the_packages_of_all_databases_together_end_at_a_bound() {
    let of = |text: &str, count: usize| {
        let stanza = |number: usize| {
            format!(
                "Package: p{number}\nVersion: {text}\nArchitecture: {text}\nStatus: a b installed\n\n"
            )
        };
        (0..count).map(stanza).collect::<String>()
    };
    let found = |status: String| {
        let fs = with("/var/lib/rpm/rpmdb.sqlite", "rpmdb.sqlite.zst");
        find(&fs.file("/var/lib/dpkg/status", status).tree())
    };
    let short = found(of("1", 6000));
    assert_eq!((short.packages.len(), short.unread.len()), (6000 + expected().len(), 0));
    // A fifth of what the number alone allows; neither database is known to its end.
    let long = found(of(&"v".repeat(250), 10_000));
    assert!((9000..10_000).contains(&long.packages.len()), "{}", long.packages.len());
    let reasons: Vec<_> = long.unread.iter().map(|unread| unread.reason.as_str()).collect();
    assert_eq!(reasons.len(), 2);
    assert!(reasons.iter().all(|reason| reason.contains("8388608 bytes")), "{reasons:?}");
    assert!(long.find("cloud-init").unread().is_some());
    assert!(long.find("p7").known().unwrap().is_some());
}
