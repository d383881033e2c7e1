//! What makes host keys at a start where there are none: sshd itself does not, and ends without
//! (sshd(8), "no hostkeys available").
//!
//! Who makes them: Red Hat `sshd-keygen.target` or `sshd-keygen`, which the unit wants, in 6 its init
//! script; SUSE `sshd-gen-keys-start` in `ExecStartPre`; Arch `sshdgenkeys.service`; Alpine, Gentoo and
//! Void the init script; Debian and Ubuntu nobody but the package's `postinst`, once. A unit or script
//! of anybody's may, too. Under systemd a unit counts when the boot or the server's own units start it.
//! cloud-init is another fact.

use crate::error::Result;
use crate::fact::{Evidence, Fact, Unread, shortened};
use crate::filesystem::FileType;
use crate::filesystem::tree::Tree;
use crate::guest::facts::UnitState;
use crate::guest::linux::systemd_unit::{BootUnits, Started, boolean};

/// The server's own units.
const SERVER: [&str; 4] = ["sshd.service", "ssh.service", "sshd@.service", "ssh@.service"];

/// The server's sockets, each with the unit that it starts, and with that in its place by `Accept=yes`
/// (systemd.socket(5)).
const SOCKETS: [(&str, [&str; 2]); 2] = [
    ("sshd.socket", ["sshd.service", "sshd@.service"]),
    ("ssh.socket", ["ssh.service", "ssh@.service"]),
];

/// What starts a service of its name later (systemd.timer(5), systemd.path(5), systemd.socket(5)).
const STARTERS: [&str; 3] = ["timer", "path", "socket"];

/// The commands of a service that a start runs (systemd.service(5)).
const COMMANDS: [&str; 4] = ["ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost"];

/// Directories of init scripts, and single ones.
const SCRIPTS: [&str; 2] = ["/etc/init.d", "/etc/rc.d/init.d"];
const UPSTART: &str = "/etc/init";
const SINGLE: [&str; 2] = ["/etc/sv/sshd/run", "/etc/crontab"];

/// Scripts that systemd runs at a start when they may be executed (systemd-rc-local-generator(8); SUSE's
/// `after-local.service`), and the unit that does.
const LOCAL: [&str; 4] =
    ["/etc/rc.local", "/etc/rc.d/rc.local", "/etc/init.d/boot.local", "/etc/init.d/after.local"];
const RC_LOCAL: &str = "rc-local.service";

/// The unit by which virt-customize and virt-sysprep run commands at the first start, and the directory of
/// those (libguestfs, `mlcustomize/firstboot.ml`): each that may be executed.
const GUESTFS: &str = "guestfs-firstboot.service";
const GUESTFS_SCRIPTS: &str = "/usr/lib/virt-sysprep/scripts";

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

/// A setting by which a distribution's scripts make no keys.
struct Switch {
    file: &'static str,
    name: &'static str,
    /// Whether a value is one that turns it off.
    is_off: fn(&str) -> bool,
    /// The scripts that ask it, where they have its name.
    scripts: &'static [&'static str],
}

/// The switches of Red Hat's scripts in 6 and 7 (`sshd.init`, `sshd-keygen`) and of Alpine's (aports,
/// `main/openssh/sshd.initd`; the words are those of OpenRC's `yesno`).
const SWITCHES: [Switch; 2] = [
    Switch {
        file: "/etc/sysconfig/sshd",
        name: "AUTOCREATE_SERVER_KEYS",
        is_off: |value| value == "NO",
        scripts: &["/etc/init.d/sshd", "/usr/sbin/sshd-keygen"],
    },
    Switch {
        file: "/etc/conf.d/sshd",
        name: "sshd_disable_keygen",
        is_off: |value| {
            ["yes", "true", "on", "1"].iter().any(|word| value.eq_ignore_ascii_case(word))
        },
        scripts: &["/etc/init.d/sshd"],
    },
];

/// Longest script read; one has some KiB.
const MAX_FILE: u64 = 256 << 10;

