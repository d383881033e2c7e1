//! Stores that `hivexregedit` filled; what is expected stands in the recipe of the guests
//! (`xtask/src/windows/bcd.rs`) and of their disks.

use std::path::Path;

use super::*;
use crate::filesystem::tree::Tree;
use crate::guest::Inspection;
use crate::guest::facts::BcdTarget;
use crate::guest::windows::registry;
use crate::image::Image;

const LOADER: &str = "{6e1f0001-0a1b-11ee-8c5d-7e8a4b6c9d0e}";

/// The store of a guest in testdata/windows.
pub(in crate::guest::windows) fn store(name: &str, volume: usize, path: &str) -> BootConfiguration {
    let image =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/windows/{name}.qcow2"));
    let inspection = Inspection::of(&Image::open(&image).unwrap());
    let filesystem = inspection.filesystems[volume].known().unwrap().as_ref().unwrap();
    let hive = registry::open(&Tree::new(filesystem.clone(), volume), path).unwrap();
    read(&hive, path).unwrap()
}

#[test]
fn a_store_of_a_bios_machine_names_partitions_by_signature_and_offset() {
    let store = store("good-server-2019", 0, "/Boot/BCD");
    assert_eq!(store.default.as_deref(), Some(LOADER));
    assert_eq!(store.display_order, [LOADER]);
    assert_eq!(store.first(), Some((LOADER, "default")));
    assert_eq!(store.timeout, Some(30));
    let manager = store.manager.as_ref().unwrap();
    assert_eq!(manager.description.as_deref(), Some("Windows Boot Manager"));
    assert_eq!(manager.kind, Some(0x1010_0002));
    let entry = store.entry(LOADER).unwrap();
    assert_eq!(entry.kind, Some(0x1020_0003));
    assert_eq!(entry.description.as_deref(), Some("Windows Server 2019"));
    assert_eq!(entry.path.as_deref(), Some(r"\Windows\system32\winload.exe"));
    assert_eq!(entry.system_root.as_deref(), Some(r"\Windows"));
    let device = entry.os_device.known().unwrap().as_ref().unwrap();
    let offset = 117 << 20;
    assert_eq!(device.target, BcdTarget::Mbr { signature: "1f0c3a5e".to_owned(), offset });
    assert!(device.evidence.location.starts_with(r"\Boot\BCD: Objects\{6e1f0001-"));
    assert!(device.evidence.location.ends_with(r"\Elements\21000001"));
    assert!(device.evidence.detail.contains("at byte 122683392"));
}

#[test]
fn a_store_of_a_uefi_machine_names_partitions_by_guids() {
    let store = store("uefi-server-2019", 0, "/EFI/Microsoft/Boot/BCD");
    let disk = || "8d9b2c1e-5a77-4c0e-9b6f-3e1d5f0a7c21".to_owned();
    let partition = |number: u32| format!("6e1f0000-0000-4000-8000-{number:012x}");
    let manager = store.manager.as_ref().unwrap().device.known().unwrap().clone().unwrap();
    assert_eq!(manager.target, BcdTarget::Gpt { disk: disk(), partition: partition(0) });
    let entry = store.entry(LOADER).unwrap();
    assert_eq!(entry.path.as_deref(), Some(r"\Windows\system32\winload.efi"));
    let device = entry.device.known().unwrap().clone().unwrap();
    assert_eq!(device.target, BcdTarget::Gpt { disk: disk(), partition: partition(2) });
}

/// An element of a device of that type: 16 bytes of options, then type, flags, size, then `rest`.
fn element(kind: u32, rest: &[u8]) -> Vec<u8> {
    let size = u32::try_from(rest.len().saturating_add(16)).unwrap();
    let mut bytes = vec![0; 16];
    for word in [kind, 0, size, 0] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(rest);
    bytes
}

