//! `--output`: a file instead of standard output.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use anstream::{AutoStream, ColorChoice};

use super::args::OutputArg;
use super::{Call, Failure};

/// The file that was asked for.
pub(super) struct Output {
    stream: io::BufWriter<AutoStream<Box<dyn Write>>>,
    file: File,
}

impl Output {
    /// Says that all is written: when that is nothing, nothing is left of what stood there.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.stream.flush()?;
        if self.file.metadata()?.is_file() && self.file.stream_position()? == 0 {
            self.file.set_len(0)?;
        }
        Ok(())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Opens the file that was asked for, before the process gives up the right to; never one of those
/// that are read.
///
/// What stands in it is gone with the first byte that is written: a confined process can put no other
/// file in its place later. A call that ends early has written nothing and leaves it as it is.
pub(super) fn open<'a>(
    arg: &OutputArg,
    read: impl IntoIterator<Item = &'a PathBuf>,
    call: &'a Call,
) -> Result<Option<Output>, Failure> {
    let Some(path) = &arg.path else { return Ok(None) };
    let read = read.into_iter().map(PathBuf::as_path).chain(call.config.file());
    if let Some(input) = read.into_iter().find(|input| is_same_file(input, path)) {
        let input = input.display();
        return Err(Failure::Said(format!("the output would overwrite {input}")));
    }
    let opened = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|error| Failure::Said(format!("cannot write {}: {error}", path.display())))?;
    let always = call.color == ColorChoice::Always;
    let choice = if always { ColorChoice::Always } else { ColorChoice::Never };
    let file = opened.try_clone()?;
    let stream: Box<dyn Write> = Box::new(Overwriting::new(opened)?);
    Ok(Some(Output { stream: io::BufWriter::new(AutoStream::new(stream, choice)), file }))
}

/// A file that is emptied when the first bytes are written to it.
struct Overwriting {
    file: File,
    /// Whether something stands in it that has to go. What is not a regular file cannot be emptied.
    is_old: bool,
}

impl Overwriting {
    fn new(file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self { file, is_old: metadata.is_file() && metadata.len() > 0 })
    }
}

impl Write for Overwriting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_old {
            self.file.set_len(0)?;
            self.is_old = false;
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
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
