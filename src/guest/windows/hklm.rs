//! `HKEY_LOCAL_MACHINE` as Windows sees it: keys by their paths, with the names that people know them
//! by.

use super::registry::{Hive, Key, Registry, Value};
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::Seen;

/// Longest text that is asked for, in bytes as it is stored: paths have at most 520, lists of addresses
/// some hundred.
const MAX_TEXT: usize = 8 << 10;

/// Most bytes of a list of texts; the longest that is asked for has some KiB.
const MAX_LIST: usize = 64 << 10;

/// A place in the registry, where a key may be or not.
#[derive(Clone)]
pub(super) struct Place<'a> {
    key: Option<Key<'a>>,
    /// As Windows names it: `HKLM\SYSTEM\ControlSet001\Services`.
    pub(super) path: String,
}

impl<'a> Place<'a> {
    /// The name of the key itself.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('\\').next().unwrap_or_default()
    }

    /// Whether there is a key.
    pub(super) fn exists(&self) -> bool {
        self.key.is_some()
    }

    /// The name of its class; `None` where there is no key or no class.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn class(&self) -> Result<Option<String>> {
        match &self.key {
            Some(key) => key.class(),
            None => Ok(None),
        }
    }

    /// The place below it.
    ///
    /// # Errors
    /// When the way there cannot be read.
    pub(super) fn at(&self, path: &str) -> Result<Self> {
        let key = match &self.key {
            Some(key) => key.subkey(path)?,
            None => None,
        };
        Ok(Self { key, path: format!(r"{}\{path}", self.path) })
    }

    /// The keys below it; none where there is no key.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(super) fn below(&self) -> Result<Vec<Self>> {
        let Some(key) = &self.key else { return Ok(Vec::new()) };
        let keys = key.subkeys()?.into_iter();
        Ok(keys
            .map(|key| Self { path: format!(r"{}\{}", self.path, key.name()), key: Some(key) })
            .collect())
    }

    /// A value; `None` where there is no key or no such value.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn value(&self, name: &str) -> Result<Option<Value>> {
        match &self.key {
            Some(key) => key.value(name),
            None => Ok(None),
        }
    }

    /// All values; none where there is no key.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(super) fn values(&self) -> Result<Vec<Value>> {
        match &self.key {
            Some(key) => key.values(),
            None => Ok(Vec::new()),
        }
    }

    /// A number, with its evidence.
    ///
    /// # Errors
    /// As [`Place::value`]; when the value is no number.
    pub(super) fn dword(&self, name: &str) -> Result<Option<Seen<u32>>> {
        let Some(value) = self.value(name)? else { return Ok(None) };
        let number = value.dword().ok_or_else(|| self.other(name, "a REG_DWORD", &value))?;
        Ok(Some(Seen::new(number, self.evidence(name, number))))
    }

    /// A text that is not empty, with its evidence.
    ///
    /// # Errors
    /// As [`Place::value`]; when the value is no text, or longer than any that is asked for.
    pub(super) fn text(&self, name: &str) -> Result<Option<Seen<String>>> {
        let Some(value) = self.value(name)? else { return Ok(None) };
        self.check_len(name, &value, MAX_TEXT)?;
        let text = value.text().ok_or_else(|| self.other(name, "a REG_SZ", &value))?;
        if text.is_empty() {
            return Ok(None);
        }
        let evidence = self.evidence(name, &text);
        Ok(Some(Seen::new(text, evidence)))
    }

    /// The texts of a list, without empty ones. One text alone counts as a list of one.
    ///
    /// # Errors
    /// As [`Place::value`]; when the value is neither, or longer than any list that is asked for.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>> {
        let Some(value) = self.value(name)? else { return Ok(Vec::new()) };
        self.check_len(name, &value, MAX_LIST)?;
        let texts = value.texts()?.or_else(|| Some(vec![value.text()?]));
        let mut texts = texts.ok_or_else(|| self.other(name, "a REG_MULTI_SZ", &value))?;
        texts.retain(|text| !text.is_empty());
        Ok(texts)
    }

    fn check_len(&self, name: &str, value: &Value, most: usize) -> Result<()> {
        if value.data.len() <= most {
            return Ok(());
        }
        let reason = format!("more than {most} bytes");
        Err(Error::Unreadable { path: format!(r"{}\{name}", self.path), reason })
    }

    /// A value as evidence.
    pub(super) fn evidence(&self, name: &str, value: impl std::fmt::Display) -> Evidence {
        Evidence::new(self.path.clone(), format!("{name}={value}"))
    }

    fn other(&self, name: &str, expected: &str, value: &Value) -> Error {
        let found = value.kind.name().map_or_else(|| format!("{:?}", value.kind), str::to_owned);
        Error::Unreadable {
            path: format!(r"{}\{name}", self.path),
            reason: format!("{expected} was expected, not {found} of {} bytes", value.data.len()),
        }
    }
}

