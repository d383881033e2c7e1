//! What the first boot of a system enables (systemd.preset(5), machine-id(5) "First Boot Semantics").
//!
//! Without `/etc/machine-id`, or with `uninitialized` in it, systemd enables every unit with an
//! `[Install]` section that no preset file turns off (`manager_preset_all`, `src/core/manager.c`;
//! `unit_file_preset_all`, `src/shared/install.c`). What it makes are the links of `systemctl enable`,
//! so a unit pulls in the same others as if the links were there. Links of `Alias=` are left out: they
//! give a unit one more name and start nothing.
//!
//! Fedora builds systemd so that the first boot also takes the links of the units that a preset turns
//! off (`-Dfirst-boot-full-preset=true` in its systemd.spec; Fedora 39, "Preset All Systemd Units on
//! First Boot").

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};

use super::contents::{MAX_NAME, names_in};
use super::spend;
use super::unit_file::{UnitDirectories, UnitFile, template_of};
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact, Unread, shortened};
use crate::filesystem::tree::Tree;
use crate::guest::glob;
use crate::guest::linux::os_release;

const MACHINE_ID: &str = "/etc/machine-id";

/// Longest machine id file read; a good one has 33 bytes.
const MAX_MACHINE_ID: u64 = 4096;

/// Where presets are, the strongest first (systemd.preset(5)).
const PRESET_DIRECTORIES: [&str; 4] = [
    "/etc/systemd/system-preset",
    "/usr/local/lib/systemd/system-preset",
    "/usr/lib/systemd/system-preset",
    "/lib/systemd/system-preset",
];

/// Most rules of presets; Fedora has about 250.
const MAX_RULES: usize = 10_000;

/// Most instances of a template that one rule enables.
const MAX_INSTANCES: usize = 64;

/// Most links that a first boot would make; Fedora's makes some 200. Each has its evidence, a line with its mark.
const MAX_LINKS: usize = 2000;

/// Most work to compare patterns with names of units, as the product of their lengths in bytes; a
/// desktop of Fedora's needs less than 10 million.
const MAX_COMPARED: usize = 1 << 28;

/// The first Fedora whose first boot takes links, too.
const FULL_SINCE_FEDORA: u32 = 39;

/// Where links are that a preset may take (`unit_file_preset_all`).
const TAKEN_FROM: &str = "/etc/systemd/system/";

/// A line of a preset file.
struct Rule {
    enable: bool,
    /// It says `disable`, not `ignore`.
    disable: bool,
    pattern: String,
    instances: Vec<String>,
    evidence: Evidence,
}

/// The rules in their order.
#[derive(Default)]
struct Rules {
    all: Vec<Rule>,
    /// The first rule of each pattern that is a name.
    names: HashMap<String, usize>,
    /// The rules with other patterns.
    patterns: Vec<usize>,
    /// Work done to compare those.
    compared: Cell<usize>,
}

impl Rules {
    fn new(all: Vec<Rule>) -> Self {
        let mut rules = Self::default();
        for (index, rule) in all.iter().enumerate() {
            if rule.pattern.contains(['*', '?', '[']) {
                rules.patterns.push(index);
            } else {
                rules.names.entry(rule.pattern.clone()).or_insert(index);
            }
        }
        rules.all = all;
        rules
    }

    /// The first rule that takes a unit's name.
    fn first(&self, unit: &str) -> Result<Option<&Rule>> {
        let named = self.names.get(unit).copied();
        for index in self.patterns.iter().take_while(|index| named.is_none_or(|at| **index < at)) {
            let Some(rule) = self.all.get(*index) else { continue };
            let work = rule.pattern.len().saturating_mul(unit.len());
            spend(&self.compared, work, MAX_COMPARED, "comparisons with presets")?;
            if glob::matches(&rule.pattern, unit) {
                return Ok(Some(rule));
            }
        }
        Ok(named.and_then(|index| self.all.get(index)))
    }
}

