//! TCP wrappers: `/etc/hosts.allow` and `/etc/hosts.deny` (hosts_access(5), hosts_options(5)), which
//! only a program that links libwrap asks. The first line that fits counts, those of `hosts.allow`
//! before those of `hosts.deny`; what fits none is let in.

use super::{read, seen};
use crate::error::Result;
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::tree::Tree;
use crate::guest::facts::{EnabledFirewall, SshAccess};
use crate::guest::glob;
use crate::guest::linux::boot::program_interpreter::needs;

const ALLOW: &str = "/etc/hosts.allow";
const DENY: &str = "/etc/hosts.deny";

/// The programs of OpenSSH that ask it; since 9.8 a connection has one of its own.
const PROGRAMS: [&str; 4] = [
    "/usr/sbin/sshd",
    "/usr/lib/openssh/sshd-session",
    "/usr/libexec/openssh/sshd-session",
    "/usr/lib/ssh/sshd-session",
];

const LIBRARY: &str = "libwrap.so.0";

/// How much of all connections to sshd a line is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Share {
    None,
    Some,
    /// All but some.
    Most,
    All,
}

/// The wrappers, where they surely or perhaps keep connections from sshd; nothing where they let all
/// in, or sshd does not ask them.
pub(super) fn find(tree: &Tree) -> Option<EnabledFirewall> {
    let ssh = match closed(tree) {
        Ok(None) => return None,
        Ok(Some(by)) => Fact::Known(SshAccess::Closed(by)),
        Err(unread) => Fact::Unknown(unread),
    };
    let (evidence, ssh) = match asked_by(tree) {
        Ok(None) => return None,
        Ok(Some(evidence)) => (evidence, ssh),
        Err(unread) => {
            let evidence = Evidence::new(unread.location.clone(), unread.reason.clone());
            (evidence, Fact::Unknown(unread))
        }
    };
    Some(EnabledFirewall { name: "tcp-wrappers".to_owned(), evidence, ssh })
}

/// The program that links the library.
fn asked_by(tree: &Tree) -> Result<Option<Evidence>, Unread> {
    for path in PROGRAMS {
        let links = match tree.open(path) {
            Ok(bytes) => needs(&*bytes, LIBRARY),
            Err(error) if error.is_absent() => continue,
            Err(error) => Err(error),
        };
        match links {
            Ok(true) => return Ok(Some(Evidence::new(path, format!("links {LIBRARY}")))),
            Ok(false) => {}
            Err(error) => return Err(Unread::from((path, &error))),
        }
    }
    Ok(None)
}

/// The line that turns away connections from anywhere.
fn closed(tree: &Tree) -> Result<Option<Evidence>, Unread> {
    let mut lets_some_in = false;
    for (path, grants) in [(ALLOW, true), (DENY, false)] {
        let Some(text) = read(tree, path)? else { continue };
        for (line, content, ended) in logical_lines(&text) {
            let Some((share, grants)) = rule(&content, grants) else { continue };
            match (share, grants) {
                (Share::None, _) | (Share::Some, false) => {}
                (Share::All, true) if ended => return Ok(None),
                (Share::Some | Share::Most | Share::All, true) => lets_some_in = true,
                (Share::Most | Share::All, false) => {
                    let by = seen(path, line, &content);
                    let reason = if share == Share::Most {
                        "some addresses are excepted"
                    } else if !ended {
                        "the line has no end, and whether it counts depends on the library"
                    } else if lets_some_in {
                        "some addresses are let in before"
                    } else {
                        return Ok(Some(by));
                    };
                    return Err(Unread::new(by.location, format!("{}: {reason}", by.detail)));
                }
            }
        }
    }
    Ok(None)
}

/// Lines that go on behind a `\`, with the number of the first and whether they are ended.
fn logical_lines(text: &str) -> Vec<(usize, String, bool)> {
    let mut lines: Vec<(usize, String, bool)> = Vec::new();
    let mut open = false;
    for (line, content) in (1_usize..).zip(text.split_inclusive('\n')) {
        let ended = content.ends_with('\n');
        let content = content.trim_end_matches('\n');
        let (content, more) = match content.strip_suffix('\\') {
            Some(content) => (content, true),
            None => (content, false),
        };
        match lines.last_mut() {
            Some((_, before, end)) if open => {
                before.push_str(content);
                *end = ended;
            }
            _ => lines.push((line, content.to_owned(), ended)),
        }
        open = more;
    }
    lines
}

/// How much of sshd's connections a line is for, and whether it lets them in.
fn rule(content: &str, grants: bool) -> Option<(Share, bool)> {
    if content.trim().is_empty() || content.starts_with('#') {
        return None;
    }
    let mut fields = fields(content).into_iter();
    let (daemons, clients) = (fields.next()?, fields.next()?);
    let share = share(daemons, daemon).min(share(clients, client));
    let mut grants = grants;
    for option in fields {
        match option.trim().split([' ', '\t', '=']).next().unwrap_or_default() {
            "allow" => grants = true,
            // Another program answers.
            "deny" | "twist" => grants = false,
            _ => {}
        }
    }
    Some((share, grants))
}

/// What stands between colons; those in brackets and behind a `\` are no separators.
fn fields(content: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    let (mut start, mut bracketed, mut escaped) = (0_usize, false, false);
    for (at, c) in content.char_indices() {
        match c {
            '[' => bracketed = true,
            ']' => bracketed = false,
            ':' if !bracketed && !escaped => {
                fields.push(content.get(start..at).unwrap_or_default());
                start = at.saturating_add(1);
            }
            _ => {}
        }
        escaped = c == '\\';
    }
    fields.push(content.get(start..).unwrap_or_default());
    fields
}

