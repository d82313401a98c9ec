//! Why a run ended without a result.

use crate::error::{Exit, Explain};
use crate::input::{Chunk, InputError};
use crate::sandbox::{Fault, Limits, Plugin, TooManyFaults};
use crate::star::StarError;
use std::path::{Path, PathBuf};

/// Why a run ended without a result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The rows can't be read, or are not those that the plugin reads.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A star table's file can't be written.
    #[error(transparent)]
    Star(#[from] StarError),
    /// The file of rejects, or the folder for all files, can't be written.
    #[error("can't write `{}`", path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A temporary file can't be written or read.
    #[error("can't keep rows in a temporary file")]
    Temporary {
        /// Why.
        #[from]
        source: std::io::Error,
    },
    /// The plugin fails on so many lines that it is to blame, or on a whole packet.
    #[error(transparent)]
    Plugin(Box<PluginFailure>),
}

/// A plugin that failed.
#[derive(Debug, thiserror::Error)]
#[error("{plugin} on `{input}`, {}: {fault}", self.stretch())]
pub struct PluginFailure {
    /// The plugin, as name@version.
    pub plugin: String,
    /// The input.
    pub input: String,
    /// The first line that it fails on, from 1.
    pub line: u64,
    /// How many such lines were found before giving up.
    pub guilty: usize,
    /// How many lines the call had.
    pub lines: u32,
    /// The first of them, from 1.
    pub first_line: u64,
    /// How it failed.
    pub fault: Fault,
    /// The limits that it had.
    pub limits: Limits,
}

impl PluginFailure {
    /// Which lines the plugin failed on.
    fn stretch(&self) -> String {
        let Self { line, guilty, lines, first_line, .. } = self;
        if self.fault.blames_no_line() {
            return format!("the {lines} lines from line {first_line} on");
        }
        let more = if *guilty > 1 { format!(" and {} more", guilty - 1) } else { String::new() };
        format!("line {line}{more} of the {lines} from line {first_line} on")
    }
}

impl RunError {
    pub(super) fn rejects(path: Option<&Path>, source: std::io::Error) -> Self {
        Self::Unwritable { path: path.unwrap_or(Path::new("rejects.jsonl")).to_owned(), source }
    }

    pub(crate) fn plugin(plugin: &Plugin, input: &str, chunk: &Chunk, faults: TooManyFaults) -> Self {
        Self::Plugin(Box::new(PluginFailure {
            plugin: format!("{}@{}", plugin.manifest().name, plugin.manifest().version),
            input: input.to_owned(),
            line: chunk.line_number(faults.line),
            guilty: faults.guilty,
            lines: chunk.lines,
            first_line: chunk.line_number(0),
            fault: faults.fault,
            limits: *plugin.limits(),
        }))
    }
}

impl Explain for RunError {
    fn code(&self) -> &'static str {
        match self {
            Self::Input(error) => error.code(),
            Self::Star(error) => error.code(),
            Self::Unwritable { .. } => "unwritable",
            Self::Temporary { .. } => "temporary-file",
            Self::Plugin(failure) => match &failure.fault {
                Fault::Trap { .. } => "plugin-trap",
                Fault::Fuel { .. } => "plugin-fuel",
                Fault::Memory { .. } => "plugin-memory",
                Fault::OutputSize { .. } => "plugin-output-size",
                Fault::Output(_) => "plugin-output",
                Fault::Failure { .. } => "plugin-failure",
                Fault::Machine { .. } => "machine",
            },
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Input(error) => error.hint(),
            Self::Star(error) => error.hint(),
            Self::Unwritable { path, .. } if path.is_file() => {
                Some(format!("`{}` is a file; `--out` names a folder", path.display()))
            }
            Self::Temporary { .. } => Some("is the disk full? `TMPDIR` names a folder on another one".to_owned()),
            Self::Unwritable { .. } => Some("is the disk full, or the folder read-only?".to_owned()),
            Self::Plugin(failure) => Some(failure.fault.hint(&failure.limits)),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Input(error) => error.exit(),
            Self::Star(error) => error.exit(),
            Self::Unwritable { .. } | Self::Temporary { .. } => Exit::Environment,
            Self::Plugin(failure) if matches!(failure.fault, Fault::Machine { .. }) => Exit::Environment,
            Self::Plugin(_) => Exit::PluginAtFault,
        }
    }
}
