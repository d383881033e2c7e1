//! An SELinux policy that is enforced: not there, so that the start ends at it; and ports that it does not
//! let sshd listen at.
//!
//! systemd loads the policy first of all and stops without, where it is to be enforced
//! (`src/core/selinux-setup.c`, `mac_selinux_setup`); so does the initramfs of Enterprise Linux 6
//! (dracut, `selinux-loadpolicy.sh`). The files: selinux_config(5), selinux_binary_policy_path(3).
//!
//! The policy gives sshd the ports with the label `ssh_port_t`: 22, and those that semanage-port(8) adds.
//! Those stand in `ports.local` of the policy's store (libsemanage, `semanage_store.c`).

use super::os_release;
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::tree::Tree;
use crate::guest::facts::{ChainLink, LinkKind, LinkState, SshdFacts};

const CONFIG: &str = "/etc/selinux/config";

/// Longest configuration read; it has some 20 lines.
const MAX_CONFIG: u64 = 64 << 10;

/// Systems whose kernels take SELinux where the command line names nothing else; what is like one of
/// them is, too.
const SYSTEMS: [&str; 12] = [
    "rhel",
    "centos",
    "fedora",
    "rocky",
    "almalinux",
    "ol",
    "openeuler",
    "euleros",
    "hce",
    "anolis",
    "alinux",
    "tencentos",
];

/// Words of the command line that choose another module or mode.
const WORDS: [&str; 4] = ["selinux=", "enforcing=", "security=", "lsm="];

/// Where the stores of policies keep what semanage(8) changed, from the newest libsemanage on: since 2.4
/// below `/var/lib`, on Enterprise Linux 7 still below `/etc`.
const PORTS: [(&str, &str); 3] = [
    ("/var/lib/selinux", "active/ports.local"),
    ("/etc/selinux", "active/ports.local"),
    ("/etc/selinux", "modules/active/ports.local"),
];

/// Longest list of ports read; each has a line of some 50 bytes.
const MAX_PORTS: u64 = 1 << 20;

/// The first version of the policy's form under which sshd is confined: that of Enterprise Linux 6. In 5,
/// with 21, it was not.
const CONFINED: u32 = 24;

/// Ports that the policy lets sshd bind for others' sake: those of X11, which it forwards.
const X11: std::ops::RangeInclusive<u16> = 6000..=6020;

/// Those of VNC, likewise, in the policy of Fedora and Enterprise Linux 9 (`corenetwork.te`, `vnc`).
const VNC: [std::ops::RangeInclusive<u16>; 2] = [5900..=5983, 5985..=5999];

/// The policy that is to be enforced, unless `os-release`, which could not be read, names a system that
/// does not take it: the line that names it, and its name.
///
/// # Errors
/// Why the configuration cannot be read.
fn enforced(tree: &Tree, command_line: &str) -> Result<Option<(usize, String)>, Unread> {
    let text = match tree.read_text(CONFIG, MAX_CONFIG) {
        Ok(text) => text,
        Err(error) if error.is_absent() || takes_selinux(tree) == Ok(false) => return Ok(None),
        Err(error) => return Err(Unread::from((CONFIG, &error))),
    };
    let values = |key: &str| -> Vec<(usize, String)> {
        let lines = (1_usize..).zip(text.lines());
        let found = lines.filter_map(|(line, content)| Some((line, content.strip_prefix(key)?)));
        found.map(|(line, value)| (line, value.trim().to_owned())).collect()
    };
    let (modes, types) = (values("SELINUX="), values("SELINUXTYPE="));
    let enforcing = |(_, mode): &(usize, String)| mode.eq_ignore_ascii_case("enforcing");
    let chosen = command_line
        .split_ascii_whitespace()
        .any(|word| WORDS.iter().any(|start| word.starts_with(start)));
    if modes.is_empty()
        || !modes.iter().all(enforcing)
        || chosen
        || takes_selinux(tree) == Ok(false)
    {
        return Ok(None);
    }
    let [(line, name)] = types.as_slice() else { return Ok(None) };
    Ok((!name.is_empty() && !name.contains('/')).then(|| (*line, name.clone())))
}

