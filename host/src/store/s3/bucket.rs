//! A bucket below a prefix: keys, metadata, and errors that name both.

use super::action::{Action, ObjectName};
use super::error::S3Error;
use crate::aws::Failure;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::DateTime as AwsDateTime;
use chrono::{DateTime, Utc};
use object_store::path::{DELIMITER, Path};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

/// The name of the metadata that holds the token of a conditional write.
pub(super) const TOKEN: &str = "upload";

/// A bucket below a prefix.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) client: Client,
    pub(super) name: String,
    prefix: Path,
    /// Whether the bucket is known to be there: the answer to HEAD does not tell a missing bucket from a missing key.
    seen: AtomicBool,
}

impl Bucket {
    pub(super) fn new(client: Client, name: String, prefix: Path) -> Self {
        Self { client, name, prefix, seen: AtomicBool::new(false) }
    }

    /// The key of a location.
    pub(super) fn key(&self, location: &Path) -> String {
        match (self.prefix.as_ref(), location.as_ref()) {
            ("", location) => location.to_owned(),
            (prefix, "") => prefix.to_owned(),
            (prefix, location) => format!("{prefix}{DELIMITER}{location}"),
        }
    }

    /// What the keys below a location begin with: a whole number of segments, or nothing.
    pub(super) fn folder(&self, location: Option<&Path>) -> String {
        let mut folder = self.key(location.unwrap_or(&Path::default()));
        if !folder.is_empty() {
            folder.push_str(DELIMITER);
        }
        folder
    }

    /// The location of a key, if it has one: not below another prefix, not the mark of an empty folder, not what no path can
    /// name.
    pub(super) fn location(&self, key: &str) -> Option<Path> {
        let below = match self.prefix.as_ref() {
            "" => key,
            prefix => key.strip_prefix(prefix)?.strip_prefix(DELIMITER)?,
        };
        // A path forgets slashes at its ends; a key that has them is another one.
        Path::parse(below).ok().filter(|path| path.as_ref() == below)
    }

    /// The failure of `action` on `key`.
    pub(super) fn error<E>(&self, action: Action, key: &str, error: SdkError<E>) -> S3Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        S3Error::of(action, self.object(key), Failure::of(error))
    }

    /// The name of an object, for errors.
    pub(super) fn object(&self, key: &str) -> ObjectName {
        ObjectName { bucket: self.name.clone(), key: key.to_owned() }
    }

    /// A call or an answer that can't be used.
    pub(super) fn unusable(&self, action: Action, key: &str, reason: &'static str) -> S3Error {
        S3Error::Unusable { action, object: self.object(key), reason }
    }

    /// What is known of an object without its content, `None` if there is none.
    pub(super) async fn look(&self, key: &str) -> Result<Option<HeadObjectOutput>, S3Error> {
        match self.client.head_object().bucket(&self.name).key(key).send().await {
            Ok(found) => {
                self.seen.store(true, Ordering::Relaxed);
                Ok(Some(found))
            }
            Err(error) => match self.error(Action::Head, key, error) {
                S3Error::NotFound { .. } => self.find().await.map(|()| None),
                error => Err(error),
            },
        }
    }

    /// Fails if the bucket is missing. It is asked for until it was seen once; if that isn't allowed, it is there.
    pub(super) async fn find(&self) -> Result<(), S3Error> {
        if !self.seen.load(Ordering::Relaxed) {
            let found = self.client.head_bucket().bucket(&self.name).send().await;
            let error = found.err().map(|error| self.error(Action::FindBucket, "", error));
            if let Some(error @ (S3Error::NoSuchBucket { .. } | S3Error::WrongRegion { .. })) = error {
                return Err(error);
            }
            self.seen.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "s3://{}/{}", self.name, self.prefix)
    }
}

/// A time of the client as one of the store.
pub(super) fn time(time: &AwsDateTime) -> DateTime<Utc> {
    DateTime::from_timestamp(time.secs(), time.subsec_nanos()).unwrap_or_default()
}

/// A time of the store as one of the client.
pub(super) fn aws_time(time: DateTime<Utc>) -> AwsDateTime {
    AwsDateTime::from_secs_and_nanos(time.timestamp(), time.timestamp_subsec_nanos())
}

/// A size of the client as one of the store.
pub(super) fn size(size: Option<i64>) -> u64 {
    size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default()
}
