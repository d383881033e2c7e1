//! What the rules about cloud-init's settings share: whether there is a cloud-init, whether its
//! configuration could be read, and where a setting stands.

use serde_json::Value as Json;

use super::scope::{Decision, known, linux_only, undecided};
use super::shell::{file_and_line, quote, quote_path};
use super::{Outcome, Text};
use crate::fact::{Evidence, value_behind};
use crate::guest::facts::{CloudInitFacts, CloudInitInstalled, Facts, LinuxFacts};
use crate::text;

/// The guest and its cloud-init; a guest without one is not concerned.
pub(super) fn with_cloud_init(facts: &Facts) -> Decision<(&LinuxFacts, &CloudInitInstalled)> {
    let linux = linux_only(facts)?;
    match known(&linux.cloud_init.installed)? {
        Some(installed) => Ok((linux, installed)),
        None => Err(Box::new(Outcome::not_applicable(text!(
            "cloud-init is not installed (see cloud-init-installed).",
            "未安装cloud-init（参见cloud-init-installed）。"
        )))),
    }
}

/// The guest and its cloud-init, whose configuration was read in full.
pub(super) fn configured(facts: &Facts) -> Decision<(&CloudInitFacts, &CloudInitInstalled)> {
    let (linux, installed) = with_cloud_init(facts)?;
    match linux.cloud_init.unread.first() {
        Some(unread) => Err(Box::new(undecided(unread))),
        None => Ok((&linux.cloud_init, installed)),
    }
}

/// A setting that was looked at: its value, and where it stands or that it is absent.
pub(super) struct Setting<'a> {
    key: &'static str,
    pub(super) value: Option<&'a Json>,
    place: Option<&'a str>,
    line: Option<&'a str>,
}

/// The setting with that dotted key.
pub(super) fn setting<'a>(cloud_init: &'a CloudInitFacts, key: &'static str) -> Setting<'a> {
    let value = key.split('.').try_fold(&cloud_init.config, |value, key| value.get(key));
    Setting {
        key,
        value: value.filter(|value| !value.is_null()),
        place: cloud_init.places.get(key).map(String::as_str),
        line: cloud_init.lines.get(key).map(String::as_str),
    }
}

impl Setting<'_> {
    /// Whether it is true or false as cloud-init reads it (`util.is_true`, `util.is_false`).
    pub(super) fn switch(&self) -> Option<bool> {
        switch(self.value?)
    }

    /// Where it stands and what it says, or the first file where it could stand.
    pub(super) fn evidence(&self) -> Evidence {
        let key = self.key;
        match self.value {
            Some(value) => {
                let place = self.place.unwrap_or("/etc/cloud/cloud.cfg");
                let evidence = Evidence::new(place, format!("{key}: {}", shown(value)));
                match (self.line, file_and_line(place)) {
                    (Some(text), Some((_, line))) => {
                        let line = usize::try_from(line).unwrap_or(usize::MAX);
                        evidence.marked(line, text, value_behind(text, &[':']))
                    }
                    _ => evidence,
                }
            }
            None => Evidence::new("/etc/cloud/cloud.cfg, cloud.cfg.d", format!("no {key}")),
        }
    }

    /// `key is absent`, `key is true (/etc/cloud/cloud.cfg:4)`.
    pub(super) fn state(&self) -> Text {
        let key = self.key;
        match (self.value, self.place) {
            (Some(value), Some(place)) => {
                let value = shown(value);
                text!("{key} is {value} ({place})", "{key}为{value}（{place}）")
            }
            (Some(value), None) => {
                let value = shown(value);
                text!("{key} is {value}", "{key}为{value}")
            }
            (None, _) => text!("{key} is absent", "未设置{key}"),
        }
    }
}

/// A value as a person would write it, short.
fn shown(value: &Json) -> String {
    /// Longest value shown, in characters.
    const MAX_SHOWN: usize = 120;
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.chars().take(MAX_SHOWN).collect()
}

/// `util.is_true` and `util.is_false` of cloud-init.
pub(super) fn switch(value: &Json) -> Option<bool> {
    let text = match value {
        Json::Bool(value) => return Some(*value),
        Json::Number(number) => number.to_string(),
        Json::String(text) => text.trim().to_ascii_lowercase(),
        _ => return None,
    };
    match text.as_str() {
        "1" | "on" | "true" | "yes" => Some(true),
        "0" | "off" | "false" | "no" => Some(false),
        _ => None,
    }
}

/// The modules of a list; an entry is a name, a list of a name and how often it runs, or a map with a
/// `name`; `-` counts as `_` (`cloudinit/config/modules.py`, `form_module_name`).
pub(super) fn module_names(list: &Json) -> Option<Vec<String>> {
    let names = list.as_array()?.iter();
    let names = names.filter_map(|entry| {
        entry.as_str().or_else(|| entry.get(0).or_else(|| entry.get("name"))?.as_str())
    });
    Some(names.map(|name| name.replace('-', "_")).collect())
}

/// The upstream version: `2:22.4.2-1+deb12u3` is 22.4.
pub(super) fn version(installed: &CloudInitInstalled) -> Option<(u32, u32)> {
    let version = installed.version.as_deref()?;
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    let mut parts = version.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

/// What takes away a switch that was seen: a line, a file, or a word of the kernel command line.
pub(super) fn taken_away(switch: &Evidence) -> Text {
    if let Some((file, line)) = file_and_line(&switch.location) {
        let file = quote_path(file);
        return text!("sed -i '{line}s/^/#/' {file}", "sed -i '{line}s/^/#/' {file}");
    }
    if switch.location.starts_with('/') {
        let file = quote_path(&switch.location);
        return text!("rm -f {file}", "rm -f {file}");
    }
    without_word(&switch.detail)
}

/// What takes a word out of the kernel's command line.
pub(super) fn without_word(word: &str) -> Text {
    let word = quote(word);
    text!(
        "Take {word} out of GRUB_CMDLINE_LINUX in /etc/default/grub, then update-grub or grub2-mkconfig -o /boot/grub2/grub.cfg (with BLS entries: grubby --update-kernel=ALL --remove-args={word})",
        "从/etc/default/grub的GRUB_CMDLINE_LINUX中删除{word}，然后执行update-grub或grub2-mkconfig -o /boot/grub2/grub.cfg（使用BLS引导项时：grubby --update-kernel=ALL --remove-args={word}）"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_every_packager_are_read() {
        let of = |version: &str| {
            super::version(&CloudInitInstalled {
                path: String::new(),
                version: Some(version.to_owned()),
                evidence: Evidence::new("", ""),
            })
        };
        assert_eq!(of("22.4.2-1+deb12u3"), Some((22, 4)));
        assert_eq!(of("19.4-7.el7.centos.6"), Some((19, 4)));
        assert_eq!(of("0.7.9-24.el7"), Some((0, 7)));
        assert_eq!(of("1:23.1-8.oe2309"), Some((23, 1)));
        assert_eq!(of("devel"), None);
    }
}
