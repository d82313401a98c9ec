//! What becomes of requests to S3 when the network or S3 fails.

use super::{bytes, create, options, path, s3_store};
use host::aws::AwsOptions;
use host::error::Explain;
use host::store::{S3Error, S3Store};
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, UpdateVersion};
use std::time::{Duration, Instant};
use tests::moto::Moto;
use tests::proxy::{Fault, FaultProxy, Rule};

/// A store behind a proxy with these rules, and the same one without.
struct Scene {
    proxy: FaultProxy,
    store: S3Store,
    direct: S3Store,
    bucket: String,
}

impl Scene {
    async fn new(rules: impl Into<Vec<Rule>>) -> Self {
        Self::with(rules, |options| options).await
    }

    async fn with(rules: impl Into<Vec<Rule>>, change: impl FnOnce(AwsOptions) -> AwsOptions) -> Self {
        let moto = Moto::shared();
        let proxy = FaultProxy::start(moto.address(), rules).await;
        let bucket = moto.bucket();
        let store = s3_store(change(options(proxy.url())), &bucket, "lake").await;
        let direct = s3_store(options(moto.url()), &bucket, "lake").await;
        Self { proxy, store, direct, bucket }
    }

    async fn content(&self, location: &str) -> String {
        let content = self.direct.get(&path(location)).await.unwrap().bytes().await.unwrap();
        String::from_utf8(content.to_vec()).unwrap()
    }

    fn count(&self, method: &str) -> usize {
        self.proxy.requests().iter().filter(|request| request.starts_with(method)).count()
    }
}

