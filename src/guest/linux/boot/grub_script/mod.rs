//! GRUB 2's script language, as far as `grub.cfg` uses it: enough to learn which entry is started
//! without a key press, and which kernel, initramfs and command line it gives.
//!
//! In: texts of configuration files and the volumes. Out: the [`menu::Menu`] and, for an entry that
//! was run, what it [`Loaded`]. What depends on something that only the running machine knows is
//! carried along as a [`Doubt`], never guessed.

mod blscfg;
mod btrfs;
mod commands;
mod interpreter;
pub(super) mod menu;
mod search;
mod spoil;
mod syntax;
mod test_expression;
mod token;

use std::cell::Cell;
use std::rc::Rc;

pub(super) use interpreter::{Interpreter, Platform};

use super::volumes::Place;

/// Why a value or an effect is not certain.
pub(super) type Doubt = Rc<str>;

/// A value, and why it is not certain if it is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Text {
    /// The value.
    pub(super) value: String,
    /// Why it may be another one.
    pub(super) doubt: Option<Doubt>,
}

impl Text {
    fn certain(value: impl Into<String>) -> Self {
        Self { value: value.into(), doubt: None }
    }
}

/// A line of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Site {
    /// The file.
    pub(super) file: Rc<str>,
    /// The line, from 1.
    pub(super) line: u32,
}

impl std::fmt::Display for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A file that a command loaded.
#[derive(Debug, Clone)]
pub(super) struct LoadedFile {
    /// As the command names it, variables expanded.
    pub(super) spec: String,
    /// Where it should lie.
    pub(super) place: Place,
    /// The command.
    pub(super) site: Site,
}

/// What commands prepared for booting.
#[derive(Debug, Clone, Default)]
pub(super) struct Loaded {
    /// The kernel.
    pub(super) kernel: Option<LoadedFile>,
    /// Its command line.
    pub(super) command_line: String,
    /// Line at which the command line begins.
    pub(super) command_line_line: u32,
    /// Initramfs files in order.
    pub(super) initrds: Vec<LoadedFile>,
    /// Something else than a Linux kernel: the command (`chainloader +1`).
    pub(super) other: Option<String>,
    /// Why this is not certain.
    pub(super) doubt: Option<Doubt>,
}

/// Why the running of a script ended before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// `break` out of so many loops.
    Break(u32),
    /// `continue` of the so-manieth loop.
    Continue(u32),
    /// `return` out of a function.
    Return,
    /// `configfile` showed the menu that is now the interpreter's.
    Menu,
    /// `boot` started what was loaded.
    Boot,
    /// The script leaves GRUB, or a bound of this program was reached: the words for it.
    End(String),
}

/// Most commands that all configurations which are tried may run, all their entries together. A usual one runs
/// some thousands; a loop without end must end, and those of eight configurations within half a second.
const MAX_STEPS: u32 = 200_000;

/// How much work is counted as a command: volumes that are looked through, and variables that are copied.
const STEP_WORK: usize = 16;

/// How many bytes of a file that is run are counted as a command, comments included.
const STEP_BYTES: usize = 64;

/// Longest reason in bytes that is kept with a place. A configuration may hand a text of half a MiB to thousands
/// of files.
const MAX_REASON: usize = 1024;

/// Most bytes that expanding words may make, all together: bounds variables and titles.
const MAX_TEXT: usize = 2 << 20;

/// Most files that are read, all together (BLS entries included).
const MAX_FILES: u32 = 256;

/// Longest configuration file in bytes. One of a hundred kernels has under 200 KiB.
pub(super) const MAX_FILE_BYTES: u64 = 512 << 10;

/// Deepest nesting of blocks, calls and files while running. Usual: six.
const MAX_DEPTH: u32 = 48;

/// What has been spent of the bounds, by all configurations that are tried.
#[derive(Default)]
pub(super) struct Budget {
    steps: Cell<u32>,
    text: Cell<usize>,
    files: Cell<u32>,
    nodes: Cell<u32>,
}

impl Budget {
    fn step(&self) -> Result<(), Stop> {
        self.steps.set(self.steps.get().saturating_add(1));
        self.left().map_err(Stop::End)
    }

    /// Counts so much work; told at the next command.
    pub(super) fn work(&self, work: usize) {
        let steps = u32::try_from(work.div_euclid(STEP_WORK)).unwrap_or(u32::MAX);
        self.steps.set(self.steps.get().saturating_add(steps));
    }

    /// Whether anything is left of the bound on commands.
    ///
    /// # Errors
    /// The words for it.
    pub(super) fn left(&self) -> Result<(), String> {
        match self.steps.get() <= MAX_STEPS {
            true => Ok(()),
            false => Err(format!("more than {MAX_STEPS} commands were run")),
        }
    }

    fn text(&self, bytes: usize) -> Result<(), Stop> {
        self.text.set(self.text.get().saturating_add(bytes));
        bound(self.text.get() <= MAX_TEXT, || format!("more than {MAX_TEXT} bytes of text"))
    }

    fn file(&self) -> Result<(), Stop> {
        self.files.set(self.files.get().saturating_add(1));
        bound(self.files.get() <= MAX_FILES, || format!("more than {MAX_FILES} files were read"))
    }
}

/// As much of a reason as is kept with a place.
pub(super) fn shortened(reason: &str) -> String {
    match reason.char_indices().find(|(at, _)| *at >= MAX_REASON) {
        Some((at, _)) => format!("{}…", reason.get(..at).unwrap_or_default()),
        None => reason.to_owned(),
    }
}

fn bound(holds: bool, words: impl FnOnce() -> String) -> Result<(), Stop> {
    if holds { Ok(()) } else { Err(Stop::End(words())) }
}
