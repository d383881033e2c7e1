//! A volume group as its metadata text describes it (LVM2, `lib/format_text/import_vsn1.c`).

use std::collections::BTreeMap;

use super::text::{self, Section, Value};
use crate::error::{Error, Result};

/// Unit of sizes in the text.
const SECTOR: u64 = 512;

/// Longest name of a group or a volume (`NAME_LEN`, with its NUL, `lib/metadata/metadata-exported.h`).
const MAX_NAME: usize = 127;

/// Most logical volumes of one group, hidden ones included. A guest has tens.
const MAX_LOGICAL_VOLUMES: usize = 4096;

/// Most physical volumes of one group. A guest has a few.
const MAX_PHYSICAL_VOLUMES: usize = 1024;

/// Length of an identifier: 32 characters and six dashes (`lib/uuid/uuid.c`).
const MAX_IDENTIFIER: usize = 38;

/// Longest device name that is kept.
const MAX_DEVICE: usize = 255;

/// Most characters of a text that are quoted in an error.
const MAX_QUOTED: usize = 64;

const TEXT: &str = "LVM2 metadata";

/// A volume group.
#[derive(Debug)]
pub(super) struct VolumeGroup {
    pub(super) name: String,
    pub(super) uuid: String,
    pub(super) seqno: u64,
    /// `EXPORTED`: no host activates it.
    pub(super) is_exported: bool,
    /// The host that it belongs to, cut to [`MAX_NAME`] characters.
    pub(super) system_id: Option<String>,
    /// In bytes.
    pub(super) extent_size: u64,
    /// By the names that segments use: `pv0`.
    pub(super) physical_volumes: BTreeMap<String, PhysicalVolume>,
    pub(super) logical_volumes: BTreeMap<String, LogicalVolume>,
}

/// A physical volume as the group sees it.
#[derive(Debug)]
pub(super) struct PhysicalVolume {
    pub(super) uuid: String,
    /// The device that it was when the text was written.
    pub(super) device: Option<String>,
    /// In bytes; 0 when the text does not tell.
    pub(super) size: u64,
    /// Byte of its first extent.
    pub(super) pe_start: u64,
    pub(super) pe_count: u64,
    /// Whether the group had to do without it, so that its data may be old (`MISSING`).
    pub(super) is_missing: bool,
}

/// A logical volume.
#[derive(Debug)]
pub(super) struct LogicalVolume {
    pub(super) uuid: String,
    pub(super) is_visible: bool,
    /// The next activation fills it from the other legs (`REBUILD`), so it does not hold its content.
    pub(super) is_to_be_rebuilt: bool,
    /// The segments in order and without gaps, or what is wrong with them.
    pub(super) segments: Result<Vec<Segment>>,
}

/// Consecutive extents of a logical volume that are mapped in one way.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) extents: u64,
    pub(super) kind: SegmentKind,
}

/// How a segment is mapped.
#[derive(Debug)]
pub(super) enum SegmentKind {
    /// Round the areas in stripes of so many bytes; one area is `linear`.
    Striped { stripe_size: u64, areas: Vec<Area> },
    /// Round whole hidden volumes.
    Raid0 { stripe_size: u64, images: Vec<String> },
    /// Hidden volumes of the same content: superblock and data of each leg.
    Raid1 { legs: Vec<(String, String)> },
    /// Areas of the same content; the first is the one that others are copied from. The log, if it is
    /// not kept in memory, tells for each region of so many bytes whether they are equal.
    Mirror { legs: Vec<Area>, region_size: u64, log: Option<String> },
    /// `cow_store` holds what changed since; the origin is as it was, or is about to take the
    /// changes over (`merging_store`).
    Snapshot { origin: String, store: String, is_merging: bool },
    /// Reads as zeros.
    Zero,
    /// Anything else, by its name.
    Other(String),
}

/// Extents of a physical or a logical volume.
#[derive(Debug)]
pub(super) struct Area {
    pub(super) volume: String,
    pub(super) first: u64,
}

