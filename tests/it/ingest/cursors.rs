//! Which rows come, and which don't: change cursors on real databases.

use host::error::Explain;
use host::ingest::{IngestError, IngestOptions, IngestReport, Outcome, TableReport, What};
use host::source::postgres::Address;
use host::source::{Cursor, PostgresSource, Source, TableOptions};
use host::store::MemoryStore;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tests::flow::{TestLake, connect, database, postgres, postgres_with};
use tokio_postgres::Client;
use totesys::server::{Options, Server};

/// A database, a client of it, and a lake.
struct Scene {
    url: String,
    client: Client,
    lake: TestLake,
    source: Arc<dyn Source>,
}

/// What an ingest brought of a table: the values of `note` in its rows, and the keys that it deletes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Brought {
    notes: Vec<String>,
    deletes: Vec<String>,
}

/// Rows with these notes, and no deletes.
fn rows<const N: usize>(notes: [&str; N]) -> Brought {
    Brought { notes: notes.map(str::to_owned).to_vec(), deletes: Vec::new() }
}

/// What the lake is made of has its own tests.
fn in_memory() -> TestLake {
    TestLake::over(Arc::new(MemoryStore::new()))
}

fn nothing() -> Brought {
    Brought::default()
}

fn with_key(columns: &[&str], cursor: Option<Cursor>) -> TableOptions {
    TableOptions { key: Some(columns.iter().map(ToString::to_string).collect()), cursor }
}

fn with_cursor(cursor: Cursor) -> TableOptions {
    TableOptions { key: None, cursor: Some(cursor) }
}

fn by_last_updated(columns: &[&str], lag_seconds: u32) -> Cursor {
    Cursor::LastUpdated { columns: columns.iter().map(ToString::to_string).collect(), lag_seconds }
}

fn options_of<const N: usize>(tables: [(&str, TableOptions); N]) -> BTreeMap<String, TableOptions> {
    tables.into_iter().map(|(table, options)| (table.to_owned(), options)).collect()
}

fn of_table<'a>(report: &'a IngestReport, table: &str) -> &'a TableReport {
    report.tables.iter().find(|of| of.table == table).unwrap_or_else(|| panic!("no `{table}`: {report:?}"))
}

fn error_of<'a>(report: &'a IngestReport, table: &str) -> &'a IngestError {
    of_table(report, table).result.as_ref().expect_err("it can't be read")
}

fn sweep() -> IngestOptions {
    IngestOptions { what: What::Sweep, ..IngestOptions::default() }
}

impl Scene {
    async fn new(sql: &str) -> Self {
        Self::at(database(), sql).await
    }

    async fn at(url: String, sql: &str) -> Self {
        let client = connect(&url).await;
        client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        Self { source: postgres(&url), lake: in_memory(), url, client }
    }

