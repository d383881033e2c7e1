//! `cargo xtask bench`: time and memory of a whole check, beside tools that do comparable work.

mod batch;
pub mod measure;
mod page;
mod peers;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use self::batch::Batch;
use self::measure::Measure;
use crate::guest::debian::{Debian, Kernel};
use crate::guest::disk::GIB;
use crate::guest::layout::Layout;
use crate::static_binary::MAX_SIZE;
use crate::tool::Tool;
use crate::whole::{self, SIZE};
use crate::{windows, workspace};

/// Measure time and memory of a whole check of the Debian guest, and write docs/benchmarks.md
///
/// Compares in the same run with what zstd takes to decompress the guest's one initramfs (the
/// physical limit), qemu-img info and qemu-img check (the container alone), dissect.target and
/// virt-inspector, which are installed below target/xtask when they are not there; then checks many
/// copies of the guest in one call with one job and with two. Times are medians of several runs, in
/// turns, with the files in the page cache. Memory is the highest private memory of runs of its own:
/// anonymous pages (RssAnon of /proc/PID/status), read about every 0.2 ms, so that pages of the
/// memory-mapped image, which the kernel may drop at any time, do not count. Ends with an error when
/// a goal is missed, after the page was written. Needs root to build the guest.
#[derive(clap::Args)]
pub struct Arguments {
    /// Runs of each command; slow ones get fewer
    #[arg(long, default_value_t = 11, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Copies (hard links) of the guest in one call
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=9999))]
    copies: u32,
    /// Leave out dissect.target, virt-inspector and the many copies, and write no page
    #[arg(long)]
    quick: bool,
}

/// Runs of the calls with many copies.
const BATCH_ROUNDS: usize = 3;

/// The most private memory of a check, one image or many.
const MEMORY: u64 = 64 << 20;

/// How many times faster than `qemu-img check` the tables of a large file are walked, at the least.
const WALK_RATIO: f64 = 3.0;

/// The most seconds that a check of the large Windows guest may take.
const WINDOWS_SECONDS: f64 = 0.3;

/// All that was measured.
pub struct Results {
    runs: u32,
    initramfs: u64,
    binary: u64,
    versions: Vec<String>,
    zstd: Measure,
    version: Measure,
    /// Our answers to what dissect.target is asked: system, version, host name.
    answers: Vec<Measure>,
    checks: Vec<Measure>,
    qemu_img: Vec<Measure>,
    layouts: Vec<Measure>,
    /// The guest with the kernel of Debian's images for clouds.
    cloud: Cloud,
    /// Ours and that of qemu-img, on the tables of a disk of 1 TiB, all of it allocated. The disk is
    /// empty, so that this is all there is to be done; a check of it fails, so `inspect` is measured.
    walks: [Measure; 2],
    /// The check of a large Windows guest.
    windows: Measure,
    peers: Option<Peers>,
    batches: Vec<Batch>,
}

/// A guest whose initramfs is smaller.
struct Cloud {
    /// Bytes.
    initramfs: u64,
    zstd: Measure,
    check: Measure,
}

/// Tools that read guests as well, each on the plain guest and on the one with the cloud kernel.
struct Peers {
    dissect: [Measure; 2],
    virt_inspector: [Measure; 2],
}

impl Peers {
    fn all(&self) -> impl Iterator<Item = &Measure> + Clone {
        self.dissect.iter().chain(&self.virt_inspector)
    }
}

/// What is promised, and what was seen.
pub struct Goal {
    what: String,
    goal: String,
    seen: String,
    holds: bool,
    /// Why it cannot be reached on this machine, whatever the check does.
    beyond: Option<String>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let mut results = prepare(arguments)?;
    measure(&mut results)?;
    if !arguments.quick {
        let plain = whole::build(whole::Layout::Mbr, SIZE)?.image;
        let binary = workspace::binary()?;
        results.batches = batch::run(&binary, &plain, arguments.copies, BATCH_ROUNDS)?.into();
    }
    let goals = goals(&results)?;
    let text = page::write(&results, &goals)?;
    print!("{text}");
    if !arguments.quick {
        fs::write(workspace::root().join("docs/benchmarks.md"), &text)?;
    }
    let missed: Vec<String> = goals
        .iter()
        .filter(|goal| !goal.holds && goal.beyond.is_none())
        .map(|goal| format!("{}: {}, the goal is {}", goal.what, goal.seen, goal.goal))
        .collect();
    ensure!(missed.is_empty(), "missed:\n{}", missed.join("\n"));
    Ok(())
}

