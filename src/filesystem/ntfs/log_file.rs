//! `$LogFile`: whether the volume was in use. The log itself is not replayed.
//!
//! The file begins with two copies of a restart page, of which the newer counts. It says whether
//! anyone (NTFS is the log's one client) had it open, and whether the volume was dismounted.
//!
//! Source: the layout and its meaning are those of ntfs-3g (`libntfs-3g/logfile.c`,
//! `include/ntfs-3g/logfile.h`: `RESTART_PAGE_HEADER`, `RESTART_AREA`, `ntfs_is_logfile_clean`) and of
//! the Linux kernel's `ntfs3` (`fs/ntfs3/fslog.c`).

use super::fixup;
use crate::bytes::{Bytes, BytesExt};
use crate::error::Result;
use crate::filesystem::structure::Structure;

/// Names of a restart page: as NTFS writes it, and as `chkdsk` does.
const MAGICS: [&[u8; 4]; 2] = [b"RSTR", b"CHKD"];

/// A page that was never written: `chkdsk`, mkntfs, ntfs-3g and ntfs3 fill the log with this once
/// there is nothing in it that counts.
const EMPTY: [u8; 4] = [0xff; 4];

/// Sizes of a restart page that are read, in bytes (x86: 4096). The second copy begins behind the first.
const PAGES: std::ops::RangeInclusive<usize> = 512..=64 << 10;

/// Where the second copy is looked for when the first does not tell: the size of every Windows' pages.
const USUAL_PAGE: usize = 4096;

/// No client has the log open (`LOGFILE_NO_CLIENT`).
const NO_CLIENT: u16 = 0xffff;

/// The volume was dismounted (`RESTART_VOLUME_IS_CLEAN`).
const VOLUME_IS_CLEAN: u16 = 0x0002;

/// What the log says of the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogState {
    /// It holds nothing.
    Empty,
    /// It was closed.
    Closed,
    /// It was open; byte of the restart area's flags in the log.
    InUse(u64),
}

/// What a valid restart page says.
struct Restart {
    lsn: u64,
    state: LogState,
}

