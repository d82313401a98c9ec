//! Keys as bytes that sort as the keys do.

use super::number::write_number;
use crate::packet::SourceColumn;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;

/// How the values of a key's columns become bytes: a whole number as eight bytes, most significant first, with the sign turned
/// round; anything else as the text that the line holds, without the quotes of types that always have some, ended by zero bytes.
/// Of other numbers each has one text, however the line spells it: `1.50` is `1.5`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLayout {
    columns: Vec<KeyColumn>,
}

/// A column of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyColumn {
    /// Its name.
    pub name: String,
    /// Whether its values are whole numbers of at most 64 bits.
    pub is_integer: bool,
    /// Whether its values are other numbers.
    pub is_number: bool,
    /// Whether lines hold all of its values in quotes.
    pub is_quoted: bool,
    /// The types that spell the same values alike are one kind.
    kind: String,
}

/// A line without a usable key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It is no JSON object.
    #[error("it is no JSON object")]
    Syntax(#[source] serde_json::Error),
    /// A column of the key is not there, or null.
    #[error("it has no value in `{0}`, a column of the key")]
    Missing(String),
    /// A value that a key of this type can't have.
    #[error("`{column}`, a column of the key, holds {value}, which is no whole number of 64 bits")]
    NoInteger {
        /// The column.
        column: String,
        /// The value, as the line has it.
        value: String,
    },
}

impl KeyLayout {
    /// The layout of the key `key` of a table with these columns.
    #[must_use]
    pub fn new(key: &[String], columns: &[SourceColumn]) -> Self {
        let type_of = |name: &String| columns.iter().find(|column| column.name == *name);
        let column = |name: &String| KeyColumn::new(name, type_of(name).map_or("text", |column| &column.type_name));
        Self { columns: key.iter().map(column).collect() }
    }

    /// The columns.
    #[must_use]
    pub fn columns(&self) -> &[KeyColumn] {
        &self.columns
    }

    /// Whether keys of the one can be keys of the other, whatever their columns are called.
    #[must_use]
    pub fn has_form_of(&self, other: &Self) -> bool {
        let form = |column: &KeyColumn| (column.is_integer, column.is_number, column.is_quoted);
        self.columns.iter().map(form).eq(other.columns.iter().map(form))
    }

    /// Whether, beyond that, a database spells equal values alike for both.
    #[must_use]
    pub fn is_spelt_as(&self, other: &Self) -> bool {
        let kind = |column: &KeyColumn| column.kind.clone();
        self.has_form_of(other) && self.columns.iter().map(kind).eq(other.columns.iter().map(kind))
    }

    /// Adds the bytes of the key of a line.
    ///
    /// # Errors
    /// [`KeyError`]; then `bytes` may have got a part of the key.
    pub fn encode_line(&self, line: &[u8], bytes: &mut Vec<u8>) -> Result<(), KeyError> {
        let values: HashMap<Cow<'_, str>, &RawValue> = serde_json::from_slice(line).map_err(KeyError::Syntax)?;
        for column in &self.columns {
            let raw = values.get(column.name.as_str()).map(|value| value.get()).filter(|raw| *raw != "null");
            let raw = raw.ok_or_else(|| KeyError::Missing(column.name.clone()))?;
            if column.is_integer {
                let shown = || crate::text::shown(raw, crate::text::NAME_CHARS_MAX);
                let number = raw.parse();
                let number = number.map_err(|_| KeyError::NoInteger { column: column.name.clone(), value: shown() })?;
                encode_integer(number, bytes);
            } else if column.is_number {
                encode_number(raw.as_bytes(), bytes);
            } else if column.is_quoted && raw.starts_with('"') {
                let text: Cow<'_, str> = serde_json::from_str(raw).map_err(KeyError::Syntax)?;
                encode_text(text.as_bytes(), bytes);
            } else {
                encode_text(raw.as_bytes(), bytes);
            }
        }
        Ok(())
    }

