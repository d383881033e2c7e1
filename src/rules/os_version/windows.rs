//! From the name that Windows gives itself to the value of the platform's list.

use std::collections::BTreeSet;

use super::{LISTED, ListedOs, OsVersion, bits, preference, whose_list};
use crate::guest::facts::{Architecture, WindowsIdentity};
use crate::rules::{Fixed, Profile, Text};

/// A release: what tells `Windows Server 2012 R2` from `Windows Server 2012` and `Windows 7`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Release {
    server: bool,
    /// The first number of the name, times ten: 2012, 10, 8.1 as 81.
    number: u32,
    r2: bool,
}

/// The words of a name that tell editions apart: lower case, without marks, maker and evaluation.
fn words(name: &str) -> BTreeSet<String> {
    let idle = |word: &str| {
        ["windows", "microsoft", "evaluation", "edition", "64bit", "32bit", ""].contains(&word)
    };
    name.to_lowercase()
        .replace("(r)", "")
        .replace("(tm)", "")
        .replace(['®', '™'], "")
        .split_whitespace()
        .filter(|word| !idle(word))
        .map(str::to_owned)
        .collect()
}

fn release(words: &BTreeSet<String>) -> Option<Release> {
    let number = words.iter().find_map(|word| {
        let (whole, tenth) = word.split_once('.').unwrap_or((word, "0"));
        let (whole, tenth): (u32, u32) = (whole.parse().ok()?, tenth.parse().ok()?);
        (tenth < 10).then(|| whole.checked_mul(10)?.checked_add(tenth)).flatten()
    })?;
    Some(Release { server: words.contains("server"), number, r2: words.contains("r2") })
}

/// The values for Windows of one width that the profile's cloud has and that are of a server like
/// `wanted`, or not, with their words and releases.
fn rows(
    wanted: &Release,
    width: u32,
    profile: Profile,
) -> impl Iterator<Item = (&'static ListedOs, BTreeSet<String>, Release)> + use<'_> {
    super::rows("Windows", width, profile).filter_map(|row| {
        let words = words(row.value);
        let release = release(&words)?;
        (release.server == wanted.server).then_some((row, words, release))
    })
}

/// The value that is nearest to a name of Windows.
pub(super) fn nearest(name: &str, width: u32, profile: Profile) -> Option<&'static ListedOs> {
    let name = words(name);
    let wanted = release(&name)?;
    // A later release has other drivers, which an earlier one does not load.
    let earlier = rows(&wanted, width, profile).filter(|(.., found)| found.number <= wanted.number);
    let nearest = earlier.min_by_key(|(row, words, release)| {
        let editions = words.symmetric_difference(&name).count();
        let distance = release.number.abs_diff(wanted.number);
        (*release != wanted, distance, editions, preference(row.status, profile))
    });
    nearest.map(|(row, ..)| row)
}

/// The platform's value for a Windows, by the rules of [`os_version`](super::os_version).
pub fn windows_version(os: &WindowsIdentity, arch: Architecture, profile: Profile) -> OsVersion {
    let name = words(&os.name);
    let Some(wanted) = release(&name) else { return OsVersion::None };
    // A value that names no edition stands for all of them.
    let is_whole = |words: &BTreeSet<String>, release: &Release| {
        !wanted.server && *release == wanted && words.len() == 1
    };
    let same = rows(&wanted, bits(arch), profile)
        .filter(|(_, words, release)| *words == name || is_whole(words, release))
        .min_by_key(|(row, ..)| preference(row.status, profile));
    if let Some((row, ..)) = same {
        return OsVersion::Exact(row);
    }
    let Some(row) = nearest(&os.name, bits(arch), profile) else { return OsVersion::None };
    let (wanted, value) = (&os.name, row.value);
    let Fixed { en, zh } = whose_list(profile);
    OsVersion::Nearest(
        row,
        Text {
            en: format!("{en} does not have {wanted}; “{value}” is the nearest"),
            zh: format!("{zh}中没有{wanted}，最接近的是“{value}”"),
        },
    )
}

/// Whether the platform lists the Windows for UEFI boot; `None` when it does not list its release.
pub fn windows_listed_for_uefi(os: &WindowsIdentity, arch: Architecture) -> Option<bool> {
    let wanted = release(&words(&os.name))?;
    let mut rows = LISTED.iter().filter(|row| {
        let is_release = release(&words(row.value)).as_ref() == Some(&wanted);
        row.platform == "Windows" && row.bits == bits(arch) && is_release
    });
    let first = rows.next()?;
    Some(first.uefi || rows.any(|row| row.uefi))
}

