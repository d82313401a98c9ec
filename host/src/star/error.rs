//! What can go wrong with a star table.

use crate::error::{Exit, Explain};
use arrow::error::ArrowError;
use parquet::errors::ParquetError;
use std::path::PathBuf;

/// What can go wrong with a star table's file.
#[derive(Debug, thiserror::Error)]
pub enum StarError {
    /// The file can't be written.
    #[error("can't write `{}`", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A temporary file can't be written or read.
    #[error("can't keep rows in a temporary file")]
    Temporary(#[from] std::io::Error),
    /// Parquet refuses: a full disk, or a fault of the host.
    #[error("can't write Parquet")]
    Parquet(#[from] ParquetError),
    /// Arrow refuses: a fault of the host.
    #[error("can't make an Arrow array")]
    Arrow(#[from] ArrowError),
}

impl Explain for StarError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unwritable { .. } => "star-unwritable",
            Self::Temporary(_) => "temporary-file",
            Self::Parquet(_) => "parquet",
            Self::Arrow(_) => "arrow",
        }
    }

    fn hint(&self) -> Option<String> {
        Some("is the disk full, or the folder read-only?".to_owned())
    }

    fn exit(&self) -> Exit {
        Exit::Environment
    }
}
