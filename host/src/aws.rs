//! The clients of AWS: one chain of credentials, one HTTP client, one way to retry, for all services.
//!
//! This is the one place where something below the faces reads the environment: `aws-config` looks by itself at the
//! variables, profiles and metadata services that every program of AWS knows (`AWS_PROFILE`, `AWS_REGION`,
//! `AWS_ENDPOINT_URL` and their kin), so that what works for `aws s3 ls` works here.
#![allow(clippy::disallowed_types, reason = "the client of this service lives here")]

mod failure;

pub(crate) use failure::{Failure, FailureKind, HINT_CREDENTIALS, HINT_THROTTLED, HINT_UNREACHABLE};

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

/// The clients of AWS. What they share, credentials and connections among it, is made when the first of them is asked for.
#[derive(Clone, Debug, Default)]
pub struct Clients(Arc<OnceCell<SdkConfig>>);

impl Clients {
    async fn config(&self) -> &SdkConfig {
        self.0.get_or_init(|| config(AwsOptions::default())).await
    }

    /// A client of S3.
    pub async fn s3(&self) -> aws_sdk_s3::Client {
        s3_client(self.config().await)
    }

    /// A client of the Parameter Store.
    pub async fn ssm(&self) -> aws_sdk_ssm::Client {
        ssm_client(self.config().await)
    }

    /// A client of Secrets Manager.
    pub async fn secrets(&self) -> aws_sdk_secretsmanager::Client {
        secrets_client(self.config().await)
    }
}

/// What is said to the clients beside what they find themselves. The default is what the host wants in the cloud.
#[derive(Clone, Debug)]
pub struct AwsOptions {
    /// The region. Without it: that of the environment, the profile or the machine, else `eu-west-2`.
    pub region: Option<String>,
    /// The address of a stand-in for AWS. Without it: `AWS_ENDPOINT_URL` and its kin, else AWS itself.
    pub endpoint_url: Option<String>,
    /// Fixed credentials, for a stand-in. Without them: the usual chain (environment, profile, SSO, a program, the machine).
    pub access_key: Option<AccessKey>,
    /// How often a request is sent before it has failed, unless `AWS_MAX_ATTEMPTS` or the profile says otherwise; 5 by default,
    /// so that a second of throttling is ridden out.
    pub attempts_max: u32,
    /// The mean pause before the second attempt, doubled for each further one; 500 ms by default.
    pub backoff_initial: Duration,
    /// How long a connection may take to come about; 5 s by default.
    pub connect_timeout: Duration,
    /// How long an answer may take to begin; 30 s by default.
    pub read_timeout: Duration,
    /// How long one attempt may take from connecting to the end of the answer's head; 2 minutes by default, enough for a
    /// part of 64 MiB over a slow line.
    pub attempt_timeout: Duration,
}

/// Credentials that don't change.
#[derive(Clone)]
pub struct AccessKey {
    /// The access key's id.
    pub id: String,
    /// The secret access key.
    pub secret: String,
}

/// The secret stays out of logs.
impl std::fmt::Debug for AccessKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("AccessKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Default for AwsOptions {
    fn default() -> Self {
        Self {
            region: None,
            endpoint_url: None,
            access_key: None,
            attempts_max: 5,
            backoff_initial: Duration::from_millis(500),
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(30),
            attempt_timeout: Duration::from_secs(120),
        }
    }
}

/// The region where nothing names another.
const REGION_DEFAULT: &str = "eu-west-2";

/// The configuration of all clients: credentials, region, HTTP over rustls with ring, retries and timeouts.
///
/// Nothing is asked for yet but a region that stands nowhere else; credentials are fetched with the first request, and missing
/// ones are that request's error.
pub async fn config(options: AwsOptions) -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(options.connect_timeout)
        .read_timeout(options.read_timeout)
        .operation_attempt_timeout(options.attempt_timeout)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http).timeout_config(timeouts);
    if let Some(region) = options.region {
        loader = loader.region(Region::new(region));
    }
    if let Some(url) = options.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    if let Some(key) = options.access_key {
        let credentials = Credentials::new(key.id, key.secret, None, None, "fixed");
        loader = loader.credentials_provider(SharedCredentialsProvider::new(credentials));
    }
    // The loader's own chain comes first: one that is built beside it lacks the HTTP client, and panics.
    let config = loader.load().await;
    let region = config.region().cloned().unwrap_or(Region::from_static(REGION_DEFAULT));
    let found = config.retry_config().cloned().unwrap_or_else(RetryConfig::standard);
    let is_said = found.max_attempts() != RetryConfig::standard().max_attempts();
    let attempts_max = if is_said { found.max_attempts() } else { options.attempts_max };
    let retries = found.with_max_attempts(attempts_max).with_initial_backoff(options.backoff_initial);
    config.into_builder().region(region).retry_config(retries).build()
}

/// A client of S3. With an endpoint of one's own, the bucket stands in the path and not in the host's name, which stand-ins
/// can't be reached by.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "aws-config keeps to itself which endpoint it found for S3 alone")]
pub fn s3_client(config: &SdkConfig) -> aws_sdk_s3::Client {
    let own_endpoint = config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
    let builder = aws_sdk_s3::config::Builder::from(config).force_path_style(own_endpoint);
    aws_sdk_s3::Client::from_conf(builder.build())
}

/// A client of the Parameter Store.
#[must_use]
pub fn ssm_client(config: &SdkConfig) -> aws_sdk_ssm::Client {
    aws_sdk_ssm::Client::new(config)
}

/// A client of Secrets Manager.
#[must_use]
pub fn secrets_client(config: &SdkConfig) -> aws_sdk_secretsmanager::Client {
    aws_sdk_secretsmanager::Client::new(config)
}
