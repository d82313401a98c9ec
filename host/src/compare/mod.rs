//! What changes between two versions of a plugin: their schemas, and what they make of the same lines.
//!
//! ```text
//! lines ──► old plugin ──┐
//!      └──► new plugin ──┴──► pairs of rows, by line and key ──► columns compared ──► report
//!                              └── rows without a pair ──► paired by key over the whole input
//! ```
//!
//! Rows with one key are paired: those of one line first, then the others in their order. So what a plugin makes of each line
//! is compared as it comes, and only rows that moved to another line are kept, on the disk where they are many.

mod cells;
mod chunk;
mod leftover;
mod report;
mod run;
mod schema;

pub use report::{
    CellSample, ColumnDiff, DiffReport, DiffSide, RejectDiff, RejectGroupDiff, RejectSample, RowSample, TableDiff,
};
pub use run::{DiffInputs, DiffOptions, diff};
pub use schema::{SchemaChange, schema_changes};
