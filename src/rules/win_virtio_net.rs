//! `win-virtio-net`

use super::scope::{Decision, known, settle, undecided, windows_only};
use super::win_drivers::{SERVICES, VIRTIO_NET, missing_file, of_kind};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{Facts, SoftwareKind, StartType};
use crate::text;

/// Windows has a driver for virtio network cards.
pub(super) struct WinVirtioNet;

static DOC: Doc = Doc {
    title: Fixed::new("Windows has a virtio network driver", "Windows已安装virtio网卡驱动"),
    why: Fixed::new(
        "Without it the network card of a KVM server is not detected, and the server cannot be reached.",
        "缺少该驱动时无法识别KVM云服务器的网卡，云服务器无法通信。",
    ),
    decided: Fixed::new(
        "The service netkvm of the current control set is not disabled and its file exists; or the driver database knows the card, so that Windows installs the driver when it first sees one.",
        "当前控制集中netkvm服务未被禁用且驱动文件存在；或驱动数据库中已包含该网卡，Windows首次识别到网卡时会自动安装驱动。",
    ),
    remedy: Fixed::new(
        "Install UVP VMTools (vmtools-windows.zip) or virtio-win in the running system before the image is taken: virtio-win-guest-tools.exe, or pnputil /add-driver netkvm.inf /install",
        "导出镜像前在系统内安装UVP VMTools（vmtools-windows.zip）或virtio-win：运行virtio-win-guest-tools.exe，或执行pnputil /add-driver netkvm.inf /install",
    ),
    source: "安装UVP-VMTools; OTC 0000001841305273",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for WinVirtioNet {
    fn id(&self) -> &'static str {
        "win-virtio-net"
    }

    fn level(&self, profile: Profile) -> Option<Level> {
        Some(match profile {
            // Only the newer pages ask for it.
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

fn decide(facts: &Facts) -> Decision {
    let windows = windows_only(facts)?;
    let service = of_kind(windows, SoftwareKind::VirtioNet)?.into_iter().next();
    if let Some(service) = service
        && service.may_start()
        && let Fact::Known(Some(file)) = &service.file
    {
        return Ok(Outcome::holds(
            text!("The virtio network driver is installed.", "已安装virtio网卡驱动。"),
            vec![service.evidence.clone(), Evidence::new(file.clone(), "there")],
        ));
    }
    let (message, evidence) = match service {
        Some(service) if service.start == Some(StartType::Disabled) => {
            let command = r"reg add HKLM\SYSTEM\CurrentControlSet\Services\netkvm /v Start /t REG_DWORD /d 3 /f";
            return Ok(Outcome::broken(
                text!("The virtio network driver is disabled.", "virtio网卡驱动已被禁用。"),
                vec![service.evidence.clone()],
            )
            .remedy(text!("{command}", "{command}")));
        }
        Some(service) => (
            text!(
                "The virtio network driver is set up, but its file is not there.",
                "已注册virtio网卡驱动，但驱动文件不存在。"
            ),
            vec![service.evidence.clone(), missing_file(service)],
        ),
        None => (
            text!("There is no virtio network driver.", "没有virtio网卡驱动。"),
            vec![Evidence::new(SERVICES, "no netkvm")],
        ),
    };
    // A driver that was only added to the store is installed with the first card.
    let staged = known(&windows.bindings)?.iter().find(|binding| {
        binding.driver.ends_with(".inf") && VIRTIO_NET.contains(&binding.device.as_str())
    });
    if let Some(binding) = staged {
        return Ok(Outcome::holds(
            text!(
                "Windows knows a driver for the virtio network card and installs it with the first one.",
                "Windows驱动库中已有virtio网卡驱动，首次识别到网卡时自动安装。"
            ),
            vec![binding.evidence.clone()],
        ));
    }
    if let Some(Fact::Unknown(unread)) = service.map(|service| &service.file) {
        return Err(Box::new(undecided(unread)));
    }
    Ok(Outcome::broken(message, evidence))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::rules::Status;
    use crate::rules::testing::windows::*;
    use crate::rules::testing::*;

    const RULE: WinVirtioNet = WinVirtioNet;

    #[test]
    fn an_installed_driver_passes_and_so_does_one_in_the_store() {
        expect_in(Profile::Otc, &RULE, &good_windows(), Status::Pass, "netkvm.sys");
        let mut facts = good_windows();
        keep_services(&mut facts, |service| service.name != "netkvm");
        expect_in(Profile::Otc, &RULE, &facts, Status::Pass, "DEV_1000");
    }

    #[test]
    fn without_a_driver_it_fails() {
        let mut facts = good_windows();
        keep_services(&mut facts, |service| service.name != "netkvm");
        windows_mut(&mut facts).bindings = Fact::Known(Vec::new());
        expect_in(Profile::Otc, &RULE, &facts, Status::Fail, "no netkvm");
        expect(&RULE, &facts, Status::Warn, "no netkvm");
        let mut facts = good_windows();
        service_mut(&mut facts, "netkvm").file = Fact::Known(None);
        windows_mut(&mut facts).bindings = Fact::Known(Vec::new());
        expect_in(Profile::Otc, &RULE, &facts, Status::Fail, "netkvm.sys");
        let mut facts = good_windows();
        service_mut(&mut facts, "netkvm").start = Some(StartType::Disabled);
        let finding = expect_in(Profile::Otc, &RULE, &facts, Status::Fail, "disabled");
        assert!(remedy(&finding).ends_with("/d 3 /f"));
    }

    #[test]
    fn what_cannot_be_read_is_unverified() {
        expect(&RULE, &windows_unread(), Status::Unverified, "it was torn");
        let mut facts = good_windows();
        service_mut(&mut facts, "netkvm").file = Fact::unknown("netkvm.sys", "torn file");
        windows_mut(&mut facts).bindings = Fact::Known(Vec::new());
        expect(&RULE, &facts, Status::Unverified, "torn file");
        windows_mut(&mut facts).bindings = Fact::unknown("DRIVERS", "torn hive");
        expect(&RULE, &facts, Status::Unverified, "torn hive");
        expect(&RULE, &good_linux(), Status::NotApplicable, "Linux");
    }
}
