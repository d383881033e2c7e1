//! The devices of a file system that are in this image.

use std::sync::Arc;

use super::superblock::{Device, Superblock};
use crate::bytes::Bytes;
use crate::error::{Error, Result};

/// A device that is here.
#[derive(Clone)]
struct Member {
    device: Device,
    bytes: Arc<dyn Bytes>,
    /// Where it begins when all of them lie one behind the other.
    base: u64,
    generation: u64,
    /// Bytes that it should have but the volume does not.
    missing_bytes: u64,
}

/// The devices that are here, and the newest transaction that one of them knows of.
#[derive(Clone)]
pub(super) struct Devices {
    members: Vec<Member>,
    generation: u64,
}

impl Devices {
    /// The devices with those superblocks. Of two that are the same one, the older is left out, as
    /// `device_list_add` does.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when two are the same device at the same transaction: which one a
    /// mount takes is decided by who comes first.
    pub(super) fn new<'a>(
        found: impl Iterator<Item = (&'a Superblock, &'a Arc<dyn Bytes>)>,
    ) -> Result<Self> {
        let mut found: Vec<_> = found.collect();
        found.sort_by_key(|(superblock, _)| superblock.device.id);
        let mut members: Vec<Member> = Vec::with_capacity(found.len());
        for (superblock, bytes) in found {
            let Superblock { device, generation, .. } = *superblock;
            if let Some(index) = members.iter().position(|member| member.device == device) {
                let other = members.get(index).map_or(0, |member| member.generation);
                if other == generation {
                    let what =
                        format!("a file system with two volumes that are device {}", device.id);
                    return Err(Error::unsupported("btrfs superblock", 0xC9, what));
                }
                if other > generation {
                    continue;
                }
                members.remove(index);
            }
            let missing_bytes = superblock.device_bytes.saturating_sub(bytes.len());
            let bytes = Arc::clone(bytes);
            members.push(Member { device, bytes, base: 0, generation, missing_bytes });
        }
        let mut end = 0_u64;
        for member in &mut members {
            member.base = end;
            end = end.checked_add(member.bytes.len()).ok_or_else(|| {
                Error::corrupt("btrfs devices", 0, "sizes that end below 2^64", "more bytes")
            })?;
        }
        let generation = members.iter().map(|member| member.generation).max().unwrap_or(0);
        Ok(Self { members, generation })
    }

    /// The index of a device, when it is here.
    pub(super) fn index(&self, device: &Device) -> Option<usize> {
        self.members.iter().position(|member| member.device == *device)
    }

    /// The bytes of the device with that index.
    pub(super) fn bytes(&self, index: usize) -> Result<&dyn Bytes> {
        let member = self.members.get(index).ok_or_else(|| {
            Error::corrupt("btrfs devices", 0, "a device that is here", index.to_string())
        })?;
        Ok(member.bytes.as_ref())
    }

    /// A number that byte `physical` of the device with that index has, and no other byte of any.
    pub(super) fn address(&self, index: usize, physical: u64) -> u64 {
        let base = self.members.get(index).map_or(0, |member| member.base);
        base.saturating_add(physical)
    }

    /// Whether the device was away when the last transaction was committed: what others hold a copy
    /// of may be old there.
    pub(super) fn is_behind(&self, index: usize) -> bool {
        self.members.get(index).is_some_and(|member| member.generation < self.generation)
    }

    /// The numbers of those that are here.
    pub(super) fn ids(&self) -> Vec<u64> {
        self.members.iter().map(|member| member.device.id).collect()
    }

    /// The numbers of those that missed more than the one transaction that may be under way.
    pub(super) fn behind(&self) -> Vec<u64> {
        let is_behind = |member: &&Member| member.generation.saturating_add(1) < self.generation;
        self.members.iter().filter(is_behind).map(|member| member.device.id).collect()
    }

    /// Bytes that the devices should have but the volumes do not.
    pub(super) fn missing_bytes(&self) -> u64 {
        self.members.iter().fold(0, |sum, member| sum.saturating_add(member.missing_bytes))
    }
}
