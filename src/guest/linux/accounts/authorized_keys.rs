//! The public keys that let an account in (sshd(8), "AUTHORIZED_KEYS FILE FORMAT").

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::tree::{MAX_PATH, Tree};
use crate::guest::facts::{SshdFacts, SshdOption};

/// sshd_config(5), `AuthorizedKeysFile`.
const DEFAULT: [&str; 2] = [".ssh/authorized_keys", ".ssh/authorized_keys2"];

/// Longest file of keys read; 1,000 keys have about 1 MiB.
const MAX_KEYS: u64 = 1 << 20;

/// Most bytes of keys read for all accounts.
const MAX_ALL_KEYS: u64 = 32 << 20;

/// Most files of keys that one account may have; the default is two.
const MAX_FILES: usize = 16;

/// Key types of OpenSSH (`ssh -Q key`), without those of certificates.
const KEY_TYPES: [&str; 8] = [
    "ssh-rsa",
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-dss",
];

/// `AuthorizedKeysFile` as sshd is told, or its default.
fn files(sshd: &SshdFacts) -> Fact<Vec<String>> {
    if let Some(unread) = sshd.unread.first() {
        return Fact::Unknown(unread.clone());
    }
    let Some(option) = sshd.options.get("authorizedkeysfile") else {
        return Fact::Known(DEFAULT.map(str::to_owned).to_vec());
    };
    named(option)
}

fn named(option: &SshdOption) -> Fact<Vec<String>> {
    let files: Vec<_> = option.value.split(' ').map(str::to_owned).collect();
    if files.len() > MAX_FILES {
        let error = Error::too_much("AuthorizedKeysFile", MAX_FILES, "files");
        return Fact::Unknown(Unread::from((option.evidence.location.as_str(), &error)));
    }
    Fact::Known(files)
}

/// Finds the keys of accounts; a file that several share is read once.
pub(super) struct AuthorizedKeys<'a> {
    tree: &'a Tree,
    files: Fact<Vec<String>>,
    /// What was seen in each file: how many keys, if any.
    seen: HashMap<String, Result<Option<String>>>,
    bytes: u64,
}

impl<'a> AuthorizedKeys<'a> {
    pub(super) fn new(tree: &'a Tree, sshd: &SshdFacts) -> Self {
        Self { tree, files: files(sshd), seen: HashMap::new(), bytes: 0 }
    }

    /// The files of one account that hold a key which lets it in.
    pub(super) fn of(&mut self, name: &str, uid: u32, home: &str) -> Fact<Vec<Evidence>> {
        match &self.files {
            Fact::Known(files) => self.within(&files.clone(), name, uid, home),
            Fact::Unknown(unread) => Fact::Unknown(unread.clone()),
        }
    }

    /// As [`of`](Self::of), of the files that `AuthorizedKeysFile` names for this account alone.
    pub(super) fn named(
        &mut self,
        option: &SshdOption,
        name: &str,
        uid: u32,
        home: &str,
    ) -> Fact<Vec<Evidence>> {
        match named(option) {
            Fact::Known(files) => self.within(&files, name, uid, home),
            Fact::Unknown(unread) => Fact::Unknown(unread),
        }
    }

    fn within(
        &mut self,
        files: &[String],
        name: &str,
        uid: u32,
        home: &str,
    ) -> Fact<Vec<Evidence>> {
        let mut found = Vec::new();
        for file in files.iter().filter(|file| *file != "none") {
            let path = expanded(file, name, uid, home);
            let keys = match self.seen.get(&path) {
                Some(keys) => keys.clone(),
                None => {
                    let keys = self.read(&path);
                    self.seen.insert(path.clone(), keys.clone());
                    keys
                }
            };
            match keys {
                Ok(keys) => found.extend(keys.map(|detail| Evidence::new(path, detail))),
                Err(error) => return Fact::Unknown(Unread::from((path.as_str(), &error))),
            }
        }
        Fact::Known(found)
    }

