//! `test` and `[`: conditions (GRUB manual, "test").

use std::cmp::Ordering;

use super::interpreter::{Interpreter, Status};
use super::menu::leading_number;
use super::{Doubt, Text};
use crate::error::Error;
use crate::filesystem::{FileType, Metadata};

/// Deepest nesting of parentheses; more are not written by anybody.
const MAX_PARENTHESES: u32 = 16;

/// A condition's value so far: `-a` binds closer than `-o`.
struct Value {
    all: bool,
    any: bool,
    invert: bool,
}

impl Value {
    fn take(&mut self, holds: bool) {
        self.all = self.all && (holds != self.invert);
        self.invert = false;
    }
}

impl Interpreter<'_, '_> {
    /// Whether the condition holds.
    pub(super) fn test(&self, args: &[Text]) -> Status {
        let args = match args.split_last() {
            Some((last, rest)) if last.value == "]" => rest,
            _ => args,
        };
        let mut doubt = args.iter().find_map(|arg| arg.doubt.clone());
        let mut at = 0;
        let holds = self.expression(args, &mut at, &mut doubt, 0);
        Status { failed: !holds, doubt }
    }

    fn expression(
        &self,
        args: &[Text],
        at: &mut usize,
        doubt: &mut Option<Doubt>,
        depth: u32,
    ) -> bool {
        let mut value = Value { all: true, any: false, invert: false };
        while let Some(rest) = args.get(*at..).filter(|rest| !rest.is_empty()) {
            if let [left, operator, right, ..] = rest
                && let Some(holds) = self.binary(&left.value, &operator.value, &right.value, doubt)
            {
                value.take(holds);
                *at = at.saturating_add(3);
                continue;
            }
            if let [operator, operand, ..] = rest
                && let Some(holds) = self.unary(&operator.value, &operand.value, doubt)
            {
                value.take(holds);
                *at = at.saturating_add(2);
                continue;
            }
            *at = at.saturating_add(1);
            match rest.first().map_or("", |arg| arg.value.as_str()) {
                ")" => break,
                "(" if depth < MAX_PARENTHESES => {
                    let holds = self.expression(args, at, doubt, depth.saturating_add(1));
                    value.take(holds);
                }
                "(" => {
                    *doubt = Some("a condition with too many parentheses".into());
                    return false;
                }
                "!" => value.invert = !value.invert,
                "-a" => {}
                "-o" => {
                    value.any |= value.all;
                    value.all = true;
                }
                text => value.take(!text.is_empty()),
            }
        }
        value.any || value.all
    }

    fn binary(
        &self,
        left: &str,
        operator: &str,
        right: &str,
        doubt: &mut Option<Doubt>,
    ) -> Option<bool> {
        let numbers = || number(left).cmp(&number(right));
        Some(match operator {
            "=" | "==" => left == right,
            "!=" => left != right,
            "<" => left < right,
            "<=" => left <= right,
            ">" => left > right,
            ">=" => left >= right,
            "-eq" => numbers() == Ordering::Equal,
            "-ne" => numbers() != Ordering::Equal,
            "-lt" => numbers() == Ordering::Less,
            "-le" => numbers() != Ordering::Greater,
            "-gt" => numbers() == Ordering::Greater,
            "-ge" => numbers() != Ordering::Less,
            "-pgt" => behind_common_prefix(left, right) == Ordering::Greater,
            "-plt" => behind_common_prefix(left, right) == Ordering::Less,
            "-nt" => self.newer(left, right, doubt),
            "-ot" => self.newer(right, left, doubt),
            _ => return None,
        })
    }

    fn unary(&self, operator: &str, operand: &str, doubt: &mut Option<Doubt>) -> Option<bool> {
        let is_dir = |found: &Metadata| found.file_type == FileType::Directory;
        Some(match operator {
            "-e" => self.metadata(operand, doubt).is_some(),
            "-f" => self.metadata(operand, doubt).is_some_and(|found| !is_dir(&found)),
            "-d" => self.metadata(operand, doubt).is_some_and(|found| is_dir(&found)),
            "-s" => {
                self.metadata(operand, doubt).is_some_and(|found| !is_dir(&found) && found.len > 0)
            }
            "-n" => !operand.is_empty(),
            "-z" => operand.is_empty(),
            _ => return None,
        })
    }

    fn newer(&self, left: &str, right: &str, doubt: &mut Option<Doubt>) -> bool {
        match (self.metadata(left, doubt), self.metadata(right, doubt)) {
            (Some(left), Some(right)) => left.mtime > right.mtime,
            (left, _) => left.is_some(),
        }
    }

    fn metadata(&self, name: &str, doubt: &mut Option<Doubt>) -> Option<Metadata> {
        match self.volumes.find_at(&self.place(name)?) {
            Ok(found) => Some(found.metadata),
            // A link that leads nowhere: GRUB's `-f` sees its name, and cannot open it.
            Err(error) if error.is_absent() || matches!(error, Error::SymlinkLoop { .. }) => None,
            Err(error) => {
                *doubt = Some(format!("{}: {name}: {error}", self.site).into());
                None
            }
        }
    }
}

/// A signed number, 0 for what is none.
fn number(text: &str) -> i128 {
    match text.strip_prefix('-') {
        Some(rest) => 0_i128.saturating_sub(leading_number(rest).unwrap_or(0).into()),
        None => leading_number(text).unwrap_or(0).into(),
    }
}

/// Compares the numbers at which two names begin to differ: `vmlinuz-2` is before `vmlinuz-11`.
fn behind_common_prefix(left: &str, right: &str) -> Ordering {
    let common = left.bytes().zip(right.bytes()).take_while(|(l, r)| l == r).count();
    let prefix = left.as_bytes().get(..common).unwrap_or_default();
    let digits = prefix.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let start = common.saturating_sub(digits);
    let number = |text: &str| text.get(start..).and_then(leading_number).unwrap_or(0);
    number(left).cmp(&number(right))
}
