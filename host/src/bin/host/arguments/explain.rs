//! The command that explains a row.

use clap::Args;

pub(crate) const EXPLAIN_EXAMPLES: &str = "\
Examples:
  A row of a fact, by the number of its record:
    host explain fact_sales_order 4711
  A row of a dimension, by the value of its key:
    host explain dim_staff 7
    host explain dim_date 2024-02-29
  By a key of several columns, as a JSON array:
    host explain dim_rate '[\"EUR\",\"2024-02-29\"]'

A row that was rejected, or that waits for `host process`, is explained, too; the exit code is 3
where there never was one.
The line of a dimension's row is told where its source table has the same key.";

#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    /// The star table.
    pub(crate) table: String,
    /// Of a fact the number of the record; of a dimension the value of its key, or of several columns a JSON array of them.
    #[arg(allow_hyphen_values = true)]
    pub(crate) key: String,
}
