//! The command line: arguments, languages, exit codes. A library caller needs nothing from here.

#![allow(clippy::disallowed_methods, reason = "a program reads, prints and ends")]

mod args;
mod cat;
mod check;
mod config;
mod examples;
mod explain;
mod generate;
mod init;
mod inspect;
mod ls;
mod merge;
mod nearest;
mod os_version;
mod output;
mod password;
mod progress;
mod registry;
mod remedy;
mod request;
mod rules;
mod sandbox;
mod schema;
mod sources;
mod trace;
mod version;

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use clap::FromArgMatches;
use clap::error::ErrorKind;

use self::args::{Cli, ColorArg, Command, OutputArg};
use self::config::Config;
use crate::chinese::chinese;
use crate::fact::Unread;
use crate::report::Detail;
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

/// What every command is told.
struct Call {
    /// The language of the output.
    lang: Lang,
    /// How much is said.
    detail: Detail,
    color: ColorChoice,
    config: Config,
}

/// Runs the command line and gives its exit code.
pub fn run() -> ExitCode {
    let parsed = examples::command().try_get_matches();
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) if error.kind() == ErrorKind::DisplayVersion && version::is_asked_in_full() => {
            return ended(version::run(&mut io::stdout()), lang_of_locale());
        }
        Err(error) => {
            let code = if error.use_stderr() { NOT_CARRIED_OUT } else { 0 };
            // Nothing is left to be done when the message itself cannot be printed.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    trace::start();
    let color = match cli.color {
        ColorArg::Auto => ColorChoice::Auto,
        ColorArg::Always => ColorChoice::Always,
        ColorArg::Never => ColorChoice::Never,
    };
    let detail = match (cli.quiet, cli.verbose) {
        (true, _) => Detail::Short,
        (_, true) => Detail::Full,
        _ => Detail::Normal,
    };
    let asked = cli.lang.map(Lang::from);
    let config = if cli.command.is_configured() || cli.config.is_some() {
        Config::read(cli.config.as_deref())
    } else {
        Ok(Config::default())
    };
    let config = match config {
        Ok(config) => config,
        Err(failure) => return ended(Err(failure), asked.unwrap_or_else(lang_of_locale)),
    };
    let lang = asked.or(config.lang.map(Lang::from)).unwrap_or_else(lang_of_locale);
    let call = Call { lang, detail, color, config };
    let mut out = io::BufWriter::new(AutoStream::new(io::stdout(), color));
    let result = match cli.command {
        Command::Check(args) => check::run(&args, &call, &mut out),
        Command::Inspect(args) => {
            confine(&args.image, &call).and_then(|()| inspect::run(&args, &call, &mut out))
        }
        Command::Explain(args) => explain::run(&args, &call, &mut out),
        Command::Rules(args) => rules::run(&args, &call, &mut out),
        Command::Ls(args) => {
            confine(&args.image, &call).and_then(|()| ls::run(&args, &call, &mut out))
        }
        Command::Cat(args) => confine(&args.image, &call).and_then(|()| cat::run(&args, lang)),
        Command::Registry(args) => {
            confine(&args.image, &call).and_then(|()| registry::run(&args, &call, &mut out))
        }
        Command::Request(args) => request::run(&args, &call, &mut out),
        Command::Remedy(args) => remedy::run(&args, &call, &mut out),
        Command::OsVersion(args) => os_version::run(&args, &call, &mut out),
        Command::Merge(args) => merge::run(&args, &call, &mut out),
        Command::Init(args) => init::run(&args, &call, &mut out),
        Command::Schema(args) => schema::run(&args, &mut out),
        Command::Completions(args) => generate::completions(&args, &mut out),
        Command::Man(args) => generate::man(&args, &mut out),
    };
    let flushed = out.flush();
    ended(result.and_then(|code| Ok(flushed.map(|()| code)?)), lang)
}

/// The exit code of a call, with the sentence that says why it could not be carried out.
fn ended(result: Result<u8, Failure>, lang: Lang) -> ExitCode {
    match result {
        Ok(code) => ExitCode::from(code),
        // Whoever reads our output has seen enough (`| head`).
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::from(NOT_CARRIED_OUT)
        }
        Err(Failure::Output(error)) => complain(&format!("cannot write the output: {error}"), lang),
        Err(Failure::Said(sentence)) => complain(&sentence, lang),
    }
}

/// Confines a command that reads one image, and says so when it is asked to say more.
fn confine(image: &Path, call: &Call) -> Result<(), Failure> {
    sources::check_name(image)?;
    sandbox::enter(std::iter::once(image), None)?.tell(call)
}

fn complain(sentence: &str, lang: Lang) -> ExitCode {
    let sentence = words_in(sentence, lang);
    let sentence = crate::report::escape::for_terminal(&sentence);
    // Nothing is left to be done when the message itself cannot be printed.
    let _ = writeln!(io::stderr(), "image-preflight: {sentence}");
    ExitCode::from(NOT_CARRIED_OUT)
}

/// What readers say in English, in the language of the output as far as it is known there.
fn words_in(text: &str, lang: Lang) -> Cow<'_, str> {
    match lang {
        Lang::En => Cow::Borrowed(text),
        Lang::ZhCn => chinese(text),
    }
}

/// Where something could not be read, and why.
fn place_and_reason(unread: &Unread, lang: Lang) -> String {
    let (place, reason) = (words_in(&unread.location, lang), words_in(&unread.reason, lang));
    match lang {
        Lang::En => format!("{place}: {reason}"),
        Lang::ZhCn => format!("{place}：{reason}"),
    }
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

/// Columns of the terminal that shows standard output, when one does.
fn width() -> usize {
    let terminal = terminal_size::terminal_size_of(io::stdout());
    let columns = terminal.map(|(width, _)| usize::from(width.0));
    columns.unwrap_or(DEFAULT_WIDTH).clamp(*WIDTHS.start(), *WIDTHS.end())
}

/// Columns of the output: a file is as wide on every terminal.
fn width_of(output: &OutputArg) -> usize {
    if output.path.is_some() { DEFAULT_WIDTH } else { width() }
}
