//! Broken guests, repaired by the script that `image-preflight remedy` prints, pass.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::defect::{append, replace};
use super::report::{Checker, Expectation, Outcome};
use super::{GUEST, Log};
use crate::guest::identity::{ABSENT_UUID, ROOT_UUID};
use crate::tool::Tool;
use crate::whole::WholeGuest;
use crate::workspace;

/// A way in which a guest is broken.
struct Case {
    name: &'static str,
    /// The rules that find it, which afterwards must not.
    rules: &'static [&'static str],
    make: fn(&Bench) -> Result<PathBuf>,
}

/// Where a guest is broken and repaired.
struct Bench<'a> {
    guest: &'a WholeGuest,
    dir: &'a Path,
}

impl Bench<'_> {
    fn image(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// A copy of the guest with other files.
    fn edit(&self, edit: impl Fn(&Path) -> Result<()>) -> Result<PathBuf> {
        let image = self.image("broken.raw");
        Tool::new("cp").arg("--sparse=always").arg(&self.guest.image).arg(&image).run()?;
        edit(self.guest.mount(&image, "rw")?.path())?;
        Ok(image)
    }

    fn initramfs(&self) -> String {
        format!("boot/initrd.img-{}", self.guest.debian.kernel)
    }
}

const INTERFACES: &str = "etc/network/interfaces";
const GRUB: &str = "boot/grub/grub.cfg";
const OPENSTACK: &str = "etc/cloud/cloud.cfg.d/90-openstack.cfg";

/// An initramfs that the script makes anew takes seconds, and not half a minute.
fn packed_fast(root: &Path) -> Result<()> {
    append(root, "etc/initramfs-tools/initramfs.conf", "COMPRESSLEVEL=1\n")
}

