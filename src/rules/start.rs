//! The command by which a guest's own init has its services started at boot.

use super::nic::{Family, family_of};
use super::shell;
use crate::fact::Evidence;
use crate::guest::facts::{IN_NO_RUNLEVEL, LinuxFacts, NO_START_LINK, STARTED_TARGETS, UnitFacts};

/// The command that has `units` started at boot, in the words of what starts them.
pub(super) fn command(linux: &LinuxFacts, units: &[&UnitFacts]) -> String {
    let mut commands = Vec::new();
    let mut of_systemd = Vec::new();
    for unit in units {
        match without_systemd(linux, &unit.name, &unit.evidence) {
            Some(command) => commands.push(command),
            None => of_systemd.push(shell::quote(&unit.name)),
        }
    }
    if !of_systemd.is_empty() {
        let names = of_systemd.join(" ");
        commands.push(format!("systemctl unmask {names}; systemctl enable {names}"));
    }
    commands.join("; ")
}

/// The command for a service that is off, where the evidence is of an init other than systemd: rc-update(8)
/// of OpenRC, init(5) of upstart, chkconfig(8) and update-rc.d(8).
pub(crate) fn without_systemd(
    linux: &LinuxFacts,
    service: &str,
    evidence: &Evidence,
) -> Option<String> {
    let Evidence { location, detail, .. } = evidence;
    let plain = service.strip_suffix(".service").unwrap_or(service);
    let name = shell::quote(plain);
    if detail == IN_NO_RUNLEVEL {
        // Where Alpine's own programs put them (setup-interfaces, setup-cloud-init).
        let runlevel =
            if ["networking", "cloud-init-local"].contains(&plain) { "boot" } else { "default" };
        return Some(format!("rc-update add {name} {runlevel}"));
    }
    if location.starts_with("/etc/init/") {
        return Some(match shell::file_and_line(location) {
            Some((file, line)) if detail == "manual" => {
                format!("sed -i '{line}s/^/#/' {}", shell::quote_path(file))
            }
            _ => {
                let file = shell::quote_path(&format!("/etc/init/{plain}.override"));
                format!("echo 'start on runlevel [2345]' >> {file}")
            }
        });
    }
    let is_sysv =
        detail.starts_with(NO_START_LINK) && !detail.ends_with(&format!("({STARTED_TARGETS})"));
    is_sysv.then(|| match family_of(linux) {
        Some(Family::Debian) => {
            format!("update-rc.d {name} defaults; update-rc.d {name} enable")
        }
        _ => format!("chkconfig {name} on"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::guest::facts::UnitState;
    use crate::rules::testing::*;

    fn unit(name: &str, location: &str, detail: &str) -> UnitFacts {
        UnitFacts {
            name: name.to_owned(),
            state: Fact::Known(UnitState::Disabled),
            evidence: Evidence::new(location, detail),
        }
    }

    fn said(id: &str, unit: UnitFacts) -> String {
        let mut facts = good_linux();
        os_mut(&mut facts).id = id.to_owned();
        os_mut(&mut facts).id_like.clear();
        command(linux_mut(&mut facts), &[&unit])
    }

    #[test]
    fn each_init_has_its_own_command() {
        for (id, name, location, detail, wanted) in [
            (
                "alpine",
                "sshd.service",
                "/etc/init.d/sshd",
                IN_NO_RUNLEVEL,
                "rc-update add sshd default",
            ),
            (
                "alpine",
                "cloud-init-local",
                "/etc/init.d/cloud-init-local",
                IN_NO_RUNLEVEL,
                "rc-update add cloud-init-local boot",
            ),
            ("ubuntu", "ssh", "/etc/init/ssh.override:1", "manual", {
                "sed -i '1s/^/#/' /etc/init/ssh.override"
            }),
            ("ubuntu", "ssh.service", "/etc/init/ssh.conf:8", "start on runlevel [5]", {
                "echo 'start on runlevel [2345]' >> /etc/init/ssh.override"
            }),
            (
                "centos",
                "sshd.service",
                "/etc/init.d/sshd",
                format!("{NO_START_LINK} 3 (/etc/inittab:1)").as_str(),
                "chkconfig sshd on",
            ),
            (
                "debian",
                "ssh.service",
                "/etc/init.d/ssh",
                format!("{NO_START_LINK} 2 (/etc/inittab:5)").as_str(),
                "update-rc.d ssh defaults; update-rc.d ssh enable",
            ),
            (
                "centos",
                "sshd.service",
                "/etc/init.d/sshd",
                format!("{NO_START_LINK} 2, 3, 4 ({STARTED_TARGETS})").as_str(),
                "systemctl unmask sshd.service; systemctl enable sshd.service",
            ),
            (
                "centos",
                "sshd.service",
                "/usr/lib/systemd/system/sshd.service",
                "nothing starts it",
                "systemctl unmask sshd.service; systemctl enable sshd.service",
            ),
        ] {
            assert_eq!(said(id, unit(name, location, detail)), wanted);
        }
    }
}
