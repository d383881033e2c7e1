//! A body that is not JSON because an editor or a document made its marks typographic.
//!
//! Outside of strings nothing but ASCII may stand in JSON (RFC 8259, §2), so what is mended there is
//! certain. Text inside straight quotes is never touched.

use serde_json::error::Category;

use super::body::Node;
use crate::fact::Evidence;

/// What was made of a body.
pub(super) struct Mended {
    /// The value.
    pub(super) node: Node,
    /// Commas before a closing bracket that were taken out.
    pub(super) commas: usize,
    /// Other marks that were mended, each a character.
    pub(super) others: usize,
}

impl Mended {
    /// Whether the text had to be mended to be read.
    pub(super) fn was_mended(&self) -> bool {
        self.commas > 0 || self.others > 0
    }
}

/// Marks that are mended one by one in the evidence; beyond that they are counted.
const MAX_MARKS: usize = 16;

/// How the evidence of a comma that ends a list begins.
pub(super) const COMMA: &str = "a comma before ";

/// Reads `text`; when it is not JSON, mends what can be mended with certainty.
///
/// Gives the value, if there is one, and what was wrong, each with `NAME:LINE:COLUMN`.
pub(super) fn read(text: &str, name: &str) -> (Option<Mended>, Vec<Evidence>) {
    let error = match serde_json::from_str(text) {
        Ok(node) => return (Some(Mended { node, commas: 0, others: 0 }), Vec::new()),
        Err(error) => error,
    };
    let Marked { text: mended, mut marks, commas, others } = mend(text, name);
    let node = serde_json::from_str(&mended).ok().filter(|_| !marks.is_empty());
    if node.is_none() || marks.is_empty() {
        let reason = match error.classify() {
            Category::Eof => "the text ends too early".to_owned(),
            _ => error.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
        };
        let place = format!("{name}:{}:{}", error.line(), column(text, &error));
        marks.insert(0, Evidence::new(place, reason));
    }
    (node.map(|node| Mended { node, commas, others }), marks)
}

/// The column of an error in characters, as those of marks are; serde_json counts bytes.
fn column(text: &str, error: &serde_json::Error) -> usize {
    let line = text.split('\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    // Every byte but the first of a character is 0b10xxxxxx (RFC 3629, §3).
    line.bytes().take(error.column()).filter(|byte| byte & 0xc0 != 0x80).count()
}

/// A text with its typographic marks mended.
struct Marked {
    text: String,
    /// Where the first of them stand, and how many more there are.
    marks: Vec<Evidence>,
    commas: usize,
    others: usize,
}

/// What a character outside of strings was meant to be.
fn meant(char: char) -> Option<&'static str> {
    Some(match char {
        '“' | '”' | '„' | '‟' | '＂' | '«' | '»' | '「' | '」' | '‘' | '’' | '\'' => {
            "\""
        }
        '：' => ":",
        '，' | '、' => ",",
        '｛' => "{",
        '｝' => "}",
        '［' | '【' => "[",
        '］' | '】' => "]",
        '\u{feff}' => "",
        '\u{a0}' | '\u{3000}' | '\u{2002}' | '\u{2003}' | '\u{2009}' | '\u{200b}' => " ",
        _ => return None,
    })
}

