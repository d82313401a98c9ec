//! The table of deletions: which keys of which tables are gone, and since when. Rows of facts and dimensions stay.

use super::packets::{MANIFESTS_AHEAD, first_missing, mark};
use super::publish::StarUpload;
use super::reader::PacketReader;
use super::report::StarOutcome;
use super::table::Try;
use super::{Process, ProcessError, StarTableReport, keys};
use crate::columns::{Column, ColumnValues, Rows};
use crate::lake::LakeError;
use crate::manifest::{ColumnType, Field, StarKind, StarTable};
use crate::packet::Manifest;
use crate::star::{Change, Commit, Metadata, Operation, StarFile, TableVersion};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// The name of the table.
pub(super) const TABLE: &str = "deletions";

/// After so many packets without a deletion it is noted that they were looked at: it saves reading them again, and costs an entry
/// of the log.
const PACKETS_BETWEEN_NOTES: usize = 64;

/// The table's columns.
fn table() -> StarTable {
    let field = |name: &str, column_type, comment: &str| Field {
        name: name.to_owned(),
        column_type,
        nullable: false,
        references: None,
        comment: Some(comment.to_owned()),
    };
    StarTable {
        name: TABLE.to_owned(),
        kind: StarKind::Fact,
        key: vec!["table".to_owned(), "key".to_owned(), "sequence".to_owned()],
        fields: vec![
            field("table", ColumnType::Utf8, "the source table"),
            field("key", ColumnType::Utf8, "the value of its key, as text; of several columns a JSON array of them"),
            field("sequence", ColumnType::Int64, "the packet that found the row gone"),
            field("last_record", ColumnType::Int64, "the number of the table's last record at that time"),
            field("found_at", ColumnType::Timestamp, "when that packet was committed"),
        ],
        comment: Some("the keys of rows that are no longer in the source".to_owned()),
    }
}

fn app(source: &str) -> String {
    format!("{TABLE}/{source}")
}

impl Process<'_> {
    /// Lists the deletions of the packets of these source tables; `None` where there is nothing to say.
    pub(super) fn deletions(&self, sources: &BTreeSet<String>) -> Option<StarTableReport> {
        let began = Instant::now();
        let host = concat!("host@", env!("CARGO_PKG_VERSION")).to_owned();
        let mut report = StarTableReport::of(&table(), host, "*".to_owned());
        report.result = self.until_done(TABLE, || self.try_deletions(sources, &mut report));
        report.took = began.elapsed();
        (!matches!(report.result, Ok(StarOutcome::Unchanged))).then_some(report)
    }

    fn try_deletions(
        &self,
        sources: &BTreeSet<String>,
        report: &mut StarTableReport,
    ) -> Result<Try<StarOutcome>, ProcessError> {
        let table = table();
        let version = self.parts.star.open(TABLE)?;
        let is_whole = self.is_of_other_packets(sources, version.as_ref())?;
        let (mut progress, mut marks) = (BTreeMap::new(), BTreeMap::new());
        let mut uploads = Vec::new();
        let mut packets = 0;
        let mut sources = sources.clone();
        if let (true, Some(version)) = (is_whole, &version) {
            // Those of all tables are made again, whether a plugin reads them today or not.
            sources.extend(self.plan.sources());
            sources.extend(self.parts.star.packets(version)?.into_keys());
        }
        for source in sources {
            if is_whole {
                progress.insert(app(&source), 0);
            }
            let processed = match &version {
                _ if is_whole => 0,
                Some(version) => self.parts.star.progress(version, &app(&source))?.unwrap_or(0),
                None => 0,
            };
            let last = self.packets.last(&source)?;
            let sequences = self.packets.between(&source, processed, last)?;
            if let Some(sequence) = first_missing(1, last, &sequences).filter(|_| is_whole) {
                return Err(ProcessError::Gap { star: TABLE.to_owned(), table: source, sequence });
            }
            for sequences in sequences.chunks(MANIFESTS_AHEAD) {
                for manifest in self.packets.manifests(&source, sequences)? {
                    packets += 1;
                    uploads.extend(self.deletions_of(&table, &manifest)?);
                    progress.insert(app(&source), manifest.sequence);
                    marks.insert(source.clone(), mark(&manifest));
                }
            }
        }
        let has_rows = !uploads.is_empty();
        if !is_whole && !has_rows && (version.is_some() || packets == 0) && packets < PACKETS_BETWEEN_NOTES {
            return Ok(Try::Done(StarOutcome::Unchanged));
        }
        let version = match version {
            Some(version) => version,
            None => match self.parts.star.create(&table, &properties())? {
                Commit::Done(version) => version,
                Commit::Conflict => return Ok(Try::Conflict),
            },
        };
        let mut removed = BTreeSet::new();
        if is_whole {
            removed.extend(self.parts.star.files(&version)?.into_iter().map(|file| file.path));
        }
        let mut added: Vec<_> = self.parts.store_files(&[TABLE], uploads)?.into_iter().map(|(_, file)| file).collect();
        added.retain(|new| !removed.remove(&new.file.path));
        let change = Change {
            operation: Operation::Write,
            added,
            removed,
            progress,
            packets: marks,
            made_by: None,
            info: BTreeMap::from([("run".to_owned(), self.parts.run.clone())]),
            at: (self.parts.clock)(),
        };
        if let Try::Conflict = self.commit(&version, &table, &change, report)? {
            return Ok(Try::Conflict);
        }
        crate::crash::point("deletions-committed");
        if has_rows {
            report.packets = packets as u64;
        }
        Ok(Try::Done(if has_rows || is_whole { StarOutcome::Advanced } else { StarOutcome::Unchanged }))
    }

    /// Whether the table holds other packets than the lake has: it is made of packets alone, and made again then.
    fn is_of_other_packets(
        &self,
        sources: &BTreeSet<String>,
        version: Option<&TableVersion>,
    ) -> Result<bool, ProcessError> {
        let Some(version) = version else { return Ok(false) };
        let held = self.parts.star.packets(version)?;
        for source in sources {
            let processed = self.parts.star.progress(version, &app(source))?.unwrap_or(0);
            match self.check_lake(TABLE, &held, source, processed) {
                Err(error @ ProcessError::OtherPackets { .. }) => {
                    tracing::warn!(error = crate::error::with_causes(&error), "the table is made again");
                    return Ok(true);
                }
                checked => checked?,
            }
        }
        Ok(false)
    }

    /// The deletions of a packet, as a file.
    fn deletions_of(&self, table: &StarTable, manifest: &Manifest) -> Result<Option<StarUpload>, ProcessError> {
        if manifest.deletes.is_empty() {
            return Ok(None);
        }
        let mut keys = Texts::default();
        let mut wrong = None;
        let lines = PacketReader::deletes(&self.parts.runtime, &self.parts.lake, manifest);
        lines.for_each_line(|line| match key_text(line, &manifest.key) {
            Some(key) => keys.push(&key),
            None => {
                wrong.get_or_insert_with(|| String::from_utf8_lossy(line).into_owned());
            }
        })?;
        if let Some(line) = wrong {
            let key = crate::packet::manifest_key(&manifest.table, manifest.sequence).to_string();
            let reason = format!("`{}` is no key of a row that is gone", crate::text::shown(&line, 80));
            return Err(LakeError::Format { key, reason }.into());
        }
        let rows = rows(manifest, keys);
        let metadata = Metadata::default()
            .with("star:input", format!("{}/{:08}", manifest.table, manifest.sequence))
            .with("star:host-version", env!("CARGO_PKG_VERSION"));
        let file = StarFile::of_rows(table, &metadata, &rows)?;
        let name = keys::fact_file(manifest.sequence, &file.spooled.sha256);
        Ok(Some(StarUpload { table: 0, name, file }))
    }
}

