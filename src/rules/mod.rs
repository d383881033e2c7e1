//! The rules: one file each, every one a pure function from [`Facts`] to an [`Outcome`].
//!
//! In: facts and a profile. Out: findings. A rule never sees a disk, a file or an output format.
//!
//! ```
//! use std::path::Path;
//!
//! use image_preflight::rules::{Context, Level, Profile, Status, about, check_all};
//!
//! let path = Path::new("testdata/guests/root-locked-without-cloud-init.qcow2");
//! let facts = image_preflight::inspect(path)?.facts;
//! let findings = check_all(&facts, &Context::today(Profile::Huaweicloud));
//! let fails = findings.iter().find(|finding| finding.status == Status::Fail).expect("one fails");
//! assert_eq!(fails.rule, "login-credential-or-cloudinit");
//! assert_eq!(fails.level, Level::Required);
//! let rule = about(&fails.rule).expect("each finding is a rule's");
//! println!("{}\n{}", rule.doc.title.en, rule.doc.why.en);
//! # Ok::<(), image_preflight::Error>(())
//! ```

mod about;
mod account_open;
mod arch_match;
pub mod baseline;
mod bits_memory_cap;
mod boot_and_system_same_disk;
mod boot_chain_complete;
pub(crate) mod boot_drivers;
pub(crate) mod boot_mode_bios;
mod centos6_net_generator_stub;
mod checklist;
mod cloud_init_cache_clean;
mod cloud_init_datasource_openstack;
mod cloud_init_enabled;
mod cloud_init_huawei_dmi;
mod cloud_init_installed;
mod cloud_init_linux_user_removed;
mod cloud_init_manage_etc_hosts;
mod cloud_init_modules_order;
mod cloud_init_network_disabled;
mod cloud_init_ready;
mod cloud_init_root_login;
mod cloud_init_settings;
mod console_ttys0;
pub mod day;
mod dhcp_persistent_client;
mod disk_not_encrypted;
mod driver_autoload;
mod el_nozeroconf;
mod error_codes;
mod file_size_max;
mod filesystem_sound;
pub mod finding;
mod firewall_allows_ssh;
mod format_extension_match;
mod format_supported;
mod free_space;
mod fs_supported_by_autoconfig;
mod fstab_no_nonsystem_mounts;
mod fstab_uuid;
mod fstab_uuid_exists;
mod graceful_shutdown;
pub(crate) mod grub_root_uuid;
mod grub_timeout;
mod host_keys;
mod initramfs_ide;
mod initramfs_other_kernels;
mod initramfs_root_reachable;
mod initramfs_virtio_net;
mod initramfs_virtio_storage;
mod initramfs_xen_pv;
mod initrd_referenced_exists;
mod ipv6_dhcp;
mod kernel_known_bad;
mod kernel_min_version;
mod kernel_release;
mod leftover_logs_history;
mod leftover_ssh_keys;
mod login_credential_or_cloudinit;
mod lvm_root_no_injection;
mod machine_id_hostkeys;
mod mountable;
mod networkmanager_cloudinit_079;
pub(crate) mod nic;
pub(crate) mod nic_dhcp;
pub(crate) mod nic_mac_bound;
mod nic_multiqueue;
mod nic_name_mismatch;
mod obs_access;
mod obs_object_encryption;
mod obs_same_region;
mod obs_standard_storage;
mod os_full_virtualization;
mod os_not_hardware_bound;
mod os_not_oem;
mod os_supported;
pub mod os_version;
mod page;
mod partition_layout_sound;
mod password_aging;
mod password_complexity;
pub mod policy;
mod qcow2_features_conservative;
mod qcow2_no_backing_file;
mod qcow2_no_external_data_file;
mod qcow2_no_internal_snapshots;
mod qcow2_not_encrypted;
mod qcow2_structure_consistent;
mod quota;
mod rainbow_log_present;
mod reset_pwd_plugin;
mod resume_device_exists;
mod root_account_usable;
mod scope;
pub(crate) mod shell;
mod single_disk_image;
mod size;
mod skipped;
mod sshd_enabled;
mod sshd_password_auth;
pub(crate) mod start;
mod suse11_xen_unplug;
mod suse_dhclient_set_hostname;
pub(crate) mod system_mounts;
mod udev_persistent_net;
mod udev_persistent_net_initrd;
mod uefi_fallback_loader;
mod uvp_pv_driver_leftover;
mod virtual_size_not_integer_gib;
mod virtual_size_range;
mod vmdk_exported_from_vmware;
mod vmware_tools_present;
pub(crate) mod volumes;
mod win_accounts;
mod win_administrator_usable;
mod win_cloudbase;
mod win_cloudbase_init;
mod win_dhcp;
mod win_discontinued;
mod win_display_power;
mod win_drivers;
mod win_ide_boot_driver;
mod win_keypair_unsupported;
mod win_login_or_cloudbase_init;
mod win_multiqueue_off;
mod win_note;
mod win_rdp_enabled;
mod win_san_policy;
mod win_sysprep_state;
mod win_third_party_pv;
mod win_uefi_no_offline_inject;
mod win_uvp_vmtools_version;
mod win_virtio_net;
mod win_virtio_storage;
mod xorg_conf_present;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::cast_possible_truncation)]
pub(crate) mod testing;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use about::is_of_guest;
pub use about::{About, Group, about, about_all, groups};
pub use error_codes::{ERROR_CODES, ErrorCode, error_code};
pub use finding::{Finding, check_all, judge};
pub use page::page;

