//! What can go wrong with an ingest.

use crate::checkpoint::CheckpointError;
use crate::error::{Exit, Explain};
use crate::lake::LakeError;
use crate::source::SourceError;

/// A failure of an ingest, or of one of its tables.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The source fails.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The lake fails.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The checkpoints fail.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Others were faster, again and again.
    #[error("other runs have committed packets of `{table}` before this one, {tries} times")]
    Crowded {
        /// The table.
        table: String,
        /// How often.
        tries: u32,
    },
    /// A run took so long that its data could be taken for waste.
    #[error("the ingest of `{table}` took longer than 12 hours")]
    TooLong {
        /// The table.
        table: String,
    },
    /// The run had to end first.
    #[error("the time of this run was over before `{table}` was done")]
    OutOfTime {
        /// The table.
        table: String,
    },
    /// The columns of the key have other types than those of the packets before.
    #[error("the key of `{table}` is {now}, and the packets in the lake have {before}")]
    KeyChanged {
        /// The table.
        table: String,
        /// The key of the last packet.
        before: String,
        /// The key of the table.
        now: String,
    },
    /// A part of the program failed.
    #[error("a task of the ingest of `{table}` ended")]
    Task {
        /// The table.
        table: String,
        /// How.
        source: tokio::task::JoinError,
    },
}

impl IngestError {
    fn explained(&self) -> Option<&dyn Explain> {
        match self {
            Self::Source(error) => Some(error),
            Self::Lake(error) => Some(error),
            Self::Checkpoint(error) => Some(error),
            Self::Crowded { .. }
            | Self::TooLong { .. }
            | Self::OutOfTime { .. }
            | Self::KeyChanged { .. }
            | Self::Task { .. } => None,
        }
    }
}

impl Explain for IngestError {
    fn code(&self) -> &'static str {
        match self {
            Self::Crowded { .. } => "ingest-crowded",
            Self::TooLong { .. } => "ingest-too-long",
            Self::OutOfTime { .. } => "out-of-time",
            Self::KeyChanged { .. } => "ingest-key-changed",
            Self::Task { .. } => "ingest-task",
            _ => self.explained().map_or("ingest", Explain::code),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Crowded { .. } => Some("run it again; one ingest at a time is enough".to_owned()),
            Self::TooLong { .. } => {
                Some("begin with ranges: `--from` and `--to` bring a part of the rows at a time".to_owned())
            }
            Self::OutOfTime { .. } => Some(
                "nothing is lost, and the next run brings it; where one table takes longer than a run may, ask for it alone, or for \
                 a range of `last_updated` at a time"
                    .to_owned(),
            ),
            Self::KeyChanged { table, .. } => Some(format!(
                "rows can't be told apart by both: name the old key, `[tables.{}] key = [\"...\"]`; or begin the table anew: move its \
                 folder out of the lake and remove its checkpoint",
                crate::text::toml_key(table)
            )),
            Self::Task { .. } => Some("this is a mistake of the host: please report it".to_owned()),
            _ => self.explained().and_then(Explain::hint),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::KeyChanged { .. } => Exit::BadInput,
            _ => self.explained().map_or(Exit::Environment, Explain::exit),
        }
    }
}
