//! From a device's alias to the modules that would be loaded for it.

use std::collections::BTreeSet;

use super::alias::{self, Match};
use super::dependencies::Dependencies;
use super::explicit::Explicit;
use super::modprobe::Modprobe;
use super::platform::Link;
use crate::fact::{Evidence, Fact, Unread};
use crate::guest::facts::Candidate;

/// A list of aliases, searched for those of the platform.
#[derive(Clone)]
pub(super) enum Aliases {
    /// The list and where it stands.
    Read { location: String, matches: Vec<Match> },
    /// There is none at this place.
    Absent(String),
    /// It could not be read.
    Unread(Unread),
}

impl Aliases {
    /// The aliases of a `modules.alias` that fit the platform's devices.
    pub(super) fn of(location: String, text: Fact<Option<String>>, sought: &[&str]) -> Self {
        match text {
            Fact::Known(Some(text)) => match alias::in_text(&text, sought, &location) {
                Ok(matches) => Self::Read { matches, location },
                Err(unread) => Self::Unread(unread),
            },
            Fact::Known(None) => Self::Absent(location),
            Fact::Unknown(unread) => Self::Unread(unread),
        }
    }
}

/// A place from which modules are loaded: the initramfs, or `/lib/modules`.
pub(super) struct Stage<'a> {
    /// Where the modules lie.
    pub(super) place: String,
    /// The modules that are there.
    pub(super) modules: &'a BTreeSet<String>,
    /// Why there may be more.
    pub(super) incomplete: Option<Unread>,
    pub(super) aliases: Aliases,
    pub(super) modprobe: Modprobe,
    pub(super) explicit: Explicit,
    /// What modules need of one another; only where all of them are known.
    pub(super) dependencies: Option<Dependencies<'a>>,
}

impl Stage<'_> {
    /// The drivers for a link.
    pub(super) fn drivers(&self, link: &Link) -> Fact<Vec<Candidate>> {
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut unread = self.incomplete.clone();
        for (module, evidence) in self.named(link, &mut unread) {
            if !self.modules.contains(&module) || candidates.iter().any(|c| c.module == module) {
                continue;
            }
            if let Some(doubt) = self.modprobe.doubt(&module) {
                unread.get_or_insert_with(|| doubt.clone());
                continue;
            }
            let blocked = self.modprobe.by_alias(&module).cloned().or_else(|| self.lacks(&module));
            candidates.push(Candidate { module, evidence, blocked });
        }
        self.add_explicit(link, &mut candidates, &mut unread);
        let loads = candidates.iter().any(|candidate| candidate.blocked.is_none());
        match unread {
            Some(unread) if !loads => Fact::Unknown(unread),
            _ => {
                self.add_unnamed(link, &mut candidates);
                Fact::Known(candidates)
            }
        }
    }

    fn lacks(&self, module: &str) -> Option<Evidence> {
        self.dependencies.as_ref()?.missing(module)
    }

    /// What the aliases name. Those that the configuration sets go first, and then alone.
    fn named(&self, link: &Link, unread: &mut Option<Unread>) -> Vec<(String, Evidence)> {
        let own = self.modprobe.aliases_for(link.aliases);
        if !own.is_empty() {
            return own;
        }
        match &self.aliases {
            Aliases::Read { location, matches } => {
                let fits = |found: &&Match| {
                    link.aliases.iter().any(|alias| alias::fits(&found.pattern, alias))
                };
                let evidence = |found: &Match| {
                    let detail = format!("alias {} {}", found.pattern, found.module);
                    (
                        found.module.clone(),
                        Evidence::new(format!("{location}:{}", found.line), detail),
                    )
                };
                matches.iter().filter(fits).map(evidence).collect()
            }
            Aliases::Absent(_) => Vec::new(),
            Aliases::Unread(reason) => {
                unread.get_or_insert_with(|| reason.clone());
                Vec::new()
            }
        }
    }

    /// Usual drivers that are loaded by name; that an alias is blacklisted does not matter to them.
    fn add_explicit(
        &self,
        link: &Link,
        candidates: &mut Vec<Candidate>,
        unread: &mut Option<Unread>,
    ) {
        for module in link.drivers.iter().filter(|module| self.modules.contains(**module)) {
            let Some((evidence, asks_blacklist)) = self.explicit.get(module) else { continue };
            if let Some(doubt) = self.modprobe.doubt(module) {
                unread.get_or_insert_with(|| doubt.clone());
                continue;
            }
            let blocked = match asks_blacklist {
                true => self.modprobe.by_alias(module),
                false => self.modprobe.by_name(module),
            };
            candidates.retain(|other| other.module != *module || other.blocked.is_none());
            candidates.push(Candidate {
                module: (*module).to_owned(),
                evidence: evidence.clone(),
                blocked: blocked.cloned().or_else(|| self.lacks(module)),
            });
        }
        if let Some(reason) = &self.explicit.unread {
            unread.get_or_insert_with(|| reason.clone());
        }
    }

    /// Usual drivers that are there, but that nothing names.
    fn add_unnamed(&self, link: &Link, candidates: &mut Vec<Candidate>) {
        let why = match &self.aliases {
            Aliases::Read { location, .. } => {
                let aliases = link.aliases.join(", ");
                Evidence::new(location.clone(), format!("no line for {aliases}"))
            }
            Aliases::Absent(location) => {
                Evidence::new(location.clone(), "there is no modules.alias")
            }
            Aliases::Unread(_) => return,
        };
        for module in link.drivers {
            if self.modules.contains(*module) && candidates.iter().all(|c| c.module != *module) {
                candidates.push(Candidate {
                    module: (*module).to_owned(),
                    evidence: Evidence::new(self.place.clone(), format!("{module}.ko")),
                    blocked: Some(why.clone()),
                });
            }
        }
    }
}

/// The drivers for a link that are built into the kernel: they need no alias.
pub(super) fn built_in(
    link: &Link,
    release: &str,
    built_in: &BTreeSet<String>,
    modinfo: &[Match],
) -> Vec<Candidate> {
    let place = format!("/lib/modules/{release}/modules.builtin.modinfo");
    let fits = |found: &&Match| link.aliases.iter().any(|alias| alias::fits(&found.pattern, alias));
    let mut candidates: Vec<Candidate> = Vec::new();
    for found in modinfo.iter().filter(fits) {
        if candidates.iter().all(|candidate| candidate.module != found.module) {
            let detail = format!("{}.alias={}", found.module, found.pattern);
            let evidence = Evidence::new(place.clone(), detail);
            let module = found.module.clone();
            candidates.push(Candidate { module, evidence, blocked: None });
        }
    }
    for driver in link.drivers {
        if built_in.contains(*driver) && candidates.iter().all(|c| c.module != *driver) {
            let evidence =
                Evidence::new(format!("kernel {release}"), format!("{driver}, built in"));
            let module = (*driver).to_owned();
            candidates.push(Candidate { module, evidence, blocked: None });
        }
    }
    candidates
}
