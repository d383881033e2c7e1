//! What files mean: an operating system's facts, each with its evidence.
//!
//! In: the disk and its volumes, the trees of their file systems. Out: [`facts::Facts`].
//! This room judges nothing and knows no cloud.

pub mod facts;
pub mod linux;
pub mod windows;

use std::sync::Arc;

use crate::disk::facts::DiskFacts;
use crate::fact::Fact;
use crate::filesystem::FileSystem;

/// The disk with the file systems of its volumes: what a boot loader sees.
pub struct Machine<'a> {
    /// The disk.
    pub disk: &'a DiskFacts,
    /// The file system of each volume, by the volume's index; `Known(None)` where the volume holds
    /// none (swap, nothing).
    pub filesystems: &'a [Fact<Option<Arc<dyn FileSystem>>>],
}
