//! `qcow2-structure-consistent`

use super::scope::{Decision, known, qcow2, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, shell};
use crate::fact::Evidence;
use crate::guest::facts::Facts;
use crate::image::facts::{ImageFacts, Qcow2Facts};
use crate::text;

/// How many pieces of damage are shown; of the rest their number is.
const MAX_SHOWN: usize = 10;

/// One past the highest byte that a table's entry can refer to: offsets have the bits 9 to 55 (QEMU,
/// docs/interop/qcow2.rst, "L1 table entry"). No file is as long.
const END_OF_OFFSETS: u64 = 1 << 56;

/// Bytes beside the disk and its snapshots that a file is taken to need at most: tables, bitmaps, and
/// the memory that snapshots save.
const ROOM_BESIDE_DISKS: u64 = 1 << 40;

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
        "Download or export the file again; if that is not possible, repair a copy: cp IMAGE copy.qcow2 && qemu-img check -r all copy.qcow2. Leaked clusters alone: qemu-img check -r leaks IMAGE",
        "请重新下载或导出该文件；如无法重新获取，请修复其副本：cp 镜像文件 copy.qcow2 && qemu-img check -r all copy.qcow2。仅有泄漏的簇时：qemu-img check -r leaks 镜像文件",
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
        "Download or export the file again; if that is not possible, repair a copy:\ncp {path} copy.qcow2 && qemu-img check -r all copy.qcow2",
        "请重新下载或导出该文件；如无法重新获取，请修复其副本：\ncp {path} copy.qcow2 && qemu-img check -r all copy.qcow2"
    );
    if let Some(damage) = &facts.image.header_damage {
        let what = &damage.detail;
        let (_, what_zh) = damage.in_chinese();
        return Ok(Outcome::broken(
            text!("The qcow2 header is damaged: {what}.", "qcow2文件头已损坏：{what_zh}。"),
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
        if let Some(entry) = stray_entry(qcow2, &facts.image) {
            let place = &entry.location;
            let (place_zh, _) = entry.in_chinese();
            return Ok(Outcome::broken(
                text!(
                    "A table of the file is damaged: {place} refers to data up to byte {highest}, far beyond the end of the file at {length}.",
                    "文件的元数据表已损坏：{place_zh}引用的数据直到第{highest}字节，远超文件末尾（{length}字节）。"
                ),
                evidence,
            )
            .remedy(remedy));
        }
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
        let first_zh = first.map(Evidence::in_chinese);
        let first = first.map_or_else(String::new, |p| format!("{}: {}", p.location, p.detail));
        let first_zh = first_zh.map_or_else(String::new, |(at, what)| format!("{at}：{what}"));
        let (places, is) = if count == 1 {
            ("one place", "it")
        } else {
            (&*format!("{count} places"), "the first")
        };
        return Ok(Outcome::broken(
            text!(
                "The qcow2 tables are damaged in {places}; {is} is {first}.",
                "QCOW2元数据有{count}处损坏，第一处为{first_zh}。"
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

/// The entry whose reference makes the tables reach beyond the end, where that is the entry's damage
/// and not the file's: no file of such a disk is as long, or it is the only one and what it refers to begins
/// nowhere near the end, as it would where the file was cut.
fn stray_entry<'a>(qcow2: &'a Qcow2Facts, image: &ImageFacts) -> Option<&'a Evidence> {
    let length = image.file_size;
    // The disk, each of its snapshots, and as much again that is no more in use.
    let disks = u64::from(qcow2.snapshot_count).saturating_add(2);
    let most = image.virtual_size.map_or(END_OF_OFFSETS, |size| {
        size.max(length).saturating_mul(disks).saturating_add(ROOM_BESIDE_DISKS)
    });
    let highest = qcow2.highest_host_byte;
    let beyond = format!("the file ends at {length}");
    let mut beyond = qcow2.problems.iter().filter(|problem| problem.detail.ends_with(&beyond));
    let reaches = format!("reaches to byte {highest},");
    let (first, others) = (beyond.next()?, beyond.count());
    if highest > most.min(END_OF_OFFSETS) {
        let mut all = qcow2.problems.iter();
        return Some(all.find(|problem| problem.detail.contains(&reaches)).unwrap_or(first));
    }
    let all_listed = u64::try_from(qcow2.problems.len()).is_ok_and(|n| n >= qcow2.problem_count);
    let is_alone = others == 0 && all_listed && first.detail.contains(&reaches);
    let is_far = highest.saturating_sub(length) > qcow2.cluster_size;
    (is_alone && is_far).then_some(first)
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
        // The only copy is not written to.
        let command = "cp centos.qcow2 copy.qcow2 && qemu-img check -r all copy.qcow2";
        assert!(remedy(&finding).contains(command));
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
        expect(&Qcow2StructureConsistent, &facts, Status::Fail, "one place");
    }

    #[test]
    fn a_file_that_was_cut_off_fails() {
        let mut facts = good_linux();
        facts.image.file_size = 1000;
        expect(&Qcow2StructureConsistent, &facts, Status::Fail, "1000 bytes");
    }

    #[test]
    fn an_entry_that_no_file_could_satisfy_is_a_damaged_table() {
        let mut facts = good_linux();
        let length = facts.image.file_size;
        let beyond = |entry: &str, end: u64| {
            let detail =
                format!("L2 table at byte 8: reaches to byte {end}, the file ends at {length}");
            Evidence::new(entry, detail)
        };
        for end in [18_446_744_069_414_780_928, 1 << 50] {
            let qcow2 = qcow2_mut(&mut facts);
            qcow2.problems = vec![Evidence::new("qcow2 header", "damaged"), beyond("entry 7", end)];
            (qcow2.problem_count, qcow2.highest_host_byte) = (3000, end);
            let finding =
                expect(&Qcow2StructureConsistent, &facts, Status::Fail, "entry 7 refers to");
            assert!(!finding.message.en.contains("cut off"), "{finding:?}");
        }
        // The only reference that leaves the file, and far from its end.
        let end = length + (1 << 30);
        let qcow2 = qcow2_mut(&mut facts);
        qcow2.problems = vec![beyond("entry 8", end)];
        (qcow2.problem_count, qcow2.highest_host_byte) = (1, end);
        expect(&Qcow2StructureConsistent, &facts, Status::Fail, "entry 8 refers to");
        // The last cluster of a file that was cut.
        let end = length + 1;
        let qcow2 = qcow2_mut(&mut facts);
        qcow2.problems = vec![beyond("entry 9", end)];
        qcow2.highest_host_byte = end;
        expect(&Qcow2StructureConsistent, &facts, Status::Fail, "cut off");
        let end = length + (1 << 30);
        let qcow2 = qcow2_mut(&mut facts);
        qcow2.problems = vec![beyond("entry 9", end), beyond("entry 8", length + 5)];
        (qcow2.problem_count, qcow2.highest_host_byte) = (2, end);
        expect(&Qcow2StructureConsistent, &facts, Status::Fail, "cut off");
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
