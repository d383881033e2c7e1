//! Mapping pairs: which clusters hold a value.
//!
//! Source: Microsoft, *Master File Table*: `ATTRIBUTE_RECORD_HEADER`, "mapping pairs".

use super::attribute::NonResident;
use super::boot_sector::BootSector;
use crate::error::{Error, Result};
use crate::filesystem::structure::Structure;

/// Most runs of one value that are gathered (8 MiB of them): a value needs this many only when it
/// is scattered over as many places.
const MAX_RUNS: usize = 1 << 18;

/// Consecutive clusters of a value that lie in consecutive clusters of the volume, or in none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// First cluster of the value.
    pub(super) vcn: u64,
    /// First cluster of the volume; none where the value reads as zero.
    pub(super) lcn: Option<u64>,
    /// Number of clusters.
    pub(super) len: u64,
}

impl Run {
    /// The cluster of the value behind the last.
    pub(super) fn end(&self) -> u64 {
        self.vcn.saturating_add(self.len)
    }
}

/// The runs of a value, ascending and without gaps from its first cluster on.
#[derive(Debug, Default, Clone)]
pub(super) struct Runs(Vec<Run>);

impl Runs {
    /// Adds what one attribute record maps: it must begin where the runs end.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the pairs contradict the header or leave the volume.
    pub(super) fn extend(
        &mut self,
        boot: &BootSector,
        s: &Structure<'_>,
        header: &NonResident<'_>,
    ) -> Result<()> {
        let mut vcn = self.end();
        if header.lowest_vcn != vcn {
            return Err(s.corrupt(0x10, format!("VCN {vcn}"), header.lowest_vcn.to_string()));
        }
        let (mut pairs, at) = header.mapping_pairs;
        let mut lcn = 0_i64;
        while let Some((&head, rest)) = pairs.split_first() {
            if head == 0 {
                break;
            }
            let corrupt = |what: String| {
                let left = pairs.len();
                let whole = header.mapping_pairs.0.len();
                s.corrupt(at.saturating_add(whole.saturating_sub(left)), "a mapping pair", what)
            };
            let (length, place) = (usize::from(head & 0x0f), usize::from(head >> 4));
            let Some((pair, behind)) = rest.split_at_checked(length.saturating_add(place)) else {
                return Err(corrupt(format!("{head:#04x} at the end of the record")));
            };
            let (length, place) = pair.split_at(length.min(pair.len()));
            let len = number(length).and_then(|len| u64::try_from(len).ok()).filter(|len| *len > 0);
            let Some(len) = len else { return Err(corrupt(format!("a length of {length:?}"))) };
            let stored = if place.is_empty() {
                None
            } else {
                lcn = number(place)
                    .and_then(|delta| lcn.checked_add(delta))
                    .ok_or_else(|| corrupt(format!("a distance of {place:?}")))?;
                let inside = u64::try_from(lcn)
                    .ok()
                    .filter(|lcn| lcn.checked_add(len).is_some_and(|end| end <= boot.clusters));
                Some(inside.ok_or_else(|| {
                    corrupt(format!("{len} clusters from {lcn} in a volume of {}", boot.clusters))
                })?)
            };
            self.push(Run { vcn, lcn: stored, len })?;
            vcn = vcn.checked_add(len).ok_or_else(|| corrupt("a length past 2^64".to_owned()))?;
            pairs = behind;
        }
        if vcn != header.highest_vcn.wrapping_add(1) {
            let expected = format!("runs up to VCN {}", header.highest_vcn);
            return Err(s.corrupt(0x18, expected, format!("runs up to VCN {vcn}")));
        }
        Ok(())
    }

    /// Number of runs.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    fn push(&mut self, run: Run) -> Result<()> {
        if let (Some(last), None) = (self.0.last_mut(), run.lcn)
            && last.lcn.is_none()
        {
            last.len = last.len.saturating_add(run.len);
            return Ok(());
        }
        if self.0.len() >= MAX_RUNS {
            return Err(Error::too_much("NTFS mapping pairs", MAX_RUNS, "runs"));
        }
        self.0.push(run);
        Ok(())
    }

    /// The cluster of the value behind all runs.
    pub(super) fn end(&self) -> u64 {
        self.0.last().map_or(0, Run::end)
    }

    /// The run that holds a cluster of the value.
    pub(super) fn at(&self, vcn: u64) -> Option<Run> {
        let index = self.0.partition_point(|run| run.end() <= vcn);
        self.0.get(index).copied().filter(|run| run.vcn <= vcn)
    }
}

/// A little-endian signed number of up to eight bytes; 0 where there is none.
fn number(bytes: &[u8]) -> Option<i64> {
    let mut wide = [bytes.last().map_or(0, |last| if last & 0x80 == 0 { 0 } else { 0xff }); 8];
    wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(i64::from_le_bytes(wide))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_that_follow_one_another_are_one_run() {
        let raw = [0x01, 1, 0x01, 2, 0x11, 1, 5, 0x01, 1, 0];
        let header = NonResident {
            lowest_vcn: 0,
            highest_vcn: 4,
            data_size: 0,
            valid_data_length: 0,
            compression_unit: None,
            encrypted: false,
            mapping_pairs: (&raw, 0),
        };
        let boot =
            BootSector { cluster_size: 4096, clusters: 10, record_size: 1024, mft: 1, serial: 0 };
        let mut runs = Runs::default();
        runs.extend(&boot, &Structure::new("test", 0, &raw), &header).unwrap();
        let run = |vcn, lcn, len| Run { vcn, lcn, len };
        assert_eq!(runs.0, [run(0, None, 3), run(3, Some(5), 1), run(4, None, 1)]);
    }

    #[test]
    fn numbers_keep_their_sign() {
        assert_eq!(number(&[]), Some(0));
        assert_eq!(number(&[0x7f]), Some(127));
        assert_eq!(number(&[0x80]), Some(-128));
        assert_eq!(number(&[0x18, 0x01]), Some(0x118));
        assert_eq!(number(&[0xff; 8]), Some(-1));
        assert_eq!(number(&[0; 9]), None);
    }
}
