//! Whether rows have the columns that a plugin reads, asked once before it runs: one message, not a million rejects.
//!
//! Rows of a packet come with their columns' types; those of a plain file do not, so the first rows are looked at. Only what
//! is wrong in all of them is a problem of the table; the rest is for the plugin to reject, row by row.

use crate::manifest::{ColumnType, SourceColumn};
use crate::packet;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fmt;

/// How many rows are looked at.
const SAMPLE_ROWS: usize = 1_000;

/// From how many values on, and at least half of the rows, it is the column that is of another type, and not some bad rows.
const RETYPED_VALUES_MIN: usize = 5;

/// A column that is not what the plugin reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnProblem {
    /// No row has the column.
    Missing {
        /// The column.
        name: String,
        /// A column that the rows have and whose name is almost the same.
        similar: Option<String>,
    },
    /// Every row has a value of another kind.
    Retyped {
        /// The column.
        name: String,
        /// What the plugin reads.
        expected: ColumnType,
        /// What the rows have, as JSON calls it.
        found: &'static str,
    },
}

impl fmt::Display for ColumnProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { name, similar: Some(similar) } => {
                write!(formatter, "there is no column `{name}` (is it `{similar}`?)")
            }
            Self::Missing { name, similar: None } => write!(formatter, "there is no column `{name}`"),
            Self::Retyped { name, expected, found } => {
                write!(
                    formatter,
                    "the column `{name}` is read as {expected}, and its values are of the JSON type {found}"
                )
            }
        }
    }
}

/// Holds `columns` against the first rows of `lines`. Gives the problems, and the names of the columns that the rows have.
/// Where no line is a JSON object there is nothing to compare.
#[must_use]
pub fn check_columns(columns: &[SourceColumn], lines: &[u8]) -> (Vec<ColumnProblem>, Vec<String>) {
    let rows: Vec<_> = lines.split(|&byte| byte == b'\n').take(SAMPLE_ROWS).filter_map(parse_row).collect();
    let found: BTreeSet<&str> = rows.iter().flat_map(HashMap::keys).map(AsRef::as_ref).collect();
    let found: Vec<String> = found.into_iter().map(str::to_owned).collect();
    if rows.len() < lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).take(SAMPLE_ROWS).count() / 2 {
        // Most of it is no JSON: that is told row by row.
        return (Vec::new(), found);
    }
    if rows.is_empty() {
        return (Vec::new(), found);
    }
    (columns.iter().filter_map(|column| check_column(column, &rows, &found)).collect(), found)
}

/// Holds `columns` against those of a packet: their names, and what their Postgres types look like in JSON.
#[must_use]
pub fn check_packet_columns(columns: &[SourceColumn], packet: &[packet::SourceColumn]) -> Vec<ColumnProblem> {
    let names: Vec<String> = packet.iter().map(|column| column.name.clone()).collect();
    let problem = |column: &SourceColumn| {
        let name = column.name.clone();
        let Some(found) = packet.iter().find(|found| found.name == name) else {
            let similar = similar_name(&name, &names);
            return (!column.nullable).then_some(ColumnProblem::Missing { name, similar });
        };
        let found = json_type_of(&found.type_name)?;
        let expected = column.column_type;
        (!is_read_as(found, expected)).then_some(ColumnProblem::Retyped { name, expected, found })
    };
    columns.iter().filter_map(problem).collect()
}

/// What values of a Postgres type are in JSON, where it is always the same.
fn json_type_of(postgres: &str) -> Option<&'static str> {
    if postgres.ends_with("[]") {
        return Some("array");
    }
    let name = postgres.split(['(', ' ']).next().unwrap_or(postgres);
    Some(match name {
        "smallint" | "integer" | "bigint" | "numeric" | "real" | "double" | "oid" => "number",
        "boolean" => "boolean",
        "text" | "character" | "date" | "time" | "timestamp" | "interval" | "uuid" | "bytea" | "inet" | "cidr"
        | "name" => "string",
        _ => return None,
    })
}

