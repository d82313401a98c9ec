//! Parts of a Parquet file, for a reader that is not to see the whole.

use bytes::buf::Reader;
use bytes::{Buf, Bytes};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::{ChunkReader, Length};
use std::ops::Range;

/// A part of a file that is in memory.
pub(super) struct Window {
    /// Where it begins.
    pub(super) start: u64,
    pub(super) bytes: Bytes,
    /// The size of the file.
    pub(super) file_bytes: u64,
}

impl Window {
    /// A part of this part; `None` if it is not within it.
    pub(super) fn part(&self, range: &Range<u64>) -> Option<Bytes> {
        let at = |place: u64| usize::try_from(place.checked_sub(self.start)?).ok();
        let (from, to) = (at(range.start)?, at(range.end)?);
        (from <= to && to <= self.bytes.len()).then(|| self.bytes.slice(from..to))
    }
}

impl Length for Window {
    fn len(&self) -> u64 {
        self.file_bytes
    }
}

impl ChunkReader for Window {
    type T = Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let end = self.start + self.bytes.len() as u64;
        Ok(self.part(&(start..end)).ok_or_else(outside)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        self.part(&(start..start.saturating_add(length as u64))).ok_or_else(outside)
    }
}

fn outside() -> ParquetError {
    ParquetError::EOF("a column lies outside of its row group".to_owned())
}

/// The metadata of a file of `file_bytes` bytes, out of its last ones.
///
/// # Errors
/// [`ParquetError::NeedMoreData`] if they are too few.
pub(super) fn parse(tail: &Bytes, file_bytes: u64) -> Result<ParquetMetaData, ParquetError> {
    let mut reader = ParquetMetaDataReader::new();
    reader.try_parse_sized(tail, file_bytes)?;
    reader.finish()
}

/// Where each row group of a file ends; `None` if they don't follow each other within the file.
pub(super) fn group_ends(metadata: &ParquetMetaData, file_bytes: u64) -> Option<Vec<u64>> {
    let mut ends = Vec::new();
    let mut end = 0;
    for group in metadata.row_groups() {
        let ranges = group.columns().iter().map(range).collect::<Option<Vec<_>>>()?;
        if ranges.iter().any(|range| range.start < end || range.end > file_bytes) {
            return None;
        }
        end = ranges.iter().map(|range| range.end).max().unwrap_or(end);
        ends.push(end);
    }
    Some(ends)
}

fn range(column: &ColumnChunkMetaData) -> Option<Range<u64>> {
    let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
    let start = u64::try_from(start).ok()?;
    Some(start..start.checked_add(u64::try_from(column.compressed_size()).ok()?)?)
}
