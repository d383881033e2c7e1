//! Places in the workspace, and the release binary.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The workspace's top directory.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}

/// The directory of what is built.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or(root().join("target"), PathBuf::from)
}

/// The directory of what is kept between two runs: the guest's packages, its tree, its disks.
pub fn cache() -> Result<PathBuf> {
    let dir = target().join("xtask");
    std::fs::create_dir_all(&dir).with_context(|| dir.display().to_string())?;
    Ok(dir)
}

/// The cargo that runs this.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.current_dir(root());
    cargo
}

/// The release binary, built now when its sources are newer.
///
/// `crt-static` is said to the last step alone: the crates below it are the same either way, so
/// that they are built once for the binary and for xtask.
pub fn binary() -> Result<PathBuf> {
    build(&mut cargo(), &[])?;
    Ok(target().join("release/image-preflight"))
}

/// The release binary for another target, whose standard library must be installed; with `quick`,
/// built in half the time, without what makes it small and fast.
pub fn binary_for(triple: &str, quick: bool) -> Result<PathBuf> {
    let mut cargo = cargo();
    if quick {
        cargo.env("CARGO_PROFILE_RELEASE_LTO", "off");
        cargo.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    }
    build(&mut cargo, &["--target", triple])?;
    Ok(target().join(triple).join("release/image-preflight"))
}

/// The binary that was named, or the release binary.
pub fn binary_or(named: Option<&Path>) -> Result<PathBuf> {
    match named {
        Some(binary) => binary.canonicalize().with_context(|| binary.display().to_string()),
        None => binary(),
    }
}

fn build(cargo: &mut Command, more: &[&str]) -> Result<()> {
    let status = cargo
        .args(["rustc", "--quiet", "--release", "--package", "image-preflight"])
        .args(["--bin", "image-preflight"])
        .args(more)
        .args(["--", "-C", "target-feature=+crt-static"])
        .status()
        .context("cargo rustc")?;
    ensure!(status.success(), "the release build failed");
    Ok(())
}

/// Whether the process may mount, make owners and device nodes.
pub fn ensure_root() -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let uid = std::fs::metadata("/proc/self").context("/proc/self")?.uid();
    ensure!(uid == 0, "this command mounts file systems and needs root");
    Ok(())
}
