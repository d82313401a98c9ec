//! Where rows come from: a database, or a folder of files that stands for one.

mod directory;
mod error;
pub mod postgres;
mod rows;
mod secret;

pub use directory::DirectorySource;
pub use error::SourceError;
pub use postgres::PostgresSource;
pub use rows::{BadLine, RowBatch};
pub use secret::{DatabaseSecret, SecretError, read_secret};

use crate::packet::{CursorPosition, SourceColumn};
use crate::state::KeyLayout;
use async_trait::async_trait;
use chrono::NaiveDateTime;
use std::fmt::Debug;
use tokio::sync::mpsc::Sender;

/// The column whose newest value is told, where a table has it.
pub const LAST_UPDATED: &str = "last_updated";

/// A table of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceTable {
    /// Its name.
    pub name: String,
    /// Its columns, in its order.
    pub columns: Vec<SourceColumn>,
    /// The columns that together tell rows apart.
    pub key: Vec<String>,
    /// The tables that its rows refer to.
    pub references: Vec<String>,
}

/// How the changes of a table are found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cursor {
    /// By the transactions that wrote its rows.
    #[default]
    Snapshot,
    /// By columns that hold when a row was last changed.
    LastUpdated {
        /// The columns: the newest of them counts.
        columns: Vec<String>,
        /// How many of the last seconds are looked at again by the next run.
        lag_seconds: u32,
    },
    /// Everything is read each time.
    Full,
}

/// What the configuration says of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableOptions {
    /// The columns of its key, if not those of its primary key.
    pub key: Option<Vec<String>>,
    /// How its changes are found, if not as usual.
    pub cursor: Option<Cursor>,
}

/// What is to be read of a table.
#[derive(Clone, Debug)]
pub enum Request {
    /// What may have changed since the cursor of the lake stood where it does.
    Changes,
    /// The rows whose `last_updated` is not before `from`, and before `to`.
    Range {
        /// The first moment.
        from: NaiveDateTime,
        /// The first moment after.
        to: NaiveDateTime,
    },
    /// All rows.
    Whole,
}

/// How a table is read.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Whether rows come in the order of their keys' bytes.
    pub is_ordered: bool,
    /// Where the cursor stands afterwards.
    pub cursor: CursorPosition,
    /// Which rows are read, in words.
    pub window: String,
    /// The statement, or nothing.
    pub(crate) query: String,
}

/// A source of rows.
#[async_trait]
pub trait Source: Debug + Send + Sync {
    /// The tables that there are, by name, and what can't be used of the others.
    ///
    /// # Errors
    /// [`SourceError`] if the source as a whole can't be read.
    async fn tables(&self) -> Result<Vec<Result<SourceTable, SourceError>>, SourceError>;

    /// Whether a table is not read because the configuration says so.
    fn excludes(&self, _table: &str) -> bool {
        false
    }

    /// Whether lines hold values as the source spells them, whatever the types of its columns are.
    fn keeps_spelling(&self) -> bool {
        false
    }

    /// Opens the source as it is now, for all of `tables` at once. A table that was altered since it was listed can't be read
    /// then: its plan is [`SourceError::Changed`].
    ///
    /// # Errors
    /// [`SourceError`].
    async fn snapshot(&self, tables: &[String]) -> Result<Box<dyn Snapshot>, SourceError>;
}

/// A source at one moment.
#[async_trait]
pub trait Snapshot: Debug + Send {
    /// How to answer a request, given where the cursor of the lake stands. `is_sorted` asks for rows in the order of their keys, which a source may not be able to give.
    ///
    /// # Errors
    /// [`SourceError`].
    async fn plan(
        &mut self,
        table: &SourceTable,
        request: &Request,
        known: &CursorPosition,
        is_sorted: bool,
    ) -> Result<Plan, SourceError>;

    /// Sends the rows of a plan, each key at most once.
    ///
    /// # Errors
    /// [`SourceError`]. That nobody takes the rows any more is none.
    async fn read(&mut self, table: &SourceTable, plan: &Plan, rows: Sender<RowBatch>) -> Result<(), SourceError>;
}

impl SourceTable {
    /// How the keys of its rows become bytes.
    #[must_use]
    pub fn layout(&self) -> KeyLayout {
        KeyLayout::new(&self.key, &self.columns)
    }

    /// Whether there is a column of this name.
    #[must_use]
    pub fn has_column(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column.name == name)
    }
}
