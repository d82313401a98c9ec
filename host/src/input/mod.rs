//! Raw rows: JSON Lines from a file, a pipe or the calendar, cut into chunks of whole lines.

mod calendar;
mod columns;
mod lines;
mod lookup;
mod members;

pub use calendar::{CalendarYears, YearsError};
pub use columns::{ColumnProblem, check_columns, check_packet_columns};
pub(crate) use lines::{BYTE_ORDER_MARK, CHUNK_BYTES, LinePieces};
pub use lines::{Chunk, ChunkLimits, LINE_BYTES_MAX, LineChunks};
pub(crate) use lookup::key_of;
pub use lookup::{Joined, LookupTable, Lookups, LookupsBuilder};
pub(crate) use members::{Members, parse_members};

use crate::error::{Exit, Explain};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Where rows come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A file of JSON Lines.
    File(PathBuf),
    /// The standard input.
    Stdin,
    /// The lines of `_calendar`, one for each day of some years.
    Calendar(CalendarYears),
}

/// What is wrong with an input.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The file can't be opened or read.
    #[error("can't read `{name}`")]
    Unreadable {
        /// The file.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// A line is longer than any row.
    #[error("`{name}`, line {line}: the line is longer than {bytes_max} bytes")]
    LineTooLong {
        /// The file.
        name: String,
        /// The line, from 1.
        line: u64,
        /// The limit.
        bytes_max: usize,
    },
    /// A row of a lookup is no row.
    #[error("`{name}`, line {line}: {reason}")]
    LookupRow {
        /// The file.
        name: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// The plugin joins tables that were not given.
    #[error("the plugin looks rows up in {}, and no rows of it were given", list(tables))]
    LookupMissing {
        /// The tables.
        tables: Vec<String>,
    },
    /// Rows of tables that the plugin does not join.
    #[error("the plugin does not look rows up in {}", list(tables))]
    LookupUnknown {
        /// The tables.
        tables: Vec<String>,
    },
    /// The columns of the rows are not those that the plugin reads.
    #[error("`{name}` is not what the plugin reads: {}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Columns {
        /// The file.
        name: String,
        /// What differs, column by column.
        problems: Vec<ColumnProblem>,
        /// The columns that the rows have.
        found: Vec<String>,
    },
}

/// The names, in words: not more than anybody reads, and nothing that a terminal obeys.
fn list(names: &[String]) -> String {
    const SHOWN_NAMES_MAX: usize = 30;
    let shown = |name: &String| format!("`{}`", name.chars().take(63).flat_map(char::escape_debug).collect::<String>());
    let mut words: Vec<_> = names.iter().take(SHOWN_NAMES_MAX).map(shown).collect();
    if names.len() > SHOWN_NAMES_MAX {
        words.push(format!("and {} more", names.len() - SHOWN_NAMES_MAX));
    }
    words.join(", ")
}

impl Explain for InputError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "input-unreadable",
            Self::LineTooLong { .. } => "line-too-long",
            Self::LookupRow { .. } => "lookup-row",
            Self::LookupMissing { .. } => "lookup-missing",
            Self::LookupUnknown { .. } => "lookup-unknown",
            Self::Columns { .. } => "source-columns",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unreadable { .. } => {
                "name a file of JSON Lines, `-` for the standard input, or `calendar:2022..2027`".to_owned()
            }
            Self::LineTooLong { .. } => "one JSON object stands on each line; is this a file of JSON Lines?".to_owned(),
            Self::LookupRow { .. } => "a lookup is a file of JSON Lines whose rows have the key column".to_owned(),
            Self::LookupMissing { tables } => {
                tables.iter().map(|table| format!("--lookup {table}={table}.jsonl")).collect::<Vec<_>>().join(" ")
            }
            Self::LookupUnknown { .. } => {
                "`host plugin describe` shows the tables that a plugin looks rows up in".to_owned()
            }
            Self::Columns { problems, .. }
                if problems.iter().all(|problem| matches!(problem, ColumnProblem::Retyped { .. })) =>
            {
                "read the columns as the types that their values have (a text is `&str`), or mend the rows".to_owned()
            }
            Self::Columns { found, .. } => {
                format!("the rows have the columns {}; is this the right table?", list(found))
            }
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::LookupUnknown { .. } => Exit::Usage,
            _ => Exit::BadInput,
        }
    }
}

impl Input {
    /// Reads `-`, `calendar:2022..2027`, or the name of a file.
    ///
    /// # Errors
    /// Years that are none.
    pub fn parse(text: &str) -> Result<Self, YearsError> {
        match text.strip_prefix("calendar:") {
            Some(years) => years.parse().map(Self::Calendar),
            None if text == "-" => Ok(Self::Stdin),
            None => Ok(Self::File(PathBuf::from(text))),
        }
    }

    /// What the input is called in messages.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Stdin => "standard input".to_owned(),
            Self::Calendar(years) => format!("calendar:{years}"),
        }
    }

    /// What the input is called in a star file's metadata: nothing that says where on this machine it lies.
    #[must_use]
    pub fn lineage(&self) -> String {
        match self {
            Self::File(path) => path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            Self::Stdin => "-".to_owned(),
            Self::Calendar(years) => format!("calendar:{years}"),
        }
    }

    /// The size in bytes, where it is known beforehand.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        match self {
            Self::File(path) => path.metadata().ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len()),
            Self::Stdin | Self::Calendar(_) => None,
        }
    }

    /// Opens the input.
    ///
    /// # Errors
    /// [`InputError::Unreadable`].
    pub fn open(&self) -> Result<Box<dyn Read + Send>, InputError> {
        Ok(match self {
            Self::File(path) => Box::new(open_file(path)?),
            Self::Stdin => Box::new(std::io::stdin()),
            Self::Calendar(years) => Box::new(years.lines()),
        })
    }
}

/// Opens a file for reading.
///
/// # Errors
/// [`InputError::Unreadable`].
pub(crate) fn open_file(path: &Path) -> Result<File, InputError> {
    File::open(path).map_err(|source| InputError::Unreadable { name: path.display().to_string(), source })
}
