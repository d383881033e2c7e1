//! `cargo xtask bench`: time and memory of a whole check, beside tools that do comparable work.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::guest::disk::GIB;
use crate::guest::layout::Layout;
use crate::tool::Tool;
use crate::whole::{self, SIZE};
use crate::{windows, workspace};

/// Measure time and memory of a whole check of the Debian guest
///
/// Each line is the median of several runs, in turns, with the files in the page cache, and the highest private
/// memory of any of them: anonymous pages (RssAnon of /proc/PID/status), read about every
/// 0.2 ms, so that pages of the memory-mapped image, which the kernel may drop at any time, do not
/// count. Beside it: what zstd needs to decompress the guest's one initramfs, and what qemu-img needs to look at
/// the container alone. Needs root to build the guest.
#[derive(clap::Args)]
pub struct Arguments {
    /// Runs of each command
    #[arg(long, default_value_t = 11, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Write the table to docs/benchmarks.md as well
    #[arg(long)]
    write: bool,
}

/// The most that a check may take, in times of what decompressing the initramfs takes.
const RATIO: f64 = 1.3;

/// The most private memory of a check.
const MEMORY: u64 = 64 << 20;

/// What the large Windows guest is called, and the most seconds that its check may take.
const WINDOWS: &str = "check, raw, 40 GiB, Windows with 200,000 files";
const WINDOWS_SECONDS: f64 = 0.3;

struct Measure {
    what: String,
    program: PathBuf,
    arguments: &'static [&'static str],
    file: PathBuf,
    times: Vec<Duration>,
    memory: u64,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let binary = workspace::binary()?;
    let cache = workspace::cache()?;
    let guest = whole::build(whole::Layout::Mbr, SIZE)?;
    let initramfs = cache.join("initrd.img");
    {
        let mount = guest.mount(&guest.image, "ro")?;
        let name = format!("boot/initrd.img-{}", guest.debian.kernel);
        fs::copy(mount.join(&name), &initramfs).context(name)?;
    }
    let mut images = vec![("raw, 40 GiB".to_owned(), guest.image.clone())];
    for (name, options) in [
        ("qcow2, 40 GiB", "-o compat=1.1"),
        ("qcow2 with zlib clusters, 40 GiB", "-c -o compression_type=zlib"),
        ("qcow2 with zstd clusters, 40 GiB", "-c -o compression_type=zstd"),
    ] {
        images.push((name.to_owned(), pack(&guest.image, options, name)?));
    }
    for size in [4, 128] {
        let guest = whole::build(whole::Layout::Mbr, size * GIB)?;
        let name = format!("qcow2, {size} GiB");
        let image = pack(&guest.image, "-o compat=1.1", &name)?;
        images.push((format!("raw, {size} GiB"), guest.image));
        images.push((name, image));
    }

    let mut layouts = Vec::new();
    for layout in Layout::WHOLE {
        let image = layout.build(&guest.debian)?;
        layouts.push((format!("layout: {}", layout.what()), image));
    }

    let mut measures = Vec::new();
    let zstd = Path::new("zstd");
    measures.push(Measure::new("zstd -dc initrd.img".into(), zstd, &["-dcq"], &initramfs));
    for (name, image) in &images {
        measures.push(Measure::new(format!("check, {name}"), &binary, &["check"], image));
    }
    for (name, image) in &layouts {
        measures.push(Measure::new(name.clone(), &binary, &["check"], image));
    }
    let windows = windows::large::image()?;
    measures.push(Measure::new(WINDOWS.to_owned(), &binary, &["check"], &windows));
    let qemu_img = Path::new("qemu-img");
    for (name, image) in images.iter().filter(|(name, _)| name.starts_with("qcow2")) {
        let new = |command: &str, arguments| {
            Measure::new(format!("qemu-img {command}, {name}"), qemu_img, arguments, image)
        };
        measures.push(new("info", &["info", "-U"]));
        measures.push(new("check", &["check", "-U"]));
    }
    // Once unmeasured, so that the files are in the page cache; then in turns, so that whatever else
    // the machine does falls on all alike.
    for measure in &mut measures {
        measure.run()?;
        measure.times.clear();
    }
    for _ in 0..arguments.runs {
        for measure in &mut measures {
            measure.run()?;
        }
    }

    let text = table(&measures, fs::metadata(&initramfs)?.len(), arguments.runs)?;
    print!("{text}");
    if arguments.write {
        fs::write(workspace::root().join("docs/benchmarks.md"), &text)?;
    }
    judge(&measures)
}

fn pack(raw: &Path, options: &str, name: &str) -> Result<PathBuf> {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let image = workspace::cache()?.join(format!("bench-{name}.qcow2"));
    let newer = |a: &Path, b: &Path| -> Option<bool> {
        Some(fs::metadata(a).ok()?.modified().ok()? > fs::metadata(b).ok()?.modified().ok()?)
    };
    if newer(&image, raw) != Some(true) {
        let convert = Tool::new("qemu-img").words("convert -f raw -O qcow2").words(options);
        convert.arg(raw).arg(&image).run()?;
    }
    Ok(image)
}

