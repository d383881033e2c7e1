//! `sshd_config` (sshd_config(5)).
//!
//! For each keyword the first value counts; lists (`AllowUsers`, …, `Port`) grow. What stands behind a
//! `Match` holds for the connections that it matches and is kept apart, except behind `Match all`:
//! that overrides what stands outside (`servconf.c`, `parse_server_match_config`). `Include` reads
//! files in the order of their names at its own place; a `Match` in one of them ends with it.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::fact::{Evidence, Unread, value_behind};
use crate::filesystem::tree::Tree;
use crate::guest::facts::{SshdConditional, SshdOption};
use crate::guest::linux::pattern;

/// The configuration; openSUSE brings its own below `/usr` for when the administrator has none.
const CONFIGS: [&str; 2] = ["/etc/ssh/sshd_config", "/usr/etc/ssh/sshd_config"];

/// Where a relative `Include` begins.
const DIRECTORY: &str = "/etc/ssh";

/// The line of the main file by which cloud-init takes it that its own file is read.
const DROP_INS: &str = "Include /etc/ssh/sshd_config.d/*.conf";

/// Longest file read; distributions ship 4 KiB.
const MAX_FILE: u64 = 256 << 10;

/// Most files read.
const MAX_FILES: usize = 64;

/// Deepest `Include` (`SERVCONF_MAX_DEPTH`, `servconf.c`).
const MAX_DEPTH: usize = 16;

/// Most settings in `Match` blocks that are kept; the rest is told as not read.
const MAX_CONDITIONAL: usize = 64;

/// Most lines told whose value sshd refuses.
const MAX_INVALID: usize = 8;

/// Most things told that could not be read.
const MAX_UNREAD: usize = 8;

/// Longest value kept, in bytes; of a list, all its lines together. Hundreds of names fit.
const MAX_VALUE: usize = 16 << 10;

/// Longest line that is quoted, in characters.
const MAX_QUOTED: usize = 300;

/// Keywords whose first value counts.
const SINGLE: [&str; 11] = [
    "passwordauthentication",
    "kbdinteractiveauthentication",
    "permitrootlogin",
    "usepam",
    "pubkeyauthentication",
    "authorizedkeysfile",
    "authenticationmethods",
    "strictmodes",
    "forcecommand",
    "chrootdirectory",
    "addressfamily",
];

/// Keywords whose values add up.
const LISTS: [&str; 7] =
    ["allowusers", "denyusers", "allowgroups", "denygroups", "port", "listenaddress", "hostkey"];

/// Keywords that take `yes` or `no` and nothing else (`servconf.c`, `parse_flag`).
const FLAGS: [&str; 14] = [
    "passwordauthentication",
    "kbdinteractiveauthentication",
    "usepam",
    "pubkeyauthentication",
    "strictmodes",
    "permitemptypasswords",
    "hostbasedauthentication",
    "allowagentforwarding",
    "x11forwarding",
    "x11uselocalhost",
    "printmotd",
    "printlastlog",
    "tcpkeepalive",
    "usedns",
];

/// Keywords that sshd refuses behind `Match` (`servconf.c`, those that are `SSHCFG_GLOBAL` alone).
const GLOBAL: [&str; 6] =
    ["usepam", "strictmodes", "port", "listenaddress", "hostkey", "addressfamily"];

/// The first OpenSSH that takes `prohibit-password` (release notes of 7.0).
const PROHIBIT_PASSWORD: (u32, u32) = (7, 0);

/// The first that takes a comment behind a value: before, "garbage at end of line" (`servconf.c`, which
/// splits a line by `argv_split` since June 2021).
const COMMENTS: (u32, u32) = (8, 7);

/// `Include` came with 8.2; Red Hat brought it into its 8.0, so that only what is older surely has none.
const INCLUDE: (u32, u32) = (8, 0);

/// Most lines kept that an older sshd refuses.
const MAX_DATED: usize = 64;

/// The values of `PermitRootLogin` (`servconf.c`, `multistate_permitrootlogin`).
const ROOT_LOGINS: [&str; 5] =
    ["yes", "no", "prohibit-password", "without-password", "forced-commands-only"];

