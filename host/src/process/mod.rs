//! From packets to star tables: each table is kept in step with the packets of its source, exactly once.
//!
//! ```text
//!           ┌─ log of the star table: up to which packet it holds ─┐
//! packets ──┴─► plugin ──► files in the store ──► calendar ──► commit: files + packet, in one entry of the log
//! ```
//!
//! A star table's own log says which packet it holds last, and the commit that adds a packet's rows says so in the same entry:
//! whoever looks again after a crash, a lost race or a lost trigger goes on there. Nothing else needs to be remembered.
//!
//! * A *fact* table takes the rows of each packet as they are, one file a packet.
//! * A *dimension* holds the newest row of each key, in buckets of keys, of which those that changed are written anew. It follows its
//!   source table and the tables that are looked up.
//! * The *calendar* is made of days, and is there before the facts that refer to them.
//! * *Deletions* list the keys of rows that are gone.
//!
//! All of it waits for stores: call it from a thread that may be blocked.

mod calendar;
mod checkpoints;
mod deletions;
mod dimension;
mod error;
mod fact;
mod held;
mod inspect;
pub(crate) mod keys;
mod lag;
mod late;
mod lookups;
mod packets;
mod plan;
mod publish;
mod reader;
mod replay;
mod report;
mod status;
mod table;

pub use calendar::CalendarOptions;
pub use checkpoints::{StarCheckpoint, StarFailure};
pub use error::ProcessError;
pub use inspect::{Behind, Inspection};
pub use lag::{Lag, lag};
pub use plan::Plan;
pub use replay::{ReplayOptions, replay};
pub use report::{Held, ProcessReport, StarOutcome, StarTableReport};
pub use status::{HeldPacket, StarStatus, star_status};

pub(crate) use checkpoints::read as read_star_checkpoint;
pub(crate) use fact::check_drift;
pub(crate) use late::{LateRows, late_rows};
pub(crate) use plan::{is_calendar, is_fact};
pub(crate) use table::{app, star_tables};

use crate::checkpoint::CheckpointStore;
use crate::ingest::Clock;
use crate::lake::Lake;
use crate::manifest::StarTable;
use crate::reject::RejectBudget;
use crate::sandbox::Plugin;
use crate::star::StarLake;
use packets::Packets;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::runtime::Handle;

/// How often a table is tried again when others commit first.
const TRIES_MAX: u32 = 100;

/// What a process works on.
pub struct Parts {
    /// Where packets come from.
    pub lake: Lake,
    /// Where star tables are.
    pub star: StarLake,
    /// Where it is remembered how far they are.
    pub checkpoints: Arc<dyn CheckpointStore>,
    /// The plugins.
    pub plugins: Vec<Plugin>,
    /// Whether there are more, which can't be loaded.
    pub lacks_plugins: bool,
    /// The days of the calendar.
    pub calendar: CalendarOptions,
    /// How many rejects are too many.
    pub budget: RejectBudget,
    /// What waits for the stores: a runtime of several threads.
    pub runtime: Handle,
    /// Threads that transform, 1 or more.
    pub threads: usize,
    /// The time.
    pub clock: Clock,
    /// The name of this run, that no other has.
    pub run: String,
    /// When it has to be over, if it has to: no packet is begun after that.
    pub deadline: Option<Instant>,
}

/// What is to be done.
#[derive(Clone, Debug, Default)]
pub struct ProcessOptions {
    /// Star tables, or source tables that they are made of; all if empty.
    pub tables: Vec<String>,
    /// Packets whose good rows are published although too many are bad, or the columns changed: the star table, the sequence id.
    pub accepted: Vec<(String, u64)>,
}

/// How far a process is.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The star table.
    pub table: String,
    /// How many bytes of lines are done.
    pub bytes: u64,
    /// How many plugins are done, and how many there are.
    pub plugins: (usize, usize),
}

/// What the parts of a process share.
struct Process<'a> {
    parts: &'a Parts,
    plan: &'a Plan<'a>,
    packets: Packets<'a>,
    /// What became of the calendars while facts were brought up to date.
    calendars: &'a Mutex<Vec<StarTableReport>>,
    /// Whether nothing is to be changed.
    is_dry: bool,
    /// Whether tables are made again that are up to date.
    is_replay: bool,
    progress: &'a (dyn Fn(u64) + Sync),
}

/// Brings star tables up to date. One table's failure does not stop the others; it is in the report.
///
/// # Errors
/// [`ProcessError`] if the plugins can't live together, or a table is asked for that nobody makes.
pub fn process(
    parts: &Parts,
    options: &ProcessOptions,
    progress: &(dyn Fn(&Progress) + Sync),
) -> Result<ProcessReport, ProcessError> {
    let began = Instant::now();
    let plan = Plan::new(&parts.plugins)?;
    let selected = plan.select(&options.tables)?;
    held::accept(parts, &plan, &options.accepted)?;
    tracing::info!(run = parts.run, plugins = selected.len(), "process begins");
    let known = checkpoints::known(parts);
    let packets = Packets::new(parts, checkpoints::hints(&known));
    // What facts refer to comes first, and it is looked up after the packets of the facts: so it is there.
    let mut bounds = BTreeMap::new();
    for plugin in selected.iter().filter(|plugin| plan::is_fact(plugin)) {
        let manifest = plugin.manifest();
        bounds.insert(manifest.name.as_str(), packets.last(&manifest.source_table));
    }
    let calendars = Mutex::default();
    let process = Process::new(parts, &plan, packets, &calendars);
    let mut reports =
        process.each(&selected, progress, |process, plugin| match (plan::is_calendar(plugin), plan::is_fact(plugin)) {
            (true, _) => process.calendar(plugin),
            (false, true) => process.fact(plugin, bounds.remove(plugin.manifest().name.as_str()).unwrap_or(Ok(0))),
            (false, false) => process.dimension(plugin),
        });
    let sources = if options.tables.is_empty() { plan.sources() } else { plan::sources_of(&selected) };
    if let Some(report) = process.deletions(&sources) {
        log_table(&report);
        reports.push(report);
    }
    checkpoints::write(parts, &known, &reports, &BTreeSet::new());
    let took = began.elapsed();
    let rows: u64 = reports.iter().map(|report| report.rows).sum();
    tracing::info!(run = parts.run, rows, seconds = took.as_secs_f64(), "process ends");
    Ok(ProcessReport { run: parts.run.clone(), tables: reports, took })
}

