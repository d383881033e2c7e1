//! Every form of the report says the same of the same findings, is what its readers ask for, and
//! lets nothing that an image says act on a reader.

#![cfg(feature = "cli")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "for tests"
)]

use std::collections::BTreeSet;
use std::process::Command;

use image_preflight::disk::facts::{PartitionRole, TableKind};
use image_preflight::fact::Evidence;
use image_preflight::report::layout::{DiskLayout, DiskPart};
use image_preflight::report::{Format, GuestSummary, ImageReport, ImageSummary, Settings, Verdict};
use image_preflight::rules::{Context, Finding, Lang, Level, Profile, Status, Text};
use quick_xml::events::Event;
use serde_json::Value as Json;

fn settings(lang: Lang) -> Settings {
    let profile = Profile::ImsClassic;
    let context = Context::new(profile, 20_000);
    let mut settings = Settings::new(context);
    settings.lang = lang;
    settings
}

fn written(format: Format, lang: Lang, reports: &[ImageReport]) -> String {
    let mut out = Vec::new();
    format.write(settings(lang), reports, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn finding(rule: &str, level: Level, status: Status, en: &str, zh: &str) -> Finding {
    Finding {
        rule: rule.to_owned(),
        level,
        status,
        message: Text { en: en.to_owned(), zh: zh.to_owned() },
        evidence: Vec::new(),
        remedy: None,
        predicts: Vec::new(),
        repaired_by_platform: false,
        source: "制作镜像 (ims_03_0603)".to_owned(),
        waived: None,
    }
}

fn both(text: &str) -> Option<Text> {
    Some(Text { en: text.to_owned(), zh: text.to_owned() })
}

fn report() -> ImageReport {
    let line = "UUID=deadbeef-0000-4000-8000-00000000dead /data ext4 defaults 0 2";
    let mounts = Finding {
        evidence: vec![Evidence::new("/etc/fstab:2", line).marked(2, line, 0..41)],
        remedy: both("sed -i '2s/^/#/' /etc/fstab\nsystemctl daemon-reload"),
        predicts: vec!["IMG.0057".to_owned()],
        ..finding(
            "fstab-no-nonsystem-mounts",
            Level::Required,
            Status::Fail,
            "Line 2 of /etc/fstab mounts /data from a disk that is not in this image.",
            "/etc/fstab第2行挂载了本镜像中没有的磁盘。",
        )
    };
    let supported = Finding {
        evidence: vec![
            Evidence::new("/etc/os-release", "Debian GNU/Linux 12 (bookworm)"),
            Evidence::new("nearest os_version", "Debian GNU/Linux 12.0.0 64bit"),
        ],
        remedy: both("Register with \"os_version\": \"Debian GNU/Linux 12.0.0 64bit\"."),
        ..finding(
            "os-supported",
            Level::Recommended,
            Status::Warn,
            "Debian 12 is not on this platform's list.",
            "Debian 12不在该平台的支持列表中。",
        )
    };
    let unread = Finding {
        evidence: vec![Evidence::new("partition 3", "LVM2_member is not looked into")],
        ..finding(
            "fstab-uuid",
            Level::Required,
            Status::Unverified,
            "Not decided: partition 3: LVM2_member is not looked into.",
            "无法判定：partition 3：未查看LVM2_member内部。",
        )
    };
    let required =
        |rule, status| finding(rule, Level::Required, status, "As it should be.", "符合要求。");
    let part = |name: &str, start, size, role, content: Option<&str>, mount: &str| DiskPart {
        name: name.to_owned(),
        start,
        size,
        role,
        content: content.map(str::to_owned),
        mounts: Some(mount.to_owned()).filter(|mount| !mount.is_empty()).into_iter().collect(),
    };
    const GIB: u64 = 1 << 30;
    ImageReport {
        image: ImageSummary {
            path: "images/web.qcow2".to_owned(),
            format: Some("qcow2".to_owned()),
            file_size: Some(1_234_567_890),
            virtual_size: Some(40 * GIB),
            digest: None,
        },
        guest: GuestSummary {
            os: Some("linux".to_owned()),
            id: Some("debian".to_owned()),
            version: Some("12.15".to_owned()),
            name: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
            arch: Some("x86_64".to_owned()),
            firmware: Some("bios".to_owned()),
        },
        disk: Some(DiskLayout {
            size: 40 * GIB,
            table: TableKind::Gpt,
            partitions: vec![
                part(
                    "partition 1",
                    Some(1 << 20),
                    1 << 20,
                    Some(PartitionRole::BiosBoot),
                    None,
                    "",
                ),
                part(
                    "partition 2",
                    Some(2 << 20),
                    GIB,
                    Some(PartitionRole::LinuxFilesystem),
                    Some("ext4"),
                    "/boot",
                ),
                part(
                    "partition 3",
                    Some(2 * GIB),
                    30 * GIB,
                    Some(PartitionRole::Lvm),
                    Some("LVM2_member"),
                    "",
                ),
            ],
            inside: vec![
                part("vg/root", None, 20 * GIB, None, Some("xfs"), "/"),
                part("vg/swap", None, 2 * GIB, None, Some("swap"), ""),
            ],
        }),
        verdict: Verdict::Fail,
        findings: vec![
            required("format-supported", Status::Pass),
            mounts,
            unread,
            supported,
            finding("ipv6-dhcp", Level::Informational, Status::Info, "No IPv6.", "没有IPv6。"),
            required("win-dhcp", Status::NotApplicable),
            required("grub-root-uuid", Status::Waived),
            Finding {
                remedy: both("Ask the console."),
                ..finding("quota", Level::Manual, Status::Manual, "By hand.", "需人工确认。")
            },
        ],
        error: None,
    }
}

fn unreadable() -> ImageReport {
    ImageReport::error("gone.raw".as_ref(), "gone.raw: No such file or directory".to_owned())
}

/// What an image or whoever names it may try: terminals, reading order, HTML, XML, Markdown, JSON,
/// workflow commands, SARIF's links and placeholders.
const EVIL: &str = "\x1b[5m\u{9b}2J\u{202e}evil\u{2066}\u{200b}\0\u{fffe}<script>alert(1)</script>\
    <img src=x onerror=y>]]>&lt;\"'`|*_[x](http://e.example)\r\n::error::pwned\n%0A%2C,:{0} @everyone";

fn hostile() -> ImageReport {
    let mut report = report();
    report.image.path = format!("im{EVIL}.qcow2");
    report.guest.name = Some(EVIL.to_owned());
    if let Some(disk) = &mut report.disk {
        for part in disk.partitions.iter_mut().chain(&mut disk.inside) {
            part.name = EVIL.to_owned();
            part.content = Some(EVIL.to_owned());
            part.mounts = vec![EVIL.to_owned()];
        }
    }
    for found in &mut report.findings {
        found.message = both(EVIL).unwrap();
        found.remedy = both(EVIL);
        found.evidence =
            vec![Evidence::new(EVIL, EVIL), Evidence::new("/x:1", "d").marked(1, EVIL, 3..9)];
    }
    report
}

/// Which form and language, for a message.
fn all(reports: &[ImageReport]) -> impl Iterator<Item = (String, Format, String)> {
    Format::ALL.into_iter().flat_map(move |(format, name)| {
        [Lang::En, Lang::ZhCn].map(|lang| {
            let text = written(format, lang, reports);
            (format!("{name} {}", lang.name()), format, text)
        })
    })
}

fn is_steering(char: char) -> bool {
    char != '\n'
        && (char.is_control()
            || matches!(char, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
}

#[test]
fn every_form_of_one_report_is_as_it_was() {
    for (name, format, text) in all(&[report(), unreadable()]) {
        let text = text.replace(env!("CARGO_PKG_VERSION"), "VERSION");
        let text = match format {
            // The rules' own words change with the rules: one of them stands for all.
            Format::Sarif => {
                let mut json: Json = serde_json::from_str(&text).unwrap();
                let rules = json["runs"][0]["tool"]["driver"]["rules"].as_array_mut().unwrap();
                assert!(rules.len() > 50);
                rules.truncate(1);
                serde_json::to_string_pretty(&json).unwrap()
            }
            Format::Html => text.split_once("<body>").unwrap().1.replace("><", ">\n<"),
            _ => text,
        };
        insta::assert_snapshot!(name.replace(' ', "-"), text);
    }
}

#[test]
fn nothing_that_an_image_says_steers_a_reader() {
    for (name, format, text) in all(&[hostile()]) {
        // Our own colours, none of which the image has.
        let text = ["0", "1", "2", "31", "32", "33", "34", "36", "90"]
            .iter()
            .fold(text, |text, style| text.replace(&format!("\x1b[{style}m"), ""));
        if let Some(char) = text.chars().find(|char| is_steering(*char)) {
            panic!("{name}: {char:?}");
        }
        // A line of its own is what a runner of workflows would obey.
        let commands = text.lines().filter(|line| line.trim_start().starts_with("::"));
        let ours = if format == Format::Github { 3 } else { 0 };
        assert_eq!(commands.count(), ours, "{name}");
        if matches!(format, Format::Html | Format::Junit) {
            assert!(!text.contains("<script"), "{name}");
        }
    }
}

/// The elements and, with an `@`, the attributes of a piece of HTML.
fn elements(text: &str) -> BTreeSet<String> {
    let mut reader = quick_xml::Reader::from_str(text);
    reader.config_mut().check_end_names = false;
    let mut names = BTreeSet::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) | Event::Empty(start) => {
                names.insert(start.name().as_ref().to_owned());
                for attribute in start.html_attributes() {
                    let attribute = attribute.unwrap();
                    names.insert(format!("@{}", attribute.key.as_ref()));
                }
            }
            Event::Eof => return names,
            _ => {}
        }
    }
}

#[test]
fn html_of_hostile_words_has_the_elements_of_harmless_ones() {
    for lang in [Lang::En, Lang::ZhCn] {
        let harmless = written(Format::Html, lang, &[report()]);
        let evil = written(Format::Html, lang, &[hostile()]);
        let (known, found) = (elements(&harmless), elements(&evil));
        let extra: Vec<_> = found.difference(&known).collect();
        assert!(extra.is_empty(), "{extra:?}");
        assert!(evil.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
        for forbidden in ["script", "img", "link", "iframe", "object", "@style", "@onerror", "@src"]
        {
            assert!(!found.contains(forbidden), "{forbidden}");
        }
        assert!(evil.contains("content=\"default-src 'none'; style-src 'sha256-"));
        assert!(!harmless.contains("://"), "a page of its own loads nothing");
    }
}

#[test]
fn markdown_of_hostile_words_has_the_elements_of_harmless_ones() {
    let text = written(Format::Markdown, Lang::En, &[hostile()]);
    let mut fence: Option<String> = None;
    for line in text.lines() {
        // In a fenced block everything is text, up to the same fence.
        if let Some(open) = &fence {
            if line == open {
                fence = None;
            }
            continue;
        }
        if line.starts_with("```") {
            fence = Some(line.to_owned());
            continue;
        }
        let outside = without_code_spans(line);
        let outside = ["<details>", "</details>", "<summary>", "</summary>", "<br>"]
            .iter()
            .fold(outside, |line, tag| line.replace(tag, ""));
        assert!(!outside.contains('<'), "{line}");
        assert!(!outside.contains('@'), "{line}");
        assert!(!outside.contains("http://"), "{line}");
        let escaped = outside.replace("\\\\", "").replace("\\[", "").replace("\\]", "");
        assert!(!escaped.contains(['[', ']']), "{line}");
        if line.starts_with('|') {
            assert_eq!(outside.replace("\\|", "").matches('|').count(), 4, "{line}");
        }
    }
    assert_eq!(fence, None);
}

/// A line of Markdown without its code spans (CommonMark §6.1): a run of backticks to the next run
/// of the same length. A backslash before the first one makes it text.
fn without_code_spans(line: &str) -> String {
    let chars: Vec<char> = line.chars().collect();
    let run = |at: usize| chars[at..].iter().take_while(|char| **char == '`').count();
    let (mut out, mut at) = (String::new(), 0);
    while at < chars.len() {
        if chars[at] == '\\' && at + 1 < chars.len() {
            out.extend([chars[at], chars[at + 1]]);
            at += 2;
            continue;
        }
        let length = run(at);
        if length == 0 {
            out.push(chars[at]);
            at += 1;
            continue;
        }
        let mut end = at + length;
        while end < chars.len() && run(end) != length {
            end += run(end).max(1);
        }
        assert!(end < chars.len(), "a code span without an end: {line}");
        at = end + length;
    }
    out
}

fn schema(format: &str) -> jsonschema::Validator {
    let output = Command::new(env!("CARGO_BIN_EXE_image-preflight"))
        .args(["schema", "--format", format])
        .output()
        .unwrap();
    let schema: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    jsonschema::validator_for(&schema).unwrap()
}

#[track_caller]
fn expect_valid(validator: &jsonschema::Validator, document: &Json) {
    let errors: Vec<String> = validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn the_json_report_is_what_its_schema_says() {
    let (json, line) = (schema("json"), schema("json-lines"));
    let reports = [report(), unreadable(), hostile()];
    for lang in [Lang::En, Lang::ZhCn] {
        let document: Json = serde_json::from_str(&written(Format::Json, lang, &reports)).unwrap();
        expect_valid(&json, &document);
        let lines = written(Format::JsonLines, lang, &reports);
        assert_eq!(lines.lines().count(), reports.len());
        for text in lines.lines() {
            expect_valid(&line, &serde_json::from_str(text).unwrap());
        }
    }
    let none: Json = serde_json::from_str(&written(Format::Json, Lang::En, &[])).unwrap();
    expect_valid(&json, &none);
    // And it would tell if it were not.
    let text = written(Format::Json, Lang::En, &reports);
    let document: Json = serde_json::from_str(&text).unwrap();
    for (pointer, wrong) in [
        ("/reports/0/verdict", Json::from("maybe")),
        ("/reports/0/findings/0/status", Json::from("good")),
        ("/reports/0/findings/1/evidence/0/excerpt/line", Json::from("2")),
        ("/reports/0/summary", Json::Null),
        ("/profile", Json::from(1)),
    ] {
        let mut document = document.clone();
        *document.pointer_mut(pointer).unwrap() = wrong;
        assert!(!json.is_valid(&document), "{pointer}");
    }
}

#[test]
fn the_report_of_real_guests_is_what_its_schema_says() {
    let json = schema("json");
    let guests = ["good", "fstab-data-disk", "luks-root"]
        .map(|name| format!("{}/testdata/guests/{name}.qcow2", env!("CARGO_MANIFEST_DIR")));
    let output = Command::new(env!("CARGO_BIN_EXE_image-preflight"))
        .args(["check", "--format", "json"])
        .args(&guests)
        .arg("/no/such/image")
        .output()
        .unwrap();
    let document: Json = serde_json::from_slice(&output.stdout).unwrap();
    expect_valid(&json, &document);
    let disk = &document["reports"][0]["disk"];
    assert_eq!(disk["table"], "mbr");
    assert_eq!(disk["partitions"][0]["content"], "ext4");
    assert_eq!(disk["partitions"][0]["mounts"], serde_json::json!(["/"]));
    assert_eq!(document["reports"][3]["disk"], Json::Null);
    let found = document["reports"][1]["findings"].as_array().unwrap();
    let mounts = found.iter().find(|found| found["rule"] == "fstab-no-nonsystem-mounts").unwrap();
    let excerpt = &mounts["evidence"][0]["excerpt"];
    assert_eq!(
        (&excerpt["line"], &excerpt["start"], &excerpt["end"]),
        (&2.into(), &0.into(), &41.into())
    );
}

#[test]
fn sarif_is_what_the_standards_schema_says() {
    let schema = include_str!("../testdata/schemas/sarif-2.1.0.json");
    // A bracket too many in two of its patterns, which is no pattern to a strict reader.
    let schema = schema.replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}$");
    let schema = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    for reports in [vec![], vec![report(), unreadable()], vec![hostile()]] {
        for lang in [Lang::En, Lang::ZhCn] {
            let text = written(Format::Sarif, lang, &reports);
            expect_valid(&schema, &serde_json::from_str(&text).unwrap());
        }
    }
    let text = written(Format::Sarif, Lang::En, &[report(), unreadable()]);
    let document: Json = serde_json::from_str(&text).unwrap();
    let mut wrong = document.clone();
    wrong["runs"][0]["results"][0]["level"] = "fatal".into();
    assert!(!schema.is_valid(&wrong));

    let run = &document["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for result in run["results"].as_array().unwrap() {
        // §3.27.10: without a failure there is no level. GitHub refuses a result without a line.
        assert_eq!(result["kind"] == "fail", result["level"] != "none", "{result}");
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "images/web.qcow2");
        assert_eq!(place["region"]["startLine"], 1);
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
    let kinds: Vec<_> = run["results"].as_array().unwrap().iter().map(|it| &it["kind"]).collect();
    assert_eq!(kinds, ["fail", "open", "fail", "fail"]);
    assert_eq!(run["results"][3]["suppressions"][0]["kind"], "external");
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    assert_eq!(run["properties"]["images"][0]["summary"]["pass"], 1);
}

#[test]
fn fingerprints_tell_findings_apart_and_stay_when_words_change() {
    let prints = |lang, report: ImageReport| -> Vec<String> {
        let sarif: Json =
            serde_json::from_str(&written(Format::Sarif, lang, std::slice::from_ref(&report)))
                .unwrap();
        let gitlab: Json =
            serde_json::from_str(&written(Format::Gitlab, lang, std::slice::from_ref(&report)))
                .unwrap();
        let sarif = sarif["runs"][0]["results"].as_array().unwrap().clone();
        let sarif = sarif.into_iter().map(|result| result["partialFingerprints"].to_string());
        let gitlab = gitlab.as_array().unwrap().clone();
        sarif.chain(gitlab.into_iter().map(|issue| issue["fingerprint"].to_string())).collect()
    };
    let first = prints(Lang::En, report());
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), first.len());
    let mut other = report();
    for found in &mut other.findings {
        found.message = both("other words").unwrap();
        found.evidence.clear();
    }
    assert_eq!(prints(Lang::ZhCn, other), first);
    let mut moved = report();
    moved.image.path = "elsewhere.qcow2".to_owned();
    assert!(prints(Lang::En, moved).iter().all(|print| !first.contains(print)));
}

