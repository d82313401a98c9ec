//! Rows without a pair on their own line: paired by key over the whole input.
//!
//! Few as a rule, and then they stay in memory. Where they are many (a key that is made in another way), they go to files in a
//! temporary folder, parted by the hash of their key, and are paired part by part.

use crate::files::TemporaryFolder;
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufReader, BufWriter, ErrorKind, Read, Result, Write};
use std::path::PathBuf;

/// Which version made a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Old,
    New,
}

/// A row without a pair so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leftover {
    pub(super) side: Side,
    pub(super) key: Box<str>,
    /// The index of the input, and the line in it.
    pub(super) place: (u32, u64),
    /// The values of the columns of both versions, packed.
    pub(super) cells: Box<[u8]>,
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
    pub(super) fn add(&mut self, row: Leftover) -> Result<()> {
        self.bytes += size_of::<Leftover>() + row.key.len() + row.cells.len();
        self.rows.push(row);
        if self.bytes > MEMORY_BYTES_MAX { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> Result<()> {
        let files = match &mut self.files {
            Some(files) => files,
            none => none.insert(Spill::begin()?),
        };
        for row in self.rows.drain(..) {
            let mut hasher = DefaultHasher::new();
            row.key.hash(&mut hasher);
            row.write(&mut files.parts[(hasher.finish() % PARTS) as usize])?;
        }
        self.bytes = 0;
        Ok(())
    }

    /// Pairs the rows of each key in their order.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn finish(mut self, mut take: impl FnMut(Matched)) -> Result<()> {
        if self.files.is_none() {
            pair(std::mem::take(&mut self.rows), &mut take);
            return Ok(());
        }
        self.spill()?;
        let Some(mut files) = self.files.take() else { return Ok(()) };
        for (index, mut part) in std::mem::take(&mut files.parts).into_iter().enumerate() {
            part.flush()?;
            drop(part);
            let mut reader = BufReader::new(File::open(files.path(index))?);
            let mut rows = Vec::new();
            while let Some(row) = Leftover::read(&mut reader)? {
                rows.push(row);
            }
            pair(rows, &mut take);
        }
        Ok(())
    }
}

impl Leftover {
    fn write(&self, file: &mut impl Write) -> Result<()> {
        file.write_all(&[self.side as u8])?;
        file.write_all(&self.place.0.to_le_bytes())?;
        file.write_all(&self.place.1.to_le_bytes())?;
        for part in [self.key.as_bytes(), &self.cells] {
            file.write_all(&(part.len() as u64).to_le_bytes())?;
            file.write_all(part)?;
        }
        Ok(())
    }

    /// The next row; `None` at the end.
    fn read(file: &mut impl Read) -> Result<Option<Self>> {
        let mut side = [0];
        match file.read_exact(&mut side) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let (mut input, mut line) = ([0; 4], [0; 8]);
        file.read_exact(&mut input)?;
        file.read_exact(&mut line)?;
        let mut part = || {
            let mut length = [0; 8];
            file.read_exact(&mut length)?;
            let mut bytes = vec![0; u64::from_le_bytes(length) as usize];
            file.read_exact(&mut bytes)?;
            Ok::<_, std::io::Error>(bytes)
        };
        let (key, cells) = (part()?, part()?);
        Ok(Some(Self {
            side: if side[0] == Side::Old as u8 { Side::Old } else { Side::New },
            key: String::from_utf8(key).map_err(|_| ErrorKind::InvalidData)?.into(),
            place: (u32::from_le_bytes(input), u64::from_le_bytes(line)),
            cells: cells.into(),
        }))
    }
}

impl Spill {
    fn begin() -> Result<Self> {
        let mut spill = Self { folder: TemporaryFolder::create("host-diff")?, parts: Vec::new() };
        for index in 0..PARTS as usize {
            spill.parts.push(BufWriter::new(File::create_new(spill.path(index))?));
        }
        Ok(spill)
    }

    fn path(&self, index: usize) -> PathBuf {
        self.folder.path().join(index.to_string())
    }
}

fn pair(rows: Vec<Leftover>, take: &mut impl FnMut(Matched)) {
    // The rows of a side that wait for one of the other: of a key only ever those of one side.
    let mut waiting: HashMap<Box<str>, VecDeque<Leftover>> = HashMap::with_capacity(rows.len());
    for row in rows {
        match waiting.get_mut(&row.key) {
            Some(others) if others.front().is_some_and(|other| other.side != row.side) => {
                let Some(other) = others.pop_front() else { continue };
                let (old, new) = if other.side == Side::Old { (other, row) } else { (row, other) };
                take(Matched::Pair(old, new));
            }
            Some(others) => others.push_back(row),
            None => drop(waiting.insert(row.key.clone(), VecDeque::from([row]))),
        }
    }
    waiting.into_values().flatten().for_each(|row| take(Matched::Alone(row)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(side: Side, key: u64, value: &str) -> Leftover {
        Leftover { side, key: format!("id={key}").into(), place: (0, key + 1), cells: value.as_bytes().into() }
    }

    /// Pairs, rows of the old side, rows of the new side.
    fn counts(rows: impl Iterator<Item = Leftover>) -> [u64; 3] {
        let mut leftovers = Leftovers::default();
        rows.for_each(|row| leftovers.add(row).expect("the disk takes it"));
        let mut counts = [0; 3];
        let count = |matched| match matched {
            Matched::Pair(old, new) => {
                assert_eq!((old.key, old.side, new.side, old.place), (new.key, Side::Old, Side::New, new.place));
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
