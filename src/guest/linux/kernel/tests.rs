#![allow(clippy::arithmetic_side_effects)]

use super::*;
use crate::filesystem::memory::MemoryFs;
use crate::guest::facts::{BootFile, ListingEnd};

const RELEASE: &str = "6.1.0-56-amd64";

/// The start of an x86 kernel with this version string (boot.rst).
fn bzimage(version: &str) -> Vec<u8> {
    let mut bytes = vec![0; 0x800];
    bytes[0x1f1] = 3;
    bytes[0x202..0x206].copy_from_slice(b"HdrS");
    bytes[0x206..0x208].copy_from_slice(&0x020f_u16.to_le_bytes());
    bytes[0x20e..0x210].copy_from_slice(&0x0400_u16.to_le_bytes());
    bytes[0x600..0x600 + version.len()].copy_from_slice(version.as_bytes());
    bytes
}

/// One entry of a newc archive.
pub(in crate::guest::linux) fn entry(path: &str, content: &[u8]) -> Vec<u8> {
    let fields = [1, 0o100_644, 0, 0, 1, 0, content.len(), 0, 0, 0, 0, path.len() + 1, 0];
    let mut archive = b"070701".to_vec();
    archive.extend(fields.iter().flat_map(|field| format!("{field:08x}").into_bytes()));
    archive.extend_from_slice(path.as_bytes());
    archive.push(0);
    archive.resize(archive.len().next_multiple_of(4), 0);
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(4), 0);
    archive
}

fn modules(names: &[&str]) -> Vec<u8> {
    let module = |name: &&str| entry(&format!("usr/lib/modules/{RELEASE}/kernel/{name}.ko"), b"");
    names.iter().flat_map(module).collect()
}

fn debian() -> MemoryFs {
    MemoryFs::new()
        .file(
            &format!("/boot/vmlinuz-{RELEASE}"),
            bzimage("6.1.0-56-amd64 (debian-kernel@l) #1 SMP"),
        )
        .file(&format!("/boot/initrd.img-{RELEASE}"), modules(&["virtio", "xen-blkfront"]))
        .file(&format!("/boot/config-{RELEASE}"), "CONFIG_SCSI_VIRTIO=y\nCONFIG_VIRTIO_BLK=m\n")
        .file(
            &format!("/usr/lib/modules/{RELEASE}/modules.builtin"),
            "kernel/mm/zpool.ko\nkernel/drivers/ata/pata_acpi.ko\n",
        )
        .file(
            &format!("/usr/lib/modules/{RELEASE}/modules.dep"),
            "kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio.ko\n\
             kernel/drivers/net/xen-netfront.ko.xz:\n",
        )
        .symlink("/lib", "usr/lib")
}

fn file(tree: &Tree, path: &str) -> BootFile {
    let resolved = tree.canonicalize(path).and_then(|(guest_path, _)| {
        let size = tree.metadata(&guest_path)?.len;
        let path = guest_path.clone();
        Ok(ResolvedFile { volume: 0, path, guest_path: Some(guest_path), size, node: None })
    });
    let location = "/boot/grub/grub.cfg:131".to_owned();
    BootFile { spec: path.to_owned(), location, resolved: Fact::from_lookup(path, resolved) }
}

fn boot(tree: &Tree, kernel: &str, initrds: &[&str]) -> BootFacts {
    let entry = BootEntry {
        title: "Debian".to_owned(),
        location: "/boot/grub/grub.cfg:118".to_owned(),
        kernel: Some(file(tree, kernel)),
        initrds: initrds.iter().map(|path| file(tree, path)).collect(),
        command_line: String::new(),
        command_line_location: String::new(),
        root: None,
        resume: None,
    };
    BootFacts {
        loader: Fact::Known(None),
        configuration: None,
        chain: Vec::new(),
        default_entry: Fact::Known(Some(entry)),
        other_entries: Vec::new(),
        timeout: None,
        stop: None,
    }
}