/// The configuration as it was read.
#[derive(Default)]
pub(super) struct Config {
    pub(super) files: Vec<String>,
    pub(super) drop_ins: Option<Evidence>,
    pub(super) unread: Vec<Unread>,
    pub(super) options: BTreeMap<String, SshdOption>,
    pub(super) conditional: Vec<SshdConditional>,
    pub(super) invalid: Vec<Evidence>,
    /// Lines that an sshd before such a version refuses.
    pub(super) dated: Vec<((u32, u32), Evidence)>,
    /// What `Match all` says, which is stronger.
    matched: BTreeMap<String, SshdOption>,
}

/// Which connections a line is for.
#[derive(Clone)]
enum Scope {
    Global,
    All,
    Some(String),
}

impl Config {
    pub(super) fn read(tree: &Tree) -> Self {
        let mut config = Self::default();
        for path in CONFIGS {
            match tree.exists(path) {
                Ok(true) => {
                    config.file(tree, path, &Scope::Global, 0);
                    break;
                }
                Ok(false) => {}
                Err(error) => {
                    config.unread.push(Unread::from((path, &error)));
                    break;
                }
            }
        }
        let stronger = std::mem::take(&mut config.matched);
        config.options.extend(stronger);
        config
    }

    fn file(&mut self, tree: &Tree, path: &str, scope: &Scope, depth: usize) {
        if depth > MAX_DEPTH || self.files.len() >= MAX_FILES {
            let error = Error::too_much("sshd_config", MAX_FILES, "files");
            return self.doubt(path, &error);
        }
        let text = match tree.read_text(path, MAX_FILE) {
            Ok(text) => text,
            Err(error) if error.is_absent() => return,
            Err(error) => return self.doubt(path, &error),
        };
        self.files.push(path.to_owned());
        let mut scope = scope.clone();
        for (line, content) in (1_usize..).zip(text.lines()) {
            let Some((keyword, value)) = keyword_and_value(content) else { continue };
            let evidence = Evidence::new(format!("{path}:{line}"), shortened(content.trim()))
                .marked(line, content, value_behind(content, &[' ', '\t', '=']));
            match keyword.as_str() {
                "match" => {
                    scope = if is_for_all(&value) {
                        Scope::All
                    } else if value.chars().count() > MAX_QUOTED {
                        Scope::Some(format!("{}…", shortened(&value)))
                    } else {
                        Scope::Some(value)
                    };
                }
                "include" => {
                    self.since(INCLUDE, &evidence);
                    if content.starts_with(DROP_INS) && path == CONFIGS[0] {
                        self.drop_ins.get_or_insert_with(|| evidence.clone());
                    }
                    self.include(tree, &value, &evidence, &scope, depth);
                }
                _ => self.setting(&keyword, &value, evidence, &scope),
            }
        }
    }

    fn since(&mut self, version: (u32, u32), evidence: &Evidence) {
        if self.dated.len() < MAX_DATED {
            return self.dated.push((version, evidence.clone()));
        }
        let limit = u64::try_from(MAX_DATED).unwrap_or(u64::MAX);
        let unit = "lines that older versions refuse";
        self.doubt(&evidence.location, &Error::Limit { structure: "sshd_config", limit, unit });
    }

    fn doubt(&mut self, location: &str, error: &Error) {
        if self.unread.len() < MAX_UNREAD {
            self.unread.push(Unread::from((location, error)));
        }
    }

    fn include(&mut self, tree: &Tree, value: &str, at: &Evidence, scope: &Scope, depth: usize) {
        for word in words(value) {
            let path = if word.starts_with('/') { word } else { format!("{DIRECTORY}/{word}") };
            match pattern::files(tree, &path) {
                Ok(files) => {
                    for file in files {
                        self.file(tree, &file, scope, depth.saturating_add(1));
                    }
                }
                Err(error) => self.doubt(&at.location, &error),
            }
        }
    }

