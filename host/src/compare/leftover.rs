//! Rows without a pair on their own line: paired by key over the whole input.
//!
//! They are packed where they are found, on any thread, and parted by the hash of their key. Few as a rule, and then they stay in
//! memory; where they are many (a key that is made in another way), they go to files in a temporary folder. At the end they are
//! paired part by part.

use crate::files::TemporaryFolder;
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Result, Seek, Write};

/// Which version made a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Old,
    New,
}

/// A row without a pair so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leftover<'a> {
    pub(super) side: Side,
    /// The index of the input, and the line in it.
    pub(super) place: (u32, u64),
    /// What rows are paired by.
    pub(super) key: &'a [u8],
    /// The values of the columns of both versions, packed.
    pub(super) cells: &'a [u8],
}

/// What became of rows.
pub(super) enum Matched<'a> {
    /// A row of both.
    Pair(Leftover<'a>, Leftover<'a>),
    /// A row of one.
    Alone(Leftover<'a>),
}

/// So many bytes stay in memory.
const MEMORY_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Into so many parts the rows are parted: where the keys differ, a part of ten million rows fits the memory.
const PARTS: usize = 64;
/// A part up to this size is sorted in memory. One that is larger has many rows of few keys.
const PART_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Rows, packed and parted.
#[derive(Default)]
pub(super) struct PackedRows {
    /// Empty, or all parts.
    parts: Vec<Vec<u8>>,
}

impl PackedRows {
    /// Adds a row.
    pub(super) fn add(&mut self, row: &Leftover<'_>) {
        self.parts.resize_with(PARTS, Vec::new);
        let mut hasher = DefaultHasher::new();
        row.key.hash(&mut hasher);
        let part = &mut self.parts[(hasher.finish() % PARTS as u64) as usize];
        part.push(row.side as u8);
        part.extend(row.place.0.to_le_bytes());
        part.extend(row.place.1.to_le_bytes());
        for bytes in [row.key, row.cells] {
            part.extend((bytes.len() as u64).to_le_bytes());
            part.extend(bytes);
        }
    }
}

/// Takes the first row off; `None` where the bytes hold no whole one.
fn unpack<'a>(packed: &mut &'a [u8]) -> Option<Leftover<'a>> {
    fn bytes<'a>(packed: &mut &'a [u8]) -> Option<&'a [u8]> {
        let (length, rest) = packed.split_first_chunk()?;
        let (bytes, rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        *packed = rest;
        Some(bytes)
    }
    let (&side, rest) = packed.split_first()?;
    let (input, rest) = rest.split_first_chunk()?;
    let (line, mut rest) = rest.split_first_chunk()?;
    let row = Leftover {
        side: if side == Side::Old as u8 { Side::Old } else { Side::New },
        place: (u32::from_le_bytes(*input), u64::from_le_bytes(*line)),
        key: bytes(&mut rest)?,
        cells: bytes(&mut rest)?,
    };
    *packed = rest;
    Some(row)
}

/// Gathers rows.
#[derive(Default)]
pub(super) struct Leftovers {
    bytes: usize,
    rows: PackedRows,
    files: Option<Spill>,
}

/// Files without a name: they go with the process, however it ends.
struct Spill {
    parts: Vec<File>,
}

