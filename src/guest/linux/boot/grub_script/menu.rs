//! The menu, and which of its entries is meant by `default` (GRUB manual, "default"; upstream
//! `grub-core/normal/menu.c`).

use std::rc::Rc;

use super::syntax::Block;
use super::{Doubt, Site, Text};

/// An entry of the menu.
#[derive(Debug)]
pub(in super::super) struct MenuItem {
    /// Title.
    pub(in super::super) title: String,
    /// `--id`, or the title.
    pub(super) id: String,
    /// What `$1`, `$2`, … are in the body.
    pub(super) parameters: Vec<Text>,
    /// Where it stands.
    pub(in super::super) site: Site,
    /// Whether it is a submenu.
    pub(in super::super) submenu: bool,
    /// Whether it asks for a password when `superusers` names somebody (GRUB manual,
    /// "Authentication and authorisation").
    pub(in super::super) restricted: bool,
    /// Whether it comes from a Boot Loader Specification file.
    pub(in super::super) bls: bool,
    /// Its commands.
    pub(super) body: Block,
    /// Why it may not be there, or be another.
    pub(in super::super) doubt: Option<Doubt>,
}

/// The menu.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Menu {
    /// Its entries in order.
    pub(in super::super) items: Vec<Rc<MenuItem>>,
    /// From which index on the numbering is not certain, and why.
    gap: Option<(usize, Doubt)>,
}

impl Menu {
    /// Adds an entry.
    pub(super) fn push(&mut self, item: MenuItem) {
        if let Some(doubt) = item.doubt.clone() {
            self.doubt_from_here(doubt);
        }
        self.items.push(Rc::new(item));
    }

    /// There may be entries here that are not known.
    pub(super) fn doubt_from_here(&mut self, doubt: Doubt) {
        self.gap.get_or_insert((self.items.len(), doubt));
    }

    /// Why not all entries may be known.
    pub(in super::super) fn gap(&self) -> Option<&Doubt> {
        self.gap.as_ref().map(|(_, doubt)| doubt)
    }

    /// The index of the entry that `spec` means (number, id or title); the first one when it means
    /// none. `None` for an empty menu.
    ///
    /// # Errors
    /// Why that is not decided.
    pub(in super::super) fn select(&self, spec: &str) -> Result<Option<usize>, Doubt> {
        let found = self.named(spec).filter(|index| *index < self.items.len());
        let index = found.unwrap_or(0);
        if let Some((from, doubt)) = &self.gap {
            // A name that no known entry has may be that of one that is not known.
            let sought = found.is_none() && !spec.is_empty();
            let by_number = found.is_none() || leading_number(spec).is_some();
            if sought || by_number && index >= *from {
                return Err(doubt.clone());
            }
        }
        let upstream = self.named_upstream(spec).filter(|index| *index < self.items.len());
        match self.items.get(index) {
            // Who reads such entries is Fedora's.
            Some(item) if !item.bls && upstream.unwrap_or(0) != index => {
                Err(format!("which entry default={spec} means depends on the version of GRUB")
                    .into())
            }
            Some(item) => item.doubt.clone().map_or(Ok(Some(index)), Err),
            None => Ok(None),
        }
    }

    /// The index that `spec` means, if it means one, as Fedora's GRUB and its likes take it: they look
    /// for ids before numbers.
    pub(in super::super) fn named(&self, spec: &str) -> Option<usize> {
        let equal =
            |part: fn(&MenuItem) -> &str| self.items.iter().position(|item| part(item) == spec);
        equal(|item| &item.id).or_else(|| equal(|item| &item.title)).or_else(|| number(spec))
    }

    /// The same as upstream takes it: a number is one, whatever follows it, and the first entry
    /// counts whose title or id it is (`get_entry_number`).
    fn named_upstream(&self, spec: &str) -> Option<usize> {
        let is_it = |item: &Rc<MenuItem>| item.title == spec || item.id == spec;
        number(spec).or_else(|| self.items.iter().position(is_it))
    }
}

fn number(spec: &str) -> Option<usize> {
    leading_number(spec).and_then(|number| usize::try_from(number).ok())
}

