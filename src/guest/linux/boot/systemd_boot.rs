//! systemd-boot: `loader/loader.conf` and the entries beside it (loader.conf(5); Boot Loader
//! Specification, UAPI.1).

use std::cmp::Ordering;

use super::bls::{self, BlsFile, compare_versions};
use super::entry::{Configuration, EntrySpec, FileSpec, MAX_INITRDS, MAX_LISTED_ENTRIES};
use super::grub_device::Device;
use super::unified_kernel_image;
use super::volumes::{Place, Volumes};
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::LoaderKind;
use crate::guest::glob;

/// Its configuration.
const LOADER_CONF: &str = "/loader/loader.conf";

/// Its entries.
const ENTRIES: &str = "/loader/entries";

/// Its unified kernel images.
const UNIFIED: &str = "/EFI/Linux";

/// Where there is something of it.
pub(super) const DIRECTORIES: [&str; 2] = [ENTRIES, UNIFIED];

/// Longest `loader.conf` in bytes.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// Most entries, and most unified kernel images besides.
const MAX_ENTRIES: usize = 512;

/// Reads the entries on a volume.
///
/// # Errors
/// When there are none, or they cannot be read.
pub(super) fn read(volumes: &Volumes<'_>, volume: usize) -> Result<Configuration> {
    let mut read = 0_usize;
    let directory = Place { device: Device::Volume(volume), path: ENTRIES.to_owned() };
    let mut files = match bls::read_directory(volumes, &directory, &mut || {
        read = read.saturating_add(1);
        read <= MAX_ENTRIES
    }) {
        Err(error) if error.is_absent() => Vec::new(),
        files => files?,
    };
    files.sort_by(order);
    let images = unified(volumes, volume)?;
    if files.is_empty() && images.is_empty() {
        return Err(Error::NotFound { path: format!("{ENTRIES}/*.conf") });
    }
    let place = Place { device: Device::Volume(volume), path: LOADER_CONF.to_owned() };
    let conf = match volumes.text_at(&place, MAX_FILE_BYTES) {
        Ok((text, _)) => text,
        Err(error) if error.is_absent() => String::new(),
        Err(error) => return Err(error),
    };
    let setting = |name: &str| {
        (1_u32..)
            .zip(conf.lines())
            .filter_map(|(line, text)| {
                let (key, value) = text.trim().split_once([' ', '\t'])?;
                (key == name).then(|| (line, value.trim().to_owned()))
            })
            .last()
    };
    let pattern = setting("default").map(|(_, value)| value);
    let names: Vec<(String, String)> = files
        .iter()
        .map(|file| (file.id.clone(), format!("{}.conf", file.id)))
        .chain(images.iter().map(|(name, _)| (name.clone(), name.clone())))
        .collect();
    let chosen = pattern.and_then(|pattern| {
        let pattern = pattern.to_lowercase();
        let matches = |name: &str| glob::matches(&pattern, &name.to_lowercase());
        names.iter().position(|(id, file)| matches(file) || matches(id))
    });
    let index = chosen.unwrap_or(0);
    let is_mixed = !files.is_empty() && !images.is_empty();
    let timeout = match setting("timeout") {
        None => Some((0, Evidence::new(LOADER_CONF, "no timeout"))),
        Some((line, value)) => {
            let seconds = match value.as_str() {
                "menu-force" => Some(-1),
                "menu-hidden" | "menu-disabled" => Some(0),
                value => value.trim_end_matches('s').parse().ok(),
            };
            let evidence = Evidence::new(format!("{LOADER_CONF}:{line}"), value.clone());
            seconds.map(|seconds| (seconds, evidence))
        }
    };
    let mut specs: Vec<EntrySpec> = files.iter().map(|file| entry(file, volume)).collect();
    specs.extend(images.into_iter().map(|(_, spec)| spec));
    let default = (index < specs.len()).then(|| specs.remove(index).resolve(volumes));
    specs.truncate(MAX_LISTED_ENTRIES);
    let others = specs.into_iter().map(|spec| spec.resolve(volumes)).collect();
    let location = if conf.is_empty() { ENTRIES } else { LOADER_CONF };
    let default = match chosen {
        None if is_mixed => {
            let reason = "which comes first of entries and unified kernel images is not followed";
            Fact::unknown(location, reason)
        }
        _ => Fact::Known(default),
    };
    Ok(Configuration {
        kind: LoaderKind::SystemdBoot,
        evidence: Evidence::new(location, volumes.name(volume)),
        volume: Some(volume),
        locked: None,
        starts_other: files
            .get(index)
            .and_then(|file| Some(format!("efi {}", file.first("efi").or(file.first("uki"))?))),
        default,
        others,
        timeout,
    })
}

