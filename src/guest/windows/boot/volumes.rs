//! The disk's volumes as Windows' loaders look at them.

use crate::disk::facts::{DiskFacts, PartitionFacts};
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::FileType;
use crate::filesystem::tree::Tree;
use crate::guest::Machine;
use crate::guest::facts::{BcdTarget, Resolution};

/// Longest path that is looked up, in bytes; Windows' own bound is 32,767 characters.
const MAX_PATH: usize = 32_767;

pub(super) struct Volumes<'m> {
    pub(super) machine: &'m Machine<'m>,
}

impl Volumes<'_> {
    pub(super) fn disk(&self) -> &DiskFacts {
        self.machine.disk
    }

    /// The volume's name.
    pub(super) fn name(&self, volume: usize) -> &str {
        self.disk().volumes.get(volume).map_or("volume", |facts| facts.name.as_str())
    }

    /// The tree of just that volume.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when its file system cannot be read; [`Error::NotFound`] when it holds
    /// none.
    pub(super) fn tree(&self, volume: usize) -> Result<Tree> {
        let unreadable =
            |reason: String| Error::Unreadable { path: self.name(volume).to_owned(), reason };
        match self.machine.filesystems.get(volume) {
            Some(Fact::Known(Some(filesystem))) => Ok(Tree::new(filesystem.clone(), volume)),
            Some(Fact::Unknown(unread)) => Err(unreadable(unread.reason.clone())),
            Some(Fact::Known(None)) => {
                let encryption = self.disk().volumes.get(volume).and_then(|facts| {
                    facts.signature().filter(|signature| signature.kind.is_container())
                });
                match encryption {
                    Some(signature) => {
                        Err(unreadable(format!("{} is not looked into", signature.kind.name())))
                    }
                    None => Err(Error::NotFound { path: self.name(volume).to_owned() }),
                }
            }
            None => Err(Error::NotFound { path: self.name(volume).to_owned() }),
        }
    }

    /// A regular file that is not empty, at a path with `\` or `/`.
    ///
    /// # Errors
    /// As [`Volumes::tree`] and [`Tree::metadata`]; [`Error::NotFound`] for an empty file.
    pub(super) fn file(&self, volume: usize, path: &str) -> Result<((), Evidence)> {
        if path.len() > MAX_PATH {
            return Err(Error::too_much("path", MAX_PATH, "bytes"));
        }
        let metadata = self.tree(volume)?.metadata(&path.replace('\\', "/"))?;
        if metadata.file_type != FileType::Regular || metadata.len == 0 {
            return Err(Error::NotFound { path: path.to_owned() });
        }
        let detail = format!("{} bytes on {}", metadata.len, self.name(volume));
        Ok(((), Evidence::new(path.replace('/', r"\"), detail)))
    }

    /// The volumes that have a file of that path, and why some could not be looked at.
    pub(super) fn having(&self, path: &str) -> (Vec<usize>, Option<Unread>) {
        let mut found = Vec::new();
        let mut unread = None;
        for volume in 0..self.machine.filesystems.len() {
            match self.file(volume, path) {
                Ok(_) => found.push(volume),
                Err(error) if error.is_absent() => {}
                Err(error) => {
                    unread.get_or_insert(Unread::new(self.name(volume), error.to_string()));
                }
            }
        }
        (found, unread)
    }

    /// What a device of the boot configuration leads to. `boot` is the volume that the boot manager
    /// lies on, `file` the path that the entry names.
    pub(super) fn resolve(
        &self,
        target: &BcdTarget,
        boot: Option<usize>,
        file: Option<&str>,
    ) -> Resolution {
        let unknown = |reason: &str| {
            Resolution::Unknown(Unread::new("boot configuration", reason.to_owned()))
        };
        match target {
            BcdTarget::Mbr { signature, offset } => {
                let is_this = self.disk().mbr_signature.as_ref() == Some(signature);
                self.partition(is_this, |partition| partition.start == *offset)
            }
            BcdTarget::Gpt { disk, partition } => {
                let is_this = self.disk().gpt.as_ref().is_some_and(|gpt| gpt.disk_guid == *disk);
                self.partition(is_this, |own| own.uuid.as_ref() == Some(partition))
            }
            BcdTarget::Boot => match boot {
                Some(volume) => Resolution::Volume(volume),
                None => unknown("the partition of the boot manager is not known"),
            },
            BcdTarget::Locate => match file.map(|file| self.having(file)) {
                Some((found, unread)) => match (found.as_slice(), unread) {
                    ([volume], _) => Resolution::Volume(*volume),
                    ([], Some(unread)) => Resolution::Unknown(unread),
                    ([], None) => Resolution::Missing,
                    _ => unknown("more than one partition has the file that it looks for"),
                },
                None => unknown("it names no file to look for"),
            },
            BcdTarget::Ramdisk(_) => unknown("a system in memory is not followed"),
            BcdTarget::VirtualDisk(_) => unknown("a system on a virtual disk is not followed"),
            BcdTarget::File(_) => unknown("a system in a file is not followed"),
            BcdTarget::Other(kind) => unknown(&format!("a device of type {kind} is not followed")),
        }
    }

    fn partition(&self, is_this: bool, wanted: impl Fn(&PartitionFacts) -> bool) -> Resolution {
        // A table that was not read in full may have the partition.
        if is_this {
            let found = self.disk().partitions.iter().find(|partition| wanted(partition));
            if let Some(volume) = found.and_then(|partition| partition.volume) {
                return Resolution::Volume(volume);
            }
        }
        match &self.disk().table_read {
            Fact::Known(()) => Resolution::Missing,
            Fact::Unknown(unread) => Resolution::Unknown(unread.clone()),
        }
    }
}
