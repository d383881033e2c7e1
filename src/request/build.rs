//! The body for an image, from what the caller wants and what was found in the image.

use std::fmt;

use super::rules::{GIB, architecture, firmware, is_config, min_disk_range, os_version};
use super::{Node, Proposal, Subject};
use crate::rules::boot_mode_bios::{DECLARE_EN, DECLARE_ZH};
use crate::rules::{Context, Profile, Text};
use crate::text;

/// What the caller says of the image to be.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Draft {
    /// `bucket:object`, where the file will lie.
    pub image_url: String,
    /// The image's name.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// The value of `os_version`; found from the image when not given.
    pub os_version: Option<String>,
    /// Size of the system disk in GB; the smallest that holds the image when not given.
    pub min_disk: Option<u64>,
    /// Whether the platform configures the image; decided from the image when not given.
    pub is_config: Option<bool>,
    /// The image's type.
    pub kind: Option<String>,
    /// Tags as key and value.
    pub tags: Vec<(String, String)>,
    /// The enterprise project.
    pub enterprise_project_id: Option<String>,
    /// The key for an encrypted image.
    pub cmk_id: Option<String>,
    /// Smallest memory in MB.
    pub min_ram: Option<u64>,
    /// Biggest memory in MB.
    pub max_ram: Option<u64>,
}

impl Draft {
    /// An image of that name from `bucket:object`; the rest as it is found or by default.
    pub fn new(image_url: impl Into<String>, name: impl Into<String>) -> Self {
        Self { image_url: image_url.into(), name: name.into(), ..Self::default() }
    }
}

/// A body, and what was decided on the way.
#[derive(Debug)]
#[non_exhaustive]
pub struct Made {
    /// The body.
    pub body: Node,
    /// What its reader should know: values that are not certain.
    pub notes: Vec<Text>,
}

/// Makes the body for an image.
pub fn make(draft: &Draft, image: Subject<'_>, context: &Context) -> Made {
    let profile = context.profile;
    let mut notes = Vec::new();
    let mut members: Vec<(String, Node)> = Vec::new();
    let mut put = |name: &str, value: Node| members.push((name.to_owned(), value));
    put("name", Node::from(draft.name.as_str()));
    if let Some(description) = &draft.description {
        put("description", Node::from(description.as_str()));
    }
    put("image_url", Node::from(draft.image_url.as_str()));
    let os_version = draft.os_version.clone().or_else(|| found_os(image, context, &mut notes));
    if let Some(value) = os_version {
        put("os_version", Node::from(value));
    }
    let (least, _) = min_disk_range(profile, false);
    let size = image.facts.image.virtual_size;
    match draft.min_disk.or_else(|| Some(size?.div_ceil(GIB).max(least))) {
        Some(size) => put("min_disk", Node::from(size)),
        None => notes.push(text!(
            "min_disk is not set: the size of the disk in the image is not known.",
            "未设置min_disk：无法得知镜像的虚拟大小。"
        )),
    }
    let hindrance = is_config::hindrance(image);
    if let (None, Some(rule)) = (draft.is_config, hindrance) {
        notes.push(text!(
            "is_config is false: the platform does not configure this image by itself ({rule}).",
            "is_config为false：平台无法自动配置该镜像（{rule}）。"
        ));
    }
    put("is_config", Node::Bool(draft.is_config.unwrap_or(hindrance.is_none())));
    if let Some(kind) = &draft.kind {
        put("type", Node::from(kind.as_str()));
    }
    if profile != Profile::ImsClassic && architecture::of_image(image.facts) == Some("arm") {
        put("architecture", Node::from("arm"));
    }
    match profile {
        _ if firmware::only(image.facts) != Some("uefi") => {}
        Profile::Otc => put("hw_firmware_type", Node::from("uefi")),
        Profile::Huaweicloud => notes.push(text!(
            "The image boots by UEFI alone. {DECLARE_EN}",
            "镜像只支持UEFI引导。{DECLARE_ZH}"
        )),
        // The platform of that document boots no image by UEFI (boot-mode-bios).
        Profile::ImsClassic => {}
    }
    if !draft.tags.is_empty() {
        let tag = |(key, value): &(String, String)| {
            Node::Object(vec![
                ("key".to_owned(), Node::from(key.as_str())),
                ("value".to_owned(), Node::from(value.as_str())),
            ])
        };
        put("image_tags", Node::Array(draft.tags.iter().map(tag).collect()));
    }
    for (name, value) in
        [("enterprise_project_id", &draft.enterprise_project_id), ("cmk_id", &draft.cmk_id)]
    {
        if let Some(value) = value {
            put(name, Node::from(value.as_str()));
        }
    }
    for (name, value) in [("min_ram", draft.min_ram), ("max_ram", draft.max_ram)] {
        if let Some(value) = value {
            put(name, Node::from(value));
        }
    }
    Made { body: Node::Object(members), notes }
}

fn found_os(image: Subject<'_>, context: &Context, notes: &mut Vec<Text>) -> Option<String> {
    let Some(found) = os_version::of_image(image.facts, context) else {
        let (en, zh) = match os_version::unread(image.facts) {
            None => (String::new(), String::new()),
            Some(unread) => {
                let (place, reason) = unread.evidence().in_chinese();
                (
                    format!(" ({}: {})", unread.location, unread.reason),
                    format!("（{place}：{reason}）"),
                )
            }
        };
        notes.push(text!(
            "os_version is not set: no system was recognised in the image{en}, so that the platform looks for one itself.",
            "未设置os_version：未能识别镜像中的操作系统{zh}，由平台自动识别。"
        ));
        return None;
    };
    let Proposal { value, reason, .. } = found;
    if let Some(Text { en, zh }) = reason {
        notes.push(Text {
            en: format!("os_version is “{value}”, {en}."),
            zh: format!("os_version取“{value}”（{zh}）。"),
        });
    }
    Some(value)
}

impl fmt::Display for Node {
    /// As JSON, indented.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Maps have only string keys here.
        out.write_str(&serde_json::to_string_pretty(self).map_err(|_| fmt::Error)?)
    }
}
