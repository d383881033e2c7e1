//! What the kernel does not mount: each byte of a superblock and of the headers of a group, changed in
//! three ways (`testdata/xfs/make-refusals.py`).

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::*;
use crate::bytes::check_range;

/// Where the checksum of the sector stands that a byte of `refusals` lies in.
fn checksum_of(at: usize) -> usize {
    match at % (16 << 20) {
        0..512 => 224,
        512..1024 => 216,
        _ => 312,
    }
}

/// What the kernel looks at and this program does not, by bytes of the superblock, AGF and AGI: where
/// the log begins and its sectors, the inodes of a real-time device, features, the alignment of
/// sparse inodes, and the place in the log of the last change, which may not lie behind its end. A log
/// that begins behind the end of the volume (bytes 48 to 50) the kernel looks for elsewhere.
const NOT_LOOKED_AT: [Range<usize>; 11] = [
    48..51,
    54..56,
    64..80,
    100..102,
    193..204,
    212..216,
    219..220,
    228..232,
    240..248,
    SECOND + 512 + 208..SECOND + 512 + 212,
    SECOND + 1024 + 320..SECOND + 1024 + 324,
];

/// Where the second group begins.
const SECOND: usize = 16 << 20;

/// Whether this program says that it is not mounted, or does not open it or its root at all.
fn is_refused(bytes: Arc<dyn Bytes>) -> bool {
    match Xfs::open(bytes) {
        Err(_) => true,
        Ok(fs) => fs.health().stale.is_some() || entries(&fs, fs.root()).1.is_err(),
    }
}

#[test]
fn whatever_the_kernel_does_not_mount_is_told_and_what_it_mounts_is_not() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/xfs/refusals.txt");
    let mut bytes = Arc::new(image("refusals"));
    assert!(!is_refused(bytes.clone()));
    let (mut wrong, mut refused) = (Vec::new(), 0);
    for line in std::fs::read_to_string(path).unwrap().lines().skip(1) {
        let fields: Vec<&str> = line.split(' ').collect();
        let (at, value) = (fields[0].parse::<usize>().unwrap(), fields[1].parse().unwrap());
        if NOT_LOOKED_AT.iter().any(|range| range.contains(&at)) {
            continue;
        }
        let sector = at / 512 * 512;
        let whole = Arc::get_mut(&mut bytes).unwrap();
        let before = whole[sector..sector + 512].to_vec();
        whole[at] = value;
        seal(whole, sector, 512, checksum_of(at));
        let found = is_refused(bytes.clone());
        refused += usize::from(found);
        if found != (fields[2] == "refused") {
            wrong.push(line.to_owned());
        }
        Arc::get_mut(&mut bytes).unwrap()[sector..sector + 512].copy_from_slice(&before);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(refused > 1000, "{refused}");
}

#[test]
fn a_damaged_header_is_named_and_only_until_the_log_replaces_it() {
    let mut bytes = image("refusals");
    bytes[SECOND + 512 + 204] ^= 1;
    let health = Xfs::open(Arc::new(bytes)).unwrap().health();
    assert_eq!(health.errors[0].location, "xfs AGF, byte 16777944");
    assert!(health.stale.unwrap().reason.ends_with("the kernel does not mount it"));
    // Linux 6.18 mounts this one: the log holds both headers.
    let mut bytes = image("dirty-v5");
    bytes[512] ^= 1;
    bytes[1024] ^= 1;
    assert_eq!(Xfs::open(Arc::new(bytes)).unwrap().health().stale, None);
}

/// Linux 6.18 on copies with a byte of one header changed: without finobt, rmapbt and reflink it mounts
/// them whichever AGF it is, writes fail, and the AGI of the root directory's group alone keeps it from
/// mounting.
#[test]
fn a_header_that_no_mount_looks_at_is_damage_and_no_refusal() {
    let mut bytes = image("v5-old");
    bytes[512 + 200] ^= 1;
    let health = Xfs::open(Arc::new(bytes)).unwrap().health();
    assert!(health.errors[0].location.starts_with("xfs AGF"), "{:?}", health.errors);
    assert!(health.errors[0].detail.contains("when it allocates in that group"));
    assert_eq!(health.stale, None);
    let mut bytes = image("v5-old");
    bytes[1024 + 200] ^= 1;
    let health = Xfs::open(Arc::new(bytes)).unwrap().health();
    assert!(health.stale.unwrap().reason.ends_with("the kernel does not mount it"));
}

