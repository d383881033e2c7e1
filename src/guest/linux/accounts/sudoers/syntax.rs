//! The words of sudoers: lines, lists, tags, comments (sudoers(5), "SUDOERS FILE FORMAT").

/// An item of a list without its `!`, and whether that negates it.
pub(super) fn negation(item: &str) -> (bool, &str) {
    item.strip_prefix('!').map_or((false, item), |name| (true, name))
}

/// An item with one `!` for an odd number of them and none for an even one: lists are gone through
/// again for each account.
pub(super) fn with_one_negation(item: &str) -> String {
    let name = item.trim_start_matches(['!', ' ', '\t']);
    let marks = item.len().saturating_sub(name.len());
    let marks = item.bytes().take(marks).filter(|byte| *byte == b'!').count();
    format!("{}{name}", if marks % 2 == 1 { "!" } else { "" })
}

pub(super) fn is_tag(word: &str) -> bool {
    let tags =
        ["PASSWD", "EXEC", "SETENV", "LOG_INPUT", "LOG_OUTPUT", "MAIL", "FOLLOW", "INTERCEPT"];
    tags.contains(&word) || word.strip_prefix("NO").is_some_and(|tag| tags.contains(&tag))
}

/// The users and the hosts before `=`: parted by the white space that follows no comma.
pub(super) fn users_and_hosts(left: &str) -> Option<(String, String)> {
    let left = left.trim();
    let mut quoted = false;
    let mut escaped = false;
    let mut before = ',';
    let mut in_space = false;
    for (at, c) in left.char_indices() {
        if c.is_whitespace() {
            // What follows is looked at once for each run of white space.
            if !in_space && !quoted && !escaped && !matches!(before, ',' | '!') {
                let next = left.get(at..).unwrap_or_default().trim_start();
                if !next.starts_with(',') {
                    return Some((left.get(..at)?.to_owned(), next.to_owned()));
                }
            }
            in_space = true;
            escaped = false;
            continue;
        }
        in_space = false;
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        before = c;
    }
    None
}

/// The items of a list, parted by commas; quotes, backslashes and double negations taken off.
pub(super) fn list(text: &str) -> Vec<String> {
    split(text, ',')
        .into_iter()
        .map(|item| with_one_negation(&unquoted(item.trim())))
        .filter(|item| !item.is_empty())
        .collect()
}

pub(super) fn unquoted(item: &str) -> String {
    item.chars().filter(|c| !matches!(c, '"' | '\\')).collect()
}

/// Splits at a separator that is neither quoted, nor escaped, nor in parentheses, nor the colon of a
/// tag or of `%:group`.
pub(super) fn split(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let (mut quoted, mut escaped, mut depth) = (false, false, 0_usize);
    for (at, c) in text.char_indices() {
        if c == separator && !quoted && !escaped && depth == 0 {
            let part = text.get(start..at).unwrap_or_default();
            // From the last separator on, so that no part is gone through again.
            let before = part.trim_end_matches([' ', '\t']);
            let word = before.rsplit([' ', '\t', ',', '=', ')', ':']).next();
            let tag = separator == ':' && (word.is_some_and(is_tag) || part.ends_with('%'));
            if !tag {
                parts.push(part);
                start = at.saturating_add(c.len_utf8());
            }
        }
        match c {
            '"' if !escaped => quoted = !quoted,
            '(' if !quoted => depth = depth.saturating_add(1),
            ')' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}

/// `@include file`, `#includedir dir`: whether it is a directory, and which.
pub(super) fn include(content: &str) -> Option<(bool, String)> {
    let rest = content.strip_prefix(['@', '#'])?;
    let (word, target) = rest.split_once(char::is_whitespace)?;
    let directory = match word {
        "include" => false,
        "includedir" => true,
        _ => return None,
    };
    Some((directory, unquoted(target.trim())))
}

/// Without a comment: `#` begins one unless a number follows (a user or group id).
pub(super) fn strip_comment(content: &str) -> &str {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in content.char_indices() {
        let next = content.get(at..).unwrap_or_default().chars().nth(1);
        if c == '#' && !quoted && !escaped && !next.is_some_and(|c| c.is_ascii_digit()) {
            return content.get(..at).unwrap_or_default().trim_end();
        }
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
    }
    content
}

/// Lines joined over a backslash at their end, each with the number of its first.
pub(super) fn logical_lines(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut lines = (1_usize..).zip(text.lines());
    std::iter::from_fn(move || {
        let (first, mut content) = lines.next()?;
        let mut joined = String::new();
        loop {
            let open = content.strip_suffix('\\');
            let open = open.filter(|content| !content.trim_start().starts_with('#'));
            joined.push_str(open.unwrap_or(content));
            match open.and_then(|_| lines.next()) {
                Some((_, next)) => content = next,
                None => return Some((first, joined)),
            }
        }
    })
}
