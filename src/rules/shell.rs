//! Names from an image inside commands that a person will paste into a shell.

/// `word` as one word of a POSIX shell, whatever it holds.
pub(crate) fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A path as one word that no command takes for an option.
pub(crate) fn quote_path(path: &str) -> String {
    if path.starts_with('-') { quote(&format!("./{path}")) } else { quote(path) }
}

/// File and line of a location such as `/etc/fstab:7`.
pub(crate) fn file_and_line(location: &str) -> Option<(&str, u32)> {
    let (file, line) = location.rsplit_once(':')?;
    Some((file, line.parse().ok()?))
}

/// `word` as one word of a command of Windows' cmd.exe; none for what no quotes make harmless there
/// (`"`, `%`, `!`, `^`, control characters).
pub(super) fn quote_cmd(word: &str) -> Option<String> {
    let plain = |c: char| c.is_alphanumeric() || "._-".contains(c);
    let fits = |c: char| plain(c) || " ()[]{}#&+=,;@~$'".contains(c);
    if word.is_empty() || word.starts_with(['-', '/']) || !word.chars().all(fits) {
        return None;
    }
    Some(if word.chars().all(plain) { word.to_owned() } else { format!("\"{word}\"") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_quote_stays_one_word() {
        assert_eq!(quote("a.qcow2"), "a.qcow2");
        assert_eq!(quote("a b"), "'a b'");
        assert_eq!(quote("a'; rm -rf /"), r"'a'\''; rm -rf /'");
        assert_eq!(quote(""), "''");
        assert_eq!(quote_path("-O"), "./-O");
    }

    #[test]
    fn a_location_splits_at_its_last_colon() {
        assert_eq!(file_and_line("/boot/a:b:12"), Some(("/boot/a:b", 12)));
        assert_eq!(file_and_line("MBR, byte 446"), None);
    }

    #[test]
    fn a_name_that_cmd_would_look_into_is_not_given_to_it() {
        assert_eq!(quote_cmd("Administrator").as_deref(), Some("Administrator"));
        assert_eq!(quote_cmd("本地连接 2").as_deref(), Some("\"本地连接 2\""));
        assert_eq!(quote_cmd("a & b").as_deref(), Some("\"a & b\""));
        for word in ["", "/add", "a\"b", "%PATH%", "a^b", "a\nb", "a!b", "a|b"] {
            assert_eq!(quote_cmd(word), None, "{word}");
        }
    }
}