    fn read(&mut self, path: &str) -> Result<Option<String>> {
        if self.bytes > MAX_ALL_KEYS {
            let structure = "authorized_keys";
            return Err(Error::Limit { structure, limit: MAX_ALL_KEYS, unit: "bytes" });
        }
        match self.tree.read_text(path, MAX_KEYS) {
            Ok(text) => {
                let read = u64::try_from(text.len()).unwrap_or(u64::MAX);
                self.bytes = self.bytes.saturating_add(read);
                Ok(keys(&text))
            }
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// `%h`, `%u`, `%U`, `%%`; a path that is not absolute begins in the home directory.
fn expanded(file: &str, name: &str, uid: u32, home: &str) -> String {
    let mut path = String::new();
    let mut chars = file.chars();
    while let Some(c) = chars.next() {
        // No longer path is followed, and a home may be as long as its line.
        if path.len() > MAX_PATH {
            break;
        }
        match if c == '%' { chars.next() } else { None } {
            Some('h') => path.push_str(home),
            Some('u') => path.push_str(name),
            Some('U') => path.push_str(&uid.to_string()),
            Some(other) => path.push(other),
            None => path.push(c),
        }
    }
    if path.starts_with('/') { path } else { format!("{}/{path}", home.trim_end_matches('/')) }
}

/// How many keys a file has, if any. One with a forced command lets nobody in (cloud-init writes
/// such ones for root to say who should log in instead), so it is told but does not count.
fn keys(text: &str) -> Option<String> {
    let (mut open, mut forced) = (0_usize, 0_usize);
    for content in text.lines() {
        match key(content) {
            Some(true) => forced = forced.saturating_add(1),
            Some(false) => open = open.saturating_add(1),
            None => {}
        }
    }
    let count = if open == 1 { "1 key".to_owned() } else { format!("{open} keys") };
    match (open, forced) {
        (0, _) => None,
        (_, 0) => Some(count),
        (_, forced) => Some(format!("{count}, {forced} more with a forced command")),
    }
}

/// Whether a line holds a key, and whether its options force a command.
fn key(content: &str) -> Option<bool> {
    let content = content.trim();
    if content.is_empty() || content.starts_with('#') {
        return None;
    }
    if is_key(content) {
        return Some(false);
    }
    let end = options_end(content)?;
    let (options, rest) = content.split_at_checked(end)?;
    let lower = options.to_ascii_lowercase();
    let forced = lower.starts_with("command=") || lower.contains(",command=");
    // Trust in a certificate authority is no key of the account's own.
    let authority = lower.split(',').any(|option| option == "cert-authority");
    (is_key(rest.trim_start()) && !authority).then_some(forced)
}

/// Whether text begins with a key type and its base 64, whose first bytes are the type's length.
fn is_key(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let known = words.next().is_some_and(|word| KEY_TYPES.contains(&word));
    let blob = words.next().unwrap_or_default();
    let base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    known && blob.starts_with("AAAA") && blob.chars().all(base64)
}

/// Where the options end: at the first space outside quotes.
fn options_end(content: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    content.char_indices().find_map(|(at, c)| {
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        (!quoted && matches!(c, ' ' | '\t')).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;
    use crate::guest::facts::PackageFacts;
    use crate::guest::linux::sshd;
    use crate::guest::linux::systemd_unit::BootUnits;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH0000000000000000000000000000000000000000000 a@b";

    #[test]
    fn keys_count_and_comments_and_forced_commands_do_not() {
        assert_eq!(keys(&format!("# {KEY}\n\n{KEY}\n")), Some("1 key".to_owned()));
        let text = format!("from=\"10.0.0.0/8, x y\",no-pty {KEY}\n{KEY}\n");
        assert_eq!(keys(&text), Some("2 keys".to_owned()));
        let forced = format!(
            "no-port-forwarding,command=\"echo 'Please login as the user \\\"debian\\\".';exit 142\" {KEY}\n"
        );
        assert_eq!(keys(&forced), None);
        assert_eq!(
            keys(&format!("{forced}{KEY}\n")),
            Some("1 key, 1 more with a forced command".to_owned())
        );
        assert_eq!(keys("ssh-ed25519\nssh-rsa not-a-key\nhello world\n"), None);
        assert_eq!(keys(&format!("cert-authority {KEY}\n")), None);
    }

    #[test]
    fn the_files_are_those_that_sshd_is_told() {
        let known = |fs: MemoryFs| files(&read(&fs.tree())).known().cloned();
        assert_eq!(known(MemoryFs::new().dir("/etc")).unwrap(), DEFAULT);
        let config =
            "#AuthorizedKeysFile none\nAuthorizedKeysFile\t/etc/keys/%u .ssh/%%x\nMatch User a\n";
        let fs = || MemoryFs::new().file("/etc/ssh/sshd_config", config);
        assert_eq!(known(fs()).unwrap(), ["/etc/keys/%u", ".ssh/%%x"]);
        assert_eq!(known(fs().unreadable("/etc/ssh/sshd_config")), None);
        let many = format!("AuthorizedKeysFile{}\n", " a".repeat(17));
        assert_eq!(known(MemoryFs::new().file("/etc/ssh/sshd_config", many)), None);
        let tree = fs().file("/etc/keys/alice", KEY).file("/home/alice/.ssh/%x", KEY).tree();
        let found = AuthorizedKeys::new(&tree, &read(&tree)).of("alice", 1000, "/home/alice");
        let places: Vec<_> = found.known().unwrap().iter().map(|e| e.location.clone()).collect();
        assert_eq!(places, ["/etc/keys/alice", "/home/alice/.ssh/%x"]);
    }

    fn read(tree: &Tree) -> SshdFacts {
        sshd::find(tree, &PackageFacts::default(), &BootUnits::walk(tree))
    }

    #[test]
    fn a_path_grows_no_longer_than_is_followed() {
        let home = format!("/{}", "h".repeat(100_000));
        let path = expanded(&"%h".repeat(8000), "a", 0, &home);
        assert_eq!(path.len(), home.len());
        assert_eq!(expanded("/k/%u/%h%h", "a", 0, "/home/a"), "/k/a//home/a/home/a");
    }
}
