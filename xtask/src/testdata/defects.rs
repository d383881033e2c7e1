//! The list of fixtures: good guests first, then one for each way to be refused.

use std::fs;

use anyhow::Result;

use super::maker::{FIRST, Maker};
use super::small::{MODULES, Tree};
use super::{Fixture, synthetic};
use crate::guest::disk::{Content, GIB, MIB, Partition, Table, kind};
use crate::guest::grub::Devices;
use crate::guest::identity::{ABSENT_UUID, DATA_UUID, ROOT_UUID, SWAP_UUID};
use crate::tool::Tool;

/// The zstd clusters of nearly all fixtures are themselves worth a warning.
const ZSTD: (&str, &str) = ("qcow2-features-conservative", "warn");

/// No list of the platform has Debian 12 or RHEL 9 for the profile `ims-classic`.
const OS: (&str, &str) = ("os-supported", "warn");

const GRUB: &str = "boot/grub";

/// Makes the small guest, lets `edit` spoil it, and packs it.
fn edited(maker: &Maker, edit: impl Fn(&Tree) -> Result<()>) -> Result<()> {
    let tree = maker.tree()?;
    edit(&tree)?;
    let raw = maker.mbr(&tree, GRUB)?;
    maker.pack(&raw)
}

/// Makes the small guest's initramfs without the modules that begin so.
fn without_modules(maker: &Maker, prefixes: &[&str]) -> Result<()> {
    let kept: Vec<&str> = MODULES
        .iter()
        .copied()
        .filter(|module| !prefixes.iter().any(|prefix| module.starts_with(prefix)))
        .collect();
    edited(maker, |tree| tree.initramfs(maker.debian, &kept))
}

/// Packs the good small guest and then spoils the qcow2 file.
fn packed(maker: &Maker, spoil: impl Fn(&Maker) -> Result<()>) -> Result<()> {
    edited(maker, |_| Ok(()))?;
    spoil(maker)
}

fn qemu_img(maker: &Maker, words: &str) -> Result<()> {
    Tool::new("qemu-img").words(words).arg(maker.output()).run()?;
    Ok(())
}

/// Byte offset of `incompatible_features` in the header (QEMU `docs/interop/qcow2.rst`); the field
/// is big-endian, so bits 0–7 are in its last byte.
const INCOMPATIBLE: u64 = 72;

