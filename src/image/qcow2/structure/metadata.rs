//! Everything that the header leads to, as far as the L2 tables.

use std::collections::HashSet;

use crate::image::qcow2::address::HostOffset;
use crate::image::qcow2::bitmap_directory::{
    BITMAP_DIRECTORY, BITMAP_TABLE, BitmapDirectoryEntry, BitmapTableEntry, MAX_BITMAPS,
    MAX_DIRECTORY_BYTES,
};
use crate::image::qcow2::header::{
    BITMAPS, EXTERNAL_DATA, HEADER, Header, LUKS, MAX_L1_BYTES, RAW_EXTERNAL_DATA,
};
use crate::image::qcow2::header_extension::BitmapsExtension;
use crate::image::qcow2::l1_table::{L1_TABLE, L1Entry};
use crate::image::qcow2::refcount_table::{MAX_REFCOUNT_TABLE_BYTES, REFCOUNT_TABLE};
use crate::image::qcow2::snapshot::{self, MAX_SNAPSHOTS, SNAPSHOT_TABLE, Snapshot};
use crate::image::qcow2::structure::findings::Findings;
use crate::image::qcow2::structure::l2_walk::{L2Reference, Mapping};
use crate::image::qcow2::structure::owner::{Kind, Structure};
use crate::image::qcow2::structure::{Found, Walk, entries, reserved, slice_up_to, unaligned};

/// Entries of all L1 tables together: four of the largest tables that QEMU opens (32 MiB), or
/// 2,000 snapshots of a disk of 4 TiB with the default cluster size.
const MAX_L1_ENTRIES: u64 = 1 << 24;

/// Refcount blocks that are read ahead: those of 8 TiB with the default cluster size.
const MAX_READ_AHEAD: u64 = 4096;

/// Entries of all bitmap tables together: 64 GiB of bitmaps with the default cluster size, and 512 MiB
/// with the smallest.
const MAX_BITMAP_ENTRIES: u64 = 1 << 20;

