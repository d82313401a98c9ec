//! Rows, re-cut to groups whose borders depend on the rows alone.

use crate::columns::{Column, ColumnValues, Rows};
use arrow::array::BooleanBufferBuilder;
use std::ops::Range;

/// Rows of a group. Large enough that a column's statistics and dictionary pay, small enough that a group of a wide table
/// takes some tens of MiB.
pub(super) const GROUP_ROWS_MAX: usize = 128 * 1024;

/// Bytes of text in a group, so that long texts do not make a group grow without bounds. A single row may exceed it.
const GROUP_TEXT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The rows of one row group.
#[derive(Debug, Default)]
pub struct RowGroup {
    /// How many.
    pub rows: usize,
    /// The columns.
    pub columns: Vec<Column>,
}

/// Gathers rows into groups.
#[derive(Debug, Default)]
pub struct RowGroups {
    rows: usize,
    text_bytes: usize,
    columns: Vec<GatheredColumn>,
}

#[derive(Debug)]
struct GatheredColumn {
    values: ColumnValues,
    /// Made when the first null comes.
    validity: Option<BooleanBufferBuilder>,
    /// The values of a column of booleans, in place of `values`.
    bits: Option<BooleanBufferBuilder>,
}

impl RowGroups {
    /// Adds rows, and gives the groups that became full.
    #[must_use]
    pub fn gather(&mut self, batch: &Rows) -> Vec<RowGroup> {
        let mut full = Vec::new();
        let mut start = 0;
        while start < batch.count {
            let end = self.end_of_group(batch, start);
            if end == start {
                full.extend(self.finish());
                continue;
            }
            self.append(batch, start..end);
            start = end;
            if self.rows == GROUP_ROWS_MAX {
                full.extend(self.finish());
            }
        }
        full
    }

    /// Adds rows until `rows_max` are gathered, which are fewer than a group has; the others are left.
    pub fn gather_first(&mut self, batch: &Rows, rows_max: usize) {
        let missing = rows_max.min(GROUP_ROWS_MAX).saturating_sub(self.rows);
        if missing > 0 && batch.count > 0 {
            self.append(batch, 0..batch.count.min(missing));
        }
    }

    /// Gives the rows that are left.
    #[must_use]
    pub fn finish(&mut self) -> Option<RowGroup> {
        let rows = std::mem::take(&mut self.rows);
        self.text_bytes = 0;
        let columns = std::mem::take(&mut self.columns);
        (rows > 0).then(|| RowGroup { rows, columns: columns.into_iter().map(GatheredColumn::finish).collect() })
    }

    /// How far the rows of `batch` from `start` on go into the open group.
    fn end_of_group(&self, batch: &Rows, start: usize) -> usize {
        let end = batch.count.min(start + GROUP_ROWS_MAX - self.rows);
        let room = GROUP_TEXT_BYTES_MAX.saturating_sub(self.text_bytes);
        if text_bytes(batch, start..end) <= room {
            return end;
        }
        // The text grows with each row, so the last row with room is found by halving.
        let (mut fits, mut exceeds) = (start, end);
        while exceeds - fits > 1 {
            let middle = fits + (exceeds - fits) / 2;
            if text_bytes(batch, start..middle) <= room { fits = middle } else { exceeds = middle }
        }
        if fits == start && self.rows == 0 { start + 1 } else { fits }
    }

    fn append(&mut self, batch: &Rows, range: Range<usize>) {
        if self.columns.is_empty() {
            self.columns = batch.columns.iter().map(|column| GatheredColumn::new(&column.values)).collect();
        }
        self.text_bytes += text_bytes(batch, range.clone());
        for (gathered, column) in self.columns.iter_mut().zip(&batch.columns) {
            gathered.append(column, range.clone(), self.rows);
        }
        self.rows += range.len();
    }
}

fn text_bytes(batch: &Rows, range: Range<usize>) -> usize {
    let text = |column: &Column| match &column.values {
        // Checked offsets only grow.
        ColumnValues::Utf8 { offsets, .. } => (offsets[range.end] - offsets[range.start]) as usize,
        _ => 0,
    };
    batch.columns.iter().map(text).sum()
}

