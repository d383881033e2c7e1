//! From the system in the image to the value that the platform's `os_version` takes
//! (`data/os_versions.tsv`, whose head names its origin).

use std::sync::LazyLock;

use super::policy::System;
use super::{Context, Fixed, Profile, Text};
use crate::guest::facts::{Architecture, OsIdentity};
use crate::text;

/// The list as it stands in the repository.
const LIST: &str = include_str!("../../data/os_versions.tsv");

/// A value of the platform's list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedOs {
    /// The exact value: `CentOS 7.6 64bit`.
    pub value: &'static str,
    /// The platform's name of the family: `CentOS`, `RedHat`, `SUSE`, ….
    pub platform: &'static str,
    /// 32 or 64.
    pub bits: u32,
    /// Where it stands: `hwc-api-current`, `otc-doc`, ….
    pub status: &'static str,
    /// Whether it may be registered with UEFI boot.
    pub uefi: bool,
    version: Version,
}

impl ListedOs {
    /// Whether it stands in the list of the profile's cloud. Open Telekom Cloud's list extends Huawei
    /// Cloud's.
    pub fn is_of(&self, profile: Profile) -> bool {
        profile == Profile::Otc || !self.status.starts_with("otc-")
    }
}

/// What the list has for a system.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OsVersion {
    /// The very system.
    Exact(&'static ListedOs),
    /// Not the very system; the nearest of its family, and why it is not the same.
    Nearest(&'static ListedOs, Text),
    /// Nothing of its family and width.
    None,
}

/// Major, minor and point (or service pack) number.
type Version = [u32; 3];

static LISTED: LazyLock<Vec<ListedOs>> = LazyLock::new(|| LIST.lines().filter_map(parse).collect());

/// The whole list.
pub fn listed() -> &'static [ListedOs] {
    &LISTED
}

fn parse(line: &'static str) -> Option<ListedOs> {
    if line.starts_with('#') {
        return None;
    }
    let mut fields = line.split('\t');
    let (value, platform) = (fields.next()?, fields.next()?);
    let (bits, status) = (fields.next()?.parse().ok()?, fields.next()?);
    let uefi = fields.next()? == "uefi";
    Some(ListedOs { value, platform, bits, status, uefi, version: version(value) })
}

/// The numbers in a text: the first dotted number, then a service pack (`SP5`, `U2`) as the next
/// component. What the text does not say is 0.
fn version(text: &str) -> Version {
    let mut words = text
        .split(|c: char| c.is_whitespace() || "()-_".contains(c))
        .skip_while(|word| !word.starts_with(|c: char| c.is_ascii_digit()));
    let mut numbers: Vec<u32> = words
        .next()
        .into_iter()
        .flat_map(|word| word.split('.'))
        .map_while(|number| number.parse().ok())
        .collect();
    if let Some(pack) = words.find_map(service_pack) {
        numbers.push(pack);
    }
    let mut version = [0; 3];
    for (to, number) in version.iter_mut().zip(numbers) {
        *to = number;
    }
    version
}

/// The number of `SP5`, `U2`, or `SP9x86` (EulerOS says `SP9x86_64`).
fn service_pack(word: &str) -> Option<u32> {
    let rest = word.strip_prefix("SP").or_else(|| word.strip_prefix('U'))?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (number, tail) = rest.split_at_checked(end)?;
    (tail.is_empty() || tail.starts_with('x')).then(|| number.parse().ok()).flatten()
}

/// The family's name in the list, and how many components of a version its values tell apart.
fn family(os: &OsIdentity) -> Option<(&'static str, usize)> {
    Some(match os.id.as_str() {
        "centos" if os.name.contains("Stream") => ("CentOS Stream", 2),
        "centos" => ("CentOS", 2),
        "rhel" | "redhat" => ("RedHat", 2),
        "ol" | "oracle" => ("Oracle Linux", 2),
        "ubuntu" => ("Ubuntu", 3),
        "debian" => ("Debian", 2),
        "fedora" => ("Fedora", 1),
        "opensuse" | "opensuse-leap" => ("OpenSUSE", 2),
        "sles" | "sles_sap" | "suse" => ("SUSE", 2),
        "euleros" => ("EulerOS", 2),
        "openeuler" => ("openEuler", 3),
        "coreos" => ("CoreOS", 3),
        "rocky" => ("Rocky Linux", 2),
        "neokylin" => ("NeoKylin", 2),
        _ => return None,
    })
}

