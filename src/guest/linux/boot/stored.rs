//! The volumes as they are stored: no boot loader replays a journal (GRUB: grub-core/fs/ext2.c, xfs.c,
//! btrfs.c; SYSLINUX: core/fs/; GRUB legacy: stage2/fsys_*.c), the kernel does once it mounts them.
//!
//! In: the chain as a boot loader finds it, and as it would be with every journal replayed. Out: what
//! of the chain only the journal holds, and what will be another at the second start.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use super::volumes::Volumes;
use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};
use crate::fact::Fact;
use crate::filesystem::FileSystem;
use crate::guest::Machine;
use crate::guest::facts::{
    BootEntry, BootFacts, BootFile, LinkKind, LinkState, ONLY_IN_JOURNAL, OTHER_IN_JOURNAL,
    ResolvedFile,
};

/// Most bytes of kernel and initramfs that are compared with those in the journal; they have some 100
/// MiB.
const MAX_COMPARED: u64 = 512 << 20;

/// How many bytes are compared at once: those of a block, which both mostly have at one place of the
/// image.
const PIECE: usize = 4096;

type Stored = Option<Result<Arc<dyn FileSystem>>>;

/// The file systems of a machine without the replay of their journals, each opened when it is asked
/// for.
pub(in crate::guest::linux) struct StoredFileSystems {
    stored: Vec<OnceLock<Stored>>,
}

impl StoredFileSystems {
    /// Those of `machine`.
    pub(in crate::guest::linux) fn of(machine: &Machine<'_>) -> Self {
        Self { stored: machine.filesystems.iter().map(|_| OnceLock::new()).collect() }
    }

    /// The file system of that volume as it is stored.
    ///
    /// # Errors
    /// What is damaged without the replay.
    pub(super) fn get<'s>(
        &'s self,
        volume: usize,
        filesystem: &'s Arc<dyn FileSystem>,
    ) -> Result<&'s Arc<dyn FileSystem>> {
        let stored = self
            .stored
            .get(volume)
            .and_then(|stored| stored.get_or_init(|| filesystem.unreplayed()).as_ref());
        match stored {
            Some(stored) => stored.as_ref().map_err(Clone::clone),
            None => Ok(filesystem),
        }
    }

    /// Whether a journal of `machine` changes anything.
    pub(super) fn differ(&self, machine: &Machine<'_>) -> bool {
        machine.filesystems.iter().enumerate().any(|(volume, filesystem)| match filesystem {
            Fact::Known(Some(filesystem)) => {
                !self.get(volume, filesystem).is_ok_and(|stored| Arc::ptr_eq(stored, filesystem))
            }
            _ => false,
        })
    }

    /// The content of a file that the chain leads to, as the boot loader loads it.
    ///
    /// # Errors
    /// As [`FileSystem::open`]; [`Error::Unreadable`] when the volume could not be read.
    pub(in crate::guest::linux) fn open(
        &self,
        machine: &Machine<'_>,
        file: &ResolvedFile,
    ) -> Result<Arc<dyn Bytes>> {
        let absent = || Error::NotFound { path: file.path.clone() };
        match machine.filesystems.get(file.volume) {
            Some(Fact::Known(Some(filesystem))) => {
                self.get(file.volume, filesystem)?.open(file.node.ok_or_else(absent)?)
            }
            Some(Fact::Unknown(unread)) => {
                Err(Error::Unreadable { path: file.path.clone(), reason: unread.reason.clone() })
            }
            _ => Err(absent()),
        }
    }
}

