//! What has been seen so far: module names, segments, and which of the sought modules are missing.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::cpio::Entry;
use super::wanted::{Group, Wanted};

/// Longest module name in bytes (Linux: `MODULE_NAME_LEN`, `include/linux/moduleparam.h`; the kernel
/// loads no module with a longer one).
const MAX_MODULE_NAME: usize = 64;

/// Most module names that are kept. A kernel has some 6,000 modules, an initramfs seldom two kernels.
const MAX_MODULES: usize = 65_536;

/// Suffixes of a module file (`kmod`, `libkmod/libkmod-file.c`; bz2 for mkinitrd of old).
const SUFFIXES: [&[u8]; 5] = [b".ko", b".ko.gz", b".ko.xz", b".ko.zst", b".ko.bz2"];

/// Images in which dracut's modules 99squash and 95squash-* put modules and programs.
const HIDING: [&[u8]; 4] =
    [b"squashfs-root.img", b"squash-root.img", b"erofs-root.img", b"squash/root.img"];

/// The state of a listing.
pub(super) struct Listing<'w> {
    /// Names of the modules seen.
    pub(super) modules: BTreeSet<String>,
    /// The segments seen.
    pub(super) segments: Vec<String>,
    missing: Option<Vec<&'w Group>>,
    hidden: Option<&'static str>,
}

impl<'w> Listing<'w> {
    /// Nothing seen yet.
    pub(super) fn new(wanted: &'w Wanted) -> Self {
        Self {
            modules: BTreeSet::new(),
            segments: Vec::new(),
            missing: wanted.remaining(),
            hidden: None,
        }
    }

    /// Whether all that is sought was seen.
    pub(super) fn satisfied(&self) -> bool {
        self.missing.as_ref().is_some_and(Vec::is_empty)
    }

    /// An image inside, in which modules may lie unseen.
    pub(super) fn hidden(&self) -> Option<&'static str> {
        self.hidden
    }

    /// Takes note of an archive's entry; breaks when all that is sought was seen.
    pub(super) fn visit(&mut self, entry: Entry<'_>) -> ControlFlow<()> {
        if entry.is_regular() {
            let path = relative(entry.name);
            if let Some(name) = module_name(path) {
                self.insert(name);
            } else if let Some(image) = HIDING.iter().find(|image| **image == path) {
                self.hidden = std::str::from_utf8(image).ok();
            }
        }
        if self.satisfied() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn insert(&mut self, name: &[u8]) {
        let mut buffer = [0; MAX_MODULE_NAME];
        let Some(buffer) = buffer.get_mut(..name.len()) else { return };
        for (to, from) in buffer.iter_mut().zip(name) {
            *to = if *from == b'-' { b'_' } else { *from };
        }
        let Ok(name) = std::str::from_utf8(buffer) else { return };
        if self.modules.len() >= MAX_MODULES || self.modules.contains(name) {
            return;
        }
        self.modules.insert(name.to_owned());
        if let Some(missing) = &mut self.missing {
            missing.retain(|group| !group.accepts(name));
        }
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

/// The name of the module at `path`, when it is `[usr/]lib/modules/<release>/…/<name>.ko[.gz|…]`.
fn module_name(path: &[u8]) -> Option<&[u8]> {
    let path = path.strip_prefix(b"usr/").unwrap_or(path);
    let below = path.strip_prefix(b"lib/modules/")?;
    let slash = below.iter().position(|byte| *byte == b'/')?;
    let file = below.get(slash..)?.rsplit(|byte| *byte == b'/').next()?;
    let name = SUFFIXES.iter().find_map(|suffix| file.strip_suffix(*suffix))?;
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_told_by_its_place_and_suffix() {
        let name = |path: &'static str| module_name(relative(path.as_bytes()));
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
