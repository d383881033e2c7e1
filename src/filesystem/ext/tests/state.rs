//! What a file system says about itself; the values are those of `dumpe2fs -h`.

use super::*;
use crate::filesystem::Shutdown;

#[test]
fn the_state_of_a_sound_file_system_is_told() {
    let fs = open("ext4-default");
    let state = fs.state();
    assert_eq!((state.kind, state.revision, state.block_size), ("ext4", 1, 4096));
    assert_eq!((state.blocks, state.missing_bytes), (5120, 0));
    assert!(state.clean && !state.has_errors && !state.needs_recovery);
    assert_eq!((state.error_count, &state.first_error, &state.last_error), (0, &None, &None));
    for feature in ["has_journal", "extent", "64bit", "flex_bg", "metadata_csum", "extra_isize"] {
        assert!(state.features.iter().any(|name| name == feature), "{feature}");
    }
}

#[test]
fn an_error_that_the_kernel_noted_is_told() {
    let fs = open("ext4-error");
    let state = fs.state();
    assert!(state.has_errors);
    assert_eq!(state.error_count, 1);
    let error = state.first_error.clone().unwrap();
    assert_eq!((error.function.as_str(), error.line), ("trigger_test_error", 129));
    assert!(error.time > 1_700_000_000);
    assert_eq!(state.last_error, Some(error));
    assert_eq!(state.last_mounted, "/srv/boot");
    assert_eq!((state.free_blocks, state.inodes, state.free_inodes), (966, 128, 117));
}

#[test]
fn health_says_the_same_with_its_places() {
    let health = open("ext4-default").health();
    let (shutdown, seen) = health.shutdown.known().unwrap();
    assert_eq!((*shutdown, seen.location.as_str()), (Shutdown::Clean, "ext superblock, byte 1082"));
    assert_eq!((health.stale, health.errors), (None, Vec::new()));
    assert_eq!(health.space.known().unwrap().total, 5120 * 4096);

    let health = open("ext4-error").health();
    let places: Vec<_> = health.errors.iter().map(|mark| mark.location.as_str()).collect();
    // s_state, s_error_count, s_first_error_time, s_last_error_time.
    let expected = [1024 + 0x3A, 1024 + 0x194, 1024 + 0x198, 1024 + 0x1CC];
    assert_eq!(places, expected.map(|byte| format!("ext superblock, byte {byte}")));
    assert!(health.errors[2].detail.contains("trigger_test_error:129, inode"));
    let space = health.space.known().unwrap();
    assert_eq!((space.free, space.inodes), (966 * 1024, Some((128, 117))));
}

#[test]
fn a_journal_that_had_to_be_replayed_is_no_clean_shutdown_and_not_stale() {
    for name in ["dirty-ext3", "dirty-ext4-csum-v3", "dirty-ext4-fast-commit"] {
        let health = open(name).health();
        let (shutdown, seen) = health.shutdown.known().unwrap();
        assert_eq!((*shutdown, seen.detail.as_str()), (Shutdown::Unclean, "needs_recovery"));
        assert_eq!(health.stale, None, "{name}");
    }
}

#[test]
fn an_ext2_that_was_in_use_is_no_clean_shutdown() {
    let mut bytes = image("ext2-1k");
    assert_eq!(bytes[1024 + 0x3A], 1);
    bytes[1024 + 0x3A] = 0;
    let health = Ext::open(Arc::new(bytes)).unwrap().health();
    assert_eq!(health.shutdown.known().unwrap().0, Shutdown::Unclean);
    assert_eq!(health.stale, None);
}

#[test]
fn a_volume_that_is_shorter_than_its_file_system_reads_as_far_as_it_goes() {
    let mut bytes = image("ext4-error");
    bytes.truncate(1_000 * 1024);
    let fs = Ext::open(Arc::new(bytes)).unwrap();
    assert_eq!(fs.state().missing_bytes, 24 * 1024);
    assert!(fs.lookup(fs.root(), b"lost+found").unwrap().is_some());
}

#[test]
fn an_unknown_incompatible_feature_is_named() {
    let mut bytes = image("ext2-1k");
    bytes[1024 + 0x60..1024 + 0x64].copy_from_slice(&0x0100_0003_u32.to_le_bytes());
    match Ext::open(Arc::new(bytes)).map(|_| ()) {
        Err(Error::Unsupported { what, .. }) => {
            assert_eq!(what, "the feature compression, incompat 0x1000000");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn bytes_that_are_no_file_system_are_corrupt() {
    assert!(matches!(Ext::open(Arc::new(vec![0; 4096])).map(|_| ()), Err(Error::Corrupt { .. })));
    assert!(matches!(
        Ext::open(Arc::new(vec![0; 1500])).map(|_| ()),
        Err(Error::OutOfBounds { .. })
    ));
}

/// The superblock's numbers are those of the last unmount: they are not given for the groups' own.
#[test]
fn the_room_of_a_file_system_in_use_is_unknown_where_its_groups_cannot_be_counted() {
    let bytes: Arc<dyn Bytes> = Arc::new(image("dirty-ext4-csum-v3"));
    let space = |limit| {
        let budget = Arc::new(Budget::of(limit));
        let fs = Ext::open_within(Arc::clone(&bytes), budget).unwrap();
        assert!(fs.state().needs_recovery);
        fs.health().space
    };
    assert!(space(1 << 20).known().is_some());
    let limited = space(0);
    assert!(limited.unread().unwrap().reason.contains("more than 0 bytes"), "{limited:?}");
}
