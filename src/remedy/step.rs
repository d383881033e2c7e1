//! One change, as data: which of them a script can carry out, and what each means in a shell.

use crate::report::escape;
use crate::rules::shell::{quote_in_script, quote_path_in_script};

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
    /// A new file with just these lines; one that is there stays.
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
    /// A file gets another name in its directory, where nothing has that name.
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
        /// For `sh -e`; one line, since a name of the image could bring lines of its own.
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

/// Where mkinitramfs's settings lie: `initramfs.conf`, and after it the files of `conf.d` in the order
/// of their names.
const SETTINGS: &str = "/etc/initramfs-tools";

impl Rebuild {
    /// The command for the guest's own programs.
    pub(super) fn command(&self) -> String {
        let release = quote_in_script(&self.release);
        match (self.maker, &self.image) {
            // `-c` makes it where it is not there and replaces it where it is. MODULES=dep would look
            // at the machine that this runs on (initramfs.conf(5)); of the files in conf.d the last
            // one counts, and this one stays no longer than the command.
            (Maker::InitramfsTools, _) => format!(
                "trap 'rm -f {SETTINGS}/conf.d/zzz-once' EXIT; if grep -hs '^MODULES=' {SETTINGS}/initramfs.conf {SETTINGS}/conf.d/* | tail -n 1 | grep -q dep; then mkdir -p {SETTINGS}/conf.d; echo MODULES=most > {SETTINGS}/conf.d/zzz-once; fi; update-initramfs -c -k {release}"
            ),
            // Not for the machine that this runs on, which dracut would otherwise look at.
            (Maker::Dracut, Some(image)) => {
                format!("dracut -f --no-hostonly {} {release}", quote_path_in_script(image))
            }
            (Maker::Dracut, None) => format!("dracut -f --no-hostonly --kver {release}"),
            (Maker::Mkinitrd, _) => "mkinitrd".to_owned(),
        }
    }
}

/// A change of a text file. All but the last two are for a line by its number and do nothing when
/// that line is not what was seen; none but the last changes the number of another line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Edit {
    /// `#` in front of the line.
    CommentOut { line: u32, seen: String },
    /// Another line in its place.
    Replace { line: u32, seen: String, new: String },
    /// One word of the line gives way to another, or to none.
    Swap { line: u32, old: String, new: String },
    /// Words at the end of the line, which has `guard` in it.
    Extend { line: u32, guard: String, words: String },
    /// A setting by its key, which ends at a blank or `=`, in any case of its letters.
    Set { line: u32, key: String, new: String },
    /// `iface NAME inet static` of ifupdown, by its words, and the addresses of its stanza give way to
    /// DHCP (interfaces(5)); nothing of either when the line is another one.
    ToDhcp { line: u32, words: Vec<String> },
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

/// Which word of an `iface` line is the method, from 0 (interfaces(5)).
pub(super) const METHOD: usize = 3;

/// What begins a stanza of `/etc/network/interfaces`, and with it ends the one before
/// (interfaces(5)).
const STANZAS: &str = "iface\\|auto\\|allow-[^[:space:]]*\\|mapping\\|source\\|source-directory\\|no-auto-down\\|no-scripts\\|rename\\|template";

/// The options of a stanza that DHCP answers.
const ADDRESSES: &str = "address\\|netmask\\|network\\|broadcast\\|gateway";

