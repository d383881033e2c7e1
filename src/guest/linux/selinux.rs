//! An SELinux policy that is enforced and not there: the start ends at it.
//!
//! systemd loads the policy first of all and stops without, where it is to be enforced
//! (`src/core/selinux-setup.c`, `mac_selinux_setup`); so does the initramfs of Enterprise Linux 6
//! (dracut, `selinux-loadpolicy.sh`). The files: selinux_config(5), selinux_binary_policy_path(3).

use super::os_release;
use crate::fact::Evidence;
use crate::filesystem::tree::Tree;
use crate::guest::facts::{ChainLink, LinkKind, LinkState};

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

/// The link that is missing, when it surely is.
pub(super) fn missing_policy(tree: &Tree, command_line: &str) -> Option<ChainLink> {
    let text = tree.read_text(CONFIG, MAX_CONFIG).ok()?;
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
    if modes.is_empty() || !modes.iter().all(enforcing) || chosen || !takes_selinux(tree) {
        return None;
    }
    let [(line, name)] = types.as_slice() else { return None };
    if name.is_empty() || name.contains('/') {
        return None;
    }
    let directory = format!("/etc/selinux/{name}/policy");
    match tree.read_dir(&directory) {
        Ok(entries) if entries.iter().any(|entry| entry.name.starts_with(b"policy.")) => {
            return None;
        }
        Ok(_) => {}
        Err(error) if error.is_absent() => {}
        Err(_) => return None,
    }
    let what = format!("SELINUX=enforcing, SELINUXTYPE={name}, and no {directory}/policy.*");
    let evidence = Evidence::new(format!("{CONFIG}:{line}"), what);
    Some(ChainLink { kind: LinkKind::SelinuxPolicy, state: LinkState::Missing, evidence })
}

fn takes_selinux(tree: &Tree) -> bool {
    let is = |id: &String| SYSTEMS.iter().any(|system| id.eq_ignore_ascii_case(system));
    let os = os_release::find(tree);
    os.known()
        .is_some_and(|os| os.as_ref().is_some_and(|os| is(&os.id) || os.id_like.iter().any(is)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;

    fn place(fs: MemoryFs, line: &str) -> Option<String> {
        missing_policy(&fs.tree(), line).map(|link| link.evidence.location)
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
        assert_eq!(place(torn, ""), None);
    }
}
