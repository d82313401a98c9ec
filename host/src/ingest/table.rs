//! The ingest of one table.

use super::filter::{Changed, Filter};
use super::head::TableHead;
use super::{Committed, IngestError, IngestOptions, Outcome, Parts, TableReport, What};
use crate::lake::{Commit, DataWriter, LakeError, PacketWriter};
use crate::packet::{self, CursorPosition, Manifest, SourceColumn, StateObject, StoredObject};
use crate::source::{Plan, Request, RowBatch, Snapshot, SourceError, SourceTable};
use crate::state::{self, KeyLayout, Keys, SegmentWriter};
use bytes::Bytes;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use object_store::Error;
use object_store::path::Path;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How many batches wait between the one who reads and the one who writes.
const BATCHES_WAITING: usize = 3;
/// How long the ingest of a table may take, in hours: a quarter of the age at which data that no packet names are removed.
const RUN_HOURS_MAX: i64 = 12;
/// How many bad lines are told one by one.
const BAD_LINES_TOLD: usize = 10;

/// A table that is ingested.
pub(super) struct TableIngest<'a> {
    pub(super) parts: &'a Parts,
    pub(super) options: &'a IngestOptions,
    pub(super) table: &'a SourceTable,
    pub(super) head: &'a TableHead,
}

/// How it ended.
pub(super) enum TableEnd {
    Done(Box<TableReport>),
    /// Another run has committed first.
    Lost,
}

/// What was written of a packet.
struct Written {
    data: Vec<StoredObject>,
    deletes: Vec<StoredObject>,
    state: Vec<StateObject>,
    newest: Option<i64>,
}

type Reading = JoinHandle<(Box<dyn Snapshot>, Result<(), SourceError>)>;

