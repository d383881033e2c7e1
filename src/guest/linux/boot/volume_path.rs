//! Paths on one file system, as a boot loader walks them: no mounts, symbolic links stay inside
//! the file system and absolute ones start again at its root.

use std::cell::Cell;
use std::collections::VecDeque;
use std::ops::ControlFlow;

use crate::bytes::BytesExt;
use crate::error::{Error, Result};
use crate::filesystem::{FileSystem, FileType, Metadata, NodeId};

/// Most symbolic links on one path (GRUB: `grub-core/fs/fshelp.c` gives up at the eighth).
const MAX_SYMLINKS: u32 = 8;

/// Most components that one path may have, links resolved: what `PATH_MAX` allows.
const MAX_COMPONENTS: usize = 2048;

/// Most names of one directory that are listed. Directories of boot loaders hold tens.
const MAX_NAMES: usize = 4096;

/// Most bytes of directories that all walks of one boot chain may search. A usual chain needs
/// under 8 MiB; a configuration that probes a huge directory in a loop must end.
const MAX_DIRECTORY_BYTES: u64 = 64 << 20;

/// What searching one directory costs at the least.
const DIRECTORY_COST: u64 = 4096;

/// How much was searched so far.
#[derive(Default)]
pub(super) struct Effort {
    directory_bytes: Cell<u64>,
}

impl Effort {
    fn charge(&self, directory: &Metadata) -> Result<()> {
        self.spend(directory.len.max(DIRECTORY_COST))
    }

    /// Counts the way to a subvolume that a mount option names.
    ///
    /// # Errors
    /// [`Error::Limit`] once too much was searched.
    pub(super) fn follow(&self, option: &str) -> Result<()> {
        let directories = u64::try_from(option.split('/').count()).unwrap_or(u64::MAX);
        self.spend(directories.saturating_mul(DIRECTORY_COST))
    }

    fn spend(&self, bytes: u64) -> Result<()> {
        let spent = self.directory_bytes.get().saturating_add(bytes);
        if spent > MAX_DIRECTORY_BYTES {
            return Err(Error::Limit {
                structure: "directories on the way of the boot loader",
                limit: MAX_DIRECTORY_BYTES,
                unit: "bytes",
            });
        }
        self.directory_bytes.set(spent);
        Ok(())
    }
}

/// A node found by its path.
pub(super) struct Found {
    /// The node.
    pub(super) node: NodeId,
    /// What it is.
    pub(super) metadata: Metadata,
    /// Its path without symbolic links.
    pub(super) path: String,
}

/// The node at `path`, following every symbolic link, the last included. A path without a leading
/// slash starts at the root as well.
///
/// # Errors
/// [`Error::NotFound`] and [`Error::NotADirectory`] when the directories on the way, read in full,
/// do not lead there; [`Error::SymlinkLoop`], [`Error::Limit`], or what the file system says.
pub(super) fn find(fs: &dyn FileSystem, path: &str, effort: &Effort) -> Result<Found> {
    let mut rest: VecDeque<Vec<u8>> = components(path.as_bytes()).collect();
    let mut way: Vec<(NodeId, Vec<u8>)> = Vec::new();
    let mut links = 0_u32;
    loop {
        let node = way.last().map_or_else(|| fs.root(), |(node, _)| *node);
        let Some(name) = rest.pop_front() else {
            let metadata = fs.metadata(node)?;
            return Ok(Found { node, metadata, path: join(&way) });
        };
        if name == b".." {
            way.pop();
            continue;
        }
        let metadata = fs.metadata(node)?;
        if metadata.file_type != FileType::Directory {
            return Err(Error::NotADirectory { path: join(&way) });
        }
        effort.charge(&metadata)?;
        let child =
            fs.lookup(node, &name)?.ok_or_else(|| Error::NotFound { path: path.to_owned() })?;
        if fs.metadata(child)?.file_type == FileType::Symlink {
            links = links.saturating_add(1);
            if links >= MAX_SYMLINKS {
                return Err(Error::SymlinkLoop { path: path.to_owned() });
            }
            let target = fs.read_link(child)?;
            if target.first() == Some(&b'/') {
                way.clear();
            }
            for component in components(&target).collect::<Vec<_>>().into_iter().rev() {
                rest.push_front(component);
            }
            if rest.len() > MAX_COMPONENTS {
                return Err(Error::SymlinkLoop { path: path.to_owned() });
            }
        } else {
            way.push((child, name));
            if way.len() > MAX_COMPONENTS {
                return Err(Error::NotFound { path: path.to_owned() });
            }
        }
    }
}

