//! Whether sshd accepts the keys in an account's files.
//!
//! In: an account, the files with its keys, [`SshdFacts`]. Sources: `auth.c` (`allowed_user`,
//! `auth_root_allowed`), `misc.c` (`safe_path`), `groupaccess.c`, sshd(8) and sshd_config(5).

use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::Metadata;
use crate::filesystem::tree::Tree;
use crate::guest::facts::{MAX_GROUPS, SshdFacts, SshdOption};
use crate::guest::glob;

/// Deepest directory of a file of keys.
const MAX_PARENTS: usize = 64;

/// An account as sshd asks for it.
pub(super) struct Login<'a> {
    pub(super) name: &'a str,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) groups: &'a [String],
    pub(super) home: &'a str,
    /// Whether its password field begins with `!` (`LOCKED_PASSWD_PREFIX` of OpenSSH on Linux), with
    /// the line that says so.
    pub(super) locked: Fact<Option<Evidence>>,
}

/// Which files of keys are accepted, and why the others are not.
pub(super) struct Accepted {
    pub(super) keys: Fact<Vec<Evidence>>,
    pub(super) refused: Vec<Evidence>,
}

impl Accepted {
    pub(super) fn none() -> Self {
        Self { keys: Fact::Known(Vec::new()), refused: Vec::new() }
    }
}

/// Judges the files with keys of an account.
pub(super) fn accepted(
    tree: &Tree,
    sshd: &SshdFacts,
    login: &Login<'_>,
    keys: &[Evidence],
) -> Accepted {
    if keys.is_empty() {
        return Accepted::none();
    }
    match refusal(tree, sshd, login) {
        Ok(None) => {}
        Ok(Some(seen)) => return Accepted { keys: Fact::Known(Vec::new()), refused: vec![seen] },
        Err(unread) => return Accepted { keys: Fact::Unknown(unread), refused: Vec::new() },
    }
    let (mut good, mut refused, mut unknown) = (Vec::new(), Vec::new(), None);
    for seen in keys {
        match insecure(tree, sshd, login, &seen.location) {
            Ok(None) => good.push(seen.clone()),
            Ok(Some(reason)) => refused.push(reason),
            Err(unread) => unknown = unknown.or(Some(unread)),
        }
    }
    let keys = match unknown {
        Some(unread) if good.is_empty() => Fact::Unknown(unread),
        _ => Fact::Known(good),
    };
    Accepted { keys, refused }
}

/// What lets sshd turn the account away whatever key it shows.
fn refusal(tree: &Tree, sshd: &SshdFacts, login: &Login<'_>) -> Result<Option<Evidence>, Unread> {
    // What is surely in the way comes before what is not known.
    let mut unknown = None;
    let checks: [&dyn Fn() -> Result<Option<Evidence>, Unread>; 6] = [
        &|| sshd.does_not_run(),
        &|| locked(sshd, login),
        &|| lists(tree, sshd, login),
        &|| root(tree, sshd, login),
        &|| methods(tree, sshd, login),
        &|| command(tree, sshd, login),
    ];
    for check in checks {
        match check() {
            Ok(Some(seen)) => return Ok(Some(seen)),
            Ok(None) => {}
            Err(unread) => unknown = unknown.or(Some(unread)),
        }
    }
    unknown.map_or(Ok(None), Err)
}

/// Without PAM sshd looks at the password itself (sshd(8), "Login process").
fn locked(sshd: &SshdFacts, login: &Login<'_>) -> Result<Option<Evidence>, Unread> {
    if let Some(unread) = sshd.unread.first() {
        return Err(unread.clone());
    }
    if sshd.switch("usepam", false).0 {
        return Ok(None);
    }
    let found = login.locked.as_result().map_err(Clone::clone)?;
    Ok(found.clone().map(|mut seen| {
        seen.detail = format!("{}: locked, and sshd asks no PAM (UsePAM no)", login.name);
        seen
    }))
}