/// How much a list is for; `a EXCEPT b EXCEPT c` is `a EXCEPT (b EXCEPT c)`.
fn share(list: &str, of: fn(&str) -> Share) -> Share {
    let words: Vec<_> =
        list.split([' ', ',', '\t', '\r', '\n']).filter(|word| !word.is_empty()).collect();
    let mut taken_out = Share::None;
    for part in words.rsplit(|word| word.eq_ignore_ascii_case("EXCEPT")) {
        let part = part.iter().map(|word| of(word)).max().unwrap_or(Share::None);
        taken_out = match (part, taken_out) {
            (part, Share::None) => part,
            (_, Share::All) => Share::None,
            (Share::All, Share::Some) => Share::Most,
            (part, Share::Some | Share::Most) => part.min(Share::Some),
        };
    }
    taken_out
}

fn daemon(word: &str) -> Share {
    let (name, server) = word.split_once('@').map_or((word, false), |(name, _)| (name, true));
    let name = name.to_ascii_lowercase();
    let pattern = name.contains(['*', '?']) && glob::matches(&name, "sshd");
    match name == "all" || name == "sshd" || pattern {
        true if server => Share::Some,
        true => Share::All,
        false => Share::None,
    }
}

fn client(word: &str) -> Share {
    let all = word.eq_ignore_ascii_case("ALL") || matches!(word, "*" | "0.0.0.0/0.0.0.0");
    if all { Share::All } else { Share::Some }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;
    use crate::guest::linux::boot::program_interpreter::library;

    fn machine(allow: &str, deny: &str) -> MemoryFs {
        MemoryFs::new().file("/usr/sbin/sshd", library(LIBRARY)).file(ALLOW, allow).file(DENY, deny)
    }

    /// Whether the wrappers are told, and `Some(place)` when they surely close.
    fn told(allow: &str, deny: &str) -> Option<Option<String>> {
        find(&machine(allow, deny).tree()).map(|found| match found.ssh {
            Fact::Known(SshAccess::Closed(by)) => Some(by.location),
            Fact::Known(SshAccess::Open(_)) => panic!("an open one is not told"),
            Fact::Unknown(_) => None,
        })
    }

    #[test]
    fn what_tcpdmatch_denies_to_everybody_is_closed() {
        // tcpdmatch of Debian's 7.6.q-32 says "denied" or "delegated" for 1.2.3.4 and 10.1.1.1.
        for (allow, deny, place) in [
            ("", "sshd: ALL\n", "/etc/hosts.deny:1"),
            ("", "# x\nALL: ALL\n", "/etc/hosts.deny:2"),
            ("sshd: ALL: deny\n", "", "/etc/hosts.allow:1"),
            ("", "sshd : 0.0.0.0/0.0.0.0\n", "/etc/hosts.deny:1"),
            ("", "SSHD : all\n", "/etc/hosts.deny:1"),
            ("", "ss* : ALL\n", "/etc/hosts.deny:1"),
            ("", "in.ftpd,sshd \\\n : ALL\n", "/etc/hosts.deny:1"),
            ("", "sshd: ALL : twist /bin/echo no\n", "/etc/hosts.deny:1"),
            ("", " sshd: ALL\n", "/etc/hosts.deny:1"),
            ("", "ALL: *\n", "/etc/hosts.deny:1"),
        ] {
            assert_eq!(told(allow, deny), Some(Some(place.to_owned())), "{allow} {deny}");
        }
    }

    #[test]
    fn what_tcpdmatch_grants_is_not_told() {
        for (allow, deny) in [
            ("", ""),
            ("sshd: ALL\n", "ALL: ALL\n"),
            ("sshd: ALL\r\n", "ALL: ALL\n"),
            ("", "ALL EXCEPT sshd: ALL\n"),
            ("", "sshd : 0.0.0.0/0\n"),
            ("", "#sshd: ALL\n"),
            ("", "sshd: ALL: spawn /bin/true: allow\n"),
            ("", "sshd@10.0.0.1: ALL\n"),
            ("", "sshd ALL\n"),
            ("", "vsftpd: ALL\n"),
            ("", "sshd: PARANOID\n"),
            ("", "sshd: [::]/0\n"),
        ] {
            assert_eq!(told(allow, deny), None, "{allow} {deny}");
        }
    }

    #[test]
    fn what_depends_on_the_address_is_unknown() {
        for (allow, deny) in [
            ("sshd: 10.\n", "ALL: ALL\n"),
            ("ALL: ALL EXCEPT 10.\n", "ALL: ALL\n"),
            ("", "sshd: LOCAL 10.: allow\nsshd: ALL\n"),
            // 1.2.3.4 is denied, 10.1.1.1 granted.
            ("", "ALL: ALL EXCEPT 10.\n"),
            ("", "sshd: ALL"),
        ] {
            assert_eq!(told(allow, deny), Some(None), "{allow} {deny}");
        }
        let torn = machine("", "ALL: ALL\n").unreadable(DENY);
        assert!(find(&torn.tree()).unwrap().ssh.unread().is_some());
    }

    #[test]
    fn a_server_without_the_library_does_not_ask() {
        let without = machine("", "ALL: ALL\n").file("/usr/sbin/sshd", library("libc.so.6"));
        assert!(find(&without.tree()).is_none());
        let none = machine("", "ALL: ALL\n").without("/usr/sbin/sshd");
        assert!(find(&none.tree()).is_none());
        let session = machine("", "ALL: ALL\n")
            .file("/usr/sbin/sshd", library("libc.so.6"))
            .file("/usr/lib/openssh/sshd-session", library(LIBRARY));
        assert!(find(&session.tree()).is_some());
    }
}
