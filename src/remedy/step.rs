//! One change, as data: which of them a script can carry out, and what each means in a shell.

use crate::report::escape;
use crate::rules::shell::{quote, quote_path};

/// A change of the copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The conversion of the container does it.
    Convert,
    /// The container is repaired before it is converted (`qemu-img check -r all`, on a copy).
    CheckContainer,
    /// A file system is checked before it is mounted; the index of its volume.
    CheckFileSystem(usize),
    /// A text file is changed by one `sed` script.
    Edit {
        /// Path in the guest.
        file: String,
        /// What is changed.
        edit: Edit,
    },
    /// A line at the end of a text file, unless it is there already; the file is made where it is
    /// not.
    Append {
        /// Path in the guest.
        file: String,
        /// The line.
        line: String,
    },
    /// A file with just these lines.
    Write {
        /// Path in the guest.
        file: String,
        /// Its lines.
        lines: Vec<String>,
    },
    /// A file or a directory goes, where it is there.
    Delete(String),
    /// A directory's content goes; the directory stays.
    Clear(String),
    /// A file is emptied; it is made where it is not there.
    Empty(String),
    /// Each regular file below a directory is emptied.
    EmptyAll(String),
    /// A file gets another name in its directory.
    Rename {
        /// Path in the guest.
        from: String,
        /// Path in the guest.
        to: String,
    },
    /// A symbolic link.
    Link {
        /// Path in the guest.
        path: String,
        /// Where it leads.
        target: String,
    },
    /// A service is started at boot (`systemctl unmask`, `systemctl enable`); its unit's name.
    Enable(String),
    /// A command that the guest's own programs run, with the guest's root as `/`.
    Run {
        /// For `sh -e`.
        command: String,
        /// Whether it fetches something.
        network: bool,
    },
    /// The initramfs is made anew, after everything else.
    Rebuild(Rebuild),
}

/// How an initramfs is made anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rebuild {
    /// What makes it.
    pub(super) maker: Maker,
    /// The kernel's release.
    pub(super) release: String,
    /// Path in the guest of the file, where it is not the usual one.
    pub(super) image: Option<String>,
}

/// What makes a distribution's initramfs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Maker {
    Dracut,
    InitramfsTools,
    /// SUSE's old `mkinitrd`.
    Mkinitrd,
}

impl Rebuild {
    /// The command for the guest's own programs.
    pub(super) fn command(&self) -> String {
        let release = quote(&self.release);
        match (self.maker, &self.image) {
            // `-c` makes it where it is not there and replaces it where it is.
            (Maker::InitramfsTools, _) => format!("update-initramfs -c -k {release}"),
            // Not for the machine that this runs on, which dracut would otherwise look at.
            (Maker::Dracut, Some(image)) => {
                format!("dracut -f --no-hostonly {} {release}", quote_path(image))
            }
            (Maker::Dracut, None) => format!("dracut -f --no-hostonly --kver {release}"),
            (Maker::Mkinitrd, _) => "mkinitrd".to_owned(),
        }
    }
}

/// A change of a text file. All but the last two are for a line by its number and do nothing when
/// that line is not what was seen; none changes the number of another line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Edit {
    /// `#` in front of the line.
    CommentOut { line: u32, seen: String },
    /// Another line in its place.
    Replace { line: u32, seen: String, new: String },
    /// One word of the line gives way to another.
    Swap { line: u32, old: String, new: String },
    /// Words at the end of the line, which has `guard` in it.
    Extend { line: u32, guard: String, words: String },
    /// A setting by its key, which ends at a blank or `=`, in any case of its letters.
    Set { line: u32, key: String, new: String },
    /// `#` in front of settings with these keys (words of a regular expression of our own), within
    /// `range` (an address of `sed`, of our own).
    CommentKeys { range: String, keys: &'static str },
    /// A script of our own.
    Script(String),
}

