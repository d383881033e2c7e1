//! `--output`: a file instead of standard output.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anstream::{AutoStream, ColorChoice};

use super::args::OutputArg;
use super::{Call, Failure};

/// Opens the file that was asked for, before the process gives up the right to; never one of those
/// that are read.
///
/// What stood in it is gone then: a confined process can put no other file in its place later.
pub(super) fn open(
    arg: &OutputArg,
    read: &[PathBuf],
    call: &Call,
) -> Result<Option<Box<dyn Write>>, Failure> {
    let Some(path) = &arg.path else { return Ok(None) };
    if let Some(input) = read.iter().find(|input| is_same_file(input, path)) {
        let input = input.display();
        return Err(Failure::Said(format!("the output would overwrite {input}")));
    }
    let created = File::create(path)
        .map_err(|error| Failure::Said(format!("cannot write {}: {error}", path.display())))?;
    let always = call.color == ColorChoice::Always;
    let choice = if always { ColorChoice::Always } else { ColorChoice::Never };
    Ok(Some(Box::new(io::BufWriter::new(AutoStream::new(created, choice)))))
}

/// Whether two paths lead to one file, by whatever name.
fn is_same_file(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let identity = |path: &Path| {
            std::fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
        };
        if identity(one).is_some_and(|found| identity(other) == Some(found)) {
            return true;
        }
    }
    std::fs::canonicalize(one)
        .is_ok_and(|path| std::fs::canonicalize(other).is_ok_and(|other| other == path))
}