#[test]
fn headers_that_a_bound_leaves_out_are_no_refusal() {
    let mut state = Xfs::open(Arc::new(image("v5-old"))).unwrap().state().clone();
    let structure = "xfs allocation groups";
    state.unchecked = Some(Error::Limit { structure, limit: 16_384, unit: "groups" });
    let health = state.health();
    assert_eq!(health.errors, []);
    assert_eq!(health.stale, None);
    let reason = health.unchecked.unwrap().reason;
    assert!(reason.contains("more than 16384 groups"), "{reason}");
    assert!(!reason.contains("does not mount"), "{reason}");
}

/// A volume, and behind it nothing up to a length that no disk has.
struct Grown {
    stored: Vec<u8>,
    len: u64,
    read: AtomicU64,
}

impl Bytes for Grown {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        check_range(self.len, offset, buf.len())?;
        self.read.fetch_add(buf.len() as u64, Relaxed);
        buf.fill(0);
        let stored = self.stored.get(offset as usize..).unwrap_or_default();
        let here = buf.len().min(stored.len());
        buf[..here].copy_from_slice(&stored[..here]);
        Ok(())
    }
}

/// `v5-old`, on which no mount looks at a header but of the root directory's group, grown to so many
/// groups (`sb_dblocks`, `sb_agcount`) of which only the first are there.
fn grown(groups: u32) -> (Health, u64) {
    let mut stored = image("v5-old");
    let word = |at: usize| u32::from_be_bytes(stored[at..at + 4].try_into().unwrap());
    let (block, group) = (u64::from(word(4)), u64::from(word(84)));
    let blocks = group * u64::from(groups);
    stored[8..16].copy_from_slice(&blocks.to_be_bytes());
    stored[88..92].copy_from_slice(&groups.to_be_bytes());
    seal(&mut stored, 0, 512, 224);
    let volume = Arc::new(Grown { stored, len: blocks * block, read: AtomicU64::new(0) });
    let health = Xfs::open(volume.clone()).unwrap().health();
    (health, volume.read.load(Relaxed))
}

#[test]
fn groups_that_are_not_there_are_looked_for_up_to_the_bounds_alone() {
    let (health, read) = grown(16_384);
    let unchecked = health.unchecked.unwrap().reason;
    assert!(unchecked.contains("more than 64 damaged headers"), "{unchecked}");
    // The damage that was found is told, and no more is read for groups without end.
    assert!(health.errors[0].location.starts_with("xfs AG"), "{:?}", health.errors);
    assert_eq!(health.stale, None);
    let (fewer, read_for_fewer) = grown(1000);
    assert_eq!(fewer.unchecked.unwrap().reason, unchecked);
    assert_eq!(read, read_for_fewer);
    let (most, read_for_none) = grown(16_385);
    let unchecked = most.unchecked.unwrap().reason;
    assert!(unchecked.contains("more than 16384 groups"), "{unchecked}");
    assert!(read_for_none < read, "{read_for_none} of {read} bytes");
    // All that are missing are looked at where they are few.
    let (few, _) = grown(20);
    assert_eq!((few.unchecked, few.stale), (None, None));
    assert!(!few.errors.is_empty());
}

#[test]
fn what_the_kernel_mounts_is_not_refused() {
    for name in [
        "v4-512",
        "v4-ci",
        "v4-default",
        "v4-no-ftype",
        "v5-1k",
        "v5-2048-byte-inodes",
        "v5-4k-sectors",
        "v5-64k",
        "v5-8k-blocks",
        "v5-default",
        "v5-metauuid",
        "v5-old",
        "dirty-v5-1k-rmapbt",
        "dirty-v5-log-stripe",
        "dirty-v5-wrapped",
    ] {
        let health = open(name).health();
        assert_eq!((health.errors, health.stale), (Vec::new(), None), "{name}");
    }
}
