//! `fstab-no-nonsystem-mounts`

use super::mountable::failure;
use super::scope::{Decision, disk, known, linux_only, settle, undecided};
use super::system_mounts::{
    is_automatic, is_boot, is_optional, is_required, is_swap, is_system, is_unstable, take_out,
};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::{Evidence, Unread};
use crate::guest::facts::{Facts, FstabEntry, Resolution, SourceKind};
use crate::text;

/// Nothing but the system is mounted at boot.
pub(super) struct FstabNoNonsystemMounts;

static DOC: Doc = Doc {
    title: Fixed::new(
        "/etc/fstab mounts no disk that stays behind",
        "/etc/fstab中没有自动挂载用户盘的配置项",
    ),
    why: Fixed::new(
        "A data disk does not come along. systemd waits 90 seconds for a disk in /etc/fstab that is not there and then stops in emergency mode, before the network and SSH are up: nobody can log in.",
        "数据盘不会随镜像导入。对于/etc/fstab中不存在的磁盘，systemd会等待90秒后进入紧急模式，此时网络和SSH尚未启动，无法登录。",
    ),
    decided: Fixed::new(
        "Each line that is carried out at boot (no noauto), and each systemd mount unit that boot starts, must lead to a volume of this image, or to an image file in it. Of two lines for one mount point systemd takes the first, and of noauto and auto, nofail and fail the last counts. One that leads to none fails, and so does one whose volume holds another type or no such subvolume, or that requires (x-systemd.requires=) a device that is not there; with nofail or x-systemd.automount it warns, and so does a network file system without _netdev or nofail. System directories (/, /boot, /usr, /var, …) and swap are left to fstab-uuid-exists and boot-and-system-same-disk.",
        "启动时执行的每一行（没有noauto）以及启动时加载的每个systemd mount单元都必须对应到本镜像中的卷，或其中存在的映像文件。同一挂载点有两行时systemd采用第一行；noauto与auto、nofail与fail以最后一个为准。找不到对应卷、卷的类型不符、没有指定的子卷或所要求的设备（x-systemd.requires=）不存在时判为失败；带nofail或x-systemd.automount时仅告警；网络文件系统没有_netdev或nofail时告警。系统目录（/、/boot、/usr、/var等）和swap由fstab-uuid-exists和boot-and-system-same-disk判定。",
    ),
    remedy: Fixed::new(
        "Comment the line out: sed -i 'LINEs/^/#/' /etc/fstab. To keep it for servers that get such a disk, add nofail to its options.",
        "注释该行：sed -i '行号s/^/#/' /etc/fstab。如需为挂载该磁盘的云服务器保留，请在选项中增加nofail。",
    ),
    source: "制作镜像 (ims_03_0603), Linux list item 2; 卸载云服务器的数据盘 (OTC 0030713179)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for FstabNoNonsystemMounts {
    fn id(&self) -> &'static str {
        "fstab-no-nonsystem-mounts"
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
    let fstab = known(&linux.fstab)?;
    let disk = disk(facts)?;
    let (mut absent, mut tolerated, mut unknown, mut seen) = (vec![], vec![], None, vec![]);
    let mut failed = Vec::new();
    for entry in fstab.entries.iter().filter(|entry| is_automatic(entry)) {
        match fate(entry) {
            Fate::Fine if !is_by_identifier(entry) => match failure(entry, facts, linux, disk) {
                Ok(None) => seen.push(entry.evidence()),
                Ok(Some(why)) => failed.push((entry, why)),
                Err(unread) => unknown = unknown.or(Some(unread)),
            },
            Fate::Fine => seen.push(entry.evidence()),
            Fate::Absent if is_optional(entry) => tolerated.push(entry),
            Fate::Absent => absent.push(entry),
            Fate::Waits => tolerated.push(entry),
            Fate::Unknown(unread) => unknown = unknown.or_else(|| Some(unread.clone())),
        }
    }
    failed.sort_by_key(|(entry, _)| !is_required(entry));
    let failed = failed.into_iter().next();
    absent.sort_by_key(|entry| !is_required(entry));
    if let Some(first) = absent.first() {
        let (line, file, point) = (first.line, first.file(), &first.mount_point);
        let spec = &first.source.spec;
        let message = if is_required(first) {
            text!(
                "Line {line} of {file} mounts {point} from {spec}, which is not in this image: the start ends in emergency mode.",
                "{file}第{line}行将{spec}挂载到{point}，但本镜像中没有该设备：启动会进入紧急模式。"
            )
        } else {
            text!(
                "Line {line} of {file} mounts {point} from {spec} at each start; it is not in this image, and the start waits 90 seconds for it.",
                "{file}第{line}行在每次启动时将{spec}挂载到{point}，但本镜像中没有该设备，启动会等待90秒。"
            )
        };
        let remedy = take_out(&absent);
        let lines = absent.into_iter().chain(tolerated).map(FstabEntry::evidence);
        return Ok(Outcome::broken(message, lines.collect()).remedy(remedy));
    }
    if let Some((entry, why)) = failed {
        return Ok(why.outcome(entry, vec![entry.evidence()]));
    }
    if let Some(unread) = &unknown {
        return Err(Box::new(undecided(unread)));
    }
    if let Some(unread) = &fstab.units_unread {
        return Err(Box::new(undecided(unread)));
    }
    if let Some(first) = tolerated.first() {
        let (line, file, point) = (first.line, first.file(), &first.mount_point);
        let spec = &first.source.spec;
        let message = if first.source.kind == SourceKind::Network {
            text!(
                "Line {line} of {file} mounts {point} from the network ({spec}) without _netdev or nofail.",
                "{file}第{line}行从网络（{spec}）挂载{point}，但没有_netdev或nofail选项。"
            )
        } else {
            text!(
                "Line {line} of {file} mounts {point} from {spec}, which is not in this image; the start goes on without it.",
                "{file}第{line}行将{spec}挂载到{point}，但本镜像中没有该设备；启动会跳过该挂载。"
            )
        };
        let remedy = take_out(&tolerated);
        return Ok(Outcome::doubtful(
            message,
            tolerated.into_iter().map(FstabEntry::evidence).collect(),
        )
        .remedy(remedy));
    }
    if let Some(first) = fstab.malformed.first() {
        let (place, line) = (&first.location, &first.detail);
        return Ok(Outcome::doubtful(
            text!("{place} is no fstab entry: {line}.", "{place}不是有效的fstab配置项：{line}。"),
            fstab.malformed.clone(),
        ));
    }
    if seen.is_empty() {
        let what = if fstab.exists { "no line mounts a disk" } else { "no such file" };
        seen.push(Evidence::new("/etc/fstab", what));
    }
    Ok(Outcome::holds(
        text!(
            "/etc/fstab mounts nothing but what is in this image.",
            "/etc/fstab只挂载本镜像中的文件系统。"
        ),
        seen,
    ))
}

