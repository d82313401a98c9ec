//! What every store promises, whatever it is made of.

use super::{bytes, create, options, path, s3_store};
use futures_util::{StreamExt, TryStreamExt};
use host::store::{FolderStore, MemoryStore};
use object_store::path::Path;
use object_store::{
    Error, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
    UpdateVersion,
};
use std::sync::Arc;
use tempfile::TempDir;
use tests::moto::Moto;
use tokio::task::JoinSet;

/// What S3 takes as a part that isn't the last.
const PART_BYTES: usize = 5 << 20;

/// Tests each promise on each store.
macro_rules! each_store_keeps {
    ($($promise:ident),* $(,)?) => {
        mod folder {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                let (store, _folder) = super::folder_store();
                super::$promise(store).await;
            })*
        }
        mod memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                super::$promise(super::Arc::new(super::MemoryStore::new())).await;
            })*
        }
        mod s3 {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                let moto = super::Moto::shared();
                let store = super::s3_store(super::options(moto.url()), &moto.bucket(), "lake/raw").await;
                super::$promise(super::Arc::new(store)).await;
            })*
        }
    };
}

each_store_keeps!(
    what_was_put_is_got,
    ranges_are_parts_of_the_object,
    conditions_of_reads_hold,
    an_empty_object_is_an_object,
    what_is_not_there_is_not_found,
    a_key_is_created_once,
    an_update_needs_the_current_e_tag,
    of_concurrent_creates_one_wins,
    of_concurrent_updates_one_wins,
    parts_make_one_object,
    an_upload_without_parts_makes_an_empty_object,
    an_upload_never_overwrites,
    of_concurrent_uploads_one_wins,
    an_upload_that_lacks_a_part_does_not_complete,
    an_aborted_upload_leaves_nothing,
    lists_are_in_the_order_of_keys,
    a_list_of_many_keys_is_whole,
    a_folder_lists_what_lies_directly_in_it,
    keys_may_have_any_letters,
    what_is_deleted_is_gone,
    a_copy_is_equal,
);

fn folder_store() -> (Arc<dyn ObjectStore>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Arc::new(FolderStore::open(folder.path()).unwrap()), folder)
}

type Store = Arc<dyn ObjectStore>;

async fn read(store: &Store, location: &Path) -> Vec<u8> {
    store.get(location).await.unwrap().bytes().await.unwrap().to_vec()
}

async fn listed(store: &Store, prefix: Option<&Path>) -> Vec<String> {
    let found: Vec<ObjectMeta> = store.list(prefix).try_collect().await.unwrap();
    found.into_iter().map(|meta| meta.location.to_string()).collect()
}

fn update(e_tag: Option<String>) -> PutOptions {
    PutMode::Update(UpdateVersion { e_tag, version: None }).into()
}

async fn what_was_put_is_got(store: Store) {
    let location = path("table/packets/00000001.packet.json");
    let put = store.put(&location, "first".into()).await.unwrap();
    let got = store.get(&location).await.unwrap();
    assert_eq!(got.meta.location, location);
    assert_eq!(got.meta.size, 5);
    assert_eq!(got.meta.e_tag, put.e_tag);
    assert_eq!(got.range, 0..5);
    assert_eq!(got.bytes().await.unwrap(), "first");
    let head = store.head(&location).await.unwrap();
    assert_eq!((head.size, head.e_tag.clone()), (5, put.e_tag));
    assert!(head.e_tag.is_some());

    store.put(&location, "the second".into()).await.unwrap();
    assert_eq!(read(&store, &location).await, b"the second");
    // Content in several pieces is one object.
    let pieces: PutPayload = ["a", "bc", "", "def"].map(bytes::Bytes::from).into_iter().collect();
    store.put(&location, pieces).await.unwrap();
    assert_eq!(read(&store, &location).await, b"abcdef");
}

