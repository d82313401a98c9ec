//! Reads.

use super::action::Action;
use super::bucket::{Bucket, TOKEN, aws_time, size, time};
use super::error::S3Error;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, Error, GetOptions, GetRange, GetResult, GetResultPayload, ObjectMeta, Result,
};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// How often the reading of one object is taken up again after it broke off.
const RESUMES_MAX: u32 = 4;

/// Reads an object, or a range of it, or what is known of it.
pub(super) async fn get(bucket: Arc<Bucket>, location: &Path, options: GetOptions) -> Result<GetResult> {
    let key = bucket.key(location);
    if let Some(range) = &options.range {
        range.is_valid().map_err(|source| Error::Generic { store: "S3", source: source.into() })?;
    }
    if options.head {
        return head(&bucket, location, &key, options).await;
    }
    let request = bucket
        .client
        .get_object()
        .bucket(&bucket.name)
        .key(&key)
        .set_if_match(options.if_match.clone())
        .set_if_none_match(options.if_none_match.clone())
        .set_if_modified_since(options.if_modified_since.map(aws_time))
        .set_if_unmodified_since(options.if_unmodified_since.map(aws_time))
        .set_range(options.range.as_ref().map(ToString::to_string));
    let found = match request.send().await.map_err(|error| bucket.error(Action::Get, &key, error)) {
        Ok(found) => found,
        // The last bytes of an empty object, or no bytes of any, are none; S3 has no range for that.
        Err(S3Error::NoSuchRange { .. }) if matches!(options.range, Some(GetRange::Suffix(_))) => {
            return head(&bucket, location, &key, GetOptions { range: Some(GetRange::Suffix(0)), ..options }).await;
        }
        Err(error) => return Err(error.into_store_error()),
    };
    let (range, whole) = extent(&found, options.range.as_ref())
        .ok_or_else(|| bucket.unusable(Action::Get, &key, "the answer has not the range").into_store_error())?;
    let meta = ObjectMeta {
        location: location.clone(),
        last_modified: found.last_modified().map(time).unwrap_or_default(),
        size: whole,
        e_tag: found.e_tag.clone(),
        version: None,
    };
    let headers = [
        found.cache_control(),
        found.content_disposition(),
        found.content_encoding(),
        found.content_language(),
        found.content_type(),
    ];
    let attributes = attributes(headers, found.metadata());
    let reading = Reading {
        bucket,
        key,
        e_tag: found.e_tag,
        next: range.start,
        end: range.end,
        resumes_left: RESUMES_MAX,
        body: found.body,
    };
    Ok(GetResult {
        payload: GetResultPayload::Stream(reading.into_stream()),
        meta,
        range,
        attributes,
        extensions: Default::default(),
    })
}

/// The range that an answer holds, and the size of the whole object.
fn extent(found: &GetObjectOutput, asked: Option<&GetRange>) -> Option<(Range<u64>, u64)> {
    let bytes = size(found.content_length());
    match (asked, found.content_range()) {
        (None, _) => return Some((0..bytes, bytes)),
        // An empty object has no range that could be named.
        (Some(GetRange::Suffix(_)), None) if bytes == 0 => return Some((0..0, 0)),
        _ => {}
    }
    let (range, whole) = found.content_range()?.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    Some((first.parse().ok()?..last.parse::<u64>().ok()?.checked_add(1)?, whole.parse().ok()?))
}

