//! Writes in one piece, and how a doubtful answer is settled.

use super::action::Action;
use super::bucket::{Bucket, TOKEN};
use super::error::S3Error;
use crate::aws::Failure;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use bytes::Bytes;
use object_store::path::Path;
use object_store::{Attribute, Attributes, Error, PutMode, PutOptions, PutPayload, PutResult, Result};
use std::collections::HashMap;
use std::time::Duration;

/// How often a write is sent that meets another one of the same key which is still under way, and the pause after the first
/// time, doubled each time: some three seconds in all, far more than a small object takes to write.
pub(super) const CONFLICT_TRIES: u32 = 7;
pub(super) const CONFLICT_PAUSE: Duration = Duration::from_millis(25);

/// What must hold for a write to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// Nothing.
    None,
    /// The key is free.
    Free,
    /// The object has this e-tag.
    Matches(String),
}

/// Writes an object in one piece.
pub(super) async fn put(
    bucket: &Bucket,
    location: &Path,
    payload: PutPayload,
    options: PutOptions,
    token: String,
) -> Result<PutResult> {
    let key = bucket.key(location);
    let condition = condition(bucket, &key, options.mode)?;
    let headers = Headers::of(bucket, &key, &options.attributes, &token)?;
    let tags = Some(options.tags.encoded().to_owned()).filter(|tags| !tags.is_empty());
    // Contiguous: one piece is handed over as it is. The client hashes it and can send it again.
    let content = Bytes::from(payload);
    let mut tries = 0;
    let failure = loop {
        let request = bucket.client.put_object().bucket(&bucket.name).key(&key).body(content.clone().into());
        let request = match &condition {
            Condition::None => request,
            Condition::Free => request.if_none_match("*"),
            Condition::Matches(e_tag) => request.if_match(e_tag),
        };
        let request = request
            .set_cache_control(headers.cache_control.clone())
            .set_content_disposition(headers.content_disposition.clone())
            .set_content_encoding(headers.content_encoding.clone())
            .set_content_language(headers.content_language.clone())
            .set_content_type(headers.content_type.clone())
            .set_storage_class(headers.storage_class.as_deref().map(Into::into))
            .set_metadata(Some(headers.metadata.clone()))
            .set_tagging(tags.clone());
        match request.send().await {
            Ok(done) => return Ok(result(done.e_tag)),
            Err(error) if is_conflict(&error) && tries < CONFLICT_TRIES => wait(&mut tries).await,
            Err(error) => break Failure::of(error),
        }
    };
    settle(bucket, Action::Put, &key, &condition, &token, failure).await
}

/// What the mode asks for.
fn condition(bucket: &Bucket, key: &str, mode: PutMode) -> Result<Condition> {
    match mode {
        PutMode::Overwrite => Ok(Condition::None),
        PutMode::Create => Ok(Condition::Free),
        PutMode::Update(version) => match version.e_tag {
            Some(e_tag) => Ok(Condition::Matches(e_tag)),
            None => {
                Err(bucket.unusable(Action::Put, key, "an update without the e-tag it replaces").into_store_error())
            }
        },
    }
}

/// Whether another write of the same key is under way.
pub(super) fn is_conflict<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    matches!(code, Some("ConditionalRequestConflict" | "OperationAborted"))
}

/// The pause before the next try.
pub(super) async fn wait(tries: &mut u32) {
    tokio::time::sleep(CONFLICT_PAUSE * 2_u32.pow(*tries)).await;
    *tries += 1;
}

/// Finds out whether a write that failed was carried out all the same: the client sends again what had no answer, and is then
/// told that the key is taken, perhaps by itself.
///
/// Two things can't be known. An update of ours that was carried out, and then replaced by somebody else's before we looked, is
/// a failed precondition. And a request that timed out may still be under way, and be carried out after we looked: who tries
/// again with the same run id finds an object with their own token, which the content tells.
pub(super) async fn settle(
    bucket: &Bucket,
    action: Action,
    key: &str,
    condition: &Condition,
    token: &str,
    failure: Failure,
) -> Result<PutResult> {
    let ambiguous = failure.kind.is_ambiguous();
    let error = S3Error::of(action, bucket.object(key), failure);
    let refused = matches!(error, S3Error::Precondition { .. } | S3Error::Conflict { .. });
    let gone = matches!(error, S3Error::UploadGone { .. });
    if *condition == Condition::None || !(ambiguous || refused || gone) {
        return Err(as_refusal(key, condition, error));
    }
    match bucket.look(key).await {
        Ok(Some(found)) if found.metadata().and_then(|metadata| metadata.get(TOKEN)).is_some_and(|t| t == token) => {
            Ok(result(found.e_tag))
        }
        // Whatever became of our request, it can no longer succeed.
        Ok(Some(_)) if *condition == Condition::Free => {
            Err(Error::AlreadyExists { path: key.to_owned(), source: error.into() })
        }
        // The refusal may have met our own write, and that isn't known as long as the object can't be looked at.
        Err(doubt) if refused => Err(doubt.into_store_error()),
        Ok(_) | Err(_) => Err(as_refusal(key, condition, error)),
    }
}

/// The error of a write whose condition does not hold, or any other.
fn as_refusal(key: &str, condition: &Condition, error: S3Error) -> Error {
    let path = key.to_owned();
    match (condition, &error) {
        (Condition::Free, S3Error::Precondition { .. }) => Error::AlreadyExists { path, source: error.into() },
        // What is gone is not what was expected.
        (Condition::Matches(_), S3Error::NotFound { .. }) => Error::Precondition { path, source: error.into() },
        _ => error.into_store_error(),
    }
}

/// What a write returns.
pub(super) fn result(e_tag: Option<String>) -> PutResult {
    PutResult { e_tag, version: None, extensions: Default::default() }
}

/// The attributes of an object as S3 takes them.
#[derive(Debug, Default)]
pub(super) struct Headers {
    pub(super) cache_control: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) storage_class: Option<String>,
    pub(super) metadata: HashMap<String, String>,
}

impl Headers {
    /// The attributes and the token, which is metadata of its own: a caller's attribute of the same name gives way.
    pub(super) fn of(bucket: &Bucket, key: &str, attributes: &Attributes, token: &str) -> Result<Self> {
        let mut headers = Self::default();
        for (attribute, value) in attributes {
            let value = value.to_string();
            match attribute {
                Attribute::CacheControl => headers.cache_control = Some(value),
                Attribute::ContentDisposition => headers.content_disposition = Some(value),
                Attribute::ContentEncoding => headers.content_encoding = Some(value),
                Attribute::ContentLanguage => headers.content_language = Some(value),
                Attribute::ContentType => headers.content_type = Some(value),
                Attribute::StorageClass => headers.storage_class = Some(value),
                Attribute::Metadata(name) => {
                    headers.metadata.insert(name.to_string(), value);
                }
                _ => return Err(bucket.unusable(Action::Put, key, "an attribute that S3 has not").into_store_error()),
            }
        }
        headers.metadata.insert(TOKEN.to_owned(), token.to_owned());
        Ok(headers)
    }
}
