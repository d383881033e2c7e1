//! `sshd-enabled`

use super::cloud_init_settings::without_word;
use super::host_keys::{HostKeys, host_keys};
use super::machine_id_hostkeys::keys_at_boot;
use super::scope::{Decision, known, linux_only, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, shell, skipped, start};
use crate::chinese::chinese;
use crate::fact::{Evidence, Unread};
use crate::guest::facts::{Facts, SshdFacts, UnitState};
use crate::text;
use std::net::IpAddr;

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
        "/usr/sbin/sshd exists, and one of sshd.service, ssh.service and their sockets is started at boot (systemd, start links, upstart, OpenRC) and not passed over for a condition on a path (sshd_not_to_be_run); sshd_config is there and has no line that this version of sshd refuses; there are host keys, or cloud-init, a unit or a script makes them; ListenAddress and AddressFamily, if they are set, do not leave it at addresses that a new server need not have, or at IPv6 alone; where SELinux is to be enforced, one of its ports is 22 or has been given the label ssh_port_t. Whether the firewall lets it in is another rule's business.",
        "/usr/sbin/sshd存在，且sshd.service、ssh.service或对应的socket之一设置为开机启动（systemd、启动链接、upstart、OpenRC），且未因路径条件（sshd_not_to_be_run）被跳过；sshd_config存在且没有该版本sshd拒绝的行；存在主机密钥，或由cloud-init、启动单元或脚本生成；设置了ListenAddress或AddressFamily时，监听地址不限于新云服务器不一定具有的地址，也不限于IPv6；强制启用SELinux时，其端口之一为22或已设置ssh_port_t标签。防火墙是否放行由其他规则检查。",
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
    if let Some(invalid) = sshd.invalid.first() {
        let (place, what) = (&invalid.location, &invalid.detail);
        let outcome = Outcome::broken(
            text!(
                "sshd refuses its configuration and does not start: {place}: {what}.",
                "sshd拒绝其配置，无法启动：{place}：{what}。"
            ),
            sshd.invalid.clone(),
        );
        let Some((file, line)) = shell::file_and_line(place) else {
            return Ok(outcome.remedy(text!(
                "yum reinstall openssh-server (Debian and Ubuntu: apt install --reinstall -o Dpkg::Options::=--force-confmiss openssh-server); sshd -t",
                "yum reinstall openssh-server（Debian和Ubuntu：apt install --reinstall -o Dpkg::Options::=--force-confmiss openssh-server）；sshd -t"
            )));
        };
        let file = shell::quote_path(file);
        return Ok(outcome.remedy(text!(
            "sed -i '{line}s/^/#/' {file}; sshd -t",
            "sed -i '{line}s/^/#/' {file}; sshd -t"
        )));
    }
    let enabled =
        || sshd.units.iter().filter(|unit| unit.state.known() == Some(&UnitState::Enabled));
    if enabled().next().is_some()
        && let HostKeys::Nobody = host_keys(linux)
    {
        let command = keys_at_boot(linux);
        return Ok(Outcome::broken(
            text!(
                "sshd has no host keys, and nothing makes them: it does not start without.",
                "sshd没有主机密钥，也没有程序会生成：缺少主机密钥无法启动。"
            ),
            vec![Evidence::new("/etc/ssh/ssh_host_*_key", "not there")],
        )
        .remedy(text!("{command}", "{command}")));
    }
    // A socket listens by itself, and systemd may listen at any port.
    if enabled().all(|unit| !unit.name.ends_with(".socket"))
        && enabled().next().is_some()
        && let Some(refused) = known(&sshd.port_refused)?
    {
        let (place, what) = (&refused.location, &refused.detail);
        let what_zh = chinese(what);
        let ports = sshd.options.get("port").map_or("", |port| port.value.as_str());
        let numbers = ports.split(' ').filter(|port| port.parse::<u16>().is_ok());
        let command = numbers
            .map(|port| {
                // A port with another label is not added, but changed (semanage-port(8)).
                let label = format!("-t ssh_port_t -p tcp {port}");
                format!("semanage port -a {label} || semanage port -m {label}")
            })
            .collect::<Vec<_>>()
            .join("\n");
        return Ok(Outcome::broken(
            text!(
                "SELinux does not let sshd listen at its port: {place}: {what}.",
                "SELinux不允许sshd监听其端口：{place}：{what_zh}。"
            ),
            vec![refused.clone()],
        )
        .remedy(text!("{command}", "{command}")));
    }
    if enabled().all(|unit| !unit.name.ends_with(".socket"))
        && enabled().next().is_some()
        && let Some((evidence, only)) = listens_only_at(sshd)
    {
        let what = evidence.detail.clone();
        let place = evidence.location.clone();
        let outcome = match only {
            Only::Itself => Outcome::broken(
                text!(
                    "sshd listens on the server itself only ({place}: {what}).",
                    "sshd仅监听本机地址（{place}：{what}）。"
                ),
                vec![evidence],
            ),
            Only::Elsewhere => Outcome::doubtful(
                text!(
                    "sshd listens only at an address that a new server need not have ({place}: {what}).",
                    "sshd仅监听新云服务器不一定具有的地址（{place}：{what}）。"
                ),
                vec![evidence],
            ),
            Only::Ipv6 => Outcome::doubtful(
                text!(
                    "sshd listens on IPv6 only ({place}: {what}).",
                    "sshd仅监听IPv6地址（{place}：{what}）。"
                ),
                vec![evidence],
            ),
        };
        return Ok(outcome        .remedy(text!(
            "sed -i -E 's/^[[:space:]]*(ListenAddress|AddressFamily)/#&/I' /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf",
            "sed -i -E 's/^[[:space:]]*(ListenAddress|AddressFamily)/#&/I' /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf"
        )));
    }
    if let Some(unit) = enabled().next() {
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
    let command = start::command(linux, &[masked.unwrap_or(unit)]);
    // A unit and its alias have the same.
    let mut evidence: Vec<_> = sshd.units.iter().map(|unit| unit.evidence.clone()).collect();
    evidence.dedup();
    let outcome = Outcome::broken(
        text!("The SSH server is not started at boot.", "SSH服务未设置为开机启动。"),
        evidence,
    );
    if let Some(remedy) = sshd.units.iter().find_map(skipped::remedy) {
        return Ok(outcome.remedy(remedy));
    }
    Ok(match (by_word, unit.state.known()) {
        (Some(word), _) => outcome.remedy(without_word(word)),
        (None, Some(UnitState::Absent)) => outcome,
        _ => outcome.remedy(text!("{command}", "{command}")),
    })
}

