//! Each defect, put into the whole guest, gives its finding and no other.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::report::{Checker, Expectation};
use super::{GUEST, Log};
use crate::guest::debian::chroot;
use crate::guest::identity::{ABSENT_UUID, ROOT_HASH, ROOT_UUID};
use crate::guest::mount::Loop;
use crate::tool::Tool;
use crate::whole::{self, Layout, SIZE, WholeGuest};
use crate::workspace;

struct Defect {
    name: &'static str,
    exit: i32,
    findings: &'static [(&'static str, &'static str)],
    unjudged: &'static [&'static str],
    make: fn(&Bench) -> Result<()>,
}

/// Where a defect is put in.
struct Bench<'a> {
    guest: &'a WholeGuest,
    /// The spoiled image; a copy of the guest's once [`Bench::copy`] was called.
    image: PathBuf,
}

impl Bench<'_> {
    fn copy(&self) -> Result<()> {
        Tool::new("cp").arg("--sparse=always").arg(&self.guest.image).arg(&self.image).run()?;
        Ok(())
    }

    /// Changes files of a copy.
    fn edit(&self, edit: impl Fn(&Path) -> Result<()>) -> Result<()> {
        self.copy()?;
        edit(self.guest.mount(&self.image, "rw")?.path())
    }

    fn initramfs(&self) -> String {
        format!("boot/initrd.img-{}", self.guest.debian.kernel)
    }

    fn qemu_img(&self, words: &str) -> Result<()> {
        Tool::new("qemu-img").words(words).arg(&self.guest.image).arg(&self.image).run()?;
        Ok(())
    }
}

pub(super) fn replace(root: &Path, path: &str, from: &str, to: &str) -> Result<()> {
    let path = root.join(path);
    let text = fs::read_to_string(&path)?;
    anyhow::ensure!(text.contains(from), "{} has no {from}", path.display());
    Ok(fs::write(path, text.replace(from, to))?)
}

pub(super) fn append(root: &Path, path: &str, line: &str) -> Result<()> {
    let path = root.join(path);
    let text = fs::read_to_string(&path)?;
    Ok(fs::write(path, text + line)?)
}

