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
    a_log_that_has_gone_round_is_replayed_as_the_kernel_does: "dirty-v5-wrapped";
}
