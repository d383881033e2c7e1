//! `win-third-party-pv`

use super::scope::{Decision, settle, undecided, windows_only};
use super::win_drivers::{SERVICES, Storage, of_kind, virtio_storage};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{Facts, SoftwareKind};
use crate::text;

/// No tools of another hypervisor are installed.
pub(super) struct WinThirdPartyPv;

static DOC: Doc = Doc {
    title: Fixed::new("No tools of another hypervisor are installed", "未安装其他虚拟化平台的工具"),
    why: Fixed::new(
        "VMware's, Citrix's or VirtualBox's tools and drivers clash with the platform's: they must be removed before the platform's drivers are installed.",
        "VMware、Citrix或VirtualBox的工具和驱动会与平台驱动冲突，安装平台驱动前必须卸载。",
    ),
    decided: Fixed::new(
        "Services of VMware Tools, VirtualBox Guest Additions, Parallels Tools and of Xen drivers that are not the platform's own, not disabled and with their file still there. Where the virtio disk driver is installed already, they only warn.",
        "检查VMware Tools、VirtualBox增强功能、Parallels Tools以及非平台自带的Xen驱动的服务，未被禁用且文件仍存在。若已安装virtio磁盘驱动，则仅告警。",
    ),
    remedy: Fixed::new(
        "Remove the tools in Settings, Apps (appwiz.cpl) while the machine still runs on its old hypervisor, then restart and take the image again.",
        "请在原虚拟化平台上通过“程序和功能”（appwiz.cpl）卸载该工具，重启后重新导出镜像。",
    ),
    source: "安装PV-driver; 安装UVP-VMTools",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for WinThirdPartyPv {
    fn id(&self) -> &'static str {
        "win-third-party-pv"
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
    let mut unread = None;
    let mut found = Vec::new();
    // The platform's own Xen drivers bear the same names.
    let own_xen = matches!(windows.uvp_pv_driver, Fact::Known(Some(_)));
    for kind in [SoftwareKind::OtherHypervisor, SoftwareKind::Xen] {
        for service in of_kind(windows, kind)? {
            if kind == SoftwareKind::Xen && own_xen {
                continue;
            }
            match &service.file {
                _ if !service.may_start() => {}
                Fact::Known(Some(_)) => found.push(service),
                Fact::Known(None) => {}
                Fact::Unknown(reason) => unread = unread.or(Some(reason)),
            }
        }
    }
    let Some(first) = found.first() else {
        if let Some(unread) = unread {
            return Err(Box::new(undecided(unread)));
        }
        return Ok(Outcome::holds(
            text!("There are no tools of another hypervisor.", "未发现其他虚拟化平台的工具。"),
            vec![Evidence::new(SERVICES, "none of the services that are known here")],
        ));
    };
    let name = &first.name;
    let message = text!(
        "Tools of another hypervisor are installed ({name}).",
        "安装了其他虚拟化平台的工具（{name}）。"
    );
    let evidence = found.iter().map(|service| service.evidence.clone()).collect();
    Ok(match virtio_storage(windows) {
        Ok(Storage::Ready(_)) => Outcome::doubtful(message, evidence),
        _ => Outcome::broken(message, evidence),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::guest::facts::{Seen, StartType};
    use crate::rules::Status;
    use crate::rules::testing::windows::*;
    use crate::rules::testing::*;

    const RULE: WinThirdPartyPv = WinThirdPartyPv;

    fn vmware() -> Facts {
        let mut facts = good_windows();
        add_service(&mut facts, service("VMTools", SoftwareKind::OtherHypervisor));
        facts
    }

    #[test]
    fn a_machine_without_such_tools_passes() {
        expect(&RULE, &good_windows(), Status::Pass, "none of the services");
    }

    #[test]
    fn tools_fail_before_the_drivers_are_installed_and_warn_after() {
        let facts = vmware();
        expect_in(Profile::Huaweicloud, &RULE, &facts, Status::Warn, "VMTools");
        let mut facts = facts;
        keep_services(&mut facts, |service| service.name != "viostor");
        expect_in(Profile::Huaweicloud, &RULE, &facts, Status::Fail, "VMTools");
        expect(&RULE, &facts, Status::Warn, "VMTools");
    }

    #[test]
    fn what_is_left_of_removed_tools_passes() {
        let mut facts = vmware();
        service_mut(&mut facts, "VMTools").file = Fact::Known(None);
        expect(&RULE, &facts, Status::Pass, "none of the services");
        let mut facts = vmware();
        service_mut(&mut facts, "VMTools").start = Some(StartType::Disabled);
        expect(&RULE, &facts, Status::Pass, "none of the services");
    }

    #[test]
    fn the_platforms_own_xen_drivers_pass() {
        let mut facts = good_windows();
        add_service(&mut facts, driver("xenbus", SoftwareKind::Xen));
        expect(&RULE, &facts, Status::Warn, "xenbus");
        let version = Seen::new("2.6".to_owned(), Evidence::new("version", "2.6"));
        windows_mut(&mut facts).uvp_pv_driver = Fact::Known(Some(version));
        expect(&RULE, &facts, Status::Pass, "none of the services");
    }

    #[test]
    fn what_cannot_be_read_is_unverified() {
        expect(&RULE, &windows_unread(), Status::Unverified, "it was torn");
        let mut facts = vmware();
        service_mut(&mut facts, "VMTools").file = Fact::unknown("vmtoolsd.exe", "torn file");
        expect(&RULE, &facts, Status::Unverified, "torn file");
        expect(&RULE, &good_linux(), Status::NotApplicable, "Linux");
    }
}
