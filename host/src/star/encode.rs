//! A column of a row group, encoded on any thread.

use super::error::StarError;
use super::schema::array;
use crate::columns::Column;
use crate::manifest::ColumnType;
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
        let mut writer = job.writer;
        let array = array(column, self.types[index], rows)?;
        for leaf in compute_leaves(self.schema.field(index), &array)? {
            writer.write(&leaf)?;
        }
        Ok(EncodedColumn(writer.close()?))
    }
}

/// A column that is to be encoded.
pub struct ColumnJob {
    writer: ArrowColumnWriter,
}
