//! Why no plugin was written.

use super::counted::{SomeLines, lines};
use super::names::NameError;
use crate::error::{Exit, Explain};
use crate::input::InputError;
use crate::manifest::{COLUMNS_MAX, NAME_BYTES_MAX};
use std::path::PathBuf;

/// Why no plugin was written.
#[derive(Debug, thiserror::Error)]
pub enum ScaffoldError {
    /// The name is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The file can't be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The rows are no file.
    #[error("`{}` is no file", path.display())]
    NoFile {
        /// What it is called.
        path: PathBuf,
    },
    /// The source table's name is none.
    #[error("`{name}` is no name of a table")]
    Table {
        /// The name.
        name: String,
    },
    /// There is no row in the file.
    #[error("`{}` has no rows{}", path.display(), bad(bad_lines))]
    NoRows {
        /// The file.
        path: PathBuf,
        /// The lines that are no rows.
        bad_lines: Option<SomeLines>,
    },
    /// The rows have more columns than a table can have.
    #[error("line {line}: with `{name}` there are more than {COLUMNS_MAX} columns")]
    TooManyColumns {
        /// The line, from 1.
        line: u64,
        /// The column.
        name: String,
    },
    /// The star table has more columns than one can have.
    #[error("the star table has {fields} columns, must have at most {COLUMNS_MAX}")]
    TooManyFields {
        /// How many.
        fields: usize,
    },
    /// No column can be read.
    #[error("`{table}` has no column that a plugin can read")]
    NoColumns {
        /// The table.
        table: String,
    },
    /// A dimension's table has no column without nulls.
    #[error("`{table}` has no column that can be a dimension's key: each has nulls, or is a point in time")]
    NoKey {
        /// The table.
        table: String,
    },
    /// On each line some value is of another type than most are.
    #[error("`{}` has no line whose values are all of the types that most lines have", path.display())]
    NoGoodLine {
        /// The file.
        path: PathBuf,
    },
    /// The current folder is a project of another kind.
    #[error("`{}` is no workspace of plugins", path.display())]
    OtherProject {
        /// Its `Cargo.toml`.
        path: PathBuf,
    },
    /// The workspace was made by another version of the host.
    #[error("the workspace `{}` has the SDK {found}, this host has {own}", root.display())]
    OtherSdk {
        /// The workspace.
        root: PathBuf,
        /// The version that its plugins are built with.
        found: String,
        /// The version that this host would write.
        own: String,
    },
    /// There is something already.
    #[error("`{}` exists", path.display())]
    Exists {
        /// What.
        path: PathBuf,
    },
    /// A file or folder can't be read or written.
    #[error("can't {what} `{}`", path.display())]
    Files {
        /// What can't be done with it.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The program holds a bad copy of the SDK.
    #[error("the host's copy of the SDK is broken: {problem}")]
    Sdk {
        /// What is wrong.
        problem: String,
    },
}

fn bad(bad_lines: &Option<SomeLines>) -> String {
    bad_lines.map_or_else(String::new, |bad| {
        let what = if bad.lines == 1 {
            "is no JSON object, or has a column twice"
        } else {
            "are no JSON objects, or have a column twice"
        };
        format!(": {} {what}, the first is line {}", lines(bad.lines), bad.first_line)
    })
}

impl Explain for ScaffoldError {
    fn code(&self) -> &'static str {
        match self {
            Self::Name(_) => "star-name",
            Self::Input(error) => error.code(),
            Self::NoFile { .. } => "no-file",
            Self::Table { .. } => "table-name",
            Self::NoRows { .. } => "no-rows",
            Self::TooManyColumns { .. } | Self::TooManyFields { .. } => "too-many-columns",
            Self::NoColumns { .. } => "no-columns",
            Self::NoKey { .. } => "no-key",
            Self::NoGoodLine { .. } => "no-good-line",
            Self::OtherProject { .. } => "other-project",
            Self::OtherSdk { .. } => "other-sdk",
            Self::Exists { .. } => "exists",
            Self::Files { .. } => "files",
            Self::Sdk { .. } => "embedded-sdk",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Name(error) => error.hint(),
            Self::Input(InputError::Unreadable { .. }) => "`--from` names a file of JSON Lines".to_owned(),
            Self::Input(error) => return error.hint(),
            Self::NoFile { .. } => "the rows are read twice: write them to a file, and name that".to_owned(),
            Self::Table { .. } => {
                format!("`--table` names the source table: 1 to {NAME_BYTES_MAX} bytes, no control characters")
            }
            Self::NoRows { .. } => "each line is a JSON object with the columns of one row".to_owned(),
            Self::TooManyColumns { .. } => {
                "the members of each line are the table's columns; are these data?".to_owned()
            }
            Self::TooManyFields { .. } => "leave columns out of the rows".to_owned(),
            Self::NoColumns { .. } => "columns hold booleans, numbers or texts; nested values are not read".to_owned(),
            Self::NoKey { .. } => "a dimension has one row for each key; is this table a fact?".to_owned(),
            Self::NoGoodLine { .. } => "mend the rows, or take others".to_owned(),
            Self::OtherProject { .. } => {
                "run this in an empty folder, which becomes a workspace of plugins, or in one made so before".to_owned()
            }
            Self::OtherSdk { found, .. } => {
                format!("take the host {found} for this workspace, or make the plugin in a new folder")
            }
            Self::Exists { .. } => "nothing is overwritten: take another name, or move it away".to_owned(),
            Self::Files { .. } | Self::Sdk { .. } => return None,
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Name(_) | Self::Table { .. } => Exit::Usage,
            Self::Files { .. } | Self::Sdk { .. } => Exit::Environment,
            _ => Exit::BadInput,
        }
    }
}
