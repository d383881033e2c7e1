use super::*;
use crate::fact::Fact;
use crate::rules::policy::System;
use crate::rules::testing::windows::good_windows;
use crate::rules::testing::{context, good_linux, linux_mut};

/// The samples of the source document (制作镜像, 请求样例) as they stand there.
const SERVER: &str = include_str!("../../testdata/requests/server-tags.json");
const DATA_DISK: &str = include_str!("../../testdata/requests/data-disk-tags.json");
const FILE: &str = include_str!("../../testdata/requests/file-tags.json");
const SERVER_IMAGE_TAGS: &str = include_str!("../../testdata/requests/server-image-tags.json");
const DATA_DISK_IMAGE_TAGS: &str =
    include_str!("../../testdata/requests/data-disk-image-tags.json");
const FILE_IMAGE_TAGS: &str = include_str!("../../testdata/requests/file-image-tags.json");

fn checked(body: &str, profile: Profile) -> Validation {
    validate(body, "b.json", &context(profile), None)
}

fn with_image(body: &str, facts: &Facts, profile: Profile) -> Validation {
    let context = context(profile);
    let findings = crate::rules::check_all(facts, &context);
    validate(body, "b.json", &context, Some(Subject { facts, findings: &findings }))
}

fn finding<'a>(validation: &'a Validation, rule: &str) -> &'a Finding {
    validation.findings.iter().find(|found| found.rule == rule).expect(rule)
}

fn broken(validation: &Validation) -> Vec<&str> {
    let bad = validation
        .findings
        .iter()
        .filter(|found| matches!(found.status, Status::Fail | Status::Warn | Status::Unverified));
    bad.map(|found| found.rule.as_str()).collect()
}

/// Status and first evidence of one rule on one body.
fn one(rule: &str, body: &str) -> (Status, String) {
    one_in(rule, body, Profile::Huaweicloud)
}

fn one_in(rule: &str, body: &str, profile: Profile) -> (Status, String) {
    let validation = checked(body, profile);
    let found = finding(&validation, rule);
    let seen = found
        .evidence
        .first()
        .map_or_else(String::new, |evidence| format!("{} {}", evidence.location, evidence.detail));
    (found.status, seen)
}

