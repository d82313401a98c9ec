//! What a plugin made of the packets of a case.

use super::folder::{Packet, REJECTS, names};
use crate::columns::row_json;
use crate::input::{ChunkLimits, InputError, LineChunks, Lookups};
use crate::sandbox::{Isolated, Plugin, TooManyFaults, Usage};
use crate::transform::transform;
use std::collections::BTreeMap;
use std::io::Cursor;

/// Rows and rejects, as lines of JSON.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The lines of each star table and of the rejects, by their name.
    pub files: BTreeMap<String, Vec<String>>,
    /// What was said of each reject, beside its line in the file.
    pub messages: Vec<String>,
    /// What the calls used.
    pub usage: Usage,
    /// How many records there were.
    pub records: u64,
    /// What the plugin could not cope with: the first line, and how it failed.
    pub fault: Option<String>,
}

/// Why there is no outcome.
#[derive(Debug, thiserror::Error)]
pub enum NoOutcome {
    /// The lines can't be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The plugin fails on so many lines that it is to blame, or on a whole packet.
    #[error("`{file}`: {faults}; {}", faults.fault.hint(limits))]
    Plugin {
        /// The packet.
        file: String,
        /// The lines.
        faults: Box<TooManyFaults>,
        /// The limits of the plugin.
        limits: Box<crate::sandbox::Limits>,
    },
}

impl Outcome {
    /// Runs the packets through `plugin`, cut by `limits`.
    ///
    /// # Errors
    /// [`NoOutcome`].
    pub fn of(plugin: &Plugin, packets: &[Packet], lookups: &Lookups, limits: ChunkLimits) -> Result<Self, NoOutcome> {
        let files = names(plugin.manifest()).map(|name| (name.to_owned(), Vec::new())).collect();
        let mut outcome = Self { files, ..Self::default() };
        for (packet, sequence) in packets.iter().zip(1..) {
            let file = (packets.len() > 1).then_some(packet.name.as_str());
            let mut chunks =
                LineChunks::new(packet.name.clone(), Box::new(Cursor::new(packet.lines.clone())), limits, None);
            let first_record = outcome.records + 1;
            while let Some(chunk) = chunks.next_chunk(Vec::new())? {
                let made = transform(plugin, lookups, sequence, first_record, &chunk);
                let isolated = made.map_err(|faults| {
                    let faults = TooManyFaults { line: chunk.line_number(faults.line) - 1, ..faults };
                    let limits = Box::new(*plugin.limits());
                    NoOutcome::Plugin { file: packet.name.clone(), faults: Box::new(faults), limits }
                })?;
                outcome.add(plugin, isolated, file, |line| chunk.line_number(line));
                outcome.records += u64::from(chunk.lines);
            }
        }
        Ok(outcome)
    }

    fn add(&mut self, plugin: &Plugin, isolated: Isolated, file: Option<&str>, line_number: impl Fn(u64) -> u64) {
        self.usage.add(&isolated.usage);
        for part in &isolated.parts {
            for (table, rows) in plugin.manifest().star_tables.iter().zip(&part.tables) {
                self.file(&table.name).extend((0..rows.count).map(|row| row_json(table, rows, row)));
            }
        }
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        for reject in isolated.rejects {
            let file = file.map_or(String::new(), |file| format!("\"input\":{},", quoted(file)));
            let column = reject.column.as_deref().map_or("null".to_owned(), quoted);
            let line = line_number(reject.line);
            let text = format!("{{{file}\"line\":{line},\"code\":{},\"column\":{column}}}", quoted(&reject.code));
            self.file(REJECTS).push(text);
            if reject.by_host && self.fault.is_none() {
                self.fault = Some(format!("line {line}: {}", reject.message));
            }
            self.messages.push(reject.message);
        }
    }

    fn file(&mut self, name: &str) -> &mut Vec<String> {
        self.files.entry(name.to_owned()).or_default()
    }
}
