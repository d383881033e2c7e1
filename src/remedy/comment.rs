//! What every form of the script has in common: its head, the finding above each group of steps, what
//! it leaves to the user, and the functions of the shell.

use std::fmt::Write;

use super::{ByHand, Remedy, Repair, Step};
use crate::report::{escape, human, words};
use crate::rules::shell::{quote_in_script, quote_path_in_script};
use crate::rules::{Finding, Fixed, Lang, Level, Status};

/// Widest comment, in columns.
const WIDTH: usize = 98;

/// A comment of as many lines as it takes. What stands in it may come from the image: nothing in it
/// ends the line or steers a terminal.
pub(super) fn comment(out: &mut String, indent: &str, text: &str) {
    for line in text.lines() {
        let line = escape::for_terminal(line);
        for line in human::wrap(&line, WIDTH, indent, indent) {
            out.push('#');
            if !line.trim().is_empty() {
                out.push(' ');
                out.push_str(line.trim_end());
            }
            out.push('\n');
        }
    }
}

/// The finding that the steps below are for.
pub(super) fn finding(out: &mut String, finding: &Finding, lang: Lang) {
    out.push('\n');
    let shown = finding.in_language(lang);
    let status = words::status(shown.status).get(lang);
    comment(out, "", &format!("{} ({status}): {}", shown.rule, shown.message));
    for seen in &shown.evidence {
        let place = words::said(&seen.location, lang);
        comment(out, "  | ", &format!("{place}  {}", seen.detail));
    }
}

/// Above the steps of one repair.
fn repair(out: &mut String, repair: &Repair, lang: Lang) {
    finding(out, &repair.finding, lang);
    if let Some(note) = &repair.note {
        comment(out, "  ", note.get(lang));
    }
    if repair.steps.iter().any(|step| matches!(step, Step::Convert | Step::CheckContainer)) {
        let words = Fixed::new("(The conversion does it.)", "（由格式转换完成。）");
        comment(out, "  ", words.get(lang));
    }
}

/// How a form of the script says what is to be done.
pub(super) trait Form {
    /// The line above the steps for a rule, or for the initramfs.
    fn begin(&self, _what: &str) -> Option<String> {
        None
    }

    /// The line of a step; none for what is done before or after all of them.
    fn step(&self, step: &Step) -> Option<String>;

    /// The line that has the guest's own programs make an initramfs.
    fn rebuild(&self, command: &str) -> String;
}

/// The steps of each repair, and after all of them the initramfs.
pub(super) fn steps(out: &mut String, remedy: &Remedy, lang: Lang, form: &dyn Form) {
    let write = |out: &mut String, what: &str, lines: Vec<String>| {
        let begin = form.begin(what).filter(|_| !lines.is_empty());
        for line in begin.into_iter().chain(lines) {
            out.push_str(&line);
            out.push('\n');
        }
    };
    for found in &remedy.repairs {
        repair(out, found, lang);
        let lines = found.steps.iter().filter_map(|step| form.step(step)).collect();
        write(out, &found.finding.rule, lines);
    }
    if !remedy.rebuilds.is_empty() {
        above_rebuilds(out, lang);
        let rebuilds = remedy.rebuilds.iter();
        let lines = rebuilds.map(|rebuild| form.rebuild(&rebuild.command())).collect();
        write(out, "initramfs", lines);
    }
}

/// What the script does not do.
pub(super) fn rest(out: &mut String, remedy: &Remedy, lang: Lang) {
    if !remedy.by_hand.is_empty() {
        heading(out, Fixed::new("Left to you:", "需要自行处理：").get(lang));
        for ByHand { finding: found, why } in &remedy.by_hand {
            finding(out, found, lang);
            comment(out, "  ", why.get(lang));
            if let Some(remedy) = &found.remedy {
                comment(out, "  > ", remedy.get(lang));
            }
        }
    }
    if !remedy.unverified.is_empty() {
        heading(
            out,
            Fixed::new(
                "Not decided, so that nothing is repaired (check the copy afterwards, and have what is found then repaired by a new script):",
                "无法判定，因此未修复（之后请检查副本，并为新发现的问题重新生成脚本）：",
            )
            .get(lang),
        );
        // A disk that cannot be read leaves most rules undecided, for one reason.
        let same = |one: &Finding, other: &Finding| {
            one.message.en == other.message.en && one.evidence == other.evidence
        };
        for group in remedy.unverified.chunk_by(same) {
            if let Some((first, others)) = group.split_first() {
                finding(out, first, lang);
                if !others.is_empty() {
                    let ids: Vec<_> = others.iter().map(|found| found.rule.as_str()).collect();
                    let head = Fixed::new("the same for", "以下规则相同：").get(lang);
                    comment(out, "  ", &format!("{head} {}", ids.join(", ")));
                }
                // What would let them be decided.
                if let Some(remedy) = &first.remedy
                    && others.iter().all(|other| other.remedy.as_ref() == Some(remedy))
                {
                    comment(out, "  > ", remedy.get(lang));
                }
            }
        }
    }
    if !remedy.waived.is_empty() {
        let head = Fixed::new("Waived, and left alone:", "已豁免，不处理：").get(lang);
        heading(out, &format!("{head} {}", remedy.waived.join(", ")));
    }
    if !remedy.on_request.is_empty() {
        let head = Fixed::new(
            "Told by the check, and repaired only when asked for with --rule:",
            "检查中提示的事项，仅在用--rule指定时修复：",
        );
        heading(out, &format!("{} {}", head.get(lang), remedy.on_request.join(", ")));
    }
}