use crate::fact::{Evidence, Unread};
use crate::guest::facts::Facts;

/// A sentence in each of the report's languages, made while checking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// English.
    pub en: String,
    /// Simplified Chinese.
    pub zh: String,
}

/// Makes a [`Text`] from two format strings that may capture variables:
/// `text!("{n} snapshots" , "{n} 个快照")`.
#[macro_export]
macro_rules! text {
    ($en:literal, $zh:literal $(,)?) => {
        $crate::rules::Text { en: format!($en), zh: format!($zh) }
    };
}

/// A fixed sentence in each of the report's languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixed {
    /// English.
    pub en: &'static str,
    /// Simplified Chinese.
    pub zh: &'static str,
}

/// A language of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    ZhCn,
}

impl Lang {
    /// As the command line spells it: the language tag of BCP 47.
    pub fn name(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::ZhCn => "zh-CN",
        }
    }
}

impl Text {
    /// The sentence in `lang`.
    pub fn get(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.en,
            Lang::ZhCn => &self.zh,
        }
    }
}

impl Fixed {
    /// The sentence in both languages.
    pub const fn new(en: &'static str, zh: &'static str) -> Self {
        Self { en, zh }
    }

    /// The sentence in `lang`.
    pub fn get(self, lang: Lang) -> &'static str {
        match lang {
            Lang::En => self.en,
            Lang::ZhCn => self.zh,
        }
    }

    /// As an owned [`Text`].
    pub fn text(self) -> Text {
        Text { en: self.en.to_owned(), zh: self.zh.to_owned() }
    }
}

/// How much a rule weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Broken means that the image must not be uploaded.
    Required,
    /// Broken means a warning.
    Recommended,
    /// Nothing to judge.
    Informational,
    /// The bytes cannot tell: a checklist line.
    Manual,
}

impl Level {
    /// As reports spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Recommended => "recommended",
            Self::Informational => "informational",
            Self::Manual => "manual",
        }
    }

    /// As sentences call it.
    pub(crate) fn words(self) -> Fixed {
        let zh = match self {
            Self::Required => "必须",
            Self::Recommended => "建议",
            Self::Informational => "提示",
            Self::Manual => "人工确认",
        };
        Fixed::new(self.name(), zh)
    }
}

/// A set of requirements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Profile {
    /// The source document of 2018-12, read literally.
    #[default]
    ImsClassic,
    /// Huawei Cloud's later pages.
    Huaweicloud,
    /// Open Telekom Cloud.
    Otc,
}

