//! Services and drivers of the current control set: when they start, and whether what they start is
//! there.
//!
//! Source: Microsoft, "HKLM\SYSTEM\CurrentControlSet\Services Registry Tree"; "StartOverride" (since
//! Windows 8 the boot loader obeys its value for the hardware configuration 0 before `Start`).

mod known;

use super::hklm::{Hklm, Place, fact};
use super::pe::{self, PeFacts};
use super::system_root::{Elsewhere, SystemRoot, program, shown};
use crate::error::Result;
use crate::fact::{Evidence, Fact};
use crate::filesystem::tree::Tree;
use crate::guest::facts::{DriverSignature, ServiceFacts, SoftwareKind, StartType};

const SERVICES: &str = "Services";

/// `SERVICE_KERNEL_DRIVER`, the value of `Type`.
const KERNEL_DRIVER: u32 = 1;

/// Those of the services that matter that are there.
pub(super) fn find(tree: &Tree, root: &SystemRoot, hklm: &Hklm<'_>) -> Fact<Vec<ServiceFacts>> {
    let read = || {
        let services = hklm.control_set(SERVICES)?;
        let mut found = Vec::new();
        for (kind, names) in known::KNOWN {
            for name in *names {
                let place = services.at(name)?;
                if place.exists() {
                    found.push(service(tree, root, &place, *kind)?);
                }
            }
        }
        Ok(found)
    };
    fact(r"HKLM\SYSTEM\CurrentControlSet\Services", read())
}

fn service(
    tree: &Tree,
    root: &SystemRoot,
    place: &Place<'_>,
    kind: SoftwareKind,
) -> Result<ServiceFacts> {
    let number = |name| place.dword(name).map(|seen| seen.map(|seen| seen.value));
    let text = |name| place.text(name).map(|seen| seen.map(|seen| seen.value));
    let start = number("Start")?;
    let start_override = place.at("StartOverride")?.dword("0")?.map(|seen| seen.value);
    let service_type = number("Type")?;
    let image_path = text("ImagePath")?;
    let is_driver = service_type == Some(KERNEL_DRIVER);
    let file = file(tree, root, place.name(), image_path.as_deref(), is_driver);
    let image = match file.known() {
        Some(Some(path)) if is_driver => image(tree, path),
        _ => None,
    };
    let signature = image.as_ref().map(|image| match image.has_certificates {
        true => DriverSignature::Embedded,
        false => DriverSignature::NotEmbedded,
    });
    let mut detail = start.map_or_else(|| "no Start".to_owned(), |start| format!("Start={start}"));
    if let Some(value) = start_override {
        detail.push_str(&format!(r", StartOverride\0={value}"));
    }
    Ok(ServiceFacts {
        name: place.name().to_owned(),
        kind,
        start: start.and_then(StartType::from_value),
        start_override,
        service_type,
        group: text("Group")?,
        image_path,
        account: text("ObjectName")?,
        file: file.map(|path| path.map(|path| shown(&path))),
        file_version: image.and_then(|image| image.version).map(|version| version.to_string()),
        signature,
        evidence: Evidence::new(place.path.clone(), detail),
    })
}

/// The file that a service starts, as a path of the tree; without `ImagePath` the kernel looks for a
/// driver of that name.
fn file(
    tree: &Tree,
    root: &SystemRoot,
    name: &str,
    image_path: Option<&str>,
    is_driver: bool,
) -> Fact<Option<String>> {
    let of_name = || format!(r"system32\drivers\{name}.sys");
    let command = match image_path {
        Some(command) => command.to_owned(),
        None if is_driver => of_name(),
        None => return Fact::Known(None),
    };
    let path = match root.resolve(program(&command)) {
        Ok(path) => path,
        Err(Elsewhere::Drive(drive)) => {
            return Fact::unknown(command, format!("drive {drive}: is not looked into"));
        }
        Err(Elsewhere::Unknown) => {
            return Fact::unknown(command, "where this path leads is not understood");
        }
    };
    let exists = tree.exists(&path);
    Fact::from_result(shown(&path), exists.map(|exists| exists.then_some(path)))
}

/// What a driver's file says of itself; a file that says nothing is no worse for it.
fn image(tree: &Tree, path: &str) -> Option<PeFacts> {
    pe::read(tree.open(path).ok()?.as_ref()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::windows::fixture::{Guest, Hive, guest};

    const DRIVER: &[u8] = include_bytes!("../../../../testdata/windows/pe/driver-x64.sys");

    fn with(edit: impl FnOnce(Hive) -> Hive) -> Guest {
        guest().system(|hive| edit(hive.key(r"ControlSet001\Services\viostor").dword("Type", 1)))
    }

    fn only(guest: Guest) -> ServiceFacts {
        let found = guest.look(find);
        let [service] = found.known().unwrap().as_slice() else { panic!("{found:?}") };
        service.clone()
    }

    #[test]
    fn a_driver_is_told_with_its_file_and_what_the_loader_obeys() {
        let guest = with(|hive| {
            let hive = hive.dword("Start", 0).text("ImagePath", r"system32\drivers\viostor.sys");
            hive.key(r"ControlSet001\Services\viostor\StartOverride").dword("0", 3)
        });
        let path = "/Windows/system32/drivers/viostor.sys";
        let found = only(guest.files(|files| files.file(path, DRIVER)));
        assert_eq!((found.start, found.start_override), (Some(StartType::Boot), Some(3)));
        assert!(!found.starts_at_boot());
        assert_eq!(found.evidence.detail, r"Start=0, StartOverride\0=3");
        assert_eq!(found.file, Fact::Known(Some(shown(path))));
        assert_eq!(found.file_version.as_deref(), Some("100.94.104.24000"));
        assert_eq!(found.signature, Some(DriverSignature::NotEmbedded));
    }

    #[test]
    fn without_a_path_the_file_has_the_name_of_the_service() {
        let found = only(with(|hive| hive.dword("Start", 3)));
        assert_eq!(found.file, Fact::Known(None));
        assert_eq!((found.file_version, found.signature), (None, None));
        let path = "/Windows/system32/drivers/viostor.sys";
        let found = only(with(|hive| hive).files(|files| files.file(path, "no PE")));
        assert_eq!((found.start, found.signature), (None, None));
        assert_eq!(found.file, Fact::Known(Some(shown(path))));
    }

    #[test]
    fn a_file_on_another_drive_is_not_looked_at() {
        let found = only(with(|hive| hive.text("ImagePath", r"\??\D:\viostor.sys")));
        assert!(found.file.unread().unwrap().reason.contains("drive D:"));
    }
}
