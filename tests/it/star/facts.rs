//! A fact table without plugins: packets of rows, committed as a process commits them.

use chrono::{DateTime, Utc};
use host::columns::{Column, ColumnValues, Rows};
use host::compact::{CompactOptions, CompactReport, JoinLimits, Parts, compact};
use host::error::Explain;
use host::lake::LakeError;
use host::manifest::{ColumnType, Field, StarKind, StarTable};
use host::star::{
    Change, Commit, Metadata, NewTableFile, Operation, SpooledFile, StarError, StarFile, StarLake, TableError,
    TableFile,
};
use host::store::FolderStore;
use object_store::path::Path;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub(super) const TABLE: &str = "fact_order";

/// A star lake with the table `fact_order`: an id, a note that is the id as text, and, in later versions, a colour.
pub(super) struct Facts {
    folder: TempDir,
    _runtime: Runtime,
    pub(super) star: StarLake,
}

/// What can go wrong in a test's own writes.
#[derive(Debug)]
pub(super) struct Failed;

impl From<LakeError> for Failed {
    fn from(error: LakeError) -> Self {
        panic!("{error}")
    }
}

impl From<StarError> for Failed {
    fn from(error: StarError) -> Self {
        panic!("{error}")
    }
}

impl From<TableError> for Failed {
    fn from(error: TableError) -> Self {
        panic!("{error}")
    }
}

#[expect(clippy::disallowed_methods, reason = "a test gets the time here")]
pub(super) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// The table; with the column `colour` if it `is_later`.
pub(super) fn table(is_later: bool) -> StarTable {
    let field = |name: &str, column_type, nullable| Field {
        name: name.to_owned(),
        column_type,
        nullable,
        references: None,
        comment: None,
    };
    let mut fields = vec![field("id", ColumnType::Int64, false), field("note", ColumnType::Utf8, true)];
    if is_later {
        fields.push(field("colour", ColumnType::Int32, true));
    }
    StarTable { name: TABLE.to_owned(), kind: StarKind::Fact, key: vec!["id".to_owned()], fields, comment: None }
}

/// Rows with these ids; those of even ids have no note.
pub(super) fn rows(ids: Range<i64>, is_later: bool) -> Rows {
    let (mut offsets, mut bytes) = (vec![0], Vec::new());
    let mut validity = vec![0_u8; (ids.end - ids.start).unsigned_abs().div_ceil(8) as usize];
    for (index, id) in ids.clone().enumerate() {
        if id % 2 == 1 {
            validity[index / 8] |= 1 << (index % 8);
            bytes.extend_from_slice(id.to_string().as_bytes());
        }
        offsets.push(bytes.len() as i32);
    }
    let column = |values| Column { validity: None, values };
    let notes = Column { validity: Some(validity), values: ColumnValues::Utf8 { offsets, bytes } };
    let mut columns = vec![column(ColumnValues::Int64(ids.clone().collect())), notes];
    if is_later {
        columns.push(column(ColumnValues::Int32(ids.clone().map(|id| id as i32 % 7).collect())));
    }
    Rows { count: (ids.end - ids.start) as usize, columns, lines: None }
}

/// What a file says of where its rows come from.
pub(super) fn metadata(input: &str, version: &str) -> Metadata {
    Metadata::default().with("star:input", input).with("star:plugin", "fact_order").with("star:plugin-version", version)
}

/// A packet of five rows as a file, by `version` of the plugin.
pub(super) fn packet(sequence: u64, version: &str, is_later: bool) -> (String, SpooledFile) {
    let first = sequence as i64 * 5;
    let metadata = metadata(&format!("orders/{sequence:08}"), version);
    let file = StarFile::of_rows(&table(is_later), &metadata, &rows(first..first + 5, is_later)).unwrap();
    (format!("{sequence:08}-{}.parquet", &file.spooled.sha256[..16]), file)
}

