//! The state of a table: for each key the hash of its newest row, and where that row is.
//!
//! The packets of a table, folded in their order, the later one winning. A packet adds a *run*: its keys, sorted, in one or more
//! Parquet objects that its manifest names. Neighbouring runs are merged as packets come, so that few are to be read, and
//! what the merged ones said is then no longer needed (a log-structured merge tree; O'Neil et al., 1996). All of it can be made
//! again from the packets.
//!
//! Runs are read block by block, each with its digest, and a block whose range of keys holds nothing that is looked for is not
//! read: memory is constant at any size.

mod block;
mod compact;
mod cursor;
mod entries;
mod key;
mod merge;
mod number;
mod open;
mod rebuild;
mod run;
mod segments;

pub(crate) use block::Window;
pub use compact::compact;
pub use cursor::{Place, State};
pub use entries::{Entries, Keys, hash_line};
pub use key::{KeyColumn, KeyError, KeyLayout};
pub(crate) use key::{encode_integer, encode_number, encode_text};
pub use open::open;
pub use segments::SegmentWriter;
