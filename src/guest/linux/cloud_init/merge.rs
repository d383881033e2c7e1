//! How cloud-init lays one configuration over another.
//!
//! Sources: `cloudinit/util.py` (`read_conf_with_confd`, `read_conf_d`, `mergemanydict`),
//! `cloudinit/mergers/` (`__init__.py`, `m_dict.py`, `m_list.py`, `m_str.py`), as in 22.4, unchanged
//! since 0.7; <https://docs.cloud-init.io/en/latest/reference/merging.html>.
//!
//! `mergemanydict` starts from nothing and merges the configurations from the strongest (the last
//! file of `cloud.cfg.d`) to the weakest (`cloud.cfg`). With the default
//! `list()+dict()+str()` what is there stays: dictionaries gain the keys that they lack, at any
//! depth; lists and scalars are not touched. A file may name other mergers in `merge_how`; they
//! hold for the step that merges this file.

use std::collections::BTreeMap;

use super::yaml::{Node, Value};
use crate::error::{Error, Result};

/// Lays a weaker configuration under what is there. Both must be mappings; anything else is left
/// out, as cloud-init does.
///
/// # Errors
/// When `merge_how` or `merge_type` cannot be understood; `merged` is as it was, then.
pub fn merge_weaker(merged: Node, mut weaker: Node) -> Result<Node> {
    let mergers = match &mut weaker.value {
        Value::Map(map) => Mergers::extract(map)?,
        _ => Mergers::default(),
    };
    Ok(mergers.merge(merged, weaker))
}

#[derive(Debug, Clone, Copy, Default)]
struct Recurse {
    text: bool,
    list: bool,
    dict: bool,
}

