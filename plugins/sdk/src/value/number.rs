//! Integers, floats and booleans.

use super::{Value, unexpected, unquoted};
use crate::bindings::star::transform::types::ColumnType;
use crate::cursor::Cursor;
use crate::reject::Reject;
use crate::shape::Slot;
use bumpalo::Bump;

impl<'a> Value<'a> for i32 {
    fn column_type() -> Option<ColumnType> {
        Some(ColumnType::Int32)
    }

    #[inline(always)]
    fn read(cursor: &mut Cursor<'a>, slot: &Slot) -> Option<Self> {
        i32::try_from(i64::read(cursor, slot)?).ok()
    }

    fn parse(raw: &'a str, _arena: &'a Bump) -> Result<Self, Reject> {
        parse_integer(raw, "an integer of 32 bits, -2147483648 to 2147483647")
    }
}

impl<'a> Value<'a> for i64 {
    fn column_type() -> Option<ColumnType> {
        Some(ColumnType::Int64)
    }

    #[inline(always)]
    fn read(cursor: &mut Cursor<'a>, _slot: &Slot) -> Option<Self> {
        let negative = cursor.minus();
        let (number, _) = cursor.integer()?;
        // At most 18 digits, so that neither sign overflows.
        Some(if negative { -(number as i64) } else { number as i64 })
    }

    fn parse(raw: &'a str, _arena: &'a Bump) -> Result<Self, Reject> {
        parse_integer(raw, "an integer of 64 bits, -9223372036854775808 to 9223372036854775807")
    }
}

fn parse_integer<T: core::str::FromStr>(raw: &str, expected: &str) -> Result<T, Reject> {
    let is_integer = raw.strip_prefix('-').unwrap_or(raw).bytes().all(|byte| byte.is_ascii_digit());
    let code = if is_integer { "range" } else { "type" };
    raw.parse().map_err(|_| unexpected(code, raw, expected))
}

impl<'a> Value<'a> for f64 {
    fn column_type() -> Option<ColumnType> {
        Some(ColumnType::Float64)
    }

    #[inline]
    fn read(cursor: &mut Cursor<'a>, _slot: &Slot) -> Option<Self> {
        cursor.number_text()?.parse().ok()
    }

    fn parse(raw: &'a str, _arena: &'a Bump) -> Result<Self, Reject> {
        let expected = "a number, or \"NaN\", \"Infinity\" or \"-Infinity\"";
        if let Some(text) = unquoted(raw) {
            return match &*text {
                "NaN" => Ok(f64::NAN),
                "Infinity" => Ok(f64::INFINITY),
                "-Infinity" => Ok(f64::NEG_INFINITY),
                _ => Err(unexpected("type", raw, expected)),
            };
        }
        let number: f64 = raw.parse().map_err(|_| unexpected("type", raw, expected))?;
        if number.is_infinite() {
            return Err(unexpected("range", raw, "a number that 64 bits can hold"));
        }
        Ok(number)
    }
}

impl<'a> Value<'a> for bool {
    fn column_type() -> Option<ColumnType> {
        Some(ColumnType::Boolean)
    }

    #[inline(always)]
    fn read(cursor: &mut Cursor<'a>, _slot: &Slot) -> Option<Self> {
        cursor.boolean()
    }

    fn parse(raw: &'a str, _arena: &'a Bump) -> Result<Self, Reject> {
        raw.parse().map_err(|_| unexpected("type", raw, "true or false"))
    }
}
