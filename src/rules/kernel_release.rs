//! The release of the kernel that starts, taken apart.

use super::scope::{Decision, known, undecided};
use crate::fact::{Evidence, Fact, Unread};
use crate::guest::facts::{KernelFacts, LinuxFacts};

/// The kernel that the default boot entry starts, when its release is known.
pub(super) fn default_kernel(linux: &LinuxFacts) -> Decision<&KernelFacts> {
    known(&linux.boot.default_entry)?;
    let kernels = known(&linux.kernels)?;
    let Some(kernel) = kernels.iter().find(|kernel| kernel.is_default) else {
        return Err(Box::new(undecided(&Unread::new(
            "/lib/modules",
            "none of the installed kernels is the one that the default boot entry starts",
        ))));
    };
    match &kernel.modules_dir {
        Fact::Known(_) => Ok(kernel),
        Fact::Unknown(unread) => Err(Box::new(undecided(unread))),
    }
}

/// Where the release of a kernel stands.
pub(super) fn evidence(linux: &LinuxFacts, kernel: &KernelFacts) -> Evidence {
    let entry = linux.boot.default_entry.known().and_then(Option::as_ref);
    let file = entry.and_then(|entry| entry.kernel.as_ref());
    let place = match (&kernel.modules_dir, file) {
        (_, Some(file)) => file.location.clone(),
        (Fact::Known(Some(directory)), None) => directory.clone(),
        _ => "kernel".to_owned(),
    };
    Evidence::new(place, kernel.release.clone())
}

/// The numbers that a release begins with: `2.6.32-754.el6` → 2, 6, 32. What is missing is 0.
pub(super) fn version(release: &str) -> Option<[u32; 3]> {
    let upstream = release.split(|c: char| !c.is_ascii_digit() && c != '.').next()?;
    numbers(upstream)
}

/// The first three of numbers with points between them.
pub(super) fn numbers(text: &str) -> Option<[u32; 3]> {
    let mut version = [0; 3];
    let mut parts = text.split('.').filter(|part| !part.is_empty());
    for (index, number) in version.iter_mut().enumerate() {
        match parts.next() {
            Some(part) => *number = part.parse().ok()?,
            None if index == 0 => return None,
            None => {}
        }
    }
    Some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_begins_with_its_version() {
        assert_eq!(version("2.6.32-754.el6.x86_64"), Some([2, 6, 32]));
        assert_eq!(version("6.1-custom"), Some([6, 1, 0]));
        assert_eq!(version("3.10.0+"), Some([3, 10, 0]));
        assert_eq!(version("custom"), None);
        assert_eq!(version("99999999999.1"), None);
    }
}