pub const FIXTURES: &[Fixture] = &[
    Fixture {
        name: "good",
        what: "A Debian 12 guest that nothing is wrong with; only its zstd clusters may be too new",
        exit: 0,
        findings: &[ZSTD, OS],
        unjudged: &[],
        make: |maker| {
            let devices = Devices { partition_map: "msdos", root: (1, ROOT_UUID), boot: None };
            let tree = Tree::small(maker.debian, &devices, true)?;
            let raw = maker.mbr(&tree, GRUB)?;
            maker.pack_as(&raw, "compression_type=zstd")
        },
    },
    Fixture {
        name: "good-compat-0.10",
        what: "The same in qcow2 version 2 with zlib clusters: nothing at all to say",
        exit: 0,
        findings: &[OS],
        unjudged: &[],
        make: |maker| {
            let raw = maker.mbr(&maker.tree()?, GRUB)?;
            maker.pack_as(&raw, "compat=0.10,cluster_size=16k")
        },
    },
    Fixture {
        name: "good-gpt-hybrid",
        what: "GPT with BIOS boot partition, ESP, /boot and swap: boots under BIOS as under UEFI",
        exit: 0,
        findings: &[ZSTD, OS],
        unjudged: &[],
        make: |maker| maker.pack(&maker.gpt(&format!("UUID={SWAP_UUID}"))?),
    },
    Fixture {
        name: "good-centos-7",
        what: "The files of CentOS 7: linux16 and initrd16, default saved in grubenv by title",
        exit: 0,
        findings: &[ZSTD],
        unjudged: &[],
        make: |maker| maker.pack(&maker.mbr(&synthetic::centos_7(maker.debian)?, "boot/grub2")?),
    },
    Fixture {
        name: "good-rhel-9-bls",
        what: "The files of RHEL 9: entries after the Boot Loader Specification",
        exit: 0,
        findings: &[ZSTD, OS],
        unjudged: &[],
        make: |maker| maker.pack(&maker.mbr(&synthetic::rhel_9(maker.debian)?, "boot/grub2")?),
    },
    Fixture {
        name: "good-extlinux",
        what: "EXTLINUX behind the generic code in sector 0",
        exit: 0,
        findings: &[ZSTD, OS],
        unjudged: &[],
        make: extlinux,
    },
    Fixture {
        name: "fstab-data-disk",
        what: "fstab mounts a data disk that is not in the image",
        exit: 1,
        findings: &[("fstab-no-nonsystem-mounts", "fail"), ZSTD, OS],
        unjudged: &["fstab-uuid-exists"],
        make: |maker| {
            edited(maker, |tree| {
                tree.append("etc/fstab", &format!("UUID={ABSENT_UUID} /data ext4 defaults 0 2\n"))
            })
        },
    },
    Fixture {
        name: "fstab-data-disk-nofail",
        what: "fstab mounts a data disk that is not in the image, but boot goes on without it",
        exit: 0,
        findings: &[("fstab-no-nonsystem-mounts", "warn"), ZSTD, OS],
        unjudged: &[],
        make: |maker| {
            edited(maker, |tree| {
                tree.append("etc/fstab", "LABEL=data /data ext4 defaults,nofail 0 2\n")
            })
        },
    },
    Fixture {
        name: "fstab-second-disk",
        what: "fstab mounts /dev/vdb1",
        exit: 1,
        findings: &[("fstab-no-nonsystem-mounts", "fail"), ZSTD, OS],
        unjudged: &["fstab-uuid"],
        make: |maker| {
            edited(maker, |tree| tree.append("etc/fstab", "/dev/vdb1 /data ext4 defaults 0 2\n"))
        },
    },
    Fixture {
        name: "fstab-root-by-device-name",
        what: "fstab names the root file system /dev/sda1",
        exit: 1,
        findings: &[("fstab-uuid", "fail"), ZSTD, OS],
        unjudged: &[],
        make: |maker| {
            edited(maker, |tree| {
                tree.replace("etc/fstab", &format!("UUID={ROOT_UUID}"), "/dev/sda1")
            })
        },
    },
    Fixture {
        name: "fstab-swap-by-device-name",
        what: "fstab names the swap area /dev/sda4",
        exit: 0,
        findings: &[("fstab-uuid", "warn"), ZSTD, OS],
        unjudged: &[],
        make: |maker| maker.pack(&maker.gpt("/dev/sda4")?),
    },
    Fixture {
        name: "fstab-root-uuid-absent",
        what: "fstab gives the root file system a UUID that no file system has",
        exit: 1,
        findings: &[("boot-and-system-same-disk", "fail"), ("fstab-uuid-exists", "fail"), ZSTD, OS],
        unjudged: &["fstab-no-nonsystem-mounts"],
        make: |maker| edited(maker, |tree| tree.replace("etc/fstab", ROOT_UUID, ABSENT_UUID)),
    },
    Fixture {
        name: "grub-root-by-device-name",
        what: "The kernel command line says root=/dev/sda1",
        exit: 1,
        findings: &[("grub-root-uuid", "fail"), ZSTD, OS],
        unjudged: &[],
        make: |maker| {
            edited(maker, |tree| {
                tree.replace(
                    "boot/grub/grub.cfg",
                    &format!("root=UUID={ROOT_UUID}"),
                    "root=/dev/sda1",
                )
            })
        },
    },
    Fixture {
        name: "grub-root-uuid-absent",
        what: "The kernel command line names a root file system that is not there",
        exit: 1,
        findings: &[
            ("boot-and-system-same-disk", "fail"),
            ("boot-chain-complete", "fail"),
            ("grub-root-uuid", "fail"),
            ZSTD,
            OS,
        ],
        unjudged: &[],
        make: |maker| {
            edited(maker, |tree| {
                tree.replace(
                    "boot/grub/grub.cfg",
                    &format!("root=UUID={ROOT_UUID}"),
                    &format!("root=UUID={ABSENT_UUID}"),
                )
            })
        },
    },
    Fixture {
        name: "initrd-missing",
        what: "The boot entry names an initramfs that is not there",
        exit: 1,
        findings: &[
            ("boot-chain-complete", "fail"),
            ("initrd-referenced-exists", "fail"),
            ZSTD,
            OS,
            ("driver-autoload", "unverified"),
            ("initramfs-root-reachable", "unverified"),
            ("udev-persistent-net-initrd", "unverified"),
            ("uvp-pv-driver-leftover", "unverified"),
        ],
        unjudged: &[
            "initramfs-ide",
            "initramfs-xen-pv",
            "initramfs-virtio-storage",
            "initramfs-virtio-net",
        ],
        make: |maker| {
            edited(maker, |tree| tree.remove(&format!("boot/initrd.img-{}", maker.debian.kernel)))
        },
    },
    Fixture {
        name: "kernel-missing",
        what: "The boot entry names a kernel that is not there",
        exit: 1,
        findings: &[
            ("boot-chain-complete", "fail"),
            ("initrd-referenced-exists", "fail"),
            ZSTD,
            OS,
        ],
        unjudged: &["os-full-virtualization"],
        make: |maker| {
            edited(maker, |tree| tree.remove(&format!("boot/vmlinuz-{}", maker.debian.kernel)))
        },
    },
    Fixture {
        name: "kernel-cut",
        what: "The kernel has fewer bytes than its header says",
        exit: 1,
        findings: &[("boot-chain-complete", "fail"), ZSTD, OS],
        unjudged: &[],
        make: |maker| {
            edited(maker, |tree| {
                let path = format!("boot/vmlinuz-{}", maker.debian.kernel);
                let mut image = fs::read(tree.path(&path))?;
                image.pop();
                tree.write_bytes(&path, &image)
            })
        },
    },
    Fixture {
        name: "init-missing",
        what: "There is no init in the root file system",
        exit: 1,
        findings: &[("boot-chain-complete", "fail"), ZSTD, OS],
        unjudged: &[],
        make: |maker| {
            edited(maker, |tree| {
                tree.remove("usr/sbin/init")?;
                tree.remove("usr/bin/sh")
            })
        },
    },
    Fixture {
        name: "initramfs-without-virtio",
        what: "The initramfs has no virtio driver",
        exit: 0,
        findings: &[("driver-autoload", "warn"), ("initramfs-virtio-storage", "warn"), ZSTD, OS],
        unjudged: &[],
        make: |maker| without_modules(maker, &["virtio"]),
    },
    Fixture {
        name: "initramfs-without-xen",
        what: "The initramfs has no Xen front end",
        exit: 1,
        findings: &[("driver-autoload", "warn"), ("initramfs-xen-pv", "fail"), ZSTD, OS],
        unjudged: &[],
        make: |maker| without_modules(maker, &["xen"]),
    },
    Fixture {
        name: "initramfs-without-ide",
        what: "The initramfs has no IDE driver; the platform adds one",
        exit: 0,
        findings: &[("driver-autoload", "warn"), ("initramfs-ide", "warn"), ZSTD, OS],
        unjudged: &[],
        make: |maker| without_modules(maker, &["ata"]),
    },
    Fixture {
        name: "initramfs-damaged",
        what: "The initramfs breaks off after 64 bytes",
        exit: 1,
        findings: &[
            ("boot-chain-complete", "fail"),
            ("initramfs-ide", "unverified"),
            ("initramfs-virtio-storage", "unverified"),
            ("initramfs-xen-pv", "unverified"),
            ZSTD,
            OS,
            ("driver-autoload", "unverified"),
            ("initramfs-root-reachable", "unverified"),
            ("udev-persistent-net-initrd", "unverified"),
            ("uvp-pv-driver-leftover", "unverified"),
        ],
        unjudged: &["initramfs-virtio-net"],
        make: |maker| {
            edited(maker, |tree| {
                let path = format!("boot/initrd.img-{}", maker.debian.kernel);
                let mut bytes = fs::read(tree.path(&path))?;
                bytes.truncate(64);
                tree.write_bytes(&path, &bytes)
            })
        },
    },
    Fixture {
        name: "boot-code-zeroed",
        what: "The code in sector 0 is gone",
        exit: 1,
        findings: &[("boot-chain-complete", "fail"), ("boot-mode-bios", "fail"), ZSTD, OS],
        unjudged: &["os-full-virtualization"],
        make: |maker| {
            let raw = maker.mbr(&maker.tree()?, GRUB)?;
            Maker::patch(&raw, 0, &[0; 440])?;
            maker.pack(&raw)
        },
    },
    Fixture {
        name: "grub-core-zeroed",
        what: "GRUB's boot sector is there, the core image that it loads is not",
        exit: 1,
        findings: &[("boot-chain-complete", "fail"), ZSTD, OS],
        unjudged: &["boot-mode-bios"],
        make: |maker| {
            let raw = maker.mbr(&maker.tree()?, GRUB)?;
            Maker::patch(&raw, 512, &vec![0; 1024 * 1024 - 512])?;
            maker.pack(&raw)
        },
    },
    Fixture {
        name: "grub-configuration-missing",
        what: "GRUB finds no grub.cfg",
        exit: 1,
        findings: &[
            ("boot-chain-complete", "fail"),
            ZSTD,
            OS,
            ("driver-autoload", "unverified"),
            ("initramfs-other-kernels", "unverified"),
            ("initramfs-root-reachable", "unverified"),
            ("kernel-known-bad", "unverified"),
            ("kernel-min-version", "unverified"),
            ("nic-multiqueue", "unverified"),
            ("udev-persistent-net-initrd", "unverified"),
        ],
        unjudged: &[
            "boot-and-system-same-disk",
            "grub-root-uuid",
            "initrd-referenced-exists",
            "initramfs-ide",
            "initramfs-xen-pv",
            "initramfs-virtio-storage",
            "initramfs-virtio-net",
            "os-full-virtualization",
        ],
        make: |maker| edited(maker, |tree| tree.remove("boot/grub/grub.cfg")),
    },
    Fixture {
        name: "uefi-only",
        what: "GPT with an ESP and nothing that BIOS could start",
        exit: 1,
        findings: &[("boot-mode-bios", "fail"), ZSTD, OS],
        unjudged: &["boot-chain-complete", "os-full-virtualization"],
        make: |maker| maker.pack(&maker.uefi()?),
    },
    Fixture {
        name: "luks-root",
        what: "The root file system is in a LUKS2 container",
        exit: 1,
        findings: &[("disk-not-encrypted", "fail"), ZSTD],
        unjudged: &["*"],
        make: luks,
    },
    Fixture {
        name: "lvm-root",
        what: "The root file system is a logical volume",
        exit: 0,
        findings: &[ZSTD, OS, ("initramfs-root-reachable", "warn")],
        unjudged: &[],
        make: lvm,
    },
    Fixture {
        name: "root-locked-without-cloud-init",
        what: "root has no password, and nothing will set one",
        exit: 1,
        findings: &[
            ("cloud-init-installed", "warn"),
            ("login-credential-or-cloudinit", "fail"),
            ("root-account-usable", "fail"),
            ZSTD,
            OS,
        ],
        unjudged: &[],
        make: |maker| {
            edited(maker, |tree| {
                tree.remove_cloud_init()?;
                tree.root_password("*")
            })
        },
    },
    Fixture {
        name: "root-locked-with-cloud-init",
        what: "root has no password, but cloud-init will set one",
        exit: 0,
        findings: &[("root-account-usable", "warn"), ZSTD, OS],
        unjudged: &[],
        make: |maker| edited(maker, |tree| tree.root_password("!")),
    },
    Fixture {
        name: "root-password-without-cloud-init",
        what: "root has a password; cloud-init is not there",
        exit: 0,
        findings: &[("cloud-init-installed", "warn"), ZSTD, OS],
        unjudged: &[],
        make: |maker| edited(maker, Tree::remove_cloud_init),
    },
    Fixture {
        name: "cloud-init-disabled",
        what: "/etc/cloud/cloud-init.disabled switches cloud-init off",
        exit: 0,
        findings: &[("cloud-init-enabled", "warn"), ZSTD, OS],
        unjudged: &[],
        make: |maker| edited(maker, |tree| tree.write("etc/cloud/cloud-init.disabled", "")),
    },
    Fixture {
        name: "cloud-init-masked",
        what: "A unit of cloud-init is masked",
        exit: 0,
        findings: &[("cloud-init-enabled", "warn"), ZSTD, OS],
        unjudged: &[],
        make: |maker| {
            edited(maker, |tree| tree.link("/dev/null", "etc/systemd/system/cloud-init.service"))
        },
    },
    Fixture {
        name: "cloud-init-without-openstack",
        what: "The list of data sources lacks OpenStack",
        exit: 0,
        findings: &[("cloud-init-datasource-openstack", "warn"), ZSTD, OS],
        unjudged: &[],
        make: |maker| {
            edited(maker, |tree| {
                tree.replace(
                    "etc/cloud/cloud.cfg.d/90-openstack.cfg",
                    "[ OpenStack ]",
                    "[ NoCloud, Ec2 ]",
                )
            })
        },
    },
    Fixture {
        name: "cloud-init-without-list",
        what: "No list of data sources is set",
        exit: 0,
        findings: &[("cloud-init-datasource-openstack", "warn"), ZSTD, OS],
        unjudged: &[],
        make: |maker| {
            edited(maker, |tree| {
                tree.replace(
                    "etc/cloud/cloud.cfg.d/90-openstack.cfg",
                    "datasource_list: [ OpenStack ]\n",
                    "",
                )
            })
        },
    },
    Fixture {
        name: "mac-bound",
        what: "A udev rule ties the name of a network card to its MAC address",
        exit: 1,
        findings: &[("os-not-hardware-bound", "fail"), ZSTD, OS, ("udev-persistent-net", "warn")],
        unjudged: &[],
        make: |maker| {
            edited(maker, |tree| {
                tree.write(
                    "etc/udev/rules.d/70-persistent-net.rules",
                    "SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", \
                     ATTR{address}==\"52:54:00:12:34:56\", ATTR{dev_id}==\"0x0\", \
                     ATTR{type}==\"1\", KERNEL==\"eth*\", NAME=\"eth0\"\n",
                )
            })
        },
    },
    Fixture {
        name: "data-disk-only",
        what: "One file system without an operating system",
        exit: 1,
        findings: &[("single-disk-image", "fail"), ZSTD],
        unjudged: &["*"],
        make: |maker| {
            let tree = Tree::empty()?;
            tree.write("photos/readme.txt", "no system here\n")?;
            let data = Partition::new(FIRST.0, FIRST.1, kind::LINUX, Maker::ext4(&tree, DATA_UUID));
            maker.pack(&maker.disk(Table::Mbr, vec![data])?)
        },
    },
    Fixture {
        name: "whole-disk-file-system",
        what: "A file system on the whole disk, without a partition table",
        exit: 1,
        findings: &[
            ("boot-chain-complete", "fail"),
            ("boot-mode-bios", "fail"),
            ("single-disk-image", "warn"),
            ZSTD,
            OS,
        ],
        unjudged: &["os-full-virtualization"],
        make: |maker| {
            let tree = maker.tree()?;
            let root = Partition::new(0, 40 * GIB, "", Maker::ext4(&tree, ROOT_UUID));
            maker.pack(&maker.disk(Table::None, vec![root])?)
        },
    },
    Fixture {
        name: "ntfs",
        what: "NTFS without an operating system, as mkntfs makes it, on the active partition",
        exit: 1,
        findings: &[("single-disk-image", "fail"), ZSTD],
        unjudged: &["*"],
        make: ntfs,
    },
    Fixture {
        name: "qcow2-encrypted-luks",
        what: "qcow2 with LUKS encryption",
        exit: 1,
        findings: &[("qcow2-not-encrypted", "fail")],
        unjudged: &["*"],
        make: |maker| {
            Tool::new("qemu-img")
                .words("create -q -f qcow2 --object secret,id=key,data=preflight -o")
                .arg(
                    "encrypt.format=luks,encrypt.key-secret=key,encrypt.cipher-alg=aes-128,\
                     encrypt.cipher-mode=cbc,encrypt.ivgen-alg=plain64,encrypt.iter-time=10,\
                     cluster_size=16k",
                )
                .arg(maker.output())
                .arg("40G")
                .run()?;
            Ok(())
        },
    },
    Fixture {
        name: "qcow2-encrypted-aes",
        what: "qcow2 with the old AES encryption",
        exit: 1,
        findings: &[("qcow2-not-encrypted", "fail")],
        unjudged: &["*"],
        make: |maker| {
            Tool::new("qemu-img")
                .words("create -q -f qcow2 --object secret,id=key,data=preflight -o")
                .arg("encrypt.format=aes,encrypt.key-secret=key,cluster_size=16k")
                .arg(maker.output())
                .arg("40G")
                .run()?;
            Ok(())
        },
    },
    Fixture {
        name: "qcow2-backing-file",
        what: "qcow2 that is only the difference to another file",
        exit: 1,
        findings: &[("qcow2-no-backing-file", "fail")],
        unjudged: &["*"],
        make: |maker| {
            Tool::new("qemu-img")
                .words("create -q -u -f qcow2 -o cluster_size=16k -F qcow2 -b base.qcow2")
                .arg(maker.output())
                .arg("40G")
                .run()?;
            Ok(())
        },
    },
    Fixture {
        name: "qcow2-data-file",
        what: "qcow2 whose bytes are in another file",
        exit: 1,
        findings: &[("qcow2-no-external-data-file", "fail")],
        unjudged: &["*"],
        make: |maker| {
            // The file gets only its name in the header.
            Tool::new("qemu-img")
                .words("create -q -f qcow2 -o data_file=disk.raw,cluster_size=16k")
                .arg("fixture.qcow2")
                .arg("40G")
                .dir(maker.work("").as_path())
                .run()?;
            fs::copy(maker.work("fixture.qcow2"), maker.output())?;
            Ok(())
        },
    },
    Fixture {
        name: "qcow2-internal-snapshot",
        what: "qcow2 with an internal snapshot",
        exit: 0,
        findings: &[ZSTD, OS, ("qcow2-no-internal-snapshots", "warn")],
        unjudged: &[],
        make: |maker| packed(maker, |maker| qemu_img(maker, "snapshot -c before-upgrade")),
    },
    Fixture {
        name: "qcow2-truncated",
        what: "qcow2 that breaks off in the middle",
        exit: 1,
        findings: &[("qcow2-structure-consistent", "fail")],
        unjudged: &["*"],
        make: |maker| {
            packed(maker, |maker| {
                let file = fs::OpenOptions::new().write(true).open(maker.output())?;
                file.set_len(file.metadata()?.len() / 2)?;
                Ok(())
            })
        },
    },
    Fixture {
        name: "qcow2-dirty",
        what: "qcow2 that was not closed",
        exit: 0,
        findings: &[ZSTD, OS],
        unjudged: &[],
        make: |maker| {
            packed(maker, |maker| Maker::patch(maker.output(), INCOMPATIBLE + 7, &[0b1001]))
        },
    },
    Fixture {
        name: "qcow2-corrupt",
        what: "qcow2 that QEMU has marked as corrupt",
        exit: 1,
        findings: &[("qcow2-features-conservative", "fail"), OS],
        unjudged: &["qcow2-structure-consistent"],
        make: |maker| {
            packed(maker, |maker| Maker::patch(maker.output(), INCOMPATIBLE + 7, &[0b1010]))
        },
    },
    Fixture {
        name: "qcow2-unknown-feature",
        what: "qcow2 with an incompatible feature that the specification does not define",
        exit: 1,
        findings: &[("qcow2-features-conservative", "fail")],
        unjudged: &["*"],
        make: |maker| packed(maker, |maker| Maker::patch(maker.output(), INCOMPATIBLE + 2, &[1])),
    },
];

