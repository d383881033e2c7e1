//! Partition tables, boot code and the signatures of what lies in volumes.
//!
//! In: the disk's read-only bytes. Out: [`facts::DiskFacts`] and the volumes' bytes.
//! This room must not know files or operating systems.

pub mod facts;
