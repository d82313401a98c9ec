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
