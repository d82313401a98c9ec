//! One column of a packet as an array, and back.

use crate::packet::values::{
    EPOCH_DAYS, EPOCH_MICROS, Zone, write_clock, write_date, write_integer, write_text, write_timestamp,
};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int16Array,
    Int32Array, Int64Array, StringArray, Time64MicrosecondArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};
use arrow::error::ArrowError;
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use std::sync::Arc;

/// How a column's values are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Native {
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Boolean,
    Decimal {
        precision: u8,
        scale: u8,
    },
    Date,
    Time,
    Timestamp(Zone),
    Text,
    /// The text of the value in its line.
    Json,
}

impl Native {
    /// The form of a type, as Postgres writes it.
    pub(super) fn of(type_name: &str) -> Self {
        let base = type_name.split('(').next().unwrap_or_default();
        match base {
            _ if type_name.ends_with("[]") => Self::Json,
            "smallint" => Self::Int16,
            "integer" => Self::Int32,
            "bigint" => Self::Int64,
            "real" => Self::Float32,
            "double precision" => Self::Float64,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "text" | "character varying" | "character" | "uuid" => Self::Text,
            "numeric" => decimal(type_name).unwrap_or(Self::Json),
            "time" if !type_name.ends_with("with time zone") => Self::Time,
            "time without time zone" => Self::Time,
            _ if type_name.starts_with("timestamp") && type_name.ends_with("without time zone") => {
                Self::Timestamp(Zone::None)
            }
            _ if type_name.starts_with("timestamp") => Self::Timestamp(Zone::Utc),
            _ => Self::Json,
        }
    }

    pub(super) fn data_type(self) -> DataType {
        match self {
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::Boolean => DataType::Boolean,
            Self::Decimal { precision, scale } => DataType::Decimal128(precision, scale.cast_signed()),
            Self::Date => DataType::Date32,
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::Timestamp(Zone::None) => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Timestamp(Zone::Utc) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Text | Self::Json => DataType::Utf8,
        }
    }

    /// Values as their lines have them; those that the form can't hold are null.
    pub(super) fn array(self, values: &[Option<String>]) -> Result<ArrayRef, ArrowError> {
        let values = values.iter().map(Option::as_deref);
        Ok(match self {
            Self::Int16 => Arc::new(values.map(|value| value?.parse().ok()).collect::<Int16Array>()),
            Self::Int32 => Arc::new(values.map(|value| value?.parse().ok()).collect::<Int32Array>()),
            Self::Int64 => Arc::new(values.map(|value| value?.parse().ok()).collect::<Int64Array>()),
            Self::Float32 => Arc::new(values.map(|value| value?.parse().ok()).collect::<Float32Array>()),
            Self::Float64 => Arc::new(values.map(|value| value?.parse().ok()).collect::<Float64Array>()),
            Self::Boolean => Arc::new(values.map(|value| value?.parse().ok()).collect::<BooleanArray>()),
            Self::Decimal { precision, scale } => {
                let values = values.map(|value| unscaled(value?, precision, scale));
                let values: Decimal128Array = values.collect();
                Arc::new(values.with_precision_and_scale(precision, scale.cast_signed())?)
            }
            Self::Date => {
                let days = |value: &str| {
                    let date = NaiveDate::parse_from_str(bare(value)?, "%Y-%m-%d").ok()?;
                    i32::try_from((date - NaiveDate::default()).num_days()).ok()
                };
                Arc::new(values.map(|value| days(value?)).collect::<Date32Array>())
            }
            Self::Time => {
                let micros = |value: &str| {
                    let time = NaiveTime::parse_from_str(bare(value)?, "%H:%M:%S%.f").ok()?;
                    let seconds = i64::from(time.num_seconds_from_midnight());
                    Some(seconds * 1_000_000 + i64::from(time.nanosecond() / 1_000))
                };
                Arc::new(values.map(|value| micros(value?)).collect::<Time64MicrosecondArray>())
            }
            Self::Timestamp(zone) => {
                let micros = |value: &str| {
                    let text = bare(value)?;
                    let text = text.strip_suffix("+00:00").unwrap_or(text);
                    let moment = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
                    Some(moment.and_utc().timestamp_micros())
                };
                let array: TimestampMicrosecondArray = values.map(|value| micros(value?)).collect();
                Arc::new(if zone == Zone::Utc { array.with_timezone("UTC") } else { array })
            }
            Self::Text => {
                let text = |value: &str| serde_json::from_str::<String>(value).ok();
                Arc::new(values.map(|value| text(value?)).collect::<StringArray>())
            }
            Self::Json => Arc::new(values.collect::<StringArray>()),
        })
    }

