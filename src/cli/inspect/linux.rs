//! What `inspect` says of a Linux guest.

use super::{GUEST, Rows};
use crate::cli::Failure;
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{
    Account, Addressing, BootFacts, CloudInitFacts, FirewallFacts, InitramfsFacts, InterfaceConfig,
    InterfaceKind, KernelFacts, LinuxFacts, ListingEnd, NetworkFacts, NicName, PasswordState,
    SshAccess, SshdFacts, UnitState,
};
use crate::rules::Fixed;
use crate::text;

/// What more than one fact is told by.
const NOT_INSTALLED: &str = "not installed";

pub(super) fn rows(linux: &LinuxFacts, rows: &mut Rows<'_>) -> Result<(), Failure> {
    system(linux, rows)?;
    mounts(linux, rows)?;
    boot(&linux.boot, rows)?;
    rows.each(Fixed::new("kernel", "内核"), &linux.kernels, |rows, kernels| {
        kernels.iter().map(|kernel| release(kernel, rows)).collect()
    })?;
    for kernel in linux.kernels.known().into_iter().flatten() {
        rows.each(Fixed::new("initramfs", "initramfs"), &kernel.initramfs, |rows, found| {
            found.iter().map(|found| initramfs(found, rows)).collect()
        })?;
    }
    let packages = Fixed::new("packages", "软件包");
    for seen in &linux.packages.databases {
        rows.row(packages, &rows.seen(seen))?;
    }
    for unread in &linux.packages.unread {
        rows.row(packages, &rows.unknown(unread))?;
    }
    rows.each(Fixed::new("account", "账户"), &linux.accounts, |rows, found| {
        let accounts = found.accounts.iter().map(|found| account(found, rows));
        accounts.chain(found.unread.iter().map(|unread| rows.unknown(unread))).collect()
    })?;
    network(&linux.network, rows)?;
    sshd(&linux.sshd, rows)?;
    firewall(&linux.firewall, rows)?;
    cloud_init(&linux.cloud_init, rows)
}

fn system(linux: &LinuxFacts, rows: &mut Rows<'_>) -> Result<(), Failure> {
    let arch = linux.arch.known().map_or("?", |(arch, _)| arch.name());
    match &linux.os {
        Fact::Known(Some(os)) => {
            let (name, id) = (&os.name, &os.id);
            let version = os.version.as_deref().unwrap_or("?");
            let words = text!(
                "{name} (id {id}, version {version}, {arch})",
                "{name}（id {id}，版本{version}，{arch}）"
            );
            rows.row(GUEST, &rows.say(words))
        }
        Fact::Known(None) => {
            let words = text!(
                "Linux without a release file ({arch})",
                "Linux，没有发行版信息文件（{arch}）"
            );
            rows.row(GUEST, &rows.say(words))
        }
        Fact::Unknown(unread) => rows.row(GUEST, &rows.unknown(unread)),
    }
}

fn mounts(linux: &LinuxFacts, rows: &mut Rows<'_>) -> Result<(), Failure> {
    for mount in &linux.mounts {
        let what = match &mount.readable {
            Fact::Known(()) => mount.kind.clone().unwrap_or_default(),
            Fact::Unknown(unread) => rows.unknown(unread),
        };
        let (path, place) = (&mount.path, rows.read(&mount.evidence.location));
        let words = text!("{path} {what} ({place})", "{path} {what}（{place}）");
        rows.row(Fixed::new("mount", "挂载"), &rows.say(words))?;
    }
    Ok(())
}

fn boot(boot: &BootFacts, rows: &mut Rows<'_>) -> Result<(), Failure> {
    let boots = Fixed::new("boots", "启动项");
    match &boot.default_entry {
        Fact::Known(Some(entry)) => {
            rows.row(boots, &format!("{} ({})", entry.title, entry.location))?;
            rows.row(Fixed::new("command line", "内核命令行"), &entry.command_line)
        }
        Fact::Known(None) => rows.row(boots, &rows.say(text!("no boot entry found", "没有引导项"))),
        Fact::Unknown(unread) => rows.row(boots, &rows.unknown(unread)),
    }
}

fn release(kernel: &KernelFacts, rows: &Rows<'_>) -> String {
    let release = &kernel.release;
    match kernel.is_default {
        true => rows.say(text!("{release}, default", "{release}，默认")),
        false => release.clone(),
    }
}

fn initramfs(found: &InitramfsFacts, rows: &Rows<'_>) -> String {
    let (path, modules) = (&found.path, found.modules.len());
    match &found.listing {
        Fact::Known(ListingEnd::Complete) => {
            rows.say(text!("{path}: {modules} modules", "{path}：{modules}个模块"))
        }
        Fact::Known(ListingEnd::Satisfied) => rows.say(text!(
            "{path}: {modules} modules seen, not read to its end",
            "{path}：已见{modules}个模块，未读到末尾"
        )),
        Fact::Unknown(unread) => {
            let unknown = rows.unknown(unread);
            rows.say(text!(
                "{path}: {modules} modules seen, the rest {unknown}",
                "{path}：已见{modules}个模块，其余{unknown}"
            ))
        }
    }
}

