//! Whether the firewall that the boot starts lets SSH in.
//!
//! In: the guest's tree, its sshd and the units that its boot starts. Out: [`FirewallFacts`]. A packet is
//! followed through the saved rules: the first of a TCP connection over IPv4 from any address to
//! sshd's port. What decides and is not understood leaves the answer unknown, with its line.

mod chain;
mod firewalld;
mod iptables;
mod nftables;
mod susefirewall;
mod tcp_wrappers;
mod ufw;

use super::pattern;
use super::systemd_unit::BootUnits;
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact, Unread, shortened};
use crate::filesystem::tree::Tree;
use crate::guest::facts::{EnabledFirewall, FirewallFacts, SshAccess, SshdFacts, UnitState};

/// Longest file of rules read; some thousand rules.
const MAX_RULES_FILE: u64 = 1 << 20;

/// sshd's own port (sshd_config(5), `Port`).
const SSH: u16 = 22;

/// Most ports that sshd may be told; each is followed through the rules.
const MAX_PORTS: usize = 4;

/// A service that the boot starts.
struct Service<'a> {
    tree: &'a Tree,
    /// Its unit's commands, each with its place; none when it has no unit.
    commands: Vec<(String, String)>,
    /// Whether OpenRC starts it.
    by_openrc: bool,
}

