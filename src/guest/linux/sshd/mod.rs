//! The SSH server: whether it is there, whether it starts, and whom it lets in.
//!
//! In: the guest's tree, its packages and units. Out: [`SshdFacts`].

mod config;
mod host_keys;
mod version;

use config::Config;

use super::leftovers;
use super::os_release;
use super::systemd_unit::BootUnits;
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::FileType;
use crate::filesystem::tree::Tree;
use crate::guest::facts::{OsIdentity, PackageFacts, SshdFacts, SshdOption, UnitFacts, UnitState};

const PROGRAM: &str = "/usr/sbin/sshd";

/// Its package: Debian, Red Hat, then SUSE before 15.
const PACKAGES: [&str; 2] = ["openssh-server", "openssh"];

/// Its units: Debian's, everybody else's, and the sockets that start it on demand.
const UNITS: [&str; 4] = ["sshd.service", "ssh.service", "ssh.socket", "sshd.socket"];

/// What is known of the SSH server.
pub fn find(tree: &Tree, packages: &PackageFacts, boot: &BootUnits<'_>) -> SshdFacts {
    let package = PACKAGES.iter().find_map(|name| packages.find(name).known().copied().flatten());
    let mut config = Config::read(tree);
    refused_lines(tree, &mut config);
    let version = package.map(|package| &package.version[..]);
    let permit_root_login = permit_root_login(&config, version, || os_release::find(tree));
    SshdFacts {
        program: program(tree),
        version: package.map(|package| package.version.clone()),
        units: units(boot),
        host_key_maker: host_key_maker(tree, &config, boot),
        port_refused: Fact::Known(None),
        files: config.files,
        drop_ins: config.drop_ins,
        unread: config.unread,
        options: config.options,
        conditional: config.conditional,
        invalid: config.invalid,
        permit_root_login,
    }
}

/// Adds the lines that this sshd is too old for, and a file that is not there.
fn refused_lines(tree: &Tree, config: &mut Config) {
    let none = config.files.is_empty() && config.unread.is_empty();
    if !none && config.dated.is_empty() {
        return;
    }
    // What is no OpenSSH may have its configuration elsewhere.
    let version = match version::of(tree, PROGRAM) {
        Ok(Some(version)) => version,
        Ok(None) => return,
        Err(error) if error.is_absent() => return,
        Err(error) => return config.unread.push(Unread::from((PROGRAM, &error))),
    };
    if none {
        if !ELSEWHERE.iter().any(|path| !matches!(tree.exists(path), Ok(false))) {
            config.invalid.push(Evidence::new("/etc/ssh/sshd_config", "no such file"));
        }
        return;
    }
    // SUSE's old packages have patches of their own.
    let os = os_release::find(tree);
    let suse = os.known().is_none_or(|os| os.as_ref().is_none_or(is_suse));
    let (major, minor) = version;
    for (since, mut seen) in std::mem::take(&mut config.dated) {
        let include = seen.detail.get(..7).is_some_and(|word| word.eq_ignore_ascii_case("include"));
        if version < since && !(include && suse) {
            seen.detail = format!("{} (not known to OpenSSH {major}.{minor})", seen.detail);
            config.invalid.push(seen);
        }
    }
}

/// What may name another configuration (`-f`) or bring one at the start.
const ELSEWHERE: [&str; 5] = [
    "/etc/default/ssh",
    "/etc/sysconfig/sshd",
    "/usr/share/ssh/sshd_config",
    "/usr/share/factory/etc/ssh/sshd_config",
    "/usr/lib/ssh/sshd_config",
];

/// What makes host keys where there are none.
fn host_key_maker(tree: &Tree, config: &Config, boot: &BootUnits<'_>) -> Fact<Option<Evidence>> {
    match leftovers::host_keys(tree) {
        Ok(keys) if keys.is_empty() => {}
        Ok(_) => return Fact::Known(None),
        Err(error) => return Fact::Unknown(Unread::from(("/etc/ssh", &error))),
    }
    match host_keys::maker(tree, boot) {
        Fact::Known(None) => {}
        found => return found,
    }
    let elsewhere = |path: &str| !path.starts_with("/etc/ssh/ssh_host_");
    if let Some(own) = config.options.get("hostkey")
        && own.value.split(' ').any(elsewhere)
    {
        let reason = format!("{}: whether the file is there is not looked at", own.evidence.detail);
        return Fact::unknown(own.evidence.location.clone(), reason);
    }
    match version::of(tree, PROGRAM) {
        Ok(Some(_)) => Fact::Known(None),
        Ok(None) => Fact::unknown(PROGRAM, "whether it is OpenSSH is not known"),
        Err(error) => Fact::Unknown(Unread::from((PROGRAM, &error))),
    }
}

