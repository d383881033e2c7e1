//! Disks for tests: fixtures that real tools made, and sparse disks made sector by sector.
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::cast_possible_truncation)]

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Disk;
use crate::bytes::{Bytes, check_range};
use crate::error::Result;

/// A disk of which only the sectors that are not zero are kept.
#[derive(Clone)]
pub(super) struct Sparse {
    pub(super) size: u64,
    pub(super) sectors: BTreeMap<u64, [u8; 512]>,
}

impl Sparse {
    pub(super) fn new(size: u64) -> Self {
        Self { size, sectors: BTreeMap::new() }
    }

    /// A fixture under `testdata/disk`: zstd of the size, then offset and bytes of each sector.
    pub(super) fn fixture(name: &str) -> Self {
        let path = format!("{}/testdata/disk/{name}.zst", env!("CARGO_MANIFEST_DIR"));
        let packed = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let bytes = zstd::decode_all(packed.as_slice()).unwrap();
        let (size, rest) = bytes.split_first_chunk::<8>().unwrap();
        let mut disk = Self::new(u64::from_le_bytes(*size));
        for record in rest.as_chunks::<520>().0 {
            let (offset, sector) = record.split_first_chunk::<8>().unwrap();
            disk.sectors.insert(u64::from_le_bytes(*offset), sector.try_into().unwrap());
        }
        disk
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        for (index, &byte) in bytes.iter().enumerate() {
            let at = offset + index as u64;
            self.sectors.entry(at & !511).or_insert([0; 512])[(at & 511) as usize] = byte;
        }
    }

    pub(super) fn bytes(&self, offset: u64, len: usize) -> Vec<u8> {
        let mut buf = vec![0; len];
        self.read_at(offset, &mut buf).unwrap();
        buf
    }

    pub(super) fn read(&self) -> Disk {
        Disk::read(Arc::new(self.clone()))
    }

    /// Writes the checksums of a GPT header in the sector at `offset` anew.
    pub(super) fn sum_gpt(&mut self, offset: u64, sector_size: u64) {
        let mut header = self.bytes(offset, 92);
        let field = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().unwrap());
        let len = u64::from(field(80)) * u64::from(field(84));
        let lba = u64::from_le_bytes(header[72..80].try_into().unwrap());
        if len < 1 << 20 && lba.saturating_mul(sector_size) < self.size - len {
            let array = self.bytes(lba * sector_size, len as usize);
            header[88..92].copy_from_slice(&crc32fast::hash(&array).to_le_bytes());
        }
        header[16..20].fill(0);
        let crc = crc32fast::hash(&header);
        header[16..20].copy_from_slice(&crc.to_le_bytes());
        self.write(offset, &header);
    }
}

impl Bytes for Sparse {
    fn len(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let end = check_range(self.size, offset, buf.len())?;
        buf.fill(0);
        for (&at, sector) in self.sectors.range(offset & !511..end) {
            for (index, &byte) in sector.iter().enumerate() {
                let at = at + index as u64;
                if (offset..end).contains(&at) {
                    buf[(at - offset) as usize] = byte;
                }
            }
        }
        Ok(())
    }
}
