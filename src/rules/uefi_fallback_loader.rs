//! `uefi-fallback-loader`

use super::scope::{Decision, firmware, settle, without_guest};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Fact;
use crate::guest::facts::{Architecture, Facts, Guest};
use crate::text;

/// A UEFI image has a loader where empty firmware looks for it.
pub(super) struct UefiFallbackLoader;

static DOC: Doc = Doc {
    title: Fixed::new(
        "A UEFI image has a loader at the removable-media path",
        "UEFI镜像在可移动介质路径下有引导程序",
    ),
    why: Fixed::new(
        "A new server's firmware has no boot entries. It only looks for EFI/BOOT/BOOTX64.EFI (ARM: BOOTAA64.EFI); a loader in the distribution's own directory is not found.",
        "新创建的云服务器固件中没有启动项，只会查找EFI/BOOT/BOOTX64.EFI（ARM为BOOTAA64.EFI），找不到发行版目录下的引导程序。",
    ),
    decided: Fixed::new(
        "The EFI system partition is searched for the loader of the system's processor: EFI/BOOT/BOOTX64.EFI or BOOTAA64.EFI. An image that BIOS boots is not concerned.",
        "在EFI系统分区中查找与系统处理器架构对应的引导程序：EFI/BOOT/BOOTX64.EFI或BOOTAA64.EFI。可通过BIOS引导的镜像不适用。",
    ),
    remedy: Fixed::new(
        "In the guest: grub-install --target=x86_64-efi (ARM: arm64-efi) --efi-directory=/boot/efi --removable; with Secure Boot copy shim: cp /boot/efi/EFI/DISTRIBUTION/shimx64.efi /boot/efi/EFI/BOOT/BOOTX64.EFI (ARM: shimaa64.efi, BOOTAA64.EFI)",
        "在系统内执行：grub-install --target=x86_64-efi（ARM为arm64-efi） --efi-directory=/boot/efi --removable；使用安全启动时复制shim：cp /boot/efi/EFI/发行版/shimx64.efi /boot/efi/EFI/BOOT/BOOTX64.EFI（ARM为shimaa64.efi和BOOTAA64.EFI）",
    ),
    source: "UEFI specification 2.10, 3.5.1.1 (removable media boot behaviour); engineering knowledge",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for UefiFallbackLoader {
    fn id(&self) -> &'static str {
        "uefi-fallback-loader"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Recommended)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

fn decide(facts: &Facts) -> Decision {
    if let Fact::Known(Guest::Absent(_)) = facts.guest {
        return Err(Box::new(without_guest()));
    }
    let firmware = firmware(facts)?;
    if firmware.uefi.is_empty() || !firmware.bios.is_empty() {
        return Ok(Outcome::not_applicable(text!(
            "The image is not one that only UEFI boots.",
            "该镜像并非仅支持UEFI引导。"
        )));
    }
    let wanted = names(facts);
    let ends = |path: &str, name: &str| {
        path.rsplit(['/', '\\']).next().is_some_and(|own| own.eq_ignore_ascii_case(name))
    };
    let found: Vec<_> = firmware
        .uefi_fallback
        .iter()
        .filter(|seen| {
            wanted.iter().any(|name| ends(&seen.location, name) || ends(&seen.detail, name))
        })
        .cloned()
        .collect();
    if found.is_empty() {
        let list = wanted.join(" or ");
        let list_zh = wanted.join("或");
        let outcome = Outcome::broken(
            text!(
                "There is an EFI loader, but none at EFI/BOOT/{list}.",
                "存在EFI引导程序，但EFI/BOOT/{list_zh}不存在。"
            ),
            firmware.uefi.clone(),
        );
        return Ok(if wanted == ["BOOTAA64.EFI"] {
            outcome.remedy(text!(
                "In the guest: grub-install --target=arm64-efi --efi-directory=/boot/efi --removable; with Secure Boot copy shim: cp /boot/efi/EFI/DISTRIBUTION/shimaa64.efi /boot/efi/EFI/BOOT/BOOTAA64.EFI",
                "在系统内执行：grub-install --target=arm64-efi --efi-directory=/boot/efi --removable；使用安全启动时复制shim：cp /boot/efi/EFI/发行版/shimaa64.efi /boot/efi/EFI/BOOT/BOOTAA64.EFI"
            ))
        } else {
            outcome
        });
    }
    Ok(Outcome::holds(
        text!("A loader stands at the removable-media path.", "可移动介质路径下存在引导程序。"),
        found,
    ))
}

/// The loader that the firmware of a server of the guest's architecture looks for (UEFI 2.10,
/// 3.5.1.1); a server's firmware is 64-bit.
fn names(facts: &Facts) -> &'static [&'static str] {
    let arch = match &facts.guest {
        Fact::Known(Guest::Linux(linux)) => linux.arch.known().map(|(arch, _)| *arch),
        Fact::Known(Guest::Windows(windows)) => windows.arch.known().map(|(arch, _)| *arch),
        _ => None,
    };
    match arch {
        Some(Architecture::X86_64 | Architecture::I386) => &["BOOTX64.EFI"],
        Some(Architecture::Aarch64 | Architecture::Arm) => &["BOOTAA64.EFI"],
        _ => &["BOOTX64.EFI", "BOOTAA64.EFI"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Evidence;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn a_loader_at_the_removable_path_passes() {
        expect(&UefiFallbackLoader, &uefi_only(), Status::Pass, "EFI/BOOT/BOOTX64.EFI");
    }

    #[test]
    fn a_loader_for_another_processor_warns() {
        let mut facts = uefi_only();
        let loader = Evidence::new("/EFI/BOOT/BOOTIA32.EFI", "partition 1");
        firmware_mut(&mut facts).uefi_fallback = vec![loader];
        expect(&UefiFallbackLoader, &facts, Status::Warn, "BOOTX64.EFI");
    }

    #[test]
    fn a_loader_for_another_processor_than_that_of_windows_warns() {
        let mut facts = windows::windows_uefi();
        let loader = |name| vec![Evidence::new(format!("/EFI/BOOT/{name}"), "partition 1")];
        firmware_mut(&mut facts).uefi_fallback = loader("BOOTX64.EFI");
        expect(&UefiFallbackLoader, &facts, Status::Pass, "BOOTX64.EFI");
        firmware_mut(&mut facts).uefi_fallback = loader("BOOTAA64.EFI");
        expect(&UefiFallbackLoader, &facts, Status::Warn, "BOOTX64.EFI");
    }

    #[test]
    fn a_loader_elsewhere_warns() {
        let mut facts = uefi_only();
        let firmware = firmware_mut(&mut facts);
        firmware.uefi = vec![Evidence::new("partition 1", "EFI/centos/shimx64.efi")];
        firmware.uefi_fallback.clear();
        expect(&UefiFallbackLoader, &facts, Status::Warn, "EFI/centos/shimx64.efi");
    }

    #[test]
    fn the_remedy_is_that_of_the_processor() {
        let mut facts = uefi_only();
        firmware_mut(&mut facts).uefi_fallback.clear();
        let seen = Evidence::new("/bin/sh", "ELF 64-bit, e_machine 183");
        linux_mut(&mut facts).arch = Fact::Known((Architecture::Aarch64, seen));
        let finding = expect(&UefiFallbackLoader, &facts, Status::Warn, "BOOTAA64.EFI");
        assert!(remedy(&finding).contains("--target=arm64-efi"));
        assert!(!remedy(&finding).contains("X64"));
    }

    #[test]
    fn a_bios_image_is_not_concerned_and_an_unknown_one_unverified() {
        assert_eq!(status(&UefiFallbackLoader, &good_linux()), Status::NotApplicable);
        expect(&UefiFallbackLoader, &unread(), Status::Unverified, "it was torn");
    }
}
