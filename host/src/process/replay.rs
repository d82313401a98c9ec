//! Star tables, made again from their packets: with the plugin that is in force now, in place.

use super::fact::{Batch, FactTables};
use super::packets::{MANIFESTS_AHEAD, first_missing};
use super::plan::{is_calendar, is_fact};
use super::reader::PacketReader;
use super::report::{StarOutcome, StarTableReport};
use super::table::{Try, app, check_owner, star_tables};
use super::{Packets, Parts, Plan, Process, ProcessError, ProcessReport, Progress, checkpoints, keys};
use crate::manifest::StarTable;
use crate::packet::Manifest;
use crate::sandbox::Plugin;
use crate::star::NewTableFile;
use crate::transform::Days;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Mutex;
use std::time::Instant;

/// What is to be made again.
#[derive(Clone, Debug)]
pub struct ReplayOptions {
    /// The star tables, or the source tables that they are made of.
    pub tables: Vec<String>,
    /// Of facts only these packets; all if left out.
    pub packets: Option<RangeInclusive<u64>>,
}

/// Makes star tables again. Each changes in one commit, in which files that come out as they were stay; how far the table has come
/// stays, too.
///
/// # Errors
/// [`ProcessError`] if the plugins can't live together, or a table is asked for that nobody makes.
pub fn replay(
    parts: &Parts,
    options: &ReplayOptions,
    progress: &(dyn Fn(&Progress) + Sync),
) -> Result<ProcessReport, ProcessError> {
    let began = Instant::now();
    let plan = Plan::new(&parts.plugins)?;
    let selected = plan.made_of(&options.tables)?;
    let calendars = Mutex::default();
    let process = Process::new(parts, &plan, Packets::new(parts, BTreeMap::new()), &calendars);
    let process = Process { is_replay: true, ..process };
    let known = checkpoints::known(parts);
    let reports = process.each(&selected, progress, |process, plugin| match (is_calendar(plugin), is_fact(plugin)) {
        (true, _) => process.calendar(plugin),
        (false, true) => process.replay_fact(plugin, options.packets.as_ref()),
        (false, false) => process.dimension(plugin),
    });
    let stopped = checkpoints::still_stopped(&known, &reports, &process.packets);
    checkpoints::write(parts, &known, &reports, &stopped);
    Ok(ProcessReport { run: parts.run.clone(), tables: reports, took: began.elapsed() })
}

