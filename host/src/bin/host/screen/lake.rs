//! Ingests, and where tables stand.

use super::{bytes, grouped, new_table, print};
use chrono::{DateTime, SecondsFormat, Utc};
use comfy_table::CellAlignment;
use host::error::{Exit, Explain, with_causes};
use host::ingest::{Committed, IngestReport, Outcome, Progress, TableReport};
use host::lake::Collected;
use host::process::StarStatus;
use host::status::{StatusFailure, TableStatus};
use host::text::shown;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use std::io::IsTerminal;

/// What a cell may hold of a source's own words.
pub(super) const TEXT_CHARS_MAX: usize = 500;
/// How many keys are listed of what was removed.
const KEYS_SHOWN: usize = 20;

/// A line that tells which table is read and how far; nothing where nobody looks.
pub(crate) struct RowsBar(ProgressBar);

pub(crate) fn rows_bar(json: bool) -> RowsBar {
    let bar = ProgressBar::new_spinner();
    if json || !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    // The template is the only one, and valid.
    let style = ProgressStyle::with_template("{spinner} {msg}");
    RowsBar(style.map_or(bar.clone(), |style| bar.with_style(style)))
}

impl RowsBar {
    pub(crate) fn show(&self, progress: &Progress) {
        let (done, count) = progress.tables;
        let (table, rows) = (shown(&progress.table, TEXT_CHARS_MAX), grouped(progress.rows));
        self.0.set_message(format!("{}/{count} {table}: {rows} rows, {}", done + 1, bytes(progress.bytes)));
        self.0.tick();
    }

    pub(crate) fn show_bytes(&self, progress: &host::process::Progress) {
        let (done, count) = progress.plugins;
        let table = shown(&progress.table, TEXT_CHARS_MAX);
        self.0.set_message(format!("{}/{count} {table}: {}", done + 1, bytes(progress.bytes)));
        self.0.tick();
    }

    pub(crate) fn show_table(&self, table: &str) {
        self.0.set_message(shown(table, TEXT_CHARS_MAX));
        self.0.tick();
    }

    pub(crate) fn show_files(&self, progress: &host::compact::Progress) {
        let (done, count) = progress.tables;
        let (table, files) = (shown(&progress.table, TEXT_CHARS_MAX), counted(progress.files, "file"));
        self.0.set_message(format!("{}/{count} {table}: {files}", done + 1));
        self.0.tick();
    }

    pub(crate) fn clear(&self) {
        self.0.finish_and_clear();
    }
}

/// Shows what an ingest did.
pub(crate) fn show_ingest(report: &IngestReport, json: bool) -> Exit {
    print(&if json { format!("{:#}\n", ingest_document(report)) } else { ingest_text(report) })
}

/// What an ingest did, as JSON.
pub(super) fn ingest_document(report: &IngestReport) -> Value {
    let tables: Vec<Value> = report.tables.iter().map(table_document).collect();
    json!({ "run": report.run, "seconds": report.took.as_secs_f64(), "tables": tables, "vanished": report.vanished })
}

/// What an ingest did, as text.
pub(super) fn ingest_text(report: &IngestReport) -> String {
    let mut table = new_table();
    table.set_header(["table", "packet", "rows", "gone", "bytes", "read", "seconds", ""]);
    for report in &report.tables {
        let (packet, rows, gone, size) = match &report.committed {
            Some(Committed { sequence, rows, deletes, bytes: size, .. }) => {
                (grouped(*sequence), grouped(*rows), grouped(*deletes), bytes(*size))
            }
            None if report.result.is_ok() => ("-".to_owned(), "0".to_owned(), "0".to_owned(), bytes(0)),
            None => ("-".to_owned(), String::new(), String::new(), String::new()),
        };
        let note = match &report.result {
            Ok(Outcome::Committed(_)) => String::new(),
            Ok(Outcome::Unchanged) => "no new rows".to_owned(),
            Err(error) => format!("failed: {}", error.code()),
        };
        let seconds = format!("{:.3}", report.took.as_secs_f64());
        let name = shown(&report.table, TEXT_CHARS_MAX);
        table.add_row([name, packet, rows, gone, size, grouped(report.rows_read), seconds, note]);
    }
    for column in 1..7 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let packets = counted(report.committed().count() as u64, "packet");
    let rows = counted(report.committed().map(|(_, committed)| committed.rows).sum(), "row");
    let gone: u64 = report.committed().map(|(_, committed)| committed.deletes).sum();
    let gone = if gone == 0 { String::new() } else { format!(", {} gone,", counted(gone, "key")) };
    let mut screen = format!("{table}\n{packets} with {rows}{gone} in {:.3} s\n", report.took.as_secs_f64());
    for table in &report.tables {
        screen += &remarks(table);
    }
    for table in &report.vanished {
        screen += &format!(
            "\nwarning: the source no longer has `{}`: what is made of it stays as it is\nhint: was it renamed? If it is gone for \
             good, remove its checkpoint\n",
            shown(table, TEXT_CHARS_MAX)
        );
    }
    screen
}

