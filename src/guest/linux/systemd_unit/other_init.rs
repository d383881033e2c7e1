//! Services of systems whose first process is not systemd, and SysV services that systemd takes over.
//!
//! Sources: systemd-sysv-generator(8), update-rc.d(8), init(5) of upstart, openrc(8).

use super::MAX_UNIT_FILE;
use crate::error::Result;
use crate::fact::Evidence;
use crate::filesystem::tree::Tree;
use crate::guest::facts::UnitState;

/// Directories of start links for runlevels 2 to 5, which systemd maps to `multi-user.target` and
/// `graphical.target`.
const RUNLEVELS: [&str; 8] = [
    "/etc/rc2.d",
    "/etc/rc3.d",
    "/etc/rc4.d",
    "/etc/rc5.d",
    "/etc/rc.d/rc2.d",
    "/etc/rc.d/rc3.d",
    "/etc/rc.d/rc4.d",
    "/etc/rc.d/rc5.d",
];

/// An init script and its start links (systemd-sysv-generator(8); update-rc.d(8)).
pub(super) fn sysv(tree: &Tree, name: &str) -> Result<Option<(UnitState, Evidence)>> {
    for directory in RUNLEVELS {
        let entries = match tree.read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.is_absent() => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let link = String::from_utf8_lossy(&entry.name);
            let rest = link.strip_prefix('S').unwrap_or_default();
            let of = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            if of == name && of.len() < rest.len() {
                let evidence = Evidence::new(format!("{directory}/{link}"), "start link");
                return Ok(Some((UnitState::Enabled, evidence)));
            }
        }
    }
    for path in [format!("/etc/init.d/{name}"), format!("/etc/rc.d/init.d/{name}")] {
        if tree.exists(&path)? {
            let evidence = Evidence::new(path, "no start link in runlevels 2 to 5");
            return Ok(Some((UnitState::Disabled, evidence)));
        }
    }
    Ok(None)
}

/// Runlevels through which OpenRC goes at boot (openrc(8)).
const OPENRC_RUNLEVELS: [&str; 3] = ["sysinit", "boot", "default"];

/// A service of OpenRC, which is started when a runlevel has a link of its name (rc-update(8)).
pub(super) fn openrc(tree: &Tree, name: &str) -> Result<Option<(UnitState, Evidence)>> {
    if !tree.exists("/sbin/openrc")? {
        return Ok(None);
    }
    let script = format!("/etc/init.d/{name}");
    if !tree.exists(&script)? {
        return Ok(None);
    }
    for runlevel in OPENRC_RUNLEVELS {
        let link = format!("/etc/runlevels/{runlevel}/{name}");
        if tree.exists(&link)? {
            return Ok(Some((UnitState::Enabled, Evidence::new(link, "start link"))));
        }
    }
    let evidence = Evidence::new(script, "in no runlevel that OpenRC starts at boot");
    Ok(Some((UnitState::Disabled, evidence)))
}

/// An upstart job, which starts by its own `start on` unless `manual` is said (init(5)).
pub(super) fn upstart(tree: &Tree, name: &str) -> Result<Option<(UnitState, Evidence)>> {
    let job = format!("/etc/init/{name}.conf");
    let text = match tree.read_text(&job, MAX_UNIT_FILE) {
        Ok(text) => text,
        Err(error) if error.is_absent() => return Ok(None),
        Err(error) => return Err(error),
    };
    let over = format!("/etc/init/{name}.override");
    let override_text = match tree.read_text(&over, MAX_UNIT_FILE) {
        Ok(text) => text,
        Err(error) if error.is_absent() => String::new(),
        Err(error) => return Err(error),
    };
    for (path, text) in [(&over, &override_text), (&job, &text)] {
        for (line, content) in (1_usize..).zip(text.lines()) {
            if content.trim() == "manual" {
                let evidence =
                    Evidence::new(format!("{path}:{line}"), "manual").marked(line, content, 0..0);
                return Ok(Some((UnitState::Disabled, evidence)));
            }
        }
    }
    Ok(Some((UnitState::Enabled, Evidence::new(job, "upstart job"))))
}
