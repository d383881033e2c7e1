//! The SSH server: whether it is there, whether it starts, and whom it lets in.
//!
//! In: the guest's tree, its packages and units. Out: [`SshdFacts`].

mod config;

use config::Config;

use super::systemd_unit::BootUnits;
use crate::fact::{Evidence, Fact};
use crate::filesystem::FileType;
use crate::filesystem::tree::Tree;
use crate::guest::facts::{PackageFacts, SshdFacts, SshdOption, UnitFacts, UnitState};

const PROGRAM: &str = "/usr/sbin/sshd";

/// Its package: Debian, Red Hat, then SUSE before 15.
const PACKAGES: [&str; 2] = ["openssh-server", "openssh"];

/// Its units: Debian's, everybody else's, and the sockets that start it on demand.
const UNITS: [&str; 4] = ["sshd.service", "ssh.service", "ssh.socket", "sshd.socket"];

/// What is known of the SSH server.
pub fn find(tree: &Tree, packages: &PackageFacts, boot: &BootUnits<'_>) -> SshdFacts {
    let package = PACKAGES.iter().find_map(|name| packages.find(name).known().copied().flatten());
    let config = Config::read(tree);
    let permit_root_login = permit_root_login(&config, package.map(|package| &package.version[..]));
    SshdFacts {
        program: program(tree),
        version: package.map(|package| package.version.clone()),
        units: units(boot),
        files: config.files,
        unread: config.unread,
        options: config.options,
        conditional: config.conditional,
        permit_root_login,
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

/// `PermitRootLogin`, or its default: `prohibit-password` since OpenSSH 7.0 (release notes of 7.0),
/// `yes` before. Red Hat kept `yes` in Enterprise Linux 7 and SUSE in its packages, each by a patch.
fn permit_root_login(config: &Config, version: Option<&str>) -> Fact<SshdOption> {
    let place = config.files.first().map_or("/etc/ssh/sshd_config", String::as_str);
    if let Some(unread) = config.unread.first() {
        return Fact::Unknown(unread.clone());
    }
    if let Some(set) = config.options.get("permitrootlogin") {
        return Fact::Known(set.clone());
    }
    let Some(version) = version else {
        let reason =
            "PermitRootLogin is not set, and its default depends on the version of OpenSSH";
        return Fact::unknown(place, reason);
    };
    let upstream = version.split_once(':').map_or(version, |(_, rest)| rest);
    let major = upstream.split('.').next().and_then(|major| major.parse::<u32>().ok());
    let suse = ["-lp15", "-1501", "-1502", "-1503", "-1504", "-1505", "-1506", "-slfo", ".sle"];
    let value = match major {
        Some(..=6) => "yes",
        Some(_) if upstream.contains(".el7") => "yes",
        Some(_) if suse.iter().any(|mark| upstream.contains(mark)) => {
            let reason = "PermitRootLogin is not set, and its default depends on SUSE's patches";
            return Fact::unknown(place, reason);
        }
        Some(_) => "prohibit-password",
        None => {
            let reason = format!("PermitRootLogin is not set, and {version} is no version");
            return Fact::unknown(place, reason);
        }
    };
    let detail = format!("PermitRootLogin is not set, default {value} (OpenSSH {upstream})");
    Fact::Known(SshdOption { value: value.to_owned(), evidence: Evidence::new(place, detail) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;

    fn root(config: &str, version: Option<&str>) -> Option<String> {
        let tree = MemoryFs::new().file("/etc/ssh/sshd_config", config).tree();
        permit_root_login(&Config::read(&tree), version).known().map(|found| found.value.clone())
    }

    #[test]
    fn the_default_for_root_is_that_of_the_version() {
        let is = |value: &str| Some(value.to_owned());
        assert_eq!(root("", Some("1:9.2p1-2+deb12u3")), is("prohibit-password"));
        assert_eq!(root("", Some("6.6.1p1-22")), is("yes"));
        assert_eq!(root("", Some("7.4p1-16.el7")), is("yes"));
        assert_eq!(root("", Some("8.0p1-19.el8")), is("prohibit-password"));
        assert_eq!(root("", Some("8.4p1-150300.3.30.1")), None);
        assert_eq!(root("", None), None);
        assert_eq!(root("PermitRootLogin no\n", None), is("no"));
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
