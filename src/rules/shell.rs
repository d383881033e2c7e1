//! Names from an image inside commands that a person will paste into a shell.

use crate::report::escape::is_unsafe;

/// `word` as one word of a command that is shown: on one line whatever it holds, since what followed a
/// line break would stand there like a command or a sentence of its own.
///
/// What would steer a terminal or hide text stands as `$'…'` (POSIX.1-2024, Shell Command Language,
/// 2.2.4), which older `sh` takes for another name.
pub(crate) fn quote(word: &str) -> String {
    if !word.chars().any(is_unsafe) {
        return quote_in_script(word);
    }
    let mut quoted = "$'".to_owned();
    for c in word.chars() {
        match c {
            '\'' | '\\' => quoted.extend(['\\', c]),
            c if is_unsafe(c) => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    quoted.push_str(&format!("\\{byte:03o}"));
                }
            }
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

/// A path as [`quote`] has it, which no command takes for an option.
pub(crate) fn quote_path(path: &str) -> String {
    if path.starts_with('-') { quote(&format!("./{path}")) } else { quote(path) }
}

/// `word` as one word for any POSIX shell; line breaks stay line breaks.
pub(crate) fn quote_in_script(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A path as [`quote_in_script`] has it, which no command takes for an option.
pub(crate) fn quote_path_in_script(path: &str) -> String {
    let here = if path.starts_with('-') { "./" } else { "" };
    quote_in_script(&format!("{here}{path}"))
}

/// A name that stands for itself in a regular expression of `sed`, in what replaces it and in a
/// shell's quotes; none for any other. Network cards have no other in practice.
pub(super) fn sed_word(name: &str) -> Option<&str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    Some(name).filter(|name| !name.is_empty() && name.chars().all(plain))
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
        assert_eq!(quote_path_in_script("-O"), "./-O");
    }

    #[test]
    fn a_name_with_line_breaks_stays_on_its_line() {
        // Both as bash 5.2 prints with `printf %q`, and reads again.
        assert_eq!(quote("a\nrm -rf x #"), r"$'a\012rm -rf x #'");
        assert_eq!(quote("a\\'\r\u{202e}"), r"$'a\\\'\015\342\200\256'");
        assert_eq!(quote_in_script("a\nb"), "'a\nb'");
    }

    #[test]
    fn only_a_plain_name_goes_into_sed() {
        assert_eq!(sed_word("ens33"), Some("ens33"));
        for name in ["", "eth0.5", "x$(reboot)", "x`id`", "a/b", "a b", "x&", "a'b", "a\nb"] {
            assert_eq!(sed_word(name), None, "{name}");
        }
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