fn heading(out: &mut String, text: &str) {
    out.push_str("\n# ----\n");
    comment(out, "", text);
}

/// The head: what the script is, how it is run, what it needs.
pub(super) fn head(remedy: &Remedy, lang: Lang, needs: Fixed) -> String {
    let mut out = String::from("#!/bin/sh\n");
    let version = env!("CARGO_PKG_VERSION");
    let profile = &remedy.profile;
    let path = &remedy.path;
    comment(
        &mut out,
        "",
        &match lang {
            Lang::En => format!(
                "Repairs a copy of {path}, as image-preflight {version} found it under the profile {profile}. The image itself is only read."
            ),
            Lang::ZhCn => format!(
                "根据image-preflight {version}（规则集{profile}）的检查结果修复{path}的副本，镜像本身只读不写。"
            ),
        },
    );
    out.push_str("#\n");
    comment(
        &mut out,
        "",
        Fixed::new(
            "sh THIS_SCRIPT [IMAGE [OUTPUT]]    read it first; nothing is run by image-preflight",
            "sh 本脚本 [镜像 [输出]]    请先阅读；image-preflight不会执行其中任何命令",
        )
        .get(lang),
    );
    comment(&mut out, "", needs.get(lang));
    comment(&mut out, "", Fixed::new(
        "Ends with 0 when a copy was made in which nothing is left that fails, with 3 when a copy was made and something is left (it says what), with 4 when there is nothing that a script could repair, so that no copy was made, and with another code when it was stopped.",
        "退出码：0表示副本已生成，且不再有未通过的规则；3表示副本已生成，但仍有遗留问题（会列出）；4表示没有可由脚本修复的内容，未生成副本；其他表示已中止。",
    ).get(lang));
    if !remedy.companions.is_empty() {
        comment(
            &mut out,
            "",
            &match lang {
                Lang::En => {
                    format!("It also reads what the image names: {}", remedy.companions.join(", "))
                }
                Lang::ZhCn => format!("还会读取镜像所引用的文件：{}", remedy.companions.join("、")),
            },
        );
    }
    out
}

/// The first half of a script whose steps are carried out by a tool with a virtual machine of its own:
/// up to the copy that it works on.
pub(super) fn for_appliance(remedy: &Remedy, lang: Lang, needs: Fixed, tool: &str) -> String {
    let mut out = head(remedy, lang, needs);
    variables(&mut out, remedy, lang);
    out.push_str(&functions(COPY, lang));
    let _ = write!(out, "\nrelease() {{ :; }}\n\nstart {tool}\n");
    source(&mut out, remedy);
    let format = remedy.format;
    let _ = write!(
        out,
        "\nqemu-img convert -f {format} -O qcow2 -o compat=1.1 \"$SOURCE\" \"$WORK/done\"\n"
    );
    out
}

/// What stands above the commands that make an initramfs anew.
fn above_rebuilds(out: &mut String, lang: Lang) {
    let words = Fixed::new(
        "The initramfs, once for all that goes into it.",
        "initramfs，统一重新生成一次。",
    );
    out.push('\n');
    comment(out, "", words.get(lang));
}

