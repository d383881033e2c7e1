//! Records of the log (*XFS Algorithms & Data Structures*, "Log Records").

use super::Log;
use crate::error::{Error, Result};
use crate::filesystem::structure::Structure;
use crate::filesystem::xfs::volume::{BASIC_BLOCK, BASIC_BLOCK_U64};

/// What a header starts with; no other block does, as it starts with a cycle number.
pub(super) const MAGIC: u32 = 0xFEED_BABE;

/// `h_fmt` of what little-endian machines write.
const FORMAT_LINUX_LE: u32 = 1;

/// Bytes of content whose first words one header block keeps (`XLOG_HEADER_CYCLE_SIZE`), and how
/// many words that are.
const BYTES_PER_HEADER: usize = 32 << 10;
const WORDS_PER_HEADER: usize = 64;

/// Most bytes of a record, and of the header blocks before it (`XLOG_MAX_RECORD_BSIZE`).
const MAX_LEN: usize = 256 << 10;

/// Bytes of a header that its checksum covers: where a 64-bit number is aligned to 8 bytes, and
/// where it is not.
const HEADER_LENS: [usize; 2] = [328, 324];
/// The same of the header blocks that follow.
const NEXT_HEADER_LEN: usize = 260;

/// Where the checksum and the kept words stand.
const CHECKSUM: usize = 32;
const WORDS: usize = 44;
const WORDS_NEXT: usize = 4;

/// The bit in the flags of an operation that an unmount wrote (`XLOG_UNMOUNT_TRANS`), and its place
/// in the operation's header.
const UNMOUNT: u8 = 0x20;
const FLAGS: usize = 9;

/// A record, as its header tells.
#[derive(Debug, Clone)]
pub(super) struct Record {
    /// The block where it starts.
    pub(super) at: u64,
    /// Blocks of headers.
    headers: u64,
    /// Bytes of content.
    pub(super) len: usize,
    /// When it was written: cycle and block.
    pub(super) sequence: u64,
    /// The block where the oldest record starts that a replay needs.
    pub(super) tail: u64,
    /// Number of operations in it.
    pub(super) operations: u32,
    checksum: u32,
}

impl Record {
    /// Reads the header at a block.
    pub(super) fn read(log: &Log<'_>, at: u64) -> Result<Self> {
        let span = log.block(at)?;
        let s = span.structure("xfs log record");
        s.must_have_magic(0, MAGIC)?;
        let version = s.be32(8)?;
        if version == 0 || version & !3 != 0 {
            return Err(s.corrupt(8, "version 1 or 2", version.to_string()));
        }
        let len = usize::try_from(s.be32(12)?).unwrap_or(usize::MAX);
        let size = usize::try_from(s.be32(320)?).unwrap_or(usize::MAX);
        if len > MAX_LEN || !len.is_multiple_of(4) || version & 2 != 0 && size > MAX_LEN {
            let expected = format!("at most {MAX_LEN} bytes");
            return Err(s.corrupt(12, expected, format!("{len} of {size}")));
        }
        let headers = if version & 2 != 0 { size.div_ceil(BYTES_PER_HEADER).max(1) } else { 1 };
        let format = s.be32(300)?;
        if format != FORMAT_LINUX_LE {
            return Err(Error::unsupported(s.name, s.offset, format!("format {format}")));
        }
        if s.array::<16>(304)? != log.superblock.uuid {
            return Err(s.corrupt(304, "the file system's UUID", "another"));
        }
        let tail = u64::from(s.be32(28)?);
        if tail >= log.blocks {
            let expected = format!("a tail below block {}", log.blocks);
            return Err(s.corrupt(28, expected, tail.to_string()));
        }
        Ok(Self {
            at,
            headers: u64::try_from(headers).unwrap_or(u64::MAX),
            len,
            sequence: s.be64(16)?,
            tail,
            operations: s.be32(40)?,
            checksum: s.u32(CHECKSUM)?,
        })
    }

    /// Blocks of headers and content.
    pub(super) fn blocks(&self) -> u64 {
        let len = u64::try_from(self.len).unwrap_or(u64::MAX);
        self.headers.saturating_add(len.div_ceil(BASIC_BLOCK_U64))
    }

    /// Whether an unmount wrote it, as the last one before the log is at rest.
    pub(super) fn is_unmount(&self, log: &Log<'_>) -> Result<bool> {
        if self.operations != 1 || self.len == 0 {
            return Ok(false);
        }
        let span = log.block(log.after(self.at, self.headers))?;
        let s = span.structure("xfs log operation");
        Ok(s.u8(FLAGS)? & UNMOUNT != 0)
    }

    /// The header blocks, and the content as it stands in the log.
    fn raw(&self, log: &Log<'_>) -> Result<(Vec<u8>, Vec<u8>)> {
        let mut headers = Vec::new();
        for index in 0..self.headers {
            headers.extend_from_slice(&log.block(log.after(self.at, index))?.raw);
        }
        let mut content = Vec::with_capacity(self.len);
        for index in self.headers..self.blocks() {
            content.extend_from_slice(&log.block(log.after(self.at, index))?.raw);
        }
        content.truncate(self.len);
        Ok((headers, content))
    }

    /// Fails unless the checksum agrees. It covers the headers, itself as zeros, and the content as
    /// it stands in the log (Linux fs/xfs/xfs_log.c, `xlog_cksum`).
    pub(super) fn verify(&self, log: &Log<'_>) -> Result<()> {
        let (headers, content) = self.raw(log)?;
        let s = Structure::new("xfs log record", log.byte(self.at), &headers);
        let mut next = Vec::new();
        for index in 1..self.len.div_ceil(BYTES_PER_HEADER) {
            next.extend_from_slice(s.bytes(index.saturating_mul(BASIC_BLOCK), NEXT_HEADER_LEN)?);
        }
        for len in HEADER_LENS {
            let first = Structure { raw: s.bytes(0, len)?, ..s };
            let mut sum = crc32c::crc32c(first.bytes(0, CHECKSUM)?);
            sum = crc32c::crc32c_append(sum, &[0; 4]);
            let behind = CHECKSUM.saturating_add(4);
            sum = crc32c::crc32c_append(sum, first.raw.get(behind..).unwrap_or_default());
            sum = crc32c::crc32c_append(sum, &next);
            if crate::checksum::holds(self.checksum, crc32c::crc32c_append(sum, &content)) {
                return Ok(());
            }
        }
        Err(s.corrupt(CHECKSUM, "the checksum of the record", format!("{:#010x}", self.checksum)))
    }

    /// The content. In the log the first word of each block is a cycle number; the headers keep
    /// what stood there.
    pub(super) fn content(&self, log: &Log<'_>) -> Result<Vec<u8>> {
        let (headers, mut content) = self.raw(log)?;
        let s = Structure::new("xfs log record", log.byte(self.at), &headers);
        for (index, block) in content.chunks_mut(BASIC_BLOCK).enumerate() {
            let (header, word) = (index / WORDS_PER_HEADER, index % WORDS_PER_HEADER);
            let words = if header == 0 { WORDS } else { WORDS_NEXT };
            let at = header
                .saturating_mul(BASIC_BLOCK)
                .saturating_add(words)
                .saturating_add(word.saturating_mul(4));
            if let Some(first) = block.first_chunk_mut() {
                *first = s.array::<4>(at)?;
            }
        }
        Ok(content)
    }
}
