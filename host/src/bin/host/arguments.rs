//! What can stand on the command line.

use clap::{Args, Parser, Subcommand};
use host::input::{Input, YearsError};
use host::reject::RejectBudget;
use std::path::PathBuf;

/// Runs sandboxed WebAssembly transforms over the raw rows of a database, table by table.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 110, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// Print one JSON document in place of text for people.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The configuration; `host.toml` in this folder if left out, where there is one.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  more rows were rejected than the budget allows
  2  the plugin is at fault
  3  bad input or configuration
  4  wrong command line
  5  the surroundings failed; to try again may help";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a plugin over a file of JSON Lines, and look at the result.
    #[command(after_help = RUN_EXAMPLES)]
    Run(RunArguments),
    /// Make plugins, and look at them.
    #[command(subcommand)]
    Plugin(PluginCommand),
}

const RUN_EXAMPLES: &str = "\
Examples:
  A first look, nothing is written:
    host run --plugin plugins/dist/fact_sales_order.wasm --input sales_order.jsonl --limit 100
  Parquet files and rejects into a folder:
    host run --plugin plugins/dist/fact_sales_order.wasm --input sales_order.jsonl --out out/
  A dimension that looks rows up in another table:
    host run --plugin plugins/dist/dim_staff.wasm --input staff.jsonl --lookup department=department.jsonl
  The calendar, from the first day of one year to the last of another:
    host run --plugin plugins/dist/dim_date.wasm --input calendar:2022..2027 --out out/
  From a pipe:
    zcat sales_order.jsonl.gz | host run --plugin plugins/dist/fact_sales_order.wasm --input -";

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// The plugin: a WebAssembly component.
    #[arg(long, value_name = "P.wasm")]
    pub(crate) plugin: PathBuf,
    /// The rows: a file of JSON Lines, `-` for the standard input, or `calendar:2022..2027` for the days of these years.
    #[arg(long, value_name = "F.jsonl", value_parser = parse_input)]
    pub(crate) input: Input,
    /// The rows of a table that the plugin looks rows up in; once for each such table.
    #[arg(long = "lookup", value_name = "TABLE=F.jsonl", value_parser = parse_lookup)]
    pub(crate) lookups: Vec<(String, PathBuf)>,
    /// Write `DIR/<star table>.parquet` and `DIR/rejects.jsonl`.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Read at most so many rows.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// How many threads work; one for each processor if left out. The result is the same with any number.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: Option<u16>,
    /// How many rejects are too many: a number of rows, or a share of them as `1%`. Left out: 20 rows or 1 %, whichever is
    /// more; and 5 rows or more are also held when all of them are rejected.
    #[arg(long, value_name = "N|P%")]
    pub(crate) max_rejects: Option<RejectBudget>,
    /// The number of the first record: the first record id of a fact table.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=i64::MAX as u64))]
    pub(crate) first_record: u64,
    /// Hand the plugin at most so many bytes of lines at a time. The result is the same with any number.
    #[arg(long, value_name = "N", default_value_t = host::input::ChunkLimits::default().bytes_max, hide_short_help = true)]
    pub(crate) chunk_bytes: usize,
    /// Hand the plugin at most so many lines at a time. The result is the same with any number.
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub(crate) chunk_lines: Option<usize>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    /// Show what a plugin reads and writes.
    Describe {
        /// The plugin: a WebAssembly component.
        #[arg(value_name = "P.wasm")]
        plugin: PathBuf,
    },
    /// Make a plugin of the rows that it is to read: code, and a test with some of the rows.
    #[command(after_help = NEW_EXAMPLES)]
    New(NewArguments),
}

const NEW_EXAMPLES: &str = "\
The types of the columns are those that all lines of the file have. Some of the lines are copied into the plugin's test.

The plugin is the crate `plugins/NAME`, in the workspace of plugins that this folder lies in. Where there is none, this \
folder becomes one, with the SDK in it; it then builds with cargo alone. Nothing that is there is overwritten.

Examples:
  A fact: a row for each version of an order, numbered in the order of arrival:
    host plugin new fact_sales_order --from sales_order.jsonl
  A dimension: a row for each member of staff, known by `staff_id`; the file has another name than the table:
    host plugin new dim_staff --from export.jsonl --table staff";

#[derive(Debug, Args)]
pub(crate) struct NewArguments {
    /// The star table and the plugin: `fact_` or `dim_`, and words of lower-case letters and digits with `_` between.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Rows of the source table: a file of JSON Lines.
    #[arg(long, value_name = "F.jsonl")]
    pub(crate) from: PathBuf,
    /// The source table; the name of the file without its ending if left out.
    #[arg(long, value_name = "T")]
    pub(crate) table: Option<String>,
}

fn parse_input(text: &str) -> Result<Input, YearsError> {
    Input::parse(text)
}

fn parse_lookup(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((table, path)) if !table.is_empty() && !path.is_empty() => Ok((table.to_owned(), path.into())),
        _ => Err("expected the name of a table and a file, as `department=department.jsonl`".to_owned()),
    }
}
