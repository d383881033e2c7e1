//! Who may become root by sudo (sudoers(5)).
//!
//! Only what gives away the whole system counts: a user specification that allows `ALL` commands as
//! root on every host. What may hold such a line and could not be read is told.

mod syntax;

use std::cell::Cell;
use std::collections::HashMap;

use syntax::{
    include, is_tag, list, logical_lines, negation, split, strip_comment, users_and_hosts,
    with_one_negation,
};

use super::MAX_MALFORMED;
use crate::error::Error;
use crate::fact::{Evidence, Fact, Unread, shortened};
use crate::filesystem::tree::Tree;
use crate::filesystem::{FileType, Metadata};
use crate::guest::linux::pattern;

const SUDOERS: &str = "/etc/sudoers";

/// The first that is there counts: SUSE brings its own below `/usr` for when the administrator has none
/// (its sudo.spec, `--sysconfdir`; sudoers(5), "sudoers file names": a list parted by colons).
const PATHS: [&str; 2] = [SUDOERS, "/usr/etc/sudoers"];

/// What sudo asks PAM; the first that is there (pam.d(5); SUSE's and others' are below `/usr`).
const PAM: [&str; 3] = ["/etc/pam.d/sudo", "/usr/lib/pam.d/sudo", "/usr/etc/pam.d/sudo"];

/// Longest of PAM's file read; distributions ship some ten lines.
const MAX_PAM: u64 = 64 << 10;

/// Modules that let nobody in without the account's own password.
const PASSWORD_MODULES: [&str; 6] = [
    "pam_unix.so",
    "pam_env.so",
    "pam_deny.so",
    "pam_faildelay.so",
    "pam_faillock.so",
    "pam_tally2.so",
];

/// Longest file read; real ones have a few KiB.
const MAX_FILE: u64 = 1 << 20;

/// Most bytes read of all files together: a file that is included again is read again.
const MAX_TEXT: usize = 4 << 20;

/// Deepest chain of includes: that of sudo itself (`MAX_SUDOERS_DEPTH`).
const MAX_DEPTH: usize = 128;

/// Most files read in all.
const MAX_FILES: usize = 256;

/// Deepest chain of aliases that name one another.
const MAX_ALIAS_DEPTH: usize = 16;

/// Most lines that may grant something with the members of all aliases, and most users of the lines
/// that do; a large site has some thousand.
const MAX_ITEMS: usize = 65_536;

/// Most comparisons of names, of sudo's and of doas's rules each. Aliases that name one another twice
/// double the work at each level; a real image needs some hundred. Of a long item every 64 bytes count as
/// one, and of the groups of an account every 64 that an item is compared with.
const MAX_STEPS: usize = 1_000_000;

/// An account as sudoers lists ask for it.
pub(super) struct User<'a> {
    pub(super) name: &'a str,
    pub(super) uid: u32,
    /// Names and ids of its groups, each with the line that says so.
    pub(super) groups: &'a [(String, u32, String)],
}

/// What makes an account an administrator.
pub(super) struct Granted {
    pub(super) by: Evidence,
    /// Whether its own password is asked.
    pub(super) asks: Fact<bool>,
}

