//! A table of an SQLite database, row by row, each row only as far as it is asked for.
//!
//! Source: <https://sqlite.org/fileformat2.html>: 1.3 (header), 1.6 (b-tree pages, cells, overflow
//! pages), 2.1 (record format), 2.6 (schema table).

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Order, Source};
use super::write_ahead_log;
use crate::error::{Error, Result};

const MAGIC: &[u8] = b"SQLite format 3\0";

/// Offset of the b-tree's header in page 1, behind the database's own.
const FIRST_PAGE_HEADER: usize = 100;

/// Types of b-tree pages.
const INTERIOR_TABLE: u8 = 0x05;
const LEAF_TABLE: u8 = 0x0d;

/// Longest record header read: a table with hundreds of columns stays below.
const MAX_RECORD_HEADER: usize = 4096;

/// Longest row of the schema read; rpm's have about 200 bytes.
const MAX_SCHEMA_ROW: usize = 64 << 10;

/// Most rows of the schema; rpm's has about 50.
const MAX_SCHEMA_ROWS: usize = 10_000;

const STRUCTURE: &str = "SQLite page";

/// A database, with its write-ahead log when it has one.
pub(super) struct Database<'a> {
    source: &'a Source<'a>,
    log: Option<(&'a Source<'a>, BTreeMap<u32, u64>)>,
    page_size: usize,
    /// Bytes of a page that are used: all but those reserved for extensions.
    usable: usize,
}

/// A row: where its payload begins.
pub(super) struct Row {
    pub(super) id: i64,
    /// Length of the whole payload.
    len: usize,
    /// What of it lies on the b-tree's page.
    local: Vec<u8>,
    /// The first overflow page.
    overflow: Option<u32>,
}

impl<'a> Database<'a> {
    pub(super) fn open(source: &'a Source<'a>, log: Option<&'a Source<'a>>) -> Result<Self> {
        let header = source.read(0, FIRST_PAGE_HEADER)?;
        if header.get(..16) != Some(MAGIC) {
            return Err(Error::corrupt("SQLite header", 0, "SQLite format 3", "other bytes"));
        }
        let page_size = match Order::Big.u16(&header, 16) {
            Some(1) => 65_536,
            size => usize::from(size.unwrap_or(0)),
        };
        if !page_size.is_power_of_two() || !(512..=65_536).contains(&page_size) {
            let found = page_size.to_string();
            return Err(Error::corrupt("SQLite header", 16, "a page size", found));
        }
        let reserved = usize::from(header.get(20).copied().unwrap_or(0));
        let usable = page_size.saturating_sub(reserved);
        if usable < 480 {
            let found = format!("{reserved} reserved bytes");
            return Err(Error::corrupt("SQLite header", 20, "480 usable bytes", found));
        }
        // UTF-8, or none yet in an empty database.
        if !matches!(Order::Big.u32(&header, 56), Some(0 | 1)) {
            return Err(Error::unsupported("SQLite header", 56, "UTF-16"));
        }
        // Read version 2 says that there may be a log.
        let log = log.filter(|_| header.get(19) == Some(&2));
        let log = match log {
            Some(log) => Some((log, write_ahead_log::committed(log, page_size)?)),
            None => None,
        };
        Ok(Self { source, log, page_size, usable })
    }

    /// Root page of the table of that name.
    pub(super) fn table(&self, name: &str) -> Result<Option<u32>> {
        let mut root = None;
        let mut rows = 0_usize;
        self.rows(1, &mut |row| {
            rows = rows.saturating_add(1);
            if rows > MAX_SCHEMA_ROWS {
                return Err(Error::too_much("SQLite schema", MAX_SCHEMA_ROWS, "rows"));
            }
            let payload = self.payload(&row, MAX_SCHEMA_ROW)?;
            let columns = columns(&payload)?;
            let value = |index: usize| {
                let (_, start, len) = *columns.get(index)?;
                payload.get(start..start.checked_add(len)?)
            };
            let is_table = value(0) == Some(b"table") && value(1) == Some(name.as_bytes());
            if is_table {
                root = value(3).map(|bytes| {
                    bytes.iter().fold(0_u32, |number, byte| (number << 8) | u32::from(*byte))
                });
            }
            Ok(())
        })?;
        Ok(root)
    }

    /// Visits each row of the table whose root page is `root`, in their order.
    pub(super) fn rows(&self, root: u32, visit: &mut dyn FnMut(Row) -> Result<()>) -> Result<()> {
        let mut ahead = vec![root];
        let mut seen = BTreeSet::new();
        while let Some(number) = ahead.pop() {
            if !seen.insert(number) {
                return Err(self.corrupt(number, "each page once", "a page twice"));
            }
            let page = self.page(number)?;
            let header = if number == 1 { FIRST_PAGE_HEADER } else { 0 };
            let kind = page.get(header).copied();
            let (pointers, right) = match kind {
                Some(LEAF_TABLE) => (header.saturating_add(8), None),
                Some(INTERIOR_TABLE) => {
                    let right = Order::Big.u32(&page, header.saturating_add(8));
                    (header.saturating_add(12), right)
                }
                _ => return Err(self.corrupt(number, "a table's page", &format!("{kind:?}"))),
            };
            let count = Order::Big.u16(&page, header.saturating_add(3)).unwrap_or(0);
            let mut children = Vec::new();
            for index in 0..usize::from(count) {
                let at = index.saturating_mul(2).saturating_add(pointers);
                let cell = Order::Big.u16(&page, at).and_then(|at| page.get(usize::from(at)..));
                let cell = cell.ok_or_else(|| self.corrupt(number, "cells inside it", "others"))?;
                if right.is_some() {
                    children.extend(Order::Big.u32(cell, 0));
                } else {
                    let row = self.row(cell);
                    visit(row.ok_or_else(|| self.corrupt(number, "whole cells", "others"))?)?;
                }
            }
            ahead.extend(right);
            ahead.extend(children.into_iter().rev());
        }
        Ok(())
    }

