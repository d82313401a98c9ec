//! What was rejected, and what becomes of it today.

use super::lake::{TEXT_CHARS_MAX, counted};
use super::{grouped, new_table, print, short};
use comfy_table::CellAlignment;
use host::error::Exit;
use host::rejects::{PacketRejects, RejectState, Rejected, RejectsList, Replay, ReplayedTable, TableRejects};
use host::report::RejectGroup;
use host::text::shown;
use serde_json::json;

/// How many hints are given.
const HINTS_MAX: usize = 3;

/// Shows what was rejected.
pub(crate) fn show_rejects(list: &RejectsList, json: bool) -> Exit {
    print(&if json { format!("{:#}\n", json!(list)) } else { list_text(list) })
}

/// Shows what a plugin makes of the rejected rows of a fact.
pub(crate) fn show_replay(table: &str, replay: &Replay, json: bool) -> Exit {
    print(&if json { format!("{:#}\n", json!(replay)) } else { replay_text(table, replay) })
}

fn list_text(list: &RejectsList) -> String {
    if list.tables.is_empty() {
        return "nothing was rejected\n".to_owned();
    }
    let mut text = String::new();
    for rejects in &list.tables {
        text += &table_text(rejects);
    }
    let reasons = list.tables.iter().flat_map(|table| &table.packets).flat_map(|packet| &packet.reasons);
    text += &hints(reasons);
    for table in &list.tables {
        for held in table.packets.iter().filter(|packet| packet.state == RejectState::Held) {
            text += &format!(
                "hint: packet {} is held; `host process --accept {}/{}` publishes the rows that are not rejected\n",
                held.packet, table.table, held.sequence
            );
        }
    }
    for rejected in &list.rows {
        text += &row_text(rejected);
    }
    text
}

fn table_text(rejects: &TableRejects) -> String {
    let rows = rejects.packets.iter().map(|packet| packet.rows).sum();
    let packets = counted(rejects.packets.len() as u64, "packet");
    let mut table = new_table();
    table.set_header(["packet", "plugin", "", "rows", "code", "column", "first line", "what was said of the first"]);
    for packet in &rejects.packets {
        for (index, reason) in packet.reasons.iter().enumerate() {
            let head = if index == 0 { head(packet) } else { Default::default() };
            table.add_row(head.into_iter().chain([
                grouped(reason.rows),
                reason.code.clone(),
                reason.column.clone().unwrap_or_default(),
                grouped(reason.first_line),
                shown(&reason.first_message, TEXT_CHARS_MAX),
            ]));
        }
    }
    for column in [3, 6] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!("`{}`: {} rejected of {packets}\n{table}\n", rejects.table, counted(rows, "row"))
}

fn head(packet: &PacketRejects) -> [String; 3] {
    [
        shown(&packet.packet, TEXT_CHARS_MAX),
        format!("{} ({})", packet.plugin, short(&packet.digest)),
        state(packet.state).to_owned(),
    ]
}

fn state(state: RejectState) -> &'static str {
    match state {
        RejectState::Published => "published",
        RejectState::Held => "held",
        RejectState::Accepted => "accepted",
        RejectState::Passed => "was held, and is past",
    }
}

fn row_text(rejected: &Rejected) -> String {
    let Rejected { sequence, line, code, .. } = rejected;
    let column = rejected.column.as_ref().map_or_else(String::new, |column| format!(" in `{column}`"));
    let (message, row) = (shown(&rejected.message, TEXT_CHARS_MAX), shown(&rejected.row, TEXT_CHARS_MAX));
    format!("\n{} packet {sequence} line {line}: {code}{column}: {message}\n  {row}\n", rejected.plugin)
}

fn hints<'a>(reasons: impl Iterator<Item = &'a RejectGroup>) -> String {
    let mut said: Vec<&str> = Vec::new();
    let mut text = String::new();
    for reason in reasons {
        if let Some(hint) = reason.hint.as_deref().filter(|hint| !said.contains(hint) && said.len() < HINTS_MAX) {
            said.push(hint);
            text += &format!("hint: {}: {hint}\n", reason.code);
        }
    }
    text
}

fn replay_text(table: &str, replay: &Replay) -> String {
    let records = counted(replay.records, "rejected row");
    let mut text = format!("{records} of `{}` through {} ({})\n", replay.source, replay.plugin, short(&replay.digest));
    text += &format!("  {} pass now\n  {} are rejected\n", grouped(replay.passed), grouped(replay.rejected));
    if !replay.reasons.is_empty() {
        let mut reasons = new_table();
        reasons.set_header(["rows", "code", "column", "first packet", "line", "what was said of the first"]);
        for reason in &replay.reasons {
            let group = &reason.group;
            reasons.add_row([
                grouped(group.rows),
                group.code.clone(),
                group.column.clone().unwrap_or_default(),
                grouped(reason.first_packet),
                grouped(group.first_line),
                shown(&group.first_message, TEXT_CHARS_MAX),
            ]);
        }
        text += &format!("{reasons}\n{}", hints(replay.reasons.iter().map(|reason| &reason.group)));
    }
    replay.tables.iter().for_each(|replayed| text += &replayed_text(replayed, replay.publish));
    if !replay.waiting.is_empty() {
        let packets = counted(replay.waiting.len() as u64, "packet");
        text += &format!("{packets} with rejects wait for `host process`, and were left out\n");
    }
    if !replay.publish && replay.tables.iter().any(|replayed| replayed.new > 0) {
        text += &format!("hint: `host rejects --table {table} --replay --publish` adds them\n");
    }
    text
}

fn replayed_text(replayed: &ReplayedTable, publish: bool) -> String {
    let new = counted(replayed.new, "row");
    let what = match replayed.files.as_slice() {
        [] if publish => format!("{new} added"),
        [] => format!("{new} could be added"),
        [file] => format!("{new} added in {file}"),
        files => format!("{new} added in {}", counted(files.len() as u64, "file")),
    };
    let there =
        if replayed.there > 0 { format!("; it has {} already", grouped(replayed.there)) } else { String::new() };
    format!("`{}`: {what}{there}\n", replayed.table)
}
