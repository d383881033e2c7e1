//! `image-preflight remedy` as a user calls it. What its scripts do to a guest is tested by
//! `cargo xtask compare repair`; what they do with hostile names in `src/remedy/tests.rs`.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "for tests")]

mod program;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use program::text;

fn image(name: &str) -> String {
    format!("testdata/guests/{name}.qcow2")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn remedy(args: &[&str]) -> (i32, String, String) {
    let args: Vec<&str> = std::iter::once("remedy").chain(args.iter().copied()).collect();
    let output = program::run(root(), &args, "");
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn every_fixture_gets_a_script_in_every_form() {
    let names = fs::read_dir(root().join("testdata/guests")).unwrap();
    let images: Vec<PathBuf> = names
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|suffix| suffix == "qcow2"))
        .collect();
    assert!(images.len() > 40);
    for path in images {
        for format in ["sh", "guestfish", "virt-customize"] {
            let (code, script, error) =
                remedy(&["--format", format, "--lang", "zh-CN", path.to_str().unwrap()]);
            assert_eq!((code, error.as_str()), (0, ""), "{}", path.display());
            let checked = Command::new("sh").args(["-n", "-c", &script]).output().unwrap();
            assert!(checked.status.success(), "{}\n{script}", path.display());
        }
    }
}

#[test]
fn the_page_shows_what_is_printed() {
    let page = fs::read_to_string(root().join("docs/remedy.md")).unwrap();
    let example = page.split("## An example").nth(1).unwrap();
    let example = example.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let (code, script, _) = remedy(&[&image("fstab-data-disk")]);
    assert_eq!(code, 0);
    assert!(script.contains(example), "{script}");
}

#[test]
fn what_is_waived_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("c.toml");
    let waiver = "[[waivers]]\nrule = \"fstab-no-nonsystem-mounts\"\nreason = \"the disk comes\"\n";
    fs::write(&config, waiver).unwrap();
    let (code, script, _) =
        remedy(&["--config", config.to_str().unwrap(), &image("fstab-data-disk")]);
    assert_eq!(code, 0);
    assert!(!script.contains("begin fstab-no-nonsystem-mounts"), "{script}");
    assert!(script.contains("# Waived, and left alone: fstab-no-nonsystem-mounts\n"), "{script}");
    assert!(script.contains("qcow2-features-conservative"), "{script}");
}

#[test]
fn the_script_goes_where_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("repair.sh");
    let (code, out, error) =
        remedy(&["--output", file.to_str().unwrap(), &image("fstab-data-disk")]);
    assert_eq!((code, out.as_str(), error.as_str()), (0, "", ""));
    let (_, printed, _) = remedy(&[&image("fstab-data-disk")]);
    assert_eq!(fs::read_to_string(file).unwrap(), printed);
}

#[test]
fn a_call_that_cannot_be_carried_out_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("image.qcow2");
    fs::copy(root().join(image("good")), &copy).unwrap();
    let copy = copy.to_str().unwrap();
    for (args, said) in [
        (vec!["absent.qcow2"], "absent.qcow2"),
        (vec!["--rule", "fstab-uid", copy], "did you mean fstab-uuid?"),
        (vec!["--output", copy, copy], "would overwrite"),
        (vec!["--profile", "nowhere", copy], "nowhere"),
    ] {
        let (code, out, error) = remedy(&args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
        assert!(error.contains(said), "{args:?}: {error}");
    }
    assert_eq!(fs::read(copy).unwrap(), fs::read(root().join(image("good"))).unwrap());
}
