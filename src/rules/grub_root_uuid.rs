//! `grub-root-uuid`

use super::scope::{Decision, disk, known, linux_only, settle, undecided};
use super::system_mounts::is_unstable;
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, Text, shell, volumes};
use crate::chinese::chinese;
use crate::disk::facts::DiskFacts;
use crate::fact::{Evidence, Unread};
use crate::guest::facts::{BootEntry, Facts, LinuxFacts, LoaderKind, Resolution};
use crate::text;

/// The kernel finds its root by an identifier that moves with it.
pub(super) struct GrubRootUuid;

static DOC: Doc = Doc {
    title: Fixed::new(
        "The default boot entry names the root by its UUID",
        "默认引导项使用UUID引用根设备",
    ),
    why: Fixed::new(
        "Disk names follow the bus and its order: what was /dev/sda is /dev/vda or /dev/xvda on the server. A root= with such a name, or with a UUID that no file system has, ends in the initramfs shell.",
        "磁盘名称取决于总线类型和顺序：原来的/dev/sda在云服务器上会变成/dev/vda或/dev/xvda。root=使用此类名称或不存在的UUID时，启动会停在initramfs命令行。",
    ),
    decided: Fixed::new(
        "root= of the default entry: kernel names (/dev/sd*, vd*, hd*, xvd*, nvme*) and /dev/disk/by-id or by-path fail; a UUID, label, partition UUID or mapper name passes when it leads to a volume of the image and fails when it leads to none. A resume= device that is missing warns.",
        "检查默认引导项的root=：内核名称（/dev/sd*、vd*、hd*、xvd*、nvme*）以及/dev/disk/by-id、by-path判为失败；UUID、卷标、分区UUID或mapper名称能对应到镜像中的卷则通过，否则失败。resume=设备不存在时告警。",
    ),
    remedy: Fixed::new(
        "Take GRUB_DISABLE_LINUX_UUID=true out of /etc/default/grub, then update-grub (RHEL family: grub2-mkconfig -o /boot/grub2/grub.cfg; with BLS entries: grubby --update-kernel=ALL --args=root=UUID=...)",
        "删除/etc/default/grub中的GRUB_DISABLE_LINUX_UUID=true，然后执行update-grub（RHEL系：grub2-mkconfig -o /boot/grub2/grub.cfg；使用BLS引导项时：grubby --update-kernel=ALL --args=root=UUID=...）",
    ),
    source: "修改grub文件磁盘标识方式为UUID (OTC 0086020895); FAQ (OTC 0034220644)",
    predicts: &[],
    repaired_by_platform: true,
};

impl Rule for GrubRootUuid {
    fn id(&self) -> &'static str {
        "grub-root-uuid"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Required)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

fn decide(facts: &Facts) -> Decision {
    let linux = linux_only(facts)?;
    let disk = disk(facts)?;
    let Some(entry) = known(&linux.boot.default_entry)? else {
        return Err(Box::new(undecided(&Unread::new(
            "boot loader configuration",
            "there is no default boot entry (see boot-chain-complete)",
        ))));
    };
    let place = &entry.command_line_location;
    let mut evidence = vec![entry.command_line_evidence("root=")];
    let Some(root) = &entry.root else {
        return Ok(Outcome::doubtful(
            text!(
                "The default boot entry ({place}) has no root=; the initramfs must know it by itself.",
                "默认引导项（{place}）没有root=，只能依赖initramfs自行识别根设备。"
            ),
            evidence,
        ));
    };
    let spec = &root.spec;
    if is_unstable(root.kind) {
        return Ok(Outcome::broken(
            text!(
                "The default boot entry ({place}) names the root {spec}, a name that changes with the import.",
                "默认引导项（{place}）使用{spec}引用根设备，导入后该名称会变化。"
            ),
            evidence,
        )
        .remedy(repair(linux, disk, entry)));
    }
    match &root.resolution {
        Resolution::Volume(index) => {
            let volume = disk.volumes.get(*index).map(volumes::describe).unwrap_or_default();
            let volume_zh = chinese(&volume);
            evidence.push(Evidence::new(spec.clone(), volume.clone()));
            if let Some(resume) = missing_resume(entry) {
                return Ok(Outcome::doubtful(
                    text!(
                        "The default boot entry ({place}) has resume={resume}, which is not in the image: each start waits for it.",
                        "默认引导项（{place}）中的resume={resume}在镜像中不存在，每次启动都会等待该设备。"
                    ),
                    evidence,
                )
                .remedy(resume_remedy(place)));
            }
            Ok(Outcome::holds(
                text!("root={spec} leads to {volume}.", "root={spec}对应{volume_zh}。"),
                evidence,
            ))
        }
        Resolution::Unknown(unread) => Err(Box::new(undecided(unread))),
        Resolution::Missing | Resolution::NoDevice => {
            evidence.extend(volumes::identifiers(disk));
            Ok(Outcome::broken(
                text!(
                    "The default boot entry ({place}) names the root {spec}, which no volume of the image is.",
                    "默认引导项（{place}）引用的根设备{spec}在镜像中不存在。"
                ),
                evidence,
            )
            .remedy(repair(linux, disk, entry)))
        }
    }
}

fn missing_resume(entry: &BootEntry) -> Option<&str> {
    let resume = entry.resume.as_ref()?;
    (resume.resolution == Resolution::Missing).then_some(resume.spec.as_str())
}

