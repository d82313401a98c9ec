//! Star tables: columns of rows become Parquet files. The only module that knows Arrow and Parquet.
//!
//! ```text
//! rows ──► RowGroups (re-cut to fixed groups) ──► encode, a column at a time ──► StarFile
//! ```
//!
//! The bytes of a file are a function of its rows, in their order, and of its metadata: rows are gathered into groups of a
//! fixed size whatever the cuts they come in, and each column of a group is encoded in one piece.

#![allow(clippy::disallowed_types, reason = "the home of Arrow and Parquet")]

mod bucket;
mod bucket_file;
mod delta;
mod encode;
mod error;
mod file;
mod fit;
mod fold;
mod garbage;
mod group;
mod keyed;
mod object;
mod preview;
mod row_key;
mod rows_file;
mod scan;
mod schema;
mod stats;
mod stored;
mod window;

pub use bucket::{BUCKET_ROWS_MAX, Bucket, BucketError, Buckets};
pub use delta::{
    Change, Commit, FileRanges, NewTableFile, Operation, PacketMark, SchemaChange, StarLake, TableError, TableFile,
    TableVersion, in_delta,
};
pub use encode::{ColumnEncoder, ColumnJob, EncodedColumn};
pub use error::StarError;
pub use file::{Metadata, SpooledFile, StarFile, WrittenFile};
pub use fold::{BucketRows, Changes, Fold};
pub use garbage::collect_garbage;
pub use group::{RowGroup, RowGroups};
pub use object::{Cell, StarObject};
pub use preview::preview;
pub use row_key::{RowKey, RowKeyError};
pub use rows_file::RowsFile;
pub use scan::FetchedFile;
pub use stats::FileStats;
pub use stored::StoredFile;
