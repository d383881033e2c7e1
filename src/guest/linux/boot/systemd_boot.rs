//! systemd-boot: `loader/loader.conf` and the entries beside it (loader.conf(5); Boot Loader
//! Specification, UAPI.1).

use std::cmp::Ordering;

use super::bls::{self, BlsFile, compare_versions};
use super::entry::{Configuration, EntrySpec, FileSpec, MAX_LISTED_ENTRIES};
use super::grub_device::Device;
use super::volumes::{Place, Volumes};
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact};
use crate::guest::facts::LoaderKind;

/// Its configuration.
const LOADER_CONF: &str = "/loader/loader.conf";

/// Its entries.
const ENTRIES: &str = "/loader/entries";

/// Longest `loader.conf` in bytes.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// Most entries.
const MAX_ENTRIES: usize = 512;

/// Most comparisons of one glob: bounds what many `*` cost.
const MAX_GLOB_STEPS: u32 = 100_000;

/// Reads the entries on a volume.
///
/// # Errors
/// When there are none, or they cannot be read.
pub(super) fn read(volumes: &Volumes<'_>, volume: usize) -> Result<Configuration> {
    let mut read = 0_usize;
    let mut files = bls::read_directory(volumes, volume, ENTRIES, &mut || {
        read = read.saturating_add(1);
        read <= MAX_ENTRIES
    })?;
    if files.is_empty() {
        return Err(Error::NotFound { path: format!("{ENTRIES}/*.conf") });
    }
    files.sort_by(order);
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
    let index = pattern
        .and_then(|pattern| {
            let matches = |name: &str| glob(&pattern.to_lowercase(), &name.to_lowercase());
            files.iter().position(|file| matches(&format!("{}.conf", file.id)) || matches(&file.id))
        })
        .unwrap_or(0);
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
    let spec = |file: &BlsFile| entry(file, volume).resolve(volumes);
    Ok(Configuration {
        kind: LoaderKind::SystemdBoot,
        evidence: Evidence::new(
            if conf.is_empty() { ENTRIES } else { LOADER_CONF },
            volumes.name(volume),
        ),
        volume: Some(volume),
        default: Fact::Known(files.get(index).map(spec)),
        locked: None,
        starts_other: files
            .get(index)
            .and_then(|file| Some(format!("efi {}", file.first("efi").or(file.first("uki"))?))),
        others: files
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != index)
            .map(|(_, file)| spec(file))
            .take(MAX_LISTED_ENTRIES)
            .collect(),
        timeout,
    })
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
        initrds: file.fields("initrd").map(|field| spec(&field.value, field.line)).collect(),
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

/// Whether a name matches a pattern of `*`, `?` and literal characters.
fn glob(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0_usize, 0_usize);
    let mut star: Option<(usize, usize)> = None;
    for _ in 0..MAX_GLOB_STEPS {
        match (pattern.get(p), name.get(n)) {
            (None, None) => return true,
            (Some('*'), _) => {
                star = Some((p, n));
                p = p.saturating_add(1);
            }
            (Some(want), Some(have)) if want == have || *want == '?' => {
                (p, n) = (p.saturating_add(1), n.saturating_add(1));
            }
            _ => match star {
                Some((at, from)) if from < name.len() => {
                    star = Some((at, from.saturating_add(1)));
                    (p, n) = (at.saturating_add(1), from.saturating_add(1));
                }
                _ => return false,
            },
        }
    }
    false
}
