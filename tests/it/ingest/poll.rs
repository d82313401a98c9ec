//! Polls of a live database, each compared with the truth of its snapshot.

use chrono::NaiveDateTime;
use host::ingest::{IngestOptions, Outcome, ingest};
use host::packet::{CursorPosition, Manifest, PacketKind};
use host::source::postgres::Address;
use host::source::{Cursor, PostgresSource, Source, TableOptions};
use host::state::KeyLayout;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tests::flow::{TestLake, key_of};
use totesys::Table;

/// What a poll asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Changes,
    Range,
    Sweep,
}

/// The rows of all tables: by table and key, as lines.
type Rows = BTreeMap<String, BTreeMap<String, String>>;

/// The truths of the snapshots that were taken, by their text.
#[derive(Default)]
struct Truths {
    by_snapshot: BTreeMap<String, Arc<Rows>>,
    last: Arc<Rows>,
}

/// A lake, what it should hold, and what the plain rule would have.
pub(crate) struct Lakes {
    url: String,
    lake: TestLake,
    source: Arc<dyn Source>,
    truths: Arc<Mutex<Truths>>,
    /// The packets of each table that were compared.
    compared: BTreeMap<String, u64>,
    /// What the lake holds: the packets, folded.
    state: Rows,
    /// The ranges that were asked for, by run.
    ranges: BTreeMap<String, (NaiveDateTime, NaiveDateTime)>,
    plain: Plain,
    versions: u64,
    deletes: u64,
    polls: u32,
    stopped: u32,
}

/// The usual rule: whatever has a `last_updated` after the newest that was seen.
#[derive(Default)]
struct Plain {
    newest: BTreeMap<String, String>,
    state: Rows,
}

impl Lakes {
    pub(crate) fn new(url: &str) -> Self {
        Self::with_cursor(url, &Cursor::Snapshot)
    }