impl Walk<'_> {
    /// Looks at all metadata but the entries of L2 tables, and counts what it refers to.
    pub(super) fn metadata(&self, findings: &mut Findings) -> Found {
        let mut found = Found::default();
        self.header(findings, &mut found);
        self.refcount_table(findings, &mut found);
        let mut left = MAX_L1_ENTRIES;
        findings.reaches(self.header.l1_table_offset.after(self.header.l1_bytes()).0);
        match self.header.check_l1(self.file_size()) {
            Ok(()) => {
                let (start, len) = (self.header.l1_table_offset, self.header.l1_bytes());
                self.alone(findings, &mut found, Kind::L1Table, start, len);
                self.l1_table(findings, &mut found, Mapping::Active, start, len, &mut left);
            }
            Err(error) => {
                findings.error(&error);
                let unread = crate::fact::Unread::new(L1_TABLE, error.to_string());
                findings.unread.get_or_insert(unread);
            }
        }
        self.snapshots(findings, &mut found, &mut left);
        found.tables.close(self.geometry, findings);
        self.encryption(findings, &mut found);
        self.bitmaps(findings, &mut found);
        found
    }

    /// Counts a structure that shares its clusters with no other.
    fn alone(
        &self,
        findings: &mut Findings,
        found: &mut Found,
        kind: Kind,
        start: HostOffset,
        len: u64,
    ) {
        self.refer(start, len, 1);
        if len > 0 {
            findings.reaches(start.after(len).0);
            found.alone.push(Structure { kind, start, len });
        }
    }

    /// The header's own fields.
    fn header(&self, findings: &mut Findings, found: &mut Found) {
        let header = self.header;
        self.refer(HostOffset(0), self.geometry.cluster_size(), 1);
        let len = self.geometry.cluster_size();
        found.alone.push(Structure { kind: Kind::Header, start: HostOffset(0), len });
        findings.reaches(u64::from(header.header_length));
        if !header.header_length.is_multiple_of(8) {
            findings.problem(
                || format!("{HEADER}, byte 100"),
                || format!("header_length {} is not a multiple of 8", header.header_length),
            );
        }
        if let Err(error) = header.check_compression() {
            findings.error(&error);
        }
        for fault in &self.extensions.faults {
            findings.error(fault);
        }
        if header.autoclear & RAW_EXTERNAL_DATA != 0 && !header.has(EXTERNAL_DATA) {
            findings.problem(
                || format!("{HEADER}, byte 88"),
                || "raw external data without an external data file".to_owned(),
            );
        }
        if header.crypt_method > LUKS {
            findings.problem(
                || format!("{HEADER}, byte 32"),
                || format!("crypt_method {}, defined are 0 to {LUKS}", header.crypt_method),
            );
        }
    }

    /// The refcount table and the places of its blocks.
    fn refcount_table(&self, findings: &mut Findings, found: &mut Found) {
        let start = self.header.refcount_table_offset;
        let len = self.header.refcount_table_bytes();
        if len == 0 || len > MAX_REFCOUNT_TABLE_BYTES {
            findings.problem(
                || format!("{HEADER}, byte 56"),
                || format!("a refcount table of {len} bytes, allowed are 1 to {MAX_REFCOUNT_TABLE_BYTES}"),
            );
            return;
        }
        let location = || format!("{HEADER}, byte 48");
        if !self.placed(findings, location, REFCOUNT_TABLE, start, len) {
            return;
        }
        self.alone(findings, found, Kind::RefcountTable, start, len);
        for (index, entry) in (0_u64..).zip(self.refcounts.entries()) {
            if entry.0 == 0 {
                continue;
            }
            let location = || format!("{REFCOUNT_TABLE}, entry {index}");
            if entry.reserved_bits() != 0 {
                findings.problem(location, || reserved(entry.reserved_bits()));
            }
            let Some(block) = entry.block() else { continue };
            let len = self.geometry.cluster_size();
            if self.placed(findings, location, "refcount block", block, len) {
                if index < MAX_READ_AHEAD {
                    self.image.will_need(block.0, self.geometry.cluster_len());
                }
                self.refer(block, len, 1);
            }
        }
    }

    /// An L1 table that lies in the file; what its entries lead to.
    fn l1_table(
        &self,
        findings: &mut Findings,
        found: &mut Found,
        mapping: Mapping,
        start: HostOffset,
        len: u64,
        left: &mut u64,
    ) {
        let cluster_size = self.geometry.cluster_size();
        for (l1_index, entry) in (0_u32..).zip(entries(slice_up_to(self.image, start, len))) {
            if *left == 0 {
                return findings.limit(L1_TABLE, MAX_L1_ENTRIES, "entries");
            }
            *left = left.saturating_sub(1);
            if entry == 0 {
                continue;
            }
            let entry = L1Entry(entry);
            let location = || format!("{L1_TABLE}{mapping}, entry {l1_index}");
            if entry.reserved_bits() != 0 {
                findings.problem(location, || reserved(entry.reserved_bits()));
            }
            let Some(table) = entry.l2_table() else {
                findings.problem(location, || format!("flags {:#x} without an L2 table", entry.0));
                continue;
            };
            if !self.placed(findings, location, "L2 table", table, cluster_size) {
                continue;
            }
            self.refer(table, cluster_size, 1);
            if mapping == Mapping::Active {
                let cluster = self.geometry.cluster_of(table.0);
                let refcount = self.refcounts.get(cluster);
                if refcount.is_some_and(|refcount| (refcount == 1) != entry.copied()) {
                    findings.problem(location, || {
                        copied(entry.copied(), "L2 table", table, refcount.unwrap_or(0))
                    });
                }
            }
            found.tables.push(L2Reference { start: table, mapping, l1_index, references: 1 });
        }
    }

    /// The snapshot table, and the snapshots' L1 tables.
    fn snapshots(&self, findings: &mut Findings, found: &mut Found, left: &mut u64) {
        let Header { nb_snapshots, snapshots_offset: start, .. } = *self.header;
        let location = || format!("{HEADER}, byte 60");
        if nb_snapshots > MAX_SNAPSHOTS {
            findings.problem(location, || {
                format!("{nb_snapshots} snapshots, allowed are {MAX_SNAPSHOTS}")
            });
        }
        if nb_snapshots > 0 && self.header.has(EXTERNAL_DATA) {
            findings.problem(location, || {
                format!("{nb_snapshots} snapshots beside an external data file")
            });
        }
        let unaligned_or_huge =
            self.geometry.within_cluster(start.0) != 0 || i64::try_from(start.0).is_err();
        if nb_snapshots == 0 && unaligned_or_huge {
            // QEMU refuses such a file, though there is nothing to be found there.
            findings.problem(
                || format!("{HEADER}, byte 64"),
                || format!("{SNAPSHOT_TABLE} at byte {:#x}, which cannot be right", start.0),
            );
        }
        let mut end = start;
        for (index, snapshot) in (0..MAX_SNAPSHOTS).zip(snapshot::entries(self.image, self.header))
        {
            match snapshot {
                Ok(snapshot) => {
                    end = snapshot.entry_end;
                    self.snapshot(findings, found, index, &snapshot, left);
                }
                Err(error) => findings.error(&error),
            }
        }
        let len = end.0.saturating_sub(start.0);
        self.alone(findings, found, Kind::SnapshotTable, start, len);
    }

    fn snapshot(
        &self,
        findings: &mut Findings,
        found: &mut Found,
        index: u32,
        snapshot: &Snapshot<'_>,
        left: &mut u64,
    ) {
        let location =
            || format!("{SNAPSHOT_TABLE}, byte {} ({})", snapshot.entry_at.0, snapshot.label());
        if snapshot.lacks_extra_data(self.header.version) {
            findings.problem(location, || "without the size of the disk".to_owned());
        }
        let (start, len) = (snapshot.l1_table_offset, snapshot.l1_bytes());
        if len > MAX_L1_BYTES {
            findings.problem(location, || {
                format!("an L1 table of {len} bytes, allowed are {MAX_L1_BYTES}")
            });
        } else if self.placed(findings, location, "L1 table", start, len) {
            self.alone(findings, found, Kind::SnapshotL1Table(index), start, len);
            self.l1_table(findings, found, Mapping::Snapshot(index), start, len, left);
        }
    }

    /// The full disk encryption header.
    fn encryption(&self, findings: &mut Findings, found: &mut Found) {
        let method = self.header.crypt_method;
        let location = || format!("{HEADER}, byte 32");
        let Some(header) = self.extensions.encryption else {
            if method == LUKS {
                findings.problem(location, || "LUKS without an encryption header".to_owned());
            }
            return;
        };
        if method != LUKS {
            findings.problem(location, || {
                format!("crypt_method {method} with an encryption header, which is for {LUKS}")
            });
        }
        let at = self.extensions.encryption_at.unwrap_or(0);
        let location = || format!("qcow2 header extension, byte {at}");
        if header.length > 0
            && self.placed(findings, location, "encryption header", header.offset, header.length)
        {
            let kind = Kind::EncryptionHeader;
            self.alone(findings, found, kind, header.offset, header.length);
        }
    }

    /// The bitmap directory with its bitmaps. Without its autoclear bit the extension is void.
    fn bitmaps(&self, findings: &mut Findings, found: &mut Found) {
        let Some(extension) = self.extensions.bitmaps else { return };
        if self.header.autoclear & BITMAPS == 0 {
            return;
        }
        let BitmapsExtension { at, nb_bitmaps, reserved, directory_size: len, .. } = extension;
        let start = extension.directory_offset;
        let location = || format!("qcow2 header extension, byte {at}");
        if reserved != 0 {
            findings.problem(location, || format!("reserved field {reserved:#x}"));
        }
        if nb_bitmaps == 0 || nb_bitmaps > MAX_BITMAPS {
            findings.problem(location, || format!("nb_bitmaps {nb_bitmaps}"));
        }
        if len == 0 || len > MAX_DIRECTORY_BYTES {
            return findings.problem(location, || format!("bitmap_directory_size {len}"));
        }
        if !self.placed(findings, location, BITMAP_DIRECTORY, start, len) {
            return;
        }
        self.alone(findings, found, Kind::BitmapDirectory, start, len);
        let mut left = MAX_BITMAP_ENTRIES;
        let mut names = HashSet::new();
        let mut rest = slice_up_to(self.image, start, len);
        for index in 0..nb_bitmaps.min(MAX_BITMAPS) {
            let before = u64::try_from(rest.len()).unwrap_or(u64::MAX);
            let entry_at = start.after(len.saturating_sub(before)).0;
            let location = || format!("{BITMAP_DIRECTORY}, byte {entry_at}");
            let Ok((behind, entry)) = BitmapDirectoryEntry::parse(rest) else {
                return findings.problem(location, || {
                    format!("entry {index} is not whole, {nb_bitmaps} should be there")
                });
            };
            rest = behind;
            if let Some(fault) = entry.fault(self.geometry, self.header.size) {
                findings.problem(location, || format!("entry {index}: {fault}"));
                continue;
            }
            if !names.insert(entry.name) {
                findings.problem(location, || format!("entry {index}: a name that another has"));
            }
            self.bitmap(findings, found, index, &entry, &mut left);
        }
        if !rest.is_empty() {
            findings.problem(location, || {
                format!("{} bytes behind the last of {nb_bitmaps} bitmaps", rest.len())
            });
        }
    }

    /// A bitmap table and the clusters of the bitmap's data.
    fn bitmap(
        &self,
        findings: &mut Findings,
        found: &mut Found,
        index: u32,
        bitmap: &BitmapDirectoryEntry<'_>,
        left: &mut u64,
    ) {
        let (start, len) = (bitmap.table_offset, bitmap.table_bytes());
        let location = || format!("{BITMAP_DIRECTORY}, entry {index}");
        if !self.placed(findings, location, BITMAP_TABLE, start, len) {
            return;
        }
        self.alone(findings, found, Kind::BitmapTable(index), start, len);
        let cluster_size = self.geometry.cluster_size();
        for (position, entry) in (0_u64..).zip(entries(slice_up_to(self.image, start, len))) {
            if *left == 0 {
                return findings.limit(BITMAP_TABLE, MAX_BITMAP_ENTRIES, "entries");
            }
            *left = left.saturating_sub(1);
            let entry = BitmapTableEntry(entry);
            let location = || format!("{BITMAP_TABLE} at byte {}, entry {position}", start.0);
            if entry.reserved_bits() != 0 {
                findings.problem(location, || reserved(entry.reserved_bits()));
            }
            let Some(data) = entry.cluster() else { continue };
            // Of the bitmap's last cluster no byte need be there but its first.
            if self.geometry.within_cluster(data.0) != 0 {
                findings.problem(location, || unaligned("bitmap data", data));
            } else if self.placed(findings, location, "bitmap data", data, 1) {
                let kind = Kind::BitmapData(index);
                self.refer(data, cluster_size, 1);
                found.alone.push(Structure { kind, start: data, len: cluster_size });
            }
        }
    }
}

/// What a flag says that does not agree with the refcount.
pub(super) fn copied(flag: bool, what: &str, host: HostOffset, refcount: u64) -> String {
    let flag = if flag { "is set" } else { "is not set" };
    format!("flag COPIED {flag}, {what} at byte {} has refcount {refcount}", host.0)
}
