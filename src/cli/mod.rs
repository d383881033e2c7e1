//! The command line: arguments, languages, exit codes. A library caller needs nothing from here.

mod args;
mod cat;
mod check;
mod config;
mod explain;
mod generate;
mod init;
mod inspect;
mod ls;
mod merge;
mod os_version;
mod password;
mod progress;
mod registry;
mod remedy;
mod request;
mod rules;
mod sandbox;
mod schema;
mod sources;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use clap::Parser;

use self::args::{Cli, ColorArg, Command};
use crate::rules::Lang;

/// Exit code for a call that could not be carried out.
const NOT_CARRIED_OUT: u8 = 2;

/// Columns when the output is no terminal.
const DEFAULT_WIDTH: usize = 100;

/// Widest and narrowest layout, in columns.
const WIDTHS: std::ops::RangeInclusive<usize> = 40..=120;

/// What ends a command early: a sentence for the user, or an output that nobody reads any more.
enum Failure {
    Said(String),
    Output(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<crate::Error> for Failure {
    fn from(error: crate::Error) -> Self {
        Self::Said(error.to_string())
    }
}

/// Runs the command line and gives its exit code.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { NOT_CARRIED_OUT } else { 0 };
            // Nothing is left to be done when the message itself cannot be printed.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let choice = match cli.color {
        ColorArg::Auto => ColorChoice::Auto,
        ColorArg::Always => ColorChoice::Always,
        ColorArg::Never => ColorChoice::Never,
    };
    let asked = cli.lang.map(Lang::from);
    let lang = asked.unwrap_or_else(lang_of_locale);
    let mut out = io::BufWriter::new(AutoStream::new(io::stdout(), choice));
    let result = match cli.command {
        Command::Check(args) => check::run(&args, asked, lang, choice, &mut out),
        Command::Inspect(args) => confine(&args.image).and_then(|()| inspect::run(&args, &mut out)),
        Command::Explain(args) => explain::run(&args, lang, &mut out),
        Command::Rules(args) => rules::run(&args, lang, &mut out),
        Command::Ls(args) => confine(&args.image).and_then(|()| ls::run(&args, &mut out)),
        Command::Cat(args) => confine(&args.image).and_then(|()| cat::run(&args)),
        Command::Registry(args) => {
            confine(&args.image).and_then(|()| registry::run(&args, &mut out))
        }
        Command::Request(args) => request::run(&args, lang, &mut out),
        Command::Remedy(args) => remedy::run(&args, asked, lang, &mut out),
        Command::OsVersion(args) => os_version::run(&args, lang, &mut out),
        Command::Merge(args) => merge::run(&args, lang, &mut out),
        Command::Init(args) => init::run(&args, &mut out),
        Command::Schema(args) => schema::run(&args, &mut out),
        Command::Completions(args) => generate::completions(&args, &mut out),
        Command::Man(args) => generate::man(&args, &mut out),
    };
    let flushed = out.flush();
    match result.and_then(|code| Ok(flushed.map(|()| code)?)) {
        Ok(code) => ExitCode::from(code),
        // Whoever reads our output has seen enough (`| head`).
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::from(NOT_CARRIED_OUT)
        }
        Err(Failure::Output(error)) => complain(&format!("cannot write the output: {error}")),
        Err(Failure::Said(sentence)) => complain(&sentence),
    }
}

/// Confines a command that reads one image.
fn confine(image: &Path) -> Result<(), Failure> {
    sandbox::enter(std::iter::once(image), None).map(|_| ())
}

fn complain(sentence: &str) -> ExitCode {
    let sentence = crate::report::escape::for_terminal(sentence);
    // Nothing is left to be done when the message itself cannot be printed.
    let _ = writeln!(io::stderr(), "image-preflight: {sentence}");
    ExitCode::from(NOT_CARRIED_OUT)
}

/// The language by the locale's variables in their POSIX order.
fn lang_of_locale() -> Lang {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .filter_map(std::env::var_os)
        .find(|value| !value.is_empty());
    match locale {
        Some(value) if value.to_string_lossy().to_ascii_lowercase().starts_with("zh") => Lang::ZhCn,
        _ => Lang::En,
    }
}

fn width() -> usize {
    let columns = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    columns.unwrap_or(DEFAULT_WIDTH).clamp(*WIDTHS.start(), *WIDTHS.end())
}
