//! A Postgres database as a source.
//!
//! Plain SELECT rights are enough: no triggers, no slots, no extension. All tables are read in one snapshot, and each as the
//! catalog of that snapshot describes it: one that is no longer what was listed before is not read.

mod connect;
mod decode;
mod discover;
mod plan;
mod session;

mod types;

pub use connect::Address;
pub use session::SnapshotHook;

use super::{Snapshot, Source, SourceError, SourceTable, TableOptions};
use async_trait::async_trait;
use discover::{Catalog, PostgresTable};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// A database.
#[derive(Clone)]
pub struct PostgresSource {
    address: Address,
    schema: String,
    exclude: Vec<String>,
    options: BTreeMap<String, TableOptions>,
    /// What was found out when the tables were listed.
    tables: Arc<Mutex<BTreeMap<String, PostgresTable>>>,
    hook: Option<SnapshotHook>,
}

impl std::fmt::Debug for PostgresSource {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("PostgresSource").field("address", &self.address).field("schema", &self.schema).finish()
    }
}

impl PostgresSource {
    /// The tables of a schema, but those of `exclude`; `options` says what differs from what the database says of them.
    #[must_use]
    pub fn new(
        address: Address,
        schema: String,
        exclude: Vec<String>,
        options: BTreeMap<String, TableOptions>,
    ) -> Self {
        Self { address, schema, exclude, options, tables: Arc::default(), hook: None }
    }

    /// Calls `hook` with the name of each snapshot, for others to import, before anything is read in it.
    #[must_use]
    pub fn with_snapshot_hook(mut self, hook: SnapshotHook) -> Self {
        self.hook = Some(hook);
        self
    }

    fn options(&self, table: &str) -> TableOptions {
        self.options.get(table).cloned().unwrap_or_default()
    }
}

#[async_trait]
impl Source for PostgresSource {
    fn excludes(&self, table: &str) -> bool {
        self.exclude.iter().any(|name| name == table)
    }

    async fn tables(&self) -> Result<Vec<Result<SourceTable, SourceError>>, SourceError> {
        let client = self.address.connect(&self.schema).await?;
        let catalog = Catalog::read(&client, &self.schema).await?;
        let names: Vec<&str> = catalog.names().collect();
        for name in self.exclude.iter().chain(self.options.keys()).filter(|name| !names.contains(&name.as_str())) {
            tracing::warn!(table = name, schema = self.schema, "the configuration names a table that is not there");
        }
        let mut known = self.tables.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.clear();
        let mut tables = Vec::new();
        for (_, table) in catalog.tables(self) {
            tables.push(table.map(|table| {
                let source_table = table.table.clone();
                known.insert(source_table.name.clone(), table);
                source_table
            }));
        }
        Ok(tables)
    }

    async fn snapshot(&self, names: &[String]) -> Result<Box<dyn Snapshot>, SourceError> {
        let mut listed = self.tables.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        listed.retain(|name, _| names.contains(name));
        let session = session::Session::open(self, listed).await?;
        if let Some(hook) = &self.hook {
            session.export(hook).await?;
        }
        Ok(Box::new(session))
    }
}

/// A name as an identifier: quoted, so that it can be any.
#[must_use]
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as a literal.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
