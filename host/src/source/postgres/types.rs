//! How the binary form of each type becomes JSON.

use crate::packet::values::{
    Zone, write_clock, write_clock_with_zone, write_date, write_decimal, write_integer, write_interval, write_text,
    write_timestamp, write_unsigned,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::net::{Ipv4Addr, Ipv6Addr};
use tokio_postgres::types::Type;

/// How values of a type are read. What has no decoder of its own is asked for as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decoder {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    Text,
    Char,
    Date,
    Time,
    TimeTz,
    Timestamp,
    TimestampTz,
    Interval,
    Uuid,
    Json,
    Jsonb,
    Bytea,
    Inet,
    Array(Box<Decoder>),
}

/// A value whose bytes are not those of its type.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

const SHORT: Malformed = Malformed("a value is shorter than its type");

impl Decoder {
    /// The decoder of a type, by its oid; `None` if it has none.
    pub(super) fn of(oid: u32, is_enum: bool) -> Option<Self> {
        if is_enum {
            return Some(Self::Text);
        }
        Some(match Type::from_oid(oid)? {
            Type::BOOL => Self::Bool,
            Type::INT2 => Self::Int2,
            Type::INT4 => Self::Int4,
            Type::INT8 => Self::Int8,
            Type::OID => Self::Oid,
            Type::FLOAT4 => Self::Float4,
            Type::FLOAT8 => Self::Float8,
            Type::NUMERIC => Self::Numeric,
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME => Self::Text,
            Type::CHAR => Self::Char,
            Type::DATE => Self::Date,
            Type::TIME => Self::Time,
            Type::TIMETZ => Self::TimeTz,
            Type::TIMESTAMP => Self::Timestamp,
            Type::TIMESTAMPTZ => Self::TimestampTz,
            Type::INTERVAL => Self::Interval,
            Type::UUID => Self::Uuid,
            Type::JSON => Self::Json,
            Type::JSONB => Self::Jsonb,
            Type::BYTEA => Self::Bytea,
            Type::INET | Type::CIDR => Self::Inet,
            _ => return None,
        })
    }

    /// Writes a value as JSON.
    #[inline]
    pub(super) fn write(&self, value: &[u8], output: &mut Vec<u8>) -> Result<(), Malformed> {
        match self {
            Self::Bool => output.extend_from_slice(if read::<1>(value)? == [0] { b"false" } else { b"true" }),
            Self::Int2 => write_integer(i16::from_be_bytes(read(value)?).into(), output),
            Self::Int4 => write_integer(i32::from_be_bytes(read(value)?).into(), output),
            Self::Int8 => write_integer(i64::from_be_bytes(read(value)?), output),
            Self::Oid => write_unsigned(u32::from_be_bytes(read(value)?).into(), output),
            Self::Float4 => {
                let number = f32::from_be_bytes(read(value)?);
                write_float(number.is_finite().then_some(number), number.into(), output);
            }
            Self::Float8 => {
                let number = f64::from_be_bytes(read(value)?);
                write_float(number.is_finite().then_some(number), number, output);
            }
            Self::Numeric => write_numeric(value, output)?,
            Self::Text => write_text(value, output),
            Self::Char => write_char(read(value)?, output),
            Self::Date => write_date(i32::from_be_bytes(read(value)?), output),
            Self::Time => {
                output.push(b'"');
                write_clock(i64::from_be_bytes(read(value)?), output);
                output.push(b'"');
            }
            Self::TimeTz => {
                let (micros, zone) = value.split_first_chunk().ok_or(SHORT)?;
                output.push(b'"');
                write_clock_with_zone(i64::from_be_bytes(*micros), i32::from_be_bytes(read(zone)?), output);
                output.push(b'"');
            }
            Self::Timestamp => write_timestamp(i64::from_be_bytes(read(value)?), Zone::None, output),
            Self::TimestampTz => write_timestamp(i64::from_be_bytes(read(value)?), Zone::Utc, output),
            Self::Interval => {
                let (micros, rest) = value.split_first_chunk().ok_or(SHORT)?;
                let (days, months) = rest.split_first_chunk().ok_or(SHORT)?;
                let (months, days) = (i32::from_be_bytes(read(months)?), i32::from_be_bytes(*days));
                write_interval(months, days, i64::from_be_bytes(*micros), output);
            }
            Self::Uuid => {
                output.push(b'"');
                let uuid = uuid::Uuid::from_bytes(read(value)?);
                output.extend_from_slice(uuid.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()).as_bytes());
                output.push(b'"');
            }
            Self::Json => write_compact(value, output),
            Self::Jsonb => match value {
                [1, json @ ..] => write_compact(json, output),
                _ => return Err(Malformed("a jsonb value has another version than 1")),
            },
            Self::Bytea => {
                output.push(b'"');
                output.extend_from_slice(STANDARD.encode(value).as_bytes());
                output.push(b'"');
            }
            Self::Inet => write_inet(value, output)?,
            Self::Array(element) => write_array(element, value, output)?,
        }
        Ok(())
    }
}

