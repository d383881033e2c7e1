//! `boot.ini`: the menu of `ntldr`.
//!
//! Source: Microsoft, "Boot.ini options" and Q102873 ("BOOT.INI and ARC path naming conventions").

use crate::fact::Evidence;
use crate::guest::facts::{WindowsStartKind, WindowsStartMode};

/// What the file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct BootIni {
    /// `default=`, with its line from 1.
    pub(super) default: Option<(String, u32)>,
    /// `[operating systems]`.
    pub(super) systems: Vec<System>,
}

/// A line of `[operating systems]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct System {
    /// Its left side.
    pub(super) path: String,
    /// What stands behind its title: ` /fastdetect`.
    pub(super) options: String,
    /// Its line from 1.
    pub(super) line: u32,
}

impl System {
    /// What it asks for beside an ordinary start ("Boot.ini options": `/safeboot:`, `/minint`).
    pub(super) fn modes(&self) -> Vec<WindowsStartMode> {
        let of = |option: &str| {
            let option = option.to_ascii_lowercase();
            let kind = match option.strip_prefix("safeboot:") {
                Some(how) if how.starts_with("minimal") => WindowsStartKind::SafeMinimal,
                Some("network") => WindowsStartKind::SafeNetwork,
                Some("dsrepair") => WindowsStartKind::DirectoryRepair,
                None if option == "minint" => WindowsStartKind::WindowsPe,
                _ => return None,
            };
            let place = format!(r"\boot.ini:{}", self.line);
            Some(WindowsStartMode { kind, evidence: Evidence::new(place, format!("/{option}")) })
        };
        let options = self.options.split_ascii_whitespace();
        options.filter_map(|option| of(option.strip_prefix('/')?)).collect()
    }
}

impl BootIni {
    pub(super) fn parse(text: &str) -> Self {
        let mut ini = Self::default();
        let mut section = String::new();
        for (line, text) in (1_u32..).zip(text.lines()) {
            let text = text.trim();
            if text.starts_with(';') {
                continue;
            }
            if let Some(name) = text.strip_prefix('[') {
                section = name.trim_end_matches(']').trim().to_ascii_lowercase();
                continue;
            }
            let Some((name, value)) = text.split_once('=') else { continue };
            let name = name.trim();
            match section.as_str() {
                "boot loader" | "flexboot" if name.eq_ignore_ascii_case("default") => {
                    ini.default = Some((value.trim().to_owned(), line));
                }
                "operating systems" => {
                    // The title stands in quotes, and may hold a slash itself.
                    let options = value.rsplit_once('"').map_or("", |(_, options)| options);
                    let options = options.to_owned();
                    ini.systems.push(System { path: name.to_owned(), options, line });
                }
                _ => {}
            }
        }
        ini
    }

    /// The system that starts without a key press, and its line.
    pub(super) fn first(&self) -> Option<(&str, u32)> {
        match &self.default {
            Some((path, line)) => Some((path, *line)),
            None => self.systems.first().map(|system| (system.path.as_str(), system.line)),
        }
    }

    /// The line of the menu for a system, which has its options.
    pub(super) fn system(&self, path: &str) -> Option<&System> {
        self.systems.iter().find(|system| system.path.eq_ignore_ascii_case(path))
    }
}

/// A partition by an ARC path, and the directory on it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ArcPath {
    /// `signature(…)`: the disk's signature, 8 lower-case hex digits.
    pub(super) signature: Option<String>,
    /// `multi(…)`: the adapter.
    pub(super) adapter: u32,
    /// `rdisk(…)`: the disk as the BIOS counts them, from 0.
    pub(super) disk: u32,
    /// `partition(…)`, from 1: primary partitions first, then logical ones.
    pub(super) partition: u32,
    /// The directory, with a backslash before it.
    pub(super) directory: String,
}

