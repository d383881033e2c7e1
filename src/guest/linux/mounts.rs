//! The guest's tree: its root joined with what its mount table mounts at boot.

use std::sync::Arc;

use super::root::Root;
use super::rooted::Rooted;
use crate::error::Error;
use crate::fact::Fact;
use crate::filesystem::tree::{Mounted, Tree};
use crate::filesystem::{FileSystem, FileType};
use crate::guest::Machine;
use crate::guest::facts::{Fstab, FstabEntry, MountFacts, Resolution};

/// Most mounts that are joined; a real fstab has a few dozen at most.
const MAX_MOUNTS: usize = 256;

/// Longest path at which a file system is joined, in bytes: each step of each path in the tree asks what is
/// mounted there. A real mount point has some 20.
const MAX_MOUNT_POINT: usize = 255;

/// Joins the file systems of the mount table into the tree, parents before children and what they
/// show of one another last, as systemd orders them (`systemd.mount(5)`, "Automatic dependencies").
pub(super) fn join(
    machine: &Machine<'_>,
    root: &Root,
    fstab: &Fact<Fstab>,
) -> (Tree, Vec<MountFacts>) {
    let of_root = |path: &str| MountFacts {
        path: path.to_owned(),
        volume: Some(root.volume),
        kind: Some(root.filesystem.kind().to_owned()),
        readable: Fact::Known(()),
        fails: None,
        evidence: root.evidence.clone(),
    };
    let mut mounts = vec![of_root("/")];
    let mut tree = root.tree();
    for (path, filesystem) in &root.beside {
        tree.mount(path, Mounted::Readable(filesystem.clone(), root.volume));
        mounts.push(of_root(path));
    }
    let mut entries: Vec<&FstabEntry> = fstab
        .known()
        .map(|fstab| fstab.entries.iter().filter(|e| joins(e)).collect())
        .unwrap_or_default();
    entries.sort_by_key(|entry| {
        (is_bind(entry) || is_layered(entry), entry.mount_point.split('/').count())
    });
    for (index, entry) in entries.into_iter().enumerate() {
        let real = real(&tree, &entry.mount_point);
        let place = real.as_ref().unwrap_or(&entry.mount_point);
        let near = within(place);
        let unread = if near != Some(place.as_str()) {
            let reason = format!("its mount point is longer than {MAX_MOUNT_POINT} bytes");
            Some((entry.evidence().location, reason))
        } else if index >= MAX_MOUNTS {
            let reason = format!("the mount table has more than {MAX_MOUNTS} file systems");
            Some((entry.file().to_owned(), reason))
        } else {
            real.as_ref().err().map(|reason| (entry.evidence().location, reason.clone()))
        };
        let mounted = match unread {
            // Left out, it would look as if nothing were mounted there.
            Some((location, reason)) => {
                let readable = Fact::unknown(location, reason.clone());
                Some((Mounted::Unreadable(reason), MountFacts { readable, ..bare(entry) }))
            }
            None if is_layered(entry) => layered(&tree, entry),
            None if is_bind(entry) => bind(&tree, entry),
            None => Some(mount(machine, entry)),
        };
        if let Some((what, facts)) = mounted {
            if let Some(near) = near {
                tree.mount(near, what);
            }
            mounts.push(facts);
        }
    }
    (tree, mounts)
}

/// A path, or of one above [`MAX_MOUNT_POINT`] the nearest directory above that is not; none where that is
/// `/`, for a name ends at 255 bytes (Linux: `NAME_MAX`).
fn within(mut path: &str) -> Option<&str> {
    while path.len() > MAX_MOUNT_POINT {
        path = path.rsplit_once('/')?.0;
    }
    (!path.is_empty()).then_some(path)
}

/// Where a mount point lies: systemd-fstab-generator and mount(8) follow the links in it. One that is
/// not there, or below what is not read, lies where it says.
///
/// # Errors
/// Why that is not known.
fn real(tree: &Tree, mount_point: &str) -> Result<String, String> {
    match tree.canonicalize(mount_point) {
        Ok((real, _)) => Ok(real),
        Err(Error::Unreadable { .. } | Error::SymlinkLoop { .. }) => Ok(mount_point.to_owned()),
        Err(error) if error.is_absent() => Ok(mount_point.to_owned()),
        Err(error) => Err(format!("where it is mounted is not known: {error}")),
    }
}

/// Whether the entry shows a directory of the tree at a second place.
fn is_bind(entry: &FstabEntry) -> bool {
    entry.source.spec.starts_with('/') && (entry.has_option("bind") || entry.has_option("rbind"))
}

