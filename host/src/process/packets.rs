//! Packets of the lake, as a process looks at them.

use super::{Parts, ProcessError};
use crate::lake::LakeError;
use crate::packet::Manifest;
use crate::star::PacketMark;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How many manifests are read at once.
const MANIFESTS_AT_ONCE: usize = 16;

/// How many manifests are read ahead: some megabytes.
pub(super) const MANIFESTS_AHEAD: usize = 512;

/// What packets are known by, as far as it was looked up: the table and the sequence id of each.
type Marks = BTreeMap<(String, u64), Option<PacketMark>>;

/// Looks packets up, and remembers where the tables end: what all star tables of a run see.
#[derive(Clone)]
pub(super) struct Packets<'a> {
    parts: &'a Parts,
    /// Up to which packet each table is likely to go at least, so that not all of them need be listed.
    hints: Arc<BTreeMap<String, u64>>,
    last: Arc<Mutex<BTreeMap<String, u64>>>,
    marks: Arc<Mutex<Marks>>,
}

impl<'a> Packets<'a> {
    pub(super) fn new(parts: &'a Parts, hints: BTreeMap<String, u64>) -> Self {
        Self { parts, hints: Arc::new(hints), last: Arc::default(), marks: Arc::default() }
    }

    /// The last packet of a table; 0 if there is none.
    pub(super) fn last(&self, table: &str) -> Result<u64, ProcessError> {
        if let Some(last) = self.last.lock().unwrap_or_else(PoisonError::into_inner).get(table) {
            return Ok(*last);
        }
        let hint = self.hints.get(table).copied().unwrap_or(0);
        let mut sequences = self.after(table, hint.saturating_sub(1))?;
        if sequences.is_empty() && hint > 0 {
            sequences = self.after(table, 0)?;
        }
        let last = sequences.last().copied().unwrap_or(0);
        self.last.lock().unwrap_or_else(PoisonError::into_inner).insert(table.to_owned(), last);
        Ok(last)
    }

    /// Looks anew where a table ends.
    pub(super) fn look_again(&self, table: &str) -> Result<u64, ProcessError> {
        let before = self.last.lock().unwrap_or_else(PoisonError::into_inner).remove(table).unwrap_or(0);
        let last = self.after(table, before)?.last().copied().unwrap_or(before);
        self.last.lock().unwrap_or_else(PoisonError::into_inner).insert(table.to_owned(), last);
        Ok(last)
    }

    /// What a packet is known by; `None` if the lake does not have it.
    pub(super) fn mark(&self, table: &str, sequence: u64) -> Result<Option<PacketMark>, ProcessError> {
        let key = (table.to_owned(), sequence);
        if let Some(mark) = self.marks.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(mark.clone());
        }
        let found = match self.parts.star.wait(self.parts.lake.manifest(table, sequence)) {
            Ok(manifest) => Some(mark(&manifest)),
            // One that can't be read says nothing; `verify` tells of it.
            Err(LakeError::Store { source: object_store::Error::NotFound { .. }, .. } | LakeError::Manifest { .. }) => {
                None
            }
            Err(error) => return Err(error.into()),
        };
        self.marks.lock().unwrap_or_else(PoisonError::into_inner).insert(key, found.clone());
        Ok(found)
    }

    /// The first packet of a table, if there is one.
    pub(super) fn first(&self, table: &str) -> Result<Option<Manifest>, ProcessError> {
        let first = self.after(table, 0)?.first().copied();
        Ok(self.manifests(table, first.as_slice())?.pop())
    }

    /// The packets of a table after `processed` and up to `last`, in order.
    pub(super) fn between(&self, table: &str, processed: u64, last: u64) -> Result<Vec<u64>, ProcessError> {
        if processed >= last {
            return Ok(Vec::new());
        }
        let mut sequences = self.after(table, processed)?;
        sequences.retain(|sequence| *sequence <= last);
        Ok(sequences)
    }

    fn after(&self, table: &str, processed: u64) -> Result<Vec<u64>, ProcessError> {
        let mut sequences = self.parts.star.wait(self.parts.lake.sequences_after(table, processed))?;
        sequences.sort_unstable();
        Ok(sequences)
    }

    /// The manifests of some packets, in their order.
    pub(super) fn manifests(&self, table: &str, sequences: &[u64]) -> Result<Vec<Manifest>, LakeError> {
        let lake = &self.parts.lake;
        let read = stream::iter(sequences.to_vec()).map(|sequence| lake.manifest(table, sequence));
        self.parts.star.wait(read.buffered(MANIFESTS_AT_ONCE).try_collect())
    }
}

/// What a packet is known by.
pub(super) fn mark(manifest: &Manifest) -> PacketMark {
    PacketMark { sequence: manifest.sequence, chain: manifest.chain.clone() }
}

/// The first packet that is missing of those from `first` to `last`.
pub(super) fn first_missing(first: u64, last: u64, sequences: &[u64]) -> Option<u64> {
    let follows = (first..).zip(sequences).take_while(|(expected, found)| expected == *found).count() as u64;
    (first + follows <= last).then_some(first + follows)
}

/// How many sequence ids are missing between `processed` and the packets that follow.
pub(super) fn gaps(processed: u64, sequences: &[u64]) -> u64 {
    sequences.last().map_or(0, |last| last - processed - sequences.len() as u64)
}