/// What is known of an object, with the range that was asked for and nothing in it.
async fn head(bucket: &Bucket, location: &Path, key: &str, options: GetOptions) -> Result<GetResult> {
    let request = bucket
        .client
        .head_object()
        .bucket(&bucket.name)
        .key(key)
        .set_if_match(options.if_match)
        .set_if_none_match(options.if_none_match)
        .set_if_modified_since(options.if_modified_since.map(aws_time))
        .set_if_unmodified_since(options.if_unmodified_since.map(aws_time));
    let found = match request.send().await.map_err(|error| bucket.error(Action::Head, key, error)) {
        Ok(found) => found,
        Err(error @ S3Error::NotFound { .. }) => {
            bucket.find().await.map_err(S3Error::into_store_error)?;
            return Err(error.into_store_error());
        }
        Err(error) => return Err(error.into_store_error()),
    };
    let meta = meta(location, &found);
    let range = options.range.map_or(Ok(0..meta.size), |range| range.as_range(meta.size));
    let range = range.map_err(|source| Error::Generic { store: "S3", source: source.into() })?;
    let headers = [
        found.cache_control(),
        found.content_disposition(),
        found.content_encoding(),
        found.content_language(),
        found.content_type(),
    ];
    let attributes = attributes(headers, found.metadata());
    let payload = GetResultPayload::Stream(stream::empty().boxed());
    Ok(GetResult { payload, meta, range, attributes, extensions: Default::default() })
}

fn meta(location: &Path, found: &HeadObjectOutput) -> ObjectMeta {
    ObjectMeta {
        location: location.clone(),
        last_modified: found.last_modified().map(time).unwrap_or_default(),
        size: size(found.content_length()),
        e_tag: found.e_tag.clone(),
        version: None,
    }
}

/// The attributes of an object: its headers (cache control, disposition, encoding, language, type) and its metadata, less the
/// token of its writer.
fn attributes(headers: [Option<&str>; 5], metadata: Option<&HashMap<String, String>>) -> Attributes {
    let names = [
        Attribute::CacheControl,
        Attribute::ContentDisposition,
        Attribute::ContentEncoding,
        Attribute::ContentLanguage,
        Attribute::ContentType,
    ];
    let mut attributes = Attributes::new();
    for (name, value) in names.into_iter().zip(headers) {
        if let Some(value) = value {
            attributes.insert(name, value.to_owned().into());
        }
    }
    for (name, value) in metadata.into_iter().flatten().filter(|(name, _)| *name != TOKEN) {
        attributes.insert(Attribute::Metadata(name.clone().into()), value.clone().into());
    }
    attributes
}

/// An object that is being read.
struct Reading {
    bucket: Arc<Bucket>,
    key: String,
    e_tag: Option<String>,
    /// The next byte, and the one after the last, from the object's first.
    next: u64,
    end: u64,
    resumes_left: u32,
    body: ByteStream,
}

impl Reading {
    fn into_stream(self) -> BoxStream<'static, Result<Bytes>> {
        stream::try_unfold(self, |mut reading| async move {
            let piece = reading.read().await?;
            Ok(piece.map(|piece| (piece, reading)))
        })
        .boxed()
    }

    /// The next piece. If the connection breaks, the rest is asked for anew, provided that it is still the same object.
    async fn read(&mut self) -> Result<Option<Bytes>> {
        loop {
            let broken: Box<dyn std::error::Error + Send + Sync> = match self.body.next().await {
                Some(Ok(piece)) => {
                    self.next += piece.len() as u64;
                    return Ok(Some(piece));
                }
                None if self.next >= self.end => return Ok(None),
                None => "the answer ended before the object".into(),
                Some(Err(error)) => error.into(),
            };
            // With all bytes there, it is their checksum that is wrong: reading nothing more won't mend that.
            let resumable = self.next < self.end && self.resumes_left > 0;
            let Some(e_tag) = self.e_tag.clone().filter(|_| resumable) else {
                let object = self.bucket.object(&self.key);
                let error = S3Error::Unreachable { action: Action::Get, object, source: broken };
                return Err(error.into_store_error());
            };
            self.resumes_left -= 1;
            let request = self.bucket.client.get_object().bucket(&self.bucket.name).key(&self.key).if_match(e_tag);
            let rest = GetRange::Bounded(self.next..self.end);
            let found = request.range(rest.to_string()).send().await;
            let found = found.map_err(|error| self.bucket.error(Action::Get, &self.key, error).into_store_error())?;
            if extent(&found, Some(&rest)).is_none_or(|(range, _)| range != (self.next..self.end)) {
                let reason = "the answer has not the range";
                return Err(self.bucket.unusable(Action::Get, &self.key, reason).into_store_error());
            }
            self.body = found.body;
        }
    }
}
