//! What an instance carries: its limits, and what it used of them.

use super::bindings::log;
use super::limits::Limits;
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
    /// The most bytes of linear memory at a time.
    pub memory_bytes: u64,
    /// Bytes of log messages that were dropped for the limit.
    pub log_bytes_dropped: u64,
}

impl Usage {
    /// Adds another call's use: sums, and the larger peak.
    pub fn add(&mut self, other: &Self) {
        self.fuel += other.fuel;
        self.memory_bytes = self.memory_bytes.max(other.memory_bytes);
        self.log_bytes_dropped += other.log_bytes_dropped;
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
    /// What the plugin wrote to its standard error: the message of a panic.
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

    pub(super) fn usage(&self, fuel: u64) -> Usage {
        Usage { fuel, memory_bytes: self.memory_bytes, log_bytes_dropped: self.log_bytes_dropped }
    }

    pub(super) fn take_log(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.log)
    }

    pub(super) fn write_stderr(&mut self, bytes: &[u8]) {
        let room = STDERR_BYTES_MAX.saturating_sub(self.stderr.len());
        self.stderr.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// What a panic said, on one line.
    pub(super) fn panic_message(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.stderr);
        let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let said = lines.into_iter().take_while(|line| !line.starts_with("note:")).collect::<Vec<_>>().join(" ");
        (!said.is_empty()).then_some(said)
    }
}

impl log::Host for CallState {
    fn write(&mut self, level: log::Level, message: String) {
        let bytes = message.len() as u64;
        // A message counts for some bytes even when it is empty, so that a flood of those ends too.
        let counted = bytes + 16;
        if self.log_bytes + counted > self.limits.log_bytes_max {
            self.log_bytes_dropped += bytes;
            return;
        }
        self.log_bytes += counted;
        let level = match level {
            log::Level::Debug => LogLevel::Debug,
            log::Level::Info => LogLevel::Info,
            log::Level::Warning => LogLevel::Warning,
        };
        self.log.push(LogLine { level, message });
    }
}

impl super::bindings::types::Host for CallState {}

impl ResourceLimiter for CallState {
    fn memory_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        if desired as u64 > self.limits.memory_bytes_max {
            self.memory_denied = true;
            return Ok(false);
        }
        self.memory_bytes = self.memory_bytes.max(desired as u64);
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        // Tables hold function references; a runtime has some ten thousand.
        const TABLE_ELEMENTS_MAX: usize = 100_000;
        Ok(desired <= TABLE_ELEMENTS_MAX)
    }
}
