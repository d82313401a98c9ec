//! The function `process`: packets become rows of star tables.
//!
//! Every event says no more than "look now": what there is to do the star tables' own logs know. So an event that comes twice, late or
//! never changes nothing, and what can't be mended by trying again is not tried again: the next look brings it, once it is mended.

use super::event::{self, Message, ProcessEvent};
use super::failed::Failed;
use super::metrics::Metrics;
use crate::commands::compact::run_compact;
use crate::commands::lake::collect_star;
use crate::commands::loading::{Loader, load_all, threads};
use crate::commands::process::{assemble, open_star_tables};
use crate::commands::{Failure, environment_failure, runtime};
use crate::screen;
use host::config::Config;
use host::error::{Exit, Explain};
use host::process::{Parts, Plan, ProcessError, ProcessOptions, ProcessReport, StarOutcome, StarTableReport, process};
use host::sandbox::{Package, Plugin};
use host::star::StarLake;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// The folder of the package with compiled components, beside the program.
const PACKAGED_PLUGINS: &str = "plugins";

/// The function, ready for events.
pub(super) struct Process {
    config: &'static Config,
    /// The star tables, once they were needed: what was read of their logs is kept from event to event.
    star: Option<StarLake>,
    loader: Loader<'static>,
    /// Those that were in force when they were last looked for.
    plugins: Vec<Plugin>,
    /// When that was, if no event has come since.
    looked_first: Option<Instant>,
    threads: usize,
}

/// What became of the star tables of some source tables.
struct Looked {
    report: ProcessReport,
    /// The source tables that some star table could not be made of in full, and to try again may help.
    unfinished: BTreeSet<String>,
    /// Those that no plugin reads.
    unknown: Vec<String>,
}

impl Looked {
    fn nothing() -> Self {
        Self { report: ProcessReport::empty(), unfinished: BTreeSet::new(), unknown: Vec::new() }
    }
}

impl Process {
    pub(super) fn new(config: &'static Config) -> Result<Self, Failure> {
        let threads = threads(None);
        let program = std::env::current_exe().map_err(environment_failure)?;
        let package = Package::new(program.with_file_name(PACKAGED_PLUGINS));
        let tell = |name: &str, error: &dyn Explain| {
            tracing::error!(severity = "CRITICAL", plugin = name, "{}", Failed::explained(error));
        };
        let mut loader = Loader::for_package(config, threads, package, tell);
        let (plugins, looked_first) = match load_all(&mut loader, config, Vec::new()) {
            Ok(plugins) => (plugins, Some(Instant::now())),
            Err(error) if error.exit() == Exit::Environment => return Err(error),
            // It is told with the first event, as nothing may be published yet.
            Err(_) => (Vec::new(), None),
        };
        Ok(Self { config, star: None, loader, plugins, threads, looked_first })
    }

    /// Takes what was published, or taken back, since it was last looked.
    fn look_for_plugins(&mut self) -> Result<(), Failure> {
        // The first event comes right after the start.
        const FRESH: Duration = Duration::from_secs(1);
        if self.looked_first.take().is_none_or(|at| at.elapsed() > FRESH) {
            self.plugins = load_all(&mut self.loader, self.config, std::mem::take(&mut self.plugins))?;
        }
        Ok(())
    }

    pub(super) fn handle(&mut self, event: Value, deadline: Instant, metrics: &mut Metrics) -> Result<Value, Failed> {
        match event::process(event, &self.config.flow.raw())? {
            ProcessEvent::Messages(messages) => self.messages(messages, deadline, metrics),
            ProcessEvent::Tables(tables) => self.tables(tables, deadline, metrics),
            ProcessEvent::Maintain => self.maintain(),
        }
    }

    /// Looks at the tables that messages tell of. The answer names those that are to be shown again.
    fn messages(&mut self, messages: Vec<Message>, deadline: Instant, metrics: &mut Metrics) -> Result<Value, Failed> {
        let tables: BTreeSet<String> =
            messages.iter().filter_map(|message| message.tables.as_ref().ok()).flatten().cloned().collect();
        let looked = if tables.is_empty() { Ok(Looked::nothing()) } else { self.look(tables, deadline, metrics) };
        // To show messages again for what is wrong for good would help nobody: the next look brings what they tell of.
        let (unfinished, failed) = match looked {
            Ok(looked) => (looked.unfinished, failures(&looked.report, false)),
            Err(failed) if failed.is_final() => (BTreeSet::new(), Some(failed)),
            Err(failed) => return Err(failed),
        };
        if let Some(failed) = failed {
            failed.tell(metrics);
        }
        let mut failures = Vec::new();
        for Message { id, tables } in messages {
            let is_failed = match tables {
                Ok(tables) => tables.iter().any(|table| unfinished.contains(table)),
                // Nobody can do anything with it; it ends among the dead letters, where it is seen.
                Err(reason) => {
                    tracing::error!(severity = "CRITICAL", message_id = id, "a message can't be understood: {reason}");
                    metrics.add("Critical", 1);
                    true
                }
            };
            if is_failed {
                failures.push(json!({ "itemIdentifier": id }));
            }
        }
        Ok(json!({ "batchItemFailures": failures }))
    }

