//! How many lines, and which is the first of them.

use crate::text::grouped;
use serde::Serialize;

/// Lines that have something in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SomeLines {
    /// How many.
    pub lines: u64,
    /// The number of the first of them, from 1.
    pub first_line: u64,
}

impl SomeLines {
    /// Counts the line with the number `line` in.
    pub(super) fn add(lines: &mut Option<Self>, line: u64) {
        lines.get_or_insert(Self { lines: 0, first_line: line }).lines += 1;
    }
}

/// `2,000`.
pub(super) fn count(lines: u64) -> String {
    grouped(&lines.to_string())
}

/// `1 line`, `2,000 lines`.
pub(super) fn lines(lines: u64) -> String {
    if lines == 1 { "1 line".to_owned() } else { format!("{} lines", count(lines)) }
}
