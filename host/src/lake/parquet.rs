//! Packets as Parquet, from which the same lines can be made.
//!
//! Values that Parquet holds as they are become native: whole numbers, decimals, booleans, floats, dates, times, timestamps, texts.
//! Others are the text that the line has. Where the line that could be made of all this is not, byte for byte, the one that came
//! (an infinite date, say), the row keeps its line in a further column, `_line`.
#![allow(clippy::disallowed_types, reason = "packets can be Parquet")]

mod column;

use super::upload::{ObjectLimits, ObjectUpload};
use super::{Lake, LakeError};
use crate::packet::line::Members;
use crate::packet::values::write_text;
use crate::packet::{SourceColumn, StoredObject};
use ::parquet::arrow::ArrowWriter;
use ::parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterProperties;
use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use bytes::Bytes;
use column::Native;
use object_store::path::Path;
use std::sync::Arc;

/// An object is read whole, so it is kept small.
const OBJECT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// About how many bytes of lines become one row group.
const GROUP_BYTES: usize = 16 * 1024 * 1024;
/// How many rows are turned into lines at a time.
const LINES: usize = 4 * 1024;

/// Writes lines as Parquet, one object after the other.
pub struct ParquetWriter<F> {
    lake: Lake,
    limits: ObjectLimits,
    /// The key of the object `part`, counted from 1.
    key: F,
    layout: Layout,
    current: Option<OpenObject>,
    done: Vec<StoredObject>,
}

struct OpenObject {
    writer: ArrowWriter<Vec<u8>>,
    upload: ObjectUpload,
    pending_bytes: usize,
}

/// What the columns become.
struct Layout {
    schema: SchemaRef,
    /// Each column's name with what stands around it in a line, and its form.
    columns: Vec<(Vec<u8>, Native)>,
    names: Vec<String>,
}

impl Layout {
    fn new(columns: &[SourceColumn]) -> Self {
        let mut fields = Vec::new();
        let mut forms = Vec::new();
        for column in columns {
            let native = Native::of(&column.type_name);
            fields.push(Field::new(&column.name, native.data_type(), true));
            let mut prefix = vec![if forms.is_empty() { b'{' } else { b',' }];
            write_text(column.name.as_bytes(), &mut prefix);
            prefix.push(b':');
            forms.push((prefix, native));
        }
        let mut line = "_line".to_owned();
        while columns.iter().any(|column| column.name == line) {
            line.insert(0, '_');
        }
        fields.push(Field::new(line, DataType::Utf8, true));
        let names = columns.iter().map(|column| column.name.clone()).collect();
        Self { schema: Arc::new(Schema::new(fields)), columns: forms, names }
    }

    fn batch(&self, lines: &[&[u8]]) -> Result<RecordBatch, ArrowError> {
        let parsed: Vec<_> = lines.iter().map(|line| Members::parse(line)).collect();
        let mut arrays: Vec<ArrayRef> = Vec::new();
        for (index, (name, (_, native))) in self.names.iter().zip(&self.columns).enumerate() {
            let value = |members: &Result<Members<'_>, String>| -> Option<String> {
                let members = members.as_ref().ok()?;
                let value = members.at(index).filter(|(member, _)| member == name).map(|(_, value)| value);
                value.or_else(|| members.get(name)).filter(|value| *value != "null").map(str::to_owned)
            };
            let values: Vec<Option<String>> = parsed.iter().map(value).collect();
            arrays.push(native.array(&values)?);
        }
        // Whatever can't be made again from the columns is kept as it came.
        let mut kept: Vec<Option<&str>> = Vec::new();
        let mut made = Vec::new();
        for (row, line) in lines.iter().enumerate() {
            made.clear();
            self.write_line(&arrays, row, &mut made);
            kept.push(if made == *line { None } else { std::str::from_utf8(line).ok() });
        }
        arrays.push(Arc::new(StringArray::from(kept)));
        RecordBatch::try_new(Arc::clone(&self.schema), arrays)
    }

    fn write_line(&self, arrays: &[ArrayRef], row: usize, output: &mut Vec<u8>) {
        for ((prefix, native), array) in self.columns.iter().zip(arrays) {
            output.extend_from_slice(prefix);
            native.write(array, row, output);
        }
        output.push(b'}');
    }
}

impl<F: FnMut(u32) -> Path> ParquetWriter<F> {
    /// A writer of objects with the keys that `key` gives for the parts 1, 2, 3, ...
    pub fn new(lake: &Lake, limits: ObjectLimits, columns: &[SourceColumn], key: F) -> Self {
        Self { lake: lake.clone(), limits, key, layout: Layout::new(columns), current: None, done: Vec::new() }
    }

