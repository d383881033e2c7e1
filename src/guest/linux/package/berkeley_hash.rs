//! Berkeley DB's hash access method, as rpm up to 4.15 keeps its headers in `Packages`.
//!
//! Source: Berkeley DB's `src/dbinc/db_page.h` (`DBMETA`, `HMETA33`, `PAGE`, `HKEYDATA`, `HOFFPAGE`)
//! and `src/dbinc/hash.h` (`BUCKET_TO_PAGE`); versions 8 to 10 of the hash format are alike in what is
//! read here. Numbers are in the byte order of the machine that made the file.

use std::collections::BTreeSet;

use super::source::{Order, Source, size};
use crate::error::{Error, Result};

/// `DB_HASHMAGIC` and `DB_BTREEMAGIC`.
const HASH_MAGIC: u32 = 0x0006_1561;
const BTREE_MAGIC: u32 = 0x0005_3162;

/// Bytes before a page's items; checksums would make it longer, and rpm never asks for them.
const PAGE_HEADER: usize = 26;

/// Length of an `HOFFPAGE`.
const OFF_PAGE: usize = 12;

/// Types of pages (`P_HASH_UNSORTED`, `P_INVALID` never, `P_OVERFLOW`, `P_HASHMETA`, `P_HASH`).
const HASH_UNSORTED: u8 = 2;
const OVERFLOW: u8 = 7;
const HASH: u8 = 13;

/// Types of items (`H_KEYDATA`, `H_OFFPAGE`).
const KEY_DATA: u8 = 1;
const ITEM_OFF_PAGE: u8 = 3;

/// Longest key that is shown; rpm's are 4 bytes.
const KEY: usize = 4;

const STRUCTURE: &str = "Berkeley DB page";

/// A hash database.
pub(super) struct Hash<'a> {
    source: &'a Source<'a>,
    order: Order,
    page_size: usize,
    last_page: u32,
    max_bucket: u32,
    /// Pages before each doubling (`spares`).
    spares: Vec<u32>,
}

/// A value that is on the page, or in a chain of pages.
pub(super) enum Value {
    Here(Vec<u8>),
    Chain { page: u32, len: usize },
}

impl<'a> Hash<'a> {
    pub(super) fn open(source: &'a Source<'a>) -> Result<Self> {
        let meta = source.read(0, 512)?;
        let magic = [Order::Little, Order::Big].map(|order| (order, order.u32(&meta, 12)));
        let of = |wanted| magic.iter().find(|(_, magic)| *magic == Some(wanted));
        let Some((order, _)) = of(HASH_MAGIC) else {
            return Err(match of(BTREE_MAGIC) {
                Some(_) => Error::unsupported("Berkeley DB", 12, "a B-tree"),
                None => Error::corrupt("Berkeley DB", 12, "the magic 0x061561", "another number"),
            });
        };
        let field = |at| order.u32(&meta, at).unwrap_or(0);
        let version = field(16);
        if !(8..=10).contains(&version) {
            let what = format!("version {version} of the hash format");
            return Err(Error::unsupported("Berkeley DB", 16, what));
        }
        // `encrypt_alg` and `DBMETA_CHKSUM`.
        if meta.get(24) != Some(&0) || meta.get(26).is_none_or(|flags| flags & 1 != 0) {
            return Err(Error::unsupported("Berkeley DB", 24, "encryption and checksums"));
        }
        let page_size = size(field(20));
        if !page_size.is_power_of_two() || !(512..=65_536).contains(&page_size) {
            let found = page_size.to_string();
            return Err(Error::corrupt("Berkeley DB", 20, "a page size of 512 to 65536", found));
        }
        let spares = (0..32_usize).map(|index| field(index.saturating_mul(4).saturating_add(96)));
        Ok(Self {
            source,
            order: *order,
            page_size,
            last_page: field(32),
            max_bucket: field(72),
            spares: spares.collect(),
        })
    }

    /// Visits each pair of a key's first bytes and its value. A bucket's pages are looked at once.
    pub(super) fn pairs(
        &self,
        visit: &mut dyn FnMut([u8; KEY], Value) -> Result<()>,
    ) -> Result<()> {
        let mut seen = BTreeSet::new();
        for bucket in 0..=self.max_bucket {
            if bucket > self.last_page {
                let found = format!("bucket {} of {} pages", self.max_bucket, self.last_page);
                return Err(Error::corrupt(STRUCTURE, 72, "no more buckets than pages", found));
            }
            let mut number = self.first_page(bucket)?;
            while number != 0 {
                if !seen.insert(number) {
                    return Err(self.corrupt(number, "a page in one bucket only", "it is in two"));
                }
                let page = self.page(number)?;
                match page.get(25) {
                    Some(&HASH | &HASH_UNSORTED) => self.items(number, &page, visit)?,
                    // A bucket's page that was never used is zero but for its number.
                    Some(0) => {}
                    _ => return Err(self.corrupt(number, "a hash page", "another one")),
                }
                number = self.order.u32(&page, 16).unwrap_or(0);
            }
        }
        Ok(())
    }