#[test]
fn junit_counts_what_it_holds() {
    for reports in [vec![report(), unreadable()], vec![hostile()]] {
        let text = written(Format::Junit, Lang::En, &reports);
        let mut reader = quick_xml::Reader::from_str(&text);
        let mut said = [0_u64; 4];
        let mut held = [0_u64; 4];
        loop {
            let event = reader.read_event().unwrap();
            let (Event::Start(start) | Event::Empty(start)) = &event else {
                match event {
                    Event::Eof => break,
                    _ => continue,
                }
            };
            for attribute in start.attributes() {
                let attribute = attribute.unwrap();
                let value = attribute.value;
                let key = attribute.key;
                let names = ["tests", "failures", "errors", "skipped"];
                if let Some(at) = names.iter().position(|name| key.as_ref() == *name) {
                    said[at] += value.parse::<u64>().unwrap();
                }
            }
            let names = ["testcase", "failure", "error", "skipped"];
            if let Some(at) = names.iter().position(|name| start.name().as_ref() == *name) {
                held[at] += 1;
            }
        }
        assert_eq!(said, held);
        assert!(held.iter().all(|count| *count > 0), "{held:?}");
    }
}

/// A workflow command by the grammar that GitHub documents and its runner reads
/// (`ActionCommand.cs`): `::name key=value,key=value::message`.
fn command(line: &str) -> (String, Vec<(String, String)>, String) {
    let rest = line.strip_prefix("::").unwrap();
    let (head, message) = rest.split_once("::").unwrap();
    let (name, properties) = head.split_once(' ').unwrap();
    let properties = properties.split(',').map(|property| {
        let (key, value) = property.split_once('=').unwrap();
        assert!(!value.contains([':', ',']), "{value}");
        let value = value.replace("%3A", ":").replace("%2C", ",");
        (key.to_owned(), unescaped(&value))
    });
    (name.to_owned(), properties.collect(), unescaped(message))
}

