//! How a call of a plugin can fail, and how to tell.

use super::imports::Refused;
use super::limits::Limits;
use super::output_error::OutputError;
use super::store::{CallState, MachineFailure};
use super::symbols::SourcePlace;
use crate::text::{FAULT_CHARS_MAX, shown};
use wasmtime::Trap;

/// How a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The plugin trapped: a panic, an access outside its memory, a recursion that is too deep.
    #[error("the plugin trapped{}: {message}", at_place(place.as_ref(), message))]
    Trap {
        /// Where in its source.
        place: Option<SourcePlace>,
        /// What wasmtime, and the plugin's own panic, said.
        message: String,
    },
    /// The plugin used more fuel than it has: an endless loop, or work that is too much for its lines.
    #[error("the plugin used up its {limit} units of fuel{}", at_place(place.as_ref(), ""))]
    Fuel {
        /// Where in its source.
        place: Option<SourcePlace>,
        /// What it had.
        limit: u64,
    },
    /// The plugin wanted more memory than it may have.
    #[error("the plugin wanted more than its {limit} bytes of memory{}: {message}", at_place(place.as_ref(), message))]
    Memory {
        /// Where in its source.
        place: Option<SourcePlace>,
        /// What it may have.
        limit: u64,
        /// What it did when it got none.
        message: String,
    },
    /// The plugin handed back more than it may.
    #[error("the plugin handed back more than {limit} bytes")]
    OutputSize {
        /// What it may hand back.
        limit: u64,
    },
    /// The plugin handed back columns that are wrong.
    #[error("the plugin handed back what its manifest does not allow: {0}")]
    Output(OutputError),
    /// The plugin said that it could not do the call.
    #[error("the plugin failed: {message}")]
    Failure {
        /// Its own words.
        message: String,
    },
    /// The machine could not run the plugin, which ran before: no fault of the plugin or its lines.
    #[error("the machine could not run the plugin: {reason}")]
    Machine {
        /// What it has too little of.
        reason: String,
    },
}

/// How far a call had come when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The first instance of all was being made.
    FirstStart,
    /// Another instance was being made.
    Start,
    /// The plugin ran, or what it handed back was being read.
    Call,
}

impl Fault {
    /// What an error of wasmtime's means, for a call with `fuel` and `limits`.
    pub(super) fn of(error: &wasmtime::Error, stage: Stage, state: &CallState, fuel: u64, limits: &Limits) -> Self {
        /// wasmtime keeps the type of this error to itself. Nothing that a plugin says can stand in its place: what the
        /// plugin says is in no error.
        const OUTPUT_SIZE: &str = "fuel allocated for hostcalls has been exhausted";
        let cause = shown(&root_cause(error), FAULT_CHARS_MAX);
        let trap = error.downcast_ref::<Trap>();
        let is_machine = error.downcast_ref::<MachineFailure>().is_some();
        let is_refused = error.downcast_ref::<Refused>().is_some();
        // An allocator without memory aborts, exits or hands out null; whatever else ends a plugin has another cause.
        let may_lack_memory = match trap {
            Some(trap) => matches!(trap, Trap::UnreachableCodeReached | Trap::MemoryOutOfBounds),
            None => is_refused || (stage != Stage::Call && !is_machine),
        };
        if state.memory_denied() && may_lack_memory {
            let message = state.panic_message().unwrap_or(cause);
            return Self::Memory { place: None, limit: limits.memory_bytes_max, message };
        }
        match trap {
            Some(Trap::OutOfFuel) => return Self::Fuel { place: None, limit: fuel },
            // What a panic ends in; the cause itself says nothing then.
            Some(Trap::UnreachableCodeReached) => {
                return Self::Trap { place: None, message: state.panic_message().unwrap_or(cause) };
            }
            Some(_) => return Self::Trap { place: None, message: cause },
            None => {}
        }
        if is_refused || (stage == Stage::FirstStart && !is_machine) {
            return Self::Trap { place: None, message: cause };
        }
        if is_machine || stage == Stage::Start {
            // The plugin did start before, with the same limits.
            return Self::Machine { reason: cause };
        }
        if cause.ends_with(OUTPUT_SIZE) {
            return Self::OutputSize { limit: limits.output_bytes_max };
        }
        Self::Output(OutputError::Encoding { reason: cause })
    }

    /// The same fault, with the place in the source where it happened.
    pub(super) fn at(mut self, found: Option<SourcePlace>) -> Self {
        if let Self::Trap { place, .. } | Self::Fuel { place, .. } | Self::Memory { place, .. } = &mut self {
            *place = found;
        }
        self
    }

    /// Where in the plugin's source it happened.
    #[must_use]
    pub fn place(&self) -> Option<&SourcePlace> {
        match self {
            Self::Trap { place, .. } | Self::Fuel { place, .. } | Self::Memory { place, .. } => place.as_ref(),
            _ => None,
        }
    }

    /// Whether the fault is that of a whole packet, so that no line is to blame and none is to be looked for.
    #[must_use]
    pub fn blames_no_line(&self) -> bool {
        matches!(self, Self::Failure { .. } | Self::Machine { .. })
    }

    /// The code of a reject for a line that causes the fault.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Trap { .. } => "trap",
            Self::Fuel { .. } => "fuel",
            Self::Memory { .. } => "memory",
            Self::OutputSize { .. } => "output-size",
            Self::Output(_) => "output",
            Self::Failure { .. } => "failure",
            Self::Machine { .. } => "machine",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self, limits: &Limits) -> String {
        match self {
            Self::Trap { .. } => {
                "return a `Reject` for a row that can't be transformed, in place of `unwrap`, `expect` and indexing"
                    .to_owned()
            }
            Self::Fuel { .. } => format!(
                "look for an endless loop; if the work is right, raise `fuel_per_byte` (now {}) for the plugin in `host.toml`",
                limits.fuel_per_byte
            ),
            Self::Memory { .. } => format!(
                "keep nothing but the row at hand; if the work is right, raise `memory_bytes_max` (now {}) in `host.toml`",
                limits.memory_bytes_max
            ),
            Self::OutputSize { .. } => format!(
                "make fewer rows of a line; if the work is right, raise `output_bytes_max` (now {}) in `host.toml`",
                limits.output_bytes_max
            ),
            Self::Output(_) => {
                "a plugin built with the SDK can't do this; see the rules in `wit/transform.wit`".to_owned()
            }
            Self::Failure { .. } => "this is the plugin's own decision; see its documentation".to_owned(),
            Self::Machine { .. } => "give the host more memory, or fewer threads, and try again".to_owned(),
        }
    }
}

/// Where it happened, unless the plugin's own `message` says so.
fn at_place(place: Option<&SourcePlace>, message: &str) -> String {
    let unsaid = place.filter(|place| !message.contains(&format!("{}:{}:", place.file, place.line)));
    unsaid.map_or_else(String::new, |place| format!(" at {place}"))
}

/// The innermost message of an error, without the backtrace around it.
fn root_cause(error: &wasmtime::Error) -> String {
    let cause = error.chain().last().map_or_else(|| error.to_string(), ToString::to_string);
    cause.trim_start_matches("wasm trap: ").to_owned()
}
