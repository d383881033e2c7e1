//! The name that udev gives the network card of another machine.
//!
//! Sources: systemd.link(5), systemd.net-naming-scheme(7), `rules.d/80-net-setup-link.rules`
//! (since systemd 209) and `80-net-name-slot.rules` (197 to 208, and RHEL 7), `net.ifnames=` in
//! systemd-udevd.service(8). Debian 8 turned it round: there only `net.ifnames=1` gives new names.

use super::LinkMac;
use super::files::{Content, Files};
use super::networkd::{DIRECTORIES, drop_ins, lines, matching};
use crate::fact::{Evidence, Fact, Unread};
use crate::filesystem::FileType;
use crate::guest::facts::{NicName, Reach};
use crate::guest::glob;
use crate::guest::linux::bindings::udev::{logical_lines, parts};

const SETUP_LINK: &str = "80-net-setup-link.rules";
const NAME_SLOT: &str = "80-net-name-slot.rules";

/// Where udev's rules are, the strongest first.
const RULES: [&str; 4] = [
    "/etc/udev/rules.d",
    "/usr/local/lib/udev/rules.d",
    "/usr/lib/udev/rules.d",
    "/lib/udev/rules.d",
];

/// Where the machine's own are.
const OWN_RULES: &str = "/etc/udev/rules.d";

/// The kernel's own name of the first card.
const KERNEL_NAME: &str = "eth0";

/// Longest name of a network card, in bytes (Linux: `IFNAMSIZ` without the NUL at the end,
/// `include/uapi/linux/if.h`). The kernel refuses a longer one, and patterns are held against the name.
const MAX_NIC_NAME: usize = 15;

/// Bus paths of a virtio card on usual virtual machines.
const PATHS: [&str; 2] = ["pci-0000:00:03.0", "virtio-pci-0000:00:03.0"];

/// A file of rules as udev finds it.
enum Rules {
    Absent,
    /// Empty or linked to `/dev/null`, here.
    Masked(String),
    Found(Content),
}

fn rules(files: &mut Files<'_>, name: &str) -> Result<Rules, Unread> {
    for directory in RULES {
        let path = format!("{directory}/{name}");
        match files.tree.symlink_metadata(&path) {
            Ok(metadata) => {
                let may_mask = metadata.file_type == FileType::Symlink || metadata.len == 0;
                let file = match (files.file(&path), &files.unread) {
                    (None, Some(unread)) => return Err(unread.clone()),
                    (file, _) => file,
                };
                return Ok(match file {
                    Some(file) if !may_mask || !file.text.trim().is_empty() => Rules::Found(file),
                    _ if may_mask => Rules::Masked(path),
                    _ => Rules::Absent,
                });
            }
            Err(error) if error.is_absent() => {}
            Err(error) => {
                files.doubt(&path, &error);
                return Err(Unread::from((path.as_str(), &error)));
            }
        }
    }
    Ok(Rules::Absent)
}

