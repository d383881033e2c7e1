//! Paths on one file system, as a boot loader walks them: no mounts, symbolic links stay inside
//! the file system and absolute ones start again at its root.

use std::cell::Cell;
use std::collections::VecDeque;
use std::ops::ControlFlow;

use crate::bytes::BytesExt;
use crate::error::{Error, Result};
use crate::filesystem::tree::MAX_PATH;
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

/// What listing one name of a directory costs, beside the bytes of the directory.
const NAME_COST: u64 = 16;

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
/// do not lead there; [`Error::SymlinkLoop`]; [`Error::Limit`] for a path above [`MAX_PATH`], the one
/// without links as well, and once too much was searched; or what the file system says.
pub(super) fn find(fs: &dyn FileSystem, path: &str, effort: &Effort) -> Result<Found> {
    let mut rest: VecDeque<Vec<u8>> = components(path.as_bytes(), effort)?.collect();
    let mut way: Vec<(NodeId, Vec<u8>)> = Vec::new();
    let mut links = 0_u32;
    loop {
        let node = way.last().map_or_else(|| fs.root(), |(node, _)| *node);
        let Some(name) = rest.pop_front() else {
            let metadata = fs.metadata(node)?;
            let path = join(&way);
            if path.len() > MAX_PATH {
                return Err(Error::too_much("path", MAX_PATH, "bytes"));
            }
            return Ok(Found { node, metadata, path });
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
            for component in components(&target, effort)?.collect::<Vec<_>>().into_iter().rev() {
                rest.push_front(component);
            }
        } else {
            way.push((child, name));
        }
        if way.len().max(rest.len()) > MAX_COMPONENTS {
            return Err(Error::too_much("path", MAX_COMPONENTS, "components"));
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
        return Err(Error::too_much("directory of a boot loader", MAX_NAMES, "names"));
    }
    effort.spend(u64::try_from(names.len()).unwrap_or(u64::MAX).saturating_mul(NAME_COST))?;
    names.sort_unstable();
    Ok(names)
}

/// The components of a path. Its bytes count before they are gone through: `..` searches nothing.
fn components<'p>(
    path: &'p [u8],
    effort: &Effort,
) -> Result<impl Iterator<Item = Vec<u8>> + use<'p>> {
    if path.len() > MAX_PATH {
        return Err(Error::too_much("path", MAX_PATH, "bytes"));
    }
    effort.spend(u64::try_from(path.len()).unwrap_or(u64::MAX))?;
    let names = path.split(|byte| *byte == b'/');
    Ok(names.filter(|name| !name.is_empty() && *name != b".").map(<[u8]>::to_vec))
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
    fn a_path_longer_than_the_bound_is_open_and_not_absent() {
        let fs = FakeFs::new().file("/f", "x").link("/up", &"../".repeat(1300));
        assert_eq!(path_of(&fs, &format!("{}/f", "/.".repeat(2046))).unwrap(), "/f");
        assert_eq!(path_of(&fs, "/up/f").unwrap(), "/f");
        for long in [format!("{}/f", "/..".repeat(200_000)), format!("/{}", "a".repeat(4095))] {
            let error = path_of(&fs, &long).err().unwrap();
            assert!(matches!(error, Error::Limit { unit: "bytes", .. }), "{error}");
        }
        // Each of the links is short enough, and the way through all of them is not.
        let name = "d".repeat(255);
        let deep = format!("/{name}").repeat(15);
        let mut fs = FakeFs::new().file(&format!("{deep}{deep}/f"), "x").link("/a", &deep);
        fs = fs.link(&format!("{deep}/b"), deep.trim_start_matches('/'));
        let error = path_of(&fs, "/a/b/f").err().unwrap();
        assert!(matches!(error, Error::Limit { unit: "bytes", .. }), "{error}");
        let many = "a/".repeat(2000);
        let fs = FakeFs::new().file(&format!("{many}{many}f"), "x").link("/l", &many);
        let fs = fs.link(&format!("{many}/l"), &many);
        let error = path_of(&fs, &format!("/l/l/{}", "b/".repeat(1000))).err().unwrap();
        assert!(matches!(error, Error::Limit { unit: "components", .. }), "{error}");
    }

    #[test]
    fn the_bytes_of_a_path_and_the_names_of_a_directory_count() {
        let fs = FakeFs::new();
        let effort = Effort::default();
        let up = "/..".repeat(1365);
        let found = (0..20_000).take_while(|_| find(&fs, &up, &effort).is_ok()).count();
        assert_eq!(found, (64 << 20) / 4095);
        let fs = (0..4096).fold(FakeFs::new(), |fs, number| fs.file(&format!("/{number}"), ""));
        let effort = Effort::default();
        let listed = (0..20_000).take_while(|_| names(&fs, "/", &effort).is_ok()).count();
        assert_eq!(listed, (64 << 20) / (1 + 4096 + 4096 * 16));
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
