//! `image-preflight init`.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

use super::args::InitArgs;
use super::config::DEFAULT;
use super::{Call, Failure};
use crate::rules::Fixed;

/// What a new configuration says.
const TEMPLATE: Fixed =
    Fixed { en: include_str!("init.toml"), zh: include_str!("init.zh-CN.toml") };

pub(super) fn run(args: &InitArgs, call: &Call, out: &mut dyn Write) -> Result<u8, Failure> {
    let path = args.file.as_deref().unwrap_or(Path::new(DEFAULT));
    let name = path.display();
    // What is there stays there.
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    file.and_then(|mut file| file.write_all(TEMPLATE.get(call.lang).as_bytes())).map_err(
        |error| {
            Failure::Said(match error.kind() {
                ErrorKind::AlreadyExists => format!("{name} is there already"),
                _ => format!("cannot write {name}: {error}"),
            })
        },
    )?;
    writeln!(out, "{name}")?;
    Ok(0)
}
