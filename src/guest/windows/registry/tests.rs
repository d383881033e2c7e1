//! Whole hives, as hivex reads them (`testdata/registry/make.py`), and against damage.

#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::cast_possible_truncation)]

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::bytes::Bytes;
use crate::error::Error;
use crate::filesystem::mutants::XorShift;

fn unpack(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/registry");
    zstd::decode_all(std::fs::read(folder.join(format!("{name}.zst"))).unwrap().as_slice()).unwrap()
}

fn open_bytes(hive: Vec<u8>, logs: &[Vec<u8>]) -> crate::Result<Hive> {
    let logs: Vec<_> = logs.iter().map(|log| Arc::new(log.clone()) as Arc<dyn Bytes>).collect();
    Hive::open(Arc::new(hive), &logs)
}

fn open_hive(name: &str, logs: &[&str]) -> Hive {
    let logs: Vec<_> = logs.iter().map(|name| unpack(name)).collect();
    open_bytes(unpack(name), &logs).unwrap()
}

/// As Python's `urllib.parse.quote`, with `\` safe.
fn quote(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' | b'\\' => {
                out.push(char::from(byte));
            }
            _ => write!(out, "%{byte:02X}").unwrap(),
        }
    }
    out
}

/// What `list.pl` prints.
fn list(key: &Key<'_>, path: &str, out: &mut String) {
    writeln!(out, "K\t{path}\t{}", key.last_written()).unwrap();
    for value in key.values().unwrap() {
        assert_eq!(key.value(&value.name).unwrap().unwrap(), value, "{path}");
        let data: String = value.data.iter().map(|byte| format!("{byte:02x}")).collect();
        let (name, kind) = (quote(&value.name), value.kind.number());
        writeln!(out, "V\t{path}\t{name}\t{kind}\t{data}").unwrap();
    }
    for subkey in key.subkeys().unwrap() {
        let found = key.subkey(subkey.name());
        if !key.is_link() {
            assert_eq!(found.unwrap().unwrap().offset, subkey.offset, "{path}");
        }
        list(&subkey, &format!("{path}\\{}", quote(subkey.name())), out);
    }
}

fn is_listed(hive: &Hive, name: &str) {
    let expected = String::from_utf8(unpack(&format!("{name}.list"))).unwrap();
    let mut found = String::new();
    list(&hive.root().unwrap(), "", &mut found);
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(found, expected, "{name}");
    }
    assert_eq!(found.lines().count(), expected.lines().count(), "{name}");
}

#[test]
fn lists_names_types_and_big_data_are_as_hivex_reads_them() {
    let hive = open_hive("kinds", &[]);
    assert_eq!(*hive.state(), HiveState::Clean);
    is_listed(&hive, "kinds");
    is_listed(&open_hive("version-3", &[]), "version-3");
}

#[test]
fn names_are_found_without_case() {
    let hive = open_hive("kinds", &[]);
    for path in [
        r"INDEX ROOT\BELOW 0729",
        r"\names\äRGER",
        r"Names\ελληνικά\",
        r"NAMES\Emoji 😀",
        r"hash leaf\GRÖßE",
        r"fast leaf\ÖL",
        r"fast leaf\AB",
        r"names\A/B.C D%",
        "",
    ] {
        assert!(hive.key(path).unwrap().is_some(), "{path}");
    }
    for path in [r"index root\below 0730", r"names\Arger", r"hash leaf\GRÖSSE", r"fast leaf\abc"] {
        assert!(hive.key(path).unwrap().is_none(), "{path}");
    }
    let names = hive.key("names").unwrap().unwrap();
    assert_eq!(names.value("ЗНАЧЕНИЕ").unwrap().unwrap().text().unwrap(), "данные");
    assert_eq!(names.value("").unwrap().unwrap().text().unwrap(), "default");
    assert_eq!(names.value("(default)").unwrap(), None);
}

