//! Rules as iptables-save(8) writes them, and a packet's way through the filter table.
//!
//! Sources: iptables(8), iptables-extensions(8), iptables-restore(8).

use std::collections::BTreeMap;

use super::chain::{self, Match, Target, Verdict};
use super::{SSH, read, seen};
use crate::fact::{Evidence, Unread};
use crate::filesystem::tree::Tree;
use crate::guest::facts::SshAccess;

/// Rules by chain, of one or more files.
#[derive(Debug, Default)]
pub(super) struct Rules {
    chains: BTreeMap<String, Vec<Rule>>,
    /// Policies of the built-in chains, with their lines.
    policies: BTreeMap<String, (String, Evidence)>,
}

#[derive(Debug)]
struct Rule {
    words: Vec<String>,
    evidence: Evidence,
}

/// Whether the saved rules of a file let SSH in; `None` without the file.
pub(super) fn ssh(tree: &Tree, path: &str, port: u16) -> Result<Option<SshAccess>, Unread> {
    let Some(text) = read(tree, path)? else { return Ok(None) };
    let mut rules = Rules::default();
    rules.add(path, &text)?;
    rules.input(path, port).map(Some)
}

impl Rules {
    /// Adds the filter table of a file.
    pub(super) fn add(&mut self, path: &str, text: &str) -> Result<(), Unread> {
        let mut in_filter = false;
        for (line, content) in (1_usize..).zip(text.lines()) {
            let content = content.trim();
            if let Some(table) = content.strip_prefix('*') {
                in_filter = table.trim() == "filter";
                continue;
            }
            if !in_filter || content.is_empty() || content.starts_with('#') {
                continue;
            }
            let evidence = seen(path, line, content);
            if let Some(chain) = content.strip_prefix(':') {
                let mut words = chain.split_ascii_whitespace();
                let (name, policy) = (words.next().unwrap_or_default(), words.next());
                self.chains.entry(name.to_owned()).or_default();
                if let Some(policy @ ("ACCEPT" | "DROP")) = policy {
                    self.policies.insert(name.to_owned(), (policy.to_owned(), evidence));
                }
                continue;
            }
            // Counters may stand before the rule.
            let rule = match content.strip_prefix('[') {
                Some(rest) => rest.split_once(']').map_or("", |(_, rule)| rule),
                None => content,
            };
            let mut words = words(rule).into_iter();
            match (words.next().as_deref(), words.next()) {
                (Some("-A" | "--append"), Some(chain)) => {
                    let rule = Rule { words: words.collect(), evidence };
                    self.chains.entry(chain).or_default().push(rule);
                }
                (Some("COMMIT"), None) => in_filter = false,
                (Some("-N" | "--new-chain"), Some(chain)) => {
                    self.chains.entry(chain).or_default();
                }
                _ => {
                    return Err(Unread::new(
                        evidence.location,
                        "this line of the rules is not understood",
                    ));
                }
            }
        }
        Ok(())
    }

    /// The end of a packet in INPUT.
    fn input(&self, path: &str, port: u16) -> Result<SshAccess, Unread> {
        Ok(match self.follow("INPUT", port)? {
            Verdict::Accept(by) => SshAccess::Open(by),
            Verdict::Drop(by) => SshAccess::Closed(by),
            Verdict::Return => match self.policies.get("INPUT") {
                Some((policy, by)) if policy == "DROP" => SshAccess::Closed(by.clone()),
                Some((_, by)) => SshAccess::Open(by.clone()),
                None => SshAccess::Open(Evidence::new(path, "no policy of INPUT: ACCEPT")),
            },
        })
    }

    /// The way of a packet to `port` through a chain.
    pub(super) fn follow(&self, chain: &str, port: u16) -> Result<Verdict, Unread> {
        chain::follow(&|name| self.chains.get(name).map(Vec::as_slice), chain, port)
    }
}

fn target(name: &str, goes: bool) -> Target {
    match name {
        "ACCEPT" => Target::Accept,
        "DROP" | "REJECT" => Target::Drop,
        "RETURN" => Target::Return,
        "LOG" | "NFLOG" | "ULOG" | "MARK" | "CONNMARK" | "CLASSIFY" | "TRACE" | "AUDIT" | "SET" => {
            Target::Continue
        }
        chain => Target::Chain(chain.to_owned(), goes),
    }
}

impl chain::Rule for Rule {
    fn evidence(&self) -> Evidence {
        self.evidence.clone()
    }

    fn len(&self) -> usize {
        self.words.len()
    }