    /// Writes a value as a line has it.
    pub(super) fn write(self, array: &ArrayRef, row: usize, output: &mut Vec<u8>) {
        if array.is_null(row) {
            output.extend_from_slice(b"null");
            return;
        }
        match self {
            Self::Int16 => write_integer(array.as_primitive::<Int16Type>().value(row).into(), output),
            Self::Int32 => write_integer(array.as_primitive::<Int32Type>().value(row).into(), output),
            Self::Int64 => write_integer(array.as_primitive::<Int64Type>().value(row), output),
            // A vector takes everything.
            Self::Float32 => drop(serde_json::to_writer(output, &array.as_primitive::<Float32Type>().value(row))),
            Self::Float64 => drop(serde_json::to_writer(output, &array.as_primitive::<Float64Type>().value(row))),
            Self::Boolean => output.extend_from_slice(if array.as_boolean().value(row) { b"true" } else { b"false" }),
            Self::Decimal { scale, .. } => {
                write_unscaled(array.as_primitive::<Decimal128Type>().value(row), scale, output);
            }
            Self::Date => {
                write_date(array.as_primitive::<Date32Type>().value(row).saturating_sub(EPOCH_DAYS), output);
            }
            Self::Time => {
                output.push(b'"');
                write_clock(array.as_primitive::<Time64MicrosecondType>().value(row), output);
                output.push(b'"');
            }
            Self::Timestamp(zone) => {
                let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
                write_timestamp(micros.saturating_sub(EPOCH_MICROS), zone, output);
            }
            Self::Text => write_text(array.as_string::<i32>().value(row).as_bytes(), output),
            Self::Json => output.extend_from_slice(array.as_string::<i32>().value(row).as_bytes()),
        }
    }
}

/// `numeric(10,2)`, where all of its values fit.
fn decimal(type_name: &str) -> Option<Native> {
    let (precision, scale) = type_name.strip_prefix("numeric(")?.strip_suffix(')')?.split_once(',')?;
    let (precision, scale) = (precision.parse().ok()?, scale.parse().ok()?);
    (precision <= 38 && scale <= precision).then_some(Native::Decimal { precision, scale })
}

fn bare(value: &str) -> Option<&str> {
    value.strip_prefix('"')?.strip_suffix('"')
}

/// `-12.30` with a scale of 2 as -1230; `None` if it has other digits.
fn unscaled(value: &str, precision: u8, scale: u8) -> Option<i128> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    if fraction.len() != usize::from(scale) {
        return None;
    }
    let number: i128 = format!("{whole}{fraction}").parse().ok()?;
    (number.unsigned_abs() < 10_u128.pow(precision.into())).then_some(number)
}

fn write_unscaled(number: i128, scale: u8, output: &mut Vec<u8>) {
    if number < 0 {
        output.push(b'-');
    }
    let digits = format!("{:0width$}", number.unsigned_abs(), width = usize::from(scale) + 1);
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
    output.extend_from_slice(whole.as_bytes());
    if !fraction.is_empty() {
        output.push(b'.');
        output.extend_from_slice(fraction.as_bytes());
    }
}
