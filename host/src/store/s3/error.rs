//! What S3 can refuse, in the host's terms.

use super::action::{Action, ObjectName};
use crate::aws::{Failure, FailureKind, HINT_CREDENTIALS, HINT_THROTTLED, HINT_UNREACHABLE};
use crate::error::{Exit, Explain};
use object_store::Error;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a request to S3 failed. It is the source of the `object_store::Error` that a call of the store returns;
/// [`S3Error::find`] gets it back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum S3Error {
    /// There is no such bucket.
    #[error("the bucket `{bucket}` does not exist")]
    NoSuchBucket {
        /// The bucket.
        bucket: String,
        /// What S3 said.
        source: Source,
    },
    /// There is no such object.
    #[error("there is no object {object}")]
    NotFound {
        /// Bucket and key.
        object: ObjectName,
        /// What S3 said.
        source: Source,
    },
    /// The credentials don't allow it.
    #[error("`{action}` is not allowed on {object}")]
    AccessDenied {
        /// What was tried.
        action: Action,
        /// On what.
        object: ObjectName,
        /// What S3 said.
        source: Source,
    },
    /// There are no credentials, or S3 does not accept them.
    #[error("`{action}` on {object} has no valid credentials")]
    Credentials {
        /// What was tried.
        action: Action,
        /// On what.
        object: ObjectName,
        /// What was said.
        source: Source,
    },
    /// S3 asked for fewer requests, until the last attempt.
    #[error("`{action}` on {object} was throttled in each attempt")]
    Throttled {
        /// What was tried.
        action: Action,
        /// On what.
        object: ObjectName,
        /// What S3 said.
        source: Source,
    },
    /// No answer came in time, in no attempt.
    #[error("`{action}` on {object} timed out")]
    TimedOut {
        /// What was tried.
        action: Action,
        /// On what.
        object: ObjectName,
        /// Which timeout it was.
        source: Source,
    },
    /// S3 can't be reached, or the connection broke.
    #[error("`{action}` on {object} did not reach S3")]
    Unreachable {
        /// What was tried.
        action: Action,
        /// On what.
        object: ObjectName,
        /// What the network said.
        source: Source,
    },
    /// The bucket lies in another region.
    #[error("the bucket `{bucket}` lies in {}", region.as_deref().map_or("another region".to_owned(), |region| format!("the region `{region}`")))]
    WrongRegion {
        /// The bucket.
        bucket: String,
        /// Its region, where S3 tells.
        region: Option<String>,
        /// What S3 said.
        source: Source,
    },
    /// The object is not what the request expected.
    #[error("{object} is not what `{action}` expected")]
    Precondition {
        /// What was tried.
        action: Action,
        /// On what.
        object: ObjectName,
        /// What S3 said.
        source: Source,
    },
    /// The object has not changed.
    #[error("{object} has not changed")]
    NotModified {
        /// Bucket and key.
        object: ObjectName,
        /// What S3 said.
        source: Source,
    },
    /// Other writers of the same key were always first, and none of them has finished.
    #[error("`{action}` on {object} met other writers in each attempt")]
    Conflict {
        /// What was tried.
        action: Action,
        /// On what.
        object: ObjectName,
        /// What S3 said.
        source: Source,
    },
    /// The unfinished upload is gone: aborted by someone, or by the bucket's rules.
    #[error("the upload to {object} is gone")]
    UploadGone {
        /// Bucket and key.
        object: ObjectName,
        /// What S3 said.
        source: Source,
    },
    /// The range lies outside the object.
    #[error("{object} has no such range")]
    NoSuchRange {
        /// Bucket and key.
        object: ObjectName,
        /// What S3 said.
        source: Source,
    },
    /// A call that S3 would refuse, or an answer that no S3 gives.
    #[error("`{action}` on {object}: {reason}")]
    Unusable {
        /// What was tried.
        action: Action,
        /// On what.
        object: ObjectName,
        /// What is wrong.
        reason: &'static str,
    },
    /// Anything else.
    #[error("`{action}` on {object} failed{}", code.as_deref().map(|code| format!(" with `{code}`")).unwrap_or_default())]
    Other {
        /// What was tried.
        action: Action,
        /// On what.
        object: ObjectName,
        /// S3's word for it.
        code: Option<String>,
        /// What was said.
        source: Source,
    },
}

impl S3Error {
    /// The error of S3 in an error of a store, or in what caused it.
    #[must_use]
    pub fn find(error: &Error) -> Option<&Self> {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(error) = cause {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            cause = error.source();
        }
        None
    }

