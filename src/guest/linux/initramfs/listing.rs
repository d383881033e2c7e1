//! What has been seen so far: module names, segments, and which of the sought modules are missing.

use std::collections::BTreeSet;
use std::mem;

use super::cpio::{Entry, Flow, Inode, Visitor};
use super::files::{Files, Filled, Open};
use super::wanted::{Group, Wanted};
use crate::guest::linux::network::udev_rules::is_persistent_net;

/// Longest module name in bytes (Linux: `MODULE_NAME_LEN`, `include/linux/moduleparam.h`; the kernel
/// loads no module with a longer one).
const MAX_MODULE_NAME: usize = 64;

/// Most module names that are kept of the files of one boot entry. A kernel has some 6,000 modules, an initramfs
/// seldom two kernels.
pub(super) const MAX_MODULES: usize = 16_384;

/// Suffixes of a module file (`kmod`, `libkmod/libkmod-file.c`; bz2 for mkinitrd of old).
const SUFFIXES: [&[u8]; 5] = [b".ko", b".ko.gz", b".ko.xz", b".ko.zst", b".ko.bz2"];

/// Images in which dracut's modules 99squash and 95squash-* put modules and programs.
const HIDING: [&[u8]; 4] =
    [b"squashfs-root.img", b"squash-root.img", b"erofs-root.img", b"squash/root.img"];

/// Programs that are taken note of, in any folder of programs: those that put together what root may
/// lie on, and `nlplug-findfs`, by which an initramfs of Alpine's mkinitfs is known.
const PROGRAMS: [&str; 8] = [
    "lvm",
    "mdadm",
    "mdassemble",
    "multipath",
    "multipathd",
    "dmraid",
    "cryptsetup",
    "nlplug-findfs",
];

/// Folders of programs, `/usr` cut off.
const PROGRAM_FOLDERS: [&[u8]; 2] = [b"sbin/", b"bin/"];

/// Most directories of modules whose names are kept; there is one a kernel.
const MAX_RELEASES: usize = 16;

/// Most paths that are taken note of; an initramfs has a handful.
const MAX_NOTED: usize = 32;

/// Longest path that is taken note of, in bytes; those in question have under 100.
const MAX_NOTED_LEN: usize = 256;

/// Directories of udev's rules (udev(7)).
const UDEV_RULES: [&[u8]; 3] =
    [b"etc/udev/rules.d/", b"lib/udev/rules.d/", b"usr/lib/udev/rules.d/"];

/// Most udev rules that are kept; a generator writes one file.
const MAX_RULES: usize = 64;

/// Longest path of a udev rule that is kept, in bytes (Linux: `NAME_MAX` for its last part).
const MAX_RULE_PATH: usize = 300;

/// The state of a listing.
pub(super) struct Listing<'w> {
    /// Names of the modules seen.
    pub(super) modules: BTreeSet<String>,
    /// The releases whose modules were seen.
    pub(super) releases: BTreeSet<String>,
    /// The programs seen, of those in [`PROGRAMS`].
    pub(super) programs: BTreeSet<String>,
    /// Paths that are worth knowing.
    pub(super) noted: Vec<String>,
    /// The segments seen.
    pub(super) segments: Vec<String>,
    /// The settings seen.
    pub(super) files: Files,
    /// udev's rules seen that keep names of network cards.
    pub(super) persistent_net_rules: Vec<String>,
    /// The groups of which no module was seen, when only modules are sought.
    missing: Option<Vec<&'w Group>>,
    hidden: Option<&'static str>,
    cut: bool,
    open: Option<Open>,
    /// The files of the archive with several names and content.
    filled: Filled,
    /// udev's rules of the archive that are names of such a file, without content of their own.
    linked_rules: Vec<(String, Inode)>,
}

impl<'w> Listing<'w> {
    /// Nothing seen yet.
    pub(super) fn new(wanted: &'w Wanted) -> Self {
        Self {
            modules: BTreeSet::new(),
            releases: BTreeSet::new(),
            programs: BTreeSet::new(),
            noted: Vec::new(),
            segments: Vec::new(),
            files: Files::default(),
            persistent_net_rules: Vec::new(),
            missing: match wanted {
                Wanted::Everything => None,
                Wanted::Modules(groups) => Some(groups.iter().collect()),
            },
            hidden: None,
            cut: false,
            open: None,
            filled: Filled::default(),
            linked_rules: Vec::new(),
        }
    }

