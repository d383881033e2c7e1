//! The files that boot loaders load as modules of their own: of GRUB 2 (`grub-core/kern/dl.c`,
//! `grub_dl_load_file`) and of SYSLINUX since 5.00 (`com32/lib/sys/module`).

use crate::bytes::{Bytes, BytesExt};
use crate::error::Result;

/// How an object of ELF begins.
const ELF: &[u8] = b"\x7fELF";

/// How many bytes of a file tell what it is: the longest beginning of a packed one has five.
const MAGIC: u64 = 5;

/// What is wrong with a file that should be such a module: no object of ELF, nor one that begins like
/// those that the loader unpacks (`packed`).
pub(super) fn defect(file: &dyn Bytes, packed: &[&[u8]]) -> Result<Option<String>> {
    let len = file.len();
    let start = file.vec(0, usize::try_from(len.min(MAGIC)).unwrap_or_default())?;
    let sound = start.starts_with(ELF) || packed.iter().any(|magic| start.starts_with(magic));
    Ok((!sound).then(|| format!("damaged: {len} bytes that are no ELF module")))
}