impl Profile {
    /// Every built-in profile.
    pub const ALL: [Self; 3] = [Self::ImsClassic, Self::Huaweicloud, Self::Otc];

    /// The built-in profile of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }

    /// What it is taken from, and of when that is.
    pub fn source(self) -> &'static str {
        match self {
            Self::ImsClassic => "the image service's document of 2018-12",
            Self::Huaweicloud => "Huawei Cloud's pages of 2019-12 to 2022-12",
            Self::Otc => "Open Telekom Cloud's pages of 2025 to 2026",
        }
    }

    /// As the command line and reports spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ImsClassic => "ims-classic",
            Self::Huaweicloud => "huaweicloud",
            Self::Otc => "otc",
        }
    }
}

/// How a rule ended.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each is the name of what it stands for")]
pub enum Status {
    Fail,
    Unverified,
    Warn,
    Manual,
    Info,
    Pass,
    NotApplicable,
    Waived,
}

/// Beside the facts, what a rule may depend on.
///
/// ```
/// use image_preflight::rules::{Context, Level, Profile, day};
///
/// // By this machine's clock.
/// let context = Context::today(Profile::Huaweicloud);
/// // The same each time.
/// let mut context = Context::new(Profile::Huaweicloud, day::number(2026, 12, 31));
/// // Stricter than the profile is by itself.
/// context.policy.levels.insert("grub-timeout".to_owned(), Some(Level::Required));
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Context {
    /// The profile.
    pub profile: Profile,
    /// Today, in days since 1970-01-01 UTC (for account expiry).
    pub today: i64,
    /// What the user changes of the profile.
    pub policy: policy::Policy,
}

impl Context {
    /// A built-in profile as it is, today by the clock of this machine.
    pub fn today(profile: Profile) -> Self {
        Self::new(profile, day::today())
    }

    /// A built-in profile as it is; `today` in days since 1970-01-01 UTC, as [`mod@day`] makes them
    /// of dates.
    pub fn new(profile: Profile, today: i64) -> Self {
        Self { profile, today, policy: policy::Policy::default() }
    }

    /// What reports call the profile.
    pub fn profile_name(&self) -> &str {
        self.policy.name.as_deref().unwrap_or_else(|| self.profile.name())
    }
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The judgement before the level is applied.
    pub judgement: Judgement,
    /// One sentence: what was found.
    pub message: Text,
    /// What was seen, and where.
    pub evidence: Vec<Evidence>,
    /// The repair for just this case, when it can be said more exactly than the rule's own remedy.
    pub remedy: Option<Text>,
}

/// A judgement before the level is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// It holds.
    Holds,
    /// It is broken: `fail` for a required rule, `warn` for a recommended one, `info` for an
    /// informational one.
    Broken,
    /// It is at most worth a warning, whatever the level (`info` for an informational one).
    Doubtful,
    /// Worth knowing.
    Noted,
    /// The bytes should tell but did not.
    Unverified,
    /// The bytes cannot tell.
    Manual,
    /// Does not concern this image.
    NotApplicable,
}

impl Outcome {
    fn new(judgement: Judgement, message: Text) -> Self {
        Self { judgement, message, evidence: Vec::new(), remedy: None }
    }

    /// It holds; `evidence` names what was looked at.
    pub fn holds(message: Text, evidence: Vec<Evidence>) -> Self {
        Self { evidence, ..Self::new(Judgement::Holds, message) }
    }

    /// It is broken, as `evidence` shows.
    pub fn broken(message: Text, evidence: Vec<Evidence>) -> Self {
        Self { evidence, ..Self::new(Judgement::Broken, message) }
    }

    /// It deserves a warning and no more.
    pub fn doubtful(message: Text, evidence: Vec<Evidence>) -> Self {
        Self { evidence, ..Self::new(Judgement::Doubtful, message) }
    }

