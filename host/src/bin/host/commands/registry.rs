//! `host plugin publish`, `rollback` and `list`.

use super::diff::compare;
use super::loading::{Loader, built, open_registry, threads};
use super::test::failing_cases;
use super::{Failure, boxed, environment_failure, runtime};
use crate::arguments::{PublishArguments, RollbackArguments, StoreArguments};
use crate::screen::registry::{Publication, show_list, show_publication, show_rollback};
use host::compare::schema_changes;
use host::config::Config;
use host::error::{Exit, Explain};
use host::manifest::Manifest;
use host::registry::{Component, RegistryError, Snapshot};
use std::time::SystemTime;

pub(super) fn publish_command(config: &Config, arguments: PublishArguments, json: bool) -> Result<Exit, Failure> {
    let PublishArguments { plugin, rows, breaking, untested, max_rejects, dry_run, replaces, note, store } = arguments;
    let mut loader = Loader::new(config, threads(rows.threads))?;
    let registry = open_registry(config, store.store.as_deref(), true)?;
    let (one, path) = match built(&plugin)? {
        Some((one, component)) => (Some(one), component),
        None => (None, plugin),
    };
    let new = loader.load(&path)?;
    if let Some(one) = one.filter(|_| !untested) {
        let failing = failing_cases(&new, one.folder())?;
        if !failing.is_empty() {
            return Err(boxed(CasesFail { plugin: new.manifest().name.clone(), cases: failing }));
        }
    }
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
        match loader.load_digest(&registry, &name, &digest) {
            Ok(old) => {
                publication.diff = Some(compare(&old, &new, &rows, json)?);
                publication.rows_compared = !rows.inputs.is_empty();
            }
            // A component that is damaged, or of a contract that no longer runs, must not keep a better one away.
            Err(error) if error.exit() != Exit::Environment => publication.not_compared = Some(error.to_string()),
            Err(error) => return Err(error),
        }
    }
    if publication.diff.is_none() && !is_in_force && !rows.inputs.is_empty() {
        // There is nothing to compare with, but the rows can be tried.
        publication.first = Some(compare(&new, &new, &rows, json)?);
        publication.rows_compared = true;
    }
    publication.is_in_force = is_in_force;
    let tried = publication.diff.as_ref().or(publication.first.as_ref());
    let budget = max_rejects.unwrap_or_default();
    publication.is_over_budget = tried.is_some_and(|report| !budget.allows(report.new.rejects, report.records));
    publication.is_dry_run = dry_run;
    let not_compared = publication.not_compared.is_some();
    publication.is_refused =
        !breaking && (not_compared || publication.diff.as_ref().is_some_and(host::compare::DiffReport::breaks));
    if !(is_in_force || dry_run || publication.is_refused || publication.is_over_budget) {
        let wasm = std::fs::read(&path).map_err(environment_failure)?;
        let Manifest { version, .. } = new.manifest().clone();
        let component = Component { name, version, digest: new.digest().to_owned(), wasm };
        publication.published =
            Some(runtime()?.block_on(registry.publish(snapshot, component, now(), note)).map_err(boxed)?);
    }
    let shown = show_publication(&publication, json);
    let refused = publication.is_refused || publication.is_over_budget;
    Ok(shown.max(if refused { Exit::No } else { Exit::Done }))
}

/// A plugin whose cases fail.
#[derive(Debug, thiserror::Error)]
#[error("the cases {} of `{plugin}` fail; nothing is published", cases.iter().map(|case| format!("`{case}`")).collect::<Vec<_>>().join(", "))]
struct CasesFail {
    plugin: String,
    cases: Vec<String>,
}

impl Explain for CasesFail {
    fn code(&self) -> &'static str {
        "cases-fail"
    }

    fn hint(&self) -> Option<String> {
        Some(format!("`host plugin test {}` shows how; `--untested` publishes all the same", self.plugin))
    }

    fn exit(&self) -> Exit {
        Exit::PluginAtFault
    }
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
    let registry = open_registry(config, arguments.store.store.as_deref(), false)?;
    let published = runtime()?.block_on(async {
        let snapshot = registry.read().await?;
        registry.roll_back(snapshot, &arguments.name, arguments.to.as_deref(), now(), arguments.note).await
    });
    let published = published.map_err(boxed)?;
    // Taking back is for emergencies, so it is done first; what it changes for readers is told where both still load.
    let mut loader = Loader::new(config, 1)?;
    let before = published.digest_before.as_deref().unwrap_or_default();
    let taken_back = loader.load_digest(&registry, &published.plugin, before);
    let in_force = loader.load_digest(&registry, &published.plugin, &published.entry.digest);
    let changes = match (taken_back, in_force) {
        (Ok(old), Ok(new)) => schema_changes(old.manifest(), new.manifest()),
        _ => Vec::new(),
    };
    Ok(show_rollback(&published, &changes, json))
}

pub(super) fn list_command(
    config: &Config,
    name: Option<&str>,
    store: &StoreArguments,
    json: bool,
) -> Result<Exit, Failure> {
    let registry = open_registry(config, store.store.as_deref(), false)?;
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
