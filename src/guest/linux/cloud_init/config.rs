//! cloud-init's configuration, merged as cloud-init merges it, without its built-in defaults.
//!
//! Sources: `cloudinit/util.py` (`read_conf_with_confd`, `read_conf_d`, `load_yaml`,
//! `read_cc_from_cmdline`) and `cloudinit/stages.py` (`fetch_base_config`), as in 22.4.

use std::collections::BTreeMap;

use super::merge::merge_weaker;
use super::secret;
use super::yaml::{self, Node, Place, Value};
use crate::error::{Error, Result};
use crate::fact::{Evidence, Fact, Unread, shortened, value_behind};
use crate::filesystem::FileType;
use crate::filesystem::tree::Tree;

const CLOUD_CFG: &str = "/etc/cloud/cloud.cfg";
const CLOUD_CFG_D: &str = "/etc/cloud/cloud.cfg.d";

/// Longest configuration file read; distributions ship 2 to 5 KiB.
const MAX_FILE: u64 = 256 << 10;

/// Most files of `cloud.cfg.d`; real images have a handful.
const MAX_FILES: usize = 64;

/// Most nodes of all files together, as [`Node::count`] weighs them.
const MAX_NODES: usize = 100_000;

/// The rank of a directory that was not read in full: its last file counts most.
const STRONGEST: usize = usize::MAX;

/// The settings whose places are kept.
const SETTINGS: [&[&str]; 10] = [
    &["cloud_config_modules"],
    &["cloud_init_modules"],
    &["datasource", "OpenStack", "apply_network_config"],
    &["disable_root"],
    &["manage_etc_hosts"],
    &["network"],
    &["network", "config"],
    &["ssh_pwauth"],
    &["system_info", "default_user"],
    &["users"],
];

/// The merged configuration.
pub(super) struct Config {
    /// The files, the weakest first.
    pub(super) files: Vec<String>,
    /// The texts of those of them that are UTF-8.
    texts: BTreeMap<usize, String>,
    /// What could not be read or understood, each with its rank: the index of its file, or
    /// [`STRONGEST`].
    doubts: Vec<(usize, Unread)>,
    /// Nodes of all files so far.
    nodes: usize,
    merged: Option<Node>,
}

impl Config {
    pub(super) fn read(tree: &Tree, command_line: Option<&str>) -> Self {
        let mut config = Self {
            files: Vec::new(),
            texts: BTreeMap::new(),
            doubts: Vec::new(),
            nodes: 0,
            merged: None,
        };
        let mut parts = Vec::new();

        let base = config.file(tree, CLOUD_CFG);
        let directory = config.conf_d(base.as_ref());
        parts.extend(base);
        if let Some(directory) = directory {
            for name in config.names(tree, &directory) {
                parts.extend(config.file(tree, &format!("{directory}/{name}")));
            }
        }
        parts.extend(command_line.and_then(|line| config.command_line(line)));

        // From the strongest to the weakest.
        for part in parts.into_iter().rev() {
            let strong = config.merged.take().unwrap_or(Node {
                place: Place { file: 0, line: 1 },
                value: Value::Map(BTreeMap::new()),
            });
            let file = part.place.file;
            config.merged = match merge_weaker(strong.clone(), part) {
                Ok(merged) => Some(merged),
                Err(error) => {
                    let path = config.path(file);
                    config.doubt(file, &path, &error);
                    Some(strong)
                }
            };
        }
        config
    }

    /// The merged configuration as JSON, without its secrets; null when there is none.
    pub(super) fn json(&self) -> serde_json::Value {
        let mut json = self.merged.as_ref().map_or(serde_json::Value::Null, Node::json);
        secret::hide(&mut json);
        json
    }

