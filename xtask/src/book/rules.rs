//! What the book says of the rules as a whole, made from their list: the page that lists them, and
//! their part of the table of contents.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use image_preflight::rules::{Lang, Profile, groups};

const HEAD: &str = "\
# The rules

Every rule with its level in each built-in [profile](configuration.md#profiles), by its id, which is
also its page. `image-preflight explain RULE` prints the page in the terminal, `image-preflight rules`
this list. A rule without a level is not part of the profile. This page is made from the rules by
`cargo xtask docs`.
";

/// The line of the table of contents below which the rules stand.
const CHAPTER: &str = "- [The rules](rules.md)";

/// The page that lists all rules.
pub fn page() -> Result<String> {
    let mut page = HEAD.to_owned();
    for group in groups() {
        write!(page, "\n## {}\n\n| rule | what must hold |", group.title.get(Lang::En))?;
        for profile in Profile::ALL {
            write!(page, " `{}` |", profile.name())?;
        }
        page.push_str("\n|---|---|---|---|---|\n");
        for rule in group.rules {
            let id = rule.id;
            let [en, zh] = [Lang::En, Lang::ZhCn].map(|lang| rule.doc.title.get(lang));
            write!(page, "| [`{id}`](rules/{id}.md) | {en}<br>{zh} |")?;
            for profile in Profile::ALL {
                write!(page, " {} |", rule.level(profile).map_or("–", |level| level.name()))?;
            }
            page.push('\n');
        }
    }
    Ok(page)
}

/// The table of contents with the rules in their place: what is indented below their chapter.
pub fn in_summary(summary: &str) -> Result<String> {
    let (before, after) = summary
        .split_once(&format!("{CHAPTER}\n"))
        .with_context(|| format!("docs/SUMMARY.md: there is no line {CHAPTER}"))?;
    let mut text = format!("{before}{CHAPTER}\n");
    for group in groups() {
        // A chapter without a page of its own.
        writeln!(text, "  - [{}]()", group.title.get(Lang::En))?;
        for rule in group.rules {
            writeln!(text, "    - [{}](rules/{}.md)", rule.id, rule.id)?;
        }
    }
    let rest: Vec<&str> = after.split_inclusive('\n').collect();
    let indented = rest.iter().take_while(|line| line.starts_with(' ')).count();
    text.extend(rest.into_iter().skip(indented));
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_replace_what_is_indented_below_their_chapter() {
        let summary = format!("# Summary\n\n{CHAPTER}\n  - old\n    - older\n- [Next](next.md)\n");
        let text = in_summary(&summary).unwrap();
        assert!(text.starts_with(&format!("# Summary\n\n{CHAPTER}\n  - [File, container")));
        assert!(text.contains("\n    - [fstab-uuid](rules/fstab-uuid.md)\n"));
        assert!(text.ends_with(".md)\n- [Next](next.md)\n"));
        assert!(!text.contains("old"));
        assert_eq!(in_summary(&text).unwrap(), text);
        assert!(in_summary("# Summary\n").is_err());
    }
}
