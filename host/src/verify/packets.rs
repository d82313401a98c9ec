//! The raw lake: manifests, objects, numbers, checkpoints.

use super::{Kind, Verify};
use crate::checkpoint::{CheckpointError, CheckpointStore, read_checkpoint};
use crate::lake::{LakeError, PacketLines};
use crate::packet::Manifest;
use crate::process::ProcessError;
use object_store::Error;

impl Verify<'_> {
    /// Looks at all packets, and at the checkpoints.
    pub(super) fn packets(&mut self, checkpoints: &dyn CheckpointStore) -> Result<(), ProcessError> {
        let star = &self.parts.star;
        let tables = star.wait(self.parts.lake.tables())?;
        for table in &tables {
            self.tell(table);
            self.table(table)?;
        }
        for table in star.wait(checkpoints.tables())? {
            match star.wait(read_checkpoint(checkpoints, &table)) {
                Ok(Some(checkpoint)) => self.checkpoint(&table, checkpoint.sequence)?,
                Ok(None) => {}
                Err(error @ (CheckpointError::Syntax { .. } | CheckpointError::Misplaced { .. })) => {
                    self.find(Kind::CheckpointAhead, &table, crate::error::with_causes(&error));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn checkpoint(&mut self, table: &str, sequence: u64) -> Result<(), ProcessError> {
        let last = self.parts.star.wait(self.parts.lake.sequences_after(table, 0))?.into_iter().max().unwrap_or(0);
        if sequence > last {
            let what = format!("the checkpoint names packet {sequence}, and the last one in the lake is {last}");
            self.find(Kind::CheckpointAhead, table, what);
        }
        Ok(())
    }

    fn table(&mut self, table: &str) -> Result<(), ProcessError> {
        let mut sequences = self.parts.star.wait(self.parts.lake.sequences_after(table, 0))?;
        sequences.sort_unstable();
        let mut next_record = Some(1);
        let mut next = 1;
        for sequence in sequences {
            if sequence > next {
                let what = match sequence - next {
                    1 => format!("packet {next} is missing"),
                    _ => format!("packets {next} to {} are missing", sequence - 1),
                };
                self.find(Kind::SequenceGap, table, what);
                next_record = None;
            }
            next = sequence + 1;
            let manifest = match self.parts.star.wait(self.parts.lake.manifest(table, sequence)) {
                Ok(manifest) => manifest,
                Err(error @ LakeError::Manifest { .. }) => {
                    self.find(Kind::BadManifest, table, crate::error::with_causes(&error));
                    next_record = None;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            if let Some(expected) = next_record.filter(|expected| *expected != manifest.first_record) {
                let what =
                    format!("packet {sequence} begins with record {}, and {expected} is next", manifest.first_record);
                self.find(Kind::RecordNumbers, table, what);
            }
            next_record = manifest.next_record();
            self.report.packets += 1;
            self.report.records += manifest.lines;
            self.objects(&manifest)?;
        }
        Ok(())
    }

    /// Reads all objects of a packet.
    fn objects(&mut self, manifest: &Manifest) -> Result<(), ProcessError> {
        let lake = &self.parts.lake;
        for lines in [PacketLines::rows(lake, manifest), PacketLines::deletes(lake, manifest)] {
            let found = match self.parts.star.wait(read_all(lines.thorough())) {
                Ok(()) => continue,
                Err(error @ LakeError::Missing { .. }) => (Kind::MissingObject, crate::error::with_causes(&error)),
                Err(error @ (LakeError::Damaged { .. } | LakeError::Format { .. })) => {
                    (Kind::DamagedObject, crate::error::with_causes(&error))
                }
                Err(LakeError::Store { source: Error::NotFound { .. }, key, .. }) => {
                    (Kind::MissingObject, format!("`{key}` is not there"))
                }
                Err(error) => return Err(error.into()),
            };
            self.find(found.0, &manifest.table, found.1);
        }
        Ok(())
    }
}

async fn read_all(mut lines: PacketLines) -> Result<(), LakeError> {
    while lines.next().await?.is_some() {}
    Ok(())
}