/// The value for a Windows that the list does not have.
pub fn other_windows(arch: Architecture) -> &'static str {
    if bits(arch) == 64 { "Other(64 bit)" } else { "Other(32 bit)" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Evidence, Fact};

    fn named(name: &str) -> WindowsIdentity {
        WindowsIdentity {
            name: name.to_owned(),
            edition: None,
            installation: None,
            version: (10, 0),
            build: 1,
            revision: None,
            service_pack: None,
            product: Fact::unknown("", ""),
            evidence: Evidence::new("", ""),
        }
    }

    /// `=value` where the list has the very system, `~value` where it is the nearest.
    fn value(name: &str, arch: Architecture, profile: Profile) -> String {
        match windows_version(&named(name), arch, profile) {
            OsVersion::Exact(row) => format!("={}", row.value),
            OsVersion::Nearest(row, _) => format!("~{}", row.value),
            OsVersion::None => "-".to_owned(),
        }
    }

    #[test]
    fn names_as_setup_writes_them_lead_to_the_values() {
        for (name, huaweicloud, otc) in [
            (
                "Windows Server 2012 R2 Datacenter",
                "=Windows Server 2012 R2 Datacenter 64bit",
                "=Windows Server 2012 R2 Datacenter 64bit",
            ),
            (
                "Windows Server 2012 Standard Evaluation",
                "=Windows Server 2012 Standard 64bit",
                "=Windows Server 2012 Standard 64bit",
            ),
            // The list calls it `WEB`, and turns the words round.
            (
                "Windows Web Server 2008 R2",
                "=Windows Server 2008 R2 WEB 64bit",
                "=Windows Server 2008 WEB R2 64bit",
            ),
            (
                "Windows Server 2012 R2 Essentials",
                "=Windows Server 2012 Essentials R2 64bit",
                "=Windows Server 2012 R2 Essentials 64bit",
            ),
            ("Windows 10 Pro", "=Windows 10 64bit", "=Windows 10 64bit"),
            ("Windows 10 Enterprise LTSC 2019", "=Windows 10 64bit", "=Windows 10 64bit"),
            (
                "Windows Server 2022 Datacenter",
                "~Windows Server 2019 Datacenter 64bit",
                "=Windows Server 2022 Datacenter 64bit",
            ),
            (
                "Windows Server 2025 Datacenter",
                "~Windows Server 2019 Datacenter 64bit",
                "~Windows Server 2022 Datacenter 64bit",
            ),
            ("Windows 11 Pro", "~Windows 10 64bit", "~Windows 10 64bit"),
            // Huawei Cloud's list has no Windows for desktops before 10.
            ("Windows 7 Ultimate", "-", "~Windows 7 Enterprise 64bit"),
            (
                "Windows Server (R) 2008 Enterprise",
                "~Windows Server 2008 R2 Enterprise 64bit",
                "~Windows Server 2008 R2 Enterprise 64bit",
            ),
            ("Windows Vista (TM) Business", "-", "-"),
            ("Microsoft Windows XP", "-", "-"),
        ] {
            let of = |profile| value(name, Architecture::X86_64, profile);
            assert_eq!(of(Profile::Huaweicloud), huaweicloud, "{name}");
            assert_eq!(of(Profile::Otc), otc, "{name}");
        }
    }

    #[test]
    fn a_thirty_two_bit_windows_gets_a_thirty_two_bit_value() {
        let of = |name| value(name, Architecture::I386, Profile::Otc);
        assert_eq!(of("Windows 7 Professional"), "=Windows 7 Professional 32bit");
        assert_eq!(of("Windows Server 2008 R2 Standard"), "-");
        assert_eq!(other_windows(Architecture::I386), "Other(32 bit)");
    }

    #[test]
    fn uefi_is_a_matter_of_the_release() {
        let uefi = |name| windows_listed_for_uefi(&named(name), Architecture::X86_64);
        assert_eq!(uefi("Windows Server 2016 Standard"), Some(true));
        assert_eq!(uefi("Windows Server 2008 R2 Standard"), Some(false));
        assert_eq!(uefi("Windows 11 Pro"), None);
    }
}
