//! What is promised to a program that uses the library: types that go between threads, work that ends
//! when it is told to, threads that are the caller's, and no word, exit or state of its own.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "for tests")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, mpsc};

use image_preflight::bytes::{Bytes, BytesExt, Part};
use image_preflight::error::Result;
use image_preflight::guest::password::InitialPassword;
use image_preflight::image::{DigestKind, Image};
use image_preflight::rules::baseline::Baseline;
use image_preflight::rules::policy::Waiver;
use image_preflight::rules::{Context, Finding, Profile, Rule};
use image_preflight::{CancelToken, Check, Error, Progress, disk, filesystem, guest, report};

fn testdata(path: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "testdata", path].iter().collect()
}

fn check<'a>() -> Check<'a> {
    Check::new(Context::new(Profile::ImsClassic, 20_000))
}

#[test]
fn public_types_can_be_sent_and_shared_between_threads() {
    fn both<T: Send + Sync + ?Sized>() {}
    both::<CancelToken>();
    both::<Check<'_>>();
    both::<Error>();
    both::<Part>();
    both::<dyn Bytes>();
    both::<Image>();
    both::<image_preflight::image::Map>();
    both::<image_preflight::image::facts::ImageFacts>();
    both::<disk::Disk>();
    both::<disk::facts::DiskFacts>();
    both::<dyn filesystem::FileSystem>();
    both::<filesystem::ext::Ext>();
    both::<filesystem::xfs::Xfs>();
    both::<filesystem::btrfs::Btrfs>();
    both::<filesystem::ntfs::Ntfs>();
    both::<filesystem::fat::Fat>();
    both::<filesystem::tree::Tree>();
    both::<guest::Files>();
    both::<guest::Inspection>();
    both::<guest::Machine<'_>>();
    both::<guest::facts::Facts>();
    both::<guest::windows::registry::Registry>();
    both::<InitialPassword>();
    both::<Context>();
    both::<Finding>();
    both::<Finding<String>>();
    both::<Waiver>();
    both::<Baseline>();
    both::<report::ImageReport>();
    both::<report::Settings>();
    both::<report::read::Reports>();
    both::<image_preflight::request::Draft>();
    both::<image_preflight::request::Made>();
    both::<image_preflight::request::Node>();
    both::<image_preflight::request::Subject<'_>>();
    both::<image_preflight::request::Validation>();
    fn sent<T: Send + ?Sized>() {}
    sent::<dyn report::ReportWriter>();
    fn shared<T: Sync + ?Sized>() {}
    shared::<dyn Rule>();
    shared::<Progress>();
}

#[test]
fn what_was_cancelled_before_it_began_is_an_error() {
    let token = CancelToken::new();
    token.cancel();
    for name in ["guests/good.qcow2", "windows/good-server-2019.qcow2"] {
        let path = testdata(name);
        assert!(path.exists(), "{name}");
        assert_eq!(check().cancel(&token).run(&path).err(), Some(Error::Cancelled), "{name}");
    }
    // A file that is not there is still told.
    let gone = check().cancel(&token).run(&testdata("guests/gone.qcow2"));
    assert!(matches!(gone, Err(Error::Host { .. })), "{gone:?}");
}

#[test]
fn a_digest_that_another_thread_cancels_ends_with_the_chunk_in_hand() {
    // 64 GiB of holes, of which a digest reads every byte.
    const LENGTH: u64 = 64 << 30;
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(LENGTH).unwrap();
    file.as_file().write_all_at(&[0x55, 0xAA], 510).unwrap();
    let token = CancelToken::new();
    let (ask, asked) = mpsc::channel();
    let (answer, answered) = mpsc::channel();
    let other = std::thread::spawn({
        let token = token.clone();
        move || {
            asked.recv().unwrap();
            token.cancel();
            answer.send(()).unwrap();
        }
    });
    let answered = Mutex::new(answered);
    let most = AtomicU64::new(0);
    let progress = |path: &Path, done: u64, all: u64| {
        assert_eq!((path, all), (file.path(), LENGTH));
        if most.swap(done, Relaxed) == 0 {
            ask.send(()).unwrap();
            answered.lock().unwrap().recv().unwrap();
        }
    };
    let report =
        check().digest(DigestKind::Sha256).progress(&progress).cancel(&token).run(file.path());
    assert_eq!(report.err(), Some(Error::Cancelled));
    // Nothing was read after the mebibyte that was told of when it was cancelled.
    assert_eq!(most.load(Relaxed), 1 << 20);
    other.join().unwrap();
}

/// Bytes that cancel themselves after so many reads.
struct Fuse {
    bytes: Vec<u8>,
    token: CancelToken,
    left: AtomicU64,
    refused: AtomicU64,
}

