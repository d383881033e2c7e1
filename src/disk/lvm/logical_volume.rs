//! The bytes of logical volumes, put together from the segments of their group.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::volume_group::{Area, SegmentKind, VolumeGroup};
use super::{mirror_log, raid_superblock};
use crate::bytes::{Bytes, Part};
use crate::disk::mapping::{Concat, Striped, Zeros};
use crate::error::{Error, Result};

/// Most volumes on top of each other. LVM stacks a cache on RAID on integrity on striped images.
const MAX_LAYERS: u32 = 8;

/// Most missing physical volumes that are named for one volume: every volume on top of it repeats
/// them.
const MAX_MISSING: usize = 16;

/// Most characters of a name that errors repeat.
const MAX_SHOWN: usize = 64;

/// Why a volume cannot be read.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) error: Error,
    /// The UUIDs of the physical volumes that are missing, the first [`MAX_MISSING`] of them.
    pub(super) missing: BTreeSet<String>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, missing: BTreeSet::new() }
    }
}

type Mapped = std::result::Result<Arc<dyn Bytes>, Failure>;

/// What a segment covers, and how many volumes it lies below.
#[derive(Clone, Copy)]
struct Whole {
    extents: u64,
    len: u64,
    layer: u32,
}

/// Puts the logical volumes of one group together, each once.
pub(super) struct Mapper<'a> {
    group: &'a VolumeGroup,
    /// The bytes of the physical volumes by their UUIDs; those that are missing are not in it.
    physical: &'a BTreeMap<String, Arc<dyn Bytes>>,
    done: BTreeMap<&'a str, Mapped>,
    /// Stores of snapshots, and origins that are being changed, with the reason why each cannot be
    /// read.
    snapshots: BTreeMap<&'a str, String>,
}

impl<'a> Mapper<'a> {
    pub(super) fn new(
        group: &'a VolumeGroup,
        physical: &'a BTreeMap<String, Arc<dyn Bytes>>,
    ) -> Self {
        let mut snapshots = BTreeMap::new();
        for volume in group.logical_volumes.values() {
            for segment in volume.segments.iter().flatten() {
                if let SegmentKind::Snapshot { origin, store, is_merging } = &segment.kind {
                    snapshots.insert(store.as_str(), format!("a snapshot of {origin}"));
                    if *is_merging {
                        let why = format!("a volume into which the snapshot {store} is merged");
                        snapshots.insert(origin.as_str(), why);
                    }
                }
            }
        }
        Self { group, physical, done: BTreeMap::new(), snapshots }
    }

    /// Whether users see the volume. A snapshot is seen although its store is not marked as visible
    /// (`lv_is_visible`, `lib/metadata/snapshot_manip.c`).
    pub(super) fn is_visible(&self, name: &str) -> bool {
        let is_marked = self.group.logical_volumes.get(name).is_some_and(|lv| lv.is_visible);
        is_marked || self.snapshots.contains_key(name)
    }

    /// The bytes of a visible volume.
    pub(super) fn visible(&mut self, name: &'a str) -> Mapped {
        match self.snapshots.get(name) {
            Some(why) => Err(Error::unsupported("LVM2 logical volume", 0, why.clone()).into()),
            None => self.volume(name, 0),
        }
    }

    fn volume(&mut self, name: &'a str, layer: u32) -> Mapped {
        if let Some(done) = self.done.get(name) {
            return done.clone();
        }
        if layer > MAX_LAYERS {
            let limit = u64::from(MAX_LAYERS);
            let unit = "volumes on top of each other";
            return Err(Error::Limit { structure: "LVM2 logical volume", limit, unit }.into());
        }
        // Whoever comes here again before the volume is done has come from itself.
        let found = format!("{name} as a part of itself");
        let itself = Error::corrupt("LVM2 logical volume", 0, "volumes made of others", found);
        self.done.insert(name, Err(itself.into()));
        let mapped = self.segments(name, layer);
        self.done.insert(name, mapped.clone());
        mapped
    }

