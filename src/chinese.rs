//! What readers and rules say in short of what they saw, in Chinese.
//!
//! Facts hold such words in English, because `inspect` prints them and because most stand deep inside
//! of readers that know no language. Reports for Chinese readers look each of them up here. What is
//! not in the list (a value, a line, what a specification asks for deep inside of a structure) stays
//! as it is.

use std::borrow::Cow;

/// Longest text that is looked up, in bytes; phrases are short.
const MAX_TEXT: usize = 2000;

/// How often a phrase may hold another one.
const MAX_DEPTH: usize = 3;

/// English and Chinese; `{}` stands for anything, itself looked up, in the same order in both.
const PHRASES: &[(&str, &str)] = &[
    // Errors.
    ("{}: the file changed while it was read", "{}：读取过程中文件发生了变化"),
    ("{} at byte {}: {} is not read by this program", "{}（字节{}）：本程序不读取{}"),
    ("{} at byte {}: expected {}, found {}", "{}（字节{}）：应为{}，实际为{}"),
    ("bytes {} to {} lie beyond the end at {}", "字节{}至{}超出末尾{}"),
    ("{}: more than {} {}, the rest was not read", "{}：超过{} {}，其余部分未读取"),
    ("{}: no such file or directory", "{}：文件或目录不存在"),
    ("{}: not a directory", "{}：不是目录"),
    ("{}: not a regular file", "{}：不是普通文件"),
    ("{}: too many levels of symbolic links", "{}：符号链接层数过多"),
    ("expected {}, found {}", "应为{}，实际为{}"),
    ("the content of a file in format {}", "{}格式文件的内容"),
    ("bytes inside the image file", "镜像文件范围内的字节"),
    ("the end of the file at byte {}", "文件末尾（字节{}）"),
    ("the end of the file", "文件末尾"),
    ("checksum {}", "校验和{}"),
    ("a damaged stream", "损坏的数据流"),
    ("sound compressed data", "完好的压缩数据"),
    // Disks and volumes.
    ("{} is not looked into", "未查看{}内部"),
    ("its content was not looked into", "未查看其内容"),
    ("it is encrypted ({})", "已加密（{}）"),
    ("physical volume {} is missing", "缺少物理卷{}"),
    ("slot {} is missing", "缺少成员{}"),
    ("{} partition table", "{}分区表"),
    ("{}, no operating system", "{}，没有操作系统"),
    ("{}: the kernel does not mount it", "{}：内核无法挂载"),
    ("not looked at", "未检查"),
    ("not read", "未读取"),
    ("it was not read", "未读取"),
    ("it was not looked at", "未检查"),
    ("its file system is not known", "其文件系统未知"),
    ("no file system is mounted there", "该处没有挂载文件系统"),
    ("the state of its file system is not known", "其文件系统状态未知"),
    ("it is not in the mount table", "不在挂载表中"),
    ("the volume of the root is not known", "根文件系统所在卷未知"),
    ("the volume of Windows could not be read", "无法读取Windows所在卷"),
    ("the type of the root file system is not known", "根文件系统类型未知"),
    ("virtual size {} bytes", "虚拟大小{}字节"),
    ("{} bytes long, tables refer to {}", "长{}字节，表中引用到{}"),
    ("no container signature: {}", "没有容器格式标识：{}"),
    // Devices.
    ("not a device name that is known", "无法识别的设备名称"),
    ("which disk has the number is settled at boot", "该编号对应的磁盘在启动时才能确定"),
    ("the number is given at boot", "该编号在启动时才能确定"),
    // The boot chain.
    ("{}, found: {}", "{}，已找到：{}"),
    ("{}, missing: {}", "{}，缺失：{}"),
    ("{}, not known: {}", "{}，未知：{}"),
    ("{}, not needed: {}", "{}，不需要：{}"),
    ("damaged: {}", "已损坏：{}"),
    ("cut short: {} of {} bytes", "被截断：{}/{}字节"),
    ("cut short: its gzip stream has no end in {} bytes", "被截断：gzip数据流在{}字节内没有结束"),
    ("damaged gzip stream: {}", "gzip数据流损坏：{}"),
    ("the code in the first sector is not recognised", "无法识别第一个扇区中的代码"),
    ("where the core image lies is not known", "GRUB核心镜像的位置未知"),
    ("where GRUB's core image lies is not known", "GRUB核心镜像的位置未知"),
    ("GRUB core image of {} bytes", "GRUB核心镜像，{}字节"),
    ("prefix not read", "未读取prefix"),
    ("configuration embedded in the core image", "嵌入核心镜像的配置"),
    ("no boot code", "没有引导代码"),
    ("no partition is active", "没有活动分区"),
    ("no boot manager", "没有启动管理器"),
    ("no menu", "没有菜单"),
    ("no timeout", "没有timeout"),
    ("its timeout is not decided", "无法确定其等待时间"),
    ("its version is not known", "其版本未知"),
    ("it was not followed as far as init", "未能检查到init"),
    ("it was not followed as far as Windows' kernel", "未能检查到Windows内核"),
    (
        "there is no default boot entry (see boot-chain-complete)",
        "没有默认引导项（参见boot-chain-complete）",
    ),
    ("the default boot entry names no kernel", "默认引导项没有指定内核"),
    ("the entry names no initramfs", "该引导项没有指定initramfs"),
    ("which kernel the default boot entry starts is not known", "默认引导项启动的内核未知"),
    (
        "the command line names no root; kernel or initramfs decide",
        "命令行没有指定root；由内核或initramfs决定",
    ),
    ("the release of the default kernel is not known", "默认内核的版本号未知"),
    (
        "none of the installed kernels is the one that the default boot entry starts",
        "已安装的内核中没有默认引导项所启动的内核",
    ),
    (
        "{} systems on this disk, and no default entry says which one starts",
        "磁盘上有{}个系统，且没有默认引导项说明启动哪一个",
    ),
    // Kernels and initramfs.
    (
        "the initramfs {} is not there (see initrd-referenced-exists)",
        "initramfs {}不存在（参见initrd-referenced-exists）",
    ),
    ("{}, which the entry loads, is not there", "引导项要加载的{}不存在"),
    ("the compressed stream is cut off", "压缩数据流被截断"),
    (
        "segment at offset {} ({}): {}, at offset {} ({} decompressed)",
        "偏移{}处的段（{}）：{}，位于偏移{}（已解压{}）",
    ),
    ("without {}", "缺少{}"),
    ("no driver for {}", "没有{}的驱动"),
    ("no disk driver is built in", "没有内置磁盘驱动"),
    ("{}, built in", "{}，内置"),
    ("there is no modules.alias", "没有modules.alias"),
    ("listed to its end", "已完整列出"),
    ("no other kernel", "没有其他内核"),
    ("modules of {}, not of {}", "包含{}的模块，但没有{}的模块"),
    // Files and settings.
    ("no such file", "文件不存在"),
    ("not there", "不存在"),
    ("the file exists", "文件存在"),
    ("not empty", "非空"),
    ("masked", "已屏蔽（masked）"),
    ("not installed", "未安装"),
    ("{} is not installed", "未安装{}"),
    ("nothing starts it", "没有任何配置启动它"),
    ("leads to nothing", "链接目标不存在"),
    ("link to {}", "链接到{}"),
    ("{} is not set, default {}", "未设置{}，默认为{}"),
    ("no line mounts a disk", "没有挂载磁盘的行"),
    ("no device by a name of its bus", "没有按总线命名的设备"),
    ("nothing about IPv6", "没有IPv6相关配置"),
    ("IPv6 by DHCP or router advertisements", "通过DHCP或路由通告获取IPv6"),
    ("no configuration for the card", "没有该网卡的配置"),
    ("no MAC address", "没有MAC地址"),
    ("no bindings", "没有硬件绑定"),
    ("no keys", "没有密钥"),
    ("no command history", "没有命令历史"),
    ("no datasource_list", "没有datasource_list"),
    ("nothing of an earlier run", "没有先前运行的遗留"),
    ("none of the tools that are known here", "没有已知的工具"),
    ("none of its boot stages was looked at", "未检查其任何启动阶段"),
    ("none of its units was looked at", "未检查其任何单元"),
    ("a host key", "主机密钥"),
    ("an id is set", "已设置ID"),
    ("no rules", "没有规则"),
    ("started at boot", "开机启动"),
    ("this line of the rules is not understood", "无法理解该行规则"),
    ("the shell would compute this value", "该值由shell计算得出"),
    ("datasource_list is not a list of names", "datasource_list不是名称列表"),
    // Accounts.
    ("password set ({})", "已设置密码（{}）"),
    ("password locked", "密码已锁定"),
    ("no password set", "未设置密码"),
    ("no account with uid 0", "没有uid为0的账户"),
    // Windows.
    ("the key is not there", "注册表项不存在"),
    ("no such key or value", "没有该注册表项或值"),
    ("the value is not there, or not what it should be", "注册表值不存在或不符合预期"),
    ("no volume that can be read has its system hive", "可读取的卷中都没有其SYSTEM注册表"),
    ("{}, another administrator", "{}，另一管理员"),
    ("names no program", "没有指定程序"),
    ("names no system", "没有指定系统"),
    ("no card has a setting", "没有网卡设置"),
    ("none of the services that are known here", "没有已知的服务"),
    ("where this path leads is not understood", "无法理解该路径指向何处"),
    ("disk signature {}", "磁盘签名{}"),
    ("it names no device", "没有指定设备"),
    (
        "ProductId of another channel, no OEMInformation",
        "ProductId属于其他渠道，没有OEMInformation",
    ),
    // Reports.
    ("{}: what was read may be older", "{}：读到的内容可能是较早的版本"),
    ("{} more", "另有{}项"),
    ("{} bytes", "{}字节"),
    ("{} does not exist", "{}不存在"),
    // Links of the boot chain, by the names that messages have for them.
    ("boot code", "引导代码"),
    ("the boot loader's next stage", "引导程序的下一阶段"),
    ("the boot loader's files", "引导程序的文件"),
    ("the boot loader's configuration", "引导程序的配置"),
    ("the boot configuration", "启动配置"),
    ("the default boot entry", "默认引导项"),
    ("the kernel", "内核"),
    ("the initramfs", "initramfs"),
    ("the root device", "根设备"),
];

