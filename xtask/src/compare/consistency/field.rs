//! Where the fields of a qcow2 file's metadata stand (QEMU `docs/interop/qcow2.rst`). Written from the
//! specification apart from the library's own parser, whose mistakes it must not share.

/// A field, or an entry of a table.
#[derive(Clone)]
pub struct Field {
    /// Structure and field.
    pub name: String,
    pub at: usize,
    /// Bytes: 1 to 16.
    pub len: usize,
}

/// The file's bytes.
pub struct Image<'a>(pub &'a [u8]);

const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;

/// Fields of the header: name, place, length.
const HEADER: &[(&str, usize, usize)] = &[
    ("magic", 0, 4),
    ("version", 4, 4),
    ("backing_file_offset", 8, 8),
    ("backing_file_size", 16, 4),
    ("cluster_bits", 20, 4),
    ("size", 24, 8),
    ("crypt_method", 32, 4),
    ("l1_size", 36, 4),
    ("l1_table_offset", 40, 8),
    ("refcount_table_offset", 48, 8),
    ("refcount_table_clusters", 56, 4),
    ("nb_snapshots", 60, 4),
    ("snapshots_offset", 64, 8),
];

const HEADER_V3: &[(&str, usize, usize)] = &[
    ("incompatible_features", 72, 8),
    ("compatible_features", 80, 8),
    ("autoclear_features", 88, 8),
    ("refcount_order", 96, 4),
    ("header_length", 100, 4),
    ("compression_type", 104, 1),
];

/// Entries of one table that are damaged: the first that say something, and one that does not.
const ENTRIES: usize = 4;

