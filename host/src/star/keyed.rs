//! Rows with the bytes of their keys: the newest of each key, in the order of the keys.

use super::bucket::{BUCKET_ROWS_MAX, Bucket, hash_key};
use super::error::StarError;
use crate::manifest::StarTable;
use crate::state::{Keys, encode_integer, encode_text};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, Decimal128Type, Float64Type, Int32Type, Int64Type, Time64MicrosecondType,
    TimestampMicrosecondType,
};
use arrow::error::ArrowError;

/// Rows, and the bytes of the key of each.
#[derive(Clone, Debug)]
pub(super) struct KeyedRows {
    pub(super) batch: RecordBatch,
    pub(super) keys: Keys,
}

/// The indices of a table's key columns.
pub(super) fn key_columns(table: &StarTable) -> Vec<usize> {
    let index = |name: &String| table.fields.iter().position(|field| field.name == *name);
    table.key.iter().filter_map(index).collect()
}

/// The keys of the rows of a batch, as bytes that are ordered as their values are.
///
/// # Errors
/// A column of a type that no star table has.
pub(super) fn encode_keys(batch: &RecordBatch, columns: &[usize]) -> Result<Keys, StarError> {
    let mut keys = Keys::default();
    for row in 0..batch.num_rows() {
        let key = keys.buffer();
        columns.iter().try_for_each(|column| encode_value(batch.column(*column), row, key))?;
        keys.seal();
    }
    Ok(keys)
}

pub(super) fn encode_value(values: &ArrayRef, row: usize, key: &mut Vec<u8>) -> Result<(), StarError> {
    if values.is_null(row) {
        key.push(0);
        return Ok(());
    }
    key.push(1);
    match values.data_type() {
        DataType::Boolean => key.push(values.as_boolean().value(row).into()),
        DataType::Int32 => encode_integer(values.as_primitive::<Int32Type>().value(row).into(), key),
        DataType::Int64 => encode_integer(values.as_primitive::<Int64Type>().value(row), key),
        DataType::Date32 => encode_integer(values.as_primitive::<Date32Type>().value(row).into(), key),
        DataType::Decimal64(..) => encode_integer(values.as_primitive::<Decimal64Type>().value(row), key),
        DataType::Decimal128(..) => {
            let number = values.as_primitive::<Decimal128Type>().value(row).cast_unsigned() ^ (1 << 127);
            key.extend_from_slice(&number.to_be_bytes());
        }
        DataType::Time64(_) => encode_integer(values.as_primitive::<Time64MicrosecondType>().value(row), key),
        DataType::Timestamp(..) => encode_integer(values.as_primitive::<TimestampMicrosecondType>().value(row), key),
        DataType::Float64 => {
            // The order of IEEE 754 as integers, the sign aside.
            let bits = values.as_primitive::<Float64Type>().value(row).to_bits().cast_signed();
            encode_integer(bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed(), key);
        }
        DataType::Utf8 => encode_text(values.as_string::<i32>().value(row).as_bytes(), key),
        other => return Err(ArrowError::NotYetImplemented(format!("a key of type {other}")).into()),
    }
    Ok(())
}

impl KeyedRows {
    /// Of all rows of `batches` the last one of each key, in the order of the keys.
    pub(super) fn newest(batches: &[RecordBatch], columns: &[usize]) -> Result<Option<Self>, StarError> {
        let Some(first) = batches.first() else { return Ok(None) };
        let batch = concat_batches(&first.schema(), batches)?;
        let keys = encode_keys(&batch, columns)?;
        let mut order: Vec<u32> = (0..).take(keys.len()).collect();
        // Of equal keys the last row comes first.
        order.sort_unstable_by(|left, right| {
            keys.get(*left as usize).cmp(keys.get(*right as usize)).then_with(|| right.cmp(left))
        });
        order.dedup_by(|next, kept| keys.get(*next as usize) == keys.get(*kept as usize));
        Self { batch, keys }.take(&order).map(Some)
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    fn take(&self, rows: &[u32]) -> Result<Self, StarError> {
        let mut keys = Keys::default();
        rows.iter().for_each(|row| keys.push(self.keys.get(*row as usize)));
        Ok(Self { batch: take_record_batch(&self.batch, &UInt32Array::from(rows.to_vec()))?, keys })
    }

    /// Both, whose keys differ, in the order of the keys.
    pub(super) fn merge(self, other: Self) -> Result<Self, StarError> {
        let rows = Self {
            batch: concat_batches(&self.batch.schema(), [&self.batch, &other.batch])?,
            keys: (0..other.len()).fold(self.keys, |mut keys, row| {
                keys.push(other.keys.get(row));
                keys
            }),
        };
        let order = rows.keys.sorted();
        rows.take(&order)
    }

    /// Hands the rows of `bucket` to `leaf`, bucket by bucket, none with more rows than it may have.
    pub(super) fn split<E: From<StarError>>(
        self,
        bucket: Bucket,
        leaf: &mut dyn FnMut(Bucket, RecordBatch) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.len() == 0 {
            return Ok(());
        }
        if self.len() <= BUCKET_ROWS_MAX || bucket.is_smallest() {
            return leaf(bucket, self.batch);
        }
        let (ones, zeros): (Vec<u32>, Vec<u32>) =
            (0..).take(self.len()).partition(|row| bucket.next_bit(hash_key(self.keys.get(*row as usize))));
        self.take(&zeros)?.split(bucket.child(false), leaf)?;
        self.take(&ones)?.split(bucket.child(true), leaf)
    }
}
