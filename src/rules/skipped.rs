//! What is to be done about a unit that is passed over for its conditions.

use super::{Text, shell};
use crate::guest::facts::{UnitFacts, UnitState};
use crate::text;

/// The command that lets the condition hold, for a unit that is passed over: a file that must not be
/// there is deleted, any other condition taken out.
pub(super) fn remedy(unit: &UnitFacts) -> Option<Text> {
    if unit.state.known() != Some(&UnitState::Skipped) {
        return None;
    }
    if let Some((_, path)) = unit.evidence.detail.split_once("PathExists=!") {
        let path = shell::quote_path(path.trim());
        return Some(text!("rm -f {path}", "rm -f {path}"));
    }
    let (file, line) = shell::file_and_line(&unit.evidence.location)?;
    let file = shell::quote_path(file);
    Some(text!("sed -i '{line}s/^/#/' {file}", "sed -i '{line}s/^/#/' {file}"))
}
