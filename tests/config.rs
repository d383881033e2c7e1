//! Profiles of the user's own, `image-preflight.toml` and waivers, as a pipeline meets them.

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

fn guest(name: &str) -> String {
    testdata(&format!("guests/{name}"))
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The finding of a rule in the only report.
fn finding(report: &serde_json::Value, rule: &str) -> serde_json::Value {
    let findings = report["reports"][0]["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["rule"] == rule).cloned().unwrap_or_default()
}

const RULE: &str = "fstab-no-nonsystem-mounts";

#[test]
fn a_waiver_in_the_default_file_sets_a_failure_aside_until_it_expires() {
    let folder = tempfile::tempdir().unwrap();
    let broken = guest("fstab-data-disk.qcow2");
    let file = folder.path().join("image-preflight.toml");
    let waiver = |expires: &str| {
        format!(
            "[[waivers]]\nrule = \"{RULE}\"\nimage = \"fstab-*\"\nreason = \"by hand\"\nexpires = {expires}\n"
        )
    };
    assert_eq!(run(folder.path(), &["check", &broken]).status.code(), Some(1));

    fs::write(&file, waiver("9999-12-31")).unwrap();
    let waived = run(folder.path(), &["check", &broken, "--format", "json"]);
    assert_eq!(waived.status.code(), Some(0), "{}", text(&waived.stdout));
    let report = json(&waived);
    let found = finding(&report, RULE);
    assert_eq!(found["status"], "waived");
    assert_eq!(found["waived"]["reason"], "by hand");
    assert_eq!(found["waived"]["expires"], "9999-12-31");
    assert_eq!(report["reports"][0]["summary"]["waived"], 1);
    assert_eq!(text(&waived.stderr), "");

    fs::write(&file, waiver("2020-02-29")).unwrap();
    let expired = run(folder.path(), &["check", &broken]);
    assert_eq!(expired.status.code(), Some(1));
    assert!(
        text(&expired.stderr).contains(&format!(
            "image-preflight.toml:2: the waiver of {RULE} expired on 2020-02-29"
        )),
        "{}",
        text(&expired.stderr)
    );
}

#[test]
fn a_waiver_that_sets_nothing_aside_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.toml");
    fs::write(&file, format!("# ours\n[[waivers]]\nrule = \"{RULE}\"\nreason = \"x\"\n")).unwrap();
    let output = run(folder.path(), &["check", &guest("good.qcow2"), "--config", "own.toml"]);
    assert_eq!(output.status.code(), Some(0));
    let said = text(&output.stderr);
    assert!(
        said.contains(&format!("own.toml:3: the waiver of {RULE} set nothing aside")),
        "{said}"
    );
}

#[test]
fn a_waiver_for_another_image_is_told_only_when_more_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image-preflight.toml");
    let waiver = format!("[[waivers]]\nrule = \"{RULE}\"\nimage = \"other-*\"\nreason = \"x\"\n");
    fs::write(&file, waiver).unwrap();
    let good = guest("good.qcow2");
    assert_eq!(text(&run(folder.path(), &["check", &good]).stderr), "");
    let full = run(folder.path(), &["check", "-v", &good]);
    let said = format!(
        "image-preflight.toml:2: the waiver of {RULE} is for nothing that this call checks"
    );
    assert!(text(&full.stderr).contains(&said), "{}", text(&full.stderr));

    // All images of a fleet are there where its reports are joined.
    let report = folder.path().join("one.json").display().to_string();
    run(folder.path(), &["check", &good, "--format", "json", "--output", &report]);
    fs::write(&file, format!("[[waivers]]\nrule = \"{RULE}\"\nreason = \"x\"\n")).unwrap();
    let merged = run(folder.path(), &["merge", &report]);
    let said = format!("image-preflight.toml:2: the waiver of {RULE} set nothing aside");
    assert!(text(&merged.stderr).contains(&said), "{}", text(&merged.stderr));
}

