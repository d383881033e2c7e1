//! The feature bits of the superblock (Linux Documentation/filesystems/ext4/super.rst), by the names
//! that `mke2fs -O` and `dumpe2fs` use.

/// Features that an implementation may ignore.
pub(super) mod compat {
    pub(in super::super) const HAS_JOURNAL: u32 = 0x4;
    pub(in super::super) const SPARSE_SUPER2: u32 = 0x200;
}

/// Features that an implementation must know to read at all.
pub(super) mod incompat {
    pub(in super::super) const COMPRESSION: u32 = 0x1;
    pub(in super::super) const FILETYPE: u32 = 0x2;
    pub(in super::super) const NEEDS_RECOVERY: u32 = 0x4;
    pub(in super::super) const JOURNAL_DEV: u32 = 0x8;
    pub(in super::super) const META_BG: u32 = 0x10;
    pub(in super::super) const EXTENT: u32 = 0x40;
    pub(in super::super) const SIXTY_FOUR_BIT: u32 = 0x80;
    pub(in super::super) const MMP: u32 = 0x100;
    pub(in super::super) const FLEX_BG: u32 = 0x200;
    pub(in super::super) const EA_INODE: u32 = 0x400;
    pub(in super::super) const DIRDATA: u32 = 0x1000;
    pub(in super::super) const CSUM_SEED: u32 = 0x2000;
    pub(in super::super) const LARGE_DIR: u32 = 0x4000;
    pub(in super::super) const INLINE_DATA: u32 = 0x8000;
    pub(in super::super) const ENCRYPT: u32 = 0x1_0000;
    pub(in super::super) const CASEFOLD: u32 = 0x2_0000;

    /// What this reader knows.
    pub(in super::super) const READ: u32 = FILETYPE
        | NEEDS_RECOVERY
        | META_BG
        | EXTENT
        | SIXTY_FOUR_BIT
        | MMP
        | FLEX_BG
        | EA_INODE
        | CSUM_SEED
        | LARGE_DIR
        | INLINE_DATA
        | ENCRYPT
        | CASEFOLD;

    /// What ext3 may have; more makes it ext4.
    pub(in super::super) const EXT3: u32 = FILETYPE | NEEDS_RECOVERY | META_BG;
}

/// Features that an implementation must know to write.
pub(super) mod ro_compat {
    pub(in super::super) const SPARSE_SUPER: u32 = 0x1;
    pub(in super::super) const LARGE_FILE: u32 = 0x2;
    pub(in super::super) const BTREE_DIR: u32 = 0x4;
    pub(in super::super) const BIGALLOC: u32 = 0x200;
    pub(in super::super) const METADATA_CSUM: u32 = 0x400;

    /// What ext3 may have; more makes it ext4.
    pub(in super::super) const EXT3: u32 = SPARSE_SUPER | LARGE_FILE | BTREE_DIR;
}

const COMPAT_NAMES: &[(u32, &str)] = &[
    (0x1, "dir_prealloc"),
    (0x2, "imagic_inodes"),
    (compat::HAS_JOURNAL, "has_journal"),
    (0x8, "ext_attr"),
    (0x10, "resize_inode"),
    (0x20, "dir_index"),
    (0x40, "lazy_bg"),
    (0x80, "exclude_inode"),
    (0x100, "exclude_bitmap"),
    (compat::SPARSE_SUPER2, "sparse_super2"),
    (0x400, "fast_commit"),
    (0x800, "stable_inodes"),
    (0x1000, "orphan_file"),
];

const INCOMPAT_NAMES: &[(u32, &str)] = &[
    (incompat::COMPRESSION, "compression"),
    (incompat::FILETYPE, "filetype"),
    (incompat::NEEDS_RECOVERY, "needs_recovery"),
    (incompat::JOURNAL_DEV, "journal_dev"),
    (incompat::META_BG, "meta_bg"),
    (incompat::EXTENT, "extent"),
    (incompat::SIXTY_FOUR_BIT, "64bit"),
    (incompat::MMP, "mmp"),
    (incompat::FLEX_BG, "flex_bg"),
    (incompat::EA_INODE, "ea_inode"),
    (incompat::DIRDATA, "dirdata"),
    (incompat::CSUM_SEED, "metadata_csum_seed"),
    (incompat::LARGE_DIR, "large_dir"),
    (incompat::INLINE_DATA, "inline_data"),
    (incompat::ENCRYPT, "encrypt"),
    (incompat::CASEFOLD, "casefold"),
];

const RO_COMPAT_NAMES: &[(u32, &str)] = &[
    (ro_compat::SPARSE_SUPER, "sparse_super"),
    (ro_compat::LARGE_FILE, "large_file"),
    (ro_compat::BTREE_DIR, "btree_dir"),
    (0x8, "huge_file"),
    (0x10, "uninit_bg"),
    (0x20, "dir_nlink"),
    (0x40, "extra_isize"),
    (0x80, "has_snapshot"),
    (0x100, "quota"),
    (ro_compat::BIGALLOC, "bigalloc"),
    (ro_compat::METADATA_CSUM, "metadata_csum"),
    (0x800, "replica"),
    (0x1000, "read-only"),
    (0x2000, "project"),
    (0x4000, "shared_blocks"),
    (0x8000, "verity"),
    (0x1_0000, "orphan_present"),
];

/// The three feature words of a superblock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Features {
    pub(super) compat: u32,
    pub(super) incompat: u32,
    pub(super) ro_compat: u32,
}

impl Features {
    pub(super) fn has_compat(self, bit: u32) -> bool {
        self.compat & bit != 0
    }

    pub(super) fn has_incompat(self, bit: u32) -> bool {
        self.incompat & bit != 0
    }

    pub(super) fn has_ro_compat(self, bit: u32) -> bool {
        self.ro_compat & bit != 0
    }

    /// All features by name; a bit without a name as `incompat 0x40000`.
    pub(super) fn names(self) -> Vec<String> {
        let mut names = name_bits(self.compat, COMPAT_NAMES, "compat");
        names.extend(name_bits(self.incompat, INCOMPAT_NAMES, "incompat"));
        names.extend(name_bits(self.ro_compat, RO_COMPAT_NAMES, "ro_compat"));
        names
    }

    /// The incompatible features that this reader does not know.
    pub(super) fn unread(self) -> Vec<String> {
        name_bits(self.incompat & !incompat::READ, INCOMPAT_NAMES, "incompat")
    }

    /// Which of the family it is, decided as libblkid decides `TYPE=`: by the features that only
    /// the later ones have (util-linux `libblkid/src/superblocks/ext.c`).
    pub(super) fn kind(self) -> &'static str {
        if self.incompat & !incompat::EXT3 != 0 || self.ro_compat & !ro_compat::EXT3 != 0 {
            "ext4"
        } else if self.has_compat(compat::HAS_JOURNAL) {
            "ext3"
        } else {
            "ext2"
        }
    }
}

fn name_bits(word: u32, names: &[(u32, &str)], kind: &str) -> Vec<String> {
    (0..u32::BITS)
        .filter_map(|shift| 1_u32.checked_shl(shift))
        .filter(|bit| word & bit != 0)
        .map(|bit| match names.iter().find(|(known, _)| *known == bit) {
            Some((_, name)) => (*name).to_owned(),
            None => format!("{kind} {bit:#x}"),
        })
        .collect()
}
