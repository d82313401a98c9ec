//! Puts the results of the workers back in order, and gathers them into row groups.

use super::days::Days;
use super::error::RunError;
use super::rejects::Rejects;
use crate::columns::{Column, Rows};
use crate::files::Output;
use crate::input::Chunk;
use crate::reject::RejectBudget;
use crate::report::RejectGroup;
use crate::sandbox::{Isolated, LogLine, Plugin, TooManyFaults, Transformed, Usage};
use crate::star::{ColumnEncoder, ColumnJob, EncodedColumn, RowGroup, RowGroups, StarError, StarFile};
use std::collections::{BTreeMap, VecDeque};

/// What a worker made of a chunk.
pub(super) struct Outcome {
    pub(super) chunk: Chunk,
    pub(super) result: Result<Isolated, TooManyFaults>,
    pub(super) days: Option<Days>,
}

/// A column that is to be encoded.
pub(super) struct EncodeTask {
    table: usize,
    group: usize,
    column: usize,
    rows: usize,
    values: Column,
    job: ColumnJob,
    encoder: ColumnEncoder,
}

/// A column that was encoded.
pub(super) struct Encoded {
    table: usize,
    group: usize,
    column: usize,
    encoded: Result<EncodedColumn, StarError>,
}

impl EncodeTask {
    pub(super) fn run(self) -> Encoded {
        let Self { table, group, column, rows, values, job, encoder } = self;
        Encoded { table, group, column, encoded: encoder.encode(job, column, values, rows) }
    }
}

/// Takes chunks in order.
pub(super) struct Collector<'a> {
    plugin: &'a Plugin,
    /// The input's name.
    input: String,
    /// The number of the first record.
    first_record: u64,
    /// How many rows of each table are kept to be shown.
    preview_rows: usize,
    tables: Vec<TableSink>,
    rejects: Rejects,
    usage: Usage,
    log: Vec<LogLine>,
    records: u64,
    days: Option<Days>,
    /// Columns that wait for a worker.
    pub(super) tasks: VecDeque<EncodeTask>,
    /// Columns that a worker has, or will have.
    pub(super) tasks_open: usize,
    /// Chunks that came before their turn.
    early: BTreeMap<u64, Outcome>,
    /// The index of the chunk whose turn it is.
    pub(super) next_chunk: u64,
    /// What went wrong first.
    error: Option<RunError>,
}

struct TableSink {
    rows: u64,
    /// The rows that the report shows.
    first: RowGroups,
    groups: RowGroups,
    file: Option<StarFile>,
    groups_begun: usize,
    groups_written: usize,
    encoding: BTreeMap<usize, EncodingGroup>,
}

/// A group whose columns are being encoded.
struct EncodingGroup {
    rows: usize,
    columns: Vec<Option<EncodedColumn>>,
}

/// What was collected.
pub(super) struct Collected {
    /// Records that were read.
    pub(super) records: u64,
    pub(super) rejects: u64,
    pub(super) rejects_by_host: u64,
    pub(super) reject_groups: Vec<RejectGroup>,
    /// The rejects, where they are written.
    pub(super) rejects_output: Option<Output>,
    /// The tables, in the order of the manifest.
    pub(super) tables: Vec<CollectedTable>,
    pub(super) usage: Usage,
    pub(super) log: Vec<LogLine>,
    /// The first and the last day in columns that refer to the calendar.
    pub(super) days: Option<Days>,
}

/// Rows of a table.
pub(super) struct CollectedTable {
    pub(super) rows: u64,
    /// The first rows.
    pub(super) first: Option<RowGroup>,
    /// The file, which holds all rows and is not ended.
    pub(super) file: Option<StarFile>,
}

impl<'a> Collector<'a> {
    /// Collects what `plugin` makes of an input, into a file for each star table, where there is one.
    pub(super) fn new(
        plugin: &'a Plugin,
        input: String,
        first_record: u64,
        preview_rows: usize,
        files: Vec<Option<StarFile>>,
        rejects: Rejects,
    ) -> Self {
        let sink = |file: Option<StarFile>| TableSink {
            rows: 0,
            first: RowGroups::default(),
            groups: RowGroups::default(),
            file,
            groups_begun: 0,
            groups_written: 0,
            encoding: BTreeMap::new(),
        };
        Self {
            plugin,
            input,
            first_record,
            preview_rows,
            tables: files.into_iter().map(sink).collect(),
            rejects,
            usage: Usage::default(),
            log: Vec::new(),
            records: 0,
            days: None,
            tasks: VecDeque::new(),
            tasks_open: 0,
            early: BTreeMap::new(),
            next_chunk: 0,
            error: None,
        }
    }

    /// Whether a chunk failed, so that no more need be read.
    pub(super) fn failed(&self) -> bool {
        self.error.is_some()
    }

    /// Notes an error that is no chunk's.
    pub(super) fn fail(&mut self, error: RunError) {
        self.error.get_or_insert(error);
    }