    /// `datasource_list` with its place.
    pub(super) fn datasource_list(&self) -> Fact<Option<(Vec<String>, Evidence)>> {
        let node = self
            .merged
            .as_ref()
            .and_then(|merged| merged.get(&["datasource_list"]))
            .filter(|node| node.value != Value::Null);
        // A stronger file that was not understood may say otherwise.
        let set_in = node.map_or(0, |node| node.place.file);
        if let Some((_, unread)) = self.doubts.iter().find(|(rank, _)| *rank >= set_in) {
            return Fact::Unknown(unread.clone());
        }
        let Some(node) = node else { return Fact::Known(None) };
        let location = self.location(node.place);
        let names: Option<Vec<String>> = match &node.value {
            Value::List(items) => items.iter().map(|item| item.text().map(str::to_owned)).collect(),
            _ => None,
        };
        match names {
            Some(names) => {
                let shown = shortened(&names.join(", "));
                let evidence = Evidence::new(location, format!("datasource_list: [{shown}]"));
                let evidence = match self.line(node.place, "datasource_list") {
                    Some(line) => {
                        evidence.marked(node.place.line, line, value_behind(line, &[':']))
                    }
                    None => evidence,
                };
                Fact::Known(Some((names, evidence)))
            }
            None => Fact::unknown(location, "datasource_list is not a list of names"),
        }
    }

    /// Where the settings that somebody may ask for stand.
    pub(super) fn places(&self) -> BTreeMap<String, String> {
        let merged = self.merged.as_ref();
        let places = SETTINGS.iter().filter_map(|path| {
            let node = merged?.get(path).filter(|node| node.value != Value::Null)?;
            Some((path.join("."), self.location(node.place)))
        });
        places.collect()
    }

    /// The lines of the settings that are one word: nothing else that may be a secret stands there.
    pub(super) fn lines(&self) -> BTreeMap<String, String> {
        let merged = self.merged.as_ref();
        let lines = SETTINGS.iter().filter_map(|path| {
            let node = merged?.get(path)?;
            let single = matches!(node.value, Value::Bool(_) | Value::Int(_) | Value::Str(_));
            let line = self.line(node.place, path.last()?).filter(|_| single)?;
            Some((path.join("."), line.to_owned()))
        });
        lines.collect()
    }

    /// The line of a place, when it begins with `key`.
    fn line(&self, place: Place, key: &str) -> Option<&str> {
        let text = self.texts.get(&place.file)?;
        let line = text.lines().nth(place.line.checked_sub(1)?)?.trim_end();
        let begins = line.trim_start().strip_prefix(key)?.trim_start().starts_with(':');
        // A comment is nobody's business.
        (begins && !line.contains('#')).then_some(line)
    }

    /// What could not be read or understood.
    pub(super) fn unread(&self) -> Vec<Unread> {
        self.doubts.iter().map(|(_, unread)| unread.clone()).collect()
    }

    fn path(&self, file: usize) -> String {
        self.files.get(file).cloned().unwrap_or_else(|| CLOUD_CFG.to_owned())
    }

    fn location(&self, place: Place) -> String {
        format!("{}:{}", self.path(place.file), place.line)
    }

    fn doubt(&mut self, rank: usize, path: &str, error: &Error) {
        let unread = match error {
            // YAML's errors count lines where others count bytes.
            Error::Corrupt {
                offset,
                expected,
                found,
                structure: "YAML document" | "merge_how",
            } => Unread::new(
                format!("{path}:{offset}"),
                format!("expected {expected}, found {found}"),
            ),
            _ => Unread::from((path, error)),
        };
        self.doubts.push((rank, unread));
    }

    /// Reads one file; an absent `cloud.cfg` is an empty one, and so is one that is no mapping
    /// (`load_yaml` warns and goes on).
    fn file(&mut self, tree: &Tree, path: &str) -> Option<Node> {
        let index = self.files.len();
        match tree.read(path, MAX_FILE) {
            Ok(_) if self.nodes > MAX_NODES => {
                // Not even parsed: that is what the bound is to save.
                self.files.push(path.to_owned());
                self.doubt(index, path, &too_many_nodes());
                None
            }
            Ok(bytes) => {
                self.files.push(path.to_owned());
                let parsed = String::from_utf8(bytes)
                    .map_err(|error| {
                        let at = error.utf8_error().valid_up_to();
                        let offset = u64::try_from(at).unwrap_or(u64::MAX);
                        Error::corrupt("text", offset, "UTF-8", "other bytes")
                    })
                    .and_then(|text| {
                        let node = parse(&text, index)?;
                        self.texts.insert(index, text);
                        Ok(node)
                    });
                self.keep(index, parsed)
            }
            Err(error) if error.is_absent() => None,
            Err(error) => {
                self.files.push(path.to_owned());
                self.doubt(index, path, &error);
                None
            }
        }
    }

