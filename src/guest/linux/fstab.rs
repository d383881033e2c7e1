//! `/etc/fstab`, as libmount reads it (fstab(5); util-linux `libmount/src/tab_parse.c`).

use std::borrow::Cow;

use super::device::device_ref;
use crate::disk::facts::DiskFacts;
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact};
use crate::filesystem::tree::Tree;
use crate::guest::facts::{DeviceRef, Fstab, FstabEntry, Resolution, SourceKind};

/// Largest `/etc/fstab` that is read, in bytes: hundreds of times a real one.
const MAX_FSTAB: u64 = 1 << 20;

/// Most lines that name something, or should; with the rules' evidence each costs about a KiB.
const MAX_LINES: usize = 4096;

/// The guest's `/etc/fstab`, sources resolved among the disk's volumes.
pub fn find(tree: &Tree, disk: &DiskFacts) -> Fact<Fstab> {
    match tree.read_text("/etc/fstab", MAX_FSTAB) {
        Ok(text) => Fact::from_result("/etc/fstab", parse(&text, disk)),
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

fn parse(text: &str, disk: &DiskFacts) -> Result<Fstab> {
    let mut fstab = Fstab { exists: true, ..Fstab::default() };
    for (line, text) in (1_u32..).zip(text.lines()) {
        let trimmed = text.trim_start();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        if fstab.entries.len().saturating_add(fstab.malformed.len()) >= MAX_LINES {
            let limit = u64::try_from(MAX_LINES).unwrap_or(u64::MAX);
            return Err(Error::Limit { structure: "fstab", limit, unit: "lines" });
        }
        match entry(line, text, disk) {
            Some(entry) => fstab.entries.push(entry),
            None => {
                let number = usize::try_from(line).unwrap_or(usize::MAX);
                let evidence = Evidence::new(format!("/etc/fstab:{line}"), text);
                fstab.malformed.push(evidence.marked(number, text, 0..0));
            }
        }
    }
    Ok(fstab)
}

fn entry(line: u32, text: &str, disk: &DiskFacts) -> Option<FstabEntry> {
    let mut fields = text.split_ascii_whitespace();
    let spec = unescape(fields.next()?);
    let mount_point = unescape(fields.next()?);
    let fs_type = fields.next()?.to_owned();
    let options: Vec<String> = fields
        .next()
        .unwrap_or("defaults")
        .split(',')
        .map(|option| unescape(option).into_owned())
        .collect();
    let pass = fields.nth(1).and_then(|pass| pass.parse().ok()).unwrap_or(0);
    let mount_point = without_slash(&mount_point);
    Some(FstabEntry {
        line,
        text: text.trim_end().to_owned(),
        source: source(&spec, &fs_type, &options, disk),
        mount_point,
        fs_type,
        options,
        pass,
        unit: None,
    })
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
        let fstab = parse(&text, &disk()).unwrap();
        let [root, data, second] = &fstab.entries[..] else { panic!("{fstab:?}") };
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
    }

    #[test]
    fn more_lines_than_are_kept_make_it_unknown_and_blank_ones_do_not_count() {
        let text = |lines: usize| format!("{}\n# x\n", "a /a x\n\nbroken\n".repeat(lines / 2));
        assert_eq!(parse(&text(MAX_LINES), &disk()).unwrap().entries.len(), MAX_LINES / 2);
        let error = parse(&text(MAX_LINES + 2), &disk()).unwrap_err();
        assert!(matches!(error, Error::Limit { unit: "lines", .. }), "{error}");
    }

    #[test]
    fn a_type_without_a_device_names_no_disk() {
        let text = "host:/export /srv nfs _netdev 0 0\n/home /mnt none bind 0 0\ntmpfs /tmp tmpfs size=1G 0 0\n/swapfile none swap sw 0 0\n";
        let kinds: Vec<_> = parse(text, &disk())
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
        let entries = parse(text, &disk()).unwrap().entries;
        assert_eq!(entries.len(), 3);
        for entry in entries {
            assert_eq!(entry.source.resolution, Resolution::Missing, "{entry:?}");
        }
    }
}
