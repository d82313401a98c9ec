//! What type each column of a file has, by all of its lines.

use super::counted::SomeLines;
use super::error::ScaffoldError;
use super::lines::visit_lines;
use super::summary::Summary;
use crate::input::{Members, parse_members};
use crate::manifest::{COLUMNS_MAX, ColumnType};
use crate::text::{NAME_CHARS_MAX, shown};
use serde::Serialize;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;

/// A column of the source table, as its values say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InferredColumn {
    /// The name.
    pub name: String,
    /// The type of most values; none where the column can't be read, and then the plugin leaves it out.
    #[serde(rename = "type")]
    pub column_type: Option<ColumnType>,
    /// Whether there are nulls, or lines without the column.
    pub nullable: bool,
    /// What was seen, in words.
    pub seen: String,
    /// Lines whose value is of another type, and which the plugin will reject.
    pub rejects: Option<SomeLines>,
}

/// What a file of rows holds.
#[derive(Debug)]
pub(super) struct Inferred {
    /// In the order in which they first come.
    pub(super) columns: Vec<InferredColumn>,
    /// Lines that are JSON objects.
    pub(super) rows: u64,
    /// Lines that are none, or have a column twice.
    pub(super) bad_lines: Option<SomeLines>,
}

/// Reads all lines of the file `path`.
pub(super) fn infer(path: &Path, progress: &dyn Fn(u64)) -> Result<Inferred, ScaffoldError> {
    let mut columns = Columns::default();
    let (mut rows, mut bad_lines) = (0, None);
    visit_lines(path, progress, |line, text| {
        match parse_members(text) {
            Some(members) => {
                rows += 1;
                columns.add(line, &members)?;
            }
            None => SomeLines::add(&mut bad_lines, line),
        }
        Ok::<_, ScaffoldError>(ControlFlow::Continue(()))
    })?;
    if rows == 0 {
        let path = path.to_owned();
        return Err(ScaffoldError::NoRows { path, bad_lines });
    }
    let columns = columns.columns.into_iter().map(|(name, summary)| summary.column(name, rows)).collect();
    Ok(Inferred { columns, rows, bad_lines })
}

/// What was seen of each column so far.
#[derive(Default)]
struct Columns {
    columns: Vec<(String, Summary)>,
    indices: HashMap<String, usize>,
}

impl Columns {
    fn add(&mut self, line: u64, members: &Members<'_>) -> Result<(), ScaffoldError> {
        for (position, (name, value)) in members.0.iter().enumerate() {
            let index = self.index(position, name);
            if index >= COLUMNS_MAX {
                return Err(ScaffoldError::TooManyColumns { line, name: shown(name, NAME_CHARS_MAX) });
            }
            self.columns[index].1.add(line, value.get());
        }
        Ok(())
    }

