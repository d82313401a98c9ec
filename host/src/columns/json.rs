//! Cells and rows as JSON: the form of golden cases, samples and comparisons.
//!
//! Decimals are numbers with all digits of their scale, days `"2022-11-03"`, times `"14:20:49.962000"` with six digits, and
//! timestamps both with a `T` between. Floats that are no numbers are `"NaN"`, `"Infinity"`, `"-Infinity"`.

use super::{Column, ColumnValues, Rows};
use crate::manifest::{ColumnType, StarTable};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta};
use serde_json::Value;

/// The row with the index `row` as an object, compact, its members in the order of the table.
#[must_use]
pub fn row_json(table: &StarTable, rows: &Rows, row: usize) -> String {
    let members = table.fields.iter().zip(&rows.columns).map(|(field, column)| {
        format!("{}:{}", Value::from(field.name.as_str()), cell_json(column, field.column_type, row))
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// The value of a column of type `column_type` in the row with the index `row`.
#[must_use]
pub fn cell_json(column: &Column, column_type: ColumnType, row: usize) -> String {
    if column.is_null(row) {
        return "null".to_owned();
    }
    match &column.values {
        ColumnValues::Boolean(bits) => Column::bit(bits, row).to_string(),
        ColumnValues::Int32(values) => values[row].to_string(),
        ColumnValues::Int64(values) => values[row].to_string(),
        ColumnValues::Float64(values) => float(values[row]),
        ColumnValues::Decimal64(values) => decimal(i128::from(values[row]), column_type),
        ColumnValues::Decimal128(values) => decimal(values[row], column_type),
        ColumnValues::Date(days) => quoted(&date(days[row]).to_string()),
        ColumnValues::Time(micros) => quoted(&time(micros[row]).format("%H:%M:%S%.6f").to_string()),
        ColumnValues::Timestamp(micros) => {
            let timestamp = DateTime::from_timestamp_micros(micros[row]).unwrap_or_default();
            quoted(&timestamp.format("%Y-%m-%dT%H:%M:%S%.6f").to_string())
        }
        ColumnValues::Utf8 { offsets, bytes } => {
            let text = &bytes[offsets[row] as usize..offsets[row + 1] as usize];
            quoted(&String::from_utf8_lossy(text))
        }
    }
}

impl Column {
    /// Whether the row with the index `row` has no value.
    #[must_use]
    pub fn is_null(&self, row: usize) -> bool {
        self.validity.as_ref().is_some_and(|bits| !Self::bit(bits, row))
    }

    /// The bit with the index `row` of a bitmap.
    pub(crate) fn bit(bits: &[u8], row: usize) -> bool {
        bits[row / 8] >> (row % 8) & 1 == 1
    }
}

fn date(days: i32) -> NaiveDate {
    let distance = Days::new(u64::from(days.unsigned_abs()));
    let moved = if days < 0 {
        NaiveDate::default().checked_sub_days(distance)
    } else {
        NaiveDate::default().checked_add_days(distance)
    };
    moved.unwrap_or_default()
}

fn time(micros: i64) -> NaiveTime {
    NaiveTime::default().overflowing_add_signed(TimeDelta::microseconds(micros)).0
}

fn decimal(unscaled: i128, column_type: ColumnType) -> String {
    let ColumnType::Decimal { scale, .. } = column_type else { return unscaled.to_string() };
    decimal_text(unscaled, scale)
}

/// Writes a number of `scale` digits behind the point, all of them.
pub(crate) fn decimal_text(unscaled: i128, scale: u8) -> String {
    let sign = if unscaled < 0 { "-" } else { "" };
    let scale = usize::from(scale);
    let digits = format!("{:0width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

fn float(value: f64) -> String {
    match value {
        _ if value.is_nan() => quoted("NaN"),
        f64::INFINITY => quoted("Infinity"),
        f64::NEG_INFINITY => quoted("-Infinity"),
        _ => Value::from(value).to_string(),
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(values: ColumnValues, column_type: ColumnType) -> String {
        cell_json(&Column { validity: None, values }, column_type, 0)
    }

    #[test]
    fn decimals_have_all_digits_of_their_scale() {
        let two = ColumnType::Decimal { precision: 10, scale: 2 };
        for (unscaled, text) in [(340, "3.40"), (-5, "-0.05"), (0, "0.00"), (123_456, "1234.56")] {
            assert_eq!(cell(ColumnValues::Decimal64(vec![unscaled]), two), text);
        }
        assert_eq!(cell(ColumnValues::Decimal128(vec![-7]), ColumnType::Decimal { precision: 38, scale: 0 }), "-7");
    }

    #[test]
    fn days_and_times_are_those_of_the_calendar() {
        assert_eq!(cell(ColumnValues::Date(vec![-719_162]), ColumnType::Date), "\"0001-01-01\"");
        assert_eq!(cell(ColumnValues::Date(vec![19_299]), ColumnType::Date), "\"2022-11-03\"");
        assert_eq!(cell(ColumnValues::Time(vec![51_649_962_000]), ColumnType::Time), "\"14:20:49.962000\"");
        let timestamp = cell(ColumnValues::Timestamp(vec![-1]), ColumnType::Timestamp);
        assert_eq!(timestamp, "\"1969-12-31T23:59:59.999999\"");
    }

    #[test]
    fn a_null_is_a_null_and_a_text_is_escaped() {
        let column = Column {
            validity: Some(vec![0b10]),
            values: ColumnValues::Utf8 { offsets: vec![0, 0, 2], bytes: b"a\"".to_vec() },
        };
        let cells = [0, 1].map(|row| cell_json(&column, ColumnType::Utf8, row));
        assert_eq!(cells, ["null", "\"a\\\"\""]);
    }
}