const CASES: &[Case] = &[
    Case {
        name: "data disks in fstab",
        rules: &["fstab-no-nonsystem-mounts"],
        make: |bench| {
            bench.edit(|root| {
                let line = format!("UUID={ABSENT_UUID} /data ext4 defaults 0 2\n");
                append(root, "etc/fstab", &format!("{line}/dev/vdb1\t/mnt/b&b ext4 nofail 0 2\n"))
            })
        },
    },
    Case {
        name: "root by device name in fstab and on the kernel command line",
        rules: &["fstab-uuid", "grub-root-uuid"],
        make: |bench| {
            bench.edit(|root| {
                let (fstab, grub) = (format!("UUID={ROOT_UUID}"), format!("root=UUID={ROOT_UUID}"));
                replace(root, "etc/fstab", &fstab, "/dev/sda1")?;
                replace(root, GRUB, &grub, "root=/dev/sda1")
            })
        },
    },
    Case {
        name: "root by the UUID of another file system",
        rules: &[
            "fstab-uuid-exists",
            "grub-root-uuid",
            "boot-chain-complete",
            "boot-and-system-same-disk",
        ],
        make: |bench| {
            bench.edit(|root| {
                replace(root, "etc/fstab", ROOT_UUID, ABSENT_UUID)?;
                let (from, to) =
                    (format!("root=UUID={ROOT_UUID}"), format!("root=UUID={ABSENT_UUID}"));
                replace(root, GRUB, &from, &to)
            })
        },
    },
    Case {
        name: "initramfs missing",
        rules: &["boot-chain-complete", "initrd-referenced-exists"],
        make: |bench| {
            bench.edit(|root| {
                packed_fast(root)?;
                Ok(fs::remove_file(root.join(bench.initramfs()))?)
            })
        },
    },
    Case {
        name: "drivers missing from the initramfs",
        rules: &[
            "driver-autoload",
            "initramfs-ide",
            "initramfs-virtio-storage",
            "initramfs-xen-pv",
        ],
        make: |bench| {
            let stripped = bench.guest.debian.initramfs(&["ext4", "sd_mod"])?;
            bench.edit(|root| {
                // What this machine's initramfs is made for by default decides it.
                replace(
                    root,
                    "etc/initramfs-tools/initramfs.conf",
                    "MODULES=most",
                    "MODULES=list",
                )?;
                append(root, "etc/initramfs-tools/modules", "ext4\nsd_mod\n")?;
                packed_fast(root)?;
                Ok(fs::write(root.join(bench.initramfs()), &stripped)?)
            })
        },
    },
    Case {
        name: "static address",
        rules: &["nic-dhcp"],
        make: |bench| {
            bench.edit(|root| {
                let fixed = "iface eth0 inet static\n    address 192.168.7.2/24\n    gateway \
                             192.168.7.1\n    dns-nameservers 192.168.7.1\n";
                replace(root, INTERFACES, "iface eth0 inet dhcp\n", fixed)
            })
        },
    },
    Case {
        name: "network cards by the MAC address of the old machine",
        rules: &["nic-mac-bound", "os-not-hardware-bound", "udev-persistent-net"],
        make: |bench| {
            bench.edit(|root| {
                let rule = "SUBSYSTEM==\"net\", ACTION==\"add\", ATTR{address}==\
                            \"52:54:00:12:34:56\", NAME=\"eth0\"\n";
                fs::write(root.join("etc/udev/rules.d/70-persistent-net.rules"), rule)?;
                let link = "[Match]\nMACAddress=52:54:00:12:34:57\n\n[Link]\nName=eth1\n";
                Ok(fs::write(root.join("etc/systemd/network/10-eth1.link"), link)?)
            })
        },
    },
    Case {
        name: "no card of a name that a new machine has",
        rules: &["nic-name-mismatch"],
        make: |bench| bench.edit(|root| replace(root, INTERFACES, "eth0", "ens192")),
    },
    Case {
        name: "cloud-init switched off and masked",
        rules: &["cloud-init-enabled"],
        make: |bench| {
            bench.edit(|root| {
                fs::write(root.join("etc/cloud/cloud-init.disabled"), "")?;
                replace(root, GRUB, "console=tty0", "cloud-init=disabled console=tty0")?;
                for unit in ["cloud-config.service", "cloud-final.service"] {
                    let system = root.join("etc/systemd/system");
                    fs::remove_file(system.join("cloud-init.target.wants").join(unit))?;
                    symlink("/dev/null", system.join(unit))?;
                }
                Ok(())
            })
        },
    },
    Case {
        name: "cloud-init set up for another cloud, and used",
        rules: &[
            "cloud-init-cache-clean",
            "cloud-init-datasource-openstack",
            "cloud-init-manage-etc-hosts",
            "cloud-init-modules-order",
            "cloud-init-network-disabled",
            "cloud-init-root-login",
        ],
        make: |bench| {
            bench.edit(|root| {
                fs::write(root.join(OPENSTACK), "datasource_list: [ Ec2, None ]\n")?;
                replace(
                    root,
                    "etc/cloud/cloud.cfg",
                    "cloud_init_modules:\n - ssh\n",
                    "cloud_init_modules:\n",
                )?;
                let state = root.join("var/lib/cloud");
                fs::create_dir_all(state.join("instances/i-1"))?;
                fs::create_dir_all(state.join("sem"))?;
                fs::write(state.join("sem/config_scripts_per_once.once"), "")?;
                symlink("/var/lib/cloud/instances/i-1", state.join("instance"))?;
                Ok(fs::write(root.join("var/log/cloud-init.log"), "an earlier run\n")?)
            })
        },
    },
    Case {
        name: "sshd off, without passwords",
        rules: &["sshd-enabled", "sshd-password-auth"],
        make: |bench| {
            bench.edit(|root| {
                // As `systemctl disable` does.
                for link in ["multi-user.target.wants/ssh.service", "sshd.service"] {
                    fs::remove_file(root.join("etc/systemd/system").join(link))?;
                }
                replace(root, OPENSTACK, "ssh_pwauth: true", "ssh_pwauth: unchanged")?;
                let file = root.join("etc/ssh/sshd_config.d/10-keys.conf");
                Ok(fs::write(file, "PasswordAuthentication\tno\n")?)
            })
        },
    },
    Case {
        name: "leftovers, no serial console, resume from a disk that is gone",
        rules: &[
            "console-ttyS0",
            "leftover-logs-history",
            "machine-id-hostkeys",
            "resume-device-exists",
        ],
        make: |bench| {
            bench.edit(|root| {
                fs::write(root.join("root/.bash_history"), "mysql -psecret\n")?;
                fs::write(root.join("etc/machine-id"), "0123456789abcdef0123456789abcdef\n")?;
                packed_fast(root)?;
                let resume = format!("RESUME=UUID={ABSENT_UUID}\n");
                fs::write(root.join("etc/initramfs-tools/conf.d/resume"), resume)?;
                replace(root, GRUB, "console=tty0 console=ttyS0,115200", "")
            })
        },
    },
    Case {
        name: "taken while it ran",
        rules: &["graceful-shutdown"],
        make: |bench| {
            let running = bench.image("running.raw");
            Tool::new("cp").arg("--sparse=always").arg(&bench.guest.image).arg(&running).run()?;
            let mount = bench.guest.mount(&running, "rw")?;
            fs::write(mount.join("etc/motd"), "written last\n")?;
            Tool::new("sync").arg("-f").arg(mount.path()).run()?;
            let image = bench.image("broken.raw");
            Tool::new("cp").arg("--sparse=always").arg(&running).arg(&image).run()?;
            drop(mount);
            fs::remove_file(running)?;
            Ok(image)
        },
    },
    Case {
        name: "backing file",
        rules: &["qcow2-no-backing-file"],
        make: |bench| {
            let image = bench.image("broken.qcow2");
            Tool::new("qemu-img")
                .words("create -q -f qcow2 -F raw -b")
                .arg(&bench.guest.image)
                .arg(&image)
                .run()?;
            Ok(image)
        },
    },
    Case {
        name: "internal snapshots, zstd clusters, the wrong suffix",
        rules: &[
            "format-extension-match",
            "qcow2-features-conservative",
            "qcow2-no-internal-snapshots",
        ],
        make: |bench| {
            let image = bench.image("broken.vmdk");
            Tool::new("qemu-img")
                .words("convert -f raw -O qcow2 -o compression_type=zstd")
                .arg(&bench.guest.image)
                .arg(&image)
                .run()?;
            for name in ["before", "$(after)"] {
                Tool::new("qemu-img").words("snapshot -c").arg(name).arg(&image).run()?;
            }
            Ok(image)
        },
    },
];

