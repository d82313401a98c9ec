//! From lines to star tables: what `host run` does with a file.
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
pub(crate) use run::check_source;
pub use run::run_plugin;