const DEFECTS: &[Defect] = &[
    Defect {
        name: "data disk in fstab",
        exit: 1,
        findings: &[("fstab-no-nonsystem-mounts", "fail")],
        unjudged: &["fstab-uuid-exists"],
        make: |bench| {
            bench.edit(|root| {
                append(root, "etc/fstab", &format!("UUID={ABSENT_UUID} /data ext4 defaults 0 2\n"))
            })
        },
    },
    Defect {
        name: "root by device name in fstab",
        exit: 1,
        findings: &[("fstab-uuid", "fail")],
        unjudged: &[],
        make: |bench| {
            bench.edit(|root| replace(root, "etc/fstab", &format!("UUID={ROOT_UUID}"), "/dev/sda1"))
        },
    },
    Defect {
        name: "root by device name on the kernel command line",
        exit: 1,
        findings: &[("grub-root-uuid", "fail")],
        unjudged: &[],
        make: |bench| {
            bench.edit(|root| {
                let from = format!("root=UUID={ROOT_UUID}");
                replace(root, "boot/grub/grub.cfg", &from, "root=/dev/sda1")
            })
        },
    },
    Defect {
        name: "root locked, no cloud-init",
        exit: 1,
        findings: &[
            ("cloud-init-installed", "warn"),
            ("login-credential-or-cloudinit", "fail"),
            ("machine-id-hostkeys", "warn"),
            ("root-account-usable", "fail"),
        ],
        unjudged: &[],
        make: |bench| {
            bench.edit(|root| {
                chroot(root, "dpkg --purge cloud-init >&2", &[])?;
                replace(root, "etc/shadow", ROOT_HASH, "!")
            })
        },
    },
    Defect {
        name: "root locked, cloud-init",
        exit: 0,
        findings: &[("root-account-usable", "warn")],
        unjudged: &[],
        make: |bench| bench.edit(|root| replace(root, "etc/shadow", ROOT_HASH, "*")),
    },
    Defect {
        name: "initramfs missing",
        exit: 1,
        findings: &[("boot-chain-complete", "fail"), ("initrd-referenced-exists", "fail")],
        unjudged: &[
            "initramfs-ide",
            "initramfs-xen-pv",
            "initramfs-virtio-storage",
            "initramfs-virtio-net",
            "initramfs-root-reachable",
            "driver-autoload",
            "uvp-pv-driver-leftover",
            "udev-persistent-net-initrd",
        ],
        make: |bench| bench.edit(|root| Ok(fs::remove_file(root.join(bench.initramfs()))?)),
    },
    Defect {
        name: "drivers stripped from the initramfs",
        exit: 1,
        findings: &[
            ("driver-autoload", "warn"),
            ("initramfs-ide", "warn"),
            ("initramfs-virtio-storage", "warn"),
            ("initramfs-xen-pv", "fail"),
        ],
        unjudged: &[],
        make: |bench| {
            let stripped = bench.guest.debian.initramfs(&["ext4", "sd_mod"])?;
            bench.edit(|root| Ok(fs::write(root.join(bench.initramfs()), &stripped)?))
        },
    },
    Defect {
        name: "boot code zeroed",
        exit: 1,
        findings: &[("boot-chain-complete", "fail"), ("boot-mode-bios", "fail")],
        unjudged: &["os-full-virtualization"],
        make: |bench| {
            bench.copy()?;
            let file = fs::OpenOptions::new().write(true).open(&bench.image)?;
            Ok(file.write_all_at(&[0; 440], 0)?)
        },
    },
    Defect {
        name: "UEFI only",
        exit: 1,
        findings: &[("boot-mode-bios", "fail")],
        unjudged: &["boot-chain-complete", "os-full-virtualization"],
        make: |bench| {
            let uefi = whole::build(Layout::Uefi, SIZE)?;
            Tool::new("cp").arg("--sparse=always").arg(&uefi.image).arg(&bench.image).run()?;
            Ok(())
        },
    },
    Defect {
        name: "root in a LUKS container",
        exit: 1,
        findings: &[("disk-not-encrypted", "fail")],
        unjudged: &["*"],
        make: |bench| {
            bench.copy()?;
            let device = Loop::part(&bench.image, bench.guest.root.0, bench.guest.root.1)?;
            Tool::new("cryptsetup")
                .words("luksFormat --batch-mode --type luks2 --pbkdf pbkdf2")
                .words("--pbkdf-force-iterations 1000 --key-file -")
                .arg(&device.device)
                .run_with(b"preflight")?;
            Ok(())
        },
    },
    Defect {
        name: "encrypted qcow2",
        exit: 1,
        findings: &[("qcow2-not-encrypted", "fail")],
        unjudged: &["*"],
        make: |bench| {
            bench.qemu_img(
                "convert --object secret,id=key,data=preflight -f raw -O qcow2 -o \
                 encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=10",
            )
        },
    },
    Defect {
        name: "backing file",
        exit: 1,
        findings: &[("qcow2-no-backing-file", "fail")],
        unjudged: &["*"],
        make: |bench| {
            Tool::new("qemu-img")
                .words("create -q -f qcow2 -F raw -b")
                .arg(&bench.guest.image)
                .arg(&bench.image)
                .run()?;
            Ok(())
        },
    },
    Defect {
        name: "truncated qcow2",
        exit: 1,
        findings: &[("qcow2-structure-consistent", "fail")],
        unjudged: &["*"],
        make: |bench| {
            bench.qemu_img("convert -f raw -O qcow2")?;
            let file = fs::OpenOptions::new().write(true).open(&bench.image)?;
            Ok(file.set_len(file.metadata()?.len() / 2)?)
        },
    },
];

pub fn compare(checker: &Checker, guest: &WholeGuest, log: &mut Log) -> Result<()> {
    let bench = Bench { guest, image: workspace::cache()?.join("defect") };
    for defect in DEFECTS {
        (defect.make)(&bench).context(defect.name)?;
        let image = named(&bench.image)?;
        let outcome = checker.check(&image).context(defect.name)?;
        let mut findings = defect.findings.to_vec();
        if !defect.unjudged.contains(&"*") {
            let judged = GUEST.iter().filter(|(rule, _)| !defect.unjudged.contains(rule));
            findings.extend(judged);
        }
        let expected = Expectation::new(defect.exit, &findings, defect.unjudged);
        log.note(&format!("defect: {}", defect.name), expected.differences(&outcome));
        fs::remove_file(image)?;
    }
    Ok(())
}

/// Gives an image the suffix that its content deserves.
fn named(image: &Path) -> Result<PathBuf> {
    let mut magic = [0; 4];
    fs::File::open(image)?.read_exact_at(&mut magic, 0)?;
    let named = image.with_extension(if magic == *b"QFI\xfb" { "qcow2" } else { "raw" });
    fs::rename(image, &named)?;
    Ok(named)
}
