//! The words of a file of rules (nft(8), "Lexical conventions", "Include files", "Symbolic
//! variables"), and the blocks that braces make of them.

use std::collections::BTreeMap;
use std::iter::Peekable;

use super::super::{MAX_RULES_FILE, seen, unread};
use crate::fact::{Evidence, Unread};
use crate::filesystem::tree::Tree;
use crate::guest::linux::pattern;

/// Where a relative `include` begins (`DEFAULT_INCLUDE_PATH`).
const DIRECTORY: &str = "/etc";

/// Deepest `include`: that of nft itself (`MAX_INCLUDE_DEPTH`).
const MAX_DEPTH: usize = 16;

/// Most files that one ruleset includes: distributions split theirs into some ten.
const MAX_FILES: usize = 64;

/// Most bytes of all files of one ruleset together; what people write has some KiB.
const MAX_TEXT: usize = 4 << 20;

/// Most words once variables stand for what they are; as many in all variables together.
const MAX_WORDS: usize = 1 << 18;

/// Blocks in one another: table, chain, set, element, and some.
const MAX_NEST: usize = 16;

/// A word, or one of the signs `{ } ; ,` or the end of a line.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) text: String,
    /// It stood in quotes, so that it is no keyword and no sign.
    is_quoted: bool,
    file: usize,
    line: usize,
}

impl Word {
    fn is(&self, sign: &str) -> bool {
        !self.is_quoted && self.text == sign
    }
}

/// A part of a statement.
#[derive(Debug, Clone)]
pub(super) enum Item {
    Word(Word),
    Block(Vec<Statement>),
}

/// What stands on a line, or before a semicolon.
pub(super) type Statement = Vec<Item>;

/// The files of rules that were read, and their words.
#[derive(Default)]
pub(super) struct Script {
    files: Vec<File>,
    /// Bytes of all of them.
    text: usize,
    words: Vec<Word>,
    variables: BTreeMap<String, Vec<Word>>,
    /// Words of all variables.
    defined: usize,
}

struct File {
    path: String,
    text: String,
    /// Where each line begins.
    lines: Vec<usize>,
}

impl File {
    fn new(path: &str, text: String) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at.saturating_add(1));
        let lines = std::iter::once(0).chain(ends).collect();
        Self { path: path.to_owned(), text, lines }
    }

    /// A line, counted from 1.
    fn line(&self, number: usize) -> &str {
        let start = number.checked_sub(1).and_then(|index| self.lines.get(index));
        let rest = start.and_then(|start| self.text.get(*start..));
        rest.and_then(|rest| rest.lines().next()).unwrap_or_default()
    }
}

impl Script {
    /// Reads a file with all that it includes.
    pub(super) fn read(tree: &Tree, path: &str, text: String) -> Result<Self, Unread> {
        let mut script = Self::default();
        script.file(tree, path, text, 0)?;
        Ok(script)
    }

    /// Where a word stands, and what its line says.
    pub(super) fn evidence(&self, word: &Word) -> Evidence {
        let (path, content) =
            self.files.get(word.file).map_or(("", ""), |file| (&file.path, file.line(word.line)));
        seen(path, word.line, content)
    }

    /// That what stands at a word is not followed.
    pub(super) fn not_understood(&self, word: &Word) -> Unread {
        let Evidence { location, detail, .. } = self.evidence(word);
        Unread::new(location, format!("these rules are not understood: {detail}"))
    }

    /// The statements, blocks within them.
    pub(super) fn statements(&self) -> Result<Vec<Statement>, Unread> {
        let mut words = self.words.iter().peekable();
        let found = self.block(&mut words, 0)?;
        match words.next() {
            None => Ok(found),
            Some(word) => Err(self.not_understood(word)),
        }
    }

