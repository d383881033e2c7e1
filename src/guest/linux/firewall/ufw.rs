//! ufw: its default policy, and its rules in iptables-restore's form.
//!
//! Source: ufw(8), ufw-framework(8): a packet goes through `ufw-before-input` (before.rules), then
//! `ufw-user-input` (user.rules), then the default policy holds.

use super::chain::Verdict;
use super::iptables::Rules;
use super::{read, setting};
use crate::fact::{Evidence, Unread};
use crate::filesystem::tree::Tree;
use crate::guest::facts::SshAccess;

/// Where the user's rules are: the second in Debian 8, Ubuntu 14.04 and older.
const USER_RULES: [&str; 2] = ["/etc/ufw/user.rules", "/lib/ufw/user.rules"];

pub(super) fn ssh(tree: &Tree, port: u16) -> Result<Option<SshAccess>, Unread> {
    let path = "/etc/ufw/ufw.conf";
    let Some(text) = read(tree, path)? else { return Ok(None) };
    match setting(path, &text, "ENABLED")? {
        Some((value, _)) if value.eq_ignore_ascii_case("yes") => {}
        Some((_, seen)) => return Ok(Some(SshAccess::Open(seen))),
        None => return Ok(Some(SshAccess::Open(Evidence::new(path, "ENABLED is not set")))),
    }
    let mut rules = Rules::default();
    for path in ["/etc/ufw/before.rules"].into_iter().chain(USER_RULES) {
        if let Some(text) = read(tree, path)? {
            rules.add(path, &text)?;
        }
    }
    for chain in ["ufw-before-input", "ufw-user-input"] {
        match rules.follow(chain, port)? {
            Verdict::Accept(by) => return Ok(Some(SshAccess::Open(by))),
            Verdict::Drop(by) => return Ok(Some(SshAccess::Closed(by))),
            Verdict::Return => {}
        }
    }
    let path = "/etc/default/ufw";
    let policy = match read(tree, path)? {
        Some(text) => setting(path, &text, "DEFAULT_INPUT_POLICY")?,
        None => None,
    };
    Ok(Some(match policy {
        Some((policy, seen)) if policy.eq_ignore_ascii_case("ACCEPT") => SshAccess::Open(seen),
        Some((_, seen)) => SshAccess::Closed(seen),
        None => {
            return Err(Unread::new(path, "DEFAULT_INPUT_POLICY is not set"));
        }
    }))
}