/// What becomes of a line when the server starts.
enum Fate<'a> {
    Fine,
    /// Its device stays behind.
    Absent,
    /// It may be tried before the network is up.
    Waits,
    Unknown(&'a Unread),
}

fn fate(entry: &FstabEntry) -> Fate<'_> {
    if is_swap(entry) {
        return Fate::Fine;
    }
    match entry.source.kind {
        SourceKind::Network => {
            let early = !entry.has_option("_netdev") && !is_optional(entry);
            return if early { Fate::Waits } else { Fate::Fine };
        }
        // A server has no such drive.
        SourceKind::Removable => return Fate::Absent,
        _ => {}
    }
    match &entry.source.resolution {
        Resolution::Volume(_) | Resolution::NoDevice => Fate::Fine,
        Resolution::Missing if is_elsewhere(entry) => Fate::Fine,
        Resolution::Missing => Fate::Absent,
        Resolution::Unknown(unread) => Fate::Unknown(unread),
    }
}

/// Whether an absent device is the finding of fstab-uuid or fstab-uuid-exists.
fn is_elsewhere(entry: &FstabEntry) -> bool {
    let point = &entry.mount_point;
    entry.source.kind != SourceKind::Virtual
        && (is_boot(point) || (is_system(point) && !is_unstable(entry.source.kind)))
}

