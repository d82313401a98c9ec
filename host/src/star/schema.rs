//! A star table's fields as Arrow's.

use crate::columns::{Column, ColumnValues};
use crate::manifest::{ColumnType, Field, SHORT_PRECISION_MAX, StarTable};
use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal64Array, Decimal128Array, Float64Array, Int32Array, Int64Array,
    StringArray, Time64MicrosecondArray, TimestampMicrosecondArray,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Schema, TimeUnit};
use arrow::error::ArrowError;
use std::sync::Arc;

/// The time zone of every timestamp.
const UTC: &str = "UTC";

/// The table's schema.
pub(super) fn schema(table: &StarTable) -> Schema {
    Schema::new(table.fields.iter().map(field).collect::<Vec<_>>())
}

fn field(field: &Field) -> arrow::datatypes::Field {
    arrow::datatypes::Field::new(&field.name, data_type(field.column_type), field.nullable)
}

fn data_type(column_type: ColumnType) -> DataType {
    match column_type {
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Int32 => DataType::Int32,
        ColumnType::Int64 => DataType::Int64,
        ColumnType::Float64 => DataType::Float64,
        // A manifest's scale is at most 38.
        ColumnType::Decimal { precision, scale } if precision <= SHORT_PRECISION_MAX => {
            DataType::Decimal64(precision, scale as i8)
        }
        ColumnType::Decimal { precision, scale } => DataType::Decimal128(precision, scale as i8),
        ColumnType::Date => DataType::Date32,
        ColumnType::Time => DataType::Time64(TimeUnit::Microsecond),
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        ColumnType::Utf8 => DataType::Utf8,
    }
}

/// The column as an Arrow array, without a copy.
///
/// # Errors
/// Columns that are not of their type, which the sandbox does not let through.
pub(super) fn array(column: Column, column_type: ColumnType, rows: usize) -> Result<ArrayRef, ArrowError> {
    let nulls = column.validity.map(|bits| NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(bits), 0, rows)));
    Ok(match (column.values, column_type) {
        (ColumnValues::Boolean(bits), _) => {
            Arc::new(BooleanArray::new(BooleanBuffer::new(Buffer::from_vec(bits), 0, rows), nulls))
        }
        (ColumnValues::Int32(values), _) => Arc::new(Int32Array::try_new(values.into(), nulls)?),
        (ColumnValues::Int64(values), _) => Arc::new(Int64Array::try_new(values.into(), nulls)?),
        (ColumnValues::Float64(values), _) => Arc::new(Float64Array::try_new(values.into(), nulls)?),
        (ColumnValues::Decimal64(values), ColumnType::Decimal { precision, scale }) => {
            Arc::new(Decimal64Array::try_new(values.into(), nulls)?.with_precision_and_scale(precision, scale as i8)?)
        }
        (ColumnValues::Decimal128(values), ColumnType::Decimal { precision, scale }) => {
            Arc::new(Decimal128Array::try_new(values.into(), nulls)?.with_precision_and_scale(precision, scale as i8)?)
        }
        (ColumnValues::Date(values), _) => Arc::new(Date32Array::try_new(values.into(), nulls)?),
        (ColumnValues::Time(values), ColumnType::Utf8) => Arc::new(times_as_text(&values, nulls)?),
        (ColumnValues::Time(values), _) => Arc::new(Time64MicrosecondArray::try_new(values.into(), nulls)?),
        (ColumnValues::Timestamp(values), _) => {
            Arc::new(TimestampMicrosecondArray::try_new(values.into(), nulls)?.with_timezone(UTC))
        }
        (ColumnValues::Utf8 { offsets, bytes }, _) => {
            let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
            Arc::new(StringArray::try_new(offsets, Buffer::from_vec(bytes), nulls)?)
        }
        (ColumnValues::Decimal64(_) | ColumnValues::Decimal128(_), other) => {
            return Err(ArrowError::SchemaError(format!("decimals for a column of type {other}")));
        }
    })
}

/// How many letters `HH:MM:SS.ffffff` has.
const TIME_LETTERS: usize = 15;

/// Microseconds since midnight as `HH:MM:SS.ffffff`.
fn times_as_text(times: &[i64], nulls: Option<NullBuffer>) -> Result<StringArray, ArrowError> {
    let mut text = Vec::with_capacity(times.len() * TIME_LETTERS);
    times.iter().for_each(|time| text.extend_from_slice(&time_letters(*time)));
    let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(TIME_LETTERS, times.len()));
    StringArray::try_new(offsets, Buffer::from_vec(text), nulls)
}

fn time_letters(time: i64) -> [u8; TIME_LETTERS] {
    // A day has fewer seconds than 32 bits hold, and those are faster to divide.
    let (seconds, micros) = ((time / 1_000_000) as u32, (time % 1_000_000) as u32);
    let minutes = seconds / 60;
    let mut letters = *b"00:00:00.000000";
    let pairs = [
        (0, minutes / 60),
        (3, minutes % 60),
        (6, seconds % 60),
        (9, micros / 10_000),
        (11, micros / 100 % 100),
        (13, micros % 100),
    ];
    for (at, pair) in pairs {
        letters[at..at + 2].copy_from_slice(&DIGIT_PAIRS[pair as usize % 100]);
    }
    letters
}

/// `00`, `01`, ... `99`.
const DIGIT_PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut value = 0;
    while value < 100 {
        pairs[value] = [b'0' + value as u8 / 10, b'0' + value as u8 % 10];
        value += 1;
    }
    pairs
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_text_where_a_format_has_none() {
        let values = ColumnValues::Time(vec![0, 86_399_999_999, 8 * 3_600_000_000 + 5 * 60_000_000 + 1_000]);
        let array = array(Column { validity: None, values }, ColumnType::Utf8, 3).unwrap();
        let expected = StringArray::from(vec!["00:00:00.000000", "23:59:59.999999", "08:05:00.001000"]);
        assert_eq!(&expected as &dyn arrow::array::Array, &array);
    }
}
