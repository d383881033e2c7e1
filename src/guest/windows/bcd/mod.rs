//! Boot configuration data: the store that Windows' boot manager reads, a registry hive.
//!
//! In: the hive. Out: [`BootConfiguration`]: the boot manager, its lists, and the entries that they
//! name, each value with the key that it stands in.
//!
//! `Objects\{GUID}\Description` has an object's type, `Objects\{GUID}\Elements\{NUMBER}` an element
//! in its value `Element`. Numbers of elements: Microsoft, "BCD Reference"
//! (`BcdLibraryElementTypes`, `BcdBootMgrElementTypes`, `BcdOSLoaderElementTypes`); G. Chappell,
//! "BCD Elements".

mod device;
#[cfg(test)]
mod tests;

use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{
    BcdDevice, BcdEntry, BootConfiguration, WindowsStartKind, WindowsStartMode,
};
use crate::guest::windows::registry::{Hive, Key, Value};

/// The boot manager's object.
const BOOT_MANAGER: &str = "{9dea862c-5cdd-4e70-acc1-f32b344d4795}";

/// Most entries that are looked at; menus have a handful.
const MAX_ENTRIES: usize = 64;

/// Longest text of an element in characters: a path of Windows has at most 32,767.
const MAX_TEXT: usize = 32_767;

/// Elements by their numbers.
mod element {
    pub(super) const DEVICE: u32 = 0x1100_0001;
    pub(super) const PATH: u32 = 0x1200_0002;
    pub(super) const DESCRIPTION: u32 = 0x1200_0004;
    pub(super) const OS_DEVICE: u32 = 0x2100_0001;
    pub(super) const SYSTEM_ROOT: u32 = 0x2200_0002;
    pub(super) const SAFE_BOOT: u32 = 0x2500_0080;
    pub(super) const SAFE_BOOT_ALTERNATE_SHELL: u32 = 0x2600_0081;
    pub(super) const WIN_PE: u32 = 0x2600_0022;
    pub(super) const DEFAULT: u32 = 0x2300_0003;
    pub(super) const DISPLAY_ORDER: u32 = 0x2400_0001;
    pub(super) const BOOT_SEQUENCE: u32 = 0x2400_0002;
    pub(super) const TIMEOUT: u32 = 0x2500_0004;
}

/// Reads the store in `hive`, whose file is called `path` on its volume.
///
/// # Errors
/// When a key that decides what would be started cannot be read; [`Error::Limit`] for more than 64
/// entries.
pub fn read(hive: &Hive, path: &str) -> Result<BootConfiguration> {
    let store = Store { hive, path };
    let mut configuration = BootConfiguration {
        path: path.to_owned(),
        manager: None,
        boot_sequence: Vec::new(),
        default: None,
        display_order: Vec::new(),
        timeout: None,
        entries: Vec::new(),
    };
    let Some(manager) = store.object(BOOT_MANAGER)? else { return Ok(configuration) };
    configuration.boot_sequence = manager.list(element::BOOT_SEQUENCE)?;
    configuration.default = manager.text(element::DEFAULT)?;
    configuration.display_order = manager.list(element::DISPLAY_ORDER)?;
    configuration.timeout = manager.integer(element::TIMEOUT)?;
    configuration.manager = Some(manager.entry()?);
    let mut ids: Vec<&String> = configuration.boot_sequence.iter().collect();
    ids.extend(&configuration.default);
    ids.extend(&configuration.display_order);
    let mut seen: Vec<&String> = Vec::new();
    for id in ids {
        if seen.iter().any(|other| other.eq_ignore_ascii_case(id)) {
            continue;
        }
        seen.push(id);
        if seen.len() > MAX_ENTRIES {
            return Err(too_many());
        }
        if let Some(object) = store.object(id)? {
            configuration.entries.push(object.entry()?);
        }
    }
    Ok(configuration)
}

fn too_many() -> Error {
    Error::too_much("boot configuration data", MAX_ENTRIES, "entries")
}

struct Store<'a> {
    hive: &'a Hive,
    path: &'a str,
}

impl<'a> Store<'a> {
    /// The object with that identifier; what is no identifier names none.
    fn object(&self, id: &str) -> Result<Option<Object<'a>>> {
        if !is_guid(id) {
            return Ok(None);
        }
        let place = format!(r"Objects\{}", id.to_ascii_lowercase());
        let key = self.hive.key(&place)?;
        let store = self.path.replace('/', r"\");
        Ok(key.map(|key| Object { key, place: format!(r"{store}: {place}") }))
    }
}

/// A GUID in braces: nothing in it that leads to another key.
fn is_guid(text: &str) -> bool {
    let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    inner.is_some_and(|inner| {
        inner.len() == 36 && inner.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
    })
}

struct Object<'a> {
    key: Key<'a>,
    /// The hive's path and the key's.
    place: String,
}

