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
//! ```no_run
//! use image_preflight::rules::{Context, Profile};
//!
//! let context = Context { profile: Profile::ImsClassic, today: 20_000 };
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
pub mod report;
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
    let facts = look_into(path, password)?.facts;
    let findings = rules::check_all(&facts, context);
    Ok(report::ImageReport::new(&facts, findings, fail_on_warn))
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
