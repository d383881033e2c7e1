//! The links of the repository's documents.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};
use walkdir::WalkDir;

use super::markdown::{self, Outline};

/// Every file below `dir`, by name, but what builds and versions leave there.
pub fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let walk = WalkDir::new(dir).sort_by_file_name().into_iter().filter_entry(|entry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !(name.starts_with('.') || name == "target")
    });
    let mut files = Vec::new();
    for entry in walk {
        let entry = entry.with_context(|| dir.display().to_string())?;
        if entry.file_type().is_file() {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}

/// The pages of the book, each as a path below docs/.
pub fn pages(root: &Path) -> Result<Vec<PathBuf>> {
    let docs = root.join("docs");
    let pages = files(&docs)?.into_iter().filter(|file| is_markdown(file));
    let pages = pages.filter_map(|file| file.strip_prefix(&docs).ok().map(Path::to_owned));
    Ok(pages.filter(|page| page != Path::new("SUMMARY.md")).collect())
}

fn is_markdown(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "md")
}

/// The file that a link of a document in `dir` leads to; `None` when it leads out of the file system
/// or stays on the page.
pub fn target(dir: &Path, link: &str) -> Option<PathBuf> {
    let (path, _) = link.split_once('#').unwrap_or((link, ""));
    if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
        return None;
    }
    let mut to = dir.to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => drop(to.pop()),
            Component::CurDir => {}
            part => to.push(part),
        }
    }
    Some(to)
}

/// Follows every link of every document below `root`; gives how many documents there are.
///
/// # Errors
/// When one leads nowhere, or a page is not in the book, with all that is wrong.
pub fn check(root: &Path) -> Result<usize> {
    let mut documents: BTreeMap<PathBuf, Outline> = BTreeMap::new();
    for file in files(root)?.into_iter().filter(|file| is_markdown(file)) {
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        documents.insert(file, markdown::outline(&text));
    }
    let mut wrong = Vec::new();
    for (file, outline) in &documents {
        let shown = file.strip_prefix(root)?.display();
        for (line, link) in &outline.links {
            if let Some(why) = broken(root, &documents, file, link) {
                wrong.push(format!("{shown}:{line}: {link}: {why}"));
            }
        }
    }
    let docs = root.join("docs");
    let summary = documents.get(&docs.join("SUMMARY.md")).context("docs/SUMMARY.md")?;
    let listed = summary.links.iter().filter_map(|(_, link)| target(&docs, link));
    let listed: BTreeSet<PathBuf> = listed.collect();
    for page in pages(root)?.iter().filter(|page| !listed.contains(&docs.join(page))) {
        wrong.push(format!("docs/{}: not in docs/SUMMARY.md", page.display()));
    }
    if wrong.is_empty() {
        return Ok(documents.len());
    }
    bail!("{}", wrong.join("\n"))
}

/// Why a link leads nowhere; `None` when it leads somewhere.
fn broken(
    root: &Path,
    documents: &BTreeMap<PathBuf, Outline>,
    file: &Path,
    link: &str,
) -> Option<&'static str> {
    let to = match target(file.parent().unwrap_or(root), link) {
        Some(to) => to,
        // A place on the same page, or a chapter that is yet to be written.
        None if link.starts_with('#') => file.to_owned(),
        None => return None,
    };
    if !to.starts_with(root) {
        return Some("outside of the repository");
    }
    if !to.exists() {
        return Some("there is no such file");
    }
    let (_, anchor) = link.split_once('#')?;
    match documents.get(&to) {
        Some(outline) if outline.anchors.iter().any(|there| there == anchor) => None,
        Some(_) => Some("there is no such heading"),
        None => Some("only documents have headings"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong_with(files: &[(&str, &str)]) -> String {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        check(dir.path()).map_or_else(|error| error.to_string(), |n| format!("{n} documents"))
    }

    #[test]
    fn links_to_files_and_headings_are_followed() {
        let page = "# A page\n[root](../README.md#two-commands) [code](../src/lib.rs) [here](#a-page)\n\
                    [net](https://example.org/nothing#there)\n";
        let files = [
            ("README.md", "# Read me\n## Two commands\n[docs](docs)"),
            ("src/lib.rs", ""),
            ("docs/SUMMARY.md", "- [Page](page.md)\n- [Not yet]()\n"),
            ("docs/page.md", page),
        ];
        assert_eq!(wrong_with(&files), "3 documents");
    }

    #[test]
    fn what_leads_nowhere_is_told_with_its_place() {
        let page =
            "\n[a](none.md) [b](SUMMARY.md#none) [c](../../etc) [d](#none) [e](../lib.rs#L1)\n";
        let files = [
            ("lib.rs", ""),
            ("docs/SUMMARY.md", "- [Page](page.md)\n"),
            ("docs/page.md", page),
            ("docs/left-out.md", ""),
        ];
        let expected = [
            "docs/page.md:2: none.md: there is no such file",
            "docs/page.md:2: SUMMARY.md#none: there is no such heading",
            "docs/page.md:2: ../../etc: outside of the repository",
            "docs/page.md:2: #none: there is no such heading",
            "docs/page.md:2: ../lib.rs#L1: only documents have headings",
            "docs/left-out.md: not in docs/SUMMARY.md",
        ];
        assert_eq!(wrong_with(&files), expected.join("\n"));
    }
}
