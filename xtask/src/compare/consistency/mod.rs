//! Sound and damaged qcow2 files: `qcow2-structure-consistent` agrees with `qemu-img check`.

mod base;
mod field;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use image_preflight::guest::Inspection;
use image_preflight::image::Image as Container;
use image_preflight::rules::{self, Judgement, Profile};

use self::base::{BASES, SECRET};
use self::field::{Field, Image};
use super::Log;
use crate::tool::Tool;

/// Damaged files of each kind.
const MUTANTS: u64 = 40;

/// Files that must have been compared in all.
const LEAST: usize = 500;

/// Most differing files of one kind that are told.
const MAX_TOLD: usize = 8;

/// What is said of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Clean,
    Leaks,
    Errors,
    /// It cannot be opened, or not be checked to the end.
    Refused,
}

/// Where the rule is stricter than `qemu-img check`, and by what words of its evidence one sees it.
struct Stricter {
    words: &'static [&'static str],
    name: &'static str,
    reason: &'static str,
}

const STRICTER: &[Stricter] = &[
    Stricter {
        words: &["also used: "],
        name: "overlap",
        reason: "data in a table's cluster: qemu-img counts references and holds two for sound \
                 where the refcount is two",
    },
    Stricter {
        words: &["the file ends at", "inside the file"],
        name: "cut off",
        reason: "qemu-img lets the last cluster be short, also where the lost bytes are a table's \
                 or the guest's",
    },
    Stricter {
        words: &["reserved bits 0x1 are set"],
        name: "zero flag",
        reason: "in version 2, and beside subclusters, bit 0 of an L2 entry is reserved; reading \
                 such a cluster of a version 2 file fails in QEMU",
    },
    Stricter {
        words: &["is not a multiple of 8"],
        name: "header length",
        reason: "the specification asks for a multiple of 8",
    },
];

/// What the rule said, and the evidence behind it.
struct Said {
    verdict: Verdict,
    words: Vec<String>,
}

pub fn compare(log: &mut Log) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let mut files = 0;
    let mut of_each: BTreeMap<Verdict, usize> = BTreeMap::new();
    let mut stricter: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, base) in (0_u64..).zip(BASES) {
        let sound = base.make(dir.path()).with_context(|| base.name)?;
        let fields = Image(&sound).fields();
        let mut wrong = Vec::new();
        for turn in 0..=MUTANTS {
            let mut random = Random(number << 32 | turn);
            let (bytes, what) = match turn {
                0 => (sound.clone(), "as it was made".to_owned()),
                _ => damage(&sound, &fields, &mut random),
            };
            let file = dir.path().join("mutant.qcow2");
            fs::write(&file, &bytes)?;
            let qemu = qemu(&file, &bytes)?;
            let ours = ours(&file)?;
            files += 1;
            *of_each.entry(qemu.verdict).or_default() += 1;
            let agree = match qemu.verdict {
                Verdict::Refused => matches!(ours.verdict, Verdict::Errors | Verdict::Refused),
                verdict => verdict == ours.verdict,
            };
            if agree {
                continue;
            }
            if let Some(names) = explained(qemu.verdict, &ours) {
                for name in names {
                    *stricter.entry(name).or_default() += 1;
                }
                continue;
            }
            wrong.push(format!(
                "{what} (seed {number}/{turn}): qemu-img {:?} {}, the rule {:?} {}",
                qemu.verdict,
                qemu.words.iter().take(3).cloned().collect::<Vec<_>>().join(" | "),
                ours.verdict,
                ours.words.iter().take(3).cloned().collect::<Vec<_>>().join(" | "),
            ));
        }
        let more = wrong.len().saturating_sub(MAX_TOLD);
        wrong.truncate(MAX_TOLD);
        if more > 0 {
            wrong.push(format!("and {more} more"));
        }
        log.note(&format!("qemu-img check, {}", base.name), wrong);
    }
    println!("         {files} files; as qemu-img says: {of_each:?}");
    for case in STRICTER {
        let count = stricter.get(case.name).copied().unwrap_or(0);
        println!("         stricter {count} times, {}: {}", case.name, case.reason);
    }
    ensure!(files >= LEAST, "only {files} files were compared");
    Ok(())
}

/// The names of the cases in which the rule is stricter, when they are all there is between the two.
fn explained(qemu: Verdict, ours: &Said) -> Option<Vec<&'static str>> {
    if ours.verdict != Verdict::Errors || qemu > Verdict::Leaks || ours.words.is_empty() {
        return None;
    }
    let case = |said: &String| {
        STRICTER.iter().find(|case| case.words.iter().any(|words| said.contains(words)))
    };
    let mut names: Vec<&str> =
        ours.words.iter().map(|word| case(word).map(|case| case.name)).collect::<Option<_>>()?;
    names.sort_unstable();
    names.dedup();
    Some(names)
}

