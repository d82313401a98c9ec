//! A folder of `<table>.jsonl` files, as a database for those who have none.
//!
//! A table's key is `<table>_id`, or `id`, unless the configuration or `schema.json` names another; its types are those of `schema.json`, or
//! inferred from its rows. Everything is read each time, and what has changed is told by the state of the lake.
//!
//! ```json
//! {"return": {"key": ["return_id"], "columns": [{"name": "return_id", "type": "integer", "nullable": false}]}}
//! ```

mod infer;

use super::{
    BadLine, Cursor, LAST_UPDATED, Plan, Request, RowBatch, Snapshot, Source, SourceError, SourceTable, TableOptions,
};
use crate::packet::line::{Members, timestamp_micros, write_value};
use crate::packet::values::write_text;
use crate::packet::{CursorPosition, SourceColumn};
use crate::state::{KeyLayout, hash_line};
use async_trait::async_trait;
use infer::Inference;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use tokio::sync::mpsc::Sender;

/// About how many bytes of lines are sent at a time.
const BATCH_BYTES: usize = 512 * 1024;
/// How many lines that are no rows are sent at a time.
const BAD_LINES_MAX: usize = 1_000;
/// The longest line. Without an end a broken file would take all memory.
const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A folder of tables.
#[derive(Clone, Debug)]
pub struct DirectorySource {
    folder: PathBuf,
    exclude: Vec<String>,
    tables: BTreeMap<String, TableOptions>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TableSchema {
    key: Option<Vec<String>>,
    columns: Option<Vec<SourceColumn>>,
    #[serde(default)]
    references: Vec<String>,
}

impl DirectorySource {
    /// The tables of a folder, but those of `exclude`.
    #[must_use]
    pub fn new(folder: PathBuf, exclude: Vec<String>, tables: BTreeMap<String, TableOptions>) -> Self {
        Self { folder, exclude, tables }
    }

    fn path(&self, table: &str) -> PathBuf {
        self.folder.join(format!("{table}.jsonl"))
    }

    fn names(&self) -> Result<Vec<String>, SourceError> {
        let unreadable = |source| SourceError::Unreadable { path: self.folder.clone(), source };
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.folder).map_err(unreadable)? {
            let name = entry.map_err(unreadable)?.file_name();
            let table = name.to_str().and_then(|name| name.strip_suffix(".jsonl")).filter(|table| !table.is_empty());
            names.extend(table.filter(|table| !self.excludes(table)).map(str::to_owned));
        }
        names.sort_unstable();
        Ok(names)
    }

    fn schemas(&self) -> Result<BTreeMap<String, TableSchema>, SourceError> {
        let path = self.folder.join("schema.json");
        match std::fs::read(&path) {
            Ok(json) => {
                serde_json::from_slice(&json).map_err(|error| SourceError::Schema { path, reason: error.to_string() })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(source) => Err(SourceError::Unreadable { path, source }),
        }
    }

    fn table(&self, name: &str, schema: Option<TableSchema>) -> Result<SourceTable, SourceError> {
        let options = self.tables.get(name);
        if let Some(cursor @ (Cursor::Snapshot | Cursor::LastUpdated { .. })) =
            options.and_then(|options| options.cursor.as_ref())
        {
            let cursor = if *cursor == Cursor::Snapshot { "snapshot" } else { "last_updated" };
            let reason = "a folder has no transactions: it is read as a whole each time".to_owned();
            return Err(SourceError::BadCursor { table: name.to_owned(), cursor, reason });
        }
        let (schema_key, columns, references) =
            schema.map_or((None, None, Vec::new()), |schema| (schema.key, schema.columns, schema.references));
        let given = options.and_then(|options| options.key.clone()).or(schema_key);
        let is_given = given.is_some();
        if let Some(column) = given.as_deref().and_then(crate::text::twice) {
            return Err(SourceError::BadKey { table: name.to_owned(), reason: format!("it names `{column}` twice") });
        }
        let mut key = given.unwrap_or_else(|| vec![format!("{name}_id")]);
        let is_inferred = columns.is_none();
        let mut columns = columns.map_or_else(|| self.infer(name, &key), Ok)?;
        // `returns` may have a `return_id`, or just an `id`.
        let singular = name.strip_suffix('s').unwrap_or(name);
        let others = [format!("{name}_id"), format!("{singular}_id"), "id".to_owned()];
        let other = others.into_iter().find(|other| columns.iter().any(|column| column.name == *other));
        if let (false, Some(other)) = (is_given, other)
            && key != [other.as_str()]
        {
            key = vec![other];
            columns = if is_inferred { self.infer(name, &key)? } else { columns };
        }
        let is_json = |column: &&SourceColumn| {
            key.contains(&column.name) && matches!(column.type_name.as_str(), "json" | "jsonb")
        };
        if let Some(column) = columns.iter().find(is_json) {
            let reason = format!("`{}` is JSON, of which one value has many spellings", column.name);
            return Err(SourceError::BadKey { table: name.to_owned(), reason });
        }
        // A file without rows has no columns yet.
        if let Some(missing) =
            key.iter().find(|column| columns.iter().all(|known| known.name != **column)).filter(|_| !columns.is_empty())
        {
            let columns = crate::text::listed(columns.iter().map(|column| &column.name), "none");
            let (table, reason) =
                (name.to_owned(), format!("there is no column `{missing}`; the columns are {columns}"));
            if is_given {
                return Err(SourceError::BadKey { table, reason });
            }
            let hint = format!(
                "name the columns that tell its rows apart: `[tables.{}] key = [\"...\"]`; {reason}",
                crate::text::toml_key(name)
            );
            return Err(SourceError::NoKey { table, hint });
        }
        Ok(SourceTable { name: name.to_owned(), columns, key, references })
    }

    fn infer(&self, name: &str, key: &[String]) -> Result<Vec<SourceColumn>, SourceError> {
        let (mut rows, mut all) = (Inference::default(), Inference::default());
        let mut lines = Lines::open(&self.path(name))?;
        while let Some((_, line)) = lines.next()? {
            if let Ok(line) = line
                && let Ok(members) = Members::parse(line)
            {
                all.add(&members);
                // What is no row says nothing of columns.
                if key.iter().all(|column| members.get(column).is_some_and(|value| value != "null")) {
                    rows.add(&members);
                }
            }
        }
        // Without any row they tell which key there could be.
        Ok(if rows.is_empty() { all.columns(key) } else { rows.columns(key) })
    }
}

#[async_trait]
impl Source for DirectorySource {
    fn excludes(&self, table: &str) -> bool {
        self.exclude.iter().any(|name| name == table)
    }