impl Fuse {
    fn burns(&self) -> bool {
        if self.token.is_cancelled() {
            self.refused.fetch_add(1, Relaxed);
            return true;
        }
        if self.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_err() {
            self.token.cancel();
        }
        self.token.is_cancelled()
    }
}

impl Bytes for Fuse {
    fn len(&self) -> u64 {
        Bytes::len(&self.bytes)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        if self.burns() { Err(Error::Cancelled) } else { self.bytes.read_at(offset, buf) }
    }

    fn slice(&self, offset: u64, len: usize) -> Option<&[u8]> {
        if self.burns() { None } else { self.bytes.slice(offset, len) }
    }
}

/// How many reads a look into an image takes when it is cancelled after `reads`: before, and after.
fn looked_into(bytes: &[u8], reads: u64) -> (u64, u64) {
    let fuse = Arc::new(Fuse {
        bytes: bytes.to_vec(),
        token: CancelToken::new(),
        left: AtomicU64::new(reads),
        refused: AtomicU64::new(0),
    });
    let image = Image::of_bytes("image".to_owned(), fuse.clone());
    let _ = guest::Inspection::of(&image);
    (reads.saturating_sub(fuse.left.load(Relaxed)), fuse.refused.load(Relaxed))
}

#[test]
fn whatever_is_being_read_ends_when_it_is_cancelled() {
    for name in ["guests/good.qcow2", "guests/lvm-root.qcow2", "windows/good-server-2019.qcow2"] {
        let bytes = fs::read(testdata(name)).unwrap();
        let (all, _) = looked_into(&bytes, u64::MAX);
        assert!(all > 500, "{name}: {all}");
        // Each step of the way, from the header to the last file.
        for part in 0..16 {
            let (done, refused) = looked_into(&bytes, all.saturating_mul(part).div_euclid(16));
            // What goes on tries at most what would have been read, and mostly far less.
            assert!(done <= all && refused < all, "{name}: {refused} reads refused of {all}");
        }
    }
}

#[test]
fn the_work_is_done_by_the_threads_of_the_callers_pool() {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .thread_name(|index| format!("caller-{index}"))
        .build()
        .unwrap();
    let names = Mutex::new(BTreeSet::new());
    let progress = |_: &Path, _: u64, _: u64| {
        names.lock().unwrap().insert(std::thread::current().name().unwrap_or("").to_owned());
    };
    let report = pool.install(|| {
        check().digest(DigestKind::Md5).progress(&progress).run(&testdata("guests/good.qcow2"))
    });
    assert!(report.unwrap().image.digest.is_some());
    let names = names.into_inner().unwrap();
    assert!(!names.is_empty() && names.iter().all(|name| name.starts_with("caller-")), "{names:?}");
}

#[test]
fn a_disk_and_its_volumes_are_read_without_what_lies_in_them() {
    let image = Image::open(&testdata("guests/good.qcow2")).unwrap();
    let disk = disk::Disk::read(image.disk().unwrap());
    image.intact().unwrap();
    // The magic number of ext4 (Linux fs/ext4/ext4.h), 1024 + 56 bytes into the volume.
    assert_eq!(disk.volumes[0].array(1080), Ok([0x53, 0xEF]));
}

/// The sources of the library's rooms, by path.
fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display().to_string();
        if path.is_dir() {
            sources(&path, found);
        } else if name.ends_with(".rs") {
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Words, exits and what asks the environment are denied by lints (`clippy.toml`, `src/lib.rs`).
#[test]
fn the_rooms_of_the_library_have_no_state_of_their_own() {
    let mut found = Vec::new();
    sources(&testdata("../src"), &mut found);
    assert!(found.len() > 100);
    // The table of maps is what the handler of SIGBUS reads; each thread keeps its decoders, which
    // every cluster finds reset; `cli` is the program.
    let exempt = |name: &str| {
        ["src/image/map.rs", "src/image/qcow2/cluster.rs"].iter().any(|end| name.ends_with(end))
            || name.contains("src/cli/")
            || name.contains("tests")
    };
    let mut wrong = Vec::new();
    for (name, source) in found.iter().filter(|(name, _)| !exempt(name)) {
        for (number, line) in (1..).zip(source.lines()) {
            let holds = ["Atomic", "Mutex", "RwLock", "Once", "Cell<"];
            let is_static = line.trim_start().starts_with("static ")
                || line.trim_start().starts_with("pub static ")
                || line.contains(") static ");
            if line.contains("static mut")
                || line.contains("thread_local!")
                || (is_static && holds.iter().any(|held| line.contains(held)))
            {
                wrong.push(format!("{name}:{number}: {line}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
