//! The value of an attribute: in its record, in clusters, compressed.

use std::sync::Arc;

use super::attribute::{Form, NonResident};
use super::boot_sector::BootSector;
use super::file_record::FileRecord;
use super::runs::Runs;
use super::volume::Volume;
use super::{attribute_list, lznt1};
use crate::bytes::{Bytes, BytesExt, check_range};
use crate::decompressed::Cache;
use crate::error::{Error, Result};
use crate::filesystem::Budget;

/// Longest compression unit in bytes (Windows: 16 clusters of at most 4 KiB).
const MAX_UNIT: u64 = 64 << 10;

/// What an attribute record that is passed over counts in the budget, in bytes: an image may have a
/// record of the least ones gone through for each of the ten thousand entries of a list.
const ATTRIBUTE_COST: u64 = 128;

/// The value of the attribute with that type and name (UTF-16, little-endian) of a file; `None`
/// when the file has none.
///
/// # Errors
/// [`Error::Corrupt`] when its records contradict one another; [`Error::Unsupported`] when it is
/// encrypted or compressed in a way that Windows does not write.
pub(super) fn open(
    volume: &Volume,
    record: &FileRecord,
    kind: u32,
    name: &[u8],
) -> Result<Option<Arc<dyn Bytes>>> {
    gather(volume, record, kind, name)?.finish(volume, record)
}

/// How NTFS stores the value of that attribute: see [`crate::filesystem::FileSystem::stored_as`].
///
/// # Errors
/// As [`open`].
pub(super) fn stored_as(
    volume: &Volume,
    record: &FileRecord,
    kind: u32,
    name: &[u8],
) -> Result<Option<&'static str>> {
    let shape = gather(volume, record, kind, name)?.shape;
    Ok(shape.and_then(|shape| match shape {
        Shape { encrypted: true, .. } => Some("encrypted"),
        Shape { compression_unit: Some(_), .. } => Some("compressed"),
        _ => None,
    }))
}

fn gather(volume: &Volume, record: &FileRecord, kind: u32, name: &[u8]) -> Result<Gathered> {
    let mut gathered = Gathered::default();
    match attribute_list::read(volume, record)? {
        None => gathered.take(volume, record, kind, name, None)?,
        Some(list) => {
            let mut before = None;
            for entry in list.iter().filter(|entry| entry.is(kind, name)) {
                // Each must map more: else as many as the list has room for may name one record.
                if before.is_some_and(|before| entry.lowest_vcn <= before) {
                    let expected = format!("VCNs that ascend in the list of attribute {kind:#x}");
                    return Err(record.corrupt(expected, entry.lowest_vcn.to_string()));
                }
                before = Some(entry.lowest_vcn);
                let place = Some((entry.lowest_vcn, entry.instance));
                if entry.reference.number() == record.reference.number() {
                    gathered.take(volume, record, kind, name, place)?;
                } else {
                    let extension = volume.record(entry.reference)?;
                    let base = extension.base.map(|base| base.number());
                    if base != Some(record.reference.number()) {
                        let expected = format!("record {}", record.reference.number());
                        return Err(extension.corrupt(expected, format!("base {base:?}")));
                    }
                    gathered.take(volume, &extension, kind, name, place)?;
                }
            }
        }
    }
    Ok(gathered)
}

/// What the records of a file say of one value so far.
#[derive(Default)]
struct Gathered {
    resident: Option<Vec<u8>>,
    runs: Runs,
    shape: Option<Shape>,
}

/// What the first record of a value in clusters says of it.
#[derive(Debug, Clone, Copy)]
struct Shape {
    len: u64,
    valid: u64,
    compression_unit: Option<u8>,
    encrypted: bool,
    offset: u64,
}

impl Gathered {
    fn take(
        &mut self,
        volume: &Volume,
        record: &FileRecord,
        kind: u32,
        name: &[u8],
        place: Option<(u64, u16)>,
    ) -> Result<()> {
        for attribute in record.attributes() {
            volume.spend(ATTRIBUTE_COST)?;
            let attribute = attribute?;
            if !attribute.is(kind, name)
                || place.is_some_and(|(_, instance)| instance != attribute.instance)
            {
                continue;
            }
            match attribute.form {
                Form::Resident(value) => self.resident = Some(value.to_vec()),
                Form::NonResident(header) => {
                    self.runs.extend(&volume.boot, &attribute.s, &header)?;
                    if header.lowest_vcn == 0 {
                        self.shape = Some(Shape {
                            len: header.data_size,
                            valid: header.valid_data_length,
                            compression_unit: header.compression_unit,
                            encrypted: header.encrypted,
                            offset: attribute.s.offset,
                        });
                    }
                }
            }
            return Ok(());
        }
        match place {
            None => Ok(()),
            Some((vcn, instance)) => Err(record.corrupt(
                format!("attribute {kind:#x}, number {instance}, of VCN {vcn}"),
                "no such attribute",
            )),
        }
    }

