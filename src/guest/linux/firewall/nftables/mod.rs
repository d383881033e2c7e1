//! nftables: its rules as nft(8) reads them from a file.
//!
//! Sources: nft(8). A packet goes through every chain at the hooks `prerouting` and `input` of the
//! families `ip` and `inet`; one that accepts it ends that chain alone, one that drops it ends all.

mod rule;
mod script;

use std::collections::BTreeMap;

use self::rule::{Rule, Sets};
use self::script::{Item, Script, Statement, Word, elements, leading};
use super::chain::{self, Verdict};
use super::{Service, read};
use crate::fact::{Evidence, Unread};
use crate::guest::facts::SshAccess;

/// Most files of rules that the commands of its unit name; a unit names one.
const MAX_FILES: usize = 16;

/// Where the service reads its rules when its unit gives no command: Debian, Red Hat.
const FILES: [&str; 2] = ["/etc/nftables.conf", "/etc/sysconfig/nftables.conf"];

/// Where the service of OpenRC reads its rules, unless `/etc/conf.d/nftables` names a file.
const OPENRC: &str = "/etc/nftables.nft";

/// The files of rules that the service reads: what its commands name after `-f` (nft(8)).
fn files(service: &Service<'_>) -> Result<Vec<String>, Unread> {
    if service.by_openrc {
        let place = "/etc/conf.d/nftables";
        let named = service.configured(place, &["rules_file", "NFTABLES_SAVE"])?;
        return Ok(vec![named.unwrap_or_else(|| OPENRC.to_owned())]);
    }
    let Some((place, _)) = service.commands.first() else {
        return Ok(FILES.map(str::to_owned).to_vec());
    };
    let mut found = Vec::new();
    for (_, command) in &service.commands {
        // systemd.service(5) lets a command stand in quotes.
        let mut words =
            command.split_ascii_whitespace().map(|word| word.trim_matches(['"', '\'', ';']));
        while let Some(word) = words.next() {
            if matches!(word, "-f" | "--file") {
                found.extend(words.next().filter(|word| word.starts_with('/')).map(str::to_owned));
            }
        }
    }
    if found.len() > MAX_FILES {
        return Err(Unread::new(place, format!("more than {MAX_FILES} files of rules, not read")));
    }
    if found.is_empty() {
        return Err(Unread::new(place, "which file of rules this reads is not told"));
    }
    Ok(found)
}

/// Whether the rules let SSH in: closed when one file's do.
pub(super) fn ssh(service: &Service<'_>, port: u16) -> Result<Option<SshAccess>, Unread> {
    let tree = service.tree;
    let mut answer = None;
    for path in &files(service)? {
        let Some(text) = read(tree, path)? else { continue };
        let script = Script::read(tree, path, text)?;
        let statements = script.statements()?;
        let mut rules = Ruleset::default();
        for statement in &statements {
            rules.command(&script, statement)?;
        }
        match rules.access(&script, path, port)? {
            closed @ SshAccess::Closed(_) => return Ok(Some(closed)),
            open => answer = answer.or(Some(open)),
        }
    }
    Ok(answer)
}

/// A table by family and name.
type TableKey = (String, String);

#[derive(Default)]
struct Ruleset<'s> {
    tables: BTreeMap<TableKey, Table<'s>>,
}

#[derive(Default)]
struct Table<'s> {
    chains: BTreeMap<String, Chain<'s>>,
    sets: Sets,
    is_dormant: bool,
}

#[derive(Default)]
struct Chain<'s> {
    /// The hook of a base chain, with its line.
    hook: Option<(String, Evidence)>,
    drops: Option<Evidence>,
    rules: Vec<&'s [Item]>,
}

/// Families of tables.
const FAMILIES: [&str; 6] = ["ip", "ip6", "inet", "arp", "bridge", "netdev"];

