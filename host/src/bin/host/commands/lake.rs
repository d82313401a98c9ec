//! The commands around the raw lake.

use super::{Failure, boxed, clients, environment, now, runtime};
use crate::arguments::{GcArguments, IngestArguments, ReconcileArguments, StatusArguments};
use crate::screen;
use host::checkpoint::known_packets;
use host::config::{Config, ObjectPlace};
use host::error::{Exit, Explain};
use host::ingest::{IngestOptions, IngestReport, Parts, What, ingest};
use host::lake::{Collected, ObjectLimits, collect_garbage};
use host::parts::{open_checkpoints, open_lake, open_source, open_star, open_star_checkpoints};
use host::process::star_status;
use host::star::StarLake;
use host::status::status;
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::Runtime;

pub(crate) fn ingest_command(config: &Config, arguments: IngestArguments, json: bool) -> Result<Exit, Failure> {
    if let (Some(from), Some(to)) = (arguments.from, arguments.to)
        && from >= to
    {
        return Err(boxed(EmptyRange));
    }
    let mut limits = ObjectLimits::default();
    limits.lines_max = arguments.object_rows.unwrap_or(limits.lines_max);
    let what = arguments.what();
    let options = IngestOptions { tables: arguments.tables, what, format: arguments.format.into(), limits };
    show(&run_ingest(config, &options, None, json)?, json)
}

pub(crate) fn reconcile_command(config: &Config, arguments: ReconcileArguments, json: bool) -> Result<Exit, Failure> {
    let options = IngestOptions { tables: arguments.tables, what: What::Sweep, ..IngestOptions::default() };
    show(&run_ingest(config, &options, None, json)?, json)
}

fn show(report: &IngestReport, json: bool) -> Result<Exit, Failure> {
    let shown = screen::show_ingest(report, json);
    Ok(exit_of(report).max(shown))
}

/// Brings rows; a run that has a deadline ends before it.
pub(crate) fn run_ingest(
    config: &Config,
    options: &IngestOptions,
    deadline: Option<Instant>,
    json: bool,
) -> Result<IngestReport, Failure> {
    let bar = screen::rows_bar(json);
    let report = runtime()?.block_on(async {
        let run = uuid::Uuid::now_v7().to_string();
        let parts = Parts {
            source: open_source(&config.flow, &environment().collect(), clients()).await.map_err(boxed)?,
            lake: open_lake(&config.flow.raw(), &run, clients()).await.map_err(boxed)?,
            checkpoints: open_checkpoints(&config.flow.checkpoints(), clients()).await.map_err(boxed)?,
            clock: Arc::new(now),
            run,
            deadline,
        };
        ingest(&parts, options, &|progress| bar.show(progress)).await.map_err(boxed)
    });
    bar.clear();
    report
}

/// The worst of the tables.
pub(super) fn exit_of(report: &IngestReport) -> Exit {
    let exits = report.tables.iter().map(|table| match &table.result {
        Err(error) => error.exit(),
        Ok(_) if table.bad_lines > 0 => Exit::BadInput,
        Ok(_) => Exit::Done,
    });
    exits.max().unwrap_or(Exit::Done)
}

pub(crate) fn status_command(config: &Config, arguments: StatusArguments, json: bool) -> Result<Exit, Failure> {
    let runtime = runtime()?;
    let (lake, tables) = runtime.block_on(async {
        let lake = open_lake(&config.flow.raw(), "status", clients()).await.map_err(boxed)?;
        let checkpoints = open_checkpoints(&config.flow.checkpoints(), clients()).await.map_err(boxed)?;
        let tables = status(&lake, &*checkpoints, &arguments.tables, now()).await.map_err(boxed)?;
        Ok::<_, Failure>((lake, tables))
    })?;
    let mut star_tables = match config.flow.star() {
        // Looking makes no folder.
        ObjectPlace::Folder(folder) if !folder.exists() => Vec::new(),
        place => {
            let star = runtime.block_on(open_star(&place, "status", runtime.handle(), clients())).map_err(boxed)?;
            let checkpoints =
                runtime.block_on(open_star_checkpoints(&config.flow.checkpoints(), clients())).map_err(boxed)?;
            star_status(&lake, &star, &*checkpoints, now()).map_err(boxed)?
        }
    };
    star_tables.retain(|star| arguments.tables.is_empty() || arguments.tables.contains(&star.source));
    let in_trouble = tables.iter().any(screen::is_in_trouble)
        || star_tables.iter().any(|star| star.held.is_some() || star.failure.is_some());
    let exit = if in_trouble { Exit::No } else { Exit::Done };
    let failed = tables.iter().filter_map(|table| table.failure.as_ref()).map(|failure| failure.exit).max();
    Ok(screen::show_status(&tables, &star_tables, json).max(exit).max(failed.unwrap_or(Exit::Done)))
}

pub(crate) fn gc_command(config: &Config, arguments: &GcArguments, json: bool) -> Result<Exit, Failure> {
    let collected = collect_raw(config, arguments.dry_run)?;
    let star = collect_star(config, arguments.dry_run)?;
    Ok(screen::show_collected(&collected, star.as_ref(), arguments.dry_run, json))
}

/// Removes from the raw lake what belongs to no packet.
pub(crate) fn collect_raw(config: &Config, is_dry: bool) -> Result<Collected, Failure> {
    runtime()?.block_on(async {
        let lake = open_lake(&config.flow.raw(), "gc", clients()).await.map_err(boxed)?;
        let checkpoints = open_checkpoints(&config.flow.checkpoints(), clients()).await.map_err(boxed)?;
        let known = known_packets(&*checkpoints).await.map_err(boxed)?;
        collect_garbage(&lake, &known, now(), is_dry).await.map_err(boxed)
    })
}

/// Removes from the star tables what they no longer need; `None` if there are none.
pub(crate) fn collect_star(config: &Config, is_dry: bool) -> Result<Option<Collected>, Failure> {
    match existing_star(config, runtime()?, "gc")? {
        Some(star) => host::star::collect_garbage(&star, now(), is_dry).map_err(boxed),
        None => Ok(None),
    }
}

/// The star tables; `None` if their folder is not there yet.
pub(super) fn existing_star(config: &Config, runtime: &Runtime, run: &str) -> Result<Option<StarLake>, Failure> {
    let place = config.flow.star();
    if matches!(&place, ObjectPlace::Folder(folder) if !folder.is_dir()) {
        return Ok(None);
    }
    runtime.block_on(open_star(&place, run, runtime.handle(), clients())).map(Some).map_err(boxed)
}

/// A range without a moment.
#[derive(Debug, thiserror::Error)]
#[error("`--from` is not before `--to`: no moment lies between them")]
struct EmptyRange;

impl Explain for EmptyRange {
    fn code(&self) -> &'static str {
        "empty-range"
    }

    fn hint(&self) -> Option<String> {
        Some("`--to` is the first moment after the range".to_owned())
    }

    fn exit(&self) -> Exit {
        Exit::Usage
    }
}
