//! A bucket of S3 as an object store.
//!
//! It stands on Amazon's own client, so that the whole chain of credentials works as in every other program of AWS. What it adds
//! is certainty about writes: a conditional write whose answer was lost is not reported as failed, nor as somebody else's. Each
//! conditional write bears a token in the object's metadata (`upload`), and where the answer leaves a doubt the object is
//! looked at: if the token is ours, so is the object.
#![allow(clippy::disallowed_types, reason = "the client of this service lives here")]

mod action;
mod bucket;
mod error;
mod get;
mod list;
mod put;
mod remove;
mod upload;

pub use action::{Action, ObjectName};
pub use error::S3Error;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use bucket::Bucket;
use chrono::{DateTime, Utc};
use futures_core::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result,
};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The objects of a bucket below a prefix.
///
/// - An upload in parts **creates** its object on completion and never overwrites one: if the key is taken by then, it is
///   `AlreadyExists` and the object stays as it was. Each part but the last must have at least 5 MiB; at most four are under
///   way at once for each upload.
/// - `If-Match` and `If-None-Match` guard writes, so that of several writers one wins; the e-tag of the result is that of the
///   next condition.
/// - Reads that break off in the middle of an object go on where they broke off, as long as the object is the same.
/// - Versions are ignored, as the project never asks for one.
///
/// Errors have an [`S3Error`] as their source.
#[derive(Debug)]
pub struct S3Store {
    bucket: Arc<Bucket>,
    tokens: UploadTokens,
}

impl S3Store {
    /// The objects of `bucket` below `prefix`, which may be empty. Nothing is asked yet: whether the bucket is there shows with
    /// the first request.
    #[must_use]
    pub fn new(client: Client, bucket: impl Into<String>, prefix: Path, tokens: UploadTokens) -> Self {
        Self { bucket: Arc::new(Bucket::new(client, bucket.into(), prefix)), tokens }
    }

    /// Aborts the uploads below the prefix that were begun before `older_than` and neither completed nor aborted, and says how
    /// many. A process that ends in the middle of an upload leaves its parts behind, unseen and paid for: this, or a rule of
    /// the bucket's life cycle, is what clears them.
    ///
    /// # Errors
    /// If S3 fails, or does not allow it.
    pub async fn abort_stale_uploads(&self, older_than: DateTime<Utc>) -> Result<u64> {
        upload::abort_stale(&self.bucket, older_than).await
    }
}

impl fmt::Display for S3Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bucket.fmt(formatter)
    }
}

/// Where the tokens of uploads come from. Clones count together: a run has one, and clones of it for each of its stores.
#[derive(Clone, Debug)]
pub struct UploadTokens {
    run: Arc<str>,
    given: Arc<AtomicU64>,
}

impl UploadTokens {
    /// Tokens of the run with this id: letters, digits and hyphens. No two runs may have the same, or one could take the
    /// other's object for its own.
    #[must_use]
    pub fn new(run_id: &str) -> Self {
        Self { run: run_id.into(), given: Arc::default() }
    }

    /// A token that none had before.
    fn next(&self) -> String {
        format!("{}-{}", self.run, self.given.fetch_add(1, Ordering::Relaxed))
    }
}

#[async_trait]
impl ObjectStore for S3Store {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        put::put(&self.bucket, location, payload, options, self.tokens.next()).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let upload = upload::S3Upload::begin(self.bucket.clone(), location, options, self.tokens.next()).await?;
        Ok(Box::new(upload))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        get::get(self.bucket.clone(), location, options).await
    }

    /// Deletes in batches of 1,000, each whole: a batch is sent when 1,000 locations have come, or the last. A key that isn't
    /// there counts as deleted.
    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        remove::delete(self.bucket.clone(), locations)
    }

    /// In the order of the keys' bytes. Keys that end in `/`, and those that no [`Path`] can name, are left out.
    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        list::list(self.bucket.clone(), prefix, None)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        list::list(self.bucket.clone(), prefix, Some(offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        list::list_with_delimiter(&self.bucket, prefix).await
    }

    /// Copies within S3, objects of at most 5 GiB. A copy that may not overwrite, and whose answer is lost, is reported as
    /// `AlreadyExists`: copies bear no token of their own.
    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        remove::copy(&self.bucket, from, to, options.mode).await
    }
}
