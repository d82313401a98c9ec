//! The files of the star tables, and how far each has come.

use super::{Kind, Verify};
use crate::lake::LakeError;
use crate::manifest::{StarKind, StarTable};
use crate::process::{Inspection, ProcessError, read_star_checkpoint};
use crate::sandbox::Plugin;
use crate::star::{FetchedFile, FileRanges, TableError, TableFile, TableVersion};
use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt};

/// How many digits of a file's SHA-256 stand in its name.
const NAME_DIGITS: usize = 16;

impl Verify<'_> {
    /// Looks at the star tables of a plugin.
    pub(super) fn star_tables(&mut self, inspection: &Inspection<'_>, plugin: &Plugin) -> Result<(), ProcessError> {
        for (index, table) in plugin.manifest().star_tables.iter().enumerate() {
            self.tell(&table.name);
            match self.star_table(inspection, plugin, index, table) {
                Err(ProcessError::Table(error @ (TableError::Log { .. } | TableError::File { .. }))) => {
                    self.find(Kind::DamagedLog, &table.name, crate::error::with_causes(&error));
                }
                looked => looked?,
            }
        }
        Ok(())
    }

    fn star_table(
        &mut self,
        inspection: &Inspection<'_>,
        plugin: &Plugin,
        index: usize,
        table: &StarTable,
    ) -> Result<(), ProcessError> {
        let Some(version) = self.parts.star.open(&table.name)? else {
            let known = read_star_checkpoint(&self.parts.star, &*self.parts.checkpoints, &table.name);
            if known.is_some_and(|known| known.sequence > 0) {
                self.find(Kind::MissingTable, &table.name, "a process made it once, and it is not there");
            }
            return Ok(());
        };
        self.report.star_tables += 1;
        self.progress_of(inspection, plugin, table, &version)?;
        let (mut files, mut fetched) = (Vec::new(), Vec::new());
        for (file, ranges) in self.parts.star.files_with_ranges(&version)? {
            self.report.files += 1;
            // What is not whole is not read on.
            if let Some(whole) = self.file(&table.name, &file, &ranges)? {
                fetched.push((file.clone(), whole));
            }
            files.push(file);
        }
        match table.kind {
            StarKind::Fact => self.fact(plugin, table, &version, &fetched),
            StarKind::Dimension => self.dimension(inspection, plugin, index, &version, &files),
        }
    }

    fn progress_of(
        &mut self,
        inspection: &Inspection<'_>,
        plugin: &Plugin,
        table: &StarTable,
        version: &TableVersion,
    ) -> Result<(), ProcessError> {
        for (source, sequence) in inspection.other_packets(plugin, version)? {
            let what = format!("it holds the packets of `{source}` up to {sequence}, and those of the lake are others");
            self.find(Kind::OtherPackets, &table.name, what);
        }
        for behind in inspection.behind(plugin, version)? {
            let is_lookup = behind.table != plugin.manifest().source_table;
            let kind = match (is_lookup, table.kind) {
                (true, _) => Kind::StaleLookup,
                (false, StarKind::Dimension) => Kind::StaleDimension,
                (false, StarKind::Fact) => Kind::Unprocessed,
            };
            let what = format!(
                "it holds the packets of `{}` up to {}, and the last one in the lake is {}",
                behind.table, behind.processed, behind.last
            );
            self.find(kind, &table.name, what);
        }
        Ok(())
    }

    /// A file, if it is there and its bytes are what its name says.
    fn file(
        &mut self,
        table: &str,
        file: &TableFile,
        ranges: &FileRanges,
    ) -> Result<Option<FetchedFile>, ProcessError> {
        let Some(fetched) = self.fetch(table, &file.path)? else {
            self.find(Kind::MissingFile, table, format!("the log names `{}`, which is not there", file.path));
            return Ok(None);
        };
        let digits =
            file.path.strip_suffix(".parquet").and_then(|name| name.rsplit_once('-')).map(|(_, digits)| digits);
        let is_named = digits.filter(|digits| digits.len() == NAME_DIGITS);
        if is_named.is_some_and(|digits| !fetched.sha256.starts_with(digits)) || fetched.bytes != file.bytes {
            let what = format!(
                "`{}` has {} bytes with the SHA-256 {}..., and the log says {} bytes",
                file.path,
                fetched.bytes,
                &fetched.sha256[..NAME_DIGITS],
                file.bytes
            );
            self.find(Kind::DamagedFile, table, what);
            return Ok(None);
        }
        let (rows, stats) = match fetched.stats() {
            Ok(found) => found,
            Err(error) => {
                let what = format!("`{}` can't be read: {}", file.path, crate::error::with_causes(&error));
                self.find(Kind::DamagedFile, table, what);
                return Ok(None);
            }
        };
        if rows != file.rows {
            self.find(
                Kind::WrongCount,
                table,
                format!("`{}` has {rows} rows, and the log says {}", file.path, file.rows),
            );
        }
        if let Some(column) = ranges.contradicted(&stats) {
            let what = format!("the log says of `{}` that `{column}` holds other values than it does", file.path);
            self.find(Kind::WrongRange, table, what);
        }
        Ok(Some(fetched))
    }

    /// A file of a star table; `None` if it is not there.
    pub(super) fn fetch(&self, table: &str, file: &str) -> Result<Option<FetchedFile>, ProcessError> {
        let key = Path::from_iter([table, file]);
        self.parts.star.wait(async {
            let found = match self.parts.star.store().get(&key).await {
                Ok(found) => found,
                Err(Error::NotFound { .. }) => return Ok(None),
                Err(error) => return Err(LakeError::store("read", &key)(error).into()),
            };
            let chunks = found.into_stream().map_err(|error| ProcessError::from(LakeError::store("read", &key)(error)));
            FetchedFile::fetch(Box::pin(chunks)).await.map(Some)
        })
    }

    /// Holds the files of a dimension against those that its packets fold to.
    fn dimension(
        &mut self,
        inspection: &Inspection<'_>,
        plugin: &Plugin,
        index: usize,
        version: &TableVersion,
        files: &[TableFile],
    ) -> Result<(), ProcessError> {
        let table = &plugin.manifest().star_tables[index].name;
        let expected = match inspection.expected_buckets(plugin, index, version) {
            Ok(Some(expected)) => expected,
            Ok(None) => return Ok(()),
            // Packets that can't be read were told by themselves.
            Err(ProcessError::Lake(error)) if is_damage(&error) => return Ok(()),
            Err(error @ ProcessError::Drift { .. }) => {
                self.find(Kind::StaleDimension, table, error.to_string());
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let found = files.iter().map(|file| file.path.clone()).collect();
        if expected != found {
            let differing = expected.symmetric_difference(&found).count();
            let what = format!("{differing} of its files differ from what its packets fold to");
            self.find(Kind::StaleDimension, table, what);
        }
        Ok(())
    }
}

/// Whether an error is one that is found by looking at the packets.
fn is_damage(error: &LakeError) -> bool {
    matches!(
        error,
        LakeError::Missing { .. } | LakeError::Damaged { .. } | LakeError::Manifest { .. } | LakeError::Format { .. }
    )
}
