//! `host plugin diff`, held against a join in DuckDB.

use super::{document, stdout};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use tests::shipped_guest;
use tests::tools::{plugin, python, run_host, workspace, write_totesys};
use totesys::Style;

/// What DuckDB says of the files that two runs wrote: rows of both with and without a difference, of one alone, and the
/// differing rows of each column.
fn joined(old: &Path, new: &Path) -> Value {
    let script = workspace().join("tests/oracle/join.py");
    let output = Command::new(python()).arg(script).args([old, new]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What `host plugin diff` says, in the same form.
fn compared(report: &Value) -> Value {
    let table = &report["tables"][0];
    let columns = table["columns"].as_array().unwrap();
    let columns: serde_json::Map<_, _> =
        columns.iter().map(|column| (column["column"].as_str().unwrap().to_owned(), column["rows"].clone())).collect();
    json!({
        "same": table["same"], "changed": table["changed"], "added": table["added"], "gone": table["gone"],
        "columns": columns,
    })
}

fn folder(guest: &str, hard: bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_totesys(folder.path(), 20_000, Style::Compact, hard);
    fs::copy(plugin("fact_sales_order"), folder.path().join("old.wasm")).unwrap();
    fs::copy(shipped_guest(guest), folder.path().join("new.wasm")).unwrap();
    folder
}

/// Runs both versions, and holds the comparison against DuckDB's.
fn agrees_with_duckdb(guest: &str) -> Value {
    let folder = folder(guest, true);
    for side in ["old", "new"] {
        let plugin = format!("{side}.wasm");
        let run = ["run", "--plugin", &plugin, "--input", "sales_order.jsonl", "--max-rejects", "100%", "--out", side];
        let output = run_host(folder.path(), &run);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let file = |side: &str| folder.path().join(side).join("fact_sales_order.parquet");
    let diff = ["plugin", "diff", "old.wasm", "new.wasm", "--input", "sales_order.jsonl", "--json"];
    let output = run_host(folder.path(), &diff);
    let report = document(&output);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(compared(&report), joined(&file("old"), &file("new")));
    report
}

#[test]
fn changed_and_gone_rows_and_columns_are_counted_as_a_join_counts_them() {
    let report = agrees_with_duckdb("orders_changed");
    let table = &report["tables"][0];
    assert!(table["changed"].as_u64() > Some(1_000) && table["gone"].as_u64() > Some(10), "{table:#}");
    assert_eq!(report["rejects"]["new"], table["gone"], "a row is gone where its line is rejected now");
    assert!(report["old"]["fuel_per_row"].as_f64() > Some(100.0) && report["new"]["usage"]["memory_bytes"].is_u64());
    let sample = &table["columns"][0]["samples"][0];
    assert!(sample["line"].is_u64() && sample["row"].as_str().unwrap().starts_with("sales_record_id="), "{sample:#}");
}

#[test]
fn rows_whose_keys_moved_to_other_lines_are_paired_over_the_whole_input() {
    let report = agrees_with_duckdb("orders_shifted");
    let table = &report["tables"][0];
    assert_eq!((&table["added"], &table["gone"]), (&json!(1), &json!(1)), "the first key and the last");
}

#[test]
fn the_same_plugin_differs_in_nothing_whatever_the_threads() {
    let folder = folder("orders_changed", false);
    let same = ["plugin", "diff", "old.wasm", "old.wasm", "--input", "sales_order.jsonl"];
    let output = run_host(folder.path(), &same);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).ends_with("\nnothing differs\n"));
    let diff =
        ["plugin", "diff", "old.wasm", "new.wasm", "--input", "sales_order.jsonl", "sales_order.jsonl", "--json"];
    let report = |threads: &str| {
        let mut report = document(&run_host(folder.path(), &[&diff[..], &["--threads", threads]].concat()));
        report["seconds"] = Value::Null;
        report
    };
    let one = report("1");
    assert_eq!(one, report("5"));
    assert_eq!(one["records"], 40_000, "both inputs");
}

#[test]
fn without_rows_the_schemas_are_compared_and_a_lookup_that_neither_has_is_refused() {
    let folder = folder("orders_changed", false);
    fs::copy(plugin("dim_staff"), folder.path().join("staff.wasm")).unwrap();
    let output = run_host(folder.path(), &["plugin", "diff", "old.wasm", "staff.wasm", "--json"]);
    let report = document(&output);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(report["schema_changes"][0]["place"], "fact_sales_order");
    assert_eq!((&report["breaks"], &report["records"]), (&json!(true), &json!(0)));
    let output = run_host(folder.path(), &["plugin", "diff", "old.wasm", "new.wasm", "--lookup", "address=a.jsonl"]);
    assert_eq!(output.status.code(), Some(4));
}
