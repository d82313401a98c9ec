//! Runs: sorted entries of some packets.

use super::block::StateFile;
use super::cursor::{RunCursor, State};
use crate::lake::Lake;
use std::sync::Arc;

/// A run: its packets, its entries, and the objects that hold it.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) first: u64,
    pub(super) last: u64,
    /// The chain of the last packet.
    pub(super) chain: String,
    pub(super) entries: u64,
    /// Sorted objects, each group of which is read as one.
    pub(super) groups: Vec<Vec<Arc<StateFile>>>,
}

/// Reads runs, the newest first, as one state.
pub(super) fn state_of(lake: &Lake, runs: &[Run]) -> State {
    let groups = runs.iter().flat_map(|run| &run.groups);
    State::new(lake, groups.map(|files| RunCursor::new(files.clone())).collect())
}

/// Files whose keys follow one another are read as one.
pub(super) fn chains(files: Vec<Arc<StateFile>>) -> Vec<Vec<Arc<StateFile>>> {
    let mut groups: Vec<Vec<Arc<StateFile>>> = Vec::new();
    for file in files {
        let Some(first) = file.blocks.first().map(|block| &block.first) else { continue };
        let end = |group: &Vec<Arc<StateFile>>| {
            group.last().and_then(|file| file.blocks.last()).map(|block| block.last.clone())
        };
        match groups.iter_mut().find(|group| end(group).is_some_and(|end| end < *first)) {
            Some(group) => group.push(file),
            None => groups.push(vec![file]),
        }
    }
    groups
}
