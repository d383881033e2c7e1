//! `qcow2-structure-consistent`

use super::scope::{Decision, known, qcow2, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, shell};
use crate::fact::Evidence;
use crate::guest::facts::Facts;
use crate::text;

/// How many pieces of damage are shown; of the rest their number is.
const MAX_SHOWN: usize = 10;

/// The qcow2 file's tables agree with the file.
pub(super) struct Qcow2StructureConsistent;

static DOC: Doc = Doc {
    title: Fixed::new(
        "A qcow2 file is whole and its tables are consistent",
        "QCOW2镜像文件完整且元数据一致",
    ),
    why: Fixed::new(
        "A download that broke off or a copy of a running machine's disk leaves tables that point beyond the end of the file or at each other's clusters. The platform refuses such a file, or the server finds a damaged disk.",
        "下载中断或在虚拟机运行时复制磁盘，会导致元数据指向文件末尾之外或相互冲突的簇。平台会拒绝此类文件，或者创建出的云服务器磁盘损坏。",
    ),
    decided: Fixed::new(
        "All metadata is walked: header and extensions, refcount table and blocks, L1 and L2 tables of the disk and of its snapshots, the snapshot table, bitmaps, the encryption header. Every offset lies inside the file and on a cluster's border, no reserved bit is set, nothing else uses a cluster of a table, and each host cluster is referred to as often as its refcount and the flag COPIED say. Damage fails; a cluster that is only counted as used without being so (a leak) costs room in the file and is a warning. It is what qemu-img check looks at, and overlaps besides.",
        "遍历全部元数据：文件头及其扩展、引用计数表和引用计数块、当前磁盘及各快照的L1和L2表、快照表、位图、加密头。所有偏移均在文件范围内并按簇对齐，保留位均为零，元数据所在的簇不被其他结构占用，每个主机簇被引用的次数与其引用计数及COPIED标志一致。存在损坏即不满足；仅被多计引用而未被使用的簇（泄漏）只占用文件空间，给出警告。检查范围与qemu-img check一致，并额外检查元数据重叠。",
    ),
    remedy: Fixed::new(
        "Download or export the file again; if that is not possible: qemu-img check -r all IMAGE. Leaked clusters alone: qemu-img check -r leaks IMAGE",
        "请重新下载或导出该文件；如无法重新获取，可执行：qemu-img check -r all 镜像文件。仅有泄漏的簇时：qemu-img check -r leaks 镜像文件",
    ),
    source: "错误码 (API reference), IMG.0057: the file has an incorrect format; QEMU docs/interop/qcow2.rst",
    predicts: &["IMG.0057"],
    repaired_by_platform: false,
};

impl Rule for Qcow2StructureConsistent {
    fn id(&self) -> &'static str {
        "qcow2-structure-consistent"
    }

    fn level(&self, _: Profile) -> Option<Level> {
        Some(Level::Required)
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        settle(decide(facts))
    }
}

fn decide(facts: &Facts) -> Decision {
    let path = shell::quote_path(&facts.image.path);
    let remedy = text!(
        "Download or export the file again; if that is not possible: qemu-img check -r all {path}",
        "请重新下载或导出该文件；如无法重新获取，可执行：qemu-img check -r all {path}"
    );
    if let Some(damage) = &facts.image.header_damage {
        let what = &damage.detail;
        return Ok(Outcome::broken(
            text!("The qcow2 header is damaged: {what}.", "qcow2文件头已损坏：{what}。"),
            vec![damage.clone()],
        )
        .remedy(remedy));
    }
    let qcow2 = qcow2(facts)?;
    let (length, highest) = (facts.image.file_size, qcow2.highest_host_byte);
    let end = Evidence::new(
        format!("{}, end", facts.image.path),
        format!("{length} bytes long, tables refer to {highest}"),
    );
    if highest > length {
        let mut evidence = vec![end];
        evidence.extend(shown(&qcow2.problems, qcow2.problem_count));
        return Ok(Outcome::broken(
            text!(
                "The file is cut off: it has {length} bytes, its tables refer to data up to byte {highest}.",
                "文件被截断：实际长度为{length}字节，而元数据引用的数据直到第{highest}字节。"
            ),
            evidence,
        )
        .remedy(remedy));
    }
    let count = qcow2.problem_count.max(u64::try_from(qcow2.problems.len()).unwrap_or(u64::MAX));
    if count > 0 {
        let first = qcow2.problems.first();
        let first = first.map_or_else(String::new, |p| format!("{}: {}", p.location, p.detail));
        return Ok(Outcome::broken(
            text!(
                "The qcow2 tables are damaged in {count} places; the first is {first}.",
                "QCOW2元数据有{count}处损坏，第一处为{first}。"
            ),
            shown(&qcow2.problems, count),
        )
        .remedy(remedy));
    }
    known(&qcow2.checked)?;
    let leaked = qcow2.leaked_clusters;
    if leaked > 0 {
        let lost = leaked.saturating_mul(qcow2.cluster_size);
        return Ok(Outcome::doubtful(
            text!(
                "{leaked} clusters are counted as used and are not: {lost} bytes of the file are lost room; no data is.",
                "有{leaked}个簇被标记为已使用但实际未使用：文件中有{lost}字节空间被浪费，数据没有损失。"
            ),
            shown(&qcow2.leaks, qcow2.leaks.len().try_into().unwrap_or(u64::MAX)),
        )
        .remedy(text!("qemu-img check -r leaks {path}", "qemu-img check -r leaks {path}")));
    }
    Ok(Outcome::holds(
        text!(
            "All tables were walked and agree with the file and the refcounts.",
            "已检查全部元数据表，与文件及引用计数一致。"
        ),
        vec![end],
    ))
}