/// What a service would do for a port: `None` when it sets up nothing.
type Judge = fn(&Service<'_>, u16) -> Result<Option<SshAccess>, Unread>;

/// Services with what decides for them.
const FIREWALLS: [(&str, &str, Judge); 8] = [
    ("firewalld", "firewalld.service", |service, port| firewalld::ssh(service.tree, port)),
    ("iptables", "iptables.service", saved),
    ("netfilter-persistent", "netfilter-persistent.service", persistent),
    ("iptables-persistent", "iptables-persistent.service", persistent),
    ("nftables", "nftables.service", nftables::ssh),
    ("ufw", "ufw.service", |service, port| ufw::ssh(service.tree, port)),
    ("SuSEfirewall2", "SuSEfirewall2.service", suse),
    ("SuSEfirewall2", "SuSEfirewall2_setup.service", suse),
];

fn persistent(service: &Service<'_>, port: u16) -> Result<Option<SshAccess>, Unread> {
    iptables::ssh(service.tree, "/etc/iptables/rules.v4", port)
}

fn suse(service: &Service<'_>, port: u16) -> Result<Option<SshAccess>, Unread> {
    susefirewall::ssh(service.tree, port)
}

/// `iptables.service`: Red Hat's script `iptables.init` reads `/etc/sysconfig/iptables`, Arch's unit names a file, that
/// of OpenRC has it in `/etc/conf.d/iptables`. On Debian it is an alias of `netfilter-persistent.service`.
fn saved(service: &Service<'_>, port: u16) -> Result<Option<SshAccess>, Unread> {
    const RED_HAT: &str = "/etc/sysconfig/iptables";
    if service.by_openrc {
        let place = service.configured("/etc/conf.d/iptables", &["IPTABLES_SAVE"])?;
        let path = place.unwrap_or_else(|| "/etc/iptables/rules-save".to_owned());
        return iptables::ssh(service.tree, &path, port);
    }
    for (place, command) in &service.commands {
        if command.contains("iptables-restore") {
            let file = command.split_ascii_whitespace().skip(1).find(|word| word.starts_with('/'));
            let Some(file) = file else {
                return Err(Unread::new(place, "which file of rules this reads is not told"));
            };
            return iptables::ssh(service.tree, file, port);
        }
        if command.contains("netfilter-persistent") {
            return persistent(service, port);
        }
        if !command.contains("iptables.init") {
            return Err(Unread::new(place, "which rules this sets is not told"));
        }
    }
    iptables::ssh(service.tree, RED_HAT, port)
}

impl Service<'_> {
    /// The first of the settings that a file of OpenRC's gives.
    fn configured(&self, path: &str, keys: &[&str]) -> Result<Option<String>, Unread> {
        let text = read(self.tree, path)?.unwrap_or_default();
        for key in keys {
            if let Some((value, _)) = setting(path, &text, key)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}

/// Looks at every firewall that is known here.
pub fn find(tree: &Tree, sshd: &SshdFacts, units: &BootUnits<'_>) -> FirewallFacts {
    let mut facts = FirewallFacts::default();
    let ports = ports(sshd);
    for (name, service, judge) in FIREWALLS {
        let unit = units.unit(service);
        match unit.state {
            Fact::Known(UnitState::Enabled) => {
                facts.looked_at.push(Evidence::new(service, "started at boot"));
                let by_openrc = unit.evidence.location.starts_with("/etc/runlevels/");
                let ssh = match (ports.as_result(), units.commands(service)) {
                    (Ok(ports), Ok(commands)) => {
                        access(&Service { tree, commands, by_openrc }, ports, judge)
                    }
                    (Err(unread), _) => Err(unread.clone()),
                    (_, Err(unread)) => Err(unread),
                };
                let ssh = match ssh {
                    Ok(Some(access)) => Fact::Known(access),
                    // Without rules it lets everything through.
                    Ok(None) => Fact::Known(SshAccess::Open(Evidence::new(service, "no rules"))),
                    Err(unread) => Fact::Unknown(unread),
                };
                let (name, evidence) = (name.to_owned(), unit.evidence);
                facts.enabled.push(EnabledFirewall { name, evidence, ssh });
            }
            Fact::Known(state) => {
                let what = match state {
                    UnitState::Absent => "not there",
                    UnitState::Masked => "masked",
                    UnitState::Skipped => "passed over at boot for its conditions",
                    UnitState::Disabled | UnitState::Enabled => "not started at boot",
                };
                facts.looked_at.push(Evidence::new(service, what));
            }
            Fact::Unknown(unread) => facts.unread.push(unread),
        }
    }
    facts.enabled.extend(tcp_wrappers::find(tree));
    facts
}

/// Open when one of the ports is.
fn access(service: &Service<'_>, ports: &[u16], judge: Judge) -> Result<Option<SshAccess>, Unread> {
    let mut answer = None;
    for &port in ports {
        let found = judge(service, port)?;
        if !matches!(found, Some(SshAccess::Closed(_))) {
            return Ok(found);
        }
        answer = found;
    }
    Ok(answer)
}

/// sshd's ports: all `Port` lines count (sshd_config(5)); with none it is 22.
fn ports(sshd: &SshdFacts) -> Fact<Vec<u16>> {
    if let Some(unread) = sshd.unread.first() {
        return Fact::Unknown(unread.clone());
    }
    let Some(option) = sshd.options.get("port") else { return Fact::Known(vec![SSH]) };
    if option.value.split(' ').count() > MAX_PORTS {
        let reason = format!("more than {MAX_PORTS} ports, not compared with the firewall");
        return Fact::unknown(option.evidence.location.clone(), reason);
    }
    let ports = option.value.split(' ').map(str::parse).collect::<Result<_, _>>();
    let reason = "no number of a port";
    ports.map_or_else(|_| Fact::unknown(option.evidence.location.clone(), reason), Fact::Known)
}

/// The text of a file of rules; `None` when it is not there.
fn read(tree: &Tree, path: &str) -> Result<Option<String>, Unread> {
    // A unit's command names some of them.
    pattern::within_bound(path).map_err(|error| unread(path, &error))?;
    match tree.read_text(path, MAX_RULES_FILE) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(unread(path, &error)),
    }
}

fn unread(path: &str, error: &Error) -> Unread {
    Unread::from((path, error))
}

/// Where a line stands and what it says.
fn seen(path: &str, line: usize, content: &str) -> Evidence {
    Evidence::new(format!("{path}:{line}"), shortened(content.trim())).marked(line, content, 0..0)
}

/// The value of `KEY=value` in a file that a shell sources, the last one; none when it is not set.
/// A value that the shell would compute is not understood.
fn setting(path: &str, text: &str, key: &str) -> Result<Option<(String, Evidence)>, Unread> {
    let mut found = None;
    for (line, content) in (1_usize..).zip(text.lines()) {
        let content = content.trim();
        let Some(value) = content.strip_prefix(key).and_then(|rest| rest.strip_prefix('=')) else {
            continue;
        };
        let quoted = ['"', '\''].into_iter().find_map(|quote| {
            let inner = value.strip_prefix(quote)?;
            inner.split_once(quote).map(|(inner, _)| inner)
        });
        let value =
            quoted.unwrap_or_else(|| value.split([' ', '\t', '#']).next().unwrap_or_default());
        if value.contains(['$', '`']) {
            return Err(Unread::new(
                format!("{path}:{line}"),
                "the shell would compute this value",
            ));
        }
        found = Some((value.to_owned(), seen(path, line, content)));
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
