//! Logged inodes (*XFS Algorithms & Data Structures*, "Inode Log Item"): the core as the machine
//! keeps it in memory, and the forks that have changed.

use super::replay::Recovery;
use super::transaction::Item;
use crate::error::{Error, Result};
use crate::filesystem::structure::Structure;
use crate::filesystem::xfs::volume::BASIC_BLOCK_U64;

/// `ilf_fields`.
mod field {
    pub(super) const DATA: u32 = 0x2;
    pub(super) const EXTENTS: u32 = 0x4;
    pub(super) const BTREE_ROOT: u32 = 0x8;
    /// The blocks of the tree come from another inode.
    pub(super) const OWNER: u32 = 0x200;
}

/// Bytes of the format where 64-bit numbers are not aligned to 8 bytes.
const PACKED_FORMAT: usize = 52;

/// Bytes of the core of a version 3 inode.
const CORE: usize = 176;

/// `IN`.
const MAGIC: [u8; 2] = *b"IN";

/// Fields of the core by place and length, each in the byte order of the machine in the log.
const FIELDS: [(usize, usize); 22] = [
    (0, 2),
    (2, 2),
    (4, 1),
    (5, 1),
    (8, 4),
    (12, 4),
    (16, 4),
    (20, 2),
    (22, 2),
    (56, 8),
    (64, 8),
    (72, 4),
    (76, 4),
    (80, 2),
    (82, 1),
    (83, 1),
    (88, 2),
    (90, 2),
    (92, 4),
    (104, 8),
    (120, 8),
    (152, 8),
];

/// Times: one number each with `bigtime`, else two.
const TIMES: [usize; 4] = [32, 40, 48, 144];
/// The number of extents with `nrext64`, else 0.
const WIDE_EXTENTS: usize = 24;
const FLAGS2: usize = 120;
const FLAG2_BIGTIME: u64 = 0x8;
const FLAG2_NREXT64: u64 = 0x10;
const SEQUENCE: usize = 112;
const UUID: std::ops::Range<usize> = 160..176;

/// Where the length of the data fork stands.
const FORK_OFFSET: usize = 82;

/// Bytes before the records of a root in memory, and in an inode.
const MEMORY_ROOT: usize = 72;
const DISK_ROOT: usize = 4;

/// Puts what is logged into the inode on the volume, unless that is later.
pub(super) fn replay(recovery: &mut Recovery<'_>, item: &Item, sequence: u64) -> Result<()> {
    let format = item.region(0);
    let fields = format.u32(4)?;
    let shift = if format.raw.len() == PACKED_FORMAT { 4 } else { 0 };
    let at = |place: usize| place.saturating_sub(shift);
    let number = format.u64(at(16))?;
    let (block, blocks) = (format.u64(at(40))?, u64::from(format.u32(at(48))?));
    if recovery.is_cancelled(block, blocks) {
        return Ok(());
    }
    if fields & field::OWNER != 0 {
        recovery.note_owner_change();
    }
    let within = u64::from(format.u32(at(52))?);
    let byte = block.saturating_mul(BASIC_BLOCK_U64).saturating_add(within);
    let geometry = recovery.volume.geometry;
    if geometry.inode_byte(number) != Some(byte) {
        let found = format!("inode {number} at byte {byte}");
        return Err(format.corrupt(at(16), "an inode in its place", found));
    }
    let mut inode = recovery.read(byte, geometry.inode_len())?;
    let there = Structure::new("xfs inode", byte, &inode);
    if there.array(0)? != MAGIC {
        return Err(there.corrupt(0, "an inode that the log changes", "none"));
    }
    let written = there.be64(SEQUENCE)?;
    if !matches!(written, 0 | u64::MAX) && written > sequence {
        return Ok(());
    }
    core(&item.region(1), &mut inode, sequence)?;
    if fields & (field::DATA | field::EXTENTS | field::BTREE_ROOT) != 0 {
        let offset = inode.get(FORK_OFFSET).copied().map_or(0, usize::from).saturating_mul(8);
        let len = inode.len();
        let end = if offset == 0 { len } else { CORE.saturating_add(offset) };
        let Some(fork) = inode.get_mut(CORE..end) else {
            let found = format!("inode {number}: {end}");
            return Err(Error::corrupt("xfs inode", byte, "a fork inside the inode", found));
        };
        let logged = item.region(2);
        if fields & field::BTREE_ROOT != 0 {
            root(&logged, fork)?;
        } else {
            let target = fork.get_mut(..logged.raw.len()).ok_or_else(|| {
                logged.corrupt(0, "a fork inside the inode", format!("inode {number}"))
            })?;
            target.copy_from_slice(logged.raw);
        }
    }
    recovery.write(byte, &inode)
}

