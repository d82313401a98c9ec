//! Reading a state: the newest entry of each key, over all runs.

use super::block::{Block, StateFile};
use super::{Entries, Keys};
use crate::lake::{Lake, LakeError};
use arrow::array::Array;
use std::sync::Arc;

/// How many bytes of keys are moved at a time, about.
const KEY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The state of a table, being read. What is remembered is one block a run.
#[derive(Debug)]
pub struct State {
    lake: Lake,
    /// The newest first.
    runs: Vec<RunCursor>,
}

/// Where the newest entry of a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The packet.
    pub sequence: u64,
    /// The index of the line among the lines of the packet, from 0; of a row that is gone among those that are.
    pub line: u64,
    /// Where the line begins among them, in bytes.
    pub offset: u64,
    /// Whether the packet found the row gone.
    pub is_gone: bool,
}

/// Sorted objects, none of whose keys overlap, read as one.
#[derive(Debug)]
pub(super) struct RunCursor {
    files: Vec<Arc<StateFile>>,
    /// All blocks in the order of their keys: the file, the block in the file.
    blocks: Vec<(usize, usize)>,
    /// The block that is read, or the one to read next.
    at: usize,
    block: Option<Block>,
    row: usize,
}

impl State {
    pub(super) fn new(lake: &Lake, runs: Vec<RunCursor>) -> Self {
        Self { lake: lake.clone(), runs }
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many sorted runs are read side by side.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.runs.len()
    }

    /// The hash of the newest row of each key; `None` for a key that is not there, or gone. Keys that come in order, from one
    /// call to the next, are found on the way; others make the way anew.
    ///
    /// # Errors
    /// [`LakeError::State`] and [`LakeError::Store`].
    pub async fn hashes(&mut self, keys: &Keys) -> Result<Vec<Option<u128>>, LakeError> {
        let order = keys.sorted();
        let mut hashes = vec![None; keys.len()];
        for run in &mut self.runs {
            if let Some(first) = order.first() {
                run.rewind_to(keys.get(*first as usize));
            }
        }
        for index in order {
            let key = keys.get(index as usize);
            for run in &mut self.runs {
                if !run.is_at_or_after(key) {
                    run.seek(&self.lake, key).await?;
                }
                if run.key() == Some(key) {
                    hashes[index as usize] = run.hash();
                    break;
                }
            }
        }
        Ok(hashes)
    }

    /// Where the newest row of a key is; `None` for a key that is not there. Of a row that is gone that is told as long as packets
    /// before could hold it.
    ///
    /// # Errors
    /// [`LakeError::State`] and [`LakeError::Store`].
    pub async fn place(&mut self, key: &[u8]) -> Result<Option<Place>, LakeError> {
        for run in &mut self.runs {
            run.rewind_to(key);
            if !run.is_at_or_after(key) {
                run.seek(&self.lake, key).await?;
            }
            if run.key() == Some(key) {
                return Ok(run.place());
            }
        }
        Ok(None)
    }

    /// Begins at the first key.
    pub fn rewind(&mut self) {
        self.runs.iter_mut().for_each(|run| run.rewind_to(&[]));
    }

    /// Moves the next entries, in the order of their keys, to `entries`, at most `entries_max`: for each key the newest one, those
    /// of rows that are gone included. Nothing is moved at the end.
    ///
    /// # Errors
    /// [`LakeError::State`] and [`LakeError::Store`].
    pub async fn next(&mut self, entries: &mut Entries, entries_max: usize) -> Result<(), LakeError> {
        while entries.len() < entries_max && entries.keys.bytes() < KEY_BYTES_MAX {
            for run in &mut self.runs {
                run.load(&self.lake).await?;
            }
            // The newest run comes first, and keeps its place among equals.
            let ends = self.runs.iter().enumerate().filter_map(|(index, run)| Some((run.key()?, index)));
            let Some((key, index)) = ends.min() else { return Ok(()) };
            let key = key.to_vec();
            self.runs[index].push_to(entries);
            for run in &mut self.runs[index..] {
                if run.key() == Some(&key) {
                    run.row += 1;
                }
            }
        }
        Ok(())
    }
}

