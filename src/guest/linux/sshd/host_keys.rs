//! What makes host keys at a start where there are none: sshd itself does not, and ends without
//! (sshd(8), "no hostkeys available").
//!
//! Who makes them: Red Hat `sshd-keygen.target` or `sshd-keygen`, which the unit wants, in 6 its init
//! script; SUSE `sshd-gen-keys-start` in `ExecStartPre`; Arch `sshdgenkeys.service`; Alpine, Gentoo and
//! Void the init script; Debian and Ubuntu nobody but the package's `postinst`, once. A unit or script
//! of anybody's may, too. cloud-init is another fact.

use crate::error::Result;
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::FileType;
use crate::filesystem::tree::Tree;
use crate::guest::linux::systemd_unit::SYSTEMD;

/// Directories of units. What the administrator wrote is in the first.
const UNITS: [&str; 3] = ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

/// The server's own units.
const SERVER: [&str; 4] = ["sshd.service", "ssh.service", "sshd@.service", "ssh@.service"];

/// Directories of init scripts, and single ones.
const SCRIPTS: [&str; 2] = ["/etc/init.d", "/etc/rc.d/init.d"];
const UPSTART: &str = "/etc/init";
const SINGLE: [&str; 5] = [
    "/etc/rc.local",
    "/etc/rc.d/rc.local",
    "/etc/init.d/boot.local",
    "/etc/sv/sshd/run",
    "/etc/crontab",
];

/// Words that stand in what makes keys: `ssh-keygen -A`, `sshd-keygen.target`, `sshdgenkeys.service`,
/// `sshd-gen-keys-start`, `dpkg-reconfigure openssh-server`.
const WORDS: [&str; 4] = ["keygen", "genkeys", "gen-keys", "reconfigure openssh-server"];

/// Words in the name of a distribution's unit that is read for them.
const NAMES: [&str; 9] = [
    "keygen",
    "genkeys",
    "gen-keys",
    "hostkey",
    "host-key",
    "host_key",
    "ssh",
    "firstboot",
    "first-boot",
];

/// The switch of Red Hat's scripts in 6 and 7 (`sshd.init`, `sshd-keygen`), and its file.
const SWITCH: &str = "AUTOCREATE_SERVER_KEYS";
const SWITCH_FILE: &str = "/etc/sysconfig/sshd";
const SWITCHED: [&str; 2] = ["/etc/init.d/sshd", "/usr/sbin/sshd-keygen"];

/// Longest file read; units and scripts have some KiB.
const MAX_FILE: u64 = 256 << 10;

/// Most files read.
const MAX_FILES: usize = 1024;

/// Most bytes of all of them; a usual system's have some hundred KiB.
const MAX_TEXT: usize = 16 << 20;

/// What makes host keys; `Known(None)` when nothing was found that does.
pub(super) fn maker(tree: &Tree) -> Fact<Option<Evidence>> {
    let mut search = Search { tree, left: MAX_FILES, bytes_left: MAX_TEXT };
    match search.run() {
        Ok(found) => Fact::Known(found),
        Err(unread) => Fact::Unknown(unread),
    }
}

struct Search<'t> {
    tree: &'t Tree,
    left: usize,
    bytes_left: usize,
}

