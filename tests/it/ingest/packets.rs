//! What lies in the lake, and what becomes of it when parts are damaged or lost.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::TryStreamExt;
use host::checkpoint::{
    Checkpoint, CheckpointError, CheckpointStore, DOCUMENT_BYTES_MAX, FileCheckpoints, read_checkpoint,
    write_checkpoint,
};
use host::error::Explain;
use host::ingest::{IngestError, IngestOptions, Parts, What, ingest};
use host::lake::{Lake, LakeError, ObjectLimits, PacketLines, collect_garbage};
use host::packet::{DataFormat, Manifest};
use host::source::{Cursor, Source, TableOptions};
use host::state::{Entries, State};
use host::store::{MemoryStore, ObjectStore};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tests::flow::{TestLake, connect, database, directory, postgres_with};

/// A table `t` in a folder, and a lake in memory.
struct Scene {
    folder: TempDir,
    store: MemoryStore,
    lake: TestLake,
    source: Arc<dyn Source>,
}

#[expect(clippy::disallowed_methods, reason = "a test gets the time here")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

fn sweep() -> IngestOptions {
    IngestOptions { what: What::Sweep, ..IngestOptions::default() }
}

fn row(id: usize, note: &str) -> String {
    format!("{{\"t_id\":{id},\"note\":\"{note}\"}}")
}

/// Checkpoints that no disk has to keep.
#[derive(Debug, Default)]
struct MemoryCheckpoints(Mutex<BTreeMap<String, String>>);

#[async_trait]
impl CheckpointStore for MemoryCheckpoints {
    async fn read(&self, table: &str) -> Result<Option<String>, CheckpointError> {
        Ok(self.0.lock().unwrap().get(table).cloned())
    }

    async fn write(&self, table: &str, document: &str) -> Result<(), CheckpointError> {
        self.0.lock().unwrap().insert(table.to_owned(), document.to_owned());
        Ok(())
    }

    async fn tables(&self) -> Result<Vec<String>, CheckpointError> {
        Ok(self.0.lock().unwrap().keys().cloned().collect())
    }
}

impl Scene {
    fn new() -> Self {
        let (folder, store) = (tempfile::tempdir().unwrap(), MemoryStore::new());
        let (lake, source) = (TestLake::over(Arc::new(store.clone())), directory(folder.path()));
        Self { folder, store, lake, source }
    }

    /// A lake whose table has four packets: rows, a change, deletes, and a row that came back.
    async fn with_packets() -> Self {
        let scene = Self::new();
        scene.write(&[row(1, "a"), row(2, "b"), row(3, "c")]);
        scene.lake.ingest_all(&scene.source).await;
        scene.write(&[row(1, "a"), row(2, "new")]);
        scene.lake.ingest_all(&scene.source).await;
        scene.lake.ingest(&scene.source, &sweep()).await;
        scene.write(&[row(1, "a"), row(2, "new"), row(3, "back")]);
        scene.lake.ingest_all(&scene.source).await;
        assert_eq!(scene.lake.packets("t").await.len(), 4);
        scene
    }

    fn write(&self, rows: &[String]) {
        std::fs::write(self.folder.path().join("t.jsonl"), rows.join("\n")).unwrap();
    }

    async fn error(&self, options: &IngestOptions) -> IngestError {
        let report = self.lake.ingest(&self.source, options).await;
        report.tables.into_iter().next().unwrap().result.expect_err("it can't go on")
    }

    async fn newest(&self) -> Manifest {
        let head = self.lake.lake.head("t", 0).await.unwrap();
        self.lake.lake.manifest("t", head.sequence).await.unwrap()
    }

    async fn bytes(&self, key: &str) -> Vec<u8> {
        self.store.get(&Path::from(key)).await.unwrap().bytes().await.unwrap().to_vec()
    }

    async fn replace(&self, key: &str, bytes: Vec<u8>) {
        self.store.put(&Path::from(key), bytes.into()).await.unwrap();
    }

