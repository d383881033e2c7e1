//! Sound images.

use super::*;

macro_rules! as_mounted {
    ($($test:ident: $name:literal, $checksum:literal, $node_size:literal, $features:expr;)*) => {$(
        #[test]
        fn $test() {
            let fs = is_as_mounted($name);
            let state = fs.state();
            assert_eq!((state.checksum.name(), state.node_size), ($checksum, $node_size));
            for feature in $features {
                assert!(state.features.iter().any(|f| f == feature), "{:?}", state.features);
            }
            assert!(!state.has_log && !state.has_errors && state.missing_bytes == 0);
            assert_eq!(state.damaged_superblock, None);
        }
    )*};
}

as_mounted! {
    extents_of_zstd_are_as_mounted: "zstd", "crc32c", 16384, ["compress-zstd", "no-holes"];
    extents_of_lzo_are_as_mounted: "lzo", "crc32c", 4096, ["compress-lzo"];
    extents_of_zlib_are_as_mounted: "zlib", "xxhash", 16384, ["free-space-tree"];
    plain_extents_and_sha256_are_as_mounted: "plain", "sha256", 16384, ["extref"];
    nodes_of_64_kib_and_blake2_are_as_mounted: "blake2-64k-nodes", "blake2", 65536, ["skinny-metadata"];
    the_layout_of_old_is_as_mounted: "old", "crc32c", 16384, ["mixed-backref", "big-metadata"];
    mixed_groups_are_as_mounted: "mixed", "crc32c", 4096, ["mixed-bg"];
    holes_written_down_in_mixed_groups_are_as_mounted: "small", "xxhash", 4096, ["mixed-bg"];
    raid0_of_one_device_is_as_mounted: "raid0-one-device", "crc32c", 16384, ["extref"];
    another_metadata_uuid_is_as_mounted: "tuned", "crc32c", 4096, ["metadata-uuid", "block-group-tree"];
    names_in_many_nodes_and_with_equal_hashes_are_as_mounted: "many", "crc32c", 4096, ["extref"];
    subvolumes_below_the_top_level_are_as_mounted: "subvolumes", "crc32c", 16384, ["default-subvol"];
}
