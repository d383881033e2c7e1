//! The boot chain of Windows.

use super::walk::{Link, Walk, is_broken, walk};
use crate::fact::Unread;
use crate::guest::facts::{
    Facts, LinkState, WindowsBootPath, WindowsFacts, WindowsLinkKind, WindowsStartKind,
    WindowsStartMode,
};
use crate::rules::scope::{Decision, undecided};
use crate::rules::{Fixed, Outcome};
use crate::text;

/// The last links: without them the chain was not followed to its end.
const END: WindowsLinkKind = WindowsLinkKind::SystemHive;

pub(super) fn decide(facts: &Facts, windows: &WindowsFacts) -> Decision {
    let (path, is_uefi) = windows.boot.of_firmware(&facts.firmware);
    let chain = &path.chain;
    let links: Vec<_> = chain
        .iter()
        .map(|link| Link {
            kind: link.kind,
            name: name(link.kind),
            state: &link.state,
            evidence: &link.evidence,
        })
        .collect();
    let evidence = match walk(&links) {
        Walk::Broken(kind, outcome) => {
            let missing = chain.iter().find(|link| link.state == LinkState::Missing);
            let what = missing.map_or("", |link| link.evidence.detail.as_str());
            return Ok(outcome.remedy(repair(kind, what, is_uefi).text()));
        }
        Walk::Unknown(outcome) => {
            let stop = path.modes.iter().find(|mode| stops(mode.kind));
            return Ok(stop.map_or(outcome, |mode| started(path, mode)));
        }
        Walk::Holds(evidence) => evidence,
    };
    let stop = path.modes.iter().find(|mode| stops(mode.kind));
    if let Some(mode) = stop.or_else(|| path.modes.first()) {
        return Ok(started(path, mode));
    }
    if !chain.iter().any(|link| link.kind == END) {
        let unread = Unread::new("boot chain", "it was not followed as far as Windows' kernel");
        return Err(Box::new(undecided(&unread)));
    }
    let count = chain.len();
    Ok(Outcome::holds(
        if is_uefi {
            text!(
                "All {count} links from the EFI system partition to Windows' kernel are there.",
                "从EFI系统分区到Windows内核的{count}个环节均完整。"
            )
        } else {
            text!(
                "All {count} links from the first sector to Windows' kernel are there.",
                "从第一扇区到Windows内核的{count}个环节均完整。"
            )
        },
        evidence,
    ))
}

/// Whether a server cannot be reached after such a start.
fn stops(kind: WindowsStartKind) -> bool {
    kind == WindowsStartKind::SafeMinimal
}

/// The finding of a start that is not the ordinary one.
fn started(path: &WindowsBootPath, mode: &WindowsStartMode) -> Outcome {
    let Fixed { en, zh } = match mode.kind {
        WindowsStartKind::SafeMinimal => Fixed::new(
            "The default entry starts Windows in safe mode, without network and remote desktop",
            "默认启动项以安全模式启动Windows，没有网络和远程桌面",
        ),
        WindowsStartKind::SafeNetwork => Fixed::new(
            "The default entry starts Windows in safe mode with networking, where most services, Cloudbase-Init among them, do not start",
            "默认启动项以带网络的安全模式启动Windows，包括Cloudbase-Init在内的大多数服务不会启动",
        ),
        WindowsStartKind::DirectoryRepair => Fixed::new(
            "The default entry starts Windows in directory services restore mode, without Active Directory",
            "默认启动项以目录服务还原模式启动Windows，不会启动Active Directory",
        ),
        WindowsStartKind::WindowsPe => Fixed::new(
            "The default entry starts Windows as Windows PE, which restarts after 72 hours and keeps no change of its registry",
            "默认启动项以Windows PE方式启动Windows，72小时后会重启，且不保存对注册表的更改",
        ),
    };
    let (place, what) = (&mode.evidence.location, &mode.evidence.detail);
    let message = text!("{en}: {place}: {what}.", "{zh}：{place}：{what}。");
    let evidence = path.modes.iter().map(|mode| mode.evidence.clone()).collect();
    let outcome = if stops(mode.kind) {
        Outcome::broken(message, evidence)
    } else {
        Outcome::doubtful(message, evidence)
    };
    let id = path.configuration.as_ref().and_then(|configuration| configuration.first());
    outcome.remedy(match (id, mode.kind) {
        (Some((id, _)), WindowsStartKind::WindowsPe) => text!(
            "In the guest: bcdedit /deletevalue {id} winpe (from the command prompt of an installation medium with /store and the path of the BCD)",
            "在系统内执行：bcdedit /deletevalue {id} winpe（在安装介质的命令提示符下需加/store和BCD的路径）"
        ),
        (Some((id, _)), _) => text!(
            "In the guest: bcdedit /deletevalue {id} safeboot (from the command prompt of an installation medium with /store and the path of the BCD); or msconfig, Boot, Safe boot off.",
            "在系统内执行：bcdedit /deletevalue {id} safeboot（在安装介质的命令提示符下需加/store和BCD的路径）；或运行msconfig，在“引导”中取消“安全引导”。"
        ),
        (None, _) => text!(
            "Take {what} out of that line of boot.ini.",
            "从boot.ini的该行中删除{what}。"
        ),
    })
}

