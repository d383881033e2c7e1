//! QCOW2, versions 2 and 3 (<https://www.qemu.org/docs/master/interop/qcow2.html>).
//!
//! In: the bytes of the file. Out: facts of the header, the disk's bytes, and what a walk over the
//! tables finds. Files that the header names (backing file, external data file) are never opened.

mod address;
mod bitmap_directory;
mod cluster;
mod disk;
mod header;
mod header_extension;
mod l1_table;
mod l2_table;
mod refcount_block;
mod refcount_table;
mod snapshot;
mod structure;

#[cfg(test)]
pub(super) mod fixture_tests;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod structure_tests;

use std::sync::Arc;

pub use snapshot::MAX_LISTED_SNAPSHOTS;
pub use structure::{MAX_LISTED_PROBLEMS, Qcow2Structure};

use crate::bytes::Bytes;
use crate::error::{Error, Result};
use crate::fact::Fact;
use crate::image::facts::{Qcow2Compression, Qcow2Facts};
use crate::image::format::up_to;
use crate::image::qcow2::disk::Disk;
use crate::image::qcow2::header::{CORRUPT, DIRTY, EXTENDED_L2, EXTERNAL_DATA, HEADER, Header};
use crate::image::qcow2::header_extension::{HeaderExtensions, text};

/// Most clusters of a file whose tables are walked while the guest is looked into: 8 GiB with the default cluster
/// size. The walk over more takes memory of its own, and uses all threads by itself.
const MAX_CLUSTERS_BESIDE: u64 = 1 << 17;

/// What the tables' facts say before [`Qcow2::check_structure`] ran.
const NOT_LOOKED_AT: &str = "not looked at yet";

/// A qcow2 file whose header was read.
pub(super) struct Qcow2 {
    image: Arc<dyn Bytes>,
    header: Header,
    extensions: HeaderExtensions,
}

impl Qcow2 {
    /// Reads header and header extensions.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for an unknown version, [`Error::Corrupt`] for a header that cannot
    /// be made sense of.
    pub(super) fn open(image: Arc<dyn Bytes>) -> Result<Self> {
        let header = Header::read(&*image)?;
        let extensions = HeaderExtensions::read(&*image, &header)?;
        Ok(Self { image, header, extensions })
    }

    /// What header and extensions say. The tables are not looked at.
    pub(super) fn facts(&self) -> Qcow2Facts {
        let Self { header, extensions, .. } = self;
        let unknown = header.unknown_incompatible_bits();
        Qcow2Facts {
            version: header.version,
            cluster_size: header.geometry.cluster_size(),
            refcount_bits: 1_u32.wrapping_shl(header.refcount_order),
            crypt_method: header.crypt_method,
            encryption_extension_at: extensions.encryption_at,
            backing_file: self.backing_file(),
            backing_format: extensions.backing_format.clone(),
            external_data_file: header.has(EXTERNAL_DATA),
            data_file_name: extensions.data_file_name.clone(),
            dirty: header.has(DIRTY),
            corrupt: header.has(CORRUPT),
            compression: header.compression,
            extended_l2: header.has(EXTENDED_L2),
            unknown_feature_names: unknown
                .iter()
                .filter_map(|&bit| extensions.name_of(bit).map(str::to_owned))
                .collect(),
            unknown_incompatible_bits: unknown,
            snapshot_count: header.nb_snapshots,
            snapshots: Fact::from_result(
                snapshot::SNAPSHOT_TABLE,
                snapshot::labels(&*self.image, header),
            ),
            problems: Vec::new(),
            problem_count: 0,
            leaks: Vec::new(),
            leaked_clusters: 0,
            checked: Fact::unknown("qcow2 tables", NOT_LOOKED_AT),
            highest_host_byte: 0,
        }
    }

    /// The disk inside.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when its bytes are encrypted, depend on another file or are laid out
    /// by a feature that nobody here knows; [`Error::Corrupt`] when the L1 table cannot be right.
    pub(super) fn disk(&self) -> Result<Arc<dyn Bytes>> {
        let header = &self.header;
        self.check_features()?;
        if let Some(name) = self.backing_file() {
            let what =
                format!("a disk that depends on the backing file {name:?}, which is not opened,");
            return Err(Error::unsupported(HEADER, 8, what));
        }
        if header.crypt_method != 0 || self.extensions.encryption_at.is_some() {
            let method = match header.crypt_method {
                1 => "AES".to_owned(),
                2 => "LUKS".to_owned(),
                other => format!("method {other}"),
            };
            return Err(Error::unsupported(HEADER, 32, format!("encryption ({method})")));
        }
        if header.has(EXTERNAL_DATA) {
            let name = self.extensions.data_file_name.as_deref().unwrap_or("without a name");
            let what = format!("a disk in an external data file ({name}), which is not opened,");
            return Err(Error::unsupported(HEADER, 72, what));
        }
        if let Qcow2Compression::Unknown(kind) = header.compression {
            return Err(Error::unsupported(HEADER, 104, format!("compression type {kind}")));
        }
        header.check_compression()?;
        header.check_l1(self.image.len())?;
        Ok(Arc::new(Disk::new(Arc::clone(&self.image), header)))
    }

    /// Whether a walk over all tables may take more than 8 MiB of memory: for each cluster it counts the references,
    /// and a cluster may be a table.
    pub(super) fn is_large(&self) -> bool {
        let clusters = self.image.len().div_ceil(self.header.geometry.cluster_size());
        clusters > MAX_CLUSTERS_BESIDE
    }

    /// Walks all tables.
    pub(super) fn check_structure(&self) -> Qcow2Structure {
        if let Err(error) = self.check_features() {
            return Qcow2Structure::unchecked(Fact::unknown(HEADER, error.to_string()));
        }
        structure::check(&*self.image, &self.header, &self.extensions)
    }

    /// Unknown incompatible bits may change the meaning of everything (specification,
    /// `incompatible_features`).
    fn check_features(&self) -> Result<()> {
        let unknown = self.header.unknown_incompatible_bits();
        if unknown.is_empty() {
            return Ok(());
        }
        let named: Vec<String> = unknown
            .iter()
            .map(|&bit| match self.extensions.name_of(bit) {
                Some(name) => format!("{bit} ({name})"),
                None => bit.to_string(),
            })
            .collect();
        let what = format!("incompatible feature {}", named.join(", "));
        Err(Error::unsupported(HEADER, 72, what))
    }

    /// The backing file's name; the header made sure that it lies in the first cluster.
    fn backing_file(&self) -> Option<String> {
        let header = &self.header;
        (header.backing_file_offset != 0).then(|| {
            let length = usize::try_from(header.backing_file_size).unwrap_or(0);
            text(&up_to(&*self.image, header.backing_file_offset, length))
        })
    }
}
