//! The text format of LVM2's metadata (LVM2, `libdm/libdm-config.c`; lvm.conf(5)).
//!
//! ```text
//! file    = entry*
//! entry   = key "=" value | key "{" entry* "}"
//! value   = scalar | "[" [ scalar { "," scalar } [ "," ] ] "]"
//! scalar  = integer | float | '"' escaped '"' | "'" plain "'"
//! ```
//! White space and `#` comments stand between any two tokens; a NUL ends the text.

use std::collections::BTreeMap;

use crate::error::{Error, Result};

/// Most sections inside each other. LVM writes four: group, `logical_volumes`, volume, segment.
const MAX_DEPTH: u32 = 16;

/// Most values of all texts of a disk together, with what its sections count: a group of 1,000 volumes has about
/// 40,000. What is made of so many takes some 32 MiB at the most.
const MAX_VALUES: usize = 200_000;

/// As how many values a section counts: one of a single key takes a whole node of a tree, some 630 bytes.
const SECTION_VALUES: usize = 10;

/// A section: its values by their keys.
pub(super) type Section = BTreeMap<String, Value>;

/// What stands behind a key.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Section(Section),
    Text(String),
    Integer(i64),
    List(Vec<Value>),
    /// A number with a fraction, which no key that counts has.
    Float,
}

