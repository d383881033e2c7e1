//! `cargo xtask formats`: each form of the report, read by what reads it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value as Json;

use crate::tool::Tool;
use crate::{venv, workspace};

/// Have each form of the report read by what reads it
///
/// Reports on good, broken, unreadable and missing images, and on one whose name is an attack, are
/// written in every form. SARIF and JSON are validated by Python's jsonschema, JUnit is read by
/// junitparser, Markdown is rendered by GitHub's own cmark-gfm; HTML is opened in Chromium at the
/// width of a phone and of a desktop, light and dark, measured there, and kept as screenshots below
/// target/xtask/formats. Needs Debian's chromium and python3-venv, and PyPI for three packages.
#[derive(clap::Args)]
pub struct Arguments {
    /// Use this binary and build none
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

/// The consumers of PyPI.
const PACKAGES: [&str; 3] = ["cmarkgfm==2025.10.22", "jsonschema==4.26.0", "junitparser==5.0.3"];

/// What checks the reports with them.
const CHECK: &str = include_str!("check.py");

/// The page that measures another one in a frame.
const MEASURE: &str = include_str!("measure.html");

/// The forms, with the ends of their files' names.
const FORMATS: [(&str, &str); 8] = [
    ("json", "json"),
    ("json-lines", "jsonl"),
    ("sarif", "sarif"),
    ("junit", "xml"),
    ("markdown", "md"),
    ("html", "html"),
    ("github", "github.txt"),
    ("gitlab", "gitlab.json"),
];

/// The guests that are reported on together, and one that is not there.
const GUESTS: [&str; 5] =
    ["good.qcow2", "fstab-data-disk.qcow2", "lvm-root.qcow2", "luks-root.qcow2", "gone.qcow2"];

/// A file's name that tries every reader.
const EVIL: &str =
    "a\u{1b}[31m\u{202e}<script>alert(1)<img src=x>&lt;\"'`|*_[x](http:x)@all\n::error::x{0}.qcow2";

pub fn run(arguments: &Arguments) -> Result<()> {
    let began = Instant::now();
    let binary = workspace::binary_or(arguments.binary.as_deref())?;
    let built = began.elapsed();
    let dir = workspace::cache()?.join("formats");
    let reports = dir.join("reports");
    fs::create_dir_all(&reports)?;
    let python = venv::python(&dir, &PACKAGES)?;
    write(&binary, &reports)?;
    let check = reports.join("check.py");
    fs::write(&check, CHECK)?;
    print!("{}", Tool::new(&python.to_string_lossy()).arg(&check).arg(&reports).run()?);
    for (width, height) in [(390, 2400), (1280, 1600)] {
        for scheme in ["light", "dark"] {
            for name in ["guests-en", "guests-zh-CN"] {
                let page = Page { dir: &reports, name, width, height, scheme };
                page.measure()?;
                page.shoot()?;
            }
        }
    }
    Page { dir: &reports, name: "evil-en", width: 390, height: 2400, scheme: "light" }.measure()?;
    println!("{:.1} s", (began.elapsed() - built).as_secs_f64());
    Ok(())
}

/// Writes every form of the reports into `dir`.
fn write(binary: &Path, dir: &Path) -> Result<()> {
    let guests = workspace::root().join("testdata/guests");
    let evil = dir.join("images");
    fs::create_dir_all(&evil)?;
    fs::copy(guests.join("fstab-data-disk.qcow2"), evil.join(EVIL))?;
    let run = |args: &[&str], images: &[&str], at: &Path, file: &str| -> Result<()> {
        let tool = args
            .iter()
            .chain(images)
            .fold(Tool::new(&binary.to_string_lossy()).dir(at), |tool, arg| tool.arg(arg));
        let shown = tool.to_string();
        let output = tool.output(b"")?;
        ensure!(output.stderr.is_empty(), "{shown}: {}", String::from_utf8_lossy(&output.stderr));
        fs::write(dir.join(file), output.stdout)?;
        Ok(())
    };
    for (format, end) in FORMATS {
        for lang in ["en", "zh-CN"] {
            let args = ["check", "--format", format, "--lang", lang];
            run(&args, &GUESTS, &guests, &format!("guests-{lang}.{end}"))?;
            run(&args, &[EVIL], &evil, &format!("evil-{lang}.{end}"))?;
        }
    }
    for shape in ["json", "json-lines"] {
        run(&["schema", "--format", shape], &[], dir, &format!("{shape}.schema.json"))?;
    }
    let sarif = workspace::root().join("testdata/schemas/sarif-2.1.0.json");
    fs::copy(sarif, dir.join("sarif.schema.json"))?;
    Ok(())
}

/// A report as a browser shows it.
struct Page<'a> {
    dir: &'a Path,
    name: &'a str,
    width: u32,
    height: u32,
    scheme: &'a str,
}

