//! YAML as PyYAML's `SafeLoader` reads it, because that is what cloud-init and netplan's tools use:
//! YAML 1.1 scalars (`yes`, `0755`, `1_000`), merge keys, one document a file.
//!
//! The events come from a YAML 1.2 parser; where the two disagree on syntax, the file ends as an
//! error here, never as another value.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};
use serde_json::Value as Json;

use super::scalar;
use crate::error::{Error, Result};

/// Deepest nesting. cloud-init's own examples stay under ten; the bound keeps recursion over the
/// tree (merging, dropping) far from the end of the stack.
pub const MAX_DEPTH: usize = 64;

/// Most nodes of one document, those that aliases repeat included ("billion laughs").
pub const MAX_NODES: usize = 50_000;

/// Most bytes of all scalars of one document, those that aliases repeat included.
pub const MAX_SCALAR_BYTES: usize = 4 << 20;

/// Most indicators (YAML 1.2, 5.3) of one text that begin or part the nodes of a flow collection: the
/// parser keeps a token for each, for as long as the collection may still be a key.
const MAX_INDICATORS: usize = 2 * MAX_NODES;

/// Bytes of a text that cost as much as a node.
const NODE_BYTES: usize = 64;

/// The structure's name in errors, whose offsets are line numbers.
const STRUCTURE: &str = "YAML document";