#[test]
fn data_mean_what_their_type_says() {
    let hive = open_hive("kinds", &[]);
    let key = hive.key("types").unwrap().unwrap();
    assert_eq!(key.class().unwrap().unwrap(), "class öf 類");
    assert_eq!(hive.root().unwrap().class().unwrap(), None);
    let value = |name: &str| key.value(name).unwrap().unwrap();
    assert_eq!(value("dword").dword(), Some(0xdead_beef));
    assert_eq!(value("big endian").dword(), Some(0x0102_0304));
    assert_eq!(value("four").dword(), None);
    assert_eq!(value("qword").qword(), Some(0x1122_3344_5566_7788));
    assert_eq!(value("sz").text().unwrap(), "text");
    assert_eq!(value("expand").text().unwrap(), r"%SystemRoot%\system32");
    assert_eq!(value("link").text().unwrap(), r"\Registry\Machine\System");
    assert_eq!(value("multi").texts().unwrap().unwrap(), ["one", "two"]);
    assert_eq!(value("multi with empty").texts().unwrap().unwrap(), ["one", "", "two", ""]);
    assert_eq!(value("multi without end").texts().unwrap().unwrap(), ["one", "two"]);
    assert_eq!(value("multi").text(), None);
    assert_eq!(value("sz").texts().unwrap(), None);
    assert_eq!(value("property").kind, ValueType::Other(0xffff_0012));
    assert_eq!(value("three").data, [1, 2, 3]);
}

#[test]
fn a_list_of_more_texts_than_any_real_one_is_refused() {
    let list = |count: usize| Value {
        name: String::new(),
        kind: ValueType::MultiSz,
        data: b"a\0\0\0".repeat(count),
    };
    assert_eq!(list(MAX_TEXTS).texts().unwrap().unwrap().len(), MAX_TEXTS);
    let mut ended = list(MAX_TEXTS);
    ended.data.extend([0, 0]);
    assert_eq!(ended.texts().unwrap().unwrap().len(), MAX_TEXTS);
    assert!(matches!(list(MAX_TEXTS + 1).texts(), Err(Error::Limit { unit: "texts", .. })));
}

#[test]
fn what_is_below_a_link_is_not_said_to_be_absent() {
    let hive = open_hive("kinds", &[]);
    assert!(hive.key("link").unwrap().unwrap().is_link());
    let error = hive.key(r"link\Ärger").unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
}

#[test]
fn a_log_of_the_old_format_makes_a_torn_hive_whole() {
    let hive = open_hive("dirty-old", &["dirty-old.LOG1"]);
    let HiveState::Replayed(replay) = hive.state() else { panic!("{:?}", hive.state()) };
    assert_eq!((replay.entries, replay.remarks.len()), (1, 0));
    is_listed(&hive, "after");
}

#[test]
fn logs_of_the_new_format_are_applied_in_the_order_of_their_entries() {
    for logs in [["dirty-new.LOG1", "dirty-new.LOG2"], ["dirty-new.LOG2", "dirty-new.LOG1"]] {
        let hive = open_hive("dirty-new", &logs);
        let HiveState::Replayed(replay) = hive.state() else { panic!("{:?}", hive.state()) };
        assert_eq!((replay.entries, replay.remarks.len()), (4, 0));
        is_listed(&hive, "after");
    }
}

#[test]
fn a_clean_hive_is_read_as_it_is_whatever_its_logs_have() {
    let mut clean = unpack("dirty-new");
    clean[8] = 9;
    seal(&mut clean);
    let hive = open_bytes(clean, &[unpack("dirty-new.LOG1"), unpack("dirty-new.LOG2")]).unwrap();
    assert_eq!(*hive.state(), HiveState::Clean);
    is_listed(&hive, "before");
}

#[test]
fn a_dirty_hive_without_logs_says_so() {
    let hive = open_hive("dirty-new", &[]);
    let HiveState::Dirty { reasons } = hive.state() else { panic!("{:?}", hive.state()) };
    assert!(reasons[0].contains("9 and 8"), "{reasons:?}");
    is_listed(&hive, "before");
}

