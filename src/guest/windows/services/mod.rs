//! Services and drivers of the current control set: when they start, and whether what they start is
//! there.
//!
//! Source: Microsoft, "HKLM\SYSTEM\CurrentControlSet\Services Registry Tree"; "StartOverride" (since
//! Windows 8 the boot loader obeys its value for the hardware configuration 0 before `Start`).

mod known;

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::drivers;
use super::hklm::{Hklm, Place, fact};
use super::pe;
use super::system_root::{Elsewhere, SystemRoot, program, shown};
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact};
use crate::filesystem::tree::Tree;
use crate::guest::facts::{
    ClassFilter, ClassFilters, DriverImage, DriverSignature, ServiceFacts, SoftwareKind, StartType,
};

const SERVICES: &str = "Services";

/// The device classes between the machine and its system disk (Microsoft, "System-Defined Device
/// Setup Classes Available to Vendors" and "… Reserved for System Use").
const CLASSES: &[(&str, &str)] = &[
    ("System", "{4D36E97D-E325-11CE-BFC1-08002BE10318}"),
    ("HDC", "{4D36E96A-E325-11CE-BFC1-08002BE10318}"),
    ("SCSIAdapter", "{4D36E97B-E325-11CE-BFC1-08002BE10318}"),
    ("DiskDrive", "{4D36E967-E325-11CE-BFC1-08002BE10318}"),
    ("Volume", "{71A27CDD-812A-11D0-BEC7-08002BE2092F}"),
];

/// Most filters of a class, above or below; a few are usual.
const MAX_FILTERS: usize = 64;

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
        for name in drivers::critical_services(hklm)? {
            let is_new = !found.iter().any(|it: &ServiceFacts| it.name.eq_ignore_ascii_case(&name));
            let place = services.at(&name)?;
            if is_new && place.exists() {
                found.push(service(tree, root, &place, SoftwareKind::CriticalDevice)?);
            }
        }
        Ok(found)
    };
    fact(r"HKLM\SYSTEM\CurrentControlSet\Services", read())
}

/// The filters of the classes between the machine and its system disk. A device of a class does not
/// start when one of them cannot be loaded (Microsoft KB976267 for the disk's: stop 0x7B).
pub(super) fn class_filters(
    tree: &Tree,
    root: &SystemRoot,
    hklm: &Hklm<'_>,
) -> Fact<Vec<ClassFilters>> {
    let read = || {
        let services = hklm.control_set(SERVICES)?;
        let mut found = Vec::new();
        // One driver may be named hundreds of times.
        let mut seen = HashMap::new();
        for (class, guid) in CLASSES {
            let place = hklm.control_set(&format!(r"Control\Class\{guid}"))?;
            for value in ["UpperFilters", "LowerFilters"] {
                let names = place.texts(value)?;
                if names.is_empty() {
                    continue;
                }
                if names.len() > MAX_FILTERS {
                    let limit = u64::try_from(MAX_FILTERS).unwrap_or(u64::MAX);
                    return Err(Error::Limit { structure: value, limit, unit: "filters" });
                }
                let evidence = place.evidence(value, names.join(","));
                let mut filter = |name: String| {
                    let service: &Option<ServiceFacts> = match seen.entry(name.to_lowercase()) {
                        Entry::Occupied(seen) => seen.into_mut(),
                        Entry::Vacant(new) => {
                            let place = services.at(&name)?;
                            let look = || service(tree, root, &place, SoftwareKind::Filter);
                            new.insert(place.exists().then(look).transpose()?)
                        }
                    };
                    Ok(ClassFilter { service: service.clone(), name })
                };
                found.push(ClassFilters {
                    class: (*class).to_owned(),
                    value: value.to_owned(),
                    filters: names.into_iter().map(&mut filter).collect::<Result<_>>()?,
                    evidence,
                });
            }
        }
        Ok(found)
    };
    fact(r"HKLM\SYSTEM\CurrentControlSet\Control\Class", read())
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
    let mut detail = start.map_or_else(|| "no Start".to_owned(), |start| format!("Start={start}"));
    if let Some(value) = start_override {
        detail.push_str(&format!(r", StartOverride\0={value}"));
    }
    let mut found = ServiceFacts {
        name: place.name().to_owned(),
        kind,
        start: start.and_then(StartType::from_value),
        start_override,
        service_type,
        group: text("Group")?,
        image_path,
        account: text("ObjectName")?,
        file: Fact::Known(None),
        image: Fact::Known(None),
        file_version: None,
        signature: None,
        evidence: Evidence::new(place.path.clone(), detail),
    };
    let file = file(tree, root, &found);
    if let Fact::Known(Some(path)) = &file
        && found.is_driver()
    {
        look_at_image(tree, path, &mut found);
    }
    found.file = file.map(|path| path.map(|path| shown(&path)));
    Ok(found)
}

