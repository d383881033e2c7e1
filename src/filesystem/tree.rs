//! The mount table that joins several file systems into the one tree that the guest sees, with
//! symbolic links resolved inside it.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use super::{DirEntry, FileSystem, FileType, Metadata, NodeId};
use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};

/// Most symbolic links followed on one path (Linux: `MAXSYMLINKS`, `include/linux/namei.h`).
pub const MAX_SYMLINKS: u32 = 40;

/// Longest path and longest target of a symbolic link that is followed, in bytes (Linux: `PATH_MAX`,
/// `include/uapi/linux/limits.h`, which counts the NUL as well).
pub const MAX_PATH: usize = 4095;

/// Most components that one path goes through, those of its symbolic links included: twice as many as
/// a path of [`MAX_PATH`] bytes can have. Each costs a look into a directory, and 40 links of 2,000
/// components each would make one path as dear as a whole check.
pub const MAX_COMPONENTS: usize = 4096;

/// How many bytes of a path or of a link's target count as one component at least: with slashes and `.`
/// alone it has none.
const BYTES_AS_ONE: usize = 64;

/// Most components that one tree and its clones go through in all, on every path as often as it is
/// followed: a configuration may have tens of thousands of conditions on paths, and a symbolic link may
/// lead each through thousands of directories. A check of a usual guest goes through some five thousand;
/// a hundred thousand paths of ten components each are half of these, which take some two seconds.
const MAX_WALKED: usize = 2 << 20;

/// Most entries of one directory that [`Tree::read_dir`] gives.
pub const MAX_DIR_ENTRIES: usize = 65_536;

/// Most entries of directories that one tree and its clones give in all, each as often as it is given: a pattern in a
/// configuration lists a directory, and a configuration may have a hundred thousand of them. A check of
/// a usual guest lists some ten thousand; these take two seconds.
pub const MAX_LISTED: usize = 4 << 20;

/// Most bytes that one tree compares with the patterns of its configurations, each name as often as the
/// pattern it is held against has bytes: a configuration may hold thousands of patterns against the same
/// thousands of names, or an SSH server's lists against hundreds of accounts with their groups. `*.conf`
/// may meet two million names of twenty bytes; these take half a second.
const MAX_COMPARED: u64 = 256 << 20;

/// A file system at its place in the tree.
#[derive(Clone)]
#[non_exhaustive]
pub enum Mounted {
    /// A file system that can be read, and the index of its volume.
    Readable(Arc<dyn FileSystem>, usize),
    /// A place where the guest mounts something that could not be read, with the reason. Every
    /// path at or below it gives [`crate::Error::Unreadable`], never "not found".
    Unreadable(String),
}

/// A node together with the mount that it lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Place {
    /// Index into the mounts of the tree.
    pub mount: usize,
    /// The node in that mount's file system.
    pub node: NodeId,
}

/// A name in a directory, and what is known of the node there.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Listed {
    /// The name's bytes.
    pub name: Vec<u8>,
    /// Its metadata, and the target of a symbolic link; or why they cannot be read.
    pub metadata: Result<(Metadata, Option<Vec<u8>>)>,
}

/// The guest's tree.
#[derive(Clone)]
pub struct Tree {
    mounts: Vec<(String, Mounted)>,
    /// Index of the latest mount at each path, which covers the earlier ones: each step of each path asks.
    latest: HashMap<Vec<u8>, usize>,
    /// Length of the longest path in `latest`, in bytes.
    longest: usize,
    /// Clones count together.
    counts: Arc<Counts>,
}

/// What was spent of the bounds on a tree, or on several together.
#[derive(Default)]
pub(crate) struct Counts {
    /// Components of paths taken apart so far.
    walked: AtomicUsize,
    /// Entries of directories given so far.
    listed: AtomicUsize,
    /// Bytes compared with patterns so far.
    compared: AtomicU64,
}

impl Tree {
    /// A tree of one file system at `/`, which lies on volume `volume`.
    pub fn new(root: Arc<dyn FileSystem>, volume: usize) -> Self {
        Self::counted(root, volume, &Arc::default())
    }

    /// As [`Tree::new`]; what it spends counts together with the other trees of `counts`.
    pub(crate) fn counted(root: Arc<dyn FileSystem>, volume: usize, counts: &Arc<Counts>) -> Self {
        let (mounts, latest, counts) = (Vec::new(), HashMap::new(), Arc::clone(counts));
        let mut tree = Self { mounts, latest, longest: 0, counts };
        tree.mount("/", Mounted::Readable(root, volume));
        tree
    }

