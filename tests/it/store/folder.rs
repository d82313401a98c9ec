//! What only a folder does.

use super::{bytes, path};
use futures_util::TryStreamExt;
use host::store::FolderStore;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload};
use std::time::Duration;

fn files(folder: &std::path::Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<String> = files.collect();
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_grows_unseen_and_a_dropped_one_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path()).unwrap();
    let mut one = store.put_multipart(&path("table/file")).await.unwrap();
    let other = store.put_multipart(&path("table/file")).await.unwrap();
    one.put_part("content".into()).await.unwrap();
    let listed: Vec<ObjectMeta> = store.list(None).try_collect().await.unwrap();
    assert!(listed.is_empty(), "{listed:?}");
    assert_eq!(files(&folder.path().join("table")), ["file#1", "file#2"]);
    drop(other);
    one.complete().await.unwrap();
    assert_eq!(files(&folder.path().join("table")), ["file"]);
    one.abort().await.unwrap();
    assert!(one.complete().await.is_err());
    assert_eq!(files(&folder.path().join("table")), ["file"]);
    let _hashed = store.put_multipart(&path("other/a#tag")).await.unwrap();
    let listed: Vec<ObjectMeta> = store.list(Some(&path("other"))).try_collect().await.unwrap();
    assert!(listed.is_empty(), "{listed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_parts_are_written_back_as_they_come_and_stand_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path()).unwrap();
    let mut upload = store.put_multipart(&path("large")).await.unwrap();
    let parts: Vec<PutPayload> = (0..14).map(|part| bytes(8 << 20, part)).collect();
    // The last handed over is the first written.
    let mut sent: Vec<_> = parts.iter().map(|part| upload.put_part(part.clone())).collect();
    sent.reverse();
    for part in sent {
        part.await.unwrap();
    }
    upload.complete().await.unwrap();
    let whole: Vec<u8> = parts.iter().flatten().flatten().copied().collect();
    assert!(std::fs::read(folder.path().join("large")).unwrap() == whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_left_is_cleared_once_it_is_old() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderStore::open(folder.path()).unwrap();
    store.put(&path("table/kept#tag"), "x".into()).await.unwrap();
    std::fs::write(folder.path().join("table/file#1"), "unfinished").unwrap();
    let begun = store.head(&path("table/kept#tag")).await.unwrap().last_modified;
    assert_eq!(store.abort_stale_uploads(begun - Duration::from_secs(60)).await.unwrap(), 0);
    assert_eq!(store.abort_stale_uploads(begun + Duration::from_secs(60)).await.unwrap(), 1);
    assert_eq!(files(&folder.path().join("table")), ["kept#tag"]);
}