async fn ranges_are_parts_of_the_object(store: Store) {
    let location = path("ranges");
    let content = bytes(1_000, 7);
    let whole: Vec<u8> = content.iter().flatten().copied().collect();
    store.put(&location, content).await.unwrap();
    for (range, expected) in [
        (GetRange::Bounded(0..1), 0..1),
        (GetRange::Bounded(10..990), 10..990),
        (GetRange::Bounded(990..2_000), 990..1_000),
        (GetRange::Offset(995), 995..1_000),
        (GetRange::Suffix(3), 997..1_000),
        (GetRange::Suffix(5_000), 0..1_000),
    ] {
        let got = store.get_opts(&location, GetOptions { range: Some(range.clone()), ..GetOptions::default() }).await;
        let got = got.unwrap();
        assert_eq!(got.range, expected, "{range:?}");
        assert_eq!(got.meta.size, 1_000);
        let expected = &whole[usize::try_from(expected.start).unwrap()..usize::try_from(expected.end).unwrap()];
        assert_eq!(got.bytes().await.unwrap(), expected, "{range:?}");
    }
    assert_eq!(store.get_range(&location, 3..7).await.unwrap(), &whole[3..7]);
    let several = store.get_ranges(&location, &[0..2, 500..501, 998..1_000]).await.unwrap();
    assert_eq!(several, [&whole[0..2], &whole[500..501], &whole[998..1_000]]);
    let outside = GetOptions { range: Some(GetRange::Offset(1_000)), ..GetOptions::default() };
    assert!(store.get_opts(&location, outside).await.is_err());
}

async fn conditions_of_reads_hold(store: Store) {
    let location = path("conditions");
    let e_tag = store.put(&location, "content".into()).await.unwrap().e_tag;
    let get = |options: GetOptions| {
        let (store, location) = (store.clone(), location.clone());
        async move { store.get_opts(&location, options).await.map(|_| ()) }
    };
    for head in [false, true] {
        let matching = GetOptions { if_match: e_tag.clone(), head, ..GetOptions::default() };
        get(matching).await.unwrap();
        let other = GetOptions { if_match: Some("\"other\"".to_owned()), head, ..GetOptions::default() };
        assert!(matches!(get(other).await, Err(Error::Precondition { .. })));
        let unchanged = GetOptions { if_none_match: e_tag.clone(), head, ..GetOptions::default() };
        assert!(matches!(get(unchanged).await, Err(Error::NotModified { .. })));
        let changed = GetOptions { if_none_match: Some("\"other\"".to_owned()), head, ..GetOptions::default() };
        get(changed).await.unwrap();
    }
}

async fn an_empty_object_is_an_object(store: Store) {
    let location = path("empty");
    store.put_opts(&location, PutPayload::new(), create()).await.unwrap();
    assert_eq!(store.head(&location).await.unwrap().size, 0);
    assert_eq!(read(&store, &location).await, b"");
    assert_eq!(listed(&store, None).await, ["empty"]);
    let last = GetOptions { range: Some(GetRange::Suffix(8)), ..GetOptions::default() };
    assert_eq!(store.get_opts(&location, last).await.unwrap().bytes().await.unwrap(), "");
}

async fn what_is_not_there_is_not_found(store: Store) {
    let location = path("nothing/here");
    assert!(matches!(store.get(&location).await, Err(Error::NotFound { .. })));
    assert!(matches!(store.head(&location).await, Err(Error::NotFound { .. })));
    assert!(matches!(store.get_range(&location, 0..1).await, Err(Error::NotFound { .. })));
    assert_eq!(listed(&store, Some(&path("nothing"))).await, [""; 0]);
    let found = store.list_with_delimiter(Some(&path("nothing"))).await.unwrap();
    assert_eq!((found.objects.len(), found.common_prefixes.len()), (0, 0));
}

async fn a_key_is_created_once(store: Store) {
    let location = path("table/once");
    let first = store.put_opts(&location, "first".into(), create()).await.unwrap();
    let second = store.put_opts(&location, "second".into(), create()).await;
    assert!(matches!(second, Err(Error::AlreadyExists { .. })), "{second:?}");
    // Nor if it is the same.
    let same = store.put_opts(&location, "first".into(), create()).await;
    assert!(matches!(same, Err(Error::AlreadyExists { .. })), "{same:?}");
    assert_eq!(read(&store, &location).await, b"first");
    assert_eq!(store.head(&location).await.unwrap().e_tag, first.e_tag);
    assert_eq!(listed(&store, None).await, ["table/once"]);
}

