//! A file of a star table in its store: only what is asked for is read.

use super::delta::{StarLake, TableError};
use super::fit::fit;
use super::keyed::encode_keys;
use super::row_key::RowKey;
use super::schema::schema;
use crate::manifest::StarTable;
use crate::state::Window;
use arrow::array::{Array, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStoreExt};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, PageIndexPolicy, ParquetMetaDataReader};
use parquet::file::statistics::Statistics;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

/// How much of the end of a file is read at first.
const TAIL_BYTES: u64 = 64 * 1024;

/// A file of a star table, opened.
pub struct StarObject<'a> {
    star: &'a StarLake,
    table: String,
    key: Path,
    metadata: ArrowReaderMetadata,
}

/// A value of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// The column.
    pub column: String,
    /// The value as text; `None` is a null.
    pub value: Option<String>,
}

impl<'a> StarObject<'a> {
    /// Opens the file `path` of the table `table`.
    ///
    /// # Errors
    /// [`TableError::Store`] and [`TableError::File`].
    pub fn open(star: &'a StarLake, table: &str, path: &str) -> Result<Self, TableError> {
        let key = Path::from_iter([table, path]);
        let mut wanted = TAIL_BYTES;
        let mut reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Skip);
        loop {
            let options = GetOptions { range: Some(GetRange::Suffix(wanted)), ..GetOptions::default() };
            let read = star.wait(async {
                let found = star.store().get_opts(&key, options).await?;
                let size = found.meta.size;
                Ok((size, found.bytes().await?))
            });
            let (size, tail) = read.map_err(|source| unreadable(table, source))?;
            match reader.try_parse_sized(&tail, size) {
                Ok(()) => break,
                Err(ParquetError::NeedMoreData(bytes)) if bytes as u64 > wanted => wanted = bytes as u64,
                Err(error) => return Err(no_file(&key, &error)),
            }
        }
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = reader.finish().and_then(|metadata| ArrowReaderMetadata::try_new(Arc::new(metadata), options));
        let metadata = metadata.map_err(|error| no_file(&key, &error))?;
        Ok(Self { star, table: table.to_owned(), key, metadata })
    }

    /// Its key in the store.
    #[must_use]
    pub fn key(&self) -> &Path {
        &self.key
    }

    /// What it says of where its rows come from.
    #[must_use]
    pub fn lineage(&self) -> BTreeMap<String, String> {
        let pairs = self.metadata.metadata().file_metadata().key_value_metadata();
        let pairs = pairs.into_iter().flatten().filter(|pair| pair.key.starts_with("star:"));
        pairs.map(|pair| (pair.key.clone(), pair.value.clone().unwrap_or_default())).collect()
    }

    /// The row of `table` with a key, column by column; `None` if the file does not hold it.
    ///
    /// # Errors
    /// [`TableError::Store`] and [`TableError::File`].
    pub fn row(&self, table: &StarTable, key: &RowKey) -> Result<Option<Vec<Cell>>, TableError> {
        for group in 0..self.metadata.metadata().num_row_groups() {
            let values = key.number.into_iter().collect();
            if key.number.is_some() && !self.may_hold(group, &table.key[0], &values) {
                continue;
            }
            let columns = self.metadata.metadata().row_group(group).columns();
            let window = self.fetch(span(columns))?;
            let Some(index) = self.index_of(group, key, &window)? else { continue };
            let batch = self.read(&window, group, None, Some(index)).and_then(|mut batches| {
                let batch = batches.pop().ok_or_else(|| no_file(&self.key, &"a row is missing"))?;
                fit(&batch, &Arc::new(schema(table))).map_err(|error| no_file(&self.key, &error))
            })?;
            return cells(&batch).map(Some).map_err(|error| no_file(&self.key, &error));
        }
        Ok(None)
    }

    /// Those of `values` that stand in `column`, a column of whole numbers.
    ///
    /// # Errors
    /// [`TableError::Store`] and [`TableError::File`].
    pub fn numbers(&self, column: &str, values: &BTreeSet<i64>) -> Result<BTreeSet<i64>, TableError> {
        let mut found = BTreeSet::new();
        for group in 0..self.metadata.metadata().num_row_groups() {
            if !self.may_hold(group, column, values) {
                continue;
            }
            let columns = self.metadata.metadata().row_group(group).columns();
            let chunk: Vec<_> = columns.iter().filter(|chunk| is_named(chunk, column)).cloned().collect();
            let window = self.fetch(span(&chunk))?;
            for batch in self.read(&window, group, Some(&[column]), None)? {
                let Some(numbers) = batch.column_by_name(column) else { continue };
                let numbers = cast(numbers, &DataType::Int64).map_err(|error| no_file(&self.key, &error))?;
                let numbers = numbers.as_any().downcast_ref::<Int64Array>().map(|numbers| numbers.iter().flatten());
                found.extend(numbers.into_iter().flatten().filter(|number| values.contains(number)));
            }
        }
        Ok(found)
    }

    /// Whether a group may have one of `values` in a column, by what its metadata say.
    fn may_hold(&self, group: usize, column: &str, values: &BTreeSet<i64>) -> bool {
        let columns = self.metadata.metadata().row_group(group).columns();
        let statistics = columns.iter().find(|chunk| is_named(chunk, column)).and_then(ColumnChunkMetaData::statistics);
        let range: Option<(i64, i64)> = match statistics {
            Some(Statistics::Int32(numbers)) => {
                numbers.min_opt().zip(numbers.max_opt()).map(|(first, last)| ((*first).into(), (*last).into()))
            }
            Some(Statistics::Int64(numbers)) => {
                numbers.min_opt().zip(numbers.max_opt()).map(|(first, last)| (*first, *last))
            }
            _ => None,
        };
        range.is_none_or(|(first, last)| first <= last && values.range(first..=last).next().is_some())
    }

    /// The index of the row with a key among those of its group.
    fn index_of(&self, group: usize, key: &RowKey, window: &Window) -> Result<Option<usize>, TableError> {
        let names: Vec<&str> = key.schema.fields().iter().map(|field| field.name().as_str()).collect();
        let columns: Vec<usize> = (0..names.len()).collect();
        let mut before = 0;
        for batch in self.read(window, group, Some(&names), None)? {
            let batch = fit(&batch, &key.schema).map_err(|error| no_file(&self.key, &error))?;
            let keys = encode_keys(&batch, &columns).map_err(|error| no_file(&self.key, &error))?;
            if let Some(row) = (0..keys.len()).find(|row| keys.get(*row) == key.bytes) {
                return Ok(Some(before + row));
            }
            before += keys.len();
        }
        Ok(None)
    }

    /// The rows of a group, or the one with an index, with all columns or with some.
    fn read(
        &self,
        window: &Window,
        group: usize,
        columns: Option<&[&str]>,
        row: Option<usize>,
    ) -> Result<Vec<RecordBatch>, TableError> {
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(window.clone(), self.metadata.clone())
            .with_row_groups(vec![group]);
        if let Some(columns) = columns {
            let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
            builder = builder.with_projection(mask);
        }
        if let Some(row) = row {
            builder = builder.with_offset(row).with_limit(1);
        }
        let reader = builder.build().map_err(|error| no_file(&self.key, &error))?;
        reader.collect::<Result<_, _>>().map_err(|error| no_file(&self.key, &error))
    }

    fn fetch(&self, range: Range<u64>) -> Result<Window, TableError> {
        let offset = range.start;
        if range.is_empty() {
            return Ok(Window { offset, bytes: Bytes::new() });
        }
        let bytes = self.star.wait(self.star.store().get_range(&self.key, range));
        bytes.map(|bytes| Window { offset, bytes }).map_err(|source| unreadable(&self.table, source))
    }
}

