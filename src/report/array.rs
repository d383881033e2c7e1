//! A JSON document whose last member is an array that is written element by element, so that no
//! more than one of them is held.

use std::io::{Result, Write};

use serde::Serialize;

use super::json::pretty;

/// The array, with the blanks before its elements and before its end.
#[derive(Debug)]
pub(super) struct Array {
    indent: &'static str,
    outer: &'static str,
    is_empty: bool,
}

impl Array {
    pub(super) fn new(indent: &'static str, outer: &'static str) -> Self {
        Self { indent, outer, is_empty: true }
    }

    /// Writes an element. Line breaks inside of strings are escaped in JSON, so every line of it may
    /// be indented.
    pub(super) fn push(&mut self, value: &impl Serialize, out: &mut dyn Write) -> Result<()> {
        write!(out, "{}", if self.is_empty { "\n" } else { ",\n" })?;
        self.is_empty = false;
        for (index, line) in pretty(value)?.lines().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(out, "{end}{}{line}", self.indent)?;
        }
        Ok(())
    }

    /// Writes the array's end.
    pub(super) fn close(&self, out: &mut dyn Write) -> Result<()> {
        if !self.is_empty {
            write!(out, "\n{}", self.outer)?;
        }
        write!(out, "]")
    }
}
