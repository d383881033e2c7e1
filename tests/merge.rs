//! Reports that are joined, and those that are compared with.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "for tests")]

mod program;

use std::fs;
use std::path::Path;
use std::process::Output;

use program::{testdata, text};

fn run(folder: &Path, args: &[&str]) -> Output {
    program::run(folder, args, "")
}

/// A folder of guests that end in each way.
fn fleet() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["good", "fstab-data-disk", "luks-root", "data-disk-only", "uefi-only", "ntfs"] {
        let name = format!("{name}.qcow2");
        fs::copy(testdata(&format!("guests/{name}")), folder.path().join(&name)).unwrap();
    }
    fs::write(folder.path().join("none.img"), "").unwrap();
    folder
}

#[test]
fn warnings_that_fail_an_image_still_do() {
    let folder = fleet();
    let check = ["check", ".", "-R", "--fail-on", "warn", "--format"];
    run(folder.path(), &[&check[..], &["json", "--output", "all.json"]].concat());
    for form in ["human", "junit", "gitlab", "github", "sarif", "markdown", "html"] {
        let whole = run(folder.path(), &[&check[..], &[form]].concat());
        let merged = run(folder.path(), &["merge", "all.json", "--format", form]);
        assert_eq!(text(&merged.stdout), text(&whole.stdout), "{form}");
        assert_eq!(merged.status.code(), whole.status.code(), "{form}");
    }
}

#[test]
fn an_image_that_fails_anyway_keeps_its_warnings_as_failures() {
    let folder = fleet();
    let check = ["check", "fstab-data-disk.qcow2", "--fail-on", "warn", "--format"];
    run(folder.path(), &[&check[..], &["json", "--output", "one.json"]].concat());
    for form in ["junit", "gitlab", "github", "sarif"] {
        let whole = run(folder.path(), &[&check[..], &[form]].concat());
        let merged = run(folder.path(), &["merge", "one.json", "--format", form]);
        assert_eq!(text(&merged.stdout), text(&whole.stdout), "{form}");
    }
}

#[test]
fn a_profile_of_ones_own_loses_nothing() {
    let folder = fleet();
    let profile = "extends = \"huaweicloud\"\nname = 'a \"team\" \\ of us'\n";
    fs::write(folder.path().join("team.toml"), profile).unwrap();
    let check = ["check", "luks-root.qcow2", "--profile", "team.toml", "--format"];
    run(folder.path(), &[&check[..], &["json", "--output", "one.json"]].concat());
    let whole = run(folder.path(), &[&check[..], &["sarif"]].concat());
    let merged = run(folder.path(), &["merge", "one.json", "--format", "sarif"]);
    let [whole, merged] = [whole, merged].map(|output| {
        let log: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let run = &log["runs"][0];
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        let mut results: Vec<(String, String)> = Vec::new();
        for result in run["results"].as_array().unwrap() {
            let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
            assert_eq!(rule["id"], result["ruleId"]);
            results.push((rule["id"].to_string(), rule["properties"]["level"].to_string()));
        }
        results.sort();
        (run["automationDetails"]["id"].clone(), results)
    });
    assert_eq!(whole.0, "image-preflight/a \"team\" \\ of us/");
    assert_eq!(merged, whole);
    assert!(whole.1.iter().any(|(rule, _)| rule.contains("win-discontinued")));

    // A rule that only another version knows.
    let one = folder.path().join("one.json");
    let text = fs::read_to_string(&one).unwrap();
    fs::write(&one, text.replacen("\"win-discontinued\"", "\"of-tomorrow\"", 1)).unwrap();
    let merged = run(folder.path(), &["merge", "one.json", "--format", "sarif"]);
    assert!(program::text(&merged.stdout).contains("\"ruleId\": \"of-tomorrow\""));
}