impl<'a> Process<'a> {
    fn new(
        parts: &'a Parts,
        plan: &'a Plan<'a>,
        packets: Packets<'a>,
        calendars: &'a Mutex<Vec<StarTableReport>>,
    ) -> Self {
        Self { parts, plan, packets, calendars, is_dry: false, is_replay: false, progress: &|_| {} }
    }

    /// Does the work of each plugin, one after the other, and reports on all of their tables.
    fn each(
        &self,
        plugins: &[&Plugin],
        progress: &(dyn Fn(&Progress) + Sync),
        mut work: impl FnMut(&Process<'_>, &Plugin) -> Vec<StarTableReport>,
    ) -> Vec<StarTableReport> {
        let mut reports = Vec::new();
        for (done, plugin) in plugins.iter().enumerate() {
            let began = Instant::now();
            let table = plugin.manifest().star_tables[0].name.clone();
            let tell = |bytes| progress(&Progress { table: table.clone(), bytes, plugins: (done, plugins.len()) });
            let process = Process { packets: self.packets.clone(), progress: &tell, ..*self };
            let done = match self.is_out_of_time() {
                true => out_of_time(plugin),
                false => work(&process, plugin),
            };
            for mut report in done {
                report.took = began.elapsed();
                log_table(&report);
                reports.push(report);
            }
            crate::crash::point("plugin-done");
        }
        let mut calendars = self.calendars.lock().unwrap_or_else(PoisonError::into_inner);
        for calendar in calendars.drain(..) {
            calendar.merge_into(&mut reports);
        }
        reports
    }
}

impl Process<'_> {
    fn is_out_of_time(&self) -> bool {
        self.parts.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// The reports of a plugin for which there is no time.
fn out_of_time(plugin: &Plugin) -> Vec<StarTableReport> {
    let reports = star_tables(plugin).iter().map(|table| StarTableReport::new(table, plugin)).collect();
    share_result(reports, Ok(StarOutcome::OutOfTime))
}

fn log_table(report: &StarTableReport) {
    let StarTableReport { table, packets, rows, rejects, sequence, .. } = report;
    let seconds = report.took.as_secs_f64();
    if report.gaps > 0 {
        tracing::warn!(table, gaps = report.gaps, "the lake lacks packets: their sequence ids are missing");
    }
    match &report.result {
        Ok(StarOutcome::Held(held)) => tracing::error!(
            table,
            sequence = held.sequence,
            rejects = held.rejects,
            records = held.records,
            "a packet is held: too many rejects"
        ),
        Ok(StarOutcome::Waiting { tables }) => tracing::warn!(table, ?tables, "the table waits for others"),
        Ok(StarOutcome::OutOfTime) => {
            tracing::warn!(
                table,
                packets,
                rows,
                sequence,
                seconds,
                "the time of this run is over: the next one goes on"
            );
        }
        Ok(_) => tracing::info!(table, packets, rows, rejects, sequence, seconds, "table ends"),
        Err(error) => tracing::error!(table, seconds, error = crate::error::with_causes(error), "table fails"),
    }
}

impl StarTableReport {
    fn new(table: &StarTable, plugin: &Plugin) -> Self {
        Self::of(table, plugin_name(plugin), plugin.manifest().source_table.clone())
    }

    fn of(table: &StarTable, plugin: String, source: String) -> Self {
        Self {
            table: table.name.clone(),
            kind: table.kind,
            plugin,
            source,
            result: Ok(StarOutcome::Unchanged),
            sequence: 0,
            packets: 0,
            rows: 0,
            rejects: 0,
            files: 0,
            bytes: 0,
            gaps: 0,
            took: std::time::Duration::ZERO,
        }
    }
}

impl StarTableReport {
    /// Adds what happened to a table to what is said of it.
    fn merge_into(self, reports: &mut Vec<Self>) {
        let Some(report) = reports.iter_mut().find(|report| report.table == self.table) else {
            reports.push(self);
            return;
        };
        report.sequence = report.sequence.max(self.sequence);
        report.packets += self.packets;
        report.rows += self.rows;
        report.rejects += self.rejects;
        report.files += self.files;
        report.bytes += self.bytes;
        if report.result.is_ok() {
            report.result = self.result;
        }
    }
}

/// `name@version`.
pub(crate) fn plugin_name(plugin: &Plugin) -> String {
    format!("{}@{}", plugin.manifest().name, plugin.manifest().version)
}

/// The reports of the tables of one plugin, which share how it ended.
fn share_result(mut reports: Vec<StarTableReport>, result: Result<StarOutcome, ProcessError>) -> Vec<StarTableReport> {
    match result {
        Ok(outcome) => reports.iter_mut().for_each(|report| report.result = Ok(outcome.clone())),
        Err(error) => {
            let first = reports[0].table.clone();
            for report in &mut reports[1..] {
                report.result = Err(ProcessError::Sibling { star: first.clone() });
            }
            reports[0].result = Err(error);
        }
    }
    reports
}
