//! The commands around the star tables.

use super::lake::{self, run_ingest};
use super::loading::{Loader, load_all, threads};
use super::{Failure, boxed, clients, now, runtime};
use crate::arguments::{ProcessArguments, ReplayArguments, SyncArguments};
use crate::screen;
use async_trait::async_trait;
use host::checkpoint::{CheckpointError, CheckpointStore};
use host::config::{Config, ObjectPlace};
use host::error::{Exit, Explain};
use host::ingest::IngestOptions;
use host::parts::{open_checkpoints, open_lake, open_star, open_star_checkpoints};
use host::process::{Parts, ProcessOptions, ProcessReport, ReplayOptions, StarOutcome, process, replay};
use host::reject::RejectBudget;
use host::sandbox::Plugin;
use host::star::StarLake;
use host::verify::verify;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

pub(crate) fn process_command(config: &Config, arguments: ProcessArguments, json: bool) -> Result<Exit, Failure> {
    let threads = threads(arguments.threads);
    let options = ProcessOptions { tables: arguments.tables, accepted: arguments.accept };
    let (parts, loader) = open_parts(config, runtime()?, threads)?;
    let report = run_process(&parts, &options, json)?;
    Ok(exit_of(&report).max(loader.worst()).max(screen::show_process(&report, json)))
}

/// Brings packets, and processes them: once, or again and again.
pub(crate) fn sync_command(config: &Config, arguments: &SyncArguments, json: bool) -> Result<Exit, Failure> {
    let threads = threads(arguments.threads);
    let stop = Stop::new()?;
    loop {
        let began = Instant::now();
        let exit = sync_once(config, threads, json, arguments.every.is_some());
        let Some(every) = arguments.every else { return exit };
        // A round that fails is told, and the next one tries again.
        if let Err(error) = exit {
            screen::show_error(error.as_ref(), json);
            if error.exit() == Exit::Usage {
                return Err(error);
            }
        }
        if stop.wait(every.saturating_sub(began.elapsed())) {
            return Ok(Exit::Done);
        }
    }
}

fn sync_once(config: &Config, threads: usize, json: bool, is_one_of_many: bool) -> Result<Exit, Failure> {
    // What can't be processed is known before rows are brought.
    let (parts, loader) = open_parts(config, runtime()?, threads)?;
    let ingested = run_ingest(config, &IngestOptions::default(), None, json)?;
    let report = run_process(&parts, &ProcessOptions::default(), json)?;
    let shown = screen::show_sync(&ingested, &report, json, is_one_of_many.then(now));
    Ok(lake::exit_of(&ingested).max(exit_of(&report)).max(loader.worst()).max(shown))
}

fn run_process(parts: &Parts, options: &ProcessOptions, json: bool) -> Result<ProcessReport, Failure> {
    let bar = screen::rows_bar(json);
    let report = process(parts, options, &|progress| bar.show_bytes(progress));
    bar.clear();
    report.map_err(boxed)
}

/// Makes star tables again, in place or in another one.
pub(crate) fn replay_command(config: &Config, arguments: ReplayArguments, json: bool) -> Result<Exit, Failure> {
    let threads = threads(arguments.threads);
    let runtime = runtime()?;
    let bar = screen::rows_bar(json);
    let tell = |progress: &host::process::Progress| bar.show_bytes(progress);
    let (report, worst) = match arguments.into {
        Some(place) => {
            let (mut parts, loader) = open_parts_in(config, runtime, &place, threads)?;
            parts.checkpoints = Arc::new(NoCheckpoints);
            let options = ProcessOptions { tables: arguments.tables, ..ProcessOptions::default() };
            (process(&parts, &options, &tell), loader.worst())
        }
        None => {
            let (parts, loader) = open_parts(config, runtime, threads)?;
            let options = ReplayOptions { tables: arguments.tables, packets: arguments.sequence };
            (replay(&parts, &options, &tell), loader.worst())
        }
    };
    bar.clear();
    let report = report.map_err(boxed)?;
    Ok(exit_of(&report).max(worst).max(screen::show_process(&report, json)))
}

/// Looks at everything, and changes nothing.
pub(crate) fn verify_command(config: &Config, json: bool) -> Result<Exit, Failure> {
    let runtime = runtime()?;
    let (parts, loader) = open_parts(config, runtime, threads(None))?;
    let checkpoints = runtime.block_on(open_checkpoints(&config.flow.checkpoints(), clients())).map_err(boxed)?;
    let bar = screen::rows_bar(json);
    let report = verify(&parts, &*checkpoints, &|progress| bar.show_table(&progress.table));
    bar.clear();
    let report = report.map_err(boxed)?;
    let exit = if report.findings.is_empty() { Exit::Done } else { Exit::No };
    Ok(screen::show_verify(&report, json).max(exit).max(loader.worst()))
}

