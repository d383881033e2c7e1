//! The members of the local group Administrators (S-1-5-32-544): the value C of its alias.

use super::super::hklm::Hklm;
use crate::error::{Error, Result};

const ALIAS: &str = r"SAM\Domains\Builtin\Aliases\00000220";
const DOMAIN: &str = r"SAM\Domains\Account";

/// The head of C, from whose end its offsets count: offset of the members' SIDs at 40, their length
/// at 44, their number at 48.
const HEAD: usize = 52;

/// Bytes of a SID before its sub-authorities (MS-DTYP 2.4.2.2).
const SID_HEAD: usize = 8;

/// The relative ids of the members that are accounts of this machine.
///
/// # Errors
/// When the group or the machine's own SID cannot be read.
pub(super) fn relative_ids(hklm: &Hklm<'_>) -> Result<Vec<u32>> {
    let group = hklm.sam(ALIAS)?;
    let missing = |path: &str| Error::Unreadable {
        path: path.to_owned(),
        reason: "the value is not there".to_owned(),
    };
    let group = group.value("C")?.ok_or_else(|| missing(&group.path))?.data;
    let domain = hklm.sam(DOMAIN)?;
    let domain = domain.value("V")?.ok_or_else(|| missing(&domain.path))?.data;
    // The machine's SID ends the value.
    let own = domain.last_chunk::<12>().ok_or_else(|| damaged("the machine's SID", &domain))?;
    members(&group, own)
}

fn damaged(expected: &str, data: &[u8]) -> Error {
    Error::corrupt("SAM group Administrators", 0, expected, format!("{} bytes", data.len()))
}

fn members(group: &[u8], own: &[u8; 12]) -> Result<Vec<u32>> {
    let number = |at: usize| {
        let bytes = at.checked_add(4).and_then(|end| group.get(at..end));
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        let bytes = bytes.ok_or_else(|| damaged("the head of the value C", group))?;
        usize::try_from(u32::from_le_bytes(bytes)).map_err(|_| damaged("a small number", group))
    };
    let start = HEAD.checked_add(number(40)?);
    let end = start.and_then(|start| start.checked_add(number(44).ok()?));
    let bounds = start.zip(end).ok_or_else(|| damaged("a small offset", group))?;
    let mut sids = group.get(bounds.0..bounds.1).ok_or_else(|| damaged("the members", group))?;
    let mut found = Vec::new();
    for _ in 0..number(48)? {
        let count = *sids.get(1).ok_or_else(|| damaged("a member's SID", group))?;
        let len = usize::from(count).saturating_mul(4).saturating_add(SID_HEAD);
        let (sid, rest) =
            sids.split_at_checked(len).ok_or_else(|| damaged("a member's SID", group))?;
        sids = rest;
        // S-1-5-21, the machine's three numbers, the relative id.
        if let Some((head, tail)) = sid.split_at_checked(SID_HEAD.saturating_add(4))
            && head == [1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0]
            && let Some((machine, rid)) = tail.split_first_chunk::<12>()
            && machine == own
            && let Ok(rid) = rid.try_into()
        {
            found.push(u32::from_le_bytes(rid));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: [u8; 12] = [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0];

    /// The SID S-1-5-21-…-rid.
    fn sid(machine: [u8; 12], rid: u32) -> Vec<u8> {
        let head = [1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0];
        [&head[..], &machine, &rid.to_le_bytes()].concat()
    }

    fn group(count: u32, sids: &[u8]) -> Vec<u8> {
        let mut data = vec![0; HEAD];
        data[44..48].copy_from_slice(&u32::try_from(sids.len()).unwrap().to_le_bytes());
        data[48..52].copy_from_slice(&count.to_le_bytes());
        [&data, sids].concat()
    }

    #[test]
    fn members_of_this_machine_are_told_from_those_of_a_domain() {
        let authority = [1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0];
        let sids = [sid(OWN, 500), sid([9; 12], 512), authority.to_vec(), sid(OWN, 1000)].concat();
        assert_eq!(members(&group(4, &sids), &OWN), Ok(vec![500, 1000]));
        assert_eq!(members(&group(0, &[]), &OWN), Ok(vec![]));
    }

    #[test]
    fn more_members_than_there_are_bytes_for_are_damage() {
        assert!(members(&group(u32::MAX, &sid(OWN, 500)), &OWN).is_err());
        assert!(members(&[0; 20], &OWN).is_err());
    }
}