impl Leftovers {
    /// Adds the rows of a chunk.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn add(&mut self, rows: &PackedRows) -> Result<()> {
        self.rows.parts.resize_with(PARTS, Vec::new);
        for (part, more) in self.rows.parts.iter_mut().zip(&rows.parts) {
            part.extend(more);
            self.bytes += more.len();
        }
        if self.bytes > MEMORY_BYTES_MAX { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> Result<()> {
        let files = match &mut self.files {
            Some(files) => files,
            none => none.insert(Spill::begin()?),
        };
        for (part, file) in self.rows.parts.iter_mut().zip(&mut files.parts) {
            file.write_all(part)?;
            part.clear();
        }
        self.bytes = 0;
        Ok(())
    }

    /// Pairs the rows of each key in their order.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn finish(mut self, mut take: impl FnMut(Matched<'_>)) -> Result<()> {
        if self.files.is_some() {
            self.spill()?;
        }
        match self.files {
            None => self.rows.parts.iter().for_each(|part| pair(part, &mut take)),
            Some(files) => {
                for mut file in files.parts {
                    file.rewind()?;
                    if file.metadata()?.len() <= PART_BYTES_MAX {
                        let mut part = Vec::new();
                        file.read_to_end(&mut part)?;
                        pair(&part, &mut take);
                    } else {
                        pair_as_they_come(file, &mut take)?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Spill {
    fn begin() -> Result<Self> {
        let folder = TemporaryFolder::create("host-diff")?;
        let mut parts = Vec::new();
        for index in 0..PARTS {
            let path = folder.path().join(index.to_string());
            parts.push(File::options().read(true).write(true).create_new(true).open(&path)?);
            std::fs::remove_file(&path)?;
        }
        Ok(Self { parts })
    }
}

fn pair(part: &[u8], take: &mut impl FnMut(Matched<'_>)) {
    let mut rest = part;
    let mut rows: Vec<_> = std::iter::from_fn(|| unpack(&mut rest)).collect();
    // The order of arrival stays within a key and side.
    rows.sort_by(|left, right| (left.key, left.side).cmp(&(right.key, right.side)));
    for rows in rows.chunk_by(|left, right| left.key == right.key) {
        let (old, new) = rows.split_at(rows.partition_point(|row| row.side == Side::Old));
        let pairs = old.len().min(new.len());
        for (old, new) in old.iter().zip(new) {
            take(Matched::Pair(*old, *new));
        }
        for row in old[pairs..].iter().chain(&new[pairs..]) {
            take(Matched::Alone(*row));
        }
    }
}

/// Pairs the rows of a part as they are read: only those wait in memory whose key has no row of the other side yet, and both
/// sides of a chunk stand close to each other.
fn pair_as_they_come(mut file: impl Read, take: &mut impl FnMut(Matched<'_>)) -> Result<()> {
    const WINDOW_BYTES: u64 = 4 * 1024 * 1024;
    let mut waiting: HashMap<Vec<u8>, VecDeque<Waiting>> = HashMap::new();
    let mut window = Vec::new();
    while file.by_ref().take(WINDOW_BYTES).read_to_end(&mut window)? > 0 {
        let mut rest = &window[..];
        while let Some(row) = unpack(&mut rest) {
            match waiting.get_mut(row.key) {
                Some(others) if others.front().is_some_and(|other| other.side != row.side) => {
                    let Some(other) = others.pop_front() else { continue };
                    let other = other.leftover(row.key);
                    let (old, new) = if row.side == Side::New { (other, row) } else { (row, other) };
                    take(Matched::Pair(old, new));
                }
                Some(others) => others.push_back(Waiting::new(&row)),
                None => drop(waiting.insert(row.key.to_vec(), VecDeque::from([Waiting::new(&row)]))),
            }
        }
        window = rest.to_vec();
    }
    for (key, rows) in &waiting {
        rows.iter().for_each(|row| take(Matched::Alone(row.leftover(key))));
    }
    Ok(())
}

/// A row that waits for one of the other side.
struct Waiting {
    side: Side,
    place: (u32, u64),
    cells: Box<[u8]>,
}

impl Waiting {
    fn new(row: &Leftover<'_>) -> Self {
        Self { side: row.side, place: row.place, cells: row.cells.into() }
    }

    fn leftover<'a>(&'a self, key: &'a [u8]) -> Leftover<'a> {
        Leftover { side: self.side, place: self.place, key, cells: &self.cells }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: impl Iterator<Item = (Side, u64, &'static [u8])>) -> PackedRows {
        let mut packed = PackedRows::default();
        for (side, key, cells) in rows {
            packed.add(&Leftover { side, place: (0, key + 1), key: &key.to_be_bytes(), cells });
        }
        packed
    }

    /// Pairs, rows of the old side, rows of the new side.
    fn counts(chunks: impl Iterator<Item = PackedRows>) -> [u64; 3] {
        let mut leftovers = Leftovers::default();
        chunks.for_each(|chunk| leftovers.add(&chunk).expect("the disk takes it"));
        let mut counts = [0; 3];
        let count = |matched: Matched<'_>| match matched {
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
        let all: [(_, _, &[u8]); 4] =
            [(Side::New, 1, b"c"), (Side::Old, 1, b"a"), (Side::Old, 1, b"b"), (Side::New, 2, b"d")];
        assert_eq!(counts(std::iter::once(rows(all.into_iter()))), [1, 1, 1]);
        assert_eq!(counts(std::iter::empty()), [0, 0, 0]);
        let mut leftovers = Leftovers::default();
        leftovers.add(&rows(all.into_iter())).expect("it stays in memory");
        let check = |matched: Matched<'_>| {
            if let Matched::Pair(old, new) = matched {
                assert_eq!((old.cells, new.cells), (&b"a"[..], &b"c"[..]), "the first of each");
            }
        };
        leftovers.finish(check).expect("it stays in memory");
    }

    #[test]
    fn many_rows_of_one_key_are_paired_as_they_come() {
        let chunk = |index: u8| {
            let cells: &'static [u8] = Box::leak(vec![index; 10_000].into());
            rows((0..100).map(|row| (if row < 60 { Side::Old } else { Side::New }, 7, cells)))
        };
        assert_eq!(counts((0..50).map(chunk)), [2_000, 1_000, 0]);
    }

    #[test]
    fn more_rows_than_fit_the_memory_are_paired_on_the_disk() {
        const VALUE: &[u8] = &[b'x'; 1_000];
        let old = (0..40).map(|chunk| rows((0..1_000).map(|key| (Side::Old, chunk * 1_000 + key, VALUE))));
        let new = (10..60).map(|chunk| rows((0..1_000).map(|key| (Side::New, chunk * 1_000 + key, VALUE))));
        assert_eq!(counts(old.chain(new)), [30_000, 10_000, 20_000]);
    }
}