    fn block<'w>(
        &self,
        words: &mut Peekable<impl Iterator<Item = &'w Word>>,
        depth: usize,
    ) -> Result<Vec<Statement>, Unread> {
        let (mut statements, mut statement) = (Vec::new(), Statement::new());
        while let Some(word) = words.next_if(|word| !word.is("}")) {
            if word.is("\n") || word.is(";") {
                if !statement.is_empty() {
                    statements.push(std::mem::take(&mut statement));
                }
            } else if word.is("{") {
                if depth >= MAX_NEST {
                    return Err(self.not_understood(word));
                }
                let block = self.block(words, depth.saturating_add(1))?;
                if words.next().is_none() {
                    return Err(self.not_understood(word));
                }
                statement.push(Item::Block(block));
            } else {
                statement.push(Item::Word(word.clone()));
            }
        }
        if !statement.is_empty() {
            statements.push(statement);
        }
        Ok(statements)
    }

    fn file(&mut self, tree: &Tree, path: &str, text: String, depth: usize) -> Result<(), Unread> {
        if depth > MAX_DEPTH || self.files.len() >= MAX_FILES {
            return Err(Unread::new(path, "too many files are included"));
        }
        self.text = self.text.saturating_add(text.len());
        if self.text > MAX_TEXT {
            let reason = format!("more than {MAX_TEXT} bytes of rules, not read");
            return Err(Unread::new(path, reason));
        }
        let words = words(&text, self.files.len());
        self.files.push(File::new(path, text));
        let mut words = words.into_iter().peekable();
        let mut begins = true;
        while let Some(word) = words.next() {
            let keyword = if begins && !word.is_quoted { word.text.as_str() } else { "" };
            begins = matches!(word.text.as_str(), "\n" | ";" | "{" | "}") && !word.is_quoted;
            match keyword {
                "include" => {
                    let Some(path) = words.next() else { return Err(self.not_understood(&word)) };
                    self.include(tree, &path, depth)?;
                }
                "define" | "redefine" => self.define(&word, &mut words)?,
                "undefine" => return Err(self.not_understood(&word)),
                _ => self.push(word)?,
            }
        }
        Ok(())
    }

    fn include(&mut self, tree: &Tree, path: &Word, depth: usize) -> Result<(), Unread> {
        let wanted = if path.text.starts_with('/') {
            path.text.clone()
        } else {
            format!("{DIRECTORY}/{}", path.text.trim_start_matches("./"))
        };
        let place = self.evidence(path).location;
        let files = pattern::files(tree, &wanted).map_err(|error| unread(&place, &error))?;
        for file in files {
            let text = tree.read_text(&file, MAX_RULES_FILE);
            // Without a pattern the file must be there; nft would load nothing.
            let text = text.map_err(|error| unread(&file, &error))?;
            self.file(tree, &file, text, depth.saturating_add(1))?;
        }
        Ok(())
    }

    /// `define NAME = VALUE`, the value one line or one block.
    fn define(
        &mut self,
        at: &Word,
        words: &mut Peekable<impl Iterator<Item = Word>>,
    ) -> Result<(), Unread> {
        let name = words.next().filter(|name| !name.is_quoted);
        let (Some(name), Some(_)) = (name, words.next_if(|word| word.is("="))) else {
            return Err(self.not_understood(at));
        };
        let outer = std::mem::take(&mut self.words);
        let mut depth = 0_usize;
        let mut value = Ok(());
        while let Some(word) = words.next_if(|word| depth > 0 || !(word.is("\n") || word.is(";"))) {
            if word.is("{") {
                depth = depth.saturating_add(1);
            } else if word.is("}") {
                depth = depth.saturating_sub(1);
            }
            value = value.and_then(|()| self.push(word));
        }
        let words = std::mem::replace(&mut self.words, outer);
        value?;
        self.defined = self.defined.saturating_add(words.len());
        if self.defined > MAX_WORDS {
            return Err(self.too_many(at));
        }
        self.variables.insert(name.text, words);
        Ok(())
    }

    fn too_many(&self, word: &Word) -> Unread {
        Unread::new(self.evidence(word).location, "too many words of rules")
    }

    /// Adds a word, or what it stands for.
    fn push(&mut self, word: Word) -> Result<(), Unread> {
        let variable = word.text.strip_prefix('$').filter(|_| !word.is_quoted);
        let new = match variable.map(|name| self.variables.get(name)) {
            None => vec![word.clone()],
            Some(Some(words)) => words.clone(),
            Some(None) => return Err(self.not_understood(&word)),
        };
        if self.words.len().saturating_add(new.len()) > MAX_WORDS {
            return Err(self.too_many(&word));
        }
        let (file, line) = (word.file, word.line);
        self.words.extend(new.into_iter().map(|new| Word { file, line, ..new }));
        Ok(())
    }
}

/// The words of a text. A backslash at the end of a line goes on with it.
fn words(text: &str, file: usize) -> Vec<Word> {
    let mut words = Vec::new();
    for (line, content) in (1_usize..).zip(text.lines()) {
        let mut push = |text: &str, is_quoted| {
            words.push(Word { text: text.to_owned(), is_quoted, file, line });
        };
        let mut rest = content.trim();
        let mut goes_on = false;
        while !rest.is_empty() && !rest.starts_with('#') {
            if rest == "\\" {
                goes_on = true;
                break;
            }
            if let Some(quoted) = rest.strip_prefix('"') {
                let (inner, behind) = quoted.split_once('"').unwrap_or((quoted, ""));
                push(inner, true);
                rest = behind.trim_start();
                continue;
            }
            let is_sign = |c: char| matches!(c, '{' | '}' | ';' | ',');
            let is_operator = |c: char| matches!(c, '=' | '!' | '<' | '>');
            let end = if rest.starts_with(is_sign) {
                1
            } else if rest.starts_with(is_operator) {
                rest.find(|c| !is_operator(c)).unwrap_or(rest.len())
            } else {
                let ends = |c: char| {
                    c.is_whitespace() || is_sign(c) || is_operator(c) || matches!(c, '"' | '#')
                };
                rest.find(ends).unwrap_or(rest.len())
            };
            let (word, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
            push(word, false);
            rest = behind.trim_start();
        }
        if !goes_on {
            push("\n", false);
        }
    }
    words
}

/// The values in a block, as a comma parts them.
pub(super) fn elements(block: &[Statement]) -> Vec<Vec<&Word>> {
    let mut all = vec![Vec::new()];
    for item in block.iter().flatten() {
        match item {
            Item::Word(word) if word.is(",") => all.push(Vec::new()),
            Item::Word(word) => {
                if let Some(last) = all.last_mut() {
                    last.push(word);
                }
            }
            Item::Block(_) => {}
        }
    }
    all.retain(|element| !element.is_empty());
    all
}

/// The words of a statement up to its first block.
pub(super) fn leading(statement: &[Item]) -> Vec<&Word> {
    statement
        .iter()
        .map_while(|item| match item {
            Item::Word(word) => Some(word),
            Item::Block(_) => None,
        })
        .collect()
}
