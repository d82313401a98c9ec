//! How far star tables are behind the lake, at the price of a few requests: what is asked every few minutes.

use super::{ProcessError, StarCheckpoint};
use crate::checkpoint::{CheckpointStore, parse_checkpoint};
use crate::lake::{Lake, LakeError};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;

/// How far star tables are behind the lake, by checkpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// How long ago the oldest packet was committed that a star table of its source does not hold; zero if there is none.
    pub oldest: TimeDelta,
    /// How many star tables a packet stops that is held.
    pub held: u64,
    /// How many star tables could not be brought up to date when that was last tried, and of how many tables it can't be told.
    pub failing: u64,
}

/// How far star tables are behind, as the checkpoints of source tables and of star tables (`star_checkpoints`) know it. Where no star
/// table has a checkpoint nothing was processed yet, and all packets wait.
///
/// What a dimension looks up counts where it is the source of another star table.
///
/// # Errors
/// [`ProcessError`] if the checkpoints, or the packets that wait, can't be read.
pub async fn lag(
    lake: &Lake,
    checkpoints: &dyn CheckpointStore,
    star_checkpoints: &dyn CheckpointStore,
    now: DateTime<Utc>,
) -> Result<Lag, ProcessError> {
    let (mut last, mut failing) = (BTreeMap::new(), 0);
    for (table, document) in checkpoints.documents().await? {
        // One that can't be read tells nothing of its table, and must not hide the others.
        match parse_checkpoint(&table, &document) {
            Ok(checkpoint) => drop(last.insert(table, checkpoint.sequence)),
            Err(_) => failing += 1,
        }
    }
    let documents = star_checkpoints.documents().await?;
    let stars: Vec<StarCheckpoint> =
        documents.values().filter_map(|document| serde_json::from_str(document).ok()).collect();
    failing += (documents.len() - stars.len()) as u64;
    let mut processed: BTreeMap<&str, u64> = BTreeMap::new();
    for star in &stars {
        let least = processed.entry(&star.table).or_insert(star.sequence);
        *least = star.sequence.min(*least);
    }
    if stars.is_empty() {
        processed.extend(last.keys().map(|table| (table.as_str(), 0)));
    }
    let mut oldest = now;
    for (table, processed) in processed {
        if last.get(table).is_some_and(|last| *last > processed) {
            match committed_after(lake, table, processed).await {
                Ok(committed) => oldest = committed.unwrap_or(now).min(oldest),
                Err(LakeError::Manifest { .. }) => failing += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(Lag {
        oldest: now - oldest,
        held: stars.iter().filter(|star| star.held.is_some()).count() as u64,
        failing: failing + stars.iter().filter(|star| star.failure.is_some()).count() as u64,
    })
}

/// When the first packet after `processed` was committed that is there.
async fn committed_after(lake: &Lake, table: &str, processed: u64) -> Result<Option<DateTime<Utc>>, LakeError> {
    match lake.manifest(table, processed + 1).await {
        Ok(manifest) => return Ok(Some(manifest.committed_at)),
        Err(LakeError::Store { source: object_store::Error::NotFound { .. }, .. }) => {}
        Err(error) => return Err(error),
    }
    match lake.sequences_after(table, processed).await?.into_iter().min() {
        Some(sequence) => Ok(Some(lake.manifest(table, sequence).await?.committed_at)),
        None => Ok(None),
    }
}
