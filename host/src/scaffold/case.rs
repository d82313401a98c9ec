//! The recorded case: some lines of the file, and the rows that must come of them.
//!
//! The rows are worked out from the JSON text by the plan alone, and not by the plugin, so that the plugin's test compares two
//! things that were made in different ways.

use super::error::ScaffoldError;
use super::lines::visit_lines;
use super::plan::{Origin, Plan, StarField};
use super::value::{Cell, read};
use crate::input::{Members, parse_members};
use std::ops::ControlFlow;
use std::path::Path;

/// So many lines are recorded in any case.
const LINES_FIRST: usize = 4;
/// And so many at most, where there are nulls to show.
const LINES_MAX: usize = 10;

/// The recorded case.
#[derive(Debug, Default)]
pub(super) struct RecordedCase {
    /// The lines of the source table.
    pub(super) input: Vec<u8>,
    /// The rows of the star table.
    pub(super) expected: String,
}

/// Picks lines of the file `path`, all of them good: the first few, and for each nullable column one with a null and one with
/// a value.
pub(super) fn record_case(plan: &Plan, path: &Path) -> Result<RecordedCase, ScaffoldError> {
    let mut case = RecordedCase::default();
    let mut wanted: Vec<_> = plan.source.iter().map(|field| (field.nullable, field.nullable)).collect();
    let mut lines = 0;
    visit_lines(path, &|_| {}, |_, text| {
        if let Some(members) = parse_members(text)
            && let Some(cells) = cells(plan, &members)
        {
            let is_new = show_kinds(&mut wanted, &cells, lines < LINES_FIRST);
            if lines < LINES_FIRST || is_new {
                lines += 1;
                case.input.extend_from_slice(text.trim_ascii());
                case.input.push(b'\n');
                case.expected += &row(plan, &cells, lines);
            }
        }
        let is_done = lines >= LINES_MAX || (lines >= LINES_FIRST && wanted.iter().all(|want| *want == (false, false)));
        Ok::<_, ScaffoldError>(if is_done { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    if lines == 0 {
        return Err(ScaffoldError::NoGoodLine { path: path.to_owned() });
    }
    Ok(case)
}

/// The values of the source fields; `None` where one is none of its column.
fn cells(plan: &Plan, members: &Members<'_>) -> Option<Vec<Cell>> {
    let fields = plan.source.iter();
    fields.map(|field| read(members.get(&field.column), field.column_type, field.nullable)).collect()
}

/// Strikes from `wanted` (a null, a value) what these cells show, if the line is taken for it or anyway.
fn show_kinds(wanted: &mut [(bool, bool)], cells: &[Cell], is_taken: bool) -> bool {
    let shows = |want: (bool, bool), cell: &Cell| if *cell == Cell::Null { want.0 } else { want.1 };
    let is_new = wanted.iter().zip(cells).any(|(want, cell)| shows(*want, cell));
    if is_new || is_taken {
        for (want, cell) in wanted.iter_mut().zip(cells) {
            if *cell == Cell::Null { want.0 = false } else { want.1 = false }
        }
    }
    is_new
}

/// The star row of the record with the number `record`.
fn row(plan: &Plan, cells: &[Cell], record: usize) -> String {
    let member = |field: &StarField| {
        let value = match field.origin {
            Origin::RecordId => record.to_string(),
            Origin::Column(index) | Origin::DateOf(index) | Origin::TimeOf(index) => {
                cell_json(&cells[index], field.origin)
            }
        };
        format!("\"{}\":{value}", field.name)
    };
    format!("{{{}}}\n", plan.star.iter().map(member).collect::<Vec<_>>().join(","))
}

fn cell_json(cell: &Cell, origin: Origin) -> String {
    match cell {
        Cell::Null => "null".to_owned(),
        Cell::Json(json) => json.clone(),
        Cell::Moment { time, .. } if matches!(origin, Origin::TimeOf(_)) => time.clone(),
        Cell::Moment { date, .. } => date.clone(),
    }
}