    fn judge(&self, port: u16) -> (Match, Option<Target>) {
        let mut result = Match::Yes;
        let mut then = None;
        let mut negated = false;
        let mut words = self.words.iter().map(String::as_str).peekable();
        while let Some(word) = words.next() {
            if word == "!" {
                negated = true;
                continue;
            }
            let mut value = || words.next().unwrap_or_default();
            let matched = match word {
                "-j" | "--jump" => {
                    then = Some(target(value(), false));
                    // What follows belongs to the target.
                    break;
                }
                "-g" | "--goto" => {
                    then = Some(target(value(), true));
                    break;
                }
                "-m" | "--match" => known_module(value()),
                "-p" | "--protocol" | "--proto" => {
                    Match::of(matches!(value(), "tcp" | "6" | "all" | "0"))
                }
                "--dport"
                | "--destination-port"
                | "--dports"
                | "--destination-ports"
                | "--ports" => ports(value(), port),
                "--sport" | "--source-port" | "--sports" | "--source-ports" => {
                    if value() == "1024:65535" { Match::Yes } else { Match::Maybe }
                }
                "--state" | "--ctstate" => {
                    Match::of(value().split(',').any(|state| state == "NEW"))
                }
                "--syn" => Match::Yes,
                "--tcp-flags" => {
                    let (mask, set) = (value(), words.next().unwrap_or_default());
                    tcp_flags(mask, set)
                }
                // The server has other addresses in the cloud, and its clients any.
                "-s" | "--source" | "--src" | "-d" | "--destination" | "--dst" => {
                    let address = value();
                    Match::of(matches!(address, "0.0.0.0/0" | "0/0" | "::/0" | "0.0.0.0/0.0.0.0"))
                }
                "-i" | "--in-interface" => match value() {
                    "lo" => Match::No,
                    "+" => Match::Yes,
                    _ => Match::Maybe,
                },
                "--dst-type" => Match::of(value() == "LOCAL"),
                "--src-type" => Match::of(value() == "UNICAST"),
                "--comment" => {
                    value();
                    continue;
                }
                // A client that does not knock too often.
                "--limit" | "--limit-burst" | "--seconds" | "--hitcount" | "--name" | "--mask"
                | "--connlimit-above" | "--hashlimit-upto" | "--hashlimit-burst"
                | "--hashlimit-mode" | "--hashlimit-name" | "--connlimit-mask" => {
                    value();
                    Match::of(word != "--hitcount" && word != "--connlimit-above")
                }
                "--set" | "--rsource" | "--rdest" | "--connlimit-saddr" => continue,
                "--update" | "--rcheck" | "--rttl" | "--reap" => continue,
                "-f" | "--fragment" => Match::No,
                _ => {
                    // An option of a module that is not known here, with its values.
                    while words.peek().is_some_and(|next| !next.starts_with('-') && *next != "!") {
                        words.next();
                    }
                    Match::Maybe
                }
            };
            result = result.and(if negated { matched.negated() } else { matched });
            negated = false;
        }
        (result, then)
    }
}

/// Modules whose options are understood; another may match by its name alone.
fn known_module(name: &str) -> Match {
    let known = [
        "tcp",
        "udp",
        "icmp",
        "state",
        "conntrack",
        "multiport",
        "comment",
        "limit",
        "recent",
        "addrtype",
        "hashlimit",
        "connlimit",
    ];
    // `-m udp` comes with `-p udp`, which decides.
    if known.contains(&name) { Match::Yes } else { Match::Maybe }
}

/// `22`, `ssh`, `20:23`, `80,22,443`.
fn ports(list: &str, port: u16) -> Match {
    list.split(',').fold(Match::No, |matched, item| {
        let (from, to) = item.split_once(':').unwrap_or((item, item));
        matched.or(port_range(from, to, port))
    })
}

/// Whether a range takes a port; nothing at an end stands for the last there is.
pub(super) fn port_range(from: &str, to: &str, port: u16) -> Match {
    let number = |word: &str| match word {
        "ssh" => Some(SSH),
        word => word.parse::<u16>().ok(),
    };
    let from = if from.is_empty() { Some(0) } else { number(from) };
    let to = if to.is_empty() { Some(u16::MAX) } else { number(to) };
    match (from, to) {
        (Some(from), Some(to)) => Match::of((from..=to).contains(&port)),
        // The name of some other service, which has another port than that of SSH.
        _ if port == SSH => Match::No,
        _ => Match::Maybe,
    }
}

/// The first packet has SYN set, and no other flag.
fn tcp_flags(mask: &str, set: &str) -> Match {
    let has = |list: &str, flag: &str| list.split(',').any(|word| word == flag || word == "ALL");
    let others = ["ACK", "FIN", "RST", "URG", "PSH"];
    let syn = !has(mask, "SYN") || has(set, "SYN");
    let rest = others.iter().all(|flag| !has(mask, flag) || !has(set, flag));
    Match::of(syn && rest)
}

/// The words of a line; quotes keep spaces together (iptables-restore(8)).
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut escaped) = (Vec::new(), String::new(), None, false);
    for c in line.chars() {
        match (c, quote) {
            _ if escaped => {
                word.push(c);
                escaped = false;
            }
            ('\\', Some(_)) => escaped = true,
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (c, None) if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            (c, _) => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}
