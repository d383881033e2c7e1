//! Whether the guest's own crypt(3) knows a scheme.
//!
//! A hash is made by whoever wrote the image, and checked by the library in it: glibc knows DES and the
//! schemes 1, 5 and 6 alone (crypt(3)), musl those and bcrypt (`src/crypt/crypt_r.c`), libxcrypt what
//! its release and its `--enable-hashes` have (crypt(5)). What a library knows stands in it as the
//! prefix that it compares with.

use crate::disk::record;
use crate::fact::Unread;
use crate::filesystem::tree::Tree;

/// Where libcrypt lies: Red Hat and SUSE, Debian and Ubuntu, Arch and others; with and without a merged
/// `/usr`.
const DIRECTORIES: [&str; 10] = [
    "/lib64",
    "/usr/lib64",
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/lib/i386-linux-gnu",
    "/usr/lib/i386-linux-gnu",
    "/lib",
    "/usr/lib",
];

/// The library by its `SONAME`s: glibc's and libxcrypt's for old programs, libxcrypt's own.
const NAMES: [&str; 2] = ["libcrypt.so.1", "libcrypt.so.2"];

/// musl, which has crypt(3) in itself.
const MUSL: [&str; 2] = ["/lib/ld-musl-x86_64.so.1", "/lib/ld-musl-aarch64.so.1"];

/// Longest library read; they have 40 to 700 KiB.
const MAX_LIBRARY: u64 = 4 << 20;

/// Why it is not known whether a password of this scheme (as [`super::shadow`] names it) can be checked;
/// `None` where it can.
pub(super) fn may_not_know(tree: &Tree, scheme: &str) -> Option<Unread> {
    let prefixes = prefixes(scheme)?;
    let mut without = None;
    let libraries = DIRECTORIES
        .iter()
        .flat_map(|directory| NAMES.iter().map(move |name| format!("{directory}/{name}")))
        .chain(MUSL.iter().map(|&path| path.to_owned()));
    for path in libraries {
        let bytes = match tree.read(&path, MAX_LIBRARY) {
            Ok(bytes) => bytes,
            Err(error) if error.is_absent() => continue,
            Err(error) => {
                without.get_or_insert_with(|| Unread::from((path.as_str(), &error)));
                continue;
            }
        };
        let musl = MUSL.contains(&path.as_str());
        let known = |prefix: &&str| record::find(&bytes, prefix.as_bytes()).is_some();
        if musl && scheme == "bcrypt" || prefixes.iter().any(known) {
            return None;
        }
        without.get_or_insert_with(|| {
            let reason = format!("whether this crypt(3) knows {scheme} is not known");
            Unread::new(path, reason)
        });
    }
    without.or_else(|| {
        let reason = format!("there is no libcrypt to tell whether crypt(3) knows {scheme}");
        Some(Unread::new("/usr/lib", reason))
    })
}

/// The prefixes by which a library tells the scheme, of those that not every one has; `bsdi-des` and
/// `des` have none.
fn prefixes(scheme: &str) -> Option<&'static [&'static str]> {
    Some(match scheme {
        "yescrypt" => &["$y$"],
        "gost-yescrypt" => &["$gy$"],
        "sm3-crypt" => &["$sm3$"],
        "sm3-yescrypt" => &["$sm3y$"],
        "scrypt" => &["$7$"],
        "bcrypt" => &["$2b$", "$2a$", "$2y$"],
        "sha1-crypt" => &["$sha1"],
        "sun-md5" => &["$md5"],
        "nt" => &["$3$"],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filesystem::memory::MemoryFs;

    fn place(fs: MemoryFs, scheme: &str) -> Option<String> {
        may_not_know(&fs.tree(), scheme).map(|unread| unread.location)
    }

    #[test]
    fn a_library_knows_the_prefixes_that_stand_in_it() {
        // The strings of glibc 2.17's library, and of libxcrypt 4.4.33's.
        let glibc = || {
            MemoryFs::new()
                .file("/lib64/libcrypt-2.17.so", "\x7fELF$1$\0$5$\0$6$\0")
                .symlink("/lib64/libcrypt.so.1", "libcrypt-2.17.so")
        };
        let libxcrypt = || {
            let strings = "\x7fELF$y$\0$gy$\0$7$\0$2b$\0$2y$\0$2a$\0$6$\0$5$\0$sha1\0$md5\0$1$\0";
            MemoryFs::new().file("/usr/lib/x86_64-linux-gnu/libcrypt.so.1", strings)
        };
        let at = || Some("/lib64/libcrypt.so.1".to_owned());
        for scheme in ["des", "md5-crypt", "sha256-crypt", "sha512-crypt"] {
            assert_eq!(place(glibc(), scheme), None, "{scheme}");
        }
        for scheme in ["yescrypt", "bcrypt", "sm3-crypt"] {
            assert_eq!(place(glibc(), scheme), at(), "{scheme}");
        }
        assert_eq!(place(libxcrypt(), "yescrypt"), None);
        assert_eq!(place(libxcrypt(), "bcrypt"), None);
        assert!(place(libxcrypt(), "sm3-yescrypt").is_some());
        // An old library for old programs beside the new one.
        let both = glibc().file("/usr/lib64/libcrypt.so.2", "\x7fELF$y$\0");
        assert_eq!(place(both, "yescrypt"), None);
    }

    #[test]
    fn musl_knows_bcrypt_and_no_yescrypt() {
        let musl = || MemoryFs::new().file("/lib/ld-musl-x86_64.so.1", "\x7fELF");
        assert_eq!(place(musl(), "bcrypt"), None);
        assert_eq!(place(musl(), "sha512-crypt"), None);
        assert!(place(musl(), "yescrypt").is_some());
    }

    #[test]
    fn without_a_library_only_what_each_one_knows_is_known() {
        assert_eq!(place(MemoryFs::new(), "sha512-crypt"), None);
        assert!(place(MemoryFs::new(), "yescrypt").is_some());
        let torn = MemoryFs::new().file("/lib64/libcrypt.so.1", "x").unreadable("/lib64");
        assert!(place(torn, "yescrypt").is_some());
    }
}
