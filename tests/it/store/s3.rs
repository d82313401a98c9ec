//! What only S3 does.

use super::{create, options, path, s3_store};
use futures_util::TryStreamExt;
use object_store::{Attribute, Attributes, ObjectMeta, ObjectStore, ObjectStoreExt, PutOptions};
use std::time::Duration;
use tests::moto::Moto;

#[tokio::test(flavor = "multi_thread")]
async fn stores_of_one_bucket_see_only_what_is_below_their_prefix() {
    let moto = Moto::shared();
    let bucket = moto.bucket();
    let lake = s3_store(options(moto.url()), &bucket, "lake").await;
    let lakes = s3_store(options(moto.url()), &bucket, "lake2").await;
    let whole = s3_store(options(moto.url()), &bucket, "").await;
    lake.put_opts(&path("a"), "1".into(), create()).await.unwrap();
    lakes.put_opts(&path("a"), "2".into(), create()).await.unwrap();
    // What the console makes for an empty folder, and what no path can name.
    let keys = |found: Vec<ObjectMeta>| found.into_iter().map(|meta| meta.location.to_string()).collect::<Vec<_>>();
    assert_eq!(keys(lake.list(None).try_collect().await.unwrap()), ["a"]);
    assert_eq!(keys(whole.list(None).try_collect().await.unwrap()), ["lake/a", "lake2/a"]);
    assert_eq!(whole.list_with_delimiter(None).await.unwrap().common_prefixes, [path("lake"), path("lake2")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_nobody_ended_is_cleared_once_it_is_old() {
    let moto = Moto::shared();
    let bucket = moto.bucket();
    let store = s3_store(options(moto.url()), &bucket, "lake").await;
    let neighbour = s3_store(options(moto.url()), &bucket, "other").await;
    let mut left = store.put_multipart(&path("table/left")).await.unwrap();
    left.put_part("content".into()).await.unwrap();
    let mut kept = neighbour.put_multipart(&path("table/kept")).await.unwrap();
    kept.put_part("content".into()).await.unwrap();
    store.put(&path("now"), "x".into()).await.unwrap();
    let now = store.head(&path("now")).await.unwrap().last_modified;
    // The stand-in says of every upload that it was begun in 2010.
    let long_ago = Duration::from_secs(40 * 365 * 24 * 3_600);
    assert_eq!(store.abort_stale_uploads(now - long_ago).await.unwrap(), 0);
    assert_eq!(store.abort_stale_uploads(now + Duration::from_secs(60)).await.unwrap(), 1);
    assert!(left.complete().await.is_err());
    left.abort().await.unwrap();
    kept.complete().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn attributes_come_back_without_the_writers_token() {
    let moto = Moto::shared();
    let store = s3_store(options(moto.url()), &moto.bucket(), "lake").await;
    let attributes: Attributes =
        [(Attribute::ContentType, "application/json"), (Attribute::Metadata("plugin".into()), "dim_staff@1")]
            .into_iter()
            .collect();
    let put = PutOptions { attributes: attributes.clone(), ..create() };
    store.put_opts(&path("a"), "{}".into(), put).await.unwrap();
    assert_eq!(store.get(&path("a")).await.unwrap().attributes, attributes);
}
