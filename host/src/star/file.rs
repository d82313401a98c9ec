//! A Parquet file of a star table.

use super::encode::{ColumnEncoder, EncodedColumn};
use super::error::StarError;
use super::schema::schema;
use crate::manifest::{ColumnType, SHORT_PRECISION_MAX, StarTable};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::ArrowRowGroupWriterFactory;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use std::fs::{self, File};
use std::io::BufWriter;
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

/// A file that is being written: beside its place until it is whole.
pub struct StarFile {
    path: PathBuf,
    temporary: PathBuf,
    writer: Option<SerializedFileWriter<BufWriter<File>>>,
    encoder: ColumnEncoder,
    rows: u64,
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct WrittenFile {
    /// The file.
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
        let temporary = path.with_extension(format!("parquet.{}.tmp", std::process::id()));
        let file =
            File::create(&temporary).map_err(|source| StarError::Unwritable { path: path.to_owned(), source })?;
        let schema = Arc::new(schema(table));
        let parquet_schema = ArrowSchemaConverter::new().schema_root("star").convert(&schema)?;
        let properties = Arc::new(properties(table, metadata));
        let writer = SerializedFileWriter::new(BufWriter::new(file), parquet_schema.root_schema_ptr(), properties)?;
        let types = table.fields.iter().map(|field| field.column_type).collect();
        let factory = ArrowRowGroupWriterFactory::new(&writer, Arc::clone(&schema));
        let encoder = ColumnEncoder::new(factory, schema, types);
        Ok(Self { path: path.to_owned(), temporary, writer: Some(writer), encoder, rows: 0 })
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
        if let Some(writer) = &mut self.writer {
            let mut group = writer.next_row_group()?;
            for column in columns {
                column.0.append_to_row_group(&mut group)?;
            }
            group.close()?;
            self.rows += rows as u64;
        }
        Ok(())
    }

    /// Ends the file and puts it into its place.
    ///
    /// # Errors
    /// [`StarError::Parquet`] and [`StarError::Unwritable`].
    pub fn finish(mut self) -> Result<WrittenFile, StarError> {
        if let Some(writer) = self.writer.take() {
            let buffered = writer.into_inner()?;
            let unwritable = |source| StarError::Unwritable { path: self.path.clone(), source };
            buffered.into_inner().map_err(|error| unwritable(error.into_error()))?;
            fs::rename(&self.temporary, &self.path).map_err(unwritable)?;
        }
        let bytes = fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        Ok(WrittenFile { path: self.path.clone(), bytes, rows: self.rows })
    }
}

impl Drop for StarFile {
    /// Leaves nothing behind of a file that was not finished.
    fn drop(&mut self) {
        if self.writer.take().is_some()
            && let Err(error) = fs::remove_file(&self.temporary)
        {
            tracing::warn!(path = %self.temporary.display(), %error, "can't remove an unfinished file");
        }
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