pub fn compare(checker: &Checker, guest: &WholeGuest, log: &mut Log) -> Result<()> {
    let dir = workspace::cache()?.join("repair");
    if dir.exists() {
        fs::remove_dir_all(&dir)?;
    }
    for case in CASES {
        fs::create_dir(&dir)?;
        let bench = Bench { guest, dir: &dir };
        let wrong = repaired(checker, case, &bench).context(case.name)?;
        log.note(&format!("repair: {}", case.name), wrong);
        fs::remove_dir_all(&dir)?;
    }
    Ok(())
}

/// What was otherwise than it must be.
fn repaired(checker: &Checker, case: &Case, bench: &Bench) -> Result<Vec<String>> {
    let image = (case.make)(bench)?;
    let before = checker.check(&image)?;
    let mut wrong: Vec<String> = case
        .rules
        .iter()
        .filter(|rule| !is_broken(&before, rule))
        .map(|rule| format!("{rule} does not find it"))
        .collect();
    let digest = digest(&image)?;
    for format in ["guestfish", "virt-customize", "sh"] {
        let text = Tool::new(&checker.binary.to_string_lossy())
            .words("remedy --format")
            .arg(format)
            .arg(&image)
            .run()?;
        fs::write(bench.dir.join(format), text)?;
        Tool::new("sh").arg("-n").arg(bench.dir.join(format)).run()?;
    }
    let copy = bench.image("repaired.qcow2");
    let script = Tool::new("bash").arg(bench.dir.join("sh")).arg(&image).arg(&copy).output(b"")?;
    let said = String::from_utf8_lossy(&script.stderr).into_owned();
    ensure!(copy.exists(), "no copy: {}\n{said}", script.status);
    // What the broken image left undecided is decided by the check of the copy, below.
    let undecided = script.status.code() == Some(3)
        && said.contains("rules that could not be decided")
        && !said.contains("left out")
        && !said.contains("still failing");
    if !script.status.success() && !undecided {
        wrong.push(format!("the script ends with {}: {said}", script.status));
    }
    if digest != self::digest(&image)? {
        wrong.push("the image was changed".to_owned());
    }
    let after = checker.check(&copy)?;
    wrong.extend(Expectation::new(0, GUEST, &[]).differences(&after));
    let still = case.rules.iter().filter(|rule| is_broken(&after, rule));
    wrong.extend(still.map(|rule| format!("{rule} still finds something")));
    Ok(wrong)
}

fn is_broken(outcome: &Outcome, rule: &str) -> bool {
    let found = outcome.findings.iter().find(|finding| finding.rule == rule);
    found.is_some_and(|finding| ["fail", "warn"].contains(&finding.status.as_str()))
}

/// A digest of the file's bytes, its time and its owner. tar passes over the holes of a raw image, of
/// which a digest of the bytes alone would read 40 GiB; where they are is settled once all is written.
fn digest(image: &Path) -> Result<String> {
    const DIGEST: &str = r#"
        sync -f "$1"
        case $1 in
        *.raw) tar --sparse -cPf - "$1" | sha256sum ;;
        *) stat -c '%Y %u %a' "$1" && sha256sum "$1" ;;
        esac
    "#;
    Tool::new("sh").arg("-ec").arg(DIGEST).arg("sh").arg(image).run()
}