/// The name, and the lines of `.link` files that pick cards by MAC address. `command_line` is that
/// of the default boot entry with its place.
pub(super) fn find(
    files: &mut Files<'_>,
    command_line: &Fact<Option<(String, String)>>,
    links: &mut Vec<LinkMac>,
) -> Fact<(NicName, Evidence)> {
    let line = command_line.known().and_then(Option::as_ref).map(|(line, _)| line.as_str());
    let link = first_link(files, line, links);
    // A name that a rule of the machine gives comes before every policy.
    match named_by_rule(files) {
        Ok(Some(found)) => return Fact::Known(found),
        Ok(None) => {}
        Err(unread) => return Fact::Unknown(unread),
    }
    let kernel =
        |evidence: Evidence| Fact::Known((NicName::Exactly(KERNEL_NAME.to_owned()), evidence));
    let of_udev = rules(files, SETUP_LINK).and_then(|first| Ok((first, rules(files, NAME_SLOT)?)));
    let of_udev = match of_udev {
        Ok(rules) => rules,
        Err(unread) => return Fact::Unknown(unread),
    };
    let (rules, by_link) = match of_udev {
        (Rules::Found(rules), _) => (rules, true),
        (_, Rules::Found(rules)) => (rules, false),
        (Rules::Masked(path), _) | (_, Rules::Masked(path)) => {
            return kernel(Evidence::new(path, "empty or a link to /dev/null"));
        }
        (Rules::Absent, Rules::Absent) => {
            return kernel(Evidence::new("/usr/lib/udev/rules.d", "no rule renames network cards"));
        }
    };
    let link = match link {
        Ok(link) => link,
        Err(unread) => return Fact::Unknown(unread),
    };
    // `.link` files are read by the builtin that the newer rules call.
    let link =
        if by_link { link } else { Some(Link::policy(Evidence::new(&*rules.path, NAME_SLOT))) };
    let Some(link) = link else {
        return kernel(Evidence::new("/usr/lib/systemd/network", "no .link file is for the card"));
    };
    if let (false, Some(name)) = (link.by_place, &link.name) {
        return Fact::Known((NicName::Exactly(name.clone()), link.at));
    }
    if !link.by_place {
        return kernel(link.at);
    }
    let command_line = match command_line {
        Fact::Known(command_line) => command_line.clone().unwrap_or_default(),
        Fact::Unknown(unread) => return Fact::Unknown(unread.clone()),
    };
    let (line, place) = command_line;
    let switch = line.split_ascii_whitespace().rev().find(|word| word.starts_with("net.ifnames="));
    let opt_in = rules.text.contains("net.ifnames}!=\"1\"");
    match switch.map(|word| (word, word.ends_with("=0"))) {
        Some((word, true)) => match link.name {
            Some(name) => Fact::Known((NicName::Exactly(name), link.at)),
            None => kernel(Evidence::new(place, word)),
        },
        None if opt_in => kernel(Evidence::new(rules.path, "net.ifnames=1 is not set")),
        _ => Fact::Known((NicName::ByPlace, link.at)),
    }
}

/// What the first `.link` file for the card says.
struct Link {
    by_place: bool,
    name: Option<String>,
    at: Evidence,
}

impl Link {
    fn policy(at: Evidence) -> Self {
        Self { by_place: true, name: None, at }
    }
}

/// The name that a rule in `/etc/udev/rules.d` gives a virtio card whose address is new.
fn named_by_rule(files: &mut Files<'_>) -> Result<Option<(NicName, Evidence)>, Unread> {
    for file in files.files(OWN_RULES, |name| name.ends_with(".rules")) {
        for (line, rule) in logical_lines(&file) {
            let parts = parts(&rule);
            let name = parts.iter().find(|part| part.0 == "NAME" && matches!(part.1, "=" | ":="));
            let of_net = parts.contains(&("SUBSYSTEM", "==", "net"));
            let Some((.., name)) = name.filter(|_| of_net) else { continue };
            let at = file.evidence(line, &rule);
            let fits = parts.iter().map(|part| fits(*part)).collect::<Vec<_>>();
            if name.is_empty() || fits.contains(&Reach::No) {
                continue;
            }
            if name.contains(['$', '%']) || fits.contains(&Reach::Maybe) {
                let reason = "a rule that names network cards is not evaluated";
                return Err(Unread::new(at.location, reason));
            }
            fits_the_kernel(name, &at)?;
            return Ok(Some((NicName::Exactly((*name).to_owned()), at)));
        }
    }
    Ok(None)
}

