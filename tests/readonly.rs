//! The image is never written, nothing is left beside it, and no temporary file is made.

#![cfg(feature = "cli")]
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "for tests")]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// All that a write could change. The time of the last access is the kernel's business, and is
/// looked at on a mount that is read-only: `cargo xtask compare readonly`.
fn state(path: &Path) -> (Vec<u8>, [i64; 9]) {
    let metadata = fs::metadata(path).unwrap();
    let numbers = [
        i64::try_from(metadata.ino()).unwrap(),
        i64::from(metadata.mode()),
        i64::try_from(metadata.nlink()).unwrap(),
        i64::try_from(metadata.size()).unwrap(),
        i64::try_from(metadata.blocks()).unwrap(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    ];
    (fs::read(path).unwrap(), numbers)
}

fn names(folder: &Path) -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names
}

#[test]
fn no_command_writes_to_the_image_or_beside_it_or_makes_a_temporary_file() {
    let folder = tempfile::tempdir().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    for (guest, command) in [
        ("good.qcow2", &["check"][..]),
        ("good.qcow2", &["check", "--format", "json", "-v"]),
        ("good.qcow2", &["inspect", "--format", "json"]),
        ("good.qcow2", &["ls", "IMAGE", "/"]),
        ("good.qcow2", &["cat", "IMAGE", "/etc/fstab"]),
        // Wants its log replayed, which happens in memory alone.
        ("good-centos-7.qcow2", &["check"]),
    ] {
        let source: PathBuf =
            [env!("CARGO_MANIFEST_DIR"), "testdata", "guests", guest].iter().collect();
        let image = folder.path().join(guest);
        if !image.exists() {
            fs::copy(source, &image).unwrap();
            let mut permissions = fs::metadata(&image).unwrap().permissions();
            permissions.set_readonly(true);
            fs::set_permissions(&image, permissions).unwrap();
        }
        let (before, beside) = (state(&image), names(folder.path()));
        let image_name = image.to_str().unwrap();
        let mut args: Vec<&str> =
            command.iter().map(|word| if *word == "IMAGE" { image_name } else { word }).collect();
        if !command.contains(&"IMAGE") {
            args.push(image_name);
        }
        Command::new(env!("CARGO_BIN_EXE_image-preflight"))
            .env_clear()
            .env("TMPDIR", temporary.path())
            .current_dir(temporary.path())
            .args(&args)
            .assert()
            .success();
        assert!(state(&image) == before, "{args:?}");
        assert_eq!(names(folder.path()), beside, "{args:?}");
        assert!(names(temporary.path()).is_empty(), "{args:?}");
    }
}