    fn finish(self, volume: &Volume, record: &FileRecord) -> Result<Option<Arc<dyn Bytes>>> {
        if let Some(value) = self.resident {
            return Ok(Some(Arc::new(value)));
        }
        let Some(shape) = self.shape else { return Ok(None) };
        let unsupported =
            |what: String| Error::unsupported("NTFS attribute record", shape.offset, what);
        if shape.encrypted {
            return Err(unsupported("a file encrypted by EFS".to_owned()));
        }
        let boot = &volume.boot;
        let mapped = self.runs.end().saturating_mul(boot.cluster_size);
        if shape.len > mapped || shape.valid > shape.len {
            let expected = format!("at most the {mapped} bytes of its clusters");
            let found = format!("{} bytes, {} of them valid", shape.len, shape.valid);
            return Err(record.corrupt(expected, found));
        }
        let unit = match shape.compression_unit {
            None | Some(0) => None,
            Some(exponent) => {
                let unit = boot.cluster_size.checked_shl(u32::from(exponent));
                let unit = unit.filter(|unit| exponent < 32 && *unit <= MAX_UNIT);
                Some(unit.ok_or_else(|| unsupported(format!("2^{exponent} clusters together")))?)
            }
        };
        let content = Content {
            volume: Arc::clone(&volume.bytes),
            boot: boot.clone(),
            runs: self.runs,
            len: shape.len,
            valid: shape.valid,
        };
        Ok(Some(match unit {
            None => Arc::new(content),
            Some(unit) => {
                let units = Units::new(unit, &volume.budget);
                Arc::new(Compressed { content, units })
            }
        }))
    }
}

/// A value that lies in clusters as it is.
pub(super) struct Content {
    volume: Arc<dyn Bytes>,
    boot: BootSector,
    runs: Runs,
    len: u64,
    /// Length of what was ever written; the rest reads as zero.
    valid: u64,
}

impl Content {
    /// A value that one attribute record maps as a whole.
    pub(super) fn plain(volume: &Volume, runs: Runs, header: &NonResident<'_>) -> Self {
        Self {
            volume: Arc::clone(&volume.bytes),
            boot: volume.boot.clone(),
            runs,
            len: header.data_size,
            valid: header.valid_data_length,
        }
    }

    /// Where byte `offset` lies in the volume (`None`: it reads as zero), and how many bytes go on
    /// from there.
    fn piece(&self, offset: u64) -> Result<(Option<u64>, u64)> {
        let Some(written) = self.valid.checked_sub(offset).filter(|written| *written > 0) else {
            return Ok((None, self.len.saturating_sub(offset)));
        };
        let cluster = self.boot.cluster_size;
        let run = self.runs.at(offset.checked_div(cluster).unwrap_or(0)).ok_or_else(|| {
            Error::corrupt("NTFS mapping pairs", offset, "a run for this byte of the file", "none")
        })?;
        let within = offset.saturating_sub(run.vcn.saturating_mul(cluster));
        let left = run.len.saturating_mul(cluster).saturating_sub(within);
        let place = run.lcn.map(|lcn| self.boot.byte_of(lcn).saturating_add(within));
        Ok((place, left.min(if place.is_some() { written } else { u64::MAX })))
    }
}

impl Bytes for Content {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        check_range(self.len, offset, buf.len())?;
        let mut offset = offset;
        let mut rest = buf;
        while !rest.is_empty() {
            let (place, left) = self.piece(offset)?;
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
            let Some((now, later)) = rest.split_at_mut_checked(count) else { break };
            match place {
                Some(place) => self.volume.read_at(place, now)?,
                None => now.fill(0),
            }
            offset = offset.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
            rest = later;
        }
        Ok(())
    }

    fn slice(&self, offset: u64, len: usize) -> Option<&[u8]> {
        check_range(self.len, offset, len).ok()?;
        let (place, left) = self.piece(offset).ok()?;
        (u64::try_from(len).ok()? <= left).then_some(())?;
        self.volume.slice(place?, len)
    }

    fn zeroes_at(&self, offset: u64) -> u64 {
        let left = self.len.saturating_sub(offset);
        match self.piece(offset) {
            Ok((None, len)) => len.min(left),
            Ok((Some(place), len)) => self.volume.zeroes_at(place).min(len).min(left),
            Err(_) => 0,
        }
    }
}

