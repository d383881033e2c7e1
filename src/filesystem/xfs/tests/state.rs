//! What the superblock says of the file system.

use super::*;
use crate::filesystem::Shutdown;

#[test]
fn health_tells_how_it_was_left_and_whether_its_log_counts() {
    let of = |name: &str| open(name).health();
    let shutdown = |health: &Health| health.shutdown.known().map(|(shutdown, _)| *shutdown);
    let health = of("v5-default");
    assert_eq!((shutdown(&health), &health.stale), (Some(Shutdown::Clean), &None));
    assert_eq!(health.space.known().unwrap().total, 16 << 20);
    let health = of("dirty-v5");
    assert_eq!((shutdown(&health), &health.stale), (Some(Shutdown::Unclean), &None));
    let health = of("v5-external-log");
    assert_eq!(shutdown(&health), None);
    assert!(health.stale.unwrap().reason.contains("another device"));
    let health = with_incompat("v5-default", 0x10).unwrap().health();
    assert_eq!(health.errors[0].detail, "needsrepair");
}

#[test]
fn the_state_is_what_mkfs_was_told_and_xfs_info_shows() {
    let fs = open("v5-1k");
    let state = fs.state();
    assert_eq!((state.version, state.block_size, state.sector_size), (5, 1024, 512));
    assert_eq!((state.inode_size, state.allocation_groups), (512, 4));
    assert_eq!((state.blocks, state.missing_bytes), (72 << 10, 0));
    assert_eq!(state.directory_block_size, 4096);
    for feature in ["crc", "ftype", "rmapbt", "bigtime", "nrext64", "sparse", "finobt"] {
        assert!(state.features.iter().any(|name| name == feature), "{feature}: {state:?}");
    }
    let fs = open("v4-no-ftype");
    assert_eq!(fs.state().version, 4);
    assert!(!fs.state().features.iter().any(|name| name == "ftype" || name == "attr2"));
    assert_eq!(open("v5-1k-8k-directories").state().directory_block_size, 8192);
    assert_eq!(open("v5-4k-sectors").state().sector_size, 4096);
}

#[test]
fn a_log_on_another_device_leaves_the_state_of_the_log_unknown() {
    let fs = open("v5-external-log");
    assert!(fs.state().external_log);
    match &fs.state().log {
        LogState::Unknown { reason } => assert!(reason.contains("another device"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert!(entries(&fs, fs.root()).1.is_ok());
}

fn with_incompat(name: &str, bits: u32) -> Result<Xfs> {
    let mut bytes = image(name);
    // Low bits stand in the last bytes.
    bytes[219] |= bits as u8;
    bytes[218] |= (bits >> 8) as u8;
    seal(&mut bytes, 0, 512, 224);
    Xfs::open(Arc::new(bytes))
}

#[test]
fn a_need_of_repair_is_told_and_the_files_are_read() {
    let fs = with_incompat("v5-default", 0x10).unwrap();
    assert!(fs.state().needs_repair);
    is_listed(&fs, "v5-default");
}

#[test]
fn exchange_of_ranges_and_parent_pointers_change_no_reading() {
    let fs = with_incompat("v5-default", 0x40 | 0x80).unwrap();
    assert!(fs.state().features.ends_with(&["exchange".to_owned(), "parent".to_owned()]));
    is_listed(&fs, "v5-default");
}

#[test]
fn unknown_incompatible_features_are_unsupported_and_named() {
    match with_incompat("v5-default", 0x100 | 0x8000).map(|_| ()).unwrap_err() {
        Error::Unsupported { what, .. } => {
            assert_eq!(what, "the feature metadir, incompat 0x8000");
        }
        other => panic!("{other}"),
    }
}

#[test]
fn unknown_features_that_only_writers_must_know_are_read_over() {
    let mut bytes = image("v5-default");
    bytes[212] |= 0x80;
    seal(&mut bytes, 0, 512, 224);
    let fs = Xfs::open(Arc::new(bytes)).unwrap();
    assert!(fs.state().features.iter().any(|name| name == "ro_compat 0x80000000"));
    is_listed(&fs, "v5-default");
}

#[test]
fn a_volume_that_was_cut_lacks_bytes_and_what_lies_there_is_corrupt() {
    let mut bytes = image("v5-1k");
    let whole = bytes.len();
    bytes.truncate(whole - 30 * (1 << 20));
    let fs = Xfs::open(Arc::new(bytes)).unwrap();
    assert_eq!(fs.state().missing_bytes, 30 << 20);
    let geometry = fs.superblock.geometry;
    let last_group = geometry.first_inode(3, 64);
    assert!(matches!(fs.metadata(NodeId(last_group)), Err(Error::Corrupt { .. })));
}

#[test]
fn versions_before_4_and_directories_of_version_1_are_unsupported() {
    for word in [0x3_u16 | 0x2000, 0x4] {
        let mut bytes = image("v4-default");
        bytes[100..102].copy_from_slice(&word.to_be_bytes());
        let error = Xfs::open(Arc::new(bytes)).map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    }
}
