//! One plugin over one input.

use super::collect::Collector;
use super::pipeline::Pipeline;
use crate::error::{Exit, Explain};
use crate::input::{Chunk, ChunkLimits, Input, InputError, LineChunks, Lookups, check_columns};
use crate::reject::RejectBudget;
use crate::report::RunReport;
use crate::sandbox::{CONTRACT_VERSION, Fault, Limits, Plugin, TooManyFaults};
use crate::star::{Metadata, StarError};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// How to run a plugin.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Threads, 1 or more.
    pub threads: usize,
    /// How the lines are cut into calls.
    pub chunk: ChunkLimits,
    /// How many records are read at the most.
    pub records_max: Option<u64>,
    /// How many rejects are too many.
    pub budget: RejectBudget,
    /// The folder for the star tables' files and the rejects. `None`: nothing is written.
    pub out: Option<PathBuf>,
    /// How many rows of each star table the report shows.
    pub preview_rows: usize,
    /// The sequence id that the plugin is told.
    pub sequence: u64,
    /// The number of the first record.
    pub first_record: u64,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            threads: 1,
            chunk: ChunkLimits::default(),
            records_max: None,
            budget: RejectBudget::default(),
            out: None,
            preview_rows: 10,
            sequence: 1,
            first_record: 1,
        }
    }
}

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
    /// The plugin fails on so many lines that it is to blame, or on a whole packet.
    #[error(transparent)]
    Plugin(Box<PluginFailure>),
}

/// A plugin that failed.
#[derive(Debug, thiserror::Error)]
#[error("{plugin}, {}: {fault}", self.stretch())]
pub struct PluginFailure {
    /// The plugin, as name@version.
    pub plugin: String,
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

    pub(super) fn plugin(plugin: &Plugin, chunk: &Chunk, faults: TooManyFaults) -> Self {
        Self::Plugin(Box::new(PluginFailure {
            plugin: format!("{}@{}", plugin.manifest().name, plugin.manifest().version),
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
            Self::Unwritable { .. } => Some("is the disk full, or the folder read-only?".to_owned()),
            Self::Plugin(failure) => Some(failure.fault.hint(&failure.limits)),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Input(error) => error.exit(),
            Self::Star(error) => error.exit(),
            Self::Unwritable { .. } => Exit::Environment,
            Self::Plugin(failure) if matches!(failure.fault, Fault::Machine { .. }) => Exit::Environment,
            Self::Plugin(_) => Exit::PluginAtFault,
        }
    }
}

/// Runs `plugin` over the rows of `input`. Tells `progress` how many bytes are done.
///
/// # Errors
/// [`RunError`]; files that were begun are removed then. Rejects over the budget are no error: the report says that the rows
/// are held, and only the rejects are written.
pub fn run_plugin(
    plugin: &Plugin,
    input: &Input,
    lookups: &Lookups,
    options: &RunOptions,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<RunReport, RunError> {
    let started = Instant::now();
    let mut chunks = LineChunks::new(input.name(), input.open()?, options.chunk, options.records_max);
    check_source(plugin, input, chunks.peek()?)?;
    if let Some(folder) = &options.out {
        std::fs::create_dir_all(folder).map_err(|source| RunError::Unwritable { path: folder.clone(), source })?;
    }
    let collector = Collector::new(plugin, options, &metadata(plugin, input))?;
    let pipeline = Pipeline {
        plugin,
        lookups,
        sequence: options.sequence,
        first_record: options.first_record,
        threads: options.threads.max(1),
        progress,
    };
    let report = pipeline.run(chunks, collector).finish()?;
    Ok(RunReport { input: input.name(), threads: options.threads, seconds: started.elapsed().as_secs_f64(), ..report })
}

fn check_source(plugin: &Plugin, input: &Input, first_lines: &[u8]) -> Result<(), InputError> {
    let (problems, found) = check_columns(&plugin.manifest().source_columns, first_lines);
    if problems.is_empty() { Ok(()) } else { Err(InputError::Columns { name: input.name(), problems, found }) }
}

/// What each star file says of where its rows come from.
fn metadata(plugin: &Plugin, input: &Input) -> Metadata {
    Metadata::default()
        .with("star:input", input.lineage())
        .with("star:plugin", &plugin.manifest().name)
        .with("star:plugin-version", &plugin.manifest().version)
        .with("star:plugin-digest", plugin.digest())
        .with("star:contract-version", CONTRACT_VERSION)
        .with("star:host-version", env!("CARGO_PKG_VERSION"))
}