/// A damaged copy, and what was done.
fn damage(sound: &[u8], fields: &[Field], random: &mut Random) -> (Vec<u8>, String) {
    let mut bytes = sound.to_vec();
    let mut done = Vec::new();
    // Mostly one damage, so that none hides another.
    for _ in 0..[1, 1, 1, 2][random.below(4)] {
        if random.below(12) == 0 {
            let len = match random.below(3) {
                0 => bytes.len().saturating_sub(1 + random.below(70_000)),
                1 => random.below(bytes.len()),
                _ => bytes.len() + random.below(300_000),
            };
            bytes.resize(len.max(8), 0);
            done.push(format!("{} bytes long", bytes.len()));
            continue;
        }
        if let Some(overlap) = (random.below(20) == 0).then(|| overlap(&mut bytes, fields, random))
        {
            done.extend(overlap);
            continue;
        }
        let field = &fields[random.below(fields.len())];
        let other = &fields[random.below(fields.len())];
        let Some(old) = bytes.get(field.at..field.at + field.len).map(<[u8]>::to_vec) else {
            continue;
        };
        let cluster = 1_u64 << Image(sound).number(20, 4).min(21);
        let value = Image(&old).number(0, field.len);
        let bits = 8 * field.len;
        let new = match random.below(9) {
            0 => 0,
            1 => u64::MAX,
            2 | 3 => value ^ 1 << random.below(bits),
            4 => value.wrapping_add(cluster),
            5 => value.wrapping_sub(cluster),
            6 => value.wrapping_add(1),
            7 => value.wrapping_sub(1),
            // What stands in another field, or where another field stands.
            _ if random.below(2) == 0 => Image(sound).number(other.at, other.len.min(8)),
            _ => other.at as u64 / cluster * cluster,
        };
        let new = new.to_be_bytes();
        bytes[field.at..field.at + field.len].copy_from_slice(&new[8 - field.len..]);
        let (name, at) = (&field.name, field.at);
        done.push(format!("{name} at {at}: {old:02x?} to {:02x?}", &new[8 - field.len..]));
    }
    (bytes, done.join(", "))
}

/// Lets an L2 entry refer to a cluster that something else uses, and has the refcount say so.
fn overlap(bytes: &mut [u8], fields: &[Field], random: &mut Random) -> Option<String> {
    let entries: Vec<&Field> = fields.iter().filter(|field| field.name == "L2 entry").collect();
    let entry = entries.get(random.below(entries.len()))?;
    let cluster = 1 + random.below(6);
    let refcount = Image(bytes).refcount_at(cluster)?;
    let offset = (cluster << Image(bytes).number(20, 4)) as u64;
    bytes.get_mut(entry.at..entry.at + 8)?.copy_from_slice(&offset.to_be_bytes());
    bytes.get_mut(refcount..refcount + 2)?.copy_from_slice(&[0, 2]);
    Some(format!("L2 entry at {} refers to cluster {cluster}, refcount 2", entry.at))
}

/// What `qemu-img check` says. Files that this one names are not opened, unless it must be.
fn qemu(file: &Path, bytes: &[u8]) -> Result<Said> {
    let header = Image(bytes);
    let mut options = serde_json::json!({
        "driver": "qcow2",
        "file": { "driver": "file", "filename": file },
        "backing": null,
    });
    match header.number(32, 4) {
        1 => {
            options["encrypt.format"] = "aes".into();
            options["encrypt.key-secret"] = "key".into();
        }
        2 => {
            options["encrypt.format"] = "luks".into();
            options["encrypt.key-secret"] = "key".into();
        }
        _ => {}
    }
    if header.number(4, 4) == 3 && header.number(72, 8) & 1 << 2 != 0 {
        let data = file.with_file_name("external.data");
        fs::OpenOptions::new().append(true).create(true).open(&data)?;
        options["data-file"] = serde_json::json!({ "driver": "file", "filename": data });
    }
    let check = Tool::new("qemu-img").words("check --output=json --object").arg(SECRET);
    let output = check.arg(format!("json:{options}")).output(b"")?;
    let verdict = match output.status.code() {
        Some(0) => Verdict::Clean,
        Some(3) => Verdict::Leaks,
        Some(2) => Verdict::Errors,
        _ => Verdict::Refused,
    };
    let words = String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect();
    Ok(Said { verdict, words })
}

/// What the rule says.
fn ours(file: &Path) -> Result<Said> {
    let rule = rules::rule("qcow2-structure-consistent").context("no such rule")?;
    let facts = Inspection::of(&Container::open(file)?).facts;
    let outcome = rule.check(&facts, &rules::Context::new(Profile::ImsClassic, 0));
    let verdict = match outcome.judgement {
        Judgement::Holds => Verdict::Clean,
        Judgement::Doubtful => Verdict::Leaks,
        Judgement::Broken => Verdict::Errors,
        _ => Verdict::Refused,
    };
    let problems = facts.image.qcow2.as_ref().and_then(|qcow2| qcow2.known());
    let problems = match problems {
        Some(qcow2) if verdict == Verdict::Errors => qcow2.problems.clone(),
        _ => outcome.evidence,
    };
    let words = problems.iter().map(|seen| format!("{}: {}", seen.location, seen.detail));
    Ok(Said { verdict, words: words.collect() })
}

/// Numbers that are the same in every run (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (x ^ x >> 31) as usize % end.max(1)
    }
}
