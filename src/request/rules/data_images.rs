//! `req-data-images`

use std::collections::BTreeSet;

use super::limits::data_disk_range;
use super::{
    BodyRule, Case, Checked, Doc, EVERYWHERE, Fixed, Level, Node, Problems, Profile, Variant,
    absent, description, image_tags, image_url, min_disk, name, tags, uuid, wrong_type,
};
use crate::text;

/// Most data disk images beside a system disk image from a file (制作镜像, data_images).
const MAX_FROM_FILES: usize = 3;

pub(super) static RULE: BodyRule = BodyRule {
    id: "req-data-images",
    level: Level::Required,
    profiles: EVERYWHERE,
    doc: Doc {
        title: Fixed::new("Each data image is complete", "data_images中的每个数据盘镜像填写完整"),
        why: Fixed::new(
            "A data image without its source, or two from one file, is refused. Beside them, name, description and tags of the body count for nothing.",
            "数据盘镜像缺少来源，或两个镜像来自同一文件时，请求会被拒绝。此时请求体外层的name、description和tags不生效。",
        ),
        decided: Fixed::new(
            "From a server's disks each has name and volume_id (a UUID, none twice); from files, beside image_url, at most 3, each with its own image_url and min_disk (later documents). description, tags and image_tags are held to the rules of the body's own.",
            "来自云服务器数据盘时，每个镜像包含name和volume_id（UUID，不重复）；来自镜像文件时（与image_url同时使用，后来的文档支持），最多3个，每个包含各自的image_url和min_disk。description、tags和image_tags的要求与请求体相同。",
        ),
        remedy: Fixed::new(
            "\"data_images\": [{\"name\": \"data-1\", \"volume_id\": \"UUID\"}]",
            "\"data_images\": [{\"name\": \"data-1\", \"volume_id\": \"UUID\"}]",
        ),
        source: "制作镜像 (ims_03_0603), data_images; error codes IMG.0120, IMG.0123, IMG.0140, IMG.0194",
        predicts: &["IMG.0120", "IMG.0123", "IMG.0140", "IMG.0194"],
        repaired_by_platform: false,
    },
    check,
};

fn missing(problems: &mut Problems<'_, '_>, pointer: &str, field: &str) {
    problems.broken(
        &format!("{pointer}/{field}"),
        None,
        text!("A data image has no {field}.", "数据盘镜像没有{field}。"),
    );
}

fn check(case: &Case<'_>) -> Checked {
    let pointer = "/data_images";
    let Some(value) = case.field("data_images") else { return absent("data_images") };
    let mut problems = Problems::new(case);
    let Node::Array(images) = value else {
        wrong_type(&mut problems, pointer, value, ("a list of objects", "对象列表"));
        return problems.end(text!("", ""), &[]);
    };
    if images.is_empty() {
        problems.broken(
            pointer,
            Some(value),
            text!("data_images is an empty list.", "data_images为空列表。"),
        );
    }
    let from_files = case.variant == Variant::File;
    if from_files && case.profile() == Profile::ImsClassic {
        problems.doubtful(
            pointer,
            Some(value),
            text!(
                "The document of 2018-12 has no data images beside image_url: the file may hold a system disk alone.",
                "2018年12月的文档不支持同时使用image_url和data_images：外部镜像文件中只能包含系统盘。"
            ),
        );
    }
    if from_files && images.len() > MAX_FROM_FILES {
        let count = images.len();
        problems.broken(
            pointer,
            None,
            text!(
                "There are {count} data images, more than {MAX_FROM_FILES}.",
                "数据盘镜像有{count}个，超过{MAX_FROM_FILES}个。"
            ),
        );
    }
    let mut sources = BTreeSet::new();
    if let Some(url) = case.field("image_url").and_then(Node::text) {
        sources.insert(url);
    }
    for (index, image) in images.iter().enumerate() {
        let pointer = format!("{pointer}/{index}");
        if !matches!(image, Node::Object(_)) {
            wrong_type(&mut problems, &pointer, image, ("an object", "对象"));
            continue;
        }
        let at = |field: &str| format!("{pointer}/{field}");
        let quick = image.member("is_quick_import") == Some(&Node::Bool(true));
        let source = if from_files { "image_url" } else { "volume_id" };
        match image.member(source) {
            None => missing(&mut problems, &pointer, source),
            Some(value) => {
                if from_files {
                    image_url::of(&mut problems, &at(source), value);
                } else {
                    uuid(&mut problems, &at(source), value, None);
                }
                if value.text().is_some_and(|text| !sources.insert(text)) {
                    problems.broken(
                        &at(source),
                        Some(value),
                        text!("{source} is there twice.", "{source}重复。"),
                    );
                }
            }
        }
        match image.member("name") {
            Some(value) => name::of(&mut problems, &at("name"), value, case.profile()),
            None if !from_files => missing(&mut problems, &pointer, "name"),
            None => {}
        }
        match image.member("min_disk") {
            Some(value) => {
                let range = data_disk_range(case.profile(), quick);
                min_disk::of(&mut problems, &at("min_disk"), value, range);
            }
            None if from_files => missing(&mut problems, &pointer, "min_disk"),
            None => {}
        }
        if let Some(value) = image.member("description") {
            description::of(&mut problems, &at("description"), value);
        }
        if let Some(value) = image.member("tags") {
            tags::of(&mut problems, &at("tags"), value, case.profile());
            if image.member("image_tags").is_some() {
                problems.broken(
                    &at("tags"),
                    Some(value),
                    text!(
                        "A data image has both tags and image_tags.",
                        "数据盘镜像同时包含tags和image_tags。"
                    ),
                );
            }
        }
        if let Some(value) = image.member("image_tags") {
            image_tags::of(&mut problems, &at("image_tags"), value, case.profile());
        }
    }
    if case.variant == Variant::DataDisks {
        for (name, pointer) in
            [("name", "/name"), ("description", "/description"), ("tags", "/tags")]
        {
            if let Some(value) = case.field(name) {
                problems.doubtful(
                    pointer,
                    Some(value),
                    text!(
                        "{name} beside data_images has no effect: that of each data image counts.",
                        "外层的{name}不生效：以各数据盘镜像中的为准。"
                    ),
                );
            }
        }
    }
    let count = images.len();
    problems.end(
        text!("{count} data images are complete.", "{count}个数据盘镜像填写完整。"),
        &[(pointer, value)],
    )
}
