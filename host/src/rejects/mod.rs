//! Records that were rejected: what they are, and what a plugin makes of them today.
//!
//! ```text
//! rejects/<star table>/<sequence>-<digest>.jsonl ──┬─► list, by star table, packet and reason
//! packet: the lines with these numbers ────────────┴─► plugin in force ──► rows that pass ──► late, into the fact, once
//! ```
//!
//! The files of rejects say which records were rejected, and why; a line that is run again is read from its packet, where its
//! digest is compared.
//!
//! All of it waits for stores: call it from a thread that may be blocked.

mod error;
mod file;
mod list;
mod replay;

pub use error::RejectsError;
pub use file::Rejected;
pub(crate) use file::{rejected_records, rejects_of_record};
pub use list::{ListOptions, PacketRejects, RejectState, RejectsList, TableRejects, list};
pub use replay::{PacketReason, Replay, ReplayedTable, replay};
