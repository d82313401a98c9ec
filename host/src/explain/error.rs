//! Why a row can't be explained.

use crate::error::{Exit, Explain};
use crate::lake::LakeError;
use crate::process::ProcessError;
use crate::star::TableError;

/// Why a row can't be explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// The lake or a star table, or there is no such table.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// There is no such row, and never was.
    #[error("`{table}` has no row `{key}`, and never had: {reason}")]
    NeverMade {
        /// The star table.
        table: String,
        /// What was asked for.
        key: String,
        /// Why that is known.
        reason: String,
    },
    /// What was asked for is no key of the table.
    #[error("`{key}` is no key of `{table}`: {reason}")]
    NoKey {
        /// The star table.
        table: String,
        /// What was asked for.
        key: String,
        /// Why not.
        reason: String,
    },
}

impl From<LakeError> for ExplainError {
    fn from(error: LakeError) -> Self {
        Self::Process(error.into())
    }
}

impl From<TableError> for ExplainError {
    fn from(error: TableError) -> Self {
        Self::Process(error.into())
    }
}

impl Explain for ExplainError {
    fn code(&self) -> &'static str {
        match self {
            Self::Process(error) => error.code(),
            Self::NeverMade { .. } => "never-made",
            Self::NoKey { .. } => "no-key",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Process(error) => error.hint(),
            Self::NeverMade { .. } => Some("`host status` shows how many rows each table has brought".to_owned()),
            Self::NoKey { .. } => Some(
                "of a fact it is the number of the record; of a dimension the value of its key, or all values as `[1,\"x\"]`".to_owned(),
            ),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Process(error) => error.exit(),
            Self::NeverMade { .. } | Self::NoKey { .. } => Exit::BadInput,
        }
    }
}
