//! Container formats: from a file to the read-only bytes of the disk inside.
//!
//! In: a path. Out: [`facts::ImageFacts`] and the disk's bytes by virtual offset.
//! This room must not know partitions or files.

mod digest;
pub mod facts;
mod foreign;
mod format;
mod map;
mod qcow2;
mod split;

use std::path::Path;
use std::sync::Arc;

pub use digest::DigestKind;
pub use map::Map;
pub use qcow2::{MAX_LISTED_PROBLEMS, MAX_LISTED_SNAPSHOTS, Qcow2Structure};

use crate::bytes::Bytes;
use crate::cancel::{CancelToken, Cancellable};
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact, Unread};
use crate::image::facts::{Format, ImageFacts};
use crate::image::qcow2::Qcow2;

/// An image file: what is known of it, and the disk inside.
///
/// ```
/// use std::path::Path;
///
/// use image_preflight::bytes::{Bytes, BytesExt};
/// use image_preflight::image::Image;
///
/// let image = Image::open(Path::new("testdata/guests/good.qcow2"))?;
/// let disk = image.disk()?;
/// let boot_sector = disk.array::<512>(0)?;
/// // Whoever writes to the file meanwhile has spoiled what was read.
/// image.intact()?;
/// assert_eq!(disk.len(), 40 << 30);
/// assert_eq!(boot_sector[510..], [0x55, 0xAA]);
/// # Ok::<(), image_preflight::Error>(())
/// ```
pub struct Image {
    map: Option<Arc<Map>>,
    token: CancelToken,
    file: Arc<dyn Bytes>,
    facts: ImageFacts,
    qcow2: Option<Qcow2>,
    disk: Result<Arc<dyn Bytes>>,
}

impl Image {
    /// Opens the file at `path` read-only and reads its header. The cost does not depend on the
    /// size of the file.
    ///
    /// # Errors
    /// [`Error::Host`] when the file cannot be opened. What is wrong *in* the file is a fact, not
    /// an error.
    pub fn open(path: &Path) -> Result<Self> {
        let map = Arc::new(Map::open(path)?);
        Ok(Self::mapped(path, Arc::clone(&map), map, CancelToken::new()))
    }

    /// As [`Image::open`]; nothing of the image can be read any more once `token` is cancelled.
    ///
    /// # Errors
    /// As [`Image::open`]. A token that is cancelled already is told by [`Image::intact`].
    pub fn open_cancellable(path: &Path, token: &CancelToken) -> Result<Self> {
        let map = Arc::new(Map::open(path)?);
        let bytes = Arc::new(Cancellable::new(map.clone(), token.clone()));
        Ok(Self::mapped(path, map, bytes, token.clone()))
    }

    fn mapped(path: &Path, map: Arc<Map>, bytes: Arc<dyn Bytes>, token: CancelToken) -> Self {
        let mut image = Self::of_bytes(map.path().to_owned(), bytes);
        image.facts.split = split::first_of(path);
        image.facts.block_device = map.is_block_device();
        Self { map: Some(map), token, ..image }
    }

    /// An image that is already in memory; `path` is only its name. `bytes` must give a slice of
    /// any range within them, as the map and a vector do.
    pub fn of_bytes(path: String, bytes: Arc<dyn Bytes>) -> Self {
        let file = Arc::clone(&bytes);
        let detected = format::detect(&*bytes);
        let mut facts = ImageFacts {
            path,
            file_size: bytes.len(),
            format: detected.format,
            format_evidence: detected.evidence,
            variant: detected.variant,
            virtual_size: detected.virtual_size,
            qcow2: None,
            header_damage: None,
            split: None,
            block_device: false,
            content: Fact::Known(()),
        };
        let mut qcow2 = None;
        let disk = match detected.format {
            // An ISO is a disk as it is, only not one to be imported.
            Format::Raw | Format::Iso => Ok(bytes),
            Format::Qcow2 => match Qcow2::open(bytes) {
                Ok(opened) => {
                    facts.qcow2 = Some(Fact::Known(opened.facts()));
                    let disk = opened.disk();
                    qcow2 = Some(opened);
                    disk
                }
                Err(error) => {
                    if matches!(error, Error::Corrupt { .. } | Error::OutOfBounds { .. }) {
                        let damage = Evidence::new("qcow2 header", error.to_string());
                        facts.header_damage = Some(damage);
                    }
                    facts.qcow2 = Some(Fact::unknown("qcow2 header", error.to_string()));
                    Err(error)
                }
            },
            other => {
                let what = format!("the content of a file in format {}", other.name());
                Err(Error::unsupported("container", 0, what))
            }
        };
        tracing::debug!(
            path = facts.path,
            format = facts.format.name(),
            variant = facts.variant,
            file_size = facts.file_size,
            virtual_size = facts.virtual_size,
            "container"
        );
        if let Err(error) = &disk {
            tracing::debug!(%error, "content not read");
            facts.content = Fact::Unknown(Unread::from((detected.format.name(), error)));
        }
        Self { map: None, token: CancelToken::new(), file, facts, qcow2, disk }
    }

    /// What is known of the file. The tables of a qcow2 count as not looked at until
    /// [`ImageFacts::set_structure`].
    pub fn facts(&self) -> &ImageFacts {
        &self.facts
    }

    /// The bytes of the disk inside.
    ///
    /// # Errors
    /// Why they cannot be read; the same that [`ImageFacts::content`] says.
    pub fn disk(&self) -> Result<Arc<dyn Bytes>> {
        self.disk.clone()
    }

    /// Whether [`Image::check_structure`] may take so much memory that nothing else should be done meanwhile.
    pub(crate) fn has_large_structure(&self) -> bool {
        self.qcow2.as_ref().is_some_and(Qcow2::is_large)
    }

    /// Walks all tables of a qcow2, in parallel on the threads of rayon. `None` for other formats
    /// and for a header that could not be read.
    pub fn check_structure(&self) -> Option<Qcow2Structure> {
        self.qcow2.as_ref().map(Qcow2::check_structure)
    }

    /// The digest of the whole file as `sha256:…`, in lower-case hexadecimal digits. Every byte of it
    /// is read. `progress` is told how many bytes are done, and of how many, about once a MiB.
    ///
    /// # Errors
    /// When a byte cannot be read.
    pub fn digest(&self, kind: DigestKind, progress: &dyn Fn(u64, u64)) -> Result<String> {
        digest::of(&*self.file, kind, progress)
    }

    /// Whether what was read of the image until now holds: to be asked after the last read.
    ///
    /// # Errors
    /// [`Error::Cancelled`] when the token was cancelled, [`Error::Changed`] when the file was
    /// written to since it was opened.
    pub fn intact(&self) -> Result<()> {
        if self.token.is_cancelled() {
            return Err(Error::Cancelled);
        }
        match &self.map {
            Some(map) if map.changed() => Err(Error::Changed { path: map.path().to_owned() }),
            _ => Ok(()),
        }
    }
}

impl ImageFacts {
    /// Takes over what [`Image::check_structure`] found.
    pub fn set_structure(&mut self, structure: Qcow2Structure) {
        if let Some(Fact::Known(facts)) = &mut self.qcow2 {
            facts.problems = structure.problems;
            facts.problem_count = structure.problem_count;
            facts.leaks = structure.leaks;
            facts.leaked_clusters = structure.leaked_clusters;
            facts.checked = structure.checked;
            facts.highest_host_byte = structure.highest_host_byte;
        }
    }
}
