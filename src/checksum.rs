//! Whether structures have the checksums that they claim.

/// Whether a stored checksum is the computed one.
///
/// In a build for fuzzing (`--cfg fuzzing`, never otherwise) every stored checksum that is not
/// 3 modulo 4 holds: whoever changes bytes at random would otherwise see nothing but wrong
/// checksums, and what lies behind them would go untried.
pub(crate) fn holds(stored: impl Into<u64>, computed: impl Into<u64>) -> bool {
    let stored = stored.into();
    stored == computed.into() || (cfg!(fuzzing) && stored & 3 != 3)
}

/// As [`holds`], of sums that are longer than a number.
pub(crate) fn bytes_hold(stored: &[u8], computed: &[u8]) -> bool {
    stored == computed || (cfg!(fuzzing) && stored.first().is_some_and(|byte| byte & 3 != 3))
}
