//! Logical addresses, as bytes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::checksum::ChecksumType;
use super::chunk::{Chunk, Chunks, Piece};
use super::device::Devices;
use super::node::{Node, NodePointer, SoundNodes};
use super::tree::Overlay;
use crate::error::{Error, Result};
use crate::filesystem::Budget;

/// What is here of a file system, by logical address.
pub(super) struct Volume {
    pub(super) devices: Devices,
    pub(super) chunks: Arc<Chunks>,
    pub(super) checksum: ChecksumType,
    /// The identity that stands in every node.
    pub(super) metadata_uuid: [u8; 16],
    /// Bytes of a node.
    pub(super) node_size: usize,
    /// Bytes of a sector.
    pub(super) sector_size: u32,
    pub(super) sound_nodes: SoundNodes,
    /// What reads of nodes and items are counted in.
    pub(super) budget: Arc<Budget>,
    /// What the log tree changes, by the number of the subvolume.
    pub(super) replayed: HashMap<u64, Overlay>,
}

/// The error that tells more: what is damaged here before what lies elsewhere.
fn keep(kept: &mut Option<Error>, error: Error) {
    if kept.is_none() || !matches!(error, Error::Unsupported { .. }) {
        *kept = Some(error);
    }
}

impl Volume {
    /// The same, without what the log tree changes.
    pub(super) fn without_replay(&self) -> Self {
        Self {
            devices: self.devices.clone(),
            chunks: Arc::clone(&self.chunks),
            sound_nodes: SoundNodes::new(),
            budget: Arc::clone(&self.budget),
            replayed: HashMap::new(),
            ..*self
        }
    }

    /// A node of a tree, from the first copy here that is sound.
    pub(super) fn node(&self, at: &NodePointer) -> Result<Node<'_>> {
        let mut failure = None;
        for copy in 0..self.chunks.find(at.logical)?.copies() {
            let node = self
                .copy(at.logical, copy)
                .and_then(|(place, raw)| Node::parse(self, raw, &place, at));
            match node {
                Ok(node) => return Ok(node),
                Err(error) => keep(&mut failure, error),
            }
        }
        Err(failure.unwrap_or_else(|| no_copy(at.logical)))
    }

    /// One copy of a node, and where it begins.
    fn copy(&self, logical: u64, copy: usize) -> Result<(Piece, Cow<'_, [u8]>)> {
        let first = self.chunks.find(logical)?.locate(logical, copy)?;
        if first.len >= u64::try_from(self.node_size).unwrap_or(u64::MAX)
            && let Some(slice) =
                self.devices.bytes(first.device)?.slice(first.physical, self.node_size)
        {
            return Ok((first, Cow::Borrowed(slice)));
        }
        let mut raw = vec![0; self.node_size];
        self.pieces(logical, &mut raw, |at, part| {
            self.read_piece(&self.chunks.find(at)?.locate(at, copy)?, part)
        })?;
        Ok((first, Cow::Owned(raw)))
    }

    /// Fills the beginning of `part`, as far as the piece goes, and gives how much that is.
    fn read_piece(&self, piece: &Piece, part: &mut [u8]) -> Result<usize> {
        let len = fitting(piece.len, part.len());
        let part = part.get_mut(..len).unwrap_or_default();
        self.devices.bytes(piece.device)?.read_at(piece.physical, part)?;
        Ok(len)
    }

    /// The copies of a logical address. A device that is behind comes last: its data is not told to
    /// be old by anything but checksums, which are not looked at.
    fn copies<'a>(
        &'a self,
        chunk: &'a Chunk,
        logical: u64,
    ) -> impl Iterator<Item = Result<Piece>> + 'a {
        let copies = move |behind: bool| {
            (0..chunk.copies()).map(move |copy| chunk.locate(logical, copy)).filter(move |piece| {
                match piece {
                    Ok(piece) => self.devices.is_behind(piece.device) == behind,
                    Err(_) => behind,
                }
            })
        };
        copies(false).chain(copies(true))
    }

    /// Fills `buf` from a logical address on. Each part comes from the first copy that is here;
    /// checksums of data are not looked at.
    pub(super) fn read(&self, logical: u64, buf: &mut [u8]) -> Result<()> {
        self.pieces(logical, buf, |at, part| {
            let chunk = self.chunks.find(at)?;
            let mut failure = None;
            for piece in self.copies(chunk, at) {
                match piece.and_then(|piece| self.read_piece(&piece, part)) {
                    Ok(len) => return Ok(len),
                    Err(error) => keep(&mut failure, error),
                }
            }
            Err(failure.unwrap_or_else(|| no_copy(at)))
        })
    }

    /// Fills `buf` by calls of `fill`, which tells how many bytes it filled.
    fn pieces(
        &self,
        logical: u64,
        buf: &mut [u8],
        mut fill: impl FnMut(u64, &mut [u8]) -> Result<usize>,
    ) -> Result<()> {
        let mut at = logical;
        let mut rest = buf;
        while !rest.is_empty() {
            let filled = fill(at, rest)?;
            if filled == 0 {
                return Err(no_copy(at));
            }
            rest = rest.get_mut(filled..).unwrap_or_default();
            at = at.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
        }
        Ok(())
    }

    /// The first copy that is here from a logical address on.
    fn here(&self, logical: u64) -> Option<Piece> {
        self.copies(self.chunks.find(logical).ok()?, logical).find_map(Result::ok)
    }

    /// Bytes from a logical address on, where they lie contiguously in the map.
    pub(super) fn slice(&self, logical: u64, len: usize) -> Option<&[u8]> {
        let piece = self.here(logical)?;
        if piece.len < u64::try_from(len).ok()? {
            return None;
        }
        self.devices.bytes(piece.device).ok()?.slice(piece.physical, len)
    }

    /// How many bytes from a logical address on are known to be zero.
    pub(super) fn zeroes_at(&self, logical: u64) -> u64 {
        let Some(piece) = self.here(logical) else { return 0 };
        let bytes = self.devices.bytes(piece.device);
        bytes.map_or(0, |bytes| bytes.zeroes_at(piece.physical).min(piece.len))
    }
}

fn fitting(len: u64, room: usize) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX).min(room)
}

fn no_copy(logical: u64) -> Error {
    Error::corrupt("btrfs chunk tree", 0, format!("a copy of the address {logical}"), "none")
}
