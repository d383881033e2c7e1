//! Foreign containers: enough of each to name it, its kind and the size of the disk inside.
//!
//! Their content is not read.

pub(super) mod iso;
pub(super) mod qcow;
pub(super) mod qed;
pub(super) mod vdi;
pub(super) mod vhd;
pub(super) mod vhdx;
pub(super) mod vmdk;
pub(super) mod wrapper;
pub(super) mod zvhd;

#[cfg(test)]
mod tests;
