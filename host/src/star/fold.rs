//! Rows in the order in which they came, folded to the newest of each key.
//!
//! Rows are spread over partitions by the hash of their key; what does not fit the memory waits in temporary files. So a table of
//! any size is folded partition by partition.

use super::bucket::{BUCKET_ROWS_MAX, Bucket, Buckets, hash_key};
use super::error::StarError;
use super::keyed::{KeyedRows, encode_keys, key_columns};
use super::schema::{array, schema};
use crate::columns::Rows;
use crate::files::unlinked_file;
use crate::manifest::StarTable;
use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Seek};
use std::sync::Arc;

/// By so many bits of the hash rows are spread.
const PARTITION_BITS: u32 = 6;

/// What rows may take in memory before they wait in files.
const MEMORY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Folds rows of one dimension.
pub struct Fold {
    table: StarTable,
    schema: SchemaRef,
    columns: Vec<usize>,
    partitions: Vec<Partition>,
    bytes: usize,
}

#[derive(Default)]
struct Partition {
    batches: Vec<RecordBatch>,
    spilled: Option<StreamWriter<File>>,
}

/// Rows of a bucket, in the order of their keys.
pub struct BucketRows {
    /// The bucket.
    pub bucket: Bucket,
    pub(super) batch: RecordBatch,
}

/// What a node of the tree of buckets holds.
enum Node {
    /// Few rows, which may share a bucket with their neighbours.
    Pending(Option<KeyedRows>),
    /// Rows that are already in buckets.
    Done,
}

impl Fold {
    /// Folds rows of `table`.
    #[must_use]
    pub fn new(table: &StarTable) -> Self {
        Self {
            table: table.clone(),
            schema: Arc::new(schema(table)),
            columns: key_columns(table),
            partitions: std::iter::repeat_with(Partition::default).take(1 << PARTITION_BITS).collect(),
            bytes: 0,
        }
    }