    /// What the failure of `action` means.
    pub(super) fn of(action: Action, object: ObjectName, failure: Failure) -> Self {
        let Failure { kind, status, code, region, source } = failure;
        match kind {
            FailureKind::Throttled => Self::Throttled { action, object, source },
            FailureKind::Denied => Self::AccessDenied { action, object, source },
            FailureKind::Credentials => Self::Credentials { action, object, source },
            FailureKind::TimedOut => Self::TimedOut { action, object, source },
            FailureKind::Unreachable => Self::Unreachable { action, object, source },
            FailureKind::Service | FailureKind::Request => Self::Other { action, object, code, source },
            FailureKind::Refused => match (code.as_deref(), status.unwrap_or_default()) {
                (Some("NoSuchBucket"), _) => Self::NoSuchBucket { bucket: object.bucket, source },
                (Some("NoSuchUpload"), _) => Self::UploadGone { object, source },
                (
                    Some("PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException"),
                    _,
                )
                | (_, 301) => Self::WrongRegion { bucket: object.bucket, region, source },
                (_, 404) if action == Action::FindBucket => Self::NoSuchBucket { bucket: object.bucket, source },
                (_, 404) => Self::NotFound { object, source },
                (_, 409) => Self::Conflict { action, object, source },
                (_, 412) => Self::Precondition { action, object, source },
                (_, 304) => Self::NotModified { object, source },
                (_, 416) => Self::NoSuchRange { object, source },
                _ => Self::Other { action, object, code, source },
            },
        }
    }

    /// The error as a store returns it.
    pub(super) fn into_store_error(self) -> Error {
        let path = match &self {
            Self::NotFound { object, .. } | Self::Precondition { object, .. } | Self::NotModified { object, .. } => {
                object.key.clone()
            }
            Self::AccessDenied { object, .. } | Self::Credentials { object, .. } => object.key.clone(),
            _ => String::new(),
        };
        match self {
            Self::NotFound { .. } => Error::NotFound { path, source: self.into() },
            Self::Precondition { .. } => Error::Precondition { path, source: self.into() },
            Self::NotModified { .. } => Error::NotModified { path, source: self.into() },
            Self::AccessDenied { .. } => Error::PermissionDenied { path, source: self.into() },
            Self::Credentials { .. } => Error::Unauthenticated { path, source: self.into() },
            _ => Error::Generic { store: "S3", source: self.into() },
        }
    }
}

impl Explain for S3Error {
    fn code(&self) -> &'static str {
        match self {
            Self::NoSuchBucket { .. } => "no-such-bucket",
            Self::NotFound { .. } => "no-such-object",
            Self::AccessDenied { .. } => "access-denied",
            Self::Credentials { .. } => "no-credentials",
            Self::Throttled { .. } => "throttled",
            Self::TimedOut { .. } => "timed-out",
            Self::Unreachable { .. } => "unreachable",
            Self::WrongRegion { .. } => "wrong-region",
            Self::Precondition { .. } => "changed-meanwhile",
            Self::NotModified { .. } => "not-modified",
            Self::Conflict { .. } => "conflict",
            Self::UploadGone { .. } => "upload-gone",
            Self::NoSuchRange { .. } => "no-such-range",
            Self::Unusable { .. } | Self::Other { .. } => "s3",
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoSuchBucket { bucket, .. } => format!("create it with `aws s3 mb s3://{bucket}`, or mend its name"),
            Self::AccessDenied { action, object, .. } => {
                let what = if action.concerns_bucket() { &object.bucket } else { &format!("{}/*", object.bucket) };
                let also = match action {
                    Action::Get | Action::Head => {
                        "; without `s3:ListBucket` this is also S3's answer for a missing object"
                    }
                    _ => "",
                };
                format!("grant `{}` on `arn:aws:s3:::{what}`{also}", action.permission())
            }
            Self::Credentials { .. } => HINT_CREDENTIALS.to_owned(),
            Self::Throttled { .. } => HINT_THROTTLED.to_owned(),
            Self::TimedOut { .. } | Self::Unreachable { .. } => HINT_UNREACHABLE.to_owned(),
            Self::WrongRegion { region: Some(region), .. } => format!("set `AWS_REGION={region}`"),
            Self::WrongRegion { region: None, .. } => "set `AWS_REGION` to the bucket's region".to_owned(),
            Self::Conflict { .. } | Self::UploadGone { .. } => "try again".to_owned(),
            _ => return None,
        };
        Some(hint)
    }

    fn exit(&self) -> Exit {
        match self {
            Self::NoSuchBucket { .. } | Self::WrongRegion { .. } | Self::AccessDenied { .. } => Exit::BadInput,
            _ => Exit::Environment,
        }
    }
}
