//! `/etc/fstab`, as libmount reads it (fstab(5); util-linux `libmount/src/tab_parse.c`).

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::device::{device_ref, root_ref};
use super::systemd_unit::SYSTEMD;
use crate::disk::facts::DiskFacts;
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::tree::Tree;
use crate::guest::facts::{DeviceRef, Fstab, FstabEntry, Resolution, SourceKind};

/// Largest `/etc/fstab` that is read, in bytes: hundreds of times a real one.
const MAX_FSTAB: u64 = 1 << 20;

/// Most lines that name something, or should; with the rules' evidence each costs about a KiB.
const MAX_LINES: usize = 4096;

/// The guest's `/etc/fstab`, sources resolved among the disk's volumes.
pub fn find(tree: &Tree, disk: &DiskFacts) -> Fact<Fstab> {
    match tree.read_text("/etc/fstab", MAX_FSTAB) {
        Ok(text) => {
            let systemd = SYSTEMD.iter().any(|path| matches!(tree.exists(path), Ok(true)));
            Fact::from_result("/etc/fstab", parse(&text, disk, systemd))
        }
        Err(error) if error.is_absent() => Fact::Known(Fstab::default()),
        Err(error) => Fact::unknown("/etc/fstab", error.to_string()),
    }
}

/// Lets `/dev/root`, the kernel's name for whatever `root=` names, lead to the root's volume.
pub(super) fn resolve_root(fstab: &mut Fstab, root: usize) {
    for entry in fstab.entries.iter_mut().filter(|entry| entry.source.spec == "/dev/root") {
        entry.source.resolution = Resolution::Volume(root);
    }
}

/// Looks for the files of the guest that are mounted as disks (mount(8), "The loop device").
pub(super) fn look_for_files(fstab: &mut Fstab, tree: &Tree) {
    for entry in fstab.entries.iter_mut().filter(|entry| is_file(entry)) {
        let source = &mut entry.source;
        match tree.exists(&source.spec) {
            Ok(true) => {}
            Ok(false) => source.resolution = Resolution::Missing,
            Err(error) => {
                let unread = Unread::from((source.spec.as_str(), &error));
                source.resolution = Resolution::Unknown(unread);
            }
        }
    }
}

/// Whether the entry's source is a file with a file system in it.
fn is_file(entry: &FstabEntry) -> bool {
    let has = |name: &str| entry.options.iter().any(|option| option == name);
    let is_below = |folder: &str| entry.source.spec.starts_with(folder);
    entry.source.kind == SourceKind::Virtual
        && entry.source.spec.starts_with('/')
        && !["/dev/", "/proc/", "/sys/", "/run/"].into_iter().any(is_below)
        && (entry.has_option("loop") || DISK_TYPES.contains(&entry.fs_type.as_str()))
        && !(has("bind") || has("rbind") || has("remount") || has("move"))
}

/// Types for which mount(8) makes a loop device of a file by itself. Others (FUSE, unions) may mean
/// by a path what they like.
const DISK_TYPES: &[&str] = &[
    "auto", "ext2", "ext3", "ext4", "xfs", "btrfs", "vfat", "msdos", "exfat", "ntfs", "ntfs3",
    "iso9660", "udf", "squashfs", "erofs", "cramfs", "romfs", "f2fs", "jfs", "reiserfs",
];

/// `systemd` says whose reading counts where it is not libmount's (systemd-fstab-generator(8)).
fn parse(text: &str, disk: &DiskFacts, systemd: bool) -> Result<Fstab> {
    let mut fstab = Fstab { exists: true, ..Fstab::default() };
    let mut mounted = BTreeSet::new();
    for (line, text) in (1_u32..).zip(text.lines()) {
        let trimmed = text.trim_start();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let lines = [fstab.entries.len(), fstab.malformed.len(), fstab.ignored.len()];
        if lines.into_iter().fold(0, usize::saturating_add) >= MAX_LINES {
            return Err(Error::too_much("fstab", MAX_LINES, "lines"));
        }
        let number = usize::try_from(line).unwrap_or(usize::MAX);
        let evidence =
            || Evidence::new(format!("/etc/fstab:{line}"), text).marked(number, text, 0..0);
        let short = text.split_ascii_whitespace().nth(2).is_none();
        if short {
            fstab.malformed.push(evidence());
        }
        let Some(entry) = entry(line, text, disk).filter(|_| systemd || !short) else { continue };
        let point = &entry.mount_point;
        if systemd && point.starts_with('/') && !mounted.insert(point.clone()) {
            fstab.ignored.push(evidence());
        } else {
            fstab.entries.push(entry);
        }
    }
    Ok(fstab)
}