/// A value that is compressed by units: each is stored as it is, not at all (zeros), or compressed
/// in fewer clusters than it has, the rest of which are in no run.
struct Compressed {
    content: Content,
    units: Units,
}

impl Compressed {
    /// The unit that begins at byte `start` of the value, as long as the value goes on.
    fn unit_at(&self, start: u64) -> Result<Vec<u8>> {
        let content = &self.content;
        let cluster = content.boot.cluster_size;
        let len = self.units.len.min(content.len.saturating_sub(start));
        let mut whole = vec![0; usize::try_from(len).unwrap_or(0)];
        if start >= content.valid {
            return Ok(whole);
        }
        let mut stored = Vec::new();
        let mut at = start;
        while at < start.saturating_add(self.units.len) {
            // Not `piece`: the compressed bytes may go on behind what is valid of the value.
            let vcn = at.checked_div(cluster).unwrap_or(0);
            let Some(run) = content.runs.at(vcn) else { break };
            let Some(lcn) = run.lcn else { break };
            let within = vcn.saturating_sub(run.vcn);
            let place = content.boot.byte_of(lcn.saturating_add(within));
            let left = run.len.saturating_sub(within).saturating_mul(cluster);
            let count = left.min(start.saturating_add(self.units.len).saturating_sub(at));
            let count = usize::try_from(count).unwrap_or(0);
            stored.extend(content.volume.vec(place, count)?);
            at = at
                .saturating_add(u64::try_from(count).unwrap_or(u64::MAX))
                .max(at.saturating_add(1));
        }
        if stored.is_empty() {
            return Ok(whole);
        }
        if u64::try_from(stored.len()).is_ok_and(|stored| stored >= self.units.len) {
            stored.truncate(whole.len());
            whole = stored;
        } else {
            lznt1::decompress(&stored, &mut whole, start)?;
        }
        let written = usize::try_from(content.valid.saturating_sub(start)).unwrap_or(usize::MAX);
        if let Some(behind) = whole.get_mut(written..) {
            behind.fill(0);
        }
        Ok(whole)
    }
}

impl Bytes for Compressed {
    fn len(&self) -> u64 {
        self.content.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.units.read(self.content.len, offset, buf, &|start| self.unit_at(start))
    }
}

/// Most decompressed bytes of a value that are kept: a file is read in small parts, and a hive cell by
/// cell.
const MAX_KEPT_BYTES: usize = 4 << 20;

/// How a value that comes in units is read.
pub(super) struct Units {
    /// Length of a unit in bytes.
    pub(super) len: u64,
    /// By the byte of the value at which they begin.
    cache: Cache<u64>,
    budget: Arc<Budget>,
}

impl Units {
    pub(super) fn new(len: u64, budget: &Arc<Budget>) -> Self {
        let unit = usize::try_from(len).unwrap_or(usize::MAX);
        Self { len, cache: Cache::new(unit, MAX_KEPT_BYTES), budget: Arc::clone(budget) }
    }

    /// Fills `buf` from byte `offset` on of a value of `len` bytes, of which `at` gives the unit that
    /// begins there.
    pub(super) fn read(
        &self,
        len: u64,
        offset: u64,
        buf: &mut [u8],
        at: &dyn Fn(u64) -> Result<Vec<u8>>,
    ) -> Result<()> {
        check_range(len, offset, buf.len())?;
        let mut offset = offset;
        let mut rest = buf;
        while !rest.is_empty() {
            let within = offset.checked_rem(self.len).unwrap_or(0);
            let start = offset.saturating_sub(within);
            let made =
                usize::try_from(self.len.min(len.saturating_sub(start))).unwrap_or(usize::MAX);
            let within = usize::try_from(within).unwrap_or(usize::MAX);
            let count = made.saturating_sub(within).min(rest.len());
            let waste = &self.budget.decompressed;
            let whole = self.cache.unit(start, waste, (made, count), || at(start))?;
            let part = whole.get(within..).and_then(|behind| behind.get(..count));
            let part = part.filter(|part| !part.is_empty()).ok_or_else(|| {
                Error::corrupt("compression unit", start, "bytes of the file", "its end")
            })?;
            let Some((now, later)) = rest.split_at_mut_checked(count) else { break };
            now.copy_from_slice(part);
            offset = offset.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
            rest = later;
        }
        Ok(())
    }
}
