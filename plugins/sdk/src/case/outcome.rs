//! What a plugin made of the lines of a case, and how it differs from what was expected.

use super::join::Packet;
use super::render;
use crate::bindings::exports::star::transform::plugin::Guest;
use crate::bindings::star::transform::types::{Context, Manifest, Reject};
use std::collections::BTreeMap;

/// The name of the file of the rejects, without its ending.
pub(super) const REJECTS: &str = "rejects";
/// So many differences of a file are shown.
const SHOWN_MAX: usize = 5;

/// The lines of each file that the expected ones are held against, by the file's name.
pub(super) struct Outcome {
    files: BTreeMap<String, Vec<String>>,
    /// The rejects with their messages, which no file holds.
    messages: Vec<String>,
}

impl Outcome {
    /// Hands all lines of a packet over at once.
    pub(super) fn of_one_call<P: Guest>(manifest: &Manifest, packets: &[Packet]) -> Result<Self, String> {
        Self::of_calls::<P>(manifest, packets, usize::MAX)
    }

    /// Hands each line over in a call of its own.
    pub(super) fn of_calls_per_line<P: Guest>(manifest: &Manifest, packets: &[Packet]) -> Result<Self, String> {
        Self::of_calls::<P>(manifest, packets, 1)
    }

    fn of_calls<P: Guest>(manifest: &Manifest, packets: &[Packet], lines_max: usize) -> Result<Self, String> {
        let mut outcome = Self::empty(manifest);
        let mut first_record = 1;
        for (packet, sequence) in packets.iter().zip(1..) {
            let file = (packets.len() > 1).then_some(packet.name.as_str());
            let mut first_line = 0;
            for lines in packet.lines.chunks(lines_max) {
                let context = Context {
                    table: manifest.source_table.clone(),
                    sequence,
                    first_record: first_record + first_line,
                    first_line,
                    lines: u32::try_from(lines.len()).map_err(|error| error.to_string())?,
                };
                first_line += u64::from(context.lines);
                outcome.call::<P>(manifest, file, context, lines)?;
            }
            first_record += first_line;
        }
        Ok(outcome)
    }

    fn empty(manifest: &Manifest) -> Self {
        let names = manifest.star_tables.iter().map(|table| table.name.as_str()).chain([REJECTS]);
        Self { files: names.map(|name| (format!("{name}.jsonl"), Vec::new())).collect(), messages: Vec::new() }
    }

    /// Adds what one call makes of `lines`.
    fn call<P: Guest>(
        &mut self,
        manifest: &Manifest,
        file: Option<&str>,
        context: Context,
        lines: &[Vec<u8>],
    ) -> Result<(), String> {
        let first_line = context.first_line;
        let output = P::transform(context, lines.concat()).map_err(|failure| failure.message)?;
        for (table, rows) in manifest.star_tables.iter().zip(&output.tables) {
            self.file(&table.name).extend(render::rows(table, rows)?);
        }
        for reject in output.rejects {
            let line = first_line + u64::from(reject.line) + 1;
            self.file(REJECTS).push(render::reject(file, line, &reject));
            self.messages.push(message(line, &reject));
        }
        Ok(())
    }

    fn file(&mut self, name: &str) -> &mut Vec<String> {
        self.files.entry(format!("{name}.jsonl")).or_default()
    }

    /// How the file `name` differs from the text `expected`, for people; `None` where it does not.
    pub(super) fn difference(&self, name: &str, expected: &str) -> Option<String> {
        let expected: Vec<_> = expected.lines().collect();
        let found: Vec<_> = self.files.get(name).into_iter().flatten().map(String::as_str).collect();
        let differing = (0..expected.len().max(found.len())).filter(|&index| expected.get(index) != found.get(index));
        let differing: Vec<_> = differing.collect();
        let shown = differing
            .iter()
            .take(SHOWN_MAX)
            .map(|&index| line_difference(index + 1, expected.get(index).copied(), found.get(index).copied()));
        let mut parts: Vec<_> = shown.collect();
        if differing.len() > SHOWN_MAX {
            parts.push(format!("  and {} more", differing.len() - SHOWN_MAX));
        }
        if !self.messages.is_empty() {
            parts.push(format!("  rejects:\n    {}", self.messages.join("\n    ")));
        }
        (!differing.is_empty()).then(|| parts.join("\n"))
    }
}

fn message(line: u64, reject: &Reject) -> String {
    let column = reject.column.as_ref().map_or(String::new(), |column| format!(", `{column}`"));
    format!("line {line}, {}{column}: {}", reject.code, reject.message)
}

fn line_difference(line: usize, expected: Option<&str>, found: Option<&str>) -> String {
    let shown = |side: Option<&str>| side.map_or("no such line".to_owned(), str::to_owned);
    let mut text = format!("  line {line}\n    expected  {}\n    found     {}", shown(expected), shown(found));
    if let (Some(expected), Some(found)) = (expected, found) {
        let same = expected.chars().zip(found.chars()).take_while(|(left, right)| left == right).count();
        text.push_str(&format!("\n              {}^", " ".repeat(same)));
    }
    text
}