/// The variables of the script.
pub(super) fn variables(out: &mut String, remedy: &Remedy, lang: Lang) {
    // A name that shows as another one, or that was no UTF-8, is not written down.
    let odd = |c: char| escape::is_unsafe(c) || c == char::REPLACEMENT_CHARACTER;
    let image = if remedy.path.chars().any(odd) {
        let words = Fixed::new(
            "name the image: sh THIS_SCRIPT IMAGE [OUTPUT]",
            "请指定镜像：sh 本脚本 镜像 [输出]",
        );
        format!("IMAGE=${{1:?{}}}", words.get(lang))
    } else {
        format!("IMAGE={}\n[ $# -eq 0 ] || IMAGE=$1", quote_path_in_script(&remedy.path))
    };
    let size = remedy.file_size;
    let broken: Vec<&str> = remedy
        .by_hand
        .iter()
        .filter(|by_hand| by_hand.finding.status == Status::Fail)
        .map(|by_hand| by_hand.finding.rule.as_str())
        .collect();
    let broken = quote_in_script(&broken.join(" "));
    let undecided = remedy.unverified.iter().filter(|found| found.level == Level::Required).count();
    let _ = write!(
        out,
        "\nset -eu\numask 022\nexport LC_ALL=C\nPATH=$PATH:/usr/sbin:/sbin\n\n\
         case ${{1-}} in\n\
         -h | --help)\n    sed -n '1d; /^#/!q; s/^# \\{{0,1\\}}//p' \"$0\"\n    exit\n    ;;\n\
         esac\n\
         {image}\nSIZE={size}\nBROKEN={broken}\nUNDECIDED={undecided}\n\
         name=${{IMAGE##*/}} OUTPUT=${{IMAGE%/*}}/\n\
         case $IMAGE in /dev/*) OUTPUT=./ ;; */*) ;; *) OUTPUT=./ ;; esac\n\
         OUTPUT=$OUTPUT${{name%.*}}-repaired.qcow2\n\
         [ $# -lt 2 ] || OUTPUT=$2\n\n"
    );
}

/// The functions for the copy.
pub(super) const COPY: &str = include_str!("copy.sh");

/// The functions for a copy that is mounted.
pub(super) const MOUNT: &str = include_str!("mount.sh");

/// The functions of a file with their sentences in `lang`.
pub(super) fn functions(text: &str, lang: Lang) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let mut line = line.to_owned();
        for (name, words) in WORDS {
            line = line.replace(&format!("@{name}@"), words.get(lang));
        }
        let (indent, rest) = line.split_at(line.len().saturating_sub(line.trim_start().len()));
        match rest.strip_prefix("# ") {
            // A sentence of ours may be long.
            Some(sentence) if !sentence.starts_with("shellcheck") => {
                let mut lines = String::new();
                comment(&mut lines, "", sentence);
                for line in lines.lines() {
                    out.push_str(indent);
                    out.push_str(line);
                    out.push('\n');
                }
            }
            _ => {
                out.push_str(&line);
                out.push('\n');
            }
        }
    }
    out
}