impl Search<'_> {
    fn run(&mut self) -> Result<Option<Evidence>, Unread> {
        let off = self.switched_off()?;
        let counts = |seen: &Evidence| {
            let path = seen.location.rsplit_once(':').map_or("", |(path, _)| path);
            // The unit of the server wants `sshd-keygen.service`, which does nothing then.
            !off || !path.contains("sshd")
        };
        for directory in UNITS {
            let own = directory == UNITS[0];
            for name in self.names(directory)? {
                let unit = name.ends_with(".service") || own && name.ends_with(".service.d");
                let named = NAMES.iter().any(|word| name.contains(word));
                if !unit || !own && !named {
                    continue;
                }
                let path = format!("{directory}/{name}");
                // A unit of its own, or one that is only told to start.
                let found = self.word_in(&path)?.filter(counts);
                if let Some(seen) = found {
                    return Ok(Some(seen));
                }
                if own && !SERVER.contains(&name.as_str()) {
                    for program in self.programs(&path)? {
                        if let Some(seen) = self.word_in(&program)?.filter(counts) {
                            return Ok(Some(seen));
                        }
                    }
                }
            }
        }
        // Jobs of upstart, which only that reads.
        let mut has_systemd = false;
        for path in SYSTEMD {
            has_systemd |= self.tree.exists(path).map_err(|error| Unread::from((path, &error)))?;
        }
        let upstart = Some(UPSTART).filter(|_| !has_systemd);
        for directory in SCRIPTS.into_iter().chain(upstart) {
            for name in self.names(directory)? {
                let found = self.word_in(&format!("{directory}/{name}"))?;
                if let Some(seen) = found.filter(counts) {
                    return Ok(Some(seen));
                }
            }
        }
        for path in SINGLE {
            if let Some(seen) = self.word_in(path)? {
                return Ok(Some(seen));
            }
        }
        Ok(None)
    }

    /// The first line of a regular file that has one of the words, not in a comment.
    fn word_in(&mut self, path: &str) -> Result<Option<Evidence>, Unread> {
        let Some(text) = self.text(path)? else { return Ok(None) };
        let found = (1_usize..).zip(text.lines()).find(|(_, line)| {
            !line.trim_start().starts_with('#') && WORDS.iter().any(|word| line.contains(word))
        });
        Ok(found.map(|(line, content)| {
            let shown: String = content.trim().chars().take(200).collect();
            Evidence::new(format!("{path}:{line}"), shown)
        }))
    }

    /// The programs that a unit starts.
    fn programs(&mut self, path: &str) -> Result<Vec<String>, Unread> {
        let Some(text) = self.text(path)? else { return Ok(Vec::new()) };
        let started = text.lines().filter_map(|line| {
            let (key, value) = line.trim().split_once('=')?;
            key.trim().starts_with("ExecStart").then_some(value)
        });
        let words = started.flat_map(str::split_whitespace);
        let paths = words.map(|word| word.trim_start_matches(['-', '@', ':', '+', '!']));
        Ok(paths.filter(|word| word.starts_with('/')).map(str::to_owned).take(16).collect())
    }

    /// The text of a regular file; none where there is none, or where it is a program.
    fn text(&mut self, path: &str) -> Result<Option<String>, Unread> {
        let unread = |error| Unread::from((path, &error));
        match self.tree.metadata(path) {
            Ok(metadata) if metadata.file_type != FileType::Regular => return Ok(None),
            // A program; settings are text of any length.
            Ok(metadata) if metadata.len > MAX_FILE && path != SWITCH_FILE => return Ok(None),
            Ok(_) => {}
            Err(error) if error.is_absent() => return Ok(None),
            Err(error) => return Err(unread(error)),
        }
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            Unread::new(path, format!("more than {MAX_FILES} files, the rest was not read"))
        })?;
        let text = self.tree.read_text(path, MAX_FILE).map_err(unread)?;
        self.bytes_left = self.bytes_left.checked_sub(text.len()).ok_or_else(|| {
            Unread::new(path, format!("more than {MAX_TEXT} bytes of files, the rest was not read"))
        })?;
        Ok(Some(text))
    }

    fn names(&self, directory: &str) -> Result<Vec<String>, Unread> {
        match self.tree.read_dir(directory) {
            Ok(entries) => Ok(entries
                .iter()
                .map(|entry| String::from_utf8_lossy(&entry.name).into_owned())
                .collect()),
            Err(error) if error.is_absent() => Ok(Vec::new()),
            Err(error) => Err(Unread::from((directory, &error))),
        }
    }

    /// Whether the last line of the switch's file says `NO`, and the scripts that ask it are there.
    fn switched_off(&mut self) -> Result<bool, Unread> {
        let Some(text) = self.text(SWITCH_FILE)? else { return Ok(false) };
        let values = text.lines().filter_map(|line| line.trim().strip_prefix(SWITCH));
        let value = values.filter_map(|rest| rest.strip_prefix('=')).next_back();
        if value.map(|value| value.trim().trim_matches(['"', '\''])) != Some("NO") {
            return Ok(false);
        }
        for path in SWITCHED {
            if self.text(path)?.is_some_and(|text| text.contains(SWITCH)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;

    /// The place of the maker; each file as the distribution has it, in the lines that matter.
    fn place(fs: MemoryFs) -> Option<String> {
        maker(&fs.tree()).known().unwrap().as_ref().map(|seen| seen.location.clone())
    }

    fn one(path: &str, text: &str) -> Option<String> {
        place(MemoryFs::new().file(path, text))
    }

    #[test]
    fn each_family_has_its_own_maker() {
        let unit = "/usr/lib/systemd/system/sshd.service";
        for (path, text) in [
            (unit, "[Unit]\nWants=sshd-keygen.target\n"),
            (unit, "[Unit]\nWants=sshd-keygen.service\n"),
            (unit, "[Service]\nExecStartPre=/usr/sbin/sshd-gen-keys-start\n"),
            ("/usr/lib/systemd/system/sshdgenkeys.service", "\nExecStart=/usr/bin/ssh-keygen -A\n"),
            ("/etc/init.d/sshd", "#!/sbin/openrc-run\n\tssh-keygen -A\n"),
            ("/etc/rc.d/init.d/sshd", "\nKEYGEN=/usr/bin/ssh-keygen\n"),
            ("/lib/systemd/system/regenerate_ssh_host_keys.service", "\nExecStart=ssh-keygen -A\n"),
            ("/etc/rc.local", "#!/bin/sh\ndpkg-reconfigure openssh-server\n"),
        ] {
            assert_eq!(one(path, text), Some(format!("{path}:2")), "{path}");
        }
    }

    #[test]
    fn a_job_of_upstart_makes_them_where_upstart_runs() {
        let path = "/etc/init/ssh-host-keys.conf";
        let fs = || MemoryFs::new().file(path, "start on starting ssh\ntask\nexec ssh-keygen -A\n");
        assert_eq!(place(fs()), Some(format!("{path}:3")));
        assert_eq!(place(fs().file(SYSTEMD[1], "ELF")), None);
    }

    #[test]
    fn debian_s_own_files_make_none() {
        let unit = "[Unit]\nDescription=OpenBSD Secure Shell server\n[Service]\n\
                    ExecStartPre=/usr/sbin/sshd -t\nExecStart=/usr/sbin/sshd -D $SSHD_OPTS\n";
        let fs = || {
            MemoryFs::new()
                .file("/lib/systemd/system/ssh.service", unit)
                .file("/etc/init.d/ssh", "#! /bin/sh\n# ssh-keygen is run by the postinst\n")
                .symlink("/etc/systemd/system/sshd.service", "/lib/systemd/system/ssh.service")
        };
        assert_eq!(place(fs()), None);
        let own = fs()
            .file("/etc/systemd/system/first.service", "[Service]\nExecStart=/opt/first.sh -v\n")
            .file("/opt/first.sh", "#!/bin/sh\n[ -f /etc/x ] || ssh-keygen -A\n");
        assert_eq!(place(own), Some("/opt/first.sh:2".to_owned()));
    }

    #[test]
    fn red_hat_s_switch_counts_where_its_script_asks_it() {
        let script = "AUTOCREATE_SERVER_KEYS=YES\nKEYGEN=/usr/bin/ssh-keygen\n";
        let fs = |value: &str| {
            MemoryFs::new()
                .file("/etc/init.d/sshd", script)
                .file("/etc/sysconfig/sshd", format!("AUTOCREATE_SERVER_KEYS={value}\n"))
        };
        assert_eq!(place(fs("NO")), None);
        assert_eq!(place(fs("YES")), Some("/etc/init.d/sshd:2".to_owned()));
        let newer = MemoryFs::new()
            .file("/usr/lib/systemd/system/sshd.service", "Wants=sshd-keygen.target\n")
            .file("/etc/sysconfig/sshd", "AUTOCREATE_SERVER_KEYS=NO\n");
        assert!(place(newer).is_some());
    }

    #[test]
    fn what_cannot_be_read_leaves_it_unknown() {
        let torn = MemoryFs::new().file("/etc/init.d/ssh", "x").unreadable("/etc/init.d");
        assert!(maker(&torn.tree()).unread().is_some());
    }

    #[test]
    fn a_long_file_of_many_names_is_read_until_the_bound() {
        let text = "\n".repeat(256 << 10);
        let units = |count: usize| {
            (0..count).fold(MemoryFs::new(), |fs, index| {
                fs.file(&format!("/etc/systemd/system/{index}.service"), &text)
            })
        };
        // Each is read twice.
        assert_eq!(maker(&units(32).tree()), Fact::Known(None));
        let found = maker(&units(33).tree());
        assert!(found.unread().unwrap().reason.contains("more than 16777216 bytes"));
    }
}
