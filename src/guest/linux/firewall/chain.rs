//! A packet's way through chains of rules.

use crate::fact::{Evidence, Unread};

/// Most rules that a packet is led past; the chains may lead to one another over and over. Of a long
/// rule every 64 words count as one.
const MAX_STEPS: usize = 50_000;

/// Chains in one another. The kernel refuses loops when the rules are loaded.
const MAX_DEPTH: usize = 32;

/// Where a packet ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Accept(Evidence),
    Drop(Evidence),
    /// The end of the chain was reached, or a rule returns from it.
    Return,
}

/// Whether a rule matches the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    Yes,
    No,
    /// Not decided: an interface, a set, a module that is not known here.
    Maybe,
}

impl Match {
    pub(super) fn of(matched: bool) -> Self {
        if matched { Self::Yes } else { Self::No }
    }

    pub(super) fn negated(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Maybe => Self::Maybe,
        }
    }

    pub(super) fn or(self, other: Self) -> Self {
        self.negated().and(other.negated()).negated()
    }

    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Maybe, _) | (_, Self::Maybe) => Self::Maybe,
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }
}

/// What a rule does with a packet that it matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Accept,
    Drop,
    Return,
    /// Writes a log, sets a mark: the packet goes on.
    Continue,
    /// Another chain; whether the packet does not come back to this one.
    Chain(String, bool),
    /// Something that is not followed.
    Other,
}

/// A rule of a chain.
pub(super) trait Rule {
    /// Where it stands and what it says.
    fn evidence(&self) -> Evidence;

    /// How many words it has, those of the sets that it names included.
    fn len(&self) -> usize;

    /// Whether it matches the first packet of a connection to `port`, and what it then does.
    fn judge(&self, port: u16) -> (Match, Option<Target>);
}

/// The way of a packet to `port` through a chain; `chains` gives the rules of one, if there is one.
pub(super) fn follow<'r, R: Rule + 'r>(
    chains: &impl Fn(&str) -> Option<&'r [R]>,
    chain: &str,
    port: u16,
) -> Result<Verdict, Unread> {
    walk(chains, chain, port, 0, &mut 0)
}

fn walk<'r, R: Rule + 'r>(
    chains: &impl Fn(&str) -> Option<&'r [R]>,
    chain: &str,
    port: u16,
    depth: usize,
    steps: &mut usize,
) -> Result<Verdict, Unread> {
    // What may have ended the packet before.
    let (mut maybe_accept, mut maybe_drop) = (None, None);
    let mut settle = None;
    for rule in chains(chain).unwrap_or_default() {
        *steps = steps.saturating_add(rule.len().div_euclid(64)).saturating_add(1);
        if *steps > MAX_STEPS || depth > MAX_DEPTH {
            let place = rule.evidence().location;
            return Err(Unread::new(place, "too many rules to follow"));
        }
        let (matched, target) = rule.judge(port);
        if matched == Match::No {
            continue;
        }
        let verdict = match target {
            None | Some(Target::Continue) => continue,
            Some(Target::Accept) => Verdict::Accept(rule.evidence()),
            Some(Target::Drop) => Verdict::Drop(rule.evidence()),
            Some(Target::Return) if matched == Match::Yes => break,
            Some(Target::Chain(name, goes)) if chains(&name).is_some() => {
                match walk(chains, &name, port, depth.saturating_add(1), steps)? {
                    Verdict::Return if goes && matched == Match::Yes => break,
                    Verdict::Return => continue,
                    verdict => verdict,
                }
            }
            Some(Target::Return | Target::Chain(..) | Target::Other) => {
                return Err(undecided(rule));
            }
        };
        if matched == Match::Yes {
            settle = Some(verdict);
            break;
        }
        match verdict {
            Verdict::Accept(_) => maybe_accept.get_or_insert_with(|| undecided(rule)),
            Verdict::Drop(_) | Verdict::Return => maybe_drop.get_or_insert_with(|| undecided(rule)),
        };
    }
    let verdict = settle.unwrap_or(Verdict::Return);
    let doubt = match &verdict {
        Verdict::Accept(_) => maybe_drop,
        Verdict::Drop(_) => maybe_accept,
        Verdict::Return => maybe_drop.or(maybe_accept),
    };
    doubt.map_or(Ok(verdict), Err)
}

fn undecided(rule: &impl Rule) -> Unread {
    let Evidence { location, detail, .. } = rule.evidence();
    Unread::new(location, format!("whether this rule matches is not decided: {detail}"))
}
