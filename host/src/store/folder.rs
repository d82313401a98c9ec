//! A folder as an object store.
//!
//! `object_store` has most of it. What it leaves to clouds, or does otherwise than they, is done here: the conditional replace
//! holds the folder's own lock while it compares and replaces, so that of several writers, threads or processes, one wins; an
//! upload in parts creates its object and never overwrites one; lists are in the order of the keys.

mod list;
mod upload;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures_core::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UpdateVersion,
};
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

/// How often, and with which pauses, is tried to get the folder's lock: for some ten seconds.
const LOCK_TRIES: u32 = 1_000;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// A folder of this machine. What is written is on the disk when the call returns.
#[derive(Debug)]
pub struct FolderStore {
    folder: PathBuf,
    files: LocalFileSystem,
    /// Whose turn it is within this process, so that at most one waits for the folder's lock.
    turn: Mutex<()>,
}

impl FolderStore {
    /// Opens the folder, and makes it if need be.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(folder: &std::path::Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(generic)?;
        let folder = folder.canonicalize().map_err(generic)?;
        let files = LocalFileSystem::new_with_prefix(&folder)?.with_fsync(true);
        Ok(Self { folder, files, turn: Mutex::new(()) })
    }

    /// Removes what uploads below the folder left that were last written to before `older_than` and neither completed nor
    /// aborted, and says how many: a process that was killed leaves files that no list shows.
    ///
    /// # Errors
    /// What the file system says.
    pub async fn abort_stale_uploads(&self, older_than: DateTime<Utc>) -> Result<u64> {
        let folder = self.folder.clone();
        let removed = spawn_blocking(move || upload::remove_stale(&folder, older_than)).await;
        removed.map_err(std::io::Error::other).and_then(|removed| removed).map_err(generic)
    }

    /// Replaces an object if it is still the one that `expected` names.
    async fn update(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
        expected: &UpdateVersion,
    ) -> Result<PutResult> {
        let _turn = self.turn.lock().await;
        let _lock = self.lock().await?;
        let found = match self.files.head(location).await {
            Ok(found) => found.e_tag,
            Err(Error::NotFound { .. }) => None,
            Err(error) => return Err(error),
        };
        if found.is_none() || found != expected.e_tag {
            let source = format!("it is {found:?} now, and no longer {:?}", expected.e_tag).into();
            return Err(Error::Precondition { path: location.to_string(), source });
        }
        self.files.put_opts(location, payload, PutOptions { mode: PutMode::Overwrite, ..options }).await
    }

    /// Takes the folder's lock, until the file is closed. Nobody holds it longer than a small object takes to write; who waits
    /// does so on a thread of its own, as the one who has the lock may need this one.
    async fn lock(&self) -> Result<File> {
        let folder = self.folder.clone();
        let locked = spawn_blocking(move || {
            let folder = File::open(folder)?;
            for _ in 0..LOCK_TRIES {
                match rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive) {
                    Err(Errno::WOULDBLOCK) => std::thread::sleep(LOCK_PAUSE),
                    locked => return locked.map(|()| folder).map_err(std::io::Error::from),
                }
            }
            Err(std::io::Error::other("another program holds the lock of the folder"))
        });
        let locked = locked.await.map_err(std::io::Error::other).and_then(|locked| locked);
        locked.map_err(generic)
    }
}

/// What the file system said.
fn generic(source: std::io::Error) -> Error {
    Error::Generic { store: "folder", source: source.into() }
}

impl fmt::Display for FolderStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.folder.display())
    }
}

#[async_trait]
impl ObjectStore for FolderStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        match options.mode.clone() {
            PutMode::Update(expected) => self.update(location, payload, options, &expected).await,
            PutMode::Overwrite | PutMode::Create => self.files.put_opts(location, payload, options).await,
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        if !options.attributes.is_empty() {
            let operation = "`put_multipart_opts` with `opts.attributes` specified".to_owned();
            return Err(Error::NotImplemented { operation, implementer: self.to_string() });
        }
        Ok(Box::new(upload::FolderUpload::begin(self.files.clone(), location).await?))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.files.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.files.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        list::list(self.files.clone(), prefix, None)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        list::list(self.files.clone(), prefix, Some(offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let mut found = self.files.list_with_delimiter(prefix).await?;
        found.objects.sort_by(|one, other| one.location.cmp(&other.location));
        Ok(found)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.files.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.files.rename_opts(from, to, options).await
    }
}
