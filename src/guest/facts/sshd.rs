//! The SSH server.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{UnitFacts, UnitState};
use crate::fact::{Evidence, Fact, Unread};
use crate::guest::glob;

/// Most groups of one account that are looked for in lists and `Match` blocks; a desktop's first user
/// has a dozen.
pub(in crate::guest) const MAX_GROUPS: usize = 32;

/// The SSH server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SshdFacts {
    /// The program (OpenSSH's `sshd`); `Known(None)` when it is not there.
    pub program: Fact<Option<Evidence>>,
    /// Version of its package.
    pub version: Option<String>,
    /// Its units: the services and sockets that there are.
    pub units: Vec<UnitFacts>,
    /// The configuration files in the order in which they are read.
    pub files: Vec<String>,
    /// The line `Include /etc/ssh/sshd_config.d/*.conf`, as cloud-init looks for it before it writes
    /// `50-cloud-init.conf` there (`ssh_util.py`, `_includes_dconf`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drop_ins: Option<Evidence>,
    /// What of the configuration could not be read.
    pub unread: Vec<Unread>,
    /// The settings that hold for everybody, by keyword in lower case; deprecated names under the
    /// name of today (`kbdinteractiveauthentication`).
    pub options: BTreeMap<String, SshdOption>,
    /// Settings in `Match` blocks, which hold for some connections only, in their order.
    pub conditional: Vec<SshdConditional>,
    /// Lines that sshd refuses, by their value or because its version does not know it yet, and the file
    /// itself when there is none: it does not start with them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invalid: Vec<Evidence>,
    /// What makes host keys at a start where there are none, besides cloud-init: a unit, a script;
    /// `Known(None)` when nothing does, or the image has some.
    pub host_key_maker: Fact<Option<Evidence>>,
    /// Why SELinux lets sshd listen at none of its ports: the policy is enforced, and none of them has
    /// the label `ssh_port_t`; `Known(None)` when nothing is seen to keep it from them.
    pub port_refused: Fact<Option<Evidence>>,
    /// `PermitRootLogin` as it is set, or this version's default.
    pub permit_root_login: Fact<SshdOption>,
}

/// A setting of the SSH server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SshdOption {
    /// The value as it stands; of a list (`AllowUsers`, `Port`) all, parted by spaces.
    pub value: String,
    /// The first line that says so, or what makes it the default.
    pub evidence: Evidence,
    /// Whether it stands behind a `Match` for everybody, which is stronger than what stands outside.
    #[serde(default)]
    pub in_match: bool,
}

/// A setting in a `Match` block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SshdConditional {
    /// What stands behind `Match`: `User alice Address 10.0.0.0/8`; cut, with `…`, when it is long.
    pub criteria: String,
    /// The keyword, as in [`SshdFacts::options`].
    pub keyword: String,
    /// The setting.
    pub option: SshdOption,
}

impl SshdConditional {
    /// Line and block, for a person.
    pub fn evidence(&self) -> Evidence {
        let Evidence { detail, .. } = &self.option.evidence;
        let detail = format!("{detail} (Match {})", self.criteria);
        Evidence { detail, ..self.option.evidence.clone() }
    }

    /// Whether the block is for every connection of an account that is in these groups; `None` when
    /// that depends on where the connection comes from (sshd_config(5), `Match`).
    pub fn is_for(&self, name: &str, groups: &[String]) -> Option<bool> {
        // Quotes may hold words together; that is not taken apart.
        if self.criteria.ends_with('…') || self.criteria.contains('"') {
            return None;
        }
        let mut words = self.criteria.split_whitespace();
        let mut fits = Some(true);
        while let (Some(criterion), patterns) = (words.next(), words.next()) {
            let one = match (criterion.to_ascii_lowercase().as_str(), patterns) {
                ("all", None) => Some(true),
                (_, Some("*")) => Some(true),
                ("user", Some(patterns)) => Some(in_list(name, patterns) == Some(true)),
                ("group", Some(_)) if groups.len() > MAX_GROUPS => None,
                ("group", Some(patterns)) => {
                    let found: Vec<_> =
                        groups.iter().filter_map(|group| in_list(group, patterns)).collect();
                    Some(!found.is_empty() && !found.contains(&false))
                }
                _ => None,
            };
            match (fits, one) {
                (Some(false), _) | (_, Some(false)) => fits = Some(false),
                (None, _) | (_, None) => fits = None,
                (Some(true), Some(true)) => {}
            }
        }
        fits
    }
}

