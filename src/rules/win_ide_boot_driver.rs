//! `win-ide-boot-driver`

use super::scope::windows_only;
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::guest::facts::Facts;

/// Windows starts an IDE driver at boot.
pub(super) struct WinIdeBootDriver;

static DOC: Doc = Doc {
    title: Fixed::new("Windows loads an IDE driver at boot", "Windows启动时自动加载IDE驱动"),
    why: Fixed::new(
        "The source document's platform shows the system disk at first as an IDE disk. Without a boot driver for it Windows stops with 0x7B INACCESSIBLE_BOOT_DEVICE. The automatic configuration restores the driver.",
        "源文档对应的平台首先以IDE磁盘形式提供系统盘。缺少启动驱动时，Windows会蓝屏（0x7B INACCESSIBLE_BOOT_DEVICE）。自动配置会恢复该驱动。",
    ),
    decided: Fixed::new(
        "The services atapi, intelide and pciide of the current control set have Start=0 and their files exist. This version does not read Windows guests and leaves it undecided.",
        "当前控制集中atapi、intelide和pciide服务的Start为0，且驱动文件存在。当前版本不读取Windows操作系统，结果为无法判定。",
    ),
    remedy: Fixed::new(
        "reg add HKLM\\SYSTEM\\CurrentControlSet\\Services\\intelide /v Start /t REG_DWORD /d 0 /f (the same for atapi and pciide)",
        "reg add HKLM\\SYSTEM\\CurrentControlSet\\Services\\intelide /v Start /t REG_DWORD /d 0 /f（atapi和pciide同样处理）",
    ),
    source: "制作镜像 (ims_03_0603), Windows list item 6; OTC 0032307025",
    predicts: &[],
    repaired_by_platform: true,
};

impl Rule for WinIdeBootDriver {
    fn id(&self) -> &'static str {
        "win-ide-boot-driver"
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
        windows_only(facts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn a_windows_guest_is_unverified_and_a_linux_guest_not_concerned() {
        expect(&WinIdeBootDriver, &windows(), Status::Unverified, "recognised but not read");
        expect(&WinIdeBootDriver, &good_linux(), Status::NotApplicable, "Linux");
        expect(&WinIdeBootDriver, &no_guest(), Status::NotApplicable, "single-disk-image");
    }

    #[test]
    fn an_image_that_could_not_be_read_is_unverified() {
        expect(&WinIdeBootDriver, &unread(), Status::Unverified, "it was torn");
    }
}
