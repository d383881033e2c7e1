//! What init reads on the kernel's command line (systemd(1), "Kernel Command Line";
//! systemd-debug-generator(8)).

use std::collections::BTreeMap;

use crate::guest::facts::BootEntry;
use crate::guest::linux::boot::command_line::parameters;

/// The words for a target, as systemd (`src/shared/unit-file.c`, `rlmap`) and, for the shells, the
/// inits before it take them.
const TARGETS: [(&str, &str); 12] = [
    ("emergency", "emergency.target"),
    ("-b", "emergency.target"),
    ("rescue", "rescue.target"),
    ("single", "rescue.target"),
    ("-s", "rescue.target"),
    ("s", "rescue.target"),
    ("S", "rescue.target"),
    ("1", "rescue.target"),
    ("2", "multi-user.target"),
    ("3", "multi-user.target"),
    ("4", "multi-user.target"),
    ("5", "graphical.target"),
];

/// Suffixes of units (systemd.unit(5)); `systemd.unit=` without one is ignored.
const SUFFIXES: [&str; 11] = [
    ".service",
    ".socket",
    ".device",
    ".mount",
    ".automount",
    ".swap",
    ".target",
    ".path",
    ".timer",
    ".slice",
    ".scope",
];

/// What the command line says of units.
#[derive(Debug, Default)]
pub(super) struct Words<'a> {
    /// The entry whose command line it is.
    pub(super) entry: Option<&'a BootEntry>,
    /// The unit that is started in place of `default.target`, and the word that names it; the last
    /// counts.
    pub(super) target: Option<(String, String)>,
    /// Units that `systemd.mask=` masks, each with its word.
    pub(super) masked: BTreeMap<String, String>,
    /// Units that `systemd.wants=` starts, too.
    pub(super) wanted: Vec<String>,
    /// Whether Ubuntu's word for its recovery menu is there.
    pub(super) recovery: bool,
    /// Whether a word says if this is a first start, which is not followed.
    pub(super) first_boot: bool,
}

impl<'a> Words<'a> {
    pub(super) fn of(entry: Option<&'a BootEntry>) -> Self {
        let mut words = Self { entry, ..Self::default() };
        for word in entry.map(|entry| parameters(&entry.command_line)).unwrap_or_default() {
            words.take(word);
        }
        words
    }

    fn take(&mut self, word: String) {
        if let Some((_, target)) = TARGETS.iter().find(|(own, _)| *own == word) {
            self.target = Some(((*target).to_owned(), word));
        } else if word == "recovery" {
            self.recovery = true;
        } else if let Some((name, value)) = word.split_once('=') {
            match name {
                "systemd.unit" if is_unit(value) => {
                    self.target = Some((value.to_owned(), word));
                }
                "systemd.mask" => {
                    self.masked.insert(mangled(value), word.clone());
                }
                "systemd.condition_first_boot" | "systemd.condition-first-boot" => {
                    self.first_boot = true;
                }
                "systemd.wants" => self.wanted.push(mangled(value)),
                _ => {}
            }
        }
    }
}

fn is_unit(name: &str) -> bool {
    SUFFIXES.iter().any(|suffix| name.strip_suffix(suffix).is_some_and(|stem| !stem.is_empty()))
}

/// The name with the suffix that it gets when it has none (systemd: `unit_name_mangle`).
fn mangled(name: &str) -> String {
    if is_unit(name) { name.to_owned() } else { format!("{name}.service") }
}
