//! Which rows have changed: those whose hash differs from that in the state of their table.

use super::IngestError;
use crate::lake::Lake;
use crate::packet::Manifest;
use crate::source::{RowBatch, SourceError};
use crate::state::{self, Entries, Keys, State, hash_line};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use std::cmp::Ordering;
use std::collections::HashSet;

/// How many entries of a state are read at a time.
const ENTRIES: usize = 8 * 1024;

/// Compares rows with a state.
#[derive(Debug)]
pub(super) struct Filter<'a> {
    known: Known<'a>,
    sweep: Option<Sweep>,
}

/// The state of a table, opened when it is needed first: mostly nothing has changed.
#[derive(Debug)]
struct Known<'a> {
    lake: &'a Lake,
    newest: Option<&'a Manifest>,
    now: DateTime<Utc>,
    state: Option<State>,
}

impl Known<'_> {
    async fn state(&mut self) -> Result<&mut State, IngestError> {
        let state = match self.state.take() {
            Some(state) => state,
            None => state::open(self.lake, self.newest, self.now).await?,
        };
        Ok(self.state.insert(state))
    }
}

/// Finds the keys of a state that no row has.
#[derive(Debug)]
enum Sweep {
    /// Rows come in the order of their keys: both are read side by side.
    Merge { entries: Entries, at: usize, last: Vec<u8> },
    /// They don't: the hashes of their keys are remembered.
    Seen(HashSet<u128>),
}

/// The rows of a batch that have changed.
#[derive(Debug, Default)]
pub(super) struct Changed {
    pub(super) lines: Bytes,
    pub(super) ends: Vec<u32>,
    pub(super) keys: Keys,
    pub(super) hashes: Vec<u128>,
}

impl<'a> Filter<'a> {
    /// Compares with the state as the packet `newest` left it.
    pub(super) fn new(
        lake: &'a Lake,
        newest: Option<&'a Manifest>,
        now: DateTime<Utc>,
        is_sweep: bool,
        is_ordered: bool,
    ) -> Self {
        let sweep = is_sweep.then(|| match is_ordered {
            true => Sweep::Merge { entries: Entries::default(), at: 0, last: Vec::new() },
            false => Sweep::Seen(HashSet::new()),
        });
        Self { known: Known { lake, newest, now, state: None }, sweep }
    }

    /// The rows that have changed. In a sweep, adds the keys to `gone` that the rows have passed over.
    pub(super) async fn changed(
        &mut self,
        batch: RowBatch,
        table: &str,
        gone: &mut Keys,
    ) -> Result<Changed, IngestError> {
        let hashes: Vec<u128> = (0..batch.len()).map(|index| hash_line(batch.line(index))).collect();
        let state = self.known.state().await?;
        if state.is_empty() {
            let RowBatch { lines, ends, keys, .. } = batch;
            return Ok(Changed { lines: lines.into(), ends, keys, hashes });
        }
        let known = match &mut self.sweep {
            Some(Sweep::Merge { entries, at, last }) => {
                merge(state, entries, at, last, &batch.keys, table, gone).await?
            }
            Some(Sweep::Seen(seen)) => {
                seen.extend((0..batch.len()).map(|index| hash_line(batch.keys.get(index))));
                state.hashes(&batch.keys).await?
            }
            None => state.hashes(&batch.keys).await?,
        };
        let mut changed = Changed::default();
        let mut lines = Vec::new();
        for index in (0..batch.len()).filter(|index| known[*index] != Some(hashes[*index])) {
            lines.extend_from_slice(&batch.lines[batch.start(index)..batch.ends[index] as usize]);
            changed.ends.push(u32::try_from(lines.len()).expect("not more than the batch"));
            changed.keys.push(batch.keys.get(index));
            changed.hashes.push(hashes[index]);
        }
        changed.lines = lines.into();
        Ok(changed)
    }

    /// After the last row of a sweep: adds keys to `gone` that no row has, at most some thousand at a time; nothing when
    /// there is no more.
    pub(super) async fn gone(&mut self, gone: &mut Keys) -> Result<(), IngestError> {
        match &mut self.sweep {
            None => {}
            Some(Sweep::Merge { entries, at, .. }) => {
                let state = self.known.state().await?;
                while gone.is_empty() && more(state, entries, at).await? {
                    push_live(entries, *at..entries.len(), gone);
                    *at = entries.len();
                }
            }
            Some(Sweep::Seen(seen)) => {
                let state = self.known.state().await?;
                let mut entries = Entries::default();
                while gone.is_empty() {
                    entries.clear();
                    state.next(&mut entries, ENTRIES).await?;
                    if entries.is_empty() {
                        break;
                    }
                    for index in 0..entries.len() {
                        if !seen.contains(&hash_line(entries.keys.get(index))) {
                            push_live(&entries, index..index + 1, gone);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Begins what [`Filter::gone`] tells, once all rows have been seen.
    pub(super) fn end_rows(&mut self) {
        if let (Some(Sweep::Seen(_)), Some(state)) = (&self.sweep, &mut self.known.state) {
            state.rewind();
        }
    }
}

/// Whether there are entries to read; fetches them.
async fn more(state: &mut State, entries: &mut Entries, at: &mut usize) -> Result<bool, IngestError> {
    if *at == entries.len() {
        entries.clear();
        *at = 0;
        state.next(entries, ENTRIES).await?;
    }
    Ok(!entries.is_empty())
}

fn push_live(entries: &Entries, range: std::ops::Range<usize>, gone: &mut Keys) {
    range.filter(|index| entries.hash(*index).is_some()).for_each(|index| gone.push(entries.keys.get(index)));
}

/// The hashes of keys that come in order, the state being read beside them.
async fn merge(
    state: &mut State,
    entries: &mut Entries,
    at: &mut usize,
    last: &mut Vec<u8>,
    keys: &Keys,
    table: &str,
    gone: &mut Keys,
) -> Result<Vec<Option<u128>>, IngestError> {
    let mut hashes = vec![None; keys.len()];
    for (index, hash) in hashes.iter_mut().enumerate() {
        let key = keys.get(index);
        if key <= &last[..] {
            return Err(SourceError::Unordered { table: table.to_owned() }.into());
        }
        last.clear();
        last.extend_from_slice(key);
        while more(state, entries, at).await? {
            match entries.keys.get(*at).cmp(key) {
                Ordering::Less => push_live(entries, *at..*at + 1, gone),
                Ordering::Equal => *hash = entries.hash(*at),
                Ordering::Greater => break,
            }
            *at += 1;
        }
    }
    Ok(hashes)
}
