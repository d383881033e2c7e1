//! `request`, `os-version` and error codes as a user meets them.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "for tests")]

mod program;

use std::path::Path;
use std::process::Output;

use program::{testdata, text};

fn run(args: &[&str], input: &str) -> Output {
    program::run(Path::new("."), args, input)
}

const GOOD: &str = "guests/good.qcow2";

#[test]
fn a_body_that_is_written_passes_when_it_is_validated_against_its_image() {
    let good = testdata(GOOD);
    for profile in ["ims-classic", "huaweicloud", "otc"] {
        let made = run(
            &[
                "request",
                &good,
                "--image-url",
                "bucket:good.qcow2",
                "--profile",
                profile,
                "--tag",
                "a=b",
            ],
            "",
        );
        assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
        let body = text(&made.stdout);
        let json: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(json["name"], "good");
        assert_eq!(json["image_tags"][0]["key"], "a");
        let checked = run(&["request", &good, "--body", "-", "--profile", profile], &body);
        assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stdout));
    }
}

#[test]
fn a_body_that_would_be_refused_is_not_written() {
    let good = testdata(GOOD);
    let made = run(&["request", &good, "--image-url", "bucket:a b.qcow2"], "");
    assert_eq!(made.status.code(), Some(1));
    assert_eq!(text(&made.stdout), "");
    assert!(text(&made.stderr).contains("req-image-url"));
}

#[test]
fn the_value_for_other_systems_is_taken_for_any_linux() {
    let good = testdata(GOOD);
    for profile in ["ims-classic", "huaweicloud", "otc"] {
        let args = ["request", &good, "--image-url", "bucket:good.qcow2", "--profile", profile];
        // Debian 12 stands in Open Telekom Cloud's list alone: what is written is not warned of.
        let made = run(&args, "");
        assert_eq!(made.status.code(), Some(0));
        assert!(!text(&made.stderr).contains("req-os-version"), "{}", text(&made.stderr));
        let other = [&args[..], &["--os-version", "Other Linux (64 bit)"]].concat();
        let made = run(&other, "");
        assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
        assert!(text(&made.stdout).contains("\"Other Linux (64 bit)\""));
    }
}

#[test]
fn the_profiles_own_value_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("own.toml");
    let own = |value: &str| {
        let system = format!("[[systems]]\nid = \"debian\"\nos_version = \"{value}\"\n");
        std::fs::write(&profile, format!("extends = \"huaweicloud\"\n{system}")).unwrap();
        let profile = profile.to_str().unwrap();
        run(&["os-version", &testdata(GOOD), "--profile", profile], "")
    };
    let found = own("Debian GNU/Linux 9.3.0 64bit");
    assert_eq!(text(&found.stdout), "Debian GNU/Linux 9.3.0 64bit\n");
    assert_eq!(text(&found.stderr), "");
    // A value that the platform would refuse is not taken, and said with its line.
    let refused = own("Debian GNU/Linux 9.3 64bit");
    assert_eq!(refused.status.code(), Some(2));
    let said = text(&refused.stderr);
    assert!(said.contains("own.toml:4") && said.contains("9.3.0 64bit"), "{said}");
}

#[test]
fn the_corrected_body_is_had_as_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fixed.json");
    let (sample, file) = (testdata("requests/file-tags.json"), file.to_str().unwrap());
    let args = ["request", "--body", &sample, "--corrected", file, "--quiet"];
    assert_eq!(run(&args, "").status.code(), Some(1));
    let fixed: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(fixed["os_version"], "CentOS 7.0 64bit");
    assert_eq!(run(&["request", "--body", file], "").status.code(), Some(0));
    // Never over the body itself.
    let copy = folder.path().join("copy.json");
    std::fs::copy(&sample, &copy).unwrap();
    let copy = copy.to_str().unwrap();
    let over = run(&["request", "--body", copy, "--corrected", copy], "");
    assert_eq!(over.status.code(), Some(2), "{}", text(&over.stderr));
}

