//! Which files of a table can hold some values, by what the log says of them.

use super::{StarLake, TableError, TableFile, TableVersion};
use arrow::array::{Array, Int64Array, RecordBatch, StringArray};
use chrono::NaiveDate;
use delta_kernel::engine::arrow_data::ArrowEngineData;
use delta_kernel::{KernelError, KernelResult};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// What the log says of a file.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct FileRanges {
    num_records: u64,
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
        let failed = |error| TableError::new(table.name(), "read", error);
        let mut files = self.list_files(table, is_wanted).map_err(failed)?;
        files.sort_unstable();
        Ok(files)
    }

    fn list_files(
        &self,
        table: &TableVersion,
        is_wanted: impl Fn(&FileRanges) -> bool,
    ) -> KernelResult<Vec<TableFile>> {
        let scan = table.snapshot.clone().scan_builder().build()?;
        let mut files = Vec::new();
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
                if is_wanted(&ranges) {
                    let bytes = if sizes.is_valid(row) { sizes.value(row) } else { 0 };
                    let bytes = u64::try_from(bytes).unwrap_or(0);
                    files.push(TableFile { path: paths.value(row).to_owned(), bytes, rows: ranges.num_records });
                }
            }
        }
        Ok(files)
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
