//! A folder as an object store.
//!
//! `object_store` has all of it but the conditional replace, which it leaves to clouds. Here it holds the folder's own lock
//! while it compares and replaces, so that of several writers, threads or processes, one wins.

use async_trait::async_trait;
use futures_core::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UpdateVersion,
};
use std::fmt;
use std::fs::File;
use std::path::PathBuf;

/// A folder of this machine. What is written is on the disk when the call returns.
#[derive(Debug)]
pub struct FolderStore {
    folder: PathBuf,
    files: LocalFileSystem,
}

impl FolderStore {
    /// Opens the folder, and makes it if need be.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(folder: &std::path::Path) -> Result<Self> {
        let generic = |source: std::io::Error| Error::Generic { store: "folder", source: source.into() };
        std::fs::create_dir_all(folder).map_err(generic)?;
        let folder = folder.canonicalize().map_err(generic)?;
        let files = LocalFileSystem::new_with_prefix(&folder)?.with_fsync(true);
        Ok(Self { folder, files })
    }

    /// Replaces an object if it is still the one that `expected` names.
    async fn update(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
        expected: &UpdateVersion,
    ) -> Result<PutResult> {
        let _lock = self.lock()?;
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

    /// Takes the folder's lock, until the file is closed. Nobody holds it longer than a small object takes to write.
    fn lock(&self) -> Result<File> {
        let generic = |source: std::io::Error| Error::Generic { store: "folder", source: source.into() };
        let folder = File::open(&self.folder).map_err(generic)?;
        rustix::fs::flock(&folder, rustix::fs::FlockOperation::LockExclusive).map_err(|error| generic(error.into()))?;
        Ok(folder)
    }
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
        self.files.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.files.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.files.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.files.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.files.rename_opts(from, to, options).await
    }
}
