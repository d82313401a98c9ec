//! From lines to star tables.
//!
//! ```text
//! LineChunks ──► workers: join lookups, call the plugin ──► Collector, in order ──► workers: encode ──► files
//! ```

mod collect;
mod days;
mod error;
mod in_order;
mod options;
mod packet;
mod pipeline;
mod rejects;
mod run;

pub use days::{CalendarColumns, Days};
pub use error::{PluginFailure, RunError};
pub(crate) use in_order::in_order;
pub use options::RunOptions;
pub use packet::{PacketInput, PacketOptions, TransformedPacket, TransformedTable, fold_packet, transform_packet};
pub(crate) use pipeline::transform;
pub(crate) use run::metadata;
pub use run::{check_source, run_plugin};
