//! Where a row of a star table comes from: its line, its packet, the plugin that made it, and its file.
//!
//! ```text
//! fact:       record ──► packet, by the manifests ──► line           record ──► file, by the log ──► row
//! dimension:  key ──► state of the source table ──► packet, line     key ──► bucket ──► file ──► row
//! ```
//!
//! Nothing is remembered for it: all of it stands in the packets, in the log of the star table and in its files.
//!
//! All of it waits for stores: call it from a thread that may be blocked.

mod dimension;
mod error;
mod fact;
mod report;
mod source;

pub use error::ExplainError;
pub use report::{ExplainedFile, ExplainedLookup, Explanation, Maker, Origin, OriginLine, Outcome};

use crate::manifest::{StarKind, StarTable};
use crate::process::{Held, Parts, Plan, app, keys};
use crate::sandbox::Plugin;
use crate::star::{StarObject, TableFile, TableVersion, in_delta};

/// What is asked about, as far as it is known to all that look.
struct Question<'a> {
    parts: &'a Parts,
    /// The plugin that makes the table today.
    plugin: &'a Plugin,
    table: StarTable,
    /// The text that names the row.
    key: &'a str,
    /// The table, if it was ever made.
    version: Option<TableVersion>,
    /// The last packet of its source that it holds.
    processed: Option<u64>,
}

/// Tells where the row of the star table `table` comes from that `key` names: of a fact the number of its record; of a dimension
/// the value of its key, or all values as a JSON array. A row that could have been made and was not is explained, too.
///
/// # Errors
/// [`ExplainError`]; that there is no such row, and never was, is one.
pub fn explain(parts: &Parts, table: &str, key: &str) -> Result<Explanation, ExplainError> {
    let plan = Plan::new(&parts.plugins)?;
    let found = plan.maker(table).and_then(|plugin| {
        let table = plugin.manifest().star_tables.iter().find(|star| star.name == table)?;
        Some((plugin, in_delta(table)))
    });
    let (plugin, star) = found.ok_or_else(|| plan.unknown_table(table))?;
    let version = parts.star.open(table)?;
    let app = app(plugin, &plugin.manifest().source_table);
    let processed = version.as_ref().map(|version| parts.star.progress(version, &app)).transpose()?.flatten();
    let question = Question { parts, plugin, table: star, key, version, processed };
    match question.table.kind {
        StarKind::Fact => question.fact(),
        StarKind::Dimension => question.dimension(),
    }
}

impl Question<'_> {
    fn source(&self) -> &str {
        &self.plugin.manifest().source_table
    }

    /// The star table by which rejects and held packets are named: the plugin's first.
    fn first_table(&self) -> &str {
        &self.plugin.manifest().star_tables[0].name
    }

    /// What is known before anything was found.
    fn explanation(&self, outcome: Outcome, origin: Origin) -> Explanation {
        Explanation {
            table: self.table.name.clone(),
            kind: self.table.kind,
            key: self.key.to_owned(),
            outcome,
            processed: self.processed,
            origin,
            held: None,
            rejects: Vec::new(),
            file: None,
            row: None,
            lookups: Vec::new(),
        }
    }

    /// The packet, where it is held with the plugin of today.
    fn held(&self, sequence: u64) -> Result<Option<Held>, ExplainError> {
        let (table, digest) = (self.first_table(), self.plugin.digest());
        let accepted = self.parts.document::<serde_json::Value>(&keys::accepted(table, sequence, digest))?;
        match accepted {
            Some(_) => Ok(None),
            None => Ok(self.parts.document(&keys::held(table, sequence, digest))?),
        }
    }

    fn explained_file(&self, object: &StarObject<'_>, file: &TableFile) -> ExplainedFile {
        let made_by = Maker::new(&object.lineage());
        ExplainedFile { key: object.key().to_string(), bytes: file.bytes, rows: file.rows, made_by }
    }
}
