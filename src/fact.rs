//! A fact, or the reason why it is not known; and where a thing was seen.

use std::borrow::Cow;
use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::chinese::chinese;
use crate::error::{Error, Result};

/// Longest line of a guest's file that is kept as evidence, in characters.
const MAX_LINE: usize = 200;

/// As much of a guest's text as evidence shows.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(MAX_LINE).collect()
}

/// Where something was seen, and what stood there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Evidence {
    /// `/etc/fstab:7`, `qcow2 header, byte 32`, `MBR, byte 446`, ….
    pub location: String,
    /// What was seen there: the line, the value. Data, not prose.
    pub detail: String,
    /// The line of the file with the part that matters, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<Excerpt>,
}

impl Evidence {
    /// What was seen, and where.
    pub fn new(location: impl Into<String>, detail: impl Into<String>) -> Self {
        let (location, detail) = (location.into(), detail.into());
        Self { location, detail, excerpt: None }
    }

    /// Place and detail as a Chinese sentence says them; a line of a file stays as it is.
    pub(crate) fn in_chinese(&self) -> (String, String) {
        let detail = match self.excerpt {
            Some(_) => Cow::Borrowed(self.detail.as_str()),
            None => chinese(&self.detail),
        };
        (chinese(&self.location).into_owned(), detail.into_owned())
    }

    /// With the line that it is about, of which `part` (in bytes) matters.
    #[must_use]
    pub fn marked(mut self, line: usize, text: &str, part: Range<usize>) -> Self {
        self.excerpt = Excerpt::new(line, text, part);
        self
    }
}

/// A line of a guest's file, and which part of it matters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Excerpt {
    /// Number of the line, from 1.
    pub line: usize,
    /// The line without the blanks at its end; of a boot loader's entry the kernel's command line as
    /// the loader makes it.
    pub text: String,
    /// First character of `text` that matters, counted in Unicode code points from 0.
    pub start: usize,
    /// One past the last.
    pub end: usize,
}

/// Longest line that is shown, in characters: several lines of a wide terminal.
const MAX_EXCERPT: usize = 1000;

impl Excerpt {
    /// A line with the part (in bytes) that matters, all of it but its indentation where that range
    /// is none; `None` for a line that is too long to help.
    pub fn new(line: usize, text: &str, part: Range<usize>) -> Option<Self> {
        let text = text.trim_end();
        if text.is_empty() || text.chars().count() > MAX_EXCERPT {
            return None;
        }
        let indent = text.len().saturating_sub(text.trim_start().len());
        let is_part = !part.is_empty() && text.get(part.clone()).is_some();
        let part = if is_part { part } else { indent..text.len() };
        let chars = |at: usize| text.get(..at).map_or(0, |before| before.chars().count());
        let (start, end) = (chars(part.start), chars(part.end));
        Some(Self { line, text: text.to_owned(), start, end })
    }
}

/// Where in a line a setting's value stands: what is behind the first of `separators`, without the
/// blanks around it; nothing where there is none.
pub(crate) fn value_behind(text: &str, separators: &[char]) -> Range<usize> {
    let text = text.trim_end();
    let key = text.len().saturating_sub(text.trim_start().len());
    let found = text.get(key..).and_then(|rest| rest.find(separators)).unwrap_or(text.len());
    let at = key.saturating_add(found);
    let behind = text.get(at..).unwrap_or_default();
    let value =
        behind.trim_start_matches(|char: char| char.is_whitespace() || separators.contains(&char));
    text.len().saturating_sub(value.len())..text.len()
}

/// Where in a line its first word stands.
pub(crate) fn first_word(text: &str) -> Range<usize> {
    let start = text.len().saturating_sub(text.trim_start().len());
    let word =
        text.get(start..).and_then(|rest| rest.split_whitespace().next()).unwrap_or_default();
    start..start.saturating_add(word.len())
}

/// Most names that stand in one place.
const MAX_NAMED: usize = 16;

/// Longest of these names, in characters.
const MAX_NAME: usize = 48;

/// The first 16 of `names`, each of at most 48 characters, and how many more there are: a disk may
/// have thousands, and each line of a file that means them would hold them again.
pub(crate) fn some_of(names: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<String> {
    let mut names = names.into_iter();
    let shown = |name: String| match name.char_indices().nth(MAX_NAME) {
        Some((at, _)) => format!("{}…", name.get(..at).unwrap_or_default()),
        None => name,
    };
    let first = names.by_ref().take(MAX_NAMED);
    let mut some: Vec<String> = first.map(|name| shown(name.as_ref().to_owned())).collect();
    match names.count() {
        0 => {}
        more => some.push(format!("and {more} more")),
    }
    some
}

/// Why something is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Unread {
    /// Where it should have been read.
    pub location: String,
    /// Why it was not.
    pub reason: String,
}