/// Splits `default` at the first `>` that is not doubled: the entry of this menu (with `>>` undone)
/// and what is left for the submenu.
pub(in super::super) fn split_default(spec: &str) -> (String, Option<String>) {
    let mut head = String::new();
    let mut chars = spec.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '>' && chars.next_if_eq(&'>').is_none() {
            let rest: String = chars.collect();
            return (head, (!rest.is_empty()).then_some(rest));
        }
        head.push(c);
    }
    (head, None)
}

/// The number at the beginning of a text, as C's `strtoul` with base 0 reads it.
pub(in super::super) fn leading_number(text: &str) -> Option<u64> {
    let text = text.trim_start();
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    u64::from_str_radix(digits.get(..end)?, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn menu(entries: &[(&str, &str)]) -> Menu {
        let mut menu = Menu::default();
        for (title, id) in entries {
            menu.push(MenuItem {
                title: (*title).to_owned(),
                id: (*id).to_owned(),
                parameters: Vec::new(),
                site: Site { file: "grub.cfg".into(), line: 1 },
                submenu: false,
                restricted: true,
                bls: false,
                body: Rc::from([]),
                doubt: None,
            });
        }
        menu
    }

    #[test]
    fn default_means_a_number_an_id_or_a_title_and_else_the_first_entry() {
        let menu = menu(&[("Debian", "simple"), ("Advanced", "advanced")]);
        for (spec, index) in
            [("1", 1), ("advanced", 1), ("Advanced", 1), ("", 0), ("7", 0), ("gone", 0)]
        {
            assert_eq!(menu.select(spec), Ok(Some(index)), "{spec}");
        }
        assert_eq!(Menu::default().select("0"), Ok(None));
    }

    #[test]
    fn an_id_that_begins_with_a_digit_is_a_number_to_some_versions() {
        let menu = menu(&[("a", "0d7a-5.14"), ("b", "1c2b-4.18"), ("1st", "0"), ("1st", "2nd")]);
        assert_eq!(menu.select("1c2b-4.18"), Ok(Some(1)));
        assert_eq!(
            menu.select("2nd"),
            Err("which entry default=2nd means depends on the version of GRUB".into())
        );
        for spec in ["1st", "0"] {
            assert!(menu.select(spec).is_err(), "{spec}");
        }
    }

    #[test]
    fn a_title_before_an_id_is_the_entry_to_some_versions() {
        let menu = menu(&[("x", "q"), ("B", "x")]);
        assert!(menu.select("x").is_err());
        assert_eq!(menu.select("B"), Ok(Some(1)));
    }

    #[test]
    fn a_default_is_split_at_a_single_angle_bracket() {
        assert_eq!(split_default("1>2>0"), ("1".into(), Some("2>0".into())));
        assert_eq!(split_default("a>>b>c"), ("a>b".into(), Some("c".into())));
        assert_eq!(split_default("saved"), ("saved".into(), None));
    }

    #[test]
    fn a_number_behind_a_gap_is_not_decided_but_an_id_is() {
        let mut menu = menu(&[("a", "a")]);
        menu.doubt_from_here("because".into());
        menu.push(MenuItem {
            title: "b".into(),
            id: "id-b".into(),
            parameters: Vec::new(),
            site: Site { file: "grub.cfg".into(), line: 1 },
            submenu: false,
            restricted: true,
            bls: false,
            body: Rc::from([]),
            doubt: None,
        });
        assert_eq!(menu.select("0"), Ok(Some(0)));
        assert!(menu.select("1").is_err());
        assert!(menu.select("gone").is_err());
        assert_eq!(menu.select("id-b"), Ok(Some(1)));
    }

    #[test]
    fn numbers_are_read_as_strtoul_does() {
        assert_eq!(leading_number("12abc"), Some(12));
        assert_eq!(leading_number("0x10"), Some(16));
        assert_eq!(leading_number("010"), Some(8));
        assert_eq!(leading_number("x"), None);
        assert_eq!(leading_number(""), None);
    }
}
