//! Star tables as Delta Lake tables: what the format promises, and what it does not.

use chrono::DateTime;
use host::columns::{Column, ColumnValues, Rows};
use host::lake::ObjectUpload;
use host::manifest::{ColumnType, Field, StarKind, StarTable};
use host::star::{
    Change, Commit, Metadata, NewTableFile, Operation, StarFile, StarLake, TableFile, TableVersion, in_delta,
};
use host::store::{FolderStore, MemoryStore, Store};
use object_store::path::Path;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Barrier, OnceLock};
use tokio::runtime::Runtime;

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().unwrap())
}

fn lake(store: Arc<dyn Store>) -> StarLake {
    StarLake::new(store, runtime().handle().clone())
}

fn memory() -> StarLake {
    lake(Arc::new(MemoryStore::default()))
}

fn field(name: &str, column_type: ColumnType, nullable: bool) -> Field {
    Field { name: name.to_owned(), column_type, nullable, references: None, comment: Some(format!("the {name}")) }
}

fn table() -> StarTable {
    StarTable {
        name: "orders".to_owned(),
        kind: StarKind::Fact,
        key: vec!["id".to_owned()],
        fields: vec![field("id", ColumnType::Int64, false), field("at", ColumnType::Time, true)],
        comment: None,
    }
}

fn create(lake: &StarLake) -> TableVersion {
    let properties = BTreeMap::from([("delta.feature.domainMetadata".to_owned(), "supported".to_owned())]);
    match lake.create(&in_delta(&table()), &properties).unwrap() {
        Commit::Done(version) => version,
        Commit::Conflict => panic!("nobody else makes the table"),
    }
}

/// A file with the ids of a range, in the store.
fn file(lake: &StarLake, ids: std::ops::Range<i64>) -> NewTableFile {
    let count = ids.clone().count();
    let columns = vec![
        Column { validity: None, values: ColumnValues::Int64(ids.clone().collect()) },
        Column { validity: None, values: ColumnValues::Time(vec![1_000_001; count]) },
    ];
    let rows = Rows { count, columns, lines: None };
    let file = StarFile::of_rows(&in_delta(&table()), &Metadata::default(), &rows).unwrap();
    let path = format!("{:08}-{}.parquet", ids.start, &file.spooled.sha256[..16]);
    let bytes = file.spooled.bytes;
    lake.wait(async {
        let objects = lake.objects();
        let mut upload = ObjectUpload::new(Path::from_iter(["orders", &path]));
        for part in file.spooled.parts().unwrap() {
            upload.add(&objects, part.unwrap(), 0).await.unwrap();
        }
        upload.finish(&objects).await.unwrap();
    });
    NewTableFile { file: TableFile { path, bytes, rows: file.rows }, stats: file.stats }
}

fn change(added: Vec<NewTableFile>, app: &str, version: u64) -> Change {
    Change {
        operation: Operation::Write,
        added,
        removed: BTreeSet::new(),
        progress: BTreeMap::from([(app.to_owned(), version)]),
        packets: BTreeMap::new(),
        made_by: None,
        info: BTreeMap::from([("run".to_owned(), "test".to_owned())]),
        at: DateTime::UNIX_EPOCH,
    }
}

fn commit(lake: &StarLake, base: &TableVersion, change: &Change) -> Option<TableVersion> {
    match lake.commit(base, &in_delta(&table()), change).unwrap() {
        Commit::Done(version) => Some(version),
        Commit::Conflict => None,
    }
}

fn paths(lake: &StarLake, version: &TableVersion) -> Vec<String> {
    lake.files(version).unwrap().into_iter().map(|file| file.path).collect()
}

#[test]
fn a_table_that_nobody_made_is_none() {
    assert!(memory().open("orders").unwrap().is_none());
}

#[test]
fn a_commit_adds_files_removes_others_and_notes_how_far_each_input_has_come() {
    let lake = memory();
    let first = file(&lake, 1..4);
    let version = commit(&lake, &create(&lake), &change(vec![first.clone()], "a", 3)).unwrap();
    assert_eq!(
        (vec![first.file.clone()], Some(3)),
        (lake.files(&version).unwrap(), lake.progress(&version, "a").unwrap())
    );
    assert_eq!(None, lake.progress(&version, "b").unwrap());
    let second = file(&lake, 4..9);
    let replaced = Change {
        removed: BTreeSet::from([first.file.path.clone()]),
        made_by: Some("a plugin".to_owned()),
        ..change(vec![second.clone()], "b", 1)
    };
    commit(&lake, &version, &replaced).unwrap();
    let seen = lake.open("orders").unwrap().unwrap();
    assert_eq!(vec![second.file.path], paths(&lake, &seen));
    assert_eq!((Some(3), Some(1)), (lake.progress(&seen, "a").unwrap(), lake.progress(&seen, "b").unwrap()));
    assert_eq!(Some("a plugin".to_owned()), lake.made_by(&seen).unwrap());
    // The version before is as it was.
    assert_eq!(vec![first.file.path], paths(&lake, &version));
}

