//! One plugin over one input.

use super::collect::{Collected, Collector};
use super::error::RunError;
use super::options::RunOptions;
use super::pipeline::Pipeline;
use super::rejects::Rejects;
use crate::files::Output;
use crate::input::{Input, InputError, LineChunks, Lookups, check_columns};
use crate::manifest::StarTable;
use crate::report::{RunReport, StarReport};
use crate::sandbox::{CONTRACT_VERSION, Plugin};
use crate::star::{Metadata, StarError, StarFile, preview};
use std::path::PathBuf;
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
    let metadata = metadata(plugin, &input.lineage());
    let file = |table: &StarTable| {
        let path = options.out.as_ref().map(|folder| folder.join(format!("{}.parquet", table.name)));
        path.map(|path| StarFile::create(&path, table, &metadata)).transpose()
    };
    let files = plugin.manifest().star_tables.iter().map(file).collect::<Result<_, StarError>>()?;
    let rejects_path = options.out.as_ref().map(|folder| folder.join("rejects.jsonl"));
    let rejects = Rejects::new(&plugin.manifest().name, input.lineage(), rejects_path.as_deref())
        .map_err(|source| RunError::rejects(rejects_path.as_deref(), source))?;
    let collector = Collector::new(plugin, input.name(), options.first_record, options.preview_rows, files, rejects);
    let pipeline = Pipeline {
        plugin,
        lookups,
        calendar: None,
        sequence: options.sequence,
        first_record: options.first_record,
        threads: options.threads.max(1),
        progress,
    };
    let collected = pipeline.run(chunks, collector).finish()?;
    let report = report(plugin, options, collected)?;
    Ok(RunReport { input: input.name(), threads: options.threads, seconds: started.elapsed().as_secs_f64(), ..report })
}

/// Ends the files, where the rejects are within their budget, and says what was done.
fn report(plugin: &Plugin, options: &RunOptions, collected: Collected) -> Result<RunReport, RunError> {
    let held = collected.is_held(&options.budget);
    let rejects_path = match collected.rejects_output {
        Some(Output::Place(file)) => {
            let path = file.path().to_owned();
            Some(file.place().map_err(|source| RunError::rejects(Some(&path), source))?)
        }
        Some(Output::Spool(_)) | None => None::<PathBuf>,
    };
    let mut star_tables = Vec::new();
    for (table, rows) in plugin.manifest().star_tables.iter().zip(collected.tables) {
        let preview = rows.first.map_or(Ok(Vec::new()), |group| preview(table, group))?;
        let file = rows.file.filter(|_| !held).map(StarFile::finish).transpose()?;
        star_tables.push(StarReport::new(table, rows.rows, file, preview));
    }
    Ok(RunReport {
        rows_in: collected.records,
        rejects: collected.rejects,
        rejects_by_host: collected.rejects_by_host,
        held,
        reject_groups: collected.reject_groups,
        rejects_path,
        star_tables,
        usage: collected.usage,
        log: collected.log,
        ..RunReport::of_plugin(plugin)
    })
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
pub(crate) fn metadata(plugin: &Plugin, input: &str) -> Metadata {
    Metadata::default()
        .with("star:input", input)
        .with("star:plugin", &plugin.manifest().name)
        .with("star:plugin-version", &plugin.manifest().version)
        .with("star:plugin-digest", plugin.digest())
        .with("star:contract-version", CONTRACT_VERSION)
        .with("star:host-version", env!("CARGO_PKG_VERSION"))
}