    /// Takes what was made of the chunk with index `index`, and of all that waited for it. Gives the memory of their lines
    /// back.
    pub(super) fn take(&mut self, index: u64, outcome: Outcome) -> Vec<Vec<u8>> {
        self.early.insert(index, outcome);
        let mut buffers = Vec::new();
        while let Some(outcome) = self.early.remove(&self.next_chunk) {
            self.next_chunk += 1;
            if self.error.is_none()
                && let Err(error) = self.take_in_order(&outcome.chunk, outcome.result, outcome.days)
            {
                self.error = Some(error);
            }
            buffers.push(outcome.chunk.bytes);
        }
        buffers
    }

    fn take_in_order(
        &mut self,
        chunk: &Chunk,
        result: Result<Isolated, TooManyFaults>,
        days: Option<Days>,
    ) -> Result<(), RunError> {
        self.days = Days::span(self.days, days);
        let isolated = result.map_err(|faults| RunError::plugin(self.plugin, &self.input, chunk, faults))?;
        let first_record = self.first_record + chunk.records_before;
        self.records += u64::from(chunk.lines);
        self.usage.add(&isolated.usage);
        self.keep_log(isolated.log);
        self.rejects
            .add(self.plugin, chunk, first_record, &isolated.rejects)
            .map_err(|source| RunError::rejects(None, source))?;
        for Transformed { tables, .. } in isolated.parts {
            for (index, rows) in tables.into_iter().enumerate() {
                self.gather(index, rows)?;
            }
        }
        Ok(())
    }

    fn keep_log(&mut self, log: Vec<LogLine>) {
        /// What a report shows of the plugin's messages.
        const LOG_LINES_MAX: usize = 1_000;
        let room = LOG_LINES_MAX.saturating_sub(self.log.len());
        self.log.extend(log.into_iter().take(room));
    }

    fn gather(&mut self, table: usize, rows: Rows) -> Result<(), RunError> {
        let sink = &mut self.tables[table];
        sink.rows += rows.count as u64;
        sink.first.gather_first(&rows, self.preview_rows);
        let full = if sink.file.is_some() { sink.groups.gather(&rows) } else { Vec::new() };
        full.into_iter().try_for_each(|group| self.begin_group(table, group))
    }

    /// Makes tasks of a group's columns.
    fn begin_group(&mut self, table: usize, group: RowGroup) -> Result<(), RunError> {
        let sink = &mut self.tables[table];
        let Some(file) = &sink.file else { return Ok(()) };
        let index = sink.groups_begun;
        sink.groups_begun += 1;
        let encoder = file.encoder().clone();
        let jobs = encoder.group_writers(index)?;
        let columns = jobs.iter().map(|_| None).collect();
        sink.encoding.insert(index, EncodingGroup { rows: group.rows, columns });
        for (column, (job, values)) in jobs.into_iter().zip(group.columns).enumerate() {
            self.tasks_open += 1;
            self.tasks.push_back(EncodeTask {
                table,
                group: index,
                column,
                rows: group.rows,
                values,
                job,
                encoder: encoder.clone(),
            });
        }
        Ok(())
    }

    /// Takes an encoded column, and writes the groups that are complete and whose turn it is.
    pub(super) fn take_encoded(&mut self, encoded: Encoded) {
        self.tasks_open -= 1;
        if let Err(error) = self.put_encoded(encoded) {
            self.fail(error.into());
        }
    }

    fn put_encoded(&mut self, encoded: Encoded) -> Result<(), StarError> {
        let sink = &mut self.tables[encoded.table];
        if let Some(group) = sink.encoding.get_mut(&encoded.group) {
            group.columns[encoded.column] = Some(encoded.encoded?);
        }
        let is_complete = |group: &EncodingGroup| group.columns.iter().all(Option::is_some);
        while sink.encoding.get(&sink.groups_written).is_some_and(is_complete) {
            let group = sink.encoding.remove(&sink.groups_written);
            sink.groups_written += 1;
            if let (Some(group), Some(file)) = (group, &mut sink.file) {
                file.write_group(group.rows, group.columns.into_iter().flatten().collect())?;
            }
        }
        Ok(())
    }

    /// Begins the groups of the rows that are left, once all chunks were taken.
    pub(super) fn flush(&mut self) {
        for table in 0..self.tables.len() {
            if let Some(group) = self.tables[table].groups.finish()
                && let Err(error) = self.begin_group(table, group)
            {
                self.fail(error);
            }
        }
    }

    /// Tells what was collected.
    pub(super) fn finish(self) -> Result<Collected, RunError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let (rejects, rejects_by_host) = (self.rejects.count(), self.rejects.count_by_host());
        let (reject_groups, rejects_output) = self.rejects.finish();
        let table =
            |mut sink: TableSink| CollectedTable { rows: sink.rows, first: sink.first.finish(), file: sink.file };
        Ok(Collected {
            records: self.records,
            rejects,
            rejects_by_host,
            reject_groups,
            rejects_output,
            tables: self.tables.into_iter().map(table).collect(),
            usage: self.usage,
            log: self.log,
            days: self.days,
        })
    }
}

impl Collected {
    /// Whether the rejects are too many, so that no row is to be published.
    pub(super) fn is_held(&self, budget: &RejectBudget) -> bool {
        // A table without rows that says only that the plugin failed on each replaces nothing.
        let all_by_host = self.records > 0 && self.rejects_by_host == self.records;
        all_by_host || !budget.allows(self.rejects, self.records)
    }
}
