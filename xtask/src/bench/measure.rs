//! One command, run again and again.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// A command, how long it took each time, and the most private memory that it held.
pub struct Measure {
    pub what: String,
    program: PathBuf,
    arguments: Vec<OsString>,
    /// As one would type it, where the call is more than that.
    typed: Option<String>,
    /// Runs, when they are fewer than those of the others.
    pub most_runs: u32,
    times: Vec<Duration>,
    /// Bytes; 0 when it was not looked at.
    pub memory: u64,
}

impl Measure {
    pub fn new(what: impl Into<String>, program: &Path, words: &str) -> Self {
        Self {
            what: what.into(),
            program: program.to_owned(),
            arguments: words.split_whitespace().map(OsString::from).collect(),
            typed: None,
            most_runs: u32::MAX,
            times: Vec::new(),
            memory: 0,
        }
    }

    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub fn typed(mut self, line: String) -> Self {
        self.typed = Some(line);
        self
    }

    pub fn most_runs(mut self, runs: u32) -> Self {
        self.most_runs = runs;
        self
    }

    /// The command as one would type it, with files by their names alone.
    pub fn shown(&self) -> String {
        if let Some(line) = &self.typed {
            return line.clone();
        }
        let name = |word: &Path| match word.file_name() {
            // Not what is a path in the guest.
            Some(name) if word.is_absolute() && !word.starts_with("/etc") => {
                name.to_string_lossy().into_owned()
            }
            _ => word.to_string_lossy().into_owned(),
        };
        let mut words = vec![name(&self.program)];
        words.extend(self.arguments.iter().map(|word| name(Path::new(word))));
        words.join(" ")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// What it prints; an error unless all `words` are in it, by which one sees that it did the work
    /// that is measured.
    pub fn prints(&self, words: &[&str]) -> Result<()> {
        let output =
            self.command().stderr(Stdio::piped()).output().with_context(|| self.shown())?;
        let said = String::from_utf8_lossy(&output.stdout);
        for word in words {
            ensure!(
                said.contains(word),
                "{}: {}: no {word:?} in what it printed:\n{said}{}",
                self.shown(),
                output.status,
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(())
    }

    /// Runs it once and takes the time.
    pub fn run(&mut self) -> Result<()> {
        let mut command = self.command();
        command.stdout(Stdio::null());
        let started = Instant::now();
        let ended = command.status().with_context(|| self.shown())?;
        self.times.push(started.elapsed());
        self.ensure_done(ended)
    }

    /// Runs it once and watches its memory, which takes time of its own and is therefore not timed.
    pub fn watch(&mut self) -> Result<()> {
        let mut command = self.command();
        let mut child = command.stdout(Stdio::null()).spawn().with_context(|| self.shown())?;
        let status = format!("/proc/{}/status", child.id());
        let watch = std::thread::spawn(move || peak(&status, Duration::from_micros(200)));
        let ended = child.wait()?;
        self.memory = self.memory.max(watch.join().unwrap_or_default());
        self.ensure_done(ended)
    }

    fn ensure_done(&self, ended: std::process::ExitStatus) -> Result<()> {
        ensure!(ended.success(), "{}: {ended}", self.shown());
        Ok(())
    }

    pub fn runs(&self) -> usize {
        self.times.len()
    }

    /// Seconds.
    pub fn median(&self) -> f64 {
        let mut times = self.times.clone();
        times.sort();
        times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64)
    }
}

/// The highest `RssAnon` that `/proc/PID/status` shows, read `every` so often until the process is
/// gone.
pub fn peak(status: &str, every: Duration) -> u64 {
    let mut peak = 0;
    while let Ok(text) = fs::read_to_string(status) {
        let Some(line) = text.lines().find_map(|line| line.strip_prefix("RssAnon:")) else { break };
        let kib: u64 = line.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0);
        peak = peak.max(kib * 1024);
        std::thread::sleep(every);
    }
    peak
}