impl Recurse {
    fn wants(self, value: &Value) -> bool {
        match value {
            Value::Str(_) => self.text,
            Value::List(_) => self.list,
            Value::Map(_) => self.dict,
            _ => false,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum ListMethod {
    Append,
    Prepend,
    Replace,
    NoReplace,
}

#[derive(Debug, Clone, Copy)]
struct ListMerger {
    method: ListMethod,
    recurse: Recurse,
}

#[derive(Debug, Clone, Copy)]
struct DictMerger {
    replace: bool,
    allow_delete: bool,
    recurse: Recurse,
}

#[derive(Debug, Clone, Copy)]
struct StrMerger {
    append: bool,
}

/// The mergers of one step; a kind of value without one stays as it is.
#[derive(Debug, Clone, Copy)]
struct Mergers {
    list: Option<ListMerger>,
    dict: Option<DictMerger>,
    text: Option<StrMerger>,
}

impl Default for Mergers {
    fn default() -> Self {
        Self {
            list: Some(list_merger(&[])),
            dict: Some(dict_merger(&[])),
            text: Some(StrMerger { append: false }),
        }
    }
}

fn has(options: &[String], name: &str) -> bool {
    options.iter().any(|option| option == name)
}

fn recurse_list(options: &[String]) -> bool {
    has(options, "recurse_array") || has(options, "recurse_list")
}

fn list_merger(options: &[String]) -> ListMerger {
    let method = if has(options, "append") {
        ListMethod::Append
    } else if has(options, "prepend") {
        ListMethod::Prepend
    } else if has(options, "replace") || !has(options, "no_replace") {
        ListMethod::Replace
    } else {
        ListMethod::NoReplace
    };
    let recurse = Recurse {
        text: has(options, "recurse_str"),
        list: recurse_list(options),
        dict: has(options, "recurse_dict"),
    };
    ListMerger { method, recurse }
}

fn dict_merger(options: &[String]) -> DictMerger {
    DictMerger {
        replace: has(options, "replace"),
        allow_delete: has(options, "allow_delete"),
        // "Backwards compat require this to be on": dictionaries always recurse.
        recurse: Recurse {
            text: has(options, "recurse_str"),
            list: recurse_list(options),
            dict: true,
        },
    }
}

impl Mergers {
    /// Takes `merge_how` (or `merge_type`) out of a configuration.
    fn extract(config: &mut BTreeMap<String, Node>) -> Result<Self> {
        let not_null = |node: &Node| node.value != Value::Null;
        let raw = config
            .remove("merge_how")
            .filter(not_null)
            .or_else(|| config.remove("merge_type").filter(not_null));
        let Some(raw) = raw else { return Ok(Self::default()) };
        let named = match &raw.value {
            Value::Str(text) => from_text(text),
            Value::List(items) => items.iter().map(from_item).collect(),
            _ => None,
        };
        let line = u64::try_from(raw.place.line).unwrap_or(u64::MAX);
        let named = named.ok_or_else(|| {
            Error::corrupt("merge_how", line, "mergers such as list(append)", "something else")
        })?;
        if named.is_empty() {
            return Ok(Self::default());
        }
        // The first merger that knows a kind of value is the one that counts.
        let mut mergers = Self { list: None, dict: None, text: None };
        for (name, options) in named {
            match name.strip_prefix("m_").unwrap_or(&name) {
                "list" => mergers.list = mergers.list.or(Some(list_merger(&options))),
                "dict" => mergers.dict = mergers.dict.or(Some(dict_merger(&options))),
                "str" => {
                    let append = has(&options, "append");
                    mergers.text = mergers.text.or(Some(StrMerger { append }));
                }
                other => {
                    return Err(Error::corrupt("merge_how", line, "list, dict or str", other));
                }
            }
        }
        Ok(mergers)
    }

    fn merge(&self, strong: Node, weak: Node) -> Node {
        match &strong.value {
            Value::List(_) => match self.list {
                Some(merger) => self.merge_list(merger, strong, weak),
                None => strong,
            },
            Value::Map(_) => match self.dict {
                Some(merger) => self.merge_dict(merger, strong, weak),
                None => strong,
            },
            // Without `append` it is the other one that stays: strings are only brought here by
            // `recurse_str`, or by a mapping under the same key.
            Value::Str(text) => match (self.text, &weak.value) {
                (None, _) => strong,
                (Some(StrMerger { append: true }), Value::Str(more)) => {
                    Node { place: strong.place, value: Value::Str(format!("{text}{more}")) }
                }
                (Some(_), _) => weak,
            },
            _ => strong,
        }
    }

    fn merge_dict(&self, merger: DictMerger, strong: Node, weak: Node) -> Node {
        let (place, Value::Map(mut map)) = (strong.place, strong.value) else { return weak };
        let Value::Map(weak) = weak.value else { return Node { place, value: Value::Map(map) } };
        for (key, new) in weak {
            let merged = match map.remove(&key) {
                None => Some(new),
                Some(_) if merger.allow_delete && new.value == Value::Null => None,
                Some(_) if merger.replace => Some(new),
                Some(old) if merger.recurse.wants(&new.value) => Some(self.merge(old, new)),
                Some(old) => Some(old),
            };
            if let Some(node) = merged {
                map.insert(key, node);
            }
        }
        Node { place, value: Value::Map(map) }
    }

    fn merge_list(&self, merger: ListMerger, strong: Node, weak: Node) -> Node {
        let (place, Value::List(mut items)) = (strong.place, strong.value) else { return weak };
        let Value::List(weak_items) = weak.value else {
            return match merger.method {
                ListMethod::Replace => weak,
                _ => Node { place, value: Value::List(items) },
            };
        };
        match merger.method {
            ListMethod::Append => items.extend(weak_items),
            ListMethod::Prepend => {
                let mut all = weak_items;
                all.append(&mut items);
                items = all;
            }
            ListMethod::NoReplace => {}
            ListMethod::Replace => {
                let mut rest = items.split_off(weak_items.len().min(items.len()));
                let replaced = items.into_iter().zip(weak_items).map(|(old, new)| {
                    if merger.recurse.wants(&new.value) { self.merge(old, new) } else { new }
                });
                items = replaced.collect();
                items.append(&mut rest);
            }
        }
        Node { place, value: Value::List(items) }
    }
}

/// `list(append)+dict(no_replace,recurse_list)+str()`
fn from_text(text: &str) -> Option<Vec<(String, Vec<String>)>> {
    let mut mergers = Vec::new();
    for part in text.split('+') {
        let part = part.trim().to_lowercase().replace('-', "_");
        if part.is_empty() {
            continue;
        }
        let (name, options) = part.split_once('(')?;
        let options = options.strip_suffix(')')?;
        let options = options.split(',').map(str::trim).filter(|option| !option.is_empty());
        mergers.push((name.to_owned(), options.map(str::to_owned).collect()));
    }
    Some(mergers)
}

/// `{name: list, settings: [append]}` or `[list, append]`.
fn from_item(item: &Node) -> Option<(String, Vec<String>)> {
    let texts = |items: &[Node]| -> Option<Vec<String>> {
        items.iter().map(|item| item.text().map(str::to_owned)).collect()
    };
    match &item.value {
        Value::Map(map) => {
            let name = map.get("name")?.text()?.replace('-', "_").trim().to_owned();
            let Value::List(settings) = &map.get("settings")?.value else { return None };
            Some((name, texts(settings)?))
        }
        Value::List(items) => {
            let (name, options) = items.split_first()?;
            Some((name.text()?.to_owned(), texts(options)?))
        }
        _ => None,
    }
}
