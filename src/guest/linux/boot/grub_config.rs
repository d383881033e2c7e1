//! From GRUB 2's menu to the default entry.

use std::rc::Rc;

use super::command_line;
use super::entry::{
    Configuration, EntrySpec, FileSpec, MAX_INITRDS, MAX_LISTED_ENTRIES, lacks_kernel,
};
use super::grub_script::menu::{MenuItem, leading_number, split_default};
use super::grub_script::{Doubt, Interpreter, Loaded, LoadedFile, Stop};
use super::volumes::Place;
use crate::fact::{Evidence, Fact};
use crate::guest::facts::{BootEntry, LoaderKind};

/// Deepest nesting of submenus that is followed. `grub-mkconfig` nests two deep.
const MAX_SUBMENU_DEPTH: usize = 8;

/// Most entries and submenus that are run for the list of entries.
const MAX_ENTERED: usize = 128;

/// Most entries that `fallback` may name and are tried, by GRUB legacy as well (stage2/shared.h,
/// `MAX_FALLBACK_ENTRIES`).
pub(super) const MAX_FALLBACKS: usize = 8;

/// An entry that was run.
struct Chosen {
    entry: BootEntry,
    other: Option<String>,
    bls: bool,
    /// Why it does not start without somebody at the console.
    locked: Option<String>,
}

/// Runs `grub.cfg` and chooses the default entry.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn read(
    mut grub: Interpreter<'_, '_>,
    place: &Place,
) -> crate::error::Result<Configuration> {
    let volume = grub.volumes().volume_of(place)?;
    let evidence = Evidence::new(place.path.clone(), grub.volumes().name(volume));
    // As `normal` does: the file is read in the context that the core image leaves.
    let ended = match grub.run_file(place) {
        Ok(read) => Ok(read?),
        Err(stop) => Err(stop),
    };
    Ok(conclude(&grub, ended, evidence, Some(volume)))
}

/// What follows from the configuration that `grub` has run: a file on `volume`, or a text in the
/// core image.
pub(super) fn conclude(
    grub: &Interpreter<'_, '_>,
    ended: Result<(), Stop>,
    evidence: Evidence,
    volume: Option<usize>,
) -> Configuration {
    let (evidence, volume) = match &grub.shown {
        Some(place) => {
            let volume = grub.volumes().volume_of(place).ok();
            let name = volume.map(|volume| grub.volumes().name(volume)).unwrap_or_default();
            let detail = format!("{name}, by way of {}", evidence.location);
            (Evidence::new(place.path.clone(), detail), volume)
        }
        None => (evidence, volume),
    };
    let chosen = match ended {
        Err(Stop::End(words)) => Err(words.into()),
        Err(Stop::Boot) => finish(grub, None, &evidence.location).map(Some),
        Ok(()) | Err(_) => choose(grub),
    };
    let (default, starts_other, bls, locked) = match chosen {
        Ok(Some(chosen)) => {
            (Fact::Known(Some(chosen.entry)), chosen.other, chosen.bls, chosen.locked)
        }
        Ok(None) => (Fact::Known(None), None, false, None),
        Err(doubt) => (Fact::unknown(evidence.location.clone(), &*doubt), None, false, None),
    };
    let bls = bls || grub.menu.items.iter().any(|item| item.bls);
    let location = default.known().and_then(|entry| Some(entry.as_ref()?.location.clone()));
    Configuration {
        kind: if bls { LoaderKind::Grub2Bls } else { LoaderKind::Grub2 },
        others: others(grub, location.as_deref()),
        timeout: timeout(grub, &evidence.location),
        evidence,
        volume,
        default,
        starts_other,
        locked,
    }
}

/// The default entry, or the first of `fallback` whose kernel is there.
fn choose(grub: &Interpreter<'_, '_>) -> Result<Option<Chosen>, Doubt> {
    let first = choose_in(grub, "", 0)?;
    if !first.as_ref().is_some_and(|chosen| lacks_kernel(&chosen.entry)) {
        return Ok(first);
    }
    let fallback = grub.variable("fallback");
    if let Some(doubt) = fallback.doubt {
        return Err(doubt);
    }
    for (tried, spec) in fallback.value.split_ascii_whitespace().enumerate() {
        if tried >= MAX_FALLBACKS {
            return Err(format!("`fallback` names more than {MAX_FALLBACKS} entries").into());
        }
        let Some(item) = grub.menu.named(spec).and_then(|index| grub.menu.items.get(index)) else {
            break;
        };
        let (inner, ended) = grub.enter(item, None);
        let chosen = leave(&inner, ended, item, String::new(), 0)?;
        if chosen.as_ref().is_some_and(|chosen| !lacks_kernel(&chosen.entry)) {
            return Ok(chosen);
        }
    }
    Ok(first)
}

