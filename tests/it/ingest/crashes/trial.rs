//! A source that changes, a lake that runs bring it into, and what must hold between them whenever a run ends.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::TryStreamExt;
use host::checkpoint::read_checkpoint;
use host::lake::collect_garbage;
use host::packet::{self, Manifest};
use host::state::{Entries, KeyLayout, hash_line};
use object_store::ObjectStore;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;
use tests::flow::{self, Packet, TestLake};
use tests::tools;

/// The lines of a table, by their keys as JSON objects.
pub(super) type Lines = BTreeMap<String, String>;

/// How many runs there were, of all trials.
pub(super) static RUNS: AtomicUsize = AtomicUsize::new(0);

/// The tables, in the order in which a run reads them.
const TABLES: [&str; 2] = ["item", "part"];

/// A source with two tables, and its lake.
pub(super) struct Trial {
    pub(super) lake: TestLake,
    pub(super) random: Random,
    origin: Origin,
    tables: Vec<Table>,
    version: u64,
}

enum Origin {
    Folder(TempDir),
    Postgres { url: String, client: tokio_postgres::Client },
}

/// A table as it is, and as the lake was when it was last looked at.
struct Table {
    name: &'static str,
    /// The rows of the source.
    rows: Lines,
    next: u64,
    /// What the packets fold to.
    folded: Lines,
    packets: usize,
    newest: Option<Manifest>,
}

/// Which rows change, and what they become.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// In how many of the tables.
    pub(super) tables: usize,
    /// How many rows are new in each.
    pub(super) inserts: RangeInclusive<u64>,
    /// How long a text they have.
    pub(super) text_bytes: usize,
}

/// Numbers that depend on nothing but the seed: SplitMix64.
pub(in crate::ingest) struct Random(u64);

