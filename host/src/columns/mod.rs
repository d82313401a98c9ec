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