fn kernels(tree: &Tree, boot: &BootFacts) -> Vec<KernelFacts> {
    let open = |file: &ResolvedFile| tree.open(&file.path);
    find(tree, boot, &open, 0, |_| ()).0.known().unwrap().clone()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn vmlinuz() -> String {
    format!("/boot/vmlinuz-{RELEASE}")
}

fn initrd() -> String {
    format!("/boot/initrd.img-{RELEASE}")
}

#[test]
fn the_default_kernel_has_its_drivers_and_its_initramfs() {
    let tree = debian().tree();
    let boot = boot(&tree, &vmlinuz(), &[&initrd()]);
    let kernels = kernels(&tree, &boot);
    assert_eq!(kernels.len(), 1);
    let kernel = &kernels[0];
    assert!(kernel.is_default);
    assert_eq!(kernel.release, RELEASE);
    assert_eq!(kernel.modules_dir, Fact::Known(Some(format!("/lib/modules/{RELEASE}"))));
    assert_eq!(kernel.builtin, Fact::Known(Some(set(&["zpool", "pata_acpi"]))));
    assert_eq!(kernel.modules, Fact::Known(Some(set(&["virtio_blk", "xen_netfront"]))));
    assert_eq!(kernel.config, Fact::Known(Some(set(&["SCSI_VIRTIO"]))));
    let initramfs = kernel.initramfs.known().unwrap().as_ref().unwrap();
    assert_eq!(initramfs.path, initrd());
    assert_eq!(initramfs.modules, set(&["virtio", "xen_blkfront"]));
    assert_eq!(initramfs.listing, Fact::Known(ListingEnd::Complete));
    assert_eq!(built_in_drivers(kernel), set(&["zpool", "pata_acpi", "virtio_scsi"]));
}

#[test]
fn several_initramfs_files_count_as_one() {
    let tree = debian().file("/boot/ucode.img", modules(&["early"])).tree();
    let boot = boot(&tree, &vmlinuz(), &["/boot/ucode.img", &initrd()]);
    let kernels = kernels(&tree, &boot);
    let initramfs = kernels[0].initramfs.known().unwrap().as_ref().unwrap();
    assert_eq!(initramfs.modules, set(&["early", "virtio", "xen_blkfront"]));
    assert_eq!(initramfs.path, format!("/boot/ucode.img, {}", initrd()));
    assert_eq!(
        initramfs.segments,
        ["offset 0: cpio, none".to_owned(), format!("{}, offset 0: cpio, none", initrd())]
    );
}

#[test]
fn an_initramfs_that_is_not_there_is_unknown_not_empty() {
    let tree = debian().tree();
    let boot = boot(&tree, &vmlinuz(), &["/boot/gone.img"]);
    let kernels = kernels(&tree, &boot);
    assert!(kernels[0].initramfs.unread().unwrap().reason.contains("is not there"));
}

#[test]
fn an_entry_without_an_initramfs_has_none() {
    let tree = debian().tree();
    let kernels = kernels(&tree, &boot(&tree, &vmlinuz(), &[]));
    assert_eq!(kernels[0].initramfs, Fact::Known(None));
}

#[test]
fn the_initramfs_of_another_kernel_is_read_under_its_usual_name() {
    let tree = debian()
        .dir("/usr/lib/modules/5.10.0-1")
        .dir("/usr/lib/modules/5.10.0-2")
        .file("/usr/lib/modules/notes", "")
        .file("/boot/initramfs-5.10.0-2.img", modules(&["virtio"]))
        .file("/boot/vmlinuz-5.10.0-2", "x")
        .tree();
    let kernels = kernels(&tree, &boot(&tree, &vmlinuz(), &[]));
    let releases: Vec<_> = kernels.iter().map(|kernel| kernel.release.as_str()).collect();
    assert_eq!(releases, ["5.10.0-1", "5.10.0-2", RELEASE]);
    assert!(!kernels[0].is_default && !kernels[1].is_default && kernels[2].is_default);
    assert_eq!(kernels[0].initramfs, Fact::Known(None));
    assert_eq!(kernels[0].modules, Fact::Known(None));
    let initramfs = kernels[1].initramfs.known().unwrap().as_ref().unwrap();
    assert_eq!(initramfs.path, "/boot/initramfs-5.10.0-2.img");
    assert_eq!(initramfs.modules, set(&["virtio"]));
    assert_eq!(kernels[0].image, Fact::Known(None));
    assert_eq!(kernels[1].image, Fact::Known(Some("/boot/vmlinuz-5.10.0-2".to_owned())));
}

#[test]
fn of_many_other_kernels_the_last_few_are_read() {
    let mut guest = debian();
    for number in 1..=6 {
        guest = guest
            .dir(&format!("/usr/lib/modules/5.10.0-{number}"))
            .file(&format!("/boot/initrd-5.10.0-{number}"), modules(&["virtio"]));
    }
    let tree = guest.tree();
    let kernels = kernels(&tree, &boot(&tree, &vmlinuz(), &[]));
    let unread: Vec<_> =
        kernels.iter().filter(|kernel| kernel.initramfs.unread().is_some()).collect();
    assert_eq!(
        unread.iter().map(|kernel| &*kernel.release).collect::<Vec<_>>(),
        ["5.10.0-1", "5.10.0-2"]
    );
}

#[test]
fn a_default_kernel_without_modules_is_listed() {
    let tree = debian().file("/boot/vmlinuz-6.9", bzimage("6.9.0-custom (me@here)")).tree();
    let kernels = kernels(&tree, &boot(&tree, "/boot/vmlinuz-6.9", &[]));
    let kernel = kernels.iter().find(|kernel| kernel.is_default).unwrap();
    assert_eq!(kernel.release, "6.9.0-custom");
    assert_eq!(kernel.modules_dir, Fact::Known(None));
    assert_eq!(kernel.builtin, Fact::Known(None));
}

#[test]
fn the_release_is_found_in_header_link_and_name() {
    let header = bzimage("6.1.0-56-amd64 (x)");
    for (path, content) in [
        ("/boot/vmlinuz-linux", header.clone()),
        ("/boot/other", header),
        ("/boot/vmlinuz-6.1.0-56-amd64", b"MZ, no x86 header".to_vec()),
        ("/boot/Image-6.1.0-56-amd64", b"ARM".to_vec()),
        ("/boot/0123abcd/6.1.0-56-amd64/linux", b"ARM".to_vec()),
    ] {
        let tree = debian().file(path, content).symlink("/vmlinuz", path).tree();
        for name in [path, "/vmlinuz"] {
            let kernels = kernels(&tree, &boot(&tree, name, &[]));
            assert_eq!(kernels.len(), 1, "{name}");
            assert!(kernels[0].is_default, "{name}");
        }
    }
}

#[test]
fn a_kernel_whose_release_nobody_tells_is_listed_as_unknown() {
    let tree = debian().file("/boot/vmlinuz-linux", "ARM").tree();
    let kernels = kernels(&tree, &boot(&tree, "/boot/vmlinuz-linux", &[]));
    assert_eq!(kernels.len(), 2);
    assert!(kernels[1].is_default);
    assert_eq!(kernels[1].release, "vmlinuz-linux");
    assert!(kernels[1].builtin.unread().is_some());
}

#[test]
fn a_header_that_lies_is_not_believed() {
    for (offset, value) in [(0x20e, 0xff), (0x601, b'/'), (0x600, 0)] {
        let mut kernel = bzimage("6.1.0-56-amd64 (x)");
        kernel[offset..offset + 2].fill(value);
        let tree = debian().file("/boot/kernel", kernel).tree();
        let kernels = kernels(&tree, &boot(&tree, "/boot/kernel", &[]));
        assert_eq!(kernels[1].release, "kernel");
    }
}

#[test]
fn what_cannot_be_read_is_unknown() {
    let builtin = format!("/usr/lib/modules/{RELEASE}/modules.builtin");
    let tree = debian().unreadable(&builtin).unreadable(&format!("/boot/config-{RELEASE}")).tree();
    let facts = kernels(&tree, &boot(&tree, &vmlinuz(), &[]));
    assert!(facts[0].builtin.unread().is_some());
    assert!(facts[0].config.unread().is_some());

    let tree = debian().unreadable("/usr/lib/modules").tree();
    let open = |file: &ResolvedFile| tree.open(&file.path);
    let boot = boot(&tree, &vmlinuz(), &[]);
    assert!(find(&tree, &boot, &open, 0, |_| ()).0.unread().is_some());
}

/// Each within its own bounds; the names of 64 kernels are counted together.
#[test]
fn the_names_of_all_kernels_together_end_at_a_bound() {
    let list: String = (0..30_000).map(|n| format!("x{n:07}{}.ko:\n", "y".repeat(112))).collect();
    let mut guest = debian();
    // The default kernel's come first, wherever its name stands.
    for number in 0..4 {
        guest = guest.file(&format!("/usr/lib/modules/5.0.{number}/modules.dep"), list.as_str());
    }
    let tree = guest.tree();
    let kernels = kernels(&tree, &boot(&tree, &vmlinuz(), &[]));
    let count = |kernel: &KernelFacts| kernel.modules.known().map(|it| it.as_ref().unwrap().len());
    let counts: Vec<_> = kernels.iter().map(count).collect();
    assert_eq!(counts, [Some(30_000), Some(30_000), Some(30_000), None, Some(2)]);
    let unread = kernels[3].modules.unread().unwrap();
    assert_eq!(unread.location, "/lib/modules/5.0.3/modules.dep");
    assert!(unread.reason.contains("16777216 bytes"), "{unread:?}");
}

#[test]
fn the_modules_of_all_files_of_an_entry_end_at_a_bound() {
    let file = |number: usize| {
        let names: Vec<_> = (0..9000).map(|n| format!("m{number}_{n}")).collect();
        modules(&names.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let tree = debian().file("/boot/a", file(0)).file("/boot/b", file(1)).tree();
    let listing = |initrds: &[&str]| {
        let kernels = kernels(&tree, &boot(&tree, &vmlinuz(), initrds));
        kernels[0].initramfs.known().unwrap().as_ref().unwrap().listing.clone()
    };
    assert_eq!(listing(&["/boot/a", "/boot/a"]), Fact::Known(ListingEnd::Complete));
    let unread = listing(&["/boot/a", "/boot/b"]);
    assert!(unread.unread().unwrap().reason.contains("more modules"), "{unread:?}");
}

#[test]
fn what_file_systems_keep_leaves_less_for_the_initramfs() {
    // A Zstandard frame with a window of 128 MiB and one raw block, the last (RFC 8878).
    let archive = modules(&["virtio"]);
    let head = u32::try_from(archive.len() << 3 | 1).unwrap().to_le_bytes();
    let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0, 0x88], &head[..3], &archive].concat();
    let tree = debian().file("/boot/a", frame).tree();
    let boot = boot(&tree, &vmlinuz(), &["/boot/a"]);
    let open = |file: &ResolvedFile| tree.open(&file.path);
    let listing = |kept: u64| {
        let kernels = find(&tree, &boot, &open, kept, |_| ()).0;
        kernels.known().unwrap()[0].initramfs.known().unwrap().as_ref().unwrap().listing.clone()
    };
    assert_eq!(listing(4 << 20), Fact::Known(ListingEnd::Complete));
    assert!(listing(5 << 20).unread().unwrap().reason.contains("more than 64 MiB of memory"));
}