/// The hives of a Windows tree by their names.
pub(super) struct Hklm<'a> {
    registry: &'a Registry,
}

impl<'a> Hklm<'a> {
    pub(super) fn new(registry: &'a Registry) -> Self {
        Self { registry }
    }

    /// A key of `HKLM\SYSTEM`.
    ///
    /// # Errors
    /// When the hive, or the way to the key, cannot be read.
    pub(super) fn system(&self, path: &str) -> Result<Place<'a>> {
        place(hive(&self.registry.system)?, "SYSTEM", path)
    }

    /// A key of `HKLM\SOFTWARE`.
    ///
    /// # Errors
    /// As [`Hklm::system`].
    pub(super) fn software(&self, path: &str) -> Result<Place<'a>> {
        place(hive(&self.registry.software)?, "SOFTWARE", path)
    }

    /// A key of `HKLM\SAM`.
    ///
    /// # Errors
    /// As [`Hklm::system`].
    pub(super) fn sam(&self, path: &str) -> Result<Place<'a>> {
        place(hive(&self.registry.sam)?, "SAM", path)
    }

    /// A key of `HKLM\DRIVERS`; `None` where there is no such hive.
    ///
    /// # Errors
    /// As [`Hklm::system`].
    pub(super) fn drivers(&self, path: &str) -> Result<Option<Place<'a>>> {
        match &self.registry.drivers {
            Fact::Known(None) => Ok(None),
            Fact::Known(Some(hive)) => place(hive, "DRIVERS", path).map(Some),
            Fact::Unknown(unread) => Err(Error::Unreadable {
                path: unread.location.clone(),
                reason: unread.reason.clone(),
            }),
        }
    }

    /// A key below `HKLM\SYSTEM\CurrentControlSet`, named by the set that is current.
    ///
    /// # Errors
    /// As [`Hklm::system`]; when there is no current set.
    pub(super) fn control_set(&self, path: &str) -> Result<Place<'a>> {
        let set = self.registry.control_set()?;
        let set = Place { path: format!(r"HKLM\SYSTEM\{}", set.name()), key: Some(set) };
        set.at(path)
    }
}

fn hive(fact: &Fact<Hive>) -> Result<&Hive> {
    fact.as_result().map_err(|unread| Error::Unreadable {
        path: unread.location.clone(),
        reason: unread.reason.clone(),
    })
}

fn place<'a>(hive: &'a Hive, name: &str, path: &str) -> Result<Place<'a>> {
    Ok(Place { key: hive.key(path)?, path: format!(r"HKLM\{name}\{path}") })
}

/// A fact, from what was read at a place of the registry.
pub(super) fn fact<T>(location: &str, result: Result<T>) -> Fact<T> {
    match result {
        // These name the place themselves.
        Err(Error::Unreadable { path, reason }) => Fact::unknown(path, reason),
        other => Fact::from_result(location, other),
    }
}
