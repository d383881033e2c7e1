//! `image-preflight completions` and `image-preflight man`: made from the arguments' own definition.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::Failure;
use super::args::{CompletionsArgs, ManArgs};
use super::examples;

const NAME: &str = env!("CARGO_PKG_NAME");

pub(super) fn completions(args: &CompletionsArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    // The generator panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut examples::command(), NAME, &mut script);
    out.write_all(&script)?;
    Ok(0)
}

pub(super) fn man(args: &ManArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let mut command = examples::command().disable_help_subcommand(true);
    match &args.folder {
        None => page(&command, out)?,
        Some(folder) => {
            command.build();
            let pages = std::iter::once(&command).chain(command.get_subcommands());
            for command in pages {
                write(command, folder).map_err(|error| {
                    Failure::Said(format!("cannot write to {}: {error}", folder.display()))
                })?;
            }
        }
    }
    Ok(0)
}

fn write(command: &Command, folder: &Path) -> io::Result<()> {
    let mut text = Vec::new();
    page(command, &mut text)?;
    fs::write(folder.join(Man::new(command.clone()).get_filename()), text)
}

/// The page of a command; its examples and exit codes are sections of their own.
fn page(command: &Command, mut out: &mut dyn Write) -> io::Result<()> {
    let man = Man::new(command.clone());
    man.render_title(&mut out)?;
    man.render_name_section(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    man.render_options_section(&mut out)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut out)?;
    }
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in examples::exit_codes(command.get_name()) {
        roff.control("TP", []).text([roman(code.to_string())]).text([roman(*meaning)]);
    }
    roff.control("SH", ["EXAMPLES"]);
    for (what, line) in examples::of(command.get_name()) {
        roff.control("TP", []).text([roman(*what)]);
        roff.text([roman(*line)]);
    }
    roff.to_writer(&mut out)?;
    man.render_version_section(&mut out)
}
