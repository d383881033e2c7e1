//! `fs-supported-by-autoconfig`

use super::boot_drivers::DefaultKernel;
use super::scope::{Decision, known, linux_only, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, Text};
use crate::fact::Unread;
use crate::guest::facts::{Facts, LinuxFacts, OsIdentity};
use crate::text;

/// The platform's automatic configuration can put its drivers into the image.
pub(super) struct FsSupportedByAutoconfig;

static DOC: Doc = Doc {
    title: Fixed::new(
        "The platform can inject its drivers into the image",
        "平台的后台自动化配置可以注入驱动",
    ),
    why: Fixed::new(
        "With is_config the platform adds the virtio drivers by itself, but not to images with a separate /usr, to Fedora 29 and 30 or CentOS 8.0 on XFS, or to SUSE 12 SP4 on ext4. There they must be in the image before it is uploaded.",
        "启用后台自动化配置时平台会自动注入virtio驱动，但以下镜像除外：/usr为独立分区、Fedora 29/30及CentOS 8.0使用XFS、SUSE 12 SP4使用ext4。这些镜像必须在上传前自行安装驱动。",
    ),
    decided: Fixed::new(
        "A line of /etc/fstab that mounts /usr; the release files and the type of the root file system.",
        "检查/etc/fstab中是否挂载/usr，以及系统版本与根文件系统类型的组合。",
    ),
    remedy: Fixed::new(
        "Put virtio_pci, virtio_blk, virtio_scsi and virtio_net into the initramfs before the upload; initramfs-virtio-storage and initramfs-virtio-net tell whether they are there.",
        "请在上传前将virtio_pci、virtio_blk、virtio_scsi和virtio_net加入initramfs；是否已包含参见initramfs-virtio-storage和initramfs-virtio-net。",
    ),
    source: "OTC 0032307025 (What Will the System Do to an Image File)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for FsSupportedByAutoconfig {
    fn id(&self) -> &'static str {
        "fs-supported-by-autoconfig"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Informational)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

/// The drivers that the platform would inject.
const DRIVERS: &[&str] = &["virtio_pci", "virtio_blk", "virtio_scsi", "virtio_net"];

/// Whether the version of a system is one of those that are left out on that file system.
enum LeftOut {
    Yes,
    No,
    /// It is one of those or a later one: the files do not say it exactly enough.
    Unclear,
}

fn left_out(os: &OsIdentity, kind: &str) -> LeftOut {
    let version = os.version.as_deref().unwrap_or_default();
    let mut numbers = version.split('.').map(str::parse::<u32>);
    let (major, minor) = (numbers.next(), numbers.next());
    match (os.id.as_str(), kind, major, minor) {
        ("fedora", "xfs", Some(Ok(29 | 30)), _) | ("centos", "xfs", Some(Ok(8)), Some(Ok(0))) => {
            LeftOut::Yes
        }
        ("fedora" | "centos", "xfs", None | Some(Err(_)), _)
        | ("centos", "xfs", Some(Ok(8)), None | Some(Err(_))) => LeftOut::Unclear,
        (id, "ext4", major, minor) if id.starts_with("sles") || id.starts_with("sled") => {
            match (major, minor) {
                (Some(Ok(12)), Some(Ok(4))) => LeftOut::Yes,
                (None | Some(Err(_)), _) => LeftOut::Unclear,
                _ => LeftOut::No,
            }
        }
        _ => LeftOut::No,
    }
}

fn injection(linux: &LinuxFacts) -> Text {
    match DefaultKernel::of(linux) {
        Ok(kernel) => kernel.rebuild(linux, DRIVERS),
        Err(_) => DOC.remedy.text(),
    }
}

