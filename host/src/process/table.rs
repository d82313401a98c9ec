//! Star tables as a process needs them: opened or made, and how far each has come.

use super::{Parts, Process, ProcessError, StarTableReport};
use crate::manifest::{StarKind, StarTable};
use crate::packet::Manifest;
use crate::sandbox::{CONTRACT_VERSION, Plugin};
use crate::star::{Change, Commit, NewTableFile, Operation, TableVersion, in_delta};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What made the rows of a table that is a function of its inputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MadeBy {
    pub(super) plugin: String,
    pub(super) version: String,
    pub(super) digest: String,
    pub(super) contract: String,
    pub(super) host: String,
    /// The years of a calendar, as `2022..2027`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) years: Option<String>,
}

impl MadeBy {
    pub(super) fn new(plugin: &Plugin, years: Option<String>) -> Self {
        Self {
            plugin: plugin.manifest().name.clone(),
            version: plugin.manifest().version.clone(),
            digest: plugin.digest().to_owned(),
            contract: CONTRACT_VERSION.to_owned(),
            host: env!("CARGO_PKG_VERSION").to_owned(),
            years,
        }
    }
}

impl Parts {
    /// What made the rows of a table, if the table says it.
    pub(super) fn made_by(&self, version: &TableVersion) -> Result<Option<MadeBy>, ProcessError> {
        Ok(self.star.made_by(version)?.and_then(|json| serde_json::from_str(&json).ok()))
    }
}

/// The name of an input of a star table in the table's log: never a version, so that it goes on where the last one ended.
pub(crate) fn app(plugin: &Plugin, table: &str) -> String {
    format!("{}/{table}", plugin.manifest().name)
}

/// The star tables of a plugin, with the types that their files have.
pub(crate) fn star_tables(plugin: &Plugin) -> Vec<StarTable> {
    plugin.manifest().star_tables.iter().map(in_delta).collect()
}

/// How a try to bring tables up to date ended.
pub(super) enum Try<T> {
    Done(T),
    /// Somebody else has committed: look again.
    Conflict,
}

impl Process<'_> {
    /// Tries until no other commits in between.
    pub(super) fn until_done<T>(
        &self,
        star: &str,
        mut one_try: impl FnMut() -> Result<Try<T>, ProcessError>,
    ) -> Result<T, ProcessError> {
        for tries in 0..super::TRIES_MAX {
            if let Try::Done(done) = one_try()? {
                return Ok(done);
            }
            // Processes that got into each other's way are to part.
            let spread = crate::state::hash_line(format!("{} {star} {tries}", self.parts.run).as_bytes()) % 32;
            std::thread::sleep(Duration::from_millis(spread as u64 * u64::from(tries.min(8))));
        }
        Err(ProcessError::Crowded { star: star.to_owned(), tries: super::TRIES_MAX })
    }

    /// The newest version of each star table of a plugin. One that does not exist is made.
    pub(super) fn open_tables(&self, plugin: &Plugin, tables: &[StarTable]) -> Result<Vec<TableVersion>, ProcessError> {
        let open = |table: &StarTable| {
            self.until_done(&table.name, || {
                if let Some(version) = self.parts.star.open(&table.name)? {
                    check_owner(plugin, &version)?;
                    return Ok(Try::Done(version));
                }
                let packet = self.packets.first(&plugin.manifest().source_table)?;
                match self.parts.star.create(table, &properties(plugin, table, packet.as_ref()))? {
                    Commit::Done(version) => Ok(Try::Done(version)),
                    Commit::Conflict => Ok(Try::Conflict),
                }
            })
        };
        tables.iter().map(open).collect()
    }

    /// Commits a change, and notes it in the report.
    pub(super) fn commit(
        &self,
        base: &TableVersion,
        table: &StarTable,
        change: &Change,
        report: &mut StarTableReport,
    ) -> Result<Try<TableVersion>, ProcessError> {
        match self.parts.star.commit(base, table, change)? {
            Commit::Conflict => Ok(Try::Conflict),
            Commit::Done(version) => {
                report.files += change.added.len() as u64;
                report.bytes += change.added.iter().map(|new| new.file.bytes).sum::<u64>();
                report.rows += change.added.iter().map(|new| new.file.rows).sum::<u64>();
                Ok(Try::Done(version))
            }
        }
    }

    /// A change that a plugin's rows make.
    pub(super) fn change(
        &self,
        plugin: &Plugin,
        added: Vec<NewTableFile>,
        removed: BTreeSet<String>,
        progress: BTreeMap<String, u64>,
    ) -> Change {
        let info = [
            ("run", self.parts.run.clone()),
            ("plugin", super::plugin_name(plugin)),
            ("digest", plugin.digest().to_owned()),
            ("packets", progress.iter().map(|(app, last)| format!("{app} to {last}")).collect::<Vec<_>>().join(", ")),
        ];
        Change {
            operation: Operation::Write,
            added,
            removed,
            progress,
            packets: BTreeMap::new(),
            made_by: None,
            info: info.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            at: (self.parts.clock)(),
        }
    }
}