#[test]
fn a_lost_base_block_is_taken_from_the_log() {
    let mut torn = unpack("dirty-old");
    torn[0x28] ^= 0xff;
    let error = open_bytes(torn.clone(), &[]).unwrap_err();
    assert!(matches!(error, Error::Corrupt { structure: "registry base block", .. }), "{error}");
    let hive = open_bytes(torn, &[unpack("dirty-old.LOG1")]).unwrap();
    assert!(matches!(hive.state(), HiveState::Replayed(_)));
    is_listed(&hive, "after");
    // Of two new logs, the one written last.
    let mut torn = unpack("dirty-new");
    torn[0x28] ^= 0xff;
    let logs = [unpack("dirty-new.LOG2"), unpack("dirty-new.LOG1")];
    let hive = open_bytes(torn, &logs).unwrap();
    let HiveState::Replayed(replay) = hive.state() else { panic!("{:?}", hive.state()) };
    assert_eq!(replay.entries, 2);
    assert!(replay.remarks[0].starts_with("log 1: older"), "{replay:?}");
}

#[test]
fn a_log_of_another_time_or_torn_itself_is_not_applied() {
    for (at, sealed, said) in [
        (12, true, "another time"),
        (4, true, "sequence numbers"),
        (0x28, false, "checksum"),
        (513, true, "DIRT"),
    ] {
        let mut log = unpack("dirty-old.LOG1");
        log[at] ^= 1;
        if sealed {
            seal(&mut log);
        }
        let hive = open_bytes(unpack("dirty-old"), &[log]).unwrap();
        let HiveState::Dirty { reasons } = hive.state() else { panic!("{:?}", hive.state()) };
        assert!(reasons[1].contains(said), "{reasons:?}");
    }
    let mut cut = unpack("dirty-old.LOG1");
    cut.truncate(cut.len() - 1);
    let hive = open_bytes(unpack("dirty-old"), &[cut]).unwrap();
    assert!(matches!(hive.state(), HiveState::Dirty { .. }));
}

#[test]
fn a_replay_stops_before_an_entry_that_is_torn() {
    let mut first = unpack("dirty-new.LOG2");
    let entries: Vec<_> =
        (512..first.len()).step_by(512).filter(|at| first[*at..].starts_with(b"HvLE")).collect();
    // The third entry is 9.
    first[entries[2] + 100] ^= 1;
    let hive = open_bytes(unpack("dirty-new"), &[unpack("dirty-new.LOG1"), first]).unwrap();
    let HiveState::Replayed(replay) = hive.state() else { panic!("{:?}", hive.state()) };
    assert_eq!(replay.entries, 1);
    assert!(replay.remarks[0].starts_with("log 2: entry"), "{replay:?}");
    assert!(replay.remarks[1].contains("begins with entry 10, but 9"), "{replay:?}");
}

#[test]
fn the_pages_of_an_entry_that_the_hive_has_already_are_not_read() {
    let mut first = unpack("dirty-new.LOG2");
    // The hive is at 8, and the entry at the beginning is 7.
    assert!(first[512..].starts_with(b"HvLE") && first[512 + 12] == 7);
    first[512 + 100] ^= 1;
    let hive = open_bytes(unpack("dirty-new"), &[unpack("dirty-new.LOG1"), first]).unwrap();
    let HiveState::Replayed(replay) = hive.state() else { panic!("{:?}", hive.state()) };
    assert_eq!((replay.entries, replay.remarks.len()), (4, 0));
    is_listed(&hive, "after");
}

/// Makes the checksum of a base block hold.
fn seal(block: &mut [u8]) {
    let (words, _) = block[..508].as_chunks::<4>();
    let sum = words.iter().fold(0, |sum, word| sum ^ u32::from_le_bytes(*word));
    block[508..512].copy_from_slice(&sum.to_le_bytes());
}

