//! Places in the workspace, and the release binary.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The workspace's top directory.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}

/// The directory of what is kept between two runs: the guest's packages, its tree, its disks.
pub fn cache() -> Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root().join("target"), PathBuf::from);
    let dir = target.join("xtask");
    std::fs::create_dir_all(&dir).with_context(|| dir.display().to_string())?;
    Ok(dir)
}

/// The release binary, built now when its sources are newer.
pub fn binary() -> Result<PathBuf> {
    let status = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args(["build", "--quiet", "--release", "--package", "image-preflight"])
        .current_dir(root())
        .status()
        .context("cargo build")?;
    ensure!(status.success(), "cargo build --release failed");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root().join("target"), PathBuf::from);
    Ok(target.join("release/image-preflight"))
}

/// Whether the process may mount, make owners and device nodes.
pub fn ensure_root() -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let uid = std::fs::metadata("/proc/self").context("/proc/self")?.uid();
    ensure!(uid == 0, "this command mounts file systems and needs root");
    Ok(())
}
