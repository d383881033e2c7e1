//! `boot-mode-bios`

use super::scope::{Decision, any_guest, firmware, guest, known, settle, without_guest};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, os_version};
use crate::disk::facts::{BootCodeKind, TableKind};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{Architecture, Facts, FirmwareFacts, Guest};
use crate::text;

/// The image boots the way the profile demands.
pub(super) struct BootModeBios;

static DOC: Doc = Doc {
    title: Fixed::new(
        "The image boots by BIOS (later profiles: by BIOS, or by a declared UEFI)",
        "镜像引导方式为BIOS（较新的规则集也允许声明后的UEFI）",
    ),
    why: Fixed::new(
        "The source document demands BIOS; a disk that only UEFI can boot does not start. The later pages also take UEFI for a list of systems (and always for ARM), but only when the request declares it: with the wrong declaration the server does not start.",
        "源文档要求引导方式必须为BIOS，仅支持UEFI引导的磁盘无法启动。后续文档允许部分操作系统（ARM必须）使用UEFI，但必须在请求中声明，声明错误会导致云服务器无法启动。",
    ),
    decided: Fixed::new(
        "BIOS: boot code in sector 0 with 0x55AA and its next stage where the code looks for it; what a GPT marks as bootable by a legacy BIOS counts only for code that reads a GPT. UEFI: an EFI system partition with a loader. Both is taken as BIOS. With UEFI only, ims-classic fails; the other profiles warn that hw_firmware_type must be uefi when the system is on the UEFI list, and fail when it is not.",
        "BIOS：第一扇区有引导代码和0x55AA标志，且下一阶段位于引导代码查找的位置；GPT中标记为可由传统BIOS引导的分区，仅对读取GPT的引导代码有效。UEFI：EFI系统分区中有引导程序。两者都支持时按BIOS处理。仅支持UEFI时，ims-classic判为失败；其他规则集中，若操作系统在UEFI支持列表中，则提示需声明hw_firmware_type为uefi，否则判为失败。",
    ),
    remedy: Fixed::new(
        "Convert the disk to BIOS: add a BIOS boot partition to a GPT disk (sgdisk -n 0:0:+1M -t 0:ef02 DISK), then in the guest: grub-install --target=i386-pc DISK (RHEL family: grub2-install) and rebuild grub.cfg.",
        "将磁盘转换为BIOS引导：GPT磁盘先增加BIOS boot分区（sgdisk -n 0:0:+1M -t 0:ef02 磁盘），再在系统内执行grub-install --target=i386-pc 磁盘（RHEL系为grub2-install），并重新生成grub.cfg。",
    ),
    source: "制作镜像 (ims_03_0603), Windows list item 8, Linux list item 10; 注册镜像 (OTC 0030713193); UEFI (OTC 0161870891, 0170853315)",
    predicts: &["IMG.0141"],
    repaired_by_platform: false,
};

impl Rule for BootModeBios {
    fn id(&self) -> &'static str {
        "boot-mode-bios"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Required)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, context: &Context) -> Outcome {
        settle(decide(facts, context.profile))
    }
}

/// How an image is declared as UEFI where the request has no field for it (updating an image,
/// ims_03_0604: `PATCH /v2/cloudimages/{image_id}`, once the image is active).
pub(crate) const DECLARE_EN: &str = "The request has no field for it: after registration declare the image by PATCH /v2/cloudimages/IMAGE_ID with the body [{\"op\": \"replace\", \"path\": \"/hw_firmware_type\", \"value\": \"uefi\"}].";
/// The same in Chinese.
pub(crate) const DECLARE_ZH: &str = "请求中没有该字段：注册完成后通过PATCH /v2/cloudimages/IMAGE_ID声明，请求体为[{\"op\": \"replace\", \"path\": \"/hw_firmware_type\", \"value\": \"uefi\"}]。";

fn decide(facts: &Facts, profile: Profile) -> Decision {
    // A disk without a system need not boot; that it has none is the finding of another rule.
    if let Fact::Known(Guest::Absent(_)) = facts.guest {
        return Err(Box::new(without_guest()));
    }
    let firmware = firmware(facts)?;
    match (firmware.bios.is_empty(), firmware.uefi.is_empty()) {
        (false, uefi_absent) => {
            let mut evidence = firmware.bios.clone();
            evidence.extend(firmware.uefi.iter().cloned());
            Ok(if uefi_absent {
                Outcome::holds(text!("The disk boots by BIOS.", "磁盘可通过BIOS引导。"), evidence)
            } else {
                Outcome::holds(
                    text!(
                        "The disk boots by BIOS, and by UEFI as well.",
                        "磁盘既可通过BIOS引导，也可通过UEFI引导。"
                    ),
                    evidence,
                )
            })
        }
        (true, false) => uefi_only(facts, firmware, profile),
        (true, true) => {
            let outcome = Outcome::broken(
                text!(
                    "Neither BIOS nor UEFI can boot the disk: no boot code with its next stage, no EFI system partition with a loader.",
                    "磁盘既不能通过BIOS引导，也不能通过UEFI引导：没有引导代码及其下一阶段，也没有包含引导程序的EFI系统分区。"
                ),
                boot_sector(facts).into_iter().collect(),
            );
            Ok(convert(facts, outcome))
        }
    }
}

