//! `partition-layout-sound`

use super::scope::{Decision, disk, known, settle};
use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, Text};
use crate::disk::facts::{DiskFacts, Severity, TableKind, VolumeFacts};
use crate::fact::{Evidence, Unread};
use crate::guest::facts::Facts;
use crate::text;

/// The partition table is read alike by everybody.
pub(super) struct PartitionLayoutSound;

/// Bytes of a sector of the cloud's disks; no document of the cloud gives it.
const CLOUD_SECTOR: u32 = 512;

static DOC: Doc = Doc {
    title: Fixed::new(
        "The partition table is sound and nothing lies beyond the end of the disk",
        "分区表完好，且没有分区或文件系统超出磁盘末尾",
    ),
    why: Fixed::new(
        "Firmware, boot loader and kernel each read the table for themselves. Where its copies disagree, or a partition or file system is cut off by the end of the disk, the server does not start or mounts a damaged file system.",
        "固件、引导程序和内核各自读取分区表。如果主备分区表不一致，或者分区、文件系统超出磁盘末尾，云服务器可能无法启动，或挂载到损坏的文件系统。",
    ),
    decided: Fixed::new(
        "MBR, chain of logical partitions, primary and backup GPT with their checksums are read; partitions must not overlap, and no partition or file system may be bigger than what holds it. A missing or misplaced backup GPT (the disk was resized) warns, and so does a GPT for sectors of another size than 512 bytes, which the cloud's disks are taken to have.",
        "读取MBR、逻辑分区链、主备GPT及其校验和；分区不得重叠，分区和文件系统不得大于其所在的磁盘或分区。备份GPT缺失或位置不对（磁盘被扩容过）时告警；GPT所用扇区不是512字节时也告警（假定云盘扇区为512字节）。",
    ),
    remedy: Fixed::new(
        "sgdisk -v DISK shows the damage, sgdisk -e DISK moves the backup GPT to the end of the disk. For a disk that was cut off: qemu-img resize it to its former size first.",
        "用sgdisk -v 磁盘查看问题，用sgdisk -e 磁盘将备份GPT移到磁盘末尾。磁盘被截断时，请先用qemu-img resize恢复到原来的大小。",
    ),
    source: "UEFI specification 2.10, 5.3 (GPT); engineering knowledge",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for PartitionLayoutSound {
    fn id(&self) -> &'static str {
        "partition-layout-sound"
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
    let disk = disk(facts)?;
    let (mut broken, mut untidy) = (Vec::new(), Vec::new());
    for problem in &disk.problems {
        match problem.severity {
            Severity::Broken => broken.push(problem.evidence.clone()),
            Severity::Untidy => untidy.push(problem.evidence.clone()),
        }
    }
    // A damaged header may already be among the problems; it must not be named twice.
    if let Some(gpt) = &disk.gpt {
        let flaw = Unread::evidence;
        if broken.is_empty() {
            broken.extend(gpt.primary.unread().map(flaw));
        }
        if untidy.is_empty() {
            untidy.extend(gpt.backup.unread().map(flaw));
        }
    }
    if broken.is_empty() {
        broken.extend(disk.partitions.iter().filter_map(|partition| {
            let end = partition.start.saturating_add(partition.size);
            (end > disk.size).then(|| {
                let number = partition.number;
                let what = format!("partition {number} ends at byte {end} of {}", disk.size);
                Evidence::new(partition.location.clone(), what)
            })
        }));
    }
    broken.extend(disk.volumes.iter().filter_map(outgrown));
    if let Some(first) = broken.first() {
        let (place, what) = (first.location.clone(), first.detail.clone());
        let (place_zh, what_zh) = first.in_chinese();
        broken.append(&mut untidy);
        return Ok(Outcome::broken(
            text!(
                "The partition layout is broken: {place}: {what}.",
                "分区布局损坏：{place_zh}：{what_zh}。"
            ),
            broken,
        ));
    }
    known(&disk.table_read)?;
    if let Some(first) = untidy.first() {
        let (place, what) = (first.location.clone(), first.detail.clone());
        let (place_zh, what_zh) = first.in_chinese();
        return Ok(Outcome::doubtful(
            text!(
                "The partition layout is untidy: {place}: {what}.",
                "分区布局不规范：{place_zh}：{what_zh}。"
            ),
            untidy,
        )
        .remedy(tidy(disk)));
    }
    if let Some(size) = Some(disk.sector_size).filter(|size| *size != CLOUD_SECTOR) {
        let seen = Evidence::new("GPT header", format!("byte {size}"));
        return Ok(Outcome::doubtful(
            text!(
                "The GPT is written for sectors of {size} bytes; on a disk with sectors of {CLOUD_SECTOR} bytes, as the cloud's are taken to be, Linux sees none of its partitions.",
                "GPT按{size}字节扇区写入；在扇区为{CLOUD_SECTOR}字节的磁盘上（假定云盘如此），Linux看不到任何分区。"
            ),
            vec![seen],
        )
        .remedy(text!(
            "Write the table anew for sectors of {CLOUD_SECTOR} bytes with the partitions at the same bytes: on such a disk each start and size is the old number times 8 (sgdisk, sfdisk).",
            "按{CLOUD_SECTOR}字节扇区重写分区表，分区的字节位置保持不变：起始扇区和大小均为原值的8倍（sgdisk、sfdisk）。"
        )));
    }
    if disk.table == TableKind::None {
        return Ok(Outcome::not_applicable(text!(
            "The disk has no partition table.",
            "磁盘没有分区表。"
        )));
    }
    let count = disk.partitions.len();
    let s = if count == 1 { "" } else { "s" };
    Ok(Outcome::holds(
        text!("{count} partition{s}, all inside the disk.", "共{count}个分区，均位于磁盘范围内。"),
        disk.partitions
            .iter()
            .map(|partition| {
                let (start, size) = (partition.start, partition.size);
                let what = format!("{} at byte {start}, {size} bytes", partition.type_id);
                Evidence::new(partition.location.clone(), what)
            })
            .collect(),
    ))
}

/// What puts an untidy table in order: `sgdisk -e` moves a backup GPT, and does nothing for an MBR.
fn tidy(disk: &DiskFacts) -> Text {
    if disk.table == TableKind::Mbr {
        return text!(
            "Attach the disk (qemu-nbd or a loop device), look at it with sfdisk -l DISK and sfdisk --verify DISK, and correct or delete the entry.",
            "将磁盘挂接为块设备（qemu-nbd或loop设备），用sfdisk -l 磁盘和sfdisk --verify 磁盘查看，然后修正或删除该表项。"
        );
    }
    text!(
        "Attach the disk (qemu-nbd or a loop device) and: sgdisk -e DISK    # rewrites the backup GPT at the end of the disk",
        "将磁盘挂接为块设备（qemu-nbd或loop设备）后执行：sgdisk -e 磁盘    # 在磁盘末尾重写备份GPT"
    )
}

/// A file system that says it is bigger than its volume.
fn outgrown(volume: &VolumeFacts) -> Option<Evidence> {
    let signature = volume.signature()?;
    let claimed = signature.size.filter(|&size| size > volume.size)?;
    let kind = signature.kind.name();
    let what = format!("the {kind} in it claims {claimed} bytes of {}", volume.size);
    signature.kind.is_filesystem().then(|| Evidence::new(volume.name.clone(), what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::facts::{GptFacts, LayoutProblem};
    use crate::fact::Fact;
    use crate::rules::Status;
    use crate::rules::testing::*;

    fn problem(severity: Severity) -> LayoutProblem {
        let evidence = Evidence::new("MBR, byte 446", "overlaps partition 2");
        LayoutProblem { severity, evidence }
    }

    #[test]
    fn a_table_for_sectors_of_another_size_warns() {
        let mut facts = good_linux();
        disk_mut(&mut facts).sector_size = 4096;
        expect(&PartitionLayoutSound, &facts, Status::Warn, "sectors of 4096 bytes");
    }

    #[test]
    fn a_sound_table_passes() {
        expect(&PartitionLayoutSound, &good_linux(), Status::Pass, "3 partitions");
    }

    #[test]
    fn a_broken_table_fails_and_an_untidy_one_warns() {
        let mut facts = good_linux();
        disk_mut(&mut facts).problems = vec![problem(Severity::Untidy)];
        let finding = expect(&PartitionLayoutSound, &facts, Status::Warn, "MBR, byte 446");
        assert!(!remedy(&finding).contains("sgdisk"), "it is an MBR: {finding:#?}");
        disk_mut(&mut facts).problems.push(problem(Severity::Broken));
        expect(&PartitionLayoutSound, &facts, Status::Fail, "overlaps partition 2");
    }

    #[test]
    fn a_damaged_backup_gpt_warns_and_a_damaged_primary_fails() {
        let mut facts = good_linux();
        let disk = disk_mut(&mut facts);
        disk.table = TableKind::Gpt;
        disk.gpt = Some(GptFacts {
            disk_guid: String::new(),
            primary: Fact::Known(()),
            backup: Fact::unknown("backup GPT", "not at the end of the disk"),
        });
        expect(&PartitionLayoutSound, &facts, Status::Warn, "not at the end");
        disk_mut(&mut facts).gpt.as_mut().unwrap().primary = Fact::unknown("LBA 1", "CRC differs");
        expect(&PartitionLayoutSound, &facts, Status::Fail, "CRC differs");
    }

    #[test]
    fn a_partition_or_file_system_that_is_cut_off_fails() {
        let mut facts = good_linux();
        disk_mut(&mut facts).size = 3 << 30;
        expect(&PartitionLayoutSound, &facts, Status::Fail, "partition 3 ends");
        let mut facts = good_linux();
        disk_mut(&mut facts).volumes[1].size = 4096;
        expect(&PartitionLayoutSound, &facts, Status::Fail, "claims 1073741824 bytes of 4096");
    }

    #[test]
    fn an_unreadable_table_is_unverified_and_no_table_not_concerned() {
        let mut facts = good_linux();
        disk_mut(&mut facts).table_read = Fact::unknown("EBR at LBA 4096", "a ring");
        expect(&PartitionLayoutSound, &facts, Status::Unverified, "a ring");
        let mut facts = good_linux();
        disk_mut(&mut facts).table = TableKind::None;
        expect(&PartitionLayoutSound, &facts, Status::NotApplicable, "no partition table");
    }
}