impl Random {
    /// The numbers of a seed.
    pub(in crate::ingest) fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// A number from 0 up to, but not including, `bound`.
    pub(in crate::ingest) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    pub(in crate::ingest) fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    pub(super) fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

impl Default for Change {
    /// Some rows of both tables.
    fn default() -> Self {
        Self { tables: TABLES.len(), inserts: 1..=4, text_bytes: 40 }
    }
}

impl Trial {
    /// Files in a folder, and an empty lake.
    pub(super) fn of_folder(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let column = |name: &str, kind: &str| format!(r#"{{"name":"{name}","type":"{kind}","nullable":false}}"#);
        let table = |name: &&str| {
            let columns =
                [column(&format!("{name}_id"), "bigint"), column("version", "bigint"), column("body", "text")];
            format!(r#""{name}":{{"columns":[{}]}}"#, columns.join(","))
        };
        let schema = format!("{{{}}}", TABLES.iter().map(table).collect::<Vec<_>>().join(","));
        std::fs::write(folder.path().join("schema.json"), schema).unwrap();
        for table in TABLES {
            std::fs::write(folder.path().join(format!("{table}.jsonl")), "").unwrap();
        }
        Self::new(Origin::Folder(folder), seed)
    }

    /// A database, and an empty lake.
    pub(super) async fn of_postgres(seed: u64) -> Self {
        let url = flow::database();
        let client = flow::connect(&url).await;
        for table in TABLES {
            let columns = format!("{table}_id bigint PRIMARY KEY, version bigint NOT NULL, body text NOT NULL");
            client.batch_execute(&format!("CREATE TABLE {table} ({columns})")).await.unwrap();
        }
        Self::new(Origin::Postgres { url, client }, seed)
    }

    fn new(origin: Origin, seed: u64) -> Self {
        let (rows, folded) = (Lines::new(), Lines::new());
        let table =
            |name| Table { name, rows: rows.clone(), next: 1, folded: folded.clone(), packets: 0, newest: None };
        let tables = TABLES.into_iter().map(table).collect();
        Self { lake: TestLake::new(), random: Random(seed), origin, tables, version: 0 }
    }

    /// Inserts rows, updates some, and deletes some, as if all at once.
    pub(super) async fn change(&mut self, change: &Change) {
        let mut sql = "BEGIN;".to_owned();
        let text = "b".repeat(change.text_bytes);
        for table in &mut self.tables[..change.tables] {
            let name = table.name;
            let ids: Vec<String> = table.rows.keys().cloned().collect();
            for key in ids {
                match self.random.below(8) {
                    0 => {
                        table.rows.remove(&key);
                        write!(sql, "DELETE FROM {name} WHERE {name}_id = {};", id_of(&key)).unwrap();
                    }
                    1..4 => {
                        self.version += 1;
                        let (id, version) = (id_of(&key), self.version);
                        table.rows.insert(key.clone(), line(name, id, version, &text));
                        let set = format!("SET version = {version}, body = '{text}'");
                        write!(sql, "UPDATE {name} {set} WHERE {name}_id = {id};").unwrap();
                    }
                    _ => {}
                }
            }
            let inserts = change.inserts.start() + self.random.below(change.inserts.end() - change.inserts.start() + 1);
            let is_gone = |key: &&String| !table.rows.contains_key(*key);
            let mut gone: Vec<u64> = table.folded.keys().filter(is_gone).map(|key| id_of(key)).collect();
            for _ in 0..inserts {
                // A key that is gone can come back.
                let again = if self.random.one_in(4) { gone.pop() } else { None };
                let id = again.unwrap_or(table.next);
                table.next = table.next.max(id + 1);
                self.version += 1;
                let (version, body) = (self.version, &text);
                table.rows.insert(key(name, id), line(name, id, version, body));
                write!(sql, "INSERT INTO {name} VALUES ({id}, {version}, '{body}');").unwrap();
            }
        }
        match &self.origin {
            Origin::Folder(folder) => self.tables.iter().for_each(|table| table.write_to(folder.path())),
            Origin::Postgres { client, .. } => client.batch_execute(&(sql + "COMMIT;")).await.unwrap(),
        }
    }

    /// Changes something that is in none of the tables.
    pub(super) async fn pass_transactions(&self) {
        if let Origin::Postgres { client, .. } = &self.origin {
            client.batch_execute("SELECT pg_current_xact_id()").await.unwrap();
        }
    }

    /// Starts the host, which is to be killed at a step if one is named.
    pub(super) fn start(&self, arguments: &[&str], crash_at: Option<&str>) -> Child {
        RUNS.fetch_add(1, Ordering::Relaxed);
        let url = match &self.origin {
            Origin::Folder(folder) => format!("dir:{}", folder.path().display()),
            Origin::Postgres { url, .. } => url.clone(),
        };
        let place = |name| format!("file:{}", self.lake.folder().join(name).display());
        let mut command = Command::new(tools::host());
        command.args(arguments).current_dir(self.lake.folder()).env_clear();
        command.env("HOST_SOURCE_URL", url).env("HOST_LAKE_RAW", place("raw"));
        command.env("HOST_CHECKPOINTS_URL", place("checkpoints")).env("HOST_LOG", "error");
        command.envs(crash_at.map(|step| ("HOST_CRASH_AT", step)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Runs the host to its end, and looks at the lake: all that was in the source is there.
    pub(super) async fn run(&mut self, arguments: &[&str]) {
        let output = self.start(arguments, None).wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {:?}\n{said}", output.status);
        self.look(arguments[0] == "reconcile").await;
        self.assert_whole(arguments[0] == "reconcile").await;
    }

    /// Looks at the lake: each table is as it was, or one packet further and then as the source is. Tells how many are.
    pub(super) async fn look(&mut self, is_sweep: bool) -> usize {
        let mut moved = 0;
        for table in &mut self.tables {
            let mut packets = self.lake.packets(table.name).await;
            let folded = flow::fold(&packets);
            let expected = if packets.len() == table.packets { table.folded.clone() } else { table.after(is_sweep) };
            assert!(packets.len() <= table.packets + 1, "`{}` has {} packets", table.name, packets.len());
            let is_empty = |packet: &Packet| packet.lines.is_empty() && packet.deletes.is_empty();
            assert!(!packets.iter().any(is_empty), "`{}` has a packet of nothing", table.name);
            assert_same(table.name, &expected, &folded);
            moved += packets.len() - table.packets;
            (table.folded, table.packets) = (folded, packets.len());
            table.newest = packets.pop().map(|packet| packet.manifest);
        }
        moved
    }

    /// When the lake was last looked at it had all of the source, and checkpoints and states say the same as its packets.
    pub(super) async fn assert_whole(&self, is_sweep: bool) {
        for table in &self.tables {
            assert_same(table.name, &table.after(is_sweep), &table.folded);
            assert_checkpoint(&self.lake, table.name, table.newest.as_ref()).await;
            assert_state(&self.lake, table.newest.as_ref(), &table.folded).await;
        }
    }

    /// How many sorted runs the state of the first table has.
    pub(super) async fn runs(&self) -> usize {
        let newest = self.tables[0].newest.as_ref();
        host::state::open(&self.lake.lake, newest, now()).await.unwrap().runs()
    }

    /// Ingests within this process, which is quicker.
    pub(super) async fn ingest(&mut self) {
        let source = match &self.origin {
            Origin::Folder(folder) => flow::directory(folder.path()),
            Origin::Postgres { url, .. } => flow::postgres(url),
        };
        self.lake.ingest_all(&source).await;
        self.look(false).await;
    }

    /// Removes what the killed runs left, two days later: only that goes, and the lake works as before.
    pub(super) async fn collect_garbage(mut self) {
        let lake = self.lake.lake.clone();
        let lake = &lake;
        assert!(
            collect_garbage(lake, &BTreeMap::new(), now(), false).await.unwrap().keys.is_empty(),
            "young objects stay"
        );
        collect_garbage(lake, &BTreeMap::new(), now() + TimeDelta::hours(49), false).await.unwrap();
        let again = collect_garbage(lake, &BTreeMap::new(), now() + TimeDelta::hours(49), true).await.unwrap();
        assert!(again.keys.is_empty(), "{:?}", again.keys);
        let mut named = BTreeSet::new();
        for table in &self.tables {
            named.insert(packet::cursor_key(table.name).to_string());
            for Packet { manifest, .. } in self.lake.packets(table.name).await {
                named.insert(packet::manifest_key(table.name, manifest.sequence).to_string());
                named.extend(manifest.data.iter().chain(&manifest.deletes).map(|object| object.key.clone()));
                named.extend(manifest.state.iter().map(|object| object.key.clone()));
            }
        }
        let objects: Vec<_> = lake.store().list(None).try_collect().await.unwrap();
        for object in objects {
            let is_merged = packet::merged_run_span(&object.location).is_some();
            assert!(is_merged || named.contains(object.location.as_ref()), "{} is left", object.location);
        }
        assert_no_temporary_files(&self.lake.folder().join("raw"));
        let before = self.state_objects().await;
        assert_eq!(self.look(false).await, 0);
        for table in &self.tables {
            assert_state(&self.lake, table.newest.as_ref(), &table.folded).await;
        }
        assert_eq!(before, self.state_objects().await, "parts of a state had to be made again");
        self.change(&Change::default()).await;
        self.run(&["ingest"]).await;
        self.run(&["reconcile"]).await;
    }

    async fn state_objects(&self) -> Vec<String> {
        let mut keys = Vec::new();
        for table in &self.tables {
            let listed = self.lake.lake.store().list(Some(&packet::state_prefix(table.name)));
            let objects: Vec<_> = listed.try_collect().await.unwrap();
            keys.extend(objects.into_iter().map(|object| object.location.to_string()));
        }
        keys
    }
}

impl Table {
    /// What the packets fold to after a run that ends well: what is gone from the source is noticed by a sweep alone.
    fn after(&self, is_sweep: bool) -> Lines {
        let mut lines = if is_sweep { Lines::new() } else { self.folded.clone() };
        lines.extend(self.rows.clone());
        lines
    }

    /// Replaces the file of the table in one step.
    fn write_to(&self, folder: &Path) {
        let text: String = self.rows.values().flat_map(|line| [line.as_str(), "\n"]).collect();
        let new = folder.join(format!("{}.new", self.name));
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, folder.join(format!("{}.jsonl", self.name))).unwrap();
    }
}

fn key(table: &str, id: u64) -> String {
    format!(r#"{{"{table}_id":{id}}}"#)
}

fn id_of(key: &str) -> u64 {
    key.split([':', '}']).nth(1).unwrap().parse().unwrap()
}

fn line(table: &str, id: u64, version: u64, body: &str) -> String {
    format!(r#"{{"{table}_id":{id},"version":{version},"body":"{body}"}}"#)
}

/// The same lines; the first that differs is told, and no text of megabytes.
fn assert_same(table: &str, expected: &Lines, found: &Lines) {
    let short = |line: Option<&String>| line.map(|line| line.chars().take(100).collect::<String>());
    for key in expected.keys().chain(found.keys()) {
        let (expected, found) = (expected.get(key), found.get(key));
        assert!(expected == found, "`{table}` {key}: {:?} and not {:?}", short(found), short(expected));
    }
}

/// The checkpoint of a table is its last packet's.
pub(in crate::ingest) async fn assert_checkpoint(lake: &TestLake, table: &str, newest: Option<&Manifest>) {
    let checkpoint = read_checkpoint(&*lake.checkpoints, table).await.unwrap();
    assert_eq!(checkpoint.is_some(), newest.is_some(), "the checkpoint of `{table}`");
    if let (Some(checkpoint), Some(newest)) = (checkpoint, newest) {
        assert_eq!(checkpoint.sequence, newest.sequence, "`{table}`");
        assert_eq!(checkpoint.packet, packet::manifest_key(table, newest.sequence).to_string());
        assert_eq!(checkpoint.records, newest.first_record + newest.lines - 1, "`{table}`");
        assert_eq!(checkpoint.committed_at, newest.committed_at, "`{table}`");
    }
}

/// The state of a table after its newest packet holds the hashes of the rows that the packets fold to.
pub(in crate::ingest) async fn assert_state(lake: &TestLake, newest: Option<&Manifest>, folded: &Lines) {
    let Some(manifest) = newest else { return };
    let layout = KeyLayout::new(&manifest.key, &manifest.columns);
    let mut state = host::state::open(&lake.lake, Some(manifest), now()).await.unwrap();
    let (mut found, mut entries) = (BTreeMap::new(), Entries::default());
    loop {
        entries.clear();
        state.next(&mut entries, 1_000).await.unwrap();
        if entries.is_empty() {
            break;
        }
        let live = (0..entries.len()).filter_map(|index| Some((index, entries.hash(index)?)));
        found.extend(live.map(|(index, hash)| (layout.to_json(entries.keys.get(index)), hash)));
    }
    let expected: BTreeMap<_, _> = folded.iter().map(|(key, line)| (key.clone(), hash_line(line.as_bytes()))).collect();
    let (table, sequence) = (&manifest.table, manifest.sequence);
    assert!(expected == found, "the state of `{table}` is not that of its {sequence} packets");
}

/// Uploads that nobody ended are files that no list shows.
fn assert_no_temporary_files(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        assert!(!path.to_string_lossy().contains('#'), "{} is left", path.display());
        if path.is_dir() {
            assert_no_temporary_files(&path);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a run of a test gets the time here")]
pub(in crate::ingest) fn now() -> DateTime<Utc> {
    Utc::now()
}
