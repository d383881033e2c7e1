//! Linux guests.

pub mod crypttab;
pub mod device;
pub mod fstab;
pub mod initramfs;
pub mod kernel;
pub mod os_release;