async fn an_update_needs_the_current_e_tag(store: Store) {
    let location = path("cursor");
    let absent = store.put_opts(&location, "new".into(), update(Some("\"none\"".to_owned()))).await;
    assert!(matches!(absent, Err(Error::Precondition { .. })), "{absent:?}");
    let one = store.put_opts(&location, "one".into(), create()).await.unwrap();
    let two = store.put_opts(&location, "the two".into(), update(one.e_tag.clone())).await.unwrap();
    let late = store.put_opts(&location, "late".into(), update(one.e_tag)).await;
    assert!(matches!(late, Err(Error::Precondition { .. })), "{late:?}");
    assert_eq!(read(&store, &location).await, b"the two");
    store.put_opts(&location, "and three".into(), update(two.e_tag)).await.unwrap();
    assert_eq!(read(&store, &location).await, b"and three");
}

/// Writes 16 contents at once; the winner's number and what the others were told.
async fn race(store: &Store, location: &Path, options: PutOptions) -> (usize, Vec<Error>) {
    let mut writers = JoinSet::new();
    for writer in 0..16 {
        let (store, location, options) = (store.clone(), location.clone(), options.clone());
        writers.spawn(async move { (writer, store.put_opts(&location, content(writer), options).await) });
    }
    let (mut winners, mut losers) = (vec![], vec![]);
    for (writer, written) in writers.join_all().await {
        match written {
            Ok(_) => winners.push(writer),
            Err(error) => losers.push(error),
        }
    }
    assert_eq!(winners.len(), 1, "{losers:?}");
    (winners[0], losers)
}

/// What a writer writes. Each has another length.
fn content(writer: usize) -> PutPayload {
    "x".repeat(100 + writer).into()
}

async fn of_concurrent_creates_one_wins(store: Store) {
    for round in 0..50 {
        let location = path(&format!("race/{round}"));
        let (winner, losers) = race(&store, &location, create()).await;
        assert!(losers.iter().all(|error| matches!(error, Error::AlreadyExists { .. })), "{losers:?}");
        assert_eq!(store.head(&location).await.unwrap().size, 100 + winner as u64);
    }
    assert_eq!(listed(&store, None).await.len(), 50);
}

async fn of_concurrent_updates_one_wins(store: Store) {
    let location = path("cursor");
    let mut e_tag = store.put(&location, "start".into()).await.unwrap().e_tag;
    for _ in 0..20 {
        let (winner, losers) = race(&store, &location, update(e_tag)).await;
        assert!(losers.iter().all(|error| matches!(error, Error::Precondition { .. })), "{losers:?}");
        let meta = store.head(&location).await.unwrap();
        assert_eq!(meta.size, 100 + winner as u64);
        e_tag = meta.e_tag;
        // The next round's contents differ from this one's, as they do in life.
        e_tag = store.put_opts(&location, "between".into(), update(e_tag)).await.unwrap().e_tag;
    }
}

/// Uploads parts of which several are under way at once.
async fn upload(store: &Store, location: &Path, parts: Vec<PutPayload>) -> object_store::Result<Option<String>> {
    let mut upload = store.put_multipart(location).await?;
    let sent: Vec<_> = parts.into_iter().map(|part| upload.put_part(part)).collect();
    futures_util::future::try_join_all(sent).await?;
    upload.complete().await.map(|done| done.e_tag)
}

async fn parts_make_one_object(store: Store) {
    let location = path("table/2024/01/02/large.jsonl");
    let parts: Vec<PutPayload> = (0..3).map(|part| bytes(PART_BYTES, part)).chain([bytes(1_234, 9)]).collect();
    let whole: Vec<u8> = parts.iter().flatten().flatten().copied().collect();
    let e_tag = upload(&store, &location, parts).await.unwrap();
    let meta = store.head(&location).await.unwrap();
    assert_eq!((meta.size, meta.e_tag), (whole.len() as u64, e_tag));
    assert!(read(&store, &location).await == whole);
    let middle = store.get_range(&location, PART_BYTES as u64 - 2..PART_BYTES as u64 + 2).await.unwrap();
    assert_eq!(middle, &whole[PART_BYTES - 2..PART_BYTES + 2]);
}

async fn an_upload_without_parts_makes_an_empty_object(store: Store) {
    let location = path("empty");
    upload(&store, &location, vec![]).await.unwrap();
    assert_eq!(read(&store, &location).await, b"");
}

