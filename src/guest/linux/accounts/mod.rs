//! Who may log in as root or become it.
//!
//! In: the guest's tree. Out: [`Accounts`], which holds no hash: [`PasswordState`] knows the scheme
//! alone, and no message quotes a line of `/etc/passwd` or `/etc/shadow`.

mod authorized_keys;
mod crypt_library;
mod des_crypt;
mod doas;
#[cfg(test)]
mod hostile;
mod key_login;
mod md5_crypt;
mod passwd;
mod shadow;
mod sudoers;
mod verify;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};

use authorized_keys::AuthorizedKeys;
use doas::Doas;
use key_login::{Accepted, Login};
use passwd::{Line, PasswdEntry};
use shadow::{Shadow, ShadowEntry};
use sudoers::{Granted, Sudoers, User};
use verify::Verifier;

use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::FileType;
use crate::filesystem::tree::Tree;
use crate::guest::facts::{Account, Accounts, PasswordState, SshdFacts};
use crate::guest::password::InitialPassword;

const PASSWD: &str = "/etc/passwd";
const SHADOW: &str = "/etc/shadow";
const GROUP: &str = "/etc/group";
const NOLOGIN: &str = "/etc/nologin";

/// Longest of these files read: 4 MiB are some 50,000 accounts.
const MAX_FILE: u64 = 4 << 20;

/// Most accounts given. An image with more that may become root is no image that anyone judges.
const MAX_ACCOUNTS: usize = 256;

/// The first user id of a person (login.defs(5), `UID_MIN`, as every family sets it by now).
const FIRST_PERSON: u32 = 1000;

/// Most accounts without rights whose keys are looked for.
const MAX_OTHERS: usize = 1024;

/// Most memberships in groups; a directory server's export has some thousand.
const MAX_MEMBERSHIPS: usize = 100_000;

/// Longest name of a group, in bytes: `useradd` takes 32 (shadow, `GROUP_NAME_MAX_LENGTH`), a
/// directory server 256. Each membership has a copy of it.
const MAX_GROUP_NAME: usize = 256;

/// Most malformed lines told of one file.
const MAX_MALFORMED: usize = 16;

/// Where sudo is; its configuration gives nothing without it.
const SUDO: [&str; 3] = ["/usr/bin/sudo", "/usr/local/bin/sudo", "/usr/bin/sudo-rs"];

/// Programs that end a login at once, by the last part of their path: those that Debian's and Red
/// Hat's packages set as shells of system accounts.
const NO_SHELLS: [&str; 6] = ["nologin", "false", "true", "sync", "halt", "shutdown"];

/// root and every other account with uid 0, then those that may become root by sudo; and whether
/// `password` opens them.
pub fn find(tree: &Tree, sshd: &SshdFacts, password: Option<&InitialPassword>) -> Fact<Accounts> {
    let text = match tree.read_text(PASSWD, MAX_FILE) {
        Ok(text) => text,
        // Image-based systems keep the list elsewhere (nss-altfiles).
        Err(error) if error.is_absent() => {
            return match tree.exists("/usr/lib/passwd") {
                Ok(false) => Fact::Known(Accounts {
                    accounts: Vec::new(),
                    unread: Vec::new(),
                    other_keys: Fact::Known(Vec::new()),
                    nologin: nologin(tree),
                    refused_sudoers: Vec::new(),
                }),
                Ok(true) => Fact::unknown("/usr/lib/passwd", "accounts there are not read"),
                Err(error) => Fact::unknown("/usr/lib/passwd", error.to_string()),
            };
        }
        Err(error) => return Fact::unknown(PASSWD, error.to_string()),
    };
    Fact::Known(Finder::new(tree, sshd, password).accounts(&text))
}

/// pam_nologin(8).
fn nologin(tree: &Tree) -> Fact<Option<Evidence>> {
    Fact::from_lookup(NOLOGIN, tree.metadata(NOLOGIN))
        .map(|found| found.map(|_| Evidence::new(NOLOGIN, "there: nobody but root may log in")))
}

