//! Volumes that lie inside volumes: arrays and logical volumes, on top of each other in any order.

use super::Volumes;
use super::facts::{ArrayFacts, ContainerFacts, SignatureKind, VolumeGroupFacts};
use super::lvm::{self, Lvm};
use super::md::{self, Md};
use crate::error::Error;
use crate::fact::{Fact, Unread};

/// Most layers on top of each other. Installers build two: LVM on RAID.
const MAX_DEPTH: u32 = 8;

/// Most volumes inside others. Each is searched for signatures; a guest has a few dozen.
const MAX_VOLUMES: usize = 1024;

/// What was found inside volumes.
#[derive(Default)]
pub(super) struct Inside {
    pub(super) volume_groups: Vec<VolumeGroupFacts>,
    pub(super) arrays: Vec<ArrayFacts>,
    pub(super) containers: Vec<ContainerFacts>,
}

/// Opens what `volumes` hold and appends the volumes inside, until nothing new comes up.
///
/// Arrays and groups that are complete go first: what one still lacks may turn up in another.
pub(super) fn open(volumes: &mut Volumes) -> Inside {
    let mut stack = Stack {
        depth: vec![0; volumes.facts.len()],
        most: volumes.facts.len().saturating_add(MAX_VOLUMES),
        ..Stack::default()
    };
    let mut seen = 0;
    loop {
        for index in seen..volumes.facts.len() {
            stack.take_in(volumes, index);
        }
        seen = volumes.facts.len();
        if let Some(array) = stack.md.open(true) {
            stack.array(volumes, array);
        } else if let Some(group) = stack.lvm.open(true) {
            stack.group(volumes, group);
        } else if let Some(array) = stack.md.open(false) {
            stack.array(volumes, array);
        } else if let Some(group) = stack.lvm.open(false) {
            stack.group(volumes, group);
        } else {
            return stack.finish(volumes);
        }
    }
}

#[derive(Default)]
struct Stack {
    md: Md,
    lvm: Lvm,
    inside: Inside,
    /// The layer of each volume.
    depth: Vec<u32>,
    most: usize,
    /// Containers of which something was left out, and why.
    cut: Vec<(usize, Error)>,
}

impl Stack {
    fn take_in(&mut self, volumes: &Volumes, index: usize) {
        let found = volumes.facts.get(index).zip(volumes.bytes.get(index));
        let Some((facts, bytes)) = found else { return };
        let Some(signature) = facts.signature() else { return };
        match signature.kind {
            SignatureKind::MdRaid => self.md.add(index, &facts.name, bytes, signature),
            SignatureKind::LvmPv => self.lvm.add(index, &facts.name, bytes),
            _ => {}
        }
    }

    fn array(&mut self, volumes: &mut Volumes, opened: md::Opened) {
        let mut facts = opened.facts;
        let members = facts.members.iter().map(|member| member.volume).collect::<Vec<_>>();
        if let Some(depth) = self.layer(volumes, &members) {
            facts.volume = Some(volumes.push_inside(facts.name.clone(), opened.bytes));
            self.depth.push(depth);
        }
        self.inside.arrays.push(facts);
    }

    fn group(&mut self, volumes: &mut Volumes, opened: lvm::Opened) {
        let mut facts = opened.facts;
        let pvs = facts.physical_volumes.iter().filter_map(|pv| pv.volume).collect::<Vec<_>>();
        for (index, bytes) in opened.volumes {
            let Some(depth) = self.layer(volumes, &pvs) else { break };
            let Some(volume) = facts.logical_volumes.get_mut(index) else { continue };
            let name = format!("{}/{}", facts.name, volume.name);
            volume.volume = Some(volumes.push_inside(name, bytes));
            self.depth.push(depth);
        }
        self.inside.volume_groups.push(facts);
    }

    /// The layer of a volume that lies in `below`; `None` when one of the bounds is reached.
    fn layer(&mut self, volumes: &Volumes, below: &[usize]) -> Option<u32> {
        let depths = below.iter().filter_map(|index| self.depth.get(*index));
        let depth = depths.max().copied().unwrap_or(0).saturating_add(1);
        let (limit, unit) = if depth > MAX_DEPTH {
            (u64::from(MAX_DEPTH), "layers on top of each other")
        } else if volumes.facts.len() >= self.most {
            (u64::try_from(MAX_VOLUMES).unwrap_or(u64::MAX), "volumes inside others")
        } else {
            return Some(depth);
        };
        let error = Error::Limit { structure: "volumes", limit, unit };
        self.cut.extend(below.iter().map(|index| (*index, error.clone())));
        None
    }

    fn finish(self, volumes: &Volumes) -> Inside {
        let mut inside = self.inside;
        inside.containers = self.md.containers();
        inside.containers.extend(self.lvm.containers());
        for (index, error) in self.cut {
            let name = volumes.facts.get(index).map_or("volume", |facts| facts.name.as_str());
            let found = inside.containers.iter_mut().find(|container| container.volume == index);
            if let Some(container) = found {
                container.opened = Fact::Unknown(Unread::from((name, &error)));
            }
        }
        inside.containers.sort_by_key(|container| container.volume);
        inside
    }
}
