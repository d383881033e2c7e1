//! No command writes to an image: on a mount that is read-only all work, and hash and times stay.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Log;
use super::report::Checker;
use crate::guest::mount::{Loop, Mount};
use crate::tool::Tool;
use crate::workspace;

/// Commands on one image, `IMAGE`; each can be carried out.
const COMMANDS: &[&str] = &[
    "check IMAGE",
    "check --format json --verbose IMAGE",
    "inspect --format json IMAGE",
    "ls IMAGE /",
    "cat IMAGE /etc/fstab",
];

pub fn compare(checker: &Checker, log: &mut Log) -> Result<()> {
    let image = workspace::cache()?.join("readonly.ext4");
    Tool::new("mke2fs")
        .words("-q -F -t ext4 -d")
        .arg(workspace::root().join("testdata/guests"))
        .arg(&image)
        .arg("64M")
        .run()?;
    let whole = state(&image)?;
    {
        // On this mount a read would set the time of the last access, were it not read-only.
        let mount = Mount::new(&image, 0, 64 << 20, "ro,strictatime")?;
        let before = all(mount.path())?;
        let mut wrong = Vec::new();
        for command in COMMANDS {
            let image = mount.join("good.qcow2");
            let arguments = command.split(' ').map(|word| match word {
                "IMAGE" => image.to_string_lossy().into_owned(),
                word => word.to_owned(),
            });
            let mut tool = Tool::new(&checker.binary.to_string_lossy());
            for argument in arguments {
                tool = tool.arg(argument);
            }
            if let Err(error) = tool.run() {
                wrong.push(format!("{command}: {error}"));
            }
        }
        // All guests in one call; some are broken, none is unreadable.
        let mut tool = Tool::new(&checker.binary.to_string_lossy()).words("check --quiet");
        for image in before.keys().filter(|path| path.extension().is_some_and(|e| e == "qcow2")) {
            tool = tool.arg(image);
        }
        let status = tool.output(b"")?.status;
        if status.code() != Some(1) {
            wrong.push(format!("all guests: {status}"));
        }
        if all(mount.path())? != before {
            wrong.push("a file is not as it was".to_owned());
        }
        log.note("a read-only mount, by hash and times", wrong);
    }
    let mut wrong = Vec::new();
    if state(&image)?.0 != whole.0 {
        wrong.push("a byte of it is not as it was".to_owned());
    }
    log.note("the file system behind that mount", wrong);
    fs::remove_file(&image).context("readonly.ext4")?;
    log.note("a guest on a block device", block_device(checker)?);
    Ok(())
}

/// What a block device reports, against a file of the same bytes.
fn block_device(checker: &Checker) -> Result<Vec<String>> {
    let image = workspace::cache()?.join("device.raw");
    let guest = workspace::root().join("testdata/guests/good.qcow2");
    Tool::new("qemu-img").words("convert -O raw").arg(guest).arg(&image).run()?;
    let mut wrong = Vec::new();
    {
        let device = Loop::read_only(&image, 0, 0)?;
        let verdict = |path: &Path| {
            let tool = Tool::new(&checker.binary.to_string_lossy());
            let output = tool.words("check --quiet").arg(path).output(b"")?;
            let said =
                String::from_utf8_lossy(&output.stdout).replace(&*path.to_string_lossy(), "");
            anyhow::Ok((output.status.code(), said))
        };
        let (of_device, of_file) = (verdict(Path::new(&device.device))?, verdict(&image)?);
        if of_device != of_file || of_file.0 != Some(0) {
            wrong.push(format!("{of_device:?}, but of the file {of_file:?}"));
        }
    }
    fs::remove_file(&image).context("device.raw")?;
    Ok(wrong)
}

/// Content by its hash, and all times in seconds and nanoseconds.
type State = (String, [i64; 6]);

fn all(dir: &Path) -> Result<BTreeMap<PathBuf, State>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_file() {
            files.insert(path.clone(), state(&path)?);
        }
    }
    Ok(files)
}

fn state(path: &Path) -> Result<State> {
    let hash = Tool::new("sha256sum").arg("--").arg(path).run()?;
    let hash = hash.split_whitespace().next().unwrap_or_default().to_owned();
    let of = fs::metadata(path)?;
    let times =
        [of.mtime(), of.mtime_nsec(), of.ctime(), of.ctime_nsec(), of.atime(), of.atime_nsec()];
    Ok((hash, times))
}
