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
    assert_eq!(replay.fast_commits, None);
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

fn fast_commits(fs: &Ext) -> Option<FastCommitState> {
    match &fs.state().journal {
        JournalState::Replayed(replay) => replay.fast_commits.clone(),
        other => panic!("{other:?}"),
    }
}

/// What is compared of a line of a listing when the mount set its time: all but that.
fn without_time(line: &str) -> String {
    let mut fields: Vec<&str> = line.split('\t').collect();
    fields[7] = "-";
    fields.join("\t")
}

#[test]
fn fast_commits_are_replayed_as_the_kernel_does() {
    for (name, least) in [("dirty-ext4-fast-names", 60), ("dirty-ext4-fast-blocks", 20)] {
        let fs = open(name);
        let list = String::from_utf8(unpack(&format!("ext/{name}.list.zst"))).unwrap();
        let list: BTreeSet<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
        // The kernel sets the time of a directory that loses a name to that of the replay.
        let timed: Vec<&&str> = list.iter().filter(|line| !line.contains("\t-\t-")).collect();
        let found = listing(&fs, true).unwrap();
        let timeless: BTreeSet<String> = found.iter().map(|line| without_time(line)).collect();
        let expected: BTreeSet<String> = list.iter().map(|line| without_time(line)).collect();
        let missing: Vec<_> = expected.difference(&timeless).collect();
        let extra: Vec<_> = timeless.difference(&expected).collect();
        assert!(missing.is_empty() && extra.is_empty(), "{name}: -{missing:#?} +{extra:#?}");
        let other: Vec<_> = timed.iter().filter(|line| !found.contains(***line)).collect();
        assert!(timed.len() > 50 && other.is_empty(), "{name}: {other:#?}");
        let state = fast_commits(&fs).unwrap();
        assert!(state.changes > least && state.not_replayed.is_none(), "{name}: {state:?}");
        assert_eq!(fs.health().stale, None);
    }
}

/// The image whose fast commits are changed by `change` at the byte where they begin, and what
/// becomes of them.
fn changed_fast_commits(change: impl Fn(&mut [u8])) -> Option<FastCommitState> {
    let name = "dirty-ext4-fast-commit";
    let start = fast_commits(&open(name)).unwrap().at as usize;
    let mut bytes = image(name);
    change(&mut bytes[start..]);
    let fs = Ext::open(Arc::new(bytes)).unwrap();
    let state = fast_commits(&fs);
    let is_stale = state.as_ref().is_some_and(|state| state.not_replayed.is_some());
    assert_eq!(is_stale, fs.health().stale.is_some());
    state
}

#[test]
fn changes_of_fast_commits_are_bounded_for_the_whole_image() {
    const BLOCK: u64 = 4096;
    let bytes: Arc<dyn Bytes> = Arc::new(image("dirty-ext4-fast-names"));
    // Room for the journal itself, and not for the changes behind it.
    let reason = (0..4096).find_map(|left| {
        let budget = Arc::new(Budget::default());
        budget.spend_on_journals((4 << 30) - left * BLOCK).unwrap();
        let fs = Ext::open_within(Arc::clone(&bytes), budget).unwrap();
        match &fs.state().journal {
            JournalState::Replayed(replay) => replay.fast_commits.clone()?.not_replayed,
            _ => None,
        }
    });
    assert!(reason.unwrap().contains("all journals that were read"));
}

#[test]
fn room_for_fast_commits_that_holds_none_that_is_valid_is_not_stale() {
    assert_eq!(changed_fast_commits(|_| {}).unwrap().not_replayed, None);
    // Of another transaction; a change that the tail's checksum does not cover; no head; nothing.
    assert_eq!(changed_fast_commits(|raw| raw[8] ^= 1), None);
    assert_eq!(changed_fast_commits(|raw| raw[20] ^= 1), None);
    assert_eq!(changed_fast_commits(|raw| raw[0] = 7), None);
    assert_eq!(changed_fast_commits(|raw| raw[..4096].fill(0)), None);
}

