//! Joining the small files of fact tables.

use clap::Args;

pub(crate) const COMPACT_EXAMPLES: &str = "\
Examples:
  All fact tables, by `host.toml`:
    host compact
  One of them, with a document for a program:
    host compact --table fact_sales_order --json

Each packet becomes a file of a fact table, also one of a few rows. Neighbours become one file of at most 1,048,576 rows, or of
files of 128 MiB; their rows and the order of these stay as they are, and rows that different plugins made stay apart. To run it
twice changes nothing, and it can run beside `host process`. `host gc` removes the small files after seven days.";

#[derive(Debug, Args)]
pub(crate) struct CompactArguments {
    /// Only this fact table; can be given more than once. All, and `deletions`, if left out.
    #[arg(long = "table", value_name = "TABLE")]
    pub(crate) tables: Vec<String>,
}
