//! How a plugin is run over an input.

use crate::input::ChunkLimits;
use crate::reject::RejectBudget;
use std::path::PathBuf;

/// How to run a plugin.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Threads, 1 or more.
    pub threads: usize,
    /// How the lines are cut into calls.
    pub chunk: ChunkLimits,
    /// How many records are read at the most.
    pub records_max: Option<u64>,
    /// How many rejects are too many.
    pub budget: RejectBudget,
    /// The folder for the star tables' files and the rejects. `None`: nothing is written.
    pub out: Option<PathBuf>,
    /// How many rows of each star table the report shows.
    pub preview_rows: usize,
    /// The sequence id that the plugin is told.
    pub sequence: u64,
    /// The number of the first record.
    pub first_record: u64,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            threads: 1,
            chunk: ChunkLimits::default(),
            records_max: None,
            budget: RejectBudget::default(),
            out: None,
            preview_rows: 10,
            sequence: 1,
            first_record: 1,
        }
    }
}