/// A body from a file with one more member.
fn file_with(member: &str) -> String {
    format!(r#"{{"name":"x","image_url":"bucket:x.qcow2","min_disk":40,{member}}}"#)
}

#[test]
fn the_documents_samples_of_servers_pass() {
    for body in [SERVER, SERVER_IMAGE_TAGS] {
        assert_eq!(broken(&checked(body, Profile::ImsClassic)), Vec::<&str>::new());
    }
}

#[test]
fn the_documents_typographic_quotes_are_found_and_mended() {
    for body in [DATA_DISK, DATA_DISK_IMAGE_TAGS] {
        let validation = checked(body, Profile::ImsClassic);
        assert_eq!(broken(&validation), ["req-body-shape"]);
        let found = finding(&validation, "req-body-shape");
        assert_eq!(found.evidence[0].location, "b.json:2:25");
        assert_eq!(found.evidence[0].detail, "“ instead of \"");
        let corrected = validation.corrected.expect("mended").body.to_string();
        assert_eq!(broken(&checked(&corrected, Profile::ImsClassic)), Vec::<&str>::new());
        assert!(corrected.contains("\"name\": \"ims_data_image_test\""));
    }
}

#[test]
fn the_documents_blank_before_the_system_is_found_and_mended() {
    for body in [FILE, FILE_IMAGE_TAGS] {
        let validation = checked(body, Profile::ImsClassic);
        assert_eq!(broken(&validation), ["req-os-version"]);
        let found = finding(&validation, "req-os-version");
        assert_eq!(found.evidence[0].location, "b.json#/os_version");
        assert_eq!(found.evidence[0].detail, "\" CentOS 7.0 64bit\"");
        let remedy = &found.remedy.as_ref().expect("a correction").en;
        assert_eq!(remedy, "\"os_version\": \"CentOS 7.0 64bit\"");
        let corrected = validation.corrected.expect("mended").body.to_string();
        assert_eq!(broken(&checked(&corrected, Profile::ImsClassic)), Vec::<&str>::new());
    }
}

#[test]
fn typographic_marks_are_counted_beyond_those_that_are_shown() {
    let tags: Vec<String> = (0..30).map(|index| format!("“k.{index}”")).collect();
    let marks = format!("{{“tags”: [{}]}}", tags.join("，"));
    let validation = checked(&marks, Profile::ImsClassic);
    let found = finding(&validation, "req-body-shape");
    let message = &found.message.en;
    assert!(message.ends_with("typographic quotes or marks in 91 places."), "{message}");
    assert_eq!(found.evidence.len(), 17);
    assert_eq!(found.evidence[16].detail, "75 more");
    let commas = format!("{{\"tags\": [{}]}}", vec!["[1,]"; 20].join(","));
    let validation = checked(&commas, Profile::ImsClassic);
    let message = &finding(&validation, "req-body-shape").message.en;
    assert!(message.ends_with("a comma before ], and 19 more."), "{message}");
}

#[test]
fn each_rule_of_the_profile_has_one_finding_whatever_the_text() {
    for profile in EVERYWHERE {
        let expected: Vec<_> = RULES
            .iter()
            .filter(|rule| rule.level(*profile).is_some())
            .map(|rule| rule.id)
            .collect();
        for body in [FILE, DATA_DISK, "", "{}", "[]", "{\"a\":", "{\"name\": {\"a\": [1]}}", "null"]
        {
            let validation = checked(body, *profile);
            let found: Vec<_> = validation.findings.iter().map(|f| f.rule.as_str()).collect();
            assert_eq!(found, expected, "{body}");
        }
    }
}

#[test]
fn what_is_no_body_leaves_every_other_rule_undecided() {
    for (body, seen) in [
        ("", "b.json no text"),
        ("{\"name\": ", "b.json:1:9 the text ends too early"),
        ("[1]", "b.json array"),
        ("{}", "b.json {}"),
    ] {
        assert_eq!(one("req-body-shape", body), (Status::Fail, seen.to_owned()));
        let (status, _) = one("req-name", body);
        assert_eq!(status, Status::Unverified);
    }
    let long = format!("{{\"name\": \"{}\"}}", "x".repeat(MAX_BODY));
    assert_eq!(one("req-body-shape", &long).0, Status::Fail);
    let (status, seen) = one("req-body-shape", r#"{"tags":[],"tags":["a.b"]}"#);
    assert_eq!((status, seen.as_str()), (Status::Fail, "b.json#/tags again"));
}

#[test]
fn names() {
    let name = |name: &str| format!(r#"{{"name":"{name}","instance_id":"{UUID}"}}"#);
    let cases = [
        ("a", Status::Pass),
        ("CentOS-7.9_测试 1", Status::Pass),
        (" a", Status::Fail),
        ("a ", Status::Fail),
        ("", Status::Fail),
        ("a/b", Status::Fail),
        ("a*b", Status::Fail),
    ];
    for (text, status) in cases {
        assert_eq!(one("req-name", &name(text)).0, status, "{text}");
    }
    assert_eq!(one("req-name", &name(&"测".repeat(128))).0, Status::Pass);
    assert_eq!(one("req-name", &name(&"测".repeat(129))).0, Status::Fail);
    // Open Telekom Cloud takes no Chinese characters.
    assert_eq!(one_in("req-name", &name("测试"), Profile::Otc).0, Status::Fail);
    assert_eq!(
        one("req-name", r#"{"image_url":"b:o"}"#),
        (Status::Fail, "b.json#/name not there".to_owned())
    );
    assert_eq!(one("req-name", r#"{"name":7}"#), (Status::Fail, "b.json#/name 7".to_owned()));
}

/// Any UUID.
const UUID: &str = "877a2cda-ba63-4e1e-b95f-e67e48b6129a";

#[test]
fn descriptions() {
    let of = |text: &str| one("req-description", &file_with(&format!(r#""description":"{text}""#)));
    assert_eq!(of("OBS文件制作镜像").0, Status::Pass);
    assert_eq!(of(&"描".repeat(1024)).0, Status::Pass);
    assert_eq!(of(&"描".repeat(1025)).0, Status::Fail);
    assert_eq!(of("a\\nb"), (Status::Fail, "b.json#/description \"a\\nb\"".to_owned()));
    assert_eq!(of("<b>").0, Status::Fail);
    let validation = checked(&file_with(r#""description":"a\r\nb <c>""#), Profile::ImsClassic);
    let corrected = validation.corrected.expect("a correction");
    assert_eq!(corrected.body.member("description").and_then(Node::text), Some("a b c"));
}

#[test]
fn systems() {
    let of = |value: &str, profile| {
        let validation = checked(&file_with(&format!(r#""os_version":"{value}""#)), profile);
        let found = finding(&validation, "req-os-version");
        (found.status, found.remedy.as_ref().map(|remedy| remedy.en.clone()).unwrap_or_default())
    };
    let (hwc, otc) = (Profile::Huaweicloud, Profile::Otc);
    let right = |value: &str| format!("\"os_version\": \"{value}\"");
    assert_eq!(of("CentOS 7.0 64bit", hwc).0, Status::Pass);
    assert_eq!(of("Other Linux (64 bit)", hwc).0, Status::Pass);
    assert_eq!(of("CentOS 7.0 64bit ", hwc), (Status::Fail, right("CentOS 7.0 64bit")));
    assert_eq!(of("centos 7.0 64BIT", hwc), (Status::Fail, right("CentOS 7.0 64bit")));
    // Listed in another order in another time or cloud: the profile's own spelling is offered.
    assert_eq!(of("Ubuntu SERVER 18.04 64bit", hwc).1, right("Ubuntu 18.04 server 64bit"));
    assert_eq!(of("Ubuntu SERVER 18.04 64bit", otc).1, right("Ubuntu 18.04 Server 64bit"));
    assert_eq!(
        of("Red Hat Enterprise Linux 7.3 64bit", otc).1,
        right("Red Hat Linux Enterprise 7.3 64bit")
    );
    // Not in the list, but near to a value of it.
    let (status, remedy) = of("CentOS 7.9", hwc);
    assert_eq!(status, Status::Fail);
    assert!(remedy.starts_with("\"os_version\": \"CentOS 7.7 64bit\""), "{remedy}");
    // What only Open Telekom Cloud's list has is never proposed for Huawei Cloud.
    let debian = "Debian GNU/Linux 12.0.0 64bit";
    assert_eq!(of(debian, otc).0, Status::Pass);
    let (status, remedy) = of(debian, hwc);
    assert_eq!(status, Status::Warn);
    assert!(remedy.starts_with("\"os_version\": \"Other Linux (64 bit)\""), "{remedy}");
    assert!(remedy.contains("is Open Telekom Cloud's"), "{remedy}");
    assert_eq!(
        of("Ubuntu 18.04 Server 64bit", hwc),
        (Status::Warn, right("Ubuntu 18.04 server 64bit"))
    );
    let (status, remedy) = of("debian gnu/linux 12.0.0 64BIT", hwc);
    assert_eq!(status, Status::Fail);
    assert!(remedy.starts_with("\"os_version\": \"Debian GNU/Linux 10.0.0 64bit\""), "{remedy}");
    let (status, remedy) = of("TempleOS 5", hwc);
    assert_eq!(status, Status::Fail);
    assert!(remedy.contains("image-preflight os-version"));
    let server =
        format!(r#"{{"name":"x","instance_id":"{UUID}","os_version":"CentOS 7.0 64bit"}}"#);
    assert_eq!(one("req-os-version", &server).0, Status::Warn);
    let quick = file_with(r#""is_quick_import":true"#);
    assert_eq!(one("req-os-version", &quick).0, Status::Fail);
}

#[test]
fn the_system_in_the_image_counts() {
    // The good machine is CentOS 7.6.
    let facts = good_linux();
    let of = |value: &str| {
        let body = file_with(&format!(r#""os_version":"{value}""#));
        let validation = with_image(&body, &facts, Profile::Huaweicloud);
        finding(&validation, "req-os-version").status
    };
    assert_eq!(of("CentOS 7.6 64bit"), Status::Pass);
    assert_eq!(of("CentOS 7.0 64bit"), Status::Warn);
    assert_eq!(of("Ubuntu 18.04 server 64bit"), Status::Fail);
    assert_eq!(of("CentOS 6.5 32bit"), Status::Fail);
    // What stands in the list for other systems is for any of its family and width.
    assert_eq!(of("Other Linux (64 bit)"), Status::Info);
    assert_eq!(of("Other(64 bit)"), Status::Info);
    assert_eq!(of("Other(32 bit)"), Status::Fail);
    assert_eq!(of("Windows Server 2016 Datacenter 64bit"), Status::Fail);
}

fn system<'a>(facts: &'a mut Facts, id: &str, version: &str) -> &'a Facts {
    let Fact::Known(Some(os)) = &mut linux_mut(facts).os else { panic!() };
    (os.id, os.version) = (id.to_owned(), Some(version.to_owned()));
    facts
}

fn status_of(value: &str, facts: &Facts, profile: Profile) -> Status {
    let body = file_with(&format!(r#""os_version":"{value}""#));
    finding(&with_image(&body, facts, profile), "req-os-version").status
}

#[test]
fn a_system_that_the_list_does_not_have_goes_with_the_value_for_others() {
    let (hwc, otc) = (Profile::Huaweicloud, Profile::Otc);
    let mut facts = good_linux();
    for (id, version, of_hwc, of_otc) in [
        ("debian", "12.5", "Debian GNU/Linux 10.0.0 64bit", "Debian GNU/Linux 12.0.0 64bit"),
        ("rhel", "9.4", "Redhat Linux Enterprise 8.0 64bit", "Red Hat Linux Enterprise 9.1 64bit"),
        ("rocky", "9.2", "Other Linux (64 bit)", "Rocky Linux 9.2 64bit"),
        ("almalinux", "9.2", "Other Linux (64 bit)", "Other Linux (64 bit)"),
    ] {
        let facts = system(&mut facts, id, version);
        for (profile, value) in [(hwc, of_hwc), (Profile::ImsClassic, of_hwc), (otc, of_otc)] {
            let found = os_version(facts, &context(profile)).expect("a system");
            assert_eq!(found.value, value, "{id}");
            // What is proposed is never warned of.
            assert_eq!(status_of(value, facts, profile), Status::Pass, "{id} {value}");
            assert_eq!(
                found.reason.is_none(),
                profile == otc && id == "rocky",
                "{id} {version} {profile:?}"
            );
        }
        assert_eq!(status_of("Windows 10 64bit", facts, hwc), Status::Fail);
        assert_eq!(status_of("Other Linux (64 bit)", facts, hwc), Status::Pass);
    }
    let windows = good_windows();
    assert_eq!(status_of("Other(64 bit)", &windows, hwc), Status::Info);
    assert_eq!(status_of("Other Linux (64 bit)", &windows, hwc), Status::Fail);
}

#[test]
fn the_profiles_own_systems_come_before_the_list() {
    let mut facts = good_linux();
    let facts = system(&mut facts, "almalinux", "9.2");
    let mut context = context(Profile::Huaweicloud);
    context.policy.systems = vec![System::new("almalinux", "CentOS 8.0 64bit")];
    let image = Subject { facts, findings: &[] };
    let made = make(&Draft::new("bucket:x.qcow2", "x"), image, &context);
    let value = made.body.member("os_version").and_then(Node::text);
    assert_eq!(value, Some("CentOS 8.0 64bit"));
    assert_eq!(made.notes, []);
    let of = |value: &str| {
        let body = file_with(&format!(r#""os_version":"{value}""#));
        let validation = validate(&body, "b.json", &context, Some(image));
        finding(&validation, "req-os-version").clone()
    };
    assert_eq!(of("CentOS 8.0 64bit").status, Status::Pass);
    assert_eq!(of("Other Linux (64 bit)").status, Status::Info);
    let other = of("CentOS 7.6 64bit");
    assert_eq!(other.status, Status::Warn);
    assert_eq!(other.remedy.unwrap().en, "\"os_version\": \"CentOS 8.0 64bit\"");
}

#[test]
fn what_a_correction_leaves_broken_is_said() {
    let corrected = |member: &str| {
        checked(&file_with(member), Profile::Huaweicloud).corrected.expect("a correction")
    };
    let left = |corrected: &Corrected| -> Vec<String> {
        corrected.left.iter().map(|found| found.rule.clone()).collect()
    };
    let all = corrected(r#""is_config":"yes","os-version":" CentOS 7.0 64bit""#);
    assert_eq!(left(&all), [""; 0]);
    assert_eq!(all.body.member("is_config"), Some(&Node::Bool(true)));
    // The second correction follows from the first.
    assert_eq!(all.body.member("os_version").and_then(Node::text), Some("CentOS 7.0 64bit"));
    let part = corrected(
        r#""min_ram":true,"is_config":"no","foo":1,"os_version":"X 5","image_tags":[{"key":"a"}],"tags":[]"#,
    );
    assert_eq!(part.body.member("is_config"), Some(&Node::Bool(false)));
    assert_eq!(left(&part), ["req-os-version", "req-image-tags", "req-ram", "req-unknown-field"]);
    assert_eq!(part.removed, ["/tags"]);
    let twice =
        checked(r#"{"name":"a ","name":"b ","image_url":"buc:x","min_disk":40}"#, Profile::Otc);
    assert_eq!(left(&twice.corrected.expect("a correction")), ["req-body-shape"]);
}

#[test]
fn remedies_fit_what_is_wrong() {
    let of = |rule: &str, body: &str| {
        let validation = checked(body, Profile::Huaweicloud);
        let found = finding(&validation, rule);
        let remedy = found.remedy.as_ref().expect("a remedy");
        (found.message.en.clone(), remedy.en.clone(), remedy.zh.clone())
    };
    let shape = |body: &str| of("req-body-shape", body);
    let (message, remedy, _) = shape(r#"{"name":"a",}"#);
    assert_eq!(message, "The body is not JSON: a comma before }.");
    assert!(!remedy.contains("quotes"), "{remedy}");
    assert!(shape("{“name”:1}").0.contains("in 2 places"));
    assert!(shape("{\"a\"：1}").0.contains("in 1 place."));
    for body in ["", "[]", "{}"] {
        assert!(shape(body).1.starts_with("Write a JSON object: {\"name\""), "{body}");
    }
    assert!(shape("{\"a\":").1.contains("b.json:1:5"));
    let (_, en, zh) = of("req-tags-exclusive", &file_with(r#""tags":[],"image_tags":[]"#));
    assert_eq!((en.as_str(), zh.as_str()), ("take out tags", "去掉tags"));
    let (message, ..) = of("req-image-tags", &file_with(r#""image_tags":[{"key":"a"}]"#));
    assert_eq!(message, "image_tags/0 has no value.");
    let body = r#"{"name":"x","min_disk":40,"image_url":"b:my.qcow2"}"#;
    let (message, remedy, _) = of("req-image-url", body);
    assert!(message.contains("3 to 63 lower-case letters, digits, - and ."), "{message}");
    assert!(remedy.contains("BUCKET:my.qcow2"), "{remedy}");
}

#[test]
fn addresses() {
    let of = |url: &str| {
        let body = format!(r#"{{"name":"x","min_disk":40,"image_url":"{url}"}}"#);
        let validation = checked(&body, Profile::Huaweicloud);
        let found = finding(&validation, "req-image-url");
        (found.status, found.remedy.as_ref().map(|remedy| remedy.en.clone()).unwrap_or_default())
    };
    for good in ["ims-image:centos70.qcow2", "b.1:a/b:c.raw", "abc:镜像/a.qcow2"] {
        assert_eq!(of(good).0, Status::Pass, "{good}");
    }
    let dotted = format!("{}:x", "a".repeat(64));
    for bad in [
        "",
        "x",
        ":x",
        "ab:x",
        "Bucket:x",
        "bucket:",
        "bucket:dir/",
        "bucket:a b.qcow2",
        "a..b:x",
        "-ab:x",
        "ab-:x",
        "192.168.0.1:x",
        "a_b:x",
        &dotted,
        "bucket:a\\u0007",
        "bucket:a\\\\b",
    ] {
        assert_eq!(of(bad).0, Status::Fail, "{bad}");
    }
    assert_eq!(of(&format!("bucket:{}", "a".repeat(1025))).0, Status::Fail);
    assert_eq!(
        of("https://ims-image.obs.cn-north-1.example.com/a/b.qcow2?x=1"),
        (Status::Fail, "\"image_url\": \"ims-image:a/b.qcow2\"".to_owned())
    );
    assert_eq!(of("obs://ims-image/b.raw").1, "\"image_url\": \"ims-image:b.raw\"");
    let body = r#"{"name":"x","min_disk":40,"image_url":"bucket:x.raw"}"#;
    let validation = with_image(body, &good_linux(), Profile::Huaweicloud);
    assert_eq!(finding(&validation, "req-image-url").status, Status::Warn);
}

#[test]
fn sizes() {
    let of = |value: &str, profile| {
        let body = format!(r#"{{"name":"x","image_url":"bucket:x.qcow2","min_disk":{value}}}"#);
        let validation = checked(&body, profile);
        let found = finding(&validation, "req-min-disk");
        (found.status, found.remedy.as_ref().map(|remedy| remedy.en.clone()).unwrap_or_default())
    };
    let (hwc, otc) = (Profile::Huaweicloud, Profile::Otc);
    for good in ["40", "1024"] {
        assert_eq!(of(good, hwc).0, Status::Pass, "{good}");
    }
    for (bad, right) in [
        ("39", "\"min_disk\": 40"),
        ("\"50\"", "\"min_disk\": 50"),
        ("\"50GB\"", "\"min_disk\": 50"),
        ("60.0", "\"min_disk\": 60"),
    ] {
        assert_eq!(of(bad, hwc), (Status::Fail, right.to_owned()), "{bad}");
    }
    for bad in ["1025", "-1", "40.5", "1e400", "null", "18446744073709551616"] {
        assert_ne!(of(bad, hwc).0, Status::Pass, "{bad}");
    }
    assert_eq!(of("1", otc).0, Status::Pass);
    assert_eq!(of("0", otc).0, Status::Fail);
}

#[test]
fn the_disk_must_hold_the_image() {
    let mut facts = good_linux();
    let status = |facts: &Facts, size: u64| {
        let body = format!(r#"{{"name":"x","image_url":"bucket:x.qcow2","min_disk":{size}}}"#);
        let validation = with_image(&body, facts, Profile::Huaweicloud);
        finding(&validation, "min-disk-ge-virtual-size").clone()
    };
    facts.image.virtual_size = Some(50 << 30);
    assert_eq!(status(&facts, 50).status, Status::Pass);
    assert_eq!(status(&facts, 49).status, Status::Fail);
    facts.image.virtual_size = Some((50 << 30) + 1);
    let found = status(&facts, 50);
    assert_eq!(found.status, Status::Fail);
    assert_eq!(found.remedy.unwrap().en, "\"min_disk\": 51");
    facts.image.virtual_size = None;
    assert_eq!(status(&facts, 50).status, Status::Unverified);
    let (alone, _) = one("min-disk-ge-virtual-size", &file_with(r#""type":"ECS""#));
    assert_eq!(alone, Status::NotApplicable);
}

#[test]
fn booleans() {
    for rule in ["is_config", "is_config_init", "is_quick_import"] {
        let id = format!("req-{}", rule.replace('_', "-").replace("is-quick", "quick"));
        let of = |value: &str| one(&id, &file_with(&format!(r#""{rule}":{value}"#)));
        assert_eq!(of("true").0, Status::Pass, "{rule}");
        assert_eq!(of("\"true\""), (Status::Fail, format!("b.json#/{rule} \"true\"")));
        assert_eq!(of("1").0, Status::Fail);
    }
    let body = file_with(r#""is_config_init":true"#);
    let mut facts = good_linux();
    let status = |facts: &Facts| {
        finding(&with_image(&body, facts, Profile::ImsClassic), "req-is-config-init").status
    };
    assert_eq!(status(&facts), Status::Pass);
    facts.image.file_size = 129 << 30;
    assert_eq!(status(&facts), Status::Warn);
}

#[test]
fn tag_lists() {
    let of =
        |tags: &str, profile| one_in("req-tags", &file_with(&format!(r#""tags":{tags}"#)), profile);
    let (hwc, otc) = (Profile::Huaweicloud, Profile::Otc);
    assert_eq!(of(r#"["aaa.111","键.a.b","only"]"#, hwc).0, Status::Pass);
    assert_eq!(of(r#"["a.1","a.2"]"#, hwc), (Status::Fail, "b.json#/tags/1 \"a.2\"".to_owned()));
    for bad in [
        r#"[".x"]"#,
        r#"["a b.c"]"#,
        r#"["a.b=c"]"#,
        r#""a.b""#,
        "[1]",
        r#"[{"key":"a","value":"b"}]"#,
    ] {
        assert_eq!(of(bad, hwc).0, Status::Fail, "{bad}");
    }
    assert_eq!(of(r#"["a.b.c"]"#, otc).0, Status::Fail);
    let many: Vec<String> = (0..11).map(|n| format!("\"k{n}.v\"")).collect();
    assert_eq!(of(&format!("[{}]", many.join(",")), hwc).0, Status::Fail);
    assert_eq!(of(&format!("[\"{}.v\"]", "k".repeat(37)), hwc).0, Status::Fail);
    assert_eq!(of(&format!("[\"k.{}\"]", "v".repeat(44)), hwc).0, Status::Fail);
    let image_tags =
        |tags: &str| one("req-image-tags", &file_with(&format!(r#""image_tags":{tags}"#)));
    assert_eq!(image_tags(r#"[{"key":"key2","value":"value2"}]"#).0, Status::Pass);
    assert_eq!(image_tags(r#"[{"key":"key2"}]"#).0, Status::Fail);
    let both = file_with(r#""tags":["a.b"],"image_tags":[{"key":"a","value":"b"}]"#);
    assert_eq!(one("req-tags-exclusive", &both).0, Status::Fail);
}

#[test]
fn types_keys_and_projects() {
    for (rule, member, status) in [
        ("req-type", r#""type":"ECS""#, Status::Pass),
        ("req-type", r#""type":"IsoImage""#, Status::Pass),
        ("req-type", r#""type":"ecs""#, Status::Fail),
        ("req-cmk-id", &format!(r#""cmk_id":"{UUID}""#), Status::Pass),
        ("req-cmk-id", r#""cmk_id":"key""#, Status::Fail),
        ("req-cmk-id", &format!(r#""cmk_id":"{UUID}","type":"BMS""#), Status::Fail),
        ("req-enterprise-project", r#""enterprise_project_id":"0""#, Status::Pass),
        ("req-enterprise-project", r#""enterprise_project_id":0"#, Status::Fail),
        ("req-enterprise-project", r#""enterprise_project_id":"default""#, Status::Fail),
        ("req-ram", r#""min_ram":1024,"max_ram":2048"#, Status::Pass),
        ("req-ram", r#""min_ram":1024,"max_ram":0"#, Status::Pass),
        ("req-ram", r#""min_ram":4096,"max_ram":2048"#, Status::Fail),
        ("req-ram", r#""min_ram":-1"#, Status::Fail),
        ("req-architecture", r#""architecture":"arm""#, Status::Pass),
        ("req-architecture", r#""architecture":"x86_64""#, Status::Fail),
        ("req-unknown-field", r#""type":"ECS""#, Status::Pass),
        ("req-unknown-field", r#""os-version":"x""#, Status::Warn),
        ("req-instance-id", &format!(r#""instance_id":"{UUID}""#), Status::Fail),
    ] {
        assert_eq!(one(rule, &file_with(member)).0, status, "{rule} {member}");
    }
    let firmware = |value: &str| {
        one_in("req-firmware", &file_with(&format!(r#""hw_firmware_type":{value}"#)), Profile::Otc)
            .0
    };
    assert_eq!(firmware("\"uefi\""), Status::Pass);
    assert_eq!(firmware("\"UEFI\""), Status::Fail);
    let image =
        with_image(&file_with(r#""architecture":"arm""#), &good_linux(), Profile::Huaweicloud);
    assert_eq!(finding(&image, "req-architecture").status, Status::Fail);
    let quick =
        with_image(&file_with(r#""is_quick_import":true"#), &good_linux(), Profile::Huaweicloud);
    assert_eq!(finding(&quick, "req-quick-import").status, Status::Fail);
}

#[test]
fn data_images() {
    let disks = |inner: &str| one("req-data-images", &format!(r#"{{"data_images":{inner}}}"#));
    let volume = format!(r#""volume_id":"{UUID}""#);
    assert_eq!(disks(&format!(r#"[{{"name":"a",{volume}}}]"#)).0, Status::Pass);
    assert_eq!(
        disks(&format!("[{{{volume}}}]")),
        (Status::Fail, "b.json#/data_images/0/name not there".to_owned())
    );
    assert_eq!(disks(r#"[{"name":"a"}]"#).0, Status::Fail);
    assert_eq!(disks("[]").0, Status::Fail);
    assert_eq!(disks("{}").0, Status::Fail);
    let twice = format!(r#"[{{"name":"a",{volume}}},{{"name":"b",{volume}}}]"#);
    assert_eq!(disks(&twice).0, Status::Fail);
    let file = |inner: &str, profile| {
        one_in("req-data-images", &file_with(&format!(r#""data_images":{inner}"#)), profile).0
    };
    let good = r#"[{"image_url":"bucket:d.qcow2","min_disk":2048}]"#;
    assert_eq!(file(good, Profile::Huaweicloud), Status::Pass);
    assert_eq!(file(good, Profile::ImsClassic), Status::Warn);
    let same = r#"[{"image_url":"bucket:x.qcow2","min_disk":40}]"#;
    assert_eq!(file(same, Profile::Huaweicloud), Status::Fail);
    let four: Vec<String> =
        (0..4).map(|n| format!(r#"{{"image_url":"bucket:{n}","min_disk":40}}"#)).collect();
    assert_eq!(file(&format!("[{}]", four.join(",")), Profile::Huaweicloud), Status::Fail);
    let outer = format!(r#"{{"name":"x","data_images":[{{"name":"a",{volume}}}]}}"#);
    assert_eq!(one("req-data-images", &outer).0, Status::Warn);
}

#[test]
fn what_is_written_for_an_image_passes_its_own_validation() {
    for profile in EVERYWHERE {
        let facts = good_linux();
        let context = context(*profile);
        let findings = crate::rules::check_all(&facts, &context);
        let image = Subject { facts: &facts, findings: &findings };
        let draft = Draft {
            image_url: "bucket:centos.qcow2".to_owned(),
            name: "centos".to_owned(),
            tags: vec![("team".to_owned(), "web".to_owned())],
            ..Draft::default()
        };
        let made = make(&draft, image, &context);
        let text = made.body.to_string();
        let validation = validate(&text, "b.json", &context, Some(image));
        assert_eq!(broken(&validation), Vec::<&str>::new(), "{text}");
        assert!(validation.corrected.is_none());
        assert_eq!(made.body.member("os_version").and_then(Node::text), Some("CentOS 7.6 64bit"));
    }
}

#[test]
fn an_image_that_only_uefi_boots_is_declared_where_the_platform_takes_it() {
    let facts = crate::rules::testing::uefi_only();
    let of = |profile| {
        let context = context(profile);
        let image = Subject { facts: &facts, findings: &[] };
        let made = make(&Draft::new("bucket:x.qcow2", "x"), image, &context);
        let field = made.body.member("hw_firmware_type").and_then(Node::text).map(str::to_owned);
        (field, made.notes.iter().any(|note| note.en.contains("PATCH /v2/cloudimages/IMAGE_ID")))
    };
    assert_eq!(of(Profile::Otc), (Some("uefi".to_owned()), false));
    assert_eq!(of(Profile::Huaweicloud), (None, true));
    assert_eq!(of(Profile::ImsClassic), (None, false));
}

#[test]
fn every_rule_is_documented_in_both_languages_and_its_id_is_its_own() {
    let mut ids = std::collections::BTreeSet::new();
    for rule in RULES {
        assert!(ids.insert(rule.id));
        assert!(crate::rules::rule(rule.id).is_none());
        for text in [rule.doc.title, rule.doc.why, rule.doc.decided, rule.doc.remedy] {
            assert!(!text.en.is_empty() && !text.zh.is_empty(), "{}", rule.id);
        }
        assert!(rule.doc.predicts.iter().all(|code| code.starts_with("IMG.")));
    }
}
