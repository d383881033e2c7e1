//! What a walk found: damage, leaks, and what it did not look at.

use crate::error::Error;
use crate::fact::{Evidence, Unread};
use crate::image::qcow2::header::HEADER;

/// How many pieces of damage, and how many runs of leaked clusters, are listed; the rest is counted.
pub const MAX_LISTED_PROBLEMS: usize = 100;

/// Found so far.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) problems: Vec<Evidence>,
    pub(super) count: u64,
    pub(super) leaks: Vec<Evidence>,
    pub(super) leaked: u64,
    /// Why something was not looked at; the first reason counts.
    pub(super) unread: Option<Unread>,
    /// One past the highest host byte that is needed.
    pub(super) highest: u64,
}

impl Findings {
    pub(super) fn problem(
        &mut self,
        location: impl FnOnce() -> String,
        detail: impl FnOnce() -> String,
    ) {
        self.problems(1, location, detail);
    }

    /// `count` pieces of damage that are told as one.
    pub(super) fn problems(
        &mut self,
        count: u64,
        location: impl FnOnce() -> String,
        detail: impl FnOnce() -> String,
    ) {
        self.count = self.count.saturating_add(count);
        if self.problems.len() < MAX_LISTED_PROBLEMS {
            self.problems.push(Evidence::new(location(), detail()));
        }
    }

    /// What a parser calls corrupt.
    pub(super) fn error(&mut self, error: &Error) {
        let location = match error {
            Error::Corrupt { structure, offset, .. } => format!("{structure}, byte {offset}"),
            _ => HEADER.to_owned(),
        };
        let detail = match error {
            Error::Corrupt { expected, found, .. } => format!("expected {expected}, found {found}"),
            other => other.to_string(),
        };
        self.problem(|| location, || detail);
    }

    /// `clusters` that are counted as used and are not.
    pub(super) fn leak(&mut self, clusters: u64, evidence: impl FnOnce() -> Evidence) {
        self.leaked = self.leaked.saturating_add(clusters);
        if self.leaks.len() < MAX_LISTED_PROBLEMS {
            self.leaks.push(evidence());
        }
    }

    /// A bound was reached, so the rest was not looked at.
    pub(super) fn limit(&mut self, structure: &'static str, limit: u64, unit: &'static str) {
        let error = Error::Limit { structure, limit, unit };
        self.unread.get_or_insert_with(|| Unread::new(structure, error.to_string()));
    }

    pub(super) fn reaches(&mut self, end: u64) {
        self.highest = self.highest.max(end);
    }

    /// Joins two in order.
    pub(super) fn join(mut self, other: Self) -> Self {
        let room = MAX_LISTED_PROBLEMS.saturating_sub(self.problems.len());
        self.problems.extend(other.problems.into_iter().take(room));
        self.count = self.count.saturating_add(other.count);
        let room = MAX_LISTED_PROBLEMS.saturating_sub(self.leaks.len());
        self.leaks.extend(other.leaks.into_iter().take(room));
        self.leaked = self.leaked.saturating_add(other.leaked);
        self.unread = self.unread.or(other.unread);
        self.reaches(other.highest);
        self
    }
}