#[test]
fn a_file_is_left_as_it_is_when_no_body_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body.json");
    let old = "x".repeat(10_000);
    std::fs::write(&file, &old).unwrap();
    let good = testdata(GOOD);
    let to = |url: &str, file: &Path| {
        let file = file.to_str().unwrap();
        run(&["request", &good, "--image-url", url, "--output", file], "").status.code()
    };
    assert_eq!(to("bucket:a b.qcow2", &file), Some(1));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), old);
    let new = folder.path().join("new.json");
    assert_eq!(to("bucket:a b.qcow2", &new), Some(1));
    assert_eq!(std::fs::read_to_string(&new).unwrap(), "");
    // A shorter one leaves nothing of the longer.
    assert_eq!(to("bucket:good.qcow2", &file), Some(0));
    let body = std::fs::read(&file).unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["image_url"], "bucket:good.qcow2");
}

#[test]
fn what_a_correction_leaves_broken_is_said() {
    let body = r#"{"name":"x","image_url":"bucket:x.raw","min_disk":"40","os_version":"X 5","foo":1,
        "tags":[],"image_tags":[]}"#;
    let said = text(&run(&["request", "--body", "-"], body).stdout);
    let heading = "Taken out: tags\n\nCorrected as far as it can be; still broken: req-os-version; \
                   still warned of: req-unknown-field:\n";
    assert!(said.contains(heading), "{said}");
    let said = text(&run(&["request", "--body", "-", "--lang", "zh-CN"], body).stdout);
    assert!(said.contains("已尽可能修正；仍不满足：req-os-version；"), "{said}");
}

#[test]
fn the_documents_third_sample_is_corrected() {
    let sample = testdata("requests/file-tags.json");
    let checked = run(&["request", "--body", &sample], "");
    assert_eq!(checked.status.code(), Some(1));
    let said = text(&checked.stdout);
    assert!(said.contains("#/os_version"), "{said}");
    let (_, corrected) = said.split_once("Corrected body:").unwrap();
    let again = run(&["request", "--body", "-"], corrected.trim());
    assert_eq!(again.status.code(), Some(0), "{}", text(&again.stdout));
}

#[test]
fn a_body_is_checked_beside_the_image() {
    let good = testdata(GOOD);
    let sample = testdata("requests/file-tags.json");
    let checked = run(&["check", &good, "--request", &sample, "--format", "json"], "");
    assert_eq!(checked.status.code(), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&checked.stdout).unwrap();
    let findings = json["reports"][0]["findings"].as_array().unwrap();
    let broken: Vec<_> = findings
        .iter()
        .filter(|found| found["status"] == "fail")
        .map(|found| &found["rule"])
        .collect();
    assert_eq!(broken, ["req-os-version"]);
    // The image holds another system than the one whose spelling is wrong.
    let said = text(&run(&["request", &good, "--body", &sample], "").stdout);
    assert!(said.contains("the image holds Debian"), "{said}");
    assert!(said.contains("fix: \"os_version\": \"Debian GNU/Linux"), "{said}");
    assert_eq!(said.matches("#/os_version").count(), 1, "{said}");
    assert!(!said.contains("\"CentOS 7.0 64bit\""), "{said}");
}

#[test]
fn what_cannot_be_read_as_a_body_ends_with_a_sentence() {
    for (args, input) in [
        (vec!["request", "--body", "/no/such/body.json"], ""),
        (vec!["request"], ""),
        (vec!["request", "x.qcow2"], ""),
        (vec!["request", "--body", "-", "--image-url", "a:b"], "{}"),
    ] {
        let output = run(&args, input);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(!output.stderr.is_empty());
    }
    let output =
        run(&["request", "--body", "-", "--format", "json"], "{\u{201c}a\u{202e}\u{201d}: 1");
    assert_eq!(output.status.code(), Some(1));
    assert!(!text(&output.stdout).contains('\u{202e}'));
}

#[test]
fn the_systems_value_is_printed_alone() {
    let output = run(&["os-version", &testdata("guests/good-centos-7.qcow2")], "");
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).starts_with("CentOS 7."), "{}", text(&output.stdout));
    assert_eq!(text(&output.stdout).lines().count(), 1);
    let none = run(&["os-version", &testdata("requests/file-tags.json")], "");
    assert_eq!(none.status.code(), Some(2));
    assert_eq!(text(&none.stdout), "");
}