fn is_named(chunk: &ColumnChunkMetaData, column: &str) -> bool {
    matches!(chunk.column_path().parts(), [name] if name == column)
}

/// From the first to the last byte of some columns of a group.
fn span(columns: &[ColumnChunkMetaData]) -> Range<u64> {
    let start = columns.iter().map(|chunk| chunk.byte_range().0).min().unwrap_or(0);
    let end = columns.iter().map(|chunk| chunk.byte_range()).map(|(start, bytes)| start + bytes).max().unwrap_or(0);
    start..end
}

/// The values of the first row.
fn cells(batch: &RecordBatch) -> Result<Vec<Cell>, arrow::error::ArrowError> {
    let options = FormatOptions::default();
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    let cell = |(field, array): (&Arc<arrow::datatypes::Field>, &arrow::array::ArrayRef)| {
        let formatter = ArrayFormatter::try_new(array.as_ref(), &options)?;
        let value = (!array.is_null(0)).then(|| formatter.value(0).to_string());
        Ok(Cell { column: field.name().clone(), value })
    };
    columns.map(cell).collect()
}

fn unreadable(table: &str, source: object_store::Error) -> TableError {
    TableError::Store { action: "read", table: table.to_owned(), source }
}

fn no_file(key: &Path, reason: &dyn std::fmt::Display) -> TableError {
    TableError::File { key: key.to_string(), reason: reason.to_string() }
}
