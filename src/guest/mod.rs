//! What files mean: an operating system's facts, each with its evidence.
//!
//! In: the disk and its volumes, the trees of their file systems. Out: [`facts::Facts`].
//! This room judges nothing and knows no cloud.

pub mod facts;
pub mod linux;
