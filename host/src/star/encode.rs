//! A column of a row group, encoded on any thread.

use super::error::StarError;
use super::schema::array;
use crate::columns::Column;
use crate::manifest::ColumnType;
use arrow::array::ArrayRef;
use arrow::datatypes::SchemaRef;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use std::sync::Arc;

/// Encodes columns of a star table.
#[derive(Clone)]
pub struct ColumnEncoder {
    factory: Arc<ArrowRowGroupWriterFactory>,
    schema: SchemaRef,
    types: Arc<[ColumnType]>,
}

/// An encoded column, to be put into its row group.
pub struct EncodedColumn(pub(super) ArrowColumnChunk);

impl ColumnEncoder {
    pub(super) fn new(factory: ArrowRowGroupWriterFactory, schema: SchemaRef, types: Arc<[ColumnType]>) -> Self {
        Self { factory: Arc::new(factory), schema, types }
    }

    /// The schema of the file.
    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Writers for the columns of the group with index `group`.
    ///
    /// # Errors
    /// [`StarError::Parquet`].
    pub fn group_writers(&self, group: usize) -> Result<Vec<ColumnJob>, StarError> {
        let writers = self.factory.create_column_writers(group)?;
        Ok(writers.into_iter().map(|writer| ColumnJob { writer }).collect())
    }

    /// Encodes the column with index `index`, of `rows` rows.
    ///
    /// # Errors
    /// [`StarError::Parquet`] and [`StarError::Arrow`].
    pub fn encode(
        &self,
        job: ColumnJob,
        index: usize,
        column: Column,
        rows: usize,
    ) -> Result<EncodedColumn, StarError> {
        self.encode_array(job, index, &array(column, self.types[index], rows)?)
    }

    /// Encodes the column with index `index`, as Arrow has it.
    pub(super) fn encode_array(
        &self,
        job: ColumnJob,
        index: usize,
        array: &ArrayRef,
    ) -> Result<EncodedColumn, StarError> {
        let mut writer = job.writer;
        for leaf in compute_leaves(self.schema.field(index), array)? {
            writer.write(&leaf)?;
        }
        Ok(EncodedColumn(writer.close()?))
    }
}

/// A column that is to be encoded.
pub struct ColumnJob {
    writer: ArrowColumnWriter,
}