#[test]
fn an_error_code_is_explained_with_the_rules_that_predict_it() {
    for (lang, heading) in [("en", "before the upload"), ("zh-CN", "上传前")] {
        let output = run(&["explain", "IMG.0057", "--lang", lang], "");
        assert_eq!(output.status.code(), Some(0));
        let said = text(&output.stdout);
        assert!(said.contains(heading), "{said}");
        assert!(said.contains("format-supported") && said.contains("req-image-url"), "{said}");
    }
    assert_eq!(run(&["explain", "IMG.9999"], "").status.code(), Some(2));
}

#[test]
fn a_body_with_hidden_characters_stays_json() {
    let hidden = "a\u{200d}b\u{202e}\u{ad}";
    let body = format!(
        r#"{{"name":"x","image_url":"bucket:x.raw","min_disk":"40","description":"{hidden}"}}"#
    );
    let said = text(&run(&["request", "--body", "-"], &body).stdout);
    assert!(!said.contains(['\u{200d}', '\u{202e}', '\u{ad}']), "{said}");
    let (_, corrected) = said.split_once("orrected").unwrap();
    let corrected = corrected.split_once(":\n\n").unwrap().1;
    let corrected: serde_json::Value = serde_json::from_str(corrected).expect(corrected);
    assert_eq!(corrected["description"], hidden);
    let args = ["request", &testdata(GOOD), "--image-url", "bucket:good.qcow2"];
    let made = run(&[&args[..], &["--description", hidden]].concat(), "");
    let made = text(&made.stdout);
    assert!(!made.contains('\u{202e}'), "{made}");
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    assert_eq!(made["description"], hidden);
}

#[test]
fn what_is_wrong_with_a_body_is_said_in_chinese() {
    for (body, words) in [
        ("{\"name\": \"镜像镜像镜像\", \"x\" 1}", "标准输入:1:24  应为`:`"),
        ("{\"name\": ", "标准输入:1:9  内容不完整"),
        ("{“name”：\"x\"}", "标准输入:1:8  ：应改为:"),
        ("", "标准输入  没有内容"),
    ] {
        let said = text(&run(&["request", "--body", "-", "--lang", "zh-CN"], body).stdout);
        assert!(said.contains(words) && !said.contains("standard input"), "{said}");
    }
}

#[test]
fn what_is_waived_is_not_said_again() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("waivers.toml");
    let waiver = |rule: &str| format!("[[waivers]]\nrule = \"{rule}\"\nreason = \"known\"\n");
    let rules = ["req-os-version", "fstab-no-nonsystem-mounts"];
    std::fs::write(&config, rules.map(waiver).concat()).unwrap();
    let with = |args: &[&str]| run(&[&["--config", config.to_str().unwrap()], args].concat(), "");
    let image = testdata("guests/fstab-data-disk.qcow2");
    let args = ["request", &image, "--image-url", "bucket:x.qcow2"];
    let said = text(&run(&args, "").stderr);
    assert!(said.contains("breaks required rules") && said.contains(rules[1]), "{said}");
    let waived = with(&args);
    assert_eq!(waived.status.code(), Some(0));
    assert!(!text(&waived.stderr).contains("breaks"), "{}", text(&waived.stderr));
    let sample = testdata("requests/file-tags.json");
    for args in [&["request", "--body", &sample][..], &["request", &image, "--body", &sample]] {
        assert_eq!(run(args, "").status.code(), Some(1));
        let waived = with(args);
        assert_eq!(waived.status.code(), Some(0), "{}", text(&waived.stdout));
        let said = text(&waived.stdout);
        assert!(said.contains("waived") && !said.contains("still broken"), "{said}");
    }
}

#[test]
fn an_image_whose_system_could_not_be_read_is_told_with_the_reason() {
    let locked = testdata("guests/luks-root.qcow2");
    for (args, lang, code, words) in [
        (&["os-version", &locked][..], "en", 2, "image: partition 2: crypto_LUKS is not"),
        (&["os-version", &locked], "zh-CN", 2, "未查看crypto_LUKS内部"),
        (&["request", &locked, "--image-url", "bucket:x.qcow2"], "en", 0, "crypto_LUKS is not"),
        (
            &["request", &locked, "--image-url", "bucket:x.qcow2"],
            "zh-CN",
            0,
            "未查看crypto_LUKS内部",
        ),
    ] {
        let output = run(&[args, &["--lang", lang]].concat(), "");
        assert_eq!(output.status.code(), Some(code), "{args:?}");
        let said = text(&output.stderr);
        assert!(said.contains(words), "{args:?}: {said}");
    }
}
