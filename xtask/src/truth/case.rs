//! The cases: what was done to a guest, and which rules name it.

use std::fs;
use std::os::unix::fs::symlink;

use anyhow::Result;

use super::bench::{Bench, append, halve, replace};
use super::layout::Layout;
use crate::boot::Bus;
use crate::guest::disk::MIB;
use crate::guest::identity::{ABSENT_UUID, BOOT_UUID, ROOT_HASH, ROOT_UUID, SWAP_UUID};

pub struct Case {
    pub name: &'static str,
    pub guest: Guest,
    pub layout: Layout,
    pub bus: Bus,
    /// Rules of which at least one must fail when the guest does not boot: they name what was done.
    pub rules: &'static [&'static str],
    /// What a reader of the table must know.
    pub note: &'static str,
    pub make: fn(&Bench) -> Result<()>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Guest {
    /// As little as boots
    Small,
    /// With cloud-init, SSH server and the initramfs of a usual installation
    Cloud,
}

impl Case {
    /// The profile of the rules: the newer pages ask for virtio, the old one for IDE.
    pub fn profile(&self) -> &'static str {
        match self.bus {
            Bus::Ide => "ims-classic",
            Bus::Virtio | Bus::Scsi => "huaweicloud",
        }
    }
}

const fn good(name: &'static str, layout: Layout, bus: Bus) -> Case {
    Case { name, guest: Guest::Small, layout, bus, rules: &[], note: "", make: |_| Ok(()) }
}

const fn defect(
    name: &'static str,
    layout: Layout,
    bus: Bus,
    rules: &'static [&'static str],
    make: fn(&Bench) -> Result<()>,
) -> Case {
    Case { name, guest: Guest::Small, layout, bus, rules, note: "", make }
}

/// One more word at the end of the kernel's command line.
fn said(bench: &Bench, word: &str) -> Result<()> {
    bench.boot(|boot| {
        let root = format!("root=UUID={ROOT_UUID}");
        replace(&boot.join("grub/grub.cfg"), &root, &format!("{root} {word}"))
    })
}

impl Case {
    const fn note(mut self, note: &'static str) -> Self {
        self.note = note;
        self
    }

    const fn cloud(mut self) -> Self {
        self.guest = Guest::Cloud;
        self
    }
}

const CHAIN: &[&str] = &["boot-chain-complete"];
const BIOS: &[&str] = &["boot-chain-complete", "boot-mode-bios"];
const ROOT: &[&str] = &["grub-root-uuid", "boot-chain-complete"];
const INITRD: &[&str] = &["initrd-referenced-exists", "boot-chain-complete"];
const MOUNTS: &[&str] = &["fstab-no-nonsystem-mounts", "fstab-uuid-exists"];
const REACHABLE: &[&str] = &["initramfs-root-reachable", "boot-chain-complete"];

