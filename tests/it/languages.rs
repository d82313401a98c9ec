//! The plugins in other languages than Rust: each passes the cases of the one in Rust, and gives the same for awkward rows.

use crate::cases::{Reject, lines, rows, run_cases};
use host::config::Config;
use host::input::{Input, LookupsBuilder};
use host::sandbox::{Cache, Limits, Plugin, Sandbox};
use host::transform::{RunOptions, run_plugin};
use serde_json::Value;
use std::path::Path;
use tests::tools::{cache_folder, plugin, plugin_in, run_host, workspace, write_totesys};
use totesys::Style;

/// The plugin that each language has.
const NAME: &str = "fact_sales_order";

#[test]
fn a_plugin_in_python_gives_what_that_in_rust_gives() {
    gives_what_that_in_rust_gives("python");
}

#[test]
fn a_plugin_in_javascript_gives_what_that_in_rust_gives() {
    gives_what_that_in_rust_gives("javascript");
}

fn gives_what_that_in_rust_gives(language: &str) {
    let sandbox = Sandbox::new(2, Cache::open(&cache_folder())).unwrap();
    let config = workspace().join("plugins").join(language).join("host.toml");
    let limits = Config::read(Some(&config), std::iter::empty()).unwrap().limits(NAME).unwrap();
    let in_language = sandbox.load(&plugin_in(language, NAME), limits).unwrap();
    assert!(run_cases(&in_language, NAME) >= 2);
    passes_the_test_command(language);

    let in_rust = sandbox.load(&plugin(NAME), Limits::default()).unwrap();
    assert_eq!(in_language.manifest().star_tables, in_rust.manifest().star_tables);
    assert_eq!(in_language.manifest().source_columns, in_rust.manifest().source_columns);
    let folder = tempfile::tempdir().unwrap();
    write_totesys(folder.path(), 2_000, Style::Dump, true);
    let input = folder.path().join("sales_order.jsonl");
    assert_eq!(run(&in_language, &input), run(&in_rust, &input));
}

/// As a person runs them.
fn passes_the_test_command(language: &str) {
    let config = format!("plugins/{language}/host.toml");
    let component = plugin_in(language, NAME).display().to_string();
    let cases = format!("plugins/{NAME}/cases");
    let test = ["--config", &config, "plugin", "test", &component, "--cases", &cases];
    let over_budget = run_host(workspace(), &test);
    assert_eq!(over_budget.status.code(), Some(2), "the budgets are those of the plugin in Rust");
    let output = run_host(workspace(), &[&test[..], &["--ignore-fuel"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

/// The rows and rejects that a plugin makes of a file.
fn run(plugin: &Plugin, input: &Path) -> (Vec<Value>, Vec<Reject>) {
    let out = tempfile::tempdir().unwrap();
    let options =
        RunOptions { budget: "100%".parse().unwrap(), out: Some(out.path().to_owned()), ..RunOptions::default() };
    let lookups = LookupsBuilder::default().read(plugin.manifest()).unwrap();
    run_plugin(plugin, &Input::File(input.to_owned()), &lookups, &options, &|_| {}).unwrap();
    (rows(&out.path().join(format!("{NAME}.parquet"))), lines(&out.path().join("rejects.jsonl")))
}
