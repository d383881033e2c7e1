//! Short names as text, and names compared without case.

/// Flags of Windows NT in byte 12 of an entry: the base, the extension is in lower case (Linux:
/// `CASE_LOWER_BASE`, `CASE_LOWER_EXT`).
const LOWER_BASE: u8 = 0x08;
const LOWER_EXTENSION: u8 = 0x10;

/// Code page 437, from 0x80 on: that in which Linux reads short names unless told otherwise
/// (`CONFIG_FAT_DEFAULT_CODEPAGE`).
const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐\
                     └┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// The text of a short name: eight bytes and three, filled with spaces.
pub(super) fn from_short(bytes: &[u8; 11], case: u8) -> String {
    let [base @ .., _, _, _] = bytes;
    let [.., e1, e2, e3] = *bytes;
    let mut name = part(base, case & LOWER_BASE != 0);
    let extension = part(&[e1, e2, e3], case & LOWER_EXTENSION != 0);
    if !extension.is_empty() {
        name.push('.');
        name.push_str(&extension);
    }
    name
}

fn part(bytes: &[u8], lower: bool) -> String {
    let text: String = bytes.iter().map(|byte| character(*byte)).collect();
    let text = text.trim_end_matches(' ');
    if lower { text.to_lowercase() } else { text.to_owned() }
}

fn character(byte: u8) -> char {
    match byte.checked_sub(0x80) {
        None => char::from(byte),
        Some(index) => CP437.chars().nth(usize::from(index)).unwrap_or(char::REPLACEMENT_CHARACTER),
    }
}

/// Whether a name can be one component of a path.
pub(super) fn is_sound(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\0'])
}

/// Whether two names are the same to FAT: without case, and without dots at the end (Linux:
/// `vfat_striptail_len`).
pub(super) fn same(one: &str, other: &str) -> bool {
    let folded = |name: &'_ str| -> Vec<char> {
        name.trim_end_matches('.').chars().flat_map(char::to_lowercase).collect()
    };
    one.eq_ignore_ascii_case(other) || folded(one) == folded(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_joined_and_cased() {
        assert_eq!(from_short(b"README  TXT", 0), "README.TXT");
        assert_eq!(from_short(b"README  TXT", LOWER_BASE | LOWER_EXTENSION), "readme.txt");
        assert_eq!(from_short(b"EFI        ", LOWER_EXTENSION), "EFI");
        assert_eq!(from_short(b"A B     C  ", LOWER_EXTENSION), "A B.c");
        assert_eq!(from_short(b"\x8eRGER   \xfe\xff ", LOWER_BASE), "ärger.■\u{a0}");
    }

    #[test]
    fn every_byte_of_the_code_page_has_a_character() {
        assert_eq!(CP437.chars().count(), 128);
    }

    #[test]
    fn names_compare_without_case() {
        assert!(same("BOOTX64.EFI", "bootx64.efi"));
        assert!(same("Ärger", "äRGER"));
        assert!(same("name.", "NAME"));
        assert!(!same("name", "names"));
    }
}
