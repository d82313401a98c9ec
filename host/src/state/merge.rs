//! Neighbouring runs become one.

use super::Entries;
use super::block::{BLOCK_ENTRIES, BlockWriter};
use super::open::{Run, runs, state_of};
use crate::lake::{Lake, LakeError, ObjectUpload};
use crate::packet::{self, Manifest};
use chrono::{DateTime, Utc};
use object_store::Error;

/// With so many runs to be read side by side, the smallest are merged.
const RUNS_MAX: usize = 8;

/// Merges runs of a table's state if there are many, the newest of them, so that each holds clearly more than the next: an
/// entry is merged anew only when as many have come since.
///
/// # Errors
/// [`LakeError`]; nothing is lost then.
pub async fn compact(lake: &Lake, newest: &Manifest, now: DateTime<Utc>) -> Result<(), LakeError> {
    let runs = runs(lake, Some(newest), now).await?;
    let cursors: usize = runs.iter().map(|run| run.groups.len()).sum();
    if cursors < RUNS_MAX {
        return Ok(());
    }
    let mut count = 0;
    let (mut entries, mut merged_cursors) = (0_u64, 0);
    for run in &runs {
        if merged_cursors >= RUNS_MAX / 2 && run.entries > entries.saturating_mul(2) {
            break;
        }
        (count, entries, merged_cursors) = (count + 1, entries + run.entries, merged_cursors + run.groups.len());
    }
    merge_runs(lake, &newest.table, &runs[..count]).await
}

/// Writes runs, the newest first, as one. That another host has done it already does no harm.
pub(super) async fn merge_runs(lake: &Lake, table: &str, runs: &[Run]) -> Result<(), LakeError> {
    let (Some(newest), Some(oldest)) = (runs.first(), runs.last()) else { return Ok(()) };
    let key = packet::merged_run_key(table, oldest.first, newest.last);
    let failed =
        |error: parquet::errors::ParquetError| LakeError::State { key: key.to_string(), reason: error.to_string() };
    let mut state = state_of(lake, runs);
    let mut upload = ObjectUpload::new(key.clone());
    let mut writer = BlockWriter::new().map_err(failed)?;
    let mut entries = Entries::default();
    loop {
        entries.clear();
        state.next(&mut entries, BLOCK_ENTRIES).await?;
        if entries.is_empty() {
            break;
        }
        // Below the first packet there is nothing that a row that is gone could hide.
        let is_kept = |index: &u32| oldest.first > 1 || entries.hashes[*index as usize].is_some();
        let order: Vec<u32> = (0..).take(entries.len()).filter(is_kept).collect();
        upload.add(lake, writer.write(&entries, &order).map_err(failed)?, order.len() as u64).await?;
    }
    upload.add(lake, writer.finish().map_err(failed)?, 0).await?;
    match upload.finish(lake).await {
        Ok(_) | Err(LakeError::Store { source: Error::AlreadyExists { .. }, .. }) => Ok(()),
        Err(error) => Err(error),
    }
}
