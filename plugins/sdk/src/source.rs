//! Source rows, and the exact reading of a line.
//!
//! [`Source::read`] is the fast way, for a line of the predicted shape; [`Source::parse`] is the exact one, by serde_json,
//! and decides each line that the fast way gives up on. Both give the same row for every line, or the same reject: the fast
//! way never rejects.

use crate::bindings::star::transform::types::{Lookup, SourceColumn};
use crate::cursor::Cursor;
use crate::reject::Reject;
use crate::shape::{Columns, Shape};
use crate::value::unexpected;
pub use bumpalo::Bump as Arena;
use bumpalo::Bump;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A struct that a JSON line is read into; derive it.
///
/// Each field is a column of the table, with a type of [`crate::value`]; `Option` takes nulls and lines without the column.
/// Container attributes: `#[source(table = "...")]`. Field attributes: `#[source(rename = "...")]` for a column whose name is
/// no Rust name, and `#[source(lookup = "table", column = "refers", key = "key")]` for a nested struct that the host joins
/// from another table (its `column` is that of this table, its `key` that of the other).
///
/// On an enum without fields, the derive makes a text column that holds one of the variants' names, in
/// SCREAMING_SNAKE_CASE or as `#[source(rename = "...")]` says.
pub trait Source {
    /// The row, with texts that live as long as the line.
    type Of<'a>;
    /// The source table.
    const TABLE: &'static str;
    /// The columns that a line's shape is learned from.
    const COLUMNS: &'static Columns;

    /// Reads a line of the shape `shape`; `None` where the line is not of it, or a value is not plain.
    fn read<'a>(cursor: &mut Cursor<'a>, shape: &Shape) -> Option<Self::Of<'a>>;

    /// Reads any JSON object.
    ///
    /// # Errors
    /// A reject that names the first bad column, in the order of the struct.
    fn parse<'a>(object: &'a str, arena: &'a Bump) -> Result<Self::Of<'a>, Reject>;

    /// The columns of the table for the manifest, without lookups.
    fn source_columns() -> Vec<SourceColumn>;

    /// The lookups for the manifest.
    fn lookups() -> Vec<Lookup>;
}

/// Finds the raw JSON text of each column of `columns` in `object`; `None` for a column that is not there.
///
/// # Errors
/// `json` where the text is no JSON object, `duplicate-column` where a column of `columns` comes twice.
#[doc(hidden)]
pub fn raw_columns<'a, const N: usize>(object: &'a str, columns: &Columns) -> Result<[Option<&'a str>; N], Reject> {
    let mut raws = [None; N];
    find_columns(object, columns.names, &mut raws)?;
    Ok(raws)
}

fn find_columns<'a>(object: &'a str, names: &[&str], raws: &mut [Option<&'a str>]) -> Result<(), Reject> {
    let mut duplicate = None;
    let visitor = ColumnVisitor { names, raws, duplicate: &mut duplicate };
    let mut deserializer = serde_json::Deserializer::from_str(object);
    let result = deserializer.deserialize_map(visitor).and_then(|()| deserializer.end());
    if let Some(duplicate) = duplicate {
        return Err(Reject::new("duplicate-column", "the column comes twice in the line").column(names[duplicate]));
    }
    result.map_err(|error| json_reject(object, &error))
}

fn json_reject(object: &str, error: &serde_json::Error) -> Reject {
    if error.is_data() {
        return unexpected("json", object.trim(), "a JSON object");
    }
    // serde_json adds the place to its message; a line has only columns, so it is said once and in words of our own.
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    // An early end stands where the line ends: to serde_json the line feed begins a next line.
    let position = if error.is_eof() { object.trim_end_matches('\n').len() } else { error.column() };
    let found = object.get(position.saturating_sub(1)..).and_then(|rest| rest.chars().next());
    match found {
        Some(found) if !error.is_eof() => Reject::new(
            "json",
            format!("not valid JSON at byte {position} of the line, at `{}`: {message}", found.escape_debug()),
        ),
        _ => Reject::new("json", format!("not valid JSON at byte {position} of the line: {message}")),
    }
}

struct ColumnVisitor<'a, 's> {
    names: &'s [&'s str],
    raws: &'s mut [Option<&'a str>],
    duplicate: &'s mut Option<usize>,
}

impl<'a> Visitor<'a> for ColumnVisitor<'a, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(column) = map.next_key_seed(ColumnIndex(self.names))? {
            let raw = map.next_value::<&'a RawValue>()?;
            let Some(column) = column else { continue };
            if self.raws[column].replace(raw.get()).is_some() {
                *self.duplicate = Some(column);
                return Err(A::Error::custom("duplicate column"));
            }
        }
        Ok(())
    }
}

/// Reads a key as the index of its name.
struct ColumnIndex<'s>(&'s [&'s str]);

impl<'a> serde::de::DeserializeSeed<'a> for ColumnIndex<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for ColumnIndex<'_> {
    type Value = Option<usize>;

    fn expecting(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("a column name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|candidate| *candidate == name))
    }
}
