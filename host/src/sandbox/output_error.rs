//! What can be wrong with what a plugin hands back.

use crate::manifest::ColumnType;

/// What is wrong with an output.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutputError {
    /// Another number of tables than the manifest names.
    #[error("{found} tables, where the manifest names {expected}")]
    Tables {
        /// How many came.
        found: usize,
        /// How many the manifest names.
        expected: usize,
    },
    /// Another number of columns than the table has fields.
    #[error("table `{table}`: {found} columns, where the manifest names {expected} fields")]
    Columns {
        /// The star table.
        table: String,
        /// How many came.
        found: usize,
        /// How many fields the manifest names.
        expected: usize,
    },
    /// A column of another type than the field.
    #[error("table `{table}`, field `{field}`: values of type {found}, where the manifest says {expected}")]
    Type {
        /// The star table.
        table: String,
        /// The field.
        field: String,
        /// The type of the values.
        found: &'static str,
        /// The manifest's.
        expected: ColumnType,
    },
    /// A column that is too short or too long.
    #[error("table `{table}`, field `{field}`: {found} {what}, where {expected} belong to {rows} rows")]
    Length {
        /// The star table.
        table: String,
        /// The field.
        field: String,
        /// Of what: values, bytes of a bitmap, offsets.
        what: &'static str,
        /// How many came.
        found: usize,
        /// How many there must be.
        expected: usize,
        /// The rows that the table says it has.
        rows: usize,
    },
    /// Offsets that do not go upwards from 0 to the number of bytes.
    #[error(
        "table `{table}`, field `{field}`: the offsets must go upwards from 0 to the {bytes} bytes of text, and that of row {row} is {offset}"
    )]
    Offset {
        /// The star table.
        table: String,
        /// The field.
        field: String,
        /// The row, from 0.
        row: usize,
        /// Its offset.
        offset: i32,
        /// How many bytes of text there are.
        bytes: usize,
    },
    /// Text that is no UTF-8.
    #[error("table `{table}`, field `{field}`: the text of row {row} is not valid UTF-8")]
    Utf8 {
        /// The star table.
        table: String,
        /// The field.
        field: String,
        /// The row, from 0.
        row: usize,
    },
    /// A null where there may be none.
    #[error("table `{table}`, field `{field}`: row {row} is null, and the field is not nullable")]
    Null {
        /// The star table.
        table: String,
        /// The field.
        field: String,
        /// The row, from 0.
        row: usize,
    },
    /// A number that its type has no room for.
    #[error("table `{table}`, field `{field}`: the value {value} of row {row} is out of the range of {column_type}")]
    Range {
        /// The star table.
        table: String,
        /// The field.
        field: String,
        /// The row, from 0.
        row: usize,
        /// The value, as it crossed the border.
        value: i128,
        /// The field's type.
        column_type: ColumnType,
    },
    /// Rows that belong to no line, or to lines out of order.
    #[error(
        "table `{table}`: row {row} says that it comes from line {line}, which is out of order, rejected, or past the {lines} lines"
    )]
    RowLine {
        /// The star table.
        table: String,
        /// The row, from 0.
        row: usize,
        /// The index of its line.
        line: u32,
        /// How many lines the call had.
        lines: u32,
    },
    /// Rows and rejects that do not add up to the lines.
    #[error(
        "table `{table}`: {rows} rows and {rejects} rejects of {lines} lines, where each line makes one or the other"
    )]
    Count {
        /// The star table.
        table: String,
        /// How many rows.
        rows: usize,
        /// How many rejects.
        rejects: usize,
        /// How many lines the call had.
        lines: u32,
    },
    /// Rejects that belong to no line, or come twice, or out of order.
    #[error("a reject for line {line}, which is out of order, rejected before, or past the {lines} lines")]
    RejectLine {
        /// The index of the line.
        line: u32,
        /// How many lines the call had.
        lines: u32,
    },
    /// A reject whose code is none.
    #[error("the reject code `{code}`, which is not 1 to 40 lower-case letters, digits and hyphens")]
    RejectCode {
        /// The code.
        code: String,
    },
    /// What is no value of the contract's types at all: a list outside the memory, a case that there is not, a string that is
    /// no text.
    #[error("a value that is none of the contract's types: {reason}")]
    Encoding {
        /// What does not fit.
        reason: String,
    },
}
