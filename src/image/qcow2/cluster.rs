//! Compressed clusters (QEMU `docs/interop/qcow2.rst`, Compressed Clusters Descriptor and
//! `compression_type`).

use std::cell::RefCell;

use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use crate::error::{Error, Result};
use crate::image::facts::Qcow2Compression;
use crate::image::qcow2::address::HostOffset;

const COMPRESSED_CLUSTER: &str = "qcow2 compressed cluster";

/// Largest zstd window, as a power of two. A cluster is at most 2 MiB, and no encoder asks for a
/// larger window than its data but one that is told neither size nor level: 8 MiB up to level 19.
const MAX_ZSTD_WINDOW_LOG: u32 = 23;

thread_local! {
    /// Decoders are costly to set up next to decoding one cluster, so each thread keeps its own.
    static INFLATE: RefCell<Decompress> = RefCell::new(Decompress::new(false));
    static ZSTD: RefCell<Option<Decoder<'static>>> = const { RefCell::new(None) };
}

/// Fills `cluster` from `data`, which stands at `at`.
///
/// The data has no exact end: it reaches to the end of a sector, and decompression stops when a
/// cluster is full, so nothing can make it produce more.
///
/// # Errors
/// [`Error::Corrupt`] when the data does not make a whole cluster; [`Error::Unsupported`] for a
/// compression type that the specification does not define.
pub(super) fn decompress(
    compression: Qcow2Compression,
    at: HostOffset,
    data: &[u8],
    cluster: &mut [u8],
) -> Result<()> {
    let full = cluster.len();
    let made = match compression {
        Qcow2Compression::Zlib => inflate(data, cluster),
        Qcow2Compression::Zstd => unzstd(data, cluster),
        Qcow2Compression::Unknown(kind) => {
            let what = format!("compression type {kind}");
            return Err(Error::unsupported(COMPRESSED_CLUSTER, at.0, what));
        }
    };
    match made {
        Ok(made) if made == full => Ok(()),
        Ok(made) => Err(Error::corrupt(
            COMPRESSED_CLUSTER,
            at.0,
            format!("{full} bytes when decompressed"),
            made.to_string(),
        )),
        Err(reason) => {
            Err(Error::corrupt(COMPRESSED_CLUSTER, at.0, "sound compressed data", reason))
        }
    }
}

/// Raw deflate, without a zlib header. Gives the bytes made.
fn inflate(data: &[u8], cluster: &mut [u8]) -> Result<usize, String> {
    INFLATE.with_borrow_mut(|inflate| {
        inflate.reset(false);
        match inflate.decompress(data, cluster, FlushDecompress::Finish) {
            // "BufError" is what a full cluster looks like when more input follows.
            Ok(Status::Ok | Status::BufError | Status::StreamEnd) => {
                Ok(usize::try_from(inflate.total_out()).unwrap_or(usize::MAX))
            }
            Err(error) => Err(error.to_string()),
        }
    })
}

/// Zstandard frames. Gives the bytes made.
fn unzstd(data: &[u8], cluster: &mut [u8]) -> Result<usize, String> {
    ZSTD.with_borrow_mut(|slot| {
        let decoder = match slot {
            Some(decoder) => decoder,
            None => slot.insert(zstd_decoder().map_err(|error| error.to_string())?),
        };
        decoder.reinit().map_err(|error| error.to_string())?;
        let mut input = InBuffer::around(data);
        let mut output = OutBuffer::around(cluster);
        loop {
            let before = (input.pos(), output.pos());
            decoder.run(&mut input, &mut output).map_err(|error| error.to_string())?;
            // Either the cluster is full, or the data ended early and nothing moves any more.
            if output.pos() == output.capacity() || before == (input.pos(), output.pos()) {
                return Ok(output.pos());
            }
        }
    })
}

fn zstd_decoder() -> std::io::Result<Decoder<'static>> {
    let mut decoder = Decoder::new()?;
    decoder.set_parameter(DParameter::WindowLogMax(MAX_ZSTD_WINDOW_LOG))?;
    Ok(decoder)
}