/// Where the second partition lies.
const SECOND: (u64, u64) = (2 * GIB, GIB);

fn luks(maker: &Maker) -> Result<()> {
    let tree = maker.tree()?;
    let container = maker.work("luks");
    fs::File::create(&container)?.set_len(32 * MIB)?;
    Tool::new("cryptsetup")
        .words("luksFormat --batch-mode --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000")
        .words("--key-size 256 --uuid")
        .arg(DATA_UUID)
        .words("--key-file -")
        .arg(&container)
        .run_with(b"preflight")?;
    // Both copies of the header, without the key material behind them: nobody opens it.
    let mut header = fs::read(&container)?;
    header.truncate(32 * 1024);
    fs::write(&container, header)?;
    let partition = Partition::new(SECOND.0, SECOND.1, kind::LINUX, Content::Bytes(container));
    maker.pack(&maker.boot_and(&tree, partition)?)
}

fn lvm(maker: &Maker) -> Result<()> {
    let tree = maker.tree()?;
    tree.replace(
        "boot/grub/grub.cfg",
        &format!("root=UUID={ROOT_UUID}"),
        "root=/dev/mapper/system-root",
    )?;
    tree.replace("etc/fstab", &format!("UUID={ROOT_UUID}"), "/dev/mapper/system-root")?;
    let volume = maker.work("pv");
    fs::File::create(&volume)?.set_len(SECOND.1)?;
    let device = crate::guest::mount::Loop::new(&volume)?;
    // Without device mapper: only the metadata is written, the volume is never activated.
    let lvm = |words: &str| {
        Tool::new("lvm")
            .words(words)
            .arg("--config")
            .arg(
                "activation { udev_sync=0 udev_rules=0 } backup { backup=0 archive=0 } \
                 global { use_lvmpolld=0 event_activation=0 } \
                 devices { use_devicesfile=0 scan=[\"/dev\"] }",
            )
            .words("--driverloaded n")
            .run()
    };
    lvm(&format!("pvcreate -qq --yes {}", device.device))?;
    lvm(&format!("vgcreate -qq system {}", device.device))?;
    lvm("lvcreate -qq -an -Zn -Wn --yes -n root -L 960m system")?;
    drop(device);
    // The first extent of a physical volume begins at 1 MiB, LVM's default alignment.
    let root = maker.work("root");
    fs::File::create(&root)?.set_len(960 * MIB)?;
    let root_content = Partition::new(MIB, 960 * MIB, kind::LINUX, Maker::ext4(&tree, ROOT_UUID));
    root_content.fill(&volume)?;
    let partition = Partition::new(SECOND.0, SECOND.1, kind::LVM, Content::Bytes(volume));
    maker.pack(&maker.boot_and(&tree, partition)?)
}

