//! Uploads in parts.

use super::action::Action;
use super::bucket::{Bucket, aws_time};
use super::put::{CONFLICT_TRIES, Condition, Headers, is_conflict, result, settle, wait};
use crate::aws::Failure;
use async_trait::async_trait;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use object_store::path::Path;
use object_store::{Error, MultipartUpload, PutMultipartOptions, PutPayload, PutResult, Result, UploadPart};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// How many parts of an upload are under way at once: enough to fill a fast line with parts of some MiB.
const PARTS_IN_FLIGHT: usize = 4;
/// How many parts S3 takes.
const PARTS_MAX: i32 = 10_000;

/// An upload in parts that creates its object on completion. Dropped unfinished, it can't tell S3, and its parts stay until
/// they are cleared by [`abort_stale`] or by a rule of the bucket's life cycle.
#[derive(Debug)]
pub(super) struct S3Upload {
    upload: Arc<Upload>,
    /// How many parts were handed over.
    parts: i32,
}

#[derive(Debug)]
struct Upload {
    bucket: Arc<Bucket>,
    key: String,
    id: String,
    token: String,
    turns: Semaphore,
    done: Mutex<Vec<CompletedPart>>,
}

impl S3Upload {
    /// Begins an upload.
    pub(super) async fn begin(
        bucket: Arc<Bucket>,
        location: &Path,
        options: PutMultipartOptions,
        token: String,
    ) -> Result<Self> {
        let key = bucket.key(location);
        let headers = Headers::of(&bucket, &key, &options.attributes, &token)?;
        let tags = Some(options.tags.encoded().to_owned()).filter(|tags| !tags.is_empty());
        let begun = bucket
            .client
            .create_multipart_upload()
            .bucket(&bucket.name)
            .key(&key)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .set_cache_control(headers.cache_control)
            .set_content_disposition(headers.content_disposition)
            .set_content_encoding(headers.content_encoding)
            .set_content_language(headers.content_language)
            .set_content_type(headers.content_type)
            .set_storage_class(headers.storage_class.as_deref().map(Into::into))
            .set_metadata(Some(headers.metadata))
            .set_tagging(tags)
            .send()
            .await
            .map_err(|error| bucket.error(Action::CreateUpload, &key, error).into_store_error())?;
        let Some(id) = begun.upload_id else {
            return Err(bucket.unusable(Action::CreateUpload, &key, "the answer has no upload id").into_store_error());
        };
        let turns = Semaphore::new(PARTS_IN_FLIGHT);
        let upload = Upload { bucket, key, id, token, turns, done: Mutex::default() };
        Ok(Self { upload: Arc::new(upload), parts: 0 })
    }
}

#[async_trait]
impl MultipartUpload for S3Upload {
    fn put_part(&mut self, content: PutPayload) -> UploadPart {
        self.parts += 1;
        let (upload, number) = (self.upload.clone(), self.parts);
        Box::pin(async move { upload.put_part(number, content.into()).await })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        if self.parts == 0 {
            // S3 takes no upload without parts, but a single empty one.
            self.put_part(PutPayload::new()).await?;
        }
        self.upload.complete(self.parts).await
    }

    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }
}

impl Upload {
    async fn put_part(&self, number: i32, content: Bytes) -> Result<()> {
        let bucket = &self.bucket;
        if number > PARTS_MAX {
            let reason = "more than 10,000 parts; larger parts are needed";
            return Err(bucket.unusable(Action::UploadPart, &self.key, reason).into_store_error());
        }
        // Nobody closes it: without a turn the part would only go ahead of others.
        let _turn = self.turns.acquire().await.ok();
        let sent = bucket
            .client
            .upload_part()
            .bucket(&bucket.name)
            .key(&self.key)
            .upload_id(&self.id)
            .part_number(number)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(content.into())
            .send()
            .await
            .map_err(|error| bucket.error(Action::UploadPart, &self.key, error).into_store_error())?;
        let part = CompletedPart::builder()
            .part_number(number)
            .set_e_tag(sent.e_tag)
            .set_checksum_crc32(sent.checksum_crc32)
            .build();
        self.done.lock().unwrap_or_else(PoisonError::into_inner).push(part);
        Ok(())
    }

    async fn complete(&self, parts: i32) -> Result<PutResult> {
        let bucket = &self.bucket;
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner).clone();
        done.sort_by_key(|part| part.part_number);
        if done.len() != usize::try_from(parts).unwrap_or_default() {
            let reason = "parts are missing: each one's future must have returned";
            return Err(bucket.unusable(Action::CompleteUpload, &self.key, reason).into_store_error());
        }
        let done = CompletedMultipartUpload::builder().set_parts(Some(done)).build();
        let mut tries = 0;
        let failure = loop {
            let request = bucket.client.complete_multipart_upload().bucket(&bucket.name).key(&self.key);
            let request = request.upload_id(&self.id).multipart_upload(done.clone()).if_none_match("*");
            match request.send().await {
                Ok(done) => return Ok(result(done.e_tag)),
                Err(error) if is_conflict(&error) && tries < CONFLICT_TRIES => wait(&mut tries).await,
                Err(error) => break Failure::of(error),
            }
        };
        let settled = settle(bucket, Action::CompleteUpload, &self.key, &Condition::Free, &self.token, failure).await;
        if matches!(settled, Err(Error::AlreadyExists { .. })) {
            // The parts are of no use any more. If this fails, they wait for the next clearing.
            if let Err(error) = self.abort().await {
                tracing::debug!(key = self.key, %error, "an upload that came too late was not aborted");
            }
        }
        settled
    }

    async fn abort(&self) -> Result<()> {
        abort(&self.bucket, &self.key, &self.id).await
    }
}

/// Aborts an upload; one that is gone is fine.
async fn abort(bucket: &Bucket, key: &str, id: &str) -> Result<()> {
    let request = bucket.client.abort_multipart_upload().bucket(&bucket.name).key(key).upload_id(id);
    match request.send().await.map_err(|error| bucket.error(Action::AbortUpload, key, error)) {
        Ok(_) | Err(super::S3Error::UploadGone { .. }) => Ok(()),
        Err(error) => Err(error.into_store_error()),
    }
}

/// Aborts the uploads that were begun before `older_than`, and says how many.
pub(super) async fn abort_stale(bucket: &Bucket, older_than: DateTime<Utc>) -> Result<u64> {
    let older_than = aws_time(older_than);
    let folder = bucket.folder(None);
    let (mut key_marker, mut id_marker) = (None, None);
    let mut aborted = 0;
    loop {
        let request = bucket.client.list_multipart_uploads().bucket(&bucket.name).prefix(&folder);
        let page = request.set_key_marker(key_marker).set_upload_id_marker(id_marker).send().await;
        let page = page.map_err(|error| bucket.error(Action::ListUploads, &folder, error).into_store_error())?;
        for upload in page.uploads() {
            let begun_before = upload.initiated().is_some_and(|begun| *begun < older_than);
            if let (true, Some(key), Some(id)) = (begun_before, upload.key(), upload.upload_id()) {
                abort(bucket, key, id).await?;
                aborted += 1;
            }
        }
        if page.is_truncated() != Some(true) {
            return Ok(aborted);
        }
        (key_marker, id_marker) = (page.next_key_marker, page.next_upload_id_marker);
    }
}
