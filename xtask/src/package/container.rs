//! The container image.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Value as Json, json};

use crate::tool::Tool;
use crate::workspace;

/// The user and group that Containerfile names.
const USER: u32 = 65532;

/// Where Containerfile looks for the binary.
const BINARY: &str = "target/release/image-preflight";

pub fn run() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let context = dir.path().join("context");
    fs::create_dir_all(context.join(BINARY).with_file_name(""))?;
    fs::copy(workspace::binary()?, context.join(BINARY))?;
    for file in ["Containerfile", ".dockerignore"] {
        fs::copy(workspace::root().join(file), context.join(file))?;
    }
    // Its own storage, without a driver that the kernel must offer.
    let buildah = || {
        let tool = Tool::new("buildah").words("--storage-driver vfs --root");
        tool.arg(dir.path().join("storage")).arg("--runroot").arg(dir.path().join("state"))
    };
    buildah().words("bud --quiet --tag image-preflight").arg(&context).run()?;
    let said = buildah().words("inspect --type image image-preflight").run()?;
    let config: Json = serde_json::from_str(&said)?;
    let config = &config["OCIv1"]["config"];
    for (field, wanted) in [
        ("User", json!(format!("{USER}:{USER}"))),
        ("Entrypoint", json!(["/image-preflight"])),
        ("Cmd", json!(["--help"])),
        ("WorkingDir", json!("/images")),
    ] {
        ensure!(config[field] == wanted, "{field} is {}", config[field]);
    }
    if workspace::ensure_root().is_err() {
        println!("not run, which takes root");
        return Ok(());
    }

    let images = images(dir.path())?;
    let container = buildah().words("from image-preflight").run()?;
    let root = buildah().arg("mount").arg(container.trim()).run()?;
    let files = Tool::new("find").arg(root.trim()).words("-type f -printf %P\\n").run()?;
    ensure!(files.trim() == "image-preflight", "in the image: {files}");
    let run = |arguments: &str| {
        let tool = buildah().words("run --isolation chroot --volume");
        let tool = tool.arg(format!("{}:/images:ro", images.display())).arg(container.trim());
        tool.arg("--").arg("/image-preflight").words(arguments).output(b"")
    };
    let version = run("--version")?;
    ensure!(version.status.success(), "{}", String::from_utf8_lossy(&version.stderr));
    // Only that user can read the first, and only others the second.
    let checked = run("check --quiet its.qcow2 roots.qcow2")?;
    let said = String::from_utf8_lossy(&checked.stdout);
    let lines: Vec<&str> = said.lines().collect();
    ensure!(
        matches!(lines[..], ["PASS its.qcow2", other] if other.starts_with("ERROR roots.qcow2")),
        "{said}{}",
        String::from_utf8_lossy(&checked.stderr)
    );
    println!("container: {}, as user {USER}", String::from_utf8_lossy(&version.stdout).trim());

    // The other target, on a base with this machine's shell in place of Debian's image.
    let base = dir.path().join("base");
    fs::create_dir(&base)?;
    Tool::new("cp").words(SHELL).arg(&base).run()?;
    fs::write(base.join("Containerfile"), "FROM scratch\nCOPY . /\n")?;
    buildah().words("bud --quiet --tag base").arg(&base).run()?;
    let target = "bud --quiet --tag shell --target shell --build-arg BASE=localhost/base";
    buildah().words(target).arg(&context).run()?;
    let container = buildah().words("from shell").run()?;
    let tool = buildah().words("run --isolation chroot").arg(container.trim());
    let said = tool.words("-- sh -c").arg("image-preflight --version && pwd").run()?;
    ensure!(said.trim().ends_with("/images"), "{said}");
    println!("container with a shell: {}", said.lines().next().unwrap_or_default());
    Ok(())
}

/// A shell and what it is linked with.
const SHELL: &str = "--parents --dereference /bin/sh /lib64/ld-linux-x86-64.so.2 \
                     /lib/x86_64-linux-gnu/libc.so.6";

/// An image that only the container's user can read, and one that it cannot.
fn images(dir: &Path) -> Result<PathBuf> {
    let images = dir.join("images");
    fs::create_dir(&images)?;
    for path in [dir, &images] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    }
    let good = workspace::root().join("testdata/guests/good.qcow2");
    for (name, owner) in [("its.qcow2", USER), ("roots.qcow2", 0)] {
        let path = images.join(name);
        fs::copy(&good, &path).with_context(|| path.display().to_string())?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400))?;
        chown(&path, Some(owner), Some(owner))?;
    }
    Ok(images)
}