impl Facts {
    /// The table without rows.
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("raw")).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let store = FolderStore::open(&folder.path().join("star")).unwrap();
        let star = StarLake::new(Arc::new(store), runtime.handle().clone());
        let properties = BTreeMap::from([("star.kind".to_owned(), "fact".to_owned())]);
        assert!(matches!(star.create(&table(false), &properties).unwrap(), Commit::Done(_)));
        Self { folder, _runtime: runtime, star }
    }

    /// The table with the packets 1 to `count`.
    pub(super) fn with_packets(count: u64) -> Self {
        let facts = Self::new();
        (1..=count).for_each(|sequence| add(&facts.star, packet(sequence, "1.0.0", false), false));
        facts
    }

    /// A place in the folder of the table.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("star").join(TABLE).join(name)
    }

    /// The folder with `raw`, which is empty, and `star`.
    pub(super) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub(super) fn files(&self) -> Vec<TableFile> {
        self.star.files(&self.star.open(TABLE).unwrap().unwrap()).unwrap()
    }

    /// The names of the files, without the digits of their SHA-256.
    pub(super) fn spans(&self) -> Vec<String> {
        let name = |file: TableFile| file.path.rsplit_once('-').unwrap().0.to_owned();
        self.files().into_iter().map(name).collect()
    }

    /// The ids, notes and colours of all rows, file by file.
    pub(super) fn rows(&self) -> Vec<(i64, Option<String>, Option<i32>)> {
        let mut all = Vec::new();
        for file in self.files() {
            let stored = self.star.wait(self.star.stored_file(TABLE, &file)).unwrap();
            let mut take = |rows: Rows| {
                all.extend(cells(&rows));
                Ok(())
            };
            stored.read::<Failed>(&self.star, &table(true), &mut take).unwrap();
        }
        all
    }

    /// Joins with limits that the small packets of a test reach.
    pub(super) fn compact(&self, rows_max: u64) -> CompactReport {
        let parts = Parts { star: self.star.clone(), clock: Arc::new(now), run: "test".to_owned() };
        self.compact_with(&parts, rows_max)
    }

    pub(super) fn compact_with(&self, parts: &Parts, rows_max: u64) -> CompactReport {
        let limits = JoinLimits { rows_max, ..JoinLimits::default() };
        compact(parts, &CompactOptions { tables: Vec::new(), limits }, &|_| {}).unwrap()
    }

    /// Joins, and expects that it goes well.
    pub(super) fn compacted(&self, rows_max: u64) -> (u64, u64) {
        let mut report = self.compact(rows_max);
        let table = report.tables.remove(0);
        assert!(table.result.is_ok(), "{:?}", table.result.map_err(|error| (error.code(), error.hint())));
        (table.joined, table.written)
    }
}

/// Stores a file and adds it to the table.
pub(super) fn add(star: &StarLake, (path, file): (String, SpooledFile), is_later: bool) {
    let SpooledFile { spooled, rows, stats } = file;
    let file = TableFile { path, bytes: spooled.bytes, rows };
    let key = Path::from_iter([TABLE, file.path.as_str()]);
    star.wait(star.store_spooled::<Failed>(&key, spooled, now())).unwrap();
    let change = Change {
        operation: Operation::Write,
        added: vec![NewTableFile { file, stats }],
        removed: BTreeSet::new(),
        progress: BTreeMap::new(),
        packets: BTreeMap::new(),
        made_by: None,
        info: BTreeMap::new(),
        at: now(),
    };
    let version = star.open(TABLE).unwrap().unwrap();
    assert!(matches!(star.commit(&version, &table(is_later), &change).unwrap(), Commit::Done(_)));
}

fn cells(rows: &Rows) -> Vec<(i64, Option<String>, Option<i32>)> {
    let [id, note, colour] = &rows.columns[..] else { panic!("three columns") };
    let (ColumnValues::Int64(ids), ColumnValues::Utf8 { offsets, bytes }, ColumnValues::Int32(colours)) =
        (&id.values, &note.values, &colour.values)
    else {
        panic!("columns of other types")
    };
    let text =
        |row: usize| String::from_utf8(bytes[offsets[row] as usize..offsets[row + 1] as usize].to_vec()).unwrap();
    let cell =
        |row: usize| (ids[row], note.is_valid(row).then(|| text(row)), colour.is_valid(row).then(|| colours[row]));
    (0..rows.count).map(cell).collect()
}
