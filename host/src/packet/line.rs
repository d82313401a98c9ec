//! A line: its members, and their canonical spelling.

use super::values::write_text;
use chrono::NaiveDateTime;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The members of a JSON object, in their order, the values as they are spelt.
#[derive(Debug)]
pub(crate) struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// The most columns that a table has: as in Postgres.
const COLUMNS_MAX: usize = 1_600;

/// A member's name, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Members<'a> {
    pub(crate) fn parse(line: &'a [u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(line).map_err(|error| format!("it is no UTF-8: {error}"))?;
        serde_json::from_str(text).map_err(|error| format!("it is no JSON object: {error}"))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.get()))
    }

    pub(crate) fn at(&self, index: usize) -> Option<(&str, &'a str)> {
        self.0.get(index).map(|(name, value)| (name.as_ref(), value.get()))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.iter().find(|(member, _)| *member == name).map(|(_, value)| value)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    if members.len() == COLUMNS_MAX {
                        return Err(serde::de::Error::custom(format_args!("it has more than {COLUMNS_MAX} columns")));
                    }
                    if members.iter().any(|(known, _)| *known == name) {
                        return Err(serde::de::Error::custom(format_args!("`{name}` stands there twice")));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// Writes a JSON value compactly: without white space, texts with no escapes but the necessary ones, numbers as they are.
pub(crate) fn write_value(value: &str, output: &mut Vec<u8>) {
    let mut rest = value.as_bytes();
    while let Some(first) = rest.first() {
        match first {
            b'"' => {
                let end = text_end(rest);
                let text = &rest[..end];
                match memchr::memchr(b'\\', text).and_then(|_| serde_json::from_slice::<String>(text).ok()) {
                    Some(text) => write_text(text.as_bytes(), output),
                    None => output.extend_from_slice(text),
                }
                rest = &rest[end..];
            }
            b' ' | b'\t' | b'\r' | b'\n' => rest = &rest[1..],
            other => {
                output.push(*other);
                rest = &rest[1..];
            }
        }
    }
}

/// The end of the text that begins here, its quote included.
fn text_end(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(found) = memchr::memchr2(b'"', b'\\', &bytes[at..]) {
        at += found;
        if bytes[at] == b'"' {
            return at + 1;
        }
        at += 2;
        if at >= bytes.len() {
            break;
        }
    }
    bytes.len()
}

/// The microseconds since 1970 of a timestamp in quotes: ISO 8601, or with a blank in place of the `T`.
pub(crate) fn timestamp_micros(value: &str) -> Option<i64> {
    let text = value.strip_prefix('"')?.strip_suffix('"')?;
    let text = text.strip_suffix('Z').unwrap_or(text);
    let parsed = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f"));
    parsed.ok().map(|moment| moment.and_utc().timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_compact_and_keep_what_they_are() {
        for (value, expected) in [
            (" [1.50 , 2e5,\t-0 ]", "[1.50,2e5,-0]"),
            (r#""caf\u00e9 \"a\" \\""#, r#""café \"a\" \\""#),
            (r#"{ "a b" : " , " }"#, r#"{"a b":" , "}"#),
            (r#""\ud83d\ude00\n""#, "\"😀\\n\""),
        ] {
            let mut written = Vec::new();
            write_value(value, &mut written);
            assert_eq!(expected, String::from_utf8(written).unwrap());
        }
    }

    #[test]
    fn timestamps_have_any_number_of_digits() {
        for (value, micros) in [
            ("\"1970-01-01T00:00:01\"", 1_000_000),
            ("\"1970-01-01 00:00:00.5\"", 500_000),
            ("\"1970-01-01T00:00:00.000001\"", 1),
        ] {
            assert_eq!(Some(micros), timestamp_micros(value));
        }
        assert_eq!(None, timestamp_micros("\"soon\""));
    }
}
