//! Transactions in the log (*XFS Algorithms & Data Structures*, "Log Operations", "Transaction
//! Headers"): regions of bytes, which make up items.

use std::collections::HashMap;

use super::Log;
use super::record::Record;
use crate::error::{Error, Result};
use crate::filesystem::structure::Structure;

/// Bytes of an operation's header, and of a transaction's.
const OPERATION_HEADER: usize = 12;
const TRANSACTION_HEADER: usize = 16;

/// `TRAN`, in the byte order of the machine.
const TRANSACTION_MAGIC: u32 = 0x5452_414E;

/// Who may write an operation: a transaction, or the log itself.
const CLIENTS: [u8; 2] = [0x69, 0xAA];

/// `oh_flags`.
mod flag {
    pub(super) const START: u8 = 0x01;
    pub(super) const COMMIT: u8 = 0x02;
    pub(super) const WAS_CONTINUED: u8 = 0x08;
    pub(super) const UNMOUNT: u8 = 0x20;
}

/// Most regions of one item (`XLOG_MAX_REGIONS_IN_ITEM`): those of a buffer of 64 KiB of which
/// every second chunk of 128 bytes is logged, and its format.
const MAX_REGIONS: usize = 257;

/// Most bytes of the transactions that are under way at one time. The kernel holds back what goes into
/// one at 64 MiB, of a log of 2 GiB; at 16 MiB of one of 64 MiB (`XLOG_CIL_BLOCKING_SPACE_LIMIT`).
const MAX_OPEN_BYTES: usize = 64 << 20;

/// What a region takes in memory beside its bytes.
const REGION_COST: usize = 96;

/// One logged thing: the first region tells its type.
#[derive(Debug, Default)]
pub(super) struct Item {
    /// Number of regions that it has when it is complete.
    count: usize,
    regions: Vec<Vec<u8>>,
}

impl Item {
    /// A region; empty when there is none.
    pub(super) fn region(&self, index: usize) -> Structure<'_> {
        let raw = self.regions.get(index).map_or(&[][..], Vec::as_slice);
        Structure::new("xfs log item", 0, raw)
    }
}

/// A transaction (since Linux 2.6.39 a checkpoint of many).
#[derive(Debug, Default)]
pub(super) struct Transaction {
    /// The sequence number of the record in which it starts.
    pub(super) sequence: u64,
    header: Vec<u8>,
    /// What it takes in memory, as far as that is counted.
    bytes: usize,
    pub(super) items: Vec<Item>,
}

/// Calls `visit` for the committed transactions of the records, in the order of their commits.
///
/// # Errors
/// Those of `visit`; [`Error::Limit`] when the transactions that are under way at one time are too
/// large.
pub(super) fn each_committed(
    log: &Log<'_>,
    records: &[Record],
    visit: &mut dyn FnMut(Transaction) -> Result<()>,
) -> Result<()> {
    let mut open: HashMap<u32, Transaction> = HashMap::new();
    let mut held = 0_usize;
    for record in records {
        let content = record.content(log)?;
        let s = Structure::new("xfs log operation", log.byte(record.at), &content);
        let mut at = 0_usize;
        for _ in 0..record.operations {
            let id = s.be32(at)?;
            let len = usize::try_from(s.be32(at.saturating_add(4))?).unwrap_or(usize::MAX);
            let (client, flags) = (s.u8(at.saturating_add(8))?, s.u8(at.saturating_add(9))?);
            if !CLIENTS.contains(&client) {
                return Err(s.corrupt(at.saturating_add(8), "a client", client.to_string()));
            }
            let region = s.bytes(at.saturating_add(OPERATION_HEADER), len)?;
            if flags & flag::COMMIT != 0 {
                if let Some(done) = open.remove(&id) {
                    held = held.saturating_sub(done.bytes);
                    visit(done)?;
                }
            } else if flags & flag::START != 0 {
                let (sequence, bytes) = (record.sequence, REGION_COST);
                let new = Transaction { sequence, bytes, ..Transaction::default() };
                let old = open.insert(id, new).map_or(0, |old| old.bytes);
                held = held.saturating_sub(old).saturating_add(bytes);
            } else if let Some(transaction) =
                open.get_mut(&id).filter(|_| flags & flag::UNMOUNT == 0)
            {
                transaction.add(&s, at, region, flags & flag::WAS_CONTINUED != 0)?;
                let bytes = REGION_COST.saturating_add(region.len());
                transaction.bytes = transaction.bytes.saturating_add(bytes);
                held = held.saturating_add(bytes);
            }
            if held > MAX_OPEN_BYTES {
                let limit = u64::try_from(MAX_OPEN_BYTES).unwrap_or(u64::MAX);
                let structure = "xfs log transactions under way";
                return Err(Error::Limit { structure, limit, unit: "bytes" });
            }
            at = at.saturating_add(OPERATION_HEADER).saturating_add(len);
        }
    }
    Ok(())
}

impl Transaction {
    fn add(&mut self, s: &Structure<'_>, at: usize, region: &[u8], continues: bool) -> Result<()> {
        if self.header.len() < TRANSACTION_HEADER {
            self.header.extend_from_slice(region);
            let header = Structure { raw: &self.header, ..*s };
            if self.header.len() > TRANSACTION_HEADER
                || self.header.len() >= 4 && header.u32(0)? != TRANSACTION_MAGIC
            {
                let found = format!("{} bytes", self.header.len());
                return Err(s.corrupt(at, "a transaction's header", found));
            }
            return Ok(());
        }
        if continues {
            let last = self.items.last_mut().and_then(|item| item.regions.last_mut());
            let Some(last) = last else {
                return Err(s.corrupt(at, "a region", "the rest of one"));
            };
            last.extend_from_slice(region);
            return Ok(());
        }
        match self.items.last_mut() {
            Some(item) if item.regions.len() < item.count => item.regions.push(region.to_vec()),
            _ => {
                // Type and number of regions come first in every format.
                let format = Structure { raw: region, ..*s };
                let count = usize::from(format.u16(2)?);
                if count == 0 || count > MAX_REGIONS {
                    let expected = format!("an item of 1 to {MAX_REGIONS} regions");
                    return Err(s.corrupt(at, expected, count.to_string()));
                }
                self.items.push(Item { count, regions: vec![region.to_vec()] });
            }
        }
        Ok(())
    }
}
