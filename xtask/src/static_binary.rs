//! `cargo xtask static`: the release binary, which needs nothing of the system it runs on.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::tool::Tool;
use crate::workspace;

/// Build the release binary, linked statically, and see it run where nothing else is
///
/// Fails unless it needs no shared library and no program loader, stays under 12 MiB and, as root,
/// checks an image in a directory that holds only the two (chroot).
#[derive(clap::Args)]
pub struct Arguments {
    /// Build it for this target, as x86_64-unknown-linux-musl (which takes Debian's musl-tools)
    /// instead of the machine's own
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,

    /// Leave out what makes the binary small and fast, and its building slow
    #[arg(long, requires = "target")]
    quick: bool,
}

/// The most bytes of the release binary.
pub const MAX_SIZE: u64 = 12 << 20;

pub fn run(arguments: &Arguments) -> Result<()> {
    let binary = match &arguments.target {
        Some(triple) => {
            ensure_installed(triple)?;
            workspace::binary_for(triple, arguments.quick)?
        }
        None => workspace::binary()?,
    };
    let size = fs::metadata(&binary)?.len();
    ensure!(arguments.quick || size < MAX_SIZE, "{} bytes, more than {MAX_SIZE}", size);
    let headers = Tool::new("readelf").words("--wide --program-headers --dynamic");
    let headers = headers.arg(&binary).run()?;
    for needs in ["INTERP", "(NEEDED)"] {
        ensure!(!headers.contains(needs), "not static, {needs}:\n{headers}");
    }
    println!("{}: {:.1} MiB, static", binary.display(), size as f64 / f64::from(1 << 20));
    if workspace::ensure_root().is_err() {
        println!("not run in an empty root directory, which takes root");
        return Ok(());
    }
    in_empty_root(&binary)
}

/// Whether there is a standard library to link with, said in fewer words than the compiler's.
fn ensure_installed(triple: &str) -> Result<()> {
    let dir = Tool::new("rustc").words("--print target-libdir --target").arg(triple).run()?;
    ensure!(
        Path::new(dir.trim()).is_dir(),
        "the standard library for {triple} is not installed: rustup target add {triple}"
    );
    Ok(())
}

fn in_empty_root(binary: &Path) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let image = workspace::root().join("testdata/guests/good.qcow2");
    for (from, name) in [(binary, "image-preflight"), (&image, "good.qcow2")] {
        fs::copy(from, dir.path().join(name)).with_context(|| from.display().to_string())?;
    }
    for arguments in ["--version", "check --quiet /good.qcow2", "check --verbose /good.qcow2"] {
        let tool = Tool::new("chroot").arg(dir.path()).arg("/image-preflight").words(arguments);
        let said = tool.run()?;
        println!("in an empty root directory, {arguments}: {}", said.lines().next().unwrap_or(""));
    }
    Ok(())
}