    /// Adds lines; `ends` says where each of them ends, its line feed included.
    ///
    /// # Errors
    /// [`LakeError::Store`], [`LakeError::Format`].
    pub async fn write(&mut self, lines: Bytes, ends: &[u32]) -> Result<(), LakeError> {
        let starts = std::iter::once(0).chain(ends.iter().map(|end| *end as usize));
        let all: Vec<&[u8]> = starts.zip(ends).map(|(start, end)| &lines[start..*end as usize - 1]).collect();
        let mut rest = &all[..];
        while !rest.is_empty() {
            if self.current.is_none() {
                let part = u32::try_from(self.done.len()).unwrap_or(u32::MAX).saturating_add(1);
                let key = (self.key)(part);
                self.current = Some(self.open(key)?);
            }
            let Some(object) = &mut self.current else { continue };
            let room = usize::try_from(self.limits.lines_max.max(1) - object.upload.lines()).unwrap_or(usize::MAX);
            let (now, later) = rest.split_at(room.min(rest.len()));
            let key = object.upload.key().to_string();
            let failed = |reason: String| LakeError::Format { key: key.clone(), reason };
            let batch = self.layout.batch(now).map_err(|error| failed(error.to_string()))?;
            object.writer.write(&batch).map_err(|error| failed(error.to_string()))?;
            object.pending_bytes += now.iter().map(|line| line.len()).sum::<usize>();
            if object.pending_bytes >= GROUP_BYTES {
                object.writer.flush().map_err(|error| failed(error.to_string()))?;
                object.pending_bytes = 0;
            }
            let bytes = std::mem::take(object.writer.inner_mut());
            object.upload.add(&self.lake, bytes.into(), now.len() as u64).await?;
            let limit = self.limits.bytes_max.min(OBJECT_BYTES_MAX);
            if object.upload.lines() >= self.limits.lines_max || object.upload.bytes() >= limit {
                self.close().await?;
            }
            rest = later;
        }
        Ok(())
    }

    /// Ends the last object: all are stored.
    ///
    /// # Errors
    /// [`LakeError::Store`], [`LakeError::Format`].
    pub async fn finish(mut self) -> Result<Vec<StoredObject>, LakeError> {
        self.close().await?;
        Ok(self.done)
    }

    fn open(&self, key: Path) -> Result<OpenObject, LakeError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by("host".to_owned())
            .build();
        let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&self.layout.schema), Some(properties));
        let writer = writer.map_err(|error| LakeError::Format { key: key.to_string(), reason: error.to_string() })?;
        Ok(OpenObject { writer, upload: ObjectUpload::new(key), pending_bytes: 0 })
    }

    async fn close(&mut self) -> Result<(), LakeError> {
        let Some(mut object) = self.current.take() else { return Ok(()) };
        let finished = object.writer.finish();
        finished
            .map_err(|error| LakeError::Format { key: object.upload.key().to_string(), reason: error.to_string() })?;
        let bytes = std::mem::take(object.writer.inner_mut());
        object.upload.add(&self.lake, bytes.into(), 0).await?;
        self.done.push(object.upload.finish(&self.lake).await?);
        crate::crash::point("object-stored");
        Ok(())
    }
}

/// The lines of an object that holds Parquet.
pub(super) struct ParquetLines {
    key: String,
    layout: Layout,
    reader: ParquetRecordBatchReader,
}

impl ParquetLines {
    /// Opens an object's bytes.
    pub(super) fn open(object: &StoredObject, columns: &[SourceColumn], bytes: Bytes) -> Result<Self, LakeError> {
        let layout = Layout::new(columns);
        let failed = |error: ParquetError| LakeError::Format { key: object.key.clone(), reason: error.to_string() };
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(failed)?;
        let found = builder.schema();
        let is_same = found.fields().len() == layout.schema.fields().len()
            && found
                .fields()
                .iter()
                .zip(layout.schema.fields())
                .all(|(found, field)| found.data_type() == field.data_type());
        if !is_same {
            return Err(failed(ParquetError::General("its columns are not those of its manifest".to_owned())));
        }
        let reader = builder.with_batch_size(LINES).build().map_err(failed)?;
        Ok(Self { key: object.key.clone(), layout, reader })
    }

    /// The next lines; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, LakeError> {
        let Some(batch) = self.reader.next() else { return Ok(None) };
        let failed = |reason: String| LakeError::Format { key: self.key.clone(), reason };
        let batch = batch.map_err(|error| failed(error.to_string()))?;
        let (kept, columns) = batch.columns().split_last().ok_or_else(|| failed("it has no columns".to_owned()))?;
        let kept = kept.as_any().downcast_ref::<StringArray>().ok_or_else(|| failed("it has no lines".to_owned()))?;
        let mut lines = Vec::new();
        for row in 0..batch.num_rows() {
            if kept.is_valid(row) {
                lines.extend_from_slice(kept.value(row).as_bytes());
            } else {
                self.layout.write_line(columns, row, &mut lines);
            }
            lines.push(b'\n');
        }
        Ok(Some(lines.into()))
    }
}
