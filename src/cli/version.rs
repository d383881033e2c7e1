//! `image-preflight --version --verbose`: what this program and this machine offer.

use std::io::{self, IsTerminal, Write};
use std::num::NonZero;

use anstream::AutoStream;

use super::{Failure, lang_of_locale, sandbox, width};
use crate::rules::os_version::listed;
use crate::rules::{ERROR_CODES, Lang, Profile, about_all};

/// The commit that a release was built from, which its build sets; nothing else could say it
/// truthfully.
const COMMIT: Option<&str> = option_env!("IMAGE_PREFLIGHT_COMMIT");

/// Variables that decide about language and colour.
const VARIABLES: [&str; 8] =
    ["LC_ALL", "LC_MESSAGES", "LANG", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TERM", "RUST_LOG"];

/// Whether the version is asked for with all that belongs to it.
pub(super) fn is_asked_in_full() -> bool {
    let is_short = |word: &str| word.starts_with('-') && !word.starts_with("--");
    std::env::args_os()
        .filter_map(|word| word.into_string().ok())
        .any(|word| word == "--verbose" || (is_short(&word) && word.contains('v')))
}

/// The language that the command line asks for, of which no more than the version was parsed.
fn lang_of_call() -> Option<Lang> {
    let words: Vec<String> =
        std::env::args_os().filter_map(|word| word.into_string().ok()).collect();
    let apart = words.iter().position(|word| word == "--lang");
    let name = match apart {
        Some(at) => words.get(at.saturating_add(1)).map(String::as_str),
        None => words.iter().find_map(|word| word.strip_prefix("--lang=")),
    };
    [Lang::En, Lang::ZhCn].into_iter().find(|lang| Some(lang.name()) == name)
}

pub(super) fn run(out: &mut dyn Write) -> Result<u8, Failure> {
    writeln!(out, "{} {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))?;
    let mut line = |name: &str, text: &str| writeln!(out, "{name:<12} {text}");
    if let Some(commit) = COMMIT {
        line("commit", commit)?;
    }
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let libc = match () {
        () if cfg!(target_env = "musl") => "-musl",
        () if cfg!(target_env = "gnu") => "-gnu",
        () => "",
    };
    let (arch, os) = (std::env::consts::ARCH, std::env::consts::OS);
    line("target", &format!("{arch}-{os}{libc}, {build} build"))?;
    for profile in Profile::ALL {
        let rules = about_all().filter(|rule| rule.level(profile).is_some()).count();
        let (name, source) = (profile.name(), profile.source());
        line("profile", &format!("{name}: {rules} rules; {source}"))?;
    }
    let (systems, codes) = (listed().len(), ERROR_CODES.len());
    line("tables", &format!("{systems} values of os_version, {codes} error codes"))?;
    // Asked before the process is confined.
    let lang = lang_of_call().unwrap_or_else(lang_of_locale);
    let set = |name: &&str| {
        let value = std::env::var_os(name)?;
        Some(format!("{name}={:?}", value.to_string_lossy()))
    };
    let variables: Vec<String> = VARIABLES.iter().filter_map(set).collect();
    let terminal = |is: bool| if is { "a terminal" } else { "no terminal" };
    let (stdout, stderr) = (io::stdout(), io::stderr());
    let color = match AutoStream::choice(&stdout) {
        anstream::ColorChoice::Never => "no colour",
        _ => "colour",
    };
    let stdout = terminal(stdout.is_terminal());
    let stderr = terminal(stderr.is_terminal());
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    line("language", lang.name())?;
    line("output", &format!("{stdout}, {} columns, {color}; errors to {stderr}", width()))?;
    line("variables", &variables.join(" "))?;
    line("processors", &processors.to_string())?;
    // What the kernel offers is what it grants.
    for state in sandbox::enter(std::iter::empty(), Some(1))?.describe(Lang::En) {
        line("confinement", &state)?;
    }
    Ok(0)
}