    fn setting(&mut self, keyword: &str, value: &str, evidence: Evidence, scope: &Scope) {
        let misplaced = GLOBAL.contains(&keyword) && !matches!(scope, Scope::Global);
        if (misplaced || is_refused(keyword, &words(value))) && self.invalid.len() < MAX_INVALID {
            self.invalid.push(evidence.clone());
        }
        if keyword == "permitrootlogin" && words(value) == ["prohibit-password"] {
            self.since(PROHIBIT_PASSWORD, &evidence);
        }
        let takes_one = FLAGS.contains(&keyword)
            || matches!(keyword, "permitrootlogin" | "port" | "addressfamily" | "listenaddress");
        if takes_one && value.split_whitespace().nth(1).is_some_and(|word| word.starts_with('#')) {
            self.since(COMMENTS, &evidence);
        }
        let (single, list) = (SINGLE.contains(&keyword), LISTS.contains(&keyword));
        if !single && !list {
            return;
        }
        let value = words(value).join(" ");
        let before = self.options.get(keyword).or(self.matched.get(keyword));
        let before = before.filter(|_| list).map_or(0, |option| option.value.len());
        if before.saturating_add(value.len()) > MAX_VALUE {
            let error = Error::too_much("sshd_config", MAX_VALUE, "bytes of a value");
            return self.doubt(&evidence.location, &error);
        }
        let options = match scope {
            Scope::Global => &mut self.options,
            Scope::All => &mut self.matched,
            Scope::Some(criteria) => {
                // What `Match all` has said before stands.
                if single && self.matched.contains_key(keyword) {
                    return;
                }
                if self.conditional.len() >= MAX_CONDITIONAL {
                    let limit = u64::try_from(MAX_CONDITIONAL).unwrap_or(u64::MAX);
                    let unit = "settings in Match blocks";
                    let error = Error::Limit { structure: "sshd_config", limit, unit };
                    return self.doubt(&evidence.location, &error);
                }
                self.conditional.push(SshdConditional {
                    criteria: criteria.clone(),
                    keyword: keyword.to_owned(),
                    option: SshdOption { value, evidence, in_match: true },
                });
                return;
            }
        };
        match options.get_mut(keyword) {
            None => {
                let in_match = matches!(scope, Scope::All);
                options.insert(keyword.to_owned(), SshdOption { value, evidence, in_match });
            }
            Some(option) if list => {
                option.value = format!("{} {value}", option.value);
            }
            Some(_) => {}
        }
    }
}

/// Whether a `Match` is for every connection: `all`, or nothing but `*` for each of its criteria.
fn is_for_all(criteria: &str) -> bool {
    let words: Vec<_> = criteria.split_whitespace().collect();
    let any = |pair: &[&str]| match pair {
        [criterion, "*"] => ["user", "group", "host", "address", "localaddress"]
            .iter()
            .any(|name| criterion.eq_ignore_ascii_case(name)),
        [all] => words.len() == 1 && all.eq_ignore_ascii_case("all"),
        _ => false,
    };
    !words.is_empty() && words.chunks(2).all(any)
}

/// Whether sshd refuses these words behind a keyword, and with them its whole configuration.
fn is_refused(keyword: &str, words: &[String]) -> bool {
    let values: &[&str] = match keyword {
        "permitrootlogin" => &ROOT_LOGINS,
        "addressfamily" => &["any", "inet", "inet6"],
        "port" => {
            // A name may stand there, too (`misc.c`, `a2port`).
            let number = |word: &String| word.bytes().all(|byte| byte.is_ascii_digit());
            return match words {
                [port] if number(port) => !port.parse::<u16>().is_ok_and(|port| port > 0),
                words => words.is_empty(),
            };
        }
        flag if FLAGS.contains(&flag) => &["yes", "no"],
        _ => return false,
    };
    match words {
        [word] => !values.iter().any(|value| word.eq_ignore_ascii_case(value)),
        _ => true,
    }
}

