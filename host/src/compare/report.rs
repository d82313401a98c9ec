//! What a comparison says, as data.

use super::schema::SchemaChange;
use crate::manifest::Manifest;
use crate::sandbox::{Plugin, Usage};
use serde::Serialize;

/// How two versions of a plugin differ.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DiffReport {
    /// The version before.
    pub old: DiffSide,
    /// The version after.
    pub new: DiffSide,
    /// How their manifests differ.
    pub schema_changes: Vec<SchemaChange>,
    /// Records that both read.
    pub records: u64,
    /// The star tables that both make.
    pub tables: Vec<TableDiff>,
    /// The lines that only one of them rejects, or each for another reason.
    pub rejects: RejectDiff,
    /// Seconds that it took.
    pub seconds: f64,
}

/// One of the two versions.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DiffSide {
    /// The plugin's name.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// The SHA-256 of the component.
    pub digest: String,
    /// The size of the component.
    pub size_bytes: u64,
    /// Lines that made no row.
    pub rejects: u64,
    /// What it used.
    pub usage: Usage,
    /// Units of fuel a record.
    pub fuel_per_row: f64,
}

/// How the rows of a star table differ.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TableDiff {
    /// The table.
    pub table: String,
    /// The columns by which rows are paired; none where the two have other keys, and rows are paired by their lines.
    pub key: Vec<String>,
    /// Rows that the old version makes.
    pub old_rows: u64,
    /// Rows that the new version makes.
    pub new_rows: u64,
    /// Rows of both with equal values.
    pub same: u64,
    /// Rows of both with other values.
    pub changed: u64,
    /// Rows of the new version alone.
    pub added: u64,
    /// Rows of the old version alone.
    pub gone: u64,
    /// The columns with other values, and in how many rows; only columns of both.
    pub columns: Vec<ColumnDiff>,
    /// The first rows that are added.
    pub added_samples: Vec<RowSample>,
    /// The first rows that are gone.
    pub gone_samples: Vec<RowSample>,
}

/// How a column differs.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ColumnDiff {
    /// The column.
    pub column: String,
    /// In how many rows.
    pub rows: u64,
    /// The first of them.
    pub samples: Vec<CellSample>,
}

/// A value that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CellSample {
    /// The input.
    pub input: String,
    /// The line, from 1, that the new row was made from.
    pub line: u64,
    /// The key, as `sales_record_id=3`.
    pub row: String,
    /// The value of the old version, as JSON.
    pub old: String,
    /// That of the new one.
    pub new: String,
}

/// A row that only one version makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowSample {
    /// The input.
    pub input: String,
    /// The line, from 1, that it was made from.
    pub line: u64,
    /// The row: its key, and the columns of both versions, as `name=value`, each value as JSON.
    pub row: String,
}

/// How the rejects differ.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RejectDiff {
    /// Lines that only the new version rejects.
    pub new: u64,
    /// Lines that only the old version rejects.
    pub vanished: u64,
    /// Lines that both reject, each for another reason.
    pub changed: u64,
    /// The rejects by reason.
    pub groups: Vec<RejectGroupDiff>,
    /// The first lines that differ.
    pub samples: Vec<RejectSample>,
}

/// Rejects for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RejectGroupDiff {
    /// The reason.
    pub code: String,
    /// The column with the bad value.
    pub column: Option<String>,
    /// How many there were.
    pub old: u64,
    /// How many there are.
    pub new: u64,
}

/// A line that is rejected otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RejectSample {
    /// The input.
    pub input: String,
    /// The line, from 1.
    pub line: u64,
    /// What the old version says of it.
    pub old: Option<String>,
    /// What the new version says of it.
    pub new: Option<String>,
}

impl DiffReport {
    /// Whether anything differs that a reader of the star tables, or of the rejects, can see.
    #[must_use]
    pub fn differs(&self) -> bool {
        let rows = self.tables.iter().any(|table| table.changed + table.added + table.gone > 0);
        let rejects = self.rejects.new + self.rejects.vanished + self.rejects.changed > 0;
        rows || rejects || !self.schema_changes.is_empty()
    }

    /// Whether a reader of the star tables breaks.
    #[must_use]
    pub fn breaks(&self) -> bool {
        self.schema_changes.iter().any(|change| change.breaking)
    }
}

impl DiffSide {
    /// A version that has done nothing yet.
    pub(super) fn new(plugin: &Plugin) -> Self {
        let Manifest { name, version, .. } = plugin.manifest();
        Self {
            plugin: name.clone(),
            version: version.clone(),
            digest: plugin.digest().to_owned(),
            size_bytes: plugin.size_bytes(),
            ..Self::default()
        }
    }
}