impl GatheredColumn {
    /// An empty column for values like these, with room for a whole group: columns of one size leave no gaps in the memory
    /// when they go, and room that is not used costs none.
    fn new(like: &ColumnValues) -> Self {
        let mut bits = None;
        let values = match like {
            ColumnValues::Boolean(_) => {
                bits = Some(BooleanBufferBuilder::new(0));
                ColumnValues::Boolean(Vec::new())
            }
            ColumnValues::Int32(_) => ColumnValues::Int32(Vec::with_capacity(GROUP_ROWS_MAX)),
            ColumnValues::Int64(_) => ColumnValues::Int64(Vec::with_capacity(GROUP_ROWS_MAX)),
            ColumnValues::Float64(_) => ColumnValues::Float64(Vec::with_capacity(GROUP_ROWS_MAX)),
            ColumnValues::Decimal64(_) => ColumnValues::Decimal64(Vec::with_capacity(GROUP_ROWS_MAX)),
            ColumnValues::Decimal128(_) => ColumnValues::Decimal128(Vec::with_capacity(GROUP_ROWS_MAX)),
            ColumnValues::Date(_) => ColumnValues::Date(Vec::with_capacity(GROUP_ROWS_MAX)),
            ColumnValues::Time(_) => ColumnValues::Time(Vec::with_capacity(GROUP_ROWS_MAX)),
            ColumnValues::Timestamp(_) => ColumnValues::Timestamp(Vec::with_capacity(GROUP_ROWS_MAX)),
            ColumnValues::Utf8 { .. } => ColumnValues::Utf8 { offsets: vec![0], bytes: Vec::new() },
        };
        Self { values, validity: None, bits }
    }

    fn append(&mut self, column: &Column, range: Range<usize>, rows_before: usize) {
        match (&mut self.validity, &column.validity) {
            (None, None) => {}
            (Some(gathered), None) => gathered.append_n(range.len(), true),
            (gathered, Some(bits)) => {
                let gathered = gathered.get_or_insert_with(|| {
                    let mut all_valid = BooleanBufferBuilder::new(GROUP_ROWS_MAX);
                    all_valid.append_n(rows_before, true);
                    all_valid
                });
                gathered.append_packed_range(range.clone(), bits);
            }
        }
        self.append_values(&column.values, range);
    }

    fn append_values(&mut self, values: &ColumnValues, range: Range<usize>) {
        match (&mut self.values, values) {
            (ColumnValues::Boolean(_), ColumnValues::Boolean(bits)) => {
                if let Some(gathered) = &mut self.bits {
                    gathered.append_packed_range(range, bits);
                }
            }
            (ColumnValues::Int32(gathered), ColumnValues::Int32(values))
            | (ColumnValues::Date(gathered), ColumnValues::Date(values)) => gathered.extend_from_slice(&values[range]),
            (ColumnValues::Int64(gathered), ColumnValues::Int64(values))
            | (ColumnValues::Decimal64(gathered), ColumnValues::Decimal64(values))
            | (ColumnValues::Time(gathered), ColumnValues::Time(values))
            | (ColumnValues::Timestamp(gathered), ColumnValues::Timestamp(values)) => {
                gathered.extend_from_slice(&values[range])
            }
            (ColumnValues::Float64(gathered), ColumnValues::Float64(values)) => {
                gathered.extend_from_slice(&values[range])
            }
            (ColumnValues::Decimal128(gathered), ColumnValues::Decimal128(values)) => {
                gathered.extend_from_slice(&values[range])
            }
            (ColumnValues::Utf8 { offsets, bytes }, ColumnValues::Utf8 { offsets: more, bytes: text }) => {
                let first = more[range.start];
                // A group's text is bounded, so that the sum stays far below what an offset can say.
                let base = bytes.len() as i32 - first;
                bytes.extend_from_slice(&text[first as usize..more[range.end] as usize]);
                offsets.extend(more[range.start + 1..=range.end].iter().map(|offset| offset + base));
            }
            (gathered, values) => debug_assert!(false, "{gathered:?} and {values:?} are of one column"),
        }
    }

    fn finish(self) -> Column {
        let values = match self.bits {
            Some(mut bits) => ColumnValues::Boolean(bits.finish().inner().to_vec()),
            None => self.values,
        };
        Column { validity: self.validity.map(|mut bits| bits.finish().inner().to_vec()), values }
    }
}
