//! One rule, and whether it takes the first packet of a TCP connection over IPv4 (nft(8),
//! "Expressions", "Payload expressions", "Statements").

use std::collections::BTreeMap;
use std::slice;

use super::super::chain::{self, Match, Target};
use super::super::iptables::port_range;
use super::script::{Item, Script, Statement, Word, elements};
use crate::fact::Evidence;

/// Named sets and maps of a table: their elements; none when they are not told.
pub(super) type Sets = BTreeMap<String, Vec<Vec<Word>>>;

/// A rule with the sets that it may name.
pub(super) struct Rule<'s> {
    items: &'s [Item],
    sets: &'s Sets,
    script: &'s Script,
    len: usize,
}

impl<'s> Rule<'s> {
    /// A rule that begins with a word of the script.
    pub(super) fn new(script: &'s Script, items: &'s [Item], sets: &'s Sets) -> Self {
        Self { items, sets, script, len: words(items, sets) }
    }
}

/// The words of a rule, of its blocks, and of the sets that it names.
fn words(items: &[Item], sets: &Sets) -> usize {
    let of = |item: &Item| match item {
        Item::Block(block) => block.iter().map(|statement| words(statement, sets)).sum(),
        Item::Word(word) => {
            let set = word.text.strip_prefix('@').and_then(|name| sets.get(name));
            set.map_or(0, Vec::len).saturating_add(1)
        }
    };
    items.iter().map(of).fold(0, usize::saturating_add)
}

impl chain::Rule for Rule<'_> {
    fn evidence(&self) -> Evidence {
        match self.items.first() {
            Some(Item::Word(word)) => self.script.evidence(word),
            _ => Evidence::new("nftables", "a rule"),
        }
    }

    fn len(&self) -> usize {
        self.len
    }

    fn judge(&self, port: u16) -> (Match, Option<Target>) {
        let mut reading =
            Reading { items: self.items.iter(), sets: self.sets, port, matched: Match::Yes };
        let then = reading.all();
        (reading.matched, then)
    }
}

/// What a value of the packet is compared with.
#[derive(Clone, Copy)]
enum Field {
    /// The port that it is for, and the one that it is from.
    Port,
    SourcePort,
    Protocol,
    Address,
    Interface,
    State,
    /// A kind of address, of packet, of family: one of these.
    OneOf(&'static [&'static str]),
    /// Something that the packet does not have.
    Absent,
    /// Something that is not decided.
    Unknown,
}

impl Field {
    /// Whether the value is the one in a rule.
    fn is(self, value: &str, port: u16) -> Match {
        match self {
            Self::Port => {
                let (from, to) = value.split_once('-').unwrap_or((value, value));
                port_range(from, to, port)
            }
            // Clients use a high one.
            Self::SourcePort if value == "1024-65535" => Match::Yes,
            Self::SourcePort | Self::Unknown => Match::Maybe,
            Self::Protocol => Match::of(matches!(value, "tcp" | "6")),
            // The server has other addresses in the cloud, and its clients any.
            Self::Address => Match::of(value == "0.0.0.0/0"),
            Self::Interface if value == "lo" => Match::No,
            Self::Interface if value == "*" => Match::Yes,
            Self::Interface => Match::Maybe,
            Self::State => Match::of(value == "new"),
            Self::OneOf(known) => Match::of(known.contains(&value)),
            Self::Absent => Match::No,
        }
    }
}

/// A rule while it is read.
struct Reading<'s> {
    items: slice::Iter<'s, Item>,
    sets: &'s Sets,
    port: u16,
    matched: Match,
}

/// Operators that compare, and whether they negate.
const OPERATORS: [(&str, bool); 4] = [("==", false), ("eq", false), ("!=", true), ("ne", true)];