/// What the file of a driver says of itself.
fn look_at_image(tree: &Tree, path: &str, found: &mut ServiceFacts) {
    let read = tree.open(path).and_then(|file| Ok((pe::loadable(file.as_ref())?, file)));
    let (loadable, file) = match read {
        Ok(read) => read,
        Err(error) => {
            found.image = Fact::unknown(shown(path), error.to_string());
            return;
        }
    };
    found.image = Fact::Known(Some(match loadable {
        Ok(architecture) => DriverImage::Whole(architecture),
        Err(reason) => DriverImage::Damaged(reason),
    }));
    // A file without a version, or with one that cannot be read, is no worse for it.
    if let Ok(image) = pe::read(file.as_ref()) {
        found.file_version = image.version.map(|version| version.to_string());
        found.signature = Some(match image.has_certificates {
            true => DriverSignature::Embedded,
            false => DriverSignature::NotEmbedded,
        });
    }
}

/// The file that a service starts, as a path of the tree; without `ImagePath` the kernel looks for a
/// driver of that name.
fn file(tree: &Tree, root: &SystemRoot, service: &ServiceFacts) -> Fact<Option<String>> {
    let command = match &service.image_path {
        Some(command) => command.clone(),
        None if service.is_driver() => format!(r"system32\drivers\{}.sys", service.name),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::facts::Architecture;
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
        assert_eq!(found.evidence.detail, r"Start=0, StartOverride\0=3");
        assert_eq!(found.file, Fact::Known(Some(shown(path))));
        assert_eq!(found.image, Fact::Known(Some(DriverImage::Whole(Architecture::X86_64))));
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
    fn a_file_that_cannot_be_loaded_is_told() {
        let path = "/Windows/system32/drivers/viostor.sys";
        for (file, reason) in [(&b""[..], "it is empty"), (&DRIVER[..1024], "section table")] {
            let found = only(with(|hive| hive).files(|files| files.file(path, file)));
            let Fact::Known(Some(DriverImage::Damaged(why))) = &found.image else { panic!() };
            assert!(why.contains(reason), "{why}");
        }
        // Without a type it is no driver, so its file is not asked for what it is.
        let found = guest().system(|hive| hive.key(r"ControlSet001\Services\viostor"));
        let found = only(found.files(|files| files.file(path, DRIVER)));
        assert_eq!((found.is_driver(), found.image), (false, Fact::Known(None)));
    }

    #[test]
    fn what_the_critical_device_database_names_is_looked_at() {
        let found = guest().system(|hive| {
            let id = r"ControlSet001\Control\CriticalDeviceDatabase\primary_ide_channel";
            let hive = hive.key(id).text("Service", "iaStorV");
            hive.key(r"ControlSet001\Services\iaStorV").dword("Type", 1).dword("Start", 0)
        });
        let found = only(found);
        assert_eq!((found.name.as_str(), found.kind), ("iastorv", SoftwareKind::CriticalDevice));
    }

    #[test]
    fn the_filters_of_a_class_are_told_with_their_services() {
        let found = guest().system(|hive| {
            let class = r"ControlSet001\Control\Class\{4d36e967-e325-11ce-bfc1-08002be10318}";
            let hive = hive.key(class).texts("UpperFilters", &["partmgr", "snapman"]);
            hive.key(r"ControlSet001\Services\partmgr").dword("Type", 1).dword("Start", 0)
        });
        let path = "/Windows/system32/drivers/partmgr.sys";
        let found = found.files(|files| files.file(path, DRIVER)).look(class_filters);
        let [disk] = found.known().unwrap().as_slice() else { panic!("{found:?}") };
        assert_eq!((disk.class.as_str(), disk.value.as_str()), ("DiskDrive", "UpperFilters"));
        assert_eq!(disk.evidence.detail, "UpperFilters=partmgr,snapman");
        let [partmgr, snapman] = disk.filters.as_slice() else { panic!("{disk:?}") };
        let file = &partmgr.service.as_ref().unwrap().file;
        assert_eq!(*file, Fact::Known(Some(shown(path))));
        assert_eq!((snapman.name.as_str(), &snapman.service), ("snapman", &None));
    }

    #[test]
    fn a_file_on_another_drive_is_not_looked_at() {
        let found = only(with(|hive| hive.text("ImagePath", r"\??\D:\viostor.sys")));
        assert!(found.file.unread().unwrap().reason.contains("drive D:"));
    }
}