    /// The first so many bytes of a chain of overflow pages.
    pub(super) fn chain(&self, page: u32, len: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut number = page;
        while bytes.len() < len {
            let page = self.page(number)?;
            let used = usize::from(self.order.u16(&page, 22).unwrap_or(0));
            let content = page.get(PAGE_HEADER..PAGE_HEADER.saturating_add(used));
            let Some(content) = content.filter(|_| page.get(25) == Some(&OVERFLOW) && used > 0)
            else {
                return Err(self.corrupt(number, "an overflow page", "another one"));
            };
            bytes.extend_from_slice(content);
            number = self.order.u32(&page, 16).unwrap_or(0);
        }
        bytes.truncate(len);
        Ok(bytes)
    }

    /// `BUCKET_TO_PAGE`: the bucket's number and the spare of its doubling.
    fn first_page(&self, bucket: u32) -> Result<u32> {
        let doubling = size(u32::BITS.saturating_sub(bucket.leading_zeros()));
        let spare = self.spares.get(doubling).copied().unwrap_or(0);
        bucket
            .checked_add(spare)
            .filter(|page| *page != 0)
            .ok_or_else(|| self.corrupt(0, "a page for each bucket", "none"))
    }

    fn page(&self, number: u32) -> Result<Vec<u8>> {
        if number == 0 || number > self.last_page {
            let expected = format!("a page of 1 to {}", self.last_page);
            return Err(self.corrupt(number, &expected, &number.to_string()));
        }
        let page = self.source.read(self.offset(number), self.page_size)?;
        match self.order.u32(&page, 8) {
            Some(own) if own == number => Ok(page),
            // See above: pages that were only reserved.
            Some(0) if page.iter().all(|byte| *byte == 0) => Ok(page),
            own => Err(self.corrupt(number, "its own number", &format!("{own:?}"))),
        }
    }

    fn items(
        &self,
        number: u32,
        page: &[u8],
        visit: &mut dyn FnMut([u8; KEY], Value) -> Result<()>,
    ) -> Result<()> {
        let count = usize::from(self.order.u16(page, 20).unwrap_or(0));
        let offset = |index: usize| {
            let at = index.saturating_mul(2).saturating_add(PAGE_HEADER);
            self.order.u16(page, at).map(usize::from)
        };
        let broken = || self.corrupt(number, "items inside the page", "others");
        let mut end = self.page_size;
        let mut key: Option<[u8; KEY]> = None;
        for index in 0..count {
            // Items lie from the end of the page downwards.
            let start = offset(index).ok_or_else(broken)?;
            let item = page.get(start..end).filter(|item| !item.is_empty()).ok_or_else(broken)?;
            end = start;
            let value = match item.first() {
                Some(&KEY_DATA) => Value::Here(item.get(1..).unwrap_or_default().to_vec()),
                Some(&ITEM_OFF_PAGE) if item.len() >= OFF_PAGE => Value::Chain {
                    page: self.order.u32(item, 4).unwrap_or(0),
                    len: size(self.order.u32(item, 8).unwrap_or(0)),
                },
                kind => {
                    let what = format!("an item of type {kind:?}");
                    return Err(Error::unsupported(STRUCTURE, self.offset(number), what));
                }
            };
            match (key.take(), value) {
                (None, Value::Here(bytes)) => {
                    let mut first = [0; KEY];
                    first.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
                    key = Some(first);
                }
                (None, Value::Chain { .. }) => {
                    return Err(self.corrupt(number, "a key of 4 bytes", "a long one"));
                }
                (Some(key), value) => visit(key, value)?,
            }
        }
        Ok(())
    }

    fn offset(&self, number: u32) -> u64 {
        u64::from(number).saturating_mul(u64::try_from(self.page_size).unwrap_or(u64::MAX))
    }

    fn corrupt(&self, number: u32, expected: &str, found: &str) -> Error {
        Error::corrupt(STRUCTURE, self.offset(number), expected, found)
    }

    pub(super) fn order(&self) -> Order {
        self.order
    }
}
