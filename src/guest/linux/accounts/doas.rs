//! Who may become root by doas (doas.conf(5)), Alpine's way.
//!
//! Only what gives away the whole system counts: `permit` without `cmd`, as root or anybody. The last
//! rule that fits decides.

use super::sudoers::{Granted, Steps, User};
use crate::fact::{Evidence, Fact, Unread, shortened};
use crate::filesystem::Metadata;
use crate::filesystem::tree::Tree;
use crate::guest::linux::pattern;

/// Where doas is; its configuration gives nothing without it.
const PROGRAMS: [&str; 2] = ["/usr/bin/doas", "/usr/local/bin/doas"];

/// Alpine's package reads the files of the directory (its `configuration-directory.patch`).
const FILES: [&str; 2] = ["/etc/doas.d/*.conf", FILE];

const FILE: &str = "/etc/doas.conf";

/// Longest file read; real ones have some lines.
const MAX_FILE: u64 = 64 << 10;

/// Most files read.
const MAX_FILES: usize = 64;

/// Most rules kept.
const MAX_RULES: usize = 1024;

/// A rule for all commands as root.
#[derive(Debug)]
struct Rule {
    permits: bool,
    asks: bool,
    /// `alice`, `:wheel`, `1000`.
    identity: String,
    evidence: Evidence,
}

/// The rules of all files.
#[derive(Debug, Default)]
pub(super) struct Doas {
    rules: Vec<Rule>,
    steps: Steps,
    /// What could not be read or understood.
    pub(super) unread: Vec<Unread>,
}

impl Doas {
    pub(super) fn read(tree: &Tree) -> Self {
        let mut doas = Self::default();
        if PROGRAMS.iter().all(|path| matches!(tree.exists(path), Ok(false))) {
            return doas;
        }
        for wanted in FILES {
            match pattern::files(tree, wanted) {
                Ok(files) => {
                    if files.len() > MAX_FILES {
                        let reason = format!("more than {MAX_FILES} files, the rest was not read");
                        doas.unread.push(Unread::new(wanted, reason));
                    }
                    files.iter().take(MAX_FILES).for_each(|path| doas.file(tree, path));
                }
                Err(error) => doas.unread.push(Unread::from((wanted, &error))),
            }
        }
        // A rule that was not read may take back what those before it give, and doas gives nobody anything
        // when it refuses a file.
        if !doas.unread.is_empty() {
            doas.rules.clear();
        }
        doas
    }

    fn file(&mut self, tree: &Tree, path: &str) {
        let text = match tree.read_text(path, MAX_FILE) {
            Ok(text) => text,
            Err(error) if error.is_absent() => return,
            Err(error) => return self.unread.push(Unread::from((path, &error))),
        };
        // doas ends at a file that another than root owns or may write (`doas.c`, `parseconfig`).
        let Metadata { uid, mode, .. } = match tree.metadata(path) {
            Ok(metadata) => metadata,
            Err(error) => return self.unread.push(Unread::from((path, &error))),
        };
        if uid != 0 || mode & 0o022 != 0 {
            let reason = format!("owner {uid}, mode {mode:04o}: doas refuses it");
            return self.unread.push(Unread::new(path, reason));
        }
        let without_comment =
            |content: &str| content.split('#').next().unwrap_or_default().trim().to_owned();
        let mut lines = (1_usize..).zip(text.lines());
        while let Some((line, content)) = lines.next() {
            let mut content = without_comment(content);
            // A rule goes on behind a backslash (doas.conf(5)).
            while content.ends_with('\\') {
                content.pop();
                content.push(' ');
                content.push_str(
                    &lines.next().map_or(String::new(), |(_, more)| without_comment(more)),
                );
            }
            if content.trim().is_empty() {
                continue;
            }
            let evidence = Evidence::new(format!("{path}:{line}"), shortened(&content));
            let location = evidence.location.clone();
            match rule(&content, evidence) {
                Some(Some(rule)) if self.rules.len() < MAX_RULES => self.rules.push(rule),
                Some(None) => {}
                _ => {
                    return self
                        .unread
                        .push(Unread::new(location, "a rule that is not understood"));
                }
            }
        }
    }

    /// The rule by which an account may become root, if there is one.
    pub(super) fn grant(&self, user: &User<'_>) -> Option<Granted> {
        let fits = |rule: &&Rule| match rule.identity.strip_prefix(':') {
            Some(group) => {
                user.groups.iter().any(|(name, gid, _)| name == group || group.parse() == Ok(*gid))
            }
            None => rule.identity == user.name || rule.identity.parse() == Ok(user.uid),
        };
        let counted = |_: &&Rule| self.steps.step(user.groups.len());
        let mut rules = self.rules.iter().rev().take_while(counted);
        let rule = rules.find(fits).filter(|rule| rule.permits)?;
        Some(Granted { by: rule.evidence.clone(), asks: Fact::Known(rule.asks) })
    }

    /// Why not every rule could be looked at, if so.
    pub(super) fn exhausted(&self) -> Option<Unread> {
        self.steps.exhausted(FILE)
    }
}

