//! Rows as columns, in the layout that a plugin hands over and Arrow takes: between the sandbox and the star tables.

mod json;

pub(crate) use json::decimal_text;
pub use json::{cell_json, row_json};

/// Rows of one star table. The columns are those of the manifest, and have been checked against it.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// How many.
    pub count: usize,
    /// The columns, in the order of the manifest's fields.
    pub columns: Vec<Column>,
    /// The index of the line that each row was made from, none less than the one before. `None`: each line that is not
    /// rejected made one row.
    pub lines: Option<Vec<u32>>,
}

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// A bitmap, the lowest bit first: 1 for a value and 0 for a null. `None`: no nulls.
    pub validity: Option<Vec<u8>>,
    /// The values.
    pub values: ColumnValues,
}

/// The values of a column: one a row, but for what is said.
#[derive(Clone, Debug)]
pub enum ColumnValues {
    /// A bitmap, the lowest bit first.
    Boolean(Vec<u8>),
    /// Numbers.
    Int32(Vec<i32>),
    /// Numbers.
    Int64(Vec<i64>),
    /// Numbers.
    Float64(Vec<f64>),
    /// Decimals of at most 18 digits, without their point.
    Decimal64(Vec<i64>),
    /// Decimals of more digits, without their point.
    Decimal128(Vec<i128>),
    /// Days since 1970-01-01.
    Date(Vec<i32>),
    /// Microseconds since midnight.
    Time(Vec<i64>),
    /// Microseconds since 1970-01-01T00:00:00 UTC.
    Timestamp(Vec<i64>),
    /// Texts: that of row `i` is `bytes[offsets[i]..offsets[i + 1]]`.
    Utf8 {
        /// One more than rows.
        offsets: Vec<i32>,
        /// The texts, in UTF-8.
        bytes: Vec<u8>,
    },
}

impl Rows {
    /// Keeps the rows for which `kept`, one a row, is true.
    pub(crate) fn retain(&mut self, kept: &[bool]) {
        if kept.iter().all(|kept| *kept) {
            return;
        }
        let rows: Vec<usize> = (0..self.count).filter(|row| kept[*row]).collect();
        self.columns.iter_mut().for_each(|column| column.take(&rows));
        if let Some(lines) = &mut self.lines {
            *lines = rows.iter().map(|row| lines[*row]).collect();
        }
        self.count = rows.len();
    }
}

impl Column {
    /// Whether the row with this index has a value.
    #[must_use]
    pub fn is_valid(&self, row: usize) -> bool {
        self.validity.as_ref().is_none_or(|bits| bit(bits, row))
    }

    fn take(&mut self, rows: &[usize]) {
        self.validity = self.validity.take().map(|bits| take_bits(&bits, rows));
        match &mut self.values {
            ColumnValues::Boolean(bits) => *bits = take_bits(bits, rows),
            ColumnValues::Int32(values) | ColumnValues::Date(values) => take_values(values, rows),
            ColumnValues::Int64(values)
            | ColumnValues::Decimal64(values)
            | ColumnValues::Time(values)
            | ColumnValues::Timestamp(values) => take_values(values, rows),
            ColumnValues::Float64(values) => take_values(values, rows),
            ColumnValues::Decimal128(values) => take_values(values, rows),
            ColumnValues::Utf8 { offsets, bytes } => {
                let (mut taken_offsets, mut taken) = (vec![0], Vec::new());
                for row in rows {
                    taken.extend_from_slice(&bytes[offsets[*row] as usize..offsets[row + 1] as usize]);
                    taken_offsets.push(taken.len() as i32);
                }
                (*offsets, *bytes) = (taken_offsets, taken);
            }
        }
    }
}

fn bit(bits: &[u8], index: usize) -> bool {
    bits.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1)
}

fn take_values<T: Copy>(values: &mut Vec<T>, rows: &[usize]) {
    *values = rows.iter().map(|row| values[*row]).collect();
}

fn take_bits(bits: &[u8], rows: &[usize]) -> Vec<u8> {
    let mut taken = vec![0; rows.len().div_ceil(8)];
    for (index, _) in rows.iter().enumerate().filter(|(_, row)| bit(bits, **row)) {
        taken[index / 8] |= 1 << (index % 8);
    }
    taken
}

impl ColumnValues {
    /// How many bytes the values take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Boolean(values) => values.len(),
            Self::Int32(values) | Self::Date(values) => values.len() * 4,
            Self::Int64(values) | Self::Decimal64(values) | Self::Time(values) | Self::Timestamp(values) => {
                values.len() * 8
            }
            Self::Float64(values) => values.len() * 8,
            Self::Decimal128(values) => values.len() * 16,
            Self::Utf8 { offsets, bytes } => offsets.len() * 4 + bytes.len(),
        }
    }
}
