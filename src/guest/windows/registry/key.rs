//! Keys.
//!
//! Source: regf, "Key node".

use std::collections::HashSet;
use std::fmt;

use super::bins::NIL;
use super::hive::Hive;
use super::name::{Stored, Wanted};
use super::subkeys::{self, Element};
use super::value::{self, Value};
use crate::error::{Error, Result};
use crate::filesystem::structure::Structure;

/// Deepest key below the root (Microsoft, "Registry Element Size Limits").
pub const MAX_DEPTH: u16 = 512;

/// Longest name of a key in bytes: 255 characters of UTF-16 (as above), with some room.
const MAX_NAME: usize = 512;

/// Length of a key node before the name in bytes.
const HEADER: usize = 76;

/// `KEY_SYM_LINK`: the key stands for another one.
const LINK: u16 = 0x10;

/// `KEY_COMP_NAME`: the name is stored with one byte a character.
const COMPRESSED: u16 = 0x20;

/// `KEY_PREDEF_HANDLE`: a handle stands where the number of values should.
const PREDEFINED: u16 = 0x40;

/// A key of a hive.
#[derive(Clone)]
pub struct Key<'a> {
    hive: &'a Hive,
    pub(super) offset: u32,
    depth: u16,
    name: String,
    flags: u16,
    last_written: u64,
    subkeys: (u32, u32),
    values: (u32, u32),
    class: (u16, u32),
}

impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<'a> Key<'a> {
    pub(super) fn root(hive: &'a Hive) -> Result<Self> {
        let found = Self::read(hive, hive.root, None, |_| true)?;
        found.ok_or_else(|| Error::corrupt("registry key node", 0, "the root", "none"))
    }

    /// The key node in the cell at `offset`, if it is the one that is looked for.
    fn read(
        hive: &'a Hive,
        offset: u32,
        parent: Option<&Key<'_>>,
        wanted: impl FnOnce(Stored<'_>) -> bool,
    ) -> Result<Option<Self>> {
        let cell = hive.bins.cell("registry key node", offset)?;
        let content = cell.prefix(HEADER.saturating_add(MAX_NAME))?;
        let s = content.s();
        let signature = s.bytes(0, 2)?;
        if signature != b"nk" {
            let found = format!("{:?}", String::from_utf8_lossy(signature));
            return Err(s.corrupt(0, "\"nk\"", found));
        }
        let flags = s.u16(2)?;
        let name = name(&s, flags)?;
        if !wanted(name) {
            return Ok(None);
        }
        // A tree: each key has one parent, and knows which. So no key is its own ancestor.
        let depth = match parent {
            None => 0,
            Some(parent) => {
                let own = s.u32(16)?;
                if own != parent.offset || offset == hive.root {
                    let expected = format!("the parent at cell {:#x}", parent.offset);
                    return Err(s.corrupt(16, expected, format!("{own:#x}")));
                }
                if parent.depth >= MAX_DEPTH {
                    let (structure, limit) = ("registry key node", u64::from(MAX_DEPTH));
                    return Err(Error::Limit { structure, limit, unit: "levels" });
                }
                parent.depth.saturating_add(1)
            }
        };
        Ok(Some(Self {
            hive,
            offset,
            depth,
            name: name.text(),
            flags,
            last_written: s.u64(4)?,
            subkeys: (s.u32(20)?, s.u32(28)?),
            values: (s.u32(36)?, s.u32(40)?),
            class: (s.u16(74)?, s.u32(48)?),
        }))
    }

    /// Its own name, without its path; what is no Unicode in it is U+FFFD.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When the key, or a value of it, was last changed, as FILETIME: 100 nanoseconds since
    /// 1601-01-01 UTC.
    pub fn last_written(&self) -> u64 {
        self.last_written
    }

    /// Whether it is a link to another key, which its value `SymbolicLinkValue` names. Links are not
    /// followed here.
    pub fn is_link(&self) -> bool {
        self.flags & LINK != 0
    }

    /// The name of its class; most keys have none.
    ///
    /// # Errors
    /// When the cell with the name cannot be read.
    pub fn class(&self) -> Result<Option<String>> {
        let (len, offset) = self.class;
        if len == 0 || offset == NIL {
            return Ok(None);
        }
        let cell = self.hive.bins.cell("class name of a registry key", offset)?;
        let content = cell.exact(u32::from(len))?;
        Ok(Some(Stored::read(&content.s(), 0, usize::from(len), false)?.text()))
    }

    /// The key at a path below this one, components separated by `\`, compared without case; the key
    /// itself for an empty path. `None` says reliably that there is none.
    ///
    /// # Errors
    /// When a key on the way cannot be read; [`Error::Unsupported`] when one is a link.
    pub fn subkey(&self, path: &str) -> Result<Option<Self>> {
        let mut key = self.clone();
        for name in path.split('\\').filter(|name| !name.is_empty()) {
            if key.is_link() {
                let cell = super::bins::place(key.offset);
                let what = format!("the link {}", key.name);
                return Err(Error::unsupported("registry key node", cell, what));
            }
            match key.child(&Wanted::new(name))? {
                Some(next) => key = next,
                None => return Ok(None),
            }
        }
        Ok(Some(key))
    }

    /// The subkey of that name. The list may be in any order; where it has hashes, those whose hash
    /// is the name's come first, and all others after them: a hash may be wrong, too.
    fn child(&self, wanted: &Wanted) -> Result<Option<Self>> {
        let hash = wanted.hash();
        let (likely, others): (Vec<_>, Vec<_>) = self
            .elements()?
            .into_iter()
            .partition(|element| element.hash.is_none_or(|of| of == hash));
        for Element { offset, .. } in likely.into_iter().chain(others) {
            let found = Self::read(self.hive, offset, Some(self), |name| name.is(wanted))?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn elements(&self) -> Result<Vec<Element>> {
        let (count, list) = self.subkeys;
        subkeys::read(&self.hive.bins, list, count)
    }

    /// Its subkeys, in the order of their list.
    ///
    /// # Errors
    /// When the list or one of them cannot be read; [`Error::Limit`] above [`super::MAX_SUBKEYS`] and
    /// below [`MAX_DEPTH`].
    pub fn subkeys(&self) -> Result<Vec<Self>> {
        let mut seen = HashSet::new();
        let mut keys = Vec::new();
        for Element { offset, .. } in self.elements()? {
            if !seen.insert(offset) {
                let place = super::bins::place(offset);
                return Err(Error::corrupt(
                    "registry subkeys list",
                    place,
                    "each key once",
                    "it twice",
                ));
            }
            keys.extend(Self::read(self.hive, offset, Some(self), |_| true)?);
        }
        Ok(keys)
    }

    /// How many subkeys it says that it has.
    pub fn subkey_count(&self) -> u32 {
        self.subkeys.0
    }

    /// The value of that name, compared without case; `""` is the default value. `None` says reliably
    /// that there is none.
    ///
    /// # Errors
    /// When the list of values, a value before it, or its data cannot be read; [`Error::Limit`] above
    /// [`super::MAX_VALUE_BYTES`].
    pub fn value(&self, name: &str) -> Result<Option<Value>> {
        let (count, list) = self.value_list()?;
        value::find(&self.hive.bins, list, count, &Wanted::new(name))
    }

    /// Its values, in the order of their list.
    ///
    /// # Errors
    /// When the list or one of them cannot be read; [`Error::Limit`] above [`super::MAX_VALUES`],
    /// [`super::MAX_DATA`] for one, or [`super::MAX_VALUES_BYTES`] for all.
    pub fn values(&self) -> Result<Vec<Value>> {
        let (count, list) = self.value_list()?;
        value::all(&self.hive.bins, list, count)
    }

    fn value_list(&self) -> Result<(u32, u32)> {
        if self.flags & PREDEFINED != 0 {
            let cell = super::bins::place(self.offset);
            let what = format!("the predefined handle {}", self.name);
            return Err(Error::unsupported("registry key node", cell, what));
        }
        Ok(self.values)
    }
}

fn name<'s>(s: &Structure<'s>, flags: u16) -> Result<Stored<'s>> {
    let len = usize::from(s.u16(72)?);
    if len > MAX_NAME {
        return Err(s.corrupt(72, "a name of at most 255 characters", format!("{len} bytes")));
    }
    Stored::read(s, HEADER, len, flags & COMPRESSED != 0)
}