/// The first few of what was seen, and how many more there are.
fn shown(seen: &[Evidence], count: u64) -> Vec<Evidence> {
    let mut shown: Vec<Evidence> = seen.iter().take(MAX_SHOWN).cloned().collect();
    let more = count.saturating_sub(shown.len().try_into().unwrap_or(u64::MAX));
    if more > 0 {
        shown.push(Evidence::new("qcow2 tables", format!("{more} more")));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn a_sound_file_passes() {
        expect(&Qcow2StructureConsistent, &good_linux(), Status::Pass, "All tables");
    }

    #[test]
    fn a_damaged_table_fails_and_is_named() {
        let mut facts = good_linux();
        let qcow2 = qcow2_mut(&mut facts);
        qcow2.problems = vec![Evidence::new("L2 table at byte 327680, entry 3", "beyond the end")];
        qcow2.problem_count = 12;
        let finding = expect(&Qcow2StructureConsistent, &facts, Status::Fail, "L2 table at byte");
        assert!(finding.message.en.contains("12 places"));
        assert!(remedy(&finding).contains("qemu-img check -r all centos.qcow2"));
    }

    #[test]
    fn of_much_damage_the_first_is_shown_and_the_rest_is_counted() {
        let mut facts = good_linux();
        let qcow2 = qcow2_mut(&mut facts);
        qcow2.problems = vec![Evidence::new("qcow2 L2 table", "damaged"); 100];
        qcow2.problem_count = 3000;
        let finding = expect(&Qcow2StructureConsistent, &facts, Status::Fail, "3000 places");
        assert_eq!(finding.evidence.len(), MAX_SHOWN + 1);
        assert_eq!(finding.evidence[MAX_SHOWN].detail, "2990 more");
    }

    #[test]
    fn leaked_clusters_alone_are_a_warning_and_damage_goes_before_them() {
        let mut facts = good_linux();
        let qcow2 = qcow2_mut(&mut facts);
        qcow2.leaks = vec![Evidence::new("host cluster at byte 65536", "refcount 1, references 0")];
        qcow2.leaked_clusters = 3;
        let finding = expect(&Qcow2StructureConsistent, &facts, Status::Warn, "196608 bytes");
        assert!(remedy(&finding).contains("qemu-img check -r leaks centos.qcow2"));
        qcow2_mut(&mut facts).problem_count = 1;
        expect(&Qcow2StructureConsistent, &facts, Status::Fail, "1 places");
    }

    #[test]
    fn a_file_that_was_cut_off_fails() {
        let mut facts = good_linux();
        facts.image.file_size = 1000;
        expect(&Qcow2StructureConsistent, &facts, Status::Fail, "1000 bytes");
    }

    #[test]
    fn a_header_that_contradicts_the_specification_fails() {
        let mut facts = good_linux();
        facts.image.qcow2 = Some(Fact::unknown("qcow2 header", "cut"));
        facts.image.header_damage = Some(Evidence::new("qcow2 header", "beyond the end at 8"));
        expect(&Qcow2StructureConsistent, &facts, Status::Fail, "beyond the end at 8");
    }

    #[test]
    fn tables_that_were_not_all_looked_at_are_unverified() {
        let mut facts = good_linux();
        qcow2_mut(&mut facts).checked = Fact::unknown("refcount table", "too many entries");
        expect(&Qcow2StructureConsistent, &facts, Status::Unverified, "too many entries");
        expect(&Qcow2StructureConsistent, &unread(), Status::Unverified, "it was torn");
    }
}
