//! cloud-init.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::UnitFacts;
use crate::fact::{Evidence, Fact, Unread};

/// cloud-init.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CloudInitFacts {
    /// The program; `Known(None)` when it is not installed.
    pub installed: Fact<Option<CloudInitInstalled>>,
    /// Its boot stages: those that this version has.
    pub units: Vec<UnitFacts>,
    /// What turns it off: `/etc/cloud/cloud-init.disabled`, the kernel command line.
    pub disabled_by: Fact<Vec<Evidence>>,
    /// The configuration files in the order in which they are merged.
    pub files: Vec<String>,
    /// Files that could not be read or understood.
    pub unread: Vec<Unread>,
    /// The merged configuration as JSON (null when there is none).
    pub config: serde_json::Value,
    /// `datasource_list` of the merged configuration with its place; `Known(None)` when not set.
    pub datasource_list: Fact<Option<(Vec<String>, Evidence)>>,
    /// Where settings of the merged configuration stand: `network.config` →
    /// `/etc/cloud/cloud.cfg:7`. A setting that has no place here is not set.
    pub places: BTreeMap<String, String>,
    /// The lines of those settings that are one word.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lines: BTreeMap<String, String>,
    /// Its data source for OpenStack (`DataSourceOpenStack.py`); `Known(None)` when none was found.
    pub openstack_source: Fact<Option<PlatformTags>>,
    /// `ds-identify`, which decides at boot whether cloud-init runs; `Known(None)` when this guest
    /// does not run it.
    pub ds_identify: Fact<Option<DsIdentify>>,
    /// What binds it to another data source than OpenStack, whatever the platform gives, where
    /// `datasource_list` does not say so itself: ds-identify's configuration, a seed.
    pub bound_elsewhere: Fact<Option<Evidence>>,
    /// What an earlier run left behind below `/var/lib/cloud`, then in `/var/log/cloud-init*`.
    pub instance_data: Fact<Vec<Evidence>>,
    /// The line of `/etc/passwd` of an account named `linux`.
    pub linux_user: Fact<Option<Evidence>>,
}

/// A program that tells platforms by their chassis asset tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlatformTags {
    /// The file.
    pub path: String,
    /// Those of `HUAWEICLOUD` and `OpenTelekomCloud` that stand in it.
    pub tags: Vec<String>,
}

/// `ds-identify` (`tools/ds-identify` in cloud-init's source).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DsIdentify {
    /// The program.
    pub program: PlatformTags,
    /// What it does at boot.
    pub way: DsIdentifyWay,
    /// What says so: its configuration, the kernel command line, `datasource_list`.
    pub evidence: Evidence,
}

/// What `ds-identify` does at boot, as far as its configuration decides it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DsIdentifyWay {
    /// Its policy turns cloud-init off.
    Disabled,
    /// Its policy lets cloud-init run and search by itself, at the least where it finds nothing
    /// (`notfound=enabled`).
    Enabled,
    /// One data source is named; it is used without a look at the machine.
    Given(String),
    /// It looks at the machine (DMI names and tags); when it finds nothing, cloud-init stays off.
    Search,
}

/// An installed cloud-init.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CloudInitInstalled {
    /// The program: `/usr/bin/cloud-init`.
    pub path: String,
    /// Version, from the package database or its own module; none when neither told it.
    pub version: Option<String>,
    /// What told the version, or where and why it is not known.
    pub evidence: Evidence,
}
