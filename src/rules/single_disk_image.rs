//! `single-disk-image`

use super::scope::{Decision, disk, guest, known, settle};
use super::{Context, Doc, Fixed, Judgement, Level, Outcome, Profile, Rule, volumes};
use crate::disk::facts::TableKind;
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{ChainLink, Facts, Guest, LinkKind, LinkState, WindowsFacts};
use crate::text;

/// The image is a system disk and nothing else.
pub(super) struct SingleDiskImage;

static DOC: Doc = Doc {
    title: Fixed::new(
        "The image is one system disk with an operating system",
        "镜像文件只包含带操作系统的系统盘",
    ),
    why: Fixed::new(
        "The platform makes a system disk of the file: it must hold an operating system, and data disks cannot come with it. A disk without one is registered and then never starts; it belongs to the data disk image interface.",
        "平台将镜像文件作为系统盘使用，其中必须包含操作系统，且不支持带有数据盘。没有操作系统的磁盘即使注册成功也无法启动，应使用数据盘镜像接口。",
    ),
    decided: Fixed::new(
        "A root file system with a Linux system, or a Windows directory, is found on a volume. A file system on the whole disk without a partition table warns.",
        "在某个卷上找到Linux根文件系统或Windows系统目录。没有分区表、整盘为一个文件系统时告警。",
    ),
    remedy: Fixed::new(
        "Export the virtual machine's system disk (the one that it boots from); import data disks with the data disk image interface.",
        "请导出虚拟机的系统盘（即启动盘）；数据盘请通过数据盘镜像接口导入。",
    ),
    source: "制作镜像 (ims_03_0603), Windows list item 2; 准备镜像文件（Linux） (ims_01_0209)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for SingleDiskImage {
    fn id(&self) -> &'static str {
        "single-disk-image"
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
    match guest(facts)? {
        Guest::Absent(evidence) => Ok(Outcome::broken(
            text!(
                "The disk holds no operating system: it is no system disk.",
                "磁盘中没有操作系统，不是系统盘。"
            ),
            evidence.clone(),
        )),
        Guest::Linux(linux) => {
            let name = match linux.os.known() {
                Some(Some(os)) => os.name.clone(),
                _ => "Linux".to_owned(),
            };
            let root = linux.mounts.iter().find(|mount| mount.path == "/");
            let no_init =
                |link: &ChainLink| link.kind == LinkKind::Init && link.state == LinkState::Missing;
            if linux.os == Fact::Known(None) && linux.boot.chain.iter().any(no_init) {
                return Ok(Outcome::broken(
                    text!(
                        "The root file system that the default boot entry names holds no operating system.",
                        "默认引导项所指的根文件系统中没有操作系统。"
                    ),
                    root.map(|root| root.evidence.clone()).into_iter().collect(),
                ));
            }
            whole(facts, &name, root.map(|root| root.evidence.clone()).into_iter().collect())
        }
        Guest::Windows(windows) => {
            let name = windows.os.known().map_or("Windows", |os| os.name.as_str());
            let outcome = whole(facts, name, windows.evidence.clone())?;
            Ok(match paging_elsewhere(windows) {
                Some(noted) if outcome.judgement == Judgement::Holds => noted,
                _ => outcome,
            })
        }
    }
}

/// Paging files on drives that lie on a disk which is not in the image. Windows starts without them,
/// with a small one on its own volume.
fn paging_elsewhere(windows: &WindowsFacts) -> Option<Outcome> {
    let foreign = windows.foreign_drives.known()?;
    let files = windows.paging_files.known()?;
    let on = |drive: char, file: &str| {
        file.chars().next().is_some_and(|letter| letter.eq_ignore_ascii_case(&drive))
    };
    let (drive, file) = foreign
        .iter()
        .find_map(|drive| Some((drive, files.iter().find(|file| on(drive.value, &file.value))?)))?;
    let letter = drive.value;
    Some(Outcome::noted(
        text!(
            "The disk holds Windows, but its paging file is to lie on drive {letter}:, whose disk is not in the image.",
            "磁盘中包含Windows，但页面文件设置在{letter}:盘，该盘所在磁盘不在镜像中。"
        ),
        vec![file.evidence.clone(), drive.evidence.clone()],
    ))
}

/// An operating system was found; whether the disk is laid out as a system disk is.
fn whole(facts: &Facts, name: &str, mut evidence: Vec<Evidence>) -> Decision {
    let disk = disk(facts)?;
    let volumes = disk.volumes.iter().map(volumes::describe).collect::<Vec<_>>().join(", ");
    evidence.push(Evidence::new("volumes", volumes.clone()));
    if disk.table == TableKind::None {
        known(&disk.table_read)?;
        return Ok(Outcome::doubtful(
            text!(
                "{name} lies on the whole disk, without a partition table.",
                "{name}位于整盘文件系统上，没有分区表。"
            ),
            evidence,
        )
        .remedy(text!(
            "Move the system to a partitioned disk (MBR, one active partition) and install the boot loader there.",
            "请将系统迁移到有分区表的磁盘（MBR，一个活动分区），并重新安装引导程序。"
        )));
    }
    Ok(Outcome::holds(
        text!("The disk holds {name}: {volumes}.", "磁盘中包含{name}：{volumes}。"),
        evidence,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::facts::Seen;
    use crate::rules::Status;
    use crate::rules::testing::windows::*;
    use crate::rules::testing::*;

    #[test]
    fn a_root_without_release_file_and_init_is_no_system() {
        let mut facts = good_linux();
        let linux = linux_mut(&mut facts);
        linux.os = Fact::Known(None);
        linux.boot.chain.last_mut().expect("init").state = LinkState::Missing;
        expect(&SingleDiskImage, &facts, Status::Fail, "no operating system");
    }

    #[test]
    fn a_disk_with_a_system_passes() {
        expect(&SingleDiskImage, &good_linux(), Status::Pass, "CentOS Linux 7");
        expect(&SingleDiskImage, &windows(), Status::Pass, "Windows");
    }

    #[test]
    fn a_paging_file_on_another_disk_is_worth_knowing() {
        let mut facts = good_windows();
        expect(&SingleDiskImage, &facts, Status::Pass, "Windows Server 2012 R2");
        let drive = Seen::new('D', Evidence::new("MountedDevices", r"\DosDevices\D:"));
        windows_mut(&mut facts).foreign_drives = Fact::Known(vec![drive]);
        expect(&SingleDiskImage, &facts, Status::Pass, "Windows Server 2012 R2");
        let file = Seen::new(r"d:\pagefile.sys".to_owned(), Evidence::new("PagingFiles", "d:"));
        windows_mut(&mut facts).paging_files = Fact::Known(vec![file]);
        expect(&SingleDiskImage, &facts, Status::Info, "drive D:");
    }

    #[test]
    fn a_disk_without_an_operating_system_fails() {
        expect(&SingleDiskImage, &no_guest(), Status::Fail, "no operating system");
    }

    #[test]
    fn a_file_system_on_the_whole_disk_warns() {
        let mut facts = good_linux();
        disk_mut(&mut facts).table = TableKind::None;
        expect(&SingleDiskImage, &facts, Status::Warn, "without a partition table");
    }

    #[test]
    fn what_could_not_be_searched_is_unverified() {
        expect(&SingleDiskImage, &unread(), Status::Unverified, "it was torn");
        expect(&SingleDiskImage, &foreign(), Status::Unverified, "content of vmdk is not read");
    }
}