/// Where a node begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Index of the file, as the caller counts its files.
    pub file: usize,
    /// Line from 1.
    pub line: usize,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`, `~`, nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i128),
    /// A floating-point number.
    Float(f64),
    /// Text.
    Str(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping; keys as text, the last of equal keys counts.
    Map(BTreeMap<String, Node>),
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// The value.
    pub value: Value,
}

impl Node {
    /// The node at a path of mapping keys.
    pub fn get(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.map()?.get(*key))
    }

    /// The entries, if it is a mapping.
    pub fn map(&self) -> Option<&BTreeMap<String, Self>> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The text, if it is text.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// How many nodes it has, itself included; a long text or key counts for as many as cost the same.
    pub fn count(&self) -> usize {
        let of_text = |text: &str| text.len().div_euclid(NODE_BYTES);
        let below = match &self.value {
            Value::List(items) => items.iter().map(Self::count).sum(),
            Value::Map(map) => {
                map.iter().map(|(key, value)| of_text(key).saturating_add(value.count())).sum()
            }
            Value::Str(text) => of_text(text),
            _ => 0_usize,
        };
        below.saturating_add(1)
    }

    /// As JSON. Numbers that JSON cannot hold become text.
    pub fn json(&self) -> Json {
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Int(value) => match (i64::try_from(*value), u64::try_from(*value)) {
                (Ok(value), _) => Json::from(value),
                (_, Ok(value)) => Json::from(value),
                _ => Json::from(value.to_string()),
            },
            Value::Float(value) => serde_json::Number::from_f64(*value)
                .map_or_else(|| Json::from(value.to_string()), Json::Number),
            Value::Str(text) => Json::from(text.as_str()),
            Value::List(items) => Json::Array(items.iter().map(Self::json).collect()),
            Value::Map(map) => {
                Json::Object(map.iter().map(|(key, node)| (key.clone(), node.json())).collect())
            }
        }
    }
}

/// Reads the only document of `text`; `Ok(None)` when there is none, or it is empty.
///
/// # Errors
/// [`Error::Corrupt`] when PyYAML would refuse it, too (the offset is a line number);
/// [`Error::Limit`] and [`Error::Unsupported`] when it is not read here.
pub fn load(text: &str, file: usize) -> Result<Option<Node>> {
    check_printable(text)?;
    if text.bytes().filter(|byte| b",:?[]{}!&*".contains(byte)).count() > MAX_INDICATORS {
        return Err(limit(MAX_INDICATORS, "indicators"));
    }
    // The last fence round a parser that is not ours: its panic would otherwise end the program.
    catch_unwind(AssertUnwindSafe(|| Loader::new(file).run(text))).unwrap_or_else(|_| {
        Err(Error::unsupported(STRUCTURE, 0, "a text on which the YAML parser fails"))
    })
}

/// PyYAML refuses whole files for one of these (`yaml.reader.Reader.NON_PRINTABLE`).
fn check_printable(text: &str) -> Result<()> {
    for (line, content) in (1_u64..).zip(text.split('\n')) {
        let bad = content.chars().find(|c| {
            !matches!(c,
                '\t' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}'
                | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
        });
        if let Some(bad) = bad {
            let found = format!("U+{:04X}", u32::from(bad));
            return Err(Error::corrupt(STRUCTURE, line, "printable characters", found));
        }
    }
    Ok(())
}

/// YAML 1.2 lets tabs part tokens; PyYAML stops at them ("found character '\\t' that cannot start
/// any token"). They may stand in comments, and in quoted and block scalars.
fn check_tabs(text: &str, opaque: &[Opaque]) -> Result<()> {
    if !text.contains('\t') {
        return Ok(());
    }
    let chars: Vec<char> = text.chars().collect();
    let mut scalars = opaque.iter().map(|scalar| scalar.content(&chars)).peekable();
    let mut in_comment = false;
    let mut before = '\n';
    let mut line = 1_u64;
    for (index, c) in chars.iter().copied().enumerate() {
        while scalars.next_if(|range| range.end <= index).is_some() {}
        let in_scalar = scalars.peek().is_some_and(|range| range.contains(&index));
        match c {
            '\n' => {
                in_comment = false;
                line = line.saturating_add(1);
            }
            _ if in_scalar || in_comment => {}
            '#' if before.is_whitespace() => in_comment = true,
            '\t' => return Err(Error::corrupt(STRUCTURE, line, "a token", "a tab")),
            _ => {}
        }
        before = c;
    }
    Ok(())
}

/// A quoted or block scalar, in characters of the text.
struct Opaque {
    range: Range<usize>,
    block: bool,
}

impl Opaque {
    /// Without what the parser skipped behind a closing quote.
    fn content(&self, chars: &[char]) -> Range<usize> {
        if self.block {
            return self.range.clone();
        }
        let inside = chars.get(self.range.clone()).unwrap_or_default();
        let last = inside.iter().rposition(|c| !c.is_whitespace()).unwrap_or_default();
        self.range.start..self.range.start.saturating_add(last)
    }
}

/// A collection that is not closed yet.
struct Open {
    place: Place,
    anchor: usize,
    /// Nodes counted before it began, to know its own size at its end.
    nodes_before: usize,
    bytes_before: usize,
    /// Depth of the deepest node in it, counted from the document.
    deepest: usize,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Node>),
    Map {
        entries: BTreeMap<String, Node>,
        /// Mappings under `<<`, in the order in which they are laid over one another.
        merged: Vec<BTreeMap<String, Node>>,
        key: Option<Key>,
    },
}

enum Key {
    Merge,
    Text(String),
}

/// What an anchor names, and what repeating it costs.
struct Anchored {
    node: Node,
    nodes: usize,
    bytes: usize,
    depth: usize,
}

struct Loader {
    file: usize,
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
    bytes: usize,
    documents: usize,
    /// Where quoted and block scalars lie, in characters: tabs may stand there.
    opaque: Vec<Opaque>,
    root: Option<Node>,
}

impl Loader {
    fn new(file: usize) -> Self {
        Self {
            file,
            open: Vec::new(),
            anchors: HashMap::new(),
            nodes: 0,
            bytes: 0,
            documents: 0,
            opaque: Vec::new(),
            root: None,
        }
    }

    fn run(mut self, text: &str) -> Result<Option<Node>> {
        let mut parser = Parser::new(StrInput::new(text));
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| {
                Error::corrupt(STRUCTURE, line(error.marker().line()), "YAML", error.info())
            })?;
            if matches!(event, Event::StreamEnd) {
                break;
            }
            if let Event::Scalar(_, style, ..) = &event
                && *style != ScalarStyle::Plain
            {
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let range = span.start.index()..span.end.index();
                self.opaque.push(Opaque { range, block });
            }
            self.event(event, span)?;
        }
        check_tabs(text, &self.opaque)?;
        Ok(self.root.filter(|root| root.value != Value::Null))
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<()> {
        let place = Place { file: self.file, line: span.start.line() };
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.documents = self.documents.saturating_add(1);
                if self.documents > 1 {
                    return Err(corrupt(place, "a single document", "another document"));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.charge(1, text.len())?;
                let key_wanted = self.key_wanted();
                if key_wanted && is_merge_key(&text, style, tag.as_deref()) {
                    return self.set_key(Key::Merge);
                }
                let value = scalar_value(&text, style, tag.as_deref(), place)?;
                let node = Node { place, value };
                let cost = Cost { nodes: 1, bytes: text.len(), depth: 0 };
                self.finish(node, anchor, cost)
            }
            Event::Alias(anchor) => {
                let Some(anchored) = self.anchors.get(&anchor) else {
                    return Err(corrupt(place, "an anchor that was set", "an alias without one"));
                };
                let (nodes, bytes, depth) = (anchored.nodes, anchored.bytes, anchored.depth);
                self.charge(nodes, bytes)?;
                self.check_depth(depth)?;
                let node = self.anchors.get(&anchor).map(|anchored| anchored.node.clone());
                match node {
                    Some(node) => self.finish(node, 0, Cost { nodes, bytes, depth }),
                    None => Ok(()),
                }
            }
            Event::SequenceStart(anchor, tag) => {
                check_collection_tag(tag.as_deref(), "seq", place)?;
                self.begin(place, anchor, OpenKind::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                check_collection_tag(tag.as_deref(), "map", place)?;
                let kind =
                    OpenKind::Map { entries: BTreeMap::new(), merged: Vec::new(), key: None };
                self.begin(place, anchor, kind)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
        }
    }

    fn begin(&mut self, place: Place, anchor: usize, kind: OpenKind) -> Result<()> {
        if self.key_wanted() {
            return Err(corrupt(place, "a scalar as key", "a collection"));
        }
        self.check_depth(1)?;
        let (nodes_before, bytes_before) = (self.nodes, self.bytes);
        self.charge(1, 0)?;
        let deepest = self.open.len().saturating_add(1);
        self.open.push(Open { place, anchor, nodes_before, bytes_before, deepest, kind });
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let value = match open.kind {
            OpenKind::List(items) => Value::List(items),
            OpenKind::Map { entries, merged, .. } => {
                let mut map = BTreeMap::new();
                for layer in merged {
                    map.extend(layer);
                }
                map.extend(entries);
                Value::Map(map)
            }
        };
        let cost = Cost {
            nodes: self.nodes.saturating_sub(open.nodes_before),
            bytes: self.bytes.saturating_sub(open.bytes_before),
            depth: open.deepest.saturating_sub(self.open.len()),
        };
        self.finish(Node { place: open.place, value }, open.anchor, cost)
    }

    /// Hangs a complete node into the collection that is open.
    fn finish(&mut self, node: Node, anchor: usize, cost: Cost) -> Result<()> {
        if anchor != 0 {
            // The copy under the anchor takes memory as the node itself does.
            self.charge(cost.nodes, cost.bytes)?;
            let Cost { nodes, bytes, depth } = cost;
            self.anchors.insert(anchor, Anchored { node: node.clone(), nodes, bytes, depth });
        }
        let deepest = self.open.len().saturating_add(cost.depth);
        let place = node.place;
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.deepest = open.deepest.max(deepest);
        match &mut open.kind {
            OpenKind::List(items) => items.push(node),
            OpenKind::Map { entries, merged, key } => match key.take() {
                None => *key = Some(Key::Text(key_text(&node)?)),
                Some(Key::Text(text)) => {
                    entries.insert(text, node);
                }
                Some(Key::Merge) => match node.value {
                    Value::Map(map) => merged.push(map),
                    // Of several, the earlier ones win (`SafeConstructor.flatten_mapping`).
                    Value::List(items) => {
                        for item in items.into_iter().rev() {
                            let Value::Map(map) = item.value else {
                                return Err(corrupt(place, "mappings under <<", "something else"));
                            };
                            merged.push(map);
                        }
                    }
                    _ => return Err(corrupt(place, "mappings under <<", "a scalar")),
                },
            },
        }
        // The deepest node of a collection is that of what holds it, too.
        let len = self.open.len();
        if let Some(parent) = len.checked_sub(2).and_then(|index| self.open.get_mut(index)) {
            parent.deepest = parent.deepest.max(deepest);
        }
        Ok(())
    }

    fn key_wanted(&self) -> bool {
        matches!(self.open.last().map(|open| &open.kind), Some(OpenKind::Map { key: None, .. }))
    }

    fn set_key(&mut self, new: Key) -> Result<()> {
        if let Some(Open { kind: OpenKind::Map { key, .. }, .. }) = self.open.last_mut() {
            *key = Some(new);
        }
        Ok(())
    }

    fn charge(&mut self, nodes: usize, bytes: usize) -> Result<()> {
        self.nodes = self.nodes.saturating_add(nodes);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.nodes > MAX_NODES {
            return Err(limit(MAX_NODES, "nodes"));
        }
        if self.bytes > MAX_SCALAR_BYTES {
            return Err(limit(MAX_SCALAR_BYTES, "bytes of scalars"));
        }
        Ok(())
    }

    fn check_depth(&self, more: usize) -> Result<()> {
        if self.open.len().saturating_add(more) > MAX_DEPTH {
            return Err(limit(MAX_DEPTH, "levels"));
        }
        Ok(())
    }
}

/// What a node costs when it is repeated.
struct Cost {
    nodes: usize,
    bytes: usize,
    depth: usize,
}

fn limit(limit: usize, unit: &'static str) -> Error {
    Error::Limit { structure: STRUCTURE, limit: line(limit), unit }
}

fn line(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn corrupt(place: Place, expected: &str, found: &str) -> Error {
    Error::corrupt(STRUCTURE, line(place.line), expected, found)
}

fn is_merge_key(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> bool {
    match tag {
        None => text == "<<" && style == ScalarStyle::Plain,
        Some(tag) => core_name(tag) == Some("merge"),
    }
}

/// The name of a tag of YAML's own (`!!str` → `str`).
fn core_name(tag: &Tag) -> Option<&str> {
    match tag.handle.as_str() {
        "tag:yaml.org,2002:" => Some(&tag.suffix),
        "" | "!" => tag.suffix.strip_prefix("tag:yaml.org,2002:"),
        _ => None,
    }
}

fn scalar_value(text: &str, style: ScalarStyle, tag: Option<&Tag>, place: Place) -> Result<Value> {
    let Some(tag) = tag else {
        return Ok(match style {
            ScalarStyle::Plain => scalar::resolve(text),
            _ => Value::Str(text.to_owned()),
        });
    };
    let unread = || {
        let name = format!("the tag {}{} on {text:?}", tag.handle, tag.suffix);
        Error::unsupported(STRUCTURE, line(place.line), name)
    };
    let wanted = match core_name(tag) {
        // `python/unicode` is cloud-init's own addition (cloudinit/safeyaml.py).
        Some("str" | "python/unicode") => return Ok(Value::Str(text.to_owned())),
        // PyYAML resolves what has the bare tag `!` as if it were plain (yaml/parser.py,
        // `parse_node`: `implicit = (True, False)`).
        None if format!("{}{}", tag.handle, tag.suffix) == "!" => return Ok(scalar::resolve(text)),
        Some(name) => name,
        None => return Err(unread()),
    };
    match (wanted, scalar::resolve(text)) {
        ("null", _) => Ok(Value::Null),
        ("bool", value @ Value::Bool(_))
        | ("int", value @ Value::Int(_))
        | ("float", value @ Value::Float(_)) => Ok(value),
        _ => Err(unread()),
    }
}

fn check_collection_tag(tag: Option<&Tag>, name: &str, place: Place) -> Result<()> {
    match tag {
        Some(tag) if core_name(tag) != Some(name) => {
            let what = format!("the tag {}{}", tag.handle, tag.suffix);
            Err(Error::unsupported(STRUCTURE, line(place.line), what))
        }
        _ => Ok(()),
    }
}

/// A key as text, as JSON would have it.
fn key_text(node: &Node) -> Result<String> {
    match &node.value {
        Value::Null => Ok("null".to_owned()),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Int(value) => Ok(value.to_string()),
        Value::Float(value) => Ok(value.to_string()),
        Value::Str(text) => Ok(text.clone()),
        Value::List(_) | Value::Map(_) => {
            Err(corrupt(node.place, "a scalar as key", "a collection"))
        }
    }
}