pub const CASES: &[Case] = &[
    // Nothing wrong.
    good("good", Layout::Mbr, Bus::Ide),
    good("good, GPT with /boot and swap", Layout::Gpt, Bus::Ide),
    good("good, root in LVM", Layout::Lvm, Bus::Ide),
    good("good, root in a subvolume of Btrfs", Layout::Btrfs, Bus::Ide),
    good("good, root on XFS", Layout::Xfs, Bus::Ide),
    good("good, EXTLINUX", Layout::Extlinux, Bus::Ide),
    good("good, on virtio-blk", Layout::Mbr, Bus::Virtio),
    good("good, on virtio-scsi", Layout::Mbr, Bus::Scsi),
    defect("root locked, cloud-init", Layout::Mbr, Bus::Ide, &[], |bench| {
        bench.root(|root| replace(&root.join("etc/shadow"), ROOT_HASH, "*"))
    })
    .cloud(),
    defect("root by label", Layout::Mbr, Bus::Virtio, &[], |bench| {
        bench.tool(bench.layout.root(), "tune2fs", "-L system")?;
        let uuid = format!("UUID={ROOT_UUID}");
        bench.root(|root| replace(&root.join("etc/fstab"), &uuid, "LABEL=system"))?;
        bench.boot(|boot| {
            replace(&boot.join("grub/grub.cfg"), &format!("root={uuid}"), "root=LABEL=system")
        })
    }),
    defect("absent disk in fstab, nofail", Layout::Mbr, Bus::Ide, &[], |bench| {
        bench.root(|root| {
            fs::create_dir(root.join("data"))?;
            let line = format!("UUID={ABSENT_UUID} /data ext4 defaults,nofail 0 2\n");
            append(&root.join("etc/fstab"), &line)
        })
    }),
    defect("init= of an absent program", Layout::Mbr, Bus::Ide, &[], |bench| {
        bench.boot(|boot| {
            let from = format!("root=UUID={ROOT_UUID} ro");
            let to = format!("{from} init=/bin/nonexistent");
            replace(&boot.join("grub/grub.cfg"), &from, &to)
        })
    })
    .note("Debian's initramfs falls back to /sbin/init."),
    // Firmware and boot loader.
    defect("boot code of the MBR zeroed", Layout::Mbr, Bus::Ide, BIOS, |bench| {
        bench.patch(0, &[0; 440])
    }),
    defect("GRUB's core image zeroed, MBR", Layout::Mbr, Bus::Ide, BIOS, |bench| bench.zero_gap()),
    defect("BIOS boot partition zeroed, GPT", Layout::Gpt, Bus::Ide, BIOS, |bench| {
        bench.patch(MIB, &vec![0; usize::try_from(MIB)?])
    }),
    defect("signature 55AA missing", Layout::Mbr, Bus::Ide, &["format-supported"], |bench| {
        bench.patch(510, &[0; 2])
    }),
    defect("GRUB's directory missing", Layout::Mbr, Bus::Ide, CHAIN, |bench| {
        bench.boot(|boot| Ok(fs::remove_dir_all(boot.join("grub"))?))
    }),
    defect("GRUB's modules missing", Layout::Mbr, Bus::Ide, CHAIN, |bench| {
        bench.boot(|boot| Ok(fs::remove_dir_all(boot.join("grub/i386-pc"))?))
    }),
    defect("grub.cfg missing", Layout::Mbr, Bus::Ide, CHAIN, |bench| {
        bench.boot(|boot| Ok(fs::remove_file(boot.join("grub/grub.cfg"))?))
    }),
    defect("EXTLINUX, no active partition", Layout::Extlinux, Bus::Ide, BIOS, |bench| {
        bench.patch(446, &[0])
    }),
    defect("EXTLINUX, configuration missing", Layout::Extlinux, Bus::Ide, CHAIN, |bench| {
        bench.boot(|boot| Ok(fs::remove_file(boot.join("extlinux/extlinux.conf"))?))
    }),
    // Kernel and initramfs.
    defect("kernel missing", Layout::Mbr, Bus::Ide, CHAIN, |bench| {
        bench.boot(|boot| Ok(fs::remove_file(boot.join(bench.kernel()))?))
    }),
    defect("kernel cut to half", Layout::Mbr, Bus::Ide, CHAIN, |bench| {
        bench.boot(|boot| halve(&boot.join(bench.kernel())))
    }),
    defect("kernel empty", Layout::Gpt, Bus::Ide, CHAIN, |bench| {
        bench.boot(|boot| Ok(fs::write(boot.join(bench.kernel()), "")?))
    }),
    defect("initramfs missing", Layout::Mbr, Bus::Ide, INITRD, |bench| {
        bench.boot(|boot| Ok(fs::remove_file(boot.join(bench.initramfs()))?))
    }),
    defect("initramfs empty", Layout::Mbr, Bus::Ide, INITRD, |bench| {
        bench.boot(|boot| Ok(fs::write(boot.join(bench.initramfs()), "")?))
    }),
    defect("initramfs cut to half", Layout::Mbr, Bus::Ide, INITRD, |bench| {
        bench.boot(|boot| halve(&boot.join(bench.initramfs())))
    }),
    defect("initramfs damaged in its middle", Layout::Mbr, Bus::Ide, INITRD, |bench| {
        bench.boot(|boot| {
            let path = boot.join(bench.initramfs());
            let mut bytes = fs::read(&path)?;
            let middle = bytes.len() / 2;
            for byte in bytes.iter_mut().skip(middle).take(4096) {
                *byte = !*byte;
            }
            Ok(fs::write(path, bytes)?)
        })
    }),
    defect("no IDE driver in the initramfs", Layout::Mbr, Bus::Ide, &["initramfs-ide"], |bench| {
        bench.initramfs_without(&["ata_piix", "ata_generic"])
    })
    .note("A warning under ims-classic, because the platform adds this driver."),
    defect(
        "no virtio_blk in the initramfs",
        Layout::Mbr,
        Bus::Virtio,
        &["initramfs-virtio-storage"],
        |bench| bench.initramfs_without(&["virtio_blk"]),
    ),
    defect(
        "no virtio_pci in the initramfs",
        Layout::Mbr,
        Bus::Virtio,
        &["initramfs-virtio-storage"],
        |bench| bench.initramfs_without(&["virtio_pci", "virtio_blk", "virtio_scsi", "virtio_net"]),
    ),
    defect(
        "no virtio_scsi in the initramfs",
        Layout::Mbr,
        Bus::Scsi,
        &["initramfs-virtio-storage"],
        |bench| bench.initramfs_without(&["virtio_scsi"]),
    )
    .note("A warning, because the platform's system disk hangs on virtio-blk."),
    defect("no ext4 in the initramfs", Layout::Mbr, Bus::Virtio, REACHABLE, |bench| {
        bench.initramfs_without(&["ext4"])
    }),
    // The hook of lvm2 puts them in whatever the list says.
    defect("no LVM in the initramfs, root in LVM", Layout::Lvm, Bus::Virtio, REACHABLE, |bench| {
        bench.initramfs_less("*/dm-mod.ko */sbin/lvm */sbin/dmsetup")
    }),
    // The root file system.
    defect("root= names an absent UUID", Layout::Mbr, Bus::Ide, ROOT, |bench| {
        bench.boot(|boot| {
            let to = format!("root=UUID={ABSENT_UUID}");
            replace(&boot.join("grub/grub.cfg"), &format!("root=UUID={ROOT_UUID}"), &to)
        })
    }),
    defect("root=/dev/sda1 on virtio-blk", Layout::Mbr, Bus::Virtio, ROOT, |bench| {
        bench.boot(|boot| {
            let from = format!("root=UUID={ROOT_UUID}");
            replace(&boot.join("grub/grub.cfg"), &from, "root=/dev/sda1")
        })
    }),
    defect("root=/dev/sda1 on IDE", Layout::Mbr, Bus::Ide, ROOT, |bench| {
        bench.boot(|boot| {
            let from = format!("root=UUID={ROOT_UUID}");
            replace(&boot.join("grub/grub.cfg"), &from, "root=/dev/sda1")
        })
    })
    .note("The name is right on this bus only; the platform's document asks for a UUID."),
    defect("root= names an absent logical volume", Layout::Lvm, Bus::Ide, ROOT, |bench| {
        bench.boot(|boot| {
            let grub = boot.join("grub/grub.cfg");
            replace(&grub, "/dev/mapper/system-root", "/dev/mapper/system-absent")
        })
    }),
    defect("absent subvolume of Btrfs", Layout::Btrfs, Bus::Ide, ROOT, |bench| {
        bench.boot(|boot| {
            replace(&boot.join("grub/grub.cfg"), "rootflags=subvol=@ ", "rootflags=subvol=@absent ")
        })
    }),
    defect(
        "superblock of root zeroed",
        Layout::Mbr,
        Bus::Ide,
        &["boot-chain-complete", "single-disk-image"],
        |bench| bench.patch(bench.layout.root().range.0 + 1024, &[0; 1024]),
    )
    .note("Without its only file system the disk holds no system: that is what the rule says."),
    // What the command line asks for.
    defect("single on the command line", Layout::Mbr, Bus::Ide, CHAIN, |bench| {
        said(bench, "single")
    }),
    defect("break=mount on the command line", Layout::Mbr, Bus::Ide, CHAIN, |bench| {
        said(bench, "break=mount")
    }),
    defect("init=/bin/sh on the command line", Layout::Mbr, Bus::Ide, CHAIN, |bench| {
        said(bench, "init=/bin/sh")
    }),
    defect("root= names the UUID in capitals", Layout::Mbr, Bus::Ide, ROOT, |bench| {
        bench.boot(|boot| {
            let to = format!("root=UUID={}", ROOT_UUID.to_uppercase());
            replace(&boot.join("grub/grub.cfg"), &format!("root=UUID={ROOT_UUID}"), &to)
        })
    }),
    // fstab.
    defect("image file in fstab that is not there", Layout::Mbr, Bus::Ide, MOUNTS, |bench| {
        bench.root(|root| {
            fs::create_dir(root.join("data"))?;
            append(&root.join("etc/fstab"), "/srv/gone.img /data ext4 loop 0 0\n")
        })
    }),
    defect("absent disk in fstab, noauto,auto", Layout::Mbr, Bus::Ide, MOUNTS, |bench| {
        bench.root(|root| {
            fs::create_dir(root.join("data"))?;
            let line = format!("UUID={ABSENT_UUID} /data ext4 noauto,auto 0 2\n");
            append(&root.join("etc/fstab"), &line)
        })
    }),
    defect("absent disk in fstab, two fields", Layout::Mbr, Bus::Ide, MOUNTS, |bench| {
        bench.root(|root| {
            fs::create_dir(root.join("data"))?;
            append(&root.join("etc/fstab"), &format!("UUID={ABSENT_UUID} /data\n"))
        })
    }),
    defect(
        "absent disk in fstab, for a mount point that is taken",
        Layout::Gpt,
        Bus::Ide,
        &[],
        |bench| {
            bench.root(|root| {
                append(
                    &root.join("etc/fstab"),
                    &format!("UUID={ABSENT_UUID} /boot ext4 defaults 0 2\n"),
                )
            })
        },
    ),
    defect("absent disk in fstab", Layout::Mbr, Bus::Ide, MOUNTS, |bench| {
        bench.root(|root| {
            fs::create_dir(root.join("data"))?;
            let line = format!("UUID={ABSENT_UUID} /data ext4 defaults 0 2\n");
            append(&root.join("etc/fstab"), &line)
        })
    }),
    defect("/dev/vdb1 in fstab, no second disk", Layout::Mbr, Bus::Virtio, MOUNTS, |bench| {
        bench.root(|root| {
            fs::create_dir(root.join("data"))?;
            append(&root.join("etc/fstab"), "/dev/vdb1 /data ext4 defaults 0 2\n")
        })
    }),
    defect("absent UUID for /boot in fstab", Layout::Gpt, Bus::Ide, MOUNTS, |bench| {
        bench.root(|root| replace(&root.join("etc/fstab"), BOOT_UUID, ABSENT_UUID))
    }),
    defect("absent UUID for / in fstab", Layout::Mbr, Bus::Ide, MOUNTS, |bench| {
        bench.root(|root| replace(&root.join("etc/fstab"), ROOT_UUID, ABSENT_UUID))
    })
    .note("The initramfs mounts what root= names."),
    defect("absent UUID for swap in fstab", Layout::Gpt, Bus::Ide, MOUNTS, |bench| {
        bench.root(|root| replace(&root.join("etc/fstab"), SWAP_UUID, ABSENT_UUID))
    })
    .note("systemd goes on without swap."),
    defect(
        "/dev/sda1 for / in fstab, virtio-blk",
        Layout::Mbr,
        Bus::Virtio,
        &["fstab-uuid"],
        |bench| {
            bench.root(|root| {
                replace(&root.join("etc/fstab"), &format!("UUID={ROOT_UUID}"), "/dev/sda1")
            })
        },
    )
    .note("The initramfs mounts what root= names; the platform's document asks for a UUID."),
    defect("wrong file system type in fstab for /boot", Layout::Gpt, Bus::Ide, MOUNTS, |bench| {
        bench.root(|root| replace(&root.join("etc/fstab"), "/boot ext4", "/boot xfs"))
    }),
    // init.
    defect("/sbin/init missing", Layout::Mbr, Bus::Ide, CHAIN, |bench| {
        bench.root(|root| Ok(fs::remove_file(root.join("usr/sbin/init"))?))
    })
    .note("Debian's initramfs falls back to /bin/sh."),
    defect("/sbin/init points to nothing", Layout::Mbr, Bus::Ide, CHAIN, |bench| {
        bench.root(|root| {
            fs::remove_file(root.join("usr/sbin/init"))?;
            Ok(symlink("/lib/systemd/absent", root.join("usr/sbin/init"))?)
        })
    }),
    defect("systemd not executable", Layout::Mbr, Bus::Ide, CHAIN, |bench| {
        bench.root(|root| {
            use std::os::unix::fs::PermissionsExt;
            let path = root.join("usr/lib/systemd/systemd");
            Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o644))?)
        })
    }),
    defect("dynamic loader missing", Layout::Mbr, Bus::Ide, CHAIN, |bench| {
        bench.root(|root| Ok(fs::remove_file(root.join("lib64"))?))
    }),
];