    /// Worth knowing.
    pub fn noted(message: Text, evidence: Vec<Evidence>) -> Self {
        Self { evidence, ..Self::new(Judgement::Noted, message) }
    }

    /// It could not be decided, because of `unread`.
    pub fn unverified(message: Text, unread: &Unread) -> Self {
        Self { evidence: vec![unread.evidence()], ..Self::new(Judgement::Unverified, message) }
    }

    /// The bytes cannot tell.
    pub fn manual(message: Text) -> Self {
        Self::new(Judgement::Manual, message)
    }

    /// Does not concern this image.
    pub fn not_applicable(message: Text) -> Self {
        Self::new(Judgement::NotApplicable, message)
    }

    /// With the repair for just this case.
    #[must_use]
    pub fn remedy(mut self, remedy: Text) -> Self {
        self.remedy = Some(remedy);
        self
    }
}

/// What a rule says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Doc {
    /// The requirement in one short line.
    pub title: Fixed,
    /// Why it matters: what happens in the cloud when it is broken.
    pub why: Fixed,
    /// How it is decided from the image's bytes.
    pub decided: Fixed,
    /// How to repair it, with commands.
    pub remedy: Fixed,
    /// Where the requirement stands: document and, where there is one, the place in it.
    pub source: &'static str,
    /// The cloud's error codes that a broken rule leads to.
    pub predicts: &'static [&'static str],
    /// Whether the platform repairs it when the request sets `is_config`.
    pub repaired_by_platform: bool,
}

/// A requirement.
pub trait Rule: Sync {
    /// Its public id.
    fn id(&self) -> &'static str;

    /// Its level in a profile; `None` when the profile does not have it.
    fn level(&self, profile: Profile) -> Option<Level>;

    /// What it says of itself.
    fn doc(&self) -> &'static Doc;

    /// Decides it.
    fn check(&self, facts: &Facts, context: &Context) -> Outcome;
}

