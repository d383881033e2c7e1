//! `initramfs-root-reachable`

use super::boot_drivers::{DefaultKernel, Presence};
use super::scope::{Decision, known, linux_only, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::chinese::chinese;
use crate::fact::{Evidence, Fact, Unread};
use crate::guest::facts::{Facts, LinuxFacts, ListingEnd, RootNeed, SourceKind};
use crate::text;

/// What mounts the root file system is there when it is needed.
pub(super) struct InitramfsRootReachable;

static DOC: Doc = Doc {
    title: Fixed::new(
        "What the root file system needs is in the initramfs or built in",
        "initramfs或内核中包含挂载根文件系统所需的内容",
    ),
    why: Fixed::new(
        "Before the root file system is mounted nothing can be loaded from it: without its driver, or the tools that put together its logical volume or array, the start ends in the initramfs' shell.",
        "挂载根文件系统之前无法从中加载任何内容：缺少其驱动或组装逻辑卷、阵列的工具时，系统会停在initramfs命令行。",
    ),
    decided: Fixed::new(
        "The driver of root's file system (ext4 also mounts ext2 and ext3) must be in the default kernel's initramfs or built in; lvm and dm_mod for a root on LVM, mdadm and the level's module for one on md RAID, multipath for one that the entry names so. Without an initramfs all of it, and a disk driver, must be built in, and root= must name the device as the kernel itself understands it. Modules for another kernel alone are none. Where Alpine's init would have to be told to load the driver and neither modules= nor rootfstype= names it, it is not decided.",
        "根文件系统的驱动（ext4也可挂载ext2和ext3）必须在默认内核的initramfs中或编译进内核；根在LVM上需要lvm和dm_mod，在md RAID上需要mdadm及对应级别的模块，在多路径设备上需要multipath。没有initramfs时，上述内容和磁盘驱动都必须编译进内核，且root=须使用内核自身能识别的写法。仅包含其他内核的模块视为没有。Alpine的init须由modules=或rootfstype=指定加载该驱动，两者均未指定时无法判定。",
    ),
    remedy: Fixed::new(
        "Rebuild the initramfs on the system itself: dracut -f --add-drivers \"<driver>\" (with --add \"lvm mdraid\" for LVM and RAID), update-initramfs -u (with lvm2 or mdadm installed), or mkinitrd.",
        "在系统中重建initramfs：dracut -f --add-drivers \"<驱动>\"（LVM、RAID另加--add \"lvm mdraid\"）、update-initramfs -u（需安装lvm2或mdadm）或mkinitrd。",
    ),
    source: "dracut.cmdline(7), initramfs-tools(7), Documentation/filesystems/ramfs-rootfs-initramfs.rst; 准备镜像文件（Linux） (ims_01_0209)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for InitramfsRootReachable {
    fn id(&self) -> &'static str {
        "initramfs-root-reachable"
    }

    fn level(&self, profile: Profile) -> Option<Level> {
        Some(match profile {
            // The source document does not ask for it.
            Profile::ImsClassic => Level::Recommended,
            Profile::Huaweicloud | Profile::Otc => Level::Required,
        })
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

/// Drivers of disks that a server may have, for a kernel that must do without an initramfs.
const DISKS: &[&str] = &["virtio_blk", "xen_blkfront", "sd_mod", "ide_disk", "ide_gd_mod"];
const DISK_OPTIONS: &[&str] =
    &["VIRTIO_BLK", "XEN_BLKDEV_FRONTEND", "BLK_DEV_SD", "BLK_DEV_IDEDISK", "IDE_GD"];

fn decide(facts: &Facts) -> Decision {
    let linux = linux_only(facts)?;
    let default = DefaultKernel::of(linux)?;
    let needs = known(&linux.drivers.root_needs)?;
    let place = default.place();
    let (mut seen, mut missing, mut unread) = (Vec::new(), Vec::new(), None);
    if let Some(wrong) = wrong_release(&default) {
        missing.push(("modules".to_owned(), wrong));
    }
    if let Some(need) = needs.first() {
        unread = not_named(linux, &default, need);
    }
    for need in needs {
        let what = || need.program.clone().unwrap_or_else(|| need.modules.join(" / "));
        match state(&default, need) {
            Presence::Early(evidence) => seen.push(evidence),
            Presence::Unknown(reason) => unread = unread.or(Some(reason)),
            Presence::Late(evidence) => {
                missing.push((what(), need.purpose.clone()));
                missing.push((what(), evidence));
            }
            Presence::Absent => missing.push((what(), need.purpose.clone())),
        }
    }
    if !default.has_initramfs() {
        alone(linux, &default, &mut seen, &mut missing, &mut unread);
    }
    if !missing.is_empty() {
        let (mut names, evidence): (Vec<String>, Vec<Evidence>) = missing.into_iter().unzip();
        names.dedup();
        let list = names.join(", ");
        let outcome = Outcome::broken(
            text!(
                "{place} is without {list}, which the root file system needs.",
                "{place}缺少挂载根文件系统所需的{list}。"
            ),
            evidence,
        );
        let modules: Vec<&str> = needs
            .iter()
            .filter_map(|need| need.modules.last())
            .map(String::as_str)
            .filter(|module| names.iter().any(|name| name.split(" / ").any(|n| n == *module)))
            .collect();
        return Ok(if modules.is_empty() {
            outcome
        } else {
            outcome.remedy(default.rebuild(linux, &modules))
        });
    }
    if let Some(reason) = &unread {
        return Err(Box::new(undecided(reason)));
    }
    let list: Vec<&str> = needs.iter().map(|need| need.purpose.detail.as_str()).collect();
    let list_zh = list.iter().map(|need| chinese(need)).collect::<Vec<_>>().join("，");
    let list = list.join(", ");
    Ok(Outcome::holds(
        text!(
            "{place} and its kernel have what the root file system needs ({list}).",
            "{place}及其内核包含挂载根文件系统所需的内容（{list_zh}）。"
        ),
        seen,
    ))
}

fn state(default: &DefaultKernel<'_>, need: &RootNeed) -> Presence {
    let options: Vec<&str> = need.options.iter().map(String::as_str).collect();
    if let Some(program) = &need.program {
        // The kernel puts some arrays together by itself.
        let configured = default.kernel.config.known().and_then(Option::as_ref);
        let option = options
            .iter()
            .find(|option| configured.is_some_and(|config| config.contains(**option)));
        if let Some(option) = option {
            let file = format!("/boot/config-{}", default.kernel.release);
            return Presence::Early(Evidence::new(file, format!("CONFIG_{option}=y")));
        }
        // Debian's and SUSE's older initramfs start arrays with mdassemble.
        return match (default.program(program), program.as_str()) {
            (Presence::Absent, "mdadm") => default.program("mdassemble"),
            (Presence::Absent, "multipath") => default.program("multipathd"),
            (presence, _) => presence,
        };
    }
    let mut worst = Presence::Absent;
    for (index, module) in need.modules.iter().enumerate() {
        let own = options.get(index..).and_then(|rest| rest.first()).copied();
        let own: Vec<&str> = own.into_iter().collect();
        match default.presence_of(module, &own) {
            early @ Presence::Early(_) => return early,
            unknown @ Presence::Unknown(_) => worst = unknown,
            late @ Presence::Late(_) if matches!(worst, Presence::Absent) => worst = late,
            _ => {}
        }
    }
    worst
}

/// Why it is not known whether an initramfs of Alpine's mkinitfs loads the driver of root's file system:
/// its init loads those that `modules=` and `rootfstype=` name, and mounts by what is loaded (mkinitfs:
/// `initramfs-init.in`).
fn not_named(linux: &LinuxFacts, default: &DefaultKernel<'_>, need: &RootNeed) -> Option<Unread> {
    let initramfs = default.read_initramfs()?;
    let entry = linux.boot.default_entry.known().and_then(Option::as_ref)?;
    let by_module = need.program.is_none()
        && initramfs.programs.contains("nlplug-findfs")
        && need.modules.iter().any(|module| initramfs.modules.contains(module));
    let named = entry
        .command_line
        .split_ascii_whitespace()
        .filter_map(|word| word.strip_prefix("modules=").or(word.strip_prefix("rootfstype=")))
        .flat_map(|names| names.split(','))
        .any(|name| need.modules.contains(&name.replace('-', "_")));
    (by_module && !named).then(|| {
        let list = need.modules.join(" / ");
        let reason = format!("neither modules= nor rootfstype= has mkinitfs' init load {list}");
        Unread::new(entry.command_line_location.clone(), reason)
    })
}

/// The initramfs holds modules, but none of this kernel.
fn wrong_release(default: &DefaultKernel<'_>) -> Option<Evidence> {
    let initramfs = default.read_initramfs()?;
    let complete = initramfs.listing == Fact::Known(ListingEnd::Complete);
    // A kernel that is not installed with that release may have been renamed.
    let named = matches!(default.kernel.modules_dir, Fact::Known(Some(_)));
    let other =
        !initramfs.releases.is_empty() && !initramfs.releases.contains(&default.kernel.release);
    (complete && named && other).then(|| {
        let list = initramfs.releases.iter().cloned().collect::<Vec<_>>().join(", ");
        let release = &default.kernel.release;
        Evidence::new(initramfs.path.clone(), format!("modules of {list}, not of {release}"))
    })
}

/// What a kernel needs that starts without an initramfs.
fn alone(
    linux: &LinuxFacts,
    default: &DefaultKernel<'_>,
    seen: &mut Vec<Evidence>,
    missing: &mut Vec<(String, Evidence)>,
    unread: &mut Option<Unread>,
) {
    let entry = linux.boot.default_entry.known().and_then(Option::as_ref);
    if let Some(entry) = entry
        && let Some(root) = &entry.root
        && matches!(
            root.kind,
            SourceKind::Uuid | SourceKind::Label | SourceKind::ById | SourceKind::ByPath
        )
    {
        let detail = format!("root={}, which the kernel alone does not understand", root.spec);
        missing.push((
            "an initramfs".to_owned(),
            Evidence::new(entry.command_line_location.clone(), detail),
        ));
    }
    let is_disk = |name: &str| DISKS.contains(&name);
    match default.any_early(is_disk, |option| DISK_OPTIONS.contains(&option)) {
        Some(driver) => seen.push(driver),
        None => match default.presence_of("virtio_blk", &["VIRTIO_BLK"]) {
            Presence::Unknown(reason) => *unread = unread.take().or(Some(reason)),
            _ => missing.push((
                "virtio_blk".to_owned(),
                Evidence::new(default.place(), "no disk driver is built in"),
            )),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn needs(facts: &mut Facts) -> &mut Vec<RootNeed> {
        match &mut linux_mut(facts).drivers.root_needs {
            Fact::Known(needs) => needs,
            Fact::Unknown(_) => panic!("no needs"),
        }
    }

    fn need(modules: &[&str], options: &[&str], program: Option<&str>) -> RootNeed {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        RootNeed {
            purpose: Evidence::new("logical volume vg/root", "LVM"),
            modules: owned(modules),
            options: owned(options),
            program: program.map(str::to_owned),
        }
    }

    #[test]
    fn a_driver_that_is_built_in_or_in_the_initramfs_passes() {
        let mut facts = good_linux();
        expect(&InitramfsRootReachable, &facts, Status::Pass, "modules.builtin");
        kernel_mut(&mut facts).builtin = Fact::Known(Some(names(&[])));
        expect(&InitramfsRootReachable, &facts, Status::Pass, "CONFIG_EXT4_FS=y");
        kernel_mut(&mut facts).config = Fact::Known(None);
        initramfs_mut(&mut facts).modules.insert("ext4".to_owned());
        expect(&InitramfsRootReachable, &facts, Status::Pass, "ext4.ko");
    }

    /// mkinitfs' initramfs-init.in: `modprobe -a $KOPT_modules $rootfstype`.
    #[test]
    fn mkinitfs_must_be_told_to_load_the_driver() {
        let mut facts = good_linux();
        kernel_mut(&mut facts).builtin = Fact::Known(Some(names(&[])));
        kernel_mut(&mut facts).config = Fact::Known(None);
        initramfs_mut(&mut facts).modules.insert("ext4".to_owned());
        initramfs_mut(&mut facts).programs.insert("nlplug-findfs".to_owned());
        let mut with = |line: &str| {
            match &mut linux_mut(&mut facts).boot.default_entry {
                Fact::Known(Some(entry)) => entry.command_line = line.to_owned(),
                _ => panic!("no entry"),
            }
            status(&InitramfsRootReachable, &facts)
        };
        assert_eq!(with("root=UUID=1 modules=sd-mod,usb-storage,ext4 quiet"), Status::Pass);
        assert_eq!(with("root=UUID=1 rootfstype=ext4"), Status::Pass);
        assert_eq!(with("root=UUID=1 modules=sd-mod quiet"), Status::Unverified);
    }

    #[test]
    fn a_missing_driver_fails_where_the_later_pages_hold() {
        let mut facts = good_linux();
        needs(&mut facts)[0] = need(&["xfs"], &["XFS_FS"], None);
        expect(&InitramfsRootReachable, &facts, Status::Warn, "without xfs");
        let finding =
            expect_in(Profile::Otc, &InitramfsRootReachable, &facts, Status::Fail, "without xfs");
        assert!(remedy(&finding).contains("xfs"));
    }

    #[test]
    fn ext4_serves_for_ext3() {
        let mut facts = good_linux();
        needs(&mut facts)[0] = need(&["ext3", "ext4"], &["EXT3_FS", "EXT4_FS"], None);
        expect(&InitramfsRootReachable, &facts, Status::Pass, "ext4");
    }

    #[test]
    fn a_root_on_lvm_needs_the_program_and_the_module() {
        let mut facts = good_linux();
        needs(&mut facts).push(need(&[], &[], Some("lvm")));
        needs(&mut facts).push(need(&["dm_mod"], &["BLK_DEV_DM"], None));
        let finding = expect(&InitramfsRootReachable, &facts, Status::Warn, "lvm, dm_mod");
        assert!(remedy(&finding).contains("dm_mod"));
        initramfs_mut(&mut facts).programs.insert("lvm".to_owned());
        initramfs_mut(&mut facts).modules.insert("dm_mod".to_owned());
        expect(&InitramfsRootReachable, &facts, Status::Pass, "lvm");
    }

    #[test]
    fn the_kernel_starts_old_arrays_by_itself() {
        let mut facts = good_linux();
        needs(&mut facts).push(need(&[], &["MD_AUTODETECT"], Some("mdadm")));
        expect(&InitramfsRootReachable, &facts, Status::Warn, "mdadm");
        kernel_mut(&mut facts).config = Fact::Known(Some(names(&["MD_AUTODETECT"])));
        expect(&InitramfsRootReachable, &facts, Status::Pass, "CONFIG_MD_AUTODETECT=y");
    }

    #[test]
    fn modules_of_another_kernel_are_none() {
        let mut facts = good_linux();
        initramfs_mut(&mut facts).releases = names(&["2.6.32-1"]);
        expect(&InitramfsRootReachable, &facts, Status::Warn, "modules of 2.6.32-1");
    }

    #[test]
    fn without_an_initramfs_all_must_be_built_in() {
        let mut facts = good_linux();
        kernel_mut(&mut facts).initramfs = Fact::Known(None);
        entry_mut(&mut facts).initrds.clear();
        expect(&InitramfsRootReachable, &facts, Status::Warn, "an initramfs, virtio_blk");
        kernel_mut(&mut facts).builtin = Fact::Known(Some(names(&["ext4", "virtio_blk"])));
        let root =
            device("/dev/vda1", SourceKind::KernelName, crate::guest::facts::Resolution::Volume(1));
        entry_mut(&mut facts).root = Some(root);
        expect(&InitramfsRootReachable, &facts, Status::Pass, "virtio_blk");
    }

    #[test]
    fn an_unreadable_initramfs_is_unverified() {
        let mut facts = good_linux();
        needs(&mut facts)[0] = need(&["xfs"], &["XFS_FS"], None);
        initramfs_mut(&mut facts).listing = Fact::unknown(INITRAMFS, "cut off");
        expect(&InitramfsRootReachable, &facts, Status::Unverified, "cut off");
        expect(&InitramfsRootReachable, &unread_inside(), Status::Unverified, "it was torn");
    }
}
