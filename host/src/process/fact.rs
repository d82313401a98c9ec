//! Facts: the rows of each packet, in the order of the packets.

use super::packets::{MANIFESTS_AHEAD, gaps, mark};
use super::publish::StarUpload;
use super::reader::{Failure, PacketReader};
use super::report::StarOutcome;
use super::table::{Try, app, star_tables};
use super::{Process, ProcessError, StarTableReport, keys, plugin_name};
use crate::input::{LineChunks, Lookups, check_packet_columns};
use crate::manifest::StarTable;
use crate::packet::Manifest;
use crate::sandbox::Plugin;
use crate::star::{PacketMark, TableVersion};
use crate::transform::{
    CalendarColumns, Days, PacketInput, PacketOptions, RunError, TransformedPacket, transform_packet,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How many packets are read ahead; each takes some megabytes.
const READERS_AHEAD: usize = 4;

/// With so many rows a commit is made, whatever else is to come.
const ROWS_PER_COMMIT: u64 = 1_000_000;
/// And with so many packets.
const PACKETS_PER_COMMIT: usize = 256;
/// And with so many bytes, which may be in memory.
const BYTES_PER_COMMIT: u64 = 32 * 1024 * 1024;

/// Packets that are transformed and not yet committed.
#[derive(Default)]
pub(super) struct Batch {
    /// The last packet.
    last: u64,
    pub(super) mark: Option<PacketMark>,
    packets: u64,
    rows: u64,
    bytes: u64,
    pub(super) rejects: u64,
    pub(super) days: Option<Days>,
    /// The files, with the packet of each.
    pub(super) uploads: Vec<(u64, StarUpload)>,
}

/// The star tables of a plugin while they are brought up to date.
pub(super) struct FactTables<'a> {
    pub(super) plugin: &'a Plugin,
    pub(super) app: String,
    pub(super) tables: &'a [StarTable],
    pub(super) versions: Vec<TableVersion>,
    /// The last packet that each holds.
    pub(super) processed: Vec<u64>,
    /// The packets that were held before.
    pub(super) held: BTreeSet<u64>,
}

