//! From lines to star tables.
//!
//! ```text
//! LineChunks ──► workers: join lookups, call the plugin ──► Collector, in order ──► workers: encode ──► files
//! ```

mod collect;
mod error;
mod in_order;
mod options;
mod pipeline;
mod rejects;
mod run;

pub use error::{PluginFailure, RunError};
pub(crate) use in_order::in_order;
pub use options::RunOptions;
pub(crate) use pipeline::transform;
pub use run::{check_source, run_plugin};