/// Why none of sshd's ports is one that the policy lets it listen at.
pub(super) fn refused_port(
    tree: &Tree,
    command_line: &str,
    sshd: &SshdFacts,
) -> Fact<Option<Evidence>> {
    // An address may have a port of its own.
    if !sshd.unread.is_empty() || sshd.options.contains_key("listenaddress") {
        return Fact::Known(None);
    }
    let Some(option) = sshd.options.get("port") else { return Fact::Known(None) };
    let ports: Vec<u16> = option.value.split(' ').filter_map(|port| port.parse().ok()).collect();
    let is_open =
        |port: &u16| *port == 22 || X11.contains(port) || VNC.iter().any(|vnc| vnc.contains(port));
    if ports.is_empty() || ports.iter().any(is_open) {
        return Fact::Known(None);
    }
    let name = match enforced(tree, command_line) {
        Ok(Some((_, name))) => name,
        Ok(None) => return Fact::Known(None),
        Err(unread) => return Fact::Unknown(unread),
    };
    match is_confined(tree, &name) {
        Ok(true) => {}
        Ok(false) => return Fact::Known(None),
        Err(unread) => return Fact::Unknown(unread),
    }
    for (store, file) in PORTS {
        let path = format!("{store}/{name}/{file}");
        match tree.read_text(&path, MAX_PORTS) {
            Ok(text) if text.lines().any(|line| labels(line, &ports)) => return Fact::Known(None),
            Ok(_) => {}
            Err(error) if error.is_absent() => {}
            Err(error) => return Fact::Unknown(Unread::from((path.as_str(), &error))),
        }
    }
    if let Err(unread) = takes_selinux(tree) {
        return Fact::Unknown(unread);
    }
    let Evidence { location, detail, .. } = &option.evidence;
    let what = format!("{detail}: not labelled ssh_port_t, and SELINUX=enforcing");
    Fact::Known(Some(Evidence {
        detail: what,
        location: location.clone(),
        ..option.evidence.clone()
    }))
}

/// Whether the policy is of a form whose sshd is confined.
///
/// # Errors
/// Why its directory cannot be read.
fn is_confined(tree: &Tree, name: &str) -> Result<bool, Unread> {
    let path = format!("/etc/selinux/{name}/policy");
    let entries = match tree.read_dir(&path) {
        Ok(entries) => entries,
        Err(error) if error.is_absent() => return Ok(false),
        Err(error) => return Err(Unread::from((path.as_str(), &error))),
    };
    Ok(entries.iter().any(|entry| {
        let name = String::from_utf8_lossy(&entry.name);
        let version = name.strip_prefix("policy.").and_then(|version| version.parse::<u32>().ok());
        version.is_some_and(|version| version >= CONFINED)
    }))
}

/// Whether a line gives one of the ports sshd's label: `portcon tcp 2222 system_u:object_r:ssh_port_t:s0`,
/// `2222-2230` for several.
fn labels(line: &str, ports: &[u16]) -> bool {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let ["portcon", "tcp", range, context, ..] = words.as_slice() else { return false };
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let (Ok(first), Ok(last)) = (first.parse::<u16>(), last.parse::<u16>()) else { return false };
    context.split(':').nth(2) == Some("ssh_port_t")
        && ports.iter().any(|port| (first..=last).contains(port))
}

/// The link that is missing, when it surely is, or that is not known.
pub(super) fn missing_policy(tree: &Tree, command_line: &str) -> Option<ChainLink> {
    let link = |state, evidence| Some(ChainLink { kind: LinkKind::SelinuxPolicy, state, evidence });
    let (line, name) = match enforced(tree, command_line) {
        Ok(enforced) => enforced?,
        Err(Unread { location, reason }) => {
            return link(LinkState::Unknown(reason), Evidence::new(location, "not read"));
        }
    };
    let directory = format!("/etc/selinux/{name}/policy");
    match tree.read_dir(&directory) {
        Ok(entries) if entries.iter().any(|entry| entry.name.starts_with(b"policy.")) => {
            return None;
        }
        Ok(_) => {}
        Err(error) if error.is_absent() => {}
        Err(error) => {
            let reason = error.to_string();
            return link(LinkState::Unknown(reason), Evidence::new(directory, "not read"));
        }
    }
    if let Err(Unread { location, reason }) = takes_selinux(tree) {
        return link(LinkState::Unknown(reason), Evidence::new(location, "not read"));
    }
    let what = format!("SELINUX=enforcing, SELINUXTYPE={name}, and no {directory}/policy.*");
    let evidence = Evidence::new(format!("{CONFIG}:{line}"), what);
    link(LinkState::Missing, evidence)
}

