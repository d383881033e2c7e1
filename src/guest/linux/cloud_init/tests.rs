//! Against what cloud-init 22.4.2 and PyYAML 6.0.3 themselves make of the same files
//! (`testdata/guest/cloud_init`).

use std::fs;
use std::path::PathBuf;

use serde_json::{Value as Json, json};

use super::config::Config;
use super::scalar;
use super::yaml::{self, Value};
use crate::error::Error;
use crate::filesystem::memory::MemoryFs;
use crate::filesystem::tree::Tree;
use crate::guest::facts::{CloudInitFacts, UnitState};
use crate::guest::linux::package;
use crate::guest::linux::systemd_unit::BootUnits;

fn testdata() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/guest/cloud_init")
}

fn expected(path: &str) -> Json {
    serde_json::from_str(&fs::read_to_string(testdata().join(path)).unwrap()).unwrap()
}

/// A guest whose `/etc/cloud` is that of the case.
fn guest(case: &str) -> MemoryFs {
    let dir = testdata().join(case);
    let mut guest =
        MemoryFs::new().file("/etc/cloud/cloud.cfg", fs::read(dir.join("cloud.cfg")).unwrap());
    for entry in fs::read_dir(dir.join("cloud.cfg.d")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        guest = guest.file(&format!("/etc/cloud/cloud.cfg.d/{name}"), fs::read(&path).unwrap());
    }
    guest
}

fn find(tree: &Tree, command_line: Option<&str>) -> CloudInitFacts {
    super::find(tree, command_line, &package::find(tree), &BootUnits::walk(tree))
}

fn facts(guest: MemoryFs) -> CloudInitFacts {
    find(&guest.tree(), None)
}

#[test]
fn files_are_merged_as_cloud_init_merges_them() {
    for case in ["debian_12", "layers", "merge_how", "merge_prepend", "recurse_index", "conf_d"] {
        let merged = facts(guest(case)).config;
        assert_eq!(merged, expected(&format!("{case}/merged.json")), "{case}");
    }
}

#[test]
fn plain_scalars_are_what_pyyaml_makes_of_them() {
    for pair in expected("scalars.json").as_array().unwrap() {
        let text = pair[0].as_str().unwrap();
        let found = match scalar::resolve(text) {
            Value::Float(value) if value.is_nan() => json!({"float": "nan"}),
            Value::Float(value) if value.is_infinite() => json!({"float": value.to_string()}),
            Value::Float(value) => {
                // Python's repr, read again: the same number, whatever its spelling.
                let python: f64 = pair[1]["float"].as_str().unwrap_or("nan").parse().unwrap();
                assert!((python - value).abs() <= f64::EPSILON * value.abs(), "{text}: {value}");
                continue;
            }
            Value::Int(value) => json!(value.to_string()),
            Value::Null => Json::Null,
            Value::Bool(value) => json!(value),
            Value::Str(text) => json!(text),
            other => panic!("{text}: {other:?}"),
        };
        let wanted = match &pair[1] {
            Json::Number(number) => json!(number.to_string()),
            other => other.clone(),
        };
        assert_eq!(found, wanted, "{text}");
    }
}

#[test]
fn documents_are_what_pyyaml_makes_of_them() {
    for pair in expected("documents.json").as_array().unwrap() {
        let text = pair[0].as_str().unwrap();
        match (yaml::load(text, 0), pair[1].get("value")) {
            (Ok(found), Some(wanted)) => {
                let found = found.map_or(Json::Null, |node| node.json());
                assert_eq!(&found, wanted, "{text}");
            }
            (Err(_), None) => {}
            (found, wanted) => panic!("{text:?}: {found:?} where PyYAML has {wanted:?}"),
        }
    }
}