impl RunCursor {
    /// The entries of objects whose keys don't overlap, and which come in the order of their keys.
    pub(super) fn new(files: Vec<Arc<StateFile>>) -> Self {
        let of_file = |(index, file): (usize, &Arc<StateFile>)| (0..file.blocks.len()).map(move |block| (index, block));
        let blocks = files.iter().enumerate().flat_map(of_file).collect();
        Self { files, blocks, at: 0, block: None, row: 0 }
    }

    fn last_of(&self, block: usize) -> &[u8] {
        let (file, block) = self.blocks[block];
        &self.files[file].blocks[block].last
    }

    fn first_of(&self, block: usize) -> &[u8] {
        let (file, block) = self.blocks[block];
        &self.files[file].blocks[block].first
    }

    /// Goes back so far that `key` is not behind.
    fn rewind_to(&mut self, key: &[u8]) {
        let is_behind = match self.key() {
            Some(here) => key < here,
            None => true,
        };
        if is_behind {
            // The block that is loaded can still be the right one.
            if self.block.is_some() && key >= self.first_of(self.at) {
                self.row = 0;
            } else {
                (self.at, self.block, self.row) = (0, None, 0);
            }
        }
    }

    /// The key of the entry that is read; `None` at the end, or before the block is loaded.
    fn key(&self) -> Option<&[u8]> {
        self.block.as_ref().filter(|block| self.row < block.keys.len()).map(|block| block.keys.value(self.row))
    }

    fn hash(&self) -> Option<u128> {
        self.block.as_ref().and_then(|block| block.hash(self.row))
    }

    fn place(&self) -> Option<Place> {
        let mut entry = Entries::default();
        self.push_to(&mut entry);
        let is_gone = !entry.is_empty() && entry.hash(0).is_none();
        let (sequence, line) = (*entry.sequences.first()?, *entry.lines.first()?);
        Some(Place { sequence, line, offset: *entry.offsets.first()?, is_gone })
    }

    fn push_to(&self, entries: &mut Entries) {
        if let Some(block) = &self.block {
            block.push_to(self.row, entries);
        }
    }

    fn is_at_or_after(&self, key: &[u8]) -> bool {
        self.key().is_some_and(|here| here >= key)
    }

    /// Goes forward to the first entry that is not smaller than `key`.
    async fn seek(&mut self, lake: &Lake, key: &[u8]) -> Result<(), LakeError> {
        if self.at < self.blocks.len() && self.last_of(self.at) < key {
            let further =
                self.blocks[self.at..].partition_point(|(file, block)| &*self.files[*file].blocks[*block].last < key);
            (self.at, self.block, self.row) = (self.at + further, None, 0);
        }
        if self.at >= self.blocks.len() || (self.block.is_none() && key < self.first_of(self.at)) && !key.is_empty() {
            // Not here: the block need not be read. Its first key is larger.
            return Ok(());
        }
        self.load(lake).await?;
        if let Some(block) = &self.block {
            let (mut low, mut step) = (self.row, 1);
            // Doubling steps: keys in order are mostly near.
            while low + step < block.keys.len() && block.keys.value(low + step) < key {
                low += step;
                step *= 2;
            }
            let mut high = (low + step + 1).min(block.keys.len());
            while low < high {
                let middle = low.midpoint(high);
                if block.keys.value(middle) < key { low = middle + 1 } else { high = middle }
            }
            self.row = low;
        }
        Ok(())
    }

    /// Sees to it that there is an entry to read, if any is left.
    async fn load(&mut self, lake: &Lake) -> Result<(), LakeError> {
        if let Some(block) = &self.block {
            if self.row < block.keys.len() {
                return Ok(());
            }
            (self.at, self.block, self.row) = (self.at + 1, None, 0);
        }
        if let Some((file, block)) = self.blocks.get(self.at) {
            self.block = Some(self.files[*file].read(lake, *block).await?);
        }
        Ok(())
    }
}
