//! Commits: the next version of a table.

use super::mark::{PACKETS, PacketMark};
use super::schema::{delta_field, delta_schema};
use super::{COMMITS_PER_CHECKPOINT, MADE_BY, StarLake, TableError, TableFile, TableVersion, root};
use crate::manifest::StarTable;
use crate::star::stats::FileStats;
use arrow::array::{
    Array, ArrayRef, BooleanArray, Int64Array, MapBuilder, MapFieldNames, RecordBatch, StringArray, StringBuilder,
    StructArray,
};
use arrow::datatypes::{Field, Schema};
use chrono::{DateTime, Utc};
use delta_kernel::committer::FileSystemCommitter;
use delta_kernel::engine::arrow_data::ArrowEngineData;
use delta_kernel::engine_data::FilteredEngineData;
use delta_kernel::expressions::ColumnName;
use delta_kernel::transaction::create_table::create_table;
use delta_kernel::transaction::{CommitResult, Transaction, UpdateTableOperation};
use delta_kernel::{KernelError, KernelResult};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a commit is, in the words that Delta's tools know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Rows come, or rows are replaced.
    Write,
    /// The same rows in other files.
    Optimize,
}

/// A file that is in the store and shall become part of a table.
#[derive(Clone, Debug)]
pub struct NewTableFile {
    /// The file.
    pub file: TableFile,
    /// What its columns hold.
    pub stats: FileStats,
}

/// What a commit does.
#[derive(Clone, Debug)]
pub struct Change {
    /// What it is.
    pub operation: Operation,
    /// Files that become part of the table.
    pub added: Vec<NewTableFile>,
    /// The paths of files that are no longer part of it.
    pub removed: BTreeSet<String>,
    /// How far each input has come.
    pub progress: BTreeMap<String, u64>,
    /// The packets that these are, by source table.
    pub packets: BTreeMap<String, PacketMark>,
    /// What made the rows, where the table is to remember it.
    pub made_by: Option<String>,
    /// What the entry of the log says beside: the run, the plugin, the packets.
    pub info: BTreeMap<String, String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// How a commit ended.
#[derive(Clone, Debug)]
pub enum Commit {
    /// It is made; the table as it is now.
    Done(TableVersion),
    /// Somebody else has made the next version: look again.
    Conflict,
}

const ENGINE: &str = concat!("host/", env!("CARGO_PKG_VERSION"));

impl StarLake {
    /// Creates a table without rows.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn create(&self, table: &StarTable, properties: &BTreeMap<String, String>) -> Result<Commit, TableError> {
        let created = || {
            let schema = delta_schema(table)?;
            let transaction = create_table(root(&table.name), schema, ENGINE, false)
                .with_table_properties(properties)
                .build(self.engine(), Box::new(FileSystemCommitter::new()));
            match transaction {
                Ok(transaction) => self.commit_transaction(&table.name, transaction),
                // The builder looks whether there is one.
                Err(_) if matches!(self.open(&table.name), Ok(Some(_))) => Ok(Commit::Conflict),
                Err(error) => Err(error),
            }
        };
        created().map_err(|error| TableError::new(&table.name, "create", error))
    }

    /// Commits a change on top of the version `base`; `expected` are the columns that the added files have.
    ///
    /// # Errors
    /// [`TableError::Schema`] if the table can't take these columns; [`TableError::Store`] and [`TableError::Log`].
    pub fn commit(&self, base: &TableVersion, expected: &StarTable, change: &Change) -> Result<Commit, TableError> {
        let failed = |error| TableError::new(&base.name, "commit to", error);
        let columns = base.schema_change(expected).map_err(failed)?;
        if !columns.problems.is_empty() {
            return Err(TableError::Schema { table: base.name.clone(), change: Box::new(columns) });
        }
        let committed = || {
            let operation = match change.operation {
                Operation::Write => UpdateTableOperation::Write,
                Operation::Optimize => UpdateTableOperation::Optimize,
            };
            let data_change = change.operation == Operation::Write;
            let mut builder = base.snapshot.clone().update_table(operation, ENGINE, data_change);
            for field in &columns.added {
                builder = builder.add_column(delta_field(field)?);
            }
            for name in &columns.nullable {
                builder = builder.set_nullable(ColumnName::new([name]));
            }
            let info = change.info.iter().map(|(key, value)| (key.clone(), Some(value.clone())));
            builder = builder.with_operation_parameters(info);
            if let Some(made_by) = &change.made_by {
                builder = builder.with_domain_metadata(MADE_BY, made_by);
            }
            if !change.packets.is_empty() {
                let mut packets = self.read_packets(base)?;
                packets.extend(change.packets.clone());
                builder = builder.with_domain_metadata(PACKETS, &serde_json::to_string(&packets)?);
            }
            for (app, version) in &change.progress {
                builder = builder.with_transaction_id(app.clone(), version_number(*version)?);
            }
            let mut transaction = builder.build(self.engine(), Box::new(FileSystemCommitter::new()))?;
            for file in &change.added {
                transaction.add_files(Box::new(ArrowEngineData::new(add_action(file, change.at)?)));
            }
            self.remove_files(base, &mut transaction, &change.removed)?;
            self.commit_transaction(&base.name, transaction)
        };
        committed().map_err(failed)
    }