impl Process<'_> {
    fn replay_fact(&self, plugin: &Plugin, range: Option<&RangeInclusive<u64>>) -> Vec<StarTableReport> {
        let tables = star_tables(plugin);
        let mut reports: Vec<_> = tables.iter().map(|table| StarTableReport::new(table, plugin)).collect();
        let result = self.until_done(&tables[0].name, || self.try_replay(plugin, &tables, range, &mut reports));
        super::share_result(reports, result)
    }

    fn try_replay(
        &self,
        plugin: &Plugin,
        tables: &[StarTable],
        range: Option<&RangeInclusive<u64>>,
        reports: &mut [StarTableReport],
    ) -> Result<Try<StarOutcome>, ProcessError> {
        let source = &plugin.manifest().source_table;
        if let Some(calendars) = self.calendars_that_fail(plugin) {
            return Ok(Try::Done(StarOutcome::Waiting { tables: calendars }));
        }
        let mut versions = Vec::new();
        for table in tables {
            match self.parts.star.open(&table.name)? {
                Some(version) => {
                    check_owner(plugin, &version)?;
                    versions.push(version);
                }
                // There is nothing to make again: a process makes it.
                None => return Ok(Try::Done(StarOutcome::Unchanged)),
            }
        }
        let app = app(plugin, source);
        let mut processed = Vec::new();
        for version in &versions {
            processed.push(self.parts.star.progress(version, &app)?.unwrap_or(0));
        }
        let mut last = processed.iter().max().copied().unwrap_or(0);
        let first = range.map_or(1, |range| (*range.start()).max(1));
        match range {
            Some(range) => {
                last = last.min(*range.end());
                for (version, processed) in versions.iter().zip(&processed) {
                    self.check_lake(version.name(), &self.parts.star.packets(version)?, source, *processed)?;
                }
            }
            // The whole table is made of what the lake has now, whatever it had before.
            None if last > self.packets.last(source)? => {
                let lake = self.packets.look_again(source)?;
                if lake == 0 {
                    let (star, table) = (tables[0].name.clone(), source.clone());
                    return Err(ProcessError::Ahead { star, table, processed: last, lake });
                }
                last = last.min(lake);
                processed.iter_mut().for_each(|processed| *processed = last.min(*processed));
            }
            None => {}
        }
        let held = self.held_sequences(plugin)?;
        let fact = FactTables { plugin, app, tables, versions, processed, held };
        let sequences = self.packets.between(source, first - 1, last)?;
        if let Some(sequence) = first_missing(first, last, &sequences) {
            return Err(ProcessError::Gap { star: tables[0].name.clone(), table: source.clone(), sequence });
        }
        let mut replayed = Replayed::new(tables.len());
        for sequences in sequences.chunks(MANIFESTS_AHEAD) {
            for manifest in self.packets.manifests(source, sequences)? {
                if let Some(held) = self.replay_packet(&fact, &manifest, &mut replayed)? {
                    return Ok(Try::Done(held));
                }
            }
        }
        self.ensure_calendar(replayed.days)?;
        let mut outcome = StarOutcome::Unchanged;
        for (index, table) in tables.iter().enumerate() {
            let mut removed = match range {
                Some(_) => self.files_of_packets(&fact, index, first..=last)?,
                None => self.parts.star.files(&fact.versions[index])?.into_iter().map(|file| file.path).collect(),
            };
            let mut added = std::mem::take(&mut replayed.files[index]);
            added.retain(|new| !removed.remove(&new.file.path));
            let report = &mut reports[index];
            (report.sequence, report.rejects) = (fact.processed[index], replayed.rejects);
            let mark = self.packets.mark(source, fact.processed[index])?;
            let held = self.parts.star.packets(&fact.versions[index])?.remove(source);
            let is_same_lake = range.is_some() || held.is_none() || held == mark;
            if added.is_empty() && removed.is_empty() && is_same_lake {
                continue;
            }
            let progress = BTreeMap::from([(fact.app.clone(), fact.processed[index])]);
            let mut change = self.change(plugin, added, removed, progress);
            if range.is_none() {
                change.packets.extend(mark.map(|mark| (source.clone(), mark)));
            }
            if let Try::Conflict = self.commit(&fact.versions[index], table, &change, report)? {
                return Ok(Try::Conflict);
            }
            report.packets = replayed.packets;
            outcome = StarOutcome::Advanced;
        }
        Ok(Try::Done(outcome))
    }

    /// Transforms a packet and stores its files; tells if it is held.
    fn replay_packet(
        &self,
        fact: &FactTables<'_>,
        manifest: &Manifest,
        replayed: &mut Replayed,
    ) -> Result<Option<StarOutcome>, ProcessError> {
        let reader = PacketReader::rows(&self.parts.runtime, &self.parts.lake, manifest);
        let mut batch = Batch::default();
        let held = self.fact_packet(fact, manifest, reader, &mut batch)?;
        if held.is_some() {
            return Ok(held);
        }
        let names: Vec<&str> = fact.tables.iter().map(|table| table.name.as_str()).collect();
        let uploads = batch.uploads.into_iter().filter(|(sequence, upload)| *sequence <= fact.processed[upload.table]);
        for (table, file) in self.parts.store_or_mend(&names, uploads.map(|(_, upload)| upload).collect(), true)? {
            replayed.files[table].push(file);
        }
        replayed.packets += 1;
        replayed.rejects += batch.rejects;
        replayed.days = Days::span(replayed.days, batch.days);
        Ok(None)
    }

    /// The files of a fact with the rows of some packets.
    fn files_of_packets(
        &self,
        fact: &FactTables<'_>,
        index: usize,
        packets: RangeInclusive<u64>,
    ) -> Result<BTreeSet<String>, ProcessError> {
        let mut files = BTreeSet::new();
        for file in self.parts.star.files(&fact.versions[index])? {
            // Rows of it that were rejected at first come with the packet now, or are rejected again.
            let late = || keys::packet_of_late(&file.path).map(|sequence| (sequence, sequence));
            let Some((first, last)) = keys::packets_of(&file.path).or_else(late) else { continue };
            if packets.contains(&first) && packets.contains(&last) {
                files.insert(file.path);
            } else if first <= *packets.end() && *packets.start() <= last {
                return Err(ProcessError::Joined {
                    table: fact.tables[index].name.clone(),
                    file: file.path,
                    first,
                    last,
                });
            }
        }
        Ok(files)
    }
}

/// What came of the packets.
struct Replayed {
    files: Vec<Vec<NewTableFile>>,
    packets: u64,
    rejects: u64,
    days: Option<Days>,
}

impl Replayed {
    fn new(tables: usize) -> Self {
        Self { files: vec![Vec::new(); tables], packets: 0, rejects: 0, days: None }
    }
}