impl Measure {
    fn new(what: String, program: &Path, arguments: &'static [&'static str], file: &Path) -> Self {
        let (program, file) = (program.to_owned(), file.to_owned());
        Self { what, program, arguments, file, times: Vec::new(), memory: 0 }
    }

    /// Runs the command once.
    fn run(&mut self) -> Result<()> {
        let started = Instant::now();
        let mut child = Command::new(&self.program)
            .args(self.arguments)
            .arg(&self.file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| self.program.display().to_string())?;
        let status = format!("/proc/{}/status", child.id());
        let watch = std::thread::spawn(move || peak(&status));
        let ended = child.wait()?;
        self.times.push(started.elapsed());
        ensure!(ended.success(), "{}: {ended}", self.what);
        self.memory = self.memory.max(watch.join().unwrap_or_default());
        Ok(())
    }

    fn median(&self) -> f64 {
        let mut times = self.times.clone();
        times.sort();
        times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64)
    }
}

/// The highest `RssAnon` that `/proc/PID/status` shows until the process is gone.
pub fn peak(status: &str) -> u64 {
    let mut peak = 0;
    while let Ok(text) = fs::read_to_string(status) {
        let Some(line) = text.lines().find_map(|line| line.strip_prefix("RssAnon:")) else { break };
        let kib: u64 = line.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0);
        peak = peak.max(kib * 1024);
        std::thread::sleep(Duration::from_micros(200));
    }
    peak
}

fn table(measures: &[Measure], initramfs: u64, runs: u32) -> Result<String> {
    let base = measures.first().context("nothing was measured")?.median();
    let cores = std::thread::available_parallelism()?;
    let processor = fs::read_to_string("/proc/cpuinfo")?;
    let processor = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown processor", |(_, name)| name.trim());
    let mut text = format!(
        "# Benchmarks\n\n\
         `cargo xtask bench`: a whole check of a Debian 12 guest built from packages. Medians of \
         {runs} runs in turns, files in the page cache, {cores} cores ({processor}). Private memory is the \
         highest number of anonymous bytes seen; pages of the mapped image do not count. The \
         guest's initramfs has {:.1} MB.\n\n\
         | command | time | times zstd | private memory |\n|---|--:|--:|--:|\n",
        initramfs as f64 / 1e6
    );
    for measure in measures.iter().filter(|measure| !measure.what.starts_with("layout")) {
        writeln!(
            text,
            "| {} | {:.1} ms | {:.2} | {:.1} MiB |",
            measure.what,
            measure.median() * 1e3,
            measure.median() / base,
            measure.memory as f64 / f64::from(1 << 20),
        )?;
    }
    let plain = measures.iter().find(|measure| measure.what == "check, raw, 40 GiB");
    let plain = plain.context("no plain guest")?.median();
    text.push_str(
        "\nThe same guest on other layouts, as raw images of 40 GiB, against the plain one (MBR, ext4):\n\n\
         | layout | time | times plain | private memory |\n|---|--:|--:|--:|\n",
    );
    for measure in measures {
        let Some(layout) = measure.what.strip_prefix("layout: ") else { continue };
        writeln!(
            text,
            "| {layout} | {:.1} ms | {:.2} | {:.1} MiB |",
            measure.median() * 1e3,
            measure.median() / plain,
            measure.memory as f64 / f64::from(1 << 20),
        )?;
    }
    Ok(text)
}

/// Holds the promises: time against zstd, memory, and that the disk's size does not matter.
fn judge(measures: &[Measure]) -> Result<()> {
    let time = |what: &str| {
        let found = measures.iter().find(|measure| measure.what == what);
        found.map(Measure::median).with_context(|| what.to_owned())
    };
    let zstd = time("zstd -dc initrd.img")?;
    for measure in measures.iter().filter(|measure| measure.what.starts_with("check")) {
        let ratio = measure.median() / zstd;
        ensure!(ratio <= RATIO, "{}: {ratio:.2} times zstd, more than {RATIO}", measure.what);
        ensure!(measure.memory <= MEMORY, "{}: {} bytes", measure.what, measure.memory);
    }
    let windows = time(WINDOWS)?;
    ensure!(windows <= WINDOWS_SECONDS, "{WINDOWS}: {windows:.3} s, more than {WINDOWS_SECONDS}");
    for kind in ["raw", "qcow2"] {
        let (small, large) =
            (time(&format!("check, {kind}, 4 GiB"))?, time(&format!("check, {kind}, 128 GiB"))?);
        // One tenth, or two milliseconds, is what two runs of the same differ by.
        ensure!(
            large <= small * 1.1 || large - small <= 0.002,
            "{kind}: {large:.4} s on 128 GiB, {small:.4} s on 4 GiB"
        );
    }
    Ok(())
}
