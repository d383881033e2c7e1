//! The kernel's command line (Linux: Documentation/admin-guide/kernel-parameters.rst, `lib/cmdline.c`).

/// Longest command line that the kernel takes (Linux: `COMMAND_LINE_SIZE` in
/// `arch/x86/include/asm/setup.h`, with the zero at its end).
pub(super) const MAX_COMMAND_LINE: usize = 2047;

/// The parameters in order; double quotes keep blanks together and vanish.
pub(in crate::guest::linux) fn parameters(command_line: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut current: Option<String> = None;
    let mut quoted = false;
    for c in command_line.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                current.get_or_insert_default();
            }
            c if c.is_ascii_whitespace() && !quoted => out.extend(current.take()),
            c => current.get_or_insert_default().push(c),
        }
    }
    out.extend(current);
    out
}

/// The value of the last `name=…`.
pub(super) fn last_value(command_line: &str, name: &str) -> Option<String> {
    last_of(&parameters(command_line), name).map(str::to_owned)
}

/// The same among its parameters.
pub(super) fn last_of<'p>(parameters: &'p [String], name: &str) -> Option<&'p str> {
    parameters.iter().rev().find_map(|parameter| parameter.strip_prefix(name)?.strip_prefix('='))
}

/// Whether a parameter without a value is there.
pub(super) fn has_flag(command_line: &str, name: &str) -> bool {
    parameters(command_line).iter().any(|parameter| parameter == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_occurrence_counts_and_quotes_vanish() {
        let line =
            "root=/dev/sda1 ro \"root=UUID=1\" append=\"a root=/dev/x b\" root=LABEL=\"a b\"";
        assert_eq!(last_value(line, "root").as_deref(), Some("LABEL=a b"));
        assert_eq!(last_value("root=UUID=1 rootfstype=ext4", "root").as_deref(), Some("UUID=1"));
        assert_eq!(last_value("ro quiet", "root"), None);
        assert_eq!(last_value("root=", "root").as_deref(), Some(""));
        assert!(has_flag("ro noresume", "noresume"));
    }
}
