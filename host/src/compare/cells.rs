//! Values of a row without a pair, packed: a row of twenty columns takes some hundred bytes, and two are compared as bytes.

use crate::columns::{Column, ColumnValues, cell_json};
use crate::manifest::{ColumnType, SHORT_PRECISION_MAX};

/// Adds a value to `packed`: a byte that says whether there is one, the number of its bytes, and these.
pub(super) fn pack(packed: &mut Vec<u8>, column: &Column, row: usize) {
    if column.is_null(row) {
        return packed.push(0);
    }
    packed.push(1);
    match &column.values {
        ColumnValues::Boolean(bits) => pack_bytes(packed, &[u8::from(Column::bit(bits, row))]),
        ColumnValues::Int32(values) | ColumnValues::Date(values) => pack_bytes(packed, &values[row].to_le_bytes()),
        ColumnValues::Int64(values)
        | ColumnValues::Decimal64(values)
        | ColumnValues::Time(values)
        | ColumnValues::Timestamp(values) => pack_bytes(packed, &values[row].to_le_bytes()),
        ColumnValues::Float64(values) => pack_bytes(packed, &values[row].to_le_bytes()),
        ColumnValues::Decimal128(values) => pack_bytes(packed, &values[row].to_le_bytes()),
        ColumnValues::Utf8 { offsets, bytes } => {
            pack_bytes(packed, &bytes[offsets[row] as usize..offsets[row + 1] as usize]);
        }
    }
}

fn pack_bytes(packed: &mut Vec<u8>, bytes: &[u8]) {
    // A value comes of one call, whose output is far below four GiB.
    packed.extend((bytes.len() as u32).to_le_bytes());
    packed.extend(bytes);
}

/// The values in their order; `None` for a null.
pub(super) fn unpack(mut packed: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    std::iter::from_fn(move || {
        let (&is_value, rest) = packed.split_first()?;
        if is_value == 0 {
            packed = rest;
            return Some(None);
        }
        let (length, rest) = rest.split_first_chunk()?;
        let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        packed = rest;
        Some(Some(value))
    })
}

/// A value as JSON.
pub(super) fn packed_json(value: Option<&[u8]>, column_type: ColumnType) -> String {
    let Some(bytes) = value else { return "null".to_owned() };
    values(bytes, column_type)
        .map_or_else(String::new, |values| cell_json(&Column { validity: None, values }, column_type, 0))
}

/// A column of the one value.
fn values(bytes: &[u8], column_type: ColumnType) -> Option<ColumnValues> {
    let int32 = || Some(vec![i32::from_le_bytes(bytes.try_into().ok()?)]);
    let int64 = || Some(vec![i64::from_le_bytes(bytes.try_into().ok()?)]);
    Some(match column_type {
        ColumnType::Boolean => ColumnValues::Boolean(bytes.to_vec()),
        ColumnType::Int32 => ColumnValues::Int32(int32()?),
        ColumnType::Date => ColumnValues::Date(int32()?),
        ColumnType::Int64 => ColumnValues::Int64(int64()?),
        ColumnType::Time => ColumnValues::Time(int64()?),
        ColumnType::Timestamp => ColumnValues::Timestamp(int64()?),
        ColumnType::Decimal { precision: ..=SHORT_PRECISION_MAX, .. } => ColumnValues::Decimal64(int64()?),
        ColumnType::Decimal { .. } => ColumnValues::Decimal128(vec![i128::from_le_bytes(bytes.try_into().ok()?)]),
        ColumnType::Float64 => ColumnValues::Float64(vec![f64::from_le_bytes(bytes.try_into().ok()?)]),
        ColumnType::Utf8 => {
            ColumnValues::Utf8 { offsets: vec![0, i32::try_from(bytes.len()).ok()?], bytes: bytes.to_vec() }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_the_same_json_as_before() {
        let decimal = |precision| ColumnType::Decimal { precision, scale: 2 };
        let columns = [
            (ColumnType::Boolean, ColumnValues::Boolean(vec![0b10])),
            (ColumnType::Int32, ColumnValues::Int32(vec![1, -2])),
            (ColumnType::Float64, ColumnValues::Float64(vec![0.5, f64::NAN])),
            (decimal(10), ColumnValues::Decimal64(vec![340, -5])),
            (decimal(38), ColumnValues::Decimal128(vec![1, i128::MAX / 2])),
            (ColumnType::Date, ColumnValues::Date(vec![0, -1])),
            (ColumnType::Timestamp, ColumnValues::Timestamp(vec![0, -1])),
            (ColumnType::Utf8, ColumnValues::Utf8 { offsets: vec![0, 0, 3], bytes: "€".as_bytes().to_vec() }),
        ];
        for (column_type, values) in columns {
            for validity in [None, Some(vec![0b10])] {
                let column = Column { validity, values: values.clone() };
                let mut packed = Vec::new();
                (0..2).for_each(|row| pack(&mut packed, &column, row));
                let unpacked: Vec<_> = unpack(&packed).map(|value| packed_json(value, column_type)).collect();
                assert_eq!(unpacked, [0, 1].map(|row| cell_json(&column, column_type, row)));
            }
        }
    }
}
