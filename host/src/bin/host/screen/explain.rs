//! Where a row of a star table comes from.

use super::lake::{TEXT_CHARS_MAX, counted};
use super::{bytes, grouped, kind, new_table, print, short};
use chrono::SecondsFormat;
use host::error::Exit;
use host::explain::{ExplainedFile, ExplainedLookup, Explanation, Origin, OriginLine, Outcome};
use host::manifest::StarKind;
use host::rejects::Rejected;
use host::text::shown;
use serde_json::json;

/// What is shown of a line; `--json` has all of it.
const LINE_CHARS_MAX: usize = 2_000;

/// Shows where a row comes from.
pub(crate) fn show_explanation(explanation: &Explanation, json: bool) -> Exit {
    print(&if json { format!("{:#}\n", json!(explanation)) } else { text(explanation) })
}

fn text(explanation: &Explanation) -> String {
    let (table, key) = (&explanation.table, shown(&explanation.key, TEXT_CHARS_MAX));
    let mut text = format!("row {key} of the {} table `{table}`: {}\n", kind(explanation.kind), verdict(explanation));
    text += &match &explanation.origin {
        Origin::Line(line) => line_text(line),
        Origin::Calendar => "\nmade of the calendar, whose days the host makes up\n".to_owned(),
        Origin::Gone { sequence } => {
            format!("\nits row is gone from the source since packet {}, and this is the last one\n", grouped(*sequence))
        }
        Origin::Untold { reason } => format!("\nits line can't be told: {}\n", shown(reason, TEXT_CHARS_MAX)),
    };
    explanation.rejects.iter().for_each(|rejected| text += &reject_text(rejected, explanation.outcome));
    explanation.lookups.iter().for_each(|lookup| text += &lookup_text(lookup));
    text += &explanation.file.as_ref().map_or_else(String::new, file_text);
    if let Some(row) = &explanation.row {
        let mut table = new_table();
        table.set_header(["column", "value"]);
        for cell in row {
            let value = cell.value.as_deref().map_or_else(|| "null".to_owned(), |value| shown(value, TEXT_CHARS_MAX));
            table.add_row([cell.column.clone(), value]);
        }
        text += &format!("\n{table}\n");
    }
    text + &hint(explanation)
}

fn verdict(explanation: &Explanation) -> String {
    let up_to = match explanation.processed {
        Some(processed) => format!("the star table holds the packets up to {}", grouped(processed)),
        None => "the star table holds no packet".to_owned(),
    };
    match explanation.outcome {
        Outcome::Made => "it is there".to_owned(),
        Outcome::Rejected => "it was rejected".to_owned(),
        Outcome::Held => "its packet is held, since too many of its rows are rejected".to_owned(),
        Outcome::Waiting => format!("not processed yet, {up_to}"),
        Outcome::NoRow => "the plugin made no row of it, and did not reject it".to_owned(),
    }
}

fn line_text(line: &OriginLine) -> String {
    let at = line.committed_at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let (number, lines) = (grouped(line.line), grouped(line.lines));
    let record = grouped(line.record);
    let figures = [
        (
            "line",
            format!("{number} of the {lines} of packet {} of `{}`", line.sequence, shown(&line.table, TEXT_CHARS_MAX)),
        ),
        ("record", format!("{record} of the table, brought at {at}")),
        ("manifest", shown(&line.manifest, TEXT_CHARS_MAX)),
        ("object", shown(&line.object, TEXT_CHARS_MAX)),
    ];
    figures_text("from", &figures) + &format!("{}\n", shown(&line.text, LINE_CHARS_MAX))
}

fn reject_text(rejected: &Rejected, outcome: Outcome) -> String {
    let column = rejected.column.as_ref().map_or_else(String::new, |column| format!(" in `{column}`"));
    let by = format!("{}@{} ({})", rejected.plugin, rejected.version, short(&rejected.digest));
    let since = if outcome == Outcome::Made { "; the row is not made of this, or was made later" } else { "" };
    format!("\nrejected by {by}: {}{column}: {}{since}\n", rejected.code, shown(&rejected.message, TEXT_CHARS_MAX))
}

fn lookup_text(lookup: &ExplainedLookup) -> String {
    let ExplainedLookup { table, key, column, .. } = lookup;
    let value = lookup.value.as_ref().map_or_else(String::new, |value| format!(" = {}", shown(value, TEXT_CHARS_MAX)));
    let up_to = lookup.processed.map_or_else(String::new, |last| format!(", as of packet {}", grouped(last)));
    format!("\nlooked up in `{table}` by {column} = {table}.{key}{value}{up_to}\n")
}

fn file_text(file: &ExplainedFile) -> String {
    let made_by = &file.made_by;
    let rows = counted(file.rows, "row");
    let figures = [
        ("file", format!("{} ({}, {rows})", shown(&file.key, TEXT_CHARS_MAX), bytes(file.bytes))),
        ("plugin", format!("{}@{}", shown(&made_by.plugin, TEXT_CHARS_MAX), shown(&made_by.version, TEXT_CHARS_MAX))),
        ("digest", shown(&made_by.digest, TEXT_CHARS_MAX)),
        ("contract", format!("star:transform@{}", shown(&made_by.contract, TEXT_CHARS_MAX))),
        ("host", shown(&made_by.host, TEXT_CHARS_MAX)),
        ("input", shown(&made_by.input, TEXT_CHARS_MAX)),
    ];
    figures_text("made by", &figures)
}

fn figures_text(title: &str, figures: &[(&str, String)]) -> String {
    let lines: String = figures.iter().map(|(name, value)| format!("  {name:<8}  {value}\n")).collect();
    format!("\n{title}\n{lines}")
}

fn hint(explanation: &Explanation) -> String {
    match explanation.outcome {
        Outcome::Rejected if explanation.kind == StarKind::Dimension => {
            "hint: a plugin that takes it brings it by itself, and so does a mended row of the source\n".to_owned()
        }
        Outcome::Rejected => {
            format!("hint: once a plugin takes it, `host rejects --table {} --replay` tells so\n", explanation.table)
        }
        Outcome::Waiting => format!("hint: `host process --table {}` brings it\n", explanation.table),
        Outcome::Held => explanation.held.as_ref().map_or_else(String::new, |held| {
            format!("hint: `host process --accept {}` publishes the rows that are not rejected\n", held.name())
        }),
        Outcome::Made | Outcome::NoRow => String::new(),
    }
}
