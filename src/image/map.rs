//! A file on the host as read-only bytes: the memory map.
//!
//! The only module with `unsafe`. A file that shrinks while it is mapped makes the kernel send
//! SIGBUS (mmap(2)); the handler installed here puts zero pages where the file used to be and
//! marks the map as changed, so that one spoiled image does not end the whole process.

#![allow(unsafe_code)]

use std::fs::{File, Metadata, OpenOptions};
use std::io::{Seek, SeekFrom};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Once, OnceLock};

use memmap2::{Mmap, MmapOptions};

use crate::bytes::{Bytes, check_range};
use crate::error::{Error, Result};

/// How many files may be mapped at once: the table that the signal handler reads has a fixed size,
/// because a handler may neither lock nor allocate. Far more than images are checked in parallel.
const MAX_MAPS: usize = 1024;

/// A mapped address range, read by the signal handler.
struct Slot {
    used: AtomicBool,
    start: AtomicUsize,
    end: AtomicUsize,
    faulted: AtomicBool,
}

impl Slot {
    const fn new() -> Self {
        Self {
            used: AtomicBool::new(false),
            start: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            faulted: AtomicBool::new(false),
        }
    }
}

static SLOTS: [Slot; MAX_MAPS] = [const { Slot::new() }; MAX_MAPS];
static PAGE_SIZE: AtomicUsize = AtomicUsize::new(0);
static INSTALL: Once = Once::new();
/// What answered SIGBUS before this program did.
static PREVIOUS: OnceLock<libc::sigaction> = OnceLock::new();

/// Answers SIGBUS. Calls nothing but `mmap`, `sigaction` and `raise`, which are safe in a handler
/// (the first is a bare system call on every supported system, the others are in
/// signal-safety(7)); none touches `errno` when it succeeds.
extern "C" fn on_sigbus(
    _signal: libc::c_int,
    info: *mut libc::siginfo_t,
    _context: *mut libc::c_void,
) {
    // SAFETY: with SA_SIGINFO the kernel passes a valid siginfo_t.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr().addr()) };
    // Only "nonexistent physical address" is a missing page of a file; a SIGBUS that a process
    // sent (si_code <= 0) or a hardware memory error is not ours.
    if code == libc::BUS_ADRERR {
        for slot in &SLOTS {
            let start = slot.start.load(Ordering::Acquire);
            let end = slot.end.load(Ordering::Acquire);
            if start == 0 || address < start || address >= end {
                continue;
            }
            let page = address & !PAGE_SIZE.load(Ordering::Relaxed).wrapping_sub(1);
            // From the missing page to the end of the map at once: what is read from a changed
            // file is void anyway, and a mapping for each page would run into vm.max_map_count.
            // SAFETY: [page, end) lies within a live map of ours, which is only ever read.
            let mapped = unsafe {
                libc::mmap(
                    ptr::without_provenance_mut(page),
                    end.wrapping_sub(page),
                    libc::PROT_READ,
                    libc::MAP_FIXED | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                    -1,
                    0,
                )
            };
            if mapped != libc::MAP_FAILED {
                slot.faulted.store(true, Ordering::Release);
                return;
            }
            break;
        }
    }
    // Not ours: it goes where it would have gone without us. `OnceLock::get` only loads.
    // SAFETY: an all-zero sigaction is a valid value, SIG_DFL. The signal raised here is delivered on
    // return, when it is no longer blocked.
    unsafe {
        let action = PREVIOUS.get().copied().unwrap_or_else(|| std::mem::zeroed());
        libc::sigaction(libc::SIGBUS, &raw const action, ptr::null_mut());
        libc::raise(libc::SIGBUS);
    }
}

