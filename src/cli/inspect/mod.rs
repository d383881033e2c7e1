//! `image-preflight inspect`.

mod linux;
mod windows;

use std::borrow::Borrow;
use std::io::Write;

use unicode_width::UnicodeWidthStr;

use super::args::{InspectArgs, InspectFormatArg};
use super::{Call, Failure, words_in};
use crate::disk::facts::{DiskFacts, VolumeFacts};
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::Shutdown;
use crate::guest::facts::{Facts, FileSystemFacts, Guest};
use crate::image::facts::ImageFacts;
use crate::report::Detail;
use crate::report::escape::for_terminal;
use crate::rules::{Fixed, Lang, Text};
use crate::text;

pub(super) fn run(args: &InspectArgs, call: &Call, out: &mut dyn Write) -> Result<u8, Failure> {
    let facts = crate::inspect(&args.image)?.facts;
    match args.format {
        InspectFormatArg::Json => {
            crate::report::json::write_value(&facts, out)?;
        }
        InspectFormatArg::Human => {
            let mut rows = Rows { out, lang: call.lang };
            if call.detail == Detail::Short {
                in_short(&facts, &mut rows)?;
            } else {
                human(&facts, &mut rows)?;
            }
        }
    }
    Ok(0)
}

/// A name and what is known of it on each line, in one language.
pub(super) struct Rows<'a> {
    pub(super) out: &'a mut dyn Write,
    pub(super) lang: Lang,
}

impl Rows<'_> {
    pub(super) fn row(&mut self, name: Fixed, value: &str) -> Result<(), Failure> {
        self.named(name.get(self.lang), value)
    }

    /// A row of something that has a name of its own.
    fn named(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        let name = for_terminal(name);
        let pad = NAMES.saturating_sub(name.width());
        writeln!(self.out, "{name}{:pad$} {}", "", for_terminal(value))?;
        Ok(())
    }

    pub(super) fn say(&self, text: Text) -> String {
        match self.lang {
            Lang::En => text.en,
            Lang::ZhCn => text.zh,
        }
    }

    fn words(&self, words: Fixed) -> &'static str {
        words.get(self.lang)
    }

    /// What a reader said, as far as it is known in the language.
    pub(super) fn read(&self, text: &str) -> String {
        words_in(text, self.lang).into_owned()
    }

    fn unknown(&self, unread: &Unread) -> String {
        let (place, reason) = (self.read(&unread.location), self.read(&unread.reason));
        self.say(text!("unknown: {place}: {reason}", "未知：{place}：{reason}"))
    }

    fn seen(&self, seen: &Evidence) -> String {
        let (place, detail) = (self.read(&seen.location), self.read(&seen.detail));
        self.say(text!("{place}: {detail}", "{place}：{detail}"))
    }

    fn list(&self, words: &[impl Borrow<str>]) -> String {
        words.join(self.words(Fixed::new(", ", "，")))
    }

    /// A row for each line of a fact, or one that says why it is not known.
    fn each<T>(
        &mut self,
        name: Fixed,
        fact: &Fact<T>,
        lines: impl FnOnce(&Self, &T) -> Vec<String>,
    ) -> Result<(), Failure> {
        match fact {
            Fact::Known(value) => {
                lines(self, value).iter().try_for_each(|line| self.row(name, line))
            }
            Fact::Unknown(unread) => self.row(name, &self.unknown(unread)),
        }
    }
}

/// Columns of the names.
const NAMES: usize = 14;

/// What more than one place has rows of.
const FORMAT: Fixed = Fixed::new("format", "格式");
const DISK: Fixed = Fixed::new("disk", "磁盘");
const GUEST: Fixed = Fixed::new("guest", "操作系统");
const PENDING: Fixed = Fixed::new("pending", "待处理");
const NO_SYSTEM: Fixed = Fixed::new("no operating system", "没有操作系统");

/// The format and the system alone.
fn in_short(facts: &Facts, rows: &mut Rows<'_>) -> Result<(), Failure> {
    rows.row(FORMAT, &rows.read(facts.image.format.name()))?;
    let name = match &facts.guest {
        Fact::Known(Guest::Linux(found)) => match &found.os {
            Fact::Known(os) => os.as_ref().map_or("Linux", |os| &os.name).to_owned(),
            Fact::Unknown(unread) => rows.unknown(unread),
        },
        Fact::Known(Guest::Windows(found)) => match &found.os {
            Fact::Known(os) => os.name.clone(),
            Fact::Unknown(unread) => rows.unknown(unread),
        },
        Fact::Known(Guest::Absent(_)) => rows.words(NO_SYSTEM).to_owned(),
        Fact::Unknown(unread) => rows.unknown(unread),
    };
    rows.row(GUEST, &name)
}

