//! Linux guests.

pub mod crypttab;
pub mod device;
pub mod fstab;
pub mod os_release;