#[test]
fn each_kind_of_device_is_told() {
    let of = |kind, rest: &[u8]| device::parse(&element(kind, rest)).unwrap();
    assert_eq!(of(5, &[]), BcdTarget::Boot);
    assert_eq!(of(8, &[0; 8]), BcdTarget::Locate);
    assert_eq!(of(3, &[]), BcdTarget::Other(3));
    // A block device in memory: its kind, addresses, and at an odd place the file that fills it.
    let mut ramdisk = vec![3];
    ramdisk.resize(23, 0);
    ramdisk.extend([0; 12]);
    ramdisk.extend(r"\Recovery\Winre.wim".encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
    let path = Some(r"\Recovery\Winre.wim".to_owned());
    assert_eq!(of(0, &ramdisk), BcdTarget::Ramdisk(path));
    // A partition of a virtual disk.
    let mut virtual_disk = vec![0; 16];
    virtual_disk.push(6);
    virtual_disk.resize(40, 0);
    virtual_disk.extend(r"\disks\w.vhdx".encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
    let path = Some(r"\disks\w.vhdx".to_owned());
    assert_eq!(of(6, &virtual_disk), BcdTarget::VirtualDisk(path));
}

#[test]
fn a_device_that_is_cut_or_claims_more_than_there_is_is_damage() {
    let whole = element(6, &[0; 56]);
    for len in 0..whole.len() {
        assert!(matches!(device::parse(&whole[..len]), Err(Error::Corrupt { .. })), "{len}");
    }
    let mut claims = whole;
    claims[24..28].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(device::parse(&claims).is_err());
}

#[test]
fn what_is_no_guid_names_no_object() {
    assert!(is_guid(LOADER));
    for text in
        ["", "{}", r"{9dea862c-5cdd-4e70-acc1-f32b344d4795}\Elements", "{..\\..}", "default"]
    {
        assert!(!is_guid(text), "{text}");
    }
}

const OTHER: &str = "{6e1f0002-0a1b-11ee-8c5d-7e8a4b6c9d0e}";

/// The store of the good guest, with a second entry like the first.
fn two() -> BootConfiguration {
    let mut store = store("good-server-2019", 0, "/Boot/BCD");
    let other = BcdEntry { id: OTHER.to_owned(), ..store.entries[0].clone() };
    store.entries.push(other);
    store
}

#[test]
fn a_default_entry_that_is_not_in_the_menu_is_not_started() {
    let mut store = two();
    store.default = Some(OTHER.to_owned());
    assert_eq!(store.first(), Some((LOADER, "displayorder")));
    store.default = Some("{6e1f0009-0a1b-11ee-8c5d-7e8a4b6c9d0e}".to_owned());
    assert_eq!(store.first(), Some((LOADER, "displayorder")));
    store.default = Some(OTHER.to_uppercase());
    store.display_order.push(OTHER.to_owned());
    assert_eq!(store.first(), Some((OTHER.to_uppercase().as_str(), "default")));
    store.default = Some(LOADER.to_owned());
    store.display_order = vec![OTHER.to_owned()];
    assert_eq!(store.first(), Some((OTHER, "displayorder")));
    // Without a menu the default entry is the only one.
    store.display_order.clear();
    assert_eq!(store.first(), Some((LOADER, "default")));
    store.boot_sequence = vec![OTHER.to_owned()];
    assert_eq!(store.first(), Some((OTHER, "bootsequence")));
}

#[test]
fn an_entry_that_lacks_what_the_boot_manager_asks_for_is_passed_over() {
    type Edit = fn(&mut BcdEntry);
    let flaws: [(Edit, Option<&str>); 5] = [
        (|entry| entry.device = Fact::Known(None), Some("it names no device of the loader")),
        (|entry| entry.description = None, Some("it has no description")),
        (|entry| entry.kind = None, Some("it has no type")),
        // A Windows loader has a path by default, another program has none.
        (|entry| entry.path = None, None),
        (|entry| (entry.path, entry.kind) = (None, Some(0x1020_0004)), Some("it names no program")),
    ];
    for (edit, flaw) in flaws {
        let mut store = two();
        store.display_order.push(OTHER.to_owned());
        edit(&mut store.entries[0]);
        assert_eq!(store.entries[0].flaw(), flaw);
        let first = if flaw.is_some() { (OTHER, "displayorder") } else { (LOADER, "default") };
        assert_eq!(store.first(), Some(first));
    }
}

#[test]
fn what_an_entry_asks_for_beside_an_ordinary_start_is_told() {
    use crate::guest::windows::fixture;
    let modes = |elements: &[(&str, &[u8])]| {
        let object = |id: &str| format!(r"Objects\{id}");
        let hive = fixture::Hive::new().key(&format!(r"{}\Description", object(BOOT_MANAGER)));
        let hive = hive.key(&format!(r"{}\Elements\23000003", object(BOOT_MANAGER)));
        let hive = hive.text("Element", LOADER);
        let hive = elements.iter().fold(hive, |hive, (element, data)| {
            hive.key(&format!(r"{}\Elements\{element}", object(LOADER))).binary("Element", data)
        });
        let hive = Hive::open(std::sync::Arc::new(hive.bytes()), &[]).unwrap();
        read(&hive, "/Boot/BCD").map(|store| store.entries[0].modes.clone())
    };
    let minimal: &[u8] = &[0; 8];
    let found = modes(&[("25000080", minimal), ("26000081", &[1]), ("26000022", &[0])]).unwrap();
    let [mode] = &found[..] else { panic!("{found:?}") };
    assert_eq!(mode.kind, WindowsStartKind::SafeMinimal);
    assert!(mode.evidence.location.ends_with(r"\Elements\25000080"));
    assert_eq!(mode.evidence.detail, "safeboot=Minimal, safebootalternateshell=Yes");
    let network = 1_u64.to_le_bytes();
    let found = modes(&[("25000080", &network), ("26000022", &[1])]).unwrap();
    let kinds: Vec<_> = found.iter().map(|mode| mode.kind).collect();
    assert_eq!(kinds, [WindowsStartKind::SafeNetwork, WindowsStartKind::WindowsPe]);
    assert!(modes(&[("26000081", &[1])]).unwrap().is_empty());
    assert!(modes(&[("25000080", &7_u64.to_le_bytes())]).is_err());
}