impl Edit {
    /// The script for `sed`.
    pub(super) fn sed(&self) -> String {
        match self {
            Self::CommentOut { line, seen } => {
                // Whoever saw the line may have left out the blanks around it.
                format!("{line}s/^[[:space:]]*{}[[:space:]]*$/#&/", pattern(seen.trim()))
            }
            Self::Replace { line, seen, new } => format!(
                "{line}s/^\\([[:space:]]*\\){}[[:space:]]*$/\\1{}/",
                pattern(seen.trim()),
                replacement(new.trim())
            ),
            Self::Swap { line, old, new } => {
                let first = if new.is_empty() { "" } else { "\\1" };
                format!(
                    "{line}s/\\(^\\|[[:space:]]\\){}\\([[:space:]]\\|$\\)/{first}{}\\2/g",
                    pattern(old),
                    replacement(new)
                )
            }
            Self::ToDhcp { line, words } => {
                let blank = "[[:space:]]\\{1,\\}";
                let join = |words: &mut dyn Iterator<Item = &String>| -> String {
                    words.map(|word| pattern(word)).collect::<Vec<_>>().join(blank)
                };
                let before = join(&mut words.iter().take(METHOD));
                let behind: String = words
                    .iter()
                    .skip(METHOD.saturating_add(1))
                    .map(|word| format!("{blank}{}", pattern(word)))
                    .collect();
                // `n` ends the script at the last line.
                format!(
                    "{line}{{s/^\\([[:space:]]*{before}{blank}\\)static\\({behind}[[:space:]]*\\)$/\\1dhcp\\2/;ta;b;:a;n;/^[[:space:]]*\\({STANZAS}\\)\\([[:space:]]\\|$\\)/b;s/^[[:space:]]*\\({ADDRESSES}\\)[[:space:]]/#&/;ba;}}"
                )
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
            | Self::Set { line, .. }
            | Self::ToDhcp { line, .. } => Some(*line),
            Self::CommentKeys { .. } | Self::Script(_) => None,
        }
    }

    /// Whether it depends on the whole of its line.
    pub(super) fn takes_the_line(&self) -> bool {
        matches!(
            self,
            Self::CommentOut { .. } | Self::Replace { .. } | Self::Set { .. } | Self::ToDhcp { .. }
        )
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

    /// How late it comes: steps for a line by its number stand before those that move lines, and all
    /// before those that move the file.
    pub(super) fn turn(&self) -> u8 {
        match self {
            Self::Rename { .. } => 2,
            Self::Edit { edit: Edit::Script(_), .. } => 1,
            _ => 0,
        }
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
            // `$'…'` holds what is not plain, as `quote` in `rules/shell.rs` has it.
            Self::Run { command, .. } => plain(command) && !command.contains("$'"),
            Self::Rebuild(rebuild) => plain(&rebuild.command()),
        }
    }

    /// The same as a command for a shell inside the guest, whose root is `/`. None for what is no
    /// change of its files.
    pub(super) fn inside(&self) -> Option<String> {
        Some(match self {
            Self::Convert | Self::CheckContainer | Self::CheckFileSystem(_) => return None,
            Self::Edit { file, edit } => {
                let (script, file) = (quote_in_script(&edit.sed()), quote_path_in_script(file));
                // Not `sed -i`, which puts a new file in the place of a link, without its label.
                format!(
                    "if [ -f {file} ]; then new=$(mktemp) && sed {script} {file} > \"$new\" && if [ \"$(cksum < {file})\" = \"$(cksum < \"$new\")\" ]; then echo left out: {file}; else cat \"$new\" > {file}; fi && rm -f \"$new\"; else echo left out: {file}; fi"
                )
            }
            Self::Append { file, line } => {
                let (above, file, line) =
                    (directory_of(file), quote_path_in_script(file), quote_in_script(line));
                format!(
                    "mkdir -p {above}; grep -qxF -e {line} {file} 2>/dev/null || {{ [ -z \"$(tail -c 1 {file} 2>/dev/null)\" ] || echo >> {file}; printf '%s\\n' {line} >> {file}; }}"
                )
            }
            Self::Write { file, lines } => {
                let words: Vec<_> = lines.iter().map(|line| quote_in_script(line)).collect();
                let (words, above, file) =
                    (words.join(" "), directory_of(file), quote_path_in_script(file));
                format!(
                    "if [ -e {file} ]; then echo left out: {file}; else mkdir -p {above}; printf '%s\\n' {words} > {file}; fi"
                )
            }
            Self::Delete(path) => format!("rm -rf {}", quote_path_in_script(path)),
            Self::Clear(path) => {
                let path = quote_path_in_script(path);
                format!("[ ! -d {path} ] || find {path} -mindepth 1 -delete")
            }
            Self::Empty(path) => {
                format!("mkdir -p {}; : > {}", directory_of(path), quote_path_in_script(path))
            }
            Self::EmptyAll(path) => {
                format!(
                    "find {} -xdev -type f -exec truncate -s 0 {{}} +",
                    quote_path_in_script(path)
                )
            }
            Self::Rename { from, to } => {
                let (from, to) = (quote_path_in_script(from), quote_path_in_script(to));
                format!(
                    "if [ -e {from} ] && [ ! -e {to} ] && [ ! -L {to} ]; then mv {from} {to}; else echo left out: {from}; fi"
                )
            }
            Self::Link { path, target } => {
                let (above, path) = (directory_of(path), quote_path_in_script(path));
                format!("mkdir -p {above}; ln -sfn -- {} {path}", quote_in_script(target))
            }
            Self::Enable(unit) => {
                let unit = quote_in_script(unit);
                format!("systemctl unmask {unit} && systemctl enable {unit}")
            }
            Self::Run { command, .. } => command.clone(),
            Self::Rebuild(rebuild) => rebuild.command(),
        })
    }
}

/// The directory in which a file of the guest lies, as one word of a shell.
fn directory_of(path: &str) -> String {
    match path.rsplit_once('/') {
        Some((directory, _)) if !directory.is_empty() => quote_path_in_script(directory),
        _ => "/".to_owned(),
    }
}
