//! The version of OpenSSH that `sshd` itself is: a server built by hand is not that of the package.

use crate::disk::record;
use crate::error::Result;
use crate::filesystem::tree::Tree;

/// `SSH_RELEASE` (`version.h`): `OpenSSH_9.2p1`; other names of that form are of clients, without `p`.
const MARK: &[u8] = b"OpenSSH_";

/// Longest program read; distributions' have 1 MiB.
const MAX_PROGRAM: u64 = 8 << 20;

/// Most characters of a version.
const MAX_VERSION: usize = 8;

/// Its release as it stands in the program; none where it does not name itself.
///
/// # Errors
/// When the program cannot be read.
pub(super) fn of(tree: &Tree, program: &str) -> Result<Option<(u32, u32)>> {
    let bytes = tree.read(program, MAX_PROGRAM)?;
    let mut rest = bytes.as_slice();
    while let Some(at) = record::find(rest, MARK) {
        rest = rest.get(at.saturating_add(MARK.len())..).unwrap_or_default();
        let text = rest.get(..rest.len().min(MAX_VERSION)).unwrap_or_default();
        if let Some(version) = portable(&String::from_utf8_lossy(text)) {
            return Ok(Some(version));
        }
    }
    Ok(None)
}

/// `9.2p1`
fn portable(text: &str) -> Option<(u32, u32)> {
    let (major, rest) = text.split_once('.')?;
    let (minor, patch) = rest.split_once('p')?;
    let minor = minor.split('.').next()?;
    patch.starts_with(|c: char| c.is_ascii_digit()).then_some(())?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;

    #[test]
    fn the_program_names_its_release() {
        // Strings of Debian 12's and CentOS 6's sshd, with the patterns of other versions.
        for (text, wanted) in [
            ("OpenSSH_6.6.1*\0OpenSSH_9.2\0%s\0OpenSSH_9.2p1 Debian-2", Some((9, 2))),
            ("OpenSSH_5.3\0OpenSSH_5.3p1\0", Some((5, 3))),
            ("OpenSSH_6.6.1p1\0", Some((6, 6))),
            ("OpenSSH_2.*,OpenSSH_3.0*\0OpenSSH_", None),
            ("", None),
        ] {
            let tree = MemoryFs::new().file("/usr/sbin/sshd", text).tree();
            assert_eq!(of(&tree, "/usr/sbin/sshd").unwrap(), wanted, "{text}");
        }
        assert!(of(&MemoryFs::new().tree(), "/usr/sbin/sshd").is_err());
    }
}
