//! Checkpoints: where each table stands, for people and for a quick start. Hints: the lake is the truth.
//!
//! A checkpoint is one small document a table, written last, so that it never runs ahead of the lake. One that is behind, or
//! lost, is made again from the lake by the next ingest.

mod file;
mod ssm;

pub use file::FileCheckpoints;
pub use ssm::{SsmCheckpoints, SsmError};

use crate::error::{Exit, Explain};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Debug;

/// The largest document: what a standard parameter of Parameter Store holds.
pub const DOCUMENT_BYTES_MAX: usize = 4_096;

/// Where a table stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The table.
    pub table: String,
    /// Its last packet.
    pub sequence: u64,
    /// The key of that packet's manifest in the lake.
    pub packet: String,
    /// How many rows all packets brought.
    pub records: u64,
    /// The newest `last_updated` of all rows, as ISO 8601.
    pub newest_last_updated: Option<String>,
    /// When that packet was committed.
    #[serde(with = "crate::packet::moment")]
    pub committed_at: DateTime<Utc>,
}

/// Keeps a document for each table.
#[async_trait]
pub trait CheckpointStore: Debug + Send + Sync {
    /// The document of a table; `None` if there is none.
    ///
    /// # Errors
    /// [`CheckpointError::Unreachable`] and its kin: a store that can't be asked is not one without a document.
    async fn read(&self, table: &str) -> Result<Option<String>, CheckpointError>;

    /// Replaces the document of a table, in one step.
    ///
    /// # Errors
    /// [`CheckpointError`].
    async fn write(&self, table: &str, document: &str) -> Result<(), CheckpointError>;

    /// The documents of all tables, by name.
    ///
    /// # Errors
    /// [`CheckpointError`].
    async fn documents(&self) -> Result<BTreeMap<String, String>, CheckpointError> {
        let mut documents = BTreeMap::new();
        for table in self.tables().await? {
            if let Some(document) = self.read(&table).await? {
                documents.insert(table, document);
            }
        }
        Ok(documents)
    }

    /// The tables that have a document, by name.
    ///
    /// # Errors
    /// [`CheckpointError`].
    async fn tables(&self) -> Result<Vec<String>, CheckpointError>;
}

/// A failure of checkpoints.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The store can't be asked.
    #[error("can't {action} {} in {store}", name(table))]
    Unreachable {
        /// What was tried.
        action: &'static str,
        /// The table; empty for all.
        table: String,
        /// The store, in words.
        store: String,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The document of a table is none.
    #[error("the checkpoint of `{table}` can't be read")]
    Syntax {
        /// The table.
        table: String,
        /// Why not.
        source: serde_json::Error,
    },
    /// The document is that of another table.
    #[error("the checkpoint of `{table}` is that of `{found}`")]
    Misplaced {
        /// The table.
        table: String,
        /// The table that it names.
        found: String,
    },
    /// The document is too large.
    #[error("the checkpoint of `{table}` has {bytes} bytes, and {DOCUMENT_BYTES_MAX} is the most")]
    TooLarge {
        /// The table.
        table: String,
        /// Its size.
        bytes: usize,
    },
    /// A sequence id does not follow the last one.
    #[error("packet {next} of `{table}` can't follow packet {last}")]
    Skipped {
        /// The table.
        table: String,
        /// The last packet.
        last: u64,
        /// The one that was to follow.
        next: u64,
    },
    /// A table that nobody knows.
    #[error("there is no checkpoint of a table `{table}`; there are {known}")]
    UnknownTable {
        /// The table.
        table: String,
        /// The tables that there are.
        known: String,
    },
}

/// What an error is about.
fn name(table: &str) -> String {
    if table.is_empty() { "the checkpoints".to_owned() } else { format!("the checkpoint of `{table}`") }
}