fn human(facts: &Facts, rows: &mut Rows<'_>) -> Result<(), Failure> {
    image(&facts.image, rows)?;
    match &facts.disk {
        Fact::Known(found) => {
            disk(found, rows)?;
            for filesystem in &facts.filesystems {
                let volume = found.volumes.get(filesystem.volume);
                let name = rows.read(volume.map_or("volume", |volume| volume.name.as_str()));
                let health = health(filesystem, rows);
                let words = rows.say(text!("{name}: {health}", "{name}：{health}"));
                rows.row(Fixed::new("file system", "文件系统"), &words)?;
            }
        }
        Fact::Unknown(unread) => rows.row(DISK, &rows.unknown(unread))?,
    }
    match &facts.firmware {
        Fact::Known(firmware) => {
            for (name, evidence) in [("bios", &firmware.bios), ("uefi", &firmware.uefi)] {
                for seen in evidence {
                    rows.named(name, &rows.seen(seen))?;
                }
            }
        }
        Fact::Unknown(unread) => rows.row(Fixed::new("firmware", "固件"), &rows.unknown(unread))?,
    }
    match &facts.guest {
        Fact::Known(Guest::Linux(found)) => linux::rows(found, rows),
        Fact::Known(Guest::Windows(found)) => windows::rows(found, rows),
        Fact::Known(Guest::Absent(_)) => rows.row(GUEST, rows.words(NO_SYSTEM)),
        Fact::Unknown(unread) => rows.row(GUEST, &rows.unknown(unread)),
    }
}

fn image(image: &ImageFacts, rows: &mut Rows<'_>) -> Result<(), Failure> {
    rows.row(Fixed::new("file", "文件"), &image.path)?;
    let variant = image.variant.as_ref().map(|variant| {
        let variant = rows.read(variant);
        rows.say(text!(" ({variant})", "（{variant}）"))
    });
    let (variant, size) = (variant.unwrap_or_default(), image.file_size);
    let format = rows.read(image.format.name());
    let words = text!("{format}{variant}, {size} bytes", "{format}{variant}，{size}字节");
    rows.row(FORMAT, &rows.say(words))?;
    if let Some(size) = image.virtual_size {
        let words = text!("{size} bytes", "{size}字节");
        rows.row(Fixed::new("disk size", "磁盘大小"), &rows.say(words))?;
    }
    let qcow2 = Fixed::new("qcow2", "qcow2");
    match &image.qcow2 {
        Some(Fact::Known(found)) => {
            let (version, cluster) = (found.version, found.cluster_size);
            let (snapshots, problems) = (found.snapshot_count, found.problem_count);
            let words = text!(
                "version {version}, {cluster}-byte clusters, {snapshots} snapshots, {problems} pieces of damage",
                "版本{version}，簇大小{cluster}字节，{snapshots}个快照，{problems}处损坏"
            );
            let mut words = vec![rows.say(words)];
            let marks = [
                (found.dirty, text!("marked as dirty", "带有dirty标记")),
                (found.corrupt, text!("marked as corrupt", "带有corrupt标记")),
            ];
            words.extend(marks.into_iter().filter(|(is, _)| *is).map(|(_, mark)| rows.say(mark)));
            rows.row(qcow2, &rows.list(&words))?;
            if let Fact::Unknown(unread) = &found.checked {
                rows.row(qcow2, &rows.unknown(unread))?;
            }
            if let Some(name) = &found.backing_file {
                rows.row(Fixed::new("backing file", "后端文件"), name)?;
            }
            if let Some(name) = &found.data_file_name {
                rows.row(Fixed::new("data file", "数据文件"), name)?;
            }
        }
        Some(Fact::Unknown(unread)) => rows.row(qcow2, &rows.unknown(unread))?,
        None => {}
    }
    match &image.content {
        Fact::Known(()) => Ok(()),
        Fact::Unknown(unread) => rows.row(Fixed::new("content", "内容"), &rows.unknown(unread)),
    }
}

