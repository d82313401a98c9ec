//! How two versions of a plugin differ.

use super::{bytes, grouped, new_table, print, short};
use host::compare::{DiffReport, DiffSide, SchemaChange, TableDiff};
use host::error::Exit;
use host::text::shown;
use serde_json::json;

/// What a cell may hold; more is cut.
const CELL_CHARS_MAX: usize = 60;

/// Shows a comparison.
pub(crate) fn show_diff(report: &DiffReport, json: bool) -> Exit {
    if json {
        return print(&format!("{:#}\n", document(report)));
    }
    print(&text(report))
}

/// A comparison as data.
pub(super) fn document(report: &DiffReport) -> serde_json::Value {
    let mut document = json!(report);
    document["differs"] = json!(report.differs());
    document["breaks"] = json!(report.breaks());
    document
}

/// A comparison for people.
pub(super) fn text(report: &DiffReport) -> String {
    let name = |side: &DiffSide| format!("{}@{} ({})", side.plugin, side.version, short(&side.digest));
    let mut text = format!("{} -> {}", name(&report.old), name(&report.new));
    let has_rows = report.records > 0;
    if has_rows {
        text += &format!(", on {} records, in {:.2} s", grouped(report.records), report.seconds);
    }
    text += "\n";
    text += &schema(&report.schema_changes);
    if has_rows {
        report.tables.iter().for_each(|table| text += &rows(table));
        text += &rejects(report);
        text += &cost(report);
    }
    if !report.differs() {
        text += if has_rows { "\nnothing differs\n" } else { "\nthe schemas do not differ\n" };
    }
    text
}

/// What changes for readers; nothing where nothing does.
pub(super) fn schema(changes: &[SchemaChange]) -> String {
    if changes.is_empty() {
        return String::new();
    }
    let mut table = new_table();
    table.set_header(["where", "what", "breaks readers"]);
    for change in changes {
        table.add_row([change.place.as_str(), &change.change, if change.breaking { "yes" } else { "" }]);
    }
    format!("\nschema\n{table}\n")
}

fn rows(diff: &TableDiff) -> String {
    let key = if diff.key.is_empty() { "line".to_owned() } else { diff.key.join(", ") };
    let mut text = format!(
        "\n{}, rows paired by {key}: {} same, {} changed, {} added, {} gone\n",
        diff.table,
        grouped(diff.same),
        grouped(diff.changed),
        grouped(diff.added),
        grouped(diff.gone)
    );
    if !diff.columns.is_empty() {
        /// Samples of a column.
        const SAMPLES_MAX: usize = 2;
        let mut table = new_table();
        table.set_header(["column", "rows changed", "line", "row", "old", "new"]);
        for column in &diff.columns {
            for (index, sample) in column.samples.iter().take(SAMPLES_MAX).enumerate() {
                let (name, rows) = match index {
                    0 => (column.column.clone(), grouped(column.rows)),
                    _ => (String::new(), String::new()),
                };
                let cell = |text: &str| shown(text, CELL_CHARS_MAX);
                let line = grouped(sample.line);
                table.add_row([name, rows, line, cell(&sample.row), cell(&sample.old), cell(&sample.new)]);
            }
        }
        text += &format!("{table}\n");
    }
    for (word, samples) in [("added", &diff.added_samples), ("gone", &diff.gone_samples)] {
        for sample in samples {
            text += &format!("  {word}, line {}: {}\n", grouped(sample.line), shown(&sample.row, 200));
        }
    }
    text
}

fn rejects(report: &DiffReport) -> String {
    let rejects = &report.rejects;
    if rejects.groups.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "\nrejects: {} lines newly rejected, {} no longer, {} for another reason\n",
        grouped(rejects.new),
        grouped(rejects.vanished),
        grouped(rejects.changed)
    );
    let mut table = new_table();
    table.set_header(["code", "column", "old", "new"]);
    for group in &rejects.groups {
        let column = group.column.clone().unwrap_or_default();
        table.add_row([group.code.clone(), column, grouped(group.old), grouped(group.new)]);
    }
    text += &format!("{table}\n");
    for sample in &rejects.samples {
        let said = |side: &Option<String>| side.as_deref().map_or("a row".to_owned(), |said| shown(said, 120));
        text += &format!("  line {}: {} -> {}\n", grouped(sample.line), said(&sample.old), said(&sample.new));
    }
    text
}

fn cost(report: &DiffReport) -> String {
    let (old, new) = (&report.old, &report.new);
    let share = |old: f64, new: f64| {
        if old > 0.0 { format!("{:+.1} %", (new / old - 1.0) * 100.0) } else { String::new() }
    };
    let mut table = new_table();
    table.set_header(["cost", "old", "new", "change"]);
    let row = |name: &str, old: u64, new: u64, show: fn(u64) -> String| {
        [name.to_owned(), show(old), show(new), share(old as f64, new as f64)]
    };
    table.add_row(row("fuel a row", old.fuel_per_row as u64, new.fuel_per_row as u64, grouped));
    table.add_row(row("guest memory", old.usage.memory_bytes, new.usage.memory_bytes, bytes));
    table.add_row(row("component", old.size_bytes, new.size_bytes, bytes));
    format!("\n{table}\n")
}
