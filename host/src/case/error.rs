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
    /// A case without rows.
    #[error("there is no file `*.jsonl` in `{}`", path.display())]
    NoInput {
        /// The folder.
        path: PathBuf,
    },
    /// The rows of a looked-up table are not in the case.
    #[error("the plugin looks rows up in `{table}`, and there is no `{}`", path.display())]
    NoLookup {
        /// The table.
        table: String,
        /// The file.
        path: PathBuf,
    },
    /// A name that is none.
    #[error("`{name}` is no name of a case")]
    Name {
        /// The name.
        name: String,
    },
    /// A line whose values can't be replaced, as they can't be told.
    #[error("`{name}`, line {line}: {reason}, so nothing in it can be masked")]
    Unmaskable {
        /// The file.
        name: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A column by which rows are looked up.
    #[error("the column `{column}` is how rows of `{table}` are looked up, and can't be masked")]
    MaskedKey {
        /// The column.
        column: String,
        /// The looked-up table.
        table: String,
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
            Self::NoInput { .. } => "no-input",
            Self::NoLookup { .. } => "no-lookup",
            Self::Name { .. } => "case-name",
            Self::Unmaskable { .. } => "unmaskable",
            Self::MaskedKey { .. } => "masked-key",
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
            Self::NoInput { .. } => "each file under `input` is a packet of rows".to_owned(),
            Self::NoLookup { table, .. } => format!(
                "write the rows of `{table}` that the case refers to into it, or record the case again with \
                 `--lookup {table}={table}.jsonl`"
            ),
            Self::Name { .. } => "a case is named by letters, digits, `_` and `-`".to_owned(),
            Self::Unmaskable { .. } => "leave the line out of `--lines`, or record it without `--mask`".to_owned(),
            Self::MaskedKey { .. } => {
                "two keys may have one stand-in; mask what the rows say, not how they refer".to_owned()
            }
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
