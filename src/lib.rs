//! Checks, offline, whether a virtual-machine image will be accepted by the cloud and boot there.
//!
//! The way of the data, in one direction:
//!
//! ```text
//! file ──▶ image ──▶ disk ──▶ filesystem ──▶ guest ──▶ rules ──▶ report
//!          bytes     volumes   files          facts     findings   words
//! ```

pub mod bytes;
pub mod disk;
pub mod error;
pub mod fact;
pub mod filesystem;
pub mod guest;
pub mod image;
pub mod rules;

pub use error::{Error, Result};
