//! Headings and links of a Markdown text.

use std::collections::HashMap;
use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// What leads to a text and away from it.
#[derive(Debug, Default)]
pub struct Outline {
    /// The anchors of its headings.
    pub anchors: Vec<String>,
    /// Its links and pictures, each with the line on which it begins.
    pub links: Vec<(usize, String)>,
}

fn events(text: &str) -> impl Iterator<Item = (Event<'_>, Range<usize>)> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_TASKLISTS;
    Parser::new_ext(text, options).into_offset_iter()
}

/// The headings and links of a text.
pub fn outline(text: &str) -> Outline {
    let mut outline = Outline::default();
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut heading: Option<String> = None;
    for (event, range) in events(text) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let anchor = anchor(&heading.take().unwrap_or_default());
                let before = seen.entry(anchor.clone()).or_default();
                outline.anchors.push(match *before {
                    0 => anchor,
                    n => format!("{anchor}-{n}"),
                });
                *before += 1;
            }
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                let line = text[..range.start].matches('\n').count() + 1;
                outline.links.push((line, dest_url.into_string()));
            }
            Event::Text(words) | Event::Code(words) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&words);
                }
            }
            _ => {}
        }
    }
    outline
}

/// The anchor of a heading, as mdBook and the forges make it: letters and digits in lower case,
/// blanks as hyphens, no other punctuation.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter_map(|c| match c {
        c if c.is_whitespace() => Some('-'),
        c if c.is_alphanumeric() || matches!(c, '-' | '_') => Some(c),
        _ => None,
    });
    kept.flat_map(char::to_lowercase).collect()
}

/// The text with each link for which `change` has another destination led there.
pub fn with_links(text: &str, change: impl Fn(&str) -> Option<String>) -> String {
    let mut out = text.to_owned();
    let mut changes = Vec::new();
    for (event, range) in events(text) {
        let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event else {
            continue;
        };
        if let Some(to) = change(&dest_url)
            && let Some(at) = text[range.clone()].rfind(&*dest_url)
        {
            let start = range.start + at;
            changes.push((start..start + dest_url.len(), to));
        }
    }
    for (range, to) in changes.into_iter().rev() {
        out.replace_range(range, &to);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_get_the_anchors_that_they_have_in_the_book() {
        let text = "# How `it` decides\n## Why SARIF has no passes\n## 原因\n## 原因\n### a_b: c\n";
        let anchors = ["how-it-decides", "why-sarif-has-no-passes", "原因", "原因-1", "a_b-c"];
        assert_eq!(outline(text).anchors, anchors);
    }

    #[test]
    fn links_are_found_with_their_line_and_not_in_code() {
        let text = "a [b](c.md#d)\n\n```sh\n[no](no.md)\n```\n![picture](e.png) `[no](no.md)`\n";
        let links = outline(text).links;
        assert_eq!(links, [(1, "c.md#d".to_owned()), (6, "e.png".to_owned())]);
    }

    #[test]
    fn only_the_links_that_are_to_change_do() {
        let text = "[a.md](a.md) and [`a.md`](../a.md), [b](b.md)";
        let changed = with_links(text, |link| link.starts_with("..").then(|| "X".to_owned()));
        assert_eq!(changed, "[a.md](a.md) and [`a.md`](X), [b](b.md)");
    }
}
