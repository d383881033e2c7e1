//! `fstab-uuid`

use super::scope::{Decision, disk, known, linux_only, settle, undecided};
use super::system_mounts::{is_automatic, is_boot, is_swap, is_unstable};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, Text, shell, volumes};
use crate::disk::facts::DiskFacts;
use crate::fact::Evidence;
use crate::guest::facts::{Facts, FstabEntry, Resolution};
use crate::text;

/// The system mounts are named by identifiers that move with them.
pub(super) struct FstabUuid;

static DOC: Doc = Doc {
    title: Fixed::new("/etc/fstab names disks by UUID", "/etc/fstab使用UUID标识磁盘"),
    why: Fixed::new(
        "Disk names follow the bus: /dev/sda becomes /dev/vda or /dev/xvda after the import. Lines with such names mount nothing, and the start ends in emergency mode.",
        "磁盘名称取决于总线类型：导入后/dev/sda会变成/dev/vda或/dev/xvda。使用此类名称的行无法挂载，启动会进入紧急模式。",
    ),
    decided: Fixed::new(
        "Lines for /, /boot, /boot/efi, /usr and /var with /dev/sd*, vd*, hd*, xvd*, nvme* or /dev/disk/by-id, by-path fail; swap and other mounts warn. UUID=, LABEL=, PARTUUID= and mapper names pass. A data disk that is absent is left to fstab-no-nonsystem-mounts.",
        "/、/boot、/boot/efi、/usr、/var使用/dev/sd*、vd*、hd*、xvd*、nvme*或/dev/disk/by-id、by-path时判为失败；swap和其他挂载点仅告警。UUID=、LABEL=、PARTUUID=和mapper名称通过。不存在的数据盘由fstab-no-nonsystem-mounts判定。",
    ),
    remedy: Fixed::new(
        "Put UUID=... (as blkid prints it) in the place of the device name in /etc/fstab.",
        "将/etc/fstab中的设备名替换为UUID=...（通过blkid查询）。",
    ),
    source: "修改fstab文件磁盘标识方式为UUID (OTC 0086024961); FAQ (OTC 0034220644)",
    predicts: &[],
    repaired_by_platform: true,
};

impl Rule for FstabUuid {
    fn id(&self) -> &'static str {
        "fstab-uuid"
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
    let fstab = known(&linux.fstab)?;
    let (mut vital, mut others) = (vec![], vec![]);
    for entry in &fstab.entries {
        let counts = is_swap(entry) || is_automatic(entry);
        if !counts || !is_unstable(entry.source.kind) {
            continue;
        }
        if is_boot(&entry.mount_point) {
            vital.push(entry);
        } else if entry.source.resolution != Resolution::Missing || is_swap(entry) {
            others.push(entry);
        }
    }
    if let Some(unread) = fstab.units_unread.as_ref().filter(|_| vital.is_empty()) {
        return Err(Box::new(undecided(unread)));
    }
    let Some(first) = vital.first().or(others.first()) else {
        let what = if fstab.exists { "no device by a name of its bus" } else { "no such file" };
        return Ok(Outcome::holds(
            text!(
                "/etc/fstab names no disk by a name that changes with the import.",
                "/etc/fstab中没有导入后会变化的磁盘名称。"
            ),
            vec![Evidence::new("/etc/fstab", what)],
        ));
    };
    let (line, file, spec) = (first.line, first.file(), &first.source.spec);
    let (purpose, purpose_zh) = match (is_swap(first), &first.mount_point) {
        (true, _) => ("swap".to_owned(), "swap".to_owned()),
        (false, point) => (format!("for {point}"), format!("挂载点{point}")),
    };
    let message = text!(
        "Line {line} of {file} names {spec} ({purpose}), a name that changes with the import.",
        "{file}第{line}行使用{spec}（{purpose_zh}），导入后该名称会变化。"
    );
    let is_vital = !vital.is_empty();
    vital.append(&mut others);
    let remedy = repair(&vital, disk);
    let evidence = vital.into_iter().map(FstabEntry::evidence).collect();
    let outcome = if is_vital {
        Outcome::broken(message, evidence)
    } else {
        Outcome::doubtful(message, evidence)
    };
    Ok(match remedy {
        Some(remedy) => outcome.remedy(remedy),
        None => outcome,
    })
}

