//! Few runs instead of many.

use super::merge::merge_runs;
use super::open::runs;
use crate::lake::{Lake, LakeError};
use crate::packet::Manifest;
use chrono::{DateTime, Utc};

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
