//! How far a table is, by its checkpoint and the lake.

use super::{IngestError, Parts};
use crate::checkpoint::{Checkpoint, CheckpointError, read_checkpoint, write_checkpoint};
use crate::lake::Head;
use crate::packet::{self, CursorPosition, Manifest};
use crate::source::SourceTable;

/// A table's last packet.
#[derive(Debug)]
pub(super) struct TableHead {
    head: Head,
    /// The sequence of the checkpoint; 0 if there is none.
    checkpoint: u64,
    pub(super) newest: Option<Manifest>,
    pub(super) cursor: CursorPosition,
}

impl TableHead {
    pub(super) async fn read(parts: &Parts, table: &str) -> Result<Self, IngestError> {
        let checkpoint = match read_checkpoint(&*parts.checkpoints, table).await {
            Ok(checkpoint) => checkpoint.map_or(0, |checkpoint| checkpoint.sequence),
            Err(error @ (CheckpointError::Syntax { .. } | CheckpointError::Misplaced { .. })) => {
                let error = crate::error::with_causes(&error);
                tracing::warn!(table, error, "the checkpoint is made again from the lake");
                0
            }
            Err(error) => return Err(error.into()),
        };
        let head = parts.lake.head(table, checkpoint).await?;
        let newest = match head.sequence {
            0 => None,
            sequence => Some(parts.lake.manifest(table, sequence).await?),
        };
        let cursor = match &newest {
            Some(newest) => parts.lake.cursor(newest).await?,
            None => CursorPosition::None,
        };
        Ok(Self { head, checkpoint, newest, cursor })
    }

    /// A table of which nothing is known, as it has no rows: what the last packet says of it.
    pub(super) fn known_columns(&self, table: SourceTable) -> SourceTable {
        match &self.newest {
            Some(newest) if table.columns.is_empty() => {
                SourceTable { columns: newest.columns.clone(), key: newest.key.clone(), ..table }
            }
            _ => table,
        }
    }

    pub(super) fn sequence(&self) -> u64 {
        self.head.sequence
    }

    pub(super) fn gaps(&self) -> u64 {
        self.head.gaps
    }

    /// The number of the next row.
    pub(super) fn next_record(&self) -> u64 {
        self.newest.as_ref().and_then(Manifest::next_record).unwrap_or(1)
    }

    /// Writes the checkpoint of `newest`, which this run has committed, or of the last packet if a run before could not.
    pub(super) async fn write_checkpoint(&self, parts: &Parts, newest: Option<&Manifest>) -> Result<(), IngestError> {
        let Some(newest) = newest.or(self.newest.as_ref().filter(|_| self.checkpoint != self.head.sequence)) else {
            return Ok(());
        };
        let checkpoint = Checkpoint {
            table: newest.table.clone(),
            sequence: newest.sequence,
            packet: packet::manifest_key(&newest.table, newest.sequence).to_string(),
            records: newest.next_record().unwrap_or(1) - 1,
            newest_last_updated: newest.newest_last_updated.clone(),
            committed_at: newest.committed_at,
        };
        write_checkpoint(&*parts.checkpoints, &checkpoint, self.head.sequence).await?;
        crate::crash::point("checkpoint-stored");
        Ok(())
    }
}
