//! `vmdk-exported-from-vmware`

use super::{Context, Doc, Fixed, Level, Outcome, Profile, Rule, shell};
use crate::chinese::chinese;
use crate::guest::facts::Facts;
use crate::image::facts::Format;
use crate::text;

/// A VMDK comes from VMware itself.
pub(super) struct VmdkExportedFromVmware;

static DOC: Doc = Doc {
    title: Fixed::new(
        "A VMDK file was exported by VMware's own tools",
        "VMDK镜像文件由VMware平台的导出工具生成",
    ),
    why: Fixed::new(
        "The later pages warn that a VMDK made by other tools may fail to parse or to start.",
        "后续文档说明，其他工具生成的VMDK镜像可能解析失败或无法启动。",
    ),
    decided: Fixed::new(
        "The file shows that it is VMDK, and of which kind, but not which program wrote it: a checklist line.",
        "只能识别文件是否为VMDK及其类型，无法判断由哪个程序生成，因此列为人工确认项。",
    ),
    remedy: Fixed::new(
        "Export the machine again from vSphere (Export OVF Template), or upload qcow2 instead: qemu-img convert -p -O qcow2 IMAGE.vmdk IMAGE.qcow2",
        "请从vSphere重新导出（导出OVF模板），或改为上传qcow2：qemu-img convert -p -O qcow2 镜像.vmdk 镜像.qcow2",
    ),
    source: "准备镜像文件（Linux） (ims_01_0209), 准备镜像文件（Windows） (ims_01_0204)",
    predicts: &[],
    repaired_by_platform: false,
};

impl Rule for VmdkExportedFromVmware {
    fn id(&self) -> &'static str {
        "vmdk-exported-from-vmware"
    }

    fn level(&self, profile: Profile) -> Option<Level> {
        Some(match profile {
            // The source document does not ask for it.
            Profile::ImsClassic => Level::Recommended,
            Profile::Huaweicloud | Profile::Otc => Level::Required,
        })
    }

    fn doc(&self) -> &'static Doc {
        &DOC
    }

    fn check(&self, facts: &Facts, _: &Context) -> Outcome {
        decide(facts)
    }
}

fn decide(facts: &Facts) -> Outcome {
    let image = &facts.image;
    if image.format != Format::Vmdk {
        let name = image.format.name();
        return Outcome::not_applicable(text!(
            "The file is {name}, not VMDK.",
            "该文件的格式为{name}，不是VMDK。"
        ));
    }
    let variant = image.variant.as_deref().unwrap_or("vmdk");
    let variant_zh = chinese(variant);
    let path = shell::quote_path(&image.path);
    let outcome = Outcome::manual(text!(
        "The file is VMDK ({variant}); whether VMware's own tools exported it cannot be seen.",
        "该文件为VMDK（{variant_zh}），无法判断是否由VMware平台的工具导出，请确认。"
    ));
    Outcome { evidence: vec![image.format_evidence.clone()], ..outcome }.remedy(text!(
        "If not sure, convert it: qemu-img convert -p -O qcow2 {path} disk.qcow2",
        "如不确定，请转换格式：qemu-img convert -p -O qcow2 {path} disk.qcow2"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Status;
    use crate::rules::testing::*;

    #[test]
    fn another_format_is_not_concerned() {
        assert_eq!(status(&VmdkExportedFromVmware, &good_linux()), Status::NotApplicable);
        assert_eq!(status(&VmdkExportedFromVmware, &unread()), Status::NotApplicable);
    }

    #[test]
    fn a_vmdk_is_left_to_a_person() {
        let finding =
            expect(&VmdkExportedFromVmware, &foreign(), Status::Manual, "monolithicSparse");
        assert!(remedy(&finding).contains("convert -p -O qcow2 disk.vmdk"));
    }
}
