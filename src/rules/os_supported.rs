//! `os-supported`

use super::os_version::{self, OsVersion, os_version, other_windows, whose_list, windows_version};
use super::scope::{Decision, known, settle, some_guest, without_guest};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, Text};
use crate::fact::Evidence;
use crate::guest::facts::{Facts, Guest, LinuxFacts, WindowsFacts};
use crate::text;

/// The system is one that the platform knows.
pub(super) struct OsSupported;

static DOC: Doc = Doc {
    title: Fixed::new(
        "The operating system is on the platform's list",
        "操作系统在平台支持的列表中",
    ),
    why: Fixed::new(
        "Only listed systems get the platform's automatic configuration. Others may be uploaded as Other Linux or Other Windows, but must bring every driver and setting themselves, and may fail.",
        "只有列表中的操作系统才能享受平台的自动配置。其他系统可选择Other Linux或Other Windows上传，但必须自备全部驱动和配置，且可能失败。",
    ),
    decided: Fixed::new(
        "The release files of the guest, or the registry of Windows (ProductName), name the system and its version; both, with the width of its programs, are looked up in the platform's list (data/os_versions.tsv).",
        "根据系统发行版文件或Windows注册表（ProductName）识别操作系统及版本，结合程序位数，在平台列表（data/os_versions.tsv）中查找。",
    ),
    remedy: Fixed::new(
        "Register with the nearest listed value, or as Other Linux (64 bit) or Other(64 bit) after making sure that all drivers are in the image.",
        "请使用最接近的列表取值注册；或在确认镜像包含全部驱动后，选择Other Linux (64 bit)或Other(64 bit)。",
    ),
    source: "准备镜像文件（Linux） (ims_01_0209), （Windows） (ims_01_0204); OTC 0030713143; 相关参数取值列表 (os_version)",
    predicts: &["IMG.0056"],
    repaired_by_platform: false,
};

impl Rule for OsSupported {
    fn id(&self) -> &'static str {
        "os-supported"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Required)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, context: &Context) -> Outcome {
        settle(decide(facts, context))
    }
}

fn decide(facts: &Facts, context: &Context) -> Decision {
    match some_guest(facts)? {
        Guest::Linux(linux) => of_linux(linux, context),
        Guest::Windows(windows) => of_windows(windows, context.profile),
        Guest::Absent(_) => Err(Box::new(without_guest())),
    }
}

fn of_windows(windows: &WindowsFacts, profile: Profile) -> Decision {
    let os = known(&windows.os)?;
    let (arch, _) = known(&windows.arch)?;
    let found = windows_version(os, *arch, profile);
    Ok(judged(found, &os.name, (other_windows(*arch), profile), vec![os.evidence.clone()]))
}

fn of_linux(linux: &LinuxFacts, context: &Context) -> Decision {
    let Some(os) = known(&linux.os)? else {
        return Ok(Outcome::doubtful(
            text!(
                "The image does not say which Linux it is: no release file.",
                "无法识别Linux发行版：没有发行版文件。"
            ),
            vec![Evidence::new("/etc/os-release", "no such file")],
        ));
    };
    if let Some(own) = os_version::own(os, context) {
        let (name, value) = (&os.name, &own.os_version);
        let message = text!(
            "{name} is one of the profile's own systems: “{value}”.",
            "{name}是规则集自行列出的操作系统：“{value}”。"
        );
        return Ok(Outcome::holds(message, vec![os.evidence.clone()]));
    }
    let (arch, _) = known(&linux.arch)?;
    let found = os_version(os, *arch, context.profile);
    let other = (os_version::other(*arch), context.profile);
    Ok(judged(found, &os.name, other, vec![os.evidence.clone()]))
}