fn choose_in(
    grub: &Interpreter<'_, '_>,
    above: &str,
    depth: usize,
) -> Result<Option<Chosen>, Doubt> {
    if depth > MAX_SUBMENU_DEPTH {
        return Err(format!("submenus nested deeper than {MAX_SUBMENU_DEPTH}").into());
    }
    let default = grub.variable("default");
    if let Some(doubt) = default.doubt {
        return Err(doubt);
    }
    let (head, rest) = split_default(&default.value);
    let Some(index) = grub.menu.select(&head)? else { return Ok(None) };
    let Some(item) = grub.menu.items.get(index) else { return Ok(None) };
    let locked = lock(grub, item)?;
    let (inner, ended) = grub.enter(item, rest);
    let mut chosen = match with_initrd(grub, &inner, item, above) {
        Some(chosen) => Some(chosen),
        None => leave(&inner, ended, item, above.to_owned(), depth)?,
    };
    if let Some(chosen) = &mut chosen {
        chosen.locked = locked.or_else(|| chosen.locked.take());
    }
    Ok(chosen)
}

/// Why an entry asks for a password: `superusers` names somebody, and it is not `--unrestricted`
/// (upstream `grub-core/normal/auth.c`, `grub_auth_check_authentication`).
fn lock(grub: &Interpreter<'_, '_>, item: &MenuItem) -> Result<Option<String>, Doubt> {
    if !item.restricted {
        return Ok(None);
    }
    let users = grub.variable("superusers");
    match users.doubt {
        Some(doubt) => Err(doubt),
        None if users.value.is_empty() => Ok(None),
        None => Ok(Some(format!(
            "it asks for a password: superusers={:?}, and the entry is not --unrestricted",
            users.value
        ))),
    }
}

/// What an entry of Ubuntu starts at the second try, where all its files are there: with
/// `GRUB_FORCE_PARTUUID` the first has no initramfs, notes itself as failed before it begins (the function
/// `initrdfail`) and starts the machine anew when it cannot go on (`panic=-1`); then the entry takes the
/// initramfs (grub2 of Ubuntu, `/etc/grub.d/00_header` and `10_linux`).
fn with_initrd(
    grub: &Interpreter<'_, '_>,
    first: &Interpreter<'_, '_>,
    item: &Rc<MenuItem>,
    above: &str,
) -> Option<Chosen> {
    let value = |of: &Interpreter<'_, '_>| {
        let text = of.variable("initrdfail");
        text.doubt.is_none().then_some(text.value)
    };
    let noted = value(grub)?.is_empty() && value(first)? == "1";
    let again = command_line::last_value(&first.loaded.command_line, "panic");
    let again = again.is_some_and(|panic| panic.starts_with('-'));
    if !(noted && again && first.loaded.initrds.is_empty()) {
        return None;
    }
    let mut grub = grub.clone();
    grub.preset("initrdfail", "1");
    let (second, ended) = grub.enter(item, None);
    ended.ok()?;
    let mut chosen = finish(&second, Some(item), "").ok()?;
    chosen.entry.title.insert_str(0, above);
    let entry = &chosen.entry;
    let mut files = entry.kernel.iter().chain(&entry.initrds);
    let whole = files.all(|file| matches!(file.resolved, Fact::Known(Some(_))));
    (whole && !entry.initrds.is_empty()).then_some(chosen)
}

