//! What modules need of one another (modules.dep(5)).
//!
//! An initramfs has its own `modules.dep.bin`, made of what was put into it, so a module whose
//! dependency was left out looks complete there and fails with unknown symbols. The list beside the
//! kernel's modules says what it would have needed. Soft dependencies (modprobe.d(5), `softdep`) are
//! left out: a module is loaded without them, too.

use std::collections::{BTreeSet, HashMap};

use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::tree::Tree;
use crate::guest::facts::{InitramfsFacts, KernelFacts, ListingEnd, RootNeed};
use crate::guest::linux::kernel::{MAX_LIST, module_name};

/// Longest line in bytes, which bounds how many modules one may need; that of mlx5_ib has under 500.
const MAX_LINE: usize = 8 << 10;

/// The `modules.dep` of a kernel, beside an initramfs that was listed to its end.
pub(super) struct Dependencies<'a> {
    location: String,
    /// The line of each module, and what it says behind the colon.
    lines: HashMap<String, (usize, String)>,
    initramfs: &'a InitramfsFacts,
    built_in: Option<&'a BTreeSet<String>>,
}

/// A module that another needs, with the line that says so.
pub(super) struct Dependency {
    pub(super) module: String,
    pub(super) evidence: Evidence,
}

impl<'a> Dependencies<'a> {
    /// Those of a kernel whose initramfs is known to its end; without one there is nothing to ask.
    pub(super) fn read(tree: &Tree, kernel: &'a KernelFacts) -> Result<Option<Self>, Unread> {
        let Fact::Known(Some(initramfs)) = &kernel.initramfs else { return Ok(None) };
        if initramfs.listing != Fact::Known(ListingEnd::Complete) {
            return Ok(None);
        }
        let location = format!("/lib/modules/{}/modules.dep", kernel.release);
        let built_in = kernel.builtin.known().and_then(Option::as_ref);
        match (tree.read_text(&location, MAX_LIST), &kernel.modules) {
            // A name takes some 150 bytes here; how many names there may be has its bound there.
            (Ok(_), Fact::Unknown(unread)) => Err(unread.clone()),
            (Ok(text), _) if text.lines().any(|line| line.len() > MAX_LINE) => {
                let reason = format!("a line of more than {MAX_LINE} bytes");
                Err(Unread::new(location, reason))
            }
            (Ok(text), _) => {
                let mut lines = HashMap::new();
                for (number, line) in (1_usize..).zip(text.lines()) {
                    let Some((path, rest)) = line.split_once(':') else { continue };
                    if let Some(name) = module_name(path) {
                        lines.entry(name).or_insert_with(|| (number, rest.to_owned()));
                    }
                }
                Ok(Some(Self { location, lines, initramfs, built_in }))
            }
            (Err(error), _) if error.is_absent() => Ok(None),
            (Err(error), _) => Err(Unread::from((location.as_str(), &error))),
        }
    }

    /// What a module needs, directly or not (depmod(8) writes all of it on one line).
    pub(super) fn of(&self, module: &str) -> Vec<Dependency> {
        let Some((number, rest)) = self.lines.get(module) else { return Vec::new() };
        let names = rest.split_ascii_whitespace().filter_map(module_name);
        names
            .filter(|name| !self.built_in.is_some_and(|built_in| built_in.contains(name)))
            .map(|name| Dependency {
                evidence: Evidence::new(
                    format!("{}:{number}", self.location),
                    format!("{module} needs {name}"),
                ),
                module: name,
            })
            .collect()
    }

    /// What keeps a module of the initramfs from being loaded: something that it needs is not there.
    pub(super) fn missing(&self, module: &str) -> Option<Evidence> {
        let missing = self.of(module).into_iter().find(|needed| !self.has(&needed.module))?;
        let detail =
            format!("{}, which is not in {}", missing.evidence.detail, self.initramfs.path);
        Some(Evidence { detail, ..missing.evidence })
    }

    /// What the modules that the root needs need in their turn.
    pub(super) fn needs(&self, needs: &[RootNeed]) -> Vec<RootNeed> {
        let mut found: Vec<RootNeed> = Vec::new();
        for need in needs {
            let Some(module) = need.modules.iter().find(|module| self.has(module)) else {
                continue;
            };
            for Dependency { module, evidence } in self.of(module) {
                let modules = vec![module];
                if found.iter().chain(needs).all(|other| other.modules != modules) {
                    found.push(RootNeed {
                        purpose: evidence,
                        modules,
                        options: Vec::new(),
                        program: None,
                    });
                }
            }
        }
        found
    }

    fn has(&self, module: &str) -> bool {
        self.initramfs.modules.contains(module)
    }
}