fn program(tree: &Tree) -> Fact<Option<Evidence>> {
    let found = Fact::from_lookup(PROGRAM, tree.metadata(PROGRAM));
    found.map(|metadata| {
        metadata
            .filter(|metadata| metadata.file_type == FileType::Regular)
            .map(|metadata| Evidence::new(PROGRAM, format!("{} bytes", metadata.len)))
    })
}

/// The units that there are; one that is not, when there are none.
fn units(boot: &BootUnits<'_>) -> Vec<UnitFacts> {
    let mut units: Vec<_> = UNITS
        .iter()
        .map(|name| {
            let mut unit = boot.unit(name);
            unit.name = (*name).to_owned();
            unit
        })
        .collect();
    let absent = |unit: &UnitFacts| unit.state.known() == Some(&UnitState::Absent);
    if units.iter().all(absent) {
        units.truncate(1);
    } else {
        units.retain(|unit| !absent(unit));
    }
    units
}

/// `PermitRootLogin`, or its default.
fn permit_root_login(
    config: &Config,
    version: Option<&str>,
    os: impl FnOnce() -> Fact<Option<OsIdentity>>,
) -> Fact<SshdOption> {
    let place = config.files.first().map_or("/etc/ssh/sshd_config", String::as_str);
    if let Some(unread) = config.unread.first() {
        return Fact::Unknown(unread.clone());
    }
    if let Some(set) = config.options.get("permitrootlogin") {
        return Fact::Known(set.clone());
    }
    let unknown =
        |reason: &str| Fact::unknown(place, format!("PermitRootLogin is not set, and {reason}"));
    let Some(version) = version else {
        return unknown("its default depends on the version of OpenSSH");
    };
    let upstream = version.split_once(':').map_or(version, |(_, rest)| rest);
    let os = match os() {
        Fact::Known(os) => os,
        Fact::Unknown(unread) => return Fact::Unknown(unread),
    };
    match default_for_root(upstream, os.as_ref()) {
        Ok((value, by)) => {
            let detail = format!("PermitRootLogin is not set, default {value} ({by} {upstream})");
            let evidence = Evidence::new(place, detail);
            Fact::Known(SshdOption { value: value.to_owned(), evidence, in_match: false })
        }
        Err(reason) => unknown(&reason),
    }
}

/// The first OpenSSH of which openSUSE Tumbleweed surely has no patch for root: that of the first
/// `openssh-server-config-rootlogin`, which puts the old default into a file (bsc#1173067, 2021).
const TUMBLEWEED_AS_UPSTREAM: (u32, u32) = (8, 9);

/// Releases of Enterprise Linux 7 and of what is rebuilt from its packages: Anolis OS 7, Alibaba Cloud
/// Linux 2, TencentOS Server 2, EulerOS 2.0 up to SP5.
const RED_HAT_7: [&str; 5] = [".el7", ".an7", ".al7", ".tl2", ".eulerosv2r7"];

/// The default of `PermitRootLogin`, and whose it is: `prohibit-password` since OpenSSH 7.0 (release
/// notes of 7.0), `yes` before. Red Hat kept `yes` in Enterprise Linux 7, and SUSE in everything up to
/// SUSE Linux Enterprise and Leap 15, each by a patch (`openssh-7.2p2-allow_root_password_login.patch`,
/// README.SUSE; since then `allow_root_password_login_by_default` in openssh.spec, for a
/// `suse_version` below 1550).
fn default_for_root(
    upstream: &str,
    os: Option<&OsIdentity>,
) -> Result<(&'static str, &'static str), String> {
    const PROHIBITED: &str = "prohibit-password";
    let mut numbers = upstream.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
        return Err(format!("{upstream} is no version"));
    };
    if major < 7 {
        return Ok(("yes", "OpenSSH"));
    }
    if RED_HAT_7.iter().any(|tag| upstream.contains(tag)) {
        return Ok(("yes", "Red Hat's OpenSSH"));
    }
    let Some(os) = os.filter(|os| is_suse(os)) else {
        return Ok((PROHIBITED, "OpenSSH"));
    };
    let rolls = matches!(os.id.as_str(), "opensuse-tumbleweed" | "opensuse-microos");
    let release = upstream.rsplit_once('-').map_or("", |(_, release)| release);
    // Leap was 42 before it was 15; Micro counts for itself, and its packages are those of 15.
    let system = os.version.as_deref().and_then(|version| version.split('.').next());
    match system.and_then(|system| system.parse::<u32>().ok()) {
        _ if rolls && (major, minor) >= TUMBLEWEED_AS_UPSTREAM => {
            Ok((PROHIBITED, "Tumbleweed's OpenSSH"))
        }
        _ if rolls => Err(format!("whether Tumbleweed's {upstream} has SUSE's patch is not known")),
        _ if release.starts_with("150") || release.starts_with("lp15") => {
            Ok(("yes", "SUSE's OpenSSH"))
        }
        _ if release.starts_with("160") => Ok((PROHIBITED, "SUSE's OpenSSH")),
        Some(10..=15 | 42) if !os.id.contains("micro") => Ok(("yes", "SUSE's OpenSSH")),
        Some(16..=41) if !os.id.contains("micro") => Ok((PROHIBITED, "SUSE's OpenSSH")),
        _ => Err(format!("whether {upstream} has SUSE's patch is not known")),
    }
}

