//! `%SystemRoot%`, and where the paths that Windows' settings name lie in its tree.

/// The directory of Windows in its tree.
pub(super) struct SystemRoot {
    /// `/Windows`.
    directory: String,
    /// The letter of its drive, in upper case.
    drive: char,
}

/// Why a path of the guest was not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Elsewhere {
    /// It lies on another drive.
    Drive(char),
    /// It is none that is understood here: a device, a share, another variable.
    Unknown,
}

impl SystemRoot {
    /// By the directory of the hives (`/Windows/System32/config`) and what `SystemRoot` says
    /// (`C:\Windows`).
    pub(super) fn new(hives: &str, system_root: Option<&str>) -> Self {
        let directory = hives.strip_suffix("/System32/config").unwrap_or("/Windows");
        let drive = system_root.and_then(letter).unwrap_or('C');
        Self { directory: directory.to_owned(), drive }
    }

    /// A path below it in the tree.
    pub(super) fn path(&self, below: &str) -> String {
        format!("{}/{below}", self.directory)
    }

    /// The same as Windows writes it.
    pub(super) fn shown(&self, below: &str) -> String {
        shown(&self.path(below))
    }

    /// Where a path of a setting leads in the tree. What is relative starts at `%SystemRoot%`, as
    /// the kernel takes the paths of drivers.
    pub(super) fn resolve(&self, path: &str) -> Result<String, Elsewhere> {
        let path = path.trim().replace('/', "\\");
        let path = path.strip_prefix(r"\??\").unwrap_or(&path);
        let lower = path.to_ascii_lowercase();
        let windows = [r"\systemroot\", r"%systemroot%\", r"%windir%\"];
        let programs = [
            (r"%programfiles%\", "Program Files"),
            (r"%programfiles(x86)%\", "Program Files (x86)"),
            (r"%programdata%\", "ProgramData"),
        ];
        let rest = |prefix: &str| path.get(prefix.len()..).unwrap_or_default().to_owned();
        for prefix in windows {
            if lower.starts_with(prefix) {
                return Ok(self.path(&slashes(&rest(prefix))));
            }
        }
        for (prefix, directory) in programs {
            if lower.starts_with(prefix) {
                return Ok(format!("/{directory}/{}", slashes(&rest(prefix))));
            }
        }
        let inside = match letter(path) {
            Some(drive) if drive == self.drive => path.get(2..).unwrap_or_default(),
            Some(drive) => return Err(Elsewhere::Drive(drive)),
            None => match lower.strip_prefix("%systemdrive%") {
                Some(_) => path.get("%systemdrive%".len()..).unwrap_or_default(),
                None if path.starts_with('%') || path.starts_with('\\') => {
                    return Err(Elsewhere::Unknown);
                }
                None => return Ok(self.path(&slashes(path))),
            },
        };
        if inside.contains('%') || !inside.starts_with('\\') {
            return Err(Elsewhere::Unknown);
        }
        Ok(slashes(inside))
    }
}

/// The letter of the drive that a path begins with, in upper case.
pub(super) fn letter(path: &str) -> Option<char> {
    let mut chars = path.chars();
    let drive = chars.next().filter(char::is_ascii_alphabetic)?;
    (chars.next() == Some(':')).then(|| drive.to_ascii_uppercase())
}

/// A path of Windows as one of its tree.
fn slashes(path: &str) -> String {
    path.replace('\\', "/")
}

/// A path of the tree as Windows writes it.
pub(super) fn shown(path: &str) -> String {
    path.replace('/', "\\")
}

/// The program of a command line, as `CreateProcess` finds it: what stands in quotes, otherwise up to
/// the first `.exe` or `.sys` that ends a word.
pub(super) fn program(command: &str) -> &str {
    let command = command.trim();
    if let Some(quoted) = command.strip_prefix('"') {
        return quoted.split('"').next().unwrap_or_default();
    }
    let lower = command.to_ascii_lowercase();
    let ends = [".exe", ".sys"].into_iter().filter_map(|suffix| {
        lower.match_indices(suffix).map(|(at, _)| at.saturating_add(suffix.len())).find(|end| {
            lower.get(*end..).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
        })
    });
    match ends.min() {
        Some(end) => command.get(..end).unwrap_or(command),
        None => command.split_whitespace().next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_in_which_windows_writes_paths_lead_into_the_tree() {
        let root = SystemRoot::new("/Windows/System32/config", Some(r"C:\Windows"));
        let driver = "/Windows/system32/drivers/viostor.sys";
        for path in [
            r"system32\drivers\viostor.sys",
            r"\SystemRoot\system32\drivers\viostor.sys",
            r"%SystemRoot%\system32\drivers\viostor.sys",
            r"\??\C:\Windows\system32\drivers\viostor.sys",
            r"c:\Windows\system32\drivers\viostor.sys",
            r"%SystemDrive%\Windows\system32\drivers\viostor.sys",
        ] {
            assert_eq!(root.resolve(path).as_deref(), Ok(driver), "{path}");
        }
        let tool = root.resolve(r"%ProgramFiles(x86)%\virtio\bin\version");
        assert_eq!(tool.as_deref(), Ok("/Program Files (x86)/virtio/bin/version"));
        assert_eq!(root.resolve(r"D:\x.exe"), Err(Elsewhere::Drive('D')));
        for path in [r"\\server\share\x.exe", r"%LOCALAPPDATA%\x.exe", "C:x.exe"] {
            assert_eq!(root.resolve(path), Err(Elsewhere::Unknown), "{path}");
        }
        let old = SystemRoot::new("/WINNT/System32/config", Some(r"E:\WINNT"));
        assert_eq!(old.resolve(r"E:\WINNT\a.exe").as_deref(), Ok("/WINNT/a.exe"));
        assert_eq!(old.resolve("a.exe").as_deref(), Ok("/WINNT/a.exe"));
    }

    #[test]
    fn the_program_of_a_command_line_is_what_windows_would_start() {
        for (command, program_of_it) in [
            (r#""C:\Program Files\a b\c.exe" --config-file x"#, r"C:\Program Files\a b\c.exe"),
            (r"C:\Program Files\a b\c.exe -k", r"C:\Program Files\a b\c.exe"),
            (r"C:\a.exe.d\b.exe", r"C:\a.exe.d\b.exe"),
            (r"system32\drivers\x.sys", r"system32\drivers\x.sys"),
            ("svchost -k netsvcs", "svchost"),
        ] {
            assert_eq!(program(command), program_of_it);
        }
    }
}
