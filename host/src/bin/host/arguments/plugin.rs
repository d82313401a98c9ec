//! What can stand behind `host plugin` and `host dev`.

use super::{parse_input, parse_lookup};
use clap::{Args, Subcommand};
use host::config::ObjectPlace;
use host::input::Input;
use host::reject::RejectBudget;
use std::path::PathBuf;

/// What the commands for plugins take as a plugin.
const PLUGIN: &str = "The plugin: a component (`P.wasm`), the folder of its crate, which is built first, or the name of a \
                      published plugin or else of a crate";

#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    /// Show what a plugin reads and writes.
    Describe {
        #[arg(value_name = "PLUGIN", help = PLUGIN)]
        plugin: PathBuf,
    },
    /// Make a plugin of the rows that it is to read: code, and a case with some of the rows.
    #[command(after_help = NEW_EXAMPLES)]
    New(NewArguments),
    /// Build a plugin and run its cases; record real lines as a case; try hard inputs.
    #[command(after_help = TEST_EXAMPLES)]
    Test(TestArguments),
    /// Show what changes between two versions of a plugin: rows by key, columns, schema, rejects, cost.
    #[command(after_help = DIFF_EXAMPLES)]
    Diff(DiffArguments),
    /// Show what a plugin changes against the published version, and put it in force.
    #[command(after_help = PUBLISH_EXAMPLES)]
    Publish(PublishArguments),
    /// Put the version in force that was before.
    #[command(after_help = ROLLBACK_EXAMPLES)]
    Rollback(RollbackArguments),
    /// Compile components ahead of time, for the package of a function: `make lambda` does.
    #[command(after_help = PACKAGE_EXAMPLES)]
    Package(PackageArguments),
    /// Show the published plugins, or the history of one.
    List {
        /// The plugin.
        #[arg(value_name = "NAME")]
        name: Option<String>,
        #[command(flatten)]
        store: StoreArguments,
    },
}