impl Object<'_> {
    fn place(&self, element: u32) -> String {
        format!(r"{}\Elements\{element:08x}", self.place)
    }

    fn element(&self, element: u32) -> Result<Option<Value>> {
        match self.key.subkey(&format!(r"Elements\{element:08x}"))? {
            Some(key) => key.value("Element"),
            None => Ok(None),
        }
    }

    fn text(&self, element: u32) -> Result<Option<String>> {
        let Some(value) = self.element(element)? else { return Ok(None) };
        let found = format!("{:?}", value.kind);
        let text = value.text().ok_or_else(|| {
            Error::corrupt("boot configuration element", element.into(), "a text", found)
        })?;
        if text.chars().count() > MAX_TEXT {
            let limit = u64::try_from(MAX_TEXT).unwrap_or(u64::MAX);
            let structure = "boot configuration element";
            return Err(Error::Limit { structure, limit, unit: "characters" });
        }
        Ok(Some(text))
    }

    /// A list of objects.
    fn list(&self, element: u32) -> Result<Vec<String>> {
        let Some(value) = self.element(element)? else { return Ok(Vec::new()) };
        let found = format!("{:?}", value.kind);
        let list = value.texts()?.ok_or_else(|| {
            Error::corrupt("boot configuration element", element.into(), "a list", found)
        })?;
        if list.len() > MAX_ENTRIES {
            return Err(too_many());
        }
        Ok(list.into_iter().filter(|id| is_guid(id)).collect())
    }

    fn integer(&self, element: u32) -> Result<Option<u64>> {
        let value = self.element(element)?;
        let bytes = value.and_then(|value| <[u8; 8]>::try_from(value.data.as_slice()).ok());
        Ok(bytes.map(u64::from_le_bytes))
    }

    fn is_set(&self, element: u32) -> Result<bool> {
        let value = self.element(element)?;
        Ok(value.is_some_and(|value| value.data.first().is_some_and(|byte| *byte != 0)))
    }

    /// What it asks for beside an ordinary start (`BcdOSLoaderInteger_SafeBoot`,
    /// `BcdOSLoaderBoolean_SafeBootAlternateShell`, `BcdOSLoaderBoolean_WinPEMode`).
    fn modes(&self) -> Result<Vec<WindowsStartMode>> {
        let mut modes = Vec::new();
        if let Some(number) = self.integer(element::SAFE_BOOT)? {
            let (kind, word) = match number {
                0 => (WindowsStartKind::SafeMinimal, "Minimal"),
                1 => (WindowsStartKind::SafeNetwork, "Network"),
                2 => (WindowsStartKind::DirectoryRepair, "DsRepair"),
                other => {
                    let (structure, at) = ("boot configuration element", element::SAFE_BOOT);
                    return Err(Error::corrupt(structure, at.into(), "0 to 2", other.to_string()));
                }
            };
            let shell = self.is_set(element::SAFE_BOOT_ALTERNATE_SHELL)?;
            let shell = if shell { ", safebootalternateshell=Yes" } else { "" };
            let detail = format!("safeboot={word}{shell}");
            let evidence = Evidence::new(self.place(element::SAFE_BOOT), detail);
            modes.push(WindowsStartMode { kind, evidence });
        }
        if self.is_set(element::WIN_PE)? {
            let evidence = Evidence::new(self.place(element::WIN_PE), "winpe=Yes");
            modes.push(WindowsStartMode { kind: WindowsStartKind::WindowsPe, evidence });
        }
        Ok(modes)
    }

    fn device(&self, element: u32) -> Fact<Option<BcdDevice>> {
        let place = self.place(element);
        let result = self.element(element).and_then(|value| {
            let target = value.map(|value| device::parse(&value.data)).transpose()?;
            Ok(target.map(|target| {
                let evidence = Evidence::new(place.clone(), device::describe(&target));
                BcdDevice { target, evidence }
            }))
        });
        Fact::from_result(place.clone(), result)
    }

    fn entry(&self) -> Result<BcdEntry> {
        let kind = match self.key.subkey("Description")? {
            Some(description) => description.value("Type")?.and_then(|value| value.dword()),
            None => None,
        };
        let description = self.text(element::DESCRIPTION)?;
        let shown = description.clone().unwrap_or_else(|| "no description".to_owned());
        Ok(BcdEntry {
            id: self.key.name().to_ascii_lowercase(),
            kind,
            description,
            device: self.device(element::DEVICE),
            path: self.text(element::PATH)?,
            os_device: self.device(element::OS_DEVICE),
            system_root: self.text(element::SYSTEM_ROOT)?,
            modes: self.modes()?,
            evidence: Evidence::new(self.place.clone(), shown),
        })
    }
}

pub(in crate::guest::windows) use self::device::describe;
