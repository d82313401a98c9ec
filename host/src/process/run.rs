//! One plugin over one input.

use super::collect::Collector;
use super::error::RunError;
use super::options::RunOptions;
use super::pipeline::Pipeline;
use crate::input::{Input, InputError, LineChunks, Lookups, check_columns};
use crate::report::RunReport;
use crate::sandbox::{CONTRACT_VERSION, Plugin};
use crate::star::Metadata;
use std::time::Instant;

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
    let collector = Collector::new(plugin, input, options, &metadata(plugin, input))?;
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

/// Holds the first rows of an input against the columns that the plugin reads.
///
/// # Errors
/// [`InputError::Columns`].
pub fn check_source(plugin: &Plugin, input: &Input, first_lines: &[u8]) -> Result<(), InputError> {
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