#[test]
fn fast_commits_with_features_that_nobody_knows_are_said_not_to_be_replayed() {
    let state = changed_fast_commits(|raw| raw[4] = 1).unwrap();
    assert!(state.not_replayed.unwrap().contains("features 0x1"));
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

#[test]
fn without_its_journal_a_dirty_image_does_not_read_as_mounted() {
    for name in ["dirty-ext3", "dirty-ext3-data", "dirty-ext4-64bit", "dirty-ext4-csum-v1"] {
        let replayed = listing(&open(name), true);
        let mut bytes = image(name);
        bytes[1024 + 0x60] &= !4;
        let fs = Ext::open(Arc::new(bytes)).unwrap();
        assert_eq!(fs.state().journal, JournalState::Clean);
        assert_ne!(listing(&fs, true), replayed, "{name}");
    }
}

/// A block of the volume that the journal of this image keeps, in a transaction that counts.
fn logged_block(name: &str) -> u64 {
    let bytes = image(name);
    let superblock = Superblock::parse(&bytes[1024..2048]).unwrap();
    let volume =
        Volume::new(Arc::new(bytes), superblock.block_size, superblock.block_count, Arc::default());
    let overlay = crate::filesystem::ext::journal::replay(&volume, &superblock).overlay;
    let volume = volume.with_overlay(overlay);
    let block = (0..superblock.block_count).find_map(|block| volume.replacement(block));
    block.unwrap() * volume.block_size()
}

fn replay_with_flipped_byte(name: &str, at: u64) -> Replay {
    let mut bytes = image(name);
    bytes[at as usize] ^= 1;
    match Ext::open(Arc::new(bytes)).unwrap().state().journal.clone() {
        JournalState::Replayed(replay) => replay,
        other => panic!("{other:?}"),
    }
}

#[test]
fn logged_content_that_contradicts_its_checksum_is_left_out_and_told() {
    for name in ["dirty-ext4-csum-v2", "dirty-ext4-csum-v3"] {
        let damaged = replay_with_flipped_byte(name, logged_block(name) + 500);
        assert_eq!(damaged.damaged, 1, "{name}");
    }
}

#[test]
fn a_transaction_that_contradicts_its_checksum_ends_the_replay_before_it() {
    let name = "dirty-ext4-csum-v1";
    let sound = replay_as_mounted(name);
    let damaged = replay_with_flipped_byte(name, logged_block(name) + 500);
    assert_eq!(damaged.damaged, 1);
    assert!(damaged.transactions < sound.transactions);
}

#[test]
fn a_journal_whose_superblock_contradicts_its_checksum_is_not_replayed() {
    let mut bytes = image("dirty-ext4-csum-v3");
    let magic = [0xC0, 0x3B, 0x39, 0x98, 0, 0, 0, 4];
    let at = bytes.windows(8).position(|window| window == magic).unwrap();
    bytes[at + 0x18] ^= 1;
    let fs = Ext::open(Arc::new(bytes)).unwrap();
    match &fs.state().journal {
        JournalState::NotReplayed { reason } => assert!(reason.contains("jbd2 superblock")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn journals_of_one_image_share_a_bound() {
    let bytes: Arc<dyn Bytes> = Arc::new(image("dirty-ext4-64bit"));
    let budget = Arc::new(Budget::default());
    let open = || Ext::open_within(Arc::clone(&bytes), Arc::clone(&budget)).unwrap();
    assert!(matches!(open().state().journal, JournalState::Replayed(_)));
    budget.spend_on_journals(1 << 32).unwrap_err();
    let second = open();
    let JournalState::NotReplayed { reason } = &second.state().journal else { panic!() };
    assert!(reason.contains("all journals"), "{reason}");
}

#[test]
fn without_its_journal_a_volumes_groups_are_not_counted_again() {
    let budget = Arc::new(Budget::default());
    let bytes: Arc<dyn Bytes> = Arc::new(image("dirty-ext4-64bit"));
    let ext = Ext::open_within(bytes, Arc::clone(&budget)).unwrap();
    budget.spend(u64::MAX / 2).unwrap_err();
    let stored = ext.unreplayed().unwrap().unwrap();
    assert!(stored.health().space.known().is_some(), "{:?}", stored.health().space);
}

#[test]
fn without_its_journal_a_volume_is_as_mounted_with_noload() {
    for name in ["dirty-ext4-csum-v3", "dirty-ext4-fast-names"] {
        let stored = open(name).unreplayed().unwrap().unwrap();
        let list = unpack(&format!("ext/{name}-unreplayed.list.zst"));
        let expected = String::from_utf8(list).unwrap().lines().map(str::to_owned).collect();
        assert_listed(&expected, &listing(stored.as_ref(), true).unwrap(), name);
        assert!(stored.health().stale.is_some() && stored.unreplayed().is_none());
    }
    for name in ["ext4-default", "ext2-1k"] {
        assert!(open(name).unreplayed().is_none(), "{name}");
    }
}