/// Whether the entry lays another directory over `/etc`, as SLE Micro and MicroOS did.
fn is_layered(entry: &FstabEntry) -> bool {
    entry.fs_type == "overlay" && entry.mount_point == "/etc"
}

/// What an overlay shows is not put together from its layers: with something in another one it is not
/// known. Without, it is the directory below (Linux: Documentation/filesystems/overlayfs.rst).
fn layered(tree: &Tree, entry: &FstabEntry) -> Option<(Mounted, MountFacts)> {
    let option = |key| entry.options.iter().find_map(|option| option.strip_prefix(key));
    let lower = option("lowerdir=").unwrap_or_default().split(':');
    // The initramfs has the root at /sysroot.
    let layers = option("upperdir=").into_iter().chain(lower);
    let layers = layers.map(|layer| layer.strip_prefix("/sysroot").unwrap_or(layer));
    let mut others = layers.filter(|layer| !matches!(*layer, "" | "/etc"));
    let reason = others.find_map(|layer| match tree.read_dir(layer) {
        Ok(entries) if entries.is_empty() => None,
        Ok(_) => Some(format!("{layer} is a layer of it, which is not read")),
        Err(error) if error.is_absent() => None,
        Err(error) => Some(format!("{layer}: {error}")),
    })?;
    let readable = Fact::unknown(entry.mount_point.clone(), reason.clone());
    Some((Mounted::Unreadable(reason), MountFacts { readable, ..bare(entry) }))
}

/// What a bind mount shows; `None` when its source is not there, so that the mount fails, or is a
/// file.
fn bind(tree: &Tree, entry: &FstabEntry) -> Option<(Mounted, MountFacts)> {
    let mut facts = bare(entry);
    let reason = match tree.canonicalize(&entry.source.spec) {
        Ok((_, place)) => {
            let (_, mounted) = tree.mounts().get(place.mount)?;
            let Mounted::Readable(filesystem, volume) = mounted else { return None };
            if filesystem.metadata(place.node).ok()?.file_type != FileType::Directory {
                return None;
            }
            facts.volume = Some(*volume);
            facts.kind = Some(filesystem.kind().to_owned());
            let shown = Rooted::shared(filesystem.clone(), place.node);
            return Some((Mounted::Readable(shown, *volume), facts));
        }
        Err(error) if error.is_absent() => return None,
        Err(error) => format!("{}: {error}", entry.source.spec),
    };
    facts.readable = Fact::unknown(entry.mount_point.clone(), reason.clone());
    Some((Mounted::Unreadable(reason), facts))
}

/// Whether the entry puts a disk's file system below `/` at boot. `/boot` counts even with `noauto`:
/// kernels are installed there.
fn joins(entry: &FstabEntry) -> bool {
    entry.mount_point.starts_with('/')
        && entry.mount_point != "/"
        && entry.fs_type != "swap"
        && (entry.source.resolution != Resolution::NoDevice || is_bind(entry) || is_layered(entry))
        && !(entry.source.resolution == Resolution::Missing && goes_on_without(entry))
        && (!entry.is_noauto() || entry.mount_point.starts_with("/boot"))
}

/// Whether boot reaches the login without the mount: then the directory below it is what is seen.
fn goes_on_without(entry: &FstabEntry) -> bool {
    entry.is_nofail()
        || entry.has_option("_netdev")
        || entry.unit.as_ref().is_some_and(|unit| !unit.required)
}

/// A file system as mount options show it: Btrfs from the subvolume that they choose (the last of
/// several, as the kernel takes them), not from its default one.
pub(super) fn chosen<'o>(
    filesystem: &Arc<dyn FileSystem>,
    options: impl DoubleEndedIterator<Item = &'o str>,
) -> Result<Arc<dyn FileSystem>, String> {
    match subvolume_option(options).filter(|_| filesystem.kind() == "btrfs") {
        None => Ok(filesystem.clone()),
        Some(option) => filesystem.subvolume(option).map_err(|error| format!("{option}: {error}")),
    }
}

/// Why the kernel does not mount the subvolume that an entry names: by its path or its number there
/// is none, or the two name different ones (Linux: fs/btrfs/super.c, `mount_subvol`).
fn contradiction(filesystem: &Arc<dyn FileSystem>, entry: &FstabEntry) -> Option<String> {
    let options = || entry.options.iter().map(String::as_str).rev();
    let named = |name: &str| {
        let option = options().find(|option| option.starts_with(name))?;
        Some((option, filesystem.subvolume(option)))
    };
    if filesystem.kind() != "btrfs" {
        return None;
    }
    let (path, number) = (named("subvol="), named("subvolid="));
    let mut both = path.iter().chain(&number);
    if let Some((option, _)) = both.find(|(_, found)| found.as_ref().is_err_and(Error::is_absent)) {
        return Some(format!("{option}: there is none"));
    }
    match (path?, number?) {
        ((path, Ok(by_path)), (number, Ok(by_number))) if by_path.root() != by_number.root() => {
            Some(format!("{path} is not {number}"))
        }
        _ => None,
    }
}

