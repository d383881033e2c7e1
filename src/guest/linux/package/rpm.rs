//! rpm's database: where it is, in which form, and the packages in it.

use std::collections::BTreeSet;

use super::source::Source;
use super::{Packages, berkeley_hash, ndb, rpm_header, sqlite};
use crate::error::{Error, Result};
use crate::fact::{Evidence, Unread};
use crate::filesystem::FileType;
use crate::filesystem::tree::Tree;
use crate::guest::facts::{Package, PackageFacts};

/// Where rpm keeps its database (`%_dbpath`): Fedora 36 and SUSE moved it, others did not.
const DIRECTORIES: [&str; 2] = ["/var/lib/rpm", "/usr/lib/sysimage/rpm"];

/// Bytes at the beginning of a rollback journal that holds something
/// (<https://sqlite.org/fileformat2.html>, section 3).
const JOURNAL_MAGIC: &[u8] = &[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// Longest tail of unread records that is told one by one.
const MAX_UNREAD: usize = 8;

/// A form of the database.
#[derive(Debug, Clone, Copy)]
enum Form {
    Sqlite,
    Ndb,
    Berkeley,
}

/// The file names, the newest form first: a database that was converted may leave the older file.
const FILES: [(&str, Form); 3] =
    [("rpmdb.sqlite", Form::Sqlite), ("Packages.db", Form::Ndb), ("Packages", Form::Berkeley)];

/// Adds what rpm has installed.
pub(super) fn find(tree: &Tree, facts: &mut PackageFacts, packages: &mut Packages) {
    let mut seen = BTreeSet::new();
    for directory in DIRECTORIES {
        match tree.canonicalize(directory) {
            // One of the two is a link to the other.
            Ok((real, _)) if !seen.insert(real.clone()) => continue,
            Ok(_) => {}
            Err(error) if error.is_absent() => continue,
            Err(error) => {
                facts.unread.push(Unread::from((directory, &error)));
                continue;
            }
        }
        for (name, form) in FILES {
            let path = format!("{directory}/{name}");
            match tree.metadata(&path) {
                Ok(metadata) if metadata.file_type == FileType::Regular && metadata.len > 0 => {
                    database(tree, &path, form, facts, packages);
                    break;
                }
                Ok(_) => {}
                Err(error) if error.is_absent() => {}
                Err(error) => facts.unread.push(Unread::from((path.as_str(), &error))),
            }
        }
    }
}

fn database(
    tree: &Tree,
    path: &str,
    form: Form,
    facts: &mut PackageFacts,
    packages: &mut Packages,
) {
    let before = packages.list.len();
    let mut reader = Reader { path, packages, unread: Vec::new() };
    let read = match form {
        Form::Sqlite => reader.sqlite(tree),
        Form::Ndb => reader.ndb(tree),
        Form::Berkeley => reader.berkeley(tree),
    };
    let Reader { packages, mut unread, .. } = reader;
    facts.unread.append(&mut unread);
    if let Err(error) = read {
        facts.unread.push(Unread::from((path, &error)));
    }
    let count = packages.list.len().saturating_sub(before);
    let name = match form {
        Form::Sqlite => "rpm (SQLite)",
        Form::Ndb => "rpm (ndb)",
        Form::Berkeley => "rpm (Berkeley DB)",
    };
    facts.databases.push(Evidence::new(path, format!("{name}, {count} packages")));
}

struct Reader<'a> {
    path: &'a str,
    packages: &'a mut Packages,
    unread: Vec<Unread>,
}

impl Reader<'_> {
    fn sqlite(&mut self, tree: &Tree) -> Result<()> {
        let journal = format!("{}-journal", self.path);
        match tree.open(&journal) {
            Ok(bytes) => {
                let journal = Source::new(bytes.as_ref());
                let start = journal.read(0, JOURNAL_MAGIC.len());
                if start.is_ok_and(|start| start == JOURNAL_MAGIC) {
                    return Err(Error::unsupported("SQLite journal", 0, "an unfinished change"));
                }
            }
            Err(error) if error.is_absent() => {}
            Err(error) => return Err(error),
        }
        let log = match tree.open(&format!("{}-wal", self.path)) {
            Ok(log) => Some(log),
            Err(error) if error.is_absent() => None,
            Err(error) => return Err(error),
        };
        let bytes = tree.open(self.path)?;
        let source = Source::new(bytes.as_ref());
        let log = log.as_ref().map(|log| Source::new(log.as_ref()));
        let database = sqlite::Database::open(&source, log.as_ref())?;
        let root = database
            .table("Packages")?
            .ok_or_else(|| Error::corrupt("SQLite schema", 0, "a table Packages", "none"))?;
        // `CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)`
        // (rpm's `lib/backend/sqlite.c`).
        database.rows(root, &mut |row| {
            let identity = database
                .blob(&row, 1)
                .and_then(|(len, mut prefix)| rpm_header::identity(len, &mut prefix));
            self.take(&row.id.to_string(), identity)
        })
    }

    fn ndb(&mut self, tree: &Tree) -> Result<()> {
        let bytes = tree.open(self.path)?;
        let source = Source::new(bytes.as_ref());
        for blob in ndb::blobs(&source)? {
            let mut prefix = |wanted: usize| source.read(blob.offset, wanted.min(blob.len));
            let identity = rpm_header::identity(blob.len, &mut prefix);
            self.take(&blob.package.to_string(), identity)?;
        }
        Ok(())
    }

    fn berkeley(&mut self, tree: &Tree) -> Result<()> {
        let bytes = tree.open(self.path)?;
        let source = Source::new(bytes.as_ref());
        let database = berkeley_hash::Hash::open(&source)?;
        database.pairs(&mut |key, value| {
            let number = database.order().u32(&key, 0).unwrap_or(0);
            // Under the key 0 is the last number that was given (rpm's `lib/rpmdb.c`).
            if number == 0 {
                return Ok(());
            }
            let identity = match value {
                berkeley_hash::Value::Here(bytes) => {
                    let mut prefix = |wanted| Ok(bytes.get(..wanted).unwrap_or(&bytes).to_vec());
                    rpm_header::identity(bytes.len(), &mut prefix)
                }
                berkeley_hash::Value::Chain { page, len } => {
                    let mut prefix = |wanted: usize| database.chain(page, wanted.min(len));
                    rpm_header::identity(len, &mut prefix)
                }
            };
            self.take(&number.to_string(), identity)
        })
    }

    /// Keeps a package; one that cannot be read leaves the others.
    fn take(&mut self, number: &str, identity: Result<rpm_header::Identity>) -> Result<()> {
        let location = format!("{}, package {number}", self.path);
        match identity {
            Ok(rpm_header::Identity { name, version, arch }) => {
                self.packages.add(Package { name, version, arch, location })
            }
            Err(error @ Error::Limit { .. }) => Err(error),
            Err(error) if self.unread.len() >= MAX_UNREAD => Err(error),
            Err(error) => {
                self.unread.push(Unread::from((location.as_str(), &error)));
                Ok(())
            }
        }
    }
}
