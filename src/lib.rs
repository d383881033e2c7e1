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
//! Beside them, [`request`] builds and validates the request that registers the image.
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
#[doc(hidden)]
pub mod cli;
pub mod disk;
pub mod error;
pub mod fact;
pub mod filesystem;
pub mod guest;
pub mod image;
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
    check_with_password(path, context, fail_on_warn, None)
}

/// As [`check`], with the initial password of the guest, which is checked as well: its kinds of
/// characters, and which accounts it opens. Neither facts nor findings hold it.
///
/// # Errors
/// As [`check`].
pub fn check_with_password(
    path: &Path,
    context: &rules::Context,
    fail_on_warn: bool,
    password: Option<&guest::password::InitialPassword>,
) -> Result<report::ImageReport> {
    let mut check = Check::new(context.clone());
    check.fail_on_warn(fail_on_warn);
    if let Some(password) = password {
        check.password(password);
    }
    check.run(path)
}

/// A check of images, with what is looked at besides.
#[derive(Debug, Clone)]
pub struct Check<'a> {
    context: rules::Context,
    fail_on_warn: bool,
    password: Option<&'a guest::password::InitialPassword>,
    request: Option<(&'a str, &'a str)>,
    waivers: &'a [rules::policy::Waiver],
}

impl<'a> Check<'a> {
    /// A check against the profile of `context`.
    pub fn new(context: rules::Context) -> Self {
        Self { context, fail_on_warn: false, password: None, request: None, waivers: &[] }
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

    /// Checks one image.
    ///
    /// # Errors
    /// When the file cannot be opened, or changed while it was read. What cannot be read *inside*
    /// the image is no error: it ends as `unverified` in the report.
    pub fn run(&self, path: &Path) -> Result<report::ImageReport> {
        let facts = look_into(path, self.password)?.facts;
        let mut findings = rules::check_all(&facts, &self.context);
        if let Some((name, text)) = self.request {
            let subject = request::Subject { facts: &facts, findings: &findings };
            let body = request::validate(text, name, &self.context, Some(subject));
            findings.extend(body.findings);
        }
        let name = &facts.image.path;
        rules::policy::waive(&mut findings, name, self.waivers, self.context.today);
        Ok(report::ImageReport::new(&facts, findings, self.fail_on_warn))
    }
}

/// Looks into one image: facts, no judgement.
///
/// # Errors
/// As [`check`].
pub fn inspect(path: &Path) -> Result<guest::Inspection> {
    look_into(path, None)
}

fn look_into(
    path: &Path,
    password: Option<&guest::password::InitialPassword>,
) -> Result<guest::Inspection> {
    let image = image::Image::open(path)?;
    let inspection = guest::Inspection::with_password(&image, password);
    if image.changed() {
        return Err(Error::Changed { path: path.to_string_lossy().into_owned() });
    }
    Ok(inspection)
}
