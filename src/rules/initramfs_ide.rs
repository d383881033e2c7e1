//! `initramfs-ide`

use super::boot_drivers::{DefaultKernel, Driver, Survey, all_present};
use super::scope::{Decision, linux_only, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::guest::facts::Facts;
use crate::text;

/// The kernel has an IDE driver when it looks for its root.
pub(super) struct InitramfsIde;

static DOC: Doc = Doc {
    title: Fixed::new("An IDE driver is loaded at boot", "系统启动时自动加载IDE驱动"),
    why: Fixed::new(
        "The source document's platform shows the system disk at first as an IDE disk of a PIIX controller. Without a driver for it in the initramfs the kernel finds no root. The automatic configuration adds one when is_config is set.",
        "源文档对应的平台首先以PIIX控制器的IDE磁盘形式提供系统盘。如果initramfs中没有相应驱动，内核将找不到根设备。设置is_config后，自动配置会添加该驱动。",
    ),
    decided: Fixed::new(
        "One of ata_piix, ata_generic, pata_*, ide_*, piix is in the initramfs of the default kernel or built into it. As the platform can add it, a missing one warns.",
        "默认内核的initramfs或内核自身包含ata_piix、ata_generic、pata_*、ide_*、piix之一。由于平台可以自动添加，缺失时仅告警。",
    ),
    remedy: Fixed::new(
        "dracut: add_drivers+=\" ata_piix ata_generic \" in /etc/dracut.conf, then dracut -f; initramfs-tools: add both to /etc/initramfs-tools/modules, then update-initramfs -u; or set \"is_config\": true.",
        "dracut：在/etc/dracut.conf中添加add_drivers+=\" ata_piix ata_generic \"后执行dracut -f；initramfs-tools：在/etc/initramfs-tools/modules中添加这两个模块后执行update-initramfs -u；或设置\"is_config\": true。",
    ),
    source: "制作镜像 (ims_03_0603), Linux list item 8; What Will the System Do to an Image File (OTC 0032307025)",
    predicts: &[],
    repaired_by_platform: true,
};

impl Rule for InitramfsIde {
    fn id(&self) -> &'static str {
        "initramfs-ide"
    }

    fn level(&self, profile: Profile) -> Option<Level> {
        Some(match profile {
            Profile::ImsClassic => Level::Required,
            Profile::Huaweicloud | Profile::Otc => Level::Informational,
        })
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

/// Names of drivers, and the kernel options of those built in, that drive the platform's controller
/// or any like it.
const MODULES: &[&str] = &["ata_piix", "ata_generic", "piix"];
const MODULE_FAMILIES: &[&str] = &["pata_", "ide_"];
const OPTIONS: &[&str] = &["ATA_PIIX", "ATA_GENERIC", "BLK_DEV_PIIX", "IDE_GENERIC"];

fn decide(facts: &Facts) -> Decision {
    let linux = linux_only(facts)?;
    let default = DefaultKernel::of(linux)?;
    if let Some(evidence) = default.any_early(is_ide_module, is_ide_option) {
        let (place, driver) = (&evidence.location, &evidence.detail);
        return Ok(Outcome::holds(
            text!("IDE driver {driver} is there ({place}).", "已包含IDE驱动{driver}（{place}）。"),
            vec![evidence],
        ));
    }
    let drivers = [Driver::new("ata_piix", "ATA_PIIX"), Driver::new("ata_generic", "ATA_GENERIC")];
    let survey = Survey::of(&drivers, |driver| default.presence(driver));
    survey.settled()?;
    let place = default.place();
    if !survey.seen.is_empty() {
        return Ok(all_present(survey, &place));
    }
    Ok(Outcome::doubtful(
        text!(
            "There is no IDE driver in {place} and none built in; the platform adds one when is_config is set.",
            "{place}和内核中均没有IDE驱动；设置is_config后平台会自动添加。"
        ),
        survey.gap(&place),
    )
    .remedy(default.rebuild(linux, &["ata_piix", "ata_generic"])))
}

fn is_ide_module(name: &str) -> bool {
    MODULES.contains(&name) || MODULE_FAMILIES.iter().any(|family| name.starts_with(family))
}

fn is_ide_option(name: &str) -> bool {
    OPTIONS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn a_driver_in_the_initramfs_or_built_in_passes() {
        let mut facts = good_linux();
        expect(&InitramfsIde, &facts, Status::Pass, "ata_piix");
        initramfs_mut(&mut facts).modules = names(&["pata_atiixp"]);
        expect(&InitramfsIde, &facts, Status::Pass, "pata_atiixp");
        initramfs_mut(&mut facts).modules.clear();
        kernel_mut(&mut facts).config = Fact::Known(Some(names(&["ATA_PIIX", "PCI"])));
        expect(&InitramfsIde, &facts, Status::Pass, "CONFIG_ATA_PIIX=y");
    }

    #[test]
    fn a_missing_driver_warns_because_the_platform_adds_it() {
        let mut facts = good_linux();
        initramfs_mut(&mut facts).modules = names(&["virtio_blk"]);
        // No driver: an option that libata's drivers select (Linux: drivers/ata/Kconfig).
        kernel_mut(&mut facts).config = Fact::Known(Some(names(&["PATA_TIMINGS"])));
        let finding = expect(&InitramfsIde, &facts, Status::Warn, INITRAMFS);
        assert!(remedy(&finding).contains("dracut -f"));
        assert!(finding.repaired_by_platform);
        assert_eq!(judged(&InitramfsIde, &facts, Profile::Otc).status, Status::Info);
    }

    #[test]
    fn an_unreadable_initramfs_is_unverified_unless_the_driver_was_seen_before() {
        let mut facts = good_linux();
        initramfs_mut(&mut facts).listing = Fact::unknown(INITRAMFS, "truncated zstd frame");
        assert_eq!(status(&InitramfsIde, &facts), Status::Pass);
        initramfs_mut(&mut facts).modules.clear();
        expect(&InitramfsIde, &facts, Status::Unverified, "truncated zstd frame");
        expect(&InitramfsIde, &unread_inside(), Status::Unverified, "it was torn");
    }
}
