//! Checks, offline, whether a virtual-machine image will be accepted by the cloud and boot there.
//!
//! The way of the data, in one direction:
//!
//! ```text
//! file ──▶ image ──▶ disk ──▶ filesystem ──▶ guest ──▶ rules ──▶ report
//!          bytes     volumes   files          facts     findings   words
//! ```
//!
//! To check an image:
//!
//! ```
//! use std::path::Path;
//!
//! use image_preflight::Check;
//! use image_preflight::report::Verdict;
//! use image_preflight::rules::{Context, Profile, Status};
//!
//! let check = Check::new(Context::today(Profile::ImsClassic));
//! let report = check.run(Path::new("testdata/guests/fstab-data-disk.qcow2"))?;
//! for finding in report.findings.iter().filter(|finding| finding.status == Status::Fail) {
//!     println!("{}: {}", finding.rule, finding.message.en);
//! }
//! assert_eq!(report.verdict, Verdict::Fail);
//! # Ok::<(), image_preflight::Error>(())
//! ```
//!
//! Each step of the way is of use by itself; the page of its room shows how:
//!
//! | step | room | type |
//! |---|---|---|
//! | a file's bytes, the disk inside | [`image`] | [`image::Image`], [`bytes::Bytes`] |
//! | partitions, boot code, signatures | [`disk`] | [`disk::Disk`] |
//! | files of one file system, the guest's tree | [`filesystem`] | [`files()`], [`filesystem::FileSystem`], [`filesystem::tree::Tree`] |
//! | what the files mean | [`guest`] | [`inspect`], [`guest::facts::Facts`] |
//! | requirements | [`rules`] | [`rules::check_all`], [`rules::Rule`], [`rules::Finding`] |
//! | words | [`report`] | [`report::ImageReport`], [`report::Format`] |
//!
//! Beside them, [`request`] builds and validates the request that registers the image, and [`remedy`]
//! writes a script that repairs a copy of it.
//!
//! # What it does to your process
//!
//! The library prints nothing, ends nothing, reads no variable of the environment, opens no file but the
//! image and keeps nothing between two calls, but for this:
//!
//! - The first image that is opened installs a handler of SIGBUS, the signal of a mapped file that
//!   shrinks. A SIGBUS from elsewhere goes to the handler that was there before.
//! - Work is spread over the threads of rayon: of the pool in which you call, or else of rayon's global
//!   one, which the first call starts. To bound them or to give them names, call inside
//!   [`ThreadPool::install`](https://docs.rs/rayon/1/rayon/struct.ThreadPool.html#method.install).
//!   A call waits; from asynchronous code, call on a thread for work that blocks.
//! - [`rules::Context::today`] reads the clock. [`rules::Context::new`] does not.
//!
//! Every public type can be sent to and shared between threads.
//!
//! # Features
//!
//! `cli` (on by default) is the program of this name. A library does without it:
//! `image-preflight = { version = "0.1", default-features = false }`.

#![cfg_attr(
    not(test),
    deny(clippy::print_stdout, clippy::print_stderr, clippy::exit, clippy::disallowed_methods)
)]

use std::path::Path;

pub mod bytes;
mod cancel;
mod checksum;
mod chinese;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
mod decompressed;
pub mod disk;
pub mod error;
pub mod fact;
pub mod filesystem;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
pub mod guest;
pub mod image;
pub mod remedy;
pub mod report;
pub mod request;
pub mod rules;

pub use cancel::CancelToken;
pub use error::{Error, Result};

/// Checks one image against the profile of `context`. With `fail_on_warn`, warnings fail, too.
///
/// # Errors
/// As [`Check::run`].
pub fn check(
    path: &Path,
    context: &rules::Context,
    fail_on_warn: bool,
) -> Result<report::ImageReport> {
    Check::new(context.clone()).fail_on_warn(fail_on_warn).run(path)
}

/// A check of images, with what is looked at besides.
///
/// Set up once, it checks any number of images, from several threads as well:
///
/// ```
/// use std::path::Path;
///
/// use image_preflight::Check;
/// use image_preflight::image::DigestKind;
/// use image_preflight::report::Verdict;
/// use image_preflight::rules::policy::Waiver;
/// use image_preflight::rules::{Context, Profile, Status, day};
///
/// let mut waiver = Waiver::new("fstab-no-nonsystem-mounts", "the deployment attaches the disk");
/// waiver.expires = Some(day::number(2026, 12, 31));
/// let waivers = [waiver];
///
/// let mut check = Check::new(Context::new(Profile::ImsClassic, day::number(2026, 6, 1)));
/// check.waivers(&waivers).digest(DigestKind::Sha256);
/// let report = check.run(Path::new("testdata/guests/fstab-data-disk.qcow2"))?;
/// assert_eq!((report.verdict, report.count(Status::Waived)), (Verdict::Pass, 1));
/// assert!(report.image.digest.is_some_and(|digest| digest.starts_with("sha256:")));
/// # Ok::<(), image_preflight::Error>(())
/// ```
#[derive(Clone)]
pub struct Check<'a> {
    context: rules::Context,
    fail_on_warn: bool,
    password: Option<&'a guest::password::InitialPassword>,
    request: Option<(&'a str, &'a str)>,
    waivers: &'a [rules::policy::Waiver],
    baseline: Option<&'a rules::baseline::Baseline>,
    digest: Option<image::DigestKind>,
    progress: Option<Tell<'a>>,
    cancel: CancelToken,
}

