//! The golden cases of each plugin, through the host: lines in, Parquet and rejects out.

use host::input::{ChunkLimits, Input, LookupsBuilder};
use host::sandbox::{Limits, Plugin, Sandbox};
use host::transform::{RunOptions, run_plugin};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;
use tests::tools::{PLUGINS, plugin, python, workspace};

#[test]
fn each_case_gives_the_rows_and_rejects_that_it_says() {
    let sandbox = Sandbox::new(2, None).unwrap();
    let mut cases = 0;
    for name in PLUGINS {
        let plugin = sandbox.load(&plugin(name), Limits::default()).unwrap();
        cases += run_cases(&plugin, name);
    }
    assert!(cases >= 2 * PLUGINS.len(), "each plugin has two cases at least, there are {cases}");
}

/// Runs the cases of the plugin `name` on `plugin`, which may be another one that does the same. Gives their number.
pub(crate) fn run_cases(plugin: &Plugin, name: &str) -> usize {
    let cases = fs::read_dir(workspace().join("plugins").join(name).join("cases")).unwrap();
    cases.map(|case| run_case(plugin, &case.unwrap().path())).count()
}

fn run_case(plugin: &Plugin, case: &Path) {
    let out = tempfile::tempdir().unwrap();
    let mut lookups = LookupsBuilder::default();
    for lookup in &plugin.manifest().lookups {
        lookups = lookups.file(lookup.table.clone(), case.join("lookup").join(format!("{}.jsonl", lookup.table)));
    }
    let options = RunOptions {
        threads: 2,
        chunk: ChunkLimits { bytes_max: 1024 * 1024, lines_max: 2 },
        budget: "1000".parse().unwrap(),
        out: Some(out.path().to_owned()),
        ..RunOptions::default()
    };
    let mut files = fs::read_dir(case.join("input")).unwrap();
    let input = Input::File(files.next().unwrap().unwrap().path());
    assert!(files.next().is_none(), "{}: a run has one input", case.display());
    let lookups = lookups.read(plugin.manifest()).unwrap();
    run_plugin(plugin, &input, &lookups, &options, &|_| {})
        .unwrap_or_else(|error| panic!("{}: {error}", case.display()));
    for table in &plugin.manifest().star_tables {
        let expected: Vec<Value> = lines(&case.join("expected").join(format!("{}.jsonl", table.name)));
        let found = rows(&out.path().join(format!("{}.parquet", table.name)));
        assert_eq!(found, expected, "{}", case.display());
    }
    let expected: Vec<Reject> = lines(&case.join("expected/rejects.jsonl"));
    let found: Vec<Reject> = lines(&out.path().join("rejects.jsonl"));
    assert_eq!(found, expected, "{}", case.display());
}

/// What a case says of a reject; the row itself may hold numbers that no program takes.
#[derive(Debug, PartialEq, Deserialize)]
pub(crate) struct Reject {
    line: u64,
    code: String,
    column: Option<String>,
}

/// The JSON of each line; none where there is no file.
pub(crate) fn lines<T: DeserializeOwned>(path: &Path) -> Vec<T> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The rows of a Parquet file, read by DuckDB, in the form of the cases.
pub(crate) fn rows(path: &Path) -> Vec<Value> {
    const SCRIPT: &str = "
import datetime, decimal, duckdb, json, sys
def cell(value):
    if isinstance(value, decimal.Decimal): return float(value)
    if isinstance(value, datetime.time): return value.isoformat('microseconds')
    if isinstance(value, datetime.date): return value.isoformat()
    return value
result = duckdb.sql(f\"select * from '{sys.argv[1]}'\")
for row in result.fetchall():
    print(json.dumps(dict(zip(result.columns, map(cell, row)))))
";
    let output = Command::new(python()).args(["-c", SCRIPT]).arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