/// What a first boot would change.
#[derive(Default)]
pub(super) struct FirstBoot {
    /// The links that it makes: for each unit those that it would come to pull in.
    links: BTreeMap<String, Vec<(String, Evidence)>>,
    /// The rules by which it takes links, when it does.
    taking: Rules,
}

impl FirstBoot {
    /// What a unit would come to pull in.
    pub(super) fn pulled_in(&self, unit: &str) -> &[(String, Evidence)] {
        self.links.get(unit).map_or(&[], Vec::as_slice)
    }

    /// Whether the link to a unit in a directory would be gone. Instances have no files, by which the
    /// presets go.
    pub(super) fn takes(&self, directory: &str, unit: &str) -> Result<bool> {
        Ok(directory.starts_with(TAKEN_FROM)
            && is_unit_name(unit)
            && self.taking.first(unit)?.is_some_and(|rule| rule.disable))
    }
}

/// Whether the first boot of this system takes links, too.
fn is_full(tree: &Tree) -> Result<bool> {
    let os = match os_release::find(tree) {
        Fact::Known(os) => os,
        Fact::Unknown(Unread { location, reason }) => {
            return Err(Error::unsupported("os-release", 0, format!("{location}: {reason}")));
        }
    };
    Ok(os.is_some_and(|os| {
        let version = os.version.as_deref().and_then(|version| version.parse::<u32>().ok());
        os.id == "fedora" && version.is_some_and(|version| version >= FULL_SINCE_FEDORA)
    }))
}

/// Whether the next boot counts as the first, with what says so.
pub(super) fn is_first(tree: &Tree) -> Result<Option<Evidence>> {
    match tree.read_text(MACHINE_ID, MAX_MACHINE_ID) {
        Ok(text) if text.trim_end() == "uninitialized" => {
            Ok(Some(Evidence::new(MACHINE_ID, "uninitialized")))
        }
        Ok(_) => Ok(None),
        Err(error) if error.is_absent() => Ok(Some(Evidence::new(MACHINE_ID, "not there"))),
        Err(error) => Err(error),
    }
}

/// What the presets enable; their files and those of units are read by `read`.
pub(super) fn enabled(
    tree: &Tree,
    units: &UnitDirectories<'_>,
    first: &Evidence,
    mut read: impl FnMut(&str) -> Result<String>,
) -> Result<FirstBoot> {
    let rules = Rules::new(rules(tree, &mut read)?);
    let mut made = 0_usize;
    let mut links: BTreeMap<String, Vec<(String, Evidence)>> = BTreeMap::new();
    let mut seen = std::collections::BTreeSet::new();
    for directory in &units.directories {
        for name in directory.names.as_ref().map_err(Error::clone)? {
            if !is_unit_name(name) || !seen.insert(name) {
                continue;
            }
            let rule = rules.first(name)?;
            if rule.is_some_and(|rule| !rule.enable) {
                continue;
            }
            let UnitFile::Found { path, name: own } = units.unit_file(name)? else { continue };
            // An alias is not enabled by itself.
            if own != *name {
                continue;
            }
            let text = read(&path)?;
            let evidence = match rule {
                Some(rule) => Evidence {
                    detail: format!("{} at the first boot ({})", rule.evidence.detail, MACHINE_ID),
                    ..rule.evidence.clone()
                },
                None => {
                    let detail = format!(
                        "{}: the first boot enables {name}, which no preset turns off",
                        first.detail
                    );
                    Evidence::new(first.location.clone(), detail)
                }
            };
            let wanting = names_in(&text, "[Install]", &["WantedBy", "RequiredBy", "UpheldBy"]);
            for instance in instances(name, &text, rule) {
                for (_, wanting) in &wanting {
                    made = made.saturating_add(1);
                    if made > MAX_LINKS {
                        return Err(Error::too_much("presets", MAX_LINKS, "links"));
                    }
                    let pulled = (instance.clone(), evidence.clone());
                    links.entry(wanting.clone()).or_default().push(pulled);
                }
            }
        }
    }
    let taking = if is_full(tree)? { rules } else { Rules::default() };
    Ok(FirstBoot { links, taking })
}

