//! Features (Btrfs on-disk format, "Superblock"; Linux `include/uapi/linux/btrfs.h`).

use crate::error::Result;
use crate::filesystem::structure::Structure;

/// Bits of `incompat_flags` whose meaning the reader acts on.
pub(super) mod incompat {
    pub(in super::super) const METADATA_UUID: u64 = 1 << 10;
}

/// Every incompatible feature that has a name, and whether it is read. The names are those of
/// `mkfs.btrfs -O`. `raid56` is read as far as no chunk of that kind is needed.
const INCOMPAT: [(u32, &str, bool); 17] = [
    (0, "mixed-backref", true),
    (1, "default-subvol", true),
    (2, "mixed-bg", true),
    (3, "compress-lzo", true),
    (4, "compress-zstd", true),
    (5, "big-metadata", true),
    (6, "extref", true),
    (7, "raid56", true),
    (8, "skinny-metadata", true),
    (9, "no-holes", true),
    (10, "metadata-uuid", true),
    (11, "raid1c34", true),
    (12, "zoned", false),
    (13, "extent-tree-v2", false),
    (14, "raid-stripe-tree", false),
    (16, "squota", true),
    (17, "remap-tree", false),
];

/// Features that only writers must know.
const COMPAT_RO: [(u32, &str); 4] =
    [(0, "free-space-tree"), (1, "free-space-tree-valid"), (2, "verity"), (3, "block-group-tree")];

/// Fails, naming them, when there are incompatible features that are not read.
pub(super) fn check(s: &Structure<'_>, at: usize, incompat: u64) -> Result<()> {
    let unread: Vec<String> = bits(incompat)
        .filter_map(|bit| match INCOMPAT.iter().find(|(known, ..)| *known == bit) {
            Some((_, _, true)) => None,
            Some((_, name, false)) => Some((*name).to_owned()),
            None => Some(format!("incompat bit {bit}")),
        })
        .collect();
    if unread.is_empty() {
        return Ok(());
    }
    Err(s.unsupported(at, format!("the feature {}", unread.join(", "))))
}

/// The names of all features; a bit without a name as `compat_ro bit 9`.
pub(super) fn names(incompat: u64, compat_ro: u64) -> Vec<String> {
    let incompat = bits(incompat).map(|bit| {
        let known = INCOMPAT.iter().find(|(known, ..)| *known == bit);
        known.map_or_else(|| format!("incompat bit {bit}"), |(_, name, _)| (*name).to_owned())
    });
    let compat_ro = bits(compat_ro).map(|bit| {
        let known = COMPAT_RO.iter().find(|(known, _)| *known == bit);
        known.map_or_else(|| format!("compat_ro bit {bit}"), |(_, name)| (*name).to_owned())
    });
    incompat.chain(compat_ro).collect()
}

fn bits(flags: u64) -> impl Iterator<Item = u32> {
    (0..u64::BITS).filter(move |bit| flags >> bit & 1 == 1)
}