fn properties() -> BTreeMap<String, String> {
    BTreeMap::from([
        ("star.kind".to_owned(), "fact".to_owned()),
        ("delta.feature.domainMetadata".to_owned(), "supported".to_owned()),
    ])
}

/// Texts one after the other, as a column has them.
struct Texts {
    offsets: Vec<i32>,
    bytes: Vec<u8>,
}

impl Default for Texts {
    fn default() -> Self {
        Self { offsets: vec![0], bytes: Vec::new() }
    }
}

impl Texts {
    fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        self.offsets.push(i32::try_from(self.bytes.len()).unwrap_or(i32::MAX));
    }

    fn column(self) -> Column {
        Column { validity: None, values: ColumnValues::Utf8 { offsets: self.offsets, bytes: self.bytes } }
    }
}

fn rows(manifest: &Manifest, keys: Texts) -> Rows {
    let count = keys.offsets.len() - 1;
    let last_record = manifest.next_record().map_or(0, |next| next - 1).cast_signed();
    let column = |values| Column { validity: None, values };
    let mut names = Texts::default();
    (0..count).for_each(|_| names.push(&manifest.table));
    let columns = vec![
        names.column(),
        keys.column(),
        column(ColumnValues::Int64(vec![manifest.sequence.cast_signed(); count])),
        column(ColumnValues::Int64(vec![last_record; count])),
        column(ColumnValues::Timestamp(vec![manifest.committed_at.timestamp_micros(); count])),
    ];
    Rows { count, columns, lines: None }
}

/// The key of a row as one text: the value of its column, or all values as a JSON array.
fn key_text(line: &[u8], key: &[String]) -> Option<String> {
    let members: serde_json::Map<String, Value> = serde_json::from_slice(line).ok()?;
    let mut values = key.iter().map(|column| members.get(column).cloned()).collect::<Option<Vec<_>>>()?;
    if values.len() > 1 {
        return serde_json::to_string(&values).ok();
    }
    Some(match values.pop()? {
        Value::String(text) => text,
        other => other.to_string(),
    })
}