    fn segments(&mut self, name: &'a str, layer: u32) -> Mapped {
        let group = self.group;
        let volume = group.logical_volumes.get(name).ok_or_else(|| {
            let shown: String = name.chars().take(MAX_SHOWN).collect();
            Error::corrupt("LVM2 segment", 0, "a volume of the group", format!("{shown:?}"))
        })?;
        let segments = volume.segments.as_ref().map_err(Clone::clone)?;
        let mut whole = Concat::default();
        let mut failure: Option<Failure> = None;
        for segment in segments {
            let result = self.bytes_of(segment.extents).map_err(Failure::from).and_then(|len| {
                let bytes = self.segment(&segment.kind, segment.extents, len, layer)?;
                if whole.push(bytes, len) { Ok(()) } else { Err(too_long(segment.extents).into()) }
            });
            if let Err(found) = result {
                merge(&mut failure, found);
            }
        }
        match failure {
            None => Ok(Arc::new(whole)),
            Some(failure) => Err(failure),
        }
    }

    fn bytes_of(&self, extents: u64) -> Result<u64> {
        extents.checked_mul(self.group.extent_size).ok_or_else(|| too_long(extents))
    }

    fn segment(&mut self, kind: &'a SegmentKind, extents: u64, len: u64, layer: u32) -> Mapped {
        match kind {
            SegmentKind::Striped { stripe_size, areas } => {
                let each = share(extents, areas.len())?;
                let parts = areas.iter().map(|area| self.area(area, each, layer)).collect();
                striped(all(parts)?, *stripe_size, len)
            }
            SegmentKind::Raid0 { stripe_size, images } => {
                let each = share(extents, images.len())?;
                let parts = images.iter().map(|image| self.part(image, 0, each, layer)).collect();
                striped(all(parts)?, *stripe_size, len)
            }
            SegmentKind::Raid1 { legs } => {
                let legs = legs
                    .iter()
                    .map(|(meta, image)| raid_superblock::Leg {
                        superblock: self.volume(meta, layer.saturating_add(1)),
                        data: self.image(image, extents, layer),
                    })
                    .collect();
                raid_superblock::choose(legs)
            }
            SegmentKind::Mirror { legs, region_size, log } => {
                let whole = Whole { extents, len, layer };
                self.mirror(legs, *region_size, log.as_deref(), whole)
            }
            SegmentKind::Zero => Ok(Arc::new(Zeros(len))),
            SegmentKind::Snapshot { .. } | SegmentKind::Other(_) => {
                let what = format!("a segment of type {}", kind.name());
                Err(Error::unsupported("LVM2 logical volume", 0, what).into())
            }
        }
    }

    /// Other legs are copied from the first one, so it is always in sync. Another one is where the
    /// log on the disk says so of every region.
    fn mirror(
        &mut self,
        legs: &'a [Area],
        region_size: u64,
        log: Option<&'a str>,
        Whole { extents, len, layer }: Whole,
    ) -> Mapped {
        let mut failure = None;
        for (number, leg) in legs.iter().enumerate() {
            match self.area(leg, extents, layer) {
                Ok(bytes) if number == 0 => return Ok(bytes),
                Ok(bytes) => {
                    let in_sync = match log {
                        None => Err("is kept in memory alone".to_owned()),
                        Some(log) => match self.volume(log, layer.saturating_add(1)) {
                            Ok(log) => mirror_log::is_in_sync(log.as_ref(), region_size, len)
                                .map_err(|error| format!("cannot be read ({error})"))
                                .and_then(|yes| if yes { Ok(()) } else { Err(not_in_sync()) }),
                            Err(Failure { error, missing }) => {
                                let why = format!("cannot be read ({error})");
                                merge(&mut failure, Failure { error, missing });
                                Err(why)
                            }
                        },
                    };
                    let Err(why) = in_sync else { return Ok(bytes) };
                    let what = format!("leg {number} of a mirror without leg 0 whose log {why}");
                    let error = Error::unsupported("LVM2 segment", 0, what);
                    let missing = failure.map(|failure| failure.missing).unwrap_or_default();
                    return Err(Failure { error, missing });
                }
                Err(other) => merge(&mut failure, other),
            }
        }
        let none = || Error::corrupt("LVM2 segment", 0, "a leg", "none").into();
        Err(failure.unwrap_or_else(none))
    }

