//! A file whose rows come bit by bit.

use super::error::StarError;
use super::file::{Metadata, SpooledFile, StarFile};
use super::group::{RowGroup, RowGroups};
use crate::columns::Rows;
use crate::manifest::StarTable;

/// A file of a table whose rows come bit by bit and whose place is not known yet. Its bytes are those that it would have if all
/// rows had come at once; no more than a group of them is in memory.
pub struct RowsFile {
    file: StarFile,
    open: RowGroups,
    groups: usize,
}

impl RowsFile {
    /// Begins a file of `table`.
    ///
    /// # Errors
    /// [`StarError::Parquet`].
    pub fn new(table: &StarTable, metadata: &Metadata) -> Result<Self, StarError> {
        Ok(Self { file: StarFile::spool(table, metadata)?, open: RowGroups::default(), groups: 0 })
    }

    /// Adds rows, which have the columns of the table.
    ///
    /// # Errors
    /// [`StarError`].
    pub fn take(&mut self, rows: &Rows) -> Result<(), StarError> {
        self.open.gather(rows).into_iter().try_for_each(|group| self.write(group))
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`StarError`].
    pub fn finish(mut self) -> Result<SpooledFile, StarError> {
        if let Some(last) = self.open.finish() {
            self.write(last)?;
        }
        self.file.finish_spool()
    }

    fn write(&mut self, group: RowGroup) -> Result<(), StarError> {
        let encoder = self.file.encoder().clone();
        let jobs = encoder.group_writers(self.groups)?.into_iter().zip(group.columns).enumerate();
        let columns = jobs.map(|(column, (job, values))| encoder.encode(job, column, values, group.rows));
        let columns = columns.collect::<Result<_, _>>()?;
        self.groups += 1;
        self.file.write_group(group.rows, columns)
    }
}