impl Value {
    pub(super) fn section(&self) -> Option<&Section> {
        match self {
            Self::Section(section) => Some(section),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A number that is not negative.
    pub(super) fn number(&self) -> Option<u64> {
        match self {
            Self::Integer(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// The items of a list; a single value counts as a list of one, as LVM takes it.
    pub(super) fn items(&self) -> &[Value] {
        match self {
            Self::List(items) => items,
            other => std::slice::from_ref(other),
        }
    }
}

/// Reads a whole text. `values` are those of the disk's texts so far, which are counted on.
///
/// # Errors
/// [`Error::Corrupt`] where the text breaks the grammar or says a key twice, with the byte in the
/// text; [`Error::Limit`] for more than [`MAX_DEPTH`] sections inside each other or
/// [`MAX_VALUES`] values.
pub(super) fn parse(text: &[u8], values: &mut usize) -> Result<Section> {
    let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
    let mut parser = Parser { text: text.get(..end).unwrap_or_default(), at: 0, values };
    let section = parser.section(0)?;
    match parser.peek() {
        None => Ok(section),
        Some(_) => Err(parser.expected("a key")),
    }
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    values: &'a mut usize,
}

impl Parser<'_> {
    /// The next byte that is neither white space nor comment.
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.get(self.at)?;
            if byte == b'#' {
                let rest = self.text.get(self.at..).unwrap_or_default();
                let len = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
                self.skip(len);
            } else if byte.is_ascii_whitespace() || byte == 0x0b {
                self.skip(1);
            } else {
                return Some(byte);
            }
        }
    }

    fn skip(&mut self, count: usize) {
        self.at = self.at.saturating_add(count);
    }

    fn expected(&self, what: &str) -> Error {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let found = String::from_utf8_lossy(rest.get(..16).unwrap_or(rest)).into_owned();
        let found = if found.is_empty() { "the end of the text".to_owned() } else { found };
        let offset = u64::try_from(self.at).unwrap_or(u64::MAX);
        Error::corrupt("LVM2 metadata text", offset, what, format!("{found:?}"))
    }

    fn count(&mut self, values: usize) -> Result<()> {
        *self.values = self.values.saturating_add(values);
        if *self.values > MAX_VALUES {
            return Err(Error::too_much("LVM2 metadata texts", MAX_VALUES, "values"));
        }
        Ok(())
    }

    /// Entries up to the brace that closes the section, or the end of the text.
    fn section(&mut self, depth: u32) -> Result<Section> {
        if depth > MAX_DEPTH {
            let limit = u64::from(MAX_DEPTH);
            let unit = "sections inside each other";
            return Err(Error::Limit { structure: "LVM2 metadata text", limit, unit });
        }
        let mut section = Section::new();
        while let Some(byte) = self.peek() {
            if byte == b'}' {
                break;
            }
            self.count(1)?;
            let key = self.key()?;
            let value = match self.peek() {
                Some(b'=') => {
                    self.skip(1);
                    self.value()?
                }
                Some(b'{') => {
                    self.skip(1);
                    self.count(SECTION_VALUES)?;
                    let inner = self.section(depth.saturating_add(1))?;
                    self.token(b'}', "} at the end of a section")?;
                    Value::Section(inner)
                }
                _ => return Err(self.expected("= or { behind a key")),
            };
            if section.contains_key(&key) {
                return Err(self.expected(&format!("{key:?} once in its section")));
            }
            section.insert(key, value);
        }
        Ok(section)
    }

    fn token(&mut self, byte: u8, what: &str) -> Result<()> {
        if self.peek() != Some(byte) {
            return Err(self.expected(what));
        }
        self.skip(1);
        Ok(())
    }

    fn key(&mut self) -> Result<String> {
        if let Some(quote @ (b'"' | b'\'')) = self.peek() {
            return self.string(quote);
        }
        let word = self.word(|byte| !b"#={}[],\"'".contains(&byte) && !byte.is_ascii_whitespace());
        if word.is_empty() { Err(self.expected("a key")) } else { Ok(word) }
    }

    /// The bytes from here on that belong together.
    fn word(&mut self, belongs: impl Fn(u8) -> bool) -> String {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let len = rest.iter().position(|&byte| !belongs(byte)).unwrap_or(rest.len());
        self.skip(len);
        String::from_utf8_lossy(rest.get(..len).unwrap_or_default()).into_owned()
    }

    fn value(&mut self) -> Result<Value> {
        if self.peek() != Some(b'[') {
            return self.scalar();
        }
        self.skip(1);
        let mut items = Vec::new();
        loop {
            if self.peek() == Some(b']') {
                self.skip(1);
                return Ok(Value::List(items));
            }
            self.count(1)?;
            items.push(self.scalar()?);
            match self.peek() {
                Some(b',') => self.skip(1),
                Some(b']') => {}
                _ => return Err(self.expected(", or ] in a list")),
            }
        }
    }

    fn scalar(&mut self) -> Result<Value> {
        match self.peek() {
            Some(quote @ (b'"' | b'\'')) => self.string(quote).map(Value::Text),
            Some(b'0'..=b'9' | b'+' | b'-' | b'.') => {
                let start = self.at;
                let word = self.word(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte));
                match word.parse() {
                    Ok(number) => Ok(Value::Integer(number)),
                    Err(_) if word.contains('.') && word.parse::<f64>().is_ok() => Ok(Value::Float),
                    Err(_) => {
                        self.at = start;
                        Err(self.expected("a number of 64 bits"))
                    }
                }
            }
            _ => Err(self.expected("a value")),
        }
    }

    /// A string up to its closing quote. Between double quotes a backslash guards a quote or another
    /// backslash (`dm_unescape_double_quotes`).
    fn string(&mut self, quote: u8) -> Result<String> {
        let start = self.at;
        self.skip(1);
        let mut bytes = Vec::new();
        loop {
            let Some(&byte) = self.text.get(self.at) else {
                self.at = start;
                return Err(self.expected("a closing quote"));
            };
            self.skip(1);
            match byte {
                _ if byte == quote => break,
                b'\\' if quote == b'"' => match self.text.get(self.at) {
                    Some(&guarded @ (b'"' | b'\\')) => {
                        bytes.push(guarded);
                        self.skip(1);
                    }
                    _ => bytes.push(byte),
                },
                _ => bytes.push(byte),
            }
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    fn parse(text: &[u8]) -> Result<Section> {
        super::parse(text, &mut 0)
    }

    fn value(text: &str) -> Value {
        parse(text.as_bytes()).unwrap().remove("k").unwrap()
    }

    #[test]
    fn values_of_every_kind_are_read() {
        assert_eq!(value("k=1"), Value::Integer(1));
        assert_eq!(value("k = -1 # comment"), Value::Integer(-1));
        assert_eq!(value("k=1.5"), Value::Float);
        assert_eq!(value("k='a\\'"), Value::Text("a\\".into()));
        assert_eq!(
            value("# first\n\t\"k\" = \"a \\\"b\\\" \\\\ c\""),
            Value::Text("a \"b\" \\ c".into())
        );
        assert_eq!(value("k = \"a\\n\""), Value::Text("a\\n".into()));
        assert_eq!(value("k=[]"), Value::List(vec![]));
        let list = vec![Value::Text("pv0".into()), Value::Integer(0)];
        assert_eq!(value("k = [\n\"pv0\", 0 # where\n]"), Value::List(list.clone()));
        assert_eq!(value("k=[\"pv0\",0,]").items(), list);
        let inner = value("k{a=1 b{c=2}}");
        assert_eq!(inner.section().unwrap()["b"].section().unwrap()["c"].number(), Some(2));
    }

    #[test]
    fn a_nul_ends_the_text() {
        assert_eq!(parse(b"k=1\0{{{{").unwrap().len(), 1);
        assert!(parse(b"").unwrap().is_empty());
    }

    #[test]
    fn text_that_breaks_the_grammar_is_corrupt_with_its_place() {
        for text in [
            "k",
            "k=",
            "k={}",
            "=1",
            "k{",
            "}",
            "k=1}",
            "k=[1",
            "k=[1 2]",
            "k=[[1]]",
            "k=\"a",
            "k=\"a\\\"",
            "k=word",
            "k=99999999999999999999",
            "k=1 k=2",
            "k=1-1",
            "k{a=1 a{}}",
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(matches!(error, Error::Corrupt { .. }), "{text}: {error}");
        }
        let Error::Corrupt { offset, .. } = parse(b"abc = word").unwrap_err() else { panic!() };
        assert_eq!(offset, 6);
    }

    #[test]
    fn depth_and_number_of_values_are_bounded() {
        let deep = "a{".repeat(100_000);
        assert!(matches!(parse(deep.as_bytes()), Err(Error::Limit { .. })));
        let many = format!("k=[{}]", "1,".repeat(1_000_000));
        assert!(matches!(parse(many.as_bytes()), Err(Error::Limit { .. })));
        let sections =
            |count: usize| -> String { (0..count).map(|n| format!("k{n}{{}}")).collect() };
        assert!(parse(sections(18_000).as_bytes()).is_ok());
        assert!(matches!(parse(sections(19_000).as_bytes()), Err(Error::Limit { .. })));
        let many: String = (0..300_000).map(|number| format!("k{number}=1\n")).collect();
        assert!(matches!(parse(many.as_bytes()), Err(Error::Limit { .. })));
    }
}
