//! Removing what belongs to no packet.

use super::{Lake, LakeError};
use crate::packet::{self, Manifest};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt};
use std::collections::{BTreeMap, HashSet};

/// How old an object is at least when it is removed. A run ends at twelve hours, so nobody is about to name it any more.
const AGE_HOURS_MIN: i64 = 48;

/// What was removed, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// The keys.
    pub keys: Vec<String>,
    /// Their sizes in all.
    pub bytes: u64,
    /// How many objects stay.
    pub kept: u64,
    /// How many uploads were ended that nobody has completed.
    pub uploads: u64,
}

/// Removes the objects that no manifest names and that are older than two days: what runs left that crashed or came second, and
/// parts of states that were merged since. With `is_dry` nothing is removed, and all is told. What has another name than the lake
/// gives, and tables without a packet, are left alone.
///
/// `checkpoints` are the last packets that the checkpoints know of, by table.
///
/// # Errors
/// [`LakeError::CheckpointAhead`] if packets of a table were lost; other [`LakeError`]s. What was removed until then is gone.
pub async fn collect_garbage(
    lake: &Lake,
    checkpoints: &BTreeMap<String, u64>,
    now: DateTime<Utc>,
    is_dry: bool,
) -> Result<Collected, LakeError> {
    let mut collected = Collected::default();
    let youngest = now - TimeDelta::hours(AGE_HOURS_MIN);
    for table in lake.tables().await? {
        // A lake that has lost packets is for people to look at.
        lake.head(&table, checkpoints.get(&table).copied().unwrap_or(0)).await?;
        collect_table(lake, &table, youngest, is_dry, &mut collected).await?;
    }
    if !is_dry {
        let ended = lake.store().abort_stale_uploads(youngest).await;
        collected.uploads = ended.map_err(LakeError::store("end the unfinished uploads of", &Path::default()))?;
    }
    Ok(collected)
}

async fn collect_table(
    lake: &Lake,
    table: &str,
    youngest: DateTime<Utc>,
    is_dry: bool,
    collected: &mut Collected,
) -> Result<(), LakeError> {
    let prefix = packet::table_prefix(table);
    let failed = |source| LakeError::Store { action: "list", key: prefix.to_string(), source };
    // What is listed before the manifests are read can't be named by one that is not among them and old enough to count.
    let mut old = Vec::new();
    let mut listed = lake.store().list(Some(&prefix));
    while let Some(object) = listed.try_next().await.map_err(failed)? {
        if object.last_modified > youngest || !packet::is_data_or_state(table, &object.location) {
            collected.kept += 1;
        } else {
            old.push((object.location, object.size));
        }
    }
    if old.is_empty() {
        return Ok(());
    }
    let sequences = lake.sequences_after(table, 0).await?;
    if sequences.is_empty() {
        collected.kept += old.len() as u64;
        return Ok(());
    }
    let mut manifests = BTreeMap::new();
    for sequence in sequences {
        let manifest = lake.manifest(table, sequence).await?;
        manifests.insert(sequence, manifest);
    }
    // Merged states that are made of the packets that there are.
    let is_of_these =
        |last: u64, chain: &str| manifests.get(&last).is_some_and(|manifest| manifest.chain.starts_with(chain));
    let spans = old.iter().filter_map(|(key, _)| packet::merged_run_span(key));
    let spans: Vec<(u64, u64)> =
        spans.filter(|(_, last, chain)| is_of_these(*last, chain)).map(|(first, last, _)| (first, last)).collect();
    let named: HashSet<String> = manifests.values().flat_map(|manifest| kept_by(manifest, &spans)).collect();
    let is_covered =
        |first: u64, last: u64| spans.iter().any(|span| *span != (first, last) && span.0 <= first && last <= span.1);
    for (key, bytes) in old {
        let is_kept = match packet::merged_run_span(&key) {
            Some((first, last, chain)) => is_of_these(last, chain) && !is_covered(first, last),
            None => named.contains(key.as_ref()),
        };
        if is_kept {
            collected.kept += 1;
            continue;
        }
        if !is_dry {
            remove(lake, &key).await?;
        }
        collected.keys.push(key.to_string());
        collected.bytes += bytes;
    }
    Ok(())
}

/// The objects of a packet that are needed: its data, and its part of the state unless a merged one that is old itself has it.
fn kept_by(manifest: &Manifest, merged: &[(u64, u64)]) -> Vec<String> {
    let is_merged = merged.iter().any(|(first, last)| (*first..=*last).contains(&manifest.sequence));
    let data = manifest.data.iter().chain(&manifest.deletes).map(|object| object.key.clone());
    let state = manifest.state.iter().filter(|_| !is_merged).map(|object| object.key.clone());
    data.chain(state).collect()
}

async fn remove(lake: &Lake, key: &Path) -> Result<(), LakeError> {
    match lake.store().delete(key).await {
        Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(LakeError::store("remove", key)(error)),
    }
}
