//! Which Windows it is, and for which processor.
//!
//! Sources: Microsoft, "Operating system version" (numbers), "GetVersionEx" (product types);
//! `ProductName` says `Windows 10` on Windows 11, whose builds begin at 22000 ("Windows 11 release
//! information").

use super::hklm::{Hklm, Place, fact};
use super::pe;
use super::registry::{HiveState, Registry};
use super::system_root::{SystemRoot, shown};
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::tree::Tree;
use crate::guest::facts::{
    Architecture, HiveFacts, HiveSync, OemMark, ProductType, WindowsIdentity,
};

const CURRENT_VERSION: &str = r"Microsoft\Windows NT\CurrentVersion";

/// First build of Windows 11.
const WINDOWS_11: u32 = 22_000;

/// The hives, and how they were left.
pub(super) fn hives(registry: &Registry) -> Vec<HiveFacts> {
    let directory = registry.directory.replace('/', "\\");
    let known = |hive: &super::registry::Hive, path: &str| match hive.state() {
        HiveState::Clean => HiveSync::Clean,
        HiveState::Replayed(replay) => {
            let detail = format!("{}; {} log entries hold the rest", replay.why, replay.entries);
            HiveSync::Replayed(Evidence::new(path, detail))
        }
        HiveState::Dirty { reasons } => HiveSync::Torn(Unread::new(path, reasons.join("; "))),
    };
    let of = |name: &str, hive: Result<&super::registry::Hive, &Unread>| {
        let path = format!(r"{directory}\{name}");
        let sync = match hive {
            Ok(hive) => Fact::Known(known(hive, &path)),
            Err(unread) => Fact::Unknown(unread.clone()),
        };
        HiveFacts { name: name.to_owned(), path, sync }
    };
    let mut hives = vec![
        of("SYSTEM", registry.system.as_result()),
        of("SOFTWARE", registry.software.as_result()),
        of("SAM", registry.sam.as_result()),
    ];
    match registry.drivers.as_result() {
        Ok(None) => {}
        Ok(Some(hive)) => hives.push(of("DRIVERS", Ok(hive))),
        Err(unread) => hives.push(of("DRIVERS", Err(unread))),
    }
    hives
}

/// Which Windows it is.
pub(super) fn identity(hklm: &Hklm<'_>) -> Fact<WindowsIdentity> {
    fact(&format!(r"HKLM\SOFTWARE\{CURRENT_VERSION}"), read_identity(hklm))
}

fn read_identity(hklm: &Hklm<'_>) -> Result<WindowsIdentity> {
    let place = hklm.software(CURRENT_VERSION)?;
    let text = |name| Ok::<_, Error>(place.text(name)?.map(|seen| seen.value));
    let name = place.text("ProductName")?.ok_or_else(|| missing(&place, "ProductName"))?;
    let build = text("CurrentBuild")?.or(text("CurrentBuildNumber")?);
    let build = build.and_then(|build| build.trim().parse().ok());
    let build: u32 = build.ok_or_else(|| missing(&place, "CurrentBuild"))?;
    let number = |name| Ok::<_, Error>(place.dword(name)?.map(|seen| seen.value));
    // Windows 10 and later still say 6.3 in the older value.
    let version = match (number("CurrentMajorVersionNumber")?, number("CurrentMinorVersionNumber")?)
    {
        (Some(major), Some(minor)) => Some((major, minor)),
        _ => text("CurrentVersion")?.and_then(|text| {
            let (major, minor) = text.split_once('.')?;
            Some((major.parse().ok()?, minor.parse().ok()?))
        }),
    };
    let version = version.ok_or_else(|| missing(&place, "CurrentVersion"))?;
    Ok(WindowsIdentity {
        name: if build >= WINDOWS_11 {
            name.value.replacen("Windows 10", "Windows 11", 1)
        } else {
            name.value
        },
        edition: text("EditionID")?,
        installation: text("InstallationType")?,
        version,
        build,
        revision: number("UBR")?,
        service_pack: text("CSDVersion")?,
        product: product(hklm),
        evidence: name.evidence,
    })
}

fn missing(place: &Place<'_>, name: &str) -> Error {
    let reason = "the value is not there, or not what it should be".to_owned();
    Error::Unreadable { path: format!(r"{}\{name}", place.path), reason }
}

/// What setup made it.
fn product(hklm: &Hklm<'_>) -> Fact<ProductType> {
    const OPTIONS: &str = r"Control\ProductOptions";
    let read = || {
        let place = hklm.control_set(OPTIONS)?;
        let kind = place.text("ProductType")?.map(|seen| seen.value);
        match kind.as_deref().map(str::to_ascii_lowercase).as_deref() {
            Some("winnt") => Ok(ProductType::Workstation),
            Some("servernt") => Ok(ProductType::Server),
            Some("lanmannt") => Ok(ProductType::DomainController),
            _ => Err(missing(&place, "ProductType")),
        }
    };
    fact(OPTIONS, read())
}

/// The database of the directory, where a domain controller has its accounts: the SAM of one holds but
/// the account for repairs (Microsoft, "Active Directory database": `DSA Database file`).
pub(super) fn directory(tree: &Tree, root: &SystemRoot, hklm: &Hklm<'_>) -> Fact<Option<Evidence>> {
    const PARAMETERS: &str = r"Services\NTDS\Parameters";
    let read = || {
        let parameters = hklm.control_set(PARAMETERS)?;
        let Some(database) = parameters.text("DSA Database file")? else {
            let options = hklm.control_set(r"Control\ProductOptions")?;
            let kind = options.text("ProductType")?;
            let kind = kind.filter(|kind| kind.value.eq_ignore_ascii_case("LanmanNT"));
            return Ok(kind.map(|kind| kind.evidence));
        };
        let Evidence { location, detail, .. } = database.evidence;
        let there = match root.resolve(&database.value) {
            Ok(path) => match tree.metadata(&path) {
                Ok(found) => format!("{}: {} bytes", shown(&path), found.len),
                Err(error) if error.is_absent() => format!("{}: not there", shown(&path)),
                Err(error) => error.to_string(),
            },
            Err(_) => "not on this volume".to_owned(),
        };
        Ok(Some(Evidence::new(location, format!("{detail} ({there})"))))
    };
    fact(PARAMETERS, read())
}

