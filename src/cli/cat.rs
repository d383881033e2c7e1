//! `image-preflight cat`.

use std::io::{self, Write};

use super::Failure;
use super::args::PathArgs;
use super::ls::tree;

/// Bytes that are read at once, however long the file says it is.
const CHUNK: u64 = 1 << 20;

pub(super) fn run(args: &PathArgs) -> Result<u8, Failure> {
    let bytes = tree(&args.image, args.volume)?.open(&args.path)?;
    // The file's bytes as they are: nothing may be made of them on the way.
    let mut out = io::stdout().lock();
    let mut offset = 0;
    let mut chunk = vec![0; usize::try_from(CHUNK.min(bytes.len())).unwrap_or(0)];
    while offset < bytes.len() {
        let len = CHUNK.min(bytes.len().saturating_sub(offset));
        let part = chunk.get_mut(..usize::try_from(len).unwrap_or(0)).unwrap_or_default();
        bytes.read_at(offset, part)?;
        out.write_all(part)?;
        offset = offset.saturating_add(len);
    }
    out.flush()?;
    Ok(0)
}
