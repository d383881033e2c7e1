//! What turns cloud-init off.
//!
//! Sources: `systemd/cloud-init-generator.tmpl` (the kernel command line, then
//! `/etc/cloud/cloud-init.enabled`, then `cloud-init.disabled`; then what ds-identify says),
//! `tools/ds-identify`, and the conditions in newer unit files
//! (`systemd/cloud-init-main.service.tmpl`).

use super::ds_identify::{self, COMMAND_LINE, DS_IDENTIFY, is_file};
use crate::error::Result;
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::tree::Tree;
use crate::guest::linux::systemd_unit::{BootUnits, CLOUD_INIT_GENERATOR};

const DISABLED: &str = "/etc/cloud/cloud-init.disabled";
const ENABLED: &str = "/etc/cloud/cloud-init.enabled";

/// Stages any of whose conditions stop cloud-init.
const STAGES: [&str; 4] = [
    "cloud-init-main.service",
    "cloud-init-local.service",
    "cloud-init.service",
    "cloud-init-network.service",
];

/// Everything that turns cloud-init off; empty when nothing does.
pub(super) fn find(
    tree: &Tree,
    boot: &BootUnits<'_>,
    command_line: Option<&str>,
) -> Fact<Vec<Evidence>> {
    match all(tree, boot, command_line.unwrap_or_default()) {
        Ok(found) => Fact::Known(found),
        Err(unread) => Fact::Unknown(unread),
    }
}

fn all(tree: &Tree, boot: &BootUnits<'_>, command_line: &str) -> Result<Vec<Evidence>, Unread> {
    let mut found = Vec::new();
    let generator = is_file(tree, CLOUD_INIT_GENERATOR)?.is_some();
    let mut conditions = Vec::new();
    for stage in STAGES {
        conditions.extend(boot.values(stage, "[Unit]", &["ConditionPathExists"])?);
    }

    // The last one on the line counts (`${cmdline##* cloud-init=}`).
    let switch = command_line
        .split_ascii_whitespace()
        .rev()
        .find_map(|word| word.strip_prefix("cloud-init="))
        .filter(|value| matches!(*value, "enabled" | "disabled"));
    if switch == Some("disabled") {
        found.push(Evidence::new(COMMAND_LINE, "cloud-init=disabled"));
    }

    if is_file(tree, [DISABLED])?.is_some() {
        let overruled =
            generator && (switch == Some("enabled") || is_file(tree, [ENABLED])?.is_some());
        let asks = |value: &str| value.strip_prefix('!').map(str::trim_start) == Some(DISABLED);
        let condition = conditions.iter().any(|(_, value)| asks(value));
        if condition || !overruled {
            found.push(Evidence::new(DISABLED, "the file exists"));
        }
    }

    if generator && is_file(tree, DS_IDENTIFY)?.is_some() {
        found.extend(policy(tree, command_line)?);
    }
    Ok(found)
}

/// The policy of ds-identify, when it is `disabled`.
fn policy(tree: &Tree, command_line: &str) -> Result<Option<Evidence>, Unread> {
    let policy = ds_identify::policy(tree, command_line)?;
    Ok(policy.filter(|policy| ds_identify::mode(policy) == Some("disabled")))
}

#[cfg(test)]
mod tests {
    use super::ds_identify::DS_IDENTIFY_CONFIG;
    use super::*;
    use crate::filesystem::memory::MemoryFs;

    fn with_generator() -> MemoryFs {
        MemoryFs::new()
            .file("/lib/systemd/system-generators/cloud-init-generator", "#!/bin/sh\n")
            .file("/usr/lib/cloud-init/ds-identify", "#!/bin/sh\n")
    }

    fn places(fs: MemoryFs, command_line: &str) -> Vec<String> {
        let tree = fs.tree();
        let found = find(&tree, &BootUnits::walk(&tree), Some(command_line));
        found.known().unwrap().iter().map(|evidence| evidence.location.clone()).collect()
    }

    #[test]
    fn the_last_switch_on_the_command_line_counts() {
        assert_eq!(
            places(with_generator(), "quiet cloud-init=enabled cloud-init=disabled"),
            ["kernel command line"]
        );
        let none: [&str; 0] = [];
        assert_eq!(places(with_generator(), "cloud-init=disabled cloud-init=enabled"), none);
        assert_eq!(places(with_generator(), "xcloud-init=disabled"), none);
    }

    #[test]
    fn the_disabled_file_is_overruled_where_the_generator_asks_the_command_line_first() {
        let fs = || with_generator().file(DISABLED, "");
        assert_eq!(places(fs(), ""), [DISABLED]);
        let none: [&str; 0] = [];
        assert_eq!(places(fs(), "cloud-init=enabled"), none);
        assert_eq!(places(fs().file(ENABLED, ""), ""), none);
    }

    #[test]
    fn the_condition_of_a_unit_is_never_overruled() {
        let unit = "/usr/lib/systemd/system/cloud-init-local.service";
        let text = "[Unit]\nConditionPathExists=!/etc/cloud/cloud-init.disabled\n";
        let fs = |unit: &str| with_generator().file(DISABLED, "").file(unit, text);
        assert_eq!(places(fs(unit), "cloud-init=enabled"), [DISABLED]);
        // So is one in a drop-in, which may take that of the unit back as well.
        let drop_in = format!("{unit}.d/x.conf");
        assert_eq!(places(fs(&drop_in).file(unit, "[Unit]\n"), "cloud-init=enabled"), [DISABLED]);
        let back = fs(unit).file(&drop_in, "[Unit]\nConditionPathExists=\n");
        assert_eq!(places(back, "cloud-init=enabled"), [""; 0]);
    }

    #[test]
    fn the_policy_of_ds_identify_disables_only_where_ds_identify_runs() {
        let config = "# comment\npolicy: search\npolicy: disabled\n";
        let fs = with_generator().file(DS_IDENTIFY_CONFIG, config);
        assert_eq!(places(fs, ""), ["/etc/cloud/ds-identify.cfg:3"]);
        let none: [&str; 0] = [];
        assert_eq!(places(MemoryFs::new().file(DS_IDENTIFY_CONFIG, config), ""), none);
        let fs = with_generator().file(DS_IDENTIFY_CONFIG, config);
        assert_eq!(places(fs, "ci.di.policy=search,notfound=disabled"), none);
    }

    #[test]
    fn an_unreadable_directory_leaves_it_unknown() {
        let fs = MemoryFs::new().file(DISABLED, "").unreadable("/etc/cloud");
        let tree = fs.tree();
        assert!(find(&tree, &BootUnits::walk(&tree), None).unread().is_some());
    }
}