    async fn remove(&self, key: &str) {
        self.store.delete(&Path::from(key)).await.unwrap();
    }

    async fn keys(&self, prefix: &str) -> Vec<String> {
        let listed: Vec<_> = self.store.list(Some(&Path::from(prefix))).try_collect().await.unwrap();
        listed.into_iter().map(|object| object.location.to_string()).collect()
    }

    fn checkpoint(&self) -> std::path::PathBuf {
        self.lake.folder().join("checkpoints/t.json")
    }
}

/// A row of a state: its key, hash, packet and line.
type StateRow = (Vec<u8>, u128, u64, u64, u64);

/// Reads all of a state, and looks each key up; rows that are gone are left out.
async fn state_rows(lake: &Lake, newest: &Manifest) -> Result<Vec<StateRow>, LakeError> {
    let mut state: State = host::state::open(lake, Some(newest), now()).await?;
    let mut entries = Entries::default();
    state.next(&mut entries, usize::MAX).await?;
    let hashes = state.hashes(&entries.keys).await?;
    let in_order: Vec<_> = (0..entries.len()).map(|index| entries.hash(index)).collect();
    assert_eq!(hashes, in_order, "found one by one as in order");
    let row = |index: usize| {
        let key = entries.keys.get(index).to_vec();
        let place = (entries.sequences[index], entries.lines[index], entries.offsets[index]);
        entries.hash(index).map(|hash| (key, hash, place.0, place.1, place.2))
    };
    Ok((0..entries.keys.len()).filter_map(row).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tie_is_cut_into_objects_and_loses_nothing() {
    let url = database();
    let client = connect(&url).await;
    client
        .batch_execute(
            "CREATE TABLE payment (id integer PRIMARY KEY, paid boolean, last_updated timestamp(3)); \
             INSERT INTO payment SELECT i, false, '2024-11-14 07:55:11.123' FROM generate_series(1, 37) i",
        )
        .await
        .unwrap();
    let by_time = Cursor::LastUpdated { columns: vec!["last_updated".to_owned()], lag_seconds: 0 };
    for cursor in [Cursor::Snapshot, by_time, Cursor::Full] {
        for format in [DataFormat::Jsonl, DataFormat::Parquet] {
            let options = TableOptions { key: None, cursor: Some(cursor.clone()) };
            let source = postgres_with(&url, BTreeMap::from([("payment".to_owned(), options)]));
            let limits = ObjectLimits { lines_max: 10, ..ObjectLimits::default() };
            let options = IngestOptions { limits, format, ..IngestOptions::default() };
            let lake = TestLake::new();
            lake.ingest(&source, &options).await;
            client.batch_execute("UPDATE payment SET paid = NOT paid, last_updated = localtimestamp").await.unwrap();
            // A bound is the moment of a snapshot, which the rounded one of the rows can lie after.
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            lake.ingest(&source, &options).await;
            let packets = lake.packets("payment").await;
            assert_eq!(packets.len(), 2, "{cursor:?}");
            for packet in packets {
                let objects = &packet.manifest.data;
                assert_eq!(objects.iter().map(|object| object.lines).collect::<Vec<_>>(), [10, 10, 10, 7]);
                let (stem, ending) = objects[0].key.rsplit_once('.').unwrap();
                let expected = ["", "-p0002", "-p0003", "-p0004"].map(|part| format!("{stem}{part}.{ending}"));
                assert_eq!(objects.iter().map(|object| object.key.clone()).collect::<Vec<_>>(), expected);
                assert_eq!(packet.lines.len(), 37);
            }
            assert_eq!(lake.state("payment").await.len(), 37);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_moment_has_the_digits_of_its_row() {
    let scene = Scene::new();
    let mut rows = Vec::new();
    let mut lines = 0;
    for (id, fraction) in ["", ".1", ".12", ".123", ".1234", ".12345", ".123456"].iter().enumerate() {
        let moment = format!("2024-11-14T07:55:{:02}{fraction}", 10 + id);
        rows.push(format!("{{\"t_id\":{id},\"last_updated\":\"{moment}\"}}"));
        scene.write(&rows);
        scene.lake.ingest_all(&scene.source).await;
        let newest = scene.newest().await;
        lines += newest.lines;
        assert_eq!(newest.newest_last_updated, Some(moment.clone()));
        let checkpoint = read_checkpoint(&*scene.lake.checkpoints, "t").await.unwrap().unwrap();
        assert_eq!((checkpoint.newest_last_updated, checkpoint.records), (Some(moment), lines));
    }
    rows[6] = "{\"t_id\":6,\"last_updated\":\"2020-01-01T00:00:00\"}".to_owned();
    scene.write(&rows);
    scene.lake.ingest_all(&scene.source).await;
    assert_eq!(
        scene.newest().await.newest_last_updated.as_deref(),
        Some("2024-11-14T07:55:16.123456"),
        "it never goes back"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_of_many_packets_is_found_with_and_without_a_checkpoint() {
    const PACKETS: usize = 1_100;
    let mut scene = Scene::new();
    scene.lake.checkpoints = Arc::new(MemoryCheckpoints::default());
    for packet in 1..=PACKETS {
        scene.write(&[row(1, &packet.to_string())]);
        let report = scene.lake.ingest_all(&scene.source).await;
        assert_eq!(report.committed().map(|(_, committed)| committed.sequence).collect::<Vec<_>>(), [packet as u64]);
    }
    let status = host::status::status(&scene.lake.lake, &*scene.lake.checkpoints, &[], now()).await.unwrap();
    assert_eq!(status.len(), 1);
    assert_eq!((status[0].sequence, status[0].records, status[0].gaps), (1_100, 1_100, 0));
    assert_eq!(status[0].key.as_deref(), Some("t/packets/00001100.packet.json"));
    assert_eq!(status[0].checkpoint, Ok(Some(1_100)));
    scene.lake.checkpoints = Arc::new(MemoryCheckpoints::default());
    scene.write(&[row(1, "last")]);
    let report = scene.lake.ingest_all(&scene.source).await;
    assert_eq!(report.committed().next().unwrap().1.sequence, 1_101);
    let checkpoint = read_checkpoint(&*scene.lake.checkpoints, "t").await.unwrap().unwrap();
    assert_eq!((checkpoint.sequence, checkpoint.records), (1_101, 1_101));
    let state = host::state::open(&scene.lake.lake, Some(&scene.newest().await), now()).await.unwrap();
    assert!(state.runs() <= 8, "{} runs", state.runs());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_says_what_is_documented() {
    let scene = Scene::new();
    scene.write(&[
        r#"{"t_id":1,"amount":1.50,"last_updated":"2024-11-14T07:55:11.5","note":null}"#.to_owned(),
        r#"{"t_id":2,"amount":2.0,"note":"é"}"#.to_owned(),
    ]);
    let began: DateTime<Utc> = "2026-02-03T04:05:06.000007Z".parse().unwrap();
    let parts = |run: &str| Parts {
        run: run.to_owned(),
        clock: Arc::new(move || began),
        ..scene.lake.parts(Arc::clone(&scene.source))
    };
    ingest(&parts("run-1"), &IngestOptions::default(), &|_| {}).await.unwrap();
    scene.write(&[r#"{"t_id":2,"amount":2.0,"last_updated":null,"note":"é"}"#.to_owned()]);
    ingest(&parts("run-2"), &sweep(), &|_| {}).await.unwrap();
    let mut said = String::new();
    for sequence in [1, 2] {
        let key = format!("t/packets/{sequence:08}.packet.json");
        let json = String::from_utf8(scene.bytes(&key).await).unwrap();
        let version = format!("\"host\": \"{}\"", env!("CARGO_PKG_VERSION"));
        assert!(json.contains(&version), "{json}");
        said += &format!("{key}\n{}", json.replace(&version, "\"host\": \"(version)\""));
    }
    // The size of a state is Parquet's affair.
    let newest = scene.newest().await;
    let first = scene.lake.lake.manifest("t", 1).await.unwrap();
    for object in first.state.iter().chain(&newest.state) {
        said = said.replacen(
            &format!("\"bytes\": {},\n      \"entries\"", object.bytes),
            "\"bytes\": (some),\n      \"entries\"",
            1,
        );
    }
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("manifests", said);
    });
    let keys = scene.keys("t").await;
    assert_eq!(
        keys,
        [
            "t/2026/02/03/00000001_040506000007.jsonl",
            "t/2026/02/03/00000002_040506000007.deletes.jsonl",
            "t/packets/00000001.packet.json",
            "t/packets/00000002.packet.json",
            "t/state/00000001_040506000007-p0001.parquet",
            "t/state/00000002_040506000007-p0001.parquet",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_byte_that_differs_in_any_object_of_rows_is_noticed() {
    let scene = Scene::with_packets().await;
    let options = IngestOptions { format: DataFormat::Parquet, ..IngestOptions::default() };
    scene.write(&[row(1, "parquet"), row(2, "new"), row(3, "back")]);
    scene.lake.ingest(&scene.source, &options).await;
    let mut seen = 0;
    for packet in scene.lake.packets("t").await {
        for object in packet.manifest.data.iter().chain(&packet.manifest.deletes) {
            seen += 1;
            let whole = scene.bytes(&object.key).await;
            let flipped = (0..whole.len()).map(|at| {
                let mut bytes = whole.clone();
                bytes[at] ^= 1 << (at % 8);
                (bytes, "CRC-64/NVME")
            });
            let cut = (whole[..whole.len() - 1].to_vec(), "size");
            let longer = ([&whole[..], b"\n"].concat(), "size");
            for (bytes, expected) in flipped.chain([cut, longer]) {
                scene.replace(&object.key, bytes).await;
                let error = read_all(&scene.lake.lake, &packet.manifest).await.unwrap_err();
                let LakeError::Damaged { key, what, .. } = &error else { panic!("{error:?}") };
                assert_eq!((key, *what), (&object.key, expected));
                assert_eq!((error.code(), error.hint().is_some()), ("lake-object-damaged", true));
            }
            scene.remove(&object.key).await;
            let error = read_all(&scene.lake.lake, &packet.manifest).await.unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "the lake has no object `{}`, which the manifest of `t` {} names",
                    object.key, packet.manifest.sequence
                )
            );
            scene.replace(&object.key, whole).await;
            read_all(&scene.lake.lake, &packet.manifest).await.unwrap();
        }
    }
    assert_eq!(seen, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_quick_checksum_the_digest_is_compared_and_a_thorough_reader_compares_both() {
    let scene = Scene::with_packets().await;
    let lake = &scene.lake.lake;
    let mut manifest = lake.manifest("t", 1).await.unwrap();
    manifest.data[0].sha256.replace_range(..1, "x");
    read_all(lake, &manifest).await.unwrap();
    let thorough = async |manifest: &Manifest| read_to_end(PacketLines::rows(lake, manifest).thorough()).await;
    let differs = |result: Result<(), LakeError>| match result {
        Err(LakeError::Damaged { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(differs(thorough(&manifest).await), "SHA-256");
    manifest.data[0].crc64nvme = None;
    assert_eq!(differs(read_all(lake, &manifest).await), "SHA-256");
}

async fn read_all(lake: &Lake, manifest: &Manifest) -> Result<(), LakeError> {
    for lines in [PacketLines::rows(lake, manifest), PacketLines::deletes(lake, manifest)] {
        read_to_end(lines).await?;
    }
    Ok(())
}

async fn read_to_end(mut lines: PacketLines) -> Result<(), LakeError> {
    while lines.next().await?.is_some() {}
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_byte_that_differs_in_a_state_is_noticed_or_does_no_harm() {
    let scene = Scene::with_packets().await;
    let (lake, newest) = (&scene.lake.lake, scene.newest().await);
    let expected = state_rows(lake, &newest).await.unwrap();
    let (mut noticed, mut harmless) = (0, 0);
    for key in scene.keys("t/state").await {
        let whole = scene.bytes(&key).await;
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            scene.replace(&key, bytes).await;
            match state_rows(lake, &newest).await {
                Ok(rows) => {
                    assert_eq!(rows, expected, "byte {at} of {}, {key}", whole.len());
                    harmless += 1;
                }
                Err(LakeError::State { key: named, .. }) => {
                    assert_eq!(named, key, "byte {at}");
                    noticed += 1;
                }
                Err(error) => panic!("byte {at} of {key}: {error:?}"),
            }
        }
        scene.replace(&key, whole).await;
    }
    // Parquet's own index of pages, which nobody reads.
    assert!(noticed > 10 * harmless, "{noticed}, {harmless}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_is_lost_is_made_again_and_a_damaged_one_once_it_is_removed() {
    let scene = Scene::with_packets().await;
    let newest = scene.newest().await;
    let expected = state_rows(&scene.lake.lake, &newest).await.unwrap();
    for key in scene.keys("t/state").await {
        scene.remove(&key).await;
    }
    assert_eq!(state_rows(&scene.lake.lake, &newest).await.unwrap(), expected);
    let report = scene.lake.ingest_all(&scene.source).await;
    assert_eq!(report.committed().count(), 0, "nothing has changed");

    let key = scene.keys("t/state").await.into_iter().find(|key| key.contains("00000002")).unwrap();
    let mut bytes = scene.bytes(&key).await;
    bytes[20] ^= 1;
    scene.replace(&key, bytes).await;
    let rows = [row(1, "a"), row(2, "newer"), row(3, "back")];
    scene.write(&rows);
    let error = scene.error(&IngestOptions::default()).await;
    assert_eq!(error.code(), "lake-state");
    assert_eq!(
        error.to_string(),
        format!("can't read the state `{key}`: the SHA-256 of block 0 is not the one in its index")
    );
    assert_eq!(error.hint().unwrap(), "remove the object: the state is made again from the packets");
    scene.remove(&key).await;
    scene.lake.ingest_all(&scene.source).await;
    assert_eq!(scene.lake.packets("t").await[4].lines, [row(2, "newer")]);
    assert_eq!(scene.lake.state("t").await.into_values().collect::<Vec<_>>(), rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_packets_have_few_runs_that_say_the_same_as_the_packets() {
    let scene = Scene::new();
    let mut rows: Vec<String> = (0..50).map(|id| row(id, "first")).collect();
    for packet in 0..40 {
        rows[packet] = row(packet, &format!("packet {packet}"));
        rows[packet / 2] = row(packet / 2, &format!("again {packet}"));
        if packet % 5 == 4 {
            rows.pop();
        }
        scene.write(&rows);
        scene.lake.ingest(&scene.source, &if packet % 2 == 0 { IngestOptions::default() } else { sweep() }).await;
        let state = host::state::open(&scene.lake.lake, Some(&scene.newest().await), now()).await.unwrap();
        assert!(state.runs() <= 8, "{} runs after {packet}", state.runs());
    }
    let newest = scene.newest().await;
    assert_eq!(newest.sequence, 40);
    let merged = state_rows(&scene.lake.lake, &newest).await.unwrap();
    let lines = scene.lake.packets("t").await;
    assert_eq!(scene.lake.state("t").await.len(), merged.len());
    for (_, hash, sequence, line, _) in &merged {
        let line = &lines[*sequence as usize - 1].lines[*line as usize];
        assert_eq!(*hash, host::state::hash_line(line.as_bytes()));
    }
    for key in scene.keys("t/state").await {
        scene.remove(&key).await;
    }
    assert_eq!(state_rows(&scene.lake.lake, &newest).await.unwrap(), merged);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_is_too_large_or_skips_a_packet_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = FileCheckpoints::open(folder.path()).unwrap();
    let checkpoint = |letters: usize, sequence| Checkpoint {
        table: "t".to_owned(),
        sequence,
        packet: "x".repeat(letters),
        records: 1,
        newest_last_updated: None,
        committed_at: "2026-02-03T04:05:06Z".parse().unwrap(),
    };
    let error = write_checkpoint(&checkpoints, &checkpoint(DOCUMENT_BYTES_MAX, 1), 0).await.unwrap_err();
    assert!(matches!(error, CheckpointError::TooLarge { .. }), "{error:?}");
    assert!(error.to_string().ends_with("bytes, and 4096 is the most"), "{error}");
    let error = write_checkpoint(&checkpoints, &checkpoint(1, 3), 1).await.unwrap_err();
    assert_eq!(error.to_string(), "packet 3 of `t` can't follow packet 1");
    assert_eq!(checkpoints.read("t").await.unwrap(), None);
    write_checkpoint(&checkpoints, &checkpoint(1, 1), 0).await.unwrap();
    let length = checkpoints.read("t").await.unwrap().unwrap().len();
    write_checkpoint(&checkpoints, &checkpoint(DOCUMENT_BYTES_MAX - length + 1, 2), 1).await.unwrap();
    assert_eq!(checkpoints.read("t").await.unwrap().unwrap().len(), DOCUMENT_BYTES_MAX);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_is_lost_behind_or_broken_is_made_again_from_the_lake() {
    let scene = Scene::with_packets().await;
    let right = std::fs::read_to_string(scene.checkpoint()).unwrap();
    for wrong in [
        None,
        Some(String::new()),
        Some("{".to_owned()),
        Some("\u{0}\u{1}".to_owned()),
        Some(right.replace("\"t\"", "\"other\"")),
        Some(right.replace("\"sequence\":4", "\"sequence\":2")),
        Some(right.replace("\"sequence\":4", "\"sequence\":0")),
        Some(right.replace('{', "{\"more\":1,")),
    ] {
        std::fs::remove_file(scene.checkpoint()).unwrap();
        if let Some(wrong) = &wrong {
            scene.lake.checkpoints.write("t", wrong).await.unwrap();
        }
        let status = host::status::status(&scene.lake.lake, &*scene.lake.checkpoints, &[], now()).await.unwrap();
        assert_eq!(status[0].sequence, 4, "{wrong:?}");
        let report = scene.lake.ingest_all(&scene.source).await;
        assert_eq!(report.committed().count(), 0);
        assert_eq!(std::fs::read_to_string(scene.checkpoint()).unwrap(), right, "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_ahead_of_the_lake_stops_the_table() {
    let scene = Scene::with_packets().await;
    let right = std::fs::read_to_string(scene.checkpoint()).unwrap();
    let ahead = right.replace("\"sequence\":4", "\"sequence\":5");
    scene.lake.checkpoints.write("t", &ahead).await.unwrap();
    let error = scene.error(&IngestOptions::default()).await;
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        ("checkpoint-ahead", "the checkpoint of `t` names packet 5, which the lake does not have: its last is 4")
    );
    assert!(error.hint().unwrap().contains("remove the table's checkpoint"));
    std::fs::remove_file(scene.checkpoint()).unwrap();
    scene.lake.ingest_all(&scene.source).await;
    assert_eq!(std::fs::read_to_string(scene.checkpoint()).unwrap(), right);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merged_state_of_packets_that_were_lost_is_not_believed() {
    let scene = Scene::new();
    let mut rows = Vec::new();
    for id in 1..=10 {
        rows.push(row(id, "first"));
        scene.write(&rows);
        scene.lake.ingest_all(&scene.source).await;
    }
    let merged = scene.keys("t/state").await.iter().filter(|key| key.contains('-') && !key.contains("-p0")).count();
    assert!(merged > 0, "parts of the state were merged");
    for sequence in 6..=10 {
        scene.remove(&format!("t/packets/{sequence:08}.packet.json")).await;
    }
    std::fs::remove_file(scene.checkpoint()).unwrap();
    // A row that only a lost packet had is gone when the lake goes on, and comes back as it was.
    let seventh = rows.remove(6);
    for id in 11..=14 {
        rows.push(row(id, "later"));
        scene.write(&rows);
        scene.lake.ingest_all(&scene.source).await;
    }
    rows.push(seventh);
    scene.write(&rows);
    scene.lake.ingest_all(&scene.source).await;
    assert_eq!(scene.lake.state("t").await.len(), rows.len(), "no row is lost, and none came twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packet_that_is_missing_is_told_and_a_sweep_brings_its_rows_again() {
    let scene = Scene::with_packets().await;
    scene.remove("t/packets/00000002.packet.json").await;
    let status = host::status::status(&scene.lake.lake, &*scene.lake.checkpoints, &[], now()).await.unwrap();
    assert_eq!((status[0].sequence, status[0].gaps), (4, 1));
    std::fs::remove_file(scene.checkpoint()).unwrap();
    let report = scene.lake.ingest(&scene.source, &sweep()).await;
    assert_eq!(report.tables[0].gaps, 1);
    let (_, committed) = report.committed().next().unwrap();
    assert_eq!((committed.sequence, committed.rows, committed.deletes), (5, 1, 0));
    let report = scene.lake.ingest(&scene.source, &sweep()).await;
    assert_eq!(report.committed().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_no_packet_is_removed_after_two_days_and_nothing_else() {
    let scene = Scene::new();
    for packet in 0..40 {
        scene.write(&[row(1, &packet.to_string()), row(2, "same"), row(100 + packet, "once")]);
        scene.lake.ingest(&scene.source, &sweep()).await;
    }
    scene.lake.ingest(&scene.source, &IngestOptions { format: DataFormat::Parquet, ..sweep() }).await;
    scene.write(&[row(1, "parquet")]);
    scene.lake.ingest(&scene.source, &IngestOptions { format: DataFormat::Parquet, ..sweep() }).await;
    let newest = scene.newest().await;
    let expected = state_rows(&scene.lake.lake, &newest).await.unwrap();
    let orphans = [
        "t/2026/02/03/00000041_040506000007.jsonl",
        "t/2026/02/03/00000041_040506000007.deletes.jsonl",
        "t/2026/02/03/040506000007.parquet",
        "t/state/00000041_040506000007-p0001.parquet",
    ];
    // A table without a packet, and files of somebody else, are not the lake's to remove.
    let others =
        ["gone/2026/02/03/00000001_040506000007.jsonl", "t/2026/02/03/notes.jsonl", "t/notes.jsonl", "notes/a.txt"];
    for key in orphans.iter().chain(&others) {
        scene.replace(key, b"{}\n".to_vec()).await;
    }
    let all = scene.keys("").await;
    let young = collect_garbage(&scene.lake.lake, &BTreeMap::new(), now() + TimeDelta::hours(47), false).await.unwrap();
    assert_eq!((young.keys.len(), young.kept), (0, all.len() as u64));

    let later = now() + TimeDelta::hours(49);
    let dry = collect_garbage(&scene.lake.lake, &BTreeMap::new(), later, true).await.unwrap();
    assert_eq!(scene.keys("").await, all, "nothing was removed");
    let collected = collect_garbage(&scene.lake.lake, &BTreeMap::new(), later, false).await.unwrap();
    assert_eq!(collected, dry);
    let kept = scene.keys("").await;
    assert_eq!((kept.len() as u64, kept.len() + collected.keys.len()), (collected.kept, all.len()));
    assert!(orphans.iter().all(|orphan| collected.keys.iter().any(|key| key == orphan)), "{:?}", collected.keys);
    let states = |keys: &[String]| keys.iter().filter(|key| key.starts_with("t/state")).count();
    assert!(states(&kept) < states(&all), "what was merged is needed no more");
    assert!(
        collected.keys.iter().all(|key| orphans.contains(&key.as_str()) || key.starts_with("t/state/")),
        "{:?}",
        collected.keys
    );

    assert_eq!(scene.lake.packets("t").await.len(), 41);
    assert_eq!(state_rows(&scene.lake.lake, &newest).await.unwrap(), expected);
    assert_eq!(scene.keys("").await, kept, "and nothing had to be made again");
    let again = collect_garbage(&scene.lake.lake, &BTreeMap::new(), later, false).await.unwrap();
    assert_eq!(again.keys, [""; 0]);
    scene.write(&[row(1, "after")]);
    let report = scene.lake.ingest_all(&scene.source).await;
    assert_eq!(report.committed().next().unwrap().1.rows, 1);
    assert_eq!(scene.lake.lake.store().abort_stale_uploads(later).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_belongs_elsewhere_is_not_believed() {
    let scene = Scene::with_packets().await;
    let rows = [row(1, "of u"), row(2, "of u")].join("\n").replace("t_id", "u_id");
    std::fs::write(scene.folder.path().join("u.jsonl"), rows).unwrap();
    scene.lake.ingest_all(&scene.source).await;
    let newest = scene.newest().await;
    let expected = state_rows(&scene.lake.lake, &newest).await.unwrap();
    let (own, others) = (scene.keys("t/state").await, scene.keys("u/state").await);
    assert_eq!((own.len(), others.len()), (4, 1));
    let mut whole = Vec::new();
    for key in own.iter().chain(&others) {
        whole.push((key, scene.bytes(key).await));
    }
    for (key, bytes) in &whole[..own.len()] {
        for (other, foreign) in whole.iter().filter(|(other, _)| other != key) {
            scene.replace(key, foreign.clone()).await;
            assert_eq!(state_rows(&scene.lake.lake, &newest).await.unwrap(), expected, "{other} as {key}");
            scene.replace(key, bytes.clone()).await;
            let made = scene.keys("t/state").await.into_iter().filter(|made| !own.contains(made));
            for made in made.collect::<Vec<_>>() {
                scene.remove(&made).await;
            }
        }
    }
    scene.replace(whole[0].0, whole[1].1.clone()).await;
    scene.replace(whole[1].0, whole[0].1.clone()).await;
    let report = scene.lake.ingest_all(&scene.source).await;
    assert_eq!(report.committed().count(), 0, "nothing has changed");
    let made = scene.keys("t/state").await;
    scene.lake.ingest_all(&scene.source).await;
    assert_eq!(scene.keys("t/state").await, made, "it is made again once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merged_state_of_other_packets_is_not_believed() {
    let scene = Scene::new();
    let mut rows = Vec::new();
    for id in 1..=24 {
        rows.push(row(id, "first"));
        scene.write(&rows);
        scene.lake.ingest_all(&scene.source).await;
    }
    let newest = scene.newest().await;
    let expected = state_rows(&scene.lake.lake, &newest).await.unwrap();
    let keys = scene.keys("t/state").await;
    let merged: Vec<&String> = keys.iter().filter(|key| !key.contains("-p0")).collect();
    let [shorter, longer, ..] = merged[..] else { panic!("{keys:?}") };
    scene.replace(longer, scene.bytes(shorter).await).await;
    assert_eq!(state_rows(&scene.lake.lake, &newest).await.unwrap(), expected);
    assert_eq!(scene.lake.ingest_all(&scene.source).await.committed().count(), 0);
}