/// Whether what cannot be mounted is the finding of fstab-uuid-exists.
fn is_by_identifier(entry: &FstabEntry) -> bool {
    is_system(&entry.mount_point) && !is_unstable(entry.source.kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn with(entry: FstabEntry) -> Facts {
        let mut facts = good_linux();
        fstab_mut(&mut facts).entries.push(entry);
        facts
    }

    #[test]
    fn a_mount_of_a_disk_in_the_image_passes() {
        let home = device("UUID=x", SourceKind::Uuid, Resolution::Volume(1));
        expect(&FstabNoNonsystemMounts, &good_linux(), Status::Pass, "/etc/fstab:1");
        assert_eq!(
            status(&FstabNoNonsystemMounts, &with(mount(7, home, "/home", "ext4"))),
            Status::Pass
        );
    }

    #[test]
    fn a_mount_that_requires_an_absent_disk_fails() {
        let home = device("UUID=x", SourceKind::Uuid, Resolution::Volume(1));
        let with_options = |options: &str| {
            let mut entry = with_options(mount(7, home.clone(), "/home", "ext4"), options);
            entry.requires = vec![device("/dev/sdb1", SourceKind::KernelName, Resolution::Missing)];
            with(entry)
        };
        let facts = with_options("x-systemd.requires=/dev/sdb1");
        let finding = expect(&FstabNoNonsystemMounts, &facts, Status::Fail, "/dev/sdb1");
        assert_eq!(
            remedy(&finding),
            "Take x-systemd.requires=/dev/sdb1 out of line 7 of /etc/fstab."
        );
        let facts = with_options("nofail,x-systemd.requires=/dev/sdb1");
        expect(&FstabNoNonsystemMounts, &facts, Status::Warn, "/dev/sdb1");
        let mut entry = mount(7, home, "/home", "ext4");
        let torn = Resolution::Unknown(Unread::new("/dev/system/x", "torn"));
        entry.requires = vec![device("/dev/system/x", SourceKind::Other, torn)];
        expect(&FstabNoNonsystemMounts, &with(entry), Status::Unverified, "torn");
    }

    #[test]
    fn a_mount_of_an_absent_disk_fails_the_fstab_rule() {
        let facts = with(mount(7, absent_disk(), "/data", "ext4"));
        let finding = expect(&FstabNoNonsystemMounts, &facts, Status::Fail, "/etc/fstab:7");
        assert_eq!(remedy(&finding), "sed -i '7s/^/#/' /etc/fstab");
        assert!(finding.message.zh.contains("第7行"));
    }

    #[test]
    fn a_mount_unit_of_an_absent_disk_fails_with_its_file_and_line() {
        let entry = mount(6, absent_disk(), "/data", "ext4");
        let facts = with(as_unit(entry.clone(), true));
        let unit = "/etc/systemd/system/data.mount:6";
        let finding = expect(&FstabNoNonsystemMounts, &facts, Status::Fail, unit);
        assert!(finding.message.en.contains("emergency mode"), "{}", finding.message.en);
        assert_eq!(remedy(&finding), "systemctl disable data.mount");
        let facts = with(as_unit(entry.clone(), false));
        let finding = expect(&FstabNoNonsystemMounts, &facts, Status::Fail, unit);
        assert!(finding.message.en.contains("waits 90 seconds"), "{}", finding.message.en);
        let facts = with(as_unit(with_options(entry, "nofail"), false));
        expect(&FstabNoNonsystemMounts, &facts, Status::Warn, unit);
    }

    #[test]
    fn units_that_could_not_be_read_are_unverified() {
        let mut facts = good_linux();
        let why = Unread::new("/etc/systemd/system", "it was torn");
        fstab_mut(&mut facts).units_unread = Some(why);
        expect(&FstabNoNonsystemMounts, &facts, Status::Unverified, "it was torn");
    }

    #[test]
    fn a_second_disk_by_its_kernel_name_fails() {
        let mut source = device("/dev/vdb1", SourceKind::KernelName, Resolution::Missing);
        source.other_disk = true;
        expect(
            &FstabNoNonsystemMounts,
            &with(mount(7, source, "/data", "xfs")),
            Status::Fail,
            "/dev/vdb1",
        );
    }

    #[test]
    fn an_absent_disk_that_boot_does_not_wait_for_warns_or_passes() {
        let entry = mount(7, absent_disk(), "/data", "ext4");
        let of = |options: &str| with(with_options(entry.clone(), options));
        expect(&FstabNoNonsystemMounts, &of("defaults,nofail"), Status::Warn, "/etc/fstab:7");
        expect(&FstabNoNonsystemMounts, &of("x-systemd.automount"), Status::Warn, "/etc/fstab:7");
        assert_eq!(status(&FstabNoNonsystemMounts, &of("noauto")), Status::Pass);
    }

    #[test]
    fn an_absent_disk_that_waits_for_the_network_does_not_end_in_emergency_mode() {
        let entry = mount(7, absent_disk(), "/data", "ext4");
        let facts = with(with_options(entry.clone(), "defaults,_netdev"));
        let finding = expect(&FstabNoNonsystemMounts, &facts, Status::Fail, "waits 90 seconds");
        assert!(!finding.message.en.contains("emergency"), "{}", finding.message.en);
        let automount = with(with_options(entry, "comment=systemd.automount"));
        expect(&FstabNoNonsystemMounts, &automount, Status::Warn, "/etc/fstab:7");
    }

    #[test]
    fn a_volume_that_does_not_hold_what_the_line_mounts_fails() {
        // Volume 0 is ext4, volume 2 swap.
        let of = |volume: usize, point: &str, fs_type: &str, options: &str| {
            let source = device("UUID=x", SourceKind::Uuid, Resolution::Volume(volume));
            with(with_options(mount(7, source, point, fs_type), options))
        };
        let rule = &FstabNoNonsystemMounts;
        for (volume, fs_type) in
            [(0, "xfs"), (0, "btrfs"), (2, "ext4"), (2, "auto"), (0, "xfs,btrfs")]
        {
            let facts = of(volume, "/data", fs_type, "defaults");
            let finding = expect(rule, &facts, Status::Fail, "/etc/fstab:7");
            assert!(
                finding.message.en.contains(&format!("as {fs_type}, but it is")),
                "{finding:#?}"
            );
        }
        for fs_type in ["ext4", "ext2", "auto", "ext3,xfs", "fuse.x", "iso9660"] {
            let facts = of(0, "/data", fs_type, "defaults");
            assert_eq!(status(rule, &facts), Status::Pass, "{fs_type}");
        }
        expect(rule, &of(0, "/data", "xfs", "nofail"), Status::Warn, "goes on without it");
        for word in ["deafults", "default", "defualts"] {
            expect(rule, &of(0, "/data", "ext4", word), Status::Fail, word);
        }
        for word in ["rw", "data=ordered", "defaults"] {
            assert_eq!(status(rule, &of(0, "/data", "ext4", word)), Status::Pass, "{word}");
        }
        // That of a system directory is the finding of another rule, unless named by the bus.
        assert_eq!(status(rule, &of(2, "/var/lib", "auto", "defaults")), Status::Pass);
        let mut facts = of(2, "/var/lib", "auto", "defaults");
        fstab_mut(&mut facts).entries[3].source.kind = SourceKind::KernelName;
        expect(rule, &facts, Status::Fail, "but it is swap");
        let mut facts = of(0, "/data", "ext4", "defaults");
        disk_mut(&mut facts).volumes[0].signatures = Fact::Known(Vec::new());
        expect(rule, &facts, Status::Fail, "holds no file system");
        fstab_mut(&mut facts).entries[3].fs_type = "auto".to_owned();
        expect(rule, &facts, Status::Unverified, "no file system that is known");
        fstab_mut(&mut facts).entries[3].options = vec!["x-systemd.makefs".to_owned()];
        assert_eq!(status(rule, &facts), Status::Pass);
    }

    #[test]
    fn a_subvolume_that_is_not_there_fails() {
        let source = device("UUID=x", SourceKind::Uuid, Resolution::Volume(0));
        let other: &dyn Rule = &crate::rules::fstab_uuid_exists::FstabUuidExists;
        let rules: [(&dyn Rule, &str); 2] = [(&FstabNoNonsystemMounts, "/data"), (other, "/var")];
        for (rule, point) in rules {
            let mut facts = with(mount(7, source.clone(), point, "auto"));
            let mounts = &mut linux_mut(&mut facts).mounts;
            let mut mounted = mounts[0].clone();
            mounted.path = point.to_owned();
            mounts.push(mounted);
            assert_eq!(status(rule, &facts), Status::Pass);
            linux_mut(&mut facts).mounts[2].fails = Some("subvol=@x: there is none".to_owned());
            expect(rule, &facts, Status::Fail, "subvol=@x: there is none");
        }
    }

    #[test]
    fn an_image_file_that_is_not_there_fails() {
        let source = device("/srv/gone.iso", SourceKind::Virtual, Resolution::Missing);
        for point in ["/mnt/iso", "/var"] {
            let facts = with(mount(7, source.clone(), point, "iso9660"));
            expect(&FstabNoNonsystemMounts, &facts, Status::Fail, "/srv/gone.iso");
        }
        let source = device("/srv/x.iso", SourceKind::Virtual, Resolution::NoDevice);
        let facts = with(mount(7, source, "/mnt/iso", "iso9660"));
        assert_eq!(status(&FstabNoNonsystemMounts, &facts), Status::Pass);
    }

    #[test]
    fn a_network_mount_warns_unless_it_waits_for_the_network() {
        let source = device("nas:/export", SourceKind::Network, Resolution::NoDevice);
        let entry = mount(7, source, "/srv", "nfs");
        expect(&FstabNoNonsystemMounts, &with(entry.clone()), Status::Warn, "nas:/export");
        let waiting = with_options(entry, "defaults,_netdev");
        assert_eq!(status(&FstabNoNonsystemMounts, &with(waiting)), Status::Pass);
    }

    #[test]
    fn a_cdrom_fails_unless_it_is_not_mounted_at_boot() {
        let source = device("/dev/sr0", SourceKind::Removable, Resolution::NoDevice);
        let entry = mount(7, source, "/media/cdrom0", "iso9660");
        assert_eq!(status(&FstabNoNonsystemMounts, &with(entry.clone())), Status::Fail);
        let entry = with_options(entry, "user,noauto");
        assert_eq!(status(&FstabNoNonsystemMounts, &with(entry)), Status::Pass);
    }

    #[test]
    fn absent_system_mounts_and_swap_are_left_to_their_own_rules() {
        let facts = with(mount(7, absent_disk(), "/var", "ext4"));
        assert_eq!(status(&FstabNoNonsystemMounts, &facts), Status::Pass);
        let facts = with(mount(7, absent_disk(), "none", "swap"));
        assert_eq!(status(&FstabNoNonsystemMounts, &facts), Status::Pass);
    }

    #[test]
    fn what_cannot_be_read_is_unverified() {
        let why = Unread::new("partition 3", "LVM is not read");
        let source = device("/dev/vg/data", SourceKind::DeviceMapper, Resolution::Unknown(why));
        let facts = with(mount(7, source, "/data", "xfs"));
        expect(&FstabNoNonsystemMounts, &facts, Status::Unverified, "LVM is not read");
        expect(&FstabNoNonsystemMounts, &unread_inside(), Status::Unverified, "it was torn");
        expect(&FstabNoNonsystemMounts, &foreign(), Status::Unverified, "content of vmdk");
        assert_eq!(status(&FstabNoNonsystemMounts, &windows()), Status::NotApplicable);
    }
}