impl Explain for CheckpointError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "checkpoint-unreachable",
            Self::Syntax { .. } => "checkpoint-syntax",
            Self::Misplaced { .. } => "checkpoint-misplaced",
            Self::TooLarge { .. } => "checkpoint-too-large",
            Self::Skipped { .. } => "checkpoint-skipped",
            Self::UnknownTable { .. } => "checkpoint-unknown-table",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unreachable { action, source, .. } => {
                let hint = source.downcast_ref::<SsmError>().and_then(Explain::hint);
                let hint = hint.unwrap_or_else(|| "run it again when the store can be reached".to_owned());
                let after = match *action {
                    "write" => "its packets are in the lake, and the next ingest writes the checkpoint",
                    _ => "nothing is lost",
                };
                format!("{hint}; {after}")
            }
            Self::Syntax { .. } | Self::Misplaced { .. } => {
                "remove it: the next ingest makes it again from the lake".to_owned()
            }
            Self::TooLarge { .. } => "shorten the names of the table or of the lake's folder".to_owned(),
            Self::Skipped { .. } => "this is a mistake of the host: please report it".to_owned(),
            Self::UnknownTable { .. } => "check the name; `host status` shows all tables".to_owned(),
        })
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Unreachable { source, .. } => {
                source.downcast_ref::<SsmError>().map_or(Exit::Environment, Explain::exit)
            }
            _ => Exit::BadInput,
        }
    }
}

/// The checkpoint of a table; `None` if there is none.
///
/// # Errors
/// [`CheckpointError`].
pub async fn read_checkpoint(store: &dyn CheckpointStore, table: &str) -> Result<Option<Checkpoint>, CheckpointError> {
    let Some(document) = store.read(table).await? else { return Ok(None) };
    parse_checkpoint(table, &document).map(Some)
}

pub(crate) fn parse_checkpoint(table: &str, document: &str) -> Result<Checkpoint, CheckpointError> {
    let checkpoint: Checkpoint =
        serde_json::from_str(document).map_err(|source| CheckpointError::Syntax { table: table.to_owned(), source })?;
    if checkpoint.table == table {
        Ok(checkpoint)
    } else {
        Err(CheckpointError::Misplaced { table: table.to_owned(), found: checkpoint.table })
    }
}

/// The last packet of each table that has a checkpoint.
///
/// # Errors
/// [`CheckpointError`].
pub async fn known_packets(store: &dyn CheckpointStore) -> Result<BTreeMap<String, u64>, CheckpointError> {
    let documents = store.documents().await?;
    documents
        .into_iter()
        .map(|(table, document)| {
            let sequence = parse_checkpoint(&table, &document)?.sequence;
            Ok((table, sequence))
        })
        .collect()
}

/// Writes a checkpoint whose packet follows packet `last` of the lake, or is it.
///
/// # Errors
/// [`CheckpointError::Skipped`] if it does not, [`CheckpointError::TooLarge`], and what the store says.
pub async fn write_checkpoint(
    store: &dyn CheckpointStore,
    checkpoint: &Checkpoint,
    last: u64,
) -> Result<(), CheckpointError> {
    let table = &checkpoint.table;
    if checkpoint.sequence != last && Some(checkpoint.sequence) != last.checked_add(1) {
        return Err(CheckpointError::Skipped { table: table.clone(), last, next: checkpoint.sequence });
    }
    let document =
        serde_json::to_string(checkpoint).map_err(|source| CheckpointError::Syntax { table: table.clone(), source })?;
    if document.len() > DOCUMENT_BYTES_MAX {
        return Err(CheckpointError::TooLarge { table: table.clone(), bytes: document.len() });
    }
    store.write(table, &document).await
}

#[async_trait]
impl CheckpointStore for SsmCheckpoints {
    async fn read(&self, table: &str) -> Result<Option<String>, CheckpointError> {
        Self::read(self, table).await.map_err(|error| unreachable("read", table, error))
    }

    async fn write(&self, table: &str, document: &str) -> Result<(), CheckpointError> {
        Self::write(self, table, document).await.map_err(|error| unreachable("write", table, error))
    }

    async fn documents(&self) -> Result<BTreeMap<String, String>, CheckpointError> {
        Self::documents(self).await.map_err(|error| unreachable("list", "", error))
    }

    async fn tables(&self) -> Result<Vec<String>, CheckpointError> {
        Self::tables(self).await.map_err(|error| unreachable("list", "", error))
    }
}

fn unreachable(action: &'static str, table: &str, error: SsmError) -> CheckpointError {
    let (table, store) = (table.to_owned(), "the Parameter Store".to_owned());
    CheckpointError::Unreachable { action, table, store, source: error.into() }
}
