//! The subvolumes and their paths.

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::key::{Key, is_subvolume, item, objectid};
use super::reference::{self, Reference};
use super::root::{self, RootItem, RootRef};
use super::tree::Tree;
use super::volume::Volume;
use crate::error::{Error, Result};

/// The subvolume that every file system has, and in which all others lie.
pub const TOP_LEVEL: u64 = objectid::FS_TREE;

/// Most subvolumes that are listed. Machines with a snapshot for every container layer have
/// thousands.
const MAX_SUBVOLUMES: usize = 1 << 14;

/// Longest path of a subvolume in bytes (Linux: `PATH_MAX`).
const MAX_PATH: usize = 4096;

/// Most directories that are looked up for the paths of all subvolumes: 16 for each.
const MAX_STEPS: u32 = 1 << 18;

/// A subvolume of the file system.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subvolume {
    /// Its number, which `subvolid=` takes.
    pub id: u64,
    /// Its path from the top-level subvolume on, which `subvol=` takes, without a `/` in front;
    /// empty for the top-level subvolume itself.
    pub path: Vec<u8>,
    /// The subvolume that it lies in; none for the top-level subvolume.
    pub parent: Option<u64>,
}

/// How a mount names a subvolume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubvolumeId {
    /// By its number (`subvolid=`); 0 is the top-level subvolume.
    Id(u64),
    /// By its path from the top-level subvolume on (`subvol=`), with or without a `/` in front.
    Path(Vec<u8>),
}

/// All subvolumes that are entered somewhere, the top-level one included, by number.
pub(super) fn list(roots: &Tree, volume: &Volume) -> Result<Vec<Subvolume>> {
    let mut living: HashMap<u64, Tree> = HashMap::new();
    let mut entered: HashMap<u64, (u64, RootRef)> = HashMap::new();
    let range = Key::new(TOP_LEVEL, 0, 0)..=Key::new(objectid::LAST_FREE, u8::MAX, u64::MAX);
    roots.walk(volume, range, |item| {
        let id = item.key.objectid;
        match item.key.kind {
            item::ROOT_ITEM if is_subvolume(id) => {
                let found = RootItem::parse(&item.content(root::NAME))?;
                if found.refs > 0 {
                    living.insert(id, Tree::new(id, found.root));
                }
            }
            item::ROOT_BACKREF => {
                let at = RootRef::parse(&item.content(root::REF_NAME))?;
                entered.insert(id, (item.key.offset, at));
            }
            _ => {}
        }
        if living.len().max(entered.len()) > MAX_SUBVOLUMES {
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    if living.len().max(entered.len()) > MAX_SUBVOLUMES {
        return Err(limit(u64::try_from(MAX_SUBVOLUMES).unwrap_or(u64::MAX), "subvolumes"));
    }
    let mut paths = Paths { volume, living: &living, entered: &entered, steps: 0 };
    let mut ids: Vec<u64> = living.keys().copied().collect();
    ids.sort_unstable();
    ids.into_iter()
        // Without a name it is an orphan of a deletion that a crash cut short.
        .filter(|id| *id == TOP_LEVEL || entered.contains_key(id))
        .map(|id| {
            let parent = entered.get(&id).map(|(parent, _)| *parent);
            Ok(Subvolume { id, path: paths.of(id)?, parent })
        })
        .collect()
}

fn limit(limit: u64, unit: &'static str) -> Error {
    Error::Limit { structure: "btrfs root tree", limit, unit }
}

struct Paths<'a> {
    volume: &'a Volume,
    living: &'a HashMap<u64, Tree>,
    entered: &'a HashMap<u64, (u64, RootRef)>,
    /// Directories looked up so far.
    steps: u32,
}

impl Paths<'_> {
    /// The path of a subvolume: its own name and those above it, up to the top level. Each name has
    /// at least a byte, so that the longest path ends a ring.
    fn of(&mut self, id: u64) -> Result<Vec<u8>> {
        let mut names: Vec<Vec<u8>> = Vec::new();
        let mut len = 0_usize;
        let mut tree = id;
        while tree != TOP_LEVEL {
            let Some((parent, at)) = self.entered.get(&tree) else {
                let expected = format!("a place where subvolume {tree} is entered");
                return Err(Error::corrupt("btrfs root tree", 0, expected, "none"));
            };
            let mut dir = at.dir;
            let mut name = at.name.clone();
            loop {
                len = len.saturating_add(name.len()).saturating_add(1);
                if len > MAX_PATH {
                    let limit_bytes = u64::try_from(MAX_PATH).unwrap_or(u64::MAX);
                    return Err(limit(limit_bytes, "bytes in the path of a subvolume"));
                }
                names.push(name);
                if dir == objectid::FIRST_FREE {
                    break;
                }
                (dir, name) = self.parent_directory(*parent, dir)?;
            }
            tree = *parent;
        }
        names.reverse();
        Ok(names.join(&b'/'))
    }

    /// The directory that a directory lies in, and its name there.
    fn parent_directory(&mut self, tree: u64, dir: u64) -> Result<(u64, Vec<u8>)> {
        self.steps = self.steps.saturating_add(1);
        if self.steps > MAX_STEPS {
            return Err(limit(MAX_STEPS.into(), "directories above subvolumes"));
        }
        let missing = |what: String| Error::corrupt("btrfs root tree", 0, what, "none");
        let tree =
            self.living.get(&tree).ok_or_else(|| missing(format!("the subvolume {tree}")))?;
        let mut found = None;
        let range = Key::all(dir, item::INODE_REF);
        tree.walk(self.volume, range, |item| {
            let names = Reference::all(item.key, &item.content(reference::NAME))?;
            found = names.into_iter().next().map(|first| (first.dir, first.name));
            Ok(ControlFlow::Break(()))
        })?;
        found.ok_or_else(|| missing(format!("a name of directory {dir} in subvolume {}", tree.id)))
    }
}
