//! Two versions of a plugin over the same inputs.

use super::cells::{packed_json, unpack};
use super::chunk::{ChunkDiff, CommonColumn, InputName, SAMPLES_MAX, TablePlan, compare, is_same_text};
use super::leftover::{Leftover, Leftovers, Matched, Side};
use super::report::{CellSample, ColumnDiff, DiffReport, DiffSide, RejectDiff, RejectGroupDiff, RowSample, TableDiff};
use super::schema::schema_changes;
use crate::input::{Chunk, ChunkLimits, Input, LineChunks, Lookups};
use crate::sandbox::Plugin;
use crate::transform::{RunError, check_source, in_order, transform};
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
    let names: Vec<_> = inputs.inputs.iter().map(Input::name).collect();
    let mut bytes_before = 0;
    for ((input, name), index) in inputs.inputs.iter().zip(&names).zip(0..) {
        let sequence = u64::from(index) + 1;
        let mut chunks = LineChunks::new(name.clone(), input.open()?, options.chunk, options.records_max);
        let first_lines = chunks.peek()?;
        check_source(old, input, first_lines)?;
        check_source(new, input, first_lines)?;
        let first_record = gathered.report.records + 1;
        let call = |plugin: &Plugin, lookups: &Lookups, chunk: &Chunk| {
            let made = transform(plugin, lookups, sequence, first_record, chunk);
            made.map_err(|faults| RunError::plugin(plugin, name, chunk, faults))
        };
        let work = |chunk: Chunk| {
            let before = call(old, inputs.old_lookups, &chunk)?;
            let after = call(new, inputs.new_lookups, &chunk)?;
            Ok::<_, RunError>(compare(&plans, InputName { index, name }, &chunk, before, after))
        };
        in_order(chunks, options.threads, work, |chunk| {
            progress(bytes_before + chunk.input_end);
            gathered.take(chunk)
        })?;
        bytes_before += input.bytes().unwrap_or_default();
    }
    let report = gathered.finish(&plans, &names)?;
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
            leftovers.add(&table.leftovers)?;
        }
        let rejects = &mut self.report.rejects;
        rejects.new += chunk.rejects.new;
        rejects.vanished += chunk.rejects.vanished;
        rejects.changed += chunk.rejects.changed;
        let room = SAMPLES_MAX.saturating_sub(rejects.samples.len());
        rejects.samples.extend(chunk.rejects.samples.into_iter().take(room));
        for (group, [old, new]) in chunk.rejects.groups {
            /// More reasons than anybody reads; the rest is counted together.
            const GROUPS_MAX: usize = 100;
            let is_known = self.groups.len() < GROUPS_MAX || self.groups.contains_key(&group);
            let group = if is_known { group } else { ("(others)".to_owned(), None) };
            let counts = self.groups.entry(group).or_default();
            counts[0] += old;
            counts[1] += new;
        }
        Ok(())
    }

    fn finish(self, plans: &[TablePlan], inputs: &[String]) -> Result<DiffReport, RunError> {
        let Self { mut report, tables, groups } = self;
        for ((diff, (mut columns, leftovers)), plan) in report.tables.iter_mut().zip(tables).zip(plans) {
            let mut matching = Matching::new(diff, &mut columns, plan, inputs);
            leftovers.finish(|matched| match matched {
                Matched::Pair(old, new) => matching.pair(old, new),
                Matched::Alone(row) => matching.alone(row),
            })?;
            matching.finish();
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

/// The first samples, by their place.
struct First<T>(BTreeMap<(u32, u64), T>);

impl<T> First<T> {
    /// Adds a sample if it is one of the first. Of one line, one is enough.
    fn add(&mut self, place: (u32, u64), sample: impl FnOnce() -> T) {
        if self.0.len() < SAMPLES_MAX || self.0.last_key_value().is_some_and(|(last, _)| place < *last) {
            self.0.entry(place).or_insert_with(sample);
            if self.0.len() > SAMPLES_MAX {
                self.0.pop_last();
            }
        }
    }
}

/// What becomes of the rows of a table that have no pair on their line.
struct Matching<'a> {
    diff: &'a mut TableDiff,
    columns: &'a mut [ColumnDiff],
    plan: &'a TablePlan,
    inputs: &'a [String],
    cells: Vec<First<CellSample>>,
    added: First<RowSample>,
    gone: First<RowSample>,
}

impl<'a> Matching<'a> {
    fn new(diff: &'a mut TableDiff, columns: &'a mut [ColumnDiff], plan: &'a TablePlan, inputs: &'a [String]) -> Self {
        let cells = columns.iter().map(|_| First(BTreeMap::new())).collect();
        Self { diff, columns, plan, inputs, cells, added: First(BTreeMap::new()), gone: First(BTreeMap::new()) }
    }

    fn pair(&mut self, old: Leftover<'_>, new: Leftover<'_>) {
        let mut is_same = true;
        let cells = unpack(old.cells).zip(unpack(new.cells)).zip(&self.plan.columns).enumerate();
        for (index, ((old_cell, new_cell), column)) in cells {
            let json = || (packed_json(old_cell, column.old_type), packed_json(new_cell, column.new_type));
            let is_same_cell = match column.old_type == column.new_type {
                true => old_cell == new_cell,
                false => {
                    let (old, new) = json();
                    is_same_text(&old, &new)
                }
            };
            if is_same_cell {
                continue;
            }
            is_same = false;
            self.columns[index].rows += 1;
            self.cells[index].add(new.place, || {
                let (old, new_json) = json();
                let input = self.inputs[new.place.0 as usize].clone();
                CellSample { input, line: new.place.1, row: self.plan.key_text(new.key), old, new: new_json }
            });
        }
        if is_same { self.diff.same += 1 } else { self.diff.changed += 1 }
    }

    fn alone(&mut self, row: Leftover<'_>) {
        let type_of = |column: &CommonColumn| match row.side {
            Side::Old => column.old_type,
            Side::New => column.new_type,
        };
        let (count, samples) = match row.side {
            Side::Old => (&mut self.diff.gone, &mut self.gone),
            Side::New => (&mut self.diff.added, &mut self.added),
        };
        *count += 1;
        samples.add(row.place, || {
            let cells = self.plan.columns.iter().zip(unpack(row.cells));
            let cells = cells.map(|(column, cell)| format!("{}={}", column.name, packed_json(cell, type_of(column))));
            RowSample {
                input: self.inputs[row.place.0 as usize].clone(),
                line: row.place.1,
                row: std::iter::once(self.plan.key_text(row.key)).chain(cells).collect::<Vec<_>>().join(", "),
            }
        });
    }

    fn finish(self) {
        self.diff.added_samples = self.added.0.into_values().collect();
        self.diff.gone_samples = self.gone.0.into_values().collect();
        let place = |sample: &CellSample| (self.inputs.iter().position(|name| *name == sample.input), sample.line);
        for (column, samples) in self.columns.iter_mut().zip(self.cells) {
            column.samples.extend(samples.0.into_values());
            column.samples.sort_by_key(place);
            column.samples.truncate(SAMPLES_MAX);
        }
    }
}