#[test]
fn of_two_commits_on_one_version_one_is_told_to_look_again() {
    let lake = memory();
    let base = create(&lake);
    assert!(commit(&lake, &base, &change(vec![file(&lake, 1..2)], "a", 1)).is_some());
    assert!(commit(&lake, &base, &change(vec![file(&lake, 2..3)], "a", 2)).is_none());
    assert!(matches!(lake.create(&in_delta(&table()), &BTreeMap::new()).unwrap(), Commit::Conflict));
}

/// Why a process commits on top of the version at which it has read how far the table is.
#[test]
fn the_format_takes_the_same_or_a_lower_number_of_an_input_without_a_word() {
    let lake = memory();
    let version = commit(&lake, &create(&lake), &change(vec![file(&lake, 1..2)], "a", 5)).unwrap();
    let again = commit(&lake, &version, &change(vec![file(&lake, 2..3)], "a", 5)).unwrap();
    assert_eq!((2, Some(5)), (paths(&lake, &again).len(), lake.progress(&again, "a").unwrap()));
    let lower = commit(&lake, &again, &change(vec![file(&lake, 3..4)], "a", 2)).unwrap();
    assert_eq!((3, Some(2)), (paths(&lake, &lower).len(), lake.progress(&lower, "a").unwrap()));
}

#[test]
fn a_table_is_the_same_after_checkpoints_of_its_log() {
    for store in [Arc::new(MemoryStore::default()) as Arc<dyn Store>, {
        let folder = tempfile::tempdir().unwrap().keep();
        Arc::new(FolderStore::open(&folder).unwrap())
    }] {
        let lake = lake(store);
        let mut version = create(&lake);
        for number in 1..=45 {
            version =
                commit(&lake, &version, &change(vec![file(&lake, number..number + 1)], "a", number as u64)).unwrap();
        }
        let log = lake.wait(async {
            use futures_util::TryStreamExt;
            let listed = lake.store().list(Some(&Path::from("orders/_delta_log")));
            listed.map_ok(|object| object.location.to_string()).try_collect::<Vec<_>>().await.unwrap()
        });
        assert_eq!(2, log.iter().filter(|key| key.ends_with(".checkpoint.parquet")).count(), "{log:?}");
        let seen = lake.open("orders").unwrap().unwrap();
        assert_eq!((45, 45, Some(45)), (seen.version(), paths(&lake, &seen).len(), lake.progress(&seen, "a").unwrap()));
    }
}

#[test]
fn of_many_committers_each_adds_its_file_once() {
    const COMMITTERS: i64 = 8;
    let lake = memory();
    create(&lake);
    let barrier = Barrier::new(COMMITTERS as usize);
    std::thread::scope(|scope| {
        for committer in 0..COMMITTERS {
            let (lake, barrier) = (&lake, &barrier);
            scope.spawn(move || {
                barrier.wait();
                for number in 0..5 {
                    let id = committer * 100 + number;
                    let added = file(lake, id..id + 1);
                    // On a conflict the newest version is looked at again.
                    while commit(
                        lake,
                        &lake.open("orders").unwrap().unwrap(),
                        &change(vec![added.clone()], &committer.to_string(), number as u64 + 1),
                    )
                    .is_none()
                    {}
                }
            });
        }
    });
    let version = lake.open("orders").unwrap().unwrap();
    assert_eq!((40, 40), (version.version(), paths(&lake, &version).len()));
    for committer in 0..COMMITTERS {
        assert_eq!(Some(5), lake.progress(&version, &committer.to_string()).unwrap());
    }
}

#[test]
fn columns_that_take_nulls_are_added_and_others_are_refused_with_both_schemas() {
    let lake = memory();
    let version = create(&lake);
    let mut wider = table();
    wider.fields.push(field("note", ColumnType::Utf8, true));
    let Commit::Done(version) = lake.commit(&version, &in_delta(&wider), &change(Vec::new(), "a", 1)).unwrap() else {
        panic!("nobody else commits");
    };
    for (changed, message) in [
        (field("id", ColumnType::Int32, false), "the column `id` is long, and would be integer"),
        (field("more", ColumnType::Int32, false), "the column `more` is new and takes no nulls"),
    ] {
        let mut refused = wider.clone();
        refused.fields.retain(|field| field.name != changed.name);
        refused.fields.push(changed);
        let error = lake.commit(&version, &in_delta(&refused), &change(Vec::new(), "a", 2)).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
    let error = lake.commit(&version, &in_delta(&table()), &change(Vec::new(), "a", 2)).unwrap_err();
    assert!(error.to_string().contains("the column `note` is gone"), "{error}");
}
