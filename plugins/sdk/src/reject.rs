//! Why a line made no row.

use crate::bindings::star::transform::types;

/// A line that makes no row: the others go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// A stable word for the reason: lower-case letters, digits and hyphens.
    pub code: String,
    /// The source column with the bad value, where it is one column's.
    pub column: Option<String>,
    /// What was found, and what was expected.
    pub message: String,
}

impl Reject {
    /// A reject for a reason of the plugin's own.
    ///
    /// ```
    /// let reject = sdk::Reject::new("no-location", "the department has no location").column("location");
    /// assert_eq!(reject.column.as_deref(), Some("location"));
    /// ```
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), column: None, message: message.into() }
    }

    /// The same reject, for a value of `column`.
    #[must_use]
    pub fn column(self, column: impl Into<String>) -> Self {
        Self { column: Some(column.into()), ..self }
    }

    /// The contract's form, for the line with index `line` in its call.
    #[must_use]
    pub(crate) fn at_line(self, line: u32) -> types::Reject {
        types::Reject { line, code: self.code, column: self.column, message: self.message }
    }
}

impl core::fmt::Display for Reject {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match &self.column {
            Some(column) => write!(formatter, "{}: `{column}`: {}", self.code, self.message),
            None => write!(formatter, "{}: {}", self.code, self.message),
        }
    }
}

impl core::error::Error for Reject {}
