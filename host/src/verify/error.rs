//! Why a verification could not be brought to its end.

use crate::checkpoint::CheckpointError;
use crate::error::{Exit, Explain};
use crate::lake::LakeError;
use crate::process::ProcessError;
use crate::star::{StarError, TableError};

/// Why a verification could not be brought to its end.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The lake, or the store of the star tables.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// A star table.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A file of a star table.
    #[error(transparent)]
    Star(#[from] StarError),
    /// The checkpoints.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// What the star tables should hold can't be told.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

impl VerifyError {
    fn explained(&self) -> &dyn Explain {
        match self {
            Self::Lake(error) => error,
            Self::Table(error) => error,
            Self::Star(error) => error,
            Self::Checkpoint(error) => error,
            Self::Process(error) => error,
        }
    }
}

impl Explain for VerifyError {
    fn code(&self) -> &'static str {
        self.explained().code()
    }

    fn hint(&self) -> Option<String> {
        self.explained().hint()
    }

    fn exit(&self) -> Exit {
        self.explained().exit()
    }
}
