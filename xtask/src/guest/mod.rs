//! A whole Debian guest, built from packages, and the disks that it is laid out on.

pub mod debian;
pub mod disk;
pub mod grub;
pub mod identity;
pub mod layout;
pub mod lvm;
pub mod md;
pub mod mount;
