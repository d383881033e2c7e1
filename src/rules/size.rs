//! Sizes as the platform counts them: its "GB" is 2^30 bytes (FAQ on VHD sizes, OTC topic 0058841396).

/// Bytes in a GiB.
pub(super) const GIB: u64 = 1 << 30;

/// The size in GiB, as exact as four decimals show it: `40 GiB`, `2.0004 GiB`.
pub(super) fn gib(bytes: u64) -> String {
    let whole = bytes / GIB;
    let rest = (bytes % GIB).saturating_mul(10_000) / GIB;
    match (whole, rest) {
        (0, 0) => format!("{bytes} B"),
        (_, 0) => format!("{whole} GiB"),
        _ => format!("{whole}.{rest:04} GiB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platforms_own_example_shows_as_it_prints_it() {
        assert_eq!(gib(2_147_991_552), "2.0004 GiB");
        assert_eq!(gib(40 * GIB), "40 GiB");
        assert_eq!(gib(512), "512 B");
    }
}