fn name(kind: WindowsLinkKind) -> Fixed {
    match kind {
        WindowsLinkKind::BootCode => Fixed::new("boot code", "引导代码"),
        WindowsLinkKind::ActivePartition => Fixed::new("the active partition", "活动分区"),
        WindowsLinkKind::BootSector => {
            Fixed::new("the active partition's boot sector", "活动分区的引导扇区")
        }
        WindowsLinkKind::EfiSystemPartition => {
            Fixed::new("the EFI system partition", "EFI系统分区")
        }
        WindowsLinkKind::BootManager => Fixed::new("the boot manager", "启动管理器"),
        WindowsLinkKind::HardwareDetection => Fixed::new("ntdetect.com", "ntdetect.com"),
        WindowsLinkKind::BootConfiguration => Fixed::new("the boot configuration", "启动配置"),
        WindowsLinkKind::DefaultEntry => Fixed::new("the default boot entry", "默认启动项"),
        WindowsLinkKind::WindowsPartition => Fixed::new("Windows' partition", "Windows所在分区"),
        WindowsLinkKind::OsLoader => Fixed::new("Windows' loader", "Windows加载程序"),
        WindowsLinkKind::Kernel => Fixed::new("Windows' kernel", "Windows内核"),
        WindowsLinkKind::SystemHive => Fixed::new("the hive SYSTEM", "注册表SYSTEM"),
    }
}