/// Whether the first virtio card of another machine fits one part of a rule.
fn fits((key, operator, value): (&str, &str, &str)) -> Reach {
    let is_match = matches!(operator, "==" | "!=");
    let takes = |known: &[&str]| {
        let mut patterns = value.split('|');
        match patterns.any(|pattern| known.iter().any(|name| glob::matches(pattern, name))) {
            _ if operator == "!=" => Reach::Maybe,
            true => Reach::Yes,
            false => Reach::No,
        }
    };
    match key {
        _ if !is_match => Reach::Yes,
        "SUBSYSTEM" => takes(&["net"]),
        "ACTION" => takes(&["add"]),
        "DRIVERS" => takes(&["virtio_net", "virtio-pci"]),
        "ATTR{type}" => takes(&["1"]),
        "ATTR{dev_id}" => takes(&["0x0"]),
        "ATTR{dev_port}" => takes(&["0"]),
        "KERNEL" => takes(&[KERNEL_NAME]),
        // Any address, or one that the new card has not.
        "ATTR{address}" | "ATTRS{address}" | "SYSFS{address}" => match takes(&["?"]) {
            Reach::No if value.contains(['*', '?', '[']) => Reach::Maybe,
            reach => reach,
        },
        // A place on the bus: not this one, or perhaps.
        "KERNELS" if value.starts_with("0000:") => {
            takes(&PATHS.map(|path| path.rsplit_once("pci-").map_or(path, |(_, at)| at)))
                .min(Reach::Maybe)
        }
        _ => Reach::Maybe,
    }
}

fn first_link(
    files: &mut Files<'_>,
    command_line: Option<&str>,
    links: &mut Vec<LinkMac>,
) -> Result<Option<Link>, Unread> {
    let mut first = Ok(None);
    for file in files.layered(&DIRECTORIES, |name| name.ends_with(".link")) {
        let drop_ins = drop_ins(files, &file);
        let lines = lines(files, &file, &drop_ins);
        let found = matching(&lines, "OriginalName", command_line);
        let by_cloud_init = file.by_cloud_init();
        let macs = found.macs.iter().filter(|_| files.keeps(&file.path)).cloned();
        links.extend(macs.map(|evidence| LinkMac { evidence, by_cloud_init }));
        if !matches!(first, Ok(None)) {
            continue;
        }
        let names = &found.matches.names;
        let named = names.is_empty() || names.iter().any(|name| glob::matches(name, KERNEL_NAME));
        let drivers = &found.matches.drivers;
        let driven =
            drivers.is_empty() || drivers.iter().any(|name| glob::matches(name, "virtio_net"));
        let paths: Vec<_> = lines
            .iter()
            .filter(|line| line.section == "Match" && line.key == "Path")
            .flat_map(|line| line.value.split_ascii_whitespace())
            .collect();
        let placed = paths.is_empty()
            || paths.iter().any(|pattern| PATHS.iter().any(|path| glob::matches(pattern, path)));
        let nothing = !lines.iter().any(|line| line.section == "Match");
        if nothing
            || found.matches.by_mac
            || !found.takes_ethernet()
            || !named
            || !driven
            || !placed
        {
            continue;
        }
        let condition = found.matches.other.filter(|_| paths.is_empty());
        if let Some(condition) = condition {
            // What the distribution ships for special cards is not for this one.
            if file.path.starts_with("/etc/") {
                let reason = format!("{} is not evaluated", condition.detail);
                first = Err(Unread::new(condition.location, reason));
            }
            continue;
        }
        let last =
            |key: &str| lines.iter().rev().find(|line| line.section == "Link" && line.key == key);
        let policy = last("NamePolicy");
        let by_place = policy.is_some_and(|line| {
            let mut words = line.value.split_ascii_whitespace();
            words.any(|word| matches!(word, "database" | "onboard" | "slot" | "path" | "mac"))
        });
        let name = last("Name").filter(|line| !line.value.is_empty());
        let at = name
            .filter(|_| !by_place)
            .or(policy)
            .map_or_else(|| file.evidence(1, "no NamePolicy="), |line| line.evidence());
        let name = name.map(|line| line.value.to_owned());
        first = fits_the_kernel(name.as_deref().unwrap_or_default(), &at)
            .map(|()| Some(Link { by_place, name, at }));
    }
    first
}

/// What becomes of a card whose new name the kernel refuses is not followed.
fn fits_the_kernel(name: &str, at: &Evidence) -> Result<(), Unread> {
    if name.len() <= MAX_NIC_NAME {
        return Ok(());
    }
    let reason = format!("a name of {} bytes, the kernel takes {MAX_NIC_NAME}", name.len());
    Err(Unread::new(at.location.clone(), reason))
}