impl ArcPath {
    /// `multi(0)disk(0)rdisk(0)partition(1)\WINDOWS`; `None` for what is no such path (`C:\`, a
    /// SCSI path that only its driver can follow).
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (arc, directory) = match text.split_once('\\') {
            Some((arc, directory)) => (arc, format!(r"\{directory}")),
            None => (text, r"\".to_owned()),
        };
        let arc = arc.to_ascii_lowercase();
        let (first, rest) = component(&arc)?;
        let (disk_name, rest) = component(rest)?;
        let (rdisk, rest) = component(rest)?;
        let (partition, rest) = component(rest)?;
        if disk_name.0 != "disk"
            || rdisk.0 != "rdisk"
            || partition.0 != "partition"
            || !rest.is_empty()
        {
            return None;
        }
        let number = |text: &str| text.parse::<u32>().ok();
        let (signature, adapter) = match first.0 {
            "multi" => (None, number(first.1)?),
            "signature" => {
                let signature = u32::from_str_radix(first.1, 16).ok()?;
                (Some(format!("{signature:08x}")), 0)
            }
            _ => return None,
        };
        Some(Self {
            signature,
            adapter,
            disk: number(rdisk.1)?,
            partition: number(partition.1)?,
            directory,
        })
    }
}

/// `name(value)` at the start of a text, and the rest.
fn component(text: &str) -> Option<((&str, &str), &str)> {
    let (name, rest) = text.split_once('(')?;
    let (value, rest) = rest.split_once(')')?;
    Some(((name.trim(), value.trim()), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_counts_before_the_first_system() {
        let ini = BootIni::parse(
            "[boot loader]\r\ntimeout=30\r\ndefault=multi(0)disk(0)rdisk(0)partition(2)\\WINNT\r\n\
             [operating systems]\r\n;comment=1\r\nmulti(0)disk(0)rdisk(0)partition(1)\\WINDOWS=\"XP\" /fastdetect\r\n\
             C:\\=\"MS-DOS\"\r\n",
        );
        assert_eq!(ini.first(), Some((r"multi(0)disk(0)rdisk(0)partition(2)\WINNT", 3)));
        assert_eq!(ini.systems.len(), 2);
        let without = BootIni { default: None, ..ini };
        assert_eq!(without.first(), Some((r"multi(0)disk(0)rdisk(0)partition(1)\WINDOWS", 6)));
    }

    #[test]
    fn the_options_of_the_line_that_is_started_count() {
        let arc = r"multi(0)disk(0)rdisk(0)partition(1)\WINDOWS";
        let ini = BootIni::parse(&format!(
            "[operating systems]\n{arc}=\"A /minint\" /fastdetect /SAFEBOOT:Minimal(AlternateShell)\n\
             C:\\=\"B\" /safeboot:network /minint\n"
        ));
        let modes = |path: &str| ini.system(path).map(System::modes).unwrap();
        let [mode] = &modes(&arc.to_uppercase())[..] else { panic!("{ini:?}") };
        assert_eq!(mode.kind, WindowsStartKind::SafeMinimal);
        let shown = Evidence::new(r"\boot.ini:2", "/safeboot:minimal(alternateshell)");
        assert_eq!(mode.evidence, shown);
        let kinds: Vec<_> = modes(r"C:\").iter().map(|mode| mode.kind).collect();
        assert_eq!(kinds, [WindowsStartKind::SafeNetwork, WindowsStartKind::WindowsPe]);
    }

    #[test]
    fn arc_paths_name_disk_and_partition() {
        let arc = ArcPath::parse(r"multi(0)disk(0)rdisk(1)partition(3)\WINDOWS").unwrap();
        assert_eq!((arc.disk, arc.partition, arc.directory.as_str()), (1, 3, r"\WINDOWS"));
        let arc = ArcPath::parse(r"Signature(8b467c12)disk(1)rdisk(0)partition(2)\winnt").unwrap();
        assert_eq!(arc.signature.as_deref(), Some("8b467c12"));
        for other in [r"C:\", r"scsi(0)disk(0)rdisk(0)partition(1)\WINNT", "multi(0)", ""] {
            assert_eq!(ArcPath::parse(other), None, "{other}");
        }
    }
}
