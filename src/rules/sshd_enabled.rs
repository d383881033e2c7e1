//! `sshd-enabled`

use super::scope::{Decision, known, linux_only, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, cloud_init_enabled, shell};
use crate::fact::{Evidence, Unread};
use crate::guest::facts::{Facts, UnitState};
use crate::text;

/// The SSH server is started at boot.
pub(super) struct SshdEnabled;

static DOC: Doc = Doc {
    title: Fixed::new(
        "The SSH server is installed and started at boot",
        "已安装SSH服务并设置为开机启动",
    ),
    why: Fixed::new(
        "Without it nobody can log in over the network, only on the console.",
        "否则无法通过网络登录，只能使用控制台。",
    ),
    decided: Fixed::new(
        "/usr/sbin/sshd exists, and one of sshd.service, ssh.service and their sockets is started at boot (systemd, start links, upstart, OpenRC). Whether the firewall lets it in is another rule's business.",
        "/usr/sbin/sshd存在，且sshd.service、ssh.service或对应的socket之一设置为开机启动（systemd、启动链接、upstart、OpenRC）。防火墙是否放行由其他规则检查。",
    ),
    remedy: Fixed::new(
        "systemctl enable sshd (Debian and Ubuntu: systemctl enable ssh; without systemd: chkconfig sshd on)",
        "systemctl enable sshd（Debian和Ubuntu：systemctl enable ssh；无systemd的系统：chkconfig sshd on）",
    ),
    source: "FAQ (OTC 0030713211)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for SshdEnabled {
    fn id(&self) -> &'static str {
        "sshd-enabled"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Recommended)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

fn decide(facts: &Facts) -> Decision {
    let linux = linux_only(facts)?;
    let sshd = &linux.sshd;
    let Some(program) = known(&sshd.program)? else {
        return Ok(Outcome::broken(
            text!("There is no OpenSSH server.", "没有OpenSSH服务。"),
            vec![Evidence::new("/usr/sbin/sshd", "no such file")],
        )
        .remedy(text!(
            "yum install openssh-server, zypper install openssh or apt install openssh-server",
            "yum install openssh-server、zypper install openssh或apt install openssh-server"
        )));
    };
    let enabled = sshd.units.iter().find(|unit| unit.state.known() == Some(&UnitState::Enabled));
    if let Some(unit) = enabled {
        let name = &unit.name;
        return Ok(Outcome::holds(
            text!("{name} is started at boot.", "{name}已设置为开机启动。"),
            vec![unit.evidence.clone(), program.clone()],
        ));
    }
    for unit in &sshd.units {
        known(&unit.state)?;
    }
    let Some(unit) = sshd.units.first() else {
        let unread = Unread::new("sshd", "none of its units was looked at");
        return Err(Box::new(undecided(&unread)));
    };
    let masked = sshd.units.iter().find(|unit| unit.state.known() == Some(&UnitState::Masked));
    let by_word = masked.and_then(|unit| unit.mask_word());
    let name = shell::quote(&masked.unwrap_or(unit).name);
    let evidence = sshd.units.iter().map(|unit| unit.evidence.clone()).collect();
    let outcome = Outcome::broken(
        text!("The SSH server is not started at boot.", "SSH服务未设置为开机启动。"),
        evidence,
    );
    Ok(match (by_word, unit.state.known()) {
        (Some(word), _) => outcome.remedy(cloud_init_enabled::without_word(word)),
        (None, Some(UnitState::Absent)) => outcome,
        _ => outcome.remedy(text!(
            "systemctl unmask {name}; systemctl enable {name}",
            "systemctl unmask {name}; systemctl enable {name}"
        )),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn with(state: UnitState) -> Facts {
        let mut facts = good_linux();
        linux_mut(&mut facts).sshd.units[0].state = Fact::Known(state);
        facts
    }

    #[test]
    fn an_enabled_server_passes_by_its_service_or_its_socket() {
        expect(&SshdEnabled, &good_linux(), Status::Pass, "sshd.service");
        let mut facts = with(UnitState::Disabled);
        let mut socket = linux_mut(&mut facts).sshd.units[0].clone();
        (socket.name, socket.state) = ("ssh.socket".to_owned(), Fact::Known(UnitState::Enabled));
        linux_mut(&mut facts).sshd.units.push(socket);
        expect(&SshdEnabled, &facts, Status::Pass, "ssh.socket");
    }

    #[test]
    fn a_server_that_is_off_or_missing_warns() {
        let finding = expect(&SshdEnabled, &with(UnitState::Masked), Status::Warn, "not started");
        assert_eq!(
            remedy(&finding),
            "systemctl unmask sshd.service; systemctl enable sshd.service"
        );
        let mut facts = with(UnitState::Masked);
        let unit = &mut linux_mut(&mut facts).sshd.units[0];
        unit.evidence = Evidence::new("/boot/grub/grub.cfg:98", "systemd.mask=sshd.service");
        let finding = expect(&SshdEnabled, &facts, Status::Warn, "/boot/grub/grub.cfg:98");
        assert!(remedy(&finding).contains("--remove-args=systemd.mask=sshd.service"));
        let mut facts = good_linux();
        linux_mut(&mut facts).sshd.program = Fact::Known(None);
        expect(&SshdEnabled, &facts, Status::Warn, "/usr/sbin/sshd");
    }

    #[test]
    fn unknown_units_are_unverified() {
        let mut facts = good_linux();
        linux_mut(&mut facts).sshd.units[0].state = Fact::unknown("/etc/systemd", "torn");
        expect(&SshdEnabled, &facts, Status::Unverified, "torn");
        assert_eq!(status(&SshdEnabled, &unread_inside()), Status::Unverified);
    }
}