/// Most units and scripts read.
const MAX_FILES: usize = 1024;

/// Most paths in the commands of one unit that are followed; a unit has some three.
const MAX_PROGRAMS: usize = 64;

/// Most bytes of all scripts; a usual system's have some hundred KiB.
const MAX_TEXT: usize = 16 << 20;

/// What makes host keys; `Known(None)` when nothing was found that does.
pub(super) fn maker(tree: &Tree, boot: &BootUnits<'_>) -> Fact<Option<Evidence>> {
    let mut search = Search { tree, boot, left: MAX_FILES, bytes_left: MAX_TEXT, doubt: None };
    match (search.run(), search.doubt) {
        (Ok(None), Some(unread)) | (Err(unread), _) => Fact::Unknown(unread),
        (Ok(found), _) => Fact::Known(found),
    }
}

struct Search<'t> {
    tree: &'t Tree,
    boot: &'t BootUnits<'t>,
    left: usize,
    bytes_left: usize,
    /// Why something that was passed over may make them after all.
    doubt: Option<Unread>,
}

impl Search<'_> {
    fn run(&mut self) -> Result<Option<Evidence>, Unread> {
        let off = self.switched_off()?;
        let counts = |seen: &Evidence| {
            let path = seen.location.rsplit_once(':').map_or("", |(path, _)| path);
            // The unit of the server wants `sshd-keygen.service`, which does nothing then.
            !off || !path.contains("sshd")
        };
        let started = self.started()?;
        for (name, own) in self.boot.services()? {
            if !own && !NAMES.iter().any(|word| name.contains(word)) {
                continue;
            }
            if let Some(seen) = self.unit(name, own)?.filter(counts)
                && self.is_started(&started, name)
            {
                return Ok(Some(seen));
            }
        }
        // Jobs of upstart, which only that reads.
        let upstart = Some(UPSTART).filter(|_| !self.boot.is_systemd());
        for directory in SCRIPTS.into_iter().chain(upstart) {
            for name in self.names(directory)? {
                let path = format!("{directory}/{name}");
                if LOCAL.contains(&path.as_str()) {
                    continue;
                }
                let service = format!("{name}.service");
                // systemd-sysv-generator(8) makes no unit of a script whose name one has.
                if self.boot.is_systemd() && self.boot.has_file(&service) {
                    continue;
                }
                if let Some(seen) = self.word_in(&path)?.filter(counts)
                    && (SERVER.contains(&service.as_str()) || self.is_started(&started, &service))
                {
                    return Ok(Some(seen));
                }
            }
        }
        for path in SINGLE.into_iter().chain(LOCAL) {
            if let Some(seen) = self.word_in(path)?
                && (!LOCAL.contains(&path) || self.is_run(path)?)
            {
                return Ok(Some(seen));
            }
        }
        Ok(None)
    }

    /// What the boot starts, with what it may start on a connection; where the server is turned off, which
    /// is for another to say, as if it were not.
    fn started(&self) -> Result<Started, Unread> {
        let boot = self.boot.started();
        let mut on_demand = Vec::new();
        for (socket, [service, template]) in SOCKETS {
            if boot.contains_key(socket) {
                let accept = self.boot.values(socket, "[Socket]", &["Accept"])?;
                let accept = accept.last().and_then(|(_, value)| boolean(value));
                on_demand.push(if accept == Some(true) { template } else { service });
            }
        }
        let at_boot = SERVER.iter().any(|unit| boot.contains_key(*unit));
        if !at_boot && on_demand.is_empty() {
            return self.boot.started_with(&SERVER);
        }
        self.boot.started_with(&on_demand)
    }

    /// Whether a service is started. Where that is not known, it is taken for one that is not, and kept as
    /// a doubt. Without systemd nothing is known of when.
    fn is_started(&mut self, started: &Started, service: &str) -> bool {
        if !self.boot.is_systemd() {
            return true;
        }
        let states = self.boot.states(started, service);
        if states.iter().any(|unit| unit.state == Fact::Known(UnitState::Enabled)) {
            return true;
        }
        let stem = service.trim_end_matches("service");
        let later = STARTERS.map(|suffix| format!("{stem}{suffix}"));
        // What the server's sockets start is known.
        let mut later = later.iter().filter(|unit| SOCKETS.iter().all(|(own, _)| own != unit));
        let later = later.find_map(|starter| started.get(starter).zip(Some(starter)));
        let unread = states.into_iter().find_map(|unit| unit.state.unread().cloned());
        let unread = unread.or_else(|| {
            let (by, starter) = later?;
            Some(Unread::new(&by.location, format!("when {starter} starts it is not known")))
        });
        self.doubt = self.doubt.take().or(unread);
        false
    }

    /// Whether a start runs one of [`LOCAL`].
    fn is_run(&self, path: &str) -> Result<bool, Unread> {
        if !self.boot.is_systemd() {
            return Ok(true);
        }
        let masked = self.boot.unit(RC_LOCAL).state == Fact::Known(UnitState::Masked);
        Ok(!masked && self.may_be_executed(path)?)
    }

    fn may_be_executed(&self, path: &str) -> Result<bool, Unread> {
        let metadata = self.tree.metadata(path).map_err(|error| Unread::from((path, &error)))?;
        Ok(metadata.mode & 0o111 != 0)
    }

    /// What of a service's commands makes keys, those of the administrator's with their programs.
    fn unit(&mut self, name: &str, own: bool) -> Result<Option<Evidence>, Unread> {
        self.count_file(name)?;
        let commands = self.boot.values(name, "[Service]", &COMMANDS)?;
        let made = commands.iter().find(|(_, command)| has_word(command));
        if let Some((place, command)) = made {
            return Ok(Some(Evidence::new(place, shortened(command))));
        }
        if name == GUESTFS {
            for script in self.names(GUESTFS_SCRIPTS)? {
                let path = format!("{GUESTFS_SCRIPTS}/{script}");
                if let Some(seen) = self.word_in(&path)?
                    && self.may_be_executed(&path)?
                {
                    return Ok(Some(seen));
                }
            }
        }
        if !own {
            return Ok(None);
        }
        let words = commands.iter().flat_map(|(_, command)| command.split_whitespace());
        let programs = words.map(|word| {
            let program = word.trim_start_matches(['-', '@', ':', '+', '!', '"', '\'']);
            program.trim_end_matches(['"', '\'', ';'])
        });
        let mut programs =
            programs.filter(|word| word.starts_with('/') && !word.ends_with("/sshd"));
        for program in programs.by_ref().take(MAX_PROGRAMS) {
            if let Some(seen) = self.word_in(program)? {
                return Ok(Some(seen));
            }
        }
        if programs.next().is_some() {
            let reason = format!("more than {MAX_PROGRAMS} files, the rest was not read");
            self.doubt.get_or_insert_with(|| Unread::new(name, reason));
        }
        Ok(None)
    }

    /// The first line of a regular file that has one of the words, not in a comment.
    fn word_in(&mut self, path: &str) -> Result<Option<Evidence>, Unread> {
        let Some(text) = self.text(path)? else { return Ok(None) };
        let found = (1_usize..)
            .zip(text.lines())
            .find(|(_, line)| !line.trim_start().starts_with('#') && has_word(line));
        Ok(found.map(|(line, content)| {
            Evidence::new(format!("{path}:{line}"), shortened(content.trim()))
        }))
    }

    /// The text of a regular file; none where there is none, or where it is a program.
    fn text(&mut self, path: &str) -> Result<Option<String>, Unread> {
        let unread = |error| Unread::from((path, &error));
        match self.tree.metadata(path) {
            Ok(metadata) if metadata.file_type != FileType::Regular => return Ok(None),
            // A program; settings are text of any length.
            Ok(metadata)
                if metadata.len > MAX_FILE && SWITCHES.iter().all(|switch| switch.file != path) =>
            {
                return Ok(None);
            }
            Ok(_) => {}
            Err(error) if error.is_absent() => return Ok(None),
            Err(error) => return Err(unread(error)),
        }
        self.count_file(path)?;
        let text = self.tree.read_text(path, MAX_FILE).map_err(unread)?;
        self.bytes_left = self.bytes_left.checked_sub(text.len()).ok_or_else(|| {
            Unread::new(path, format!("more than {MAX_TEXT} bytes of files, the rest was not read"))
        })?;
        Ok(Some(text))
    }

    fn count_file(&mut self, place: &str) -> Result<(), Unread> {
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            Unread::new(place, format!("more than {MAX_FILES} files, the rest was not read"))
        })?;
        Ok(())
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

    /// Whether the last line of a switch's file turns it off, and a script that asks it is there.
    fn switched_off(&mut self) -> Result<bool, Unread> {
        for Switch { file, name, is_off, scripts } in SWITCHES {
            let Some(text) = self.text(file)? else { continue };
            let values = text.lines().filter_map(|line| line.trim().strip_prefix(name));
            let value = values.filter_map(|rest| rest.strip_prefix('=')).next_back();
            // A comment may stand behind it.
            let word = value.and_then(|value| value.split_ascii_whitespace().next());
            if !is_off(word.unwrap_or_default().trim_matches(['"', '\''])) {
                continue;
            }
            for path in scripts {
                if self.text(path)?.is_some_and(|text| text.contains(name)) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

fn has_word(line: &str) -> bool {
    WORDS.iter().any(|word| line.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;

    const SYSTEMD: &str = "/usr/lib/systemd/systemd";

    /// The place of the maker; each file as the distribution has it, in the lines that matter.
    fn place(fs: MemoryFs) -> Option<String> {
        found(fs).known().unwrap().as_ref().map(|seen| seen.location.clone())
    }

    fn found(fs: MemoryFs) -> Fact<Option<Evidence>> {
        let tree = fs.tree();
        maker(&tree, &BootUnits::walk(&tree))
    }

    fn one(path: &str, text: &str) -> Option<String> {
        place(MemoryFs::new().file(path, text))
    }

    #[test]
    fn each_family_has_its_own_maker() {
        let unit = "/usr/lib/systemd/system/sshd.service";
        for (path, text) in [
            (unit, "[Service]\nExecStartPre=/usr/sbin/sshd-gen-keys-start\n"),
            ("/etc/systemd/system/x.service", "[Service]\nExecStart=/bin/sh -c 'ssh-keygen -A'\n"),
            ("/etc/init.d/sshd", "#!/sbin/openrc-run\n\tssh-keygen -A\n"),
            ("/etc/rc.d/init.d/sshd", "\nKEYGEN=/usr/bin/ssh-keygen\n"),
            (
                "/lib/systemd/system/regenerate_ssh_host_keys.service",
                "[Service]\nExecStart=ssh-keygen -A\n",
            ),
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
        assert_eq!(place(fs().file(SYSTEMD, "ELF")), None);
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
        let off = |fs: MemoryFs| fs.file("/etc/sysconfig/sshd", "AUTOCREATE_SERVER_KEYS=NO\n");
        assert!(place(off(with_systemd(RED_HAT_9))).is_some());
        let seven = with_systemd(RED_HAT_7).file("/usr/sbin/sshd-keygen", script);
        assert_eq!(place(off(seven)), None);
    }

    #[test]
    fn what_cannot_be_read_leaves_it_unknown() {
        let torn = MemoryFs::new().file("/etc/init.d/ssh", "x").unreadable("/etc/init.d");
        assert!(found(torn).unread().is_some());
    }

    #[test]
    fn a_long_file_of_many_names_is_read_until_the_bound() {
        let text = "\n".repeat(256 << 10);
        let scripts = |count: usize| {
            let path = |index| format!("/etc/init.d/{index}");
            (0..count).fold(MemoryFs::new(), |fs, index| fs.file(&path(index), &text))
        };
        assert_eq!(found(scripts(64)), Fact::Known(None));
        let over = found(scripts(65));
        assert!(over.unread().unwrap().reason.contains("more than 16777216 bytes"));
        let units = |count: usize| {
            let path = |index| format!("/etc/systemd/system/{index}.service");
            (0..count).fold(MemoryFs::new(), |fs, index| fs.file(&path(index), "[Service]\n"))
        };
        assert_eq!(found(units(1024)), Fact::Known(None));
        assert!(found(units(1025)).unread().unwrap().reason.contains("more than 1024 files"));
    }

    #[test]
    fn a_drop_in_of_the_server_s_unit_makes_them() {
        let path = "/etc/systemd/system/ssh.service.d/hostkeys.conf";
        let text = "[Service]\nExecStartPre=\nExecStartPre=/usr/bin/ssh-keygen -A\n\
                    ExecStartPre=/usr/sbin/sshd -t\n";
        let fs = |path: &str| with_systemd(DEBIAN).file(path, text);
        assert_eq!(place(fs(path)), Some(format!("{path}:3")));
        assert_eq!(place(fs(&format!("{path}~"))), None);
        let usr = "/usr/lib/systemd/system/ssh.service.d/hostkeys.conf";
        assert_eq!(place(fs(usr)), Some(format!("{usr}:3")));
        // One that takes it back.
        let back =
            fs(usr).file("/etc/systemd/system/ssh.service.d/z.conf", "[Service]\nExecStartPre=\n");
        assert_eq!(place(back), None);
    }

    #[test]
    fn paths_in_a_command_that_are_not_followed_leave_it_unknown() {
        let with = |count: usize| {
            let text = format!("[Service]\nExecStart=/bin/x{}\n", " /opt/y".repeat(count));
            with_systemd(DEBIAN).file("/etc/systemd/system/first.service", text)
        };
        assert_eq!(found(with(63)), Fact::Known(None));
        assert_eq!(found(with(64)).unread().unwrap().location, "first.service");
    }

    #[test]
    fn a_program_of_a_drop_in_makes_them() {
        let fs = |command: &str| {
            let text = format!("[Service]\nExecStartPre={command}\n");
            with_systemd(DEBIAN)
                .file("/etc/systemd/system/ssh.service.d/keys.conf", text)
                .file("/opt/keys.sh", "#!/bin/sh\nssh-keygen -A\n")
        };
        for command in ["-/opt/keys.sh", "/bin/sh -c '/opt/keys.sh'", "/bin/sh \\\n  /opt/keys.sh"]
        {
            assert_eq!(place(fs(command)), Some("/opt/keys.sh:2".to_owned()), "{command}");
        }
    }

    const DEBIAN: &[(&str, &str)] = &[(
        "ssh.service",
        "[Service]\nExecStartPre=/usr/sbin/sshd -t\nExecStart=/usr/sbin/sshd -D $SSHD_OPTS\n",
    )];

    /// The server's units of RHEL 9 (openssh-server 8.7p1), RHEL 7, Arch and Debian 13.
    const RED_HAT_9: &[(&str, &str)] = &[
        (
            "sshd.service",
            "[Unit]\nAfter=network.target sshd-keygen.target\nWants=sshd-keygen.target\n[Service]\nExecStart=/usr/sbin/sshd -D\n",
        ),
        (
            "sshd@.service",
            "[Unit]\nWants=sshd-keygen.target\n[Service]\nExecStart=-/usr/sbin/sshd -i\n",
        ),
        ("sshd.socket", "[Unit]\nConflicts=sshd.service\n[Socket]\nListenStream=22\nAccept=yes\n"),
        (
            "sshd-keygen.target",
            "[Unit]\nWants=sshd-keygen@rsa.service\nWants=sshd-keygen@ed25519.service\nPartOf=sshd.service\n",
        ),
        (
            "sshd-keygen@.service",
            "[Unit]\nConditionFileNotEmpty=|!/etc/ssh/ssh_host_%i_key\n[Service]\nType=oneshot\nExecStart=/usr/libexec/openssh/sshd-keygen %i\n[Install]\nWantedBy=sshd-keygen.target\n",
        ),
    ];
    const RED_HAT_7: &[(&str, &str)] = &[
        (
            "sshd.service",
            "[Unit]\nWants=sshd-keygen.service\n[Service]\nExecStart=/usr/sbin/sshd -D\n",
        ),
        (
            "sshd-keygen.service",
            "[Unit]\nConditionFileNotEmpty=|!/etc/ssh/ssh_host_rsa_key\n[Service]\nExecStart=/usr/sbin/sshd-keygen\n",
        ),
    ];
    const ARCH: &[(&str, &str)] = &[
        (
            "sshd.service",
            "[Unit]\nWants=sshdgenkeys.service\n[Service]\nExecStart=/usr/bin/sshd -D\n",
        ),
        (
            "sshdgenkeys.service",
            "[Unit]\nConditionPathExists=|!/etc/ssh/ssh_host_rsa_key\n[Service]\nExecStart=/usr/bin/ssh-keygen -A\n",
        ),
    ];

    /// A system of which `multi-user.target` starts the first of these units.
    fn with_systemd(units: &[(&str, &str)]) -> MemoryFs {
        let lib = "/usr/lib/systemd/system";
        let fs = MemoryFs::new()
            .file(SYSTEMD, "ELF")
            .file(&format!("{lib}/default.target"), "[Unit]\n")
            .symlink(
                &format!("/etc/systemd/system/default.target.wants/{}", units[0].0),
                &format!("{lib}/{}", units[0].0),
            );
        units.iter().fold(fs, |fs, (name, text)| fs.file(&format!("{lib}/{name}"), text))
    }

    #[test]
    fn what_the_server_pulls_in_makes_them() {
        let lib = "/usr/lib/systemd/system";
        let template = Some(format!("{lib}/sshd-keygen@.service:5"));
        assert_eq!(place(with_systemd(RED_HAT_9)), template);
        assert_eq!(place(with_systemd(RED_HAT_7)), Some(format!("{lib}/sshd-keygen.service:4")));
        assert_eq!(place(with_systemd(ARCH)), Some(format!("{lib}/sshdgenkeys.service:4")));
        // The socket in place of the service, or a server that is turned off, which is another finding.
        let wants = "/etc/systemd/system/default.target.wants";
        let off = || with_systemd(RED_HAT_9).without(&format!("{wants}/sshd.service"));
        assert_eq!(place(off()), template);
        let socket = off().symlink(&format!("{wants}/sshd.socket"), &format!("{lib}/sshd.socket"));
        assert_eq!(place(socket), template);
    }

    #[test]
    fn a_masked_unit_or_one_that_is_not_there_makes_none() {
        let mask = |fs: MemoryFs, name: &str| {
            fs.symlink(&format!("/etc/systemd/system/{name}"), "/dev/null")
        };
        let lib = "/usr/lib/systemd/system";
        assert_eq!(place(mask(with_systemd(RED_HAT_9), "sshd-keygen.target")), None);
        assert_eq!(place(mask(with_systemd(RED_HAT_9), "sshd-keygen@.service")), None);
        let one = mask(with_systemd(RED_HAT_9), "sshd-keygen@rsa.service");
        assert_eq!(place(one), Some(format!("{lib}/sshd-keygen@.service:5")));
        assert_eq!(place(mask(with_systemd(RED_HAT_7), "sshd-keygen.service")), None);
        let gone = with_systemd(RED_HAT_7).without(&format!("{lib}/sshd-keygen.service"));
        assert_eq!(place(gone), None);
        let passed = with_systemd(ARCH).file(
            &format!("{lib}/sshdgenkeys.service.d/off.conf"),
            "[Unit]\nConditionPathExists=/nonexistent\n",
        );
        assert_eq!(place(passed), None);
    }

    /// `sshd-keygen.service` of Debian 13 (openssh-server 10.0p1). An empty machine id is that of no first
    /// start (machine-id(5), "First Boot Semantics").
    #[test]
    fn debian_s_unit_makes_them_at_a_first_start_alone() {
        let lib = "/usr/lib/systemd/system/sshd-keygen.service";
        let text = "[Unit]\nDescription=Generate sshd host keys on first boot\nConditionFirstBoot=yes\n\
                    [Service]\nType=oneshot\nExecStart=ssh-keygen -A\n";
        let fs = || {
            let link = "/etc/systemd/system/ssh.service.wants/sshd-keygen.service";
            with_systemd(DEBIAN).file(lib, text).symlink(link, lib)
        };
        let made = Some(format!("{lib}:6"));
        assert_eq!(place(fs()), made);
        assert_eq!(place(fs().file("/etc/machine-id", "uninitialized\n")), made);
        let id = "0123456789abcdef0123456789abcdef\n";
        for (id, condition) in [("", "yes"), (id, "1"), (id, "!no"), (id, "|true")] {
            let text = text.replace("=yes", &format!("={condition}"));
            assert_eq!(
                place(fs().file("/etc/machine-id", id).file(lib, text)),
                None,
                "{condition}"
            );
        }
        let no = text.replace("=yes", "=!yes");
        assert_eq!(place(fs().file("/etc/machine-id", "").file(lib, no)), made);
        assert!(
            found(fs().file("/etc/machine-id", "").unreadable("/etc/machine-id"))
                .unread()
                .is_some()
        );
    }

    #[test]
    fn a_unit_of_somebody_s_makes_them_when_it_is_started() {
        let own = "/etc/systemd/system/ssh-host-keys.service";
        let text = "[Unit]\nBefore=ssh.service\n[Service]\nType=oneshot\n\
                    ExecStart=/usr/bin/ssh-keygen -A\n[Install]\nWantedBy=multi-user.target\n";
        let fs = || with_systemd(DEBIAN).file(own, text).file("/etc/machine-id", "1\n");
        let wants = "/etc/systemd/system/default.target.wants/ssh-host-keys.service";
        assert_eq!(place(fs()), None);
        assert_eq!(place(fs().symlink(wants, own)), Some(format!("{own}:5")));
        // What else may start it is not followed.
        let timer = "/etc/systemd/system/default.target.wants/ssh-host-keys.timer";
        let timed =
            fs().file(&own.replace(".service", ".timer"), "[Timer]\n").symlink(timer, "../x");
        assert!(found(timed).unread().is_some());
        let torn = fs().unreadable("/etc/systemd/system/default.target.wants");
        assert!(found(torn).unread().is_some());
        // An init script, by its start link.
        let script = "/etc/init.d/keys";
        let sysv = || with_systemd(DEBIAN).file(script, "#!/bin/sh\nssh-keygen -A\n");
        let sysv = || {
            sysv()
                .file("/usr/lib/systemd/system/default.target", "[Unit]\nWants=multi-user.target\n")
                .file("/usr/lib/systemd/system/multi-user.target", "[Unit]\n")
        };
        assert_eq!(place(sysv()), None);
        let linked = sysv().symlink("/etc/rc3.d/S01keys", "../init.d/keys");
        assert_eq!(place(linked), Some(format!("{script}:2")));
    }

    /// systemd-sysv-generator makes nothing of a script whose name a unit has.
    #[test]
    fn an_init_script_is_not_run_where_a_unit_has_its_name() {
        let script = "#!/bin/sh\nssh-keygen -A\n";
        let lib = "/usr/lib/systemd/system/ssh.service";
        let fs = || with_systemd(DEBIAN).file("/etc/init.d/ssh", script);
        assert_eq!(place(fs()), None);
        let alone = fs().without(lib);
        assert_eq!(place(alone), Some("/etc/init.d/ssh:2".to_owned()));
        let keys = [("keys.service", "[Service]\nExecStart=/bin/true\n")];
        assert_eq!(place(with_systemd(&keys).file("/etc/init.d/keys", script)), None);
    }

    /// What virt-customize and virt-sysprep of libguestfs leave (mlcustomize, `firstboot.ml`).
    #[test]
    fn a_command_of_libguestfs_s_first_boot_makes_them() {
        let unit = "/usr/lib/systemd/system/guestfs-firstboot.service";
        let wants = "/etc/systemd/system/default.target.wants/guestfs-firstboot.service";
        let script =
            "/usr/lib/virt-sysprep/scripts/5000-0001-dpkg-reconfigure-openssh-server".to_owned();
        let fs = |mode: u16| {
            with_systemd(DEBIAN)
                .file(unit, "[Service]\nExecStart=/usr/lib/virt-sysprep/firstboot.sh start\n")
                .file(&script, "#!/bin/sh\ndpkg-reconfigure openssh-server\n")
                .mode(mode)
        };
        assert_eq!(place(fs(0o755)), None);
        assert_eq!(place(fs(0o755).symlink(wants, unit)), Some(format!("{script}:2")));
        assert_eq!(place(fs(0o644).symlink(wants, unit)), None);
    }

    /// `sshd.initd` of Alpine (aports, main/openssh), in the lines that matter.
    #[test]
    fn alpine_s_switch_counts_where_its_script_asks_it() {
        let script = "#!/sbin/openrc-run\n: ${sshd_disable_keygen:=\"no\"}\n\
                      if ! yesno \"$sshd_disable_keygen\"; then\n\tssh-keygen -A\n";
        let fs = |settings: &str| {
            let fs = MemoryFs::new().file("/etc/init.d/sshd", script);
            fs.file("/etc/conf.d/sshd", settings)
        };
        let made = Some("/etc/init.d/sshd:2".to_owned());
        for (settings, expected) in [
            ("sshd_disable_keygen=\"yes\"\nrc_need=\"net\"\n", None),
            ("sshd_disable_keygen=True\n", None),
            ("sshd_disable_keygen='on' # made elsewhere\n", None),
            ("# sshd_disable_keygen=yes\n", made.clone()),
            ("sshd_disable_keygen=yes\nsshd_disable_keygen=no\n", made),
        ] {
            assert_eq!(place(fs(settings)), expected, "{settings}");
        }
    }

    /// `ssh.socket` of Debian 11 (systemd.socket(5), `Accept=`).
    #[test]
    fn a_socket_starts_the_service_or_its_template() {
        let socket = "/usr/lib/systemd/system/ssh.socket";
        let made = "[Service]\nExecStartPre=/usr/bin/ssh-keygen -A\n";
        let fs = |accept: &str, unit: &str| {
            let text = format!("[Socket]\nListenStream=22\nAccept={accept}\n");
            with_systemd(&[("ssh.socket", &text)])
                .file("/usr/lib/systemd/system/ssh.service", DEBIAN[0].1)
                .file("/usr/lib/systemd/system/ssh@.service", DEBIAN[0].1)
                .file(&format!("/etc/systemd/system/{unit}.d/x.conf"), made)
        };
        let found = |accept: &str, unit: &str| place(fs(accept, unit)).is_some();
        assert!(found("yes", "ssh@.service") && found("no", "ssh.service"));
        assert!(!found("yes", "ssh.service"));
        assert!(!found("no", "ssh@.service"));
        assert!(self::found(fs("yes", "ssh@.service").unreadable(socket)).unread().is_some());
    }

    #[test]
    fn rc_local_makes_them_when_it_may_be_executed() {
        let local = "/etc/rc.local";
        let fs =
            |mode: u16| with_systemd(DEBIAN).file(local, "#!/bin/sh\nssh-keygen -A\n").mode(mode);
        assert_eq!(place(fs(0o755)), Some(format!("{local}:2")));
        assert_eq!(place(fs(0o644)), None);
        assert_eq!(
            place(fs(0o755).symlink("/etc/systemd/system/rc-local.service", "/dev/null")),
            None
        );
    }
}
