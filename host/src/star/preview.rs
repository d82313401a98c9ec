//! The first rows of a table, as text.

use super::file::StarError;
use super::group::{RowGroup, RowGroups};
use super::schema::{array, schema};
use crate::columns::Rows;
use crate::manifest::StarTable;
use arrow_cast::display::{ArrayFormatter, FormatOptions};

/// The cells of the first `rows_max` rows of `rows`; a null is `None`.
///
/// # Errors
/// [`StarError::Arrow`], which would be a fault of the host.
pub fn preview(table: &StarTable, rows: &Rows, rows_max: usize) -> Result<Vec<Vec<Option<String>>>, StarError> {
    let mut groups = RowGroups::default();
    let first = Rows { count: rows.count.min(rows_max), columns: rows.columns.clone() };
    let mut gathered = groups.gather(&first);
    gathered.extend(groups.finish());
    let mut cells = vec![Vec::new(); first.count];
    let Some(RowGroup { rows, columns }) = gathered.into_iter().next() else { return Ok(Vec::new()) };
    let schema = schema(table);
    for ((column, field), _) in columns.into_iter().zip(&table.fields).zip(schema.fields()) {
        let array = array(column, field.column_type, rows)?;
        let options = FormatOptions::default();
        let formatter = ArrayFormatter::try_new(array.as_ref(), &options)?;
        for (row, cells) in cells.iter_mut().enumerate().take(rows) {
            cells.push((!array.is_null(row)).then(|| formatter.value(row).to_string()));
        }
    }
    Ok(cells)
}
