//! Lakes, sources and databases of tests, and what is in them.

use chrono::Utc;
use host::checkpoint::{CheckpointStore, FileCheckpoints};
use host::ingest::{IngestOptions, IngestReport, Parts, ingest};
use host::lake::{Lake, PacketLines};
use host::packet::Manifest;
use host::source::postgres::Address;
use host::source::{DirectorySource, PostgresSource, Source, TableOptions};
use host::state::KeyLayout;
use host::store::{FolderStore, Store};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use tempfile::TempDir;
use totesys::server::{Options, Server};

/// A lake and checkpoints in a folder of their own, which goes with the value.
#[derive(Debug)]
pub struct TestLake {
    folder: TempDir,
    /// The lake, in the folder `raw`.
    pub lake: Lake,
    /// The checkpoints, in the folder `checkpoints`.
    pub checkpoints: Arc<dyn CheckpointStore>,
}

/// A packet, read back.
#[derive(Debug)]
pub struct Packet {
    /// Its manifest.
    pub manifest: Manifest,
    /// Its rows, without line feeds.
    pub lines: Vec<String>,
    /// The keys that it deletes, as JSON objects.
    pub deletes: Vec<String>,
}

impl Default for TestLake {
    fn default() -> Self {
        Self::new()
    }
}

impl TestLake {
    /// An empty lake.
    ///
    /// # Panics
    /// If there is no room for one.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for a lake");
        let store = FolderStore::open(&folder.path().join("raw")).expect("a folder for packets");
        let checkpoints = FileCheckpoints::open(&folder.path().join("checkpoints")).expect("a folder for checkpoints");
        Self { lake: Lake::new(Arc::new(store)), checkpoints: Arc::new(checkpoints), folder }
    }

    /// An empty lake in another store, with checkpoints in a folder.
    #[must_use]
    pub fn over(store: Arc<dyn Store>) -> Self {
        Self { lake: Lake::new(store), ..Self::new() }
    }

    /// The folder with `raw` and `checkpoints`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What an ingest from a source into this lake works on, each time as a new run.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "a run of a test gets the time here")]
    pub fn parts(&self, source: Arc<dyn Source>) -> Parts {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let run = format!("test-{}-{}", std::process::id(), RUNS.fetch_add(1, Ordering::Relaxed));
        let (lake, checkpoints) = (self.lake.clone(), Arc::clone(&self.checkpoints));
        Parts { source, lake, checkpoints, clock: Arc::new(Utc::now), run, deadline: None }
    }

    /// Ingests, whatever comes of each table.
    ///
    /// # Panics
    /// If the source as a whole fails.
    pub async fn ingest(&self, source: &Arc<dyn Source>, options: &IngestOptions) -> IngestReport {
        ingest(&self.parts(Arc::clone(source)), options, &|_| {}).await.expect("the source can be read")
    }

    /// Ingests what has changed, of all tables, and expects each to go well.
    ///
    /// # Panics
    /// If one does not.
    pub async fn ingest_all(&self, source: &Arc<dyn Source>) -> IngestReport {
        let report = self.ingest(source, &IngestOptions::default()).await;
        for table in &report.tables {
            assert!(table.result.is_ok(), "`{}`: {:?}", table.table, table.result);
        }
        report
    }

    /// All packets of a table; their sequence ids have no gap, and each object is what its manifest says.
    ///
    /// # Panics
    /// If they have, or one is not.
    pub async fn packets(&self, table: &str) -> Vec<Packet> {
        let mut sequences = self.lake.sequences_after(table, 0).await.expect("the lake can be listed");
        sequences.sort_unstable();
        assert!(sequences.iter().copied().eq(1..=sequences.len() as u64), "`{table}` has a gap: {sequences:?}");
        let mut packets = Vec::new();
        let mut record = 1;
        for sequence in sequences {
            let manifest = self.lake.manifest(table, sequence).await.expect("a manifest can be read");
            assert_eq!(record, manifest.first_record, "`{table}` {sequence}");
            record += manifest.lines;
            let (lines, deletes) = self.read(&manifest).await;
            assert_eq!(manifest.lines, lines.len() as u64, "`{table}` {sequence}");
            packets.push(Packet { manifest, lines, deletes });
        }
        packets
    }

    /// The rows of a packet, and the keys that it deletes.
    ///
    /// # Panics
    /// If they can't be read.
    pub async fn read(&self, manifest: &Manifest) -> (Vec<String>, Vec<String>) {
        let lines = lines_of(PacketLines::rows(&self.lake, manifest)).await;
        (lines, lines_of(PacketLines::deletes(&self.lake, manifest)).await)
    }

    /// The newest line of each key of a table, by its key.
    ///
    /// # Panics
    /// If a packet brings a row that was there as it is.
    pub async fn state(&self, table: &str) -> BTreeMap<String, String> {
        fold(&self.packets(table).await)
    }
}

