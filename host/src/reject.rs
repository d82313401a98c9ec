//! Lines that made no row, and how many of them are too many.

use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// A line that made no row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reject {
    /// The index of the line in its call, from 0.
    pub line: u64,
    /// A stable word for the reason.
    pub code: String,
    /// The column with the bad value.
    pub column: Option<String>,
    /// What was found, and what was expected.
    pub message: String,
    /// Whether the host rejected the line, since the plugin could not cope with it.
    pub by_host: bool,
}

/// What to do about rejects with `code`: one of the SDK's, or of the host's own. A plugin's own codes are its own affair.
#[must_use]
pub fn cure(code: &str) -> Option<&'static str> {
    Some(match code {
        "null" | "missing-column" => "if rows may lack the value, read the column as `Option<...>`; else mend the rows",
        "type" => {
            "read the column as the type that its values have; a text is `&str`, a number with a point `Decimal<P, S>`"
        }
        "range" => "read the column as `i64`, or as `Decimal<38, 0>`",
        "decimal" => "read the column as a `Decimal<P, S>` with room for all digits before and behind the point",
        "date" | "time" | "timestamp" => {
            "mend the rows; if the source writes days or times in a form of its own, read a `&str` and take it apart"
        }
        "json" => "a line is one JSON object; is the line cut off, or does the file hold something else?",
        "utf8" => "write the file as UTF-8: `iconv -f latin1 -t utf-8`",
        "duplicate-column" => "each column stands once in a line; mend what writes the rows",
        "record-number" => "make the key an `i64`, from `context.record()`",
        "trap" => {
            "return a `Reject` for such a row, in place of `unwrap`, `expect`, indexing and dividing by what may be 0"
        }
        "fuel" => "look for an endless loop; if the work is right, raise `fuel_per_byte` for the plugin in `host.toml`",
        "memory" => "keep nothing but the row at hand; if the work is right, raise `memory_bytes_max` in `host.toml`",
        "output-size" => "make fewer rows of a line; if the work is right, raise `output_bytes_max` in `host.toml`",
        "output" => "hand back columns as the manifest says; a plugin built with the SDK does",
        _ => return None,
    })
}

/// How many rejects a packet may have before it is held: the larger of a count and a share of its rows, and not all of at
/// least five rows, unless a budget that somebody set says so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RejectBudget {
    /// So many rejects are always within the budget.
    pub rows_max: u64,
    /// So many percent of the rows are.
    pub percent_max: f64,
    /// Whether it is within the budget that all of at least five rows are rejected.
    pub all_allowed: bool,
}

/// From how many rows on it is too much when all are rejected.
const ALL_REJECTED_ROWS_MIN: u64 = 5;

impl Default for RejectBudget {
    fn default() -> Self {
        Self { rows_max: 20, percent_max: 1.0, all_allowed: false }
    }
}

impl RejectBudget {
    /// Whether `rejects` of `rows` rows are within the budget.
    #[must_use]
    pub fn allows(&self, rejects: u64, rows: u64) -> bool {
        let share = (rows as f64 * self.percent_max / 100.0).floor() as u64;
        let all = rejects == rows && rows >= ALL_REJECTED_ROWS_MIN;
        (self.all_allowed || !all) && rejects <= self.rows_max.max(share)
    }
}

/// A budget that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no budget; expected a number of rows, as `20`, or a share of them, as `1%`")]
pub struct BudgetError(String);

impl FromStr for RejectBudget {
    type Err = BudgetError;

    fn from_str(text: &str) -> Result<Self, BudgetError> {
        let error = || BudgetError(text.to_owned());
        match text.strip_suffix('%') {
            Some(percent) => {
                let percent_max: f64 = percent.parse().map_err(|_| error())?;
                if (0.0..=100.0).contains(&percent_max) {
                    Ok(Self { rows_max: 0, percent_max, all_allowed: true })
                } else {
                    Err(error())
                }
            }
            None => Ok(Self { rows_max: text.parse().map_err(|_| error())?, percent_max: 0.0, all_allowed: true }),
        }
    }
}

impl fmt::Display for RejectBudget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.rows_max, self.percent_max) {
            (rows, 0.0) => write!(formatter, "{rows} rows"),
            (0, percent) => write!(formatter, "{percent} %"),
            (rows, percent) => write!(formatter, "the larger of {rows} rows and {percent} %"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_budget_is_the_larger_of_20_rows_and_1_percent_and_not_all_of_5() {
        let budget = RejectBudget::default();
        assert!(budget.allows(0, 0) && budget.allows(4, 4) && budget.allows(20, 21) && budget.allows(100, 10_000));
        assert!(!budget.allows(5, 5) && !budget.allows(21, 100) && !budget.allows(101, 10_000));
    }

    #[test]
    fn a_budget_that_was_set_is_all_that_counts() {
        let rows: RejectBudget = "5".parse().unwrap();
        assert!(rows.allows(5, 5) && !rows.allows(6, 1_000_000));
        let share: RejectBudget = "0.5%".parse().unwrap();
        assert!(share.allows(5, 1_000) && !share.allows(6, 1_000) && !share.allows(1, 10));
        assert!(
            "-1".parse::<RejectBudget>().is_err()
                && "101%".parse::<RejectBudget>().is_err()
                && "x".parse::<RejectBudget>().is_err()
        );
    }
}