fn mend(text: &str, name: &str) -> Marked {
    let mut out = String::with_capacity(text.len());
    let mut marks = Vec::new();
    let (mut commas, mut others) = (0_usize, 0_usize);
    let (mut line, mut column) = (1_usize, 0_usize);
    // Whether we are in a string, and whether its opening quote was a typographic one.
    let mut string: Option<bool> = None;
    let mut escaped = false;
    // Where a comma stands that nothing but white space followed so far.
    let mut comma: Option<(usize, String)> = None;
    let mut mark = |place: String, detail: String| {
        let count = if detail.starts_with(COMMA) { &mut commas } else { &mut others };
        *count = count.saturating_add(1);
        if marks.len() < MAX_MARKS {
            marks.push(Evidence::new(place, detail));
        }
    };
    for char in text.chars() {
        if char == '\n' {
            (line, column) = (line.saturating_add(1), 0);
        } else {
            column = column.saturating_add(1);
        }
        let place = || format!("{name}:{line}:{column}");
        if let Some(typographic) = string {
            let ends = match char {
                _ if escaped => false,
                '"' => true,
                _ => typographic && meant(char) == Some("\""),
            };
            escaped = char == '\\' && !escaped;
            if ends {
                string = None;
                if char != '"' {
                    mark(place(), format!("{char} instead of \""));
                }
                out.push('"');
            } else {
                out.push(char);
            }
            continue;
        }
        let mut buffer = [0; 4];
        let plain = &*char.encode_utf8(&mut buffer);
        let ascii = meant(char).unwrap_or(plain);
        if ascii != plain {
            let seen = if char.is_whitespace() || ascii.is_empty() || ascii == " " {
                format!("U+{:04X}", u32::from(char))
            } else {
                char.to_string()
            };
            let wanted = match ascii {
                "" => "nothing",
                " " => "a space",
                _ => ascii,
            };
            mark(place(), format!("{seen} instead of {wanted}"));
        }
        match ascii {
            "\"" => string = Some(char != '"'),
            "}" | "]" => {
                if let Some((at, place)) = comma.take() {
                    out.replace_range(at..at.saturating_add(1), " ");
                    mark(place, format!("{COMMA}{ascii}"));
                }
            }
            _ => {}
        }
        match ascii {
            "," => comma = Some((out.len(), place())),
            _ if ascii.trim().is_empty() => {}
            _ => comma = None,
        }
        out.push_str(ascii);
    }
    let more = commas.saturating_add(others).saturating_sub(marks.len());
    if more > 0 {
        marks.push(Evidence::new("…", format!("{more} more")));
    }
    Marked { text: out, marks, commas, others }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mended(text: &str) -> (String, Vec<String>) {
        let (read, marks) = read(text, "b.json");
        let node = read.expect("mended").node;
        let marks = marks.into_iter().map(|mark| format!("{} {}", mark.location, mark.detail));
        (serde_json::to_string(&node).unwrap(), marks.collect())
    }

    #[test]
    fn the_documents_own_quotes_are_mended_and_shown() {
        let (node, marks) = mended("{\n  \"data_images\": [{“name”: \"x\"}]}");
        assert_eq!(node, r#"{"data_images":[{"name":"x"}]}"#);
        assert_eq!(marks, ["b.json:2:20 “ instead of \"", "b.json:2:25 ” instead of \""]);
    }

    #[test]
    fn what_stands_in_straight_quotes_stays() {
        let (node, marks) = mended("{“a”: \"say “yes”，\\\" now\",}");
        assert_eq!(node, r#"{"a":"say “yes”，\" now"}"#);
        assert_eq!(marks.len(), 3);
        assert_eq!(marks[2], "b.json:1:25 a comma before }");
    }

    #[test]
    fn chinese_punctuation_and_wide_spaces_are_mended() {
        let (node, _) = mended("｛“a”：1，\u{3000}“b”：［2］｝");
        assert_eq!(node, r#"{"a":1,"b":[2]}"#);
    }

    #[test]
    fn json_is_left_alone_and_nonsense_is_not_guessed_at() {
        let (read_back, marks) = read(r#"{"a": "“"}"#, "b.json");
        assert!(!read_back.unwrap().was_mended());
        assert!(marks.is_empty());
        // Columns are those of an editor.
        let (_, marks) = read("{\"name\": \"镜像镜像镜像\", \"x\" 1}", "b.json");
        assert_eq!(marks[0].location, "b.json:1:24");
        for text in ["", "{\"a\": ", "{\"a\" 1}", "<html>", "{“a”: }"] {
            let (node, marks) = read(text, "b.json");
            assert!(node.is_none(), "{text}");
            assert!(marks[0].location.starts_with("b.json:"), "{text}");
        }
    }
}
