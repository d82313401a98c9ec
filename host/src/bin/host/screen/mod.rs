//! What a person sees, or a program with `--json`.

#![allow(clippy::disallowed_types, reason = "the faces make the screens")]

pub(crate) mod case;
mod compact;
pub(crate) mod diff;
mod explain;
mod lake;
mod new;
mod process;
pub(crate) mod registry;
mod rejects;
mod verify;

pub(crate) use compact::show_compacted;
pub(crate) use explain::show_explanation;
pub(crate) use lake::{is_in_trouble, rows_bar, show_collected, show_ingest, show_status};
pub(crate) use new::show_new;
pub(crate) use process::{document as process_document, show_process, show_sync};
pub(crate) use rejects::{show_rejects, show_replay};
pub(crate) use verify::show_verify;

use comfy_table::{ContentArrangement, Table, presets};
use host::error::{Exit, Explain, with_causes};
use host::manifest::{Field, SourceColumn, StarKind};
use host::reject::RejectBudget;
use host::report::{PluginReport, RunReport, StarReport};
use host::sandbox::LogLevel;
use host::text::shown;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use std::io::{IsTerminal, Write};

/// A bar for an input of `bytes` bytes, or a counter where the size is not known; nothing where nobody looks.
pub(crate) fn progress_bar(bytes: Option<u64>, json: bool) -> ProgressBar {
    if json || !std::io::stderr().is_terminal() {
        return ProgressBar::with_draw_target(bytes, ProgressDrawTarget::hidden());
    }
    let template = match bytes {
        Some(_) => "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
        None => "{spinner} {bytes} {bytes_per_sec}",
    };
    let bar = bytes.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    // The templates above are the only ones, and valid.
    ProgressStyle::with_template(template).map_or(bar.clone(), |style| bar.with_style(style))
}

/// A bar for `count` steps.
pub(crate) fn count_bar(count: u64, json: bool) -> ProgressBar {
    if json || !std::io::stderr().is_terminal() {
        return ProgressBar::with_draw_target(Some(count), ProgressDrawTarget::hidden());
    }
    let bar = ProgressBar::new(count);
    ProgressStyle::with_template("{wide_bar} {pos}/{len} {eta}").map_or(bar.clone(), |style| bar.with_style(style))
}

/// Says what went wrong, where, and what to do.
pub(crate) fn show_error(error: &dyn Explain, json: bool) {
    let hint = error.hint();
    if json {
        let document = json!({ "error": { "code": error.code(), "message": with_causes(&error), "hint": hint } });
        print(&format!("{document}\n"));
    } else {
        let hint = hint.map_or_else(String::new, |hint| format!("hint: {}\n", shown_lines(&hint)));
        say(&format!("error[{}]: {}\n{hint}", error.code(), shown_lines(&with_causes(&error))));
    }
}

/// Text fit for a terminal, line by line: names in it can be anybody's.
fn shown_lines(text: &str) -> String {
    const LINE_CHARS_MAX: usize = 10_000;
    text.split('\n').map(|line| shown(line, LINE_CHARS_MAX)).collect::<Vec<_>>().join("\n")
}

/// Shows a run.
pub(crate) fn show_run(report: &RunReport, budget: &RejectBudget, json: bool) -> Exit {
    if json {
        let mut document = json!(report);
        document["rows_per_second"] = json!(report.rows_per_second().round());
        document["fuel_per_row"] = json!(report.fuel_per_row().round());
        return print(&format!("{document:#}\n"));
    }
    let mut screen = String::new();
    let digest = short(&report.digest);
    screen += &format!("{}@{} ({digest}) on {}\n\n", report.plugin, report.version, report.input);
    screen += &figures(report);
    for table in &report.star_tables {
        screen += &preview(table, report.held);
    }
    if report.rows_in == 0 {
        screen += "\nwarning: the input has no rows\n";
    }
    screen += &rejects(report, budget);
    screen += &log(report);
    print(&screen)
}