/// A setting as it holds for the account.
pub(super) fn option<'s>(
    tree: &Tree,
    sshd: &'s SshdFacts,
    login: &Login<'_>,
    keyword: &str,
) -> Result<Option<&'s SshdOption>, Unread> {
    let blocks = sshd.conditional.iter().filter(|block| block.keyword == keyword);
    let criteria = blocks.map(|block| block.criteria.len()).sum();
    count(tree, criteria, login.name.len().saturating_add(length(login.groups)))?;
    sshd.option_of(keyword, login.name, login.groups)
}

/// Bytes of the groups' names that lists are held against.
fn length(groups: &[String]) -> usize {
    groups.iter().take(MAX_GROUPS).map(String::len).sum()
}

/// Counts patterns and the names that they are held against, both in bytes.
fn count(tree: &Tree, patterns: usize, names: usize) -> Result<(), Unread> {
    let counted = tree.count_compared(patterns, names);
    counted.map_err(|error| Unread::from(("/etc/ssh/sshd_config", &error)))
}

/// `DenyUsers`, `AllowUsers`, `DenyGroups`, `AllowGroups`, in this order.
fn lists(tree: &Tree, sshd: &SshdFacts, login: &Login<'_>) -> Result<Option<Evidence>, Unread> {
    let name = login.name;
    let refused = |option: &SshdOption| {
        let Evidence { detail, .. } = &option.evidence;
        Ok(Some(Evidence { detail: format!("{name}: {detail}"), ..option.evidence.clone() }))
    };
    for (keyword, allows) in
        [("denyusers", false), ("allowusers", true), ("denygroups", false), ("allowgroups", true)]
    {
        let Some(list) = option(tree, sshd, login, keyword)? else { continue };
        let users = keyword.ends_with("users");
        let names = if users { name.len() } else { length(login.groups) };
        count(tree, list.value.len(), names)?;
        let listed = if users {
            user_is_in(&list.value, name)
        } else {
            group_is_in(&list.value, login.groups)
        };
        match listed {
            Some(listed) if listed == allows => {}
            Some(_) => return refused(list),
            None => {
                let Evidence { location, detail, .. } = &list.evidence;
                let reason = format!("{detail}: whether {name} is in it is not known");
                return Err(Unread::new(location.clone(), reason));
            }
        }
    }
    Ok(None)
}

/// Whether a list of `user` and `user@host` has a name; `None` when that depends on the host.
fn user_is_in(list: &str, name: &str) -> Option<bool> {
    let mut found = Some(false);
    for pattern in list.split(' ') {
        match pattern.rsplit_once('@') {
            None if glob::matches(pattern, name) => return Some(true),
            Some((pattern, "*")) if glob::matches(pattern, name) => return Some(true),
            Some((pattern, _)) if glob::matches(pattern, name) => found = None,
            _ => {}
        }
    }
    found
}

fn group_is_in(list: &str, groups: &[String]) -> Option<bool> {
    if groups.len() > MAX_GROUPS {
        return None;
    }
    Some(list.split(' ').any(|pattern| groups.iter().any(|name| glob::matches(pattern, name))))
}

/// `PermitRootLogin`, whose defaults all let keys in; a key with a forced command counts for nobody
/// here.
fn root(tree: &Tree, sshd: &SshdFacts, login: &Login<'_>) -> Result<Option<Evidence>, Unread> {
    if login.uid != 0 {
        return Ok(None);
    }
    let Some(option) = option(tree, sshd, login, "permitrootlogin")? else { return Ok(None) };
    let value = option.value.to_ascii_lowercase();
    let closed = !matches!(value.as_str(), "yes" | "prohibit-password" | "without-password");
    Ok(closed.then(|| option.evidence.clone()))
}

