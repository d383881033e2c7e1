//! `image-preflight schema`.

use std::io::Write;

use super::args::{SchemaArgs, SchemaFormatArg, SchemaOf};
use super::{Failure, config};
use crate::report::json::{self, Shape};

pub(super) fn run(args: &SchemaArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let schema = match (args.of, args.format) {
        (SchemaOf::Report, SchemaFormatArg::Json) => json::schema(Shape::Json),
        (SchemaOf::Report, SchemaFormatArg::JsonLines) => json::schema(Shape::JsonLines),
        (SchemaOf::Config, _) => config::schema_of_config(),
        (SchemaOf::Profile, _) => config::schema_of_profile(),
    };
    json::write_value(&schema, out)?;
    Ok(0)
}
