//! ds-identify: the program that cloud-init's generator asks at boot whether there is a data source.
//!
//! Source: `tools/ds-identify` (`read_config`, `_read_config`, `parse_policy`, `_main`): its policy and
//! a data source may stand in `/etc/cloud/ds-identify.cfg` and, stronger, on the kernel command line;
//! a `datasource_list` of one entry is used without a look at the machine. It reads that list by itself,
//! line by line (`check_config`, `parse_yaml_array`): one over several lines is none for it.

use super::platform_tags;
use crate::error::Result;
use crate::fact::{Evidence, Fact, Unread, value_behind};
use crate::filesystem::FileType;
use crate::filesystem::tree::Tree;
use crate::guest::facts::{DsIdentify, DsIdentifyWay};
use crate::guest::linux::pattern;
use crate::guest::linux::systemd_unit::CLOUD_INIT_GENERATOR;

pub(super) const DS_IDENTIFY_CONFIG: &str = "/etc/cloud/ds-identify.cfg";

/// Where distributions put the program.
pub(super) const DS_IDENTIFY: [&str; 2] =
    ["/usr/lib/cloud-init/ds-identify", "/usr/libexec/cloud-init/ds-identify"];

/// Longest `ds-identify.cfg` read; it holds two short lines.
const MAX_CONFIG: u64 = 64 << 10;

/// Where it looks for the list (`PATH_ETC_CI_CFG`, `PATH_ETC_CI_CFG_D`).
const CLOUD_CFG: &str = "/etc/cloud/cloud.cfg";
const CLOUD_CFG_D: &str = "/etc/cloud/cloud.cfg.d/*.cfg";

/// Longest of those files read, in bytes; as cloud-init's own configuration is bounded.
const MAX_CLOUD_CFG: u64 = 1 << 20;

/// Most files of `cloud.cfg.d`.
const MAX_FILES: usize = 256;

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
    let policy = policy(tree, command_line)?;
    if let Some(policy) = &policy {
        match mode(policy) {
            Some("disabled") => return of(DsIdentifyWay::Disabled, policy.clone()),
            Some("enabled") => return of(DsIdentifyWay::Enabled, policy.clone()),
            _ => {}
        }
    }
    if let Some(given) = datasource(tree, command_line)? {
        let name = value(&given).split(';').next().unwrap_or_default().to_owned();
        return of(DsIdentifyWay::Given(name), given);
    }
    // What is not understood for cloud-init itself is not known here either.
    datasource_list.as_result().map_err(Clone::clone)?;
    let list = match command_line_list(command_line) {
        Some(names) => Some((names, Evidence::new(COMMAND_LINE, "cc: datasource_list"))),
        None => one_line_list(tree)?,
    };
    let (names, evidence) =
        list.unwrap_or_else(|| (Vec::new(), Evidence::new(path, "no datasource_list in one line")));
    match names.as_slice() {
        [only] => of(DsIdentifyWay::Given(only.clone()), evidence),
        [only, none] if none == "None" => of(DsIdentifyWay::Given(only.clone()), evidence),
        _ => match policy.filter(goes_on) {
            Some(policy) => of(DsIdentifyWay::Enabled, policy),
            None => of(DsIdentifyWay::Search, evidence),
        },
    }
}

/// Whether a policy lets cloud-init run where no data source was found; the last word counts
/// (`parse_policy`).
fn goes_on(policy: &Evidence) -> bool {
    let words = value(policy).split(',').rev();
    let mut results = words.filter_map(|word| word.strip_prefix("notfound="));
    results.next() == Some("enabled")
}

/// The list in `cc: … end_cc` on the command line, between the brackets (`read_datasource_list`).
fn command_line_list(command_line: &str) -> Option<Vec<String>> {
    let (before, after) = command_line.rsplit_once("datasource_list")?;
    before.contains("cc:").then_some(())?;
    let list = after.split(']').next().unwrap_or_default();
    let names = names(list.rsplit('[').next().unwrap_or_default());
    (!names.is_empty()).then_some(names)
}

/// The last `datasource_list:` of `cloud.cfg` and the files of `cloud.cfg.d`, as it stands in its line.
fn one_line_list(tree: &Tree) -> Result<Option<(Vec<String>, Evidence)>, Unread> {
    let unread = |path: &str, error| Unread::from((path, &error));
    let more = pattern::files(tree, CLOUD_CFG_D).map_err(|error| unread(CLOUD_CFG_D, error))?;
    let mut found = None;
    let mut left = MAX_FILES;
    for path in std::iter::once(CLOUD_CFG.to_owned()).chain(more) {
        if is_file(tree, [path.as_str()])?.is_none() {
            continue;
        }
        if path != CLOUD_CFG {
            left = left
                .checked_sub(1)
                .ok_or_else(|| Unread::new(CLOUD_CFG_D, format!("more than {MAX_FILES} files")))?;
        }
        let text = tree.read_text(&path, MAX_CLOUD_CFG).map_err(|error| unread(&path, error))?;
        for (line, whole) in (1_usize..).zip(text.lines()) {
            let content = whole.split('#').next().unwrap_or_default().trim();
            let Some(rest) = content.strip_prefix("datasource_list:") else { continue };
            if rest.is_empty() || rest.starts_with(' ') {
                let evidence = Evidence::new(format!("{path}:{line}"), content).marked(
                    line,
                    whole,
                    value_behind(whole, &[':']),
                );
                found = Some((names(rest), evidence));
            }
        }
    }
    Ok(found.filter(|(names, _)| !names.is_empty()))
}

