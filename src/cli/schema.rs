//! `image-preflight schema`.

use std::io::Write;

use super::Failure;
use super::args::{SchemaArgs, SchemaFormatArg};
use crate::report::json::{self, Shape};

pub(super) fn run(args: &SchemaArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let shape = match args.format {
        SchemaFormatArg::Json => Shape::Json,
        SchemaFormatArg::JsonLines => Shape::JsonLines,
    };
    json::write_value(&json::schema(shape), out)?;
    Ok(0)
}
