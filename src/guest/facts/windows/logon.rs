//! How one gets in and how the system is set up anew: Remote Desktop, Sysprep, Cloudbase-Init.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Seen, ServiceFacts};
use crate::fact::{Evidence, Fact, Unread};

/// Remote Desktop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RemoteDesktop {
    /// `fDenyTSConnections`, of the policy where there is one; `Known(None)` when neither says it.
    pub deny: Fact<Option<Seen<u32>>>,
    /// Its port: 3389 where nothing says another.
    pub port: Fact<Seen<u32>>,
    /// Whether the firewall lets it in from a network that it does not know.
    pub firewall: Fact<FirewallVerdict>,
}

impl RemoteDesktop {
    /// Nothing is known of it.
    pub fn unread(unread: &Unread) -> Self {
        Self {
            deny: Fact::Unknown(unread.clone()),
            port: Fact::Unknown(unread.clone()),
            firewall: Fact::Unknown(unread.clone()),
        }
    }
}

/// What the firewall does to a connection from a network of the public profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FirewallVerdict {
    /// It is off.
    Off(Evidence),
    /// A rule lets it in.
    Open(Evidence),
    /// A rule, or that there is none, keeps it out.
    Closed(Evidence),
}

/// What Sysprep and setup left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SysprepFacts {
    /// `ImageState`; `Known(None)` when it is not set.
    pub image_state: Fact<Option<Seen<String>>>,
    /// Answer files that the next start would use, in setup's order.
    pub answer_files: Fact<Vec<Evidence>>,
    /// Commands of the specialize pass in them (`RunSynchronous`).
    pub run_synchronous: Fact<Vec<Evidence>>,
}

impl SysprepFacts {
    /// Nothing is known of it.
    pub fn unread(unread: &Unread) -> Self {
        Self {
            image_state: Fact::Unknown(unread.clone()),
            answer_files: Fact::Unknown(unread.clone()),
            run_synchronous: Fact::Unknown(unread.clone()),
        }
    }
}

/// Cloudbase-Init.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CloudbaseInit {
    /// Its service; `Known(None)` when there is none.
    pub service: Fact<Option<ServiceFacts>>,
    /// Its configuration; `Known(None)` when there is none.
    pub conf: Fact<Option<CloudbaseInitConf>>,
}

impl CloudbaseInit {
    /// Nothing is known of it.
    pub fn unread(unread: &Unread) -> Self {
        Self { service: Fact::Unknown(unread.clone()), conf: Fact::Unknown(unread.clone()) }
    }
}

/// `cloudbase-init.conf`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CloudbaseInitConf {
    /// The file.
    pub path: String,
    /// Its options by `section.option`, in lower case; a later line wins, as in oslo.config.
    pub options: BTreeMap<String, ConfValue>,
}

/// The value of an option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConfValue {
    /// The value, continued lines joined by a blank.
    pub value: String,
    /// Line number from 1.
    pub line: u32,
}

impl CloudbaseInitConf {
    /// An option, and the line that it stands in.
    pub fn option(&self, section: &str, name: &str) -> Option<(&str, Evidence)> {
        let found = self.options.get(&format!("{section}.{name}"))?;
        let place = format!("{}:{}", self.path, found.line);
        Some((&found.value, Evidence::new(place, format!("{name}={}", found.value))))
    }
}