    /// A leaf's cell (1.6: "Table B-Tree Leaf Cell").
    fn row(&self, cell: &[u8]) -> Option<Row> {
        let (len, rest) = varint(cell)?;
        let (id, rest) = varint(rest)?;
        let len = usize::try_from(len).ok()?;
        let most = self.usable.saturating_sub(35);
        if len <= most {
            let local = rest.get(..len)?.to_vec();
            return Some(Row {
                id: i64::from_ne_bytes(id.to_ne_bytes()),
                len,
                local,
                overflow: None,
            });
        }
        let least =
            (self.usable.saturating_sub(12)).checked_mul(32)?.checked_div(255)?.saturating_sub(23);
        let spilled = len.saturating_sub(least).checked_rem(self.usable.checked_sub(4)?)?;
        let fitting = least.saturating_add(spilled);
        let local_len = if fitting <= most { fitting } else { least };
        let local = rest.get(..local_len)?.to_vec();
        let overflow = Some(Order::Big.u32(rest, local_len)?);
        Some(Row { id: i64::from_ne_bytes(id.to_ne_bytes()), len, local, overflow })
    }

    /// The first `wanted` bytes of a row's payload, or all when there are no more.
    fn payload(&self, row: &Row, wanted: usize) -> Result<Vec<u8>> {
        let wanted = wanted.min(row.len);
        let mut bytes = row.local.clone();
        let mut next = row.overflow;
        while bytes.len() < wanted {
            let number = next.filter(|number| *number != 0);
            let number = number.ok_or_else(|| self.corrupt(0, "the payload's end", "none"))?;
            let page = self.page(number)?;
            bytes.extend_from_slice(page.get(4..self.usable).unwrap_or_default());
            next = Order::Big.u32(&page, 0);
        }
        bytes.truncate(wanted);
        Ok(bytes)
    }

    /// Length of the blob in a column, and a way to its first bytes.
    pub(super) fn blob<'r>(
        &'r self,
        row: &'r Row,
        column: usize,
    ) -> Result<(usize, impl FnMut(usize) -> Result<Vec<u8>> + 'r)> {
        let columns = columns(&self.payload(row, MAX_RECORD_HEADER)?)?;
        let Some((kind, start, len)) = columns.get(column).copied() else {
            return Err(self.corrupt(0, "a blob", "no such column"));
        };
        if kind < 12 || kind % 2 != 0 {
            return Err(self.corrupt(0, "a blob", &format!("serial type {kind}")));
        }
        let prefix = move |wanted: usize| {
            let mut bytes = self.payload(row, start.saturating_add(wanted.min(len)))?;
            Ok(bytes.split_off(start.min(bytes.len())))
        };
        Ok((len, prefix))
    }

    fn page(&self, number: u32) -> Result<Vec<u8>> {
        if let Some((log, pages)) = &self.log
            && let Some(offset) = pages.get(&number)
        {
            return log.read(*offset, self.page_size);
        }
        self.source.read(self.offset(number), self.page_size)
    }

    fn offset(&self, number: u32) -> u64 {
        let size = u64::try_from(self.page_size).unwrap_or(u64::MAX);
        // Pages count from 1; page 0 is none, and lies beyond any file.
        number.checked_sub(1).map_or(u64::MAX, |index| u64::from(index).saturating_mul(size))
    }

    fn corrupt(&self, number: u32, expected: &str, found: &str) -> Error {
        let at = if number == 0 { 0 } else { self.offset(number) };
        Error::corrupt(STRUCTURE, at, expected, found)
    }
}

/// Serial type, start and length of each column of a record (2.1).
fn columns(record: &[u8]) -> Result<Vec<(u64, usize, usize)>> {
    let broken = || Error::corrupt("SQLite record", 0, "a record's header", "other bytes");
    let (header_len, rest) = varint(record).ok_or_else(broken)?;
    let header_len = usize::try_from(header_len).map_err(|_| broken())?;
    if header_len > MAX_RECORD_HEADER {
        return Err(broken());
    }
    let own = record.len().saturating_sub(rest.len());
    let mut types = record.get(own..header_len).ok_or_else(broken)?;
    let mut start = header_len;
    let mut columns = Vec::new();
    while !types.is_empty() {
        let (kind, rest) = varint(types).ok_or_else(broken)?;
        types = rest;
        let len = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return Err(broken()),
            _ => kind.saturating_sub(12) / 2,
        };
        let len = usize::try_from(len).map_err(|_| broken())?;
        columns.push((kind, start, len));
        start = start.saturating_add(len);
    }
    Ok(columns)
}

/// A variable-length integer (1.6): up to nine bytes, seven bits each, the ninth all eight.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for index in 0..9_usize {
        let byte = *bytes.get(index)?;
        let rest = bytes.get(index.saturating_add(1)..)?;
        if index == 8 {
            return Some(((value << 8) | u64::from(byte), rest));
        }
        value = (value << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, rest));
        }
    }
    None
}