fn uefi_only(facts: &Facts, firmware: &FirmwareFacts, profile: Profile) -> Decision {
    let mut evidence = firmware.uefi.clone();
    evidence.extend(boot_sector(facts));
    if profile == Profile::ImsClassic {
        let outcome = Outcome::broken(
            text!(
                "Only UEFI can boot the disk; BIOS is demanded.",
                "磁盘只能通过UEFI引导，而平台要求BIOS引导。"
            ),
            evidence,
        );
        return Ok(convert(facts, outcome));
    }
    if is_listed(facts)? {
        return Ok(Outcome::doubtful(
            text!(
                "Only UEFI can boot the disk: the image must be declared as UEFI.",
                "磁盘只能通过UEFI引导：必须将镜像声明为UEFI。"
            ),
            evidence,
        )
        .remedy(match profile {
            Profile::Otc => text!(
                "Set \"hw_firmware_type\": \"uefi\" in the request.",
                "请在请求中设置\"hw_firmware_type\": \"uefi\"。"
            ),
            _ => text!("{DECLARE_EN}", "{DECLARE_ZH}"),
        }));
    }
    let outcome = Outcome::broken(
        text!(
            "Only UEFI can boot the disk, and the platform does not list this system for UEFI.",
            "磁盘只能通过UEFI引导，而该操作系统不在平台的UEFI支持列表中。"
        ),
        evidence,
    );
    Ok(convert(facts, outcome))
}

/// Whether the platform lists the system for UEFI.
fn is_listed(facts: &Facts) -> Decision<bool> {
    let listed = if let Guest::Windows(windows) = guest(facts)? {
        let (arch, _) = known(&windows.arch)?;
        os_version::windows_listed_for_uefi(known(&windows.os)?, *arch)
    } else {
        let linux = any_guest(facts)?;
        let (arch, _) = known(&linux.arch)?;
        match (arch, known(&linux.os)?) {
            // ARM servers boot by UEFI only.
            (Architecture::Aarch64 | Architecture::Arm, _) => Some(true),
            (_, Some(os)) => os_version::listed_for_uefi(os, *arch),
            (_, None) => None,
        }
    };
    Ok(listed == Some(true))
}

/// The way to BIOS where it is another than the rule's own: an MBR disk needs no partition for GRUB,
/// and Windows does not boot from a GPT disk there.
fn convert(facts: &Facts, outcome: Outcome) -> Outcome {
    let is_mbr = facts.disk.known().is_some_and(|disk| disk.table == TableKind::Mbr);
    let is_windows = matches!(facts.guest, Fact::Known(Guest::Windows(_)));
    if !is_windows && !is_mbr {
        return outcome;
    }
    if !is_windows {
        return outcome.remedy(text!(
            "grub-install --target=i386-pc DISK    # in the guest; RHEL family: grub2-install",
            "grub-install --target=i386-pc 磁盘    # 在系统内执行；RHEL系为grub2-install"
        ));
    }
    if is_mbr {
        return outcome.remedy(text!(
            "From the command prompt of an installation medium, with S: for the active partition: bcdboot C:\\Windows /s S: /f BIOS, bootsect /nt60 S: /mbr",
            "在安装介质的命令提示符下执行（S:为活动分区）：bcdboot C:\\Windows /s S: /f BIOS，bootsect /nt60 S: /mbr"
        ));
    }
    outcome.remedy(text!(
        "Under BIOS Windows boots from MBR disks only. Copy the Windows partition to an MBR disk with an active partition for the boot files, then from the command prompt of an installation medium, with S: for the active partition: bcdboot C:\\Windows /s S: /f BIOS, bootsect /nt60 S: /mbr",
        "在BIOS方式下，Windows只能从MBR磁盘启动。请将Windows分区复制到带有活动分区（用于存放启动文件）的MBR磁盘，然后在安装介质的命令提示符下执行（S:为活动分区）：bcdboot C:\\Windows /s S: /f BIOS，bootsect /nt60 S: /mbr"
    ))
}