    /// A segment begins.
    pub(super) fn begin(&mut self, segment: String) {
        self.segments.push(segment);
    }

    /// The reading ends here; `whole` when nothing of the archive may come behind.
    pub(super) fn end(&mut self, whole: bool) {
        if !whole {
            self.filled.cut();
        }
        self.end_archive();
    }

    /// An archive ends: numbers of inodes are those of one, which may reach over several segments.
    fn end_archive(&mut self) {
        let filled = mem::take(&mut self.filled);
        for (rules, inode) in mem::take(&mut self.linked_rules) {
            match filled.has(inode) {
                Some(true) => self.keep_rules(rules),
                Some(false) => {}
                None => self.cut = true,
            }
        }
        self.files.end_archive(&filled);
    }

    fn keep_rules(&mut self, rules: String) {
        let fits = rules.len() <= MAX_RULE_PATH;
        self.keep(fits && self.persistent_net_rules.len() < MAX_RULES, |listing| {
            listing.persistent_net_rules.push(rules);
        });
    }

    /// Whether all that is sought was seen.
    pub(super) fn satisfied(&self) -> bool {
        self.missing.as_ref().is_some_and(Vec::is_empty)
    }

    /// Whether there was more of what is sought than is kept, or a longer path.
    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    /// An image inside, in which modules may lie unseen.
    pub(super) fn hidden(&self) -> Option<&'static str> {
        self.hidden
    }

    fn look(&mut self, path: &[u8], entry: &Entry<'_>) {
        if entry.is_regular() {
            if let Some((release, name)) = module(path) {
                self.insert(name);
                self.insert_release(release);
            } else if let Some(image) = HIDING.iter().find(|image| **image == path) {
                self.hidden = std::str::from_utf8(image).ok();
            } else if let Some(rules) = persistent_net_rules(path) {
                match entry.inode {
                    _ if entry.size > 0 => self.keep_rules(rules),
                    Some(inode) => {
                        self.keep(self.linked_rules.len() < MAX_RULES, |listing| {
                            listing.linked_rules.push((rules, inode));
                        });
                    }
                    None => {}
                }
            }
        }
        if entry.is_directory() {
            return;
        }
        if let Some(name) = program(path) {
            self.programs.insert(name.to_owned());
        }
        if is_noted(path) {
            self.keep(self.noted.len() < MAX_NOTED && path.len() <= MAX_NOTED_LEN, |listing| {
                listing.noted.push(String::from_utf8_lossy(path).into_owned());
            });
        }
    }

    /// Keeps something where there is room for it, and else takes note that there was not.
    fn keep(&mut self, has_room: bool, push: impl FnOnce(&mut Self)) {
        if has_room {
            push(self);
        } else {
            self.cut = true;
        }
    }

    fn insert_release(&mut self, release: &[u8]) {
        let Ok(release) = std::str::from_utf8(release) else { return };
        if self.releases.contains(release) {
            return;
        }
        if self.releases.len() >= MAX_RELEASES {
            self.cut = true;
            return;
        }
        self.releases.insert(release.to_owned());
    }

    fn flow(&self) -> Flow {
        if self.satisfied() { Flow::Stop } else { Flow::Next }
    }

    fn insert(&mut self, name: &[u8]) {
        let mut buffer = [0; MAX_MODULE_NAME];
        let Some(buffer) = buffer.get_mut(..name.len()) else { return };
        for (to, from) in buffer.iter_mut().zip(name) {
            *to = if *from == b'-' { b'_' } else { *from };
        }
        let Ok(name) = std::str::from_utf8(buffer) else { return };
        if self.modules.contains(name) {
            return;
        }
        if self.modules.len() >= MAX_MODULES {
            self.cut = true;
            return;
        }
        self.modules.insert(name.to_owned());
        if let Some(missing) = &mut self.missing {
            missing.retain(|group| !group.accepts(name));
        }
    }
}