    pub(crate) fn with_cursor(url: &str, cursor: &Cursor) -> Self {
        let truths: Arc<Mutex<Truths>> = Arc::default();
        let (hook_url, hook_truths) = (url.to_owned(), Arc::clone(&truths));
        let hook = move |snapshot: String| {
            let (url, truths) = (hook_url.clone(), Arc::clone(&hook_truths));
            let read: std::pin::Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
                let (text, rows) = truth(&url, &snapshot).await;
                let mut truths = truths.lock().unwrap();
                truths.last = Arc::new(rows);
                let last = Arc::clone(&truths.last);
                truths.by_snapshot.insert(text, last);
            });
            read
        };
        let options = TableOptions { cursor: Some(cursor.clone()), ..TableOptions::default() };
        let tables = Table::ALL.into_iter().map(|table| (table.name().to_owned(), options.clone())).collect();
        let address = Address::parse(url, &BTreeMap::new()).unwrap();
        let source = PostgresSource::new(address, "public".to_owned(), Vec::new(), tables);
        Self {
            url: url.to_owned(),
            lake: TestLake::new(),
            source: Arc::new(source.with_snapshot_hook(Arc::new(hook))),
            truths,
            compared: BTreeMap::new(),
            state: BTreeMap::new(),
            ranges: BTreeMap::new(),
            plain: Plain::default(),
            versions: 0,
            deletes: 0,
            polls: 0,
            stopped: 0,
        }
    }

    /// Polls, and compares what has come; with `stop` the host is stopped after that time, wherever it is.
    #[expect(clippy::disallowed_methods, reason = "a range of the last seconds")]
    pub(crate) async fn poll(&mut self, what: What, stop: Option<Duration>) {
        self.polls += 1;
        let parts = self.lake.parts(Arc::clone(&self.source));
        let what = match what {
            What::Changes => host::ingest::What::Changes,
            What::Sweep => host::ingest::What::Sweep,
            What::Range => {
                let to = chrono::Utc::now().naive_utc() - Duration::from_secs(1);
                let range = (to - Duration::from_secs(3), to);
                self.ranges.insert(parts.run.clone(), range);
                host::ingest::What::Range { from: range.0, to: range.1 }
            }
        };
        let options = IngestOptions { what, ..IngestOptions::default() };
        let run = tokio::spawn(async move { ingest(&parts, &options, &|_| {}).await });
        let Some(stop) = stop else {
            let report = run.await.unwrap().unwrap();
            for table in &report.tables {
                assert!(table.result.is_ok(), "{:?}", table.result);
            }
            self.compare(true).await;
            self.plain.poll(&self.truths.lock().unwrap().last);
            return;
        };
        tokio::time::sleep(stop).await;
        self.stopped += u32::from(!run.is_finished());
        run.abort();
        let _ = run.await;
        self.compare(false).await;
    }

    /// Polls while there is no server.
    pub(crate) async fn poll_of_nothing(&self) {
        let parts = self.lake.parts(Arc::clone(&self.source));
        let failed = ingest(&parts, &IngestOptions::default(), &|_| {}).await.unwrap_err();
        assert_eq!("source-connect", host::error::Explain::code(&failed));
    }

    /// Polls with a cursor that is known to miss things.
    pub(crate) async fn poll_unchecked(&mut self) {
        self.lake.ingest_all(&self.source).await;
    }

    /// Sweeps; tells how many rows and how many keys that are gone were found.
    pub(crate) async fn sweep(&mut self) -> (u64, u64) {
        let options = IngestOptions { what: host::ingest::What::Sweep, ..IngestOptions::default() };
        let report = self.lake.ingest(&self.source, &options).await;
        let (mut rows, mut deletes) = (0, 0);
        for table in &report.tables {
            if let Outcome::Committed(committed) = table.result.as_ref().unwrap() {
                rows += committed.rows;
                deletes += committed.deletes;
            }
        }
        (rows, deletes)
    }

    /// How many rows of the lake are not as in the database, and how many are not there any more.
    pub(crate) async fn missing(&self) -> (u64, u64) {
        let (_, truth) = truth_now(&self.url).await;
        let (mut differ, mut gone) = (0, 0);
        for (table, rows) in &truth {
            let state = self.lake.state(table).await;
            differ += rows.iter().filter(|(key, row)| state.get(*key) != Some(*row)).count() as u64;
            gone += state.keys().filter(|key| !rows.contains_key(*key)).count() as u64;
        }
        (differ, gone)
    }

    /// Checks that the lake, read anew from its first packet, holds exactly the database.
    pub(crate) async fn is_as_the_database(&self) {
        let (_, truth) = truth_now(&self.url).await;
        for (table, rows) in &truth {
            assert!(self.lake.state(table).await == *rows, "`{table}` is as the database");
        }
    }

    /// The transactions that the last packet of a table, or the cursor after it, knows of.
    pub(crate) async fn snapshot_of(&self, table: &str) -> u64 {
        let head = self.lake.lake.head(table, 0).await.unwrap();
        let manifest = self.lake.lake.manifest(table, head.sequence).await.unwrap();
        match self.lake.lake.cursor(&manifest).await.unwrap() {
            CursorPosition::Snapshot { xmax, .. } => xmax,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn versions(&self) -> u64 {
        self.versions
    }

    /// How many rows would be missing or old by the plain rule.
    pub(crate) fn lost_by_the_plain_rule(&self) -> u64 {
        let truths = self.truths.lock().unwrap();
        let lost = |(table, rows): (&String, &BTreeMap<String, String>)| {
            let known = self.plain.state.get(table);
            rows.iter().filter(|(key, row)| known.and_then(|known| known.get(*key)) != Some(*row)).count() as u64
        };
        truths.last.iter().map(lost).sum()
    }

    /// Compares the packets that have come since. Where the poll has ended, each table holds what was visible then.
    async fn compare(&mut self, is_ended: bool) {
        for table in Table::ALL.into_iter().map(Table::name) {
            let after = self.compared.get(table).copied().unwrap_or(0);
            let mut sequences = self.lake.lake.sequences_after(table, after).await.unwrap();
            sequences.sort_unstable();
            for (sequence, expected) in sequences.iter().zip(after + 1..) {
                assert_eq!(expected, *sequence, "`{table}` has no gap");
                let manifest = self.lake.lake.manifest(table, *sequence).await.unwrap();
                self.compare_packet(&manifest).await;
                self.compared.insert(table.to_owned(), *sequence);
            }
            if is_ended && self.ranges.is_empty() {
                let truth = Arc::clone(&self.truths.lock().unwrap().last);
                let state = self.state.entry(table.to_owned()).or_default();
                let missing = truth[table].iter().find(|(key, row)| state.get(*key) != Some(*row));
                assert!(missing.is_none(), "`{table}` lacks {missing:?}");
            }
        }
        self.ranges.clear();
    }

    async fn compare_packet(&mut self, manifest: &Manifest) {
        let (table, sequence) = (&manifest.table, manifest.sequence);
        let (lines, deletes) = self.lake.read(manifest).await;
        let truth = {
            let truths = self.truths.lock().unwrap();
            match &manifest.cursor {
                // A range keeps the cursor of the packet before it.
                CursorPosition::Snapshot { snapshot, .. } if manifest.kind != PacketKind::Range => {
                    Arc::clone(&truths.by_snapshot[snapshot])
                }
                _ => Arc::clone(&truths.last),
            }
        };
        let truth = &truth[table];
        let state = self.state.entry(table.clone()).or_default();
        let range = self.ranges.get(&manifest.run);
        let is_asked = |row: &str| match range {
            None => true,
            Some((from, to)) => {
                let moment = last_updated(row);
                (*from..*to).contains(&moment)
            }
        };
        let changed = truth.iter().filter(|(key, row)| state.get(*key) != Some(*row) && is_asked(row));
        let expected: BTreeMap<&str, &str> = changed.map(|(key, row)| (key.as_str(), row.as_str())).collect();
        let layout = KeyLayout::new(&manifest.key, &manifest.columns);
        let keys: Vec<String> = lines.iter().map(|line| key_of(&layout, line)).collect();
        let found: BTreeMap<&str, &str> =
            keys.iter().zip(&lines).map(|(key, line)| (key.as_str(), line.as_str())).collect();
        assert_eq!(lines.len(), found.len(), "`{table}` {sequence} has a key twice");
        if expected != found {
            let lost: Vec<_> = expected.iter().filter(|(key, _)| !found.contains_key(*key)).take(3).collect();
            let doubled: Vec<_> = found.iter().filter(|(key, row)| expected.get(*key) != Some(row)).take(3).collect();
            panic!("`{table}` {sequence} ({:?}) lost {lost:?}, and has too much {doubled:?}", manifest.window);
        }
        let gone: BTreeSet<&str> = match manifest.kind {
            PacketKind::Sweep => state.keys().filter(|key| !truth.contains_key(*key)).map(String::as_str).collect(),
            PacketKind::Changes | PacketKind::Range => BTreeSet::new(),
        };
        assert_eq!(gone, deletes.iter().map(String::as_str).collect(), "`{table}` {sequence} deletes what is gone");
        self.versions += lines.len() as u64;
        self.deletes += deletes.len() as u64;
        deletes.iter().for_each(|key| drop(state.remove(key)));
        state.extend(keys.into_iter().zip(lines));
    }
}

impl Plain {
    fn poll(&mut self, truth: &Rows) {
        for (table, rows) in truth {
            let newest = self.newest.entry(table.clone()).or_default();
            let since = newest.clone();
            let state = self.state.entry(table.clone()).or_default();
            for (key, row) in rows {
                let moment = text_of(row, "last_updated");
                if moment > since.as_str() {
                    state.insert(key.clone(), row.clone());
                    if moment > newest.as_str() {
                        *newest = moment.to_owned();
                    }
                }
            }
        }
    }
}

impl fmt::Display for Lakes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} polls, {} of them stopped under way: {} versions and {} deletes, 0 lost, 0 doubled; the plain rule would have \
             {} rows wrong",
            self.polls,
            self.stopped,
            self.versions,
            self.deletes,
            self.lost_by_the_plain_rule()
        )
    }
}