/// `text` as a basic regular expression that matches just it.
fn pattern(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.*[]^$/".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// `text` as what `s` puts in.
fn replacement(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\&/".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

impl Edit {
    /// The script for `sed`.
    pub(super) fn sed(&self) -> String {
        match self {
            Self::CommentOut { line, seen } => {
                format!("{line}s/^{}[[:space:]]*$/#&/", pattern(seen.trim_end()))
            }
            Self::Replace { line, seen, new } => {
                format!("{line}s/^{}[[:space:]]*$/{}/", pattern(seen.trim_end()), replacement(new))
            }
            Self::Swap { line, old, new } => {
                format!("{line}s/{}/{}/", pattern(old), replacement(new))
            }
            Self::Extend { line, guard, words } => {
                format!("{line}{{/{}/s/$/ {}/;}}", pattern(guard), replacement(words))
            }
            Self::Set { line, key, new } => format!(
                "{line}s/^[[:space:]]*{}[[:space:]=].*/{}/I",
                pattern(key),
                replacement(new)
            ),
            Self::CommentKeys { range, keys } => {
                format!("{range}s/^[[:space:]]*\\({keys}\\)[0-9_]*[[:space:]=]/#&/")
            }
            Self::Script(script) => script.clone(),
        }
    }

    /// The number of the line that it is for.
    pub(super) fn line(&self) -> Option<u32> {
        match self {
            Self::CommentOut { line, .. }
            | Self::Replace { line, .. }
            | Self::Swap { line, .. }
            | Self::Extend { line, .. }
            | Self::Set { line, .. } => Some(*line),
            Self::CommentKeys { .. } | Self::Script(_) => None,
        }
    }

    /// Whether it depends on the whole of its line.
    pub(super) fn takes_the_line(&self) -> bool {
        matches!(self, Self::CommentOut { .. } | Self::Replace { .. } | Self::Set { .. })
    }
}

impl Step {
    /// A change of one line.
    pub(super) fn edit(file: &str, edit: Edit) -> Self {
        Self::Edit { file: file.to_owned(), edit }
    }

    /// A line at the end of a file.
    pub(super) fn append(file: &str, line: &str) -> Self {
        Self::Append { file: file.to_owned(), line: line.to_owned() }
    }

    /// A file with these lines.
    pub(super) fn write(file: &str, lines: &[&str]) -> Self {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        Self::Write { file: file.to_owned(), lines }
    }

    /// A command without the network.
    pub(super) fn run(command: impl Into<String>) -> Self {
        Self::Run { command: command.into(), network: false }
    }

    /// Whether it changes what lies in the guest's file systems.
    pub(super) fn is_in_guest(&self) -> bool {
        !matches!(self, Self::Convert | Self::CheckContainer)
    }

    /// Whether the guest's own programs carry it out.
    pub(super) fn runs_guest_programs(&self) -> bool {
        matches!(self, Self::Run { .. } | Self::Rebuild(_))
    }

    /// The paths in the guest that it is about.
    pub(super) fn paths(&self) -> Vec<&str> {
        match self {
            Self::Convert
            | Self::CheckContainer
            | Self::CheckFileSystem(_)
            | Self::Run { .. }
            | Self::Rebuild(_) => Vec::new(),
            Self::Edit { file, .. } | Self::Append { file, .. } | Self::Write { file, .. } => {
                vec![file]
            }
            Self::Delete(path) | Self::Clear(path) | Self::Empty(path) | Self::EmptyAll(path) => {
                vec![path]
            }
            Self::Link { path, .. } => vec![path],
            Self::Rename { from, to } => vec![from, to],
            Self::Enable(_) => vec!["/etc/systemd/system", "/usr/lib/systemd/system"],
        }
    }

    /// Whether every word of it can be put into a script that a person reads before running it: no
    /// control characters but the tab, nothing that hides or reorders text. A path with a line break
    /// would not break out of its quotes, but nobody should have to look twice.
    pub(super) fn is_plain(&self) -> bool {
        let plain = |text: &str| !text.chars().any(|c| c != '\t' && escape::is_unsafe(c));
        let paths = self.paths();
        let here = paths.iter().all(|path| plain(path) && path.starts_with('/'));
        here && match self {
            Self::Convert
            | Self::CheckContainer
            | Self::CheckFileSystem(_)
            | Self::Delete(_)
            | Self::Clear(_)
            | Self::Empty(_)
            | Self::EmptyAll(_)
            | Self::Rename { .. } => true,
            Self::Edit { edit, .. } => plain(&edit.sed()),
            Self::Append { line, .. } => plain(line),
            Self::Write { lines, .. } => lines.iter().all(|line| plain(line)),
            Self::Link { target, .. } => plain(target),
            Self::Enable(unit) => plain(unit) && !unit.contains('/'),
            // Of several lines, our own.
            Self::Run { command, .. } => command.lines().all(plain),
            Self::Rebuild(rebuild) => plain(&rebuild.command()),
        }
    }

    /// The same as a command for a shell inside the guest, whose root is `/`. None for what is no
    /// change of its files.
    pub(super) fn inside(&self) -> Option<String> {
        Some(match self {
            Self::Convert | Self::CheckContainer | Self::CheckFileSystem(_) => return None,
            Self::Edit { file, edit } => {
                let (script, file) = (quote(&edit.sed()), quote_path(file));
                format!(
                    "before=$(cksum <{file}); sed -i {script} {file}; [ \"$before\" != \"$(cksum <{file})\" ] || echo left out: {file}"
                )
            }
            Self::Append { file, line } => {
                let (file, line) = (quote_path(file), quote(line));
                format!("grep -qxF -e {line} {file} 2>/dev/null || printf '%s\\n' {line} >> {file}")
            }
            Self::Write { file, lines } => {
                let words: Vec<_> = lines.iter().map(|line| quote(line)).collect();
                format!("printf '%s\\n' {} > {}", words.join(" "), quote_path(file))
            }
            Self::Delete(path) => format!("rm -rf {}", quote_path(path)),
            Self::Clear(path) => {
                let path = quote_path(path);
                format!("[ ! -d {path} ] || find {path} -mindepth 1 -delete")
            }
            Self::Empty(path) => format!(": > {}", quote_path(path)),
            Self::EmptyAll(path) => {
                format!("find {} -xdev -type f -exec truncate -s 0 {{}} +", quote_path(path))
            }
            Self::Rename { from, to } => format!("mv {} {}", quote_path(from), quote_path(to)),
            Self::Link { path, target } => {
                format!("ln -sfn -- {} {}", quote(target), quote_path(path))
            }
            Self::Enable(unit) => {
                let unit = quote(unit);
                format!("systemctl unmask {unit} && systemctl enable {unit}")
            }
            Self::Run { command, .. } => command.clone(),
            Self::Rebuild(rebuild) => rebuild.command(),
        })
    }
}