/// `1 row`, `2,000 rows`.
pub(super) fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

fn remarks(report: &TableReport) -> String {
    let table = shown(&report.table, TEXT_CHARS_MAX);
    let mut text = String::new();
    if let Err(error) = &report.result {
        let hint = error.hint().map_or_else(String::new, |hint| format!("hint: {}\n", shown(&hint, 2_000)));
        text += &format!("\nerror[{}]: {}\n{hint}", error.code(), shown(&with_causes(error), 2_000));
    }
    if report.gaps > 0 {
        text += &format!("\nwarning: `{table}` lacks {} in the lake\n", counted(report.gaps, "packet"));
    }
    if report.bad_lines > 0 {
        let lines = counted(report.bad_lines, "line");
        text += &format!("\nwarning: {lines} of `{table}` can't be used as rows, and stay in place:\n");
        for line in &report.first_bad_lines {
            let (file, reason) = (shown(&line.file, TEXT_CHARS_MAX), shown(&line.reason, TEXT_CHARS_MAX));
            text += &format!("  {file}:{}: {reason}\n", line.line);
        }
        text += "hint: mend them; the next ingest brings them\n";
    }
    text
}

fn table_document(report: &TableReport) -> Value {
    let mut document = json!({
        "table": report.table,
        "rows_read": report.rows_read,
        "window": report.window,
        "seconds": report.took.as_secs_f64(),
        "gaps": report.gaps,
        "bad_lines": report.bad_lines,
        "first_bad_lines": report.first_bad_lines.iter()
            .map(|line| json!({ "file": line.file, "line": line.line, "reason": line.reason })).collect::<Vec<_>>(),
    });
    document["packet"] = report.committed.as_ref().map_or(Value::Null, |committed| {
        let Committed { sequence, key, rows, deletes, bytes } = committed;
        json!({ "sequence": sequence, "key": key, "rows": rows, "deletes": deletes, "bytes": bytes })
    });
    if let Err(error) = &report.result {
        document["error"] = json!({ "code": error.code(), "message": with_causes(error), "hint": error.hint() });
    }
    document
}

/// Shows where tables stand.
pub(crate) fn show_status(tables: &[TableStatus], star_tables: &[StarStatus], json: bool) -> Exit {
    let moment = |moment: DateTime<Utc>| moment.to_rfc3339_opts(SecondsFormat::Secs, true);
    if json {
        let document = |status: &TableStatus| {
            let mut document = json!({
                "table": status.table,
                "sequence": status.sequence,
                "key": status.key,
                "records": status.failure.is_none().then_some(status.records),
                "newest_last_updated": status.newest_last_updated,
                "last_ingest": status.last_ingest.map(moment),
                "lag_seconds": status.lag.map(|lag| lag.num_seconds()),
                "checkpoint": status.checkpoint.as_ref().ok(),
                "checkpoint_error": status.checkpoint.as_ref().err(),
                "gaps": status.gaps,
            });
            if let Some(StatusFailure { code, message, hint, .. }) = &status.failure {
                document["error"] = json!({ "code": code, "message": message, "hint": hint });
            }
            document
        };
        let star = |status: &StarStatus| {
            json!({
                "table": status.table,
                "source": status.source,
                "processed": status.processed,
                "behind": status.behind,
                "lag_seconds": status.lag.map(|lag| lag.num_seconds()),
                "held": status.held,
                "failure": status.failure,
            })
        };
        let document = json!({
            "tables": tables.iter().map(document).collect::<Vec<_>>(),
            "star_tables": star_tables.iter().map(star).collect::<Vec<_>>(),
        });
        return print(&format!("{document:#}\n"));
    }
    if tables.is_empty() {
        return print("the lake has no tables yet\nhint: `host ingest` brings them\n");
    }
    let mut table = new_table();
    table.set_header(["table", "packet", "rows brought", "newest last_updated", "last ingest", "lag", "checkpoint"]);
    for status in tables {
        table.add_row([
            shown(&status.table, TEXT_CHARS_MAX),
            grouped(status.sequence),
            status.failure.as_ref().map_or_else(|| grouped(status.records), |_| "-".to_owned()),
            status.newest_last_updated.clone().unwrap_or_else(|| "-".to_owned()),
            status.last_ingest.map_or_else(|| "-".to_owned(), moment),
            status.lag.map_or_else(|| "-".to_owned(), |lag| duration(lag.num_seconds())),
            checkpoint_text(status),
        ]);
    }
    let mut screen = format!("{table}\n");
    for status in tables.iter().filter(|status| status.gaps > 0) {
        let name = shown(&status.table, TEXT_CHARS_MAX);
        screen += &format!("warning: `{name}` lacks {} in the lake\n", counted(status.gaps, "packet"));
    }
    for StatusFailure { code, message, hint, .. } in tables.iter().filter_map(|status| status.failure.as_ref()) {
        let hint = hint.as_ref().map_or_else(String::new, |hint| format!("hint: {}\n", shown(hint, 2_000)));
        screen += &format!("\nerror[{code}]: {}\n{hint}", shown(message, 2_000));
    }
    print(&(screen + &star_status_text(star_tables)))
}