    fn keep(&mut self, index: usize, parsed: Result<Option<Node>>) -> Option<Node> {
        let parsed = parsed.and_then(|node| {
            self.nodes = self.nodes.saturating_add(node.as_ref().map_or(0, Node::count));
            if self.nodes > MAX_NODES {
                return Err(too_many_nodes());
            }
            Ok(node)
        });
        match parsed {
            Ok(node) => node,
            Err(error) => {
                let path = self.path(index);
                self.doubt(index, &path, &error);
                None
            }
        }
    }

    /// The directory of further files: `conf_d` in `cloud.cfg`, which may be empty for none.
    fn conf_d(&mut self, base: Option<&Node>) -> Option<String> {
        match base.and_then(|base| base.get(&["conf_d"])) {
            None => Some(CLOUD_CFG_D.to_owned()),
            Some(node) => match &node.value {
                Value::Str(path) => Some(path.trim().trim_end_matches('/').to_owned())
                    .filter(|path| path.starts_with('/')),
                _ => None,
            },
        }
    }

    /// The names of the files in a configuration directory, in the order of their bytes.
    fn names(&mut self, tree: &Tree, directory: &str) -> Vec<String> {
        let entries = match tree.read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.is_absent() => return Vec::new(),
            Err(error) => {
                self.doubt(STRONGEST, directory, &error);
                return Vec::new();
            }
        };
        let mut names = Vec::new();
        let mut unnamed = false;
        for entry in entries {
            if !entry.name.ends_with(b".cfg") {
                continue;
            }
            let name = match entry.text() {
                Ok(name) => name,
                Err(_) if unnamed => continue,
                Err(error) => {
                    unnamed = true;
                    self.doubt(STRONGEST, directory, &error);
                    continue;
                }
            };
            // `os.path.isfile`: a link that leads nowhere is passed over, an unreadable one is not.
            let passed_over = match tree.metadata(&format!("{directory}/{name}")) {
                Ok(metadata) => metadata.file_type != FileType::Regular,
                Err(error) => error.is_absent(),
            };
            if passed_over {
                continue;
            }
            if names.len() >= MAX_FILES {
                let error = Error::too_much("cloud.cfg.d", MAX_FILES, "files");
                self.doubt(STRONGEST, directory, &error);
                break;
            }
            names.push(name);
        }
        names
    }

    /// `cc: … end_cc` on the kernel command line, the strongest of all.
    fn command_line(&mut self, line: &str) -> Option<Node> {
        let text = cloud_config_of(line);
        if text.trim().is_empty() {
            return None;
        }
        let index = self.files.len();
        self.files.push("kernel command line".to_owned());
        let parsed = parse(&text, index);
        self.keep(index, parsed)
    }
}

fn too_many_nodes() -> Error {
    Error::too_much("cloud-init", MAX_NODES, "nodes")
}

fn parse(text: &str, index: usize) -> Result<Option<Node>> {
    let first = text.lines().next().unwrap_or_default();
    if first.strip_prefix("## template:").is_some_and(|rest| rest.trim() == "jinja") {
        return Err(Error::unsupported("YAML document", 0, "a Jinja template"));
    }
    let Some(node) = yaml::load(text, index)? else { return Ok(None) };
    match node.value {
        Value::Map(_) => Ok(Some(node)),
        _ => Err(Error::corrupt("YAML document", 1, "a mapping", "something else")),
    }
}

/// The text between `cc:` and `end_cc`, percent-decoded, `\n` as a line's end
/// (`read_cc_from_cmdline`).
fn cloud_config_of(line: &str) -> String {
    let mut parts = Vec::new();
    let mut rest = line;
    while let Some((_, after)) = rest.split_once("cc:") {
        let (text, next) = after.split_once("end_cc").unwrap_or((after, ""));
        parts.push(percent_decoded(text.trim_start()).replace("\\n", "\n"));
        rest = next;
    }
    parts.join("\n")
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let digits = after.get(..2).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(b'%');
                rest = after;
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}
