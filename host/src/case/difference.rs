//! How the rows of a case differ from the expected ones: by row, and within a row by column.

use super::folder::REJECTS;
use crate::input::parse_members;
use crate::manifest::Manifest;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A difference. Of a value that is missing on one side there is none.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Difference {
    /// The star table, or `rejects`.
    pub table: String,
    /// The row: its key, as `sales_record_id=3`.
    pub row: String,
    /// The column; `None` where a whole row is missing or too many, or stands in another place.
    pub column: Option<String>,
    /// What was expected.
    pub expected: Option<String>,
    /// What was found.
    pub found: Option<String>,
    /// What the plugin said of the reject.
    pub message: Option<String>,
}

/// The columns by which a line of `name` is known.
fn key<'a>(manifest: &'a Manifest, name: &str) -> Vec<&'a str> {
    match manifest.star_tables.iter().find(|table| table.name == name) {
        Some(table) => table.key.iter().map(String::as_str).collect(),
        None => vec!["input", "line"],
    }
}

/// How the lines of the star table or the rejects called `name` differ; `messages` are those of the rejects that were found, in
/// their order.
#[must_use]
pub fn differences(
    manifest: &Manifest,
    name: &str,
    expected: &[String],
    found: &[String],
    messages: &[String],
) -> Vec<Difference> {
    if expected == found {
        return Vec::new();
    }
    let key = key(manifest, name);
    let (expected_rows, found_rows) = (rows(&key, expected), rows(&key, found));
    let places: HashMap<&str, usize> =
        found_rows.iter().enumerate().map(|(index, row)| (row.id.as_str(), index)).collect();
    let mut taken = BTreeSet::new();
    let mut differences = Vec::new();
    let mut moved = false;
    let mut place_before = None;
    let difference =
        |row: &Row<'_>, column: Option<&str>, expected: Option<&str>, found: Option<&str>, at: Option<usize>| {
            let message = (name == REJECTS).then(|| at.and_then(|at| messages.get(at)).cloned()).flatten();
            let owned = |text: Option<&str>| text.map(str::to_owned);
            Difference {
                table: name.to_owned(),
                row: row.id.clone(),
                column: owned(column),
                expected: owned(expected),
                found: owned(found),
                message,
            }
        };
    for row in &expected_rows {
        let Some(&at) = places.get(row.id.as_str()) else {
            differences.push(difference(row, None, Some(row.line), None, None));
            continue;
        };
        taken.insert(at);
        moved |= place_before.is_some_and(|before| at < before);
        place_before = Some(at);
        let other = &found_rows[at];
        let mut columns: Vec<&str> = row.columns.iter().map(|(name, _)| name.as_ref()).collect();
        columns.extend(other.columns.iter().map(|(name, _)| name.as_ref()).filter(|name| row.value(name).is_none()));
        let before = differences.len();
        for column in columns {
            let (expected, found) = (row.value(column), other.value(column));
            if expected != found {
                differences.push(difference(row, Some(column), expected, found, Some(at)));
            }
        }
        if differences.len() == before && row.line != other.line {
            // The same values, written in another way: another order, or with blanks.
            differences.push(difference(row, None, Some(row.line), Some(other.line), Some(at)));
        }
    }
    for (at, row) in found_rows.iter().enumerate().filter(|(at, _)| !taken.contains(at)) {
        differences.push(difference(row, None, None, Some(row.line), Some(at)));
    }
    if moved && differences.is_empty() {
        let order = |rows: &[Row<'_>]| rows.iter().map(|row| row.id.clone()).collect::<Vec<_>>().join(" ");
        differences.push(Difference {
            table: name.to_owned(),
            row: "(order)".to_owned(),
            column: None,
            expected: Some(order(&expected_rows)),
            found: Some(order(&found_rows)),
            message: None,
        });
    }
    differences
}

/// A line, taken apart.
struct Row<'a> {
    /// The key; and which row with it, where there are several.
    id: String,
    line: &'a str,
    columns: Vec<(Cow<'a, str>, &'a str)>,
}

impl<'a> Row<'a> {
    fn value(&self, column: &str) -> Option<&'a str> {
        self.columns.iter().find(|(name, _)| name == column).map(|(_, value)| *value)
    }
}

fn rows<'a>(key: &[&str], lines: &'a [String]) -> Vec<Row<'a>> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let row = |(index, line): (usize, &'a String)| {
        let columns = columns(line);
        let parts = key.iter().filter_map(|part| {
            let (_, value) = columns.iter().find(|(name, _)| name == part)?;
            Some(format!("{part}={value}"))
        });
        let mut id = parts.collect::<Vec<_>>().join(", ");
        if id.is_empty() {
            id = format!("row {}", index + 1);
        }
        let count = seen.entry(id.clone()).or_default();
        *count += 1;
        if *count > 1 {
            id = format!("{id} (no. {count})");
        }
        Row { id, line, columns }
    };
    lines.iter().enumerate().map(row).collect()
}

/// The members of an object in their order; none where the line is no object.
fn columns(line: &str) -> Vec<(Cow<'_, str>, &str)> {
    let members = parse_members(line.as_bytes()).unwrap_or_default();
    members.0.into_iter().map(|(name, value)| (name, value.get())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{StarKind, StarTable};

    fn found(expected: &[&str], found: &[&str]) -> Vec<String> {
        let manifest = Manifest {
            star_tables: vec![StarTable {
                name: "t".to_owned(),
                kind: StarKind::Fact,
                key: vec!["id".to_owned()],
                fields: Vec::new(),
                comment: None,
            }],
            ..Manifest::default()
        };
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let differences = differences(&manifest, "t", &lines(expected), &lines(found), &[]);
        let text = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        differences
            .into_iter()
            .map(|d| format!("{} {} {} {}", d.row, text(d.column), text(d.expected), text(d.found)))
            .collect()
    }

    #[test]
    fn a_value_is_told_by_row_and_column() {
        assert_eq!(
            found(&["{\"id\":1,\"a\":2}", "{\"id\":2,\"a\":3}"], &["{\"id\":1,\"a\":2}", "{\"id\":2,\"a\":4}"]),
            ["id=2 a 3 4"]
        );
    }

    #[test]
    fn a_row_in_between_shifts_no_other() {
        assert_eq!(
            found(&["{\"id\":1}", "{\"id\":3}"], &["{\"id\":1}", "{\"id\":2}", "{\"id\":3}"]),
            ["id=2 - - {\"id\":2}"]
        );
        assert_eq!(found(&["{\"id\":1}", "{\"id\":2}"], &["{\"id\":2}"]), ["id=1 - {\"id\":1} -"]);
    }

    #[test]
    fn rows_in_another_order_and_columns_that_came_or_went_are_differences() {
        assert_eq!(
            found(&["{\"id\":1}", "{\"id\":2}"], &["{\"id\":2}", "{\"id\":1}"]),
            ["(order) - id=1 id=2 id=2 id=1"]
        );
        assert_eq!(found(&["{\"id\":1,\"a\":1}"], &["{\"id\":1,\"b\":1}"]), ["id=1 a 1 -", "id=1 b - 1"]);
    }
}