/// The words in Chinese, as far as they are known.
pub(crate) fn chinese(text: &str) -> Cow<'_, str> {
    translated(text, MAX_DEPTH).map_or(Cow::Borrowed(text), Cow::Owned)
}

fn translated(text: &str, depth: usize) -> Option<String> {
    if text.len() > MAX_TEXT {
        return None;
    }
    let (zh, held) = PHRASES.iter().find_map(|(en, zh)| Some((*zh, held(en, text)?)))?;
    let mut out = String::new();
    for (index, piece) in zh.split("{}").enumerate() {
        if let Some(words) = index.checked_sub(1).and_then(|before| held.get(before)) {
            let inner = depth.checked_sub(1).and_then(|depth| translated(words, depth));
            out.push_str(inner.as_deref().unwrap_or(words));
        }
        out.push_str(piece);
    }
    Some(out)
}

/// What stands in the places of a phrase, when `text` is that phrase.
fn held<'t>(phrase: &str, text: &'t str) -> Option<Vec<&'t str>> {
    let mut pieces = phrase.split("{}");
    let mut rest = text.strip_prefix(pieces.next()?)?;
    let mut held = Vec::new();
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty().then_some(held);
    }
    while let Some(piece) = pieces.next() {
        let (words, behind) = match (pieces.peek(), piece) {
            (None, "") => (rest, ""),
            (None, piece) => (rest.strip_suffix(piece)?, ""),
            (Some(_), piece) => rest.split_once(piece)?,
        };
        if words.is_empty() {
            return None;
        }
        held.push(words);
        rest = behind;
    }
    Some(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_found_with_what_they_hold() {
        for (en, zh) in [
            ("no such file", "文件不存在"),
            ("crypto_LUKS is not looked into", "未查看crypto_LUKS内部"),
            ("/a/b: no such file or directory", "/a/b：文件或目录不存在"),
            (
                "the kernel, missing: cut short: 20991 of 20992 bytes",
                "内核，缺失：被截断：20991/20992字节",
            ),
            (
                "ext inode at byte 8: expected checksum 0x1, found 0x2",
                "ext inode（字节8）：应为校验和0x1，实际为0x2",
            ),
        ] {
            assert_eq!(chinese(en), zh);
        }
    }

    #[test]
    fn data_stays_as_it_is() {
        for text in
            ["", "UUID=1 / ext4 defaults 0 1", "LVM", "bytes", " is not looked into", "文件"]
        {
            assert_eq!(chinese(text), text);
        }
        let long = "x".repeat(MAX_TEXT) + " is not looked into";
        assert_eq!(chinese(&long), long);
        let nested = "damaged: ".repeat(100) + "x";
        assert!(chinese(&nested).ends_with("damaged: damaged: x"));
    }

    #[test]
    fn both_languages_hold_as_much() {
        for (en, zh) in PHRASES {
            assert_eq!(en.matches("{}").count(), zh.matches("{}").count(), "{en}");
        }
    }

    /// A phrase that nobody says any more is one that somebody says in other words now.
    #[test]
    fn every_phrase_is_said_somewhere() {
        fn sources(directory: &std::path::Path, all: &mut String) {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    sources(&path, all);
                } else if path.extension().is_some_and(|end| end == "rs")
                    && !path.ends_with("chinese.rs")
                {
                    all.push_str(&std::fs::read_to_string(path).unwrap());
                }
            }
        }
        let mut all = String::new();
        sources(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
        for (en, _) in PHRASES {
            let longest = en.split("{}").max_by_key(|piece| piece.len()).unwrap();
            assert!(all.contains(longest.trim_matches([',', ' ', ':'])), "{en}");
        }
    }
}
