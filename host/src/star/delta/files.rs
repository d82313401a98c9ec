//! The files that are a table.

use super::{StarLake, TableError, TableVersion};

/// A file of a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableFile {
    /// Its path in the folder of its table.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its rows.
    pub rows: u64,
}

impl StarLake {
    /// The files of a table, by path.
    ///
    /// # Errors
    /// [`TableError::Store`] and [`TableError::Log`].
    pub fn files(&self, table: &TableVersion) -> Result<Vec<TableFile>, TableError> {
        self.files_where(table, |_| true)
    }
}
