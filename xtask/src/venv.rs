//! A Python of its own, with packages of PyPI.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::tool::Tool;

/// A virtual environment in `dir` that has `packages`, made anew when they are others than before;
/// its interpreter.
pub fn python(dir: &Path, packages: &[&str]) -> Result<PathBuf> {
    let venv = dir.join("venv");
    let python = venv.join("bin/python");
    let wanted = packages.join("\n");
    let mark = venv.join("packages");
    if fs::read_to_string(&mark).is_ok_and(|there| there == wanted) {
        return Ok(python);
    }
    Tool::new("python3").words("-m venv --clear").arg(&venv).run()?;
    packages.iter().fold(pip(&python), |tool, name| tool.arg(name)).run()?;
    fs::write(mark, wanted)?;
    Ok(python)
}

/// `pip install` of what is packed already.
pub fn pip(python: &Path) -> Tool {
    let install = "-m pip --quiet --disable-pip-version-check install --only-binary :all:";
    Tool::new(&python.to_string_lossy()).words(install)
}
