//! From a source to packets: what has changed since the last packet becomes the next one, exactly once.
//!
//! ```text
//! heads of the lake ──► snapshot of the source ──► rows ──► filter by the state ──► data ──► state ──► manifest ──► checkpoint
//! ```
//!
//! The heads are read before the snapshot is taken: a packet that another run commits in between makes this one's commit fail,
//! and it starts over with a newer snapshot. So the rows of a packet are never older than those of the packet before. A table
//! that was altered since the tables were listed is listed again, and read in the next snapshot.

mod error;
mod filter;
mod head;
mod report;
mod table;

pub use error::IngestError;
pub use report::{Committed, IngestReport, Outcome, TableReport};

use crate::checkpoint::CheckpointStore;
use crate::lake::{Lake, ObjectLimits};
use crate::packet::{DataFormat, PacketKind};
use crate::source::{Source, SourceError, SourceTable};
use chrono::{DateTime, NaiveDateTime, Utc};
use futures_util::{StreamExt, stream};
use head::TableHead;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use table::{TableEnd, TableIngest};

/// How often a table is tried again when others commit first.
const TRIES_MAX: u32 = 50;

/// How often tables are listed again that were altered before they could be read.
const LISTED_AGAIN_MAX: u32 = 5;

/// Of how many tables the heads are read at once: each waits for the storage most of the time.
const HEADS_AT_ONCE: usize = 8;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// What an ingest works on.
#[derive(Clone)]
pub struct Parts {
    /// Where rows come from.
    pub source: Arc<dyn Source>,
    /// Where they go.
    pub lake: Lake,
    /// Where it is remembered how far they are.
    pub checkpoints: Arc<dyn CheckpointStore>,
    /// The time.
    pub clock: Clock,
    /// The name of this run, that no other has.
    pub run: String,
    /// When it has to be over, if it has to: no table is begun after that, and none that is not done then is committed.
    pub deadline: Option<Instant>,
}

/// What is to be done.
#[derive(Clone, Debug, Default)]
pub struct IngestOptions {
    /// The tables; all if empty.
    pub tables: Vec<String>,
    /// Which rows.
    pub what: What,
    /// How data objects hold them.
    pub format: DataFormat,
    /// When a data object is full.
    pub limits: ObjectLimits,
}

/// Which rows an ingest brings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum What {
    /// Those that changed since the last run, by the cursor of each table.
    #[default]
    Changes,
    /// Those with a `last_updated` in [from, to) that are not in the lake as they are.
    Range {
        /// The first moment.
        from: NaiveDateTime,
        /// The first moment after.
        to: NaiveDateTime,
    },
    /// All that are not in the lake as they are, and the keys that are gone.
    Sweep,
}

impl What {
    fn kind(&self) -> PacketKind {
        match self {
            Self::Changes => PacketKind::Changes,
            Self::Range { .. } => PacketKind::Range,
            Self::Sweep => PacketKind::Sweep,
        }
    }
}

impl Parts {
    fn is_out_of_time(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// What comes of `work`; `None` if there is no time for it. What is left half done is as after a crash: it does not count.
    async fn in_time<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        match self.deadline {
            Some(deadline) => tokio::time::timeout_at(deadline.into(), work).await.ok(),
            None => Some(work.await),
        }
    }
}

/// How far an ingest is.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The table that is read.
    pub table: String,
    /// How many rows of it were read.
    pub rows: u64,
    /// How many bytes of lines.
    pub bytes: u64,
    /// How many tables are done, and how many there are.
    pub tables: (usize, usize),
}

/// Brings what has changed in a source into the lake. One table's failure does not stop the others; it is in the report.
///
/// # Errors
/// [`IngestError`] if the source as a whole can't be read.
pub async fn ingest(
    parts: &Parts,
    options: &IngestOptions,
    progress: &(dyn Fn(&Progress) + Send + Sync),
) -> Result<IngestReport, IngestError> {
    let began = Instant::now();
    let (tables, mut reports) = select(parts.source.tables().await?, &options.tables)?;
    tracing::info!(run = parts.run, tables = tables.len(), "ingest begins");
    let vanished = if options.tables.is_empty() { vanished(parts, &tables, &reports).await } else { Vec::new() };
    let count = tables.len();
    let mut waiting = tables;
    let (mut tries, mut listed_again) = (0, 0);
    while !waiting.is_empty() {
        tries += 1;
        if parts.is_out_of_time() {
            reports.extend(waiting.drain(..).map(|table| TableReport::out_of_time(&table.name)));
            break;
        }
        if tries > 1 {
            // Runs that got into each other's way are to part.
            tokio::time::sleep(pause(&parts.run, tries)).await;
        }
        let Again { lost, altered } = round(parts, options, waiting, tries, count, &mut reports, progress).await?;
        waiting = lost;
        if altered.is_empty() || listed_again == LISTED_AGAIN_MAX {
            reports.extend(altered);
            continue;
        }
        listed_again += 1;
        match parts.source.tables().await {
            Ok(found) => waiting = described_anew(found, waiting, altered, &mut reports),
            Err(error) => {
                tracing::warn!(error = crate::error::with_causes(&error), "the tables can't be listed again");
                reports.extend(altered);
            }
        }
    }
    reports.iter().for_each(log_table);
    let took = began.elapsed();
    let rows: u64 = reports.iter().filter_map(TableReport::rows).sum();
    tracing::info!(run = parts.run, rows, seconds = took.as_secs_f64(), "ingest ends");
    crate::crash::point("run-done");
    Ok(IngestReport { run: parts.run.clone(), tables: reports, vanished, took })
}

