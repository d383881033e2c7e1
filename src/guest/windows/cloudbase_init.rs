//! Cloudbase-Init: its service and its configuration.
//!
//! Sources: Cloudbase-Init documentation, "Configuration options reference"; oslo.config,
//! "Configuration file format" (sections, continued lines, the last of two lines wins).

use std::collections::BTreeMap;

use super::system_root::{SystemRoot, program, shown};
use crate::error::{Error, Result};
use crate::fact::{Fact, Unread};
use crate::filesystem::tree::Tree;
use crate::guest::facts::{
    CloudbaseInit, CloudbaseInitConf, ConfValue, ServiceFacts, SoftwareKind,
};

/// Longest configuration in bytes; the installer's has about one KiB.
const MAX_CONF: u64 = 1 << 20;

/// Most options kept.
const MAX_OPTIONS: usize = 4096;

/// Longest name of a section whose options are kept; those that count have at most ten letters.
const MAX_SECTION: usize = 64;

/// Where the installers put it.
const USUAL: [&str; 2] = [
    "/Program Files/Cloudbase Solutions/Cloudbase-Init/conf/cloudbase-init.conf",
    "/Program Files (x86)/Cloudbase Solutions/Cloudbase-Init/conf/cloudbase-init.conf",
];

/// Cloudbase-Init, by the services that are known.
pub(super) fn find(
    tree: &Tree,
    root: &SystemRoot,
    services: &Fact<Vec<ServiceFacts>>,
) -> CloudbaseInit {
    let service = services.clone().map(|services| {
        services.into_iter().find(|service| service.kind == SoftwareKind::CloudbaseInit)
    });
    let command = service.known().and_then(Option::as_ref).and_then(|it| it.image_path.as_deref());
    let conf = conf(tree, root, command);
    CloudbaseInit { service, conf }
}

/// The file that the service's command line names by `--config-file`, otherwise the installers'.
fn conf(tree: &Tree, root: &SystemRoot, command: Option<&str>) -> Fact<Option<CloudbaseInitConf>> {
    let named = command.and_then(|command| argument(command, "--config-file"));
    let paths: Vec<String> = match named {
        Some(named) => match root.resolve(named) {
            Ok(path) => vec![path],
            Err(_) => {
                let reason = "where this path leads is not understood";
                return Fact::Unknown(Unread::new(named, reason));
            }
        },
        None => USUAL.map(str::to_owned).to_vec(),
    };
    for path in paths {
        match Fact::from_lookup(shown(&path), tree.read_text(&path, MAX_CONF)) {
            Fact::Known(None) => {}
            Fact::Known(Some(text)) => {
                let conf = |options| Some(CloudbaseInitConf { path: shown(&path), options });
                return Fact::from_result(shown(&path), parse(&text)).map(conf);
            }
            Fact::Unknown(unread) => return Fact::Unknown(unread),
        }
    }
    Fact::Known(None)
}

/// What follows an option of a command line, by a blank or `=`, without its quotes.
fn argument<'a>(command: &'a str, option: &str) -> Option<&'a str> {
    let (_, rest) = command.split_once(option)?;
    let rest = rest.strip_prefix('=').unwrap_or(rest).trim_start();
    if rest.starts_with('"') {
        return Some(program(rest));
    }
    let end = rest.to_ascii_lowercase().find(".conf").map(|at| at.saturating_add(5));
    end.and_then(|end| rest.get(..end)).or_else(|| rest.split_whitespace().next())
}

/// The options by `section.option`.
fn parse(text: &str) -> Result<BTreeMap<String, ConfValue>> {
    let mut options: BTreeMap<String, ConfValue> = BTreeMap::new();
    let mut section = "default".to_owned();
    let mut last: Option<String> = None;
    for (number, line) in (1_u32..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            if trimmed.is_empty() {
                last = None;
            }
            continue;
        }
        if line.starts_with([' ', '\t']) {
            if let Some(value) = last.as_ref().and_then(|name| options.get_mut(name)) {
                value.value.push(' ');
                value.value.push_str(trimmed);
            }
            continue;
        }
        last = None;
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_ascii_lowercase();
            continue;
        }
        if section.len() > MAX_SECTION {
            continue;
        }
        let Some(at) = trimmed.find(['=', ':']) else { continue };
        let (name, value) = trimmed.split_at_checked(at).unwrap_or((trimmed, ""));
        if options.len() >= MAX_OPTIONS {
            return Err(Error::too_much("configuration", MAX_OPTIONS, "options"));
        }
        let name = format!("{section}.{}", name.trim().to_ascii_lowercase());
        let value = value.get(1..).unwrap_or_default().trim().trim_matches(['"', '\'']).to_owned();
        options.insert(name.clone(), ConfValue { value, line: number });
        last = Some(name);
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_options_than_are_kept_leave_all_unknown() {
        let text = |count: usize| {
            let many: String = (0..count).map(|number| format!("x{number}=1\n")).collect();
            format!("[{}]\na=1\n[DEFAULT]\n{many}", "long".repeat(100_000))
        };
        assert_eq!(parse(&text(MAX_OPTIONS)).unwrap().len(), MAX_OPTIONS);
        assert!(matches!(parse(&text(MAX_OPTIONS + 1)), Err(Error::Limit { unit: "options", .. })));
    }

    #[test]
    fn a_configuration_is_read_as_oslo_reads_it() {
        let text = "[DEFAULT]\r\nusername=Admin\r\n# username=Nobody\r\nUserName = Administrator\r\n\
            plugins=a.B,\r\n  c.D\r\n\r\n  stray\r\n[openstack]\r\nadd_metadata_private_ip_route: False\r\n";
        let options = parse(text).unwrap();
        let of = |name: &str| {
            let found = &options[name];
            (found.value.as_str(), found.line)
        };
        assert_eq!(of("default.username"), ("Administrator", 4));
        assert_eq!(of("default.plugins"), ("a.B, c.D", 5));
        assert_eq!(of("openstack.add_metadata_private_ip_route"), ("False", 10));
        assert_eq!(options.len(), 3);
    }

    #[test]
    fn the_command_line_names_the_file() {
        let command = r#""C:\P F\OpenStackService.exe" cloudbase-init "C:\P F\cloudbase-init.exe" --config-file "C:\P F\conf\a.conf" --debug"#;
        assert_eq!(argument(command, "--config-file"), Some(r"C:\P F\conf\a.conf"));
        assert_eq!(
            argument(r"x --config-file=C:\P F\a.conf -v", "--config-file"),
            Some(r"C:\P F\a.conf")
        );
        assert_eq!(argument("x", "--config-file"), None);
    }
}
