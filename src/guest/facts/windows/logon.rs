//! How one gets in and how the system is set up anew: Remote Desktop, Sysprep, Cloudbase-Init.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Seen, ServiceFacts, StartType};
use crate::fact::{Evidence, Fact, Unread};

/// Remote Desktop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RemoteDesktop {
    /// `fDenyTSConnections`, of the policy where there is one; `Known(None)` when neither says it.
    pub deny: Fact<Option<Seen<u32>>>,
    /// Its port: 3389 where nothing says another.
    pub port: Fact<Seen<u32>>,
    /// What says that nothing waits for its connections: the listener `RDP-Tcp` is disabled, or there
    /// is none; `Known(None)` when it waits.
    pub listener_off: Fact<Option<Evidence>>,
    /// Whether the firewall lets it in from a network that it does not know.
    pub firewall: Fact<FirewallVerdict>,
}

impl RemoteDesktop {
    /// Nothing is known of it.
    pub fn unread(unread: &Unread) -> Self {
        Self {
            deny: Fact::Unknown(unread.clone()),
            port: Fact::Unknown(unread.clone()),
            listener_off: Fact::Unknown(unread.clone()),
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
    /// What says below `SYSTEM\Setup` that the next start goes on with setup (`SetupType`,
    /// `SystemSetupInProgress`, `OOBEInProgress`); `Known(None)` when nothing does.
    pub in_progress: Fact<Option<Evidence>>,
    /// Answer files that the next start would use, in setup's order.
    pub answer_files: Fact<Vec<Evidence>>,
    /// Commands of the specialize pass in them (`RunSynchronous`), but for those of Cloudbase-Init.
    pub run_synchronous: Fact<Vec<Evidence>>,
    /// Those of them that start Cloudbase-Init as its own answer file does, and whose files are there.
    pub run_cloudbase_init: Fact<Vec<Evidence>>,
    /// How setup would have the service cloudbase-init started, by a command of the specialize pass or
    /// by `SetupComplete.cmd`: `Automatic` where it sets it so, `Manual` where it only starts it.
    /// `Known(None)` when it does neither.
    pub starts_cloudbase_init: Fact<Option<Seen<StartType>>>,
}

impl SysprepFacts {
    /// Nothing is known of it.
    pub fn unread(unread: &Unread) -> Self {
        Self {
            image_state: Fact::Unknown(unread.clone()),
            in_progress: Fact::Unknown(unread.clone()),
            answer_files: Fact::Unknown(unread.clone()),
            run_synchronous: Fact::Unknown(unread.clone()),
            run_cloudbase_init: Fact::Unknown(unread.clone()),
            starts_cloudbase_init: Fact::Unknown(unread.clone()),
        }
    }

    /// Whether the next start goes through setup, by `ImageState`. Windows before Vista has none.
    pub fn runs_setup(&self) -> Result<bool, &Unread> {
        let state = self.image_state.as_result()?;
        Ok(state.as_ref().is_some_and(|state| state.value != IMAGE_STATE_COMPLETE))
    }
}

/// `ImageState` of a system whose setup has ended.
pub const IMAGE_STATE_COMPLETE: &str = "IMAGE_STATE_COMPLETE";

/// `ImageState` of a system in which a phase of setup has begun and not ended.
pub const IMAGE_STATE_UNDEPLOYABLE: &str = "IMAGE_STATE_UNDEPLOYABLE";

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
