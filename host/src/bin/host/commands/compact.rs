//! Joining the small files of fact tables.

use super::lake::existing_star;
use super::{Failure, boxed, now, runtime};
use crate::arguments::CompactArguments;
use crate::screen;
use host::compact::{CompactError, CompactOptions, CompactReport, Parts, compact};
use host::config::Config;
use host::error::{Exit, Explain};
use std::sync::Arc;

pub(crate) fn compact_command(config: &Config, arguments: CompactArguments, json: bool) -> Result<Exit, Failure> {
    let report = run_compact(config, arguments.tables, json)?;
    Ok(exit_of(&report).max(screen::show_compacted(&report, json)))
}

/// Joins the files of some fact tables, or of all.
pub(crate) fn run_compact(config: &Config, tables: Vec<String>, json: bool) -> Result<CompactReport, Failure> {
    let run = uuid::Uuid::now_v7().to_string();
    let runtime = runtime()?;
    let options = CompactOptions { tables, ..CompactOptions::default() };
    match existing_star(config, runtime, &run)? {
        Some(star) => {
            let bar = screen::rows_bar(json);
            let parts = Parts { star, clock: Arc::new(now), run };
            let report = compact(&parts, &options, &|progress| bar.show_files(progress));
            bar.clear();
            report.map_err(boxed)
        }
        None => without_tables(run, options).map_err(boxed),
    }
}

/// What is said where there are no star tables yet.
fn without_tables(run: String, options: CompactOptions) -> Result<CompactReport, CompactError> {
    match options.tables.into_iter().next() {
        Some(table) => Err(CompactError::UnknownTable { table, known: "none".to_owned() }),
        None => Ok(CompactReport { run, tables: Vec::new(), took: Default::default() }),
    }
}

/// The worst of the tables.
fn exit_of(report: &CompactReport) -> Exit {
    let exits = report.tables.iter().map(|table| table.result.as_ref().map_or_else(Explain::exit, |()| Exit::Done));
    exits.max().unwrap_or(Exit::Done)
}