/// `permit|deny [options] identity [as target] [cmd command [args …]]`; `Some(None)` for a rule that is
/// not for all commands as root, `None` for what is no rule.
fn rule(content: &str, evidence: Evidence) -> Option<Option<Rule>> {
    let mut words = content.split_whitespace();
    let permits = match words.next()? {
        "permit" => true,
        "deny" => false,
        _ => return None,
    };
    let mut asks = true;
    let identity = loop {
        match words.next()? {
            "nopass" => asks = false,
            "persist" | "nolog" | "keepenv" => {}
            "setenv" => {
                // `setenv { A=b C }`
                words.find(|word| word.ends_with('}'))?;
            }
            identity => break identity.trim_matches('"').to_owned(),
        }
    };
    let whole = match (words.next(), words.next(), words.next()) {
        (None, ..) => true,
        (Some("as"), Some(target), None) => target == "root",
        (Some("as"), Some(_), Some("cmd")) | (Some("cmd"), ..) => false,
        _ => return None,
    };
    Some(whole.then_some(Rule { permits, asks, identity, evidence }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;

    fn machine() -> MemoryFs {
        MemoryFs::new().file("/usr/bin/doas", "ELF")
    }

    fn grants(fs: MemoryFs, name: &str) -> Option<(String, bool)> {
        let groups = [("wheel".to_owned(), 10, "/etc/group:11".to_owned())];
        let doas = Doas::read(&fs.tree());
        assert_eq!(doas.unread, []);
        let granted = doas.grant(&User { name, uid: 1000, groups: &groups })?;
        Some((granted.by.location, granted.asks == Fact::Known(true)))
    }

    #[test]
    fn rules_for_all_commands_as_root_count_and_the_last_decides() {
        let at = |line: u32, asks: bool| Some((format!("/etc/doas.conf:{line}"), asks));
        for (text, wanted) in [
            ("permit persist :wheel", at(1, true)),
            ("permit nopass alice as root # x", at(1, false)),
            ("permit setenv { A B=c } 1000", at(1, true)),
            ("permit :10", at(1, true)),
            ("permit persist \\\n:wheel \\\n  as root\npermit bob", at(1, true)),
            ("permit bob", None),
            ("permit alice as postgres", None),
            ("permit alice cmd reboot", None),
            ("permit nopass alice as root cmd /bin/ls args -l", None),
            ("permit :wheel\ndeny alice", None),
            ("deny alice\n\npermit :wheel", at(3, true)),
        ] {
            let fs = machine().file("/etc/doas.conf", text);
            assert_eq!(grants(fs, "alice"), wanted, "{text}");
        }
    }

    #[test]
    fn alpine_s_directory_is_read_and_nothing_without_the_program() {
        let rules = |fs: MemoryFs| fs.file("/etc/doas.d/20-wheel.conf", "permit persist :wheel\n");
        let place = Some(("/etc/doas.d/20-wheel.conf:1".to_owned(), true));
        assert_eq!(grants(rules(machine()), "alice"), place);
        assert_eq!(grants(rules(MemoryFs::new()), "alice"), None);
    }

    #[test]
    fn rules_and_accounts_without_end_are_counted_and_told() {
        let fs = machine().file("/etc/doas.conf", "permit :nobody\n".repeat(1000));
        let doas = Doas::read(&fs.tree());
        let ask = || doas.grant(&User { name: "alice", uid: 1000, groups: &[] }).is_none();
        assert!((0..1000).all(|_| ask()));
        assert!(doas.exhausted().is_none());
        assert!(ask());
        let told = doas.exhausted().unwrap();
        assert!(told.reason.contains("1000000 comparisons"), "{told:?}");
    }

    #[test]
    fn what_is_not_read_may_take_back_what_the_rest_permits() {
        let (first, last) = ("/etc/doas.d/a.conf", "/etc/doas.conf");
        let permits = || machine().file(first, "permit :wheel\n");
        let deny = || permits().file(last, "deny alice\n");
        for fs in [
            deny().unreadable(last),
            deny().mode(0o666),
            deny().owner(1000, 0),
            permits().file(last, "permt :wheel\ndeny alice\n"),
        ] {
            let groups = [("wheel".to_owned(), 10, "/etc/group:11".to_owned())];
            let doas = Doas::read(&fs.tree());
            assert_eq!(doas.unread.len(), 1, "{doas:?}");
            let granted = doas.grant(&User { name: "alice", uid: 1000, groups: &groups });
            assert!(granted.is_none(), "{doas:?}");
        }
    }

    #[test]
    fn what_doas_refuses_or_nobody_understands_is_told() {
        let of = |fs: MemoryFs| Doas::read(&fs.tree()).unread;
        let file = || machine().file("/etc/doas.conf", "permit :wheel\n");
        assert_eq!(of(file()), []);
        assert_eq!(of(file().mode(0o666)).len(), 1);
        assert_eq!(of(file().owner(1000, 0)).len(), 1);
        assert_eq!(of(machine().file("/etc/doas.conf", "permt :wheel\n")).len(), 1);
    }
}