/// The whole text of a regular file of at most `limit` bytes; bytes that are not UTF-8 become
/// U+FFFD.
///
/// # Errors
/// As [`find`]; [`Error::NotAFile`]; [`Error::Limit`] when the file is longer.
pub(super) fn text(
    fs: &dyn FileSystem,
    path: &str,
    limit: u64,
    effort: &Effort,
) -> Result<(String, String)> {
    let found = find(fs, path, effort)?;
    if found.metadata.file_type != FileType::Regular {
        return Err(Error::NotAFile { path: found.path });
    }
    let bytes = fs.open(found.node)?;
    let len = usize::try_from(bytes.len()).unwrap_or(usize::MAX);
    if bytes.len() > limit {
        return Err(Error::Limit { structure: "configuration file", limit, unit: "bytes" });
    }
    Ok((String::from_utf8_lossy(&bytes.vec(0, len)?).into_owned(), found.path))
}

/// The names in a directory, sorted.
///
/// # Errors
/// As [`find`]; [`Error::Limit`] when there are too many.
pub(super) fn names(fs: &dyn FileSystem, path: &str, effort: &Effort) -> Result<Vec<String>> {
    let found = find(fs, path, effort)?;
    if found.metadata.file_type != FileType::Directory {
        return Err(Error::NotADirectory { path: found.path });
    }
    effort.charge(&found.metadata)?;
    let mut names = Vec::new();
    fs.read_dir(found.node, &mut |entry| {
        names.push(String::from_utf8_lossy(&entry.name).into_owned());
        if names.len() > MAX_NAMES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if names.len() > MAX_NAMES {
        return Err(Error::Limit {
            structure: "directory of a boot loader",
            limit: u64::try_from(MAX_NAMES).unwrap_or(u64::MAX),
            unit: "names",
        });
    }
    names.sort_unstable();
    Ok(names)
}

fn components(path: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    path.split(|byte| *byte == b'/')
        .filter(|component| !component.is_empty() && *component != b".")
        .map(<[u8]>::to_vec)
}

fn join(way: &[(NodeId, Vec<u8>)]) -> String {
    if way.is_empty() {
        return "/".to_owned();
    }
    way.iter().map(|(_, name)| format!("/{}", String::from_utf8_lossy(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::linux::boot::fake::FakeFs;

    fn path_of(fs: &FakeFs, path: &str) -> Result<String> {
        find(fs, path, &Effort::default()).map(|found| found.path)
    }

    #[test]
    fn an_absolute_link_starts_again_at_the_root_of_its_file_system() {
        let fs = FakeFs::new()
            .file("/boot/grub/grub.cfg", "x")
            .link("/etc/grub2.cfg", "/boot/grub/grub.cfg")
            .link("/boot/boot", ".")
            .link("/vmlinuz", "boot/../boot/grub/grub.cfg");
        assert_eq!(path_of(&fs, "/etc/grub2.cfg").unwrap(), "/boot/grub/grub.cfg");
        assert_eq!(
            path_of(&fs, "//boot/boot/./boot/grub/grub.cfg").unwrap(),
            "/boot/grub/grub.cfg"
        );
        assert_eq!(path_of(&fs, "/vmlinuz").unwrap(), "/boot/grub/grub.cfg");
        assert_eq!(path_of(&fs, "/../../boot/grub").unwrap(), "/boot/grub");
    }

    #[test]
    fn a_link_to_itself_ends_as_a_loop() {
        let fs = FakeFs::new().link("/a", "/b").link("/b", "/a");
        assert!(matches!(path_of(&fs, "/a"), Err(Error::SymlinkLoop { .. })));
    }

    #[test]
    fn what_is_not_there_is_absent_and_a_file_is_no_directory() {
        let fs = FakeFs::new().file("/f", "x");
        assert!(path_of(&fs, "/g").unwrap_err().is_absent());
        assert!(path_of(&fs, "/f/g").unwrap_err().is_absent());
    }

    #[test]
    fn the_way_to_a_subvolume_counts_each_directory() {
        let effort = Effort::default();
        let followed = (0..20_000).take_while(|_| effort.follow("subvol=a/b").is_ok()).count();
        assert_eq!(followed, (64 << 20) / (2 * 4096));
    }

    #[test]
    fn a_walk_that_searches_too_much_ends() {
        let fs = FakeFs::new().file("/f", "x");
        let effort = Effort::default();
        let error = (0..20_000).find_map(|_| find(&fs, "/f", &effort).err());
        assert!(matches!(error, Some(Error::Limit { .. })));
    }
}
