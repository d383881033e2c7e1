//! `win-virtio-net`

use super::scope::{Decision, known, settle, windows_only};
use super::win_drivers::{Flaw, SERVICES, VIRTIO_NET, binding, file_flaw, of_kind};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, Text};
use crate::fact::Evidence;
use crate::guest::facts::{
    BindingSource, DeviceBinding, Facts, ServiceFacts, SoftwareKind, StartType, WINDOWS_8,
    WindowsFacts,
};
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
        "The service netkvm of the current control set has the Type of a driver and is not disabled, its file is a whole PE image for the processor of the kernel, and since Windows 8 the driver database (or Enum) binds it to the card; or the driver database knows the card and has the driver's package, so that Windows installs the driver when it first sees one.",
        "当前控制集中netkvm服务的Type为驱动且未被禁用，驱动文件为完整的PE映像且与内核架构一致，并且（Windows 8及以上）驱动数据库或Enum将其与网卡关联；或驱动数据库中已包含该网卡及其驱动包，Windows首次识别到网卡时会自动安装驱动。",
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
    let (broken, evidence) = match service {
        None => (
            text!("There is no virtio network driver.", "没有virtio网卡驱动。"),
            vec![Evidence::new(SERVICES, "no netkvm")],
        ),
        Some(service) if service.start == Some(StartType::Disabled) => {
            let command = r"reg add HKLM\SYSTEM\CurrentControlSet\Services\netkvm /v Start /t REG_DWORD /d 3 /f";
            return Ok(Outcome::broken(
                text!("The virtio network driver is disabled.", "virtio网卡驱动已被禁用。"),
                vec![service.evidence.clone()],
            )
            .remedy(text!("{command}", "{command}")));
        }
        Some(service) => match installed(windows, service) {
            Ok(Ok(mut evidence)) => {
                evidence.insert(0, service.evidence.clone());
                return Ok(Outcome::holds(
                    text!("The virtio network driver is installed.", "已安装virtio网卡驱动。"),
                    evidence,
                ));
            }
            Ok(Err(flaw)) => {
                let Text { en, zh } = flaw.what;
                let mut evidence = vec![service.evidence.clone()];
                evidence.extend(flaw.evidence);
                let what = text!(
                    "The virtio network driver is set up but would not work: {en}.",
                    "已注册virtio网卡驱动，但无法工作：{zh}。"
                );
                // A file that is there is not put in anew.
                if service.file.known().is_some_and(Option::is_some) {
                    return Ok(Outcome::broken(what, evidence));
                }
                (what, evidence)
            }
            Err(outcome) => return Err(outcome),
        },
    };
    Ok(staged(windows)?.map(in_store).unwrap_or_else(|| Outcome::broken(broken, evidence)))
}

/// What shows that the driver is installed, or what is wrong with it.
fn installed(
    windows: &WindowsFacts,
    service: &ServiceFacts,
) -> Decision<Result<Vec<Evidence>, Flaw>> {
    let key = &service.evidence.location;
    let (name, has_type) = (&service.name, service.is_driver());
    if !service.may_start() || !has_type {
        let what =
            text!("{name} is no driver by its Type and Start", "{name}的Type和Start不是驱动程序");
        let lacking = if has_type { "no Start" } else { "no Type of a driver" };
        return Ok(Err(Flaw::of(name, what, Evidence::new(key.clone(), lacking), [])));
    }
    if let Some(flaw) = file_flaw(windows, service)? {
        return Ok(Err(flaw));
    }
    let file = service.file.known().cloned().flatten().unwrap_or_default();
    let mut evidence = vec![Evidence::new(file, "there")];
    // Before, Windows looks through its INF files when it first sees the card.
    if known(&windows.os)?.version >= WINDOWS_8 {
        match binding(windows, name, &VIRTIO_NET)? {
            Ok(binding) => evidence.push(binding.evidence.clone()),
            Err(flaw) => return Ok(Err(*flaw)),
        }
    }
    Ok(Ok(evidence))
}

/// A driver that was only added to the store, which is installed with the first card.
fn staged(windows: &WindowsFacts) -> Decision<Option<&DeviceBinding>> {
    Ok(known(&windows.bindings)?.iter().find(|binding| {
        binding.source == BindingSource::DriverDatabase
            && binding.services.as_ref().is_none_or(|services| !services.is_empty())
            && VIRTIO_NET.contains(&binding.device.as_str())
    }))
}

fn in_store(binding: &DeviceBinding) -> Outcome {
    Outcome::holds(
        text!(
            "Windows knows a driver for the virtio network card and installs it with the first one.",
            "Windows驱动库中已有virtio网卡驱动，首次识别到网卡时自动安装。"
        ),
        vec![binding.evidence.clone()],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::fact::Fact;
    use crate::guest::facts::DriverImage;
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
    fn a_driver_that_cannot_be_loaded_or_that_nothing_binds_fails() {
        let fails = |facts: &Facts, needle| {
            expect_in(Profile::Otc, &RULE, facts, Status::Fail, needle);
        };
        let mut facts = good_windows();
        let damaged = DriverImage::Damaged("it is empty".to_owned());
        service_mut(&mut facts, "netkvm").image = Fact::Known(Some(damaged));
        fails(&facts, "it is empty");
        let mut facts = good_windows();
        service_mut(&mut facts, "netkvm").service_type = None;
        fails(&facts, "no Type");
        let mut facts = good_windows();
        windows_mut(&mut facts).bindings = Fact::Known(Vec::new());
        fails(&facts, "nothing says that netkvm drives");
        identity_mut(&mut facts).version = (6, 1);
        expect_in(Profile::Otc, &RULE, &facts, Status::Pass, "netkvm.sys");
        let mut facts = good_windows();
        let Fact::Known(bindings) = &mut windows_mut(&mut facts).bindings else { panic!() };
        bindings[2].services = Some(Vec::new());
        fails(&facts, "oem3.inf");
        keep_services(&mut facts, |service| service.name != "netkvm");
        fails(&facts, "no netkvm");
    }

    #[test]
    fn what_cannot_be_read_is_unverified() {
        expect(&RULE, &windows_unread(), Status::Unverified, "it was torn");
        let mut facts = good_windows();
        service_mut(&mut facts, "netkvm").file = Fact::unknown("netkvm.sys", "torn file");
        expect(&RULE, &facts, Status::Unverified, "torn file");
        let mut facts = good_windows();
        windows_mut(&mut facts).bindings = Fact::unknown("DRIVERS", "torn hive");
        expect(&RULE, &facts, Status::Unverified, "torn hive");
        expect(&RULE, &good_linux(), Status::NotApplicable, "Linux");
    }
}
