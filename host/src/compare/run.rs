//! Two versions of a plugin over the same inputs.

use super::chunk::{ChunkDiff, SAMPLES_MAX, TablePlan, compare, is_same_text};
use super::leftover::{Leftover, Leftovers, Matched, Side};
use super::report::{CellSample, ColumnDiff, DiffReport, DiffSide, RejectDiff, RejectGroupDiff, RowSample, TableDiff};
use super::schema::schema_changes;
use crate::input::{Chunk, ChunkLimits, Input, LineChunks, Lookups};
use crate::process::{RunError, check_source, in_order, transform};
use crate::sandbox::Plugin;
use std::collections::BTreeMap;
use std::time::Instant;

/// How to compare.
#[derive(Clone, Copy, Debug)]
pub struct DiffOptions {
    /// Threads, 1 or more.
    pub threads: usize,
    /// How the lines are cut into calls.
    pub chunk: ChunkLimits,
    /// How many records are read of each input at the most.
    pub records_max: Option<u64>,
}

/// What both versions read.
#[derive(Clone, Copy)]
pub struct DiffInputs<'a> {
    /// The inputs, as the packets 1, 2, 3, ...; records are numbered over all of them.
    pub inputs: &'a [Input],
    /// The rows that the old version looks up.
    pub old_lookups: &'a Lookups,
    /// The rows that the new version looks up.
    pub new_lookups: &'a Lookups,
}

