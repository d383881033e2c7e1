//! `req-body-shape`

use std::collections::BTreeSet;

use super::super::lenient::{self, COMMA, Mended};
use super::super::{MAX_BODY, body};
use super::{BodyRule, Doc, EVERYWHERE, Fixed, Level, Node, Outcome};
use crate::fact::{Evidence, Unread};
use crate::rules::Text;
use crate::text;

const DOC_REMEDY: Fixed = Fixed::new(
    "Write straight quotes and plain punctuation: {\"name\": \"value\"}",
    "请使用英文半角引号和标点：{\"name\": \"value\"}",
);

pub(in super::super) static RULE: BodyRule = BodyRule {
    id: "req-body-shape",
    level: Level::Required,
    profiles: EVERYWHERE,
    doc: Doc {
        title: Fixed::new("The body is a JSON object", "请求体是JSON对象"),
        why: Fixed::new(
            "The platform refuses a body that is not JSON. Samples copied from documents often bring typographic quotes along, which look right and are not.",
            "平台拒绝不是JSON的请求体。从文档中复制的样例常带有中文引号，看似正确，实际不是合法的JSON。",
        ),
        decided: Fixed::new(
            "The text is read as JSON (RFC 8259). When that fails, typographic quotes, Chinese punctuation, wide spaces, a byte order mark and commas before a closing bracket are mended outside of strings, each with its place, and the other rules look at the mended body. The result must be an object with members, none of them twice.",
            "按JSON（RFC 8259）解析；解析失败时，将字符串之外的中文引号、中文标点、全角空格、BOM和多余的逗号逐一指出并修正，其他规则检查修正后的内容。结果必须是非空对象，且成员名不重复。",
        ),
        remedy: DOC_REMEDY,
        source: "制作镜像 (ims_03_0603), request parameters and samples; error codes IMG.0001, IMG.0007",
        predicts: &["IMG.0001", "IMG.0007"],
        repaired_by_platform: false,
    },
    // Decided by `check` below, before there is a body.
    check: |_| Outcome::not_applicable(text!("", "")).into(),
};

/// Members that repeat: where, with the pointer of the member.
fn repeated(node: &Node, pointer: &str, found: &mut Vec<String>) {
    match node {
        Node::Object(members) => {
            let mut before = BTreeSet::new();
            for (name, value) in members {
                let pointer = format!("{pointer}/{}", body::escaped(name));
                if !before.insert(name) {
                    found.push(pointer.clone());
                }
                repeated(value, &pointer, found);
            }
        }
        Node::Array(elements) => {
            for (index, value) in elements.iter().enumerate() {
                repeated(value, &format!("{pointer}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// Reads the body, with the outcome of the rule; `None` when there is nothing that other rules could
/// look at.
pub(in super::super) fn check(text: &str, name: &str) -> (Outcome, Option<Mended>) {
    let whole = |detail: &str| vec![Evidence::new(name, detail)];
    if text.len() > MAX_BODY {
        let outcome = Outcome::broken(
            text!("The body has more than {MAX_BODY} bytes.", "请求体超过{MAX_BODY}字节。"),
            whole(&format!("{} bytes", text.len())),
        );
        return (outcome, None);
    }
    if text.trim().is_empty() {
        let message = text!("The body is empty.", "请求体为空。");
        return (Outcome::broken(message, whole("no text")).remedy(an_object()), None);
    }
    let (mended, marks) = lenient::read(text, name);
    let Some(mended) = mended else {
        let place = marks.first().map(|mark| mark.location.clone()).unwrap_or_default();
        let message = text!("The body is not JSON: {place}.", "请求体不是合法的JSON：{place}。");
        let remedy = text!("Mend the JSON at {place}.", "请修正{place}处的JSON。");
        return (Outcome::broken(message, marks).remedy(remedy), None);
    };
    let Node::Object(members) = &mended.node else {
        let kind = mended.node.kind();
        let message = text!(
            "The body is a JSON {kind}, not an object.",
            "请求体的JSON类型为{kind}，不是对象。"
        );
        return (Outcome::broken(message, whole(kind)).remedy(an_object()), None);
    };
    if members.is_empty() {
        let message = text!("The body has no members.", "请求体为空对象。");
        return (Outcome::broken(message, whole("{}")).remedy(an_object()), None);
    }
    if mended.was_mended() {
        let (message, remedy) = of_marks(&mended, &marks);
        return (Outcome::broken(message, marks).remedy(remedy), Some(mended));
    }
    let mut twice = Vec::new();
    repeated(&mended.node, "", &mut twice);
    if let Some(first) = twice.first() {
        let message = text!(
            "{first} stands more than once: which one counts is not certain.",
            "{first}重复出现，无法确定以哪一个为准。"
        );
        let evidence =
            twice.iter().map(|pointer| Evidence::new(format!("{name}#{pointer}"), "again"));
        let remedy = text!("Keep one of each.", "每个成员只保留一个。");
        return (Outcome::broken(message, evidence.collect()).remedy(remedy), Some(mended));
    }
    let count = members.len();
    let holds = text!(
        "The body is a JSON object with {count} members.",
        "请求体是包含{count}个成员的JSON对象。"
    );
    (Outcome::holds(holds, whole(&format!("{count} members"))), Some(mended))
}

/// What to send instead of what is no object.
fn an_object() -> Text {
    text!(
        "Write a JSON object: {{\"name\": …, \"image_url\": …, \"min_disk\": …}}; image-preflight request IMAGE --image-url BUCKET:OBJECT writes one for an image.",
        "请填写JSON对象：{{\"name\": …, \"image_url\": …, \"min_disk\": …}}；可执行image-preflight request 镜像文件 --image-url 桶名:对象名生成。"
    )
}

/// What is wrong with a body that was mended, and what to do.
fn of_marks(mended: &Mended, marks: &[Evidence]) -> (Text, Text) {
    match (mended.commas, mended.others) {
        (commas @ 1.., 0) => {
            let first = marks.first().map_or("", |mark| mark.detail.as_str());
            let bracket = first.trim_start_matches(COMMA);
            let more = if commas > 1 {
                format!(", and {} more", commas.saturating_sub(1))
            } else {
                String::new()
            };
            let message = text!(
                "The body is not JSON: a comma before {bracket}{more}.",
                "请求体不是合法的JSON：{bracket}之前有多余的逗号（共{commas}处）。"
            );
            (message, text!("Take the comma out.", "请去掉多余的逗号。"))
        }
        (commas, others) => {
            let places = if others == 1 { "place" } else { "places" };
            let (and, zh_and) = match commas {
                0 => ("", ""),
                _ => ("; a comma before a closing bracket", "；右括号之前有多余的逗号"),
            };
            let message = text!(
                "The body is not JSON: typographic quotes or marks in {others} {places}{and}.",
                "请求体不是合法的JSON：有{others}处中文引号或标点{zh_and}。"
            );
            (message, DOC_REMEDY.text())
        }
    }
}

/// What the other rules end with when there is no body to look at.
pub(in super::super) fn unread(name: &str) -> Outcome {
    Outcome::unverified(
        text!(
            "Not decided: the body could not be read (see req-body-shape).",
            "无法判定：请求体无法读取（参见req-body-shape）。"
        ),
        &Unread::new(name, "the body is not a JSON object"),
    )
}
