//! `uefi-fallback-loader`

use super::scope::{Decision, firmware, settle, without_guest};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Fact;
use crate::guest::facts::{Facts, Guest};
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
        "The EFI system partition is searched for EFI/BOOT/BOOTX64.EFI and BOOTAA64.EFI. An image that BIOS boots is not concerned.",
        "在EFI系统分区中查找EFI/BOOT/BOOTX64.EFI和BOOTAA64.EFI。可通过BIOS引导的镜像不适用。",
    ),
    remedy: Fixed::new(
        "In the guest: grub-install --target=x86_64-efi --efi-directory=/boot/efi --removable; with Secure Boot copy shim: cp /boot/efi/EFI/DISTRIBUTION/shimx64.efi /boot/efi/EFI/BOOT/BOOTX64.EFI",
        "在系统内执行：grub-install --target=x86_64-efi --efi-directory=/boot/efi --removable；使用安全启动时复制shim：cp /boot/efi/EFI/发行版/shimx64.efi /boot/efi/EFI/BOOT/BOOTX64.EFI",
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
    if firmware.uefi_fallback.is_empty() {
        return Ok(Outcome::broken(
            text!(
                "There is an EFI loader, but none at EFI/BOOT/BOOTX64.EFI or BOOTAA64.EFI.",
                "存在EFI引导程序，但EFI/BOOT/BOOTX64.EFI和BOOTAA64.EFI均不存在。"
            ),
            firmware.uefi.clone(),
        ));
    }
    Ok(Outcome::holds(
        text!("A loader stands at the removable-media path.", "可移动介质路径下存在引导程序。"),
        firmware.uefi_fallback.clone(),
    ))
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
    fn a_loader_elsewhere_warns() {
        let mut facts = uefi_only();
        let firmware = firmware_mut(&mut facts);
        firmware.uefi = vec![Evidence::new("partition 1", "EFI/centos/shimx64.efi")];
        firmware.uefi_fallback.clear();
        expect(&UefiFallbackLoader, &facts, Status::Warn, "EFI/centos/shimx64.efi");
    }

    #[test]
    fn a_bios_image_is_not_concerned_and_an_unknown_one_unverified() {
        assert_eq!(status(&UefiFallbackLoader, &good_linux()), Status::NotApplicable);
        expect(&UefiFallbackLoader, &unread(), Status::Unverified, "it was torn");
    }
}