/// The newest line of each key, by its key as a JSON object.
///
/// # Panics
/// If a packet brings a row that was there as it is, or one key twice.
#[must_use]
pub fn fold(packets: &[Packet]) -> BTreeMap<String, String> {
    let mut state = BTreeMap::new();
    for Packet { manifest, lines, deletes } in packets {
        let layout = KeyLayout::new(&manifest.key, &manifest.columns);
        let mut seen = std::collections::BTreeSet::new();
        for line in lines {
            let key = key_of(&layout, line);
            let (table, sequence) = (&manifest.table, manifest.sequence);
            assert!(seen.insert(key.clone()), "`{table}` {sequence} has {key} twice");
            let before = state.insert(key, line.clone());
            assert_ne!(before.as_ref(), Some(line), "`{table}` {sequence} brings a row that was there");
        }
        for key in deletes {
            assert!(state.remove(key).is_some(), "`{}` {} deletes {key}", manifest.table, manifest.sequence);
        }
    }
    state
}

/// The key of a line, as a JSON object.
///
/// # Panics
/// If it has none.
#[must_use]
pub fn key_of(layout: &KeyLayout, line: &str) -> String {
    let mut key = Vec::new();
    layout.encode_line(line.as_bytes(), &mut key).expect("a line has a key");
    layout.to_json(&key)
}

async fn lines_of(mut lines: PacketLines) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(chunk) = lines.next().await.expect("a packet can be read") {
        all.extend(std::str::from_utf8(&chunk).expect("lines are UTF-8").lines().map(str::to_owned));
    }
    all
}

/// A folder of `<table>.jsonl` as a source.
#[must_use]
pub fn directory(folder: &Path) -> Arc<dyn Source> {
    Arc::new(DirectorySource::new(folder.to_owned(), Vec::new(), BTreeMap::new()))
}

/// A database as a source.
///
/// # Panics
/// If the URL is none.
#[must_use]
pub fn postgres(url: &str) -> Arc<dyn Source> {
    postgres_with(url, BTreeMap::new())
}

/// A database as a source, with options for its tables.
///
/// # Panics
/// If the URL is none.
#[must_use]
pub fn postgres_with(url: &str, tables: BTreeMap<String, TableOptions>) -> Arc<dyn Source> {
    let address = Address::parse(url, &BTreeMap::new()).expect("the URL of a database");
    Arc::new(PostgresSource::new(address, "public".to_owned(), Vec::new(), tables))
}

/// A new, empty database on a server that all tests share.
///
/// # Panics
/// If there is no PostgreSQL.
#[must_use]
pub fn database() -> String {
    static SERVER: OnceLock<Server> = OnceLock::new();
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let server = SERVER.get_or_init(|| Server::start(Options::default()).expect("a PostgreSQL starts"));
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    server.create_database(&name).expect("a database can be made")
}

/// A client of a database.
///
/// # Panics
/// If it can't connect.
pub async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("a connection");
    tokio::spawn(async move {
        // Whoever uses the client hears of it.
        let _ = connection.await;
    });
    client
}
