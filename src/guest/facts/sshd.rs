//! The SSH server.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::UnitFacts;
use crate::fact::{Evidence, Fact, Unread};

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
    /// What of the configuration could not be read.
    pub unread: Vec<Unread>,
    /// The settings that hold for everybody, by keyword in lower case; deprecated names under the
    /// name of today (`kbdinteractiveauthentication`).
    pub options: BTreeMap<String, SshdOption>,
    /// Settings in `Match` blocks, which hold for some connections only.
    pub conditional: Vec<Evidence>,
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
}

impl SshdFacts {
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
