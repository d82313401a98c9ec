//! Rows and rejects as lines of JSON.

use crate::bindings::star::transform::types::{Column, ColumnType, Field, Reject, Rows, StarTable, Values};
use crate::value::{Date, Time, Timestamp, write_decimal};

/// The rows of a star table, an object each.
pub(super) fn rows(table: &StarTable, rows: &Rows) -> Result<Vec<String>, String> {
    let columns: Vec<_> = table.fields.iter().zip(&rows.columns).collect();
    let row = |row| {
        let member = |(field, column): &(&Field, &Column)| {
            let value = value(field, column, row)
                .ok_or_else(|| format!("row {} of `{}` has no valid value of `{}`", row + 1, table.name, field.name))?;
            Ok(format!("{}:{value}", quoted(&field.name)))
        };
        let members = columns.iter().map(member).collect::<Result<Vec<_>, String>>()?;
        Ok(format!("{{{}}}", members.join(",")))
    };
    (0..rows.count as usize).map(row).collect()
}

/// A reject of the line with the number `line` of `file`, its message left out.
pub(super) fn reject(file: Option<&str>, line: u64, reject: &Reject) -> String {
    let file = file.map_or(String::new(), |file| format!("\"input\":{},", quoted(file)));
    let column = reject.column.as_deref().map_or("null".to_owned(), quoted);
    format!("{{{file}\"line\":{line},\"code\":{},\"column\":{column}}}", quoted(&reject.code))
}

/// The value of a row; `None` where the column holds none, or one that its type does not know.
fn value(field: &Field, column: &Column, row: usize) -> Option<String> {
    if let Some(validity) = &column.validity
        && !bit(validity, row)?
    {
        return Some("null".to_owned());
    }
    match &column.values {
        Values::Boolean(bits) => bit(bits, row).map(|value| value.to_string()),
        Values::Int32(values) => values.get(row).map(i32::to_string),
        Values::Int64(values) => values.get(row).map(i64::to_string),
        Values::Float64(values) => values.get(row).map(|value| float(*value)),
        Values::Decimal64(values) => decimal(field, i128::from(*values.get(row)?)),
        Values::Decimal128(bytes) => decimal(field, i128::from_le_bytes(*bytes.as_chunks().0.get(row)?)),
        Values::Date(days) => Some(quoted(&Date::from_days(*days.get(row)?)?.to_string())),
        Values::Time(micros) => Some(quoted(&Time::from_micros(*micros.get(row)?)?.to_string())),
        Values::Timestamp(micros) => Some(quoted(&Timestamp::from_micros(*micros.get(row)?)?.to_string())),
        Values::Utf8(text) => {
            let offset = |index| usize::try_from(*text.offsets.get::<usize>(index)?).ok();
            let bytes = text.bytes.get(offset(row)?..offset(row + 1)?)?;
            Some(quoted(core::str::from_utf8(bytes).ok()?))
        }
    }
}

fn bit(bits: &[u8], row: usize) -> Option<bool> {
    bits.get(row / 8).map(|byte| byte >> (row % 8) & 1 == 1)
}

fn decimal(field: &Field, unscaled: i128) -> Option<String> {
    let ColumnType::Decimal(decimal) = field.type_ else { return None };
    let mut text = String::new();
    write_decimal(&mut text, unscaled, decimal.scale).ok()?;
    Some(text)
}

fn float(value: f64) -> String {
    match value {
        _ if value.is_nan() => quoted("NaN"),
        f64::INFINITY => quoted("Infinity"),
        f64::NEG_INFINITY => quoted("-Infinity"),
        _ => serde_json::Value::from(value).to_string(),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