#[test]
fn what_is_set_aside_is_told_in_one_line_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image-preflight.toml");
    fs::write(&file, format!("[[waivers]]\nrule = \"{RULE}\"\nreason = \"x\"\n")).unwrap();
    let broken = guest("fstab-data-disk.qcow2");
    let output = run(folder.path(), &["check", "-q", &broken]);
    assert_eq!(text(&output.stdout), format!("PASS {broken} (waived: {RULE})\n"));
}

#[test]
fn the_configuration_chooses_profile_language_and_what_fails() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image-preflight.toml");
    fs::write(&file, "profile = \"huaweicloud\"\nlang = \"zh-CN\"\nfail-on = \"warn\"\n").unwrap();
    let good = guest("good.qcow2");
    let output = run(folder.path(), &["check", &good, "--format", "json"]);
    // The good guest warns of its compression.
    assert_eq!(output.status.code(), Some(1));
    let report = json(&output);
    assert_eq!(report["profile"], "huaweicloud");
    assert!(!finding(&report, RULE)["message"].as_str().unwrap().is_ascii());
    let args = ["check", &good, "--profile", "otc", "--lang", "en", "--fail-on", "fail"];
    let output = run(folder.path(), &[&args[..], &["--format", "json"]].concat());
    assert_eq!(output.status.code(), Some(0));
    let report = json(&output);
    assert_eq!(report["profile"], "otc");
    assert!(finding(&report, RULE)["message"].as_str().unwrap().is_ascii());
}