    async fn execute(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    fn use_options<const N: usize>(&mut self, tables: [(&str, TableOptions); N]) {
        self.source = postgres_with(&self.url, options_of(tables));
    }

    async fn ingest(&self, options: &IngestOptions) -> IngestReport {
        self.lake.ingest(&self.source, options).await
    }

    /// What the ingest of a report brought of a table.
    async fn brought(&self, report: &IngestReport, table: &str) -> Brought {
        let sequence = match &of_table(report, table).result {
            Ok(Outcome::Committed(committed)) => committed.sequence,
            Ok(Outcome::Unchanged) => return nothing(),
            Err(error) => panic!("`{table}`: {error:?}"),
        };
        let packets = self.lake.packets(table).await;
        let packet = packets.into_iter().find(|packet| packet.manifest.sequence == sequence).unwrap();
        let mut notes: Vec<String> = packet.lines.iter().map(|line| note_of(line)).collect();
        notes.sort();
        Brought { notes, deletes: packet.deletes }
    }

    /// Ingests while another session holds `table`. Once the ingest waits for it, that session carries out `sql` and lets go.
    async fn ingest_while(&self, table: &str, sql: &str, options: &IngestOptions) -> IngestReport {
        let holder = connect(&self.url).await;
        holder.batch_execute(&format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")).await.unwrap();
        let meanwhile = async {
            assert!(self.ingest_waits_in("%").await, "the ingest waits for `{table}`");
            holder.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
            holder.batch_execute("COMMIT").await.unwrap();
        };
        tokio::join!(self.ingest(options), meanwhile).0
    }

    /// Whether an ingest comes to wait for a lock within some seconds, in a statement like this.
    async fn ingest_waits_in(&self, statement: &str) -> bool {
        const WAITS: &str = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'host ingest' \
            AND wait_event_type = 'Lock' AND query LIKE $1";
        for _ in 0..300 {
            if !self.client.query(WAITS, &[&statement]).await.unwrap().is_empty() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }

    async fn changes(&self, table: &str) -> Brought {
        let report = self.ingest(&IngestOptions { tables: vec![table.to_owned()], ..IngestOptions::default() }).await;
        self.brought(&report, table).await
    }

    async fn swept(&self, table: &str) -> Brought {
        let report = self.ingest(&IngestOptions { tables: vec![table.to_owned()], ..sweep() }).await;
        self.brought(&report, table).await
    }

    /// Compares the newest rows of the lake with those of the table.
    async fn assert_complete(&self, table: &str) {
        let mut notes: Vec<String> = self.lake.state(table).await.values().map(|line| note_of(line)).collect();
        notes.sort();
        let quoted = format!("\"{}\"", table.replace('"', "\"\""));
        let rows =
            self.client.query(&format!("SELECT note FROM {quoted} ORDER BY note COLLATE \"C\""), &[]).await.unwrap();
        assert_eq!(notes, rows.iter().map(|row| row.get(0)).collect::<Vec<String>>(), "`{table}`");
    }
}

fn note_of(line: &str) -> String {
    let values: BTreeMap<String, &serde_json::value::RawValue> = serde_json::from_str(line).unwrap();
    serde_json::from_str(values["note"].get()).unwrap_or_default()
}

/// A kind of key: its type, and values of which the first is updated, the second deleted, the third inserted later.
const KEYS: &[(&str, &[&str])] = &[
    ("smallint", &["-32768", "0", "32767", "10", "9", "-1"]),
    ("integer", &["-2147483648", "10", "9", "-9", "100"]),
    ("bigint", &["-9223372036854775808", "10", "9223372036854775807", "9"]),
    (
        "text",
        &[
            "'a'",
            "'B'",
            "'Z'",
            "''",
            "'é'",
            "'-b'",
            "'b'",
            "'aB'",
            "'a b'",
            "'😀'",
            "U&'\\FFFD'",
            "'\"'",
            "'\\'",
            "E'\\x01'",
        ],
    ),
    ("varchar(9)", &["'ab'", "'AB'", "'a'", "'ä'", "'co-op'", "'coop'"]),
    ("char(3)", &["'a'", "'ab'", "'B'", "E'a\\t'", "''"]),
    ("\"char\"", &["'a'", "'\"'", "'\\'", "'Z'"]),
    ("citext", &["'a'", "'B'", "'c'"]),
    ("name", &["'a'", "'B'", "'c'"]),
    (
        "uuid",
        &[
            "'ffffffff-0000-0000-0000-000000000000'",
            "'00000000-0000-0000-0000-00000000000a'",
            "'0000000a-0000-0000-0000-000000000000'",
        ],
    ),
    ("numeric", &["10", "9.5", "'NaN'", "'-1.50'", "'Infinity'", "'-Infinity'", "100"]),
    ("numeric(10,2)", &["10", "'NaN'", "9.5", "'-1.50'"]),
    ("double precision", &["1", "'NaN'", "'1e-5'", "'1e-10'", "'1e20'", "'-0'", "'Infinity'", "100000", "'2.5'"]),
    (
        "timestamp",
        &["'2024-01-01'", "'0044-03-15 BC'", "'infinity'", "'2024-01-01 00:00:00.5'", "'10000-01-01'", "'0044-03-15'"],
    ),
    ("timestamptz(3)", &["'2024-01-01+02'", "'-infinity'", "'2024-01-01 00:00:00.5'", "'2024-01-01 00:00:01'"]),
    ("date", &["'2024-01-01'", "'0044-03-15 BC'", "'10000-01-01'", "'infinity'"]),
    ("time", &["'10:00'", "'24:00'", "'10:00:00.5'"]),
    ("interval", &["'1 day'", "'25 hours'", "'-1 mon'", "'10 days'"]),
    ("\"OddEnum\"", &["'b'", "'a\"'", "'C'", "'NULL'"]),
    ("whole", &["10", "9", "-10", "100", "-9"]),
    ("label", &["'a'", "'B'", "'\"'"]),
    ("boolean", &["true", "false"]),
    ("bytea", &["'\\x00ff'", "'\\xff'", "''", "'\\x00'", "'\\x10'", "'\\xfb'"]),
    ("inet", &["'10.0.0.1'", "'10.0.0.1/24'", "'10.0.0.10'", "'::1'"]),
    ("int4range", &["'[1,5)'", "'empty'", "'(,)'"]),
    ("money", &["'1'", "'10'", "'-1'"]),
    ("oid", &["10", "4294967295", "9"]),
];

const KEY_TYPES: &str = "CREATE TYPE \"OddEnum\" AS ENUM ('b', 'a\"', 'C', 'NULL'); CREATE EXTENSION citext; \
    CREATE DOMAIN small AS integer; CREATE DOMAIN whole AS small NOT NULL; CREATE DOMAIN label AS varchar(5);";

/// For each kind of key: an insert, an update and a delete come exactly, whatever the order of the database's own alphabet is.
async fn assert_keys_of_all_types(url: String) {
    let mut scene = Scene::at(url, KEY_TYPES).await;
    let mut options = BTreeMap::new();
    for (index, (sql, values)) in KEYS.iter().enumerate() {
        // Beside each key alone one that it is a part of, and a view, which has no unique index.
        let now: Vec<_> = values.iter().enumerate().filter(|(at, _)| *at != 2).collect();
        let inserted = now.iter().map(|(at, value)| format!("({value}, 'row {at}')")).collect::<Vec<_>>().join(",");
        let twice = now.iter().map(|(at, value)| format!("({value}, {at}, 'row {at}')")).collect::<Vec<_>>().join(",");
        scene
            .execute(&format!(
                "CREATE TABLE key_{index} (k {sql} PRIMARY KEY, note text); INSERT INTO key_{index} VALUES {inserted}; \
                 CREATE TABLE pair_{index} (note_id integer, k {sql}, note text, PRIMARY KEY (k, note_id)); \
                 INSERT INTO pair_{index} (k, note_id, note) VALUES {twice}; CREATE VIEW view_{index} AS SELECT * FROM key_{index}"
            ))
            .await;
        options.insert(format!("view_{index}"), with_key(&["k"], Some(Cursor::Full)));
    }
    scene.source = postgres_with(&scene.url, options);
    scene.lake.ingest_all(&scene.source).await;
    assert_eq!(scene.lake.ingest_all(&scene.source).await.committed().count(), 0);
    let mut gone = Vec::new();
    for (index, (_, values)) in KEYS.iter().enumerate() {
        let rows = scene.lake.packets(&format!("key_{index}")).await.remove(0).lines;
        gone.push(rows.into_iter().find(|line| line.ends_with("\"note\":\"row 1\"}")).unwrap());
        let (first, second) = (values[0], values[1]);
        let third = values.get(2).copied().unwrap_or("NULL");
        for (table, columns) in [("key", "k, note"), ("pair", "k, note_id, note")] {
            let number = if table == "pair" { "2," } else { "" };
            let insert = format!("INSERT INTO {table}_{index} ({columns}) VALUES ({third}, {number} 'row 2')");
            let insert = if third == "NULL" { String::new() } else { insert };
            scene
                .execute(&format!(
                    "UPDATE {table}_{index} SET note = 'new' WHERE note = 'row 0' AND k = {first}; \
                     DELETE FROM {table}_{index} WHERE k = {second}; {insert}"
                ))
                .await;
        }
    }
    let changes = scene.lake.ingest_all(&scene.source).await;
    let swept = scene.ingest(&sweep()).await;
    for (index, (sql, values)) in KEYS.iter().enumerate() {
        let changed = if values.len() > 2 { rows(["new", "row 2"]) } else { rows(["new"]) };
        let key = |table: &str| match gone[index].rsplit_once(",\"note\"") {
            Some((key, _)) if table == "pair" => format!("{key},\"note_id\":1}}"),
            Some((key, _)) => format!("{key}}}"),
            None => String::new(),
        };
        for kind in ["key", "pair", "view"] {
            let table = format!("{kind}_{index}");
            assert_eq!(scene.brought(&changes, &table).await, changed, "{kind} {sql}");
            assert_eq!(
                scene.brought(&swept, &table).await,
                Brought { notes: vec![], deletes: vec![key(kind)] },
                "{kind} {sql}"
            );
            scene.assert_complete(&table).await;
        }
    }
    let report = scene.ingest(&sweep()).await;
    assert!(report.tables.iter().all(|table| matches!(table.result, Ok(Outcome::Unchanged))), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_all_types_find_their_changes() {
    assert_keys_of_all_types(database()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_all_types_find_their_changes_in_a_database_of_another_alphabet() {
    let url = database();
    let name = format!("{}_sorted", url.rsplit('/').next().unwrap());
    let create = format!("CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'");
    connect(&url).await.batch_execute(&create).await.unwrap();
    assert_keys_of_all_types(format!("{url}_sorted")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_can_be_anything() {
    let tables = [
        "transaction",
        "order",
        "A \"table\"",
        "größe",
        "a/b",
        "..",
        "100%",
        "it's",
        "x.y",
        "Müller & Söhne?",
        "\\",
        "a\nb",
    ];
    let columns = ["select", "A \"column\"", "größe", "it's", "\\", "a\nb", "_line", "x y", "$1", "NOTE"];
    let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let others = columns.map(|column| format!("{} integer DEFAULT 1", quote(column))).join(", ");
    let create = tables.map(|table| {
        format!(
            "CREATE TABLE {0} (\"Order\" integer, \"group by\" text, {others}, note text, PRIMARY KEY (\"group by\", \"Order\")); \
             INSERT INTO {0} VALUES (1, 'a'), (2, 'b')",
            quote(table)
        )
    });
    let scene = Scene::new(&create.join(";")).await;
    scene
        .execute(
            "CREATE TABLE _prisma_migrations (id integer PRIMARY KEY); CREATE TABLE left_out (id integer PRIMARY KEY)",
        )
        .await;
    let address = Address::parse(&scene.url, &BTreeMap::new()).unwrap();
    let exclude = vec!["left_out".to_owned()];
    let source: Arc<dyn Source> = Arc::new(PostgresSource::new(address, "public".to_owned(), exclude, BTreeMap::new()));
    scene.lake.ingest_all(&source).await;
    let mut known = tables.map(str::to_owned).to_vec();
    known.sort();
    assert_eq!(scene.lake.lake.tables().await.unwrap(), known);
    assert_eq!(scene.lake.checkpoints.tables().await.unwrap(), known);
    for table in tables {
        scene
            .execute(&format!(
                "UPDATE {0} SET note = 'x' WHERE \"Order\" = 1; DELETE FROM {0} WHERE \"Order\" = 2",
                quote(table)
            ))
            .await;
    }
    scene.lake.ingest_all(&source).await;
    let swept = scene.lake.ingest(&source, &sweep()).await;
    for table in tables {
        let deletes = vec![r#"{"group by":"b","Order":2}"#.to_owned()];
        assert_eq!(scene.brought(&swept, table).await, Brought { notes: vec![], deletes }, "`{table}`");
        let names: Vec<String> = columns.iter().map(|column| serde_json::to_string(column).unwrap() + ":1").collect();
        let expected = format!("{{\"Order\":1,\"group by\":\"a\",{},\"note\":\"x\"}}", names.join(","));
        assert_eq!(scene.lake.packets(table).await[1].lines, [expected]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_a_key_is_refused_with_the_ways_out_and_others_go_on() {
    let mut scene = Scene::new(
        "CREATE TABLE keyless (number integer NOT NULL, perhaps integer, note text); CREATE UNIQUE INDEX ON keyless (perhaps); \
         CREATE UNIQUE INDEX ON keyless (number) WHERE note IS NULL; CREATE UNIQUE INDEX ON keyless ((number + 1)); \
         INSERT INTO keyless VALUES (1, 1, 'a'); \
         CREATE TABLE indexed (perhaps integer UNIQUE, number integer NOT NULL UNIQUE, note text); INSERT INTO indexed VALUES (NULL, 1, 'a'); \
         CREATE TABLE plain (id integer PRIMARY KEY, note text); INSERT INTO plain VALUES (1, 'a'); CREATE TABLE bare ()",
    )
    .await;
    let report = scene.ingest(&IngestOptions::default()).await;
    assert_eq!(scene.brought(&report, "plain").await, rows(["a"]));
    assert_eq!(scene.brought(&report, "indexed").await, rows(["a"]));
    assert_eq!(scene.lake.packets("indexed").await[0].manifest.key, ["number"]);
    let error = error_of(&report, "keyless");
    assert_eq!(error.to_string(), "`keyless` has no key by which its rows can be told apart");
    assert_eq!(
        error.hint().unwrap(),
        "give it a primary key, or a unique index over columns that are NOT NULL; or name the columns that tell its rows apart: \
         `[tables.keyless] key = [\"...\"]` (it has `number`, `perhaps`, `note`); or leave it out: `[source] exclude = [\"keyless\"]`"
    );
    assert_eq!(error_of(&report, "bare").code(), "source-no-key");

    for (key, reason) in [
        (&["perhaps"][..], "the key of `keyless` can't be used: `perhaps` can be null"),
        (&["nothing"], "the key of `keyless` can't be used: there is no column `nothing`"),
        (&[], "the key of `keyless` can't be used: it names no column"),
    ] {
        scene.use_options([("keyless", with_key(key, None))]);
        let report = scene.ingest(&IngestOptions::default()).await;
        assert_eq!(error_of(&report, "keyless").to_string(), reason);
        assert!(of_table(&report, "plain").result.is_ok());
    }
    scene.use_options([("keyless", with_key(&["number"], None))]);
    assert_eq!(scene.changes("keyless").await, rows(["a"]));
    scene.execute("DROP INDEX keyless_expr_idx; INSERT INTO keyless VALUES (2, 2, 'b'), (2, 3, 'c')").await;
    let report = scene.ingest(&IngestOptions::default()).await;
    let error = error_of(&report, "keyless");
    assert_eq!(error.to_string(), "the key of `keyless` can't be used: two rows have the same one, {\"number\":2}");
    assert_eq!(
        error.hint().unwrap(),
        "name other columns: `[tables.keyless] key = [\"...\"]`; in a table they are to be NOT NULL; or leave it out: \
         `[source] exclude`"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn views_and_foreign_tables_are_read_whole_and_their_keys_are_watched() {
    let mut scene = Scene::new(
        "CREATE TABLE base (id integer PRIMARY KEY, twin integer, note text); INSERT INTO base VALUES (1, 1, 'a'), (2, 2, 'b'), (10, 3, 'c'); \
         CREATE VIEW seen AS SELECT * FROM base; CREATE VIEW broken AS SELECT 1 / (id - id) AS id, note FROM base; \
         CREATE MATERIALIZED VIEW kept AS SELECT * FROM base; CREATE EXTENSION postgres_fdw",
    )
    .await;
    let port = scene.url.rsplit(['/', ':']).nth(1).unwrap().to_owned();
    let name = scene.url.rsplit('/').next().unwrap().to_owned();
    scene
        .execute(&format!(
            "CREATE SERVER self FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '{port}', dbname '{name}'); \
             CREATE USER MAPPING FOR PUBLIC SERVER self OPTIONS (user 'postgres', password_required 'false'); \
             CREATE FOREIGN TABLE far (id integer, twin integer, note text) SERVER self OPTIONS (table_name 'base')"
        ))
        .await;
    let report = scene.ingest(&IngestOptions::default()).await;
    assert_eq!(
        report.tables.iter().map(|table| table.table.as_str()).collect::<Vec<_>>(),
        ["base"],
        "unasked views are left alone"
    );

    scene.use_options(["seen", "far", "kept"].map(|view| (view, with_key(&["id"], None))));
    let report = scene.ingest(&IngestOptions::default()).await;
    for view in ["seen", "far"] {
        let error = error_of(&report, view);
        let reason = "its rows do not tell which transaction wrote them";
        assert_eq!(error.to_string(), format!("`{view}` can't be read with the cursor `snapshot`: {reason}"));
        assert_eq!(error.hint().unwrap(), format!("choose another: `[tables.{view}] cursor = \"full\"`"));
    }
    assert_eq!(scene.brought(&report, "kept").await, rows(["a", "b", "c"]));

    let whole = || with_key(&["id"], Some(Cursor::Full));
    scene.use_options([("seen", whole()), ("far", whole()), ("kept", with_key(&["id"], None)), ("broken", whole())]);
    let report = scene.ingest(&IngestOptions::default()).await;
    assert_eq!(error_of(&report, "broken").code(), "source-query");
    for view in ["seen", "far"] {
        assert_eq!(scene.brought(&report, view).await, rows(["a", "b", "c"]));
    }
    scene
        .execute(
            "UPDATE base SET note = 'new' WHERE id = 10; DELETE FROM base WHERE id = 2; REFRESH MATERIALIZED VIEW kept",
        )
        .await;
    let changes = scene.ingest(&IngestOptions::default()).await;
    let swept = scene.ingest(&sweep()).await;
    for view in ["seen", "far", "kept"] {
        assert_eq!(scene.brought(&changes, view).await, rows(["new"]), "{view}");
        assert_eq!(scene.brought(&swept, view).await.deletes, [r#"{"id":2}"#], "{view}");
        scene.assert_complete(view).await;
    }
    scene.execute("INSERT INTO base VALUES (11, 1, 'twin'), (12, NULL, 'none')").await;
    scene.use_options([
        ("seen", with_key(&["twin"], Some(Cursor::Full))),
        ("far", with_key(&["twin"], Some(Cursor::Full))),
    ]);
    scene.lake = in_memory();
    let report = scene.ingest(&IngestOptions::default()).await;
    for view in ["seen", "far"] {
        let reason = "two rows have the same one, {\"twin\":1}";
        assert_eq!(error_of(&report, view).to_string(), format!("the key of `{view}` can't be used: {reason}"));
    }
    scene.execute("DELETE FROM base WHERE id = 11").await;
    let report = scene.ingest(&IngestOptions::default()).await;
    assert_eq!(error_of(&report, "seen").to_string(), "the key of `seen` can't be used: `twin` is null in a row");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_partitions_come_once_wherever_they_move() {
    let scene = Scene::new(
        "CREATE TABLE parts (id integer, half integer, note text, PRIMARY KEY (id, half)) PARTITION BY LIST (half); \
         CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1); \
         CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2) PARTITION BY RANGE (id); \
         CREATE TABLE parts_2_low PARTITION OF parts_2 FOR VALUES FROM (0) TO (100); \
         INSERT INTO parts VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'c'); \
         CREATE TABLE parts_3 (id integer NOT NULL, half integer NOT NULL, note text, PRIMARY KEY (id, half)); \
         INSERT INTO parts_3 VALUES (4, 3, 'd')",
    )
    .await;
    assert_eq!(scene.changes("parts").await, rows(["a", "b", "c"]));
    assert_eq!(scene.changes("parts_3").await, rows(["d"]));
    scene.execute("UPDATE parts SET half = 2, note = 'moved' WHERE id = 1").await;
    assert_eq!(scene.changes("parts").await, rows(["moved"]));
    scene.execute("ALTER TABLE parts ATTACH PARTITION parts_3 FOR VALUES IN (3)").await;
    assert_eq!(scene.changes("parts").await, rows(["d"]), "rows that were written long before");
    scene.execute("CREATE TABLE parts_2_high PARTITION OF parts_2 FOR VALUES FROM (100) TO (200); INSERT INTO parts VALUES (100, 2, 'e')").await;
    assert_eq!(scene.changes("parts").await, rows(["e"]));
    scene.execute("ALTER TABLE parts DETACH PARTITION parts_1").await;
    assert_eq!(scene.changes("parts").await, nothing());
    let deletes = [r#"{"id":1,"half":1}"#, r#"{"id":2,"half":1}"#].map(str::to_owned).to_vec();
    assert_eq!(scene.swept("parts").await, Brought { notes: vec![], deletes });
    assert_eq!(scene.changes("parts_1").await, rows(["b"]));
    scene.assert_complete("parts").await;
    let report = scene.ingest(&IngestOptions::default()).await;
    let mut tables: Vec<_> = report.tables.iter().map(|table| table.table.as_str()).collect();
    tables.sort_unstable();
    assert_eq!(tables, ["parts", "parts_1"], "a partition is no table of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_children_are_theirs_alone() {
    let scene = Scene::new(
        "CREATE TABLE parent (id integer PRIMARY KEY, note text); CREATE TABLE child (more integer, PRIMARY KEY (id)) INHERITS (parent); \
         INSERT INTO parent VALUES (1, 'parent'); INSERT INTO child VALUES (1, 'child', 7)",
    )
    .await;
    assert_eq!(scene.changes("parent").await, rows(["parent"]));
    assert_eq!(scene.changes("child").await, rows(["child"]));
    scene.execute("UPDATE parent SET note = 'both'").await;
    assert_eq!(scene.changes("parent").await, rows(["both"]));
    assert_eq!(scene.changes("child").await, rows(["both"]));
    assert_eq!(scene.swept("parent").await, nothing());
    assert_eq!(scene.lake.packets("parent").await[1].lines, [r#"{"id":1,"note":"both"}"#]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_rows_without_writing_them_is_noticed() {
    let scene = Scene::new(
        "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE DOMAIN moods AS mood[]; \
         CREATE TABLE t (id integer PRIMARY KEY, note text, number integer, mood mood, many moods, gone integer); \
         INSERT INTO t VALUES (1, 'a', 5, 'sad', '{glad}', 0), (2, 'b', NULL, 'glad', NULL, 0)",
    )
    .await;
    assert_eq!(scene.changes("t").await, rows(["a", "b"]));
    scene.execute("ALTER TABLE t ADD COLUMN added text DEFAULT 'x'").await;
    assert_eq!(scene.changes("t").await, rows(["a", "b"]), "a column with a default");
    scene.execute("ALTER TABLE t DROP COLUMN gone").await;
    assert_eq!(scene.changes("t").await, rows(["a", "b"]), "a column that is gone");
    scene.execute("ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'").await;
    assert_eq!(scene.changes("t").await, rows(["a"]), "a label with another name");
    scene.execute("ALTER TYPE mood RENAME VALUE 'glad' TO 'happy'").await;
    assert_eq!(scene.changes("t").await, rows(["a", "b"]), "a label within an array");
    scene.execute("ALTER TYPE mood ADD VALUE 'new'").await;
    assert_eq!(scene.changes("t").await, nothing(), "a label that no row has");
    scene.execute("ALTER TABLE t ALTER COLUMN number TYPE numeric(10,2)").await;
    assert_eq!(scene.changes("t").await, rows(["a"]), "a column with another type");
    scene.execute("ALTER TABLE t ALTER COLUMN id TYPE bigint").await;
    assert_eq!(scene.changes("t").await, nothing(), "a wider type of the same values");
    scene.execute("ALTER TABLE t RENAME COLUMN number TO count").await;
    assert_eq!(scene.changes("t").await, rows(["a", "b"]), "a column with another name");
    scene.execute("VACUUM FULL t").await;
    assert_eq!(scene.changes("t").await, nothing(), "a table that was rewritten");
    scene.execute("VACUUM (FREEZE) t").await;
    scene.execute("UPDATE t SET note = 'c' WHERE id = 1").await;
    assert_eq!(scene.changes("t").await, rows(["c"]));
    assert_eq!(
        scene.lake.packets("t").await.last().unwrap().lines,
        [r#"{"id":1,"note":"c","count":5.00,"mood":"blue","many":["happy"],"added":"x"}"#]
    );
    assert_eq!(scene.swept("t").await, nothing());
    scene.assert_complete("t").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_type_is_refused_before_it_does_harm() {
    let scene = Scene::new("CREATE TABLE t (id integer PRIMARY KEY, note text); INSERT INTO t VALUES (1, 'a')").await;
    assert_eq!(scene.changes("t").await, rows(["a"]));
    scene.execute("ALTER TABLE t RENAME COLUMN id TO number").await;
    assert_eq!(scene.changes("t").await, rows(["a"]));
    scene.execute("ALTER TABLE t ALTER COLUMN number TYPE text").await;
    for options in [IngestOptions::default(), sweep()] {
        let report = scene.ingest(&options).await;
        let error = error_of(&report, "t");
        assert_eq!(
            error.to_string(),
            "the key of `t` is `number text`, and the packets in the lake have `number integer`"
        );
        assert!(error.hint().unwrap().starts_with("rows can't be told apart by both"));
    }
    scene
        .execute("ALTER TABLE t ALTER COLUMN number TYPE bigint USING number::bigint; INSERT INTO t VALUES (2, 'b')")
        .await;
    assert_eq!(scene.changes("t").await, rows(["b"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_a_new_and_a_reloaded_table_bring_what_they_have() {
    let scene = Scene::new("CREATE TABLE t (id integer PRIMARY KEY, note text)").await;
    for _ in 0..2 {
        assert_eq!(scene.changes("t").await, nothing());
        assert_eq!(scene.swept("t").await, nothing());
    }
    assert_eq!(scene.lake.packets("t").await.len(), 0);
    scene.execute("CREATE TABLE fresh (id integer PRIMARY KEY, note text); INSERT INTO fresh VALUES (1, 'x')").await;
    assert_eq!(scene.swept("fresh").await, rows(["x"]), "a sweep can come first");
    scene.execute("INSERT INTO t SELECT i, 'row ' || i FROM generate_series(1, 3) i").await;
    assert_eq!(scene.changes("t").await, rows(["row 1", "row 2", "row 3"]));
    scene.execute("TRUNCATE t; INSERT INTO t VALUES (1, 'row 1'), (2, 'other')").await;
    assert_eq!(scene.changes("t").await, rows(["other"]));
    assert_eq!(scene.swept("t").await.deletes, [r#"{"id":3}"#]);
    scene.execute("TRUNCATE t").await;
    assert_eq!(scene.changes("t").await, nothing());
    assert_eq!(scene.swept("t").await.deletes, [r#"{"id":1}"#, r#"{"id":2}"#]);
    scene.execute("INSERT INTO t VALUES (1, 'row 1')").await;
    assert_eq!(scene.changes("t").await, rows(["row 1"]), "a row that comes back as it was");
    scene.execute("DROP TABLE t; CREATE TABLE t (id integer PRIMARY KEY, note text); INSERT INTO t VALUES (1, 'row 1'), (4, 'row 4')").await;
    assert_eq!(scene.changes("t").await, rows(["row 4"]), "another table of the same name");
    scene.assert_complete("t").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn late_commits_come_when_they_are_there() {
    let scene = Scene::new("CREATE TABLE t (id integer PRIMARY KEY, note text)").await;
    let (open, other) = (connect(&scene.url).await, connect(&scene.url).await);
    open.batch_execute(
        "BEGIN; INSERT INTO t VALUES (1, 'open'); SAVEPOINT a; INSERT INTO t VALUES (2, 'inner'); RELEASE a",
    )
    .await
    .unwrap();
    let prepared = scene.url.rsplit('/').next().unwrap();
    let prepare = format!(
        "BEGIN; SAVEPOINT s; INSERT INTO t VALUES (3, 'prepared'); RELEASE s; PREPARE TRANSACTION '{prepared}'"
    );
    other.batch_execute(&prepare).await.unwrap();
    for poll in 0..4 {
        let id = 10 + poll;
        scene
            .execute(&format!(
                "BEGIN; SAVEPOINT a; INSERT INTO t VALUES ({id}, 'kept {poll}'); SAVEPOINT b; INSERT INTO t VALUES (99, 'undone'); \
                 ROLLBACK TO b; SAVEPOINT c; INSERT INTO t VALUES ({id} + 10, 'also {poll}'); COMMIT"
            ))
            .await;
        assert_eq!(scene.changes("t").await, rows([&format!("also {poll}"), &format!("kept {poll}")]));
        assert_eq!(scene.changes("t").await, nothing());
        open.batch_execute(&format!(
            "SAVEPOINT more; INSERT INTO t VALUES (100 + {poll}, 'open {poll}'); RELEASE more"
        ))
        .await
        .unwrap();
    }
    open.batch_execute("COMMIT").await.unwrap();
    assert_eq!(scene.changes("t").await, rows(["inner", "open", "open 0", "open 1", "open 2", "open 3"]));
    assert_eq!(scene.changes("t").await, nothing());
    other.batch_execute(&format!("COMMIT PREPARED '{prepared}'")).await.unwrap();
    assert_eq!(scene.changes("t").await, rows(["prepared"]));
    assert_eq!(scene.swept("t").await, nothing());
    scene.assert_complete("t").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_by_the_columns_that_say_when_they_changed() {
    let mut scene = Scene::new(
        "CREATE TABLE t (id integer PRIMARY KEY, note text, changed timestamptz, checked date, touched timestamp); \
         INSERT INTO t VALUES (1, 'old', '2019-12-31', NULL, NULL), (2, 'day', NULL, '2020-01-02', NULL), (3, 'none', NULL, NULL, NULL), \
           (4, 'later', 'infinity', NULL, NULL), (5, 'future', now() + interval '1 day', NULL, NULL)",
    )
    .await;
    let columns = ["changed", "checked", "touched"];
    scene.use_options([("t", with_cursor(by_last_updated(&columns, 0)))]);
    assert_eq!(scene.changes("t").await, rows(["day", "future", "later", "none", "old"]));
    assert_eq!(scene.changes("t").await, nothing());
    scene.execute("UPDATE t SET note = 'silent' WHERE id = 1; UPDATE t SET note = 'none 2' WHERE id = 3").await;
    assert_eq!(
        scene.changes("t").await,
        rows(["none 2"]),
        "a row without a moment is always looked at, a silent edit is not seen"
    );
    scene.execute("UPDATE t SET changed = clock_timestamp() WHERE id = 1; UPDATE t SET note = 'touched', touched = localtimestamp WHERE id = 2").await;
    assert_eq!(scene.changes("t").await, rows(["silent", "touched"]));
    scene.execute("INSERT INTO t VALUES (6, 'today', NULL, current_date, NULL)").await;
    assert_eq!(scene.changes("t").await, rows(["today"]), "a day is not over when it has begun");
    scene.execute("UPDATE t SET note = 'today again' WHERE id = 6").await;
    assert_eq!(scene.changes("t").await, rows(["today again"]));
    assert_eq!(scene.swept("t").await, nothing());
    scene.assert_complete("t").await;

    for (columns, reason) in [
        (&["nothing"][..], "it has no column `nothing`"),
        (&["note"], "`note` is no timestamp"),
        (&[], "no column is named"),
    ] {
        scene.use_options([("t", with_cursor(by_last_updated(columns, 0)))]);
        let report = scene.ingest(&IngestOptions::default()).await;
        assert_eq!(
            error_of(&report, "t").to_string(),
            format!("`t` can't be read with the cursor `last_updated`: {reason}")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_still_write_and_the_last_moments_are_looked_at_again() {
    let mut scene = Scene::new(
        "CREATE TABLE t (id integer PRIMARY KEY, note text, last_updated timestamp); INSERT INTO t VALUES (1, 'a', '2020-01-01')",
    )
    .await;
    let role = format!("reader_{}", scene.url.rsplit('/').next().unwrap());
    scene
        .execute(&format!("CREATE ROLE {role} LOGIN; GRANT SELECT ON t TO {role}; GRANT pg_read_all_stats TO {role}"))
        .await;
    let admin = scene.url.clone();
    scene.url = admin.replace("postgres@", &format!("{role}@"));
    scene.use_options([("t", with_cursor(by_last_updated(&["last_updated"], 0)))]);
    assert_eq!(scene.changes("t").await, rows(["a"]));
    let open = connect(&admin).await;
    open.batch_execute("BEGIN; INSERT INTO t VALUES (2, 'open', localtimestamp)").await.unwrap();
    scene.execute("INSERT INTO t VALUES (3, 'after', localtimestamp)").await;
    assert_eq!(scene.changes("t").await, rows(["after"]), "nobody waits for the open transaction");
    open.batch_execute("COMMIT").await.unwrap();
    assert_eq!(scene.changes("t").await, rows(["open"]), "it says when it began, before what is there already");
    let prepared = admin.rsplit('/').next().unwrap();
    open.batch_execute(&format!(
        "BEGIN; INSERT INTO t VALUES (4, 'prepared', localtimestamp); PREPARE TRANSACTION '{prepared}'"
    ))
    .await
    .unwrap();
    scene.execute("INSERT INTO t VALUES (5, 'after', localtimestamp)").await;
    assert_eq!(scene.changes("t").await, rows(["after"]));
    open.batch_execute(&format!("COMMIT PREPARED '{prepared}'")).await.unwrap();
    assert_eq!(scene.changes("t").await, rows(["prepared"]), "its rows say when it began, long before it was prepared");

    scene
        .execute(&format!("REVOKE pg_read_all_stats FROM {role}; INSERT INTO t VALUES (6, 'unseen', localtimestamp)"))
        .await;
    assert_eq!(scene.changes("t").await, rows(["unseen"]), "it goes on without that right, and warns");

    scene.use_options([("t", with_cursor(by_last_updated(&["last_updated"], 3_600)))]);
    scene
        .execute(
            "INSERT INTO t VALUES (7, 'fresh', localtimestamp), (8, 'settled', localtimestamp - interval '2 hours')",
        )
        .await;
    assert_eq!(scene.changes("t").await, rows(["fresh"]), "the window never goes back");
    scene.lake = in_memory();
    scene.changes("t").await;
    scene
        .execute(
            "INSERT INTO t VALUES (9, 'slow', localtimestamp - interval '50 minutes'), \
               (10, 'too slow', localtimestamp - interval '2 hours')",
        )
        .await;
    assert_eq!(scene.changes("t").await, rows(["slow"]), "the last hour is looked at again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_brings_what_differs_in_it_and_leaves_the_cursor_alone() {
    let scene = Scene::new(
        "CREATE TABLE t (id integer PRIMARY KEY, note text, last_updated timestamp(3)); CREATE TABLE timeless (id integer PRIMARY KEY); \
         INSERT INTO t SELECT i, 'row ' || i, timestamp '2024-01-01' + i * interval '1 day' FROM generate_series(1, 5) i",
    )
    .await;
    let range = |from: &str, to: &str| {
        let what = What::Range { from: from.parse().unwrap(), to: to.parse().unwrap() };
        IngestOptions { what, ..IngestOptions::default() }
    };
    let report = scene.ingest(&range("2024-01-03T00:00:00", "2024-01-04T00:00:00")).await;
    assert_eq!(scene.brought(&report, "t").await, rows(["row 2"]), "a range can come first");
    assert_eq!(
        error_of(&report, "timeless").to_string(),
        "`timeless` can't be read with the cursor `last_updated`: it has no column `last_updated`"
    );
    assert_eq!(scene.changes("t").await, rows(["row 1", "row 3", "row 4", "row 5"]));
    let before = scene.lake.packets("t").await.pop().unwrap().manifest;
    scene.execute("UPDATE t SET note = note || ' edited' WHERE id IN (2, 3, 5); DELETE FROM t WHERE id = 4").await;
    let report = scene.ingest(&range("2024-01-03T00:00:00", "2024-01-06T00:00:00")).await;
    assert_eq!(scene.brought(&report, "t").await, rows(["row 2 edited", "row 3 edited"]), "half open, and no deletes");
    let after = scene.lake.packets("t").await.pop().unwrap().manifest;
    assert_eq!((before.cursor, after.first_record), (after.cursor, 6));
    assert_eq!(after.window, "last_updated in [2024-01-03T00:00:00, 2024-01-06T00:00:00)");
    let report = scene.ingest(&range("2024-01-03T00:00:00", "2024-01-06T00:00:00")).await;
    assert_eq!(scene.brought(&report, "t").await, nothing(), "what is there as it is does not come again");
    let report = scene.ingest(&range("2024-01-06T00:00:00", "2024-01-06T00:00:00")).await;
    assert_eq!(scene.brought(&report, "t").await, nothing());
    assert_eq!(scene.changes("t").await, rows(["row 5 edited"]), "the cursor has not moved past the edit");
    assert_eq!(scene.swept("t").await.deletes, [r#"{"id":4}"#]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_can_change_its_cursor() {
    let mut scene = Scene::new("CREATE TABLE t (id integer PRIMARY KEY, note text, last_updated timestamp)").await;
    let (mut id, mut windows) = (0, Vec::new());
    let full = || with_cursor(Cursor::Full);
    let snapshot = || with_cursor(Cursor::Snapshot);
    let moment = || with_cursor(by_last_updated(&["last_updated"], 0));
    for options in [snapshot(), moment(), full(), moment(), snapshot(), full(), snapshot(), snapshot()] {
        scene.use_options([("t", options)]);
        id += 1;
        scene.execute(&format!("INSERT INTO t VALUES ({id}, 'row {id}', localtimestamp)")).await;
        let report = scene.ingest(&IngestOptions::default()).await;
        assert_eq!(scene.brought(&report, "t").await, rows([&format!("row {id}")]));
        windows.push(of_table(&report, "t").window.clone());
        assert_eq!(scene.changes("t").await, nothing());
    }
    let expected = ["the whole table:", "the whole table:", "the whole table", "the whole table:", "the whole table:"];
    let expected = expected.iter().chain(&["the whole table", "the whole table:", "transactions from"]);
    assert!(windows.iter().zip(expected).all(|(window, expected)| window.starts_with(expected)), "{windows:?}");
    scene.assert_complete("t").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_to_read_is_enough() {
    let mut scene = Scene::new(
        "CREATE TABLE t (id integer PRIMARY KEY, note text); CREATE TABLE secret (id integer PRIMARY KEY); \
         CREATE TABLE partly (id integer PRIMARY KEY, hidden integer); INSERT INTO t VALUES (1, 'a'), (2, 'b')",
    )
    .await;
    let role = format!("reader_{}", scene.url.rsplit('/').next().unwrap());
    scene
        .execute(&format!(
            "CREATE ROLE {role} LOGIN; GRANT SELECT ON t TO {role}; GRANT SELECT (id) ON partly TO {role}"
        ))
        .await;
    scene.url = scene.url.replace("postgres@", &format!("{role}@"));
    scene.source = postgres(&scene.url);
    let report = scene.ingest(&IngestOptions::default()).await;
    assert_eq!(scene.brought(&report, "t").await, rows(["a", "b"]));
    for table in ["secret", "partly"] {
        let error = error_of(&report, table);
        assert_eq!(
            error.to_string(),
            format!("the user has no right to read `{table}`: permission denied for table {table}")
        );
        let hint = format!(
            "grant it: GRANT SELECT ON \"public\".\"{table}\" TO <user>; or leave the table out: `[source] exclude`"
        );
        assert_eq!(error.hint().unwrap(), hint);
    }
    scene.execute("UPDATE t SET note = 'c' WHERE id = 1; DELETE FROM t WHERE id = 2").await;
    assert_eq!(scene.changes("t").await, rows(["c"]));
    assert_eq!(scene.swept("t").await.deletes, [r#"{"id":2}"#]);
    assert_eq!(scene.changes("t").await, nothing());
}

#[tokio::test(flavor = "multi_thread")]
async fn transaction_ids_that_come_round_or_go_back_lose_and_double_nothing() {
    const ROUND: u64 = 1 << 32;
    let mut server = Server::start(Options::default()).unwrap();
    let url = server.create_database("round").unwrap();
    let mut scene = Scene::at(url.clone(), "CREATE TABLE t (id integer PRIMARY KEY, note text)").await;
    for id in 1..=5 {
        scene.execute(&format!("INSERT INTO t VALUES ({id}, 'row {id}')")).await;
    }
    assert_eq!(scene.changes("t").await.notes.len(), 5);
    let first: i64 = scene.client.query_one("SELECT min(xmin::text::bigint) FROM t", &[]).await.unwrap().get(0);
    let (mut id, mut filtered) = (5, 0);
    // A little before the ids come round, shortly before those of the first rows, and back to a smaller epoch.
    for (next, why) in [
        (ROUND - 3, "too many transactions since the last run to be compared"),
        (ROUND + first.unsigned_abs() - 20, "server, table or columns are not those of the last run"),
        (ROUND / 2, "the server's transactions went backwards"),
    ] {
        server.reset_next_xid(next).unwrap();
        scene.client = connect(&url).await;
        scene.execute("UPDATE t SET note = note || '.' WHERE id = 2").await;
        let mut new =
            vec![scene.client.query_one("SELECT note FROM t WHERE id = 2", &[]).await.unwrap().get::<_, String>(0)];
        for round in 0..3 {
            id += 1;
            scene.execute(&format!("INSERT INTO t VALUES ({id}, 'row {id}')")).await;
            new.push(format!("row {id}"));
            new.sort();
            let report = scene.ingest(&IngestOptions::default()).await;
            assert_eq!(scene.brought(&report, "t").await.notes, std::mem::take(&mut new), "{next}");
            let TableReport { window, rows_read, .. } = of_table(&report, "t");
            if next > ROUND && round > 0 {
                filtered += rows_read - report.committed().map(|(_, committed)| committed.rows).sum::<u64>();
            }
            assert!(window.contains(if round == 0 { why } else { "transactions from" }), "{window}");
            for _ in 0..15 {
                scene.execute("SELECT pg_current_xact_id()").await;
            }
        }
        assert_eq!(scene.changes("t").await, nothing());
        assert_eq!(scene.swept("t").await, nothing());
        scene.assert_complete("t").await;
    }
    assert!(filtered > 0, "old rows whose ids come round fall into the window, and are dropped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_filled_anew_while_others_are_read_does_not_look_empty() {
    let scene = Scene::new(
        "CREATE TABLE a (id integer PRIMARY KEY, note text); CREATE TABLE z (id integer PRIMARY KEY, note text); \
         INSERT INTO a VALUES (1, 'a'); INSERT INTO z SELECT i, 'row ' || i FROM generate_series(1, 5) i",
    )
    .await;
    scene.ingest(&IngestOptions::default()).await;
    // The first table keeps the sweep waiting, and the last one is filled anew meanwhile.
    let (holder, filler) = (connect(&scene.url).await, connect(&scene.url).await);
    holder.batch_execute("BEGIN; LOCK TABLE a IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let fill = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let sql = "BEGIN; TRUNCATE z; INSERT INTO z SELECT i, 'row ' || i FROM generate_series(1, 5) i; COMMIT";
        filler.batch_execute(sql).await.unwrap();
    });
    let release = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        holder.batch_execute("COMMIT").await.unwrap();
    });
    let report = scene.ingest(&IngestOptions { what: What::Sweep, ..IngestOptions::default() }).await;
    assert_eq!(scene.brought(&report, "z").await, nothing());
    fill.await.unwrap();
    release.await.unwrap();
    assert_eq!(scene.changes("z").await, nothing());
    scene.assert_complete("z").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moments_of_another_time_zone_are_found() {
    let mut scene = Scene::new(
        "CREATE TABLE t (id integer PRIMARY KEY, note text, last_updated timestamp); \
         INSERT INTO t VALUES (1, 'a', localtimestamp - interval '5 hours')",
    )
    .await;
    scene.use_options([("t", with_cursor(by_last_updated(&["last_updated"], 0)))]);
    assert_eq!(scene.changes("t").await, rows(["a"]));
    scene.execute("INSERT INTO t VALUES (2, 'b', localtimestamp - interval '5 hours')").await;
    assert_eq!(scene.changes("t").await, rows(["b"]), "the clock of the rows is five hours behind that of the server");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_over_other_columns_of_the_same_types_is_another_key() {
    let scene = Scene::new(
        "CREATE TABLE t (id integer PRIMARY KEY, code integer NOT NULL, note text); INSERT INTO t VALUES (1, 2, 'a'), (2, 1, 'b'); \
         CREATE TABLE listed (id integer[] PRIMARY KEY)",
    )
    .await;
    scene.ingest(&IngestOptions::default()).await;
    scene.execute("ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t ADD PRIMARY KEY (code)").await;
    let report = scene.ingest(&IngestOptions::default()).await;
    assert_eq!(error_of(&report, "t").code(), "ingest-key-changed");
    assert_eq!(error_of(&report, "listed").to_string(), "the key of `listed` can't be used: `id` is an array");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_altered_while_the_ingest_waits_for_it_is_read_as_it_is_then() {
    let mut scene = Scene::new(
        "CREATE TABLE t (id integer PRIMARY KEY, note text, u text, j text, n integer); \
         INSERT INTO t VALUES (1, 'a', '00000000-0000-0000-0000-00000000000a', '{\"b\": 1}', 7); \
         CREATE TABLE z_gone (id integer PRIMARY KEY); CREATE TABLE other (id integer PRIMARY KEY, note text); \
         INSERT INTO other VALUES (1, 'other'); CREATE VIEW seen AS SELECT id, note FROM other",
    )
    .await;
    scene.use_options([("seen", with_key(&["id"], Some(Cursor::Full)))]);
    let alter = "ALTER TABLE t ALTER u TYPE uuid USING u::uuid, ALTER j TYPE jsonb USING j::jsonb, ALTER n TYPE double precision; \
        DROP TABLE z_gone; DROP VIEW seen; CREATE VIEW seen AS SELECT id, 0.5 AS note FROM other";
    let report = scene.ingest_while("t", alter, &IngestOptions::default()).await;
    assert_eq!(error_of(&report, "z_gone").code(), "source-changed");
    assert!(error_of(&report, "z_gone").hint().is_some());
    assert_eq!(scene.brought(&report, "t").await, rows(["a"]));
    let packet = scene.lake.packets("t").await.remove(0);
    assert_eq!(packet.lines, [r#"{"id":1,"note":"a","u":"00000000-0000-0000-0000-00000000000a","j":{"b":1},"n":7.0}"#]);
    let types: Vec<&str> = packet.manifest.columns.iter().map(|column| column.type_name.as_str()).collect();
    assert_eq!(types, ["integer", "text", "uuid", "jsonb", "double precision"]);
    assert_eq!(scene.lake.packets("seen").await[0].lines, [r#"{"id":1,"note":0.5}"#]);
    assert_eq!(scene.brought(&report, "other").await, rows(["other"]));
    assert_eq!(scene.lake.ingest_all(&scene.source).await.committed().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_of_a_partition_that_left_while_the_ingest_waited_come_when_it_is_back() {
    let scene = Scene::new(
        "CREATE TABLE a (id integer PRIMARY KEY); \
         CREATE TABLE z (id integer, half integer, note text, PRIMARY KEY (id, half)) PARTITION BY LIST (half); \
         CREATE TABLE z1 PARTITION OF z FOR VALUES IN (1); CREATE TABLE z2 PARTITION OF z FOR VALUES IN (2); \
         INSERT INTO z VALUES (1, 1, 'first'), (2, 2, 'second')",
    )
    .await;
    assert_eq!(scene.changes("z").await, rows(["first", "second"]));
    let detach = "ALTER TABLE z DETACH PARTITION z2; UPDATE z2 SET note = 'edited'";
    let report = scene.ingest_while("a", detach, &IngestOptions::default()).await;
    assert_eq!(scene.brought(&report, "z").await, nothing());
    scene.execute("ALTER TABLE z ATTACH PARTITION z2 FOR VALUES IN (2)").await;
    assert_eq!(scene.changes("z").await, rows(["edited"]));
    scene.assert_complete("z").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_change_their_names_while_the_ingest_waits_are_read_as_those_that_they_are_then() {
    let scene = Scene::new(
        "CREATE TABLE a (id integer PRIMARY KEY); CREATE TABLE p (id integer PRIMARY KEY, note text); \
         CREATE TABLE q (id integer PRIMARY KEY, note text); INSERT INTO p VALUES (1, 'p'); INSERT INTO q VALUES (1, 'q')",
    )
    .await;
    scene.ingest(&IngestOptions::default()).await;
    let swap = "ALTER TABLE p RENAME TO r; ALTER TABLE q RENAME TO p; ALTER TABLE r RENAME TO q";
    let report = scene.ingest_while("a", swap, &IngestOptions::default()).await;
    assert_eq!(scene.brought(&report, "p").await, rows(["q"]));
    assert_eq!(scene.brought(&report, "q").await, rows(["p"]));
    assert_eq!(scene.changes("p").await, nothing());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_whose_lock_did_not_come_is_not_read_when_it_comes_later() {
    let mut scene = Scene::new(
        "CREATE TABLE t (id integer PRIMARY KEY, note text); INSERT INTO t VALUES (1, 'a'); \
         CREATE TABLE z (id integer PRIMARY KEY, note text); INSERT INTO z VALUES (1, 'z')",
    )
    .await;
    assert_eq!(scene.changes("t").await, rows(["a"]));
    scene.source = postgres(&format!("{}?options=-c%20lock_timeout%3D700ms", scene.url));
    let holder = connect(&scene.url).await;
    holder.batch_execute("BEGIN; TRUNCATE t; INSERT INTO t VALUES (1, 'a')").await.unwrap();
    let sweep = sweep();
    let (report, waits) = tokio::join!(scene.ingest(&sweep), async {
        let waits = scene.ingest_waits_in("COPY%").await;
        holder.batch_execute("COMMIT").await.unwrap();
        waits
    });
    assert!(!waits, "whoever waits for rows does so in a snapshot that is older than they are");
    let error = error_of(&report, "t");
    assert_eq!((error.code(), error.exit()), ("source-locked", host::error::Exit::Environment));
    assert_eq!(error.to_string(), "`t` can't be read: another session has locked it");
    let hint = error.hint().unwrap();
    assert!(hint.contains("pg_stat_activity") && hint.contains("'\"public\".\"t\"'::regclass"), "{hint}");
    assert_eq!(scene.brought(&report, "z").await, rows(["z"]));
    assert_eq!(scene.swept("t").await, nothing());
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_a_lock_has_an_end_that_the_url_can_set() {
    let mut scene = Scene::new("CREATE VIEW settings AS SELECT 1 AS id, current_setting('lock_timeout') AS note").await;
    let options = options_of([("settings", with_key(&["id"], Some(Cursor::Full)))]);
    for (parameters, expected) in [
        ("", "30s"),
        ("?options=-c%20lock_timeout%3D10min", "10min"),
        ("?options=--lock-timeout%3D2s", "2s"),
        ("?options=-c%20statement_timeout%3D1h", "30s"),
    ] {
        scene.source = postgres_with(&format!("{}{parameters}", scene.url), options.clone());
        scene.lake = in_memory();
        assert_eq!(scene.changes("settings").await, rows([expected]), "{parameters}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn late_commits_come_whatever_time_zone_the_clock_of_the_rows_has() {
    for zone in ["Etc/GMT+5", "Etc/GMT+12", "UTC", "Etc/GMT-9"] {
        let mut scene = Scene::new(&format!(
            "CREATE TABLE t (id integer PRIMARY KEY, note text, last_updated timestamp DEFAULT (now() AT TIME ZONE '{zone}')); \
             INSERT INTO t VALUES (1, 'a'); INSERT INTO t VALUES (2, 'future', now() + interval '3 days')"
        ))
        .await;
        scene.use_options([("t", with_cursor(by_last_updated(&["last_updated"], 0)))]);
        assert_eq!(scene.changes("t").await, rows(["a", "future"]));
        let open = connect(&scene.url).await;
        open.batch_execute("BEGIN; INSERT INTO t VALUES (3, 'open')").await.unwrap();
        for id in 10..13 {
            scene.execute(&format!("INSERT INTO t VALUES ({id}, 'after {id}')")).await;
            assert_eq!(scene.changes("t").await, rows([&format!("after {id}")]), "{zone}");
        }
        open.batch_execute("COMMIT").await.unwrap();
        assert_eq!(scene.changes("t").await, rows(["open"]), "{zone}");
        assert_eq!(scene.changes("t").await, nothing());
        scene.assert_complete("t").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_begins_while_the_ingest_waits_for_a_lock_comes_when_it_is_there() {
    let mut scene = Scene::new(
        "CREATE TABLE a (id integer PRIMARY KEY); \
         CREATE TABLE t (id integer PRIMARY KEY, note text, last_updated timestamp DEFAULT (clock_timestamp() AT TIME ZONE 'UTC'))",
    )
    .await;
    scene.use_options([("t", with_cursor(by_last_updated(&["last_updated"], 0)))]);
    let open = connect(&scene.url).await;
    let (holder, wait) = (connect(&scene.url).await, IngestOptions::default());
    holder.batch_execute("BEGIN; LOCK TABLE a IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let meanwhile = async {
        assert!(scene.ingest_waits_in("%").await);
        open.batch_execute("BEGIN; INSERT INTO t VALUES (1, 'open')").await.unwrap();
        scene.execute("INSERT INTO t VALUES (2, 'after')").await;
        holder.batch_execute("COMMIT").await.unwrap();
    };
    let (report, ()) = tokio::join!(scene.ingest(&wait), meanwhile);
    assert_eq!(scene.brought(&report, "t").await, rows(["after"]));
    open.batch_execute("COMMIT").await.unwrap();
    assert_eq!(scene.changes("t").await, rows(["open"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_whose_moments_can_not_be_read_fails_alone() {
    let mut scene = Scene::new(
        "CREATE TABLE a (id integer PRIMARY KEY, note text, last_updated timestamp); INSERT INTO a VALUES (1, 'a', now()); \
         CREATE TABLE b (id integer PRIMARY KEY, note text, last_updated timestamp); INSERT INTO b VALUES (1, 'b', now()); \
         CREATE TABLE c (id integer PRIMARY KEY, note text); INSERT INTO c VALUES (1, 'c')",
    )
    .await;
    let role = format!("reader_{}", scene.url.rsplit('/').next().unwrap());
    scene
        .execute(&format!("CREATE ROLE {role} LOGIN; GRANT SELECT (id) ON a TO {role}; GRANT SELECT ON b, c TO {role}"))
        .await;
    scene.url = scene.url.replace("postgres@", &format!("{role}@"));
    let cursor = || with_cursor(by_last_updated(&["last_updated"], 0));
    scene.use_options([("a", cursor()), ("b", cursor())]);
    let report = scene.ingest(&IngestOptions::default()).await;
    assert_eq!(error_of(&report, "a").code(), "source-denied");
    assert_eq!(scene.brought(&report, "b").await, rows(["b"]));
    assert_eq!(scene.brought(&report, "c").await, rows(["c"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn moments_that_no_calendar_has_do_no_harm() {
    let moments = [
        ("'262143-01-01'", "NULL"),
        ("'294276-12-31 23:59:59.999999'", "NULL"),
        ("'4714-11-24 BC'", "NULL"),
        ("'-infinity'", "'-infinity'"),
        ("'infinity'", "'infinity'"),
        ("'0001-01-01'", "NULL"),
        ("'0001-12-31 BC'", "NULL"),
        ("'9999-12-31 23:59:59.999999'", "NULL"),
        ("NULL", "'5874897-12-31'"),
        ("NULL", "'4714-11-24 BC'"),
        ("'2024-01-01'", "'294277-01-01'"),
    ];
    let create = |(index, (moment, day)): (usize, &(&str, &str))| {
        format!(
            "CREATE TABLE t_{index} (id integer PRIMARY KEY, note text, last_updated timestamp, checked date); \
             INSERT INTO t_{index} VALUES (1, 'odd', {moment}, {day});"
        )
    };
    let mut scene = Scene::new(&moments.iter().enumerate().map(create).collect::<String>()).await;
    let tables: Vec<String> = (0..moments.len()).map(|index| format!("t_{index}")).collect();
    let cursor = || with_cursor(by_last_updated(&["last_updated", "checked"], 4_000_000_000));
    scene.source = postgres_with(&scene.url, tables.iter().map(|table| (table.clone(), cursor())).collect());
    for (round, note) in ["odd", "", "", "new", "", "newer", ""].iter().enumerate() {
        if note.starts_with("new") {
            for table in &tables {
                scene.execute(&format!("INSERT INTO {table} VALUES ({round}, '{note}', localtimestamp)")).await;
            }
        }
        let report = scene.lake.ingest_all(&scene.source).await;
        for (table, moment) in tables.iter().zip(moments) {
            let expected = if note.is_empty() { nothing() } else { rows([note]) };
            assert_eq!(scene.brought(&report, table).await, expected, "{moment:?} in round {round}");
        }
    }
    let what = What::Range { from: chrono::NaiveDateTime::MIN, to: chrono::NaiveDateTime::MAX };
    scene.lake = in_memory();
    let report = scene.ingest(&IngestOptions { what, ..IngestOptions::default() }).await;
    for table in &tables {
        assert!(of_table(&report, table).result.is_ok(), "{report:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_the_same_key_however_it_is_spelt() {
    let mut scene = Scene::new(
        "CREATE TABLE t (k numeric PRIMARY KEY, note text); INSERT INTO t VALUES (1.0, 'one'), (-2.50, 'minus'), (100, 'hundred'), ('NaN', 'none'); \
         CREATE TABLE f (k double precision PRIMARY KEY, note text); INSERT INTO f VALUES (0, 'zero'), (1e20, 'large')",
    )
    .await;
    scene.lake.ingest_all(&scene.source).await;
    scene.execute("ALTER TABLE t ALTER k TYPE numeric(10,4); UPDATE f SET k = '-0' WHERE k = 0; UPDATE t SET note = 'uno' WHERE k = 1").await;
    assert_eq!(scene.changes("t").await, rows(["hundred", "minus", "uno"]));
    assert_eq!(scene.changes("f").await, rows(["zero"]));
    for table in ["t", "f"] {
        assert_eq!(scene.swept(table).await, nothing(), "no key is gone");
        scene.assert_complete(table).await;
    }
    scene.execute("DELETE FROM t WHERE k = -2.5").await;
    assert_eq!(scene.swept("t").await.deletes, [r#"{"k":-2.5}"#]);
    scene
        .execute("CREATE VIEW twice AS SELECT '-0'::float8 AS k, 'a' AS note UNION ALL VALUES (-1, 'b'), (0, 'c')")
        .await;
    scene.use_options([("twice", with_key(&["k"], Some(Cursor::Full)))]);
    let report = scene.ingest(&IngestOptions::default()).await;
    assert_eq!(
        error_of(&report, "twice").to_string(),
        "the key of `twice` can't be used: two rows have the same one, {\"k\":0}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_type_spells_values_in_another_way_is_another_key() {
    for (before, value, after, is_other) in [
        ("smallint", "7", "bigint", false),
        ("numeric(5,2)", "1.5", "numeric", false),
        ("text", "'a'", "varchar(9)", false),
        ("varchar(3)", "'a'", "varchar(9)", false),
        ("timestamp(3)", "'2024-01-01'", "timestamp", false),
        ("char(3)", "'a'", "char(5)", true),
        ("char(3)", "'a'", "text", true),
        ("timestamp", "'2024-01-01'", "timestamptz", true),
        ("timestamp", "'2024-01-01'", "text USING k::text", true),
        ("date", "'2024-01-01'", "timestamp", true),
        ("text", "'a'", "bytea USING k::bytea", true),
        ("uuid", "'00000000-0000-0000-0000-00000000000a'", "text USING k::text", true),
        ("real", "0.1", "double precision", true),
        ("numeric", "1", "double precision", true),
        ("boolean", "true", "text USING k::text", true),
    ] {
        let scene = Scene::new(&format!(
            "CREATE TABLE t (k {before} PRIMARY KEY, note text); INSERT INTO t VALUES ({value}, 'a')"
        ))
        .await;
        assert_eq!(scene.changes("t").await, rows(["a"]));
        scene.execute(&format!("ALTER TABLE t ALTER k TYPE {after}; UPDATE t SET note = 'b'")).await;
        let report = scene.ingest(&sweep()).await;
        if is_other {
            assert_eq!(error_of(&report, "t").code(), "ingest-key-changed", "{before} {after}");
        } else {
            assert_eq!(scene.brought(&report, "t").await, rows(["b"]), "{before} {after}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_json_is_refused() {
    let scene = Scene::new(
        "CREATE TABLE t (id integer NOT NULL UNIQUE, k jsonb PRIMARY KEY, note text); INSERT INTO t VALUES (1, 'null', 'a'); \
         CREATE DOMAIN document AS jsonb; CREATE TABLE d (k document PRIMARY KEY, note text)",
    )
    .await;
    let report = scene.ingest(&IngestOptions::default()).await;
    for table in ["t", "d"] {
        let error = error_of(&report, table);
        let reason = "`k` is JSON, of which one value has many spellings, and `null` is one";
        assert_eq!(error.to_string(), format!("the key of `{table}` can't be used: {reason}"));
        assert!(error.hint().unwrap().starts_with("name other columns: "));
    }
    let mut scene = scene;
    scene.use_options([("t", with_key(&["id"], None))]);
    assert_eq!(scene.changes("t").await, rows(["a"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_checked_at_the_commit_is_a_key() {
    let scene = Scene::new(
        "CREATE TABLE t (id integer PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, note text); INSERT INTO t VALUES (1, 'a'), (2, 'b')",
    )
    .await;
    assert_eq!(scene.changes("t").await, rows(["a", "b"]));
    scene.execute("BEGIN; UPDATE t SET id = 3 - id; COMMIT").await;
    assert_eq!(scene.changes("t").await, rows(["a", "b"]));
    scene.assert_complete("t").await;
}