/// A task that ends when nobody waits for it any more.
struct Reader(Reading);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl TableIngest<'_> {
    /// Brings the rows that have changed. Gives the snapshot back, unless it was lost.
    pub(super) async fn run(
        &self,
        mut snapshot: Box<dyn Snapshot>,
        tell: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> (Option<Box<dyn Snapshot>>, TableEnd) {
        let mut report = TableReport::new(&self.table.name);
        let mut is_sorted = true;
        loop {
            let began = self.begin(&mut snapshot, is_sorted).await;
            let (plan, filter) = match began {
                Ok(began) => began,
                Err(error) => {
                    report.result = Err(error);
                    return (Some(snapshot), TableEnd::Done(Box::new(report)));
                }
            };
            report.window.clone_from(&plan.window);
            let (sender, receiver) = mpsc::channel(BATCHES_WAITING);
            let mut reader = self.read(snapshot, plan.clone(), sender);
            let started = (self.parts.clock)();
            let written = self.write(started, filter, receiver, &mut report, tell).await;
            let (returned, read) = match (&mut reader.0).await {
                Ok(returned) => returned,
                Err(source) => {
                    report.result = Err(IngestError::Task { table: self.table.name.clone(), source });
                    return (None, TableEnd::Done(Box::new(report)));
                }
            };
            snapshot = returned;
            // What the source says comes first: it is why the rows ended.
            let result = match read.map_err(IngestError::from).and(written) {
                Ok(written) => self.commit(started, &plan, written, &mut report).await,
                Err(error) => Err(error),
            };
            report.result = match result {
                Err(IngestError::Source(SourceError::Unordered { .. })) if is_sorted => {
                    // The order of the source is not that of the keys' bytes: then without.
                    is_sorted = false;
                    report = TableReport::new(&self.table.name);
                    continue;
                }
                // Another run had the same sequence id, and the same microsecond.
                Err(IngestError::Lake(LakeError::Store { source: Error::AlreadyExists { .. }, .. })) | Ok(None) => {
                    return (Some(snapshot), TableEnd::Lost);
                }
                Err(error) => Err(error),
                Ok(Some(outcome)) => Ok(outcome),
            };
            return (Some(snapshot), TableEnd::Done(Box::new(report)));
        }
    }

    async fn begin(
        &self,
        snapshot: &mut Box<dyn Snapshot>,
        is_sorted: bool,
    ) -> Result<(Plan, Filter<'_>), IngestError> {
        self.compare_keys()?;
        let request = match &self.options.what {
            What::Changes => Request::Changes,
            What::Range { from, to } => Request::Range { from: *from, to: *to },
            What::Sweep => Request::Whole,
        };
        // Rows in the order of their keys find their state on the way; where there is none, the order costs and helps nobody.
        let has_state = self.head.newest.is_some();
        let plan = snapshot.plan(self.table, &request, &self.head.cursor, is_sorted && has_state).await?;
        let (is_sweep, is_ordered) = (self.options.what == What::Sweep && has_state, plan.is_ordered && is_sorted);
        let Parts { lake, clock, .. } = self.parts;
        Ok((plan, Filter::new(lake, self.head.newest.as_ref(), clock(), is_sweep, is_ordered)))
    }

    /// The state holds keys as the packets before have them: those of other types could not be found in it.
    fn compare_keys(&self) -> Result<(), IngestError> {
        let Some(newest) = &self.head.newest else { return Ok(()) };
        let (before, now) = (KeyLayout::new(&newest.key, &newest.columns), self.table.layout());
        // A column that was renamed is the same; one that is still there beside the new one is not.
        let is_same = |(before, now): (&String, &String)| before == now || !self.table.has_column(before);
        let is_alike = match self.parts.source.keeps_spelling() {
            true => before.has_form_of(&now),
            false => before.is_spelt_as(&now),
        };
        if is_alike && newest.key.iter().zip(&self.table.key).all(is_same) {
            return Ok(());
        }
        let shown = |key: &[String], columns: &[SourceColumn]| {
            let shown = |name: &String| {
                let column = columns.iter().find(|column| column.name == *name);
                format!("`{name} {}`", column.map_or("?", |column| &column.type_name))
            };
            key.iter().map(shown).collect::<Vec<_>>().join(", ")
        };
        let (before, now) = (shown(&newest.key, &newest.columns), shown(&self.table.key, &self.table.columns));
        Err(IngestError::KeyChanged { table: self.table.name.clone(), before, now })
    }

    fn read(&self, mut snapshot: Box<dyn Snapshot>, plan: Plan, sender: mpsc::Sender<RowBatch>) -> Reader {
        let table = self.table.clone();
        Reader(tokio::spawn(async move {
            let read = snapshot.read(&table, &plan, sender).await;
            (snapshot, read)
        }))
    }

    /// Writes the rows that have changed.
    async fn write(
        &self,
        started: DateTime<Utc>,
        mut filter: Filter<'_>,
        mut batches: mpsc::Receiver<RowBatch>,
        report: &mut TableReport,
        tell: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> Result<Written, IngestError> {
        let (lake, table, sequence) = (&self.parts.lake, &self.table.name, self.head.sequence() + 1);
        let mut data = PacketWriter::new(
            lake,
            self.options.format,
            self.options.limits,
            table,
            &self.table.columns,
            sequence,
            started,
        );
        let state_key = |part| packet::packet_state_key(table, sequence, started, part);
        let mut segments = SegmentWriter::new(lake, self.chain(), state_key);
        let deletes_key = |part| packet::deletes_key(table, sequence, started, part);
        let mut deletes = Deletes {
            writer: DataWriter::new(lake, self.options.limits, deletes_key),
            layout: self.table.layout(),
            sequence,
            lines: 0,
            bytes: 0,
        };
        let (mut newest, mut lines, mut bytes_read, mut offset) = (None, 0_u64, 0, 0_u64);
        let mut gone = Keys::default();
        while let Some(mut batch) = batches.recv().await {
            report.rows_read += batch.len() as u64;
            bytes_read += batch.lines.len() as u64;
            report.add_bad_lines(std::mem::take(&mut batch.bad_lines));
            newest = newest.max(batch.newest);
            let changed = filter.changed(batch, table, &mut gone).await?;
            let entries = segments.entries();
            let mut start = 0;
            for (index, end) in changed.ends.iter().enumerate() {
                entries.push(changed.keys.get(index), Some(changed.hashes[index]), sequence, lines, offset + start);
                (lines, start) = (lines + 1, u64::from(*end));
            }
            offset += changed.lines.len() as u64;
            let Changed { lines: text, ends, .. } = changed;
            segments.store_full().await?;
            data.write(text, ends).await?;
            deletes.write(&mut gone, &mut segments).await?;
            tell(report.rows_read, bytes_read);
        }
        crate::crash::point("rows-read");
        if report.bad_lines == 0 {
            filter.end_rows();
            loop {
                filter.gone(&mut gone).await?;
                if gone.is_empty() {
                    break;
                }
                deletes.write(&mut gone, &mut segments).await?;
            }
        } else if self.options.what == What::Sweep {
            tracing::warn!(table, "lines are no rows, and could hold any key: no key counts as gone");
        }
        let data = data.finish().await?;
        crate::crash::point("data-stored");
        let deletes = deletes.writer.finish().await?;
        crate::crash::point("deletes-stored");
        let state = segments.finish().await?;
        crate::crash::point("state-stored");
        Ok(Written { data, deletes, state, newest })
    }

    /// Commits what was written, if anything was; `None` if another run has committed first.
    async fn commit(
        &self,
        started: DateTime<Utc>,
        plan: &Plan,
        written: Written,
        report: &mut TableReport,
    ) -> Result<Option<Outcome>, IngestError> {
        let Parts { lake, clock, .. } = self.parts;
        // A range says nothing of what lies outside.
        let cursor = match self.options.what {
            What::Range { .. } => self.head.cursor.clone(),
            What::Changes | What::Sweep => plan.cursor.clone(),
        };
        if written.data.is_empty() && written.deletes.is_empty() {
            if self.head.sequence() > 0 && cursor != self.head.cursor && cursor != CursorPosition::Full {
                lake.move_cursor(&self.table.name, self.head.sequence(), &cursor, clock()).await?;
                crate::crash::point("cursor-moved");
            }
            self.head.write_checkpoint(self.parts, None).await?;
            return Ok(Some(Outcome::Unchanged));
        }
        let manifest = self.manifest(started, plan, cursor, written);
        // Data that is older than this could be taken for what nobody will name any more.
        if manifest.committed_at - manifest.started_at > TimeDelta::hours(RUN_HOURS_MAX) {
            return Err(IngestError::TooLong { table: self.table.name.clone() });
        }
        // What was stored is looked at once more: after the commit nobody could write it again.
        for object in manifest.data.iter().chain(&manifest.deletes) {
            lake.check(&manifest, object).await?;
        }
        if lake.commit(&manifest).await? == Commit::Lost {
            return Ok(None);
        }
        crate::crash::point("manifest-stored");
        let committed = Committed {
            sequence: manifest.sequence,
            key: packet::manifest_key(&manifest.table, manifest.sequence).to_string(),
            rows: manifest.lines,
            deletes: manifest.deletes.iter().map(|object| object.lines).sum(),
            bytes: manifest.data.iter().map(|object| object.bytes).sum(),
        };
        report.committed = Some(committed.clone());
        self.head.write_checkpoint(self.parts, Some(&manifest)).await?;
        if let Err(error) = state::compact(lake, &manifest, clock()).await {
            // Saves work, no more: the next run tries again.
            let error = crate::error::with_causes(&error);
            tracing::warn!(table = self.table.name, error, "the parts of the state can't be merged");
        }
        crate::crash::point("state-merged");
        Ok(Some(Outcome::Committed(committed)))
    }

    /// The chain of the packet that is written.
    fn chain(&self) -> String {
        Manifest::chain_after(self.head.newest.as_ref(), &self.parts.run, self.head.sequence() + 1)
    }

    fn manifest(&self, started: DateTime<Utc>, plan: &Plan, cursor: CursorPosition, written: Written) -> Manifest {
        let before = self.head.newest.as_ref().and_then(|newest| newest.newest_last_updated.clone());
        Manifest {
            format: Manifest::FORMAT,
            table: self.table.name.clone(),
            sequence: self.head.sequence() + 1,
            kind: self.options.what.kind(),
            data_format: self.options.format,
            lines: written.data.iter().map(|object| object.lines).sum(),
            data: written.data,
            deletes: written.deletes,
            state: written.state,
            first_record: self.head.next_record(),
            key: self.table.key.clone(),
            columns: self.table.columns.clone(),
            cursor,
            window: plan.window.clone(),
            newest_last_updated: newest_of(before, written.newest),
            chain: self.chain(),
            run: self.parts.run.clone(),
            host: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: started.trunc_subsecs(6),
            // As exact as it is stored, so that what is read back is the same.
            committed_at: (self.parts.clock)().trunc_subsecs(6),
        }
    }
}

/// Keys that are gone, on their way into the lake.
struct Deletes<F> {
    writer: DataWriter<F>,
    layout: KeyLayout,
    sequence: u64,
    lines: u64,
    bytes: u64,
}

impl<F: FnMut(u32) -> Path> Deletes<F> {
    /// Writes keys, and removes them from `gone`.
    async fn write<G>(&mut self, gone: &mut Keys, segments: &mut SegmentWriter<G>) -> Result<(), IngestError>
    where
        G: FnMut(u32) -> Path,
    {
        let (mut text, mut ends) = (Vec::new(), Vec::new());
        for index in 0..gone.len() {
            let key = gone.get(index);
            segments.entries().push(key, None, self.sequence, self.lines, self.bytes + text.len() as u64);
            text.extend_from_slice(self.layout.to_json(key).as_bytes());
            text.push(b'\n');
            ends.push(u32::try_from(text.len()).expect("a batch has less than 4 GiB"));
            self.lines += 1;
        }
        gone.clear();
        self.bytes += text.len() as u64;
        self.writer.write(Bytes::from(text), &ends).await?;
        segments.store_full().await?;
        Ok(())
    }
}

/// The later of two moments: one as ISO 8601, one in microseconds since 1970.
fn newest_of(before: Option<String>, newest: Option<i64>) -> Option<String> {
    const ISO: &str = "%Y-%m-%dT%H:%M:%S%.f";
    let parsed = before.as_deref().and_then(|text| chrono::NaiveDateTime::parse_from_str(text, ISO).ok());
    let newest = newest.and_then(DateTime::from_timestamp_micros).map(|moment| moment.naive_utc());
    match newest {
        Some(newest) if parsed.is_none_or(|before| before < newest) => {
            // As many digits as in the lines.
            let text = newest.format("%Y-%m-%dT%H:%M:%S%.6f").to_string();
            Some(text.trim_end_matches('0').trim_end_matches('.').to_owned())
        }
        _ => before,
    }
}

impl TableReport {
    fn add_bad_lines(&mut self, lines: Vec<crate::source::BadLine>) {
        self.bad_lines += lines.len() as u64;
        let room = BAD_LINES_TOLD.saturating_sub(self.first_bad_lines.len());
        self.first_bad_lines.extend(lines.into_iter().take(room));
    }
}
