//! The settings inside an initramfs: the few small files whose content matters.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::Arc;

use super::cpio::{Entry, Inode};

/// Largest text of aliases that is kept, in bytes; that of a full kernel has some 1.5 MiB.
const MAX_ALIASES: u32 = 4 << 20;

/// Largest other file that is kept, in bytes; a distribution's list of blacklisted modules has some
/// 10 KiB.
const MAX_SETTING: u32 = 64 << 10;

/// Most bytes of content that are kept in all; the aliases of four full kernels have some 6 MiB.
const MAX_BYTES: usize = 8 << 20;

/// Most files that are kept; a distribution's initramfs has some ten.
const MAX_FILES: usize = 256;

/// Most files of aliases among them, which are larger than others; there is one a kernel.
const MAX_ALIAS_FILES: usize = 4;

/// Most files with several names and content that are told apart in one archive; a distribution's has some
/// hundred at most.
const MAX_FILLED: usize = 4096;

/// Folders of settings, `/usr` cut off: `modprobe.d` (modprobe.d(5)), `modules-load.d`
/// (modules-load.d(5)), the command line that dracut adds (dracut.cmdline(7)) and what
/// initramfs-tools was configured with (initramfs-tools(7)).
const FOLDERS: [&str; 11] = [
    "etc/modprobe.d/",
    "run/modprobe.d/",
    "local/lib/modprobe.d/",
    "lib/modprobe.d/",
    "etc/modules-load.d/",
    "run/modules-load.d/",
    "local/lib/modules-load.d/",
    "lib/modules-load.d/",
    "etc/cmdline.d/",
    "conf/conf.d/",
    "conf/initramfs.d/",
];

/// Single files of settings, `/usr` cut off.
const SINGLE: [&str; 7] = [
    "etc/modprobe.conf",
    "etc/cmdline",
    "conf/modules",
    "conf/initramfs.conf",
    "conf/param.conf",
    "lib/dracut/hostonly-files",
    "lib/dracut/build-parameter.txt",
];

/// The content of a file of settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// Its text, which all names of one file share.
    Text(Arc<Vec<u8>>),
    /// It is a symbolic link, and where it leads.
    Link(Vec<u8>),
    /// It has more bytes than are read.
    TooLong(u32),
}

impl Setting {
    /// Bytes of content that are kept.
    fn len(&self) -> usize {
        match self {
            Self::Text(content) => content.len(),
            Self::Link(target) => target.len(),
            Self::TooLong(_) => 0,
        }
    }
}

/// The settings that were met, by path without `/` in front and without `usr/`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    by_path: BTreeMap<String, Setting>,
    /// How many of them are aliases.
    alias_files: usize,
    /// Bytes of their content.
    bytes: usize,
    /// Paths of indices of aliases, in kmod's own format.
    indices: Vec<String>,
    /// Whether there was more than is kept.
    overflow: bool,
    /// How many settings of all archives are names of files with several.
    linked: usize,
    /// The archive's settings that are names of files with several.
    names: BTreeMap<String, Inode>,
    /// What these files hold, as far as it was met.
    contents: BTreeMap<Inode, Option<Setting>>,
}

/// Which file is being collected.
pub(super) struct Open {
    of: Of,
    content: Vec<u8>,
    link: bool,
}

/// What content belongs to.
enum Of {
    Path(String),
    Inode(Inode),
}

/// The files of one archive that have several names and content under one of them. The kernel gives that to
/// all names, up to the trailer (`init/initramfs.c`, `maybe_link`, `free_hash`).
#[derive(Default)]
pub(super) struct Filled {
    inodes: BTreeSet<Inode>,
    more: bool,
}

impl Filled {
    /// Takes note of an entry.
    pub(super) fn note(&mut self, entry: &Entry<'_>) {
        let Some(inode) = entry.inode.filter(|_| entry.is_regular() && entry.size > 0) else {
            return;
        };
        if self.inodes.len() < MAX_FILLED {
            self.inodes.insert(inode);
        } else if !self.inodes.contains(&inode) {
            self.more = true;
        }
    }

    /// There may be more than was noted.
    pub(super) fn cut(&mut self) {
        self.more = true;
    }

    /// Whether that file has content, where it is known.
    pub(super) fn has(&self, inode: Inode) -> Option<bool> {
        let has = self.inodes.contains(&inode);
        (has || !self.more).then_some(has)
    }
}

impl Files {
    /// One setting alone.
    #[cfg(test)]
    pub(crate) fn with(path: &str, text: &str) -> Self {
        Self::of(path, Setting::Text(Arc::new(text.as_bytes().to_vec())))
    }

    /// One setting alone, of any kind.
    #[cfg(test)]
    pub(crate) fn of(path: &str, setting: Setting) -> Self {
        let mut files = Self::default();
        files.insert(path.to_owned(), setting);
        files
    }