    fn commit_transaction<S>(&self, table: &str, transaction: Transaction<S>) -> KernelResult<Commit> {
        match transaction.commit(self.engine())? {
            CommitResult::Committed(committed) => {
                let version = match committed.post_commit_snapshot() {
                    Some(snapshot) => TableVersion { name: table.to_owned(), snapshot: Arc::clone(snapshot) },
                    None => match self.open(table) {
                        Ok(Some(version)) => version,
                        Ok(None) | Err(_) => return Err(KernelError::generic("the table is gone after a commit")),
                    },
                };
                if committed.post_commit_stats().commits_since_checkpoint < COMMITS_PER_CHECKPOINT {
                    return Ok(Commit::Done(version));
                }
                let version = self.checkpoint(&version).unwrap_or_else(|error| {
                    // The log is whole without it; the next commit tries again.
                    tracing::warn!(table, error = crate::error::with_causes(&error), "no checkpoint");
                    version
                });
                Ok(Commit::Done(version))
            }
            CommitResult::Conflicted(_) => Ok(Commit::Conflict),
            CommitResult::Retryable(retryable) => Err(retryable.error),
        }
    }

    fn remove_files(
        &self,
        base: &TableVersion,
        transaction: &mut Transaction,
        removed: &BTreeSet<String>,
    ) -> KernelResult<()> {
        if removed.is_empty() {
            return Ok(());
        }
        let scan = base.snapshot.clone().scan_builder().build()?;
        for metadata in scan.scan_metadata(self.engine())? {
            let (data, mut selected) = metadata?.scan_files.into_parts();
            let data = ArrowEngineData::try_from_engine_data(data)?;
            let paths = data
                .record_batch()
                .column_by_name("path")
                .and_then(|column| column.as_any().downcast_ref::<StringArray>());
            let paths = paths.ok_or_else(|| KernelError::generic("a scan without paths"))?;
            selected.resize(paths.len(), true);
            for (index, selected) in selected.iter_mut().enumerate() {
                *selected = *selected && paths.is_valid(index) && removed.contains(paths.value(index));
            }
            transaction.remove_files(FilteredEngineData::try_new(data, selected)?);
        }
        Ok(())
    }
}

fn version_number(version: u64) -> KernelResult<i64> {
    i64::try_from(version).map_err(|_| KernelError::generic("a version is larger than any"))
}

/// What the log says of a new file, as a batch of one row.
fn add_action(new: &NewTableFile, at: DateTime<Utc>) -> KernelResult<RecordBatch> {
    let number = |number: u64| i64::try_from(number).map_err(|_| KernelError::generic("a file is larger than any"));
    let names = MapFieldNames { entry: "key_value".into(), key: "key".into(), value: "value".into() };
    let mut partition = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new());
    partition.append(true)?;
    let columns: Vec<(&str, ArrayRef, bool)> = vec![
        ("path", Arc::new(StringArray::from(vec![new.file.path.as_str()])), false),
        ("partitionValues", Arc::new(partition.finish()), false),
        ("size", Arc::new(Int64Array::from(vec![number(new.file.bytes)?])), false),
        ("modificationTime", Arc::new(Int64Array::from(vec![at.timestamp_millis()])), false),
        ("stats", Arc::new(stats_of(&new.stats, number(new.file.rows)?)?), true),
    ];
    batch(columns)
}

fn stats_of(stats: &FileStats, rows: i64) -> KernelResult<StructArray> {
    let of_columns = |value: &dyn Fn(&crate::star::stats::ColumnStats) -> Option<ArrayRef>| {
        let columns = stats.columns.iter().filter_map(|column| Some((column.name.as_str(), value(column)?, true)));
        batch(columns.collect()).map(|batch| Arc::new(StructArray::from(batch)) as ArrayRef)
    };
    let nulls = of_columns(&|column| Some(Arc::new(Int64Array::from(vec![column.nulls.cast_signed()]))))?;
    let smallest = of_columns(&|column| column.range.as_ref().map(|(smallest, _)| Arc::clone(smallest)))?;
    let largest = of_columns(&|column| column.range.as_ref().map(|(_, largest)| Arc::clone(largest)))?;
    let columns: Vec<(&str, ArrayRef, bool)> = vec![
        ("numRecords", Arc::new(Int64Array::from(vec![rows])), true),
        ("nullCount", nulls, true),
        ("minValues", smallest, true),
        ("maxValues", largest, true),
        ("tightBounds", Arc::new(BooleanArray::from(vec![true])), true),
    ];
    batch(columns).map(StructArray::from)
}

/// A batch of one row.
fn batch(columns: Vec<(&str, ArrayRef, bool)>) -> KernelResult<RecordBatch> {
    let fields = columns.iter().map(|(name, array, nullable)| Field::new(*name, array.data_type().clone(), *nullable));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let arrays = columns.into_iter().map(|(_, array, _)| array).collect();
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(1));
    Ok(RecordBatch::try_new_with_options(schema, arrays, &options)?)
}
