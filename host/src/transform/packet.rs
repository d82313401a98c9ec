//! One plugin over one packet, into files whose place is not known yet.

use super::collect::{Collected, CollectedTable, Collector};
use super::days::{CalendarColumns, Days};
use super::error::RunError;
use super::in_order::in_order;
use super::pipeline::{Pipeline, transform};
use super::rejects::Rejects;
use super::run::metadata;
use crate::columns::Rows;
use crate::files::{Output, Spooled};
use crate::input::{Chunk, LineChunks, Lookups};
use crate::manifest::StarTable;
use crate::reject::RejectBudget;
use crate::report::RejectGroup;
use crate::sandbox::{Plugin, Usage};
use crate::star::{SpooledFile, StarError, StarFile};

/// The rows of a packet.
pub struct PacketInput {
    /// What the packet is called: `sales_order/00000012`.
    pub name: String,
    /// The lines.
    pub lines: LineChunks,
    /// The sequence id.
    pub sequence: u64,
    /// The number of the first record.
    pub first_record: u64,
}

/// How packets are transformed.
pub struct PacketOptions<'a> {
    /// The star tables, with the types that their files have.
    pub tables: &'a [StarTable],
    /// Rows that are joined in.
    pub lookups: &'a Lookups,
    /// Which columns refer to the calendar.
    pub calendar: Option<&'a CalendarColumns>,
    /// How many rejects are too many.
    pub budget: RejectBudget,
    /// Threads, 1 or more.
    pub threads: usize,
    /// Is told how many bytes of lines are done.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// What a plugin made of a packet.
#[derive(Debug)]
pub struct TransformedPacket {
    /// Records that were read.
    pub records: u64,
    /// Records that made no row.
    pub rejects: u64,
    /// Those of them that the plugin could not cope with.
    pub rejects_by_host: u64,
    /// Whether they are too many.
    pub is_held: bool,
    /// The rejects by reason, the most frequent first.
    pub reject_groups: Vec<RejectGroup>,
    /// The rejects as JSON Lines, where there are any.
    pub rejects_file: Option<Spooled>,
    /// The star tables, in the order of the manifest.
    pub tables: Vec<TransformedTable>,
    /// How far the days go that refer to the calendar.
    pub days: Option<Days>,
    /// What the plugin used.
    pub usage: Usage,
}

/// Rows of a star table.
#[derive(Debug)]
pub struct TransformedTable {
    /// How many.
    pub rows: u64,
    /// The file; `None` where there are no rows.
    pub file: Option<SpooledFile>,
}

/// Runs `plugin` over a packet.
///
/// # Errors
/// [`RunError`].
pub fn transform_packet(
    plugin: &Plugin,
    input: PacketInput,
    options: &PacketOptions<'_>,
) -> Result<TransformedPacket, RunError> {
    let PacketInput { name, lines, sequence, first_record } = input;
    let metadata = metadata(plugin, &name);
    let file = |table: &StarTable| StarFile::spool(table, &metadata).map(Some);
    let files = options.tables.iter().map(file).collect::<Result<_, StarError>>()?;
    let collector = Collector::new(plugin, name.clone(), first_record, 0, files, Rejects::spool(name));
    let pipeline = Pipeline {
        plugin,
        lookups: options.lookups,
        calendar: options.calendar,
        sequence,
        first_record,
        threads: options.threads.max(1),
        progress: options.progress,
    };
    finish(pipeline.run(lines, collector).finish()?, &options.budget)
}

fn finish(collected: Collected, budget: &RejectBudget) -> Result<TransformedPacket, RunError> {
    let is_held = collected.is_held(budget);
    let rejects_file = match collected.rejects_output {
        Some(Output::Spool(spool)) if collected.rejects > 0 => Some(spool.finish()?),
        _ => None,
    };
    let mut tables = Vec::new();
    for table in collected.tables {
        let file = table.file.filter(|_| table.rows > 0).map(StarFile::finish_spool).transpose()?;
        tables.push(TransformedTable { rows: table.rows, file });
    }
    Ok(TransformedPacket {
        records: collected.records,
        rejects: collected.rejects,
        rejects_by_host: collected.rejects_by_host,
        is_held,
        reject_groups: collected.reject_groups,
        rejects_file,
        tables,
        days: collected.days,
        usage: collected.usage,
    })
}

/// Runs `plugin` over a packet, and hands the rows of its star tables to `take`, in order; no files are made.
///
/// # Errors
/// [`RunError`].
pub fn fold_packet(
    plugin: &Plugin,
    input: PacketInput,
    options: &PacketOptions<'_>,
    mut take: impl FnMut(Vec<Rows>) -> Result<(), StarError> + Send,
) -> Result<TransformedPacket, RunError> {
    let PacketInput { name, lines, sequence, first_record } = input;
    let work = |chunk: Chunk| match transform(plugin, options.lookups, sequence, first_record, &chunk) {
        Ok(mut isolated) => {
            let days = options.calendar.and_then(|calendar| calendar.check(&mut isolated));
            Ok((chunk, isolated, days))
        }
        Err(faults) => Err(RunError::plugin(plugin, &name, &chunk, faults)),
    };
    let mut rejects = Rejects::spool(name.clone());
    let (mut records, mut usage, mut days) = (0, Usage::default(), None);
    let mut rows_of: Vec<u64> = vec![0; options.tables.len()];
    in_order(lines, options.threads.max(1), work, |(chunk, isolated, chunk_days)| {
        records += u64::from(chunk.lines);
        usage.add(&isolated.usage);
        days = Days::span(days, chunk_days);
        let first_record = first_record + chunk.records_before;
        rejects
            .add(plugin, &chunk, first_record, &isolated.rejects)
            .map_err(|source| RunError::rejects(None, source))?;
        (options.progress)(chunk.input_end);
        for part in isolated.parts {
            part.tables.iter().zip(&mut rows_of).for_each(|(rows, sum)| *sum += rows.count as u64);
            take(part.tables)?;
        }
        Ok(())
    })?;
    let (count, count_by_host) = (rejects.count(), rejects.count_by_host());
    let (reject_groups, rejects_output) = rejects.finish();
    let table = |rows| CollectedTable { rows, first: None, file: None };
    let collected = Collected {
        records,
        rejects: count,
        rejects_by_host: count_by_host,
        reject_groups,
        rejects_output,
        tables: rows_of.into_iter().map(table).collect(),
        usage,
        log: Vec::new(),
        days,
    };
    finish(collected, &options.budget)
}
