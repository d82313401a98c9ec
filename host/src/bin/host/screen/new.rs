//! What was inferred and written for a new plugin.

#![allow(clippy::disallowed_types, reason = "the faces make the screens")]

use super::{grouped, kind, new_table, print, quoted, yes};
use comfy_table::Table;
use host::error::Exit;
use host::scaffold::{InferredColumn, NewPluginReport, SomeLines};
use host::text::shown;
use serde_json::json;
use std::path::Path;

/// How much of a name or of what was seen is shown.
const CELL_CHARS_MAX: usize = 120;

/// Shows a new plugin; paths stand as seen from `folder`.
pub(crate) fn show_new(report: &NewPluginReport, folder: &Path, json: bool) -> Exit {
    let next = next_commands(report, folder);
    if json {
        let mut document = json!(report);
        document["next"] = json!(next);
        return print(&format!("{document:#}\n"));
    }
    let from = report.from.display();
    let mut screen = format!("{} table {}, key {}\n\n", kind(report.kind), report.plugin, report.key);
    screen += &format!("columns of {}, by {} rows in {from}\n", report.table, grouped(report.rows));
    screen += &format!("{}\n", columns(&report.columns));
    for warning in warnings(report) {
        screen += &format!("warning: {warning}\n");
    }
    screen += &format!("\nwritten in {}\n", report.workspace.display());
    for path in &report.written {
        screen += &format!("  {}\n", path.display());
    }
    for path in &report.kept {
        screen += &format!("  {} was there, and stays as it is\n", path.display());
    }
    screen += "\nlines of the rows are in `cases/recorded`, and values in the comments of `src/lib.rs`: look whether they may be shared\n";
    screen += &format!("\nnext\n{}", next.iter().map(|command| format!("  {command}\n")).collect::<String>());
    print(&screen)
}

fn columns(columns: &[InferredColumn]) -> Table {
    let mut table = new_table();
    table.set_header(["column", "type", "null", "seen"]);
    for column in columns {
        let column_type =
            column.column_type.map_or_else(|| "left out".to_owned(), |column_type| column_type.to_string());
        let seen = shown(&column.seen, CELL_CHARS_MAX);
        table.add_row([&shown(&column.name, CELL_CHARS_MAX), &column_type, yes(column.nullable), &seen]);
    }
    table
}

fn warnings(report: &NewPluginReport) -> Vec<String> {
    let lines = |lines: SomeLines| match lines.lines {
        1 => format!("line {}", lines.first_line),
        count => format!("{} lines, the first is {},", grouped(count), lines.first_line),
    };
    let bad = report.bad_lines.map(|bad| format!("{} can't be read: no JSON object, or a column twice", lines(bad)));
    let rejects = report.columns.iter().filter_map(|column| {
        let type_of_most = column.column_type?;
        let name = shown(&column.name, CELL_CHARS_MAX);
        Some(format!("{} will be rejected: `{name}` is not {type_of_most} there", lines(column.rejects?)))
    });
    bad.into_iter().chain(rejects).collect()
}

/// What to type next.
fn next_commands(report: &NewPluginReport, folder: &Path) -> Vec<String> {
    let crate_folder = report.crate_folder.strip_prefix(folder).unwrap_or(&report.crate_folder);
    let word = |path: &Path| quoted(&path.display().to_string());
    vec![
        format!("host plugin test {}", report.plugin),
        format!("host run --plugin {} --input {}", word(crate_folder), word(&report.from)),
    ]
}
