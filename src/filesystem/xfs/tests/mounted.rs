//! Images that were unmounted cleanly.

use super::*;

macro_rules! as_mounted {
    ($($test:ident: $name:literal;)*) => {$(
        #[test]
        fn $test() {
            let fs = is_as_mounted($name);
            assert_eq!(fs.state().log, LogState::Clean);
        }
    )*};
}

as_mounted! {
    version_5_by_default_is_as_mounted: "v5-default";
    version_5_without_its_later_features_is_as_mounted: "v5-old";
    inodes_of_2_kib_are_as_mounted: "v5-2048-byte-inodes";
    sectors_of_4_kib_are_as_mounted: "v5-4k-sectors";
    blocks_of_8_kib_are_as_mounted: "v5-8k-blocks";
    blocks_of_64_kib_are_as_mounted: "v5-64k";
    trees_of_extents_in_four_groups_are_as_mounted: "v5-1k";
    directory_blocks_of_several_blocks_are_as_mounted: "v5-1k-8k-directories";
    a_uuid_apart_from_that_of_the_metadata_is_as_mounted: "v5-metauuid";
    version_4_by_default_is_as_it_was_filled: "v4-default";
    version_4_without_file_types_is_as_it_was_filled: "v4-no-ftype";
    version_4_with_blocks_of_512_bytes_is_as_it_was_filled: "v4-512";
    version_4_without_case_is_as_it_was_filled: "v4-ci";
}