struct Finder<'a> {
    tree: &'a Tree,
    sshd: &'a SshdFacts,
    unread: Vec<Unread>,
    shadow: Fact<Shadow>,
    /// Verifies the supplied password, against the hashes in this text of `/etc/shadow`.
    verifier: Option<(Verifier<'a>, String)>,
    groups: Groups,
    sudoers: Sudoers,
    doas: Doas,
    keys: AuthorizedKeys<'a>,
    /// Why it is not known whether a scheme can be checked, of those that were asked for.
    schemes: RefCell<BTreeMap<String, Option<Unread>>>,
}

/// A group as sudoers asks for it: its name, its id, and the line that puts an account in.
type Membership = (String, u32, String);

/// `/etc/group`, turned round.
#[derive(Default)]
struct Groups {
    by_member: HashMap<String, Vec<Membership>>,
    names: HashMap<u32, String>,
}

impl Groups {
    fn parse(text: &str, unread: &mut Vec<Unread>) -> Self {
        let mut groups = Self::default();
        let mut memberships = 0_usize;
        let mut too_long = None;
        lines(text, GROUP, unread, passwd::group_line, |group| {
            if group.name.len() > MAX_GROUP_NAME {
                too_long.get_or_insert(group.line);
                return;
            }
            let members = group.members.split(',').map(str::trim).filter(|name| !name.is_empty());
            for member in members {
                memberships = memberships.saturating_add(1);
                if memberships > MAX_MEMBERSHIPS {
                    break;
                }
                let location = format!("{GROUP}:{}", group.line);
                let membership = (group.name.to_owned(), group.gid, location);
                groups.by_member.entry(member.to_owned()).or_default().push(membership);
            }
            groups.names.entry(group.gid).or_insert_with(|| group.name.to_owned());
        });
        if let Some(line) = too_long {
            let error = Error::too_much("group", MAX_GROUP_NAME, "bytes of a name");
            unread.push(Unread::from((format!("{GROUP}:{line}").as_str(), &error)));
        }
        if memberships > MAX_MEMBERSHIPS {
            let error = Error::too_much("group", MAX_MEMBERSHIPS, "memberships");
            unread.push(Unread::from((GROUP, &error)));
        }
        groups
    }

    /// The groups of an account, by its own line and by those of the groups.
    fn of(&self, entry: &PasswdEntry<'_>) -> Vec<Membership> {
        let mut groups = self.by_member.get(entry.name).cloned().unwrap_or_default();
        if let Some(name) = self.names.get(&entry.gid) {
            groups.push((name.clone(), entry.gid, format!("{PASSWD}:{}", entry.line)));
        }
        groups
    }
}

impl<'a> Finder<'a> {
    fn new(tree: &'a Tree, sshd: &'a SshdFacts, password: Option<&'a InitialPassword>) -> Self {
        let mut unread = Vec::new();
        let mut shadow_text = String::new();
        let shadow = match tree.read_text(SHADOW, MAX_FILE) {
            Ok(text) => {
                let shadow = Shadow::parse(&text);
                shadow_text = text;
                Fact::Known(shadow)
            }
            Err(error) if error.is_absent() => Fact::Known(Shadow::default()),
            Err(error) => {
                unread.push(Unread::from((SHADOW, &error)));
                Fact::unknown(SHADOW, error.to_string())
            }
        };
        for (line, _, reason) in
            shadow.known().map(|shadow| &shadow.malformed).into_iter().flatten().take(MAX_MALFORMED)
        {
            unread.push(Unread::new(format!("{SHADOW}:{line}"), reason.clone()));
        }
        let groups = match tree.read_text(GROUP, MAX_FILE) {
            Ok(text) => Groups::parse(&text, &mut unread),
            Err(error) if error.is_absent() => Groups::default(),
            Err(error) => {
                unread.push(Unread::from((GROUP, &error)));
                Groups::default()
            }
        };
        let mut sudoers = Sudoers::default();
        match has_sudo(tree) {
            Ok(true) => sudoers = Sudoers::read(tree),
            Ok(false) => {}
            Err(error) => unread.push(Unread::from(("/usr/bin/sudo", &error))),
        }
        unread.append(&mut sudoers.unread);
        let mut doas = Doas::read(tree);
        unread.append(&mut doas.unread);
        let verifier = password.map(|password| (Verifier::new(password), shadow_text));
        Self {
            tree,
            sshd,
            unread,
            shadow,
            verifier,
            groups,
            sudoers,
            doas,
            keys: AuthorizedKeys::new(tree, sshd),
            schemes: RefCell::default(),
        }
    }

