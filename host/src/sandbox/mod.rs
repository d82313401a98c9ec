//! The sandbox that plugins run in: the only module that knows wasmtime.
//!
//! ```text
//! .wasm ──► Plugin (compiled, imports and version checked, described)
//!              │
//! lines ──► call: a fresh instance, fuel, memory ──► check ──► rows, rejects
//!              └── fault ──► isolate: the guilty lines become rejects
//! ```

mod bindings;
mod cache;
mod check;
mod error;
mod isolate;
mod limits;
mod plugin;
mod store;
mod wasi;

pub use cache::Cache;
pub use check::{OutputError, Transformed};
pub use error::{Fault, LoadError};
pub use isolate::{Isolated, TooManyFaults};
pub use limits::{COMPONENT_BYTES_MAX, Limits, STACK_BYTES_MAX};
pub use plugin::{Call, Called, Plugin, Sandbox};
pub use store::{LogLevel, LogLine, Usage};

/// The version of the contract that this host speaks.
pub const CONTRACT_VERSION: &str = "0.1.0";