/// A line that lets its users become root.
#[derive(Debug)]
struct Grant {
    location: String,
    text: String,
    users: Vec<String>,
    /// `!ALL`: takes away what an earlier line gave.
    denies: bool,
    /// Whether the user's own password (or none) is enough.
    own_password: Password,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Password {
    /// `NOPASSWD:`.
    NotAsked,
    /// As `Defaults` say.
    Asked,
    /// `PASSWD:`, whatever `Defaults` say.
    AlwaysAsked,
}

/// The members of each alias.
type Aliases = HashMap<String, Vec<String>>;

/// The lines that matter of all sudoers files.
#[derive(Debug, Default)]
pub(super) struct Sudoers {
    grants: Vec<Grant>,
    user_aliases: Aliases,
    host_aliases: Aliases,
    runas_aliases: Aliases,
    command_aliases: Aliases,
    /// User specifications, kept until all aliases are known.
    specifications: Vec<(String, String)>,
    /// `Defaults targetpw`, `rootpw`, `runaspw`: root's password is asked, so that the line gives
    /// nothing to who does not have it (the default of SUSE).
    others_password: bool,
    /// `Defaults !authenticate`: no password is asked.
    asks_nobody: bool,
    /// What leaves it open whether a password is asked: settings for some users, a module of PAM.
    may_not_ask: Option<Unread>,
    files: usize,
    text: usize,
    items: usize,
    steps: Steps,
    /// Whether something was not read that may deny what was granted before it.
    cut: bool,
    /// The first of what was not read.
    pub(super) unread: Vec<Unread>,
    /// The first of the files that sudo refuses for their owner or mode.
    pub(super) refused: Vec<Evidence>,
}

/// Counts comparisons.
#[derive(Debug, Default)]
pub(super) struct Steps(Cell<usize>);

impl Steps {
    /// Whether another step may be made, with something of this length or number.
    pub(super) fn step(&self, long: usize) -> bool {
        self.0.set(self.0.get().saturating_add(long.div_euclid(64)).saturating_add(1));
        self.0.get() <= MAX_STEPS
    }

