//! Where each table stands, by the lake and the checkpoints.

use crate::checkpoint::{CheckpointError, CheckpointStore, read_checkpoint};
use crate::error::{Exit, Explain};
use crate::ingest::IngestError;
use crate::lake::{Lake, LakeError};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeSet;

/// Where a table stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableStatus {
    /// The table.
    pub table: String,
    /// Its last packet; 0 if there is none.
    pub sequence: u64,
    /// The key of that packet's manifest.
    pub key: Option<String>,
    /// How many rows all packets brought.
    pub records: u64,
    /// The newest `last_updated` of all rows.
    pub newest_last_updated: Option<String>,
    /// When the last packet was committed.
    pub last_ingest: Option<DateTime<Utc>>,
    /// How long ago that was.
    pub lag: Option<TimeDelta>,
    /// The packet that the checkpoint knows of, or what is wrong with it.
    pub checkpoint: Result<Option<u64>, String>,
    /// How many sequence ids are missing.
    pub gaps: u64,
    /// Why nothing is known of the last packet but its number, if that is so.
    pub failure: Option<StatusFailure>,
}

/// Why the last packet of a table can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusFailure {
    /// The stable word for the error.
    pub code: &'static str,
    /// The error, and what caused it.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// How the program ends.
    pub exit: Exit,
}

/// Where tables stand: those that are asked for, or all that the lake or the checkpoints know.
///
/// # Errors
/// [`IngestError`]: the lake or the checkpoints as a whole can't be read, or know nothing of a table that is asked for.
pub async fn status(
    lake: &Lake,
    checkpoints: &dyn CheckpointStore,
    asked: &[String],
    now: DateTime<Utc>,
) -> Result<Vec<TableStatus>, IngestError> {
    let mut known: BTreeSet<String> = lake.tables().await?.into_iter().collect();
    known.extend(checkpoints.tables().await?);
    if let Some(unknown) = asked.iter().find(|table| !known.contains(*table)) {
        let (table, known) = (unknown.clone(), crate::text::listed(&known, "none yet"));
        return Err(CheckpointError::UnknownTable { table, known }.into());
    }
    let mut tables = Vec::new();
    for table in known.iter().filter(|table| asked.is_empty() || asked.contains(table)) {
        tables.push(table_status(lake, checkpoints, table, now).await?);
    }
    Ok(tables)
}

async fn table_status(
    lake: &Lake,
    checkpoints: &dyn CheckpointStore,
    table: &str,
    now: DateTime<Utc>,
) -> Result<TableStatus, IngestError> {
    let checkpoint = match read_checkpoint(checkpoints, table).await {
        Ok(checkpoint) => Ok(checkpoint.map(|checkpoint| checkpoint.sequence)),
        Err(error @ CheckpointError::Unreachable { .. }) => return Err(error.into()),
        Err(error) => Err(crate::error::with_causes(&error)),
    };
    // Looked for in all keys, so that a checkpoint that is wrong shows, and gaps do.
    let head = lake.head(table, 0).await?;
    let (newest, failure) = match head.sequence {
        0 => (None, None),
        sequence => match lake.manifest(table, sequence).await {
            Ok(newest) => (Some(newest), None),
            Err(error) => (None, Some(StatusFailure::new(&error))),
        },
    };
    let last_ingest = newest.as_ref().map(|newest| newest.committed_at);
    Ok(TableStatus {
        table: table.to_owned(),
        sequence: head.sequence,
        key: (head.sequence > 0).then(|| crate::packet::manifest_key(table, head.sequence).to_string()),
        records: newest.as_ref().and_then(|newest| newest.next_record()).map_or(0, |next| next - 1),
        newest_last_updated: newest.and_then(|newest| newest.newest_last_updated),
        last_ingest,
        lag: last_ingest.map(|moment| now - moment),
        checkpoint,
        gaps: head.gaps,
        failure,
    })
}

impl StatusFailure {
    fn new(error: &LakeError) -> Self {
        let message = crate::error::with_causes(error);
        Self { code: error.code(), message, hint: error.hint(), exit: error.exit() }
    }
}