    /// Takes rows, which are newer than all before.
    ///
    /// # Errors
    /// [`StarError`].
    pub fn take(&mut self, rows: Rows) -> Result<(), StarError> {
        if rows.count == 0 {
            return Ok(());
        }
        let count = rows.count;
        let arrays = rows.columns.into_iter().zip(&self.table.fields);
        let arrays = arrays.map(|(column, field)| array(column, field.column_type, count)).collect::<Result<_, _>>()?;
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays)?;
        let keys = encode_keys(&batch, &self.columns)?;
        let mut rows = vec![Vec::new(); self.partitions.len()];
        for row in 0..count {
            let partition = hash_key(keys.get(row)) >> (u64::BITS - PARTITION_BITS);
            rows[partition as usize].push(row as u32);
        }
        for (partition, rows) in self.partitions.iter_mut().zip(rows).filter(|(_, rows)| !rows.is_empty()) {
            let part = take_record_batch(&batch, &UInt32Array::from(rows))?;
            self.bytes += part.get_array_memory_size();
            partition.batches.push(part);
        }
        if self.bytes > MEMORY_BYTES_MAX { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> Result<(), StarError> {
        for partition in &mut self.partitions {
            for batch in partition.batches.drain(..) {
                let file = match &mut partition.spilled {
                    Some(file) => file,
                    None => partition.spilled.insert(StreamWriter::try_new(unlinked_file()?, &self.schema)?),
                };
                file.write(&batch)?;
            }
        }
        self.bytes = 0;
        Ok(())
    }

    /// Hands all rows, the newest of each key, to `leaf`: bucket by bucket.
    ///
    /// # Errors
    /// [`StarError`], and what `leaf` says.
    pub fn finish<E: From<StarError>>(mut self, leaf: &mut dyn FnMut(BucketRows) -> Result<(), E>) -> Result<(), E> {
        let mut leaf = |bucket, batch| leaf(BucketRows { bucket, batch });
        match self.node(Bucket::ALL, 0, &mut leaf)? {
            Node::Pending(Some(rows)) => rows.split(Bucket::ALL, &mut leaf),
            Node::Pending(None) | Node::Done => Ok(()),
        }
    }

    /// Hands out what lies in `bucket`, whose first partition is `first`, as far as it does not fit one bucket.
    fn node<E: From<StarError>>(
        &mut self,
        bucket: Bucket,
        first: usize,
        leaf: &mut dyn FnMut(Bucket, RecordBatch) -> Result<(), E>,
    ) -> Result<Node, E> {
        if bucket.depth() == PARTITION_BITS {
            let rows = self.partition(first)?;
            return match rows {
                Some(rows) if rows.len() > BUCKET_ROWS_MAX => rows.split(bucket, leaf).map(|()| Node::Done),
                few => Ok(Node::Pending(few)),
            };
        }
        let (zeros, ones) = (bucket.child(false), bucket.child(true));
        let half = 1 << (PARTITION_BITS - bucket.depth() - 1);
        let left = self.node(zeros, first, leaf)?;
        let right = self.node(ones, first + half, leaf)?;
        let (left, right) = match (left, right) {
            (Node::Pending(None), Node::Pending(rows)) | (Node::Pending(rows), Node::Pending(None)) => {
                return Ok(Node::Pending(rows));
            }
            (Node::Pending(Some(left)), Node::Pending(Some(right))) if left.len() + right.len() <= BUCKET_ROWS_MAX => {
                return Ok(Node::Pending(Some(left.merge(right)?)));
            }
            both => both,
        };
        for (node, bucket) in [(left, zeros), (right, ones)] {
            if let Node::Pending(Some(rows)) = node {
                rows.split(bucket, leaf)?;
            }
        }
        Ok(Node::Done)
    }

    /// The newest row of each key of a partition.
    fn partition(&mut self, index: usize) -> Result<Option<KeyedRows>, StarError> {
        let partition = std::mem::take(&mut self.partitions[index]);
        let mut batches = Vec::new();
        if let Some(mut spilled) = partition.spilled {
            spilled.finish()?;
            let mut file = spilled.into_inner()?;
            file.rewind()?;
            for batch in StreamReader::try_new(BufReader::new(file), None)? {
                batches.push(batch?);
            }
        }
        batches.extend(partition.batches);
        KeyedRows::newest(&batches, &self.columns)
    }

    /// The buckets that the rows belong to, of `buckets`, with the rows of each in the order in which they came. It is for few
    /// rows: those of some packets.
    ///
    /// # Errors
    /// [`StarError`].
    pub fn into_changes(mut self, buckets: &Buckets) -> Result<BTreeMap<Bucket, Changes>, StarError> {
        let mut changes = BTreeMap::new();
        for index in 0..self.partitions.len() {
            let Some(rows) = self.partition(index)? else { continue };
            let mut of_bucket: BTreeMap<Bucket, Vec<u32>> = BTreeMap::new();
            for row in 0..rows.len() {
                of_bucket.entry(buckets.of(hash_key(rows.keys.get(row)))).or_default().push(row as u32);
            }
            for (bucket, taken) in of_bucket {
                let batch = take_record_batch(&rows.batch, &UInt32Array::from(taken))?;
                changes.entry(bucket).or_insert_with(|| Changes { batches: Vec::new() }).batches.push(batch);
            }
        }
        Ok(changes)
    }
}

/// Rows that come into a bucket.
pub struct Changes {
    batches: Vec<RecordBatch>,
}

impl Changes {
    /// The rows of `bucket` with the changes, `old` being those it has: one bucket, or more where they are too many.
    ///
    /// # Errors
    /// [`StarError`].
    pub fn apply(
        self,
        table: &StarTable,
        bucket: Bucket,
        old: Option<BucketRows>,
    ) -> Result<Vec<BucketRows>, StarError> {
        let schema = Arc::new(schema(table));
        let old = old.map(|old| old.batch.with_schema(schema)).transpose()?;
        let batches: Vec<RecordBatch> = old.into_iter().chain(self.batches).collect();
        let mut buckets = Vec::new();
        if let Some(rows) = KeyedRows::newest(&batches, &key_columns(table))? {
            rows.split(bucket, &mut |bucket, batch| {
                buckets.push(BucketRows { bucket, batch });
                Ok::<_, StarError>(())
            })?;
        }
        Ok(buckets)
    }
}

impl BucketRows {
    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.batch.num_rows()
    }
}
