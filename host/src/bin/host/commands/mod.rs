//! What each command does: builds the real parts, calls the library, shows the report.

pub(crate) mod compact;
mod dev;
mod diff;
mod explain;
pub(crate) mod lake;
pub(crate) mod loading;
mod new;
mod package;
pub(crate) mod process;
mod registry;
mod rejects;
mod test;

use crate::arguments::{Arguments, Command, PluginCommand, RunArguments};
use crate::screen;
use chrono::{DateTime, Utc};
use host::aws::Clients;
use host::config::Config;
use host::error::{Exit, Explain};
use host::input::{ChunkLimits, LookupsBuilder};
use host::report::PluginReport;
use host::transform::{RunOptions, run_plugin};
use loading::{Loader, threads};
use std::path::Path;
use std::sync::{LazyLock, OnceLock};
use tokio::runtime::Runtime;

pub(crate) type Failure = Box<dyn Explain>;

pub(crate) fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let config = Config::read(arguments.config.as_deref(), environment()).map_err(boxed)?;
    let json = arguments.json;
    match arguments.command {
        Command::Run(run) => run_command(&config, run, json),
        Command::Dev(dev) => dev::dev_command(&config, dev, json),
        Command::Ingest(ingest) => lake::ingest_command(&config, ingest, json),
        Command::Process(process) => process::process_command(&config, process, json),
        Command::Replay(replay) => process::replay_command(&config, replay, json),
        Command::Verify => process::verify_command(&config, json),
        Command::Sync(sync) => process::sync_command(&config, &sync, json),
        Command::Explain(explain) => explain::explain_command(&config, &explain, json),
        Command::Rejects(rejects) => rejects::rejects_command(&config, rejects, json),
        Command::Reconcile(reconcile) => lake::reconcile_command(&config, reconcile, json),
        Command::Status(status) => lake::status_command(&config, status, json),
        Command::Compact(compact) => compact::compact_command(&config, compact, json),
        Command::Gc(gc) => lake::gc_command(&config, &gc, json),
        Command::Plugin(PluginCommand::Describe { plugin }) => describe_command(&config, &plugin, json),
        Command::Plugin(PluginCommand::New(new)) => new::new_command(new, json),
        Command::Plugin(PluginCommand::Test(test)) => test::test_command(&config, test, json),
        Command::Plugin(PluginCommand::Diff(diff)) => diff::diff_command(&config, diff, json),
        Command::Plugin(PluginCommand::Publish(publish)) => registry::publish_command(&config, publish, json),
        Command::Plugin(PluginCommand::Rollback(rollback)) => registry::rollback_command(&config, rollback, json),
        Command::Plugin(PluginCommand::Package(package)) => package::package_command(&config, &package, json),
        Command::Plugin(PluginCommand::List { name, store }) => {
            registry::list_command(&config, name.as_deref(), &store, json)
        }
    }
}

fn run_command(config: &Config, arguments: RunArguments, json: bool) -> Result<Exit, Failure> {
    let threads = threads(arguments.threads);
    let plugin = Loader::new(config, threads)?.load_named(&arguments.plugin)?;
    let lookups = LookupsBuilder::from_iter(arguments.lookups).read(plugin.manifest()).map_err(boxed)?;
    let options = RunOptions {
        threads,
        chunk: ChunkLimits { bytes_max: arguments.chunk_bytes, lines_max: arguments.chunk_lines.unwrap_or(usize::MAX) },
        records_max: arguments.limit,
        budget: arguments.max_rejects.unwrap_or_default(),
        out: arguments.out,
        first_record: arguments.first_record,
        ..RunOptions::default()
    };
    let bar = screen::progress_bar(arguments.input.bytes(), json);
    let report = run_plugin(&plugin, &arguments.input, &lookups, &options, &|bytes| bar.set_position(bytes));
    bar.finish_and_clear();
    let report = report.map_err(boxed)?;
    let shown = screen::show_run(&report, &options.budget, json);
    Ok(exit_of(&report).max(shown))
}

/// A run that is held blames the plugin if most of its rejects are lines that the plugin could not cope with.
fn exit_of(report: &host::report::RunReport) -> Exit {
    match report.held {
        true if report.rejects_by_host * 2 > report.rejects => Exit::PluginAtFault,
        true => Exit::No,
        false => Exit::Done,
    }
}

fn describe_command(config: &Config, path: &Path, json: bool) -> Result<Exit, Failure> {
    let plugin = Loader::new(config, 1)?.load_named(path)?;
    Ok(screen::show_plugin(&PluginReport::new(&plugin), json))
}

/// What waits for stores and the database: it reads on one thread while it writes on another. There is one for the whole program,
/// as the clients of a service keep their connections in it.
pub(crate) fn runtime() -> Result<&'static Runtime, Failure> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(environment_failure)?;
    Ok(RUNTIME.get_or_init(|| runtime))
}

/// The clients of AWS, of which there is one set, too.
pub(crate) fn clients() -> &'static Clients {
    static CLIENTS: LazyLock<Clients> = LazyLock::new(Clients::default);
    &CLIENTS
}

/// A machine that does not give what every program needs.
#[derive(Debug, thiserror::Error)]
#[error("the machine gives no room for what this needs")]
struct Surroundings(#[source] std::io::Error);

impl Explain for Surroundings {
    fn code(&self) -> &'static str {
        "surroundings"
    }

    fn hint(&self) -> Option<String> {
        Some("is the disk full? `TMPDIR` names another folder for temporary files".to_owned())
    }

    fn exit(&self) -> Exit {
        Exit::Environment
    }
}

pub(crate) fn environment_failure(source: std::io::Error) -> Failure {
    boxed(Surroundings(source))
}

#[expect(clippy::disallowed_methods, reason = "the one place where a run gets the time")]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// The environment variables, without those that are no text.
#[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
pub(crate) fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

pub(crate) fn boxed(error: impl Explain + 'static) -> Failure {
    Box::new(error)
}