fn resume_remedy(place: &str) -> Text {
    match shell::file_and_line(place) {
        Some((file, line)) => {
            let file = shell::quote_path(file);
            text!(
                "sed -i '{line}s| resume=[^[:space:]]*||' {file}; take resume= out of GRUB_CMDLINE_LINUX in /etc/default/grub as well",
                "sed -i '{line}s| resume=[^[:space:]]*||' {file}；并从/etc/default/grub的GRUB_CMDLINE_LINUX中删除resume="
            )
        }
        None => {
            text!("Take resume= out of the kernel command line.", "从内核命令行中删除resume=。")
        }
    }
}

/// What `root=` of the entry should say, by the root file system that it starts.
pub(crate) fn right_name(
    linux: &LinuxFacts,
    disk: &DiskFacts,
    entry: &BootEntry,
) -> Option<String> {
    let root = linux.mounts.iter().find(|mount| mount.path == "/")?.volume?;
    // Only an initramfs finds a file system by its UUID; the kernel alone knows partitions.
    if entry.initrds.is_empty() {
        volumes::partition_uuid(disk, root).map(|uuid| format!("PARTUUID={uuid}"))
    } else {
        volumes::uuid(disk, root).map(|uuid| format!("UUID={uuid}"))
    }
}

/// The command with the UUID that the root really has.
fn repair(linux: &LinuxFacts, disk: &DiskFacts, entry: &BootEntry) -> Text {
    let Some(name) = right_name(linux, disk, entry) else { return DOC.remedy.text() };
    let loader = linux.boot.loader.known().and_then(Option::as_ref);
    if let Some((LoaderKind::Grub2Bls, _)) = loader {
        let command = format!("grubby --update-kernel=ALL --args=root={name}");
        return text!("{command}", "{command}");
    }
    let Some((file, line)) = shell::file_and_line(&entry.command_line_location) else {
        return text!("root={name}", "root={name}");
    };
    let file = shell::quote_path(file);
    // Of several the last counts: all of them.
    let roots = entry.command_line.matches("root=").count();
    let all = if roots > 1 { "g" } else { "" };
    text!(
        "sed -i '{line}s|root=[^[:space:]]*|root={name}|{all}' {file}; so that it lasts, take GRUB_DISABLE_LINUX_UUID=true out of /etc/default/grub",
        "sed -i '{line}s|root=[^[:space:]]*|root={name}|{all}' {file}；为避免配置重新生成后失效，请删除/etc/default/grub中的GRUB_DISABLE_LINUX_UUID=true"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::facts::SourceKind;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn a_uuid_that_a_volume_has_passes() {
        expect(&GrubRootUuid, &good_linux(), Status::Pass, "partition 2 (ext4)");
    }

    #[test]
    fn a_kernel_name_fails_with_the_line_and_the_right_uuid() {
        let mut facts = good_linux();
        entry_mut(&mut facts).root =
            Some(device("/dev/sda2", SourceKind::KernelName, Resolution::Volume(1)));
        let finding = expect(&GrubRootUuid, &facts, Status::Fail, "/boot/grub2/grub.cfg:100");
        assert!(remedy(&finding).starts_with(&format!(
            "sed -i '100s|root=[^[:space:]]*|root=UUID={ROOT_UUID}|' /boot/grub2/grub.cfg"
        )));
    }

    #[test]
    fn of_two_roots_the_remedy_changes_both() {
        let mut facts = good_linux();
        let entry = entry_mut(&mut facts);
        entry.command_line = "root=UUID=1111 ro root=UUID=2222".to_owned();
        entry.root = Some(device("UUID=2222", SourceKind::Uuid, Resolution::Missing));
        let finding = expect(&GrubRootUuid, &facts, Status::Fail, "UUID=2222");
        assert!(remedy(&finding).contains(&format!("|root=UUID={ROOT_UUID}|g'")), "{finding:#?}");
    }

    #[test]
    fn without_an_initramfs_the_remedy_names_the_partition() {
        let mut facts = good_linux();
        let entry = entry_mut(&mut facts);
        entry.initrds.clear();
        entry.root = Some(device("/dev/sda2", SourceKind::KernelName, Resolution::Volume(1)));
        let finding = expect(&GrubRootUuid, &facts, Status::Fail, "/dev/sda2");
        assert!(remedy(&finding).contains("root=PARTUUID=0009a3b1-02|"), "{finding:#?}");
    }

    #[test]
    fn a_uuid_that_no_volume_has_fails_and_shows_those_that_exist() {
        let mut facts = good_linux();
        entry_mut(&mut facts).root = Some(absent_disk());
        let finding = expect(&GrubRootUuid, &facts, Status::Fail, "UUID=dead");
        assert!(finding.evidence.iter().any(|seen| seen.detail.contains(ROOT_UUID)));
    }

    #[test]
    fn a_missing_resume_device_or_root_argument_warns() {
        let mut facts = good_linux();
        entry_mut(&mut facts).resume = Some(absent_disk());
        expect(&GrubRootUuid, &facts, Status::Warn, "resume=UUID=dead");
        entry_mut(&mut facts).root = None;
        expect(&GrubRootUuid, &facts, Status::Warn, "no root=");
    }

    #[test]
    fn a_root_that_could_not_be_resolved_is_unverified() {
        let mut facts = good_linux();
        let why = Unread::new("partition 2", "LVM is not read");
        entry_mut(&mut facts).root =
            Some(device("/dev/mapper/cl-root", SourceKind::DeviceMapper, Resolution::Unknown(why)));
        expect(&GrubRootUuid, &facts, Status::Unverified, "LVM is not read");
        expect(&GrubRootUuid, &unread_inside(), Status::Unverified, "it was torn");
        assert_eq!(status(&GrubRootUuid, &windows()), Status::NotApplicable);
    }
}
