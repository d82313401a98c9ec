//! What an instance carries: its limits, and what it used of them.

use super::limits::{Limits, TABLE_ELEMENTS_MAX};
use crate::text::shown;
use wasmtime::ResourceLimiter;

/// How important a plugin's message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// For the plugin's author.
    Debug,
    /// Worth knowing.
    Info,
    /// Something that somebody should look at.
    Warning,
}

/// A message of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct LogLine {
    /// How important it is.
    pub level: LogLevel,
    /// What it says.
    pub message: String,
}

/// What a call used.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Usage {
    /// Units of fuel.
    pub fuel: u64,
    /// Units of fuel that it could have used.
    pub fuel_allowed: u64,
    /// The most bytes of linear memory at a time.
    pub memory_bytes: u64,
    /// Bytes of log messages that were dropped for the limit; an empty one counts too.
    pub log_bytes_dropped: u64,
}

impl Usage {
    /// Adds another call's use: sums, and the larger peak.
    pub fn add(&mut self, other: &Self) {
        self.fuel = self.fuel.saturating_add(other.fuel);
        self.fuel_allowed = self.fuel_allowed.saturating_add(other.fuel_allowed);
        self.memory_bytes = self.memory_bytes.max(other.memory_bytes);
        self.log_bytes_dropped = self.log_bytes_dropped.saturating_add(other.log_bytes_dropped);
    }
}

/// The data of a store.
pub(super) struct CallState {
    limits: Limits,
    memory_bytes: u64,
    memory_denied: bool,
    log: Vec<LogLine>,
    log_bytes: u64,
    log_bytes_dropped: u64,
    /// The last of what the plugin wrote to its standard error: the message of a panic.
    stderr: Vec<u8>,
}

/// The most of a standard error that is kept: a panic message.
const STDERR_BYTES_MAX: usize = 2_048;

impl CallState {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            memory_bytes: 0,
            memory_denied: false,
            log: Vec::new(),
            log_bytes: 0,
            log_bytes_dropped: 0,
            stderr: Vec::new(),
        }
    }

    pub(super) fn memory_denied(&self) -> bool {
        self.memory_denied
    }

    pub(super) fn usage(&self, fuel: u64, fuel_allowed: u64) -> Usage {
        Usage { fuel, fuel_allowed, memory_bytes: self.memory_bytes, log_bytes_dropped: self.log_bytes_dropped }
    }

    pub(super) fn take_log(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.log)
    }

    /// Whether a message of so many bytes is kept.
    pub(super) fn has_log_room(&self, bytes: u64) -> bool {
        self.log_bytes + log_bytes(bytes) <= self.limits.log_bytes_max
    }

    /// Keeps a message, or counts it as dropped where there is no room for its `bytes`.
    pub(super) fn write_log(&mut self, level: LogLevel, message: Option<&str>, bytes: u64) {
        match message {
            Some(message) => {
                self.log_bytes += log_bytes(bytes);
                self.log.push(LogLine { level, message: shown(message, usize::MAX) });
            }
            None => self.log_bytes_dropped += log_bytes(bytes),
        }
    }

    /// As much of the end of `bytes` as is kept.
    pub(super) fn last_stderr(bytes: &[u8]) -> &[u8] {
        &bytes[bytes.len().saturating_sub(STDERR_BYTES_MAX)..]
    }

    pub(super) fn write_stderr(&mut self, bytes: &[u8]) {
        self.stderr.extend_from_slice(bytes);
        let excess = self.stderr.len().saturating_sub(STDERR_BYTES_MAX);
        self.stderr.drain(..excess);
    }

    /// What a panic said, on one line.
    pub(super) fn panic_message(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.stderr);
        // What was written before is not its message. A runtime of another language begins otherwise: then it is all.
        let panic = text.rfind("thread '").map_or(&*text, |start| &text[start..]);
        let lines = panic.lines().map(str::trim).filter(|line| !line.is_empty());
        let said = lines.take_while(|line| !line.starts_with("note:")).collect::<Vec<_>>().join(" ");
        // Which thread it was says nothing: there is one.
        let said = said.find("panicked at ").filter(|_| said.starts_with("thread '")).map_or(&*said, |at| &said[at..]);
        (!said.is_empty()).then(|| shown(said, STDERR_BYTES_MAX))
    }
}

/// What a message counts for: some bytes even when it is empty, so that a flood of those ends too.
pub(super) fn log_bytes(message_bytes: u64) -> u64 {
    message_bytes + 16
}

/// The machine has no more memory: no fault of the plugin, which must not see it, or its rows would depend on the machine.
#[derive(Debug, thiserror::Error)]
#[error("the machine gave no more memory: {0:#}")]
pub(super) struct MachineFailure(wasmtime::Error);

impl ResourceLimiter for CallState {
    fn memory_growing(&mut self, _current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if desired as u64 > self.limits.memory_bytes_max || maximum.is_some_and(|maximum| desired > maximum) {
            self.memory_denied = true;
            return Ok(false);
        }
        self.memory_bytes = self.memory_bytes.max(desired as u64);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        if self.memory_denied {
            return Ok(());
        }
        Err(MachineFailure(error).into())
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS_MAX)
    }
}