/// Told of a long work: whose (the image's path), how many bytes are done, and of how many. It may
/// cancel the work.
pub type Progress = dyn Fn(&Path, u64, u64) + Sync;

/// A [`Progress`] that may borrow what it tells.
type Tell<'a> = &'a (dyn Fn(&Path, u64, u64) + Sync + 'a);

impl<'a> Check<'a> {
    /// A check against the profile of `context`.
    pub fn new(context: rules::Context) -> Self {
        Self {
            context,
            fail_on_warn: false,
            password: None,
            request: None,
            waivers: &[],
            baseline: None,
            digest: None,
            progress: None,
            cancel: CancelToken::new(),
        }
    }

    /// Whether warnings fail, too.
    pub fn fail_on_warn(&mut self, fails: bool) -> &mut Self {
        self.fail_on_warn = fails;
        self
    }

    /// The initial password of the guest, which is checked as well: its kinds of characters, and
    /// which accounts it opens. Neither facts nor findings hold it.
    pub fn password(&mut self, password: &'a guest::password::InitialPassword) -> &mut Self {
        self.password = Some(password);
        self
    }

    /// The body of the request that is to register the image: `text`, and the name by which findings
    /// call it. Its rules follow those of the image in the report.
    pub fn request(&mut self, name: &'a str, text: &'a str) -> &mut Self {
        self.request = Some((name, text));
        self
    }

    /// Findings that are set aside.
    pub fn waivers(&mut self, waivers: &'a [rules::policy::Waiver]) -> &mut Self {
        self.waivers = waivers;
        self
    }

    /// An earlier report: what it has no longer fails an image.
    pub fn baseline(&mut self, baseline: &'a rules::baseline::Baseline) -> &mut Self {
        self.baseline = Some(baseline);
        self
    }

    /// The digest of the whole file, which every byte of it is read for, beside the check.
    pub fn digest(&mut self, kind: image::DigestKind) -> &mut Self {
        self.digest = Some(kind);
        self
    }

    /// Told of the digest's progress about once a MiB, on any thread. Nothing more is told once
    /// [`Check::cancel`]'s token was cancelled.
    pub fn progress(&mut self, progress: &'a (dyn Fn(&Path, u64, u64) + Sync + 'a)) -> &mut Self {
        self.progress = Some(progress);
        self
    }

    /// What ends checks early, from any thread.
    pub fn cancel(&mut self, token: &CancelToken) -> &mut Self {
        self.cancel = token.clone();
        self
    }

    /// Checks one image.
    ///
    /// # Errors
    /// When the file cannot be opened ([`Error::Host`]), changed while it was read
    /// ([`Error::Changed`]), or the check was cancelled ([`Error::Cancelled`]). What cannot be read
    /// *inside* the image is no error: it ends as `unverified` in the report.
    pub fn run(&self, path: &Path) -> Result<report::ImageReport> {
        let image = image::Image::open_cancellable(path, &self.cancel)?;
        let progress = |done: u64, all: u64| {
            if let Some(tell) = self.progress {
                tell(path, done, all);
            }
        };
        let (inspection, digest) = rayon::join(
            || guest::Inspection::with_password(&image, self.password),
            || self.digest.map(|kind| image.digest(kind, &progress)).transpose(),
        );
        image.intact()?;
        let (facts, digest) = (inspection.facts, digest?);
        let mut findings = rules::check_all(&facts, &self.context);
        if let Some((name, text)) = self.request {
            let subject = request::Subject { facts: &facts, findings: &findings };
            let body = request::validate(text, name, &self.context, Some(subject));
            findings.extend(body.findings);
        }
        let name = &facts.image.path;
        rules::policy::waive(&mut findings, name, self.waivers, self.context.today);
        if let Some(baseline) = self.baseline {
            baseline.apply(&mut findings, name);
        }
        let mut report = report::ImageReport::new(&facts, findings, self.fail_on_warn);
        report.image.digest = digest;
        Ok(report)
    }
}

/// Opens the files of one image, without what they mean: a part of what [`inspect`] costs.
///
/// ```
/// use std::path::Path;
///
/// use image_preflight::bytes::BytesExt;
///
/// let files = image_preflight::files(Path::new("testdata/guests/good.qcow2"))?;
/// let tree = files.tree.known().and_then(Option::as_ref).expect("a system was found");
/// let fstab = tree.open("/etc/fstab")?;
/// assert_eq!(fstab.array(0)?, *b"UUID=");
/// # Ok::<(), image_preflight::Error>(())
/// ```
///
/// # Errors
/// As [`check`].
pub fn files(path: &Path) -> Result<guest::Files> {
    let image = image::Image::open(path)?;
    let files = guest::Files::of(&image);
    image.intact()?;
    Ok(files)
}

/// Looks into one image: facts, no judgement.
///
/// ```
/// use std::path::Path;
///
/// use image_preflight::guest::facts::Guest;
///
/// let facts = image_preflight::inspect(Path::new("testdata/guests/good.qcow2"))?.facts;
/// let Some(Guest::Linux(linux)) = facts.guest.known() else { panic!("no Linux") };
/// let os = linux.os.known().and_then(Option::as_ref).expect("an os-release");
/// assert_eq!(os.name, "Debian GNU/Linux 12 (bookworm)");
/// # Ok::<(), image_preflight::Error>(())
/// ```
///
/// # Errors
/// As [`check`].
pub fn inspect(path: &Path) -> Result<guest::Inspection> {
    let image = image::Image::open(path)?;
    let inspection = guest::Inspection::with_password(&image, None);
    image.intact()?;
    Ok(inspection)
}
