//! Logs that a mount would replay.

use super::*;

fn replay_as_mounted(name: &str) -> Replay {
    let fs = open(name);
    let replay = match fs.state().log.clone() {
        LogState::Replayed(replay) => replay,
        other => panic!("{name}: {other:?}"),
    };
    is_listed(&fs, name);
    assert!(replay.transactions > 0 && replay.bytes > 10_000, "{replay:?}");
    assert_eq!(replay.unfinished, 0);
    replay
}

macro_rules! replayed {
    ($($test:ident: $name:literal;)*) => {$(
        #[test]
        fn $test() {
            replay_as_mounted($name);
        }
    )*};
}

replayed! {
    a_log_is_replayed_as_the_kernel_does: "dirty-v5";
    a_log_with_reverse_maps_and_wide_counts_is_replayed_as_the_kernel_does: "dirty-v5-1k-rmapbt";
    a_log_without_the_later_features_is_replayed_as_the_kernel_does: "dirty-v5-old";
    a_log_with_records_in_stripes_is_replayed_as_the_kernel_does: "dirty-v5-log-stripe";
    a_log_in_sectors_of_4_kib_is_replayed_as_the_kernel_does: "dirty-v5-4k-sectors";
    a_log_with_records_of_256_kib_is_replayed_as_the_kernel_does: "dirty-v5-long-records";
    a_log_that_has_gone_round_is_replayed_as_the_kernel_does: "dirty-v5-wrapped";
}

#[test]
fn without_its_log_a_dirty_image_does_not_read_as_mounted() {
    for name in ["dirty-v5", "dirty-v5-1k-rmapbt", "dirty-v5-wrapped"] {
        let replayed = listing(&open(name), ALL);
        assert!(replayed.is_ok());
        let mut bytes = image(name);
        // A log on another device.
        bytes[48..56].fill(0);
        seal(&mut bytes, 0, 512, 224);
        let fs = Xfs::open(Arc::new(bytes)).unwrap();
        assert!(matches!(fs.state().log, LogState::Unknown { .. }));
        assert_ne!(listing(&fs, ALL), replayed, "{name}");
    }
}

/// The byte at which the log of an image lies, and its length.
fn log_of(bytes: &[u8]) -> (usize, usize) {
    let superblock = Superblock::parse(&bytes[..512], true).unwrap();
    let start = superblock.geometry.block_byte(superblock.log_start, 1).unwrap();
    let len = superblock.log_blocks * superblock.geometry.block_size;
    (start as usize, len as usize)
}

/// Where records start, in the order in which they were written.
fn records(bytes: &[u8]) -> Vec<usize> {
    let (start, len) = log_of(bytes);
    let mut records: Vec<usize> = (start..start + len)
        .step_by(512)
        .filter(|at| bytes[*at..].starts_with(&[0xFE, 0xED, 0xBA, 0xBE]))
        .collect();
    records.sort_by_key(|at| u64::from_be_bytes(bytes[at + 16..at + 24].try_into().unwrap()));
    records
}

#[test]
fn a_last_record_that_was_not_completely_written_does_not_count() {
    let name = "dirty-v5";
    let sound = replay_as_mounted(name);
    assert!(!sound.torn);
    let mut bytes = image(name);
    let last = *records(&bytes).last().unwrap();
    bytes[last + 512 + 100] ^= 1;
    match &Xfs::open(Arc::new(bytes)).unwrap().state().log {
        LogState::Replayed(replay) => {
            assert!(replay.torn);
            assert_eq!(replay.records, sound.records - 1);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_damaged_record_among_sound_ones_is_not_taken_for_the_end() {
    let mut bytes = image("dirty-v5-wrapped");
    let records = records(&bytes);
    // The oldest record that counts stands in the header of the last one.
    let last = *records.last().unwrap();
    let tail = u32::from_be_bytes(bytes[last + 28..last + 32].try_into().unwrap()) as usize;
    let (start, _) = log_of(&bytes);
    bytes[start + tail * 512 + 512 + 100] ^= 1;
    let fs = Xfs::open(Arc::new(bytes)).unwrap();
    match &fs.state().log {
        LogState::NotReplayed { reason } => assert!(reason.contains("checksum"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert!(fs.lookup(fs.root(), b"etc").unwrap().is_some());
}

#[test]
fn a_log_of_version_4_that_was_not_unmounted_is_said_not_to_be_replayed() {
    let mut bytes = image("v4-default");
    let last = *records(&bytes).last().unwrap();
    // The flags of its only operation.
    assert_eq!(bytes[last + 512 + 9], 0x20);
    bytes[last + 512 + 9] = 0;
    // Else it would point to itself as the end.
    bytes[last + 31] ^= 1;
    let fs = Xfs::open(Arc::new(bytes)).unwrap();
    match &fs.state().log {
        LogState::NotReplayed { reason } => assert!(reason.contains("version 4"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert!(fs.health().stale.unwrap().reason.contains("version 4"));
    is_listed(&fs, "v4-default");
}

#[test]
fn logs_of_one_image_share_bounds() {
    let bytes: Arc<dyn Bytes> = Arc::new(image("dirty-v5"));
    let reason = |budget: &Arc<Budget>| {
        let fs = Xfs::open_within(Arc::clone(&bytes), Arc::clone(budget)).unwrap();
        assert!((1..=64 << 20).contains(&fs.kept()), "{}", fs.kept());
        match &fs.state().log {
            LogState::NotReplayed { reason } => Some(reason.clone()),
            LogState::Replayed(_) => None,
            other => panic!("{other:?}"),
        }
    };
    let budget = Arc::new(Budget::default());
    assert_eq!(reason(&budget), None);
    budget.keep(1 << 30).unwrap_err();
    assert!(reason(&budget).unwrap().contains("all logs and maps that are kept"));
    budget.spend_on_journals(1 << 33).unwrap_err();
    assert!(reason(&budget).unwrap().contains("all journals"));
}

#[test]
fn a_log_feature_that_nobody_knows_keeps_it_from_being_replayed() {
    let mut bytes = image("dirty-v5");
    bytes[220..224].copy_from_slice(&0x8000_0000_u32.to_be_bytes());
    seal(&mut bytes, 0, 512, 224);
    match &Xfs::open(Arc::new(bytes)).unwrap().state().log {
        LogState::NotReplayed { reason } => assert!(reason.contains("0x80000000"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_log_that_was_never_written_is_clean() {
    let mut bytes = image("v5-default");
    let (start, len) = log_of(&bytes);
    bytes[start..start + len].fill(0);
    assert_eq!(Xfs::open(Arc::new(bytes)).unwrap().state().log, LogState::Clean);
}

#[test]
fn without_its_log_a_volume_is_as_mounted_with_norecovery() {
    let stored = open("dirty-v5").unreplayed().unwrap().unwrap();
    let list = String::from_utf8(unpack("xfs/dirty-v5-unreplayed.list.zst")).unwrap();
    let expected = list.lines().map(str::to_owned).collect();
    let columns = Columns { directory_sizes: true, times: true };
    assert_listed(&expected, &listing(stored.as_ref(), columns).unwrap(), "dirty-v5");
    assert!(stored.health().stale.is_some() && stored.unreplayed().is_none());
    assert!(open("v5-default").unreplayed().is_none());
}
