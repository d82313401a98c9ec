//! What a call may use, each with its reason.

use serde::{Deserialize, Serialize};

const MIB: u64 = 1024 * 1024;

/// The limits of one call of a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Units of fuel that each call has, whatever its input: a unit is about one Wasm instruction. Enough for a language
    /// runtime to start, and spent in some hundredths of a second.
    pub fuel_base: u64,
    /// Units of fuel for each byte of input. A plugin of the SDK uses about 3, one that builds a tree of each line about 50,
    /// and an interpreted language some hundreds.
    pub fuel_per_byte: u64,
    /// Bytes of linear memory, at most [`MEMORY_BYTES_MAX`]. A call's lines and columns are a few MiB; an interpreter brings some tens of its own.
    pub memory_bytes_max: u64,
    /// Bytes of the columns and rejects of one call, and of any one message to the host, counted as the host holds them. They are about as large as the lines.
    pub output_bytes_max: u64,
    /// Bytes of log messages of one call; more is dropped, and said.
    pub log_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel_base: 50_000_000,
            fuel_per_byte: 1_000,
            memory_bytes_max: 64 * MIB,
            output_bytes_max: 64 * MIB,
            log_bytes_max: 64 * 1024,
        }
    }
}

/// The largest component that is compiled: twice an interpreter with its library.
pub const COMPONENT_BYTES_MAX: u64 = 64 * MIB;

/// The most linear memory that any limit can grant; the pool reserves address space, not memory, for it.
pub const MEMORY_BYTES_MAX: u64 = 1024 * MIB;

/// Elements of a table: tables hold function references, and a runtime has some ten thousand.
pub(super) const TABLE_ELEMENTS_MAX: usize = 100_000;

/// Handles of WASI resources at a time: a runtime holds the three standard streams.
pub(super) const HANDLES_MAX: usize = 1_000;

/// Bytes of a manifest as the host holds it: the largest that the checks let pass has a thousand columns a table.
pub(super) const MANIFEST_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Native stack of a call. Wasm that recurses deeper traps; the host's threads have four times as much.
pub const STACK_BYTES_MAX: usize = 512 * 1024;

impl Limits {
    /// The same limits, none beyond what the engine can grant.
    pub(super) fn capped(self) -> Self {
        Self { memory_bytes_max: self.memory_bytes_max.min(MEMORY_BYTES_MAX), ..self }
    }

    /// The fuel of a call with `input_bytes` bytes of lines.
    #[must_use]
    pub fn fuel(&self, input_bytes: usize) -> u64 {
        self.fuel_per_byte.saturating_mul(input_bytes as u64).saturating_add(self.fuel_base)
    }
}