/// Words of a command that name a family, if they do, then so many names.
fn names<'w>(words: &'w [&'w Word], count: usize) -> Option<(String, Vec<&'w str>)> {
    let mut words = words.iter().map(|word| word.text.as_str()).peekable();
    let family = words.next_if(|word| FAMILIES.contains(word)).unwrap_or("ip").to_owned();
    let names: Vec<&str> = words.take(count).collect();
    (names.len() == count).then_some((family, names))
}

impl<'s> Ruleset<'s> {
    fn command(&mut self, script: &Script, statement: &'s [Item]) -> Result<(), Unread> {
        let words = leading(statement);
        let Some(first) = words.first() else { return Ok(()) };
        let not_understood = || script.not_understood(first);
        let rest = words.get(1..).unwrap_or_default();
        let object = rest.first().map_or("", |word| word.text.as_str());
        let behind = rest.get(1..).unwrap_or_default();
        match (first.text.as_str(), object) {
            ("table", _) => self.table(script, rest, statement).ok_or_else(not_understood)?,
            ("add" | "create", "table") => {
                self.table(script, behind, statement).ok_or_else(not_understood)?
            }
            ("flush", "ruleset") => {
                self.tables.clear();
                Ok(())
            }
            ("flush" | "delete" | "destroy", "table") => {
                let (family, names) = names(behind, 1).ok_or_else(not_understood)?;
                self.tables.remove(&(family, names.concat()));
                Ok(())
            }
            ("add" | "create", "chain") => {
                let (family, names) = names(behind, 2).ok_or_else(not_understood)?;
                let [table, name] = names[..] else { return Err(not_understood()) };
                let table = self.tables.entry((family, table.to_owned())).or_default();
                let chain = table.chains.entry(name.to_owned()).or_default();
                let blocks = blocks(statement).flatten();
                blocks.into_iter().try_for_each(|line| chain.line(script, line))
            }
            ("add", "rule") => {
                let (family, names) = names(behind, 2).ok_or_else(not_understood)?;
                let [table, name] = names[..] else { return Err(not_understood()) };
                let has_family = behind.first().is_some_and(|word| word.text == family);
                let skip = if has_family { 5 } else { 4 };
                let table = self.tables.entry((family, table.to_owned())).or_default();
                let chain = table.chains.entry(name.to_owned()).or_default();
                chain.line(script, statement.get(skip..).unwrap_or_default())
            }
            ("add", "element") => {
                let (family, names) = names(behind, 2).ok_or_else(not_understood)?;
                let [table, name] = names[..] else { return Err(not_understood()) };
                let table = self.tables.entry((family, table.to_owned())).or_default();
                let set = table.sets.entry(name.to_owned()).or_default();
                set.extend(blocks(statement).flat_map(|block| owned(block)));
                Ok(())
            }
            _ => Err(not_understood()),
        }
    }

    /// `table inet filter { … }`.
    fn table(
        &mut self,
        script: &Script,
        words: &[&Word],
        statement: &'s [Item],
    ) -> Option<Result<(), Unread>> {
        let (family, names) = names(words, 1)?;
        let table = self.tables.entry((family, names.concat())).or_default();
        Some(blocks(statement).flatten().try_for_each(|line| table.line(script, line)))
    }

    /// The end of a packet to `port`.
    fn access(&self, script: &Script, path: &str, port: u16) -> Result<SshAccess, Unread> {
        let (mut open, mut unread) = (None, None);
        let seen = |family: &str| matches!(family, "ip" | "inet" | "netdev");
        let tables =
            self.tables.iter().filter(|((family, _), table)| seen(family) && !table.is_dormant);
        for table in tables.map(|(_, table)| table) {
            match table.access(script, port) {
                Ok(Some(closed @ SshAccess::Closed(_))) => return Ok(closed),
                Ok(found) => open = open.or(found),
                Err(error) => unread = unread.or(Some(error)),
            }
        }
        if let Some(unread) = unread {
            return Err(unread);
        }
        Ok(open.unwrap_or_else(|| SshAccess::Open(Evidence::new(path, "no chain for input"))))
    }
}