    async fn tables(&self) -> Result<Vec<Result<SourceTable, SourceError>>, SourceError> {
        let mut schemas = self.schemas()?;
        let names = self.names()?;
        Ok(names.iter().map(|name| self.table(name, schemas.remove(name))).collect())
    }

    fn keeps_spelling(&self) -> bool {
        true
    }

    async fn snapshot(&self, _: &[String]) -> Result<Box<dyn Snapshot>, SourceError> {
        Ok(Box::new(self.clone()))
    }
}

#[async_trait]
impl Snapshot for DirectorySource {
    async fn plan(
        &mut self,
        table: &SourceTable,
        request: &Request,
        _: &CursorPosition,
        _: bool,
    ) -> Result<Plan, SourceError> {
        let (window, query) = match request {
            Request::Changes | Request::Whole => ("the whole file".to_owned(), String::new()),
            Request::Range { from, to } => {
                if !table.has_column(LAST_UPDATED) {
                    let reason = format!("it has no column `{LAST_UPDATED}`");
                    return Err(SourceError::BadCursor { table: table.name.clone(), cursor: "last_updated", reason });
                }
                let micros = |moment: &chrono::NaiveDateTime| moment.and_utc().timestamp_micros();
                let window = format!("{LAST_UPDATED} in [{from:?}, {to:?})");
                (window, format!("{}..{}", micros(from), micros(to)))
            }
        };
        Ok(Plan { is_ordered: false, cursor: CursorPosition::Full, window, query })
    }

    async fn read(&mut self, table: &SourceTable, plan: &Plan, rows: Sender<RowBatch>) -> Result<(), SourceError> {
        let path = self.path(&table.name);
        let (table, range) = (table.clone(), plan.query.clone());
        let read = tokio::task::spawn_blocking(move || Reader::new(&table, &range).read(&path, &rows)).await;
        read.unwrap_or_else(|error| {
            Err(SourceError::Unreadable { path: self.folder.clone(), source: std::io::Error::other(error) })
        })
    }
}

/// Reads the rows of a file.
struct Reader<'a> {
    table: &'a SourceTable,
    layout: KeyLayout,
    columns: HashMap<&'a str, usize>,
    seen: HashSet<u128>,
    range: Option<std::ops::Range<i64>>,
}

impl<'a> Reader<'a> {
    fn new(table: &'a SourceTable, range: &str) -> Self {
        let layout = table.layout();
        let columns = table.columns.iter().enumerate().map(|(index, column)| (column.name.as_str(), index)).collect();
        let range = range.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
        Self { table, layout, columns, seen: HashSet::new(), range }
    }