fn figures(report: &RunReport) -> String {
    let rows_out: u64 = report.star_tables.iter().map(|table| table.rows).sum();
    let mut lines = vec![
        ("rows in", grouped(report.rows_in)),
        ("rows out", grouped(rows_out)),
        ("rejects", grouped(report.rejects)),
        (
            "speed",
            format!(
                "{} rows/s, {:.3} s on {} threads",
                grouped(report.rows_per_second() as u64),
                report.seconds,
                report.threads
            ),
        ),
        ("fuel", fuel(report)),
        (
            "guest memory",
            format!(
                "{} at its peak, of {} allowed",
                bytes(report.usage.memory_bytes),
                bytes(report.limits.memory_bytes_max)
            ),
        ),
        ("plugin loaded in", format!("{:.1} ms", report.load_seconds * 1_000.0)),
    ];
    if report.usage.log_bytes_dropped > 0 {
        let dropped = bytes(report.usage.log_bytes_dropped);
        lines.push(("log", format!("{dropped} dropped beyond {} a call", bytes(report.limits.log_bytes_max))));
    }
    lines.iter().map(|(name, value)| format!("  {name:<16}  {value}\n")).collect()
}

fn fuel(report: &RunReport) -> String {
    let share = report.usage.fuel as f64 / report.usage.fuel_allowed.max(1) as f64 * 100.0;
    let allowed = report.usage.fuel_allowed.checked_div(report.rows_in).unwrap_or_default();
    format!("{} a row, of {} allowed ({share:.1} %)", grouped(report.fuel_per_row() as u64), grouped(allowed))
}

/// The first rows; where a table is wide, each row stands as a column.
fn preview(star: &StarReport, held: bool) -> String {
    /// More columns than this do not fit a screen side by side.
    const COLUMNS_MAX: usize = 8;
    /// What a cell may hold; more is cut.
    const CELL_CHARS_MAX: usize = 60;
    /// So many rows fit a screen as columns.
    const ROWS_AS_COLUMNS_MAX: usize = 4;
    let file = star.file.as_ref();
    let not_written = if held { " (held, not written)" } else { "" };
    let written = file
        .map_or_else(|| not_written.to_owned(), |file| format!(" in {} ({})", file.path.display(), bytes(file.bytes)));
    let mut text = format!("\n{} table {}: {} rows{written}", kind(star.kind), star.table, grouped(star.rows));
    if star.preview.is_empty() {
        return text + "\n";
    }
    let wide = star.columns.len() > COLUMNS_MAX;
    let shown_rows = star.preview.len().min(if wide { ROWS_AS_COLUMNS_MAX } else { usize::MAX });
    text += &format!("; the first {shown_rows}{}:\n", if wide { ", a column each" } else { "" });
    let mut table = new_table();
    let cell =
        |cell: &Option<String>| cell.as_deref().map_or_else(|| "null".to_owned(), |text| shown(text, CELL_CHARS_MAX));
    if !wide {
        table.set_header(&star.columns);
        table.add_rows(star.preview.iter().map(|row| row.iter().map(cell)));
    } else {
        for (index, column) in star.columns.iter().enumerate() {
            let cells = star.preview.iter().take(shown_rows).map(|row| cell(&row[index]));
            table.add_row(std::iter::once(column.clone()).chain(cells));
        }
    }
    text += &format!("{table}\n");
    text
}

fn rejects(report: &RunReport, budget: &RejectBudget) -> String {
    if report.reject_groups.is_empty() {
        return String::new();
    }
    let path = report.rejects_path.as_ref().map_or_else(String::new, |path| format!(" in {}", path.display()));
    let mut text = format!("\nrejects by reason{path}\n");
    let mut table = new_table();
    table.set_header(["rows", "code", "column", "first at", "what was said of the first"]);
    for group in &report.reject_groups {
        let column = group.column.clone().unwrap_or_default();
        table.add_row([
            grouped(group.rows),
            group.code.clone(),
            column,
            format!("{}:{}", report.input, group.first_line),
            group.first_message.clone(),
        ]);
    }
    text += &format!("{table}\n");
    text += &cures(report);
    text += &verdict(report, budget);
    if report.rejects_path.is_none() {
        text += "hint: `--out DIR` writes each of them with its text into `DIR/rejects.jsonl`\n";
    }
    text
}

/// What to do about the most frequent rejects.
fn cures(report: &RunReport) -> String {
    /// More is not read before these are mended.
    const CURES_MAX: usize = 3;
    let mut said: Vec<&str> = Vec::new();
    let mut text = String::new();
    for group in &report.reject_groups {
        if let Some(hint) = group.hint.as_deref().filter(|hint| !said.contains(hint) && said.len() < CURES_MAX) {
            said.push(hint);
            text += &format!("hint: {}: {hint}\n", group.code);
        }
    }
    text
}