fn account(account: &Account, rows: &Rows<'_>) -> String {
    let mut words = vec![match &account.password {
        Fact::Known(PasswordState::Set(scheme)) => {
            rows.say(text!("has a password ({scheme})", "已设置密码（{scheme}）"))
        }
        Fact::Known(PasswordState::Empty) => rows.say(text!("has no password", "没有密码")),
        Fact::Known(PasswordState::Locked) => rows.say(text!("password locked", "密码已锁定")),
        Fact::Known(PasswordState::Absent) => {
            rows.say(text!("no line with a password", "没有密码行"))
        }
        Fact::Known(PasswordState::Invalid) => {
            rows.say(text!("its password is no hash", "密码字段不是哈希"))
        }
        Fact::Unknown(unread) => rows.unknown(unread),
    }];
    if account.shell_usable == Fact::Known(false) {
        let shell = &account.shell;
        words
            .push(rows.say(text!("no shell to log in to ({shell})", "登录Shell不可用（{shell}）")));
    }
    match &account.accepted_keys {
        Fact::Known(keys) => words.extend(keys.iter().map(|seen| rows.seen(seen))),
        Fact::Unknown(unread) => words.push(rows.unknown(unread)),
    }
    let refused = |seen: &Evidence| {
        let seen = rows.seen(seen);
        rows.say(text!("keys refused ({seen})", "密钥被拒绝（{seen}）"))
    };
    words.extend(account.refused_keys.iter().map(refused));
    let (name, uid, words) = (&account.name, account.uid, rows.list(&words));
    rows.say(text!("{name} ({uid}): {words}", "{name}（{uid}）：{words}"))
}

fn network(network: &NetworkFacts, rows: &mut Rows<'_>) -> Result<(), Failure> {
    for program in &network.programs {
        let state = state(&program.state, &program.evidence, rows);
        rows.row(
            Fixed::new("network by", "网络程序"),
            &named(program.program.name(), &state, rows),
        )?;
    }
    rows.each(Fixed::new("interface", "网卡"), &network.interfaces, |rows, interfaces| {
        let told = interfaces.iter().filter(|found| is_told(found));
        told.map(|found| interface(found, rows)).collect()
    })?;
    rows.each(Fixed::new("interface", "网卡"), &network.automatic, |rows, automatic| {
        let asks = |seen: &Evidence| {
            let seen = rows.seen(seen);
            rows.say(text!("any other: DHCP ({seen})", "其他网卡：DHCP（{seen}）"))
        };
        automatic.iter().map(asks).collect()
    })?;
    rows.each(Fixed::new("first card", "首个网卡"), &network.nic_name, |rows, (name, seen)| {
        let seen = rows.seen(seen);
        vec![match name {
            NicName::Exactly(name) => rows.say(text!("{name} ({seen})", "{name}（{seen}）")),
            NicName::ByPlace => rows
                .say(text!("named by its place on the bus ({seen})", "按总线位置命名（{seen}）")),
        }]
    })
}

/// Leaves out what is for no card, and what a package brings for when its program runs.
fn is_told(found: &InterfaceConfig) -> bool {
    let vendors = found.location.starts_with("/usr/lib/") || found.location.starts_with("/lib/");
    let unused = matches!(&found.idle, Fact::Known(Some(_)));
    found.kind != InterfaceKind::Other && !(vendors && unused)
}

fn interface(found: &InterfaceConfig, rows: &Rows<'_>) -> String {
    let addressing = |addressing| match addressing {
        Addressing::Dhcp => Fixed::new("DHCP", "DHCP"),
        Addressing::RouterAdvertisement => Fixed::new("router advertisements", "路由器通告"),
        Addressing::Static => Fixed::new("static", "静态"),
        Addressing::None => Fixed::new("none", "无"),
    };
    let (name, place) = (&found.name, rows.read(&found.location));
    let [ipv4, ipv6] = [found.ipv4, found.ipv6].map(|it| rows.words(addressing(it)));
    let words = rows.say(text!(
        "{name} ({place}): IPv4 {ipv4}, IPv6 {ipv6}",
        "{name}（{place}）：IPv4为{ipv4}，IPv6为{ipv6}"
    ));
    match &found.idle {
        Fact::Known(None) => words,
        Fact::Known(Some(seen)) => {
            let seen = rows.seen(seen);
            rows.say(text!("{words}; not used ({seen})", "{words}；未使用（{seen}）"))
        }
        Fact::Unknown(unread) => {
            let unknown = rows.unknown(unread);
            rows.say(text!(
                "{words}; whether it is used is {unknown}",
                "{words}；是否使用{unknown}"
            ))
        }
    }
}

