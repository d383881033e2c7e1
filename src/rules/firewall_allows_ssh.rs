//! `firewall-allows-ssh`

use super::scope::{Decision, linux_only, settle, undecided};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule};
use crate::fact::Fact;
use crate::guest::facts::{Facts, SshAccess};
use crate::text;

/// The firewall in the image lets SSH in.
pub(super) struct FirewallAllowsSsh;

static DOC: Doc = Doc {
    title: Fixed::new("The firewall in the image lets SSH in", "镜像中的防火墙允许SSH访问"),
    why: Fixed::new(
        "A firewall that was set up for the old network keeps you out of every server made from the image, however open the security group is.",
        "为原网络设置的防火墙会让您无法登录由该镜像创建的云服务器，无论安全组如何放通。",
    ),
    decided: Fixed::new(
        "Of the firewalls that the boot starts (firewalld, iptables, netfilter-persistent, nftables, ufw, SuSEfirewall2) the saved rules: the first packet of a TCP connection over IPv4 from any address to sshd's port is followed through them; and, where sshd links libwrap, /etc/hosts.allow and hosts.deny. Only a clear drop or reject warns; what decides and is not understood is not decided.",
        "针对开机启动的防火墙（firewalld、iptables、netfilter-persistent、nftables、ufw、SuSEfirewall2），按已保存的规则推演来自任意IPv4地址、目的端口为sshd端口的TCP首包；sshd链接了libwrap时，还检查/etc/hosts.allow和hosts.deny。仅在明确被丢弃或拒绝时告警；无法理解的规则视为无法判定。",
    ),
    remedy: Fixed::new(
        "firewall-cmd --permanent --add-service=ssh; or iptables -I INPUT -p tcp --dport 22 -j ACCEPT and save the rules; or ufw allow ssh; or FW_CONFIGURATIONS_EXT=\"sshd\" in /etc/sysconfig/SuSEfirewall2",
        "firewall-cmd --permanent --add-service=ssh；或iptables -I INPUT -p tcp --dport 22 -j ACCEPT并保存规则；或ufw allow ssh；或在/etc/sysconfig/SuSEfirewall2中设置FW_CONFIGURATIONS_EXT=\"sshd\"",
    ),
    source: "OTC 0030713211; iptables(8), firewalld.zone(5), ufw(8)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for FirewallAllowsSsh {
    fn id(&self) -> &'static str {
        "firewall-allows-ssh"
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
    let firewall = &linux.firewall;
    let port = linux.sshd.options.get("port").and_then(|port| port.value.split(' ').next());
    let port = port.filter(|port| port.parse::<u16>().is_ok()).unwrap_or("22");
    let mut seen = Vec::new();
    let mut unread = firewall.unread.first();
    for enabled in &firewall.enabled {
        match &enabled.ssh {
            Fact::Known(SshAccess::Closed(by)) => {
                let name = &enabled.name;
                let (place, what) = (&by.location, &by.detail);
                let (place_zh, what_zh) = by.in_chinese();
                let outcome = Outcome::broken(
                    text!(
                        "{name} does not let SSH in ({place}: {what}).",
                        "{name}不允许SSH访问（{place_zh}：{what_zh}）。"
                    ),
                    vec![by.clone(), enabled.evidence.clone()],
                );
                return Ok(match remedy(name, port) {
                    Some(command) => outcome.remedy(text!("{command}", "{command}")),
                    None => outcome,
                });
            }
            Fact::Known(SshAccess::Open(by)) => {
                seen.extend([by.clone(), enabled.evidence.clone()]);
            }
            Fact::Unknown(reason) => unread = unread.or(Some(reason)),
        }
    }
    if let Some(unread) = unread {
        return Err(Box::new(undecided(unread)));
    }
    if firewall.enabled.is_empty() {
        return Ok(Outcome::holds(
            text!("No firewall is started at boot.", "没有开机启动的防火墙。"),
            firewall.looked_at.clone(),
        ));
    }
    Ok(Outcome::holds(text!("The firewall lets SSH in.", "防火墙允许SSH访问。"), seen))
}