    fn accounts(mut self, text: &str) -> Accounts {
        // getpwnam(3) gives the first line of a name.
        let mut names = HashSet::new();
        let mut found = Vec::new();
        let mut more = false;
        let mut others = 0_usize;
        let mut other_keys = Fact::Known(Vec::new());
        let mut unread = std::mem::take(&mut self.unread);
        lines(text, PASSWD, &mut unread, passwd::passwd_line, |entry| {
            if !names.insert(entry.name) {
                return;
            }
            let by = if entry.uid == 0 {
                let by = Evidence::new(format!("{PASSWD}:{}", entry.line), "uid 0");
                Some(Granted { by, asks: Fact::Known(false) })
            } else {
                let groups = self.groups.of(&entry);
                let user = User { name: entry.name, uid: entry.uid, groups: &groups };
                self.sudoers.grant(&user).or_else(|| self.doas.grant(&user))
            };
            match by {
                Some(_) if found.len() >= MAX_ACCOUNTS => more = true,
                Some(granted) => found.push(self.account(&entry, granted)),
                None if entry.uid >= FIRST_PERSON && others <= MAX_OTHERS => {
                    others = others.saturating_add(1);
                    let keys = self.keys.of(entry.name, entry.uid, entry.home);
                    match (&mut other_keys, keys) {
                        (Fact::Known(all), Fact::Known(keys)) => all.extend(keys),
                        (Fact::Known(_), Fact::Unknown(reason)) => {
                            other_keys = Fact::Unknown(reason);
                        }
                        (Fact::Unknown(_), _) => {}
                    }
                }
                None => {}
            }
        });
        if others > MAX_OTHERS && other_keys.known().is_some() {
            let error = Error::too_much("accounts", MAX_OTHERS, "accounts");
            other_keys = Fact::Unknown(Unread::from((PASSWD, &error)));
        }
        if more {
            let error = Error::too_much("accounts", MAX_ACCOUNTS, "administrators");
            unread.push(Unread::from((PASSWD, &error)));
        }
        unread.extend(self.sudoers.exhausted());
        unread.extend(self.doas.exhausted());
        found.sort_by_key(|account| (account.uid != 0, account.name != "root"));
        Accounts {
            accounts: found,
            unread,
            other_keys,
            nologin: nologin(self.tree),
            refused_sudoers: self.sudoers.refused,
        }
    }

    fn account(&mut self, entry: &PasswdEntry<'_>, granted: Granted) -> Account {
        let location = format!("{PASSWD}:{}", entry.line);
        let (password, password_location) = self.password(entry, &location);
        let line = self.shadow.known().and_then(|shadow| shadow.entries.get(entry.name));
        let password_matches = self.password_matches(entry, &password, line);
        let aging = line.map(|line| line.aging).unwrap_or_default();
        let shell = if entry.shell.is_empty() { "/bin/sh" } else { entry.shell };
        let home = if entry.home.is_empty() { "/" } else { entry.home };
        let locked = self.locked(entry, &location);
        let authorized_keys = self.keys.of(entry.name, entry.uid, home);
        let accepted = self.accepted_keys(entry, home, locked, &authorized_keys);
        Account {
            name: entry.name.to_owned(),
            uid: entry.uid,
            location,
            password_location,
            password,
            shell: shell.to_owned(),
            shell_usable: Fact::from_result(shell, shell_usable(self.tree, shell)),
            expires: aging.expires,
            changed: aging.changed,
            max_days: aging.max_days,
            inactive_days: aging.inactive_days,
            password_matches,
            home: home.to_owned(),
            admin_by: Some(granted.by),
            authorized_keys,
            accepted_keys: accepted.keys,
            refused_keys: accepted.refused,
            sudo_asks: granted.asks,
        }
    }

