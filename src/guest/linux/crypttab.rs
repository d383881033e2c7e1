//! `/etc/crypttab` (crypttab(5)).

use super::device::device_ref;
use crate::disk::facts::DiskFacts;
use crate::error::{Error, Result};
use crate::fact::Fact;
use crate::filesystem::tree::Tree;
use crate::guest::facts::CrypttabEntry;

/// Largest `/etc/crypttab` that is read, in bytes.
const MAX_CRYPTTAB: u64 = 1 << 20;

/// Most lines that name a device.
const MAX_ENTRIES: usize = 4096;

/// The guest's `/etc/crypttab`; empty when there is none.
pub fn find(tree: &Tree, disk: &DiskFacts) -> Fact<Vec<CrypttabEntry>> {
    match tree.read_text("/etc/crypttab", MAX_CRYPTTAB) {
        Ok(text) => Fact::from_result("/etc/crypttab", parse(&text, disk)),
        Err(error) if error.is_absent() => Fact::Known(Vec::new()),
        Err(error) => Fact::unknown("/etc/crypttab", error.to_string()),
    }
}

fn parse(text: &str, disk: &DiskFacts) -> Result<Vec<CrypttabEntry>> {
    let entries: Vec<CrypttabEntry> = (1_u32..)
        .zip(text.lines())
        .filter(|(_, text)| !text.trim_start().starts_with('#'))
        .filter_map(|(line, text)| {
            let mut fields = text.split_ascii_whitespace();
            Some(CrypttabEntry {
                line,
                target: fields.next()?.to_owned(),
                source: device_ref(fields.next()?, disk),
                text: text.trim_end().to_owned(),
            })
        })
        .take(MAX_ENTRIES.saturating_add(1))
        .collect();
    if entries.len() > MAX_ENTRIES {
        return Err(Error::too_much("crypttab", MAX_ENTRIES, "lines"));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::facts::Resolution;
    use crate::guest::linux::device::tests::{ROOT, disk};

    #[test]
    fn each_line_names_a_target_and_its_device() {
        let text = format!("# name device key\nluks-root UUID={ROOT} none luks\n\nshort\n");
        let entries = parse(&text, &disk()).unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!((entries[0].line, entries[0].target.as_str()), (2, "luks-root"));
        assert_eq!(entries[0].source.resolution, Resolution::Volume(1));
    }

    #[test]
    fn more_entries_than_are_kept_make_it_unknown() {
        assert_eq!(parse(&"a b\n".repeat(MAX_ENTRIES), &disk()).unwrap().len(), MAX_ENTRIES);
        assert!(parse(&"a b\n".repeat(MAX_ENTRIES + 1), &disk()).is_err());
    }
}
