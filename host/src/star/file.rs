//! A Parquet file of a star table.

use super::encode::{ColumnEncoder, EncodedColumn};
use super::error::StarError;
use super::rows_file::RowsFile;
use super::schema::schema;
use super::stats::FileStats;
use crate::columns::Rows;
use crate::files::{NewFile, Output, Spool, Spooled};
use crate::manifest::{ColumnType, SHORT_PRECISION_MAX, StarTable};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::ArrowRowGroupWriterFactory;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is written into a file's key-value metadata: where its rows come from. Nothing of it varies between runs.
#[derive(Clone, Debug, Default)]
pub struct Metadata(Vec<(String, String)>);

impl Metadata {
    /// Adds a key and its value.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.0.push((key.to_owned(), value.into()));
        self
    }
}

/// A file that is being written.
pub struct StarFile {
    path: PathBuf,
    writer: SerializedFileWriter<Output>,
    encoder: ColumnEncoder,
    rows: u64,
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct WrittenFile {
    /// The file.
    #[serde(serialize_with = "crate::report::serialize_path")]
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Its rows.
    pub rows: u64,
}

/// A file that was written and has no place yet.
#[derive(Debug)]
pub struct SpooledFile {
    /// Its bytes.
    pub spooled: Spooled,
    /// Its rows.
    pub rows: u64,
    /// What its columns hold.
    pub stats: FileStats,
}

impl StarFile {
    /// Begins a file of `table` at `path`.
    ///
    /// # Errors
    /// [`StarError::Unwritable`] and [`StarError::Parquet`].
    pub fn create(path: &Path, table: &StarTable, metadata: &Metadata) -> Result<Self, StarError> {
        let file = NewFile::create(path).map_err(|source| StarError::Unwritable { path: path.to_owned(), source })?;
        Self::begin(path.to_owned(), Output::Place(file), table, metadata)
    }

    /// Begins a file of `table` whose place is not known yet.
    ///
    /// # Errors
    /// [`StarError::Parquet`].
    pub fn spool(table: &StarTable, metadata: &Metadata) -> Result<Self, StarError> {
        Self::begin(PathBuf::from(&table.name), Output::Spool(Spool::default()), table, metadata)
    }

    /// Writes rows into a file whose place is not known yet.
    ///
    /// # Errors
    /// [`StarError`].
    pub fn of_rows(table: &StarTable, metadata: &Metadata, rows: &Rows) -> Result<SpooledFile, StarError> {
        Self::of_parts(table, metadata, std::slice::from_ref(rows))
    }

    /// Writes rows that come in parts, one after the other, into a file whose place is not known yet.
    ///
    /// # Errors
    /// [`StarError`].
    pub fn of_parts(table: &StarTable, metadata: &Metadata, parts: &[Rows]) -> Result<SpooledFile, StarError> {
        let mut file = RowsFile::new(table, metadata)?;
        parts.iter().try_for_each(|rows| file.take(rows))?;
        file.finish()
    }

    fn begin(path: PathBuf, output: Output, table: &StarTable, metadata: &Metadata) -> Result<Self, StarError> {
        let schema = Arc::new(schema(table));
        let parquet_schema = ArrowSchemaConverter::new().schema_root("star").convert(&schema)?;
        let properties = Arc::new(properties(table, metadata));
        let writer = SerializedFileWriter::new(output, parquet_schema.root_schema_ptr(), properties)?;
        let types = table.fields.iter().map(|field| field.column_type).collect();
        let factory = ArrowRowGroupWriterFactory::new(&writer, Arc::clone(&schema));
        let encoder = ColumnEncoder::new(factory, schema, types);
        Ok(Self { path, writer, encoder, rows: 0 })
    }

    /// What encodes the columns of the file's groups.
    #[must_use]
    pub fn encoder(&self) -> &ColumnEncoder {
        &self.encoder
    }

    /// Writes the next group.
    ///
    /// # Errors
    /// [`StarError::Parquet`].
    pub fn write_group(&mut self, rows: usize, columns: Vec<EncodedColumn>) -> Result<(), StarError> {
        let mut group = self.writer.next_row_group()?;
        for column in columns {
            column.0.append_to_row_group(&mut group)?;
        }
        group.close()?;
        self.rows += rows as u64;
        Ok(())
    }

    /// Ends the file and puts it into its place.
    ///
    /// # Errors
    /// [`StarError::Parquet`] and [`StarError::Unwritable`].
    pub fn finish(self) -> Result<WrittenFile, StarError> {
        let unwritable = |source| StarError::Unwritable { path: self.path.clone(), source };
        match self.writer.into_inner()? {
            Output::Place(file) => {
                let path = file.place().map_err(unwritable)?;
                let bytes = fs::metadata(&path).map_or(0, |metadata| metadata.len());
                Ok(WrittenFile { path, bytes, rows: self.rows })
            }
            Output::Spool(_) => Err(unwritable(std::io::ErrorKind::InvalidInput.into())),
        }
    }

    /// Ends the file, which has no place yet.
    ///
    /// # Errors
    /// [`StarError::Parquet`] and [`StarError::Unwritable`].
    pub fn finish_spool(self) -> Result<SpooledFile, StarError> {
        let unwritable = |source| StarError::Unwritable { path: self.path.clone(), source };
        let stats = FileStats::new(self.encoder.schema(), self.writer.flushed_row_groups())?;
        match self.writer.into_inner()? {
            Output::Spool(spool) => {
                Ok(SpooledFile { spooled: spool.finish().map_err(unwritable)?, rows: self.rows, stats })
            }
            Output::Place(_) => Err(unwritable(std::io::ErrorKind::InvalidInput.into())),
        }
    }
}

/// How large the dictionary of a column may get in a row group before its texts are written as they are.
const DICTIONARY_BYTES_MAX: usize = 64 * 1024;

fn properties(table: &StarTable, metadata: &Metadata) -> WriterProperties {
    let key_values = metadata.0.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())).collect();
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("host ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(key_values))
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_dictionary_enabled(false);
    for field in &table.fields {
        let path = ColumnPath::from(field.name.as_str());
        properties = match field.column_type {
            // Texts that repeat are few. The others, and times of day are among them, often begin like the one before.
            ColumnType::Utf8 => properties
                .set_column_dictionary_enabled(path.clone(), true)
                .set_column_dictionary_page_size_limit(path.clone(), DICTIONARY_BYTES_MAX)
                .set_column_encoding(path, Encoding::DELTA_BYTE_ARRAY),
            ColumnType::Int32
            | ColumnType::Int64
            | ColumnType::Date
            | ColumnType::Time
            | ColumnType::Timestamp
            | ColumnType::Decimal { precision: 1..=SHORT_PRECISION_MAX, .. } => {
                properties.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED)
            }
            _ => properties.set_column_encoding(path, Encoding::PLAIN),
        };
    }
    properties.build()
}