impl Process<'_> {
    /// Brings the facts that a plugin makes up to the packet `bound` of its source; or tells why that could not be looked up.
    pub(super) fn fact(&self, plugin: &Plugin, bound: Result<u64, ProcessError>) -> Vec<StarTableReport> {
        let tables = star_tables(plugin);
        let mut reports: Vec<_> = tables.iter().map(|table| StarTableReport::new(table, plugin)).collect();
        let result = bound
            .and_then(|bound| self.until_done(&tables[0].name, || self.try_fact(plugin, &tables, bound, &mut reports)));
        super::share_result(reports, result)
    }

    fn try_fact(
        &self,
        plugin: &Plugin,
        tables: &[StarTable],
        bound: u64,
        reports: &mut [StarTableReport],
    ) -> Result<Try<StarOutcome>, ProcessError> {
        let source = &plugin.manifest().source_table;
        if bound == 0 {
            return self.wait_for(plugin, tables, vec![source.clone()]);
        }
        if let Some(calendars) = self.calendars_that_fail(plugin) {
            return Ok(Try::Done(StarOutcome::Waiting { tables: calendars }));
        }
        let versions = self.open_tables(plugin, tables)?;
        let held = self.held_sequences(plugin)?;
        let mut fact = FactTables { plugin, app: app(plugin, source), tables, versions, processed: Vec::new(), held };
        for version in &fact.versions {
            let processed = self.parts.star.progress(version, &fact.app)?.unwrap_or(0);
            fact.processed.push(processed);
        }
        for (version, processed) in fact.versions.iter().zip(&fact.processed) {
            self.check_lake(version.name(), &self.parts.star.packets(version)?, source, *processed)?;
        }
        let processed = fact.processed.iter().min().copied().unwrap_or(0);
        let sequences = self.packets.between(source, processed, bound)?;
        for (report, processed) in reports.iter_mut().zip(&fact.processed) {
            (report.sequence, report.gaps) = (*processed, gaps(*processed, &sequences));
        }
        for sequences in sequences.chunks(MANIFESTS_AHEAD) {
            let manifests = self.packets.manifests(source, sequences)?;
            match self.fact_packets(&mut fact, &manifests, reports)? {
                Try::Done(None) => {}
                Try::Done(Some(stopped)) => return Ok(Try::Done(stopped)),
                Try::Conflict => return Ok(Try::Conflict),
            }
        }
        let advanced = reports.iter().any(|report| report.packets > 0);
        Ok(Try::Done(if advanced { StarOutcome::Advanced } else { StarOutcome::Unchanged }))
    }

    /// Transforms packets and commits their rows; tells what stopped it, if anything did.
    fn fact_packets(
        &self,
        fact: &mut FactTables<'_>,
        manifests: &[Manifest],
        reports: &mut [StarTableReport],
    ) -> Result<Try<Option<StarOutcome>>, ProcessError> {
        let mut batch = Batch::default();
        let mut readers = VecDeque::new();
        let mut to_open = manifests.iter();
        for manifest in manifests {
            while readers.len() < READERS_AHEAD
                && let Some(next) = to_open.next()
            {
                readers.push_back(PacketReader::rows(&self.parts.runtime, &self.parts.lake, next));
            }
            let stopped = match readers.pop_front() {
                Some(reader) => self.fact_packet(fact, manifest, reader, &mut batch),
                None => Ok(None),
            };
            // What came before is published, whatever stops the next.
            let stops = !matches!(stopped, Ok(None));
            if (stops || batch.is_full())
                && let Try::Conflict = self.publish_facts(fact, std::mem::take(&mut batch), reports)?
            {
                return Ok(Try::Conflict);
            }
            if stops {
                return stopped.map(Try::Done);
            }
        }
        match self.publish_facts(fact, batch, reports)? {
            Try::Done(()) => Ok(Try::Done(None)),
            Try::Conflict => Ok(Try::Conflict),
        }
    }

    /// Transforms a packet into the batch; tells what stops it, if anything does.
    pub(super) fn fact_packet(
        &self,
        fact: &FactTables<'_>,
        manifest: &Manifest,
        reader: PacketReader,
        batch: &mut Batch,
    ) -> Result<Option<StarOutcome>, ProcessError> {
        let plugin = fact.plugin;
        if let Some(stopped) = self.stopped_before(plugin, &fact.held, manifest.sequence)? {
            return Ok(Some(stopped));
        }
        self.check_columns(plugin, manifest)?;
        let calendar = CalendarColumns::new(plugin.manifest(), &self.plan.calendars(), self.parts.calendar.limit());
        let options = PacketOptions {
            tables: fact.tables,
            lookups: &Lookups::default(),
            calendar: Some(&calendar),
            budget: self.parts.budget,
            threads: self.parts.threads,
            progress: self.progress,
        };
        let (input, failure) = packet_input(manifest, reader);
        let transformed = transform_packet(plugin, input, &options);
        let mut transformed = transformed.map_err(|error| read_error(&failure, error))?;
        crate::crash::point("packet-transformed");
        self.store_rejects(plugin, manifest.sequence, &mut transformed, fact.held.contains(&manifest.sequence))?;
        if let Some(held) = self.hold(plugin, manifest, &transformed)? {
            return Ok(Some(StarOutcome::Held(Box::new(held))));
        }
        batch.add(manifest, transformed);
        Ok(None)
    }

    /// Stores the files of a batch and commits them, the days that they refer to first.
    fn publish_facts(
        &self,
        fact: &mut FactTables<'_>,
        batch: Batch,
        reports: &mut [StarTableReport],
    ) -> Result<Try<()>, ProcessError> {
        if batch.packets == 0 {
            return Ok(Try::Done(()));
        }
        let processed = &fact.processed;
        let uploads = batch.uploads.into_iter().filter(|(sequence, upload)| *sequence > processed[upload.table]);
        let names: Vec<&str> = fact.tables.iter().map(|table| table.name.as_str()).collect();
        let mut files = self.parts.store_files(&names, uploads.map(|(_, upload)| upload).collect())?;
        crate::crash::point("files-stored");
        self.ensure_calendar(batch.days)?;
        for (index, table) in fact.tables.iter().enumerate() {
            if fact.processed[index] >= batch.last {
                continue;
            }
            let added = files.extract_if(.., |(table, _)| *table == index).map(|(_, file)| file).collect();
            let progress = BTreeMap::from([(fact.app.clone(), batch.last)]);
            let mut change = self.change(fact.plugin, added, BTreeSet::new(), progress);
            change.packets.extend(batch.mark.clone().map(|mark| (fact.plugin.manifest().source_table.clone(), mark)));
            match self.commit(&fact.versions[index], table, &change, &mut reports[index])? {
                Try::Conflict => return Ok(Try::Conflict),
                Try::Done(version) => fact.versions[index] = version,
            }
            crate::crash::point("facts-committed");
            fact.processed[index] = batch.last;
            let report = &mut reports[index];
            (report.sequence, report.packets) = (batch.last, report.packets + batch.packets);
            report.rejects += batch.rejects;
        }
        Ok(Try::Done(()))
    }

    /// The calendars of a fact whose plugin can't be loaded: without their limits any day would do, and none would be made.
    pub(super) fn calendars_that_fail(&self, plugin: &Plugin) -> Option<Vec<String>> {
        let unknown = if self.parts.lacks_plugins { self.plan.unknown_calendars(plugin) } else { Vec::new() };
        (!unknown.is_empty()).then_some(unknown)
    }

    /// What a plugin's star tables do as long as source tables have no packet: they wait, unless they have had some.
    pub(super) fn wait_for(
        &self,
        plugin: &Plugin,
        tables: &[StarTable],
        missing: Vec<String>,
    ) -> Result<Try<StarOutcome>, ProcessError> {
        for table in tables {
            let Some(version) = self.parts.star.open(&table.name)? else { continue };
            for source in &missing {
                let processed = self.parts.star.progress(&version, &app(plugin, source))?.unwrap_or(0);
                self.check_lake(&table.name, &BTreeMap::new(), source, processed)?;
            }
        }
        Ok(Try::Done(StarOutcome::Waiting { tables: missing }))
    }

    /// Looks whether the lake has what the star table `star` holds: the packets up to `processed` of a source table, and no others
    /// of the same numbers; `held` is what the star table remembers of them.
    pub(super) fn check_lake(
        &self,
        star: &str,
        held: &BTreeMap<String, PacketMark>,
        table: &str,
        processed: u64,
    ) -> Result<(), ProcessError> {
        let mut lake = self.packets.last(table)?;
        if processed > lake {
            // The end of the table was looked up before somebody else brought and processed more.
            lake = self.packets.look_again(table)?;
        }
        if processed > lake {
            let (star, table) = (star.to_owned(), table.to_owned());
            return Err(ProcessError::Ahead { star, table, processed, lake });
        }
        let Some(held) = held.get(table).filter(|mark| mark.sequence == processed) else { return Ok(()) };
        match self.packets.mark(table, processed)? {
            Some(found) if found != *held => {
                let (star, table) = (star.to_owned(), table.to_owned());
                Err(ProcessError::OtherPackets { star, table, sequence: processed })
            }
            _ => Ok(()),
        }
    }
}