/// The last of these mount options that chooses a subvolume.
pub(super) fn subvolume_option<'o>(
    options: impl DoubleEndedIterator<Item = &'o str>,
) -> Option<&'o str> {
    options.rev().find(|o| o.starts_with("subvol=") || o.starts_with("subvolid="))
}

/// The mount of an entry, as long as nothing is known of its file system.
fn bare(entry: &FstabEntry) -> MountFacts {
    MountFacts {
        path: entry.mount_point.clone(),
        volume: None,
        kind: None,
        readable: Fact::Known(()),
        fails: None,
        evidence: entry.evidence(),
    }
}

fn mount(machine: &Machine<'_>, entry: &FstabEntry) -> (Mounted, MountFacts) {
    let mut facts = bare(entry);
    let reason = match &entry.source.resolution {
        Resolution::Volume(volume) => {
            facts.volume = Some(*volume);
            match machine.filesystems.get(*volume) {
                Some(Fact::Known(Some(filesystem))) => {
                    facts.kind = Some(filesystem.kind().to_owned());
                    facts.fails = contradiction(filesystem, entry);
                    let options = entry.options.iter().map(String::as_str);
                    match (chosen(filesystem, options), &facts.fails) {
                        (_, Some(reason)) => reason.clone(),
                        (Ok(shown), None) => return (Mounted::Readable(shown, *volume), facts),
                        (Err(reason), None) => reason,
                    }
                }
                Some(Fact::Unknown(unread)) => format!("{}: {}", unread.location, unread.reason),
                Some(Fact::Known(None)) | None => {
                    format!("{} holds no file system", entry.source.spec)
                }
            }
        }
        Resolution::Unknown(unread) => format!("{}: {}", unread.location, unread.reason),
        Resolution::Missing | Resolution::NoDevice => {
            format!("{} is not in this image", entry.source.spec)
        }
    };
    facts.readable = Fact::unknown(entry.mount_point.clone(), reason.clone());
    (Mounted::Unreadable(reason), facts)
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::bytes::Bytes;
    use crate::error::Result;
    use crate::fact::Evidence;
    use crate::filesystem::memory::MemoryFs;
    use crate::filesystem::{DirEntry, Metadata, NodeId};
    use crate::guest::linux::device::tests::{ROOT, disk};
    use crate::guest::linux::fstab;

    fn at(root: MemoryFs) -> Root {
        Root {
            volume: 0,
            filesystem: root.shared(),
            evidence: Evidence::new("test", "root"),
            others: Vec::new(),
            beside: Vec::new(),
            counts: Arc::default(),
        }
    }

    #[test]
    fn a_bind_mount_shows_a_directory_of_another_file_system() {
        let fstab = format!(
            "/data/lib /var/lib none bind 0 0\nUUID={ROOT} /data ext4 defaults 0 2\n\
             /gone /srv none bind 0 0\n"
        );
        let root = || {
            MemoryFs::new()
                .file("/etc/fstab", &fstab)
                .dir("/data")
                .dir("/var/lib")
                .file("/srv/x", "")
        };
        let data = MemoryFs::new().file("/lib/dpkg/status", "Package: x\n");
        let disk = disk();
        let filesystems = [Fact::Known(None), Fact::Known(Some(data.shared()))];
        let machine = Machine { disk: &disk, filesystems: &filesystems };
        let fstab = fstab::find(&root().tree(), &disk);
        let (tree, mounts) = join(&machine, &at(root()), &fstab);
        assert_eq!(tree.read_text("/var/lib/dpkg/status", 99).unwrap(), "Package: x\n");
        let paths: Vec<_> =
            mounts.iter().map(|mount| (mount.path.as_str(), mount.volume)).collect();
        assert_eq!(paths, [("/", Some(0)), ("/data", Some(1)), ("/var/lib", Some(1))]);
        // What cannot be mounted hides nothing.
        assert!(tree.exists("/srv/x").unwrap());
    }

    #[test]
    fn what_is_laid_over_etc_leaves_it_unknown() {
        let upper = "/var/lib/overlay/1/etc";
        let fstab = format!(
            "overlay /etc overlay lowerdir=/sysroot/etc,upperdir=/sysroot{upper},workdir=/sysroot/var/lib/overlay/work-etc,x-initrd.mount 0 0\n\
             UUID={ROOT} /var ext4 defaults 0 0\n"
        );
        let disk = disk();
        let seen_by = |fstab: &str, var: MemoryFs| {
            let root =
                || MemoryFs::new().file("/etc/fstab", fstab).file("/etc/shadow", "x").dir("/var");
            let filesystems = [Fact::Known(None), Fact::Known(Some(var.shared()))];
            let machine = Machine { disk: &disk, filesystems: &filesystems };
            let (tree, mounts) = join(&machine, &at(root()), &fstab::find(&root().tree(), &disk));
            let reason = mounts.iter().find_map(|mount| mount.readable.unread().cloned());
            (tree.exists("/etc/shadow").ok(), reason.map(|unread| unread.reason))
        };
        let seen = |var: MemoryFs| seen_by(&fstab, var);
        let (etc, reason) = seen(MemoryFs::new().file("/lib/overlay/1/etc/shadow", "y"));
        assert_eq!(etc, None);
        assert!(reason.unwrap().starts_with(upper));
        // Of several lower ones, that of the snapshot before.
        let layers = fstab.replace("lowerdir=", "lowerdir=/sysroot/var/lib/overlay/0/etc:");
        let old = "/var/lib/overlay/0/etc";
        let fs = MemoryFs::new().file("/lib/overlay/0/etc/shadow", "y");
        let (etc, reason) = seen_by(&layers, fs);
        assert!(etc.is_none() && reason.clone().unwrap().starts_with(old), "{reason:?}");
        // As it is before the first start.
        assert_eq!(seen(MemoryFs::new().dir("/lib/overlay/1/etc")), (Some(true), None));
        assert_eq!(seen(MemoryFs::new().dir("/lib")), (Some(true), None));
    }

    #[test]
    fn a_mount_point_behind_a_link_is_where_the_link_leads() {
        let fstab = format!("UUID={ROOT} /boot ext4\nUUID={ROOT} /var/new ext4\n");
        let root = || {
            MemoryFs::new()
                .file("/etc/fstab", &fstab)
                .dir("/mnt/boot")
                .dir("/srv/var/new")
                .symlink("/boot", "mnt/boot")
                .symlink("/var", "/srv/var")
        };
        let boot = MemoryFs::new().file("/vmlinuz", "kernel");
        let disk = disk();
        let filesystems = [Fact::Known(None), Fact::Known(Some(boot.shared()))];
        let machine = Machine { disk: &disk, filesystems: &filesystems };
        let (tree, _) = join(&machine, &at(root()), &fstab::find(&root().tree(), &disk));
        for path in
            ["/boot/vmlinuz", "/mnt/boot/vmlinuz", "/var/new/vmlinuz", "/srv/var/new/vmlinuz"]
        {
            assert!(tree.exists(path).unwrap(), "{path}");
        }
    }

    /// A Btrfs file system whose top level is subvolume 5 and whose `@` is subvolume 256.
    struct Subvolumes(Arc<dyn FileSystem>);

    impl FileSystem for Subvolumes {
        fn kind(&self) -> &'static str {
            "btrfs"
        }

        fn root(&self) -> NodeId {
            self.0.root()
        }

        fn metadata(&self, node: NodeId) -> Result<Metadata> {
            self.0.metadata(node)
        }

        fn read_dir(
            &self,
            dir: NodeId,
            visit: &mut dyn FnMut(DirEntry) -> ControlFlow<()>,
        ) -> Result<()> {
            self.0.read_dir(dir, visit)
        }

        fn read_link(&self, node: NodeId) -> Result<Vec<u8>> {
            self.0.read_link(node)
        }

        fn open(&self, node: NodeId) -> Result<Arc<dyn Bytes>> {
            self.0.open(node)
        }

        fn subvolume(&self, option: &str) -> Result<Arc<dyn FileSystem>> {
            match option {
                "subvol=@" | "subvolid=256" => {
                    let root = self.0.lookup(self.0.root(), b"@")?.expect("it is there");
                    Ok(Rooted::shared(self.0.clone(), root))
                }
                "subvolid=5" => Ok(self.0.clone()),
                _ => Err(Error::NotFound { path: option.to_owned() }),
            }
        }
    }

    /// Linux 6.18 refuses the last three: there is none, and "does not match subvolid".
    #[test]
    fn a_subvolume_that_cannot_be_mounted_is_told() {
        let disk = disk();
        let data: Arc<dyn FileSystem> =
            Arc::new(Subvolumes(MemoryFs::new().file("/@/x", "x").shared()));
        let filesystems = [Fact::Known(None), Fact::Known(Some(data))];
        let machine = Machine { disk: &disk, filesystems: &filesystems };
        for (options, fails) in [
            ("defaults", None),
            ("subvol=@", None),
            ("subvolid=256,subvol=@", None),
            ("subvol=@home", Some("subvol=@home: there is none")),
            ("subvolid=999,subvol=@", Some("subvolid=999: there is none")),
            ("subvol=@,subvolid=5", Some("subvol=@ is not subvolid=5")),
        ] {
            let root = || {
                let line = format!("UUID={ROOT} /data btrfs {options} 0 0\n");
                MemoryFs::new().file("/etc/fstab", line).dir("/data")
            };
            let (tree, mounts) = join(&machine, &at(root()), &fstab::find(&root().tree(), &disk));
            assert_eq!(mounts[1].fails.as_deref(), fails, "{options}");
            assert_eq!(tree.exists("/data").is_ok(), fails.is_none(), "{options}");
        }
    }

    #[test]
    fn a_mount_point_that_cannot_be_followed_is_unreadable_and_told() {
        let fstab = format!("UUID={ROOT} /d/a/x ext4\nUUID={ROOT} /gone/x ext4\n");
        let long = |end: &str| format!("/d{}{end}", "/../d".repeat(800));
        let root = || {
            MemoryFs::new()
                .file("/etc/fstab", &fstab)
                .dir("/d/end/x")
                .symlink("/d/a", &long("/b"))
                .symlink("/d/b", &long("/c"))
                .symlink("/d/c", &long("/end"))
        };
        let disk = disk();
        let filesystems =
            [Fact::Known(None), Fact::Known(Some(MemoryFs::new().file("/f", "f").shared()))];
        let machine = Machine { disk: &disk, filesystems: &filesystems };
        let (tree, mounts) = join(&machine, &at(root()), &fstab::find(&root().tree(), &disk));
        let [_, gone, deep] = &mounts[..] else { panic!("{mounts:#?}") };
        assert_eq!(gone.readable.unread(), None);
        assert_eq!(tree.mounts()[1].0, "/gone/x");
        let unread = deep.readable.unread().unwrap();
        assert_eq!(unread.location, "/etc/fstab:1");
        assert!(unread.reason.contains("more than 4096 components"), "{unread:?}");
    }

    #[test]
    fn a_long_mount_point_hides_the_directory_above_it() {
        let name = "x".repeat(100);
        let long = format!("/srv/{name}/{name}/{name}");
        let fstab = format!("UUID={ROOT} /l ext4\nUUID={ROOT} /{} ext4\n", "y".repeat(300));
        let root = || {
            let fs = MemoryFs::new().file("/etc/fstab", &fstab).dir(&long);
            fs.file("/srv/here", "").symlink("/l", &long)
        };
        let disk = disk();
        let filesystems =
            [Fact::Known(None), Fact::Known(Some(MemoryFs::new().file("/f", "f").shared()))];
        let machine = Machine { disk: &disk, filesystems: &filesystems };
        let (tree, mounts) = join(&machine, &at(root()), &fstab::find(&root().tree(), &disk));
        let [_, link, name_too_long] = &mounts[..] else { panic!("{mounts:#?}") };
        for (seen, line) in [(link, "/etc/fstab:1"), (name_too_long, "/etc/fstab:2")] {
            let unread = seen.readable.unread().unwrap();
            assert_eq!(
                (unread.location.as_str(), &unread.reason[..20]),
                (line, "its mount point is l")
            );
        }
        assert_eq!(tree.exists("/srv/here"), Ok(true));
        assert!(matches!(tree.exists(&format!("{long}/f")), Err(Error::Unreadable { .. })));
        assert_eq!(tree.mounts().len(), 2);
    }

    #[test]
    fn a_mount_behind_the_bound_is_unreadable_not_absent() {
        let mut text = String::new();
        for index in 0..MAX_MOUNTS {
            text.push_str(&format!("UUID={ROOT} /m{index} ext4\n"));
        }
        text.push_str("UUID=0123-4567 /var/lib ext4\n");
        let root = || MemoryFs::new().file("/etc/fstab", &text).dir("/var/lib");
        let disk = disk();
        let fstab = fstab::find(&root().tree(), &disk);
        let machine = Machine { disk: &disk, filesystems: &[] };
        let (tree, mounts) = join(&machine, &at(root()), &fstab);
        assert!(mounts.last().unwrap().readable.unread().is_some());
        assert!(tree.exists("/var/lib/dpkg/status").is_err());
        assert!(tree.exists("/etc/fstab").unwrap());
    }
}
