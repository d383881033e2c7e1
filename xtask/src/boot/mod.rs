//! `cargo xtask boot`: an image, started in QEMU, and how far it came.

pub mod console;

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use console::Stage;

const QEMU: &str = "qemu-system-x86_64";

/// Longest silence before a kernel speaks. A loader that reads kernel and initramfs says nothing, and
/// on a machine with much else to do that takes minutes.
const QUIET_BEFORE_KERNEL: Duration = Duration::from_secs(150);
/// Longest silence of a kernel: initramfs-tools waits 30 s for the root file system.
const QUIET: Duration = Duration::from_secs(120);
/// How often the console is looked at.
const TICK: Duration = Duration::from_millis(500);

/// Start an image in QEMU and say how far it comes
///
/// The machine has a BIOS (SeaBIOS), 1 GiB of memory, two processors, the image as its only disk and
/// a network card without a network behind it. It is emulated without help of the host's
/// processor, so that this works everywhere; a guest needs a minute or two. Everything is read from
/// the serial console, so the guest's kernel must have console=ttyS0. The image is never written.
/// QEMU opens what a qcow2 names as its backing file: start no image that you do not trust.
#[derive(clap::Args)]
pub struct Arguments {
    /// A raw or qcow2 image
    image: PathBuf,
    /// What the disk hangs on
    #[arg(long, value_enum, default_value_t = Bus::Ide)]
    disk: Bus,
    /// Give up after so many seconds
    #[arg(long, default_value_t = 300)]
    timeout: u64,
    /// Go on after the login prompt, until cloud-init is done
    #[arg(long)]
    cloud_init: bool,
    /// Keep what was written on the console in this file
    #[arg(long)]
    console: Option<PathBuf>,
}

/// What the disk hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Bus {
    /// The PC's own IDE controller (PIIX3)
    Ide,
    /// virtio-blk, with a virtio network card
    Virtio,
    /// virtio-scsi, with a virtio network card
    Scsi,
}

impl Bus {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ide => "IDE",
            Self::Virtio => "virtio-blk",
            Self::Scsi => "virtio-scsi",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Ide => "-device ide-hd,drive=disk,bus=ide.0 -device e1000,netdev=net,romfile=",
            Self::Virtio => {
                "-device virtio-blk-pci,drive=disk -device virtio-net-pci,netdev=net,romfile="
            }
            Self::Scsi => {
                "-device virtio-scsi-pci -device scsi-hd,drive=disk \
                 -device virtio-net-pci,netdev=net,romfile="
            }
        }
    }
}

/// How a boot ended.
pub struct Boot {
    pub stage: Stage,
    /// Why nothing more was waited for.
    pub end: End,
    pub seconds: u64,
    pub console: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The stage is what was waited for, or a final one.
    Decided,
    /// Nothing was written any more.
    Silent,
    /// The time was over.
    Timeout,
    /// The machine switched itself off or reset itself.
    Ended,
}

impl End {
    pub fn words(self) -> &'static str {
        match self {
            Self::Decided => "",
            Self::Silent => ", then silence",
            Self::Timeout => ", then the time was over",
            Self::Ended => ", then the machine reset itself",
        }
    }
}

pub fn run(arguments: &Arguments) -> Result<()> {
    version()?;
    let goal = if arguments.cloud_init { Stage::CloudInit } else { Stage::Login };
    let timeout = Duration::from_secs(arguments.timeout);
    let boot = boot(&arguments.image, arguments.disk, timeout, goal)?;
    if let Some(path) = &arguments.console {
        std::fs::write(path, &boot.console).with_context(|| path.display().to_string())?;
    }
    let text = console::plain(&boot.console);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    for line in lines.iter().skip(lines.len().saturating_sub(12)) {
        println!("    {line}");
    }
    println!("{} s: {}{}", boot.seconds, boot.stage.words(), boot.end.words());
    if boot.stage < Stage::Login {
        bail!("{} did not boot", arguments.image.display())
    }
    Ok(())
}

/// The first line of `qemu-system-x86_64 --version`; an error that says what to install when it is
/// missing. On a machine with `qemu-utils` take the packages' same version: apt may remove the one
/// for the other.
pub fn version() -> Result<String> {
    let text = crate::tool::Tool::new(QEMU).arg("--version").run()?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Starts `image` until it shows `goal`, ends, or says nothing any more.
pub fn boot(image: &Path, bus: Bus, timeout: Duration, goal: Stage) -> Result<Boot> {
    let mut machine = Machine::start(image, bus)?;
    let mut output = machine.0.stdout.take().context("the console")?;
    let (send, received) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = output.read(&mut buffer) {
            if send.send(buffer[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    let started = Instant::now();
    let (mut spoke, mut looked) = (started, started);
    let mut console = Vec::new();
    let (stage, end) = loop {
        match received.recv_timeout(TICK) {
            Ok(bytes) => {
                console.extend(bytes);
                spoke = Instant::now();
                if looked.elapsed() < TICK {
                    continue;
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                break (console::stage(&console), End::Ended);
            }
        }
        looked = Instant::now();
        let stage = console::stage(&console);
        let quiet = if stage < Stage::Kernel { QUIET_BEFORE_KERNEL } else { QUIET };
        if stage >= goal || stage.is_final() {
            break (stage, End::Decided);
        } else if spoke.elapsed() > quiet {
            break (stage, End::Silent);
        } else if started.elapsed() > timeout {
            break (stage, End::Timeout);
        }
    };
    if end == End::Ended {
        machine.explain()?;
    }
    Ok(Boot { stage, end, seconds: started.elapsed().as_secs(), console })
}

/// A running QEMU, killed when it is dropped.
struct Machine(Child);

impl Machine {
    fn start(image: &Path, bus: Bus) -> Result<Self> {
        let file = File::open(image).with_context(|| image.display().to_string())?;
        let mut magic = [0; 4];
        file.read_exact_at(&mut magic, 0).with_context(|| image.display().to_string())?;
        let format = if magic == *b"QFI\xfb" { "qcow2" } else { "raw" };
        // A comma in an option's value is written twice.
        let name = image.display().to_string().replace(',', ",,");
        // QEMU must not outlive this process, however that ends.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", QEMU])
            .args("-machine pc -accel tcg,thread=multi -cpu qemu64 -m 1024 -smp 2".split(' '))
            // Without a display SeaBIOS, and with it every loader, writes to the serial port.
            .args("-nographic -vga none -monitor none -serial stdio".split(' '))
            .args(
                "-no-reboot -snapshot -nodefaults -boot c -netdev user,id=net,restrict=on"
                    .split(' '),
            )
            .arg("-drive")
            .arg(format!("file={name},format={format},if=none,id=disk"))
            .args(bus.words().split_whitespace())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Ok(Self(command.spawn().context("setpriv (of util-linux) and qemu-system-x86_64")?))
    }

    /// An error with QEMU's own words when it refused to run.
    fn explain(&mut self) -> Result<()> {
        let status = self.0.wait()?;
        if !status.success() {
            let mut words = String::new();
            if let Some(stderr) = &mut self.0.stderr {
                stderr.read_to_string(&mut words)?;
            }
            bail!("{QEMU}: {status}\n{words}");
        }
        Ok(())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Both fail only when it has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
