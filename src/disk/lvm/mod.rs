//! LVM2: physical volumes, the metadata of their volume groups, and the logical volumes inside.
//!
//! Read are linear and striped segments, RAID 0, mirrors and RAID 1 by one leg that the metadata says
//! is complete, and the origins of snapshots. Everything else (thin, cache, VDO, RAID 4/5/6/10, the snapshots
//! themselves) is named and not read.
//!
//! Sources: LVM2, `lib/format_text/`; lvm(8).

mod logical_volume;
mod metadata_area;
mod mirror_log;
mod physical_volume;
mod raid_superblock;
#[cfg(test)]
mod tests;
mod text;
mod volume_group;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::logical_volume::{Failure, Mapper, missing_reason};
pub(super) use self::physical_volume::dashed;
use self::volume_group::VolumeGroup;
use super::facts::{ContainerFacts, LogicalVolumeFacts, PhysicalVolumeFacts, VolumeGroupFacts};
use super::mapping::{Mapped, Unreadable};
use crate::bytes::Bytes;
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact, Unread, some_of};

/// LVM's CRC-32 starts from this value (`INITIAL_CRC`, `lib/misc/crc.h`) and is not inverted.
const INITIAL_CRC: u32 = 0xf597_a6cf;

/// Most bytes of metadata text that are read from one disk. Copies of the same text count once.
const MAX_TEXTS: usize = 16 << 20;

/// CRC-32 as LVM computes it.
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(!INITIAL_CRC);
    hasher.update(bytes);
    !hasher.finalize()
}

/// The physical volumes of one disk and the groups that they belong to.
#[derive(Default)]
pub(super) struct Lvm {
    physical: Vec<Physical>,
    /// By UUID.
    groups: BTreeMap<String, Group>,
    /// Which group each text is of, and its seqno, by checksum and length.
    texts: BTreeMap<(u32, usize), Result<(String, u64)>>,
    text_bytes: usize,
    /// The values of these texts.
    values: usize,
}

/// A physical volume on this disk.
struct Physical {
    volume: usize,
    name: String,
    bytes: Arc<dyn Bytes>,
    /// Its UUID; or why its header cannot be read.
    uuid: Result<String>,
    /// Whether a metadata area could be read, whatever it holds.
    has_area: bool,
    damage: Option<Error>,
}

/// A group by the newest text that was found of it.
struct Group {
    newest: VolumeGroup,
    notes: Vec<Evidence>,
    /// Where each text was found, with its seqno.
    copies: Vec<(String, u64)>,
    is_opened: bool,
}

/// A group that was taken apart.
pub(super) struct Opened {
    pub(super) facts: VolumeGroupFacts,
    /// The index in [`VolumeGroupFacts::logical_volumes`] of each that becomes a volume, with its
    /// bytes, or the reason why they cannot be read.
    pub(super) volumes: Vec<(usize, Mapped)>,
}

impl Lvm {
    /// Takes a physical volume in: reads its header and metadata areas.
    pub(super) fn add(&mut self, volume: usize, name: &str, bytes: &Arc<dyn Bytes>) {
        let mut physical = Physical {
            volume,
            name: name.to_owned(),
            bytes: Arc::clone(bytes),
            uuid: Err(Error::corrupt("LVM2 label", 0, "a header", "none")),
            has_area: false,
            damage: None,
        };
        match physical_volume::read(bytes.as_ref()) {
            Err(error) => physical.uuid = Err(error),
            Ok(header) => {
                for (offset, size) in header.metadata_areas {
                    let place = format!("{name}, LVM2 metadata area at byte {offset}");
                    match self.area(bytes.as_ref(), offset, size, &place) {
                        Ok(()) => physical.has_area = true,
                        Err(error) => {
                            physical.damage.get_or_insert(error);
                        }
                    }
                }
                physical.uuid = Ok(header.uuid);
            }
        }
        self.physical.push(physical);
    }

    /// Reads one metadata area.
    fn area(&mut self, volume: &dyn Bytes, offset: u64, size: u64, place: &str) -> Result<()> {
        let Some(text) = metadata_area::read(volume, offset, size)? else { return Ok(()) };
        let key = (text.checksum, text.bytes.len());
        if !self.texts.contains_key(&key) {
            self.text_bytes = self.text_bytes.saturating_add(text.bytes.len());
            if self.text_bytes > MAX_TEXTS {
                return Err(Error::too_much("LVM2 metadata", MAX_TEXTS, "bytes"));
            }
            let read = volume_group::read(&text.bytes, &mut self.values);
            let of = read.map(|group| {
                let of = (group.uuid.clone(), group.seqno);
                self.keep(group);
                of
            });
            self.texts.insert(key, of);
        }
        let (uuid, seqno) = match self.texts.get(&key) {
            Some(of) => of.clone()?,
            None => return Ok(()),
        };
        if let Some(group) = self.groups.get_mut(&uuid) {
            group.copies.push((place.to_owned(), seqno));
        }
        Ok(())
    }

    /// Keeps a group if it is the newest of its UUID.
    fn keep(&mut self, group: VolumeGroup) {
        match self.groups.get_mut(&group.uuid) {
            None => {
                let uuid = group.uuid.clone();
                let (notes, copies) = (Vec::new(), Vec::new());
                self.groups.insert(uuid, Group { newest: group, notes, copies, is_opened: false });
            }
            Some(kept) if kept.newest.seqno < group.seqno && !kept.is_opened => {
                kept.newest = group;
            }
            Some(kept) if kept.newest.seqno == group.seqno => kept.notes.push(Evidence::new(
                format!("volume group {}", group.name),
                format!("two different texts of seqno {}", group.seqno),
            )),
            Some(_) => {}
        }
    }

