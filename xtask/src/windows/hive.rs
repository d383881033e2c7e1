//! Registry hives: an empty one byte for byte, filled by `hivexregedit`.
//!
//! Layout after Maxim Suhanov, "Windows registry file format specification".

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::tool::Tool;

/// Length of the base block, and of the one hive bin behind it.
const BLOCK: usize = 4096;

/// No cell.
const NIL: u32 = u32::MAX;

/// 2024-01-01 as a FILETIME: 100 ns since 1601-01-01.
const WRITTEN: u64 = 133_485_408_000_000_000;

/// Cell of the root key, relative to the first hive bin, and what it takes.
const ROOT_CELL: u32 = 0x20;
const ROOT_SIZE: u32 = 0x60;
const SECURITY_CELL: u32 = ROOT_CELL + ROOT_SIZE;
const SECURITY_SIZE: u32 = 0x78;
const FREE_CELL: u32 = SECURITY_CELL + SECURITY_SIZE;

/// Writes a hive with nothing but a root key to `path`.
pub fn create(path: &Path) -> Result<()> {
    fs::write(path, empty()).with_context(|| path.display().to_string())
}

/// Merges a `.reg` text, without its first line, into the hive at `path`; keys are named from the
/// hive's root.
pub fn merge(path: &Path, text: &str) -> Result<()> {
    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), format!("Windows Registry Editor Version 5.00\n\n{text}"))?;
    let output = Tool::new("hivexregedit")
        .words("--merge --prefix HIVE")
        .arg(path)
        .arg(file.path())
        .output(b"")?;
    ensure!(
        output.status.success(),
        "hivexregedit: {}\n{text}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

struct Block(Vec<u8>);

impl Block {
    fn put(&mut self, at: usize, bytes: &[u8]) {
        if let Some(place) = self.0.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }

    fn u16(&mut self, at: usize, value: u16) {
        self.put(at, &value.to_le_bytes());
    }

    fn u32(&mut self, at: usize, value: u32) {
        self.put(at, &value.to_le_bytes());
    }

    fn u64(&mut self, at: usize, value: u64) {
        self.put(at, &value.to_le_bytes());
    }

    /// A cell in use has a negative size.
    fn used(&mut self, at: usize, size: u32) {
        self.u32(at, size.wrapping_neg());
    }
}

fn empty() -> Vec<u8> {
    let mut bytes = base_block().0;
    bytes.extend(hive_bin().0);
    bytes
}

fn base_block() -> Block {
    let mut block = Block(vec![0; BLOCK]);
    block.put(0, b"regf");
    block.u32(4, 1); // primary sequence number
    block.u32(8, 1); // secondary sequence number
    block.u64(12, WRITTEN);
    block.u32(20, 1); // major version
    block.u32(24, 3); // minor version
    block.u32(32, 1); // format: direct memory load
    block.u32(36, ROOT_CELL);
    block.u32(40, 4096); // size of the hive bins
    block.u32(44, 1); // clustering factor
    let checksum = block
        .0
        .get(..508)
        .unwrap_or_default()
        .chunks_exact(4)
        .fold(0, |sum, word| sum ^ u32::from_le_bytes(word.try_into().unwrap_or_default()));
    block.u32(508, checksum);
    block
}

fn hive_bin() -> Block {
    let mut bin = Block(vec![0; BLOCK]);
    bin.put(0, b"hbin");
    bin.u32(8, 4096);
    bin.u64(20, WRITTEN);

    let root = ROOT_CELL as usize;
    bin.used(root, ROOT_SIZE);
    bin.put(root + 4, b"nk");
    bin.u16(root + 6, 0x2c); // entry of the hive, not to be deleted, name in single bytes
    bin.u64(root + 8, WRITTEN);
    bin.u32(root + 20, NIL); // parent
    bin.u32(root + 32, NIL); // list of subkeys
    bin.u32(root + 36, NIL); // list of volatile subkeys
    bin.u32(root + 44, NIL); // list of values
    bin.u32(root + 48, SECURITY_CELL);
    bin.u32(root + 52, NIL); // class
    bin.u16(root + 76, 4); // length of the name
    bin.put(root + 80, b"ROOT");

    // The key security cell: a list of just itself, and a descriptor of owner and group
    // Administrators (S-1-5-32-544) that lets everybody (S-1-1-0) do everything.
    let security = SECURITY_CELL as usize;
    const ADMINISTRATORS: [u8; 16] = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0];
    let mut descriptor = vec![1, 0, 0x04, 0x80];
    for offset in [20_u32, 36, 0, 52] {
        descriptor.extend(offset.to_le_bytes());
    }
    descriptor.extend(ADMINISTRATORS);
    descriptor.extend(ADMINISTRATORS);
    // ACL of one entry: full access (KEY_ALL_ACCESS, 0xf003f), inherited by subkeys.
    descriptor.extend([2, 0, 28, 0, 1, 0, 0, 0]);
    descriptor.extend([0, 2, 20, 0, 0x3f, 0, 0x0f, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
    let len = descriptor.len() as u32;
    bin.used(security, SECURITY_SIZE);
    bin.put(security + 4, b"sk");
    bin.u32(security + 8, SECURITY_CELL);
    bin.u32(security + 12, SECURITY_CELL);
    bin.u32(security + 16, 1); // keys that refer to it
    bin.u32(security + 20, len);
    bin.put(security + 24, &descriptor);

    bin.u32(FREE_CELL as usize, 4096 - FREE_CELL);
    bin
}