async fn an_upload_never_overwrites(store: Store) {
    let location = path("table/taken");
    let mut begun_before = store.put_multipart(&location).await.unwrap();
    begun_before.put_part("late".into()).await.unwrap();
    store.put_opts(&location, "first".into(), create()).await.unwrap();
    let late = begun_before.complete().await;
    assert!(matches!(late, Err(Error::AlreadyExists { .. })), "{late:?}");
    let second = upload(&store, &location, vec!["second".into()]).await;
    assert!(matches!(second, Err(Error::AlreadyExists { .. })), "{second:?}");
    assert_eq!(read(&store, &location).await, b"first");
    assert_eq!(listed(&store, None).await, ["table/taken"]);
}

async fn of_concurrent_uploads_one_wins(store: Store) {
    let location = path("race");
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let (store, location) = (store.clone(), location.clone());
        writers.spawn(async move { (writer, upload(&store, &location, vec![content(writer)]).await) });
    }
    let done = writers.join_all().await;
    let (won, lost): (Vec<_>, Vec<_>) = done.into_iter().partition(|(_, done)| done.is_ok());
    assert_eq!(won.len(), 1);
    assert!(lost.iter().all(|(_, error)| matches!(error, Err(Error::AlreadyExists { .. }))), "{lost:?}");
    assert_eq!(store.head(&location).await.unwrap().size, 100 + won[0].0 as u64);
}

async fn an_upload_that_lacks_a_part_does_not_complete(store: Store) {
    if store.to_string() == "memory" {
        // There a part is written when it is handed over.
        return;
    }
    let location = path("table/gap");
    let mut begun = store.put_multipart(&location).await.unwrap();
    begun.put_part(bytes(PART_BYTES, 1)).await.unwrap();
    drop(begun.put_part("never sent".into()));
    assert!(begun.complete().await.is_err());
    begun.abort().await.unwrap();
    assert_eq!(listed(&store, None).await, [""; 0]);
}

async fn an_aborted_upload_leaves_nothing(store: Store) {
    let location = path("table/aborted");
    let mut begun = store.put_multipart(&location).await.unwrap();
    begun.put_part(bytes(PART_BYTES, 1)).await.unwrap();
    assert_eq!(listed(&store, None).await, [""; 0]);
    begun.abort().await.unwrap();
    assert_eq!(listed(&store, None).await, [""; 0]);
    assert!(matches!(store.head(&location).await, Err(Error::NotFound { .. })));
}

async fn lists_are_in_the_order_of_keys(store: Store) {
    // A slash comes after a hyphen and a dot, and before digits and letters.
    let keys = ["a-b/1", "a.b", "a/1", "a/10", "a/2/x", "a/2/y", "a/3", "a0", "ab/1", "b", "ä/1"];
    for key in keys.iter().rev() {
        store.put(&path(key), (*key).into()).await.unwrap();
    }
    assert_eq!(listed(&store, None).await, keys);
    assert_eq!(listed(&store, Some(&path("a"))).await, ["a/1", "a/10", "a/2/x", "a/2/y", "a/3"]);
    for offset in ["a-b", "a-b/1", "a/10", "a/2", "a/2/x", "a/2/z", "a/4", "aa", "b", "zz"] {
        let found: Vec<ObjectMeta> = store.list_with_offset(None, &path(offset)).try_collect().await.unwrap();
        let found: Vec<_> = found.iter().map(|meta| meta.location.as_ref()).collect();
        let expected: Vec<_> = keys.iter().copied().filter(|key| *key > offset).collect();
        assert_eq!(found, expected, "after {offset}");
    }
    let within: Vec<ObjectMeta> = store.list_with_offset(Some(&path("a")), &path("a/2/x")).try_collect().await.unwrap();
    let within: Vec<_> = within.iter().map(|meta| meta.location.as_ref()).collect();
    assert_eq!(within, ["a/2/y", "a/3"]);
}

async fn a_list_of_many_keys_is_whole(store: Store) {
    const COUNT: usize = 1_100;
    let keys: Vec<String> = (0..COUNT).map(|index| format!("many/{index:08}")).collect();
    let puts = keys.iter().map(|key| {
        let (store, key) = (store.clone(), path(key));
        async move { store.put(&key, "x".into()).await.map(|_| ()) }
    });
    let puts: Vec<_> = puts.collect();
    futures_util::stream::iter(puts).buffer_unordered(32).try_collect::<()>().await.unwrap();
    store.put(&path("other"), "x".into()).await.unwrap();
    assert_eq!(listed(&store, Some(&path("many"))).await, keys);
    let offset = path("many/00000041");
    let after: Vec<ObjectMeta> = store.list_with_offset(Some(&path("many")), &offset).try_collect().await.unwrap();
    assert_eq!(after.len(), COUNT - 42);
    assert_eq!(after[0].location.as_ref(), "many/00000042");
    assert_eq!(store.list_with_delimiter(Some(&path("many"))).await.unwrap().objects.len(), COUNT);
    let locations = store.list(Some(&path("many"))).map_ok(|meta| meta.location).boxed();
    assert_eq!(store.delete_stream(locations).try_collect::<Vec<_>>().await.unwrap().len(), COUNT);
    assert_eq!(listed(&store, None).await, ["other"]);
}

