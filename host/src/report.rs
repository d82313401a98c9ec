//! What was done, as data; the faces show it.

use crate::manifest::{Manifest, StarKind, StarTable};
use crate::reject::cure;
use crate::sandbox::{CONTRACT_VERSION, Limits, LogLine, Plugin, Usage};
use crate::star::WrittenFile;
use serde::{Deserialize, Serialize, Serializer};
use std::path::{Path, PathBuf};

/// What a run of a plugin did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RunReport {
    /// The plugin's name.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// The SHA-256 of the component.
    pub digest: String,
    /// Where the rows came from.
    pub input: String,
    /// How many threads worked.
    pub threads: usize,
    /// Records that were read.
    pub rows_in: u64,
    /// Records that made no row.
    pub rejects: u64,
    /// Those of them that the plugin could not cope with: traps, spent limits, bad output.
    pub rejects_by_host: u64,
    /// Whether the rejects exceed their budget: then no star table is written.
    pub held: bool,
    /// The rejects by reason, the most frequent first.
    pub reject_groups: Vec<RejectGroup>,
    /// The file of rejects.
    #[serde(serialize_with = "serialize_path_option")]
    pub rejects_path: Option<PathBuf>,
    /// The star tables.
    pub star_tables: Vec<StarReport>,
    /// Seconds to load the plugin.
    pub load_seconds: f64,
    /// Seconds from the first byte to the last file.
    pub seconds: f64,
    /// What the plugin used.
    pub usage: Usage,
    /// What each call could use.
    pub limits: Limits,
    /// What the plugin logged.
    pub log: Vec<LogLine>,
}

/// Rejects with one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectGroup {
    /// The reason.
    pub code: String,
    /// The column with the bad value.
    pub column: Option<String>,
    /// How many rows.
    pub rows: u64,
    /// The number of the first such line, from 1.
    pub first_line: u64,
    /// What was said of it.
    pub first_message: String,
    /// What to do about such rows, where the host knows the reason.
    pub hint: Option<String>,
}

/// Counts rejects by reason. `T` is what else is remembered of the first one of each.
#[derive(Debug)]
pub(crate) struct RejectGroups<T>(Vec<(T, RejectGroup)>);

impl<T> Default for RejectGroups<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> RejectGroups<T> {
    /// More reasons than anybody reads; the rest is counted with the last.
    const GROUPS_MAX: usize = 100;

    /// Counts a reject of a line.
    pub(crate) fn add(&mut self, first: T, line: u64, code: &str, column: Option<&str>, message: &str) {
        let same = |(_, group): &&mut (T, RejectGroup)| group.code == code && group.column.as_deref() == column;
        if let Some((_, group)) = self.0.iter_mut().find(same) {
            group.rows += 1;
        } else if self.0.len() < Self::GROUPS_MAX {
            let group = RejectGroup {
                code: code.to_owned(),
                column: column.map(str::to_owned),
                rows: 1,
                first_line: line,
                first_message: message.to_owned(),
                hint: cure(code).map(str::to_owned),
            };
            self.0.push((first, group));
        } else if let Some((_, last)) = self.0.last_mut() {
            last.rows += 1;
        }
    }

    /// The reasons, the most frequent first.
    pub(crate) fn finish(mut self) -> Vec<(T, RejectGroup)> {
        self.0.sort_by_key(|(_, group)| std::cmp::Reverse(group.rows));
        self.0
    }
}

/// What became of a star table.
#[derive(Clone, Debug, Serialize)]
pub struct StarReport {
    /// The table.
    pub table: String,
    /// Whether it is a fact or a dimension table.
    pub kind: StarKind,
    /// Its rows.
    pub rows: u64,
    /// Its file.
    pub file: Option<WrittenFile>,
    /// The names of its columns.
    pub columns: Vec<String>,
    /// The cells of its first rows; a null is `None`.
    pub preview: Vec<Vec<Option<String>>>,
}

impl StarReport {
    /// What became of `table`.
    #[must_use]
    pub fn new(table: &StarTable, rows: u64, file: Option<WrittenFile>, preview: Vec<Vec<Option<String>>>) -> Self {
        let columns = table.fields.iter().map(|field| field.name.clone()).collect();
        Self { table: table.name.clone(), kind: table.kind, rows, file, columns, preview }
    }
}

impl RunReport {
    /// A report that says so far only which plugin ran.
    #[must_use]
    pub fn of_plugin(plugin: &Plugin) -> Self {
        Self {
            plugin: plugin.manifest().name.clone(),
            version: plugin.manifest().version.clone(),
            digest: plugin.digest().to_owned(),
            load_seconds: plugin.load_time().as_secs_f64(),
            limits: *plugin.limits(),
            ..Self::default()
        }
    }

    /// Records a second.
    #[must_use]
    pub fn rows_per_second(&self) -> f64 {
        if self.seconds > 0.0 { self.rows_in as f64 / self.seconds } else { 0.0 }
    }

    /// Units of fuel a record.
    #[must_use]
    pub fn fuel_per_row(&self) -> f64 {
        if self.rows_in > 0 { self.usage.fuel as f64 / self.rows_in as f64 } else { 0.0 }
    }
}

/// What a plugin is.
#[derive(Clone, Debug, Serialize)]
pub struct PluginReport {
    /// Where it was loaded from.
    #[serde(serialize_with = "serialize_path")]
    pub path: PathBuf,
    /// The SHA-256 of the component.
    pub digest: String,
    /// The size of the component.
    pub size_bytes: u64,
    /// Seconds to load it.
    pub load_seconds: f64,
    /// The version of the contract that the host speaks, and the plugin with it.
    pub contract_version: String,
    /// What the component imports.
    pub imports: Vec<String>,
    /// What it reads and writes.
    pub manifest: Manifest,
    /// What each call may use.
    pub limits: Limits,
}

impl PluginReport {
    /// What `plugin` is.
    #[must_use]
    pub fn new(plugin: &Plugin) -> Self {
        Self {
            path: plugin.path().to_owned(),
            digest: plugin.digest().to_owned(),
            size_bytes: plugin.size_bytes(),
            load_seconds: plugin.load_time().as_secs_f64(),
            contract_version: CONTRACT_VERSION.to_owned(),
            imports: plugin.imports().to_owned(),
            manifest: plugin.manifest().clone(),
            limits: *plugin.limits(),
        }
    }
}

/// Writes a path as text; bytes that are none are replaced, as a report is for reading.
pub(crate) fn serialize_path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

fn serialize_path_option<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_deref().map(|path| path.display().to_string()).serialize(serializer)
}