    /// Why not every grant of a configuration could be looked at, if so.
    pub(super) fn exhausted(&self, location: &str) -> Option<Unread> {
        let reason = format!("more than {MAX_STEPS} comparisons of names, the rest was not done");
        (self.0.get() > MAX_STEPS).then(|| Unread::new(location, reason))
    }
}

/// The first of the paths that is not surely absent.
fn first_there<const N: usize>(tree: &Tree, paths: [&'static str; N]) -> Option<&'static str> {
    paths.into_iter().find(|path| !matches!(tree.exists(path), Ok(false)))
}

impl Sudoers {
    /// Reads `/etc/sudoers`, or the distribution's, and what it includes.
    pub(super) fn read(tree: &Tree) -> Self {
        let mut sudoers = Self::default();
        sudoers.file(tree, first_there(tree, PATHS).unwrap_or(SUDOERS), 0);
        sudoers.pam(tree);
        let mut users = 0_usize;
        for (location, text) in std::mem::take(&mut sudoers.specifications) {
            let Some(grant) = sudoers.specification(&location, &text) else { continue };
            users = users.saturating_add(grant.users.len());
            if users > MAX_ITEMS {
                sudoers.cut(&location, format!("more than {MAX_ITEMS} entries, not read"));
                break;
            }
            sudoers.grants.push(grant);
        }
        if sudoers.cut {
            // The last that fits counts.
            sudoers.grants.clear();
        }
        sudoers
    }

    /// The line by which an account may become root, if there is one; the last that fits counts.
    pub(super) fn grant(&self, user: &User<'_>) -> Option<Granted> {
        let mut found = None;
        for grant in &self.grants {
            if !self.steps.step(0) {
                return None;
            }
            let Some(group) = self.lists(&grant.users, user) else { continue };
            found = if grant.denies {
                None
            } else if self.others_password && grant.own_password != Password::NotAsked {
                continue;
            } else {
                let detail = match group {
                    Some(group) => format!("{} ({group})", grant.text),
                    None => grant.text.clone(),
                };
                let by = Evidence::new(grant.location.clone(), detail);
                Some(Granted { by, asks: self.asks(grant) })
            };
        }
        found
    }

    fn asks(&self, grant: &Grant) -> Fact<bool> {
        match (&self.may_not_ask, grant.own_password) {
            (_, Password::NotAsked) => Fact::Known(false),
            (_, Password::Asked) if self.asks_nobody => Fact::Known(false),
            (Some(unread), _) => Fact::Unknown(unread.clone()),
            (None, _) => Fact::Known(true),
        }
    }

    /// Why not every grant could be looked at, if so.
    pub(super) fn exhausted(&self) -> Option<Unread> {
        self.steps.exhausted(SUDOERS)
    }

    /// Takes note of what was not read; the first few tell enough.
    fn doubt(&mut self, location: &str, reason: impl Into<String>) {
        if self.unread.len() < MAX_MALFORMED {
            self.unread.push(Unread::new(location, reason));
        }
    }

    /// The same of what may hold lines.
    fn cut(&mut self, location: &str, reason: impl Into<String>) {
        self.cut = true;
        self.doubt(location, reason);
    }

    fn file(&mut self, tree: &Tree, path: &str, depth: usize) {
        self.files = self.files.saturating_add(1);
        if depth > MAX_DEPTH {
            return self.doubt(path, format!("more than {MAX_DEPTH} included files, not read"));
        }
        if self.files > MAX_FILES {
            return self.cut(path, format!("more than {MAX_FILES} included files, not read"));
        }
        let text = match tree.read_text(path, MAX_FILE) {
            Ok(text) => text,
            Err(error) if error.is_absent() => return,
            Err(error) => return self.cut(path, error.to_string()),
        };
        if depth == 0 && self.refuses(tree, path) {
            return;
        }
        self.text = self.text.saturating_add(text.len());
        if self.text > MAX_TEXT {
            return self.cut(path, format!("more than {MAX_TEXT} bytes in all, not read"));
        }
        for (line, content) in logical_lines(&text) {
            if self.items > MAX_ITEMS {
                return self.cut(path, format!("more than {MAX_ITEMS} entries, not read"));
            }
            self.line(tree, path, line, content.trim(), depth);
        }
    }

    fn line(&mut self, tree: &Tree, path: &str, line: usize, content: &str, depth: usize) {
        let location = format!("{path}:{line}");
        if let Some((directory, target)) = include(content) {
            if target.contains('%') {
                return self.cut(&location, "an include by host name is not read");
            }
            let target = match target.strip_prefix('/') {
                Some(_) => target,
                None => format!("{}/{target}", path.rsplit_once('/').map_or("", |(dir, _)| dir)),
            };
            let below = depth.saturating_add(1);
            if let Err(error) = pattern::within_bound(&target) {
                self.cut(&location, error.to_string());
            } else if directory {
                self.directory(tree, &target, below);
            } else if self.refuses(tree, &target) {
                // An error in the whole configuration for older versions; newer ones go on.
                self.doubt(&target, "sudo refuses to include it for its owner or mode");
            } else {
                self.file(tree, &target, below);
            }
            return;
        }
        let content = strip_comment(content);
        let (word, rest) = content.split_once(char::is_whitespace).unwrap_or((content, ""));
        match word {
            "" => {}
            "User_Alias" | "Host_Alias" | "Runas_Alias" | "Cmnd_Alias" | "Cmd_Alias" => {
                self.alias(word, rest);
            }
            "Defaults" => self.defaults(&location, rest),
            _ if word.starts_with("Defaults") => {
                if rest.contains("authenticate") {
                    let reason = format!("{content}: whom it is for is not looked at");
                    self.may_not_ask = Some(Unread::new(location, reason));
                }
            }
            _ if content.contains('=') => {
                self.items = self.items.saturating_add(1);
                self.specifications.push((location, content.to_owned()));
            }
            _ => self.doubt(&location, "a line that is no user specification"),
        }
    }

    /// Whether sudo refuses a file or directory of its configuration: only root owns it, and nobody
    /// else writes there (`lib/util/secure_path.c`, `sudo_check_secure`, with group 0).
    fn refuses(&mut self, tree: &Tree, path: &str) -> bool {
        // What cannot be looked at is told where it is read.
        let Ok(Metadata { uid, gid, mode, .. }) = tree.metadata(path) else { return false };
        let refuses = uid != 0 || mode & 0o002 != 0 || mode & 0o020 != 0 && gid != 0;
        if refuses && self.refused.len() < MAX_MALFORMED {
            let what = format!("owner {uid}, group {gid}, mode {mode:04o}: sudo refuses it");
            self.refused.push(Evidence::new(path, what));
        }
        refuses
    }

    /// Looks for modules that may let someone become root without a password.
    fn pam(&mut self, tree: &Tree) {
        let Some(path) = first_there(tree, PAM) else { return };
        let text = match tree.read_text(path, MAX_PAM) {
            Ok(text) => text,
            Err(error) => {
                self.may_not_ask.get_or_insert_with(|| Unread::from((path, &error)));
                return;
            }
        };
        for (line, content) in (1_usize..).zip(text.lines()) {
            let mut words = content.split_whitespace();
            let kind = words.next().unwrap_or_default().trim_start_matches('-');
            if !kind.eq_ignore_ascii_case("auth") {
                continue;
            }
            let mut rest = words.skip_while(|word| !word.contains(".so") && !is_include(word));
            let module = rest.next().unwrap_or_default();
            let name = module.rsplit('/').next().unwrap_or_default();
            if !is_include(module) && !PASSWORD_MODULES.contains(&name) {
                let shown = shortened(content.trim());
                let reason = format!("{shown}: whether it asks for the password is not known");
                self.may_not_ask
                    .get_or_insert_with(|| Unread::new(format!("{path}:{line}"), reason));
            }
        }
    }

    fn directory(&mut self, tree: &Tree, directory: &str, depth: usize) {
        let directory = directory.trim_end_matches('/');
        let entries = match tree.read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.is_absent() => return,
            Err(error) => return self.cut(directory, error.to_string()),
        };
        if self.refuses(tree, directory) {
            return;
        }
        for entry in entries {
            // "skipping file names that end in '~' or contain a '.'" (sudoers(5)).
            if entry.name.contains(&b'.') || entry.name.ends_with(b"~") {
                continue;
            }
            let name = match entry.text() {
                Ok(name) => name,
                Err(error) => {
                    self.cut(directory, error.to_string());
                    continue;
                }
            };
            let path = format!("{directory}/{name}");
            match tree.metadata(&path).map(|metadata| metadata.file_type) {
                Ok(FileType::Regular) if self.refuses(tree, &path) => {}
                Ok(FileType::Regular) => self.file(tree, &path, depth),
                Ok(_) | Err(Error::NotFound { .. }) => {}
                Err(error) => self.cut(&path, error.to_string()),
            }
        }
    }

    /// `NAME = a, b : OTHER = c`
    fn alias(&mut self, kind: &str, definitions: &str) {
        for definition in split(definitions, ':') {
            let Some((name, members)) = definition.split_once('=') else { continue };
            let members = list(members);
            self.items = self.items.saturating_add(members.len());
            let aliases = match kind {
                "User_Alias" => &mut self.user_aliases,
                "Host_Alias" => &mut self.host_aliases,
                "Runas_Alias" => &mut self.runas_aliases,
                _ => &mut self.command_aliases,
            };
            aliases
                .entry(name.trim_end_matches('+').trim().to_owned())
                .or_default()
                .extend(members);
        }
    }

    fn defaults(&mut self, location: &str, settings: &str) {
        for setting in list(settings) {
            match setting.as_str() {
                "targetpw" | "rootpw" | "runaspw" => self.others_password = true,
                "!targetpw" | "!rootpw" | "!runaspw" => self.others_password = false,
                "!authenticate" => self.asks_nobody = true,
                "authenticate" => self.asks_nobody = false,
                group if group.starts_with("exempt_group") => {
                    let reason = format!("{group}: who is in it is not looked at");
                    self.may_not_ask = Some(Unread::new(location, reason));
                }
                _ => {}
            }
        }
    }

    /// `users hosts = commands [: hosts = commands]`
    fn specification(&self, location: &str, text: &str) -> Option<Grant> {
        let (left, _) = text.split_once('=')?;
        let (users, _) = users_and_hosts(left)?;
        let mut grant = None;
        for (index, part) in split(text, ':').into_iter().enumerate() {
            let Some((hosts, commands)) = part.split_once('=') else { continue };
            let hosts = if index == 0 { users_and_hosts(hosts)?.1 } else { hosts.to_owned() };
            if !self.has(&list(&hosts), &self.host_aliases, &["ALL"]) {
                continue;
            }
            if let Some((denies, own_password)) = self.all_commands(commands) {
                grant = Some(Grant {
                    location: location.to_owned(),
                    text: shortened(text),
                    users: list(&users),
                    denies,
                    own_password,
                });
            }
        }
        grant
    }

    /// What a list of commands says of `ALL` as root: whether it denies it, and whether a password
    /// is asked. `(runas)` and tags hold for the commands behind them, too.
    fn all_commands(&self, commands: &str) -> Option<(bool, Password)> {
        let mut as_root = true;
        let mut password = Password::Asked;
        let mut found = None;
        for command in split(commands, ',') {
            let mut command = command.trim();
            if let Some(rest) = command.strip_prefix('(') {
                let (runas, rest) = rest.split_once(')')?;
                let users = runas.split(':').next().unwrap_or_default();
                as_root = self.has(&list(users), &self.runas_aliases, &["ALL", "root", "#0"]);
                command = rest.trim_start();
            }
            // `NOPASSWD:`, `SETENV:`, and options such as `ROLE=x`, `CWD=/`.
            loop {
                let (word, rest) = match command.split_once(':') {
                    Some((word, rest)) if is_tag(word.trim()) => (word.trim(), rest),
                    _ => break,
                };
                match word {
                    "NOPASSWD" => password = Password::NotAsked,
                    "PASSWD" => password = Password::AlwaysAsked,
                    _ => {}
                }
                command = rest.trim_start();
            }
            let command = with_one_negation(command);
            let (denies, name) = negation(&command);
            let all = self.has(&[name.to_owned()], &self.command_aliases, &["ALL"]);
            if all && as_root {
                found = Some((denies, password));
            }
        }
        found
    }

    /// Whether a list has one of `wanted`, directly or through aliases; the last item that fits
    /// counts.
    fn has(&self, items: &[String], aliases: &Aliases, wanted: &[&str]) -> bool {
        self.has_below(items, aliases, wanted, 0) == Some(true)
    }

    fn has_below(
        &self,
        items: &[String],
        aliases: &Aliases,
        wanted: &[&str],
        depth: usize,
    ) -> Option<bool> {
        if depth > MAX_ALIAS_DEPTH {
            return None;
        }
        let mut found = None;
        for item in items {
            if !self.steps.step(item.len()) {
                return None;
            }
            let (negated, name) = negation(item);
            let fits = match aliases.get(name) {
                _ if wanted.contains(&name) => Some(true),
                Some(members) => self.has_below(members, aliases, wanted, depth.saturating_add(1)),
                None => None,
            };
            found = fits.map(|fits| fits != negated).or(found);
        }
        found
    }

    /// Whether a list of users has the account: `Some` with the group that it is in, when that is
    /// why. The last item that fits counts; `!` takes out.
    fn lists(&self, users: &[String], user: &User<'_>) -> Option<Option<String>> {
        self.lists_below(users, user, 0).flatten()
    }

    /// `None`: nothing fits; `Some(None)`: taken out; `Some(Some(…))`: in.
    fn lists_below(
        &self,
        users: &[String],
        user: &User<'_>,
        depth: usize,
    ) -> Option<Option<Option<String>>> {
        if depth > MAX_ALIAS_DEPTH {
            return None;
        }
        let mut found = None;
        for item in users {
            let (negated, name) = negation(item);
            let groups = if name.starts_with('%') { user.groups.len() } else { 0 };
            if !self.steps.step(item.len().saturating_add(groups)) {
                return None;
            }
            let fits = if let Some(members) = self.user_aliases.get(name) {
                self.lists_below(members, user, depth.saturating_add(1))
            } else {
                item_fits(name, user).map(Some)
            };
            match (fits, negated) {
                (None, _) => {}
                (Some(fits), false) => found = Some(fits),
                (Some(Some(_)), true) => found = Some(None),
                (Some(None), true) => found = Some(Some(None)),
            }
        }
        found
    }
}

/// pam.conf(5): `include` and `substack` take the lines of another file.
fn is_include(word: &str) -> bool {
    matches!(word, "include" | "substack")
}

/// Whether an item of a user list is the account; with the group, when that is why.
fn item_fits(item: &str, user: &User<'_>) -> Option<Option<String>> {
    if item == "ALL" || item == user.name {
        return Some(None);
    }
    if let Some(uid) = item.strip_prefix('#') {
        return (uid.parse() == Ok(user.uid)).then_some(None);
    }
    let group = item.strip_prefix('%')?;
    let by_id = group.strip_prefix('#').and_then(|gid| gid.parse::<u32>().ok());
    let found = user.groups.iter().find(|(name, gid, _)| name == group || by_id == Some(*gid));
    found.map(|(name, _, location)| Some(format!("in group {name} by {location}")))
}

#[cfg(test)]
mod tests;
