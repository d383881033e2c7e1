//! What a file system says of its own health, in the same words for every kind.

use serde::{Deserialize, Serialize};

use crate::fact::{Evidence, Fact, Unread};

/// How a file system was left, and what it says of itself. Places are bytes of its volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Health {
    /// How it was left, and what told so.
    pub shutdown: Fact<(Shutdown, Evidence)>,
    /// Why what is read may be older, or less consistent, than what a mount would show: its log
    /// holds changes, or may hold some, that were not replayed; or the kernel does not mount it at
    /// all as it is.
    pub stale: Option<Unread>,
    /// The bound at which no more of its structures were looked at: what a mount finds behind it is not
    /// known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unchecked: Option<Unread>,
    /// Marks of errors that the file system bears.
    pub errors: Vec<Evidence>,
    /// What a mount needs that not every machine has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
    /// The room in it.
    pub space: Fact<Space>,
}

/// Something without which the kernel does not mount a file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Need {
    /// What it is.
    pub kind: NeedKind,
    /// What told it.
    pub evidence: Evidence,
}

/// What a mount may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NeedKind {
    /// Pages of memory as large as its blocks, which are larger than 4096 bytes; Linux of that
    /// version (major, minor) and later may do without.
    LargePages(u32, u32),
    /// Another device with its log. `true` when a mount option has to name it.
    LogDevice(bool),
}

/// Bytes of a page of x86 (Linux: arch/x86/include/asm/page_types.h, `PAGE_SHIFT`).
const X86_PAGE: u64 = 4096;

/// The need for pages as large as blocks of so many bytes.
pub(super) fn large_pages(location: String, block: u64, since: (u32, u32)) -> Option<Need> {
    let kind = NeedKind::LargePages(since.0, since.1);
    let detail =
        format!("blocks of {block} bytes, larger than a page of memory ({X86_PAGE} bytes)");
    (block > X86_PAGE).then(|| Need { kind, evidence: Evidence::new(location, detail) })
}

/// How a file system was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Shutdown {
    /// Unmounted, with nothing left for a mount to replay.
    Clean,
    /// In use when its volume was taken.
    Unclean,
}

/// The room in a file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Space {
    /// Bytes in all.
    pub total: u64,
    /// Bytes that are free, those that are kept for root included.
    pub free: u64,
    /// Inodes in all and how many of them are free; none where they are made as they are needed.
    pub inodes: Option<(u64, u64)>,
    /// Where it is counted.
    pub evidence: Evidence,
}

impl Space {
    /// The room, unless more is said to be free than there is.
    pub(super) fn plausible(self) -> Fact<Self> {
        let inodes = self.inodes.is_some_and(|(all, free)| free > all);
        if self.free > self.total || inodes {
            let Evidence { location, detail, .. } = self.evidence;
            return Fact::unknown(location, format!("{detail}: more is free than there is"));
        }
        Fact::Known(self)
    }
}

impl Health {
    /// Nothing is known of it.
    pub fn unread(unread: &Unread) -> Self {
        Self {
            shutdown: Fact::Unknown(unread.clone()),
            stale: None,
            unchecked: None,
            errors: Vec::new(),
            needs: Vec::new(),
            space: Fact::Unknown(unread.clone()),
        }
    }
}

/// A place in a structure of a volume.
pub(super) fn place(structure: &str, byte: u64) -> String {
    format!("{structure}, byte {byte}")
}

/// Says that the volume ends before the file system does, for which the kernel does not mount it.
pub(super) fn cut(location: String, missing_bytes: u64) -> Option<Evidence> {
    let detail = format!("{missing_bytes} bytes of it lie behind the end of the volume");
    (missing_bytes > 0).then(|| Evidence::new(location, detail))
}

/// As [`Health::stale`] for something that the kernel does not mount it for.
pub(super) fn refused(Evidence { location, detail, .. }: &Evidence) -> Unread {
    Unread::new(location, format!("{detail}: the kernel does not mount it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_room_than_there_is_is_not_believed() {
        let space = |free, inodes| {
            let evidence = Evidence::new("superblock", "numbers");
            Space { total: 100, free, inodes, evidence }.plausible()
        };
        assert!(space(100, Some((10, 10))).known().is_some());
        for implausible in [space(101, None), space(1, Some((10, 11)))] {
            let reason = &implausible.unread().unwrap().reason;
            assert!(reason.contains("more is free than there is"), "{reason}");
        }
    }
}