const PACKAGE_EXAMPLES: &str = "\
Example:
  host plugin package plugins/dist/*.wasm --out package/plugins

Each component is put there under its digest, with the code that it compiles to on any processor of this machine's kind. A function \
whose package has a published plugin starts without compiling it; one that it lacks is fetched and compiled when it is first used.";

#[derive(Debug, Args)]
pub(crate) struct PackageArguments {
    /// The components.
    #[arg(value_name = "P.wasm", required = true)]
    pub(crate) components: Vec<PathBuf>,
    /// The folder `plugins` of the package.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
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

const TEST_EXAMPLES: &str = "\
A case is a folder in the crate's `cases/`: `input/*.jsonl`, `lookup/<table>.jsonl`, `expected/<star table>.jsonl`,
`expected/rejects.jsonl`, and `case.toml` with `story` and `fuel_max`.

Examples:
  All cases of all plugins here:
    host plugin test
  Take what the plugin makes now as what is expected:
    host plugin test fact_returns --bless
  Freeze two real lines into a case, the addresses replaced by stand-ins:
    host plugin test dim_staff --record staff.jsonl --lines 4,17 --mask email_address --lookup department=department.jsonl
  Does it keep the contract's rules on hard inputs?
    host plugin test fact_returns --fuzz
  A component in another language against the cases of a crate:
    host plugin test fact_returns.wasm --cases plugins/fact_returns/cases --ignore-fuel

Exit codes: 0 all is as expected, 2 a case or a rule is broken, 3 a case can't be read.";

#[derive(Debug, Args)]
pub(crate) struct TestArguments {
    /// The plugin: the name or folder of its crate, or a component (`P.wasm`); all crates in `plugins/` if left out.
    #[arg(value_name = "PLUGIN")]
    pub(crate) plugin: Option<PathBuf>,
    /// The folder of the cases; `cases` in the crate if left out.
    #[arg(long, value_name = "DIR", requires = "plugin")]
    pub(crate) cases: Option<PathBuf>,
    /// Run only this case; with `--record`, the name of the new one.
    #[arg(long, value_name = "NAME", value_parser = parse_case_name)]
    pub(crate) case: Option<String>,
    /// Take the rows, rejects and fuel of cases that fail, or that have no budget of fuel yet, as what is expected.
    #[arg(long)]
    pub(crate) bless: bool,
    /// Do not hold the fuel against the budget of a case: for a plugin in another language than that of the cases.
    #[arg(long, conflicts_with = "bless")]
    pub(crate) ignore_fuel: bool,
    /// Make a case of real lines of this file.
    #[arg(long, value_name = "F.jsonl", requires = "lines", requires = "plugin")]
    pub(crate) record: Option<PathBuf>,
    /// The numbers of the lines to record, from 1.
    #[arg(long, value_name = "N,N,...", value_delimiter = ',', requires = "record")]
    pub(crate) lines: Vec<u64>,
    /// Replace the values of a column by stand-ins: the same for the same value, and of the same form.
    #[arg(long = "mask", value_name = "COLUMN", requires = "record")]
    pub(crate) masked: Vec<String>,
    /// The rows of a looked-up table; those that the recorded lines refer to are recorded too.
    #[arg(long = "lookup", value_name = "TABLE=F.jsonl", value_parser = parse_lookup, requires = "record")]
    pub(crate) lookups: Vec<(String, PathBuf)>,
    /// Try hard inputs that are derived from the cases: nulls, missing columns, extreme values, other orders and cuts.
    #[arg(long)]
    pub(crate) fuzz: bool,
    /// How many chunks of changed lines `--fuzz` tries.
    #[arg(long, value_name = "N", default_value_t = host::fuzz::FuzzOptions::default().rounds, requires = "fuzz")]
    pub(crate) rounds: u32,
    /// What the choices of `--fuzz` come from.
    #[arg(long, value_name = "N", default_value_t = host::fuzz::FuzzOptions::default().seed, requires = "fuzz")]
    pub(crate) seed: u64,
}

const DIFF_EXAMPLES: &str = "\
Examples:
  host plugin diff old.wasm new.wasm --input sales_order.jsonl
  host plugin diff fact_sales_order plugins/fact_sales_order --input sales_order.jsonl   # published against built
  host plugin diff old.wasm new.wasm --input staff.jsonl --lookup department=department.jsonl --json

Exit codes: 0 nothing differs, 1 something does.";

#[derive(Debug, Args)]
pub(crate) struct DiffArguments {
    #[arg(value_name = "OLD", help = PLUGIN)]
    pub(crate) old: PathBuf,
    #[arg(value_name = "NEW", help = PLUGIN)]
    pub(crate) new: PathBuf,
    #[command(flatten)]
    pub(crate) rows: RowsArguments,
}

/// The rows that two versions are compared on.
#[derive(Debug, Args)]
pub(crate) struct RowsArguments {
    /// The rows: files of JSON Lines, `-`, or `calendar:2022..2027`. Left out: the schemas alone are compared.
    #[arg(long = "input", value_name = "F.jsonl", num_args = 1.., value_parser = parse_input)]
    pub(crate) inputs: Vec<Input>,
    /// The rows of a table that either version looks rows up in; once for each such table.
    #[arg(long = "lookup", value_name = "TABLE=F.jsonl", value_parser = parse_lookup)]
    pub(crate) lookups: Vec<(String, PathBuf)>,
    /// Read at most so many rows of each input.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// How many threads work; one for each processor if left out.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: Option<u16>,
}

const PUBLISH_EXAMPLES: &str = "\
Examples:
  See what would change for the rows of a file, and publish:
    host plugin publish plugins/fact_sales_order --input sales_order.jsonl --note \"prices with tax\"
  Only look:
    host plugin publish fact_sales_order.wasm --input sales_order.jsonl --dry-run

Exit codes: 0 published, or already in force; 1 refused, since it breaks readers of the star tables (`--breaking` allows
it) or rejects too many of the rows (`--max-rejects`); 2 cases of the crate fail (`--untested`); 5 somebody else published at the same time.";

#[derive(Debug, Args)]
pub(crate) struct PublishArguments {
    /// The plugin: a component (`P.wasm`), or the name or folder of its crate, which is built, and whose cases are run.
    #[arg(value_name = "PLUGIN")]
    pub(crate) plugin: PathBuf,
    #[command(flatten)]
    pub(crate) rows: RowsArguments,
    /// Publish although readers of the star tables break.
    #[arg(long)]
    pub(crate) breaking: bool,
    /// Publish although cases of the crate fail.
    #[arg(long)]
    pub(crate) untested: bool,
    /// How many rejects of the compared rows are too many, as for `host run`.
    #[arg(long, value_name = "N|P%")]
    pub(crate) max_rejects: Option<RejectBudget>,
    /// Only show the difference.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Publish only if the version in force has a digest that begins so, or `none` for a plugin that is not published.
    #[arg(long, value_name = "DIGEST")]
    pub(crate) replaces: Option<String>,
    /// Why, for the history.
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
    #[command(flatten)]
    pub(crate) store: StoreArguments,
}

const ROLLBACK_EXAMPLES: &str = "\
Examples:
  The version before, and why:
    host plugin rollback fact_sales_order --note \"prices were wrong\"
  One that `host plugin list fact_sales_order` shows:
    host plugin rollback fact_sales_order --to 96e28aa94f38

Exit codes: 0 done, 3 there is no such version, 5 somebody else published at the same time.";

#[derive(Debug, Args)]
pub(crate) struct RollbackArguments {
    /// The plugin.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Put the version in force whose digest begins so; the one before if left out.
    #[arg(long, value_name = "DIGEST")]
    pub(crate) to: Option<String>,
    /// Why, for the history.
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
    #[command(flatten)]
    pub(crate) store: StoreArguments,
}

/// Where the published plugins are.
#[derive(Debug, Args)]
pub(crate) struct StoreArguments {
    /// Where the published plugins are: a folder, or `s3://BUCKET/PREFIX`; `plugins.path` of the configuration, or else
    /// `plugins/dist`, if left out.
    #[arg(long, value_name = "PLACE")]
    pub(crate) store: Option<ObjectPlace>,
}

#[derive(Debug, Args)]
pub(crate) struct DevArguments {
    /// The plugin: the name or the folder of its crate.
    #[arg(long, value_name = "CRATE")]
    pub(crate) plugin: PathBuf,
    /// The rows: a file of JSON Lines.
    #[arg(long, value_name = "F.jsonl")]
    pub(crate) input: PathBuf,
    /// The rows of a table that the plugin looks rows up in; once for each such table.
    #[arg(long = "lookup", value_name = "TABLE=F.jsonl", value_parser = parse_lookup)]
    pub(crate) lookups: Vec<(String, PathBuf)>,
    /// Read at most so many rows.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub(crate) limit: u64,
}

fn parse_case_name(text: &str) -> Result<String, String> {
    if !host::case::is_case_name(text) {
        return Err("a case is named by letters, digits, `_` and `-`".to_owned());
    }
    Ok(text.to_owned())
}
