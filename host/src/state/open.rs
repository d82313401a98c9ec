//! Which runs a state is made of.

use super::block::StateFile;
use super::cursor::State;
use super::rebuild::rebuild;
use super::run::{Run, chains, state_of};
use crate::lake::{Lake, LakeError};
use crate::packet::{self, Manifest};
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectStore};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Opens the state of a table as its packet `newest` left it.
///
/// # Errors
/// [`LakeError`]; a part that is missing is made again from its packet, at the time `now`.
pub async fn open(lake: &Lake, newest: Option<&Manifest>, now: DateTime<Utc>) -> Result<State, LakeError> {
    Ok(state_of(lake, &runs(lake, newest, now).await?))
}

/// The runs of a state, the newest first. Of merged runs the longest is taken, where several end at the same packet.
pub(super) async fn runs(lake: &Lake, newest: Option<&Manifest>, now: DateTime<Utc>) -> Result<Vec<Run>, LakeError> {
    let Some(newest) = newest else { return Ok(Vec::new()) };
    let table = &newest.table;
    let merged = merged_spans(lake, table).await?;
    let mut runs = Vec::new();
    let mut last = newest.sequence;
    while last > 0 {
        let found = match last == newest.sequence {
            true => Ok(newest.clone()),
            false => lake.manifest(table, last).await,
        };
        let run = match found {
            Ok(manifest) => match merged_run(lake, &manifest, merged.get(&last)).await? {
                Some(run) => Some(run),
                None => Some(packet_run(lake, &manifest, now).await?),
            },
            Err(LakeError::Store { source: Error::NotFound { .. }, .. }) => {
                tracing::warn!(table, sequence = last, "the lake has no such packet: a gap");
                None
            }
            Err(error) => return Err(error),
        };
        last = run.as_ref().map_or(last, |run| run.first) - 1;
        runs.extend(run.filter(|run| run.entries > 0));
    }
    Ok(runs)
}

/// The merged runs that end at each packet: their first packet, and the chain of the last.
async fn merged_spans(lake: &Lake, table: &str) -> Result<BTreeMap<u64, Vec<(u64, String)>>, LakeError> {
    let prefix = packet::state_prefix(table);
    let objects: Vec<_> = lake.store().list(Some(&prefix)).try_collect().await.map_err(|source| LakeError::Store {
        action: "list",
        key: prefix.to_string(),
        source,
    })?;
    let mut spans: BTreeMap<u64, Vec<(u64, String)>> = BTreeMap::new();
    for (first, last, chain) in objects.iter().filter_map(|object| packet::merged_run_span(&object.location)) {
        spans.entry(last).or_default().push((first, chain.to_owned()));
    }
    Ok(spans)
}

/// The longest merged run of `spans` that was made of the packet `newest` and those before it; `None` if its parts are to be used.
/// One that was made of others, which were lost since, is none, and neither is one whose object belongs elsewhere.
async fn merged_run(
    lake: &Lake,
    newest: &Manifest,
    spans: Option<&Vec<(u64, String)>>,
) -> Result<Option<Run>, LakeError> {
    let same = spans.into_iter().flatten().filter(|(_, chain)| newest.chain.starts_with(chain.as_str()));
    let mut firsts: Vec<u64> = same.map(|(first, _)| *first).collect();
    firsts.sort_unstable();
    let (last, chain) = (newest.sequence, &newest.chain);
    for first in firsts {
        let key = packet::merged_run_key(&newest.table, first, last, chain);
        if let Some(file) = StateFile::open(lake, &key, chain).await? {
            let entries = file.blocks.iter().map(|block| block.entries).sum();
            return Ok(Some(Run { first, last, chain: chain.clone(), entries, groups: vec![vec![Arc::new(file)]] }));
        }
    }
    Ok(None)
}

/// What a packet adds.
async fn packet_run(lake: &Lake, manifest: &Manifest, now: DateTime<Utc>) -> Result<Run, LakeError> {
    let mut files = Vec::new();
    for object in &manifest.state {
        match StateFile::open(lake, &Path::parse(&object.key).unwrap_or_default(), &manifest.chain).await? {
            Some(file) => files.push(Arc::new(file)),
            None => {
                tracing::warn!(key = object.key, "a part of the state is missing, and is made again from its packet");
                return rebuild(lake, manifest, now).await;
            }
        }
    }
    let sequence = manifest.sequence;
    let entries = manifest.state.iter().map(|object| object.entries).sum();
    let chain = manifest.chain.clone();
    Ok(Run { first: sequence, last: sequence, chain, entries, groups: chains(files) })
}