/// The names that enabling a unit would link: its own, or for a template those of its instances.
fn instances(name: &str, text: &str, rule: Option<&Rule>) -> Vec<String> {
    let Some((template, suffix)) = name.split_once("@.") else { return vec![name.to_owned()] };
    let named = rule.map(|rule| rule.instances.as_slice()).unwrap_or_default();
    let default = names_in(text, "[Install]", &["DefaultInstance"]);
    let instances: Vec<&String> = match named {
        [] => default.iter().map(|(_, instance)| instance).take(1).collect(),
        named => named.iter().collect(),
    };
    let names = instances.into_iter().map(|instance| format!("{template}@{instance}.{suffix}"));
    names.filter(|name| name.len() <= MAX_NAME).collect()
}

/// Whether a file's name is one of a unit that can be enabled; instances are links of somebody's.
fn is_unit_name(name: &str) -> bool {
    const SUFFIXES: [&str; 7] =
        [".service", ".socket", ".target", ".timer", ".path", ".mount", ".automount"];
    SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) && template_of(name).is_none()
}

/// All rules in their order: files by name, the file of a stronger directory in place of its
/// namesake; the first rule that takes a unit's name counts.
fn rules(tree: &Tree, read: &mut impl FnMut(&str) -> Result<String>) -> Result<Vec<Rule>> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for directory in PRESET_DIRECTORIES {
        let entries = match tree.read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.is_absent() => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            if entry.name.ends_with(b".preset") {
                let name = entry.text()?;
                let path = format!("{directory}/{name}");
                files.entry(name).or_insert(path);
            }
        }
    }
    let mut rules = Vec::new();
    for path in files.values() {
        let text = match read(path) {
            Ok(text) => text,
            // One that masks another is a link to /dev/null.
            Err(error) if error.is_absent() => continue,
            Err(Error::NotAFile { .. }) => continue,
            Err(error) => return Err(error),
        };
        for (line, content) in (1_usize..).zip(text.lines()) {
            let mut words = content.split_ascii_whitespace();
            let (enable, disable) = match words.next() {
                Some("enable") => (true, false),
                Some("disable") => (false, true),
                Some("ignore") => (false, false),
                _ => continue,
            };
            let Some(pattern) = words.next() else { continue };
            if rules.len() >= MAX_RULES {
                return Err(Error::too_much("presets", MAX_RULES, "rules"));
            }
            let instances: Vec<String> = words.map(str::to_owned).collect();
            if instances.len() > MAX_INSTANCES {
                return Err(Error::too_much("a preset", MAX_INSTANCES, "instances"));
            }
            let shown = shortened(content.trim());
            rules.push(Rule {
                enable,
                disable,
                pattern: pattern.to_owned(),
                instances,
                evidence: Evidence::new(format!("{path}:{line}"), shown).marked(
                    line,
                    content,
                    0..0,
                ),
            });
        }
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::super::{BootUnits, MAX_UNIT_FILE, unit};
    use super::*;
    use crate::filesystem::memory::MemoryFs;
    use crate::guest::facts::UnitState;
    use crate::guest::linux::systemd_unit::command_line::Words;

    const SYSTEM: &str = "/usr/lib/systemd/system";

    /// Units of many kinds, and presets that go over one another.
    fn system() -> MemoryFs {
        let install = |wanted: &str| format!("[Unit]\n[Service]\n[Install]\n{wanted}\n");
        let multi_user = install("WantedBy=multi-user.target");
        let template = install(
            "RequiredBy=basic.target\nWantedBy=x.target \\\n y.target\nDefaultInstance=one",
        );
        let units = [
            ("on.service", &multi_user),
            ("off.service", &multi_user),
            ("other.service", &multi_user),
            ("real.service", &multi_user),
            ("masked.service", &multi_user),
            ("u@.service", &multi_user),
            ("t@.service", &template),
            ("static.service", &install("")),
        ];
        let fs = units.iter().fold(MemoryFs::new(), |fs, (name, text)| {
            fs.file(&format!("{SYSTEM}/{name}"), text.as_str())
        });
        let presets = "/usr/lib/systemd/system-preset";
        fs.symlink(&format!("{SYSTEM}/alias.service"), "on.service")
            .symlink("/etc/systemd/system/masked.service", "/dev/null")
            .file(
                &format!("{presets}/50-a.preset"),
                "disable o[f]*\nenable on.service\ndisable alias.service\nenable u@.service a b\n",
            )
            .file(&format!("{presets}/60-c.preset"), "enable off.service\n")
            .file(&format!("{presets}/90-b.preset"), "disable *\n")
            .file("/etc/systemd/system-preset/90-b.preset", "# nothing\nenable real*\n")
    }

    #[test]
    fn the_links_are_those_that_systemctl_makes() {
        // As `systemctl --root=DIR preset-all --preset-mode=enable-only` of systemd 252 makes them in
        // the same tree.
        let expected = [
            "basic.target t@one.service",
            "multi-user.target on.service",
            "multi-user.target other.service",
            "multi-user.target real.service",
            "multi-user.target u@a.service",
            "multi-user.target u@b.service",
            "x.target t@one.service",
            "y.target t@one.service",
        ];
        let tree = system().tree();
        let first = is_first(&tree).unwrap().unwrap();
        let read = |path: &str| tree.read_text(path, MAX_UNIT_FILE);
        let links =
            enabled(&tree, &UnitDirectories::list(&tree, &Words::default()), &first, read).unwrap();
        let mut found: Vec<_> = links
            .links
            .iter()
            .flat_map(|(by, units)| units.iter().map(move |(unit, _)| format!("{by} {unit}")))
            .collect();
        found.sort();
        assert_eq!(found, expected);
    }

    fn bootable() -> MemoryFs {
        system()
            .file("/usr/lib/systemd/systemd", "ELF")
            .file(&format!("{SYSTEM}/default.target"), "[Unit]\nWants=multi-user.target\n")
            .file(&format!("{SYSTEM}/multi-user.target"), "[Unit]\n")
    }

    #[test]
    fn only_a_first_boot_enables() {
        let state = |fs: MemoryFs, name: &str| *unit(&fs.tree(), name).state.known().unwrap();
        assert_eq!(state(bootable(), "on.service"), UnitState::Enabled);
        assert_eq!(state(bootable(), "off.service"), UnitState::Disabled);
        assert_eq!(state(bootable(), "masked.service"), UnitState::Masked);
        assert_eq!(state(bootable(), "u@b.service"), UnitState::Enabled);
        let with = |text: &str| bootable().file("/etc/machine-id", text);
        assert_eq!(state(with("uninitialized\n"), "on.service"), UnitState::Enabled);
        // An empty file is no first boot (machine-id(5)).
        assert_eq!(state(with(""), "on.service"), UnitState::Disabled);
        let id = "0123456789abcdef0123456789abcdef\n";
        assert_eq!(state(with(id), "on.service"), UnitState::Disabled);
        let evidence = unit(&bootable().tree(), "on.service").evidence;
        assert_eq!(evidence.location, "/usr/lib/systemd/system-preset/50-a.preset:2");
    }

    /// As `systemctl --root=DIR preset-all` of systemd 252 leaves the tree, which is the full mode.
    #[test]
    fn the_first_boot_of_fedora_takes_what_presets_turn_off() {
        let wants = "/etc/systemd/system/multi-user.target.wants";
        let with = |os: &str| {
            bootable()
                .file("/etc/os-release", os)
                .symlink(&format!("{wants}/off.service"), "/usr/lib/systemd/system/off.service")
                .symlink(&format!("{SYSTEM}/multi-user.target.wants/static.service"), "../x")
        };
        let state = |fs: MemoryFs, name: &str| *unit(&fs.tree(), name).state.known().unwrap();
        let fedora = |version: u32| format!("ID=fedora\nVERSION_ID={version}\n");
        assert_eq!(state(with(&fedora(38)), "off.service"), UnitState::Enabled);
        assert_eq!(state(with(&fedora(39)), "off.service"), UnitState::Disabled);
        assert_eq!(state(with(&fedora(40)), "on.service"), UnitState::Enabled);
        assert_eq!(state(with(&fedora(40)), "static.service"), UnitState::Enabled);
        let later = with(&fedora(40)).file("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
        assert_eq!(state(later, "off.service"), UnitState::Enabled);
    }

    #[test]
    fn work_that_multiplies_ends_at_the_bound_and_leaves_units_in_doubt() {
        let unread = |fs: MemoryFs| unit(&fs.tree(), "off.service").state.unread().cloned();
        assert_eq!(unread(bootable()), None);
        let wanted = "[Install]\nWantedBy=".to_owned() + &"a ".repeat(2001);
        let many = bootable().file(&format!("{SYSTEM}/many.service"), wanted);
        assert!(unread(many).unwrap().reason.contains("more than 2000 links"));
        let presets = "/etc/systemd/system-preset/00.preset";
        let patterns = format!("enable {}b\n", "*a".repeat(100)).repeat(200);
        let slow = bootable().file(presets, patterns);
        let slow = (0..40).fold(slow, |fs, n| {
            fs.file(&format!("{SYSTEM}/{}{n}.service", "a".repeat(240)), "[Unit]\n")
        });
        let reason = unread(slow).unwrap().reason;
        assert!(reason.contains("comparisons with presets"), "{reason}");
    }

    /// systemd's `unit_name_is_valid` (`src/basic/unit-name.c`).
    #[test]
    fn a_name_of_256_bytes_is_none_of_a_unit() {
        for (length, is_one) in [(255, true), (256, false)] {
            let instance = "a".repeat(length - "u@.service".len());
            let name = format!("u@{instance}.service");
            let install = "[Install]\nWantedBy=multi-user.target\nDefaultInstance=";
            let wants = bootable()
                .file(&format!("{SYSTEM}/multi-user.target"), format!("[Unit]\nWants={name}\n"));
            let default = bootable()
                .file(&format!("{SYSTEM}/u@.service"), format!("{install}{instance}\n"))
                .without("/usr/lib/systemd/system-preset/50-a.preset");
            let named = bootable().file(
                "/etc/systemd/system-preset/00.preset",
                format!("enable u@.service {instance}\n"),
            );
            for (case, fs) in [("wants", wants), ("default", default), ("named", named)] {
                let tree = fs.tree();
                let found = BootUnits::walk(&tree).started().contains_key(&name);
                assert_eq!(found, is_one, "{case}, {length}");
            }
        }
    }

    #[test]
    fn presets_without_end_spend_the_bytes_of_the_boot() {
        let text = "#".repeat(60 << 10);
        let many = (0..300).fold(bootable(), |fs, n| {
            fs.file(&format!("/etc/systemd/system-preset/{n}.preset"), &text)
        });
        let state = unit(&many.tree(), "off.service").state;
        let reason = state.unread().map(|unread| unread.reason.clone()).unwrap_or_default();
        assert!(reason.contains("more than 16777216 bytes of unit files"), "{reason}");
    }

    #[test]
    fn what_cannot_be_read_leaves_units_in_doubt() {
        for path in ["/etc/machine-id", "/etc/systemd/system-preset/90-b.preset"] {
            let tree = bootable().file(path, "x").unreadable(path).tree();
            let units = BootUnits::walk(&tree);
            assert!(units.unit("on.service").state.known().is_none(), "{path}");
            assert_eq!(units.unit("default.target").state.known(), Some(&UnitState::Enabled));
        }
    }
}