/// What a process works on, with all plugins, which need what loaded them.
pub(super) fn open_parts<'a>(
    config: &'a Config,
    runtime: &Runtime,
    threads: usize,
) -> Result<(Parts, Loader<'a>), Failure> {
    open_parts_in(config, runtime, &config.flow.star(), threads)
}

/// The same, with star tables in `star`.
fn open_parts_in<'a>(
    config: &'a Config,
    runtime: &Runtime,
    star: &ObjectPlace,
    threads: usize,
) -> Result<(Parts, Loader<'a>), Failure> {
    let mut loader = Loader::new(config, threads)?;
    let plugins = load_all(&mut loader, config, Vec::new())?;
    let lacks_plugins = loader.worst() != Exit::Done;
    let star = open_star_tables(star, runtime)?;
    Ok((assemble(config, runtime, star, threads, plugins, lacks_plugins)?, loader))
}

/// The star tables in a place.
pub(crate) fn open_star_tables(place: &ObjectPlace, runtime: &Runtime) -> Result<StarLake, Failure> {
    let run = uuid::Uuid::now_v7().to_string();
    runtime.block_on(open_star(place, &run, runtime.handle(), clients())).map_err(boxed)
}

/// What a process works on, given its plugins.
pub(crate) fn assemble(
    config: &Config,
    runtime: &Runtime,
    star: StarLake,
    threads: usize,
    plugins: Vec<Plugin>,
    lacks_plugins: bool,
) -> Result<Parts, Failure> {
    let run = uuid::Uuid::now_v7().to_string();
    let (lake, checkpoints) = runtime.block_on(async {
        let lake = open_lake(&config.flow.raw(), &run, clients()).await.map_err(boxed)?;
        let checkpoints = open_star_checkpoints(&config.flow.checkpoints(), clients()).await.map_err(boxed)?;
        Ok::<_, Failure>((lake, checkpoints))
    })?;
    Ok(Parts {
        lake,
        star,
        checkpoints,
        plugins,
        lacks_plugins,
        calendar: config.calendar,
        budget: RejectBudget::default(),
        runtime: runtime.handle().clone(),
        threads,
        clock: Arc::new(now),
        run,
        deadline: None,
    })
}

/// Tables that are made in another place are nobody's checkpoints.
#[derive(Debug)]
struct NoCheckpoints;

#[async_trait]
impl CheckpointStore for NoCheckpoints {
    async fn read(&self, _: &str) -> Result<Option<String>, CheckpointError> {
        Ok(None)
    }

    async fn write(&self, _: &str, _: &str) -> Result<(), CheckpointError> {
        Ok(())
    }

    async fn tables(&self) -> Result<Vec<String>, CheckpointError> {
        Ok(Vec::new())
    }
}

/// The worst of the tables.
fn exit_of(report: &ProcessReport) -> Exit {
    let exits = report.tables.iter().map(|table| match &table.result {
        Err(error) => error.exit(),
        Ok(StarOutcome::Held(held)) if held.rejects_by_host * 2 > held.rejects => Exit::PluginAtFault,
        Ok(StarOutcome::Held(_)) => Exit::No,
        Ok(StarOutcome::OutOfTime) => Exit::Environment,
        Ok(_) => Exit::Done,
    });
    exits.max().unwrap_or(Exit::Done)
}

/// The wish to stop: an interrupt, or the signal to terminate.
struct Stop(std::sync::mpsc::Receiver<()>);

impl Stop {
    fn new() -> Result<Self, Failure> {
        let (sender, receiver) = std::sync::mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(super::environment_failure)?;
        std::thread::spawn(move || {
            runtime.block_on(async {
                use tokio::signal::unix::{SignalKind, signal};
                let (Ok(mut interrupt), Ok(mut terminate)) =
                    (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
                else {
                    return;
                };
                tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
                let _ = sender.send(());
            });
        });
        Ok(Self(receiver))
    }

    /// Waits so long, or until somebody wishes it to stop: then it is true.
    fn wait(&self, pause: Duration) -> bool {
        self.0.recv_timeout(pause).is_ok()
    }
}