/// What sshd listens at, and nothing else.
enum Only {
    /// The server's own loopback addresses.
    Itself,
    /// Addresses that a new server need not have.
    Elsewhere,
    /// Any of IPv6: the socket takes no IPv4 (`sshd.c`, `IPV6_V6ONLY`).
    Ipv6,
}

/// The line that lets sshd listen only at addresses that are not any of IPv4.
fn listens_only_at(sshd: &SshdFacts) -> Option<(Evidence, Only)> {
    if !sshd.unread.is_empty() {
        return None;
    }
    let family = sshd.options.get("addressfamily");
    let family = family.filter(|family| family.value.eq_ignore_ascii_case("inet6"));
    let Some(option) = sshd.options.get("listenaddress") else {
        return Some((family?.evidence.clone(), Only::Ipv6));
    };
    let mut words = option.value.split(' ');
    let (mut loopback, mut any_of_ipv6) = (true, false);
    while let Some(word) = words.next() {
        if word.eq_ignore_ascii_case("rdomain") {
            words.next();
            continue;
        }
        // `host`, `host:port`, `[host]:port`, `[host]`.
        let host = match word.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None if word.matches(':').count() == 1 => word.split(':').next().unwrap_or_default(),
            None => word,
        };
        match host.parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) if address.is_unspecified() => {
                return family.map(|family| (family.evidence.clone(), Only::Ipv6));
            }
            Ok(IpAddr::V6(address)) if address.is_unspecified() => any_of_ipv6 = true,
            Ok(address) => loopback &= address.is_loopback(),
            Err(_) => loopback &= host == "localhost",
        }
    }
    let only = match (any_of_ipv6, loopback) {
        (true, _) => Only::Ipv6,
        (false, true) => Only::Itself,
        (false, false) => Only::Elsewhere,
    };
    Some((option.evidence.clone(), only))
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
    fn a_port_without_the_label_of_selinux_warns() {
        let mut facts = good_linux();
        let sshd = &mut linux_mut(&mut facts).sshd;
        let what = "Port 2222: not labelled ssh_port_t, and SELINUX=enforcing";
        let at = Evidence::new("/etc/ssh/sshd_config:17", what).marked(17, "Port 2222", 5..9);
        sshd.options.insert("port".to_owned(), sshd::option(17, "Port", "2222"));
        sshd.port_refused = Fact::Known(Some(at));
        let finding = expect(&SshdEnabled, &facts, Status::Warn, "sshd_config:17");
        let added = "semanage port -a -t ssh_port_t -p tcp 2222";
        let changed = "semanage port -m -t ssh_port_t -p tcp 2222";
        assert_eq!(remedy(&finding), format!("{added} || {changed}"));
        assert!(finding.message.zh.contains("Port 2222：未设置ssh_port_t标签"), "{finding:#?}");
        linux_mut(&mut facts).sshd.units[0].name = "sshd.socket".to_owned();
        expect(&SshdEnabled, &facts, Status::Pass, "sshd.socket");
        let mut facts = good_linux();
        linux_mut(&mut facts).sshd.port_refused = Fact::unknown("/var/lib/selinux", "torn");
        expect(&SshdEnabled, &facts, Status::Unverified, "torn");
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
    fn a_server_that_is_passed_over_or_refuses_its_configuration_warns() {
        let mut facts = with(UnitState::Skipped);
        linux_mut(&mut facts).sshd.units[0].evidence = Evidence::new(
            "/lib/systemd/system/ssh.service:5",
            "ConditionPathExists=!/etc/ssh/sshd_not_to_be_run",
        );
        let finding = expect(&SshdEnabled, &facts, Status::Warn, "sshd_not_to_be_run");
        assert_eq!(remedy(&finding), "rm -f /etc/ssh/sshd_not_to_be_run");
        let mut facts = good_linux();
        linux_mut(&mut facts).sshd.invalid =
            vec![sshd::option(38, "PermitRootLogin", "maybe").evidence];
        let finding = expect(&SshdEnabled, &facts, Status::Warn, "PermitRootLogin maybe");
        assert_eq!(remedy(&finding), "sed -i '38s/^/#/' /etc/ssh/sshd_config; sshd -t");
    }

    #[test]
    fn a_server_that_listens_elsewhere_warns() {
        for (value, status, needle) in [
            ("0.0.0.0", Status::Pass, "sshd.service"),
            ("[::]:22 0.0.0.0", Status::Pass, "sshd.service"),
            // As OpenSSH 9.2: 127.0.0.1 refused, ::1 answers.
            ("[::]:22", Status::Warn, "IPv6 only"),
            ("::", Status::Warn, "IPv6 only"),
            ("192.168.1.5 0.0.0.0:22", Status::Pass, "sshd.service"),
            ("192.168.1.5", Status::Warn, "need not have"),
            ("127.0.0.1 [::1]:22 localhost", Status::Warn, "the server itself only"),
            ("127.0.0.1 fe80::1", Status::Warn, "need not have"),
        ] {
            let mut facts = good_linux();
            let option = sshd::option(5, "ListenAddress", value);
            linux_mut(&mut facts).sshd.options.insert("listenaddress".to_owned(), option);
            expect(&SshdEnabled, &facts, status, needle);
            let unit = &mut linux_mut(&mut facts).sshd.units[0];
            unit.name = "ssh.socket".to_owned();
            expect(&SshdEnabled, &facts, Status::Pass, "ssh.socket");
        }
    }

    #[test]
    fn a_server_on_ipv6_alone_or_without_host_keys_warns() {
        let mut facts = good_linux();
        let option = sshd::option(5, "AddressFamily", "inet6");
        linux_mut(&mut facts).sshd.options.insert("addressfamily".to_owned(), option);
        let finding = expect(&SshdEnabled, &facts, Status::Warn, "IPv6 only");
        assert!(remedy(&finding).contains("AddressFamily"));
        let mut facts = good_linux();
        linux_mut(&mut facts).sshd.host_key_maker = Fact::Known(None);
        expect(&SshdEnabled, &facts, Status::Pass, "sshd.service");
        linux_mut(&mut facts).cloud_init.installed = Fact::Known(None);
        expect(&SshdEnabled, &facts, Status::Warn, "no host keys");
        let key = "/etc/ssh/ssh_host_rsa_key".to_owned();
        linux_mut(&mut facts).leftovers.host_keys = Fact::Known(vec![key]);
        expect(&SshdEnabled, &facts, Status::Pass, "sshd.service");
    }

    #[test]
    fn unknown_units_are_unverified() {
        let mut facts = good_linux();
        linux_mut(&mut facts).sshd.units[0].state = Fact::unknown("/etc/systemd", "torn");
        expect(&SshdEnabled, &facts, Status::Unverified, "torn");
        assert_eq!(status(&SshdEnabled, &unread_inside()), Status::Unverified);
    }
}