    /// The data of one leg of a mirror.
    fn image(&mut self, name: &'a str, extents: u64, layer: u32) -> Mapped {
        if self.group.logical_volumes.get(name).is_some_and(|image| image.is_to_be_rebuilt) {
            let reason = "it is to be rebuilt".to_owned();
            return Err(Error::Unreadable { path: name.to_owned(), reason }.into());
        }
        self.part(name, 0, extents, layer)
    }

    /// Extents of a physical volume, or of a logical one.
    fn area(&mut self, area: &'a Area, extents: u64, layer: u32) -> Mapped {
        let Some(pv) = self.group.physical_volumes.get(&area.volume) else {
            return self.part(&area.volume, area.first, extents, layer);
        };
        let beyond = || {
            let (first, count) = (area.first, pv.pe_count);
            let found = format!("{extents} extents from {first} on");
            Error::corrupt("LVM2 segment", 0, format!("extents below {count}"), found)
        };
        let end = area.first.checked_add(extents);
        end.filter(|end| *end <= pv.pe_count).ok_or_else(beyond)?;
        let Some(bytes) = self.physical.get(&pv.uuid) else {
            return Err(Failure {
                error: Error::Unreadable {
                    path: self.group.name.clone(),
                    reason: missing_reason(&pv.uuid, pv.device.as_deref()),
                },
                missing: BTreeSet::from([pv.uuid.clone()]),
            });
        };
        let start = self.bytes_of(area.first)?.checked_add(pv.pe_start).ok_or_else(beyond)?;
        Ok(Arc::new(Part::new(Arc::clone(bytes), start, self.bytes_of(extents)?)))
    }

    /// Extents of a logical volume.
    fn part(&mut self, name: &'a str, first: u64, extents: u64, layer: u32) -> Mapped {
        let whole = self.volume(name, layer.saturating_add(1))?;
        let (start, len) = (self.bytes_of(first)?, self.bytes_of(extents)?);
        if start.checked_add(len).is_none_or(|end| end > whole.len()) {
            let found = format!("{extents} extents from {first} on");
            let expected = format!("extents of {name}");
            return Err(Error::corrupt("LVM2 segment", 0, expected, found).into());
        }
        Ok(Arc::new(Part::new(whole, start, len)))
    }
}

fn not_in_sync() -> String {
    "does not say that all its regions are in sync".to_owned()
}

/// Says that a physical volume is not there.
pub(super) fn missing_reason(uuid: &str, device: Option<&str>) -> String {
    let device = device.map_or_else(String::new, |device| format!(" (was {device})"));
    format!("its physical volume {uuid}{device} is not in this image")
}

fn too_long(extents: u64) -> Error {
    Error::corrupt("LVM2 segment", 0, "a size below 2^64 bytes", format!("{extents} extents"))
}

/// The extents of each of `count` areas.
fn share(extents: u64, count: usize) -> Result<u64> {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    let each = extents.checked_div(count).unwrap_or(0);
    if extents.checked_rem(count) != Some(0) {
        let expected = format!("a multiple of {count} extents");
        return Err(Error::corrupt("LVM2 segment", 0, expected, extents.to_string()));
    }
    Ok(each)
}

fn striped(parts: Vec<Arc<dyn Bytes>>, stripe_size: u64, len: u64) -> Mapped {
    if let [part] = parts.as_slice() {
        return Ok(Arc::clone(part));
    }
    match Striped::new(parts, stripe_size, len) {
        Some(striped) => Ok(Arc::new(striped)),
        None => Err(Error::corrupt("LVM2 segment", 0, "a stripe size over 0", "0").into()),
    }
}

/// All of the parts, or all that is missing for them.
fn all(parts: Vec<Mapped>) -> std::result::Result<Vec<Arc<dyn Bytes>>, Failure> {
    let mut failure = None;
    let mut found = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Ok(part) => found.push(part),
            Err(other) => merge(&mut failure, other),
        }
    }
    failure.map_or(Ok(found), Err)
}

/// Keeps the first error and all that is missing.
pub(super) fn merge(failure: &mut Option<Failure>, other: Failure) {
    match failure {
        Some(failure) => {
            failure.missing.extend(other.missing);
            while failure.missing.len() > MAX_MISSING {
                failure.missing.pop_last();
            }
        }
        None => *failure = Some(other),
    }
}
