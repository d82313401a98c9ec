//! The rows of a packet, in either form.

use super::parquet::ParquetWriter;
use super::upload::{DataWriter, ObjectLimits};
use super::{Lake, LakeError};
use crate::packet::{self, DataFormat, SourceColumn, StoredObject};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use object_store::path::Path;

type Key = Box<dyn FnMut(u32) -> Path + Send>;

/// Writes the rows of a packet into data objects.
pub enum PacketWriter {
    /// As JSON Lines.
    Jsonl(Box<DataWriter<Key>>),
    /// As Parquet.
    Parquet(Box<ParquetWriter<Key>>),
}

impl PacketWriter {
    /// A writer of the packet `sequence` of a table, whose run began at `started`.
    #[must_use]
    pub fn new(
        lake: &Lake,
        format: DataFormat,
        limits: ObjectLimits,
        table: &str,
        columns: &[SourceColumn],
        sequence: u64,
        started: DateTime<Utc>,
    ) -> Self {
        let name = table.to_owned();
        match format {
            DataFormat::Jsonl => {
                let key = move |part| packet::data_key(&name, sequence, started, part);
                Self::Jsonl(Box::new(DataWriter::new(lake, limits, Box::new(key))))
            }
            DataFormat::Parquet => {
                let key = move |part| packet::parquet_key(&name, started, part);
                Self::Parquet(Box::new(ParquetWriter::new(lake, limits, columns, Box::new(key))))
            }
        }
    }

    /// Adds lines; `ends` says where each of them ends, its line feed included.
    ///
    /// # Errors
    /// [`LakeError::Store`], [`LakeError::Format`].
    pub async fn write(&mut self, lines: Bytes, ends: Vec<u32>) -> Result<(), LakeError> {
        match self {
            Self::Jsonl(writer) => writer.write(lines, &ends).await,
            Self::Parquet(writer) => writer.write(lines, &ends).await,
        }
    }

    /// Ends the last object: all are stored.
    ///
    /// # Errors
    /// [`LakeError::Store`], [`LakeError::Format`].
    pub async fn finish(self) -> Result<Vec<StoredObject>, LakeError> {
        match self {
            Self::Jsonl(writer) => writer.finish().await,
            Self::Parquet(writer) => writer.finish().await,
        }
    }
}