/// What the list's answer means; `other` is the value for systems that it does not have.
fn judged(
    found: OsVersion,
    name: &str,
    (other, profile): (&str, Profile),
    mut evidence: Vec<Evidence>,
) -> Outcome {
    match found {
        OsVersion::Exact(row) => {
            let value = row.value;
            evidence.push(Evidence::new("os_version", value));
            Outcome::holds(
                text!("{name} is listed as “{value}”.", "{name}对应列表中的“{value}”。"),
                evidence,
            )
        }
        OsVersion::Nearest(row, reason) => {
            let value = row.value;
            let Text { en, zh } = reason;
            let message = Text {
                en: format!("{name} is not on this platform's list: {en}."),
                zh: format!("{name}不在本平台的列表中：{zh}。"),
            };
            evidence.push(Evidence::new("nearest os_version", value));
            Outcome::doubtful(message, evidence).remedy(text!(
                "Register with \"os_version\": \"{value}\" when it is close enough, otherwise with \"{other}\".",
                "若版本足够接近，注册时使用\"os_version\": \"{value}\"，否则使用\"{other}\"。"
            ))
        }
        OsVersion::None => {
            let Fixed { en, zh } = whose_list(profile);
            let message = Text {
                en: format!("{name} is not on the platform's list: {en} has no value for it."),
                zh: format!("{name}不在平台支持的列表中：{zh}中没有该系统的取值。"),
            };
            Outcome::doubtful(message, evidence).remedy(text!(
                "Register with \"os_version\": \"{other}\" and make sure that the drivers are in the image.",
                "注册时使用\"os_version\": \"{other}\"，并确认镜像已包含所需驱动。"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::rules::Status;
    use crate::rules::testing::windows::*;
    use crate::rules::testing::*;

    fn of(id: &str, version: &str) -> Facts {
        let mut facts = good_linux();
        let Fact::Known(Some(os)) = &mut linux_mut(&mut facts).os else { panic!() };
        os.id = id.to_owned();
        os.version = Some(version.to_owned());
        facts
    }

    #[test]
    fn a_listed_system_passes_with_its_value() {
        expect(&OsSupported, &good_linux(), Status::Pass, "CentOS 7.6 64bit");
    }

    #[test]
    fn a_version_that_is_not_listed_warns_with_the_nearest() {
        let facts = of("debian", "12.5");
        let finding = expect_in(Profile::Otc, &OsSupported, &facts, Status::Warn, "12.0.0");
        assert!(remedy(&finding).contains("Debian GNU/Linux 12.0.0 64bit"));
        // Huawei Cloud's list ends with Debian 10.0.0, and has no Rocky Linux at all.
        let finding = expect(&OsSupported, &facts, Status::Warn, "10.0.0");
        assert!(finding.message.en.contains("Huawei Cloud's list has Debian, but not"));
        assert!(remedy(&finding).contains("Debian GNU/Linux 10.0.0 64bit"));
        let rocky = of("rocky", "9.2");
        expect_in(Profile::Otc, &OsSupported, &rocky, Status::Pass, "Rocky Linux 9.2 64bit");
        let finding = expect(&OsSupported, &rocky, Status::Warn, "os-release");
        assert!(remedy(&finding).contains("\"Other Linux (64 bit)\""));
    }

    #[test]
    fn an_unknown_system_warns_with_the_value_for_others() {
        let finding = expect(&OsSupported, &of("almalinux", "9.2"), Status::Warn, "os-release");
        assert!(remedy(&finding).contains("Other Linux (64 bit)"));
        let mut facts = good_linux();
        linux_mut(&mut facts).os = Fact::Known(None);
        expect(&OsSupported, &facts, Status::Warn, "no release file");
    }

    #[test]
    fn what_cannot_be_read_is_unverified() {
        expect(&OsSupported, &unread_inside(), Status::Unverified, "it was torn");
        expect(&OsSupported, &windows(), Status::Unverified, "it is not read");
    }

    #[test]
    fn windows_is_known_by_the_name_in_its_registry() {
        let mut facts = good_windows();
        expect(&OsSupported, &facts, Status::Pass, "Windows Server 2012 R2 Datacenter 64bit");
        identity_mut(&mut facts).name = "Windows Server 2025 Standard".to_owned();
        let finding = expect(&OsSupported, &facts, Status::Warn, "2019 Standard");
        assert!(remedy(&finding).contains("Other(64 bit)"));
        identity_mut(&mut facts).name = "Microsoft Windows XP".to_owned();
        expect(&OsSupported, &facts, Status::Warn, "not on the platform's list");
    }
}
