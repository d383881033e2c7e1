//! `win-display-power`

use super::scope::{Decision, known, settle, windows_only};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Evidence;
use crate::guest::facts::Facts;
use crate::text;

/// The display is never turned off.
pub(super) struct WinDisplayPower;

static DOC: Doc = Doc {
    title: Fixed::new("Windows never turns the display off", "Windows从不关闭显示器"),
    why: Fixed::new(
        "A console whose display was turned off shows nothing until a key is pressed; the platform's guide asks to turn this off.",
        "显示器关闭后，远程登录控制台会显示黑屏；平台的优化指南要求将其设置为从不。",
    ),
    decided: Fixed::new(
        "The setting “turn off display after” of the active power scheme, for mains power, in Control\\Power\\User\\PowerSchemes of the hive SYSTEM, otherwise the scheme's default: 0 is never. Windows before Vista keeps it in each user's own hive (Control Panel\\PowerCfg): that of the built-in administrator is read.",
        "读取SYSTEM配置单元Control\\Power\\User\\PowerSchemes中当前电源方案“关闭显示器”的交流电设置，未设置时取方案默认值：0表示从不。Vista之前的Windows将其保存在各用户的配置单元中（Control Panel\\PowerCfg），读取内置管理员的设置。",
    ),
    remedy: Fixed::new(
        "powercfg /change monitor-timeout-ac 0",
        "powercfg /change monitor-timeout-ac 0",
    ),
    source: "优化过程（Windows） (OTC 0047501112)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for WinDisplayPower {
    fn id(&self) -> &'static str {
        "win-display-power"
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
    let windows = windows_only(facts)?;
    let Some(setting) = known(&windows.display_off)? else {
        let place = match known(&windows.os)?.at_least(6, 0) {
            true => r"HKLM\SYSTEM\CurrentControlSet\Control\Power",
            false => r"HKCU\Control Panel\PowerCfg of the administrator",
        };
        return Ok(Outcome::noted(
            text!(
                "The power schemes do not say when the display is turned off.",
                "电源方案中没有关闭显示器的设置。"
            ),
            vec![Evidence::new(place, "no setting")],
        ));
    };
    let seconds = setting.value;
    let evidence = vec![setting.evidence.clone()];
    Ok(if seconds == 0 {
        Outcome::holds(
            text!("The display is never turned off.", "显示器设置为从不关闭。"),
            evidence,
        )
    } else {
        Outcome::broken(
            text!(
                "The display is turned off after {seconds} seconds.",
                "显示器会在{seconds}秒后关闭。"
            ),
            evidence,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::fact::Fact;
    use crate::guest::facts::Seen;
    use crate::rules::Status;
    use crate::rules::testing::windows::*;
    use crate::rules::testing::*;

    const RULE: WinDisplayPower = WinDisplayPower;

    #[test]
    fn never_passes_and_a_time_warns() {
        expect(&RULE, &good_windows(), Status::Pass, "ACSettingIndex=0");
        let mut facts = good_windows();
        let seen = Seen::new(600, Evidence::new("PowerSchemes", "ACSettingIndex=600"));
        windows_mut(&mut facts).display_off = Fact::Known(Some(seen));
        let finding = expect(&RULE, &facts, Status::Warn, "600 seconds");
        assert_eq!(remedy(&finding), "powercfg /change monitor-timeout-ac 0");
    }

    #[test]
    fn without_a_setting_it_depends_on_the_windows() {
        let mut facts = good_windows();
        windows_mut(&mut facts).display_off = Fact::Known(None);
        expect(&RULE, &facts, Status::Info, "no setting");
        identity_mut(&mut facts).version = (5, 1);
        expect(&RULE, &facts, Status::Info, "of the administrator");
    }

    #[test]
    fn what_cannot_be_read_is_unverified() {
        expect(&RULE, &windows_unread(), Status::Unverified, "it was torn");
        expect(&RULE, &good_linux(), Status::NotApplicable, "Linux");
    }
}
