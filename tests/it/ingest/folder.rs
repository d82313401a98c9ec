//! A folder of JSON Lines as a source.

use super::command::{CURRENCIES, Scene, is_told};
use host::ingest::{IngestOptions, IngestReport, What};
use host::source::Source;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tests::flow::{TestLake, directory};
use totesys::{Generator, Options, Size, Style, Table};

/// A folder with one table, and its source.
fn folder(table: &str, lines: impl AsRef<[u8]>) -> (tempfile::TempDir, Arc<dyn Source>) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(format!("{table}.jsonl")), lines).unwrap();
    let source = directory(folder.path());
    (folder, source)
}

/// The types that are found in rows, and whether they can be null.
async fn types(lines: &str) -> Vec<(String, String, bool)> {
    let (_folder, source) = folder("t", lines);
    let table = source.tables().await.unwrap().remove(0).unwrap();
    table.columns.into_iter().map(|column| (column.name, column.type_name, column.nullable)).collect()
}

async fn sweep(lake: &TestLake, source: &Arc<dyn Source>) -> IngestReport {
    lake.ingest(source, &IngestOptions { what: What::Sweep, ..IngestOptions::default() }).await
}

#[tokio::test]
async fn types_are_the_narrowest_that_hold_all_values() {
    const TIMESTAMP: &str = "timestamp without time zone";
    for (values, expected) in [
        (&["1", "-2147483648", "2147483647"][..], "integer"),
        (&["1", "2147483648"], "bigint"),
        (&["-9223372036854775808"], "bigint"),
        (&["9223372036854775808"], "numeric"),
        (&["1", "1.50"], "numeric"),
        (&["1e3"], "numeric"),
        (&["2147483648", "0.1"], "numeric"),
        (&["true", "false"], "boolean"),
        (&["true", "1"], "json"),
        (&["\"a\"", "\"\""], "text"),
        (&["\"1\""], "text"),
        (&["\"a\"", "1"], "json"),
        (&["{}"], "json"),
        (&["[1]", "null"], "json"),
        (&["null", "null"], "text"),
        (&["null", "7"], "integer"),
        (&["\"2022-11-03T14:20:49\""], TIMESTAMP),
        (&["\"2022-11-03T14:20:49.9\""], TIMESTAMP),
        (&["\"2022-11-03T14:20:49.96\"", "\"2022-11-03T14:20:49.962\""], TIMESTAMP),
        (&["\"2022-11-03 14:20:49.9620\"", "\"2022-11-03T14:20:49.96201\""], TIMESTAMP),
        (&["\"2022-11-03T14:20:49.962013\""], TIMESTAMP),
        (&["\"2022-11-03T14:20:49\"", "\"soon\""], "text"),
        (&["\"2022-11-03\""], "text"),
        (&["\"2022-13-03T14:20:49\""], "text"),
        (&["\"2022-11-03T14:20:49\"", "5"], "json"),
    ] {
        let lines: String =
            values.iter().enumerate().map(|(id, value)| format!("{{\"t_id\":{id},\"v\":{value}}}\n")).collect();
        let nullable = values.contains(&"null");
        let expected = [("t_id", "integer", false), ("v", expected, nullable)];
        let expected = expected.map(|(name, kind, nullable)| (name.to_owned(), kind.to_owned(), nullable));
        assert_eq!(types(&lines).await, expected, "{values:?}");
    }
    // A column that only some rows have can be null; broken lines say nothing.
    let lines = "nonsense\n{\"t_id\":1}\n{\"b\":true,\"t_id\":2}\n[]\n";
    let expected = [("t_id", "integer", false), ("b", "boolean", true)];
    assert_eq!(types(lines).await, expected.map(|(name, kind, nullable)| (name.to_owned(), kind.to_owned(), nullable)));
}

