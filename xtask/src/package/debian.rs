//! The Debian package.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::tool::Tool;
use crate::workspace;

/// Where the shells look for the completions that packages bring (Debian's policy of each).
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "/usr/share/bash-completion/completions/image-preflight"),
    ("zsh", "/usr/share/zsh/vendor-completions/_image-preflight"),
    ("fish", "/usr/share/fish/vendor_completions.d/image-preflight.fish"),
];

/// The package's copyright file, but for the text of the last licence.
const COPYRIGHT: &str = include_str!("copyright.txt");

/// What lintian says that is no fault here.
const NOT_OURS: [&str; 8] = [
    // What a static binary is, and what one that may lie anywhere in memory is taken for.
    "statically-linked-binary",
    "embedded-library",
    "shared-library-lacks-prerequisites",
    // It depends on nothing.
    "empty-field",
    // The path is that of the guest's database.
    "uses-dpkg-database-directly",
    // For whoever brings it into a distribution: an address, the bug that asked for it.
    "malformed-contact",
    "bogus-mail-host-in-debian-changelog",
    "initial-upload-closes-no-bugs",
];

/// Asks bash for the words that `image-preflight ch` could become, as its completion would.
const COMPLETE: &str = ". \"$0\"; COMP_WORDS=(image-preflight ch) COMP_CWORD=1
    _image-preflight image-preflight ch image-preflight; echo \"${COMPREPLY[@]}\"";

pub fn run() -> Result<()> {
    generate(&workspace::binary()?)?;
    let dir = workspace::target().join("debian");
    if dir.exists() {
        fs::remove_dir_all(&dir)?;
    }
    let deb = "deb --quiet --no-build --no-strip --package image-preflight";
    let made = Tool::new("cargo").words(deb).dir(&workspace::root()).run()?;
    let package = Path::new(made.trim());
    ensure!(package.is_file(), "cargo-deb has said {made}");
    let lintian = Tool::new("lintian").words("--fail-on error,warning --suppress-tags");
    let lintian = lintian.arg(NOT_OURS.join(","));
    print!("{}", lintian.arg(package).run()?);
    println!("{}: {} KiB", package.display(), fs::metadata(package)?.len() >> 10);
    if workspace::ensure_root().is_err() {
        println!("not installed, which takes root");
        return Ok(());
    }
    if Tool::new("dpkg").words("--status image-preflight").output(b"")?.status.success() {
        bail!("image-preflight is installed as a package already, and would be removed");
    }
    Tool::new("dpkg").arg("--install").arg(package).run()?;
    let used = installed();
    Tool::new("dpkg").words("--purge image-preflight").run()?;
    used?;
    for path in COMPLETIONS.map(|(_, path)| path).iter().chain(&["/usr/bin/image-preflight"]) {
        ensure!(!Path::new(path).exists(), "{path} is left behind");
    }
    Ok(())
}

/// What the package has besides the program, where `[package.metadata.deb]` looks for it.
fn generate(binary: &Path) -> Result<()> {
    let name = binary.to_string_lossy();
    let dir = binary.with_file_name("deb");
    if dir.exists() {
        fs::remove_dir_all(&dir)?;
    }
    let man = dir.join("man");
    fs::create_dir_all(&man)?;
    Tool::new(&name).arg("man").arg(&man).run()?;
    for (shell, path) in COMPLETIONS {
        let script = Tool::new(&name).arg("completions").arg(shell).run()?;
        let file = Path::new(path).file_name().context("a file")?;
        fs::create_dir_all(dir.join(shell))?;
        fs::write(dir.join(shell).join(file), script)?;
    }
    let root = workspace::root();
    fs::copy(root.join("CHANGELOG.md"), dir.join("changelog"))?;
    let date = Tool::new("git").words("log -1 --format=%aD").dir(&root).run()?;
    let changes = format!(
        "image-preflight ({}-1) unstable; urgency=medium\n\n  * changelog.gz says what is new.\n\n \
         -- image-preflight maintainers <>  {date}",
        env!("CARGO_PKG_VERSION")
    );
    fs::write(dir.join("changelog.Debian"), changes)?;
    let texts = [dir.join("changelog"), dir.join("changelog.Debian")];
    let pages = fs::read_dir(&man)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    pages.iter().chain(&texts).fold(Tool::new("gzip").words("-9 -n"), Tool::arg).run()?;

    let licence = fs::read_to_string(root.join("LICENSE-MIT"))?;
    // A line of a field's text begins with a space, and an empty one is a full stop.
    let lines = licence.lines().skip_while(|line| !line.starts_with("Permission"));
    let text =
        lines.map(|line| if line.is_empty() { " .\n".to_owned() } else { format!(" {line}\n") });
    fs::write(dir.join("copyright"), COPYRIGHT.to_owned() + &text.collect::<String>())?;
    Ok(())
}

/// Uses what was installed.
fn installed() -> Result<()> {
    let program = "/usr/bin/image-preflight";
    let version = Tool::new(program).arg("--version").run()?;
    ensure!(version.trim() == concat!("image-preflight ", env!("CARGO_PKG_VERSION")), "{version}");
    let images = workspace::root().join("testdata/guests");
    let said = Tool::new(program).words("check --quiet good.qcow2").dir(&images).run()?;
    ensure!(said.trim() == "PASS good.qcow2", "{said}");
    for page in ["image-preflight", "image-preflight-check"] {
        let file = Tool::new("man").arg("--where").arg(page).run()?;
        let shown = Tool::new("man").arg(page).env("MANWIDTH", "80").run()?;
        ensure!(shown.contains("NAME") && shown.contains(page), "{page}: {shown}");
        println!("{page}: {}, {} lines", file.trim(), shown.lines().count());
    }
    for (_, path) in COMPLETIONS {
        ensure!(fs::metadata(path)?.len() > 1000, "{path}");
    }
    let complete = Tool::new("bash").arg("-c").arg(COMPLETE).arg(COMPLETIONS[0].1).run()?;
    ensure!(complete.trim() == "check", "bash completes to {complete}");
    println!("installed, run, removed: {}", version.trim());
    Ok(())
}