    /// What it spent so far.
    pub(crate) fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }

    /// Puts a file system at `path` (absolute, normalised, no trailing slash). A later mount at the
    /// same place covers the earlier one.
    pub fn mount(&mut self, path: &str, what: Mounted) {
        self.latest.insert(path.as_bytes().to_vec(), self.mounts.len());
        self.longest = self.longest.max(path.len());
        self.mounts.push((path.to_owned(), what));
    }

    /// The mounts in their order.
    pub fn mounts(&self) -> &[(String, Mounted)] {
        &self.mounts
    }

    /// The node at an absolute path, following every symbolic link, the last included.
    ///
    /// # Errors
    /// [`Error::NotFound`] and [`Error::NotADirectory`] say reliably that nothing is there;
    /// [`Error::SymlinkLoop`], [`Error::Unreadable`] and what the file system finds damaged;
    /// [`Error::Limit`] for a path above [`MAX_PATH`], also behind its links, or [`MAX_COMPONENTS`], and once
    /// this tree and its clones went through 2 Mi components in all, those included that an inspection asked for.
    pub fn resolve(&self, path: &str) -> Result<Place> {
        Ok(self.walk(path, true)?.place)
    }

    /// The absolute path behind all symbolic links, and the node there.
    ///
    /// # Errors
    /// As [`Tree::resolve`].
    pub fn canonicalize(&self, path: &str) -> Result<(String, Place)> {
        let walked = self.walk(path, true)?;
        Ok((String::from_utf8_lossy(&walked.path).into_owned(), walked.place))
    }

    /// Metadata of what a path leads to.
    ///
    /// # Errors
    /// As [`Tree::resolve`].
    pub fn metadata(&self, path: &str) -> Result<Metadata> {
        Ok(self.walk(path, true)?.metadata)
    }

    /// How the content of what a path leads to is stored ([`FileSystem::stored_as`]).
    ///
    /// # Errors
    /// As [`Tree::resolve`] and [`FileSystem::stored_as`].
    pub fn stored_as(&self, path: &str) -> Result<Option<&'static str>> {
        let place = self.walk(path, true)?.place;
        self.filesystem(place, path)?.stored_as(place.node)
    }

    /// Metadata of the path itself, not following a symbolic link in its last component.
    ///
    /// # Errors
    /// As [`Tree::resolve`].
    pub fn symlink_metadata(&self, path: &str) -> Result<Metadata> {
        Ok(self.walk(path, false)?.metadata)
    }

    /// Whether the path leads to something; `Err` when that could not be determined.
    ///
    /// # Errors
    /// As [`Tree::resolve`], except that what is reliably absent is `Ok(false)`.
    pub fn exists(&self, path: &str) -> Result<bool> {
        match self.walk(path, true) {
            Ok(_) => Ok(true),
            Err(error) if error.is_absent() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Target of the symbolic link at `path`, lossily as UTF-8.
    ///
    /// # Errors
    /// As [`Tree::resolve`]; when the path is no symbolic link.
    pub fn read_link(&self, path: &str) -> Result<String> {
        let walked = self.walk(path, false)?;
        let target = self.filesystem(walked.place, path)?.read_link(walked.place.node)?;
        Ok(String::from_utf8_lossy(&target).into_owned())
    }

    /// The names in a directory, sorted by name. Mount points below show the directory's own entry.
    ///
    /// # Errors
    /// As [`Tree::resolve`]; [`Error::NotADirectory`]; [`Error::Limit`] above [`MAX_DIR_ENTRIES`], and
    /// once this tree and its clones gave more than [`MAX_LISTED`] in all, those included that an
    /// inspection asked for. [`FileSystem::read_dir`] of the file systems in [`Tree::mounts`] has no such
    /// bound.
    pub fn read_dir(&self, path: &str) -> Result<Vec<DirEntry>> {
        let walked = self.walk(path, true)?;
        if walked.metadata.file_type != FileType::Directory {
            return Err(Error::NotADirectory { path: path.to_owned() });
        }
        let limit = |structure, limit| Error::too_much(structure, limit, "entries");
        if self.counts.listed.load(Relaxed) > MAX_LISTED {
            return Err(limit("all directories that were listed", MAX_LISTED));
        }
        let mut entries = Vec::new();
        let read = self.filesystem(walked.place, path)?.read_dir(walked.place.node, &mut |entry| {
            entries.push(entry);
            if entries.len() > MAX_DIR_ENTRIES {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        // One that ends in an error was listed up to there, and may be asked for again.
        self.counts.listed.fetch_add(entries.len(), Relaxed);
        read?;
        if entries.len() > MAX_DIR_ENTRIES {
            return Err(limit("directory", MAX_DIR_ENTRIES));
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Counts a name that is held against a pattern, both in bytes, which takes at most the product of the
    /// two.
    ///
    /// # Errors
    /// [`Error::Limit`] once the tree has compared more than 256 MiB in all.
    pub(crate) fn count_compared(&self, pattern: usize, name: usize) -> Result<()> {
        let bytes = u64::try_from(pattern.saturating_mul(name)).unwrap_or(u64::MAX);
        let before = self.counts.compared.fetch_add(bytes.min(MAX_COMPARED), Relaxed);
        if before.saturating_add(bytes) > MAX_COMPARED {
            let structure = "all names that were compared with patterns";
            return Err(Error::Limit { structure, limit: MAX_COMPARED, unit: "bytes" });
        }
        Ok(())
    }

    /// The names in a directory with what is known of each, sorted by name, by one look at the
    /// directory: names need not be UTF-8, and mount points show what is mounted there.
    ///
    /// # Errors
    /// As [`Tree::read_dir`], together with which it counts.
    pub fn list(&self, path: &str) -> Result<Vec<Listed>> {
        let walked = self.walk(path, true)?;
        let mut listed = Vec::new();
        for entry in self.read_dir(path)? {
            let mut at = walked.path.clone();
            if at.last() != Some(&b'/') {
                at.push(b'/');
            }
            at.extend_from_slice(&entry.name);
            let own = Place { mount: walked.place.mount, node: entry.node };
            let place = self.mounted_at(&at).unwrap_or(Ok(own));
            let metadata = place.and_then(|place| {
                let metadata = self.filesystem(place, path)?.metadata(place.node)?;
                let target = match metadata.file_type {
                    FileType::Symlink => Some(self.filesystem(place, path)?.read_link(place.node)?),
                    _ => None,
                };
                Ok((metadata, target))
            });
            listed.push(Listed { name: entry.name, metadata });
        }
        Ok(listed)
    }

    /// The content of a regular file as read-only bytes.
    ///
    /// # Errors
    /// As [`Tree::resolve`]; [`Error::NotAFile`].
    pub fn open(&self, path: &str) -> Result<Arc<dyn Bytes>> {
        let walked = self.walk(path, true)?;
        if walked.metadata.file_type != FileType::Regular {
            return Err(Error::NotAFile { path: path.to_owned() });
        }
        self.filesystem(walked.place, path)?.open(walked.place.node)
    }

    /// The whole content of a regular file of at most `limit` bytes.
    ///
    /// # Errors
    /// As [`Tree::open`]; [`Error::Limit`] when the file is longer.
    pub fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>> {
        let bytes = self.open(path)?;
        let too_long = Error::Limit { structure: "file", limit, unit: "bytes" };
        if bytes.len() > limit {
            return Err(too_long);
        }
        bytes.vec(0, usize::try_from(bytes.len()).map_err(|_| too_long)?)
    }

    /// As [`Tree::read`], as text; bytes that are not UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// As [`Tree::read`].
    pub fn read_text(&self, path: &str, limit: u64) -> Result<String> {
        let bytes = self.read(path, limit)?;
        Ok(String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// Index of the volume that a place lies on.
    pub fn volume(&self, place: Place) -> Option<usize> {
        match self.mounts.get(place.mount)? {
            (_, Mounted::Readable(_, volume)) => Some(*volume),
            (_, Mounted::Unreadable(_)) => None,
        }
    }

    fn filesystem(&self, place: Place, path: &str) -> Result<&Arc<dyn FileSystem>> {
        match self.mounts.get(place.mount) {
            Some((_, Mounted::Readable(filesystem, _))) => Ok(filesystem),
            Some((_, Mounted::Unreadable(reason))) => {
                Err(Error::Unreadable { path: path.to_owned(), reason: reason.clone() })
            }
            None => Err(Error::NotFound { path: path.to_owned() }),
        }
    }

    /// What is mounted at exactly `path`, the latest mount first.
    fn mounted_at(&self, path: &[u8]) -> Option<Result<Place>> {
        // To hash a long path costs more than a look into a directory.
        if path.len() > self.longest {
            return None;
        }
        let mount = *self.latest.get(path)?;
        let (at, what) = self.mounts.get(mount)?;
        Some(match what {
            Mounted::Readable(filesystem, _) => Ok(Place { mount, node: filesystem.root() }),
            Mounted::Unreadable(reason) => {
                Err(Error::Unreadable { path: at.clone(), reason: reason.clone() })
            }
        })
    }

    fn walk(&self, path: &str, follow_last: bool) -> Result<Walked> {
        let not_found = || Error::NotFound { path: path.to_owned() };
        let root = self.mounted_at(b"/").unwrap_or_else(|| Err(not_found()))?;
        let metadata = self.filesystem(root, path)?.metadata(root.node)?;
        // The path so far stands once: for each directory on the way its length is kept.
        let mut behind: Vec<(usize, Place, Metadata)> = Vec::new();
        let root = (1, root, metadata);
        let mut current = Walked { path: b"/".to_vec(), place: root.1, metadata: root.2.clone() };
        let mut steps: usize = 0;
        let mut ahead = self.components(path.as_bytes(), &mut steps)?;
        let mut links: u32 = 0;
        while let Some(name) = ahead.pop() {
            if current.metadata.file_type != FileType::Directory {
                return Err(Error::NotADirectory {
                    path: String::from_utf8_lossy(&current.path).into_owned(),
                });
            }
            if name == b".." {
                current.back_to(behind.pop().unwrap_or_else(|| root.clone()));
                continue;
            }
            let filesystem = self.filesystem(current.place, path)?;
            let node = filesystem.lookup(current.place.node, &name)?.ok_or_else(not_found)?;
            let metadata = filesystem.metadata(node)?;
            if metadata.file_type == FileType::Symlink && (follow_last || !ahead.is_empty()) {
                links = links.saturating_add(1);
                if links > MAX_SYMLINKS {
                    return Err(Error::SymlinkLoop { path: path.to_owned() });
                }
                let target = filesystem.read_link(node)?;
                if target.is_empty() {
                    return Err(not_found());
                }
                if target.first() == Some(&b'/') {
                    behind.clear();
                    current.back_to(root.clone());
                }
                ahead.extend(self.components(&target, &mut steps)?);
                continue;
            }
            let before = std::mem::replace(&mut current.metadata, metadata);
            behind.push((current.path.len(), current.place, before));
            if current.path.last() != Some(&b'/') {
                current.path.push(b'/');
            }
            current.path.extend_from_slice(&name);
            if current.path.len() > MAX_PATH {
                return Err(Error::too_much("path", MAX_PATH, "bytes"));
            }
            current.place.node = node;
            if let Some(mounted) = self.mounted_at(&current.path) {
                current.place = mounted?;
                current.metadata =
                    self.filesystem(current.place, path)?.metadata(current.place.node)?;
            }
        }
        Ok(current)
    }

    /// The components of a path, the first one last (so that `pop` gives it); without empty ones and `.`.
    /// They count before they are gone through: what is not there ends the way to the rest.
    fn components(&self, path: &[u8], steps: &mut usize) -> Result<Vec<Vec<u8>>> {
        if path.len() > MAX_PATH {
            return Err(Error::too_much("path", MAX_PATH, "bytes"));
        }
        let names = path.split(|byte| *byte == b'/').rev();
        let names = names.filter(|name| !name.is_empty() && *name != b".").map(<[u8]>::to_vec);
        let names: Vec<Vec<u8>> = names.collect();
        *steps = steps.saturating_add(names.len());
        if *steps > MAX_COMPONENTS {
            return Err(Error::too_much("path", MAX_COMPONENTS, "components"));
        }
        let cost = names.len().max(path.len().div_ceil(BYTES_AS_ONE));
        if self.counts.walked.fetch_add(cost, Relaxed) >= MAX_WALKED {
            return Err(Error::too_much("all paths that were followed", MAX_WALKED, "components"));
        }
        Ok(names)
    }
}

/// A place reached on a walk, with its canonical path.
struct Walked {
    path: Vec<u8>,
    place: Place,
    metadata: Metadata,
}

impl Walked {
    /// Goes back to a directory on the way: the length of its path, and what is there.
    fn back_to(&mut self, (length, place, metadata): (usize, Place, Metadata)) {
        self.path.truncate(length);
        (self.place, self.metadata) = (place, metadata);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;

    fn tree() -> Tree {
        let root = MemoryFs::new()
            .file("/etc/hostname", "guest\n")
            .symlink("/etc/absolute", "/usr/lib/os-release")
            .symlink("/etc/up", "../../../../etc/hostname")
            .symlink("/bin", "usr/bin")
            .file("/usr/bin/sh", "x")
            .file("/usr/lib/os-release", "ID=x\n")
            .symlink("/ring/a", "b")
            .symlink("/ring/b", "/ring/a")
            .symlink("/dangling", "nowhere")
            .symlink("/etc/kernel", "/boot/vmlinuz")
            .file("/boot/hidden", "below the mount")
            .dir("/data");
        let mut tree = root.tree();
        tree.mount("/boot", Mounted::Readable(Arc::new(MemoryFs::new().file("/vmlinuz", "k")), 7));
        tree.mount("/data", Mounted::Unreadable("xfs is not read".to_owned()));
        tree
    }

    #[test]
    fn links_are_followed_inside_the_guest_and_never_above_its_root() {
        let tree = tree();
        assert_eq!(tree.read_text("/etc/absolute", 99).unwrap(), "ID=x\n");
        assert_eq!(tree.read_text("/etc/up", 99).unwrap(), "guest\n");
        assert_eq!(tree.canonicalize("/bin/../bin/./sh").unwrap().0, "/usr/bin/sh");
        assert_eq!(tree.read_link("/bin").unwrap(), "usr/bin");
        assert_eq!(tree.symlink_metadata("/dangling").unwrap().file_type, FileType::Symlink);
    }

    #[test]
    fn a_ring_of_links_ends_and_a_dangling_link_is_absent() {
        let tree = tree();
        assert_eq!(tree.resolve("/ring/a"), Err(Error::SymlinkLoop { path: "/ring/a".into() }));
        assert!(tree.exists("/ring/a").is_err());
        assert!(!tree.exists("/dangling").unwrap());
        assert!(!tree.exists("/etc/hostname/x").unwrap());
    }

    #[test]
    fn a_directory_that_is_listed_again_and_again_ends_at_the_bound() {
        let fs = (0..1000).fold(MemoryFs::new(), |fs, index| fs.file(&format!("/d/{index}"), ""));
        let tree = fs.tree();
        let listed = (0..5000).take_while(|_| tree.read_dir("/d").is_ok()).count();
        assert_eq!(listed, MAX_LISTED / 1000 + 1);
        let error = tree.clone().read_dir("/d").unwrap_err();
        assert!(matches!(error, Error::Limit { limit: 4_194_304, .. }), "{error}");
        // So does one that is damaged behind them.
        let tree = (0..1000).fold(MemoryFs::new(), |fs, index| fs.file(&format!("/d/{index}"), ""));
        let tree = tree.unreadable("/d").tree();
        let is_limit = |error| matches!(error, Err(Error::Limit { .. }));
        let listed = (0..5000).take_while(|_| !is_limit(tree.read_dir("/d"))).count();
        assert_eq!(listed, MAX_LISTED / 1000 + 1);
    }

    #[test]
    fn a_path_through_very_many_directories_ends_at_the_bound() {
        let hops = |to: &str| format!("{}{to}", "x/../".repeat(800));
        let mut fs = MemoryFs::new().dir("/x").file("/end", "here");
        for (link, to) in [("/a", "b"), ("/b", "c"), ("/c", "end")] {
            fs = fs.symlink(link, &hops(to));
        }
        let tree = fs.tree();
        assert_eq!(tree.read_text("/b", 99).unwrap(), "here");
        let limit = |limit, unit| Error::Limit { structure: "path", limit, unit };
        assert_eq!(tree.resolve("/a"), Err(limit(4096, "components")));
        assert_eq!(tree.exists("/a"), Err(limit(4096, "components")));
        assert_eq!(tree.resolve(&"/x".repeat(2048)), Err(limit(4095, "bytes")));
        assert!(!tree.exists(&format!("{}/", "/x".repeat(2047))).unwrap());
    }

    #[test]
    fn very_many_paths_through_many_directories_end_at_the_bound_of_all() {
        let fs = MemoryFs::new().dir("/x").symlink("/l", &"x/../".repeat(800));
        let tree = fs.file("/end", "").tree();
        // 800 times the directory and back, and the link itself; what begins below the bound ends.
        let followed = (0..5000).take_while(|_| tree.exists("/l") == Ok(true)).count();
        assert_eq!(followed, MAX_WALKED.div_ceil(1601));
        let bound = Error::Limit {
            structure: "all paths that were followed",
            limit: 2_097_152,
            unit: "components",
        };
        // What the bound hides is not absent, whoever asks next.
        for path in ["/end", "/gone"] {
            assert_eq!(tree.clone().exists(path), Err(bound.clone()));
        }
        assert!(!bound.is_absent());
    }

    #[test]
    fn trees_of_common_counts_end_together() {
        let counts = Arc::default();
        let link = &"x/../".repeat(800);
        let tree = || {
            let fs = MemoryFs::new().dir("/x").symlink("/l", link);
            Tree::counted(fs.shared(), 0, &counts)
        };
        let followed = (0..5000).take_while(|_| tree().exists("/l") == Ok(true)).count();
        assert_eq!(followed, MAX_WALKED.div_ceil(1601));
    }

    #[test]
    fn a_link_costs_what_it_names_though_nothing_is_there() {
        let names = format!("gone{}", "/x".repeat(1999));
        let dots = format!("gone{}", "/.".repeat(2045));
        for (target, cost) in [(names, 2001), (dots, 65)] {
            let tree = MemoryFs::new().symlink("/l", &target).tree();
            let bound = MAX_WALKED / cost;
            let asked = (0..=2 * bound).take_while(|_| tree.exists("/l") == Ok(false)).count();
            assert!(asked.abs_diff(bound) < 2, "{asked} of {bound}");
        }
    }

    #[test]
    fn a_path_is_not_longer_behind_its_links_than_one_that_is_written() {
        let below = format!("/{}", "x".repeat(255)).repeat(10);
        let fs = MemoryFs::new()
            .symlink("/l", &below)
            .symlink(&format!("{below}/m"), &below[1..])
            .file(&format!("{below}{below}/end"), "here");
        let tree = fs.tree();
        let limit = Error::Limit { structure: "path", limit: 4095, unit: "bytes" };
        assert_eq!(tree.exists("/l"), Ok(true));
        assert_eq!(tree.exists("/l/m/end"), Err(limit));
    }

    #[test]
    fn nothing_is_above_a_file() {
        let tree = tree();
        assert_eq!(tree.exists("/etc/hostname/../hostname"), Ok(false));
    }

    #[test]
    fn a_mount_covers_the_directory_and_an_unreadable_one_is_never_absent() {
        let tree = tree();
        let place = tree.resolve("/etc/kernel").unwrap();
        assert_eq!(tree.volume(place), Some(7));
        assert!(!tree.exists("/boot/hidden").unwrap());
        for path in ["/data", "/data/x", "/data/../data/y"] {
            let error = tree.exists(path).unwrap_err();
            assert!(matches!(error, Error::Unreadable { .. }), "{error}");
        }
    }

    #[test]
    fn of_several_mounts_at_one_place_the_latest_is_seen() {
        let mut tree = tree();
        let of = |name| Mounted::Readable(Arc::new(MemoryFs::new().file(name, "later")), 8);
        tree.mount("/data", of("/read"));
        tree.mount("/boot", Mounted::Unreadable("it is encrypted".to_owned()));
        assert_eq!(tree.read_text("/data/read", 99).unwrap(), "later");
        assert!(matches!(tree.exists("/boot/vmlinuz"), Err(Error::Unreadable { .. })));
        assert_eq!(tree.mounts().len(), 5);
        tree.mount("/", of("/only"));
        assert_eq!(
            tree.resolve("/").map(|place| (place.mount, tree.volume(place))),
            Ok((5, Some(8)))
        );
        assert!(!tree.exists("/etc/hostname").unwrap());
    }

    #[test]
    fn a_directory_is_listed_with_links_and_what_is_mounted() {
        let tree = tree();
        let listed = tree.list("/usr/..").unwrap();
        let of = |name: &str| {
            listed.iter().find(|listed| listed.name == name.as_bytes()).unwrap().metadata.clone()
        };
        assert_eq!(of("bin").unwrap().1.unwrap(), b"usr/bin");
        assert_eq!(of("boot").unwrap().0.file_type, FileType::Directory);
        assert!(matches!(of("data"), Err(Error::Unreadable { .. })));
        assert!(tree.list("/etc/hostname").is_err());
    }

    #[test]
    fn a_longer_file_than_the_limit_is_not_cut_but_refused() {
        let error = tree().read("/etc/hostname", 5).unwrap_err();
        assert_eq!(error, Error::Limit { structure: "file", limit: 5, unit: "bytes" });
    }
}
