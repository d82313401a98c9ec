//! Removing the files that star tables no longer need, and the old entries of their logs.

mod log;

use super::delta::{StarLake, TableError};
use crate::lake::Collected;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt, TryStreamExt, stream};
use log::Log;
use object_store::path::Path;
use object_store::{Error, ObjectMeta, ObjectStore, ObjectStoreExt};
use std::collections::{BTreeMap, BTreeSet};

/// How long a file stays that was part of a table: so long somebody may read a version that has it.
const REMOVED_DAYS_MIN: i64 = 7;
/// How old a file is at least that was never part of a table. A run ends at twelve hours, so nobody is about to add it any more.
const AGE_HOURS_MIN: i64 = 48;
/// How long entries of a log stay.
const LOG_DAYS_MIN: i64 = 30;

/// How many objects are read or removed at once: each waits for the store most of the time.
const AT_ONCE: usize = 16;

/// Removes, table by table,
///
/// * the files that were part of it, and were removed from it more than 7 days ago;
/// * the files that never were, and are older than 2 days: what runs left that crashed or came second;
/// * the entries of its log that are older than 30 days, as far as a checkpoint stands for them.
///
/// With `is_dry` nothing is removed, and all is told. A file that nobody names, and that has another name than the host gives,
/// is left alone, and so is a folder without a log. `None`: there are no star tables.
///
/// It waits for the store: call it from a thread that may be blocked.
///
/// # Errors
/// [`TableError`] if a table can't be read or the store fails; the other tables were cleaned up.
pub fn collect_garbage(star: &StarLake, now: DateTime<Utc>, is_dry: bool) -> Result<Option<Collected>, TableError> {
    let (mut collected, mut failed) = (None, None);
    for table in star.tables()? {
        if let Err(error) = collect_table(star, &table, now, is_dry, &mut collected) {
            failed.get_or_insert(error);
        }
    }
    if let Some(error) = failed {
        return Err(error);
    }
    if let (Some(collected), false) = (&mut collected, is_dry) {
        let ended = star.wait(star.store().abort_stale_uploads(now - TimeDelta::hours(AGE_HOURS_MIN)));
        collected.uploads = ended.map_err(store_error("end the unfinished uploads of", "*"))?;
    }
    Ok(collected)
}

fn collect_table(
    star: &StarLake,
    table: &str,
    now: DateTime<Utc>,
    is_dry: bool,
    collected: &mut Option<Collected>,
) -> Result<(), TableError> {
    // What is listed before the version is looked up, and is not part of it, was either removed by an entry of the log that is
    // listed after it, or was never part of the table.
    let objects = star.wait(list(star, table, &Path::from(table)))?;
    let Some(version) = star.open(table)? else { return Ok(()) };
    let files: BTreeSet<String> = star.files(&version)?.into_iter().map(|file| file.path).collect();
    let log = Log::list(star, table)?;
    let age = now - TimeDelta::hours(AGE_HOURS_MIN);
    let is_old_file = |object: &&ObjectMeta| {
        object.last_modified <= age && data_file(table, &object.location).is_some_and(|name| !files.contains(name))
    };
    let old: Vec<&ObjectMeta> = objects.iter().filter(is_old_file).collect();
    let removals = if old.is_empty() { BTreeMap::new() } else { log.removals(star)? };
    let is_waste = |object: &&ObjectMeta| {
        let name = object.location.filename().unwrap_or_default();
        match removals.get(name) {
            Some(removed) => *removed <= now - TimeDelta::days(REMOVED_DAYS_MIN),
            None => is_own_name(name),
        }
    };
    let mut waste: Vec<(&ObjectMeta, DateTime<Utc>)> =
        old.into_iter().filter(is_waste).map(|file| (file, age)).collect();
    let log_age = now - TimeDelta::days(LOG_DAYS_MIN);
    waste.extend(log.outdated(star, log_age)?.into_iter().map(|entry| (entry, log_age)));
    let removed = if is_dry { told(&waste) } else { star.wait(remove_all(star, table, &waste))? };
    let collected = collected.get_or_insert_default();
    collected.kept += (objects.len() as u64).saturating_sub(removed.len() as u64);
    for (key, bytes) in removed {
        collected.keys.push(key);
        collected.bytes += bytes;
    }
    Ok(())
}

/// The name of a file that may hold rows: one right in the folder of the table.
fn data_file<'a>(table: &str, key: &'a Path) -> Option<&'a str> {
    let name = key.as_ref().strip_prefix(table)?.strip_prefix('/')?;
    (!name.contains('/') && name.ends_with(".parquet")).then_some(name)
}

/// Whether the host gives names like this: they end in 16 digits of the file's SHA-256.
fn is_own_name(name: &str) -> bool {
    let digits = name.strip_suffix(".parquet").and_then(|name| name.rsplit_once('-')).map(|(_, digits)| digits);
    digits.is_some_and(|digits| digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

fn told(waste: &[(&ObjectMeta, DateTime<Utc>)]) -> Vec<(String, u64)> {
    waste.iter().map(|(object, _)| (object.location.to_string(), object.size)).collect()
}

/// Removes objects that are still as old as they were, the first ones first.
async fn remove_all(
    star: &StarLake,
    table: &str,
    waste: &[(&ObjectMeta, DateTime<Utc>)],
) -> Result<Vec<(String, u64)>, TableError> {
    let removed = waste.iter().map(async |(object, age)| remove(star, object, *age).await);
    let removed = stream::iter(removed).buffered(AT_ONCE).try_filter_map(async |removed| Ok(removed));
    removed.try_collect().await.map_err(store_error("remove a file of", table))
}

async fn remove(
    star: &StarLake,
    object: &ObjectMeta,
    age: DateTime<Utc>,
) -> object_store::Result<Option<(String, u64)>> {
    // One that somebody needs again was written once more.
    match star.store().head(&object.location).await {
        Ok(found) if found.last_modified > age => return Ok(None),
        Ok(_) | Err(Error::NotFound { .. }) => {}
        Err(error) => return Err(error),
    }
    match star.store().delete(&object.location).await {
        Ok(()) | Err(Error::NotFound { .. }) => Ok(Some((object.location.to_string(), object.size))),
        Err(error) => Err(error),
    }
}

async fn list(star: &StarLake, table: &str, prefix: &Path) -> Result<Vec<ObjectMeta>, TableError> {
    star.store().list(Some(prefix)).try_collect().await.map_err(store_error("list", table))
}

fn store_error(action: &'static str, table: &str) -> impl FnOnce(Error) -> TableError {
    let table = table.to_owned();
    move |source| TableError::Store { action, table, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_right_in_the_folder_with_names_of_the_host_are_its_own() {
        let key = |key: &str| Path::from(key);
        assert_eq!(Some("a.parquet"), data_file("fact_x", &key("fact_x/a.parquet")));
        for other in ["fact_x/_delta_log/1.checkpoint.parquet", "fact_x/a.json", "fact_xy/a.parquet"] {
            assert_eq!(None, data_file("fact_x", &key(other)), "{other}");
        }
        for own in ["00000001-0123456789abcdef", "00000001-00000002-0123456789abcdef", "b01-0123456789abcdef"] {
            assert!(is_own_name(&format!("{own}.parquet")), "{own}");
        }
        for other in ["part-00000-4f5e.zstd", "0123456789abcdef", "notes-0123456789abcdeg"] {
            assert!(!is_own_name(&format!("{other}.parquet")), "{other}");
        }
    }
}
