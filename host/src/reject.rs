//! Lines that made no row, and how many of them are too many.

use serde::Serialize;

/// A line that made no row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reject {
    /// The line: its index in the call or the packet, from 0, until a face makes a line number of it.
    pub line: u64,
    /// A stable word for the reason.
    pub code: String,
    /// The column with the bad value.
    pub column: Option<String>,
    /// What was found, and what was expected.
    pub message: String,
    /// Whether the host rejected the line, since the plugin could not cope with it.
    #[serde(skip)]
    pub by_host: bool,
}