/// Says of links which the journal alone holds that it does, and of a chain that holds what is another
/// once the journal was replayed.
pub(super) fn compare(
    boot: &mut BootFacts,
    replayed: &BootFacts,
    [stored, mounted]: [&Volumes<'_>; 2],
) {
    let is_found = |kind: LinkKind| {
        replayed.chain.iter().any(|link| link.kind == kind && link.state == LinkState::Found)
    };
    for link in boot.chain.iter_mut().filter(|link| is_found(link.kind)) {
        match &mut link.state {
            LinkState::Missing => link.evidence.detail.push_str(ONLY_IN_JOURNAL),
            LinkState::Unknown(reason) => reason.push_str(ONLY_IN_JOURNAL),
            LinkState::Found | LinkState::NotNeeded => {}
        }
    }
    let is_whole =
        boot.chain.iter().all(|link| matches!(link.state, LinkState::Found | LinkState::NotNeeded));
    if !is_whole {
        return;
    }
    let other = other_link(boot, replayed).map(|what| format!("{what}{OTHER_IN_JOURNAL}"));
    let doubt = other.or_else(|| other_entry(boot, replayed, [stored, mounted]));
    let mut links = boot.chain.iter_mut();
    if let Some(doubt) = doubt
        && let Some(link) = links.find(|link| link.kind == LinkKind::Configuration)
    {
        link.state = LinkState::Unknown(doubt);
    }
}

/// What is there now and will not be.
fn other_link(boot: &BootFacts, replayed: &BootFacts) -> Option<String> {
    let will_be = |kind: LinkKind| {
        replayed.chain.iter().any(|link| {
            link.kind == kind && matches!(link.state, LinkState::Found | LinkState::NotNeeded)
        })
    };
    let link = boot.chain.iter().find(|link| !will_be(link.kind))?;
    Some(link.evidence.location.clone())
}

/// In what the default entry will be another, or may be.
fn other_entry(
    boot: &BootFacts,
    replayed: &BootFacts,
    [stored, mounted]: [&Volumes<'_>; 2],
) -> Option<String> {
    let entry = |facts: &BootFacts| facts.default_entry.known().cloned().flatten();
    let (now, then) = (entry(boot)?, entry(replayed)?);
    let differs = |what: &str| Some(format!("{what}{OTHER_IN_JOURNAL}"));
    if now.command_line != then.command_line {
        return differs(&then.command_line_location);
    }
    let files = |entry: &BootEntry| -> Vec<BootFile> {
        entry.kernel.iter().chain(&entry.initrds).cloned().collect()
    };
    let (now, then) = (files(&now), files(&then));
    if now.len() != then.len() {
        return differs(&boot.configuration.as_ref()?.path);
    }
    let mut left = MAX_COMPARED;
    let mut compared = BTreeSet::new();
    now.iter().zip(&then).find_map(|(now, then)| {
        let is_same = match (&now.resolved, &then.resolved) {
            (Fact::Known(Some(now)), Fact::Known(Some(then))) if now.path == then.path => {
                // An entry may name one file thousands of times.
                if !compared.insert((now.volume, now.path.as_str())) {
                    return None;
                }
                same_content(stored.content(now), mounted.content(then), &mut left)
            }
            (now, then) => Ok(now == then),
        };
        match is_same {
            Ok(true) => None,
            Ok(false) => differs(&then.spec),
            Err(error) => Some(format!("{}: not compared with its journal: {error}", then.spec)),
        }
    })
}

fn same_content(
    now: Result<Arc<dyn Bytes>>,
    then: Result<Arc<dyn Bytes>>,
    left: &mut u64,
) -> Result<bool> {
    let (now, then) = (now?, then?);
    if now.len() != then.len() {
        return Ok(false);
    }
    *left = left.checked_sub(now.len()).ok_or(Error::Limit {
        structure: "kernel and initramfs",
        limit: MAX_COMPARED,
        unit: "bytes",
    })?;
    let mut at = 0_u64;
    while at < now.len() {
        let left = now.len().saturating_sub(at);
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE);
        let same = match (now.slice(at, len), then.slice(at, len)) {
            // The same place of the image.
            (Some(now), Some(then)) => std::ptr::eq(now, then) || now == then,
            _ => now.vec(at, len)? == then.vec(at, len)?,
        };
        if !same {
            return Ok(false);
        }
        at = at.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
    }
    Ok(true)
}
