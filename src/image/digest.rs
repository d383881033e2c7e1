//! The digest of the whole file, to be compared after the upload.

use std::fmt;

use md5::{Digest, Md5};
use sha2::Sha256;

use crate::bytes::Bytes;
use crate::error::Result;

/// How a file is digested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DigestKind {
    /// SHA-256 (FIPS 180-4).
    Sha256,
    /// MD5 (RFC 1321), which the object storage shows as the ETag of an object that was uploaded in
    /// one piece. It proves nothing against intent.
    Md5,
}

impl fmt::Display for DigestKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Sha256 => "sha256",
            Self::Md5 => "md5",
        })
    }
}

/// Bytes that are read at once.
const CHUNK: usize = 1 << 20;

/// The digest of `bytes` as `sha256:…` in lower-case hexadecimal digits. `progress` is told how many
/// bytes are done, and of how many, after each [`CHUNK`].
///
/// # Errors
/// When a byte cannot be read.
pub(super) fn of(
    bytes: &dyn Bytes,
    kind: DigestKind,
    progress: &dyn Fn(u64, u64),
) -> Result<String> {
    let hex = match kind {
        DigestKind::Sha256 => hex::<Sha256>(bytes, progress)?,
        DigestKind::Md5 => hex::<Md5>(bytes, progress)?,
    };
    Ok(format!("{kind}:{hex}"))
}

fn hex<D: Digest>(bytes: &dyn Bytes, progress: &dyn Fn(u64, u64)) -> Result<String> {
    let mut hasher = D::new();
    let mut buffer = vec![0_u8; CHUNK];
    let length = bytes.len();
    let mut at = 0_u64;
    while at < length {
        let left = usize::try_from(length.saturating_sub(at)).unwrap_or(usize::MAX);
        let chunk = buffer.get_mut(..left.min(CHUNK)).unwrap_or_default();
        bytes.read_at(at, chunk)?;
        hasher.update(&*chunk);
        at = at.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        progress(at, length);
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn digests_are_those_of_sha256sum_and_md5sum() {
        let of = |bytes: &[u8], kind| of(&bytes.to_vec(), kind, &|_, _| ()).unwrap();
        // sha256sum and md5sum of GNU coreutils 9.1 on an empty file and on `printf abc`.
        assert_eq!(
            of(b"", DigestKind::Sha256),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            of(b"abc", DigestKind::Sha256),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(of(b"abc", DigestKind::Md5), "md5:900150983cd24fb0d6963f7d28e17f72");
    }

    #[test]
    fn progress_ends_with_the_whole() {
        let seen = Cell::new((0, 0));
        let bytes = vec![0_u8; CHUNK * 2 + 1];
        // head -c 2097153 /dev/zero | md5sum
        let digest = super::of(&bytes, DigestKind::Md5, &|done, all| seen.set((done, all)));
        assert_eq!(digest.unwrap(), "md5:4eda5bcf5ef0cd4066425006dba9ffaa");
        let length = u64::try_from(bytes.len()).unwrap();
        assert_eq!(seen.get(), (length, length));
    }
}