/// Whether a list of patterns (ssh_config(5), "PATTERNS") has a name: `Some(false)` when a pattern
/// with `!` takes it out.
fn in_list(name: &str, patterns: &str) -> Option<bool> {
    let mut found = None;
    for pattern in patterns.split(',') {
        match pattern.strip_prefix('!') {
            Some(pattern) if glob::matches(pattern, name) => return Some(false),
            None if glob::matches(pattern, name) => found = Some(true),
            _ => {}
        }
    }
    found
}

impl SshdFacts {
    /// A setting as it holds for an account that is in these groups.
    ///
    /// # Errors
    /// What could not be read of the configuration; a `Match` block that may be for it.
    pub fn option_of(
        &self,
        keyword: &str,
        name: &str,
        groups: &[String],
    ) -> Result<Option<&SshdOption>, Unread> {
        if let Some(unread) = self.unread.first() {
            return Err(unread.clone());
        }
        for conditional in self.conditional.iter().filter(|option| option.keyword == keyword) {
            match conditional.is_for(name, groups) {
                Some(true) => return Ok(Some(&conditional.option)),
                Some(false) => {}
                None => {
                    let Evidence { location, detail, .. } = conditional.evidence();
                    let reason = format!("{detail}: whom it is for is not known");
                    return Err(Unread::new(location, reason));
                }
            }
        }
        Ok(self.options.get(keyword))
    }

    /// What keeps the server from running on the next start, when something is known to: it is not
    /// there, nothing starts it, or it refuses its configuration.
    ///
    /// # Errors
    /// What of it could not be read.
    pub fn does_not_run(&self) -> Result<Option<Evidence>, Unread> {
        if self.program.as_result().map_err(Clone::clone)?.is_none() {
            return Ok(Some(Evidence::new("/usr/sbin/sshd", "no such file")));
        }
        if let Some(invalid) = self.invalid.first() {
            return Ok(Some(invalid.clone()));
        }
        let mut off = None;
        let mut unread = None;
        for unit in &self.units {
            match unit.state.as_result() {
                Ok(UnitState::Enabled) => return Ok(None),
                Ok(_) => off = off.or_else(|| Some(unit.evidence.clone())),
                Err(reason) => unread = unread.or_else(|| Some(reason.clone())),
            }
        }
        match (unread, off) {
            (Some(unread), _) => Err(unread),
            (None, Some(off)) => Ok(Some(off)),
            (None, None) => Err(Unread::new("sshd", "none of its units was looked at")),
        }
    }

    /// Whether a switch is on, with what says so. Only meaningful when nothing is
    /// [unread](Self::unread).
    pub fn switch(&self, keyword: &str, default: bool) -> (bool, Evidence) {
        match self.options.get(keyword) {
            Some(option) => (option.value.eq_ignore_ascii_case("yes"), option.evidence.clone()),
            None => {
                let place = self.files.first().map_or("/etc/ssh/sshd_config", String::as_str);
                let value = if default { "yes" } else { "no" };
                (default, Evidence::new(place, format!("{keyword} is not set, default {value}")))
            }
        }
    }

    /// What keeps root from logging in with a password over SSH, when something is known to.
    pub fn refuses_root_password(&self) -> Option<Evidence> {
        if !self.unread.is_empty() || !matches!(self.program, Fact::Known(Some(_))) {
            return None;
        }
        if let Fact::Known(root) = &self.permit_root_login
            && !root.value.eq_ignore_ascii_case("yes")
        {
            return Some(root.evidence.clone());
        }
        let (password, evidence) = self.switch("passwordauthentication", true);
        let (interactive, _) = self.switch("kbdinteractiveauthentication", true);
        let (pam, _) = self.switch("usepam", false);
        (!(password || interactive && pam)).then_some(evidence)
    }
}