fn typed(error: &Error) -> &S3Error {
    S3Error::find(error).unwrap_or_else(|| panic!("no error of S3 in {error:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_whose_answer_is_lost_is_done() {
    let scene = Scene::new([Rule::new("PUT", "/lake/a", 1, Fault::LoseReply)]).await;
    let put = scene.store.put_opts(&path("a"), "ours".into(), create()).await.unwrap();
    assert_eq!(scene.content("a").await, "ours");
    assert_eq!(put.e_tag, scene.direct.head(&path("a")).await.unwrap().e_tag);
    // The second attempt was told that the key is taken: by the first.
    assert_eq!((scene.count("PUT"), scene.count("HEAD")), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_whose_answers_are_all_lost_is_done() {
    let scene = Scene::new([Rule::new("PUT", "/lake/a", 99, Fault::LoseReply)]).await;
    scene.store.put_opts(&path("a"), "ours".into(), create()).await.unwrap();
    assert_eq!(scene.content("a").await, "ours");
    assert_eq!((scene.count("PUT"), scene.count("HEAD")), (5, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_came_too_late_is_not_taken_for_ours() {
    let scene = Scene::new([Rule::new("PUT", "/lake/a", 1, Fault::LoseReply)]).await;
    // The same content, and still not ours.
    scene.direct.put_opts(&path("a"), "same".into(), create()).await.unwrap();
    let put = scene.store.put_opts(&path("a"), "same".into(), create()).await;
    assert!(matches!(put, Err(Error::AlreadyExists { .. })), "{put:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_is_in_doubt_as_long_as_the_object_cant_be_looked_at() {
    let scene = Scene::new([
        Rule::new("PUT", "/lake/a", 1, Fault::LoseReply),
        Rule::new("HEAD", "/lake/a", 99, Fault::S3(403, "AccessDenied")),
    ]);
    let scene = scene.await;
    let error = scene.store.put_opts(&path("a"), "ours".into(), create()).await.unwrap_err();
    assert!(matches!(typed(&error), S3Error::AccessDenied { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_whose_answer_is_lost_is_done() {
    let scene = Scene::new([Rule::new("PUT", "/lake/a", 1, Fault::LoseReply)]).await;
    let e_tag = scene.direct.put(&path("a"), "before".into()).await.unwrap().e_tag;
    let update = PutMode::Update(UpdateVersion { e_tag, version: None });
    let put = scene.store.put_opts(&path("a"), "ours".into(), update.into()).await.unwrap();
    assert_eq!(scene.content("a").await, "ours");
    assert_eq!(put.e_tag, scene.direct.head(&path("a")).await.unwrap().e_tag);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completion_whose_answer_is_lost_is_done() {
    for times in [1, 99] {
        let scene = Scene::new([Rule::new("POST", "uploadId=", times, Fault::LoseReply)]).await;
        let mut upload = scene.store.put_multipart(&path("a")).await.unwrap();
        upload.put_part("ours".into()).await.unwrap();
        let done = upload.complete().await.unwrap();
        assert_eq!(scene.content("a").await, "ours");
        assert_eq!(done.e_tag, scene.direct.head(&path("a")).await.unwrap().e_tag);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completion_whose_answer_is_lost_and_that_came_too_late_is_not_taken_for_ours() {
    let scene = Scene::new([Rule::new("POST", "uploadId=", 1, Fault::LoseReply)]).await;
    let mut upload = scene.store.put_multipart(&path("a")).await.unwrap();
    upload.put_part("ours".into()).await.unwrap();
    scene.direct.put_opts(&path("a"), "theirs".into(), create()).await.unwrap();
    let done = upload.complete().await;
    assert!(matches!(done, Err(Error::AlreadyExists { .. })), "{done:?}");
    assert_eq!(scene.content("a").await, "theirs");
    // Its parts are not kept.
    assert!(scene.proxy.requests().iter().any(|request| request.starts_with("DELETE")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_whose_answer_is_lost_is_sent_again() {
    let scene = Scene::new([Rule::new("PUT", "partNumber=1", 1, Fault::LoseReply)]).await;
    let mut upload = scene.store.put_multipart(&path("a")).await.unwrap();
    upload.put_part("ours".into()).await.unwrap();
    upload.complete().await.unwrap();
    assert_eq!(scene.content("a").await, "ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn four_parts_are_under_way_at_once_however_many_are_handed_over() {
    let scene = Scene::new([Rule::new("PUT", "partNumber=", 99, Fault::Hang)]).await;
    let mut upload = scene.store.put_multipart(&path("a")).await.unwrap();
    let parts: Vec<_> = (0..10).map(|_| upload.put_part("x".into())).collect();
    let waited = tokio::time::timeout(Duration::from_secs(1), futures_util::future::join_all(parts)).await;
    assert!(waited.is_err());
    assert_eq!(scene.count("PUT"), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_little_throttling_is_ridden_out() {
    let scene = Scene::new([Rule::new("PUT", "/lake/a", 3, Fault::S3(503, "SlowDown"))]).await;
    scene.store.put_opts(&path("a"), "ours".into(), create()).await.unwrap();
    assert_eq!((scene.count("PUT"), scene.count("HEAD")), (4, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_the_same_key_that_are_under_way_are_waited_for() {
    let conflict = Fault::S3(409, "ConditionalRequestConflict");
    let scene = Scene::new([Rule::new("PUT", "/lake/a", 3, conflict)]).await;
    scene.store.put_opts(&path("a"), "ours".into(), create()).await.unwrap();
    assert_eq!(scene.count("PUT"), 4);
    let scene = Scene::new([Rule::new("PUT", "/lake/a", 99, conflict)]).await;
    let error = scene.store.put_opts(&path("a"), "ours".into(), create()).await.unwrap_err();
    assert!(matches!(typed(&error), S3Error::Conflict { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_throttling_is_an_error_that_says_so() {
    let slow = |method| Rule::new(method, "", 99, Fault::S3(503, "SlowDown"));
    let scene = Scene::new([slow("PUT"), slow("GET")]).await;
    let error = scene.store.put_opts(&path("a"), "ours".into(), create()).await.unwrap_err();
    assert_eq!(typed(&error).code(), "throttled");
    let text = format!("`PutObject` on `s3://{}/lake/a` was throttled in each attempt", scene.bucket);
    assert_eq!(typed(&error).to_string(), text);
    assert_eq!(scene.count("PUT"), 5);
    let error = scene.store.get(&path("a")).await.unwrap_err();
    assert_eq!(typed(&error).code(), "throttled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_times_out_within_what_was_configured() {
    let hurry = |options| AwsOptions { attempts_max: 2, read_timeout: Duration::from_millis(300), ..options };
    let hang = |method| Rule::new(method, "", 99, Fault::Hang);
    let scene = Scene::with([hang("PUT"), hang("GET")], hurry).await;
    let started = Instant::now();
    let error = scene.store.put_opts(&path("a"), "ours".into(), create()).await.unwrap_err();
    assert_eq!(typed(&error).code(), "timed-out");
    let error = scene.store.get(&path("a")).await.unwrap_err();
    assert_eq!(typed(&error).code(), "timed-out");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let hurry = |options| AwsOptions { attempts_max: 2, attempt_timeout: Duration::from_millis(300), ..options };
    let scene = Scene::with([hang("GET")], hurry).await;
    let error = scene.store.get(&path("a")).await.unwrap_err();
    assert_eq!(typed(&error).code(), "timed-out");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_breaks_off_goes_on_where_it_was() {
    let scene = Scene::new([Rule::new("GET", "/lake/a", 3, Fault::CutBody(200_000))]).await;
    scene.direct.put(&path("a"), bytes(1_000_000, 3)).await.unwrap();
    let read = scene.store.get(&path("a")).await.unwrap().bytes().await.unwrap();
    assert!(read == bytes(1_000_000, 3).into_iter().next().unwrap());
    assert_eq!(scene.count("GET"), 4);
    let range = scene.store.get_range(&path("a"), 10..900_000).await.unwrap();
    assert_eq!(range.len(), 899_990);

    let scene = Scene::new([Rule::new("GET", "/lake/a", 99, Fault::CutBody(10))]).await;
    scene.direct.put(&path("a"), bytes(1_000_000, 3)).await.unwrap();
    let error = scene.store.get(&path("a")).await.unwrap().bytes().await.unwrap_err();
    assert_eq!(typed(&error).code(), "unreachable");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_bucket_is_named_by_every_request() {
    let store = s3_store(options(Moto::shared().url()), "no-such-bucket", "lake").await;
    let mut errors = vec![
        store.put_opts(&path("a"), "x".into(), create()).await.map(|_| ()).unwrap_err(),
        store.get(&path("a")).await.map(|_| ()).unwrap_err(),
        store.head(&path("a")).await.map(|_| ()).unwrap_err(),
        store.put_multipart(&path("a")).await.map(|_| ()).unwrap_err(),
        store.list_with_delimiter(None).await.map(|_| ()).unwrap_err(),
        store.delete(&path("a")).await.unwrap_err(),
    ];
    let update = PutMode::Update(UpdateVersion { e_tag: Some("\"x\"".to_owned()), version: None });
    errors.push(store.put_opts(&path("a"), "x".into(), update.into()).await.unwrap_err());
    for error in errors {
        assert_eq!(typed(&error).to_string(), "the bucket `no-such-bucket` does not exist", "{error:?}");
        let hint = typed(&error).hint().unwrap();
        assert_eq!(hint, "create it with `aws s3 mb s3://no-such-bucket`, or mend its name");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_denied_names_action_bucket_key_and_permission() {
    let denied = |method| Rule::new(method, "", 99, Fault::S3(403, "AccessDenied"));
    let scene = Scene::new(["PUT", "GET", "HEAD"].map(denied)).await;
    let bucket = &scene.bucket;
    let error = scene.store.put_opts(&path("a"), "x".into(), create()).await.unwrap_err();
    assert!(matches!(error, Error::PermissionDenied { .. }));
    assert_eq!(typed(&error).to_string(), format!("`PutObject` is not allowed on `s3://{bucket}/lake/a`"));
    assert_eq!(typed(&error).hint().unwrap(), format!("grant `s3:PutObject` on `arn:aws:s3:::{bucket}/*`"));
    let error = scene.store.head(&path("a")).await.unwrap_err();
    assert_eq!(typed(&error).code(), "access-denied");
    assert!(typed(&error).hint().unwrap().contains("`s3:ListBucket`"));
    let error = scene.store.list_with_delimiter(None).await.unwrap_err();
    assert_eq!(typed(&error).hint().unwrap(), format!("grant `s3:ListBucket` on `arn:aws:s3:::{bucket}`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_of_another_region_and_bad_credentials_are_told_apart() {
    let scene = Scene::new([Rule::new("GET", "", 99, Fault::S3(301, "PermanentRedirect"))]).await;
    let error = scene.store.get(&path("a")).await.unwrap_err();
    assert_eq!(typed(&error).code(), "wrong-region");
    let text = format!("the bucket `{}` lies in the region `eu-central-1`", scene.bucket);
    assert_eq!(typed(&error).to_string(), text);
    assert_eq!(typed(&error).hint().unwrap(), "set `AWS_REGION=eu-central-1`");
    let scene = Scene::new([Rule::new("GET", "", 99, Fault::S3(403, "InvalidAccessKeyId"))]).await;
    let error = scene.store.get(&path("a")).await.unwrap_err();
    assert_eq!(typed(&error).code(), "no-credentials");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let store = s3_store(options(format!("http://{closed}")), "bucket", "").await;
    let error = store.get(&path("a")).await.unwrap_err();
    assert_eq!(typed(&error).code(), "unreachable");
}
