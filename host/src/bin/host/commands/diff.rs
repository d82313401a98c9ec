//! `host plugin diff`, and the comparison that `host plugin publish` shows.

use super::loading::{Loader, threads};
use super::{Failure, boxed};
use crate::arguments::{DiffArguments, RowsArguments};
use crate::screen;
use host::compare::{DiffInputs, DiffOptions, DiffReport, diff};
use host::config::Config;
use host::error::Exit;
use host::input::{ChunkLimits, InputError, Lookups, LookupsBuilder};
use host::sandbox::Plugin;

pub(super) fn diff_command(config: &Config, arguments: DiffArguments, json: bool) -> Result<Exit, Failure> {
    let mut loader = Loader::new(config, threads(arguments.rows.threads))?;
    let old = loader.load_named(&arguments.old)?;
    let new = loader.load_named(&arguments.new)?;
    let report = compare(&old, &new, &arguments.rows, json)?;
    let shown = screen::diff::show_diff(&report, json);
    Ok(shown.max(if report.differs() { Exit::No } else { Exit::Done }))
}

/// Compares two versions on the rows of the command line.
pub(super) fn compare(old: &Plugin, new: &Plugin, rows: &RowsArguments, json: bool) -> Result<DiffReport, Failure> {
    let unknown: Vec<_> = rows
        .lookups
        .iter()
        .map(|(table, _)| table)
        .filter(|table| !looks_up(old, table) && !looks_up(new, table))
        .cloned()
        .collect();
    if !unknown.is_empty() {
        return Err(boxed(InputError::LookupUnknown { tables: unknown }));
    }
    let (old_lookups, new_lookups) = match rows.inputs.is_empty() {
        true => (Lookups::default(), Lookups::default()),
        false => (lookups(old, rows)?, lookups(new, rows)?),
    };
    let inputs = DiffInputs { inputs: &rows.inputs, old_lookups: &old_lookups, new_lookups: &new_lookups };
    let options =
        DiffOptions { threads: threads(rows.threads), chunk: ChunkLimits::default(), records_max: rows.limit };
    let sizes: Option<Vec<u64>> = rows.inputs.iter().map(host::input::Input::bytes).collect();
    let bar = screen::progress_bar(sizes.map(|sizes| sizes.iter().sum()), json || rows.inputs.is_empty());
    let report = diff(old, new, inputs, options, &|bytes| bar.set_position(bytes)).map_err(boxed);
    bar.finish_and_clear();
    report
}

fn looks_up(plugin: &Plugin, table: &str) -> bool {
    plugin.manifest().lookups.iter().any(|lookup| lookup.table == table)
}

/// The lookups of one of the two: a table that only the other looks up is none of its own.
fn lookups(plugin: &Plugin, rows: &RowsArguments) -> Result<Lookups, Failure> {
    let own = rows.lookups.iter().filter(|(table, _)| looks_up(plugin, table)).cloned();
    own.collect::<LookupsBuilder>().read(plugin.manifest()).map_err(boxed)
}