fn entry(line: u32, text: &str, disk: &DiskFacts) -> Option<FstabEntry> {
    let mut fields = text.split_ascii_whitespace();
    let spec = unescape(fields.next()?);
    let mount_point = unescape(fields.next()?);
    let fs_type = fields.next().unwrap_or("auto").to_owned();
    let options: Vec<String> = fields
        .next()
        .unwrap_or("defaults")
        .split(',')
        .map(|option| unescape(option).into_owned())
        .collect();
    let pass = fields.nth(1).and_then(|pass| pass.parse().ok()).unwrap_or(0);
    let mount_point = without_slash(&mount_point);
    let mut source = source(&spec, &fs_type, &options, disk);
    if mount_point == "/" && matches!(source.kind, SourceKind::Uuid | SourceKind::PartUuid) {
        // It is mounted already, by what `root=` names.
        source = root_ref(&spec, disk);
    }
    Some(FstabEntry {
        line,
        text: text.trim_end().to_owned(),
        source,
        mount_point,
        fs_type,
        requires: required_devices(&options, disk),
        options,
        pass,
        unit: None,
    })
}

/// Most devices that one line is taken to require: each is looked for among all volumes.
const MAX_REQUIRED: usize = 128;

/// The devices that `x-systemd.requires=` names; units and mount points are not followed.
fn required_devices(options: &[String], disk: &DiskFacts) -> Vec<DeviceRef> {
    let named = options.iter().filter_map(|option| option.strip_prefix("x-systemd.requires="));
    let mut devices = named.filter(|name| name.starts_with("/dev/"));
    let mut found: Vec<DeviceRef> =
        devices.by_ref().take(MAX_REQUIRED).map(|name| device_ref(name, disk)).collect();
    if let Some(next) = devices.next() {
        let reason = format!("the line requires more than {MAX_REQUIRED} devices");
        let resolution = Resolution::Unknown(Unread::new(next, reason));
        found.push(DeviceRef { resolution, ..device_ref(next, disk) });
    }
    found
}

/// A mount point without the slashes at its end.
pub(super) fn without_slash(mount_point: &str) -> String {
    match mount_point.trim_end_matches('/') {
        "" if mount_point.starts_with('/') => "/".to_owned(),
        cut => cut.to_owned(),
    }
}

/// The source, whose kind also follows from the file system type: `nfs` names no disk, whatever it
/// looks like.
pub(super) fn source(spec: &str, fs_type: &str, options: &[String], disk: &DiskFacts) -> DeviceRef {
    let has = |name: &str| options.iter().any(|option| option == name);
    let (kind, resolution) = if HOST_SHARE_TYPES.contains(&fs_type) {
        (SourceKind::Other, Resolution::Missing)
    } else if NETWORK_TYPES.contains(&fs_type) || fs_type.starts_with("fuse.sshfs") {
        (SourceKind::Network, Resolution::NoDevice)
    } else if VIRTUAL_TYPES.contains(&fs_type) || has("bind") || has("rbind") || has("loop") {
        (SourceKind::Virtual, Resolution::NoDevice)
    } else {
        return device_ref(spec, disk);
    };
    DeviceRef { spec: spec.to_owned(), kind, resolution, other_disk: false }
}

/// Types that share a directory of the machine's own host, which no other host has: VirtualBox,
/// VMware, Parallels, QEMU.
const HOST_SHARE_TYPES: &[&str] =
    &["vboxsf", "vmhgfs", "fuse.vmhgfs-fuse", "prl_fs", "virtiofs", "9p"];

/// Types whose source is another machine.
const NETWORK_TYPES: &[&str] = &[
    "nfs",
    "nfs4",
    "cifs",
    "smbfs",
    "smb3",
    "ncpfs",
    "ncp",
    "afs",
    "ceph",
    "fuse.ceph",
    "glusterfs",
    "fuse.glusterfs",
    "lustre",
    "pvfs2",
    "orangefs",
    "davfs",
    "curlftpfs",
    "beegfs",
    "gpfs",
    "sshfs",
    "fuse.s3fs",
    "fuse.obsfs",
    "fuse.rclone",
];

