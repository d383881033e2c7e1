//! `boot-chain-complete`

use super::scope::{Decision, any_guest, guest, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::{Fact, Unread};
use crate::guest::facts::{
    ChainLink, Facts, Guest, LinkKind, LinkState, LinuxFacts, LoaderKind, NOT_READ_BY_GRUB,
    ONLY_IN_JOURNAL, OTHER_IN_JOURNAL,
};
use crate::text;

mod stop;
mod walk;
mod windows;

use self::stop::stopped;
use self::walk::{Link, Walk, walk};

/// Every link from the first sector to init is there.
pub(super) struct BootChainComplete;

static DOC: Doc = Doc {
    title: Fixed::new(
        "Under BIOS every link of the boot chain is there",
        "BIOS引导链的每个环节均完整",
    ),
    why: Fixed::new(
        "One missing link (a boot loader that was never installed, a stage that lies on another disk, a configuration with no entry, a kernel that was removed), or a word that asks for a rescue shell, and the server stays at a black screen, in the boot loader's shell or in a shell on its console.",
        "只要缺少一个环节（未安装引导程序、引导阶段位于其他磁盘、配置中没有引导项、内核已被删除），或命令行要求进入救援shell，云服务器就会停在黑屏、引导程序命令行或控制台的shell。",
    ),
    decided: Fixed::new(
        "The chain is followed link by link: boot code in sector 0, the next stage where that code looks for it, the loader's files and configuration, the default entry, its kernel and initramfs, the root device, init. What the boot loader reads is read as it is stored, no journal replayed, as boot loaders replay none: what a journal alone holds is missing, and where it holds another default entry, kernel or initramfs the chain is left undecided. GRUB's core image must hold the modules that lead to its files (disk driver, partition table, LVM, md, file system), normal.mod and ldlinux.c32 must be modules, the sectors of ldlinux.sys must have its checksum, and GRUB must know the file system's features. The first missing link is the failure; a default entry that asks for a password counts as missing, and so do a kernel shorter than its header says, an initramfs that is cut off or damaged, a subvolume that the root does not have, and an init that may not be executed or whose dynamic loader is not there. A start fails as well that its command line ends in a shell, in rescue or emergency mode: single, s, S, 1, rescue, emergency, -b, systemd.unit=, init= with a shell, break= of initramfs-tools, rd.break of dracut, and rd.lvm.lv=, rd.md.uuid= or rd.luks.uuid= with what is not there or without what root lies on, and rd.md=0 or rd.lvm=0 where root lies on such. Whether dracut assembles an array that neither rd.md.uuid= nor rd.auto asks for is left undecided. So does one with an SELinux policy to be enforced (SELINUX=enforcing) that is not below /etc/selinux, on a system of Red Hat's kind. A kernel whose release has no directory in /lib/modules, where others have one, warns. An image that only UEFI boots is left to boot-mode-bios. Windows: boot code, active partition and its boot sector, bootmgr, \\Boot\\BCD, its default entry, the partitions that this names by disk signature and offset, winload.exe, the kernel and the hive SYSTEM (before Windows Vista: ntldr, ntdetect.com, boot.ini and the kernel); where only UEFI boots it, the same from the EFI system partition on. The entry is the one that the boot manager starts: of the menu (displayorder) the default one, or else the first. A boot sector whose HiddenSectors is not the partition's first sector, a bootmgr or ntldr that is compressed or encrypted, and a loader or kernel that is no whole image count as missing. Safe mode without network (safeboot, /safeboot:minimal) fails; safe mode with networking, directory services restore mode and Windows PE mode warn.",
        "逐个检查引导链：第一扇区的引导代码、引导代码查找位置上的下一阶段、引导程序的文件和配置、默认引导项及其内核和initramfs、根设备、init。引导程序读取的内容按磁盘上的原样读取，不回放日志（引导程序不会回放日志）：仅存在于日志中的文件视为缺失；日志中的默认引导项、内核或initramfs与磁盘上的不同时不作判定。GRUB核心镜像必须包含读取其自身文件所需的模块（磁盘驱动、分区表、LVM、md、文件系统），normal.mod和ldlinux.c32必须是有效的模块，ldlinux.sys各扇区的校验和必须正确，GRUB必须支持文件系统启用的特性。第一个缺失的环节即为失败原因；要求输入密码的默认引导项、长度小于其头部声明的内核、被截断或损坏的initramfs、根文件系统中不存在的子卷、不可执行或缺少动态加载器的init均视为缺失。如果命令行使启动停在shell、救援模式或紧急模式，也判为失败：single、s、S、1、rescue、emergency、-b、systemd.unit=、init=指定shell、initramfs-tools的break=、dracut的rd.break，以及rd.lvm.lv=、rd.md.uuid=或rd.luks.uuid=指定的对象不存在或不包含根所在的对象，以及根位于阵列或逻辑卷上时的rd.md=0或rd.lvm=0。rd.md.uuid=和rd.auto均未要求组装的阵列，dracut是否组装不作判定。在Red Hat类系统上，设置了SELINUX=enforcing而/etc/selinux下没有对应策略时，同样判为失败。如果内核版本在/lib/modules中没有目录而其他版本有，则告警。仅支持UEFI引导的镜像由boot-mode-bios判定。Windows：依次检查引导代码、活动分区及其引导扇区、bootmgr、\\Boot\\BCD、默认启动项、启动项按磁盘签名和偏移指定的分区、winload.exe、内核和注册表SYSTEM（Windows Vista之前：ntldr、ntdetect.com、boot.ini和内核）；仅支持UEFI引导时，从EFI系统分区开始检查同样的环节。启动项为启动管理器实际启动的那一项：菜单（displayorder）中的默认项，否则为第一项。引导扇区的HiddenSectors与分区起始扇区不符、bootmgr或ntldr被压缩或加密、加载程序或内核不是完整的映像文件，均视为缺失。不带网络的安全模式（safeboot、/safeboot:minimal）判为失败；带网络的安全模式、目录服务还原模式和Windows PE模式则告警。",
    ),
    remedy: Fixed::new(
        "In the guest, booted from rescue media with chroot: grub-install DISK && update-grub (RHEL family: grub2-install DISK && grub2-mkconfig -o /boot/grub2/grub.cfg). Windows, from the command prompt of an installation medium: bootrec /fixmbr, bootrec /fixboot, bcdboot C:\\Windows /s S: (S: is the partition with the boot files)",
        "通过救援介质启动并chroot到系统后执行：grub-install 磁盘 && update-grub（RHEL系：grub2-install 磁盘 && grub2-mkconfig -o /boot/grub2/grub.cfg）。Windows：在安装介质的命令提示符下执行bootrec /fixmbr、bootrec /fixboot、bcdboot C:\\Windows /s S:（S:为启动文件所在分区）",
    ),
    source: "Engineering knowledge; 制作镜像 (ims_03_0603), Linux list items 9 and 10, rest on it",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for BootChainComplete {
    fn id(&self) -> &'static str {
        "boot-chain-complete"
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
    if let Guest::Windows(windows) = guest(facts)? {
        return windows::decide(facts, windows);
    }
    let linux = any_guest(facts)?;
    let stop = linux.boot.stop.as_ref();
    let uefi_only = facts
        .firmware
        .known()
        .is_some_and(|firmware| firmware.bios.is_empty() && !firmware.uefi.is_empty());
    let chain = &linux.boot.chain;
    let links: Vec<_> = chain
        .iter()
        // The others are links of a start by BIOS.
        .filter(|link| !uefi_only || link.kind == LinkKind::SelinuxPolicy)
        .map(|link| Link {
            kind: link.kind,
            name: name(link.kind),
            state: &link.state,
            evidence: &link.evidence,
        })
        .collect();
    let evidence = match walk(&links) {
        Walk::Broken(kind, outcome) => {
            let remedy = if stands_in_journal(chain) {
                Some(REPLAY)
            } else {
                repair_of_loader(linux, kind).or_else(|| repair(kind))
            };
            return Ok(match remedy {
                Some(remedy) => outcome.remedy(remedy.text()),
                None => outcome,
            });
        }
        Walk::Unknown(outcome) => {
            return Ok(match stop {
                Some(stop) => stopped(linux, stop),
                None if stands_in_journal(chain) => outcome.remedy(REPLAY.text()),
                None => outcome,
            });
        }
        Walk::Holds(evidence) => evidence,
    };
    if let Some(stop) = stop {
        return Ok(stopped(linux, stop));
    }
    if uefi_only {
        return Ok(Outcome::not_applicable(text!(
            "Only UEFI boots the disk (see boot-mode-bios); there is no BIOS chain to follow.",
            "磁盘仅支持UEFI引导（参见boot-mode-bios），没有BIOS引导链。"
        )));
    }
    if !chain.iter().any(|link| link.kind == LinkKind::Init) {
        let unread = Unread::new("boot chain", "it was not followed as far as init");
        return Err(Box::new(undecided(linux.boot.default_entry.unread().unwrap_or(&unread))));
    }
    if let Some((release, found)) = without_modules(linux) {
        let list = found.join(", ");
        return Ok(Outcome::doubtful(
            text!(
                "The default entry starts the kernel {release}, but /lib/modules has modules only for {list}: nothing that is a module is loaded once the root is mounted.",
                "默认引导项启动内核{release}，但/lib/modules中只有{list}的模块：挂载根文件系统后无法加载任何模块。"
            ),
            evidence,
        )
        .remedy(text!(
            "Install the package of the kernel {release} again, or boot one of {list}: update-grub (RHEL family: grub2-mkconfig -o /boot/grub2/grub.cfg)",
            "重新安装内核{release}的软件包，或改为启动{list}：update-grub（RHEL系：grub2-mkconfig -o /boot/grub2/grub.cfg）"
        )));
    }
    let count = chain.len();
    Ok(Outcome::holds(
        text!(
            "All {count} links from the first sector to init are there.",
            "从第一扇区到init的{count}个环节均完整。"
        ),
        evidence,
    ))
}

/// Has the journals replayed that hold what boot loaders do not see.
const REPLAY: Fixed = Fixed::new(
    "Start the virtual machine once, run 'shutdown -h now' in it, wait until it is off, and take the image again. Where it does not start, have the journal replayed from rescue media: ext: e2fsck -fy; XFS and Btrfs: mount the file system and unmount it.",
    "启动一次该虚拟机，在系统内执行shutdown -h now，待其完全关机后重新导出镜像。如果无法启动，可通过救援介质回放日志：ext执行e2fsck -fy；XFS和Btrfs挂载后再卸载该文件系统。",
);

/// Whether the first link that breaks the chain, or else leaves it undecided, does so because its file
/// stands in a journal.
fn stands_in_journal(chain: &[ChainLink]) -> bool {
    let missing = chain.iter().find(|link| link.state == LinkState::Missing);
    let unknown = || chain.iter().find(|link| matches!(link.state, LinkState::Unknown(_)));
    let words = missing.or_else(unknown).map(|link| match &link.state {
        LinkState::Unknown(reason) => reason,
        _ => &link.evidence.detail,
    });
    words.is_some_and(|words| words.ends_with(ONLY_IN_JOURNAL) || words.ends_with(OTHER_IN_JOURNAL))
}

/// The release of the default kernel and those that have modules, when it is not among them. A guest
/// without any modules may well have a kernel that needs none.
fn without_modules(linux: &LinuxFacts) -> Option<(&str, Vec<&str>)> {
    let kernels = linux.kernels.known()?;
    let default = kernels.iter().find(|kernel| kernel.is_default)?;
    if default.modules_dir != Fact::Known(None) {
        return None;
    }
    let others = kernels.iter().filter(|kernel| matches!(kernel.modules_dir, Fact::Known(Some(_))));
    let others: Vec<&str> = others.map(|kernel| kernel.release.as_str()).collect();
    (!others.is_empty()).then_some((default.release.as_str(), others))
}

fn name(kind: LinkKind) -> Fixed {
    match kind {
        LinkKind::BootCode => Fixed::new("boot code", "引导代码"),
        LinkKind::ActivePartition => {
            Fixed::new("the active partition's boot sector", "活动分区的引导扇区")
        }
        LinkKind::LoaderImage => Fixed::new("the boot loader's next stage", "引导程序的下一阶段"),
        LinkKind::LoaderFiles => Fixed::new("the boot loader's files", "引导程序的文件"),
        LinkKind::Configuration => Fixed::new("the boot loader's configuration", "引导配置"),
        LinkKind::DefaultEntry => Fixed::new("the default boot entry", "默认引导项"),
        LinkKind::Kernel => Fixed::new("the kernel", "内核"),
        LinkKind::Initramfs => Fixed::new("the initramfs", "initramfs"),
        LinkKind::RootDevice => Fixed::new("the root device", "根设备"),
        LinkKind::Init => Fixed::new("init", "init"),
        LinkKind::SelinuxPolicy => {
            Fixed::new("the SELinux policy to be enforced", "需强制执行的SELinux策略")
        }
    }
}

/// The repair of what the boot loader itself consists of, where it is not a new installation of GRUB.
fn repair_of_loader(linux: &LinuxFacts, kind: LinkKind) -> Option<Fixed> {
    let mut links = linux.boot.chain.iter();
    let link = links.find(|link| link.kind == kind && link.state == LinkState::Missing)?;
    if link.evidence.detail.starts_with(NOT_READ_BY_GRUB) {
        return Some(Fixed::new(
            "Put /boot on a file system of its own without that feature (mkfs.ext4 -O ^inline_data,^casefold,^ea_inode,^bigalloc PARTITION), with the content of the old one and a line in /etc/fstab; then grub-install DISK && update-grub (RHEL family: grub2-install DISK && grub2-mkconfig -o /boot/grub2/grub.cfg)",
            "将/boot放到未启用该特性的独立文件系统上（mkfs.ext4 -O ^inline_data,^casefold,^ea_inode,^bigalloc 分区），复制原有内容并在/etc/fstab中增加一行；然后执行grub-install 磁盘 && update-grub（RHEL系：grub2-install 磁盘 && grub2-mkconfig -o /boot/grub2/grub.cfg）",
        ));
    }
    let is_syslinux = matches!(linux.boot.loader, Fact::Known(Some((LoaderKind::Syslinux, _))));
    let is_its = matches!(kind, LinkKind::LoaderImage | LinkKind::LoaderFiles);
    (is_syslinux && is_its).then(|| {
        Fixed::new(
            "In the guest, booted from rescue media with chroot: extlinux --install DIRECTORY, the one with ldlinux.sys (on FAT: syslinux --install PARTITION), with all *.c32 of that version in it",
            "通过救援介质启动并chroot到系统后执行：extlinux --install 目录（ldlinux.sys所在目录；FAT上执行syslinux --install 分区），并将同一版本的全部*.c32放入该目录",
        )
    })
}

/// The repair of just this link, where it is not a new installation of the boot loader.
fn repair(kind: LinkKind) -> Option<Fixed> {
    match kind {
        LinkKind::Configuration => Some(Fixed::new(
            "update-grub (RHEL family: grub2-mkconfig -o /boot/grub2/grub.cfg)",
            "update-grub（RHEL系：grub2-mkconfig -o /boot/grub2/grub.cfg）",
        )),
        LinkKind::DefaultEntry => Some(Fixed::new(
            "update-grub (RHEL family: grub2-mkconfig -o /boot/grub2/grub.cfg). For an entry that asks for a password: add --unrestricted to CLASS= in /etc/grub.d/10_linux first (BLS: grub2-editenv - unset grub_users); GRUB legacy: take lock and password out of the entry; SYSLINUX: MENU PASSWD.",
            "update-grub（RHEL系：grub2-mkconfig -o /boot/grub2/grub.cfg）。如果引导项要求输入密码：先在/etc/grub.d/10_linux的CLASS=中增加--unrestricted（BLS：grub2-editenv - unset grub_users）；GRUB legacy需删除引导项中的lock和password；SYSLINUX需删除MENU PASSWD。",
        )),
        LinkKind::Kernel | LinkKind::Initramfs => Some(Fixed::new(
            "Install the kernel package again, or rebuild what is missing (update-initramfs -c -k all; dracut --regenerate-all -f), then update-grub or grub2-mkconfig.",
            "重新安装内核软件包，或重建缺失的文件（update-initramfs -c -k all；dracut --regenerate-all -f），然后执行update-grub或grub2-mkconfig。",
        )),
        LinkKind::RootDevice => Some(Fixed::new(
            "Name the root by the UUID that blkid prints, in root= and /etc/fstab; see grub-root-uuid. For a kernel without an initramfs root= must be the PARTUUID that blkid prints, or the entry must load an initramfs.",
            "在root=和/etc/fstab中使用blkid显示的UUID引用根设备；参见grub-root-uuid。对于不加载initramfs的内核，root=必须使用blkid显示的PARTUUID，或在引导项中加载initramfs。",
        )),
        LinkKind::Init => Some(Fixed::new(
            "Install the system's init again (systemd-sysv, systemd or sysvinit); without one this is no complete root file system.",
            "重新安装系统的init（systemd-sysv、systemd或sysvinit）；缺少init的根文件系统不完整。",
        )),
        LinkKind::SelinuxPolicy => Some(Fixed::new(
            "To turn SELinux off: sed -i 's/^SELINUX=.*/SELINUX=disabled/; s/^SELINUXTYPE=.*/SELINUXTYPE=targeted/' /etc/selinux/config. To keep it: SELINUXTYPE=targeted, with the package selinux-policy-targeted installed, and touch /.autorelabel.",
            "关闭SELinux：sed -i 's/^SELINUX=.*/SELINUX=disabled/; s/^SELINUXTYPE=.*/SELINUXTYPE=targeted/' /etc/selinux/config。保留SELinux：设置SELINUXTYPE=targeted，安装selinux-policy-targeted软件包，并执行touch /.autorelabel。",
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Evidence;
    use crate::rules::Status;
    use crate::rules::finding::Finding;
    use crate::rules::testing::*;

    fn set(facts: &mut Facts, kind: LinkKind, state: LinkState) {
        let chain = &mut linux_mut(facts).boot.chain;
        chain.iter_mut().find(|link| link.kind == kind).unwrap().state = state;
    }

    #[test]
    fn a_whole_chain_passes_and_shows_each_link() {
        let finding = expect(&BootChainComplete, &good_linux(), Status::Pass, "9 links");
        assert_eq!(finding.evidence.len(), 9);
    }

    #[test]
    fn the_first_missing_link_is_the_failure() {
        let mut facts = good_linux();
        set(&mut facts, LinkKind::Kernel, LinkState::Missing);
        set(&mut facts, LinkKind::Initramfs, LinkState::Missing);
        let finding = expect(&BootChainComplete, &facts, Status::Fail, "breaks at the kernel");
        assert!(finding.message.en.contains("/boot/vmlinuz-3.10.0-957.el7.x86_64"));
        let shown = |finding: &Finding| {
            finding.evidence.iter().map(|seen| seen.detail.clone()).collect::<Vec<_>>()
        };
        assert!(shown(&finding).iter().any(|seen| seen.starts_with("the kernel, missing: ")));
        let chain = &mut linux_mut(&mut facts).boot.chain;
        let kernel = chain.iter_mut().find(|link| link.kind == LinkKind::Kernel).unwrap();
        kernel.evidence.detail = "cut short: 4095 of 4096 bytes".to_owned();
        let finding = expect(&BootChainComplete, &facts, Status::Fail, "breaks at the kernel");
        assert!(
            shown(&finding)
                .contains(&"the kernel, broken: cut short: 4095 of 4096 bytes".to_owned())
        );
    }

    #[test]
    fn the_repair_is_that_of_the_loader() {
        let mut facts = good_linux();
        set(&mut facts, LinkKind::LoaderImage, LinkState::Missing);
        let finding = expect(&BootChainComplete, &facts, Status::Fail, "next stage");
        assert!(remedy(&finding).contains("grub2-install"));
        let evidence = Evidence::new("/boot/extlinux/extlinux.conf", "partition 1");
        linux_mut(&mut facts).boot.loader = Fact::Known(Some((LoaderKind::Syslinux, evidence)));
        let finding = expect(&BootChainComplete, &facts, Status::Fail, "next stage");
        assert!(remedy(&finding).contains("extlinux --install"));
        let mut facts = good_linux();
        set(&mut facts, LinkKind::Kernel, LinkState::Missing);
        let chain = &mut linux_mut(&mut facts).boot.chain;
        let kernel = chain.iter_mut().find(|link| link.kind == LinkKind::Kernel).unwrap();
        kernel.evidence.detail = format!("{NOT_READ_BY_GRUB} casefold");
        let finding = expect(&BootChainComplete, &facts, Status::Fail, "breaks at the kernel");
        assert!(remedy(&finding).contains("-O ^inline_data"));
    }

    #[test]
    fn an_enforced_policy_that_is_not_there_is_the_failure() {
        for mut facts in [good_linux(), uefi_only()] {
            let mut link = linux_mut(&mut good_linux()).boot.chain.last().unwrap().clone();
            (link.kind, link.state) = (LinkKind::SelinuxPolicy, LinkState::Missing);
            link.evidence = Evidence::new("/etc/selinux/config:7", "no policy");
            linux_mut(&mut facts).boot.chain.push(link);
            let finding = expect(&BootChainComplete, &facts, Status::Fail, "SELinux policy");
            assert!(remedy(&finding).contains("/etc/selinux/config"));
        }
    }

    #[test]
    fn a_missing_link_counts_before_one_that_is_not_known() {
        let mut facts = good_linux();
        let unknown = LinkState::Unknown("XFS is not read".to_owned());
        set(&mut facts, LinkKind::LoaderFiles, unknown);
        expect(&BootChainComplete, &facts, Status::Unverified, "XFS is not read");
        set(&mut facts, LinkKind::Init, LinkState::Missing);
        expect(&BootChainComplete, &facts, Status::Fail, "breaks at init");
    }

    #[test]
    fn a_chain_that_ends_early_never_passes() {
        let mut facts = good_linux();
        linux_mut(&mut facts).boot.chain.truncate(4);
        expect(&BootChainComplete, &facts, Status::Unverified, "as far as init");
        linux_mut(&mut facts).boot.chain.clear();
        assert_eq!(status(&BootChainComplete, &facts), Status::Unverified);
    }

    #[test]
    fn a_kernel_without_its_modules_beside_others_that_have_some_warns() {
        let mut facts = good_linux();
        let mut other = kernel_mut(&mut facts).clone();
        kernel_mut(&mut facts).modules_dir = Fact::Known(None);
        // A guest without any modules may have a kernel that needs none.
        assert_eq!(status(&BootChainComplete, &facts), Status::Pass);
        other.is_default = false;
        other.release = "3.10.0-1160.el7.x86_64".to_owned();
        if let Fact::Known(kernels) = &mut linux_mut(&mut facts).kernels {
            kernels.push(other);
        }
        expect(&BootChainComplete, &facts, Status::Warn, "only for 3.10.0-1160.el7.x86_64");
    }

    #[test]
    fn an_image_for_uefi_only_is_left_to_boot_mode_bios() {
        let mut facts = uefi_only();
        set(&mut facts, LinkKind::BootCode, LinkState::Missing);
        assert_eq!(status(&BootChainComplete, &facts), Status::NotApplicable);
    }

    #[test]
    fn what_stands_in_a_journal_alone_is_mended_by_its_replay() {
        let mut facts = good_linux();
        set(&mut facts, LinkKind::Kernel, LinkState::Missing);
        let links = &mut linux_mut(&mut facts).boot.chain;
        let link = links.iter_mut().find(|link| link.kind == LinkKind::Kernel).unwrap();
        link.evidence.detail = format!("/boot/vmlinuz{ONLY_IN_JOURNAL}");
        let found = expect(&BootChainComplete, &facts, Status::Fail, ONLY_IN_JOURNAL);
        assert!(remedy(&found).contains("e2fsck -fy"));
        let reason = format!("/boot/vmlinuz{OTHER_IN_JOURNAL}");
        let mut facts = good_linux();
        set(&mut facts, LinkKind::Configuration, LinkState::Unknown(reason));
        let found = expect(&BootChainComplete, &facts, Status::Unverified, "second start");
        assert!(remedy(&found).contains("e2fsck -fy"));
        assert!(found.message.zh.contains("第二次启动"), "{}", found.message.zh);
    }
}