    /// The setting at a path.
    pub fn get(&self, path: &str) -> Option<&Setting> {
        self.by_path.get(path)
    }

    /// The settings in a folder (`etc/modprobe.d/`), by path.
    pub fn below(&self, folder: &str) -> Vec<(&str, &Setting)> {
        self.by_path
            .range(folder.to_owned()..)
            .map(|(path, setting)| (path.as_str(), setting))
            .take_while(|(path, _)| path.starts_with(folder))
            .collect()
    }

    /// Whether an index of aliases of this release is there (`modules.alias.bin`), which is not read.
    pub fn has_index(&self, release: &str) -> bool {
        self.indices.iter().any(|path| *path == format!("lib/modules/{release}/modules.alias.bin"))
    }

    /// Whether more settings were there than are kept.
    pub fn overflow(&self) -> bool {
        self.overflow
    }

    /// Adds what a file loaded behind holds: of two with one name it is the one that stays.
    pub fn extend(&mut self, behind: Self) {
        for (path, setting) in behind.by_path {
            self.insert(path, setting);
        }
        self.indices.extend(behind.indices);
        self.overflow |= behind.overflow;
    }

    /// Whether so many bytes of content have room in the place of what was there before.
    fn fits(&self, before: Option<&Setting>, bytes: usize) -> bool {
        let others = self.bytes.saturating_sub(before.map_or(0, Setting::len));
        others.saturating_add(bytes) <= MAX_BYTES
    }

    /// Keeps a file, where there is room.
    fn insert(&mut self, path: String, setting: Setting) {
        let aliases = usize::from(is_aliases(&path));
        let before = self.by_path.get(&path);
        let is_kept = before.is_some()
            || self.by_path.len() < MAX_FILES
                && self.alias_files.saturating_add(aliases) <= MAX_ALIAS_FILES;
        if !is_kept || !self.fits(before, setting.len()) {
            self.overflow = true;
            return;
        }
        self.bytes = self.bytes.saturating_add(setting.len());
        match self.by_path.insert(path, setting) {
            Some(before) => self.bytes = self.bytes.saturating_sub(before.len()),
            None => self.alias_files = self.alias_files.saturating_add(aliases),
        }
    }

    /// Starts to collect the entry at `path`, if its content matters.
    pub(super) fn open(&mut self, path: &[u8], entry: &Entry<'_>) -> Option<Open> {
        let path = path.strip_prefix(b"usr/").unwrap_or(path);
        let Ok(path) = std::str::from_utf8(path) else {
            // Its readers take any name.
            self.overflow |= is_setting(&String::from_utf8_lossy(path));
            return None;
        };
        let inode = entry.inode.filter(|_| entry.is_regular());
        let aliases = is_aliases(path);
        if !aliases && !is_setting(path) {
            if is_index(path) && self.indices.len() < MAX_ALIAS_FILES {
                self.indices.push(path.to_owned());
            }
            let inode =
                inode.filter(|inode| entry.size > 0 && self.contents.contains_key(inode))?;
            return self.collect(Of::Inode(inode), MAX_SETTING, entry);
        }
        if entry.is_directory() {
            // It takes the place of a file, which the kernel removes.
            self.overflow |= self.names.contains_key(path) || self.by_path.contains_key(path);
            return None;
        }
        // What stands behind it in its place removes one of several names, which has the content of all. So
        // does the same file, and then the kernel cannot link it to itself.
        if self.names.contains_key(path) {
            self.overflow = true;
            return None;
        }
        let longest = if aliases { MAX_ALIASES } else { MAX_SETTING };
        let Some(inode) = inode else {
            return self.collect(Of::Path(path.to_owned()), longest, entry);
        };
        if self.linked >= MAX_FILES {
            self.overflow = true;
            return None;
        }
        self.linked = self.linked.saturating_add(1);
        self.names.insert(path.to_owned(), inode);
        self.contents.entry(inode).or_default();
        if entry.size == 0 {
            return None;
        }
        self.collect(Of::Inode(inode), longest, entry)
    }

    /// Starts to collect the content of an entry.
    fn collect(&mut self, of: Of, longest: u32, entry: &Entry<'_>) -> Option<Open> {
        if entry.size > longest {
            self.take(of, Setting::TooLong(entry.size));
            return None;
        }
        if !self.fits(self.before(&of), usize::try_from(entry.size).unwrap_or(usize::MAX)) {
            self.overflow = true;
            return None;
        }
        Some(Open { of, content: Vec::new(), link: !entry.is_regular() })
    }

    /// What was met before at the same place.
    fn before(&self, of: &Of) -> Option<&Setting> {
        match of {
            Of::Path(path) => self.by_path.get(path),
            Of::Inode(inode) => self.contents.get(inode)?.as_ref(),
        }
    }