    /// The key as a JSON object, from its bytes.
    #[must_use]
    pub fn to_json(&self, mut bytes: &[u8]) -> String {
        let mut json = String::from("{");
        for column in &self.columns {
            if json.len() > 1 {
                json.push(',');
            }
            json.push_str(&quoted(&column.name));
            json.push(':');
            if column.is_integer {
                let (number, rest) = bytes
                    .split_first_chunk()
                    .map_or((0, &[][..]), |(head, rest)| ((u64::from_be_bytes(*head) ^ SIGN).cast_signed(), rest));
                json.push_str(&number.to_string());
                bytes = rest;
            } else {
                let (text, rest) = decode_text(bytes);
                let text = String::from_utf8_lossy(&text);
                json.push_str(&if column.is_quoted { quoted(&text) } else { text.into_owned() });
                bytes = rest;
            }
        }
        json.push('}');
        json
    }
}

impl KeyColumn {
    /// The column `name` of a type, as Postgres writes it.
    fn new(name: &str, type_name: &str) -> Self {
        let kind = kind_of(type_name);
        let is_integer = kind == "integer";
        let is_number = matches!(kind.as_str(), "real" | "double precision" | "numeric");
        let is_bare = is_integer
            || is_number
            || matches!(type_name, "boolean" | "oid" | "json" | "jsonb")
            || type_name.ends_with("[]");
        Self { name: name.to_owned(), is_integer, is_number, is_quoted: !is_bare, kind }
    }
}

/// The kind of a type: types are of one kind if a value of the one, turned into the other, is spelt as before.
fn kind_of(type_name: &str) -> String {
    // What is not among these was made by somebody: an enum, say, which is spelt as its text is.
    const KINDS: [&str; 31] = [
        "boolean",
        "real",
        "double precision",
        "numeric",
        "money",
        "oid",
        "\"char\"",
        "bytea",
        "bit varying",
        "date",
        "time without time zone",
        "time with time zone",
        "timestamp without time zone",
        "timestamp with time zone",
        "uuid",
        "json",
        "jsonb",
        "xml",
        "inet",
        "cidr",
        "macaddr",
        "macaddr8",
        "pg_lsn",
        "int4range",
        "int8range",
        "numrange",
        "daterange",
        "tsrange",
        "tstzrange",
        "tsvector",
        "tsquery",
    ];
    // `timestamp(3) without time zone`: digits are cut off that are zero.
    let plain = match (type_name.find('('), type_name.rfind(')')) {
        (Some(from), Some(to)) if from < to => format!("{}{}", &type_name[..from], &type_name[to + 1..]),
        _ => type_name.to_owned(),
    };
    match plain.as_str() {
        "smallint" | "integer" | "bigint" => "integer".to_owned(),
        // Filled up with blanks, or zeros.
        "character" | "bit" => type_name.to_owned(),
        plain if plain.starts_with("interval") => "interval".to_owned(),
        plain if plain.ends_with("[]") || KINDS.contains(&plain) => plain.to_owned(),
        _ => "text".to_owned(),
    }
}

const SIGN: u64 = 1 << 63;

/// Adds a whole number.
pub(crate) fn encode_integer(number: i64, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&(number.cast_unsigned() ^ SIGN).to_be_bytes());
}

/// Adds a number that is no whole one, as JSON spells it, ended as a text is.
pub(crate) fn encode_number(text: &[u8], bytes: &mut Vec<u8>) {
    write_number(text, bytes);
    bytes.extend_from_slice(&[0, 0]);
}

/// Adds a text, ended by two zero bytes. A zero byte within, which no database column can have, is followed by one that is not.
pub(crate) fn encode_text(text: &[u8], bytes: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(zero) = memchr::memchr(0, rest) {
        bytes.extend_from_slice(&rest[..=zero]);
        bytes.push(0xff);
        rest = &rest[zero + 1..];
    }
    bytes.extend_from_slice(rest);
    bytes.extend_from_slice(&[0, 0]);
}

/// The text at the beginning of a key, and what follows it.
fn decode_text(bytes: &[u8]) -> (Vec<u8>, &[u8]) {
    let (mut text, mut rest) = (Vec::new(), bytes);
    while let Some(zero) = memchr::memchr(0, rest) {
        text.extend_from_slice(&rest[..zero]);
        let is_within = rest.get(zero + 1) == Some(&0xff);
        rest = rest.get(zero + 2..).unwrap_or_default();
        if !is_within {
            return (text, rest);
        }
        text.push(0);
    }
    text.extend_from_slice(rest);
    (text, &[])
}

