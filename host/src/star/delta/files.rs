//! The files that are a table.

use super::{StarLake, TableError, TableVersion};
use delta_kernel::KernelResult;
use delta_kernel::scan::state::ScanFile;

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
        let failed = |error| TableError::new(table.name(), "read", error);
        let mut files = self.list_files(table).map_err(failed)?;
        files.sort_unstable();
        Ok(files)
    }

    fn list_files(&self, table: &TableVersion) -> KernelResult<Vec<TableFile>> {
        let scan = table.snapshot.clone().scan_builder().build()?;
        let mut files = Vec::new();
        for metadata in scan.scan_metadata(self.engine())? {
            files = metadata?.visit_scan_files(files, take_file)?;
        }
        Ok(files)
    }
}

fn take_file(files: &mut Vec<TableFile>, file: ScanFile) {
    files.push(TableFile {
        path: file.path,
        bytes: u64::try_from(file.size).unwrap_or(0),
        rows: file.stats.map_or(0, |stats| stats.num_records),
    });
}
