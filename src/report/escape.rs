//! Makes strings from an image safe to print: what could steer a terminal or reorder a line is shown,
//! not obeyed.

use std::borrow::Cow;

/// Replaces control characters, line breaks and bidirectional controls by `\u{…}`.
pub fn for_terminal(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if is_unsafe(char) { out.extend(char.escape_unicode()) } else { out.push(char) }
    }
    Cow::Owned(out)
}

/// The lines of a text of our own that may be several (a repair), each safe to print.
///
/// A name from an image may hold a line break all the same, and what follows it must not stand at the
/// beginning of a line where GitHub's runner would take `::error::…` for a command.
pub(super) fn lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(|line| {
        let line = for_terminal(line);
        let indent = line.len().saturating_sub(line.trim_start().len());
        match line.split_at_checked(indent) {
            Some((blanks, command)) if command.starts_with("::") => {
                format!("{blanks}\\u{{3a}}{}", command.get(1..).unwrap_or_default())
            }
            _ => line.into_owned(),
        }
    })
}

/// Controls (Unicode category Cc), line and paragraph separators, bidirectional controls (Unicode
/// Standard Annex #9, §2), zero-width characters and tags that hide text.
pub(crate) fn is_unsafe(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_a_command_to_a_runner_of_workflows() {
        let shown: Vec<_> = lines("fix '\n ::error::x\x1b\n:: a\nb").collect();
        assert_eq!(shown, ["fix '", " \\u{3a}:error::x\\u{1b}", "\\u{3a}: a", "b"]);
    }

    #[test]
    fn terminal_sequences_and_bidirectional_controls_are_shown_not_obeyed() {
        assert_eq!(for_terminal("a\x1b[31mb\u{202e}c\nd"), "a\\u{1b}[31mb\\u{202e}c\\u{a}d");
        assert_eq!(for_terminal("纯文本 UUID=1"), "纯文本 UUID=1");
    }
}
