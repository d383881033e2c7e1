//! `image-preflight completions` and `image-preflight man`: made from the arguments' own definition.

use std::io::Write;

use clap::CommandFactory;

use super::Failure;
use super::args::{Cli, CompletionsArgs, ManArgs};

const NAME: &str = env!("CARGO_PKG_NAME");

pub(super) fn completions(args: &CompletionsArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    // The generator panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), NAME, &mut script);
    out.write_all(&script)?;
    Ok(0)
}

pub(super) fn man(args: &ManArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let command = Cli::command();
    match &args.folder {
        None => clap_mangen::Man::new(command).render(&mut &mut *out)?,
        Some(folder) => clap_mangen::generate_to(command, folder).map_err(|error| {
            Failure::Said(format!("cannot write to {}: {error}", folder.display()))
        })?,
    }
    Ok(0)
}
