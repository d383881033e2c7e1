//! Tokens of GRUB's script language (GRUB manual, "Writing full configuration files directly";
//! `grub-core/script/yylex.l`).

use std::iter::Peekable;
use std::str::Chars;

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// Text as it stands.
    Text(String),
    /// Text in quotes, or an escaped character: makes a word even when empty.
    Quoted(String),
    /// `$name`: its value is split into words at blanks.
    Variable(String),
    /// `"$name"`: its value is taken whole.
    QuotedVariable(String),
}

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Its parts in order.
    pub(super) parts: Vec<Part>,
    /// Line on which it begins, from 1.
    pub(super) line: u32,
}

impl Word {
    /// A word of plain text.
    pub(super) fn plain(text: impl Into<String>, line: u32) -> Self {
        Self { parts: vec![Part::Text(text.into())], line }
    }

    /// The text, when the word is nothing but unquoted text: keywords are only such words.
    pub(super) fn bare(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// End of a line.
    Newline,
    /// `;`
    Semicolon,
    /// `{`
    LeftBrace,
    /// `}`
    RightBrace,
    /// A word.
    Word(Word),
    /// What the lexer knows and the grammar has no use for: `|`, `&`, `<`, `>`.
    Reserved(char),
    /// Text that is no token: what is wrong with it.
    Bad(&'static str),
}

/// Cuts text into tokens.
pub(super) struct Lexer<'a> {
    chars: Peekable<Chars<'a>>,
    line: u32,
}

impl<'a> Lexer<'a> {
    /// The tokens of `text`, whose first line is `line`.
    pub(super) fn new(text: &'a str, line: u32) -> Self {
        Self { chars: text.chars().peekable(), line }
    }

    /// Line of the next token.
    pub(super) fn line(&self) -> u32 {
        self.line
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.chars.next();
        if c == Some('\n') {
            self.line = self.line.saturating_add(1);
        }
        c
    }

    /// The next token; `None` at the end.
    pub(super) fn next(&mut self) -> Option<Token> {
        loop {
            match *self.chars.peek()? {
                ' ' | '\t' | '\r' => {
                    self.bump();
                }
                '#' => while self.chars.next_if(|c| *c != '\n').is_some() {},
                '\n' => {
                    self.bump();
                    return Some(Token::Newline);
                }
                ';' => {
                    self.bump();
                    return Some(Token::Semicolon);
                }
                '{' => {
                    self.bump();
                    return Some(Token::LeftBrace);
                }
                '}' => {
                    self.bump();
                    return Some(Token::RightBrace);
                }
                c @ ('|' | '&' | '<' | '>') => {
                    self.bump();
                    return Some(Token::Reserved(c));
                }
                _ => match self.word() {
                    Ok(Some(word)) => return Some(Token::Word(word)),
                    Ok(None) => {}
                    Err(wrong) => return Some(Token::Bad(wrong)),
                },
            }
        }
    }

    /// A word; `None` when there was nothing but a joined line.
    fn word(&mut self) -> Result<Option<Word>, &'static str> {
        let line = self.line;
        let mut parts = Vec::new();
        let mut text = String::new();
        while let Some(&c) = self.chars.peek() {
            match c {
                ' ' | '\t' | '\r' | '\n' | ';' | '{' | '}' | '|' | '&' | '<' | '>' => break,
                '\'' => {
                    self.bump();
                    flush(&mut parts, &mut text);
                    parts.push(Part::Quoted(self.single_quoted()?));
                }
                '"' => {
                    self.bump();
                    flush(&mut parts, &mut text);
                    self.double_quoted(&mut parts)?;
                }
                '\\' => {
                    self.bump();
                    match self.bump() {
                        Some('\n') => {}
                        Some(escaped) => {
                            flush(&mut parts, &mut text);
                            parts.push(Part::Quoted(escaped.to_string()));
                        }
                        None => return Err("a backslash at the end"),
                    }
                }
                '$' => {
                    self.bump();
                    flush(&mut parts, &mut text);
                    parts.push(Part::Variable(self.variable()?));
                }
                c => {
                    self.bump();
                    text.push(c);
                }
            }
        }
        flush(&mut parts, &mut text);
        Ok((!parts.is_empty()).then_some(Word { parts, line }))
    }

    fn single_quoted(&mut self) -> Result<String, &'static str> {
        let mut text = String::new();
        loop {
            match self.bump().ok_or("a quote that does not end")? {
                '\'' => return Ok(text),
                c => text.push(c),
            }
        }
    }

    fn double_quoted(&mut self, parts: &mut Vec<Part>) -> Result<(), &'static str> {
        let mut text = String::new();
        loop {
            match self.bump().ok_or("a quote that does not end")? {
                '"' => {
                    parts.push(Part::Quoted(text));
                    return Ok(());
                }
                '$' => {
                    parts.push(Part::Quoted(std::mem::take(&mut text)));
                    parts.push(Part::QuotedVariable(self.variable()?));
                }
                '\\' => match self.bump().ok_or("a quote that does not end")? {
                    c @ ('$' | '\\' | '"') => text.push(c),
                    '\n' => {}
                    c => text.extend(['\\', c]),
                },
                c => text.push(c),
            }
        }
    }

    /// The name behind a `$`.
    fn variable(&mut self) -> Result<String, &'static str> {
        let braced = self.chars.next_if_eq(&'{').is_some();
        let mut name = String::new();
        if let Some(special) = self.chars.next_if(|c| matches!(c, '?' | '#' | '*' | '@')) {
            name.push(special);
        } else {
            let digits = self.chars.peek().is_some_and(char::is_ascii_digit);
            while let Some(c) = self.chars.next_if(|c| {
                c.is_ascii_digit() || !digits && (c.is_ascii_alphabetic() || *c == '_')
            }) {
                name.push(c);
            }
        }
        if name.is_empty() || braced && self.chars.next_if_eq(&'}').is_none() {
            return Err("a $ that no variable name follows");
        }
        Ok(name)
    }
}

fn flush(parts: &mut Vec<Part>, text: &mut String) {
    if !text.is_empty() {
        parts.push(Part::Text(std::mem::take(text)));
    }
}
