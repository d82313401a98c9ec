//! Values of a row, read as a plugin reads them.

use super::moment::{date_text, parse_date, parse_time, parse_timestamp, time_text};
use super::number::Number;
use crate::columns::decimal_text;
use crate::manifest::ColumnType;
use serde_json::Value;

/// The texts that stand for floats which are no numbers.
pub(super) const SPECIAL_FLOATS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// What a JSON value is.
#[derive(Debug, PartialEq)]
pub(super) enum Json<'a> {
    Null,
    Boolean(bool),
    Number(Number<'a>),
    Text(String),
    /// An object or an array.
    Nested,
    /// A number that no column type holds, or a text that is none once its escapes are resolved.
    Unreadable,
}

impl<'a> Json<'a> {
    /// What the valid JSON `raw` is.
    pub(super) fn parse(raw: &'a str) -> Self {
        match raw.as_bytes().first() {
            Some(b'n') => Self::Null,
            Some(b't') => Self::Boolean(true),
            Some(b'f') => Self::Boolean(false),
            Some(b'"') => serde_json::from_str(raw).map_or(Self::Unreadable, Self::Text),
            Some(b'{' | b'[') => Self::Nested,
            _ => match Number::parse(raw) {
                Some(number) if number.fits_a_decimal() => Self::Number(number),
                Some(number) if number.has_exponent && number.float().is_some() => Self::Number(number),
                _ => Self::Unreadable,
            },
        }
    }
}

/// A value in the form that the rows of a case have it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    Null,
    /// JSON text.
    Json(String),
    /// The JSON texts of a point in time's day and time of day.
    Moment {
        date: String,
        time: String,
    },
}

/// Reads a value as a column of type `column_type` does; `None` where that rejects the value. A `raw` of `None` is a line
/// without the column.
pub(super) fn read(raw: Option<&str>, column_type: ColumnType, nullable: bool) -> Option<Cell> {
    match raw.map_or(Json::Null, Json::parse) {
        Json::Null => nullable.then_some(Cell::Null),
        Json::Boolean(value) => (column_type == ColumnType::Boolean).then(|| Cell::Json(value.to_string())),
        Json::Number(number) => read_number(&number, column_type).map(Cell::Json),
        Json::Text(text) => read_text(&text, column_type),
        Json::Nested | Json::Unreadable => None,
    }
}

fn read_number(number: &Number<'_>, column_type: ColumnType) -> Option<String> {
    match column_type {
        ColumnType::Int32 => {
            number.integer().and_then(|number| i32::try_from(number).ok()).map(|number| number.to_string())
        }
        ColumnType::Int64 => number.integer().map(|number| number.to_string()),
        ColumnType::Float64 => number.float().map(|number| Value::from(number).to_string()),
        ColumnType::Decimal { precision, scale } => {
            number.unscaled(precision, scale).map(|unscaled| decimal_text(unscaled, scale))
        }
        _ => None,
    }
}

fn read_text(text: &str, column_type: ColumnType) -> Option<Cell> {
    let json = |text: &str| Cell::Json(Value::from(text).to_string());
    match column_type {
        ColumnType::Utf8 => Some(json(text)),
        ColumnType::Float64 => SPECIAL_FLOATS.contains(&text).then(|| json(text)),
        ColumnType::Date => parse_date(text).map(|date| json(&date_text(date))),
        ColumnType::Time => parse_time(text).map(|time| json(&time_text(time))),
        ColumnType::Timestamp => parse_timestamp(text).map(|moment| Cell::Moment {
            date: Value::from(date_text(moment.date())).to_string(),
            time: Value::from(time_text(moment.time())).to_string(),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_as_its_column_and_rejected_by_others() {
        let decimal = ColumnType::Decimal { precision: 18, scale: 2 };
        let json = |raw, column_type| match read(Some(raw), column_type, true) {
            Some(Cell::Json(json)) => Some(json),
            _ => None,
        };
        assert_eq!(json("3.4", decimal).as_deref(), Some("3.40"));
        assert_eq!(json("3.4", ColumnType::Float64).as_deref(), Some("3.4"));
        assert_eq!(json("\"NaN\"", ColumnType::Float64).as_deref(), Some("\"NaN\""));
        assert_eq!(json("\"a\\u0022\\n\"", ColumnType::Utf8).as_deref(), Some("\"a\\\"\\n\""));
        assert_eq!(json("2147483648", ColumnType::Int32), None);
        assert_eq!(json("\"3.4\"", decimal), None);
        assert_eq!(json("3.4", ColumnType::Utf8), None);
        assert_eq!(json("\"\\ud800\"", ColumnType::Utf8), None);
        assert_eq!((read(None, decimal, true), read(Some("null"), decimal, false)), (Some(Cell::Null), None));
    }
}