/// A text as JSON.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(columns: &[(&str, &str)]) -> KeyLayout {
        let column = |(name, type_name): &(&str, &str)| SourceColumn {
            name: (*name).to_owned(),
            type_name: (*type_name).to_owned(),
            nullable: false,
        };
        let columns: Vec<SourceColumn> = columns.iter().map(column).collect();
        KeyLayout::new(&columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>(), &columns)
    }

    fn encoded(layout: &KeyLayout, line: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        layout.encode_line(line.as_bytes(), &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn keys_sort_as_their_values() {
        let integer = layout(&[("id", "integer")]);
        let lines = ["-9223372036854775808", "-1", "0", "1", "255", "256", "9223372036854775807"];
        let keys: Vec<_> = lines.iter().map(|id| encoded(&integer, &format!("{{\"id\":{id}}}"))).collect();
        assert!(keys.is_sorted());
        let text = layout(&[("a", "text"), ("b", "integer")]);
        let lines = [
            r#"{"a":"","b":5}"#,
            r#"{"a":"a","b":-1}"#,
            r#"{"a":"a","b":3}"#,
            r#"{"a":"ab","b":0}"#,
            r#"{"a":"é","b":0}"#,
        ];
        assert!(lines.map(|line| encoded(&text, line)).is_sorted());
    }

    #[test]
    fn texts_with_zero_bytes_are_told_apart() {
        let layout = layout(&[("a", "text"), ("b", "text")]);
        let lines = [r#"{"a":"x","b":"y"}"#, r#"{"a":"x","b":"y\u0000z"}"#, r#"{"a":"x\u0000y","b":"z"}"#];
        let keys = lines.map(|line| encoded(&layout, line));
        assert!(keys.is_sorted() && keys[0] != keys[1] && keys[1] != keys[2]);
        assert_eq!(lines.to_vec(), keys.iter().map(|key| layout.to_json(key)).collect::<Vec<_>>());
    }

    #[test]
    fn a_key_comes_back_as_json() {
        let layout = layout(&[("a b", "text"), ("id", "bigint"), ("n", "numeric(10,2)"), ("u", "uuid")]);
        let line = r#"{"x":{"id":1},"a b":"q\"\u00e9\n","id":-7,"n":1.50,"u":"0-1"}"#;
        assert_eq!(r#"{"a b":"q\"é\n","id":-7,"n":1.5,"u":"0-1"}"#, layout.to_json(&encoded(&layout, line)));
    }

    #[test]
    fn types_that_spell_values_alike_are_known() {
        let key = |type_name: &str| layout(&[("k", type_name)]);
        for (left, right, is_alike) in [
            ("smallint", "bigint", true),
            ("numeric(10,2)", "numeric", true),
            ("text", "character varying(9)", true),
            ("text", "\"OddEnum\"", true),
            ("timestamp(3) without time zone", "timestamp without time zone", true),
            ("interval day to second(3)", "interval", true),
            ("character(3)", "character(4)", false),
            ("character(3)", "text", false),
            ("timestamp without time zone", "timestamp with time zone", false),
            ("timestamp without time zone", "text", false),
            ("uuid", "text", false),
            ("bytea", "text", false),
            ("real", "double precision", false),
            ("numeric", "integer", false),
        ] {
            assert_eq!(is_alike, key(left).is_spelt_as(&key(right)), "{left}, {right}");
        }
        assert!(key("timestamp without time zone").has_form_of(&key("text")));
    }

    #[test]
    fn a_line_without_a_key_says_so() {
        let layout = layout(&[("id", "integer")]);
        for (line, expected) in [
            ("[]", "it is no JSON object"),
            ("{\"id\":null}", "it has no value in `id`, a column of the key"),
            ("{\"id\":1.5}", "`id`, a column of the key, holds 1.5, which is no whole number of 64 bits"),
        ] {
            let error = layout.encode_line(line.as_bytes(), &mut Vec::new()).unwrap_err();
            assert_eq!(expected, error.to_string(), "{line}");
        }
    }
}