/// Types without a device (the `nodev` ones of `/proc/filesystems`, and layers over directories).
const VIRTUAL_TYPES: &[&str] = &[
    "tmpfs",
    "ramfs",
    "proc",
    "sysfs",
    "devpts",
    "devtmpfs",
    "cgroup",
    "cgroup2",
    "mqueue",
    "hugetlbfs",
    "debugfs",
    "tracefs",
    "securityfs",
    "pstore",
    "efivarfs",
    "configfs",
    "fusectl",
    "binfmt_misc",
    "bpf",
    "selinuxfs",
    "rpc_pipefs",
    "nfsd",
    "usbfs",
    "autofs",
    "overlay",
    "aufs",
    "none",
    "bind",
    "ecryptfs",
    "fuse.mergerfs",
    "fuse.lxcfs",
    "fuse.bindfs",
];

/// Undoes the octal escapes of fstab(5): `\040` is a blank.
pub(super) fn unescape(field: &str) -> Cow<'_, str> {
    if !field.contains('\\') {
        return Cow::Borrowed(field);
    }
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let code = (byte == b'\\')
            .then(|| tail.get(..3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(code) => {
                out.push(code);
                rest = tail.get(3..).unwrap_or_default();
            }
            None => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::linux::device::tests::{ROOT, disk};

    #[test]
    fn fields_escapes_and_defaults_are_read_as_libmount_reads_them() {
        let text = format!(
            "# comment\n\n  # indented\nUUID={ROOT} / ext4 errors=remount-ro,x=a\\054b 0 1\n\
             LABEL=root\\040fs\t/my\\040data/\text4\n/dev/sdb1 /data xfs defaults,nofail 0 2 # disk\nbroken /x\n"
        );
        let fstab = parse(&text, &disk(), true).unwrap();
        let [root, data, second, short] = &fstab.entries[..] else { panic!("{fstab:?}") };
        assert_eq!((root.line, root.pass, root.mount_point.as_str()), (4, 1, "/"));
        assert_eq!(root.options, ["errors=remount-ro", "x=a,b"]);
        assert!(root.has_option("errors") && !root.has_option("nofail"));
        assert_eq!(root.source.resolution, Resolution::Volume(1));
        assert_eq!(
            (data.source.spec.as_str(), data.mount_point.as_str()),
            ("LABEL=root fs", "/my data")
        );
        assert_eq!(data.source.resolution, Resolution::Volume(1));
        assert_eq!(data.options, ["defaults"]);
        assert!(second.source.other_disk && second.has_option("nofail"));
        let line = "broken /x";
        let malformed = Evidence::new("/etc/fstab:7", line).marked(7, line, 0..line.len());
        assert_eq!(fstab.malformed, [malformed]);
        // systemd-fstab-generator takes it, libmount does not.
        assert_eq!((short.mount_point.as_str(), short.fs_type.as_str()), ("/x", "auto"));
        assert_eq!(parse(&text, &disk(), false).unwrap().entries.len(), 3);
    }

    #[test]
    fn devices_that_a_mount_requires_are_looked_up() {
        let text = format!(
            "UUID={ROOT} /data ext4 x-systemd.requires=/dev/sdb1,x-systemd.requires=/dev/disk/by-uuid/{ROOT} 0 0\n\
             tmpfs /x tmpfs x-systemd.requires=zfs-mount.service,x-systemd.after=/dev/sdb1 0 0\n"
        );
        let fstab = parse(&text, &disk(), true).unwrap();
        let [data, tmp] = &fstab.entries[..] else { panic!("{fstab:?}") };
        let resolved = |it: &DeviceRef| it.resolution.clone();
        let found: Vec<_> = data.requires.iter().map(resolved).collect();
        assert_eq!(found, [Resolution::Missing, Resolution::Volume(1)]);
        assert!(tmp.requires.is_empty());
    }

    #[test]
    fn of_two_lines_for_one_mount_point_systemd_takes_the_first() {
        let text = format!(
            "UUID={ROOT} /data ext4 defaults 0 2\nUUID=1111 /data/ ext4 defaults 0 2\n\
             /a none swap sw 0 0\n/b none swap sw 0 0\n"
        );
        let fstab = parse(&text, &disk(), true).unwrap();
        let lines: Vec<_> = fstab.entries.iter().map(|entry| entry.line).collect();
        assert_eq!(lines, [1, 3, 4]);
        assert_eq!(fstab.ignored[0].location, "/etc/fstab:2");
        assert_eq!(parse(&text, &disk(), false).unwrap().entries.len(), 4);
    }

    #[test]
    fn the_last_of_two_options_that_turn_each_other_off_counts() {
        let text =
            "a /a ext4 noauto,auto\na /b ext4 auto,noauto,nofail,fail\na /c ext4 fail,nofail\n";
        let entries = parse(text, &disk(), true).unwrap().entries;
        let seen: Vec<_> = entries.iter().map(|it| (it.is_noauto(), it.is_nofail())).collect();
        assert_eq!(seen, [(false, false), (true, false), (false, true)]);
    }

    #[test]
    fn the_case_of_a_uuid_counts_but_for_the_root() {
        let upper = ROOT.to_uppercase();
        let text = format!("UUID={upper} / ext4\nUUID={upper} /data ext4\n");
        let entries = parse(&text, &disk(), true).unwrap().entries;
        let seen: Vec<_> = entries.into_iter().map(|entry| entry.source.resolution).collect();
        assert_eq!(seen, [Resolution::Volume(1), Resolution::Missing]);
    }

    #[test]
    fn a_file_that_is_mounted_is_looked_for() {
        let text = "/srv/gone.iso /mnt/iso iso9660 loop,ro 0 0\n/srv/gone.img /mnt/img ext4 defaults 0 0\n\
             /srv/there.img /mnt/there ext4 loop 0 0\n/srv/torn/x.img /mnt/torn ext4 loop 0 0\n\
             /gone /mnt/bind none bind 0 0\n/gone.swap none swap sw 0 0\n/gone /x fuse.x defaults 0 0\n/m* /p mergerfs defaults 0 0\n\
             overlay /o overlay lowerdir=/gone 0 0\n/dev/loop0 /l ext4 defaults 0 0\n";
        let tree = crate::filesystem::memory::MemoryFs::new()
            .file("/srv/there.img", "x")
            .dir("/srv/torn")
            .unreadable("/srv/torn");
        let mut fstab = parse(text, &disk(), true).unwrap();
        look_for_files(&mut fstab, &tree.tree());
        let seen: Vec<_> = fstab.entries.into_iter().map(|it| it.source.resolution).collect();
        let [gone, plain, there, torn, rest @ ..] = &seen[..] else { panic!("{seen:?}") };
        assert_eq!([gone, plain], [&Resolution::Missing; 2]);
        assert_eq!(*there, Resolution::NoDevice);
        assert!(matches!(torn, Resolution::Unknown(_)), "{torn:?}");
        assert!(rest.iter().all(|it| *it == Resolution::NoDevice), "{rest:?}");
    }

    #[test]
    fn more_lines_than_are_kept_make_it_unknown_and_blank_ones_do_not_count() {
        let text = |lines: usize| format!("{}\n# x\n", "a /a x\n\nbroken\n".repeat(lines / 2));
        assert_eq!(parse(&text(MAX_LINES), &disk(), false).unwrap().entries.len(), MAX_LINES / 2);
        let error = parse(&text(MAX_LINES + 2), &disk(), false).unwrap_err();
        assert!(matches!(error, Error::Limit { unit: "lines", .. }), "{error}");
    }

    #[test]
    fn a_type_without_a_device_names_no_disk() {
        let text = "host:/export /srv nfs _netdev 0 0\n/home /mnt none bind 0 0\ntmpfs /tmp tmpfs size=1G 0 0\n/swapfile none swap sw 0 0\n";
        let kinds: Vec<_> = parse(text, &disk(), true)
            .unwrap()
            .entries
            .into_iter()
            .map(|entry| (entry.source.kind, entry.source.resolution))
            .collect();
        assert_eq!(
            kinds,
            [SourceKind::Network, SourceKind::Virtual, SourceKind::Virtual, SourceKind::Virtual]
                .map(|kind| (kind, Resolution::NoDevice))
        );
    }

    #[test]
    fn a_share_of_the_old_host_is_missing() {
        let text = "vagrant /vagrant vboxsf uid=1000,_netdev 0 0\n.host:/ /mnt/hgfs fuse.vmhgfs-fuse defaults 0 0\nshare /mnt/x virtiofs defaults 0 0\n";
        let entries = parse(text, &disk(), true).unwrap().entries;
        assert_eq!(entries.len(), 3);
        for entry in entries {
            assert_eq!(entry.source.resolution, Resolution::Missing, "{entry:?}");
        }
    }
}
