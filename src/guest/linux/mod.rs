//! Linux guests.

pub mod device;