impl Page<'_> {
    /// Chromium without anything that asks the network or keeps a profile.
    fn chromium(&self) -> Result<(Tool, tempfile::TempDir)> {
        let profile = tempfile::tempdir()?;
        // The setting's numbers: 0 dark, 1 light (`mojom::blink::PreferredColorScheme`).
        let scheme = if self.scheme == "dark" { 0 } else { 1 };
        let tool = Tool::new("chromium")
            .words(
                "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
                 --disable-background-networking --disable-component-update --disable-sync \
                 --hide-scrollbars --enable-logging=stderr --allow-file-access-from-files",
            )
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("--blink-settings=preferredColorScheme={scheme}"));
        Ok((tool, profile))
    }

    /// Reads the page in a frame of the width, and compares what is shown with the JSON report.
    fn measure(&self) -> Result<()> {
        let Self { name, width, scheme, .. } = self;
        let what = format!("{name}.html, {width} px, {scheme}");
        let harness = self.dir.join("measure.html");
        let page = MEASURE.replace("PAGE", &format!("{name}.html"));
        fs::write(&harness, page.replace("WIDTH", &width.to_string()))?;
        let (chromium, _profile) = self.chromium()?;
        let address = format!("file://{}", harness.display());
        let output =
            chromium.words("--virtual-time-budget=2000 --dump-dom").arg(address).output(b"")?;
        let (shown, said) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let complaint = said.lines().find(|line| line.contains("CONSOLE"));
        ensure!(complaint.is_none(), "{what}: {}", complaint.unwrap_or_default());
        let measured = shown
            .split_once("<pre id=\"out\">")
            .and_then(|(_, rest)| rest.split_once("</pre>"))
            .with_context(|| format!("{what}: nothing was measured\n{said}"))?;
        let seen: Json = serde_json::from_str(&measured.0.replace("&gt;", ">"))
            .with_context(|| measured.0.to_owned())?;
        let report: Json =
            serde_json::from_slice(&fs::read(self.dir.join(format!("{name}.json")))?)?;
        let reports = report["reports"].as_array().context("no reports")?;

        let expect = |what_is: &str, is: &Json, should: &Json| -> Result<()> {
            ensure!(is == should, "{what}: {what_is} is {is}, not {should}");
            Ok(())
        };
        expect("its width", &seen["width"], &Json::from(*width))?;
        expect("its sections", &seen["sections"], &Json::from(reports.len()))?;
        expect("a resource", &seen["resources"], &Json::from(0))?;
        expect("whether it is dark", &seen["dark"], &Json::from(*scheme == "dark"))?;
        let told = ["fail", "warn", "unverified", "info"];
        let rows: u64 = reports
            .iter()
            .flat_map(|report| told.map(|status| report["summary"][status].as_u64().unwrap_or(0)))
            .sum();
        expect("its findings", &seen["rows"], &Json::from(rows))?;
        if seen["contrast"].as_f64().unwrap_or(0.0) < 4.5 {
            bail!("{what}: a contrast of {} (WCAG 2.1 asks for 4.5)", seen["contrast"]);
        }
        // Each partition is as wide as its share of the disk, to a pixel.
        let empty = Vec::new();
        let wanted: Vec<f64> = reports
            .iter()
            .filter(|report| !report["disk"].is_null())
            .flat_map(|report| {
                let size = report["disk"]["size"].as_f64().unwrap_or(1.0);
                let parts = ["partitions", "inside"]
                    .map(|list| report["disk"][list].as_array().unwrap_or(&empty).clone());
                let share = move |part: &Json| part["size"].as_f64().unwrap_or(0.0) / size;
                parts.into_iter().flatten().map(|part| share(&part)).collect::<Vec<_>>()
            })
            .collect();
        let shares = seen["shares"].as_array().context("no picture")?;
        ensure!(shares.len() == wanted.len(), "{what}: {} blocks", shares.len());
        for (share, wanted) in shares.iter().zip(&wanted) {
            let share = share.as_f64().unwrap_or(-1.0);
            ensure!((share - wanted).abs() < 0.005, "{what}: a block of {share}, not {wanted}");
        }
        println!("{what}: {rows} findings, {} blocks of disks", wanted.len());
        Ok(())
    }

    /// Keeps what the page looks like.
    fn shoot(&self) -> Result<()> {
        let Self { name, width, height, scheme, .. } = self;
        let picture = self.dir.join(format!("{name}-{width}-{scheme}.png"));
        let (chromium, _profile) = self.chromium()?;
        chromium
            .arg(format!("--window-size={width},{height}"))
            .arg(format!("--screenshot={}", picture.display()))
            .arg(format!("file://{}/{name}.html", self.dir.display()))
            .run()?;
        let size = fs::metadata(&picture).with_context(|| picture.display().to_string())?.len();
        ensure!(size > 10_000, "{}: an empty picture", picture.display());
        Ok(())
    }
}
