//! LVM volume groups without the device mapper: `lvm` writes the metadata, and what lies in a
//! logical volume is put where `lvs` says that it lies.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use rustix::fs::SeekFrom;
use rustix::io::Errno;
use serde::Deserialize;

use super::mount::Loop;
use crate::tool::Tool;

/// Bytes copied at once at the most.
const CHUNK: u64 = 1 << 20;

/// A volume group whose physical volumes are parts of files.
pub struct Group {
    pub name: String,
    volumes: Vec<Volume>,
}

/// A physical volume.
struct Volume {
    device: Loop,
    file: File,
    /// First byte in the file.
    start: u64,
}

#[derive(Deserialize)]
struct Answer<T> {
    report: Vec<T>,
}

#[derive(Deserialize)]
struct Segments {
    seg: Vec<Segment>,
}

#[derive(Deserialize)]
struct Segment {
    lv_name: String,
    seg_start: String,
    seg_size: String,
    stripe_size: String,
    seg_pe_ranges: String,
    segtype: String,
    vg_extent_size: String,
}

#[derive(Deserialize)]
struct Volumes {
    pv: Vec<Start>,
}

#[derive(Deserialize)]
struct Start {
    pv_name: String,
    pe_start: String,
    pv_uuid: String,
}

impl Group {
    /// A group of these parts (file, first byte, bytes) with extents of 1 MiB.
    pub fn create(name: &str, parts: &[(&Path, u64, u64)]) -> Result<Self> {
        let mut volumes = Vec::new();
        for (path, start, size) in parts {
            let device = Loop::part(path, *start, *size)?;
            let file = OpenOptions::new().read(true).write(true).open(path)?;
            volumes.push(Volume { device, file, start: *start });
        }
        let group = Self { name: name.to_owned(), volumes };
        group.lvm("pvcreate", group.devices())?;
        let words: Vec<&str> = ["-s", "1m", name].into_iter().chain(group.devices()).collect();
        group.lvm("vgcreate", words)?;
        Ok(group)
    }

    fn devices(&self) -> Vec<&str> {
        self.volumes.iter().map(|volume| volume.device.device.as_str()).collect()
    }

    /// The device of a physical volume, as LVM's commands take it.
    pub fn device(&self, index: usize) -> Result<&str> {
        self.devices().get(index).copied().context("no such physical volume")
    }