/// All tables in a snapshot of another connection.
async fn truth(url: &str, snapshot: &str) -> (String, Rows) {
    read_truth(url, &format!("SET TRANSACTION SNAPSHOT '{snapshot}'")).await
}

async fn truth_now(url: &str) -> (String, Rows) {
    read_truth(url, "").await
}

async fn read_truth(url: &str, set: &str) -> (String, Rows) {
    let client = tests::flow::connect(url).await;
    client.batch_execute(&format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {set}")).await.unwrap();
    let text = client.query_one("SELECT pg_current_snapshot()::text", &[]).await.unwrap().get(0);
    let mut rows = Rows::new();
    for table in Table::ALL.into_iter().map(Table::name) {
        let query = format!("SELECT {table}_id, row_to_json(t)::text FROM \"{table}\" t");
        let read = client.query(&query, &[]).await.unwrap();
        let row = |row: &tokio_postgres::Row| (format!("{{\"{table}_id\":{}}}", row.get::<_, i32>(0)), row.get(1));
        rows.insert(table.to_owned(), read.iter().map(row).collect());
    }
    (text, rows)
}

fn last_updated(row: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text_of(row, "last_updated"), "%Y-%m-%dT%H:%M:%S%.f").unwrap()
}

/// The text of a member that needs no escapes.
fn text_of<'a>(row: &'a str, member: &str) -> &'a str {
    let start = row.find(&format!("\"{member}\":\"")).unwrap() + member.len() + 4;
    row[start..].split('"').next().unwrap()
}
