//! The volume: its clusters, and the master file table that finds every file record.

use std::sync::Arc;

use super::attribute::{Form, kind};
use super::attribute_list;
use super::boot_sector::BootSector;
use super::file_record::{FileRecord, Reference};
use super::runs::{Run, Runs};
use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};
use crate::filesystem::Budget;

/// The file record of the master file table itself.
const MFT: u64 = 0;

pub(super) struct Volume {
    pub(super) bytes: Arc<dyn Bytes>,
    pub(super) boot: BootSector,
    pub(super) budget: Arc<Budget>,
    mft: Runs,
    /// Length of the master file table in bytes.
    mft_len: u64,
}

impl Volume {
    /// Reads the boot sector and the map of the master file table.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when one of them contradicts itself.
    pub(super) fn open(bytes: Arc<dyn Bytes>, budget: Arc<Budget>) -> Result<Self> {
        let boot = BootSector::read(&*bytes)?;
        let mut volume = Self { bytes, boot, budget, mft: Runs::default(), mft_len: u64::MAX };
        let offset = volume.boot.byte_of(volume.boot.mft);
        let raw = volume.metadata(offset, volume.boot.record_size)?;
        let record = FileRecord::parse(raw, offset, Reference::any(MFT))?;
        let len = volume.map_mft(&record)?;
        // The table's further runs stand in records that the runs before them already map.
        for entry in attribute_list::read(&volume, &record)?.unwrap_or_default() {
            if entry.is(kind::DATA, &[]) && entry.lowest_vcn > 0 {
                if entry.reference.number() == MFT {
                    return Err(record.corrupt("one run list in the first record", "another"));
                }
                let extension = volume.record(entry.reference)?;
                volume.map_mft(&extension)?;
            }
        }
        volume.mft_len = len.ok_or_else(|| record.corrupt("the table's own $DATA", "none"))?;
        Ok(volume)
    }

    /// Adds what a record says of the table's clusters; gives the table's length where it stands.
    fn map_mft(&mut self, record: &FileRecord) -> Result<Option<u64>> {
        let mut len = None;
        for attribute in record.attributes() {
            let attribute = attribute?;
            if !attribute.is(kind::DATA, &[]) {
                continue;
            }
            let Form::NonResident(header) = attribute.form else {
                return Err(record.corrupt("$DATA in clusters", "$DATA in the record"));
            };
            let before = self.mft.len();
            self.mft.extend(&self.boot, &attribute.s, &header)?;
            let new = self.mft.len().saturating_sub(before).saturating_mul(size_of::<Run>());
            self.budget.keep(u64::try_from(new).unwrap_or(u64::MAX))?;
            if header.lowest_vcn == 0 {
                len = Some(header.data_size);
            }
        }
        Ok(len)
    }

    /// Reads `len` bytes of metadata, which count in the budget. `len` is bounded by the caller.
    pub(super) fn metadata(&self, offset: u64, len: u64) -> Result<Vec<u8>> {
        self.budget.spend(len)?;
        self.bytes.vec(offset, usize::try_from(len).unwrap_or(usize::MAX))
    }

    /// Counts metadata that is read in another way.
    pub(super) fn spend(&self, len: u64) -> Result<()> {
        self.budget.spend(len)
    }

    /// The file record that a reference names.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when there is none, it is torn, or was freed or used anew since.
    pub(super) fn record(&self, reference: Reference) -> Result<FileRecord> {
        let size = self.boot.record_size;
        let number = reference.number();
        let offset = self.record_offset(number).ok_or_else(|| {
            let expected = format!("a record of the {} bytes of the table", self.mft_len);
            Error::corrupt("NTFS file reference", number, expected, format!("record {number}"))
        })?;
        FileRecord::parse(self.metadata(offset, size)?, offset, reference)
    }

    /// Where a file record begins. One that is smaller than a cluster never crosses its end, and one
    /// that is larger begins with one and lies in a run as a whole.
    fn record_offset(&self, number: u64) -> Option<u64> {
        let size = self.boot.record_size;
        let start = number.checked_mul(size)?;
        if start.checked_add(size)? > self.mft_len {
            return None;
        }
        let cluster = self.boot.cluster_size;
        let run = self.mft.at(start.checked_div(cluster)?)?;
        let within = start.checked_sub(run.vcn.checked_mul(cluster)?)?;
        let left = run.len.saturating_mul(cluster).checked_sub(within)?;
        (left >= size).then_some(())?;
        run.lcn?.checked_mul(cluster)?.checked_add(within)
    }
}
