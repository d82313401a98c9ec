//! What was joined.

use super::lake::{TEXT_CHARS_MAX, counted};
use super::{bytes, grouped, new_table, print};
use comfy_table::CellAlignment;
use host::compact::{CompactReport, CompactedTable};
use host::error::{Exit, Explain, with_causes};
use host::text::shown;
use serde_json::{Value, json};

/// Shows what was joined, table by table.
pub(crate) fn show_compacted(report: &CompactReport, json: bool) -> Exit {
    print(&if json { format!("{:#}\n", document(report)) } else { text(report) })
}

fn text(report: &CompactReport) -> String {
    if report.tables.is_empty() {
        return "there are no fact tables yet\nhint: `host process` makes them\n".to_owned();
    }
    let mut table = new_table();
    table.set_header(["star table", "rows", "files before", "after", "bytes before", "after", "seconds", ""]);
    for report in &report.tables {
        table.add_row([
            shown(&report.table, TEXT_CHARS_MAX),
            grouped(report.after.rows),
            grouped(report.before.files),
            grouped(report.after.files),
            bytes(report.before.bytes),
            bytes(report.after.bytes),
            format!("{:.3}", report.took.as_secs_f64()),
            note(report),
        ]);
    }
    for column in 1..7 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let joined = counted(report.tables.iter().map(|table| table.joined).sum(), "file");
    let written: u64 = report.tables.iter().map(|table| table.written).sum();
    let mut screen = format!("{table}\n{joined} became {} in {:.3} s\n", grouped(written), report.took.as_secs_f64());
    for table in &report.tables {
        let Err(error) = &table.result else { continue };
        let hint = error.hint().map_or_else(String::new, |hint| format!("hint: {}\n", shown(&hint, 2_000)));
        let (name, message) = (shown(&table.table, TEXT_CHARS_MAX), shown(&with_causes(error), 2_000));
        screen += &format!("\nerror[{}] in `{name}`: {message}\n{hint}", error.code());
    }
    screen
}

fn note(report: &CompactedTable) -> String {
    match &report.result {
        Ok(()) if report.joined == 0 => "nothing to join".to_owned(),
        Ok(()) => String::new(),
        Err(error) => format!("failed: {}", error.code()),
    }
}

fn document(report: &CompactReport) -> Value {
    let tables: Vec<Value> = report.tables.iter().map(table_document).collect();
    json!({ "run": report.run, "seconds": report.took.as_secs_f64(), "tables": tables })
}

fn table_document(report: &CompactedTable) -> Value {
    let mut document = json!({
        "table": report.table,
        "status": match &report.result {
            Ok(()) if report.joined == 0 => "unchanged",
            Ok(()) => "joined",
            Err(_) => "failed",
        },
        "rows": report.after.rows,
        "files_before": report.before.files,
        "files_after": report.after.files,
        "bytes_before": report.before.bytes,
        "bytes_after": report.after.bytes,
        "files_joined": report.joined,
        "files_written": report.written,
        "seconds": report.took.as_secs_f64(),
    });
    if let Err(error) = &report.result {
        document["error"] = json!({ "code": error.code(), "message": with_causes(error), "hint": error.hint() });
    }
    document
}
