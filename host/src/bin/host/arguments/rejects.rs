//! The command around rejected rows.

use clap::Args;

pub(crate) const REJECTS_EXAMPLES: &str = "\
Examples:
  What was rejected, by star table, packet and reason:
    host rejects
  The first ten rejected rows of a star table:
    host rejects --table fact_sales_order --rows 10
  How many of them a new version of the plugin takes:
    host rejects --table fact_sales_order --replay
  And into the fact with these:
    host rejects --table fact_sales_order --replay --publish

Rows are published once, whatever is asked for and however often: a row whose record the fact has is
left out. A dimension needs none of it: when its plugin changes, `host process` makes it anew.";

#[derive(Debug, Args)]
pub(crate) struct RejectsArguments {
    /// Only this star table; all if left out.
    #[arg(long, value_name = "TABLE", required_if_eq("replay", "true"))]
    pub(crate) table: Option<String>,
    /// Print the first so many rejected rows, too.
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "replay")]
    pub(crate) rows: usize,
    /// Run the rejected rows of a fact through the plugin that is in force now, and tell which pass.
    #[arg(long)]
    pub(crate) replay: bool,
    /// Add the rows that pass to the fact.
    #[arg(long, requires = "replay")]
    pub(crate) publish: bool,
}
