//! Runs that ingest the same table at the same time: each packet has one winner, nothing is lost, and nothing comes twice or
//! goes back to how it was.

use super::crashes::trial::{Random, assert_checkpoint, assert_state, now};
use crate::store::options;
use futures_util::future::join_all;
use host::aws::{s3_client, ssm_client};
use host::checkpoint::{CheckpointStore, FileCheckpoints, SsmCheckpoints, read_checkpoint};
use host::ingest::{IngestOptions, Outcome, Parts, What, ingest};
use host::lake::Lake;
use host::packet::Manifest;
use host::source::postgres::Address;
use host::source::{PostgresSource, Source};
use host::store::{FolderStore, S3Store, UploadTokens};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tests::flow::{self, Packet, TestLake};
use tests::moto::Moto;
use tests::tools::{self, soak};

/// How many ingest at once.
const RUNS: usize = 16;
/// The rows of the table; about a third of them change at a time.
const ROWS: u64 = 24;
/// After so many rounds a new lake is begun: enough for its state to be merged, and few enough to be looked at after each.
const ROUNDS_A_LAKE: usize = 12;

/// Opens a lake and its checkpoints for a run.
type Open = Box<dyn Fn(&str) -> (Lake, Arc<dyn CheckpointStore>)>;

/// A table in a folder, and the lake that runs bring it into.
struct Race {
    folder: TempDir,
    version: u64,
    rows: BTreeMap<String, String>,
    lake: TestLake,
    open: Open,
    runs: usize,
    packets: usize,
    random: Random,
    /// The longest time between two changes of the table within a round.
    pause: Duration,
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sixteen_runs_on_a_folder_one_commits_each_packet() {
    rounds(24 * soak(), async || {
        let lake = TestLake::new();
        let (raw, checkpoints) = (lake.folder().join("raw"), lake.folder().join("checkpoints"));
        let open = move |_: &str| -> (Lake, Arc<dyn CheckpointStore>) {
            let store = FolderStore::open(&raw).unwrap();
            (Lake::new(Arc::new(store)), Arc::new(FileCheckpoints::open(&checkpoints).unwrap()))
        };
        Race::new(lake, Box::new(open), Duration::from_millis(60))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sixteen_runs_on_s3_one_commits_each_packet() {
    rounds(3 * soak(), async || {
        let moto = Moto::shared();
        let (bucket, prefix) = (moto.bucket(), moto.name());
        let config = host::aws::config(options(moto.url())).await;
        let open = move |run: &str| -> (Lake, Arc<dyn CheckpointStore>) {
            let store = S3Store::new(s3_client(&config), &bucket, "lake".into(), UploadTokens::new(run));
            (Lake::new(Arc::new(store)), Arc::new(SsmCheckpoints::new(ssm_client(&config), &prefix)))
        };
        let (opened, checkpoints) = open("looks");
        let mut lake = TestLake::over(Arc::clone(opened.store()));
        lake.checkpoints = checkpoints;
        Race::new(lake, Box::new(open), Duration::from_millis(600))
    })
    .await;
}

async fn rounds(count: usize, race: impl AsyncFn() -> Race) {
    let started = Instant::now();
    let (mut packets, mut behind) = (0, 0);
    for first in (0..count).step_by(ROUNDS_A_LAKE) {
        let mut race = race().await;
        race.random = Random::of(first as u64);
        for round in first..count.min(first + ROUNDS_A_LAKE) {
            race.round(round % 2 == 1).await;
            behind += usize::from(race.end_round().await);
        }
        packets += race.packets;
    }
    let seconds = started.elapsed().as_secs_f64();
    eprintln!("{count} rounds of {RUNS} runs, {packets} packets, {behind} checkpoints were behind, {seconds:.1} s");
}

impl Race {
    fn new(lake: TestLake, open: Open, pause: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let column = |name: &str| format!(r#"{{"name":"{name}","type":"bigint","nullable":false}}"#);
        let schema = format!(r#"{{"item":{{"columns":[{},{}]}}}}"#, column("item_id"), column("version"));
        std::fs::write(folder.path().join("schema.json"), schema).unwrap();
        let (rows, random) = (BTreeMap::new(), Random::of(0));
        Self { folder, version: 0, rows, lake, open, runs: 0, packets: 0, random, pause }
    }

    /// Gives some rows a new version, all at once.
    fn change(&mut self) {
        self.version += 1;
        let version = self.version;
        for id in (0..ROWS).filter(|id| version == 1 || (id * 7 + version).is_multiple_of(3)) {
            let line = format!(r#"{{"item_id":{id},"version":{version}}}"#);
            self.rows.insert(format!(r#"{{"item_id":{id}}}"#), line);
        }
        let text: String = self.rows.values().flat_map(|line| [line, "\n"]).collect();
        std::fs::write(self.folder.path().join("item.new"), text).unwrap();
        std::fs::rename(self.folder.path().join("item.new"), self.folder.path().join("item.jsonl")).unwrap();
    }

    fn parts(&mut self) -> Parts {
        self.runs += 1;
        let run = format!("race-{}", self.runs);
        let (lake, checkpoints) = (self.open)(&run);
        Parts {
            source: flow::directory(self.folder.path()),
            lake,
            checkpoints,
            clock: Arc::new(now),
            run,
            deadline: None,
        }
    }

    /// All runs ingest at once; with `is_stirred` the table changes meanwhile.
    async fn round(&mut self, is_stirred: bool) {
        self.change();
        let mut running = Vec::new();
        for _ in 0..RUNS {
            let parts = self.parts();
            running.push(tokio::spawn(async move {
                let report = ingest(&parts, &IngestOptions::default(), &|_| {}).await.unwrap();
                (parts.run, report)
            }));
        }
        let changes = if is_stirred { 1 + self.random.below(4) } else { 0 };
        for _ in 0..changes {
            tokio::time::sleep(self.pause.mul_f64(self.random.below(100) as f64 / 100.0)).await;
            self.change();
        }
        let mut winners = BTreeMap::new();
        for ended in join_all(running).await {
            let (run, report) = ended.unwrap();
            match &report.tables[0].result {
                Ok(Outcome::Committed(committed)) => {
                    let other = winners.insert(committed.sequence, run.clone());
                    assert_eq!(other, None, "packet {} has two winners: {run} too", committed.sequence);
                }
                Ok(Outcome::Unchanged) => {}
                Err(error) => panic!("{run}: {}", host::error::with_causes(error)),
            }
        }
        let packets = self.lake.packets("item").await;
        let of_round =
            packets[self.packets..].iter().map(|packet| (packet.manifest.sequence, packet.manifest.run.clone()));
        assert!(of_round.eq(winners.clone()), "the packets are not those that the runs committed: {winners:?}");
        assert!(is_stirred || winners.len() == 1, "{} packets of one change", winners.len());
        self.packets = packets.len();
    }

    /// All that changed is in the lake, or one more run brings it. Tells whether the checkpoint was behind.
    async fn end_round(&mut self) -> bool {
        let newest = self.lake.packets("item").await.pop().unwrap().manifest;
        let checkpoint = read_checkpoint(&*self.lake.checkpoints, "item").await.unwrap().unwrap();
        assert!(checkpoint.sequence <= newest.sequence);
        let report = self.lake.ingest_all(&flow::directory(self.folder.path())).await;
        let packets = self.lake.packets("item").await;
        let newest_now = packets.last().map(|packet| &packet.manifest);
        assert_eq!(self.packets + report.committed().count(), packets.len());
        let folded = flow::fold(&packets);
        assert!(folded == self.rows, "{folded:?}");
        assert_versions_rise(&packets, "item_id");
        assert_checkpoint(&self.lake, "item", newest_now).await;
        assert_state(&self.lake, newest_now, &folded).await;
        self.packets = packets.len();
        checkpoint.sequence < newest.sequence
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sixteen_processes_on_a_folder_one_commits_each_packet() {
    let _built = tools::host();
    let started = Instant::now();
    let count = 3 * soak();
    for first in (0..count).step_by(ROUNDS_A_LAKE) {
        let mut race =
            Race::new(TestLake::new(), Box::new(|_| unreachable!("processes open it themselves")), Duration::ZERO);
        for round in first..count.min(first + ROUNDS_A_LAKE) {
            race.change();
            let running: Vec<Child> = (0..RUNS).map(|_| start(&race)).collect();
            for run in running {
                let output = run.wait_with_output().unwrap();
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            }
            race.packets += 1;
            let packets = race.lake.packets("item").await;
            assert_eq!(packets.len(), race.packets, "round {round}: one change, one packet");
            race.end_round().await;
            assert_eq!(packets.len(), race.packets, "round {round}: there was nothing more to bring");
        }
    }
    eprintln!("{count} rounds of {RUNS} processes, {:.1} s", started.elapsed().as_secs_f64());
}

fn start(race: &Race) -> Child {
    let place = |folder: PathBuf| format!("file:{}", folder.display());
    let mut command = Command::new(tools::host());
    command.arg("ingest").current_dir(race.lake.folder()).env_clear().env("HOST_LOG", "error");
    command.env("HOST_SOURCE_URL", format!("dir:{}", race.folder.path().display()));
    command.env("HOST_LAKE_RAW", place(race.lake.folder().join("raw")));
    command.env("HOST_CHECKPOINTS_URL", place(race.lake.folder().join("checkpoints")));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_ranges_and_sweeps_at_once_of_a_table_that_changes_lose_and_double_nothing() {
    let started = Instant::now();
    let url = flow::database();
    let client = flow::connect(&url).await;
    let columns = "event_id bigint PRIMARY KEY, version bigint NOT NULL, last_updated timestamp NOT NULL";
    client.batch_execute(&format!("CREATE TABLE event ({columns})")).await.unwrap();
    let lake = Arc::new(TestLake::new());
    let until = started + Duration::from_secs(4) * u32::try_from(soak()).unwrap();
    let writers: Vec<_> = (0..3).map(|writer| tokio::spawn(write_events(url.clone(), writer, until))).collect();
    let day = |year| chrono::NaiveDate::from_ymd_opt(year, 1, 1).unwrap().into();
    let range = What::Range { from: day(2000), to: day(2100) };
    let kinds = [What::Changes, What::Changes, What::Changes, range.clone(), range, What::Sweep, What::Sweep];
    let runs: Vec<_> = kinds
        .into_iter()
        .map(|what| {
            let (lake, url) = (Arc::clone(&lake), url.clone());
            tokio::spawn(async move {
                let source = slow(&url);
                let options = IngestOptions { what, ..IngestOptions::default() };
                let mut runs = 0;
                while Instant::now() < until {
                    let report = lake.ingest(&source, &options).await;
                    let result = &report.tables[0].result;
                    assert!(result.is_ok(), "{:?}: {result:?}", options.what);
                    runs += 1;
                }
                runs
            })
        })
        .collect();
    let written: u64 = join_all(writers).await.into_iter().map(Result::unwrap).sum();
    let runs: u64 = join_all(runs).await.into_iter().map(Result::unwrap).sum();
    let source = flow::postgres(&url);
    lake.ingest_all(&source).await;
    let sweep = IngestOptions { what: What::Sweep, ..IngestOptions::default() };
    let report = lake.ingest(&source, &sweep).await;
    assert!(report.tables[0].result.is_ok());
    let packets = lake.packets("event").await;
    // Changes bring all but what is gone: the sweep finds nothing else.
    if let Some((_, last)) = report.committed().next() {
        assert_eq!(last.rows, 0, "a sweep after the last run finds rows that it had lost");
    }
    assert_versions_rise(&packets, "event_id");
    let folded = flow::fold(&packets);
    let newest: &Manifest = &packets.last().unwrap().manifest;
    assert_state(&lake, Some(newest), &folded).await;
    let found: BTreeMap<i64, i64> =
        folded.values().map(|line| (number(line, "event_id"), number(line, "version"))).collect();
    let rows = client.query("SELECT event_id, version FROM event", &[]).await.unwrap();
    assert!(found == rows.iter().map(|row| (row.get(0), row.get(1))).collect(), "the lake is not as the table is");
    assert_checkpoint(&lake, "event", Some(newest)).await;
    let seconds = started.elapsed().as_secs_f64();
    eprintln!("{runs} runs beside {written} transactions, {} packets, {seconds:.1} s", packets.len());
}

/// A database that takes its time between a snapshot and the first row: others commit packets meanwhile.
fn slow(url: &str) -> Arc<dyn Source> {
    let address = Address::parse(url, &BTreeMap::new()).unwrap();
    let source = PostgresSource::new(address, "public".to_owned(), Vec::new(), BTreeMap::new());
    let snapshots = AtomicU64::new(0);
    Arc::new(source.with_snapshot_hook(Arc::new(move |_| {
        let number = snapshots.fetch_add(1, Ordering::Relaxed);
        // Every other snapshot is as quick as it can be.
        let pause = if number.is_multiple_of(2) { 0 } else { number * 37 % 120 };
        Box::pin(tokio::time::sleep(Duration::from_millis(pause)))
    })))
}

/// Inserts, updates and deletes events until it is time; each version of a row has a higher number than the one before, also
/// when the row was deleted meanwhile. Tells how many transactions that took.
async fn write_events(url: String, writer: u64, until: Instant) -> u64 {
    let client = flow::connect(&url).await;
    let mut random = Random::of(writer);
    let (mut version, mut transactions) = (0, 0);
    while Instant::now() < until {
        let mut sql = "BEGIN;".to_owned();
        for part in 0..=random.below(4) {
            // Each writer has rows of its own.
            let id = random.below(40) * 3 + writer;
            version += 1;
            sql += &match random.below(5) {
                0 => format!("DELETE FROM event WHERE event_id = {id};"),
                _ => format!(
                    "INSERT INTO event VALUES ({id}, {version}, clock_timestamp()) ON CONFLICT (event_id) DO UPDATE \
                     SET version = excluded.version, last_updated = excluded.last_updated;"
                ),
            };
            if random.one_in(6) {
                sql += &format!("SAVEPOINT part_{part};");
            }
        }
        client.batch_execute(&sql).await.unwrap();
        // Some take long to end.
        tokio::time::sleep(Duration::from_millis(random.below(10) * random.below(10))).await;
        client.batch_execute(if random.one_in(8) { "ROLLBACK" } else { "COMMIT" }).await.unwrap();
        transactions += 1;
    }
    transactions
}

/// The versions of each row rise from packet to packet.
fn assert_versions_rise(packets: &[Packet], key: &str) {
    let mut versions = BTreeMap::new();
    for Packet { manifest, lines, .. } in packets {
        for line in lines {
            let (id, version) = (number(line, key), number(line, "version"));
            let before = versions.insert(id, version);
            assert!(before < Some(version), "packet {} brings {line} after version {before:?}", manifest.sequence);
        }
    }
}

fn number(line: &str, column: &str) -> i64 {
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    line[column].as_i64().unwrap()
}
