//! `win-uefi-no-offline-inject`

use super::scope::{Decision, firmware, settle, undecided, windows_only};
use super::win_drivers::{SERVICES, Storage, evidence, of_kind, virtio_storage};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{Facts, SoftwareKind};
use crate::text;

/// Nothing keeps the platform from adding the drivers that are missing.
pub(super) struct WinUefiNoOfflineInject;

static DOC: Doc = Doc {
    title: Fixed::new(
        "Nothing keeps the platform from adding missing virtio drivers to Windows",
        "没有妨碍平台向Windows注入缺失的virtio驱动的因素",
    ),
    why: Fixed::new(
        "The automatic configuration tries to add virtio drivers that are missing. It cannot under UEFI, nor where a policy forbids the installation of devices or a virus scanner guards the system.",
        "自动配置会尝试注入缺失的virtio驱动；但UEFI引导的镜像、组策略禁止安装设备或运行防病毒软件的系统无法注入。",
    ),
    decided: Fixed::new(
        "Passes where the virtio disk driver is complete. Without it: an image that boots by UEFI alone is broken; known virus scanners that start by themselves and the policies DeviceInstall\\Restrictions warn.",
        "virtio磁盘驱动完整时通过。缺失时：仅支持UEFI引导的镜像判为不满足；存在自动启动的已知防病毒软件或DeviceInstall\\Restrictions组策略时告警。",
    ),
    remedy: Fixed::new(
        "Install the drivers in the running system before the image is taken (virtio-win-guest-tools.exe or UVP VMTools); disable the policies and remove the virus scanner for that time.",
        "导出镜像前在系统内安装驱动（virtio-win-guest-tools.exe或UVP VMTools）；安装期间请停用相关组策略并卸载防病毒软件。",
    ),
    source: "OTC 0113403127",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for WinUefiNoOfflineInject {
    fn id(&self) -> &'static str {
        "win-uefi-no-offline-inject"
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
    let mut missing = match virtio_storage(windows)? {
        Storage::Ready(evidence) => {
            return Ok(Outcome::holds(
                text!(
                    "The virtio disk driver is there: the platform need not add it.",
                    "已有virtio磁盘驱动，无需平台注入。"
                ),
                evidence,
            ));
        }
        Storage::Absent => vec![Evidence::new(SERVICES, "no viostor, no vioscsi")],
        Storage::Flawed(flaws) => evidence(flaws),
    };
    let firmware = firmware(facts)?;
    if firmware.bios.is_empty() && !firmware.uefi.is_empty() {
        missing.extend(firmware.uefi.iter().cloned());
        return Ok(Outcome::broken(
            text!(
                "The image boots by UEFI and has no working virtio disk driver; the platform cannot add one.",
                "镜像仅支持UEFI引导且没有可用的virtio磁盘驱动，平台无法注入驱动。"
            ),
            missing,
        ));
    }
    let scanners = of_kind(windows, SoftwareKind::Antivirus)?;
    let mut hindering: Vec<_> = scanners
        .into_iter()
        .filter(|service| service.may_start())
        .map(|service| service.evidence.clone())
        .collect();
    match &windows.driver_policies {
        Fact::Known(policies) => hindering.extend(policies.iter().cloned()),
        Fact::Unknown(unread) if hindering.is_empty() => return Err(Box::new(undecided(unread))),
        Fact::Unknown(_) => {}
    }
    if let Some(first) = hindering.first() {
        let (place, what) = (first.location.clone(), first.detail.clone());
        let (place_zh, what_zh) = first.in_chinese();
        return Ok(Outcome::doubtful(
            text!(
                "There is no working virtio disk driver, and something may keep the platform from adding one ({place}: {what}).",
                "没有可用的virtio磁盘驱动，且存在可能妨碍平台注入驱动的因素（{place_zh}：{what_zh}）。"
            ),
            hindering.into_iter().chain(missing).collect(),
        ));
    }
    Ok(Outcome::holds(
        text!(
            "Nothing is seen that would keep the platform from adding the drivers.",
            "未发现妨碍平台注入驱动的因素。"
        ),
        firmware.bios.iter().cloned().chain(missing).collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::rules::Status;
    use crate::rules::testing::windows::*;
    use crate::rules::testing::*;

    const RULE: WinUefiNoOfflineInject = WinUefiNoOfflineInject;

    fn without_driver(mut facts: Facts) -> Facts {
        keep_services(&mut facts, |service| service.name != "viostor");
        facts
    }

    #[test]
    fn where_nothing_is_to_be_added_or_nothing_hinders_it_passes() {
        expect(&RULE, &good_windows(), Status::Pass, "viostor");
        expect(&RULE, &windows_uefi(), Status::Pass, "viostor");
        expect(&RULE, &without_driver(good_windows()), Status::Pass, "Nothing is seen");
    }

    #[test]
    fn under_uefi_without_a_driver_it_fails() {
        let facts = without_driver(windows_uefi());
        expect_in(Profile::Huaweicloud, &RULE, &facts, Status::Fail, "UEFI");
        expect(&RULE, &facts, Status::Warn, "UEFI");
    }

    #[test]
    fn a_virus_scanner_and_a_policy_warn() {
        let mut facts = without_driver(good_windows());
        add_service(&mut facts, service("ekrn", SoftwareKind::Antivirus));
        expect_in(Profile::Huaweicloud, &RULE, &facts, Status::Warn, "ekrn");
        let mut facts = without_driver(good_windows());
        let policy = Evidence::new(r"HKLM\SOFTWARE\Policies", "DenyUnspecified=1");
        windows_mut(&mut facts).driver_policies = Fact::Known(vec![policy]);
        expect_in(Profile::Otc, &RULE, &facts, Status::Warn, "DenyUnspecified");
    }

    #[test]
    fn what_cannot_be_read_is_unverified() {
        expect(&RULE, &windows_unread(), Status::Unverified, "it was torn");
        let mut facts = without_driver(good_windows());
        windows_mut(&mut facts).driver_policies = Fact::unknown("SOFTWARE", "torn hive");
        expect(&RULE, &facts, Status::Unverified, "torn hive");
        facts.firmware = Fact::unknown("MBR", "torn sector");
        expect(&RULE, &facts, Status::Unverified, "torn sector");
        expect(&RULE, &good_linux(), Status::NotApplicable, "Linux");
    }
}