/// Runs both versions over the same lines, and says what differs. Tells `progress` how many bytes of the inputs are done.
///
/// # Errors
/// [`RunError`]: an input that can't be read or that one of the two does not read, or a version that fails on it.
pub fn diff(
    old: &Plugin,
    new: &Plugin,
    inputs: DiffInputs<'_>,
    options: DiffOptions,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<DiffReport, RunError> {
    let started = Instant::now();
    let plans = plans(old, new);
    let mut gathered = Gathered::new(old, new, &plans);
    let mut bytes_before = 0;
    for (input, sequence) in inputs.inputs.iter().zip(1..) {
        let name = input.name();
        let mut chunks = LineChunks::new(name.clone(), input.open()?, options.chunk, options.records_max);
        let first_lines = chunks.peek()?;
        check_source(old, input, first_lines)?;
        check_source(new, input, first_lines)?;
        let first_record = gathered.report.records + 1;
        let call = |plugin: &Plugin, lookups: &Lookups, chunk: &Chunk| {
            let made = transform(plugin, lookups, sequence, first_record, chunk);
            made.map_err(|faults| RunError::plugin(plugin, &name, chunk, faults))
        };
        let work = |chunk: Chunk| {
            let before = call(old, inputs.old_lookups, &chunk)?;
            let after = call(new, inputs.new_lookups, &chunk)?;
            Ok::<_, RunError>(compare(&plans, &name, &chunk, before, after))
        };
        in_order(chunks, options.threads, work, |chunk| {
            progress(bytes_before + chunk.input_end);
            gathered.take(chunk)
        })?;
        bytes_before += input.bytes().unwrap_or_default();
    }
    let report = gathered.finish(&plans)?;
    Ok(DiffReport { seconds: started.elapsed().as_secs_f64(), ..report })
}

fn plans(old: &Plugin, new: &Plugin) -> Vec<TablePlan> {
    let old_tables = &old.manifest().star_tables;
    let tables = new.manifest().star_tables.iter().enumerate();
    let plan = |(new_index, new_table)| {
        let new_table: &crate::manifest::StarTable = new_table;
        let old_index = old_tables.iter().position(|table| table.name == new_table.name)?;
        Some(TablePlan::new(old_index, &old_tables[old_index], new_index, new_table))
    };
    tables.filter_map(plan).collect()
}

/// What was found so far.
struct Gathered {
    report: DiffReport,
    /// The columns of each table, and the rows that have no pair yet.
    tables: Vec<(Vec<ColumnDiff>, Leftovers)>,
    groups: BTreeMap<(String, Option<String>), [u64; 2]>,
}

impl Gathered {
    fn new(old: &Plugin, new: &Plugin, plans: &[TablePlan]) -> Self {
        let table =
            |plan: &TablePlan| TableDiff { table: plan.name.clone(), key: plan.key.clone(), ..TableDiff::default() };
        let columns = |plan: &TablePlan| {
            let column = |name: &String| ColumnDiff { column: name.clone(), ..ColumnDiff::default() };
            (plan.columns.iter().map(|common| column(&common.name)).collect(), Leftovers::default())
        };
        Self {
            report: DiffReport {
                old: DiffSide::new(old),
                new: DiffSide::new(new),
                schema_changes: schema_changes(old.manifest(), new.manifest()),
                tables: plans.iter().map(table).collect(),
                ..DiffReport::default()
            },
            tables: plans.iter().map(columns).collect(),
            groups: BTreeMap::new(),
        }
    }

    fn take(&mut self, chunk: ChunkDiff) -> Result<(), RunError> {
        self.report.records += chunk.records;
        let [old, new] = &chunk.usage;
        self.report.old.usage.add(old);
        self.report.new.usage.add(new);
        let found = chunk.tables.into_iter().zip(&mut self.report.tables).zip(&mut self.tables);
        for ((table, diff), (columns, leftovers)) in found {
            diff.old_rows += table.old_rows;
            diff.new_rows += table.new_rows;
            diff.same += table.same;
            diff.changed += table.changed;
            for ((rows, samples), column) in table.columns.into_iter().zip(columns) {
                column.rows += rows;
                let room = SAMPLES_MAX.saturating_sub(column.samples.len());
                column.samples.extend(samples.into_iter().take(room));
            }
            table.leftovers.into_iter().try_for_each(|row| leftovers.add(row))?;
        }
        let rejects = &mut self.report.rejects;
        rejects.new += chunk.rejects.new;
        rejects.vanished += chunk.rejects.vanished;
        rejects.changed += chunk.rejects.changed;
        let room = SAMPLES_MAX.saturating_sub(rejects.samples.len());
        rejects.samples.extend(chunk.rejects.samples.into_iter().take(room));
        for (group, [old, new]) in chunk.rejects.groups {
            let counts = self.groups.entry(group).or_default();
            counts[0] += old;
            counts[1] += new;
        }
        Ok(())
    }

    fn finish(self, plans: &[TablePlan]) -> Result<DiffReport, RunError> {
        let Self { mut report, tables, groups } = self;
        for ((diff, (mut columns, leftovers)), plan) in report.tables.iter_mut().zip(tables).zip(plans) {
            let mut samples = Samples::default();
            leftovers.finish(|matched| match matched {
                Matched::Pair(old, new) => pair(diff, &mut columns, &old, &new),
                Matched::Alone(row) => alone(diff, &mut samples, plan, row),
            })?;
            diff.added_samples = samples.added.into_values().collect();
            diff.gone_samples = samples.gone.into_values().collect();
            for column in &mut columns {
                column.samples.sort_by(|left, right| (&left.input, left.line).cmp(&(&right.input, right.line)));
                column.samples.truncate(SAMPLES_MAX);
            }
            diff.columns = columns.into_iter().filter(|column| column.rows > 0).collect();
            diff.columns.sort_by_key(|column| std::cmp::Reverse(column.rows));
        }
        let reject = |((code, column), [old, new]): (_, [u64; 2])| RejectGroupDiff { code, column, old, new };
        let groups: Vec<_> = groups.into_iter().map(reject).collect();
        report.old.rejects = groups.iter().map(|group| group.old).sum();
        report.new.rejects = groups.iter().map(|group| group.new).sum();
        report.rejects = RejectDiff { groups, ..report.rejects };
        let records = report.records.max(1) as f64;
        for side in [&mut report.old, &mut report.new] {
            side.fuel_per_row = side.usage.fuel as f64 / records;
        }
        Ok(report)
    }
}

/// Rows of one version alone, the first ones, by their line.
#[derive(Default)]
struct Samples {
    added: BTreeMap<(String, u64, String), RowSample>,
    gone: BTreeMap<(String, u64, String), RowSample>,
}

fn pair(diff: &mut TableDiff, columns: &mut [ColumnDiff], old: &Leftover, new: &Leftover) {
    let mut is_same = true;
    for ((old_cell, new_cell), column) in old.cells.iter().zip(&new.cells).zip(columns) {
        if is_same_text(old_cell, new_cell) {
            continue;
        }
        is_same = false;
        column.rows += 1;
        // As many again as came in order: all are sorted at the end.
        if column.samples.len() < 2 * SAMPLES_MAX {
            column.samples.push(CellSample {
                input: new.input.clone(),
                line: new.line,
                row: new.key.clone(),
                old: old_cell.clone(),
                new: new_cell.clone(),
            });
        }
    }
    if is_same { diff.same += 1 } else { diff.changed += 1 }
}

fn alone(diff: &mut TableDiff, samples: &mut Samples, plan: &TablePlan, row: Leftover) {
    let (count, samples) = match row.side {
        Side::Old => (&mut diff.gone, &mut samples.gone),
        Side::New => (&mut diff.added, &mut samples.added),
    };
    *count += 1;
    let cells = plan.columns.iter().zip(&row.cells).map(|(column, cell)| format!("{}={cell}", column.name));
    let text = std::iter::once(row.key.clone()).chain(cells).collect::<Vec<_>>().join(", ");
    samples.insert((row.input.clone(), row.line, row.key), RowSample { input: row.input, line: row.line, row: text });
    if samples.len() > SAMPLES_MAX {
        samples.pop_last();
    }
}