/// Looks whether a table was made by this plugin, of this source: how far it has come is noted under their names, and another name
/// would begin anew, and bring every row twice.
pub(super) fn check_owner(plugin: &Plugin, version: &TableVersion) -> Result<(), ProcessError> {
    let manifest = plugin.manifest();
    for (key, ours) in [("star.plugin", &manifest.name), ("star.source", &manifest.source_table)] {
        if let Some(owner) = version.property(key).filter(|owner| owner != ours) {
            let (star, owner, ours) = (version.name().to_owned(), owner.to_owned(), ours.clone());
            let what = if key == "star.plugin" { "plugin" } else { "source table" };
            return Err(ProcessError::Owner { star, what, owner, ours });
        }
    }
    Ok(())
}

/// What the table says of itself.
fn properties(plugin: &Plugin, table: &StarTable, packet: Option<&Manifest>) -> BTreeMap<String, String> {
    let manifest = plugin.manifest();
    let kind = match table.kind {
        StarKind::Fact => "fact",
        StarKind::Dimension => "dimension",
    };
    let lookups = manifest.lookups.iter().map(|lookup| lookup.table.clone()).collect::<Vec<_>>().join(",");
    let mut properties = BTreeMap::from([
        ("star.kind".to_owned(), kind.to_owned()),
        ("star.key".to_owned(), table.key.join(",")),
        ("star.plugin".to_owned(), manifest.name.clone()),
        ("star.source".to_owned(), manifest.source_table.clone()),
        ("star.lookups".to_owned(), lookups),
        // So that a table can say what its rows were made by.
        ("delta.feature.domainMetadata".to_owned(), "supported".to_owned()),
    ]);
    properties.extend(table.comment.clone().map(|comment| ("star.comment".to_owned(), comment)));
    properties.extend(current_query(table, packet).map(|query| ("star.current".to_owned(), query)));
    properties
}

/// The query for the rows of a fact that are in the source now: the newest of each key, without those whose key is gone.
fn current_query(table: &StarTable, packet: Option<&Manifest>) -> Option<String> {
    let packet = packet.filter(|_| table.kind == StarKind::Fact)?;
    let record = table.record_key()?;
    let [key] = packet.key.as_slice() else { return None };
    table.fields.iter().find(|field| field.name == *key)?;
    let (name, source, deletions) = (&table.name, &packet.table, super::deletions::TABLE);
    // Joins alone: not every reader can look a row up that is not there.
    Some(format!(
        "SELECT f.* FROM {name} f \
         JOIN (SELECT max({record}) AS newest FROM {name} GROUP BY {key}) n ON n.newest = f.{record} \
         LEFT JOIN (SELECT \"key\" AS gone, max(last_record) AS gone_at FROM {deletions} WHERE \"table\" = '{source}' GROUP BY \"key\") d \
         ON d.gone = CAST(f.{key} AS VARCHAR) \
         WHERE d.gone_at IS NULL OR d.gone_at < f.{record}"
    ))
}