impl Batch {
    fn add(&mut self, manifest: &Manifest, transformed: TransformedPacket) {
        let sequence = manifest.sequence;
        (self.last, self.mark) = (sequence, Some(mark(manifest)));
        self.packets += 1;
        self.rejects += transformed.rejects;
        self.days = Days::span(self.days, transformed.days);
        for (table, rows) in transformed.tables.into_iter().enumerate() {
            let Some(file) = rows.file else { continue };
            self.rows += rows.rows;
            self.bytes += file.spooled.bytes;
            let name = keys::fact_file(sequence, &file.spooled.sha256);
            self.uploads.push((sequence, StarUpload { table, name, file }));
        }
    }

    fn is_full(&self) -> bool {
        self.rows >= ROWS_PER_COMMIT || self.packets >= PACKETS_PER_COMMIT as u64 || self.bytes >= BYTES_PER_COMMIT
    }
}

/// Holds the columns of a packet against those that a plugin reads.
pub(crate) fn check_drift(plugin: &Plugin, manifest: &Manifest) -> Result<(), ProcessError> {
    let problems = check_packet_columns(&plugin.manifest().source_columns, &manifest.columns);
    if problems.is_empty() {
        return Ok(());
    }
    let (table, sequence) = (manifest.table.clone(), manifest.sequence);
    let star = plugin.manifest().star_tables[0].name.clone();
    Err(ProcessError::Drift { star, table, sequence, plugin: plugin_name(plugin), problems })
}

/// A packet as it is transformed, and where it will stand what goes wrong with reading it.
pub(super) fn packet_input(manifest: &Manifest, reader: PacketReader) -> (PacketInput, Failure) {
    let failure = reader.failure();
    let name = format!("{}/{:08}", manifest.table, manifest.sequence);
    let input = PacketInput {
        lines: LineChunks::of_pieces(name.clone(), Box::new(reader)),
        name,
        sequence: manifest.sequence,
        first_record: manifest.first_record,
    };
    (input, failure)
}

/// What went wrong: with the lake, if that is where it began.
pub(super) fn read_error(failure: &Failure, error: RunError) -> ProcessError {
    failure.take().map_or_else(|| error.into(), ProcessError::Lake)
}