/// Installs the SIGBUS handler, once in the life of the process.
fn install_handler() {
    INSTALL.call_once(|| {
        // SAFETY: sysconf has no preconditions.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        PAGE_SIZE.store(usize::try_from(page).unwrap_or(4096), Ordering::Relaxed);
        // SAFETY: an all-zero sigaction with a handler of the signature that SA_SIGINFO asks for; what
        // it replaces is asked for first, so that the handler finds it from the beginning.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            libc::sigaction(libc::SIGBUS, ptr::null(), &raw mut action);
            let _ = PREVIOUS.set(action);
            action = std::mem::zeroed();
            #[allow(clippy::as_conversions, reason = "libc stores the handler as an integer")]
            let handler = on_sigbus as *const () as usize;
            action.sa_sigaction = handler;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigemptyset(&raw mut action.sa_mask);
            libc::sigaction(libc::SIGBUS, &raw const action, ptr::null_mut());
        }
    });
}

/// A map that the signal handler knows.
struct GuardedMap {
    /// Dropped by hand, after the slot was given back.
    map: Option<Mmap>,
    slot: &'static Slot,
}

impl GuardedMap {
    fn new(file: &File, len: usize) -> Result<Self, String> {
        install_handler();
        let slot = SLOTS
            .iter()
            .find(|slot| {
                slot.used.compare_exchange(false, true, Ordering::AcqRel, Ordering::Relaxed).is_ok()
            })
            .ok_or("too many files are open at once")?;
        // SAFETY: the map is read-only. Another process may change the file beneath it: no byte of
        // it is ever trusted, a shrinking file is caught by the handler, and `Map::changed` tells.
        let map = match unsafe { MmapOptions::new().len(len).map(file) } {
            Ok(map) => map,
            Err(error) => {
                slot.used.store(false, Ordering::Release);
                return Err(error.to_string());
            }
        };
        let start = map.as_ptr().addr();
        let page = PAGE_SIZE.load(Ordering::Relaxed);
        let end = start.saturating_add(len.checked_next_multiple_of(page).unwrap_or(len));
        slot.faulted.store(false, Ordering::Relaxed);
        slot.end.store(end, Ordering::Release);
        slot.start.store(start, Ordering::Release);
        Ok(Self { map: Some(map), slot })
    }

    fn bytes(&self) -> &[u8] {
        self.map.as_deref().unwrap_or_default()
    }
}

impl Drop for GuardedMap {
    fn drop(&mut self) {
        self.slot.start.store(0, Ordering::Release);
        self.slot.end.store(0, Ordering::Release);
        drop(self.map.take());
        self.slot.used.store(false, Ordering::Release);
    }
}

/// What tells whether a file was written to since it was opened, or another put in its place.
#[derive(PartialEq, Eq)]
struct Stamp {
    len: u64,
    mtime: (i64, i64),
}

/// Which file it is on this machine: device and inode.
type Identity = (u64, u64);

/// A regular file or block device of the host, mapped read-only.
///
/// The default read-ahead serves both the small jumps through metadata and the long reads of files;
/// only tables that lie far apart are asked for ahead ([`Bytes::will_need`]).
pub struct Map {
    name: String,
    path: PathBuf,
    file: File,
    identity: Identity,
    stamp: Stamp,
    /// `None` for an empty file, which cannot be mapped.
    map: Option<GuardedMap>,
}

impl Map {
    /// Opens `path` read-only and maps it.
    ///
    /// # Errors
    /// [`Error::Host`] when the file is missing, may not be read, or is neither a regular file nor
    /// a block device.
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        Self::open_inner(path, name.clone()).map_err(|reason| Error::Host { path: name, reason })
    }

    fn open_inner(path: &Path, name: String) -> Result<Self, String> {
        // Before opening, because opening a FIFO waits and opening a device may act on it; and
        // again after, because the name may have come to mean another file.
        check_kind(&std::fs::metadata(path).map_err(|error| error.to_string())?)?;
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(path)
            .map_err(|error| error.to_string())?;
        let metadata = file.metadata().map_err(|error| error.to_string())?;
        check_kind(&metadata)?;
        let identity = (metadata.dev(), metadata.ino());
        let stamp = stamp(&file)?;
        let map = match usize::try_from(stamp.len) {
            Ok(0) => None,
            Ok(len) => Some(GuardedMap::new(&file, len)?),
            Err(_) => return Err("larger than this machine can address".to_owned()),
        };
        Ok(Self { name, path: path.to_owned(), file, identity, stamp, map })
    }

    /// The path as it was given.
    pub fn path(&self) -> &str {
        &self.name
    }

    /// Whether it is a block device and no file.
    pub fn is_block_device(&self) -> bool {
        self.file.metadata().is_ok_and(|metadata| metadata.file_type().is_block_device())
    }

    /// Whether the file shrank, grew or was written to since it was opened, a page of it could not
    /// be read, or its path leads to another file by now or to none. Whatever was read from it is
    /// then void.
    pub fn changed(&self) -> bool {
        let faulted = self.map.as_ref().is_some_and(|map| map.slot.faulted.load(Ordering::Acquire));
        faulted
            || stamp(&self.file).map_or(true, |now| now != self.stamp)
            || std::fs::metadata(&self.path)
                .map_or(true, |now| (now.dev(), now.ino()) != self.identity)
    }

    fn bytes(&self) -> &[u8] {
        self.map.as_ref().map(GuardedMap::bytes).unwrap_or_default()
    }
}