#[inline]
fn read<const N: usize>(value: &[u8]) -> Result<[u8; N], Malformed> {
    value.try_into().map_err(|_| Malformed("a value has not the size of its type"))
}

/// Writes a finite number by its shortest digits that tell it from its neighbours.
fn write_float(finite: Option<impl serde::Serialize>, number: f64, output: &mut Vec<u8>) {
    match finite {
        // A vector takes everything.
        Some(finite) => drop(serde_json::to_writer(output, &finite)),
        None if number.is_nan() => output.extend_from_slice(b"\"NaN\""),
        None if number > 0.0 => output.extend_from_slice(b"\"Infinity\""),
        None => output.extend_from_slice(b"\"-Infinity\""),
    }
}

/// Writes the one byte of a `"char"` as PostgreSQL 16 does: what is no ASCII by its octal digits, which servers before send as
/// it is, and so as no text at all.
fn write_char(value: [u8; 1], output: &mut Vec<u8>) {
    match value {
        [0] => write_text(b"", output),
        [byte] if byte.is_ascii() => write_text(&value, output),
        [byte] => write_text(format!("\\{byte:03o}").as_bytes(), output),
    }
}

fn write_numeric(value: &[u8], output: &mut Vec<u8>) -> Result<(), Malformed> {
    let (head, digits) = value.split_first_chunk::<8>().ok_or(SHORT)?;
    let word = |at: usize| [head[at], head[at + 1]];
    let (count, weight) = (u16::from_be_bytes(word(0)), i16::from_be_bytes(word(2)));
    let (sign, scale) = (u16::from_be_bytes(word(4)), u16::from_be_bytes(word(6)));
    if digits.len() != usize::from(count) * 2 {
        return Err(SHORT);
    }
    match sign {
        0x0000 | 0x4000 => write_decimal(digits, weight, sign == 0x4000, scale, output),
        0xC000 => output.extend_from_slice(b"\"NaN\""),
        0xD000 => output.extend_from_slice(b"\"Infinity\""),
        0xF000 => output.extend_from_slice(b"\"-Infinity\""),
        _ => return Err(Malformed("a number has an unknown sign")),
    }
    Ok(())
}

/// Writes JSON without the white space between its parts.
fn write_compact(json: &[u8], output: &mut Vec<u8>) {
    let (mut is_text, mut is_escaped) = (false, false);
    for byte in json {
        if is_text {
            output.push(*byte);
            is_text = is_escaped || *byte != b'"';
            is_escaped = !is_escaped && *byte == b'\\';
        } else if !byte.is_ascii_whitespace() {
            output.push(*byte);
            is_text = *byte == b'"';
        }
    }
}

