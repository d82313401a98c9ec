//! What the columns of a file hold: how many nulls, the smallest and the largest value.

use arrow::array::{Array, ArrayRef, UInt64Array};
use arrow::compute::{SortOptions, cast, sort_to_indices, take};
use arrow::datatypes::{DataType, SchemaRef};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;

/// What the columns of a file hold.
#[derive(Clone, Debug, Default)]
pub struct FileStats {
    pub(super) columns: Vec<ColumnStats>,
}

/// What a column holds.
#[derive(Clone, Debug)]
pub(super) struct ColumnStats {
    pub(super) name: String,
    pub(super) nulls: u64,
    /// The smallest and the largest value, an array of one value each, where the type has an order that all readers share.
    pub(super) range: Option<(ArrayRef, ArrayRef)>,
}

impl FileStats {
    /// Gathers what the row groups of a file say.
    pub(super) fn new(schema: &SchemaRef, groups: &[RowGroupMetaData]) -> Result<Self, ParquetError> {
        let parquet = ArrowSchemaConverter::new().schema_root("star").convert(schema)?;
        let mut columns = Vec::new();
        for field in schema.fields() {
            let converter = StatisticsConverter::try_new(field.name(), schema, &parquet)?;
            let nulls: &UInt64Array = &converter.row_group_null_counts(groups)?;
            let nulls = nulls.iter().flatten().sum();
            let range = if has_range(field.data_type()) {
                let smallest = extreme(&converter.row_group_mins(groups)?, false)?;
                let largest = extreme(&converter.row_group_maxes(groups)?, true)?;
                smallest.zip(largest)
            } else {
                None
            };
            columns.push(ColumnStats { name: field.name().clone(), nulls, range });
        }
        Ok(Self { columns })
    }
}

/// Texts are cut in statistics, and floats have NaN: what is told of those serves nobody.
fn has_range(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Int32
            | DataType::Int64
            | DataType::Date32
            | DataType::Timestamp(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
    )
}

/// The smallest or the largest of some values that is no null, with decimals in their wide form.
fn extreme(values: &ArrayRef, descending: bool) -> Result<Option<ArrayRef>, ParquetError> {
    let options = SortOptions { descending, nulls_first: false };
    let first = sort_to_indices(values, Some(options), Some(1))?;
    let value = take(values, &first, None)?;
    if value.is_empty() || value.is_null(0) {
        return Ok(None);
    }
    Ok(Some(match value.data_type() {
        DataType::Decimal64(precision, scale) => cast(&value, &DataType::Decimal128(*precision, *scale))?,
        _ => value,
    }))
}