fn check_kind(metadata: &Metadata) -> Result<(), String> {
    const WANTED: &str = "an image is a regular file or a block device";
    let kind = metadata.file_type();
    if kind.is_file() || kind.is_block_device() {
        Ok(())
    } else if kind.is_dir() {
        Err("is a directory".to_owned())
    } else if kind.is_char_device() {
        Err(format!("is a character device; {WANTED}"))
    } else if kind.is_fifo() {
        Err(format!("is a FIFO; {WANTED}"))
    } else {
        Err(format!("is a socket; {WANTED}"))
    }
}

/// The length (of a block device: where its end is, since `stat` says 0) and the time of the last
/// write.
fn stamp(file: &File) -> Result<Stamp, String> {
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    let len = if metadata.file_type().is_block_device() {
        (&*file).seek(SeekFrom::End(0)).map_err(|error| error.to_string())?
    } else {
        metadata.len()
    };
    Ok(Stamp { len, mtime: (metadata.mtime(), metadata.mtime_nsec()) })
}

impl Bytes for Map {
    fn len(&self) -> u64 {
        self.stamp.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let end = check_range(self.stamp.len, offset, buf.len())?;
        let source = self.slice(offset, buf.len()).ok_or(Error::OutOfBounds {
            offset,
            end,
            len: self.stamp.len,
        })?;
        buf.copy_from_slice(source);
        Ok(())
    }

    fn slice(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let start = usize::try_from(offset).ok()?;
        self.bytes().get(start..start.checked_add(len)?)
    }

    /// Reads them ahead (madvise(2), `MADV_WILLNEED`). Where tables lie far apart in a sparse file,
    /// the read-around of page faults fills the page cache with zeros from its holes instead.
    fn will_need(&self, offset: u64, len: usize) {
        let map = self.map.as_ref().and_then(|map| map.map.as_ref());
        if let (Some(map), Ok(offset)) = (map, usize::try_from(offset)) {
            // Advice: without it all is read nevertheless.
            let _ = map.advise_range(memmap2::Advice::WillNeed, offset, len);
        }
    }

    /// Asks the file system for the next data after a hole (lseek(2), `SEEK_DATA`).
    fn zeroes_at(&self, offset: u64) -> u64 {
        let Ok(from) = libc::off_t::try_from(offset) else { return 0 };
        if offset >= self.stamp.len {
            return 0;
        }
        // SAFETY: the descriptor is open as long as `self.file` is. The file position that this
        // moves is used by nobody.
        let data = unsafe { libc::lseek(self.file.as_raw_fd(), from, libc::SEEK_DATA) };
        let end = match u64::try_from(data) {
            Ok(data) => data.min(self.stamp.len),
            // No data behind `offset`: the hole reaches to the end.
            Err(_) if std::io::Error::last_os_error().raw_os_error() == Some(libc::ENXIO) => {
                self.stamp.len
            }
            Err(_) => offset,
        };
        end.saturating_sub(offset)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn host_reason(path: &Path) -> String {
        match Map::open(path) {
            Err(Error::Host { reason, .. }) => reason,
            Err(other) => panic!("{other:?}"),
            Ok(_) => panic!("{} was opened", path.display()),
        }
    }

    #[test]
    fn a_file_truncated_while_mapped_reads_as_zeros_and_has_changed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().write_all(&vec![0xAA; 1 << 20]).unwrap();
        let map = Map::open(file.path()).unwrap();
        assert!(!map.changed());
        assert_eq!(map.slice((1 << 20) - 1, 1), Some(&[0xAA][..]));
        file.as_file().set_len(4096).unwrap();
        let mut buf = [1; 4096];
        map.read_at(1 << 19, &mut buf).unwrap();
        assert_eq!(buf, [0; 4096]);
        assert_eq!(map.slice(0, 1), Some(&[0xAA][..]));
        assert!(map.changed());
    }