/// What running an entry came to: a kernel, or another menu.
fn leave(
    inner: &Interpreter<'_, '_>,
    ended: Result<(), Stop>,
    item: &Rc<MenuItem>,
    above: String,
    depth: usize,
) -> Result<Option<Chosen>, Doubt> {
    if let Err(Stop::End(words)) = ended {
        return Err(words.into());
    }
    let nothing_loaded = inner.loaded.kernel.is_none() && inner.loaded.other.is_none();
    if nothing_loaded && (!inner.menu.items.is_empty() || inner.menu.gap().is_some()) {
        return choose_in(inner, &format!("{above}{}>", item.title), depth.saturating_add(1));
    }
    let mut chosen = finish(inner, Some(item), &item.site.to_string())?;
    chosen.entry.title.insert_str(0, &above);
    Ok(Some(chosen))
}

/// The entry whose body was run.
fn finish(
    grub: &Interpreter<'_, '_>,
    item: Option<&Rc<MenuItem>>,
    location: &str,
) -> Result<Chosen, Doubt> {
    if let Some(doubt) = &grub.loaded.doubt {
        return Err(doubt.clone());
    }
    let spec = entry_spec(&grub.loaded, item, location);
    Ok(Chosen {
        entry: spec.resolve(grub.volumes()),
        other: grub.loaded.other.clone(),
        bls: item.is_some_and(|item| item.bls),
        locked: None,
    })
}

fn entry_spec(loaded: &Loaded, item: Option<&Rc<MenuItem>>, location: &str) -> EntrySpec {
    let file = |file: &LoadedFile| FileSpec {
        spec: file.spec.clone(),
        location: file.site.to_string(),
        place: Some(file.place.clone()),
    };
    let line = loaded.kernel.as_ref().map(|kernel| &kernel.site.file);
    EntrySpec {
        title: item.map_or_else(|| "boot".to_owned(), |item| item.title.clone()),
        location: item.map_or_else(|| location.to_owned(), |item| item.site.to_string()),
        kernel: loaded.kernel.as_ref().map(file),
        // One more tells that there are more.
        initrds: loaded.initrds.iter().take(MAX_INITRDS.saturating_add(1)).map(file).collect(),
        command_line: loaded.command_line.clone(),
        command_line_location: line
            .map_or_else(String::new, |file| format!("{file}:{}", loaded.command_line_line)),
    }
}

/// The entries beside the default one, those of submenus as well.
fn others(grub: &Interpreter<'_, '_>, default: Option<&str>) -> Vec<BootEntry> {
    let mut listing = Listing { default, entered: 0, entries: Vec::new() };
    listing.menu(grub, "", 0);
    listing.entries
}

struct Listing<'d> {
    default: Option<&'d str>,
    entered: usize,
    entries: Vec<BootEntry>,
}

impl Listing<'_> {
    fn menu(&mut self, grub: &Interpreter<'_, '_>, above: &str, depth: usize) {
        for item in &grub.menu.items {
            let full = self.entries.len() >= MAX_LISTED_ENTRIES || self.entered >= MAX_ENTERED;
            if full || depth > MAX_SUBMENU_DEPTH {
                return;
            }
            if self.default == Some(item.site.to_string().as_str()) {
                continue;
            }
            self.entered = self.entered.saturating_add(1);
            let (inner, ended) = grub.enter(item, None);
            if matches!(ended, Err(Stop::End(_))) {
                continue;
            }
            if item.submenu {
                self.menu(&inner, &format!("{above}{}>", item.title), depth.saturating_add(1));
            } else if inner.loaded.kernel.is_some() {
                let mut spec = entry_spec(&inner.loaded, Some(item), "");
                spec.title.insert_str(0, above);
                self.entries.push(spec.resolve(grub.volumes()));
            }
        }
    }
}

/// `timeout`; a menu without one waits for ever.
fn timeout(grub: &Interpreter<'_, '_>, location: &str) -> Option<(i64, Evidence)> {
    if grub.menu.items.is_empty() {
        let nothing = || (0, Evidence::new(location, "no menu"));
        return grub.menu.gap().is_none().then(nothing);
    }
    let Some((text, site)) = grub.variable_site("timeout") else {
        return Some((-1, Evidence::new(location, "no timeout")));
    };
    if text.doubt.is_some() {
        return None;
    }
    let seconds = match leading_number(&text.value) {
        Some(seconds) => i64::try_from(seconds).ok()?,
        None => -1,
    };
    Some((seconds, Evidence::new(site.to_string(), format!("timeout={}", text.value))))
}