/// What stands in sector 0.
fn boot_sector(facts: &Facts) -> Option<Evidence> {
    let code = facts.disk.known()?.boot_code.known()?;
    let signature = if code.signature { "with 0x55AA" } else { "without 0x55AA" };
    let kind = match code.kind {
        BootCodeKind::None => "no boot code",
        BootCodeKind::Grub2 => "GRUB 2",
        BootCodeKind::GrubLegacy => "GRUB legacy",
        BootCodeKind::Syslinux => "SYSLINUX",
        BootCodeKind::Lilo => "LILO",
        BootCodeKind::Windows => "boot code of Windows",
        BootCodeKind::Generic => "boot code that starts the active partition",
        BootCodeKind::Unrecognised => "boot code that is not known",
    };
    let detail = format!("{kind}, {signature}; {}", code.evidence.detail);
    Some(Evidence::new(code.evidence.location.clone(), detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::{self, *};

    #[test]
    fn a_bios_disk_and_a_hybrid_one_pass() {
        let mut facts = good_linux();
        expect(&BootModeBios, &facts, Status::Pass, "GRUB 2, core image");
        firmware_mut(&mut facts).uefi = vec![Evidence::new("partition 1", "BOOTX64.EFI")];
        expect(&BootModeBios, &facts, Status::Pass, "by UEFI as well");
    }

    #[test]
    fn a_disk_that_only_uefi_boots_fails_in_the_source_document() {
        expect(&BootModeBios, &testing::uefi_only(), Status::Fail, "BOOTX64.EFI");
    }

    #[test]
    fn the_later_profiles_take_uefi_for_listed_systems() {
        let mut facts = testing::uefi_only();
        let finding = expect_in(
            Profile::Huaweicloud,
            &BootModeBios,
            &facts,
            Status::Warn,
            "declared as UEFI",
        );
        assert!(remedy(&finding).contains("hw_firmware_type"));
        let Fact::Known(Some(os)) = &mut linux_mut(&mut facts).os else { panic!() };
        os.version = Some("7.3".to_owned());
        expect_in(Profile::Huaweicloud, &BootModeBios, &facts, Status::Fail, "does not list");
        linux_mut(&mut facts).arch = Fact::Known((Architecture::Aarch64, Evidence::new("", "")));
        expect_in(Profile::Huaweicloud, &BootModeBios, &facts, Status::Warn, "declared as UEFI");
    }

    #[test]
    fn windows_that_only_uefi_boots_is_told_how_windows_comes_to_bios() {
        let facts = windows::windows_uefi();
        let finding = expect(&BootModeBios, &facts, Status::Fail, "BIOS is demanded");
        assert!(remedy(&finding).contains("bcdboot"), "{finding:#?}");
        // Windows Server 2012 R2 is on the list.
        let profile = Profile::Huaweicloud;
        expect_in(profile, &BootModeBios, &facts, Status::Warn, "declared as UEFI");
        let mut facts = windows::windows_unread();
        facts.firmware = testing::uefi_only().firmware;
        expect_in(profile, &BootModeBios, &facts, Status::Unverified, "it was torn");
    }

    #[test]
    fn a_disk_that_nothing_boots_fails() {
        let mut facts = good_linux();
        firmware_mut(&mut facts).bios.clear();
        let finding = expect(&BootModeBios, &facts, Status::Fail, "Neither BIOS nor UEFI");
        // An MBR disk is not to be divided anew.
        assert!(remedy(&finding).starts_with("grub-install --target=i386-pc DISK "), "{finding:?}");
        disk_mut(&mut facts).table = TableKind::Gpt;
        let finding = judged(&BootModeBios, &facts, Profile::ImsClassic);
        assert!(remedy(&finding).contains("ef02"), "{finding:?}");
        let Fact::Known(code) = &mut disk_mut(&mut facts).boot_code else { panic!() };
        (code.kind, code.evidence) = (BootCodeKind::None, Evidence::new("sector 0", "zero"));
        let finding = judged(&BootModeBios, &facts, Profile::ImsClassic);
        assert_eq!(finding.evidence[0].detail, "no boot code, with 0x55AA; zero");
        assert_eq!(finding.evidence[0].in_chinese().1, "没有引导代码，带有0x55AA；全零");
        assert_eq!(status(&BootModeBios, &no_guest()), Status::NotApplicable);
    }

    #[test]
    fn unreadable_firmware_facts_are_unverified() {
        expect(&BootModeBios, &unread(), Status::Unverified, "it was torn");
        expect(&BootModeBios, &unread_inside(), Status::Unverified, "it was torn");
        expect(&BootModeBios, &foreign(), Status::Unverified, "content of vmdk is not read");
    }
}