/// Whether the system is one that takes the policy.
///
/// # Errors
/// Why that cannot be read.
fn takes_selinux(tree: &Tree) -> Result<bool, Unread> {
    let is = |id: &String| SYSTEMS.iter().any(|system| id.eq_ignore_ascii_case(system));
    let os = os_release::find(tree);
    let os = os.as_result().map_err(Clone::clone)?.as_ref();
    Ok(os.is_some_and(|os| is(&os.id) || os.id_like.iter().any(is)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;

    fn place(fs: MemoryFs, line: &str) -> Option<String> {
        missing_policy(&fs.tree(), line).map(|link| link.evidence.location)
    }

    #[test]
    fn ports_of_sshd_must_have_its_label() {
        let policy = "/etc/selinux/targeted/policy/policy.31";
        let selinux = "SELINUX=enforcing\nSELINUXTYPE=targeted\n";
        let el = |config: &str| {
            machine("ID=\"centos\"\n", selinux)
                .file(policy, "x")
                .file("/usr/sbin/sshd", "x")
                .file("/etc/ssh/sshd_config", config)
        };
        let refused = |fs: MemoryFs, line: &str| {
            let tree = fs.tree();
            let packages = crate::guest::facts::PackageFacts::default();
            let units = crate::guest::linux::systemd_unit::BootUnits::walk(&tree);
            let sshd = crate::guest::linux::sshd::find(&tree, &packages, &units);
            refused_port(&tree, line, &sshd)
        };
        let at = |fs: MemoryFs| refused(fs, "ro").known().unwrap().clone().map(|at| at.location);
        let moved = "UsePAM yes\nPort 2222\n";
        assert_eq!(at(el(moved)), Some("/etc/ssh/sshd_config:2".to_owned()));
        assert_eq!(refused(el(moved), "ro enforcing=0"), Fact::Known(None));
        for config in [
            "UsePAM yes\n",
            "Port 5922\n",
            "Port 22\nPort 2222\n",
            "ListenAddress 0.0.0.0:2222\nPort 2222\n",
        ] {
            assert_eq!(at(el(config)), None, "{config}");
        }
        // As semanage port -a of policycoreutils 2.9 writes it.
        let list = "# This file is auto-generated by libsemanage\n# Do not edit directly.\n\n";
        let line = |ports: &str, label: &str| {
            format!("{list}portcon tcp {ports} system_u:object_r:{label}:s0\n")
        };
        let path = "/var/lib/selinux/targeted/active/ports.local";
        assert_eq!(at(el(moved).file(path, line("2222", "ssh_port_t"))), None);
        assert_eq!(at(el(moved).file(path, line("2200-2300", "ssh_port_t"))), None);
        assert!(at(el(moved).file(path, line("2223", "ssh_port_t"))).is_some());
        assert!(at(el(moved).file(path, line("2222", "http_port_t"))).is_some());
        let old = "/etc/selinux/targeted/modules/active/ports.local";
        assert_eq!(at(el(moved).file(old, line("2222", "ssh_port_t"))), None);
        let torn = el(moved).file(path, "x").unreadable(path);
        assert_eq!(refused(torn, "ro").unread().unwrap().location, path);
        for path in ["/etc/selinux/targeted/policy", CONFIG] {
            let torn = refused(el(moved).unreadable(path), "ro");
            assert_eq!(torn.unread().unwrap().location, path);
        }
        let os = |fs: MemoryFs| refused(fs.unreadable("/etc/os-release"), "ro");
        assert_eq!(os(el(moved)).unread().unwrap().location, "/etc/os-release");
        assert_eq!(os(el(moved).file(path, line("2222", "ssh_port_t"))), Fact::Known(None));
        let el5 = machine("ID=\"centos\"\n", selinux)
            .file("/etc/selinux/targeted/policy/policy.21", "x")
            .file("/etc/ssh/sshd_config", moved);
        assert_eq!(at(el5), None);
    }

    fn machine(os: &str, config: &str) -> MemoryFs {
        MemoryFs::new().file("/etc/os-release", os).file(CONFIG, config)
    }

    #[test]
    fn an_enforced_policy_must_be_there() {
        let (el, wrong) = ("ID=\"centos\"\n", "# x\nSELINUX=enforcing\nSELINUXTYPE=disabled\n");
        let at = Some("/etc/selinux/config:3".to_owned());
        assert_eq!(place(machine(el, wrong), "ro quiet"), at);
        assert_eq!(place(machine("ID=x\nID_LIKE=\"rhel fedora\"\n", wrong), "ro"), at);
        for line in ["ro selinux=0", "enforcing=0", "security=apparmor", "lsm=bpf"] {
            assert_eq!(place(machine(el, wrong), line), None, "{line}");
        }
        assert_eq!(place(machine("ID=debian\n", wrong), ""), None);
        let right = "SELINUX=enforcing\nSELINUXTYPE=targeted\n";
        let policy = "/etc/selinux/targeted/policy/policy.31";
        assert_eq!(place(machine(el, right).file(policy, "x"), ""), None);
        let empty = machine(el, right).file("/etc/selinux/targeted/policy/other", "x");
        assert!(place(empty, "").is_some());
        for mode in ["permissive", "disabled"] {
            let other = wrong.replace("enforcing", mode);
            assert_eq!(place(machine(el, &other), ""), None, "{mode}");
        }
        assert_eq!(place(MemoryFs::new().file("/etc/os-release", el), ""), None);
        let torn = machine(el, right).file(policy, "x").unreadable("/etc/selinux/targeted/policy");
        let link = missing_policy(&torn.tree(), "").unwrap();
        assert_eq!(link.evidence.location, "/etc/selinux/targeted/policy");
        assert!(matches!(link.state, LinkState::Unknown(_)), "{link:?}");
        let os = |fs: MemoryFs| missing_policy(&fs.unreadable("/etc/os-release").tree(), "");
        let link = os(machine(el, right)).unwrap();
        assert_eq!(link.evidence.location, "/etc/os-release");
        assert!(matches!(link.state, LinkState::Unknown(_)), "{link:?}");
        assert_eq!(os(machine(el, right).file(policy, "x")), None);
        assert_eq!(os(MemoryFs::new().file("/etc/os-release", el)), None);
        let unreadable = || machine(el, right).unreadable(CONFIG);
        for torn in [unreadable(), unreadable().unreadable("/etc/os-release")] {
            let link = missing_policy(&torn.tree(), "").unwrap();
            assert!(matches!(link.state, LinkState::Unknown(_)), "{link:?}");
        }
    }
}