/// Reads the restart pages of a log.
///
/// # Errors
/// [`crate::Error::Corrupt`] when neither of them is whole; what reading them ends with.
pub(super) fn state(log: &dyn Bytes) -> Result<LogState> {
    let first = page(log, 0);
    let size = match &first {
        Ok((_, size)) => *size,
        Err(_) => USUAL_PAGE,
    };
    let second = page(log, u64::try_from(size).unwrap_or(u64::MAX));
    let (first, second) = (first.map(|(page, _)| page), second.map(|(page, _)| page));
    match (first, second) {
        (Ok(Some(first)), Ok(Some(second))) if second.lsn > first.lsn => Ok(second.state),
        (Ok(Some(found)), _) | (_, Ok(Some(found))) => Ok(found.state),
        (Ok(None), Ok(None)) => Ok(LogState::Empty),
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

/// The restart page at byte `offset` of the log, `None` where it was never written; and its size.
fn page(log: &dyn Bytes, offset: u64) -> Result<(Option<Restart>, usize)> {
    const NAME: &str = "NTFS log restart page";
    let head: [u8; 0x20] = log.array(offset)?;
    let s = Structure::new(NAME, offset, &head);
    let found = s.array::<4>(0)?;
    if found == EMPTY {
        return Ok((None, USUAL_PAGE));
    }
    let Some(magic) = MAGICS.into_iter().find(|magic| **magic == found) else {
        let found = String::from_utf8_lossy(&found).into_owned();
        return Err(s.corrupt(0, "\"RSTR\"", format!("{found:?}")));
    };
    let size = s.u32(0x10)?;
    let len = usize::try_from(size).ok().filter(|len| PAGES.contains(len) && len.is_power_of_two());
    let len = len.ok_or_else(|| s.corrupt(0x10, "a page of 512 bytes to 64 KiB", size))?;
    let mut raw = log.vec(offset, len)?;
    fixup::apply(NAME, offset, magic, &mut raw)?;
    let s = Structure::new(NAME, offset, &raw);
    let area = usize::from(s.u16(0x18)?);
    let at = |field: usize| area.saturating_add(field);
    let lsn = s.u64(at(0))?;
    let (in_use, flags) = (s.u16(at(0x0c))?, s.u16(at(0x0e))?);
    let state = if in_use == NO_CLIENT || flags & VOLUME_IS_CLEAN != 0 {
        LogState::Closed
    } else {
        let field = u64::try_from(at(0x0e)).unwrap_or(u64::MAX);
        LogState::InUse(offset.saturating_add(field))
    };
    Ok((Some(Restart { lsn, state }), len))
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use crate::error::Error;

    /// A restart page as `logfile.h` lays it out, log pages of 4 KiB.
    fn restart(magic: &[u8; 4], lsn: u64, client_in_use: u16, flags: u16) -> Vec<u8> {
        let mut page = vec![0; 4096];
        let mut put = |at: usize, bytes: &[u8]| page[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, magic);
        put(4, &0x1e_u16.to_le_bytes());
        put(6, &9_u16.to_le_bytes());
        put(0x10, &4096_u32.to_le_bytes());
        put(0x14, &4096_u32.to_le_bytes());
        put(0x18, &0x30_u16.to_le_bytes());
        put(0x1a, &[1, 0, 1, 0]);
        put(0x1e, &[7, 0]);
        put(0x30, &lsn.to_le_bytes());
        put(0x38, &1_u16.to_le_bytes());
        put(0x3a, &NO_CLIENT.to_le_bytes());
        put(0x3c, &client_in_use.to_le_bytes());
        put(0x3e, &flags.to_le_bytes());
        for end in (512..=4096).step_by(512) {
            put(end - 2, &[7, 0]);
        }
        page
    }

    fn log(first: Vec<u8>, second: Vec<u8>) -> Vec<u8> {
        [first, second, vec![0xff; 8192]].concat()
    }

    #[test]
    fn a_log_that_someone_had_open_is_in_use() {
        let open = || restart(b"RSTR", 2, 0, 0);
        // Byte 0x3e of the page is the field `flags`.
        assert_eq!(state(&log(open(), open())), Ok(LogState::InUse(0x3e)));
        let clean = || restart(b"RSTR", 2, 0, VOLUME_IS_CLEAN);
        assert_eq!(state(&log(clean(), clean())), Ok(LogState::Closed));
        let none = || restart(b"CHKD", 2, NO_CLIENT, 0);
        assert_eq!(state(&log(none(), none())), Ok(LogState::Closed));
        assert_eq!(state(&vec![0xff; 16_384]), Ok(LogState::Empty));
    }

    #[test]
    fn the_newer_page_counts_and_a_torn_one_does_not() {
        let old = restart(b"RSTR", 2, 0, VOLUME_IS_CLEAN);
        let new = restart(b"RSTR", 9, 0, 0);
        let place = LogState::InUse(4096 + 0x3e);
        assert_eq!(state(&log(old.clone(), new.clone())), Ok(place));
        assert_eq!(state(&log(new.clone(), old.clone())), Ok(LogState::InUse(0x3e)));
        let mut torn = new;
        torn[4094] = 1;
        assert_eq!(state(&log(old.clone(), torn.clone())), Ok(LogState::Closed));
        assert_eq!(state(&log(torn.clone(), old)), Ok(LogState::Closed));
        assert!(matches!(state(&log(torn.clone(), torn)), Err(Error::Corrupt { .. })));
    }

    #[test]
    fn pages_that_lie_are_an_error() {
        assert!(state(&vec![0; 16_384]).is_err());
        assert!(state(&vec![0xff; 16]).is_err());
        for (at, bytes) in [(0x10, [0, 0, 0, 0xff]), (0x10, [0; 4]), (0x18, [0xff; 4])] {
            let mut page = restart(b"RSTR", 2, 0, 0);
            page[at..at + 4].copy_from_slice(&bytes);
            assert!(state(&log(page.clone(), page)).is_err(), "{at}");
        }
    }
}
