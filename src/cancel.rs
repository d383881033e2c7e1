//! Ending a long work early.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::bytes::Bytes;
use crate::error::{Error, Result};

/// Ends a work early, from any thread. Its clones are one and the same; what was cancelled stays so.
///
/// Every read of the file asks it, so that a work ends with the piece it has in hand: a mebibyte of a
/// digest, a table of a qcow2, a block of a file system, 256 KiB of an initramfs (or however little a
/// damaged one packs the [most that is unpacked] into), the hash of one account. What was read until
/// then is void: [`Error::Cancelled`] takes the place of facts and findings.
///
/// ```
/// use std::path::Path;
///
/// use image_preflight::rules::{Context, Profile};
/// use image_preflight::{CancelToken, Check, Error};
///
/// let token = CancelToken::new();
/// let mut check = Check::new(Context::today(Profile::ImsClassic));
/// check.cancel(&token);
///
/// let other = token.clone();
/// std::thread::spawn(move || other.cancel()).join().unwrap();
/// let report = check.run(Path::new("testdata/guests/good.qcow2"));
/// assert_eq!(report.err(), Some(Error::Cancelled));
/// ```
///
/// [most that is unpacked]: crate::guest::linux::initramfs::MAX_UNPACKED
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// One that is not cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends what was given this token or a clone of it.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Bytes that cannot be read any more once their token is cancelled: what reads them ends by the
/// ways on which it ends when a file cannot be read.
pub(crate) struct Cancellable {
    bytes: Arc<dyn Bytes>,
    token: CancelToken,
}

impl Cancellable {
    pub(crate) fn new(bytes: Arc<dyn Bytes>, token: CancelToken) -> Self {
        Self { bytes, token }
    }
}

impl Bytes for Cancellable {
    fn len(&self) -> u64 {
        self.bytes.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        if self.token.is_cancelled() {
            return Err(Error::Cancelled);
        }
        self.bytes.read_at(offset, buf)
    }

    fn slice(&self, offset: u64, len: usize) -> Option<&[u8]> {
        if self.token.is_cancelled() {
            return None;
        }
        self.bytes.slice(offset, len)
    }

    fn zeroes_at(&self, offset: u64) -> u64 {
        if self.token.is_cancelled() {
            return 0;
        }
        self.bytes.zeroes_at(offset)
    }

    fn will_need(&self, offset: u64, len: usize) {
        self.bytes.will_need(offset, len);
    }
}