impl SegmentKind {
    /// The type as `lvs -o segtype` shows it.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Striped { areas, .. } if areas.len() == 1 => "linear",
            Self::Striped { .. } => "striped",
            Self::Raid0 { .. } => "raid0",
            Self::Raid1 { .. } => "raid1",
            Self::Mirror { .. } => "mirror",
            Self::Snapshot { .. } => "snapshot",
            Self::Zero => "zero",
            Self::Other(name) => name,
        }
    }

    /// Whether it holds the parts of other volumes and no file system of its own.
    pub(super) fn is_pool(&self) -> bool {
        matches!(self.name(), "thin-pool" | "cache-pool" | "vdo-pool" | "snapshot")
    }
}

impl LogicalVolume {
    /// In extents; what is wrong with the segments has no size.
    pub(super) fn extents(&self) -> u64 {
        let segments = self.segments.as_deref().unwrap_or_default();
        segments.iter().fold(0, |sum, segment| sum.saturating_add(segment.extents))
    }
}

/// Reads a text. `values` are those of the disk's texts so far.
///
/// # Errors
/// [`Error::Corrupt`] and [`Error::Limit`], as [`text::parse`], and where a value that every group
/// has is missing or out of range.
pub(super) fn read(bytes: &[u8], values: &mut usize) -> Result<VolumeGroup> {
    let root = text::parse(bytes, values)?;
    let contents = root.get("contents").and_then(Value::text);
    if contents != Some("Text Format Volume Group") {
        return Err(wrong("contents", "\"Text Format Volume Group\"", &root));
    }
    let version = number(&root, "version")?;
    if version != 1 {
        return Err(Error::unsupported(TEXT, 0, format!("version {version}")));
    }
    let mut sections = root.iter().filter_map(|(name, value)| Some((name, value.section()?)));
    let (Some((name, group)), None) = (sections.next(), sections.next()) else {
        return Err(Error::corrupt(TEXT, 0, "one section", "another number of them"));
    };
    let extent_size = bytes_of(number(group, "extent_size")?)?;
    if extent_size == 0 {
        return Err(wrong("extent_size", "a number over 0", group));
    }
    let empty = Section::new();
    let list = |key| group.get(key).and_then(Value::section).unwrap_or(&empty);
    let (pvs, lvs) = (list("physical_volumes"), list("logical_volumes"));
    bound(pvs.len(), MAX_PHYSICAL_VOLUMES, "physical volumes")?;
    bound(lvs.len(), MAX_LOGICAL_VOLUMES, "logical volumes")?;
    let physical_volumes = pvs
        .iter()
        .map(|(name, value)| Ok((name.clone(), physical_volume(section(name, value)?)?)))
        .collect::<Result<_>>()?;
    let logical_volumes = lvs
        .iter()
        .map(|(name, value)| Ok((checked(name)?, logical_volume(section(name, value)?)?)))
        .collect::<Result<_>>()?;
    Ok(VolumeGroup {
        name: checked(name)?,
        uuid: identifier(group)?,
        seqno: number(group, "seqno")?,
        is_exported: has_flag(group, "EXPORTED"),
        system_id: group
            .get("system_id")
            .and_then(Value::text)
            .filter(|id| !id.is_empty())
            .map(|id| id.chars().take(MAX_NAME).collect()),
        extent_size,
        physical_volumes,
        logical_volumes,
    })
}

fn bound(count: usize, limit: usize, unit: &'static str) -> Result<()> {
    if count > limit {
        return Err(Error::too_much("LVM2 volume group", limit, unit));
    }
    Ok(())
}

/// A name as LVM allows it (lvm(8), "Valid names"), so that it can be shown and compared.
fn checked(name: &str) -> Result<String> {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"+_.-".contains(&byte);
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(valid) {
        let shown: String = name.chars().take(MAX_NAME).collect();
        let expected = "a name of at most 127 letters, digits and +_.-";
        return Err(Error::corrupt(TEXT, 0, expected, format!("{shown:?}")));
    }
    Ok(name.to_owned())
}

