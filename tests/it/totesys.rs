//! The eleven plugins over a made-up ToteSys: every cell against independent SQL, and the same bytes whatever the threads and
//! cuts.

use std::fs;
use std::path::Path;
use std::process::Command;
use tests::tools::{PLUGINS, python, run_arguments, run_host, workspace, write_totesys};
use totesys::Style;

fn run(plugin: &str, raw: &Path, out: &Path, more: &[&str]) {
    let arguments = run_arguments(plugin, raw, out);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
    let output = run_host(raw, &arguments);
    assert!(output.status.success(), "{plugin}: {}", String::from_utf8_lossy(&output.stderr));
}

fn every_cell_equals_the_oracle(style: Style, hard: bool) {
    let folder = tempfile::tempdir().unwrap();
    let (raw, star) = (folder.path().join("raw"), folder.path().join("star"));
    write_totesys(&raw, 2_000, style, hard);
    for plugin in PLUGINS {
        run(plugin, &raw, &star, &[]);
    }
    let compare = workspace().join("tests/oracle/compare.py");
    let compared =
        Command::new(python()).arg(compare).args([&raw, &star]).args(["--calendar", "2022..2027"]).output().unwrap();
    let said = String::from_utf8_lossy(&compared.stdout);
    assert!(compared.status.success(), "{said}{}", String::from_utf8_lossy(&compared.stderr));
    assert!(!said.contains("skipped"), "{said}");
}

#[test]
fn every_cell_of_plain_rows_equals_the_oracle() {
    every_cell_equals_the_oracle(Style::Compact, false);
}

#[test]
fn every_cell_of_awkward_rows_equals_the_oracle() {
    every_cell_equals_the_oracle(Style::Compact, true);
}

#[test]
fn every_cell_of_rows_with_spaces_and_escapes_equals_the_oracle() {
    every_cell_equals_the_oracle(Style::Dump, true);
}

#[test]
fn threads_cuts_and_repetition_change_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let raw = folder.path().join("raw");
    write_totesys(&raw, 3_000, Style::Compact, true);
    for plugin_name in ["fact_sales_order", "dim_transaction", "dim_staff"] {
        let bytes = |more: &[&str]| {
            let out = folder.path().join("out");
            run(plugin_name, &raw, &out, more);
            let parquet = fs::read(out.join(format!("{plugin_name}.parquet"))).unwrap();
            (parquet, fs::read(out.join("rejects.jsonl")).unwrap())
        };
        let expected = bytes(&["--threads", "1"]);
        let ways: [&[&str]; 8] = [
            &["--threads", "1"],
            &["--threads", "2"],
            &["--threads", "8"],
            &["--chunk-lines", "1", "--threads", "2"],
            &["--chunk-lines", "7", "--threads", "8"],
            &["--chunk-bytes", "65536", "--threads", "2"],
            &["--chunk-bytes", "4194304", "--threads", "2"],
            &["--chunk-bytes", "1000", "--threads", "3"],
        ];
        for way in ways {
            assert!(bytes(way) == expected, "{plugin_name} with {way:?}");
        }
    }
}
