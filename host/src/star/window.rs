//! The end of a Parquet file, for a reader that is not to see the whole.

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader};
use std::ops::Range;

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
