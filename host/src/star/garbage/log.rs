//! The entries of a table's log, as they lie in the store.

use super::{AT_ONCE, list, store_error};
use crate::star::delta::{StarLake, TableError};
use chrono::{DateTime, Utc};
use futures_util::{StreamExt, stream};
use object_store::path::Path;
use object_store::{Error, ObjectMeta, ObjectStoreExt};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::pin::pin;

/// What lies in a table's log.
pub(super) struct Log {
    table: String,
    /// The entries, by their versions.
    entries: BTreeMap<u64, ObjectMeta>,
    /// The checkpoints that are one file, by their versions.
    checkpoints: BTreeMap<u64, ObjectMeta>,
}

/// A line of an entry, as far as it matters.
#[derive(Deserialize)]
struct Action {
    remove: Option<Remove>,
}

/// A file is no longer part of the table.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Remove {
    path: String,
    deletion_timestamp: Option<i64>,
}

/// What `_last_checkpoint` says.
#[derive(Deserialize)]
struct LastCheckpoint {
    version: u64,
}

impl Log {
    /// Looks what there is.
    pub(super) fn list(star: &StarLake, table: &str) -> Result<Self, TableError> {
        let objects = star.wait(list(star, table, &folder(table)))?;
        let mut log = Self { table: table.to_owned(), entries: BTreeMap::new(), checkpoints: BTreeMap::new() };
        for object in objects {
            let name = object.location.filename().unwrap_or_default().to_owned();
            if let Some(version) = version_of(&name, ".json") {
                log.entries.insert(version, object);
            } else if let Some(version) = version_of(&name, ".checkpoint.parquet") {
                log.checkpoints.insert(version, object);
            }
        }
        Ok(log)
    }

    /// When each file was removed from the table, if it was: the last time.
    pub(super) fn removals(&self, star: &StarLake) -> Result<BTreeMap<String, DateTime<Utc>>, TableError> {
        let store = star.store();
        let read =
            self.entries.values().map(async |entry| Ok((entry, store.get(&entry.location).await?.bytes().await?)));
        let mut read = pin!(stream::iter(read).buffered(AT_ONCE));
        let mut removals = BTreeMap::new();
        while let Some(read) = star.wait(read.next()) {
            let (entry, lines) = read.map_err(store_error("read the log of", &self.table))?;
            for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
                let action: Action = serde_json::from_slice(line).map_err(|error| TableError::Log {
                    action: "read",
                    table: self.table.clone(),
                    source: error.into(),
                })?;
                let Some(Remove { path, deletion_timestamp }) = action.remove else { continue };
                let path = percent_encoding::percent_decode_str(&path).decode_utf8_lossy().into_owned();
                let at = deletion_timestamp.and_then(DateTime::from_timestamp_millis).unwrap_or(entry.last_modified);
                let last = removals.entry(path).or_insert(at);
                *last = at.max(*last);
            }
        }
        Ok(removals)
    }

    /// What is older than `age` and that nobody needs who reads what is left: a checkpoint, and all entries after it.
    pub(super) fn outdated(&self, star: &StarLake, age: DateTime<Utc>) -> Result<Vec<&ObjectMeta>, TableError> {
        let Some(first) = self.first_needed(star, age)? else { return Ok(Vec::new()) };
        let old = |object: &&ObjectMeta| object.last_modified <= age;
        let entries = self.entries.range(..first).map(|(_, entry)| entry).filter(old);
        Ok(entries.chain(self.checkpoints.range(..first).map(|(_, checkpoint)| checkpoint).filter(old)).collect())
    }

    /// The version of the checkpoint with which the log is to begin: the last one, or an earlier one where entries before the
    /// last are young. `None` if the log would not be whole from there on.
    fn first_needed(&self, star: &StarLake, age: DateTime<Utc>) -> Result<Option<u64>, TableError> {
        let Some(last) = self.last_checkpoint(star)?.filter(|last| self.checkpoints.contains_key(last)) else {
            return Ok(None);
        };
        let newest = self.entries.last_key_value().map_or(last, |(version, _)| *version);
        if !(last + 1..=newest).all(|version| self.entries.contains_key(&version)) {
            return Ok(None);
        }
        let young = self.entries.iter().find(|(_, entry)| entry.last_modified > age).map(|(version, _)| *version);
        let until = young.unwrap_or(last).min(last);
        Ok(self.checkpoints.range(..=until).next_back().map(|(version, _)| *version))
    }

    /// The version of the checkpoint from which readers start.
    fn last_checkpoint(&self, star: &StarLake) -> Result<Option<u64>, TableError> {
        let key = folder(&self.table).join("_last_checkpoint");
        let read = star.wait(async { star.store().get(&key).await?.bytes().await });
        match read {
            Ok(json) => Ok(serde_json::from_slice(&json).ok().map(|last: LastCheckpoint| last.version)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(store_error("read the log of", &self.table)(error)),
        }
    }
}

fn folder(table: &str) -> Path {
    Path::from_iter([table, "_delta_log"])
}

/// The version in the name of an object of the log.
fn version_of(name: &str, ending: &str) -> Option<u64> {
    let digits = name.strip_suffix(ending)?;
    (digits.len() == 20).then(|| digits.parse().ok()).flatten()
}
