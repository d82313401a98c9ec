//! Published plugins: components under their digests, and `plugins.lock`, which says which of them is in force.
//!
//! ```text
//! plugins.lock                       name ──► digest, version, history      moved by a conditional replace
//! <name>/<SHA-256>.wasm              a component; created once, never overwritten
//! ```
//!
//! A component is put before the lock names it, so the lock never names one that is not there; who loses the race for the lock
//! changes nothing.

mod error;
mod lock;
mod publish;

pub use error::RegistryError;
pub use lock::{Action, HistoryEntry, PluginsLock, PublishedPlugin};
pub use publish::{Component, Published, Registry, Snapshot};
