//! nftables: whether its rules could close anything at all.
//!
//! Source: nft(8). A ruleset that nowhere drops or rejects lets everything in (Debian ships one);
//! any other would have to be followed statement by statement, which is not done.

use super::{read, seen};
use crate::fact::{Evidence, Unread};
use crate::filesystem::tree::Tree;
use crate::guest::facts::SshAccess;

/// Where the service reads its rules: Debian and SUSE, Red Hat.
const FILES: [&str; 2] = ["/etc/nftables.conf", "/etc/sysconfig/nftables.conf"];

pub(super) fn ssh(tree: &Tree, _port: u16) -> Result<Option<SshAccess>, Unread> {
    let mut looked_at = None;
    for path in FILES {
        let Some(text) = read(tree, path)? else { continue };
        for (line, content) in (1_usize..).zip(text.lines()) {
            let code = content.split('#').next().unwrap_or_default();
            let mut words = code.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            let closes =
                words.find(|word| matches!(*word, "drop" | "reject" | "include" | "queue"));
            if let Some(word) = closes {
                let place = seen(path, line, content);
                return Err(Unread::new(
                    place.location,
                    format!("rules with “{word}” are not evaluated: {}", place.detail),
                ));
            }
        }
        looked_at = Some(Evidence::new(path, "no rule drops or rejects"));
    }
    Ok(looked_at.map(SshAccess::Open))
}
