//! What `inspect` says of a Windows guest.

use super::{GUEST, PENDING, Rows, all};
use crate::cli::Failure;
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{
    DriverImage, DriverSignature, FirewallVerdict, HiveSync, WindowsAccount, WindowsFacts,
    WindowsPassword,
};
use crate::rules::Fixed;
use crate::text;

pub(super) fn rows(windows: &WindowsFacts, rows: &mut Rows<'_>) -> Result<(), Failure> {
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
            let damaged = match &service.image {
                Fact::Known(Some(DriverImage::Damaged(reason))) => {
                    let reason = rows.read(reason);
                    Some(rows.say(text!("cannot be loaded ({reason})", "无法加载（{reason}）")))
                }
                _ => None,
            };
            words.extend(damaged.as_deref());
            if let Fact::Known(Some(DriverImage::Whole(architecture))) = &service.image {
                words.push(architecture.name());
            }
            words.extend(service.file_version.as_deref());
            words.extend(signature.map(|signature| rows.words(signature)));
            format!("{}: {}", service.name, rows.list(&words))
        });
        shown.collect()
    })?;
    rows.each(Fixed::new("device", "设备"), &windows.bindings, |_, bindings| {
        bindings.iter().map(|it| format!("{}: {}", it.device, it.driver)).collect()
    })?;
    rows.each(Fixed::new("filters", "过滤驱动"), &windows.class_filters, |rows, filters| {
        filters
            .iter()
            .map(|it| format!("{}: {}", it.class, rows.read(&it.evidence.detail)))
            .collect()
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
    let words = rows.list(&words);
    format!("{} ({}): {words}", account.name, account.rid)
}
