//! `host compact` over the whole line: what others read before and after it is the same.

use super::growing::{Growing, READERS, said};
use serde_json::Value;
use std::fs;
use std::process::{Command, Stdio};
use tests::tools::{readers, soak};

const FACT: &str = "fact_sales_order";

/// The actions of the newest entry of a table's log.
fn last_entry(growing: &Growing, table: &str) -> Vec<Value> {
    let log = growing.path("lake/star").join(table).join("_delta_log");
    let mut entries: Vec<_> = fs::read_dir(log).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    let newest = entries.into_iter().max().unwrap();
    fs::read_to_string(newest).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a report says of a table.
fn of_table<'a>(report: &'a Value, table: &str) -> &'a Value {
    report["tables"].as_array().unwrap().iter().find(|found| found["table"] == table).unwrap()
}

#[test]
fn many_small_packets_become_one_file_with_the_same_rows_and_the_line_goes_on() {
    let packets = 40 * soak() as u64;
    let rows = 2 * packets;
    let mut growing = Growing::new();
    for packet in 1..=packets {
        growing.grow();
        growing.done(&[if packet % 10 == 0 { "sync" } else { "ingest" }]);
    }
    let before: Vec<_> = READERS.iter().map(|reader| growing.export(reader, FACT)).collect();
    assert_eq!(vec![rows; 3], before.iter().map(|exported| exported.rows).collect::<Vec<_>>());
    let records = [1, rows / 2, rows / 2 + 1, rows].map(|record| record.to_string());
    let explained = |growing: &Growing| {
        records.each_ref().map(|record| {
            let explained = growing.json(&["explain", FACT, record]);
            assert_eq!("made", explained["outcome"]);
            (explained["row"].clone(), explained["origin"].clone(), explained["file"]["key"].clone())
        })
    };
    let explained_before = explained(&growing);

    let report = growing.json(&["compact"]);
    let fact = of_table(&report, FACT);
    assert_eq!(
        ("joined", packets, 1),
        (
            fact["status"].as_str().unwrap(),
            fact["files_before"].as_u64().unwrap(),
            fact["files_after"].as_i64().unwrap()
        )
    );
    assert!(fact["bytes_after"].as_u64() < fact["bytes_before"].as_u64(), "{fact}");
    for (reader, before) in READERS.iter().zip(&before) {
        before.assert_same(&growing.export(reader, FACT));
    }
    for (before, after) in explained_before.iter().zip(explained(&growing)) {
        assert_eq!((&before.0, &before.1), (&after.0, &after.1), "the same row of the same line");
        assert_ne!(before.2, after.2, "in another file");
    }
    for action in last_entry(&growing, FACT) {
        for kind in ["add", "remove"].into_iter().filter_map(|kind| action.get(kind)) {
            assert_eq!(false, kind["dataChange"], "{action}");
        }
        action.get("commitInfo").inspect(|info| assert_eq!("OPTIMIZE", info["operation"], "{info}"));
    }

    let report = growing.json(&["compact"]);
    assert!(report["tables"].as_array().unwrap().iter().all(|table| table["status"] == "unchanged"), "{report}");
    assert!(growing.done(&["compact", "--table", FACT]).contains("nothing to join"));

    for _ in 0..2 {
        growing.grow();
        growing.done(&["sync"]);
    }
    assert_eq!(rows + 4, growing.export("duckdb", FACT).rows);
    assert_eq!(3, of_table(&growing.json(&["compact"]), FACT)["files_joined"]);
    assert_eq!(rows + 4, growing.export("polars", FACT).rows);
}

#[test]
fn the_rows_of_a_joined_file_lie_in_the_order_of_the_packets_and_it_says_where_they_come_from() {
    const LOOK: &str = "\
import pyarrow.parquet as pq, sys
file = pq.ParquetFile(sys.argv[1])
assert file.read()['sales_record_id'].to_pylist() == list(range(1, 13))
metadata = {key.decode(): value.decode() for key, value in file.metadata.metadata.items()}
assert metadata['star:input'] == 'sales_order/00000001..00000006', metadata
assert metadata['star:plugin'] == 'fact_sales_order' and len(metadata['star:plugin-digest']) == 64, metadata
";
    let growing = Growing::with_packets(6);
    growing.done(&["compact"]);
    let joined = growing.parquet_files(FACT).into_iter().find(|name| name.starts_with("00000001-00000006-")).unwrap();
    let path = growing.path("lake/star").join(FACT).join(joined);
    let looked = Command::new(readers()).args(["-c", LOOK]).arg(path).output().unwrap();
    assert!(looked.status.success(), "{}", said(&looked));
}

#[test]
fn a_run_that_is_killed_costs_nothing() {
    for (step, is_committed) in [("joined-stored", false), ("joined-committed", true)] {
        let mut growing = Growing::with_packets(4);
        growing.killed(&["compact"], step);
        assert_eq!(8, growing.export("deltalake", FACT).rows, "{step}");
        growing.ingest();
        growing.done(&["process"]);
        let fact = growing.json(&["compact", "--table", FACT]);
        assert_eq!(if is_committed { 2 } else { 5 }, of_table(&fact, FACT)["files_joined"], "{step}");
        assert_eq!(10, growing.export("deltalake", FACT).rows, "{step}");
    }
}

#[test]
fn processes_and_compactions_at_the_same_time_lose_nothing() {
    let mut growing = Growing::with_packets(3);
    for _ in 0..6 {
        growing.ingest();
        let commands = ["process", "compact", "compact", "process"];
        let children = commands.map(|command| growing.command(&[command]).stdout(Stdio::null()).spawn().unwrap());
        children.into_iter().for_each(|mut child| assert!(child.wait().unwrap().success()));
    }
    growing.done(&["compact"]);
    let exported = growing.export("deltalake", FACT);
    assert_eq!(18, exported.rows);
    exported.assert_same(&growing.export("duckdb", FACT));
    let other = Growing::with_packets(9);
    exported.assert_same(&other.export("deltalake", FACT));
}

#[test]
fn deletions_are_joined_too() {
    let mut growing = Growing::with_packets(3);
    for _ in 0..3 {
        growing.lose_an_order();
        growing.done(&["reconcile"]);
        growing.done(&["process"]);
    }
    let before = growing.export("deltalake", "deletions");
    let report = growing.json(&["compact"]);
    assert_eq!(
        (3, 1),
        (
            of_table(&report, "deletions")["files_before"].as_i64().unwrap(),
            of_table(&report, "deletions")["files_after"].as_i64().unwrap()
        )
    );
    before.assert_same(&growing.export("deltalake", "deletions"));
    growing.lose_an_order();
    growing.done(&["reconcile"]);
    growing.done(&["process"]);
    assert_eq!(4, growing.export("duckdb", "deletions").rows);
}

#[test]
fn what_can_not_be_joined_is_told() {
    let growing = Growing::new();
    assert!(growing.done(&["compact"]).contains("there are no fact tables yet"));
    assert!(!growing.path("lake/star").exists());
    let growing = Growing::with_packets(1);
    for table in ["dim_date", "nothing"] {
        let output = growing.command(&["compact", "--table", table]).output().unwrap();
        assert_eq!(Some(3), output.status.code());
        let expected = format!("error[unknown-table]: there is no fact table `{table}`");
        assert!(said(&output).contains(&expected), "{}", said(&output));
    }
}
