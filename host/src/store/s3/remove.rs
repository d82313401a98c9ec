//! Deletes and copies.

use super::action::Action;
use super::bucket::Bucket;
use super::error::S3Error;
use crate::aws::{Failure, FailureKind};
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use object_store::path::Path;
use object_store::{CopyMode, Error, Result};
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

/// How many keys S3 deletes with one request.
const KEYS_MAX: usize = 1_000;
/// How many such requests are under way at once.
const REQUESTS_MAX: usize = 4;

/// Deletes what comes, and returns it in the same order.
pub(super) fn delete(
    bucket: Arc<Bucket>,
    locations: BoxStream<'static, Result<Path>>,
) -> BoxStream<'static, Result<Path>> {
    locations
        .chunks(KEYS_MAX)
        .map(move |batch| {
            let bucket = bucket.clone();
            async move { stream::iter(delete_batch(&bucket, batch).await) }
        })
        .buffered(REQUESTS_MAX)
        .flatten()
        .boxed()
}

/// Deletes a batch: the fate of each of its locations.
async fn delete_batch(bucket: &Bucket, batch: Vec<Result<Path>>) -> Vec<Result<Path>> {
    let keys: Vec<String> = batch.iter().flatten().map(|location| bucket.key(location)).collect();
    match delete_keys(bucket, &keys).await {
        Ok(mut failed) => {
            let mut fate = |location: Path| match failed.remove(&bucket.key(&location)) {
                Some(error) => Err(error.into_store_error()),
                None => Ok(location),
            };
            batch.into_iter().map(|location| location.and_then(&mut fate)).collect()
        }
        // One error for the whole batch: what was deleted is not known.
        Err(error) => batch.into_iter().filter(Result::is_err).chain([Err(error.into_store_error())]).collect(),
    }
}

/// Deletes keys, and returns those that stay with the reason.
async fn delete_keys(bucket: &Bucket, keys: &[String]) -> Result<HashMap<String, S3Error>, S3Error> {
    let unusable = |_| bucket.unusable(Action::Delete, "", "the list of keys can't be built");
    let Some(first) = keys.first() else { return Ok(HashMap::new()) };
    let objects = keys.iter().map(|key| ObjectIdentifier::builder().key(key).build());
    let objects = objects.collect::<std::result::Result<Vec<_>, _>>().map_err(unusable)?;
    let batch = Delete::builder().set_objects(Some(objects)).quiet(true).build().map_err(unusable)?;
    let done = bucket.client.delete_objects().bucket(&bucket.name).delete(batch).send().await;
    let done = done.map_err(|error| bucket.error(Action::Delete, first, error))?;
    let refusals = done.errors().iter().filter(|refusal| refusal.code() != Some("NoSuchKey"));
    let failed = refusals.filter_map(|refusal| {
        let code = refusal.code().map(str::to_owned);
        let kind = match refusal.code() {
            Some("AccessDenied") => FailureKind::Denied,
            Some("SlowDown") => FailureKind::Throttled,
            _ => FailureKind::Service,
        };
        let source = refusal.message().unwrap_or_default().into();
        let failure = Failure { kind, status: None, code, region: None, source };
        Some((refusal.key()?.to_owned(), S3Error::of(Action::Delete, bucket.object(refusal.key()?), failure)))
    });
    Ok(failed.collect())
}

/// Copies within the bucket.
pub(super) async fn copy(bucket: &Bucket, from: &Path, to: &Path, mode: CopyMode) -> Result<()> {
    let (from, to) = (bucket.key(from), bucket.key(to));
    // The condition of the copy decides. Some that speak S3's language don't know it, and would overwrite without a word.
    if mode == CopyMode::Create && bucket.look(&to).await.map_err(S3Error::into_store_error)?.is_some() {
        return Err(Error::AlreadyExists { path: to, source: "it was there before".into() });
    }
    let request = bucket.client.copy_object().bucket(&bucket.name).key(&to);
    let request = request.copy_source(format!("{}/{}", bucket.name, encode(&from)));
    let request = match mode {
        CopyMode::Overwrite => request,
        CopyMode::Create => request.if_none_match("*"),
    };
    match request.send().await {
        Ok(_) => Ok(()),
        Err(error) => match bucket.error(Action::Copy, &from, error) {
            error @ S3Error::Precondition { .. } => Err(Error::AlreadyExists { path: to, source: error.into() }),
            error => Err(error.into_store_error()),
        },
    }
}

/// A key as a part of a URL.
fn encode(key: &str) -> String {
    let mut encoded = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string can't fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