fn unescaped(text: &str) -> String {
    assert!(!text.contains(['\r', '\n']));
    text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
}

#[test]
fn workflow_commands_follow_the_documented_grammar() {
    let text = written(Format::Github, Lang::En, &[report(), unreadable()]);
    let commands: Vec<_> = text.lines().map(command).collect();
    let heads: Vec<_> = commands
        .iter()
        .map(|(name, properties, _)| {
            let value = |key: &str| &properties.iter().find(|(found, _)| found == key).unwrap().1;
            (name.as_str(), value("file").as_str(), value("title").as_str())
        })
        .collect();
    let image = "images/web.qcow2";
    assert_eq!(
        heads,
        [
            ("error", image, "fstab-no-nonsystem-mounts"),
            ("warning", image, "fstab-uuid"),
            ("warning", image, "os-supported"),
            ("error", "gone.raw", "image-preflight"),
        ]
    );
    assert!(commands[0].2.contains("\n/etc/fstab:2  UUID=deadbeef"), "{}", commands[0].2);
    let text = written(Format::Github, Lang::En, &[hostile()]);
    let (_, properties, message) = command(text.lines().next().unwrap());
    assert_eq!(properties.len(), 2);
    assert!(properties[0].1.contains("%0A%2C,:{0} @everyone"), "{properties:?}");
    assert!(message.contains("%0A%2C,:{0} @everyone"), "{message}");
}