/// `PubkeyAuthentication`, `AuthenticationMethods`.
fn methods(tree: &Tree, sshd: &SshdFacts, login: &Login<'_>) -> Result<Option<Evidence>, Unread> {
    if let Some(option) = option(tree, sshd, login, "pubkeyauthentication")?
        && option.value.eq_ignore_ascii_case("no")
    {
        return Ok(Some(option.evidence.clone()));
    }
    let Some(option) = option(tree, sshd, login, "authenticationmethods")? else { return Ok(None) };
    let lists = || option.value.split(' ');
    if lists().any(|list| matches!(list, "any" | "publickey")) {
        Ok(None)
    } else if lists().any(|list| list.split(',').any(|method| method == "publickey")) {
        let Evidence { location, detail, .. } = &option.evidence;
        Err(Unread::new(location.clone(), format!("{detail}: the key alone is not enough")))
    } else {
        Ok(Some(option.evidence.clone()))
    }
}

/// `ForceCommand`, `ChrootDirectory`: whether what they give is a shell is not known.
fn command(tree: &Tree, sshd: &SshdFacts, login: &Login<'_>) -> Result<Option<Evidence>, Unread> {
    for keyword in ["forcecommand", "chrootdirectory"] {
        let set = option(tree, sshd, login, keyword)?;
        let Some(set) = set.filter(|set| !set.value.eq_ignore_ascii_case("none")) else { continue };
        if set.value.starts_with("internal-sftp") {
            return Ok(Some(set.evidence.clone()));
        }
        let Evidence { location, detail, .. } = &set.evidence;
        let reason =
            format!("{detail}: whether that lets {} have a shell is not known", login.name);
        return Err(Unread::new(location.clone(), reason));
    }
    Ok(None)
}

/// With `StrictModes` (the default) the file and every directory above it, up to the home directory,
/// belong to root or the account and nobody else may write there. The account itself must be able
/// to read the file in any case: sshd opens it with the account's rights.
fn insecure(
    tree: &Tree,
    sshd: &SshdFacts,
    login: &Login<'_>,
    path: &str,
) -> Result<Option<Evidence>, Unread> {
    let strict = sshd.switch("strictmodes", true).0;
    let unread = |path: &str, error| Unread::from((path, &error));
    let real = |path: &str| tree.canonicalize(path).map(|(real, _)| real);
    let home = real(login.home).ok();
    let mut at = real(path).map_err(|error| unread(path, error))?;
    let mut doubt = None;
    let mut within = strict;
    for depth in 0..=MAX_PARENTS {
        let metadata = tree.metadata(&at).map_err(|error| unread(&at, error))?;
        if within {
            let (shown, name) = (shown(&metadata), login.name);
            if is_writable(&metadata, login) && is_private_group(&metadata, login) {
                // Debian's OpenSSH lets the account's private group write (user-group-modes.patch).
                let reason =
                    format!("{shown}: whether sshd accepts the keys of {name} is not known");
                doubt = doubt.or_else(|| Some(Unread::new(at.clone(), reason)));
            } else if is_writable(&metadata, login) {
                let reason = format!("{shown}: sshd refuses the keys of {name}");
                return Ok(Some(Evidence::new(at, reason)));
            }
        }
        let needed = if depth == 0 { 0o4 } else { 0o1 };
        if !may(&metadata, login, needed) {
            let reason = format!("{}, {} may not read it", shown(&metadata), login.name);
            doubt = doubt.or_else(|| Some(Unread::new(at.clone(), reason)));
        }
        if at == "/" {
            return doubt.map_or(Ok(None), Err);
        }
        within &= depth == 0 || home.as_deref() != Some(at.as_str());
        let parent = at.rsplit_once('/').map_or("", |(parent, _)| parent);
        at = if parent.is_empty() { "/".to_owned() } else { parent.to_owned() };
    }
    Err(Unread::new(path, format!("more than {MAX_PARENTS} directories above it")))
}

/// Whether others than root and the account may write to a file or directory.
fn is_writable(metadata: &Metadata, login: &Login<'_>) -> bool {
    metadata.uid != 0 && metadata.uid != login.uid || metadata.mode & 0o022 != 0
}

