//! `host plugin publish`, `rollback` and `list`.

use super::diff::compare;
use super::loading::{Loader, built, open_registry, threads};
use super::test::failing_cases;
use super::{Failure, boxed, environment_failure, runtime};
use crate::arguments::{PublishArguments, RollbackArguments, StoreArguments};
use crate::screen::registry::{Publication, show_list, show_publication, show_rollback};
use host::compare::{DiffReport, schema_changes};
use host::config::Config;
use host::error::{Exit, Explain};
use host::manifest::Manifest;
use host::registry::{Component, RegistryError, Snapshot};
use host::sandbox::Plugin;
use std::path::PathBuf;
use std::time::SystemTime;

pub(super) fn publish_command(config: &Config, arguments: PublishArguments, json: bool) -> Result<Exit, Failure> {
    let mut loader = Loader::new(config, threads(arguments.rows.threads))?;
    let registry = open_registry(config, arguments.store.store.as_ref(), true)?;
    let (new, path) = load_tested(&loader, &arguments)?;
    let Manifest { name, version, .. } = new.manifest().clone();
    let snapshot = runtime()?.block_on(registry.read()).map_err(boxed)?;
    let in_force = snapshot.lock.plugins.get(&name).map(|plugin| plugin.digest.clone());
    if let Some(expected) = &arguments.replaces {
        check_replaced(&name, in_force.as_deref(), expected)?;
    }
    let mut publication =
        Publication { plugin: name.clone(), digest: new.digest().to_owned(), ..Publication::default() };
    publication.is_dry_run = arguments.dry_run;
    publication.is_in_force = in_force.as_deref() == Some(new.digest());
    if !publication.is_in_force {
        let old = in_force.map(|digest| loader.load_digest(&registry, &name, &digest)).transpose();
        try_out(&mut publication, old, &new, &arguments, json)?;
    }
    if !(arguments.dry_run || publication.is_refused()) {
        let wasm = std::fs::read(&path).map_err(environment_failure)?;
        let component = Component { name, version, digest: new.digest().to_owned(), wasm };
        let runtime = runtime()?;
        if publication.is_in_force {
            // What is in force may have been damaged since.
            runtime.block_on(registry.keep(&component)).map_err(boxed)?;
        } else {
            let published = runtime.block_on(registry.publish(snapshot, component, now(), arguments.note));
            publication.published = Some(published.map_err(boxed)?);
        }
    }
    let shown = show_publication(&publication, json);
    Ok(shown.max(if publication.is_refused() { Exit::No } else { Exit::Done }))
}

/// The plugin to publish, and its component: built, and its cases run, where it is a crate.
fn load_tested(loader: &Loader<'_>, arguments: &PublishArguments) -> Result<(Plugin, PathBuf), Failure> {
    let Some((one, component)) = built(&arguments.plugin)? else {
        return Ok((loader.load(&arguments.plugin)?, arguments.plugin.clone()));
    };
    let plugin = loader.load(&component)?;
    let failing = if arguments.untested { Vec::new() } else { failing_cases(&plugin, one.folder())? };
    if failing.is_empty() {
        Ok((plugin, component))
    } else {
        Err(boxed(CasesFail { plugin: plugin.manifest().name.clone(), cases: failing }))
    }
}

/// Compares with the version in force, or tries the rows where there is none, and says what speaks against publishing.
fn try_out(
    publication: &mut Publication,
    old: Result<Option<Plugin>, Failure>,
    new: &Plugin,
    arguments: &PublishArguments,
    json: bool,
) -> Result<(), Failure> {
    let has_rows = !arguments.rows.inputs.is_empty();
    match old {
        Ok(Some(old)) => publication.diff = Some(compare(&old, new, &arguments.rows, json)?),
        Ok(None) => {}
        // A component that is damaged, or of a contract that no longer runs, must not keep a better one away.
        Err(error) if error.exit() != Exit::Environment => publication.not_compared = Some(error.to_string()),
        Err(error) => return Err(error),
    }
    if publication.diff.is_none() && has_rows {
        publication.first = Some(compare(new, new, &arguments.rows, json)?);
    }
    publication.rows_compared = has_rows;
    let breaks = publication.diff.as_ref().is_some_and(DiffReport::breaks);
    publication.is_breaking = !arguments.breaking && (breaks || publication.not_compared.is_some());
    let tried = publication.diff.as_ref().or(publication.first.as_ref());
    let budget = arguments.max_rejects.unwrap_or_default();
    publication.is_over_budget = tried.is_some_and(|report| !budget.allows(report.new.rejects, report.records));
    Ok(())
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
fn check_replaced(name: &str, published: Option<&str>, expected: &str) -> Result<(), Failure> {
    let is_expected = match published {
        Some(digest) => !expected.is_empty() && digest.starts_with(expected),
        None => expected == "none",
    };
    if is_expected {
        return Ok(());
    }
    let found = published.unwrap_or("none").to_owned();
    let expected = expected.to_owned();
    Err(boxed(RegistryError::NotReplaced { name: name.to_owned(), found, expected }))
}

pub(super) fn rollback_command(config: &Config, arguments: RollbackArguments, json: bool) -> Result<Exit, Failure> {
    let registry = open_registry(config, arguments.store.store.as_ref(), false)?;
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
    let registry = open_registry(config, store.store.as_ref(), false)?;
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
