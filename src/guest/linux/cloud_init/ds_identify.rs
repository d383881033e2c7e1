//! ds-identify: the program that cloud-init's generator asks at boot whether there is a data source.
//!
//! Source: `tools/ds-identify` (`read_config`, `_read_config`, `parse_policy`, `_main`): its policy and
//! a data source may stand in `/etc/cloud/ds-identify.cfg` and, stronger, on the kernel command line;
//! a `datasource_list` of one entry is used without a look at the machine.

use super::platform_tags;
use crate::error::Result;
use crate::fact::{Evidence, Fact, Unread, value_behind};
use crate::filesystem::FileType;
use crate::filesystem::tree::Tree;
use crate::guest::facts::{DsIdentify, DsIdentifyWay};
use crate::guest::linux::systemd_unit::CLOUD_INIT_GENERATOR;

pub(super) const DS_IDENTIFY_CONFIG: &str = "/etc/cloud/ds-identify.cfg";

/// Where distributions put the program.
pub(super) const DS_IDENTIFY: [&str; 2] =
    ["/usr/lib/cloud-init/ds-identify", "/usr/libexec/cloud-init/ds-identify"];

/// Longest `ds-identify.cfg` read; it holds two short lines.
const MAX_CONFIG: u64 = 64 << 10;

/// The place of what stands on the kernel command line.
pub(super) const COMMAND_LINE: &str = "kernel command line";

/// What ds-identify does at boot; `Known(None)` where no generator runs it.
pub(super) fn find(
    tree: &Tree,
    command_line: Option<&str>,
    datasource_list: &Fact<Option<(Vec<String>, Evidence)>>,
) -> Fact<Option<DsIdentify>> {
    match decide(tree, command_line.unwrap_or_default(), datasource_list) {
        Ok(found) => Fact::Known(found),
        Err(unread) => Fact::Unknown(unread),
    }
}

fn decide(
    tree: &Tree,
    command_line: &str,
    datasource_list: &Fact<Option<(Vec<String>, Evidence)>>,
) -> Result<Option<DsIdentify>, Unread> {
    let (Some(_), Some(path)) = (is_file(tree, CLOUD_INIT_GENERATOR)?, is_file(tree, DS_IDENTIFY)?)
    else {
        return Ok(None);
    };
    let unread = |error| Unread::from((path, &error));
    let program = platform_tags::in_file(tree, path).map_err(unread)?;
    let of = |way, evidence| Ok(Some(DsIdentify { program, way, evidence }));
    if let Some(policy) = policy(tree, command_line)? {
        match mode(&policy) {
            Some("disabled") => return of(DsIdentifyWay::Disabled, policy),
            Some("enabled") => return of(DsIdentifyWay::Enabled, policy),
            _ => {}
        }
    }
    if let Some(given) = datasource(tree, command_line)? {
        let name = value(&given).split(';').next().unwrap_or_default().to_owned();
        return of(DsIdentifyWay::Given(name), given);
    }
    match datasource_list.as_result() {
        Ok(Some((list, evidence))) => match list.as_slice() {
            [only] => of(DsIdentifyWay::Given(only.clone()), evidence.clone()),
            [only, none] if none == "None" => {
                of(DsIdentifyWay::Given(only.clone()), evidence.clone())
            }
            _ => of(DsIdentifyWay::Search, evidence.clone()),
        },
        Ok(None) => of(DsIdentifyWay::Search, Evidence::new(path, "no datasource_list")),
        Err(unread) => Err(unread.clone()),
    }
}

/// The policy, as a word of the command line or a line of the file.
pub(super) fn policy(tree: &Tree, command_line: &str) -> Result<Option<Evidence>, Unread> {
    setting(tree, command_line, &["ci.di.policy="], "policy")
}

/// The mode that a policy names: the last word that is one.
pub(super) fn mode(policy: &Evidence) -> Option<&str> {
    value(policy)
        .split(',')
        .rev()
        .find(|word| matches!(*word, "enabled" | "disabled" | "search" | "report"))
}

fn datasource(tree: &Tree, command_line: &str) -> Result<Option<Evidence>, Unread> {
    let found = setting(tree, command_line, &["ds=", "ci.ds=", "ci.datasource="], "datasource")?;
    Ok(found.filter(|found| !value(found).is_empty()))
}

