//! The files of buckets: written, and read again.

use super::bucket::Bucket;
use super::error::StarError;
use super::file::{Metadata, SpooledFile, StarFile};
use super::fit::fit;
use super::fold::BucketRows;
use super::schema::schema;
use crate::manifest::StarTable;
use arrow::compute::concat_batches;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use std::sync::Arc;

impl BucketRows {
    /// Writes the rows into a file whose place is not known yet.
    ///
    /// # Errors
    /// [`StarError`].
    pub fn write(&self, table: &StarTable, metadata: &Metadata) -> Result<SpooledFile, StarError> {
        let mut file = StarFile::spool(table, metadata)?;
        let encoder = file.encoder().clone();
        let jobs = encoder.group_writers(0)?.into_iter().zip(self.batch.columns()).enumerate();
        let columns = jobs.map(|(index, (job, array))| encoder.encode_array(job, index, array));
        let columns = columns.collect::<Result<_, _>>()?;
        file.write_group(self.batch.num_rows(), columns)?;
        file.finish_spool()
    }

    /// Reads the rows of a file of `bucket`. A column that the file lacks has nulls.
    ///
    /// # Errors
    /// [`StarError`].
    pub fn read(table: &StarTable, bucket: Bucket, file: Bytes) -> Result<Self, StarError> {
        let schema = Arc::new(schema(table));
        // What an earlier version wrote as the Arrow types of its columns does not matter: those of this one do.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)?.build()?;
        let mut batches = Vec::new();
        for batch in reader {
            batches.push(fit(&batch?, &schema)?);
        }
        Ok(Self { bucket, batch: concat_batches(&schema, &batches)? })
    }
}