fn is_private_group(metadata: &Metadata, login: &Login<'_>) -> bool {
    let own = metadata.uid == 0 || metadata.uid == login.uid;
    own && metadata.mode & 0o002 == 0 && metadata.gid == login.gid && login.uid != 0
}

fn may(metadata: &Metadata, login: &Login<'_>, needed: u16) -> bool {
    let Metadata { uid, gid, mode, .. } = *metadata;
    let granted = if login.uid == 0 {
        0o7
    } else if uid == login.uid {
        mode >> 6
    } else if gid == login.gid {
        mode >> 3
    } else {
        mode
    };
    granted & needed == needed
}

fn shown(metadata: &Metadata) -> String {
    format!("owner {}, mode {:04o}", metadata.uid, metadata.mode)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;
    use crate::guest::facts::PackageFacts;
    use crate::guest::linux::sshd;
    use crate::guest::linux::systemd_unit::BootUnits;

    const KEYS: &str = "/home/alice/.ssh/authorized_keys";

    /// What OpenSSH 9.2 did with such a machine: `Ok(true)` when it let alice (or root) in by key.
    fn machine(config: &str) -> MemoryFs {
        MemoryFs::new()
            .file("/usr/lib/systemd/systemd", "x")
            .file("/usr/lib/systemd/system/default.target", "[Unit]\nWants=ssh.service\n")
            .file("/usr/lib/systemd/system/ssh.service", "[Unit]\n")
            .file("/usr/sbin/sshd", "x")
            .file("/etc/ssh/sshd_config", config)
            .file("/root/.ssh/authorized_keys", "x")
            .mode(0o600)
            .dir("/home/alice")
            .owner(1000, 1000)
            .dir("/home/alice/.ssh")
            .owner(1000, 1000)
            .mode(0o700)
            .file(KEYS, "x")
            .owner(1000, 1000)
            .mode(0o600)
    }

    fn judged(fs: MemoryFs, name: &str, locked: bool) -> Result<bool, String> {
        let tree = fs.tree();
        let sshd = sshd::find(&tree, &PackageFacts::default(), &BootUnits::walk(&tree));
        let root = name == "root";
        let id = if root { 0 } else { 1000 };
        let home = if root { "/root".to_owned() } else { format!("/home/{name}") };
        let groups =
            if root { vec!["root".to_owned()] } else { vec![name.to_owned(), "sudo".into()] };
        let login = Login {
            name,
            uid: id,
            gid: id,
            groups: &groups,
            home: &home,
            locked: Fact::Known(locked.then(|| Evidence::new("/etc/shadow:1", ""))),
        };
        let keys = [Evidence::new(format!("{home}/.ssh/authorized_keys"), "1 key")];
        let found = accepted(&tree, &sshd, &login, &keys);
        match found.keys {
            Fact::Known(keys) => {
                assert_eq!(keys.is_empty(), !found.refused.is_empty());
                Ok(!keys.is_empty())
            }
            Fact::Unknown(unread) => Err(unread.reason),
        }
    }

    #[test]
    fn settings_close_the_way_as_sshd_config_says() {
        let usual = "UsePAM yes\nPermitRootLogin prohibit-password\n";
        for (config, root, alice) in [
            ("", true, true),
            ("PubkeyAuthentication no", false, false),
            ("AllowUsers admin", false, false),
            ("AllowUsers admin al?ce", false, true),
            ("DenyUsers root", false, true),
            ("DenyUsers root@* bob@10.0.0.1", false, true),
            ("AllowGroups sudo", false, true),
            ("DenyGroups sudo", true, false),
            ("AuthenticationMethods password", false, false),
            ("AuthenticationMethods publickey,password publickey", true, true),
            ("Match User alice\nPubkeyAuthentication no", true, false),
            ("PubkeyAuthentication no\nMatch Group sudo\nPubkeyAuthentication yes", false, true),
            ("Match Group sudo\nForceCommand internal-sftp", true, false),
            ("StrictModes maybe", false, false),
        ] {
            let config = format!("{usual}{config}\n");
            assert_eq!(judged(machine(&config), "root", true), Ok(root), "root: {config}");
            assert_eq!(judged(machine(&config), "alice", true), Ok(alice), "alice: {config}");
        }
        for value in ["no", "forced-commands-only"] {
            let config = format!("UsePAM yes\nPermitRootLogin {value}\n");
            assert_eq!(judged(machine(&config), "root", false), Ok(false));
            assert_eq!(judged(machine(&config), "alice", false), Ok(true));
        }
        for config in [
            "AllowUsers alice@10.0.0.0/8",
            "Match Address 10.0.0.0/8\nPubkeyAuthentication no",
            "AuthenticationMethods publickey,keyboard-interactive",
            "ForceCommand /usr/local/bin/audited",
        ] {
            let config = format!("{usual}{config}\n");
            judged(machine(&config), "alice", false).unwrap_err();
        }
    }

    #[test]
    fn patterns_and_names_without_end_are_counted_and_told() {
        let name = "b".repeat(17_000);
        let users = format!("DenyUsers {}\n", "a".repeat(16_000));
        let criteria = format!("Match User {}\nPubkeyAuthentication no\n", "a".repeat(290));
        for config in [users, criteria.repeat(60)] {
            let reason = judged(machine(&config), &name, false).unwrap_err();
            assert!(reason.contains("names that were compared with patterns"), "{reason}");
        }
    }

    #[test]
    fn without_pam_a_locked_password_closes_the_account() {
        let config = "UsePAM no\nPermitRootLogin yes\n";
        assert_eq!(judged(machine(config), "root", true), Ok(false));
        assert_eq!(judged(machine(config), "root", false), Ok(true));
        judged(machine(config).unreadable("/etc/ssh/sshd_config"), "root", true).unwrap_err();
    }

    #[test]
    fn no_server_accepts_no_key() {
        let config = "UsePAM yes\nPermitRootLogin yes\n";
        assert_eq!(judged(machine(config).without("/usr/sbin/sshd"), "root", false), Ok(false));
        let off = machine(config).file("/usr/lib/systemd/system/default.target", "[Unit]\n");
        assert_eq!(judged(off, "root", false), Ok(false));
    }

    #[test]
    fn strict_modes_look_at_owner_and_mode_up_to_the_home_directory() {
        let config = "UsePAM yes\n";
        let fs = || machine(config);
        let alice = |fs: MemoryFs| judged(fs, "alice", false);
        assert_eq!(alice(fs().file(KEYS, "x").owner(1000, 1000).mode(0o666)), Ok(false));
        assert_eq!(alice(fs().file(KEYS, "x").owner(1001, 1000).mode(0o644)), Ok(false));
        assert_eq!(alice(fs().file(KEYS, "x").owner(0, 0).mode(0o644)), Ok(true));
        assert_eq!(alice(fs().dir("/home/alice").mode(0o777)), Ok(false));
        assert_eq!(alice(fs().dir("/home/alice/.ssh").mode(0o770).owner(1000, 5)), Ok(false));
        assert_eq!(alice(fs().dir("/home").mode(0o777)), Ok(true));
        let lax = machine("UsePAM yes\nStrictModes no\n").dir("/home/alice").mode(0o777);
        assert_eq!(alice(lax), Ok(true));
        // Debian accepts it where nobody else is in the group.
        alice(fs().dir("/home/alice").mode(0o775)).unwrap_err();
        // sshd reads the file with the rights of alice.
        alice(fs().file(KEYS, "x").owner(0, 0).mode(0o600)).unwrap_err();
        alice(fs().unreadable("/home/alice/.ssh")).unwrap_err();
    }
}