#[test]
fn the_data_source_list_has_the_line_of_the_file_that_won() {
    let facts = facts(guest("debian_12"));
    let (names, evidence) = facts.datasource_list.known().unwrap().clone().unwrap();
    assert_eq!(names, ["NoCloud", "ConfigDrive", "OpenStack", "None"]);
    assert_eq!(evidence.location, "/etc/cloud/cloud.cfg.d/90_dpkg.cfg:2");
    assert_eq!(evidence.detail, "datasource_list: [NoCloud, ConfigDrive, OpenStack, None]");
    assert_eq!(
        facts.files,
        [
            "/etc/cloud/cloud.cfg",
            "/etc/cloud/cloud.cfg.d/05_logging.cfg",
            "/etc/cloud/cloud.cfg.d/90_dpkg.cfg"
        ]
    );
}

#[test]
fn the_line_of_a_setting_is_kept_when_it_holds_nothing_else() {
    let base = "disable_root: true\nssh_pwauth: no # as the password is hunter2\n\
        users: [{name: x, passwd: $6$salt$hash}]\n\
        datasource:\n  OpenStack: {apply_network_config: false}\n";
    let more = "datasource_list: [ OpenStack ]\n\"manage_etc_hosts\": true\n";
    let guest = MemoryFs::new()
        .file("/etc/cloud/cloud.cfg", base)
        .file("/etc/cloud/cloud.cfg.d/1.cfg", more);
    let facts = facts(guest);
    let lines: Vec<_> =
        facts.lines.iter().map(|(key, line)| (key.as_str(), line.as_str())).collect();
    assert_eq!(lines, [("disable_root", "disable_root: true")]);
    let (_, seen) = facts.datasource_list.known().unwrap().clone().unwrap();
    let excerpt = seen.excerpt.unwrap();
    assert_eq!((excerpt.line, excerpt.start, excerpt.end), (1, 17, 30));
}

#[test]
fn a_broken_file_hides_what_it_may_override_and_no_more() {
    let broken = || guest("layers");
    let facts = find(&broken().tree(), None);
    // 95-broken.cfg and 96-list.cfg come after 90-b.cfg, which sets the list.
    assert_eq!(
        facts.datasource_list.unread().unwrap().location,
        "/etc/cloud/cloud.cfg.d/95-broken.cfg:2"
    );
    let places: Vec<_> = facts.unread.iter().map(|unread| unread.location.as_str()).collect();
    assert_eq!(
        places,
        ["/etc/cloud/cloud.cfg.d/95-broken.cfg:2", "/etc/cloud/cloud.cfg.d/96-list.cfg:1"]
    );
    let last = broken().file("/etc/cloud/cloud.cfg.d/99-x.cfg", "datasource_list: [OpenStack]\n");
    let facts = find(&last.tree(), None);
    let (names, _) = facts.datasource_list.known().unwrap().clone().unwrap();
    assert_eq!(names, ["OpenStack"]);
}

#[test]
fn an_unreadable_directory_leaves_the_list_unknown() {
    let facts = facts(guest("debian_12").unreadable("/etc/cloud/cloud.cfg.d"));
    assert_eq!(facts.datasource_list.unread().unwrap().location, "/etc/cloud/cloud.cfg.d");
}

#[test]
fn nothing_set_is_known_and_empty() {
    let facts = facts(MemoryFs::new().file("/etc/hostname", "x\n"));
    assert_eq!(facts.datasource_list.known(), Some(&None));
    assert_eq!(facts.config, Json::Null);
    assert_eq!(facts.installed.known(), Some(&None));
    assert_eq!(facts.disabled_by.known(), Some(&Vec::new()));
    assert_eq!(facts.units.len(), 4);
    assert!(facts.units.iter().all(|unit| unit.state.known() == Some(&UnitState::Absent)));
}

#[test]
fn the_kernel_command_line_overrides_the_files() {
    let tree = guest("debian_12").tree();
    let line = "root=/dev/vda1 cc:datasource_list:%20[%20OpenStack%20]end_cc quiet cc: a: 1\\nb: 2";
    let config = Config::read(&tree, Some(line));
    let list = config.datasource_list();
    let (names, evidence) = list.known().unwrap().clone().unwrap();
    assert_eq!(
        (names, evidence.location.as_str()),
        (vec!["OpenStack".to_owned()], "kernel command line:1")
    );
    assert_eq!(config.json()["b"], json!(2));
}

