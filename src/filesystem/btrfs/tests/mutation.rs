//! Mutants: whatever the bytes, an answer or an error.

use super::*;
use crate::filesystem::mutants::{self, XorShift};

/// Most names of one mutant that are looked at.
const MAX_ENTRIES: usize = 500;

/// Looks at everything of a tree that may be damaged, and gives how many reads failed.
fn visit_all(fs: &Btrfs) -> usize {
    usize::from(fs.subvolumes().is_err()) + mutants::visit_all(fs, MAX_ENTRIES)
}

/// Where the nodes lie that the whole tree of files is read from; each with all its copies.
fn nodes(fs: &Btrfs) -> Vec<Vec<u64>> {
    assert_eq!(visit_all(fs), 0);
    let mut nodes: Vec<u64> = fs.volume.sound_nodes.addresses();
    nodes.sort_unstable();
    let copies = |at: u64| {
        let logical =
            u64::from_le_bytes(fs.volume.devices.bytes(0).unwrap().array(at + 48).unwrap());
        let chunk = fs.volume.chunks.find(logical).unwrap();
        (0..chunk.copies()).map(|copy| chunk.locate(logical, copy).unwrap().physical).collect()
    };
    nodes.into_iter().map(copies).collect()
}

/// Walks `count` mutants of an image, each with some bytes of a node or two changed, and the
/// checksums set right when `sealed`; gives how many opened, and how many of those had something
/// wrong.
fn mutate(name: &str, count: usize, sealed: bool) -> (usize, usize) {
    let mut image = Arc::new(Image::read(name));
    let sound = open(name);
    let size = sound.volume.node_size;
    let nodes = nodes(&sound);
    assert!(nodes.len() > 3, "{nodes:?}");
    let mut random = XorShift(0x9E37_79B9_7F4A_7C15);
    let (mut opened, mut damaged) = (0, 0);
    for _ in 0..count {
        let whole = Arc::get_mut(&mut image).unwrap();
        let mut undo = Vec::new();
        for _ in 0..=random.below(2) {
            let copies = &nodes[random.below(nodes.len())];
            let raw = whole.vec(copies[0], size).unwrap();
            let mut changed = raw.clone();
            let used: Vec<usize> = (40..size).filter(|at| raw[*at] != 0).collect();
            for _ in 0..=random.below(4) {
                // Where something stands, or right beside it.
                let at = (used[random.below(used.len())] + random.below(3)).min(size - 1);
                changed[at] = match random.below(4) {
                    0 => 0,
                    1 => 0xFF,
                    2 => changed[at] ^ 1 << random.below(8),
                    _ => random.next() as u8,
                };
            }
            for node in copies {
                undo.push((*node, raw.clone()));
                whole.write(*node, &changed);
                if sealed {
                    seal(whole, &sound.volume, *node);
                }
            }
        }
        let shared: Arc<dyn Bytes> = image.clone();
        if let Ok(fs) = Btrfs::open(shared) {
            opened += 1;
            damaged += usize::from(visit_all(&fs) > 0);
        }
        let whole = Arc::get_mut(&mut image).unwrap();
        for (node, raw) in undo.into_iter().rev() {
            whole.write(node, &raw);
        }
    }
    (opened, damaged)
}

#[test]
fn mutants_with_the_right_checksums_give_answers_or_errors() {
    for name in ["plain", "small", "mixed", "many", "subvolumes"] {
        let (opened, damaged) = mutate(name, 200, true);
        assert!(opened > 60 && damaged > 30, "{name}: {opened} opened, {damaged} damaged");
    }
}

/// Damage in the log alone leaves the files readable, and is told otherwise.
#[test]
fn mutants_with_a_log_give_answers_or_errors() {
    for name in ["dirty-files", "dirty-names"] {
        let (opened, damaged) = mutate(name, 300, true);
        assert!(opened > 100 && damaged > 10, "{name}: {opened} opened, {damaged} damaged");
    }
}

#[test]
fn mutants_with_wrong_checksums_give_answers_or_errors() {
    for name in ["plain", "many", "subvolumes"] {
        let (opened, damaged) = mutate(name, 100, false);
        assert!(opened > 20 && damaged > 10, "{name}: {opened} opened, {damaged} damaged");
    }
}

#[test]
fn mutants_of_the_superblock_give_answers_or_errors() {
    let mut random = XorShift(0x2545_F491_4F6C_DD1D);
    let sound = Image::read("subvolumes");
    let raw = sound.vec(superblock::OFFSETS[0], 0x400).unwrap();
    let used: Vec<usize> = (0x30..raw.len()).filter(|at| raw[*at] != 0).collect();
    let mut opened = 0;
    for _ in 0..100 {
        let mut raw = raw.clone();
        for _ in 0..=random.below(3) {
            raw[used[random.below(used.len())]] = random.next() as u8;
        }
        if let Ok(fs) = with_superblock("subvolumes", &[(0, &raw)]).open() {
            opened += 1;
            visit_all(&fs);
        }
    }
    assert!(opened > 5, "{opened}");
}