/// Whether the rejects are too many.
fn verdict(report: &RunReport, budget: &RejectBudget) -> String {
    let (rejects, rows) = (grouped(report.rejects), grouped(report.rows_in));
    let share = report.rejects as f64 / report.rows_in.max(1) as f64 * 100.0;
    if !report.held {
        return format!("{rejects} of {rows} rows ({share:.1} %) made no star row, within the budget of {budget}\n");
    }
    let what = if report.rejects == report.rows_in {
        format!("all {rows} rows were rejected")
    } else {
        format!("{rejects} rejects of {rows} rows ({share:.1} %) are over the budget of {budget}")
    };
    let hint = "hint: mend the rows or the plugin, or allow more with `--max-rejects`\n";
    format!("held: {what}: no star table is written, and one of an earlier run stays as it is\n{hint}")
}

fn log(report: &RunReport) -> String {
    /// What fits below the rest.
    const LINES_MAX: usize = 10;
    if report.log.is_empty() {
        return String::new();
    }
    let mut text = "\nlog of the plugin\n".to_owned();
    for line in report.log.iter().take(LINES_MAX) {
        text += &format!("  {}: {}\n", level(line.level), line.message);
    }
    if report.log.len() > LINES_MAX {
        text += &format!("  ... and {} more; `--json` has them\n", report.log.len() - LINES_MAX);
    }
    text
}

fn level(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warning => "warning",
    }
}

/// Shows a plugin.
pub(crate) fn show_plugin(report: &PluginReport, json: bool) -> Exit {
    if json {
        return print(&format!("{:#}\n", json!(report)));
    }
    let manifest = &report.manifest;
    let mut screen = format!("{}@{} in {}\n\n", manifest.name, manifest.version, report.path.display());
    let imports = if report.imports.is_empty() { "nothing".to_owned() } else { report.imports.join(", ") };
    let figures = [
        ("digest", report.digest.clone()),
        ("size", bytes(report.size_bytes)),
        ("contract", format!("star:transform@{}", report.contract_version)),
        ("loaded in", format!("{:.1} ms", report.load_seconds * 1_000.0)),
        ("imports", imports),
        ("reads", manifest.source_table.clone()),
    ];
    for (name, value) in figures {
        screen += &format!("  {name:<10}  {value}\n");
    }
    screen += &format!("\nsource columns of {}\n{}\n", manifest.source_table, source_columns(&manifest.source_columns));
    for lookup in &manifest.lookups {
        let columns = source_columns(&lookup.columns);
        screen += &format!(
            "\nlooked up in {} by {} = {}.{}\n{columns}\n",
            lookup.table, lookup.source_column, lookup.table, lookup.key
        );
    }
    for table in &manifest.star_tables {
        screen += &format!("\n{} table {}, key {}\n", kind(table.kind), table.name, table.key.join(", "));
        if let Some(comment) = &table.comment {
            screen += &format!("{comment}\n");
        }
        screen += &format!("{}\n", fields(&table.fields));
    }
    print(&screen)
}

fn source_columns(columns: &[SourceColumn]) -> Table {
    let mut table = new_table();
    table.set_header(["column", "type", "null"]);
    for column in columns {
        table.add_row([&column.name, &column.column_type.to_string(), yes(column.nullable)]);
    }
    table
}

fn fields(fields: &[Field]) -> Table {
    let mut table = new_table();
    table.set_header(["field", "type", "null", "refers to", "comment"]);
    for field in fields {
        let reference = field.references.as_ref().map_or_else(String::new, |to| format!("{}.{}", to.table, to.field));
        let comment = field.comment.as_deref().unwrap_or_default();
        table.add_row([&field.name, &field.column_type.to_string(), yes(field.nullable), &reference, comment]);
    }
    table
}

fn yes(flag: bool) -> &'static str {
    if flag { "yes" } else { "" }
}

fn kind(kind: StarKind) -> &'static str {
    match kind {
        StarKind::Fact => "fact",
        StarKind::Dimension => "dimension",
    }
}

fn new_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table
}

/// 1234567 as 1,234,567.
fn grouped(number: u64) -> String {
    host::text::grouped(&number.to_string())
}

/// A word as a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "/._-+:=@%,".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// As much of a digest as tells it from others.
fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["B", "KiB", "MiB", "GiB"];
    let mut size = count as f64;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{size:.1} {}", UNITS[unit]) }
}

/// Prints to the standard output. A reader that went away, as `head` does, is no error.
fn print(text: &str) -> Exit {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            say(&format!("error[stdout]: can't write to the standard output: {error}\n"));
            Exit::Environment
        }
        _ => Exit::Done,
    }
}

/// Says something on the standard error; where that is closed, there is nobody to tell.
fn say(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
