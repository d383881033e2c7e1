//! Images that were taken while they were mounted.

use super::*;

/// The replay of a dirty image that reads as the kernel's own replay left it.
fn replay_as_mounted(name: &str) -> Replay {
    let fs = is_as_mounted(name);
    assert!(fs.state().needs_recovery);
    match fs.state().journal.clone() {
        JournalState::Replayed(replay) => {
            assert_eq!(replay.damaged, 0, "{name}");
            assert!(replay.transactions > 0 && replay.blocks > 0, "{name}: {replay:?}");
            replay
        }
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn a_journal_of_ext3_is_replayed_as_the_kernel_does() {
    let replay = replay_as_mounted("dirty-ext3");
    assert!(!replay.fast_commits_not_replayed);
}

#[test]
fn a_journal_with_content_and_escaped_blocks_is_replayed_as_the_kernel_does() {
    replay_as_mounted("dirty-ext3-data");
    replay_as_mounted("dirty-ext4-csum-v3-data");
}

#[test]
fn journals_with_each_kind_of_checksum_are_replayed_as_the_kernel_does() {
    replay_as_mounted("dirty-ext4-csum-v1");
    replay_as_mounted("dirty-ext4-csum-v2");
    replay_as_mounted("dirty-ext4-csum-v3");
}

#[test]
fn journals_with_wide_numbers_or_an_orphan_file_are_replayed_as_the_kernel_does() {
    replay_as_mounted("dirty-ext4-64bit");
    replay_as_mounted("dirty-ext4-orphan-file");
}

#[test]
fn a_revoked_block_keeps_what_was_written_behind_the_journal() {
    assert!(replay_as_mounted("dirty-ext4-csum-v2").revoked > 0);
    assert!(replay_as_mounted("dirty-ext3").revoked > 0);
}

#[test]
fn fast_commits_are_seen_and_said_not_to_be_replayed() {
    let fs = open("dirty-ext4-fast-commit");
    match &fs.state().journal {
        JournalState::Replayed(replay) => assert!(replay.fast_commits_not_replayed, "{replay:?}"),
        other => panic!("{other:?}"),
    }
    listing(&fs, true).unwrap();
}

#[test]
fn a_journal_that_cannot_be_read_leaves_the_file_system_readable_and_says_so() {
    let mut bytes = image("dirty-ext3");
    bytes[1024 + 0xE0..1024 + 0xE4].fill(0);
    let fs = Ext::open(Arc::new(bytes)).unwrap();
    match &fs.state().journal {
        JournalState::NotReplayed { reason } => assert!(reason.contains("another device")),
        other => panic!("{other:?}"),
    }
    assert_eq!(content(&fs, "/etc/kilobyte").len(), 1092);
}