/// The tables that have a checkpoint and are not among those of the source, of which some can't be read.
async fn vanished(parts: &Parts, tables: &[SourceTable], unreadable: &[TableReport]) -> Vec<String> {
    let mut vanished = match parts.checkpoints.tables().await {
        Ok(known) => known,
        Err(error) => {
            tracing::warn!(error = crate::error::with_causes(&error), "whether a table is gone can't be told");
            return Vec::new();
        }
    };
    let found: BTreeSet<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    let is_unreadable = |name: &str| unreadable.iter().any(|report| report.table == name);
    vanished.retain(|name| !found.contains(name.as_str()) && !is_unreadable(name) && !parts.source.excludes(name));
    for table in &vanished {
        tracing::warn!(table, "the source no longer has the table: what is made of it stays as it is");
    }
    vanished
}

/// The tables of a source that are asked for, those that others refer to first; all if none is. Those that can't be read are among
/// them.
///
/// # Errors
/// [`IngestError`] if the source as a whole can't be read, or has no table of a name that was asked for.
pub async fn tables(source: &dyn Source, asked: &[String]) -> Result<Vec<String>, IngestError> {
    let (tables, unreadable) = select(source.tables().await?, asked)?;
    let mut names: Vec<String> = tables.into_iter().map(|table| table.name).collect();
    for report in unreadable {
        match report.result {
            Err(unknown @ IngestError::Source(SourceError::UnknownTable { .. })) => return Err(unknown),
            _ => names.push(report.table),
        }
    }
    Ok(names)
}

/// The tables that are to be tried again.
#[derive(Default)]
struct Again {
    /// Of these others have committed first.
    lost: Vec<SourceTable>,
    /// These were altered before they could be read.
    altered: Vec<TableReport>,
}

/// The tables that wait, as they are now, and with them those that were altered.
fn described_anew(
    mut found: Vec<Result<SourceTable, SourceError>>,
    waiting: Vec<SourceTable>,
    altered: Vec<TableReport>,
    reports: &mut Vec<TableReport>,
) -> Vec<SourceTable> {
    let waiting = waiting.into_iter().map(|table| {
        let changed = SourceError::Changed { table: table.name.clone() };
        TableReport::failed(&table.name, changed.into())
    });
    let mut tables = Vec::new();
    for report in altered.into_iter().chain(waiting) {
        let is_same = |table: &Result<SourceTable, SourceError>| match table {
            Ok(table) => table.name == report.table,
            Err(error) => error.table() == Some(&report.table),
        };
        match found.iter().position(is_same).map(|at| found.swap_remove(at)) {
            Some(Ok(table)) => tables.push(table),
            Some(Err(error)) => reports.push(TableReport::failed(&report.table, error.into())),
            None => reports.push(report),
        }
    }
    lookups_first(tables)
}

/// Reads all tables in one snapshot; gives those that are to be tried again.
async fn round(
    parts: &Parts,
    options: &IngestOptions,
    tables: Vec<SourceTable>,
    tries: u32,
    count: usize,
    reports: &mut Vec<TableReport>,
    progress: &(dyn Fn(&Progress) + Send + Sync),
) -> Result<Again, IngestError> {
    let mut heads = Vec::new();
    let read = tables.into_iter().map(async |table| (TableHead::read(parts, &table.name).await, table));
    let mut read = stream::iter(read).buffered(HEADS_AT_ONCE);
    while let Some((head, table)) = read.next().await {
        match head {
            Ok(head) => heads.push((head.known_columns(table), head)),
            Err(error) => reports.push(TableReport::failed(&table.name, error)),
        }
    }
    crate::crash::point("heads-read");
    if heads.is_empty() {
        return Ok(Again::default());
    }
    let names: Vec<String> = heads.iter().map(|(table, _)| table.name.clone()).collect();
    let mut snapshot = Some(parts.source.snapshot(&names).await?);
    crate::crash::point("snapshot-taken");
    let mut again = Again::default();
    for (table, head) in heads {
        let began = Instant::now();
        let name = table.name.clone();
        if parts.is_out_of_time() {
            reports.push(TableReport::out_of_time(&name));
            continue;
        }
        tracing::info!(run = parts.run, table = name, sequence = head.sequence(), "table begins");
        let done = reports.len();
        let tell = |rows, bytes| progress(&Progress { table: name.clone(), rows, bytes, tables: (done, count) });
        // A task that died took the snapshot with it.
        let open = match snapshot.take() {
            Some(open) => open,
            None => parts.source.snapshot(&names).await?,
        };
        let ingest = TableIngest { parts, options, table: &table, head: &head };
        let Some((open, end)) = parts.in_time(ingest.run(open, &tell)).await else {
            reports.push(TableReport { took: began.elapsed(), ..TableReport::out_of_time(&name) });
            continue;
        };
        snapshot = open;
        match end {
            TableEnd::Lost if tries < TRIES_MAX => again.lost.push(table),
            TableEnd::Lost => {
                reports.push(TableReport::failed(&name, IngestError::Crowded { table: name.clone(), tries }))
            }
            TableEnd::Done(mut report) => {
                report.took = began.elapsed();
                report.gaps = head.gaps();
                let is_altered = matches!(report.result, Err(IngestError::Source(SourceError::Changed { .. })));
                if is_altered { again.altered.push(*report) } else { reports.push(*report) }
            }
        }
    }
    Ok(again)
}