fn physical_volume(section: &Section) -> Result<PhysicalVolume> {
    let device = section.get("device").and_then(Value::text);
    Ok(PhysicalVolume {
        uuid: identifier(section)?,
        device: device.map(|device| device.chars().take(MAX_DEVICE).collect()),
        size: section.get("dev_size").and_then(Value::number).unwrap_or(0).saturating_mul(SECTOR),
        pe_start: bytes_of(number(section, "pe_start")?)?,
        pe_count: number(section, "pe_count")?,
        is_missing: has_flag(section, "MISSING"),
    })
}

fn logical_volume(section: &Section) -> Result<LogicalVolume> {
    Ok(LogicalVolume {
        uuid: identifier(section)?,
        is_visible: has_flag(section, "VISIBLE"),
        is_to_be_rebuilt: has_flag(section, "REBUILD"),
        segments: segments(section),
    })
}

fn segments(volume: &Section) -> Result<Vec<Segment>> {
    let count = number(volume, "segment_count")?;
    let mut segments = Vec::new();
    let mut extent = 0_u64;
    for index in 1..=count {
        let key = format!("segment{index}");
        let fields = match volume.get(&key) {
            Some(value) => section(&key, value)?,
            None => return Err(wrong(&key, "as many segments as segment_count says", volume)),
        };
        if number(fields, "start_extent")? != extent {
            return Err(wrong("start_extent", &format!("{extent}, without gap"), fields));
        }
        let extents = number(fields, "extent_count")?;
        extent = extent
            .checked_add(extents)
            .filter(|_| extents != 0)
            .ok_or_else(|| wrong("extent_count", "a number over 0", fields))?;
        segments.push(Segment { extents, kind: kind(fields)? });
    }
    if segments.is_empty() {
        return Err(wrong("segment_count", "at least one segment", volume));
    }
    Ok(segments)
}

fn kind(fields: &Section) -> Result<SegmentKind> {
    // Flags that other versions need to know follow the type, each behind a `+`.
    let name = string(fields, "type")?;
    let (kind, flags) = name.split_once('+').unwrap_or((&name, ""));
    if !flags.is_empty() {
        return Ok(SegmentKind::Other(checked(&name)?));
    }
    Ok(match kind {
        "striped" | "linear" => {
            let areas = areas(fields, "stripes")?;
            let stripe_size = match areas.len() {
                1 => 0,
                _ => bytes_of(number(fields, "stripe_size")?)?,
            };
            count(fields, "stripe_count", areas.len())?;
            SegmentKind::Striped { stripe_size, areas }
        }
        "raid0" => {
            let images = names(fields, "raid0_lvs")?;
            count(fields, "stripe_count", images.len())?;
            SegmentKind::Raid0 { stripe_size: bytes_of(number(fields, "stripe_size")?)?, images }
        }
        "raid0_meta" => {
            let images = pairs(fields)?.into_iter().map(|(_, image)| image).collect();
            SegmentKind::Raid0 { stripe_size: bytes_of(number(fields, "stripe_size")?)?, images }
        }
        "raid1" => SegmentKind::Raid1 { legs: pairs(fields)? },
        "mirror" => SegmentKind::Mirror {
            legs: areas(fields, "mirrors")?,
            region_size: bytes_of(fields.get("region_size").and_then(Value::number).unwrap_or(0))?,
            log: fields.get("mirror_log").and_then(Value::text).map(str::to_owned),
        },
        "snapshot" => {
            let is_merging = fields.contains_key("merging_store");
            let store = if is_merging { "merging_store" } else { "cow_store" };
            let (origin, store) = (string(fields, "origin")?, string(fields, store)?);
            SegmentKind::Snapshot { origin, store, is_merging }
        }
        "zero" => SegmentKind::Zero,
        _ => SegmentKind::Other(checked(kind)?),
    })
}

