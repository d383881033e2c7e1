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
use crate::guest::facts::SshdOption;
use crate::guest::linux::pattern;

/// The configuration; openSUSE brings its own below `/usr` for when the administrator has none.
const CONFIGS: [&str; 2] = ["/etc/ssh/sshd_config", "/usr/etc/ssh/sshd_config"];

/// Where a relative `Include` begins.
const DIRECTORY: &str = "/etc/ssh";

/// Longest file read; distributions ship 4 KiB.
const MAX_FILE: u64 = 256 << 10;

/// Most files read.
const MAX_FILES: usize = 64;

/// Deepest `Include` (`SERVCONF_MAX_DEPTH`, `servconf.c`).
const MAX_DEPTH: usize = 16;

/// Most settings in `Match` blocks that are kept.
const MAX_CONDITIONAL: usize = 32;

/// Most things told that could not be read.
const MAX_UNREAD: usize = 8;

/// Longest value kept, in bytes; of a list, all its lines together. Hundreds of names fit.
const MAX_VALUE: usize = 16 << 10;

/// Longest line that is quoted, in characters.
const MAX_QUOTED: usize = 300;

/// Keywords whose first value counts.
const SINGLE: [&str; 6] = [
    "passwordauthentication",
    "kbdinteractiveauthentication",
    "permitrootlogin",
    "usepam",
    "pubkeyauthentication",
    "authorizedkeysfile",
];

/// Keywords whose values add up.
const LISTS: [&str; 5] = ["allowusers", "denyusers", "allowgroups", "denygroups", "port"];

/// The configuration as it was read.
#[derive(Default)]
pub(super) struct Config {
    pub(super) files: Vec<String>,
    pub(super) unread: Vec<Unread>,
    pub(super) options: BTreeMap<String, SshdOption>,
    pub(super) conditional: Vec<Evidence>,
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
            let limit = u64::try_from(MAX_FILES).unwrap_or(u64::MAX);
            let error = Error::Limit { structure: "sshd_config", limit, unit: "files" };
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
                    scope = if value.trim().eq_ignore_ascii_case("all") {
                        Scope::All
                    } else {
                        Scope::Some(format!("Match {}", shortened(&value)))
                    };
                }
                "include" => self.include(tree, &value, &evidence, &scope, depth),
                _ => self.setting(&keyword, &value, evidence, &scope),
            }
        }
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
        let (single, list) = (SINGLE.contains(&keyword), LISTS.contains(&keyword));
        if !single && !list {
            return;
        }
        let value = words(value).join(" ");
        let before = self.options.get(keyword).or(self.matched.get(keyword));
        let before = before.filter(|_| list).map_or(0, |option| option.value.len());
        if before.saturating_add(value.len()) > MAX_VALUE {
            let limit = u64::try_from(MAX_VALUE).unwrap_or(u64::MAX);
            let error = Error::Limit { structure: "sshd_config", limit, unit: "bytes of a value" };
            return self.doubt(&evidence.location, &error);
        }
        let options = match scope {
            Scope::Global => &mut self.options,
            Scope::All => &mut self.matched,
            Scope::Some(criteria) => {
                if self.conditional.len() < MAX_CONDITIONAL {
                    let detail = format!("{} ({criteria})", evidence.detail);
                    self.conditional.push(Evidence { detail, ..evidence });
                }
                return;
            }
        };
        match options.get_mut(keyword) {
            None => {
                options.insert(keyword.to_owned(), SshdOption { value, evidence });
            }
            Some(option) if list => {
                option.value = format!("{} {value}", option.value);
            }
            Some(_) => {}
        }
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
        assert_eq!(config.conditional, [seen.marked(3, "PermitRootLogin no", 16..18)]);
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
