//! Linux swap areas, and the image of a suspended system in one (Linux, `include/linux/swap.h`,
//! `kernel/power/swap.c`).

use super::found;
use crate::bytes::{Bytes, BytesExt};
use crate::disk::facts::{Signature, SignatureKind};
use crate::disk::record::Record;
use crate::error::Result;

/// Page sizes that Linux runs with: the magic ends the first page.
const PAGE_SIZES: [u64; 5] = [4096, 8192, 16_384, 32_768, 65_536];

/// Length of the magic.
const MAGIC: u64 = 10;

/// What a suspended system writes over the magic, and how blkid names its writer: swsusp and its
/// kin, Linux 5.10 and later, TuxOnIce.
const SUSPENDED: [(&[u8], &str); 5] = [
    (b"S1SUSPEND", "s1suspend"),
    (b"S2SUSPEND", "s2suspend"),
    (b"ULSUSPEND", "ulsuspend"),
    (b"LINHIB0001", "linhib0001"),
    (b"\xed\xc3\x02\xe9\x98\x56\xe5\x0c", "tuxonice"),
];

pub(super) fn probe(volume: &dyn Bytes) -> Result<Option<Signature>> {
    for page_size in PAGE_SIZES {
        let at = page_size.saturating_sub(MAGIC);
        // An area has ten pages at the least, so beyond the end there is none.
        let magic: [u8; 10] = volume.array(at)?;
        let magic = Record(&magic);
        let suspended = SUSPENDED.iter().find(|(text, _)| magic.has(0, text));
        let kind = if suspended.is_some() {
            SignatureKind::SwapSuspended
        } else if magic.has(0, b"SWAPSPACE2") || magic.has(0, b"SWAP-SPACE") {
            SignatureKind::Swap
        } else {
            continue;
        };
        let mut signature = found(kind, at);
        if magic.has(0, b"SWAP-SPACE") {
            signature.version = Some("0".to_owned());
            return Ok(Some(signature));
        }
        let header: [u8; 44] = volume.array(1024)?;
        let header = Record(&header);
        let (version, last_page) = match header.u32(0) {
            0x0100_0000 => (1, header.be32(4)),
            version => (version, header.u32(4)),
        };
        if kind == SignatureKind::Swap && (version != 1 || last_page == 0) {
            continue;
        }
        if version == 1 {
            signature.version = Some("1".to_owned());
            signature.uuid = header.uuid(12);
            signature.label = header.text(28, 16);
            signature.size = Some(u64::from(last_page).saturating_add(1).saturating_mul(page_size));
        }
        if let Some((_, writer)) = suspended {
            signature.version = Some((*writer).to_owned());
        }
        return Ok(Some(signature));
    }
    Ok(None)
}