fn sshd(sshd: &SshdFacts, rows: &mut Rows<'_>) -> Result<(), Failure> {
    let server = Fixed::new("SSH server", "SSH服务器");
    rows.each(server, &sshd.program, |rows, program| {
        vec![match (program, &sshd.version) {
            (None, _) => rows.read(NOT_INSTALLED),
            (Some(seen), Some(version)) => installed(version, &seen.location, rows),
            (Some(seen), None) => seen.location.clone(),
        }]
    })?;
    for unit in &sshd.units {
        let state = state(&unit.state, &unit.evidence, rows);
        rows.row(server, &named(&unit.name, &state, rows))?;
    }
    for unread in &sshd.unread {
        rows.row(server, &rows.unknown(unread))?;
    }
    if sshd.program == Fact::Known(None) {
        return Ok(());
    }
    rows.each(server, &sshd.permit_root_login, |rows, option| vec![rows.seen(&option.evidence)])
}

fn firewall(firewall: &FirewallFacts, rows: &mut Rows<'_>) -> Result<(), Failure> {
    let name = Fixed::new("firewall", "防火墙");
    for found in &firewall.enabled {
        let (what, seen) = match &found.ssh {
            Fact::Known(SshAccess::Open(seen)) => (Fixed::new("lets SSH in", "放行SSH"), seen),
            Fact::Known(SshAccess::Closed(seen)) => (Fixed::new("keeps SSH out", "阻止SSH"), seen),
            Fact::Unknown(unread) => {
                rows.row(name, &named(&found.name, &rows.unknown(unread), rows))?;
                continue;
            }
        };
        let (what, seen) = (rows.words(what), rows.seen(seen));
        let words = rows.say(text!("{what} ({seen})", "{what}（{seen}）"));
        rows.row(name, &named(&found.name, &words, rows))?;
    }
    for unread in &firewall.unread {
        rows.row(name, &rows.unknown(unread))?;
    }
    if firewall.enabled.is_empty() && firewall.unread.is_empty() {
        rows.row(name, &rows.say(text!("none is started", "未启动任何防火墙")))?;
    }
    Ok(())
}

fn cloud_init(cloud_init: &CloudInitFacts, rows: &mut Rows<'_>) -> Result<(), Failure> {
    let name = Fixed::new("cloud-init", "cloud-init");
    rows.each(name, &cloud_init.installed, |rows, installed| {
        vec![match installed {
            Some(found) => {
                let unknown = rows.words(Fixed::new("of unknown version", "版本未知"));
                let version = found.version.as_deref().unwrap_or(unknown);
                self::installed(version, &found.path, rows)
            }
            None => rows.read(NOT_INSTALLED),
        }]
    })?;
    if cloud_init.installed == Fact::Known(None) {
        return Ok(());
    }
    rows.each(name, &cloud_init.disabled_by, |rows, disabled_by| {
        let off = |seen: &Evidence| {
            let seen = rows.seen(seen);
            rows.say(text!("turned off ({seen})", "已关闭（{seen}）"))
        };
        disabled_by.iter().map(off).collect()
    })?;
    for unit in &cloud_init.units {
        let state = state(&unit.state, &unit.evidence, rows);
        rows.row(name, &named(&unit.name, &state, rows))?;
    }
    rows.each(Fixed::new("data sources", "数据源"), &cloud_init.datasource_list, |rows, list| {
        let shown = |(names, seen): &(Vec<String>, Evidence)| {
            let (names, place) = (rows.list(names), rows.read(&seen.location));
            rows.say(text!("{names} ({place})", "{names}（{place}）"))
        };
        list.iter().map(shown).collect()
    })
}

/// Whether a unit is started, and what says so.
fn state(state: &Fact<UnitState>, evidence: &Evidence, rows: &Rows<'_>) -> String {
    let (words, seen) = match state {
        Fact::Known(UnitState::Enabled) => (Fixed::new("enabled", "已启用"), rows.seen(evidence)),
        Fact::Known(UnitState::Disabled) => (Fixed::new("disabled", "未启用"), rows.seen(evidence)),
        Fact::Known(UnitState::Masked) => (Fixed::new("masked", "已屏蔽"), rows.seen(evidence)),
        Fact::Known(UnitState::Skipped) => {
            (Fixed::new("skipped by a condition", "因条件不满足而跳过"), rows.seen(evidence))
        }
        Fact::Known(UnitState::Absent) => (Fixed::new("not there", "不存在"), rows.seen(evidence)),
        Fact::Unknown(unread) => return rows.unknown(unread),
    };
    let words = rows.words(words);
    rows.say(text!("{words} ({seen})", "{words}（{seen}）"))
}

fn installed(version: &str, path: &str, rows: &Rows<'_>) -> String {
    rows.say(text!("{version} ({path})", "{version}（{path}）"))
}

fn named(name: &str, words: &str, rows: &Rows<'_>) -> String {
    rows.say(text!("{name}: {words}", "{name}：{words}"))
}