/// The system's version as the list counts it.
fn installed(os: &OsIdentity, components: usize) -> Version {
    let text = os.version.as_deref().unwrap_or_default();
    let mut numbers = version(text);
    // EulerOS and openEuler keep the service pack in their names: `EulerOS 2.0 (SP5)` is 2.5 in the
    // list, `openEuler 20.03 (LTS-SP1)` is `20.03 SP1`.
    let in_name =
        os.name.split(|c: char| c.is_whitespace() || "()-_".contains(c)).find_map(service_pack);
    match (os.id.as_str(), in_name, &mut numbers) {
        ("euleros", Some(pack), [_, minor @ 0, _]) => *minor = pack,
        ("openeuler", Some(pack), [_, _, point @ 0]) => *point = pack,
        _ => {}
    }
    truncated(numbers, components)
}

fn truncated(mut version: Version, components: usize) -> Version {
    for number in version.iter_mut().skip(components) {
        *number = 0;
    }
    version
}

/// Which of several spellings of one system a profile prefers: lower is better.
pub(crate) fn preference(status: &str, profile: Profile) -> usize {
    const HUAWEI: &[&str] =
        &["hwc-api-current", "hwc-api-older", "hwc-2018-only", "otc-doc", "otc-api"];
    const OTC: &[&str] =
        &["otc-doc", "otc-api", "hwc-api-older", "hwc-api-current", "hwc-2018-only"];
    let order = match profile {
        Profile::ImsClassic | Profile::Huaweicloud => HUAWEI,
        Profile::Otc => OTC,
    };
    order.iter().position(|&known| known == status).unwrap_or(order.len())
}

/// Whose list a profile's values are of.
pub(crate) fn whose_list(profile: Profile) -> Fixed {
    match profile {
        Profile::Otc => Fixed::new("Open Telekom Cloud's list", "Open Telekom Cloud的列表"),
        Profile::ImsClassic | Profile::Huaweicloud => {
            Fixed::new("Huawei Cloud's list", "华为云的列表")
        }
    }
}

/// The width of a system's programs, 32 or 64.
pub(crate) fn bits(arch: Architecture) -> u32 {
    match arch {
        Architecture::I386 | Architecture::Arm => 32,
        _ => 64,
    }
}

/// What the profile says of the system itself, before any list.
pub(crate) fn own<'a>(os: &OsIdentity, context: &'a Context) -> Option<&'a System> {
    context.policy.systems.iter().find(|own| own.is(&os.id, os.version.as_deref()))
}

/// The platform's value for the system.
///
/// Open Telekom Cloud's list extends Huawei Cloud's, so a value of either is exact there. Under the
/// other profiles what only Open Telekom Cloud has does not count: the platform would refuse it.
pub fn os_version(os: &OsIdentity, arch: Architecture, profile: Profile) -> OsVersion {
    let Some((platform, components)) = family(os) else { return OsVersion::None };
    let wanted = installed(os, components);
    let [major, minor, _] = wanted;
    if major == 0 {
        return OsVersion::None;
    }
    let at = |version: Version| {
        rows(platform, bits(arch), profile)
            .filter(|row| truncated(row.version, components) == version)
            .min_by_key(|row| preference(row.status, profile))
    };
    // The list names some point releases of Ubuntu; its value without one stands for the others.
    let same =
        at(wanted).or_else(|| (platform == "Ubuntu").then(|| at([major, minor, 0])).flatten());
    let text = os.version.as_deref().unwrap_or_default();
    if let Some(row) = same {
        // `7` alone is some CentOS 7, not 7.0. SUSE and Fedora mean what they say.
        if text.contains('.') || matches!(platform, "SUSE" | "Fedora") {
            return OsVersion::Exact(row);
        }
        return OsVersion::Nearest(
            row,
            text!(
                "the image only says version {text}, not which minor version",
                "镜像中只能识别到主版本{text}，无法确定次版本"
            ),
        );
    }
    let Some(row) = nearest(platform, bits(arch), wanted, profile) else { return OsVersion::None };
    let Fixed { en, zh } = whose_list(profile);
    OsVersion::Nearest(
        row,
        Text {
            en: format!("{en} has {platform}, but not version {text}"),
            zh: format!("{zh}中有{platform}，但没有{text}版本"),
        },
    )
}

/// The values of one family and width that the profile's cloud has.
fn rows(
    platform: &str,
    bits: u32,
    profile: Profile,
) -> impl Iterator<Item = &'static ListedOs> + use<'_> {
    let is_meant =
        move |row: &&ListedOs| row.platform == platform && row.bits == bits && row.is_of(profile);
    LISTED.iter().filter(is_meant)
}

/// The latest that is not later, of the same major version where there is one.
fn nearest(
    platform: &str,
    bits: u32,
    wanted: Version,
    profile: Profile,
) -> Option<&'static ListedOs> {
    let [major, ..] = wanted;
    rows(platform, bits, profile).min_by_key(|row| {
        let [row_major, ..] = row.version;
        let distance = row.version.iter().zip(wanted).map(|(&a, b)| a.abs_diff(b));
        let distance: Vec<_> = distance.collect();
        (row_major != major, row.version > wanted, distance, preference(row.status, profile))
    })
}

