//! Services of systems whose first process is not systemd, and SysV services that systemd takes over.
//!
//! Sources: systemd-sysv-generator(8), update-rc.d(8), init(5) of upstart, openrc(8).

use super::MAX_UNIT_FILE;
use crate::error::Result;
use crate::fact::Evidence;
use crate::filesystem::tree::Tree;
use crate::guest::facts::{IN_NO_RUNLEVEL, NO_START_LINK, STARTED_TARGETS, UnitState};

/// Where the directories of start links are: Debian, Red Hat, SUSE.
const START_LINKS: [&str; 3] = ["/etc", "/etc/rc.d", "/etc/init.d"];

const INITTAB: &str = "/etc/inittab";

/// Longest `inittab` that is read; that of Debian 7 has 2 KiB.
const MAX_INITTAB: u64 = 64 << 10;

/// Where the runlevel stands that upstart starts without an `inittab`, and which it is (initscripts of
/// CentOS 6, `init/rcS.conf`; upstart of Ubuntu 14.04, `rc-sysinit.conf`).
const UPSTART: [(&str, char); 2] =
    [("/etc/init/rcS.conf", '3'), ("/etc/init/rc-sysinit.conf", '2')];

/// The runlevels whose start links count.
pub(super) struct Runlevels {
    levels: Vec<char>,
    /// What tells them.
    place: String,
}

impl Runlevels {
    /// What systemd makes of them: `multi-user.target` and `graphical.target` (systemd-sysv-generator(8)).
    pub(super) fn of_systemd(multi_user: bool, graphical: bool) -> Self {
        let mut levels = Vec::new();
        if multi_user {
            levels.extend(['2', '3', '4']);
        }
        if graphical {
            levels.push('5');
        }
        Self { levels, place: STARTED_TARGETS.to_owned() }
    }

    /// The one that the kernel's command line names.
    pub(super) fn named(level: char, place: &str) -> Self {
        Self { levels: vec!['S', level], place: place.to_owned() }
    }

    /// The one to which `inittab` leads (inittab(5), `initdefault`); where none is told, any.
    pub(super) fn of_inittab(tree: &Tree) -> Result<Self> {
        match tree.read_text(INITTAB, MAX_INITTAB) {
            Ok(text) => {
                for (line, content) in (1_usize..).zip(text.lines()) {
                    let mut fields = content.trim().split(':').skip(1);
                    let (level, action) = (fields.next(), fields.next());
                    if action == Some("initdefault")
                        && !content.trim_start().starts_with('#')
                        && let Some(level) = level.and_then(|level| level.chars().next())
                    {
                        return Ok(Self::named(level, &format!("{INITTAB}:{line}")));
                    }
                }
            }
            Err(error) if error.is_absent() => {}
            Err(error) => return Err(error),
        }
        for (job, level) in UPSTART {
            if tree.exists(job)? {
                return Ok(Self::named(level, job));
            }
        }
        Ok(Self { levels: vec!['S', '2', '3', '4', '5'], place: INITTAB.to_owned() })
    }

    /// Whether one of them is in upstart's `[2345]` or `[!06]`; what has another form may be.
    fn meets(&self, pattern: &str) -> bool {
        let Some(inner) = pattern.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
            return true;
        };
        let (inner, without) = match inner.strip_prefix('!') {
            Some(inner) => (inner, true),
            None => (inner, false),
        };
        self.levels.iter().any(|level| *level != 'S' && inner.contains(*level) != without)
    }

    fn described(&self) -> String {
        let levels: Vec<String> =
            self.levels.iter().filter(|level| **level != 'S').map(char::to_string).collect();
        if levels.is_empty() { "none".to_owned() } else { levels.join(", ") }
    }
}

/// An init script and its start links (systemd-sysv-generator(8); update-rc.d(8)).
pub(super) fn sysv(
    tree: &Tree,
    runlevels: &Runlevels,
    name: &str,
) -> Result<Option<(UnitState, Evidence)>> {
    let directories = runlevels
        .levels
        .iter()
        .flat_map(|level| START_LINKS.map(|parent| format!("{parent}/rc{level}.d")));
    for directory in directories {
        let entries = match tree.read_dir(&directory) {
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
            let (levels, place) = (runlevels.described(), &runlevels.place);
            let what = format!("{NO_START_LINK} {levels} ({place})");
            let evidence = Evidence::new(path, what);
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
    let evidence = Evidence::new(script, IN_NO_RUNLEVEL);
    Ok(Some((UnitState::Disabled, evidence)))
}

/// An upstart job, which starts by its `start on`: the last one counts, that of the override before the
/// job's, and `manual` takes back those before it (init(5)).
pub(super) fn upstart(
    tree: &Tree,
    runlevels: &Runlevels,
    name: &str,
) -> Result<Option<(UnitState, Evidence)>> {
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
    let mut found = (UnitState::Disabled, Evidence::new(&job, "no start on"));
    for (path, text) in [(&job, &text), (&over, &override_text)] {
        let mut in_script = false;
        for (line, content) in (1_usize..).zip(text.lines()) {
            let words: Vec<&str> = content.split_ascii_whitespace().collect();
            match words.as_slice() {
                ["end", "script", ..] => in_script = false,
                _ if in_script => {}
                ["script"] | [_, "script"] => in_script = true,
                ["manual"] => {
                    let evidence = Evidence::new(format!("{path}:{line}"), "manual");
                    found = (UnitState::Disabled, evidence.marked(line, content, 0..0));
                }
                ["start", "on", event @ ..] => {
                    let evidence = Evidence::new(format!("{path}:{line}"), content.trim());
                    let state = match event {
                        ["runlevel", levels] if !runlevels.meets(levels) => UnitState::Disabled,
                        _ => UnitState::Enabled,
                    };
                    found = (state, evidence.marked(line, content, 0..0));
                }
                _ => {}
            }
        }
    }
    Ok(Some(found))
}