#[test]
fn a_profile_of_ones_own_changes_levels_limits_and_systems() {
    let folder = tempfile::tempdir().unwrap();
    let profile = r#"
extends = "ims-classic"
name = "ours"
[levels]
"fstab-no-nonsystem-mounts" = "recommended"
cloud-init-enabled = "off"
[limits]
max-file-size = "1 KiB"
[[systems]]
id = "debian"
version = "12"
os_version = "Debian GNU/Linux 12.0.0 64bit"
"#;
    fs::write(folder.path().join("ours.toml"), profile).unwrap();
    fs::write(folder.path().join("image-preflight.toml"), "profile = \"ours.toml\"").unwrap();
    let output =
        run(folder.path(), &["check", &guest("fstab-data-disk.qcow2"), "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let report = json(&output);
    assert_eq!(report["profile"], "ours");
    assert_eq!(finding(&report, RULE)["status"], "warn");
    assert_eq!(finding(&report, "cloud-init-enabled"), serde_json::Value::Null);
    assert_eq!(finding(&report, "file-size-max")["status"], "fail");
    assert_eq!(finding(&report, "os-supported")["status"], "pass");
    let rules = text(&run(folder.path(), &["rules", "--profile", "ours.toml"]).stdout);
    let line = rules.lines().find(|line| line.starts_with(RULE)).unwrap();
    assert!(line.contains("recommended"), "{line}");
    assert!(!rules.contains("cloud-init-enabled"));
}

#[test]
fn what_is_wrong_in_a_file_is_said_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let good = guest("good.qcow2");
    let file = folder.path().join("image-preflight.toml");
    for (content, said) in [
        ("profile = ", "image-preflight.toml:1: "),
        ("\nprofil = \"otc\"", "image-preflight.toml:2: unknown field `profil`"),
        ("profile = \"otcc\"", "the profile otcc is none of ims-classic, huaweicloud, otc"),
        (
            "[[waivers]]\nreason = \"x\"\nrule = \"fstab-uid\"",
            "image-preflight.toml:3: no rule is called \"fstab-uid\"; did you mean fstab-uuid?",
        ),
        ("[[waivers]]\nrule = \"fstab-uuid\"", "image-preflight.toml:1: missing field `reason`"),
        ("[[waivers]]\nrule = \"fstab-uuid\"\nreason = \" \"", ":3: a waiver needs a reason"),
        (
            "[[waivers]]\nrule = \"fstab-uuid\"\nreason = \"x\"\nexpires = 12:00:00",
            ":4: expires is a date",
        ),
        (
            "[[waivers]]\nrule = \"fstab-uuid\"\nreason = \"x\"\nexpires = \"2026-12-31\"",
            "a date is written without quotes: expires = 2026-12-31",
        ),
    ] {
        fs::write(&file, content).unwrap();
        let output = run(folder.path(), &["check", &good]);
        assert_eq!(output.status.code(), Some(2), "{content}");
        assert!(text(&output.stderr).contains(said), "{content}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "");
    }
    fs::remove_file(&file).unwrap();
    for (content, said) in [
        ("name = \"x\"", "missing field `extends`"),
        ("extends = \"x\"", "p.toml:1: extends is none of"),
        ("extends = \"otc\"\n[levels]\nfstab-uid = \"off\"", "p.toml:3: no rule is called"),
        ("extends = \"otc\"\n[limits]\nmax-file-size = \"big\"", "p.toml:3: \"big\" is no size"),
        ("extends = \"otc\"\n[limits]\nmax-file-size = \"99999999999 TiB\"", "is no size"),
        (
            "extends = \"otc\"\n[limits]\nmin-virtual-size = \"2 TiB\"\nmax-virtual-size = \"1 TiB\"",
            "p.toml:3: min-virtual-size is more than max-virtual-size",
        ),
    ] {
        fs::write(folder.path().join("p.toml"), content).unwrap();
        let output = run(folder.path(), &["check", &good, "--profile", "p.toml"]);
        assert_eq!(output.status.code(), Some(2), "{content}");
        assert!(text(&output.stderr).contains(said), "{content}: {}", text(&output.stderr));
    }
    let output = run(folder.path(), &["check", &good, "--config", "absent.toml"]);
    assert_eq!(output.status.code(), Some(2));
    fs::write(folder.path().join("big.toml"), vec![b' '; (1 << 20) + 1]).unwrap();
    let output = run(folder.path(), &["check", &good, "--config", "big.toml"]);
    assert!(text(&output.stderr).contains("more than 1048576 bytes"));
}

#[test]
fn init_writes_a_configuration_that_is_read_and_overwrites_none() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["init"]);
    assert_eq!(
        (output.status.code(), text(&output.stdout).as_str()),
        (Some(0), "image-preflight.toml\n")
    );
    assert_eq!(run(folder.path(), &["init"]).status.code(), Some(2));
    let file = folder.path().join("image-preflight.toml");
    let written = fs::read_to_string(&file).unwrap();
    assert_eq!(run(folder.path(), &["check", &guest("good.qcow2")]).status.code(), Some(0));
    // What stands there as an example is one that is taken.
    let examples: String = written
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .filter(|line| line.starts_with("[[") || line.contains(" = "))
        .filter(|line| !line.starts_with("    "))
        .flat_map(|line| [line, "\n"])
        .collect();
    fs::write(&file, examples).unwrap();
    let output = run(folder.path(), &["check", &guest("good.qcow2")]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

/// A TOML document as the JSON that editors validate; dates are strings there.
fn as_json(document: &str) -> serde_json::Value {
    fn convert(value: toml::Value) -> serde_json::Value {
        match value {
            toml::Value::Datetime(at) => at.to_string().into(),
            toml::Value::Array(items) => items.into_iter().map(convert).collect(),
            toml::Value::Table(table) => {
                table.into_iter().map(|(key, value)| (key, convert(value))).collect()
            }
            toml::Value::String(text) => text.into(),
            toml::Value::Integer(number) => number.into(),
            toml::Value::Boolean(is) => is.into(),
            toml::Value::Float(number) => number.into(),
        }
    }
    convert(toml::Value::Table(toml::from_str(document).unwrap()))
}

fn schema(of: &str) -> jsonschema::Validator {
    let output = run(Path::new("."), &["schema", of]);
    assert_eq!(output.status.code(), Some(0));
    let schema = json(&output);
    jsonschema::meta::validate(&schema).unwrap();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

/// The examples of a commented template: its lines of settings without the sign of a comment.
fn examples(template: &str, indent: &str) -> String {
    template
        .lines()
        .filter_map(|line| line.strip_prefix("# ")?.strip_prefix(indent))
        .filter(|line| !line.starts_with(' '))
        .filter(|line| line.starts_with('[') || line.contains(" = "))
        .flat_map(|line| [line, "\n"])
        .collect()
}

#[test]
fn the_schemas_take_what_is_taken_and_refuse_what_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &["init"]);
    let template = fs::read_to_string(folder.path().join("image-preflight.toml")).unwrap();
    let config = schema("config");
    let shown = include_str!("../docs/examples/image-preflight.toml");
    for document in [template.as_str(), &examples(&template, ""), shown] {
        let found = as_json(document);
        assert!(config.is_valid(&found), "{found}: {:?}", config.validate(&found));
    }
    assert_eq!(as_json(shown)["waivers"].as_array().unwrap().len(), 1);
    for document in [
        "profil = \"otc\"",
        "fail-on = \"error\"",
        "lang = \"fr\"",
        "[[waivers]]\nrule = \"fstab-uuid\"",
        "[[waivers]]\nrule = \"fstab-uid\"\nreason = \"x\"",
        "[[waivers]]\nrule = \"fstab-uuid\"\nreason = \" \"",
        "[[waivers]]\nrule = \"fstab-uuid\"\nreason = \"x\"\nexpires = 12:00:00",
    ] {
        assert!(!config.is_valid(&as_json(document)), "{document}");
    }
    let profile = schema("profile");
    let own = examples(&template, "    ");
    assert!(own.contains("extends") && own.contains("[[systems]]"), "{own}");
    assert!(profile.is_valid(&as_json(&own)), "{own}");
    for document in [
        "name = \"x\"",
        "extends = \"x\"",
        "extends = \"otc\"\n[levels]\nfstab-uid = \"off\"",
        "extends = \"otc\"\n[levels]\nfstab-uuid = \"no\"",
        "extends = \"otc\"\n[limits]\nmax-file-size = \"big\"",
        "extends = \"otc\"\n[[systems]]\nid = \"x\"",
    ] {
        assert!(!profile.is_valid(&as_json(document)), "{document}");
    }
}

#[test]
fn the_request_the_list_and_the_value_follow_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image-preflight.toml");
    fs::write(&file, "profile = \"otc\"\nlang = \"zh-CN\"\n").unwrap();
    let good = guest("good.qcow2");
    let same = |args: &[&str], explicit: &[&str]| {
        let by_file = run(folder.path(), args);
        let elsewhere = tempfile::tempdir().unwrap();
        let by_words = run(elsewhere.path(), &[args, explicit].concat());
        assert_eq!(text(&by_file.stdout), text(&by_words.stdout), "{args:?}");
        assert_eq!(text(&by_file.stderr), text(&by_words.stderr), "{args:?}");
        assert_eq!(by_file.status.code(), by_words.status.code());
        let plain = run(elsewhere.path(), args);
        assert_ne!((plain.stdout, plain.stderr), (by_file.stdout, by_file.stderr), "{args:?}");
    };
    let both = ["--profile", "otc", "--lang", "zh-CN"];
    same(&["rules"], &both);
    same(&["request", &good, "--image-url", "b:o.qcow2"], &both);
    same(&["request", "--body", &testdata("requests/file-tags.json")], &both);
    same(&["os-version", &good], &both);
    same(&["inspect", &good], &["--lang", "zh-CN"]);
    same(&["explain", "fstab-uuid"], &["--lang", "zh-CN"]);
    let output = run(folder.path(), &["rules", "--config", "absent.toml"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_nearest_key_is_named_with_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image-preflight.toml");
    for (content, said) in [
        ("\nprofil = \"otc\"", ":2: unknown field `profil`"),
        ("\nprofil = \"otc\"", "did you mean profile?"),
        ("lang = \"zh-NC\"", "did you mean zh-CN?"),
        ("[[waivers]]\nreson = \"x\"", "did you mean reason?"),
    ] {
        fs::write(&file, content).unwrap();
        let output = run(folder.path(), &["rules"]);
        assert_eq!(output.status.code(), Some(2), "{content}");
        assert!(text(&output.stderr).contains(said), "{content}: {}", text(&output.stderr));
    }
}