#[tokio::test]
async fn a_schema_names_key_columns_types_and_references() {
    let (folder, source) = folder("t", "{\"b\":1,\"a\":\"x\"}\n");
    let schema = r#"{"t": {"key": ["a"], "columns": [
        {"name": "a", "type": "text", "nullable": false}, {"name": "b", "type": "numeric(10,2)", "nullable": true},
        {"name": "c", "type": "integer", "nullable": true}], "references": ["u"]}}"#;
    fs::write(folder.path().join("schema.json"), schema).unwrap();
    fs::write(folder.path().join("u.jsonl"), "{\"u_id\":1}\n").unwrap();
    let lake = TestLake::new();
    let report = lake.ingest_all(&source).await;
    let order: Vec<&str> = report.tables.iter().map(|table| table.table.as_str()).collect();
    assert_eq!(order, ["u", "t"]);
    let packet = lake.packets("t").await.remove(0);
    assert_eq!(packet.lines, [r#"{"a":"x","b":1,"c":null}"#]);
    assert_eq!(packet.manifest.columns[1].type_name, "numeric(10,2)");
    assert_eq!(packet.manifest.key, ["a"]);
}

#[test]
fn a_schema_that_is_wrong_is_named_with_what_is_wrong() {
    let scene = Scene::with_tables();
    for (name, schema) in [
        ("schema_syntax", "{"),
        ("schema_key", r#"{"staff": {"keys": ["staff_id"]}}"#),
        ("schema_column", r#"{"staff": {"columns": [{"name": "staff_id"}]}}"#),
    ] {
        scene.write("tables/schema.json", schema);
        is_told(name, scene.said(&["ingest"]));
    }
    scene.write(
        "tables/schema.json",
        r#"{"staff": {"columns": [{"name": "staff_id", "type": "integer", "nullable": false}]}}"#,
    );
    is_told("schema_unknown_column", scene.said(&["ingest", "--table", "staff"]));
}

/// Twelve lines, of which four are rows.
fn broken() -> Vec<u8> {
    let mut text = Vec::new();
    for line in [
        &b"{\"t_id\":1,\"v\":\"one\"}"[..],
        b"{\"t_id\":2,\"v\":\"two\"}\r",
        b"",
        b" \t \r",
        b"{\"t_id\":3,\"v\":\"cut",
        b"[4]",
        b"{\"t_id\":5,\"v\":\"\xff\"}",
        b"{\"v\":\"no key\"}",
        b"{\"t_id\":null,\"v\":\"null key\"}",
        b"{\"t_id\":1,\"v\":\"again\"}",
        b"{\"t_id\":6,\"v\":\"a\",\"v\":\"b\"}",
        b"{\"t_id\":\"seven\",\"v\":\"a text for a key\"}",
        b"{\"t_id\":8.5,\"v\":\"no whole number\"}",
        b"{\"t_id\":9,\"v\":\"a blank behind\"} ",
        b"{\"t_id\":10,\"v\":NaN}",
        b"{\"t_id\":11,\"v\":\"no line feed behind\"}",
    ] {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    text.pop();
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_are_no_rows_are_told_and_come_once_they_are_mended() {
    let scene = Scene::new().set("HOST_SOURCE_URL", "dir:tables");
    fs::create_dir(scene.path("tables")).unwrap();
    scene.write("tables/t.jsonl", broken());
    is_told("bad_lines", scene.said(&["ingest"]));
    is_told("bad_lines_again", scene.said(&["ingest"]));
    let lake = scene.lake();
    let ids = async || lake.state("t").await.into_keys().collect::<BTreeSet<String>>();
    let key = |id: u32| format!("{{\"t_id\":{id}}}");
    assert_eq!(ids().await, [1, 2, 9, 11].map(key).into());
    let mended: String = (1..=11).map(|id| format!("{{\"t_id\":{id},\"v\":\"mended\"}}\n")).collect();
    scene.write("tables/t.jsonl", mended.replacen("mended", "one", 1));
    let document = scene.json(&["ingest"], 0);
    assert_eq!(document["tables"][0]["packet"]["rows"], 10);
    assert_eq!(ids().await, (1..=11).map(key).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_without_an_end_and_a_byte_order_mark_cost_themselves_alone() {
    let long = format!("{{\"t_id\":2,\"v\":\"{}\"}}", "x".repeat(17 << 20));
    let text = format!("\u{feff}{{\"t_id\":1}}\n{long}\n{{\"t_id\":3}}\n{long}");
    let (folder, source) = folder("t", text);
    let lake = TestLake::new();
    let report = lake.ingest_all(&source).await;
    let bad: Vec<(u64, &str)> =
        report.tables[0].first_bad_lines.iter().map(|bad| (bad.line, bad.reason.as_str())).collect();
    let expected = [
        (1, "it begins with a byte order mark, which JSON does not have"),
        (2, "it is longer than 16 MiB"),
        (4, "it is longer than 16 MiB"),
    ];
    assert_eq!(bad, expected);
    assert!(report.tables[0].first_bad_lines[0].file.ends_with("t.jsonl"));
    assert_eq!(lake.packets("t").await[0].lines, ["{\"t_id\":3}"]);
    // As long as a line may be.
    let longest = format!("{{\"t_id\":2,\"v\":\"{}\"}}\n", "x".repeat((16 << 20) - 20));
    fs::write(folder.path().join("t.jsonl"), longest).unwrap();
    let report = lake.ingest_all(&source).await;
    assert_eq!(report.tables[0].bad_lines, 0);
    assert_eq!(lake.state("t").await.len(), 2);
}

#[tokio::test]
async fn a_wrong_value_in_a_key_leaves_the_keys_of_all_other_rows_as_they_are() {
    let lines = "{\"t_id\":1,\"v\":1}\n{\"t_id\":2,\"v\":2}\n";
    let (folder, source) = folder("t", lines);
    let lake = TestLake::new();
    lake.ingest_all(&source).await;
    for wrong in ["\"x\"", "1.5", "true", "{}"] {
        fs::write(folder.path().join("t.jsonl"), format!("{{\"t_id\":{wrong},\"v\":3}}\n{lines}")).unwrap();
        let report = lake.ingest_all(&source).await;
        assert_eq!((report.committed().count(), report.tables[0].bad_lines), (0, 1), "{wrong}");
    }
}

#[tokio::test]
async fn a_number_is_the_same_key_however_a_line_spells_it() {
    let (folder, source) = folder("t", "{\"t_id\":1.50,\"v\":1}\n{\"t_id\":1e2,\"v\":2}\n{\"t_id\":0.0,\"v\":3}\n");
    let lake = TestLake::new();
    lake.ingest_all(&source).await;
    let file = folder.path().join("t.jsonl");
    fs::write(
        &file,
        "{\"t_id\":15e-1,\"v\":1}\n{\"t_id\":100.0,\"v\":2}\n{\"t_id\":-0,\"v\":3}\n{\"t_id\":1.5,\"v\":4}\n",
    )
    .unwrap();
    let report = lake.ingest_all(&source).await;
    assert_eq!(report.tables[0].first_bad_lines[0].reason, "an earlier line has the same key {\"t_id\":1.5}");
    assert_eq!(report.committed().next().unwrap().1.rows, 3);
    fs::write(&file, "{\"t_id\":1.5,\"v\":1}\n{\"t_id\":100.00,\"v\":2}\n").unwrap();
    sweep(&lake, &source).await;
    assert_eq!(lake.packets("t").await[2].deletes, ["{\"t_id\":0}"]);
    assert_eq!(lake.state("t").await.into_keys().collect::<Vec<_>>(), ["{\"t_id\":1.5}", "{\"t_id\":100}"]);
}

#[tokio::test]
async fn a_key_of_texts_stays_one_when_they_no_longer_look_like_moments() {
    let (folder, source) = folder("t", "{\"t_id\":\"2024-01-01T00:00:00\"}\n");
    let lake = TestLake::new();
    lake.ingest_all(&source).await;
    fs::write(folder.path().join("t.jsonl"), "{\"t_id\":\"2024-01-01T00:00:00\"}\n{\"t_id\":\"later\"}\n").unwrap();
    lake.ingest_all(&source).await;
    assert_eq!(lake.packets("t").await[1].lines, ["{\"t_id\":\"later\"}"]);
}

#[test]
fn a_key_of_json_is_refused() {
    let scene = Scene::with_tables();
    scene.write("tables/odd.jsonl", "{\"odd_id\":{\"a\":1}}\n{\"odd_id\":[1]}\n");
    is_told("json_key", scene.said(&["ingest", "--table", "odd"]));
    scene.write("tables/odd.jsonl", "{\"odd_id\":1}\n");
    scene.write(
        "tables/schema.json",
        r#"{"odd": {"columns": [{"name": "odd_id", "type": "jsonb", "nullable": false}]}}"#,
    );
    assert_eq!(scene.run(&["ingest", "--table", "odd"]).status.code(), Some(3));
}

#[tokio::test]
async fn a_sweep_with_bad_lines_takes_nothing_for_gone_and_one_without_does() {
    let (folder, source) = folder("t", "{\"t_id\":1}\n{\"t_id\":2}\n{\"t_id\":3}\n");
    let lake = TestLake::new();
    lake.ingest_all(&source).await;
    let file = folder.path().join("t.jsonl");
    for text in ["{\"t_id\":1}\nnonsense\n", "{\"t_id\":1}\n{\"t_id\":1}\n", "nonsense"] {
        fs::write(&file, text).unwrap();
        let report = sweep(&lake, &source).await;
        assert_eq!((report.committed().count(), report.tables[0].bad_lines), (0, 1));
        assert_eq!(lake.state("t").await.len(), 3);
    }
    fs::write(&file, "{\"t_id\":1}\n").unwrap();
    sweep(&lake, &source).await;
    assert_eq!(lake.packets("t").await[1].deletes, ["{\"t_id\":2}", "{\"t_id\":3}"]);
    assert_eq!(lake.state("t").await.len(), 1);
}

#[tokio::test]
async fn an_empty_file_brings_nothing_and_a_sweep_of_it_deletes_by_the_keys_that_there_were() {
    let (folder, source) = folder("t", "");
    let lake = TestLake::new();
    assert_eq!(lake.ingest_all(&source).await.committed().count(), 0);
    sweep(&lake, &source).await;
    assert!(lake.packets("t").await.is_empty());
    let file = folder.path().join("t.jsonl");
    fs::write(&file, "{\"t_id\":1}\n{\"t_id\":2}\n").unwrap();
    lake.ingest_all(&source).await;
    fs::write(&file, "\n\r\n").unwrap();
    assert_eq!(lake.ingest_all(&source).await.committed().count(), 0);
    sweep(&lake, &source).await;
    let packets = lake.packets("t").await;
    assert_eq!(packets[1].deletes, ["{\"t_id\":1}", "{\"t_id\":2}"]);
    assert_eq!(packets[1].manifest.columns, packets[0].manifest.columns);
    // They come back.
    fs::write(&file, "{\"t_id\":2}\n").unwrap();
    lake.ingest_all(&source).await;
    assert_eq!(lake.state("t").await.into_keys().collect::<Vec<_>>(), ["{\"t_id\":2}"]);
}

#[test]
fn a_table_without_a_key_says_how_to_name_one() {
    let scene = Scene::with_tables();
    scene.write("tables/odd.jsonl", "{\"name\":\"Ann\",\"year\":2024}\n");
    is_told("no_key", scene.said(&["ingest", "--table", "odd"]));
    scene.write("host.toml", "[tables.odd]\nkey = [\"name\", \"year\"]\n");
    let document = scene.json(&["ingest", "--table", "odd"], 0);
    assert_eq!(document["tables"][0]["packet"]["rows"], 1);
    scene.write("tables/odd.jsonl", "{\"name\":\"Ann\",\"year\":2024}\n{\"name\":\"Ann\",\"year\":2025}\n");
    assert_eq!(scene.json(&["ingest", "--table", "odd"], 0)["tables"][0]["packet"]["rows"], 1);
}

#[tokio::test]
async fn the_same_rows_in_another_spelling_are_the_same() {
    let (folder, source) = folder("t", "{\"t_id\":1,\"v\":\"café ✓ \\\"x\\\"\\n/\",\"w\":[1,{\"a\":null}]}\n");
    let lake = TestLake::new();
    lake.ingest_all(&source).await;
    for spelling in [
        "{\"t_id\": 1, \"v\": \"caf\\u00e9 \\u2713 \\\"x\\\"\\n/\", \"w\": [1, {\"a\": null}]}",
        "\t{ \"t_id\" :1 ,\"\\u0076\":\"caf\\u00E9 ✓ \\u0022x\\\"\\u000a\\/\",\"w\":[ 1,{\"a\" :null} ] } \r\n",
        "{\"w\":[1,{\"a\":null}],\"t_id\":1,\"v\":\"café ✓ \\\"x\\\"\\n/\"}\n",
    ] {
        let schema = r#"{"t": {"columns": [{"name": "t_id", "type": "integer", "nullable": false},
            {"name": "v", "type": "text", "nullable": false}, {"name": "w", "type": "json", "nullable": true}]}}"#;
        // Without it the columns stand in the order of the first row.
        fs::write(folder.path().join("schema.json"), schema).unwrap();
        fs::write(folder.path().join("t.jsonl"), spelling).unwrap();
        let report = lake.ingest_all(&source).await;
        assert_eq!(report.committed().count(), 0, "{spelling}: {:?}", lake.packets("t").await);
    }
}

#[test]
fn files_that_disappear_or_cannot_be_read_are_told_and_the_other_tables_go_on() {
    let scene = Scene::with_tables();
    scene.ingest();
    fs::remove_file(scene.path("tables/staff.jsonl")).unwrap();
    // A folder can be opened as a file can, and can't be read.
    fs::create_dir(scene.path("tables/staff.jsonl")).unwrap();
    std::os::unix::fs::symlink("nowhere", scene.path("tables/link.jsonl")).unwrap();
    scene.write("tables/currency.jsonl", CURRENCIES.replace("GBP", "CHF"));
    is_told("unreadable_files", scene.said(&["ingest"]));
    is_told("unreadable_file_named", scene.said(&["ingest", "--table", "staff"]));
    fs::remove_dir(scene.path("tables/staff.jsonl")).unwrap();
    fs::remove_file(scene.path("tables/link.jsonl")).unwrap();
    // A table without a file is none of the source's; the lake keeps it, and so does a sweep.
    scene.json(&["reconcile"], 0);
    let status = scene.json(&["status", "--table", "staff"], 0);
    assert_eq!((status["tables"][0]["sequence"].as_u64(), status["tables"][0]["records"].as_u64()), (Some(1), Some(2)));
    scene.write("tables/staff.jsonl", super::command::STAFF);
    assert_eq!(scene.json(&["ingest", "--table", "staff"], 0)["tables"][0]["packet"], serde_json::Value::Null);
}

#[tokio::test]
async fn tables_have_any_name_that_a_file_can_have() {
    let names =
        ["a b", "é", "%2F", "..", ".", "x.y", ".hidden", "\"q\"", "a#1", "*", "packets", "state", "NUL", "-", "a\\b"];
    let (folder, _) = folder("plain", "{\"id\":1}\n");
    for name in names {
        fs::write(folder.path().join(format!("{name}.jsonl")), "{\"id\":1}\n").unwrap();
    }
    let options = |name: &str| {
        let key = Some(vec!["id".to_owned()]);
        (name.to_owned(), host::source::TableOptions { key, cursor: None })
    };
    let tables: BTreeMap<_, _> = names.into_iter().chain(["plain"]).map(options).collect();
    let source = host::source::DirectorySource::new(folder.path().to_owned(), Vec::new(), tables.clone());
    let source: Arc<dyn Source> = Arc::new(source);
    let lake = TestLake::new();
    assert_eq!(lake.ingest_all(&source).await.committed().count(), tables.len());
    assert_eq!(lake.ingest_all(&source).await.committed().count(), 0);
    let now = lake.parts(Arc::clone(&source)).clock;
    let status = host::status::status(&lake.lake, &*lake.checkpoints, &[], now()).await.unwrap();
    assert_eq!(status.iter().map(|status| &status.table).collect::<Vec<_>>(), tables.keys().collect::<Vec<_>>());
    assert!(status.iter().all(|status| status.checkpoint == Ok(Some(1))), "{status:?}");
    for name in tables.keys() {
        assert_eq!(lake.packets(name).await.len(), 1, "{name}");
    }
}

/// The rows of a table by their key, which is the first column, in a whole number.
fn rows(generator: &Generator, table: Table) -> BTreeMap<u64, String> {
    let mut text = Vec::new();
    generator.write_table(table, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let key = |line: &str| line.split([':', ',']).nth(1).unwrap().parse().unwrap();
    text.lines().map(|line| (key(line), line.to_owned())).collect()
}

fn write(folder: &Path, generator: &Generator) {
    for table in Table::ALL {
        let file = fs::File::create(folder.join(format!("{}.jsonl", table.name()))).unwrap();
        generator.write_table(table, file).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_days_later_exactly_the_changes_come() {
    let options = Options { size: Size::SalesOrders(300), seed: 5, style: Style::Compact, hard: true };
    let today = Generator::new(options).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let source = directory(folder.path());
    let lake = TestLake::new();
    write(folder.path(), &today);
    lake.ingest_all(&source).await;
    let mut before = today;
    for day in [1, 2] {
        let after = today.after_days(day).unwrap();
        write(folder.path(), &after);
        let report = lake.ingest_all(&source).await;
        let swept = sweep(&lake, &source).await;
        for table in Table::ALL {
            let (old, new) = (rows(&before, table), rows(&after, table));
            let changed: BTreeSet<&str> =
                new.iter().filter(|(key, line)| old.get(key) != Some(line)).map(|(_, line)| line.as_str()).collect();
            let gone = old.keys().filter(|key| !new.contains_key(key)).count();
            let packets = lake.packets(table.name()).await;
            let of = |report: &IngestReport| {
                let committed = report.committed().find(|(name, _)| *name == table.name());
                committed.map(|(_, committed)| &packets[committed.sequence as usize - 1])
            };
            let came: BTreeSet<&str> =
                of(&report).into_iter().flat_map(|packet| &packet.lines).map(String::as_str).collect();
            assert_eq!(came, changed, "{} of day {day}", table.name());
            let swept = of(&swept).map_or((0, 0), |packet| (packet.lines.len(), packet.deletes.len()));
            assert_eq!(swept, (0, gone), "{} of day {day}", table.name());
            let state: BTreeSet<String> = lake.state(table.name()).await.into_values().collect();
            assert_eq!(state, new.into_values().collect(), "{} of day {day}", table.name());
        }
        before = after;
    }
}
