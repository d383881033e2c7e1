//! The registry: hives as they lie in files.
//!
//! In: a hive's file and its transaction logs. Out: keys and values, as Windows would see them after
//! it recovered the hive. This room does not know what a key means.
//!
//! A hive is never loaded: each cell is read when it is asked for, and every cell is checked when it
//! is read. What the image says is bounded where it is read; all reads of one hive together are
//! bounded by [`MAX_CELLS_READ`].
//!
//! Sources: M. Suhanov, "Windows registry file format specification" (regf); J. Metz, "Windows NT
//! Registry File (REGF) format specification"; M. Jurczyk, "The Windows Registry Adventure".

mod base_block;
mod big_data;
mod bins;
mod cache;
mod hive;
mod hives;
mod key;
mod log;
mod marvin32;
mod name;
mod new_log;
mod old_log;
mod state;
mod subkeys;
mod value;

pub use self::bins::MAX_CELLS_READ;
pub use self::hive::Hive;
pub use self::hives::{Registry, control_set, open};
pub use self::key::{Key, MAX_DEPTH};
pub use self::log::MAX_LOG;
pub use self::state::{HiveState, Replay};
pub use self::subkeys::MAX_SUBKEYS;
pub use self::value::{
    MAX_DATA, MAX_TEXTS, MAX_VALUE_BYTES, MAX_VALUES, MAX_VALUES_BYTES, Value, ValueType,
};

#[cfg(test)]
mod tests;
