//! From lines to star tables: what `host run` does with a file.
//!
//! ```text
//! LineChunks ──► workers: join lookups, call the plugin ──► Collector, in order ──► workers: encode ──► files
//! ```

mod collect;
mod pipeline;
mod rejects;
mod run;

pub use run::{PluginFailure, RunError, RunOptions, run_plugin};
