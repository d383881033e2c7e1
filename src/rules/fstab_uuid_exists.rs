//! `fstab-uuid-exists`

use super::mountable::failure;
use super::scope::{Decision, disk, known, linux_only, settle, undecided};
use super::system_mounts::{is_automatic, is_optional, is_swap, is_system, is_unstable, take_out};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, volumes};
use crate::disk::facts::DiskFacts;
use crate::fact::Evidence;
use crate::guest::facts::{Facts, FstabEntry, Resolution, SourceKind};
use crate::text;

/// The identifiers that the system is mounted by exist.
pub(super) struct FstabUuidExists;

static DOC: Doc = Doc {
    title: Fixed::new(
        "The identifiers of system mounts in /etc/fstab exist in the image",
        "/etc/fstab中系统挂载点的标识在镜像中存在",
    ),
    why: Fixed::new(
        "A UUID that no file system has stops the start in emergency mode. For swap systemd waits 90 seconds and goes on.",
        "如果UUID没有对应的文件系统，启动会进入紧急模式；对于swap，systemd会等待90秒后继续启动。",
    ),
    decided: Fixed::new(
        "UUID=, LABEL=, PARTUUID=, PARTLABEL=, mapper and md names of system mounts (/, /boot, /boot/efi, /usr, /var and other directories of the system) are looked up among the signatures of the image's volumes. A missing swap or nofail mount warns. A volume that is found must have the type and the subvolume that the line names: ext4 is not mounted as xfs, and nothing is with defaults misspelled. User and data mounts are left to fstab-no-nonsystem-mounts, kernel names to fstab-uuid.",
        "在镜像各卷的特征中查找系统挂载点（/、/boot、/boot/efi、/usr、/var等系统目录）使用的UUID=、LABEL=、PARTUUID=、PARTLABEL=、mapper和md名称。swap或带nofail的挂载缺失时告警。找到的卷还必须具有该行指定的类型和子卷：ext4不能按xfs挂载；拼错defaults也会使挂载失败。用户和数据挂载由fstab-no-nonsystem-mounts判定，内核设备名由fstab-uuid判定。",
    ),
    remedy: Fixed::new(
        "Correct the identifier in /etc/fstab to the one that blkid prints for the right partition; upper and lower case count.",
        "将/etc/fstab中的标识修改为blkid显示的对应分区的标识，注意区分大小写。",
    ),
    source: "FAQ (OTC 0034220644): ensure that the UUIDs are correct",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for FstabUuidExists {
    fn id(&self) -> &'static str {
        "fstab-uuid-exists"
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
    let (mut vital, mut swap, mut unknown, mut seen) = (vec![], vec![], None, vec![]);
    let mut failed = None;
    for entry in fstab.entries.iter().filter(|entry| concerns(entry)) {
        match &entry.source.resolution {
            Resolution::Volume(index) => {
                let volume = disk.volumes.get(*index).map(volumes::describe).unwrap_or_default();
                let place = entry.evidence().location;
                seen.push(Evidence::new(place, format!("{} is {volume}", entry.source.spec)));
                match failure(entry, facts, linux, disk) {
                    Ok(Some(why)) if !is_optional(entry) => {
                        failed = failed.or(Some((entry, why)));
                    }
                    Ok(_) => {}
                    Err(unread) => unknown = unknown.or(Some(unread)),
                }
            }
            Resolution::Missing if is_swap(entry) || is_optional(entry) => swap.push(entry),
            Resolution::Missing => vital.push(entry),
            Resolution::NoDevice => {}
            Resolution::Unknown(unread) => unknown = unknown.or(Some(unread.clone())),
        }
    }
    if let Some(first) = vital.first() {
        let (line, file, spec) = (first.line, first.file(), &first.source.spec);
        let point = &first.mount_point;
        if let Some(uuid) = volumes::in_other_letters(disk, &first.source) {
            let message = text!(
                "Line {line} of {file} mounts {point} from {spec}; the volume has {uuid}, and upper and lower case count.",
                "{file}第{line}行将{spec}挂载到{point}；该卷的UUID为{uuid}，区分大小写。"
            );
            return Ok(Outcome::broken(message, evidence(vital.into_iter().chain(swap), disk)));
        }
        let message = text!(
            "Line {line} of {file} mounts {point} from {spec}, which no volume of the image has.",
            "{file}第{line}行将{spec}挂载到{point}，但镜像中没有该标识的卷。"
        );
        return Ok(Outcome::broken(message, evidence(vital.into_iter().chain(swap), disk)));
    }
    if let Some((entry, why)) = failed {
        return Ok(why.outcome(entry, evidence([entry].into_iter(), disk)));
    }
    if let Some(unread) = unknown.as_ref().or(fstab.units_unread.as_ref()) {
        return Err(Box::new(undecided(unread)));
    }
    if let Some(first) = swap.first() {
        let (line, file, spec) = (first.line, first.file(), &first.source.spec);
        let message = text!(
            "Line {line} of {file} names {spec}, which no volume of the image has: each start waits for it and goes on.",
            "{file}第{line}行引用的{spec}在镜像中不存在：每次启动都会等待该设备后再继续。"
        );
        let remedy = take_out(&[first]);
        return Ok(Outcome::doubtful(message, evidence(swap.into_iter(), disk)).remedy(remedy));
    }
    if seen.is_empty() {
        let what = if fstab.exists { "no such identifiers" } else { "no such file" };
        seen.push(Evidence::new("/etc/fstab", what));
    }
    Ok(Outcome::holds(
        text!(
            "Every identifier of a system mount in /etc/fstab exists (data mounts: see fstab-no-nonsystem-mounts).",
            "/etc/fstab中系统挂载点的标识均存在（数据挂载参见fstab-no-nonsystem-mounts）。"
        ),
        seen,
    ))
}

/// A line for the system itself, or swap, that names its device by what the device bears.
fn concerns(entry: &FstabEntry) -> bool {
    let by_identifier = !is_unstable(entry.source.kind)
        && !matches!(
            entry.source.kind,
            SourceKind::Network | SourceKind::Virtual | SourceKind::Removable
        );
    let swap = is_swap(entry) && !entry.is_noauto();
    by_identifier && (swap || (is_automatic(entry) && is_system(&entry.mount_point)))
}

/// The lines, and the identifiers that do exist.
fn evidence<'a>(entries: impl Iterator<Item = &'a FstabEntry>, disk: &DiskFacts) -> Vec<Evidence> {
    let mut evidence: Vec<_> = entries.map(FstabEntry::evidence).collect();
    evidence.extend(volumes::identifiers(disk));
    evidence
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Unread;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn identifiers_that_exist_pass() {
        expect(&FstabUuidExists, &good_linux(), Status::Pass, "is partition 2 (ext4)");
    }

    #[test]
    fn a_missing_boot_uuid_fails_and_shows_those_that_exist() {
        let mut facts = good_linux();
        fstab_mut(&mut facts).entries[1].source = absent_disk();
        let finding = expect(&FstabUuidExists, &facts, Status::Fail, "/etc/fstab:2");
        assert!(finding.evidence.iter().any(|seen| seen.detail.contains(BOOT_UUID)));
    }

    #[test]
    fn a_uuid_in_the_wrong_case_shows_the_right_one() {
        let mut facts = good_linux();
        let spec = format!("UUID={}", ROOT_UUID.to_uppercase());
        fstab_mut(&mut facts).entries[1].source =
            device(&spec, SourceKind::Uuid, Resolution::Missing);
        let finding = expect(&FstabUuidExists, &facts, Status::Fail, "lower case count");
        assert!(finding.message.en.contains(&format!("has {ROOT_UUID},")), "{finding:#?}");
    }

    #[test]
    fn a_missing_swap_warns() {
        let mut facts = good_linux();
        fstab_mut(&mut facts).entries[2].source = absent_disk();
        let finding = expect(&FstabUuidExists, &facts, Status::Warn, "/etc/fstab:3");
        assert_eq!(remedy(&finding), "sed -i '3s/^/#/' /etc/fstab");
    }

    #[test]
    fn a_type_that_the_volume_does_not_have_fails_and_a_kindred_one_does_not() {
        let with = |fs_type: &str, options: &[&str]| {
            let mut facts = good_linux();
            let entry = &mut fstab_mut(&mut facts).entries[1];
            entry.fs_type = fs_type.to_owned();
            entry.options = options.iter().map(|option| (*option).to_owned()).collect();
            facts
        };
        let finding =
            expect(&FstabUuidExists, &with("xfs", &[]), Status::Fail, "as xfs, but it is");
        assert!(finding.message.en.contains("/boot"));
        for fs_type in ["ext3", "auto", "fuse.x"] {
            assert_eq!(status(&FstabUuidExists, &with(fs_type, &[])), Status::Pass, "{fs_type}");
        }
        assert_eq!(status(&FstabUuidExists, &with("xfs", &["nofail"])), Status::Pass);
    }

    #[test]
    fn a_data_mount_and_a_kernel_name_are_left_to_their_own_rules() {
        let mut facts = good_linux();
        fstab_mut(&mut facts).entries.push(mount(7, absent_disk(), "/data", "ext4"));
        let source = device("/dev/sda9", SourceKind::KernelName, Resolution::Missing);
        fstab_mut(&mut facts).entries.push(mount(8, source, "/var", "ext4"));
        assert_eq!(status(&FstabUuidExists, &facts), Status::Pass);
    }

    #[test]
    fn what_could_not_be_resolved_is_unverified() {
        let mut facts = good_linux();
        let why = Unread::new("partition 2", "its signatures were not read");
        fstab_mut(&mut facts).entries[0].source =
            device("UUID=x", SourceKind::Uuid, Resolution::Unknown(why));
        expect(&FstabUuidExists, &facts, Status::Unverified, "signatures were not read");
        expect(&FstabUuidExists, &unread_inside(), Status::Unverified, "it was torn");
    }
}
