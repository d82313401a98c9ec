//! Faults that are planted into a lake and its star tables, one at a time, and found.

use crate::star::fixture::{Days, command};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;
use tests::tools::assert_done;

/// A lake with star tables that are up to date: `raw`, `checkpoints` and `star` in one folder.
fn whole() -> &'static Path {
    static MADE: OnceLock<TempDir> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        copy(&Days::shared().last(), folder.path());
        // The first day by itself, so that there are commits to take back.
        assert_done(&command(&Days::shared().first(), folder.path(), &["process"]).output().unwrap());
        assert_done(&command(folder.path(), folder.path(), &["process"]).output().unwrap());
        folder
    })
    .path()
}

fn copy(from: &Path, to: &Path) {
    let all = format!("{}/.", from.display());
    assert!(Command::new("cp").arg("-r").args([all.as_ref(), to.as_os_str()]).status().unwrap().success());
}

/// What a verification finds after `plant` has been at the lake: kinds and tables.
fn findings(plant: impl FnOnce(&Path)) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    copy(whole(), folder.path());
    plant(folder.path());
    let output = command(folder.path(), folder.path(), &["verify", "--json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(Some(i32::from(!findings.is_empty())), output.status.code());
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    findings.iter().map(|finding| (text(finding, "kind"), text(finding, "table"))).collect()
}

/// Asserts that a fault is found, of its kind and in its table.
fn assert_found(kind: &str, table: &str, plant: impl FnOnce(&Path)) {
    let findings = findings(plant);
    assert!(findings.contains(&(kind.to_owned(), table.to_owned())), "{kind} in {table}: {findings:?}");
}

/// The only data object of a packet.
fn data_object(lake: &Path, table: &str, sequence: u64) -> PathBuf {
    let manifest = fs::read(lake.join(format!("raw/{table}/packets/{sequence:08}.packet.json"))).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    lake.join("raw").join(manifest["data"][0]["key"].as_str().unwrap())
}

fn flip_byte(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// The data files of a star table, by name.
fn star_files(lake: &Path, table: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(lake.join("star").join(table)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|ending| ending == "parquet")).collect();
    files.sort();
    files
}

/// The entries of a star table's log, in order.
fn log(lake: &Path, table: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(lake.join("star").join(table).join("_delta_log")).unwrap();
    let mut entries: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    entries.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    entries.sort();
    entries
}

/// Adds an entry to a star table's log, as somebody else would.
fn append(lake: &Path, table: &str, actions: &[Value]) {
    let entries = log(lake, table);
    let path = entries[0].with_file_name(format!("{:020}.json", entries.len()));
    let lines: Vec<String> = actions.iter().map(Value::to_string).collect();
    fs::write(path, lines.join("\n")).unwrap();
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

fn remove_action(path: &Path) -> Value {
    json!({ "remove": { "path": name(path), "deletionTimestamp": 0, "dataChange": true } })
}

#[test]
fn a_lake_without_faults_is_well() {
    assert_eq!(Vec::<(String, String)>::new(), findings(|_| {}));
}

#[test]
fn a_flipped_byte_of_a_packet_is_found() {
    assert_found("damaged-object", "sales_order", |lake| flip_byte(&data_object(lake, "sales_order", 2)));
}

#[test]
fn a_flipped_byte_of_a_star_file_is_found() {
    assert_found("damaged-file", "fact_payment", |lake| flip_byte(&star_files(lake, "fact_payment")[0]));
}

#[test]
fn a_data_object_that_is_missing_is_found() {
    assert_found("missing-object", "design", |lake| fs::remove_file(data_object(lake, "design", 1)).unwrap());
}

#[test]
fn a_manifest_that_is_missing_at_the_end_is_found_by_the_checkpoint() {
    assert_found("checkpoint-ahead", "sales_order", |lake| {
        let mut packets: Vec<_> =
            fs::read_dir(lake.join("raw/sales_order/packets")).unwrap().map(|entry| entry.unwrap().path()).collect();
        packets.sort();
        fs::remove_file(packets.last().unwrap()).unwrap();
    });
}

#[test]
fn a_gap_in_the_sequence_is_found() {
    assert_found("sequence-gap", "sales_order", |lake| {
        fs::remove_file(lake.join("raw/sales_order/packets/00000002.packet.json")).unwrap();
    });
}

#[test]
fn a_fact_file_that_is_missing_is_found() {
    assert_found("missing-file", "fact_sales_order", |lake| {
        fs::remove_file(&star_files(lake, "fact_sales_order")[1]).unwrap();
    });
}

#[test]
fn a_fact_file_that_is_there_twice_is_found() {
    assert_found("doubled-record", "fact_sales_order", |lake| {
        let file = &star_files(lake, "fact_sales_order")[0];
        let twice = file.with_file_name(name(file).replacen("00000001", "00000009", 1));
        fs::copy(file, &twice).unwrap();
        let bytes = fs::metadata(&twice).unwrap().len();
        let rows = log_rows(lake, "fact_sales_order", &name(file));
        append(lake, "fact_sales_order", &[add_action(&twice, bytes, rows)]);
    });
}

fn add_action(path: &Path, bytes: u64, rows: u64) -> Value {
    json!({ "add": {
        "path": name(path), "partitionValues": {}, "size": bytes, "modificationTime": 0, "dataChange": true,
        "stats": json!({ "numRecords": rows }).to_string(),
    } })
}

/// How many rows the log says that a file has.
fn log_rows(lake: &Path, table: &str, file: &str) -> u64 {
    let actions = log(lake, table).into_iter().flat_map(|entry| {
        let text = fs::read_to_string(entry).unwrap();
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>()
    });
    let added = actions.map(|action| action["add"].clone()).find(|add| add["path"] == file).unwrap();
    let stats: Value = serde_json::from_str(added["stats"].as_str().unwrap()).unwrap();
    stats["numRecords"].as_u64().unwrap()
}

#[test]
fn a_gap_in_the_record_ids_is_found() {
    assert_found("missing-record", "fact_purchase_order", |lake| {
        let file = star_files(lake, "fact_purchase_order").remove(0);
        append(lake, "fact_purchase_order", &[remove_action(&file)]);
    });
}

#[test]
fn a_reference_to_a_row_that_is_not_there_is_found() {
    assert_found("dangling-reference", "fact_sales_order", |lake| {
        let file = star_files(lake, "dim_currency").remove(0);
        append(lake, "dim_currency", &[remove_action(&file)]);
    });
}

#[test]
fn a_dimension_that_is_behind_its_table_is_found() {
    assert_found("stale-dimension", "dim_design", |lake| {
        fs::remove_file(log(lake, "dim_design").last().unwrap()).unwrap();
    });
}

#[test]
fn a_dimension_with_other_rows_than_its_packets_is_found() {
    assert_found("stale-dimension", "dim_transaction", |lake| {
        let newest = fs::read_to_string(log(lake, "dim_transaction").last().unwrap()).unwrap();
        let actions = newest.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let added = actions.map(|action| action["add"].clone()).find(|add| add.is_object()).unwrap();
        append(lake, "dim_transaction", &[remove_action(Path::new(added["path"].as_str().unwrap()))]);
    });
}

#[test]
fn a_dimension_that_is_behind_a_table_that_it_looks_up_is_found() {
    assert_found("stale-lookup", "dim_staff", |lake| {
        fs::remove_file(log(lake, "dim_staff").last().unwrap()).unwrap();
    });
}

#[test]
fn a_number_of_rows_that_is_wrong_is_found() {
    assert_found("wrong-count", "fact_payment", |lake| {
        let entry = log(lake, "fact_payment").remove(1);
        let text = fs::read_to_string(&entry).unwrap();
        fs::write(&entry, text.replacen("\\\"numRecords\\\":", "\\\"numRecords\\\":1", 1)).unwrap();
    });
}

#[test]
fn a_range_that_does_not_hold_the_values_of_its_column_is_found() {
    let edits: [(&str, &str, Value); 6] = [
        ("minValues", "payment_id", 1_000_000.into()),
        ("maxValues", "payment_id", 0.into()),
        ("minValues", "payment_date", "2999-01-01".into()),
        ("maxValues", "created_date", "1999-12-31".into()),
        ("maxValues", "payment_amount", 0.01.into()),
        ("nullCount", "payment_id", 1.into()),
    ];
    for (end, column, value) in edits {
        assert_found("wrong-range", "fact_payment", |lake| {
            let entry = log(lake, "fact_payment").remove(1);
            let text = fs::read_to_string(&entry).unwrap();
            let edited = text.lines().map(|line| {
                let mut action: Value = serde_json::from_str(line).unwrap();
                if let Some(text) = action.pointer("/add/stats").and_then(Value::as_str) {
                    let mut stats: Value = serde_json::from_str(text).unwrap();
                    assert!(stats[end][column] != Value::Null, "{stats}");
                    stats[end][column] = value.clone();
                    action["add"]["stats"] = stats.to_string().into();
                }
                format!("{action}\n")
            });
            let edited: String = edited.collect();
            fs::write(&entry, edited).unwrap();
        });
    }
}

#[test]
fn a_checkpoint_that_is_ahead_of_the_lake_is_found() {
    assert_found("checkpoint-ahead", "currency", |lake| {
        let path = lake.join("checkpoints/currency.json");
        let mut checkpoint: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        checkpoint["sequence"] = 9.into();
        fs::write(path, checkpoint.to_string()).unwrap();
    });
}
