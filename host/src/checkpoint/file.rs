//! Checkpoints in a folder: `<table>.json`.

use super::{CheckpointError, CheckpointStore};
use crate::packet;
use crate::store::FolderStore;
use async_trait::async_trait;
use object_store::path::{Path, PathPart};
use object_store::{Error, ObjectStore, ObjectStoreExt};

/// A folder of checkpoints. A document is on the disk when it is written, and replaced in one step.
#[derive(Debug)]
pub struct FileCheckpoints {
    store: FolderStore,
}

impl FileCheckpoints {
    /// Opens the folder, and makes it if need be.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(folder: &std::path::Path) -> object_store::Result<Self> {
        Ok(Self { store: FolderStore::open(folder)? })
    }

    fn failed(&self, action: &'static str, table: &str, source: Error) -> CheckpointError {
        let (table, store) = (table.to_owned(), format!("the folder `{}`", self.store));
        CheckpointError::Unreachable { action, table, store, source: source.into() }
    }
}

fn key(table: &str) -> Path {
    Path::from_iter([PathPart::from(format!("{table}.json"))])
}

#[async_trait]
impl CheckpointStore for FileCheckpoints {
    async fn read(&self, table: &str) -> Result<Option<String>, CheckpointError> {
        let found = match self.store.get(&key(table)).await {
            Ok(found) => found.bytes().await,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => Err(error),
        };
        let bytes = found.map_err(|error| self.failed("read", table, error))?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    async fn write(&self, table: &str, document: &str) -> Result<(), CheckpointError> {
        let written = self.store.put(&key(table), document.to_owned().into()).await;
        written.map(|_| ()).map_err(|error| self.failed("write", table, error))
    }

    async fn tables(&self) -> Result<Vec<String>, CheckpointError> {
        // Those of star tables lie in a folder of their own.
        let listed = self.store.list_with_delimiter(None).await;
        let listed = listed.map_err(|error| self.failed("list", "", error))?.objects;
        let name = |path: &Path| Some(packet::decode_segment(path.filename()?.strip_suffix(".json")?));
        let mut tables: Vec<String> = listed.iter().filter_map(|object| name(&object.location)).collect();
        tables.sort_unstable();
        Ok(tables)
    }
}
