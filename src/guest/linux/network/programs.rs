//! Which programs bring interfaces up at boot.
//!
//! Sources: the unit files and init scripts of the packages; netplan's generator
//! (`src/generate.c`): it runs at each boot when it is installed, and starts systemd-networkd for
//! what it writes for it.

use super::files::Files;
use crate::error::Result;
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::FileType;
use crate::filesystem::tree::Tree;
use crate::guest::facts::{NetworkProgram, ProgramFacts, UnitFacts, UnitState, not_installed};
use crate::guest::linux::systemd_unit::BootUnits;

/// Where netplan's generator is.
const NETPLAN_GENERATOR: [&str; 2] =
    ["/usr/lib/systemd/system-generators/netplan", "/lib/systemd/system-generators/netplan"];

/// Services of each program; one that runs is enough.
const SERVICES: [(NetworkProgram, &[&str]); 8] = [
    (NetworkProgram::Wicked, &["wicked.service"]),
    // Under systemd its init script, on SUSE once a unit; an alias of another program is that one.
    (NetworkProgram::NetworkScripts, &["network.service"]),
    (NetworkProgram::NetworkManager, &["NetworkManager.service", "network-manager.service"]),
    (NetworkProgram::Ifupdown, &["networking.service"]),
    (NetworkProgram::Networkd, &["systemd-networkd.service"]),
    (NetworkProgram::DhcpClient, &["dhcpcd.service"]),
    (NetworkProgram::DhcpClient, &["connman.service"]),
    (NetworkProgram::DhcpClient, &["dhclient.service"]),
];

/// Where an alias of another program is.
const NETWORK_ALIAS: &str = "/etc/systemd/system/network.service";

/// Aliases by which another program stands for `network.service`.
const ALIASES: [&str; 2] = ["wicked", "NetworkManager"];

/// Where the start links of runlevel S are.
const RUNLEVEL_S: &str = "/etc/rcS.d";

/// The programs of a guest.
pub(super) struct Programs {
    pub(super) facts: Vec<ProgramFacts>,
}

impl Programs {
    pub(super) fn find(files: &mut Files<'_>, boot: &BootUnits<'_>) -> Self {
        let tree = files.tree;
        let mut facts: Vec<ProgramFacts> = Vec::new();
        for (program, services) in SERVICES {
            for service in services {
                let unit = boot.unit(service);
                if unit.state.known() == Some(&UnitState::Absent) {
                    continue;
                }
                let unit = match program {
                    NetworkProgram::NetworkScripts => match is_alias(tree) {
                        Ok(true) => continue,
                        Ok(false) => unit,
                        Err(error) => UnitFacts {
                            state: Fact::unknown(NETWORK_ALIAS, error.to_string()),
                            ..unit
                        },
                    },
                    NetworkProgram::Ifupdown => at_sysinit(tree, unit),
                    _ => unit,
                };
                facts.push(ProgramFacts { program, state: unit.state, evidence: unit.evidence });
                break;
            }
        }
        for path in NETPLAN_GENERATOR {
            match tree.exists(path) {
                Ok(true) => {
                    let (program, evidence) =
                        (NetworkProgram::Netplan, Evidence::new(path, "generator"));
                    facts.push(ProgramFacts {
                        program,
                        state: Fact::Known(UnitState::Enabled),
                        evidence,
                    });
                    break;
                }
                Ok(false) => {}
                Err(error) => files.doubt(path, &error),
            }
        }
        Self { facts }
    }

    fn of(&self, program: NetworkProgram) -> impl Iterator<Item = &ProgramFacts> {
        self.facts.iter().filter(move |facts| facts.program == program)
    }

    /// Whether the program is seen to run at boot.
    pub(super) fn runs(&self, program: NetworkProgram) -> bool {
        self.of(program).any(|facts| facts.state.known() == Some(&UnitState::Enabled))
    }

    /// Why a configuration that any of `readers` would read comes to nothing; `Known(None)` when one
    /// of them runs.
    pub(super) fn idle(&self, readers: &[NetworkProgram]) -> Fact<Option<Evidence>> {
        if readers.iter().any(|reader| self.runs(*reader)) {
            return Fact::Known(None);
        }
        let candidates = || readers.iter().flat_map(|reader| self.of(*reader));
        if let Some(unread) = candidates().find_map(|facts| facts.state.unread()) {
            return Fact::Unknown(unread.clone());
        }
        let evidence = candidates().next().map_or_else(
            || Evidence::new("services", not_installed(readers)),
            |facts| facts.evidence.clone(),
        );
        Fact::Known(Some(evidence))
    }

    /// As [`Programs::idle`] for what netplan hands on to `backend`.
    pub(super) fn idle_behind_netplan(&self, backend: NetworkProgram) -> Fact<Option<Evidence>> {
        match self.idle(&[NetworkProgram::Netplan]) {
            Fact::Known(None) if backend == NetworkProgram::Networkd => {
                // The generator starts it, unless it is masked or not there.
                let masked = self
                    .of(backend)
                    .find(|facts| matches!(facts.state.known(), Some(UnitState::Masked)));
                Fact::Known(masked.map(|facts| facts.evidence.clone()))
            }
            Fact::Known(None) => self.idle(&[backend]),
            other => other,
        }
    }
}

/// Whether `network.service` stands for another program.
fn is_alias(tree: &Tree) -> Result<bool> {
    match tree.symlink_metadata(NETWORK_ALIAS) {
        Ok(found) if found.file_type == FileType::Symlink => {
            let target = tree.read_link(NETWORK_ALIAS)?;
            Ok(ALIASES.iter().any(|name| target.ends_with(&format!("/{name}.service"))))
        }
        Ok(_) => Ok(false),
        Err(error) if error.is_absent() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Debian starts `networking` in runlevel S, before those that are looked at for other services; up
/// to Debian 8 by a link there, also under systemd.
fn at_sysinit(tree: &Tree, unit: UnitFacts) -> UnitFacts {
    if unit.state != Fact::Known(UnitState::Disabled) {
        return unit;
    }
    let entries = match tree.read_dir(RUNLEVEL_S) {
        Ok(entries) => entries,
        Err(error) if error.is_absent() => return unit,
        Err(error) => {
            return UnitFacts {
                state: Fact::Unknown(Unread::from((RUNLEVEL_S, &error))),
                evidence: Evidence::new(RUNLEVEL_S, error.to_string()),
                ..unit
            };
        }
    };
    let mut names = entries.iter().map(|entry| String::from_utf8_lossy(&entry.name));
    let link = names.find(|name| {
        let rest = name.strip_prefix('S').unwrap_or_default();
        rest.trim_start_matches(|c: char| c.is_ascii_digit()) == "networking"
    });
    match link {
        Some(link) => UnitFacts {
            state: Fact::Known(UnitState::Enabled),
            evidence: Evidence::new(format!("{RUNLEVEL_S}/{link}"), "start link"),
            ..unit
        },
        None => unit,
    }
}
