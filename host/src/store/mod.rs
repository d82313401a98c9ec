//! Where objects are kept: a folder of this machine, memory, or a bucket of S3, in the terms of `object_store`.
//!
//! All of them keep the same promises, beyond those of the trait: of several writers of a key with `Create`, or with `Update`
//! of the same e-tag, one wins; an upload in parts creates its object and never overwrites one; lists are in the order of the
//! keys' bytes.

mod folder;
mod memory;
mod s3;

pub use folder::FolderStore;
pub use memory::MemoryStore;
pub use object_store::ObjectStore;
pub use object_store::memory::InMemory;
pub use s3::{Action, ObjectName, S3Error, S3Store, UploadTokens};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// A place of objects that keeps the promises above.
#[async_trait]
pub trait Store: ObjectStore {
    /// Ends the uploads in parts that nobody has completed, and that were begun before `older_than`. Tells how many.
    ///
    /// # Errors
    /// What the storage says.
    async fn abort_stale_uploads(&self, older_than: DateTime<Utc>) -> object_store::Result<u64>;
}

#[async_trait]
impl Store for FolderStore {
    async fn abort_stale_uploads(&self, older_than: DateTime<Utc>) -> object_store::Result<u64> {
        Self::abort_stale_uploads(self, older_than).await
    }
}

#[async_trait]
impl Store for S3Store {
    async fn abort_stale_uploads(&self, older_than: DateTime<Utc>) -> object_store::Result<u64> {
        Self::abort_stale_uploads(self, older_than).await
    }
}

#[async_trait]
impl Store for MemoryStore {
    /// They end with the upload itself.
    async fn abort_stale_uploads(&self, _: DateTime<Utc>) -> object_store::Result<u64> {
        Ok(0)
    }
}