/// The keyword in lower case under its name of today, and what stands behind it: spaces or one `=`
/// part the two.
fn keyword_and_value(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let end = line.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(line.len());
    let (keyword, rest) = line.split_at_checked(end)?;
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('=').unwrap_or(rest).trim();
    let keyword = keyword.trim_matches('"').to_ascii_lowercase();
    let keyword = match keyword.as_str() {
        // Aliases since OpenSSH 8.7; `skeyauthentication` since long.
        "challengeresponseauthentication" | "skeyauthentication" => {
            "kbdinteractiveauthentication".to_owned()
        }
        _ => keyword,
    };
    Some((keyword, rest.to_owned()))
}

/// The words of a value; double quotes hold one together, and a `#` between words begins a comment.
fn words(value: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = value.trim_start();
    while !rest.is_empty() && !rest.starts_with('#') {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

fn shortened(text: &str) -> String {
    text.chars().take(MAX_QUOTED).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;

    const MAIN: &str = "/etc/ssh/sshd_config";

    fn value(fs: MemoryFs, keyword: &str) -> (String, String) {
        let config = Config::read(&fs.tree());
        assert_eq!(config.unread, []);
        let option = config.options.get(keyword).cloned().unwrap();
        (option.value, option.evidence.location)
    }

    #[test]
    fn the_first_value_counts_and_an_include_stands_where_it_is() {
        let fs = MemoryFs::new()
            .file(MAIN, "Include sshd_config.d/*.conf\nPasswordAuthentication no\n")
            .file("/etc/ssh/sshd_config.d/50-cloud-init.conf", "passwordauthentication = yes\n")
            .file("/etc/ssh/sshd_config.d/60-other.conf", "PasswordAuthentication no\n")
            .file("/etc/ssh/sshd_config.d/10-off.conf.bak", "PasswordAuthentication no\n");
        let place = "/etc/ssh/sshd_config.d/50-cloud-init.conf:1";
        assert_eq!(value(fs, "passwordauthentication"), ("yes".to_owned(), place.to_owned()));
    }

    #[test]
    fn a_list_beyond_the_bound_is_unread_and_not_cut() {
        let long: String = (0..1100).map(|number| format!("user{number} ")).collect();
        for text in [
            format!("AllowUsers {long}{long}root\n"),
            format!("AllowUsers {long}\nAllowUsers {long}root\n"),
        ] {
            let config = Config::read(&MemoryFs::new().file(MAIN, &text).tree());
            assert_eq!(config.unread.len(), 1);
            assert!(config.unread[0].reason.contains("bytes of a value"), "{:?}", config.unread);
        }
        let fs = MemoryFs::new().file(MAIN, format!("AllowUsers {long}\nAllowUsers root\n"));
        assert!(value(fs, "allowusers").0.ends_with("user1099 root"));
    }

    #[test]
    fn a_match_block_holds_for_some_and_match_all_for_everybody() {
        let text = "PermitRootLogin yes\nMatch User x\nPermitRootLogin no\nMatch all\n\
            PasswordAuthentication no\n";
        let config = Config::read(&MemoryFs::new().file(MAIN, text).tree());
        assert_eq!(config.options["permitrootlogin"].value, "yes");
        assert_eq!(config.options["passwordauthentication"].value, "no");
        let seen = Evidence::new("/etc/ssh/sshd_config:3", "PermitRootLogin no (Match User x)");
        let found: Vec<_> = config.conditional.iter().map(SshdConditional::evidence).collect();
        assert_eq!(found, [seen.marked(3, "PermitRootLogin no", 16..18)]);
    }

    #[test]
    fn a_match_of_any_user_holds_for_everybody() {
        let text = "PasswordAuthentication yes\nMatch User * Address *\nPasswordAuthentication no\n\
            Match User a\nPasswordAuthentication yes\nMatch User *,!a\nPubkeyAuthentication no\n";
        let config = Config::read(&MemoryFs::new().file(MAIN, text).tree());
        assert_eq!(config.options["passwordauthentication"].value, "no");
        let found: Vec<_> = config.conditional.iter().map(|c| c.keyword.as_str()).collect();
        assert_eq!(found, ["pubkeyauthentication"]);
    }

    #[test]
    fn a_match_is_for_the_accounts_that_it_names() {
        let is_for = |criteria: &str, name: &str, groups: &[&str]| {
            let text = format!("Match {criteria}\nPermitRootLogin no\n");
            let config = Config::read(&MemoryFs::new().file(MAIN, text).tree());
            let groups: Vec<_> = groups.iter().map(|&group| group.to_owned()).collect();
            config.conditional[0].is_for(name, &groups)
        };
        assert_eq!(is_for("User root", "root", &[]), Some(true));
        assert_eq!(is_for("User a,ro?t", "root", &[]), Some(true));
        assert_eq!(is_for("User *,!root", "root", &[]), Some(false));
        assert_eq!(is_for("User bob", "root", &[]), Some(false));
        assert_eq!(is_for("Group wheel", "bob", &["bob", "wheel"]), Some(true));
        assert_eq!(is_for("Group *,!wheel", "bob", &["bob", "wheel"]), Some(false));
        assert_eq!(is_for("Group \"domain users\"", "bob", &["bob"]), None);
        assert_eq!(is_for("Address 10.0.0.0/8", "root", &[]), None);
        assert_eq!(is_for("Address 10.0.0.0/8 User bob", "root", &[]), Some(false));
        assert_eq!(is_for(&format!("User root{}", ",x".repeat(200)), "root", &[]), None);
    }

    #[test]
    fn values_that_sshd_t_refuses_are_told() {
        // As `sshd -t` of OpenSSH 9.2 ends with 255.
        let refused = |text: &str| {
            let config = Config::read(&MemoryFs::new().file(MAIN, text).tree());
            !config.invalid.is_empty()
        };
        for text in [
            "PermitRootLogin maybe",
            "PermitRootLogin",
            "PermitRootLogin yes no",
            "PasswordAuthentication true",
            "UsePAM 1",
            "Match User x\nPasswordAuthentication si",
            "Match User *\nUsePAM yes",
            "Port 0",
            "Port 65536",
            "Port",
            "AddressFamily ipv6",
        ] {
            assert!(refused(text), "{text}");
        }
        for text in [
            "PermitRootLogin YES",
            "PermitRootLogin without-password",
            "PasswordAuthentication=no",
            "UsePAM \"yes\" # comment",
            "Port 2222",
            "AddressFamily inet6",
            "Banner maybe",
        ] {
            assert!(!refused(text), "{text}");
        }
    }

    #[test]
    fn a_match_in_an_included_file_ends_with_it() {
        let fs = MemoryFs::new()
            .file(MAIN, "Include /etc/ssh/x\nUsePAM yes\n")
            .file("/etc/ssh/x", "Match User a\nUsePAM no\n");
        assert_eq!(value(fs, "usepam"), ("yes".to_owned(), "/etc/ssh/sshd_config:2".to_owned()));
    }

    #[test]
    fn lists_add_up_and_old_names_are_known() {
        let text =
            "AllowUsers a \"b c\" # not d\nAllowUsers e\nChallengeResponseAuthentication no\n";
        let fs = || MemoryFs::new().file(MAIN, text);
        assert_eq!(value(fs(), "allowusers").0, "a b c e");
        assert_eq!(value(fs(), "kbdinteractiveauthentication").0, "no");
    }

    #[test]
    fn opensuse_s_own_file_counts_without_the_administrator_s() {
        let own = || MemoryFs::new().file("/usr/etc/ssh/sshd_config", "UsePAM yes\n");
        assert_eq!(value(own(), "usepam").1, "/usr/etc/ssh/sshd_config:1");
        assert_eq!(value(own().file(MAIN, "UsePAM no\n"), "usepam").0, "no");
    }

    #[test]
    fn what_cannot_be_read_and_rings_are_told() {
        let torn = MemoryFs::new().file(MAIN, "Include x.d/*\n").dir("/etc/ssh/x.d");
        assert!(!Config::read(&torn.unreadable("/etc/ssh/x.d").tree()).unread.is_empty());
        let ring = MemoryFs::new().file(MAIN, "Include /etc/ssh/sshd_config\n".repeat(50));
        assert!(!Config::read(&ring.tree()).unread.is_empty());
    }
}
