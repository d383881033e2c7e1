//! The program that the kernel, or the initramfs, starts in the root file system.

use super::command_line;
use crate::error::{Error, Result};
use crate::fact::Evidence;
use crate::filesystem::tree::Tree;
use crate::filesystem::{FileType, Metadata};
use crate::guest::facts::{ChainLink, LinkKind, LinkState};

/// What is tried without `init=` (Linux: `kernel_init` in `init/main.c`). `/bin/sh`, which is tried
/// last, brings up a bare shell and no system, so it does not count as an init.
const CANDIDATES: [&str; 3] = ["/sbin/init", "/etc/init", "/bin/init"];

/// The link from the root file system to its init: a regular file that is not empty, behind all
/// symbolic links of the guest's tree. `init=` on the command line is the only candidate when it is
/// there (the kernel gives up without it). `/sbin/init` linked to `/dev/null` is none.
pub fn init_link(tree: &Tree, command_line: &str) -> ChainLink {
    link(
        command_line,
        &|path| tree.metadata(path),
        &|path| tree.canonicalize(path).map(|(path, _)| path),
        &|path| tree.read_link(path).ok(),
    )
}

fn link(
    command_line: &str,
    metadata: &dyn Fn(&str) -> Result<Metadata>,
    canonicalize: &dyn Fn(&str) -> Result<String>,
    read_link: &dyn Fn(&str) -> Option<String>,
) -> ChainLink {
    let make = |state, evidence| ChainLink { kind: LinkKind::Init, state, evidence };
    let named = command_line::last_value(command_line, "init").filter(|init| !init.is_empty());
    let candidates: Vec<&str> = match &named {
        Some(init) => vec![init.as_str()],
        None => CANDIDATES.to_vec(),
    };
    let mut seen = None;
    for path in &candidates {
        match metadata(path) {
            Ok(found) if found.file_type == FileType::Regular && found.len > 0 => {
                let real = canonicalize(path).unwrap_or_else(|_| (*path).to_owned());
                return make(LinkState::Found, Evidence::new(*path, real));
            }
            Ok(found) => {
                let what = match found.file_type {
                    FileType::Regular => "an empty file".to_owned(),
                    other => read_link(path)
                        .map_or_else(|| format!("{other:?}"), |target| format!("-> {target}")),
                };
                seen.get_or_insert_with(|| Evidence::new(*path, what));
            }
            Err(error) if error.is_absent() || matches!(error, Error::SymlinkLoop { .. }) => {
                if let Some(target) = read_link(path) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::FileSystem;
    use crate::guest::linux::boot::fake::FakeFs;
    use crate::guest::linux::boot::volume_path::{Effort, find};

    fn init(fs: &FakeFs, command_line: &str) -> ChainLink {
        let effort = Effort::default();
        link(
            command_line,
            &|path| find(fs, path, &effort).map(|found| found.metadata),
            &|path| find(fs, path, &effort).map(|found| found.path),
            &|path| {
                let name = path.rsplit('/').next()?.as_bytes();
                let dir = find(fs, path.rsplit_once('/')?.0, &effort).ok()?.node;
                let node = fs.lookup(dir, name).ok()??;
                let link = fs.metadata(node).ok()?.file_type == FileType::Symlink;
                link.then(|| String::from_utf8(fs.read_link(node).unwrap()).unwrap())
            },
        )
    }

    #[test]
    fn sbin_init_is_found_behind_its_links() {
        let fs = FakeFs::new()
            .link("/sbin", "usr/sbin")
            .link("/usr/sbin/init", "../lib/systemd/systemd")
            .file("/usr/lib/systemd/systemd", "\x7fELF");
        let link = init(&fs, "root=/dev/sda1 ro");
        assert_eq!(link.state, LinkState::Found);
        assert_eq!(link.evidence, Evidence::new("/sbin/init", "/usr/lib/systemd/systemd"));
    }

    #[test]
    fn an_init_on_the_command_line_is_the_only_candidate() {
        let fs = FakeFs::new().file("/sbin/init", "x").file("/opt/init", "x");
        assert_eq!(init(&fs, "init=/opt/init").state, LinkState::Found);
        let link = init(&fs, "init=/sbin/init init=/gone");
        assert_eq!(link.state, LinkState::Missing);
        assert_eq!(link.evidence.location, "/gone");
    }

    #[test]
    fn an_init_that_is_empty_or_linked_to_dev_null_is_missing() {
        let fs = FakeFs::new().file("/sbin/init", "").file("/bin/sh", "x");
        assert_eq!(init(&fs, "").state, LinkState::Missing);
        let masked = FakeFs::new().link("/sbin/init", "/dev/null").file("/bin/sh", "x");
        assert_eq!(init(&masked, "").evidence, Evidence::new("/sbin/init", "-> /dev/null"));
        let device = FakeFs::new().link("/sbin/init", "/dev/null").null("/dev/null");
        assert_eq!(init(&device, "").state, LinkState::Missing);
    }

    #[test]
    fn the_next_candidate_is_tried_when_sbin_init_is_missing() {
        let fs = FakeFs::new().file("/bin/init", "x");
        assert_eq!(init(&fs, "").evidence.location, "/bin/init");
        assert_eq!(init(&FakeFs::new().file("/bin/sh", "x"), "").state, LinkState::Missing);
    }

    #[test]
    fn an_init_that_cannot_be_read_is_not_decided() {
        let unreadable =
            |path: &str| Err(Error::Unreadable { path: path.to_owned(), reason: "lost".into() });
        let link = link("", &unreadable, &|_| unreachable!(), &|_| None);
        assert!(matches!(link.state, LinkState::Unknown(_)));
    }
}
