//! `req-image-url`

use super::{
    BodyRule, Case, Checked, Doc, EVERYWHERE, Fix, Fixed, Level, Node, Outcome, Problems, Variant,
    wrong_type,
};
use crate::image::facts::Format;
use crate::text;

/// Shortest and longest name of a bucket, in characters (OBS, bucket naming).
const BUCKET: std::ops::RangeInclusive<usize> = 3..=63;

/// Longest key of an object, in bytes (OBS, object naming).
const MAX_KEY: usize = 1024;

pub(super) static RULE: BodyRule = BodyRule {
    id: "req-image-url",
    level: Level::Required,
    profiles: EVERYWHERE,
    doc: Doc {
        title: Fixed::new("image_url names bucket and object", "image_url为“桶名:对象名”"),
        why: Fixed::new(
            "The platform takes bucket:object, not a web address. Blanks in folder or file name are refused, and a suffix of another format leads the import astray.",
            "平台要求填写“桶名:对象名”，而不是网址。文件夹名和文件名中不能有空格；后缀与格式不一致会导致导入异常。",
        ),
        decided: Fixed::new(
            "image_url is split at its first colon; the bucket has 3 to 63 lower-case letters, digits, '-' and '.', the object is not empty, has at most 1024 bytes and no blanks; its suffix is that of the image's format.",
            "以第一个冒号分割image_url；桶名为3～63个小写字母、数字、“-”和“.”；对象名非空、不超过1024字节且不含空格；后缀与镜像格式一致。",
        ),
        remedy: Fixed::new(
            "\"image_url\": \"bucket:folder/file.qcow2\"",
            "\"image_url\": \"桶名:文件夹/文件名.qcow2\"",
        ),
        source: "制作镜像 (ims_03_0603), image_url; error codes IMG.0057, IMG.0068, IMG.0074, IMG.0075, IMG.0109, IMG.0175; bucket and key limits: OBS",
        predicts: &["IMG.0057", "IMG.0068", "IMG.0074", "IMG.0075", "IMG.0109", "IMG.0175"],
        repaired_by_platform: false,
    },
    check,
};

fn is_bucket(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let all_numbers = name.split('.').count() == 4
        && name.split('.').all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit()));
    BUCKET.contains(&name.len())
        && name.chars().all(|c| plain(c) || matches!(c, '-' | '.'))
        && name.starts_with(plain)
        && name.ends_with(plain)
        && !["..", "-.", ".-"].iter().any(|pair| name.contains(pair))
        && !all_numbers
}

/// `https://BUCKET.obs.REGION.HOST/OBJECT`, `obs://BUCKET/OBJECT` and `s3://BUCKET/OBJECT` as
/// `BUCKET:OBJECT`.
fn from_address(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let (host, object) = rest.split_once('/')?;
    let bucket = match scheme {
        "obs" | "s3" => host,
        "http" | "https" => host.split_once(".obs.")?.0,
        _ => return None,
    };
    let object = object.split('?').next().unwrap_or_default();
    (is_bucket(bucket) && !object.is_empty()).then(|| format!("{bucket}:{object}"))
}