/// The tables that are asked for, those that others refer to first; and reports of those that can't be read, or are not there.
fn select(
    found: Vec<Result<SourceTable, SourceError>>,
    asked: &[String],
) -> Result<(Vec<SourceTable>, Vec<TableReport>), IngestError> {
    let name = |table: &Result<SourceTable, SourceError>| match table {
        Ok(table) => Some(table.name.clone()),
        Err(error) => error.table().map(str::to_owned),
    };
    let known: BTreeSet<String> = found.iter().filter_map(name).collect();
    if found.is_empty() {
        return Err(SourceError::Empty.into());
    }
    let asked: BTreeSet<&str> = asked.iter().map(String::as_str).collect();
    let unknown = asked.iter().filter(|table| !known.contains(**table)).map(|table| {
        let unknown =
            SourceError::UnknownTable { table: (*table).to_owned(), known: crate::text::listed(&known, "none") };
        TableReport::failed(table, unknown.into())
    });
    let (mut tables, mut reports) = (Vec::new(), unknown.collect::<Vec<_>>());
    let is_asked = |name: &str| asked.is_empty() || asked.contains(name);
    for table in found {
        match table {
            Ok(table) if is_asked(&table.name) => tables.push(table),
            Err(error) if error.table().is_none_or(is_asked) => {
                let table = error.table().unwrap_or("*").to_owned();
                reports.push(TableReport::failed(&table, error.into()));
            }
            Ok(_) | Err(_) => {}
        }
    }
    Ok((lookups_first(tables), reports))
}

/// Orders tables so that each comes after those that it refers to, where that is possible; else by name.
fn lookups_first(tables: Vec<SourceTable>) -> Vec<SourceTable> {
    let mut waiting: BTreeMap<String, SourceTable> =
        tables.into_iter().map(|table| (table.name.clone(), table)).collect();
    let mut ordered = Vec::new();
    while !waiting.is_empty() {
        let is_ready = |table: &&SourceTable| !table.references.iter().any(|other| waiting.contains_key(other));
        let next = waiting.values().find(is_ready).or_else(|| waiting.values().next()).map(|table| table.name.clone());
        ordered.extend(next.and_then(|next| waiting.remove(&next)));
    }
    ordered
}

/// How long to wait before the next try: up to some hundred milliseconds, and each run otherwise.
fn pause(run: &str, tries: u32) -> Duration {
    let spread = crate::state::hash_line(format!("{run} {tries}").as_bytes()) % 64;
    Duration::from_millis(spread as u64 * u64::from(tries.min(8)))
}

fn log_table(report: &TableReport) {
    let (table, seconds) = (&report.table, report.took.as_secs_f64());
    if report.gaps > 0 {
        tracing::warn!(table, gaps = report.gaps, "the lake lacks packets: their sequence ids are missing");
    }
    if report.bad_lines > 0 {
        tracing::warn!(table, lines = report.bad_lines, "lines are no rows, and stay where they are");
    }
    match &report.result {
        Ok(Outcome::Committed(Committed { sequence, rows, deletes, bytes, .. })) => {
            tracing::info!(table, sequence, rows, deletes, bytes, seconds, "table ends");
        }
        Ok(Outcome::Unchanged) => tracing::warn!(table, seconds, "no new rows"),
        Err(error) => tracing::error!(table, seconds, error = crate::error::with_causes(error), "table fails"),
    }
}

impl TableReport {
    fn failed(table: &str, error: IngestError) -> Self {
        Self { result: Err(error), ..Self::new(table) }
    }

    fn out_of_time(table: &str) -> Self {
        Self::failed(table, IngestError::OutOfTime { table: table.to_owned() })
    }

    fn new(table: &str) -> Self {
        Self {
            table: table.to_owned(),
            result: Ok(Outcome::Unchanged),
            committed: None,
            rows_read: 0,
            window: String::new(),
            bad_lines: 0,
            first_bad_lines: Vec::new(),
            gaps: 0,
            took: Duration::ZERO,
        }
    }

    fn rows(&self) -> Option<u64> {
        self.committed.as_ref().map(|committed| committed.rows)
    }
}
