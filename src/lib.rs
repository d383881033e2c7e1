//! Checks, offline, whether a virtual-machine image will be accepted by the cloud and boot there.
//!
//! The way of the data, in one direction:
//!
//! ```text
//! file ──▶ image ──▶ disk ──▶ filesystem ──▶ guest ──▶ rules ──▶ report
//!          bytes     volumes   files          facts     findings   words
//! ```
//!
//! | step | room | type |
//! |---|---|---|
//! | a file's bytes, the disk inside | [`image`] | [`image::Image`], [`bytes::Bytes`] |
//! | partitions, boot code, signatures | [`disk`] | [`disk::Disk`] |
//! | files of one file system, the guest's tree | [`filesystem`] | [`filesystem::FileSystem`], [`filesystem::tree::Tree`] |
//! | what the files mean | [`guest`] | [`guest::facts::Facts`] |
//! | requirements | [`rules`] | [`rules::Rule`], [`rules::finding::Finding`] |
//! | words | [`report`] | [`report::ImageReport`] |
//!
//! Beside them, [`request`] builds and validates the request that registers the image, and [`remedy`]
//! writes a script that repairs a copy of it.
//!
//! ```no_run
//! use image_preflight::rules::{Context, Profile};
//!
//! let context = Context::new(Profile::ImsClassic, 20_000);
//! let report = image_preflight::check("guest.qcow2".as_ref(), &context, false)?;
//! for finding in &report.findings {
//!     println!("{}: {}", finding.rule, finding.message.en);
//! }
//! # Ok::<(), image_preflight::Error>(())
//! ```

use std::path::Path;

pub mod bytes;
mod checksum;
mod chinese;
#[doc(hidden)]
pub mod cli;
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

pub use error::{Error, Result};

/// Checks one image against the profile of `context`. With `fail_on_warn`, warnings fail, too.
///
/// # Errors
/// When the file cannot be opened, or changed while it was read. What cannot be read *inside* the
/// image is no error: it ends as `unverified` in the report.
pub fn check(
    path: &Path,
    context: &rules::Context,
    fail_on_warn: bool,
) -> Result<report::ImageReport> {
    Check::new(context.clone()).fail_on_warn(fail_on_warn).run(path)
}

/// A check of images, with what is looked at besides.
#[derive(Clone)]
pub struct Check<'a> {
    context: rules::Context,
    fail_on_warn: bool,
    password: Option<&'a guest::password::InitialPassword>,
    request: Option<(&'a str, &'a str)>,
    waivers: &'a [rules::policy::Waiver],
    baseline: Option<&'a rules::baseline::Baseline>,
    digest: Option<image::DigestKind>,
    progress: Option<&'a Progress>,
}

/// Told of a long work: whose (the image's path), how many bytes are done, and of how many.
pub type Progress = dyn Fn(&Path, u64, u64) + Sync;

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

    /// Told of the digest's progress about once a MiB, on any thread.
    pub fn progress(&mut self, progress: &'a Progress) -> &mut Self {
        self.progress = Some(progress);
        self
    }

    /// Checks one image.
    ///
    /// # Errors
    /// When the file cannot be opened, or changed while it was read. What cannot be read *inside*
    /// the image is no error: it ends as `unverified` in the report.
    pub fn run(&self, path: &Path) -> Result<report::ImageReport> {
        let image = image::Image::open(path)?;
        let progress = |done: u64, all: u64| {
            if let Some(tell) = self.progress {
                tell(path, done, all);
            }
        };
        let (inspection, digest) = rayon::join(
            || guest::Inspection::with_password(&image, self.password),
            || self.digest.map(|kind| image.digest(kind, &progress)).transpose(),
        );
        unchanged(&image, path)?;
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

/// Opens the files of one image, without what they mean.
///
/// # Errors
/// As [`check`].
pub fn files(path: &Path) -> Result<guest::Files> {
    let image = image::Image::open(path)?;
    let files = guest::Files::of(&image);
    unchanged(&image, path)?;
    Ok(files)
}

/// Looks into one image: facts, no judgement.
///
/// # Errors
/// As [`check`].
pub fn inspect(path: &Path) -> Result<guest::Inspection> {
    let image = image::Image::open(path)?;
    let inspection = guest::Inspection::with_password(&image, None);
    unchanged(&image, path)?;
    Ok(inspection)
}

/// What was read of a file that changed meanwhile is void.
fn unchanged(image: &image::Image, path: &Path) -> Result<()> {
    if image.changed() {
        return Err(Error::Changed { path: path.to_string_lossy().into_owned() });
    }
    Ok(())
}
