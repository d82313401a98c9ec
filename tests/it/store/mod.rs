//! Object stores, the Parameter Store and Secrets Manager, on this machine.

mod checkpoints;
mod conformance;
mod faults;
mod folder;
mod s3;
mod secrets;

use host::aws::{AccessKey, AwsOptions, s3_client};
use host::store::{S3Store, UploadTokens};
use object_store::path::Path;
use object_store::{PutMode, PutOptions, PutPayload};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// What clients of a stand-in are told. Pauses are short, as nobody is at the other end who needs them.
pub(crate) fn options(endpoint_url: String) -> AwsOptions {
    AwsOptions {
        region: Some("us-east-1".to_owned()),
        endpoint_url: Some(endpoint_url),
        access_key: Some(AccessKey { id: "test".to_owned(), secret: "test".to_owned() }),
        backoff_initial: Duration::from_millis(5),
        ..AwsOptions::default()
    }
}

/// A store in a bucket behind an endpoint.
async fn s3_store(options: AwsOptions, bucket: &str, prefix: &str) -> S3Store {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let run = format!("run-{}", RUNS.fetch_add(1, Ordering::Relaxed));
    let client = s3_client(&host::aws::config(options).await);
    S3Store::new(client, bucket, Path::from(prefix), UploadTokens::new(&run))
}

/// A location whose text is taken as it is.
fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

fn create() -> PutOptions {
    PutMode::Create.into()
}

/// So many bytes that differ from one another in some order.
fn bytes(count: usize, seed: u8) -> PutPayload {
    (0..count).map(|index| (index / 251) as u8 ^ (index % 251) as u8 ^ seed).collect::<Vec<u8>>().into()
}