fn remedy(name: &str, port: &str) -> Option<String> {
    let insert = format!("iptables -I INPUT -p tcp --dport {port} -j ACCEPT");
    Some(match (name, port) {
        ("firewalld", "22") => "firewall-offline-cmd --add-service=ssh".to_owned(),
        ("firewalld", _) => format!("firewall-offline-cmd --add-port={port}/tcp"),
        ("iptables", _) => format!("{insert} && service iptables save"),
        ("netfilter-persistent" | "iptables-persistent", _) => {
            format!("{insert} && netfilter-persistent save")
        }
        ("ufw", "22") => "ufw allow ssh".to_owned(),
        ("ufw", _) => format!("ufw allow {port}/tcp"),
        ("tcp-wrappers", _) => "sed -i '1i sshd: ALL' /etc/hosts.allow".to_owned(),
        ("SuSEfirewall2", "22") => "SuSEfirewall2 open EXT TCP ssh".to_owned(),
        ("SuSEfirewall2", _) => format!("SuSEfirewall2 open EXT TCP {port}"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Evidence;
    use crate::guest::facts::{FirewallFacts, SshdOption};
    use crate::rules::Status;
    use crate::rules::testing::{
        expect, good_linux, linux_mut, remedy, status, unread_inside, windows,
    };

    fn with(ssh: Fact<SshAccess>) -> Facts {
        let mut facts = good_linux();
        linux_mut(&mut facts).firewall.enabled[0].ssh = ssh;
        facts
    }

    #[test]
    fn an_open_firewall_passes_and_so_does_none() {
        expect(&FirewallAllowsSsh, &good_linux(), Status::Pass, "service ssh");
        let mut facts = good_linux();
        let seen = Evidence::new("ufw.service", "not there");
        let none = FirewallFacts { looked_at: vec![seen], ..FirewallFacts::default() };
        linux_mut(&mut facts).firewall = none;
        expect(&FirewallAllowsSsh, &facts, Status::Pass, "ufw.service");
    }

    #[test]
    fn a_clear_drop_warns_with_its_line() {
        let closed = SshAccess::Closed(Evidence::new("/etc/sysconfig/iptables:9", "-j REJECT"));
        let finding =
            expect(&FirewallAllowsSsh, &with(Fact::Known(closed)), Status::Warn, "iptables:9");
        assert_eq!(remedy(&finding), "firewall-offline-cmd --add-service=ssh");
    }

    #[test]
    fn the_port_that_sshd_listens_on_is_opened() {
        let closed = SshAccess::Closed(Evidence::new("/etc/ufw/user.rules:9", "default deny"));
        for (firewall, command) in [
            ("firewalld", "firewall-offline-cmd --add-port=2222/tcp"),
            ("ufw", "ufw allow 2222/tcp"),
            ("SuSEfirewall2", "SuSEfirewall2 open EXT TCP 2222"),
            (
                "iptables",
                "iptables -I INPUT -p tcp --dport 2222 -j ACCEPT && service iptables save",
            ),
        ] {
            let mut facts = with(Fact::Known(closed.clone()));
            let linux = linux_mut(&mut facts);
            linux.firewall.enabled[0].name = firewall.to_owned();
            let evidence = Evidence::new("/etc/ssh/sshd_config:13", "Port 2222");
            let option = SshdOption { value: "2222".to_owned(), evidence, in_match: false };
            linux.sshd.options.insert("port".to_owned(), option);
            let finding = expect(&FirewallAllowsSsh, &facts, Status::Warn, "user.rules:9");
            assert_eq!(remedy(&finding), command);
        }
    }

    #[test]
    fn what_was_not_understood_is_unverified() {
        let facts = with(Fact::unknown("/etc/nftables.conf:3", "drop"));
        expect(&FirewallAllowsSsh, &facts, Status::Unverified, "/etc/nftables.conf:3");
        expect(&FirewallAllowsSsh, &unread_inside(), Status::Unverified, "it was torn");
        assert_eq!(status(&FirewallAllowsSsh, &windows()), Status::NotApplicable);
    }
}