/// Builds the images and finds the tools.
fn prepare(arguments: &Arguments) -> Result<Results> {
    let binary = workspace::binary()?;
    let initramfs = workspace::cache()?.join("initrd.img");
    let guest = whole::build(whole::Layout::Mbr, SIZE)?;
    fs::copy(guest.debian.initramfs_path(), &initramfs)?;
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
    let check = |what: String, image: &Path| Measure::new(what, &binary, "check").arg(image);
    let mut layouts = Vec::new();
    for layout in Layout::WHOLE {
        layouts.push(check(layout.what().to_owned(), &layout.build(&guest.debian)?));
    }
    let mut qemu_img = Vec::new();
    for (name, image) in images.iter().filter(|(name, _)| name.starts_with("qcow2")) {
        for command in ["info", "check"] {
            let what = format!("qemu-img {command}, {name}");
            let words = format!("{command} -U");
            qemu_img.push(Measure::new(what, Path::new("qemu-img"), &words).arg(image));
        }
    }
    let windows =
        check("Windows with 200,000 files, raw, 40 GiB".to_owned(), &windows::large::image()?);
    let preallocated = preallocated()?;
    let walks = [
        ("inspect", binary.as_path(), "inspect"),
        ("qemu-img check", Path::new("qemu-img"), "check -U"),
    ];
    let walks = walks.map(|(name, program, words)| {
        let what = format!("{name}, qcow2, 1 TiB of preallocated metadata");
        Measure::new(what, program, words).arg(&preallocated)
    });
    let answers = ["/etc/os-release", "/etc/hostname"].map(|path| {
        let what = format!("cat {path}, raw, 40 GiB");
        Measure::new(what, &binary, "cat").arg(&guest.image).arg(path)
    });
    let cloud_guest = Debian::with(Kernel::Cloud)?;
    let cloud_initramfs = workspace::cache()?.join("initrd-cloud.img");
    fs::copy(cloud_guest.initramfs_path(), &cloud_initramfs)?;
    let cloud_image = Layout::Plain.build(&cloud_guest)?;
    let cloud = Cloud {
        initramfs: fs::metadata(&cloud_initramfs)?.len(),
        zstd: unpacking(&cloud_initramfs),
        check: check("cloud kernel, raw, 40 GiB".to_owned(), &cloud_image),
    };
    let mut versions = vec![
        first_line(Tool::new(&binary.to_string_lossy()).arg("--version"))?,
        first_line(Tool::new("zstd").arg("--version"))?,
        first_line(Tool::new("qemu-img").arg("--version"))?,
    ];
    let peers = if arguments.quick {
        None
    } else {
        let [plain, cloud] = [("raw, 40 GiB", &guest.image), (&cloud.check.what, &cloud_image)];
        let both = Peers {
            dissect: [peers::dissect(plain.0, plain.1)?, peers::dissect(cloud.0, cloud.1)?],
            virt_inspector: [
                peers::virt_inspector(plain.0, plain.1)?,
                peers::virt_inspector(cloud.0, cloud.1)?,
            ],
        };
        versions.extend([format!("dissect.target {}", peers::DISSECT), peers::libguestfs()?]);
        Some(both)
    };
    Ok(Results {
        runs: arguments.runs,
        initramfs: fs::metadata(&initramfs)?.len(),
        binary: fs::metadata(&binary)?.len(),
        versions,
        zstd: unpacking(&initramfs),
        version: Measure::new("--version", &binary, "--version"),
        answers: answers.into(),
        checks: images.iter().map(|(name, image)| check(name.clone(), image)).collect(),
        qemu_img,
        layouts,
        cloud,
        walks,
        windows,
        peers,
        batches: Vec::new(),
    })
}

/// What `zstd` takes to unpack an initramfs.
fn unpacking(initramfs: &Path) -> Measure {
    let name = initramfs.file_name().unwrap_or_default().to_string_lossy();
    Measure::new(format!("zstd -dc {name}"), Path::new("zstd"), "-dcq").arg(initramfs)
}

fn first_line(tool: Tool) -> Result<String> {
    Ok(tool.run()?.lines().next().unwrap_or_default().trim_matches([' ', '*']).to_owned())
}