impl<'s> Reading<'s> {
    fn peek(&self) -> &'s str {
        match self.items.clone().next() {
            Some(Item::Word(word)) => &word.text,
            _ => "",
        }
    }

    fn word(&mut self) -> &'s str {
        match self.items.next() {
            Some(Item::Word(word)) => &word.text,
            _ => "",
        }
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.peek() == word;
        if found {
            self.items.next();
        }
        found
    }

    /// Reads the rule to its end, or to what it does with the packet.
    fn all(&mut self) -> Option<Target> {
        while self.items.len() > 0 {
            // A block where none is understood.
            let Some(Item::Word(word)) = self.items.next() else {
                self.matched = self.matched.and(Match::Maybe);
                continue;
            };
            if let Some(target) = self.target(&word.text) {
                return Some(target);
            }
            if self.is_statement(&word.text) {
                continue;
            }
            if let Some(target) = self.expression(&word.text) {
                return Some(target);
            }
        }
        None
    }

    /// What ends a rule.
    fn target(&mut self, word: &str) -> Option<Target> {
        Some(match word {
            "accept" => Target::Accept,
            "drop" | "reject" => Target::Drop,
            "return" => Target::Return,
            "continue" => Target::Continue,
            "jump" => Target::Chain(self.word().to_owned(), false),
            "goto" => Target::Chain(self.word().to_owned(), true),
            "queue" | "dnat" | "redirect" | "tproxy" | "fwd" | "dup" | "synproxy" => Target::Other,
            _ => return None,
        })
    }

    /// Passes over what does something beside and lets the packet go on.
    fn is_statement(&mut self, word: &str) -> bool {
        let mut options = |names: &[&str]| {
            while names.contains(&self.peek()) {
                self.word();
                self.word();
            }
        };
        match word {
            "counter" => options(&["packets", "bytes", "name"]),
            "log" => {
                options(&["prefix", "level", "group", "flags", "snaplen", "queue-threshold"]);
            }
            "comment" => {
                self.word();
            }
            "notrack" => {}
            "meta" | "ct" => {
                let mut ahead = self.items.clone();
                let (Some(Item::Word(_)), Some(Item::Word(set))) = (ahead.next(), ahead.next())
                else {
                    return false;
                };
                if set.text != "set" {
                    return false;
                }
                self.items = ahead;
                self.word();
            }
            _ => return false,
        }
        true
    }

    /// Reads a comparison; a map of verdicts may end the rule.
    fn expression(&mut self, word: &str) -> Option<Target> {
        let field = match word {
            "tcp" if self.take("flags") => {
                self.matched = self.matched.and(self.flags());
                return None;
            }
            "tcp" | "th" => match self.word() {
                "dport" => Field::Port,
                "sport" => Field::SourcePort,
                _ => Field::Unknown,
            },
            "ip" => match self.word() {
                "saddr" | "daddr" => Field::Address,
                "protocol" => Field::Protocol,
                "version" => Field::OneOf(&["4"]),
                _ => Field::Unknown,
            },
            "udp" | "udplite" | "icmp" | "icmpv6" | "igmp" | "sctp" | "dccp" | "esp" | "ah"
            | "comp" | "ip6" | "arp" => {
                self.word();
                Field::Absent
            }
            "meta" => {
                let key = self.word();
                self.meta(key)
            }
            "iif" | "iifname" | "oif" | "oifname" | "l4proto" | "nfproto" | "pkttype" => {
                self.meta(word)
            }
            "ct" => match self.word() {
                "state" => Field::State,
                "status" => Field::Absent,
                "count" if self.take("over") => Field::Absent,
                _ => Field::Unknown,
            },
            "fib" => self.fib(),
            "limit" => {
                self.matched = self.matched.and(self.limit());
                return None;
            }
            _ => {
                self.matched = Match::Maybe.and(self.matched);
                return None;
            }
        };
        let negates = OPERATORS.iter().find(|(operator, _)| self.peek() == *operator);
        let negates = negates.is_some_and(|(operator, negates)| self.take(operator) && *negates);
        if self.take("vmap") {
            return self.verdict(field);
        }
        let matched = self.value(field);
        let matched = match field {
            // Whatever is asked of it, the packet would first have to be of that protocol.
            Field::Absent if !matches!(word, "ct") => Match::No,
            _ if negates => matched.negated(),
            _ => matched,
        };
        self.matched = self.matched.and(matched);
        None
    }

    fn meta(&mut self, key: &str) -> Field {
        match key {
            "l4proto" => Field::Protocol,
            "nfproto" => Field::OneOf(&["ipv4"]),
            "protocol" => Field::OneOf(&["ip"]),
            "pkttype" => Field::OneOf(&["host", "unicast"]),
            "iif" | "iifname" => Field::Interface,
            _ => Field::Unknown,
        }
    }

    /// `fib daddr . iif type local`.
    fn fib(&mut self) -> Field {
        let mut of_destination = false;
        while self.items.len() > 0 {
            match self.word() {
                "daddr" => of_destination = true,
                "type" if of_destination => return Field::OneOf(&["local"]),
                "type" | "oif" | "oifname" => return Field::Unknown,
                _ => {}
            }
        }
        Field::Unknown
    }

    /// `limit rate over 10/second burst 5 packets`: who does not knock too often is under it.
    fn limit(&mut self) -> Match {
        let is_over = match self.word() {
            "rate" => self.take("over"),
            "name" => {
                self.word();
                return Match::Maybe;
            }
            _ => return Match::Maybe,
        };
        self.word();
        if self.peek().ends_with("bytes/second") || self.peek().contains('/') {
            self.word();
        }
        if self.take("burst") {
            self.word();
            self.word();
        }
        Match::of(!is_over)
    }

    /// The values behind a field: one, several with commas, a block of them, or a named set.
    fn value(&mut self, field: Field) -> Match {
        let port = self.port;
        match self.items.next() {
            Some(Item::Block(block)) => elements(block)
                .iter()
                .fold(Match::No, |found, element| found.or(is_element(field, element, port))),
            Some(Item::Word(word)) if word.text.starts_with('@') => {
                let Some(set) = self.sets.get(word.text.trim_start_matches('@')) else {
                    return Match::Maybe;
                };
                let elements = set.iter().map(|element| element.iter().collect::<Vec<_>>());
                elements
                    .fold(Match::No, |found, element| found.or(is_element(field, &element, port)))
            }
            // More than one field at once.
            Some(Item::Word(word)) if word.text == "." => {
                while let Some(Item::Word(_)) = self.items.clone().next() {
                    if matches!(self.peek(), "accept" | "drop" | "reject" | "jump" | "goto") {
                        break;
                    }
                    self.items.next();
                }
                if matches!(self.items.clone().next(), Some(Item::Block(_))) {
                    self.items.next();
                }
                Match::Maybe
            }
            Some(Item::Word(word)) => {
                let mut found = field.is(&word.text, port);
                while self.take(",") {
                    found = found.or(field.is(self.word(), port));
                }
                found
            }
            None => Match::Maybe,
        }
    }

    /// `tcp dport vmap { 22 : accept, 80 : jump web }`.
    fn verdict(&mut self, field: Field) -> Option<Target> {
        let named;
        let all: Vec<Vec<&Word>> = match self.items.next() {
            Some(Item::Block(block)) => elements(block),
            Some(Item::Word(word)) => {
                named = self.sets.get(word.text.trim_start_matches('@'));
                match named {
                    Some(map) => map.iter().map(|element| element.iter().collect()).collect(),
                    None => return Some(Target::Other),
                }
            }
            None => return Some(Target::Other),
        };
        for element in &all {
            let parts: Option<(&[&Word], &[&Word])> = element
                .iter()
                .position(|word| word.text == ":")
                .and_then(|at| Some((element.get(..at)?, element.get(at.saturating_add(1)..)?)));
            let Some((key, verdict)) = parts else { return Some(Target::Other) };
            let matched = is_element(field, key, self.port);
            if matched == Match::No {
                continue;
            }
            let verdict: Statement =
                verdict.iter().map(|word| Item::Word((*word).clone())).collect();
            let mut reading = Reading { items: verdict.iter(), ..*self };
            let word = reading.word();
            let then = reading.target(word).unwrap_or(Target::Other);
            self.matched = self.matched.and(matched);
            // Another key may be the one.
            return Some(if matched == Match::Yes { then } else { Target::Other });
        }
        self.matched = Match::No;
        None
    }

    /// `tcp flags & (fin|syn|rst|ack) == syn`, `tcp flags syn / fin,syn,rst,ack`, `tcp flags syn`:
    /// the first packet has SYN set, and no other flag.
    fn flags(&mut self) -> Match {
        let with_mask = self.take("&");
        let first = self.flag_list();
        let mask = if with_mask { first.clone() } else { None };
        let operator = OPERATORS.iter().find(|(operator, _)| self.peek() == *operator);
        let negates = operator.is_some_and(|(operator, negates)| self.take(operator) && *negates);
        let value = if operator.is_some() { self.flag_list() } else { first };
        let behind = if self.take("/") { self.flag_list() } else { None };
        let Some(value) = value else { return Match::Maybe };
        let has_syn = |list: &[String]| list.iter().any(|flag| flag == "syn");
        let only_syn = has_syn(&value) && value.len() == 1;
        let matched = match behind.or(mask) {
            // Of the flags that are looked at, those that are set.
            Some(mask) if has_syn(&mask) => only_syn,
            Some(_) => value.is_empty(),
            None if operator.is_some() => only_syn,
            None => has_syn(&value),
        };
        let matched = Match::of(matched);
        if negates { matched.negated() } else { matched }
    }

    /// Flags in one of the ways to write several; none for what is no list of them.
    fn flag_list(&mut self) -> Option<Vec<String>> {
        const FLAGS: [&str; 8] = ["fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"];
        let mut text = self.word().to_owned();
        // Spaces may stand within parentheses.
        while text.starts_with('(') && !text.ends_with(')') && self.items.len() > 0 {
            text.push_str(self.word());
        }
        while self.take(",") || self.take("|") {
            text.push('|');
            text.push_str(self.word());
        }
        if text == "0x0" || text == "0" {
            return Some(Vec::new());
        }
        let list: Vec<String> =
            text.trim_matches(['(', ')']).split('|').map(str::to_owned).collect();
        list.iter().all(|flag| FLAGS.contains(&flag.as_str())).then_some(list)
    }
}

/// Whether an element of a set, which may bear a timeout or a comment, is the value.
fn is_element(field: Field, element: &[&Word], port: u16) -> Match {
    let Some(first) = element.first() else { return Match::No };
    let is_joined = element.iter().any(|word| word.text == ".");
    if is_joined {
        return Match::Maybe;
    }
    if first.text == "*" {
        return Match::Yes;
    }
    field.is(&first.text, port)
}
