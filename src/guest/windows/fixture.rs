//! Windows trees for tests: hives written byte for byte after "Windows registry file format
//! specification" (regf), in a file system in memory.

use std::collections::BTreeMap;

use super::hklm::Hklm;
use super::registry::Registry;
use super::system_root::SystemRoot;
use crate::filesystem::memory::MemoryFs;
use crate::filesystem::tree::Tree;

/// No cell.
const NIL: u32 = u32::MAX;

/// A value: its name, type and data.
type Data = (String, u32, Vec<u8>);

#[derive(Default)]
struct Key {
    class: Vec<u8>,
    values: Vec<Data>,
    subkeys: BTreeMap<String, Key>,
}

/// A hive in the making. Keys on the way come by themselves; values go into the key named last.
#[derive(Default)]
pub(super) struct Hive {
    root: Key,
    last: Vec<String>,
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

impl Hive {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn key(mut self, path: &str) -> Self {
        self.last = path.split('\\').map(str::to_owned).collect();
        self.at();
        self
    }

    fn at(&mut self) -> &mut Key {
        let names = self.last.iter();
        names.fold(&mut self.root, |key, name| key.subkeys.entry(name.clone()).or_default())
    }

    fn value(mut self, name: &str, kind: u32, data: Vec<u8>) -> Self {
        self.at().values.push((name.to_owned(), kind, data));
        self
    }

    /// REG_SZ.
    pub(super) fn text(self, name: &str, text: &str) -> Self {
        self.value(name, 1, utf16(&format!("{text}\0")))
    }

    /// REG_BINARY.
    pub(super) fn binary(self, name: &str, data: &[u8]) -> Self {
        self.value(name, 3, data.to_vec())
    }

    /// REG_DWORD.
    pub(super) fn dword(self, name: &str, number: u32) -> Self {
        self.value(name, 4, number.to_le_bytes().to_vec())
    }

    /// REG_MULTI_SZ.
    pub(super) fn texts(self, name: &str, texts: &[&str]) -> Self {
        let all: String = texts.iter().map(|text| format!("{text}\0")).collect();
        self.value(name, 7, utf16(&format!("{all}\0")))
    }

    /// The class of the key named last.
    pub(super) fn class(mut self, class: &str) -> Self {
        self.at().class = utf16(class);
        self
    }

    /// The file.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bin = vec![0; 32];
        let root = write(&mut bin, &self.root, "ROOT", 0x2c);
        // What is left of the bin is one free cell.
        let free = bin.len();
        bin.resize((free + 8).next_multiple_of(4096), 0);
        let len = u32::try_from(bin.len()).unwrap();
        put(&mut bin, free, len - u32::try_from(free).unwrap());
        bin[..4].copy_from_slice(b"hbin");
        put(&mut bin, 8, len);
        let mut base = vec![0; 4096];
        base[..4].copy_from_slice(b"regf");
        for (at, number) in
            [(4, 1), (8, 1), (20, 1), (24, 5), (32, 1), (36, root), (40, len), (44, 1)]
        {
            put(&mut base, at, number);
        }
        let words = base[..508].as_chunks::<4>().0.iter();
        let sum = words.fold(0, |sum, word| sum ^ u32::from_le_bytes(*word));
        put(&mut base, 508, sum);
        [base, bin].concat()
    }
}

fn put(bytes: &mut [u8], at: usize, number: u32) {
    bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
}

/// Adds a cell; gives its offset.
fn cell(bin: &mut Vec<u8>, content: &[u8]) -> u32 {
    let at = bin.len();
    let size = (content.len() + 4).next_multiple_of(8);
    bin.extend(u32::try_from(size).unwrap().wrapping_neg().to_le_bytes());
    bin.extend(content);
    bin.resize(at + size, 0);
    u32::try_from(at).unwrap()
}

fn list(bin: &mut Vec<u8>, head: &[u8], offsets: &[u32]) -> u32 {
    if offsets.is_empty() {
        return NIL;
    }
    let offsets = offsets.iter().flat_map(|offset| offset.to_le_bytes());
    let content: Vec<u8> = head.iter().copied().chain(offsets).collect();
    cell(bin, &content)
}