/// Writes an address as Postgres does: family, bits, whether it is a network, length, bytes.
fn write_inet(value: &[u8], output: &mut Vec<u8>) -> Result<(), Malformed> {
    let [_, bits, is_cidr, _, address @ ..] = value else { return Err(SHORT) };
    let (text, most) = if let Ok(address) = <[u8; 4]>::try_from(address) {
        (Ipv4Addr::from(address).to_string(), 32)
    } else if let Ok(address) = <[u8; 16]>::try_from(address) {
        let address = Ipv6Addr::from(address);
        let [zeros @ .., high, low] = address.segments();
        let text = if zeros == [0; 6] && high != 0 {
            // An old form that embeds an address of version 4, which Postgres writes as such.
            format!("::{}", Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        } else {
            address.to_string()
        };
        (text, 128)
    } else {
        return Err(Malformed("an address has neither 4 nor 16 bytes"));
    };
    output.push(b'"');
    output.extend_from_slice(text.as_bytes());
    if *is_cidr != 0 || *bits != most {
        output.push(b'/');
        write_unsigned((*bits).into(), output);
    }
    output.push(b'"');
    Ok(())
}

/// Writes an array as JSON, each dimension an array of the next. Lower bounds other than 1 are not told.
fn write_array(element: &Decoder, value: &[u8], output: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut rest = value;
    let mut word = || {
        let (head, tail) = rest.split_first_chunk().ok_or(SHORT)?;
        rest = tail;
        Ok(i32::from_be_bytes(*head))
    };
    let (dimensions, _has_nulls, _element) = (word()?, word()?, word()?);
    let mut sizes = Vec::new();
    for _ in 0..dimensions {
        sizes.push(usize::try_from(word()?).map_err(|_| Malformed("an array has a negative size"))?);
        word()?;
    }
    // Some types write a dimension of no elements.
    if sizes.iter().product::<usize>() == 0 || sizes.is_empty() {
        output.extend_from_slice(b"[]");
        return Ok(());
    }
    // More elements than bytes can't be.
    let count = sizes.iter().try_fold(1_usize, |count, size| count.checked_mul(*size));
    let count = count.filter(|count| *count <= rest.len()).ok_or(SHORT)?;
    let sizes: Vec<usize> = sizes
        .iter()
        .rev()
        .scan(1, |all, size| {
            *all *= size;
            Some(*all)
        })
        .collect();
    for index in 0..count {
        if index > 0 && !sizes.is_empty() {
            sizes.iter().filter(|size| index.is_multiple_of(**size)).for_each(|_| output.push(b']'));
            output.push(b',');
        }
        sizes.iter().filter(|size| index.is_multiple_of(**size)).for_each(|_| output.push(b'['));
        let (length, tail) = rest.split_first_chunk().ok_or(SHORT)?;
        rest = tail;
        match usize::try_from(i32::from_be_bytes(*length)) {
            Ok(length) => {
                let (value, tail) = rest.split_at_checked(length).ok_or(SHORT)?;
                element.write(value, output)?;
                rest = tail;
            }
            Err(_) => output.extend_from_slice(b"null"),
        }
    }
    sizes.iter().for_each(|_| output.push(b']'));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_nest_by_their_dimensions() {
        let mut value: Vec<u8> = [2_i32, 1, 23, 2, 1, 3, 1].iter().flat_map(|word| word.to_be_bytes()).collect();
        for number in 1..=6_i32 {
            if number == 5 {
                value.extend_from_slice(&(-1_i32).to_be_bytes());
            } else {
                value.extend_from_slice(&4_i32.to_be_bytes());
                value.extend_from_slice(&number.to_be_bytes());
            }
        }
        let mut output = Vec::new();
        write_array(&Decoder::Int4, &value, &mut output).unwrap();
        assert_eq!("[[1,2,3],[4,null,6]]", String::from_utf8(output).unwrap());
        for length in 0..value.len() {
            assert!(write_array(&Decoder::Int4, &value[..length], &mut Vec::new()).is_err(), "{length}");
        }
    }

    #[test]
    fn json_becomes_compact_outside_of_texts() {
        let mut output = Vec::new();
        write_compact(b"{ \"a b\\\" \" : [1 ,\n 2.50] }", &mut output);
        assert_eq!("{\"a b\\\" \":[1,2.50]}", String::from_utf8(output).unwrap());
    }
}