/// The unified kernel images on a volume by their names, the newest version first ("Sorting" in
/// UAPI.1).
fn unified(volumes: &Volumes<'_>, volume: usize) -> Result<Vec<(String, EntrySpec)>> {
    let mut names = match volumes.names(volume, UNIFIED) {
        Err(error) if error.is_absent() => Vec::new(),
        names => names?,
    };
    names.retain(|name| name.to_ascii_lowercase().ends_with(".efi"));
    names.sort_by(|a, b| compare_versions(b, a));
    let mut images = Vec::new();
    if names.len() > MAX_ENTRIES {
        return Err(Error::Limit {
            structure: UNIFIED,
            limit: u64::try_from(MAX_ENTRIES).unwrap_or(u64::MAX),
            unit: "unified kernel images",
        });
    }
    for name in names {
        let path = format!("{UNIFIED}/{name}");
        let bytes = volumes.open(volume, &path)?;
        let image = match unified_kernel_image::read(bytes.as_ref()) {
            Ok(Some(image)) => image,
            // It is passed over by the loader as well.
            Ok(None) | Err(Error::Corrupt { .. } | Error::OutOfBounds { .. }) => continue,
            Err(error) => return Err(error),
        };
        let file = FileSpec {
            spec: path.clone(),
            location: path.clone(),
            place: Some(Place { device: Device::Volume(volume), path: path.clone() }),
        };
        let spec = EntrySpec {
            title: image.title.unwrap_or_else(|| name.clone()),
            location: path.clone(),
            kernel: Some(file.clone()),
            // It is in the same file.
            initrds: vec![file],
            command_line: image.command_line,
            command_line_location: path,
        };
        images.push((name, spec));
    }
    Ok(images)
}

fn entry(file: &BlsFile, volume: usize) -> EntrySpec {
    let location = |line: u32| format!("{}:{line}", file.path);
    let spec = |value: &str, line: u32| FileSpec {
        spec: value.to_owned(),
        location: location(line),
        place: Some(Place { device: Device::Volume(volume), path: value.replace('\\', "/") }),
    };
    let options: Vec<&str> = file.fields("options").map(|field| field.value.as_str()).collect();
    EntrySpec {
        title: file.first("title").unwrap_or(&file.id).to_owned(),
        location: location(1),
        kernel: file.field("linux").map(|field| spec(&field.value, field.line)),
        initrds: file
            .fields("initrd")
            // One more tells that there are more.
            .take(MAX_INITRDS.saturating_add(1))
            .map(|field| spec(&field.value, field.line))
            .collect(),
        command_line: options.join(" "),
        command_line_location: location(file.field("options").map_or(1, |field| field.line)),
    }
}

/// The order of the menu ("Sorting" in UAPI.1): entries with a sort key first, by key, then newest
/// version first; the others by name, newest first.
fn order(a: &BlsFile, b: &BlsFile) -> Ordering {
    let by_id = || compare_versions(&b.id, &a.id).then_with(|| b.id.cmp(&a.id));
    match (a.first("sort-key"), b.first("sort-key")) {
        (Some(key_a), Some(key_b)) => {
            let version = |file: &BlsFile| file.first("version").unwrap_or_default().to_owned();
            key_a
                .cmp(key_b)
                .then_with(|| a.first("machine-id").cmp(&b.first("machine-id")))
                .then_with(|| compare_versions(&version(b), &version(a)))
                .then_with(by_id)
        }
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => by_id(),
    }
}