    fn read(mut self, path: &Path, rows: &Sender<RowBatch>) -> Result<(), SourceError> {
        let mut lines = Lines::open(path)?;
        let mut batch = RowBatch::default();
        while let Some((number, line)) = lines.next()? {
            let added = line.map_err(str::to_owned).and_then(|line| self.add(line, &mut batch));
            if let Err(reason) = added {
                batch.bad_lines.push(BadLine { file: path.display().to_string(), line: number, reason });
            }
            let is_full = batch.lines.len() >= BATCH_BYTES || batch.bad_lines.len() >= BAD_LINES_MAX;
            if is_full && rows.blocking_send(std::mem::take(&mut batch)).is_err() {
                return Ok(());
            }
        }
        let _ = rows.blocking_send(batch);
        Ok(())
    }

    /// Adds a row in its canonical form: the columns in the order of the table, compact.
    fn add(&mut self, line: &[u8], batch: &mut RowBatch) -> Result<(), String> {
        let members = Members::parse(line).map_err(|reason| match line.starts_with(b"\xef\xbb\xbf") {
            true => "it begins with a byte order mark, which JSON does not have".to_owned(),
            // The parser saw this line alone.
            false => reason.replace(" at line 1 column ", " at column "),
        })?;
        let newest = members.get(LAST_UPDATED).and_then(timestamp_micros);
        if let Some(range) = &self.range
            && !newest.is_some_and(|newest| range.contains(&newest))
        {
            return Ok(());
        }
        let mut values = vec!["null"; self.table.columns.len()];
        for (name, value) in members.iter() {
            match self.columns.get(name) {
                Some(index) => values[*index] = value,
                None => {
                    return Err(format!(
                        "it has a column `{}` that the table does not have",
                        crate::text::shown(name, 80)
                    ));
                }
            }
        }
        let start = batch.lines.len();
        batch.lines.push(b'{');
        for (column, value) in self.table.columns.iter().zip(values) {
            if batch.lines.len() > start + 1 {
                batch.lines.push(b',');
            }
            write_text(column.name.as_bytes(), &mut batch.lines);
            batch.lines.push(b':');
            write_value(value, &mut batch.lines);
        }
        batch.lines.push(b'}');
        let canonical = &batch.lines[start..];
        let keyed = batch.keys.push_with(|bytes| self.layout.encode_line(canonical, bytes));
        let keyed = keyed.map_err(|error| error.to_string()).and_then(|()| {
            let key = batch.keys.last().unwrap_or_default();
            if self.seen.insert(hash_line(key)) {
                return Ok(());
            }
            let key = self.layout.to_json(key);
            batch.keys.pop();
            Err(format!("an earlier line has the same key {key}"))
        });
        if let Err(reason) = keyed {
            batch.lines.truncate(start);
            return Err(reason);
        }
        batch.seal_line();
        batch.newest = batch.newest.max(newest);
        Ok(())
    }
}

/// The lines of a file, with their numbers.
struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    line: Vec<u8>,
    number: u64,
}

impl Lines {
    fn open(path: &Path) -> Result<Self, SourceError> {
        // A pipe would be waited for.
        let is_other = std::fs::metadata(path).is_ok_and(|found| !found.is_file());
        let file = if is_other { Err(std::io::Error::other("it is no file")) } else { File::open(path) };
        let file = file.map_err(|source| SourceError::Unreadable { path: path.to_owned(), source })?;
        Ok(Self {
            path: path.to_owned(),
            reader: BufReader::with_capacity(256 * 1024, file),
            line: Vec::new(),
            number: 0,
        })
    }

    /// The next line that is not blank, or why it can't be used.
    #[expect(clippy::type_complexity, reason = "a number and a line that may be too long")]
    fn next(&mut self) -> Result<Option<(u64, Result<&[u8], &'static str>)>, SourceError> {
        loop {
            self.line.clear();
            let mut is_too_long = false;
            loop {
                let unreadable = |source| SourceError::Unreadable { path: self.path.clone(), source };
                let buffer = self.reader.fill_buf().map_err(unreadable)?;
                let end = memchr::memchr(b'\n', buffer).map(|end| end + 1);
                let taken = end.unwrap_or(buffer.len());
                is_too_long |= self.line.len() + taken > LINE_BYTES_MAX;
                if !is_too_long {
                    self.line.extend_from_slice(&buffer[..taken]);
                }
                let is_end = buffer.is_empty();
                self.reader.consume(taken);
                if is_end && self.line.is_empty() && !is_too_long {
                    return Ok(None);
                }
                if is_end || end.is_some() {
                    break;
                }
            }
            self.number += 1;
            if is_too_long {
                return Ok(Some((self.number, Err("it is longer than 16 MiB"))));
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(Some((self.number, Ok(self.line.trim_ascii()))));
            }
        }
    }
}
