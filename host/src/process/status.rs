//! Where each star table stands, by its own log and the lake.

use super::report::Held;
use super::{ProcessError, StarFailure, checkpoints, keys};
use crate::checkpoint::CheckpointStore;
use crate::lake::{Lake, LakeError};
use crate::star::{StarLake, TableVersion};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde::Serialize;

/// Where a star table stands.
#[derive(Clone, Debug, PartialEq)]
pub struct StarStatus {
    /// The star table.
    pub table: String,
    /// The source table.
    pub source: String,
    /// The last packet of its source that it holds; 0 if none. Of a calendar: its years.
    pub processed: u64,
    /// How many packets of its inputs it does not hold.
    pub behind: u64,
    /// How long ago the oldest of them was committed.
    pub lag: Option<TimeDelta>,
    /// The packet that stops it, if one does.
    pub held: Option<HeldPacket>,
    /// Why the last process could not bring it up to date, or why it can't be read.
    pub failure: Option<StarFailure>,
}

/// A packet that stops a star table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HeldPacket {
    /// The packet.
    pub sequence: u64,
    /// Its records.
    pub records: u64,
    /// Those that are rejected.
    pub rejects: u64,
    /// The version of the plugin that rejects them.
    pub version: String,
}

/// Where the star tables stand, by name. One that can't be read is among them.
///
/// # Errors
/// [`ProcessError`] if the star tables can't be listed.
pub fn star_status(
    lake: &Lake,
    star: &StarLake,
    checkpoints: &dyn CheckpointStore,
    now: DateTime<Utc>,
) -> Result<Vec<StarStatus>, ProcessError> {
    let listed =
        star.wait(star.store().list_with_delimiter(None)).map_err(LakeError::store("list", &Path::default()))?;
    let names = listed.common_prefixes.iter().filter_map(|prefix| prefix.filename().map(str::to_owned));
    let mut statuses = Vec::new();
    for name in names.filter(|name| !keys::RESERVED.contains(&name.as_str())) {
        let looked = star.open(&name).map_err(ProcessError::from).and_then(|version| match version {
            Some(version) => table_status(lake, star, &version, now).map(Some),
            None => Ok(None),
        });
        let known = checkpoints::read(star, checkpoints, &name);
        match looked {
            Ok(None) => {}
            Ok(Some(mut status)) => {
                status.failure = known.and_then(|known| known.failure);
                statuses.push(status);
            }
            Err(error) => statuses.push(StarStatus {
                table: name,
                source: known.as_ref().map_or_else(String::new, |known| known.table.clone()),
                processed: known.map_or(0, |known| known.sequence),
                behind: 0,
                lag: None,
                held: None,
                failure: Some(StarFailure::new(&error)),
            }),
        }
    }
    statuses.sort_by(|left, right| left.table.cmp(&right.table));
    Ok(statuses)
}

fn table_status(
    lake: &Lake,
    star: &StarLake,
    version: &TableVersion,
    now: DateTime<Utc>,
) -> Result<StarStatus, ProcessError> {
    let property = |key: &str| version.property(key).unwrap_or_default().to_owned();
    let (source, plugin, lookups) = (property("star.source"), property("star.plugin"), property("star.lookups"));
    let progress = |input: &str| star.progress(version, &format!("{plugin}/{input}"));
    let processed = progress(&source)?.unwrap_or(0);
    let mut status = StarStatus {
        table: version.name().to_owned(),
        source,
        processed,
        behind: 0,
        lag: None,
        held: None,
        failure: None,
    };
    if status.source == super::plan::CALENDAR {
        return Ok(status);
    }
    let inputs = lookups.split(',').filter(|lookup| !lookup.is_empty()).chain([status.source.as_str()]);
    for input in inputs {
        let processed = progress(input)?.unwrap_or(0);
        let sequences = star.wait(lake.sequences_after(input, processed))?;
        status.behind += sequences.len() as u64;
        if let Some(oldest) = sequences.into_iter().min() {
            let committed = star.wait(lake.manifest(input, oldest))?.committed_at;
            status.lag = status.lag.max(Some(now - committed));
        }
    }
    if status.behind > 0 {
        status.held = held(star, version.name(), processed)?;
    }
    Ok(status)
}

/// The packet that stops a table which holds those up to `processed`, if one does.
fn held(star: &StarLake, table: &str, processed: u64) -> Result<Option<HeldPacket>, ProcessError> {
    let prefix = Path::from_iter(["held", table]);
    let failed = |source| ProcessError::from(LakeError::Store { action: "read", key: prefix.to_string(), source });
    star.wait(async {
        let listed: Vec<_> = star.store().list(Some(&prefix)).try_collect().await.map_err(failed)?;
        let mut newest: Option<(DateTime<Utc>, Held)> = None;
        for object in listed {
            let found = star.store().get(&object.location).await.map_err(failed)?;
            let json = found.bytes().await.map_err(failed)?;
            let Ok(held) = serde_json::from_slice::<Held>(&json) else { continue };
            let accepted = keys::accepted(table, held.sequence, &held.digest);
            let is_later = newest.as_ref().is_none_or(|(at, _)| object.last_modified > *at);
            if held.sequence > processed && is_later && star.store().head(&accepted).await.is_err() {
                newest = Some((object.last_modified, held));
            }
        }
        Ok(newest.map(|(_, held)| HeldPacket {
            sequence: held.sequence,
            records: held.records,
            rejects: held.rejects,
            version: held.version,
        }))
    })
}
