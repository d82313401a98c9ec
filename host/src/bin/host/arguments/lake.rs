//! The commands around the raw lake.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use clap::{Args, ValueEnum};
use host::ingest::What;
use host::packet::DataFormat;

pub(crate) const INGEST_EXAMPLES: &str = "\
Examples:
  What changed, of all tables, by `host.toml`:
    host ingest
  From a folder of <table>.jsonl, without a configuration:
    HOST_SOURCE_URL=dir:./tables host ingest
  One table again, whatever changed in a range of `last_updated`:
    host ingest --table sales_order --from 2024-11-14 --to 2024-11-15T12:00:00

What is already in the lake as it is in the source comes never twice, whatever is asked for.
A table that fails does not stop the others; the exit code is then that of the worst.";

pub(crate) const RECONCILE_EXAMPLES: &str = "\
Example:
  host reconcile --table sales_order
It reads whole tables. What differs from the lake becomes a packet, and keys that are gone are listed in it.";

pub(crate) const GC_RULES: &str = "\
Example:
  host gc --dry-run

What goes:
  after 2 days   what no packet of the raw lake names, and files that never came into a star table
  after 7 days   files that were removed from a star table, whose older versions need them
  after 30 days  entries of the log of a star table for which a checkpoint stands
It can run beside everything else.";

#[derive(Debug, Args)]
pub(crate) struct IngestArguments {
    /// Only this table; can be given more than once. All tables if left out.
    #[arg(long = "table", value_name = "TABLE")]
    pub(crate) tables: Vec<String>,
    /// Rows with a `last_updated` not before this moment: `2024-11-14`, or `2024-11-14T08:00:00.123`, in UTC.
    #[arg(long, value_name = "TIME", value_parser = parse_moment, requires = "to")]
    pub(crate) from: Option<NaiveDateTime>,
    /// Rows with a `last_updated` before this moment.
    #[arg(long, value_name = "TIME", value_parser = parse_moment, requires = "from")]
    pub(crate) to: Option<NaiveDateTime>,
    /// How the rows are stored.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Begin a new data object after so many rows.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), hide_short_help = true)]
    pub(crate) object_rows: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Format {
    /// JSON Lines.
    #[default]
    Jsonl,
    /// Parquet, from which the same lines can be made.
    Parquet,
}

impl From<Format> for DataFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Jsonl => Self::Jsonl,
            Format::Parquet => Self::Parquet,
        }
    }
}

impl IngestArguments {
    /// Which rows are asked for.
    pub(crate) fn what(&self) -> What {
        match (self.from, self.to) {
            (Some(from), Some(to)) => What::Range { from, to },
            _ => What::Changes,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ReconcileArguments {
    /// Only this table; can be given more than once. All tables if left out.
    #[arg(long = "table", value_name = "TABLE")]
    pub(crate) tables: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    /// Only this table; can be given more than once. All tables if left out.
    #[arg(long = "table", value_name = "TABLE")]
    pub(crate) tables: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct GcArguments {
    /// Remove nothing, and tell what would be.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// A moment, or the beginning of a day, in UTC.
pub(crate) fn parse_moment(text: &str) -> Result<NaiveDateTime, String> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").map(|day| day.and_time(NaiveTime::MIN));
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f"))
        .or_else(|_| day())
        .map_err(|_| "expected a moment as `2024-11-14T08:00:00`, or a day as `2024-11-14`, in UTC".to_owned())
}
