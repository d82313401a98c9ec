//! Golden cases: what a plugin makes of given lines, told by files alone, and run in the sandbox.
//!
//! ```text
//! cases/<story>/case.toml                      what it is about, and how much fuel it may take
//!               input/*.jsonl                  lines of the source table, good and bad: each file a packet
//!               lookup/<table>.jsonl           rows of each lookup, as their table has them
//!               expected/<star table>.jsonl    the rows: columns in the table's order, compact
//!               expected/rejects.jsonl         {"line":3,"code":"null","column":"units_sold"}
//! ```
//!
//! The files under `input` are the packets 1, 2, 3, ... in the order of their names; records are numbered over all of them. A
//! reject's `line` counts from 1 in its file; where there are several files, it begins with the name of its own, as in
//! `{"input":"2.jsonl","line":3,...}`. A file under `expected` that is not there is an empty one.

mod bless;
mod difference;
mod error;
mod folder;
mod mask;
mod outcome;
mod record;
mod run;

pub use bless::bless;
pub use difference::{Difference, differences};
pub use error::CaseError;
pub use folder::{CaseFolder, CaseSettings, Packet, REJECTS, is_case_name};
pub use outcome::{NoOutcome, Outcome};
pub use record::Recording;
pub use run::{CaseReport, run_case, run_packets};
