//! Rows without a pair on their own line: paired by key over the whole input.
//!
//! Few as a rule, and then they stay in memory. Where they are many (a key that is made in another way), they go to files in a
//! temporary folder, parted by the hash of their key, and are paired part by part.

use crate::files::TemporaryFolder;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, BufWriter, Error, Write};
use std::path::PathBuf;

/// Which version made a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Side {
    Old,
    New,
}

/// A row without a pair so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Leftover {
    pub(super) side: Side,
    pub(super) key: String,
    pub(super) input: String,
    pub(super) line: u64,
    /// The values of the columns of both versions, as JSON.
    pub(super) cells: Vec<String>,
}

/// What became of rows.
pub(super) enum Matched {
    /// A row of both.
    Pair(Leftover, Leftover),
    /// A row of one.
    Alone(Leftover),
}

/// So many bytes stay in memory.
const MEMORY_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Into so many files the others are parted: a part of ten million rows fits the memory.
const PARTS: u64 = 64;

/// Gathers rows.
#[derive(Default)]
pub(super) struct Leftovers {
    bytes: usize,
    rows: Vec<Leftover>,
    files: Option<Spill>,
}

struct Spill {
    folder: TemporaryFolder,
    parts: Vec<BufWriter<File>>,
}

impl Leftovers {
    /// Adds a row.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn add(&mut self, row: Leftover) -> std::io::Result<()> {
        let texts = row.cells.iter().map(|cell| cell.len() + size_of::<String>()).sum::<usize>();
        self.bytes += size_of::<Leftover>() + row.key.len() + row.input.len() + texts;
        self.rows.push(row);
        if self.bytes > MEMORY_BYTES_MAX { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> std::io::Result<()> {
        let files = match &mut self.files {
            Some(files) => files,
            none => none.insert(Spill::begin()?),
        };
        for row in self.rows.drain(..) {
            let mut hasher = DefaultHasher::new();
            row.key.hash(&mut hasher);
            let part = &mut files.parts[(hasher.finish() % PARTS) as usize];
            serde_json::to_writer(&mut *part, &row)?;
            part.write_all(b"\n")?;
        }
        self.bytes = 0;
        Ok(())
    }

    /// Pairs the rows of each key in their order.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn finish(mut self, mut take: impl FnMut(Matched)) -> std::io::Result<()> {
        if self.files.is_none() {
            pair(std::mem::take(&mut self.rows), &mut take);
            return Ok(());
        }
        self.spill()?;
        let Some(mut files) = self.files.take() else { return Ok(()) };
        for (index, mut part) in std::mem::take(&mut files.parts).into_iter().enumerate() {
            part.flush()?;
            drop(part);
            let lines = BufReader::new(File::open(files.path(index))?).lines();
            let rows = lines.map(|line| serde_json::from_str(&line?).map_err(Error::from));
            pair(rows.collect::<std::io::Result<Vec<_>>>()?, &mut take);
        }
        Ok(())
    }
}

impl Spill {
    fn begin() -> std::io::Result<Self> {
        let folder = TemporaryFolder::create("host-diff")?;
        let mut spill = Self { folder, parts: Vec::new() };
        for index in 0..PARTS as usize {
            spill.parts.push(BufWriter::new(File::create_new(spill.path(index))?));
        }
        Ok(spill)
    }

    fn path(&self, index: usize) -> PathBuf {
        self.folder.path().join(format!("{index}.jsonl"))
    }
}

fn pair(rows: Vec<Leftover>, take: &mut impl FnMut(Matched)) {
    let mut by_key: BTreeMap<String, [VecDeque<Leftover>; 2]> = BTreeMap::new();
    for row in rows {
        let sides = by_key.entry(row.key.clone()).or_default();
        sides[row.side as usize].push_back(row);
    }
    for [old, new] in by_key.into_values() {
        let (mut old, mut new) = (old.into_iter(), new.into_iter());
        loop {
            match (old.next(), new.next()) {
                (Some(old), Some(new)) => take(Matched::Pair(old, new)),
                (Some(row), None) | (None, Some(row)) => take(Matched::Alone(row)),
                (None, None) => break,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(side: Side, key: u64, value: &str) -> Leftover {
        Leftover { side, key: format!("id={key}"), input: "i".to_owned(), line: key + 1, cells: vec![value.to_owned()] }
    }

    /// Pairs, rows of the old side, rows of the new side.
    fn counts(rows: impl Iterator<Item = Leftover>) -> [u64; 3] {
        let mut leftovers = Leftovers::default();
        rows.for_each(|row| leftovers.add(row).expect("the disk takes it"));
        let mut counts = [0; 3];
        let count = |matched| match matched {
            Matched::Pair(old, new) => {
                assert_eq!((old.key, old.side, new.side), (new.key, Side::Old, Side::New));
                counts[0] += 1;
            }
            Matched::Alone(row) => counts[1 + row.side as usize] += 1,
        };
        leftovers.finish(count).expect("the disk gives it back");
        counts
    }

    #[test]
    fn rows_are_paired_by_key_in_their_order() {
        let rows = [row(Side::Old, 1, "a"), row(Side::Old, 1, "b"), row(Side::New, 1, "c"), row(Side::New, 2, "d")];
        assert_eq!(counts(rows.into_iter()), [1, 1, 1]);
    }

    #[test]
    fn more_rows_than_fit_the_memory_are_paired_on_the_disk() {
        let value = "x".repeat(1_000);
        let old = (0..40_000).map(|key| row(Side::Old, key, &value));
        let new = (10_000..60_000).map(|key| row(Side::New, key, &value));
        assert_eq!(counts(old.chain(new)), [30_000, 10_000, 20_000]);
    }
}