/// The value of the profile's cloud that is nearest to a text that names a system and its version,
/// such as a value of another list: `CentOS 7.9 64bit`.
pub(crate) fn nearest_to_text(text: &str, profile: Profile) -> Option<&'static ListedOs> {
    let plain = |text: &str| text.to_lowercase().replace(' ', "");
    let name = plain(text).replace("rhel", "redhat");
    let is_narrow = ["32bit", "i386", "i686"].iter().any(|word| name.contains(word));
    let width = if is_narrow { 32 } else { 64 };
    // `CentOS Stream` has `CentOS` in it, and is another system.
    let platform = LISTED
        .iter()
        .map(|row| row.platform)
        .filter(|platform| *platform != "Other" && name.contains(&plain(platform)))
        .max_by_key(|platform| platform.len())?;
    if platform == "Windows" {
        return windows::nearest(text, width, profile);
    }
    let wanted = version(text);
    let [major, ..] = wanted;
    if major == 0 { None } else { nearest(platform, width, wanted, profile) }
}

/// Whether the platform lists the system, or the nearest of the same major version, for UEFI boot,
/// in any spelling; `None` when it lists neither.
pub fn listed_for_uefi(os: &OsIdentity, arch: Architecture) -> Option<bool> {
    let (_, components) = family(os)?;
    let [major, ..] = installed(os, components);
    let listed = match os_version(os, arch, Profile::Otc) {
        OsVersion::Exact(row) => row,
        OsVersion::Nearest(row, _) if row.version.first() == Some(&major) => row,
        _ => return None,
    };
    let same = |row: &&ListedOs| {
        row.platform == listed.platform && row.bits == listed.bits && row.version == listed.version
    };
    Some(LISTED.iter().filter(same).any(|row| row.uefi))
}

/// The value for a system that the list does not have.
pub fn other(arch: Architecture) -> &'static str {
    if bits(arch) == 64 { "Other Linux (64 bit)" } else { "Other(32 bit)" }
}

#[cfg(test)]
mod releases;
mod windows;