fn blocks(statement: &[Item]) -> impl Iterator<Item = &Vec<Statement>> {
    statement.iter().filter_map(|item| match item {
        Item::Block(block) => Some(block),
        Item::Word(_) => None,
    })
}

/// The elements of a block, to keep.
fn owned(block: &[Statement]) -> Vec<Vec<Word>> {
    elements(block).into_iter().map(|words| words.into_iter().cloned().collect()).collect()
}

impl<'s> Table<'s> {
    fn line(&mut self, script: &Script, statement: &'s [Item]) -> Result<(), Unread> {
        let words = leading(statement);
        let Some(first) = words.first() else { return Ok(()) };
        let name = words.get(1).map(|word| word.text.clone()).unwrap_or_default();
        match first.text.as_str() {
            "chain" => {
                let chain = self.chains.entry(name).or_default();
                blocks(statement).flatten().try_for_each(|line| chain.line(script, line))
            }
            "set" | "map" => {
                let lines = blocks(statement).flatten();
                let elements = lines.filter(|line| {
                    leading(line).first().is_some_and(|word| word.text == "elements")
                });
                let elements =
                    elements.flat_map(|line| blocks(line)).flat_map(|block| owned(block));
                self.sets.entry(name).or_default().extend(elements);
                Ok(())
            }
            "flags" => {
                self.is_dormant |= name == "dormant";
                Ok(())
            }
            "counter" | "quota" | "ct" | "limit" | "flowtable" | "secmark" | "synproxy"
            | "comment" => Ok(()),
            _ => Err(script.not_understood(first)),
        }
    }

    /// The end of a packet in the base chains of the table; none when it has none for it.
    fn access(&self, script: &Script, port: u16) -> Result<Option<SshAccess>, Unread> {
        let (mut open, mut unread) = (None, None);
        let chains: BTreeMap<&str, Vec<Rule<'_>>> = self
            .chains
            .iter()
            .map(|(name, chain)| {
                let rules = chain.rules.iter().map(|items| Rule::new(script, items, &self.sets));
                (name.as_str(), rules.collect())
            })
            .collect();
        let find = |name: &str| chains.get(name).map(Vec::as_slice);
        for (name, chain) in &self.chains {
            let Some((hook, at)) = &chain.hook else { continue };
            if !matches!(hook.as_str(), "prerouting" | "input" | "ingress") {
                continue;
            }
            let found = match chain::follow(&find, name, port) {
                Ok(Verdict::Accept(by)) => SshAccess::Open(by),
                Ok(Verdict::Drop(by)) => SshAccess::Closed(by),
                Ok(Verdict::Return) => match &chain.drops {
                    Some(by) => SshAccess::Closed(by.clone()),
                    None => SshAccess::Open(at.clone()),
                },
                Err(error) => {
                    unread = unread.or(Some(error));
                    continue;
                }
            };
            match found {
                SshAccess::Closed(_) => return Ok(Some(found)),
                // What is said of input tells more than what is said of other hooks.
                SshAccess::Open(_) if hook == "input" || open.is_none() => open = Some(found),
                SshAccess::Open(_) => {}
            }
        }
        unread.map_or(Ok(open), Err)
    }
}

impl<'s> Chain<'s> {
    /// `type filter hook input priority filter`, `policy drop`, or a rule.
    fn line(&mut self, script: &Script, statement: &'s [Item]) -> Result<(), Unread> {
        let words = leading(statement);
        let Some(first) = words.first() else { return Ok(()) };
        let text = |at: usize| words.get(at).map_or("", |word| word.text.as_str());
        match text(0) {
            "type" => {
                let at = words.iter().position(|word| word.text == "hook");
                let hook = at.map(|at| text(at.saturating_add(1)).to_owned());
                self.hook = hook.map(|hook| (hook, script.evidence(first)));
            }
            "policy" => self.drops = (text(1) == "drop").then(|| script.evidence(first)),
            "comment" | "devices" | "device" => {}
            _ => self.rules.push(statement),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
