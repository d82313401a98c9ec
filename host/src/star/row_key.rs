//! The key of one row, from text.

use super::bucket::{Bucket, Buckets, hash_key};
use super::keyed::encode_keys;
use super::schema::schema;
use crate::manifest::{ColumnType, StarTable};
use crate::text::{NAME_CHARS_MAX, shown};
use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::SchemaRef;
use std::sync::Arc;

/// The key of a row of a star table.
#[derive(Clone, Debug)]
pub struct RowKey {
    /// The columns of the key, in its order.
    pub(super) schema: SchemaRef,
    /// Its bytes, as [`encode_keys`] makes them.
    pub(super) bytes: Vec<u8>,
    /// The number, where the key is one column of whole numbers.
    pub(super) number: Option<i64>,
}

/// A text that is no value of a key's column.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowKeyError {
    /// More values than columns, or fewer.
    #[error("the key has {expected} columns, and {found} values were given")]
    Count {
        /// How many there are.
        expected: usize,
        /// How many were given.
        found: usize,
    },
    /// A value of another type.
    #[error("`{column}` is of type {column_type}, and `{value}` is none")]
    Value {
        /// The column.
        column: String,
        /// Its type.
        column_type: ColumnType,
        /// What was given.
        value: String,
    },
}

impl RowKey {
    /// The key of `table` whose columns have these values, in the order of the key; a null is `None`.
    ///
    /// # Errors
    /// [`RowKeyError`].
    pub fn parse(table: &StarTable, values: &[Option<String>]) -> Result<Self, RowKeyError> {
        if values.len() != table.key.len() {
            return Err(RowKeyError::Count { expected: table.key.len(), found: values.len() });
        }
        let all = schema(table);
        let (mut fields, mut arrays) = (Vec::new(), Vec::new());
        for (name, value) in table.key.iter().zip(values) {
            let column_type = table.fields.iter().find(|field| field.name == *name).map(|field| field.column_type);
            let bad = || RowKeyError::Value {
                column: name.clone(),
                column_type: column_type.unwrap_or(ColumnType::Utf8),
                value: shown(value.as_deref().unwrap_or("null"), NAME_CHARS_MAX),
            };
            let field = all.field_with_name(name).map_err(|_| bad())?;
            let text: ArrayRef = Arc::new(StringArray::from(vec![value.as_deref()]));
            let strict = CastOptions { safe: false, ..CastOptions::default() };
            arrays.push(cast_with_options(&text, field.data_type(), &strict).map_err(|_| bad())?);
            fields.push(field.clone().with_nullable(true));
        }
        let number = match values {
            [Some(text)] if fields[0].data_type().is_signed_integer() => text.trim().parse().ok(),
            _ => None,
        };
        let schema: SchemaRef = Arc::new(arrow::datatypes::Schema::new(fields));
        let columns: Vec<usize> = (0..values.len()).collect();
        let encoded = RecordBatch::try_new(Arc::clone(&schema), arrays)
            .ok()
            .and_then(|batch| encode_keys(&batch, &columns).ok())
            .and_then(|keys| keys.last().map(<[u8]>::to_vec));
        let bytes = encoded.ok_or(RowKeyError::Count { expected: table.key.len(), found: values.len() })?;
        Ok(Self { schema, bytes, number })
    }

    /// The bucket that it belongs to.
    #[must_use]
    pub fn bucket(&self, buckets: &Buckets) -> Bucket {
        buckets.of(hash_key(&self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Field, StarKind};

    fn table(columns: &[(&str, ColumnType)]) -> StarTable {
        let field = |(name, column_type): &(&str, ColumnType)| Field {
            name: (*name).to_owned(),
            column_type: *column_type,
            nullable: false,
            references: None,
            comment: None,
        };
        StarTable {
            name: "dim_test".to_owned(),
            kind: StarKind::Dimension,
            key: columns.iter().map(|(name, _)| (*name).to_owned()).collect(),
            fields: columns.iter().map(field).collect(),
            comment: None,
        }
    }

    #[test]
    fn a_text_is_read_as_the_type_of_its_column() {
        let text = |text: &str| Some(text.to_owned());
        let one = |column_type, value| RowKey::parse(&table(&[("id", column_type)]), &[text(value)]);
        assert_eq!(one(ColumnType::Int32, "-7").unwrap().number, Some(-7));
        assert!(one(ColumnType::Utf8, "7").unwrap().number.is_none());
        let decimal = ColumnType::Decimal { precision: 10, scale: 2 };
        for (column_type, good, bad) in [
            (ColumnType::Int32, "7", "seven"),
            (ColumnType::Int64, "9223372036854775807", "1.5"),
            (ColumnType::Date, "2024-02-29", "2024-02-30"),
            (ColumnType::Timestamp, "2024-02-29T08:00:00Z", "noon"),
            (decimal, "1.50", "x"),
            (ColumnType::Boolean, "true", "perhaps"),
        ] {
            assert!(one(column_type, good).is_ok(), "{column_type} {good}");
            assert!(matches!(one(column_type, bad), Err(RowKeyError::Value { .. })), "{column_type} {bad}");
        }
        let two = table(&[("a", ColumnType::Utf8), ("b", ColumnType::Int32)]);
        assert!(RowKey::parse(&two, &[text("x"), text("1")]).is_ok());
        let error = RowKey::parse(&two, &[text("x")]).unwrap_err();
        assert_eq!(error.to_string(), "the key has 2 columns, and 1 values were given");
    }
}
