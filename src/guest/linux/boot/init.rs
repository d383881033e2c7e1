//! The program that the kernel, or the initramfs, starts in the root file system.

use super::command_line;
use super::program_interpreter::interpreter;
use crate::error::{Error, Result};
use crate::fact::Evidence;
use crate::filesystem::FileType;
use crate::filesystem::tree::Tree;
use crate::guest::facts::{ChainLink, LinkKind, LinkState};

/// What is tried without `init=` (Linux: `kernel_init` in `init/main.c`). `/bin/sh`, which is tried
/// last, brings up a bare shell and no system, so it does not count as an init.
const CANDIDATES: [&str; 3] = ["/sbin/init", "/etc/init", "/bin/init"];

/// The link from the root file system to its init: a regular file behind all symbolic links of the
/// guest's tree that is not empty, may be executed, and whose dynamic loader is there. `/sbin/init`
/// linked to `/dev/null` is none.
///
/// `init=` on the command line is the only candidate when it is there: the kernel gives up without
/// it. Not so where it `falls_back`, which an initramfs by initramfs-tools does (`init`,
/// `validate_init`).
pub fn init_link(tree: &Tree, command_line: &str, falls_back: bool) -> ChainLink {
    let make = |state, evidence| ChainLink { kind: LinkKind::Init, state, evidence };
    let named = command_line::last_value(command_line, "init").filter(|init| !init.is_empty());
    let others = if named.is_none() || falls_back { &CANDIDATES[..] } else { &[] };
    let candidates: Vec<&str> =
        named.as_deref().into_iter().chain(others.iter().copied()).collect();
    let mut seen = None;
    for path in &candidates {
        match lacking(tree, path) {
            Ok(None) => {
                let real = match tree.canonicalize(path) {
                    Ok((real, _)) => real,
                    Err(error) => {
                        let evidence = Evidence::new(*path, "not read");
                        return make(LinkState::Unknown(error.to_string()), evidence);
                    }
                };
                let detail = match &named {
                    Some(init) if init != path => format!("{real}, in place of {init}"),
                    _ => real,
                };
                return make(LinkState::Found, Evidence::new(*path, detail));
            }
            Ok(Some(what)) => {
                seen.get_or_insert_with(|| Evidence::new(*path, what));
            }
            Err(error) if error.is_absent() || matches!(error, Error::SymlinkLoop { .. }) => {
                if let Ok(target) = tree.read_link(path) {
                    seen.get_or_insert_with(|| Evidence::new(*path, format!("-> {target}")));
                }
            }
            Err(error) => {
                let evidence = Evidence::new(*path, "not read");
                return make(LinkState::Unknown(error.to_string()), evidence);
            }
        }
    }
    let evidence = seen.unwrap_or_else(|| Evidence::new(candidates.join(", "), "no such file"));
    make(LinkState::Missing, evidence)
}

/// What the file at `path` lacks to be started.
fn lacking(tree: &Tree, path: &str) -> Result<Option<String>> {
    let found = tree.metadata(path)?;
    if found.file_type != FileType::Regular {
        let target = tree.read_link(path).map(|target| format!("-> {target}"));
        return Ok(Some(target.unwrap_or_else(|_| format!("{:?}", found.file_type))));
    }
    if found.len == 0 {
        return Ok(Some("an empty file".to_owned()));
    }
    if found.mode & 0o111 == 0 {
        return Ok(Some(format!("not executable (mode {:04o})", found.mode)));
    }
    let Some(loader) = interpreter(&*tree.open(path)?)? else { return Ok(None) };
    match tree.metadata(&loader) {
        Ok(_) => Ok(None),
        Err(error) if error.is_absent() || matches!(error, Error::SymlinkLoop { .. }) => {
            Ok(Some(format!("its dynamic loader {loader} is not there")))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;
    use crate::guest::linux::boot::program_interpreter::program;

    /// A program that needs no loader.
    fn with(path: &str) -> MemoryFs {
        MemoryFs::new().file(path, "#!/bin/sh\n").mode(0o755)
    }

    fn init(fs: MemoryFs, command_line: &str) -> ChainLink {
        init_link(&fs.tree(), command_line, false)
    }

    fn missing(fs: MemoryFs) -> Evidence {
        let link = init(fs, "");
        assert_eq!(link.state, LinkState::Missing);
        link.evidence
    }

    #[test]
    fn sbin_init_is_found_behind_its_links() {
        let fs = with("/usr/lib/systemd/systemd")
            .symlink("/sbin", "usr/sbin")
            .symlink("/usr/sbin/init", "../lib/systemd/systemd");
        let link = init(fs, "root=/dev/sda1 ro");
        assert_eq!(link.state, LinkState::Found);
        assert_eq!(link.evidence, Evidence::new("/sbin/init", "/usr/lib/systemd/systemd"));
    }

    #[test]
    fn an_init_on_the_command_line_is_the_only_candidate() {
        let fs = || with("/sbin/init").file("/opt/init", "x").mode(0o755);
        assert_eq!(init(fs(), "init=/opt/init").state, LinkState::Found);
        let link = init(fs(), "init=/sbin/init init=/gone");
        assert_eq!(link.state, LinkState::Missing);
        assert_eq!(link.evidence.location, "/gone");
    }

    #[test]
    fn an_initramfs_that_falls_back_finds_another_init() {
        let link = init_link(&with("/sbin/init").tree(), "init=/gone", true);
        assert_eq!(link.state, LinkState::Found);
        assert_eq!(link.evidence, Evidence::new("/sbin/init", "/sbin/init, in place of /gone"));
        let link = init_link(&with("/bin/sh").tree(), "init=/gone", true);
        assert_eq!(link.state, LinkState::Missing);
    }

    #[test]
    fn an_init_that_is_empty_or_linked_to_dev_null_is_missing() {
        assert_eq!(missing(MemoryFs::new().file("/sbin/init", "")).detail, "an empty file");
        let masked = || MemoryFs::new().symlink("/sbin/init", "/dev/null");
        assert_eq!(missing(masked()), Evidence::new("/sbin/init", "-> /dev/null"));
        let device = masked().special("/dev/null", FileType::CharDevice);
        assert_eq!(missing(device), Evidence::new("/sbin/init", "-> /dev/null"));
    }

    #[test]
    fn an_init_that_may_not_be_executed_is_missing() {
        let evidence = missing(MemoryFs::new().file("/sbin/init", "x").mode(0o644));
        assert_eq!(evidence, Evidence::new("/sbin/init", "not executable (mode 0644)"));
    }

    #[test]
    fn an_init_without_its_dynamic_loader_is_missing() {
        let loader = "/lib64/ld-linux-x86-64.so.2";
        let fs = || MemoryFs::new().file("/sbin/init", program(loader)).mode(0o755);
        assert!(missing(fs()).detail.contains("its dynamic loader /lib64/ld-linux-x86-64.so.2"));
        assert_eq!(init(fs().file(loader, "ELF"), "").state, LinkState::Found);
    }

    #[test]
    fn the_next_candidate_is_tried_when_sbin_init_is_missing() {
        assert_eq!(init(with("/bin/init"), "").evidence.location, "/bin/init");
        assert_eq!(init(with("/bin/sh"), "").state, LinkState::Missing);
    }

    #[test]
    fn an_init_that_cannot_be_read_is_not_decided() {
        let link = init(with("/sbin/init").unreadable("/sbin/init"), "");
        assert!(matches!(link.state, LinkState::Unknown(_)));
    }
}