/// The names of a list in one line, with brackets and quotes or without (`parse_yaml_array`).
fn names(list: &str) -> Vec<String> {
    let list = list.trim();
    let list = list.strip_prefix('[').unwrap_or(list);
    let list = list.strip_suffix(']').unwrap_or(list);
    let names = list.split(',').map(|name| name.trim().trim_matches(['"', '\'']));
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
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
        let fs = match list {
            Some(list) => fs.file(CLOUD_CFG, format!("datasource_list: [ {} ]\n", list.join(", "))),
            None => fs,
        };
        way_of(fs, command_line)
    }

    fn way_of(fs: MemoryFs, command_line: &str) -> DsIdentifyWay {
        let found = find(&fs.tree(), Some(command_line), &Fact::Known(None));
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
        let search = "ci.di.policy=search,notfound=disabled";
        assert_eq!(way("policy: disabled\n", search, None), DsIdentifyWay::Search);
    }

    #[test]
    fn a_list_over_several_lines_is_none() {
        // As ds-identify of cloud-init 22.4 answers on a machine whose tag it does not know: "no
        // datasource_list found, using default", disabled; and for the last three, enabled.
        let with = |text: &str| {
            let fs = MemoryFs::new()
                .file("/usr/lib/systemd/system-generators/cloud-init-generator", "#!/bin/sh\n")
                .file("/usr/libexec/cloud-init/ds-identify", "HUAWEICLOUD\n")
                .file(CLOUD_CFG, text);
            way_of(fs, "")
        };
        let given = DsIdentifyWay::Given("OpenStack".to_owned());
        assert_eq!(with("datasource_list:\n - OpenStack\n"), DsIdentifyWay::Search);
        assert_eq!(with("datasource_list: [\n  OpenStack ]\n"), DsIdentifyWay::Search);
        assert_eq!(with("datasource_list : [OpenStack]\n"), DsIdentifyWay::Search);
        assert_eq!(with("datasource_list: ['OpenStack', None] # x\n"), given);
        assert_eq!(with("  datasource_list: OpenStack\n"), given);
        let line = "ro cc: {'datasource_list': ['OpenStack']} end_cc";
        assert_eq!(way("", line, None), given);
    }

    #[test]
    fn a_policy_that_goes_on_lets_cloud_init_search() {
        let on = "policy: search,found=all,maybe=all,notfound=enabled\n";
        assert_eq!(way(on, "", Some(&["OpenStack", "Ec2"])), DsIdentifyWay::Enabled);
        assert_eq!(way("policy: search,notfound=disabled\n", "", None), DsIdentifyWay::Search);
        let given = DsIdentifyWay::Given("OpenStack".to_owned());
        assert_eq!(way(on, "", Some(&["OpenStack"])), given);
    }

    #[test]
    fn files_behind_the_bound_leave_the_list_unknown_and_directories_do_not_count() {
        let fs = || {
            MemoryFs::new()
                .file("/usr/lib/systemd/system-generators/cloud-init-generator", "#!/bin/sh\n")
                .file("/usr/libexec/cloud-init/ds-identify", "HUAWEICLOUD\n")
                .file("/etc/cloud/cloud.cfg.d/zz.cfg", "datasource_list: [ OpenStack, Ec2 ]\n")
        };
        let path = |number: usize| format!("/etc/cloud/cloud.cfg.d/a{number}.cfg");
        let directories = (0..MAX_FILES).fold(fs(), |fs, number| fs.dir(&path(number)));
        assert_eq!(way_of(directories, ""), DsIdentifyWay::Search);
        let files = |count: usize| {
            let fs = fs().file(CLOUD_CFG, "");
            (1..count).fold(fs, |fs, number| fs.file(&path(number), ""))
        };
        assert_eq!(way_of(files(MAX_FILES), ""), DsIdentifyWay::Search);
        let found = find(&files(MAX_FILES + 1).tree(), None, &Fact::Known(None));
        assert_eq!(found.unread().unwrap().reason, "more than 256 files");
    }

    #[test]
    fn without_a_generator_nothing_runs_it() {
        let fs = MemoryFs::new().file("/usr/libexec/cloud-init/ds-identify", "x");
        assert_eq!(find(&fs.tree(), None, &Fact::Known(None)), Fact::Known(None));
    }
}