/// Every rule, in the order of the catalogue.
pub static RULES: &[&dyn Rule] = &[
    // Container format.
    &format_supported::FormatSupported,
    &format_extension_match::FormatExtensionMatch,
    &qcow2_not_encrypted::Qcow2NotEncrypted,
    &qcow2_no_backing_file::Qcow2NoBackingFile,
    &qcow2_no_internal_snapshots::Qcow2NoInternalSnapshots,
    &qcow2_no_external_data_file::Qcow2NoExternalDataFile,
    &qcow2_features_conservative::Qcow2FeaturesConservative,
    &qcow2_structure_consistent::Qcow2StructureConsistent,
    &file_size_max::FileSizeMax,
    &virtual_size_range::VirtualSizeRange,
    &virtual_size_not_integer_gib::VirtualSizeNotIntegerGib,
    &single_disk_image::SingleDiskImage,
    &partition_layout_sound::PartitionLayoutSound,
    &filesystem_sound::FilesystemSound,
    &free_space::FreeSpace,
    &boot_and_system_same_disk::BootAndSystemSameDisk,
    &boot_mode_bios::BootModeBios,
    &uefi_fallback_loader::UefiFallbackLoader,
    &arch_match::ArchMatch,
    &disk_not_encrypted::DiskNotEncrypted,
    &lvm_root_no_injection::LvmRootNoInjection,
    &vmdk_exported_from_vmware::VmdkExportedFromVmware,
    // Operating system.
    &os_supported::OsSupported,
    &os_not_oem::OsNotOem,
    &os_not_hardware_bound::OsNotHardwareBound,
    &os_full_virtualization::OsFullVirtualization,
    &kernel_min_version::KernelMinVersion,
    &kernel_known_bad::KernelKnownBad,
    &bits_memory_cap::BitsMemoryCap,
    &graceful_shutdown::GracefulShutdown,
    &fs_supported_by_autoconfig::FsSupportedByAutoconfig,
    // Linux: boot and drivers.
    &boot_chain_complete::BootChainComplete,
    &initramfs_virtio_storage::InitramfsVirtioStorage,
    &initramfs_virtio_net::InitramfsVirtioNet,
    &initramfs_other_kernels::InitramfsOtherKernels,
    &initramfs_xen_pv::InitramfsXenPv,
    &initramfs_ide::InitramfsIde,
    &initramfs_root_reachable::InitramfsRootReachable,
    &driver_autoload::DriverAutoload,
    &uvp_pv_driver_leftover::UvpPvDriverLeftover,
    &suse11_xen_unplug::Suse11XenUnplug,
    &vmware_tools_present::VmwareToolsPresent,
    &xorg_conf_present::XorgConfPresent,
    // Linux: disk identifiers.
    &fstab_no_nonsystem_mounts::FstabNoNonsystemMounts,
    &fstab_uuid::FstabUuid,
    &fstab_uuid_exists::FstabUuidExists,
    &grub_root_uuid::GrubRootUuid,
    &resume_device_exists::ResumeDeviceExists,
    &grub_timeout::GrubTimeout,
    &console_ttys0::ConsoleTtys0,
    &initrd_referenced_exists::InitrdReferencedExists,
    // Linux: network.
    &udev_persistent_net::UdevPersistentNet,
    &udev_persistent_net_initrd::UdevPersistentNetInitrd,
    &centos6_net_generator_stub::Centos6NetGeneratorStub,
    &nic_dhcp::NicDhcp,
    &nic_mac_bound::NicMacBound,
    &nic_name_mismatch::NicNameMismatch,
    &dhcp_persistent_client::DhcpPersistentClient,
    &suse_dhclient_set_hostname::SuseDhclientSetHostname,
    &el_nozeroconf::ElNozeroconf,
    &nic_multiqueue::NicMultiqueue,
    &ipv6_dhcp::Ipv6Dhcp,
    &sshd_enabled::SshdEnabled,
    &firewall_allows_ssh::FirewallAllowsSsh,
    // Linux: accounts and cloud-init.
    &login_credential_or_cloudinit::LoginCredentialOrCloudinit,
    &root_account_usable::RootAccountUsable,
    &password_complexity::PasswordComplexity,
    &cloud_init_installed::CloudInitInstalled,
    &cloud_init_enabled::CloudInitEnabled,
    &cloud_init_datasource_openstack::CloudInitDatasourceOpenstack,
    &cloud_init_huawei_dmi::CloudInitHuaweiDmi,
    &cloud_init_network_disabled::CloudInitNetworkDisabled,
    &cloud_init_manage_etc_hosts::CloudInitManageEtcHosts,
    &cloud_init_root_login::CloudInitRootLogin,
    &sshd_password_auth::SshdPasswordAuth,
    &cloud_init_modules_order::CloudInitModulesOrder,
    &cloud_init_cache_clean::CloudInitCacheClean,
    &cloud_init_linux_user_removed::CloudInitLinuxUserRemoved,
    &networkmanager_cloudinit_079::NetworkmanagerCloudinit079,
    &password_aging::PasswordAging,
    &leftover_ssh_keys::LeftoverSshKeys,
    &leftover_logs_history::LeftoverLogsHistory,
    &machine_id_hostkeys::MachineIdHostkeys,
    &reset_pwd_plugin::ResetPwdPlugin,
    &rainbow_log_present::RainbowLogPresent,
    // Windows.
    &win_administrator_usable::WinAdministratorUsable,
    &win_login_or_cloudbase_init::WinLoginOrCloudbaseInit,
    &win_cloudbase_init::WinCloudbaseInit,
    &win_ide_boot_driver::WinIdeBootDriver,
    &win_virtio_storage::WinVirtioStorage,
    &win_virtio_net::WinVirtioNet,
    &win_uvp_vmtools_version::WinUvpVmtoolsVersion,
    &win_uefi_no_offline_inject::WinUefiNoOfflineInject,
    &win_dhcp::WinDhcp,
    &win_rdp_enabled::WinRdpEnabled,
    &win_san_policy::WinSanPolicy,
    &win_sysprep_state::WinSysprepState,
    &win_display_power::WinDisplayPower,
    &win_third_party_pv::WinThirdPartyPv,
    &win_keypair_unsupported::RULE,
    &win_discontinued::RULE,
    &win_multiqueue_off::RULE,
    // Platform.
    &obs_standard_storage::RULE,
    &obs_same_region::RULE,
    &obs_object_encryption::RULE,
    &obs_access::RULE,
    &quota::RULE,
];