fn measure(results: &mut Results) -> Result<()> {
    let Results {
        runs,
        zstd,
        version,
        answers,
        checks,
        qemu_img,
        layouts,
        cloud,
        walks,
        windows,
        peers,
        ..
    } = results;
    let fast = [zstd, version].into_iter().chain(answers).chain(checks);
    let fast = fast.chain(qemu_img).chain(layouts).chain(walks).chain([windows]);
    let fast = fast.chain([&mut cloud.zstd, &mut cloud.check]);
    let mut all: Vec<&mut Measure> = fast.collect();
    // Once to watch the memory, by which the files get into the page cache; then in turns, so that
    // whatever else the machine does falls on all alike.
    for measure in &mut all {
        measure.watch()?;
    }
    if let Some(Peers { dissect, virt_inspector }) = peers {
        all.extend(dissect.iter_mut().chain(virt_inspector));
    }
    for run in 0..*runs {
        for measure in all.iter_mut().filter(|measure| run < measure.most_runs) {
            measure.run()?;
        }
    }
    Ok(())
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

/// A disk of 1 TiB whose clusters are all allocated and none of them written.
fn preallocated() -> Result<PathBuf> {
    let image = workspace::cache()?.join("bench-preallocated.qcow2");
    if !image.exists() {
        let create = Tool::new("qemu-img").words("create -q -f qcow2 -o preallocation=metadata");
        create.arg(&image).arg("1T").run()?;
    }
    Ok(image)
}

/// What is promised: time beside the other tools, memory, that the disk's size does not matter, that
/// two cores are used.
fn goals(results: &Results) -> Result<Vec<Goal>> {
    let check = |what: &str| {
        let found = results.checks.iter().find(|measure| measure.what == what);
        found.map(Measure::median).with_context(|| what.to_owned())
    };
    let mut goals = Vec::new();
    let mut goal = |what: String, goal: String, seen: String, holds: bool| {
        goals.push(Goal { what, goal, seen, holds, beyond: None });
    };

    let cloud = &results.cloud;
    let plain = results.checks.first().context("no check")?;
    let unpacked = results.checks.iter().map(|check| (check, &results.zstd));
    for (check, zstd) in unpacked.chain([(&cloud.check, &cloud.zstd)]) {
        let ratio = check.median() / zstd.median();
        let what = format!("check, {}, beside zstd -dc of its initramfs", check.what);
        goal(what, "at most 1.2 times".into(), format!("{ratio:.2} times"), ratio <= 1.2);
    }
    if let Some(Peers { dissect, virt_inspector }) = &results.peers {
        let mut faster = |what: String, peer: &Measure, time: f64, least: f64, limit: f64| {
            let name = peer.what.split([' ', ',']).next().unwrap_or_default();
            let ratio = peer.median() / time;
            // No check that reads the initramfs to its end is faster than zstd.
            let limit = peer.median() / limit;
            goals.push(Goal {
                what: format!("{what} faster than {name}"),
                goal: format!("{least} times"),
                seen: format!("{ratio:.0} times"),
                holds: ratio >= least,
                beyond: (limit < least).then(|| format!("zstd alone: {limit:.0} times")),
            });
        };
        let answers: f64 = results.answers.iter().map(Measure::median).sum();
        let same = "the same answers (cat of two files)".to_owned();
        faster(same, &dissect[0], answers, 50.0, 0.0);
        for (peers, least) in [(dissect, 50.0), (virt_inspector, 300.0)] {
            let guests = [(plain, &results.zstd), (&cloud.check, &cloud.zstd)];
            for ((check, zstd), peer) in guests.into_iter().zip(peers) {
                let what = format!("check, {},", check.what);
                faster(what, peer, check.median(), least, zstd.median());
            }
        }
    }
    let mut goal = |what: String, goal: String, seen: String, holds: bool| {
        goals.push(Goal { what, goal, seen, holds, beyond: None });
    };
    if let [one, two] = &results.batches[..] {
        let ratio = two.throughput() / one.throughput();
        let what = format!("{} images, throughput with two jobs beside one", one.images);
        goal(what, "1.8 times".into(), format!("{ratio:.2} times"), ratio >= 1.8);
    }
    for kind in ["raw", "qcow2"] {
        let (small, large) =
            (check(&format!("{kind}, 4 GiB"))?, check(&format!("{kind}, 128 GiB"))?);
        // One tenth, or two milliseconds, is what two runs of the same differ by.
        let holds = large <= small * 1.1 || large - small <= 0.002;
        let seen = format!("{:.2} times", large / small);
        goal(
            format!("check, {kind}, 128 GiB beside 4 GiB"),
            "the same, within 1.1".into(),
            seen,
            holds,
        );
    }
    let windows = &results.windows;
    let seconds = windows.median();
    goal(
        format!("check, {}", windows.what),
        format!("{WINDOWS_SECONDS} s"),
        format!("{seconds:.3} s"),
        seconds <= WINDOWS_SECONDS,
    );
    let [ours, qemu] = &results.walks;
    let ratio = qemu.median() / ours.median();
    goal(
        format!("{}, faster than qemu-img check", ours.what),
        format!("{WALK_RATIO} times"),
        format!("{ratio:.1} times"),
        ratio >= WALK_RATIO,
    );
    let checks = results.checks.iter().chain(&results.layouts).chain([ours, windows, &cloud.check]);
    let checks = checks.map(|measure| measure.memory);
    let memory = checks.chain(results.batches.iter().map(|batch| batch.memory)).max().unwrap_or(0);
    let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
    goal("private memory of any check".into(), mib(MEMORY), mib(memory), memory <= MEMORY);
    goal(
        "size of the binary".into(),
        mib(MAX_SIZE),
        mib(results.binary),
        results.binary < MAX_SIZE,
    );
    let start = results.version.median();
    let what = "start and end (--version)".to_owned();
    goal(what, "5 ms".into(), format!("{:.1} ms", start * 1e3), start < 0.005);
    Ok(goals)
}
