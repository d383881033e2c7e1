//! Container formats: from a file to the read-only bytes of the disk inside.
//!
//! In: a path. Out: [`facts::ImageFacts`] and the disk's bytes by virtual offset.
//! This room must not know partitions or files.

pub mod facts;