    /// What of an account's keys sshd accepts.
    fn accepted_keys(
        &mut self,
        entry: &PasswdEntry<'_>,
        home: &str,
        locked: Fact<Option<Evidence>>,
        keys: &Fact<Vec<Evidence>>,
    ) -> Accepted {
        let groups: Vec<_> = self.groups.of(entry).into_iter().map(|(name, _, _)| name).collect();
        let PasswdEntry { name, uid, gid, .. } = *entry;
        let login = Login { name, uid, gid, groups: &groups, home, locked };
        // A `Match` block may name other files for it.
        let own = key_login::option(self.tree, self.sshd, &login, "authorizedkeysfile");
        let keys = match own {
            Ok(Some(own)) => self.keys.named(own, name, uid, home),
            Ok(None) => keys.clone(),
            Err(unread) => Fact::Unknown(unread),
        };
        match keys {
            Fact::Known(keys) => key_login::accepted(self.tree, self.sshd, &login, &keys),
            Fact::Unknown(unread) => Accepted { keys: Fact::Unknown(unread), refused: Vec::new() },
        }
    }

    /// Whether the password field that sshd sees begins with `!`, with its line.
    fn locked(&self, entry: &PasswdEntry<'_>, location: &str) -> Fact<Option<Evidence>> {
        let seen = |locked: bool, location: String| {
            Fact::Known(locked.then(|| Evidence::new(location, "password locked")))
        };
        if !is_shadowed(entry) {
            return seen(entry.password.starts_with('!'), location.to_owned());
        }
        match &self.shadow {
            Fact::Unknown(unread) => Fact::Unknown(unread.clone()),
            Fact::Known(shadow) => match shadow.entries.get(entry.name) {
                Some(line) => seen(line.locked, format!("{SHADOW}:{}", line.line)),
                None => match shadow.malformed_line(entry.name) {
                    Some((line, reason)) => Fact::unknown(format!("{SHADOW}:{line}"), reason),
                    None => Fact::Known(None),
                },
            },
        }
    }

    /// `x` in `/etc/passwd` sends one to `/etc/shadow` (pam_unix, `is_pwd_shadowed`); anything else
    /// there counts by itself.
    fn password(
        &self,
        entry: &PasswdEntry<'_>,
        location: &str,
    ) -> (Fact<PasswordState>, Option<String>) {
        if !is_shadowed(entry) {
            let own = shadow::password_state(entry.password);
            return (self.usable(location, own), Some(location.to_owned()));
        }
        let shadow = match &self.shadow {
            Fact::Known(shadow) => shadow,
            Fact::Unknown(unread) => return (Fact::Unknown(unread.clone()), None),
        };
        match (shadow.entries.get(entry.name), shadow.malformed_line(entry.name)) {
            (Some(line), _) => {
                let location = format!("{SHADOW}:{}", line.line);
                (self.usable(&location, line.password.clone()), Some(location))
            }
            (None, Some((line, reason))) => {
                let location = format!("{SHADOW}:{line}");
                (Fact::unknown(location.clone(), reason), Some(location))
            }
            (None, None) => (Fact::Known(PasswordState::Absent), None),
        }
    }

    /// The state of a password, not known where the guest's crypt(3) may not know its scheme.
    fn usable(&self, location: &str, state: Result<PasswordState, String>) -> Fact<PasswordState> {
        let state = match state {
            Ok(state) => state,
            Err(reason) => return Fact::unknown(location, reason),
        };
        if let PasswordState::Set(scheme) = &state {
            let mut schemes = self.schemes.borrow_mut();
            let look = || crypt_library::may_not_know(self.tree, scheme);
            if let Some(unread) = schemes.entry(scheme.clone()).or_insert_with(look) {
                return Fact::Unknown(unread.clone());
            }
        }
        Fact::Known(state)
    }

