//! The settings inside an initramfs: the few small files whose content matters.

use std::collections::BTreeMap;

use super::cpio::Entry;

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
    /// Its text.
    Text(Vec<u8>),
    /// It is a symbolic link, and where it leads.
    Link(Vec<u8>),
    /// It has more bytes than are read.
    TooLong(u32),
}

impl Setting {
    /// Bytes of content that are kept.
    fn len(&self) -> usize {
        match self {
            Self::Text(content) | Self::Link(content) => content.len(),
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
    /// Settings of the segment that have several names, by what [`Entry::linked`] says.
    linked: Vec<([u32; 3], String)>,
}

/// Which file is being collected.
pub(super) struct Open {
    path: String,
    content: Vec<u8>,
    link: bool,
    /// Other names of it.
    names: Vec<String>,
}

impl Files {
    /// One setting alone.
    #[cfg(test)]
    pub(crate) fn with(path: &str, text: &str) -> Self {
        let mut files = Self::default();
        files.insert(path.to_owned(), Setting::Text(text.as_bytes().to_vec()));
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

    /// Whether a file with so many bytes of content is kept, in the place of the one that its path had.
    fn has_room(&self, path: &str, bytes: usize) -> bool {
        let before = self.by_path.get(path);
        let others = self.bytes.saturating_sub(before.map_or(0, Setting::len));
        let is_one_more_kept = || {
            self.by_path.len() < MAX_FILES
                && (!is_aliases(path) || self.alias_files < MAX_ALIAS_FILES)
        };
        others.saturating_add(bytes) <= MAX_BYTES && (before.is_some() || is_one_more_kept())
    }

    /// Keeps a file, where there is room.
    fn insert(&mut self, path: String, setting: Setting) {
        if !self.has_room(&path, setting.len()) {
            self.overflow = true;
            return;
        }
        let aliases = usize::from(is_aliases(&path));
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
        let aliases = is_aliases(path);
        let file = entry.linked.filter(|_| entry.is_regular());
        if !aliases && !is_setting(path) {
            if let Some(file) = file.filter(|_| entry.size > 0) {
                // Once: an archive may have millions of names of one file.
                let names = self.names(file);
                if !names.is_empty() {
                    self.linked.retain(|(other, _)| *other != file);
                    return self.collect(names, entry);
                }
            }
            if is_index(path) && self.indices.len() < MAX_ALIAS_FILES {
                self.indices.push(path.to_owned());
            }
            return None;
        }
        if entry.is_directory() {
            return None;
        }
        let mut names = Vec::new();
        if let Some(file) = file {
            if self.linked.len() >= MAX_FILES {
                self.overflow = true;
                return None;
            }
            names = self.names(file);
            self.linked.push((file, path.to_owned()));
        }
        if entry.size == 0
            && let Some(Setting::Text(text)) = names.iter().find_map(|name| self.get(name))
        {
            self.insert(path.to_owned(), Setting::Text(text.clone()));
            return None;
        }
        self.collect([vec![path.to_owned()], names].concat(), entry)
    }

    /// Starts to collect the content of an entry for these paths.
    fn collect(&mut self, mut names: Vec<String>, entry: &Entry<'_>) -> Option<Open> {
        let path = names.pop()?;
        let longest = if is_aliases(&path) { MAX_ALIASES } else { MAX_SETTING };
        if entry.size > longest {
            names.push(path);
            for name in names {
                self.insert(name, Setting::TooLong(entry.size));
            }
            return None;
        }
        if !self.has_room(&path, usize::try_from(entry.size).unwrap_or(usize::MAX)) {
            self.overflow = true;
            return None;
        }
        let link = !entry.is_regular();
        Some(Open { path, content: Vec::new(), link, names })
    }

    /// The settings that were met as names of this file.
    fn names(&self, file: [u32; 3]) -> Vec<String> {
        let linked = self.linked.iter().filter(|(other, _)| *other == file);
        linked.map(|(_, path)| path.clone()).collect()
    }

    /// A segment ends: numbers of inodes are those of one archive.
    pub(super) fn end_segment(&mut self) {
        self.linked.clear();
    }

    /// Takes what was collected.
    pub(super) fn close(&mut self, open: Open) {
        let Open { path, mut content, link, names } = open;
        content.shrink_to_fit();
        for name in names {
            self.insert(name, Setting::Text(content.clone()));
        }
        self.insert(path, if link { Setting::Link(content) } else { Setting::Text(content) });
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
        assert_eq!(all.get("etc/modprobe.d/0-0"), Some(&Setting::Text(b"y".to_vec())));
        let mut aliases = Files::default();
        for release in 0..5 {
            aliases.extend(Files::with(&format!("lib/modules/{release}/modules.alias"), "x"));
        }
        assert_eq!((aliases.by_path.len(), aliases.overflow()), (4, true));
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
