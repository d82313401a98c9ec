//! Neighbouring runs become one.

use super::Entries;
use super::block::{BLOCK_ENTRIES, BlockWriter};
use super::run::{Run, state_of};
use crate::lake::{Lake, LakeError, ObjectUpload};
use crate::packet;
use object_store::Error;

/// Writes runs, the newest first, as one. That another host has done it already does no harm.
pub(super) async fn merge_runs(lake: &Lake, table: &str, runs: &[Run]) -> Result<(), LakeError> {
    let (Some(newest), Some(oldest)) = (runs.first(), runs.last()) else { return Ok(()) };
    let key = packet::merged_run_key(table, oldest.first, newest.last, &newest.chain);
    let failed =
        |error: parquet::errors::ParquetError| LakeError::State { key: key.to_string(), reason: error.to_string() };
    let mut state = state_of(lake, runs);
    let mut upload = ObjectUpload::new(key.clone());
    let mut writer = BlockWriter::new(&key, &newest.chain).map_err(failed)?;
    let mut entries = Entries::default();
    loop {
        entries.clear();
        state.next(&mut entries, BLOCK_ENTRIES).await?;
        if entries.is_empty() {
            break;
        }
        // Below the first packet there is nothing that a row that is gone could hide.
        let is_kept = |index: &u32| oldest.first > 1 || entries.hash(*index as usize).is_some();
        let order: Vec<u32> = (0..).take(entries.len()).filter(is_kept).collect();
        upload.add(lake, writer.write(&entries, &order).map_err(failed)?, order.len() as u64).await?;
    }
    upload.add(lake, writer.finish().map_err(failed)?, 0).await?;
    crate::crash::point("state-merging");
    match upload.finish(lake).await {
        Ok(_) | Err(LakeError::Store { source: Error::AlreadyExists { .. }, .. }) => Ok(()),
        Err(error) => Err(error),
    }
}
