//! What is asked of S3, and of which object: the words of its errors.

use std::fmt;

/// A bucket and a key in it, shown as `s3://bucket/key`; without a key it is the bucket itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectName {
    /// The bucket.
    pub bucket: String,
    /// The whole key, with the store's prefix.
    pub key: String,
}

impl fmt::Display for ObjectName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`s3://{}/{}`", self.bucket, self.key)
    }
}

/// What was asked of S3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is called as in the documentation of S3, see `name`")]
pub enum Action {
    Get,
    Head,
    Put,
    Copy,
    Delete,
    List,
    FindBucket,
    CreateUpload,
    UploadPart,
    CompleteUpload,
    AbortUpload,
    ListUploads,
}

impl Action {
    /// The name of the request.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GetObject",
            Self::Head => "HeadObject",
            Self::Put => "PutObject",
            Self::Copy => "CopyObject",
            Self::Delete => "DeleteObjects",
            Self::List => "ListObjectsV2",
            Self::FindBucket => "HeadBucket",
            Self::CreateUpload => "CreateMultipartUpload",
            Self::UploadPart => "UploadPart",
            Self::CompleteUpload => "CompleteMultipartUpload",
            Self::AbortUpload => "AbortMultipartUpload",
            Self::ListUploads => "ListMultipartUploads",
        }
    }

    /// The permission that it takes.
    #[must_use]
    pub fn permission(self) -> &'static str {
        match self {
            Self::Get | Self::Head => "s3:GetObject",
            Self::Put | Self::Copy | Self::CreateUpload | Self::UploadPart | Self::CompleteUpload => "s3:PutObject",
            Self::Delete => "s3:DeleteObject",
            Self::List | Self::FindBucket => "s3:ListBucket",
            Self::AbortUpload => "s3:AbortMultipartUpload",
            Self::ListUploads => "s3:ListBucketMultipartUploads",
        }
    }

    /// Whether the permission is given on the bucket, and not on its objects.
    pub(super) fn concerns_bucket(self) -> bool {
        matches!(self, Self::List | Self::FindBucket | Self::ListUploads)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
