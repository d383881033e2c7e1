//! The page of limits: every constant of the library whose name begins with `MAX_`, with what its
//! comment says of unit and reason.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use walkdir::WalkDir;

use crate::workspace;

const HEAD: &str = "\
# Limits

Every bound that the checker sets to what an image may ask of it, with its reason. What a bound cuts
off ends as `unverified` with the bound in its words, or, where only fewer examples are shown than
there are, with how many there are. This page is made from the sources by `cargo xtask docs`: a limit
is a constant whose name begins with `MAX_`, and its comment stands here.
";

/// Rooms in the way of the data, with what they are called here.
const ROOMS: &[(&str, &str)] = &[
    ("image", "Container formats"),
    ("disk", "Disks: partition tables, LVM, md, signatures"),
    ("filesystem", "File systems"),
    ("guest", "Guests"),
    ("rules", "Rules"),
    ("report", "Reports"),
];

struct Limit {
    place: String,
    name: String,
    value: String,
    reason: String,
}

/// The page.
pub fn page() -> Result<String> {
    let source = workspace::root().join("src");
    let mut rooms: BTreeMap<usize, Vec<Limit>> = BTreeMap::new();
    for entry in WalkDir::new(&source).sort_by_file_name() {
        let entry = entry?;
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "rs") || is_test(path) {
            continue;
        }
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let place = path.strip_prefix(&source)?.to_string_lossy().into_owned();
        let folder = place.split('/').next().unwrap_or_default();
        let room = ROOMS.iter().position(|(name, _)| *name == folder).unwrap_or(ROOMS.len());
        rooms.entry(room).or_default().extend(limits(&place, &text)?);
    }
    let mut page = HEAD.to_owned();
    let count: usize = rooms.values().map(Vec::len).sum();
    write!(page, "\nThere are {count}.\n")?;
    for (room, limits) in rooms.iter().filter(|(_, limits)| !limits.is_empty()) {
        let title = ROOMS.get(*room).map_or("Elsewhere", |(_, title)| title);
        write!(page, "\n## {title}\n\n| limit | value | what and why |\n|---|---|---|\n")?;
        for Limit { place, name, value, reason } in limits {
            writeln!(page, "| `{name}`<br>`{place}` | `{value}` | {reason} |")?;
        }
    }
    Ok(page)
}

fn is_test(path: &Path) -> bool {
    let is_test = |name: &str| {
        name == "tests" || name == "tests.rs" || name == "testing" || name.ends_with("_tests.rs")
    };
    path.components().any(|part| part.as_os_str().to_str().is_some_and(is_test))
}

/// The limits of one file, its tests left out.
fn limits(place: &str, text: &str) -> Result<Vec<Limit>> {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut found = Vec::new();
    let mut comment = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if let Some(words) = line.strip_prefix("///") {
            comment.push(words.trim());
            continue;
        }
        if line.starts_with("#[") {
            continue;
        }
        let words = std::mem::take(&mut comment);
        let Some((name, rest)) = constant(line) else { continue };
        let mut rest = rest.to_owned();
        while !rest.ends_with(';') {
            let next = lines.next().with_context(|| format!("{place}: {name} has no end"))?;
            rest = format!("{rest} {next}");
        }
        let value = rest.split_once('=').map_or("", |(_, value)| value).trim();
        let reason = words.join(" ").replace("[`", "`").replace("`]", "`").replace('|', "\\|");
        ensure!(!reason.is_empty(), "{place}: {name} has no comment that gives unit and reason");
        found.push(Limit {
            place: format!("src/{place}"),
            name: name.to_owned(),
            value: value.trim_end_matches(';').replace('|', "\\|"),
            reason,
        });
    }
    Ok(found)
}

/// Name and rest of a line that begins the definition of a limit.
fn constant(line: &str) -> Option<(&str, &str)> {
    let line = match line.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ")?.1,
        Some(rest) => rest.trim_start(),
        None => line,
    };
    let (name, rest) = line.strip_prefix("const ")?.split_once(':')?;
    name.starts_with("MAX_").then_some((name, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_has_its_comment_and_its_value_and_one_without_a_comment_is_refused() {
        let text = "/// Most bytes: enough.\n/// See [`Other`].\n#[allow(x)]\npub(super) const MAX_A: \
                    u64 =\n    1 << 20;\nconst OTHER: u8 = 1;\n#[cfg(test)]\nmod tests {\nconst MAX_B: u8 = 1;";
        let found = limits("a.rs", text).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name.as_str(), found[0].value.as_str()), ("MAX_A", "1 << 20"));
        assert_eq!(found[0].reason, "Most bytes: enough. See `Other`.");
        assert!(limits("a.rs", "/// Of another.\nconst B: u8 = 1;\nconst MAX_A: u8 = 1;").is_err());
    }
}