type Row<'a> = HashMap<Cow<'a, str>, &'a RawValue>;

fn parse_row(line: &[u8]) -> Option<Row<'_>> {
    serde_json::from_slice(line).ok()
}

fn check_column(column: &SourceColumn, rows: &[Row<'_>], found: &[String]) -> Option<ColumnProblem> {
    let name = column.name.clone();
    let values: Vec<_> = rows.iter().filter_map(|row| row.get(name.as_str())).collect();
    if values.is_empty() {
        // A column that may be null may also be left out of each row.
        let similar = similar_name(&name, found);
        return (!column.nullable).then_some(ColumnProblem::Missing { name, similar });
    }
    let kinds: Vec<_> = values.iter().map(|value| json_type(value.get())).filter(|kind| *kind != "null").collect();
    let first = *kinds.first()?;
    let all_alike = kinds.len() >= RETYPED_VALUES_MIN.max(rows.len() / 2) && kinds.iter().all(|kind| *kind == first);
    let all_wrong = all_alike && !is_read_as(first, column.column_type);
    all_wrong.then_some(ColumnProblem::Retyped { name, expected: column.column_type, found: first })
}

fn json_type(raw: &str) -> &'static str {
    match raw.as_bytes().first() {
        Some(b'"') => "string",
        Some(b'{') => "object",
        Some(b'[') => "array",
        Some(b't' | b'f') => "boolean",
        Some(b'n') => "null",
        _ => "number",
    }
}

fn is_read_as(json_type: &str, column_type: ColumnType) -> bool {
    match column_type {
        ColumnType::Boolean => json_type == "boolean",
        ColumnType::Int32 | ColumnType::Int64 | ColumnType::Decimal { .. } => json_type == "number",
        // NaN and the infinities are texts.
        ColumnType::Float64 => json_type == "number" || json_type == "string",
        ColumnType::Date | ColumnType::Time | ColumnType::Timestamp | ColumnType::Utf8 => json_type == "string",
    }
}

/// A name at most a third of whose letters differ from `name`.
fn similar_name(name: &str, found: &[String]) -> Option<String> {
    let closest = found.iter().min_by_key(|candidate| edit_distance(name, candidate))?;
    (edit_distance(name, closest) * 3 <= name.chars().count()).then(|| closest.clone())
}

/// How many letters to insert, drop or change to make one of the other (Levenshtein's distance, row by row).
fn edit_distance(left: &str, right: &str) -> usize {
    let mut distances: Vec<usize> = (0..=right.chars().count()).collect();
    for (row, letter) in left.chars().enumerate() {
        let mut diagonal = row;
        distances[0] = row + 1;
        for (column, other) in right.chars().enumerate() {
            let changed = diagonal + usize::from(letter != other);
            diagonal = distances[column + 1];
            distances[column + 1] = changed.min(diagonal + 1).min(distances[column] + 1);
        }
    }
    distances.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_of_a_packet_are_held_against_those_that_are_read() {
        let column = |name: &str, column_type, nullable| SourceColumn { name: name.to_owned(), column_type, nullable };
        let found = |name: &str, type_name: &str| packet::SourceColumn {
            name: name.to_owned(),
            type_name: type_name.to_owned(),
            nullable: false,
        };
        let read = [
            column("id", ColumnType::Int32, false),
            column("price", ColumnType::Decimal { precision: 10, scale: 2 }, false),
            column("note", ColumnType::Utf8, true),
        ];
        let same = [found("id", "bigint"), found("price", "numeric(10,2)"), found("more", "jsonb")];
        assert_eq!(Vec::<ColumnProblem>::new(), check_packet_columns(&read, &same));
        let drifted = [found("id", "text"), found("prices", "numeric(10,2)")];
        let problems: Vec<String> = check_packet_columns(&read, &drifted).iter().map(ToString::to_string).collect();
        assert_eq!(
            [
                "the column `id` is read as int32, and its values are of the JSON type string",
                "there is no column `price` (is it `prices`?)"
            ],
            problems.as_slice()
        );
    }
}