    /// Whether the supplied password, if there is one, matches the account's hash, if it has one.
    fn password_matches(
        &self,
        entry: &PasswdEntry<'_>,
        password: &Fact<PasswordState>,
        line: Option<&ShadowEntry>,
    ) -> Option<Fact<bool>> {
        let (verifier, text) = self.verifier.as_ref()?;
        let Fact::Known(PasswordState::Set(scheme)) = password else { return None };
        let (place, hash) = if is_shadowed(entry) {
            let line = line?.line;
            let content = text.lines().nth(line.saturating_sub(1))?;
            (format!("{SHADOW}:{line}"), content.split(':').nth(1)?)
        } else {
            (format!("{PASSWD}:{}", entry.line), entry.password)
        };
        Some(match verifier.matches(scheme, hash) {
            Ok(matches) => Fact::Known(matches),
            Err(reason) => Fact::unknown(place, reason),
        })
    }
}

fn is_shadowed(entry: &PasswdEntry<'_>) -> bool {
    entry.password == "x" || entry.password.starts_with("##")
}

/// Gives each entry of a file to `each`; the first malformed lines are told. A carriage return at the
/// end is part of the last field (glibc: `nss_files`).
fn lines<'t, T>(
    text: &'t str,
    path: &str,
    unread: &mut Vec<Unread>,
    parse_line: fn(usize, &'t str) -> Line<T>,
    mut each: impl FnMut(T),
) {
    let mut malformed = 0_usize;
    for (line, content) in (1_usize..).zip(text.split_terminator('\n')) {
        match parse_line(line, content) {
            Line::Entry(entry) => each(entry),
            Line::Skipped => {}
            Line::Malformed(reason) => {
                malformed = malformed.saturating_add(1);
                if malformed <= MAX_MALFORMED {
                    unread.push(Unread::new(format!("{path}:{line}"), reason));
                }
            }
        }
    }
}