    fn take(&mut self, of: Of, setting: Setting) {
        match of {
            Of::Path(path) => self.insert(path, setting),
            Of::Inode(inode) => {
                self.bytes = self.bytes.saturating_add(setting.len());
                let before = self.contents.insert(inode, Some(setting)).flatten();
                self.bytes = self.bytes.saturating_sub(before.map_or(0, |before| before.len()));
            }
        }
    }

    /// Takes what was collected.
    pub(super) fn close(&mut self, open: Open) {
        let Open { of, mut content, link } = open;
        content.shrink_to_fit();
        let text = |content| Setting::Text(Arc::new(content));
        self.take(of, if link { Setting::Link(content) } else { text(content) });
    }

    /// An archive ends: its files have the content that they have now, under all their names.
    pub(super) fn end_archive(&mut self, filled: &Filled) {
        let contents = mem::take(&mut self.contents);
        let bytes = contents.values().flatten().map(Setting::len).fold(0, usize::saturating_add);
        self.bytes = self.bytes.saturating_sub(bytes);
        for (path, inode) in mem::take(&mut self.names) {
            match contents.get(&inode) {
                Some(Some(setting)) => self.insert(path, setting.clone()),
                _ if filled.has(inode) == Some(false) => {
                    self.insert(path, Setting::Text(Arc::default()))
                }
                // The content came under a name before, when it did not seem to matter.
                _ => self.overflow = true,
            }
        }
    }
}

impl Open {
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.content.extend_from_slice(piece);
    }
}

fn is_setting(path: &str) -> bool {
    let in_folder = |folder: &&str| {
        path.strip_prefix(*folder).is_some_and(|name| !name.is_empty() && !name.contains('/'))
    };
    SINGLE.contains(&path) || FOLDERS.iter().any(in_folder)
}

/// `lib/modules/<release>/<name>`.
fn is_list(path: &str, name: &str) -> bool {
    let below = path.strip_prefix("lib/modules/").and_then(|below| below.split_once('/'));
    below.is_some_and(|(_, file)| file == name)
}

fn is_aliases(path: &str) -> bool {
    is_list(path, "modules.alias")
}

fn is_index(path: &str) -> bool {
    is_list(path, "modules.alias.bin")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_files_together_no_more_is_kept_than_of_one() {
        let of = |image: usize, files: usize| {
            (0..files).fold(Files::default(), |mut all, file| {
                all.extend(Files::with(&format!("etc/modprobe.d/{image}-{file}"), "x"));
                all
            })
        };
        let mut all = of(0, 200);
        all.extend(of(0, 200));
        assert_eq!((all.by_path.len(), all.overflow()), (200, false));
        all.extend(of(1, 200));
        assert_eq!((all.by_path.len(), all.overflow()), (256, true));
        // What stands behind still takes the place of what stood before.
        all.extend(Files::with("etc/modprobe.d/0-0", "y"));
        assert_eq!(all.get("etc/modprobe.d/0-0"), Some(&Setting::Text(Arc::new(b"y".to_vec()))));
        let mut aliases = Files::default();
        for release in 0..5 {
            aliases.extend(Files::with(&format!("lib/modules/{release}/modules.alias"), "x"));
        }
        assert_eq!((aliases.by_path.len(), aliases.overflow()), (4, true));
    }

    #[test]
    fn one_name_of_very_many_files_keeps_but_one_of_them() {
        let mut files = Files::default();
        for number in 0..1000 {
            let inode = Some([number, 0, 0]);
            let name = b"etc/modprobe.d/a.conf";
            for size in [0, 1] {
                let entry = Entry { mode: 0o100_644, size, name, inode };
                if let Some(open) = files.open(name, &entry) {
                    files.close(open);
                }
            }
        }
        assert_eq!((files.names.len(), files.contents.len()), (1, 1));
        assert!(files.overflow());
    }

    #[test]
    fn the_content_of_all_files_together_ends_at_a_bound() {
        let aliases = |release: u32, bytes: usize| {
            Files::with(&format!("lib/modules/{release}/modules.alias"), &"x".repeat(bytes))
        };
        let mut all = aliases(0, 4 << 20);
        // A file that comes again takes the place of the first, and its bytes.
        all.extend(aliases(0, (4 << 20) - 1));
        all.extend(aliases(1, 4 << 20));
        assert_eq!((all.bytes, all.overflow()), ((8 << 20) - 1, false));
        all.extend(Files::with("etc/modprobe.d/a.conf", "xy"));
        assert!(all.overflow() && all.get("etc/modprobe.d/a.conf").is_none());
        all.extend(Files::with("etc/modprobe.d/b.conf", "x"));
        assert_eq!((all.bytes, all.by_path.len(), all.alias_files), (8 << 20, 3, 2));
    }
}
