//! The commands around the star tables.

use clap::Args;
use host::config::ObjectPlace;
use std::ops::RangeInclusive;
use std::time::Duration;

pub(crate) const PROCESS_EXAMPLES: &str = "\
Examples:
  All star tables, by `host.toml`:
    host process
  One fact, and the dimensions that it refers to:
    host process --table fact_sales_order
  Publish the good rows of a packet that is held for its many rejects:
    host process --accept fact_sales_order/12

Each star table says by itself which packet it holds last, and goes on there: to run it twice, or at the same time, does no
harm. A table that fails, or is held, does not stop the others; the exit code is then that of the worst.";

pub(crate) const SYNC_EXAMPLES: &str = "\
Examples:
  The whole line, once:
    HOST_SOURCE_URL=dir:./tables host sync
  Every five minutes, until Control-C:
    host sync --every 5m";

#[derive(Debug, Args)]
pub(crate) struct ProcessArguments {
    /// Only this star table, or those of this source table, and what they refer to; can be given more than once. All if left
    /// out.
    #[arg(long = "table", value_name = "TABLE")]
    pub(crate) tables: Vec<String>,
    /// Publish the good rows of this packet although too many of its rows are rejected, or its columns are not those that the plugin
    /// reads; the decision is kept. Can be given more than once.
    #[arg(long, value_name = "TABLE/SEQUENCE", value_parser = parse_packet)]
    pub(crate) accept: Vec<(String, u64)>,
    /// How many threads work; one for each processor if left out. The result is the same with any number.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: Option<u16>,
}

#[derive(Debug, Args)]
pub(crate) struct SyncArguments {
    /// Begin again after so long: `30s`, `5m`, `1h`. A round without news is one line; with `--json` each round is. An interrupt,
    /// or the signal to terminate, ends it after the round.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) every: Option<Duration>,
    /// How many threads work; one for each processor if left out.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: Option<u16>,
}

pub(crate) const REPLAY_EXAMPLES: &str = "\
Examples:
  A dimension with the plugin that is in force now, in one commit:
    host replay --table dim_staff
  Two packets of a fact:
    host replay --table fact_sales_order --sequence 12..13
  All star tables anew, in another place:
    host replay --into file:./rebuilt

The packets of the raw lake are all that is read. The same packets and the same plugin give the same bytes: files that come out
as they were stay as they are.";

pub(crate) const VERIFY_EXAMPLES: &str = "\
Every object of the lake is read and compared with its digest, every file of every star table with its name. Each record of each
packet has to be in its fact once, or among the rejects; each dimension has to be what its packets fold to; each reference has
to be met. Nothing is changed. The exit code is 1 if anything is wrong.";

#[derive(Debug, Args)]
pub(crate) struct ReplayArguments {
    /// This star table, or those of this source table; can be given more than once.
    #[arg(long = "table", value_name = "TABLE", required_unless_present = "into")]
    pub(crate) tables: Vec<String>,
    /// Of facts only these packets.
    #[arg(long, value_name = "A..B", value_parser = parse_range, conflicts_with = "into")]
    pub(crate) sequence: Option<RangeInclusive<u64>>,
    /// Make the tables in this place, and leave those that there are alone: `file:<folder>` or `s3://<bucket>/<prefix>`.
    #[arg(long, value_name = "PLACE", value_parser = parse_place)]
    pub(crate) into: Option<ObjectPlace>,
    /// How many threads work; one for each processor if left out.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: Option<u16>,
}

fn parse_range(text: &str) -> Result<RangeInclusive<u64>, String> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    match (first.parse(), last.parse()) {
        (Ok(first), Ok(last)) if 0 < first && first <= last => Ok(first..=last),
        _ => Err("expected the sequence ids of packets, as `12` or `12..13`".to_owned()),
    }
}

fn parse_place(text: &str) -> Result<ObjectPlace, String> {
    ObjectPlace::parse(text).ok_or_else(|| "expected `file:<folder>` or `s3://<bucket>/<prefix>`".to_owned())
}

fn parse_packet(text: &str) -> Result<(String, u64), String> {
    let (table, sequence) = text.rsplit_once('/').unwrap_or(("", text));
    match sequence.parse() {
        Ok(sequence) if !table.is_empty() && sequence > 0 => Ok((table.to_owned(), sequence)),
        _ => Err("expected a star table and the sequence id of a packet, as `fact_sales_order/12`".to_owned()),
    }
}

fn parse_time(text: &str) -> Result<Duration, String> {
    let seconds = [("s", 1), ("m", 60), ("h", 3_600)].into_iter().find_map(|(unit, seconds)| {
        let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
        count.checked_mul(seconds).filter(|seconds| *seconds > 0)
    });
    seconds.map(Duration::from_secs).ok_or_else(|| "expected a time as `30s`, `5m` or `1h`".to_owned())
}
