//! What can stand on the command line.

mod compact;
mod explain;
mod lake;
mod plugin;
mod process;
mod rejects;

pub(crate) use compact::CompactArguments;
pub(crate) use explain::ExplainArguments;
pub(crate) use lake::{GcArguments, IngestArguments, ReconcileArguments, StatusArguments, parse_moment};
pub(crate) use plugin::{
    DevArguments, DiffArguments, NewArguments, PackageArguments, PluginCommand, PublishArguments, RollbackArguments,
    RowsArguments, StoreArguments, TestArguments,
};
pub(crate) use process::{ProcessArguments, ReplayArguments, SyncArguments};
pub(crate) use rejects::RejectsArguments;

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
Bring a database, or a folder of <table>.jsonl, into a lake:
  HOST_SOURCE_URL=dir:./tables host ingest
  host status

Begin with the rows of a table:
  host plugin new fact_return --from return.jsonl
  host plugin test fact_return
  host run --plugin plugins/fact_return --input return.jsonl

Exit codes:
  0  done
  1  the answer is no: more rows were rejected than the budget allows, two plugins differ, a change breaks readers
  2  the plugin is at fault
  3  bad input or configuration
  4  wrong command line
  5  the surroundings failed; to try again may help";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a plugin over a file of JSON Lines, and look at the result.
    #[command(after_help = RUN_EXAMPLES)]
    Run(RunArguments),
    /// Bring the rows that changed in the source into the raw lake, as packets.
    #[command(after_help = lake::INGEST_EXAMPLES)]
    Ingest(IngestArguments),
    /// Bring the star tables up to date with the packets of the raw lake.
    #[command(after_help = process::PROCESS_EXAMPLES)]
    Process(ProcessArguments),
    /// Ingest, then process: once, or again and again.
    #[command(after_help = process::SYNC_EXAMPLES)]
    Sync(SyncArguments),
    /// Make star tables again from their packets.
    #[command(after_help = process::REPLAY_EXAMPLES)]
    Replay(ReplayArguments),
    /// Look whether the lake and the star tables are whole, and fit each other.
    #[command(after_help = process::VERIFY_EXAMPLES)]
    Verify,
    /// Show where a row of a star table comes from: its line, its packet, the plugin and the file.
    #[command(after_help = explain::EXPLAIN_EXAMPLES)]
    Explain(ExplainArguments),
    /// Show which rows were rejected, and why; or run them through the plugin that is in force now.
    #[command(after_help = rejects::REJECTS_EXAMPLES)]
    Rejects(RejectsArguments),
    /// Compare the whole source with the lake: bring what differs, and the keys that are gone.
    #[command(after_help = lake::RECONCILE_EXAMPLES)]
    Reconcile(ReconcileArguments),
    /// Show where each table stands.
    Status(StatusArguments),
    /// Remove from the lake what belongs to no packet and is older than two days, and from the star tables what they no longer
    /// need.
    #[command(after_help = lake::GC_RULES)]
    Gc(GcArguments),
    /// Join the small files of fact tables, so that readers have few to open.
    #[command(after_help = compact::COMPACT_EXAMPLES)]
    Compact(CompactArguments),
    /// Write, test, compare and publish plugins.
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Watch a plugin's crate: build and run it again at each change, and show the output rows that changed.
    #[command(after_help = DEV_EXAMPLE)]
    Dev(DevArguments),
}

const DEV_EXAMPLE: &str = "\
Example:
  host dev --plugin plugins/fact_sales_order --input sales_order.jsonl
Then edit `plugins/fact_sales_order/src/lib.rs`, and save. Control-C ends it.";

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
    /// The plugin: a component (`P.wasm`), the folder of its crate, which is built first, or the name of a published plugin.
    #[arg(long, value_name = "PLUGIN")]
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

fn parse_input(text: &str) -> Result<Input, YearsError> {
    Input::parse(text)
}

fn parse_lookup(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((table, path)) if !table.is_empty() && !path.is_empty() => Ok((table.to_owned(), path.into())),
        _ => Err("expected the name of a table and a file, as `department=department.jsonl`".to_owned()),
    }
}
