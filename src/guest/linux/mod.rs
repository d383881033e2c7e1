//! Linux guests.

pub mod accounts;
pub mod bindings;
pub mod boot;
pub mod cloud_init;
pub mod crypttab;
pub mod device;
pub mod fstab;
pub mod initramfs;
pub mod kernel;
pub mod os_release;
pub mod package;
pub mod systemd_unit;