fn has_sudo(tree: &Tree) -> Result<bool> {
    for path in SUDO {
        if tree.exists(path)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a shell lets one in: no program that ends at once, and there to be run.
fn shell_usable(tree: &Tree, shell: &str) -> Result<bool> {
    let ends = |path: &str| NO_SHELLS.contains(&path.rsplit('/').next().unwrap_or_default());
    if ends(shell) {
        return Ok(false);
    }
    match tree.metadata(shell) {
        Ok(metadata) => {
            let runs = metadata.file_type == FileType::Regular && metadata.mode & 0o111 != 0;
            Ok(runs && !ends(&tree.canonicalize(shell)?.0))
        }
        Err(error) if error.is_absent() => Ok(false),
        Err(error) => Err(error),
    }
}

/// [`find`] with the SSH server that the tree has.
#[cfg(test)]
fn found(tree: &Tree, password: Option<&InitialPassword>) -> Fact<Accounts> {
    let units = super::systemd_unit::BootUnits::walk(tree);
    find(tree, &super::sshd::find(tree, &Default::default(), &units), password)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;

    const HASH: &str = "$6$salt$IxDD3jeSOb5eB1CX5LBsqZFVkJdido3OUILO5Ifz5iwMuTS4XMS130MTSuDDl3aCI6WouIL9AjRbLCelDCy.g.";

    fn machine() -> MemoryFs {
        MemoryFs::new()
            .file(
                PASSWD,
                "root:x:0:0:root:/root:/bin/bash\n\
                 daemon:x:1:1::/usr/sbin:/usr/sbin/nologin\n\
                 +::::::\n\
                 alice:x:1000:27:Alice:/home/alice:/bin/bash\n\
                 bob:x:1001:1001::/home/bob:/bin/sh\n\
                 toor:x:0:0::/root:/bin/missing\n",
            )
            .file(SHADOW, format!("root:{HASH}:19000:0:99999:7:::\nalice:!:19000::::::\n"))
            .file(GROUP, "root:x:0:\nsudo:x:27:\nwheel:x:10:bob\n")
            .file("/etc/sudoers", "%sudo ALL=(ALL:ALL) ALL\n")
            .file("/usr/bin/sudo", "ELF")
            .file("/bin/bash", "ELF")
            .mode(0o755)
            .symlink("/bin/sh", "bash")
    }

    fn accounts(fs: MemoryFs) -> Accounts {
        found(&fs.tree(), None).known().unwrap().clone()
    }

    fn names(accounts: &Accounts) -> Vec<&str> {
        accounts.accounts.iter().map(|account| account.name.as_str()).collect()
    }

    #[test]
    fn a_carriage_return_belongs_to_the_last_field() {
        let crlf = |fs: MemoryFs, path: &str| {
            let text = fs.tree().read_text(path, 1 << 20).unwrap().replace('\n', "\r\n");
            machine().without(path).file(path, text)
        };
        let found = accounts(crlf(machine(), PASSWD));
        let root = &found.accounts[0];
        assert_eq!(root.shell, "/bin/bash\r");
        assert_eq!(root.shell_usable.known(), Some(&false));
        let root = &accounts(crlf(machine(), SHADOW)).accounts[0];
        let unread = root.password.unread().unwrap();
        assert!(unread.reason.contains("carriage return"), "{unread:?}");
    }

    #[test]
    fn root_comes_first_then_who_may_become_root() {
        let accounts = accounts(machine());
        assert_eq!(names(&accounts), ["root", "toor", "alice"]);
        assert_eq!(accounts.unread, []);
        let root = &accounts.accounts[0];
        assert_eq!(root.password.known(), Some(&PasswordState::Set("sha512-crypt".to_owned())));
        assert_eq!(root.password_location.as_deref(), Some("/etc/shadow:1"));
        assert_eq!(root.location, "/etc/passwd:1");
        assert_eq!(root.shell_usable.known(), Some(&true));
        let toor = &accounts.accounts[1];
        assert_eq!(toor.password.known(), Some(&PasswordState::Absent));
        assert_eq!(toor.shell_usable.known(), Some(&false));
        let by = accounts.accounts[2].admin_by.clone().unwrap();
        assert_eq!(by.location, "/etc/sudoers:1");
        assert_eq!(by.detail, "%sudo ALL=(ALL:ALL) ALL (in group sudo by /etc/passwd:4)");
    }

    #[test]
    fn a_group_is_worth_what_sudoers_grants_it() {
        let fs = machine().file("/etc/sudoers", "%wheel ALL=(ALL) ALL\n");
        assert_eq!(names(&accounts(fs)), ["root", "toor", "bob"]);
        assert_eq!(names(&accounts(machine().without("/usr/bin/sudo"))), ["root", "toor"]);
    }

    #[test]
    fn a_group_with_a_very_long_name_is_told_and_the_others_count() {
        let group = |length: usize| format!("{}:x:5:alice\nsudo:x:27:\n", "g".repeat(length));
        let found = accounts(machine().file(GROUP, group(256)));
        assert_eq!(found.unread, []);
        let found = accounts(machine().file(GROUP, group(257)));
        assert_eq!(names(&found), ["root", "toor", "alice"]);
        assert_eq!(found.unread[0].location, "/etc/group:1");
        assert!(found.unread[0].reason.contains("more than 256 bytes of a name"));
    }

    #[test]
    fn no_hash_leaves_the_accounts() {
        let fs = machine()
            .file(SHADOW, format!("root:{HASH}:x:\nalice:{HASH}\nalice:{HASH}:19000::::::\n"))
            .file(PASSWD, format!("root:{HASH}:0:0::/root:/bin/bash\nbroken:{HASH}:0\n"));
        let shown = format!("{:?}", found(&fs.tree(), None));
        assert!(!shown.contains("IxDD3jeSOb5"), "{shown}");
        assert!(shown.contains("sha512-crypt"));
    }

    #[test]
    fn a_supplied_password_is_compared_with_each_hash_and_leaves_no_trace() {
        // openssl passwd -6 and -1 of `Passw0rd!`.
        let six = "$6$fOPF7ZXCubp84K8K$oBliujWH1Iy2OvErkCzEElg.JtRC8UFoNPyXV8RwD4qrhs0zbIaBsP3gBqZIBkCDmEdEWYl7w7HMsrsh.HEBA/";
        let one = "$1$s5vZo7fl$hKTKU/ogPCFkGGQM3gFHv.";
        let shadow = format!("root:{six}:19000::::::\nalice:{HASH}:19000::::::\n");
        let passwd = format!(
            "root:x:0:0::/root:/bin/bash\nalice:x:1000:27::/home/alice:/bin/bash\n\
             toor:{one}:0:0::/root:/bin/sh\nnone:*:0:0::/root:/bin/sh\n"
        );
        let tree = machine().file(SHADOW, shadow).file(PASSWD, passwd).tree();
        let text = zeroize::Zeroizing::new(b"Passw0rd!".to_vec());
        let password = InitialPassword::new(text).unwrap();
        let found = super::found(&tree, Some(&password));
        let matches = |name: &str| {
            let all = &found.known().unwrap().accounts;
            all.iter().find(|account| account.name == name).unwrap().password_matches.clone()
        };
        assert_eq!(matches("root"), Some(Fact::Known(true)));
        assert_eq!(matches("toor"), Some(Fact::Known(true)));
        assert_eq!(matches("alice"), Some(Fact::Known(false)));
        assert_eq!(matches("none"), None);
        let shown = format!("{found:?}{password:?}{}", serde_json::to_string(&found).unwrap());
        for secret in ["Passw0rd", "oBliujWH1Iy2", "hKTKU/ogPCFk"] {
            assert!(!shown.contains(secret), "{secret}");
        }
        assert!(super::found(&tree, None).known().unwrap().accounts[0].password_matches.is_none());
    }

    #[test]
    fn keys_of_people_without_rights_are_found_and_nologin_is_told() {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH0000000000000000000000000000000000000000000 a@b\n";
        let fs = || machine().file("/home/bob/.ssh/authorized_keys", key);
        let known = accounts(fs());
        let other = known.other_keys.known().unwrap();
        assert_eq!(other[0].location, "/home/bob/.ssh/authorized_keys");
        assert_eq!(known.nologin, Fact::Known(None));
        let closed = accounts(fs().file(NOLOGIN, "closed\n"));
        assert_eq!(closed.nologin.known().unwrap().as_ref().unwrap().location, NOLOGIN);
        let torn = accounts(fs().unreadable("/home/bob/.ssh/authorized_keys"));
        assert!(torn.other_keys.unread().is_some());
    }

    #[test]
    fn a_sudoer_without_a_password_is_one_only_where_none_is_asked() {
        let asks = |fs: MemoryFs| {
            let known = accounts(fs);
            let alice = known.accounts.iter().find(|account| account.name == "alice");
            alice.map(|alice| alice.sudo_asks.known().copied())
        };
        assert_eq!(asks(machine()), Some(Some(true)));
        let sudoers = |text: &str| asks(machine().file("/etc/sudoers", text));
        assert_eq!(sudoers("%sudo ALL=(ALL) NOPASSWD: ALL\n"), Some(Some(false)));
        assert_eq!(sudoers("Defaults !authenticate\n%sudo ALL=(ALL) ALL\n"), Some(Some(false)));
        let always = "Defaults !authenticate\n%sudo ALL=(ALL) PASSWD: ALL\n";
        assert_eq!(sudoers(always), Some(Some(true)));
        assert_eq!(sudoers("Defaults:bob !authenticate\n%sudo ALL=ALL\n"), Some(None));
        let agent = "auth sufficient pam_ssh_agent_auth.so\n@include common-auth\n";
        assert_eq!(asks(machine().file("/etc/pam.d/sudo", agent)), Some(None));
        let usual = "session required pam_limits.so\n@include common-auth\n";
        assert_eq!(asks(machine().file("/etc/pam.d/sudo", usual)), Some(Some(true)));
    }

    #[test]
    fn sudo_refuses_its_configuration_when_others_may_write_it() {
        let text = "%sudo ALL=(ALL:ALL) ALL\n";
        for (mode, uid, gid) in [(0o666, 0, 0), (0o440, 1000, 0), (0o460, 0, 27)] {
            let fs = machine().file("/etc/sudoers", text).mode(mode).owner(uid, gid);
            let known = accounts(fs);
            assert_eq!(names(&known), ["root", "toor"], "{mode:o} {uid}");
            assert_eq!(known.refused_sudoers[0].location, "/etc/sudoers");
        }
        let fs = machine().file("/etc/sudoers", text).mode(0o660);
        assert_eq!(names(&accounts(fs)), ["root", "toor", "alice"]);
        let below = || {
            machine()
                .file("/etc/sudoers", "@includedir /etc/sudoers.d\n")
                .file("/etc/sudoers.d/a", text)
                .mode(0o646)
        };
        assert_eq!(names(&accounts(below())), ["root", "toor"]);
        let fs = below().file("/etc/sudoers.d/a", text).dir("/etc/sudoers.d").mode(0o777);
        assert_eq!(accounts(fs).refused_sudoers[0].location, "/etc/sudoers.d");
        let named = below().file("/etc/sudoers", "@include /etc/sudoers.d/a\n");
        assert_eq!(accounts(named).unread[0].location, "/etc/sudoers.d/a");
    }

    #[test]
    fn an_unreadable_shadow_leaves_the_password_unknown() {
        let accounts = accounts(machine().unreadable(SHADOW));
        assert_eq!(accounts.accounts[0].password.unread().unwrap().location, SHADOW);
        assert_eq!(accounts.unread[0].location, SHADOW);
    }

    #[test]
    fn an_absent_shadow_is_not_unknown() {
        let accounts = accounts(machine().without(SHADOW));
        assert_eq!(accounts.accounts[0].password.known(), Some(&PasswordState::Absent));
    }

    #[test]
    fn a_password_in_passwd_itself_counts() {
        let passwd = "root::0:0::/root:/bin/bash\ntoor:*:0:0::/root:/bin/bash\n";
        let accounts = accounts(machine().file(PASSWD, passwd));
        assert_eq!(accounts.accounts[0].password.known(), Some(&PasswordState::Empty));
        assert_eq!(accounts.accounts[0].password_location.as_deref(), Some("/etc/passwd:1"));
        assert_eq!(accounts.accounts[1].password.known(), Some(&PasswordState::Locked));
    }

    #[test]
    fn malformed_lines_are_told_and_hide_nobody_else() {
        let accounts = accounts(
            machine()
                .file(PASSWD, "root:x:zero:0::/root:/bin/bash\nroot:x:0:0::/root:/bin/bash\nx:y\n")
                .file(SHADOW, "root:*:a:::::::\n"),
        );
        assert_eq!(names(&accounts), ["root"]);
        assert_eq!(accounts.accounts[0].password.unread().unwrap().location, "/etc/shadow:1");
        let places: Vec<_> =
            accounts.unread.iter().map(|unread| unread.location.as_str()).collect();
        assert_eq!(places, ["/etc/shadow:1", "/etc/passwd:1", "/etc/passwd:3"]);
    }

    #[test]
    fn a_shell_that_ends_at_once_is_not_usable_whatever_its_name() {
        let fs = || machine().file("/usr/sbin/nologin", "ELF").mode(0o755);
        let usable = |fs: MemoryFs, shell: &str| shell_usable(&fs.tree(), shell);
        assert_eq!(usable(fs(), "/usr/sbin/nologin"), Ok(false));
        assert_eq!(usable(fs().symlink("/bin/mysh", "/usr/sbin/nologin"), "/bin/mysh"), Ok(false));
        assert_eq!(usable(fs().file("/bin/zsh", "").mode(0o644), "/bin/zsh"), Ok(false));
        assert_eq!(usable(fs(), "/bin/sh"), Ok(true));
        assert!(usable(fs().unreadable("/bin"), "/bin/sh").is_err());
    }

    #[test]
    fn without_any_passwd_nobody_is_there_unless_it_is_kept_elsewhere() {
        assert_eq!(names(&accounts(MemoryFs::new().dir("/etc"))), Vec::<&str>::new());
        let elsewhere = MemoryFs::new().file("/usr/lib/passwd", "root:x:0:0::/root:/bin/bash\n");
        assert!(found(&elsewhere.tree(), None).unread().is_some());
        assert!(found(&machine().unreadable(PASSWD).tree(), None).unread().is_some());
    }
}
