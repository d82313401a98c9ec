//! Files of star tables, read again: whether their bytes are what they were, and what single columns hold.

use super::error::StarError;
use super::keyed::encode_value;
use super::stats::FileStats;
use crate::files::unlinked_file;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use arrow::util::display::array_value_to_string;
use bytes::Bytes;
use futures_util::{StreamExt, stream::BoxStream};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Write;

/// A file that was fetched from a store.
#[derive(Debug)]
pub struct FetchedFile {
    file: File,
    /// Its size.
    pub bytes: u64,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
}

impl FetchedFile {
    /// Fetches a file, without holding it in memory.
    ///
    /// # Errors
    /// What the store says; [`StarError::Temporary`].
    pub async fn fetch<E: From<StarError>>(mut chunks: BoxStream<'_, Result<Bytes, E>>) -> Result<Self, E> {
        let mut file = unlinked_file().map_err(StarError::Temporary)?;
        let (mut digest, mut bytes) = (Sha256::new(), 0);
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            digest.update(&chunk);
            bytes += chunk.len() as u64;
            file.write_all(&chunk).map_err(StarError::Temporary)?;
        }
        Ok(Self { file, bytes, sha256: crate::text::hexadecimal(&digest.finalize()) })
    }

    /// How many rows it has, and what its columns hold, as the file itself says.
    ///
    /// # Errors
    /// [`StarError::Parquet`] if it is no Parquet.
    pub fn stats(&self) -> Result<(u64, FileStats), StarError> {
        let reader = ParquetRecordBatchReaderBuilder::try_new(self.file.try_clone()?)?;
        let rows = reader.metadata().file_metadata().num_rows().cast_unsigned();
        Ok((rows, FileStats::new(reader.schema(), reader.metadata().row_groups())?))
    }

    /// Hands the values of a column of whole numbers to `take`, in their order; nulls are left out. Nothing is handed out of a column
    /// that the file lacks, or of another type.
    ///
    /// # Errors
    /// [`StarError::Parquet`] and [`StarError::Arrow`].
    pub fn for_each_number(&self, column: &str, mut take: impl FnMut(i64)) -> Result<(), StarError> {
        self.for_each_batch(column, |batch| {
            let values = batch.column(0);
            match values.data_type() {
                DataType::Int32 => {
                    values.as_primitive::<Int32Type>().iter().flatten().for_each(|value| take(value.into()));
                }
                DataType::Int64 => values.as_primitive::<Int64Type>().iter().flatten().for_each(&mut take),
                _ => {}
            }
            Ok(())
        })
    }

    /// Hands the values of a column to `take`, as the bytes by which keys are told apart, and as text where it is asked for; nulls are
    /// left out.
    ///
    /// # Errors
    /// [`StarError::Parquet`] and [`StarError::Arrow`].
    pub fn for_each_value(
        &self,
        column: &str,
        mut take: impl FnMut(&[u8], &dyn Fn() -> String),
    ) -> Result<(), StarError> {
        let mut bytes = Vec::new();
        self.for_each_batch(column, |batch| {
            let values = batch.column(0);
            for row in (0..values.len()).filter(|row| !values.is_null(*row)) {
                bytes.clear();
                encode_value(values, row, &mut bytes)?;
                take(&bytes, &|| array_value_to_string(values, row).unwrap_or_default());
            }
            Ok(())
        })
    }

    fn for_each_batch(
        &self,
        column: &str,
        mut take: impl FnMut(&RecordBatch) -> Result<(), StarError>,
    ) -> Result<(), StarError> {
        let reader = ParquetRecordBatchReaderBuilder::try_new(self.file.try_clone()?)?;
        let Some(index) = reader.schema().fields().iter().position(|field| field.name() == column) else {
            return Ok(());
        };
        let mask = ProjectionMask::roots(reader.parquet_schema(), [index]);
        for batch in reader.with_projection(mask).build()? {
            take(&batch?)?;
        }
        Ok(())
    }
}
