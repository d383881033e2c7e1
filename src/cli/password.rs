//! `--password-file`: the initial password, from a file or from standard input.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::Failure;
use crate::guest::password::{InitialPassword, MAX_PASSWORD};

/// Bytes read at most: the longest password and its line end.
const MAX_LINE: usize = MAX_PASSWORD + 2;

/// The first line of the file, without its end; `-` is standard input.
pub(super) fn read(path: &Path) -> Result<InitialPassword, Failure> {
    let said = |error: &dyn std::fmt::Display| {
        let place = if path == Path::new("-") {
            "standard input".into()
        } else {
            path.display().to_string()
        };
        Failure::Said(format!("--password-file {place}: {error}"))
    };
    let line = if path == Path::new("-") {
        standard_input().and_then(first_line)
    } else {
        File::open(path).and_then(first_line)
    };
    let line = line.map_err(|error| said(&error))?;
    InitialPassword::new(line).map_err(|error| said(&error))
}

/// Standard input without a buffer of the library's, which nobody would wipe.
#[cfg(unix)]
fn standard_input() -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

#[cfg(windows)]
fn standard_input() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    Ok(File::from(io::stdin().as_handle().try_clone_to_owned()?))
}

/// Bytes up to the first line end or the bound; all that was read is wiped.
fn first_line(mut file: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut buffer = Zeroizing::new([0_u8; MAX_LINE]);
    let mut filled = 0_usize;
    while let Some(free) = buffer.get_mut(filled..).filter(|free| !free.is_empty()) {
        let read = match file.read(free) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let has_end = free.get(..read).is_some_and(|new| new.contains(&b'\n'));
        filled = filled.saturating_add(read);
        if has_end {
            break;
        }
    }
    let seen = buffer.get(..filled).unwrap_or_default();
    let line = seen.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Ok(Zeroizing::new(line.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_counts_without_its_end() {
        let line = |text: &str| first_line(text.as_bytes()).unwrap().to_vec();
        assert_eq!(line("Secret1!\nsecond\n"), b"Secret1!");
        assert_eq!(line("Secret1!\r\n"), b"Secret1!");
        assert_eq!(line(" no end "), b" no end ");
        assert_eq!(line(""), b"");
        // Longer than any password: refused, not cut.
        assert!(line(&"a".repeat(5000)).len() > MAX_PASSWORD);
    }

    #[test]
    fn what_was_refused_is_told_without_the_password() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p");
        std::fs::write(&path, "\n").unwrap();
        let Err(Failure::Said(told)) = read(&path) else { panic!() };
        assert!(told.ends_with("the password is empty"), "{told}");
        std::fs::write(&path, "s".repeat(2000)).unwrap();
        let Err(Failure::Said(told)) = read(&path) else { panic!() };
        assert!(!told.contains("sss"), "{told}");
        assert!(read(&dir.path().join("absent")).is_err());
    }
}