/// One command a line, where the UUID of what it names is known.
fn repair(entries: &[&FstabEntry], disk: &DiskFacts) -> Option<Text> {
    let mut scripts: Vec<(&str, String)> = Vec::new();
    for entry in entries {
        let Resolution::Volume(index) = entry.source.resolution else { continue };
        let Some(uuid) = volumes::uuid(disk, index) else { continue };
        let script = match &entry.unit {
            None => format!("{}s|^[[:space:]]*[^[:space:]]*|UUID={uuid}|", entry.line),
            Some(_) => format!("{}s|=.*|=/dev/disk/by-uuid/{uuid}|", entry.line),
        };
        match scripts.iter_mut().find(|(file, _)| *file == entry.file()) {
            Some((_, scripts)) => scripts.push_str(&format!(";{script}")),
            None => scripts.push((entry.file(), script)),
        }
    }
    let commands: Vec<_> = scripts
        .iter()
        .map(|(file, script)| format!("sed -i '{script}' {}", shell::quote_path(file)))
        .collect();
    let commands = commands.join(" && ");
    (!commands.is_empty()).then(|| text!("{commands}", "{commands}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::facts::{DeviceRef, SourceKind};
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn kernel_name(spec: &str, volume: usize) -> DeviceRef {
        device(spec, SourceKind::KernelName, Resolution::Volume(volume))
    }

    #[test]
    fn uuids_pass() {
        expect(&FstabUuid, &good_linux(), Status::Pass, "/etc/fstab");
    }

    #[test]
    fn a_kernel_name_for_the_root_fails_with_the_right_uuid() {
        let mut facts = good_linux();
        fstab_mut(&mut facts).entries[0].source = kernel_name("/dev/sda2", 1);
        let finding = expect(&FstabUuid, &facts, Status::Fail, "/etc/fstab:1");
        let expected =
            format!("sed -i '1s|^[[:space:]]*[^[:space:]]*|UUID={ROOT_UUID}|' /etc/fstab");
        assert_eq!(remedy(&finding), expected);
        assert!(finding.repaired_by_platform);
    }

    #[test]
    fn a_kernel_name_for_swap_warns() {
        let mut facts = good_linux();
        fstab_mut(&mut facts).entries[2].source = kernel_name("/dev/sda3", 2);
        let finding = expect(&FstabUuid, &facts, Status::Warn, "names /dev/sda3 (swap),");
        assert!(finding.message.zh.contains("（swap）"));
        assert!(remedy(&finding).contains(SWAP_UUID));
    }

    #[test]
    fn a_mount_unit_with_a_kernel_name_is_told_with_its_file() {
        let mut facts = good_linux();
        let entry = mount(6, kernel_name("/dev/sda2", 1), "/var", "ext4");
        fstab_mut(&mut facts).entries.push(as_unit(entry, true));
        let unit = "/etc/systemd/system/data.mount:6";
        let finding = expect(&FstabUuid, &facts, Status::Fail, unit);
        let expected = format!(
            "sed -i '6s|=.*|=/dev/disk/by-uuid/{ROOT_UUID}|' /etc/systemd/system/data.mount"
        );
        assert_eq!(remedy(&finding), expected);
    }

    #[test]
    fn a_data_disk_that_is_absent_is_left_to_its_own_rule() {
        let mut facts = good_linux();
        let source = device("/dev/vdb1", SourceKind::KernelName, Resolution::Missing);
        fstab_mut(&mut facts).entries.push(mount(7, source, "/data", "ext4"));
        assert_eq!(status(&FstabUuid, &facts), Status::Pass);
    }

    #[test]
    fn an_unreadable_fstab_is_unverified() {
        expect(&FstabUuid, &unread_inside(), Status::Unverified, "it was torn");
        assert_eq!(status(&FstabUuid, &no_guest()), Status::NotApplicable);
    }
}