/// The processor that its kernel is made for; where the kernel's file does not tell it, the one that
/// the registry names, with the reason why the file does not.
pub(super) fn arch(
    tree: &Tree,
    root: &SystemRoot,
    hklm: &Hklm<'_>,
) -> Fact<(Architecture, Evidence)> {
    let kernel = root.path("System32/ntoskrnl.exe");
    let shown = root.shown("System32/ntoskrnl.exe");
    let read = tree.open(&kernel).and_then(|file| pe::read(file.as_ref()));
    let error = match read {
        Ok(found) => {
            let detail = format!("machine {:#06x}", found.machine);
            return Fact::Known((found.architecture(), Evidence::new(shown, detail)));
        }
        Err(error) => error,
    };
    const ENVIRONMENT: &str = r"Control\Session Manager\Environment";
    let of_registry = || {
        let place = hklm.control_set(ENVIRONMENT)?;
        let found = place.text("PROCESSOR_ARCHITECTURE")?;
        let found = found.ok_or_else(|| missing(&place, "PROCESSOR_ARCHITECTURE"))?;
        let arch = match found.value.to_ascii_uppercase().as_str() {
            "AMD64" => Architecture::X86_64,
            "X86" => Architecture::I386,
            "ARM64" => Architecture::Aarch64,
            "ARM" => Architecture::Arm,
            _ => Architecture::Other,
        };
        let Evidence { location, detail, .. } = found.evidence;
        Ok((arch, Evidence::new(location, format!("{detail} ({shown}: {error})"))))
    };
    fact(ENVIRONMENT, of_registry())
}

/// What speaks of a maker's edition: the channel in the product id (`00371-OEM-8992671-00524`, since
/// Windows 10 `00330-80000-00000-AAOEM`), the maker that Windows shows in its properties, and where
/// Windows XP keeps it.
pub(super) fn oem(tree: &Tree, root: &SystemRoot, hklm: &Hklm<'_>) -> Fact<Vec<OemMark>> {
    let read = || {
        let mut marks = Vec::new();
        if let Some(id) = hklm.software(CURRENT_VERSION)?.text("ProductId")? {
            let value = id.value.to_ascii_uppercase();
            if value.contains("-OEM-") || value.ends_with("AAOEM") {
                marks.push(OemMark::ProductId(id.evidence));
            }
        }
        let information = hklm.software(r"Microsoft\Windows\CurrentVersion\OEMInformation")?;
        let maker = information.text("Manufacturer")?;
        marks.extend(maker.map(|maker| OemMark::Maker(maker.evidence)));
        for name in ["oeminfo.ini", "oemlogo.bmp"] {
            if tree.exists(&root.path(&format!("System32/{name}")))? {
                let place = root.shown(&format!("System32/{name}"));
                marks.push(OemMark::Maker(Evidence::new(place, "there")));
            }
        }
        Ok(marks)
    };
    fact(CURRENT_VERSION, read())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::windows::fixture::{Guest, guest};

    const PARAMETERS: &str = r"ControlSet001\Services\NTDS\Parameters";

    fn seen(guest: Guest) -> Option<String> {
        guest.look(directory).known().unwrap().as_ref().map(|seen| seen.detail.clone())
    }

    #[test]
    fn a_domain_controller_is_known_by_its_database_or_by_what_it_was_made() {
        let kind = |kind: &'static str| {
            guest().system(|hive| {
                hive.key(r"ControlSet001\Control\ProductOptions").text("ProductType", kind)
            })
        };
        assert_eq!(seen(kind("ServerNT")), None);
        assert_eq!(seen(kind("LanmanNT")).as_deref(), Some("ProductType=LanmanNT"));
        let database = || {
            kind("LanmanNT").system(|hive| {
                hive.key(PARAMETERS).text("DSA Database file", r"C:\Windows\NTDS\ntds.dit")
            })
        };
        let said = r"DSA Database file=C:\Windows\NTDS\ntds.dit (\Windows\NTDS\ntds.dit: ";
        assert_eq!(seen(database()).unwrap(), format!("{said}not there)"));
        let whole = database().files(|files| files.file("/Windows/NTDS/ntds.dit", "1234"));
        assert_eq!(seen(whole).unwrap(), format!("{said}4 bytes)"));
    }

    #[test]
    fn a_processor_that_the_registry_names_says_why_the_kernel_does_not() {
        let found = guest().system(|hive| {
            hive.key(r"ControlSet001\Control\Session Manager\Environment")
                .text("PROCESSOR_ARCHITECTURE", "AMD64")
        });
        let found = found.files(|files| files.file("/Windows/System32/ntoskrnl.exe", "MZ"));
        let Fact::Known((arch, evidence)) = found.look(arch) else { panic!("unknown") };
        assert_eq!(arch, Architecture::X86_64);
        let said = r"PROCESSOR_ARCHITECTURE=AMD64 (\Windows\System32\ntoskrnl.exe: ";
        assert!(evidence.detail.starts_with(said), "{evidence:?}");
    }

    #[test]
    fn a_value_of_another_type_is_unknown() {
        let found = guest().system(|hive| hive.key(PARAMETERS).dword("DSA Database file", 1));
        assert!(found.look(directory).unread().is_some());
    }
}
