//! The image service's error codes that a check can predict (错误码, OTC API reference).

use super::Fixed;

/// A code, and what the platform means by it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ErrorCode {
    /// `IMG.0057`.
    pub code: &'static str,
    /// What went wrong, in the platform's sense.
    pub meaning: Fixed,
    /// What else there is to know of it.
    pub note: Option<Fixed>,
}

const fn code(code: &'static str, en: &'static str, zh: &'static str) -> ErrorCode {
    ErrorCode { code, meaning: Fixed::new(en, zh), note: None }
}

const fn noted(
    code: &'static str,
    (en, zh): (&'static str, &'static str),
    (note_en, note_zh): (&'static str, &'static str),
) -> ErrorCode {
    ErrorCode { code, meaning: Fixed::new(en, zh), note: Some(Fixed::new(note_en, note_zh)) }
}

/// Every code that is known here, in order.
pub const ERROR_CODES: &[ErrorCode] = &[
    code("IMG.0001", "The request's body has an invalid format.", "请求体格式错误。"),
    code("IMG.0002", "The name of the image is too long or missing.", "镜像名称过长或未填写。"),
    code("IMG.0003", "The name of the image has an invalid form.", "镜像名称格式错误。"),
    code("IMG.0004", "The description is too long.", "镜像描述过长。"),
    code("IMG.0005", "The source of the image is not valid.", "镜像来源参数错误。"),
    code("IMG.0007", "The request's body is empty.", "请求体为空。"),
    noted(
        "IMG.0009",
        ("An image of that name is already there.", "镜像名称重复。"),
        (
            "Which names a tenant has no file tells: look in the console.",
            "租户已有哪些名称无法通过文件判断，请在控制台查看。",
        ),
    ),
    code("IMG.0012", "The server that is named is not valid.", "云服务器参数错误。"),
    code("IMG.0013", "The name of the image is missing.", "缺少镜像名称。"),
    code(
        "IMG.0015",
        "A quota is used up: private images, or creations at once.",
        "配额已用完：私有镜像数量或并发创建数量。",
    ),
    code("IMG.0024", "The type of the image is wrong.", "镜像类型错误。"),
    code("IMG.0054", "The description has an invalid form.", "镜像描述格式错误。"),
    code("IMG.0055", "The size of memory or disk is not valid.", "内存或磁盘大小无效。"),
    code("IMG.0056", "The type or version of the system is not valid.", "操作系统类型或版本无效。"),
    code(
        "IMG.0057",
        "The file is not there, is empty, or has the wrong format; on Open Telekom Cloud also: no permission.",
        "镜像文件不存在、为空或格式错误；在Open Telekom Cloud上还可能是没有权限。",
    ),
    code("IMG.0058", "The bucket is in another region.", "桶不在当前区域。"),
    code("IMG.0059", "The file has more than 128 GB.", "镜像文件超过128GB。"),
    code(
        "IMG.0060",
        "A quota is used up: private images, or creations at once.",
        "配额已用完：私有镜像数量或并发创建数量。",
    ),
    code("IMG.0062", "The name of the image is wrong.", "镜像名称错误。"),
    code("IMG.0068", "The name of the bucket is empty.", "桶名为空。"),
    noted(
        "IMG.0069",
        ("The bucket cannot be accessed.", "桶无法访问。"),
        (
            "Who may read a bucket no file tells: see the rule obs-access.",
            "桶的访问权限无法通过文件判断，参见规则obs-access。",
        ),
    ),
    code("IMG.0072", "The format of the file is not supported.", "镜像文件格式不支持。"),
    code("IMG.0074", "The name of the file is too long.", "镜像文件名过长。"),
    code(
        "IMG.0075",
        "The name of the file has characters that are not permitted.",
        "镜像文件名包含不允许的字符。",
    ),
    code("IMG.0095", "The encryption key is not there.", "加密密钥不存在。"),
    code("IMG.0097", "The encryption key is disabled.", "加密密钥已禁用。"),
    code("IMG.0099", "There is no permission for the encryption key.", "没有加密密钥的权限。"),
    code(
        "IMG.0109",
        "The name of the bucket has characters that are not permitted.",
        "桶名包含不允许的字符。",
    ),
    code("IMG.0111", "The system disk is bigger than permitted.", "系统盘大小超过限制。"),
    code("IMG.0115", "A tag is not valid.", "标签无效。"),
    code("IMG.0116", "There are too many tags.", "标签数量超过配额。"),
    code("IMG.0117", "The type of the image is wrong.", "镜像类型错误。"),
    code(
        "IMG.0118",
        "An image of a bare metal server cannot be encrypted.",
        "裸金属服务器镜像不支持加密。",
    ),
    code("IMG.0120", "A data disk image is not valid.", "数据盘镜像参数错误。"),
    code("IMG.0122", "The version of the system is not valid.", "操作系统版本无效。"),
    code("IMG.0123", "Two data images come from one file.", "镜像文件地址重复。"),
    code("IMG.0140", "A data disk image is not valid.", "数据盘镜像参数错误。"),
    code("IMG.0141", "The type of firmware is not valid.", "固件类型无效。"),
    noted(
        "IMG.0146",
        (
            "An image of more than 128 GB cannot be copied to another region.",
            "超过128GB的镜像不能跨区域复制。",
        ),
        ("It does not concern the import.", "与导入无关。"),
    ),
    code("IMG.0155", "The enterprise project is not valid.", "企业项目ID无效。"),
    code("IMG.0156", "The enterprise project is not there.", "企业项目不存在。"),
    code("IMG.0157", "The type of the image is wrong.", "镜像类型错误。"),
    code(
        "IMG.0158",
        "The file's format or bitmap is not one for fast import.",
        "镜像文件的格式或位图文件不符合快速导入的要求。",
    ),
    code("IMG.0159", "A fast import lacks os_version.", "快速导入缺少os_version。"),
    noted(
        "IMG.0160",
        ("An image of more than 128 GB cannot be exported.", "超过128GB的镜像不能导出。"),
        ("It does not concern the import.", "与导入无关。"),
    ),
    code("IMG.0166", "An ISO file lacks os_version.", "ISO镜像缺少os_version。"),
    code("IMG.0175", "A folder's or the file's name has a blank.", "文件夹名或文件名包含空格。"),
    code("IMG.0194", "There are too many data images.", "数据盘镜像数量过多。"),
    code("IMG.0212", "The architecture is not valid.", "架构参数无效。"),
    noted(
        "IMG.1075",
        (
            "The image file could not be registered (Open Telekom Cloud).",
            "镜像文件注册失败（Open Telekom Cloud）。",
        ),
        (
            "The platform gives no detail with it: every rule of the container's format can be behind it.",
            "平台不提供详细信息：容器格式的任何规则都可能是原因。",
        ),
    ),
];

/// The code by its name, in any case, with or without `IMG.`.
pub fn error_code(name: &str) -> Option<&'static ErrorCode> {
    let wanted = name.trim().to_ascii_uppercase();
    let number =
        wanted.strip_prefix("IMG.").or_else(|| wanted.strip_prefix("IMS.")).unwrap_or(&wanted);
    ERROR_CODES.iter().find(|known| known.code.strip_prefix("IMG.") == Some(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request;
    use crate::rules::RULES;

    #[test]
    fn every_code_that_a_rule_predicts_is_explained() {
        let of_rules = RULES.iter().map(|rule| rule.doc());
        let of_bodies = request::RULES.iter().map(|rule| &rule.doc);
        for doc in of_rules.chain(of_bodies) {
            for code in doc.predicts {
                assert!(error_code(code).is_some(), "{code}");
            }
        }
        assert!(ERROR_CODES.is_sorted_by(|one, other| one.code < other.code));
    }

    #[test]
    fn a_code_is_found_as_people_type_it() {
        for name in ["IMG.0057", "img.0057", "IMS.0057", "0057"] {
            assert_eq!(error_code(name).map(|found| found.code), Some("IMG.0057"));
        }
        assert!(error_code("IMG.9999").is_none());
    }
}