/// The core, turned into the byte order of the volume. What links unlinked inodes, and the
/// checksum, stay as they are.
fn core(logged: &Structure<'_>, inode: &mut [u8], sequence: u64) -> Result<()> {
    let flags2 = logged.u64(FLAGS2)?;
    if logged.u8(4)? != 3 || logged.raw.len() != CORE {
        let found = format!("version {} in {} bytes", logged.u8(4)?, logged.raw.len());
        return Err(logged.corrupt(4, "an inode of version 3", found));
    }
    for (at, len) in FIELDS {
        turn(logged, inode, at, len)?;
    }
    for at in TIMES {
        if flags2 & FLAG2_BIGTIME != 0 {
            turn(logged, inode, at, 8)?;
        } else {
            turn(logged, inode, at, 4)?;
            turn(logged, inode, at.saturating_add(4), 4)?;
        }
    }
    if flags2 & FLAG2_NREXT64 != 0 {
        turn(logged, inode, WIDE_EXTENTS, 8)?;
    } else {
        put(inode, WIDE_EXTENTS, &[0; 8]);
    }
    put(inode, SEQUENCE, &sequence.to_be_bytes());
    put(inode, UUID.start, logged.bytes(UUID.start, UUID.len())?);
    Ok(())
}

fn turn(logged: &Structure<'_>, inode: &mut [u8], at: usize, len: usize) -> Result<()> {
    let source = logged.bytes(at, len)?;
    for (target, byte) in inode.iter_mut().skip(at).zip(source.iter().rev()) {
        *target = *byte;
    }
    Ok(())
}

fn put(inode: &mut [u8], at: usize, bytes: &[u8]) {
    for (target, byte) in inode.iter_mut().skip(at).zip(bytes) {
        *target = *byte;
    }
}

/// The root of a tree of extents as it is in memory has the header of a block, and room for as many
/// records as its own length gives (Linux fs/xfs/libxfs/xfs_bmap_btree.c, `xfs_bmbt_to_bmdr`).
fn root(logged: &Structure<'_>, fork: &mut [u8]) -> Result<()> {
    let (level, count) = (logged.array::<2>(4)?, logged.array::<2>(6)?);
    let records = usize::from(u16::from_be_bytes(count)).saturating_mul(8);
    let room = |len: usize, header: usize| len.saturating_sub(header) / 16;
    let source_room = room(logged.raw.len(), MEMORY_ROOT).saturating_mul(8);
    let target_room = room(fork.len(), DISK_ROOT).saturating_mul(8);
    if records > source_room || records > target_room {
        let found = format!("{records} bytes of keys");
        return Err(logged.corrupt(6, "records inside the root", found));
    }
    put(fork, 0, &level);
    put(fork, 2, &count);
    put(fork, DISK_ROOT, logged.bytes(MEMORY_ROOT, records)?);
    let pointers = logged.bytes(MEMORY_ROOT.saturating_add(source_room), records)?;
    put(fork, DISK_ROOT.saturating_add(target_room), pointers);
    Ok(())
}