    /// Takes the next group apart: one whose physical volumes are all here, or any.
    pub(super) fn open(&mut self, must_be_complete: bool) -> Option<Opened> {
        let present = self.present();
        let group = self.groups.values_mut().find(|group| {
            let mut pvs = group.newest.physical_volumes.values();
            !group.is_opened
                && (!must_be_complete
                    || pvs.all(|pv| !pv.is_missing && present.contains_key(&pv.uuid)))
        })?;
        group.is_opened = true;
        let newest = &group.newest;
        let mut facts = VolumeGroupFacts {
            name: newest.name.clone(),
            uuid: newest.uuid.clone(),
            seqno: newest.seqno,
            physical_volumes: Vec::new(),
            logical_volumes: Vec::new(),
            exported: newest.is_exported,
            system_id: newest.system_id.clone(),
            notes: group.notes.clone(),
        };
        for (place, seqno) in &group.copies {
            if *seqno != newest.seqno {
                let detail = format!("seqno {seqno}, the newest has {}", newest.seqno);
                facts.notes.push(Evidence::new(place.clone(), detail));
            }
        }
        let mut bytes = BTreeMap::new();
        for pv in newest.physical_volumes.values() {
            let index = present.get(&pv.uuid).filter(|_| !pv.is_missing);
            let physical = index.and_then(|index| self.physical.get(*index));
            if let Some(physical) = physical {
                bytes.insert(pv.uuid.clone(), Arc::clone(&physical.bytes));
                if let Some(damage) = &physical.damage {
                    facts.notes.push(Evidence::new(physical.name.clone(), damage.to_string()));
                }
            }
            if pv.is_missing {
                let place = format!("volume group {}", newest.name);
                facts.notes.push(Evidence::new(place, format!("{} is marked MISSING", pv.uuid)));
            }
            facts.physical_volumes.push(PhysicalVolumeFacts {
                uuid: pv.uuid.clone(),
                volume: physical.map(|physical| physical.volume),
                device: pv.device.clone(),
                size: pv.size,
            });
        }
        let mut mapper = Mapper::new(newest, &bytes);
        let mut volumes = Vec::new();
        for (name, volume) in &newest.logical_volumes {
            let segments = volume.segments.as_deref().unwrap_or_default();
            let mut segment_types: Vec<String> =
                segments.iter().map(|segment| segment.kind.name().to_owned()).collect();
            segment_types.sort_unstable();
            segment_types.dedup();
            let segment_types = some_of(segment_types);
            let size = volume.extents().saturating_mul(newest.extent_size);
            let mut missing_pvs = Vec::new();
            let visible = mapper.is_visible(name);
            if visible && !segments.iter().any(|segment| segment.kind.is_pool()) {
                let mapped = mapper.visible(name).map_err(|Failure { error, missing }| {
                    let error = match error {
                        Error::Unreadable { .. } => all_missing(newest, &missing).unwrap_or(error),
                        other => other,
                    };
                    missing_pvs.extend(missing);
                    Unreadable { len: size, error }
                });
                volumes.push((facts.logical_volumes.len(), mapped));
            }
            facts.logical_volumes.push(LogicalVolumeFacts {
                name: name.clone(),
                uuid: volume.uuid.clone(),
                visible,
                size,
                segment_types,
                missing_pvs,
                volume: None,
            });
        }
        Some(Opened { facts, volumes })
    }

    /// The physical volumes here by their UUIDs; of two with one UUID the first.
    fn present(&self) -> BTreeMap<String, usize> {
        let mut present = BTreeMap::new();
        for (index, physical) in self.physical.iter().enumerate() {
            if let Ok(uuid) = &physical.uuid {
                present.entry(uuid.clone()).or_insert(index);
            }
        }
        present
    }

    /// What became of each physical volume, once no group is left to be opened.
    pub(super) fn containers(&self) -> Vec<ContainerFacts> {
        let present = self.present();
        let of = |(index, physical): (usize, &Physical)| {
            let reason = match (&physical.uuid, &physical.damage) {
                (Err(error), _) => Some(error.to_string()),
                (Ok(uuid), _) if present.get(uuid) != Some(&index) => {
                    Some(format!("another volume has the same PV UUID {uuid}"))
                }
                (Ok(uuid), _) if self.is_listed(uuid) => None,
                (Ok(_), Some(damage)) => Some(damage.to_string()),
                // An area without text: it belongs to no group.
                (Ok(_), None) if physical.has_area => None,
                (Ok(_), None) => {
                    Some("it has no metadata, and no group in this image has it".to_owned())
                }
            };
            let opened = reason.map_or(Fact::Known(()), |reason| {
                Fact::Unknown(Unread::new(format!("{} (LVM2_member)", physical.name), reason))
            });
            ContainerFacts { volume: physical.volume, opened }
        };
        self.physical.iter().enumerate().map(of).collect()
    }

    /// Whether a group has the physical volume.
    fn is_listed(&self, uuid: &str) -> bool {
        self.groups
            .values()
            .any(|group| group.newest.physical_volumes.values().any(|pv| pv.uuid == uuid))
    }
}

/// Names every physical volume that is missing, where that is the reason.
fn all_missing(group: &VolumeGroup, missing: &std::collections::BTreeSet<String>) -> Option<Error> {
    let reasons: Vec<String> = group
        .physical_volumes
        .values()
        .filter(|pv| missing.contains(&pv.uuid))
        .map(|pv| missing_reason(&pv.uuid, pv.device.as_deref()))
        .collect();
    let path = format!("volume group {}", group.name);
    (!reasons.is_empty()).then(|| Error::Unreadable { path, reason: reasons.join("; ") })
}
