//! The memory map, while its file is cut, made longer and written to beneath it.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::LazyLock;

use image_preflight::bytes::Bytes;
use image_preflight::image::Map;

/// Bytes of the file at the most; some pages.
const MAX_LEN: u64 = 40_000;

/// What the file is filled with; a hole is zero.
const FILL: u8 = 0xa5;

static PATH: LazyLock<PathBuf> = LazyLock::new(|| {
    std::env::temp_dir().join(format!("image-preflight-fuzz-map-{}", std::process::id()))
});

/// Where the bytes are that a file of this length begins with; between them are holes.
fn filled(at: u64) -> bool {
    at / 8192 % 2 == 0
}

/// The first two bytes are the length, then each four are a step: what, where (16 bits), how much.
pub fn run(data: &[u8]) {
    let Some(([low, high], steps)) = data.split_first_chunk::<2>() else { return };
    let len = u64::from(u16::from_le_bytes([*low, *high])) % MAX_LEN;
    let file = create(len);
    let map = Map::open(&PATH).expect("a file");
    assert_eq!(map.len(), len);
    // What the map may surely still show, and what it may show at the most.
    let (mut shortest, mut touched) = (len, false);
    for [what, low, high, size] in steps.as_chunks::<4>().0.iter().take(64) {
        let at = u64::from(u16::from_le_bytes([*low, *high]));
        let size = usize::from(*size) * 64;
        match what % 6 {
            0 => {
                let mut buf = vec![1; size];
                let inside = at + size as u64 <= len;
                assert_eq!(map.read_at(at, &mut buf).is_ok(), inside);
                if inside && !touched {
                    sound(at, &buf);
                }
            }
            1 => {
                let found = map.slice(at, size);
                assert_eq!(found.is_some(), at + size as u64 <= len);
                let sum = found.map(|bytes| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>());
                assert!(sum.unwrap_or_default() <= size as u64 * 255);
            }
            2 => {
                file.set_len(at).expect("a file");
                touched |= at != len;
                shortest = shortest.min(at);
            }
            3 => {
                let zeros = map.zeroes_at(at);
                assert!(zeros <= len.saturating_sub(at));
                if !touched && zeros > 0 {
                    assert!((at..at + zeros).all(|at| !filled(at)), "{at}: {zeros}");
                }
            }
            4 => map.will_need(at, size),
            _ => {
                file.write_all_at(&vec![7; size], at).expect("a file");
                touched |= size > 0;
            }
        }
    }
    if shortest < len && file.metadata().expect("a file").len() != len {
        assert!(map.changed());
    }
}

/// A file in the place of the last one, partly of holes.
fn create(len: u64) -> File {
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(true);
    let file = file.open(&*PATH).expect("a folder for temporary files");
    file.set_len(len).expect("a file");
    for at in (0..len).step_by(16_384) {
        let filled = vec![FILL; (len - at).min(8192) as usize];
        file.write_all_at(&filled, at).expect("a file");
    }
    file
}

/// What a file that nobody touched has there.
fn sound(at: u64, bytes: &[u8]) {
    for (at, byte) in (at..).zip(bytes) {
        assert_eq!(*byte, if filled(at) { FILL } else { 0 }, "at {at}");
    }
}
