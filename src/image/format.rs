//! Which container format a file is in, told by its bytes and never by its name.

use crate::bytes::{Bytes, BytesExt};
use crate::fact::Evidence;
use crate::image::facts::Format;
use crate::image::foreign::{iso, qcow, qed, vdi, vhd, vhdx, vmdk, wrapper, zvhd};

/// Magic of QCOW, all versions (QEMU `docs/interop/qcow2.rst`, Header).
pub(super) const QCOW_MAGIC: [u8; 4] = *b"QFI\xfb";

/// What the bytes say of the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Detected {
    pub(super) format: Format,
    /// The bytes that told, and where they stand.
    pub(super) evidence: Evidence,
    /// A kind within the format.
    pub(super) variant: Option<String>,
    /// Size of the disk inside in bytes, when the header says it.
    pub(super) virtual_size: Option<u64>,
}

impl Detected {
    /// A format told by `magic` at byte `offset`.
    pub(super) fn new(format: Format, offset: u64, magic: &[u8]) -> Self {
        let evidence = Evidence::new(format!("byte {offset}"), show(magic));
        Self { format, evidence, variant: None, virtual_size: None }
    }

    /// The same with a kind within the format.
    pub(super) fn variant(mut self, variant: impl Into<String>) -> Self {
        self.variant = Some(variant.into());
        self
    }

    /// The same with the size of the disk inside.
    pub(super) fn virtual_size(mut self, bytes: Option<u64>) -> Self {
        self.virtual_size = bytes;
        self
    }
}

/// The format of `bytes`. What carries no signature is raw.
pub(super) fn detect(bytes: &dyn Bytes) -> Detected {
    if bytes.is_empty() {
        return Detected {
            format: Format::Empty,
            evidence: Evidence::new("file length", "0"),
            variant: None,
            virtual_size: None,
        };
    }
    // Signatures at byte 0 first. Then those that a raw disk could show by chance, each of which
    // checks more than its magic: the boot code of an MBR covers bytes 0 to 445, so it may contain
    // anything where VDI (64) or tar (257) keep theirs.
    qcow2(bytes)
        .or_else(|| qcow::detect(bytes))
        .or_else(|| vmdk::detect(bytes))
        .or_else(|| vhdx::detect(bytes))
        .or_else(|| qed::detect(bytes))
        .or_else(|| zvhd::detect(bytes))
        .or_else(|| vhd::detect(bytes))
        .or_else(|| vdi::detect(bytes))
        .or_else(|| wrapper::detect(bytes))
        .or_else(|| iso::detect(bytes))
        .unwrap_or_else(|| raw(bytes))
}

/// QCOW2: the magic with any version but 1.
fn qcow2(bytes: &dyn Bytes) -> Option<Detected> {
    if !has_magic(bytes, 0, &QCOW_MAGIC) {
        return None;
    }
    let version = be32(bytes, 4)?;
    (version != 1).then(|| {
        Detected::new(Format::Qcow2, 0, &QCOW_MAGIC)
            .variant(format!("version {version}"))
            .virtual_size(be64(bytes, 24))
    })
}

/// No signature anywhere: the bytes are the disk.
fn raw(bytes: &dyn Bytes) -> Detected {
    let head = bytes.array::<16>(0).map_or_else(|_| "fewer than 16 bytes".to_owned(), |b| show(&b));
    Detected {
        format: Format::Raw,
        evidence: Evidence::new("byte 0", format!("no container signature: {head}")),
        variant: None,
        virtual_size: Some(bytes.len()),
    }
}

/// Whether `magic` stands at byte `offset`.
pub(super) fn has_magic(bytes: &dyn Bytes, offset: u64, magic: &[u8]) -> bool {
    let mut found = [0; 16];
    let Some(found) = found.get_mut(..magic.len()) else { return false };
    bytes.read_at(offset, found).is_ok() && found == magic
}

/// Big-endian 32 bits at `offset`; `None` beyond the end.
pub(super) fn be32(bytes: &dyn Bytes, offset: u64) -> Option<u32> {
    bytes.array(offset).ok().map(u32::from_be_bytes)
}

/// Big-endian 64 bits at `offset`; `None` beyond the end.
pub(super) fn be64(bytes: &dyn Bytes, offset: u64) -> Option<u64> {
    bytes.array(offset).ok().map(u64::from_be_bytes)
}

/// Little-endian 16 bits at `offset`; `None` beyond the end.
pub(super) fn le16(bytes: &dyn Bytes, offset: u64) -> Option<u16> {
    bytes.array(offset).ok().map(u16::from_le_bytes)
}

/// Little-endian 32 bits at `offset`; `None` beyond the end.
pub(super) fn le32(bytes: &dyn Bytes, offset: u64) -> Option<u32> {
    bytes.array(offset).ok().map(u32::from_le_bytes)
}

/// Little-endian 64 bits at `offset`; `None` beyond the end.
pub(super) fn le64(bytes: &dyn Bytes, offset: u64) -> Option<u64> {
    bytes.array(offset).ok().map(u64::from_le_bytes)
}

/// At most `limit` bytes from `offset` on: fewer where the file ends.
pub(super) fn up_to(bytes: &dyn Bytes, offset: u64, limit: usize) -> Vec<u8> {
    let rest = usize::try_from(bytes.len().saturating_sub(offset)).unwrap_or(usize::MAX);
    bytes.vec(offset, rest.min(limit)).unwrap_or_default()
}

/// Bytes as text where they are printable ASCII, else as hexadecimal, the way `QFI\xfb` is written.
fn show(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|&byte| std::ascii::escape_default(byte)).map(char::from).collect()
}