fn count(fields: &Section, key: &str, found: usize) -> Result<()> {
    if number(fields, key)? != u64::try_from(found).unwrap_or(u64::MAX) {
        return Err(wrong(key, &found.to_string(), fields));
    }
    Ok(())
}

/// `[ "pv0", 0, "pv1", 100 ]`: volumes, each with its first extent.
fn areas(fields: &Section, key: &str) -> Result<Vec<Area>> {
    let (pairs, rest) = list(fields, key)?.as_chunks::<2>();
    if pairs.is_empty() || !rest.is_empty() {
        return Err(wrong(key, "pairs of volume and extent", fields));
    }
    pairs
        .iter()
        .map(|[volume, first]| {
            let area = volume.text().zip(first.number());
            let (volume, first) =
                area.ok_or_else(|| wrong(key, "pairs of volume and extent", fields))?;
            Ok(Area { volume: volume.to_owned(), first })
        })
        .collect()
}

/// `[ "lv_rmeta_0", "lv_rimage_0", … ]`.
fn pairs(fields: &Section) -> Result<Vec<(String, String)>> {
    let names = names(fields, "raids")?;
    let (pairs, rest) = names.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(wrong("raids", "pairs of superblock and data", fields));
    }
    Ok(pairs.iter().map(|[meta, image]| (meta.clone(), image.clone())).collect())
}

fn names(fields: &Section, key: &str) -> Result<Vec<String>> {
    let items = list(fields, key)?;
    let names: Option<Vec<String>> = items.iter().map(|v| v.text().map(str::to_owned)).collect();
    names.filter(|names| !names.is_empty()).ok_or_else(|| wrong(key, "names", fields))
}

fn list<'a>(fields: &'a Section, key: &str) -> Result<&'a [Value]> {
    fields.get(key).map(Value::items).ok_or_else(|| wrong(key, "a list", fields))
}

/// Whether `status` or `flags` name the flag.
fn has_flag(section: &Section, flag: &str) -> bool {
    ["status", "flags"].iter().any(|key| {
        let items = section.get(*key).map(Value::items).unwrap_or_default();
        items.iter().any(|item| item.text() == Some(flag))
    })
}

fn section<'a>(key: &str, value: &'a Value) -> Result<&'a Section> {
    let found = || Error::corrupt(TEXT, 0, format!("{key} to be a section"), "another value");
    value.section().ok_or_else(found)
}

fn string(section: &Section, key: &str) -> Result<String> {
    let text = section.get(key).and_then(Value::text);
    Ok(text.ok_or_else(|| wrong(key, "a string", section))?.to_owned())
}

/// An identifier with its dashes. Errors repeat it, so it must not be longer than one is.
fn identifier(section: &Section) -> Result<String> {
    let id = string(section, "id")?;
    if id.is_empty() || id.len() > MAX_IDENTIFIER || !id.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(wrong("id", "an identifier of 38 characters", section));
    }
    Ok(id)
}

fn number(section: &Section, key: &str) -> Result<u64> {
    let number = section.get(key).and_then(Value::number);
    number.ok_or_else(|| wrong(key, "a number", section))
}

fn bytes_of(sectors: u64) -> Result<u64> {
    let error = || Error::corrupt(TEXT, 0, "a size below 2^64 bytes", format!("{sectors} sectors"));
    sectors.checked_mul(SECTOR).ok_or_else(error)
}

fn wrong(key: &str, expected: &str, section: &Section) -> Error {
    let found = match section.get(key) {
        None => "nothing".to_owned(),
        Some(Value::Text(text)) => {
            format!("{:?}", text.chars().take(MAX_QUOTED).collect::<String>())
        }
        Some(Value::Integer(number)) => number.to_string(),
        Some(_) => "another value".to_owned(),
    };
    Error::corrupt(TEXT, 0, format!("{key} = {expected}"), found)
}