/// The repair of just this link, from the command prompt of an installation medium.
fn repair(kind: WindowsLinkKind, what: &str, is_uefi: bool) -> Fixed {
    match kind {
        WindowsLinkKind::BootManager if what.starts_with("compressed") => Fixed::new(
            "From the command prompt of an installation medium, with a letter for the active partition (diskpart: select partition 1, assign letter=S): compact /u /a /f S:\\bootmgr (before Windows Vista: S:\\ntldr); attrib -r -s -h lets it at the file.",
            "在安装介质的命令提示符下，先为活动分区分配盘符（diskpart：select partition 1、assign letter=S），再执行：compact /u /a /f S:\\bootmgr（Windows Vista之前的系统：S:\\ntldr）；必要时先执行attrib -r -s -h去除文件属性。",
        ),
        WindowsLinkKind::BootSector if what.contains("HiddenSectors") => Fixed::new(
            "Write the number of the partition's first sector to byte 0x1C of its boot sector as 4 bytes, the lowest first: on Linux printf '\\x00\\x08\\x00\\x00' | dd of=PARTITION bs=1 seek=28 conv=notrunc (here for sector 2048); for FAT32 also to that of the copy in sector 6.",
            "将分区的起始扇区号以4字节（低字节在前）写入其引导扇区的0x1C字节处：在Linux下执行printf '\\x00\\x08\\x00\\x00' | dd of=分区 bs=1 seek=28 conv=notrunc（以起始扇区2048为例）；FAT32还需写入第6扇区中的备份。",
        ),
        WindowsLinkKind::OsLoader if is_broken(what) => Fixed::new(
            "From the command prompt of an installation medium: sfc /scannow /offbootdir=C:\\ /offwindir=C:\\Windows. Otherwise export the machine again.",
            "在安装介质的命令提示符下执行：sfc /scannow /offbootdir=C:\\ /offwindir=C:\\Windows。否则请重新导出虚拟机。",
        ),
        WindowsLinkKind::BootCode | WindowsLinkKind::BootSector => Fixed::new(
            "From the command prompt of an installation medium: bootrec /fixmbr, then bootrec /fixboot (or: bootsect /nt60 ALL /mbr; before Windows Vista: bootsect /nt52 ALL /mbr)",
            "在安装介质的命令提示符下执行：bootrec /fixmbr，再执行bootrec /fixboot（或：bootsect /nt60 ALL /mbr；Windows Vista之前的系统：bootsect /nt52 ALL /mbr）",
        ),
        WindowsLinkKind::ActivePartition => Fixed::new(
            "From the command prompt of an installation medium: diskpart, then: select disk 0, list partition, select partition N (the one with bootmgr), active. Where two are active: inactive on the other.",
            "在安装介质的命令提示符下执行diskpart，再依次执行：select disk 0、list partition、select partition N（包含bootmgr的分区）、active。如果有两个活动分区，请对另一个执行inactive。",
        ),
        WindowsLinkKind::HardwareDetection => Fixed::new(
            "Copy ntdetect.com (and ntldr) from the directory i386 of the installation medium to the active partition.",
            "将安装介质i386目录中的ntdetect.com（和ntldr）复制到活动分区。",
        ),
        WindowsLinkKind::Kernel | WindowsLinkKind::SystemHive => Fixed::new(
            "The system's files are not complete: from the command prompt of an installation medium: sfc /scannow /offbootdir=C:\\ /offwindir=C:\\Windows; for the hive SYSTEM a copy of \\Windows\\System32\\config from a backup. Otherwise export the machine again.",
            "系统文件不完整：在安装介质的命令提示符下执行sfc /scannow /offbootdir=C:\\ /offwindir=C:\\Windows；注册表SYSTEM需从备份恢复\\Windows\\System32\\config中的副本。否则请重新导出虚拟机。",
        ),
        _ if is_uefi => Fixed::new(
            "From the command prompt of an installation medium, with a letter for the EFI system partition (diskpart: select partition 1, assign letter=S): bcdboot C:\\Windows /s S: /f UEFI",
            "在安装介质的命令提示符下，先为EFI系统分区分配盘符（diskpart：select partition 1、assign letter=S），再执行：bcdboot C:\\Windows /s S: /f UEFI",
        ),
        _ => Fixed::new(
            "From the command prompt of an installation medium, with a letter for the active partition (diskpart: select partition 1, assign letter=S): bcdboot C:\\Windows /s S: /f BIOS (before Windows Vista: copy ntldr, ntdetect.com and boot.ini to it)",
            "在安装介质的命令提示符下，先为活动分区分配盘符（diskpart：select partition 1、assign letter=S），再执行：bcdboot C:\\Windows /s S: /f BIOS（Windows Vista之前的系统：将ntldr、ntdetect.com和boot.ini复制到该分区）",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Evidence;
    use crate::rules::Status;
    use crate::rules::boot_chain_complete::BootChainComplete;
    use crate::rules::testing::windows::*;
    use crate::rules::testing::*;

    fn set(facts: &mut Facts, kind: WindowsLinkKind, state: LinkState) {
        let chain = &mut windows_mut(facts).boot.bios.chain;
        chain.iter_mut().find(|link| link.kind == kind).unwrap().state = state;
    }

    #[test]
    fn a_whole_chain_of_windows_passes_and_shows_each_link() {
        let finding = expect(&BootChainComplete, &good_windows(), Status::Pass, "10 links");
        assert_eq!(finding.evidence.len(), 10);
        expect(&BootChainComplete, &windows_uefi(), Status::Pass, "EFI system partition");
    }

    #[test]
    fn a_missing_store_is_the_failure_and_bcdboot_the_repair() {
        let mut facts = good_windows();
        windows_mut(&mut facts).boot.bios.chain.truncate(5);
        set(&mut facts, WindowsLinkKind::BootConfiguration, LinkState::Missing);
        let finding = expect(&BootChainComplete, &facts, Status::Fail, r"\Boot\BCD");
        assert!(remedy(&finding).contains("/f BIOS"), "{finding:#?}");
    }

    #[test]
    fn the_first_missing_link_is_named_though_later_ones_are_there() {
        let mut facts = good_windows();
        set(&mut facts, WindowsLinkKind::ActivePartition, LinkState::Missing);
        let finding =
            expect(&BootChainComplete, &facts, Status::Fail, "breaks at the active partition");
        assert!(remedy(&finding).contains("diskpart"));
    }

    #[test]
    fn a_store_that_cannot_be_read_is_unverified() {
        let mut facts = good_windows();
        let torn = LinkState::Unknown("the hive is torn".to_owned());
        set(&mut facts, WindowsLinkKind::BootConfiguration, torn);
        expect(&BootChainComplete, &facts, Status::Unverified, "the hive is torn");
        expect(&BootChainComplete, &windows_unread(), Status::Unverified, "it was torn");
    }

    fn with(kind: WindowsStartKind, place: &str, what: &str) -> Facts {
        let mut facts = good_windows();
        let evidence = Evidence::new(place, what);
        windows_mut(&mut facts).boot.bios.modes = vec![WindowsStartMode { kind, evidence }];
        facts
    }

    #[test]
    fn safe_mode_fails_and_other_starts_warn_with_what_asks_for_them() {
        let element = r"\Boot\BCD: Objects\{6e1f0001}\Elements\25000080";
        let mut facts = with(WindowsStartKind::SafeMinimal, element, "safeboot=Minimal");
        let finding = expect(&BootChainComplete, &facts, Status::Fail, element);
        assert!(finding.message.en.contains("safeboot=Minimal"), "{}", finding.message.en);
        let torn = LinkState::Unknown("torn".to_owned());
        set(&mut facts, WindowsLinkKind::SystemHive, torn);
        expect(&BootChainComplete, &facts, Status::Fail, "safe mode");
        set(&mut facts, WindowsLinkKind::Kernel, LinkState::Missing);
        expect(&BootChainComplete, &facts, Status::Fail, "breaks at Windows' kernel");
        for (kind, what) in [
            (WindowsStartKind::SafeNetwork, "with networking"),
            (WindowsStartKind::DirectoryRepair, "restore mode"),
            (WindowsStartKind::WindowsPe, "Windows PE"),
        ] {
            expect(&BootChainComplete, &with(kind, element, "x"), Status::Warn, what);
        }
        let facts = with(WindowsStartKind::SafeMinimal, r"\boot.ini:5", "/safeboot:minimal");
        let finding = expect(&BootChainComplete, &facts, Status::Fail, r"\boot.ini:5");
        assert!(remedy(&finding).starts_with("Take /safeboot:minimal out"), "{finding:?}");
    }

    #[test]
    fn what_is_there_and_of_no_use_gets_its_own_repair() {
        let repair = |kind, detail: &str| {
            let mut facts = good_windows();
            set(&mut facts, kind, LinkState::Missing);
            let chain = &mut windows_mut(&mut facts).boot.bios.chain;
            let link = chain.iter_mut().find(|link| link.kind == kind).unwrap();
            link.evidence.detail = detail.to_owned();
            let finding = expect(&BootChainComplete, &facts, Status::Fail, "broken");
            remedy(&finding).to_owned()
        };
        let compressed = repair(WindowsLinkKind::BootManager, "compressed on partition 1");
        assert!(compressed.contains("compact /u"), "{compressed}");
        let moved = repair(WindowsLinkKind::BootSector, "HiddenSectors (byte 0x1C) is 63");
        assert!(moved.contains("dd of=PARTITION bs=1 seek=28"), "{moved}");
        let cut = repair(WindowsLinkKind::OsLoader, "cut short: x");
        assert!(cut.contains("sfc /scannow"), "{cut}");
    }

    #[test]
    fn a_chain_of_windows_that_ends_early_never_passes() {
        let mut facts = good_windows();
        windows_mut(&mut facts).boot.bios.chain.truncate(4);
        expect(&BootChainComplete, &facts, Status::Unverified, "as far as Windows' kernel");
    }
}
