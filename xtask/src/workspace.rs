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

/// The release binary, built now when its sources are newer.
///
/// `crt-static` is said to the last step alone: the crates below it are the same either way, so
/// that they are built once for the binary and for xtask.
pub fn binary() -> Result<PathBuf> {
    let status = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args(["rustc", "--quiet", "--release", "--package", "image-preflight"])
        .args(["--bin", "image-preflight", "--", "-C", "target-feature=+crt-static"])
        .current_dir(root())
        .status()
        .context("cargo rustc")?;
    ensure!(status.success(), "the release build failed");
    Ok(target().join("release/image-preflight"))
}

/// Whether the process may mount, make owners and device nodes.
pub fn ensure_root() -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let uid = std::fs::metadata("/proc/self").context("/proc/self")?.uid();
    ensure!(uid == 0, "this command mounts file systems and needs root");
    Ok(())
}