#[test]
fn rules_unverified_for_one_reason_are_one_annotation_and_one_entry() {
    let mut report = report();
    let alike = |rule: &str, level| {
        let unread = report.findings.iter().find(|found| found.rule == "fstab-uuid").unwrap();
        let remedy = both("qemu-img convert -p -O qcow2 disk.vmdk disk.qcow2");
        Finding { rule: rule.to_owned(), level, remedy, ..unread.clone() }
    };
    let more = [alike("arch-match", Level::Recommended), alike("grub-timeout", Level::Recommended)];
    report.findings.splice(0..0, more);
    let text = written(Format::Github, Lang::En, &[report.clone()]);
    let commands: Vec<_> = text.lines().map(command).collect();
    let (name, properties, message) = &commands[0];
    // The required one weighs for all.
    assert_eq!(name, "warning");
    assert_eq!(properties[1].1, "fstab-uuid and 2 more");
    assert!(message.contains("(arch-match, grub-timeout, fstab-uuid)"), "{message}");
    assert!(message.contains("fix: qemu-img convert"), "{message}");
    assert_eq!(commands.len(), 3);
    let issues: Json =
        serde_json::from_str(&written(Format::Gitlab, Lang::ZhCn, &[report])).unwrap();
    let issues = issues.as_array().unwrap();
    assert_eq!(issues.len(), 3);
    assert_eq!(issues[0]["check_name"], "fstab-uuid");
    assert_eq!(issues[0]["severity"], "major");
    let words = issues[0]["description"].as_str().unwrap();
    assert!(words.ends_with("（arch-match, grub-timeout, fstab-uuid）"), "{words}");
}

