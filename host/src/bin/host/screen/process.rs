//! What became of the star tables.

use super::lake::{TEXT_CHARS_MAX, counted, ingest_document, ingest_text};
use super::{bytes, grouped, new_table, print};
use chrono::{DateTime, SecondsFormat, Utc};
use comfy_table::CellAlignment;
use host::error::{Exit, Explain, with_causes};
use host::ingest::IngestReport;
use host::process::{Held, ProcessReport, StarOutcome, StarTableReport};
use host::text::shown;
use serde_json::{Value, json};

/// How many reasons of a held packet are shown.
const REASONS_SHOWN: usize = 5;

/// Shows what a process did.
pub(crate) fn show_process(report: &ProcessReport, json: bool) -> Exit {
    print(&if json { format!("{:#}\n", document(report)) } else { text(report) })
}

/// Shows a run of the whole line. One of many, that ended `at` some moment, is one line of JSON; or of text, if nothing has come.
pub(crate) fn show_sync(ingest: &IngestReport, process: &ProcessReport, json: bool, at: Option<DateTime<Utc>>) -> Exit {
    let moment = at.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
    if json {
        let mut document = json!({ "ingest": ingest_document(ingest), "process": document(process) });
        let Some(moment) = moment else { return print(&format!("{document:#}\n")) };
        document["at"] = json!(moment);
        return print(&format!("{document}\n"));
    }
    if let Some(moment) = moment {
        let is_idle = ingest.tables.iter().all(|table| table.result.is_ok() && table.committed.is_none())
            && process.tables.iter().all(|table| matches!(table.result, Ok(StarOutcome::Unchanged)));
        if is_idle {
            let seconds = (ingest.took + process.took).as_secs_f64();
            return print(&format!("{moment} nothing new, {seconds:.3} s\n"));
        }
        return print(&format!("{moment}\n{}\n{}", ingest_text(ingest), text(process)));
    }
    print(&format!("{}\n{}", ingest_text(ingest), text(process)))
}

fn text(report: &ProcessReport) -> String {
    let mut table = new_table();
    table.set_header(["star table", "up to packet", "packets", "rows", "rejects", "files", "bytes", "seconds", ""]);
    for report in &report.tables {
        table.add_row([
            shown(&report.table, TEXT_CHARS_MAX),
            if report.sequence == 0 { "-".to_owned() } else { grouped(report.sequence) },
            grouped(report.packets),
            grouped(report.rows),
            grouped(report.rejects),
            grouped(report.files),
            bytes(report.bytes),
            format!("{:.3}", report.took.as_secs_f64()),
            note(report),
        ]);
    }
    for column in 1..8 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let moved = report.tables.iter().filter(|table| table.packets > 0).count() as u64;
    let rows = counted(report.tables.iter().map(|table| table.rows).sum(), "row");
    let seconds = report.took.as_secs_f64();
    let mut screen = format!("{table}\n{} moved, {rows} written in {seconds:.3} s\n", counted(moved, "star table"));
    report.tables.iter().for_each(|table| screen += &remarks(table));
    screen
}

fn note(report: &StarTableReport) -> String {
    match &report.result {
        Ok(StarOutcome::Advanced) => String::new(),
        Ok(StarOutcome::Unchanged) => "nothing new".to_owned(),
        Ok(StarOutcome::Waiting { tables }) => {
            format!(
                "waits for {}",
                tables.iter().map(|table| shown(table, TEXT_CHARS_MAX)).collect::<Vec<_>>().join(", ")
            )
        }
        Ok(StarOutcome::Held(held)) => format!("held at packet {}", grouped(held.sequence)),
        Ok(StarOutcome::OutOfTime) => "out of time".to_owned(),
        Err(error) => format!("failed: {}", error.code()),
    }
}

fn remarks(report: &StarTableReport) -> String {
    let table = &report.table;
    let mut text = String::new();
    match &report.result {
        Err(error) => {
            let hint = error.hint().map_or_else(String::new, |hint| format!("hint: {}\n", shown(&hint, 2_000)));
            text += &format!("\nerror[{}] in `{table}`: {}\n{hint}", error.code(), shown(&with_causes(error), 2_000));
        }
        Ok(StarOutcome::Held(held)) => text += &held_text(held),
        Ok(StarOutcome::Waiting { tables }) => {
            let tables: Vec<String> =
                tables.iter().map(|table| format!("`{}`", shown(table, TEXT_CHARS_MAX))).collect();
            text += &format!(
                "\n`{table}` waits: the lake has no packet of {}\nhint: `host ingest` brings them; is the name right?\n",
                tables.join(", ")
            );
        }
        Ok(_) => {}
    }
    if report.gaps > 0 {
        let gaps = counted(report.gaps, "packet");
        text += &format!("\nwarning: the lake lacks {gaps} of `{}`\n", shown(&report.source, TEXT_CHARS_MAX));
    }
    text
}

fn held_text(held: &Held) -> String {
    let (rejects, records) = (grouped(held.rejects), counted(held.records, "row"));
    let mut text = format!(
        "\n`{}` is held at packet {} of `{}`: {rejects} of its {records} are rejected by {}@{}\n",
        held.star_table,
        grouped(held.sequence),
        shown(&held.table, TEXT_CHARS_MAX),
        held.plugin,
        held.version
    );
    for reason in held.reasons.iter().take(REASONS_SHOWN) {
        let column = reason.column.as_ref().map_or_else(String::new, |column| format!(" in `{column}`"));
        let message = shown(&reason.first_message, TEXT_CHARS_MAX);
        text += &format!(
            "  {} {}{column}, first in line {}: {message}\n",
            grouped(reason.rows),
            reason.code,
            reason.first_line
        );
    }
    text += &format!(
        "hint: publish a plugin that takes these rows, and it goes on by itself; or `host process --accept {}` publishes the others\n",
        held.name()
    );
    text
}

/// What a process did, as a document.
pub(crate) fn document(report: &ProcessReport) -> Value {
    let tables: Vec<Value> = report.tables.iter().map(table_document).collect();
    json!({ "run": report.run, "seconds": report.took.as_secs_f64(), "tables": tables })
}

fn table_document(report: &StarTableReport) -> Value {
    let mut document = json!({
        "table": report.table,
        "kind": report.kind,
        "plugin": report.plugin,
        "source": report.source,
        "sequence": report.sequence,
        "packets": report.packets,
        "rows": report.rows,
        "rejects": report.rejects,
        "files": report.files,
        "bytes": report.bytes,
        "gaps": report.gaps,
        "seconds": report.took.as_secs_f64(),
    });
    match &report.result {
        Ok(StarOutcome::Advanced) => document["status"] = "advanced".into(),
        Ok(StarOutcome::Unchanged) => document["status"] = "unchanged".into(),
        Ok(StarOutcome::Waiting { tables }) => {
            document["status"] = "waiting".into();
            document["waits_for"] = json!(tables);
        }
        Ok(StarOutcome::Held(held)) => {
            document["status"] = "held".into();
            document["held"] = json!(held);
        }
        Ok(StarOutcome::OutOfTime) => document["status"] = "out-of-time".into(),
        Err(error) => {
            document["status"] = "failed".into();
            document["error"] = json!({ "code": error.code(), "message": with_causes(error), "hint": error.hint() });
        }
    }
    document
}