fn star_status_text(star_tables: &[StarStatus]) -> String {
    if star_tables.is_empty() {
        return String::new();
    }
    let mut table = new_table();
    table.set_header(["star table", "made of", "up to packet", "packets behind", "lag", ""]);
    for status in star_tables {
        table.add_row([
            shown(&status.table, TEXT_CHARS_MAX),
            shown(&status.source, TEXT_CHARS_MAX),
            grouped(status.processed),
            grouped(status.behind),
            status.lag.map_or_else(|| "-".to_owned(), |lag| duration(lag.num_seconds())),
            match (&status.held, &status.failure) {
                (Some(held), _) => format!("held at packet {}", grouped(held.sequence)),
                (None, Some(failure)) => format!("failed: {}", failure.code),
                (None, None) => String::new(),
            },
        ]);
    }
    let mut text = format!("\n{table}\n");
    for (status, held) in star_tables.iter().filter_map(|status| Some((status, status.held.as_ref()?))) {
        let (rejects, records) = (grouped(held.rejects), counted(held.records, "row"));
        text += &format!(
            "warning: `{}` is held at packet {}: {rejects} of its {records} are rejected\nhint: `host process --accept {}/{}` publishes \
             the others; a plugin that takes them is tried by itself\n",
            status.table,
            grouped(held.sequence),
            status.table,
            held.sequence
        );
    }
    for (status, failure) in star_tables.iter().filter_map(|status| Some((status, status.failure.as_ref()?))) {
        let hint = failure.hint.as_ref().map_or_else(String::new, |hint| format!("hint: {}\n", shown(hint, 2_000)));
        let (table, message) = (shown(&status.table, TEXT_CHARS_MAX), shown(&failure.message, 2_000));
        text += &format!("\n`{table}` stopped: error[{}]: {message}\n{hint}", failure.code);
    }
    text
}

/// Whether a table lacks packets.
pub(crate) fn is_in_trouble(status: &TableStatus) -> bool {
    status.gaps > 0 || matches!(status.checkpoint, Ok(Some(sequence)) if sequence > status.sequence)
}

fn checkpoint_text(status: &TableStatus) -> String {
    match &status.checkpoint {
        Ok(Some(sequence)) if *sequence == status.sequence => "ok".to_owned(),
        Ok(Some(sequence)) if *sequence < status.sequence => format!("behind: {sequence}"),
        Ok(Some(sequence)) => format!("ahead of the lake: {sequence}"),
        Ok(None) => "none".to_owned(),
        Err(reason) => shown(reason, TEXT_CHARS_MAX),
    }
}

/// Seconds as `3 d 4 h`, `5 min 6 s`, ...
fn duration(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds @ 3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        seconds => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// Shows what was removed: from the raw lake, and from the star tables where there are any.
pub(crate) fn show_collected(raw: &Collected, star: Option<&Collected>, is_dry: bool, json: bool) -> Exit {
    if json {
        let mut document = collected_document(raw);
        document["dry_run"] = is_dry.into();
        if let Some(star) = star {
            document["star"] = collected_document(star);
        }
        return print(&format!("{document:#}\n"));
    }
    let what = if is_dry { "would be removed" } else { "removed" };
    let mut screen = collected_text(raw, what);
    if let Some(star) = star {
        screen += &collected_text(star, &format!("{what} from the star tables"));
    }
    print(&screen)
}

fn collected_document(collected: &Collected) -> Value {
    json!({
        "removed": collected.keys,
        "bytes": collected.bytes,
        "kept": collected.kept,
        "uploads_ended": collected.uploads,
    })
}

fn collected_text(collected: &Collected, what: &str) -> String {
    let mut text = String::new();
    for key in collected.keys.iter().take(KEYS_SHOWN) {
        text += &format!("  {}\n", shown(key, TEXT_CHARS_MAX));
    }
    if collected.keys.len() > KEYS_SHOWN {
        text += &format!("  and {} more\n", grouped((collected.keys.len() - KEYS_SHOWN) as u64));
    }
    let (count, size, kept) =
        (counted(collected.keys.len() as u64, "object"), bytes(collected.bytes), grouped(collected.kept));
    text + &format!("{count} with {size} {what}; {kept} stay\n")
}