impl Image<'_> {
    pub fn number(&self, at: usize, len: usize) -> u64 {
        let bytes = self.0.get(at..at + len).unwrap_or_default();
        bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte))
    }

    fn at(&self, at: usize) -> usize {
        self.number(at, 8) as usize
    }

    /// Where the refcount of one of the first clusters stands, if it is 16 bits wide.
    pub fn refcount_at(&self, cluster: usize) -> Option<usize> {
        let wide = self.number(4, 4) == 2 || self.number(96, 4) == 4;
        let block = self.at(self.at(48));
        (wide && block != 0).then_some(block + 2 * cluster)
    }

    /// All fields.
    pub fn fields(&self) -> Vec<Field> {
        let mut fields = Vec::new();
        let mut add = |name: String, at: usize, len: usize| {
            if at + len <= self.0.len() {
                fields.push(Field { name, at, len });
            }
        };
        let v3 = self.number(4, 4) == 3;
        for (name, at, len) in HEADER.iter().chain(HEADER_V3.iter().filter(|_| v3)) {
            add(format!("header {name}"), *at, *len);
        }
        let cluster = 1 << self.number(20, 4);
        let wide = v3 && self.number(72, 8) & 1 << 4 != 0;
        self.extensions(if v3 { self.number(100, 4) as usize } else { 72 }, &mut add);
        self.mapping("", self.at(40), self.number(36, 4) as usize, cluster, wide, &mut add);
        let order = if v3 { self.number(96, 4) } else { 4 };
        self.refcounts(cluster, order, &mut add);
        let mut at = self.at(64);
        for index in 0..self.number(60, 4) {
            let name = |field| format!("snapshot {index} {field}");
            add(name("l1_table_offset"), at, 8);
            add(name("l1_size"), at + 8, 4);
            add(name("id_length"), at + 12, 2);
            add(name("name_length"), at + 14, 2);
            add(name("extra_data_size"), at + 36, 4);
            let (l1, size) = (self.at(at), self.number(at + 8, 4) as usize);
            self.mapping(&format!("snapshot {index} "), l1, size, cluster, wide, &mut add);
            let strings = self.number(at + 12, 2) + self.number(at + 14, 2);
            let len = 40 + (self.number(at + 36, 4) + strings) as usize;
            at += len.next_multiple_of(8);
        }
        fields
    }

    fn extensions(&self, mut at: usize, add: &mut dyn FnMut(String, usize, usize)) {
        for index in 0..8 {
            let (kind, len) = (self.number(at, 4), self.number(at + 4, 4) as usize);
            add(format!("extension {index} type"), at, 4);
            add(format!("extension {index} length"), at + 4, 4);
            match kind {
                0 => return,
                0x2385_2875 => self.bitmaps(at + 8, add),
                0x0537_be77 => {
                    add("encryption header offset".into(), at + 8, 8);
                    add("encryption header length".into(), at + 16, 8);
                }
                _ => {}
            }
            at += 8 + len.next_multiple_of(8);
        }
    }

    fn bitmaps(&self, at: usize, add: &mut dyn FnMut(String, usize, usize)) {
        add("bitmaps nb_bitmaps".into(), at, 4);
        add("bitmaps reserved".into(), at + 4, 4);
        add("bitmaps directory_size".into(), at + 8, 8);
        add("bitmaps directory_offset".into(), at + 16, 8);
        let mut entry = self.at(at + 16);
        for index in 0..self.number(at, 4) {
            for (field, place, len) in [
                ("bitmap_table_offset", 0, 8),
                ("bitmap_table_size", 8, 4),
                ("flags", 12, 4),
                ("type", 16, 1),
                ("granularity_bits", 17, 1),
                ("name_size", 18, 2),
                ("extra_data_size", 20, 4),
                ("name", 24, 1),
            ] {
                add(format!("bitmap {index} {field}"), entry + place, len);
            }
            let table = self.at(entry);
            for position in 0..self.number(entry + 8, 4).min(3) as usize {
                add(format!("bitmap {index} table entry"), table + 8 * position, 8);
            }
            entry += (24 + self.number(entry + 18, 2) as usize).next_multiple_of(8);
        }
    }

    fn mapping(
        &self,
        of: &str,
        l1: usize,
        size: usize,
        cluster: usize,
        wide: bool,
        add: &mut dyn FnMut(String, usize, usize),
    ) {
        for at in self.some_of(l1, size, 8) {
            add(format!("{of}L1 entry"), at, 8);
            let l2 = (self.number(at, 8) & OFFSET) as usize;
            if l2 == 0 {
                continue;
            }
            let len = if wide { 16 } else { 8 };
            for entry in self.some_of(l2, cluster / len, len) {
                add(format!("{of}L2 entry"), entry, 8);
                if wide {
                    add(format!("{of}L2 bitmap"), entry + 8, 8);
                }
            }
        }
    }

    fn refcounts(&self, cluster: usize, order: u64, add: &mut dyn FnMut(String, usize, usize)) {
        let table = self.at(48);
        for at in self.some_of(table, self.number(56, 4) as usize * cluster / 8, 8) {
            add("refcount table entry".into(), at, 8);
            let block = self.at(at);
            if block == 0 {
                continue;
            }
            let width = ((1 << order) / 8).max(1);
            // Those of the first clusters, which metadata uses, of some later ones, and free ones.
            let used = self.0.len() / cluster * (1 << order) / 8;
            for at in [0, 1, 2, 3, 4, used / 2, used.saturating_sub(width), used + 2] {
                let at = at / width * width + at % 5 * width;
                add("refcount".into(), block + at.min(cluster - 8), width);
            }
        }
    }

    /// The first entries of a table that are not zero, the last such, and the first that is.
    fn some_of(&self, table: usize, count: usize, len: usize) -> Vec<usize> {
        let entries = (0..count).map(|index| table + index * len);
        let says = |&at: &usize| {
            self.0.get(at..at + len).is_some_and(|bytes| bytes.iter().any(|&byte| byte != 0))
        };
        let mut some: Vec<usize> = entries.clone().filter(says).take(ENTRIES).collect();
        some.extend(entries.clone().rfind(says));
        some.extend(entries.clone().find(|at| !says(at)));
        some.sort_unstable();
        some.dedup();
        some
    }
}
