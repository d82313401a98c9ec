//! Why the files of a table could not be joined.

use crate::error::{Exit, Explain};
use crate::lake::LakeError;
use crate::star::{StarError, TableError};

/// Why the files of a table could not be joined. The table is then as it was.
#[derive(Debug, thiserror::Error)]
pub enum CompactError {
    /// The store of the star tables.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The table, or a file of it.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A file can't be made.
    #[error(transparent)]
    Star(#[from] StarError),
    /// Others have committed again and again.
    #[error("others commit to `{table}` all the time: given up after {tries} tries")]
    Crowded {
        /// The table.
        table: String,
        /// How often it was tried.
        tries: u32,
    },
    /// There is no such table of facts.
    #[error("there is no fact table `{table}`; there are {known}")]
    UnknownTable {
        /// The table.
        table: String,
        /// The fact tables that there are.
        known: String,
    },
}

impl CompactError {
    fn explained(&self) -> Option<&dyn Explain> {
        match self {
            Self::Lake(error) => Some(error),
            Self::Table(error) => Some(error),
            Self::Star(error) => Some(error),
            Self::Crowded { .. } | Self::UnknownTable { .. } => None,
        }
    }
}

impl Explain for CompactError {
    fn code(&self) -> &'static str {
        match self {
            Self::Crowded { .. } => "star-crowded",
            Self::UnknownTable { .. } => "unknown-table",
            _ => self.explained().map_or("compact", Explain::code),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Crowded { .. } => Some("run it again when fewer processes run; nothing is lost".to_owned()),
            Self::UnknownTable { .. } => {
                Some("check the name; dimensions are kept in buckets, and have nothing to join".to_owned())
            }
            _ => self.explained().and_then(Explain::hint),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Crowded { .. } => Exit::Environment,
            _ => self.explained().map_or(Exit::BadInput, Explain::exit),
        }
    }
}