fn ntfs(maker: &Maker) -> Result<()> {
    let volume = maker.work("ntfs");
    fs::File::create(&volume)?.set_len(64 * MIB)?;
    Tool::new("mkntfs")
        .words("--force --quick --quiet --label Windows --partition-start 2048 --heads 255")
        .words("--sectors-per-track 63")
        .arg(&volume)
        .run()?;
    let partition = Partition::new(MIB, 64 * MIB, kind::WINDOWS, Content::Bytes(volume)).active();
    let raw = maker.disk(Table::Mbr, vec![partition])?;
    Maker::patch(&raw, 0, &fs::read("/usr/lib/EXTLINUX/mbr.bin")?)?;
    maker.pack(&raw)
}

fn extlinux(maker: &Maker) -> Result<()> {
    let tree = maker.tree()?;
    tree.remove("boot/grub")?;
    let kernel = &maker.debian.kernel;
    tree.write(
        "boot/extlinux/extlinux.conf",
        &format!(
            "DEFAULT linux\nPROMPT 0\nTIMEOUT 50\n\nLABEL linux\n  MENU LABEL Debian GNU/Linux\n  \
             LINUX ../vmlinuz-{kernel}\n  INITRD ../initrd.img-{kernel}\n  \
             APPEND root=UUID={ROOT_UUID} ro net.ifnames=0 console=tty0 console=ttyS0,115200\n"
        ),
    )?;
    // EXTLINUX reads no ext4 with 64-bit block numbers or checksums of metadata.
    let content = Content::Ext4 {
        dir: tree.root().to_owned(),
        uuid: ROOT_UUID,
        options: "-b 4096 -m 0 -J size=4,location=4096 -O ^64bit,^metadata_csum,sparse_super2",
    };
    let root = Partition::new(FIRST.0, FIRST.1, kind::LINUX, content).active();
    let raw = maker.disk(Table::Mbr, vec![root])?;
    {
        let mount = crate::guest::mount::Mount::new(&raw, FIRST.0, FIRST.1, "rw")?;
        Tool::new("extlinux").arg("--install").arg(mount.join("boot/extlinux")).run()?;
    }
    Maker::patch(&raw, 0, &fs::read("/usr/lib/EXTLINUX/mbr.bin")?)?;
    maker.pack(&raw)
}
