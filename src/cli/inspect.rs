//! `image-preflight inspect`.

use std::io::Write;

use unicode_width::UnicodeWidthStr;

use super::args::{InspectArgs, InspectFormatArg};
use super::{Call, Failure, words_in};
use crate::disk::facts::{DiskFacts, VolumeFacts};
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::Shutdown;
use crate::guest::facts::{
    DriverSignature, Facts, FileSystemFacts, FirewallVerdict, Guest, HiveSync, LinuxFacts,
    WindowsAccount, WindowsFacts, WindowsPassword,
};
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
        Fact::Known(Guest::Linux(found)) => linux(found, rows),
        Fact::Known(Guest::Windows(found)) => windows(found, rows),
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
            rows.row(qcow2, &words.join(rows.words(Fixed::new(", ", "，"))))?;
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
        let separator = rows.words(Fixed::new(", ", "，"));
        rows.named(&rows.read(&volume.name), &words.join(separator))?;
    }
    for problem in &disk.problems {
        rows.row(Fixed::new("flaw", "缺陷"), &rows.seen(&problem.evidence))?;
    }
    Ok(())
}

/// How a file system was left, its room and its marks of errors.
fn health(filesystem: &FileSystemFacts, rows: &Rows<'_>) -> String {
    let separator = rows.words(Fixed::new(", ", "，"));
    let mut words = vec![filesystem.kind.clone()];
    let health = match &filesystem.health {
        Fact::Known(health) => health,
        Fact::Unknown(unread) => {
            words.push(rows.unknown(unread));
            return words.join(separator);
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
        words.push(
            rows.say(text!(
                "log not replayed ({place}: {reason})",
                "日志未重放（{place}：{reason}）"
            )),
        );
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
    words.join(separator)
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

fn linux(linux: &LinuxFacts, rows: &mut Rows<'_>) -> Result<(), Failure> {
    match &linux.os {
        Fact::Known(Some(os)) => {
            let (name, id) = (&os.name, &os.id);
            let version = os.version.as_deref().unwrap_or("?");
            let words =
                text!("{name} (id {id}, version {version})", "{name}（id {id}，版本{version}）");
            rows.row(GUEST, &rows.say(words))?;
        }
        Fact::Known(None) => {
            let words = text!("Linux without a release file", "Linux，没有发行版信息文件");
            rows.row(GUEST, &rows.say(words))?;
        }
        Fact::Unknown(unread) => rows.row(GUEST, &rows.unknown(unread))?,
    }
    for mount in &linux.mounts {
        let what = match &mount.readable {
            Fact::Known(()) => mount.kind.clone().unwrap_or_default(),
            Fact::Unknown(unread) => rows.unknown(unread),
        };
        let (path, place) = (&mount.path, rows.read(&mount.evidence.location));
        let words = text!("{path} {what} ({place})", "{path} {what}（{place}）");
        rows.row(Fixed::new("mount", "挂载"), &rows.say(words))?;
    }
    let boots = Fixed::new("boots", "启动项");
    match &linux.boot.default_entry {
        Fact::Known(Some(entry)) => {
            rows.row(boots, &format!("{} ({})", entry.title, entry.location))?;
            rows.row(Fixed::new("command line", "内核命令行"), &entry.command_line)?;
        }
        Fact::Known(None) => {
            rows.row(boots, &rows.say(text!("no boot entry found", "没有引导项")))?
        }
        Fact::Unknown(unread) => rows.row(boots, &rows.unknown(unread))?,
    }
    if let Fact::Known(kernels) = &linux.kernels {
        for kernel in kernels {
            let default =
                if kernel.is_default { Fixed::new(", default", "，默认") } else { NOTHING };
            let words = format!("{}{}", kernel.release, rows.words(default));
            rows.row(Fixed::new("kernel", "内核"), &words)?;
        }
    }
    let cloud_init = Fixed::new("cloud-init", "cloud-init");
    match &linux.cloud_init.installed {
        Fact::Known(Some(found)) => {
            let unknown = rows.words(Fixed::new("of unknown version", "版本未知"));
            let version = found.version.as_deref().unwrap_or(unknown);
            rows.row(cloud_init, &format!("{version} ({})", found.path))
        }
        Fact::Known(None) => rows.row(cloud_init, &rows.read("not installed")),
        Fact::Unknown(unread) => rows.row(cloud_init, &rows.unknown(unread)),
    }
}

/// Where there is nothing to be said.
const NOTHING: Fixed = Fixed::new("", "");

fn windows(windows: &WindowsFacts, rows: &mut Rows<'_>) -> Result<(), Failure> {
    for seen in &windows.evidence {
        rows.row(Fixed::new("windows", "Windows"), &rows.seen(seen))?;
    }
    rows.each(GUEST, &windows.os, |_, os| {
        let arch = windows.arch.known().map_or("?", |(arch, _)| arch.name());
        vec![format!("{} ({}, {arch})", os.name, os.number())]
    })?;
    for hive in &windows.hives {
        let state = match &hive.sync {
            Fact::Known(HiveSync::Clean) => rows.say(text!("written to its end", "已完整写入")),
            Fact::Known(HiveSync::Replayed(seen)) => {
                let seen = rows.read(&seen.detail);
                rows.say(text!("replayed ({seen})", "已重放日志（{seen}）"))
            }
            Fact::Known(HiveSync::Torn(unread)) | Fact::Unknown(unread) => rows.unknown(unread),
        };
        let words = format!("{}: {state}", hive.name);
        rows.row(Fixed::new("hive", "注册表文件"), &words)?;
    }
    rows.each(Fixed::new("account", "账户"), &windows.accounts, |rows, found| {
        found.accounts.iter().map(|found| account(found, rows)).collect()
    })?;
    rows.each(Fixed::new("service", "服务"), &windows.services, |rows, services| {
        let separator = rows.words(Fixed::new(", ", "，"));
        let shown = services.iter().map(|service| {
            let signature = match service.signature {
                Some(DriverSignature::Embedded) => {
                    Some(Fixed::new("signature embedded", "带有嵌入式签名"))
                }
                Some(DriverSignature::NotEmbedded) => Some(Fixed::new(
                    "no signature embedded (catalogues not looked at)",
                    "没有嵌入式签名（未检查目录签名）",
                )),
                None => None,
            };
            let file = match &service.file {
                Fact::Known(Some(_)) => Fixed::new("file there", "文件存在"),
                Fact::Known(None) => Fixed::new("file not there", "文件不存在"),
                Fact::Unknown(_) => Fixed::new("file not looked at", "未检查文件"),
            };
            let start = rows.read(&service.evidence.detail);
            let mut words = vec![start.as_str(), rows.words(file)];
            words.extend(service.file_version.as_deref());
            words.extend(signature.map(|signature| rows.words(signature)));
            format!("{}: {}", service.name, words.join(separator))
        });
        shown.collect()
    })?;
    rows.each(Fixed::new("device", "设备"), &windows.bindings, |_, bindings| {
        bindings.iter().map(|it| format!("{}: {}", it.device, it.driver)).collect()
    })?;
    rows.each(Fixed::new("interface", "网卡"), &windows.interfaces, |rows, interfaces| {
        let cards = interfaces.iter().filter(|interface| interface.is_card());
        let name = |name: &Option<String>| name.clone().unwrap_or_default();
        let seen = |seen: &Evidence| rows.read(&seen.detail);
        cards.map(|it| format!("{} {}: {}", it.guid, name(&it.name), seen(&it.evidence))).collect()
    })?;
    let remote_desktop = &windows.remote_desktop;
    rows.each(Fixed::new("remote desktop", "远程桌面"), &remote_desktop.deny, |rows, deny| {
        let not_set = || rows.say(text!("not set", "未设置"));
        vec![deny.as_ref().map_or_else(not_set, |it| rows.read(&it.evidence.detail))]
    })?;
    rows.each(Fixed::new("firewall", "防火墙"), &remote_desktop.firewall, |rows, verdict| {
        let (what, seen) = match verdict {
            FirewallVerdict::Off(seen) => (Fixed::new("off", "已关闭"), seen),
            FirewallVerdict::Open(seen) => {
                (Fixed::new("lets remote desktop in", "放行远程桌面"), seen)
            }
            FirewallVerdict::Closed(seen) => {
                (Fixed::new("keeps remote desktop out", "阻止远程桌面"), seen)
            }
        };
        let (what, seen) = (rows.words(what), rows.seen(seen));
        vec![rows.say(text!("{what} ({seen})", "{what}（{seen}）"))]
    })?;
    rows.each(Fixed::new("setup", "安装状态"), &windows.sysprep.image_state, |_, state| {
        state.iter().map(|state| state.value.clone()).collect()
    })?;
    rows.each(Fixed::new("hibernation", "休眠"), &windows.hibernated, |rows, seen| {
        all(rows, seen)
    })?;
    for pending in [&windows.pending.updates, &windows.pending.renames] {
        rows.each(PENDING, pending, |rows, seen| all(rows, seen))?;
    }
    rows.each(PENDING, &windows.pending.servicing, |rows, seen| all(rows, seen))?;
    rows.each(Fixed::new("directory", "目录服务"), &windows.directory, |rows, seen| {
        all(rows, seen)
    })?;
    let cloudbase_init = Fixed::new("cloudbase-init", "Cloudbase-Init");
    rows.each(cloudbase_init, &windows.cloudbase_init.conf, |rows, conf| {
        let none = || rows.say(text!("no configuration", "没有配置"));
        vec![conf.as_ref().map_or_else(none, |conf| conf.path.clone())]
    })
}

/// A line for each piece of evidence.
fn all<'a>(rows: &Rows<'_>, found: impl IntoIterator<Item = &'a Evidence>) -> Vec<String> {
    found.into_iter().map(|seen| rows.seen(seen)).collect()
}

fn account(account: &WindowsAccount, rows: &Rows<'_>) -> String {
    let mut words = vec![match &account.password {
        Fact::Known(WindowsPassword::Set) => Fixed::new("has a password", "已设置密码"),
        Fact::Known(WindowsPassword::Empty) => Fixed::new("has no password", "没有密码"),
        Fact::Unknown(_) => Fixed::new("whether it has a password is unknown", "是否设置密码未知"),
    }];
    for (is, word) in [
        (account.disabled, Fixed::new("disabled", "已禁用")),
        (account.locked, Fixed::new("locked", "已锁定")),
        (account.administrator == Fact::Known(true), Fixed::new("administrator", "管理员")),
    ] {
        words.extend(is.then_some(word));
    }
    let words: Vec<&str> = words.into_iter().map(|words| rows.words(words)).collect();
    let words = words.join(rows.words(Fixed::new(", ", "，")));
    format!("{} ({}): {words}", account.name, account.rid)
}