fn is_suse(os: &OsIdentity) -> bool {
    let is = |id: &str| id.contains("suse") || matches!(id, "sles" | "sled" | "sles_sap");
    is(&os.id) || os.id_like.iter().any(|id| is(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;

    fn root_of(os: &str, config: &str, version: Option<&str>) -> Option<String> {
        let tree =
            MemoryFs::new().file("/etc/ssh/sshd_config", config).file("/etc/os-release", os).tree();
        let found = permit_root_login(&Config::read(&tree), version, || os_release::find(&tree));
        found.known().map(|found| found.value.clone())
    }

    fn root(config: &str, version: Option<&str>) -> Option<String> {
        root_of("ID=debian\n", config, version)
    }

    #[test]
    fn the_default_for_root_is_that_of_the_version() {
        let is = |value: &str| Some(value.to_owned());
        assert_eq!(root("", Some("1:9.2p1-2+deb12u3")), is("prohibit-password"));
        assert_eq!(root("", Some("6.6.1p1-22")), is("yes"));
        assert_eq!(root("", Some("7.4p1-16.el7")), is("yes"));
        assert_eq!(root("", Some("7.4p1-22.0.1.an7")), is("yes"));
        assert_eq!(root("", Some("7.4p1-16.h16.eulerosv2r7")), is("yes"));
        assert_eq!(root("", Some("8.0p1-19.el8")), is("prohibit-password"));
        assert_eq!(root("", None), None);
        assert_eq!(root("PermitRootLogin no\n", None), is("no"));
    }

    #[test]
    fn suse_lets_root_in_with_a_password_up_to_15() {
        let suse = |os: &str, version: &str| root_of(os, "", Some(version)).unwrap_or_default();
        let sles = |version: &str| format!("ID=\"sles\"\nVERSION_ID=\"{version}\"\n");
        assert_eq!(suse(&sles("12.5"), "7.2p2-81.8.1"), "yes");
        assert_eq!(suse(&sles("15"), "7.6p1-9.20.1"), "yes");
        assert_eq!(suse(&sles("15.3"), "8.4p1-150300.3.30.1"), "yes");
        // With openssh-server-config-disallow-rootlogin for who wants it otherwise.
        assert_eq!(suse(&sles("15.6"), "9.6p1-150600.6.26.1"), "yes");
        assert_eq!(suse(&sles("16.0"), "10.0p2-160000.3.1"), "prohibit-password");
        let leap = "ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\nVERSION_ID=\"15.1\"\n";
        assert_eq!(suse(leap, "7.9p1-lp151.4.3.1"), "yes");
        let micro = "ID=sle-micro\nID_LIKE=suse\nVERSION_ID=5.5\n";
        assert_eq!(suse(micro, "8.4p1-150300.3.22.1"), "yes");
        let rolling = "ID=\"opensuse-tumbleweed\"\nID_LIKE=\"opensuse suse\"\n\
                       VERSION_ID=\"20230101\"\n";
        assert_eq!(suse(rolling, "9.3p1-1.2"), "prohibit-password");
        assert_eq!(suse(rolling, "8.4p1-1.1"), "");
        assert_eq!(suse("ID=sl-micro\nID_LIKE=suse\nVERSION_ID=6.1\n", "9.6p1-slfo.1.1_2.2"), "");
    }

    #[test]
    fn a_package_of_suse_brings_the_other_default_in_a_file() {
        let main =
            "Include /etc/ssh/sshd_config.d/*.conf\nInclude /usr/etc/ssh/sshd_config.d/*.conf\n";
        let tree = MemoryFs::new()
            .file("/usr/etc/ssh/sshd_config", main)
            .file("/usr/etc/ssh/sshd_config.d/50-permit-root-login.conf", "PermitRootLogin yes\n")
            .tree();
        let facts = find(&tree, &PackageFacts::default(), &BootUnits::walk(&tree));
        assert_eq!(facts.permit_root_login.known().unwrap().value, "yes");
    }

    /// The lines that a server of this version refuses.
    fn refused(fs: MemoryFs, version: &str) -> Vec<String> {
        let fs = fs.file("/usr/sbin/sshd", format!("OpenSSH_{version}\0"));
        let tree = fs.file("/etc/os-release", "ID=centos\n").tree();
        let facts = find(&tree, &PackageFacts::default(), &BootUnits::walk(&tree));
        facts.invalid.into_iter().map(|seen| seen.location).collect()
    }

    #[test]
    fn an_old_server_refuses_what_a_new_one_takes() {
        let with = |text: &str| MemoryFs::new().file("/etc/ssh/sshd_config", text);
        let line = ["/etc/ssh/sshd_config:1"];
        for (text, before, since) in [
            ("PermitRootLogin prohibit-password\n", "6.6.1p1", "7.4p1"),
            ("PermitRootLogin yes # comment\n", "7.6p1", "8.7p1"),
            ("Include /etc/ssh/x\n", "7.6p1", "8.0p1"),
        ] {
            assert_eq!(refused(with(text), before), line, "{text}");
            assert!(refused(with(text), since).is_empty(), "{text}");
            // No OpenSSH, or another one.
            assert!(refused(with(text), "x").is_empty(), "{text}");
        }
        assert!(refused(with("AllowUsers a # b\nPort 22\n"), "5.3p1").is_empty());
        // One behind those that are kept may be refused.
        let many = |count: usize| {
            with(&"Include /etc/ssh/x\n".repeat(count)).file("/usr/sbin/sshd", "OpenSSH_9.2p1\0")
        };
        let doubts = |fs: MemoryFs| {
            let tree = fs.tree();
            find(&tree, &PackageFacts::default(), &BootUnits::walk(&tree)).unread.len()
        };
        assert_eq!((doubts(many(64)), doubts(many(65))), (0, 1));
        // A program that is not read may be too old.
        let unread = |text: &str| {
            let fs = with(text).file("/usr/sbin/sshd", "x").unreadable("/usr/sbin/sshd");
            let tree = fs.file("/etc/os-release", "ID=centos\n").tree();
            find(&tree, &PackageFacts::default(), &BootUnits::walk(&tree)).unread
        };
        assert_eq!(unread("Include /etc/ssh/x\n")[0].location, "/usr/sbin/sshd");
        assert_eq!(unread("Port 22\n"), []);
    }

    #[test]
    fn a_configuration_that_is_not_there_keeps_openssh_from_starting() {
        // As OpenSSH 9.2 ends: "/etc/ssh/sshd_config: No such file or directory".
        assert_eq!(refused(MemoryFs::new(), "9.2p1"), ["/etc/ssh/sshd_config"]);
        assert!(refused(MemoryFs::new(), "x").is_empty());
        let own = MemoryFs::new().file("/usr/etc/ssh/sshd_config", "UsePAM yes\n");
        assert!(refused(own, "9.2p1").is_empty());
    }

    #[test]
    fn host_keys_of_openssh_need_a_maker() {
        let maker = |fs: MemoryFs, program: &str| {
            let tree = fs.file("/usr/sbin/sshd", program).tree();
            find(&tree, &PackageFacts::default(), &BootUnits::walk(&tree)).host_key_maker
        };
        let config = |text: &str| MemoryFs::new().file("/etc/ssh/sshd_config", text);
        assert_eq!(maker(config(""), "OpenSSH_9.2p1 Debian"), Fact::Known(None));
        assert!(maker(config(""), "dropbear").unread().is_some());
        assert!(maker(config("HostKey /data/key\n"), "OpenSSH_9.2p1").unread().is_some());
    }

    #[test]
    fn the_units_that_there_are_are_told() {
        let fs = MemoryFs::new()
            .file("/usr/lib/systemd/systemd", "x")
            .file("/usr/lib/systemd/system/default.target", "[Unit]\n")
            .file("/usr/lib/systemd/system/ssh.service", "[Unit]\n")
            .symlink(
                "/etc/systemd/system/default.target.wants/ssh.service",
                "/usr/lib/systemd/system/ssh.service",
            );
        let tree = fs.tree();
        let facts = find(&tree, &PackageFacts::default(), &BootUnits::walk(&tree));
        assert_eq!(facts.units.len(), 1);
        assert_eq!(facts.units[0].name, "ssh.service");
        assert_eq!(facts.units[0].state, Fact::Known(UnitState::Enabled));
        assert_eq!(facts.program, Fact::Known(None));
    }
}