pub use self::windows::{other_windows, windows_listed_for_uefi, windows_version};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Evidence;

    fn os(id: &str, version: &str, name: &str) -> OsIdentity {
        OsIdentity {
            id: id.to_owned(),
            id_like: Vec::new(),
            version: Some(version.to_owned()),
            name: name.to_owned(),
            evidence: Evidence::new("/etc/os-release", ""),
        }
    }

    fn exact(id: &str, version: &str, name: &str, profile: Profile) -> &'static str {
        match os_version(&os(id, version, name), Architecture::X86_64, profile) {
            OsVersion::Exact(row) => row.value,
            other => panic!("{id} {version}: {other:?}"),
        }
    }

    #[test]
    fn every_line_of_the_list_is_understood() {
        let lines = LIST.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(listed().len(), lines);
        assert!(lines > 250);
    }

    #[test]
    fn systems_get_the_spelling_of_their_cloud() {
        let (hwc, otc) = (Profile::Huaweicloud, Profile::Otc);
        assert_eq!(exact("centos", "7.6", "", hwc), "CentOS 7.6 64bit");
        assert_eq!(exact("centos", "7.6.1810", "", hwc), "CentOS 7.6 64bit");
        assert_eq!(exact("rhel", "7.3", "", hwc), "Redhat Linux Enterprise 7.3 64bit");
        assert_eq!(exact("rhel", "7.3", "", otc), "Red Hat Linux Enterprise 7.3 64bit");
        assert_eq!(exact("ubuntu", "18.04", "", hwc), "Ubuntu 18.04 server 64bit");
        assert_eq!(exact("ubuntu", "18.04", "", otc), "Ubuntu 18.04 Server 64bit");
        assert_eq!(exact("ubuntu", "22.04.3", "", otc), "Ubuntu 22.04 Server 64bit");
        assert_eq!(exact("debian", "10.13", "", otc), "Debian GNU/Linux 10.13.0 64bit");
        assert_eq!(exact("sles", "12.5", "", hwc), "SUSE Linux Enterprise Server 12 SP5 64bit");
        assert_eq!(exact("sles", "15", "", hwc), "SUSE Linux Enterprise Server 15 64bit");
        assert_eq!(exact("fedora", "30", "", hwc), "Fedora 30 64bit");
        assert_eq!(exact("opensuse-leap", "15.0", "", hwc), "openSUSE 15.0 64bit");
        assert_eq!(exact("ol", "7.6", "", hwc), "Oracle Linux Server release 7.6 64bit");
        assert_eq!(exact("euleros", "2.0", "EulerOS 2.0 (SP5)", hwc), "EulerOS 2.5 64bit");
        assert_eq!(
            exact("openeuler", "20.03", "openEuler 20.03 (LTS)", hwc),
            "openEuler 20.03 64bit"
        );
        assert_eq!(
            exact("openeuler", "20.03", "openEuler 20.03 (LTS-SP1)", otc),
            "openEuler 20.03 SP1 64bit"
        );
        assert_eq!(exact("rocky", "9.2", "", otc), "Rocky Linux 9.2 64bit");
    }

    #[test]
    fn a_system_that_is_not_listed_gets_the_nearest_before_it() {
        let found = os_version(&os("sles", "15.4", ""), Architecture::X86_64, Profile::Huaweicloud);
        assert!(matches!(found, OsVersion::Nearest(row, _) if row.value.ends_with("15 SP1 64bit")));
        let found = os_version(&os("debian", "12.5", ""), Architecture::X86_64, Profile::Otc);
        assert!(
            matches!(found, OsVersion::Nearest(row, _) if row.value == "Debian GNU/Linux 12.0.0 64bit")
        );
        // Huawei Cloud's list ends with Debian 10 and has no Rocky Linux.
        let found =
            os_version(&os("debian", "12.5", ""), Architecture::X86_64, Profile::ImsClassic);
        let OsVersion::Nearest(row, why) = found else { panic!("{found:?}") };
        assert_eq!(row.value, "Debian GNU/Linux 10.0.0 64bit");
        assert_eq!(why.en, "Huawei Cloud's list has Debian, but not version 12.5");
        let found = os_version(&os("rocky", "9.2", ""), Architecture::X86_64, Profile::ImsClassic);
        assert_eq!(found, OsVersion::None);
        let found = os_version(&os("almalinux", "9.2", ""), Architecture::X86_64, Profile::Otc);
        assert_eq!(found, OsVersion::None);
        assert_eq!(other(Architecture::X86_64), "Other Linux (64 bit)");
    }

    #[test]
    fn a_text_leads_to_the_nearest_value_of_the_same_system() {
        for (text, huaweicloud, otc) in [
            ("CentOS 7.9", Some("CentOS 7.7 64bit"), Some("CentOS 7.9 64bit")),
            ("centos 6.8 32bit", Some("CentOS 6.7 32bit"), Some("CentOS 6.7 32bit")),
            ("CentOS Stream 9", None, Some("CentOS Stream 9.6 64bit")),
            (
                "RHEL 9.4",
                Some("Redhat Linux Enterprise 8.0 64bit"),
                Some("Red Hat Linux Enterprise 9.1 64bit"),
            ),
            (
                "Debian 12",
                Some("Debian GNU/Linux 10.0.0 64bit"),
                Some("Debian GNU/Linux 12.0.0 64bit"),
            ),
            (
                "Windows Server 2022 Datacenter",
                Some("Windows Server 2019 Datacenter 64bit"),
                Some("Windows Server 2022 Datacenter 64bit"),
            ),
            ("Debian", None, None),
            ("TempleOS 5", None, None),
            ("Other 64", None, None),
        ] {
            let of = |profile| nearest_to_text(text, profile).map(|row| row.value);
            assert_eq!(of(Profile::Huaweicloud), huaweicloud, "{text}");
            assert_eq!(of(Profile::Otc), otc, "{text}");
        }
    }

    #[test]
    fn a_major_version_alone_is_not_taken_for_its_first_release() {
        let found = os_version(&os("centos", "7", ""), Architecture::X86_64, Profile::Huaweicloud);
        assert!(matches!(found, OsVersion::Nearest(row, _) if row.value == "CentOS 7.0 64bit"));
        let found = os_version(&os("debian", "trixie/sid", ""), Architecture::X86_64, Profile::Otc);
        assert_eq!(found, OsVersion::None);
    }

    #[test]
    fn a_thirty_two_bit_system_gets_a_thirty_two_bit_value() {
        let found = os_version(&os("centos", "6.5", ""), Architecture::I386, Profile::ImsClassic);
        assert!(matches!(found, OsVersion::Exact(row) if row.value == "CentOS 6.5 32bit"));
    }

    #[test]
    fn uefi_support_is_found_in_whichever_spelling_it_stands() {
        assert_eq!(listed_for_uefi(&os("ubuntu", "18.04", ""), Architecture::X86_64), Some(true));
        assert_eq!(listed_for_uefi(&os("centos", "7.3", ""), Architecture::X86_64), Some(false));
        assert_eq!(listed_for_uefi(&os("debian", "12.5", ""), Architecture::X86_64), Some(true));
        assert_eq!(listed_for_uefi(&os("almalinux", "9", ""), Architecture::X86_64), None);
    }
}