#[test]
fn an_installed_program_has_the_version_of_its_package_or_of_its_module() {
    let module = "/usr/lib/python3/dist-packages/cloudinit/version.py";
    let guest = || {
        MemoryFs::new().file("/usr/bin/cloud-init", "#!/usr/bin/python3\n").file(
            module,
            "__VERSION__ = \"22.4.2\"\n_PACKAGED_VERSION = \"@@PACKAGED_VERSION@@\"\n",
        )
    };
    let version = |guest: MemoryFs| {
        let installed = facts(guest).installed.known().unwrap().clone().unwrap();
        (installed.version.unwrap(), installed.evidence.location)
    };
    assert_eq!(version(guest()), ("22.4.2".to_owned(), format!("{module}:1")));
    let dpkg = "Package: cloud-init\nStatus: install ok installed\nVersion: 22.4.2-1+deb12u4\n";
    assert_eq!(
        version(guest().file("/var/lib/dpkg/status", dpkg)),
        ("22.4.2-1+deb12u4".to_owned(), "/var/lib/dpkg/status:3".to_owned())
    );
    let unreadable = MemoryFs::new().file("/usr/bin/x", "").unreadable("/usr/bin");
    assert!(facts(unreadable).installed.unread().is_some());
}

#[test]
fn a_version_that_was_not_read_is_none_and_says_why() {
    let module = "/usr/lib/python3/dist-packages/cloudinit/version.py";
    let guest = || MemoryFs::new().file("/usr/bin/cloud-init", "#!/usr/bin/python3\n");
    let installed = |guest: MemoryFs| {
        let installed = facts(guest).installed.known().unwrap().clone().unwrap();
        assert_eq!(installed.version, None);
        installed.evidence
    };
    let long = format!("{}__VERSION__ = \"0.7.5\"\n", "#\n".repeat(40_000));
    assert_eq!(installed(guest().file(module, long)).location, module);
    let many = (10..30).fold(guest(), |fs, minor| fs.dir(&format!("/usr/lib/python3.{minor}")));
    let many = many
        .file("/usr/lib/python2.7/dist-packages/cloudinit/version.py", "__VERSION__ = \"0.7.5\"\n");
    assert!(installed(many).detail.starts_with("more than 32 directories of Python"));
    assert_eq!(installed(guest()).detail, "no version found");
    let hidden = guest().file(
        "/usr/lib64/python3.9/site-packages/cloudinit/version.py",
        "__VERSION__ = \"22.1\"\n",
    );
    assert_eq!(installed(hidden.dir("/usr/lib").unreadable("/usr/lib")).location, "/usr/lib");
}

#[test]
fn the_stages_are_those_of_the_version() {
    let guest = MemoryFs::new().file("/usr/lib/systemd/system/cloud-init-main.service", "[Unit]\n");
    let names: Vec<_> = facts(guest).units.into_iter().map(|unit| unit.name).collect();
    assert_eq!(
        names,
        [
            "cloud-init-main",
            "cloud-init-local",
            "cloud-init-network",
            "cloud-config",
            "cloud-final"
        ]
    );
}

#[test]
fn what_the_parser_would_keep_and_long_texts_that_aliases_repeat_count() {
    let flow = format!("[{}]\n", "a:,".repeat(100_000));
    assert!(matches!(yaml::load(&flow, 0), Err(Error::Limit { unit: "indicators", .. })));
    // 3.6 MB of each file, which is within the bound of one.
    let text = format!("k: &a \"{}\"\nl: [{}]\n", "x".repeat(200_000), "*a,".repeat(17));
    assert!(yaml::load(&text, 0).is_ok());
    let files = |count: usize| {
        (0..count).fold(MemoryFs::new(), |fs, number| {
            fs.file(&format!("/etc/cloud/cloud.cfg.d/{number:02}.cfg"), &text[..])
        })
    };
    assert_eq!(facts(files(1)).unread, []);
    assert_eq!(facts(files(3)).unread.len(), 2);
}

