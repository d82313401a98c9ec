//! `host plugin publish`, `rollback` and `list`.

use super::diff::compare;
use super::loading::{Loader, built, open_registry, threads};
use super::{Failure, boxed, environment_failure, runtime};
use crate::arguments::{PublishArguments, RollbackArguments, StoreArguments};
use crate::screen::registry::{Publication, show_list, show_publication, show_rollback};
use host::config::Config;
use host::error::Exit;
use host::registry::{Component, RegistryError, Snapshot};
use std::time::SystemTime;

pub(super) fn publish_command(config: &Config, arguments: PublishArguments, json: bool) -> Result<Exit, Failure> {
    let PublishArguments { plugin, rows, breaking, dry_run, replaces, note, store } = arguments;
    let mut loader = Loader::new(config, threads(rows.threads))?;
    let registry = open_registry(config, store.store.as_deref())?;
    let path = built(&plugin)?.unwrap_or(plugin);
    let new = loader.load(&path)?;
    let name = new.manifest().name.clone();
    let snapshot = runtime()?.block_on(registry.read()).map_err(boxed)?;
    let published = snapshot.lock.plugins.get(&name).map(|plugin| plugin.digest.clone());
    if let Some(expected) = replaces {
        check_replaced(&name, published.as_deref(), expected)?;
    }
    let mut publication =
        Publication { plugin: name.clone(), digest: new.digest().to_owned(), ..Publication::default() };
    let is_in_force = published.as_deref() == Some(new.digest());
    if let Some(digest) = published.filter(|_| !is_in_force) {
        let old = loader.load_digest(&registry, &name, &digest)?;
        publication.diff = Some(compare(&old, &new, &rows, json)?);
        publication.rows_compared = !rows.inputs.is_empty();
    }
    publication.is_in_force = is_in_force;
    publication.is_dry_run = dry_run;
    publication.is_refused = !breaking && publication.diff.as_ref().is_some_and(host::compare::DiffReport::breaks);
    if !(is_in_force || dry_run || publication.is_refused) {
        let wasm = std::fs::read(&path).map_err(environment_failure)?;
        let component = Component { name, version: new.manifest().version.clone(), wasm };
        publication.published =
            Some(runtime()?.block_on(registry.publish(snapshot, component, now(), note)).map_err(boxed)?);
    }
    let shown = show_publication(&publication, json);
    Ok(shown.max(if publication.is_refused { Exit::No } else { Exit::Done }))
}

/// Refuses to replace another version than the one that was meant.
fn check_replaced(name: &str, published: Option<&str>, expected: String) -> Result<(), Failure> {
    let is_expected = match published {
        Some(digest) => !expected.is_empty() && digest.starts_with(&expected),
        None => expected == "none",
    };
    if is_expected {
        return Ok(());
    }
    let found = published.unwrap_or("none").to_owned();
    Err(boxed(RegistryError::NotReplaced { name: name.to_owned(), found, expected }))
}

pub(super) fn rollback_command(config: &Config, arguments: RollbackArguments, json: bool) -> Result<Exit, Failure> {
    let registry = open_registry(config, arguments.store.store.as_deref())?;
    let published = runtime()?.block_on(async {
        let snapshot = registry.read().await?;
        registry.roll_back(snapshot, &arguments.name, arguments.to.as_deref(), now(), arguments.note).await
    });
    Ok(show_rollback(&published.map_err(boxed)?, json))
}

pub(super) fn list_command(
    config: &Config,
    name: Option<&str>,
    store: &StoreArguments,
    json: bool,
) -> Result<Exit, Failure> {
    let registry = open_registry(config, store.store.as_deref())?;
    let snapshot: Snapshot = runtime()?.block_on(registry.read()).map_err(boxed)?;
    if let Some(name) = name {
        registry.published(&snapshot, name).map_err(boxed)?;
    }
    Ok(show_list(&snapshot.lock, name, json))
}

/// The time, in UTC.
#[expect(clippy::disallowed_methods, reason = "the faces pass the time in")]
fn now() -> String {
    chrono::DateTime::<chrono::Utc>::from(SystemTime::now()).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