/// Adds a key with all below it; gives the offset of its node.
fn write(bin: &mut Vec<u8>, key: &Key, name: &str, flags: u16) -> u32 {
    let mut values = Vec::new();
    for (name, kind, data) in &key.values {
        let len = u32::try_from(data.len()).unwrap();
        // Up to four bytes stand in the place of their offset.
        let (len, place) = match data.len() {
            0..=4 => {
                let mut inside = [0; 4];
                inside[..data.len()].copy_from_slice(data);
                (len | 1 << 31, u32::from_le_bytes(inside))
            }
            _ => (len, cell(bin, data)),
        };
        let mut node = vec![0; 20];
        node[..2].copy_from_slice(b"vk");
        put(&mut node, 2, u32::try_from(name.len()).unwrap());
        for (at, number) in [(4, len), (8, place), (12, *kind), (16, 1)] {
            put(&mut node, at, number);
        }
        node.extend(name.as_bytes());
        values.push(cell(bin, &node));
    }
    let subkeys: Vec<u32> =
        key.subkeys.iter().map(|(name, key)| write(bin, key, name, 0x20)).collect();
    let count = u16::try_from(subkeys.len()).unwrap().to_le_bytes();
    let of_keys = list(bin, &[b"li", &count[..]].concat(), &subkeys);
    let of_values = list(bin, &[], &values);
    let class = if key.class.is_empty() { NIL } else { cell(bin, &key.class) };
    let (names, classes) = (u32::try_from(name.len()).unwrap(), u32::try_from(key.class.len()));
    let mut node = vec![0; 76];
    node[..2].copy_from_slice(b"nk");
    node[2..4].copy_from_slice(&flags.to_le_bytes());
    let [keys, values] = [subkeys.len(), values.len()].map(|count| u32::try_from(count).unwrap());
    for (at, number) in [
        (20, keys),
        (28, of_keys),
        (32, NIL),
        (36, values),
        (40, of_values),
        (44, NIL),
        (48, class),
        (72, names | classes.unwrap() << 16),
    ] {
        put(&mut node, at, number);
    }
    node.extend(name.as_bytes());
    let at = cell(bin, &node);
    for subkey in subkeys {
        // The parent, behind the cell's size and 16 bytes of the node.
        put(bin, usize::try_from(subkey).unwrap() + 20, at);
    }
    at
}

/// A Windows tree: its hives, and whatever other files a test adds.
pub(super) struct Guest {
    system: Hive,
    software: Hive,
    sam: Hive,
    files: MemoryFs,
}

/// A tree of Windows 2016 with nothing but the control set 1, which is in use.
pub(super) fn guest() -> Guest {
    let system = Hive::new().key("Select").dword("Current", 1).dword("Default", 1);
    Guest {
        system: system.key("ControlSet001"),
        software: Hive::new().key("Microsoft"),
        sam: Hive::new().key("SAM"),
        files: MemoryFs::new(),
    }
}

impl Guest {
    pub(super) fn system(self, edit: impl FnOnce(Hive) -> Hive) -> Self {
        Self { system: edit(self.system), ..self }
    }

    pub(super) fn software(self, edit: impl FnOnce(Hive) -> Hive) -> Self {
        Self { software: edit(self.software), ..self }
    }

    pub(super) fn sam(self, edit: impl FnOnce(Hive) -> Hive) -> Self {
        Self { sam: edit(self.sam), ..self }
    }

    pub(super) fn files(self, edit: impl FnOnce(MemoryFs) -> MemoryFs) -> Self {
        Self { files: edit(self.files), ..self }
    }

    /// Looks at the tree.
    pub(super) fn look<T>(self, at: impl FnOnce(&Tree, &SystemRoot, &Hklm<'_>) -> T) -> T {
        let hives = [("SYSTEM", &self.system), ("SOFTWARE", &self.software), ("SAM", &self.sam)];
        let files = hives.iter().fold(self.files, |files, (name, hive)| {
            files.file(&format!("/Windows/System32/config/{name}"), hive.bytes())
        });
        let tree = files.tree();
        let registry = Registry::open(&tree);
        let root = SystemRoot::new(&registry.directory, None);
        at(&tree, &root, &Hklm::new(&registry))
    }
}
