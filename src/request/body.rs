//! JSON as it stands: members in their order, repeated names kept.
//!
//! `serde_json::Value` would silently keep the last of several members of one name, which is not
//! what every reader at the other end does.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Number;

use super::Fix;

/// Longest body that is looked at, in bytes. The fields' own limits add up to less than 64 KiB.
pub const MAX_BODY: usize = 1 << 20;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "each is the name of what it stands for")]
pub enum Node {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    Array(Vec<Node>),
    /// Members in the order in which they stand; a name may be there more than once.
    Object(Vec<(String, Node)>),
}

/// Characters of a value that a finding shows.
const MAX_SHOWN: usize = 200;

impl Node {
    /// The member of that name; of several, the last, as most readers take it.
    pub fn member(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The text, when it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number, when it is a whole one of at least 0.
    pub fn whole(&self) -> Option<u64> {
        match self {
            Self::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    /// What JSON calls its type.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }

    /// As compact JSON, cut where a report would no longer be read.
    pub(super) fn shown(&self) -> String {
        // Maps have only string keys here, and writing to memory cannot fail.
        let mut text = serde_json::to_string(self).unwrap_or_default();
        if let Some((at, _)) = text.char_indices().nth(MAX_SHOWN) {
            text.truncate(at);
            text.push('…');
        }
        text
    }

    /// Applies a correction; whether anything changed.
    pub(super) fn apply(&mut self, fix: Fix) -> bool {
        match fix {
            Fix::Set(pointer, value) => match self.entry(&pointer) {
                Some((Self::Object(members), name)) => {
                    let before = members.iter().rposition(|(key, _)| *key == name);
                    match before.and_then(|at| members.get_mut(at)) {
                        Some((_, old)) if *old == value => return false,
                        Some((_, old)) => *old = value,
                        None => members.push((name, value)),
                    }
                    true
                }
                Some((Self::Array(elements), index)) => {
                    let index = index.parse().unwrap_or(usize::MAX);
                    match elements.get_mut(index) {
                        Some(old) if *old != value => {
                            *old = value;
                            true
                        }
                        _ => false,
                    }
                }
                _ => false,
            },
            Fix::Rename(pointer, new) => match self.entry(&pointer) {
                Some((Self::Object(members), name)) => {
                    let mut named = members.iter_mut().filter(|(key, _)| *key == name);
                    named.next().map(|(key, _)| *key = new.to_owned()).is_some()
                }
                _ => false,
            },
            Fix::Remove(pointer) => match self.entry(&pointer) {
                Some((Self::Object(members), name)) => {
                    let before = members.len();
                    members.retain(|(key, _)| *key != name);
                    members.len() != before
                }
                _ => false,
            },
        }
    }

    /// What holds the value of a JSON pointer (RFC 6901), and the last token of the pointer.
    fn entry(&mut self, pointer: &str) -> Option<(&mut Self, String)> {
        let mut tokens = pointer.strip_prefix('/')?.split('/').map(unescaped).peekable();
        let mut at = self;
        loop {
            let token = tokens.next()?;
            if tokens.peek().is_none() {
                return Some((at, token));
            }
            at = match at {
                Self::Object(members) => members
                    .iter_mut()
                    .rev()
                    .find(|(key, _)| *key == token)
                    .map(|(_, value)| value)?,
                Self::Array(elements) => elements.get_mut(token.parse::<usize>().ok()?)?,
                _ => return None,
            };
        }
    }
}

impl From<String> for Node {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<&str> for Node {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

/// A member's name as a token of a JSON pointer (RFC 6901, §3).
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The name that a token of a JSON pointer stands for (RFC 6901, §4).
pub(super) fn unescaped(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(value) => value.serialize(serializer),
            Self::String(value) => serializer.serialize_str(value),
            Self::Array(elements) => {
                let mut seq = serializer.serialize_seq(Some(elements.len()))?;
                for element in elements {
                    seq.serialize_element(element)?;
                }
                seq.end()
            }
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Node;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a JSON value")
            }

            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
                Ok(Node::Bool(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
                Ok(Node::Number(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
                Ok(Node::Number(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
                Ok(Number::from_f64(value).map_or(Node::Null, Node::Number))
            }

            fn visit_str<E>(self, value: &str) -> Result<Node, E> {
                Ok(Node::String(value.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = seq.next_element()? {
                    elements.push(element);
                }
                Ok(Node::Array(elements))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Node::Object(members))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(text: &str) -> Node {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn members_keep_their_order_and_repeated_names_stay() {
        let text = r#"{"b":1,"a":[true,null,-2,1.5,"x"],"b":2}"#;
        let body = node(text);
        assert_eq!(serde_json::to_string(&body).unwrap(), text);
        assert_eq!(body.member("b").and_then(Node::whole), Some(2));
    }

    #[test]
    fn depth_is_bounded_by_the_reader() {
        let deep = "[".repeat(100_000);
        assert!(serde_json::from_str::<Node>(&deep).is_err());
    }

    #[test]
    fn a_pointer_leads_to_what_is_set_or_taken_out() {
        let mut body = node(r#"{"a/b":[{"x":1}],"c":2}"#);
        assert!(body.apply(Fix::Set("/a~1b/0/x".to_owned(), Node::from(3))));
        assert!(body.apply(Fix::Set("/d".to_owned(), Node::from("new"))));
        assert!(body.apply(Fix::Remove("/c".to_owned())));
        assert!(!body.apply(Fix::Remove("/c".to_owned())));
        assert!(!body.apply(Fix::Set("/a~1b/7/x".to_owned(), Node::Null)));
        assert_eq!(serde_json::to_string(&body).unwrap(), r#"{"a/b":[{"x":3}],"d":"new"}"#);
    }
}
