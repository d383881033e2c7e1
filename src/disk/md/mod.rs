//! Linux software RAID: arrays from the superblocks of their members.
//!
//! Read are RAID 1 by its newest member that is in sync, RAID 10 by one copy of each chunk, and RAID 0
//! and linear when all their members are on this disk. RAID 4, 5 and 6 are named and not read; DDF and
//! IMSM, whose metadata is the firmware's, are told by their signatures alone.
//!
//! Sources: Linux, `include/uapi/linux/raid/md_p.h`, `drivers/md/`; md(4), mdadm(8).

mod array;
mod raid10;
mod superblock;
#[cfg(test)]
mod tests;
mod version_0;
mod version_1;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::array::Member;
use self::superblock::Superblock;
use super::facts::{ArrayFacts, ArrayMemberFacts, ContainerFacts, Signature};
use super::mapping::{Mapped, Unreadable};
use crate::bytes::Bytes;
use crate::error::{Error, Result};
use crate::fact::{Fact, Unread};

/// Most slots of an array: those of version 1 that fit in its superblock.
const MAX_SLOTS: u32 = 1920;

/// The members of arrays on one disk.
#[derive(Default)]
pub(super) struct Md {
    devices: Vec<Device>,
    /// By their UUIDs.
    arrays: BTreeMap<String, Array>,
}

/// What is known of an array.
#[derive(Default)]
struct Array {
    /// Its members, as indexes of devices.
    members: Vec<usize>,
    is_opened: bool,
    /// How many members it had when it was found to lack some.
    lacking_with: usize,
}

struct Device {
    volume: usize,
    name: String,
    bytes: Arc<dyn Bytes>,
    superblock: Result<Superblock>,
}

/// An array that was put together.
pub(super) struct Opened {
    pub(super) facts: ArrayFacts,
    pub(super) bytes: Mapped,
}

impl Md {
    /// Takes a member in: reads its superblock, which `signature` tells the place of.
    pub(super) fn add(
        &mut self,
        volume: usize,
        name: &str,
        bytes: &Arc<dyn Bytes>,
        signature: &Signature,
    ) {
        let offset = signature.offset;
        let superblock = match signature.version.as_deref() {
            Some("0.90") => version_0::read(bytes.as_ref(), offset),
            Some("1.0") => version_1::read(bytes.as_ref(), offset, "1.0"),
            Some("1.1") => version_1::read(bytes.as_ref(), offset, "1.1"),
            _ => version_1::read(bytes.as_ref(), offset, "1.2"),
        };
        let superblock = superblock.and_then(|superblock| match superblock.raid_disks {
            0..=MAX_SLOTS => Ok(superblock),
            _ => Err(Error::Limit {
                structure: "md array",
                limit: u64::from(MAX_SLOTS),
                unit: "members",
            }),
        });
        if let Ok(superblock) = &superblock {
            let array = self.arrays.entry(superblock.uuid.clone()).or_default();
            array.members.push(self.devices.len());
        }
        self.devices.push(Device {
            volume,
            name: name.to_owned(),
            bytes: Arc::clone(bytes),
            superblock,
        });
    }

    /// Puts the next array together: one that has a member in every slot, or any.
    pub(super) fn open(&mut self, must_be_complete: bool) -> Option<Opened> {
        for array in self.arrays.values_mut().filter(|array| !array.is_opened) {
            if must_be_complete && array.lacking_with == array.members.len() {
                continue;
            }
            let devices = array.members.iter().filter_map(|index| {
                let device = self.devices.get(*index)?;
                Some((device, device.superblock.as_ref().ok()?))
            });
            let Some(opened) = together(&devices.collect::<Vec<_>>()) else { continue };
            if !must_be_complete || opened.facts.missing_slots.is_empty() {
                array.is_opened = true;
                return Some(opened);
            }
            array.lacking_with = array.members.len();
        }
        None
    }

    /// What became of each member.
    pub(super) fn containers(&self) -> Vec<ContainerFacts> {
        let of = |device: &Device| {
            let opened = match &device.superblock {
                Ok(_) => Fact::Known(()),
                Err(error) => Fact::Unknown(Unread::new(
                    format!("{} (linux_raid_member)", device.name),
                    error.to_string(),
                )),
            };
            ContainerFacts { volume: device.volume, opened }
        };
        self.devices.iter().map(of).collect()
    }
}

/// Puts members of one array together.
fn together(devices: &[(&Device, &Superblock)]) -> Option<Opened> {
    let newest = devices.iter().map(|(_, superblock)| *superblock).max_by_key(|sb| sb.events)?;
    let slots = usize::try_from(newest.raid_disks).unwrap_or(0);
    let mut members: Vec<Option<Member<'_>>> =
        std::iter::repeat_with(|| None).take(slots).collect();
    let mut facts = ArrayFacts {
        name: name(newest),
        set_name: newest.set_name.clone(),
        uuid: newest.uuid.clone(),
        level: array::level_name(newest.level),
        metadata: newest.metadata.to_owned(),
        raid_disks: newest.raid_disks,
        members: Vec::new(),
        missing_slots: Vec::new(),
        incomplete: false,
        volume: None,
    };
    for (device, superblock) in devices {
        let in_sync = in_sync(superblock, newest);
        let slot = superblock.slot.and_then(|slot| usize::try_from(slot).ok());
        if let (Ok(()), Some(place)) = (in_sync, slot.and_then(|slot| members.get_mut(slot))) {
            place.get_or_insert(Member { superblock, bytes: &device.bytes });
        }
        facts.members.push(ArrayMemberFacts {
            volume: device.volume,
            slot: superblock.slot,
            events: superblock.events,
            in_sync: match in_sync {
                Ok(()) => Fact::Known(()),
                Err(reason) => Fact::unknown(device.name.clone(), reason),
            },
        });
    }
    let empty = (0_u32..).zip(&members).filter(|(_, member)| member.is_none());
    facts.missing_slots = empty.map(|(slot, _)| slot).collect();
    let bytes = array::open(newest, &members);
    facts.incomplete = matches!(bytes, Err(Error::Unreadable { .. }));
    let bytes = bytes.map_err(|error| Unreadable { len: newest.size, error });
    Some(Opened { facts, bytes })
}

fn in_sync(own: &Superblock, newest: &Superblock) -> std::result::Result<(), &'static str> {
    own.in_sync?;
    let same = (own.level, own.raid_disks, own.layout, own.chunk)
        == (newest.level, newest.raid_disks, newest.layout, newest.chunk);
    // A crash between the writes of two superblocks leaves them one event apart (mdadm,
    // `Assemble.c`); older ones were left out of the array.
    if own.events.saturating_add(1) < newest.events {
        Err("its superblock is older than another member's")
    } else if !same {
        Err("its superblock describes another shape of the array")
    } else {
        Ok(())
    }
}

/// The name that `mdadm` gives the array: the superblock's without the home host, or the number of
/// old arrays, or the highest number that is free (mdadm, `mdopen.c`).
fn name(superblock: &Superblock) -> String {
    if let Some(minor) = superblock.minor {
        return format!("md{minor}");
    }
    let full = superblock.set_name.as_deref().unwrap_or_default();
    let name = full.split_once(':').map_or(full, |(_, name)| name);
    if name.is_empty() { "md127".to_owned() } else { format!("md/{name}") }
}
