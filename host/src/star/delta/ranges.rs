//! Which files of a table can hold some values, by what the log says of them.

use super::{StarLake, TableError, TableFile, TableVersion};
use crate::star::stats::{ColumnStats, FileStats};
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, TimeUnit};
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use delta_kernel::engine::arrow_data::ArrowEngineData;
use delta_kernel::{KernelError, KernelResult};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// What the log says of a file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FileRanges {
    num_records: u64,
    null_count: Map<String, Value>,
    min_values: Map<String, Value>,
    max_values: Map<String, Value>,
}

impl StarLake {
    /// The files of a table, by path, that may hold one of `values` in `column`, a column of whole numbers: those whose range the
    /// log does not know are among them.
    ///
    /// # Errors
    /// [`TableError::Store`] and [`TableError::Log`].
    pub fn files_with(
        &self,
        table: &TableVersion,
        column: &str,
        values: &BTreeSet<i64>,
    ) -> Result<Vec<TableFile>, TableError> {
        self.files_where(table, |ranges| ranges.may_hold(column, values))
    }

    /// The smallest and the largest date in a column, by what the log says of the files; `None` if it says nothing.
    ///
    /// # Errors
    /// [`TableError::Store`] and [`TableError::Log`].
    pub fn dates(&self, table: &TableVersion, column: &str) -> Result<Option<(NaiveDate, NaiveDate)>, TableError> {
        let found = RefCell::new(None::<(NaiveDate, NaiveDate)>);
        self.files_where(table, |ranges| {
            let date =
                |values: &Map<String, Value>| values.get(column).and_then(Value::as_str)?.parse::<NaiveDate>().ok();
            for date in [date(&ranges.min_values), date(&ranges.max_values)].into_iter().flatten() {
                let mut found = found.borrow_mut();
                *found = Some(found.map_or((date, date), |(first, last)| (first.min(date), last.max(date))));
            }
            false
        })?;
        Ok(found.into_inner())
    }

    /// The files of a table, by path, of which the log says what is wanted.
    pub(super) fn files_where(
        &self,
        table: &TableVersion,
        is_wanted: impl Fn(&FileRanges) -> bool,
    ) -> Result<Vec<TableFile>, TableError> {
        let mut files = Vec::new();
        self.for_each_file(table, |file, ranges| files.extend(is_wanted(&ranges).then_some(file)))?;
        files.sort_unstable();
        Ok(files)
    }

    /// The files of a table, by path, and what the log says of each.
    ///
    /// # Errors
    /// [`TableError::Store`] and [`TableError::Log`].
    pub fn files_with_ranges(&self, table: &TableVersion) -> Result<Vec<(TableFile, FileRanges)>, TableError> {
        let mut files = Vec::new();
        self.for_each_file(table, |file, ranges| files.push((file, ranges)))?;
        files.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Ok(files)
    }

    fn for_each_file(&self, table: &TableVersion, take: impl FnMut(TableFile, FileRanges)) -> Result<(), TableError> {
        self.scan_files(table, take).map_err(|error| TableError::new(table.name(), "read", error))
    }

    fn scan_files(&self, table: &TableVersion, mut take: impl FnMut(TableFile, FileRanges)) -> KernelResult<()> {
        let scan = table.snapshot.clone().scan_builder().build()?;
        for metadata in scan.scan_metadata(self.engine())? {
            let (data, mut selected) = metadata?.scan_files.into_parts();
            let data = ArrowEngineData::try_from_engine_data(data)?;
            let batch = data.record_batch();
            selected.resize(batch.num_rows(), true);
            let (paths, stats): (&StringArray, &StringArray) = (of_scan(batch, "path")?, of_scan(batch, "stats")?);
            let sizes: &Int64Array = of_scan(batch, "size")?;
            for row in (0..batch.num_rows()).filter(|row| selected[*row] && paths.is_valid(*row)) {
                let stats = stats.is_valid(row).then(|| stats.value(row));
                let ranges: FileRanges = stats.and_then(|stats| serde_json::from_str(stats).ok()).unwrap_or_default();
                let bytes = if sizes.is_valid(row) { sizes.value(row) } else { 0 };
                let bytes = u64::try_from(bytes).unwrap_or(0);
                take(TableFile { path: paths.value(row).to_owned(), bytes, rows: ranges.num_records }, ranges);
            }
        }
        Ok(())
    }
}

