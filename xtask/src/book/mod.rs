//! `cargo xtask book`: the documents, their links checked, as a book.

mod links;
mod markdown;
pub mod rules;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::tool::Tool;
use crate::workspace;

/// Check the links of every document and render docs/ as a book
///
/// A link to another document, to a file of the repository or to a heading must lead there, and
/// every page of docs/ must stand in docs/SUMMARY.md. Links to the network are not followed. mdBook
/// then renders docs/ into target/book.
#[derive(clap::Args)]
pub struct Arguments {
    /// Render nothing, which needs no mdBook
    #[arg(long)]
    links_only: bool,
    /// Where the book finds the files of the repository that are no pages of it [default: here]
    #[arg(long, value_name = "URL")]
    repository: Option<String>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let root = workspace::root();
    let documents = links::check(&root)?;
    println!("{documents} documents: every link leads somewhere");
    if arguments.links_only {
        return Ok(());
    }
    let here = format!("file://{}", root.display());
    let repository = arguments.repository.as_deref().unwrap_or(&here);
    let source = stage(&root, repository.trim_end_matches('/'))?;
    let book = workspace::target().join("book");
    let render = Tool::new("mdbook").arg("build").arg(&source).arg("--dest-dir").arg(&book);
    render.run().context("mdBook: cargo install mdbook --locked --no-default-features")?;
    let pages = links::pages(&root)?;
    for page in &pages {
        let html = page.with_file_name(match page.file_name() {
            Some(name) if name == "README.md" => "index.html".into(),
            _ => page.with_extension("html").file_name().unwrap_or_default().to_owned(),
        });
        ensure!(book.join(&html).is_file(), "{}: not rendered", html.display());
    }
    println!("{} pages: {}", pages.len(), book.join("index.html").display());
    Ok(())
}

/// A copy of docs/ in which a link that leaves it leads into `repository`: mdBook would look for it
/// in the book.
fn stage(root: &Path, repository: &str) -> Result<PathBuf> {
    let stage = workspace::cache()?.join("book");
    if stage.exists() {
        fs::remove_dir_all(&stage).with_context(|| stage.display().to_string())?;
    }
    fs::create_dir_all(&stage)?;
    fs::copy(root.join("book.toml"), stage.join("book.toml")).context("book.toml")?;
    for file in links::files(&root.join("docs"))? {
        let to = stage.join(file.strip_prefix(root)?);
        fs::create_dir_all(to.parent().unwrap_or(&stage))?;
        if file.extension().is_none_or(|extension| extension != "md") {
            fs::copy(&file, &to).with_context(|| file.display().to_string())?;
            continue;
        }
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let dir = file.parent().unwrap_or(root);
        let text = markdown::with_links(&text, |link| {
            let outside = links::target(dir, link)?.strip_prefix(root).ok()?.to_owned();
            (!outside.starts_with("docs")).then(|| format!("{repository}/{}", outside.display()))
        });
        fs::write(&to, text).with_context(|| to.display().to_string())?;
    }
    Ok(stage)
}
