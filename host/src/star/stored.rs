//! Files of star tables, read back from the store: a row group at a time, and held against the digests in their names.

use super::delta::{StarLake, TableError, TableFile};
use super::error::StarError;
use super::fit::{fit, rows};
use super::schema::schema;
use super::window::{group_ends, parse};
use crate::columns::Rows;
use crate::manifest::StarTable;
use crate::state::Window;
use crate::text::hexadecimal;
use bytes::Bytes;
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::reader::Length;
use sha2::{Digest, Sha256};
use std::ops::Range;
use std::sync::Arc;

/// How much of a file's end is read at first. Files of few rows are smaller, and come in one request.
const TAIL_BYTES: u64 = 64 * 1024;

/// What a key of a file's metadata begins with that says where its rows come from.
const ORIGIN: &str = "star:";

/// A file of a star table in the store, of which the end was read.
pub struct StoredFile {
    table: String,
    key: Path,
    /// The digits of its SHA-256 in its name.
    digits: String,
    tail: Window,
    /// Where each of its row groups ends, and the next begins.
    ends: Vec<u64>,
    metadata: ArrowReaderMetadata,
}

impl StarLake {
    /// Looks at a file of `table` whose name ends in digits of its SHA-256.
    ///
    /// # Errors
    /// [`TableError::Store`]; [`TableError::File`] if it is gone, damaged or not what the log says.
    pub async fn stored_file(&self, table: &str, file: &TableFile) -> Result<StoredFile, TableError> {
        let key = Path::from_iter([table, file.path.as_str()]);
        let wrong = |reason: &str| wrong(&key, reason);
        let digits = file.path.strip_suffix(".parquet").and_then(|name| name.rsplit('-').next());
        let digits = digits.ok_or_else(|| wrong("its name has no digest"))?.to_owned();
        let mut start = file.bytes.saturating_sub(TAIL_BYTES);
        loop {
            let tail = self.range(table, &key, start..file.bytes).await?;
            if start == 0 {
                check_digest(&key, &digits, Sha256::new_with_prefix(&tail))?;
            }
            let metadata = match parse(&tail, file.bytes) {
                Ok(metadata) => metadata,
                Err(ParquetError::NeedMoreData(bytes)) if start > 0 => {
                    start = file.bytes.saturating_sub(bytes as u64).min(start - 1);
                    continue;
                }
                Err(error) => return Err(wrong(&error.to_string())),
            };
            let ends = group_ends(&metadata, file.bytes).ok_or_else(|| wrong("its row groups lie outside of it"))?;
            if u64::try_from(metadata.file_metadata().num_rows()) != Ok(file.rows) {
                return Err(wrong("it has not as many rows as the log says"));
            }
            let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
            let metadata = ArrowReaderMetadata::try_new(Arc::new(metadata), options);
            let metadata = metadata.map_err(|error| wrong(&error.to_string()))?;
            let tail = Window { offset: start, bytes: tail };
            return Ok(StoredFile { table: table.to_owned(), key, digits, tail, ends, metadata });
        }
    }

    async fn range(&self, table: &str, key: &Path, range: Range<u64>) -> Result<Bytes, TableError> {
        let bytes = match self.store().get_range(key, range.clone()).await {
            Ok(bytes) => bytes,
            Err(Error::NotFound { .. }) => return Err(wrong(key, "it is gone")),
            Err(source) => return Err(TableError::Store { action: "read a file of", table: table.to_owned(), source }),
        };
        if bytes.len() as u64 != range.end - range.start {
            return Err(wrong(key, "it is shorter than the log says"));
        }
        Ok(bytes)
    }
}

impl StoredFile {
    /// What its metadata says of where its rows come from, by key, in the order of the file.
    #[must_use]
    pub fn origin(&self) -> Vec<(String, String)> {
        let pairs = self.metadata.metadata().file_metadata().key_value_metadata().into_iter().flatten();
        let pairs = pairs.filter_map(|pair| Some((pair.key.clone(), pair.value.clone()?)));
        pairs.filter(|(key, _)| key.starts_with(ORIGIN)).collect()
    }

    /// Hands its rows to `take`, in order, with the columns of `table`; one that the file lacks has nulls. Only when all of it
    /// went well the rows are known to be those that were stored: they are held against the digest at the end.
    ///
    /// # Errors
    /// [`TableError::Store`]; [`TableError::File`] if it is damaged; and what `take` says.
    pub fn read<E: From<TableError> + From<StarError>>(
        &self,
        star: &StarLake,
        table: &StarTable,
        take: &mut dyn FnMut(Rows) -> Result<(), E>,
    ) -> Result<(), E> {
        let schema = Arc::new(schema(table));
        let mut digest = Sha256::new();
        let mut start = 0;
        for (index, end) in self.ends.iter().enumerate() {
            let window = self.window(star, start..*end)?;
            digest.update(&window.bytes);
            let wrong = |error: &dyn std::error::Error| wrong(&self.key, &error.to_string());
            let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(window, self.metadata.clone());
            let reader = reader.with_row_groups(vec![index]).build().map_err(|error| wrong(&error))?;
            for batch in reader {
                let batch = batch.and_then(|batch| fit(&batch, &schema)).map_err(|error| wrong(&error))?;
                take(rows(&batch).map_err(|error| wrong(&error))?)?;
            }
            start = *end;
        }
        digest.update(&self.window(star, start..self.tail.len())?.bytes);
        Ok(check_digest(&self.key, &self.digits, digest)?)
    }

    /// A part of the file, out of what was read already, or from the store.
    fn window(&self, star: &StarLake, range: Range<u64>) -> Result<Window, TableError> {
        let bytes = match self.tail.part(&range) {
            Some(bytes) => bytes,
            None => star.wait(star.range(&self.table, &self.key, range.clone()))?,
        };
        Ok(Window { offset: range.start, bytes })
    }
}

fn wrong(key: &Path, reason: &str) -> TableError {
    TableError::File { key: key.to_string(), reason: reason.to_owned() }
}

fn check_digest(key: &Path, digits: &str, digest: Sha256) -> Result<(), TableError> {
    let found = hexadecimal(&digest.finalize());
    match found.starts_with(digits) {
        true => Ok(()),
        false => Err(wrong(key, &format!("it is damaged: its SHA-256 begins with {}", &found[..digits.len().min(64)]))),
    }
}
