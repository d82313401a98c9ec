//! A Parquet file of a star table.

use super::encode::{ColumnEncoder, EncodedColumn};
use super::error::StarError;
use super::schema::schema;
use crate::files::NewFile;
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
    writer: SerializedFileWriter<NewFile>,
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

impl StarFile {
    /// Begins a file of `table` at `path`.
    ///
    /// # Errors
    /// [`StarError::Unwritable`] and [`StarError::Parquet`].
    pub fn create(path: &Path, table: &StarTable, metadata: &Metadata) -> Result<Self, StarError> {
        let file = NewFile::create(path).map_err(|source| StarError::Unwritable { path: path.to_owned(), source })?;
        let schema = Arc::new(schema(table));
        let parquet_schema = ArrowSchemaConverter::new().schema_root("star").convert(&schema)?;
        let properties = Arc::new(properties(table, metadata));
        let writer = SerializedFileWriter::new(file, parquet_schema.root_schema_ptr(), properties)?;
        let types = table.fields.iter().map(|field| field.column_type).collect();
        let factory = ArrowRowGroupWriterFactory::new(&writer, Arc::clone(&schema));
        let encoder = ColumnEncoder::new(factory, schema, types);
        Ok(Self { path: path.to_owned(), writer, encoder, rows: 0 })
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
        let file = self.writer.into_inner()?;
        let path = file.place().map_err(|source| StarError::Unwritable { path: self.path, source })?;
        let bytes = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        Ok(WrittenFile { path, bytes, rows: self.rows })
    }
}

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
            ColumnType::Utf8 => properties.set_column_dictionary_enabled(path, true),
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