fn disk(disk: &DiskFacts, rows: &mut Rows<'_>) -> Result<(), Failure> {
    let table = serde_json::to_value(disk.table).unwrap_or_default();
    let (table, sector) = (rows.read(table.as_str().unwrap_or_default()), disk.sector_size);
    let words = text!("{table}, {sector}-byte sectors", "{table}，扇区大小{sector}字节");
    rows.row(Fixed::new("table", "分区表"), &rows.say(words))?;
    if let Fact::Known(code) = &disk.boot_code {
        let kind = serde_json::to_value(code.kind).unwrap_or_default();
        rows.row(Fixed::new("boot code", "引导代码"), kind.as_str().unwrap_or_default())?;
        let name = Fixed::new("grub core", "GRUB核心镜像");
        match &code.grub_core {
            Some(Fact::Known(core)) => {
                let prefix = match &core.prefix {
                    Fact::Known(Some(prefix)) => format!("prefix {prefix}"),
                    Fact::Known(None) => rows.say(text!("no prefix", "没有prefix")),
                    Fact::Unknown(unread) => {
                        let unknown = rows.unknown(unread);
                        rows.say(text!("prefix {unknown}", "prefix{unknown}"))
                    }
                };
                let (offset, place) = (core.offset, rows.read(&core.place));
                let words =
                    text!("byte {offset} ({place}), {prefix}", "字节{offset}（{place}），{prefix}");
                rows.row(name, &rows.say(words))?;
            }
            Some(Fact::Unknown(unread)) => rows.row(name, &rows.unknown(unread))?,
            None => {}
        }
    }
    for volume in &disk.volumes {
        let role = disk.partitions.iter().find(|found| Some(found.number) == volume.partition);
        let size = volume.size;
        let mut words = vec![match volume.start {
            Some(start) => text!("{size} bytes at {start}", "{size}字节，起始于{start}"),
            None => text!("{size} bytes", "{size}字节"),
        }];
        if let Some(partition) = role {
            let kind = &partition.type_id;
            words.push(text!("type {kind}", "类型{kind}"));
            words.extend(partition.active.then(|| text!("active", "活动")));
        }
        let mut words: Vec<String> = words.into_iter().map(|words| rows.say(words)).collect();
        words.push(content(volume, rows));
        rows.named(&rows.read(&volume.name), &rows.list(&words))?;
    }
    for problem in &disk.problems {
        rows.row(Fixed::new("flaw", "缺陷"), &rows.seen(&problem.evidence))?;
    }
    Ok(())
}

/// How a file system was left, its room and its marks of errors.
fn health(filesystem: &FileSystemFacts, rows: &Rows<'_>) -> String {
    let mut words = vec![filesystem.kind.clone()];
    let health = match &filesystem.health {
        Fact::Known(health) => health,
        Fact::Unknown(unread) => {
            words.push(rows.unknown(unread));
            return rows.list(&words);
        }
    };
    words.push(match &health.shutdown {
        Fact::Known((Shutdown::Clean, _)) => rows.say(text!("unmounted cleanly", "已正常卸载")),
        Fact::Known((Shutdown::Unclean, seen)) => {
            let seen = rows.read(&seen.detail);
            rows.say(text!("not unmounted ({seen})", "未正常卸载（{seen}）"))
        }
        Fact::Unknown(unread) => rows.unknown(unread),
    });
    if let Some(unread) = &health.stale {
        let (place, reason) = (rows.read(&unread.location), rows.read(&unread.reason));
        words.push(rows.say(text!(
            "a mount may fail or show something else ({place}: {reason})",
            "可能无法挂载，或挂载后所见不同（{place}：{reason}）"
        )));
    }
    if let Some(unread) = &health.unchecked {
        let (place, reason) = (rows.read(&unread.location), rows.read(&unread.reason));
        words.push(rows.say(text!(
            "not looked at as a whole ({place}: {reason})",
            "未全部检查（{place}：{reason}）"
        )));
    }
    if let Fact::Known(space) = &health.space {
        let (free, total) = (space.free, space.total);
        words
            .push(rows.say(text!("{free} of {total} bytes free", "共{total}字节，可用{free}字节")));
    }
    if let Some(first) = health.errors.first() {
        let (count, first) = (health.errors.len(), rows.read(&first.detail));
        words.push(
            rows.say(text!("{count} marks of errors ({first})", "{count}处错误标记（{first}）")),
        );
    }
    rows.list(&words)
}

fn content(volume: &VolumeFacts, rows: &Rows<'_>) -> String {
    let found = match &volume.signatures {
        Fact::Unknown(unread) => return rows.unknown(unread),
        Fact::Known(found) => found.first(),
    };
    let Some(signature) = found else {
        return rows.say(text!("no signature", "没有已知的特征"));
    };
    let tag = |name: &str, value: &Option<String>| {
        value.as_ref().map_or(String::new(), |value| format!(" {name}={value:?}"))
    };
    let (uuid, label) = (tag("UUID", &signature.uuid), tag("LABEL", &signature.label));
    format!("{}{uuid}{label}", signature.kind.name())
}

/// A line for each piece of evidence.
fn all<'a>(rows: &Rows<'_>, found: impl IntoIterator<Item = &'a Evidence>) -> Vec<String> {
    found.into_iter().map(|seen| rows.seen(seen)).collect()
}