/// Checks one `bucket:object`.
pub(super) fn of(problems: &mut Problems<'_, '_>, pointer: &str, value: &Node) {
    let Some(text) = value.text() else {
        return wrong_type(problems, pointer, value, ("a string", "字符串"));
    };
    if text.contains("://") {
        problems.broken(
            pointer,
            Some(value),
            text!(
                "image_url is a web address; the platform takes bucket:object.",
                "image_url是网址；平台要求填写“桶名:对象名”。"
            ),
        );
        if let Some(right) = from_address(text) {
            problems.fix(Fix::Set(pointer.to_owned(), Node::from(right)));
        }
        return;
    }
    let Some((bucket, object)) = text.split_once(':') else {
        problems.broken(
            pointer,
            Some(value),
            text!(
                "image_url has no colon between bucket and object.",
                "image_url中没有分隔桶名和对象名的冒号。"
            ),
        );
        problems.hint(text!(
            "\"image_url\": \"BUCKET:{text}\", with the bucket's name for BUCKET",
            "\"image_url\": \"BUCKET:{text}\"（BUCKET换成桶名）"
        ));
        return;
    };
    if !is_bucket(bucket) {
        let message = text!(
            "“{bucket}” cannot be the name of a bucket: that is 3 to 63 lower-case letters, digits, - and ., with a letter or digit at both ends.",
            "“{bucket}”不是合法的桶名：桶名为3～63个小写字母、数字、“-”和“.”，首尾为字母或数字。"
        );
        problems.broken(pointer, Some(value), message);
        problems.hint(text!(
            "\"image_url\": \"BUCKET:{object}\", with the bucket's name for BUCKET",
            "\"image_url\": \"BUCKET:{object}\"（BUCKET换成桶名）"
        ));
        if is_bucket(bucket.trim()) && !object.is_empty() {
            let right = format!("{}:{object}", bucket.trim());
            problems.fix(Fix::Set(pointer.to_owned(), Node::from(right)));
        }
    }
    if object.is_empty() || object.ends_with('/') {
        let message = text!("image_url names no object.", "image_url中没有对象名。");
        problems.broken(pointer, Some(value), message);
        problems.hint(text!(
            "\"image_url\": \"{bucket}:{object}OBJECT\", with the file's name for OBJECT",
            "\"image_url\": \"{bucket}:{object}OBJECT\"（OBJECT换成文件名）"
        ));
    }
    if object.len() > MAX_KEY {
        let length = object.len();
        let message = text!(
            "The object's name has {length} bytes, more than {MAX_KEY}.",
            "对象名有{length}字节，超过{MAX_KEY}字节。"
        );
        problems.broken(pointer, Some(value), message);
    }
    if object.contains(char::is_whitespace) {
        problems.broken(
            pointer,
            Some(value),
            text!(
                "The object's name has a blank: upload it under another name.",
                "对象名包含空格：请以其他名称上传。"
            ),
        );
        let other: Vec<&str> = object.split_whitespace().collect();
        let other = other.join("-");
        problems.hint(text!(
            "\"image_url\": \"{bucket}:{other}\", once the object has that name",
            "\"image_url\": \"{bucket}:{other}\"（先将对象改为该名称）"
        ));
    } else if object.contains(|c: char| c.is_control() || c == '\\') {
        problems.broken(
            pointer,
            Some(value),
            text!(
                "The object's name has a control character or a backslash.",
                "对象名包含控制字符或反斜杠。"
            ),
        );
    } else if object.starts_with('/') {
        problems.doubtful(
            pointer,
            Some(value),
            text!(
                "The object's name begins with a slash: a key in a bucket rarely does.",
                "对象名以斜杠开头：桶中的对象名通常不以斜杠开头。"
            ),
        );
    }
}

/// Suffixes of the formats that the platform imports.
fn suffixes(format: Format) -> &'static [&'static str] {
    match format {
        Format::Raw => &["raw", "img"],
        Format::Qcow2 => &["qcow2"],
        Format::Vmdk => &["vmdk"],
        Format::Vhd => &["vhd"],
        Format::Vhdx => &["vhdx"],
        Format::Vdi => &["vdi"],
        Format::Qed => &["qed"],
        Format::Zvhd => &["zvhd"],
        Format::Zvhd2 => &["zvhd2"],
        Format::Iso => &["iso"],
        _ => &[],
    }
}

fn check(case: &Case<'_>) -> Checked {
    let pointer = "/image_url";
    let mut problems = Problems::new(case);
    let Some(value) = case.field("image_url") else {
        if case.variant != Variant::File {
            return Outcome::not_applicable(text!(
                "The body makes an image from a server, not from a file.",
                "该请求使用云服务器制作镜像，而不是镜像文件。"
            ))
            .into();
        }
        problems.broken(
            pointer,
            None,
            text!(
                "The body names no file (image_url), no server (instance_id) and no disks (data_images).",
                "请求体中没有镜像文件（image_url）、云服务器（instance_id）或数据盘（data_images）。"
            ),
        );
        return problems.end(text!("", ""), &[]);
    };
    of(&mut problems, pointer, value);
    if let (Some(image), Some(text)) = (case.image, value.text()) {
        let format = image.facts.image.format;
        let wanted = suffixes(format);
        let file = text.rsplit(['/', ':']).next().unwrap_or_default();
        let suffix = file.rsplit_once('.').map(|(_, suffix)| suffix.to_ascii_lowercase());
        let fits = suffix.as_deref().is_some_and(|suffix| wanted.contains(&suffix));
        if !wanted.is_empty() && !fits {
            let format = format.name();
            problems.doubtful(
                pointer,
                Some(value),
                text!(
                    "The image is {format}; the object's name does not end so.",
                    "镜像格式为{format}，与对象名后缀不一致。"
                ),
            );
        }
    }
    problems.end(
        text!("image_url names a bucket and an object.", "image_url包含桶名和对象名。"),
        &[(pointer, value)],
    )
}
