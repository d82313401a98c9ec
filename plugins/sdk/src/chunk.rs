//! The loop over the lines of one call.

use crate::bindings::star::transform::types::{self, Failure, Output};
use crate::context::Context;
use crate::cursor::PaddedLines;
use crate::reject::Reject;
use crate::shape::Shape;
use crate::source::Source;
use crate::star::Collect;
use bumpalo::Bump;

/// Reads each line of `lines` as an `S`, hands it to `transform`, which adds its rows to the columns, and gathers the
/// rejects.
///
/// # Errors
/// None so far; the contract has room for a plugin that can't do a call at all.
pub fn transform_chunk<S, C, F>(call: &types::Context, lines: &[u8], mut transform: F) -> Result<Output, Failure>
where
    S: Source,
    C: Collect,
    F: for<'a, 'c> FnMut(&S::Of<'a>, &Context<'c>, &mut C) -> Result<(), Reject>,
{
    grow_at_once(lines.len());
    let mut columns = C::default();
    columns.reserve(call.lines as usize);
    let mut rejects = Vec::new();
    let mut arena = Bump::new();
    let mut shape: Option<Shape> = None;
    let padded = PaddedLines::new(lines);
    let mut position = 0;
    let mut line = 0;
    while position < lines.len() {
        if let Some(shape) = &shape
            && let Some(mut cursor) = padded.cursor(position)
            && let Some(source) = S::read(&mut cursor, shape)
            && let Some(next) = padded.next_line(&cursor)
        {
            position = next;
            if let Err(reject) = transform(&source, &Context::new(call, line), &mut columns) {
                rejects.push(reject.at_line(line));
            }
            line += 1;
            continue;
        }
        let end = memchr::memchr(b'\n', &lines[position..]).map_or(lines.len(), |at| position + at + 1);
        let exact = parse_line::<S>(&lines[position..end], &arena).and_then(|source| {
            if let Some(learned) = Shape::learn(&lines[position..end], S::COLUMNS) {
                shape = Some(learned);
            }
            transform(&source, &Context::new(call, line), &mut columns)
        });
        if let Err(reject) = exact {
            rejects.push(reject.at_line(line));
        }
        arena.reset();
        position = end;
        line += 1;
    }
    Ok(Output { tables: columns.finish(), rejects })
}

/// Lets the memory grow once, by about what the columns will take, in place of once for each column: every growth is a system
/// call of the host. The block goes straight back, and the allocator makes the columns of it.
fn grow_at_once(lines_bytes: usize) {
    if cfg!(target_arch = "wasm32") {
        drop(core::hint::black_box(Vec::<u8>::with_capacity(lines_bytes / 2)));
    }
}

/// Reads a line by serde_json, whatever it looks like.
///
/// # Errors
/// `utf8` where the line is no UTF-8, and what [`Source::parse`] says.
pub fn parse_line<'a, S: Source>(line: &'a [u8], arena: &'a Bump) -> Result<S::Of<'a>, Reject> {
    let text = core::str::from_utf8(line).map_err(|error| {
        let position = error.valid_up_to() + 1;
        Reject::new("utf8", format!("the line is not valid UTF-8 at byte {position}"))
    })?;
    S::parse(text, arena)
}
