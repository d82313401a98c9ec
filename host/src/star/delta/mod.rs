//! Star tables in a store, as Delta Lake tables.
//!
//! A table is a folder of immutable Parquet files and a log; the log says which files are the table, and how far each input of
//! it has come. A commit creates the next entry of the log, once: of several writers one wins, and the others look again.
//!
//! All of it waits for the store: call it from a thread that may be blocked.
//!
//! What the format does *not* promise, and this module's callers keep: the same application id may be committed again with the
//! same or a lower version, so that a commit is made on top of the version of the table at which its own was read.

mod commit;
mod description;
mod error;
mod files;
mod log_cache;
mod mark;
mod objects;
mod ranges;
mod schema;

pub use commit::{Change, Commit, NewTableFile, Operation};
pub use error::TableError;
pub use files::TableFile;
pub use mark::PacketMark;
pub use ranges::FileRanges;
pub use schema::{SchemaChange, in_delta};

use crate::lake::Lake;
use crate::store::Store;
use delta_kernel::checkpoint::CheckpointSpec;
use delta_kernel::object_store::DynObjectStore;
use delta_kernel::snapshot::{CheckpointWriteResult, Snapshot, SnapshotRef};
use delta_kernel::{Engine, KernelError};
use delta_kernel_default_engine::executor::tokio::TokioMultiThreadExecutor;
use delta_kernel_default_engine::{DefaultEngine, DefaultEngineBuilder};
use log_cache::LogCache;
use std::sync::Arc;
use tokio::runtime::Handle;
use url::Url;

/// After so many commits a checkpoint is written, so that a reader has few entries of the log to read.
const COMMITS_PER_CHECKPOINT: u64 = 20;

/// Under this name a table remembers what made its rows.
const MADE_BY: &str = "star.made-by";

/// The star tables in a store.
#[derive(Clone)]
pub struct StarLake {
    store: Arc<dyn Store>,
    engine: Arc<DefaultEngine<TokioMultiThreadExecutor>>,
    runtime: Handle,
}

/// A table as it was at some entry of its log.
#[derive(Clone, Debug)]
pub struct TableVersion {
    name: String,
    snapshot: SnapshotRef,
}

impl std::fmt::Debug for StarLake {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("StarLake").field("store", &self.store).finish_non_exhaustive()
    }
}

impl StarLake {
    /// The star tables in `store`; `runtime`, of several threads, does the waiting.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, runtime: Handle) -> Self {
        let objects: Arc<DynObjectStore> = Arc::new(LogCache::new(Arc::clone(&store)));
        let executor = Arc::new(TokioMultiThreadExecutor::new(runtime.clone()));
        let engine = DefaultEngineBuilder::new(objects).with_task_executor(executor).build();
        Self { store, engine: Arc::new(engine), runtime }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The same store, to put objects into that belong to no table.
    #[must_use]
    pub fn objects(&self) -> Lake {
        Lake::new(Arc::clone(&self.store))
    }

    /// Waits for something that the store does.
    ///
    /// # Panics
    /// If it is called from where nothing may wait: inside a task of a runtime.
    pub fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// The newest version of a table; `None` if there is no such table.
    ///
    /// # Errors
    /// [`TableError::Store`] and [`TableError::Log`].
    pub fn open(&self, table: &str) -> Result<Option<TableVersion>, TableError> {
        match Snapshot::builder_for(root(table)).build(self.engine.as_ref()) {
            Ok(snapshot) => Ok(Some(TableVersion { name: table.to_owned(), snapshot })),
            Err(KernelError::EmptyLog | KernelError::FileNotFound(_)) => Ok(None),
            Err(error) => Err(TableError::new(table, "open", error)),
        }
    }

    /// How far the input `app` of a table has come; `None` if nothing of it was ever committed.
    ///
    /// # Errors
    /// [`TableError::Store`] and [`TableError::Log`].
    pub fn progress(&self, table: &TableVersion, app: &str) -> Result<Option<u64>, TableError> {
        let version = table.snapshot.get_app_id_version(app, self.engine.as_ref());
        let version = version.map_err(|error| TableError::new(&table.name, "read", error))?;
        Ok(version.and_then(|version| u64::try_from(version).ok()))
    }

    /// What made the rows of a table, as the last commit that said so has it.
    ///
    /// # Errors
    /// [`TableError::Store`] and [`TableError::Log`].
    pub fn made_by(&self, table: &TableVersion) -> Result<Option<String>, TableError> {
        let made_by = table.snapshot.get_domain_metadata(MADE_BY, self.engine.as_ref());
        made_by.map_err(|error| TableError::new(&table.name, "read", error))
    }

    /// Writes a checkpoint of the table's log; the version that comes back knows of it.
    ///
    /// # Errors
    /// [`TableError::Store`] and [`TableError::Log`].
    pub fn checkpoint(&self, table: &TableVersion) -> Result<TableVersion, TableError> {
        match table.snapshot.checkpoint(self.engine.as_ref(), Some(&CheckpointSpec::V1)) {
            Ok((CheckpointWriteResult::Written | CheckpointWriteResult::AlreadyExists, snapshot)) => {
                Ok(TableVersion { name: table.name.clone(), snapshot })
            }
            Err(error) => Err(TableError::new(&table.name, "write a checkpoint of", error)),
        }
    }

    fn engine(&self) -> &dyn Engine {
        self.engine.as_ref()
    }
}

impl TableVersion {
    /// The table's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the table says of itself under a key.
    #[must_use]
    pub fn property(&self, key: &str) -> Option<&str> {
        self.snapshot.table_properties().unknown_properties.get(key).map(String::as_str)
    }

    /// The number of its newest entry in the log.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.snapshot.version()
    }
}

/// The folder of a table, as the kernel names it; its store knows only the path.
fn root(table: &str) -> Url {
    Url::parse("memory:///")
        .and_then(|url| url.join(&format!("{table}/")))
        .expect("names of star tables have no odd letters")
}
