//! firewalld: the default zone, those of interfaces and connections, and the services that they name.
//!
//! Sources: firewalld.conf(5), firewalld.zone(5), firewalld.service(5), firewalld.dbus(5). Files in
//! `/etc/firewalld` count before those of the same name in `/usr/lib/firewalld`.

use std::cell::Cell;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{SSH, read, unread};
use crate::fact::{Evidence, Unread};
use crate::filesystem::tree::Tree;
use crate::guest::facts::SshAccess;
use crate::guest::linux::network::zones;

const DIRECTORIES: [&str; 2] = ["/etc/firewalld", "/usr/lib/firewalld"];

/// firewalld.conf(5), `DefaultZone`.
const DEFAULT_ZONE: &str = "public";

/// Most elements of one zone looked into, each of which may be a service's file; those that come with
/// firewalld have about ten.
const MAX_SERVICES: usize = 256;

/// Most bytes of zones and services read to follow one port, each as often as it is named; a zone has
/// some hundred.
const MAX_TEXT: usize = 16 << 20;

/// Bytes that a file counts at least.
const LEAST_TEXT: usize = 1 << 10;

/// Most attributes of one element; those of firewalld have up to four.
const MAX_ATTRIBUTES: usize = 64;

/// Most elements of one file; the largest zone that comes with firewalld has about ten.
const MAX_ELEMENTS: usize = 10_000;

pub(super) fn ssh(tree: &Tree, port: u16) -> Result<Option<SshAccess>, Unread> {
    let conf = "/etc/firewalld/firewalld.conf";
    let mut name = DEFAULT_ZONE.to_owned();
    for line in read(tree, conf)?.unwrap_or_default().lines() {
        if let Some((key, value)) = line.split_once('=')
            && key.trim() == "DefaultZone"
        {
            name = value.trim().to_owned();
        }
    }
    if name.contains('/') {
        return Err(Unread::new(conf, "DefaultZone is no name"));
    }
    // In place of a default zone that is not there firewalld takes `public`, then `external`
    // (src/firewall/core/fw.py, "Default zone '%s' is not valid. Using '%s'.").
    let files = Files { tree, text: Cell::new(0) };
    let mut zone = files.find("zones", &name)?;
    for other in [DEFAULT_ZONE, "external"] {
        if zone.is_none() {
            zone = files.find("zones", other)?;
        }
    }
    let Some((path, zone)) = zone else {
        return Err(Unread::new(format!("firewalld zone {name}"), "there is no such zone"));
    };
    let access = zone_access(&files, &path, &zone, port)?;
    // An interface or connection of another zone follows that zone's rules; which one the cloud's
    // card will be is not known.
    for other in zones_beside(tree, &path)? {
        let Some(zone) = files.elements(&other)? else { continue };
        let is_bound = zone.iter().any(|element| element.name == "interface");
        if is_bound && !is_same(&access, &zone_access(&files, &other, &zone, port)?) {
            return Err(Unread::new(other, "a zone of an interface answers otherwise"));
        }
    }
    for (other, at) in zones::find(tree)? {
        if other.is_empty() || other == name {
            continue;
        }
        let found = if other.contains('/') { None } else { files.find("zones", &other)? };
        let Some((path, zone)) = found else {
            return Err(Unread::new(at.location, "there is no such zone"));
        };
        if !is_same(&access, &zone_access(&files, &path, &zone, port)?) {
            return Err(Unread::new(at.location, "a zone of a connection answers otherwise"));
        }
    }
    Ok(Some(access))
}

fn is_same(one: &SshAccess, other: &SshAccess) -> bool {
    matches!(
        (one, other),
        (SshAccess::Open(_), SshAccess::Open(_)) | (SshAccess::Closed(_), SshAccess::Closed(_))
    )
}

/// The files of zones and services, and how much of them was read.
struct Files<'t> {
    tree: &'t Tree,
    text: Cell<usize>,
}

impl Files<'_> {
    /// The file of a zone or service, and its elements.
    fn find(&self, kind: &str, name: &str) -> Result<Option<(String, Vec<Element>)>, Unread> {
        for directory in DIRECTORIES {
            let path = format!("{directory}/{kind}/{name}.xml");
            if let Some(elements) = self.elements(&path)? {
                return Ok(Some((path, elements)));
            }
        }
        Ok(None)
    }

    fn elements(&self, path: &str) -> Result<Option<Vec<Element>>, Unread> {
        let Some(text) = read(self.tree, path)? else { return Ok(None) };
        self.text.set(self.text.get().saturating_add(text.len().max(LEAST_TEXT)));
        if self.text.get() > MAX_TEXT {
            let reason = format!("more than {MAX_TEXT} bytes of zones and services, not read");
            return Err(Unread::new(path, reason));
        }
        elements(path, &text).map(Some)
    }
}