#[test]
fn gitlab_gets_what_its_documentation_asks_for() {
    // GitLab's documentation, "Code Quality report format".
    let schema = serde_json::json!({
        "type": "array",
        "items": {
            "type": "object",
            "required": ["description", "check_name", "fingerprint", "severity", "location"],
            "additionalProperties": false,
            "properties": {
                "description": { "type": "string", "minLength": 1 },
                "check_name": { "type": "string", "minLength": 1 },
                "fingerprint": { "type": "string", "pattern": "^[0-9a-f]{64}$" },
                "severity": { "enum": ["info", "minor", "major", "critical", "blocker"] },
                "location": {
                    "type": "object",
                    "required": ["path", "lines"],
                    "properties": {
                        "path": { "type": "string", "not": { "pattern": "^\\./" } },
                        "lines": {
                            "type": "object",
                            "required": ["begin"],
                            "properties": { "begin": { "type": "integer", "minimum": 1 } },
                        },
                    },
                },
            },
        },
    });
    let schema = jsonschema::validator_for(&schema).unwrap();
    let mut dotted = report();
    dotted.image.path.insert_str(0, "./");
    for reports in [vec![], vec![dotted, unreadable()], vec![hostile()]] {
        let text = written(Format::Gitlab, Lang::En, &reports);
        expect_valid(&schema, &serde_json::from_str(&text).unwrap());
    }
    let issues: Json =
        serde_json::from_str(&written(Format::Gitlab, Lang::En, &[report(), unreadable()]))
            .unwrap();
    let severities: Vec<_> = issues
        .as_array()
        .unwrap()
        .iter()
        .map(|issue| issue["severity"].as_str().unwrap())
        .collect();
    assert_eq!(severities, ["critical", "major", "minor", "blocker"]);
}

#[test]
fn a_warning_that_fails_an_image_fails_in_every_form() {
    let strict = |format: Format| {
        let mut out = Vec::new();
        let mut settings = settings(Lang::En);
        settings.fail_on_warn = true;
        let mut writer = format.writer(settings);
        writer.begin(&mut out).unwrap();
        writer.image(&report(), &mut out).unwrap();
        writer.end(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    assert!(strict(Format::Junit).contains("failures=\"2\""));
    assert!(strict(Format::Github).contains("::error file=images/web.qcow2,title=os-supported::"));
    assert_eq!(strict(Format::Gitlab).matches("\"major\"").count(), 2);
    let sarif: Json = serde_json::from_str(&strict(Format::Sarif)).unwrap();
    assert_eq!(sarif["runs"][0]["results"][2]["level"], "error");
}
