//! SuSEfirewall2, the firewall of SUSE up to 12 and openSUSE up to 42.
//!
//! Source: the comments of `/etc/sysconfig/SuSEfirewall2`: what comes from the external zone, to
//! which interfaces belong by default, is dropped unless it is named.

use super::{SSH, read, setting};
use crate::fact::{Evidence, Unread};
use crate::filesystem::tree::Tree;
use crate::guest::facts::SshAccess;

const PATH: &str = "/etc/sysconfig/SuSEfirewall2";

pub(super) fn ssh(tree: &Tree, port: u16) -> Result<Option<SshAccess>, Unread> {
    let Some(text) = read(tree, PATH)? else { return Ok(None) };
    let names_port = |word: &str| {
        let (from, to) = word.split_once(':').unwrap_or((word, word));
        match (from.parse::<u16>(), to.parse::<u16>()) {
            (Ok(from), Ok(to)) => (from..=to).contains(&port),
            _ => word == "ssh" && port == SSH,
        }
    };
    if let Some((value, seen)) = setting(PATH, &text, "FW_SERVICES_EXT_TCP")?
        && value.split_whitespace().any(names_port)
    {
        return Ok(Some(SshAccess::Open(seen)));
    }
    // A file in /etc/sysconfig/SuSEfirewall2.d/services each; sshd's names the port `ssh`.
    let files = setting(PATH, &text, "FW_CONFIGURATIONS_EXT")?;
    if let Some((value, seen)) = files
        && value.split_whitespace().any(|word| word == "sshd")
    {
        return if port == SSH {
            Ok(Some(SshAccess::Open(seen)))
        } else {
            Err(Unread::new(seen.location, "which port this opens is not read"))
        };
    }
    for key in ["FW_SERVICES_ACCEPT_EXT", "FW_CUSTOMRULES"] {
        if let Some((value, seen)) = setting(PATH, &text, key)?
            && !value.trim().is_empty()
        {
            return Err(Unread::new(seen.location, format!("{key} is not evaluated")));
        }
    }
    // The internal zone lets everything in, unless it is told otherwise.
    if let Some((value, seen)) = setting(PATH, &text, "FW_DEV_INT")?
        && !value.trim().is_empty()
        && setting(PATH, &text, "FW_PROTECT_FROM_INT")?.is_none_or(|(value, _)| value != "yes")
    {
        return Err(Unread::new(seen.location, "the card may belong to the internal zone"));
    }
    Ok(Some(SshAccess::Closed(Evidence::new(
        PATH,
        "neither FW_SERVICES_EXT_TCP nor FW_CONFIGURATIONS_EXT names SSH",
    ))))
}