/// The rule with that id.
pub fn rule(id: &str) -> Option<&'static dyn Rule> {
    RULES.iter().copied().find(|rule| rule.id() == id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::testing::*;
    use super::*;

    const PROFILES: [Profile; 3] = [Profile::ImsClassic, Profile::Huaweicloud, Profile::Otc];

    #[test]
    fn ids_are_unique_and_lead_back_to_their_rule() {
        let ids: BTreeSet<_> = RULES.iter().map(|rule| rule.id()).collect();
        assert_eq!(ids.len(), RULES.len());
        for id in ids {
            assert_eq!(rule(id).expect(id).id(), id);
            // The catalogue spells the serial port as the kernel does.
            let plain = id.replace("ttyS0", "");
            let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(plain.chars().all(fits), "{id}");
        }
        assert!(rule("no-such-rule").is_none());
    }

    #[test]
    fn every_rule_is_documented_in_both_languages() {
        let is_han = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
        for rule in RULES {
            let doc = rule.doc();
            for text in [doc.title, doc.why, doc.decided, doc.remedy] {
                assert!(!text.en.trim().is_empty(), "{}", rule.id());
                assert!(!text.zh.trim().is_empty(), "{}", rule.id());
                assert!(!text.en.contains(is_han), "{}: {}", rule.id(), text.en);
            }
            for text in [doc.title, doc.why, doc.decided] {
                assert!(text.zh.contains(is_han), "{}: {}", rule.id(), text.zh);
            }
            assert!(!doc.source.is_empty(), "{}", rule.id());
            assert!(doc.predicts.iter().all(|code| code.starts_with("IMG.")), "{}", rule.id());
        }
    }

    #[test]
    fn the_good_machine_breaks_nothing_in_any_profile() {
        for profile in PROFILES {
            for finding in check_all(&good_linux_for(profile), &context(profile)) {
                // CentOS 7.6 as it came out, whose kernel is one of those with a known problem.
                let listed = finding.rule == "kernel-known-bad" && finding.status == Status::Info;
                let clean = listed
                    || matches!(
                        finding.status,
                        Status::Pass | Status::Manual | Status::NotApplicable
                    );
                assert!(clean, "{profile:?}: {finding:#?}");
            }
        }
    }

    #[test]
    fn the_good_windows_machine_breaks_nothing_in_any_profile() {
        /// What is said of each Windows guest.
        const NOTES: &[&str] =
            &["win-keypair-unsupported", "win-discontinued", "win-multiqueue-off"];
        for profile in PROFILES {
            for finding in check_all(&windows::good_windows(), &context(profile)) {
                let note = NOTES.contains(&finding.rule.as_str()) && finding.status == Status::Info;
                let clean = note
                    || matches!(
                        finding.status,
                        Status::Pass | Status::Manual | Status::NotApplicable
                    );
                assert!(clean, "{profile:?}: {finding:#?}");
            }
        }
    }

    #[test]
    fn of_windows_that_cannot_be_read_no_rule_of_its_own_passes() {
        for profile in PROFILES {
            for finding in check_all(&windows::windows_unread(), &context(profile)) {
                let own = finding.rule.starts_with("win-");
                assert!(!own || finding.status != Status::Pass, "{finding:#?}");
                assert_ne!(finding.status, Status::Fail, "{finding:#?}");
            }
        }
    }

    #[test]
    fn each_rule_of_the_profile_has_exactly_one_finding() {
        for profile in PROFILES {
            let guests = [good_linux(), windows::good_windows(), windows(), no_guest()];
            for facts in guests.into_iter().chain([foreign(), unread()]) {
                let found: Vec<_> =
                    check_all(&facts, &context(profile)).into_iter().map(|f| f.rule).collect();
                let expected: Vec<_> = RULES
                    .iter()
                    .filter(|rule| rule.level(profile).is_some())
                    .map(|rule| rule.id())
                    .collect();
                assert_eq!(found, expected);
            }
        }
    }

    /// What the file's own length, name and magic decide without a look inside.
    const FROM_THE_FILE_ALONE: &[&str] =
        &["format-supported", "format-extension-match", "file-size-max"];

    #[test]
    fn an_unknown_is_never_a_pass() {
        for profile in PROFILES {
            for finding in check_all(&unread(), &context(profile)) {
                let from_file = FROM_THE_FILE_ALONE.contains(&finding.rule.as_str());
                assert!(from_file || finding.status != Status::Pass, "{finding:#?}");
                assert_ne!(finding.status, Status::Fail, "{finding:#?}");
            }
            let mut facts = unread_inside();
            // The header is known in this one; what it says may pass.
            facts.image.qcow2 = unread().image.qcow2;
            facts.image.virtual_size = None;
            for finding in check_all(&facts, &context(profile)) {
                let from_file = FROM_THE_FILE_ALONE.contains(&finding.rule.as_str());
                // That a root was found in a partition of a table is known here.
                let layout = finding.rule == "single-disk-image";
                assert!(from_file || layout || finding.status != Status::Pass, "{finding:#?}");
            }
        }
    }

    #[test]
    fn a_foreign_format_leaves_what_lies_inside_unverified_with_that_reason() {
        for finding in check_all(&foreign(), &context(Profile::ImsClassic)) {
            if finding.status == Status::Unverified {
                assert!(finding.message.en.contains("the content of vmdk is not read"));
            }
        }
        let verdict = |rule| status(super::rule(rule).unwrap(), &foreign());
        assert_eq!(verdict("boot-chain-complete"), Status::Unverified);
        assert_eq!(verdict("win-administrator-usable"), Status::Unverified);
    }

    #[test]
    fn a_finding_serialises_as_the_report_promises() {
        let facts = {
            let mut facts = good_linux();
            fstab_mut(&mut facts).entries.push(mount(7, absent_disk(), "/data", "ext4"));
            facts
        };
        let rule = rule("fstab-no-nonsystem-mounts").unwrap();
        let finding = judged(rule, &facts, Profile::ImsClassic);
        let json = serde_json::to_value(finding.in_language(Lang::ZhCn)).unwrap();
        assert_eq!(json["rule"], "fstab-no-nonsystem-mounts");
        assert_eq!(json["level"], "required");
        assert_eq!(json["status"], "fail");
        assert_eq!(json["evidence"][0]["location"], "/etc/fstab:7");
        assert_eq!(json["remedy"], "sed -i '7s/^/#/' /etc/fstab");
        assert_eq!(json["predicts"], serde_json::json!([]));
        assert_eq!(json["repaired_by_platform"], false);
        assert!(json["message"].as_str().unwrap().contains("/etc/fstab第7行"));
        assert!(json["source"].as_str().unwrap().contains("制作镜像"));
        let back: Finding<String> = serde_json::from_value(json).unwrap();
        assert_eq!(back, finding.in_language(Lang::ZhCn));
    }

    #[test]
    fn the_pages_under_docs_rules_are_those_that_the_rules_write() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules");
        for about in about_all() {
            let file = folder.join(format!("{}.md", about.id));
            let written = std::fs::read_to_string(&file).unwrap_or_default();
            assert!(written == page(&about), "{} is not what the rule says", file.display());
        }
        let pages = std::fs::read_dir(&folder).unwrap().filter_map(Result::ok);
        let pages = pages.filter(|page| page.path().extension().is_some_and(|end| end == "md"));
        assert_eq!(pages.count(), about_all().count(), "a page without a rule");
    }
}