/// The sentences of the functions. They stand in comments and between double quotes.
const WORDS: &[(&str, Fixed)] = &[
    ("begin", Fixed::new("The steps that follow are for this rule.", "以下步骤针对此规则。")),
    (
        "left_out",
        Fixed::new(
            "A step that did not fit: the others go on.",
            "不适用的步骤：其余步骤继续执行。",
        ),
    ),
    ("left_out_word", Fixed::new("left out", "已跳过")),
    (
        "leave",
        Fixed::new("Whatever happens: nothing stays mounted.", "无论结果如何，都不保留挂载。"),
    ),
    ("still_held", Fixed::new("still in use, please clean up", "仍被占用，请手动清理")),
    ("failed", Fixed::new("stopped, no copy was made", "已中止，未生成副本")),
    (
        "start",
        Fixed::new(
            "Looks before it works: tools, paths, whether it is the file that was checked.",
            "先检查工具、路径，以及是否为检查过的文件。",
        ),
    ),
    (
        "colon",
        Fixed::new(
            "Neither an option nor, with a colon in it, a protocol of QEMU's.",
            "避免被当作选项，或因含冒号被QEMU当作协议。",
        ),
    ),
    ("missing", Fixed::new("not installed", "未安装")),
    ("no_image", Fixed::new("no such file", "文件不存在")),
    ("exists", Fixed::new("exists already, and is not overwritten", "已存在，不会覆盖")),
    (
        "other_image",
        Fixed::new(
            "not the file that was checked (another length): make a new script",
            "不是检查过的文件（长度不同）：请重新生成脚本",
        ),
    ),
    ("deliver", Fixed::new("The copy gets its name once it is whole.", "副本完整后才命名。")),
    ("done", Fixed::new("the copy", "副本")),
    ("broken", Fixed::new("left to you, and still failing", "需要自行处理，仍未通过")),
    ("undecided", Fixed::new("rules that could not be decided", "无法判定的规则数")),
    (
        "again",
        Fixed::new(
            "check the copy with image-preflight; what is found in it then has a script of its own",
            "请用image-preflight检查副本；若仍有问题，可为副本重新生成脚本",
        ),
    ),
    ("some_left", Fixed::new("steps that were left out", "被跳过的步骤数")),
    ("release", Fixed::new("Unmounts the copy.", "卸载副本。")),
    (
        "part",
        Fixed::new(
            "A device for a part of the disk (first byte, bytes); no partition nodes are needed.",
            "为磁盘的一部分（起始字节、字节数）建立设备，无需分区节点。",
        ),
    ),
    (
        "group",
        Fixed::new(
            "LVM, which is to see the copy alone: a group of this machine may have the same name.",
            "LVM只查看该副本：本机可能有同名卷组。",
        ),
    ),
    (
        "mount_on",
        Fixed::new(
            "Mounts the device in the guest (path, type, options).",
            "将设备挂载到客户机目录（路径、类型、选项）。",
        ),
    ),
    (
        "check",
        Fixed::new(
            "Checks and repairs the file system on the device.",
            "检查并修复设备上的文件系统。",
        ),
    ),
    (
        "check_failed",
        Fixed::new("the check of the file system did not end well", "文件系统检查未成功"),
    ),
    (
        "xfs",
        Fixed::new(
            "A mount replays the log, without which xfs_repair would throw it away.",
            "先挂载以重放日志，否则xfs_repair会丢弃日志。",
        ),
    ),
    (
        "inside",
        Fixed::new(
            "HERE is where a path of the guest lies on this machine. Links are followed inside the guest: one to /etc must not lead to the /etc of this machine.",
            "HERE为客户机路径在本机的位置。符号链接只在客户机内解析：指向/etc的链接不会落到本机的/etc。",
        ),
    ),
    (
        "ours",
        Fixed::new(
            "Whether a device rests on the copy alone. One of this machine's may have the same identity, when the image is a copy of its disk.",
            "设备是否只位于副本之上。若镜像复制自本机磁盘，本机的设备可能具有相同标识。",
        ),
    ),
    (
        "not_ours",
        Fixed::new("a volume of this machine's, not of the copy", "属于本机的卷，而非副本的卷"),
    ),
    ("no_group", Fixed::new("LVM does not start the volume group", "LVM无法激活卷组")),
    ("odd_link", Fixed::new("a link that is not followed", "不予跟随的符号链接")),
    ("links", Fixed::new("too many links", "符号链接过多")),
    (
        "file",
        Fixed::new(
            "FILE is a regular file of the guest that can be written (new: it may be one to be made).",
            "FILE为客户机中可写的普通文件（new：可以是待新建的文件）。",
        ),
    ),
    ("no_file", Fixed::new("no regular file that can be written", "不是可写的普通文件")),
    ("unchanged", Fixed::new("could not be changed", "无法修改")),
    (
        "entry",
        Fixed::new(
            "FILE is a name in a directory, itself not followed.",
            "FILE为目录中的名称，不跟随链接。",
        ),
    ),
    (
        "edit",
        Fixed::new(
            "Changes a file by a script of sed; a line that is no longer what was seen stays as it is.",
            "用sed脚本修改文件；与检查时不一致的行保持不变。",
        ),
    ),
    ("not_there", Fixed::new("not there", "不存在")),
    ("not_seen", Fixed::new("not what was seen, unchanged", "与检查时不一致，未修改")),
    (
        "append",
        Fixed::new(
            "A line at the end, unless the file has it.",
            "在文件末尾添加一行（已有则不添加）。",
        ),
    ),
    ("put", Fixed::new("A new file with just these lines.", "写入仅含这些行的新文件。")),
    ("small", Fixed::new("What their names say.", "含义见名称。")),
    (
        "enable",
        Fixed::new(
            "As systemctl unmask and enable: the links that the unit asks for.",
            "等同于systemctl unmask和enable：建立单元所要求的链接。",
        ),
    ),
    ("no_unit", Fixed::new("a name that is no unit's", "不是有效的单元名称")),
    ("no_install", Fixed::new("says not what starts it", "未说明由谁启动")),
    (
        "in_guest",
        Fixed::new(
            "Runs a command with the guest's own programs (yes: with the network). They run as root of this machine, in a chroot and namespaces of their own, without what it takes to leave it or to mount: its disks are not in /dev, and a device file made elsewhere cannot be opened. For an image that you do not trust use guestfish or virt-customize.",
            "用客户机自身的程序执行命令（yes表示使用网络）。它们以本机root身份运行，但置于chroot和独立的命名空间中，不具备逃出chroot或挂载所需的权能：/dev中没有本机磁盘，在别处创建的设备文件也无法打开。不可信的镜像请使用guestfish或virt-customize。",
        ),
    ),
    ("command_failed", Fixed::new("the command failed", "命令失败")),
    (
        "relabel",
        Fixed::new(
            "Files that are new have no label of SELinux: the first start gives them one.",
            "新文件没有SELinux标签：首次启动时会重新标记。",
        ),
    ),
];

/// The words of the conversion's first half: `SOURCE` is what is converted.
pub(super) fn source(out: &mut String, remedy: &Remedy) {
    if remedy.steps().any(|step| *step == Step::CheckContainer) {
        let format = remedy.format;
        let _ = write!(
            out,
            "\ncp --sparse=always \"$IMAGE\" \"$WORK/source\"\nSOURCE=$WORK/source\n\
             qemu-img check -r all -f {format} \"$SOURCE\" >&2\n"
        );
    }
}
