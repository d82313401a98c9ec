//! Rows on their way from a source.

use crate::state::Keys;

/// Some rows of a table.
#[derive(Debug, Default)]
pub struct RowBatch {
    /// The rows as canonical lines: columns in the order of the table, compact, each with its line feed.
    pub lines: Vec<u8>,
    /// Where each line ends.
    pub ends: Vec<u32>,
    /// The key of each row.
    pub keys: Keys,
    /// The newest `last_updated` of the rows, in microseconds since 1970.
    pub newest: Option<i64>,
    /// Lines that are no rows.
    pub bad_lines: Vec<BadLine>,
}

/// A line that is no row, and stays where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Its file.
    pub file: String,
    /// Its number in the file, from 1.
    pub line: u64,
    /// Why it is none.
    pub reason: String,
}

impl RowBatch {
    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Ends the line that was written to `lines`.
    pub(crate) fn seal_line(&mut self) {
        self.lines.push(b'\n');
        self.ends.push(u32::try_from(self.lines.len()).expect("a batch has less than 4 GiB"));
    }

    /// The line with an index, without its line feed.
    #[must_use]
    pub fn line(&self, index: usize) -> &[u8] {
        &self.lines[self.start(index)..self.ends[index] as usize - 1]
    }

    /// Where a line begins.
    #[must_use]
    pub fn start(&self, index: usize) -> usize {
        if index == 0 { 0 } else { self.ends[index - 1] as usize }
    }
}
