//! The first rows of a table, as text.

use super::error::StarError;
use super::group::RowGroup;
use super::schema::array;
use crate::manifest::StarTable;
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// The cells of the rows of `group`, row by row; a null is `None`.
///
/// # Errors
/// [`StarError::Arrow`], which would be a fault of the host.
pub fn preview(table: &StarTable, group: RowGroup) -> Result<Vec<Vec<Option<String>>>, StarError> {
    let mut cells = vec![Vec::new(); group.rows];
    for (column, field) in group.columns.into_iter().zip(&table.fields) {
        let array = array(column, field.column_type, group.rows)?;
        let options = FormatOptions::default();
        let formatter = ArrayFormatter::try_new(array.as_ref(), &options)?;
        for (row, cells) in cells.iter_mut().enumerate() {
            cells.push((!array.is_null(row)).then(|| formatter.value(row).to_string()));
        }
    }
    Ok(cells)
}