    /// Looks at the star tables that are made of some tables, or at all.
    fn tables(&mut self, tables: Vec<String>, deadline: Instant, metrics: &mut Metrics) -> Result<Value, Failed> {
        let looked = self.look(tables.into_iter().collect(), deadline, metrics)?;
        if let Some(unknown) = looked.unknown.first() {
            return Err(Failed::event(format!("no plugin makes or reads a table `{unknown}`")));
        }
        if let Some(failed) = failures(&looked.report, true) {
            return Err(failed);
        }
        if !looked.unfinished.is_empty() {
            let tables = looked.unfinished.into_iter().collect::<Vec<_>>().join(", ");
            return Err(Failed::retryable(format!(
                "there was no time for all packets of {tables}: the next run goes on"
            )));
        }
        Ok(screen::process_document(&looked.report))
    }

    fn look(&mut self, tables: BTreeSet<String>, deadline: Instant, metrics: &mut Metrics) -> Result<Looked, Failed> {
        self.look_for_plugins()?;
        let asks_all = tables.is_empty();
        let plan = Plan::new(&self.plugins).map_err(|error| Failed::explained(&error))?;
        let (known, unknown): (Vec<String>, Vec<String>) =
            tables.into_iter().partition(|table| plan.made_of(std::slice::from_ref(table)).is_ok());
        let lacks_plugins = self.loader.worst() != Exit::Done;
        if lacks_plugins {
            metrics.add("Critical", 1);
        } else if !unknown.is_empty() {
            tracing::warn!(tables = unknown.join(", "), "no plugin reads these tables");
        }
        if known.is_empty() && !asks_all {
            return Ok(Looked { unknown, ..Looked::nothing() });
        }
        let plugins = std::mem::take(&mut self.plugins);
        let star = match &self.star {
            Some(star) => star.clone(),
            None => self.star.insert(open_star_tables(&self.config.flow.star(), runtime()?)?).clone(),
        };
        let mut parts = assemble(self.config, runtime()?, star, self.threads, plugins, lacks_plugins)?;
        parts.deadline = Some(deadline);
        let options = ProcessOptions { tables: known, accepted: Vec::new() };
        let report = process(&parts, &options, &|_| {});
        let looked = report.map(|report| Looked { unfinished: unfinished(&parts, &report), report, unknown });
        self.plugins = parts.plugins;
        let looked = looked.map_err(|error| Failed::explained(&error))?;
        count(&looked.report, metrics);
        Ok(looked)
    }

    fn maintain(&self) -> Result<Value, Failed> {
        let joined = run_compact(self.config, Vec::new(), true)?;
        let tables = joined.tables.iter().map(|table| (table.table.as_str(), table.result.as_ref().err()));
        if let Some(failed) = Failed::of_all(tables) {
            return Err(failed);
        }
        let removed = collect_star(self.config, false)?.map_or(0, |collected| collected.keys.len());
        let files: u64 = joined.tables.iter().map(|table| table.joined).sum();
        Ok(json!({ "joined": files, "removed": removed }))
    }
}

/// The source tables of star tables that may come further at the next try.
fn unfinished(parts: &Parts, report: &ProcessReport) -> BTreeSet<String> {
    let may_come_further = |table: &&StarTableReport| match &table.result {
        Ok(outcome) => *outcome == StarOutcome::OutOfTime,
        Err(error) => error.exit() == Exit::Environment,
    };
    let stars: BTreeSet<&str> =
        report.tables.iter().filter(may_come_further).map(|table| table.table.as_str()).collect();
    let makes_one = |plugin: &&Plugin| stars.iter().any(|star| makes(plugin, star));
    // What no plugin makes, the deletions, is made of all.
    let is_of_all = stars.iter().any(|star| !parts.plugins.iter().any(|plugin| makes(plugin, star)));
    let plugins = parts.plugins.iter().filter(|plugin| is_of_all || makes_one(plugin));
    plugins.flat_map(|plugin| plugin.manifest().inputs()).cloned().collect()
}

fn makes(plugin: &Plugin, star: &str) -> bool {
    plugin.manifest().star_tables.iter().any(|table| table.name == star)
}

/// The star tables that failed; with `all` also those that the next try may bring further.
fn failures(report: &ProcessReport, all: bool) -> Option<Failed> {
    let is_meant = |error: &&ProcessError| all || error.exit() != Exit::Environment;
    Failed::of_all(
        report.tables.iter().map(|table| (table.table.as_str(), table.result.as_ref().err().filter(is_meant))),
    )
}

fn count(report: &ProcessReport, metrics: &mut Metrics) {
    for table in &report.tables {
        metrics.add("PacketsProcessed", table.packets);
        metrics.add("RowsPublished", table.rows);
        metrics.add("RowsRejected", table.rejects);
        metrics.add("MissingPackets", table.gaps);
    }
}
