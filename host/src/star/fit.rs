//! Rows as they lie in a file, as those of its table: with the table's columns, and as the host's own.

use crate::columns::{Column, ColumnValues, Rows};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, Decimal128Type, Float64Type, Int32Type, Int64Type, SchemaRef,
    Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};
use arrow::error::ArrowError;
use std::sync::Arc;

/// The columns of `schema`, out of those of a file. A column that the file lacks has nulls; what an earlier version wrote as
/// the Arrow types of its columns does not matter.
pub(super) fn fit(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let column = |field: &Arc<arrow::datatypes::Field>| match batch.column_by_name(field.name()) {
        Some(column) if column.data_type() == field.data_type() => Ok(Arc::clone(column)),
        Some(column) => cast(column, field.data_type()),
        None => Ok(new_null_array(field.data_type(), batch.num_rows())),
    };
    let columns = schema.fields().iter().map(column).collect::<Result<_, _>>()?;
    RecordBatch::try_new(Arc::clone(schema), columns)
}

/// Rows as a plugin would have handed them over.
pub(super) fn rows(batch: &RecordBatch) -> Result<Rows, ArrowError> {
    let columns = batch.columns().iter().map(column).collect::<Result<_, _>>()?;
    Ok(Rows { count: batch.num_rows(), columns, lines: None })
}

fn column(array: &ArrayRef) -> Result<Column, ArrowError> {
    let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
    Ok(Column { validity: nulls.map(|nulls| nulls.inner().sliced().to_vec()), values: values(array)? })
}

fn values(array: &ArrayRef) -> Result<ColumnValues, ArrowError> {
    Ok(match array.data_type() {
        DataType::Boolean => ColumnValues::Boolean(array.as_boolean().values().sliced().to_vec()),
        DataType::Int32 => ColumnValues::Int32(array.as_primitive::<Int32Type>().values().to_vec()),
        DataType::Int64 => ColumnValues::Int64(array.as_primitive::<Int64Type>().values().to_vec()),
        DataType::Float64 => ColumnValues::Float64(array.as_primitive::<Float64Type>().values().to_vec()),
        DataType::Decimal64(..) => ColumnValues::Decimal64(array.as_primitive::<Decimal64Type>().values().to_vec()),
        DataType::Decimal128(..) => ColumnValues::Decimal128(array.as_primitive::<Decimal128Type>().values().to_vec()),
        DataType::Date32 => ColumnValues::Date(array.as_primitive::<Date32Type>().values().to_vec()),
        DataType::Time64(TimeUnit::Microsecond) => {
            ColumnValues::Time(array.as_primitive::<Time64MicrosecondType>().values().to_vec())
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            ColumnValues::Timestamp(array.as_primitive::<TimestampMicrosecondType>().values().to_vec())
        }
        DataType::Utf8 => {
            let texts = array.as_string::<i32>();
            ColumnValues::Utf8 { offsets: texts.value_offsets().to_vec(), bytes: texts.value_data().to_vec() }
        }
        other => return Err(ArrowError::SchemaError(format!("no star table has a column of type {other}"))),
    })
}

#[cfg(test)]
mod tests {
    use super::super::schema::{array, schema};
    use super::*;
    use crate::manifest::{ColumnType, Field, StarKind, StarTable};

    fn table(fields: &[(&str, ColumnType)]) -> StarTable {
        let field = |(name, column_type): &(&str, ColumnType)| Field {
            name: (*name).to_owned(),
            column_type: *column_type,
            nullable: true,
            references: None,
            comment: None,
        };
        let fields = fields.iter().map(field).collect();
        StarTable { name: "fact_x".to_owned(), kind: StarKind::Fact, key: Vec::new(), fields, comment: None }
    }

    #[test]
    fn columns_of_all_types_come_back_as_they_were_also_from_the_middle_of_a_batch() {
        let decimal = |precision| ColumnType::Decimal { precision, scale: 2 };
        let columns = [
            (ColumnType::Boolean, ColumnValues::Boolean(vec![0b101])),
            (ColumnType::Int32, ColumnValues::Int32(vec![1, 2, 3])),
            (ColumnType::Int64, ColumnValues::Int64(vec![1, 2, 3])),
            (ColumnType::Float64, ColumnValues::Float64(vec![1.0, 2.0, 3.0])),
            (decimal(9), ColumnValues::Decimal64(vec![1, 2, 3])),
            (decimal(38), ColumnValues::Decimal128(vec![1, 2, 3])),
            (ColumnType::Date, ColumnValues::Date(vec![1, 2, 3])),
            (ColumnType::Time, ColumnValues::Time(vec![1, 2, 3])),
            (ColumnType::Timestamp, ColumnValues::Timestamp(vec![1, 2, 3])),
            (ColumnType::Utf8, ColumnValues::Utf8 { offsets: vec![0, 1, 3, 3], bytes: b"abc".to_vec() }),
        ];
        for (column_type, values) in columns {
            let schema = Arc::new(schema(&table(&[("x", column_type)])));
            let column = Column { validity: Some(vec![0b110]), values };
            let whole = RecordBatch::try_new(schema, vec![array(column, column_type, 3).unwrap()]).unwrap();
            let middle = whole.slice(1, 2);
            let mut found = rows(&middle).unwrap();
            let again = array(found.columns.remove(0), column_type, 2).unwrap();
            assert_eq!((2, middle.column(0)), (found.count, &again));
        }
    }

    #[test]
    fn a_column_that_a_file_lacks_has_nulls_and_one_with_another_width_is_widened() {
        let narrow = Arc::new(schema(&table(&[("price", ColumnType::Int32)])));
        let prices = Column { validity: None, values: ColumnValues::Int32(vec![7, 8]) };
        let batch = RecordBatch::try_new(narrow, vec![array(prices, ColumnType::Int32, 2).unwrap()]).unwrap();
        let wide = Arc::new(schema(&table(&[("note", ColumnType::Utf8), ("price", ColumnType::Int64)])));
        let found = fit(&batch, &wide).unwrap();
        assert_eq!(2, found.column(0).null_count());
        assert_eq!(&[7, 8], &found.column(1).as_primitive::<Int64Type>().values()[..]);
    }
}
