//! The features of a file system (*XFS Algorithms & Data Structures*, "Superblocks"; the newer bits
//! as in Linux fs/xfs/libxfs/xfs_format.h), by the names that `mkfs.xfs` and `xfs_info` use.

/// `sb_versionnum` of versions 4 and 5.
pub(super) mod version {
    pub(in super::super) const NUMBER: u16 = 0xF;
    pub(in super::super) const DIRECTORY_V2: u16 = 0x2000;
    /// The device is striped: `sb_unit` and `sb_width` count.
    pub(in super::super) const STRIPES: u16 = 0x100;
    /// Names in directories compare without case (`-n version=ci`).
    pub(in super::super) const CASE_INSENSITIVE: u16 = 0x4000;
    /// `sb_features2` counts.
    pub(in super::super) const MORE_BITS: u16 = 0x8000;
}

/// `sb_features2`.
pub(super) mod features2 {
    /// What is free is counted in the groups, and in the superblock at an unmount.
    pub(in super::super) const LAZY_COUNT: u32 = 0x2;
    pub(in super::super) const FTYPE: u32 = 0x200;
}

/// `sb_features_ro_compat`: an implementation must know them to write.
pub(super) mod ro_compat {
    pub(in super::super) const FINOBT: u32 = 0x1;
    pub(in super::super) const RMAPBT: u32 = 0x2;
    pub(in super::super) const REFLINK: u32 = 0x4;
    pub(in super::super) const INOBTCOUNT: u32 = 0x8;
}

/// `sb_features_incompat`: an implementation must know them to read at all.
pub(super) mod incompat {
    pub(in super::super) const FTYPE: u32 = 0x1;
    pub(in super::super) const SPARSE_INODES: u32 = 0x2;
    pub(in super::super) const META_UUID: u32 = 0x4;
    pub(in super::super) const BIGTIME: u32 = 0x8;
    pub(in super::super) const NEEDS_REPAIR: u32 = 0x10;
    pub(in super::super) const NREXT64: u32 = 0x20;
    pub(in super::super) const EXCHANGE_RANGE: u32 = 0x40;
    pub(in super::super) const PARENT: u32 = 0x80;

    /// What this reader knows.
    pub(in super::super) const READ: u32 = FTYPE
        | SPARSE_INODES
        | META_UUID
        | BIGTIME
        | NEEDS_REPAIR
        | NREXT64
        | EXCHANGE_RANGE
        | PARENT;
}

/// `sb_features_log_incompat`: an implementation must know them to replay the log.
pub(super) mod log_incompat {
    /// The log may hold changes of extended attributes as intents, which no file's content needs.
    pub(in super::super) const XATTRS: u32 = 0x1;
}

const VERSION_NAMES: &[(u32, &str)] = &[
    (0x10, "attr"),
    (0x20, "nlink"),
    (0x40, "quota"),
    (0x80, "align"),
    (0x100, "dalign"),
    (0x200, "shared"),
    (0x400, "logv2"),
    (0x800, "sector"),
    (0x1000, "extflg"),
    (0x2000, "dirv2"),
    (0x4000, "ci"),
];

const FEATURES2_NAMES: &[(u32, &str)] = &[
    (features2::LAZY_COUNT, "lazy-count"),
    (0x8, "attr2"),
    (0x10, "parent"),
    (0x80, "projid32bit"),
    (0x100, "crc"),
    (features2::FTYPE, "ftype"),
];

const RO_COMPAT_NAMES: &[(u32, &str)] = &[
    (ro_compat::FINOBT, "finobt"),
    (ro_compat::RMAPBT, "rmapbt"),
    (ro_compat::REFLINK, "reflink"),
    (ro_compat::INOBTCOUNT, "inobtcount"),
];

const INCOMPAT_NAMES: &[(u32, &str)] = &[
    (incompat::FTYPE, "ftype"),
    (incompat::SPARSE_INODES, "sparse"),
    (incompat::META_UUID, "metauuid"),
    (incompat::BIGTIME, "bigtime"),
    (incompat::NEEDS_REPAIR, "needsrepair"),
    (incompat::NREXT64, "nrext64"),
    (incompat::EXCHANGE_RANGE, "exchange"),
    (incompat::PARENT, "parent"),
    (0x100, "metadir"),
    (0x200, "zoned"),
    (0x400, "zone-gaps"),
];

/// The feature words of a superblock; those that its version does not have are 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Features {
    pub(super) version: u16,
    pub(super) features2: u32,
    pub(super) ro_compat: u32,
    pub(super) incompat: u32,
    pub(super) log_incompat: u32,
}

impl Features {
    /// Whether metadata has checksums and tells what it is.
    pub(super) fn is_v5(self) -> bool {
        self.version & version::NUMBER == 5
    }

    pub(super) fn has_incompat(self, bit: u32) -> bool {
        self.incompat & bit != 0
    }

    pub(super) fn has_ro_compat(self, bit: u32) -> bool {
        self.ro_compat & bit != 0
    }

    /// Whether what is free is counted in the groups alone while it is mounted.
    pub(super) fn counts_lazily(self) -> bool {
        self.is_v5() || self.features2 & features2::LAZY_COUNT != 0
    }

    /// Whether directories say of what type each file is.
    pub(super) fn has_file_type(self) -> bool {
        self.has_incompat(incompat::FTYPE) || self.features2 & features2::FTYPE != 0
    }

    /// Whether names compare without case.
    pub(super) fn ignores_case(self) -> bool {
        self.version & version::CASE_INSENSITIVE != 0
    }

    /// All features by name, each once; a bit without a name as `incompat 0x800`.
    pub(super) fn names(self) -> Vec<String> {
        let version = u32::from(self.version & !version::NUMBER & !version::MORE_BITS);
        let mut names = name_bits(version, VERSION_NAMES, "versionnum");
        names.extend(name_bits(self.features2, FEATURES2_NAMES, "features2"));
        names.extend(name_bits(self.ro_compat, RO_COMPAT_NAMES, "ro_compat"));
        for name in name_bits(self.incompat, INCOMPAT_NAMES, "incompat") {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The incompatible features that this reader does not know.
    pub(super) fn unread(self) -> Vec<String> {
        name_bits(self.incompat & !incompat::READ, INCOMPAT_NAMES, "incompat")
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
