//! What each command does: builds the real parts, calls the library, shows the report.

mod new;

use crate::arguments::{Arguments, Command, PluginCommand, RunArguments};
use crate::screen;
use host::config::Config;
use host::error::{Exit, Explain};
use host::input::{ChunkLimits, LookupsBuilder};
use host::process::{RunOptions, run_plugin};
use host::report::PluginReport;
use host::sandbox::{Cache, LoadError, Plugin, Sandbox};
use std::path::Path;
use std::thread::available_parallelism;

type Failure = Box<dyn Explain>;

pub(crate) fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let config = Config::read(arguments.config.as_deref(), environment()).map_err(boxed)?;
    match arguments.command {
        Command::Run(run) => run_command(&config, run, arguments.json),
        Command::Plugin(PluginCommand::Describe { plugin }) => describe_command(&config, &plugin, arguments.json),
        Command::Plugin(PluginCommand::New(new)) => new::new_command(new, arguments.json),
    }
}

fn run_command(config: &Config, arguments: RunArguments, json: bool) -> Result<Exit, Failure> {
    let threads = arguments.threads.map_or_else(|| available_parallelism().map_or(1, usize::from), usize::from);
    let plugin = load(config, &arguments.plugin, threads)?;
    let files = arguments.lookups.into_iter();
    let lookups = files.fold(LookupsBuilder::default(), |builder, (table, path)| builder.file(table, path));
    let lookups = lookups.read(plugin.manifest()).map_err(boxed)?;
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
        true => Exit::OverBudget,
        false => Exit::Done,
    }
}

fn describe_command(config: &Config, path: &Path, json: bool) -> Result<Exit, Failure> {
    let plugin = load(config, path, 1)?;
    Ok(screen::show_plugin(&PluginReport::new(&plugin), json))
}

/// Loads a plugin with the limits that the configuration has for its name.
fn load(config: &Config, path: &Path, threads: usize) -> Result<Plugin, Failure> {
    let cache = config.plugins_cache.as_deref().and_then(Cache::open);
    let sandbox = Sandbox::new(threads, cache).map_err(boxed)?;
    let plugin = sandbox.load(path, config.limits("").map_err(boxed)?).map_err(|error: LoadError| boxed(error))?;
    let limits = config.limits(&plugin.manifest().name).map_err(boxed)?;
    Ok(plugin.with_limits(limits))
}

/// The environment variables, without those that are no text.
#[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn boxed(error: impl Explain + 'static) -> Failure {
    Box::new(error)
}