/// What stands behind the first `=` or `:`.
fn value(setting: &Evidence) -> &str {
    let value = setting.detail.split_once(['=', ':']).map_or("", |(_, value)| value);
    value.trim().trim_matches(['"', '\''])
}

/// The last word of the command line that begins so, else the last line of the file with that key.
fn setting(
    tree: &Tree,
    command_line: &str,
    words: &[&str],
    key: &str,
) -> Result<Option<Evidence>, Unread> {
    let on_line = command_line
        .split_ascii_whitespace()
        .rev()
        .find(|word| words.iter().any(|start| word.starts_with(start)))
        .map(|word| Evidence::new(COMMAND_LINE, word));
    let in_file = match tree.read_text(DS_IDENTIFY_CONFIG, MAX_CONFIG) {
        Ok(text) => line_of(&text, key),
        Err(error) if error.is_absent() => None,
        Err(error) => return Err(Unread::from((DS_IDENTIFY_CONFIG, &error))),
    };
    Ok(on_line.or(in_file))
}

fn line_of(text: &str, wanted: &str) -> Option<Evidence> {
    let lines: Vec<_> = (1_usize..).zip(text.lines()).collect();
    lines.into_iter().rev().find_map(|(line, whole)| {
        let content = whole.split('#').next().unwrap_or_default().trim();
        let (key, _) = content.split_once(':')?;
        let evidence = || Evidence::new(format!("{DS_IDENTIFY_CONFIG}:{line}"), content);
        (key.trim() == wanted).then(|| evidence().marked(line, whole, value_behind(whole, &[':'])))
    })
}

/// The first of the paths that leads to a regular file (`[ -f … ]`).
pub(super) fn is_file<'a>(
    tree: &Tree,
    paths: impl IntoIterator<Item = &'a str>,
) -> Result<Option<&'a str>, Unread> {
    for path in paths {
        match tree.metadata(path) {
            Ok(metadata) if metadata.file_type == FileType::Regular => return Ok(Some(path)),
            Ok(_) => {}
            Err(error) if error.is_absent() => {}
            Err(error) => return Err(Unread::from((path, &error))),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;

    fn way(config: &str, command_line: &str, list: Option<&[&str]>) -> DsIdentifyWay {
        let fs = MemoryFs::new()
            .file("/usr/lib/systemd/system-generators/cloud-init-generator", "#!/bin/sh\n")
            .file("/usr/libexec/cloud-init/ds-identify", "HUAWEICLOUD\n")
            .file(DS_IDENTIFY_CONFIG, config);
        let list = list.map(|list| {
            let names = list.iter().map(|&name| name.to_owned()).collect();
            (names, Evidence::new("/etc/cloud/cloud.cfg:1", "list"))
        });
        let found = find(&fs.tree(), Some(command_line), &Fact::Known(list));
        let found = found.known().unwrap().clone().unwrap();
        assert_eq!(found.program.tags, ["HUAWEICLOUD"]);
        found.way
    }

    #[test]
    fn one_data_source_in_the_list_is_used_without_a_search() {
        let given = |name: &str| DsIdentifyWay::Given(name.to_owned());
        assert_eq!(way("", "", Some(&["OpenStack"])), given("OpenStack"));
        assert_eq!(way("", "", Some(&["OpenStack", "None"])), given("OpenStack"));
        assert_eq!(way("", "", Some(&["OpenStack", "Ec2"])), DsIdentifyWay::Search);
        assert_eq!(way("", "", None), DsIdentifyWay::Search);
    }

    #[test]
    fn the_command_line_is_stronger_than_the_file_and_the_policy_than_the_source() {
        let given = |name: &str| DsIdentifyWay::Given(name.to_owned());
        assert_eq!(way("datasource: Ec2\n", "quiet", None), given("Ec2"));
        assert_eq!(way("datasource: Ec2\n", "ds=nocloud;s=/x", None), given("nocloud"));
        assert_eq!(way("policy: enabled\n", "ds=nocloud", None), DsIdentifyWay::Enabled);
        let search = "ci.di.policy=search,notfound=enabled";
        assert_eq!(way("policy: disabled\n", search, None), DsIdentifyWay::Search);
    }

    #[test]
    fn without_a_generator_nothing_runs_it() {
        let fs = MemoryFs::new().file("/usr/libexec/cloud-init/ds-identify", "x");
        assert_eq!(find(&fs.tree(), None, &Fact::Known(None)), Fact::Known(None));
    }
}