fn of_scan<'a, T: 'static>(batch: &'a RecordBatch, name: &str) -> KernelResult<&'a T> {
    let column = batch.column_by_name(name).and_then(|column| column.as_any().downcast_ref());
    column.ok_or_else(|| KernelError::generic(format!("a scan without the column `{name}`")))
}

impl FileRanges {
    fn may_hold(&self, column: &str, values: &BTreeSet<i64>) -> bool {
        let end = |values: &Map<String, Value>| values.get(column).and_then(Value::as_i64);
        match (end(&self.min_values), end(&self.max_values)) {
            (Some(first), Some(last)) => first <= last && values.range(first..=last).next().is_some(),
            _ => true,
        }
    }

    /// A column of which the log says something else than the file itself: nulls of another number, or a range that does not hold
    /// all values. Readers that go by ranges pass rows over then.
    #[must_use]
    pub fn contradicted<'a>(&self, stats: &'a FileStats) -> Option<&'a str> {
        let is_wrong = |column: &&ColumnStats| {
            let nulls = self.null_count.get(&column.name).and_then(Value::as_u64);
            if nulls.is_some_and(|nulls| nulls != column.nulls) {
                return true;
            }
            let Some((smallest, largest)) = &column.range else { return false };
            let data_type = smallest.data_type();
            let end = |values: &Map<String, Value>| number(values.get(&column.name)?, data_type);
            let is_above = |said: f64, held: f64| said > held + slack(data_type, held);
            end(&self.min_values).zip(number_of(smallest)).is_some_and(|(said, held)| is_above(said, held))
                || end(&self.max_values).zip(number_of(largest)).is_some_and(|(said, held)| is_above(held, said))
        };
        stats.columns.iter().find(is_wrong).map(|column| column.name.as_str())
    }
}

/// The one value of an array, as a number: days, microseconds.
fn number_of(value: &ArrayRef) -> Option<f64> {
    let number = match value.data_type() {
        DataType::Date32 => cast(value, &DataType::Int32),
        DataType::Timestamp(_, zone) => {
            let micros = cast(value, &DataType::Timestamp(TimeUnit::Microsecond, zone.clone()));
            micros.and_then(|micros| cast(&micros, &DataType::Int64))
        }
        _ => Ok(ArrayRef::clone(value)),
    };
    let number = number.and_then(|number| cast(&number, &DataType::Float64)).ok()?;
    number.as_primitive::<Float64Type>().iter().next()?
}

/// The same of a value in the log; `None` if it is written in a way of its own.
fn number(value: &Value, data_type: &DataType) -> Option<f64> {
    let micros = |moment: NaiveDateTime| moment.and_utc().timestamp_micros() as f64;
    match data_type {
        DataType::Date32 => {
            let day: NaiveDate = value.as_str()?.parse().ok()?;
            Some((day - NaiveDate::default()).num_days() as f64)
        }
        DataType::Timestamp(..) => {
            let text = value.as_str()?;
            let zoned = DateTime::parse_from_rfc3339(text).map(|moment| moment.naive_utc());
            zoned.or_else(|_| text.parse()).ok().map(micros)
        }
        _ => value.as_f64(),
    }
}

/// How far a value of the log may be off: moments are cut to milliseconds there, and decimals may be floats.
fn slack(data_type: &DataType, value: f64) -> f64 {
    match data_type {
        DataType::Timestamp(..) => 1_000.0,
        DataType::Decimal128(..) => value.abs() * 1e-12,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_ruled_out_by_its_range_alone() {
        let ranges: FileRanges =
            serde_json::from_str(r#"{"numRecords":3,"minValues":{"id":5},"maxValues":{"id":9}}"#).unwrap();
        let holds = |column: &str, values: &[i64]| ranges.may_hold(column, &values.iter().copied().collect());
        assert!(holds("id", &[5]) && holds("id", &[1, 9]) && holds("other", &[1]));
        assert!(!holds("id", &[4, 10]) && !holds("id", &[]));
        assert!(FileRanges::default().may_hold("id", &BTreeSet::from([1])));
    }
}