async fn a_folder_lists_what_lies_directly_in_it(store: Store) {
    for key in ["a/1", "a/2", "a/b/1", "a/c/1/2", "ab/1", "top"] {
        store.put(&path(key), "x".into()).await.unwrap();
    }
    let found = store.list_with_delimiter(Some(&path("a"))).await.unwrap();
    assert_eq!(found.objects.iter().map(|meta| meta.location.as_ref()).collect::<Vec<_>>(), ["a/1", "a/2"]);
    assert_eq!(found.common_prefixes, [path("a/b"), path("a/c")]);
    let found = store.list_with_delimiter(None).await.unwrap();
    assert_eq!(found.objects.iter().map(|meta| meta.location.as_ref()).collect::<Vec<_>>(), ["top"]);
    assert_eq!(found.common_prefixes, [path("a"), path("ab")]);
}

async fn keys_may_have_any_letters(store: Store) {
    let mut keys = [
        "a b/c d.txt",
        "50%",
        "50%25 off",
        "größe/日本語.json",
        "plus+and&=?.txt",
        "quote's \"double\".txt",
        "<tag>",
        "back\\slash",
        "~tilde",
        "semi;colon:and,comma",
        "hash#tag",
        "year=2024/month=01/x",
    ];
    keys.sort_unstable();
    for key in keys {
        store.put_opts(&path(key), key.to_owned().into(), create()).await.unwrap();
    }
    assert_eq!(listed(&store, None).await, keys);
    for key in keys {
        assert_eq!(read(&store, &path(key)).await, key.as_bytes());
        assert_eq!(store.head(&path(key)).await.unwrap().location, path(key));
        let copy = path(&format!("copies/{key}"));
        store.copy(&path(key), &copy).await.unwrap();
        assert_eq!(read(&store, &copy).await, key.as_bytes());
    }
    for key in keys {
        store.delete(&path(key)).await.unwrap();
    }
    assert_eq!(listed(&store, None).await.len(), keys.len());
}

async fn what_is_deleted_is_gone(store: Store) {
    for key in ["a", "b", "c"] {
        store.put(&path(key), "x".into()).await.unwrap();
    }
    store.delete(&path("a")).await.unwrap();
    assert!(matches!(store.get(&path("a")).await, Err(Error::NotFound { .. })));
    let gone = store.delete_stream(futures_util::stream::iter(["b", "c"].map(|key| Ok(path(key)))).boxed());
    assert_eq!(gone.try_collect::<Vec<_>>().await.unwrap(), [path("b"), path("c")]);
    assert_eq!(listed(&store, None).await, [""; 0]);
    // The key is free again.
    store.put_opts(&path("a"), "again".into(), create()).await.unwrap();
    // Whether a missing key can be deleted, stores differ in; it is no other error.
    let missing = store.delete(&path("missing")).await;
    assert!(matches!(missing, Ok(()) | Err(Error::NotFound { .. })), "{missing:?}");
}

async fn a_copy_is_equal(store: Store) {
    store.put(&path("from"), "content".into()).await.unwrap();
    store.copy(&path("from"), &path("to")).await.unwrap();
    assert_eq!(read(&store, &path("to")).await, b"content");
    store.put(&path("from"), "other".into()).await.unwrap();
    let taken = store.copy_if_not_exists(&path("from"), &path("to")).await;
    assert!(matches!(taken, Err(Error::AlreadyExists { .. })), "{taken:?}");
    assert_eq!(read(&store, &path("to")).await, b"content");
    store.rename(&path("from"), &path("moved")).await.unwrap();
    assert_eq!(listed(&store, None).await, ["moved", "to"]);
    assert!(matches!(store.copy(&path("missing"), &path("x")).await, Err(Error::NotFound { .. })));
}