/// The files of the administrator's zones beside the default one.
fn zones_beside(tree: &Tree, default: &str) -> Result<Vec<String>, Unread> {
    let directory = "/etc/firewalld/zones";
    let entries = match tree.read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.is_absent() => return Ok(Vec::new()),
        Err(error) => return Err(unread(directory, &error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        if !entry.name.ends_with(b".xml") {
            continue;
        }
        let name = entry.text().map_err(|error| unread(directory, &error))?;
        let path = format!("{directory}/{name}");
        if path != default {
            found.push(path);
        }
    }
    Ok(found)
}

fn zone_access(
    files: &Files<'_>,
    path: &str,
    elements: &[Element],
    port: u16,
) -> Result<SshAccess, Unread> {
    let target = elements.iter().find(|element| element.name == "zone");
    let target = target.and_then(|zone| zone.attribute("target")).unwrap_or("default");
    let mut open = (target == "ACCEPT").then(|| Evidence::new(path, "target=\"ACCEPT\""));
    for element in elements.iter().filter(|element| !element.in_rule).take(MAX_SERVICES) {
        let found = match element.name.as_str() {
            "port" => element.is_port(port),
            "service" => match element.attribute("name") {
                Some(name) if !name.contains('/') => service_opens(files, name, port)?,
                _ => false,
            },
            _ => false,
        };
        if found {
            let what = element.attribute("name").or(element.attribute("port")).unwrap_or_default();
            open.get_or_insert_with(|| Evidence::new(path, format!("{} {what}", element.name)));
        }
    }
    if open.is_none() && elements.iter().filter(|element| !element.in_rule).count() > MAX_SERVICES {
        let reason = format!("more than {MAX_SERVICES} elements, the rest was not read");
        return Err(Unread::new(path, reason));
    }
    // A rich rule may say otherwise.
    let rich = |action: &[&str]| {
        elements.iter().any(|element| element.in_rule && action.contains(&element.name.as_str()))
    };
    match open {
        Some(_) if rich(&["drop", "reject"]) => {
            Err(Unread::new(path, "rich rules that drop or reject are not evaluated"))
        }
        Some(seen) => Ok(SshAccess::Open(seen)),
        None if rich(&["accept"]) => {
            Err(Unread::new(path, "rich rules that accept are not evaluated"))
        }
        None => Ok(SshAccess::Closed(Evidence::new(
            path,
            format!("target {target}, and no service or port opens {port}/tcp"),
        ))),
    }
}

/// Whether a service has the port; one that includes others may have it through them.
fn service_opens(files: &Files<'_>, name: &str, port: u16) -> Result<bool, Unread> {
    let Some((path, elements)) = files.find("services", name)? else {
        // firewalld leaves out a service that it does not know; `ssh` comes with it.
        return Ok(name == "ssh" && port == SSH);
    };
    if elements.iter().any(|element| element.name == "port" && element.is_port(port)) {
        return Ok(true);
    }
    if elements.iter().any(|element| element.name == "include") {
        return Err(Unread::new(path, "services that include others are not evaluated"));
    }
    Ok(false)
}

/// An element with its attributes.
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    /// Whether it stands in a rich rule.
    in_rule: bool,
}

impl Element {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// `port="22"`, `port="20-25"`, of TCP.
    fn is_port(&self, port: u16) -> bool {
        let range = self.attribute("port").unwrap_or_default();
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        let within = match (from.parse::<u16>(), to.parse::<u16>()) {
            (Ok(from), Ok(to)) => (from..=to).contains(&port),
            _ => false,
        };
        within && self.attribute("protocol") == Some("tcp")
    }
}

fn elements(path: &str, text: &str) -> Result<Vec<Element>, Unread> {
    let damaged = |what: String| Unread::new(path, format!("no well-formed XML: {what}"));
    let mut reader = Reader::from_str(text);
    let mut found = Vec::new();
    let mut rules = 0_usize;
    loop {
        if found.len() > MAX_ELEMENTS {
            return Err(Unread::new(path, "too many elements"));
        }
        match reader.read_event().map_err(|error| damaged(error.to_string()))? {
            Event::Start(start) => {
                let element = element(&start, rules > 0).map_err(damaged)?;
                if element.name == "rule" {
                    rules = rules.saturating_add(1);
                }
                found.push(element);
            }
            Event::Empty(start) => found.push(element(&start, rules > 0).map_err(damaged)?),
            Event::End(end) if end.name().as_ref() == "rule" => rules = rules.saturating_sub(1),
            Event::Eof => return Ok(found),
            _ => {}
        }
    }
}

fn element(start: &BytesStart<'_>, in_rule: bool) -> Result<Element, String> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        if attributes.len() >= MAX_ATTRIBUTES {
            return Err(format!("more than {MAX_ATTRIBUTES} attributes"));
        }
        let attribute = attribute.map_err(|error| error.to_string())?;
        attributes.push((attribute.key.as_ref().to_owned(), attribute.value.into_owned()));
    }
    Ok(Element { name: start.name().as_ref().to_owned(), attributes, in_rule })
}
