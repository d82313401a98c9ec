//! What a failed request means, the same for all services.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

/// What to do without valid credentials.
pub(crate) const HINT_CREDENTIALS: &str =
    "sign in (`aws sso login`), or name a profile with `AWS_PROFILE`; `aws sts get-caller-identity` tests it";
/// What to do when there are too many requests.
pub(crate) const HINT_THROTTLED: &str = "try again in a minute, or with fewer workers at once";
/// What to do when nothing answers.
pub(crate) const HINT_UNREACHABLE: &str = "check the network, the region and `AWS_ENDPOINT_URL`, and try again";

/// A request that failed, reduced to what its caller decides by.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What it means.
    pub(crate) kind: FailureKind,
    /// The status of the answer, if there was one.
    pub(crate) status: Option<u16>,
    /// The service's own word for it.
    pub(crate) code: Option<String>,
    /// The region in which the bucket lies, where S3 said so.
    pub(crate) region: Option<String>,
    /// All that is known.
    pub(crate) source: Box<dyn std::error::Error + Send + Sync>,
}

/// What a failed request means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// No connection, or one that broke.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// The service asks for fewer requests.
    Throttled,
    /// The credentials are good, and don't allow it.
    Denied,
    /// There are no credentials, or bad or expired ones.
    Credentials,
    /// The service failed.
    Service,
    /// The service refused what was asked.
    Refused,
    /// The request could not be made.
    Request,
}

impl FailureKind {
    /// Whether the request may have been carried out all the same.
    pub(crate) fn is_ambiguous(self) -> bool {
        matches!(self, Self::Unreachable | Self::TimedOut | Self::Throttled | Self::Service)
    }
}

impl Failure {
    /// What `error` means.
    pub(crate) fn of<E>(error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let answer = error.raw_response();
        let status = answer.map(|answer| answer.status().as_u16());
        let region = answer.and_then(|answer| answer.headers().get("x-amz-bucket-region")).map(str::to_owned);
        let code = error.as_service_error().and_then(ProvideErrorMetadata::code).map(str::to_owned);
        let kind = match &error {
            SdkError::TimeoutError(_) => FailureKind::TimedOut,
            SdkError::DispatchFailure(failure) if failure.is_timeout() => FailureKind::TimedOut,
            SdkError::DispatchFailure(failure) if failure.is_io() => FailureKind::Unreachable,
            SdkError::DispatchFailure(_) if speaks_of_credentials(&error) => FailureKind::Credentials,
            SdkError::DispatchFailure(_) => FailureKind::Unreachable,
            SdkError::ServiceError(_) => kind_of_answer(code.as_deref(), status.unwrap_or_default()),
            // An answer that came and can't be read says nothing of what was done.
            SdkError::ResponseError(_) => FailureKind::Service,
            _ => FailureKind::Request,
        };
        let source = error.as_service_error().map(|refusal| said(status, refusal).into());
        Self { kind, status, code, region, source: source.unwrap_or_else(|| error.into()) }
    }
}

/// What a service answered, in short: its status, its word for it, its message, and the id by which its owner finds the request.
fn said(status: Option<u16>, refusal: &impl ProvideErrorMetadata) -> String {
    let mut said = format!("the answer was {}", status.unwrap_or_default());
    for (before, part, after) in [
        (" `", refusal.code(), "`"),
        (": ", refusal.message(), ""),
        (" (request ", refusal.meta().extra("aws_request_id"), ")"),
    ] {
        if let Some(part) = part.filter(|part| !part.is_empty()) {
            said += &format!("{before}{part}{after}");
        }
    }
    crate::text::shown(&said, crate::text::REJECT_CHARS_MAX)
}

/// What an answer's code and status mean. The code decides, as services differ in the statuses that they give.
fn kind_of_answer(code: Option<&str>, status: u16) -> FailureKind {
    match code.unwrap_or_default() {
        "SlowDown"
        | "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestLimitExceeded"
        | "TooManyRequestsException"
        | "TooManyUpdates"
        | "RequestThrottled"
        | "RequestThrottledException" => FailureKind::Throttled,
        "AccessDenied"
        | "AccessDeniedException"
        | "AllAccessDisabled"
        | "AccountProblem"
        | "NotAuthorized"
        // The key of a secret may not be used, or is gone.
        | "DecryptionFailure" => FailureKind::Denied,
        "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidToken"
        | "TokenRefreshRequired"
        | "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "MissingAuthenticationToken"
        | "IncompleteSignature" => FailureKind::Credentials,
        "RequestTimeout" | "RequestTimeoutException" => FailureKind::TimedOut,
        _ => match status {
            // The answer to HEAD has no code.
            403 => FailureKind::Denied,
            429 | 503 => FailureKind::Throttled,
            500.. => FailureKind::Service,
            _ => FailureKind::Refused,
        },
    }
}

/// Whether credentials are what was missing: the type that says so belongs to a crate of AWS' inner workings, its words are in
/// every message of it.
fn speaks_of_credentials(error: &dyn std::error::Error) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let text = error.to_string();
        if text.contains("credential") || text.contains("identity") {
            return true;
        }
        cause = error.source();
    }
    false
}
