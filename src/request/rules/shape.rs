//! `req-body-shape`

use super::super::lenient::{self, Mended};
use super::super::{MAX_BODY, body};
use super::{BodyRule, Doc, EVERYWHERE, Fixed, Level, Node, Outcome};
use crate::fact::{Evidence, Unread};
use crate::text;

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
        remedy: Fixed::new(
            "Write straight quotes and plain punctuation: {\"name\": \"value\"}",
            "请使用英文半角引号和标点：{\"name\": \"value\"}",
        ),
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
            for (index, (name, value)) in members.iter().enumerate() {
                let pointer = format!("{pointer}/{}", body::escaped(name));
                if members.iter().take(index).any(|(before, _)| before == name) {
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
        return (Outcome::broken(message, whole("no text")), None);
    }
    let (mended, marks) = lenient::read(text, name);
    let Some(mended) = mended else {
        let place = marks.first().map(|mark| mark.location.clone()).unwrap_or_default();
        let message = text!("The body is not JSON: {place}.", "请求体不是合法的JSON：{place}。");
        return (Outcome::broken(message, marks), None);
    };
    let Node::Object(members) = &mended.node else {
        let kind = mended.node.kind();
        let message = text!(
            "The body is a JSON {kind}, not an object.",
            "请求体的JSON类型为{kind}，不是对象。"
        );
        return (Outcome::broken(message, whole(kind)), None);
    };
    if members.is_empty() {
        let message = text!("The body has no members.", "请求体为空对象。");
        return (Outcome::broken(message, whole("{}")), None);
    }
    if mended.was_mended {
        let count = marks.len();
        let message = text!(
            "The body is not JSON: typographic quotes or marks in {count} places.",
            "请求体不是合法的JSON：有{count}处中文引号或标点。"
        );
        return (Outcome::broken(message, marks), Some(mended));
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
        return (Outcome::broken(message, evidence.collect()), Some(mended));
    }
    let count = members.len();
    let holds = text!(
        "The body is a JSON object with {count} members.",
        "请求体是包含{count}个成员的JSON对象。"
    );
    (Outcome::holds(holds, whole(&format!("{count} members"))), Some(mended))
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