impl Unread {
    /// What was not read, and why.
    pub fn new(location: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { location: location.into(), reason: reason.into() }
    }

    /// As a finding shows it.
    pub fn evidence(&self) -> Evidence {
        Evidence::new(self.location.clone(), self.reason.clone())
    }
}

/// A value seen in the image, or the reason why it could not be seen.
///
/// "Not there" is a known value (`Known(None)`, an empty list); [`Fact::Unknown`] means that the
/// bytes should tell but did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact<T> {
    /// It was read and understood.
    Known(T),
    /// It could not be read or understood.
    Unknown(Unread),
}

impl<T> Fact<T> {
    /// An unknown with its place and reason.
    pub fn unknown(location: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Unknown(Unread::new(location, reason))
    }

    /// The value of a read at `location`, or its error as the reason.
    pub fn from_result(location: impl Into<String>, result: Result<T>) -> Self {
        match result {
            Ok(value) => Self::Known(value),
            Err(error) => Self::Unknown(Unread::new(location, error.to_string())),
        }
    }

    /// As [`Fact::from_result`], where "not there" is an answer: it becomes `Known(None)`.
    pub fn from_lookup(location: impl Into<String>, result: Result<T>) -> Fact<Option<T>> {
        match result {
            Ok(value) => Fact::Known(Some(value)),
            Err(error) if error.is_absent() => Fact::Known(None),
            Err(error) => Fact::Unknown(Unread::new(location, error.to_string())),
        }
    }

    /// The value, if known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// The reason, if not known.
    pub fn unread(&self) -> Option<&Unread> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(unread) => Some(unread),
        }
    }

    /// A fact about the value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Self::Known(value) => Fact::Known(f(value)),
            Self::Unknown(unread) => Fact::Unknown(unread),
        }
    }

    /// The value or the reason, borrowed.
    ///
    /// # Errors
    /// The reason, when the fact is not known.
    pub fn as_result(&self) -> Result<&T, &Unread> {
        match self {
            Self::Known(value) => Ok(value),
            Self::Unknown(unread) => Err(unread),
        }
    }
}

impl From<(&str, &Error)> for Unread {
    fn from((location, error): (&str, &Error)) -> Self {
        Self::new(location, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_counts_characters_not_bytes() {
        let text = "  标签 = 数据  ";
        let excerpt = Excerpt::new(3, text, value_behind(text, &['='])).unwrap();
        assert_eq!((excerpt.text.as_str(), excerpt.start, excerpt.end), ("  标签 = 数据", 7, 9));
        let whole = Excerpt::new(3, text, 0..0).unwrap();
        assert_eq!((whole.start, whole.end), (2, 9));
        assert_eq!(Excerpt::new(1, text, 3..5), Excerpt::new(1, text, 0..0), "inside a character");
    }

    #[test]
    fn of_many_names_some_are_told() {
        let names = |count: usize| some_of((0..count).map(|n| format!("n{n}")));
        assert_eq!(names(2), ["n0", "n1"]);
        assert_eq!(names(16).last().unwrap(), "n15");
        assert_eq!((names(1000).len(), names(1000)[16].as_str()), (17, "and 984 more"));
        let long = "卷".repeat(48);
        assert_eq!(some_of([&long, &(long.clone() + "x")]), [long.clone(), long.clone() + "…"]);
    }

    #[test]
    fn parts_of_a_line_are_found() {
        let part = |text: &str, range: Range<usize>| text[range].to_owned();
        let fstab = "  /dev/sda1 / ext4";
        assert_eq!(part(fstab, first_word(fstab)), "/dev/sda1");
        for (line, value) in [
            ("PermitRootLogin\tno", "no"),
            ("  Port = 22 ", "22"),
            ("UsePAM", ""),
            ("X=", ""),
            ("", ""),
        ] {
            assert_eq!(part(line, value_behind(line, &['=', ' ', '\t'])), value, "{line}");
        }
        assert_eq!(first_word("  "), 2..2);
        assert_eq!(Excerpt::new(1, "", 0..0), None);
        assert_eq!(Excerpt::new(1, &"x".repeat(MAX_EXCERPT + 1), 0..1), None);
    }
}
