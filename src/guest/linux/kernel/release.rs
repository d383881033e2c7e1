//! The release (`uname -r`) of the kernel that a boot entry starts.

use crate::bytes::{Bytes, BytesExt};
use crate::error::{Error, Result};
use crate::fact::{Fact, Unread};
use crate::filesystem::tree::Tree;
use crate::guest::facts::{BootEntry, ResolvedFile};

use super::Open;

/// What stands before the release in the names of kernel files.
const PREFIXES: [&str; 7] =
    ["vmlinuz-", "vmlinux-", "bzImage-", "zImage-", "Image-", "linux-", "kernel-"];

/// Longest version string that is read from a kernel, in bytes (Linux: the release has at most
/// `__NEW_UTS_LEN` = 64; compiler, host and date follow it).
const MAX_VERSION: usize = 64;

/// The release of the entry's kernel; `None` when the entry names none.
pub(super) fn of_entry(
    tree: &Tree,
    entry: &BootEntry,
    open: &Open<'_>,
    installed: &[String],
) -> Option<Result<String, Unread>> {
    let kernel = entry.kernel.as_ref()?;
    let missing = |unread: Unread| of_path(&kernel.spec, installed).ok_or(unread);
    let file = match &kernel.resolved {
        Fact::Known(Some(file)) => file,
        Fact::Known(None) => {
            let reason = format!("{}, the entry's kernel, is not there", kernel.spec);
            return Some(missing(Unread::new(&kernel.location, reason)));
        }
        Fact::Unknown(unread) => return Some(missing(unread.clone())),
    };
    // What the kernel itself says is what it will look for below /lib/modules.
    let header = open(file).and_then(|bytes| of_header(&*bytes));
    if let Ok(release) = header {
        return Some(Ok(release));
    }
    let target = file.guest_path.as_ref().and_then(|path| tree.canonicalize(path).ok());
    let named = [Some(&file.path), file.guest_path.as_ref(), Some(&kernel.spec)]
        .into_iter()
        .flatten()
        .chain(target.as_ref().map(|(path, _)| path))
        .find_map(|path| of_path(path, installed));
    Some(named.ok_or_else(|| {
        let reason = header.err().map_or(String::new(), |error| format!(" ({error})"));
        Unread::new(
            location(file),
            format!("neither its name nor its header tells the release{reason}"),
        )
    }))
}

fn location(file: &ResolvedFile) -> &str {
    file.guest_path.as_ref().unwrap_or(&file.path)
}

/// The release in a path: `/boot/vmlinuz-<release>`, or `<release>/linux` as kernel-install lays it.
/// Installed ones are believed in any place, others only behind a usual prefix and when they begin
/// with a digit (`vmlinuz-linux` names a package).
fn of_path(path: &str, installed: &[String]) -> Option<String> {
    let mut components = path.rsplit('/');
    let file = components.next().unwrap_or_default();
    let parent = components.next().unwrap_or_default();
    let after = PREFIXES.iter().find_map(|prefix| file.strip_prefix(prefix));
    let is_installed = |release: &&str| installed.iter().any(|other| other == release);
    let found = after
        .into_iter()
        .chain([parent])
        .find(is_installed)
        .or(after.filter(|release| release.starts_with(|first: char| first.is_ascii_digit())))?;
    Some(found.to_owned())
}

/// The release in the header of an x86 kernel.
///
/// Source: `Documentation/arch/x86/boot.rst`: `HdrS` at 0x202, the protocol's version at 0x206, from
/// 2.00 on at 0x20e the offset, less 0x200, of a version string that ends in NUL; it lies within the
/// setup sectors, whose number stands at 0x1f1 (0 means 4).
fn of_header(bytes: &dyn Bytes) -> Result<String> {
    const STRUCTURE: &str = "x86 boot header";
    if bytes.array::<4>(0x202)? != *b"HdrS" || u16::from_le_bytes(bytes.array(0x206)?) < 0x200 {
        return Err(Error::unsupported(STRUCTURE, 0x202, "another kernel format"));
    }
    let sectors = match bytes.array::<1>(0x1f1)? {
        [0] => 4,
        [sectors] => u64::from(sectors),
    };
    let offset = u64::from(u16::from_le_bytes(bytes.array(0x20e)?));
    if offset == 0 || offset >= sectors.saturating_mul(512) {
        let found = format!("offset {offset}");
        return Err(Error::corrupt(STRUCTURE, 0x20e, "a version string in the setup code", found));
    }
    let offset = offset.saturating_add(0x200);
    let len = usize::try_from(bytes.len().saturating_sub(offset)).unwrap_or(usize::MAX);
    let version = bytes.vec(offset, len.min(MAX_VERSION.saturating_add(1)))?;
    let release = version.split(|byte| *byte == b' ' || *byte == 0).next().unwrap_or_default();
    let plausible = |byte: &u8| byte.is_ascii_graphic() && *byte != b'/';
    match std::str::from_utf8(release) {
        Ok(text)
            if release.first().is_some_and(u8::is_ascii_digit)
                && release.len() <= MAX_VERSION
                && release.iter().all(plausible) =>
        {
            Ok(text.to_owned())
        }
        _ => Err(Error::corrupt(
            STRUCTURE,
            offset,
            "a release",
            String::from_utf8_lossy(release).into_owned(),
        )),
    }
}