/// The hive `before` with something else at a byte of the cell that `of` finds, and what a look at
/// `path` then says.
fn damaged(path: &str, of: impl Fn(&Hive) -> u32, at: usize, bytes: &[u8]) -> Error {
    let mut raw = unpack("before");
    let cell = of(&open_bytes(raw.clone(), &[]).unwrap()) as usize + 4096;
    raw[cell + at..][..bytes.len()].copy_from_slice(bytes);
    let hive = open_bytes(raw, &[]).unwrap();
    let looked = || {
        let key = hive.key(path)?.expect("is there");
        key.subkeys()?;
        key.values()?;
        Ok::<_, Error>(())
    };
    looked().unwrap_err()
}

fn kept(hive: &Hive) -> u32 {
    hive.key("kept").unwrap().unwrap().offset
}

fn kept_list(hive: &Hive) -> u32 {
    list_of(&unpack("before"), kept(hive))
}

/// The offset of a key's list of subkeys.
fn list_of(raw: &[u8], key: u32) -> u32 {
    let at = key as usize + 4096 + 4 + 28;
    u32::from_le_bytes(raw[at..at + 4].try_into().unwrap())
}

#[test]
fn what_contradicts_the_format_is_named() {
    // A free cell, one that goes beyond its bin, one of no size.
    for size in [96_i32, -8192, -4, -100, 0, i32::MIN] {
        let error = damaged("kept", kept, 0, &size.to_le_bytes());
        assert!(matches!(error, Error::Corrupt { structure: "registry key node", .. }), "{error}");
    }
    let error = damaged("kept", kept, 4, b"vk");
    assert!(error.to_string().contains("\"nk\""), "{error}");
    // More and fewer subkeys than the list has, and a list that is none.
    for count in [39_u32, 41, 65_535] {
        let error = damaged("kept", kept, 4 + 20, &count.to_le_bytes());
        assert!(error.to_string().contains("subkeys"), "{error}");
    }
    let error = damaged("kept", kept, 4 + 20, &u32::MAX.to_le_bytes());
    assert!(matches!(error, Error::Limit { limit: 65_536, .. }), "{error}");
    for list in [0_u32, 1, 0x7fff_fff8, u32::MAX] {
        let error = damaged("kept", kept, 4 + 28, &list.to_le_bytes());
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    }
    // An index root that has itself as a list.
    let itself = kept_list(&open_hive("before", &[]));
    let root = [&b"ri\x01\x00"[..], &itself.to_le_bytes()].concat();
    let error = damaged("kept", kept_list, 4, &root);
    assert!(error.to_string().contains("found \"ri\""), "{error}");
    // A key twice in a list, a key that is its own child, the root as a child.
    let hive = open_hive("before", &[]);
    let first = hive.key(r"kept\kept 0000").unwrap().unwrap().offset;
    let error = damaged("kept", kept_list, 4 + 4 + 8, &first.to_le_bytes());
    assert!(error.to_string().contains("once"), "{error}");
    for child in [kept(&hive), hive.root] {
        let error = damaged("kept", kept_list, 4 + 4, &child.to_le_bytes());
        assert!(error.to_string().contains("parent"), "{error}");
    }
    // A bin that is none.
    let bin = |hive: &Hive| kept(hive) & !4095;
    let error = damaged("kept", bin, 0, b"xbin");
    assert!(error.to_string().contains("bin"), "{error}");
    // A name longer than the cell.
    let error = damaged("kept", kept, 4 + 72, &[200, 0]);
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
}

#[test]
fn a_key_with_a_wrong_hash_is_found_all_the_same() {
    let mut raw = unpack("before");
    let list = kept_list(&open_hive("before", &[])) as usize + 4096;
    raw[list + 4 + 4 + 4] ^= 1;
    let hive = open_bytes(raw, &[]).unwrap();
    assert!(hive.key(r"kept\kept 0000").unwrap().is_some());
}

