//! GRUB's environment block: the file in which it keeps variables from boot to boot (GRUB manual,
//! "Environment block").

/// The first line.
const SIGNATURE: &str = "# GRUB Environment Block\n";

/// The variables with their lines, in order; `None` when it is no environment block, in which case
/// GRUB sets nothing.
pub(super) fn parse(text: &str) -> Option<Vec<(u32, String, String)>> {
    let rest = text.strip_prefix(SIGNATURE)?;
    let mut variables = Vec::new();
    // A backslash takes the meaning of the character behind it, a line end's too.
    let mut chars = rest.chars();
    let mut at = 2_u32;
    let mut start = at;
    let mut line = String::new();
    let mut add = |start: u32, line: &str| {
        if let Some((name, value)) = line.split_once('=')
            && !line.starts_with('#')
        {
            variables.push((start, name.to_owned(), value.to_owned()));
        }
    };
    while let Some(c) = chars.next() {
        match c {
            '\n' => {
                add(start, &line);
                line.clear();
                at = at.saturating_add(1);
                start = at;
            }
            '\\' => {
                let escaped = chars.next();
                if escaped == Some('\n') {
                    at = at.saturating_add(1);
                }
                line.extend(escaped);
            }
            c => line.push(c),
        }
    }
    add(start, &line);
    Some(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_stand_one_a_line_and_the_rest_is_padding() {
        // grub-editenv - create; grub-editenv - set saved_entry='a\b' kernelopts='root=/dev/sda1 ro'
        let text = "# GRUB Environment Block\nsaved_entry=a\\\\b\nkernelopts=root=/dev/sda1 ro\n\
                    ########";
        assert_eq!(
            parse(text).unwrap(),
            [
                (2, "saved_entry".to_owned(), "a\\b".to_owned()),
                (3, "kernelopts".to_owned(), "root=/dev/sda1 ro".to_owned())
            ]
        );
    }

    #[test]
    fn a_file_without_the_signature_is_no_environment_block() {
        assert_eq!(parse("saved_entry=1\n"), None);
        assert_eq!(parse(""), None);
    }
}