    fn lvm<'a>(&self, command: &str, words: impl IntoIterator<Item = &'a str>) -> Result<String> {
        let mut tool = Tool::new("lvm")
            .arg(command)
            .words("-y --driverloaded n --devices")
            .arg(self.devices().join(","))
            .arg("--config")
            .arg(
                "activation { udev_sync=0 udev_rules=0 } backup { backup=0 archive=0 } \
                 global { use_lvmpolld=0 event_activation=0 }",
            );
        for word in words {
            tool = tool.arg(word);
        }
        tool.run()
    }

    /// Runs a command of LVM's with the words of this line.
    pub fn run(&self, line: &str) -> Result<()> {
        let (command, words) = line.split_once(' ').unwrap_or((line, ""));
        self.lvm(command, words.split_whitespace())?;
        Ok(())
    }

    /// A new logical volume; `words` say how large and where.
    pub fn volume(&self, name: &str, words: &str) -> Result<()> {
        self.run(&format!("lvcreate -an -Zn -Wn -n {name} {} {words}", self.name))
    }

    fn ask<T: serde::de::DeserializeOwned>(&self, line: &str) -> Result<T> {
        let (command, words) = line.split_once(' ').unwrap_or((line, ""));
        let words = words.split_whitespace();
        let text = self.lvm(command, words.chain(["--reportformat", "json"]))?;
        let start = text.find('{').context("no JSON")?;
        let answer: Answer<T> = serde_json::from_str(text.get(start..).unwrap_or_default())?;
        answer.report.into_iter().next().context("no report")
    }

    fn segments(&self, name: &str) -> Result<Vec<Segment>> {
        let columns = "lv_name,seg_start,seg_size,stripe_size,seg_pe_ranges,segtype,vg_extent_size";
        let all: Segments =
            self.ask(&format!("lvs --segments --units b --nosuffix -o {columns} {}", self.name))?;
        Ok(all.seg.into_iter().filter(|segment| segment.lv_name == name).collect())
    }

    /// The UUIDs of the physical volumes, in their order.
    pub fn uuids(&self) -> Result<Vec<String>> {
        let known: Volumes = self.ask("pvs -o pv_name,pe_start,pv_uuid --units b --nosuffix")?;
        let uuid = |device: &str| {
            let found = known.pv.iter().find(|pv| pv.pv_name == device);
            found.map(|pv| pv.pv_uuid.clone()).context("a physical volume that pvs does not know")
        };
        self.devices().into_iter().map(uuid).collect()
    }

    /// A logical volume by its UUIDs, as GRUB names it: `lvmid/VG/LV`.
    pub fn grub_name(&self, name: &str) -> Result<String> {
        let line =
            format!("lvs --noheadings --separator / -o vg_uuid,lv_uuid {}/{name}", self.name);
        let (command, words) = line.split_once(' ').unwrap_or((&line, ""));
        let uuids = self.lvm(command, words.split_whitespace())?;
        Ok(format!("lvmid/{}", uuids.trim()))
    }

    /// Bytes of a logical volume.
    pub fn size(&self, name: &str) -> Result<u64> {
        let mut size = 0;
        for segment in self.segments(name)? {
            size += segment.seg_size.parse::<u64>()?;
        }
        Ok(size)
    }

    /// Puts the content of a file into a logical volume: stripes go to the areas of a segment in
    /// turns (lvm2 `doc/lvm2-text-format`).
    pub fn write(&self, name: &str, content: &Path) -> Result<()> {
        let known: Volumes = self.ask("pvs -o pv_name,pe_start,pv_uuid --units b --nosuffix")?;
        let content = File::open(content)?;
        let len = content.metadata()?.len();
        for segment in self.segments(name)? {
            ensure!(
                ["linear", "striped"].contains(&segment.segtype.as_str()),
                "{name} has a segment of type {}",
                segment.segtype
            );
            let extent: u64 = segment.vg_extent_size.parse()?;
            let mut areas = Vec::new();
            for range in segment.seg_pe_ranges.split_whitespace() {
                let (device, extents) = range.rsplit_once(':').context("no extents")?;
                let (first, _) = extents.split_once('-').context("no last extent")?;
                let index = self.devices().iter().position(|known| *known == device);
                let volume =
                    index.and_then(|index| self.volumes.get(index)).context("no device")?;
                let start = known.pv.iter().find(|pv| pv.pv_name == device);
                let start: u64 = start.context("no start")?.pe_start.parse()?;
                areas.push((volume, volume.start + start + first.parse::<u64>()? * extent));
            }
            let (base, size): (u64, u64) = (segment.seg_start.parse()?, segment.seg_size.parse()?);
            let stripe: u64 = segment.stripe_size.parse()?;
            let step = if areas.len() > 1 { stripe } else { CHUNK.min(size) };
            ensure!(step > 0, "a stripe without a size");
            let count = areas.len() as u64;
            for (number, at) in (0..size).step_by(step as usize).enumerate() {
                let take = step.min(size - at).min(len.saturating_sub(base + at));
                match rustix::fs::seek(&content, SeekFrom::Data(base + at)) {
                    Ok(data) if data < base + at + take => {}
                    Ok(_) | Err(Errno::NXIO) => continue,
                    Err(error) => return Err(error.into()),
                }
                let mut bytes = vec![0; take as usize];
                content.read_exact_at(&mut bytes, base + at)?;
                if bytes.iter().all(|byte| *byte == 0) {
                    continue;
                }
                let number = number as u64;
                let area = areas.get((number % count) as usize).context("no area")?;
                area.0.file.write_all_at(&bytes, area.1 + number / count * step)?;
            }
        }
        Ok(())
    }
}