    /// The index of the column `name`, which most lines have at `position`.
    fn index(&mut self, position: usize, name: &str) -> usize {
        if self.columns.get(position).is_some_and(|(candidate, _)| candidate == name) {
            return position;
        }
        if let Some(&index) = self.indices.get(name) {
            return index;
        }
        let index = self.columns.len();
        self.columns.push((name.to_owned(), Summary::default()));
        self.indices.insert(name.to_owned(), index);
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn infer_text(text: &str) -> Result<Inferred, ScaffoldError> {
        let folder =
            std::env::temp_dir().join(format!("infer-{}-{:?}", std::process::id(), std::thread::current().id()));
        std::fs::write(&folder, text).unwrap();
        let inferred = infer(&folder, &|_| {});
        std::fs::remove_file(&folder).unwrap();
        inferred
    }

    /// The type of the column `a` with the values, as text; a `?` behind where it is nullable.
    #[track_caller]
    fn type_of(values: &[&str]) -> String {
        let lines: String = values.iter().map(|value| format!("{{\"a\":{value}}}\n")).collect();
        let column = infer_text(&lines).unwrap().columns.remove(0);
        let column_type = column.column_type.map_or("none".to_owned(), |column_type| column_type.to_string());
        column_type + if column.nullable { "?" } else { "" }
    }

    #[test]
    fn numbers_are_integers_decimals_and_floats_only_where_no_decimal_takes_them() {
        assert_eq!(type_of(&["1", "-2147483648"]), "int32");
        assert_eq!(type_of(&["1", "2147483648"]), "int64");
        assert_eq!(type_of(&["9223372036854775808"]), "decimal(38, 0)");
        assert_eq!(type_of(&["1", "2.50", "3.125"]), "decimal(18, 3)");
        assert_eq!(type_of(&["1e3", "7"]), "decimal(18, 0)");
        assert_eq!(type_of(&["1.5e-3"]), "decimal(18, 4)");
        assert_eq!(type_of(&["1234567890123456", "0.125"]), "decimal(38, 3)");
        assert_eq!(type_of(&["1e300", "7"]), "float64");
        assert_eq!(type_of(&["1e300", "7", "\"NaN\""]), "float64");
        assert_eq!(type_of(&["12345678901234567890123456789012345678", "0.5"]), "none");
        assert_eq!(type_of(&["123456789012345678901234567890123456789"]), "none");
    }

    #[test]
    fn texts_are_days_and_times_only_where_all_of_them_are() {
        assert_eq!(type_of(&["\"2022-11-03\"", "null"]), "date?");
        assert_eq!(type_of(&["\"14:20:49.1\""]), "time");
        assert_eq!(type_of(&["\"2022-11-03 14:20:49Z\"", "\"2022-11-03T14:20:49+01:00\""]), "timestamp");
        assert_eq!(type_of(&["\"2022-11-03\"", "\"2022-11-31\""]), "utf8");
        assert_eq!(type_of(&["\"2022-11-03\"", "\"2022-11-03T00:00:00\""]), "utf8");
        assert_eq!(type_of(&["\"\""]), "utf8");
    }

    #[test]
    fn nulls_and_missing_columns_make_a_column_nullable() {
        assert_eq!(type_of(&["null", "null"]), "utf8?");
        assert_eq!(type_of(&["true", "null"]), "boolean?");
        let columns = infer_text("{\"a\":1}\n\n{\"b\":2,\"a\":1}\n").unwrap().columns;
        let nullable: Vec<_> = columns.iter().map(|column| (column.name.as_str(), column.nullable)).collect();
        assert_eq!(nullable, [("a", false), ("b", true)]);
        assert_eq!(columns[1].seen, "2; null in 1 of 2 lines");
    }

    #[test]
    fn of_mixed_types_the_one_of_most_values_is_taken_and_the_others_are_told() {
        let inferred = infer_text("{\"a\":1}\n{\"a\":\"x\"}\nno row\n{\"a\":2}\n{\"a\":[]}\n{\"a\":3}\n").unwrap();
        let column = &inferred.columns[0];
        assert_eq!(column.column_type, Some(ColumnType::Int32));
        assert_eq!(column.rejects, Some(SomeLines { lines: 2, first_line: 2 }));
        assert_eq!(column.seen, "1 to 3; text in 1 line, objects or arrays in 1 line");
        assert_eq!(inferred.bad_lines, Some(SomeLines { lines: 1, first_line: 3 }));
        assert_eq!(type_of(&["{}", "[1]", "2"]), "none");
        assert_eq!(type_of(&["\"2022-11-03\"", "\"2022-11-04\"", "5"]), "date");
    }

    #[test]
    fn what_was_seen_is_said_in_words() {
        let seen = |values: &[&str]| {
            let lines: String = values.iter().map(|value| format!("{{\"a\":{value}}}\n")).collect();
            infer_text(&lines).unwrap().columns.remove(0).seen
        };
        assert_eq!(seen(&["9000", "-1", "17"]), "-1 to 9,000");
        assert_eq!(seen(&["7", "7"]), "always 7");
        assert_eq!(seen(&["\"2024-11-14\"", "\"2022-11-03\""]), "`2022-11-03` to `2024-11-14`");
        assert_eq!(seen(&["\"a`b\\u0007\"", "\"b\""]), "as `a'b\\u{7}`");
        assert_eq!(seen(&["true", "false", "true"]), "`true` in 2 of 3 lines");
        assert_eq!(seen(&["null"]), "null in all lines, so the type is a guess");
    }

    #[test]
    fn a_file_without_rows_is_refused() {
        assert!(matches!(infer_text("\n"), Err(ScaffoldError::NoRows { bad_lines: None, .. })));
        let bad = Some(SomeLines { lines: 2, first_line: 2 });
        assert!(matches!(infer_text("\n[1]\nx\n"), Err(ScaffoldError::NoRows { bad_lines, .. }) if bad_lines == bad));
    }
}
