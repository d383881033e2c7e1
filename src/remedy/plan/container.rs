//! The container: what the conversion of the file does by itself.

use super::Plan;
use crate::guest::facts::Facts;
use crate::image::facts::{Format, Qcow2Facts};
use crate::remedy::step::Step;
use crate::rules::Finding;
use crate::text;

pub(super) fn of(facts: &Facts, finding: &Finding) -> Option<Plan> {
    let image = &facts.image;
    let qcow2 = image.qcow2.as_ref().and_then(|qcow2| qcow2.known());
    Some(match finding.rule.as_str() {
        "qcow2-no-internal-snapshots" => Plan::one(Step::Convert),
        "qcow2-no-backing-file" => beside(qcow2.and_then(|qcow2| qcow2.backing_file.as_deref())),
        "qcow2-no-external-data-file" => {
            beside(qcow2.and_then(|qcow2| qcow2.data_file_name.as_deref()))
        }
        "qcow2-features-conservative" => conservative(qcow2?),
        "qcow2-structure-consistent" => structure(qcow2),
        "format-extension-match" => match image.format {
            // The copy gets a name that fits.
            Format::Qcow2 | Format::Raw => Plan::one(Step::Convert),
            _ => left(),
        },
        "qcow2-not-encrypted" => Plan::ByHand(text!(
            "It needs the passphrase. Then check what comes out: the disk inside could not be read.",
            "需要口令。解密后请再检查得到的文件：目前无法读取其中的磁盘。"
        )),
        "file-size-max" if image.format == Format::Raw => Plan::Steps(
            vec![Step::Convert],
            Some(text!(
                "As qcow2 the file is only as long as what is used of the disk; check it again.",
                "转换为qcow2后，文件大小只取决于磁盘的已用部分；请再次检查。"
            )),
        ),
        "virtual-size-range" => Plan::ByHand(text!(
            "To shrink a disk, or to give it more room than it has, is a decision; a smaller disk only needs a min_disk that is large enough.",
            "缩小或扩大磁盘需要人工决定；磁盘偏小时只需在注册时设置足够大的min_disk。"
        )),
        "format-supported" | "file-size-max" | "vmdk-exported-from-vmware" => left(),
        _ => return None,
    })
}

fn left() -> Plan {
    Plan::ByHand(text!(
        "The file itself has to be unpacked, converted or exported first; then check what comes out.",
        "须先解包、转换或重新导出该文件，然后检查得到的文件。"
    ))
}

/// A file that the image names and that the conversion reads.
fn beside(name: Option<&str>) -> Plan {
    // `json:…`, `nbd://…`: QEMU would open something else than a file.
    let is_file = |name: &str| {
        let before = name.split('/').next().unwrap_or_default();
        !name.is_empty() && !before.contains(':')
    };
    match name {
        Some(name) if is_file(name) => Plan::Steps(
            vec![Step::Convert],
            Some(text!(
                "The conversion reads the other file, too: it must lie where the image names it, and be the one that belongs to it. The disk inside could not be checked without it: check the copy.",
                "转换时还会读取该文件：它必须位于镜像所指的位置，且确实属于该镜像。缺少它时无法检查磁盘内容：请检查生成的副本。"
            )),
        ),
        Some(_) => Plan::ByHand(text!(
            "What the image names is no plain file; look at it before anything opens it.",
            "镜像引用的不是普通文件；在任何程序打开它之前请先确认。"
        )),
        None => Plan::ByHand(text!(
            "The image does not say which file it is.",
            "镜像未指明是哪个文件。"
        )),
    }
}

fn conservative(qcow2: &Qcow2Facts) -> Plan {
    let unknown = matches!(qcow2.compression, crate::image::facts::Qcow2Compression::Unknown(_));
    if unknown || !qcow2.unknown_incompatible_bits.is_empty() {
        return Plan::ByHand(text!("QEMU does not open such a file.", "QEMU无法打开此类文件。"));
    }
    if qcow2.corrupt || qcow2.dirty {
        // The check opens an external data file for writing, too, and that is no copy.
        if qcow2.backing_file.is_some()
            || qcow2.external_data_file
            || qcow2.data_file_name.is_some()
        {
            return Plan::ByHand(text!(
                "qemu-img check -r all would write to the other file that the image names: run it on copies of both.",
                "qemu-img check -r all会写入镜像引用的另一文件：请在两者的副本上执行。"
            ));
        }
        return Plan::steps(vec![Step::CheckContainer, Step::Convert]);
    }
    Plan::one(Step::Convert)
}

fn structure(qcow2: Option<&Qcow2Facts>) -> Plan {
    match qcow2 {
        // Room that is lost, and nothing else.
        Some(qcow2) if qcow2.problem_count == 0 && qcow2.leaked_clusters > 0 => {
            Plan::one(Step::Convert)
        }
        _ => Plan::ByHand(text!(
            "Data may be lost; a copy made from damaged tables would look sound and not be it. Get the file again.",
            "数据可能已丢失；用损坏的元数据生成的副本看似正常，实则不然。请重新获取该文件。"
        )),
    }
}