#[test]
fn aliases_that_multiply_end_at_the_bound() {
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let above = level - 1;
        let line = format!("a{level}: &a{level} [*a{above}, *a{above}, *a{above}, *a{above}]\n");
        laughs.push_str(&line);
    }
    assert!(matches!(yaml::load(&laughs, 0), Err(Error::Limit { unit: "nodes", .. })));
    // Depth that only aliases make.
    let mut deep = "a0: &a0 [x]\n".to_owned();
    for level in 1..100 {
        deep.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    assert!(matches!(yaml::load(&deep, 0), Err(Error::Limit { unit: "levels", .. })));
    let text = format!("a: &a {}\nb: [{}]\n", "y".repeat(1 << 19), "*a, ".repeat(10));
    assert!(matches!(yaml::load(&text, 0), Err(Error::Limit { unit: "bytes of scalars", .. })));
}

#[test]
fn hostile_shapes_end_soon() {
    let size = 1 << 20;
    let shapes = [
        "[".repeat(size),
        "{".repeat(size),
        "- ".repeat(size / 2),
        "? ".repeat(size / 2),
        "a: ".repeat(size / 3),
        "[a, ".repeat(size / 4),
        "{a: ".repeat(size / 4),
        "*".repeat(size),
        "&a ".repeat(size / 3),
        "!".repeat(size),
        "\"".repeat(size),
        "'".repeat(size),
        "a\n ".repeat(size / 3),
        "\n".repeat(size),
        " ".repeat(size),
        "#".repeat(size),
        "x".repeat(size),
        format!("a: |\n{}", " x\n".repeat(size / 3)),
        format!("a: >\n{}", "  x\n\n".repeat(size / 5)),
        "a: &a [*a]".to_owned(),
        "%TAG ! !\n".repeat(size / 9),
        "---\n".repeat(size / 4),
        "a: 1\n".repeat(40_000),
        (0..40_000).map(|n| format!("k{n}: {n}\n")).collect(),
        format!("[{}]", "a, ".repeat(45_000)),
        format!("{{{}}}", "a, ".repeat(20_000)),
        "\u{feff}a: 1".to_owned(),
        "\r".repeat(size),
    ];
    for shape in shapes {
        let begun = std::time::Instant::now();
        let _ = yaml::load(&shape, 0);
        let start: String = shape.chars().take(8).collect();
        assert!(begun.elapsed().as_secs() < 60, "{start:?} took {:?}", begun.elapsed());
    }
}

proptest::proptest! {
    #[test]
    fn any_words_are_read_without_panic(
        words in proptest::collection::vec(
            "[:,={}\"'\\\\ \t\n#&*!|>%@`?~é\r-]|\\[|\\]|a|b|: |- |<<: |&a |\\*a|---\n|merge_how: |\
             list\\(append\\)|dict\\(replace\\)|datasource_list: |!!str |!!python/x |0x1|1:2|\\.5",
            0..60,
        )
    ) {
        let text = words.concat();
        let tree = guest("layers").file("/etc/cloud/cloud.cfg.d/99.cfg", &text).tree();
        let _ = find(&tree, Some(&format!("cc:{text}")));
        let _ = yaml::load(&text, 0);
    }
}

#[test]
fn behind_the_bound_on_nodes_no_file_is_parsed() {
    let many = format!("a: [{}]\n", "x, ".repeat(45_000));
    let mut guest = MemoryFs::new().file("/etc/cloud/cloud.cfg", &many);
    for name in ["1", "2"] {
        guest = guest.file(&format!("/etc/cloud/cloud.cfg.d/{name}.cfg"), &many);
    }
    // Would be another error if it were looked at.
    guest = guest.file("/etc/cloud/cloud.cfg.d/3.cfg", "[");
    let unread = Config::read(&guest.tree(), None).unread();
    let of = |name: &str| unread.iter().find(|unread| unread.location.ends_with(name)).unwrap();
    assert_eq!(unread.len(), 2, "{unread:?}");
    assert_eq!(of("2.cfg").reason, of("3.cfg").reason);
}