impl Visitor for Listing<'_> {
    fn entry(&mut self, entry: Entry<'_>) -> Flow {
        if !entry.is_unpacked() {
            return self.flow();
        }
        if entry.is_trailer() {
            self.end_archive();
            return self.flow();
        }
        let path = relative(entry.name);
        self.filled.note(&entry);
        self.look(path, &entry);
        self.open = if self.missing.is_none() { self.files.open(path, &entry) } else { None };
        if self.open.is_some() { Flow::Content } else { self.flow() }
    }

    fn content(&mut self, piece: &[u8]) {
        if let Some(open) = &mut self.open {
            open.push(piece);
        }
    }

    fn end(&mut self) -> Flow {
        if let Some(open) = self.open.take() {
            self.files.close(open);
        }
        self.flow()
    }
}

/// The path from the root of the archive: without `/` and `./` in front.
fn relative(mut path: &[u8]) -> &[u8] {
    loop {
        path = match path {
            [b'/', rest @ ..] | [b'.', b'/', rest @ ..] => rest,
            _ => return path,
        };
    }
}

/// Release and name of the module at `path`, when it is
/// `[usr/]lib/modules/<release>/…/<name>.ko[.gz|…]`.
fn module(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let path = path.strip_prefix(b"usr/").unwrap_or(path);
    let below = path.strip_prefix(b"lib/modules/")?;
    let slash = below.iter().position(|byte| *byte == b'/')?;
    let (release, rest) = below.split_at_checked(slash)?;
    let file = rest.rsplit(|byte| *byte == b'/').next()?;
    let name = SUFFIXES.iter().find_map(|suffix| file.strip_suffix(*suffix))?;
    (!name.is_empty()).then_some((release, name))
}

/// The name of the program at `path`, when it is one of [`PROGRAMS`].
fn program(path: &[u8]) -> Option<&'static str> {
    let path = path.strip_prefix(b"usr/").unwrap_or(path);
    let name = PROGRAM_FOLDERS.iter().find_map(|folder| path.strip_prefix(*folder))?;
    PROGRAMS.into_iter().find(|program| program.as_bytes() == name)
}

/// Whether a path is worth knowing: a driver of Huawei's old set (`updates/pvdriver/`).
fn is_noted(path: &[u8]) -> bool {
    let path = path.strip_prefix(b"usr/").unwrap_or(path);
    let part = b"/updates/pvdriver/";
    path.starts_with(b"lib/m") && path.windows(part.len()).any(|window| window == part)
}

/// The path, when it is that of a udev rule which keeps names of network cards.
fn persistent_net_rules(path: &[u8]) -> Option<String> {
    let file = UDEV_RULES.iter().find_map(|directory| path.strip_prefix(*directory))?;
    // udev asks no name to be UTF-8.
    let kept = file.ends_with(b".rules") && is_persistent_net(&String::from_utf8_lossy(file));
    kept.then(|| String::from_utf8_lossy(path).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_keep_names_of_cards_are_told_by_their_place_and_name() {
        let kept = |path: &str| persistent_net_rules(path.as_bytes()).is_some();
        assert!(kept("etc/udev/rules.d/70-persistent-net.rules"));
        assert!(kept("lib/udev/rules.d/75-persistent-net-generator.rules"));
        assert!(!kept("usr/lib/udev/rules.d/60-persistent-storage.rules"));
        assert!(!kept("usr/lib/udev/rules.d/75-net-description.rules"));
        assert!(!kept("etc/udev/70-persistent-net.rules"));
        assert!(!kept("etc/udev/rules.d/70-persistent-net.rules.bak"));
    }

    #[test]
    fn a_module_is_told_by_its_place_and_suffix() {
        let name = |path: &'static str| module(relative(path.as_bytes())).map(|(_, name)| name);
        assert_eq!(name("lib/modules/6.1/kernel/virtio.ko"), Some(&b"virtio"[..]));
        assert_eq!(
            name("./usr/lib/modules/6.1/a/b/xen-blkfront.ko.xz"),
            Some(&b"xen-blkfront"[..])
        );
        assert_eq!(name("/lib/modules/6.1/x.ko.zst"), Some(&b"x"[..]));
        assert_eq!(name("lib/modules/x.ko"), None);
        assert_eq!(name("lib/modules/6.1/.ko"), None);
        assert_eq!(name("lib/modules/6.1/virtio.ko.lzma"), None);
        assert_eq!(name("opt/lib/modules/6.1/virtio.ko"), None);
    }
}