#[test]
fn the_reports_of_shards_together_equal_that_of_one_call() {
    let folder = fleet();
    let reports = tempfile::tempdir().unwrap();
    for lang in ["en", "zh-CN"] {
        let mut parts = Vec::new();
        for (shard, form) in [("1/3", "json"), ("2/3", "json-lines"), ("3/3", "json")] {
            let path = reports.path().join(format!("{}.json", shard.replace('/', "-")));
            let path = path.to_str().unwrap().to_owned();
            let args = ["check", ".", "-R", "--shard", shard, "--lang", lang, "--output", &path];
            run(folder.path(), &[&args[..], &["--format", form]].concat());
            parts.push(path);
        }
        for form in [
            "human",
            "json",
            "json-lines",
            "sarif",
            "junit",
            "markdown",
            "html",
            "github",
            "gitlab",
        ] {
            let whole = run(folder.path(), &["check", ".", "-R", "--lang", lang, "--format", form]);
            let mut args = vec!["merge", "--lang", lang, "--format", form];
            args.extend(parts.iter().rev().map(String::as_str));
            let merged = run(folder.path(), &args);
            assert_eq!(text(&merged.stdout), text(&whole.stdout), "{form}");
            assert_eq!(merged.status.code(), whole.status.code(), "{form}");
        }
    }
}

#[test]
fn what_cannot_be_joined_is_said() {
    let folder = fleet();
    let file = |name: &str, args: &[&str]| {
        let output =
            run(folder.path(), &[&["check", "good.qcow2", "--format", "json"], args].concat());
        fs::write(folder.path().join(name), output.stdout).unwrap();
    };
    file("a.json", &[]);
    file("b.json", &["--profile", "otc"]);
    fs::write(folder.path().join("c.json"), "{\"reports\": []}").unwrap();
    let later = fs::read_to_string(folder.path().join("a.json")).unwrap();
    let later = later.replace("\"schema_version\": \"1\"", "\"schema_version\": \"2\"");
    fs::write(folder.path().join("d.json"), later).unwrap();
    fs::write(folder.path().join("empty.json"), "\n").unwrap();
    for (args, said) in [
        (vec!["a.json", "empty.json"], "empty.json is no report of image-preflight: it is empty"),
        (vec!["a.json", "b.json"], "a.json was made by the profile ims-classic, b.json by otc"),
        (vec!["a.json", "a.json"], "have an image in common"),
        (vec!["c.json"], "c.json is no report of image-preflight: missing field"),
        (vec!["d.json"], "schema_version is \"2\""),
        (vec!["absent.json"], "cannot read the report absent.json"),
    ] {
        let output = run(folder.path(), &[&["merge"], &args[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output.stderr).contains(said), "{}", text(&output.stderr));
    }
}

#[test]
fn only_what_is_new_since_the_baseline_fails() {
    let folder = fleet();
    for lang in ["en", "zh-CN"] {
        let before = run(
            folder.path(),
            &[
                "check",
                "fstab-data-disk.qcow2",
                "--lang",
                lang,
                "--format",
                "json",
                "--output",
                "old.json",
            ],
        );
        assert_eq!(before.status.code(), Some(1));
        let args =
            ["check", "fstab-data-disk.qcow2", "--baseline", "old.json", "--fail-on", "warn"];
        let now = run(folder.path(), &args);
        assert_eq!(now.status.code(), Some(0), "{}", text(&now.stdout));
        assert!(text(&now.stdout).contains("Waived: known from old.json"), "{}", text(&now.stdout));
        // Another image under that path has its own faults.
        let luks = folder.path().join("luks-root.qcow2");
        let swapped = tempfile::tempdir().unwrap();
        fs::copy(luks, swapped.path().join("fstab-data-disk.qcow2")).unwrap();
        fs::copy(folder.path().join("old.json"), swapped.path().join("old.json")).unwrap();
        assert_eq!(run(swapped.path(), &args).status.code(), Some(1));
    }
    let absent = run(folder.path(), &["check", "good.qcow2", "--baseline", "absent.json"]);
    assert_eq!(absent.status.code(), Some(2));
}
