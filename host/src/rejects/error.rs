//! Why rejects could not be listed, or run again.

use crate::error::{Exit, Explain};
use crate::lake::LakeError;
use crate::process::ProcessError;
use crate::star::TableError;
use crate::transform::RunError;

/// Why rejects could not be listed, or run again.
#[derive(Debug, thiserror::Error)]
pub enum RejectsError {
    /// The lake, a star table or a plugin.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A dimension, whose rows are not published by hand.
    #[error("`{table}` is a dimension: it takes its rejected rows by itself when its plugin changes")]
    Dimension {
        /// The table.
        table: String,
    },
    /// A fact whose rows don't tell their records.
    #[error("the key of `{table}` is not one column of whole numbers: it can't be told which records it has")]
    NoRecordKey {
        /// The table.
        table: String,
    },
}

impl From<LakeError> for RejectsError {
    fn from(error: LakeError) -> Self {
        Self::Process(error.into())
    }
}

impl From<TableError> for RejectsError {
    fn from(error: TableError) -> Self {
        Self::Process(error.into())
    }
}

impl From<RunError> for RejectsError {
    fn from(error: RunError) -> Self {
        Self::Process(error.into())
    }
}

impl Explain for RejectsError {
    fn code(&self) -> &'static str {
        match self {
            Self::Process(error) => error.code(),
            Self::Dimension { .. } => "rejects-of-dimension",
            Self::NoRecordKey { .. } => "no-record-key",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Process(error) => error.hint(),
            Self::Dimension { .. } => Some(
                "publish a plugin that takes these rows, and `host process` makes the table of all packets anew"
                    .to_owned(),
            ),
            Self::NoRecordKey { .. } => {
                Some("make the key of the fact an integer, from `context.record_id()`".to_owned())
            }
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Process(error) => error.exit(),
            Self::Dimension { .. } | Self::NoRecordKey { .. } => Exit::BadInput,
        }
    }
}
