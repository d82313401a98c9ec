//! The sandbox that plugins run in: the only module that knows wasmtime.
//!
//! ```text
//! .wasm ──► Plugin (compiled, imports and version checked, described)
//!              │
//! lines ──► call: a fresh instance, fuel, memory ──► check ──► rows, rejects
//!              └── fault ──► isolate: the guilty lines become rejects
//! ```

#![allow(clippy::disallowed_types, reason = "the home of wasmtime")]

mod bindings;
mod cache;
mod check;
mod engine;
mod error;
mod fault;
mod imports;
mod instances;
mod isolate;
mod limits;
mod output_error;
mod package;
mod plugin;
mod store;
mod symbols;
mod turns;
mod wasi;

pub use cache::Cache;
pub use check::Transformed;
pub use engine::Sandbox;
pub use error::LoadError;
pub use fault::Fault;
pub use isolate::{Isolated, TooManyFaults};
pub use limits::{COMPONENT_BYTES_MAX, Limits, MEMORY_BYTES_MAX, STACK_BYTES_MAX};
pub use output_error::OutputError;
pub use package::{Package, Packaged};
pub use plugin::{Call, Called, Plugin};
pub use store::{LogLevel, LogLine, Usage};
pub use symbols::SourcePlace;

/// The version of the contract that this host speaks.
pub const CONTRACT_VERSION: &str = "0.1.0";
