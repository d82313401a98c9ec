//! Why cases can't be read or written.

use crate::error::{Exit, Explain};
use crate::input::InputError;
use std::path::PathBuf;

/// A case that can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// There is no case.
    #[error("there is no case in `{}`", path.display())]
    NoCases {
        /// The folder.
        path: PathBuf,
    },
    /// A file or folder can't be read.
    #[error("can't read `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file can't be written.
    #[error("can't write `{}`", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The settings are none.
    #[error("`{}` has a mistake: {reason}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        reason: String,
    },
    /// A file that belongs to no star table.
    #[error("`{}` is none of the plugin's tables: {known}", path.display())]
    UnknownExpected {
        /// The file.
        path: PathBuf,
        /// The files that there can be.
        known: String,
    },
    /// A case of this name exists.
    #[error("the case `{}` exists", path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// A line that the file does not have.
    #[error("`{name}` has no line {line}")]
    NoLine {
        /// The file.
        name: String,
        /// The line, from 1.
        line: u64,
    },
    /// A column that no line has.
    #[error("no recorded line has a column `{column}` to mask")]
    NoColumn {
        /// The column.
        column: String,
    },
    /// The rows can't be read.
    #[error(transparent)]
    Input(#[from] InputError),
}

impl Explain for CaseError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoCases { .. } => "no-cases",
            Self::Unreadable { .. } => "case-unreadable",
            Self::Unwritable { .. } => "case-unwritable",
            Self::Settings { .. } => "case-settings",
            Self::UnknownExpected { .. } => "case-expected",
            Self::Exists { .. } => "case-exists",
            Self::NoLine { .. } => "no-line",
            Self::NoColumn { .. } => "no-column",
            Self::Input(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoCases { .. } => {
                "`host plugin test NAME --record rows.jsonl --lines 1,2,3` makes one of real lines".to_owned()
            }
            Self::Unreadable { .. } => {
                "a case has the folders `input` and `expected`, and `lookup` where the plugin looks rows up".to_owned()
            }
            Self::Unwritable { .. } => "is the disk full, or the folder read-only?".to_owned(),
            Self::Settings { .. } => "known are `story = \"...\"` and `fuel_max = 1000000`".to_owned(),
            Self::UnknownExpected { .. } => "remove it, or name it as a star table of the plugin".to_owned(),
            Self::Exists { .. } => "name another one with `--case NAME`".to_owned(),
            Self::NoLine { .. } => "lines count from 1, blank ones too".to_owned(),
            Self::NoColumn { .. } => "a column of a looked-up table is written as `department.location`".to_owned(),
            Self::Input(error) => return error.hint(),
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Unwritable { .. } => Exit::Environment,
            Self::Input(error) => error.exit(),
            _ => Exit::BadInput,
        }
    }
}