fn decide(facts: &Facts) -> Decision {
    let linux = linux_only(facts)?;
    let fstab = linux.fstab.as_result();
    let usr = fstab.ok().and_then(|fstab| {
        fstab.entries.iter().find(|entry| entry.mount_point == "/usr" && entry.fs_type != "swap")
    });
    if let Some(entry) = usr {
        return Ok(Outcome::broken(
            text!(
                "/usr is a file system of its own: the platform will not inject the drivers.",
                "/usr为独立分区：平台不会注入驱动。"
            ),
            vec![entry.evidence()],
        )
        .remedy(injection(linux)));
    }
    let os = known(&linux.os)?;
    let root = linux.mounts.iter().find(|mount| mount.path == "/");
    let Some((root, kind)) = root.and_then(|root| Some((root, root.kind.as_deref()?))) else {
        let unread = Unread::new("/", "the type of the root file system is not known");
        return Err(Box::new(undecided(&unread)));
    };
    let mut evidence = vec![root.evidence.clone()];
    if let Some(os) = os {
        let name = &os.name;
        evidence.push(os.evidence.clone());
        match left_out(os, kind) {
            LeftOut::Yes => {
                return Ok(Outcome::broken(
                    text!(
                        "{name} with its root on {kind}: the platform will not inject the drivers.",
                        "{name}的根文件系统为{kind}：平台不会注入驱动。"
                    ),
                    evidence,
                )
                .remedy(injection(linux)));
            }
            LeftOut::Unclear => {
                let reason = "it does not say the exact version, of which some on this file system get no drivers";
                let unread = Unread::new(os.evidence.location.clone(), reason);
                return Err(Box::new(undecided(&unread)));
            }
            LeftOut::No => {}
        }
    }
    known(&linux.fstab)?;
    Ok(Outcome::holds(
        text!(
            "The root is on {kind}, /usr lies in it, and the system is none of those without driver injection.",
            "根文件系统为{kind}，/usr不是独立分区，且该系统不属于不支持驱动注入的版本。"
        ),
        evidence,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::guest::facts::{Resolution, SourceKind};
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn of(id: &str, version: &str, kind: &str) -> Facts {
        let mut facts = good_linux();
        let linux = linux_mut(&mut facts);
        let Fact::Known(Some(os)) = &mut linux.os else { panic!() };
        (os.id, os.version) =
            (id.to_owned(), Some(version.to_owned()).filter(|text| !text.is_empty()));
        linux.mounts[0].kind = Some(kind.to_owned());
        facts
    }

    #[test]
    fn systems_that_get_the_drivers_pass() {
        for (id, version, kind) in [
            ("centos", "7.6", "xfs"),
            ("centos", "8.0", "ext4"),
            ("centos", "8.2", "xfs"),
            ("fedora", "31", "xfs"),
            ("fedora", "30", "ext4"),
            ("sles", "12.4", "btrfs"),
            ("sles", "12.5", "ext4"),
            ("sles", "12", "ext4"),
            ("debian", "12", "xfs"),
        ] {
            let facts = of(id, version, kind);
            expect(&FsSupportedByAutoconfig, &facts, Status::Pass, "/etc/fstab:1");
        }
    }

    #[test]
    fn systems_on_file_systems_that_the_platform_leaves_out_are_told() {
        for (id, version, kind) in [
            ("centos", "8.0", "xfs"),
            ("centos", "8.0.1905", "xfs"),
            ("fedora", "29", "xfs"),
            ("fedora", "30", "xfs"),
            ("sles", "12.4", "ext4"),
            ("sles_sap", "12.4", "ext4"),
        ] {
            let facts = of(id, version, kind);
            let needle = "the platform will not inject the drivers";
            let finding = expect(&FsSupportedByAutoconfig, &facts, Status::Info, needle);
            assert!(remedy(&finding).contains("virtio_pci virtio_blk"), "{finding:#?}");
        }
    }

    #[test]
    fn a_separate_usr_is_told_whatever_the_system() {
        let mut facts = of("debian", "12", "ext4");
        let usr = device("UUID=x", SourceKind::Uuid, Resolution::Volume(2));
        fstab_mut(&mut facts).entries.push(mount(5, usr, "/usr", "ext4"));
        expect(&FsSupportedByAutoconfig, &facts, Status::Info, "/etc/fstab:5");
    }

    #[test]
    fn what_does_not_say_enough_is_unverified() {
        let facts = of("centos", "8", "xfs");
        expect(&FsSupportedByAutoconfig, &facts, Status::Unverified, "exact version");
        let facts = of("fedora", "", "xfs");
        expect(&FsSupportedByAutoconfig, &facts, Status::Unverified, "exact version");
        let mut facts = good_linux();
        linux_mut(&mut facts).fstab = Fact::unknown("/etc/fstab", "torn");
        expect(&FsSupportedByAutoconfig, &facts, Status::Unverified, "torn");
        expect(&FsSupportedByAutoconfig, &unread_inside(), Status::Unverified, "it was torn");
        assert_eq!(status(&FsSupportedByAutoconfig, &windows()), Status::NotApplicable);
    }
}