    #[test]
    fn one_truncated_file_leaves_another_unharmed() {
        let (good, bad) =
            (tempfile::NamedTempFile::new().unwrap(), tempfile::NamedTempFile::new().unwrap());
        for file in [&good, &bad] {
            file.as_file().write_all(&vec![0x55; 1 << 18]).unwrap();
        }
        let maps = [Map::open(good.path()).unwrap(), Map::open(bad.path()).unwrap()];
        bad.as_file().set_len(0).unwrap();
        std::thread::scope(|scope| {
            for map in &maps {
                scope.spawn(|| {
                    let mut buf = vec![1; 1 << 18];
                    map.read_at(0, &mut buf).unwrap();
                    buf
                });
            }
        });
        assert_eq!(maps[0].slice((1 << 18) - 1, 1), Some(&[0x55][..]));
        assert!(!maps[0].changed());
        assert!(maps[1].changed());
    }

    #[test]
    fn a_file_written_to_has_changed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().write_all(b"first").unwrap();
        let map = Map::open(file.path()).unwrap();
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
        file.as_file().set_modified(later).unwrap();
        assert!(map.changed());
    }

    #[test]
    fn a_file_that_was_replaced_or_removed_has_changed() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("image"), dir.path().join("other"));
        for path in [&path, &other] {
            std::fs::write(path, b"the same").unwrap();
        }
        // The same length and time of the last write, so that only the inode differs.
        let time = std::fs::metadata(&path).unwrap().modified().unwrap();
        File::options().write(true).open(&other).unwrap().set_modified(time).unwrap();
        let map = Map::open(&path).unwrap();
        assert!(!map.changed());
        std::fs::rename(&other, &path).unwrap();
        assert!(map.changed());
        let map = Map::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(map.changed());
    }

    #[test]
    fn an_empty_file_has_no_bytes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let map = Map::open(file.path()).unwrap();
        assert_eq!(map.len(), 0);
        assert_eq!(map.slice(0, 0), Some(&[][..]));
        assert_eq!(map.zeroes_at(0), 0);
        assert!(map.read_at(0, &mut [0]).is_err());
        assert!(!map.changed());
    }

    #[test]
    fn what_is_no_file_is_refused_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(host_reason(dir.path()), "is a directory");
        assert!(host_reason(&dir.path().join("absent")).contains("No such file"));
        let wanted = "an image is a regular file or a block device";
        let said = |what: &str| format!("is a {what}; {wanted}");
        assert_eq!(host_reason(Path::new("/dev/null")), said("character device"));
        let socket = dir.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert_eq!(host_reason(&socket), said("socket"));
    }

    #[test]
    fn a_hole_is_known_to_be_zero() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(1 << 20).unwrap();
        let map = Map::open(file.path()).unwrap();
        let known = map.zeroes_at(0);
        // A file system without holes may answer 0.
        assert!(known == 1 << 20 || known == 0, "{known}");
        assert_eq!(map.zeroes_at(1 << 20), 0);
    }

    #[test]
    fn reads_beyond_the_end_are_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().write_all(b"0123456789").unwrap();
        let map = Map::open(file.path()).unwrap();
        assert!(map.slice(8, 3).is_none());
        assert!(map.slice(u64::MAX, 1).is_none());
        assert!(map.read_at(u64::MAX, &mut [0; 2]).is_err());
    }
}