#[test]
fn versions_and_files_that_are_not_read_are_named() {
    for (at, byte) in [(0x14, 2), (0x18, 2), (0x18, 7), (0x1c, 3), (0x20, 2)] {
        let mut raw = unpack("before");
        raw[at] = byte;
        seal(&mut raw);
        let error = open_bytes(raw, &[]).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    }
    assert!(open_bytes(unpack("dirty-old.LOG1"), &[]).is_err());
    assert!(open_bytes(Vec::new(), &[]).is_err());
}

#[test]
fn the_cost_of_one_hive_is_bounded() {
    let hive = open_hive("before", &[]);
    let mut most = MAX_CELLS_READ;
    let error = loop {
        most -= 1;
        match hive.root() {
            Ok(_) if most > 0 => {}
            Ok(_) => panic!("no bound"),
            Err(error) => break error,
        }
        if most == MAX_CELLS_READ - 10 {
            hive.bins.spend(MAX_CELLS_READ - 100);
        }
    };
    assert!(matches!(error, Error::Limit { limit: MAX_CELLS_READ, .. }), "{error}");
    assert!(MAX_CELLS_READ - most < 200);
}

/// Looks at everything below a key; gives how many reads failed.
fn visit(key: &Key<'_>, budget: &mut usize) -> usize {
    *budget = budget.saturating_sub(1);
    let mut failures = usize::from(key.class().is_err());
    failures += usize::from(key.value("a").is_err());
    let below =
        key.subkey("absent").is_err_and(|error| !matches!(error, Error::Unsupported { .. }));
    failures += usize::from(below);
    match key.values() {
        Ok(values) => {
            for value in values {
                let _ = (value.text(), value.texts(), value.dword(), value.qword());
            }
        }
        Err(_) => failures += 1,
    }
    match key.subkeys() {
        Ok(subkeys) => {
            for subkey in subkeys {
                if *budget > 0 {
                    failures += visit(&subkey, budget);
                }
            }
        }
        Err(_) => failures += 1,
    }
    failures
}

#[test]
fn mutants_give_an_answer_or_an_error() {
    let mut random = XorShift(0x9E37_79B9_7F4A_7C15);
    for (name, logs, most) in [
        ("before", &[][..], 1500),
        ("kinds", &[], 300),
        ("dirty-old", &["dirty-old.LOG1"], 600),
        ("dirty-new", &["dirty-new.LOG1", "dirty-new.LOG2"], 600),
    ] {
        let mut files = vec![unpack(name)];
        files.extend(logs.iter().map(|log| unpack(log)));
        let sound = open_bytes(files[0].clone(), &files[1..]).unwrap();
        assert_eq!(visit(&sound.root().unwrap(), &mut 2000), 0, "{name}");
        let (mut opened, mut failed) = (0, 0);
        let start = Instant::now();
        for _ in 0..most {
            let mut files = files.clone();
            for _ in 0..=random.below(8) {
                let which = random.below(files.len());
                let file = &mut files[which];
                // Bytes of the base block, and fields at multiples of four.
                let at = match random.below(8) {
                    0 => random.below(512),
                    1 => random.below(file.len().min(16_384)),
                    _ => (512 + random.below(file.len() - 512)) & !3,
                };
                file[at] = match random.below(4) {
                    0 => 0,
                    1 => 0xff,
                    2 => file[at] ^ (1 << random.below(8)),
                    _ => random.next() as u8,
                };
            }
            // A hostile image has sums that hold.
            if random.below(4) > 0 {
                files.iter_mut().for_each(|file| seal(file));
            }
            let Ok(hive) = open_bytes(files[0].clone(), &files[1..]) else { continue };
            opened += 1;
            match hive.root() {
                Ok(root) => failed += usize::from(visit(&root, &mut 2000) > 0),
                Err(_) => failed += 1,
            }
        }
        assert!(
            opened > most / 4 && failed > most / 20,
            "{name}: {opened} opened, {failed} failed"
        );
        assert!(start.elapsed() < Duration::from_secs(120), "{name}");
    }
}
